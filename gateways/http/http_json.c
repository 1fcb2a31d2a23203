/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_json.h.
 */
#include "gateways/http/http_json.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "proto/unicode.h"
#include "proto/uuid.h"

#define ENUM_NAME_MAX 64u
#define HEX_BYTES_MAX 64u
#define NAME_MAX_SIZE 64u

/* --- The writer. */

void http_json_begin(struct http_json *json, struct buf *out)
{
    *json = (struct http_json){.out = out};
}

static void put(struct http_json *json, const void *text, size_t size)
{
    if (!json->err)
        json->err = buf_append(json->out, text, size);
}

static void put_text(struct http_json *json, const char *text)
{
    put(json, text, strlen(text));
}

/* Bytes of the UTF-8 character here; 0: none. */
static size_t length_of(const uint8_t *at, size_t left)
{
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    return length <= left && unicode_is_valid(at, length) ? length : 0;
}

static void put_escaped(struct http_json *json, uint8_t c)
{
    char text[8];
    switch (c) {
    case '"':
    case '\\':
        (void)snprintf(text, sizeof(text), "\\%c", c); /* fits */
        break;
    case '\n':
        (void)snprintf(text, sizeof(text), "\\n"); /* fits */
        break;
    default:
        (void)snprintf(text, sizeof(text), "\\u%04x", c); /* fits */
    }
    put_text(json, text);
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_quoted(struct http_json *json, const uint8_t *text, size_t size)
{
    put(json, "\"", 1);
    for (size_t i = 0; i < size && !json->err;) {
        size_t run = i;
        while (run < size && is_plain(text[run]))
            run++;
        put(json, text + i, run - i);
        i = run;
        if (i == size)
            break;
        if (text[i] < 0x80) {
            put_escaped(json, text[i++]);
            continue;
        }
        size_t length = length_of(text + i, size - i);
        if (length)
            put(json, text + i, length);
        else
            put_text(json, "\xef\xbf\xbd"); /* U+FFFD */
        i += length ? length : 1;
    }
    put(json, "\"", 1);
}

static void start(struct http_json *json, const char *name)
{
    if (json->has_items[json->depth])
        put(json, ",", 1);
    json->has_items[json->depth] = true;
    if (name) {
        put_quoted(json, (const uint8_t *)name, strlen(name));
        put(json, ":", 1);
    }
}

static void open_level(struct http_json *json, const char *name, const char *bracket)
{
    start(json, name);
    put_text(json, bracket);
    if (json->depth + 1 == HTTP_JSON_DEPTH_MAX) {
        json->err = json->err ? json->err : ERR_TOO_LARGE;
        return;
    }
    json->has_items[++json->depth] = false;
}

static void close_level(struct http_json *json, const char *bracket)
{
    put_text(json, bracket);
    if (json->depth > 0)
        json->depth--;
}

void http_json_object(struct http_json *json, const char *name)
{
    open_level(json, name, "{");
}

void http_json_object_end(struct http_json *json)
{
    close_level(json, "}");
}

void http_json_array(struct http_json *json, const char *name)
{
    open_level(json, name, "[");
}

void http_json_array_end(struct http_json *json)
{
    close_level(json, "]");
}

void http_json_bytes(struct http_json *json, const char *name, const void *text, size_t size)
{
    start(json, name);
    put_quoted(json, text, size);
}

void http_json_text(struct http_json *json, const char *name, const char *text)
{
    http_json_bytes(json, name, text, strlen(text));
}

void http_json_base64(struct http_json *json, const char *name, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    char text[1025];
    size_t step = 768; /* three quarters of that */
    start(json, name);
    put(json, "\"", 1);
    for (size_t i = 0; i < size; i += step) {
        size_t part = size - i < step ? size - i : step;
        put_text(json, sodium_bin2base64(text, sizeof(text), at + i, part,
                                         sodium_base64_VARIANT_ORIGINAL));
    }
    put(json, "\"", 1);
}

void http_json_hex(struct http_json *json, const char *name, const void *bytes, size_t size)
{
    char text[HEX_BYTES_MAX * 2 + 1];
    size_t part = size < HEX_BYTES_MAX ? size : HEX_BYTES_MAX;
    http_json_text(json, name, sodium_bin2hex(text, sizeof(text), bytes, part));
}

void http_json_id(struct http_json *json, const char *name, const void *id, size_t size)
{
    char text[UUID_TEXT_LENGTH + 1] = "";
    if (size == UUID_BYTES)
        uuid_format(id, text);
    http_json_text(json, name, text);
}

void http_json_number(struct http_json *json, const char *name, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, number); /* fits */
    start(json, name);
    put_text(json, text);
}

void http_json_signed(struct http_json *json, const char *name, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, number); /* fits */
    start(json, name);
    put_text(json, text);
}

void http_json_real(struct http_json *json, const char *name, double number)
{
    char text[40];
    (void)snprintf(text, sizeof(text), "%.9g", number); /* fits */
    start(json, name);
    put_text(json, isfinite(number) ? text : "null");
}

void http_json_bool(struct http_json *json, const char *name, bool value)
{
    start(json, name);
    put_text(json, value ? "true" : "false");
}

