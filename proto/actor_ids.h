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
    ACTOR_ZMQ_GATEWAY = 5,
    ACTOR_COUNT
};

#endif
