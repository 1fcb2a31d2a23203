/* SPDX-License-Identifier: MPL-2.0
 *
 * The public protocol, version 1 (docs/PROTOCOL.md): bytes in, checked structs out, and back.
 *
 * Owns: the 4-byte head, which type may go which way, and the validation of every field. What
 * wire_parse returns is safe to use: behind it, code asserts and does not check again.
 *
 * Promises
 *   - A frame is scanned before anything is allocated (proto/wire_scan.c): counts, depth, sizes
 *     and UTF-8 of all strings; then it is unpacked into the caller's arena, which bounds what it
 *     may cost. Nothing is ever freed field by field: the arena is reset as a whole.
 *   - A refusal names the field in words that hold nothing of the frame (reader->problem).
 *   - In a SEND an entry that is bad by itself does not refuse the frame: entries are checked one
 *     by one with wire_check_entry by whoever stores them, so that each gets its own answer.
 *   - After wire_parse the scope of every entry of a SEND is filled in: an empty one has become
 *     that of the entry before (sharing its bytes).
 * Leaves to others: sockets, sessions, order of messages, rights.
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "broker.pb-c.h"
#include "proto/limits.h"
#include "rt/arena.h"
#include "rt/err.h"

#define WIRE_HEAD_BYTES 4
#define WIRE_VERSION    1

enum wire_direction {
    WIRE_TO_BROKER,
    WIRE_TO_CLIENT, /* fewer checks: a client trusts its broker, and may be older than it */
};

/* What an operator may change; told to clients in WELCOME. */
struct wire_limits {
    uint32_t frame_bytes_max; /* WIRE_FRAME_BYTES_MIN .. WIRE_FRAME_BYTES_CAP */
    uint32_t body_bytes_max;  /* <= WIRE_BODY_BYTES_CAP, and frame_bytes_max must hold it */
    uint32_t entries_max;     /* 1 .. WIRE_ENTRIES_MAX */
};

extern const struct wire_limits wire_limits_default;

/* The limits of a broker whose largest message body is configured: the frame is at least the
 * default, and always holds one such body with everything around it. */
struct wire_limits wire_limits_for_body(uint32_t body_bytes_max);

/* A checked message; everything in it lives in the reader's arena until that is reset. */
struct wire_message {
    Roost__V1__Type type;
    union { /* the member named like the type */
        ProtobufCMessage *base;
        Roost__V1__Hello *hello;
        Roost__V1__Welcome *welcome;
        Roost__V1__NoSession *no_session;
        Roost__V1__Ping *ping;
        Roost__V1__Pong *pong;
        Roost__V1__Goodbye *goodbye;
        Roost__V1__Error *error;
        Roost__V1__Send *send;
        Roost__V1__Stored *stored;
        Roost__V1__Attach *attach;
        Roost__V1__Attached *attached;
        Roost__V1__Detach *detach;
        Roost__V1__Credit *credit;
        Roost__V1__Deliver *deliver;
        Roost__V1__Receipt *receipt;
        Roost__V1__Settle *settle;
        Roost__V1__Settled *settled;
        Roost__V1__Query *query;
        Roost__V1__Result *result;
        Roost__V1__Fin *fin;
        Roost__V1__Sync *sync;
        Roost__V1__Presence *presence;
        Roost__V1__Call *call;
        Roost__V1__Reply *reply;
    };
};

/* One side of one listener: fill the first three, keep it for all frames. */
struct wire_reader {
    enum wire_direction direction;
    const struct wire_limits *limits;
    struct arena *arena; /* limit: WIRE_ARENA_BYTES(limits->frame_bytes_max) */

    /* After a failed wire_parse: what an ERROR should say. */
    const char *problem; /* for example "attach.scope: a name must not be empty"; until the next */
    uint32_t type;       /* of the frame, 0 when not even that could be read */
    uint64_t request_id; /* of the refused QUERY, SYNC, CALL or PRESENCE, handle of an ATTACH; 0 =
                            none or unreadable */
    char problem_text[160]; /* where `problem` may point to */
};

/* Frame to message. The arena is not reset: do that when done with the message before. Errors:
 * BAD_SIGNATURE, BAD_VERSION, BAD_TYPE, FRAME_TOO_LARGE, TOO_MANY_ENTRIES, TOO_MANY, BAD_ENCODING,
 * BAD_FIELD, MISSING_FIELD, BAD_NAME, BAD_SCOPE, UNKNOWN_CALL; the frame is then ignored. */
MUST_USE enum err wire_parse(struct wire_reader *reader, const void *frame, size_t size,
                             struct wire_message *ret);

/* One entry of a parsed SEND (to a broker). ERR_OK, or what to answer for its number:
 * MISSING_FIELD, BAD_FIELD, BAD_SCOPE, TOO_LARGE, TOO_MANY; *ret_problem (may be NULL) says why in
 * static words. About 30 ns with an ASCII scope. */
MUST_USE enum err wire_check_entry(const Roost__V1__Entry *entry, const struct wire_limits *limits,
                                   const char **ret_problem);

/* What is in a SEND frame, without unpacking it: for a gateway that keeps account of credit and
 * hands the frame on as it is. Same errors as wire_parse; whoever unpacks the frame parses it. */
struct wire_send_facts {
    uint64_t first_no;
    uint32_t entries;    /* at least 1 */
    uint64_t body_bytes; /* of all of them */
};

MUST_USE enum err wire_scan_send(struct wire_reader *reader, const void *frame, size_t size,
                                 struct wire_send_facts *ret);

/* The type in the head of a frame; ERR_BAD_SIGNATURE, BAD_VERSION. Says nothing of the rest. */
MUST_USE enum err wire_peek_type(const void *frame, size_t size, uint32_t *ret_type);

/* Message to frame: head and protobuf, written once, straight into a new zmq_msg_t. `ret` must not
 * be initialised; the caller sends or closes it. ERR_FRAME_TOO_LARGE (beyond the cap of the
 * protocol) or ERR_BUSY (no memory). */
MUST_USE enum err wire_pack(Roost__V1__Type type, const ProtobufCMessage *message, zmq_msg_t *ret);

/* Size of the frame wire_pack would make. */
size_t wire_packed_bytes(const ProtobufCMessage *message);

/* "HELLO"; "?" for a number that is no type. */
const char *wire_type_name(uint32_t type);

/* NULL when the number is no type. */
const ProtobufCMessageDescriptor *wire_type_descriptor(uint32_t type);

#endif
