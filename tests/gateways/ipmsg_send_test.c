/* SPDX-License-Identifier: MPL-2.0
 *
 * Four times, then knocking, ever more rarely.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateways/ipmsg/ipmsg_send.h"

static void test_the_times(void **state)
{
    static const int64_t wanted_s[] = {1, 1, 1, 5, 10, 20, 40, 80, 160, 300, 300, 300};
    struct ipmsg_schedule schedule = {0};
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < sizeof(wanted_s) / sizeof(wanted_s[0]); i++) {
            assert_int_equal(ipmsg_send_is_parked(&schedule), i >= IPMSG_SEND_TIMES);
            assert_int_equal(ipmsg_send_next(&schedule), wanted_s[i] * 1000);
        }
        ipmsg_send_again(&schedule);
    }
    schedule.sent = UINT32_MAX;
    assert_int_equal(ipmsg_send_next(&schedule), IPMSG_KNOCK_MS_MAX);
    assert_true(ipmsg_send_is_parked(&schedule));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_times)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
