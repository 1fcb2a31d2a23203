/* SPDX-License-Identifier: MPL-2.0
 *
 * See delivery_log.h.
 *
 * Chunk records exist for every chunk number from first's to end's, both included: the last one
 * may be empty, but a base may already lie in it. The entries of the newest chunk grow by doubling,
 * so a mailbox with one message costs four entries and not a whole chunk.
 */
#include "delivery_log.h"

#include <stdlib.h>
#include <string.h>

#include "rt/check.h"

#define LOG_START         (UINT64_C(1) << 40) /* room below for older entries put in front */
#define CHUNK_ENTRIES_MIN 4u
#define EXPIRES_MAX_MS    (INT64_C(1) << 47)

static uint64_t chunk_number(uint64_t position)
{
    return position >> LOG_CHUNK_BITS;
}

static uint64_t chunk_start(uint64_t position)
{
    return position & ~(uint64_t)(LOG_CHUNK - 1);
}

static void chunk_init(struct log_chunk *chunk)
{
    *chunk = (struct log_chunk){.expires_min_ms = INT64_MAX};
}

void log_setup(struct log *log)
{
    *log = (struct log){.first = LOG_START, .end = LOG_START, .chunk_capacity = 1};
    log->chunks = malloc(sizeof(*log->chunks));
    CHECK(log->chunks != NULL);
    chunk_init(log->chunks);
    log->expires_min_ms = INT64_MAX;
}

void log_teardown(struct log *log)
{
    for (uint32_t i = 0; i < log->chunk_capacity; i++)
        free(log->chunks[i].entries);
    free(log->chunks);
    free(log->laters);
    *log = (struct log){0};
}

/* Makes room for chunk records low..high, both included, moving those that exist. */
static void reserve_chunks(struct log *log, uint64_t low, uint64_t high)
{
    uint32_t capacity = log->chunk_capacity;
    while (high - low >= capacity) {
        CHECK(capacity < (1u << 31));
        capacity *= 2;
    }
    if (capacity == log->chunk_capacity)
        return;
    struct log_chunk *chunks = malloc(capacity * sizeof(*chunks));
    CHECK(chunks != NULL);
    for (uint32_t i = 0; i < capacity; i++)
        chunk_init(&chunks[i]);
    for (uint64_t n = chunk_number(log->first); n <= chunk_number(log->end); n++)
        chunks[n & (capacity - 1)] = log->chunks[n & (log->chunk_capacity - 1)];
    free(log->chunks);
    log->chunks = chunks;
    log->chunk_capacity = capacity;
}

static void chunk_reserve(struct log_chunk *chunk, uint32_t count)
{
    if (count <= chunk->capacity)
        return;
    uint32_t capacity = chunk->capacity < CHUNK_ENTRIES_MIN ? CHUNK_ENTRIES_MIN : chunk->capacity;
    while (capacity < count)
        capacity *= 2;
    chunk->entries = realloc(chunk->entries, capacity * sizeof(*chunk->entries));
    CHECK(chunk->entries != NULL);
    chunk->capacity = capacity;
}

static void note_expiry(struct log *log, struct log_chunk *chunk, int64_t expires_ms)
{
    if (expires_ms < chunk->expires_min_ms)
        chunk->expires_min_ms = expires_ms;
    if (expires_ms < log->expires_min_ms)
        log->expires_min_ms = expires_ms;
}

static uint64_t pack_expiry(int64_t expires_ms, uint32_t flags)
{
    if (expires_ms < 0)
        expires_ms = 0;
    if (expires_ms > EXPIRES_MAX_MS)
        expires_ms = EXPIRES_MAX_MS;
    return (uint64_t)expires_ms << 16 | (flags & 0xffff);
}

void log_append(struct log *log, const struct log_run *run)
{
    uint64_t expires_and_flags = pack_expiry(run->expires_ms, run->flags);
    uint64_t seq = run->first_seq;
    for (uint32_t left = run->count; left > 0;) {
        struct log_chunk *chunk = log_chunk(log, log->end);
        uint32_t begin = (uint32_t)(log->end & (LOG_CHUNK - 1));
        uint32_t count = left < LOG_CHUNK - begin ? left : LOG_CHUNK - begin;
        chunk_reserve(chunk, begin + count);
        for (uint32_t i = begin; i < begin + count; i++)
            chunk->entries[i] = (struct log_entry){seq++, expires_and_flags, run->enqueue_ms};
        note_expiry(log, chunk, (int64_t)(expires_and_flags >> 16));
        reserve_chunks(log, chunk_number(log->first), chunk_number(log->end + count));
        log->end += count;
        left -= count;
        if ((log->end & (LOG_CHUNK - 1)) == 0)
            chunk_init(log_chunk(log, log->end));
    }
}

