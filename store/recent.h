/* SPDX-License-Identifier: MPL-2.0
 *
 * Which conversation each of the newest messages is of: those that the index does not hold yet, in
 * memory, eight bytes each.
 *
 * Without it a page of a conversation, newest first, reads the not yet indexed tail of the log from its
 * end until it is full; under load that tail is up to 262,144 messages long, and a conversation that is
 * one of a thousand costs 15 ms and more, each time. Here every message of the tail is looked at once,
 * by whoever asks first; a page then reads just its own.
 *
 * What is in memory only says where to look: rows are read from the log, so one that is gone meanwhile
 * is left out. Nothing is kept while the tail is short. For a handle that reads, on one thread; its
 * owner keeps one beside it.
 */
#ifndef STORE_RECENT_H
#define STORE_RECENT_H

#include "store/messages.h"

struct recent {
    int64_t *conversations; /* of message base + 1 + i; 0: none, or a change of another message */
    size_t room;
    uint64_t base;
    uint64_t low, high; /* known: every message above low, up to high */
    uint64_t tail_min;  /* a shorter tail is read from the log */
    uint64_t jump_max;  /* more new messages than that: it begins anew at the end */
};

void recent_init(struct recent *recent);
void recent_fini(struct recent *recent);

/* The same as message_read_conversation. */
MUST_USE enum err recent_read_conversation(struct recent *recent, struct store *store,
                                           const struct message_page *page, message_visit *visit,
                                           void *context);

#endif
