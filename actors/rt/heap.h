/* SPDX-License-Identifier: MPL-2.0
 *
 * Binary heap of what is due when, earliest first. Intrusive: the node is a member of the caller's
 * struct (get it back with HEAP_ENTRY) and knows its own place, so removing or moving any node is
 * O(log n). Nodes with equal keys come out in the order they were pushed. Owns only its array of
 * pointers; a node must not move in memory while it is in a heap.
 */
#ifndef RT_HEAP_H
#define RT_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct heap_node {
    int64_t key;       /* a time, usually */
    uint64_t serial;   /* order among equals */
    uint32_t position; /* 1-based; 0: in no heap */
};

struct heap {
    struct heap_node **nodes;
    uint64_t serial_next;
    uint32_t count;
    uint32_t capacity;
    uint32_t limit;
};

/* The struct that holds a node as `member`. */
#define HEAP_ENTRY(node, Type, member) ((Type *)(void *)((char *)(node)-offsetof(Type, member)))

/* Allocates nothing yet. */
void heap_init(struct heap *heap, size_t limit);
void heap_fini(struct heap *heap);

/* ERR_TOO_MANY: the limit is reached. ERR_BUSY: no memory. The node must be in no heap. */
MUST_USE enum err heap_push(struct heap *heap, struct heap_node *node, int64_t key);

/* The earliest node, or NULL. */
struct heap_node *heap_top(const struct heap *heap);

/* Takes the earliest node out; NULL when empty. */
struct heap_node *heap_pop(struct heap *heap);

/* Takes a node out; one that is in no heap is left alone. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* Gives a node of the heap another key; it counts as pushed now. */
void heap_move(struct heap *heap, struct heap_node *node, int64_t key);

static inline bool heap_has(const struct heap_node *node)
{
    return node->position != 0;
}

static inline size_t heap_count(const struct heap *heap)
{
    return heap->count;
}

#endif
