/* SPDX-License-Identifier: MPL-2.0
 *
 * Peers and their addresses. See peers.h; presence events and markers are in presence.c.
 */
#include "store/peers.h"

#include <string.h>

#include "rt/check.h"
#include "store/address.h"
#include "store/conversation.h"
#include "store/store_internal.h"

#define LAN_PREFIX "lan:" /* proto/name.h: name_is_reserved */

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
    statement_bind_ints(stmt, INTS(now_ms, strncmp(folded, LAN_PREFIX, strlen(LAN_PREFIX)) == 0));
    statement_bind_text(stmt, 3, name);
    statement_bind_text(stmt, 4, folded);
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
    char ip[ADDRESS_IP_BYTES];
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_peer_address_put, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(seen->id, seen->seen_ms));
    statement_bind_text(stmt, 3, seen->address);
    statement_bind_text(stmt, 4, seen->source);
    (void)address_ip(seen->address, ip); /* "" when it has none */
    statement_bind_text(stmt, 5, ip);
    err = statement_run(store, stmt);
    if (err != ERR_OK)
        return err;
    return statement_run_ints(store, STATEMENT_peer_address_trim,
                              INTS(seen->id, PEER_ADDRESSES_MAX));
}

enum err peer_update_seen(struct store *store, const struct peer_seen *seen)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_peer_update_seen, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(seen->id, seen->seen_ms, seen->left_ms, seen->is_new_connection,
                                   seen->port, (int64_t)seen->capabilities));
    statement_bind_text(stmt, 7, seen->display_name);
    statement_bind_text(stmt, 8, seen->kind);
    statement_bind_text(stmt, 9, seen->host_name);
    statement_bind_text(stmt, 10, seen->group_name);
    statement_bind_text(stmt, 11, seen->version_token);
    statement_bind_text(stmt, 12, seen->charset);
    statement_bind_text(stmt, 13, seen->fingerprint);
    err = found(store, statement_run(store, stmt));
    if (err == ERR_OK && seen->address && *seen->address)
        err = put_address(store, seen);
    return err;
}

enum err peer_add_measured(struct store *store, int64_t id, const struct peer_measured *measured)
{
    CHECK(store->is_in_transaction);
    return found(store, statement_run_ints(store, STATEMENT_peer_add_measured,
                                           INTS(id, (int64_t)measured->ok,
                                                (int64_t)measured->failed, (int64_t)measured->bytes,
                                                (int64_t)measured->latency_total_ms,
                                                (int64_t)measured->latency_count)));
}

enum err peer_import(struct store *store, const struct peer_imported *imported)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    const struct peer_measured *measured = &imported->measured;
    enum err err = statement_open(store, STATEMENT_peer_import, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt,
                        INTS(imported->id, (int64_t)imported->connections, (int64_t)measured->ok,
                             (int64_t)measured->failed, (int64_t)measured->bytes,
                             (int64_t)measured->latency_total_ms, (int64_t)measured->latency_count,
                             imported->is_relay, imported->is_bootstrap));
    statement_bind_text(stmt, 10, imported->avatar);
    statement_bind_text(stmt, 11, imported->group_list);
    statement_bind_text(stmt, 12, imported->source);
    (void)sqlite3_bind_double(stmt, 13, imported->reliability);
    return found(store, statement_run(store, stmt));
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

