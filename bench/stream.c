/* SPDX-License-Identifier: MPL-2.0
 *
 * See stream.h.
 */
#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RECEIVE_SIZE_BYTES 262144
#define FLUSH_PATIENCE_MS  30000

void stream_open(struct stream *stream, const char *name, const struct target *target)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(target->port)};
    int on = 1;
    *stream = (struct stream){.name = name};
    if (inet_pton(AF_INET, target->host, &address.sin_addr) != 1) {
        bench_fail("%s: '%s' is no numeric address", name, target->host);
    }
    stream->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (stream->socket < 0 ||
        connect(stream->socket, (struct sockaddr *)&address, sizeof address) != 0) {
        bench_fail("%s: cannot connect: %s", name, strerror(errno));
    }
    (void)setsockopt(stream->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* only slower */
}

void stream_close(struct stream *stream)
{
    (void)close(stream->socket); /* everything that counts was answered */
    free(stream->out);
    free(stream->in);
    *stream = (struct stream){.socket = -1};
}

static uint8_t *grown(uint8_t *bytes, size_t *room_bytes, size_t wanted_bytes)
{
    if (wanted_bytes <= *room_bytes) {
        return bytes;
    }
    size_t room = *room_bytes > 0 ? *room_bytes : 65536;
    while (room < wanted_bytes) {
        room *= 2;
    }
    bytes = realloc(bytes, room);
    if (bytes == NULL) {
        bench_fail("out of memory");
    }
    *room_bytes = room;
    return bytes;
}

uint8_t *stream_reserve(struct stream *stream, size_t size_bytes)
{
    stream->out = grown(stream->out, &stream->out_room_bytes, stream->out_size_bytes + size_bytes);
    uint8_t *place = stream->out + stream->out_size_bytes;
    stream->out_size_bytes += size_bytes;
    return place;
}

void stream_append(struct stream *stream, const void *bytes, size_t size_bytes)
{
    memcpy(stream_reserve(stream, size_bytes), bytes, size_bytes);
}

static bool receive_now(struct stream *stream)
{
    if (stream->in_at > 0) {
        memmove(stream->in, stream->in + stream->in_at, stream->in_end - stream->in_at);
        stream->in_end -= stream->in_at;
        stream->in_at = 0;
    }
    stream->in = grown(stream->in, &stream->in_room_bytes, stream->in_end + RECEIVE_SIZE_BYTES);
    ssize_t size = recv(stream->socket, stream->in + stream->in_end,
                        stream->in_room_bytes - stream->in_end, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (size <= 0) {
        bench_fail("%s: the server closed the connection", stream->name);
    }
    stream->in_end += (size_t)size;
    return true;
}

void stream_flush(struct stream *stream)
{
    size_t sent = 0;
    while (sent < stream->out_size_bytes) {
        ssize_t size = send(stream->socket, stream->out + sent, stream->out_size_bytes - sent,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size >= 0) {
            sent += (size_t)size;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR) {
            bench_fail("%s: cannot send: %s", stream->name, strerror(errno));
        }
        struct pollfd ready = {.fd = stream->socket, .events = POLLIN | POLLOUT};
        if (poll(&ready, 1, FLUSH_PATIENCE_MS) == 0) {
            bench_fail("%s: the server reads nothing for 30 s", stream->name);
        }
        if ((ready.revents & POLLIN) != 0) {
            (void)receive_now(stream); /* nothing after all: the next turn tells */
        }
    }
    stream->out_size_bytes = 0;
}

bool stream_receive(struct stream *stream, int64_t timeout_ns)
{
    if (receive_now(stream)) {
        return true;
    }
    struct pollfd readable = {.fd = stream->socket, .events = POLLIN};
    struct timespec timeout = {
        .tv_sec = (time_t)(timeout_ns / 1000000000),
        .tv_nsec = (long)(timeout_ns % 1000000000),
    };
    return ppoll(&readable, 1, &timeout, NULL) > 0 && receive_now(stream);
}

const uint8_t *stream_data(const struct stream *stream, size_t *ret_size_bytes)
{
    *ret_size_bytes = stream->in_end - stream->in_at;
    return stream->in + stream->in_at;
}

void stream_take(struct stream *stream, size_t size_bytes)
{
    stream->in_at += size_bytes;
}
