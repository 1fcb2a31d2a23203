/* SPDX-License-Identifier: MPL-2.0
 *
 * Peers and their addresses. See peers.h; presence events and markers are in presence.c.
 */
#include "store/peers.h"

#include "rt/check.h"
#include "store/conversation.h"
#include "store/store_internal.h"

enum err peer_find(struct store *store, const char *folded, int64_t *ret_id)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_peer_find, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, folded);
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK && !has_row)
        err = ERR_NO_SUCH_PEER;
    if (err == ERR_OK)
        *ret_id = sqlite3_column_int64(stmt, 0);
    return statement_close(stmt, err);
}

enum err peer_create(struct store *store, const char *name, const char *folded, int64_t now_ms,
                     int64_t *ret_id)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_peer_create, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(now_ms));
    statement_bind_text(stmt, 2, name);
    statement_bind_text(stmt, 3, folded);
    err = statement_run(store, stmt);
    int64_t id = sqlite3_last_insert_rowid(store->db);
    if (err == ERR_OK && id > CONVERSATION_PEER_ID_MAX)
        return ERR_TOO_MANY;
    if (err == ERR_OK)
        *ret_id = id;
    return err;
}

static enum err found(struct store *store, enum err err)
{
    return err == ERR_OK && sqlite3_changes(store->db) == 0 ? ERR_NO_SUCH_PEER : err;
}

static enum err put_address(struct store *store, const struct peer_seen *seen)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_peer_address_put, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(seen->id, seen->seen_ms));
    statement_bind_text(stmt, 3, seen->address);
    statement_bind_text(stmt, 4, seen->source);
    return statement_run(store, stmt);
}

enum err peer_update_seen(struct store *store, const struct peer_seen *seen)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_peer_update_seen, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt,
                        INTS(seen->id, seen->seen_ms, seen->left_ms, seen->is_new_connection));
    statement_bind_text(stmt, 5, seen->display_name);
    statement_bind_text(stmt, 6, seen->kind);
    statement_bind_text(stmt, 7, seen->host_name);
    err = found(store, statement_run(store, stmt));
    if (err == ERR_OK && seen->address && *seen->address)
        err = put_address(store, seen);
    return err;
}

enum err peer_set_nickname(struct store *store, int64_t id, const char *nickname)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_peer_set_nickname, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(id));
    statement_bind_text(stmt, 2, nickname);
    return found(store, statement_run(store, stmt));
}

enum err peer_set_verified(struct store *store, int64_t id, bool is_verified)
{
    CHECK(store->is_in_transaction);
    return found(store,
                 statement_run_ints(store, STATEMENT_peer_set_verified, INTS(id, is_verified)));
}

enum err peer_remove(struct store *store, int64_t id)
{
    CHECK(store->is_in_transaction);
    enum err err = statement_run_ints(store, STATEMENT_peer_remove_conversations, INTS(id));
    if (err != ERR_OK)
        return err;
    return found(store, statement_run_ints(store, STATEMENT_peer_remove, INTS(id)));
}

static void read_peer(sqlite3_stmt *stmt, struct peer_row *ret_row)
{
    *ret_row = (struct peer_row){
        .id = sqlite3_column_int64(stmt, 0),
        .is_verified = sqlite3_column_int(stmt, 1) != 0,
        .first_seen_ms = sqlite3_column_int64(stmt, 2),
        .last_seen_ms = sqlite3_column_int64(stmt, 3),
        .left_ms = sqlite3_column_int64(stmt, 4),
        .created_ms = sqlite3_column_int64(stmt, 5),
        .connections = (uint64_t)sqlite3_column_int64(stmt, 6),
        .name = statement_column_text(stmt, 7),
        .folded = statement_column_text(stmt, 8),
        .display_name = statement_column_text(stmt, 9),
        .nickname = statement_column_text(stmt, 10),
        .host_name = statement_column_text(stmt, 11),
        .kind = statement_column_text(stmt, 12),
    };
}

static enum err visit_all(struct store *store, sqlite3_stmt *stmt, peer_visit *visit, void *context,
                          uint64_t *ret_count)
{
    enum err err;
    bool has_row = false;
    uint64_t count = 0;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct peer_row row;
        read_peer(stmt, &row);
        count++;
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    *ret_count = count;
    return statement_close(stmt, err);
}

enum err peer_read(struct store *store, int64_t id, peer_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_peer_read, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(id));
    uint64_t count = 0;
    err = visit_all(store, stmt, visit, context, &count);
    return err == ERR_OK && count == 0 ? ERR_NO_SUCH_PEER : err;
}

enum err peer_list(struct store *store, const char *after_folded, int64_t online_since_ms,
                   uint32_t limit, peer_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum statement id = online_since_ms ? STATEMENT_peer_list_online : STATEMENT_peer_list;
    enum err err = statement_open(store, id, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, after_folded);
    (void)sqlite3_bind_int64(stmt, 2, limit);
    if (online_since_ms)
        (void)sqlite3_bind_int64(stmt, 3, online_since_ms);
    uint64_t count = 0;
    return visit_all(store, stmt, visit, context, &count);
}

enum err peer_addresses(struct store *store, int64_t id, peer_address_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_peer_addresses, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(id));
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        err = visit(context, statement_column_text(stmt, 1), statement_column_text(stmt, 2),
                    sqlite3_column_int64(stmt, 0));
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}
