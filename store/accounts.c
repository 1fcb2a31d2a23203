/* SPDX-License-Identifier: MPL-2.0
 *
 * See accounts.h.
 */
#include "store/accounts.h"

#include <string.h>

#include "rt/check.h"
#include "store/store_internal.h"

enum err account_create(struct store *store, const struct account_new *account)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_account_create, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(account->peer_id, account->role, account->created_ms));
    statement_bind_text(stmt, 4, account->password_hash);
    statement_bind_text(stmt, 5, account->email);
    statement_bind_text(stmt, 6, account->profile);
    err = statement_run(store, stmt);
    return err == ERR_DUPLICATE ? ERR_NAME_TAKEN : err;
}

static void read_account(sqlite3_stmt *stmt, struct account_row *ret_row)
{
    *ret_row = (struct account_row){
        .peer_id = sqlite3_column_int64(stmt, 0),
        .role = (enum account_role)sqlite3_column_int(stmt, 1),
        .is_active = sqlite3_column_int(stmt, 2) != 0,
        .banned_until_ms = sqlite3_column_int64(stmt, 3),
        .created_ms = sqlite3_column_int64(stmt, 4),
        .login_ms = sqlite3_column_int64(stmt, 5),
        .last_seen_ms = sqlite3_column_int64(stmt, 6),
        .left_ms = sqlite3_column_int64(stmt, 7),
        .name = statement_column_text(stmt, 8),
        .folded = statement_column_text(stmt, 9),
        .password_hash = statement_column_text(stmt, 10),
        .ban_reason = statement_column_text(stmt, 11),
    };
}

static enum err visit_all(struct store *store, sqlite3_stmt *stmt, account_visit *visit,
                          void *context, uint64_t *ret_count)
{
    enum err err;
    bool has_row = false;
    uint64_t count = 0;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct account_row row;
        read_account(stmt, &row);
        count++;
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    *ret_count = count;
    return statement_close(stmt, err);
}

enum err account_read(struct store *store, int64_t peer_id, account_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_account_read, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(peer_id));
    uint64_t count = 0;
    err = visit_all(store, stmt, visit, context, &count);
    return err == ERR_OK && count == 0 ? ERR_NO_SUCH_USER : err;
}

enum err account_find(struct store *store, const char *folded, account_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_account_find, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, folded);
    uint64_t count = 0;
    err = visit_all(store, stmt, visit, context, &count);
    return err == ERR_OK && count == 0 ? ERR_NO_SUCH_USER : err;
}

enum err account_list(struct store *store, const char *after_folded, uint32_t limit,
                      account_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_account_list, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, after_folded);
    (void)sqlite3_bind_int64(stmt, 2, limit);
    uint64_t count = 0;
    return visit_all(store, stmt, visit, context, &count);
}

static enum err found(struct store *store, enum err err)
{
    return err == ERR_OK && sqlite3_changes(store->db) == 0 ? ERR_NO_SUCH_USER : err;
}

enum err account_set_password(struct store *store, int64_t peer_id, const char *hash)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_account_set_password, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(peer_id));
    statement_bind_text(stmt, 2, hash);
    return found(store, statement_run(store, stmt));
}

enum err account_set_role(struct store *store, int64_t peer_id, enum account_role role)
{
    CHECK(store->is_in_transaction);
    return found(store, statement_run_ints(store, STATEMENT_account_set_role, INTS(peer_id, role)));
}

enum err account_set_active(struct store *store, int64_t peer_id, bool is_active)
{
    CHECK(store->is_in_transaction);
    return found(store,
                 statement_run_ints(store, STATEMENT_account_set_active, INTS(peer_id, is_active)));
}

enum err account_set_ban(struct store *store, int64_t peer_id, int64_t until_ms, const char *reason)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_account_set_ban, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(peer_id, until_ms));
    statement_bind_text(stmt, 3, reason);
    return found(store, statement_run(store, stmt));
}

enum err account_set_login(struct store *store, int64_t peer_id, int64_t login_ms)
{
    CHECK(store->is_in_transaction);
    return statement_run_ints(store, STATEMENT_account_set_login, INTS(peer_id, login_ms));
}

enum err account_room_password(struct store *store, const char *folded, char *ret_hash,
                               size_t size_bytes)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_account_room_password, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, folded);
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK && !has_row)
        err = ERR_NO_SUCH_SCOPE;
    const char *hash = err == ERR_OK ? statement_column_text(stmt, 0) : "";
    size_t size = strlen(hash) + 1;
    if (err == ERR_OK && size > size_bytes)
        err = ERR_TOO_LARGE;
    if (err == ERR_OK)
        memcpy(ret_hash, hash, size);
    return statement_close(stmt, err);
}
