/* SPDX-License-Identifier: MPL-2.0
 *
 * From a datagram to what is to be done. Whatever is no valid command is dropped and counted, and
 * never answered; so is what one host says beyond its budget, which harms no other host.
 */
#include <stdio.h>
#include <string.h>

#include "gateways/ipmsg/ipmsg_internal.h"
#include "gateways/ipmsg/ipmsg_list.h"
#include "gateways/ipmsg/ipmsg_name.h"
#include "rt/log.h"

static void drop(struct ipmsg_gateway *gateway)
{
    metrics_add(actor_metrics(gateway->actor), METRIC_PROTOCOL_ERRORS, 1);
}

/* --- Presence. */

static bool is_announcement(uint32_t mode)
{
    return mode == IPMSG_BR_ENTRY || mode == IPMSG_ANSENTRY || mode == IPMSG_BR_ABSENCE;
}

static void learn(struct ipmsg_peer *peer, const struct ipmsg_packet *packet)
{
    struct ipmsg_identity about;
    memset(&about, 0, sizeof(about)); /* the gaps too: it is compared as a whole */
    if (ipmsg_entry_read(packet, peer->gateway->charset, &about) != ERR_OK)
        return;
    if (peer->is_introduced && memcmp(&about, &peer->about, sizeof(about)) == 0)
        return;
    memcpy(&peer->about, &about, sizeof(about));
    peer->is_introduced = peer->has_news = true;
}

void ipmsg_about_restore(struct ipmsg_peer *peer, const INTERNAL(LanPeer) * row)
{
    struct ipmsg_identity *about = &peer->about;
    size_t size = row->version_token.len;
    if (size >= sizeof(about->version))
        size = sizeof(about->version) - 1;
    if (size)
        memcpy(about->version, row->version_token.data, size);
    about->is_iptux = strncmp(about->version, "1_iptux", 7) == 0;
    about->capabilities = (uint32_t)row->capabilities;
    about->charset = peer->gateway->charset;
    (void)ipmsg_charset_parse((const char *)row->charset.data, row->charset.len, &about->charset);
}

/* Some programs answer from anywhere, but listen on their port only. */
static struct lan_path path_of(const struct ipmsg_peer *peer, const struct lan_path *path)
{
    struct lan_path answer = *path;
    if (peer->about.is_iptux)
        answer.remote.port = LAN_PORT;
    return answer;
}

static void announced(struct ipmsg_peer *peer, const struct lan_path *path,
                      const struct ipmsg_packet *packet)
{
    bool is_entry = IPMSG_MODE(packet->command) == IPMSG_BR_ENTRY;
    learn(peer, packet);
    struct lan_path answer = path_of(peer, path);
    if (is_entry)
        ipmsg_peer_owe(peer);
    ipmsg_peer_heard(peer, &answer, is_entry);
    if (is_entry)
        ipmsg_tell(peer->gateway, peer->id, ROOST__INTERNAL__LAN_HEARING__LAN_ENTRY,
                   packet->number);
}

/* --- What was said to the broker. */

static void message(struct ipmsg_peer *peer, const struct lan_path *path, const void *bytes,
                    size_t size, const struct ipmsg_packet *packet)
{
    if (ipmsg_peer_is_ready(peer) && !peer->held)
        ipmsg_in_message(peer, path, bytes, size, packet);
    else if (!ipmsg_peer_hold(peer, path, bytes, size))
        metrics_add(actor_metrics(peer->gateway->actor), METRIC_DROPPED, 1);
}

void ipmsg_hear_again(struct ipmsg_peer *peer, const struct lan_path *path, const void *bytes,
                      size_t size)
{
    struct ipmsg_packet packet;
    if (ipmsg_packet_parse(bytes, size, &packet) == ERR_OK)
        ipmsg_in_message(peer, path, bytes, size, &packet);
}

static bool comes_from(const struct ipmsg_peer *peer, const struct lan_path *path)
{
    return peer->path.remote.ip == path->remote.ip;
}

/* The body as a number; 0: it is none. */
static uint32_t value_of(const struct ipmsg_packet *packet)
{
    uint32_t value = 0;
    return ipmsg_number_parse(packet->body, packet->body_size, &value) ? value : 0;
}

/* Confirmations count from where the message went to only; forged, late and double ones do not. */
static void confirmed(struct ipmsg_peer *peer, const struct lan_path *path,
                      const struct ipmsg_packet *packet)
{
    bool is_ours = comes_from(peer, path) && ipmsg_mail_confirm(peer, value_of(packet));
    if (!is_ours)
        drop(peer->gateway);
}

