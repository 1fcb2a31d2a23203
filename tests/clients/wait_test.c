/* SPDX-License-Identifier: MPL-2.0
 *
 * clients/c/wait: deadlines, giving up against answering, and that no wake-up is ever lost: two
 * threads hand a number to and fro many times, each time through sleep.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>

#include "clients/c/wait.h"

#define ROUNDS 20000

static void latch_times_out(void **state)
{
    struct latch latch;
    (void)state;
    latch_init(&latch);
    struct mono_time start = clock_mono_now();
    assert_false(latch_wait(&latch, deadline_after(20)));
    assert_true(mono_elapsed_ms(start, clock_mono_now()) >= 19);
    assert_true(latch_is_abandoned(&latch));
    assert_false(latch_complete(&latch)); /* the completer has it now */
}

static void latch_answers(void **state)
{
    struct latch latch;
    (void)state;
    latch_init(&latch);
    assert_true(latch_complete(&latch));
    assert_true(latch_wait(&latch, MONO_NEVER));
    assert_true(latch_wait(&latch, deadline_after(0)));
}

struct court {
    struct eventcount count;
    _Atomic uint32_t ball;
};

static void *play(void *argument)
{
    struct court *court = argument;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        for (;;) {
            uint32_t epoch = eventcount_prepare(&court->count);
            if (atomic_load(&court->ball) == 2 * i + 1) {
                eventcount_cancel(&court->count);
                break;
            }
            if (!eventcount_wait(&court->count, epoch, deadline_after(5000)))
                return court; /* a wake-up was lost */
        }
        atomic_store(&court->ball, 2 * i + 2);
        eventcount_notify(&court->count);
    }
    return NULL;
}

static void eventcount_loses_nothing(void **state)
{
    struct court court;
    pthread_t other;
    void *failed;
    (void)state;
    eventcount_init(&court.count);
    atomic_init(&court.ball, 0);
    assert_int_equal(pthread_create(&other, NULL, play, &court), 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        atomic_store(&court.ball, 2 * i + 1);
        eventcount_notify(&court.count);
        while (atomic_load(&court.ball) != 2 * i + 2) {
            uint32_t epoch = eventcount_prepare(&court.count);
            if (atomic_load(&court.ball) == 2 * i + 2) {
                eventcount_cancel(&court.count);
                break;
            }
            assert_true(eventcount_wait(&court.count, epoch, deadline_after(5000)));
        }
    }
    assert_int_equal(pthread_join(other, &failed), 0);
    assert_null(failed);
}

static bool is_readable(int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    return poll(&item, 1, 0) == 1;
}

static void doorbell_rings_sleepers_only(void **state)
{
    struct doorbell bell;
    (void)state;
    assert_true(doorbell_init(&bell));
    doorbell_ring(&bell, true);
    assert_false(is_readable(bell.fd)); /* awake */
    doorbell_sleep(&bell, DOORBELL_NAP);
    doorbell_ring(&bell, false);
    assert_false(is_readable(bell.fd)); /* it looks by itself soon */
    doorbell_hurry(&bell);
    assert_true(is_readable(bell.fd));
    doorbell_wake(&bell, true);
    assert_false(is_readable(bell.fd));
    doorbell_sleep(&bell, DOORBELL_ASLEEP);
    doorbell_hurry(&bell);
    assert_false(is_readable(bell.fd)); /* only from a nap */
    doorbell_ring(&bell, false);
    assert_true(is_readable(bell.fd));
    doorbell_fini(&bell);
}

static void lamp_burns_while_there_is_news(void **state)
{
    struct lamp lamp;
    (void)state;
    assert_true(lamp_init(&lamp));
    lamp_light(&lamp);
    assert_false(is_readable(lamp.fd)); /* nobody asked for it */
    int fd = lamp_fd(&lamp);
    assert_true(is_readable(fd)); /* there may be news from before */
    lamp_put_out(&lamp);
    assert_false(is_readable(fd));
    lamp_light(&lamp);
    lamp_light(&lamp);
    assert_true(is_readable(fd));
    lamp_put_out(&lamp);
    assert_false(is_readable(fd));
    lamp_fini(&lamp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latch_times_out),
        cmocka_unit_test(latch_answers),
        cmocka_unit_test(eventcount_loses_nothing),
        cmocka_unit_test(doorbell_rings_sleepers_only),
        cmocka_unit_test(lamp_burns_while_there_is_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
