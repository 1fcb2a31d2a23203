/* SPDX-License-Identifier: MPL-2.0
 *
 * What is done to the log later: filling the deferred tables, retention, quarantine.
 *
 * All of it in slices, each one transaction of the caller together with whatever else he writes.
 * For the deferred tables the messages of a slice are read once, sorted here (slice.h), and inserted
 * in the order of each table's key by one statement each (slice_table.h), so that neighbours go into
 * the same page; the larger the slice, the less a row costs.
 */
#include <string.h>

#include "rt/check.h"
#include "store/checksum.h"
#include "store/conversation.h"
#include "store/message_rows.h"
#include "store/messages.h"
#include "store/search.h"
#include "store/slice.h"
#include "store/store_internal.h"

#define REMOVE_SCOPE_MAX 512

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

/* Fills the slice with the messages of from < seq <= *inout_upto. It ends before the first with odd
 * values; where that is the first of all, it is that one alone. */
static enum err read_slice(struct store *store, uint64_t from, uint64_t *inout_upto,
                           bool *ret_is_odd)
{
    struct slice *slice = &store->slice;
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_index_read, &stmt);
    if (err != ERR_OK)
        return err;
    slice_reset(slice, *inout_upto - from);
    statement_bind_ints(stmt, INTS((int64_t)from, (int64_t)*inout_upto));
    bool has_row = false, is_odd = false;
    size_t rows_max = *inout_upto - from;
    while (!is_odd && (err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        uint64_t seq = (uint64_t)sqlite3_column_int64(stmt, 0);
        if (slice->count == rows_max || seq <= from) { /* more rows than there are numbers */
            (void)statement_close(stmt, ERR_CORRUPT);
            return store_fail(store, ERR_CORRUPT, "the messages are not in their order");
        }
        is_odd = !read_row(stmt, &slice->rows[slice->count]);
        slice->count += !is_odd;
    }
    *ret_is_odd = is_odd && slice->count == 0;
    if (is_odd) {
        uint64_t seq = (uint64_t)slice->rows[slice->count].seq;
        *inout_upto = *ret_is_odd ? seq : seq - 1;
        slice->count += *ret_is_odd;
    }
    return statement_close(stmt, err);
}

static enum err insert_by_key(struct store *store)
{
    slice_by_id(&store->slice);
    enum err err = statement_run_ints(store, STATEMENT_index_ids, 0, NULL);
    if (err != ERR_OK)
        return err;
    slice_by_conversation(&store->slice);
    return statement_run_ints(store, STATEMENT_index_conversations, 0, NULL);
}

/* SQL takes the values as they are, or refuses them. */
static enum err insert_odd(struct store *store)
{
    int64_t seq = store->slice.rows[0].seq;
    enum err err = statement_run_ints(store, STATEMENT_index_odd_id, INTS(seq));
    if (err == ERR_OK)
        err = statement_run_ints(store, STATEMENT_index_odd_conversation, INTS(seq));
    slice_by_conversation(&store->slice);
    return err;
}

static enum err set_newest(struct store *store)
{
    const struct slice *slice = &store->slice;
    slice_by_peer(&store->slice);
    enum err err = statement_run_ints(store, STATEMENT_index_peers, 0, NULL);
    slice_by_scope(&store->slice);
    for (size_t i = 0; i < slice->view_count && err == ERR_OK; i++) {
        const struct slice_row *row = slice->view[i].row;
        err = statement_run_ints(store, STATEMENT_index_scope, INTS(row->scope_id, row->seq));
    }
    return err;
}

enum err message_index_slice(struct store *store, uint32_t rows_max, uint64_t *ret_left)
{
    CHECK(store->is_in_transaction);
    uint64_t from = store->indexed_seq, upto = store->last_seq;
    rows_max = rows_max < SLICE_ROWS_MAX ? rows_max : SLICE_ROWS_MAX;
    if (upto - from > rows_max)
        upto = from + rows_max;
    enum err err = ERR_OK;
    if (upto > from) {
        bool is_odd = false;
        err = read_slice(store, from, &upto, &is_odd);
        if (err == ERR_OK)
            err = is_odd ? insert_odd(store) : insert_by_key(store);
        if (err == ERR_OK)
            err = set_newest(store);
        if (err == ERR_OK)
            err = statement_run_ints(store, STATEMENT_index_progress, INTS((int64_t)upto));
    }
    if (err != ERR_OK)
        return err;
    store->indexed_seq = upto;
    *ret_left = store->last_seq - upto;
    return ERR_OK;
}

/* The newest message stays whatever its age (the next seq is above it), and so does what the
 * deferred tables have not seen. */
