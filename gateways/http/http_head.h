/* SPDX-License-Identifier: MPL-2.0
 *
 * The head of a request: the headers that mean something here, and whether it may be served at all.
 *
 * Owns: the rules about framing (no two lengths, no length beside chunks: what two readers could
 * read differently is refused), about Host (a page of somebody else must not reach us under a name
 * of its own) and about Origin (nor ask across origins), and about the form of a body.
 * Promises: pure; views into the texts it was given. Leaves to others: paths and rights.
 */
#ifndef GATEWAYS_HTTP_HTTP_HEAD_H
#define GATEWAYS_HTTP_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

#define HTTP_HEADERS_MAX      64u
#define HTTP_ADDRESS_TEXT_MAX 64u

/* NULL: not given. */
struct http_head {
    const char *host, *origin, *authorization, *peer;
    const char *content_type, *content_encoding, *content_length, *transfer_encoding;
    const char *if_none_match, *accept_encoding, *last_event_id;
    unsigned count;  /* of all headers */
    bool is_doubled; /* one that must be alone came twice */
    bool is_framing_doubled;
    bool is_malformed;
};

/* Where the connection came in. */
struct http_door {
    char address[HTTP_ADDRESS_TEXT_MAX]; /* "127.0.0.1", "[::1]" */
    uint16_t port;
    bool is_loopback;
    bool is_tls;
    const char *const *hosts; /* http.hosts */
    size_t host_count;
};

/* One header; to be called for each. */
void http_head_take(struct http_head *head, const char *name, const char *value);

/* Whether nobody can read another request into this one. ERR_BAD_HTTP: the connection must end. */
MUST_USE enum err http_head_check_framing(const struct http_head *head, const char **ret_problem);

/* ERR_BAD_HTTP, ERR_WRONG_HOST or ERR_WRONG_ORIGIN; *ret_problem in static words, or NULL. */
MUST_USE enum err http_head_check_origin(const struct http_head *head, const struct http_door *door,
                                         const char **ret_problem);

/* Of a request that may have a body: ERR_BAD_MEDIA_TYPE. */
MUST_USE enum err http_head_check_body(const struct http_head *head);

/* Bytes that are to come: 0 without a body, UINT64_MAX in chunks. */
uint64_t http_head_length(const struct http_head *head);

/* The token of "Authorization: Bearer TOKEN"; NULL: none. ERR_BAD_CREDENTIALS: another scheme. */
MUST_USE enum err http_head_token(const struct http_head *head, const char **ret_token);

/* Whether a list of entity tags (If-None-Match) names this one, quotes included. */
bool http_head_has_tag(const char *list, const char *tag);

/* Whether an Accept-Encoding allows gzip. */
bool http_head_takes_gzip(const struct http_head *head);

#endif
