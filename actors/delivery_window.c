/* SPDX-License-Identifier: MPL-2.0
 *
 * The window of a consumer: base, cursor, the byte per message between them, and what is accounted
 * for ahead of the cursor. See the picture in delivery_state.h; keeps I1, I3, I4.
 *
 * Hot path: leasing a run is one memset, settling in order moves the base over bytes. The bytes
 * are a ring that doubles; it is given back with the consumer.
 */
#include <stdlib.h>
#include <string.h>

#include "delivery_state.h"

#define SLOTS_MIN 64u

void window_start(struct consumer *consumer, uint64_t position)
{
    consumer->base = position;
    consumer->cursor = position;
    consumer->base_written = position;
    consumer->ready_hint = position;
    consumer->seen_before = position;
}

static void reserve_slots(struct consumer *consumer, uint64_t span)
{
    if (span <= consumer->slot_capacity)
        return;
    uint32_t capacity = consumer->slot_capacity == 0 ? SLOTS_MIN : consumer->slot_capacity;
    while (capacity < span) {
        CHECK(capacity < (1u << 31));
        capacity *= 2;
    }
    uint8_t *slots = calloc(capacity, 1);
    CHECK(slots != NULL);
    for (uint64_t p = consumer->base; p < consumer->cursor; p++)
        slots[p & (capacity - 1)] = window_slot(consumer, p);
    free(consumer->slots);
    consumer->slots = slots;
    consumer->slot_capacity = capacity;
}

static void fill_slots(struct consumer *consumer, uint64_t first, uint64_t count, enum slot slot)
{
    while (count > 0) {
        uint64_t begin = first & (consumer->slot_capacity - 1);
        uint64_t part = consumer->slot_capacity - begin;
        part = count < part ? count : part;
        memset(&consumer->slots[begin], (int)slot, part);
        first += part;
        count -= part;
    }
}

/* The floor follows: the seq of the last message below the base. */
static void move_base(struct delivery *delivery, struct consumer *consumer, uint64_t base)
{
    struct log *log = &consumer->scope->log;
    uint64_t floor_seq = log_at(log, base - 1)->seq;
    uint64_t from = consumer->base;
    consumer->base = base;
    if (consumer->ready_hint < base)
        consumer->ready_hint = base;
    if (floor_seq > consumer->floor_seq) {
        consumer->floor_seq = floor_seq;
        if (!consumer_is_ephemeral(consumer))
            consumer_dirty(delivery, consumer);
    }
    if (consumer_is_ephemeral(consumer)) { /* it has no floor on disk that could lag behind */
        consumer->floor_written = consumer->floor_seq;
        consumer->base_written = base;
    }
    log_base_move(log, from, base);
}

void window_extend(struct delivery *delivery, struct consumer *consumer, uint64_t count,
                   enum slot slot)
{
    bool is_accounted = slot == SLOT_SETTLED || slot == SLOT_GONE;
    if (is_accounted && consumer->base == consumer->cursor) {
        consumer->cursor += count;
        move_base(delivery, consumer, consumer->cursor);
        return;
    }
    reserve_slots(consumer, consumer->cursor - consumer->base + count);
    fill_slots(consumer, consumer->cursor, count, slot);
    consumer->cursor += count;
    if (slot == SLOT_LEASED)
        consumer->leased_count += (uint32_t)count;
    if (slot == SLOT_SETTLED)
        consumer->has_settled_changed = true;
}

void window_advance(struct delivery *delivery, struct consumer *consumer)
{
    uint64_t base = consumer->base;
    while (base < consumer->cursor && window_slot(consumer, base) >= SLOT_SETTLED)
        base++;
    if (base == consumer->base)
        return;
    if (consumer->settled_count > 0)
        consumer->has_settled_changed = true;
    move_base(delivery, consumer, base);
}

void window_restart(struct consumer *consumer)
{
    struct log *log = &consumer->scope->log;
    if (consumer->base != log->end || consumer->scope->consumer_count != 1 || log->holds > 0 ||
        log->first == log->end)
        return;
    uint64_t unwritten = consumer->base - consumer->base_written;
    window_start(consumer, log_restart(log));
    consumer->base_written = consumer->base - unwritten;
}

void window_release(struct consumer *consumer, uint64_t position)
{
    window_set(consumer, position, SLOT_READY);
    consumer->leased_count--;
    consumer->ready_count++;
    if (position < consumer->ready_hint)
        consumer->ready_hint = position;
}

bool window_first_ready(struct consumer *consumer, uint64_t *ret_position)
{
    if (consumer->ready_count == 0)
        return false;
    uint64_t position = consumer->ready_hint;
    while (window_slot(consumer, position) != SLOT_READY)
        position++;
    CHECK(position < consumer->cursor);
    consumer->ready_hint = position;
    *ret_position = position;
    return true;
}

