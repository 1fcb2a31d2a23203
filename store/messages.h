/* SPDX-License-Identifier: MPL-2.0
 *
 * The message log: append, read back, find by id or by conversation, index later, remove.
 *
 * Appending writes one row at the right edge of one B-tree. The deferred indexes (message_id,
 * message_conversation) are brought forward by message_index_slice(); everything here that looks up
 * by id or conversation also scans the not yet indexed tail, so no message is ever invisible.
 *
 * Views: all pointers of a struct message_row given to a callback die when it returns.
 */
#ifndef STORE_MESSAGES_H
#define STORE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

struct bytes_view {
    const uint8_t *data; /* NULL: absent */
    size_t size;         /* bytes */
};

enum message_flag {
    MESSAGE_FLAG_RECEIPT_DELIVERED = 1,
    MESSAGE_FLAG_RECEIPT_READ = 2,
    MESSAGE_FLAG_RECEIPT_FATE = 4,
    MESSAGE_FLAG_SENDER_UNVERIFIED = 8,
};

struct message_row {
    uint64_t seq; /* given by message_append */
    int64_t scope_id;
    int64_t sender_id; /* 0: the broker */
    int64_t stored_ms, expires_ms, not_before_ms, created_ms;
    int64_t conversation;
    uint32_t flags, kind, priority;
    uint8_t message_id[16];
    struct bytes_view content_type, key, reply_to, correlation_id, parent_id, headers, body;
    uint64_t checksum; /* as stored */
    bool is_damaged; /* reading: checksum does not match, nothing of it may be delivered; any field
                        but seq may be wrong or missing */
};

/* Writer, in a transaction. Gives message->seq (rising by one within a transaction) and computes
 * its checksum. */
MUST_USE enum err message_append(struct store *store, struct message_row *message);

/* The same, but the row is written together with those that follow: by message_append_rest at the
 * latest, or before any other statement of the store sees the table. Until then everything the
 * message points to must stay where it is. */
MUST_USE enum err message_append_later(struct store *store, struct message_row *message);
/* What went wrong now concerns the whole transaction. */
MUST_USE enum err message_append_rest(struct store *store);

/* A reader's callback; an error other than ERR_OK ends the walk and is returned. */
typedef enum err message_visit(void *context, const struct message_row *message);

/* Messages with these seqs (ascending), checksums verified. Dense lists are read as one range.
 * Missing ones are skipped, unreadable ones (a damaged page) shown as damaged. `scope_id` guards
 * against lists of another scope (0 = any). A visitor must not return ERR_CORRUPT. */
MUST_USE enum err message_read(struct store *store, int64_t scope_id, const uint64_t *seqs,
                               size_t count, message_visit *visit, void *context);

/* Head of a message: what the delivery logic needs, without touching the body. */
struct message_head {
    uint64_t seq;
    int64_t scope_id, sender_id, stored_ms, expires_ms, not_before_ms;
    uint32_t flags;
};

/* Heads with seq > after_seq in seq order, at most `limit`; ret_count < limit means the end. */
MUST_USE enum err message_read_heads(struct store *store, uint64_t after_seq,
                                     struct message_head *ret_heads, size_t limit,
                                     size_t *ret_count);

/* All messages with this id (one per sender), indexed or not. */
MUST_USE enum err message_find_id(struct store *store, const uint8_t message_id[16],
                                  message_visit *visit, void *context);

/* The same, only those that are indexed. */
MUST_USE enum err message_find_id_indexed(struct store *store, const uint8_t message_id[16],
                                          message_visit *visit, void *context);

/* Just the seq of (sender, id) in the *indexed* part; 0 when absent. The writer keeps the ids of
 * the tail in memory itself (message_visit_tail_ids at start). */
MUST_USE enum err message_find_indexed(struct store *store, int64_t sender_id,
                                       const uint8_t message_id[16], uint64_t *ret_seq);
typedef void message_id_visit(void *context, uint64_t seq, int64_t sender_id,
                              const uint8_t message_id[16]);
