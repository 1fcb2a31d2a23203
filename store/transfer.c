/* SPDX-License-Identifier: MPL-2.0
 *
 * See transfer.h. Messages and the audit log are written by their modules, because of checksum and
 * chain of hashes; everything else is one statement for each row.
 */
#include "store/transfer.h"

#include <stdio.h>
#include <string.h>

#include "rt/check.h"
#include "store/audit.h"
#include "store/conversation.h"
#include "store/message_rows.h"
#include "store/messages.h"
#include "store/store_internal.h"

#define INDEX_ROWS     32768u
#define TEXT_BYTES_MAX 4096 /* of a text of the audit log */
#define MESSAGE_PLACES 20   /* columns of a message; those of its names follow */
#define SEQ_MAX        (INT64_MAX / 2)

/* --- The table. */

#define INT       TRANSFER_INT
#define REAL      TRANSFER_REAL
#define BOOL      TRANSFER_BOOL
#define TEXT      TRANSFER_TEXT
#define BYTES     TRANSFER_BYTES
#define UUID      TRANSFER_UUID
#define PEER      TRANSFER_PEER
#define SCOPE     TRANSFER_SCOPE
#define NEW_PEER  TRANSFER_NEW_PEER
#define NEW_SCOPE TRANSFER_NEW_SCOPE
static const struct transfer_field fields[] = {
#define FIELD(record, name, type) {TRANSFER_##record, #name, type},
#include "store/transfer.def"
};

#define ROW(record)    STATEMENT_transfer_write_##record
#define MODULE(record) STATEMENT_COUNT
static const struct {
    const char *name;
    enum statement read, write;
} records[] = {
#define RECORD(record, how) {#record, STATEMENT_transfer_read_##record, how(record)},
#include "store/transfer.def"
};

const char *transfer_record_name(enum transfer_record record)
{
    return records[record].name;
}

const struct transfer_field *transfer_fields(enum transfer_record record, size_t *ret_count)
{
    const size_t all = sizeof fields / sizeof *fields;
    size_t first = 0, count = 0;
    while (fields[first].record != record) /* every record has one */
        first++;
    while (first + count < all && fields[first + count].record == record)
        count++;
    CHECK(count <= TRANSFER_FIELDS_MAX);
    *ret_count = count;
    return &fields[first];
}

/* --- Reading. */

static struct transfer_value number_value(int64_t number)
{
    return (struct transfer_value){.is = TRANSFER_IS_INT, .number = number};
}

static struct transfer_value column_value(sqlite3_stmt *stmt, int column)
{
    struct transfer_value value = {.is = TRANSFER_IS_NULL};
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        return number_value(sqlite3_column_int64(stmt, column));
    case SQLITE_FLOAT:
        value.is = TRANSFER_IS_REAL;
        value.real = sqlite3_column_double(stmt, column);
        return value;
    case SQLITE_TEXT:
        value.is = TRANSFER_IS_TEXT;
        value.data = (const char *)sqlite3_column_text(stmt, column);
        break;
    case SQLITE_BLOB:
        value.is = TRANSFER_IS_BYTES;
        value.data = sqlite3_column_blob(stmt, column);
        break;
    default:
        return value;
    }
    value.size = (size_t)sqlite3_column_bytes(stmt, column);
    if (!value.data)
        value.data = "";
    return value;
}

static struct transfer_value view_value(struct bytes_view view)
{
    return (struct transfer_value){.is = view.data ? TRANSFER_IS_BYTES : TRANSFER_IS_NULL,
                                   .data = (const char *)view.data,
                                   .size = view.size};
}

/* NULL where it is what persistence would make of scope and sender. */
static struct transfer_value conversation_value(sqlite3_stmt *stmt, const struct message_row *row)
{
    int64_t owner_id = sqlite3_column_int64(stmt, MESSAGE_PLACES + 2);
    bool is_usual = row->conversation < 0 ||
                    row->conversation == conversation_of_peers(row->sender_id, owner_id);
    return is_usual ? (struct transfer_value){.is = TRANSFER_IS_NULL}
                    : number_value(row->conversation);
}

