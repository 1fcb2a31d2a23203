/* SPDX-License-Identifier: MPL-2.0
 *
 * Datagrams in the making. What cannot be sent now is not sent: whatever matters is sent again by
 * whoever had it sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/ipmsg/ipmsg_internal.h"
#include "gateways/ipmsg/ipmsg_list.h"
#include "rt/log.h"

#define CAPABILITIES   IPMSG_CAPUTF8
#define HOST_BYTES_MAX (4u * 4u * IPMSG_NAME_BYTES_MAX) /* four names, whatever the charset */

/* --- Sending. */

static bool pack(struct ipmsg_gateway *gateway, uint32_t number, uint32_t command, const void *body,
                 size_t size)
{
    const struct ipmsg_said said = {.number = number,
                                    .command = command,
                                    .user = gateway->options->user,
                                    .host = gateway->host,
                                    .body = body,
                                    .body_size = size};
    buf_clear(&gateway->datagram);
    enum err err = ipmsg_packet_format(&said, &gateway->datagram);
    if (err)
        log_warn("datagram-too-large", LOG_U64("size", size));
    return !err;
}

static void count_out(struct ipmsg_gateway *gateway, enum err err)
{
    struct metrics *metrics = actor_metrics(gateway->actor);
    metrics_add(metrics, err ? METRIC_DROPPED : METRIC_FRAMES_OUT, 1);
    if (!err)
        metrics_add(metrics, METRIC_BYTES_OUT, (int64_t)buf_size(&gateway->datagram));
}

static void send_on(struct ipmsg_gateway *gateway, const struct lan_path *path)
{
    count_out(gateway, lan_net_send(gateway->net, path, buf_data(&gateway->datagram),
                                    buf_size(&gateway->datagram)));
}

/* --- Presence. */

static bool pack_entry(struct ipmsg_gateway *gateway, uint32_t mode)
{
    const struct ipmsg_gateway_options *options = gateway->options;
    const struct ipmsg_own own = {.user = options->user,
                                  .host = gateway->host,
                                  .nickname = options->nickname,
                                  .group = options->group};
    buf_clear(&gateway->scratch);
    return ipmsg_entry_write(&own, gateway->charset, &gateway->scratch) == ERR_OK &&
           pack(gateway, ipmsg_any_number(gateway), mode | CAPABILITIES,
                buf_data(&gateway->scratch), buf_size(&gateway->scratch));
}

void ipmsg_say_entry(struct ipmsg_gateway *gateway, const struct lan_path *path, uint32_t mode)
{
    if (pack_entry(gateway, mode))
        send_on(gateway, path);
}

void ipmsg_say_to_all(struct ipmsg_gateway *gateway, uint32_t mode)
{
    if (pack_entry(gateway, mode))
        (void)lan_net_announce(gateway->net, buf_data(&gateway->datagram),
                               buf_size(&gateway->datagram)); /* maybe there is nobody */
}

/* Somebody at this address who is there, or to whom a packet is on its way. */
static bool is_to_be_left_alone(struct ipmsg_gateway *gateway, struct lan_address address,
                                bool is_silent_only)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&gateway->peers, &cursor)) {
        const struct ipmsg_peer *peer = (const struct ipmsg_peer *)(uintptr_t)cursor.value;
        bool is_there =
            peer->path.remote.ip == address.ip && peer->path.remote.port == address.port;
        if (is_there && (!ipmsg_may_be_asked(peer) || (is_silent_only && peer->is_present)))
            return true;
    }
    return false;
}

void ipmsg_say_seeds(struct ipmsg_gateway *gateway, uint32_t mode, bool is_silent_only)
{
    const struct ipmsg_gateway_options *options = gateway->options;
    struct lan_path path;
    for (size_t i = 0; i < options->seed_count; i++) {
        struct lan_address address;
        if (lan_address_parse(options->seeds[i], &address) == ERR_OK &&
            lan_net_path_to(gateway->net, address, &path) &&
            !lan_net_is_own(gateway->net, address) &&
            !is_to_be_left_alone(gateway, address, is_silent_only))
            ipmsg_say_entry(gateway, &path, mode);
    }
}

/* --- Words. */

void ipmsg_say_words(struct ipmsg_gateway *gateway, const struct lan_path *path, uint32_t command,
                     const char *words)
{
    if (pack(gateway, ipmsg_any_number(gateway), command, words, strlen(words)))
        send_on(gateway, path);
}

