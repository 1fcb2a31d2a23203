/* SPDX-License-Identifier: MPL-2.0
 *
 * See import_line.h.
 */
#include "clients/cli/import_line.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/acl.h"
#include "actors/phc.h"
#include "broker.pb-c.h"
#include "clients/cli/export_file.h"
#include "proto/uuid.h"

#define FLAGS        (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)
#define DEFAULT_REAL (-1) /* reliability: not said */

__attribute__((format(printf, 2, 3))) static bool say(struct import_line *line, const char *format,
                                                      ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line->problem, sizeof(line->problem), format, arguments);
    va_end(arguments);
    return false;
}

/* --- The first line. */

bool import_head_parse(struct import_head *head, const char *text, size_t size,
                       char ret_problem[IMPORT_FILE_TEXT_BYTES])
{
    json_t *object = json_loadb(text, size, FLAGS, NULL);
    const char *record = json_string_value(json_object_get(object, "record"));
    const char *id = json_string_value(json_object_get(object, "export_id"));
    json_int_t version = json_integer_value(json_object_get(object, "version"));
    json_int_t last_seq = json_integer_value(json_object_get(object, "last_seq"));
    json_int_t last_peer = json_integer_value(json_object_get(object, "last_peer_id"));
    json_int_t rows = json_integer_value(json_object_get(object, "rows"));
    bool is_ours = record && strcmp(record, EXPORT_RECORD) == 0;
    bool is_known = is_ours && version == EXPORT_VERSION;
    bool is_whole = is_known && id && strlen(id) > 0 && strlen(id) < sizeof(head->export_id) &&
                    last_seq >= 0 && last_peer >= 0 && rows >= 0;
    if (!is_ours)
        (void)snprintf(ret_problem, IMPORT_FILE_TEXT_BYTES, "it is no export of roost");
    else if (!is_known)
        (void)snprintf(ret_problem, IMPORT_FILE_TEXT_BYTES,
                       "it has version %" JSON_INTEGER_FORMAT ", and this program reads %d",
                       version, EXPORT_VERSION);
    else if (!is_whole)
        (void)snprintf(ret_problem, IMPORT_FILE_TEXT_BYTES, "its first line is damaged");
    if (is_whole) {
        (void)snprintf(head->export_id, sizeof(head->export_id), "%s", id);
        head->size = (struct transfer_size){.last_seq = (uint64_t)last_seq,
                                            .last_peer_id = (uint64_t)last_peer,
                                            .rows = (uint64_t)rows};
    }
    json_decref(object);
    return is_whole;
}

/* --- Values. */

static struct transfer_value *add(struct import_line *line, struct transfer_value value)
{
    line->parameters[line->parameter_count] = value;
    return &line->parameters[line->parameter_count++];
}

static void add_null(struct import_line *line)
{
    (void)add(line, (struct transfer_value){.is = TRANSFER_IS_NULL});
}

static void add_number(struct import_line *line, int64_t number)
{
    (void)add(line, (struct transfer_value){.is = TRANSFER_IS_INT, .number = number});
}

static void add_text(struct import_line *line, const char *text, size_t size)
{
    (void)add(line, (struct transfer_value){.is = TRANSFER_IS_TEXT, .data = text, .size = size});
}

static void add_bytes(struct import_line *line, const void *bytes, size_t size)
{
    (void)add(line, (struct transfer_value){.is = TRANSFER_IS_BYTES, .data = bytes, .size = size});
}

static bool add_folded(struct import_line *line, const char *name, size_t size)
{
    const char *why = NULL;
    struct name_folded *folded = &line->folded[line->folded_count];
    if (name_check(name, size, &why) || name_fold(name, size, folded))
        return say(line, "%s", why ? why : "this is no name");
    line->folded_count++;
    add_text(line, folded->text, strlen(folded->text));
    return true;
}

