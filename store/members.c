/* SPDX-License-Identifier: MPL-2.0
 *
 * See members.h.
 */
#include "store/members.h"

#include <stdio.h>
#include <string.h>

#include "rt/check.h"
#include "store/store_internal.h"

#define OWNER_PREFIX_MAX 258 /* a name, its slash or what follows the slash, NUL */

static enum err found(struct store *store, enum err err)
{
    return err == ERR_OK && sqlite3_changes(store->db) == 0 ? ERR_NOT_MEMBER : err;
}

enum err member_put(struct store *store, const struct member_row *row)
{
    CHECK(store->is_in_transaction);
    return statement_run_ints(
        store, STATEMENT_member_put,
        INTS(row->scope_id, row->peer_id, row->role, row->joined_ms, (int64_t)row->joined_seq));
}

enum err member_set_role(struct store *store, int64_t scope_id, int64_t peer_id,
                         enum member_role role)
{
    CHECK(store->is_in_transaction);
    return found(
        store, statement_run_ints(store, STATEMENT_member_set_role, INTS(scope_id, peer_id, role)));
}

enum err member_remove(struct store *store, int64_t scope_id, int64_t peer_id)
{
    CHECK(store->is_in_transaction);
    return found(store,
                 statement_run_ints(store, STATEMENT_member_remove, INTS(scope_id, peer_id)));
}

enum err member_standing(struct store *store, int64_t scope_id, int64_t peer_id,
                         struct member_standing *ret)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_member_standing, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(scope_id, peer_id));
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK && !has_row)
        err = ERR_NO_SUCH_SCOPE;
    if (err == ERR_OK)
        *ret = (struct member_standing){
            .privacy = (uint32_t)sqlite3_column_int(stmt, 0),
            .is_archived = sqlite3_column_int(stmt, 1) != 0,
            .retention_ms = sqlite3_column_int64(stmt, 2),
            .role = (enum member_role)sqlite3_column_int(stmt, 3),
            .joined_seq = (uint64_t)sqlite3_column_int64(stmt, 4),
            .has_account = sqlite3_column_type(stmt, 5) != SQLITE_NULL,
            .account_role = (uint32_t)sqlite3_column_int(stmt, 5),
        };
    return statement_close(stmt, err);
}

enum err member_count_owners(struct store *store, int64_t scope_id, uint32_t *ret_count)
{
    int64_t count = 0;
    enum err err = statement_query_ints(store, STATEMENT_member_count_role,
                                        INTS(scope_id, MEMBER_OWNER), &count, NULL);
    if (err == ERR_OK)
        *ret_count = (uint32_t)count;
    return err;
}

enum err member_count_owned(struct store *store, int64_t peer_id, uint64_t *ret_count)
{
    int64_t count = 0;
    enum err err = statement_query_ints(store, STATEMENT_member_count_owned,
                                        INTS(peer_id, MEMBER_OWNER), &count, NULL);
    if (err == ERR_OK)
        *ret_count = (uint64_t)count;
    return err;
}

enum err member_find_heir(struct store *store, int64_t scope_id, int64_t leaving_id,
                          int64_t *ret_peer_id)
{
    static const enum member_role line[] = {MEMBER_MODERATOR, MEMBER_MEMBER, MEMBER_READER};
    int64_t peer_id = 0;
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && peer_id == 0 && i < sizeof line / sizeof *line; i++)
        err = statement_query_ints(store, STATEMENT_member_longest,
                                   INTS(scope_id, line[i], leaving_id), &peer_id, NULL);
    if (err == ERR_OK)
        *ret_peer_id = peer_id;
    return err;
}

enum err member_next_room(struct store *store, int64_t peer_id, int64_t after_id,
                          int64_t *ret_scope_id, enum member_role *ret_role)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_member_next_room, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(peer_id, after_id));
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK) {
        *ret_scope_id = has_row ? sqlite3_column_int64(stmt, 0) : 0;
        *ret_role = has_row ? (enum member_role)sqlite3_column_int(stmt, 1) : MEMBER_NONE;
    }
    return statement_close(stmt, err);
}

enum err member_list(struct store *store, const struct member_page *page, member_visit *visit,
                     void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_member_list, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(
        stmt, INTS(page->scope_id, page->limit, page->has_banned ? MEMBER_BANNED : MEMBER_READER));
    statement_bind_text(stmt, 4, page->after_folded);
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct member_view row = {
            .member =
                {
                    .scope_id = page->scope_id,
                    .peer_id = sqlite3_column_int64(stmt, 0),
                    .role = (enum member_role)sqlite3_column_int(stmt, 1),
                    .joined_ms = sqlite3_column_int64(stmt, 2),
                    .joined_seq = (uint64_t)sqlite3_column_int64(stmt, 3),
                },
            .last_seen_ms = sqlite3_column_int64(stmt, 4),
            .left_ms = sqlite3_column_int64(stmt, 5),
            .name = statement_column_text(stmt, 6),
            .folded = statement_column_text(stmt, 7),
        };
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}

/* All names between PEER/ and the character after the slash; PEER/x/CONSUMER is of peer "PEER/x".
 */
enum err member_consumers(struct store *store, int64_t scope_id, const char *peer_name,
                          member_consumer_visit *visit, void *context)
{
    char first[OWNER_PREFIX_MAX], last[OWNER_PREFIX_MAX];
    size_t size = strlen(peer_name);
    if (size + 2 > OWNER_PREFIX_MAX)
        return ERR_BAD_NAME;
    (void)snprintf(first, sizeof first, "%s/", peer_name);
    (void)snprintf(last, sizeof last, "%s%c", peer_name, '/' + 1);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_member_consumers, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(scope_id));
    statement_bind_text(stmt, 2, first);
    statement_bind_text(stmt, 3, last);
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        if (strchr(statement_column_text(stmt, 1) + size + 1, '/'))
            continue;
        err = visit(context, sqlite3_column_int64(stmt, 0));
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}
