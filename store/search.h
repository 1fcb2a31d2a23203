/* SPDX-License-Identifier: MPL-2.0
 *
 * The text index: which messages have all of these words.
 *
 * Indexed are texts (kind TEXT and ACTION with no content type or text/...), their first 64 KiB, by
 * the words of their newest edit. The index (FTS5, message_text) is brought forward in slices by
 * the writer and covers seq <= progress 'searched_seq'; the rows above are looked through, with the
 * same tokenizer, so that a search sees what is stored, whatever the index has.
 *
 * One call costs a bounded time: it looks at most at SEARCH_TAIL_MAX rows that are not indexed and
 * at SEARCH_HITS_MAX hits of the index, the newest first, and says where it stopped.
 *
 * Order is the caller's; `score` is BM25 with a fixed mean length, and the weight of a word from
 * how many messages have it (counted up to a bound).
 */
#ifndef STORE_SEARCH_H
#define STORE_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

#define SEARCH_TAIL_MAX 20000u
#define SEARCH_HITS_MAX 4000u /* of the index, and as many of the rows that are not indexed */

struct search {
    const void *text; /* the question, see words.h */
    size_t text_size;
    int64_t conversation; /* 0: any */
    int64_t reader_id;    /* of the messages between two peers only those of this one; 0: all */
    uint64_t before_seq;  /* 0: from the newest */
};

struct search_hit {
    uint64_t seq;
    double score; /* higher is better */
    int64_t scope_id, sender_id, conversation;
};

/* Hits in no order, each message once; damaged rows are not seen. An error ends the walk. */
typedef enum err search_visit(void *context, const struct search_hit *hit);

/* *ret_next_seq: before_seq for what was not looked at; 0: all of it was. In a view of several
 * reads (store_read_begin), or in a transaction. ERR_BAD_FIELD: the question is not UTF-8.
 * ERR_TOO_MANY words in it. */
MUST_USE enum err search_run(struct store *store, const struct search *search, search_visit *visit,
                             void *context, uint64_t *ret_next_seq);

/* How far the index reaches. */
MUST_USE enum err search_progress(struct store *store, uint64_t *ret_seq);

/* Writer, in a transaction: indexes the next messages that can have words, at most `rows_max` and about
 * a MiB of text. *ret_upto: how far the index reaches then (0: it was damaged and is made anew). */
MUST_USE enum err search_index_slice(struct store *store, uint32_t rows_max, uint64_t *ret_upto);

/* Writer, outside of transactions: a slice in a transaction of its own. An index that FTS5 finds
 * damaged, which may be when it commits, is emptied and filled again. */
MUST_USE enum err search_work(struct store *store, uint32_t rows_max, uint64_t *ret_upto);

/* Writer, in a transaction, before the messages with seq <= upto_seq are removed: their words. */
MUST_USE enum err search_forget(struct store *store, uint64_t upto_seq);
/* The same for one message. */
MUST_USE enum err search_forget_one(struct store *store, uint64_t seq);

#endif
