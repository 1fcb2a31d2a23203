/* SPDX-License-Identifier: MPL-2.0
 *
 * What is written to a row comes back byte for byte: every size, absent and empty, extremes.
 */
#include <string.h>

#include "store/messages.h"
#include "store_fixture.h"

struct expected {
    const struct message_row *row;
    size_t count;
};

static bool is_same_view(struct bytes_view one, struct bytes_view other)
{
    return (one.data == NULL) == (other.data == NULL) && one.size == other.size &&
           (one.size == 0 || memcmp(one.data, other.data, one.size) == 0);
}

static enum err expect_row(void *context, const struct message_row *message)
{
    struct expected *expected = context;
    const struct message_row *row = expected->row;
    expected->count++;
    assert_false(message->is_damaged);
    assert_int_equal(message->seq, row->seq);
    assert_int_equal(message->stored_ms, row->stored_ms);
    assert_int_equal(message->conversation, row->conversation);
    assert_int_equal(message->flags, row->flags);
    assert_int_equal(message->priority, row->priority);
    assert_memory_equal(message->message_id, row->message_id, 16);
    assert_true(is_same_view(message->content_type, row->content_type));
    assert_true(is_same_view(message->key, row->key));
    assert_true(is_same_view(message->reply_to, row->reply_to));
    assert_true(is_same_view(message->correlation_id, row->correlation_id));
    assert_true(is_same_view(message->parent_id, row->parent_id));
    assert_true(is_same_view(message->headers, row->headers));
    assert_true(is_same_view(message->body, row->body));
    return ERR_OK;
}

static void round_trip(struct fixture *fixture, struct message_row *row)
{
    struct expected expected = {.row = row};
    assert_ok(store_begin(fixture->store));
    assert_ok(message_append(fixture->store, row));
    assert_ok(store_commit(fixture->store));
    assert_ok(message_read(fixture->store, row->scope_id, &row->seq, 1, expect_row, &expected));
    assert_int_equal(expected.count, 1);
    assert_ok(message_read(fixture->store, row->scope_id + 1, &row->seq, 1, expect_row, &expected));
    assert_int_equal(expected.count, 1);
}

static void test_every_size_comes_back(void **state)
{
    static const size_t sizes[] = {0, 1, 7, 8, 9, 255, 256, 3000, 4000, 4096, 10000, 20000};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct message_row row = fixture_message(fixture, i, sizes[i]);
        round_trip(fixture, &row);
    }
}

static void test_absent_empty_and_zero_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct message_row row = fixture_message(fixture, 1, 10);
    row.content_type = (struct bytes_view){(const uint8_t *)"", 0};
    row.key = (struct bytes_view){(const uint8_t *)"a\0b", 3};
    row.reply_to = (struct bytes_view){(const uint8_t *)"x\0y", 3};
    row.headers = (struct bytes_view){(const uint8_t *)"", 0};
    row.stored_ms = INT64_MAX;
    row.conversation = INT64_MIN;
    row.flags = UINT32_MAX;
    row.priority = UINT32_MAX;
    round_trip(fixture, &row);
    row.body = (struct bytes_view){NULL, 0}; /* a body is never absent, only empty */
    round_trip(fixture, &row);
    assert_non_null(row.body.data);
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
        WITH_STORE(test_every_size_comes_back),
        WITH_STORE(test_absent_empty_and_zero_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
