/* SPDX-License-Identifier: MPL-2.0
 *
 * Fills the deferred tables, a slice of the log at a time.
 *
 *     read -> by id -> by conversation -> newest of each peer and conversation -> newest of each scope
 *          -> progress
 *
 * The messages of a slice are read once, sorted (slice.h) and inserted in the order of each table's key
 * (slice_table.h), so that neighbours go into the same page: the larger the slice, the less a row
 * costs. But whoever waits for a commit waits for what is indexed in it, so a slice is worked on in
 * steps of any size, each in whatever transaction is open, and may take many of them.
 *
 * Promises: `progress` says that everything up to it is in the tables, and moves when a slice is done.
 * Until then rows above it may be there already: every look-up is bounded by it, and inserting them
 * again changes nothing. So nothing has to be undone: after a rollback or a crash the slice is
 * forgotten and begun anew.
 */
#include <string.h>

#include "rt/check.h"
#include "store/messages.h"
#include "store/slice.h"
#include "store/store_internal.h"

/* The columns of index_read. False: a value of another type or size than every message has, as a
 * damaged row may hold it; the rest is set. */
static bool read_row(sqlite3_stmt *stmt, struct slice_row *ret_row)
{
    int64_t values[6];
    bool is_odd = false;
    for (int i = 0; i < 6; i++) {
        sqlite3_value *value = sqlite3_column_value(stmt, i);
        is_odd |= sqlite3_value_type(value) != SQLITE_INTEGER;
        values[i] = sqlite3_value_int64(value);
    }
    *ret_row = (struct slice_row){.seq = values[0],
                                  .conversation = values[1],
                                  .peer_id = values[2],
                                  .stored_ms = values[3],
                                  .kind = values[4],
                                  .scope_id = values[5]};
    sqlite3_value *id = sqlite3_column_value(stmt, 6);
    const void *bytes = sqlite3_value_type(id) == SQLITE_BLOB ? sqlite3_value_blob(id) : NULL;
    if (!bytes || (size_t)sqlite3_value_bytes(id) != sizeof ret_row->message_id)
        return false;
    memcpy(ret_row->message_id, bytes, sizeof ret_row->message_id);
    return !is_odd;
}

/* --- Reading. */

/* A message with odd values is a slice by itself: SQL takes them as they are, or refuses them. */
static enum err end_before(struct store *store, uint64_t odd_seq)
{
    struct indexing *indexing = &store->indexing;
    indexing->is_odd = store->slice.count == 0;
    store->slice.count += indexing->is_odd;
    indexing->upto = indexing->is_odd ? odd_seq : odd_seq - 1;
    indexing->read_seq = indexing->upto;
    return ERR_OK;
}

static enum err take_row(struct store *store, sqlite3_stmt *stmt, bool *ret_is_odd)
{
    struct slice *slice = &store->slice;
    uint64_t seq = (uint64_t)sqlite3_column_int64(stmt, 0);
    uint64_t numbers = store->indexing.upto - store->indexed_seq;
    if (slice->count == numbers || seq <= store->indexing.read_seq)
        return store_fail(store, ERR_CORRUPT, "the messages are not in their order");
    *ret_is_odd = !read_row(stmt, &slice->rows[slice->count]);
    slice->count += !*ret_is_odd;
    return ERR_OK;
}

static enum err read_some(struct store *store, uint32_t *inout_work)
{
    struct indexing *indexing = &store->indexing;
    uint64_t left = indexing->upto - indexing->read_seq;
    uint64_t count = left < *inout_work ? left : *inout_work;
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_index_read, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt,
                        INTS((int64_t)indexing->read_seq, (int64_t)(indexing->read_seq + count)));
    bool has_row = false, is_odd = false;
    while (!is_odd && (err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        err = take_row(store, stmt, &is_odd);
        if (err != ERR_OK)
            break;
    }
    err = statement_close(stmt, err);
    *inout_work -= (uint32_t)count;
    if (err == ERR_OK && is_odd)
        return end_before(store, (uint64_t)store->slice.rows[store->slice.count].seq);
    indexing->read_seq += count;
    return err;
}

/* --- Inserting. */

static enum err insert_some(struct store *store, enum statement id, uint32_t *inout_work)
{
    struct indexing *indexing = &store->indexing;
    size_t left = store->slice.order_count - indexing->done;
    size_t count = left < *inout_work ? left : *inout_work;
    slice_show(&store->slice, indexing->done, count);
    indexing->done += count;
    *inout_work -= (uint32_t)count;
    return count > 0 ? statement_run_ints(store, id, 0, NULL) : ERR_OK;
}

