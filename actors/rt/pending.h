/* SPDX-License-Identifier: MPL-2.0
 *
 * The questions of one actor that await an answer: correlation id -> context, kind, deadline.
 *
 * A correlation id is life (16 bits) | serial (32 bits) | slot (16 bits): finding is one array
 * access, and an answer to an earlier life of the actor, or one that comes after the deadline,
 * matches nothing. Deadlines are kept in a heap. At most ACTOR_ASKS_MAX questions; the memory is
 * taken with the first one.
 */
#ifndef RT_PENDING_H
#define RT_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/actor.h"
#include "rt/heap.h"

struct question {
    uint64_t correlation; /* 0: the slot is free */
    uint64_t context;
    struct heap_node due;
    uint16_t slot_next_free;
    uint8_t kind;
    uint8_t to;
};

struct pending {
    struct question *questions; /* ACTOR_ASKS_MAX of them, or NULL before the first */
    struct heap deadlines;
    uint32_t serial;
    uint16_t life;
    uint16_t slot_free; /* first free slot */
    uint16_t slot_used; /* slots from here on were never used */
    uint16_t count_by_target[256];
};

/* `life` numbers the lives of the actor, so that answers to an earlier one are told apart; from 1.
 */
void pending_init(struct pending *pending, uint16_t life);
void pending_fini(struct pending *pending);

/* ERR_BUSY: ACTOR_ASKS_MAX questions are open, or no memory. */
MUST_USE enum err pending_add(struct pending *pending, uint8_t to, uint8_t kind, uint64_t context,
                              struct mono_time deadline, uint64_t *ret_correlation);

/* True: it was open; it is closed now and *ret_question holds what it was. */
bool pending_close(struct pending *pending, uint64_t correlation, struct question *ret_question);

/* Takes out one question whose deadline has passed; false: none. */
bool pending_take_due(struct pending *pending, struct mono_time now, struct question *ret_question);

/* MONO_NEVER when none is open. */
struct mono_time pending_next(const struct pending *pending);

size_t pending_count(const struct pending *pending);

#endif