static void read_message(sqlite3_stmt *stmt, struct transfer_value *ret)
{
    struct message_row row;
    message_row_read(stmt, &row);
    memset(ret, 0, TRANSFER_FIELDS_MAX * sizeof *ret);
    ret[0] = number_value((int64_t)row.seq);
    if (row.is_damaged)
        return;
    ret[1] = view_value((struct bytes_view){row.message_id, sizeof row.message_id});
    ret[1].data = sqlite3_column_blob(stmt, 10); /* lasts as long as the row */
    ret[2] = column_value(stmt, MESSAGE_PLACES + 1);
    ret[3] = column_value(stmt, MESSAGE_PLACES);
    ret[4] = conversation_value(stmt, &row);
    const int64_t numbers[] = {row.kind,      row.flags,      row.priority,     row.created_ms,
                               row.stored_ms, row.expires_ms, row.not_before_ms};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        ret[5 + i] = number_value(numbers[i]);
    const struct bytes_view views[] = {
        row.content_type, row.key,     row.reply_to, row.correlation_id,
        row.parent_id,    row.headers, row.body};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        ret[12 + i] = view_value(views[i]);
}

enum err transfer_read(struct store *store, enum transfer_record record, transfer_visit *visit,
                       void *context)
{
    struct transfer_value values[TRANSFER_FIELDS_MAX];
    sqlite3_stmt *stmt;
    size_t count;
    bool has_row = true;
    (void)transfer_fields(record, &count);
    enum err err = statement_open(store, records[record].read, &stmt);
    if (err != ERR_OK)
        return err;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        if (record == TRANSFER_message)
            read_message(stmt, values);
        for (size_t i = 0; record != TRANSFER_message && i < count; i++)
            values[i] = column_value(stmt, (int)i);
        err = visit(context, record, values);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}

enum err transfer_measure(struct store *store, struct transfer_size *ret)
{
    static const enum statement seqs[] = {STATEMENT_store_last_seq, STATEMENT_store_indexed_seq,
                                          STATEMENT_store_floor_max};
    int64_t last = 0, peer = 0, rows = 0;
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < sizeof seqs / sizeof *seqs; i++) {
        int64_t value = 0;
        err = statement_query_ints(store, seqs[i], 0, NULL, &value, NULL);
        last = value > last ? value : last;
    }
    if (err == ERR_OK)
        err = statement_query_ints(store, STATEMENT_transfer_last_peer, 0, NULL, &peer, NULL);
    if (err == ERR_OK)
        err = statement_query_ints(store, STATEMENT_transfer_count, 0, NULL, &rows, NULL);
    *ret = (struct transfer_size){(uint64_t)last, (uint64_t)peer, (uint64_t)rows};
    return err;
}

enum err transfer_line(struct store *store, const char *name, uint64_t *ret_line)
{
    sqlite3_stmt *stmt;
    bool has_row = false;
    *ret_line = 0;
    enum err err = statement_open(store, STATEMENT_transfer_line, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_text(stmt, 1, name);
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK && has_row)
        *ret_line = (uint64_t)sqlite3_column_int64(stmt, 0);
    return statement_close(stmt, err);
}

enum err transfer_is_empty(struct store *store, bool *ret_is_empty)
{
    int64_t is_used = 1;
    enum err err = statement_query_ints(store, STATEMENT_transfer_is_used, 0, NULL, &is_used, NULL);
    *ret_is_empty = is_used == 0;
    return err;
}

/* --- Writing. */

static void bind(sqlite3_stmt *stmt, int index, const struct transfer_value *value)
{
    const char *data = value->data ? value->data : "";
    switch (value->is) {
    case TRANSFER_IS_NULL:
        CHECK(sqlite3_bind_null(stmt, index) == SQLITE_OK);
        break;
    case TRANSFER_IS_INT:
        CHECK(sqlite3_bind_int64(stmt, index, value->number) == SQLITE_OK);
        break;
    case TRANSFER_IS_REAL:
        CHECK(sqlite3_bind_double(stmt, index, value->real) == SQLITE_OK);
        break;
    case TRANSFER_IS_TEXT:
        CHECK(sqlite3_bind_text(stmt, index, data, (int)value->size, SQLITE_STATIC) == SQLITE_OK);
        break;
    case TRANSFER_IS_BYTES:
        CHECK(sqlite3_bind_blob(stmt, index, data, (int)value->size, SQLITE_STATIC) == SQLITE_OK);
        break;
    }
}

