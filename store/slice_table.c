/* SPDX-License-Identifier: MPL-2.0
 *
 * See slice_table.h. One column per member of struct slice_row; rows come in the order of the view.
 */
#include "store/slice_table.h"

#include "store/memory_table.h"

enum column {
    COLUMN_SEQ,
    COLUMN_CONVERSATION,
    COLUMN_PEER_ID,
    COLUMN_STORED_MS,
    COLUMN_KIND,
    COLUMN_MESSAGE_ID,
};

static size_t row_count(const void *rows)
{
    return ((const struct slice *)rows)->view_count;
}

static void row_ahead(const void *rows, size_t at)
{
    __builtin_prefetch(((const struct slice *)rows)->view[at].row);
}

static void row_column(const void *rows, size_t at, int column, sqlite3_context *result)
{
    const struct slice_row *row = ((const struct slice *)rows)->view[at].row;
    switch ((enum column)column) {
    case COLUMN_SEQ:
        sqlite3_result_int64(result, row->seq);
        break;
    case COLUMN_CONVERSATION:
        sqlite3_result_int64(result, row->conversation);
        break;
    case COLUMN_PEER_ID:
        sqlite3_result_int64(result, row->peer_id);
        break;
    case COLUMN_STORED_MS:
        sqlite3_result_int64(result, row->stored_ms);
        break;
    case COLUMN_KIND:
        sqlite3_result_int64(result, row->kind);
        break;
    case COLUMN_MESSAGE_ID:
        sqlite3_result_blob(result, row->message_id, sizeof row->message_id, SQLITE_STATIC);
        break;
    }
}

static const struct memory_table slice_table = {
    .name = "slice",
    .schema = "CREATE TABLE slice (seq, conversation, peer_id, stored_ms, kind, message_id)",
    .count = row_count,
    .column = row_column,
    .ahead = row_ahead,
};

int slice_table_register(sqlite3 *db, const struct slice *slice)
{
    return memory_table_register(db, &slice_table, slice);
}
