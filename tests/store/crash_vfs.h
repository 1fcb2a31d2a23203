/* SPDX-License-Identifier: MPL-2.0
 *
 * A disk in memory that remembers everything that was done to it, and can then show what a power
 * cut at any moment would have left.
 *
 *     crash_vfs_register("crash");
 *     struct crash_disk *disk = crash_disk_new();
 *     crash_vfs_use(disk);             open databases with .vfs = "crash", work, and note
 *                                      crash_disk_position() when something was promised
 *     struct crash_replay *replay = crash_replay_new(disk);
 *     crash_replay_advance(replay, position);          positions in rising order
 *     struct crash_disk *after = crash_replay_cut(replay, CRASH_TORN, seed);
 *     crash_vfs_use(after);            open again: every promise made before `position` must hold
 *
 * The model: a write or truncation of a file counts for certain once a later sync of that file was
 * done. What came after the last sync of a file may be there or not, as the mode says. Creation and
 * deletion of files are durable at once (a deleted journal that came back would be a fault of the
 * file system). Bytes beside a write are never touched (SQLITE_IOCAP_POWERSAFE_OVERWRITE).
 *
 * Also shared memory and locks, so that a writer and readers work together; for one thread only.
 * The disk may be told to fail or to be full (crash_disk_fail).
 */
#ifndef TESTS_STORE_CRASH_VFS_H
#define TESTS_STORE_CRASH_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum crash_mode {
    CRASH_DROP_ALL, /* nothing after the last sync of each file */
    CRASH_KEEP_ALL, /* everything, as after kill -9 */
    CRASH_PREFIX,   /* the first so many operations after it, in order over all files */
    CRASH_SUBSET,   /* each operation or not */
    CRASH_TORN,     /* each operation or not, and of writes each sector of 512 bytes or not */
    CRASH_MODES
};

struct crash_disk;
struct crash_replay;

void crash_vfs_register(const char *name);
void crash_vfs_use(struct crash_disk *disk); /* for files opened from now on */

struct crash_disk *crash_disk_new(void);
void crash_disk_destroy(struct crash_disk **disk); /* no file of it may be open */

/* How many operations were done so far: a moment in the life of the disk. */
size_t crash_disk_position(const struct crash_disk *disk);

/* The disk's operations from the beginning. The disk must outlive it, and may go on being used. */
struct crash_replay *crash_replay_new(const struct crash_disk *disk);
void crash_replay_destroy(struct crash_replay **replay);
/* To just before operation number `position`; never backwards. */
void crash_replay_advance(struct crash_replay *replay, size_t position);
/* A new disk, whose own log is empty; to be destroyed by the caller. */
struct crash_disk *crash_replay_cut(const struct crash_replay *replay, enum crash_mode mode,
                                    uint64_t seed);

enum crash_fault {
    CRASH_FAULT_NONE,
    CRASH_FAULT_FULL,   /* writes that would make a file longer: SQLITE_FULL */
    CRASH_FAULT_WRITE,  /* writes: SQLITE_IOERR_WRITE */
    CRASH_FAULT_MEMORY, /* writes: no memory for them */
    CRASH_FAULT_SYNC,   /* syncs: SQLITE_IOERR_FSYNC, and what was unsynced is lost for good */
    CRASH_FAULT_READ,   /* reads: SQLITE_IOERR_READ */
};
/* Lets `skip` operations of that kind pass, then fails once or for ever. */
void crash_disk_fail(struct crash_disk *disk, enum crash_fault fault, uint64_t skip,
                     bool is_for_ever);
uint64_t crash_disk_faults(const struct crash_disk *disk); /* how often it failed */

/* The bytes of a file, to look at or to damage; NULL when there is none. */
uint8_t *crash_disk_file(struct crash_disk *disk, const char *suffix, size_t *ret_size);

#endif
