/* SPDX-License-Identifier: MPL-2.0
 *
 * Rows in memory as a table: every row once and in order, also in joins and after a change.
 */
#include "store/memory_table.h"

#include "rt/check.h"
#include "store_fixture.h"

struct numbers {
    size_t count;
    const int64_t *values;
};

static size_t number_count(const void *rows)
{
    return ((const struct numbers *)rows)->count;
}

static void number_column(const void *rows, size_t at, int column, sqlite3_context *result)
{
    const struct numbers *numbers = rows;
    CHECK(at < numbers->count);
    if (column == 0)
        sqlite3_result_int64(result, numbers->values[at]);
    else if (numbers->values[at] > 2) /* no result is NULL */
        sqlite3_result_text(result, "large", 5, SQLITE_STATIC);
}

static size_t ahead_count;

static void number_ahead(const void *rows, size_t at)
{
    CHECK(at < ((const struct numbers *)rows)->count);
    ahead_count++;
}

static const struct memory_table table = {
    .name = "number",
    .schema = "CREATE TABLE number (value, size)",
    .count = number_count,
    .column = number_column,
    .ahead = number_ahead,
};

static void check_query(sqlite3 *db, const char *sql, const char *wanted)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(stmt, 0);
    assert_string_equal(text ? text : "", wanted);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
}

static void test_rows_come_in_order(void **state)
{
    static const int64_t values[] = {3, 1, 2, 9, 8, 7, 6, 5, 4, 10, 11, 12};
    struct numbers numbers = {.values = values};
    sqlite3 *db = NULL;
    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(memory_table_register(db, &table, &numbers), SQLITE_OK);
    check_query(db, "SELECT count(*) FROM number", "0");
    numbers.count = 3;
    check_query(db, "SELECT group_concat(value || coalesce(size, '')) FROM number", "3large,1,2");
    check_query(db, "SELECT count(*) FROM number a CROSS JOIN number b", "9");
    check_query(db, "SELECT rowid FROM number WHERE value = 2", "2");
    check_query(db, "SELECT group_concat(value) FROM (SELECT value FROM number ORDER BY value)",
                "1,2,3");
    assert_int_equal(ahead_count, 0);
    numbers.count = 12;
    check_query(db, "SELECT sum(value) FROM number", "78");
    assert_true(ahead_count > 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_it_can_only_be_read(void **state)
{
    struct numbers numbers = {.count = 0};
    sqlite3 *db = NULL;
    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(memory_table_register(db, &table, &numbers), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DELETE FROM number", NULL, NULL, NULL), SQLITE_ERROR);
    assert_int_equal(sqlite3_exec(db, "CREATE VIRTUAL TABLE n2 USING number", NULL, NULL, NULL),
                     SQLITE_ERROR);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_a_bad_schema_is_an_error(void **state)
{
    static const struct memory_table bad = {
        .name = "bad", .schema = "CREATE", .count = number_count};
    struct numbers numbers = {.count = 0};
    sqlite3 *db = NULL;
    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(memory_table_register(db, &bad, &numbers), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT * FROM bad", NULL, NULL, NULL), SQLITE_ERROR);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_in_order),
        cmocka_unit_test(test_it_can_only_be_read),
        cmocka_unit_test(test_a_bad_schema_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
