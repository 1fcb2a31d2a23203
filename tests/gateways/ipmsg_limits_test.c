/* SPDX-License-Identifier: MPL-2.0
 *
 * Floods: of one address, of a million, and that nobody else pays for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateways/ipmsg/ipmsg_limits.h"

static unsigned take_many(struct ipmsg_limits *limits, uint32_t address, unsigned count,
                          int64_t now_ms)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < count; i++)
        taken += ipmsg_limits_take(limits, &address, sizeof(address), now_ms);
    return taken;
}

static void test_a_flood_of_one(void **state)
{
    struct ipmsg_limits limits;
    (void)state;
    ipmsg_limits_init(&limits, 100, 50, 200);
    assert_int_equal(take_many(&limits, 1, 1000, 0), 200);
    assert_int_equal(take_many(&limits, 2, 10, 0), 10);
    assert_int_equal(take_many(&limits, 1, 1000, 1000), 50);
    assert_int_equal(take_many(&limits, 1, 1000, 1010), 0);
    assert_int_equal(take_many(&limits, 1, 1000, 100000), 200);
    assert_int_equal(take_many(&limits, 1, 1000, 50000), 0); /* back in time: nothing is given */
    assert_int_equal(take_many(&limits, 1, 1000, 51000), 50);
    ipmsg_limits_fini(&limits);
}

static void test_a_million_addresses(void **state)
{
    struct ipmsg_limits limits;
    (void)state;
    ipmsg_limits_init(&limits, 1000, 50, 200);
    assert_int_equal(take_many(&limits, 0, 150, 0), 150);
    unsigned taken = 0;
    for (uint32_t address = 1; address <= 1000000; address++)
        taken += take_many(&limits, address, 1, address / 1000); /* for a second */
    assert_int_equal(hash_count(&limits.buckets), 1000);
    assert_in_range(taken, 1199, 3000); /* who has a bucket, and what the others share */
    assert_int_equal(take_many(&limits, 0, 1000, 1000), 100); /* it had 50 left, and 50 came */
    assert_true(take_many(&limits, 2000000, 1, 60000) == 1);
    assert_in_range(hash_count(&limits.buckets), 1, 1000);
    ipmsg_limits_fini(&limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_flood_of_one),
        cmocka_unit_test(test_a_million_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
