/* SPDX-License-Identifier: MPL-2.0
 *
 * Everything of a store, row by row with names instead of keys, and back into an empty store: what
 * `roost export` and `roost import` are made of.
 *
 * Reading: each record type of transfer.def in turn, all rows by key; in one read transaction of the
 * caller it is one moment. A damaged message is shown with its seq and no other value.
 * Writing: rows with the ids and seqs they had, so that numbers in other rows keep their meaning. A
 * row that does not fit (names what is not there, is there already, has a wrong type or number) is
 * refused alone. How far an import came is kept in the same transactions, so that it goes on where
 * it was cut short and does nothing the second time.
 *
 * Leaves to others: the text form of it, whether names and hashes are good, the text index.
 */
#ifndef STORE_TRANSFER_H
#define STORE_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

enum transfer_record {
#define RECORD(record, how) TRANSFER_##record,
#include "store/transfer.def"
    TRANSFER_RECORD_COUNT
};

enum transfer_type {
    TRANSFER_INT,
    TRANSFER_REAL,
    TRANSFER_BOOL,
    TRANSFER_TEXT,
    TRANSFER_BYTES,
    TRANSFER_UUID,
    TRANSFER_PEER,
    TRANSFER_SCOPE,
    TRANSFER_NEW_PEER,
    TRANSFER_NEW_SCOPE,
};

struct transfer_field {
    enum transfer_record record;
    const char *name;
    enum transfer_type type;
};

#define TRANSFER_FIELDS_MAX 40 /* of one record, and parameters of its writing */

const char *transfer_record_name(enum transfer_record record);
const struct transfer_field *transfer_fields(enum transfer_record record, size_t *ret_count);

struct transfer_value {
    enum {
        TRANSFER_IS_NULL,
        TRANSFER_IS_INT,
        TRANSFER_IS_REAL,
        TRANSFER_IS_TEXT,
        TRANSFER_IS_BYTES,
    } is;
    int64_t number;
    double real;
    const char *data; /* a view; not terminated */
    size_t size;
};

/* One value for each field. They die with the call. */
typedef enum err transfer_visit(void *context, enum transfer_record record,
                                const struct transfer_value *values);
MUST_USE enum err transfer_read(struct store *store, enum transfer_record record,
                                transfer_visit *visit, void *context);

/* What the file begins with: the newest seq ever given, the highest id of a peer ever given, and
 * how many rows are to come. */
struct transfer_size {
    uint64_t last_seq, last_peer_id, rows;
};
MUST_USE enum err transfer_measure(struct store *store, struct transfer_size *ret);

/* Where the import of this name came to: the last line that is in; 0: it is new. */
MUST_USE enum err transfer_line(struct store *store, const char *name, uint64_t *ret_line);
/* Nothing is in it but what every store is born with. */
MUST_USE enum err transfer_is_empty(struct store *store, bool *ret_is_empty);

/* Writer, in a transaction. `parameters` as transfer.def says of the types, `count` of them. Not
 * ERR_OK and *ret_is_row: the row does not fit, the others may. */
MUST_USE enum err transfer_write(struct store *store, enum transfer_record record,
                                 const struct transfer_value *parameters, size_t count,
                                 bool *ret_is_row);
MUST_USE enum err transfer_set_line(struct store *store, const char *name, uint64_t line);
/* After the last row: fills the deferred tables, counts members; no id of a peer up to this one is
 * given again. */
MUST_USE enum err transfer_finish(struct store *store, uint64_t last_peer_id);

#endif
