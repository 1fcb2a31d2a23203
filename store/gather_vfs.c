/* SPDX-License-Identifier: MPL-2.0
 *
 * See gather_vfs.h. One handle gathers one run of bytes:
 *
 *     xWrite   continues the run: copied behind it; else the run is written out and a new one begins
 *     xRead    of anything in the run, xFileSize, xTruncate, xSync, xClose: the run is written first
 *     the end of a checkpoint: the same, as a checkpoint that a reader keeps from its end tells
 *              everybody of its progress without a sync
 *
 * Only the database and its WAL are gathered; everything else goes through untouched.
 */
#include "store/gather_vfs.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_BYTES_MAX (124 * 1024) /* the VFS of SQLite takes less than 128 KiB at once */
#define NAME_BYTES    64

struct gather_file {
    sqlite3_file base;
    sqlite3_file *parent; /* behind this struct */
    char *run;            /* NULL: not gathered */
    bool is_database;
    sqlite3_int64 run_at;
    int run_size;
};

struct gather_vfs {
    sqlite3_vfs base;
    sqlite3_vfs *parent;
    char name[NAME_BYTES];
};

static struct gather_file *file_of(sqlite3_file *file)
{
    return (struct gather_file *)(void *)file;
}

static int flush(struct gather_file *file)
{
    if (file->run_size == 0)
        return SQLITE_OK;
    int size = file->run_size;
    file->run_size = 0;
    int rc = file->parent->pMethods->xWrite(file->parent, file->run, size, file->run_at);
    if (rc != SQLITE_OK && file->is_database)
        file->run_size = size; /* the WAL may count as moved already: tried again before the next */
    return rc;
}

/* --- One file. */

static int gather_close(sqlite3_file *base)
{
    struct gather_file *file = file_of(base);
    int rc = flush(file);
    int close_rc = file->parent->pMethods->xClose(file->parent);
    free(file->run);
    file->run = NULL;
    return rc == SQLITE_OK ? close_rc : rc;
}

static int gather_read(sqlite3_file *base, void *bytes, int size, sqlite3_int64 at)
{
    struct gather_file *file = file_of(base);
    bool is_apart = at >= file->run_at + file->run_size || at + size <= file->run_at;
    int rc = is_apart ? SQLITE_OK : flush(file);
    return rc == SQLITE_OK ? file->parent->pMethods->xRead(file->parent, bytes, size, at) : rc;
}

static int gather_write(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 at)
{
    struct gather_file *file = file_of(base);
    bool continues = at == file->run_at + file->run_size && file->run_size + size <= RUN_BYTES_MAX;
    int rc = continues ? SQLITE_OK : flush(file);
    if (rc != SQLITE_OK)
        return rc;
    if (!file->run || size > RUN_BYTES_MAX)
        return file->parent->pMethods->xWrite(file->parent, bytes, size, at);
    if (file->run_size == 0)
        file->run_at = at;
    memcpy(file->run + file->run_size, bytes, (size_t)size);
    file->run_size += size;
    return SQLITE_OK;
}

static int gather_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct gather_file *file = file_of(base);
    int rc = flush(file);
    return rc == SQLITE_OK ? file->parent->pMethods->xTruncate(file->parent, size) : rc;
}

static int gather_sync(sqlite3_file *base, int flags)
{
    struct gather_file *file = file_of(base);
    int rc = flush(file);
    return rc == SQLITE_OK ? file->parent->pMethods->xSync(file->parent, flags) : rc;
}

static int gather_size(sqlite3_file *base, sqlite3_int64 *ret_size)
{
    struct gather_file *file = file_of(base);
    int rc = flush(file);
    return rc == SQLITE_OK ? file->parent->pMethods->xFileSize(file->parent, ret_size) : rc;
}

static int gather_lock(sqlite3_file *base, int level)
{
    sqlite3_file *parent = file_of(base)->parent;
    return parent->pMethods->xLock(parent, level);
}

static int gather_unlock(sqlite3_file *base, int level)
{
    sqlite3_file *parent = file_of(base)->parent;
    int rc = flush(file_of(base));
    int unlock_rc = parent->pMethods->xUnlock(parent, level);
    return rc == SQLITE_OK ? unlock_rc : rc;
}

static int gather_check_lock(sqlite3_file *base, int *ret_is_reserved)
{
    sqlite3_file *parent = file_of(base)->parent;
    return parent->pMethods->xCheckReservedLock(parent, ret_is_reserved);
}

static int gather_control(sqlite3_file *base, int what, void *argument)
{
    sqlite3_file *parent = file_of(base)->parent;
    if (what == GATHER_CONTROL_FLUSH)
        return flush(file_of(base));
    if (what == SQLITE_FCNTL_CKPT_DONE)
        (void)flush(file_of(base)); /* SQLite does not listen here: see GATHER_CONTROL_FLUSH */
    return parent->pMethods->xFileControl(parent, what, argument);
}

static int gather_sector(sqlite3_file *base)
{
    sqlite3_file *parent = file_of(base)->parent;
    return parent->pMethods->xSectorSize(parent);
}

static int gather_traits(sqlite3_file *base)
{
    sqlite3_file *parent = file_of(base)->parent;
    return parent->pMethods->xDeviceCharacteristics(parent);
}

