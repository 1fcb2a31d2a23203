/* SPDX-License-Identifier: MPL-2.0
 *
 * See index.h.
 *
 *     read the slice -> by id: message_id
 *                    -> by scope: scope.last_seq
 *                    -> by conversation: message_conversation -> by peer: peer_conversation
 *
 * One row per conversation and peer is enough in peer_conversation, so only what differs is
 * written: both peers of a direct conversation, every sender of a scope's.
 */
#include "store/index.h"

#include <stdlib.h>
#include <string.h>

#include "rt/check.h"
#include "store/conversation.h"
#include "store/store_internal.h"

struct index_row {
    uint64_t seq;
    int64_t scope_id, sender_id, stored_ms, conversation;
    uint32_t kind;
    uint8_t message_id[16];
};

/* A key to be sorted, and the row it belongs to. */
struct index_key {
    uint64_t high, low;
    uint32_t row;
};

/* One row of peer_conversation. */
struct index_part {
    int64_t peer_id, conversation;
    uint64_t last_seq;
    int64_t last_ms;
};

struct index_slice {
    struct store *store;
    struct index_row *rows;
    struct index_key *keys;
    struct index_part *parts; /* two for each row at most */
    size_t count, part_count;
};

/* --- The slice. */

static void slice_free(struct index_slice *slice)
{
    free(slice->rows);
    free(slice->keys);
    free(slice->parts);
}

static enum err slice_alloc(struct index_slice *slice, size_t rows_max)
{
    slice->rows = malloc(rows_max * sizeof(*slice->rows));
    slice->keys = malloc(rows_max * sizeof(*slice->keys));
    slice->parts = malloc(2 * rows_max * sizeof(*slice->parts));
    return slice->rows && slice->keys && slice->parts ? ERR_OK : ERR_BUSY;
}

static void read_row(sqlite3_stmt *stmt, struct index_row *ret)
{
    *ret = (struct index_row){
        .seq = (uint64_t)sqlite3_column_int64(stmt, 0),
        .scope_id = sqlite3_column_int64(stmt, 1),
        .sender_id = sqlite3_column_int64(stmt, 2),
        .stored_ms = sqlite3_column_int64(stmt, 3),
        .kind = (uint32_t)sqlite3_column_int(stmt, 4),
        .conversation = sqlite3_column_int64(stmt, 5),
    };
    const void *id = sqlite3_column_blob(stmt, 6);
    size_t size = (size_t)sqlite3_column_bytes(stmt, 6);
    if (id)
        memcpy(ret->message_id, id, size < sizeof(ret->message_id) ? size : 16);
}

static enum err slice_read(struct index_slice *slice, uint64_t from, uint64_t upto)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(slice->store, STATEMENT_index_rows, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)from, (int64_t)upto));
    bool has_row = false;
    while ((err = statement_step(slice->store, stmt, &has_row)) == ERR_OK && has_row) {
        CHECK(slice->count < upto - from);
        read_row(stmt, &slice->rows[slice->count++]);
    }
    return statement_close(stmt, err);
}

/* --- Sorting. */

static int compare_keys(const void *one, const void *other)
{
    const struct index_key *a = one, *b = other;
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    if (a->low != b->low)
        return a->low < b->low ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row; /* rows are in the order of their seq */
}

/* What comes from one sender, or to one peer, is in order already. */
static void sort_keys(struct index_key *keys, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (compare_keys(&keys[i - 1], &keys[i]) > 0) {
            qsort(keys, count, sizeof(*keys), compare_keys);
            return;
        }
    }
}

static uint64_t load64_be(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* Signed numbers in their order. */
static uint64_t sortable(int64_t value)
{
    return (uint64_t)value ^ (uint64_t)1 << 63;
}

/* --- message_id */

static enum err write_ids(struct index_slice *slice)
{
    sqlite3_stmt *stmt;
    for (uint32_t i = 0; i < slice->count; i++) {
        const uint8_t *id = slice->rows[i].message_id;
        slice->keys[i] = (struct index_key){load64_be(id), load64_be(id + 8), i};
    }
    sort_keys(slice->keys, slice->count);
    enum err err = statement_open(slice->store, STATEMENT_index_id, &stmt);
    for (size_t i = 0; i < slice->count && err == ERR_OK; i++) {
        const struct index_row *row = &slice->rows[slice->keys[i].row];
        (void)sqlite3_bind_blob(stmt, 1, row->message_id, sizeof(row->message_id), SQLITE_STATIC);
        (void)sqlite3_bind_int64(stmt, 2, (int64_t)row->seq);
        err = statement_run(slice->store, stmt);
    }
    return err;
}

/* --- scope.last_seq */

static enum err write_scopes(struct index_slice *slice)
{
    size_t count = 0;
    for (uint32_t i = 0; i < slice->count; i++) {
        uint64_t scope = sortable(slice->rows[i].scope_id);
        if (count == 0 || slice->keys[count - 1].high != scope)
            count++; /* of several in a row the last one counts */
        slice->keys[count - 1] = (struct index_key){scope, 0, i};
    }
    sort_keys(slice->keys, count);
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        const struct index_row *row = &slice->rows[slice->keys[i].row];
        bool is_last = i + 1 == count || slice->keys[i + 1].high != slice->keys[i].high;
        if (is_last)
            err = statement_run_ints(slice->store, STATEMENT_index_scope,
                                     INTS(row->scope_id, (int64_t)row->seq));
    }
    return err;
}

