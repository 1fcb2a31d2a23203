/* SPDX-License-Identifier: MPL-2.0
 *
 * Messages of one consumer with a row of their own: failed, delayed, or put aside because they
 * blocked the base. Each is in the map by seq, and in one heap by what it waits for (keeps I5).
 */
#include <stdlib.h>

#include "delivery_state.h"

#define ASIDES_MAX (1u << 28)

struct aside *aside_new(struct consumer *consumer, const struct log_entry *entry,
                        enum aside_state state)
{
    struct aside *aside = calloc(1, sizeof(*aside));
    CHECK(aside != NULL);
    aside->seq = entry->seq;
    aside->expires_ms = entry_expires_ms(entry);
    aside->enqueue_ms = entry->enqueue_ms;
    aside->flags = (uint8_t)(entry_flags(entry) & ENTRY_STORED_MASK);
    aside->is_swept = entry_flags(entry) & ENTRY_SWEPT;
    if (entry_flags(entry) & ENTRY_SETTLED)
        aside->flags &= (uint8_t)~ENTRY_WANTS_DELIVERED;
    if (consumer->asides.hash.limit == 0) {
        u64map_init(&consumer->asides, ASIDES_MAX);
        heap_init(&consumer->ready, ASIDES_MAX);
        heap_init(&consumer->due, ASIDES_MAX);
    }
    CHECK(u64map_put_pointer(&consumer->asides, aside->seq, aside) == ERR_OK);
    aside->state = (uint8_t)state;
    consumer->aside_counts[state]++;
    if (state == ASIDE_READY)
        CHECK(heap_push(&consumer->ready, &aside->node, (int64_t)aside->seq) == ERR_OK);
    if (aside->expires_ms < consumer->aside_expires_ms)
        consumer->aside_expires_ms = aside->expires_ms;
    return aside;
}

struct aside *aside_find(const struct consumer *consumer, uint64_t seq)
{
    if (consumer->asides.hash.limit == 0)
        return NULL;
    return u64map_get_pointer(&consumer->asides, seq);
}

static void leave_heap(struct consumer *consumer, struct aside *aside)
{
    if (!heap_has(&aside->node))
        return;
    heap_remove(aside->state == ASIDE_READY ? &consumer->ready : &consumer->due, &aside->node);
}

void aside_set(struct consumer *consumer, struct aside *aside, enum aside_state state,
               int64_t due_ms)
{
    leave_heap(consumer, aside);
    consumer->aside_counts[aside->state]--;
    aside->state = (uint8_t)state;
    consumer->aside_counts[state]++;
    if (state == ASIDE_READY)
        CHECK(heap_push(&consumer->ready, &aside->node, (int64_t)aside->seq) == ERR_OK);
    else if (state != ASIDE_LEASED)
        CHECK(heap_push(&consumer->due, &aside->node, due_ms) == ERR_OK);
    if (aside->expires_ms < consumer->aside_expires_ms)
        consumer->aside_expires_ms = aside->expires_ms;
}

void aside_free(struct consumer *consumer, struct aside *aside)
{
    leave_heap(consumer, aside);
    consumer->aside_counts[aside->state]--;
    (void)u64map_remove_pointer(&consumer->asides, aside->seq); /* it is there: I5 */
    free(aside);
}

void aside_free_all(struct consumer *consumer)
{
    if (consumer->asides.hash.limit == 0)
        return;
    heap_fini(&consumer->ready);
    heap_fini(&consumer->due);
    struct u64map_cursor cursor = {0};
    while (u64map_next(&consumer->asides, &cursor))
        free((void *)(uintptr_t)cursor.value);
    u64map_fini(&consumer->asides);
}

void consumer_arm(struct delivery *delivery, struct consumer *consumer)
{
    bool has_asides = consumer->asides.hash.limit > 0 && u64map_count(&consumer->asides) > 0;
    if (!has_asides)
        consumer->aside_expires_ms = INT64_MAX;
    int64_t when_ms = consumer->aside_expires_ms;
    struct heap_node *top = has_asides ? heap_top(&consumer->due) : NULL;
    if (top != NULL && consumer->attachment_count > 0 && top->key < when_ms)
        when_ms = top->key;
    if (when_ms == INT64_MAX)
        heap_remove(&delivery->timers, &consumer->timer);
    else if (!heap_has(&consumer->timer))
        CHECK(heap_push(&delivery->timers, &consumer->timer, when_ms) == ERR_OK);
    else if (consumer->timer.key != when_ms)
        heap_move(&delivery->timers, &consumer->timer, when_ms);
}
