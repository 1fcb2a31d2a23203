/* SPDX-License-Identifier: MPL-2.0
 *
 * The store: one SQLite file, opened either as its only writer or as a reader.
 *
 * Owns the connection, its pragmas, the prepared statements, transaction boundaries (called by the
 * persistence actor only) and the lock that keeps a second broker out. Promises: after
 * store_commit() returned ERR_OK everything of the transaction is on disk (WAL with
 * synchronous=FULL); a transaction that failed left nothing. Leaves to others: when to commit, and
 * what the rows mean (messages.h, consumers.h, peers.h, markers.h).
 *
 * One handle belongs to one thread. Exactly one writing handle exists per file; it is also the
 * only one that checkpoints.
 *
 * Errors: ERR_DISK_FULL (the transaction is rolled back, the file is fine, try again when there is
 * space), ERR_STORAGE (an I/O or sync error: what is on disk is unknown; the process must end and
 * recover by starting again), ERR_CORRUPT, ERR_LOCKED, ERR_NEWER_SCHEMA, ERR_NOT_OUR_FILE.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

struct store_options {
    const char *path; /* of the database file; its lock is path + "-lock" */
    bool read_only;
    const char *vfs;      /* NULL = default; tests put the crash simulator here */
    size_t wal_bytes;     /* writer: size given to the write-ahead log at once; 0: it grows */
    size_t reserve_bytes; /* file kept for a full disk, path + "-reserve"; 0 = none */
    char *error_text;     /* may be NULL; gets a sentence on failure */
    size_t error_text_size_bytes;
};

/* Opens, checks identity and quick integrity, and (writer) takes the lock and migrates. */
MUST_USE enum err store_open(const struct store_options *options, struct store **ret_store);
void store_close(struct store **store); /* writer: checkpoints; NULL is allowed */

MUST_USE enum err store_begin(struct store *store);  /* writer */
MUST_USE enum err store_commit(struct store *store); /* on error the transaction is rolled back */
void store_rollback(struct store *store);

/* A consistent view for several reads (reader). Keep it short: it holds back checkpoints. */
MUST_USE enum err store_read_begin(struct store *store);
void store_read_end(struct store *store);

/* Writer, outside transactions: moves a bounded part of the WAL into the file when it is large
 * enough or when `is_idle`. Never fails harmfully; errors surface at the next commit. */
MUST_USE enum err store_checkpoint(struct store *store, bool is_idle);

/* Disk full: gives the reserve back to the file system so that settles still fit, and tells
 * whether there is room again (then the reserve is restored). */
void store_release_reserve(struct store *store);
bool store_has_room_again(struct store *store);

struct store_stats {
    uint64_t file_bytes;
    uint64_t wal_bytes;
    uint64_t last_seq;
    uint64_t indexed_seq;
    uint64_t commits;
    uint64_t commit_last_ns; /* duration of the last COMMIT, sync included */
    uint64_t writes;         /* commits that had something to write (writer) */
    uint64_t wal_used_bytes; /* of the WAL: written and not yet free to be overwritten (writer) */
    uint64_t checkpoints;    /* that moved something (writer) */
    uint64_t checkpoint_last_ns;
    int schema_version;
};
void store_stats(struct store *store, struct store_stats *ret_stats);
/* Of these what costs nothing to know (writer): the sizes are 0. */
void store_progress(const struct store *store, struct store_stats *ret_stats);

/* The last SQLite error of this handle: extended code and text, for the log. */
int store_error_code(const struct store *store);
const char *store_error_text(const struct store *store);

#endif
