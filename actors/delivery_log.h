/* SPDX-License-Identifier: MPL-2.0
 *
 * The shared log of one scope in memory: one entry per message above the lowest position any of
 * its consumers still needs.
 *
 * Positions number the entries without gaps (unlike seq) and never change: they stay valid when
 * the front is trimmed and when older entries are put in front. Entries lie in chunks of
 * LOG_CHUNK; each chunk counts the consumers whose base lies in it, so trimming is O(1) however
 * many consumers there are, and knows its earliest expiry, so a sweep looks only where it must.
 *
 * Leaves to others: what a position means to a consumer.
 */
#ifndef ACTORS_DELIVERY_LOG_H
#define ACTORS_DELIVERY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_CHUNK_BITS 8
#define LOG_CHUNK      (1u << LOG_CHUNK_BITS)

enum entry_flag {
    ENTRY_WANTS_DELIVERED = 1, /* bits 0-2 as stored */
    ENTRY_WANTS_FATE = 4,
    ENTRY_STORED_MASK = 0xf,
    ENTRY_LATER = 0x10,   /* has a not_before, see log_later_due */
    ENTRY_SWEPT = 0x20,   /* expired for every consumer that was there */
    ENTRY_SETTLED = 0x40, /* by at least one consumer, in this run */
    ENTRY_TOLD = 0x80,    /* its expiry was reported */
};

struct log_entry {
    uint64_t seq;
    uint64_t expires_and_flags; /* expires_ms << 16 | enum entry_flag */
    int64_t enqueue_ms;         /* steady clock */
};
_Static_assert(sizeof(struct log_entry) == 24, "a waiting message costs one entry");

struct log_chunk {
    struct log_entry *entries;
    uint32_t capacity;
    uint32_t bases;
    int64_t expires_min_ms; /* not later than the earliest expiry of an entry not swept */
};

struct log_later {
    uint64_t seq;
    int64_t due_ms; /* steady clock */
};

struct log {
    struct log_chunk *chunks; /* ring; chunk n lies at n & (chunk_capacity - 1) */
    uint64_t first;           /* lowest position held */
    uint64_t end;             /* behind the newest */
    uint32_t chunk_capacity;
    uint32_t holds;           /* not 0: nothing is trimmed (a load is under way) */
    uint64_t dropped_seq;     /* the newest that was trimmed; 0 = none */
    int64_t expires_min_ms;   /* not later than that of any chunk */
    struct log_later *laters; /* by seq */
    uint32_t later_first, later_count, later_capacity; /* the count includes those before first */
};

/* A stretch of entries alike but for their consecutive seq. */
struct log_run {
    uint64_t first_seq;
    uint32_t count;
    uint32_t flags;
    int64_t expires_ms;
    int64_t enqueue_ms;
};

void log_setup(struct log *log);
void log_teardown(struct log *log);

/* At the end. */
void log_append(struct log *log, const struct log_run *run);
/* In front; newest first. Nothing may have been trimmed since the entries were wanted. */
void log_prepend(struct log *log, const struct log_entry *entry);
/* seq need not be the newest; each seq once. */
void log_add_later(struct log *log, uint64_t seq, int64_t due_ms);
/* 0 when it has none. */
int64_t log_later_due(const struct log *log, uint64_t seq);

/* First position whose seq is above `seq`; end when none. */
uint64_t log_find(const struct log *log, uint64_t seq);

/* Bases of consumers. A base lies within first..end. */
void log_base_add(struct log *log, uint64_t position);
void log_base_remove(struct log *log, uint64_t position);
void log_base_move(struct log *log, uint64_t from, uint64_t to);
void log_trim(struct log *log);

/* Everything was passed by the only consumer, whose base is `end`: gives the entries back and
 * returns the new end, to which that base has been moved. */
uint64_t log_restart(struct log *log);

static inline struct log_chunk *log_chunk(const struct log *log, uint64_t position)
{
    return &log->chunks[(position >> LOG_CHUNK_BITS) & (log->chunk_capacity - 1)];
}

/* first <= position < end */
static inline struct log_entry *log_at(const struct log *log, uint64_t position)
{
    return &log_chunk(log, position)->entries[position & (LOG_CHUNK - 1)];
}

static inline int64_t entry_expires_ms(const struct log_entry *entry)
{
    return (int64_t)(entry->expires_and_flags >> 16);
}

static inline uint32_t entry_flags(const struct log_entry *entry)
{
    return (uint32_t)(entry->expires_and_flags & 0xffff);
}

static inline void entry_flag_set(struct log_entry *entry, enum entry_flag flag)
{
    entry->expires_and_flags |= (uint64_t)flag;
}

#endif
