/* SPDX-License-Identifier: MPL-2.0
 *
 * GET /events?topics=sample,alarm,scope:room:general: live events as text/event-stream.
 *
 *     asked       topics and rights are checked; feeds of scopes are attached (http_feed.c)
 *     ready       200, `hello`; then what was missed, if Last-Event-ID names an event of this run
 *                 since which everything is still known, else `reset`
 *     reading     each event once; a comment line when there was nothing for a while
 *     gone        the reader closed, was too slow (its buffer filled: closed and counted), lost its
 *                 rights or its last topic, or the broker stops
 *
 * The first event of a new reader bears an id, so that it can come back even if nothing else came.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "gateways/http/http_caller.h"
#include "gateways/http/http_live.h"
#include "rt/check.h"
#include "rt/log.h"

#define WAITING_BYTES_MAX (512u << 10) /* what a reader may leave unread */
#define SOCKET_BYTES      (64 << 10)   /* and in the socket: slow readers are noticed early */
#define LISTENERS_MAX     10000u
#define SCOPE_PREFIX      "scope:"
#define TEXT_BYTES        8192
#define ADMIN_TOPICS      (HTTP_TOPIC_SAMPLE | HTTP_TOPIC_LOG | HTTP_TOPIC_ALARM)

struct http_listener {
    struct http_listener *previous, *next;
    struct http_live *live;
    struct http_request *request; /* which ends it */
    unsigned topics;
    bool is_reading; /* it was said hello */
    bool is_closing;
    size_t feed_count, feeds_max;
    struct http_feed *feeds[];
};

/* NULL: it is answered, without a stream. */
static struct http_request *request_of(const struct http_listener *listener)
{
    return http_request_of(listener->live->gateway, listener->request->ticket);
}

/* --- Coming and going. */

static void count_streams(const struct http_live *live)
{
    metrics_set(actor_metrics(live->gateway->actor), METRIC_HTTP_STREAMS,
                (int64_t)live->listener_count);
}

static void leave_feed(struct http_listener *listener, size_t place)
{
    http_feed_leave(listener->live, listener->feeds[place]);
    listener->feeds[place] = listener->feeds[--listener->feed_count];
}

static void on_gone(struct http_request *request)
{
    struct http_listener *listener = request->context;
    struct http_live *live = listener->live;
    while (listener->feed_count > 0)
        leave_feed(listener, 0);
    if (listener->previous)
        listener->previous->next = listener->next;
    else
        live->listeners = listener->next;
    if (listener->next)
        listener->next->previous = listener->previous;
    live->listener_count--;
    count_streams(live);
    free(listener);
}

static struct http_listener *add(struct http_request *request, size_t feeds_max)
{
    struct http_live *live = request->gateway->live;
    struct http_listener *listener = NULL;
    if (live->listener_count < LISTENERS_MAX)
        listener = calloc(1, sizeof(*listener) + feeds_max * sizeof(struct http_feed *));
    if (!listener)
        return NULL;
    listener->live = live;
    listener->request = request;
    listener->feeds_max = feeds_max;
    listener->next = live->listeners;
    if (listener->next)
        listener->next->previous = listener;
    live->listeners = listener;
    live->listener_count++;
    request->on_gone = on_gone;
    request->context = listener;
    count_streams(live);
    return listener;
}

/* False: it was too slow, and is gone soon. */
static bool write_to(struct http_listener *listener, struct http_piece *piece)
{
    struct http_request *request = listener->request;
    struct metrics *metrics = actor_metrics(listener->live->gateway->actor);
    if (!request->stream || listener->is_closing)
        return false;
    if (http_stream_write(request, piece)) {
        metrics_add(metrics, METRIC_BYTES_OUT, (int64_t)piece->size);
        return true;
    }
    listener->is_closing = true;
    metrics_add(metrics, METRIC_HTTP_STREAMS_CLOSED, 1);
    return false;
}

static void close_stream(struct http_listener *listener)
{
    struct http_request *request = request_of(listener);
    if (request && !listener->is_closing)
        http_stream_end(request);
    listener->is_closing = true;
}

/* --- Hearing. */

static bool wants(const struct http_listener *listener, const struct http_event *event)
{
    if (event->topic != HTTP_TOPIC_SCOPE)
        return (listener->topics & event->topic) != 0; /* a mark has none */
    for (size_t i = 0; i < listener->feed_count; i++) {
        if (listener->feeds[i]->session == event->feed)
            return true;
    }
    return false;
}

static void hear(struct http_listener *listener, const struct http_event *event)
{
    if (wants(listener, event) && write_to(listener, event->piece))
        metrics_add(actor_metrics(listener->live->gateway->actor), METRIC_HTTP_EVENTS, 1);
}

void http_listeners_hear(struct http_live *live, const struct http_event *event)
{
    for (struct http_listener *at = live->listeners; at; at = at->next) {
        if (at->is_reading && !at->is_closing)
            hear(at, event);
    }
}

/* --- Hello, and what was missed. */

