/* SPDX-License-Identifier: MPL-2.0
 *
 * The body of a request: from JSON to fields (fields.def).
 *
 * Promises: strict. An object with no name twice, valid UTF-8, no field the path does not know, each of its
 * type, all that must be there. What is wrong is told with its place or its name. null is the same as
 * not there, and is told apart where a handler asks (`is_null`).
 * Leaves to others: what values mean; the checks of the protocol come after (http_ask.h).
 */
#ifndef GATEWAYS_HTTP_HTTP_FIELDS_H
#define GATEWAYS_HTTP_HTTP_FIELDS_H

#include <jansson.h>

#include "gateways/http/http_route.h"
#include "proto/limits.h"
#include "proto/wire.h"

#define HTTP_PROBLEM_BYTES_MAX 240u

enum http_field {
#define FIELD(name, type, descriptor, summary) HTTP_FIELD_##name,
#include "gateways/http/fields.def"
#undef FIELD
    HTTP_FIELD_COUNT
};

enum http_field_type {
    HTTP_TYPE_TEXT,
    HTTP_TYPE_NUMBER,
    HTTP_TYPE_BOOL,
    HTTP_TYPE_ENUM,
    HTTP_TYPE_ID,
    HTTP_TYPE_IDS,
    HTTP_TYPE_BASE64,
    HTTP_TYPE_HEADERS,
};

struct http_field_row {
    const char *name;
    enum http_field_type type;
    const ProtobufCEnumDescriptor *descriptor;
    const char *summary;
};

extern const struct http_field_row http_field_rows[HTTP_FIELD_COUNT];

/* What a body says. Views live as long as it does. */
struct http_fields {
    bool is_set[HTTP_FIELD_COUNT];
    bool is_null[HTTP_FIELD_COUNT];
    struct http_text text[HTTP_FIELD_COUNT]; /* TEXT; ID, IDS, BASE64: bytes */
    uint64_t number[HTTP_FIELD_COUNT];       /* NUMBER, BOOL, ENUM */
    Roost__V1__Header headers[WIRE_HEADERS_MAX];
    Roost__V1__Header *header_list[WIRE_HEADERS_MAX];
    size_t header_count;
    json_t *root;
    uint8_t *bytes[HTTP_FIELD_COUNT]; /* what had to be decoded */
};

/* An empty body is an empty object. ERR_BAD_JSON, ERR_BAD_FIELD, ERR_MISSING_FIELD, ERR_TOO_MANY, ERR_BUSY; the
 * problem is a sentence. *ret is to be freed in any case. */
MUST_USE enum err http_fields_parse(const char *wanted, const void *json, size_t size,
                                    struct http_fields **ret,
                                    char ret_problem[HTTP_PROBLEM_BYTES_MAX]);
void http_fields_free(struct http_fields **fields);

struct http_request;
/* The same for a request, into request->fields. */
MUST_USE enum err http_fields_read(struct http_request *request,
                                   char ret_problem[HTTP_PROBLEM_BYTES_MAX]);

#endif
