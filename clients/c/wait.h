/* SPDX-License-Identifier: MPL-2.0
 *
 * How threads of the client sleep and wake each other, without locks (Linux futex, eventfd).
 *
 *   latch       one answer for one waiter, who may give up waiting
 *   eventcount  any number of waiters for "something changed"; notifying is two atomic operations
 *               when nobody waits
 *   doorbell    application threads wake the session's thread, which sleeps in poll(2)
 *   lamp        a descriptor that is readable while something may wait for the application
 *
 * One rule makes all of them safe: the sleeper announces itself with a read-modify-write on the
 * same atomic variable that the waker reads with a read-modify-write after its change. These are
 * in one order: either the waker sees the announcement, or the sleeper's operation comes later,
 * synchronises with the waker's, and the sleeper sees the change when he looks once more. (No
 * fences: ThreadSanitizer does not know them.)
 */
#ifndef CLIENT_WAIT_H
#define CLIENT_WAIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "rt/clock.h"

/* MONO_NEVER for a negative timeout. */
struct mono_time deadline_after(int timeout_ms);

/* ------------------------------------------------------------------------------- latch */

struct latch {
    _Atomic uint32_t state;
};

void latch_init(struct latch *latch);

/* True: completed, what the completer wrote is visible. False: the deadline passed; the latch now
 * belongs to the completer, the caller must not touch it (or what surrounds it) again. */
bool latch_wait(struct latch *latch, struct mono_time deadline);

/* True: the waiter has it now, do not touch it again. False: the waiter gave up; the caller frees.
 */
bool latch_complete(struct latch *latch);

/* The waiter gave up: the completer may save himself the work. */
bool latch_is_abandoned(struct latch *latch);

/* -------------------------------------------------------------------------- eventcount */

struct eventcount {
    _Atomic uint32_t epoch;
    _Atomic uint32_t waiters;
};

void eventcount_init(struct eventcount *count);

/* Announces a waiter; look at the condition afterwards, then call wait or cancel, once. */
uint32_t eventcount_prepare(struct eventcount *count);
void eventcount_cancel(struct eventcount *count);

/* Sleeps unless notified since prepare. False: the deadline passed. */
bool eventcount_wait(struct eventcount *count, uint32_t epoch, struct mono_time deadline);

/* After the change. */
void eventcount_notify(struct eventcount *count);

/* ---------------------------------------------------------------------------- doorbell */

struct doorbell {
    int fd;
    _Atomic uint32_t sleep; /* enum doorbell_sleep */
};

enum doorbell_sleep {
    DOORBELL_AWAKE,
    DOORBELL_NAP, /* will look by itself within a millisecond: only the urgent wakes it */
    DOORBELL_ASLEEP,
};

bool doorbell_init(struct doorbell *bell); /* false: no descriptor left */
void doorbell_fini(struct doorbell *bell);

/* After a push. Costs a system call only for the first one that finds the thread asleep. */
void doorbell_ring(struct doorbell *bell, bool is_urgent);

/* Wakes the thread only from a nap: it has something that need not wait any longer. */
void doorbell_hurry(struct doorbell *bell);

/* By the session's thread: announce, look at the rings once more, poll bell->fd, then wake up. */
void doorbell_sleep(struct doorbell *bell, enum doorbell_sleep how);
void doorbell_wake(struct doorbell *bell, bool has_rung);

/* -------------------------------------------------------------------------------- lamp */

struct lamp {
    int fd;
    _Atomic uint32_t is_wanted; /* the application asked for the descriptor */
    _Atomic uint32_t is_lit;
};

bool lamp_init(struct lamp *lamp);
void lamp_fini(struct lamp *lamp);
int lamp_fd(struct lamp *lamp);

/* Something may wait now. */
void lamp_light(struct lamp *lamp);

/* The application found nothing: put it out, then look again and light it if there is something. */
void lamp_put_out(struct lamp *lamp);

#endif
