/* SPDX-License-Identifier: MPL-2.0
 *
 * Reliability: exact numbers, and nothing that is no number.
 */
#include "peer_quality.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#define NOW 1790000000000

static void equal(double is, double should)
{
    assert_true(fabs(is - should) < 1e-12);
}

static double of(struct peer_quality quality)
{
    return peer_quality_reliability(&quality, NOW);
}

static void known_peers(void **state)
{
    (void)state;
    equal(of((struct peer_quality){0}), 0.5);
    equal(of((struct peer_quality){.transfers_ok = 12,
                                   .transfers_failed = 3,
                                   .latency_total_ms = 45 * 15,
                                   .latency_count = 15}),
          0.7565);
    equal(of((struct peer_quality){.transfers_ok = 10, .latency_count = 10}), 0.85);
    equal(of((struct peer_quality){
              .transfers_failed = 4, .latency_total_ms = 9000, .latency_count = 1}),
          0.15);
    equal(of((struct peer_quality){.transfers_ok = 1}), 0.7); /* latency not known */
    equal(of((struct peer_quality){.transfers_ok = UINT64_MAX, .transfers_failed = UINT64_MAX}),
          0.5);
}

static void uptime_counts_once_there_is_some(void **state)
{
    (void)state;
    const int64_t hour = 3600000;
    struct peer_quality quality = {.transfers_ok = 10, .latency_count = 10};
    quality.observed_ms = quality.online_since_ms = NOW - 59999;
    equal(of(quality), 0.85);
    quality.observed_ms = quality.online_since_ms = NOW - 60000;
    equal(of(quality), 1);
    quality = (struct peer_quality){
        .transfers_ok = 10, .latency_count = 10, .observed_ms = NOW - 4 * hour, .online_ms = hour};
    equal(of(quality), 0.4 + 0.3 + 0.3 / 4);
    quality.online_since_ms = NOW - hour;
    equal(of(quality), 0.4 + 0.3 + 0.3 / 2);
    quality.online_ms = 100 * hour; /* clocks were set */
    equal(of(quality), 1);
    quality.online_ms = -100 * hour;
    equal(of(quality), 0.7);
    quality.observed_ms = NOW + hour;
    equal(of(quality), 0.85);
}

static void what_was_imported_counts_until_something_is_measured(void **state)
{
    (void)state;
    struct peer_quality quality = {.transfers_ok = 10, .latency_count = 10};
    equal(peer_quality_of_imported(&quality, 0.25, NOW), 0.25);
    equal(peer_quality_of_imported(&quality, 0, NOW), 0);
    equal(peer_quality_of_imported(&quality, 1, NOW), 1);
    equal(peer_quality_of_imported(&quality, -1, NOW), 0.85);
    equal(peer_quality_of_imported(&quality, (double)NAN, NOW), 0.85);
    equal(peer_quality_of_imported(&quality, (double)INFINITY, NOW), 0.85);
    quality.observed_ms = NOW - 60000; /* and was never online: strange, but no crash */
    equal(peer_quality_of_imported(&quality, 0.25, NOW), 0.7);
}

static void the_mean_is_rounded(void **state)
{
    (void)state;
    static const uint64_t rows[][3] = {{0, 0, 0}, {10, 4, 2}, {11, 4, 3}, {45, 1, 45}, {7, 2, 3}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct peer_quality quality = {.latency_total_ms = rows[i][0], .latency_count = rows[i][1]};
        assert_int_equal(peer_quality_latency_ms(&quality), rows[i][2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_peers),
        cmocka_unit_test(uptime_counts_once_there_is_some),
        cmocka_unit_test(what_was_imported_counts_until_something_is_measured),
        cmocka_unit_test(the_mean_is_rounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
