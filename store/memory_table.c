/* SPDX-License-Identifier: MPL-2.0
 *
 * See memory_table.h.
 */
#include "store/memory_table.h"

#define ROWS_AHEAD    8     /* rows lie anywhere in memory: fetched before they are asked for */
#define ROWS_ESTIMATE 32768 /* there is no choice of plans */

struct source {
    const struct memory_table *table;
    const void *rows;
};

struct table {
    sqlite3_vtab base; /* first: SQLite knows nothing else */
    struct source source;
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct source source;
    size_t at, count;
};

static int table_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **ret_table, char **ret_error)
{
    const struct source *source = aux;
    (void)argc;
    (void)argv;
    (void)ret_error; /* SQLite has its own text for each code */
    int rc = sqlite3_declare_vtab(db, source->table->schema);
    struct table *table = rc == SQLITE_OK ? sqlite3_malloc(sizeof *table) : NULL;
    if (!table)
        return rc == SQLITE_OK ? SQLITE_NOMEM : rc;
    *table = (struct table){.source = *source};
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
    info->estimatedCost = ROWS_ESTIMATE;
    info->estimatedRows = ROWS_ESTIMATE;
    return SQLITE_OK;
}

static int cursor_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
    struct cursor *cursor = sqlite3_malloc(sizeof *cursor);
    if (!cursor)
        return SQLITE_NOMEM;
    *cursor = (struct cursor){.source = ((struct table *)table)->source};
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
    struct cursor *cursor = (struct cursor *)base;
    (void)plan;
    (void)plan_text;
    (void)argc;
    (void)argv;
    cursor->at = 0;
    cursor->count = cursor->source.table->count(cursor->source.rows);
    return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    const struct source *source = &cursor->source;
    cursor->at++;
    if (source->table->ahead && cursor->at + ROWS_AHEAD < cursor->count)
        source->table->ahead(source->rows, cursor->at + ROWS_AHEAD);
    return SQLITE_OK;
}

static int cursor_is_at_end(sqlite3_vtab_cursor *base)
{
    const struct cursor *cursor = (struct cursor *)base;
    return cursor->at >= cursor->count;
}

static int cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *result, int column)
{
    const struct cursor *cursor = (struct cursor *)base;
    cursor->source.table->column(cursor->source.rows, cursor->at, column, result);
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

int memory_table_register(sqlite3 *db, const struct memory_table *table, const void *rows)
{
    struct source *source = sqlite3_malloc(sizeof *source);
    if (!source)
        return SQLITE_NOMEM;
    *source = (struct source){table, rows};
    return sqlite3_create_module_v2(db, table->name, &module, source, sqlite3_free);
}
