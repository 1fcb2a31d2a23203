/* SPDX-License-Identifier: MPL-2.0
 *
 * The gathering layer against a parent that counts: what reaches the file, when, and in how many
 * pieces; that reads see what was written; and who is told of an error.
 */
#include "store/gather_vfs.h"

#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"
#include "store_fixture.h"

#define FILE_BYTES (1 << 20)

/* A file in memory, as the parent VFS has it. */
struct memory_file {
    sqlite3_file base;
};

static char content[FILE_BYTES];
static sqlite3_int64 content_size;
static int writes, syncs, next_error;

static int memory_close(sqlite3_file *file)
{
    (void)file;
    return SQLITE_OK;
}

static int memory_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    (void)file;
    memcpy(bytes, content + at, (size_t)size);
    return at + size <= content_size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int memory_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    (void)file;
    writes++;
    assert_true(size < 128 * 1024); /* as the VFS for Unix demands */
    int rc = next_error;
    next_error = SQLITE_OK;
    if (rc != SQLITE_OK)
        return rc;
    CHECK(at + size <= FILE_BYTES);
    memcpy(content + at, bytes, (size_t)size);
    if (at + size > content_size)
        content_size = at + size;
    return SQLITE_OK;
}

static int memory_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    (void)file;
    content_size = size;
    return SQLITE_OK;
}

static int memory_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    syncs++;
    return SQLITE_OK;
}

static int memory_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    (void)file;
    *ret_size = content_size;
    return SQLITE_OK;
}

static int memory_control(sqlite3_file *file, int what, void *argument)
{
    (void)file;
    (void)what;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static const sqlite3_io_methods memory_methods = {
    .iVersion = 1,
    .xClose = memory_close,
    .xRead = memory_read,
    .xWrite = memory_write,
    .xTruncate = memory_truncate,
    .xSync = memory_sync,
    .xFileSize = memory_size,
    .xFileControl = memory_control,
};

static int memory_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                       int *ret_flags)
{
    (void)vfs;
    (void)name;
    if (ret_flags)
        *ret_flags = flags;
    file->pMethods = &memory_methods;
    return SQLITE_OK;
}

static sqlite3_vfs memory_vfs = {
    .iVersion = 1,
    .szOsFile = sizeof(struct memory_file),
    .mxPathname = 512,
    .zName = "memory-parent",
    .xOpen = memory_open,
};

struct gathered {
    struct gather_vfs *vfs;
    sqlite3_file *file;
};

static int set_up_as(void **state, int kind)
{
    struct gathered *f = calloc(1, sizeof(*f));
    memset(content, 0, sizeof(content));
    content_size = writes = syncs = next_error = 0;
    assert_int_equal(sqlite3_vfs_register(&memory_vfs, 0), SQLITE_OK);
    f->vfs = gather_vfs_new("memory-parent");
    assert_non_null(f->vfs);
    sqlite3_vfs *vfs = sqlite3_vfs_find(gather_vfs_name(f->vfs));
    assert_non_null(vfs);
    f->file = calloc(1, (size_t)vfs->szOsFile);
    int flags = kind | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    assert_int_equal(vfs->xOpen(vfs, "x-wal", f->file, flags, NULL), SQLITE_OK);
    *state = f;
    return 0;
}

static int set_up(void **state)
{
    return set_up_as(state, SQLITE_OPEN_WAL);
}

static int set_up_database(void **state)
{
    return set_up_as(state, SQLITE_OPEN_MAIN_DB);
}

static int tear_down(void **state)
{
    struct gathered *f = *state;
    (void)f->file->pMethods->xClose(f->file);
    gather_vfs_destroy(&f->vfs);
    assert_null(f->vfs);
    (void)sqlite3_vfs_unregister(&memory_vfs);
    free(f->file);
    free(f);
    return 0;
}

static int put(struct gathered *f, const char *bytes, sqlite3_int64 at)
{
    return f->file->pMethods->xWrite(f->file, bytes, (int)strlen(bytes), at);
}

