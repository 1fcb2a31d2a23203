/* SPDX-License-Identifier: MPL-2.0
 *
 * A request from its first line to its end.
 *
 *     first line       http_request_begin       NEW
 *     head             check_head               ARRIVING; what is wrong is told when the body has
 *                                               come, or at once if the connection must end
 *     body, in pieces  take_upload
 *     all of it        dispatch                 RUNNING: the handler; nothing yet: suspended
 *     http_answer      resumed                  ANSWERED
 *     queued           queue_answer             SENT or STREAMING
 *     taken, or gone   http_request_end
 *
 * libmicrohttpd calls http_request_access for each of the middle ones. An answer is given on its
 * second call at the earliest: on the first one it would end the connection.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/http/http_assets.h"
#include "gateways/http/http_caller.h"
#include "gateways/http/http_error.h"
#include "gateways/http/http_fields.h"
#include "gateways/http/http_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define BODY_EXTRA_BYTES   (256u << 10)
#define SWALLOW_PER_BODY   4u
#define HEADER_BLANKS_MAX  64u
#define TAKEN_PER_MS       64u /* bytes: who is slower is cut */
#define ARRIVING_PER_MS    16u /* the same of a body */
#define MS_PER_S           1000u
#define TAG_HASH_BYTES     16u /* the least libsodium makes */
#define TAG_TEXT_BYTES     (2u * TAG_HASH_BYTES + 3u)
#define TAG_BODY_BYTES_MAX (1u << 20)
#define CSP                                                                                        \
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "            \
    "object-src 'none'; require-trusted-types-for 'script'"

/* --- Beginning. */

struct http_request *http_request_of(const struct http_gateway *gateway, uint64_t ticket)
{
    struct http_request *request = u64map_get_pointer(&gateway->requests, ticket);
    bool is_answered = request && !request->stream &&
                       (request->state == HTTP_ANSWERED || request->state == HTTP_SENT);
    return is_answered ? NULL : request;
}

/* Text is escaped in JSON and base64 makes three bytes four; so a body of the largest message fits. */
static size_t body_bytes_max(const struct http_gateway *gateway)
{
    return (size_t)gateway->options->limits.body_bytes_max * 2 + BODY_EXTRA_BYTES;
}

void *http_request_begin(struct http_gateway *gateway, const char *target)
{
    struct http_request *request = calloc(1, sizeof(*request));
    size_t size = strlen(target);
    char *memory = request ? malloc(size + 1) : NULL;
    if (!memory ||
        u64map_put_pointer(&gateway->requests, gateway->last_ticket + 1, request) != ERR_OK) {
        free(memory);
        free(request);
        return NULL;
    }
    memcpy(memory, target, size + 1);
    request->gateway = gateway;
    request->ticket = ++gateway->last_ticket;
    request->memory = memory;
    request->memory_size = size;
    buf_init(&request->body, body_bytes_max(gateway));
    buf_init(&request->answer, HTTP_ANSWER_BYTES_MAX);
    metrics_add(actor_metrics(gateway->actor), METRIC_FRAMES_IN, 1);
    return request;
}

void http_request_end(struct http_request *request)
{
    struct http_gateway *gateway = request->gateway;
    if (request->on_gone)
        request->on_gone(request);
    if (request->state == HTTP_RUNNING)
        gateway->running--;
    if (request->connection) {
        request->connection->is_exempt = false;
        request->connection->patience_ms = gateway->options->request_ms;
        request->connection->since = actor_mono(gateway->actor);
    }
    http_stream_forget(request);
    http_caller_release(request);
    http_fields_free(&request->fields);
    (void)u64map_remove(&gateway->requests, request->ticket, NULL); /* it is there */
    buf_fini(&request->body);
    buf_fini(&request->answer);
    free(request->memory);
    free(request);
}

/* --- The head. */

/* A header that is folded onto a second line becomes one of another name here: libmicrohttpd 0.9 puts the
 * second line behind the name ("Content-Length12"), and a length is overlooked. It shows in where they
 * are: elsewhere than in one line, name, colon, blanks, value. */
