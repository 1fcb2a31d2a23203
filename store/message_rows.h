/* SPDX-License-Identifier: MPL-2.0
 *
 * Between struct message_row and a row of the table: binding one, reading one and checking it.
 *
 * Internal to store/.
 */
#ifndef STORE_MESSAGE_ROWS_H
#define STORE_MESSAGE_ROWS_H

#include <sqlite3.h>

#include "store/messages.h"
#include "store/record.h"

/* In the order of the table, of MESSAGE_COLUMNS and of the parameters of message_append. */
enum message_column {
    COLUMN_SEQ,
    COLUMN_SCOPE_ID,
    COLUMN_SENDER_ID,
    COLUMN_STORED_MS,
    COLUMN_EXPIRES_MS,
    COLUMN_NOT_BEFORE_MS,
    COLUMN_FLAGS,
    COLUMN_KIND,
    COLUMN_CONVERSATION,
    COLUMN_CHECKSUM,
    COLUMN_MESSAGE_ID,
    COLUMN_CREATED_MS,
    COLUMN_PRIORITY,
    COLUMN_CONTENT_TYPE,
    COLUMN_KEY,
    COLUMN_REPLY_TO,
    COLUMN_CORRELATION_ID,
    COLUMN_PARENT_ID,
    COLUMN_HEADERS,
    COLUMN_BODY,
    MESSAGE_COLUMN_COUNT
};

/* By reference: the row must stay until the statement is closed. */
void message_row_bind(sqlite3_stmt *stmt, const struct message_row *message);

/* All values, by reference, for a record (record.h). The seq is the rowid, and not among them. */
void message_row_values(const struct message_row *message,
                        struct record_value ret_values[MESSAGE_COLUMN_COUNT]);

/* Fills the row, with views into the statement's current row, and sets is_damaged. */
void message_row_read(sqlite3_stmt *stmt, struct message_row *ret_row);

/* Visits at most `limit` rows of a bound statement after leaving out *inout_skip (which counts
 * down), then closes it; *inout_limit counts down too. */
MUST_USE enum err message_rows_visit(struct store *store, sqlite3_stmt *stmt, uint64_t *inout_skip,
                                     uint64_t *inout_limit, message_visit *visit, void *context);

#endif
