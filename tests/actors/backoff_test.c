/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/backoff.c: the two presets by number, caps, floors, jitter, saturation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backoff.h"

#define MINUTE_MS (INT64_C(60) * 1000)

static void patient_doubles_for_ten_retries(void **state)
{
    (void)state;
    const int64_t minutes[] = {5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560};
    assert_int_equal(backoff_patient.retries_max, 10);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(backoff_offset_ms(&backoff_patient, i + 1), minutes[i] * MINUTE_MS);
}

static void brisk_goes_on_every_quarter_of_an_hour(void **state)
{
    (void)state;
    const int64_t seconds[] = {5, 10, 20, 40, 80, 160, 320, 640, 1280, 2180, 3080, 3980};
    for (uint32_t i = 0; i < 12; i++)
        assert_int_equal(backoff_offset_ms(&backoff_brisk, i + 1), seconds[i] * 1000);
}

static void due_counts_from_enqueue_but_not_before_now(void **state)
{
    (void)state;
    const struct {
        uint32_t retry;
        int64_t enqueue_ms, now_ms, due_ms;
    } cases[] = {
        {1, 0, 1000, 5 * MINUTE_MS},
        {2, 0, 6 * MINUTE_MS, 10 * MINUTE_MS},
        {1, 0, 60 * MINUTE_MS, 60 * MINUTE_MS + 1000}, /* long passed: soon, not at once */
        {3, 7 * MINUTE_MS, 8 * MINUTE_MS, 27 * MINUTE_MS},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(backoff_due_ms(&backoff_patient, cases[i].retry, cases[i].enqueue_ms,
                                        cases[i].now_ms, 12345),
                         cases[i].due_ms);
}

static void jitter_lengthens_within_its_percentage(void **state)
{
    (void)state;
    struct backoff backoff = backoff_patient;
    backoff.jitter_percent = 20;
    for (uint64_t random = 0; random < 1000000; random += 997) {
        int64_t due_ms = backoff_due_ms(&backoff, 1, 0, 0, random);
        assert_in_range(due_ms, 5 * MINUTE_MS, 6 * MINUTE_MS);
    }
}

static void absurd_retries_saturate(void **state)
{
    (void)state;
    assert_int_equal(backoff_offset_ms(&backoff_patient, UINT32_MAX), INT64_C(1) << 45);
    assert_true(backoff_offset_ms(&backoff_brisk, UINT32_MAX) <= INT64_C(1) << 45);
    assert_true(backoff_offset_ms(&backoff_brisk, 1000000) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patient_doubles_for_ten_retries),
        cmocka_unit_test(brisk_goes_on_every_quarter_of_an_hour),
        cmocka_unit_test(due_counts_from_enqueue_but_not_before_now),
        cmocka_unit_test(jitter_lengthens_within_its_percentage),
        cmocka_unit_test(absurd_retries_saturate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
