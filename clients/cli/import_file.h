/* SPDX-License-Identifier: MPL-2.0
 *
 * The lines of an export (docs/EXPORT.md) into an empty store, as its only writer.
 *
 * Promises: what does not fit is named by its line and left out, the other lines are taken over;
 * cut short at any point and run again it is complete; run twice is run once.
 */
#ifndef CLI_IMPORT_FILE_H
#define CLI_IMPORT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rt/err.h"

#define IMPORT_FILE_TEXT_BYTES 512

struct import_file_options {
    FILE *in;
    const char *database;
    int64_t now_ms;
    void (*on_finding)(void *context, uint64_t line, const char *record, const char *reason);
    void (*on_progress)(void *context, const char *what, uint64_t done, uint64_t total);
    void *context;
};

struct import_file_report {
    uint64_t lines, added, present, skipped;
    bool is_cut_off; /* the last line is missing */
};

/* ERR_LOCKED: a broker has it. ERR_EXISTS: the store is not empty. ERR_NOT_OUR_FILE: no export. On
 * failure `ret_problem` is a sentence. */
MUST_USE enum err import_file_read(const struct import_file_options *options,
                                   struct import_file_report *ret,
                                   char ret_problem[IMPORT_FILE_TEXT_BYTES]);

#endif