static bool add_peer(struct import_line *line, const json_t *value)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0)
        add_number(line, json_integer_value(value));
    else if (json_is_string(value))
        add_text(line, json_string_value(value), json_string_length(value));
    else
        return say(line, "a peer is a name or a number");
    return true;
}

static bool add_scope(struct import_line *line, const json_t *value, bool is_new)
{
    struct scope_name scope;
    const char *why = NULL;
    if (!json_is_string(value))
        return say(line, "a scope is a text");
    if (scope_parse_pattern(json_string_value(value), json_string_length(value), &scope, &why))
        return say(line, "%s", why ? why : "this is no scope");
    add_number(line, (int64_t)scope.prefix);
    if (is_new)
        add_text(line, scope.name, scope.name_size);
    struct name_folded *folded = &line->folded[line->folded_count];
    if (name_fold(scope.name, scope.name_size, folded))
        return say(line, "this is no name of a scope");
    line->folded_count++;
    add_text(line, folded->text, strlen(folded->text));
    return true;
}

static bool add_uuid(struct import_line *line, const json_t *value)
{
    uint8_t *uuid = line->uuids[line->uuid_count];
    if (!json_is_string(value) ||
        uuid_parse(json_string_value(value), json_string_length(value), uuid))
        return say(line, "this is no id");
    line->uuid_count++;
    add_bytes(line, uuid, UUID_BYTES);
    return true;
}

/* Kept until the line is done. */
static void *keep(struct import_line *line, size_t size)
{
    void *bytes = malloc(size ? size : 1);
    if (bytes)
        line->decoded[line->decoded_count++] = bytes;
    return bytes;
}

static bool decode(struct import_line *line, const json_t *value, const uint8_t **ret, size_t *size)
{
    size_t length = json_string_length(value);
    size_t most = length / 4 * 3 + 3;
    uint8_t *bytes = json_is_string(value) ? keep(line, most) : NULL;
    if (!bytes || sodium_base642bin(bytes, most, json_string_value(value), length, NULL, size, NULL,
                                    sodium_base64_VARIANT_ORIGINAL) != 0)
        return say(line, "this is no base64");
    *ret = bytes;
    return true;
}

/* The member `name`, or `name`_base64. *ret NULL: there is none. */
static bool find_bytes(struct import_line *line, const json_t *object, const char *name,
                       const uint8_t **ret, size_t *ret_size)
{
    char encoded[64];
    const json_t *value = json_object_get(object, name);
    *ret = NULL;
    *ret_size = 0;
    if (json_is_string(value)) {
        *ret = (const uint8_t *)json_string_value(value);
        *ret_size = json_string_length(value);
        return true;
    }
    if (value)
        return say(line, "`%s` is no text", name);
    (void)snprintf(encoded, sizeof(encoded), "%s_base64", name);
    value = json_object_get(object, encoded);
    return !value || decode(line, value, ret, ret_size);
}

static bool pack_headers(struct import_line *line, const json_t *array)
{
    Roost__V1__Header headers[WIRE_HEADERS_MAX], *pointers[WIRE_HEADERS_MAX];
    Roost__V1__HeaderList list = ROOST__V1__HEADER_LIST__INIT;
    size_t count = json_array_size(array);
    if (count > WIRE_HEADERS_MAX)
        return say(line, "it has more than %u headers", WIRE_HEADERS_MAX);
    for (size_t i = 0; i < count; i++) {
        const json_t *object = json_array_get(array, i);
        const uint8_t *name, *value;
        size_t name_size, value_size;
        roost__v1__header__init(&headers[i]);
        if (!find_bytes(line, object, "name", &name, &name_size) ||
            !find_bytes(line, object, "value", &value, &value_size))
            return false;
        if (name_size > WIRE_HEADER_NAME_BYTES_MAX || value_size > WIRE_HEADER_VALUE_BYTES_MAX)
            return say(line, "a header is too long");
        headers[i].name = (ProtobufCBinaryData){name_size, (uint8_t *)(uintptr_t)name};
        headers[i].value = (ProtobufCBinaryData){value_size, (uint8_t *)(uintptr_t)value};
        pointers[i] = &headers[i];
    }
    list.n_headers = count;
    list.headers = pointers;
    size_t size = roost__v1__header_list__get_packed_size(&list);
    uint8_t *bytes = keep(line, size);
    if (!bytes)
        return say(line, "there is no memory for its headers");
    add_bytes(line, bytes, roost__v1__header_list__pack(&list, bytes));
    return true;
}

