/* SPDX-License-Identifier: MPL-2.0
 *
 * gateways/http/http_samples: rates, gauges, percentiles and heat from blocks of metrics, over any
 * time between two samples, and the ring of ten minutes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateways/http/http_samples.h"

#define STEP_NS 1000000000

struct scene {
    struct metrics blocks[2];
    struct http_samples *samples;
    int64_t now_ns, wall_ms;
};

static struct scene scene;

static int setup(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof(scene));
    scene.blocks[0].actor = "persistence";
    scene.blocks[1].actor = "sync-manager";
    scene.samples = http_samples_new();
    scene.now_ns = 5 * (int64_t)STEP_NS;
    scene.wall_ms = 1700000000000;
    return scene.samples ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    http_samples_destroy(&scene.samples);
    return 0;
}

static bool take_after(int64_t elapsed_ms)
{
    scene.now_ns += elapsed_ms * 1000000;
    scene.wall_ms += elapsed_ms;
    return http_samples_take(scene.samples, scene.blocks, 2, (struct mono_time){scene.now_ns},
                             (struct wall_time){scene.wall_ms});
}

static int64_t value(enum http_series series)
{
    return http_samples_newest(scene.samples)->values[series];
}

static void the_first_look_is_no_sample(void **state)
{
    (void)state;
    metrics_add(&scene.blocks[0], METRIC_STORED, 1000000); /* before anybody looked */
    metrics_record(&scene.blocks[0], METRIC_COMMIT_US, 5000000);
    assert_false(take_after(0));
    assert_null(http_samples_newest(scene.samples));
    assert_true(take_after(1000));
    assert_int_equal(value(HTTP_SERIES_STORED), 0);
    assert_int_equal(value(HTTP_SERIES_COMMIT_P99), HTTP_SAMPLE_NONE);
    assert_int_equal(http_samples_newest(scene.samples)->at_ms, 1700000001000);
}

static void rates_are_per_second(void **state)
{
    (void)state;
    (void)take_after(0);
    metrics_add(&scene.blocks[0], METRIC_STORED, 500);
    metrics_add(&scene.blocks[1], METRIC_STORED, 100);
    assert_true(take_after(1000));
    assert_int_equal(value(HTTP_SERIES_STORED), 600);
    metrics_add(&scene.blocks[0], METRIC_STORED, 500);
    assert_true(take_after(2000)); /* a late sample */
    assert_int_equal(value(HTTP_SERIES_STORED), 250);
    assert_false(take_after(0)); /* no time has passed */
    assert_int_equal(http_samples_count(scene.samples), 2);
}

static void gauges_are_summed(void **state)
{
    (void)state;
    (void)take_after(0);
    metrics_set(&scene.blocks[0], METRIC_SESSIONS, 3);
    metrics_set(&scene.blocks[1], METRIC_SESSIONS, 4);
    metrics_set(&scene.blocks[1], METRIC_WAITING, 12345);
    assert_true(take_after(1000));
    assert_int_equal(value(HTTP_SERIES_SESSIONS), 7);
    assert_int_equal(value(HTTP_SERIES_WAITING), 12345);
}

static void percentiles_are_of_this_second_only(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        metrics_record(&scene.blocks[0], METRIC_COMMIT_US, 900000); /* long ago */
    (void)take_after(0);
    for (int i = 0; i < 98; i++)
        metrics_record(&scene.blocks[0], METRIC_COMMIT_US, 1000);
    for (int i = 0; i < 2; i++)
        metrics_record(&scene.blocks[1], METRIC_COMMIT_US, 50000);
    for (int i = 0; i < 10; i++)
        metrics_record(&scene.blocks[0], METRIC_COMMIT_MESSAGES, 40);
    assert_true(take_after(1000));
    assert_in_range(value(HTTP_SERIES_COMMIT_P50), 1000, 1064);
    assert_in_range(value(HTTP_SERIES_COMMIT_P99), 50000, 53000);
    assert_int_equal(value(HTTP_SERIES_BATCH), 40);
    assert_int_equal(value(HTTP_SERIES_END_P50), HTTP_SAMPLE_NONE);
    assert_true(take_after(1000));
    assert_int_equal(value(HTTP_SERIES_COMMIT_P50), HTTP_SAMPLE_NONE);
    assert_int_equal(value(HTTP_SERIES_BATCH), 0);
}

