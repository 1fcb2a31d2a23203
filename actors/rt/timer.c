/* SPDX-License-Identifier: MPL-2.0
 *
 * The named timers.
 */
#include "rt/timer.h"

#include "rt/check.h"

void timers_init(struct timers *timers)
{
    for (unsigned i = 0; i < ACTOR_TIMERS_MAX; i++)
        timers->timers[i] = (struct timer){MONO_NEVER, 0};
    timers->next = MONO_NEVER;
    timers->serial_next = 1;
}

static void find_next(struct timers *timers)
{
    timers->next = MONO_NEVER;
    for (unsigned i = 0; i < ACTOR_TIMERS_MAX; i++) {
        if (timers->timers[i].deadline.ns < timers->next.ns)
            timers->next = timers->timers[i].deadline;
    }
}

void timer_set(struct timers *timers, unsigned timer, struct mono_time deadline)
{
    CHECK(timer < ACTOR_TIMERS_MAX);
    timers->timers[timer] = (struct timer){deadline, timers->serial_next++};
    find_next(timers);
}

void timer_stop(struct timers *timers, unsigned timer)
{
    CHECK(timer < ACTOR_TIMERS_MAX);
    timers->timers[timer].deadline = MONO_NEVER;
    find_next(timers);
}

bool timer_is_set(const struct timers *timers, unsigned timer)
{
    CHECK(timer < ACTOR_TIMERS_MAX);
    return timers->timers[timer].deadline.ns != MONO_NEVER.ns;
}

struct mono_time timers_next(const struct timers *timers)
{
    return timers->next;
}

static bool is_before(const struct timer *a, const struct timer *b)
{
    if (a->deadline.ns != b->deadline.ns)
        return a->deadline.ns < b->deadline.ns;
    return a->serial < b->serial;
}

size_t timers_collect(const struct timers *timers, struct mono_time now,
                      struct timer_due ret_due[ACTOR_TIMERS_MAX])
{
    size_t count = 0;
    if (!mono_reached(timers->next, now))
        return 0;
    for (unsigned i = 0; i < ACTOR_TIMERS_MAX; i++) {
        const struct timer *timer = &timers->timers[i];
        if (timer->deadline.ns == MONO_NEVER.ns || !mono_reached(timer->deadline, now))
            continue;
        size_t place = count++;
        while (place > 0 && is_before(timer, &timers->timers[ret_due[place - 1].timer])) {
            ret_due[place] = ret_due[place - 1];
            place--;
        }
        ret_due[place] = (struct timer_due){i, timer->serial};
    }
    return count;
}

bool timers_take(struct timers *timers, struct timer_due due)
{
    const struct timer *timer = &timers->timers[due.timer];
    if (timer->serial != due.serial || timer->deadline.ns == MONO_NEVER.ns)
        return false;
    timer_stop(timers, due.timer);
    return true;
}
