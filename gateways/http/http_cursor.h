/* SPDX-License-Identifier: MPL-2.0
 *
 * Cursors: where the next page of a list begins, as a text that means nothing to those who carry it.
 *
 * A key (a number or a name) or, where there is none, how many rows were seen. Promises: pure; any text
 * is read safely, and what was not made here is refused.
 */
#ifndef GATEWAYS_HTTP_HTTP_CURSOR_H
#define GATEWAYS_HTTP_HTTP_CURSOR_H

#include "gateways/http/http_target.h"
#include "proto/limits.h"

#define HTTP_CURSOR_TEXT_MAX 400u

struct http_cursor {
    uint64_t seq;     /* 0: none */
    uint32_t offset;  /* 0: none */
    size_t name_size; /* 0: none */
    char name[WIRE_NAME_BYTES_MAX];
};

void http_cursor_write(const struct http_cursor *cursor, char ret_text[HTTP_CURSOR_TEXT_MAX]);
/* ERR_BAD_FIELD: it is none of ours. */
MUST_USE enum err http_cursor_read(struct http_text text, struct http_cursor *ret);

#endif
