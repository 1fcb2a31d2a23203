/* SPDX-License-Identifier: MPL-2.0
 *
 * The one comparison.
 */
#include "presence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void one_comparison(void **state)
{
    (void)state;
    static const struct {
        int64_t seen, left, now;
        bool is_online;
    } rows[] = {
        {0, 0, 1000, false},                                 /* never seen */
        {1000, 0, 1000, true},                               /* just now */
        {1000, 0, 181000, true},                             /* at the timeout */
        {1000, 0, 181001, false},                            /* behind it */
        {1000, 1000, 1000, false},                           /* said goodbye */
        {1000, 2000, 1500, false}, {2001, 2000, 2001, true}, /* came back */
        {9000000, 0, 1000, true},                            /* the clock was ahead */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(presence_is_online(rows[i].seen, rows[i].left, rows[i].now, 180000),
                         rows[i].is_online);
}

static void online_since_is_the_same_bound(void **state)
{
    (void)state;
    int64_t since = presence_online_since(500000, 180000);
    assert_true(presence_is_online(since, 0, 500000, 180000));
    assert_false(presence_is_online(since - 1, 0, 500000, 180000));
    assert_int_equal(presence_online_since(5, 180000), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_comparison),
        cmocka_unit_test(online_since_is_the_same_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
