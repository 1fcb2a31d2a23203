/* SPDX-License-Identifier: MPL-2.0
 *
 * The view of a struct slice as the table `slice` of SQL (see memory_table.h):
 *
 *     slice (seq, conversation, peer_id, stored_ms, kind, message_id)     see struct slice_row
 *
 * Internal to store/.
 */
#ifndef STORE_SLICE_TABLE_H
#define STORE_SLICE_TABLE_H

#include <sqlite3.h>

#include "store/slice.h"

/* Returns an SQLite code. The slice must outlive the connection. */
int slice_table_register(sqlite3 *db, const struct slice *slice);

#endif