static void neighbours_become_one_write(void **state)
{
    struct gathered *f = *state;
    assert_int_equal(put(f, "head", 100), SQLITE_OK);
    assert_int_equal(put(f, "page", 104), SQLITE_OK);
    assert_int_equal(put(f, "next", 108), SQLITE_OK);
    assert_int_equal(writes, 0);
    assert_int_equal(f->file->pMethods->xSync(f->file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_int_equal(writes, 1);
    assert_int_equal(syncs, 1);
    assert_memory_equal(content + 100, "headpagenext", 12);
}

static void a_write_elsewhere_ends_the_run(void **state)
{
    struct gathered *f = *state;
    assert_int_equal(put(f, "aaaa", 0), SQLITE_OK);
    assert_int_equal(put(f, "bbbb", 400), SQLITE_OK);
    assert_int_equal(writes, 1);
    assert_int_equal(put(f, "AA", 0), SQLITE_OK); /* the same place again: the later one counts */
    assert_int_equal(f->file->pMethods->xSync(f->file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_memory_equal(content, "AAaa", 4);
    assert_memory_equal(content + 400, "bbbb", 4);
}

static void a_read_sees_what_was_written(void **state)
{
    struct gathered *f = *state;
    char bytes[4];
    assert_int_equal(put(f, "0123456789", 50), SQLITE_OK);
    (void)f->file->pMethods->xRead(f->file, bytes, 4, 0); /* apart from it: stays gathered */
    assert_int_equal(writes, 0);
    assert_int_equal(f->file->pMethods->xRead(f->file, bytes, 4, 53), SQLITE_OK);
    assert_memory_equal(bytes, "3456", 4);
    assert_int_equal(writes, 1);
}

static void size_and_truncation_count_what_is_gathered(void **state)
{
    struct gathered *f = *state;
    sqlite3_int64 size = 0;
    assert_int_equal(put(f, "0123456789", 0), SQLITE_OK);
    assert_int_equal(f->file->pMethods->xFileSize(f->file, &size), SQLITE_OK);
    assert_int_equal(size, 10);
    assert_int_equal(put(f, "0123456789", 10), SQLITE_OK);
    assert_int_equal(f->file->pMethods->xTruncate(f->file, 5), SQLITE_OK);
    assert_int_equal(f->file->pMethods->xFileSize(f->file, &size), SQLITE_OK);
    assert_int_equal(size, 5);
}

static void an_error_is_told_by_the_call_that_wrote(void **state)
{
    struct gathered *f = *state;
    assert_int_equal(put(f, "aaaa", 0), SQLITE_OK);
    next_error = SQLITE_FULL;
    assert_int_equal(f->file->pMethods->xSync(f->file, SQLITE_SYNC_NORMAL), SQLITE_FULL);
    assert_int_equal(syncs, 0);
    /* What could not be written is gone, not written later. */
    assert_int_equal(f->file->pMethods->xSync(f->file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_int_equal(content_size, 0);
    assert_int_equal(put(f, "aaaa", 0), SQLITE_OK);
    next_error = SQLITE_IOERR_WRITE;
    assert_int_equal(put(f, "bbbb", 100), SQLITE_IOERR_WRITE);
}

/* After the end of a checkpoint others read the database, so nothing may be held back; and what could
 * not be written then may count as moved already, so it is not dropped. */
static void the_end_of_a_checkpoint_ends_the_run(void **state)
{
    struct gathered *f = *state;
    const sqlite3_io_methods *methods = f->file->pMethods;
    assert_int_equal(put(f, "aaaa", 0), SQLITE_OK);
    (void)methods->xFileControl(f->file, SQLITE_FCNTL_CKPT_DONE, NULL);
    assert_memory_equal(content, "aaaa", 4);
    assert_int_equal(put(f, "bbbb", 4), SQLITE_OK);
    next_error = SQLITE_FULL;
    (void)methods->xFileControl(f->file, SQLITE_FCNTL_CKPT_DONE, NULL);
    next_error = SQLITE_IOERR_WRITE;
    assert_int_equal(methods->xFileControl(f->file, GATHER_CONTROL_FLUSH, NULL),
                     SQLITE_IOERR_WRITE);
    assert_int_equal(content_size, 4);
    assert_int_equal(methods->xFileControl(f->file, GATHER_CONTROL_FLUSH, NULL), SQLITE_OK);
    assert_memory_equal(content, "aaaabbbb", 8);
}

/* Random writes and reads against the plain bytes, over the bound of a run too. */
static void is_the_same_as_without(void **state)
{
    struct gathered *f = *state;
    static char expected[FILE_BYTES];
    static char piece[127 * 1024];
    uint32_t random = 7;
    sqlite3_int64 end = 0;
    memset(expected, 0, sizeof(expected));
    for (int i = 0; i < 20000; i++) {
        random = random * 1664525u + 1013904223u;
        int size = (random >> 8) % 50 == 0 ? (int)((random >> 4) % sizeof(piece))
                                           : (int)(random >> 20) + 1;
        sqlite3_int64 at = (random & 3) != 0 ? end : (sqlite3_int64)(random % (FILE_BYTES / 2));
        if (at + size > FILE_BYTES)
            at = 0;
        memset(piece, (int)(random >> 13), (size_t)size);
        assert_int_equal(f->file->pMethods->xWrite(f->file, piece, size, at), SQLITE_OK);
        memcpy(expected + at, piece, (size_t)size);
        end = at + size;
        if ((random >> 5) % 8 == 0) {
            sqlite3_int64 from = (sqlite3_int64)((random >> 3) % (FILE_BYTES - 5000));
            char bytes[5000];
            (void)f->file->pMethods->xRead(f->file, bytes, sizeof(bytes), from); /* may be short */
            assert_memory_equal(bytes, expected + from, sizeof(bytes));
        }
    }
    assert_int_equal(f->file->pMethods->xSync(f->file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    assert_memory_equal(content, expected, sizeof(expected));
    assert_true(writes < 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(neighbours_become_one_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_elsewhere_ends_the_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_read_sees_what_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(size_and_truncation_count_what_is_gathered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_error_is_told_by_the_call_that_wrote, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_of_a_checkpoint_ends_the_run, set_up_database,
                                        tear_down),
        cmocka_unit_test_setup_teardown(is_the_same_as_without, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
