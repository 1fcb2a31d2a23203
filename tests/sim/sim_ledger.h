/* SPDX-License-Identifier: MPL-2.0
 *
 * The ledger: what clients did and saw, and the contract as checks on it.
 *
 * While the scenario runs, each delivery is checked: nothing settled comes again, first deliveries
 * come in order, what was seen before says so, nothing comes after its time to live or before its
 * time. At the end the database is read: every message that was confirmed as stored has ended for
 * every consumer in a way the ledger knows a reason for, and those who asked were told.
 */
#ifndef TESTS_SIM_LEDGER_H
#define TESTS_SIM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "sim_broker.h"

#define LEDGER_MESSAGES  600
#define LEDGER_CONSUMERS 8
#define LEDGER_SCOPES    6
#define LEDGER_PATTERNS  2 /* scopes behind them: consumers only */

struct ledger_message {
    struct sim_entry entry;
    unsigned scope;
    uint64_t seq;
    bool is_sent, is_stored;
    bool is_cancel_asked, is_cancelled;
    int64_t sent_ms, last_sent_ms; /* wall clock, before it was sent */
    uint32_t told;                 /* bit set of receipt levels its sender has got */
};

struct ledger_mark { /* one message of one consumer */
    uint32_t deliveries;
    bool is_acked, is_confirmed, is_rejected, has_failed;
};

struct ledger_consumer {
    unsigned scope;
    const char *stored_name; /* in the database */
    uint64_t first_seq_max;  /* highest seq delivered for the first time */
    struct ledger_mark marks[LEDGER_MESSAGES];
};

struct ledger {
    uint64_t seed;
    struct ledger_message messages[LEDGER_MESSAGES];
    uint32_t message_count;
    struct ledger_consumer consumers[LEDGER_CONSUMERS];
    uint32_t consumer_count;
    const char *scope_names[LEDGER_SCOPES + LEDGER_PATTERNS];
    bool clock_jumped;  /* times are then not checked against the wall clock */
    bool was_held_long; /* frames may come late */
    uint64_t delivered, redelivered, settled, dead, expired, cancelled; /* counted at the end */
};

/* Prints what is wrong with the seed, and aborts. */
__attribute__((noreturn)) void ledger_fail(const struct ledger *ledger, const char *what,
                                           uint64_t consumer, uint64_t number);

/* `is_late`: the session has ended, or lost the consumer, while the frame was on its way. The
 * gateway drops such a frame; it counts as seen, but what happened to the message meanwhile is no
 * fault. */
void ledger_note_delivery(struct ledger *ledger, struct ledger_consumer *consumer,
                          const struct sim_delivery *delivery, bool is_late, int64_t wall_ms,
                          int64_t steady_ms);
void ledger_note_receipt(struct ledger *ledger, const Roost__V1__Receipt *receipt);

/* Reads the database of a broker at rest and compares. */
void ledger_check_end(struct ledger *ledger, const char *path, int64_t wall_ms);

#endif
