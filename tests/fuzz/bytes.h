/* SPDX-License-Identifier: MPL-2.0
 *
 * The input of a fuzz target as a source of decisions: what a state machine is told is read from
 * it piece by piece. An input that is used up answers 0 for ever, so every input is a program.
 */
#ifndef TESTS_FUZZ_BYTES_H
#define TESTS_FUZZ_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"

struct bytes {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t bytes_u8(struct bytes *bytes)
{
    if (bytes->left == 0)
        return 0;
    bytes->left--;
    return *bytes->at++;
}

static inline uint64_t bytes_u64(struct bytes *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)bytes_u8(bytes) << 8 * i;
    return value;
}

/* 0 ... limit - 1; one byte for small limits. */
static inline uint64_t bytes_below(struct bytes *bytes, uint64_t limit)
{
    if (limit <= 256)
        return limit ? bytes_u8(bytes) % limit : 0;
    return bytes_u64(bytes) % limit;
}

/* Mostly near `around`, now and then anything, the ends of the range included. */
static inline uint64_t bytes_near(struct bytes *bytes, uint64_t around)
{
    uint8_t how = bytes_u8(bytes);
    if (how == 0xff)
        return bytes_u64(bytes);
    if (how >= 0xfc)
        return UINT64_MAX - (0xfeu - how);
    return how < 0xc0 ? around + how % 24 - 8 : around + how;
}

/* The next at most `size` bytes as a part of its own. */
static inline struct bytes bytes_take(struct bytes *bytes, size_t size)
{
    struct bytes part = {bytes->at, size < bytes->left ? size : bytes->left};
    bytes->at += part.left;
    bytes->left -= part.left;
    return part;
}

/* The part in front of the next `end` (which is taken, too), or all there is. */
static inline struct bytes bytes_until(struct bytes *bytes, uint8_t end)
{
    const uint8_t *found = bytes->left ? memchr(bytes->at, end, bytes->left) : NULL;
    struct bytes part = bytes_take(bytes, found ? (size_t)(found - bytes->at) : bytes->left);
    if (found)
        (void)bytes_u8(bytes);
    return part;
}

/* A copy of exactly that size, so that a sanitizer sees any look beyond it; with a NUL behind it
 * when `is_text`. The caller frees it. */
static inline char *bytes_copy(struct bytes part, bool is_text)
{
    size_t size = part.left + (is_text ? 1 : 0);
    char *copy = malloc(size ? size : 1);
    CHECK(copy);
    if (part.left)
        memcpy(copy, part.at, part.left);
    if (is_text)
        copy[part.left] = '\0';
    return copy;
}

#endif
