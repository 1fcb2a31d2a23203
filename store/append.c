/* SPDX-License-Identifier: MPL-2.0
 *
 * Append: message_append, message_append_later, message_append_rest. See messages.h.
 */
#include "store/append.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "rt/check.h"
#include "store/checksum.h"
#include "store/message_rows.h"
#include "store/store_internal.h"

#define IMAGE_PAGE_BYTES 65536
#define IMAGE_PAGES      2

/* --- The table of what is not yet written. */

/* A database with an empty table, as SQLite makes it. Returns an SQLite code. */
static int image_make(const char *table, uint8_t **ret_image)
{
    sqlite3_int64 size = 0;
    sqlite3 *db = NULL;
    int rc = sqlite3_open(":memory:", &db);
    if (rc == SQLITE_OK)
        rc = statement_run_settings(db, SETTING_IMAGE);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, table, NULL, NULL, NULL);
    if (rc == SQLITE_OK) {
        *ret_image = sqlite3_serialize(db, "main", &size, 0);
        rc = *ret_image ? SQLITE_OK : SQLITE_NOMEM;
    }
    CHECK(rc != SQLITE_OK || size == IMAGE_PAGES * IMAGE_PAGE_BYTES);
    (void)sqlite3_close(db); /* nothing is open in it */
    return rc;
}

/* No other database can be attached, before or after. */
static int image_attach(sqlite3 *db, uint8_t *image)
{
    (void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 1); /* returns the old one */
    int rc = statement_run_settings(db, SETTING_ATTACH);
    if (rc == SQLITE_OK)
        rc = sqlite3_deserialize(db, "unwritten", image, IMAGE_PAGES * IMAGE_PAGE_BYTES,
                                 IMAGE_PAGES * IMAGE_PAGE_BYTES, 0);
    if (rc == SQLITE_OK)
        rc = statement_run_settings(db, SETTING_ATTACHED);
    (void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    return rc;
}

static void put_probe(struct unwritten *unwritten, uint64_t seq)
{
    struct message_row row = {.seq = seq, .body = {(const uint8_t *)"", 0}};
    struct record_value values[MESSAGE_COLUMN_COUNT];
    leaf_page_clear(&unwritten->page);
    message_row_values(&row, values);
    uint8_t *to =
        leaf_page_add(&unwritten->page, (int64_t)seq, record_size(values, MESSAGE_COLUMN_COUNT));
    CHECK(to);
    record_write(values, MESSAGE_COLUMN_COUNT, to);
}

/* Does SQLite, within one transaction, see the page as it is now? Tried, as nothing tells it. */
static enum err find_out_if_mapped(struct store *store)
{
    struct unwritten *unwritten = store->unwritten;
    int64_t seen = 0;
    enum err err = statement_run_ints(store, STATEMENT_begin_read, 0, NULL);
    store->is_appending = true;
    unwritten->is_mapped = true;
    for (uint64_t seq = 1; err == ERR_OK && seq <= 3; seq++) {
        put_probe(unwritten, seq);
        err = statement_query_ints(store, STATEMENT_unwritten_newest, 0, NULL, &seen, NULL);
        unwritten->is_mapped &= seen == (int64_t)seq;
    }
    store->is_appending = false;
    leaf_page_clear(&unwritten->page);
    enum err end_err = statement_run_ints(store, STATEMENT_rollback, 0, NULL);
    return err ? err : end_err;
}

enum err append_open(struct store *store)
{
    struct unwritten *unwritten = calloc(1, sizeof *unwritten);
    sqlite3_stmt *stmt;
    bool has_row = false;
    CHECK(unwritten);
    enum err err = statement_open(store, STATEMENT_message_table, &stmt);
    if (err == ERR_OK)
        err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK && !has_row)
        err = ERR_CORRUPT;
    if (err == ERR_OK)
        err = store_map(store,
                        image_make((const char *)sqlite3_column_text(stmt, 0), &unwritten->image));
    err = statement_close(stmt, err);
    store->unwritten = unwritten;
    if (err == ERR_OK)
        err = store_map(store, image_attach(store->db, unwritten->image));
    if (err != ERR_OK)
        return err;
    unwritten->page.size = IMAGE_PAGE_BYTES;
    unwritten->page.bytes = unwritten->image + IMAGE_PAGE_BYTES;
    return find_out_if_mapped(store);
}

void append_close(struct store *store)
{
    if (store->unwritten)
        sqlite3_free(store->unwritten->image);
    free(store->unwritten);
    store->unwritten = NULL;
}

void append_forget(struct store *store)
{
    if (store->unwritten)
        leaf_page_clear(&store->unwritten->page);
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
    enum err err = statement_open(store, STATEMENT_message_append_one, &stmt);
    if (err != ERR_OK)
        return err;
    message_row_bind(stmt, message);
    return statement_run(store, stmt);
}

static enum err insert_unwritten(struct store *store)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_message_append_unwritten, &stmt);
    if (err == ERR_OK)
        err = statement_run(store, stmt);
    if (err == ERR_OK) /* it moved what was written last, and not an old copy */
        CHECK(sqlite3_last_insert_rowid(store->db) == (int64_t)store->unwritten->last_seq);
    return err;
}

enum err message_append_rest(struct store *store)
{
    struct unwritten *unwritten = store->unwritten;
    if (!unwritten || unwritten->page.count == 0)
        return ERR_OK;
    store->is_appending = true;
    enum err err = insert_unwritten(store);
    store->is_appending = false;
    leaf_page_clear(&unwritten->page);
    if (err != ERR_OK)
        store->transaction_err = err; /* their seqs were given: without them nothing is committed */
    return err;
}

/* false: there is no room. */
static bool put(struct unwritten *unwritten, const struct message_row *message)
{
    struct record_value values[MESSAGE_COLUMN_COUNT];
    if (!unwritten->is_mapped)
        return false;
    message_row_values(message, values);
    size_t size = record_size(values, MESSAGE_COLUMN_COUNT);
    uint8_t *to = leaf_page_add(&unwritten->page, (int64_t)message->seq, size);
    if (!to)
        return false;
    record_write(values, MESSAGE_COLUMN_COUNT, to);
    unwritten->last_seq = message->seq;
    return true;
}

static enum err put_or_insert(struct store *store, const struct message_row *message)
{
    if (put(store->unwritten, message))
        return ERR_OK;
    enum err err = message_append_rest(store);
    if (err != ERR_OK || put(store->unwritten, message))
        return err;
    err = insert_one(store, message); /* larger than the page */
    if (err != ERR_OK)
        store->transaction_err = err;
    return err;
}

enum err message_append_later(struct store *store, struct message_row *message)
{
    CHECK(store->is_in_transaction && store->unwritten);
    if (message_bytes(message) > STORE_VALUE_BYTES_MAX / 2)
        return ERR_TOO_LARGE;
    if (!message->body.data)
        message->body = (struct bytes_view){(const uint8_t *)"", 0};
    if (store->transaction_err != ERR_OK)
        return store->transaction_err;
    message->seq = ++store->last_seq;
    message->checksum = checksum_of_message(message);
    message->is_damaged = false;
    return put_or_insert(store, message);
}

enum err message_append(struct store *store, struct message_row *message)
{
    enum err err = message_append_later(store, message);
    return err ? err : message_append_rest(store);
}
