/* SPDX-License-Identifier: MPL-2.0
 *
 * The ipmsg-gateway: programs of the local network (IP Messenger, iptux, FeiQ), unchanged, on what is
 * stored.
 *
 * To them the broker is one more program on UDP 2425. What they say to it is on disk before it is
 * confirmed; what others write to them waits until they confirm it. Who they are nobody proves:
 * each is the peer "lan:USER@HOST", unverified, whatever address it comes from.
 *
 * Leaves to others: whom to answer and to ask (the discovery actor), who is online (peer-registry),
 * what is due (sync-manager).
 */
#ifndef GATEWAYS_IPMSG_IPMSG_GATEWAY_H
#define GATEWAYS_IPMSG_IPMSG_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"
#include "rt/actor.h"

struct ipmsg_gateway_options {
    const char *const *listen; /* ipmsg.listen; none: off */
    size_t listen_count;
    const char *const *seeds; /* ipmsg.seeds */
    size_t seed_count;
    bool is_broadcast;    /* ipmsg.broadcast */
    unsigned charset;     /* ipmsg.charset: 0 UTF-8, 1 GB18030, 2 CP932 */
    const char *user;     /* ipmsg.user */
    const char *nickname; /* ipmsg.nickname */
    const char *group;    /* ipmsg.group */
    uint32_t peers_max;   /* ipmsg.peers_max */
    uint32_t seen_ms;     /* how often the registry is told who was heard */
    int64_t absent_ms;    /* who is silent for so long is not written to until it is heard again */
    struct wire_limits limits;
};

extern const struct actor_class ipmsg_gateway_actor; /* args: struct ipmsg_gateway_options */

#endif