static struct bytes_view view_of(const struct transfer_value *value)
{
    bool is_there = value->is == TRANSFER_IS_TEXT || value->is == TRANSFER_IS_BYTES;
    return is_there ? (struct bytes_view){(const uint8_t *)value->data, value->size}
                    : (struct bytes_view){NULL, 0};
}

/* The keys that scope and sender stand for. ERR_BAD_FIELD: one of them is not there. */
static enum err find_place(struct store *store, const struct transfer_value *parameters,
                           struct message_row *row)
{
    sqlite3_stmt *stmt;
    bool has_row = false;
    enum err err = statement_open(store, STATEMENT_transfer_message_place, &stmt);
    if (err != ERR_OK)
        return err;
    bind(stmt, 1, &parameters[4]);
    bind(stmt, 2, &parameters[2]);
    bind(stmt, 3, &parameters[3]);
    err = statement_step(store, stmt, &has_row);
    if (err == ERR_OK && (!has_row || sqlite3_column_type(stmt, 0) == SQLITE_NULL))
        err = store_fail(store, ERR_BAD_FIELD, "its scope or its sender is not in the file");
    if (err == ERR_OK) {
        int64_t owner_id = sqlite3_column_int64(stmt, 2);
        row->sender_id = sqlite3_column_int64(stmt, 0);
        row->scope_id = sqlite3_column_int64(stmt, 1);
        bool is_mailbox = parameters[2].number == 1;
        row->conversation = is_mailbox ? conversation_of_peers(row->sender_id, owner_id)
                                       : conversation_of_scope(row->scope_id);
        if (parameters[5].is == TRANSFER_IS_INT)
            row->conversation = parameters[5].number;
    }
    return statement_close(stmt, err);
}

/* Numbers that a message cannot have would be damage later. */
static bool is_in_range(const struct transfer_value *parameters)
{
    for (int i = 6; i <= 8; i++) {
        if (parameters[i].is != TRANSFER_IS_INT || parameters[i].number < 0 ||
            parameters[i].number > INT32_MAX)
            return false;
    }
    for (int i = 9; i <= 12; i++) {
        if (parameters[i].is != TRANSFER_IS_INT || parameters[i].number < 0)
            return false;
    }
    bool is_conversation = parameters[5].is == TRANSFER_IS_NULL ||
                           (parameters[5].is == TRANSFER_IS_INT && parameters[5].number > 0);
    return is_conversation && parameters[1].is == TRANSFER_IS_BYTES && parameters[1].size == 16 &&
           parameters[0].is == TRANSFER_IS_INT && parameters[0].number > 0 &&
           parameters[0].number < SEQ_MAX && parameters[4].is != TRANSFER_IS_NULL;
}

/* The deferred tables begin where the log does, without walking the seqs before it. */
static enum err skip_gap(struct store *store, uint64_t seq)
{
    enum err err = ERR_OK;
    if (store->indexed_seq == store->last_seq && seq > store->last_seq + 1) {
        err = statement_run_ints(store, STATEMENT_index_progress, INTS((int64_t)seq - 1));
        store->indexed_seq = seq - 1;
    }
    store->last_seq = seq - 1;
    return err;
}

static enum err write_message(struct store *store, const struct transfer_value *parameters)
{
    struct message_row row = {.seq = 0};
    if (!is_in_range(parameters))
        return store_fail(store, ERR_BAD_FIELD, "a number that no message has");
    uint64_t seq = (uint64_t)parameters[0].number;
    if (seq <= store->last_seq)
        return store_fail(store, ERR_BAD_FIELD, "its seq is not above those before it");
    enum err err = find_place(store, parameters, &row);
    if (err != ERR_OK)
        return err;
    memcpy(row.message_id, parameters[1].data, sizeof row.message_id);
    row.kind = (uint32_t)parameters[6].number;
    row.flags = (uint32_t)parameters[7].number;
    row.priority = (uint32_t)parameters[8].number;
    row.created_ms = parameters[9].number;
    row.stored_ms = parameters[10].number;
    row.expires_ms = parameters[11].number;
    row.not_before_ms = parameters[12].number;
    struct bytes_view *const views[] = {
        &row.content_type, &row.key,     &row.reply_to, &row.correlation_id,
        &row.parent_id,    &row.headers, &row.body};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        *views[i] = view_of(&parameters[13 + i]);
    err = skip_gap(store, seq);
    return err == ERR_OK ? message_append(store, &row) : err;
}

