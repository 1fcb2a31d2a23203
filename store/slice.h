/* SPDX-License-Identifier: MPL-2.0
 *
 * A slice of the log in memory, for message_index_slice(): its rows as read, and what of them goes
 * into the deferred tables, in the order of each table's key.
 *
 * Each slice_by_... puts the keys into another order; `view` says what of that the virtual table `slice`
 * (slice_table.h) shows just now. Nothing here can fail but for want of memory, which ends the program.
 *
 * Size: 256 bytes for each message there is room for, of which half, the rows of peers, stays untouched
 * where conversations are few. At most SLICE_ROWS_MAX messages (32 MiB), and after a small slice
 * SLICE_ROWS_KEPT (1 MiB).
 *
 * Internal to store/.
 */
#ifndef STORE_SLICE_H
#define STORE_SLICE_H

#include <stddef.h>
#include <stdint.h>

#define SLICE_ROWS_MAX  131072
#define SLICE_ROWS_KEPT 4096

/* Of a message; or of a peer and a conversation: then peer_id is that peer, seq and stored_ms are
 * those of the newest message, and the rest is not set. */
struct slice_row {
    int64_t seq, conversation;
    int64_t peer_id; /* of a message: its sender */
    int64_t stored_ms, kind, scope_id;
    uint8_t message_id[16];
};

struct slice_key {
    uint64_t key;
    struct slice_row *row;
};

struct slice {
    size_t capacity; /* messages */
    struct slice_row *rows;
    struct slice_key *keys, *spare;
    size_t count;                 /* messages in rows, by seq */
    size_t order_count;           /* keys in the order of the last slice_by_... */
    const struct slice_key *view; /* some of them, or NULL */
    size_t view_count;
};

/* Empties it and makes room for so many messages; zeros are an empty slice. */
void slice_reset(struct slice *slice, size_t rows_max);
void slice_fini(struct slice *slice);

/* Below, a row is added by writing rows[count] and raising count. */

void slice_by_id(struct slice *slice);           /* (message_id, seq) */
void slice_by_conversation(struct slice *slice); /* (conversation, seq) */
/* The newest of each scope. */
void slice_by_scope(struct slice *slice);
/* (peer, conversation): one row for both peers of a direct conversation, and for each sender of
 * one of a scope. To be called after slice_by_conversation, whose order it needs. */
void slice_by_peer(struct slice *slice);

/* Points the view, at first all of that order, at a part of it. */
void slice_show(struct slice *slice, size_t first, size_t count);

#endif
