/* SPDX-License-Identifier: MPL-2.0
 *
 * Numbers given out once: they rise over restarts, stay in range, and begin again at the end.
 */
#include "store/numbers.h"

#include <stdio.h>

#include "store/store_internal.h"
#include "store_fixture.h"

static struct numbers_block reserve(struct fixture *fixture, const char *name, uint32_t count,
                                    uint64_t at_least)
{
    struct numbers_block block;
    assert_ok(store_begin(fixture->store));
    assert_ok(numbers_reserve(fixture->store, name, count, at_least, &block));
    assert_ok(store_commit(fixture->store));
    assert_int_equal(block.count, count);
    return block;
}

static void reopen(struct fixture *fixture)
{
    store_close(&fixture->store);
    assert_ok(fixture_open(fixture, &fixture->store));
}

static void test_they_rise_over_restarts(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(reserve(fixture, "ipmsg", 1000, 0).first, 1);
    assert_int_equal(reserve(fixture, "ipmsg", 1, 0).first, 1001);
    assert_int_equal(reserve(fixture, "other", 7, 0).first, 1);
    reopen(fixture);
    assert_int_equal(reserve(fixture, "ipmsg", 10, 0).first, 1002);
    assert_int_equal(reserve(fixture, "ipmsg", 10, 1790000000).first, 1790000000);
    assert_int_equal(reserve(fixture, "ipmsg", 10, 1790000000).first, 1790000010);
    assert_int_equal(reserve(fixture, "ipmsg", 10, 5).first, 1790000020); /* never back */
}

static void test_what_was_rolled_back_is_not_spent(void **state)
{
    struct fixture *fixture = *state;
    struct numbers_block block;
    assert_ok(store_begin(fixture->store));
    assert_ok(numbers_reserve(fixture->store, "ipmsg", 10, 0, &block));
    store_rollback(fixture->store);
    assert_int_equal(reserve(fixture, "ipmsg", 10, 0).first, 1);
}

static void test_the_end(void **state)
{
    struct fixture *fixture = *state;
    struct numbers_block block = reserve(fixture, "ipmsg", 1000, NUMBERS_LAST - 999);
    assert_int_equal(block.first, NUMBERS_LAST - 999); /* up to the last one */
    assert_false(block.is_wrapped);
    block = reserve(fixture, "ipmsg", 1, 0);
    assert_true(block.is_wrapped);
    assert_int_equal(block.first, 1);
    block = reserve(fixture, "ipmsg", 5, 0);
    assert_false(block.is_wrapped);
    assert_int_equal(block.first, 2);
    block = reserve(fixture, "ipmsg", 5, UINT64_MAX); /* no such number: as if not asked for */
    assert_int_equal(block.first, 7);
    (void)reserve(fixture, "ipmsg", 2, NUMBERS_LAST - 2);
    block = reserve(fixture, "ipmsg", 2, 0); /* one is left, which is no block */
    assert_true(block.is_wrapped);
    assert_int_equal(block.first, 1);
}

static void test_a_damaged_row_starts_anew(void **state)
{
    static const char *const damage[] = {"-5", "0", "9223372036854775807"};
    struct fixture *fixture = *state;
    (void)reserve(fixture, "ipmsg", 5, 0);
    for (size_t i = 0; i < 3; i++) {
        char sql[128];
        (void)snprintf(sql, sizeof sql,
                       "UPDATE progress SET value = %s WHERE name = 'numbers:ipmsg'", damage[i]);
        assert_int_equal(sqlite3_exec(fixture->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
        struct numbers_block block = reserve(fixture, "ipmsg", 5, 0);
        assert_int_equal(block.first, 1);
        assert_true(block.is_wrapped);
    }
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_they_rise_over_restarts),
        WITH_STORE(test_what_was_rolled_back_is_not_spent),
        WITH_STORE(test_the_end),
        WITH_STORE(test_a_damaged_row_starts_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
