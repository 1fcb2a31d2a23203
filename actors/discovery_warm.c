/* SPDX-License-Identifier: MPL-2.0
 *
 * See discovery_warm.h. Everybody waits equally long and is asked in order, so what is open is a
 * stretch of the array: three indexes that only rise are all the bookkeeping there is.
 */
#include "discovery_warm.h"

#include <stdlib.h>
#include <string.h>

#define TAG_BITS 16

_Static_assert(2 * WARM_TARGETS_MAX < 1u << TAG_BITS, "every index fits a tag");

struct warm_entry {
    struct warm_target target;
    struct mono_time asked_at;
    bool is_closed; /* answered, or it cannot be asked */
};

void warm_init(struct warm *warm)
{
    *warm = (struct warm){.count = 0};
}

void warm_fini(struct warm *warm)
{
    free(warm->entries);
    warm_init(warm);
}

void warm_begin(struct warm *warm, struct mono_time now)
{
    uint64_t run = warm->counts.run + 1;
    warm->count = warm->first = warm->again = warm->next = 0;
    warm->is_loaded = warm->has_news = false;
    warm->began_at = now;
    warm->counts = (struct warm_counts){.run = run, .is_running = true};
}

/* --- Who is known. */

/* Relays first, then the reliable; then by address, so that the order is the same every time. */
static int compare_quality(const void *one, const void *other)
{
    const struct warm_target *a = &((const struct warm_entry *)one)->target;
    const struct warm_target *b = &((const struct warm_entry *)other)->target;
    if (a->is_relay != b->is_relay)
        return a->is_relay ? -1 : 1;
    if (a->reliability_ppm != b->reliability_ppm)
        return a->reliability_ppm > b->reliability_ppm ? -1 : 1;
    if (a->ip != b->ip)
        return a->ip < b->ip ? -1 : 1;
    return (a->port > b->port) - (a->port < b->port);
}

/* By address, the best of each first. */
static int compare_address(const void *one, const void *other)
{
    const struct warm_target *a = &((const struct warm_entry *)one)->target;
    const struct warm_target *b = &((const struct warm_entry *)other)->target;
    if (a->ip != b->ip)
        return a->ip < b->ip ? -1 : 1;
    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    return compare_quality(one, other);
}

/* Each address once, as good as its best peer; the best ones of all. */
static void tidy(struct warm *warm)
{
    size_t kept = 0;
    if (warm->count == 0)
        return;
    qsort(warm->entries, warm->count, sizeof(*warm->entries), compare_address);
    for (size_t i = 1; i < warm->count; i++) {
        struct warm_target *last = &warm->entries[kept].target;
        const struct warm_target *target = &warm->entries[i].target;
        if (target->ip == last->ip && target->port == last->port)
            last->is_imported = last->is_imported && target->is_imported;
        else
            warm->entries[++kept] = warm->entries[i];
    }
    warm->count = kept + 1;
    qsort(warm->entries, warm->count, sizeof(*warm->entries), compare_quality);
    if (warm->count > WARM_TARGETS_MAX)
        warm->count = WARM_TARGETS_MAX;
}

static bool make_room(struct warm *warm)
{
    if (warm->count == 2 * WARM_TARGETS_MAX)
        tidy(warm);
    if (warm->count < warm->capacity)
        return true;
    size_t capacity = warm->capacity ? 2 * warm->capacity : 64;
    struct warm_entry *entries = realloc(warm->entries, capacity * sizeof(*entries));
    if (!entries)
        return false;
    warm->entries = entries;
    warm->capacity = capacity;
    return true;
}

void warm_add(struct warm *warm, const struct warm_target *target)
{
    if (!warm->counts.is_running || warm->is_loaded || !make_room(warm))
        return;
    warm->entries[warm->count++] = (struct warm_entry){.target = *target};
    warm->counts.known = warm->counts.waiting = (uint32_t)warm->count;
}

static void end_if_over(struct warm *warm)
{
    if (!warm->counts.is_running || !warm->is_loaded || warm->first < warm->count)
        return;
    warm->counts.is_running = false;
    warm->has_news = true;
}

