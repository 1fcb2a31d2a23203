/* SPDX-License-Identifier: MPL-2.0
 *
 * One array of operations in their order. A sync takes out what it made last; what is taken back
 * at a cut is taken back from the end. Writes keep the bytes before and after; the file is reached
 * by a descriptor of our own, whatever its name is by then.
 */
#define _GNU_SOURCE
#include "pending.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512

enum kind { WRITE, TRUNCATE, CREATE, MAKE_FOLDER, UNLINK, REMOVE_FOLDER, RENAME };

struct file { /* with operations that are not synced */
    int fd;   /* ours */
    dev_t device;
    ino_t inode;
    size_t uses;
    struct file *next;
};

struct op {
    enum kind kind;
    struct file *file; /* of WRITE, TRUNCATE */
    off_t at, size_before;
    size_t size, size_old;   /* of the bytes after and before */
    char *bytes, *bytes_old; /* TRUNCATE: bytes_old are those cut off */
    char *path, *path_to;    /* of names */
    mode_t mode;             /* of REMOVE_FOLDER */
    unsigned gone;           /* UNLINK, RENAME: number below gone_fd; 0: nothing was there */
};

struct pending {
    int root_fd, gone_fd;
    bool names_are_strict;
    struct op *ops;
    size_t count, space;
    unsigned gone_last;
    struct file *files;
};

static void die(const char *what)
{
    perror(what);
    abort();
}

static void *need(void *memory)
{
    if (!memory)
        die("fault_fs: no memory");
    return memory;
}

static bool is_name(const struct op *op)
{
    return op->kind >= CREATE;
}

/* Of paths as FUSE gives them: "/a/b"; "." is the root itself. */
static const char *relative(const char *path)
{
    return path[1] ? path + 1 : ".";
}

static void gone_name(unsigned number, char name[16])
{
    (void)snprintf(name, 16, "%u", number);
}

struct pending *pending_new(int root_fd, int gone_fd, bool names_are_strict)
{
    struct pending *pending = need(calloc(1, sizeof(*pending)));
    pending->root_fd = root_fd;
    pending->gone_fd = gone_fd;
    pending->names_are_strict = names_are_strict;
    return pending;
}

size_t pending_count(const struct pending *pending)
{
    return pending->count;
}

static struct op *add(struct pending *pending, enum kind kind)
{
    if (pending->count == pending->space) {
        pending->space = pending->space ? 2 * pending->space : 64;
        pending->ops = need(realloc(pending->ops, pending->space * sizeof(*pending->ops)));
    }
    struct op *op = &pending->ops[pending->count++];
    *op = (struct op){.kind = kind};
    return op;
}

static void let_go(struct pending *pending, struct file *file)
{
    if (--file->uses > 0)
        return;
    struct file **link = &pending->files;
    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    (void)close(file->fd); /* nothing is buffered in it */
    free(file);
}

static void release(struct pending *pending, struct op *op)
{
    char name[16];
    if (op->gone) { /* it may be back already */
        gone_name(op->gone, name);
        (void)unlinkat(pending->gone_fd, name, 0);
    }
    if (op->file)
        let_go(pending, op->file);
    free(op->bytes);
    free(op->bytes_old);
    free(op->path);
    free(op->path_to);
}

/* --- Contents of files. */

/* A descriptor of our own that reads and writes, whatever the program's can do. */
static struct file *file_of(struct pending *pending, int fd, const struct stat *info)
{
    char link[40];
    struct file *file = pending->files;
    while (file && (file->inode != info->st_ino || file->device != info->st_dev))
        file = file->next;
    if (!file) {
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        file = need(calloc(1, sizeof(*file)));
        *file = (struct file){.fd = open(link, O_RDWR | O_CLOEXEC),
                              .device = info->st_dev,
                              .inode = info->st_ino,
                              .next = pending->files};
        if (file->fd < 0)
            die("fault_fs: open again");
        pending->files = file;
    }
    file->uses++;
    return file;
}

static void read_old(struct op *op, off_t at, size_t size)
{
    op->bytes_old = need(malloc(size + 1));
    ssize_t got = size ? pread(op->file->fd, op->bytes_old, size, at) : 0;
    if (got < 0)
        die("fault_fs: read before write");
    op->size_old = (size_t)got;
}