static bool add_field_bytes(struct import_line *line, const char *name)
{
    const uint8_t *bytes;
    size_t size;
    const json_t *value = json_object_get(line->object, name);
    bool is_body = strcmp(name, "body") == 0;
    if (strcmp(name, "headers") == 0 && json_is_array(value))
        return pack_headers(line, value);
    if (!find_bytes(line, line->object, name, &bytes, &size))
        return false;
    if (size > (is_body ? WIRE_BODY_BYTES_CAP : WIRE_ENTRY_OVERHEAD_BYTES_MAX))
        return say(line, "`%s` is too long", name);
    if (bytes)
        add_bytes(line, bytes, size);
    else
        add_null(line);
    return true;
}

/* --- Fields. */

static bool add_given(struct import_line *line, const struct transfer_field *field,
                      const json_t *value)
{
    switch (field->type) {
    case TRANSFER_INT:
    case TRANSFER_BOOL:
        if (!json_is_integer(value) && !json_is_boolean(value))
            return say(line, "`%s` is no whole number", field->name);
        add_number(line, json_is_integer(value) ? json_integer_value(value) : json_is_true(value));
        return true;
    case TRANSFER_REAL:
        if (!json_is_number(value))
            return say(line, "`%s` is no number", field->name);
        (void)add(line, (struct transfer_value){.is = TRANSFER_IS_REAL,
                                                .real = json_number_value(value)});
        return true;
    case TRANSFER_TEXT:
        if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
            return say(line, "`%s` is no text", field->name);
        add_text(line, json_string_value(value), json_string_length(value));
        return true;
    case TRANSFER_UUID:
        return add_uuid(line, value);
    case TRANSFER_PEER:
        return add_peer(line, value);
    case TRANSFER_NEW_PEER:
        if (!json_is_string(value))
            return say(line, "`%s` is no text", field->name);
        add_text(line, json_string_value(value), json_string_length(value));
        return add_folded(line, json_string_value(value), json_string_length(value));
    case TRANSFER_SCOPE:
    case TRANSFER_NEW_SCOPE:
        return add_scope(line, value, field->type == TRANSFER_NEW_SCOPE);
    case TRANSFER_BYTES:
        break;
    }
    return false;
}

/* What a line of an older version, or one written by hand, may leave out. */
static bool add_default(struct import_line *line, const struct transfer_field *field)
{
    bool is_optional = line->record == TRANSFER_message || line->record == TRANSFER_marker;
    switch (field->type) {
    case TRANSFER_INT:
        if (line->record == TRANSFER_message && strcmp(field->name, "conversation") == 0)
            add_null(line);
        else
            add_number(line, 0);
        return true;
    case TRANSFER_BOOL:
        add_number(line, 0);
        return true;
    case TRANSFER_REAL:
        (void)add(line, (struct transfer_value){.is = TRANSFER_IS_REAL, .real = DEFAULT_REAL});
        return true;
    case TRANSFER_TEXT:
        add_text(line, "", 0);
        return true;
    case TRANSFER_SCOPE:
        add_null(line);
        add_null(line);
        return is_optional || say(line, "it lacks `%s`", field->name);
    case TRANSFER_PEER:
        add_null(line);
        return is_optional || say(line, "it lacks `%s`", field->name);
    case TRANSFER_UUID:
        add_null(line);
        return is_optional || say(line, "it lacks `%s`", field->name);
    case TRANSFER_NEW_PEER:
    case TRANSFER_NEW_SCOPE:
    case TRANSFER_BYTES:
        break;
    }
    return say(line, "it lacks `%s`", field->name);
}

