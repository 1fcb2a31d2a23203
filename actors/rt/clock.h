/* SPDX-License-Identifier: MPL-2.0
 *
 * Two clocks as two types, so that they cannot be mixed by accident.
 *
 *   struct mono_time  monotonic, for every timer, deadline, lease and rate. Meaningless outside
 *                     this process.
 *   struct wall_time  Unix time, for what is stored or shown. May jump; never used for waiting.
 *
 * Actors do not call clock_*_now() themselves: they ask actor_mono() and actor_wall(), which the
 * simulator replaces by virtual time.
 */
#ifndef RT_CLOCK_H
#define RT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct mono_time {
    int64_t ns;
};

struct wall_time {
    int64_t ms;
};

#define MONO_NEVER ((struct mono_time){INT64_MAX})

struct mono_time clock_mono_now(void);
struct wall_time clock_wall_now(void);

static inline struct mono_time mono_add_ms(struct mono_time time, int64_t delay_ms)
{
    return (struct mono_time){time.ns + delay_ms * 1000000};
}

static inline bool mono_reached(struct mono_time deadline, struct mono_time now)
{
    return deadline.ns <= now.ns;
}

static inline int64_t mono_elapsed_ms(struct mono_time since, struct mono_time now)
{
    return (now.ns - since.ns) / 1000000;
}

#endif
