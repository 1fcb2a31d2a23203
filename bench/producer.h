/* SPDX-License-Identifier: MPL-2.0
 *
 * One producer of a scenario: a thread that keeps a window full, or sends at a rate, through a
 * driver, and books each confirmation with its latency. The scenario starts it, watches `acked`
 * and sets `is_stopping`; the thread then waits for what is still in flight and ends.
 *
 * The first 8 bytes of a body are the time of sending, the next 8 producer and number, the rest
 * is a pattern without long runs, so that a server that compresses gains nothing.
 */
#ifndef BENCH_PRODUCER_H
#define BENCH_PRODUCER_H

#include <pthread.h>
#include <stdatomic.h>

#include "scenario.h"

struct producer {
    const struct scenario *scenario;
    pthread_barrier_t *start;
    atomic_bool *is_measuring;
    atomic_bool *is_stopping;
    unsigned index;
    uint64_t messages_max; /* stop by itself after so many; 0 for no limit */
    unsigned rate_per_s;   /* 0: as fast as the window allows */

    pthread_t thread;
    void *session;
    uint8_t *body;
    int64_t *sent_ns; /* ring: when message number n was handed over, at n % SCENARIO_WINDOW_MAX */
    uint64_t sent;
    uint64_t late_sends;
    atomic_uint_fast64_t acked;
    struct histogram confirm;
};

/* Sets up the buffers and starts the thread, which connects, then waits at the barrier. */
void producer_start(struct producer *producer);

/* Waits for the thread and frees its buffers; counters and histogram stay readable. */
void producer_join(struct producer *producer);

int64_t producer_body_sent_ns(const void *body);

#endif
