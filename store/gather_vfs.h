/* SPDX-License-Identifier: MPL-2.0
 *
 * A layer between SQLite and the file system that gathers writes: what SQLite writes piece by
 * piece to neighbouring places (header and page of every frame of the WAL, page after page of a
 * checkpoint) reaches the file in few large writes.
 *
 * Promises: after xSync returned OK everything written before is on disk, as without it; a read
 * through the same handle sees every write before it. Others see a write to the WAL after its sync,
 * which is before the index of the WAL tells of it, and what a checkpoint wrote at its end, which is
 * before its progress is told.
 * An error of a gathered write is the answer to the call that had to make it: a later write, the
 * sync. What could not be written to the WAL is dropped, as SQLite drops the transaction; what could
 * not be written to the database is kept and written before anything else is.
 */
#ifndef STORE_GATHER_VFS_H
#define STORE_GATHER_VFS_H

struct gather_vfs;

/* For sqlite3_file_control on "main": writes what is gathered, and answers whether it could. After a
 * checkpoint that did not reach the end of the WAL this is the only way to know. */
#define GATHER_CONTROL_FLUSH 0x726F6F01

/* A layer over the VFS of this name (NULL: the default), known to SQLite under a name of its own.
 * NULL: no such VFS, or no memory. Any thread. */
struct gather_vfs *gather_vfs_new(const char *parent);
/* After every connection opened through it is closed; NULL in *vfs is allowed. */
void gather_vfs_destroy(struct gather_vfs **vfs);

/* For sqlite3_open_v2. */
const char *gather_vfs_name(const struct gather_vfs *vfs);

#endif
