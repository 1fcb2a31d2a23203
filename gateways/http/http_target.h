/* SPDX-License-Identifier: MPL-2.0
 *
 * The target of a request, "/api/v1/rooms/tea%20room?limit=5", taken apart.
 *
 * Owns: percent-decoding, and where a path and its parameters begin and end. The text is decoded in
 * place, after it was cut: an encoded slash or ampersand is a character like any other.
 *
 * Promises: pure, no allocation. Refuses what is no target of ours: not beginning with a slash,
 * broken escapes, NUL, invalid UTF-8, more segments or parameters than there is room for, a
 * parameter given twice. Leaves to others: what paths there are (http_route.h).
 */
#ifndef GATEWAYS_HTTP_HTTP_TARGET_H
#define GATEWAYS_HTTP_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

#define HTTP_TARGET_BYTES_MAX 4096u
#define HTTP_SEGMENTS_MAX     8u
#define HTTP_PARAMETERS_MAX   16u

struct http_text {
    const char *data; /* not terminated */
    size_t size;
};

struct http_parameter {
    struct http_text name, value;
};

struct http_target {
    struct http_text segments[HTTP_SEGMENTS_MAX]; /* none of "/" */
    size_t segment_count;
    struct http_parameter parameters[HTTP_PARAMETERS_MAX];
    size_t parameter_count;
};

/* ERR_OK, or ERR_BAD_HTTP and *ret_problem in static words. Views into `text`, which is changed. */
MUST_USE enum err http_target_parse(char *text, size_t size, struct http_target *ret,
                                    const char **ret_problem);

/* NULL: not given. */
const struct http_text *http_target_parameter(const struct http_target *target, const char *name);

/* In place. False: a broken escape. */
bool http_percent_decode(char *text, size_t *size);

/* A number of digits only, at most `max`; ERR_BAD_FIELD. */
MUST_USE enum err http_text_number(struct http_text text, uint64_t max, uint64_t *ret);

static inline struct http_text http_text_of(const void *data, size_t size)
{
    return (struct http_text){data, size};
}

#endif