static enum err find_removable(struct store *store, int64_t stored_before_ms,
                               int64_t expired_before_ms, uint32_t rows_max, uint64_t *ret_upto,
                               uint64_t *ret_count)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_remove_candidates, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt,
                        INTS((int64_t)store->last_seq, (int64_t)store->indexed_seq, rows_max));
    uint64_t upto = 0, count = 0;
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        if (sqlite3_column_int64(stmt, 1) >= stored_before_ms ||
            sqlite3_column_int64(stmt, 2) >= expired_before_ms)
            break;
        upto = (uint64_t)sqlite3_column_int64(stmt, 0);
        count++;
    }
    *ret_upto = upto;
    *ret_count = count;
    return statement_close(stmt, err);
}

enum err message_remove_slice(struct store *store, int64_t stored_before_ms,
                              int64_t expired_before_ms, uint32_t rows_max, uint64_t *ret_removed)
{
    CHECK(store->is_in_transaction);
    static const enum statement steps[] = {
        STATEMENT_remove_ids,      STATEMENT_remove_conversations, STATEMENT_remove_exceptions,
        STATEMENT_remove_edits,    STATEMENT_remove_tombstones,    STATEMENT_remove_reactions,
        STATEMENT_remove_messages,
    };
    uint64_t upto = 0, count = 0;
    enum err err =
        find_removable(store, stored_before_ms, expired_before_ms, rows_max, &upto, &count);
    if (err == ERR_OK && count > 0)
        err = search_forget(store, upto);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && err == ERR_OK && count > 0; i++)
        err = statement_run_ints(store, steps[i], INTS((int64_t)upto));
    if (err == ERR_OK)
        *ret_removed = count;
    return err;
}

/* The oldest of the scope's indexed messages, but never the newest of the log. */
static enum err find_removable_of_scope(struct store *store, int64_t scope_id,
                                        int64_t stored_before_ms, int64_t expired_before_ms,
                                        uint32_t rows_max, uint64_t *ret_seqs, uint64_t *ret_count)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_remove_scope_candidates, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt,
                        INTS(conversation_of_scope(scope_id), (int64_t)store->last_seq, rows_max));
    uint64_t count = 0;
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        if (sqlite3_column_int64(stmt, 1) >= stored_before_ms ||
            sqlite3_column_int64(stmt, 2) >= expired_before_ms)
            break;
        ret_seqs[count++] = (uint64_t)sqlite3_column_int64(stmt, 0);
    }
    *ret_count = count;
    return statement_close(stmt, err);
}

enum err message_remove_of_scope(struct store *store, int64_t scope_id, int64_t stored_before_ms,
                                 int64_t expired_before_ms, uint32_t rows_max,
                                 uint64_t *ret_removed)
{
    CHECK(store->is_in_transaction);
    static const enum statement steps[] = {
        STATEMENT_remove_one_id,        STATEMENT_remove_one_conversation,
        STATEMENT_remove_one_exception, STATEMENT_remove_one_edits,
        STATEMENT_remove_one_tombstone, STATEMENT_remove_one_reactions,
        STATEMENT_remove_one_message,
    };
    uint64_t seqs[REMOVE_SCOPE_MAX], count = 0;
    if (rows_max > REMOVE_SCOPE_MAX)
        rows_max = REMOVE_SCOPE_MAX;
    enum err err = find_removable_of_scope(store, scope_id, stored_before_ms, expired_before_ms,
                                           rows_max, seqs, &count);
    for (uint64_t i = 0; i < count && err == ERR_OK; i++) {
        err = search_forget_one(store, seqs[i]);
        for (size_t step = 0; step < sizeof steps / sizeof *steps && err == ERR_OK; step++)
            err = statement_run_ints(store, steps[step], INTS((int64_t)seqs[i]));
    }
    if (err == ERR_OK)
        *ret_removed = count;
    return err;
}

struct damage {
    bool is_found;
    uint64_t expected, computed;
};

static enum err note_damage(void *context, const struct message_row *message)
{
    struct damage *damage = context;
    damage->is_found = message->is_damaged;
    damage->expected = message->checksum;
    damage->computed = checksum_of_message(message);
    return ERR_OK;
}

enum err message_quarantine(struct store *store, uint64_t seq, int64_t found_ms)
{
    CHECK(store->is_in_transaction);
    struct damage damage = {.is_found = false};
    enum err err = message_read(store, 0, &seq, 1, note_damage, &damage);
    if (err != ERR_OK || !damage.is_found)
        return err;
    return statement_run_ints(
        store, STATEMENT_quarantine_put,
        INTS((int64_t)seq, found_ms, (int64_t)damage.expected, (int64_t)damage.computed));
}

enum err quarantine_list(struct store *store, uint64_t after_seq, uint32_t limit,
                         quarantine_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_quarantine_list, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)after_seq, limit));
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        err =
            visit(context, (uint64_t)sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1));
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}
