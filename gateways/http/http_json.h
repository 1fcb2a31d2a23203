/* SPDX-License-Identifier: MPL-2.0
 *
 * Writing JSON: a small writer into a buffer, and protobuf messages by their descriptors.
 *
 * How a message becomes an object, for all of them alike: fields have the names of the schema and
 * are always there. Texts and `bytes` that are UTF-8 are strings; `bytes` that are not are there as
 * NAME_base64 instead. Ids are UUID text ("" when absent), lists of them are arrays; hashes are
 * hexadecimal. Enums are their names in lower case, numbers are numbers, times are Unix ms.
 *
 * Promises: what is written is valid JSON in valid UTF-8 whatever comes in. Running out of room
 * makes json->err, once; later calls do nothing. Nothing is built up before it is written.
 */
#ifndef GATEWAYS_HTTP_HTTP_JSON_H
#define GATEWAYS_HTTP_HTTP_JSON_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "rt/buf.h"

#define HTTP_JSON_DEPTH_MAX 16u

struct http_json {
    struct buf *out;
    enum err err; /* of the first write that failed */
    unsigned depth;
    bool has_items[HTTP_JSON_DEPTH_MAX];
};

void http_json_begin(struct http_json *json, struct buf *out);

/* `name` is NULL in arrays and for the outermost value; it is ours, never from outside. */
void http_json_object(struct http_json *json, const char *name);
void http_json_object_end(struct http_json *json);
void http_json_array(struct http_json *json, const char *name);
void http_json_array_end(struct http_json *json);
void http_json_text(struct http_json *json, const char *name, const char *text);
/* Invalid UTF-8 is written as U+FFFD. */
void http_json_bytes(struct http_json *json, const char *name, const void *text, size_t size);
void http_json_base64(struct http_json *json, const char *name, const void *bytes, size_t size);
void http_json_hex(struct http_json *json, const char *name, const void *bytes, size_t size);
/* UUID text of 16 bytes, "" of none. */
void http_json_id(struct http_json *json, const char *name, const void *id, size_t size);
void http_json_number(struct http_json *json, const char *name, uint64_t number);
void http_json_signed(struct http_json *json, const char *name, int64_t number);
/* Not finite: null. */
void http_json_real(struct http_json *json, const char *name, double number);
void http_json_bool(struct http_json *json, const char *name, bool value);
void http_json_null(struct http_json *json, const char *name);
/* JSON that is written already. */
void http_json_raw(struct http_json *json, const char *name, const void *text, size_t size);

/* A message as an object; its fields into an object that is open. */
void http_json_message(struct http_json *json, const char *name, const ProtobufCMessage *message);
void http_json_fields(struct http_json *json, const ProtobufCMessage *message);

/* How a field of `bytes` is shown. */
enum http_bytes_form { HTTP_BYTES_TEXT, HTTP_BYTES_ID, HTTP_BYTES_IDS, HTTP_BYTES_HEX };
enum http_bytes_form http_bytes_form_of(const char *field);

/* "text" of TEXT; lower case, into `room` bytes. */
void http_enum_name(const ProtobufCEnumDescriptor *descriptor, int value, char *ret_text,
                    size_t room);
/* The other way round; false: no such name. */
bool http_enum_value(const ProtobufCEnumDescriptor *descriptor, const char *name, size_t size,
                     int *ret_value);

#endif
