/* SPDX-License-Identifier: MPL-2.0
 *
 * Values of a foreign row, checked: SQLite keeps anything in any column, and files are damaged.
 *
 * Each reader answers false when the row cannot be used, and says why in the verdict. A value that
 * is not NEEDED and does not fit is taken as absent, with a remark. Pure.
 */
#ifndef IMPORT_VALUES_H
#define IMPORT_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"
#include "store/foreign.h"

/* What became of a row. */
enum outcome { ROW_ADDED, ROW_PRESENT, ROW_SKIPPED };

struct verdict {
    enum outcome outcome;
    char text[300]; /* why it was skipped, or what of it was not taken over; "" */
};

/* Both answer false, for "return verdict_skip(...)". The first text counts. */
bool verdict_skip(struct verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void verdict_remark(struct verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum want { WANTED, NEEDED };

struct text {
    const char *data; /* a view, valid UTF-8 without NUL; not terminated; never NULL */
    size_t size;
};

bool read_text(const struct foreign_row *row, enum foreign_column column, enum want want,
               size_t bytes_max, struct text *ret, struct verdict *verdict);
/* *ret_has (may be NULL): there is one. */
bool read_uuid(const struct foreign_row *row, enum foreign_column column, enum want want,
               uint8_t ret[16], bool *ret_has, struct verdict *verdict);
/* Unix seconds, or ms, of the source, as ms; 0: absent. */
bool read_seconds(const struct foreign_row *row, enum foreign_column column, enum want want,
                  int64_t *ret_ms, struct verdict *verdict);
bool read_ms(const struct foreign_row *row, enum foreign_column column, enum want want,
             int64_t *ret_ms, struct verdict *verdict);
/* Never fails: a value that is neither 0 nor 1 is `otherwise`, with a remark. */
bool read_flag(const struct foreign_row *row, enum foreign_column column, bool otherwise,
               struct verdict *verdict);

/* Case counts; `words` ends with NULL. -1: none of them. */
int text_index(struct text text, const char *const *words);
bool text_is(struct text text, const char *word);
/* Cut at a character when it is too long; always terminated. */
void text_dup(struct text text, char *ret, size_t size);

#endif