void ipmsg_say_confirm(struct ipmsg_gateway *gateway, const struct lan_path *path,
                       uint32_t packet_no)
{
    char number[16];
    (void)snprintf(number, sizeof(number), "%u", packet_no); /* always fits */
    ipmsg_say_words(gateway, path, IPMSG_RECVMSG, number);
}

void ipmsg_say_read(struct ipmsg_peer *peer, uint32_t packet_no)
{
    char number[16];
    (void)snprintf(number, sizeof(number), "%u", packet_no); /* always fits */
    ipmsg_say_words(peer->gateway, &peer->path, IPMSG_READMSG, number);
}

static enum ipmsg_charset charset_of(const struct ipmsg_peer *peer)
{
    if (peer->about.capabilities & IPMSG_CAPUTF8)
        return IPMSG_CHARSET_UTF8;
    return peer->is_introduced || peer->about.version[0] ? peer->about.charset
                                                         : peer->gateway->charset;
}

static uint32_t text_options(const struct ipmsg_peer *peer)
{
    return peer->about.capabilities & IPMSG_CAPUTF8 ? IPMSG_UTF8 : 0;
}

void ipmsg_say_notice(struct ipmsg_peer *peer, uint32_t packet_no, const char *words, size_t size)
{
    struct ipmsg_gateway *gateway = peer->gateway;
    uint32_t command = IPMSG_SENDMSG | IPMSG_AUTORET | text_options(peer);
    struct buf *body = &gateway->scratch;
    buf_clear(body);
    if (ipmsg_encode_text(charset_of(peer), (const uint8_t *)words, size, body, NULL) == ERR_OK &&
        pack(gateway, packet_no, command, buf_data(body), buf_size(body)))
        send_on(gateway, &peer->path);
}

void ipmsg_say_message(struct ipmsg_peer *peer, uint32_t packet_no, uint32_t options,
                       const uint8_t *text, size_t size)
{
    if (pack(peer->gateway, packet_no, IPMSG_SENDMSG | IPMSG_SENDCHECK | options, text, size))
        send_on(peer->gateway, &peer->path);
}

/* --- The host list of old servers. */

/* In the charset of the place, as the packet says nothing of its own. */
static struct ipmsg_bytes put_name(struct buf *names, enum ipmsg_charset charset, const char *name)
{
    size_t begin = buf_size(names);
    if (ipmsg_encode_text(charset, (const uint8_t *)name, strlen(name), names, NULL) != ERR_OK)
        return (struct ipmsg_bytes){NULL, 0};
    return (struct ipmsg_bytes){buf_data(names) + begin, buf_size(names) - begin};
}

static enum err put_host(struct ipmsg_list_page *page, struct buf *names,
                         const struct ipmsg_peer *peer)
{
    enum ipmsg_charset charset = peer->gateway->charset;
    const struct ipmsg_identity *about = &peer->about;
    char address[LAN_ADDRESS_TEXT_MAX];
    buf_clear(names);
    uint8_t *space;
    enum err err = buf_reserve(names, HOST_BYTES_MAX, &space); /* so that nothing moves below */
    if (err)
        return err;
    lan_address_format(peer->path.remote, address);
    const struct ipmsg_host host = {
        .user = put_name(names, charset, about->user),
        .host = put_name(names, charset, about->host),
        .nickname = put_name(names, charset, about->nickname),
        .group = put_name(names, charset, about->group),
        .address = {(const uint8_t *)address, strcspn(address, ":")},
        .status = IPMSG_BR_ENTRY | (about->capabilities & IPMSG_CAPUTF8),
        .port = peer->path.remote.port,
    };
    return ipmsg_list_add(page, &host);
}

void ipmsg_say_hosts(struct ipmsg_gateway *gateway, const struct lan_path *path, uint32_t start)
{
    struct u64map_cursor cursor = {0};
    struct ipmsg_list_page page;
    uint32_t index = 0, next = 0;
    buf_clear(&gateway->text);
    enum err err = ipmsg_list_begin(&page, &gateway->text, IPMSG_PART_BYTES);
    while (!err && !next && u64map_next(&gateway->peers, &cursor)) {
        const struct ipmsg_peer *peer = (const struct ipmsg_peer *)(uintptr_t)cursor.value;
        if (!peer->is_present || !peer->is_introduced || index++ < start)
            continue;
        if (put_host(&page, &gateway->scratch, peer) != ERR_OK)
            next = index - 1; /* it begins the next page */
    }
    if (!err)
        err = ipmsg_list_end(&page, next);
    if (!err && pack(gateway, ipmsg_any_number(gateway), IPMSG_ANSLIST, buf_data(&gateway->text),
                     buf_size(&gateway->text)))
        send_on(gateway, path);
}

