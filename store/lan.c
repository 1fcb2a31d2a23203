/* SPDX-License-Identifier: MPL-2.0
 *
 * See lan.h.
 */
#include "store/lan.h"

#include "rt/check.h"
#include "store/store_internal.h"

enum err lan_put(struct store *store, const struct lan_row *row)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_lan_put, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(row->peer_id, row->heard_ms, row->began_ms, row->sending_seq,
                                   row->sending_no, row->sending_count, row->is_explained));
    statement_bind_text(stmt, 8, row->address);
    statement_bind_text(stmt, 9, row->local);
    err = statement_run(store, stmt);
    if (err == ERR_OK && sqlite3_changes64(store->db) == 0)
        return ERR_NO_SUCH_PEER;
    return err;
}

static const char *text_of(sqlite3_stmt *stmt, int column)
{
    return (const char *)sqlite3_column_text(stmt, column);
}

static enum err show(sqlite3_stmt *stmt, lan_visitor *visit, void *context)
{
    const struct lan_row row = {
        .peer_id = sqlite3_column_int64(stmt, 0),
        .heard_ms = sqlite3_column_int64(stmt, 1),
        .began_ms = sqlite3_column_int64(stmt, 2),
        .sending_seq = sqlite3_column_int64(stmt, 3),
        .sending_no = (uint32_t)sqlite3_column_int64(stmt, 4),
        .sending_count = (uint32_t)sqlite3_column_int64(stmt, 5),
        .is_explained = sqlite3_column_int(stmt, 6) != 0,
        .address = text_of(stmt, 7),
        .local = text_of(stmt, 8),
        .name = text_of(stmt, 9),
        .version_token = text_of(stmt, 10),
        .charset = text_of(stmt, 11),
        .port = (uint32_t)sqlite3_column_int64(stmt, 12),
        .capabilities = (uint64_t)sqlite3_column_int64(stmt, 13),
    };
    bool is_whole = row.address && row.local && row.name && row.version_token && row.charset;
    return is_whole ? visit(context, &row) : ERR_BUSY; /* no memory for a text */
}

static enum err walk(struct store *store, sqlite3_stmt *stmt, lan_visitor *visit, void *context,
                     bool *ret_has_any)
{
    bool has_row = false;
    enum err err = statement_step(store, stmt, &has_row);
    *ret_has_any = err == ERR_OK && has_row;
    while (err == ERR_OK && has_row) {
        err = show(stmt, visit, context);
        if (err == ERR_OK)
            err = statement_step(store, stmt, &has_row);
    }
    return statement_close(stmt, err);
}

enum err lan_read(struct store *store, int64_t peer_id, lan_visitor *visit, void *context)
{
    sqlite3_stmt *stmt;
    bool has_any = false;
    enum err err = statement_open(store, STATEMENT_lan_read, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(peer_id));
    err = walk(store, stmt, visit, context, &has_any);
    return err == ERR_OK && !has_any ? ERR_NO_SUCH_PEER : err;
}

enum err lan_list(struct store *store, int64_t after_id, uint32_t limit, lan_visitor *visit,
                  void *context)
{
    sqlite3_stmt *stmt;
    bool has_any = false;
    enum err err = statement_open(store, STATEMENT_lan_list, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(after_id, limit));
    return walk(store, stmt, visit, context, &has_any);
}

enum err lan_find_nick(struct store *store, const char *nick, int64_t *ret_id)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_lan_find_nick, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, nick);
    int64_t id = 0;
    unsigned count = 0;
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    while (err == ERR_OK && has_row) {
        id = sqlite3_column_int64(stmt, 0);
        count++;
        err = statement_step(store, stmt, &has_row);
    }
    if (err == ERR_OK && count != 1)
        err = ERR_NO_SUCH_PEER;
    if (err == ERR_OK)
        *ret_id = id;
    return statement_close(stmt, err);
}

enum err lan_sealed_put(struct store *store, const struct lan_sealed *sealed)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_lan_sealed_put, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(
        stmt, INTS(sealed->peer_id, sealed->first_no, sealed->count, (int64_t)sealed->seq));
    err = statement_run(store, stmt);
    if (err == ERR_OK)
        err = statement_open(store, STATEMENT_lan_sealed_trim, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(sealed->peer_id, LAN_SEALED_MAX - 1));
    return statement_run(store, stmt);
}

enum err lan_sealed_find(struct store *store, int64_t peer_id, uint32_t packet_no,
                         uint64_t *ret_seq, int64_t *ret_sender_id)
{
    sqlite3_stmt *stmt;
    bool has_row = false;
    enum err err = statement_open(store, STATEMENT_lan_sealed_find, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(peer_id, packet_no));
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK) {
        int64_t end_no =
            has_row ? sqlite3_column_int64(stmt, 0) + sqlite3_column_int64(stmt, 1) : 0;
        bool is_here = has_row && sqlite3_column_type(stmt, 3) == SQLITE_INTEGER;
        if (!is_here || packet_no >= end_no) {
            err = ERR_NO_SUCH_MESSAGE;
        } else {
            *ret_seq = (uint64_t)sqlite3_column_int64(stmt, 2);
            *ret_sender_id = sqlite3_column_int64(stmt, 3);
        }
    }
    return statement_close(stmt, err);
}
