/* SPDX-License-Identifier: MPL-2.0
 *
 * Every statement prepares on the migrated schema, and none walks a whole table unless its row of
 * statements.def says why.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "rt/check.h"
#include "store/store_internal.h"
#include "store_fixture.h"

static void test_every_statement_prepares(void **state)
{
    struct fixture *fixture = *state;
    for (int id = 0; id < STATEMENT_COUNT; id++)
        assert_non_null(fixture->store->statements[id]);
}

static void test_a_reader_prepares_no_write(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    assert_ok(fixture_open_reader(fixture, &reader));
    for (int id = 0; id < STATEMENT_COUNT; id++) {
        bool is_write = statement_info((enum statement)id)->access.is_write;
        assert_int_equal(is_write, reader->statements[id] == NULL);
    }
    store_close(&reader);
}

/* A line of a plan like "SCAN m" is a walk through a whole table, unless it walks the table's own
 * key with a lower bound or a LIMIT, which SQLite calls SEARCH, or in key order, which we allow for
 * a plain ORDER BY ... LIMIT. */
static bool is_full_scan(const char *detail, const char *sql)
{
    if (strncmp(detail, "SCAN ", 5) != 0)
        return false;
    if (strstr(detail, "CONSTANT ROW") || strstr(detail, "SCAN slice") ||
        strstr(detail, "SCAN unwritten") || strstr(detail, "SCAN (subquery"))
        return false;
    return !(strstr(sql, "ORDER BY") && strstr(sql, "LIMIT"));
}

static void check_plan(struct store *store, const struct statement_info *info)
{
    char text[8192];
    sqlite3_stmt *stmt = NULL;
    (void)snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", info->sql);
    assert_int_equal(sqlite3_prepare_v2(store->db, text, -1, &stmt, NULL), SQLITE_OK);
    bool is_sorted = false, is_scanned = false;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(stmt, 3);
        is_sorted |= strstr(detail, "USE TEMP B-TREE FOR ORDER BY") != NULL;
        if (is_full_scan(detail, info->sql)) {
            is_scanned = true;
            if (!info->access.scan_reason)
                print_error("%s: %s\n", info->name, detail);
        }
    }
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    assert_true(!is_scanned || info->access.scan_reason);
    /* An order that needs a sort reads everything before its LIMIT. */
    if (is_sorted && is_scanned)
        assert_non_null(info->access.scan_reason);
}

static void test_every_plan_is_indexed(void **state)
{
    struct fixture *fixture = *state;
    for (int id = 0; id < STATEMENT_COUNT; id++) {
        const struct statement_info *info = statement_info((enum statement)id);
        bool is_pragma = strncmp(info->sql, "PRAGMA", 6) == 0;
        if (!info->access.is_control && !is_pragma)
            check_plan(fixture->store, info);
    }
}

static void test_settings_are_in_force(void **state)
{
    static const struct {
        const char *sql, *wanted;
    } settings[] = {
        {"PRAGMA journal_mode", "wal"},     {"PRAGMA synchronous", "2"},
        {"PRAGMA secure_delete", "2"},      {"PRAGMA foreign_keys", "1"},
        {"PRAGMA trusted_schema", "0"},     {"PRAGMA cell_size_check", "1"},
        {"PRAGMA wal_autocheckpoint", "0"}, {"PRAGMA application_id", "1919905651"},
        {"PRAGMA page_size", "4096"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        sqlite3_stmt *stmt = NULL;
        assert_int_equal(sqlite3_prepare_v2(fixture->store->db, settings[i].sql, -1, &stmt, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(stmt, 0), settings[i].wanted);
        (void)sqlite3_finalize(stmt); /* repeats the last result */
    }
}

static void test_a_callback_error_leaves_the_statement_usable(void **state)
{
    struct fixture *fixture = *state;
    int64_t value = 0;
    bool has_row = true;
    assert_ok(
        statement_query_ints(fixture->store, STATEMENT_scope_last_seq, INTS(99), &value, &has_row));
    assert_false(has_row);
    assert_ok(statement_query_ints(fixture->store, STATEMENT_store_indexed_seq, 0, NULL, &value,
                                   &has_row));
    assert_true(has_row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_statement_prepares),
        cmocka_unit_test(test_a_reader_prepares_no_write),
        cmocka_unit_test(test_every_plan_is_indexed),
        cmocka_unit_test(test_settings_are_in_force),
        cmocka_unit_test(test_a_callback_error_leaves_the_statement_usable),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
