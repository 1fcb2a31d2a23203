/* SPDX-License-Identifier: MPL-2.0
 *
 * Append: message_append, message_append_later, message_append_rest. See messages.h.
 */
#include "store/append.h"

#include "rt/check.h"
#include "store/checksum.h"
#include "store/memory_table.h"
#include "store/message_rows.h"
#include "store/store_internal.h"

/* --- The table of SQL. */

static size_t row_count(const void *rows)
{
    const struct unwritten *unwritten = rows;
    return unwritten->count - unwritten->begin;
}

static void row_column(const void *rows, size_t at, int column, sqlite3_context *result)
{
    const struct unwritten *unwritten = rows;
    message_row_column(&unwritten->rows[unwritten->begin + at], (enum message_column)column,
                       result);
}

static const struct memory_table unwritten_table = {
    .name = "unwritten",
    .schema = "CREATE TABLE unwritten (seq, scope_id, sender_id, stored_ms, expires_ms,"
              " not_before_ms, flags, kind, conversation, checksum, message_id, created_ms,"
              " priority, content_type, key, reply_to, correlation_id, parent_id, headers, body)",
    .count = row_count,
    .column = row_column,
};

int append_register(sqlite3 *db, const struct unwritten *unwritten)
{
    return memory_table_register(db, &unwritten_table, unwritten);
}

/* --- Appending. */

static size_t message_bytes(const struct message_row *message)
{
    return message->content_type.size + message->key.size + message->reply_to.size +
           message->correlation_id.size + message->parent_id.size + message->headers.size +
           message->body.size;
}

static enum err insert_one(struct store *store, const struct message_row *message)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_message_append_at, &stmt);
    if (err != ERR_OK)
        return err;
    message_row_bind(stmt, message);
    return statement_run(store, stmt);
}

static enum err insert_rest(struct store *store)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_message_append_unwritten, &stmt);
    return err ? err : statement_run(store, stmt);
}

enum err message_append_rest(struct store *store)
{
    struct unwritten *unwritten = store->unwritten;
    if (!unwritten || unwritten->count == 0)
        return ERR_OK;
    size_t count = unwritten->count;
    uint64_t last_seq = unwritten->rows[count - 1].seq;
    enum err err = ERR_OK;
    store->is_appending = true;
    unwritten->begin = 0;
    /* Finding the place of a named seq costs more than taking the next one. */
    if (store->log_end_seq == 0 || store->log_end_seq + 1 != unwritten->rows[0].seq) {
        err = insert_one(store, &unwritten->rows[0]);
        unwritten->begin = 1;
    }
    if (err == ERR_OK && unwritten->begin < count)
        err = insert_rest(store);
    store->is_appending = false;
    unwritten->count = 0;
    if (err != ERR_OK) {
        store->transaction_err = err; /* their seqs were given: without them nothing is committed */
        return err;
    }
    CHECK(sqlite3_last_insert_rowid(store->db) == (int64_t)last_seq);
    store->log_end_seq = last_seq;
    return ERR_OK;
}

enum err message_append_later(struct store *store, struct message_row *message)
{
    struct unwritten *unwritten = store->unwritten;
    CHECK(store->is_in_transaction && unwritten);
    if (message_bytes(message) > STORE_VALUE_BYTES_MAX / 2)
        return ERR_TOO_LARGE;
    if (!message->body.data)
        message->body = (struct bytes_view){(const uint8_t *)"", 0};
    enum err err = store->transaction_err;
    if (err == ERR_OK && unwritten->count == UNWRITTEN_MAX)
        err = message_append_rest(store);
    if (err != ERR_OK)
        return err;
    message->seq = ++store->last_seq;
    message->checksum = checksum_of_message(message);
    message->is_damaged = false;
    unwritten->rows[unwritten->count++] = *message;
    return ERR_OK;
}

enum err message_append(struct store *store, struct message_row *message)
{
    enum err err = message_append_later(store, message);
    return err ? err : message_append_rest(store);
}
