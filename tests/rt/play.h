/* SPDX-License-Identifier: MPL-2.0
 *
 * Two actors to play with: "echo" answers questions and can be ordered to misbehave, "driver" asks
 * questions with a window and checks what comes back. They run on threads and on the simulator.
 */
#ifndef TESTS_RT_PLAY_H
#define TESTS_RT_PLAY_H

#include <stdatomic.h>

#include "play.pb-c.h"
#include "rt/actor.h"

enum play_kind { PLAY_NONE, PLAY_PING, PLAY_PONG, PLAY_NOTE, PLAY_ORDER, PLAY_KINDS };

extern const struct msg_type play_types[PLAY_KINDS];

enum play_act {
    ACT_NOTHING,
    ACT_DIE,   /* the handler returns an error */
    ACT_SLEEP, /* sleeps `amount` milliseconds (threads only) */
    ACT_MUTE,  /* questions are no more answered */
    ACT_KEEP,  /* questions are kept, and answered at ACT_RELEASE */
    ACT_RELEASE,
    ACT_TICK,  /* sets a timer of `amount` milliseconds that re-arms itself */
    ACT_SHORT, /* each note ends its turn; on threads it waits until `goes_on`, too */
};

#define ECHO_KEPT_MAX 5000

struct echo {
    uint64_t pings;
    uint64_t notes;
    uint64_t note_last; /* by order: notes must rise */
    uint64_t ticks;
    uint64_t batches;
    bool is_mute;
    bool is_keeping;
    bool is_short;
    size_t kept_count;
    struct {
        uint64_t correlation;
        uint64_t number;
        uint8_t from;
    } kept[ECHO_KEPT_MAX];
};

/* What a test shares with actors on threads; all may be NULL or zero. */
struct play_args {
    _Atomic uint64_t lives;
    _Atomic uint64_t ends;
    _Atomic uint64_t notes;
    _Atomic uint64_t pings;
    _Atomic uint64_t answers;
    _Atomic uint64_t no_answers;
    _Atomic uint64_t refused;
    _Atomic uint64_t notes_before_keep;
    _Atomic bool goes_on;
    _Atomic uint64_t end_order; /* position among the ends, from 1 */
    _Atomic uint64_t *end_counter;
    enum err init_err;   /* what init answers */
    unsigned init_fails; /* lives from this one on fail; 0: by init_err only */
    uint8_t target;      /* driver: whom to ask */
    uint64_t total;      /* driver: how many questions */
    uint64_t window;     /* driver: how many at once */
    int64_t deadline_ms; /* driver: of each question; 0: 60 s */
    size_t filler_bytes;
    size_t payload_bytes;
    int64_t stop_delay_ms; /* echo: how long its on_stop work takes */
    bool never_stops;
};

struct driver {
    uint64_t asked;
    uint64_t answered;
    uint64_t answer_last;
};

extern const struct actor_class echo_class;         /* ACTOR_RESTART */
extern const struct actor_class echo_fragile_class; /* ACTOR_ESCALATE */
extern const struct actor_class echo_slow_stop_class;
extern const struct actor_class driver_class;

#endif