void log_prepend(struct log *log, const struct log_entry *entry)
{
    CHECK(log->first > 0 && (log->first == log->end || log_at(log, log->first)->seq > entry->seq));
    uint64_t position = log->first - 1;
    if (chunk_number(position) != chunk_number(log->first)) {
        reserve_chunks(log, chunk_number(position), chunk_number(log->end));
        chunk_init(log_chunk(log, position));
        chunk_reserve(log_chunk(log, position), LOG_CHUNK);
    }
    struct log_chunk *chunk = log_chunk(log, position);
    chunk->entries[position & (LOG_CHUNK - 1)] = *entry;
    if (!(entry_flags(entry) & ENTRY_SWEPT))
        note_expiry(log, chunk, entry_expires_ms(entry));
    log->first = position;
}

/* Index of the first with a seq not below `seq`. */
static uint32_t later_index(const struct log *log, uint64_t seq)
{
    uint32_t low = log->later_first;
    uint32_t high = log->later_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (log->laters[middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void log_add_later(struct log *log, uint64_t seq, int64_t due_ms)
{
    if (log->later_count == log->later_capacity) {
        log->later_capacity = log->later_capacity == 0 ? 4 : log->later_capacity * 2;
        log->laters = realloc(log->laters, log->later_capacity * sizeof(*log->laters));
        CHECK(log->laters != NULL);
    }
    uint32_t index = later_index(log, seq);
    memmove(&log->laters[index + 1], &log->laters[index],
            (log->later_count - index) * sizeof(*log->laters));
    log->laters[index] = (struct log_later){seq, due_ms};
    log->later_count++;
}

int64_t log_later_due(const struct log *log, uint64_t seq)
{
    uint32_t index = later_index(log, seq);
    return index < log->later_count && log->laters[index].seq == seq ? log->laters[index].due_ms
                                                                     : 0;
}

static void trim_laters(struct log *log)
{
    if (log->later_count == 0)
        return;
    uint64_t lowest_seq = log->first < log->end ? log_at(log, log->first)->seq : UINT64_MAX;
    log->later_first = later_index(log, lowest_seq);
    if (log->later_first <= log->later_count / 2)
        return;
    log->later_count -= log->later_first;
    memmove(log->laters, &log->laters[log->later_first], log->later_count * sizeof(*log->laters));
    log->later_first = 0;
}

uint64_t log_find(const struct log *log, uint64_t seq)
{
    uint64_t low = log->first;
    uint64_t high = log->end;
    /* Consumers usually stand at the end. */
    if (low == high || log_at(log, high - 1)->seq <= seq)
        return high;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (log_at(log, middle)->seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void log_trim(struct log *log)
{
    if (log->holds > 0)
        return;
    bool is_trimmed = false;
    while (chunk_number(log->first) < chunk_number(log->end)) {
        struct log_chunk *chunk = log_chunk(log, log->first);
        if (chunk->bases > 0)
            break;
        log->dropped_seq = chunk->entries[LOG_CHUNK - 1].seq;
        free(chunk->entries);
        chunk_init(chunk);
        log->first = chunk_start(log->first) + LOG_CHUNK;
        is_trimmed = true;
    }
    if (is_trimmed)
        trim_laters(log);
}

void log_base_add(struct log *log, uint64_t position)
{
    CHECK(position >= log->first && position <= log->end);
    log_chunk(log, position)->bases++;
}

void log_base_remove(struct log *log, uint64_t position)
{
    struct log_chunk *chunk = log_chunk(log, position);
    CHECK(chunk->bases > 0);
    chunk->bases--;
    if (chunk->bases == 0)
        log_trim(log);
}

void log_base_move(struct log *log, uint64_t from, uint64_t to)
{
    if (chunk_number(from) == chunk_number(to))
        return;
    CHECK(to <= log->end);
    log_chunk(log, to)->bases++;
    log_base_remove(log, from);
}

uint64_t log_restart(struct log *log)
{
    struct log_chunk *chunk = log_chunk(log, log->end);
    CHECK(chunk->bases == 1 && log->holds == 0 &&
          chunk_number(log->first) == chunk_number(log->end));
    if ((log->end & (LOG_CHUNK - 1)) == 0)
        return log->end;
    struct log_chunk kept = *chunk;
    log->dropped_seq = log_at(log, log->end - 1)->seq;
    if (kept.capacity > 4 * CHUNK_ENTRIES_MIN) {
        free(kept.entries);
        kept.entries = NULL;
        kept.capacity = 0;
    }
    kept.expires_min_ms = INT64_MAX;
    chunk_init(chunk);
    log->first = chunk_start(log->end) + LOG_CHUNK;
    log->end = log->first;
    *log_chunk(log, log->end) = kept;
    log->expires_min_ms = INT64_MAX;
    trim_laters(log);
    return log->end;
}
