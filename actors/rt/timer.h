/* SPDX-License-Identifier: MPL-2.0
 *
 * The named one-shot timers of one actor: a small array, searched linearly.
 *
 * Firing is collect, then run: timers_collect lists what is due now, and each is confirmed with
 * timers_take just before its handler runs. So a handler can stop or re-arm a timer that was due in
 * the same pass, and a timer re-armed for now waits for the next pass (no handler starves others).
 * Nothing repeats by itself, so nothing has to catch up after a stall.
 */
#ifndef RT_TIMER_H
#define RT_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/actor.h"

struct timer {
    struct mono_time deadline; /* MONO_NEVER: not set */
    uint64_t serial;           /* of the setting */
};

struct timers {
    struct timer timers[ACTOR_TIMERS_MAX];
    struct mono_time next; /* the earliest deadline */
    uint64_t serial_next;
};

struct timer_due {
    unsigned timer;
    uint64_t serial;
};

void timers_init(struct timers *timers);
void timer_set(struct timers *timers, unsigned timer, struct mono_time deadline);
void timer_stop(struct timers *timers, unsigned timer);
bool timer_is_set(const struct timers *timers, unsigned timer);

/* MONO_NEVER when none is set. */
struct mono_time timers_next(const struct timers *timers);

/* Lists the timers due at `now`, earliest first; equal deadlines in the order of setting. */
size_t timers_collect(const struct timers *timers, struct mono_time now,
                      struct timer_due ret_due[ACTOR_TIMERS_MAX]);

/* True when that setting still stands; it is then used up. */
bool timers_take(struct timers *timers, struct timer_due due);

#endif
