/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/timer: order of firing, stopping and re-arming between collecting and running.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rt/timer.h"

static struct mono_time at(int64_t ns)
{
    return (struct mono_time){ns};
}

static void fires_in_order(void **state)
{
    struct timers timers;
    struct timer_due due[ACTOR_TIMERS_MAX];
    (void)state;
    timers_init(&timers);
    assert_int_equal(timers_next(&timers).ns, MONO_NEVER.ns);
    assert_int_equal(timers_collect(&timers, at(INT64_MAX), due), 0);
    timer_set(&timers, 3, at(30));
    timer_set(&timers, 1, at(10));
    timer_set(&timers, 15, at(10)); /* equal: in order of setting */
    timer_set(&timers, 0, at(10));
    timer_set(&timers, 7, at(99));
    assert_int_equal(timers_next(&timers).ns, 10);
    assert_int_equal(timers_collect(&timers, at(9), due), 0);
    assert_int_equal(timers_collect(&timers, at(30), due), 4);
    const unsigned expected[] = {1, 15, 0, 3};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(due[i].timer, expected[i]);
        assert_true(timers_take(&timers, due[i]));
        assert_false(timers_take(&timers, due[i])); /* once per setting */
    }
    assert_int_equal(timers_next(&timers).ns, 99);
}

static void a_handler_may_stop_or_rearm_another(void **state)
{
    struct timers timers;
    struct timer_due due[ACTOR_TIMERS_MAX];
    (void)state;
    timers_init(&timers);
    timer_set(&timers, 0, at(1));
    timer_set(&timers, 1, at(2));
    timer_set(&timers, 2, at(3));
    assert_int_equal(timers_collect(&timers, at(5), due), 3);
    assert_true(timers_take(&timers, due[0]));
    timer_set(&timers, 0, at(5)); /* itself again, due at once: waits for the next pass */
    timer_stop(&timers, 1);
    timer_set(&timers, 2, at(100));
    assert_false(timers_take(&timers, due[1]));
    assert_false(timers_take(&timers, due[2]));
    assert_true(timer_is_set(&timers, 0));
    assert_false(timer_is_set(&timers, 1));
    assert_int_equal(timers_collect(&timers, at(5), due), 1);
    assert_int_equal(timers_next(&timers).ns, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_in_order),
        cmocka_unit_test(a_handler_may_stop_or_rearm_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
