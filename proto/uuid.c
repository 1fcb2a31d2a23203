/* SPDX-License-Identifier: MPL-2.0
 *
 * See uuid.h. The counter starts at a random value below half of its range in each new
 * millisecond, so at least 2,048 ids fit into one before the time has to be raised.
 */
#include "proto/uuid.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define COUNTER_MAX   0x0fff
#define COUNTER_START 0x07ff
#define TIME_MASK     0xffffffffffffull
#define RANDOM_PER_ID 10 /* bytes: 2 for the counter, 8 for the tail */

static const uint8_t *draw(struct uuid_source *source)
{
    size_t used = source->random_used;

    if (used == 0 || used + RANDOM_PER_ID > sizeof(source->random)) {
        randombytes_buf(source->random, sizeof(source->random));
        used = 0;
    }
    source->random_used = (uint16_t)(used + RANDOM_PER_ID);
    return source->random + used;
}

void uuid_next(struct uuid_source *source, struct wall_time now, uint8_t ret[UUID_BYTES])
{
    const uint8_t *random = draw(source);
    uint64_t now_ms = now.ms > 0 ? (uint64_t)now.ms & TIME_MASK : 0;
    uint16_t start = (uint16_t)((random[0] | random[1] << 8) & COUNTER_START);

    if (now_ms > source->last_ms) {
        source->last_ms = now_ms;
        source->counter = start;
    } else if (source->counter < COUNTER_MAX) {
        source->counter++;
    } else {
        source->last_ms++;
        source->counter = start;
    }
    for (int i = 0; i < 6; i++)
        ret[i] = (uint8_t)(source->last_ms >> (40 - 8 * i));
    ret[6] = (uint8_t)(0x70 | source->counter >> 8);
    ret[7] = (uint8_t)source->counter;
    memcpy(ret + 8, random + 2, 8);
    ret[8] = (uint8_t)(0x80 | (ret[8] & 0x3f));
}

static bool has_hyphen_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_format(const uint8_t id[UUID_BYTES], char ret_text[UUID_TEXT_LENGTH + 1])
{
    static const char digits[] = "0123456789abcdef";
    char *at = ret_text;

    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (has_hyphen_before(i))
            *at++ = '-';
        *at++ = digits[id[i] >> 4];
        *at++ = digits[id[i] & 15];
    }
    *at = '\0';
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

enum err uuid_parse(const char *text, size_t length, uint8_t ret[UUID_BYTES])
{
    bool is_hyphenated = length == UUID_TEXT_LENGTH;
    uint8_t id[UUID_BYTES];

    if (!is_hyphenated && length != 2 * UUID_BYTES)
        return ERR_BAD_FIELD;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (is_hyphenated && has_hyphen_before(i) && *text++ != '-')
            return ERR_BAD_FIELD;
        int high = digit_value(*text++);
        int low = digit_value(*text++);
        if (high < 0 || low < 0)
            return ERR_BAD_FIELD;
        id[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(ret, id, UUID_BYTES);
    return ERR_OK;
}
