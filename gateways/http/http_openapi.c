/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_openapi.h.
 */
#include "gateways/http/http_openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "gateways/http/http_fields.h"
#include "gateways/http/http_internal.h"
#include "rt/check.h"

#define PREFIX      "/api/v1/"
#define SCHEMAS_MAX 64u
#define TEXT_MAX    160u
#define SCHEMA_REF  "#/components/schemas/"

/* --- Small pieces. */

static void put_type(struct http_json *json, const char *type, const char *format)
{
    http_json_text(json, "type", type);
    if (format)
        http_json_text(json, "format", format);
}

static void put_ref(struct http_json *json, const char *name, const char *type)
{
    char text[TEXT_MAX];
    (void)snprintf(text, sizeof(text), SCHEMA_REF "%s", type); /* names of the schema fit */
    http_json_object(json, name);
    http_json_text(json, "$ref", text);
    http_json_object_end(json);
}

static void put_enum(struct http_json *json, const ProtobufCEnumDescriptor *descriptor)
{
    char text[TEXT_MAX];
    put_type(json, "string", NULL);
    http_json_array(json, "enum");
    for (unsigned i = 0; i < descriptor->n_values; i++) {
        http_enum_name(descriptor, descriptor->values[i].value, text, sizeof(text));
        http_json_text(json, NULL, text);
    }
    http_json_array_end(json);
}

/* The next of some words; false: there is none. `!` behind it is taken off. */
static bool next_word(const char **words, char ret[TEXT_MAX], bool *ret_is_needed)
{
    *words += strspn(*words, " ");
    size_t size = strcspn(*words, " ");
    if (size == 0 || size >= TEXT_MAX)
        return false;
    *ret_is_needed = (*words)[size - 1] == '!';
    memcpy(ret, *words, size - *ret_is_needed);
    ret[size - *ret_is_needed] = '\0';
    *words += size;
    return true;
}

/* --- Messages of the protocol. */

static const char *type_of_bytes(enum http_bytes_form form, const char **ret_format)
{
    *ret_format = form == HTTP_BYTES_ID ? "uuid" : NULL;
    return "string";
}

static void put_value_schema(struct http_json *json, const ProtobufCFieldDescriptor *field)
{
    const char *format = NULL;
    enum http_bytes_form form = http_bytes_form_of(field->name);
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        put_type(json, "boolean", NULL);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        put_enum(json, field->descriptor);
        break;
    case PROTOBUF_C_TYPE_STRING:
        put_type(json, "string", NULL);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        if (form == HTTP_BYTES_IDS) {
            put_type(json, "array", NULL);
            http_json_object(json, "items");
            put_type(json, "string", "uuid");
            http_json_object_end(json);
        } else {
            put_type(json, type_of_bytes(form, &format), format);
        }
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        break; /* a reference, see put_property */
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        put_type(json, "number", NULL);
        break;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        put_type(json, "integer", "int64");
        break;
    }
}

static const char *type_name(const ProtobufCFieldDescriptor *field)
{
    return ((const ProtobufCMessageDescriptor *)field->descriptor)->short_name;
}

/* Bytes that are no text are there under another name. */
static bool may_be_binary(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_BYTES &&
           http_bytes_form_of(field->name) == HTTP_BYTES_TEXT;
}

static void put_property(struct http_json *json, const ProtobufCFieldDescriptor *field)
{
    char text[TEXT_MAX];
    bool is_message = field->type == PROTOBUF_C_TYPE_MESSAGE;
    bool is_list = field->label == PROTOBUF_C_LABEL_REPEATED;
    if (is_message && !is_list) {
        put_ref(json, field->name, type_name(field));
        return;
    }
    http_json_object(json, field->name);
    if (is_list) {
        put_type(json, "array", NULL);
        if (is_message)
            put_ref(json, "items", type_name(field));
        else
            http_json_object(json, "items");
    }
    if (!is_message)
        put_value_schema(json, field);
    if (is_list && !is_message)
        http_json_object_end(json);
    http_json_object_end(json);
    if (!may_be_binary(field))
        return;
    (void)snprintf(text, sizeof(text), "%s_base64", field->name); /* names of the schema fit */
    http_json_object(json, text);
    put_type(json, "string", "byte");
    http_json_object_end(json);
}

