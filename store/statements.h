/* SPDX-License-Identifier: MPL-2.0
 *
 * The table of SQL (statements.def) as prepared statements, and the few steps of using one:
 *
 *     sqlite3_stmt *stmt;
 *     enum err err = statement_open(store, STATEMENT_peer_find, &stmt);
 *     ... statement_bind_...                   parameters are numbered from 1
 *     err = statement_step(store, stmt, &has_row)
 *     return statement_close(stmt, err);
 *
 * Each statement is prepared once per handle, at its first use, and kept. It can be open once at a
 * time: a visitor called with a row must not call the function that visits it. Bound memory must
 * stay valid until statement_close.
 *
 * Internal to store/.
 */
#ifndef STORE_STATEMENTS_H
#define STORE_STATEMENTS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

enum statement {
#define STATEMENT(name, access, sql) STATEMENT_##name,
#include "store/statements.def"
    STATEMENT_COUNT
};

struct statement_access {
    bool is_write;           /* for the writing handle only */
    bool is_control;         /* has no query plan */
    const char *scan_reason; /* NULL: must reach every table by a key */
};

struct statement_info {
    const char *name;
    const char *sql;
    struct statement_access access;
};

const struct statement_info *statement_info(enum statement id);

enum setting_role {
    SETTING_BOTH, /* goes with the next two */
    SETTING_WRITER,
    SETTING_READER,
    SETTING_CREATE,
    SETTING_JOURNAL,
    SETTING_IMAGE,
    SETTING_ATTACH,
    SETTING_ATTACHED,
};

/* Runs the pragmas of this role on a fresh connection. Returns an SQLite code. */
int statement_run_settings(sqlite3 *db, enum setting_role role);

/* For the writer: prepares all that write, which proves that the schema is the one we know, because
 * every table and column of ours is written by one of them. Those that only read are prepared at their
 * first use: they are the larger half of the work, and most starts use few of them. */
MUST_USE enum err statement_prepare_writes(struct store *store);
void statement_finalize_all(struct store *store);

MUST_USE enum err statement_open(struct store *store, enum statement id, sqlite3_stmt **ret_stmt);
MUST_USE enum err statement_step(struct store *store, sqlite3_stmt *stmt, bool *ret_has_row);
/* Makes the statement ready for its next use and passes `err` on. */
enum err statement_close(sqlite3_stmt *stmt, enum err err);

/* Binds ?1 ... ?count. */
void statement_bind_ints(sqlite3_stmt *stmt, int count, const int64_t *values);
/* NULL is bound as the empty string. */
void statement_bind_text(sqlite3_stmt *stmt, int index, const char *text);

/* For a write without parameters beyond integers, or a query of one integer. */
MUST_USE enum err statement_run_ints(struct store *store, enum statement id, int count,
                                     const int64_t *values);
/* ret_value is untouched when there is no row. */
MUST_USE enum err statement_query_ints(struct store *store, enum statement id, int count,
                                       const int64_t *values, int64_t *ret_value,
                                       bool *ret_has_row);

/* Steps once and closes: for writes whose parameters are bound already. */
MUST_USE enum err statement_run(struct store *store, sqlite3_stmt *stmt);

/* The text of a column, never NULL; dies with the next step. */
const char *statement_column_text(sqlite3_stmt *stmt, int column);

/* INTS(a, b): the two arguments `count` and `values`. */
#define INTS(...)                                                                                  \
    (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[])             \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

#endif