void http_json_null(struct http_json *json, const char *name)
{
    start(json, name);
    put_text(json, "null");
}

void http_json_raw(struct http_json *json, const char *name, const void *text, size_t size)
{
    start(json, name);
    put(json, text, size);
}

/* --- Enums. */

void http_enum_name(const ProtobufCEnumDescriptor *descriptor, int value, char *ret_text,
                    size_t room)
{
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(descriptor, value);
    int size =
        found ? snprintf(ret_text, room, "%s", found->name) : snprintf(ret_text, room, "%d", value);
    for (int i = 0; i < size && (size_t)i < room; i++)
        ret_text[i] = (char)tolower((unsigned char)ret_text[i]);
}

bool http_enum_value(const ProtobufCEnumDescriptor *descriptor, const char *name, size_t size,
                     int *ret_value)
{
    char text[ENUM_NAME_MAX];
    for (unsigned i = 0; i < descriptor->n_values; i++) {
        http_enum_name(descriptor, descriptor->values[i].value, text, sizeof(text));
        if (strlen(text) == size && memcmp(text, name, size) == 0) {
            *ret_value = descriptor->values[i].value;
            return true;
        }
    }
    return false;
}

/* --- Messages. */

enum http_bytes_form http_bytes_form_of(const char *field)
{
    static const struct {
        const char *name;
        enum http_bytes_form form;
    } forms[] = {
        {"message_id", HTTP_BYTES_ID},    {"parent_id", HTTP_BYTES_ID},
        {"invitation_id", HTTP_BYTES_ID}, {"message_ids", HTTP_BYTES_IDS},
        {"hash", HTTP_BYTES_HEX},         {"boot_id", HTTP_BYTES_HEX},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strcmp(field, forms[i].name) == 0)
            return forms[i].form;
    }
    return HTTP_BYTES_TEXT;
}

static void put_binary(struct http_json *json, const char *name, ProtobufCBinaryData data)
{
    char other[NAME_MAX_SIZE];
    switch (name ? http_bytes_form_of(name) : HTTP_BYTES_TEXT) {
    case HTTP_BYTES_ID:
        http_json_id(json, name, data.data, data.len);
        return;
    case HTTP_BYTES_IDS:
        http_json_array(json, name);
        for (size_t i = 0; i + UUID_BYTES <= data.len; i += UUID_BYTES)
            http_json_id(json, NULL, data.data + i, UUID_BYTES);
        http_json_array_end(json);
        return;
    case HTTP_BYTES_HEX:
        http_json_hex(json, name, data.data, data.len);
        return;
    case HTTP_BYTES_TEXT:
        break;
    }
    bool is_id = name && strcmp(name, "correlation_id") == 0 && data.len == UUID_BYTES;
    bool is_text = unicode_is_valid(data.data, data.len);
    if (is_id && !is_text) {
        http_json_id(json, name, data.data, data.len);
    } else if (is_text || !name) {
        http_json_bytes(json, name, data.data, data.len);
    } else {
        (void)snprintf(other, sizeof(other), "%s_base64", name); /* names of the schema fit */
        http_json_base64(json, other, data.data, data.len);
    }
}

static void put_value(struct http_json *json, const char *name,
                      const ProtobufCFieldDescriptor *field, const void *at)
{
    char text[ENUM_NAME_MAX];
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        http_json_bool(json, name, *(const protobuf_c_boolean *)at);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        http_json_number(json, name, *(const uint32_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        http_json_number(json, name, *(const uint64_t *)at);
        break;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        http_json_signed(json, name, *(const int32_t *)at);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        http_json_signed(json, name, *(const int64_t *)at);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        http_json_real(json, name, (double)*(const float *)at);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        http_json_real(json, name, *(const double *)at);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        http_enum_name(field->descriptor, *(const int *)at, text, sizeof(text));
        http_json_text(json, name, text);
        break;
    case PROTOBUF_C_TYPE_STRING:
        http_json_text(json, name, *(char *const *)at ? *(char *const *)at : "");
        break;
    case PROTOBUF_C_TYPE_BYTES:
        put_binary(json, name, *(const ProtobufCBinaryData *)at);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        if (*(ProtobufCMessage *const *)at)
            http_json_message(json, name, *(ProtobufCMessage *const *)at);
        else
            http_json_null(json, name);
        break;
    }
}

static size_t size_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(uint64_t);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_ENUM:
        break;
    }
    return sizeof(uint32_t);
}

void http_json_fields(struct http_json *json, const ProtobufCMessage *message)
{
    const uint8_t *base = (const uint8_t *)message;
    for (unsigned i = 0; i < message->descriptor->n_fields && !json->err; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const void *at = base + field->offset;
        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
            put_value(json, field->name, field, at);
            continue;
        }
        size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
        const uint8_t *values = *(uint8_t *const *)at;
        http_json_array(json, field->name);
        for (size_t j = 0; j < count && !json->err; j++)
            put_value(json, NULL, field, values + j * size_of(field->type));
        http_json_array_end(json);
    }
}

void http_json_message(struct http_json *json, const char *name, const ProtobufCMessage *message)
{
    http_json_object(json, name);
    http_json_fields(json, message);
    http_json_object_end(json);
}
