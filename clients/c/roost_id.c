/* SPDX-License-Identifier: MPL-2.0
 *
 * Message ids: UUID version 7 (RFC 9562), one generator per thread.
 *     48 bits Unix ms | 4 bits version | 12 bits counter | 2 bits variant | 62 bits random
 * Within one millisecond the counter rises, so the ids of a thread always rise; 62 random bits
 * keep threads and processes apart. Random bytes are drawn 512 at a time: a system call per id
 * would cost more than everything else.
 */
#include <string.h>
#include <sys/random.h>

#include "clients/c/roost.h"
#include "rt/check.h"
#include "rt/clock.h"

#define COUNTER_MAX   0x0fff
#define COUNTER_START 0x07ff /* the counter of a new millisecond begins at or below this */
#define DRAW_BYTES    512
#define BYTES_PER_ID  10

struct generator {
    uint64_t last_ms;
    uint32_t counter;
    size_t left; /* random bytes not used yet */
    uint8_t random[DRAW_BYTES];
};

static _Thread_local struct generator generator;

static const uint8_t *draw(struct generator *from)
{
    if (from->left < BYTES_PER_ID) {
        size_t have = 0;
        while (have < DRAW_BYTES) {
            ssize_t got = getrandom(from->random + have, DRAW_BYTES - have, 0);
            CHECK(got >= 0 || have > 0); /* fails only on kernels without it */
            have += got > 0 ? (size_t)got : 0;
        }
        from->left = DRAW_BYTES;
    }
    from->left -= BYTES_PER_ID;
    return from->random + from->left;
}

void roost_id_new(uint8_t ret_id[ROOST_ID_BYTES])
{
    const uint8_t *random = draw(&generator);
    uint64_t now_ms = (uint64_t)clock_wall_now().ms & 0xffffffffffff;
    uint32_t start = (uint32_t)(random[0] | random[1] << 8) & COUNTER_START;

    if (now_ms > generator.last_ms) {
        generator.last_ms = now_ms;
        generator.counter = start;
    } else if (generator.counter < COUNTER_MAX) {
        generator.counter++;
    } else {
        generator.last_ms++;
        generator.counter = start;
    }
    for (int i = 0; i < 6; i++)
        ret_id[i] = (uint8_t)(generator.last_ms >> (40 - 8 * i));
    ret_id[6] = (uint8_t)(0x70 | generator.counter >> 8);
    ret_id[7] = (uint8_t)generator.counter;
    memcpy(ret_id + 8, random + 2, 8);
    ret_id[8] = (uint8_t)(0x80 | (ret_id[8] & 0x3f));
}

void roost_id_format(const uint8_t id[ROOST_ID_BYTES], char ret_text[ROOST_ID_TEXT_LENGTH + 1])
{
    static const char digits[] = "0123456789abcdef";
    char *at = ret_text;

    for (int i = 0; i < ROOST_ID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
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

bool roost_id_parse(const char *text, uint8_t ret_id[ROOST_ID_BYTES])
{
    uint8_t id[ROOST_ID_BYTES];
    size_t length = strnlen(text, ROOST_ID_TEXT_LENGTH + 1);
    bool has_hyphens = length == ROOST_ID_TEXT_LENGTH;

    if (!has_hyphens && length != 2 * ROOST_ID_BYTES)
        return false;
    for (int i = 0; i < ROOST_ID_BYTES; i++) {
        if (has_hyphens && (i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
            return false;
        int high = digit_value(text[0]);
        int low = high < 0 ? -1 : digit_value(text[1]);
        if (low < 0)
            return false;
        id[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    memcpy(ret_id, id, sizeof(id));
    return true;
}
