/* SPDX-License-Identifier: MPL-2.0
 *
 * Messages that have their seq but not yet their row, and the table `unwritten` of SQL through which
 * all of them are inserted at once (see memory_table.h).
 *
 * Internal to store/.
 */
#ifndef STORE_APPEND_H
#define STORE_APPEND_H

#include <sqlite3.h>
#include <stddef.h>

#include "store/messages.h"

#define UNWRITTEN_MAX 128

struct unwritten {
    size_t count, begin; /* rows [begin, count) are to be inserted */
    struct message_row rows[UNWRITTEN_MAX];
};

/* Returns an SQLite code. */
int append_register(sqlite3 *db, const struct unwritten *unwritten);

#endif
