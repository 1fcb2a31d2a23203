/* SPDX-License-Identifier: MPL-2.0
 *
 * A TCP stream to a broker whose protocol a driver speaks by itself: what is to be sent is gathered
 * and leaves in one write per flush; what came is kept in one block until it is parsed. One stream
 * belongs to one thread. As everything of a benchmark it ends the program when the other side fails.
 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario.h"

struct stream {
    const char *name; /* of the broker, for complaints */
    int socket;
    uint8_t *out;
    size_t out_size_bytes, out_room_bytes;
    uint8_t *in;
    size_t in_at, in_end, in_room_bytes; /* not parsed yet: in[in_at .. in_end) */
};

/* Connected, with TCP_NODELAY, not blocking. `name` must outlive it. */
void stream_open(struct stream *stream, const char *name, const struct target *target);
void stream_close(struct stream *stream);

/* Room for so many bytes at the end of what will be sent. */
uint8_t *stream_reserve(struct stream *stream, size_t size_bytes);
void stream_append(struct stream *stream, const void *bytes, size_t size_bytes);

/* Everything appended is in the kernel on return. While the other side does not read, what it sends
 * is read, so that the two never wait for each other. */
void stream_flush(struct stream *stream);

/* Takes what has come, waiting up to the timeout when nothing has. False: nothing came. */
bool stream_receive(struct stream *stream, int64_t timeout_ns);

/* What has come and is not parsed yet. */
const uint8_t *stream_data(const struct stream *stream, size_t *ret_size_bytes);
void stream_take(struct stream *stream, size_t size_bytes);

#endif
