/* SPDX-License-Identifier: MPL-2.0
 *
 * A streaming JSON writer: one value after the other, straight to a FILE, no tree.
 *
 * Promises: commas, quotes and escapes are right whatever the bytes are; text that is not valid
 * UTF-8 has its bad bytes replaced by U+FFFD (bodies go out as base64 instead); nesting up to
 * JSON_DEPTH_MAX. Names of members are ours and trusted; NULL as a name means an array's element.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_MAX 16

/* libjansson, which the imports use, has functions of these names in the same program. */
#define json_object cli_json_object
#define json_array  cli_json_array
#define json_real   cli_json_real

struct json {
    FILE *out;
    int depth;
    bool has_items[JSON_DEPTH_MAX];
};

void json_begin(struct json *json, FILE *out);

/* Ends the line. */
void json_end_line(struct json *json);

void json_object(struct json *json, const char *name);
void json_object_end(struct json *json);
void json_array(struct json *json, const char *name);
void json_array_end(struct json *json);

void json_text(struct json *json, const char *name, const char *text);
void json_text_bytes(struct json *json, const char *name, const void *text, size_t size);
void json_number(struct json *json, const char *name, uint64_t number);
void json_negative(struct json *json, const char *name, int64_t number);
void json_exact(struct json *json, const char *name, double number); /* reads back as the same */
void json_real(struct json *json, const char *name, double number);  /* null when not finite */
void json_bool(struct json *json, const char *name, bool value);
void json_base64(struct json *json, const char *name, const void *bytes, size_t size);

/* Bytes of the valid UTF-8 character at `at`; 0 when there is none. Also for text.c. */
size_t utf8_length(const uint8_t *at, size_t left);

#endif
