/* SPDX-License-Identifier: MPL-2.0
 *
 * Opening, refusing, transactions, failures: what store.h promises.
 */
#include "store/store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash_vfs.h"
#include "rt/check.h"
#include "store/consumers.h"
#include "store/store_internal.h"
#include "store/verify.h"
#include "store_fixture.h"

static void test_files_are_private(void **state)
{
    static const char *const suffixes[] = {"", "-lock", "-wal", "-shm"};
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[400];
        struct stat info;
        (void)snprintf(path, sizeof path, "%s%s", fixture->path, suffixes[i]);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
}

static void test_a_second_writer_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *second = NULL;
    assert_err(fixture_open(fixture, &second), ERR_LOCKED);
    assert_null(second);
    /* Neither does another process get in, nor does its end take our lock away. */
    pid_t child = fork();
    if (child == 0)
        _exit(fixture_open(fixture, &second) == ERR_LOCKED ? 0 : 1);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_err(fixture_open(fixture, &second), ERR_LOCKED);
    store_close(&fixture->store);
    assert_ok(fixture_open(fixture, &fixture->store));
}

static void write_file(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    assert_int_equal(close(fd), 0);
}

static void test_foreign_files_are_refused_untouched(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    struct stat before, after;
    write_file(fixture->path,
               "this is not a database, it is a letter to my mother ............."
               "...............................................................",
               120);
    assert_int_equal(stat(fixture->path, &before), 0);
    assert_err(fixture_open(fixture, &store), ERR_NOT_OUR_FILE);
    assert_err(fixture_open_reader(fixture, &store), ERR_NOT_OUR_FILE);
    write_file(fixture->path, "short", 5);
    assert_err(fixture_open(fixture, &store), ERR_NOT_OUR_FILE);
    assert_int_equal(unlink(fixture->path), 0);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE other (x)", 0, 0, 0), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(stat(fixture->path, &before), 0);
    assert_err(fixture_open(fixture, &store), ERR_NOT_OUR_FILE);
    assert_int_equal(stat(fixture->path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void test_hard_links_and_directories_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    char second[400];
    store_close(&fixture->store);
    (void)snprintf(second, sizeof second, "%s-second", fixture->path);
    assert_int_equal(link(fixture->path, second), 0);
    assert_err(fixture_open(fixture, &store), ERR_CONFIG);
    assert_int_equal(unlink(second), 0);
    assert_ok(fixture_open(fixture, &fixture->store));
    struct store_options options = {.path = fixture->directory};
    assert_err(store_open(&options, &store), ERR_NOT_OUR_FILE);
    char lock[400];
    (void)snprintf(lock, sizeof lock, "%s-lock", fixture->directory);
    assert_int_equal(unlink(lock), 0);
    options = (struct store_options){.path = "/proc/self/nothing/here.db"};
    assert_err(store_open(&options, &store), ERR_STORAGE);
}

static void test_a_cut_off_file_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct stat info;
    struct store *store = NULL;
    fixture_fill(fixture);
    for (uint64_t n = 1; n <= 100; n++)
        (void)fixture_append(fixture, n, 1000);
    store_close(&fixture->store);
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(truncate(fixture->path, info.st_size - 4096), 0);
    assert_err(fixture_open(fixture, &store), ERR_CORRUPT);
}

static void test_rollback_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct store_stats stats;
    fixture_fill(fixture);
    assert_int_equal(fixture_append(fixture, 1, 10), 1);
    assert_ok(store_begin(fixture->store));
    for (uint64_t n = 2; n < 10; n++) {
        struct message_row row = fixture_message(fixture, n, 10);
        assert_ok(message_append(fixture->store, &row));
        assert_int_equal(row.seq, n);
    }
    store_rollback(fixture->store);
    store_stats(fixture->store, &stats);
    assert_int_equal(stats.last_seq, 1);
    assert_int_equal(fixture_append(fixture, 2, 10), 2);
    assert_int_equal(fixture_append(fixture, 3, 10), 3);
}

static void test_state_survives_reopening(void **state)
{
    struct fixture *fixture = *state;
    struct store_stats stats;
    uint64_t left = 9;
    fixture_fill(fixture);
    for (uint64_t n = 1; n <= 10; n++)
        (void)fixture_append(fixture, n, 100);
    assert_ok(store_begin(fixture->store));
    assert_ok(message_index_slice(fixture->store, 7, &left));
    assert_ok(store_commit(fixture->store));
    assert_int_equal(left, 3);
    store_close(&fixture->store);
    assert_ok(fixture_open(fixture, &fixture->store));
    store_stats(fixture->store, &stats);
    assert_int_equal(stats.last_seq, 10);
    assert_int_equal(stats.indexed_seq, 7);
    assert_int_equal(fixture_append(fixture, 11, 100), 11);
}

