/* SPDX-License-Identifier: MPL-2.0
 *
 * The hash table: a dense array of entries in order of insertion, and beside it an array of slots
 * (linear probing, at most 3/4 full) that point into it. Removing leaves a hole in the entries and
 * closes the gap in the slots by moving later slots back, so there are no tombstones and look-ups
 * never get slower with age. Holes vanish when the entries have to grow.
 */
#include "rt/hash.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"

#define ENTRIES_FIRST 8
#define NO_ENTRY      UINT32_MAX

struct hash_entry {
    uint64_t value;
    uint32_t fragment; /* of the key's hash */
    uint32_t key_size; /* KEY_HOLE: removed */
    union {
        uint8_t bytes[HASH_KEY_INLINE];
        uint8_t *pointer; /* key_size > HASH_KEY_INLINE */
    } key;
};

struct hash_slot {
    uint32_t fragment;
    uint32_t entry; /* NO_ENTRY: free */
};

#define KEY_HOLE UINT32_MAX

_Static_assert(crypto_shorthash_KEYBYTES == sizeof(((struct hash *)0)->secret), "SipHash key");

void hash_init(struct hash *hash, size_t limit)
{
    CHECK(limit > 0 && limit <= HASH_LIMIT_MAX);
    *hash = (struct hash){.limit = (uint32_t)limit};
    CHECK(sodium_init() >= 0);
    crypto_shorthash_keygen(hash->secret);
}

static bool is_hole(const struct hash_entry *entry)
{
    return entry->key_size == KEY_HOLE;
}

static const uint8_t *key_of(const struct hash_entry *entry)
{
    return entry->key_size > HASH_KEY_INLINE ? entry->key.pointer : entry->key.bytes;
}

static void make_hole(struct hash_entry *entry)
{
    if (entry->key_size > HASH_KEY_INLINE)
        free(entry->key.pointer);
    entry->key_size = KEY_HOLE;
}

void hash_clear(struct hash *hash)
{
    for (uint32_t i = 0; i < hash->entry_count; i++) {
        if (!is_hole(&hash->entries[i]))
            make_hole(&hash->entries[i]);
    }
    hash->entry_count = 0;
    hash->live_count = 0;
    if (hash->slots)
        memset(hash->slots, 0xff, ((size_t)hash->slot_mask + 1) * sizeof(*hash->slots));
}

void hash_fini(struct hash *hash)
{
    hash_clear(hash);
    free(hash->entries);
    free(hash->slots);
    hash->entries = NULL;
    hash->slots = NULL;
    hash->entry_capacity = 0;
    hash->slot_mask = 0;
}

static uint32_t fragment_of(const struct hash *hash, const void *key, size_t key_size)
{
    uint8_t digest[crypto_shorthash_BYTES];
    uint32_t fragment;
    (void)crypto_shorthash(digest, key, key_size, hash->secret); /* cannot fail */
    memcpy(&fragment, digest, sizeof(fragment));
    return fragment;
}

/* Position of the slot that holds the key, or of the free one where the search ended. */
static uint32_t find_slot(const struct hash *hash, const void *key, size_t key_size,
                          uint32_t fragment)
{
    uint32_t position = fragment & hash->slot_mask;
    for (;; position = (position + 1) & hash->slot_mask) {
        const struct hash_slot *slot = &hash->slots[position];
        if (slot->entry == NO_ENTRY)
            return position;
        if (slot->fragment != fragment)
            continue;
        const struct hash_entry *entry = &hash->entries[slot->entry];
        if (entry->key_size == key_size && memcmp(key_of(entry), key, key_size) == 0)
            return position;
    }
}

static struct hash_entry *find(const struct hash *hash, const void *key, size_t key_size)
{
    if (hash->live_count == 0)
        return NULL;
    uint32_t fragment = fragment_of(hash, key, key_size);
    uint32_t entry = hash->slots[find_slot(hash, key, key_size, fragment)].entry;
    return entry == NO_ENTRY ? NULL : &hash->entries[entry];
}

