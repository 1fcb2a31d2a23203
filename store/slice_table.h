/* SPDX-License-Identifier: MPL-2.0
 *
 * The view of a struct slice as the table `slice` of SQL (a virtual one, of this connection only),
 * so that a whole slice is inserted by one statement with one cursor: next to the cost of a row in
 * a B-tree, binding and stepping a statement for each row would be dear.
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
int slice_table_register(sqlite3 *db, struct slice *slice);

#endif
