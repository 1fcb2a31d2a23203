/* SPDX-License-Identifier: MPL-2.0
 *
 * Messages that have their seq but are not yet in the log: a table like that of the messages, in a
 * database of two pages that lies in memory and is attached to the writing connection as
 * `unwritten`. Their records are written into it as SQLite would (record.h), and one statement
 * moves all of them: as both tables are alike, SQLite copies the records and need not make them,
 * which is half the work of an insert.
 *
 * The second page is the table; SQLite reads it where it lies (mmap_size), so that it never has an
 * old copy of it. Where SQLite cannot do that, every message is inserted by a statement of its own.
 *
 * Internal to store/.
 */
#ifndef STORE_APPEND_H
#define STORE_APPEND_H

#include <stdbool.h>

#include "store/messages.h"
#include "store/record.h"

struct unwritten {
    struct leaf_page page; /* as many messages as fit */
    uint8_t *image;        /* both pages */
    bool is_mapped;
    uint64_t last_seq; /* of those in the page */
};

/* Before any statement is prepared. */
MUST_USE enum err append_open(struct store *store);
/* After the connection is closed. */
void append_close(struct store *store);
/* A transaction is at its end: what is there is forgotten. */
void append_forget(struct store *store);

#endif
