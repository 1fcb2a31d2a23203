/* SPDX-License-Identifier: MPL-2.0
 *
 * See changes.h.
 */
#include "store/changes.h"

#include "rt/check.h"
#include "store/message_rows.h"
#include "store/store_internal.h"

static int64_t seq_value(uint64_t seq)
{
    return seq > INT64_MAX ? INT64_MAX : (int64_t)seq;
}

/* A query of one seq; 0 when there is no row. */
static enum err find_seq(struct store *store, enum statement id, int count, const int64_t *values,
                         uint64_t *ret_seq)
{
    int64_t seq = 0;
    enum err err = statement_query_ints(store, id, count, values, &seq, NULL);
    if (err == ERR_OK)
        *ret_seq = (uint64_t)seq;
    return err;
}

/* --- Edits. */

enum err edit_add(struct store *store, uint64_t seq, uint64_t edit_seq)
{
    CHECK(store->is_in_transaction);
    return statement_run_ints(store, STATEMENT_edit_add, INTS((int64_t)seq, (int64_t)edit_seq));
}

enum err edit_newest(struct store *store, uint64_t seq, uint64_t below_seq, uint64_t *ret_edit_seq)
{
    return find_seq(store, STATEMENT_edit_newest, INTS((int64_t)seq, seq_value(below_seq)),
                    ret_edit_seq);
}

enum err edit_read_newest(struct store *store, uint64_t seq, message_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_edit_read_down, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)seq));
    bool has_row = false, is_found = false;
    while (!is_found && (err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct message_row row;
        message_row_read(stmt, &row);
        is_found = !row.is_damaged;
        if (is_found)
            err = visit(context, &row);
    }
    return statement_close(stmt, err);
}

enum err edit_read(struct store *store, uint64_t seq, uint64_t after_seq, uint32_t limit,
                   message_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    uint64_t skip = 0, left = limit;
    enum err err = statement_open(store, STATEMENT_edit_read_up, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)seq, seq_value(after_seq), limit));
    return message_rows_visit(store, stmt, &skip, &left, visit, context);
}

enum err edit_target(struct store *store, uint64_t edit_seq, uint64_t *ret_seq)
{
    return find_seq(store, STATEMENT_edit_target, INTS((int64_t)edit_seq), ret_seq);
}

/* --- Tombstones. */

enum err tombstone_add(struct store *store, const struct tombstone *tombstone)
{
    CHECK(store->is_in_transaction);
    return statement_run_ints(store, STATEMENT_tombstone_add,
                              INTS((int64_t)tombstone->seq, (int64_t)tombstone->delete_seq,
                                   tombstone->deleted_ms, tombstone->peer_id));
}

enum err tombstone_next(struct store *store, uint64_t seq, struct tombstone *ret)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_tombstone_next, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(seq_value(seq)));
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK)
        *ret = (struct tombstone){.seq = 0};
    if (err == ERR_OK && has_row) {
        ret->seq = (uint64_t)sqlite3_column_int64(stmt, 0);
        ret->delete_seq = (uint64_t)sqlite3_column_int64(stmt, 1);
        ret->deleted_ms = sqlite3_column_int64(stmt, 2);
        ret->peer_id = sqlite3_column_int64(stmt, 3);
    }
    return statement_close(stmt, err);
}

enum err tombstone_find(struct store *store, uint64_t seq, struct tombstone *ret)
{
    enum err err = tombstone_next(store, seq, ret);
    if (err == ERR_OK && ret->seq != seq)
        *ret = (struct tombstone){.seq = 0};
    return err;
}

enum err tombstone_target(struct store *store, uint64_t delete_seq, uint64_t *ret_seq)
{
    return find_seq(store, STATEMENT_tombstone_target, INTS((int64_t)delete_seq), ret_seq);
}

/* --- What is new. */

static enum err visit_since(struct store *store, enum statement id, uint64_t after_seq,
                            uint32_t limit, change_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, id, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(seq_value(after_seq), limit));
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        err = visit(context, (uint64_t)sqlite3_column_int64(stmt, 0),
                    (uint64_t)sqlite3_column_int64(stmt, 1));
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}

enum err edit_since(struct store *store, uint64_t after_seq, uint32_t limit, change_visit *visit,
                    void *context)
{
    return visit_since(store, STATEMENT_edit_since, after_seq, limit, visit, context);
}

enum err tombstone_since(struct store *store, uint64_t after_seq, uint32_t limit,
                         change_visit *visit, void *context)
{
    return visit_since(store, STATEMENT_tombstone_since, after_seq, limit, visit, context);
}

/* --- Where nothing changed. */

enum err change_look(struct store *store, uint64_t seq, struct change_gap *gap,
                     bool *ret_is_changed)
{
    *ret_is_changed = false;
    if (seq > gap->after_seq && seq < gap->before_seq)
        return ERR_OK;
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_change_nearest, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)seq));
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    struct change_gap found = {.after_seq = 0, .before_seq = UINT64_MAX};
    for (int i = 0; err == ERR_OK && has_row && i < 6; i++) {
        if (sqlite3_column_type(stmt, i) == SQLITE_NULL)
            continue;
        uint64_t near = (uint64_t)sqlite3_column_int64(stmt, i);
        if (i < 3 && near > found.after_seq)
            found.after_seq = near;
        if (i >= 3 && near < found.before_seq)
            found.before_seq = near;
    }
    if (err == ERR_OK) {
        *ret_is_changed = found.after_seq == seq;
        if (!*ret_is_changed)
            *gap = found;
    }
    return statement_close(stmt, err);
}
