/* SPDX-License-Identifier: MPL-2.0
 *
 * See ranges.h.
 */
#include "clients/c/ranges.h"

#include <stdlib.h>
#include <string.h>

void ranges_init(struct ranges *ranges)
{
    ranges->count = 0;
    ranges->messages = 0;
    ranges->is_sorted = true;
}

static bool is_same_reason(const char *one, const char *other)
{
    if (!one || !other)
        return one == other;
    return strcmp(one, other) == 0;
}

static bool may_merge(const struct range *range, uint64_t first_no, enum book_outcome outcome,
                      uint32_t delay_ms, const char *reason)
{
    return range->last_no < first_no && range->last_no + 1 == first_no &&
           range->outcome == outcome && range->delay_ms == delay_ms &&
           is_same_reason(range->reason, reason);
}

bool ranges_add(struct ranges *ranges, uint64_t no, enum book_outcome outcome, uint32_t delay_ms,
                char *reason)
{
    struct range *last = ranges->count ? &ranges->items[ranges->count - 1] : NULL;
    if (last && may_merge(last, no, outcome, delay_ms, reason)) {
        last->last_no = no;
        ranges->messages++;
        free(reason);
        return true;
    }
    if (ranges->count == RANGES_MAX)
        ranges_finish(ranges);
    if (ranges->count == RANGES_MAX)
        return false;
    if (ranges->count && ranges->items[ranges->count - 1].last_no >= no)
        ranges->is_sorted = false;
    ranges->items[ranges->count++] = (struct range){
        .first_no = no,
        .last_no = no,
        .outcome = outcome,
        .delay_ms = delay_ms,
        .reason = reason,
    };
    ranges->messages++;
    return true;
}

static int compare(const void *one, const void *other)
{
    const struct range *left = one;
    const struct range *right = other;
    /* The same number twice: an EXTEND comes before what ends the lease, which may stand in the
     * middle of a range. So all of them come first. */
    if ((left->outcome == BOOK_EXTEND) != (right->outcome == BOOK_EXTEND))
        return left->outcome == BOOK_EXTEND ? -1 : 1;
    if (left->first_no != right->first_no)
        return left->first_no < right->first_no ? -1 : 1;
    return 0;
}

void ranges_finish(struct ranges *ranges)
{
    if (ranges->is_sorted || ranges->count < 2)
        return;
    qsort(ranges->items, ranges->count, sizeof(ranges->items[0]), compare);
    size_t kept = 1;
    for (size_t i = 1; i < ranges->count; i++) {
        struct range *last = &ranges->items[kept - 1];
        struct range *next = &ranges->items[i];
        if (may_merge(last, next->first_no, next->outcome, next->delay_ms, next->reason)) {
            last->last_no = next->last_no;
            free(next->reason);
        } else {
            ranges->items[kept++] = *next;
        }
    }
    ranges->count = kept;
    ranges->is_sorted = true;
}

void ranges_clear(struct ranges *ranges)
{
    for (size_t i = 0; i < ranges->count; i++)
        free(ranges->items[i].reason);
    ranges_init(ranges);
}
