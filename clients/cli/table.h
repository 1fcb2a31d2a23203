/* SPDX-License-Identifier: MPL-2.0
 *
 * A table for people, laid out by libsmartcols (which knows how wide a character is).
 *
 * Cells are escaped before they are put in: a name of a peer cannot speak to the terminal.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct libscols_table;
struct libscols_line;

struct table {
    struct libscols_table *inner;
    struct libscols_line *line;
    unsigned column;
};

struct table_column {
    const char *title;
    bool is_right; /* numbers */
    bool may_cut;  /* when the terminal is too narrow */
};

/* `columns` ends with a column without title. False: no memory. */
bool table_begin(struct table *table, const struct table_column *columns);
void table_row(struct table *table);
void table_text(struct table *table, const char *text);
void table_text_bytes(struct table *table, const void *text, uint64_t size);
void table_number(struct table *table, uint64_t number);
void table_time(struct table *table, uint64_t unix_ms);
void table_end(struct table *table); /* prints it */

#endif