/* A seq at or below a floor would never be delivered: it must not be given again. */
static void test_seq_never_falls_below_a_floor(void **state)
{
    struct fixture *fixture = *state;
    int64_t consumer_id = 0;
    fixture_fill(fixture);
    (void)fixture_append(fixture, 1, 10);
    assert_ok(store_begin(fixture->store));
    assert_ok(consumer_create(fixture->store, fixture->scope_id, "main", 0, 1, &consumer_id));
    assert_ok(consumer_set_floor(fixture->store, consumer_id, 500));
    assert_ok(store_commit(fixture->store));
    store_close(&fixture->store);
    assert_ok(fixture_open(fixture, &fixture->store));
    assert_int_equal(fixture_append(fixture, 2, 10), 501);
    assert_int_equal(fixture_append(fixture, 3, 10), 502);
}

static void test_reader_sees_one_moment(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    struct store_stats stats;
    fixture_fill(fixture);
    (void)fixture_append(fixture, 1, 10);
    assert_ok(fixture_open_reader(fixture, &reader));
    assert_ok(store_read_begin(reader));
    store_stats(reader, &stats);
    assert_int_equal(stats.last_seq, 1);
    (void)fixture_append(fixture, 2, 10);
    store_stats(reader, &stats);
    assert_int_equal(stats.last_seq, 1);
    store_read_end(reader);
    store_stats(reader, &stats);
    assert_int_equal(stats.last_seq, 2);
    store_close(&reader);
}

/* --- failures, on the disk in memory */

static void open_on(struct fixture *fixture, struct crash_disk *disk)
{
    struct store_options options = {.path = fixture->path, .vfs = "crash"};
    crash_vfs_use(disk);
    assert_ok(store_open(&options, &fixture->store));
}

static enum err append_one(struct fixture *fixture, uint64_t n)
{
    struct message_row row = fixture_message(fixture, n, 500);
    enum err err = store_begin(fixture->store);
    if (err != ERR_OK)
        return err;
    err = message_append(fixture->store, &row);
    if (err != ERR_OK) {
        store_rollback(fixture->store);
        return err;
    }
    return store_commit(fixture->store);
}

static uint64_t rows_there(struct fixture *fixture)
{
    struct fixture_rows rows = {.count = 0};
    uint64_t seqs[200];
    for (uint64_t i = 0; i < 200; i++)
        seqs[i] = i + 1;
    assert_ok(message_read(fixture->store, 0, seqs, 200, fixture_collect, &rows));
    assert_int_equal(rows.damaged, 0);
    return rows.count;
}

static void test_full_disk_refuses_and_heals(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t skip = 0; skip < 12; skip++) {
        struct crash_disk *disk = crash_disk_new();
        open_on(fixture, disk);
        fixture_fill(fixture);
        assert_ok(append_one(fixture, 1));
        crash_disk_fail(disk, CRASH_FAULT_FULL, skip, true);
        uint64_t stored = 1;
        enum err err = ERR_OK;
        for (uint64_t n = 2; n < 400 && err == ERR_OK; n++) {
            err = append_one(fixture, n);
            stored += err == ERR_OK;
        }
        assert_err(err, ERR_DISK_FULL);
        assert_err(append_one(fixture, 1000), ERR_DISK_FULL);
        assert_int_equal(rows_there(fixture), stored);
        assert_ok(store_checkpoint(fixture->store, true));
        crash_disk_fail(disk, CRASH_FAULT_NONE, 0, false);
        assert_ok(append_one(fixture, 1001));
        assert_int_equal(rows_there(fixture), stored + 1);
        store_close(&fixture->store);
        crash_disk_destroy(&disk);
    }
}

/* After an error of the disk nothing is tried again, and what a restart finds is everything that
 * was acknowledged and nothing that was refused before. */
static void check_fatal(struct fixture *fixture, enum crash_fault fault, uint64_t skip)
{
    struct crash_disk *disk = crash_disk_new();
    open_on(fixture, disk);
    fixture_fill(fixture);
    crash_disk_fail(disk, fault, skip, false);
    uint64_t stored = 0;
    enum err err = ERR_OK;
    for (uint64_t n = 1; n < 40 && err == ERR_OK; n++) {
        err = append_one(fixture, n);
        stored += err == ERR_OK;
    }
    assert_err(err, ERR_STORAGE);
    size_t position = crash_disk_position(disk);
    assert_err(append_one(fixture, 50), ERR_STORAGE);
    assert_err(store_checkpoint(fixture->store, true), ERR_STORAGE);
    assert_true(store_error_code(fixture->store) != 0);
    store_close(&fixture->store);
    assert_int_equal(crash_disk_position(disk), position);
    open_on(fixture, disk);
    uint64_t there = rows_there(fixture);
    assert_true(there == stored || there == stored + 1); /* the one in flight is unknown */
    assert_ok(append_one(fixture, 60));
    store_close(&fixture->store);
    crash_disk_destroy(&disk);
}

