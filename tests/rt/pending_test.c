/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/pending: ids are never taken for one another, deadlines come in order, the table is bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rt/pending.h"

static uint64_t add(struct pending *pending, uint64_t context, int64_t deadline_ns)
{
    uint64_t correlation = 0;
    struct mono_time deadline = {deadline_ns};
    assert_int_equal(pending_add(pending, 2, 9, context, deadline, &correlation), ERR_OK);
    assert_int_not_equal(correlation, 0);
    return correlation;
}

static void answers_find_their_question(void **state)
{
    struct pending pending;
    struct question question;
    (void)state;
    pending_init(&pending, 1);
    assert_false(pending_close(&pending, 0, &question));
    assert_false(pending_close(&pending, 12345, &question));
    uint64_t first = add(&pending, 100, 50);
    uint64_t second = add(&pending, 200, 40);
    assert_int_equal(pending.count_by_target[2], 2);
    assert_int_equal(pending_next(&pending).ns, 40);
    assert_true(pending_close(&pending, first, &question));
    assert_int_equal(question.context, 100);
    assert_int_equal(question.kind, 9);
    assert_false(pending_close(&pending, first, &question));
    uint64_t third = add(&pending, 300, 60); /* in the place of the first */
    assert_false(pending_close(&pending, first, &question));
    assert_true(pending_close(&pending, third, &question));
    assert_true(pending_close(&pending, second, &question));
    assert_int_equal(pending_count(&pending), 0);
    assert_int_equal(pending_next(&pending).ns, MONO_NEVER.ns);
    pending_fini(&pending);
}

static void an_earlier_life_is_told_apart(void **state)
{
    struct pending pending;
    struct question question;
    (void)state;
    pending_init(&pending, 1);
    uint64_t old = add(&pending, 1, 50);
    pending_fini(&pending);
    pending_init(&pending, 2);
    uint64_t new = add(&pending, 2, 50);
    assert_int_not_equal(old, new);
    assert_false(pending_close(&pending, old, &question));
    assert_true(pending_close(&pending, new, &question));
    pending_fini(&pending);
}

static void deadlines_pass_in_order(void **state)
{
    struct pending pending;
    struct question question;
    (void)state;
    pending_init(&pending, 1);
    for (int64_t i = 0; i < 100; i++)
        (void)add(&pending, (uint64_t)i, 1000 - i % 10);
    struct mono_time now = {994};
    int64_t last = 0;
    size_t count = 0;
    while (pending_take_due(&pending, now, &question)) {
        assert_true(question.due.key >= last);
        last = question.due.key;
        count++;
    }
    assert_int_equal(count, 40);
    assert_int_equal(pending_count(&pending), 60);
    pending_fini(&pending);
}

static void the_table_is_bounded(void **state)
{
    struct pending pending;
    struct question question;
    uint64_t last = 0;
    (void)state;
    pending_init(&pending, 1);
    for (unsigned i = 0; i < ACTOR_ASKS_MAX; i++)
        last = add(&pending, i, i);
    uint64_t correlation = 0;
    assert_int_equal(pending_add(&pending, 2, 9, 0, MONO_NEVER, &correlation), ERR_BUSY);
    assert_int_equal(correlation, 0);
    assert_true(pending_close(&pending, last, &question));
    assert_int_equal(question.context, ACTOR_ASKS_MAX - 1);
    (void)add(&pending, 7, 7);
    pending_fini(&pending);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_find_their_question),
        cmocka_unit_test(an_earlier_life_is_told_apart),
        cmocka_unit_test(deadlines_pass_in_order),
        cmocka_unit_test(the_table_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
