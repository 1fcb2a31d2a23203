/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_head.h.
 */
#include "gateways/http/http_head.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PORT_HTTP  80u
#define PORT_HTTPS 443u

/* --- Taking headers. */

/* A name with anything else in it, a blank before the colon say, means different things to different
 * readers. */
static bool is_token(const char *name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (const char *at = name; *at; at++) {
        if (!isalnum((unsigned char)*at) && !strchr(marks, *at))
            return false;
    }
    return name[0] != '\0';
}

void http_head_take(struct http_head *head, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **place;
        bool is_framing;
    } known[] = {
        {"Host", &head->host, true},
        {"Content-Length", &head->content_length, true},
        {"Transfer-Encoding", &head->transfer_encoding, true},
        {"Origin", &head->origin, false},
        {"Authorization", &head->authorization, false},
        {"Roost-Peer", &head->peer, false},
        {"Content-Type", &head->content_type, false},
        {"Content-Encoding", &head->content_encoding, false},
        {"If-None-Match", &head->if_none_match, false},
        {"Accept-Encoding", &head->accept_encoding, false},
        {"Last-Event-ID", &head->last_event_id, false},
    };
    head->count++;
    head->is_malformed |= !is_token(name);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcasecmp(name, known[i].name) != 0)
            continue;
        if (*known[i].place && known[i].is_framing)
            head->is_framing_doubled = true;
        else if (*known[i].place)
            head->is_doubled = true;
        *known[i].place = value ? value : "";
        return;
    }
}

/* --- Framing. */

static bool is_number(const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++)
        if (!isdigit((unsigned char)text[i]))
            return false;
    return size > 0 && size < 16;
}

enum err http_head_check_framing(const struct http_head *head, const char **ret_problem)
{
    const char *problem = NULL;
    if (head->is_malformed)
        problem = "a header is folded, or its name has characters that no name may have";
    else if (head->is_framing_doubled)
        problem = "Host, Content-Length and Transfer-Encoding may be given once";
    else if (head->content_length && head->transfer_encoding)
        problem = "Content-Length and Transfer-Encoding exclude each other";
    else if (head->content_length && !is_number(head->content_length))
        problem = "Content-Length must be a number";
    else if (head->transfer_encoding && strcasecmp(head->transfer_encoding, "chunked") != 0)
        problem = "the only Transfer-Encoding known here is chunked";
    else if (head->count > HTTP_HEADERS_MAX)
        problem = "the request has too many headers";
    *ret_problem = problem;
    return problem ? ERR_BAD_HTTP : ERR_OK;
}

uint64_t http_head_length(const struct http_head *head)
{
    uint64_t length = 0;
    if (head->transfer_encoding)
        return UINT64_MAX;
    for (const char *at = head->content_length; at && *at; at++)
        length = length * 10 + (uint64_t)(*at - '0'); /* digits, fewer than 16 */
    return length;
}

/* --- Host and Origin. */

/* "NAME", "NAME:PORT", "[ADDRESS]:PORT"; false: not of this form. */
static bool split_host(const char *host, uint16_t port_default, size_t *ret_size,
                       uint16_t *ret_port)
{
    const char *end = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
    uint32_t port = 0;
    if (host[0] == '[' && !end)
        return false;
    if (host[0] == '[')
        end++;
    *ret_size = end ? (size_t)(end - host) : strlen(host);
    *ret_port = port_default;
    if (*ret_size == 0)
        return false;
    if (!end || *end == '\0')
        return true;
    if (*end != ':')
        return false;
    for (const char *at = end + 1; *at; at++) {
        if (!isdigit((unsigned char)*at) || (port = port * 10 + (uint32_t)(*at - '0')) > UINT16_MAX)
            return false;
    }
    *ret_port = (uint16_t)port;
    return port > 0;
}

static bool is_name(const char *host, size_t size, const char *name)
{
    return strlen(name) == size && strncasecmp(host, name, size) == 0;
}

/* A name given without a port is good with any: a proxy has its own. */
static bool is_listed(const struct http_door *door, const char *host, size_t name_size)
{
    for (size_t i = 0; i < door->host_count; i++) {
        if (strcasecmp(host, door->hosts[i]) == 0 || is_name(host, name_size, door->hosts[i]))
            return true;
    }
    return false;
}