static bool copy_text(const struct transfer_value *value, char ret[TEXT_BYTES_MAX])
{
    if (value->is != TRANSFER_IS_TEXT || value->size >= TEXT_BYTES_MAX)
        return false;
    memcpy(ret, value->data, value->size);
    ret[value->size] = '\0';
    return true;
}

static enum err write_audit(struct store *store, const struct transfer_value *parameters)
{
    char texts[4][TEXT_BYTES_MAX];
    bool is_right = parameters[0].is == TRANSFER_IS_INT;
    for (int i = 0; is_right && i < 4; i++)
        is_right = copy_text(&parameters[1 + i], texts[i]);
    if (!is_right)
        return store_fail(store, ERR_BAD_FIELD, "it lacks a time or a text, or one is too long");
    struct audit_row row = {.at_ms = parameters[0].number,
                            .actor = texts[0],
                            .action = texts[1],
                            .target = texts[2],
                            .detail = texts[3]};
    return audit_append(store, &row);
}

static bool is_lobby(const struct transfer_value *parameters)
{
    return parameters[0].number == 2 && parameters[2].size == 5 &&
           memcmp(parameters[2].data, "lobby", 5) == 0;
}

/* Positions that the newest message is missing for (its line was damaged, or of a scope that was not
 * exported) end with the log. Which of the parameters is one; -1: none. */
static int position_of(enum transfer_record record)
{
    return record == TRANSFER_consumer                                 ? 3
           : record == TRANSFER_marker || record == TRANSFER_exception ? 4
                                                                       : -1;
}

static enum err write_row(struct store *store, enum transfer_record record,
                          const struct transfer_value *parameters, size_t count)
{
    sqlite3_stmt *stmt;
    struct transfer_value end = number_value((int64_t)store->last_seq);
    int position = position_of(record);
    if (record == TRANSFER_exception && parameters[3].number > end.number)
        return store_fail(store, ERR_BAD_FIELD, "its message is not in the file");
    bool is_beyond = position >= 0 && parameters[position].number > end.number;
    enum err err = statement_open(store, records[record].write, &stmt);
    if (err != ERR_OK)
        return err;
    CHECK((int)count == sqlite3_bind_parameter_count(stmt));
    for (size_t i = 0; i < count; i++)
        bind(stmt, (int)i + 1, is_beyond && (int)i == position ? &end : &parameters[i]);
    err = statement_run(store, stmt);
    if (err != ERR_OK || sqlite3_changes(store->db) > 0)
        return err;
    if (record == TRANSFER_acl)
        return store_fail(store, ERR_BAD_FIELD, "there are more rules than a broker takes");
    if (record == TRANSFER_scope && !is_lobby(parameters))
        return store_fail(store, ERR_BAD_FIELD, "there is one of this name already");
    return ERR_OK;
}

enum err transfer_write(struct store *store, enum transfer_record record,
                        const struct transfer_value *parameters, size_t count, bool *ret_is_row)
{
    CHECK(store->is_in_transaction);
    store->error_code = SQLITE_OK;
    enum err err;
    if (record == TRANSFER_message)
        err = write_message(store, parameters);
    else if (record == TRANSFER_audit)
        err = write_audit(store, parameters);
    else
        err = write_row(store, record, parameters, count);
    bool is_constraint = (store->error_code & 0xff) == SQLITE_CONSTRAINT;
    *ret_is_row = err == ERR_BAD_FIELD || err == ERR_TOO_LARGE || is_constraint;
    return err;
}

enum err transfer_set_line(struct store *store, const char *name, uint64_t line)
{
    CHECK(store->is_in_transaction);
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_transfer_set_line, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)line));
    statement_bind_text(stmt, 2, name);
    return statement_run(store, stmt);
}

enum err transfer_finish(struct store *store, uint64_t last_peer_id)
{
    CHECK(store->is_in_transaction);
    uint64_t left = 1;
    enum err err = ERR_OK;
    while (err == ERR_OK && left > 0)
        err = message_index_slice(store, INDEX_ROWS, &left);
    if (err == ERR_OK)
        err = statement_run_ints(store, STATEMENT_transfer_count_members, 0, NULL);
    if (err == ERR_OK)
        err = statement_run_ints(store, STATEMENT_transfer_set_last_peer,
                                 INTS((int64_t)last_peer_id));
    return err;
}
