/* SPDX-License-Identifier: MPL-2.0
 *
 * See backup.h. The copying is SQLite's online backup; here are the names, the syncs and the
 * refusals around it.
 */
#include "store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/check.h"
#include "store/store_internal.h"

#define SLICE_PAGES           1024
#define HEADER_BYTES          100
#define HEADER_APPLICATION_ID 68
#define PATH_BYTES_MAX        4096

struct backup {
    struct store *store;
    sqlite3 *copy;
    sqlite3_backup *work;
    bool is_begun; /* the part file is ours */
    char target[PATH_BYTES_MAX];
    char part[PATH_BYTES_MAX];
};

static enum err fail_errno(struct store *store, const char *path)
{
    enum err err = errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_STORAGE;
    return store_fail(store, err, "%s: %s", path, strerror(errno));
}

/* Whether an existing file may be replaced: another roost database, or an empty file. */
static enum err check_target(struct store *store, const char *target)
{
    struct stat source, existing;
    if (stat(target, &existing) != 0)
        return errno == ENOENT ? ERR_OK : fail_errno(store, target);
    if (stat(store->path, &source) == 0 && source.st_dev == existing.st_dev &&
        source.st_ino == existing.st_ino)
        return store_fail(store, ERR_NOT_OUR_FILE, "the copy would overwrite the database itself");
    if (!S_ISREG(existing.st_mode))
        return store_fail(store, ERR_NOT_OUR_FILE, "%s: not a regular file", target);
    static const uint8_t id[] = {0x72, 0x6F, 0x6F, 0x73};
    uint8_t header[HEADER_BYTES] = {0};
    int fd = open(target, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(store, target);
    ssize_t size = read(fd, header, sizeof header);
    (void)close(fd); /* only read */
    if (size != 0 && memcmp(header + HEADER_APPLICATION_ID, id, sizeof id) != 0)
        return store_fail(store, ERR_NOT_OUR_FILE, "%s: exists and is not a roost database",
                          target);
    return ERR_OK;
}

static enum err open_copy(struct backup *backup)
{
    struct store *store = backup->store;
    (void)unlink(backup->part); /* of an earlier attempt; mostly there is none */
    int fd = open(backup->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(store, backup->part);
    (void)close(fd); /* empty */
    backup->is_begun = true;
    int rc = sqlite3_open_v2(backup->part, &backup->copy,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        backup->work = sqlite3_backup_init(backup->copy, "main", store->db, "main");
    if (backup->work)
        return ERR_OK;
    return store_fail(store, ERR_STORAGE, "%s: %s", backup->part, sqlite3_errmsg(backup->copy));
}

enum err backup_begin(struct store *store, const char *target, struct backup **ret_backup)
{
    CHECK(!store->is_in_transaction);
    enum err err = check_target(store, target);
    if (err != ERR_OK)
        return err;
    struct backup *backup = calloc(1, sizeof *backup);
    CHECK(backup);
    backup->store = store;
    const char *prefix = target[0] == '/' ? "" : "./";
    int size = snprintf(backup->target, sizeof backup->target, "%s%s", prefix, target);
    int part_size = snprintf(backup->part, sizeof backup->part, "%s%s.part", prefix, target);
    if (size < 0 || part_size < 0 || (size_t)part_size >= sizeof backup->part)
        err = store_fail(store, ERR_CONFIG, "the path is too long");
    if (err == ERR_OK)
        err = open_copy(backup);
    if (err != ERR_OK) {
        backup_destroy(&backup);
        return err;
    }
    *ret_backup = backup;
    return ERR_OK;
}

static enum err sync_path(struct store *store, const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(store, path);
    enum err err = fsync(fd) == 0 ? ERR_OK : fail_errno(store, path);
    (void)close(fd); /* synced */
    return err;
}

/* The copy is closed and synced before it gets its name, and the name before it is believed. */
static enum err finish(struct backup *backup)
{
    struct store *store = backup->store;
    int rc = sqlite3_backup_finish(backup->work);
    backup->work = NULL;
    if (rc == SQLITE_OK)
        rc = sqlite3_close(backup->copy);
    if (rc != SQLITE_OK)
        return store_fail(store, ERR_STORAGE, "%s: %s", backup->part, sqlite3_errstr(rc));
    backup->copy = NULL;
    enum err err = sync_path(store, backup->part, O_RDWR);
    if (err == ERR_OK && rename(backup->part, backup->target) != 0)
        err = fail_errno(store, backup->target);
    if (err != ERR_OK)
        return err;
    backup->is_begun = false;
    char directory[PATH_BYTES_MAX];
    memcpy(directory, backup->target, sizeof directory);
    char *slash = strrchr(directory, '/');
    slash[slash == directory] = '\0';
    return sync_path(store, directory, O_RDONLY | O_DIRECTORY);
}

enum err backup_step(struct backup *backup, uint32_t pages, uint64_t *ret_done, uint64_t *ret_total,
                     bool *ret_is_done)
{
    CHECK(backup->work);
    int rc = sqlite3_backup_step(backup->work, pages > INT32_MAX ? -1 : (int)pages);
    int total = sqlite3_backup_pagecount(backup->work);
    int left = sqlite3_backup_remaining(backup->work);
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        return store_fail(backup->store,
                          (rc & 0xff) == SQLITE_FULL      ? ERR_DISK_FULL
                          : (rc & 0xff) == SQLITE_CORRUPT ? ERR_CORRUPT
                          : (rc & 0xff) == SQLITE_BUSY    ? ERR_BUSY
                                                          : ERR_STORAGE,
                          "%s: %s", backup->part, sqlite3_errstr(rc));
    enum err err = rc == SQLITE_DONE ? finish(backup) : ERR_OK;
    if (err != ERR_OK)
        return err;
    *ret_done = (uint64_t)(total - left);
    *ret_total = (uint64_t)total;
    *ret_is_done = rc == SQLITE_DONE;
    return ERR_OK;
}

void backup_destroy(struct backup **backup)
{
    struct backup *self = *backup;
    if (!self)
        return;
    *backup = NULL;
    (void)sqlite3_backup_finish(self->work); /* repeats the error of its last step; NULL allowed */
    (void)sqlite3_close(self->copy);         /* cannot be busy */
    if (self->is_begun)
        (void)unlink(self->part); /* what is left of a failure; the next attempt removes it too */
    free(self);
}

enum err backup_run(struct store *store, const char *target, backup_progress *progress,
                    void *context)
{
    struct backup *backup = NULL;
    enum err err = backup_begin(store, target, &backup);
    bool is_done = false;
    uint32_t pages = store->is_writer ? SLICE_PAGES : UINT32_MAX;
    while (err == ERR_OK && !is_done) {
        uint64_t done = 0, total = 0;
        err = backup_step(backup, pages, &done, &total, &is_done);
        if (err == ERR_OK && progress && !progress(context, done, total) && !is_done)
            err = ERR_CANCELLED;
    }
    backup_destroy(&backup);
    return err;
}
