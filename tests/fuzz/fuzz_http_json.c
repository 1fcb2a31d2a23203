/* SPDX-License-Identifier: MPL-2.0
 *
 * Any protobuf as what the HTTP gateway answers (gateways/http/http_json.h): a RESULT, a FIN or an entry of
 * any bytes becomes JSON. Held to a reader of it that knows the schema, too:
 *   - it is JSON without a name twice, in valid UTF-8
 *   - every field is there once and has its value; bytes that are no text come back from base64 or hex
 *   - with too little room it fails, writes no more than that, and says so
 */
#include <jansson.h>
#include <math.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>

#include "broker.pb-c.h"
#include "bytes.h"
#include "gateways/http/http_json.h"
#include "plain.h"
#include "proto/uuid.h"

#define JSON_MAX (8u << 20)
#define FLAGS    (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_string(const json_t *value, const void *text, size_t size)
{
    return json_is_string(value) && json_string_length(value) == size &&
           (size == 0 || memcmp(json_string_value(value), text, size) == 0);
}

/* As text: what is no UTF-8 is there as U+FFFD, byte by byte. */
static void check_text(const json_t *value, const void *text, size_t size)
{
    uint8_t *wanted = malloc(3 * size + 1);
    CHECK(wanted);
    CHECK(is_string(value, wanted, plain_replaced(text, size, wanted)));
    free(wanted);
}

static void check_encoded(const json_t *value, ProtobufCBinaryData data)
{
    uint8_t *back = malloc(data.len + 1);
    size_t size = 0;
    CHECK(back && json_is_string(value));
    CHECK(sodium_base642bin(back, data.len + 1, json_string_value(value), json_string_length(value),
                            NULL, &size, NULL, sodium_base64_VARIANT_ORIGINAL) == 0);
    CHECK(size == data.len && (size == 0 || memcmp(back, data.data, size) == 0));
    free(back);
}

static void check_id(const json_t *value, const uint8_t *id, size_t size)
{
    char text[UUID_TEXT_LENGTH + 1] = "";
    if (size == UUID_BYTES)
        uuid_format(id, text);
    CHECK(is_string(value, text, strlen(text)));
}

static void check_hex(const json_t *value, ProtobufCBinaryData data)
{
    CHECK(json_is_string(value));
    const char *text = json_string_value(value);
    size_t size = data.len < 64 ? data.len : 64;
    CHECK(json_string_length(value) == 2 * size);
    for (size_t i = 0; i < size; i++) {
        char byte[3];
        (void)snprintf(byte, sizeof(byte), "%02x", data.data[i]); /* fits */
        CHECK(memcmp(text + 2 * i, byte, 2) == 0);
    }
}

static bool is_text(ProtobufCBinaryData data)
{
    uint32_t code;
    for (size_t i = 0, step; i < data.len; i += step) {
        step = plain_char(data.data + i, data.len - i, &code);
        if (step == 0 || code == 0)
            return false;
    }
    return true;
}

/* A field of bytes; `object` has it under one of two names. */
static void check_bytes(const json_t *object, const char *name, ProtobufCBinaryData data)
{
    char encoded[80];
    const json_t *value = json_object_get(object, name);
    (void)snprintf(encoded, sizeof(encoded), "%s_base64", name);
    const json_t *other = json_object_get(object, encoded);
    CHECK((value != NULL) != (other != NULL));
    bool is_id = strcmp(name, "correlation_id") == 0 && data.len == UUID_BYTES && !is_text(data);
    switch (http_bytes_form_of(name)) {
    case HTTP_BYTES_ID:
        check_id(value, data.data, data.len);
        break;
    case HTTP_BYTES_IDS:
        CHECK(json_array_size(value) == data.len / UUID_BYTES);
        for (size_t i = 0; i < data.len / UUID_BYTES; i++)
            check_id(json_array_get(value, i), data.data + i * UUID_BYTES, UUID_BYTES);
        break;
    case HTTP_BYTES_HEX:
        check_hex(value, data);
        break;
    case HTTP_BYTES_TEXT:
        if (is_id)
            check_id(value, data.data, data.len);
        else if (value)
            CHECK(is_text(data) && is_string(value, data.data, data.len));
        else
            check_encoded(other, data);
    }
}

static void check_message(const json_t *object, const ProtobufCMessage *message);

static void check_enum(const json_t *value, const ProtobufCEnumDescriptor *descriptor, int number)
{
    int back;
    CHECK(json_is_string(value));
    bool is_known = protobuf_c_enum_descriptor_get_value(descriptor, number) != NULL;
    CHECK(http_enum_value(descriptor, json_string_value(value), json_string_length(value), &back) ==
          is_known);
    CHECK(!is_known || back == number);
}

static void check_real(const json_t *value, double number)
{
    if (isfinite(number))
        CHECK(json_is_number(value) &&
              fabs(json_number_value(value) - number) <= fabs(number) * 1e-8);
    else
        CHECK(json_is_null(value));
}

