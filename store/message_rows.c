/* SPDX-License-Identifier: MPL-2.0
 *
 * See message_rows.h.
 */
#include "store/message_rows.h"

#include <string.h>

#include "rt/check.h"
#include "store/checksum.h"
#include "store/store_internal.h"

static void bind_int(sqlite3_stmt *stmt, enum message_column column, int64_t value)
{
    (void)sqlite3_bind_int64(stmt, (int)column + 1, value);
}

static void bind_blob(sqlite3_stmt *stmt, enum message_column column, const struct bytes_view *view)
{
    if (view->data)
        (void)sqlite3_bind_blob(stmt, (int)column + 1, view->data, (int)view->size, SQLITE_STATIC);
    else
        (void)sqlite3_bind_null(stmt, (int)column + 1);
}

static void bind_text(sqlite3_stmt *stmt, enum message_column column, const struct bytes_view *view)
{
    if (view->data)
        (void)sqlite3_bind_text(stmt, (int)column + 1, (const char *)view->data, (int)view->size,
                                SQLITE_STATIC);
    else
        (void)sqlite3_bind_null(stmt, (int)column + 1);
}

void message_row_bind(sqlite3_stmt *stmt, const struct message_row *message)
{
    bind_int(stmt, COLUMN_SEQ, (int64_t)message->seq);
    bind_int(stmt, COLUMN_SCOPE_ID, message->scope_id);
    bind_int(stmt, COLUMN_SENDER_ID, message->sender_id);
    bind_int(stmt, COLUMN_STORED_MS, message->stored_ms);
    bind_int(stmt, COLUMN_EXPIRES_MS, message->expires_ms);
    bind_int(stmt, COLUMN_NOT_BEFORE_MS, message->not_before_ms);
    bind_int(stmt, COLUMN_FLAGS, message->flags);
    bind_int(stmt, COLUMN_KIND, message->kind);
    bind_int(stmt, COLUMN_CONVERSATION, message->conversation);
    bind_int(stmt, COLUMN_CHECKSUM, (int64_t)message->checksum);
    (void)sqlite3_bind_blob(stmt, COLUMN_MESSAGE_ID + 1, message->message_id,
                            (int)sizeof message->message_id, SQLITE_STATIC);
    bind_int(stmt, COLUMN_CREATED_MS, message->created_ms);
    bind_int(stmt, COLUMN_PRIORITY, message->priority);
    bind_text(stmt, COLUMN_CONTENT_TYPE, &message->content_type);
    bind_blob(stmt, COLUMN_KEY, &message->key);
    bind_text(stmt, COLUMN_REPLY_TO, &message->reply_to);
    bind_blob(stmt, COLUMN_CORRELATION_ID, &message->correlation_id);
    bind_blob(stmt, COLUMN_PARENT_ID, &message->parent_id);
    bind_blob(stmt, COLUMN_HEADERS, &message->headers);
    bind_blob(stmt, COLUMN_BODY, &message->body);
}

static struct record_value integer(int64_t value)
{
    return (struct record_value){.kind = RECORD_INTEGER, .integer = value};
}

static struct record_value bytes(enum record_kind kind, struct bytes_view view)
{
    return (struct record_value){
        .kind = view.data ? kind : RECORD_NULL, .bytes = view.data, .size = view.size};
}

void message_row_values(const struct message_row *message,
                        struct record_value ret_values[MESSAGE_COLUMN_COUNT])
{
    struct bytes_view id = {message->message_id, sizeof message->message_id};
    ret_values[COLUMN_SEQ] = (struct record_value){.kind = RECORD_NULL};
    ret_values[COLUMN_SCOPE_ID] = integer(message->scope_id);
    ret_values[COLUMN_SENDER_ID] = integer(message->sender_id);
    ret_values[COLUMN_STORED_MS] = integer(message->stored_ms);
    ret_values[COLUMN_EXPIRES_MS] = integer(message->expires_ms);
    ret_values[COLUMN_NOT_BEFORE_MS] = integer(message->not_before_ms);
    ret_values[COLUMN_FLAGS] = integer(message->flags);
    ret_values[COLUMN_KIND] = integer(message->kind);
    ret_values[COLUMN_CONVERSATION] = integer(message->conversation);
    ret_values[COLUMN_CHECKSUM] = integer((int64_t)message->checksum);
    ret_values[COLUMN_MESSAGE_ID] = bytes(RECORD_BLOB, id);
    ret_values[COLUMN_CREATED_MS] = integer(message->created_ms);
    ret_values[COLUMN_PRIORITY] = integer(message->priority);
    ret_values[COLUMN_CONTENT_TYPE] = bytes(RECORD_TEXT, message->content_type);
    ret_values[COLUMN_KEY] = bytes(RECORD_BLOB, message->key);
    ret_values[COLUMN_REPLY_TO] = bytes(RECORD_TEXT, message->reply_to);
    ret_values[COLUMN_CORRELATION_ID] = bytes(RECORD_BLOB, message->correlation_id);
    ret_values[COLUMN_PARENT_ID] = bytes(RECORD_BLOB, message->parent_id);
    ret_values[COLUMN_HEADERS] = bytes(RECORD_BLOB, message->headers);
    ret_values[COLUMN_BODY] = bytes(RECORD_BLOB, message->body);
}