static void opened(struct ipmsg_peer *peer, const struct lan_path *path,
                   const struct ipmsg_packet *packet)
{
    char number[16];
    uint32_t value = value_of(packet);
    if (value == 0 || !comes_from(peer, path)) {
        drop(peer->gateway);
        return;
    }
    (void)ipmsg_mail_confirm(peer, value); /* who has read it has it */
    if (!ipmsg_mail_opened(peer, value))
        drop(peer->gateway);
    if (packet->command & IPMSG_READCHECK) {
        (void)snprintf(number, sizeof(number), "%u", packet->number); /* always fits */
        ipmsg_say_words(peer->gateway, path, IPMSG_ANSREADMSG, number);
    }
}

/* --- Questions anybody may ask. */

static bool ask(struct ipmsg_gateway *gateway, const struct lan_path *path,
                const struct ipmsg_packet *packet)
{
    uint32_t start;
    switch (IPMSG_MODE(packet->command)) {
    case IPMSG_BR_ISGETLIST:
    case IPMSG_BR_ISGETLIST2:
        ipmsg_say_words(gateway, path, IPMSG_OKGETLIST, "");
        return true;
    case IPMSG_GETLIST:
        if (!ipmsg_list_read_start(packet->body, packet->body_size, &start))
            return false;
        ipmsg_say_hosts(gateway, path, start);
        return true;
    case IPMSG_GETINFO:
        ipmsg_say_words(gateway, path, IPMSG_SENDINFO, "roost, a message broker");
        return true;
    case IPMSG_GETABSENCEINFO:
        ipmsg_say_words(gateway, path, IPMSG_SENDABSENCEINFO, "Not absence mode");
        return true;
    default:
        return false;
    }
}

/* --- One datagram. */

static void from_peer(struct ipmsg_peer *peer, const struct lan_path *path, const void *bytes,
                      size_t size, const struct ipmsg_packet *packet)
{
    switch (IPMSG_MODE(packet->command)) {
    case IPMSG_SENDMSG:
        message(peer, path, bytes, size, packet);
        break;
    case IPMSG_RECVMSG:
        confirmed(peer, path, packet);
        break;
    case IPMSG_READMSG:
        opened(peer, path, packet);
        break;
    case IPMSG_DELMSG: /* deleted unread: it had it */
        if (comes_from(peer, path))
            (void)ipmsg_mail_confirm(peer, value_of(packet));
        break;
    default:
        if (!ask(peer->gateway, path, packet))
            drop(peer->gateway);
        break;
    }
}

void ipmsg_hear(void *context, const struct lan_path *path, const void *bytes, size_t size)
{
    struct ipmsg_gateway *gateway = context;
    struct ipmsg_packet packet;
    char name[WIRE_NAME_BYTES_MAX + 1];
    size_t name_size;
    struct metrics *metrics = actor_metrics(gateway->actor);
    metrics_add(metrics, METRIC_FRAMES_IN, 1);
    metrics_add(metrics, METRIC_BYTES_IN, (int64_t)size);
    if (!ipmsg_limits_take(&gateway->limits, &path->remote.ip, sizeof(path->remote.ip),
                           actor_mono(gateway->actor).ns / 1000000)) {
        metrics_add(metrics, METRIC_DROPPED, 1);
        return;
    }
    if (ipmsg_packet_parse(bytes, size, &packet) != ERR_OK || packet.is_number_large ||
        ipmsg_name_of(&packet, gateway->charset, name, &name_size) != ERR_OK) {
        drop(gateway);
        return;
    }
    uint32_t mode = IPMSG_MODE(packet.command);
    if (mode != IPMSG_BR_EXIT)
        ipmsg_call_heard(gateway, path);
    bool is_making = is_announcement(mode) || mode == IPMSG_SENDMSG;
    struct ipmsg_peer *peer = is_making ? ipmsg_peer_make(gateway, name, name_size)
                                        : ipmsg_peer_find(gateway, name, name_size);
    if (!peer) {
        if (!ask(gateway, path, &packet))
            drop(gateway);
        return;
    }
    if (is_announcement(mode)) {
        announced(peer, path, &packet);
        return;
    }
    if (mode == IPMSG_BR_EXIT) {
        ipmsg_peer_left(peer);
        return;
    }
    from_peer(peer, path, bytes, size, &packet);
    bool is_life = peer->is_present || peer->session || mode == IPMSG_SENDMSG;
    if (is_life) {
        struct lan_path answer = path_of(peer, path);
        ipmsg_peer_heard(peer, &answer, false);
    }
}
