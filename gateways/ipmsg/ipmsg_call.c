/* SPDX-License-Identifier: MPL-2.0
 *
 * Calling on addresses where somebody was once: BR_ENTRY to an address, and the first thing that is
 * heard from there afterwards is the answer. discovery decides whom to call on and how long to wait;
 * here is only known which addresses were called on and not heard since.
 *
 * Somebody heard there a moment ago is not asked again. An address with a peer to whom a packet is on its way is left alone: an entry makes some programs
 * forget which packets they saw.
 */
#include "gateways/ipmsg/ipmsg_internal.h"

#define JUST_HEARD_MS 1000

static uint64_t key_of(struct lan_address address)
{
    return (uint64_t)address.ip << 16 | address.port;
}

static struct ipmsg_peer *peer_at(struct ipmsg_gateway *gateway, struct lan_address address)
{
    struct u64map_cursor cursor = {0};
    struct ipmsg_peer *found = NULL;
    while (u64map_next(&gateway->peers, &cursor)) {
        struct ipmsg_peer *peer = (struct ipmsg_peer *)(uintptr_t)cursor.value;
        bool is_there =
            peer->path.remote.ip == address.ip && peer->path.remote.port == address.port;
        if (is_there && !ipmsg_may_be_asked(peer))
            return peer;
        if (is_there)
            found = peer;
    }
    return found;
}

/* It has answered already: our announcement, say. */
static bool was_just_heard(const struct ipmsg_peer *peer)
{
    struct mono_time now = actor_mono(peer->gateway->actor);
    return peer->is_present && mono_elapsed_ms(peer->heard_at, now) < JUST_HEARD_MS;
}

void ipmsg_call_on(struct ipmsg_gateway *gateway, const INTERNAL(LanSay) * say)
{
    struct lan_address address = {.ip = say->ip, .port = (uint16_t)say->port};
    const struct ipmsg_peer *peer = peer_at(gateway, address);
    struct lan_path path;
    bool is_way = !lan_net_is_own(gateway->net, address) &&
                  (!say->is_near_only || lan_net_is_near(gateway->net, address)) &&
                  lan_net_path_to(gateway->net, address, &path);
    if (is_way && peer && was_just_heard(peer)) {
        ipmsg_tell(gateway, say->peer, ROOST__INTERNAL__LAN_HEARING__LAN_ANSWERED, 0);
        return;
    }
    if (!is_way || (peer && !ipmsg_may_be_asked(peer)) ||
        u64map_put(&gateway->called, key_of(address), say->peer) != ERR_OK) {
        ipmsg_tell(gateway, say->peer, ROOST__INTERNAL__LAN_HEARING__LAN_UNASKED, 0);
        return;
    }
    ipmsg_say_entry(gateway, peer ? &peer->path : &path, IPMSG_BR_ENTRY);
}

/* Most answer from where they listen, some from anywhere. */
void ipmsg_call_heard(struct ipmsg_gateway *gateway, const struct lan_path *path)
{
    struct lan_address address = path->remote;
    uint64_t tag;
    if (u64map_count(&gateway->called) == 0)
        return;
    bool is_called = u64map_remove(&gateway->called, key_of(address), &tag);
    address.port = LAN_PORT;
    if (is_called || u64map_remove(&gateway->called, key_of(address), &tag))
        ipmsg_tell(gateway, tag, ROOST__INTERNAL__LAN_HEARING__LAN_ANSWERED, 0);
}
