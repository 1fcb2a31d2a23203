/* SPDX-License-Identifier: MPL-2.0
 *
 * See commit_marks.h.
 */
#include "commit_marks.h"

static uint64_t first_of(const struct commit_marks *marks)
{
    return marks->count > COMMIT_MARKS ? marks->count - COMMIT_MARKS : 0;
}

static uint64_t seq_of(const struct commit_marks *marks, uint64_t mark)
{
    return marks->seqs[mark % COMMIT_MARKS];
}

void commit_marks_add(struct commit_marks *marks, uint64_t last_seq, struct mono_time at)
{
    uint64_t newest = marks->count > 0 ? seq_of(marks, marks->count - 1) : marks->before;
    if (last_seq <= newest)
        return;
    if (marks->count >= COMMIT_MARKS)
        marks->before = seq_of(marks, marks->count);
    marks->seqs[marks->count % COMMIT_MARKS] = last_seq;
    marks->at_ns[marks->count % COMMIT_MARKS] = at.ns;
    marks->count++;
}

bool commit_marks_find(const struct commit_marks *marks, uint64_t seq, struct mono_time *ret_at)
{
    uint64_t low = first_of(marks), high = marks->count;
    if (low == high || seq <= marks->before || seq > seq_of(marks, high - 1))
        return false;
    while (low < high) { /* the first mark that reaches it lies in [low, high] */
        uint64_t middle = low + (high - low) / 2;
        if (seq_of(marks, middle) < seq)
            low = middle + 1;
        else
            high = middle;
    }
    ret_at->ns = marks->at_ns[low % COMMIT_MARKS];
    return true;
}
