/* SPDX-License-Identifier: MPL-2.0
 *
 * Who is who: the addresses of the actors, in start order (stop is the reverse).
 */
#ifndef PROTO_ACTOR_IDS_H
#define PROTO_ACTOR_IDS_H

enum actor_id {
    ACTOR_SUPERVISOR = 0, /* the main thread: no mailbox */
    ACTOR_PERSISTENCE = 1,
    ACTOR_HISTORY = 2,
    ACTOR_SYNC_MANAGER = 3,
    ACTOR_PEER_REGISTRY = 4,
    ACTOR_AUTH_1 = 5, /* two workers, so that one long hash does not hold up everybody */
    ACTOR_AUTH_2 = 6,
    ACTOR_ACCOUNTS = 7,
    ACTOR_ZMQ_GATEWAY = 8,
    ACTOR_TCP_GATEWAY = 9,
    ACTOR_DISCOVERY = 10,
    ACTOR_IPMSG_GATEWAY = 11,
    ACTOR_HTTP_GATEWAY = 12,
    ACTOR_KEYRING = 13,
    ACTOR_COUNT
};

#endif
