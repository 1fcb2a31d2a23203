/* SPDX-License-Identifier: MPL-2.0
 *
 * SQLite files of other programs, read row by row for an import.
 *
 * Promises: nothing of the file or beside it is changed; a row that cannot be read is named and
 * left out, whatever of the file is damaged, and those behind it are read. Values come as they are:
 * their types are checked by whoever uses them, for SQLite keeps anything in any column.
 *
 * Which tables and columns: foreign.def. What they mean: clients/import.
 */
#ifndef STORE_FOREIGN_H
#define STORE_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct foreign;

enum foreign_table {
#define TABLE(name, in_file) FOREIGN_##name,
#include "store/foreign.def"
    FOREIGN_TABLE_COUNT
};

/* FOREIGN_lair_users_id ...: numbered through; foreign_get finds the one of the row's table. */
enum foreign_column {
#define TABLE(name, in_file)        FOREIGN_##name##_begin,
#define COLUMN(table, column, need) FOREIGN_##table##_##column,
#include "store/foreign.def"
    FOREIGN_COLUMN_COUNT
};

#define FOREIGN_COLUMNS_MAX 16 /* of one table */

enum foreign_type { FOREIGN_NULL, FOREIGN_INTEGER, FOREIGN_REAL, FOREIGN_TEXT, FOREIGN_BLOB };

struct foreign_value {
    enum foreign_type type;
    int64_t number;   /* FOREIGN_INTEGER */
    const char *text; /* FOREIGN_TEXT, FOREIGN_BLOB; a view; not terminated; any bytes */
    size_t size;
};

struct foreign_row {
    enum foreign_table table;
    int64_t rowid;
    const struct foreign_value *values;
    enum foreign_column begin;
};

static inline const struct foreign_value *foreign_get(const struct foreign_row *row,
                                                      enum foreign_column column)
{
    return &row->values[(int)column - (int)row->begin - 1];
}

/* What could not be read: a row whose name (first column) is known, or a range of rowids. */
struct foreign_loss {
    enum foreign_table table;
    const char *id; /* NULL: not known; a view */
    size_t id_size;
    int64_t first_rowid, last_rowid; /* last INT64_MAX: up to the end */
};

/* ERR_NOT_OUR_FILE: no SQLite file; ERR_STORAGE: cannot be opened; both with a sentence. */
MUST_USE enum err foreign_open(const char *path, char *error_text, size_t error_text_size_bytes,
                               struct foreign **ret);
void foreign_close(struct foreign **foreign); /* NULL is allowed */

/* "users" */
const char *foreign_table_name(enum foreign_table table);
/* "username"; NULL for the beginning of a table. */
const char *foreign_column_name(enum foreign_column column);
/* The table is there and has the columns it needs. */
bool foreign_has(struct foreign *foreign, enum foreign_table table);
/* For showing progress: 0 when it cannot be told. */
uint64_t foreign_count(struct foreign *foreign, enum foreign_table table);

/* All rows by rowid (a damaged one may stand out of this order). An error of a visitor ends the walk and is
 * returned. */
typedef enum err foreign_visit(void *context, const struct foreign_row *row);
typedef enum err foreign_lost(void *context, const struct foreign_loss *loss);
MUST_USE enum err foreign_walk(struct foreign *foreign, enum foreign_table table,
                               foreign_visit *visit, foreign_lost *lost, void *context);

/* Every table of the file with its number of rows (-1: cannot be counted), by name; not the parts a
 * virtual table keeps itself in. */
struct foreign_listing {
    const char *name;
    bool is_virtual;
    int64_t rows;
};
typedef enum err foreign_list_visit(void *context, const struct foreign_listing *listing);
MUST_USE enum err foreign_list(struct foreign *foreign, foreign_list_visit *visit, void *context);

#endif
