/* SPDX-License-Identifier: MPL-2.0
 *
 * The disk of crash_vfs.h as SQLite sees it: files, locks, shared memory.
 */
#include <stdlib.h>
#include <string.h>

#include "crash_internal.h"
#include "rt/check.h"

struct crash_file {
    sqlite3_file base;
    struct crash_disk *disk;
    unsigned number;
    int level;
    unsigned shm_shared, shm_exclusive; /* bits: locks of this connection */
    bool is_deleted_on_close;
};

static struct crash_disk *current;

/* --- files, as SQLite sees them */

static struct disk_file *file_of(sqlite3_file *base)
{
    struct crash_file *file = (struct crash_file *)base;
    return &file->disk->files[file->number];
}

static int crash_unlock(sqlite3_file *base, int level)
{
    struct crash_file *file = (struct crash_file *)base;
    struct disk_file *shared = file_of(base);
    if (shared->lock_owner == file && level < SQLITE_LOCK_RESERVED)
        shared->lock_owner = NULL;
    if (file->level >= SQLITE_LOCK_SHARED && level == SQLITE_LOCK_NONE)
        shared->lock_shared--;
    file->level = level;
    return SQLITE_OK;
}

static int crash_lock(sqlite3_file *base, int level)
{
    struct crash_file *file = (struct crash_file *)base;
    struct disk_file *shared = file_of(base);
    if (file->level >= level)
        return SQLITE_OK;
    if (shared->lock_owner && shared->lock_owner != file && level >= SQLITE_LOCK_RESERVED)
        return SQLITE_BUSY;
    if (level == SQLITE_LOCK_EXCLUSIVE && shared->lock_shared > (file->level > 0))
        return SQLITE_BUSY;
    if (file->level == SQLITE_LOCK_NONE)
        shared->lock_shared++;
    if (level >= SQLITE_LOCK_RESERVED)
        shared->lock_owner = file;
    file->level = level;
    return SQLITE_OK;
}

static int crash_check_reserved(sqlite3_file *base, int *ret_is_reserved)
{
    *ret_is_reserved = file_of(base)->lock_owner != NULL;
    return SQLITE_OK;
}

static void delete_file(struct crash_disk *disk, unsigned number)
{
    disk->files[number].exists = false;
    disk->files[number].image.size = 0;
    disk_log(disk, (struct operation){.kind = OPERATION_DELETE, .file = number}, NULL);
}

static int crash_close(sqlite3_file *base)
{
    struct crash_file *file = (struct crash_file *)base;
    (void)crash_unlock(base, SQLITE_LOCK_NONE); /* always SQLITE_OK */
    if (file->is_deleted_on_close)
        delete_file(file->disk, file->number);
    return SQLITE_OK;
}

static int crash_read(sqlite3_file *base, void *data, int size, sqlite3_int64 offset)
{
    struct image *image = &file_of(base)->image;
    if (disk_is_failing(((struct crash_file *)base)->disk, CRASH_FAULT_READ))
        return SQLITE_IOERR_READ;
    size_t at = (size_t)offset, wanted = (size_t)size;
    size_t there = at < image->size ? image->size - at : 0;
    size_t part = there < wanted ? there : wanted;
    if (part)
        memcpy(data, image->data + at, part);
    memset((uint8_t *)data + part, 0, wanted - part);
    return part == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int crash_write(sqlite3_file *base, const void *data, int size, sqlite3_int64 offset)
{
    struct crash_file *file = (struct crash_file *)base;
    struct image *image = &file_of(base)->image;
    size_t end = (size_t)offset + (size_t)size;
    if (disk_is_failing(file->disk, CRASH_FAULT_WRITE))
        return SQLITE_IOERR_WRITE;
    if (disk_is_failing(file->disk, CRASH_FAULT_MEMORY))
        return SQLITE_IOERR_NOMEM;
    if (end > image->size && disk_is_failing(file->disk, CRASH_FAULT_FULL))
        return SQLITE_FULL;
    struct operation operation = {.kind = OPERATION_WRITE,
                                  .file = file->number,
                                  .offset = (size_t)offset,
                                  .size = (size_t)size};
    image_write(image, (size_t)offset, data, (size_t)size);
    disk_log(file->disk, operation, data);
    return SQLITE_OK;
}

static int crash_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct crash_file *file = (struct crash_file *)base;
    struct operation operation = {
        .kind = OPERATION_TRUNCATE, .file = file->number, .offset = (size_t)size};
    image_resize(&file_of(base)->image, (size_t)size);
    disk_log(file->disk, operation, NULL);
    return SQLITE_OK;
}

static int crash_sync(sqlite3_file *base, int flags)
{
    struct crash_file *file = (struct crash_file *)base;
    struct disk_file *shared = file_of(base);
    (void)flags;
    if (disk_is_failing(file->disk, CRASH_FAULT_SYNC)) {
        image_copy(&shared->image, &shared->synced);
        return SQLITE_IOERR_FSYNC;
    }
    if (file->disk->fault == CRASH_FAULT_SYNC)
        image_copy(&shared->synced, &shared->image);
    disk_log(file->disk, (struct operation){.kind = OPERATION_SYNC, .file = file->number}, NULL);
    return SQLITE_OK;
}

static int crash_file_size(sqlite3_file *base, sqlite3_int64 *ret_size)
{
    *ret_size = (sqlite3_int64)file_of(base)->image.size;
    return SQLITE_OK;
}

