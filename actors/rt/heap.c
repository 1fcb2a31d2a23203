/* SPDX-License-Identifier: MPL-2.0
 *
 * The binary heap. nodes[0] is the top; a node's position is its index plus one.
 */
#include "rt/heap.h"

#include <stdlib.h>

#include "rt/check.h"

#define CAPACITY_FIRST 16

void heap_init(struct heap *heap, size_t limit)
{
    CHECK(limit > 0 && limit < UINT32_MAX / 2);
    *heap = (struct heap){.limit = (uint32_t)limit};
}

void heap_fini(struct heap *heap)
{
    for (uint32_t i = 0; i < heap->count; i++)
        heap->nodes[i]->position = 0;
    free(heap->nodes);
    *heap = (struct heap){.limit = heap->limit};
}

static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
    if (a->key != b->key)
        return a->key < b->key;
    return a->serial < b->serial;
}

static void place(struct heap *heap, struct heap_node *node, uint32_t index)
{
    heap->nodes[index] = node;
    node->position = index + 1;
}

static void sift_up(struct heap *heap, struct heap_node *node)
{
    uint32_t index = node->position - 1;
    while (index > 0) {
        uint32_t parent = (index - 1) / 2;
        if (!is_before(node, heap->nodes[parent]))
            break;
        place(heap, heap->nodes[parent], index);
        index = parent;
    }
    place(heap, node, index);
}

static void sift_down(struct heap *heap, struct heap_node *node)
{
    uint32_t index = node->position - 1;
    for (;;) {
        uint32_t child = index * 2 + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && is_before(heap->nodes[child + 1], heap->nodes[child]))
            child++;
        if (!is_before(heap->nodes[child], node))
            break;
        place(heap, heap->nodes[child], index);
        index = child;
    }
    place(heap, node, index);
}

static enum err grow(struct heap *heap)
{
    if (heap->count < heap->capacity)
        return ERR_OK;
    uint32_t capacity = heap->capacity ? heap->capacity * 2 : CAPACITY_FIRST;
    struct heap_node **nodes = realloc(heap->nodes, capacity * sizeof(struct heap_node *));
    if (!nodes)
        return ERR_BUSY;
    heap->nodes = nodes;
    heap->capacity = capacity;
    return ERR_OK;
}

enum err heap_push(struct heap *heap, struct heap_node *node, int64_t key)
{
    CHECK(!heap_has(node));
    if (heap->count >= heap->limit)
        return ERR_TOO_MANY;
    enum err err = grow(heap);
    if (err)
        return err;
    node->key = key;
    node->serial = heap->serial_next++;
    place(heap, node, heap->count++);
    sift_up(heap, node);
    return ERR_OK;
}

struct heap_node *heap_top(const struct heap *heap)
{
    return heap->count ? heap->nodes[0] : NULL;
}

struct heap_node *heap_pop(struct heap *heap)
{
    struct heap_node *node = heap_top(heap);
    if (node)
        heap_remove(heap, node);
    return node;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (!heap_has(node))
        return;
    uint32_t index = node->position - 1;
    CHECK(index < heap->count && heap->nodes[index] == node);
    struct heap_node *last = heap->nodes[--heap->count];
    node->position = 0;
    if (last == node)
        return;
    place(heap, last, index);
    sift_up(heap, last);
    sift_down(heap, last);
}

void heap_move(struct heap *heap, struct heap_node *node, int64_t key)
{
    CHECK(heap_has(node) && heap->nodes[node->position - 1] == node);
    node->key = key;
    node->serial = heap->serial_next++;
    sift_up(heap, node);
    sift_down(heap, node);
}