/* What does not fit is left out: it is never more than the names of the topics. */
__attribute__((format(printf, 2, 3))) static bool say(struct http_listener *listener,
                                                      const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    bool fits = size > 0 && (size_t)size < sizeof(text);
    struct http_piece *piece = fits ? http_piece_new((size_t)size) : NULL;
    if (!piece)
        return false;
    memcpy(piece->bytes, text, piece->size);
    bool is_written = write_to(listener, piece);
    http_piece_drop(&piece);
    return is_written;
}

/* It may have missed more than it may leave unread: these events are kept anyhow. */
static void replay(struct http_listener *listener, uint64_t after)
{
    struct http_events *events = listener->live->events;
    const struct http_event *event = http_events_after(events, after);
    for (; event && !listener->is_closing; event = http_events_after(events, event->number)) {
        hear(listener, event);
        http_stream_forgive(listener->request);
    }
}

/* Topics of which it cannot be told what came after `after`, as {"topics": [...]}; false: none. */
static bool write_unknown(const struct http_listener *listener, bool is_resumed, uint64_t after,
                          struct http_json *json)
{
    static const char *const names[] = {"sample", "presence", "log", "alarm"};
    char text[sizeof(SCOPE_PREFIX) + WIRE_SCOPE_BYTES_MAX];
    bool has_any = false;
    http_json_object(json, NULL);
    http_json_array(json, "topics");
    for (size_t i = 0; !is_resumed && i < sizeof(names) / sizeof(names[0]); i++) {
        bool is_wanted = listener->topics & http_topic_of(names[i], strlen(names[i]));
        if (is_wanted)
            http_json_text(json, NULL, names[i]);
        has_any |= is_wanted;
    }
    for (size_t i = 0; i < listener->feed_count; i++) {
        const struct http_feed *feed = listener->feeds[i];
        if (is_resumed && feed->since <= after)
            continue;
        (void)snprintf(text, sizeof(text), SCOPE_PREFIX "%.*s", (int)feed->scope_size, feed->scope);
        http_json_text(json, NULL, text);
        has_any = true;
    }
    http_json_array_end(json);
    http_json_text(json, "text",
                   "what happened since the last event is not known; fetch anew what you show");
    http_json_object_end(json);
    return has_any;
}

static void say_reset(struct http_listener *listener, bool is_resumed, uint64_t after,
                      const char *id)
{
    struct http_live *live = listener->live;
    struct http_json json;
    http_live_begin(live, &json);
    bool has_any = write_unknown(listener, is_resumed, after, &json);
    const char *data = buf_text(&live->text);
    if (has_any && !json.err && data)
        (void)say(listener, "id: %s\nevent: reset\ndata: %s\n\n", id, data);
}

/* The id of a reader that comes back stays what it was until it has got what it missed. */
static void say_hello(struct http_listener *listener, const char *last_id)
{
    const struct http_live *live = listener->live;
    const struct http_gateway_options *options = live->gateway->options;
    char id[HTTP_EVENT_ID_MAX], boot[2 * sizeof(options->boot_id) + 1];
    const char *blank = strchr(options->software, ' ');
    uint64_t after = 0;
    bool is_resumed = last_id && http_events_read_id(live->events, last_id, &after) &&
                      http_events_has_all_after(live->events, after);
    http_events_write_id(live->events, is_resumed ? after : http_events_newest(live->events), id);
    (void)say(listener,
              "id: %s\nevent: hello\ndata: {\"boot_id\":\"%s\",\"now_ms\":%" PRId64
              ",\"version\":\"%s\",\"resumed\":%s}\n\n",
              id, sodium_bin2hex(boot, sizeof(boot), options->boot_id, sizeof(options->boot_id)),
              actor_wall(live->gateway->actor).ms, blank ? blank + 1 : options->software,
              is_resumed ? "true" : "false");
    if (last_id)
        say_reset(listener, is_resumed, after, id);
    if (is_resumed)
        replay(listener, after);
}

static bool has_all_feeds(const struct http_listener *listener)
{
    for (size_t i = 0; i < listener->feed_count; i++) {
        if (!listener->feeds[i]->is_ready)
            return false;
    }
    return true;
}

static void begin_if_ready(struct http_listener *listener)
{
    struct http_request *request = request_of(listener);
    int bytes = SOCKET_BYTES;
    if (!request || listener->is_reading || !has_all_feeds(listener))
        return;
    (void)setsockopt(request->connection->fd, SOL_SOCKET, SO_SNDBUF, &bytes,
                     sizeof(bytes)); /* works without */
    http_answer_header(request, "X-Accel-Buffering", "no");
    http_stream_begin(request, "text/event-stream", WAITING_BYTES_MAX);
    if (!request->stream)
        return; /* no memory; it was answered */
    listener->is_reading = true;
    say_hello(listener, request->head.last_event_id);
}

/* --- GET /events. */

