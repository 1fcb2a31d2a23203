/* SPDX-License-Identifier: MPL-2.0
 *
 * Driver for MQTT 3.1.1 brokers (mosquitto) with QoS 1, speaking the protocol itself: the library of
 * mosquitto writes every message with a system call of its own. Publishing is pipelined, a PUBACK each.
 * The consumer is a persistent session that subscribed before; it acknowledges all that one read of the
 * socket brought in one write, with a PINGREQ behind it, and counts them as settled when the PINGRESP is
 * back: then the server has handled them.
 *
 * How many are stored is what the server says it has received ($SYS, once a second). How many are
 * unsettled is found by opening the consumer's session once more, which makes the server send again what
 * it has not seen acknowledged.
 */
#include <stdlib.h>
#include <string.h>

#include "drivers.h"
#include "stream.h"

#define TOPIC           "bench"
#define RECEIVED_TOPIC  "$SYS/broker/publish/messages/received"
#define PATIENCE_NS     30000000000LL
#define STEP_NS         100000000LL
#define QUIET_NS        2500000000LL /* of $SYS: longer than its interval */
#define HEAD_SIZE_MAX   16
#define PACKET_SIZE_MAX 65536
#define TEXT_SIZE_MAX   64

enum packet {
    CONNECT = 0x10,
    CONNACK = 0x20,
    PUBLISH = 0x30,
    PUBACK = 0x40,
    SUBSCRIBE = 0x82,
    SUBACK = 0x90,
    PINGREQ = 0xc0,
    PINGRESP = 0xd0,
};

struct mqtt {
    struct stream stream;
    uint16_t packet_id;
    uint8_t *publish; /* producer: one PUBLISH, its id and body replaced for each message */
    size_t publish_size_bytes, id_at;

    unsigned unfenced; /* consumer: acknowledged since the last PINGREQ */
    unsigned fenced;   /* acknowledged before it */
    bool is_fence_out;
};

/* One packet that is here completely. */
struct arrival {
    uint8_t type; /* with its flags */
    const uint8_t *content;
    size_t size_bytes;
};

static size_t put_head(uint8_t *place, uint8_t type, size_t size_bytes)
{
    size_t at = 0;
    place[at++] = type;
    do {
        uint8_t part = size_bytes % 128;
        size_bytes /= 128;
        place[at++] = size_bytes > 0 ? part | 0x80 : part;
    } while (size_bytes > 0);
    return at;
}

static size_t put_text(uint8_t *place, const char *text)
{
    size_t size = strlen(text);
    place[0] = (uint8_t)(size >> 8);
    place[1] = (uint8_t)size;
    memcpy(place + 2, text, size);
    return size + 2;
}

static void send_packet(struct mqtt *session, uint8_t type, const uint8_t *content, size_t size)
{
    uint8_t head[HEAD_SIZE_MAX];
    stream_append(&session->stream, head, put_head(head, type, size));
    stream_append(&session->stream, content, size);
}

/* The next packet, false when none is here completely. Taken from the stream: valid until the next
 * receive. */
static bool next_packet(struct mqtt *session, struct arrival *ret)
{
    size_t size;
    const uint8_t *data = stream_data(&session->stream, &size);
    size_t length = 0;
    size_t at = 1;
    for (unsigned shift = 0; at < size; shift += 7) {
        length |= (size_t)(data[at] & 0x7f) << shift;
        if ((data[at++] & 0x80) == 0) {
            break;
        }
    }
    if (at >= size + (length == 0) || (data[at - 1] & 0x80) != 0 || size < at + length) {
        return false;
    }
    if (length > PACKET_SIZE_MAX) {
        bench_fail("mqtt: a packet of %zu bytes", length);
    }
    *ret = (struct arrival){data[0], data + at, length};
    stream_take(&session->stream, at + length);
    return true;
}