bool hash_get(const struct hash *hash, const void *key, size_t key_size, uint64_t *ret_value)
{
    const struct hash_entry *entry = find(hash, key, key_size);
    if (entry && ret_value)
        *ret_value = entry->value;
    return entry != NULL;
}

static void fill_slots(struct hash *hash)
{
    memset(hash->slots, 0xff, ((size_t)hash->slot_mask + 1) * sizeof(*hash->slots));
    for (uint32_t i = 0; i < hash->entry_count; i++) {
        uint32_t position = hash->entries[i].fragment & hash->slot_mask;
        while (hash->slots[position].entry != NO_ENTRY)
            position = (position + 1) & hash->slot_mask;
        hash->slots[position] = (struct hash_slot){hash->entries[i].fragment, i};
    }
}

static void squeeze_holes(struct hash *hash)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < hash->entry_count; i++) {
        if (!is_hole(&hash->entries[i]))
            hash->entries[kept++] = hash->entries[i];
    }
    hash->entry_count = kept;
    CHECK(kept == hash->live_count);
}

/* Makes room for one more entry, by squeezing when a quarter are holes, else by doubling. */
static enum err make_room(struct hash *hash)
{
    if (hash->entry_count < hash->entry_capacity)
        return ERR_OK;
    if (hash->live_count < hash->entry_capacity - hash->entry_capacity / 4) {
        squeeze_holes(hash);
        fill_slots(hash);
        return ERR_OK;
    }
    uint32_t capacity = hash->entry_capacity ? hash->entry_capacity * 2 : ENTRIES_FIRST;
    size_t slot_count = (size_t)capacity * 2; /* at most half full */
    struct hash_slot *slots = malloc(slot_count * sizeof(*slots));
    if (!slots)
        return ERR_BUSY;
    struct hash_entry *entries = realloc(hash->entries, capacity * sizeof(*entries));
    if (!entries) {
        free(slots);
        return ERR_BUSY;
    }
    hash->entries = entries;
    hash->entry_capacity = capacity;
    free(hash->slots);
    hash->slots = slots;
    hash->slot_mask = (uint32_t)(slot_count - 1);
    squeeze_holes(hash);
    fill_slots(hash);
    return ERR_OK;
}

static enum err copy_key(struct hash_entry *entry, const void *key, size_t key_size)
{
    uint8_t *bytes = entry->key.bytes;
    if (key_size > HASH_KEY_INLINE) {
        bytes = malloc(key_size);
        if (!bytes)
            return ERR_BUSY;
        entry->key.pointer = bytes;
    }
    if (key_size)
        memcpy(bytes, key, key_size);
    entry->key_size = (uint32_t)key_size;
    return ERR_OK;
}

enum err hash_put(struct hash *hash, const void *key, size_t key_size, uint64_t value)
{
    CHECK(key_size < KEY_HOLE);
    struct hash_entry *entry = find(hash, key, key_size);
    if (entry) {
        entry->value = value;
        return ERR_OK;
    }
    if (hash->live_count >= hash->limit)
        return ERR_TOO_MANY;
    enum err err = make_room(hash);
    if (err)
        return err;

    entry = &hash->entries[hash->entry_count];
    err = copy_key(entry, key, key_size);
    if (err)
        return err;
    entry->value = value;
    entry->fragment = fragment_of(hash, key, key_size);
    uint32_t position = find_slot(hash, key, key_size, entry->fragment);
    hash->slots[position] = (struct hash_slot){entry->fragment, hash->entry_count};
    hash->entry_count++;
    hash->live_count++;
    return ERR_OK;
}

