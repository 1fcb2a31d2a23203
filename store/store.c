/* SPDX-License-Identifier: MPL-2.0
 *
 * The life of a handle, transactions, and the mapping of errors. Opening is in store_open.c, the
 * lock and the reserve in store_file.c, the WAL in checkpoint.c.
 *
 * What a failure does:
 *     full disk          SQLite rolled the transaction back, or cannot go on with it; the handle
 *                        refuses everything until store_rollback, then goes on
 *     I/O, sync, BUSY    of the writer: the handle is broken for good. Nothing is tried again:
 *                        after a failed sync the system may have dropped the pages, so a second
 *                        sync that succeeds proves nothing
 *     a damaged page     met while writing: as above; while only reading: of the statement only
 *     anything else      of the statement only
 */
#include "store/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"
#include "rt/clock.h"
#include "store/append.h"
#include "store/store_internal.h"

static enum err err_of_code(const struct store *store, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_FULL:
        return ERR_DISK_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return ERR_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return store->is_writer ? ERR_STORAGE : ERR_BUSY;
    case SQLITE_TOOBIG:
        return ERR_TOO_LARGE;
    case SQLITE_NOMEM:
        return ERR_BUSY;
    case SQLITE_INTERRUPT:
        return ERR_TIMEOUT;
    case SQLITE_CONSTRAINT:
        return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
                       rc == SQLITE_CONSTRAINT_ROWID
                   ? ERR_DUPLICATE
                   : ERR_INTERNAL;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_PROTOCOL:
    case SQLITE_NOLFS:
        return ERR_STORAGE;
    default:
        return ERR_INTERNAL;
    }
}

enum err store_note(struct store *store, int rc)
{
    int extended = sqlite3_extended_errcode(store->db);
    store->error_code = (extended & 0xff) == (rc & 0xff) ? extended : rc;
    (void)snprintf(store->error_text, sizeof store->error_text, "%s (%d)",
                   sqlite3_errmsg(store->db), store->error_code);
    return err_of_code(store, store->error_code);
}

enum err store_map(struct store *store, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
        return ERR_OK;
    enum err err = store_note(store, rc);
    /* The text index is no reason to stop: search_index.c makes it anew. */
    if (store->is_writer && (err == ERR_STORAGE || err == ERR_CORRUPT) && rc != SQLITE_CORRUPT_VTAB)
        store->is_broken = true;
    bool is_over = store->is_in_transaction &&
                   (err == ERR_DISK_FULL || store->is_broken || sqlite3_get_autocommit(store->db));
    if (is_over && store->transaction_err == ERR_OK)
        store->transaction_err = err;
    return err;
}

enum err store_fail(struct store *store, enum err err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(store->error_text, sizeof store->error_text, format, arguments);
    va_end(arguments);
    return err;
}

static enum err open_handle(struct store *store, const struct store_options *options)
{
    enum err err = ERR_OK;
    if (store->is_writer)
        err = store_file_lock(store);
    if (err == ERR_OK)
        err = store_file_check(store);
    if (err == ERR_OK)
        err = store_open_connection(store, options);
    /* What is done here works on every good file: what SQLite cannot make sense of is damage. */
    return err == ERR_INTERNAL ? ERR_CORRUPT : err;
}

static struct store *handle_new(const struct store_options *options)
{
    struct store *store = calloc(1, sizeof *store);
    CHECK(store);
    /* "./" keeps SQLite from reading names like "file:x?mode=y" or ":memory:" as what they are. */
    size_t size = strlen(options->path) + 3;
    store->path = malloc(size);
    CHECK(store->path);
    (void)snprintf(store->path, size, "%s%s", options->path[0] == '/' ? "" : "./", options->path);
    store->is_writer = !options->read_only;
    store->wal_bytes = options->read_only ? 0 : options->wal_bytes;
    store->reserve_bytes = options->read_only ? 0 : options->reserve_bytes;
    store->lock_fd = -1;
    return store;
}

static void handle_free(struct store *store)
{
    statement_finalize_all(store);
    (void)sqlite3_close(store->db); /* cannot be busy: all statements are finalized */
    gather_vfs_destroy(&store->gather);
    slice_fini(&store->slice);
    append_close(store);
    store_file_unlock(store);
    free(store->path);
    free(store);
}