static void heat_is_by_powers_of_two(void **state)
{
    (void)state;
    (void)take_after(0);
    assert_int_equal(http_heat_bound_us(0), 64);
    assert_int_equal(http_heat_bound_us(HTTP_HEAT_BUCKETS - 2), 64u << (HTTP_HEAT_BUCKETS - 2));
    metrics_record(&scene.blocks[0], METRIC_COMMIT_US, 0);
    metrics_record(&scene.blocks[0], METRIC_COMMIT_US, 60);
    for (int i = 0; i < 3; i++)
        metrics_record(&scene.blocks[0], METRIC_COMMIT_US, 100);
    metrics_record(&scene.blocks[0], METRIC_COMMIT_US, 1000000);
    metrics_record(&scene.blocks[0], METRIC_COMMIT_US, 3600000000u);
    assert_true(take_after(1000));
    const struct http_sample *sample = http_samples_newest(scene.samples);
    assert_int_equal(sample->heat[0], 2);
    assert_int_equal(sample->heat[1], 3);
    assert_int_equal(sample->heat[14], 1); /* 2^20 us and less */
    assert_int_equal(sample->heat[HTTP_HEAT_BUCKETS - 1], 1);
    uint32_t total = 0;
    for (size_t i = 0; i < HTTP_HEAT_BUCKETS; i++)
        total += sample->heat[i];
    assert_int_equal(total, 7);
}

static void actors_are_busy_for_a_share(void **state)
{
    (void)state;
    metrics_add(&scene.blocks[0], METRIC_BUSY_NS, 77 * (int64_t)STEP_NS);
    (void)take_after(0);
    assert_int_equal(http_samples_actor(scene.samples, 0).busy_permille, 0);
    metrics_add(&scene.blocks[0], METRIC_BUSY_NS, STEP_NS / 4);
    metrics_add(&scene.blocks[0], METRIC_MESSAGES, 3000);
    metrics_add(&scene.blocks[1], METRIC_BUSY_NS,
                5 * (int64_t)STEP_NS); /* a turn of five seconds */
    assert_true(take_after(1000));
    assert_int_equal(http_samples_actor(scene.samples, 0).busy_permille, 250);
    assert_int_equal(http_samples_actor(scene.samples, 0).messages_per_s, 3000);
    assert_int_equal(http_samples_actor(scene.samples, 1).busy_permille, 1000);
    assert_int_equal(http_samples_actor(scene.samples, 2000).messages_per_s, 0);
}

static void ten_minutes_are_kept(void **state)
{
    (void)state;
    (void)take_after(0);
    for (int i = 1; i <= 1500; i++) {
        metrics_add(&scene.blocks[0], METRIC_STORED, i);
        assert_true(take_after(1000));
        size_t count = http_samples_count(scene.samples);
        assert_int_equal(count, i < 600 ? i : 600);
        assert_int_equal(value(HTTP_SERIES_STORED), i);
    }
    for (size_t i = 0; i < HTTP_SAMPLES_MAX; i++) {
        const struct http_sample *sample = http_samples_at(scene.samples, i);
        assert_int_equal(sample->values[HTTP_SERIES_STORED], 901 + i);
        assert_int_equal(sample->at_ms, 1700000000000 + (901 + (int64_t)i) * 1000);
    }
}

static void a_counter_that_went_back_is_no_huge_rate(void **state)
{
    (void)state;
    metrics_add(&scene.blocks[0], METRIC_STORED, 1000);
    (void)take_after(0);
    metrics_set(&scene.blocks[0], METRIC_STORED, 5);
    assert_true(take_after(1000));
    assert_int_equal(value(HTTP_SERIES_STORED), 5);
}

static void series_have_the_names_of_the_interface(void **state)
{
    (void)state;
    assert_string_equal(http_series_name(HTTP_SERIES_STORED), "stored");
    assert_string_equal(http_series_name(HTTP_SERIES_END_P99), "end_to_end_p99_us");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_look_is_no_sample, setup, teardown),
        cmocka_unit_test_setup_teardown(rates_are_per_second, setup, teardown),
        cmocka_unit_test_setup_teardown(gauges_are_summed, setup, teardown),
        cmocka_unit_test_setup_teardown(percentiles_are_of_this_second_only, setup, teardown),
        cmocka_unit_test_setup_teardown(heat_is_by_powers_of_two, setup, teardown),
        cmocka_unit_test_setup_teardown(actors_are_busy_for_a_share, setup, teardown),
        cmocka_unit_test_setup_teardown(ten_minutes_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_counter_that_went_back_is_no_huge_rate, setup, teardown),
        cmocka_unit_test(series_have_the_names_of_the_interface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
