/* SPDX-License-Identifier: MPL-2.0
 *
 * A ring of entries in the order of their seq, and open addressing with linear probing (at most
 * half full) that points into it. Indexing takes entries off the front, undoing takes them off the
 * end; both close the gap in the slots, so there are no tombstones. Slots are found by SipHash with
 * a key of our own, as the ids are chosen by strangers. Entries get their slots when the first
 * question needs them: as long as every id is certainly new there is no question, and no slot.
 */
#include "dedupe.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"

#define RING_FIRST   1024
#define LIMIT_MAX    (1u << 30)
#define PLACES_FIRST 64

_Static_assert(sizeof(struct dedupe_entry) == 24, "an entry is 24 bytes");
_Static_assert(crypto_shorthash_KEYBYTES == sizeof(((struct dedupe *)0)->secret), "SipHash key");

void dedupe_init(struct dedupe *dedupe, size_t limit)
{
    CHECK(limit > 0 && limit <= LIMIT_MAX);
    *dedupe = (struct dedupe){.limit = limit};
    CHECK(sodium_init() >= 0);
    crypto_shorthash_keygen(dedupe->secret);
    u64map_init(&dedupe->sender_places, DEDUPE_SENDERS_MAX);
}

void dedupe_fini(struct dedupe *dedupe)
{
    free(dedupe->entries);
    free(dedupe->slots);
    free(dedupe->highest);
    u64map_fini(&dedupe->sender_places);
    *dedupe = (struct dedupe){0};
}

/* --- The highest id of each sender. */

static int compare_ids(const struct dedupe_id *one, const void *other)
{
    return memcmp(one->bytes, other, DEDUPE_ID_BYTES);
}

void dedupe_set_indexed(struct dedupe *dedupe, const struct dedupe_id *highest)
{
    if (!highest)
        memset(dedupe->floor.bytes, 0xff, DEDUPE_ID_BYTES);
    else if (compare_ids(highest, dedupe->floor.bytes) > 0)
        dedupe->floor = *highest;
}

/* Place of the sender in highest; false: it has none yet. */
static bool find_place(struct dedupe *dedupe, uint32_t sender, uint32_t *ret_place)
{
    if (dedupe->has_last && dedupe->last_sender == sender) {
        *ret_place = dedupe->last_place;
        return true;
    }
    uint64_t place;
    if (!u64map_get(&dedupe->sender_places, sender, &place))
        return false;
    dedupe->has_last = true;
    dedupe->last_sender = sender;
    dedupe->last_place = (uint32_t)place;
    *ret_place = (uint32_t)place;
    return true;
}

bool dedupe_is_new(struct dedupe *dedupe, uint32_t sender, const uint8_t id[DEDUPE_ID_BYTES])
{
    if (compare_ids(&dedupe->floor, id) >= 0)
        return false;
    uint32_t place;
    return !find_place(dedupe, sender, &place) || compare_ids(&dedupe->highest[place], id) < 0;
}

/* Too many senders to keep apart: one floor for all, and begin again. */
static void merge_highest(struct dedupe *dedupe)
{
    for (uint32_t i = 0; i < dedupe->highest_count; i++)
        dedupe_set_indexed(dedupe, &dedupe->highest[i]);
    u64map_clear(&dedupe->sender_places);
    dedupe->highest_count = 0;
    dedupe->has_last = false;
}

static enum err add_place(struct dedupe *dedupe, uint32_t sender, const uint8_t *id)
{
    if (dedupe->highest_count == DEDUPE_SENDERS_MAX)
        merge_highest(dedupe);
    uint32_t count = dedupe->highest_count;
    bool is_power = (count & (count - 1)) == 0;
    if (count == 0 || (count >= PLACES_FIRST && is_power)) {
        size_t capacity = count < PLACES_FIRST ? PLACES_FIRST : (size_t)count * 2;
        struct dedupe_id *highest = realloc(dedupe->highest, capacity * sizeof(*highest));
        if (!highest)
            return ERR_BUSY;
        dedupe->highest = highest;
    }
    enum err err = u64map_put(&dedupe->sender_places, sender, count);
    if (err)
        return ERR_BUSY;
    memcpy(dedupe->highest[count].bytes, id, DEDUPE_ID_BYTES);
    dedupe->highest_count++;
    return ERR_OK;
}

