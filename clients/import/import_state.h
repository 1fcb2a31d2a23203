/* SPDX-License-Identifier: MPL-2.0
 *
 * What the files of an import share: the source, the writer, the counts. Internal to
 * clients/import.
 */
#ifndef IMPORT_IMPORT_STATE_H
#define IMPORT_IMPORT_STATE_H

#include "clients/import/import.h"
#include "clients/import/writer.h"
#include "store/foreign.h"

struct import {
    const struct import_options *options;
    struct foreign *foreign;
    struct writer writer;
    struct import_report *report;
    struct import_count *count; /* of the table in hand */
    uint64_t total;
};

MUST_USE enum err import_open(struct import *import, const struct import_options *options,
                              struct import_report *report, char ret_problem[IMPORT_TEXT_BYTES]);
/* Commits what `err` allows, brings the index forward, closes; answers how it ended. */
MUST_USE enum err import_close(struct import *import, enum err err,
                               char ret_problem[IMPORT_TEXT_BYTES]);

/* For what is no table of a file: names it, and counts and tells of one row of it. */
void import_begin_table(struct import *import, const char *table, uint64_t total);
void import_count_row(struct import *import, const char *id, const struct verdict *verdict);

/* One row: ERR_OK with a verdict, or an error that ends the import. */
typedef enum err import_row(void *state, const struct foreign_row *row, struct verdict *verdict);

/* All rows of a table, if the file has it; commits at its end. */
MUST_USE enum err import_table(struct import *import, enum foreign_table table, import_row *row,
                               void *state);

/* The tables that were not walked: counted, each with its reason. `reasons` ends with NULL. */
struct import_left_out {
    const char *table, *reason;
};
MUST_USE enum err import_leave_out(struct import *import, const struct import_left_out *reasons);

/* Ends the row with the sentence of an error that is its own; what breaks everything is passed on. */
MUST_USE enum err import_fail_row(enum err err, struct verdict *verdict, const char *what);

#endif
