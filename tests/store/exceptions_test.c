/* SPDX-License-Identifier: MPL-2.0
 *
 * Exceptions: one per consumer and message, listed in order, trimmed by the floor, gone with the
 * consumer.
 */
#include "rt/check.h"
#include "store/consumers.h"
#include "store_fixture.h"

static enum err sum_exceptions(void *context, const struct exception_row *row)
{
    uint64_t *sum = context;
    CHECK(row->text != NULL);
    *sum += row->seq * (uint64_t)row->state;
    return ERR_OK;
}

static void put(struct fixture *fixture, int64_t consumer_id, uint64_t seq, uint64_t last_seq,
                enum exception_state state)
{
    struct exception_row row = {
        .consumer_id = consumer_id, .seq = seq, .last_seq = last_seq, .state = state};
    assert_ok(exception_put(fixture->store, &row));
}

static void test_exceptions(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = 0;
    uint64_t all = 0, live = 0, dead = 0, page = 0, gone = 0;
    struct consumer_counts counts;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    assert_ok(consumer_create(fixture->store, fixture->scope_id, "main", 10, 1, &id));
    put(fixture, id, 5, 5, EXCEPTION_SETTLED);
    put(fixture, id, 6, 6, EXCEPTION_DEAD);
    put(fixture, id, 7, 7, EXCEPTION_RETRY);
    put(fixture, id, 8, 12, EXCEPTION_EXPIRED);
    put(fixture, id, 15, 15, EXCEPTION_RETRY);
    put(fixture, id, 15, 15, EXCEPTION_DEAD); /* the same message, later */
    put(fixture, id, 16, 16, EXCEPTION_SETTLED);
    assert_ok(store_commit(fixture->store));
    assert_ok(exception_load(fixture->store, 0, 0, false, 100, sum_exceptions, &all));
    assert_int_equal(all, 5 + 6 * 4 + 7 * 2 + 8 * 5 + 15 * 4 + 16);
    assert_ok(exception_load(fixture->store, 0, 0, true, 100, sum_exceptions, &live));
    assert_int_equal(live, all - 6 * 4);
    assert_ok(exception_load(fixture->store, id, 8, false, 1, sum_exceptions, &page));
    assert_int_equal(page, 15 * 4);
    assert_ok(exception_list(fixture->store, id, EXCEPTION_DEAD, 6, 100, sum_exceptions, &dead));
    assert_int_equal(dead, 15 * 4);
    assert_ok(consumer_count(fixture->store, id, &counts));
    assert_int_equal(counts.settled_above, 1);
    assert_int_equal(counts.dead, 2);
    assert_int_equal(counts.expired, 1);
    assert_int_equal(counts.retry, 1);
    assert_ok(store_begin(fixture->store));
    assert_ok(exception_trim(fixture->store, id, 10));
    assert_ok(exception_remove(fixture->store, id, 7));
    assert_ok(store_commit(fixture->store));
    assert_ok(exception_load(fixture->store, 0, 0, false, 100, sum_exceptions, &gone));
    assert_int_equal(gone, all - 5 - 7 * 2);
    assert_ok(store_begin(fixture->store));
    assert_ok(consumer_remove(fixture->store, id));
    assert_ok(store_commit(fixture->store));
    gone = 0;
    assert_ok(exception_load(fixture->store, 0, 0, false, 100, sum_exceptions, &gone));
    assert_int_equal(gone, 0);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_exceptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