/* --- Texts. */

enum ipmsg_charset ipmsg_charset_of(const struct ipmsg_peer *peer,
                                    const struct ipmsg_packet *packet)
{
    if (packet->command & IPMSG_UTF8)
        return IPMSG_CHARSET_UTF8;
    return peer->is_introduced ? peer->about.charset : peer->gateway->charset;
}

struct ipmsg_text ipmsg_decode(struct ipmsg_peer *peer, const struct ipmsg_packet *packet)
{
    struct ipmsg_gateway *gateway = peer->gateway;
    enum ipmsg_charset charset = ipmsg_charset_of(peer, packet);
    buf_clear(&gateway->text);
    if (ipmsg_decode_text(charset, packet->body, packet->body_size, &gateway->text, NULL) != ERR_OK)
        log_warn("text-cut", LOG_U64("size", packet->body_size));
    return (struct ipmsg_text){buf_data(&gateway->text), buf_size(&gateway->text)};
}

static bool is_shown(const Roost__V1__Delivery *message)
{
    switch ((int)message->kind) {
    case ROOST__V1__KIND__SYSTEM:
    case ROOST__V1__KIND__EDIT:
    case ROOST__V1__KIND__DELETE:
    case ROOST__V1__KIND__REACTION:
    case ROOST__V1__KIND__RECEIPT_KIND:
        return false; /* this protocol has no words for them */
    default:
        return true;
    }
}

/* Was it sealed when it came? */
static bool is_sealed(const Roost__V1__Delivery *message)
{
    for (size_t i = 0; i < message->n_headers; i++) {
        const Roost__V1__Header *header = message->headers[i];
        char value[16] = "";
        bool is_flags = header->name.len == 11 &&
                        memcmp(header->name.data, "ipmsg.flags", 11) == 0 &&
                        header->value.len < sizeof(value);
        if (!is_flags || header->value.len == 0)
            continue;
        memcpy(value, header->value.data, header->value.len);
        return (strtoul(value, NULL, 0) & IPMSG_SECRET) != 0;
    }
    return false;
}

/* A text of this protocol ends with its first NUL: none may be in it. */
static enum err put_body(struct buf *text, const uint8_t *bytes, size_t size)
{
    enum err err = ERR_OK;
    while (size > 0 && !err) {
        size_t length = strnlen((const char *)bytes, size);
        err = ipmsg_decode_text(IPMSG_CHARSET_UTF8, bytes, length, text, NULL);
        if (!err && length < size)
            err = buf_append_text(text, "\xef\xbf\xbd");
        length = length < size ? length + 1 : size;
        bytes += length;
        size -= length;
    }
    return err;
}

/* UTF-8 in pieces that fit a packet, each in the charset of the peer. */
static enum err split(struct ipmsg_mail *mail, enum ipmsg_charset charset, const uint8_t *bytes,
                      size_t size)
{
    enum err err = ERR_OK;
    buf_clear(&mail->body);
    mail->part_count = 0;
    do {
        size_t part = ipmsg_cut_text(IPMSG_CHARSET_UTF8, bytes, size, IPMSG_PART_BYTES);
        size_t *ends = realloc(mail->part_ends, (mail->part_count + 1) * sizeof(*ends));
        if (!ends)
            return ERR_BUSY;
        mail->part_ends = ends;
        err = ipmsg_encode_text(charset, bytes, part, &mail->body, NULL);
        ends[mail->part_count++] = buf_size(&mail->body);
        bytes += part;
        size -= part;
    } while (size > 0 && !err);
    return err;
}

bool ipmsg_text_of(struct ipmsg_peer *peer, const Roost__V1__Delivery *message)
{
    struct ipmsg_gateway *gateway = peer->gateway;
    struct ipmsg_mail *mail = &peer->mail;
    struct buf *text = &gateway->text;
    buf_clear(text);
    if (!is_shown(message))
        return false;
    mail->options = text_options(peer) | (is_sealed(message) ? IPMSG_SECRET | IPMSG_READCHECK : 0);
    enum err err = buf_append(text, message->sender.data, message->sender.len);
    if (!err)
        err = buf_append_text(text, ": ");
    if (!err)
        err = put_body(text, message->body.data, message->body.len);
    if (!err)
        err = split(mail, charset_of(peer), buf_data(text), buf_size(text));
    if (err)
        log_error("message-not-shown", LOG_U64("seq", message->seq), LOG_ERROR(err));
    return !err;
}
