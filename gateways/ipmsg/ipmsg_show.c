/* SPDX-License-Identifier: MPL-2.0
 *
 * What the local network looks like from here, for people who want to see it: at which addresses it
 * is listened, which seeds there are, who was heard when and from where. Answered at once, from what
 * the gateway has in mind anyway; those heard of last come first.
 */
#include <stdlib.h>
#include <string.h>

#include "gateways/ipmsg/ipmsg_internal.h"
#include "gateways/ipmsg/lan_interfaces.h"
#include "rt/check.h"

#define PEERS_MAX 500u

/* The answer in the making; views into the gateway. */
struct shown {
    INTERNAL(LanShown) body;
    INTERNAL(LanInterface) interfaces[LAN_INTERFACES_KEPT];
    INTERNAL(LanInterface) * interface_pointers[LAN_INTERFACES_KEPT];
    char addresses[LAN_INTERFACES_KEPT][2][LAN_ADDRESS_TEXT_MAX];
    INTERNAL(LanSeen) peers[PEERS_MAX];
    INTERNAL(LanSeen) * peer_pointers[PEERS_MAX];
    char peer_addresses[PEERS_MAX][2][LAN_ADDRESS_TEXT_MAX];
};

/* Without the port. */
static char *format_ip(uint32_t ip, char *text)
{
    lan_address_format((struct lan_address){.ip = ip}, text);
    char *colon = strchr(text, ':');
    if (colon)
        *colon = '\0';
    return text;
}

static void show_interfaces(const struct ipmsg_gateway *gateway, struct shown *shown)
{
    struct lan_interface list[LAN_INTERFACES_KEPT];
    size_t count = gateway->net ? lan_net_interfaces(gateway->net, list, LAN_INTERFACES_KEPT) : 0;
    for (size_t i = 0; i < count; i++) {
        INTERNAL(LanInterface) *interface = &shown->interfaces[i];
        roost__internal__lan_interface__init(interface);
        interface->address = format_ip(list[i].ip, shown->addresses[i][0]);
        if (list[i].broadcast)
            interface->broadcast = format_ip(list[i].broadcast, shown->addresses[i][1]);
        shown->interface_pointers[i] = interface;
    }
    shown->body.interfaces = shown->interface_pointers;
    shown->body.n_interfaces = count;
}

static int by_time(const void *a, const void *b)
{
    const struct ipmsg_peer *left = *(struct ipmsg_peer *const *)a;
    const struct ipmsg_peer *right = *(struct ipmsg_peer *const *)b;
    return left->heard_at.ns > right->heard_at.ns ? -1 : left->heard_at.ns < right->heard_at.ns;
}

static void show_peer(const struct ipmsg_gateway *gateway, const struct ipmsg_peer *peer,
                      struct shown *shown, size_t place)
{
    INTERNAL(LanSeen) *seen = &shown->peers[place];
    char(*texts)[LAN_ADDRESS_TEXT_MAX] = shown->peer_addresses[place];
    roost__internal__lan_seen__init(seen);
    seen->peer = bytes_of(peer->name, peer->name_size);
    seen->nickname = bytes_of(peer->about.nickname, strlen(peer->about.nickname));
    seen->group = bytes_of(peer->about.group, strlen(peer->about.group));
    seen->version = bytes_of(peer->about.version, strlen(peer->about.version));
    seen->is_present = peer->is_present;
    if (peer->path.remote.ip) {
        lan_address_format(peer->path.remote, texts[0]);
        seen->address = texts[0];
        seen->interface = format_ip(peer->path.local.ip, texts[1]);
    }
    if (peer->heard_at.ns)
        seen->heard_ms = (uint64_t)(actor_wall(gateway->actor).ms -
                                    mono_elapsed_ms(peer->heard_at, actor_mono(gateway->actor)));
    shown->peer_pointers[place] = seen;
}

static void show_peers(const struct ipmsg_gateway *gateway, uint32_t limit, struct shown *shown)
{
    size_t count = u64map_count(&gateway->peers), used = 0;
    struct ipmsg_peer **peers = calloc(count + 1, sizeof(struct ipmsg_peer *));
    struct u64map_cursor cursor = {0};
    while (peers && u64map_next(&gateway->peers, &cursor))
        peers[used++] = (struct ipmsg_peer *)(uintptr_t)cursor.value;
    if (peers)
        qsort(peers, used, sizeof(struct ipmsg_peer *), by_time);
    if (limit == 0 || limit > PEERS_MAX)
        limit = PEERS_MAX;
    for (size_t i = 0; i < used && i < limit; i++)
        show_peer(gateway, peers[i], shown, i);
    shown->body.peers = shown->peer_pointers;
    shown->body.n_peers = used < limit ? used : limit;
    shown->body.peer_count = (uint32_t)count;
    free(peers);
}

enum err ipmsg_on_show(struct actor *actor, void *state, const struct msg *msg)
{
    const struct ipmsg_gateway *gateway = state;
    const struct ipmsg_gateway_options *options = gateway->options;
    struct shown *shown = calloc(1, sizeof(*shown));
    INTERNAL(LanShown) empty = ROOST__INTERNAL__LAN_SHOWN__INIT;
    if (!shown) {
        actor_reply(actor, msg, MSG_LAN_SHOWN, &empty.base, NULL);
        return ERR_OK;
    }
    roost__internal__lan_shown__init(&shown->body);
    show_interfaces(gateway, shown);
    show_peers(gateway, MSG_BODY(msg, INTERNAL(LanShow))->limit, shown);
    shown->body.seeds = (char **)(uintptr_t)options->seeds; /* only read */
    shown->body.n_seeds = options->seed_count;
    shown->body.own_name = bytes_of(gateway->own_name, gateway->own_name_size);
    actor_reply(actor, msg, MSG_LAN_SHOWN, &shown->body.base, NULL);
    free(shown);
    return ERR_OK;
}