/* Closes the gap at `position`: each later slot of the same run moves back if it may. */
static void close_gap(struct hash *hash, uint32_t position)
{
    uint32_t gap = position;
    for (;;) {
        position = (position + 1) & hash->slot_mask;
        struct hash_slot slot = hash->slots[position];
        if (slot.entry == NO_ENTRY)
            break;
        uint32_t home = slot.fragment & hash->slot_mask;
        uint32_t from_home = (position - home) & hash->slot_mask;
        uint32_t from_gap = (position - gap) & hash->slot_mask;
        if (from_home >= from_gap) {
            hash->slots[gap] = slot;
            gap = position;
        }
    }
    hash->slots[gap].entry = NO_ENTRY;
}

bool hash_remove(struct hash *hash, const void *key, size_t key_size, uint64_t *ret_value)
{
    if (hash->live_count == 0)
        return false;
    uint32_t fragment = fragment_of(hash, key, key_size);
    uint32_t position = find_slot(hash, key, key_size, fragment);
    if (hash->slots[position].entry == NO_ENTRY)
        return false;
    struct hash_entry *entry = &hash->entries[hash->slots[position].entry];
    if (ret_value)
        *ret_value = entry->value;
    close_gap(hash, position);
    make_hole(entry);
    hash->live_count--;
    while (hash->entry_count > 0 && is_hole(&hash->entries[hash->entry_count - 1]))
        hash->entry_count--;
    return true;
}

bool hash_next(const struct hash *hash, struct hash_cursor *cursor)
{
    while (cursor->position < hash->entry_count) {
        const struct hash_entry *entry = &hash->entries[cursor->position++];
        if (is_hole(entry))
            continue;
        cursor->key = key_of(entry);
        cursor->key_size = entry->key_size;
        cursor->value = entry->value;
        return true;
    }
    return false;
}

void *hash_get_pointer(const struct hash *hash, const void *key, size_t key_size)
{
    uint64_t value = 0;
    return hash_get(hash, key, key_size, &value) ? (void *)(uintptr_t)value : NULL;
}

enum err hash_put_pointer(struct hash *hash, const void *key, size_t key_size, void *value)
{
    CHECK(value != NULL);
    return hash_put(hash, key, key_size, (uint64_t)(uintptr_t)value);
}

void *hash_remove_pointer(struct hash *hash, const void *key, size_t key_size)
{
    uint64_t value = 0;
    return hash_remove(hash, key, key_size, &value) ? (void *)(uintptr_t)value : NULL;
}

void u64map_init(struct u64map *map, size_t limit)
{
    hash_init(&map->hash, limit);
}

void u64map_fini(struct u64map *map)
{
    hash_fini(&map->hash);
}

void u64map_clear(struct u64map *map)
{
    hash_clear(&map->hash);
}

bool u64map_get(const struct u64map *map, uint64_t key, uint64_t *ret_value)
{
    return hash_get(&map->hash, &key, sizeof(key), ret_value);
}

enum err u64map_put(struct u64map *map, uint64_t key, uint64_t value)
{
    return hash_put(&map->hash, &key, sizeof(key), value);
}

bool u64map_remove(struct u64map *map, uint64_t key, uint64_t *ret_value)
{
    return hash_remove(&map->hash, &key, sizeof(key), ret_value);
}

void *u64map_get_pointer(const struct u64map *map, uint64_t key)
{
    return hash_get_pointer(&map->hash, &key, sizeof(key));
}

enum err u64map_put_pointer(struct u64map *map, uint64_t key, void *value)
{
    return hash_put_pointer(&map->hash, &key, sizeof(key), value);
}

void *u64map_remove_pointer(struct u64map *map, uint64_t key)
{
    return hash_remove_pointer(&map->hash, &key, sizeof(key));
}

size_t u64map_count(const struct u64map *map)
{
    return hash_count(&map->hash);
}

bool u64map_next(const struct u64map *map, struct u64map_cursor *cursor)
{
    if (!hash_next(&map->hash, &cursor->inner))
        return false;
    memcpy(&cursor->key, cursor->inner.key, sizeof(cursor->key));
    cursor->value = cursor->inner.value;
    return true;
}
