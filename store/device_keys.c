/* SPDX-License-Identifier: MPL-2.0
 *
 * See device_keys.h.
 */
#include "store/device_keys.h"

#include <stdio.h>
#include <string.h>

#include "rt/check.h"
#include "store/store_internal.h"

static void read_key(sqlite3_stmt *stmt, struct device_key_row *ret_row)
{
    *ret_row = (struct device_key_row){
        .id = sqlite3_column_int64(stmt, 0),
        .peer_id = sqlite3_column_int64(stmt, 1),
        .created_ms = sqlite3_column_int64(stmt, 2),
        .used_ms = sqlite3_column_int64(stmt, 3),
        .revoked_ms = sqlite3_column_int64(stmt, 4),
        .key = statement_column_text(stmt, 5),
        .label = statement_column_text(stmt, 6),
    };
}

/* Rows until there are no more or a visit fails; *ret_count, if given, says how many. */
static enum err walk(struct store *store, sqlite3_stmt *stmt, device_key_visit *visit,
                     void *context, size_t *ret_count)
{
    size_t count = 0;
    bool has_row = false;
    enum err err = ERR_OK;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct device_key_row row;
        read_key(stmt, &row);
        count++;
        if (visit)
            err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    if (ret_count)
        *ret_count = count;
    return statement_close(stmt, err);
}

static enum err found_one(enum err err, size_t count)
{
    return err == ERR_OK && count == 0 ? ERR_NO_SUCH_KEY : err;
}

enum err device_key_find(struct store *store, const char *key, device_key_visit *visit,
                         void *context)
{
    sqlite3_stmt *stmt;
    size_t count = 0;
    enum err err = statement_open(store, STATEMENT_device_key_find, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, key);
    err = walk(store, stmt, visit, context, &count);
    return found_one(err, count);
}

enum err device_key_read(struct store *store, int64_t id, device_key_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    size_t count = 0;
    enum err err = statement_open(store, STATEMENT_device_key_read, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(id));
    err = walk(store, stmt, visit, context, &count);
    return found_one(err, count);
}

enum err device_key_list(struct store *store, int64_t peer_id, int64_t after_id, uint32_t limit,
                         device_key_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(
        store, peer_id ? STATEMENT_device_key_list_of : STATEMENT_device_key_list, &stmt);
    if (err != ERR_OK)
        return err;
    if (peer_id)
        statement_bind_ints(stmt, INTS(after_id, limit, peer_id));
    else
        statement_bind_ints(stmt, INTS(after_id, limit));
    return walk(store, stmt, visit, context, NULL);
}

static enum err count_good(void *context, const struct device_key_row *row)
{
    *(unsigned *)context += row->revoked_ms == 0;
    return ERR_OK;
}

/* Before anything is written. */
static enum err check_room(struct store *store, const struct device_key_new *key)
{
    unsigned good = 0;
    enum err err = device_key_find(store, key->key, NULL, NULL);
    if (err != ERR_NO_SUCH_KEY)
        return err == ERR_OK ? ERR_KEY_TAKEN : err;
    err = device_key_list(store, key->peer_id, 0, UINT32_MAX, count_good, &good);
    return err == ERR_OK && good >= DEVICE_KEYS_PER_ACCOUNT ? ERR_TOO_MANY : err;
}

enum err device_key_create(struct store *store, const struct device_key_new *key, int64_t *ret_id)
{
    CHECK(store->is_in_transaction && strlen(key->key) == DEVICE_KEY_TEXT);
    sqlite3_stmt *stmt;
    enum err err = check_room(store, key);
    if (err == ERR_OK)
        err = statement_open(store, STATEMENT_device_key_create, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(key->peer_id, key->now_ms));
    statement_bind_text(stmt, 3, key->key);
    statement_bind_text(stmt, 4, key->label);
    err = statement_run(store, stmt);
    if (err == ERR_OK)
        *ret_id = sqlite3_last_insert_rowid(store->db);
    return err;
}

enum err device_key_use(struct store *store, int64_t id, int64_t now_ms)
{
    CHECK(store->is_in_transaction);
    return statement_run_ints(store, STATEMENT_device_key_use, INTS(id, now_ms));
}

enum err device_key_revoke(struct store *store, int64_t id, int64_t now_ms)
{
    CHECK(store->is_in_transaction);
    return statement_run_ints(store, STATEMENT_device_key_revoke, INTS(id, now_ms));
}

/* --- Codes. */

static void bind_hash(sqlite3_stmt *stmt, int index, const uint8_t *hash)
{
    (void)sqlite3_bind_blob(stmt, index, hash, KEY_CODE_HASH_BYTES, SQLITE_STATIC);
}

enum err key_code_create(struct store *store, const struct key_code_new *code)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_key_code_create, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(code->now_ms, code->expires_ms));
    bind_hash(stmt, 3, code->hash);
    statement_bind_text(stmt, 4, code->folded);
    statement_bind_text(stmt, 5, code->label);
    return statement_run(store, stmt);
}

static enum err remove_code(struct store *store, const uint8_t *hash)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_key_code_remove, &stmt);
    if (err != ERR_OK)
        return err;
    bind_hash(stmt, 1, hash);
    return statement_run(store, stmt);
}

enum err key_code_take(struct store *store, const uint8_t hash[KEY_CODE_HASH_BYTES],
                       const char *folded, int64_t now_ms, char *ret_label, size_t size_bytes)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    bool has_row = false;
    enum err err = statement_open(store, STATEMENT_key_code_find, &stmt);
    if (err != ERR_OK)
        return err;
    bind_hash(stmt, 1, hash);
    err = statement_step(store, stmt, &has_row);
    bool is_good = err == ERR_OK && has_row &&
                   strcmp(statement_column_text(stmt, 0), folded) == 0 &&
                   sqlite3_column_int64(stmt, 2) > now_ms;
    if (is_good)
        (void)snprintf(ret_label, size_bytes, "%s", statement_column_text(stmt, 1));
    else if (err == ERR_OK)
        err = ERR_BAD_CODE;
    err = statement_close(stmt, err);
    return err ? err : remove_code(store, hash);
}

static enum err counted(struct store *store, enum err err, uint64_t *ret_count)
{
    if (err == ERR_OK)
        *ret_count = (uint64_t)sqlite3_changes64(store->db);
    return err;
}

enum err key_code_remove(struct store *store, const char *folded, uint64_t *ret_count)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_key_code_remove_of, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, folded);
    return counted(store, statement_run(store, stmt), ret_count);
}

enum err key_code_last(struct store *store, int64_t *ret_expires_ms)
{
    sqlite3_stmt *stmt;
    bool has_row = false;
    enum err err = statement_open(store, STATEMENT_key_code_last, &stmt);
    if (err != ERR_OK)
        return err;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK)
        *ret_expires_ms = has_row ? sqlite3_column_int64(stmt, 0) : 0;
    return statement_close(stmt, err);
}

enum err key_code_sweep(struct store *store, int64_t now_ms, uint32_t rows_max, uint64_t *ret_count)
{
    CHECK(store->is_in_transaction);
    enum err err = statement_run_ints(store, STATEMENT_key_code_sweep, INTS(now_ms, rows_max));
    return counted(store, err, ret_count);
}
