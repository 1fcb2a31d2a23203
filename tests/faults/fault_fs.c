/* SPDX-License-Identifier: MPL-2.0
 *
 * A file system that can lose its power, fail and be slow: a FUSE pass-through to a folder.
 *
 *     fault_fs [--strict-names] FOLDER CONTROL MOUNTPOINT
 *
 * Programs below MOUNTPOINT see the files of FOLDER/root. What they did not sync is taken back when
 * the power is cut (pending.h). CONTROL is a socket that takes one line and answers with one:
 *
 *     cut drop|keep|torn SEED     the power fails and is back; kill the programs before
 *     settle                      everything done so far lasts
 *     fault CALL NTH ERROR once|ever [END]    CALL: read write sync open truncate unlink; ERROR: a
 *                                 number of errno, 0 is a short write; END: of the file's name
 *     slow CALL MS                such calls take so long, and hold nobody else up
 *     clear                       no faults and no delays any more
 *     counts                      calls so far of each kind, faults that happened, what is unsynced
 *
 * Ends when it is unmounted or killed. One mutex around all that is kept; delays are outside it.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <fuse3/fuse.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "faults.h"
#include "pending.h"

static struct {
    pthread_mutex_t mutex;
    int root_fd;
    struct pending *pending;
    struct faults faults;
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Of an open file or folder: the kernel does not always know a name of it later. */
struct handle {
    int fd; /* -1: of a folder */
    char path[];
};

static void lock(void)
{
    (void)pthread_mutex_lock(&disk.mutex); /* cannot fail: initialised, not held by us */
}

static int unlock(int result)
{
    (void)pthread_mutex_unlock(&disk.mutex); /* cannot fail: held by us */
    return result;
}

static struct handle *handle_of(const struct fuse_file_info *file)
{
    return (struct handle *)(uintptr_t)file->fh;
}

static int fd_of(const struct fuse_file_info *file)
{
    return handle_of(file)->fd;
}

static int keep_handle(struct fuse_file_info *file, int fd, const char *path)
{
    struct handle *handle = malloc(sizeof(*handle) + strlen(path) + 1);
    if (!handle)
        return -ENOMEM;
    handle->fd = fd;
    memcpy(handle->path, path, strlen(path) + 1);
    file->fh = (uint64_t)(uintptr_t)handle;
    return 0;
}

static const char *below(const char *path)
{
    return path[1] ? path + 1 : ".";
}

static int result_of(int rc)
{
    return rc < 0 ? -errno : 0;
}

/* Waits as long as such a call is to take, then holds the lock. */
static struct verdict begin(enum call call, const char *path)
{
    lock();
    uint64_t ms = disk.faults.delays_ms[call];
    if (ms) {
        struct timespec delay = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
        (void)unlock(0);
        (void)nanosleep(&delay, NULL); /* nobody signals these threads */
        lock();
    }
    return faults_judge(&disk.faults, call, path);
}

/* --- Looking. */

static int fs_getattr(const char *path, struct stat *info, struct fuse_file_info *file)
{
    if (file)
        return result_of(fstat(fd_of(file), info));
    return result_of(fstatat(disk.root_fd, below(path), info, AT_SYMLINK_NOFOLLOW));
}

static int fs_access(const char *path, int mask)
{
    return result_of(faccessat(disk.root_fd, below(path), mask, 0));
}

static int fs_readlink(const char *path, char *buffer, size_t size)
{
    ssize_t length = readlinkat(disk.root_fd, below(path), buffer, size - 1);
    if (length >= 0)
        buffer[length] = '\0';
    return result_of((int)length);
}

