/* SPDX-License-Identifier: MPL-2.0
 *
 * The entries of the last DELIVER of a turn, for whoever wants the same: the members of a room who are
 * all there are sent the same messages one after the other, and reading, verifying and packing them
 * anew for each is most of what a delivery costs. Only the head of the frame differs.
 *
 * Promises: what is repeated was read from the committed file and verified in this very turn; it is
 * forgotten at the turn's end, so nothing that changed since is hidden by it.
 * Leaves to others: which questions may be answered from it (history_fetch.c): whole frames of messages
 * of one scope, delivered for the first time.
 */
#include <stdlib.h>
#include <string.h>

#include "history_state.h"
#include "rt/check.h"

#define REPEAT_SEQS_MAX  1024
#define REPEAT_BYTES_MAX ((size_t)1 << 20)

void history_repeat_init(struct history_repeat *repeat)
{
    repeat->seqs = malloc(REPEAT_SEQS_MAX * sizeof(*repeat->seqs));
    repeat->entries = malloc(REPEAT_BYTES_MAX); /* touched as far as it is used */
    CHECK(repeat->seqs && repeat->entries);
    repeat->count = 0;
}

void history_repeat_fini(struct history_repeat *repeat)
{
    free(repeat->seqs);
    free(repeat->entries);
}

void history_repeat_keep(struct history_repeat *repeat, const INTERNAL(Fetch) * question,
                         const uint8_t *entries, size_t size, uint64_t body_bytes)
{
    repeat->count = 0;
    if (question->n_seqs > REPEAT_SEQS_MAX || size > REPEAT_BYTES_MAX)
        return;
    memcpy(repeat->seqs, question->seqs, question->n_seqs * sizeof(*repeat->seqs));
    memcpy(repeat->entries, entries, size);
    repeat->scope_id = question->scope_id;
    repeat->count = question->n_seqs;
    repeat->size = size;
    repeat->body_bytes = body_bytes;
}

bool history_repeat_has(const struct history_repeat *repeat, const INTERNAL(Fetch) * question)
{
    return repeat->count > 0 && repeat->count == question->n_seqs &&
           repeat->scope_id == question->scope_id &&
           memcmp(repeat->seqs, question->seqs, repeat->count * sizeof(*repeat->seqs)) == 0;
}

void history_repeat_forget(struct history_repeat *repeat)
{
    repeat->count = 0;
}