static int crash_file_control(sqlite3_file *base, int what, void *argument)
{
    (void)base;
    (void)what;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int crash_sector_size(sqlite3_file *base)
{
    (void)base;
    return 4096;
}

static int crash_characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int crash_shm_map(sqlite3_file *base, int region, int size, int may_extend,
                         void volatile **ret_region)
{
    struct disk_file *file = file_of(base);
    CHECK(region < SHM_REGIONS_MAX);
    if (!file->regions[region] && may_extend) {
        file->regions[region] = calloc(1, (size_t)size);
        CHECK(file->regions[region]);
    }
    *ret_region = file->regions[region];
    return SQLITE_OK;
}

static int shm_unlock(struct crash_file *file, struct disk_file *shared, unsigned mask, int first,
                      int count)
{
    for (int i = first; i < first + count; i++) {
        shared->shared[i] -= (file->shm_shared & 1u << i) != 0;
        if (file->shm_exclusive & 1u << i)
            shared->exclusive[i] = false;
    }
    file->shm_shared &= ~mask;
    file->shm_exclusive &= ~mask;
    return SQLITE_OK;
}

static int crash_shm_lock(sqlite3_file *base, int first, int count, int flags)
{
    struct crash_file *file = (struct crash_file *)base;
    struct disk_file *shared = file_of(base);
    unsigned mask = (1u << (first + count)) - (1u << first);
    if (flags & SQLITE_SHM_UNLOCK)
        return shm_unlock(file, shared, mask, first, count);
    bool is_exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    for (int i = first; i < first + count; i++) {
        bool is_mine = (file->shm_exclusive & 1u << i) != 0;
        int others = shared->shared[i] - ((file->shm_shared & 1u << i) != 0);
        if ((shared->exclusive[i] && !is_mine) || (is_exclusive && others > 0))
            return SQLITE_BUSY;
    }
    for (int i = first; i < first + count; i++) {
        if (is_exclusive)
            shared->exclusive[i] = true;
        else if (!(file->shm_shared & 1u << i))
            shared->shared[i]++;
    }
    if (is_exclusive)
        file->shm_exclusive |= mask;
    else
        file->shm_shared |= mask;
    return SQLITE_OK;
}

static void crash_shm_barrier(sqlite3_file *base)
{
    (void)base;
}

static int crash_shm_unmap(sqlite3_file *base, int is_deleted)
{
    struct crash_file *file = (struct crash_file *)base;
    struct disk_file *shared = file_of(base);
    (void)shm_unlock(file, shared, ~0u, 0, SHM_LOCKS); /* always SQLITE_OK */
    if (is_deleted)
        disk_drop_regions(shared);
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = crash_close,
    .xRead = crash_read,
    .xWrite = crash_write,
    .xTruncate = crash_truncate,
    .xSync = crash_sync,
    .xFileSize = crash_file_size,
    .xLock = crash_lock,
    .xUnlock = crash_unlock,
    .xCheckReservedLock = crash_check_reserved,
    .xFileControl = crash_file_control,
    .xSectorSize = crash_sector_size,
    .xDeviceCharacteristics = crash_characteristics,
    .xShmMap = crash_shm_map,
    .xShmLock = crash_shm_lock,
    .xShmBarrier = crash_shm_barrier,
    .xShmUnmap = crash_shm_unmap,
};

/* --- the file system */

static int crash_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                      int *ret_flags)
{
    struct crash_file *file = (struct crash_file *)base;
    (void)vfs;
    CHECK(current);
    memset(file, 0, sizeof *file);
    unsigned number = disk_file(current, name ? name : "(temporary)");
    if (!current->files[number].exists && !(flags & SQLITE_OPEN_CREATE))
        return SQLITE_CANTOPEN;
    current->files[number].exists = true;
    file->disk = current;
    file->number = number;
    file->is_deleted_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    file->base.pMethods = &methods;
    if (ret_flags)
        *ret_flags = flags;
    return SQLITE_OK;
}

static int crash_delete(sqlite3_vfs *vfs, const char *name, int is_synced)
{
    (void)vfs;
    (void)is_synced;
    unsigned number = disk_file(current, name);
    if (!current->files[number].exists)
        return SQLITE_IOERR_DELETE_NOENT;
    delete_file(current, number);
    return SQLITE_OK;
}

static int crash_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret_exists)
{
    (void)vfs;
    const struct disk_file *file = &current->files[disk_file(current, name)];
    *ret_exists = file->exists && (flags != SQLITE_ACCESS_EXISTS || file->image.size > 0);
    return SQLITE_OK;
}

static int crash_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *ret_name)
{
    (void)vfs;
    CHECK(strlen(name) < (size_t)size);
    strcpy(ret_name, name);
    return SQLITE_OK;
}

void crash_vfs_register(const char *name)
{
    static sqlite3_vfs vfs;
    if (sqlite3_vfs_find(name))
        return;
    vfs = *sqlite3_vfs_find(NULL); /* time, randomness and sleep are the real ones */
    vfs.pNext = NULL;
    vfs.zName = name;
    vfs.szOsFile = (int)sizeof(struct crash_file);
    vfs.mxPathname = NAME_BYTES - 1;
    vfs.xOpen = crash_open;
    vfs.xDelete = crash_delete;
    vfs.xAccess = crash_access;
    vfs.xFullPathname = crash_full_pathname;
    CHECK(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
}

void crash_vfs_use(struct crash_disk *disk)
{
    current = disk;
}
