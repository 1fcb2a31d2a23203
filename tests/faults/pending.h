/* SPDX-License-Identifier: MPL-2.0
 *
 * What was done to a file system and is not on disk yet: every write and truncation of a file until
 * that file is synced, every creation, removal and renaming until a sync makes the names last. It
 * can all be taken back, as a power cut does.
 *
 * Each operation is carried out on the folder below at once and noted here with what undoes it, so
 * the folder is always what programs see. pending_cut() takes back what was not synced, or a random
 * part of it. Names last from the next sync of anything (as with the journal of ext4) or, when
 * `names_are_strict`, only from the next sync of their folder.
 *
 * Leaves to others: locking (one caller at a time), and carrying out what it is told of. Modes,
 * owners and times of files are not looked after: they last at once.
 */
#ifndef TESTS_FAULTS_PENDING_H
#define TESTS_FAULTS_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum cut_mode {
    CUT_DROP, /* nothing that was not synced is left */
    CUT_KEEP, /* all of it is, as after kill -9 */
    CUT_TORN, /* of writes each sector of 512 bytes or not; of names the first so many */
};

struct pending;

/* `root_fd`: the folder that programs see; `gone_fd`: one beside it, for what was removed. */
struct pending *pending_new(int root_fd, int gone_fd, bool names_are_strict);

/* To be called instead of pwrite, ftruncate. -1 and errno as these. */
ssize_t pending_write(struct pending *pending, int fd, const char *bytes, size_t size, off_t at);
int pending_truncate(struct pending *pending, int fd, off_t size);

/* After the name was made (by open, mkdir, link, symlink, mknod). */
void pending_created(struct pending *pending, const char *path, bool is_folder);
/* To be called instead of unlink, rmdir, rename. -1 and errno as these. */
int pending_unlink(struct pending *pending, const char *path);
int pending_rmdir(struct pending *pending, const char *path);
int pending_rename(struct pending *pending, const char *from, const char *to);

/* What the file holds, or the names in the folder, lasts from now on. */
void pending_sync_file(struct pending *pending, int fd);
void pending_sync_folder(struct pending *pending, const char *path);

/* Everything lasts from now on. */
void pending_sync_all(struct pending *pending);

/* The power fails and comes back. No program may have a file open. Gives how many operations were
 * taken back in full. */
size_t pending_cut(struct pending *pending, enum cut_mode mode, uint64_t seed);
size_t pending_count(const struct pending *pending);

#endif
