/* SPDX-License-Identifier: MPL-2.0
 *
 * The real clocks. Called by the runtime only; actors ask actor_mono() and actor_wall().
 */
#include "rt/clock.h"

#include <time.h>

#include "rt/check.h"

static struct timespec read_clock(clockid_t id)
{
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return now;
}

struct mono_time clock_mono_now(void)
{
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (struct mono_time){(int64_t)now.tv_sec * 1000000000 + now.tv_nsec};
}

struct wall_time clock_wall_now(void)
{
    struct timespec now = read_clock(CLOCK_REALTIME);
    return (struct wall_time){(int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000};
}
