/* SPDX-License-Identifier: MPL-2.0
 *
 * Rows in memory as a table of SQL (a virtual one, of this connection only), so that many rows are
 * inserted by one statement with one cursor: next to the cost of a row in a B-tree, binding and
 * stepping a statement for each row would be dear.
 *
 * The table is there by its name alone, can only be read, and only from the first row to the last.
 *
 * Internal to store/.
 */
#ifndef STORE_MEMORY_TABLE_H
#define STORE_MEMORY_TABLE_H

#include <sqlite3.h>
#include <stddef.h>

struct memory_table {
    const char *name;
    const char *schema; /* "CREATE TABLE name (column, ...)" */
    size_t (*count)(const void *rows);
    /* Gives the value of a column to sqlite3_result_...; what it points to stays until the
     * statement is at its end. */
    void (*column)(const void *rows, size_t at, int column, sqlite3_context *result);
    void (*ahead)(const void *rows, size_t at); /* row `at` will be asked for soon; or NULL */
};

/* Returns an SQLite code. `table` and `rows` must outlive the connection; the rows may change
 * between statements. */
int memory_table_register(sqlite3 *db, const struct memory_table *table, const void *rows);

#endif
