/* SPDX-License-Identifier: MPL-2.0
 *
 * The invariants of delivery_state.h, checked one by one. Linear in everything; called by tests.
 */
#include "delivery_state.h"

static void check_slots(const struct consumer *consumer)
{
    const struct log *log = &consumer->scope->log;
    CHECK(consumer->base <= consumer->cursor && consumer->cursor <= log->end);
    CHECK(consumer->base >= log->first);
    CHECK(consumer->cursor - consumer->base <= consumer->slot_capacity);
    uint32_t ready = 0;
    uint32_t leased = 0;
    for (uint64_t p = consumer->base; p < consumer->cursor; p++) {
        uint8_t slot = window_slot(consumer, p);
        CHECK(slot >= SLOT_READY && slot <= SLOT_GONE);
        ready += slot == SLOT_READY;
        leased += slot == SLOT_LEASED;
        CHECK(slot != SLOT_READY || p >= consumer->ready_hint);
        CHECK(log_at(log, p)->seq > consumer->floor_seq || slot >= SLOT_SETTLED);
    }
    CHECK(ready == consumer->ready_count && leased == consumer->leased_count);
    if (consumer->base < consumer->cursor) /* I1 */
        CHECK(window_slot(consumer, consumer->base) < SLOT_SETTLED);
}

static void check_ahead(const struct consumer *consumer)
{
    uint64_t next = consumer->cursor;
    uint64_t messages = 0;
    for (uint32_t i = consumer->ahead_first; i < consumer->ahead_count; i++) { /* I4 */
        CHECK(consumer->ahead[i].first >= next);
        CHECK(consumer->ahead[i].last < consumer->scope->log.end);
        messages += consumer->ahead[i].last - consumer->ahead[i].first + 1;
        next = consumer->ahead[i].last + 1;
    }
    CHECK(messages == consumer->ahead_messages);
}

static void check_asides(const struct consumer *consumer)
{
    if (consumer->asides.hash.limit == 0)
        return;
    uint32_t counts[ASIDE_STATES] = {0};
    struct u64map_cursor cursor = {0};
    while (u64map_next(&consumer->asides, &cursor)) {
        const struct aside *aside = (const struct aside *)(uintptr_t)cursor.value;
        CHECK(aside->seq == cursor.key);
        counts[aside->state]++;
        CHECK(heap_has(&aside->node) == (aside->state != ASIDE_LEASED)); /* I5 */
        CHECK(aside->is_swept || aside->expires_ms >= consumer->aside_expires_ms);
        CHECK(!aside->is_swept || aside->state == ASIDE_LEASED);
    }
    for (int state = 0; state < ASIDE_STATES; state++)
        CHECK(counts[state] == consumer->aside_counts[state]);
    CHECK(heap_count(&consumer->ready) == counts[ASIDE_READY]);
    CHECK(heap_count(&consumer->due) == counts[ASIDE_RETRY] + counts[ASIDE_SCHEDULED]);
}

static void check_leases(const struct consumer *consumer)
{
    uint32_t slots = 0;
    uint32_t asides = 0;
    uint32_t attachments = 0;
    for (const struct attachment *a = consumer->attachments; a != NULL; a = a->consumer_next) {
        uint32_t open = 0;
        uint64_t bytes = 0;
        attachments++;
        CHECK(a->ring_first <= a->lowest_open && a->lowest_open <= a->next_no);
        CHECK(a->next_no - a->ring_first <= a->lease_capacity);
        for (uint64_t no = a->ring_first; no < a->next_no; no++) {
            const struct lease *lease = attachment_lease(a, no);
            if (lease->state != LEASE_OPEN)
                continue;
            CHECK(no >= a->lowest_open);
            open++;
            bytes += lease->bytes;
            if (lease->aside != NULL) { /* I2 */
                CHECK(lease->aside->state == ASIDE_LEASED);
                asides++;
            } else {
                CHECK(window_has(consumer, lease->position));
                CHECK(window_slot(consumer, lease->position) == SLOT_LEASED);
                slots++;
            }
        }
        CHECK(open == a->open_count && bytes == a->open_bytes);
        CHECK(open == 0 || heap_has(&a->lease_timer));
    }
    CHECK(attachments == consumer->attachment_count);
    CHECK(slots == consumer->leased_count && asides == consumer->aside_counts[ASIDE_LEASED]);
}

static void check_log(const struct scope *scope)
{
    const struct log *log = &scope->log;
    uint64_t seq = 0;
    for (uint64_t p = log->first; p < log->end; p++) {
        const struct log_entry *entry = log_at(log, p);
        CHECK(entry->seq > seq);
        seq = entry->seq;
        CHECK((entry_flags(entry) & ENTRY_SWEPT) ||
              entry_expires_ms(entry) >= log_chunk(log, p)->expires_min_ms);
    }
    uint32_t bases = 0;
    uint32_t ready = 0;
    for (uint64_t n = log->first >> LOG_CHUNK_BITS; n <= log->end >> LOG_CHUNK_BITS; n++)
        bases += log_chunk(log, n << LOG_CHUNK_BITS)->bases;
    for (const struct consumer *c = scope->consumers; c != NULL; c = c->next)
        ready += c->is_ready;
    CHECK(bases == ready);
}

void delivery_check(const struct delivery *delivery)
{
    for (const struct consumer *c = delivery->all_first; c != NULL; c = c->all_next) {
        if (!c->is_ready)
            continue;
        check_slots(c);
        check_ahead(c);
        check_asides(c);
        check_leases(c);
        CHECK(c->floor_seq >= c->floor_written);
        CHECK(!consumer_is_ephemeral(c) ||
              (c->floor_seq == c->floor_written && c->attachment_count <= 1 &&
               c->pending.row_count == 0 && c->pending.fate_count == 0));
        CHECK(!c->is_dirty || c->is_queued || c->is_writing || c->is_stopped);
    }
    struct u64map_cursor cursor = {0};
    while (u64map_next(&delivery->scopes, &cursor))
        check_log((const struct scope *)(uintptr_t)cursor.value);
}
