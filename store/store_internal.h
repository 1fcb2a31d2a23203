/* SPDX-License-Identifier: MPL-2.0
 *
 * What the files of store/ share: the handle, the mapping of errors, the parts of opening.
 *
 * Internal to store/ and its tests.
 */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"
#include "store/gather_vfs.h"
#include "store/slice.h"
#include "store/statements.h"
#include "store/store.h"

#define STORE_APPLICATION_ID  0x726F6F73 /* "roos" */
#define STORE_PAGE_BYTES      4096
#define WAL_FRAME_BYTES       (STORE_PAGE_BYTES + 24)
#define STORE_VALUE_BYTES_MAX (256 << 20) /* of one row; message.size_max_bytes is far below */

/* Where the slice in hand is; indexing.c. */
enum index_phase {
    INDEX_NONE,
    INDEX_READ,
    INDEX_IDS,
    INDEX_CONVERSATIONS,
    INDEX_PEERS,
    INDEX_SCOPES,
    INDEX_PHASES
};
struct indexing {
    enum index_phase phase;
    uint64_t read_seq, upto; /* read so far, and the last one of the slice */
    size_t done;             /* of the order that the phase goes through */
    bool is_odd;             /* one message, of values that it cannot have */
};

struct store {
    sqlite3 *db;
    struct gather_vfs *gather; /* writer: what it writes through */
    sqlite3_stmt *statements[STATEMENT_COUNT];
    char *path;
    bool is_writer;
    bool is_in_transaction;
    bool is_broken;           /* an I/O error: nothing more is tried with this handle */
    enum err transaction_err; /* why the transaction in hand can only be rolled back */
    int schema_version;

    /* Writer only: as of the transaction in hand, and of the last commit. A reader asks the file.
     */
    uint64_t last_seq, indexed_seq;
    uint64_t committed_last_seq, committed_indexed_seq;
    uint64_t commits, commit_last_ns;
    uint64_t writes, checkpoints, checkpoint_last_ns;
    struct unwritten *unwritten; /* writer only: appended, and not yet written */
    bool is_appending;           /* they are being written now */
    uint32_t wal_frames;         /* in the WAL after the last commit */
    uint32_t wal_frames_moved;   /* of those, already in the database file */

    struct slice slice; /* writer only: its memory is kept between slices */
    struct indexing indexing;

    int lock_fd; /* -1: none */
    size_t reserve_bytes;
    size_t wal_bytes;
    bool is_reserve_released;

    int error_code; /* extended SQLite code of the last failure */
    char error_text[256];
};

/* SQLite code -> enum err; remembers code and text, marks what can no longer be committed. */
enum err store_map(struct store *store, int rc);

/* The same without the consequences. */
enum err store_note(struct store *store, int rc);

/* Fails with this sentence. */
__attribute__((format(printf, 3, 4))) enum err store_fail(struct store *store, enum err err,
                                                          const char *format, ...);

/* For a walk of several statements: one read transaction instead of one each (taking and leaving
 * the lock of the WAL costs more than finding a row). Nothing happens inside of a transaction. */
MUST_USE enum err store_read_enter(struct store *store, bool *ret_has_entered);
void store_read_leave(struct store *store, bool has_entered);

/* The slice in hand is begun anew. */
void message_index_forget(struct store *store);

/* How far the deferred tables reach, for one look-up: take it first, then use it in both parts. */
MUST_USE enum err store_indexed_seq(struct store *store, uint64_t *ret_seq);

/* Of the database file: what it has, and what SQLite wants it to have once the WAL is moved. */
MUST_USE enum err store_size(struct store *store, int64_t *ret_bytes, int64_t *ret_wanted);

/* store_file.c: what is asked of the file system, never of SQLite. */
MUST_USE enum err store_file_lock(struct store *store);
void store_file_unlock(struct store *store);
MUST_USE enum err store_file_check(struct store *store);     /* kind of file system, links, mode */
MUST_USE enum err store_file_create(struct store *store);    /* empty, mode 0600, durable */
bool store_file_room(const char *path, uint64_t *ret_bytes); /* free on the file system it is on */
void store_reserve_create(struct store *store);
bool store_reserve_remove(const char *path); /* true: there was one */

/* store_open.c */
MUST_USE enum err store_open_connection(struct store *store, const struct store_options *options);

/* checkpoint.c */
void store_checkpoint_install(struct store *store);
/* Gives the WAL the size it will have anyway, where the disk has plenty of room. */
void store_wal_allocate(struct store *store);
/* At start and at the end: everything, if no reader is in the way and the disk has room. */
enum err store_checkpoint_all(struct store *store, bool must_truncate, bool *ret_is_all_moved);

#endif