static bool is_folded(const char *name, const char *value)
{
    uintptr_t end = (uintptr_t)name + strlen(name) + 1, at = (uintptr_t)value;
    if (!value)
        return false;
    if (at < end || at - end > HEADER_BLANKS_MAX)
        return true;
    return strspn(name + strlen(name) + 1, " \t") < at - end;
}

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct http_head *head = context;
    (void)kind;
    http_head_take(head, name, value);
    head->is_malformed |= is_folded(name, value);
    return MHD_YES;
}

static void refuse(struct http_request *request, enum err err, const char *text, bool is_last)
{
    request->refusal = err;
    request->refusal_text = text;
    request->is_last |= is_last;
}

/* No route of this method: a file, another method, or nothing. */
static void find_other(struct http_request *request)
{
    unsigned methods = http_route_methods(&request->target);
    const struct http_asset *asset = methods ? NULL : http_asset_find(&request->target);
    if (asset)
        methods = 1u << HTTP_GET;
    if (asset && request->method == HTTP_GET) {
        request->asset = asset;
        return;
    }
    if (!methods) {
        refuse(request, ERR_NO_SUCH_PATH, NULL, false);
        return;
    }
    char allow[HTTP_ALLOW_BYTES];
    http_route_write_allow(methods, allow, sizeof(allow));
    http_answer_header(request, "Allow", "%s", allow);
    if (request->method != HTTP_OPTIONS)
        refuse(request, ERR_BAD_METHOD, NULL, false);
}

static void check_parameters(struct http_request *request)
{
    const struct http_route *route = request->match.route;
    for (size_t i = 0; route && i < request->target.parameter_count; i++) {
        struct http_text name = request->target.parameters[i].name;
        if (!http_words_have(route->parameters, name.data, name.size, NULL))
            refuse(request, ERR_BAD_FIELD, "this path does not know one of these parameters",
                   false);
    }
}

static void find_route(struct http_request *request, const char *method)
{
    request->method = http_method_of(method);
    if (!http_route_find(&request->target, request->method, &request->match)) {
        request->match.route = NULL;
        find_other(request);
    }
    check_parameters(request);
}

static void check_head(struct http_request *request, const char *method)
{
    const char *problem = NULL;
    struct http_head *head = &request->head;
    enum err err = http_head_check_framing(head, &problem);
    if (err) {
        refuse(request, err, problem, true);
        return;
    }
    if (http_head_length(head) != UINT64_MAX &&
        http_head_length(head) > body_bytes_max(request->gateway)) {
        refuse(request, ERR_FRAME_TOO_LARGE, "the body is larger than any request may be", true);
        return;
    }
    err = http_target_parse(request->memory, request->memory_size, &request->target, &problem);
    if (!err)
        err = http_head_check_origin(head, &request->connection->door, &problem);
    if (!err)
        err = http_head_check_body(head);
    if (err)
        refuse(request, err, problem, false);
    else
        find_route(request, method);
}

void http_request_address(const struct http_request *request, char ret_text[HTTP_ADDRESS_TEXT_MAX])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    socklen_t size = !address                        ? 0
                     : address->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                                     : sizeof(struct sockaddr_in6);
    if (!address ||
        getnameinfo(address, size, ret_text, HTTP_ADDRESS_TEXT_MAX, NULL, 0, NI_NUMERICHOST) != 0)
        ret_text[0] = '\0';
}

/* --- The answer. */

void http_answer_header(struct http_request *request, const char *name, const char *format, ...)
{
    va_list arguments;
    CHECK(request->header_count < HTTP_ANSWER_HEADERS);
    char *value = request->headers[request->header_count].value;
    size_t room = sizeof(request->headers[0].value);
    va_start(arguments, format);
    int size = vsnprintf(value, room, format, arguments);
    va_end(arguments);
    if (size >= 0 && (size_t)size < room)
        request->headers[request->header_count++].name = name;
}

void http_answer_json(struct http_request *request, struct http_json *json)
{
    buf_clear(&request->answer);
    request->content_type = NULL;
    http_json_begin(json, &request->answer);
}

void http_answer_object(struct http_request *request, struct http_json *json)
{
    http_answer_json(request, json);
    http_json_object(json, NULL);
}

void http_answer_object_end(struct http_request *request, struct http_json *json, unsigned status)
{
    http_json_object_end(json);
    http_answer(request, status);
}

