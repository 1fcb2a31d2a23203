/* SPDX-License-Identifier: MPL-2.0
 *
 * See amqp.h.
 */
#include "amqp.h"

#include <string.h>

#define CONNECTION_START    AMQP_METHOD(10, 10)
#define CONNECTION_START_OK AMQP_METHOD(10, 11)
#define CONNECTION_TUNE     AMQP_METHOD(10, 30)
#define CONNECTION_TUNE_OK  AMQP_METHOD(10, 31)
#define CONNECTION_OPEN     AMQP_METHOD(10, 40)
#define CONNECTION_OPEN_OK  AMQP_METHOD(10, 41)
#define CONNECTION_CLOSE    AMQP_METHOD(10, 50)
#define CHANNEL_OPEN        AMQP_METHOD(20, 10)
#define CHANNEL_OPEN_OK     AMQP_METHOD(20, 11)
#define CHANNEL_CLOSE       AMQP_METHOD(20, 40)
#define FRAME_END           0xce
#define FRAME_HEARTBEAT     8
#define FRAME_BYTES_MAX     131072
#define PATIENCE_NS         30000000000LL
#define STEP_NS             100000000LL
#define DURABLE             2
#define PASSIVE             1

void amqp_put(struct amqp_writer *writer, uint64_t number, unsigned width_bytes)
{
    if (writer->size_bytes + width_bytes > sizeof writer->bytes) {
        bench_fail("amqp: a method is too long");
    }
    for (unsigned i = 0; i < width_bytes; i++) {
        writer->bytes[writer->size_bytes++] = (uint8_t)(number >> 8 * (width_bytes - 1 - i));
    }
}

static void put_bytes(struct amqp_writer *writer, const void *bytes, size_t size_bytes)
{
    if (writer->size_bytes + size_bytes > sizeof writer->bytes) {
        bench_fail("amqp: a method is too long");
    }
    memcpy(writer->bytes + writer->size_bytes, bytes, size_bytes);
    writer->size_bytes += size_bytes;
}

void amqp_put_short_text(struct amqp_writer *writer, const char *text)
{
    amqp_put(writer, strlen(text), 1);
    put_bytes(writer, text, strlen(text));
}

void amqp_put_long_text(struct amqp_writer *writer, const void *text, size_t size_bytes)
{
    amqp_put(writer, size_bytes, 4);
    put_bytes(writer, text, size_bytes);
}

uint64_t amqp_number(const uint8_t *place, unsigned width_bytes)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < width_bytes; i++) {
        number = number << 8 | place[i];
    }
    return number;
}

uint32_t amqp_method_of(const struct amqp_frame *frame)
{
    return frame->type == AMQP_FRAME_METHOD && frame->size_bytes >= AMQP_METHOD_SIZE
               ? (uint32_t)amqp_number(frame->content, 4)
               : 0;
}

static void append_frame(struct stream *stream, uint8_t type, uint16_t channel,
                         const struct amqp_writer *content)
{
    struct amqp_writer head = {.size_bytes = 0};
    amqp_put(&head, type, 1);
    amqp_put(&head, channel, 2);
    amqp_put(&head, content->size_bytes, 4);
    stream_append(stream, head.bytes, head.size_bytes);
    stream_append(stream, content->bytes, content->size_bytes);
    stream_append(stream, &(uint8_t){FRAME_END}, 1);
}

void amqp_append(struct stream *stream, uint8_t type, const void *content, size_t size_bytes)
{
    uint8_t *place = stream_reserve(stream, AMQP_HEADER_SIZE + size_bytes + 1);
    struct amqp_writer head = {.size_bytes = 0};
    amqp_put(&head, type, 1);
    amqp_put(&head, 1, 2);
    amqp_put(&head, size_bytes, 4);
    memcpy(place, head.bytes, AMQP_HEADER_SIZE);
    memcpy(place + AMQP_HEADER_SIZE, content, size_bytes);
    place[AMQP_HEADER_SIZE + size_bytes] = FRAME_END;
}

static void append_method(struct stream *stream, uint16_t channel, uint32_t method,
                          const struct amqp_writer *arguments)
{
    struct amqp_writer content = {.size_bytes = 0};
    amqp_put(&content, method, 4);
    if (arguments != NULL) {
        put_bytes(&content, arguments->bytes, arguments->size_bytes);
    }
    append_frame(stream, AMQP_FRAME_METHOD, channel, &content);
}

void amqp_append_method(struct stream *stream, uint32_t method, const struct amqp_writer *arguments)
{
    append_method(stream, 1, method, arguments);
}

/* Code, short text. */
static void complain_of_close(const struct amqp_frame *frame)
{
    if (frame->size_bytes < AMQP_METHOD_SIZE + 3) {
        bench_fail("amqp: the server closed");
    }
    const uint8_t *text = frame->content + AMQP_METHOD_SIZE + 2;
    size_t room = frame->size_bytes - AMQP_METHOD_SIZE - 3;
    size_t size = text[0] < room ? text[0] : room;
    bench_fail("amqp: the server closed: %.*s", (int)size, (const char *)text + 1);
}