static void put_message_schema(struct http_json *json, const ProtobufCMessageDescriptor *message)
{
    http_json_object(json, message->short_name);
    put_type(json, "object", NULL);
    http_json_object(json, "properties");
    for (unsigned i = 0; i < message->n_fields; i++)
        put_property(json, &message->fields[i]);
    http_json_object_end(json);
    http_json_array(json, "required");
    for (unsigned i = 0; i < message->n_fields; i++) {
        if (!may_be_binary(&message->fields[i]))
            http_json_text(json, NULL, message->fields[i].name);
    }
    http_json_array_end(json);
    http_json_bool(json, "additionalProperties", false);
    http_json_object_end(json);
}

/* All that can be in a RESULT. */
static size_t gather(const ProtobufCMessageDescriptor *ret[SCHEMAS_MAX])
{
    size_t count = 1;
    ret[0] = &roost__v1__result__descriptor;
    for (size_t at = 0; at < count; at++) {
        for (unsigned i = 0; i < ret[at]->n_fields; i++) {
            const ProtobufCMessageDescriptor *found = ret[at]->fields[i].descriptor;
            size_t j = 0;
            if (ret[at]->fields[i].type != PROTOBUF_C_TYPE_MESSAGE)
                continue;
            while (j < count && ret[j] != found)
                j++;
            CHECK(j < SCHEMAS_MAX);
            ret[j] = found;
            count = j == count ? count + 1 : count;
        }
    }
    return count;
}

static void put_error_schema(struct http_json *json)
{
    static const struct {
        const char *name, *type;
    } fields[] = {{"code", "integer"},
                  {"name", "string"},
                  {"text", "string"},
                  {"retryable", "boolean"},
                  {"retry_after_ms", "integer"}};
    http_json_object(json, "Error");
    put_type(json, "object", NULL);
    http_json_object(json, "properties");
    http_json_object(json, "error");
    put_type(json, "object", NULL);
    http_json_object(json, "properties");
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        http_json_object(json, fields[i].name);
        put_type(json, fields[i].type, NULL);
        http_json_object_end(json);
    }
    http_json_object_end(json);
    http_json_object_end(json);
    http_json_object_end(json);
    http_json_array(json, "required");
    http_json_text(json, NULL, "error");
    http_json_array_end(json);
    http_json_object_end(json);
}

/* A count of unread messages, and the last one. */
static void put_conversation_schema(struct http_json *json)
{
    http_json_object(json, "Conversation");
    put_type(json, "object", NULL);
    http_json_object(json, "properties");
    for (unsigned i = 0; i < roost__v1__unread_count__descriptor.n_fields; i++)
        put_property(json, &roost__v1__unread_count__descriptor.fields[i]);
    http_json_object(json, "last_message");
    http_json_bool(json, "nullable", true);
    http_json_array(json, "allOf");
    put_ref(json, NULL, "Delivery");
    http_json_array_end(json);
    http_json_object_end(json);
    http_json_object_end(json);
    http_json_object_end(json);
}

static void put_components(struct http_json *json)
{
    const ProtobufCMessageDescriptor *messages[SCHEMAS_MAX];
    size_t count = gather(messages);
    http_json_object(json, "components");
    http_json_object(json, "securitySchemes");
    http_json_object(json, "token");
    put_type(json, "http", NULL);
    http_json_text(json, "scheme", "bearer");
    http_json_object_end(json);
    http_json_object_end(json);
    http_json_object(json, "schemas");
    put_error_schema(json);
    put_conversation_schema(json);
    for (size_t i = 1; i < count; i++)
        put_message_schema(json, messages[i]);
    http_json_object_end(json);
    http_json_object_end(json);
}

/* --- One operation. */

/* "get_rooms_room_members" */
static void put_operation_id(struct http_json *json, const struct http_route *route)
{
    char text[TEXT_MAX];
    size_t size = 0;
    for (const char *at = http_method_name(route->method); *at; at++)
        text[size++] = (char)tolower((unsigned char)*at);
    for (const char *at = route->path + sizeof(PREFIX) - 2; *at && size + 1 < sizeof(text); at++) {
        bool is_mark = *at == '{' || *at == '}';
        if (!is_mark)
            text[size++] = isalnum((unsigned char)*at) ? *at : '_';
    }
    text[size] = '\0';
    http_json_text(json, "operationId", text);
}

static void put_tag(struct http_json *json, const struct http_route *route)
{
    const char *begin = route->path + sizeof(PREFIX) - 1;
    http_json_array(json, "tags");
    http_json_bytes(json, NULL, begin, strcspn(begin, "/"));
    http_json_array_end(json);
}

