/* SPDX-License-Identifier: MPL-2.0
 *
 * Token buckets: never more than the rate and one burst in any time, against a count kept by hand; debts are
 * paid; clocks that stand still or jump far are harmless.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rt/bucket.h"

#define MS INT64_C(1000000)

static struct mono_time at(int64_t ms)
{
    return (struct mono_time){ms * MS};
}

static void test_no_bound(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    struct bucket_rate rate = {0, 1000};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(bucket_take(&bucket, &rate, UINT64_MAX, at(1)), 0);
    assert_true(bucket_is_full(&bucket, at(1)));
}

static void test_burst_then_rate(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    struct bucket_rate rate = {10, 1000}; /* 10 at once, then one each 100 ms */
    for (int i = 0; i < 10; i++)
        assert_int_equal(bucket_take(&bucket, &rate, 1, at(5000)), 0);
    uint32_t wait_ms = bucket_take(&bucket, &rate, 1, at(5000));
    assert_in_range(wait_ms, 1, 101);
    assert_int_equal(bucket_take(&bucket, &rate, 1, at(5000 + wait_ms)), 0);
    assert_int_not_equal(bucket_take(&bucket, &rate, 1, at(5000 + wait_ms)), 0);
    assert_false(bucket_is_full(&bucket, at(5900)));
    assert_true(bucket_is_full(&bucket, at(6200)));
}

/* Something larger than the bucket passes once; then its whole price is waited for. */
static void test_larger_than_the_bucket(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    struct bucket_rate rate = {100, 1000};
    assert_int_equal(bucket_take(&bucket, &rate, 1000, at(0)), 0);
    assert_in_range(bucket_take(&bucket, &rate, 1, at(0)), 9010, 9011);
    assert_int_not_equal(bucket_take(&bucket, &rate, 1, at(9008)), 0);
    assert_int_equal(bucket_take(&bucket, &rate, 1, at(9011)), 0);
    assert_int_not_equal(bucket_take(&bucket, &rate, 1000, at(9500)), 0);     /* it is not full */
    assert_int_equal(bucket_take(&bucket, &rate, UINT64_MAX, at(100000)), 0); /* a day at most */
    assert_in_range(bucket_take(&bucket, &rate, 1, at(100000)), 1, 24 * 3600 * 1000);
}

/* Whatever comes when: what passed in any stretch of time is at most rate x time + burst + the last one. */
static void test_never_more(void **state)
{
    (void)state;
    srandom(7);
    for (int round = 0; round < 200; round++) {
        struct bucket bucket = {0};
        struct bucket_rate rate = {1 + (uint64_t)random() % 1000, 100 + (uint32_t)random() % 3000};
        int64_t now_ms = 1000;
        double taken = 0, last = 0;
        for (int i = 0; i < 500; i++) {
            uint64_t amount = 1 + (uint64_t)random() % 20;
            if (bucket_take(&bucket, &rate, amount, at(now_ms)) == 0) {
                taken += (double)amount;
                last = (double)amount;
                double allowed =
                    (double)rate.per_s * (double)(now_ms - 1000 + rate.burst_ms) / 1000;
                assert_true(taken - last <= allowed + 1e-3);
            }
            now_ms += random() % 30;
        }
    }
}

/* A wait that was waited is enough, and one millisecond less is not more than one too much. */
static void test_the_wait_is_right(void **state)
{
    (void)state;
    srandom(11);
    for (int round = 0; round < 2000; round++) {
        struct bucket bucket = {0};
        struct bucket_rate rate = {1 + (uint64_t)random() % 5000, 1 + (uint32_t)random() % 2000};
        (void)bucket_take(&bucket, &rate, 1 + (uint64_t)random() % 50000, at(0));
        uint32_t wait_ms = bucket_take(&bucket, &rate, 1, at(0));
        struct bucket copy = bucket;
        if (wait_ms > 1)
            assert_int_not_equal(bucket_take(&copy, &rate, 1, at((int64_t)wait_ms - 2)), 0);
        if (wait_ms > 0)
            assert_int_equal(bucket_take(&bucket, &rate, 1, at(wait_ms)), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_bound),
        cmocka_unit_test(test_burst_then_rate),
        cmocka_unit_test(test_larger_than_the_bucket),
        cmocka_unit_test(test_never_more),
        cmocka_unit_test(test_the_wait_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
