/* SPDX-License-Identifier: MPL-2.0
 *
 * See figures.h.
 */
#include "store/figures.h"

#include "store/store_internal.h"

static enum err count(struct store *store, enum statement id, int parameters, const int64_t *values,
                      uint64_t *ret_count)
{
    int64_t value = 0;
    enum err err = statement_query_ints(store, id, parameters, values, &value, NULL);
    if (!err)
        *ret_count = (uint64_t)value;
    return err;
}

enum err figures_people(struct store *store, int64_t now_ms, struct figures_people *ret)
{
    struct figures_people people = {0};
    enum err err = count(store, STATEMENT_figures_rooms, 0, NULL, &people.rooms);
    if (!err)
        err = count(store, STATEMENT_figures_users, 0, NULL, &people.users);
    if (!err)
        err = count(store, STATEMENT_figures_invitations, INTS(now_ms), &people.invitations);
    if (!err)
        *ret = people;
    return err;
}

enum err figures_peers(struct store *store, uint64_t *ret_count)
{
    return count(store, STATEMENT_peer_count, 0, NULL, ret_count);
}

enum err figures_dead(struct store *store, uint64_t *ret_count)
{
    return count(store, STATEMENT_figures_dead, 0, NULL, ret_count);
}

enum err figures_pages(struct store *store, struct figures_pages *ret)
{
    struct figures_pages pages = {0};
    enum err err = count(store, STATEMENT_store_page_count, 0, NULL, &pages.pages);
    if (!err)
        err = count(store, STATEMENT_store_free_pages, 0, NULL, &pages.free_pages);
    pages.bytes = pages.pages * STORE_PAGE_BYTES;
    if (!err)
        *ret = pages;
    return err;
}

/* *inout_pages: how many may still be looked at; 0 at the end: not all of it was. */
static enum err count_pages(struct store *store, const char *name, uint64_t *inout_pages,
                            uint64_t *ret_bytes)
{
    sqlite3_stmt *stmt;
    bool has_row = false;
    enum err err = statement_open(store, STATEMENT_figures_table_pages, &stmt);
    if (err)
        return err;
    statement_bind_text(stmt, 1, name);
    *ret_bytes = 0;
    while (*inout_pages > 0 && (err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        *ret_bytes += (uint64_t)sqlite3_column_int64(stmt, 0);
        --*inout_pages;
    }
    return statement_close(stmt, err);
}

enum err figures_tables(struct store *store, uint64_t pages_max, figures_table_visit *visit,
                        void *context)
{
    sqlite3_stmt *stmt;
    bool has_row = false;
    uint64_t bytes = 0;
    enum err err = statement_open(store, STATEMENT_figures_table_names, &stmt);
    if (err)
        return err;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        err = name ? count_pages(store, name, &pages_max, &bytes) : ERR_BUSY;
        if (err || pages_max == 0)
            break;
        err = visit(context, name, bytes);
        if (err)
            break;
    }
    return statement_close(stmt, err);
}
