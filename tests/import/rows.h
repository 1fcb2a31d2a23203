/* SPDX-License-Identifier: MPL-2.0
 *
 * Rows of foreign tables for tests, column by column.
 */
#ifndef TESTS_IMPORT_ROWS_H
#define TESTS_IMPORT_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>

#include "clients/import/values.h"
#include "store/foreign.h"

struct made_row {
    struct foreign_value values[FOREIGN_COLUMNS_MAX];
    struct foreign_row row;
};

static inline void row_begin(struct made_row *made, enum foreign_table table,
                             enum foreign_column begin)
{
    memset(made, 0, sizeof(*made));
    made->row =
        (struct foreign_row){.table = table, .rowid = 7, .values = made->values, .begin = begin};
}

static inline struct foreign_value *row_at(struct made_row *made, enum foreign_column column)
{
    return &made->values[(int)column - (int)made->row.begin - 1];
}

static inline void row_text(struct made_row *made, enum foreign_column column, const char *text)
{
    *row_at(made, column) =
        (struct foreign_value){.type = FOREIGN_TEXT, .text = text, .size = strlen(text)};
}

static inline void row_number(struct made_row *made, enum foreign_column column, int64_t number)
{
    *row_at(made, column) = (struct foreign_value){.type = FOREIGN_INTEGER, .number = number};
}

static inline void row_blob(struct made_row *made, enum foreign_column column, const char *bytes,
                            size_t size)
{
    *row_at(made, column) =
        (struct foreign_value){.type = FOREIGN_BLOB, .text = bytes, .size = size};
}

static inline void row_null(struct made_row *made, enum foreign_column column)
{
    *row_at(made, column) = (struct foreign_value){.type = FOREIGN_NULL};
}

#define ID_ONE   "018f6f2e-7d3a-4c31-9b1e-0123456789ab"
#define ID_TWO   "018f6f2e-7d3a-4c31-9b1e-0123456789ac"
#define ID_THREE "018f6f2e-7d3a-4c31-9b1e-0123456789ad"

#define assert_says(verdict, part) assert_non_null(strstr((verdict).text, (part)))

#endif
