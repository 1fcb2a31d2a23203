/* SPDX-License-Identifier: MPL-2.0
 *
 * Driver for roost through its C client library. Publishing is roost_send: the library packs what
 * waits into SEND frames by itself; a message is confirmed when roost_answered has passed its
 * ticket, which the broker answers after the commit. Consuming attaches to one mailbox with a
 * window of several batches; a batch counts as settled when roost_confirm has returned, that is
 * when its settlement is on disk; meanwhile the rest of the window goes on arriving.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "clients/c/roost.h"
#include "drivers.h"

#define PATIENCE_MS 30000
#define WINDOW      8000
#define BATCH       2000
#define CONSUMER    "sink"
#define CURVE_KEY   41

struct roost_session {
    struct roost *roost;
    struct roost_consumer *consumer;
    uint64_t confirmed; /* tickets counted so far */
};

static void must(enum roost_error error, const char *what)
{
    if (error != ROOST_OK) {
        bench_fail("roost: %s: %s (%s)", what, roost_error_text(error), roost_last_text());
    }
}

/* Variant "curve:PORT:KEY": sessions are opened with CURVE, each with a new key of its own; KEY is that of
 * the broker, and at PORT it listens without CURVE, for enrolling them. */
struct curve {
    char server[CURVE_KEY], own[CURVE_KEY], secret[CURVE_KEY];
};

static bool curve_take(const struct target *target, const char *peer, struct curve *ret)
{
    unsigned port;
    char url[64];
    struct roost *admin;
    if (sscanf(target->variant, "curve:%5u:%40s", &port, ret->server) != 2) {
        return false;
    }
    if (zmq_curve_keypair(ret->own, ret->secret) != 0) {
        bench_fail("roost: this libzmq has no CURVE");
    }
    (void)snprintf(url, sizeof url, "tcp://%s:%u", target->host, port);
    must(roost_open(&(struct roost_options){.url = url, .peer = "enroller"}, &admin), "open");
    must(roost_connect_wait(admin, PATIENCE_MS), "connect");
    struct roost_call call = {
        .method = ROOST_METHOD_KEY_ENROL, .peer = peer, .key = ret->own, .text = "bench"};
    must(roost_call(admin, &call, PATIENCE_MS, NULL), "enrol");
    (void)roost_close(&admin, PATIENCE_MS); /* it has the answer */
    return true;
}

static struct roost_session *session_open(const struct target *target, const char *peer)
{
    char url[64];
    struct curve curve;
    struct roost_options options = {.url = url, .peer = peer};
    (void)snprintf(url, sizeof url, "tcp://%s:%u", target->host, target->port);
    if (curve_take(target, peer, &curve)) {
        options.curve_server_key = curve.server;
        options.curve_public_key = curve.own;
        options.curve_secret_key = curve.secret;
    }
    struct roost_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        bench_fail("out of memory");
    }
    must(roost_open(&options, &session->roost), "open");
    must(roost_connect_wait(session->roost, PATIENCE_MS), "connect");
    return session;
}

static void session_close(void *argument)
{
    struct roost_session *session = argument;
    struct roost_counters counters;
    roost_counters(session->roost, &counters);
    if (counters.refused > 0) {
        bench_fail("roost: %llu messages were refused", (unsigned long long)counters.refused);
    }
    roost_detach(&session->consumer);
    (void)roost_close(&session->roost, PATIENCE_MS); /* everything was confirmed before */
    free(session);
}

/* Makes the mailbox, so that the first producer does not pay for it. */
static void roost_prepare(const struct target *target)
{
    struct roost_session *session = session_open(target, CONSUMER);
    must(roost_attach(session->roost, &(struct roost_attach_options){.scope = "peer:" CONSUMER},
                      PATIENCE_MS, &session->consumer),
         "attach");
    session_close(session);
}

static void *roost_producer_open(const struct target *target, unsigned index)
{
    char peer[32];
    (void)snprintf(peer, sizeof peer, "producer-%u", index);
    return session_open(target, peer);
}

static void roost_publish(void *producer, const void *body, size_t size_bytes)
{
    struct roost_session *session = producer;
    struct roost_outgoing outgoing = {
        .scope = "peer:" CONSUMER, .body = body, .body_size = size_bytes};
    must(roost_send(session->roost, &outgoing, PATIENCE_MS, NULL, NULL), "send");
}