/* A damaged row may hold anything: also values of a type that its column cannot have and that would
 * read as the right value, like NULL for 0. So the types are looked at, besides the checksum.
 * (sqlite3_column_value once is quicker than three questions; it is safe because a handle belongs
 * to one thread.) */
static struct bytes_view column_view(sqlite3_stmt *stmt, enum message_column column, int type,
                                     bool *inout_is_damaged)
{
    sqlite3_value *value = sqlite3_column_value(stmt, (int)column);
    int found = sqlite3_value_type(value);
    if (found == SQLITE_NULL)
        return (struct bytes_view){NULL, 0};
    *inout_is_damaged |= found != type;
    const void *data = sqlite3_value_blob(value); /* NULL for an empty value */
    if (!data)
        return (struct bytes_view){(const uint8_t *)"", 0};
    return (struct bytes_view){data, (size_t)sqlite3_value_bytes(value)};
}

static void read_integers(sqlite3_stmt *stmt, struct message_row *row, bool *inout_is_damaged)
{
    int64_t values[COLUMN_PRIORITY + 1];
    for (int i = COLUMN_SEQ; i <= COLUMN_PRIORITY; i++) {
        if (i == COLUMN_MESSAGE_ID)
            continue;
        sqlite3_value *value = sqlite3_column_value(stmt, i);
        *inout_is_damaged |= sqlite3_value_type(value) != SQLITE_INTEGER;
        values[i] = sqlite3_value_int64(value);
    }
    /* Cut to 32 bits they might match the checksum again. */
    *inout_is_damaged |=
        (values[COLUMN_FLAGS] | values[COLUMN_KIND] | values[COLUMN_PRIORITY]) >> 32;
    row->seq = (uint64_t)values[COLUMN_SEQ];
    row->scope_id = values[COLUMN_SCOPE_ID];
    row->sender_id = values[COLUMN_SENDER_ID];
    row->stored_ms = values[COLUMN_STORED_MS];
    row->expires_ms = values[COLUMN_EXPIRES_MS];
    row->not_before_ms = values[COLUMN_NOT_BEFORE_MS];
    row->flags = (uint32_t)values[COLUMN_FLAGS];
    row->kind = (uint32_t)values[COLUMN_KIND];
    row->conversation = values[COLUMN_CONVERSATION];
    row->checksum = (uint64_t)values[COLUMN_CHECKSUM];
    row->created_ms = values[COLUMN_CREATED_MS];
    row->priority = (uint32_t)values[COLUMN_PRIORITY];
}

void message_row_read(sqlite3_stmt *stmt, struct message_row *ret_row)
{
    bool is_damaged = false;
    struct message_row *row = ret_row;
    read_integers(stmt, row, &is_damaged);
    struct bytes_view id = column_view(stmt, COLUMN_MESSAGE_ID, SQLITE_BLOB, &is_damaged);
    memset(row->message_id, 0, sizeof row->message_id);
    if (id.size == sizeof row->message_id)
        memcpy(row->message_id, id.data, id.size);
    else
        is_damaged = true;
    row->content_type = column_view(stmt, COLUMN_CONTENT_TYPE, SQLITE_TEXT, &is_damaged);
    row->key = column_view(stmt, COLUMN_KEY, SQLITE_BLOB, &is_damaged);
    row->reply_to = column_view(stmt, COLUMN_REPLY_TO, SQLITE_TEXT, &is_damaged);
    row->correlation_id = column_view(stmt, COLUMN_CORRELATION_ID, SQLITE_BLOB, &is_damaged);
    row->parent_id = column_view(stmt, COLUMN_PARENT_ID, SQLITE_BLOB, &is_damaged);
    row->headers = column_view(stmt, COLUMN_HEADERS, SQLITE_BLOB, &is_damaged);
    row->body = column_view(stmt, COLUMN_BODY, SQLITE_BLOB, &is_damaged);
    row->is_damaged = is_damaged || checksum_of_message(row) != row->checksum;
}

enum err message_rows_visit(struct store *store, sqlite3_stmt *stmt, uint64_t *inout_skip,
                            uint64_t *inout_limit, message_visit *visit, void *context)
{
    enum err err = ERR_OK;
    bool has_row = false;
    while (*inout_limit > 0 && (err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        if (*inout_skip > 0) {
            (*inout_skip)--;
            continue;
        }
        struct message_row row;
        message_row_read(stmt, &row);
        (*inout_limit)--;
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}
