/* SPDX-License-Identifier: MPL-2.0
 *
 * Scopes: the logs that messages are written to, by kind and name. See consumers.h.
 */
#include <stdio.h>

#include "rt/check.h"
#include "store/consumers.h"
#include "store/conversation.h"
#include "store/store_internal.h"

static void read_scope(sqlite3_stmt *stmt, struct scope_row *ret_row)
{
    ret_row->id = sqlite3_column_int64(stmt, 0);
    ret_row->kind = (enum scope_kind)sqlite3_column_int(stmt, 1);
    ret_row->owner_id = sqlite3_column_int64(stmt, 2);
    ret_row->name = NULL;
}

enum err scope_find(struct store *store, enum scope_kind kind, const char *folded,
                    struct scope_row *ret_row)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_scope_find, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(kind));
    statement_bind_text(stmt, 2, folded);
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK && !has_row)
        err = ERR_NO_SUCH_SCOPE;
    if (err == ERR_OK)
        read_scope(stmt, ret_row);
    return statement_close(stmt, err);
}

enum err scope_find_by_id(struct store *store, int64_t id, char *ret_name, size_t name_size_bytes,
                          struct scope_row *ret_row)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_scope_find_by_id, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(id));
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK && !has_row)
        err = ERR_NO_SUCH_SCOPE;
    if (err == ERR_OK) {
        int size = snprintf(ret_name, name_size_bytes, "%s", statement_column_text(stmt, 3));
        err = size >= 0 && (size_t)size < name_size_bytes ? ERR_OK : ERR_TOO_LARGE;
    }
    if (err == ERR_OK) {
        read_scope(stmt, ret_row);
        ret_row->name = ret_name;
    }
    return statement_close(stmt, err);
}

enum err scope_below_first(struct store *store, enum scope_kind kind, int64_t id, uint64_t *ret_seq)
{
    CHECK(store->is_writer);
    int64_t first_seq = 0, last_seq = 0;
    enum err err = statement_query_ints(store, STATEMENT_scope_last_seq, INTS(id), &last_seq, NULL);
    if (err == ERR_OK && last_seq > 0 && kind != SCOPE_PEER)
        err = statement_query_ints(store, STATEMENT_conversation_first,
                                   INTS(conversation_of_scope(id)), &first_seq, NULL);
    if (err != ERR_OK)
        return err;
    if (first_seq > 0)
        *ret_seq = (uint64_t)first_seq - 1;
    else
        *ret_seq = last_seq > 0 && kind == SCOPE_PEER ? 0 : store->indexed_seq;
    return ERR_OK;
}

enum err scope_create(struct store *store, enum scope_kind kind, const char *name,
                      const char *folded, int64_t owner_id, int64_t now_ms, int64_t *ret_id)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_scope_create, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(kind, owner_id, now_ms));
    statement_bind_text(stmt, 4, name);
    statement_bind_text(stmt, 5, folded);
    err = statement_run(store, stmt);
    if (err == ERR_OK)
        *ret_id = sqlite3_last_insert_rowid(store->db);
    return err;
}

enum err scope_last_seq(struct store *store, int64_t id, uint64_t *ret_seq)
{
    uint64_t indexed_seq = 0;
    int64_t indexed = 0, tail = 0;
    enum err err = store_indexed_seq(store, &indexed_seq);
    if (err == ERR_OK)
        err = statement_query_ints(store, STATEMENT_scope_last_seq, INTS(id), &indexed, NULL);
    if (err == ERR_OK)
        err = statement_query_ints(store, STATEMENT_scope_last_seq_tail,
                                   INTS(id, (int64_t)indexed_seq), &tail, NULL);
    if (err == ERR_OK)
        *ret_seq = (uint64_t)(tail > indexed ? tail : indexed);
    return err;
}

enum err scope_has_patterns(struct store *store, bool *ret)
{
    int64_t has = 0;
    enum err err = statement_query_ints(store, STATEMENT_scope_has_patterns, 0, NULL, &has, NULL);
    if (err == ERR_OK)
        *ret = has != 0;
    return err;
}

enum err scope_consumers(struct store *store, int64_t id, uint32_t limit,
                         scope_consumer_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_scope_consumers, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(id, limit));
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        err = visit(context, sqlite3_column_int64(stmt, 0));
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}

enum err scope_remove(struct store *store, int64_t id)
{
    CHECK(store->is_in_transaction);
    return statement_run_ints(store, STATEMENT_scope_remove, INTS(id));
}
