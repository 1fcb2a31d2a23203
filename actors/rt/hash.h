/* SPDX-License-Identifier: MPL-2.0
 *
 * Hash table from keys of any bytes to a 64-bit value or a pointer; bounded, for one thread.
 *
 * Owns copies of its keys (up to HASH_KEY_INLINE bytes without an allocation of their own), never
 * the values. Born with a limit of entries; memory grows with use and is released by hash_fini.
 *
 * Keyed with SipHash and a random key per table, so that strangers cannot choose colliding keys.
 * Iteration is in order of insertion and does not depend on that key: the same actions give the
 * same order in every process, which the simulator needs.
 */
#ifndef RT_HASH_H
#define RT_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

#define HASH_KEY_INLINE 24 /* longer keys cost an allocation each */
#define HASH_LIMIT_MAX  (1u << 30)

struct hash_entry;
struct hash_slot;

struct hash {
    struct hash_entry *entries; /* dense, in order of insertion, with holes where removed */
    struct hash_slot *slots;    /* open addressing, points into entries */
    uint32_t entry_count;       /* used part of entries, holes included */
    uint32_t entry_capacity;
    uint32_t slot_mask;
    uint32_t live_count;
    uint32_t limit;
    uint8_t secret[16];
};

/* Allocates nothing yet. `limit` is the most entries it will ever hold. */
void hash_init(struct hash *hash, size_t limit);

/* Releases everything; the table is as after hash_init. Values are the caller's to free. */
void hash_fini(struct hash *hash);

/* Removes all entries, keeps the memory. */
void hash_clear(struct hash *hash);

/* False, and *ret_value untouched, when the key is absent. ret_value may be NULL. */
bool hash_get(const struct hash *hash, const void *key, size_t key_size, uint64_t *ret_value);

/* Inserts or replaces. ERR_TOO_MANY: the limit is reached. ERR_BUSY: no memory. Unchanged then. */
MUST_USE enum err hash_put(struct hash *hash, const void *key, size_t key_size, uint64_t value);

/* False when the key was absent. ret_value (may be NULL) gets what was stored. */
bool hash_remove(struct hash *hash, const void *key, size_t key_size, uint64_t *ret_value);

static inline size_t hash_count(const struct hash *hash)
{
    return hash->live_count;
}

/* The same with pointers as values. NULL is not a value here: _get_pointer answers it for absent.
 */
void *hash_get_pointer(const struct hash *hash, const void *key, size_t key_size);
MUST_USE enum err hash_put_pointer(struct hash *hash, const void *key, size_t key_size,
                                   void *value);
void *hash_remove_pointer(struct hash *hash, const void *key, size_t key_size);

/* Iteration, oldest entry first. Removing any entry meanwhile is allowed, putting a new key is not.
 *     struct hash_cursor cursor = {0};
 *     while (hash_next(&hash, &cursor)) use(cursor.key, cursor.key_size, cursor.value);
 */
struct hash_cursor {
    uint32_t position;
    size_t key_size;
    const void *key; /* dies with the next change of the table */
    uint64_t value;
};

bool hash_next(const struct hash *hash, struct hash_cursor *cursor);

/* --- The same table for uint64_t keys. */
struct u64map {
    struct hash hash;
};

struct u64map_cursor {
    struct hash_cursor inner;
    uint64_t key;
    uint64_t value;
};

void u64map_init(struct u64map *map, size_t limit);
void u64map_fini(struct u64map *map);
void u64map_clear(struct u64map *map);
bool u64map_get(const struct u64map *map, uint64_t key, uint64_t *ret_value);
MUST_USE enum err u64map_put(struct u64map *map, uint64_t key, uint64_t value);
bool u64map_remove(struct u64map *map, uint64_t key, uint64_t *ret_value);
void *u64map_get_pointer(const struct u64map *map, uint64_t key);
MUST_USE enum err u64map_put_pointer(struct u64map *map, uint64_t key, void *value);
void *u64map_remove_pointer(struct u64map *map, uint64_t key);
size_t u64map_count(const struct u64map *map);
bool u64map_next(const struct u64map *map, struct u64map_cursor *cursor);

#endif