static bool is_ours(const struct http_door *door, const char *host)
{
    size_t size;
    uint16_t port;
    if (!split_host(host, door->is_tls ? PORT_HTTPS : PORT_HTTP, &size, &port))
        return false;
    if (is_listed(door, host, size))
        return true;
    if (port != door->port)
        return false;
    bool is_loopback_name = is_name(host, size, "localhost") || is_name(host, size, "127.0.0.1") ||
                            is_name(host, size, "[::1]");
    return is_name(host, size, door->address) || (door->is_loopback && is_loopback_name);
}

/* "http://HOST" or "https://HOST"; over TLS only the latter, without it a proxy may have added it. */
static bool is_same_origin(const struct http_door *door, const char *origin, const char *host)
{
    if (strncasecmp(origin, "https://", 8) == 0)
        return strcasecmp(origin + 8, host) == 0;
    return !door->is_tls && strncasecmp(origin, "http://", 7) == 0 &&
           strcasecmp(origin + 7, host) == 0;
}

enum err http_head_check_origin(const struct http_head *head, const struct http_door *door,
                                const char **ret_problem)
{
    *ret_problem = NULL;
    if (head->is_doubled) {
        *ret_problem = "a header that means something here is given twice";
        return ERR_BAD_HTTP;
    }
    if (!head->host || !is_ours(door, head->host))
        return ERR_WRONG_HOST;
    if (head->origin && !is_same_origin(door, head->origin, head->host))
        return ERR_WRONG_ORIGIN;
    return ERR_OK;
}

/* --- The body. */

enum err http_head_check_body(const struct http_head *head)
{
    static const char json[] = "application/json";
    if (http_head_length(head) == 0)
        return ERR_OK;
    if (head->content_encoding && strcasecmp(head->content_encoding, "identity") != 0)
        return ERR_BAD_MEDIA_TYPE;
    const char *type = head->content_type;
    size_t size = sizeof(json) - 1;
    if (!type || strncasecmp(type, json, size) != 0)
        return ERR_BAD_MEDIA_TYPE;
    const char *rest = type + size + strspn(type + size, " \t");
    if (*rest == '\0')
        return ERR_OK;
    rest += *rest == ';';
    rest += strspn(rest, " \t");
    return strcasecmp(rest, "charset=utf-8") == 0 || strcasecmp(rest, "charset=\"utf-8\"") == 0
               ? ERR_OK
               : ERR_BAD_MEDIA_TYPE;
}

/* --- Who asks, and what it takes. */

enum err http_head_token(const struct http_head *head, const char **ret_token)
{
    static const char scheme[] = "Bearer ";
    *ret_token = NULL;
    if (!head->authorization)
        return ERR_OK;
    if (strncasecmp(head->authorization, scheme, sizeof(scheme) - 1) != 0)
        return ERR_BAD_CREDENTIALS;
    const char *token = head->authorization + sizeof(scheme) - 1;
    token += strspn(token, " ");
    if (*token == '\0')
        return ERR_BAD_CREDENTIALS;
    *ret_token = token;
    return ERR_OK;
}

bool http_head_has_tag(const char *list, const char *tag)
{
    size_t size = strlen(tag);
    for (const char *at = list; *at;) {
        at += strspn(at, " \t,");
        if (*at == '*')
            return true;
        if (strncmp(at, "W/", 2) == 0)
            at += 2;
        size_t length = strcspn(at, ", \t");
        if (length == size && memcmp(at, tag, size) == 0)
            return true;
        at += length;
    }
    return false;
}

bool http_head_takes_gzip(const struct http_head *head)
{
    for (const char *at = head->accept_encoding ? head->accept_encoding : ""; *at;) {
        at += strspn(at, " \t,");
        size_t length = strcspn(at, ", \t;");
        bool is_gzip = length == 4 && strncasecmp(at, "gzip", 4) == 0;
        at += length;
        size_t rest = strcspn(at, ",");
        bool is_refused = false;
        for (size_t i = 0; i + 2 < rest; i++) {
            if (at[i] == 'q' && at[i + 1] == '=')
                is_refused = strspn(at + i + 2, "0.") >= strcspn(at + i + 2, ", \t;");
        }
        at += rest;
        if (is_gzip)
            return !is_refused;
    }
    return false;
}