static void check_value(const json_t *value, const ProtobufCFieldDescriptor *field, const void *at)
{
    switch ((int)field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        CHECK(json_is_boolean(value) &&
              json_is_true(value) == (*(const protobuf_c_boolean *)at != 0));
        break;
    case PROTOBUF_C_TYPE_UINT32:
        CHECK(json_is_integer(value) && json_integer_value(value) == *(const uint32_t *)at);
        break;
    case PROTOBUF_C_TYPE_UINT64:
        CHECK(*(const uint64_t *)at > INT64_MAX ||
              json_integer_value(value) == (json_int_t) * (const uint64_t *)at);
        break;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
        CHECK(json_is_integer(value) && json_integer_value(value) == *(const int32_t *)at);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
        CHECK(json_is_integer(value) && json_integer_value(value) == *(const int64_t *)at);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        check_real(value, *(const double *)at);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        check_enum(value, field->descriptor, *(const int *)at);
        break;
    case PROTOBUF_C_TYPE_STRING:
        check_text(value, *(char *const *)at, strlen(*(char *const *)at));
        break;
    case PROTOBUF_C_TYPE_BYTES: /* of a list: there is no name to say that it is base64 */
        check_text(value, ((const ProtobufCBinaryData *)at)->data,
                   ((const ProtobufCBinaryData *)at)->len);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        if (*(ProtobufCMessage *const *)at)
            check_message(value, *(ProtobufCMessage *const *)at);
        else
            CHECK(json_is_null(value));
        break;
    default:
        CHECK(field->type == PROTOBUF_C_TYPE_BOOL); /* no other is in the schema */
    }
}

static size_t size_of(ProtobufCType type)
{
    bool is_64 = type == PROTOBUF_C_TYPE_UINT64 || type == PROTOBUF_C_TYPE_INT64 ||
                 type == PROTOBUF_C_TYPE_SINT64 || type == PROTOBUF_C_TYPE_DOUBLE;
    bool is_pointer = type == PROTOBUF_C_TYPE_STRING || type == PROTOBUF_C_TYPE_MESSAGE;
    return type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData)
           : is_64 || is_pointer         ? 8
                                         : 4;
}

static void check_message(const json_t *object, const ProtobufCMessage *message)
{
    const uint8_t *base = (const uint8_t *)message;
    CHECK(json_object_size(object) == message->descriptor->n_fields);
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const json_t *value = json_object_get(object, field->name);
        const uint8_t *at = base + field->offset;
        if (field->label != PROTOBUF_C_LABEL_REPEATED && field->type == PROTOBUF_C_TYPE_BYTES) {
            check_bytes(object, field->name, *(const ProtobufCBinaryData *)(const void *)at);
            continue;
        }
        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
            check_value(value, field, at);
            continue;
        }
        size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
        const uint8_t *values = *(uint8_t *const *)(const void *)at;
        CHECK(json_is_array(value) && json_array_size(value) == count);
        for (size_t j = 0; j < count; j++)
            check_value(json_array_get(value, j), field, values + j * size_of(field->type));
    }
}

/* Numbers beyond what jansson reads are rightly written, but cannot be looked at. */
static bool has_large(const json_error_t *error)
{
    return strstr(error->text, "too big integer") != NULL;
}

static void check_written(const ProtobufCMessage *message, size_t room)
{
    struct http_json json;
    struct buf buf;
    json_error_t error;
    buf_init(&buf, JSON_MAX);
    http_json_begin(&json, &buf);
    http_json_message(&json, NULL, message);
    CHECK(json.err == ERR_OK && json.depth == 0);
    json_t *object = json_loadb((const char *)buf_data(&buf), buf_size(&buf), FLAGS, &error);
    CHECK(object || has_large(&error));
    if (object)
        check_message(object, message);
    json_decref(object);
    size_t needed = buf_size(&buf);
    buf_fini(&buf);
    buf_init(&buf, room % needed);
    http_json_begin(&json, &buf);
    http_json_message(&json, NULL, message);
    CHECK(json.err != ERR_OK && buf_size(&buf) <= room % needed);
    buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ProtobufCMessageDescriptor *const kinds[] = {
        &roost__v1__result__descriptor, &roost__v1__fin__descriptor, &roost__v1__entry__descriptor,
        &roost__v1__delivery__descriptor, &roost__v1__query__descriptor};
    struct bytes input = {data, size};
    const ProtobufCMessageDescriptor *kind =
        kinds[bytes_u8(&input) % (sizeof(kinds) / sizeof(kinds[0]))];
    size_t room = 1 + bytes_u8(&input) * (size_t)7;
    ProtobufCMessage *message = protobuf_c_message_unpack(kind, NULL, input.left, input.at);
    if (!message)
        return 0;
    check_written(message, room);
    protobuf_c_message_free_unpacked(message, NULL);
    return 0;
}
