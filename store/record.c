/* SPDX-License-Identifier: MPL-2.0
 *
 * See record.h.
 *
 *     record  size of the header, serial type of each value, each value
 *     cell    size of the record, rowid, record
 *     page    13, 0 0, cells (2), begin of the cells (2), 0, place of each cell (2); room; cells
 *
 * Sizes, serial types and rowids are varints: 7 bits a byte, the highest first, and 8 in a ninth.
 */
#include "store/record.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "rt/check.h"

#define VALUES_MAX      100
#define VARINT_MAX      9
#define LEAF_TABLE      13
#define PAGE_HEAD       8
#define PAGE_CELLS      3
#define PAGE_CONTENT    5
#define CELL_PLACE      2
#define CELL_BYTES_MIN  4  /* a freed cell must hold the list of free blocks */
#define CELL_BYTES_OVER 35 /* a record longer than the page less this goes to further pages */
#define SERIAL_ZERO     8
#define SERIAL_ONE      9
#define SERIAL_BLOB     12
#define SERIAL_TEXT     13

static size_t varint_size(uint64_t value)
{
    size_t size = 1;
    while (size < VARINT_MAX && (value >>= 7) != 0)
        size++;
    return size;
}

static size_t varint_write_long(uint8_t *to, uint64_t value)
{
    size_t size = varint_size(value), at = size;
    if (size == VARINT_MAX) {
        to[--at] = (uint8_t)value;
        value >>= 8;
    } else {
        to[--at] = (uint8_t)(value & 0x7f);
        value >>= 7;
    }
    while (at > 0) {
        to[--at] = (uint8_t)(0x80 | (value & 0x7f));
        value >>= 7;
    }
    return size;
}

static inline size_t varint_write(uint8_t *to, uint64_t value)
{
    if (value >= 0x80)
        return varint_write_long(to, value);
    *to = (uint8_t)value;
    return 1;
}

/* --- Records. */

static const uint8_t integer_bytes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};

static uint64_t serial_of_integer(int64_t value)
{
    static const uint8_t serials[] = {1, 2, 3, 4, 5, 5, 6, 6, 6}; /* by bytes, less one */
    if (value == 0 || value == 1)
        return value ? SERIAL_ONE : SERIAL_ZERO;
    uint64_t width = value < 0 ? ~(uint64_t)value : (uint64_t)value;
    return serials[(64 - (unsigned)__builtin_clzll(width | 1)) / 8];
}

static void plan(struct record_value *value, size_t *inout_size)
{
    switch (value->kind) {
    case RECORD_NULL:
        value->serial = 0;
        return;
    case RECORD_INTEGER:
        value->serial = serial_of_integer(value->integer);
        *inout_size += integer_bytes[value->serial];
        return;
    case RECORD_TEXT:
    case RECORD_BLOB:
        value->serial = value->size * 2 + (value->kind == RECORD_TEXT ? SERIAL_TEXT : SERIAL_BLOB);
        *inout_size += value->size;
        return;
    }
    CHECK(false);
}

/* Of the types, and of its own size, which it counts. */
static size_t header_size(const struct record_value *values, size_t count)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += values[i].serial < 0x80 ? 1 : varint_size(values[i].serial);
    return size < 0x80 ? size : size + 1; /* at most 901 bytes: two for its size */
}

size_t record_size(struct record_value *values, size_t count)
{
    size_t size = 0;
    CHECK(count <= VALUES_MAX);
    for (size_t i = 0; i < count; i++)
        plan(&values[i], &size);
    return size + header_size(values, count);
}

static uint8_t *write_value(const struct record_value *value, uint8_t *to)
{
    if (value->serial >= SERIAL_BLOB) {
        if (value->size > 0)
            memcpy(to, value->bytes, value->size);
        return to + value->size;
    }
    size_t size = integer_bytes[value->serial];
    if (size == 0)
        return to;
    uint64_t highest_first = htobe64((uint64_t)value->integer << (64 - 8 * size));
    memcpy(to, &highest_first, size);
    return to + size;
}

void record_write(const struct record_value *values, size_t count, uint8_t *to)
{
    to += varint_write(to, header_size(values, count));
    for (size_t i = 0; i < count; i++)
        to += varint_write(to, values[i].serial);
    for (size_t i = 0; i < count; i++)
        to = write_value(&values[i], to);
}

/* --- Pages. */

static void store16_be(uint8_t *to, size_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

void leaf_page_clear(struct leaf_page *page)
{
    page->count = 0;
    page->content = page->size;
    memset(page->bytes, 0, PAGE_HEAD);
    page->bytes[0] = LEAF_TABLE;
    store16_be(page->bytes + PAGE_CONTENT, page->content); /* 65,536 is written as 0 */
}

uint8_t *leaf_page_add(struct leaf_page *page, int64_t rowid, size_t size)
{
    size_t head = varint_size(size) + varint_size((uint64_t)rowid);
    size_t used = PAGE_HEAD + (page->count + (size_t)1) * CELL_PLACE;
    if (size > page->size - CELL_BYTES_OVER || used + head + size > page->content)
        return NULL;
    CHECK(head + size >= CELL_BYTES_MIN);
    page->content -= head + size;
    store16_be(page->bytes + PAGE_HEAD + page->count * (size_t)CELL_PLACE, page->content);
    page->count++;
    store16_be(page->bytes + PAGE_CELLS, page->count);
    store16_be(page->bytes + PAGE_CONTENT, page->content);
    uint8_t *at = page->bytes + page->content;
    at += varint_write(at, size);
    at += varint_write(at, (uint64_t)rowid);
    return at;
}
