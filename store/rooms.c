/* SPDX-License-Identifier: MPL-2.0
 *
 * See rooms.h.
 */
#include "store/rooms.h"

#include "rt/check.h"
#include "store/store_internal.h"

static void bind_texts(sqlite3_stmt *stmt, int first, const struct room_row *row)
{
    statement_bind_text(stmt, first, row->display_name);
    statement_bind_text(stmt, first + 1, row->topic);
    statement_bind_text(stmt, first + 2, row->description);
    statement_bind_text(stmt, first + 3, row->password_hash);
}

static enum err found(struct store *store, enum err err)
{
    return err == ERR_OK && sqlite3_changes(store->db) == 0 ? ERR_NO_SUCH_SCOPE : err;
}

enum err room_create(struct store *store, const struct room_row *row)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_room_create, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(row->scope_id, row->privacy, row->creator_id, row->created_ms,
                                   row->retention_ms));
    bind_texts(stmt, 6, row);
    return statement_run(store, stmt);
}

enum err room_update(struct store *store, const struct room_row *row)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_room_update, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(row->scope_id, row->privacy, row->retention_ms));
    bind_texts(stmt, 4, row);
    return found(store, statement_run(store, stmt));
}

enum err room_set_archived(struct store *store, int64_t scope_id, bool is_archived)
{
    CHECK(store->is_in_transaction);
    return found(
        store, statement_run_ints(store, STATEMENT_room_set_archived, INTS(scope_id, is_archived)));
}

enum err room_add_members(struct store *store, int64_t scope_id, int64_t count)
{
    CHECK(store->is_in_transaction);
    return found(store,
                 statement_run_ints(store, STATEMENT_room_add_members, INTS(scope_id, count)));
}

static void read_room(sqlite3_stmt *stmt, struct room_row *ret_row)
{
    *ret_row = (struct room_row){
        .scope_id = sqlite3_column_int64(stmt, 0),
        .privacy = (enum room_privacy)sqlite3_column_int(stmt, 1),
        .creator_id = sqlite3_column_int64(stmt, 2),
        .created_ms = sqlite3_column_int64(stmt, 3),
        .retention_ms = sqlite3_column_int64(stmt, 4),
        .is_archived = sqlite3_column_int(stmt, 5) != 0,
        .member_count = (uint32_t)sqlite3_column_int(stmt, 6),
        .last_seq = (uint64_t)sqlite3_column_int64(stmt, 7),
        .role = (uint32_t)sqlite3_column_int(stmt, 8),
        .name = statement_column_text(stmt, 9),
        .folded = statement_column_text(stmt, 10),
        .display_name = statement_column_text(stmt, 11),
        .topic = statement_column_text(stmt, 12),
        .description = statement_column_text(stmt, 13),
        .password_hash = statement_column_text(stmt, 14),
    };
}

static enum err visit_all(struct store *store, sqlite3_stmt *stmt, room_visit *visit, void *context,
                          uint64_t *ret_count)
{
    enum err err;
    bool has_row = false;
    uint64_t count = 0;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct room_row row;
        read_room(stmt, &row);
        count++;
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    *ret_count = count;
    return statement_close(stmt, err);
}

enum err room_read(struct store *store, int64_t scope_id, int64_t peer_id, room_visit *visit,
                   void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_room_read, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(scope_id, peer_id));
    uint64_t count = 0;
    err = visit_all(store, stmt, visit, context, &count);
    return err == ERR_OK && count == 0 ? ERR_NO_SUCH_SCOPE : err;
}

enum err room_list(struct store *store, const struct room_page *page, room_visit *visit,
                   void *context)
{
    sqlite3_stmt *stmt;
    enum statement id = page->is_mine ? STATEMENT_room_list_mine : STATEMENT_room_list;
    enum err err = statement_open(store, id, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, page->after_folded);
    (void)sqlite3_bind_int64(stmt, 2, page->peer_id);
    (void)sqlite3_bind_int64(stmt, 3, page->limit);
    if (!page->is_mine)
        (void)sqlite3_bind_int64(stmt, 4, page->is_all);
    uint64_t count = 0;
    return visit_all(store, stmt, visit, context, &count);
}

enum err room_last_seq(struct store *store, int64_t scope_id, uint64_t *ret_seq)
{
    int64_t indexed = 0, tail = 0;
    uint64_t indexed_seq = 0;
    enum err err = store_indexed_seq(store, &indexed_seq);
    if (err == ERR_OK)
        err = statement_query_ints(store, STATEMENT_scope_last_seq, INTS(scope_id), &indexed, NULL);
    if (err == ERR_OK)
        err = statement_query_ints(store, STATEMENT_scope_last_seq_tail,
                                   INTS(scope_id, (int64_t)indexed_seq), &tail, NULL);
    if (err == ERR_OK)
        *ret_seq = (uint64_t)(tail > indexed ? tail : indexed);
    return err;
}

enum err room_next_retention(struct store *store, int64_t after_id, int64_t below_ms,
                             int64_t *ret_id, int64_t *ret_retention_ms)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_room_next_retention, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(after_id, below_ms));
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK) {
        *ret_id = has_row ? sqlite3_column_int64(stmt, 0) : 0;
        *ret_retention_ms = has_row ? sqlite3_column_int64(stmt, 1) : 0;
    }
    return statement_close(stmt, err);
}
