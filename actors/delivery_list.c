/* SPDX-License-Identifier: MPL-2.0
 *
 * Which messages of a consumer are where in their life: for people who look, never on the way of a
 * delivery. See delivery.h.
 *
 * What lies in order (window and log) is found in order. Messages with a row of their own lie in a
 * table without one; of them the lowest are kept while all are looked at.
 */
#include <string.h>

#include "delivery_state.h"

struct list {
    struct delivery_listed *items; /* ascending */
    size_t count, max;
    uint64_t after_seq;
    bool has_more;
};

static void list_put(struct list *list, const struct delivery_listed *item)
{
    size_t low = 0, high = list->count;
    if (item->seq <= list->after_seq)
        return;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (list->items[middle].seq < item->seq)
            low = middle + 1;
        else
            high = middle;
    }
    if (list->count == list->max) {
        list->has_more = true;
        if (low == list->max)
            return;
        list->count--;
    }
    memmove(&list->items[low + 1], &list->items[low], (list->count - low) * sizeof(*list->items));
    list->items[low] = *item;
    list->count++;
}

static void list_asides(struct list *list, const struct consumer *consumer, enum aside_state state,
                        const struct delivery_clock *clock)
{
    struct u64map_cursor cursor = {0};
    if (consumer->aside_counts[state] == 0)
        return;
    while (u64map_next(&consumer->asides, &cursor)) {
        const struct aside *aside = (const struct aside *)(uintptr_t)cursor.value;
        bool is_later = state == ASIDE_RETRY || state == ASIDE_SCHEDULED;
        if (aside->state != state)
            continue;
        list_put(list, &(struct delivery_listed){
                           .seq = aside->seq,
                           .attempts = aside->attempts,
                           .due_ms = is_later ? wall_of(clock, aside->node.key) : 0,
                       });
    }
}

/* Where to begin: the first position whose seq is above. */
static uint64_t position_above(const struct consumer *consumer, uint64_t seq)
{
    const struct log *log = &consumer->scope->log;
    uint64_t low = consumer->base > log->first ? consumer->base : log->first, high = log->end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (log_at(log, middle)->seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void list_in_order(struct list *list, const struct consumer *consumer, bool is_leased)
{
    const struct log *log = &consumer->scope->log;
    enum slot wanted = is_leased ? SLOT_LEASED : SLOT_READY;
    uint64_t end = is_leased ? consumer->cursor : log->end;
    for (uint64_t position = position_above(consumer, list->after_seq); position < end;
         position++) {
        bool is_wanted = position < consumer->cursor ? window_slot(consumer, position) == wanted
                                                     : !window_is_ahead(consumer, position);
        if (!is_wanted)
            continue;
        uint64_t seq = log_at(log, position)->seq;
        /* What follows is higher still. */
        if (list->count == list->max && seq > list->items[list->max - 1].seq) {
            list->has_more = true;
            return;
        }
        list_put(list, &(struct delivery_listed){.seq = seq});
    }
}

size_t delivery_list(const struct consumer *consumer, enum delivery_standing standing,
                     uint64_t after_seq, const struct delivery_clock *clock,
                     struct delivery_listed *ret_items, size_t max, bool *ret_has_more)
{
    static const enum aside_state states[] = {
        [DELIVERY_IS_PENDING] = ASIDE_READY,
        [DELIVERY_IS_LEASED] = ASIDE_LEASED,
        [DELIVERY_IS_RETRY] = ASIDE_RETRY,
        [DELIVERY_IS_SCHEDULED] = ASIDE_SCHEDULED,
    };
    struct list list = {.items = ret_items, .max = max, .after_seq = after_seq};
    if (consumer->is_ready && max > 0) {
        list_asides(&list, consumer, states[standing], clock);
        if (standing == DELIVERY_IS_PENDING || standing == DELIVERY_IS_LEASED)
            list_in_order(&list, consumer, standing == DELIVERY_IS_LEASED);
    }
    *ret_has_more = list.has_more;
    return list.count;
}
