/* SPDX-License-Identifier: MPL-2.0
 *
 * A consumer and the messages it received, as both sides see them.
 *
 *   batch    everything that one DELIVER brought: its memory lives until the last message of it is
 *            destroyed
 *   message  what the application sees, with what it takes to settle it
 *
 * Lifetime: a batch holds a reference to its consumer, so that a message can be settled or
 * destroyed at any time; the application's handle and the session's table hold one each. The
 * session outlives all consumers that are not `is_over`: settling looks at that first.
 */
#ifndef CLIENT_CONSUMER_H
#define CLIENT_CONSUMER_H

#include "broker.pb-c.h"
#include "clients/c/book.h"
#include "clients/c/ranges.h"
#include "clients/c/ring.h"
#include "clients/c/session.h"
#include "rt/arena.h"

struct request;

/* When SETTLE `id` is confirmed, the first `messages` given back since ATTACH are on disk. */
struct settle_mark {
    uint64_t id;
    uint64_t messages;
};

#define SETTLE_MARKS 64 /* with more, the last one stands for all that follow */

struct roost_consumer {
    struct roost *roost;
    _Atomic uint32_t references;
    uint32_t handle; /* set before the application sees it */
    char *scope;
    char *name;
    struct roost_attach_options options; /* its strings are the two above */
    struct ring ready;                   /* struct message_private * */

    /* written by the session's thread, read by all */
    _Atomic uint32_t is_attached;
    _Atomic uint32_t is_over; /* detached by the application, or the session is closed */
    _Atomic uint32_t code;    /* detached for good by the broker */
    _Atomic uint32_t took_over;
    _Atomic uint32_t lease_ms;
    _Atomic uint32_t held;
    _Atomic uint64_t floor_seq;
    _Atomic uint64_t waiting;

    /* the session's thread only */
    struct book book;
    struct ranges ranges;
    struct request *attaching;  /* somebody waits for ATTACHED */
    struct mono_time attach_at; /* say ATTACH then; MONO_NEVER: said, or dead */
    struct mono_time settle_at; /* ranges wait until then */
    uint64_t returned_messages; /* credit given back since ATTACH */
    uint64_t returned_bytes;
    uint64_t arrived;       /* since ATTACH */
    uint64_t shown;         /* new ones in all, for options.messages_max */
    uint64_t shown_before;  /* of them, before ATTACH */
    uint64_t suppressed;    /* since ATTACH: they used up credit and were not shown */
    uint64_t told_messages; /* totals of the last CREDIT */
    uint64_t told_bytes;
    struct settle_mark marks[SETTLE_MARKS]; /* SETTLEs not confirmed yet, oldest first */
    uint32_t mark_count;
    uint64_t confirmed_messages; /* of returned_messages: known to be on the broker's disk */
    uint64_t settle_id;          /* confirm id of the last SETTLE ... */
    uint64_t confirmed_id;       /* ... and of the last SETTLED */
    uint64_t stale;              /* not accepted since the last roost_confirm */
    bool is_doubtful;            /* a session was lost with settles that were not confirmed */
    bool is_asked;               /* ATTACH is said, ATTACHED has not come */
    bool was_attached;           /* accepted once: it will not be refused for what it says */
};

struct batch {
    _Atomic uint32_t references;
    struct roost_consumer *consumer;
    struct arena arena;
    struct message_private *messages;
};

struct message_private {
    struct roost_message public;
    struct batch *batch; /* NULL: of a page, cannot be settled */
    uint64_t token;
    bool is_settled;
};

void consumer_ref(struct roost_consumer *consumer);
void consumer_unref(struct roost_consumer *consumer);

/* One reference; its arena takes what a frame of that size unpacks to. NULL: no memory. */
struct batch *batch_new(size_t frame_size);

/* Says whose it is (and holds him), and makes room for the messages. False: no memory. */
bool batch_fill(struct batch *batch, struct roost_consumer *consumer, size_t count);
void batch_ref(struct batch *batch);
void batch_unref(struct batch *batch);

/* Protobuf to public form; all memory is of `arena`. `scope` stands in where the delivery names
 * none. `before` (may be NULL): often of the same sender, whose name is then shared. False: no
 * memory, or a message id that is none. */
bool message_fill(struct roost_message *message, const Roost__V1__Delivery *delivery,
                  const char *scope, const struct roost_message *before, struct arena *arena);
bool message_fill_receipt(struct roost_message *message, const Roost__V1__Receipt *receipt,
                          const char *scope, struct arena *arena);

/* A copy with a NUL; "" for an empty one; NULL: no memory. */
const char *arena_text(struct arena *arena, ProtobufCBinaryData bytes);

/* ------------------------------------------------------------------------------ commands */

enum command_kind {
    COMMAND_SETTLE = 1,    /* pointer: consumer; argument: token */
    COMMAND_SETTLE_REASON, /* pointer: struct settle_reason */
    COMMAND_ATTACH,        /* pointer: consumer */
    COMMAND_REQUEST,       /* pointer: struct request (QUERY, SYNC, CALL, PRESENCE) */
    COMMAND_DETACH,        /* pointer: consumer; argument: struct request */
    COMMAND_CONFIRM,       /* pointer: consumer; argument: struct request */
    COMMAND_CLOSE,         /* argument: deadline in mono ns */
};

struct settle_reason {
    struct roost_consumer *consumer;
    char *reason;
};

/* Word 0: kind, outcome, delay. */
static inline uint64_t command_word(enum command_kind kind, enum book_outcome outcome,
                                    uint32_t delay_ms)
{
    return (uint64_t)kind | (uint64_t)outcome << 8 | (uint64_t)delay_ms << 32;
}

/* Hands a command over; waits a moment when the ring is full (the session's thread never waits for
 * the application, so it drains soon). */
void command_push(struct roost *roost, uint64_t word, void *pointer, uint64_t argument,
                  bool is_urgent);

#endif