static int gather_shm_map(sqlite3_file *base, int region, int size, int may_extend,
                          void volatile **ret_memory)
{
    sqlite3_file *parent = file_of(base)->parent;
    return parent->pMethods->xShmMap(parent, region, size, may_extend, ret_memory);
}

static int gather_shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    sqlite3_file *parent = file_of(base)->parent;
    return parent->pMethods->xShmLock(parent, offset, count, flags);
}

static void gather_shm_barrier(sqlite3_file *base)
{
    sqlite3_file *parent = file_of(base)->parent;
    parent->pMethods->xShmBarrier(parent);
}

static int gather_shm_unmap(sqlite3_file *base, int is_last)
{
    sqlite3_file *parent = file_of(base)->parent;
    return parent->pMethods->xShmUnmap(parent, is_last);
}

/* Version 2: with shared memory, without mapped reads, which would miss the run. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = gather_close,
    .xRead = gather_read,
    .xWrite = gather_write,
    .xTruncate = gather_truncate,
    .xSync = gather_sync,
    .xFileSize = gather_size,
    .xLock = gather_lock,
    .xUnlock = gather_unlock,
    .xCheckReservedLock = gather_check_lock,
    .xFileControl = gather_control,
    .xSectorSize = gather_sector,
    .xDeviceCharacteristics = gather_traits,
    .xShmMap = gather_shm_map,
    .xShmLock = gather_shm_lock,
    .xShmBarrier = gather_shm_barrier,
    .xShmUnmap = gather_shm_unmap,
};

/* --- The VFS: opening is ours, the rest is the parent's own functions, called with the parent. */

static sqlite3_vfs *parent_of(sqlite3_vfs *vfs)
{
    return ((struct gather_vfs *)(void *)vfs)->parent;
}

static int gather_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *base, int flags,
                       int *ret_flags)
{
    struct gather_file *file = file_of(base);
    memset(file, 0, sizeof(*file));
    file->parent = (sqlite3_file *)(void *)(file + 1);
    file->parent->pMethods = NULL;
    sqlite3_vfs *parent = parent_of(vfs);
    int rc = parent->xOpen(parent, name, file->parent, flags, ret_flags);
    if (file->parent->pMethods)
        file->base.pMethods = &methods; /* to be closed, also after a failure */
    file->is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    if (rc == SQLITE_OK && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
        file->run = malloc(RUN_BYTES_MAX); /* without: nothing is gathered */
    return rc;
}

static int gather_delete(sqlite3_vfs *vfs, const char *name, int must_sync)
{
    return parent_of(vfs)->xDelete(parent_of(vfs), name, must_sync);
}

static int gather_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret_is_allowed)
{
    return parent_of(vfs)->xAccess(parent_of(vfs), name, flags, ret_is_allowed);
}

static int gather_full_path(sqlite3_vfs *vfs, const char *name, int size, char *ret_path)
{
    return parent_of(vfs)->xFullPathname(parent_of(vfs), name, size, ret_path);
}

static int gather_randomness(sqlite3_vfs *vfs, int size, char *ret_bytes)
{
    return parent_of(vfs)->xRandomness(parent_of(vfs), size, ret_bytes);
}

static int gather_sleep(sqlite3_vfs *vfs, int microseconds)
{
    return parent_of(vfs)->xSleep(parent_of(vfs), microseconds);
}

static int gather_time(sqlite3_vfs *vfs, double *ret_days)
{
    return parent_of(vfs)->xCurrentTime(parent_of(vfs), ret_days);
}

static int gather_last_error(sqlite3_vfs *vfs, int size, char *ret_text)
{
    return parent_of(vfs)->xGetLastError(parent_of(vfs), size, ret_text);
}

static int gather_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *ret_ms)
{
    return parent_of(vfs)->xCurrentTimeInt64(parent_of(vfs), ret_ms);
}

/* --- Its life. */

struct gather_vfs *gather_vfs_new(const char *parent_name)
{
    sqlite3_vfs *parent = sqlite3_vfs_find(parent_name);
    struct gather_vfs *vfs = parent ? calloc(1, sizeof(*vfs)) : NULL;
    if (!vfs)
        return NULL;
    vfs->parent = parent;
    /* Two that live at once have different addresses. */
    (void)snprintf(vfs->name, sizeof(vfs->name), "roost-gather-%p", (void *)vfs);
    vfs->base = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct gather_file) + parent->szOsFile,
        .mxPathname = parent->mxPathname,
        .zName = vfs->name,
        .xOpen = gather_open,
        .xDelete = gather_delete,
        .xAccess = gather_access,
        .xFullPathname = gather_full_path,
        .xRandomness = gather_randomness,
        .xSleep = gather_sleep,
        .xCurrentTime = gather_time,
        .xGetLastError = gather_last_error,
        .xCurrentTimeInt64 = parent->iVersion >= 2 ? gather_time_ms : NULL,
    };
    if (sqlite3_vfs_register(&vfs->base, 0) != SQLITE_OK) {
        free(vfs);
        return NULL;
    }
    return vfs;
}

void gather_vfs_destroy(struct gather_vfs **vfs)
{
    if (!*vfs)
        return;
    (void)sqlite3_vfs_unregister(&(*vfs)->base); /* it is registered */
    free(*vfs);
    *vfs = NULL;
}

const char *gather_vfs_name(const struct gather_vfs *vfs)
{
    return vfs->name;
}
