/* SPDX-License-Identifier: MPL-2.0
 *
 * The throttle: so many failures within the window lock a name for a time, and reopening the store
 * changes nothing of it.
 */
#include "store/throttle.h"

#include "store_fixture.h"

static const struct throttle_policy policy = {.failures_max = 3, .window_ms = 100, .lock_ms = 1000};

static struct throttle_row fail_at(struct fixture *fixture, const char *name, int64_t now_ms)
{
    struct throttle_row row;
    assert_ok(store_begin(fixture->store));
    assert_ok(throttle_fail(fixture->store, name, now_ms, &policy, &row));
    assert_ok(store_commit(fixture->store));
    return row;
}

static void test_locks_and_opens(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fail_at(fixture, "ana", 10).failures, 1);
    assert_int_equal(fail_at(fixture, "bob", 10).failures, 1);
    assert_int_equal(fail_at(fixture, "ana", 20).locked_until_ms, 0);
    struct throttle_row row = fail_at(fixture, "ana", 30);
    assert_int_equal(row.locked_until_ms, 1030);
    row = fail_at(fixture, "ana", 500); /* changes nothing */
    assert_true(row.locked_until_ms == 1030 && row.failures == 3 && row.first_ms == 10);
    store_close(&fixture->store);
    assert_ok(fixture_open(fixture, &fixture->store));
    assert_ok(throttle_read(fixture->store, "ana", &row));
    assert_int_equal(row.locked_until_ms, 1030);
    row = fail_at(fixture, "ana", 1030); /* the lock is over: anew */
    assert_true(row.locked_until_ms == 0 && row.failures == 1 && row.first_ms == 1030);
}

static void test_the_window_ends(void **state)
{
    struct fixture *fixture = *state;
    (void)fail_at(fixture, "ana", 10);
    (void)fail_at(fixture, "ana", 20);
    struct throttle_row row = fail_at(fixture, "ana", 110);
    assert_true(row.failures == 1 && row.locked_until_ms == 0);
    row = fail_at(fixture, "ana", 50); /* the clock was set back */
    assert_true(row.failures == 1 && row.first_ms == 50);
}

static void test_clear_and_sweep(void **state)
{
    struct fixture *fixture = *state;
    struct throttle_row row;
    uint64_t count = 0;
    (void)fail_at(fixture, "old", 10);
    (void)fail_at(fixture, "new", 150);
    for (int i = 0; i < 3; i++)
        (void)fail_at(fixture, "locked", 10);
    assert_ok(store_begin(fixture->store));
    assert_ok(throttle_sweep(fixture->store, 200, policy.window_ms, 10, &count));
    assert_int_equal(count, 1);
    assert_ok(throttle_clear(fixture->store, "locked", &count));
    assert_int_equal(count, 1);
    assert_ok(throttle_clear(fixture->store, "locked", &count));
    assert_int_equal(count, 0);
    assert_ok(store_commit(fixture->store));
    assert_ok(throttle_read(fixture->store, "old", &row));
    assert_int_equal(row.failures, 0);
    assert_ok(throttle_read(fixture->store, "new", &row));
    assert_int_equal(row.failures, 1);
    assert_ok(throttle_read(fixture->store, "locked", &row));
    assert_int_equal(row.locked_until_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_locks_and_opens, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_the_window_ends, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_clear_and_sweep, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
