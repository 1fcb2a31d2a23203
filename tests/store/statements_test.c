/* SPDX-License-Identifier: MPL-2.0
 *
 * Every statement prepares on the migrated schema, and none walks a whole table unless its row of
 * statements.def says why. Opening a store prepares those that write, which is to notice a table or
 * a column that is not there.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "rt/check.h"
#include "store/store_internal.h"
#include "store_fixture.h"

static void check_opens(struct store *store, int id)
{
    sqlite3_stmt *stmt = NULL;
    assert_ok(statement_open(store, (enum statement)id, &stmt));
    assert_non_null(stmt);
}

static void test_every_statement_prepares(void **state)
{
    struct fixture *fixture = *state;
    for (int id = 0; id < STATEMENT_COUNT; id++) {
        if (statement_info((enum statement)id)->access.is_write)
            assert_non_null(fixture->store->statements[id]); /* at once */
        check_opens(fixture->store, id);
    }
}

static void test_a_reader_prepares_at_first_use(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    assert_ok(fixture_open_reader(fixture, &reader));
    int prepared = 0;
    for (int id = 0; id < STATEMENT_COUNT; id++)
        prepared += reader->statements[id] != NULL;
    assert_in_range(prepared, 0, 8); /* what opening asks */
    for (int id = 0; id < STATEMENT_COUNT; id++) {
        if (statement_info((enum statement)id)->access.is_write)
            assert_null(reader->statements[id]);
        else
            check_opens(reader, id);
    }
    store_close(&reader);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

#define COLUMNS_MAX 512
#define NAME_BYTES  64

struct column {
    char table[NAME_BYTES], name[NAME_BYTES];
};

/* All columns of our tables; those that FTS5 makes for itself are its own business. */
static size_t list_columns(sqlite3 *db, struct column ret[COLUMNS_MAX])
{
    sqlite3_stmt *stmt = NULL;
    size_t count = 0;
    assert_int_equal(sqlite3_prepare_v2(
                         db,
                         "SELECT t.name, c.name FROM pragma_table_list t, pragma_table_info(t.name)"
                         " c WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE"
                         " 'sqlite_%' ORDER BY 1, 2",
                         -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        assert_true(count < COLUMNS_MAX);
        struct column *column = &ret[count++];
        (void)snprintf(column->table, NAME_BYTES, "%s", sqlite3_column_text(stmt, 0));
        (void)snprintf(column->name, NAME_BYTES, "%s", sqlite3_column_text(stmt, 1));
    }
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    return count;
}

static void test_no_column_can_be_missing(void **state)
{
    static struct column columns[COLUMNS_MAX];
    char sql[256];
    struct fixture *fixture = *state;
    struct store_options options = {.path = fixture->path};
    size_t count = list_columns(fixture->store->db, columns);
    assert_true(count > 100);
    store_close(&fixture->store);
    for (size_t i = 0; i < count; i++) {
        const struct column *column = &columns[i];
        (void)snprintf(sql, sizeof sql, "ALTER TABLE %.63s RENAME COLUMN %.63s TO gone",
                       column->table, column->name);
        run_sql(fixture->path, sql);
        enum err err = store_open(&options, &fixture->store);
        if (err != ERR_CORRUPT)
            print_error("nobody misses %s.%s\n", column->table, column->name);
        assert_err(err, ERR_CORRUPT);
        (void)snprintf(sql, sizeof sql, "ALTER TABLE %.63s RENAME COLUMN gone TO %.63s",
                       column->table, column->name);
        run_sql(fixture->path, sql);
    }
    assert_ok(fixture_open(fixture, &fixture->store));
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
        cmocka_unit_test(test_a_reader_prepares_at_first_use),
        cmocka_unit_test(test_every_plan_is_indexed),
        cmocka_unit_test(test_settings_are_in_force),
        cmocka_unit_test(test_a_callback_error_leaves_the_statement_usable),
        cmocka_unit_test(test_no_column_can_be_missing),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
