/* SPDX-License-Identifier: MPL-2.0
 *
 * Driver for AMQP 0-9-1 brokers (RabbitMQ): one durable queue, persistent messages, publisher confirms;
 * a confirm may stand for several messages and may come out of order, hence the marks. The consumer has
 * a prefetch of 2,000; all that one read of the socket brought is acknowledged at once, with a basic.qos
 * behind it, and counts as settled when that is answered: then the channel has handled it.
 *
 * The server tells only how many messages are ready in the queue. So "stored" is that plus what the
 * consumer of this process has got, looked at until it stands still; "unsettled" is what is ready.
 *
 * Variant "quorum": a quorum queue (Raft log); otherwise a classic one.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "amqp.h"
#include "drivers.h"

#define PREFETCH       2000
#define PERSISTENT     2
#define HAS_MODE       0x1000 /* of the properties of a message */
#define BODY_BYTES_MAX 65536
#define STILL_NS       300000000

struct amqp {
    struct stream stream;
    uint8_t publish[AMQP_CONTENT_MAX]; /* producer: method and header frame of every message */
    size_t publish_size_bytes;
    uint64_t confirmed; /* every message up to this one */
    uint64_t sent;
    uint8_t *marks; /* ring: confirmed beyond that */

    uint64_t begun_tag; /* consumer: of the delivery under way */
    uint64_t last_tag;  /* of the last one that is here */
    size_t body_bytes;  /* still to come of it */
    unsigned unfenced;  /* got since the last fence */
    unsigned fenced;
    bool is_fence_out;
};

static atomic_uint_fast64_t received; /* by the consumer of this process */

static struct amqp *session_open(const struct target *target)
{
    struct amqp *session = calloc(1, sizeof *session);
    if (session == NULL || (session->marks = calloc(1, SCENARIO_WINDOW_MAX)) == NULL) {
        bench_fail("out of memory");
    }
    amqp_open(&session->stream, target);
    return session;
}

static void session_close(void *argument)
{
    struct amqp *session = argument;
    stream_close(&session->stream);
    free(session->marks);
    free(session);
}

static void amqp_prepare(const struct target *target)
{
    struct amqp *session = session_open(target);
    (void)amqp_declare(&session->stream, target->variant, false); /* it is empty */
    session_close(session);
}

/* --- Producer */

/* What stands before the body of every message. */
static void make_publish(struct amqp *session, size_t body_bytes)
{
    struct stream *stream = &session->stream;
    struct amqp_writer content = {.size_bytes = 0};
    amqp_put(&content, 0, 2); /* reserved */
    amqp_put_short_text(&content, "");
    amqp_put_short_text(&content, AMQP_QUEUE);
    amqp_put(&content, 0, 1);
    amqp_append_method(stream, AMQP_PUBLISH, &content);
    content.size_bytes = 0;
    amqp_put(&content, AMQP_BASIC, 2);
    amqp_put(&content, 0, 2);
    amqp_put(&content, body_bytes, 8);
    amqp_put(&content, HAS_MODE, 2);
    amqp_put(&content, PERSISTENT, 1);
    amqp_append(stream, AMQP_FRAME_HEADER, content.bytes, content.size_bytes);
    memcpy(session->publish, stream->out, stream->out_size_bytes);
    session->publish_size_bytes = stream->out_size_bytes;
    stream->out_size_bytes = 0;
}

static void *amqp_producer_open(const struct target *target, unsigned index)
{
    (void)index;
    struct amqp *session = session_open(target);
    struct amqp_writer arguments = {.size_bytes = 0};
    amqp_put(&arguments, 0, 1);
    amqp_append_method(&session->stream, AMQP_CONFIRM, &arguments);
    (void)amqp_await(&session->stream, AMQP_CONFIRM_OK); /* says nothing more */
    make_publish(session, target->body_size_bytes);
    return session;
}

static void amqp_publish(void *producer, const void *body, size_t size_bytes)
{
    struct amqp *session = producer;
    stream_append(&session->stream, session->publish, session->publish_size_bytes);
    amqp_append(&session->stream, AMQP_FRAME_BODY, body, size_bytes);
    session->sent++;
}

static void amqp_flush(void *producer)
{
    struct amqp *session = producer;
    stream_flush(&session->stream);
}

/* Tag, "up to this one". Returns how many messages it confirms. */
static unsigned take_ack(struct amqp *session, const struct amqp_frame *frame)
{
    if (amqp_method_of(frame) != AMQP_ACK || frame->size_bytes < AMQP_METHOD_SIZE + 9) {
        bench_fail("amqp: a publish was answered by method %#x", amqp_method_of(frame));
    }
    uint64_t tag = amqp_number(frame->content + AMQP_METHOD_SIZE, 8);
    bool is_many = frame->content[AMQP_METHOD_SIZE + 8] != 0;
    unsigned count = 0;
    if (tag > session->sent || tag <= session->confirmed) {
        bench_fail("amqp: a confirm of a message that is none or was confirmed");
    }
    for (uint64_t i = is_many ? session->confirmed + 1 : tag; i <= tag; i++) {
        uint8_t *mark = &session->marks[i % SCENARIO_WINDOW_MAX];
        count += *mark == 0;
        *mark = 1;
    }
    while (session->marks[(session->confirmed + 1) % SCENARIO_WINDOW_MAX] != 0) {
        session->marks[++session->confirmed % SCENARIO_WINDOW_MAX] = 0;
    }
    return count;
}