static enum err raise_highest(struct dedupe *dedupe, uint32_t sender, const uint8_t *id)
{
    uint32_t place;
    if (!find_place(dedupe, sender, &place))
        return add_place(dedupe, sender, id);
    if (compare_ids(&dedupe->highest[place], id) < 0)
        memcpy(dedupe->highest[place].bytes, id, DEDUPE_ID_BYTES);
    return ERR_OK;
}

/* --- The tail. */

static uint32_t home_of(const struct dedupe *dedupe, uint32_t sender, const uint8_t *id)
{
    uint8_t key[DEDUPE_ID_BYTES + sizeof(sender)];
    uint8_t digest[crypto_shorthash_BYTES];
    uint32_t home;
    memcpy(key, id, DEDUPE_ID_BYTES);
    memcpy(key + DEDUPE_ID_BYTES, &sender, sizeof(sender));
    (void)crypto_shorthash(digest, key, sizeof(key), dedupe->secret); /* cannot fail */
    memcpy(&home, digest, sizeof(home));
    return home & dedupe->slot_mask;
}

static bool is_entry(const struct dedupe_entry *entry, uint32_t sender, const uint8_t *id)
{
    return entry->sender == sender && compare_ids(&entry->id, id) == 0;
}

static void fill_slot(struct dedupe *dedupe, uint64_t number)
{
    uint32_t place = (uint32_t)number & dedupe->entry_mask;
    const struct dedupe_entry *entry = &dedupe->entries[place];
    uint32_t slot = home_of(dedupe, entry->sender, entry->id.bytes);
    while (dedupe->slots[slot])
        slot = (slot + 1) & dedupe->slot_mask;
    dedupe->slots[slot] = place + 1;
}

/* Gives every entry its slot. */
static enum err hash_all(struct dedupe *dedupe)
{
    if (!dedupe->slots) {
        size_t count = ((size_t)dedupe->entry_mask + 1) * 2;
        dedupe->slots = calloc(count, sizeof(*dedupe->slots));
        if (!dedupe->slots)
            return ERR_BUSY;
        dedupe->slot_mask = (uint32_t)(count - 1);
        dedupe->hashed_end = dedupe->first;
    }
    for (; dedupe->hashed_end < dedupe->end; dedupe->hashed_end++)
        fill_slot(dedupe, dedupe->hashed_end);
    return ERR_OK;
}

enum err dedupe_find(struct dedupe *dedupe, uint32_t sender, const uint8_t id[DEDUPE_ID_BYTES],
                     uint64_t *ret_seq)
{
    *ret_seq = 0;
    if (dedupe_count(dedupe) == 0)
        return ERR_OK;
    enum err err = hash_all(dedupe);
    if (err)
        return err;
    uint32_t slot = home_of(dedupe, sender, id);
    for (; dedupe->slots[slot]; slot = (slot + 1) & dedupe->slot_mask) {
        const struct dedupe_entry *entry = &dedupe->entries[dedupe->slots[slot] - 1];
        if (is_entry(entry, sender, id)) {
            *ret_seq = dedupe->base_seq + entry->seq_offset;
            break;
        }
    }
    return ERR_OK;
}

size_t dedupe_find_any(const struct dedupe *dedupe, const uint8_t id[DEDUPE_ID_BYTES],
                       uint64_t *ret_seqs, size_t limit)
{
    size_t count = 0;
    for (uint64_t n = dedupe->end; n > dedupe->first && count < limit; n--) {
        const struct dedupe_entry *entry = &dedupe->entries[(n - 1) & dedupe->entry_mask];
        if (memcmp(entry->id.bytes, id, DEDUPE_ID_BYTES) == 0)
            ret_seqs[count++] = dedupe->base_seq + entry->seq_offset;
    }
    return count;
}

/* Doubles the ring. The slots are made anew when they are asked for. */
static enum err grow(struct dedupe *dedupe)
{
    size_t capacity = dedupe->entries ? ((size_t)dedupe->entry_mask + 1) * 2 : RING_FIRST;
    struct dedupe_entry *entries = malloc(capacity * sizeof(*entries));
    if (!entries)
        return ERR_BUSY;
    uint32_t mask = (uint32_t)(capacity - 1);
    for (uint64_t n = dedupe->first; n < dedupe->end; n++)
        entries[n & mask] = dedupe->entries[n & dedupe->entry_mask];
    free(dedupe->entries);
    free(dedupe->slots);
    dedupe->entries = entries;
    dedupe->entry_mask = mask;
    dedupe->slots = NULL;
    dedupe->hashed_end = dedupe->first;
    return ERR_OK;
}