void http_answer_text(struct http_request *request, const char *content_type)
{
    buf_clear(&request->answer);
    request->content_type = content_type;
}

/* What was to be said did not fit. */
static void answer_instead(struct http_request *request, enum err err)
{
    struct http_json json;
    request->json.err = ERR_OK;
    request->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    log_error("answer-failed", LOG_ERROR(err));
    http_answer_json(request, &json);
    (void)http_error_write(&json, ERR_INTERNAL, NULL, 0);
}

void http_answer(struct http_request *request, unsigned status)
{
    CHECK(request->state == HTTP_RUNNING || request->state == HTTP_ARRIVING ||
          request->state == HTTP_NEW);
    if (request->state == HTTP_RUNNING)
        request->gateway->running--;
    request->state = HTTP_ANSWERED;
    request->status = status;
    if (request->json.err && status < MHD_HTTP_BAD_REQUEST)
        answer_instead(request, request->json.err);
    http_net_resume(request);
}

static void answer_error(struct http_request *request, unsigned status, enum err err,
                         const char *text, uint32_t retry_after_ms)
{
    struct http_json json;
    metrics_count_error(actor_metrics(request->gateway->actor), err);
    http_answer_json(request, &json);
    uint32_t wait_ms = http_error_write(&json, err, text, retry_after_ms);
    if (wait_ms)
        http_answer_header(request, "Retry-After", "%u", (wait_ms + MS_PER_S - 1) / MS_PER_S);
    if (status == MHD_HTTP_UNAUTHORIZED)
        http_answer_header(request, "WWW-Authenticate", "Bearer realm=\"roost\"");
    http_answer(request, status);
}

void http_answer_retry(struct http_request *request, enum err err, const char *text,
                       uint32_t retry_after_ms)
{
    answer_error(request, err_http_status(err), err, text, retry_after_ms);
}

void http_answer_error(struct http_request *request, enum err err, const char *text)
{
    answer_error(request, err_http_status(err), err, text, 0);
}

void http_answer_error_as(struct http_request *request, unsigned status, enum err err,
                          const char *text)
{
    answer_error(request, status, err, text, 0);
}

/* What was asked for, by its tag: 304 when the client has it. */
static bool put_tag(const struct http_request *request, struct MHD_Response *response,
                    const char *tag)
{
    const char *list = request->head.if_none_match;
    (void)MHD_add_response_header(response, "ETag", tag); /* the client asks again without */
    return list && http_head_has_tag(list, tag);
}

static struct MHD_Response *make_asset(struct http_request *request)
{
    const struct http_asset *asset = request->asset;
    bool is_packed = http_head_takes_gzip(&request->head);
    const unsigned char *begin = is_packed ? asset->packed : asset->plain;
    const unsigned char *end = is_packed ? asset->packed_end : asset->plain_end;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        (size_t)(end - begin), (void *)(uintptr_t)begin, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return NULL;
    if (is_packed)
        (void)MHD_add_response_header(response, "Content-Encoding", "gzip");
    (void)MHD_add_response_header(response, "Vary", "Accept-Encoding");
    (void)MHD_add_response_header(response, "Content-Security-Policy", CSP);
    (void)MHD_add_response_header(response, "Cache-Control", "no-cache");
    request->content_type = http_asset_type(asset);
    if (put_tag(request, response, asset->tag))
        request->status = MHD_HTTP_NOT_MODIFIED;
    return response;
}

/* The bytes of the answer, which are the response's from now on. */
static struct MHD_Response *hand_over(struct buf *answer)
{
    size_t size = buf_size(answer);
    if (size == 0 || answer->begin != 0)
        return MHD_create_response_from_buffer(size, (void *)(uintptr_t)buf_data(answer),
                                               MHD_RESPMEM_MUST_COPY);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, answer->memory, MHD_RESPMEM_MUST_FREE);
    if (response)
        buf_init(answer, HTTP_ANSWER_BYTES_MAX);
    return response;
}

