/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/clock: arithmetic, and that the clocks run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rt/clock.h"

static void arithmetic(void **state)
{
    struct mono_time start = {5000000};
    (void)state;
    assert_int_equal(mono_add_ms(start, 7).ns, 12000000);
    assert_int_equal(mono_add_ms(start, -5).ns, 0);
    assert_int_equal(mono_elapsed_ms(start, mono_add_ms(start, 123)), 123);
    assert_true(mono_reached(start, start));
    assert_true(mono_reached(start, mono_add_ms(start, 1)));
    assert_false(mono_reached(mono_add_ms(start, 1), start));
    assert_false(mono_reached(MONO_NEVER, start));
}

static void clocks_run(void **state)
{
    (void)state;
    struct mono_time first = clock_mono_now();
    struct mono_time second = clock_mono_now();
    while (second.ns == first.ns)
        second = clock_mono_now();
    assert_true(second.ns > first.ns);
    assert_true(clock_wall_now().ms > 1600000000000); /* after 2020 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic),
        cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
