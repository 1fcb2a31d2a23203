/* SPDX-License-Identifier: MPL-2.0
 *
 * The log itself: read back, heads, find by id. See messages.h.
 */
#include <string.h>

#include "store/messages.h"

#include "rt/check.h"
#include "store/message_rows.h"
#include "store/store_internal.h"

#define RANGE_GAP_MAX 2 /* stepping over a row costs half of finding one by its key */

/* How many of the seqs, from the first, are near enough to each other to be read as one range. */
static size_t run_length(const uint64_t *seqs, size_t count)
{
    size_t length = 1;
    while (length < count && seqs[length] - seqs[length - 1] <= RANGE_GAP_MAX)
        length++;
    return length;
}

/* *ret_done: how many of the seqs were dealt with, also when it fails. Of several it ends early where
 * one is not found: a damaged key leads a walk astray, so what follows is looked up anew. */
static enum err read_run(struct store *store, int64_t scope_id, const uint64_t *seqs, size_t count,
                         message_visit *visit, void *context, size_t *ret_done)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_message_range, &stmt);
    *ret_done = 0;
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)seqs[0], (int64_t)seqs[count - 1]));
    size_t next = 0;
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        uint64_t seq = (uint64_t)sqlite3_column_int64(stmt, COLUMN_SEQ);
        if (seqs[next] < seq)
            break; /* not there any more, or not to be found this way */
        if (seqs[next] != seq ||
            (scope_id && sqlite3_column_int64(stmt, COLUMN_SCOPE_ID) != scope_id))
            continue;
        struct message_row row;
        message_row_read(stmt, &row);
        next++;
        err = visit(context, &row);
        if (err != ERR_OK || next == count)
            break;
    }
    *ret_done = err == ERR_OK && count == 1 ? 1 : next;
    return statement_close(stmt, err);
}

/* A page that SQLite cannot read takes its messages with it, not those of other pages: each is
 * asked for alone, and shown as damaged if that fails too. */
static enum err read_singly(struct store *store, int64_t scope_id, const uint64_t *seqs,
                            size_t count, message_visit *visit, void *context)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        size_t done = 0;
        err = read_run(store, scope_id, &seqs[i], 1, visit, context, &done);
        if (err == ERR_CORRUPT && done == 0) {
            struct message_row row = {.seq = seqs[i], .scope_id = scope_id, .is_damaged = true};
            err = visit(context, &row);
        }
    }
    return err;
}

enum err message_read(struct store *store, int64_t scope_id, const uint64_t *seqs, size_t count,
                      message_visit *visit, void *context)
{
    bool has_entered = false;
    enum err err = count > 1 ? store_read_enter(store, &has_entered) : ERR_OK;
    for (size_t at = 0; at < count && err == ERR_OK;) {
        size_t done = 0, length = run_length(seqs + at, count - at);
        err = read_run(store, scope_id, seqs + at, length, visit, context, &done);
        at += done;
        if (err == ERR_CORRUPT) {
            err = read_singly(store, scope_id, seqs + at, length - done, visit, context);
            at += length - done;
        } else if (err == ERR_OK && done < length) {
            err = read_singly(store, scope_id, seqs + at, 1, visit, context);
            at++;
        }
    }
    store_read_leave(store, has_entered);
    return err;
}

enum err message_read_heads(struct store *store, uint64_t after_seq, struct message_head *ret_heads,
                            size_t limit, size_t *ret_count)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_message_heads, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)after_seq, (int64_t)limit));
    size_t count = 0;
    bool has_row = false;
    while (count < limit && (err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct message_head *head = &ret_heads[count++];
        head->seq = (uint64_t)sqlite3_column_int64(stmt, COLUMN_SEQ);
        head->scope_id = sqlite3_column_int64(stmt, COLUMN_SCOPE_ID);
        head->sender_id = sqlite3_column_int64(stmt, COLUMN_SENDER_ID);
        head->stored_ms = sqlite3_column_int64(stmt, COLUMN_STORED_MS);
        head->expires_ms = sqlite3_column_int64(stmt, COLUMN_EXPIRES_MS);
        head->not_before_ms = sqlite3_column_int64(stmt, COLUMN_NOT_BEFORE_MS);
        head->flags = (uint32_t)sqlite3_column_int64(stmt, COLUMN_FLAGS);
    }
    if (err == ERR_OK)
        *ret_count = count;
    return statement_close(stmt, err);
}

