/* SPDX-License-Identifier: MPL-2.0
 *
 * Copies of a database in use: complete, private, never over something else.
 */
#include "store/backup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/check.h"
#include "store/verify.h"
#include "store_fixture.h"

static void target_of(const struct fixture *fixture, char *ret_path, size_t size)
{
    int length = snprintf(ret_path, size, "%s/copy.db", fixture->directory);
    CHECK(length > 0 && (size_t)length < size);
}

static uint64_t rows_in(const char *path)
{
    struct store_options options = {.path = path, .read_only = true};
    struct store *store = NULL;
    struct store_stats stats;
    uint64_t findings = 1;
    struct verify_options verify = {.on_finding = NULL};
    assert_ok(store_open(&options, &store));
    assert_ok(verify_run(store, &verify, &findings));
    assert_int_equal(findings, 0);
    store_stats(store, &stats);
    store_close(&store);
    return stats.last_seq;
}

static bool note_progress(void *context, uint64_t done, uint64_t total)
{
    uint64_t *last = context;
    CHECK(done >= *last && done <= total);
    *last = done;
    return true;
}

static bool stop_at_once(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    (void)done;
    (void)total;
    return false;
}

static void test_copy_is_complete_and_private(void **state)
{
    struct fixture *fixture = *state;
    char target[400];
    uint64_t done = 0;
    struct stat info;
    fixture_fill(fixture);
    for (uint64_t n = 1; n <= 50; n++)
        (void)fixture_append(fixture, n, 1000);
    target_of(fixture, target, sizeof target);
    assert_ok(backup_run(fixture->store, target, note_progress, &done));
    assert_true(done > 0);
    assert_int_equal(rows_in(target), 50);
    assert_int_equal(stat(target, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    /* Again, over the older copy; and from a reader. */
    (void)fixture_append(fixture, 51, 1000);
    struct store *reader = NULL;
    assert_ok(fixture_open_reader(fixture, &reader));
    assert_ok(backup_run(reader, target, NULL, NULL));
    store_close(&reader);
    assert_int_equal(rows_in(target), 51);
}

static void test_writes_between_slices_are_in_the_copy(void **state)
{
    struct fixture *fixture = *state;
    char target[400];
    struct backup *backup = NULL;
    uint64_t done = 0, total = 0, n = 0;
    bool is_done = false;
    fixture_fill(fixture);
    for (; n < 200; n++)
        (void)fixture_append(fixture, n, 2000);
    target_of(fixture, target, sizeof target);
    assert_ok(backup_begin(fixture->store, target, &backup));
    for (int slices = 0; !is_done; slices++) {
        assert_ok(backup_step(backup, 10, &done, &total, &is_done));
        if (!is_done && slices < 50)
            (void)fixture_append(fixture, n++, 2000);
    }
    backup_destroy(&backup);
    assert_int_equal(rows_in(target), n);
}

static void test_cancelled_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    char target[400], part[410];
    fixture_fill(fixture);
    for (uint64_t n = 0; n < 600; n++)
        (void)fixture_append(fixture, n, 10000);
    target_of(fixture, target, sizeof target);
    (void)snprintf(part, sizeof part, "%s.part", target);
    assert_err(backup_run(fixture->store, target, stop_at_once, NULL), ERR_CANCELLED);
    assert_int_not_equal(access(target, F_OK), 0);
    assert_int_not_equal(access(part, F_OK), 0);
}

static void test_nothing_else_is_overwritten(void **state)
{
    struct fixture *fixture = *state;
    char target[400];
    target_of(fixture, target, sizeof target);
    int fd = open(target, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "my thesis\n", 10), 10);
    assert_int_equal(close(fd), 0);
    assert_err(backup_run(fixture->store, target, NULL, NULL), ERR_NOT_OUR_FILE);
    assert_err(backup_run(fixture->store, fixture->path, NULL, NULL), ERR_NOT_OUR_FILE);
    assert_err(backup_run(fixture->store, "/nowhere/at/all.db", NULL, NULL), ERR_STORAGE);
    (void)fixture_append(fixture, 1, 10);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_copy_is_complete_and_private),
        WITH_STORE(test_writes_between_slices_are_in_the_copy),
        WITH_STORE(test_cancelled_leaves_nothing),
        WITH_STORE(test_nothing_else_is_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
