/* SPDX-License-Identifier: MPL-2.0
 *
 * When was a message committed? A ring of (last seq of the commit, time): commits come in the order
 * of their seqs, so the first mark that reaches a seq is that of its commit. Fixed memory: the last
 * COMMIT_MARKS commits, which is some seconds of a busy broker and hours of a quiet one. For older
 * messages the caller goes by the stored time of the message, to the millisecond.
 */
#ifndef ACTORS_COMMIT_MARKS_H
#define ACTORS_COMMIT_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/clock.h"

#define COMMIT_MARKS 4096u

/* Zero bytes: empty. */
struct commit_marks {
    uint64_t seqs[COMMIT_MARKS];
    int64_t at_ns[COMMIT_MARKS];
    uint64_t count;  /* ever added */
    uint64_t before; /* what was committed before the oldest mark: nothing is known of it */
};

/* Everything up to last_seq is committed; what the marks before did not reach, by this commit. A
 * commit that added nothing is left out. */
void commit_marks_add(struct commit_marks *marks, uint64_t last_seq, struct mono_time at);

/* False: too old, or not committed yet. */
bool commit_marks_find(const struct commit_marks *marks, uint64_t seq, struct mono_time *ret_at);

#endif
