/* SPDX-License-Identifier: MPL-2.0
 *
 * Appending now and later: the seqs, what is seen when, and that nothing is committed without its
 * rows.
 */
#include "store/append.h"

#include <stdio.h>
#include <string.h>

#include "rt/check.h"
#include "store/messages.h"
#include "store/statements.h"
#include "store/store_internal.h"
#include "store_fixture.h"

#define LATER_ROWS 2000 /* several pages of the table of those not yet written */

static size_t unwritten(const struct fixture *fixture)
{
    return fixture->store->unwritten->page.count;
}

/* The bodies of rows that wait must stay: each has its own. */
static uint64_t append_later(struct fixture *fixture, uint64_t n)
{
    static char bodies[LATER_ROWS + 1][24];
    CHECK(n <= LATER_ROWS);
    struct message_row row = fixture_message(fixture, n, 1);
    int size = snprintf(bodies[n], sizeof bodies[n], "body %d", (int)n);
    row.body = (struct bytes_view){(const uint8_t *)bodies[n], (size_t)size};
    assert_ok(message_append_later(fixture->store, &row));
    return row.seq;
}

static enum err check_body(void *context, const struct message_row *message)
{
    char wanted[24];
    uint64_t *count = context;
    int size = snprintf(wanted, sizeof wanted, "body %d", (int)message->seq);
    assert_false(message->is_damaged);
    assert_int_equal(message->body.size, size);
    assert_memory_equal(message->body.data, wanted, (size_t)size);
    (*count)++;
    return ERR_OK;
}

static uint64_t rows_there(struct fixture *fixture, uint64_t upto)
{
    static uint64_t seqs[LATER_ROWS];
    uint64_t count = 0;
    for (uint64_t i = 0; i < upto; i++)
        seqs[i] = i + 1;
    assert_ok(message_read(fixture->store, 0, seqs, upto, check_body, &count));
    return count;
}

static void test_rows_are_written_together(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    for (uint64_t n = 1; n <= LATER_ROWS; n++) {
        assert_int_equal(append_later(fixture, n), n);
        assert_in_range(unwritten(fixture), 1, n < 1500 ? n : n / 2);
    }
    assert_ok(message_append_rest(fixture->store));
    assert_int_equal(unwritten(fixture), 0);
    assert_ok(message_append_rest(fixture->store)); /* of nothing */
    assert_ok(store_commit(fixture->store));
    assert_ok(fixture_open_reader(fixture, &reader));
    struct store *writer = fixture->store;
    fixture->store = reader;
    assert_int_equal(rows_there(fixture, LATER_ROWS), LATER_ROWS);
    fixture->store = writer;
    store_close(&reader);
}

static void test_every_other_statement_sees_them(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    for (uint64_t n = 1; n <= 20; n++) {
        (void)append_later(fixture, n);
        if (n % 3 == 0)
            assert_int_equal(rows_there(fixture, n), n);
    }
    assert_true(unwritten(fixture) > 0);
    struct message_row row = fixture_message(fixture, 21, 1);
    row.body = (struct bytes_view){(const uint8_t *)"body 21", 7};
    assert_ok(message_append(fixture->store, &row));
    assert_int_equal(row.seq, 21);
    assert_int_equal(rows_there(fixture, 21), 21);
    (void)append_later(fixture, 22);
    assert_ok(store_commit(fixture->store)); /* with what was still waiting */
    assert_int_equal(rows_there(fixture, 22), 22);
}

static void test_a_rollback_drops_them(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    for (int i = 0; i < 3; i++) {
        assert_ok(store_begin(fixture->store));
        assert_int_equal(append_later(fixture, 1), 1);
        if (i == 1)
            assert_int_equal(rows_there(fixture, 1), 1);
        store_rollback(fixture->store);
        assert_int_equal(unwritten(fixture), 0);
        assert_int_equal(rows_there(fixture, 3), 0);
    }
    assert_ok(store_begin(fixture->store));
    (void)append_later(fixture, 1);
    (void)append_later(fixture, 2);
    assert_ok(store_commit(fixture->store));
    assert_int_equal(rows_there(fixture, 3), 2);
}

static void test_after_the_newest_was_removed(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    for (uint64_t n = 1; n <= 5; n++)
        (void)append_later(fixture, n);
    assert_ok(store_commit(fixture->store));
    assert_int_equal(
        sqlite3_exec(fixture->store->db, "DELETE FROM message WHERE seq > 3", NULL, NULL, NULL),
        SQLITE_OK);
    store_close(&fixture->store);
    assert_ok(fixture_open(fixture, &fixture->store));
    fixture->store->last_seq = fixture->store->committed_last_seq = 5;
    assert_ok(store_begin(fixture->store));
    assert_int_equal(append_later(fixture, 6), 6);
    assert_int_equal(append_later(fixture, 7), 7);
    assert_ok(store_commit(fixture->store));
    assert_int_equal(rows_there(fixture, 7), 5);
}

