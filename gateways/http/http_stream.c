/* SPDX-License-Identifier: MPL-2.0
 *
 * Answers without an end: what is written waits, bounded, until libmicrohttpd takes it; while there is
 * nothing, the connection is suspended.
 *
 * Each time a stream goes on costs a system call, whatever it brings. So they go on together, and the more
 * of them did, the later the next ones do: SENDS_PER_S in all, but none waits for longer than
 * GATHER_MS_MAX. A few streams are never kept waiting, and neither is what comes after a silence; a
 * thousand readers of a busy room cost two calls a second each, not one for each message.
 *
 * The response outlives the request by a moment (libmicrohttpd frees it after it has told us that
 * the request is over), so the stream is a thing of its own that both point to.
 */
#include <stdlib.h>
#include <string.h>

#include "gateways/http/http_internal.h"
#include "gateways/http/http_unread.h"
#include "rt/check.h"
#include "rt/log.h"

#define BLOCK_BYTES   128u /* each stream has one, which is used for HTTP/1.0 only */
#define SENDS_PER_S   2000u
#define GATHER_MS_MAX 500
#define MS_PER_S      1000

struct http_stream {
    struct http_request *request; /* NULL: gone */
    struct http_unread unread;
    bool is_over;      /* nothing comes any more */
    bool is_cut;       /* its reader is too slow */
    bool is_at_reader; /* libmicrohttpd has the response */
    bool is_gathered;  /* goes on with the others; then: */
    struct http_stream *next_gathered;
};

/* --- Many of them. */

static void gather(struct http_gateway *gateway, struct http_stream *stream)
{
    if (stream->is_gathered)
        return;
    if (!gateway->gathered && !mono_reached(gateway->gathered_go_next, actor_mono(gateway->actor)))
        actor_timer_set(gateway->actor, HTTP_TIMER_STREAMS, gateway->gathered_go_next);
    stream->is_gathered = true;
    stream->next_gathered = gateway->gathered;
    gateway->gathered = stream;
}

static void leave_gathered(struct http_gateway *gateway, struct http_stream *stream)
{
    struct http_stream **at = &gateway->gathered;
    if (!stream->is_gathered)
        return;
    while (*at != stream)
        at = &(*at)->next_gathered;
    *at = stream->next_gathered;
    stream->is_gathered = false;
}

void http_streams_go_on(struct http_gateway *gateway)
{
    struct mono_time now = actor_mono(gateway->actor);
    int64_t count = 0;
    if (!gateway->gathered || !mono_reached(gateway->gathered_go_next, now))
        return;
    for (; gateway->gathered; count++) {
        struct http_stream *stream = gateway->gathered;
        leave_gathered(gateway, stream);
        http_net_resume(stream->request);
    }
    int64_t pause_ms = count * MS_PER_S / SENDS_PER_S;
    gateway->gathered_go_next =
        mono_add_ms(now, pause_ms < GATHER_MS_MAX ? pause_ms : GATHER_MS_MAX);
}

/* --- One of them. */

static ssize_t on_read(void *context, uint64_t position, char *space, size_t room)
{
    struct http_stream *stream = context;
    (void)position;
    if (!stream->request || stream->is_cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t size = http_unread_read(&stream->unread, space, room);
    if (size == 0 && stream->is_over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (size == 0) {
        stream->request->is_suspended = true;
        MHD_suspend_connection(stream->request->mhd);
    }
    return (ssize_t)size;
}

static void on_free(void *context)
{
    struct http_stream *stream = context;
    if (stream->request) {
        leave_gathered(stream->request->gateway, stream);
        stream->request->stream = NULL;
    }
    http_unread_fini(&stream->unread);
    free(stream);
}

void http_stream_begin(struct http_request *request, const char *content_type, size_t bytes_max)
{
    CHECK(request->state == HTTP_RUNNING && !request->stream);
    struct http_stream *stream = calloc(1, sizeof(*stream));
    if (!stream) {
        http_answer_error(request, ERR_BUSY, NULL);
        return;
    }
    stream->request = request;
    http_unread_init(&stream->unread, bytes_max);
    request->stream = stream;
    request->gateway->streams++;
    request->content_type = content_type;
    http_answer(request, MHD_HTTP_OK);
}

struct MHD_Response *http_stream_response(struct http_request *request)
{
    struct http_stream *stream = request->stream;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read, stream, on_free);
    stream->is_at_reader = response != NULL;
    return response;
}

bool http_stream_write(struct http_request *request, struct http_piece *piece)
{
    struct http_stream *stream = request->stream;
    if (!stream || stream->is_over || stream->is_cut)
        return false;
    if (http_unread_add(&stream->unread, piece) != ERR_OK) {
        stream->is_cut = true;
        metrics_add(actor_metrics(request->gateway->actor), METRIC_DROPPED, 1);
        log_warn("reader-too-slow", LOG_U64("ticket", request->ticket));
        http_net_cut(request->connection);
        http_net_resume(request);
        return false;
    }
    gather(request->gateway, stream);
    return true;
}

void http_stream_forgive(struct http_request *request)
{
    if (request->stream)
        http_unread_forgive(&request->stream->unread);
}

void http_stream_end(struct http_request *request)
{
    if (!request->stream)
        return;
    request->stream->is_over = true;
    http_net_resume(request);
}

void http_stream_forget(struct http_request *request)
{
    struct http_stream *stream = request->stream;
    if (!stream)
        return;
    leave_gathered(request->gateway, stream);
    request->stream = NULL;
    stream->request = NULL;
    request->gateway->streams--;
    if (!stream->is_at_reader)
        on_free(stream);
}
