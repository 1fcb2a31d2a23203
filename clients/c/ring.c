/* SPDX-License-Identifier: MPL-2.0
 *
 * See ring.h for the reasoning; memory orders are explained there once.
 */
#include "clients/c/ring.h"

#include <stdlib.h>

bool ring_init(struct ring *ring, size_t capacity)
{
    size_t rounded = 2;
    while (rounded < capacity)
        rounded *= 2;
    ring->cells = malloc(rounded * sizeof(*ring->cells));
    if (!ring->cells)
        return false;
    for (size_t i = 0; i < rounded; i++)
        atomic_init(&ring->cells[i].turn, i);
    ring->mask = rounded - 1;
    atomic_init(&ring->tail, 0);
    atomic_init(&ring->head, 0);
    return true;
}

void ring_fini(struct ring *ring)
{
    free(ring->cells);
    ring->cells = NULL;
}

bool ring_push(struct ring *ring, const struct ring_item *item, uint64_t *ret_position)
{
    uint64_t position = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    struct ring_cell *cell;

    for (;;) {
        cell = &ring->cells[position & ring->mask];
        uint64_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
        if (turn == position) {
            if (atomic_compare_exchange_weak_explicit(&ring->tail, &position, position + 1,
                                                      memory_order_relaxed, memory_order_relaxed))
                break;
        } else if ((int64_t)(turn - position) < 0) {
            return false; /* the item of the round before is still there */
        } else {
            position = atomic_load_explicit(&ring->tail, memory_order_relaxed);
        }
    }
    cell->item = *item;
    atomic_store_explicit(&cell->turn, position + 1, memory_order_release);
    if (ret_position)
        *ret_position = position;
    return true;
}

bool ring_pop(struct ring *ring, struct ring_item *ret, uint64_t *ret_position)
{
    uint64_t position = atomic_load_explicit(&ring->head, memory_order_relaxed);
    struct ring_cell *cell;

    for (;;) {
        cell = &ring->cells[position & ring->mask];
        uint64_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
        if (turn == position + 1) {
            if (atomic_compare_exchange_weak_explicit(&ring->head, &position, position + 1,
                                                      memory_order_relaxed, memory_order_relaxed))
                break;
        } else if ((int64_t)(turn - (position + 1)) < 0) {
            return false;
        } else {
            position = atomic_load_explicit(&ring->head, memory_order_relaxed);
        }
    }
    *ret = cell->item;
    atomic_store_explicit(&cell->turn, position + ring->mask + 1, memory_order_release);
    if (ret_position)
        *ret_position = position;
    return true;
}

bool ring_has_item(struct ring *ring)
{
    uint64_t position = atomic_load_explicit(&ring->head, memory_order_relaxed);
    struct ring_cell *cell = &ring->cells[position & ring->mask];
    return (int64_t)(atomic_load_explicit(&cell->turn, memory_order_acquire) - position) >= 1;
}
