/* SPDX-License-Identifier: MPL-2.0
 *
 * As much of AMQP 0-9-1 as a queue needs: a session with one channel, its methods written and read as
 * frames over a stream. The library for it writes each message with system calls of its own, which would
 * measure the client.
 */
#ifndef BENCH_AMQP_H
#define BENCH_AMQP_H

#include "stream.h"

#define AMQP_QUEUE        "bench"
#define AMQP_FRAME_METHOD 1
#define AMQP_FRAME_HEADER 2
#define AMQP_FRAME_BODY   3
#define AMQP_METHOD(c, m) ((uint32_t)(c) << 16 | (uint32_t)(m))
#define AMQP_BASIC        60
#define AMQP_QOS          AMQP_METHOD(AMQP_BASIC, 10)
#define AMQP_QOS_OK       AMQP_METHOD(AMQP_BASIC, 11)
#define AMQP_CONSUME      AMQP_METHOD(AMQP_BASIC, 20)
#define AMQP_CONSUME_OK   AMQP_METHOD(AMQP_BASIC, 21)
#define AMQP_PUBLISH      AMQP_METHOD(AMQP_BASIC, 40)
#define AMQP_DELIVER      AMQP_METHOD(AMQP_BASIC, 60)
#define AMQP_ACK          AMQP_METHOD(AMQP_BASIC, 80)
#define AMQP_DECLARE      AMQP_METHOD(50, 10)
#define AMQP_DECLARE_OK   AMQP_METHOD(50, 11)
#define AMQP_CONFIRM      AMQP_METHOD(85, 10)
#define AMQP_CONFIRM_OK   AMQP_METHOD(85, 11)
#define AMQP_HEADER_SIZE  7 /* of a frame; it ends with one byte more */
#define AMQP_METHOD_SIZE  4
#define AMQP_CONTENT_MAX  512

/* What is being written into a frame. */
struct amqp_writer {
    uint8_t bytes[AMQP_CONTENT_MAX];
    size_t size_bytes;
};

void amqp_put(struct amqp_writer *writer, uint64_t number, unsigned width_bytes);
void amqp_put_short_text(struct amqp_writer *writer, const char *text);
void amqp_put_long_text(struct amqp_writer *writer, const void *text, size_t size_bytes);
uint64_t amqp_number(const uint8_t *place, unsigned width_bytes);

/* One frame that is here completely; valid until the next receive. */
struct amqp_frame {
    uint8_t type;
    const uint8_t *content;
    size_t size_bytes;
};

/* The method of a frame of that type, 0 for the others. */
uint32_t amqp_method_of(const struct amqp_frame *frame);

/* Appends one frame of the channel to what will be sent. */
void amqp_append(struct stream *stream, uint8_t type, const void *content, size_t size_bytes);

/* The same for a method with the arguments in `arguments` (NULL: none). */
void amqp_append_method(struct stream *stream, uint32_t method,
                        const struct amqp_writer *arguments);

/* False when none is here completely. A close by the server ends the program with its words. */
bool amqp_next(struct stream *stream, struct amqp_frame *ret);

/* Sends all and waits for this method; what else comes meanwhile is dropped. */
struct amqp_frame amqp_await(struct stream *stream, uint32_t method);

/* A connected stream with an open channel. */
void amqp_open(struct stream *stream, const struct target *target);

/* Declares the queue (variant "quorum", otherwise classic; durable) or, passively, only looks at it.
 * Returns how many messages are ready in it. */
int64_t amqp_declare(struct stream *stream, const char *variant, bool is_passive);

#endif