static void put_parameter_schema(struct http_json *json, const char *name)
{
    static const char flags[] = "newest_first online mine sent all";
    static const char numbers[] = "after_seq before_seq from_ms to_ms";
    http_json_object(json, "schema");
    if (strcmp(name, "limit") == 0) {
        put_type(json, "integer", NULL);
        http_json_number(json, "minimum", 1);
        http_json_number(json, "maximum", WIRE_PAGE_MAX);
        http_json_number(json, "default", WIRE_PAGE_DEFAULT);
    } else if (http_words_have(flags, name, strlen(name), NULL)) {
        put_type(json, "boolean", NULL);
    } else if (http_words_have(numbers, name, strlen(name), NULL)) {
        put_type(json, "integer", "int64");
    } else {
        put_type(json, "string", NULL);
    }
    http_json_object_end(json);
}

static void put_parameter(struct http_json *json, const char *name, const char *place)
{
    http_json_object(json, NULL);
    http_json_text(json, "name", name);
    http_json_text(json, "in", place);
    http_json_bool(json, "required", strcmp(place, "path") == 0);
    put_parameter_schema(json, name);
    http_json_object_end(json);
}

static void put_parameters(struct http_json *json, const struct http_route *route)
{
    char name[TEXT_MAX];
    bool is_needed;
    const char *words = route->parameters;
    http_json_array(json, "parameters");
    for (const char *at = strchr(route->path, '{'); at; at = strchr(at + 1, '{')) {
        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 1, "}"), at + 1); /* fits */
        put_parameter(json, name, "path");
    }
    while (next_word(&words, name, &is_needed))
        put_parameter(json, name, "query");
    http_json_array_end(json);
}

static void put_headers_schema(struct http_json *json)
{
    put_type(json, "array", NULL);
    http_json_object(json, "items");
    put_type(json, "object", NULL);
    http_json_object(json, "properties");
    for (int i = 0; i < 2; i++) {
        http_json_object(json, i ? "value" : "name");
        put_type(json, "string", NULL);
        http_json_object_end(json);
    }
    http_json_object_end(json);
    http_json_object_end(json);
}

static void put_field_schema(struct http_json *json, const struct http_field_row *row)
{
    http_json_object(json, row->name);
    switch (row->type) {
    case HTTP_TYPE_TEXT:
        put_type(json, "string", NULL);
        break;
    case HTTP_TYPE_NUMBER:
        put_type(json, "integer", "int64");
        http_json_number(json, "minimum", 0);
        break;
    case HTTP_TYPE_BOOL:
        put_type(json, "boolean", NULL);
        break;
    case HTTP_TYPE_ENUM:
        put_enum(json, row->descriptor);
        break;
    case HTTP_TYPE_ID:
        put_type(json, "string", "uuid");
        break;
    case HTTP_TYPE_IDS:
        put_type(json, "array", NULL);
        http_json_object(json, "items");
        put_type(json, "string", "uuid");
        http_json_object_end(json);
        break;
    case HTTP_TYPE_BASE64:
        put_type(json, "string", "byte");
        break;
    case HTTP_TYPE_HEADERS:
        put_headers_schema(json);
        break;
    }
    http_json_text(json, "description", row->summary);
    http_json_bool(json, "nullable", true);
    http_json_object_end(json);
}

static bool put_needed(struct http_json *json, const struct http_route *route)
{
    const char *words = route->fields;
    char name[TEXT_MAX];
    bool is_needed, is_any = false;
    while (next_word(&words, name, &is_needed)) {
        if (is_needed && !is_any)
            http_json_array(json, "required");
        if (is_needed)
            http_json_text(json, NULL, name);
        is_any |= is_needed;
    }
    if (is_any)
        http_json_array_end(json);
    return is_any;
}

static void put_body(struct http_json *json, const struct http_route *route)
{
    if (!route->fields[0])
        return;
    http_json_object(json, "requestBody");
    http_json_object(json, "content");
    http_json_object(json, "application/json");
    http_json_object(json, "schema");
    put_type(json, "object", NULL);
    http_json_object(json, "properties");
    for (unsigned i = 0; i < HTTP_FIELD_COUNT; i++) {
        const char *name = http_field_rows[i].name;
        if (http_words_have(route->fields, name, strlen(name), NULL))
            put_field_schema(json, &http_field_rows[i]);
    }
    http_json_object_end(json);
    bool is_needed = put_needed(json, route);
    http_json_bool(json, "additionalProperties", false);
    http_json_object_end(json);
    http_json_object_end(json);
    http_json_object_end(json);
    http_json_bool(json, "required", is_needed);
    http_json_object_end(json);
}

