/* SPDX-License-Identifier: MPL-2.0
 *
 * See slice_table.h. One column per member of struct slice_row; rows come in the order of the view.
 */
#include "store/slice_table.h"

#include "rt/check.h"

#define ROWS_AHEAD 8 /* rows lie anywhere in memory: fetched before they are asked for */

struct table {
    sqlite3_vtab base; /* first: SQLite knows nothing else */
    const struct slice *slice;
};

struct cursor {
    sqlite3_vtab_cursor base;
    const struct slice *slice;
    size_t at;
};

enum column {
    COLUMN_SEQ,
    COLUMN_CONVERSATION,
    COLUMN_PEER_ID,
    COLUMN_STORED_MS,
    COLUMN_KIND,
    COLUMN_MESSAGE_ID,
};

static int table_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **ret_table, char **ret_error)
{
    (void)argc;
    (void)argv;
    (void)ret_error; /* SQLite has its own text for each code */
    int rc = sqlite3_declare_vtab(
        db, "CREATE TABLE slice (seq, conversation, peer_id, stored_ms, kind, message_id)");
    struct table *table = rc == SQLITE_OK ? sqlite3_malloc(sizeof *table) : NULL;
    if (!table)
        return rc == SQLITE_OK ? SQLITE_NOMEM : rc;
    *table = (struct table){.slice = aux};
    *ret_table = &table->base;
    return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int table_plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedCost = SLICE_ROWS_MAX;
    info->estimatedRows = SLICE_ROWS_MAX;
    return SQLITE_OK;
}

static int cursor_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
    struct cursor *cursor = sqlite3_malloc(sizeof *cursor);
    if (!cursor)
        return SQLITE_NOMEM;
    *cursor = (struct cursor){.slice = ((struct table *)table)->slice};
    *ret_cursor = &cursor->base;
    return SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int cursor_begin(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int argc,
                        sqlite3_value **argv)
{
    (void)plan;
    (void)plan_text;
    (void)argc;
    (void)argv;
    ((struct cursor *)base)->at = 0;
    return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    cursor->at++;
    if (cursor->at + ROWS_AHEAD < cursor->slice->view_count)
        __builtin_prefetch(cursor->slice->view[cursor->at + ROWS_AHEAD].row);
    return SQLITE_OK;
}

static int cursor_is_at_end(sqlite3_vtab_cursor *base)
{
    const struct cursor *cursor = (struct cursor *)base;
    return cursor->at >= cursor->slice->view_count;
}

static int cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *result, int column)
{
    const struct cursor *cursor = (struct cursor *)base;
    const struct slice_row *row = cursor->slice->view[cursor->at].row;
    switch ((enum column)column) {
    case COLUMN_SEQ:
        sqlite3_result_int64(result, row->seq);
        break;
    case COLUMN_CONVERSATION:
        sqlite3_result_int64(result, row->conversation);
        break;
    case COLUMN_PEER_ID:
        sqlite3_result_int64(result, row->peer_id);
        break;
    case COLUMN_STORED_MS:
        sqlite3_result_int64(result, row->stored_ms);
        break;
    case COLUMN_KIND:
        sqlite3_result_int64(result, row->kind);
        break;
    case COLUMN_MESSAGE_ID:
        sqlite3_result_blob(result, row->message_id, sizeof row->message_id, SQLITE_STATIC);
        break;
    }
    return SQLITE_OK;
}

static int cursor_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret_rowid)
{
    *ret_rowid = (sqlite3_int64)((struct cursor *)base)->at;
    return SQLITE_OK;
}

/* Without xCreate a table is there by its name alone, without CREATE VIRTUAL TABLE. */
static const sqlite3_module module = {
    .xConnect = table_connect,
    .xDisconnect = table_disconnect,
    .xBestIndex = table_plan,
    .xOpen = cursor_open,
    .xClose = cursor_close,
    .xFilter = cursor_begin,
    .xNext = cursor_next,
    .xEof = cursor_is_at_end,
    .xColumn = cursor_column,
    .xRowid = cursor_rowid,
};

int slice_table_register(sqlite3 *db, struct slice *slice)
{
    return sqlite3_create_module(db, "slice", &module, slice);
}
