/* SPDX-License-Identifier: MPL-2.0
 *
 * Settles waiting to be sent, merged into ranges of consecutive delivery numbers. Pure.
 *
 * Promises: settles in rising order of numbers with one outcome (the ordinary case) cost one range
 * in all; others are sorted and merged when taken. Settles with a delay or a reason stay alone
 * unless their neighbour has the same. An EXTEND and what follows for the same number keep their
 * order. Bounded: full is an answer, then take first.
 * Leaves to others: when to send.
 */
#ifndef CLIENT_RANGES_H
#define CLIENT_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/c/book.h"

#define RANGES_MAX 1000 /* of one SETTLE */

struct range {
    uint64_t first_no;
    uint64_t last_no;
    enum book_outcome outcome;
    uint32_t delay_ms;
    char *reason; /* owned; NULL: none */
};

struct ranges {
    struct range items[RANGES_MAX];
    size_t count;
    uint64_t messages; /* covered by them */
    bool is_sorted;
};

void ranges_init(struct ranges *ranges);

/* `reason` (malloc, or NULL) is taken. False: full, nothing was taken. */
bool ranges_add(struct ranges *ranges, uint64_t no, enum book_outcome outcome, uint32_t delay_ms,
                char *reason);

/* Sorts and merges; the items may then be read. */
void ranges_finish(struct ranges *ranges);

/* Forgets all. */
void ranges_clear(struct ranges *ranges);

#endif
