/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_route.h.
 */
#include "gateways/http/http_route.h"

#include <stdio.h>
#include <string.h>

#include "gateways/http/http_handlers.h"
#include "rt/check.h"

#define NO_SCORE UINT32_MAX

const struct http_route http_routes[] = {
#define ROUTE(method, path, handler, access, parameters, fields, status, form, type, summary)      \
    {HTTP_##method, path,   handler,          HTTP_##access, parameters,                           \
     fields,        status, HTTP_FORM_##form, type,          summary},
#include "gateways/http/routes.def"
#undef ROUTE
};

const size_t http_route_count = sizeof(http_routes) / sizeof(http_routes[0]);

static const char *const method_names[HTTP_METHOD_COUNT] = {"GET", "POST", "PUT", "PATCH",
                                                            "DELETE"};

enum http_method http_method_of(const char *name)
{
    if (strcmp(name, "HEAD") == 0)
        return HTTP_GET;
    if (strcmp(name, "OPTIONS") == 0)
        return HTTP_OPTIONS;
    for (unsigned i = 0; i < HTTP_METHOD_COUNT; i++) {
        if (strcmp(name, method_names[i]) == 0)
            return (enum http_method)i;
    }
    return HTTP_OTHER;
}

const char *http_method_name(enum http_method method)
{
    return (unsigned)method < HTTP_METHOD_COUNT ? method_names[method] : "?";
}

/* NO_SCORE: does not fit. Else the lower, the better: a bit for each variable, early ones high. */
static uint32_t compare(const char *path, const struct http_target *target, struct http_match *ret)
{
    uint32_t score = 0;
    size_t part = 0;
    ret->variable_count = 0;
    for (const char *at = path + 1; *at; part++) {
        size_t size = strcspn(at, "/");
        if (part == target->segment_count)
            return NO_SCORE;
        struct http_text text = target->segments[part];
        if (*at == '{') {
            CHECK(ret->variable_count < HTTP_VARIABLES_MAX);
            if (text.size == 0)
                return NO_SCORE;
            ret->variables[ret->variable_count++] = text;
            score |= 1u << (HTTP_SEGMENTS_MAX - part);
        } else if (text.size != size || memcmp(text.data, at, size) != 0) {
            return NO_SCORE;
        }
        at += size;
        at += *at == '/';
    }
    return part == target->segment_count ? score : NO_SCORE;
}

bool http_route_find(const struct http_target *target, enum http_method method,
                     struct http_match *ret)
{
    uint32_t best = NO_SCORE;
    for (size_t i = 0; i < http_route_count; i++) {
        struct http_match match = {.route = &http_routes[i]};
        if (http_routes[i].method != method)
            continue;
        uint32_t score = compare(http_routes[i].path, target, &match);
        if (score < best) {
            best = score;
            *ret = match;
        }
    }
    return best != NO_SCORE;
}

unsigned http_route_methods(const struct http_target *target)
{
    unsigned methods = 0;
    struct http_match match;
    for (size_t i = 0; i < http_route_count; i++) {
        if (compare(http_routes[i].path, target, &match) != NO_SCORE)
            methods |= 1u << http_routes[i].method;
    }
    return methods;
}

void http_route_write_allow(unsigned methods, char *ret_text, size_t room)
{
    size_t used = 0;
    ret_text[0] = '\0';
    for (unsigned i = 0; i < HTTP_METHOD_COUNT; i++) {
        if (!(methods & 1u << i))
            continue;
        int size = snprintf(ret_text + used, room - used, "%s, %s", method_names[i],
                            i == HTTP_GET ? "HEAD, " : "");
        CHECK(size > 0 && (size_t)size < room - used);
        used += (size_t)size;
    }
    int size = snprintf(ret_text + used, room - used, "OPTIONS");
    CHECK(size > 0 && (size_t)size < room - used);
}

bool http_words_have(const char *words, const char *word, size_t size, bool *ret_is_needed)
{
    for (const char *at = words; *at;) {
        at += strspn(at, " ");
        size_t length = strcspn(at, " ");
        bool is_needed = length > 0 && at[length - 1] == '!';
        if (length - is_needed == size && memcmp(at, word, size) == 0) {
            if (ret_is_needed)
                *ret_is_needed = is_needed;
            return true;
        }
        at += length;
    }
    return false;
}