void warm_loaded(struct warm *warm)
{
    if (!warm->counts.is_running || warm->is_loaded)
        return;
    tidy(warm);
    warm->is_loaded = true;
    warm->counts.known = warm->counts.waiting = (uint32_t)warm->count;
    end_if_over(warm);
}

/* --- Asking. */

static bool is_over(const struct warm_entry *entry, struct mono_time now)
{
    return entry->is_closed || mono_elapsed_ms(entry->asked_at, now) >= WARM_WAIT_MS;
}

static void give_up_the_silent(struct warm *warm, struct mono_time now)
{
    while (warm->first < warm->next && is_over(&warm->entries[warm->first], now)) {
        warm->counts.waiting -= !warm->entries[warm->first].is_closed;
        warm->first++;
    }
    if (warm->again < warm->first)
        warm->again = warm->first;
    end_if_over(warm);
}

static struct warm_entry *next_again(struct warm *warm, struct mono_time now)
{
    while (warm->again < warm->next) {
        struct warm_entry *entry = &warm->entries[warm->again];
        if (!entry->is_closed && mono_elapsed_ms(entry->asked_at, now) < WARM_AGAIN_MS)
            return NULL;
        warm->again++;
        if (!entry->is_closed)
            return entry;
    }
    return NULL;
}

static bool has_room(const struct warm *warm)
{
    return warm->is_loaded && warm->next < warm->count && warm->next - warm->first < WARM_OPEN_MAX;
}

bool warm_next(struct warm *warm, struct mono_time now, struct warm_target *ret, uint64_t *ret_tag)
{
    if (!warm->counts.is_running || !warm->is_loaded)
        return false;
    give_up_the_silent(warm, now);
    struct warm_entry *entry = next_again(warm, now);
    if (!entry) {
        if (!has_room(warm))
            return false;
        entry = &warm->entries[warm->next++];
        entry->asked_at = now;
        warm->counts.asked++;
    }
    *ret = entry->target;
    *ret_tag = warm->counts.run << TAG_BITS | (uint64_t)(entry - warm->entries);
    return true;
}

/* NULL: of another run, or closed. */
static struct warm_entry *open_entry(struct warm *warm, uint64_t tag)
{
    uint64_t index = tag & ((1u << TAG_BITS) - 1);
    bool is_open = warm->counts.is_running && tag >> TAG_BITS == warm->counts.run &&
                   index >= warm->first && index < warm->next;
    return is_open && !warm->entries[index].is_closed ? &warm->entries[index] : NULL;
}

static void close_entry(struct warm *warm, struct warm_entry *entry)
{
    entry->is_closed = true;
    warm->counts.waiting--;
    give_up_the_silent(warm, warm->entries[warm->first].asked_at); /* only what is closed */
}

void warm_answered(struct warm *warm, uint64_t tag)
{
    struct warm_entry *entry = open_entry(warm, tag);
    if (!entry)
        return;
    warm->counts.answered++;
    close_entry(warm, entry);
}

void warm_unasked(struct warm *warm, uint64_t tag)
{
    struct warm_entry *entry = open_entry(warm, tag);
    if (!entry)
        return;
    warm->counts.asked--;
    close_entry(warm, entry);
}

struct mono_time warm_deadline(const struct warm *warm)
{
    if (!warm->counts.is_running || !warm->is_loaded)
        return MONO_NEVER;
    if (has_room(warm))
        return warm->began_at; /* at once */
    struct mono_time first = mono_add_ms(warm->entries[warm->first].asked_at, WARM_WAIT_MS);
    if (warm->again < warm->next) {
        struct mono_time again = mono_add_ms(warm->entries[warm->again].asked_at, WARM_AGAIN_MS);
        if (again.ns < first.ns)
            return again;
    }
    return first;
}

bool warm_take_end(struct warm *warm)
{
    bool has_news = warm->has_news;
    warm->has_news = false;
    return has_news;
}
