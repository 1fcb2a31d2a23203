/* SPDX-License-Identifier: MPL-2.0
 *
 * Which retry is due when: failure number -> time after the message was enqueued.
 *
 * Retry n (after the n-th failure) is due `first * 2^(n-1)` after enqueue. Where a cap is given the
 * distance between two retries stops growing there, so that late retries come at a steady pace
 * instead of all at once. Pure; jitter takes its randomness as an argument.
 *
 * Leaves to others: counting failures, and what happens when the retries are spent.
 */
#ifndef ACTORS_BACKOFF_H
#define ACTORS_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t first_ms;        /* retry 1 after enqueue */
    int64_t gap_max_ms;      /* cap of the distance between two retries; 0 = none */
    int64_t gap_min_ms;      /* a retry is never sooner than this after its failure */
    uint32_t retries_max;    /* after so many retries one more failure is the end */
    uint32_t jitter_percent; /* 0..100: each delay is longer by 0 to so many percent */
};

extern const struct backoff backoff_patient; /* 5, 10, 20 ... 2,560 minutes: 10 retries */
extern const struct backoff backoff_brisk;   /* 5 s doubling, then every 15 minutes: 10 retries */

/* Time after enqueue at which retry `retry` (1 = first) is due; saturates, never negative. */
int64_t backoff_offset_ms(const struct backoff *backoff, uint32_t retry);

/* When retry `retry` of a message enqueued at `enqueue_ms` is due, its failure being now. */
int64_t backoff_due_ms(const struct backoff *backoff, uint32_t retry, int64_t enqueue_ms,
                       int64_t now_ms, uint64_t random);

#endif