static uint64_t column_u64(sqlite3_stmt *stmt, int column)
{
    return (uint64_t)sqlite3_column_int64(stmt, column);
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
        .connections = column_u64(stmt, 6),
        .port = (uint32_t)sqlite3_column_int64(stmt, 7),
        .capabilities = column_u64(stmt, 8),
        .transfers_ok = column_u64(stmt, 9),
        .transfers_failed = column_u64(stmt, 10),
        .transfer_bytes = column_u64(stmt, 11),
        .latency_total_ms = column_u64(stmt, 12),
        .latency_count = column_u64(stmt, 13),
        .observed_ms = sqlite3_column_int64(stmt, 14),
        .online_since_ms = sqlite3_column_int64(stmt, 15),
        .online_ms = sqlite3_column_int64(stmt, 16),
        .is_relay = sqlite3_column_int(stmt, 17) != 0,
        .is_bootstrap = sqlite3_column_int(stmt, 18) != 0,
        .is_lan = sqlite3_column_int(stmt, 19) != 0,
        .reliability = sqlite3_column_double(stmt, 20),
        .name = statement_column_text(stmt, 21),
        .folded = statement_column_text(stmt, 22),
        .display_name = statement_column_text(stmt, 23),
        .nickname = statement_column_text(stmt, 24),
        .host_name = statement_column_text(stmt, 25),
        .kind = statement_column_text(stmt, 26),
        .group_name = statement_column_text(stmt, 27),
        .version_token = statement_column_text(stmt, 28),
        .charset = statement_column_text(stmt, 29),
        .fingerprint = statement_column_text(stmt, 30),
        .avatar = statement_column_text(stmt, 31),
        .group_list = statement_column_text(stmt, 32),
        .source = statement_column_text(stmt, 33),
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

/* Up to this many, all who are online are read and sorted; when there are more, a page of them is
 * found in the order of names without looking at many others. */
#define ONLINE_FEW 1000

static enum err choose_list(struct store *store, int64_t online_since_ms, enum statement *ret)
{
    int64_t count = 0;
    *ret = STATEMENT_peer_list;
    if (!online_since_ms)
        return ERR_OK;
    enum err err = statement_query_ints(store, STATEMENT_peer_count_online,
                                        INTS(online_since_ms, ONLINE_FEW + 1), &count, NULL);
    *ret = count > ONLINE_FEW ? STATEMENT_peer_list_online_many : STATEMENT_peer_list_online_few;
    return err;
}

enum err peer_list(struct store *store, const char *after_folded, int64_t online_since_ms,
                   uint32_t limit, peer_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum statement id;
    enum err err = choose_list(store, online_since_ms, &id);
    if (err == ERR_OK)
        err = statement_open(store, id, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, after_folded);
    (void)sqlite3_bind_int64(stmt, 2, limit);
    if (online_since_ms)
        (void)sqlite3_bind_int64(stmt, 3, online_since_ms);
    uint64_t count = 0;
    return visit_all(store, stmt, visit, context, &count);
}

enum err peer_list_by_ip(struct store *store, const char *ip, int64_t online_since_ms,
                         struct peer_window window, peer_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_peer_list_by_ip, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, ip);
    (void)sqlite3_bind_int64(stmt, 2, window.limit);
    (void)sqlite3_bind_int64(stmt, 3, window.offset);
    (void)sqlite3_bind_int64(stmt, 4, online_since_ms);
    uint64_t count = 0;
    return visit_all(store, stmt, visit, context, &count);
}

enum err peer_list_stale(struct store *store, uint32_t limit, peer_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_peer_list_stale, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(limit));
    uint64_t count = 0;
    return visit_all(store, stmt, visit, context, &count);
}

enum err peer_is_kept(struct store *store, int64_t id, bool *ret)
{
    int64_t is_kept = 0;
    enum err err = statement_query_ints(store, STATEMENT_peer_is_kept, INTS(id), &is_kept, NULL);
    if (err == ERR_OK)
        *ret = is_kept != 0;
    return err;
}

enum err peer_count_lan(struct store *store, uint64_t *ret)
{
    int64_t count = 0;
    enum err err = statement_query_ints(store, STATEMENT_peer_count_lan, 0, NULL, &count, NULL);
    if (err == ERR_OK)
        *ret = (uint64_t)count;
    return err;
}

enum err peer_count(struct store *store, int64_t online_since_ms, struct peer_counts *ret)
{
    int64_t total = 0, online = 0, verified = 0, lan = 0;
    enum err err = statement_query_ints(store, STATEMENT_peer_count, 0, NULL, &total, NULL);
    if (err == ERR_OK)
        err = statement_query_ints(store, STATEMENT_peer_count_online,
                                   INTS(online_since_ms, INT64_MAX), &online, NULL);
    if (err == ERR_OK)
        err = statement_query_ints(store, STATEMENT_peer_count_verified, 0, NULL, &verified, NULL);
    if (err == ERR_OK)
        err = statement_query_ints(store, STATEMENT_peer_count_lan, 0, NULL, &lan, NULL);
    if (err == ERR_OK)
        *ret = (struct peer_counts){(uint64_t)total, (uint64_t)online, (uint64_t)verified,
                                    (uint64_t)lan};
    return err;
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
