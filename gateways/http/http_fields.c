/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_fields.h.
 */
#include "gateways/http/http_fields.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/http/http_internal.h"
#include "gateways/http/http_json.h"
#include "proto/uuid.h"

const struct http_field_row http_field_rows[HTTP_FIELD_COUNT] = {
#define FIELD(name, type, descriptor, summary) {#name, HTTP_TYPE_##type, descriptor, summary},
#include "gateways/http/fields.def"
#undef FIELD
};

struct reading {
    const char *wanted;
    struct http_fields *fields;
    char *problem;
};

static enum err complain(const struct reading *reading, enum err err, const char *name,
                         const char *what)
{
    (void)snprintf(reading->problem, HTTP_PROBLEM_BYTES_MAX, "%.60s: %s", name,
                   what); /* cut is fine */
    return err;
}

static struct http_text text_of(const json_t *value)
{
    return http_text_of(json_string_value(value), json_string_length(value));
}

/* --- One value. */

static enum err take_number(const struct reading *reading, enum http_field field,
                            const json_t *value)
{
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0)
        return complain(reading, ERR_BAD_FIELD, http_field_rows[field].name,
                        "must be a whole number, not negative");
    reading->fields->number[field] = (uint64_t)number;
    return ERR_OK;
}

static enum err take_enum(const struct reading *reading, enum http_field field, const json_t *value)
{
    const struct http_field_row *row = &http_field_rows[field];
    struct http_text text = json_is_string(value) ? text_of(value) : http_text_of("", 0);
    int number;
    if (!http_enum_value(row->descriptor, text.data, text.size, &number))
        return complain(reading, ERR_BAD_FIELD, row->name,
                        "is none of its names; /api/v1/openapi.json lists them");
    reading->fields->number[field] = (uint64_t)number;
    return ERR_OK;
}

static enum err take_ids(const struct reading *reading, enum http_field field, const json_t *value)
{
    const char *name = http_field_rows[field].name;
    bool is_list = http_field_rows[field].type == HTTP_TYPE_IDS;
    size_t count = is_list ? json_array_size(value) : 1;
    if (is_list && (!json_is_array(value) || count == 0 || count > WIRE_IDS_MAX))
        return complain(reading, ERR_BAD_FIELD, name, "must be a list of 1 to 500 ids");
    uint8_t *bytes = malloc(count * UUID_BYTES);
    if (!bytes)
        return ERR_BUSY;
    reading->fields->bytes[field] = bytes;
    for (size_t i = 0; i < count; i++) {
        const json_t *one = is_list ? json_array_get(value, i) : value;
        struct http_text text = json_is_string(one) ? text_of(one) : http_text_of("", 0);
        if (uuid_parse(text.data, text.size, bytes + i * UUID_BYTES) != ERR_OK)
            return complain(reading, ERR_BAD_FIELD, name, "is no UUID");
    }
    reading->fields->text[field] = http_text_of(bytes, count * UUID_BYTES);
    return ERR_OK;
}

