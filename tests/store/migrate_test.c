/* SPDX-License-Identifier: MPL-2.0
 *
 * Migrations: whole or not at all, with a copy first, and never of a newer file.
 */
#include "store/migrate.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crash_vfs.h"
#include "rt/check.h"
#include "store/store_internal.h"
#include "store_fixture.h"

static const char next_sql[] =
    "CREATE TABLE extra (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;"
    "INSERT INTO extra SELECT seq, hex(zeroblob(5000)) FROM message;" /* more room than there is */
    ;
static const char broken_sql[] = "CREATE TABLE extra (id INTEGER PRIMARY KEY);"
                                 "CREATE TABLE extra (id INTEGER PRIMARY KEY);";

#define LIST_MAX 32

/* All migrations there are, and one more. */
struct list {
    struct migration migrations[LIST_MAX];
    size_t count;
    char sql[512];
};

static void make_list(struct list *list, const char *sql)
{
    CHECK(migrations_count < LIST_MAX);
    memcpy(list->migrations, migrations, migrations_count * sizeof(*migrations));
    list->count = migrations_count + 1;
    (void)snprintf(list->sql, sizeof(list->sql), "%s PRAGMA user_version = %d;", sql,
                   (int)list->count);
    list->migrations[migrations_count] =
        (struct migration){(int)list->count, "next_one", list->sql};
}

static int64_t query(struct store *store, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return -1;
    int64_t value = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
    (void)sqlite3_finalize(stmt); /* repeats the last result */
    return value;
}

static void test_numbers_rise_by_one(void **state)
{
    (void)state;
    assert_true(migrations_count >= 1);
    for (size_t i = 0; i < migrations_count; i++)
        assert_int_equal(migrations[i].version, i + 1);
}

static void test_new_file_has_the_newest_version(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(query(fixture->store, "PRAGMA user_version"), migrations_count);
    assert_int_equal(query(fixture->store, "SELECT value FROM progress"), 0);
}

static void test_upgrade_keeps_rows_and_a_copy(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    for (uint64_t n = 1; n <= 20; n++)
        (void)fixture_append(fixture, n, 100);
    struct list list;
    make_list(&list, next_sql);
    assert_ok(migrate_run(fixture->store, list.migrations, list.count));
    assert_int_equal(query(fixture->store, "PRAGMA user_version"), list.count);
    assert_int_equal(query(fixture->store, "SELECT count(*) FROM extra"), 20);
    char copy[400];
    (void)snprintf(copy, sizeof copy, "%s-before-v%zu", fixture->path, list.count);
    struct store_options options = {.path = copy, .read_only = true};
    struct store *store = NULL;
    assert_ok(store_open(&options, &store));
    assert_int_equal(query(store, "SELECT count(*) FROM message"), 20);
    assert_int_equal(query(store, "PRAGMA user_version"), migrations_count);
    store_close(&store);
    char back[64];
    (void)snprintf(back, sizeof back, "PRAGMA user_version = %zu", migrations_count);
    assert_int_equal(sqlite3_exec(fixture->store->db, back, 0, 0, 0), 0);
}

static void test_failing_sql_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct list list;
    make_list(&list, broken_sql);
    assert_err(migrate_run(fixture->store, list.migrations, list.count), ERR_INTERNAL);
    assert_int_equal(query(fixture->store, "PRAGMA user_version"), migrations_count);
    assert_int_equal(query(fixture->store, "SELECT count(*) FROM extra"), -1);
}

static void test_newer_schema_is_refused_untouched(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    assert_int_equal(sqlite3_exec(fixture->store->db, "PRAGMA user_version = 999", 0, 0, 0), 0);
    store_close(&fixture->store);
    assert_err(fixture_open(fixture, &store), ERR_NEWER_SCHEMA);
    assert_err(fixture_open_reader(fixture, &store), ERR_NEWER_SCHEMA);
    assert_null(store);
}

