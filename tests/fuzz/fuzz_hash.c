/* SPDX-License-Identifier: MPL-2.0
 *
 * Keys of strangers in the tables that everything is found with (rt/hash.h) and deadlines in the heap
 * (rt/heap.h), beside an array:
 *   - a key has the value that was put last; one that was removed has none; the limit refuses only
 *     what is new
 *   - walking goes from the oldest to the newest, also while entries are removed on the way
 *   - the heap gives the earliest, and of equal ones the one pushed first, whatever was moved or taken
 *     out meanwhile
 */
#include <stdint.h>

#include "bytes.h"
#include "rt/hash.h"
#include "rt/heap.h"

#define STEPS_MAX 1500
#define LIMIT     60
#define KEY_MAX   40 /* longer than what is kept inline */
#define NODES     40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- The table. */

struct entry {
    uint8_t key[KEY_MAX];
    size_t key_size;
    uint64_t value;
};

struct plain {
    struct entry entries[LIMIT]; /* oldest first */
    size_t count;
};

static size_t find(const struct plain *plain, const uint8_t *key, size_t size)
{
    size_t i = 0;
    while (i < plain->count &&
           !(plain->entries[i].key_size == size && memcmp(plain->entries[i].key, key, size) == 0))
        i++;
    return i;
}

static void take_out(struct plain *plain, size_t i)
{
    plain->count--;
    memmove(&plain->entries[i], &plain->entries[i + 1],
            (plain->count - i) * sizeof(plain->entries[0]));
}

static void put(struct hash *hash, struct plain *plain, const struct entry *entry)
{
    size_t i = find(plain, entry->key, entry->key_size);
    bool has_room = i < plain->count || plain->count < LIMIT;
    CHECK(hash_put(hash, entry->key, entry->key_size, entry->value) ==
          (has_room ? ERR_OK : ERR_TOO_MANY));
    if (!has_room)
        return;
    if (i == plain->count)
        plain->count++;
    plain->entries[i] = *entry;
}

static void remove_one(struct hash *hash, struct plain *plain, const struct entry *entry)
{
    uint64_t value = 77;
    size_t i = find(plain, entry->key, entry->key_size);
    bool is_there = i < plain->count;
    CHECK(hash_remove(hash, entry->key, entry->key_size, &value) == is_there);
    CHECK(value == (is_there ? plain->entries[i].value : 77));
    if (is_there)
        take_out(plain, i);
}

/* Every entry in its order; those whose place in it has a bit of `removed` are taken out. */
static void walk(struct hash *hash, struct plain *plain, uint8_t removed)
{
    struct hash_cursor cursor = {0};
    size_t i = 0, number = 0;
    while (hash_next(hash, &cursor)) {
        CHECK(i < plain->count);
        const struct entry *entry = &plain->entries[i];
        CHECK(cursor.key_size == entry->key_size && cursor.value == entry->value);
        CHECK(memcmp(cursor.key, entry->key, entry->key_size) == 0);
        if (removed >> number++ % 8 & 1) {
            struct entry copy = *entry;
            remove_one(hash, plain, &copy);
        } else {
            i++;
        }
    }
    CHECK(i == plain->count && hash_count(hash) == plain->count);
}

static void drive_hash(struct bytes input)
{
    static struct plain plain;
    struct hash hash;
    plain.count = 0;
    hash_init(&hash, LIMIT);
    for (size_t step = 0; step < STEPS_MAX && input.left > 0; step++) {
        uint8_t choice = bytes_u8(&input);
        struct entry entry = {.key_size = choice / 8 % 3 * 19u + 1, .value = step};
        entry.key[entry.key_size - 1] = bytes_u8(&input);
        uint64_t value = 77;
        switch (choice % 8) {
        case 0:
            walk(&hash, &plain, choice & 0x80 ? entry.key[entry.key_size - 1] : 0);
            break;
        case 1:
        case 2:
        case 3:
            remove_one(&hash, &plain, &entry);
            break;
        default:
            put(&hash, &plain, &entry);
        }
        size_t i = find(&plain, entry.key, entry.key_size);
        CHECK(hash_get(&hash, entry.key, entry.key_size, &value) == (i < plain.count));
        CHECK(value == (i < plain.count ? plain.entries[i].value : 77));
        if (choice == 0xfb) {
            hash_clear(&hash);
            plain.count = 0;
        }
    }
    walk(&hash, &plain, 0);
    hash_fini(&hash);
}

/* --- The heap. */

struct node {
    struct heap_node node;
    int64_t key;
    uint64_t pushed; /* 0: it is not in it */
};

static const struct node *first_of(const struct node *nodes)
{
    const struct node *first = NULL;
    for (size_t i = 0; i < NODES; i++) {
        const struct node *node = &nodes[i];
        if (node->pushed && (!first || node->key < first->key ||
                             (node->key == first->key && node->pushed < first->pushed)))
            first = node;
    }
    return first;
}

static void change_node(struct heap *heap, struct node *node, uint8_t choice, uint64_t serial)
{
    node->key = (int64_t)(choice / 4 % 8) - 4;
    CHECK(heap_has(&node->node) == (node->pushed != 0));
    if (!node->pushed)
        CHECK(heap_push(heap, &node->node, node->key) == ERR_OK);
    else if (choice % 4 == 2)
        heap_move(heap, &node->node, node->key);
    else
        heap_remove(heap, &node->node);
    bool is_out = node->pushed && choice % 4 != 2;
    node->pushed = is_out ? 0 : serial;
}

static void drive_heap(struct bytes input)
{
    static struct node nodes[NODES];
    struct heap heap;
    size_t count = 0;
    memset(nodes, 0, sizeof(nodes));
    heap_init(&heap, NODES);
    for (size_t step = 1; step < STEPS_MAX && input.left > 0; step++) {
        uint8_t choice = bytes_u8(&input);
        const struct node *first = first_of(nodes);
        CHECK(heap_top(&heap) == (first ? &first->node : NULL));
        if (choice % 4 == 0) {
            struct heap_node *popped = heap_pop(&heap);
            CHECK(popped == (first ? &first->node : NULL));
            if (popped)
                HEAP_ENTRY(popped, struct node, node)->pushed = 0;
        } else {
            change_node(&heap, &nodes[bytes_u8(&input) % NODES], choice, step);
        }
        count = 0;
        for (size_t i = 0; i < NODES; i++)
            count += nodes[i].pushed != 0;
        CHECK(heap_count(&heap) == count);
    }
    heap_fini(&heap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    if (bytes_u8(&input) & 1)
        drive_heap(input);
    else
        drive_hash(input);
    return 0;
}
