/* SPDX-License-Identifier: MPL-2.0
 *
 * The inside of an actor, shared by actor.c (what actors call), actor_turn.c (the phases of a
 * turn) and the two hosts that run actors: runner.c on a thread, sim.c with virtual time.
 *
 * How full a link is
 *   The runtime counts, it does not rely on the marks of the sockets, so the bound is exact and is
 *   the same on the simulator. Per (sender, receiver): messages in the link = sent - taken.
 *     events and questions   refused (ERR_BUSY) from link_room of the receiver on
 *     answers                have ANSWER_ROOM messages of room above that
 *   An actor has at most ACTOR_ASKS_MAX questions open, and asks one target no more while
 *   open + ghosts reaches ACTOR_ASKS_MAX, where ghosts are questions given up (deadline, death of
 *   the asker) whose answer may still come. So at most ACTOR_ASKS_MAX answers can be in a link;
 *   ANSWER_ROOM is twice that, because a ghost is forgotten after GHOST_LIFE_MS: an actor that
 *   forgets to answer costs its askers room for a while, not for ever.
 */
#ifndef RT_ACTOR_INTERNAL_H
#define RT_ACTOR_INTERNAL_H

#include <stdatomic.h>

#include "rt/actor.h"
#include "rt/arena.h"
#include "rt/metrics.h"
#include "rt/pending.h"
#include "rt/ping.h"
#include "rt/timer.h"

#define ANSWER_ROOM   (2u * ACTOR_ASKS_MAX)
#define GHOST_LIFE_MS 60000 /* a ghost lives once to twice this long */
#define DEADLINE_GRACE_MS                                                                          \
    1000 /* answers that wait in our own mailbox beat the deadline so long                         \
          */

/* First bytes of the first frame; host byte order, it never leaves the process. */
struct frame_header {
    uint8_t kind;
    uint8_t from;
    uint16_t reserved;
    uint32_t flags;
    uint64_t correlation;
};
_Static_assert(sizeof(struct frame_header) == 16, "frame header");

enum frame_flag {
    FRAME_QUESTION = 1,
    FRAME_ANSWER = 2,
    FRAME_PAYLOAD = 4, /* a second frame follows */
};

/* Counters of one direction between two actors. Each side has a cache line of its own. */
struct link {
    _Alignas(64) _Atomic uint64_t sent;  /* written by the sender */
    uint64_t taken_seen;                 /* the sender's last look at `taken` */
    _Alignas(64) _Atomic uint64_t taken; /* written by the receiver */
};

/* What runs actors: threads or the simulator. */
struct actor_host {
    const struct msg_type *types;
    size_t type_count;
    struct link *links;    /* [from * id_count + to] */
    const uint32_t *rooms; /* link_room by receiver */
    size_t id_count;       /* actors and pseudo actors */
    void *zmq_context;     /* NULL on the simulator */
    size_t arena_limit_bytes;

    /* Takes both frames (payload may be NULL) on ERR_OK; the link has room. ERR_BUSY: no memory
     * or descriptors for it. */
    enum err (*send)(struct actor *actor, uint8_t to, zmq_msg_t *frame, zmq_msg_t *payload);
    struct mono_time (*mono)(struct actor *actor);
    struct wall_time (*wall)(struct actor *actor);
    uint64_t (*random)(struct actor *actor);
};

struct watch {
    void *zmq_socket;
    int fd;
    bool is_set;
};

struct actor {
    const struct actor_host *host;
    void *host_data;
    const struct actor_class *class;
    const void *args;
    struct metrics *metrics;
    uint8_t id;
    uint16_t life;

    void *state; /* NULL between lives */
    struct mono_time mono;
    struct wall_time wall;
    struct timers timers;
    struct pending pending;
    struct arena arena;
    struct watch watches[ACTOR_WATCHES_MAX];
    uint16_t ghosts_new[256]; /* by target */
    uint16_t ghosts_old[256];
    struct mono_time ghosts_since;
    bool is_stopping;
    bool is_stopped;
    bool is_turn_over; /* no more messages in it */

    /* The answer in hand. */
    bool has_context;
    uint64_t context;

    /* For the watchdog (any thread) and for the obituary. */
    _Atomic uint8_t kind_in_hand;
    _Atomic bool is_in_turn;
    struct ping ping; /* asked by the host, answered by actor_finish_turn */
    uint8_t last_kind;
    uint8_t last_from;
    size_t last_size;
};

static inline struct link *link_between(const struct actor_host *host, uint8_t from, uint8_t to)
{
    return &host->links[(size_t)from * host->id_count + to];
}

/* Messages in the link; an estimate for others than its two ends. */
uint64_t link_depth(const struct link *link);
/* May the sender put one more message in, as an answer or not? */
bool link_has_room(struct link *link, uint32_t room, bool is_answer);
void link_count_sent(struct link *link);
void link_count_taken(struct link *link);

/* Builds the first frame. ERR_BUSY: no memory. */
MUST_USE enum err frame_pack(const struct actor_host *host, const struct frame_header *header,
                             const ProtobufCMessage *body, zmq_msg_t *ret_frame);
struct frame_header frame_header_of(zmq_msg_t *frame);

/* "name" of the kind, for logs; never NULL. */
const char *kind_name(const struct actor_host *host, uint8_t kind);

/* --- actor_turn.c */

/* Once per actor; `actor` is zeroed memory. */
void actor_setup(struct actor *actor, const struct actor_host *host, uint8_t id,
                 const struct actor_class *class, const void *args, struct metrics *metrics);
void actor_teardown(struct actor *actor);

/* A life: begin (init), phases, end (fini). After a failed begin, actor_end is due as well. */
MUST_USE enum err actor_begin(struct actor *actor);
void actor_end(struct actor *actor);

/* Between lives: no answer of before will come any more, because the links were emptied. */
void actor_forget_ghosts(struct actor *actor);

void actor_begin_turn(struct actor *actor);
void actor_clock(struct actor *actor); /* refreshes mono and wall */

/* Unpacks and handles one message; closes both frames. payload may be NULL. */
MUST_USE enum err actor_handle(struct actor *actor, zmq_msg_t *frame, zmq_msg_t *payload);
MUST_USE enum err actor_handle_readable(struct actor *actor, unsigned watch);

/* Due timers and deadlines; adds to *handled. is_drained: the mailbox was found empty. */
MUST_USE enum err actor_handle_due(struct actor *actor, bool is_drained, unsigned *handled);

/* on_batch, when anything was handled; then an open ping is answered. */
MUST_USE enum err actor_finish_turn(struct actor *actor, unsigned handled);

/* Begins the orderly stop. */
MUST_USE enum err actor_begin_stop(struct actor *actor);

struct mono_time actor_next_due(const struct actor *actor);

/* In actor.c: an answer from `from` came; true: its question is open, the context is in hand. */
bool actor_accept_answer(struct actor *actor, uint8_t from, uint64_t correlation);

#endif
