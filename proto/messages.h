/* SPDX-License-Identifier: MPL-2.0
 *
 * The messages between actors: their kinds and the table the runtime needs (rt/actor.h).
 *
 * Owns: enum msg_kind and message_types[], both made from proto/messages.def, where each message
 * is one row MESSAGE(NAME, Type, type, receivers) with Type the message of
 * proto/internal/actors.proto. Promises: MSG_<NAME> is the index of its row; a handler of kind
 * MSG_<NAME> gets a body of C type Roost__Internal__<Type>. Leaves to others: what the messages
 * mean (the comments of actors.proto).
 */
#ifndef PROTO_MESSAGES_H
#define PROTO_MESSAGES_H

#include "actors.pb-c.h"
#include "proto/bytes.h"
#include "rt/actor.h"

enum msg_kind {
    MSG_NONE = 0, /* never sent */
#define MESSAGE(NAME, Type, type, receivers) MSG_##NAME,
#include "proto/messages.def"
#undef MESSAGE
    MSG_COUNT
};

_Static_assert(MSG_COUNT <= ACTOR_KINDS_MAX, "on[] of an actor class has room for every kind");

/* Indexed by enum msg_kind, MSG_COUNT rows; row 0 is empty. */
extern const struct msg_type message_types[];

/* "PEER_SEEN"; "?" beyond the table. */
const char *message_name(unsigned kind);

/* Short names: INTERNAL(PeerSeen) is the type Roost__Internal__PeerSeen. */
#define INTERNAL(Type) Roost__Internal__##Type

#endif