static int fs_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *file, enum fuse_readdir_flags flags)
{
    (void)path;
    (void)offset;
    (void)flags;
    int fd = openat(disk.root_fd, below(handle_of(file)->path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder)
        return -errno;
    for (struct dirent *entry; (entry = readdir(folder));)
        (void)fill(buffer, entry->d_name, NULL, 0, 0); /* it grows as it must */
    return result_of(closedir(folder));
}

static int fs_opendir(const char *path, struct fuse_file_info *file)
{
    return keep_handle(file, -1, path);
}

static int fs_releasedir(const char *path, struct fuse_file_info *file)
{
    (void)path;
    free(handle_of(file));
    return 0;
}

static int fs_statfs(const char *path, struct statvfs *info)
{
    (void)path;
    return result_of(fstatvfs(disk.root_fd, info));
}

/* --- Names. */

static int fs_mkdir(const char *path, mode_t mode)
{
    lock();
    int rc = result_of(mkdirat(disk.root_fd, below(path), mode));
    if (rc == 0)
        pending_created(disk.pending, path, true);
    return unlock(rc);
}

static int fs_symlink(const char *target, const char *path)
{
    lock();
    int rc = result_of(symlinkat(target, disk.root_fd, below(path)));
    if (rc == 0)
        pending_created(disk.pending, path, false);
    return unlock(rc);
}

static int fs_link(const char *from, const char *to)
{
    lock();
    int rc = result_of(linkat(disk.root_fd, below(from), disk.root_fd, below(to), 0));
    if (rc == 0)
        pending_created(disk.pending, to, false);
    return unlock(rc);
}

static int fs_mknod(const char *path, mode_t mode, dev_t device)
{
    lock();
    int rc = result_of(mknodat(disk.root_fd, below(path), mode, device));
    if (rc == 0)
        pending_created(disk.pending, path, false);
    return unlock(rc);
}

static int fs_unlink(const char *path)
{
    struct verdict verdict = begin(CALL_UNLINK, path);
    if (verdict.error)
        return unlock(-verdict.error);
    return unlock(result_of(pending_unlink(disk.pending, path)));
}

static int fs_rmdir(const char *path)
{
    lock();
    return unlock(result_of(pending_rmdir(disk.pending, path)));
}

static int fs_rename(const char *from, const char *to, unsigned flags)
{
    lock();
    if (flags)
        return unlock(-EINVAL);
    return unlock(result_of(pending_rename(disk.pending, from, to)));
}

static int fs_chmod(const char *path, mode_t mode, struct fuse_file_info *file)
{
    return result_of(file ? fchmod(fd_of(file), mode)
                          : fchmodat(disk.root_fd, below(path), mode, 0));
}

static int fs_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *file)
{
    return result_of(file ? fchown(fd_of(file), user, group)
                          : fchownat(disk.root_fd, below(path), user, group, AT_SYMLINK_NOFOLLOW));
}

static int fs_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *file)
{
    return result_of(file ? futimens(fd_of(file), times)
                          : utimensat(disk.root_fd, below(path), times, AT_SYMLINK_NOFOLLOW));
}

/* --- Files. */

