/* SPDX-License-Identifier: MPL-2.0
 *
 * The log: what is appended comes back in order, and is found also before it is indexed.
 */
#include "store/messages.h"

#include <string.h>

#include "rt/check.h"
#include "store/store_internal.h"
#include "store_fixture.h"

static void test_too_large_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct message_row row = fixture_message(fixture, 1, 10);
    row.body.size = (size_t)STORE_VALUE_BYTES_MAX;
    assert_ok(store_begin(fixture->store));
    assert_err(message_append(fixture->store, &row), ERR_TOO_LARGE);
    row = fixture_message(fixture, 1, 10);
    assert_ok(message_append(fixture->store, &row));
    assert_int_equal(row.seq, 1);
    assert_ok(store_commit(fixture->store));
}

static enum err stop_at_third(void *context, const struct message_row *message)
{
    int *count = context;
    (void)message;
    return ++*count == 3 ? ERR_BUSY : ERR_OK;
}

static void test_a_visitor_ends_the_walk(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seqs[10];
    int count = 0;
    for (uint64_t i = 0; i < 10; i++)
        seqs[i] = fixture_append(fixture, i, 10);
    assert_err(message_read(fixture->store, 0, seqs, 10, stop_at_third, &count), ERR_BUSY);
    assert_int_equal(count, 3);
    struct fixture_rows rows = {.count = 0};
    assert_ok(message_read(fixture->store, 0, seqs, 10, fixture_collect, &rows));
    assert_int_equal(rows.count, 10);
    assert_ok(message_read(fixture->store, 0, seqs, 0, fixture_collect, &rows));
    assert_int_equal(rows.count, 10);
}

struct tail {
    size_t count;
    uint64_t last_seq;
};

static void note_tail(void *context, uint64_t seq, int64_t sender_id, const uint8_t message_id[16])
{
    struct tail *tail = context;
    uint64_t n = 0;
    memcpy(&n, message_id, sizeof n);
    CHECK(sender_id > 0 && n == seq);
    tail->count++;
    tail->last_seq = seq;
}

static void test_ids_are_found_in_both_parts(void **state)
{
    struct fixture *fixture = *state;
    uint64_t left = 0, seq = 99;
    for (uint64_t n = 1; n <= 20; n++)
        (void)fixture_append(fixture, n, 10);
    assert_ok(store_begin(fixture->store));
    assert_ok(message_index_slice(fixture->store, 12, &left));
    assert_ok(store_commit(fixture->store));
    for (uint64_t n = 1; n <= 20; n++) {
        struct message_row row = fixture_message(fixture, n, 10);
        struct fixture_rows rows = {.count = 0};
        assert_ok(message_find_id(fixture->store, row.message_id, fixture_collect, &rows));
        assert_int_equal(rows.count, 1);
        assert_int_equal(rows.seqs[0], n);
        assert_ok(message_find_indexed(fixture->store, row.sender_id, row.message_id, &seq));
        assert_int_equal(seq, n <= 12 ? n : 0);
        assert_ok(message_find_indexed(fixture->store, 4711, row.message_id, &seq));
        assert_int_equal(seq, 0);
    }
    struct tail tail = {.count = 0};
    assert_ok(message_visit_tail_ids(fixture->store, note_tail, &tail));
    assert_int_equal(tail.count, 8);
    assert_int_equal(tail.last_seq, 20);
}

static void expect_highest(struct fixture *fixture, const uint8_t expected[16])
{
    uint8_t id[16];
    memset(id, 0x55, sizeof id);
    assert_ok(message_highest_id(fixture->store, id));
    assert_memory_equal(id, expected, sizeof id);
}

static void append_id(struct fixture *fixture, uint8_t first_byte)
{
    struct message_row row = fixture_message(fixture, 1, 10);
    row.message_id[0] = first_byte;
    assert_ok(store_begin(fixture->store));
    assert_ok(message_append(fixture->store, &row));
    assert_ok(store_commit(fixture->store));
}

/* Ids are in the order of their bytes, not of the log, and only the indexed ones count. */
static void test_highest_id_of_the_index(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t none[16];
    uint64_t left = 0;
    struct message_row row = fixture_message(fixture, 1, 10);
    append_id(fixture, 3);
    append_id(fixture, 0xf0);
    append_id(fixture, 7);
    append_id(fixture, 0xf8);
    expect_highest(fixture, none);
    assert_ok(store_begin(fixture->store));
    assert_ok(message_index_slice(fixture->store, 3, &left));
    assert_ok(store_commit(fixture->store));
    row.message_id[0] = 0xf0;
    expect_highest(fixture, row.message_id);
}

static void test_heads_page_through(void **state)
{
    struct fixture *fixture = *state;
    struct message_head heads[7];
    uint64_t after = 0, total = 0;
    size_t count = 7;
    for (uint64_t n = 1; n <= 30; n++)
        (void)fixture_append(fixture, n, 10);
    while (count == 7) {
        assert_ok(message_read_heads(fixture->store, after, heads, 7, &count));
        for (size_t i = 0; i < count; i++)
            assert_int_equal(heads[i].seq, ++total);
        after = total;
    }
    assert_int_equal(total, 30);
    assert_ok(message_read_heads(fixture->store, 0, heads, 0, &count));
    assert_int_equal(count, 0);
}

static int setup(void **state)
{
    (void)fixture_setup(state); /* always 0 */
    fixture_fill(*state);
    return 0;
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_too_large_is_refused),        WITH_STORE(test_a_visitor_ends_the_walk),
        WITH_STORE(test_ids_are_found_in_both_parts), WITH_STORE(test_highest_id_of_the_index),
        WITH_STORE(test_heads_page_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