static struct op *add_content(struct pending *pending, enum kind kind, int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        die("fault_fs: fstat");
    struct op *op = add(pending, kind);
    op->file = file_of(pending, fd, &info);
    op->size_before = info.st_size;
    return op;
}

ssize_t pending_write(struct pending *pending, int fd, const char *bytes, size_t size, off_t at)
{
    struct op *op = add_content(pending, WRITE, fd);
    op->at = at;
    read_old(op, at, size);
    ssize_t done = pwrite(op->file->fd, bytes, size, at);
    int error = errno;
    op->size = done > 0 ? (size_t)done : 0;
    op->bytes = need(malloc(op->size + 1));
    memcpy(op->bytes, bytes, op->size);
    errno = error;
    return done;
}

int pending_truncate(struct pending *pending, int fd, off_t size)
{
    struct op *op = add_content(pending, TRUNCATE, fd);
    op->at = size;
    if (size < op->size_before)
        read_old(op, size, (size_t)(op->size_before - size));
    return ftruncate(op->file->fd, size);
}

static void undo_content(const struct op *op)
{
    off_t at = op->at;
    if (ftruncate(op->file->fd, op->size_before) != 0)
        die("fault_fs: take back a size");
    size_t left = op->at < op->size_before ? (size_t)(op->size_before - op->at) : 0;
    size_t size = op->size_old < left ? op->size_old : left;
    if (size && pwrite(op->file->fd, op->bytes_old, size, at) != (ssize_t)size)
        die("fault_fs: take back a write");
}

