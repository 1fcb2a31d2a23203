/* SPDX-License-Identifier: MPL-2.0
 *
 * The growing byte buffer. Grows by doubling, up to its limit plus one byte for buf_text's NUL;
 * moves its content to the front when that makes enough room.
 */
#include "rt/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"

#define CAPACITY_FIRST 64

void buf_init(struct buf *buf, size_t limit_bytes)
{
    CHECK(limit_bytes <= SIZE_MAX / 4);
    *buf = (struct buf){.limit = limit_bytes};
}

void buf_fini(struct buf *buf)
{
    free(buf->memory);
    *buf = (struct buf){.limit = buf->limit};
}

void buf_clear(struct buf *buf)
{
    buf->begin = 0;
    buf->end = 0;
}

const uint8_t *buf_data(const struct buf *buf)
{
    static const uint8_t nothing[1];
    return buf->memory ? buf->memory + buf->begin : nothing;
}

/* Room for `size` more bytes and the NUL. */
static enum err grow(struct buf *buf, size_t size)
{
    if (size > buf_room(buf))
        return ERR_TOO_LARGE;
    if (buf->end + size + 1 <= buf->capacity)
        return ERR_OK;

    size_t needed = buf_size(buf) + size + 1;
    bool is_largest = buf->capacity == buf->limit + 1;
    if (needed <= buf->capacity / 2 || (is_largest && needed <= buf->capacity)) {
        memmove(buf->memory, buf->memory + buf->begin, buf_size(buf));
        buf->end -= buf->begin;
        buf->begin = 0;
        return ERR_OK;
    }
    size_t capacity = buf->capacity ? buf->capacity * 2 : CAPACITY_FIRST;
    while (capacity < needed)
        capacity *= 2;
    if (capacity > buf->limit + 1)
        capacity = buf->limit + 1;
    uint8_t *memory = malloc(capacity);
    if (!memory)
        return ERR_BUSY;
    if (buf->memory)
        memcpy(memory, buf->memory + buf->begin, buf_size(buf));
    free(buf->memory);
    buf->memory = memory;
    buf->capacity = capacity;
    buf->end -= buf->begin;
    buf->begin = 0;
    return ERR_OK;
}

enum err buf_append(struct buf *buf, const void *data, size_t size)
{
    enum err err = grow(buf, size);
    if (err)
        return err;
    if (size)
        memcpy(buf->memory + buf->end, data, size);
    buf->end += size;
    return ERR_OK;
}

enum err buf_append_byte(struct buf *buf, uint8_t byte)
{
    return buf_append(buf, &byte, 1);
}

enum err buf_append_text(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

enum err buf_append_formatv(struct buf *buf, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    CHECK(size >= 0);
    enum err err = grow(buf, (size_t)size);
    if (err)
        return err;
    (void)vsnprintf((char *)buf->memory + buf->end, (size_t)size + 1, format, arguments);
    buf->end += (size_t)size;
    return ERR_OK;
}

enum err buf_append_format(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    enum err err = buf_append_formatv(buf, format, arguments);
    va_end(arguments);
    return err;
}

enum err buf_reserve(struct buf *buf, size_t size, uint8_t **ret_space)
{
    enum err err = grow(buf, size);
    if (err)
        return err;
    *ret_space = buf->memory + buf->end;
    return ERR_OK;
}

void buf_commit(struct buf *buf, size_t size)
{
    CHECK(size == 0 || buf->end + size < buf->capacity);
    buf->end += size;
}

void buf_consume(struct buf *buf, size_t size)
{
    CHECK(size <= buf_size(buf));
    buf->begin += size;
    if (buf->begin == buf->end)
        buf_clear(buf);
}

const char *buf_text(struct buf *buf)
{
    if (grow(buf, 0))
        return NULL;
    buf->memory[buf->end] = 0;
    return (const char *)buf->memory + buf->begin;
}
