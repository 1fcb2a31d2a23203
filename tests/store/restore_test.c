/* SPDX-License-Identifier: MPL-2.0
 *
 * A backup put in place of a database: checked first, the old one kept with its WAL, refused while
 * somebody writes, and what a restore leaves that was cut short is refused by the next start.
 */
#include "store/restore.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rt/check.h"
#include "store/migrate.h"
#include "store/store_internal.h"
#include "store_fixture.h"

struct paths {
    char backup[400], aside[400], aside_wal[410], copy[400], text[256];
};

static struct paths paths_of(const struct fixture *fixture)
{
    struct paths paths;
    memset(&paths, 0, sizeof paths);
    (void)snprintf(paths.backup, sizeof paths.backup, "%s/backup #1%%.db", fixture->directory);
    (void)snprintf(paths.aside, sizeof paths.aside, "%s-before-restore", fixture->path);
    (void)snprintf(paths.aside_wal, sizeof paths.aside_wal, "%s-wal", paths.aside);
    (void)snprintf(paths.copy, sizeof paths.copy, "%s-restored", fixture->path);
    return paths;
}

static enum err restore(const struct fixture *fixture, struct paths *paths, backup_check *check,
                        struct restore_result *ret)
{
    struct restore_options options = {
        .backup = paths->backup,
        .database = fixture->path,
        .aside = paths->aside,
        .hooks = {.check = check},
        .error_text = paths->text,
        .error_text_size_bytes = sizeof paths->text,
    };
    return restore_run(&options, ret);
}

static uint64_t rows_in(const char *path)
{
    struct store_options options = {.path = path, .read_only = true};
    struct store *store = NULL;
    struct store_stats stats;
    assert_ok(store_open(&options, &store));
    store_stats(store, &stats);
    store_close(&store);
    return stats.last_seq;
}

/* A backup with 5 messages; then 3 more. */
static struct paths prepare(struct fixture *fixture)
{
    struct paths paths = paths_of(fixture);
    fixture_fill(fixture);
    for (uint64_t n = 1; n <= 5; n++)
        (void)fixture_append(fixture, n, 1000);
    assert_ok(backup_run(fixture->store, paths.backup, NULL));
    for (uint64_t n = 6; n <= 8; n++)
        (void)fixture_append(fixture, n, 1000);
    return paths;
}

static void test_restores_and_keeps_what_was_there(void **state)
{
    struct fixture *fixture = *state;
    struct paths paths = prepare(fixture);
    struct restore_result result;
    store_close(&fixture->store);
    assert_ok(restore(fixture, &paths, NULL, &result));
    assert_true(result.has_aside);
    assert_int_equal(rows_in(fixture->path), 5);
    assert_int_equal(rows_in(paths.aside), 8);
    assert_int_equal(rows_in(paths.backup), 5);
    assert_ok(fixture_open(fixture, &fixture->store)); /* one name each: a broker takes it */
    assert_int_equal(fixture_append(fixture, 9, 10), 6);
}

static void test_into_an_empty_directory(void **state)
{
    struct fixture *fixture = *state;
    struct paths paths = prepare(fixture);
    struct restore_result result;
    store_close(&fixture->store);
    assert_int_equal(unlink(fixture->path), 0);
    assert_ok(restore(fixture, &paths, NULL, &result));
    assert_false(result.has_aside);
    assert_int_equal(result.schema_version, migrations_count);
    assert_int_equal(rows_in(fixture->path), 5);
    assert_ok(fixture_open(fixture, &fixture->store));
}

static void test_refused_while_somebody_writes(void **state)
{
    struct fixture *fixture = *state;
    struct paths paths = prepare(fixture);
    struct restore_result result;
    assert_err(restore(fixture, &paths, NULL, &result), ERR_LOCKED);
    assert_int_not_equal(access(paths.aside, F_OK), 0);
    assert_int_equal(fixture_append(fixture, 9, 10), 9);
}

static enum err find_fault(void *context, const char *path)
{
    (void)context;
    CHECK(access(path, F_OK) == 0);
    return ERR_CORRUPT;
}

static void test_a_bad_backup_touches_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct paths paths = prepare(fixture);
    struct restore_result result;
    store_close(&fixture->store);
    assert_err(restore(fixture, &paths, find_fault, &result), ERR_CORRUPT);
    assert_int_equal(truncate(paths.backup, 30), 0);
    assert_err(restore(fixture, &paths, NULL, &result), ERR_NOT_OUR_FILE);
    assert_int_not_equal(paths.text[0], 0);
    (void)snprintf(paths.backup, sizeof paths.backup, "%s/none", fixture->directory);
    assert_true(restore(fixture, &paths, NULL, &result) != ERR_OK);
    assert_int_not_equal(access(paths.copy, F_OK), 0);
    assert_int_not_equal(access(paths.aside, F_OK), 0);
    assert_int_equal(rows_in(fixture->path), 8);
    assert_ok(fixture_open(fixture, &fixture->store));
}

/* A database whose process was killed: what was committed last is in its WAL only. */
static void test_a_wal_goes_with_its_database(void **state)
{
    struct fixture *fixture = *state;
    struct paths paths = prepare(fixture);
    struct restore_result result;
    fixture->store->is_broken = true; /* closes without moving the WAL, as a crash would */
    store_close(&fixture->store);
    char wal[410];
    (void)snprintf(wal, sizeof wal, "%s-wal", fixture->path);
    assert_int_equal(access(wal, F_OK), 0);
    assert_ok(restore(fixture, &paths, NULL, &result));
    assert_int_equal(access(paths.aside_wal, F_OK), 0);
    assert_int_equal(rows_in(fixture->path), 5);
    assert_int_equal(rows_in(paths.aside), 8);
    assert_ok(fixture_open(fixture, &fixture->store));
    assert_int_equal(fixture_append(fixture, 9, 10), 6);
}

/* Cut short between the second name and the exchange: nobody starts with half of the old one, and
 * doing it again ends it. */
static void test_cut_short(void **state)
{
    struct fixture *fixture = *state;
    struct paths paths = prepare(fixture);
    struct restore_result result;
    store_close(&fixture->store);
    assert_int_equal(link(fixture->path, paths.aside), 0);
    assert_err(fixture_open(fixture, &fixture->store), ERR_CONFIG);
    (void)snprintf(paths.aside, sizeof paths.aside, "%s-again", fixture->path);
    assert_ok(restore(fixture, &paths, NULL, &result));
    assert_int_equal(rows_in(fixture->path), 5);
    assert_ok(fixture_open(fixture, &fixture->store));
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_restores_and_keeps_what_was_there),
        WITH_STORE(test_into_an_empty_directory),
        WITH_STORE(test_refused_while_somebody_writes),
        WITH_STORE(test_a_bad_backup_touches_nothing),
        WITH_STORE(test_a_wal_goes_with_its_database),
        WITH_STORE(test_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
