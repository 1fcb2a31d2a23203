/* SPDX-License-Identifier: MPL-2.0
 *
 * See table.h. Results of setting a cell are ignored: without memory a cell stays empty.
 */
#include "clients/cli/table.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/text.h"

#define CELL_BYTES 400

bool table_begin(struct table *table, const struct table_column *columns)
{
    *table = (struct table){.inner = scols_new_table()};
    if (!table->inner)
        return false;
    (void)scols_table_set_stream(table->inner, stdout);
    for (; columns->title; columns++) {
        int flags =
            (columns->is_right ? SCOLS_FL_RIGHT : 0) | (columns->may_cut ? SCOLS_FL_TRUNC : 0);
        if (!scols_table_new_column(table->inner, columns->title, 0, flags))
            return false;
    }
    return true;
}

void table_row(struct table *table)
{
    table->line = scols_table_new_line(table->inner, NULL);
    table->column = 0;
}

void table_text_bytes(struct table *table, const void *text, uint64_t size)
{
    char cell[CELL_BYTES];
    if (table->line)
        (void)scols_line_set_data(table->line, table->column++,
                                  text_escape(text, size, cell, sizeof(cell)));
}

void table_text(struct table *table, const char *text)
{
    table_text_bytes(table, text, strlen(text));
}

void table_number(struct table *table, uint64_t number)
{
    char text[TEXT_SIZE_BYTES];
    table_text(table, text_count(number, text));
}

void table_time(struct table *table, uint64_t unix_ms)
{
    char text[TEXT_TIME_BYTES];
    table_text(table, text_time(unix_ms, text));
}

void table_end(struct table *table)
{
    if (scols_table_get_nlines(table->inner) > 0)
        (void)scols_print_table(table->inner);
    scols_unref_table(table->inner);
    table->inner = NULL;
}
