/* SPDX-License-Identifier: MPL-2.0
 *
 * clients/c/ring: order and bounds in one thread, then four threads that push and two that pop:
 * every item leaves once, and those of one thread in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "clients/c/ring.h"

#define PUSHERS    4
#define POPPERS    2
#define PER_PUSHER 100000

static void order_and_bounds(void **state)
{
    struct ring ring;
    struct ring_item item = {{0}};
    uint64_t position;
    (void)state;
    assert_true(ring_init(&ring, 3)); /* becomes 4 */
    assert_false(ring_has_item(&ring));
    assert_false(ring_pop(&ring, &item, NULL));
    for (uint64_t round = 0; round < 1000; round++) {
        for (uint64_t i = 0; i < 4; i++) {
            item.words[0] = round * 4 + i;
            assert_true(ring_push(&ring, &item, &position));
            assert_int_equal(position, round * 4 + i);
        }
        assert_false(ring_push(&ring, &item, NULL));
        assert_int_equal(ring_count(&ring), 4);
        for (uint64_t i = 0; i < 4; i++) {
            assert_true(ring_has_item(&ring));
            assert_true(ring_pop(&ring, &item, &position));
            assert_int_equal(item.words[0], round * 4 + i);
            assert_int_equal(position, round * 4 + i);
        }
        assert_false(ring_has_item(&ring));
    }
    ring_fini(&ring);
}

static struct ring shared;
static _Atomic uint64_t popped;
static _Atomic uint32_t seen[PUSHERS * PER_PUSHER];
static _Atomic uint32_t disorder;

static void *push_all(void *argument)
{
    uint64_t number = (uint64_t)(uintptr_t)argument;
    for (uint64_t i = 0; i < PER_PUSHER; i++) {
        struct ring_item item = {{number, i, number ^ i}};
        while (!ring_push(&shared, &item, NULL))
            (void)sched_yield();
    }
    return NULL;
}

static void *pop_all(void *argument)
{
    uint64_t next[PUSHERS] = {0};
    (void)argument;
    while (atomic_load(&popped) < PUSHERS * PER_PUSHER) {
        struct ring_item item;
        if (!ring_pop(&shared, &item, NULL)) {
            (void)sched_yield();
            continue;
        }
        atomic_fetch_add(&popped, 1);
        if (item.words[1] < next[item.words[0]] || item.words[2] != (item.words[0] ^ item.words[1]))
            atomic_fetch_add(&disorder, 1);
        next[item.words[0]] = item.words[1] + 1;
        atomic_fetch_add(&seen[item.words[0] * PER_PUSHER + item.words[1]], 1);
    }
    return NULL;
}

static void many_threads(void **state)
{
    pthread_t threads[PUSHERS + POPPERS];
    (void)state;
    assert_true(ring_init(&shared, 256));
    for (uintptr_t i = 0; i < PUSHERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, push_all, (void *)i), 0);
    for (int i = 0; i < POPPERS; i++)
        assert_int_equal(pthread_create(&threads[PUSHERS + i], NULL, pop_all, NULL), 0);
    for (int i = 0; i < PUSHERS + POPPERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < PUSHERS * PER_PUSHER; i++)
        assert_int_equal(atomic_load(&seen[i]), 1);
    assert_int_equal(atomic_load(&disorder), 0);
    ring_fini(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_bounds),
        cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