/* Index of the first range that ends at or behind `position`. */
static uint32_t ahead_index(const struct consumer *consumer, uint64_t position)
{
    uint32_t low = consumer->ahead_first;
    uint32_t high = consumer->ahead_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (consumer->ahead[middle].last < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool window_is_ahead(const struct consumer *consumer, uint64_t position)
{
    uint32_t index = ahead_index(consumer, position);
    return index < consumer->ahead_count && consumer->ahead[index].first <= position;
}

void window_mark_ahead(struct consumer *consumer, uint64_t first, uint64_t last, bool is_settled)
{
    CHECK(first >= consumer->cursor && first <= last);
    uint32_t index = ahead_index(consumer, first);
    CHECK(index == consumer->ahead_count || consumer->ahead[index].first > last);
    consumer->ahead_messages += last - first + 1;
    struct ahead *before = index > consumer->ahead_first ? &consumer->ahead[index - 1] : NULL;
    if (before != NULL && before->last + 1 == first && before->is_settled == is_settled) {
        before->last = last;
        return;
    }
    consumer->ahead = array_reserve(consumer->ahead, &consumer->ahead_capacity,
                                    consumer->ahead_count + 1, sizeof(*consumer->ahead));
    memmove(&consumer->ahead[index + 1], &consumer->ahead[index],
            (consumer->ahead_count - index) * sizeof(*consumer->ahead));
    consumer->ahead[index] = (struct ahead){first, last, is_settled};
    consumer->ahead_count++;
}

/* The first range ahead begins at the cursor: the cursor passes it. */
static void pass_ahead(struct delivery *delivery, struct consumer *consumer,
                       const struct delivery_clock *clock)
{
    struct ahead ahead = consumer->ahead[consumer->ahead_first++];
    if (consumer->ahead_first == consumer->ahead_count) {
        consumer->ahead_first = 0;
        consumer->ahead_count = 0;
    }
    uint64_t count = ahead.last - ahead.first + 1;
    consumer->ahead_messages -= count;
    if (consumer->cursor - consumer->base + count > delivery->options.span_max)
        window_set_aside(delivery, consumer, consumer->cursor, clock);
    window_extend(delivery, consumer, count, ahead.is_settled ? SLOT_SETTLED : SLOT_GONE);
}

static struct aside *set_one_aside(struct delivery *delivery, struct consumer *consumer,
                                   uint64_t position, enum aside_state state,
                                   const struct delivery_clock *clock)
{
    const struct log_entry *entry = log_at(&consumer->scope->log, position);
    struct aside *aside = aside_new(consumer, entry, state);
    aside->was_seen = true;
    window_set(consumer, position, SLOT_GONE);
    change_row(delivery, consumer,
               &(struct delivery_row){.seq = entry->seq,
                                      .last_seq = entry->seq,
                                      .state = DELIVERY_RETRY,
                                      .due_ms = clock->wall_ms,
                                      .at_ms = clock->wall_ms});
    return aside;
}

static void set_leases_aside(struct delivery *delivery, struct attachment *attachment,
                             uint64_t position, const struct delivery_clock *clock)
{
    struct consumer *consumer = attachment->consumer;
    for (uint64_t no = attachment->lowest_open; no < attachment->next_no; no++) {
        struct lease *lease = attachment_lease(attachment, no);
        if (lease->state != LEASE_OPEN || lease->aside != NULL || lease->position >= position)
            continue;
        lease->aside = set_one_aside(delivery, consumer, lease->position, ASIDE_LEASED, clock);
        consumer->leased_count--;
    }
}

void window_set_aside(struct delivery *delivery, struct consumer *consumer, uint64_t position,
                      const struct delivery_clock *clock)
{
    for (struct attachment *a = consumer->attachments; a != NULL; a = a->consumer_next)
        set_leases_aside(delivery, a, position, clock);
    for (uint64_t p = consumer->base; p < position && consumer->ready_count > 0; p++) {
        if (window_slot(consumer, p) != SLOT_READY)
            continue;
        (void)set_one_aside(delivery, consumer, p, ASIDE_READY, clock);
        consumer->ready_count--;
    }
    window_advance(delivery, consumer);
}

static void schedule(struct delivery *delivery, struct consumer *consumer,
                     const struct log_entry *entry, int64_t due_ms,
                     const struct delivery_clock *clock)
{
    struct aside *aside = aside_new(consumer, entry, ASIDE_SCHEDULED);
    aside->was_seen = consumer->cursor < consumer->seen_before;
    aside_set(consumer, aside, ASIDE_SCHEDULED, due_ms);
    change_row(delivery, consumer,
               &(struct delivery_row){.seq = entry->seq,
                                      .last_seq = entry->seq,
                                      .state = DELIVERY_SCHEDULED,
                                      .due_ms = wall_of(clock, due_ms),
                                      .at_ms = clock->wall_ms});
    window_extend(delivery, consumer, 1, SLOT_GONE);
}

/* The stretch of expired messages that begins at the cursor ends as EXPIRED. */
static void expire_at_cursor(struct delivery *delivery, struct consumer *consumer,
                             const struct delivery_clock *clock)
{
    const struct log *log = &consumer->scope->log;
    uint64_t last = consumer->cursor;
    while (last + 1 < log->end && last + 1 - consumer->cursor < delivery->options.span_max) {
        const struct log_entry *entry = log_at(log, last + 1);
        if (!(entry_flags(entry) & ENTRY_SWEPT) && !is_expired(entry_expires_ms(entry), clock))
            break;
        last++;
    }
    consumer_expire(delivery, consumer, consumer->cursor, last, clock);
}

bool window_seek(struct delivery *delivery, struct consumer *consumer,
                 const struct delivery_clock *clock)
{
    const struct log *log = &consumer->scope->log;
    while (consumer->cursor < log->end) {
        const struct log_entry *entry = log_at(log, consumer->cursor);
        uint32_t flags = entry_flags(entry);
        if (consumer->ahead_count > 0 &&
            consumer->ahead[consumer->ahead_first].first == consumer->cursor) {
            pass_ahead(delivery, consumer, clock);
            continue;
        }
        if (entry->seq <= consumer->floor_seq) {
            window_extend(delivery, consumer, 1, SLOT_GONE);
            continue;
        }
        if ((flags & ENTRY_SWEPT) || is_expired(entry_expires_ms(entry), clock)) {
            expire_at_cursor(delivery, consumer, clock);
            continue;
        }
        int64_t due_ms = flags & ENTRY_LATER ? log_later_due(log, entry->seq) : 0;
        if (due_ms <= clock->steady_ms)
            return true;
        schedule(delivery, consumer, entry, due_ms, clock);
    }
    return false;
}
