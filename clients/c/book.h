/* SPDX-License-Identifier: MPL-2.0
 *
 * The delivery book of one consumer: which messages the application holds, which it has settled,
 * and under which delivery number the broker knows them now. Pure.
 *
 *   (absent) --deliver: SHOW----------> HELD --settle ack-------------> SEEN (remembered a while)
 *                                        |  --settle, no live lease---> OWED (outcome remembered)
 *                                        |  --settle other------------> (absent)
 *   HELD --deliver again: KEEP---------> HELD   under the new number, not shown twice
 *   SEEN --deliver again: SETTLE-------> SEEN   acked again under the new number
 *   OWED --deliver again: SETTLE-------> SEEN or (absent)
 *
 * A message is known by its sender and message id. A settle that was made while the connection was
 * lost (no live lease) is owed: given when the message comes again. A reject, fail or release that
 * was sent is not remembered: when such a message comes again, it is meant to be seen again (by the
 * schedule, or because an operator revived the dead letter).
 *
 * Promises: memory is fixed at the start; SEEN and OWED entries are forgotten oldest first when
 * there is no room; HELD ones never. Keys are hashed with a secret, so senders cannot make them
 * collide. Constant time per operation.
 * Leaves to others: messages, credit, frames.
 */
#ifndef CLIENT_BOOK_H
#define CLIENT_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum book_outcome { /* the numbers of the protocol */
                    BOOK_OUTCOME_NONE = 0,
                    BOOK_ACK = 1,
                    BOOK_RELEASE = 2,
                    BOOK_FAIL = 3,
                    BOOK_REJECT = 4,
                    BOOK_EXTEND = 5,
};

struct book_key {
    uint64_t words[3]; /* message id, and a keyed hash of the sender */
};

struct book_slot;

struct book {
    struct book_slot *slots;
    uint32_t *index; /* open addressing by hash of the key; slot number + 1, 0: free */
    uint32_t index_mask;
    uint32_t slot_count;
    uint32_t free_first; /* list of free slots */
    uint32_t used_count; /* slots from here on were never used */
    uint32_t old_first;  /* SEEN and OWED, oldest first */
    uint32_t old_last;
    uint32_t held;
    uint32_t seen;  /* SEEN and OWED together */
    uint32_t epoch; /* of the attachment; a lease of an older one is over */
    uint64_t secret[2];
};

enum book_verdict {
    BOOK_SHOW,   /* new: show it, settle with the token */
    BOOK_KEEP,   /* the application has it already: nothing to do but credit */
    BOOK_SETTLE, /* settled already: settle it again with ret->outcome */
    BOOK_FULL,   /* no room (the broker sent more than was granted): release it */
};

struct book_delivery {
    uint64_t token;            /* SHOW: what the application settles with */
    enum book_outcome outcome; /* SETTLE */
    bool is_old_lease_live;    /* KEEP: the number before this one was of this attachment too */
    uint32_t old_body_size;
};

/* What a settle by the application comes to. */
struct book_settle {
    bool is_known; /* false: settled before, nothing to do */
    bool is_live;  /* send a settle with delivery_no; otherwise it is owed or needless */
    uint64_t delivery_no;
    uint32_t body_size;
};

/* held_max + seen_max entries. False: no memory. */
bool book_init(struct book *book, uint32_t held_max, uint32_t seen_max, const uint64_t secret[2]);
void book_fini(struct book *book);

struct book_key book_key(const struct book *book, const uint8_t message_id[16], const void *sender,
                         size_t sender_size);

enum book_verdict book_deliver(struct book *book, const struct book_key *key, uint64_t delivery_no,
                               uint32_t body_size, struct book_delivery *ret);

/* EXTEND leaves the message held; every other outcome ends the token. */
void book_settle(struct book *book, uint64_t token, enum book_outcome outcome,
                 struct book_settle *ret);

/* The attachment is gone, and all leases with it. */
void book_detached(struct book *book);

/* SipHash-1-3, for tests and for seeds. */
uint64_t book_hash(const uint64_t secret[2], const void *bytes, size_t size);

#endif
