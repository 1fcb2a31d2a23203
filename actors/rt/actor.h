/* SPDX-License-Identifier: MPL-2.0
 *
 * The face of the actor runtime: what an actor is, and everything it may do.
 *
 * An actor is data: one constant struct actor_class at the end of its file. It owns one state
 * struct that no other thread ever sees, one bounded mailbox, named one-shot timers, and nothing
 * else. It runs on a thread (rt/system) or on the deterministic simulator with virtual time
 * (rt/sim) without knowing which.
 *
 * One turn of an actor's life:
 *     control -> drain at most ACTOR_BATCH_MAX messages -> own sockets -> due timers and
 *     deadlines -> on_batch -> wait
 * on_batch runs once after every turn in which anything was handled: the persistence actor
 * commits there, and only then sends the answers (the barrier of the group commit). A handler that
 * finds the turn long enough ends it: actor_end_turn().
 *
 * Rules
 *   - A handler never waits and never blocks. A question to another actor is actor_ask(); the
 *     answer is another message, handled by on[its kind].
 *   - Messages are values: a protobuf struct, packed when sent and unpacked once, into memory of
 *     the runtime, at the receiver. What a handler gets is const and dies when it returns.
 *   - Order is kept from one sender to one receiver, and promised nowhere else.
 *   - Each (sender, receiver) link is bounded. A full link answers ERR_BUSY; nothing is dropped
 *     and nothing waits. Requests handle it; answers never meet it, because senders bound their
 *     outstanding questions below the room of the link (CHECKed by actor_reply).
 *   - A handler returns an error only when the *actor* is broken (it is then restarted or the
 *     daemon stops); a refused request is an answer with a code in it.
 *
 * The runtime knows no message and no actor by name: both come in as tables (struct msg_type[],
 * struct actor_spec[] of rt/system.h).
 */
#ifndef RT_ACTOR_H
#define RT_ACTOR_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "rt/clock.h"
#include "rt/err.h"

#define ACTOR_BATCH_MAX   64   /* messages drained in one turn */
#define ACTOR_TIMERS_MAX  16   /* named timers of one actor */
#define ACTOR_KINDS_MAX   128  /* message kinds of the whole system */
#define ACTOR_WATCHES_MAX 4    /* sockets or file descriptors an actor may own */
#define ACTOR_ASKS_MAX    4096 /* questions one actor may have outstanding */

struct actor; /* the running instance; opaque */
struct metrics;

/* One row per message kind; index = kind. The whole table belongs to proto/. */
struct msg_type {
    const char *name;                             /* for logs and traces */
    const ProtobufCMessageDescriptor *descriptor; /* of the body */
};

/* A message in the hand of a handler. Everything in it dies when the handler returns. */
struct msg {
    uint8_t kind;
    uint8_t from;         /* actor id of the sender */
    uint64_t correlation; /* 0, or names the question this asks or answers */
    const void *body;     /* the unpacked protobuf struct of this kind */
    zmq_msg_t *payload;   /* second frame (bytes by reference) or NULL; a handler that wants
                             to keep it moves it out with zmq_msg_move */
};

/* Shorthand for handlers: the body as its type. */
#define MSG_BODY(message, Type) ((const Type *)(message)->body)

typedef enum err actor_handler(struct actor *actor, void *state, const struct msg *msg);

enum actor_restart {
    ACTOR_RESTART,  /* its death is repaired by a new instance (at most 5 in 30 s) */
    ACTOR_ESCALATE, /* its death stops the daemon with an exit code (restart = recovery) */
};

struct actor_class {
    const char *name;  /* display name, as in "sync-manager" */
    size_t state_size; /* bytes of the private state; the runtime allocates and zeroes it */
    enum actor_restart restart;
    uint32_t link_room; /* messages that may wait in this actor's mailbox per sender */

    /* On the actor's own thread, once per life, before any message. `args` is the pointer given in
     * its struct actor_spec. An error here is an error of start-up. May take its time. */
    enum err (*init)(struct actor *actor, void *state, const void *args);

    /* Last call of a life, also after a failed init (state may be half built). NULL is allowed. */
    void (*fini)(struct actor *actor, void *state);

    /* A named timer (see actor_timer_set) is due. Never called twice for one setting. */
    enum err (*on_timer)(struct actor *actor, void *state, unsigned timer);