static struct MHD_Response *make_plain(struct http_request *request)
{
    size_t size = buf_size(&request->answer);
    uint8_t hash[TAG_HASH_BYTES];
    char text[2 * TAG_HASH_BYTES + 1], tag[TAG_TEXT_BYTES];
    bool is_tagged = request->status == MHD_HTTP_OK && request->method == HTTP_GET &&
                     !request->content_type && size <= TAG_BODY_BYTES_MAX;
    if (is_tagged)
        (void)crypto_generichash(hash, sizeof(hash), buf_data(&request->answer), size, NULL, 0);
    struct MHD_Response *response = hand_over(&request->answer);
    if (!response)
        return NULL;
    (void)MHD_add_response_header(response, "Cache-Control",
                                  is_tagged ? "private, no-cache" : "no-store");
    if (!is_tagged)
        return response;
    (void)snprintf(tag, sizeof(tag), "\"%s\"",
                   sodium_bin2hex(text, sizeof(text), hash, sizeof(hash))); /* fits */
    if (put_tag(request, response, tag))
        request->status = MHD_HTTP_NOT_MODIFIED;
    return response;
}

static struct MHD_Response *make_response(struct http_request *request)
{
    struct MHD_Response *response;
    if (request->stream) {
        response = http_stream_response(request);
        if (response)
            (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    } else if (request->asset && request->status == MHD_HTTP_OK) {
        response = make_asset(request);
    } else {
        response = make_plain(request);
    }
    return response;
}

/* A 304 has no body; libmicrohttpd wants a response without one. */
static struct MHD_Response *without_body(struct MHD_Response *full, const char *tag_source)
{
    struct MHD_Response *empty =
        MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    const char *tag = MHD_get_response_header(full, "ETag");
    if (empty && tag)
        (void)MHD_add_response_header(empty, "ETag", tag);
    if (empty)
        (void)MHD_add_response_header(empty, "Cache-Control", tag_source);
    MHD_destroy_response(full);
    return empty;
}

/* Whoever takes an answer has time for that, but not for ever. */
static void begin_taking(struct http_request *request, size_t size)
{
    struct http_gateway *gateway = request->gateway;
    struct http_connection *connection = request->connection;
    connection->is_exempt = request->stream != NULL;
    connection->since = actor_mono(gateway->actor);
    connection->patience_ms = gateway->options->request_ms + (int64_t)(size / TAKEN_PER_MS);
    metrics_add(actor_metrics(gateway->actor), METRIC_FRAMES_OUT, 1);
    metrics_add(actor_metrics(gateway->actor), METRIC_BYTES_OUT, (int64_t)size);
    metrics_add(actor_metrics(gateway->actor), METRIC_HTTP_REQUESTS, 1);
}

static enum MHD_Result queue_answer(struct http_request *request)
{
    static const char nothing[] = "application/json";
    size_t size = buf_size(&request->answer);
    struct MHD_Response *response = make_response(request);
    if (response && request->status == MHD_HTTP_NOT_MODIFIED)
        response = without_body(response, request->asset ? "no-cache" : "private, no-cache");
    if (!response)
        return MHD_NO;
    bool has_body = request->stream || request->asset || size > 0;
    if (has_body && request->status != MHD_HTTP_NOT_MODIFIED)
        (void)MHD_add_response_header(response, "Content-Type",
                                      request->content_type ? request->content_type : nothing);
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    (void)MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    (void)MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    for (size_t i = 0; i < request->header_count; i++)
        (void)MHD_add_response_header(response, request->headers[i].name,
                                      request->headers[i].value);
    if (request->is_last || actor_is_stopping(request->gateway->actor))
        (void)MHD_add_response_header(response, "Connection", "close");
    enum MHD_Result result = MHD_queue_response(request->mhd, request->status, response);
    MHD_destroy_response(response);
    request->state = request->stream ? HTTP_STREAMING : HTTP_SENT;
    begin_taking(request, size);
    return result;
}

/* --- Its way. */

static void tell_refusal(struct http_request *request)
{
    if (err_http_status(request->refusal) < MHD_HTTP_INTERNAL_SERVER_ERROR)
        metrics_add(actor_metrics(request->gateway->actor), METRIC_PROTOCOL_ERRORS, 1);
    http_answer_error(request, request->refusal, request->refusal_text);
}

static void run_admitted(struct http_request *request)
{
    const struct http_route *route = request->match.route;
    if (route->access == HTTP_ADMIN && !http_caller_is_admin(request->caller))
        http_answer_error(request, ERR_NOT_ALLOWED, "only administrators may do that");
    else
        route->handler(request);
}

static void run(struct http_request *request)
{
    const struct http_route *route = request->match.route;
    char problem[HTTP_PROBLEM_BYTES_MAX] = "";
    enum err err = route->fields[0] ? http_fields_read(request, problem) : ERR_OK;
    if (err)
        http_answer_error(request, err, problem);
    else if (route->access == HTTP_ANYBODY)
        route->handler(request);
    else
        http_caller_admit(request, run_admitted);
}

/* What came must be what was announced, or the rest would be read as the next request. */
static void check_length(struct http_request *request)
{
    const struct http_head *head = &request->head;
    bool is_short = head->content_length && request->arrived != http_head_length(head);
    bool is_nothing = head->transfer_encoding && request->arrived == 0;
    if (is_short || is_nothing)
        refuse(request, ERR_BAD_HTTP, "the body is not what Content-Length or chunks announce",
               true);
}

static void dispatch(struct http_request *request)
{
    check_length(request);
    if (request->refusal) {
        tell_refusal(request);
    } else if (request->asset) {
        http_answer(request, MHD_HTTP_OK);
    } else if (request->method == HTTP_OPTIONS) {
        http_answer(request, MHD_HTTP_NO_CONTENT);
    } else if (actor_is_stopping(request->gateway->actor)) {
        http_answer_error(request, ERR_STOPPING, NULL);
    } else {
        request->state = HTTP_RUNNING;
        request->gateway->running++;
        run(request);
    }
}

/* False: the connection is to end, it sends without end what nobody wants. */
static bool take_upload(struct http_request *request, const char *upload, size_t size)
{
    bool is_wanted = !request->refusal && request->match.route && request->match.route->fields[0];
    metrics_add(actor_metrics(request->gateway->actor), METRIC_BYTES_IN, (int64_t)size);
    request->arrived += size;
    request->connection->patience_ms =
        request->gateway->options->request_ms + (int64_t)(request->arrived / ARRIVING_PER_MS);
    if (is_wanted && buf_append(&request->body, upload, size) == ERR_OK)
        return true;
    if (is_wanted)
        refuse(request, ERR_FRAME_TOO_LARGE, "the body is larger than any request may be", true);
    request->swallowed += size;
    return request->swallowed <= SWALLOW_PER_BODY * body_bytes_max(request->gateway);
}

static bool take_connection(struct http_request *request, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    request->mhd = mhd;
    request->connection = info ? info->socket_context : NULL;
    return request->connection != NULL;
}

enum MHD_Result http_request_access(struct http_request *request, struct MHD_Connection *mhd,
                                    const char *method, const char *upload, size_t *upload_size)
{
    if (request->state == HTTP_NEW) {
        if (!take_connection(request, mhd))
            return MHD_NO; /* no memory when it was accepted */
        request->connection->since = actor_mono(request->gateway->actor);
        (void)MHD_get_connection_values(mhd, MHD_HEADER_KIND, take_header, &request->head);
        check_head(request, method);
        request->state = HTTP_ARRIVING;
        if (!request->refusal || !request->is_last)
            return MHD_YES;
        tell_refusal(request);
        return queue_answer(request);
    }
    if (request->state == HTTP_ARRIVING && *upload_size > 0) {
        bool goes_on = take_upload(request, upload, *upload_size);
        *upload_size = 0;
        return goes_on ? MHD_YES : MHD_NO;
    }
    if (request->state == HTTP_ARRIVING) {
        request->connection->is_exempt = true;
        dispatch(request);
    }
    if (request->state == HTTP_ANSWERED)
        return queue_answer(request);
    if (request->state == HTTP_RUNNING && !request->is_suspended) {
        request->is_suspended = true;
        MHD_suspend_connection(mhd);
    }
    return MHD_YES;
}

/* --- The end of the daemon. */

void http_requests_stop(struct http_gateway *gateway)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&gateway->requests, &cursor)) {
        struct http_request *request = (struct http_request *)(uintptr_t)cursor.value;
        if (request->state == HTTP_STREAMING)
            http_stream_end(request);
    }
}
