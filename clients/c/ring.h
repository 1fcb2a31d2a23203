/* SPDX-License-Identifier: MPL-2.0
 *
 * A bounded queue between threads, without locks: any number may push, any number may pop.
 *
 * Owns its cells, never what their words mean. An item is three 64-bit words, copied in and out.
 * Each push has a position, 0 upwards; items leave in order of their positions.
 *
 * How it is safe: every cell has a turn. A pusher takes position p by compare-and-swap on `tail`
 * once the cell's turn says p (free for p), writes the words, and stores turn p + 1 with release; a
 * popper takes p by compare-and-swap on `head` once it loads turn p + 1 with acquire, reads the
 * words, and stores p + capacity with release, which frees the cell for the next round. So the
 * words of a cell are only ever touched by the one thread whose turn it is.
 *
 * Promises: a push or pop never waits; a full or empty ring is an answer. A popper may be told
 * "empty" while a pusher is between its two steps: whoever sleeps on a ring must be woken after
 * the push has returned (wait.h).
 */
#ifndef CLIENT_RING_H
#define CLIENT_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_item {
    uint64_t words[3];
};

struct ring_cell {
    _Atomic uint64_t turn;
    struct ring_item item;
};

struct ring {
    struct ring_cell *cells;
    uint64_t mask;
    _Alignas(64) _Atomic uint64_t tail; /* next position to push */
    _Alignas(64) _Atomic uint64_t head; /* next position to pop */
};

/* Rounds the capacity up to a power of two. False: no memory. */
bool ring_init(struct ring *ring, size_t capacity);
void ring_fini(struct ring *ring);

/* False when full. ret_position may be NULL. */
bool ring_push(struct ring *ring, const struct ring_item *item, uint64_t *ret_position);

/* False when empty. ret_position may be NULL. */
bool ring_pop(struct ring *ring, struct ring_item *ret, uint64_t *ret_position);

/* True when a pop would find something; exact only for the one thread that pops. */
bool ring_has_item(struct ring *ring);

/* How many positions were ever taken by pushes. */
static inline uint64_t ring_pushed(struct ring *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_acquire);
}

/* Items waiting; already old when it returns. */
static inline size_t ring_count(struct ring *ring)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    return tail > head ? (size_t)(tail - head) : 0;
}

#endif