    /* The deadline of a question passed without an answer; a later answer is dropped. `kind` is
     * that of the question. */
    enum err (*on_no_answer)(struct actor *actor, void *state, uint8_t kind, uint64_t context);

    /* After each turn in which anything was handled. NULL is allowed. */
    enum err (*on_batch)(struct actor *actor, void *state);

    /* A watched socket or descriptor is readable. Must read a bounded amount, and read until
     * empty or that bound; is called again in the next turn when it returned with more to read. */
    enum err (*on_readable)(struct actor *actor, void *state, unsigned watch);

    /* Orderly stop was asked for: finish what is in hand, then call actor_stopped(). The mailbox
     * goes on being served until then, bounded by the stop deadline. NULL: stops at once after
     * its mailbox is drained. */
    enum err (*on_stop)(struct actor *actor, void *state);

    /* Handlers by message kind. An unexpected kind is a bug of ours: CHECK. */
    actor_handler *on[ACTOR_KINDS_MAX];
};

/* --- Sending. All of these pack `body` now; the caller keeps it. `take_payload` may be NULL; on
 *     ERR_OK it is moved out (left empty, still to be closed by the caller), on error untouched. */

/* An event: no answer expected. ERR_BUSY: the link is full. */
MUST_USE enum err actor_send(struct actor *actor, uint8_t to, uint8_t kind,
                             const ProtobufCMessage *body, zmq_msg_t *take_payload);

/* A question. The answer's handler finds `context` with actor_context(). When no answer came
 * within `deadline_ms`, on_no_answer gets it. ERR_BUSY: link full or too many questions. */
MUST_USE enum err actor_ask(struct actor *actor, uint8_t to, uint8_t kind,
                            const ProtobufCMessage *body, zmq_msg_t *take_payload,
                            int64_t deadline_ms, uint64_t context);

/* The answer to `question`, in its handler. Always has room (CHECK). */
void actor_reply(struct actor *actor, const struct msg *question, uint8_t kind,
                 const ProtobufCMessage *body, zmq_msg_t *take_payload);

/* The answer given later: keep (from, correlation) of the question and answer to them. */
void actor_reply_to(struct actor *actor, uint8_t to, uint64_t correlation, uint8_t kind,
                    const ProtobufCMessage *body, zmq_msg_t *take_payload);

/* In the handler of an answer: the context of the question, once. False: the message is no answer.
 * An answer that comes after its deadline, or for an earlier life of the actor, is dropped by the
 * runtime: no handler sees it. */
bool actor_context(struct actor *actor, const struct msg *answer, uint64_t *ret_context);

/* --- Time. Virtual on the simulator. Constant during one turn, except after long handlers. */
struct mono_time actor_mono(const struct actor *actor);
struct wall_time actor_wall(const struct actor *actor);
/* Read anew, for measuring what a handler itself took. */
struct mono_time actor_mono_now(struct actor *actor);

/* Arms or re-arms the actor's timer number `timer` (< ACTOR_TIMERS_MAX) for one firing. */
void actor_timer_set(struct actor *actor, unsigned timer, struct mono_time deadline);
void actor_timer_stop(struct actor *actor, unsigned timer);
bool actor_timer_is_set(const struct actor *actor, unsigned timer);

/* --- Own sockets and descriptors (gateways). Exactly one of the two is given. On the simulator
 *     nothing is watched. The actor closes them itself in fini, after actor_unwatch. */
void actor_watch(struct actor *actor, unsigned watch, void *zmq_socket, int fd);
void actor_unwatch(struct actor *actor, unsigned watch);

/* --- Surroundings */
uint8_t actor_id(const struct actor *actor);
const char *actor_name(const struct actor *actor);
struct metrics *actor_metrics(struct actor *actor); /* its block; see rt/metrics.h */
uint64_t actor_random(struct actor *actor); /* seeded on the simulator, else from the system */
void *actor_zmq_context(const struct actor *actor); /* NULL on the simulator */
bool actor_is_stopping(const struct actor *actor);
/* In a handler: this turn takes no more messages. What waits is for the next one, which comes at once. */
void actor_end_turn(struct actor *actor);
void actor_stopped(struct actor *actor); /* on_stop's work is done */

#endif
