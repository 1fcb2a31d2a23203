/* SPDX-License-Identifier: MPL-2.0
 *
 * See restore.h. The order is what makes it safe:
 *
 *     1  the backup is copied to DATABASE-restored, synced and checked
 *     2  the old database and its WAL get a second name each (hard links), and that is synced
 *     3  the WAL loses its first name, so that it is never applied to the restored file
 *     4  DATABASE-restored is renamed over DATABASE, and that is synced
 *
 * Between 2 and 4 the database has two names, with which no broker opens it. Doing it all again is
 * the way on from there.
 */
#include "store/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

#define PATH_BYTES_MAX 4096

struct restore {
    const struct restore_options *options;
    char copy[PATH_BYTES_MAX];
    char wal[PATH_BYTES_MAX], wal_aside[PATH_BYTES_MAX], shm[PATH_BYTES_MAX];
};

static enum err fail(const struct restore *restore, const char *path)
{
    enum err err = errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_STORAGE;
    (void)snprintf(restore->options->error_text, restore->options->error_text_size_bytes, "%s: %s",
                   path, strerror(errno));
    return err;
}

static bool name(char ret[PATH_BYTES_MAX], const char *path, const char *suffix)
{
    int size = snprintf(ret, PATH_BYTES_MAX, "%s%s", path, suffix);
    return size > 0 && size < PATH_BYTES_MAX - 32; /* room for what SQLite appends */
}

static void directory_of(const struct restore *restore, char ret[PATH_BYTES_MAX])
{
    const char *database = restore->options->database;
    const char *slash = strrchr(database, '/');
    (void)snprintf(ret, PATH_BYTES_MAX, "%.*s.", (int)(slash ? slash - database + 1 : 0), database);
}

static enum err sync_directory(const struct restore *restore)
{
    char path[PATH_BYTES_MAX];
    directory_of(restore, path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(restore, path);
    enum err err = fsync(fd) == 0 ? ERR_OK : fail(restore, path);
    (void)close(fd); /* only read */
    return err;
}

/* Step 1. */
static enum err copy(const struct restore *restore, int *ret_version)
{
    const struct restore_options *options = restore->options;
    struct store *source = NULL;
    struct store_stats stats;
    struct store_options source_options = {
        .path = options->backup,
        .read_only = true,
        .any_older = true,
        .is_at_rest = true,
        .error_text = options->error_text,
        .error_text_size_bytes = options->error_text_size_bytes,
    };
    enum err err = store_open(&source_options, &source);
    if (err != ERR_OK)
        return err;
    store_stats(source, &stats);
    *ret_version = stats.schema_version;
    err = backup_run(source, restore->copy, &options->hooks);
    if (err != ERR_OK && options->error_text[0] == '\0')
        (void)snprintf(options->error_text, options->error_text_size_bytes, "%s",
                       store_error_text(source));
    store_close(&source);
    return err;
}

/* Restored by root, it still belongs to whom the directory belongs. */
static enum err adopt(const struct restore *restore)
{
    char directory[PATH_BYTES_MAX];
    struct stat owner;
    directory_of(restore, directory);
    bool is_needed = geteuid() == 0 && stat(directory, &owner) == 0 && owner.st_uid != 0;
    bool is_done = !is_needed || chown(restore->copy, owner.st_uid, owner.st_gid) == 0;
    return is_done ? ERR_OK : fail(restore, restore->copy);
}

/* A second name for a file that may be missing. */
static enum err keep(const struct restore *restore, const char *path, const char *aside,
                     bool *ret_is_there)
{
    *ret_is_there = link(path, aside) == 0;
    return *ret_is_there || errno == ENOENT ? ERR_OK : fail(restore, aside);
}

static enum err drop(const struct restore *restore, const char *path)
{
    return unlink(path) == 0 || errno == ENOENT ? ERR_OK : fail(restore, path);
}

/* Steps 2 to 4. */
static enum err change_places(const struct restore *restore, bool *ret_has_aside)
{
    bool ignored = false;
    const struct restore_options *options = restore->options;
    enum err err = keep(restore, restore->wal, restore->wal_aside, &ignored);
    if (err == ERR_OK)
        err = keep(restore, options->database, options->aside, ret_has_aside);
    if (err == ERR_OK)
        err = sync_directory(restore);
    if (err == ERR_OK)
        err = drop(restore, restore->wal);
    if (err == ERR_OK)
        err = drop(restore, restore->shm);
    if (err == ERR_OK)
        err = sync_directory(restore);
    if (err == ERR_OK && rename(restore->copy, options->database) != 0)
        err = fail(restore, options->database);
    return err == ERR_OK ? sync_directory(restore) : err;
}

enum err restore_run(const struct restore_options *options, struct restore_result *ret)
{
    struct restore restore = {.options = options};
    int lock_fd = -1;
    options->error_text[0] = '\0';
    *ret = (struct restore_result){.has_aside = false};
    if (!name(restore.copy, options->database, "-restored") ||
        !name(restore.wal, options->database, "-wal") ||
        !name(restore.shm, options->database, "-shm") ||
        !name(restore.wal_aside, options->aside, "-wal")) {
        (void)snprintf(options->error_text, options->error_text_size_bytes, "the path is too long");
        return ERR_CONFIG;
    }
    enum err err = store_lock(options->database, &lock_fd, options->error_text,
                              options->error_text_size_bytes);
    if (err != ERR_OK)
        return err;
    err = copy(&restore, &ret->schema_version);
    if (err == ERR_OK)
        err = adopt(&restore);
    if (err == ERR_OK)
        err = change_places(&restore, &ret->has_aside);
    (void)close(lock_fd); /* nothing was written to it */
    return err;
}