bool amqp_next(struct stream *stream, struct amqp_frame *ret)
{
    size_t size;
    const uint8_t *data = stream_data(stream, &size);
    if (size < AMQP_HEADER_SIZE) {
        return false;
    }
    size_t content = (size_t)amqp_number(data + 3, 4);
    if (content > FRAME_BYTES_MAX) {
        bench_fail("amqp: a frame of %zu bytes", content);
    }
    if (size < AMQP_HEADER_SIZE + content + 1) {
        return false;
    }
    *ret = (struct amqp_frame){data[0], data + AMQP_HEADER_SIZE, content};
    if (data[AMQP_HEADER_SIZE + content] != FRAME_END) {
        bench_fail("amqp: a frame without its end");
    }
    stream_take(stream, AMQP_HEADER_SIZE + content + 1);
    uint32_t method = amqp_method_of(ret);
    if (method == CONNECTION_CLOSE || method == CHANNEL_CLOSE) {
        complain_of_close(ret);
    }
    return true;
}

struct amqp_frame amqp_await(struct stream *stream, uint32_t method)
{
    struct amqp_frame frame;
    int64_t deadline_ns = bench_now_ns() + PATIENCE_NS;
    stream_flush(stream);
    while (bench_now_ns() < deadline_ns) {
        while (amqp_next(stream, &frame)) {
            if (amqp_method_of(&frame) == method) {
                return frame;
            }
        }
        (void)stream_receive(stream, STEP_NS); /* the loop looks what is here */
    }
    bench_fail("amqp: no answer (method %u.%u)", method >> 16, method & 0xffff);
}

static void start_ok(struct stream *stream)
{
    static const char plain[] = "\0guest\0guest";
    struct amqp_writer arguments = {.size_bytes = 0};
    amqp_put(&arguments, 0, 4); /* no properties */
    amqp_put_short_text(&arguments, "PLAIN");
    amqp_put_long_text(&arguments, plain, sizeof plain - 1);
    amqp_put_short_text(&arguments, "en_US");
    append_method(stream, 0, CONNECTION_START_OK, &arguments);
}

void amqp_open(struct stream *stream, const struct target *target)
{
    struct amqp_writer arguments = {.size_bytes = 0};
    stream_open(stream, "amqp", target);
    stream_append(stream, "AMQP\0\0\x09\x01", 8);
    (void)amqp_await(stream, CONNECTION_START); /* what it can do is known */
    start_ok(stream);
    struct amqp_frame tune = amqp_await(stream, CONNECTION_TUNE);
    if (tune.size_bytes < AMQP_METHOD_SIZE + 8) {
        bench_fail("amqp: the server says nothing of its limits");
    }
    amqp_put(&arguments, amqp_number(tune.content + AMQP_METHOD_SIZE, 2), 2);
    amqp_put(&arguments, FRAME_BYTES_MAX, 4);
    amqp_put(&arguments, 0, 2); /* no heartbeats */
    append_method(stream, 0, CONNECTION_TUNE_OK, &arguments);
    arguments.size_bytes = 0;
    amqp_put_short_text(&arguments, "/");
    amqp_put(&arguments, 0, 2); /* two reserved ones */
    append_method(stream, 0, CONNECTION_OPEN, &arguments);
    (void)amqp_await(stream, CONNECTION_OPEN_OK); /* says nothing more */
    arguments.size_bytes = 0;
    amqp_put_short_text(&arguments, "");
    amqp_append_method(stream, CHANNEL_OPEN, &arguments);
    (void)amqp_await(stream, CHANNEL_OPEN_OK); /* says nothing more */
}

int64_t amqp_declare(struct stream *stream, const char *variant, bool is_passive)
{
    struct amqp_writer arguments = {.size_bytes = 0};
    struct amqp_writer table = {.size_bytes = 0};
    amqp_put(&arguments, 0, 2); /* reserved */
    amqp_put_short_text(&arguments, AMQP_QUEUE);
    amqp_put(&arguments, is_passive ? PASSIVE | DURABLE : DURABLE, 1);
    if (!is_passive && strcmp(variant, "quorum") == 0) {
        amqp_put_short_text(&table, "x-queue-type");
        amqp_put(&table, 'S', 1);
        amqp_put_long_text(&table, "quorum", strlen("quorum"));
    }
    amqp_put_long_text(&arguments, table.bytes, table.size_bytes);
    amqp_append_method(stream, AMQP_DECLARE, &arguments);
    struct amqp_frame answer = amqp_await(stream, AMQP_DECLARE_OK);
    size_t at = AMQP_METHOD_SIZE + 1 + strlen(AMQP_QUEUE);
    if (answer.size_bytes < at + 8) {
        bench_fail("amqp: a queue without a length");
    }
    return (int64_t)amqp_number(answer.content + at, 4);
}
