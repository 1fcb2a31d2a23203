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

static void result_blob(sqlite3_context *result, const struct bytes_view *view)
{
    if (view->data) /* no result is NULL */
        sqlite3_result_blob(result, view->data, (int)view->size, SQLITE_STATIC);
}

static void result_text(sqlite3_context *result, const struct bytes_view *view)
{
    if (view->data)
        sqlite3_result_text(result, (const char *)view->data, (int)view->size, SQLITE_STATIC);
}

static int64_t integer_of(const struct message_row *message, enum message_column column)
{
    switch ((int)column) {
    case COLUMN_SEQ:
        return (int64_t)message->seq;
    case COLUMN_SCOPE_ID:
        return message->scope_id;
    case COLUMN_SENDER_ID:
        return message->sender_id;
    case COLUMN_STORED_MS:
        return message->stored_ms;
    case COLUMN_EXPIRES_MS:
        return message->expires_ms;
    case COLUMN_NOT_BEFORE_MS:
        return message->not_before_ms;
    case COLUMN_FLAGS:
        return message->flags;
    case COLUMN_KIND:
        return message->kind;
    case COLUMN_CONVERSATION:
        return message->conversation;
    case COLUMN_CHECKSUM:
        return (int64_t)message->checksum;
    case COLUMN_CREATED_MS:
        return message->created_ms;
    case COLUMN_PRIORITY:
        return message->priority;
    }
    CHECK(false);
    return 0;
}

void message_row_column(const struct message_row *message, enum message_column column,
                        sqlite3_context *result)
{
    switch ((int)column) {
    case COLUMN_MESSAGE_ID:
        sqlite3_result_blob(result, message->message_id, sizeof message->message_id, SQLITE_STATIC);
        break;
    case COLUMN_CONTENT_TYPE:
        result_text(result, &message->content_type);
        break;
    case COLUMN_KEY:
        result_blob(result, &message->key);
        break;
    case COLUMN_REPLY_TO:
        result_text(result, &message->reply_to);
        break;
    case COLUMN_CORRELATION_ID:
        result_blob(result, &message->correlation_id);
        break;
    case COLUMN_PARENT_ID:
        result_blob(result, &message->parent_id);
        break;
    case COLUMN_HEADERS:
        result_blob(result, &message->headers);
        break;
    case COLUMN_BODY:
        result_blob(result, &message->body);
        break;
    default:
        sqlite3_result_int64(result, integer_of(message, column));
    }
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
