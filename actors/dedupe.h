/* SPDX-License-Identifier: MPL-2.0
 *
 * Was this message stored before? Memory of the ids that the deferred index does not hold yet.
 *
 * Owns the (sender, id, seq) of every message of the not yet indexed tail, 24 bytes each, and per
 * sender the highest id ever seen. Ids are given in time order by most senders (UUIDv7), so an id
 * above the highest one is certainly new, and neither the tail nor the index has to be asked: that
 * makes the check nearly free for those who send for the first time. A hash table over the tail
 * (8 bytes more per id) is made when somebody asks for an id that may be in it, not before.
 *
 * What a transaction added is forgotten again with dedupe_undo; the highest ids stay (too high an
 * id only costs a look-up).
 *
 * Promises: no false answer in either direction for what it was told of. Bounded by `limit`.
 * Leaves to others: the indexed part, and when to index.
 */
#ifndef ACTORS_DEDUPE_H
#define ACTORS_DEDUPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"
#include "rt/hash.h"

#define DEDUPE_ID_BYTES    16
#define DEDUPE_SENDERS_MAX 65536 /* highest ids kept apart; beyond, they are merged into one */

struct dedupe_id {
    uint8_t bytes[DEDUPE_ID_BYTES];
};

struct dedupe_entry {
    struct dedupe_id id;
    uint32_t sender;
    uint32_t seq_offset; /* from base_seq */
};

struct dedupe {
    struct dedupe_entry *entries; /* a ring; entry number n lies at n & entry_mask */
    uint32_t *slots;              /* open addressing: place in the ring + 1, 0 = free; or NULL */
    uint32_t entry_mask;
    uint32_t slot_mask;
    uint64_t first, end; /* numbers of the entries: [first, end) */
    uint64_t hashed_end; /* those before it are in the slots */
    uint64_t committed_end;
    uint64_t base_seq;
    size_t limit;
    uint8_t secret[16];

    struct dedupe_id floor;      /* every id of a sender not in `highest` is at most this */
    struct u64map sender_places; /* sender -> place in highest */
    struct dedupe_id *highest;
    uint32_t highest_count;
    uint32_t last_sender, last_place; /* of the last look-up */
    bool has_last;
};

/* `limit`: ids of one tail and transaction together, at most 2^30. */
void dedupe_init(struct dedupe *dedupe, size_t limit);
void dedupe_fini(struct dedupe *dedupe);

/* Nothing is known of the ids indexed in earlier lives, except that none of any sender is above
 * `highest`; NULL: not even that. Without this call: there are none. */
void dedupe_set_indexed(struct dedupe *dedupe, const struct dedupe_id *highest);

/* True: this sender never sent this id. False: ask dedupe_find, then the index. */
bool dedupe_is_new(struct dedupe *dedupe, uint32_t sender, const uint8_t id[DEDUPE_ID_BYTES]);

/* Among the ids added and not dropped. ERR_OK with *ret_seq 0: it is not there. ERR_BUSY: no
 * memory. */
MUST_USE enum err dedupe_find(struct dedupe *dedupe, uint32_t sender,
                              const uint8_t id[DEDUPE_ID_BYTES], uint64_t *ret_seq);

/* Like dedupe_find, but whoever the sender is: the seqs, newest first, at most `limit`. Walks over
 * everything that is remembered; for rare questions. */
size_t dedupe_find_any(const struct dedupe *dedupe, const uint8_t id[DEDUPE_ID_BYTES],
                       uint64_t *ret_seqs, size_t limit);

/* The id must be new, seq higher than all before. ERR_TOO_MANY: the limit is reached, index and
 * drop first. ERR_BUSY: no memory. */
MUST_USE enum err dedupe_add(struct dedupe *dedupe, uint32_t sender,
                             const uint8_t id[DEDUPE_ID_BYTES], uint64_t seq);

/* What was added since the last dedupe_commit: is kept, or forgotten. */
void dedupe_commit(struct dedupe *dedupe);
void dedupe_undo(struct dedupe *dedupe);

/* After a commit: everything up to this seq is indexed and need not be remembered here. */
void dedupe_drop(struct dedupe *dedupe, uint64_t indexed_seq);

static inline size_t dedupe_count(const struct dedupe *dedupe)
{
    return (size_t)(dedupe->end - dedupe->first);
}

#endif
