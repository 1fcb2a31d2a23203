/* SPDX-License-Identifier: MPL-2.0
 *
 * See log_ring.h. The order of memory: the state is made odd before any word is written (release
 * stores of the words keep it before them) and even after all of them; a reader loads the words with
 * acquire, so its second look at the state comes after them.
 */
#include "rt/log_ring.h"

#include <stdatomic.h>
#include <string.h>

#define WORD_BYTES sizeof(uint64_t)
#define LINE_WORDS (sizeof(struct log_ring_line) / WORD_BYTES)
#define GIVEN_UP   64 /* a line not finished while so many newer ones came is left out */

_Static_assert(sizeof(struct log_ring_line) % WORD_BYTES == 0, "a line is whole words");

struct place {
    _Atomic uint64_t state; /* 2 * number: holds that line; 2 * number - 1: is being written */
    _Atomic uint64_t words[LINE_WORDS];
};

static struct place places[LOG_RING_LINES];
static _Atomic uint64_t newest;

static struct place *place_of(uint64_t number)
{
    return &places[number % LOG_RING_LINES];
}

void log_ring_reserve(void)
{
    for (size_t i = 0; i < LOG_RING_LINES; i++)
        atomic_fetch_or_explicit(&places[i].state, 0,
                                 memory_order_relaxed); /* as it is, but written */
}

/* False: somebody is still writing there, or has written something newer. */
static bool claim(struct place *place, uint64_t number)
{
    uint64_t state = atomic_load_explicit(&place->state, memory_order_relaxed);
    if (state % 2 == 1 || state >= 2 * number)
        return false;
    return atomic_compare_exchange_strong_explicit(&place->state, &state, 2 * number - 1,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

/* Never in the middle of a character. */
static size_t cut(const char *text, size_t size, size_t max)
{
    if (size <= max)
        return size;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

void log_ring_put(struct wall_time time, enum log_level level, const char *actor, const char *text,
                  size_t size)
{
    struct log_ring_line line = {.time_ms = time.ms, .level = level};
    uint64_t words[LINE_WORDS];
    if (size > 0 && text[size - 1] == '\n')
        size--;
    memcpy(line.text, text, cut(text, size, LOG_RING_TEXT_MAX));
    memcpy(line.actor, actor, cut(actor, strlen(actor), LOG_RING_ACTOR_MAX));
    line.number = atomic_fetch_add_explicit(&newest, 1, memory_order_relaxed) + 1;
    struct place *place = place_of(line.number);
    if (!claim(place, line.number))
        return;
    memcpy(words, &line, sizeof(line));
    for (size_t i = 0; i < LINE_WORDS; i++)
        atomic_store_explicit(&place->words[i], words[i], memory_order_release);
    atomic_store_explicit(&place->state, 2 * line.number, memory_order_release);
}

uint64_t log_ring_newest(void)
{
    return atomic_load_explicit(&newest, memory_order_relaxed);
}

enum reading { READ_LINE, READ_OVERWRITTEN, READ_UNFINISHED };

static enum reading read_place(uint64_t number, struct log_ring_line *ret)
{
    struct place *place = place_of(number);
    uint64_t words[LINE_WORDS];
    uint64_t before = atomic_load_explicit(&place->state, memory_order_acquire);
    if (before < 2 * number)
        return READ_UNFINISHED;
    if (before > 2 * number)
        return READ_OVERWRITTEN;
    for (size_t i = 0; i < LINE_WORDS; i++)
        words[i] = atomic_load_explicit(&place->words[i], memory_order_acquire);
    if (atomic_load_explicit(&place->state, memory_order_relaxed) != before)
        return READ_OVERWRITTEN;
    memcpy(ret, words, sizeof(*ret));
    return READ_LINE;
}

bool log_ring_next(uint64_t *cursor, struct log_ring_line *ret, uint64_t *ret_missed)
{
    uint64_t last = log_ring_newest(), missed = 0;
    bool is_found = false;
    if (last > LOG_RING_LINES && *cursor < last - LOG_RING_LINES) {
        missed = last - LOG_RING_LINES - *cursor;
        *cursor = last - LOG_RING_LINES;
    }
    while (!is_found && *cursor < last) {
        enum reading reading = read_place(*cursor + 1, ret);
        if (reading == READ_UNFINISHED && last - *cursor <= GIVEN_UP)
            break; /* look again later */
        ++*cursor;
        is_found = reading == READ_LINE;
        missed += !is_found;
    }
    if (ret_missed)
        *ret_missed = missed;
    return is_found;
}
