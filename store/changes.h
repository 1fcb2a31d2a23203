/* SPDX-License-Identifier: MPL-2.0
 *
 * What happened to a message after it was stored: edits and tombstones (reactions: reactions.h).
 *
 * The log is never changed: an edit and a deletion are messages of their own (kinds 7 and 8). Here
 * stands which message they change. Its text is that of its newest edit; with a tombstone it has
 * none any more.
 *
 * Leaves to others: who may change what (the persistence actor), removal (message_remove_slice).
 */
#ifndef STORE_CHANGES_H
#define STORE_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"
#include "store/messages.h"

/* Writer, in a transaction. */
MUST_USE enum err edit_add(struct store *store, uint64_t seq, uint64_t edit_seq);

/* The newest edit of the message with edit_seq < below_seq; 0: there is none. */
MUST_USE enum err edit_newest(struct store *store, uint64_t seq, uint64_t below_seq,
                              uint64_t *ret_edit_seq);
/* The newest of its edits that is not damaged, if there is one. */
MUST_USE enum err edit_read_newest(struct store *store, uint64_t seq, message_visit *visit,
                                   void *context);
/* Its edits with a seq above after_seq, oldest first. */
MUST_USE enum err edit_read(struct store *store, uint64_t seq, uint64_t after_seq, uint32_t limit,
                            message_visit *visit, void *context);
/* Which message this edit changes; 0: none that is there. */
MUST_USE enum err edit_target(struct store *store, uint64_t edit_seq, uint64_t *ret_seq);

struct tombstone {
    uint64_t seq;        /* of the message; 0: no tombstone */
    uint64_t delete_seq; /* the message that says so */
    int64_t deleted_ms;
    int64_t peer_id; /* who did it */
};
/* Writer, in a transaction. A message has one at most. */
MUST_USE enum err tombstone_add(struct store *store, const struct tombstone *tombstone);
MUST_USE enum err tombstone_find(struct store *store, uint64_t seq, struct tombstone *ret);
/* The first one with at least this seq. */
MUST_USE enum err tombstone_next(struct store *store, uint64_t seq, struct tombstone *ret);
MUST_USE enum err tombstone_target(struct store *store, uint64_t delete_seq, uint64_t *ret_seq);

/* Edits, or tombstones, made by messages above `after_seq`, in their order; at most `limit`. */
typedef enum err change_visit(void *context, uint64_t seq, uint64_t change_seq);
MUST_USE enum err edit_since(struct store *store, uint64_t after_seq, uint32_t limit,
                             change_visit *visit, void *context);
MUST_USE enum err tombstone_since(struct store *store, uint64_t after_seq, uint32_t limit,
                                  change_visit *visit, void *context);

/* Most messages are never changed. A gap remembers a range without changes, so that a page of
 * messages costs one look-up instead of three for each. Zeroed: nothing known; valid as long as the
 * view (store_read_begin) it was made in. */
struct change_gap {
    uint64_t after_seq, before_seq; /* no changes between these */
};
/* Has this message an edit, a tombstone or a reaction? */
MUST_USE enum err change_look(struct store *store, uint64_t seq, struct change_gap *gap,
                              bool *ret_is_changed);

#endif