static void test_failed_sync_is_fatal(void **state)
{
    for (uint64_t skip = 0; skip < 10; skip++)
        check_fatal(*state, CRASH_FAULT_SYNC, skip);
}

static void test_failed_write_is_fatal(void **state)
{
    for (uint64_t skip = 0; skip < 20; skip++)
        check_fatal(*state, CRASH_FAULT_WRITE, skip);
}

static void test_reserve_gives_room(void **state)
{
    struct fixture *fixture = *state;
    char path[400];
    struct stat info;
    struct store_options options = {.path = fixture->path, .reserve_bytes = 1 << 20};
    (void)snprintf(path, sizeof path, "%s-reserve", fixture->path);
    assert_ok(store_open(&options, &fixture->store));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 1 << 20);
    assert_true(info.st_blocks * 512 >= 1 << 20);
    store_release_reserve(fixture->store);
    assert_int_not_equal(stat(path, &info), 0);
    assert_true(store_has_room_again(fixture->store));
    assert_int_equal(stat(path, &info), 0);
}

static void fill_disk(const char *path)
{
    static char zeros[4096];
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof zeros) > 0)
        continue;
    assert_int_equal(close(fd), 0);
}

/* The real thing: a small file system that somebody else fills. */
static void test_really_full_disk(void **state)
{
    struct fixture *fixture = *state;
    char filler[400];
    int64_t consumer_id = 0;
    if (mount("tmpfs", fixture->directory, "tmpfs", 0, "size=8m,mode=0700") != 0) {
        print_message("test_really_full_disk: mounting a tmpfs is not allowed here\n");
        skip();
    }
    struct store_options options = {.path = fixture->path, .reserve_bytes = 1 << 20};
    (void)snprintf(filler, sizeof filler, "%s/filler", fixture->directory);
    assert_ok(store_open(&options, &fixture->store));
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    assert_ok(consumer_create(fixture->store, fixture->scope_id, "main", 0, 1, &consumer_id));
    assert_ok(store_commit(fixture->store));
    uint64_t stored = 0;
    for (; stored < 20; stored++)
        assert_ok(append_one(fixture, stored));
    fill_disk(filler);
    enum err err = ERR_OK;
    while ((err = append_one(fixture, stored)) == ERR_OK)
        stored++;
    assert_err(err, ERR_DISK_FULL);
    assert_int_equal(rows_there(fixture), stored);
    store_release_reserve(fixture->store);
    for (uint64_t i = 1; i <= 10; i++) {
        assert_ok(store_begin(fixture->store));
        assert_ok(consumer_set_floor(fixture->store, consumer_id, i));
        assert_ok(store_commit(fixture->store));
    }
    assert_false(store_has_room_again(fixture->store));
    assert_int_equal(unlink(filler), 0);
    assert_true(store_has_room_again(fixture->store));
    assert_ok(append_one(fixture, stored));
    /* Full again, and started in that state. */
    fill_disk(filler);
    store_close(&fixture->store);
    assert_ok(store_open(&options, &fixture->store));
    assert_int_equal(rows_there(fixture), stored + 1);
    store_close(&fixture->store);
    assert_int_equal(umount(fixture->directory), 0);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
#define WITH_DIRECTORY(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, fixture_setup_directory, fixture_teardown)

int main(void)
{
    crash_vfs_register("crash");
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_files_are_private),
        WITH_STORE(test_a_second_writer_is_refused),
        WITH_DIRECTORY(test_foreign_files_are_refused_untouched),
        WITH_STORE(test_hard_links_and_directories_are_refused),
        WITH_STORE(test_a_cut_off_file_is_refused),
        WITH_STORE(test_rollback_leaves_nothing),
        WITH_STORE(test_state_survives_reopening),
        WITH_STORE(test_seq_never_falls_below_a_floor),
        WITH_STORE(test_reader_sees_one_moment),
        WITH_DIRECTORY(test_full_disk_refuses_and_heals),
        WITH_DIRECTORY(test_failed_sync_is_fatal),
        WITH_DIRECTORY(test_failed_write_is_fatal),
        WITH_DIRECTORY(test_reserve_gives_room),
        WITH_DIRECTORY(test_really_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
