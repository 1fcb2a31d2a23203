/* SPDX-License-Identifier: MPL-2.0
 *
 * See export_file.h.
 */
#include "clients/cli/export_file.h"

#include <math.h>
#include <string.h>

#include "broker.pb-c.h"
#include "clients/c/roost.h"
#include "clients/cli/json.h"
#include "proto/unicode.h"
#include "proto/uuid.h"
#include "rt/check.h"
#include "rt/hash.h"
#include "store/store.h"
#include "store/transfer.h"

#define MESSAGES_MAX (1u << 28) /* of an export of some scopes: their seqs are kept in mind */

struct writing {
    const struct export_file_options *options;
    struct export_file_report *report;
    struct json json;
    uint64_t total;
    struct u64map seqs; /* of the messages that were written, when not everything is */
};

/* --- Values. */

static void put_signed(struct json *json, const char *name, int64_t number)
{
    if (number >= 0)
        json_number(json, name, (uint64_t)number);
    else
        json_negative(json, name, number);
}

/* Text where it is text, else as base64 in a member of another name. */
static void put_bytes(struct json *json, const char *name, const void *bytes, size_t size)
{
    char encoded[64];
    if (unicode_is_valid(bytes, size)) {
        json_text_bytes(json, name, bytes, size);
        return;
    }
    (void)snprintf(encoded, sizeof(encoded), "%s_base64", name);
    json_base64(json, encoded, bytes, size);
}

static void put_uuid(struct json *json, const char *name, const struct transfer_value *value)
{
    char text[UUID_TEXT_LENGTH + 1];
    if (value->size != UUID_BYTES)
        return;
    uuid_format((const uint8_t *)value->data, text);
    json_text(json, name, text);
}

static void put_headers(struct json *json, const struct transfer_value *value)
{
    Roost__V1__HeaderList *list =
        roost__v1__header_list__unpack(NULL, value->size, (const uint8_t *)value->data);
    if (!list) {
        json_base64(json, "headers_base64", value->data, value->size);
        return;
    }
    json_array(json, "headers");
    for (size_t i = 0; i < list->n_headers; i++) {
        json_object(json, NULL);
        put_bytes(json, "name", list->headers[i]->name.data, list->headers[i]->name.len);
        put_bytes(json, "value", list->headers[i]->value.data, list->headers[i]->value.len);
        json_object_end(json);
    }
    json_array_end(json);
    roost__v1__header_list__free_unpacked(list, NULL);
}

static void put_value(struct json *json, const struct transfer_field *field,
                      const struct transfer_value *value)
{
    if (value->is == TRANSFER_IS_NULL)
        return;
    if (field->type == TRANSFER_BOOL)
        json_bool(json, field->name, value->number != 0);
    else if (value->is == TRANSFER_IS_INT)
        put_signed(json, field->name, value->number);
    else if (value->is == TRANSFER_IS_REAL)
        json_exact(json, field->name, value->real);
    else if (field->type == TRANSFER_UUID)
        put_uuid(json, field->name, value);
    else if (field->type == TRANSFER_BYTES && strcmp(field->name, "headers") == 0)
        put_headers(json, value);
    else
        put_bytes(json, field->name, value->data, value->size);
}

/* --- What is asked for. */

static bool is_asked_scope(const struct export_file_options *options,
                           const struct transfer_value *value)
{
    for (size_t i = 0; i < options->scope_count; i++) {
        if (value->is == TRANSFER_IS_TEXT && strlen(options->scopes[i]) == value->size &&
            memcmp(options->scopes[i], value->data, value->size) == 0)
            return true;
    }
    return false;
}

/* Of some scopes: what is in them, and the peers, whose names the lines need. */
static bool is_asked(struct writing *writing, enum transfer_record record,
                     const struct transfer_value *values)
{
    uint64_t ignored;
    size_t count;
    if (writing->options->scope_count == 0 || record == TRANSFER_peer)
        return true;
    if (record == TRANSFER_edit || record == TRANSFER_tombstone || record == TRANSFER_reaction)
        return u64map_get(&writing->seqs, (uint64_t)values[0].number, &ignored);
    const struct transfer_field *fields = transfer_fields(record, &count);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].type == TRANSFER_SCOPE || fields[i].type == TRANSFER_NEW_SCOPE)
            return is_asked_scope(writing->options, &values[i]);
    }
    return false; /* accounts, the audit log ... */
}