static void test_nothing_is_committed_without_its_rows(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    (void)append_later(fixture, 1);
    assert_ok(store_commit(fixture->store));
    for (int is_seen = 0; is_seen < 2; is_seen++) {
        uint64_t seq = 2, count = 0;
        assert_ok(store_begin(fixture->store));
        fixture->store->last_seq = 0; /* the table refuses it: it is there already */
        (void)append_later(fixture, 1);
        enum err err = is_seen ? message_read(fixture->store, 0, &seq, 1, check_body, &count)
                               : message_append_rest(fixture->store);
        assert_int_not_equal(err, ERR_OK);
        assert_int_equal(count, 0);
        struct message_row row = fixture_message(fixture, 2, 1);
        assert_err(message_append_later(fixture->store, &row), err);
        assert_err(store_commit(fixture->store), err);
    }
    assert_ok(store_begin(fixture->store));
    assert_int_equal(append_later(fixture, 2), 2);
    assert_ok(store_commit(fixture->store));
    assert_int_equal(rows_there(fixture, 3), 2);
}

/* Every column with every width it can have, through the page and by a statement of its own, and
 * bodies on both sides of what a page takes: read back as they were, in a file that is whole. */
static enum err check_same(void *context, const struct message_row *message)
{
    const struct message_row *wanted = context;
    assert_false(message->is_damaged); /* all of it is in the checksum */
    assert_int_equal(message->seq, wanted->seq);
    assert_int_equal(message->checksum, wanted->checksum);
    assert_int_equal(message->body.size, wanted->body.size);
    assert_true((message->key.data == NULL) == (wanted->key.data == NULL));
    return ERR_OK;
}

static void append_and_compare(struct fixture *fixture, struct message_row *row)
{
    assert_ok(store_begin(fixture->store));
    assert_ok(message_append_later(fixture->store, row));
    assert_ok(store_commit(fixture->store));
    assert_ok(message_read(fixture->store, 0, &row->seq, 1, check_same, row));
}

static void append_all_shapes(struct fixture *fixture)
{
    static const size_t sizes[] = {0, 1, 255, 4096, 60000, 65000, 65300, 65536, 200000};
    static uint8_t bytes[200000];
    for (unsigned i = 0; i < 64; i++) {
        struct message_row row = fixture_message(fixture, 0, 1);
        int64_t value = i == 63 ? INT64_MAX : ((int64_t)1 << i) - (i % 2);
        row.stored_ms = row.created_ms = row.conversation = value;
        row.expires_ms = row.not_before_ms = -value;
        row.flags = row.kind = row.priority = (uint32_t)value;
        if (i % 3 == 0)
            row.content_type = row.reply_to = (struct bytes_view){(const uint8_t *)"text", 4};
        if (i % 5 == 0)
            row.key = row.headers = (struct bytes_view){bytes, i % 2 ? 300 : 0};
        row.body = (struct bytes_view){bytes, sizes[i % (sizeof sizes / sizeof *sizes)]};
        append_and_compare(fixture, &row);
    }
}

static void test_every_shape_of_a_message(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    assert_true(fixture->store->unwritten->is_mapped);
    append_all_shapes(fixture);
    fixture->store->unwritten->is_mapped = false; /* an SQLite that cannot */
    append_all_shapes(fixture);
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(
        sqlite3_prepare_v2(fixture->store->db, "PRAGMA main.integrity_check", -1, &stmt, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "ok");
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
}

/* What makes it quick: no column is looked at. */
static void test_records_are_copied(void **state)
{
    struct fixture *fixture = *state;
    char text[256];
    bool has_copy = false, has_column = false;
    sqlite3_stmt *stmt = NULL;
    (void)snprintf(text, sizeof text, "EXPLAIN %s",
                   statement_info(STATEMENT_message_append_unwritten)->sql);
    assert_int_equal(sqlite3_prepare_v2(fixture->store->db, text, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *operation = (const char *)sqlite3_column_text(stmt, 1);
        has_copy |= strcmp(operation, "RowData") == 0;
        has_column |= strcmp(operation, "Column") == 0;
    }
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    assert_true(has_copy && !has_column);
}

static void test_too_large(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    struct message_row row = fixture_message(fixture, 1, 1);
    row.body.size = (size_t)1 << 30;
    assert_err(message_append_later(fixture->store, &row), ERR_TOO_LARGE);
    assert_int_equal(append_later(fixture, 1), 1); /* no seq was used up */
    assert_ok(store_commit(fixture->store));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_rows_are_written_together),
        TEST(test_every_other_statement_sees_them),
        TEST(test_a_rollback_drops_them),
        TEST(test_after_the_newest_was_removed),
        TEST(test_nothing_is_committed_without_its_rows),
        TEST(test_every_shape_of_a_message),
        TEST(test_records_are_copied),
        TEST(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
