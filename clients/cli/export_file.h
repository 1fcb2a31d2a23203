/* SPDX-License-Identifier: MPL-2.0
 *
 * The lines of an export (docs/EXPORT.md), written: one JSON object for each row of the store, one
 * moment of it. Reads only, also beside a running broker.
 */
#ifndef CLI_EXPORT_FILE_H
#define CLI_EXPORT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rt/err.h"

#define EXPORT_RECORD     "roost-export" /* of the first line */
#define EXPORT_END        "end"          /* of the last one */
#define EXPORT_VERSION    1
#define EXPORT_SCOPES_MAX 64

struct store;

struct export_file_options {
    struct store *store;
    FILE *out;
    const char *scopes[EXPORT_SCOPES_MAX]; /* "room:general"; none: everything */
    size_t scope_count;
    int64_t now_ms;
    void (*on_progress)(void *context, uint64_t done, uint64_t total);
    void (*on_damaged)(void *context, uint64_t seq); /* a message that was left out */
    void *context;
};

struct export_file_report {
    uint64_t rows, messages, damaged;
};

/* Whether writing worked shows in `out`. */
MUST_USE enum err export_file_write(const struct export_file_options *options,
                                    struct export_file_report *ret);

#endif
