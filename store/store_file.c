/* SPDX-License-Identifier: MPL-2.0
 *
 * The files beside the database, and what is asked of the file system before SQLite opens it.
 *
 *     PATH-lock     locked by the writer (flock: not inherited by what the process starts, gone
 *                   with the process however that ends). Never removed: a lock on a removed file
 *                   locks nobody
 *     PATH-reserve  room that is given back when the disk is full
 *
 * The database file itself is never opened here once it exists: closing any descriptor of it
 * would drop the locks that SQLite holds on it in the same process.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "rt/check.h"
#include "store/store_internal.h"

#define ROOM_MARGIN_BYTES (1 << 20) /* free beside the reserve before sends are accepted again */
#define PATH_BYTES_MAX    4096

/* File systems over a network, where neither locks nor shared memory nor syncs can be relied on. */
static const struct {
    uint32_t magic;
    const char *name;
} remote_file_systems[] = {
    {NFS_SUPER_MAGIC, "NFS"},   {SMB_SUPER_MAGIC, "SMB"}, {0xFF534D42, "CIFS"},
    {0xFE534D42, "SMB2"},       {V9FS_MAGIC, "9p"},       {AFS_SUPER_MAGIC, "AFS"},
    {CODA_SUPER_MAGIC, "Coda"}, {NCP_SUPER_MAGIC, "NCP"}, {0x00C36400, "Ceph"},
    {0x0BD00BD0, "Lustre"},     {0x47504653, "GPFS"},     {0x786F4256, "VirtualBox share"},
};

static enum err join(char *ret_path, const char *path, const char *suffix)
{
    int size = snprintf(ret_path, PATH_BYTES_MAX, "%s%s", path, suffix);
    return size > 0 && size < PATH_BYTES_MAX ? ERR_OK : ERR_CONFIG;
}

static void directory_of(char *ret_path, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash && slash != path ? (size_t)(slash - path) : 1;
    CHECK(size < PATH_BYTES_MAX);
    memcpy(ret_path, slash ? path : ".", size);
    ret_path[size] = '\0';
}

/* What root makes in the directory of somebody else belongs to him, or his broker could not use it. */
static void give_to_owner(int fd, const char *path)
{
    char directory[PATH_BYTES_MAX];
    struct stat owner;
    directory_of(directory, path);
    if (geteuid() == 0 && stat(directory, &owner) == 0 && owner.st_uid != 0)
        (void)!fchown(fd, owner.st_uid, owner.st_gid); /* he is told when it cannot be opened */
}

__attribute__((format(printf, 3, 4))) static void say(char *ret_text, size_t size,
                                                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(ret_text, size, format, arguments);
    va_end(arguments);
}

enum err store_lock(const char *database, int *ret_fd, char *ret_text, size_t size_bytes)
{
    char path[PATH_BYTES_MAX];
    enum err err = ERR_STORAGE;
    if (join(path, database, "-lock") != ERR_OK) {
        say(ret_text, size_bytes, "the path is too long");
        return ERR_CONFIG;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        say(ret_text, size_bytes, "cannot open %s: %s", path, strerror(errno));
        return ERR_STORAGE;
    }
    give_to_owner(fd, path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *ret_fd = fd;
        return ERR_OK;
    }
    if (errno == EWOULDBLOCK) {
        say(ret_text, size_bytes, "another process holds %s", path);
        err = ERR_LOCKED;
    } else {
        say(ret_text, size_bytes, "cannot lock %s: %s", path, strerror(errno));
    }
    (void)close(fd); /* nothing was written to it */
    return err;
}

enum err store_file_lock(struct store *store)
{
    char text[sizeof store->error_text];
    enum err err = store_lock(store->path, &store->lock_fd, text, sizeof text);
    return err ? store_fail(store, err, "%s", text) : ERR_OK;
}

void store_file_unlock(struct store *store)
{
    if (store->lock_fd >= 0)
        (void)close(store->lock_fd); /* nothing was written to it */
    store->lock_fd = -1;
}

static enum err check_file_system(struct store *store)
{
    char directory[PATH_BYTES_MAX];
    directory_of(directory, store->path);
    struct statfs info;
    if (statfs(directory, &info) != 0)
        return store_fail(store, ERR_STORAGE, "%s: %s", directory, strerror(errno));
    for (size_t i = 0; i < sizeof remote_file_systems / sizeof *remote_file_systems; i++) {
        if ((uint32_t)info.f_type == remote_file_systems[i].magic)
            return store_fail(store, ERR_CONFIG,
                              "the data directory is on a network file system (%s), where neither"
                              " locks nor syncs can be relied on; use a local disk",
                              remote_file_systems[i].name);
    }
    return ERR_OK;
}

enum err store_file_check(struct store *store)
{
    enum err err = check_file_system(store);
    struct stat info;
    if (err != ERR_OK || stat(store->path, &info) != 0)
        return err; /* a file that is not there yet is no fault; others show when it is opened */
    if (!S_ISREG(info.st_mode))
        return store_fail(store, ERR_NOT_OUR_FILE, "not a regular file");
    if (store->is_writer && info.st_nlink > 1)
        return store_fail(store, ERR_CONFIG,
                          "the file has a second name (hard link), under which"
                          " its WAL would be missed; if a restore was cut short, run it again");
    if (store->is_writer && (info.st_mode & 077) != 0 && chmod(store->path, 0600) != 0)
        return store_fail(store, ERR_STORAGE, "cannot make it private: %s", strerror(errno));
    return ERR_OK;
}

static enum err sync_directory(struct store *store)
{
    char path[PATH_BYTES_MAX];
    directory_of(path, store->path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    int code = errno;
    if (fd >= 0)
        (void)close(fd); /* only read */
    return is_synced ? ERR_OK : store_fail(store, ERR_STORAGE, "%s: %s", path, strerror(code));
}

enum err store_file_create(struct store *store)
{
    int fd = open(store->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return ERR_OK;
    if (fd < 0)
        return store_fail(store, errno == ENOSPC ? ERR_DISK_FULL : ERR_STORAGE,
                          "cannot create it: %s", strerror(errno));
    give_to_owner(fd, store->path);
    (void)close(fd); /* empty */
    return sync_directory(store);
}

void store_reserve_create(struct store *store)
{
    char path[PATH_BYTES_MAX];
    if (store->reserve_bytes == 0 || join(path, store->path, "-reserve") != ERR_OK)
        return;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return; /* works without, ignoring */
    /* One that cannot be complete is none: it must not take the last room itself. */
    if (posix_fallocate(fd, 0, (off_t)store->reserve_bytes) != 0)
        (void)unlink(path);
    else
        store->is_reserve_released = false;
    (void)close(fd);
}

bool store_reserve_remove(const char *path)
{
    char reserve[PATH_BYTES_MAX];
    return join(reserve, path, "-reserve") == ERR_OK && unlink(reserve) == 0;
}

void store_release_reserve(struct store *store)
{
    (void)store_reserve_remove(store->path); /* there may be none */
    store->is_reserve_released = true;
}

bool store_file_room(const char *path, uint64_t *ret_bytes)
{
    struct statvfs info;
    if (statvfs(path, &info) != 0)
        return false;
    *ret_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    return true;
}

bool store_has_room_again(struct store *store)
{
    char directory[PATH_BYTES_MAX];
    directory_of(directory, store->path);
    uint64_t room;
    if (!store_file_room(directory, &room) || room < store->reserve_bytes + ROOM_MARGIN_BYTES)
        return false;
    store_reserve_create(store);
    return true;
}
