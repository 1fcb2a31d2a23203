/* SPDX-License-Identifier: MPL-2.0
 *
 * Which handler a path and a method lead to. All paths are in one table, routes.def; the OpenAPI
 * document is made of it too.
 *
 * Promises: pure. A path is compared part by part; a part of a template in braces, `{room}`, takes
 * any text but none. Where two templates fit, the one with the earlier fixed part wins
 * (/peers/statistics before /peers/{name}), whatever their order in the table.
 */
#ifndef GATEWAYS_HTTP_HTTP_ROUTE_H
#define GATEWAYS_HTTP_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateways/http/http_target.h"

#define HTTP_VARIABLES_MAX 4u

enum http_method {
    HTTP_GET, /* HEAD is a GET whose body is not sent */
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_METHOD_COUNT,
    HTTP_OPTIONS, /* answered for every path */
    HTTP_OTHER,
};

enum http_access {
    HTTP_ANYBODY, /* nobody has to say who he is */
    HTTP_CALLER,  /* somebody: his token, or a name without an account where that is allowed */
    HTTP_ADMIN,
};

/* What the answer of a route is made of: a message of the schema of the protocol. */
enum http_form {
    HTTP_FORM_NONE, /* 204, or not JSON */
    HTTP_FORM_ONE,  /* one of them */
    HTTP_FORM_LIST, /* {"items": [...], "next": cursor} */
    HTTP_FORM_FREE, /* an object of its own */
};

struct http_request;
typedef void http_handler(struct http_request *request);

struct http_route {
    enum http_method method;
    const char *path;
    http_handler *handler;
    enum http_access access;
    const char *parameters; /* of the query, with blanks between them */
    const char *fields;     /* of the body (fields.def), `!` behind those that must be there; "" =
                               no body */
    unsigned status;        /* when all is well */
    enum http_form form;
    const char *type; /* message of ONE and LIST, "Room" */
    const char *summary;
};

struct http_match {
    const struct http_route *route;
    struct http_text variables[HTTP_VARIABLES_MAX]; /* in the order of the template */
    size_t variable_count;
};

extern const struct http_route http_routes[];
extern const size_t http_route_count;

/* False: no route of this method. */
bool http_route_find(const struct http_target *target, enum http_method method,
                     struct http_match *ret);

/* Methods this path knows, as bits (1 << HTTP_GET); 0: no such path. */
unsigned http_route_methods(const struct http_target *target);

/* "GET, HEAD, POST, OPTIONS" for Allow. */
void http_route_write_allow(unsigned methods, char *ret_text, size_t room);

/* HTTP_OTHER: none we know. HEAD is GET. */
enum http_method http_method_of(const char *name);
const char *http_method_name(enum http_method method);

/* Whether a list of words, as in parameters and fields, has this one; *ret_is_needed (may be NULL):
 * it is followed by `!`. */
bool http_words_have(const char *words, const char *word, size_t size, bool *ret_is_needed);

#endif