/* Waits for a packet of this type; others on the way are dropped. */
static struct arrival await(struct mqtt *session, uint8_t type)
{
    struct arrival arrival;
    int64_t deadline_ns = bench_now_ns() + PATIENCE_NS;
    while (bench_now_ns() < deadline_ns) {
        while (next_packet(session, &arrival)) {
            if ((arrival.type & 0xf0) == type) {
                return arrival;
            }
        }
        (void)stream_receive(&session->stream, STEP_NS); /* the loop looks what is here */
    }
    bench_fail("mqtt: no answer of type %#x", (unsigned)type);
}

static struct mqtt *mqtt_open(const struct target *target, const char *client, bool is_clean)
{
    struct mqtt *session = calloc(1, sizeof *session);
    uint8_t content[128];
    size_t at = 0;
    if (session == NULL) {
        bench_fail("out of memory");
    }
    stream_open(&session->stream, "mqtt", target);
    at += put_text(content, "MQTT");
    content[at++] = 4; /* 3.1.1 */
    content[at++] = is_clean ? 2 : 0;
    content[at++] = 0; /* no keepalive */
    content[at++] = 0;
    at += put_text(content + at, client);
    send_packet(session, CONNECT, content, at);
    stream_flush(&session->stream);
    struct arrival answer = await(session, CONNACK);
    if (answer.size_bytes != 2 || answer.content[1] != 0) {
        bench_fail("mqtt: the server refuses the session");
    }
    return session;
}

static void mqtt_close(void *argument)
{
    struct mqtt *session = argument;
    stream_close(&session->stream);
    free(session->publish);
    free(session);
}

static void subscribe(struct mqtt *session, const char *topic)
{
    uint8_t content[TEXT_SIZE_MAX] = {0, 1};
    size_t at = 2 + put_text(content + 2, topic);
    content[at++] = 1;
    send_packet(session, SUBSCRIBE, content, at);
    stream_flush(&session->stream);
}

static void mqtt_prepare(const struct target *target)
{
    struct mqtt *session = mqtt_open(target, "sink", false);
    subscribe(session, TOPIC);
    (void)await(session, SUBACK); /* refused only by access rules */
    mqtt_close(session);
}

static void *mqtt_producer_open(const struct target *target, unsigned index)
{
    char client[TEXT_SIZE_MAX];
    (void)snprintf(client, sizeof client, "producer-%u", index);
    struct mqtt *session = mqtt_open(target, client, true);
    session->publish = malloc(HEAD_SIZE_MAX + TEXT_SIZE_MAX + target->body_size_bytes);
    if (session->publish == NULL) {
        bench_fail("out of memory");
    }
    size_t content = 2 + strlen(TOPIC) + 2 + target->body_size_bytes;
    size_t at = put_head(session->publish, PUBLISH | 1 << 1, content);
    session->id_at = at + put_text(session->publish + at, TOPIC);
    session->publish_size_bytes = at + content;
    return session;
}

static void mqtt_publish(void *producer, const void *body, size_t size_bytes)
{
    struct mqtt *session = producer;
    session->packet_id = session->packet_id == UINT16_MAX ? 1 : (uint16_t)(session->packet_id + 1);
    session->publish[session->id_at] = (uint8_t)(session->packet_id >> 8);
    session->publish[session->id_at + 1] = (uint8_t)session->packet_id;
    memcpy(session->publish + session->id_at + 2, body, size_bytes);
    stream_append(&session->stream, session->publish, session->publish_size_bytes);
}

static void mqtt_flush(void *producer)
{
    struct mqtt *session = producer;
    stream_flush(&session->stream);
}

static unsigned mqtt_confirmed(void *producer, int64_t timeout_ns)
{
    struct mqtt *session = producer;
    struct arrival arrival;
    unsigned count = 0;
    if (!stream_receive(&session->stream, timeout_ns)) {
        return 0;
    }
    while (next_packet(session, &arrival)) {
        if (arrival.type != PUBACK) {
            bench_fail("mqtt: a publish was answered by type %#x", (unsigned)arrival.type);
        }
        count++;
    }
    return count;
}

static void *mqtt_consumer_open(const struct target *target)
{
    return mqtt_open(target, "sink", false);
}