static unsigned amqp_confirmed(void *producer, int64_t timeout_ns)
{
    struct amqp *session = producer;
    struct amqp_frame frame;
    unsigned count = 0;
    if (!stream_receive(&session->stream, timeout_ns)) {
        return 0;
    }
    while (amqp_next(&session->stream, &frame)) {
        count += take_ack(session, &frame);
    }
    return count;
}

/* --- Consumer */

static void append_qos(struct amqp *session)
{
    struct amqp_writer arguments = {.size_bytes = 0};
    amqp_put(&arguments, 0, 4);
    amqp_put(&arguments, PREFETCH, 2);
    amqp_put(&arguments, 0, 1);
    amqp_append_method(&session->stream, AMQP_QOS, &arguments);
}

static void *amqp_consumer_open(const struct target *target)
{
    struct amqp *session = session_open(target);
    struct amqp_writer arguments = {.size_bytes = 0};
    atomic_store(&received, 0);
    append_qos(session);
    (void)amqp_await(&session->stream, AMQP_QOS_OK); /* says nothing more */
    amqp_put(&arguments, 0, 2);                      /* reserved */
    amqp_put_short_text(&arguments, AMQP_QUEUE);
    amqp_put_short_text(&arguments, "sink");
    amqp_put(&arguments, 0, 1);
    amqp_put(&arguments, 0, 4); /* no table */
    amqp_append_method(&session->stream, AMQP_CONSUME, &arguments);
    stream_flush(&session->stream); /* deliveries may come before its answer is looked at */
    return session;
}

/* Deliveries come as three frames: method, header, body. */
static void take_frame(struct amqp *session, const struct amqp_frame *frame,
                       struct delivery_sink *sink)
{
    if (frame->type == AMQP_FRAME_HEADER && frame->size_bytes >= 12) {
        session->body_bytes = (size_t)amqp_number(frame->content + 4, 8);
        return;
    }
    if (frame->type == AMQP_FRAME_BODY) {
        if (frame->size_bytes != session->body_bytes) {
            bench_fail("amqp: a body in more than one frame");
        }
        sink->take(sink, frame->content, frame->size_bytes);
        session->unfenced++;
        session->last_tag = session->begun_tag;
        (void)atomic_fetch_add(&received, 1); /* the sum does not matter here */
        return;
    }
    uint32_t method = amqp_method_of(frame);
    if (method == AMQP_DELIVER && frame->size_bytes > AMQP_METHOD_SIZE) {
        size_t at = AMQP_METHOD_SIZE + 1 + frame->content[AMQP_METHOD_SIZE]; /* consumer's name */
        session->begun_tag = frame->size_bytes >= at + 8 ? amqp_number(frame->content + at, 8) : 0;
    } else if (method == AMQP_QOS_OK) {
        session->is_fence_out = false;
    } else if (method != AMQP_CONSUME_OK) {
        bench_fail("amqp: the consumer was sent method %#x", method);
    }
}

static void acknowledge(struct amqp *session)
{
    struct amqp_writer arguments = {.size_bytes = 0};
    amqp_put(&arguments, session->last_tag, 8);
    amqp_put(&arguments, 1, 1); /* and all before it */
    amqp_append_method(&session->stream, AMQP_ACK, &arguments);
    append_qos(session);
    session->fenced = session->unfenced;
    session->unfenced = 0;
    session->is_fence_out = true;
}

static unsigned amqp_consume(void *consumer, int64_t timeout_ns, struct delivery_sink *sink)
{
    struct amqp *session = consumer;
    struct amqp_frame frame;
    unsigned settled = 0;
    (void)stream_receive(&session->stream, timeout_ns); /* nothing: the timeout has passed */
    while (amqp_next(&session->stream, &frame)) {
        take_frame(session, &frame, sink);
        if (!session->is_fence_out) {
            settled += session->fenced;
            session->fenced = 0;
        }
    }
    if (session->unfenced > 0 && !session->is_fence_out) {
        acknowledge(session);
    }
    stream_flush(&session->stream);
    return settled;
}

/* --- Counting */

static int64_t ready_now(const struct target *target)
{
    struct amqp *session = session_open(target);
    int64_t ready = amqp_declare(&session->stream, target->variant, true);
    session_close(session);
    return ready;
}

static int64_t amqp_stored(const struct target *target)
{
    int64_t before = -1;
    int64_t now = ready_now(target) + (int64_t)atomic_load(&received);
    while (now != before) {
        bench_sleep_until(bench_now_ns() + STILL_NS);
        before = now;
        now = ready_now(target) + (int64_t)atomic_load(&received);
    }
    return now;
}

static int64_t amqp_unsettled(const struct target *target)
{
    return ready_now(target);
}

const struct driver amqp_driver = {
    .name = "amqp",
    .about = "AMQP 0-9-1, one durable queue, publisher confirms; variant quorum: a quorum queue",
    .prepare = amqp_prepare,
    .producer_open = amqp_producer_open,
    .publish = amqp_publish,
    .flush = amqp_flush,
    .confirmed = amqp_confirmed,
    .producer_close = session_close,
    .consumer_open = amqp_consumer_open,
    .consume = amqp_consume,
    .consumer_close = session_close,
    .stored = amqp_stored,
    .unsettled = amqp_unsettled,
};
