/* SPDX-License-Identifier: MPL-2.0
 *
 * The table `slice`: what it shows, of which connection, and that it can be read more than once.
 */
#include "store/slice_table.h"

#include <string.h>

#include "rt/check.h"
#include "store/store_internal.h"
#include "store_fixture.h"

static const char *const all =
    "SELECT group_concat(format('%d %d %d %d %d %s', seq, conversation, peer_id, stored_ms, kind,"
    " hex(message_id)), ';') FROM slice";

static void check_query(struct store *store, const char *sql, const char *wanted)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(stmt, 0);
    assert_string_equal(text ? text : "", wanted);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
}

static void test_it_shows_the_view(void **state)
{
    struct fixture *fixture = *state;
    struct slice *slice = &fixture->store->slice;
    check_query(fixture->store, all, "");
    slice_reset(slice, 2);
    slice->rows[0] = (struct slice_row){.seq = 1, .conversation = 5, .peer_id = 6, .kind = 8};
    slice->rows[1] = (struct slice_row){.seq = 2, .conversation = -5, .stored_ms = INT64_MIN};
    memset(slice->rows[1].message_id, 0xab, sizeof slice->rows[1].message_id);
    slice->count = 2;
    check_query(fixture->store, all, "");
    slice_by_conversation(slice);
    for (int i = 0; i < 2; i++)
        check_query(fixture->store, all,
                    "2 -5 0 -9223372036854775808 0 ABABABABABABABABABABABABABABABAB;"
                    "1 5 6 0 8 00000000000000000000000000000000");
    check_query(fixture->store, "SELECT count(*) FROM slice a CROSS JOIN slice b", "4");
    check_query(fixture->store, "SELECT rowid FROM slice WHERE seq = 1", "1");
}

static void test_a_reader_has_none(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_ok(fixture_open_reader(fixture, &reader));
    assert_int_equal(sqlite3_prepare_v2(reader->db, all, -1, &stmt, NULL), SQLITE_ERROR);
    store_close(&reader);
}

static void test_nothing_can_be_written(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(sqlite3_exec(fixture->store->db, "DELETE FROM slice", 0, 0, 0), SQLITE_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_shows_the_view),
        cmocka_unit_test(test_a_reader_has_none),
        cmocka_unit_test(test_nothing_can_be_written),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
