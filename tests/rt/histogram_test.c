/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/histogram: buckets cover all values without gaps, quantiles are right to a step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rt/histogram.h"

static struct histogram one, two;

static void buckets_have_no_gaps(void **state)
{
    (void)state;
    for (size_t bucket = 0; bucket + 1 < HISTOGRAM_BUCKETS; bucket++) {
        uint64_t end = histogram_bucket_end(bucket);
        assert_int_equal(histogram_bucket(end), bucket);
        assert_int_equal(histogram_bucket(end + 1), bucket + 1);
    }
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
    assert_int_equal(histogram_bucket_end(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
}

static void quantiles(void **state)
{
    (void)state;
    memset(&one, 0, sizeof(one));
    assert_int_equal(histogram_quantile(&one, 0.5), 0);
    for (uint64_t value = 1; value <= 10000; value++)
        histogram_record(&one, value);
    assert_in_range(histogram_quantile(&one, 0.5), 5000, 5400);
    assert_in_range(histogram_quantile(&one, 0.99), 9900, 10000);
    assert_int_equal(histogram_quantile(&one, 1.0), 10000);
    assert_int_equal(histogram_quantile(&one, 0.0), 1);
    assert_int_equal(histogram_count_to(&one, 15), 15);
    assert_int_equal(histogram_count_to(&one, UINT64_MAX), 10000);
}

static void merge_and_clear(void **state)
{
    (void)state;
    histogram_clear(&one);
    memset(&two, 0, sizeof(two));
    histogram_record(&one, 3);
    histogram_record(&two, 1000000);
    histogram_merge(&one, &two);
    assert_int_equal(atomic_load(&one.count), 2);
    assert_int_equal(atomic_load(&one.sum), 1000003);
    assert_int_equal(atomic_load(&one.max), 1000000);
    assert_int_equal(histogram_quantile(&one, 0.5), 3);
    histogram_clear(&one);
    assert_int_equal(histogram_count_to(&one, UINT64_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_have_no_gaps),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(merge_and_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
