/* SPDX-License-Identifier: MPL-2.0
 *
 * See wait.h. The futex calls use the private form: nothing here is shared between processes.
 */
#include "clients/c/wait.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LATCH_PENDING, LATCH_DONE, LATCH_ABANDONED };

struct mono_time deadline_after(int timeout_ms)
{
    if (timeout_ms < 0)
        return MONO_NEVER;
    return mono_add_ms(clock_mono_now(), timeout_ms);
}

/* Sleeps while *word is `seen`. False: the deadline passed. */
static bool futex_wait(_Atomic uint32_t *word, uint32_t seen, struct mono_time deadline)
{
    struct timespec until = {
        .tv_sec = deadline.ns / 1000000000,
        .tv_nsec = deadline.ns % 1000000000,
    };
    struct timespec *limit = deadline.ns == INT64_MAX ? NULL : &until;
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, seen, limit, NULL,
                          FUTEX_BITSET_MATCH_ANY);
    return result == 0 || errno != ETIMEDOUT;
}

static void futex_wake(_Atomic uint32_t *word, int count)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

/* ------------------------------------------------------------------------------- latch */

void latch_init(struct latch *latch)
{
    atomic_init(&latch->state, LATCH_PENDING);
}

bool latch_wait(struct latch *latch, struct mono_time deadline)
{
    for (;;) {
        if (atomic_load_explicit(&latch->state, memory_order_acquire) == LATCH_DONE)
            return true;
        if (!futex_wait(&latch->state, LATCH_PENDING, deadline))
            break;
    }
    uint32_t expected = LATCH_PENDING;
    return !atomic_compare_exchange_strong_explicit(&latch->state, &expected, LATCH_ABANDONED,
                                                    memory_order_acq_rel, memory_order_acquire);
}

bool latch_complete(struct latch *latch)
{
    uint32_t before = atomic_exchange_explicit(&latch->state, LATCH_DONE, memory_order_acq_rel);
    if (before == LATCH_ABANDONED)
        return false;
    futex_wake(&latch->state, 1); /* only the address is used: the waiter may be gone already */
    return true;
}

bool latch_is_abandoned(struct latch *latch)
{
    return atomic_load_explicit(&latch->state, memory_order_acquire) == LATCH_ABANDONED;
}

/* -------------------------------------------------------------------------- eventcount */

void eventcount_init(struct eventcount *count)
{
    atomic_init(&count->epoch, 0);
    atomic_init(&count->waiters, 0);
}

uint32_t eventcount_prepare(struct eventcount *count)
{
    (void)atomic_fetch_add_explicit(&count->waiters, 1, memory_order_acq_rel);
    return atomic_load_explicit(&count->epoch, memory_order_acquire);
}

void eventcount_cancel(struct eventcount *count)
{
    (void)atomic_fetch_sub_explicit(&count->waiters, 1, memory_order_acq_rel);
}

bool eventcount_wait(struct eventcount *count, uint32_t epoch, struct mono_time deadline)
{
    bool is_in_time = true;
    while (is_in_time && atomic_load_explicit(&count->epoch, memory_order_acquire) == epoch)
        is_in_time = futex_wait(&count->epoch, epoch, deadline);
    eventcount_cancel(count);
    return is_in_time;
}

void eventcount_notify(struct eventcount *count)
{
    if (atomic_fetch_add_explicit(&count->waiters, 0, memory_order_acq_rel) == 0)
        return;
    (void)atomic_fetch_add_explicit(&count->epoch, 1, memory_order_acq_rel);
    futex_wake(&count->epoch, INT32_MAX);
}

/* ---------------------------------------------------------------------------- doorbell */

static void fd_raise(int fd)
{
    uint64_t one = 1;
    ssize_t written;
    do
        written = write(fd, &one, sizeof(one));
    while (written < 0 && errno == EINTR); /* EAGAIN: it is raised already */
}

static void fd_lower(int fd)
{
    uint64_t value;
    ssize_t count;
    do
        count = read(fd, &value, sizeof(value));
    while (count < 0 && errno == EINTR); /* EAGAIN: it was not raised */
}

bool doorbell_init(struct doorbell *bell)
{
    atomic_init(&bell->sleep, DOORBELL_AWAKE);
    bell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return bell->fd >= 0;
}

void doorbell_fini(struct doorbell *bell)
{
    if (bell->fd >= 0)
        (void)close(bell->fd); /* an eventfd has nothing to lose */
    bell->fd = -1;
}

void doorbell_ring(struct doorbell *bell, bool is_urgent)
{
    uint32_t sleep = atomic_fetch_or_explicit(&bell->sleep, 0, memory_order_acq_rel);
    if (sleep == DOORBELL_AWAKE || (sleep == DOORBELL_NAP && !is_urgent))
        return;
    if (atomic_exchange_explicit(&bell->sleep, DOORBELL_AWAKE, memory_order_acq_rel) !=
        DOORBELL_AWAKE)
        fd_raise(bell->fd);
}

void doorbell_hurry(struct doorbell *bell)
{
    uint32_t expected = DOORBELL_NAP;
    if (atomic_compare_exchange_strong_explicit(&bell->sleep, &expected, DOORBELL_AWAKE,
                                                memory_order_acq_rel, memory_order_acquire))
        fd_raise(bell->fd);
}

void doorbell_sleep(struct doorbell *bell, enum doorbell_sleep how)
{
    (void)atomic_exchange_explicit(&bell->sleep, how, memory_order_acq_rel);
}

void doorbell_wake(struct doorbell *bell, bool has_rung)
{
    (void)atomic_exchange_explicit(&bell->sleep, DOORBELL_AWAKE, memory_order_acq_rel);
    if (has_rung)
        fd_lower(bell->fd);
}

/* -------------------------------------------------------------------------------- lamp */

bool lamp_init(struct lamp *lamp)
{
    atomic_init(&lamp->is_wanted, 0);
    atomic_init(&lamp->is_lit, 0);
    lamp->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return lamp->fd >= 0;
}

void lamp_fini(struct lamp *lamp)
{
    if (lamp->fd >= 0)
        (void)close(lamp->fd); /* an eventfd has nothing to lose */
    lamp->fd = -1;
}

int lamp_fd(struct lamp *lamp)
{
    if (atomic_exchange_explicit(&lamp->is_wanted, 1, memory_order_acq_rel) == 0)
        lamp_light(lamp); /* something may have come before the first question */
    return lamp->fd;
}

void lamp_light(struct lamp *lamp)
{
    if (atomic_fetch_or_explicit(&lamp->is_wanted, 0, memory_order_acq_rel) == 0)
        return;
    if (atomic_exchange_explicit(&lamp->is_lit, 1, memory_order_acq_rel) == 0)
        fd_raise(lamp->fd);
}

void lamp_put_out(struct lamp *lamp)
{
    if (atomic_load_explicit(&lamp->is_lit, memory_order_acquire) == 0)
        return;
    fd_lower(lamp->fd);
    (void)atomic_exchange_explicit(&lamp->is_lit, 0, memory_order_acq_rel);
}