/* A file as version 2 made it, with what concerns peers in it. */
static void make_version_2(const struct fixture *fixture)
{
    static const char rows_sql[] =
        "INSERT INTO peer (name, folded, nickname, kind, first_seen_ms, last_seen_ms, created_ms)"
        " VALUES ('Ana', 'ana', 'Anita', 'zmq', 5, 9, 5), ('lan:Bob@PC', 'lan:bob@pc', '', 'ipmsg',"
        " 6, 8, 6);"
        "INSERT INTO peer_address VALUES (1, '192.0.2.7', 'zmq', 9), (1, '2001:db8::7', 'zmq', 8),"
        " (2, 'pc.example', 'ipmsg', 8);"
        "INSERT INTO presence_event (peer_id, is_online, at_ms, reason) VALUES (1, 1, 5, 'hello');"
        "PRAGMA application_id = 1919905651;";
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sqlite3_exec(db, migrations[i].sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, rows_sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_a_file_of_version_2(void **state)
{
    struct fixture *fixture = *state;
    make_version_2(fixture);
    assert_ok(fixture_open(fixture, &fixture->store));
    struct store *store = fixture->store;
    assert_int_equal(query(store, "PRAGMA user_version"), migrations_count);
    assert_int_equal(query(store, "SELECT count(*) FROM peer WHERE nickname = 'Anita'"
                                  " AND last_seen_ms = 9 AND is_lan = 0 AND port = 0"
                                  " AND reliability = -1 AND source = ''"),
                     1);
    assert_int_equal(query(store, "SELECT id FROM peer WHERE is_lan = 1"), 2);
    assert_int_equal(query(store, "SELECT peer_id FROM peer_address WHERE ip = '192.0.2.7'"), 1);
    assert_int_equal(query(store, "SELECT peer_id FROM peer_address WHERE ip = '2001:db8::7'"), 1);
    assert_int_equal(query(store, "SELECT count(*) FROM peer_address WHERE ip = ''"), 1);
    assert_int_equal(query(store, "SELECT count(*) FROM presence_event"), 1);
    char copy[400];
    (void)snprintf(copy, sizeof copy, "%s-before-v%zu", fixture->path, migrations_count);
    assert_int_equal(access(copy, R_OK), 0);
}

/* The n-th write or sync of the migration fails, for every n until none is left to fail. */
static void fail_at_every_operation(struct fixture *fixture, enum crash_fault fault)
{
    struct list list;
    make_list(&list, next_sql);
    struct store_options options = {.path = fixture->path, .vfs = "crash"};
    uint64_t failures = 0;
    for (uint64_t n = 0;; n++) {
        struct crash_disk *disk = crash_disk_new();
        crash_vfs_use(disk);
        assert_ok(store_open(&options, &fixture->store));
        fixture_fill(fixture);
        for (uint64_t i = 1; i <= 30; i++)
            (void)fixture_append(fixture, i, 300);
        crash_disk_fail(disk, fault, n, false);
        enum err err = migrate_run(fixture->store, list.migrations, list.count);
        uint64_t faults = crash_disk_faults(disk);
        crash_disk_fail(disk, CRASH_FAULT_NONE, 0, false);
        store_close(&fixture->store);
        assert_true((err == ERR_OK) == (faults == 0));
        /* What is there now is the version before or after, whole. */
        assert_ok(store_open(&options, &fixture->store) == ERR_NEWER_SCHEMA ? ERR_OK
                  : fixture->store                                          ? ERR_OK
                                                                            : ERR_INTERNAL);
        if (fixture->store) {
            assert_int_equal(query(fixture->store, "SELECT count(*) FROM extra"), -1);
            assert_int_equal(query(fixture->store, "SELECT count(*) FROM message"), 30);
        } else {
            assert_true(err == ERR_OK || fault == CRASH_FAULT_SYNC);
        }
        store_close(&fixture->store);
        crash_disk_destroy(&disk);
        failures += faults;
        if (faults == 0)
            break;
    }
    assert_true(failures > 0);
}

static void test_full_disk_fails_atomically(void **state)
{
    fail_at_every_operation(*state, CRASH_FAULT_FULL);
}

static void test_write_error_fails_atomically(void **state)
{
    fail_at_every_operation(*state, CRASH_FAULT_WRITE);
}

static void test_sync_error_fails_atomically(void **state)
{
    fail_at_every_operation(*state, CRASH_FAULT_SYNC);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
#define WITH_DIRECTORY(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, fixture_setup_directory, fixture_teardown)

int main(void)
{
    crash_vfs_register("crash");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_rise_by_one),
        WITH_STORE(test_new_file_has_the_newest_version),
        WITH_STORE(test_upgrade_keeps_rows_and_a_copy),
        WITH_STORE(test_failing_sql_changes_nothing),
        WITH_STORE(test_newer_schema_is_refused_untouched),
        WITH_DIRECTORY(test_a_file_of_version_2),
        WITH_DIRECTORY(test_full_disk_fails_atomically),
        WITH_DIRECTORY(test_write_error_fails_atomically),
        WITH_DIRECTORY(test_sync_error_fails_atomically),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