enum err store_open(const struct store_options *options, struct store **ret_store)
{
    struct store *store = handle_new(options);
    enum err err = open_handle(store, options);
    /* A disk so full that not even recovery fits: that is what the reserve is for. */
    if ((err == ERR_DISK_FULL || err == ERR_STORAGE) && store->is_writer &&
        store_reserve_remove(store->path)) {
        handle_free(store);
        store = handle_new(options);
        err = open_handle(store, options);
    }
    if (options->error_text && err != ERR_OK)
        (void)snprintf(options->error_text, options->error_text_size_bytes, "%s: %s", options->path,
                       store->error_text);
    if (err != ERR_OK) {
        handle_free(store);
        return err;
    }
    if (store->is_writer)
        store_reserve_create(store);
    *ret_store = store;
    return ERR_OK;
}

void store_close(struct store **store)
{
    struct store *self = *store;
    if (!self)
        return;
    *store = NULL;
    if (self->is_in_transaction)
        store_rollback(self);
    bool ignored = false; /* what stays in the WAL is found at the next start */
    if (self->is_writer && !self->is_broken)
        (void)store_checkpoint_all(self, true, &ignored);
    handle_free(self);
}

enum err store_begin(struct store *store)
{
    CHECK(store->is_writer && !store->is_in_transaction);
    enum err err = statement_run_ints(store, STATEMENT_begin_write, 0, NULL);
    store->is_in_transaction = err == ERR_OK;
    return err;
}

enum err store_commit(struct store *store)
{
    CHECK(store->is_writer && store->is_in_transaction);
    struct mono_time start = clock_mono_now();
    enum err err = statement_run_ints(store, STATEMENT_commit, 0, NULL);
    if (err != ERR_OK) {
        store_rollback(store);
        return err;
    }
    store->is_in_transaction = false;
    store->committed_last_seq = store->last_seq;
    store->committed_indexed_seq = store->indexed_seq;
    store->commits++;
    store->commit_last_ns = (uint64_t)(clock_mono_now().ns - start.ns);
    return ERR_OK;
}

void store_rollback(struct store *store)
{
    store->is_in_transaction = false;
    store->transaction_err = ERR_OK;
    append_forget(store);
    if (!sqlite3_get_autocommit(store->db) && !store->is_broken) {
        enum err err = statement_run_ints(store, STATEMENT_rollback, 0, NULL);
        store->is_broken |= err != ERR_OK;
    }
    store->last_seq = store->committed_last_seq;
    store->indexed_seq = store->committed_indexed_seq;
    message_index_forget(store);
}

enum err store_read_begin(struct store *store)
{
    CHECK(!store->is_in_transaction);
    enum err err = statement_run_ints(store, STATEMENT_begin_read, 0, NULL);
    store->is_in_transaction = err == ERR_OK;
    return err;
}

void store_read_end(struct store *store)
{
    store_rollback(store);
}

enum err store_read_enter(struct store *store, bool *ret_has_entered)
{
    if (!sqlite3_get_autocommit(store->db)) {
        *ret_has_entered = false;
        return ERR_OK;
    }
    enum err err = statement_run_ints(store, STATEMENT_begin_read, 0, NULL);
    if (err == ERR_OK)
        *ret_has_entered = true;
    return err;
}

void store_read_leave(struct store *store, bool has_entered)
{
    if (has_entered && statement_run_ints(store, STATEMENT_rollback, 0, NULL) != ERR_OK)
        CHECK(store->is_broken); /* ending a read cannot fail */
}

enum err store_indexed_seq(struct store *store, uint64_t *ret_seq)
{
    if (store->is_writer) {
        *ret_seq = store->indexed_seq;
        return ERR_OK;
    }
    int64_t value = 0;
    enum err err = statement_query_ints(store, STATEMENT_store_indexed_seq, 0, NULL, &value, NULL);
    if (err == ERR_OK)
        *ret_seq = (uint64_t)value;
    return err;
}

int store_error_code(const struct store *store)
{
    return store->error_code;
}

const char *store_error_text(const struct store *store)
{
    return store->error_text;
}