static enum err visit_id(struct store *store, enum statement id, const uint8_t message_id[16],
                         uint64_t indexed_seq, message_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    uint64_t skip = 0, limit = UINT64_MAX;
    enum err err = statement_open(store, id, &stmt);
    if (err != ERR_OK)
        return err;
    (void)sqlite3_bind_blob(stmt, 1, message_id, 16, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, (int64_t)indexed_seq);
    return message_rows_visit(store, stmt, &skip, &limit, visit, context);
}

enum err message_find_id(struct store *store, const uint8_t message_id[16], message_visit *visit,
                         void *context)
{
    uint64_t indexed_seq = 0;
    enum err err = store_indexed_seq(store, &indexed_seq);
    if (err == ERR_OK)
        err = visit_id(store, STATEMENT_message_by_id, message_id, indexed_seq, visit, context);
    if (err == ERR_OK)
        err =
            visit_id(store, STATEMENT_message_by_id_tail, message_id, indexed_seq, visit, context);
    return err;
}

enum err message_find_id_indexed(struct store *store, const uint8_t message_id[16],
                                 message_visit *visit, void *context)
{
    uint64_t indexed_seq = 0;
    enum err err = store_indexed_seq(store, &indexed_seq);
    return err ? err
               : visit_id(store, STATEMENT_message_by_id, message_id, indexed_seq, visit, context);
}

enum err message_find_indexed(struct store *store, int64_t sender_id, const uint8_t message_id[16],
                              uint64_t *ret_seq)
{
    sqlite3_stmt *stmt;
    uint64_t indexed_seq = 0;
    enum err err = store_indexed_seq(store, &indexed_seq);
    if (err == ERR_OK)
        err = statement_open(store, STATEMENT_message_seq_by_id, &stmt);
    if (err != ERR_OK)
        return err;
    (void)sqlite3_bind_blob(stmt, 1, message_id, 16, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, sender_id);
    (void)sqlite3_bind_int64(stmt, 3, (int64_t)indexed_seq);
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK)
        *ret_seq = has_row ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
    return statement_close(stmt, err);
}

enum err message_visit_tail_ids(struct store *store, message_id_visit *visit, void *context)
{
    uint64_t indexed_seq = 0;
    sqlite3_stmt *stmt;
    enum err err = store_indexed_seq(store, &indexed_seq);
    if (err == ERR_OK)
        err = statement_open(store, STATEMENT_message_tail_ids, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)indexed_seq));
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        const uint8_t *id = sqlite3_column_blob(stmt, 2);
        if (id && sqlite3_column_bytes(stmt, 2) == 16)
            visit(context, (uint64_t)sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
                  id);
    }
    return statement_close(stmt, err);
}

enum err message_highest_id(struct store *store, uint8_t ret_id[16])
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_message_highest_id, &stmt);
    if (err != ERR_OK)
        return err;
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK) {
        memset(ret_id, 0, 16);
        const uint8_t *id = has_row ? sqlite3_column_blob(stmt, 0) : NULL;
        if (id && sqlite3_column_bytes(stmt, 0) == 16)
            memcpy(ret_id, id, 16);
        else if (has_row)
            memset(ret_id, 0xff, 16); /* no id of ours: nothing can be said */
    }
    return statement_close(stmt, err);
}

static enum err first_from(struct store *store, uint64_t seq, uint64_t *ret_seq, int64_t *ret_ms)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_message_time_from, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)seq));
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK && has_row) {
        *ret_seq = (uint64_t)sqlite3_column_int64(stmt, 0);
        *ret_ms = sqlite3_column_int64(stmt, 1);
    }
    return statement_close(stmt, err);
}

enum err message_first_seq_at(struct store *store, int64_t stored_ms, uint64_t *ret_seq)
{
    int64_t last = (int64_t)store->last_seq;
    enum err err = ERR_OK;
    if (!store->is_writer)
        err = statement_query_ints(store, STATEMENT_store_last_seq, 0, NULL, &last, NULL);
    uint64_t low = 1, high = (uint64_t)last + 1; /* the answer is in low ... high */
    while (err == ERR_OK && low < high) {
        uint64_t middle = low + (high - low) / 2, seq = high;
        int64_t ms = INT64_MAX;
        err = first_from(store, middle, &seq, &ms);
        if (ms < stored_ms)
            low = seq + 1;
        else
            high = middle;
    }
    /* `low` may lie in a gap: the first message from there. */
    int64_t ignored = 0;
    uint64_t seq = (uint64_t)last + 1;
    if (err == ERR_OK)
        err = first_from(store, low, &seq, &ignored);
    if (err == ERR_OK)
        *ret_seq = seq;
    return err;
}