static bool add_field(struct import_line *line, const struct transfer_field *field)
{
    const json_t *value = json_object_get(line->object, field->name);
    if (field->type == TRANSFER_BYTES)
        return add_field_bytes(line, field->name);
    return value ? add_given(line, field, value) : add_default(line, field);
}

/* --- The line. */

void import_line_init(struct import_line *line)
{
    line->object = NULL;
    line->record_name[0] = line->problem[0] = '\0';
    line->is_end = false;
    line->parameter_count = line->folded_count = line->uuid_count = line->decoded_count = 0;
}

static bool find_record(struct import_line *line)
{
    const char *name = json_string_value(json_object_get(line->object, "record"));
    (void)snprintf(line->record_name, sizeof(line->record_name), "%s", name ? name : "");
    line->is_end = strcmp(line->record_name, EXPORT_END) == 0;
    for (int i = 0; i < TRANSFER_RECORD_COUNT; i++) {
        if (strcmp(line->record_name, transfer_record_name((enum transfer_record)i)) == 0) {
            line->record = (enum transfer_record)i;
            return true;
        }
    }
    return line->is_end || say(line, "it does not say what it is");
}

/* A hash that nobody could verify, or only at a price that stops the broker. */
static bool check_hash(struct import_line *line)
{
    struct phc_cost cost;
    const char *hash = json_string_value(json_object_get(line->object, "password_hash"));
    return !hash || !hash[0] || phc_check(hash, strlen(hash), &cost) == ERR_OK ||
           say(line, "its password hash is not one of Argon2id that can be verified");
}

static struct acl_text text_of(const struct import_line *line, const char *name)
{
    const json_t *value = json_object_get(line->object, name);
    const char *text = json_string_value(value);
    return (struct acl_text){text ? text : "", json_string_length(value)};
}

/* What no broker understands counts nowhere: one that denies would be lost silently. */
static bool check_rule(struct import_line *line)
{
    const char *problem = NULL;
    json_int_t actions = json_integer_value(json_object_get(line->object, "actions"));
    if (line->record != TRANSFER_acl)
        return true;
    struct acl_words words = {
        .subject = text_of(line, "subject"),
        .scope = text_of(line, "scope"),
        .actions = actions > 0 && actions <= ACL_ALL ? (uint32_t)actions : 0,
    };
    if (acl_check_words(&words, &problem) == ERR_OK)
        return true;
    return say(line, "this is no rule: %s", problem ? problem : "a part of it is missing");
}

static bool check_peer(struct import_line *line)
{
    json_int_t id = json_integer_value(json_object_get(line->object, "id"));
    return line->record != TRANSFER_peer || (id > 0 && id <= INT32_MAX) ||
           say(line, "its id is not between 1 and 2147483647");
}

void import_line_parse(struct import_line *line, const char *text, size_t size)
{
    json_error_t error;
    size_t count;
    line->object = json_loadb(text, size, FLAGS, &error);
    if (!json_is_object(line->object)) {
        (void)say(line, "it is no JSON object: %s", line->object ? "of another type" : error.text);
        return;
    }
    if (!find_record(line) || line->is_end || !check_hash(line) || !check_peer(line) ||
        !check_rule(line))
        return;
    const struct transfer_field *fields = transfer_fields(line->record, &count);
    for (size_t i = 0; i < count; i++) {
        if (!add_field(line, &fields[i]))
            return;
    }
}

void import_line_fini(struct import_line *line)
{
    for (size_t i = 0; i < line->decoded_count; i++)
        free(line->decoded[i]);
    json_decref(line->object);
}
