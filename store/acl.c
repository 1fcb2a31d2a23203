/* SPDX-License-Identifier: MPL-2.0
 *
 * See acl.h.
 */
#include "store/acl.h"

#include "rt/check.h"
#include "store/store_internal.h"

/* --- Writing. */

static enum err raise_version(struct store *store)
{
    return statement_run_ints(store, STATEMENT_acl_raise_version, 0, NULL);
}

static void bind_rule(sqlite3_stmt *stmt, const struct acl_row *row)
{
    statement_bind_text(stmt, 1, row->subject);
    statement_bind_text(stmt, 2, row->scope);
    (void)sqlite3_bind_int64(stmt, 3, row->actions);
    (void)sqlite3_bind_int64(stmt, 4, row->is_allow);
}

static enum err find_same(struct store *store, const struct acl_row *row, int64_t *ret_id)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_acl_find, &stmt);
    if (err != ERR_OK)
        return err;
    bind_rule(stmt, row);
    bool has_row = false;
    err = statement_step(store, stmt, &has_row);
    *ret_id = err == ERR_OK && has_row ? sqlite3_column_int64(stmt, 0) : 0;
    return statement_close(stmt, err);
}

static enum err insert(struct store *store, const struct acl_row *row, int64_t *ret_id)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_acl_append, &stmt);
    if (err != ERR_OK)
        return err;
    bind_rule(stmt, row);
    (void)sqlite3_bind_int64(stmt, 5, row->created_ms);
    statement_bind_text(stmt, 6, row->creator);
    err = statement_run(store, stmt);
    if (err == ERR_OK)
        *ret_id = sqlite3_last_insert_rowid(store->db);
    return err;
}

enum err acl_append(struct store *store, const struct acl_row *row, int64_t *ret_id,
                    bool *ret_is_new)
{
    CHECK(store->is_in_transaction);
    enum err err = find_same(store, row, ret_id);
    *ret_is_new = err == ERR_OK && *ret_id == 0;
    if (*ret_is_new)
        err = insert(store, row, ret_id);
    return err == ERR_OK && *ret_is_new ? raise_version(store) : err;
}

enum err acl_remove(struct store *store, int64_t id, bool *ret_is_found)
{
    CHECK(store->is_in_transaction);
    enum err err = statement_run_ints(store, STATEMENT_acl_remove, INTS(id));
    *ret_is_found = err == ERR_OK && sqlite3_changes64(store->db) > 0;
    return *ret_is_found ? raise_version(store) : err;
}

/* --- Reading. */

static enum err visit_rows(struct store *store, sqlite3_stmt *stmt, acl_visit *visit, void *context)
{
    bool has_row = false;
    enum err err;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct acl_row row = {
            .id = sqlite3_column_int64(stmt, 0),
            .subject = statement_column_text(stmt, 1),
            .scope = statement_column_text(stmt, 2),
            .actions = (uint32_t)sqlite3_column_int64(stmt, 3),
            .is_allow = sqlite3_column_int64(stmt, 4) != 0,
            .created_ms = sqlite3_column_int64(stmt, 5),
            .creator = statement_column_text(stmt, 6),
        };
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}

enum err acl_list(struct store *store, int64_t after_id, uint32_t limit, acl_visit *visit,
                  void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_acl_list, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(after_id, limit));
    return visit_rows(store, stmt, visit, context);
}

enum err acl_read(struct store *store, int64_t id, acl_visit *visit, void *context)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_acl_read, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(id));
    return visit_rows(store, stmt, visit, context);
}

enum err acl_count(struct store *store, uint64_t *ret_count)
{
    int64_t count = 0;
    bool has_row = false;
    enum err err = statement_query_ints(store, STATEMENT_acl_count, 0, NULL, &count, &has_row);
    if (err == ERR_OK)
        *ret_count = (uint64_t)count;
    return err;
}

enum err acl_version(struct store *store, int64_t *ret_version)
{
    bool has_row = false;
    *ret_version = 0;
    return statement_query_ints(store, STATEMENT_acl_version, 0, NULL, ret_version, &has_row);
}
