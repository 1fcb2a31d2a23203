/* SPDX-License-Identifier: MPL-2.0
 *
 * What the tests of actors/delivery*.c share: one delivery, its clock, the next seq, and what a
 * caller does with them in one line each.
 */
#ifndef TESTS_ACTORS_DELIVERY_BED_H
#define TESTS_ACTORS_DELIVERY_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "delivery.h"

#define START_MS  INT64_C(1000000)
#define EXPIRY_MS (START_MS + 1000000)

struct bed {
    struct delivery *delivery;
    struct delivery_clock clock;
    uint64_t next_seq;
    struct delivery_fetch fetch; /* the newest taken */
};

void bed_open(struct bed *bed, const struct delivery_options *options);
/* Checks all invariants once more. */
void bed_close(struct bed *bed);

struct consumer *add_consumer(struct bed *bed, int64_t id, int64_t scope_id,
                              enum delivery_scope_kind kind);
/* The run without seq and stored_ms; returns its first seq. expires_ms 0: EXPIRY_MS. */
uint64_t append_with(struct bed *bed, struct delivery_run run);
uint64_t append(struct bed *bed, int64_t scope_id, uint32_t count);

struct delivery_address address_of(uint64_t session);
/* Whether it took over. */
bool attach(struct bed *bed, struct consumer *consumer, uint64_t session, uint64_t credit);
/* Takes the next fetch and answers it: all of it was delivered. Returns how many. */
uint32_t take(struct bed *bed);
void settle(struct bed *bed, uint64_t session, uint64_t first_no, uint64_t last_no,
            enum delivery_outcome outcome, uint64_t confirm_id);
void wait_ms(struct bed *bed, int64_t delay_ms);

/* The one change of the next write; commits it. False: nothing to write. */
struct written {
    uint64_t floor_seq;
    size_t row_count, fate_count;
    struct delivery_row rows[8];
    struct delivery_fate fates[4];
    uint64_t fate_seqs[4];
};
bool commit(struct bed *bed, struct written *ret);

#endif
