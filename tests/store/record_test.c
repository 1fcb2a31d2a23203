/* SPDX-License-Identifier: MPL-2.0
 *
 * Records and leaf pages are, byte for byte, what SQLite writes for the same rows.
 */
#include "store/record.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"
#include "store_fixture.h"

#define PAGE_BYTES 65536
#define COLUMNS    5

static uint64_t seed;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* All widths, and the values on both sides of each. */
static int64_t random_integer(void)
{
    uint64_t value = (uint64_t)1 << (next_random() % 64);
    value += next_random() % 3;
    value -= 1;
    return (int64_t)(next_random() % 2 ? value : ~value);
}

static struct record_value random_value(void)
{
    static const char bytes[] = "0123456789";
    static const size_t sizes[] = {0, 1, 56, 57, 58, 59, 300, 8300, 20000};
    static char many[20001];
    memset(many, 'x', sizeof many - 1);
    switch (next_random() % 5) {
    case 0:
        return (struct record_value){.kind = RECORD_NULL};
    case 1:
        return (struct record_value){.kind = RECORD_TEXT, .bytes = bytes, .size = 10};
    case 2:
        return (struct record_value){.kind = next_random() % 2 ? RECORD_BLOB : RECORD_TEXT,
                                     .bytes = many,
                                     .size = sizes[next_random() % 9]};
    default:
        return (struct record_value){.kind = RECORD_INTEGER, .integer = random_integer()};
    }
}

static void bind(sqlite3_stmt *stmt, int at, const struct record_value *value)
{
    if (value->kind == RECORD_INTEGER)
        assert_int_equal(sqlite3_bind_int64(stmt, at, value->integer), SQLITE_OK);
    else if (value->kind == RECORD_TEXT)
        assert_int_equal(sqlite3_bind_text(stmt, at, value->bytes, (int)value->size, SQLITE_STATIC),
                         SQLITE_OK);
    else if (value->kind == RECORD_BLOB)
        assert_int_equal(sqlite3_bind_blob(stmt, at, value->bytes, (int)value->size, SQLITE_STATIC),
                         SQLITE_OK);
    else
        assert_int_equal(sqlite3_bind_null(stmt, at), SQLITE_OK);
}

static sqlite3 *open_database(const char *columns)
{
    sqlite3 *db = NULL;
    char sql[4096];
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    (void)snprintf(sql, sizeof sql, "PRAGMA page_size = %d; CREATE TABLE t (%s)", PAGE_BYTES,
                   columns);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    return db;
}

/* The second page, byte for byte. */
static void check_page(sqlite3 *db, const struct leaf_page *page)
{
    sqlite3_int64 size = 0;
    unsigned char *image = sqlite3_serialize(db, "main", &size, 0);
    assert_non_null(image);
    assert_int_equal(size, 2 * PAGE_BYTES);
    size_t head = 8 + (size_t)page->count * 2;
    assert_memory_equal(image + PAGE_BYTES, page->bytes, head);
    assert_memory_equal(image + PAGE_BYTES + page->content, page->bytes + page->content,
                        PAGE_BYTES - page->content);
    sqlite3_free(image);
}

static bool add(struct leaf_page *page, int64_t rowid, struct record_value *values, size_t count)
{
    size_t size = record_size(values, count);
    uint8_t *to = leaf_page_add(page, rowid, size);
    if (to)
        record_write(values, count, to);
    return to != NULL;
}

static unsigned fill_both(sqlite3 *db, struct leaf_page *page)
{
    sqlite3_stmt *stmt = NULL;
    int64_t rowid = (int64_t)(next_random() >> (next_random() % 60 + 2));
    const char *sql = "INSERT INTO t (rowid, a, b, c, d, e) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    unsigned count = 0;
    for (;; count++) {
        struct record_value values[COLUMNS];
        for (int i = 0; i < COLUMNS; i++)
            values[i] = random_value();
        if (!add(page, rowid, values, COLUMNS))
            break;
        assert_int_equal(sqlite3_bind_int64(stmt, 1, rowid), SQLITE_OK);
        for (int i = 0; i < COLUMNS; i++)
            bind(stmt, i + 2, &values[i]);
        assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
        assert_int_equal(sqlite3_reset(stmt), SQLITE_OK);
        rowid += 1 + (int64_t)(next_random() % 200);
    }
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    return count;
}

static void test_a_page_is_what_sqlite_writes(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(PAGE_BYTES);
    CHECK(bytes);
    unsigned rows = 0;
    for (seed = 1; seed < 1000; seed = (uint64_t)rows * 7919 % 1000 + 1) {
        struct leaf_page page = {.bytes = bytes, .size = PAGE_BYTES};
        sqlite3 *db = open_database("a, b, c, d, e");
        leaf_page_clear(&page);
        rows += fill_both(db, &page);
        check_page(db, &page);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        if (rows > 3000)
            break;
    }
    free(bytes);
}

/* A header longer than 127 bytes has a size of two bytes. */
static void test_a_long_header(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(PAGE_BYTES);
    CHECK(bytes);
    struct leaf_page page = {.bytes = bytes, .size = PAGE_BYTES};
    struct record_value values[100];
    char columns[1000] = "", sql[2000];
    for (int wide = 25; wide <= 29; wide++) { /* 100 types, so many of them of two bytes */
        leaf_page_clear(&page);
        columns[0] = 0;
        char list[1500] = "";
        for (int i = 0; i < 100; i++) {
            values[i] = (struct record_value){.kind = RECORD_TEXT,
                                              .bytes = "0123456789012345678901234567890123456789"
                                                       "01234567890123456789",
                                              .size = i < wide ? 60 : 1};
            (void)snprintf(columns + strlen(columns), 8, "%sc%d", i ? "," : "", i);
            (void)snprintf(list + strlen(list), 70, "%s'%.*s'", i ? "," : "", i < wide ? 0 : 1,
                           "0");
        }
        sqlite3 *db = open_database(columns);
        sqlite3_stmt *stmt = NULL;
        (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%s)", list);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
        assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
        (void)snprintf(sql, sizeof sql, "UPDATE t SET c0 = c0");
        for (int i = 0; i < wide; i++) { /* the long ones by a parameter each */
            (void)snprintf(sql, sizeof sql, "UPDATE t SET c%d = ?1", i);
            assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
            bind(stmt, 1, &values[i]);
            assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
            assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
        }
        assert_true(add(&page, 1, values, 100));
        check_page(db, &page);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
    }
    free(bytes);
}

static void test_no_room(void **state)
{
    (void)state;
    uint8_t bytes[512];
    struct leaf_page page = {.bytes = bytes, .size = sizeof bytes};
    leaf_page_clear(&page);
    assert_null(leaf_page_add(&page, 1, sizeof bytes - 34)); /* SQLite would put a part elsewhere */
    assert_int_equal(page.count, 0);
    assert_non_null(leaf_page_add(&page, 1, sizeof bytes - 35));
    assert_null(leaf_page_add(&page, 2, 20)); /* 22 and its place: 24 of the 22 that are left */
    assert_non_null(leaf_page_add(&page, 2, 18));
    assert_null(leaf_page_add(&page, 3, 4));
    assert_int_equal(page.count, 2);
    leaf_page_clear(&page);
    assert_non_null(leaf_page_add(&page, 3, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_is_what_sqlite_writes),
        cmocka_unit_test(test_a_long_header),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
