/* SPDX-License-Identifier: MPL-2.0
 *
 * See invitations.h.
 */
#include "store/invitations.h"

#include <string.h>

#include "rt/check.h"
#include "store/store_internal.h"

enum err invitation_create(struct store *store, const struct invitation_row *row, int64_t *ret_id)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_invitation_create, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(row->scope_id, row->inviter_id, row->invitee_id, row->created_ms,
                                   row->expires_ms));
    (void)sqlite3_bind_blob(stmt, 6, row->uuid, sizeof row->uuid, SQLITE_STATIC);
    statement_bind_text(stmt, 7, row->text);
    err = statement_run(store, stmt);
    if (err == ERR_OK)
        *ret_id = sqlite3_last_insert_rowid(store->db);
    return err;
}

enum err invitation_import(struct store *store, const struct invitation_row *row)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_invitation_import, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(row->scope_id, row->inviter_id, row->invitee_id, row->status,
                                   row->created_ms, row->expires_ms, row->responded_ms));
    (void)sqlite3_bind_blob(stmt, 8, row->uuid, sizeof row->uuid, SQLITE_STATIC);
    statement_bind_text(stmt, 9, row->text);
    return statement_run(store, stmt);
}

enum err invitation_set_status(struct store *store, int64_t id, enum invitation_status status,
                               int64_t now_ms)
{
    CHECK(store->is_in_transaction);
    enum err err =
        statement_run_ints(store, STATEMENT_invitation_set_status, INTS(id, status, now_ms));
    return err == ERR_OK && sqlite3_changes(store->db) == 0 ? ERR_NO_SUCH_INVITATION : err;
}

enum err invitation_close(struct store *store, int64_t scope_id, int64_t invitee_id,
                          enum invitation_status status, int64_t now_ms, uint64_t *ret_count)
{
    CHECK(store->is_in_transaction);
    enum err err = statement_run_ints(store, STATEMENT_invitation_close,
                                      INTS(scope_id, invitee_id, status, now_ms));
    if (err == ERR_OK)
        *ret_count = (uint64_t)sqlite3_changes(store->db);
    return err;
}

enum err invitation_expire(struct store *store, int64_t now_ms, uint32_t rows_max,
                           uint64_t *ret_count)
{
    CHECK(store->is_in_transaction);
    enum err err =
        statement_run_ints(store, STATEMENT_invitation_expire, INTS(now_ms, (int64_t)rows_max));
    if (err == ERR_OK)
        *ret_count = (uint64_t)sqlite3_changes(store->db);
    return err;
}

static void read_invitation(sqlite3_stmt *stmt, struct invitation_row *ret)
{
    *ret = (struct invitation_row){
        .id = sqlite3_column_int64(stmt, 0),
        .scope_id = sqlite3_column_int64(stmt, 1),
        .inviter_id = sqlite3_column_int64(stmt, 2),
        .invitee_id = sqlite3_column_int64(stmt, 3),
        .status = (enum invitation_status)sqlite3_column_int(stmt, 4),
        .created_ms = sqlite3_column_int64(stmt, 5),
        .expires_ms = sqlite3_column_int64(stmt, 6),
        .responded_ms = sqlite3_column_int64(stmt, 7),
        .text = statement_column_text(stmt, 9),
    };
    const void *uuid = sqlite3_column_blob(stmt, 8);
    if (uuid && sqlite3_column_bytes(stmt, 8) == (int)sizeof ret->uuid)
        memcpy(ret->uuid, uuid, sizeof ret->uuid);
}

/* The one row of a statement that is bound; closes it. */
static enum err find_one(struct store *store, sqlite3_stmt *stmt, struct invitation_row *ret)
{
    bool has_row = false;
    enum err err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK && !has_row)
        err = ERR_NO_SUCH_INVITATION;
    if (err == ERR_OK) {
        read_invitation(stmt, ret);
        ret->text = NULL; /* dies with the statement */
    }
    return statement_close(stmt, err);
}

enum err invitation_find(struct store *store, const uint8_t uuid[INVITATION_UUID_BYTES],
                         struct invitation_row *ret)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_invitation_find, &stmt);
    if (err != ERR_OK)
        return err;
    (void)sqlite3_bind_blob(stmt, 1, uuid, INVITATION_UUID_BYTES, SQLITE_STATIC);
    return find_one(store, stmt, ret);
}

enum err invitation_find_pending(struct store *store, int64_t scope_id, int64_t invitee_id,
                                 int64_t now_ms, struct invitation_row *ret)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_invitation_find_pending, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(scope_id, invitee_id, now_ms));
    return find_one(store, stmt, ret);
}

enum err invitation_find_newest(struct store *store, int64_t invitee_id, int64_t now_ms,
                                struct invitation_row *ret)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_invitation_to_down, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(invitee_id, INT64_MAX, now_ms, 1));
    return find_one(store, stmt, ret);
}

enum err invitation_list(struct store *store, const struct invitation_page *page,
                         invitation_visit *visit, void *context)
{
    static const enum statement ids[2][2] = {
        {STATEMENT_invitation_to_up, STATEMENT_invitation_to_down},
        {STATEMENT_invitation_from_up, STATEMENT_invitation_from_down},
    };
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, ids[page->is_sent][page->newest_first], &stmt);
    if (err != ERR_OK)
        return err;
    int64_t before_id = page->before_id ? page->before_id : INT64_MAX;
    statement_bind_ints(stmt, INTS(page->peer_id, page->newest_first ? before_id : page->after_id,
                                   page->now_ms, page->limit));
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct invitation_row row;
        read_invitation(stmt, &row);
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}
