/* SPDX-License-Identifier: MPL-2.0
 *
 * See tokens.h.
 */
#include "store/tokens.h"

#include "rt/check.h"
#include "store/store_internal.h"

static void bind_hash(sqlite3_stmt *stmt, int index, const uint8_t *hash)
{
    (void)sqlite3_bind_blob(stmt, index, hash, TOKEN_HASH_BYTES, SQLITE_STATIC);
}

enum err token_create(struct store *store, const struct token_new *token, int64_t *ret_id)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_token_create, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(token->peer_id, token->now_ms, token->expires_ms));
    bind_hash(stmt, 4, token->hash);
    statement_bind_text(stmt, 5, token->kind);
    statement_bind_text(stmt, 6, token->label);
    statement_bind_text(stmt, 7, token->address);
    err = statement_run(store, stmt);
    int64_t id = sqlite3_last_insert_rowid(store->db);
    if (err == ERR_OK)
        err = statement_run_ints(store, STATEMENT_token_remove_older,
                                 INTS(token->peer_id, TOKENS_PER_ACCOUNT));
    if (err == ERR_OK)
        *ret_id = id;
    return err;
}

static void read_token(sqlite3_stmt *stmt, struct token_row *ret_row)
{
    *ret_row = (struct token_row){
        .id = sqlite3_column_int64(stmt, 0),
        .peer_id = sqlite3_column_int64(stmt, 1),
        .created_ms = sqlite3_column_int64(stmt, 2),
        .used_ms = sqlite3_column_int64(stmt, 3),
        .expires_ms = sqlite3_column_int64(stmt, 4),
        .kind = statement_column_text(stmt, 5),
        .label = statement_column_text(stmt, 6),
        .address = statement_column_text(stmt, 7),
    };
}

static enum err read_one(struct store *store, sqlite3_stmt *stmt, struct token_row *ret_row)
{
    bool has_row = false;
    enum err err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK && !has_row)
        err = ERR_NO_SUCH_USER;
    if (err == ERR_OK) {
        read_token(stmt, ret_row);
        ret_row->kind = ret_row->label = ret_row->address = NULL;
    }
    return statement_close(stmt, err);
}

enum err token_find(struct store *store, const uint8_t hash[TOKEN_HASH_BYTES],
                    struct token_row *ret_row)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_token_find, &stmt);
    if (err != ERR_OK)
        return err;
    bind_hash(stmt, 1, hash);
    return read_one(store, stmt, ret_row);
}

enum err token_read(struct store *store, int64_t id, struct token_row *ret_row)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_token_read, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(id));
    return read_one(store, stmt, ret_row);
}

enum err token_list(struct store *store, int64_t peer_id, int64_t after_id, uint32_t limit,
                    token_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_token_list, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(peer_id, after_id, limit));
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct token_row row;
        read_token(stmt, &row);
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}

enum err token_use(struct store *store, int64_t id, int64_t now_ms, int64_t expires_ms)
{
    CHECK(store->is_in_transaction);
    return statement_run_ints(store, STATEMENT_token_use, INTS(id, now_ms, expires_ms));
}

static enum err counted(struct store *store, enum err err, uint64_t *ret_count)
{
    if (err == ERR_OK)
        *ret_count = (uint64_t)sqlite3_changes64(store->db);
    return err;
}

enum err token_remove(struct store *store, int64_t peer_id, int64_t id, uint64_t *ret_count)
{
    CHECK(store->is_in_transaction);
    enum err err = id ? statement_run_ints(store, STATEMENT_token_remove, INTS(id, peer_id))
                      : statement_run_ints(store, STATEMENT_token_remove_all, INTS(peer_id));
    return counted(store, err, ret_count);
}

enum err token_sweep(struct store *store, int64_t now_ms, uint32_t rows_max, uint64_t *ret_count)
{
    CHECK(store->is_in_transaction);
    enum err err = statement_run_ints(store, STATEMENT_token_sweep, INTS(now_ms, rows_max));
    return counted(store, err, ret_count);
}