/* One topic of the list; ERR_OK, or why not with *ret_text (may stay NULL). */
static enum err take_topic(struct http_request *request, struct http_listener *listener,
                           struct http_text text, const char **ret_text)
{
    static const size_t prefix = sizeof(SCOPE_PREFIX) - 1;
    unsigned topic = http_topic_of(text.data, text.size);
    listener->topics |= topic;
    if (topic)
        return ERR_OK;
    if (text.size <= prefix || memcmp(text.data, SCOPE_PREFIX, prefix) != 0) {
        *ret_text = "topics are sample, presence, log, alarm and scope:SCOPE, with commas between";
        return ERR_BAD_FIELD;
    }
    if (listener->feed_count == listener->feeds_max)
        return ERR_TOO_MANY;
    struct http_text scope = http_text_of(text.data + prefix, text.size - prefix);
    struct http_feed *feed = NULL;
    enum err err = http_feed_use(listener->live, request->caller, scope, &feed);
    if (err)
        return err;
    listener->feeds[listener->feed_count++] = feed;
    return ERR_OK;
}

static enum err take_topics(struct http_request *request, struct http_listener *listener,
                            const char **ret_text)
{
    const struct http_text *list = http_target_parameter(&request->target, "topics");
    struct http_text rest = list ? *list : http_text_of("", 0);
    enum err err = ERR_OK;
    if (rest.size == 0) {
        *ret_text = "say what you want to hear: ?topics=sample,alarm";
        return ERR_MISSING_FIELD;
    }
    while (!err && rest.size > 0) {
        const char *comma = memchr(rest.data, ',', rest.size);
        size_t size = comma ? (size_t)(comma - rest.data) : rest.size;
        err = take_topic(request, listener, http_text_of(rest.data, size), ret_text);
        size_t used = comma ? size + 1 : size;
        rest = http_text_of(rest.data + used, rest.size - used);
    }
    if (!err && (listener->topics & ADMIN_TOPICS) && !http_caller_is_admin(request->caller)) {
        *ret_text = "sample, log and alarm are for administrators";
        err = ERR_NOT_ALLOWED;
    }
    return err;
}

/* As many as there are parts of the list, if that is few enough. */
static size_t count_feeds(const struct http_request *request)
{
    const struct http_text *list = http_target_parameter(&request->target, "topics");
    size_t count = 1;
    for (size_t i = 0; list && i < list->size; i++)
        count += list->data[i] == ',';
    return count < HTTP_EVENT_FEEDS_MAX ? count : HTTP_EVENT_FEEDS_MAX;
}

void http_get_events(struct http_request *request)
{
    const char *text = NULL;
    struct http_listener *listener = add(request, count_feeds(request));
    if (!listener) {
        http_answer_error(request, ERR_TOO_MANY, NULL);
        return;
    }
    enum err err = take_topics(request, listener, &text);
    if (err)
        http_answer_error(request, err, text);
    else
        begin_if_ready(listener);
}

/* --- What becomes of a feed. */

static bool drop_feed(struct http_listener *listener, const struct http_feed *feed)
{
    bool had = false;
    for (size_t i = listener->feed_count; i-- > 0;) {
        if (listener->feeds[i] != feed)
            continue;
        leave_feed(listener, i);
        had = true;
    }
    return had;
}

void http_listeners_feed_settled(struct http_live *live, const struct http_feed *feed,
                                 uint32_t code)
{
    for (struct http_listener *at = live->listeners, *next; at; at = next) {
        next = at->next;
        if (code == 0) {
            begin_if_ready(at);
            continue;
        }
        struct http_request *request = request_of(at);
        if (drop_feed(at, feed) && request)
            http_answer_error(request, err_from_code(code), NULL);
    }
}

void http_listeners_feed_ended(struct http_live *live, const struct http_feed *feed, uint32_t code)
{
    enum err err = err_from_code(code);
    for (struct http_listener *at = live->listeners; at; at = at->next) {
        if (!drop_feed(at, feed))
            continue;
        struct http_json json;
        http_live_begin(live, &json);
        http_json_object(&json, NULL);
        http_json_bytes(&json, "scope", feed->scope, feed->scope_size);
        http_json_number(&json, "code", code);
        http_json_text(&json, "name", err_name(err));
        http_json_text(&json, "text", err_sentence(err));
        http_json_object_end(&json);
        const char *data = buf_text(&live->text);
        if (!json.err && data)
            (void)say(at, "event: closed\ndata: %s\n\n", data);
        if (at->topics == 0 && at->feed_count == 0)
            close_stream(at);
    }
}

/* --- Each second. */

static bool may_go_on(const struct http_listener *listener, const struct http_request *request)
{
    if (!http_caller_is_current(request->caller))
        return false;
    return !(listener->topics & ADMIN_TOPICS) || http_caller_is_admin(request->caller);
}

void http_listeners_tick(struct http_live *live, bool is_comment_due)
{
    for (struct http_listener *at = live->listeners; at; at = at->next) {
        const struct http_request *request = request_of(at);
        if (!at->is_reading || !request)
            continue;
        if (!may_go_on(at, request))
            close_stream(at); /* whoever still may comes back and proves it */
        else if (is_comment_due)
            (void)say(at, ": the stream lives\n\n");
    }
}