/* Topic, packet id, body. */
static void take_publish(struct mqtt *session, const struct arrival *arrival,
                         struct delivery_sink *sink)
{
    size_t topic = arrival->size_bytes > 2 ? (size_t)arrival->content[0] << 8 | arrival->content[1]
                                           : arrival->size_bytes;
    if (arrival->size_bytes < topic + 4 || (arrival->type >> 1 & 3) != 1) {
        bench_fail("mqtt: a delivery that is not of QoS 1");
    }
    sink->take(sink, arrival->content + topic + 4, arrival->size_bytes - topic - 4);
    send_packet(session, PUBACK, arrival->content + topic + 2, 2);
    session->unfenced++;
}

static unsigned mqtt_consume(void *consumer, int64_t timeout_ns, struct delivery_sink *sink)
{
    struct mqtt *session = consumer;
    struct arrival arrival;
    unsigned settled = 0;
    (void)stream_receive(&session->stream, timeout_ns); /* nothing: the timeout has passed */
    while (next_packet(session, &arrival)) {
        if (arrival.type == PINGRESP) {
            settled += session->fenced;
            session->fenced = 0;
            session->is_fence_out = false;
        } else if ((arrival.type & 0xf0) == PUBLISH) {
            take_publish(session, &arrival, sink);
        }
    }
    if (session->unfenced > 0 && !session->is_fence_out) {
        send_packet(session, PINGREQ, NULL, 0);
        session->fenced = session->unfenced;
        session->unfenced = 0;
        session->is_fence_out = true;
    }
    stream_flush(&session->stream);
    return settled;
}

/* The newest number told under $SYS, which comes once a second while it changes. */
static int64_t mqtt_stored(const struct target *target)
{
    struct mqtt *session = mqtt_open(target, "observer", true);
    struct arrival arrival;
    char text[TEXT_SIZE_MAX];
    int64_t count = -1;
    size_t head = 2 + strlen(RECEIVED_TOPIC);
    subscribe(session, RECEIVED_TOPIC);
    for (int64_t quiet_since_ns = bench_now_ns(); bench_now_ns() - quiet_since_ns < QUIET_NS;) {
        (void)stream_receive(&session->stream, STEP_NS); /* the loop looks what is here */
        while (next_packet(session, &arrival)) {
            size_t id = (arrival.type >> 1 & 3) > 0 ? 2 : 0;
            if ((arrival.type & 0xf0) != PUBLISH || arrival.size_bytes < head + id ||
                arrival.size_bytes - head - id >= sizeof text) {
                continue;
            }
            size_t size = arrival.size_bytes - head - id;
            memcpy(text, arrival.content + head + id, size);
            text[size] = '\0';
            count = strtoll(text, NULL, 10);
            quiet_since_ns = bench_now_ns();
        }
    }
    mqtt_close(session);
    return count;
}

static int64_t mqtt_unsettled(const struct target *target)
{
    struct mqtt *session = mqtt_open(target, "sink", false);
    struct arrival arrival = {.type = 0};
    int64_t count = 0;
    int64_t deadline_ns = bench_now_ns() + PATIENCE_NS;
    send_packet(session, PINGREQ, NULL, 0);
    stream_flush(&session->stream);
    while (arrival.type != PINGRESP && bench_now_ns() < deadline_ns) {
        (void)stream_receive(&session->stream, STEP_NS); /* the loop looks what is here */
        while (arrival.type != PINGRESP && next_packet(session, &arrival)) {
            count += (arrival.type & 0xf0) == PUBLISH;
        }
    }
    mqtt_close(session);
    return arrival.type == PINGRESP ? count : -1;
}

const struct driver mqtt_driver = {
    .name = "mqtt",
    .about = "MQTT 3.1.1, QoS 1, one topic, a persistent session reads it; no variants",
    .prepare = mqtt_prepare,
    .producer_open = mqtt_producer_open,
    .publish = mqtt_publish,
    .flush = mqtt_flush,
    .confirmed = mqtt_confirmed,
    .producer_close = mqtt_close,
    .consumer_open = mqtt_consumer_open,
    .consume = mqtt_consume,
    .consumer_close = mqtt_close,
    .stored = mqtt_stored,
    .unsettled = mqtt_unsettled,
};