/* --- Lines. */

static enum err write_row(void *context, enum transfer_record record,
                          const struct transfer_value *values)
{
    struct writing *writing = context;
    const struct export_file_options *options = writing->options;
    size_t count;
    const struct transfer_field *fields = transfer_fields(record, &count);
    bool is_damaged = record == TRANSFER_message && values[1].is == TRANSFER_IS_NULL;
    writing->report->damaged += is_damaged;
    if (is_damaged && options->on_damaged)
        options->on_damaged(options->context, (uint64_t)values[0].number);
    if (is_damaged || !is_asked(writing, record, values))
        return ferror(options->out) ? ERR_STORAGE : ERR_OK;
    json_begin(&writing->json, options->out);
    json_object(&writing->json, NULL);
    json_text(&writing->json, "record", transfer_record_name(record));
    for (size_t i = 0; i < count; i++)
        put_value(&writing->json, &fields[i], &values[i]);
    json_object_end(&writing->json);
    json_end_line(&writing->json);
    writing->report->rows++;
    writing->report->messages += record == TRANSFER_message;
    if (options->on_progress)
        options->on_progress(options->context, writing->report->rows, writing->total);
    if (ferror(options->out))
        return ERR_STORAGE;
    bool is_kept = record == TRANSFER_message && options->scope_count > 0;
    return is_kept ? u64map_put(&writing->seqs, (uint64_t)values[0].number, 1) : ERR_OK;
}

static void write_header(struct writing *writing, const struct transfer_size *size)
{
    const struct export_file_options *options = writing->options;
    struct json *json = &writing->json;
    struct uuid_source source = {.last_ms = 0};
    struct store_stats stats;
    uint8_t id[UUID_BYTES];
    char text[UUID_TEXT_LENGTH + 1];
    uuid_next(&source, (struct wall_time){.ms = options->now_ms}, id);
    uuid_format(id, text);
    store_stats(options->store, &stats);
    json_begin(json, options->out);
    json_object(json, NULL);
    json_text(json, "record", EXPORT_RECORD);
    json_number(json, "version", EXPORT_VERSION);
    json_text(json, "export_id", text);
    json_number(json, "created_ms", (uint64_t)options->now_ms);
    json_text(json, "software", roost_version());
    json_number(json, "schema_version", (uint64_t)stats.schema_version);
    json_number(json, "last_seq", size->last_seq);
    json_number(json, "last_peer_id", size->last_peer_id);
    json_number(json, "rows", size->rows);
    if (options->scope_count > 0) {
        json_array(json, "scopes");
        for (size_t i = 0; i < options->scope_count; i++)
            json_text(json, NULL, options->scopes[i]);
        json_array_end(json);
    }
    json_object_end(json);
    json_end_line(json);
}

static void write_end(struct writing *writing)
{
    json_begin(&writing->json, writing->options->out);
    json_object(&writing->json, NULL);
    json_text(&writing->json, "record", EXPORT_END);
    json_number(&writing->json, "rows", writing->report->rows);
    json_object_end(&writing->json);
    json_end_line(&writing->json);
}

enum err export_file_write(const struct export_file_options *options,
                           struct export_file_report *ret)
{
    struct writing writing = {.options = options, .report = ret};
    struct transfer_size size;
    *ret = (struct export_file_report){.rows = 0};
    u64map_init(&writing.seqs, MESSAGES_MAX);
    enum err err = store_read_begin(options->store);
    if (err)
        return err;
    err = transfer_measure(options->store, &size);
    writing.total = size.rows;
    if (!err)
        write_header(&writing, &size);
    for (int record = 0; !err && record < TRANSFER_RECORD_COUNT; record++)
        err = transfer_read(options->store, (enum transfer_record)record, write_row, &writing);
    if (!err)
        write_end(&writing);
    store_read_end(options->store);
    u64map_fini(&writing.seqs);
    return err;
}
