/* SPDX-License-Identifier: MPL-2.0
 *
 * See refusals.h.
 */
#include "refusals.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct refusal *find(struct refusals *refusals, const char *address)
{
    for (size_t i = 0; i < refusals->count; i++) {
        if (strcmp(refusals->list[i].address, address) == 0)
            return &refusals->list[i];
    }
    return NULL;
}

static struct refusal *open_entry(struct refusals *refusals, const char *address)
{
    struct refusal *entry = &refusals->list[refusals->count++];
    *entry = (struct refusal){.count = 0};
    (void)snprintf(entry->address, sizeof(entry->address), "%s", address); /* cut to fit */
    return entry;
}

static void close_entry(struct refusals *refusals, size_t place)
{
    refusals->list[place] = refusals->list[--refusals->count];
}

static size_t told_apart(const struct refusals *refusals)
{
    size_t others = 0;
    for (size_t i = 0; i < refusals->count; i++)
        others += strcmp(refusals->list[i].address, REFUSALS_OTHERS) == 0;
    return refusals->count - others;
}

const struct refusal *refusals_add(struct refusals *refusals, const char *address, const char *key,
                                   struct mono_time now)
{
    struct refusal *entry = find(refusals, address);
    if (!entry && told_apart(refusals) == REFUSALS_ADDRESSES_MAX) {
        address = REFUSALS_OTHERS;
        entry = find(refusals, address);
    }
    bool is_first = !entry;
    if (is_first)
        entry = open_entry(refusals, address);
    (void)snprintf(entry->key, sizeof(entry->key), "%s", key); /* fits */
    entry->count++;
    if (!is_first)
        return NULL;
    entry->noted = now;
    refusals->noted = *entry;
    entry->count = 0;
    return &refusals->noted;
}

static bool is_over(const struct refusal *entry, struct mono_time now)
{
    return mono_elapsed_ms(entry->noted, now) >= REFUSALS_WINDOW_MS;
}

const struct refusal *refusals_take(struct refusals *refusals, bool is_all, struct mono_time now)
{
    for (size_t i = refusals->count; i-- > 0;) {
        struct refusal *entry = &refusals->list[i];
        if (entry->count == 0 && is_over(entry, now)) {
            close_entry(refusals, i);
        } else if (entry->count > 0 && (is_all || is_over(entry, now))) {
            entry->noted = now;
            refusals->noted = *entry;
            entry->count = 0;
            return &refusals->noted;
        }
    }
    return NULL;
}

struct mono_time refusals_due(const struct refusals *refusals)
{
    struct mono_time due = MONO_NEVER;
    for (size_t i = 0; i < refusals->count; i++) {
        struct mono_time at = mono_add_ms(refusals->list[i].noted, REFUSALS_WINDOW_MS);
        if (at.ns < due.ns)
            due = at;
    }
    return due;
}

void refusals_write(const struct refusal *refusal, char ret_detail[REFUSALS_DETAIL_BYTES])
{
    const char *plural = refusal->count == 1 ? "" : "s";
    if (refusal->key[0])
        (void)snprintf(ret_detail, REFUSALS_DETAIL_BYTES,
                       "%" PRIu64 " handshake%s, the last with %s: it is not enrolled",
                       refusal->count, plural, refusal->key); /* fits */
    else
        (void)snprintf(ret_detail, REFUSALS_DETAIL_BYTES,
                       "%" PRIu64 " handshake%s, the last without CURVE", refusal->count, plural);
}
