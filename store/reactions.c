/* SPDX-License-Identifier: MPL-2.0
 *
 * See reactions.h.
 */
#include "store/reactions.h"

#include "rt/check.h"
#include "store/store_internal.h"

static void bind_emoji(sqlite3_stmt *stmt, int index, const struct bytes_view *emoji)
{
    (void)sqlite3_bind_text(stmt, index, (const char *)emoji->data, (int)emoji->size,
                            SQLITE_STATIC);
}

static enum err is_known(struct store *store, const struct reaction *reaction, bool *ret)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_reaction_is_known, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)reaction->seq));
    bind_emoji(stmt, 2, &reaction->emoji);
    return statement_close(stmt, statement_step(store, stmt, ret));
}

static enum err check_room(struct store *store, const struct reaction *reaction)
{
    bool is_there = false;
    int64_t kinds = 0;
    enum err err = is_known(store, reaction, &is_there);
    if (err == ERR_OK && !is_there)
        err = statement_query_ints(store, STATEMENT_reaction_kinds, INTS((int64_t)reaction->seq),
                                   &kinds, NULL);
    return err == ERR_OK && kinds >= REACTION_KINDS_MAX ? ERR_TOO_MANY : err;
}

enum err reaction_add(struct store *store, const struct reaction *reaction, bool *ret_is_new)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = check_room(store, reaction);
    if (err == ERR_OK)
        err = statement_open(store, STATEMENT_reaction_add, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)reaction->seq, reaction->peer_id, reaction->at_ms));
    bind_emoji(stmt, 4, &reaction->emoji);
    err = statement_run(store, stmt);
    if (err == ERR_OK)
        *ret_is_new = sqlite3_changes(store->db) > 0;
    return err;
}

enum err reaction_remove(struct store *store, const struct reaction *reaction, bool *ret_was_there)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_reaction_remove, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)reaction->seq, reaction->peer_id));
    bind_emoji(stmt, 3, &reaction->emoji);
    err = statement_run(store, stmt);
    if (err == ERR_OK)
        *ret_was_there = sqlite3_changes(store->db) > 0;
    return err;
}

enum err reaction_list(struct store *store, uint64_t seq, int64_t peer_id, reaction_visit *visit,
                       void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_reaction_list, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)seq, peer_id, REACTION_KINDS_MAX));
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct reaction_row row = {
            .count = (uint64_t)sqlite3_column_int64(stmt, 0),
            .is_mine = sqlite3_column_int64(stmt, 1) != 0,
            .emoji.data = sqlite3_column_text(stmt, 2),
            .emoji.size = (size_t)sqlite3_column_bytes(stmt, 2),
        };
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}