static void put_list_schema(struct http_json *json, const char *type)
{
    http_json_object(json, "schema");
    put_type(json, "object", NULL);
    http_json_object(json, "properties");
    http_json_object(json, "items");
    put_type(json, "array", NULL);
    put_ref(json, "items", type);
    http_json_object_end(json);
    http_json_object(json, "next");
    put_type(json, "string", NULL);
    http_json_bool(json, "nullable", true);
    http_json_object_end(json);
    http_json_object_end(json);
    http_json_array(json, "required");
    http_json_text(json, NULL, "items");
    http_json_text(json, NULL, "next");
    http_json_array_end(json);
    http_json_object_end(json);
}

static void put_response(struct http_json *json, const char *status, const struct http_route *route)
{
    http_json_object(json, status);
    http_json_text(json, "description", route->summary);
    if (route->form != HTTP_FORM_NONE) {
        http_json_object(json, "content");
        http_json_object(json, "application/json");
        if (route->form == HTTP_FORM_LIST)
            put_list_schema(json, route->type);
        else if (route->form == HTTP_FORM_ONE)
            put_ref(json, "schema", route->type);
        http_json_object_end(json);
        http_json_object_end(json);
    }
    http_json_object_end(json);
}

static void put_responses(struct http_json *json, const struct http_route *route)
{
    char status[8];
    (void)snprintf(status, sizeof(status), "%u", route->status); /* fits */
    http_json_object(json, "responses");
    if (strstr(route->fields, "message_id ")) /* sending again */
        put_response(json, "200", route);
    put_response(json, status, route);
    http_json_object(json, "default");
    http_json_text(json, "description", "Why not: docs/ERRORS.md");
    http_json_object(json, "content");
    http_json_object(json, "application/json");
    put_ref(json, "schema", "Error");
    http_json_object_end(json);
    http_json_object_end(json);
    http_json_object_end(json);
    http_json_object_end(json);
}

static void put_operation(struct http_json *json, const struct http_route *route)
{
    char method[8];
    size_t size = 0;
    for (const char *at = http_method_name(route->method); *at; at++)
        method[size++] = (char)tolower((unsigned char)*at);
    method[size] = '\0';
    http_json_object(json, method);
    put_operation_id(json, route);
    http_json_text(json, "summary", route->summary);
    put_tag(json, route);
    put_parameters(json, route);
    put_body(json, route);
    put_responses(json, route);
    http_json_array(json, "security");
    http_json_object(json, NULL);
    if (route->access != HTTP_ANYBODY) {
        http_json_array(json, "token");
        http_json_array_end(json);
    }
    http_json_object_end(json);
    http_json_array_end(json);
    http_json_object_end(json);
}

/* --- The document. */

static bool is_shown(size_t index)
{
    return strncmp(http_routes[index].path, PREFIX, sizeof(PREFIX) - 1) == 0;
}

static bool is_first_of_path(size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(http_routes[i].path, http_routes[index].path) == 0)
            return false;
    }
    return true;
}

static void put_paths(struct http_json *json)
{
    http_json_object(json, "paths");
    for (size_t i = 0; i < http_route_count; i++) {
        if (!is_shown(i) || !is_first_of_path(i))
            continue;
        http_json_object(json, http_routes[i].path);
        for (size_t j = i; j < http_route_count; j++) {
            if (strcmp(http_routes[j].path, http_routes[i].path) == 0)
                put_operation(json, &http_routes[j]);
        }
        http_json_object_end(json);
    }
    http_json_object_end(json);
}

void http_openapi_write(struct http_json *json, const char *version)
{
    http_json_object(json, NULL);
    http_json_text(json, "openapi", "3.0.3");
    http_json_object(json, "info");
    http_json_text(json, "title", "roost");
    http_json_text(json, "description", "A durable message broker; docs/REST.md");
    http_json_text(json, "version", version);
    http_json_object_end(json);
    put_paths(json);
    put_components(json);
    http_json_object_end(json);
}

void http_get_openapi(struct http_request *request)
{
    http_answer_json(request, &request->json);
    http_openapi_write(&request->json, request->gateway->options->software);
    http_answer(request, MHD_HTTP_OK);
}
