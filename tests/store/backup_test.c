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

static void show_finding(void *context, const struct verify_finding *finding)
{
    (void)context;
    print_error("%s: %s\n", finding->check, finding->text);
}

static uint64_t rows_in(const char *path)
{
    struct store_options options = {.path = path, .read_only = true};
    struct store *store = NULL;
    struct store_stats stats;
    uint64_t findings = 1;
    struct verify_options verify = {.on_finding = show_finding};
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
    struct backup_hooks hooks = {.progress = note_progress, .context = &done};
    assert_ok(backup_run(fixture->store, target, &hooks));
    assert_true(done > 0);
    assert_int_equal(rows_in(target), 50);
    assert_int_equal(stat(target, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    /* Again, over the older copy; and from a reader. */
    (void)fixture_append(fixture, 51, 1000);
    struct store *reader = NULL;
    assert_ok(fixture_open_reader(fixture, &reader));
    assert_ok(backup_run(reader, target, NULL));
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
    assert_int_not_equal(access(target, F_OK), 0); /* it has no name yet */
    assert_ok(backup_finish(backup, NULL, NULL));
    backup_destroy(&backup);
    assert_int_equal(rows_in(target), n);
}

struct writes {
    struct fixture *fixture;
    uint64_t n, total, calls;
};

static bool write_more(void *context, uint64_t done, uint64_t total)
{
    struct writes *writes = context;
    CHECK(writes->total == 0 || writes->total == total); /* it is not begun anew */
    CHECK(done <= total);
    writes->total = total;
    writes->calls++;
    for (int i = 0; i < 20; i++)
        (void)fixture_append(writes->fixture, writes->n++, 2000);
    CHECK(store_checkpoint(writes->fixture->store, true) == ERR_OK);
    return true;
}

static void test_a_reader_copies_one_moment(void **state)
{
    struct fixture *fixture = *state;
    char target[400];
    struct store *reader = NULL;
    struct writes writes = {.fixture = fixture};
    fixture_fill(fixture);
    for (; writes.n < 1500; writes.n++)
        (void)fixture_append(fixture, writes.n, 10000);
    target_of(fixture, target, sizeof target);
    assert_ok(fixture_open_reader(fixture, &reader));
    struct backup_hooks hooks = {.progress = write_more, .context = &writes};
    assert_ok(backup_run(reader, target, &hooks));
    assert_true(writes.calls > 2);
    assert_int_equal(rows_in(target), 1500);
    /* The snapshot is given back: the next one sees what was written meanwhile. */
    assert_ok(backup_run(reader, target, NULL));
    assert_int_equal(rows_in(target), writes.n);
    store_close(&reader);
}

static enum err look(void *context, const char *path)
{
    char *target = context;
    CHECK(access(target, F_OK) != 0); /* no name before it was checked */
    CHECK(rows_in(path) == 3);
    target[0] = '\0';
    return ERR_OK;
}

static enum err find_fault(void *context, const char *path)
{
    (void)context;
    (void)path;
    return ERR_CORRUPT;
}

static void test_a_copy_is_checked_before_it_has_its_name(void **state)
{
    struct fixture *fixture = *state;
    char target[400], seen[400], beside[420];
    fixture_fill(fixture);
    for (uint64_t n = 0; n < 3; n++)
        (void)fixture_append(fixture, n, 100);
    target_of(fixture, target, sizeof target);
    struct backup_hooks hooks = {.check = find_fault};
    assert_err(backup_run(fixture->store, target, &hooks), ERR_CORRUPT);
    assert_int_not_equal(access(target, F_OK), 0);
    memcpy(seen, target, sizeof seen);
    hooks = (struct backup_hooks){.check = look, .context = seen};
    assert_ok(backup_run(fixture->store, target, &hooks));
    assert_int_equal(seen[0], 0);
    static const char *const suffixes[] = {".part", ".part-wal", ".part-shm", ".part-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        (void)snprintf(beside, sizeof beside, "%s%s", target, suffixes[i]);
        assert_int_not_equal(access(beside, F_OK), 0);
    }
}

static void test_what_a_killed_one_left_is_used_up(void **state)
{
    struct fixture *fixture = *state;
    char target[400], part[410];
    struct backup *first = NULL, *second = NULL;
    fixture_fill(fixture);
    (void)fixture_append(fixture, 1, 100);
    target_of(fixture, target, sizeof target);
    (void)snprintf(part, sizeof part, "%s.part", target);
    int fd = open(part, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "half of something", 17), 17);
    assert_int_equal(close(fd), 0);
    assert_ok(backup_begin(fixture->store, target, &first));
    /* While one is at work, another one is refused, and does not disturb it. */
    struct store *reader = NULL;
    assert_ok(fixture_open_reader(fixture, &reader));
    assert_err(backup_begin(reader, target, &second), ERR_LOCKED);
    store_close(&reader);
    uint64_t done, total;
    bool is_done = false;
    assert_ok(backup_step(first, 1000, &done, &total, &is_done));
    assert_true(is_done);
    assert_ok(backup_finish(first, NULL, NULL));
    backup_destroy(&first);
    assert_int_equal(rows_in(target), 1);
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
    struct backup_hooks hooks = {.progress = stop_at_once};
    assert_err(backup_run(fixture->store, target, &hooks), ERR_CANCELLED);
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
    assert_err(backup_run(fixture->store, target, NULL), ERR_NOT_OUR_FILE);
    assert_err(backup_run(fixture->store, fixture->path, NULL), ERR_NOT_OUR_FILE);
    /* Nor the database of another broker, running or not. */
    struct fixture *other = NULL;
    assert_int_equal(fixture_setup((void **)&other), 0);
    assert_err(backup_run(fixture->store, other->path, NULL), ERR_NOT_OUR_FILE);
    store_close(&other->store);
    assert_err(backup_run(fixture->store, other->path, NULL), ERR_NOT_OUR_FILE);
    assert_int_equal(fixture_teardown((void **)&other), 0);
    assert_err(backup_run(fixture->store, "/nowhere/at/all.db", NULL), ERR_STORAGE);
    (void)fixture_append(fixture, 1, 10);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_copy_is_complete_and_private),
        WITH_STORE(test_writes_between_slices_are_in_the_copy),
        WITH_STORE(test_a_reader_copies_one_moment),
        WITH_STORE(test_a_copy_is_checked_before_it_has_its_name),
        WITH_STORE(test_what_a_killed_one_left_is_used_up),
        WITH_STORE(test_cancelled_leaves_nothing),
        WITH_STORE(test_nothing_else_is_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