static void session_flush(void *producer)
{
    (void)producer; /* the library sends as soon as it can */
}

static int timeout_ms_of(int64_t timeout_ns)
{
    return (int)((timeout_ns + 999999) / 1000000);
}

static unsigned roost_confirmed(void *producer, int64_t timeout_ns)
{
    struct roost_session *session = producer;
    if (roost_answered(session->roost) == session->confirmed) {
        enum roost_error error =
            roost_flush(session->roost, session->confirmed + 1, timeout_ms_of(timeout_ns));
        if (error != ROOST_OK && error != ROOST_TIMEOUT) {
            must(error, "flush");
        }
    }
    uint64_t answered = roost_answered(session->roost);
    unsigned count = (unsigned)(answered - session->confirmed);
    session->confirmed = answered;
    return count;
}

static void *roost_consumer_open(const struct target *target)
{
    struct roost_session *session = session_open(target, CONSUMER);
    struct roost_attach_options options = {
        .scope = "peer:" CONSUMER, .window_messages = WINDOW, .window_bytes = 64U << 20};
    must(roost_attach(session->roost, &options, PATIENCE_MS, &session->consumer), "attach");
    return session;
}

static unsigned roost_consume(void *consumer, int64_t timeout_ns, struct delivery_sink *sink)
{
    struct roost_session *session = consumer;
    const struct roost_message *messages[BATCH];
    size_t count = 0;
    enum roost_error error =
        roost_receive_many(session->consumer, timeout_ms_of(timeout_ns), messages, BATCH, &count);
    if (error == ROOST_TIMEOUT || error == ROOST_EMPTY) {
        return 0;
    }
    must(error, "receive");
    for (size_t i = 0; i < count; i++) {
        sink->take(sink, messages[i]->body, messages[i]->body_size);
        must(roost_ack(messages[i]), "ack");
        roost_message_destroy(&messages[i]);
    }
    size_t stale = 0;
    must(roost_confirm(session->consumer, PATIENCE_MS, &stale), "confirm");
    return (unsigned)(count - stale);
}

static int64_t session_count(struct roost_session *session, const struct roost_query *query,
                             const char *counter)
{
    struct roost_page *page = NULL;
    must(roost_query(session->roost, query, PATIENCE_MS, &page), "query");
    int64_t count = -1;
    for (size_t i = 0; i < page->counter_count; i++) {
        if (strcmp(page->counters[i].name, counter) == 0) {
            count = (count < 0 ? 0 : count) + (int64_t)page->counters[i].value;
        }
    }
    for (size_t i = 0; i < page->consumer_count; i++) {
        count = (count < 0 ? 0 : count) + (int64_t)page->consumers[i].waiting;
    }
    roost_page_destroy(&page);
    if (count < 0) {
        bench_fail("roost: the broker did not tell %s", counter);
    }
    return count;
}

static int64_t roost_stored(const struct target *target)
{
    struct roost_session *session = session_open(target, "observer");
    struct roost_query query = {.kind = ROOST_QUERY_STATS};
    int64_t count = session_count(session, &query, "stored_total");
    session_close(session);
    return count;
}

static int64_t roost_unsettled(const struct target *target)
{
    struct roost_session *session = session_open(target, CONSUMER);
    struct roost_query query = {.kind = ROOST_QUERY_INSPECT, .scope = "peer:" CONSUMER};
    int64_t count = session_count(session, &query, "waiting");
    session_close(session);
    return count;
}

const struct driver roost_driver = {
    .name = "roost",
    .about = "roost through libroost, one mailbox, settlements confirmed; variant curve:PORT:KEY: "
             "with CURVE",
    .prepare = roost_prepare,
    .producer_open = roost_producer_open,
    .publish = roost_publish,
    .flush = session_flush,
    .confirmed = roost_confirmed,
    .producer_close = session_close,
    .consumer_open = roost_consumer_open,
    .consume = roost_consume,
    .consumer_close = session_close,
    .stored = roost_stored,
    .unsettled = roost_unsettled,
};
