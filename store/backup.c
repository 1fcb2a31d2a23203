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
#include <sys/file.h>
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
    bool has_snapshot; /* a read transaction of the source is ours */
    int part_fd;       /* holds the lock of the part file; -1: the part file is not ours */
    char target[PATH_BYTES_MAX];
    char part[PATH_BYTES_MAX];
};

static enum err fail_errno(struct store *store, const char *path)
{
    enum err err = errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_STORAGE;
    return store_fail(store, err, "%s: %s", path, strerror(errno));
}

/* A database that a broker has, or had: its lock is beside it, or a WAL that belongs to it. */
static bool is_of_broker(const char *target)
{
    char beside[PATH_BYTES_MAX];
    struct stat info;
    (void)snprintf(beside, sizeof beside, "%s-lock", target);
    if (stat(beside, &info) == 0)
        return true;
    (void)snprintf(beside, sizeof beside, "%s-wal", target);
    return stat(beside, &info) == 0 && info.st_size > 0;
}

/* Whether an existing file may be replaced: an earlier copy, or an empty file. */
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
    if (is_of_broker(target))
        return store_fail(store, ERR_NOT_OUR_FILE, "%s: is the database of a broker, not a backup",
                          target);
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

/* What SQLite makes beside a database. */
static void remove_companions(const char *path)
{
    static const char *const suffixes[] = {"-journal", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char companion[PATH_BYTES_MAX + 16];
        (void)snprintf(companion, sizeof companion, "%s%s", path, suffixes[i]);
        (void)unlink(companion); /* mostly there is none */
    }
}

/* Whether the name still belongs to the open file: a backup that ended meanwhile has given it the
 * name of its target. */
static bool is_still_there(const char *path, int fd)
{
    struct stat named, opened;
    return stat(path, &named) == 0 && fstat(fd, &opened) == 0 && named.st_dev == opened.st_dev &&
           named.st_ino == opened.st_ino;
}

/* The lock keeps two backups from writing to one part file; that of an earlier one, which was
 * killed, is emptied. */
static enum err lock_part(struct backup *backup)
{
    struct store *store = backup->store;
    int fd = open(backup->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_errno(store, backup->part);
    enum err err = ERR_OK;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || !is_still_there(backup->part, fd))
        err = store_fail(store, ERR_LOCKED, "%s: another backup is writing it", backup->part);
    else if (ftruncate(fd, 0) != 0)
        err = fail_errno(store, backup->part);
    if (err != ERR_OK) {
        (void)close(fd); /* nothing was written */
        return err;
    }
    backup->part_fd = fd;
    remove_companions(backup->part);
    return ERR_OK;
}

static enum err open_copy(struct backup *backup)
{
    struct store *store = backup->store;
    enum err err = lock_part(backup);
    if (err != ERR_OK)
        return err;
    int rc = sqlite3_open_v2(backup->part, &backup->copy,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        backup->work = sqlite3_backup_init(backup->copy, "main", store->db, "main");
    if (backup->work)
        return ERR_OK;
    return store_fail(store, ERR_STORAGE, "%s: %s", backup->part, sqlite3_errmsg(backup->copy));
}

/* A reader keeps one read transaction over all slices: what others commit meanwhile is not seen,
 * and so does not make SQLite begin the copy anew. The transaction begins with the first read. */
static enum err take_snapshot(struct backup *backup)
{
    struct store *store = backup->store;
    int64_t ignored = 0;
    if (store->is_writer)
        return ERR_OK;
    enum err err = store_read_begin(store);
    if (err != ERR_OK)
        return err;
    backup->has_snapshot = true;
    return statement_query_ints(store, STATEMENT_store_user_version, 0, NULL, &ignored, NULL);
}

static void give_up_snapshot(struct backup *backup)
{
    if (backup->has_snapshot)
        store_read_end(backup->store);
    backup->has_snapshot = false;
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
    backup->part_fd = -1;
    const char *prefix = target[0] == '/' ? "" : "./";
    int size = snprintf(backup->target, sizeof backup->target, "%s%s", prefix, target);
    int part_size = snprintf(backup->part, sizeof backup->part, "%s%s.part", prefix, target);
    if (size < 0 || part_size < 0 || (size_t)part_size >= sizeof backup->part)
        err = store_fail(store, ERR_CONFIG, "the path is too long");
    if (err == ERR_OK)
        err = take_snapshot(backup);
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

/* The copy is closed and synced. */
static enum err complete(struct backup *backup)
{
    struct store *store = backup->store;
    int rc = sqlite3_backup_finish(backup->work);
    backup->work = NULL;
    give_up_snapshot(backup);
    if (rc == SQLITE_OK)
        rc = sqlite3_close(backup->copy);
    if (rc != SQLITE_OK)
        return store_fail(store, ERR_STORAGE, "%s: %s", backup->part, sqlite3_errstr(rc));
    backup->copy = NULL;
    return sync_path(store, backup->part, O_RDWR);
}

/* The name, and the sync that makes it last. */
static enum err publish(struct backup *backup)
{
    struct store *store = backup->store;
    remove_companions(backup->target); /* of whoever read the one before: they would mislead */
    if (rename(backup->part, backup->target) != 0)
        return fail_errno(store, backup->target);
    (void)close(backup->part_fd); /* synced */
    backup->part_fd = -1;
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
    enum err err = rc == SQLITE_DONE ? complete(backup) : ERR_OK;
    if (err != ERR_OK)
        return err;
    *ret_done = (uint64_t)(total - left);
    *ret_total = (uint64_t)total;
    *ret_is_done = rc == SQLITE_DONE;
    return ERR_OK;
}

enum err backup_finish(struct backup *backup, backup_check *check, void *context)
{
    CHECK(!backup->work && !backup->copy);
    enum err err = check ? check(context, backup->part) : ERR_OK;
    remove_companions(backup->part); /* of a check that opened it */
    return err == ERR_OK ? publish(backup) : err;
}

void backup_destroy(struct backup **backup)
{
    struct backup *self = *backup;
    if (!self)
        return;
    *backup = NULL;
    (void)sqlite3_backup_finish(self->work); /* repeats the error of its last step; NULL allowed */
    (void)sqlite3_close(self->copy);         /* cannot be busy */
    give_up_snapshot(self);
    if (self->part_fd >= 0) { /* what is left of a failure */
        remove_companions(self->part);
        (void)unlink(self->part); /* otherwise the next attempt empties it */
        (void)close(self->part_fd);
    }
    free(self);
}

enum err backup_run(struct store *store, const char *target, const struct backup_hooks *hooks)
{
    static const struct backup_hooks none;
    struct backup *backup = NULL;
    enum err err = backup_begin(store, target, &backup);
    bool is_done = false;
    hooks = hooks ? hooks : &none;
    while (err == ERR_OK && !is_done) {
        uint64_t done = 0, total = 0;
        err = backup_step(backup, SLICE_PAGES, &done, &total, &is_done);
        if (err == ERR_OK && hooks->progress && !hooks->progress(hooks->context, done, total) &&
            !is_done)
            err = ERR_CANCELLED;
    }
    if (err == ERR_OK)
        err = backup_finish(backup, hooks->check, hooks->context);
    backup_destroy(&backup);
    return err;
}