MUST_USE enum err message_visit_tail_ids(struct store *store, message_id_visit *visit,
                                         void *context);

/* The highest id of the indexed part, whoever sent it: no indexed message has one above it (in the
 * order of their bytes). All zero when nothing is indexed. */
MUST_USE enum err message_highest_id(struct store *store, uint8_t ret_id[16]);

/* First seq stored at or after this time (for START_TIME); last_seq + 1 when none. Found by
 * halving: where the clock was set back, it is one of the places where the time is passed. */
MUST_USE enum err message_first_seq_at(struct store *store, int64_t stored_ms, uint64_t *ret_seq);

/* A page of a conversation. Filters with 0 are off; order by seq. Checksums verified. */
struct message_page {
    int64_t conversation;
    uint64_t after_seq, before_seq;
    int64_t from_ms, to_ms;
    uint32_t limit, offset;
    bool newest_first;
};
MUST_USE enum err message_read_conversation(struct store *store, const struct message_page *page,
                                            message_visit *visit, void *context);

/* Messages above `after_seq` in a conversation not sent by `reader_id`, receipts not counted. */
MUST_USE enum err message_count_unread(struct store *store, int64_t conversation, int64_t reader_id,
                                       uint64_t after_seq, uint64_t *ret_count);

/* Every message to or from this peer with seq > after_seq, oldest first. */
MUST_USE enum err message_read_since(struct store *store, int64_t peer_id, uint64_t after_seq,
                                     uint32_t limit, message_visit *visit, void *context);
/* The same and what others wrote in the rooms it is a member of. */
MUST_USE enum err message_read_sync(struct store *store, int64_t peer_id, uint64_t after_seq,
                                    uint32_t limit, message_visit *visit, void *context);

/* Conversations of a peer: key, last seq, last stored_ms; newest first. */
struct conversation_row {
    int64_t conversation;
    uint64_t last_seq;
    int64_t last_ms;
};
typedef enum err conversation_visit(void *context, const struct conversation_row *row);
MUST_USE enum err conversation_list(struct store *store, int64_t peer_id, uint32_t limit,
                                    conversation_visit *visit, void *context);

/* Writer, in a transaction: works on the slice in hand, or begins one of the next at most `rows_max`
 * messages. A unit of work is a message read or a row of a table; a slice is 3 to 5 for each message.
 * It ends with the slice, or when `work` units are done. ret_left: how many messages are still not
 * indexed. A rollback forgets the slice in hand. */
MUST_USE enum err message_index_step(struct store *store, uint32_t rows_max, uint32_t work,
                                     uint64_t *ret_left);
/* All of it at once. */
MUST_USE enum err message_index_slice(struct store *store, uint32_t rows_max, uint64_t *ret_left);
/* Is there a slice in hand? */
bool message_index_is_begun(const struct store *store);

/* Writer, in a transaction: removes at most `rows_max` messages from the old end that were stored
 * before `stored_before_ms` and expired before `expired_before_ms`; stops at the first that was
 * not. Their index rows, exceptions, words, edits, tombstones and reactions go too. */
MUST_USE enum err message_remove_slice(struct store *store, int64_t stored_before_ms,
                                       int64_t expired_before_ms, uint32_t rows_max,
                                       uint64_t *ret_removed);

/* The same for one scope that is not a mailbox (room, queue, topic), wherever in the log they are.
 */
MUST_USE enum err message_remove_of_scope(struct store *store, int64_t scope_id,
                                          int64_t stored_before_ms, int64_t expired_before_ms,
                                          uint32_t rows_max, uint64_t *ret_removed);

/* Writer, in a transaction: names a damaged message in the quarantine table; a message that is
 * whole, gone or named already is left alone. */
MUST_USE enum err message_quarantine(struct store *store, uint64_t seq, int64_t found_ms);
typedef enum err quarantine_visit(void *context, uint64_t seq, int64_t found_ms);
MUST_USE enum err quarantine_list(struct store *store, uint64_t after_seq, uint32_t limit,
                                  quarantine_visit *visit, void *context);

#endif