static enum err take_base64(const struct reading *reading, enum http_field field,
                            const json_t *value)
{
    const char *name = http_field_rows[field].name;
    if (!json_is_string(value))
        return complain(reading, ERR_BAD_FIELD, name, "must be text");
    struct http_text text = text_of(value);
    size_t room = text.size / 4 * 3 + 3, size = 0;
    uint8_t *bytes = malloc(room);
    if (!bytes)
        return ERR_BUSY;
    reading->fields->bytes[field] = bytes;
    if (sodium_base642bin(bytes, room, text.data, text.size, NULL, &size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return complain(reading, ERR_BAD_FIELD, name, "is no base64");
    reading->fields->text[field] = http_text_of(bytes, size);
    return ERR_OK;
}

static enum err take_header(const struct reading *reading, const json_t *value)
{
    struct http_fields *fields = reading->fields;
    const json_t *name = json_object_get(value, "name"), *text = json_object_get(value, "value");
    if (!json_is_string(name) || !json_is_string(text) || json_object_size(value) != 2)
        return complain(reading, ERR_BAD_FIELD, "headers",
                        "must be a list of {\"name\": text, \"value\": text}");
    Roost__V1__Header *header = &fields->headers[fields->header_count];
    roost__v1__header__init(header);
    header->name = bytes_of(json_string_value(name), json_string_length(name));
    header->value = bytes_of(json_string_value(text), json_string_length(text));
    fields->header_list[fields->header_count++] = header;
    return ERR_OK;
}

static enum err take_headers(const struct reading *reading, const json_t *value)
{
    enum err err = ERR_OK;
    size_t count = json_array_size(value);
    if (!json_is_array(value) || count > WIRE_HEADERS_MAX)
        return complain(reading, ERR_BAD_FIELD, "headers", "must be a list of at most 32");
    for (size_t i = 0; i < count && !err; i++)
        err = take_header(reading, json_array_get(value, i));
    return err;
}

static enum err take_value(const struct reading *reading, enum http_field field,
                           const json_t *value)
{
    const char *name = http_field_rows[field].name;
    switch (http_field_rows[field].type) {
    case HTTP_TYPE_TEXT:
        if (!json_is_string(value))
            return complain(reading, ERR_BAD_FIELD, name, "must be text");
        reading->fields->text[field] = text_of(value);
        return ERR_OK;
    case HTTP_TYPE_NUMBER:
        return take_number(reading, field, value);
    case HTTP_TYPE_BOOL:
        if (!json_is_boolean(value))
            return complain(reading, ERR_BAD_FIELD, name, "must be true or false");
        reading->fields->number[field] = json_is_true(value) ? 1 : 0;
        return ERR_OK;
    case HTTP_TYPE_ENUM:
        return take_enum(reading, field, value);
    case HTTP_TYPE_ID:
    case HTTP_TYPE_IDS:
        return take_ids(reading, field, value);
    case HTTP_TYPE_BASE64:
        return take_base64(reading, field, value);
    case HTTP_TYPE_HEADERS:
        return take_headers(reading, value);
    }
    return ERR_INTERNAL;
}

/* --- The object. */

static enum err take_named(const struct reading *reading, const char *name, const json_t *value)
{
    for (unsigned i = 0; i < HTTP_FIELD_COUNT; i++) {
        if (strcmp(http_field_rows[i].name, name) != 0 ||
            !http_words_have(reading->wanted, name, strlen(name), NULL))
            continue;
        reading->fields->is_null[i] = json_is_null(value);
        if (json_is_null(value))
            return ERR_OK;
        reading->fields->is_set[i] = true;
        return take_value(reading, (enum http_field)i, value);
    }
    return complain(reading, ERR_BAD_FIELD, name, "this path does not know that field");
}

static enum err check_needed(const struct reading *reading)
{
    for (unsigned i = 0; i < HTTP_FIELD_COUNT; i++) {
        const char *name = http_field_rows[i].name;
        bool is_needed = false;
        if (http_words_have(reading->wanted, name, strlen(name), &is_needed) && is_needed &&
            !reading->fields->is_set[i])
            return complain(reading, ERR_MISSING_FIELD, name, "must be there");
    }
    return ERR_OK;
}

static enum err take_object(const struct reading *reading, json_t *root)
{
    const char *name;
    json_t *value;
    enum err err = ERR_OK;
    json_object_foreach(root, name, value)
    {
        err = take_named(reading, name, value);
        if (err)
            return err;
    }
    return check_needed(reading);
}

enum err http_fields_parse(const char *wanted, const void *json, size_t size,
                           struct http_fields **ret, char ret_problem[HTTP_PROBLEM_BYTES_MAX])
{
    json_error_t where;
    struct http_fields *fields = *ret = calloc(1, sizeof(*fields));
    struct reading reading = {wanted, fields, ret_problem};
    ret_problem[0] = '\0';
    if (!fields)
        return ERR_BUSY;
    for (unsigned i = 0; i < HTTP_FIELD_COUNT; i++)
        fields->text[i] = http_text_of("", 0);
    if (size == 0)
        return check_needed(&reading);
    fields->root = json_loadb(json, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &where);
    if (!fields->root) {
        (void)snprintf(ret_problem, HTTP_PROBLEM_BYTES_MAX, "line %d, column %d (byte %d): %s",
                       where.line, where.column, where.position, where.text); /* cut is fine */
        return ERR_BAD_JSON;
    }
    if (!json_is_object(fields->root)) {
        (void)snprintf(ret_problem, HTTP_PROBLEM_BYTES_MAX,
                       "the body must be an object"); /* fits */
        return ERR_BAD_JSON;
    }
    return take_object(&reading, fields->root);
}

void http_fields_free(struct http_fields **fields)
{
    if (!*fields)
        return;
    for (unsigned i = 0; i < HTTP_FIELD_COUNT; i++)
        free((*fields)->bytes[i]);
    json_decref((*fields)->root);
    free(*fields);
    *fields = NULL;
}

enum err http_fields_read(struct http_request *request, char ret_problem[HTTP_PROBLEM_BYTES_MAX])
{
    return http_fields_parse(request->match.route->fields, buf_data(&request->body),
                             buf_size(&request->body), &request->fields, ret_problem);
}
