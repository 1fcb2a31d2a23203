/* SPDX-License-Identifier: MPL-2.0
 *
 * Growing byte buffer, born with a maximum. Appended at the end, consumed at the front, for
 * streams and for text that is built up. Owns its memory. For one thread.
 *
 * Appending beyond the limit answers ERR_TOO_LARGE, no memory ERR_BUSY; the content is then
 * unchanged. Views into it die with the next append or consume.
 */
#ifndef RT_BUF_H
#define RT_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct buf {
    uint8_t *memory;
    size_t begin; /* content is memory[begin .. end) */
    size_t end;
    size_t capacity;
    size_t limit; /* most bytes of content */
};

/* Allocates nothing yet. */
void buf_init(struct buf *buf, size_t limit_bytes);
void buf_fini(struct buf *buf);

/* Forgets the content, keeps the memory. */
void buf_clear(struct buf *buf);

static inline size_t buf_size(const struct buf *buf)
{
    return buf->end - buf->begin;
}

/* Never NULL, also when empty. */
const uint8_t *buf_data(const struct buf *buf);

/* Bytes that may still be appended. */
static inline size_t buf_room(const struct buf *buf)
{
    return buf->limit - buf_size(buf);
}

MUST_USE enum err buf_append(struct buf *buf, const void *data, size_t size);
MUST_USE enum err buf_append_byte(struct buf *buf, uint8_t byte);
MUST_USE enum err buf_append_text(struct buf *buf, const char *text);

/* `format` is ours, never from outside. */
MUST_USE enum err buf_append_format(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
MUST_USE enum err buf_append_formatv(struct buf *buf, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Space for at least `size` bytes at the end, to be written by the caller (read(2), a packer) and
 * then taken with buf_commit. */
MUST_USE enum err buf_reserve(struct buf *buf, size_t size, uint8_t **ret_space);
void buf_commit(struct buf *buf, size_t size);

/* Drops `size` bytes (at most all) from the front. */
void buf_consume(struct buf *buf, size_t size);

/* The content as a string: a NUL is kept behind the end, not counted in the size. Valid until the
 * next change. NULL when there was no memory for the NUL. */
const char *buf_text(struct buf *buf);

#endif