static uint64_t draw(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

/* Some of it reached the disk after all. */
static void redo_some(const struct op *op, uint64_t *random)
{
    if (draw(random) % 2)
        return;
    if (op->kind == TRUNCATE) {
        if (ftruncate(op->file->fd, op->at) != 0)
            die("fault_fs: truncate again");
        return;
    }
    bool is_torn = draw(random) % 2;
    for (size_t done = 0; done < op->size;) {
        size_t sector = SECTOR - (size_t)(op->at + (off_t)done) % SECTOR;
        size_t size = sector < op->size - done ? sector : op->size - done;
        bool is_kept = !is_torn || draw(random) % 2;
        if (is_kept &&
            pwrite(op->file->fd, op->bytes + done, size, op->at + (off_t)done) != (ssize_t)size)
            die("fault_fs: write again");
        done += size;
    }
}

/* --- Names. */

void pending_created(struct pending *pending, const char *path, bool is_folder)
{
    struct op *op = add(pending, is_folder ? MAKE_FOLDER : CREATE);
    op->path = need(strdup(path));
}

/* Moves a file out of sight. 0: it is none, and errno says why. */
static unsigned put_away(struct pending *pending, const char *path)
{
    char name[16];
    gone_name(pending->gone_last + 1, name);
    if (renameat(pending->root_fd, relative(path), pending->gone_fd, name) != 0)
        return 0;
    return ++pending->gone_last;
}

static void bring_back(struct pending *pending, unsigned gone, const char *path)
{
    char name[16];
    gone_name(gone, name);
    if (gone && renameat(pending->gone_fd, name, pending->root_fd, relative(path)) != 0)
        die("fault_fs: bring back a file");
}

int pending_unlink(struct pending *pending, const char *path)
{
    unsigned gone = put_away(pending, path);
    if (!gone)
        return -1;
    struct op *op = add(pending, UNLINK);
    op->path = need(strdup(path));
    op->gone = gone;
    return 0;
}

int pending_rmdir(struct pending *pending, const char *path)
{
    struct stat info;
    if (fstatat(pending->root_fd, relative(path), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        unlinkat(pending->root_fd, relative(path), AT_REMOVEDIR) != 0)
        return -1;
    struct op *op = add(pending, REMOVE_FOLDER);
    op->path = need(strdup(path));
    op->mode = info.st_mode;
    return 0;
}

int pending_rename(struct pending *pending, const char *from, const char *to)
{
    struct stat info;
    unsigned gone = 0;
    if (fstatat(pending->root_fd, relative(from), &info, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    if (fstatat(pending->root_fd, relative(to), &info, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISDIR(info.st_mode)) {
            if (pending_rmdir(pending, to) != 0)
                return -1;
        } else {
            gone = put_away(pending, to);
        }
    }
    if (renameat(pending->root_fd, relative(from), pending->root_fd, relative(to)) != 0) {
        int error = errno;
        bring_back(pending, gone, to);
        errno = error;
        return -1;
    }
    struct op *op = add(pending, RENAME);
    op->path = need(strdup(from));
    op->path_to = need(strdup(to));
    op->gone = gone;
    return 0;
}

static void undo_name(struct pending *pending, const struct op *op)
{
    const char *path = relative(op->path);
    int rc = 0;
    switch (op->kind) {
    case CREATE:
        rc = unlinkat(pending->root_fd, path, 0);
        break;
    case MAKE_FOLDER:
        rc = unlinkat(pending->root_fd, path, AT_REMOVEDIR);
        break;
    case UNLINK:
        bring_back(pending, op->gone, op->path);
        break;
    case REMOVE_FOLDER:
        rc = mkdirat(pending->root_fd, path, op->mode & 07777);
        break;
    case RENAME:
        rc = renameat(pending->root_fd, relative(op->path_to), pending->root_fd, path);
        bring_back(pending, op->gone, op->path_to);
        break;
    case WRITE:
    case TRUNCATE:
        break;
    }
    if (rc != 0)
        die(op->path);
}

/* --- Syncs and the cut. */

static bool is_in_folder(const char *path, const char *folder)
{
    const char *end = strrchr(path, '/');
    size_t length = (size_t)(end - path);
    size_t expected = folder[1] ? strlen(folder) : 0;
    return length == expected && strncmp(path, folder, length) == 0;
}

static bool is_lasting(const struct pending *pending, const struct op *op,
                       const struct stat *synced, const char *folder)
{
    if (!is_name(op))
        return op->file->inode == synced->st_ino && op->file->device == synced->st_dev;
    if (!pending->names_are_strict)
        return true;
    return folder &&
           (is_in_folder(op->path, folder) || (op->path_to && is_in_folder(op->path_to, folder)));
}

static void take_out(struct pending *pending, const struct stat *synced, const char *folder)
{
    size_t kept = 0;
    for (size_t i = 0; i < pending->count; i++) {
        struct op *op = &pending->ops[i];
        if (is_lasting(pending, op, synced, folder))
            release(pending, op);
        else
            pending->ops[kept++] = *op;
    }
    pending->count = kept;
}

void pending_sync_file(struct pending *pending, int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        die("fault_fs: fstat at sync");
    take_out(pending, &info, NULL);
}

void pending_sync_folder(struct pending *pending, const char *path)
{
    struct stat none = {.st_ino = 0};
    take_out(pending, &none, path);
}

void pending_sync_all(struct pending *pending)
{
    for (size_t i = 0; i < pending->count; i++)
        release(pending, &pending->ops[i]);
    pending->count = 0;
}

size_t pending_cut(struct pending *pending, enum cut_mode mode, uint64_t seed)
{
    uint64_t random = seed * 2654435761U + 88172645463325252U;
    size_t undone = mode == CUT_KEEP ? 0 : pending->count, names = 0, names_kept = 0;
    for (size_t i = 0; i < pending->count; i++)
        names += is_name(&pending->ops[i]);
    if (mode == CUT_TORN && names)
        names_kept = draw(&random) % (names + 1);
    for (size_t i = pending->count; i-- > 0 && mode != CUT_KEEP;) {
        struct op *op = &pending->ops[i];
        if (!is_name(op))
            undo_content(op);
        else if (names-- > names_kept)
            undo_name(pending, op);
    }
    for (size_t i = 0; i < pending->count; i++) {
        if (mode == CUT_TORN && !is_name(&pending->ops[i]))
            redo_some(&pending->ops[i], &random);
    }
    for (size_t i = 0; i < pending->count; i++)
        release(pending, &pending->ops[i]);
    pending->count = 0;
    return undone;
}
