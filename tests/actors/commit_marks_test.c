/* SPDX-License-Identifier: MPL-2.0
 *
 * Commit marks: the time of each message is that of the commit that reached it, as long as it is
 * remembered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "commit_marks.h"

static struct commit_marks marks;

static int empty(void **state)
{
    (void)state;
    marks = (struct commit_marks){.count = 0};
    return 0;
}

static int64_t found(uint64_t seq)
{
    struct mono_time at = {-1};
    return commit_marks_find(&marks, seq, &at) ? at.ns : -1;
}

static void the_commit_that_reached_it_counts(void **state)
{
    (void)state;
    assert_int_equal(found(1), -1);
    commit_marks_add(&marks, 10, (struct mono_time){100});
    commit_marks_add(&marks, 10, (struct mono_time){150}); /* brought nothing */
    commit_marks_add(&marks, 11, (struct mono_time){200});
    commit_marks_add(&marks, 50, (struct mono_time){300});
    assert_int_equal(found(1), 100);
    assert_int_equal(found(10), 100);
    assert_int_equal(found(11), 200);
    assert_int_equal(found(12), 300);
    assert_int_equal(found(50), 300);
    assert_int_equal(found(51), -1);
}

/* What was there at the start was committed by nobody knows when. */
static void what_was_there_before_is_not_known(void **state)
{
    (void)state;
    marks.before = 1000;
    commit_marks_add(&marks, 1000, (struct mono_time){100});
    assert_int_equal(found(1000), -1);
    commit_marks_add(&marks, 1003, (struct mono_time){200});
    assert_int_equal(found(1000), -1);
    assert_int_equal(found(1001), 200);
}

static void the_oldest_are_forgotten(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 3 * COMMIT_MARKS + 7; i++) {
        commit_marks_add(&marks, i * 10, (struct mono_time){(int64_t)i});
        assert_int_equal(found(i * 10 - 9), i);
        assert_int_equal(found(i * 10), i);
    }
    uint64_t oldest = 2 * COMMIT_MARKS + 8;
    assert_int_equal(found(oldest * 10 - 9), oldest);
    assert_int_equal(found(oldest * 10 - 10), -1);
    for (uint64_t i = oldest; i <= 3 * COMMIT_MARKS + 7; i++)
        assert_int_equal(found(i * 10 - 5), i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_commit_that_reached_it_counts, empty),
        cmocka_unit_test_setup(what_was_there_before_is_not_known, empty),
        cmocka_unit_test_setup(the_oldest_are_forgotten, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