static enum err insert_odd(struct store *store, enum statement id)
{
    store->indexing.done = store->slice.order_count;
    return statement_run_ints(store, id, INTS(store->slice.rows[0].seq));
}

static enum err set_scopes(struct store *store, uint32_t *inout_work)
{
    struct indexing *indexing = &store->indexing;
    enum err err = ERR_OK;
    for (; err == ERR_OK && *inout_work > 0 && indexing->done < store->slice.order_count;
         indexing->done++, --*inout_work) {
        const struct slice_row *row = store->slice.keys[indexing->done].row;
        err = statement_run_ints(store, STATEMENT_index_scope, INTS(row->scope_id, row->seq));
    }
    return err;
}

/* --- The order of things. */

static void enter(struct store *store, enum index_phase phase)
{
    static void (*const sorts[INDEX_PHASES])(struct slice *) = {
        [INDEX_IDS] = slice_by_id,
        [INDEX_CONVERSATIONS] = slice_by_conversation,
        [INDEX_PEERS] = slice_by_peer,
        [INDEX_SCOPES] = slice_by_scope,
    };
    store->indexing.phase = phase;
    store->indexing.done = 0;
    if (sorts[phase])
        sorts[phase](&store->slice);
}

static enum err work_on(struct store *store, uint32_t *inout_work)
{
    bool is_odd = store->indexing.is_odd;
    switch (store->indexing.phase) {
    case INDEX_READ:
        return read_some(store, inout_work);
    case INDEX_IDS:
        return is_odd ? insert_odd(store, STATEMENT_index_odd_id)
                      : insert_some(store, STATEMENT_index_ids, inout_work);
    case INDEX_CONVERSATIONS:
        return is_odd ? insert_odd(store, STATEMENT_index_odd_conversation)
                      : insert_some(store, STATEMENT_index_conversations, inout_work);
    case INDEX_PEERS:
        return insert_some(store, STATEMENT_index_peers, inout_work);
    case INDEX_SCOPES:
        return set_scopes(store, inout_work);
    case INDEX_NONE:
    case INDEX_PHASES:
        break;
    }
    return ERR_INTERNAL;
}

static bool is_done(const struct store *store)
{
    const struct indexing *indexing = &store->indexing;
    return indexing->phase == INDEX_READ ? indexing->read_seq == indexing->upto
                                         : indexing->done == store->slice.order_count;
}

/* Where there is something to begin. */
static void begin(struct store *store, uint32_t rows_max)
{
    uint64_t from = store->indexed_seq, upto = store->last_seq;
    rows_max = rows_max < SLICE_ROWS_MAX ? rows_max : SLICE_ROWS_MAX;
    if (upto - from > rows_max)
        upto = from + rows_max;
    if (upto == from)
        return;
    store->indexing = (struct indexing){.upto = upto, .read_seq = from};
    slice_reset(&store->slice, upto - from);
    enter(store, INDEX_READ);
}

/* Behind the last phase, `progress` in the same transaction. */
static enum err advance(struct store *store)
{
    struct indexing *indexing = &store->indexing;
    if (indexing->phase != INDEX_SCOPES) {
        enter(store, indexing->phase + 1);
        return ERR_OK;
    }
    enum err err =
        statement_run_ints(store, STATEMENT_index_progress, INTS((int64_t)indexing->upto));
    if (err == ERR_OK)
        store->indexed_seq = indexing->upto;
    indexing->phase = INDEX_NONE;
    return err;
}

enum err message_index_step(struct store *store, uint32_t rows_max, uint32_t work,
                            uint64_t *ret_left)
{
    CHECK(store->is_in_transaction);
    enum err err = ERR_OK;
    if (!message_index_is_begun(store))
        begin(store, rows_max);
    while (err == ERR_OK && message_index_is_begun(store)) {
        if (is_done(store))
            err = advance(store);
        else if (work > 0)
            err = work_on(store, &work);
        else
            break;
    }
    if (err != ERR_OK)
        message_index_forget(store);
    *ret_left = store->last_seq - store->indexed_seq;
    return err;
}

enum err message_index_slice(struct store *store, uint32_t rows_max, uint64_t *ret_left)
{
    return message_index_step(store, rows_max, UINT32_MAX, ret_left);
}

bool message_index_is_begun(const struct store *store)
{
    return store->indexing.phase != INDEX_NONE;
}

void message_index_forget(struct store *store)
{
    store->indexing.phase = INDEX_NONE;
}