/* --- message_conversation, in its order; and the parts of peer_conversation */

/* EDIT, DELETE and REACTION of proto/wire/broker.proto. */
static bool is_change(const struct index_row *row)
{
    return row->kind >= 7 && row->kind <= 9;
}

static void add_part(struct index_slice *slice, int64_t peer_id, const struct index_row *row)
{
    struct index_part *last = slice->part_count ? &slice->parts[slice->part_count - 1] : NULL;
    if (peer_id <= 0 || is_change(row))
        return; /* the broker itself; an edit is no news of a conversation */
    if (!last || last->peer_id != peer_id || last->conversation != row->conversation) {
        slice->parts[slice->part_count++] =
            (struct index_part){peer_id, row->conversation, row->seq, row->stored_ms};
        return;
    }
    last->last_seq = row->seq;
    if (row->stored_ms > last->last_ms)
        last->last_ms = row->stored_ms;
}

/* The peers of one conversation, whose rows are keys[from] to keys[end - 1]. */
static void add_parts(struct index_slice *slice, size_t from, size_t end)
{
    int64_t conversation = slice->rows[slice->keys[from].row].conversation;
    int64_t low = conversation >> 31, high = conversation & CONVERSATION_PEER_ID_MAX;
    for (size_t i = from; i < end; i++) {
        const struct index_row *row = &slice->rows[slice->keys[i].row];
        add_part(slice, conversation < 0 ? row->sender_id : low, row);
    }
    for (size_t i = from; i < end && conversation > 0 && high != low; i++)
        add_part(slice, high, &slice->rows[slice->keys[i].row]);
}

static enum err write_conversation(struct index_slice *slice, sqlite3_stmt *stmt, size_t from,
                                   size_t *ret_end)
{
    enum err err = ERR_OK;
    size_t i = from;
    int64_t conversation = slice->rows[slice->keys[from].row].conversation;
    for (; i < slice->count && err == ERR_OK; i++) {
        const struct index_row *row = &slice->rows[slice->keys[i].row];
        if (row->conversation != conversation)
            break;
        statement_bind_ints(stmt, INTS(row->conversation, (int64_t)row->seq, row->sender_id,
                                       (int64_t)row->kind, row->stored_ms));
        err = statement_run(slice->store, stmt);
    }
    *ret_end = i;
    return err;
}

static enum err write_conversations(struct index_slice *slice)
{
    sqlite3_stmt *stmt;
    for (uint32_t i = 0; i < slice->count; i++)
        slice->keys[i] = (struct index_key){sortable(slice->rows[i].conversation), 0, i};
    sort_keys(slice->keys, slice->count);
    enum err err = statement_open(slice->store, STATEMENT_index_conversation, &stmt);
    for (size_t from = 0, end; from < slice->count && err == ERR_OK; from = end) {
        err = write_conversation(slice, stmt, from, &end);
        if (slice->rows[slice->keys[from].row].conversation != 0)
            add_parts(slice, from, end);
    }
    return err;
}

/* --- peer_conversation */

static int compare_parts(const void *one, const void *other)
{
    const struct index_part *a = one, *b = other;
    if (a->peer_id != b->peer_id)
        return a->peer_id < b->peer_id ? -1 : 1;
    if (a->conversation != b->conversation)
        return a->conversation < b->conversation ? -1 : 1;
    return a->last_seq < b->last_seq ? -1 : a->last_seq > b->last_seq;
}

static enum err write_parts(struct index_slice *slice)
{
    qsort(slice->parts, slice->part_count, sizeof(*slice->parts), compare_parts);
    enum err err = ERR_OK;
    int64_t last_ms = 0;
    for (size_t i = 0; i < slice->part_count && err == ERR_OK; i++) {
        const struct index_part *part = &slice->parts[i], *next = part + 1;
        last_ms = part->last_ms > last_ms ? part->last_ms : last_ms;
        if (i + 1 < slice->part_count && next->peer_id == part->peer_id &&
            next->conversation == part->conversation)
            continue; /* a later one of the same */
        err = statement_run_ints(
            slice->store, STATEMENT_index_peer_conversation,
            INTS(part->peer_id, part->conversation, (int64_t)part->last_seq, last_ms));
        last_ms = 0;
    }
    return err;
}

enum err index_add(struct store *store, uint64_t from, uint64_t upto)
{
    CHECK(store->is_in_transaction && upto > from && upto - from <= UINT32_MAX / 2);
    struct index_slice slice = {.store = store};
    enum err err = slice_alloc(&slice, upto - from);
    if (err == ERR_OK)
        err = slice_read(&slice, from, upto);
    if (err == ERR_OK)
        err = write_ids(&slice);
    if (err == ERR_OK)
        err = write_scopes(&slice);
    if (err == ERR_OK)
        err = write_conversations(&slice);
    if (err == ERR_OK)
        err = write_parts(&slice);
    slice_free(&slice);
    return err;
}