/* Offsets are counted from base_seq; moves it forward to the first entry. */
static void rebase(struct dedupe *dedupe, uint64_t seq)
{
    uint64_t base = seq;
    uint32_t step = 0;
    if (dedupe_count(dedupe) > 0) {
        step = dedupe->entries[dedupe->first & dedupe->entry_mask].seq_offset;
        base = dedupe->base_seq + step;
    }
    for (uint64_t n = dedupe->first; n < dedupe->end; n++)
        dedupe->entries[n & dedupe->entry_mask].seq_offset -= step;
    dedupe->base_seq = base;
}

enum err dedupe_add(struct dedupe *dedupe, uint32_t sender, const uint8_t id[DEDUPE_ID_BYTES],
                    uint64_t seq)
{
    if (dedupe_count(dedupe) >= dedupe->limit)
        return ERR_TOO_MANY;
    enum err err = ERR_OK;
    if (!dedupe->entries || dedupe_count(dedupe) == (size_t)dedupe->entry_mask + 1)
        err = grow(dedupe);
    if (!err)
        err = raise_highest(dedupe, sender, id);
    if (err)
        return err;
    if (dedupe_count(dedupe) == 0 || seq - dedupe->base_seq > UINT32_MAX)
        rebase(dedupe, seq);
    CHECK(seq >= dedupe->base_seq && seq - dedupe->base_seq <= UINT32_MAX);

    struct dedupe_entry *entry = &dedupe->entries[dedupe->end & dedupe->entry_mask];
    memcpy(entry->id.bytes, id, DEDUPE_ID_BYTES);
    entry->sender = sender;
    entry->seq_offset = (uint32_t)(seq - dedupe->base_seq);
    dedupe->end++;
    return ERR_OK;
}

/* Frees a slot; each later slot of the same run moves back if it may. */
static void close_gap(struct dedupe *dedupe, uint32_t gap)
{
    uint32_t slot = gap;
    for (;;) {
        slot = (slot + 1) & dedupe->slot_mask;
        uint32_t place = dedupe->slots[slot];
        if (!place)
            break;
        const struct dedupe_entry *entry = &dedupe->entries[place - 1];
        uint32_t home = home_of(dedupe, entry->sender, entry->id.bytes);
        uint32_t from_home = (slot - home) & dedupe->slot_mask;
        uint32_t from_gap = (slot - gap) & dedupe->slot_mask;
        if (from_home >= from_gap) {
            dedupe->slots[gap] = place;
            gap = slot;
        }
    }
    dedupe->slots[gap] = 0;
}

/* Takes the first or the last entry out of the slots, if it is there. */
static void forget(struct dedupe *dedupe, uint64_t number)
{
    if (number >= dedupe->hashed_end)
        return;
    uint32_t place = (uint32_t)number & dedupe->entry_mask;
    const struct dedupe_entry *entry = &dedupe->entries[place];
    uint32_t slot = home_of(dedupe, entry->sender, entry->id.bytes);
    while (dedupe->slots[slot] != place + 1) {
        CHECK(dedupe->slots[slot] != 0);
        slot = (slot + 1) & dedupe->slot_mask;
    }
    close_gap(dedupe, slot);
}

void dedupe_commit(struct dedupe *dedupe)
{
    dedupe->committed_end = dedupe->end;
}

void dedupe_undo(struct dedupe *dedupe)
{
    while (dedupe->end > dedupe->committed_end) {
        forget(dedupe, dedupe->end - 1);
        dedupe->end--;
    }
    if (dedupe->hashed_end > dedupe->end)
        dedupe->hashed_end = dedupe->end;
}

void dedupe_drop(struct dedupe *dedupe, uint64_t indexed_seq)
{
    CHECK(dedupe->end == dedupe->committed_end);
    while (dedupe->first < dedupe->end) {
        uint32_t offset = dedupe->entries[dedupe->first & dedupe->entry_mask].seq_offset;
        if (dedupe->base_seq + offset > indexed_seq)
            break;
        forget(dedupe, dedupe->first);
        dedupe->first++;
    }
    if (dedupe->hashed_end < dedupe->first)
        dedupe->hashed_end = dedupe->first;
}