static int open_locked(const char *path, struct fuse_file_info *file, mode_t mode)
{
    /* The kernel knows where each write goes; what is kept reads what it overwrites. */
    int flags = file->flags & ~(O_APPEND | O_TRUNC | O_EXCL | O_CREAT | O_DIRECT);
    struct stat info;
    bool is_new = false;
    if (file->flags & O_CREAT) {
        is_new = fstatat(disk.root_fd, below(path), &info, AT_SYMLINK_NOFOLLOW) != 0;
        flags |= is_new ? O_CREAT | O_EXCL : 0;
    }
    int fd = openat(disk.root_fd, below(path), flags | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    if (is_new)
        pending_created(disk.pending, path, false);
    if ((file->flags & O_TRUNC) && !is_new && pending_truncate(disk.pending, fd, 0) != 0) {
        int error = errno;
        (void)close(fd); /* nothing was written to it */
        return -error;
    }
    return keep_handle(file, fd, path);
}

static int fs_create(const char *path, mode_t mode, struct fuse_file_info *file)
{
    struct verdict verdict = begin(CALL_OPEN, path);
    file->flags |= O_CREAT;
    return unlock(verdict.error ? -verdict.error : open_locked(path, file, mode));
}

static int fs_open(const char *path, struct fuse_file_info *file)
{
    struct verdict verdict = begin(CALL_OPEN, path);
    file->flags &= ~O_CREAT;
    return unlock(verdict.error ? -verdict.error : open_locked(path, file, 0));
}

static int fs_release(const char *path, struct fuse_file_info *file)
{
    (void)path;
    int rc = result_of(close(fd_of(file)));
    free(handle_of(file));
    return rc;
}

static int fs_read(const char *path, char *buffer, size_t size, off_t at,
                   struct fuse_file_info *file)
{
    (void)path;
    struct verdict verdict = begin(CALL_READ, handle_of(file)->path);
    if (verdict.error)
        return unlock(-verdict.error);
    ssize_t done = pread(fd_of(file), buffer, size, at);
    return unlock(done < 0 ? -errno : (int)done);
}

static int fs_write(const char *path, const char *bytes, size_t size, off_t at,
                    struct fuse_file_info *file)
{
    (void)path;
    struct verdict verdict = begin(CALL_WRITE, handle_of(file)->path);
    if (verdict.error)
        return unlock(-verdict.error);
    if (verdict.is_short && size > 1)
        size /= 2;
    ssize_t done = pending_write(disk.pending, fd_of(file), bytes, size, at);
    return unlock(done < 0 ? -errno : (int)done);
}

static int fs_truncate(const char *path, off_t size, struct fuse_file_info *file)
{
    struct verdict verdict = begin(CALL_TRUNCATE, file ? handle_of(file)->path : path);
    if (verdict.error)
        return unlock(-verdict.error);
    int fd = file ? fd_of(file) : openat(disk.root_fd, below(path), O_RDWR | O_CLOEXEC);
    int rc = fd < 0 ? -errno : result_of(pending_truncate(disk.pending, fd, size));
    if (!file && fd >= 0)
        (void)close(fd); /* nothing is buffered in it */
    return unlock(rc);
}

static int fs_fsync(const char *path, int is_data_only, struct fuse_file_info *file)
{
    (void)path;
    (void)is_data_only; /* a size that grew lasts with the data, as it must */
    struct verdict verdict = begin(CALL_SYNC, handle_of(file)->path);
    if (verdict.error)
        return unlock(-verdict.error);
    pending_sync_file(disk.pending, fd_of(file));
    return unlock(0);
}

static int fs_fsyncdir(const char *path, int is_data_only, struct fuse_file_info *file)
{
    (void)path;
    (void)is_data_only;
    struct verdict verdict = begin(CALL_SYNC, handle_of(file)->path);
    if (verdict.error)
        return unlock(-verdict.error);
    pending_sync_folder(disk.pending, handle_of(file)->path);
    return unlock(0);
}

/* Nothing is remembered by the kernel, or it would go on showing what a cut took back. */
static void *fs_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    (void)connection;
    config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
    config->hard_remove = 1;
    config->nullpath_ok = 1;
    return NULL;
}

static const struct fuse_operations operations = {
    .init = fs_init,
    .getattr = fs_getattr,
    .access = fs_access,
    .readlink = fs_readlink,
    .readdir = fs_readdir,
    .statfs = fs_statfs,
    .mkdir = fs_mkdir,
    .symlink = fs_symlink,
    .link = fs_link,
    .mknod = fs_mknod,
    .unlink = fs_unlink,
    .rmdir = fs_rmdir,
    .rename = fs_rename,
    .chmod = fs_chmod,
    .chown = fs_chown,
    .utimens = fs_utimens,
    .create = fs_create,
    .open = fs_open,
    .release = fs_release,
    .read = fs_read,
    .write = fs_write,
    .truncate = fs_truncate,
    .fsync = fs_fsync,
    .fsyncdir = fs_fsyncdir,
    .opendir = fs_opendir,
    .releasedir = fs_releasedir,
};

/* --- The program. */

static void answer(const char *line, char *ret_text, size_t size)
{
    lock();
    control_carry_out(line, &disk.faults, disk.pending, ret_text, size);
    (void)unlock(0);
}

static int folder_in(const char *folder, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return -1;
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int main(int argc, char **argv)
{
    bool is_strict = argc > 1 && strcmp(argv[1], "--strict-names") == 0;
    char **words = argv + is_strict;
    if (argc - is_strict != 4) {
        fprintf(stderr, "usage: fault_fs [--strict-names] FOLDER CONTROL MOUNTPOINT\n");
        return 2;
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* fewer are enough for most */
    }
    disk.root_fd = folder_in(words[1], "root");
    int gone_fd = folder_in(words[1], "gone");
    if (disk.root_fd < 0 || gone_fd < 0 || !control_listen(words[2], answer)) {
        perror("fault_fs");
        return 1;
    }
    disk.pending = pending_new(disk.root_fd, gone_fd, is_strict);
    (void)umask(0);
    char foreground[] = "-f", option[] = "-o", everybody[] = "allow_other,suid,dev", plain[] = "rw";
    char *fuse[] = {argv[0],  foreground, option, geteuid() == 0 ? everybody : plain,
                    words[3], NULL};
    return fuse_main(5, fuse, &operations, NULL);
}
