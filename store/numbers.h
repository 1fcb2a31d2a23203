/* SPDX-License-Identifier: MPL-2.0
 *
 * Numbers given out once: counters of 32 bits that never come back, over restarts and crashes.
 *
 * Blocks are reserved, and what is reserved is spent. Numbers rise strictly from block to block and
 * stay below 2^32 - 1 (there are programs that a single number of that size makes deaf). When no
 * whole block is left below it, the counter begins at 1 again and says so.
 */
#ifndef STORE_NUMBERS_H
#define STORE_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"

#define NUMBERS_LAST      4294967294u /* 2^32 - 2 */
#define NUMBERS_BLOCK_MAX 1000000u

struct store;

struct numbers_block {
    uint32_t first, count; /* first ... first + count - 1 */
    bool is_wrapped;       /* below what was given out before */
};

/* In the transaction in hand. `count` is 1 to NUMBERS_BLOCK_MAX. `at_least`: skip what is below, if
 * the block then still fits. */
MUST_USE enum err numbers_reserve(struct store *store, const char *name, uint32_t count,
                                  uint64_t at_least, struct numbers_block *ret);

#endif
