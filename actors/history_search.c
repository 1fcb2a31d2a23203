/* SPDX-License-Identifier: MPL-2.0
 *
 * SEARCH: messages with all words of a text, the best first. EDITS: the earlier texts of a message.
 *
 * Pages of a search. The store looks at a window of the newest candidates and says where it ends.
 * Within the window rows are ordered by score (the newer one where it is equal; with newest_first
 * by seq only) and paged by offset. FIN with has_more and next_seq 0: there are more in this
 * window, go on with a higher offset. FIN with has_more and next_seq: the window is used up, go on
 * with before_seq = next_seq and offset 0; there may be nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "history_state.h"
#include "store/search.h"

#define HITS_FIRST 256
#define HITS_MAX   (2 * SEARCH_HITS_MAX)

/* --- SEARCH: collecting. */

struct hit {
    uint64_t seq;
    double score;
};

struct search_walk {
    struct query *query;
    int64_t conversation; /* 0: any that the asker may read */
    int64_t scope_id;     /* only of this mailbox; 0: any */
    struct u64map scopes; /* may the asker read it? */
    struct hit *hits;
    size_t count, capacity;
};

static enum err may_read(struct search_walk *walk, const struct search_hit *hit, bool *ret)
{
    struct message_row row = {
        .sender_id = hit->sender_id,
        .scope_id = hit->scope_id,
        .conversation = hit->conversation,
    };
    uint64_t known = 0;
    if (hit->sender_id == walk->query->peer_id || hit->conversation > 0) {
        *ret = query_may_read(walk->query, &row);
        return ERR_OK;
    }
    if (!u64map_get(&walk->scopes, (uint64_t)hit->scope_id, &known)) {
        known = query_may_read(walk->query, &row);
        enum err err = u64map_put(&walk->scopes, (uint64_t)hit->scope_id, known);
        if (err && err != ERR_TOO_MANY) /* then it is asked again */
            return err;
    }
    *ret = known;
    return ERR_OK;
}

static enum err keep(struct search_walk *walk, const struct search_hit *hit)
{
    if (walk->count == walk->capacity) {
        size_t capacity = walk->capacity ? walk->capacity * 2 : HITS_FIRST;
        struct hit *hits =
            capacity / 2 < HITS_MAX ? realloc(walk->hits, capacity * sizeof(*hits)) : NULL;
        if (!hits)
            return ERR_BUSY;
        walk->hits = hits;
        walk->capacity = capacity;
    }
    walk->hits[walk->count++] = (struct hit){.seq = hit->seq, .score = hit->score};
    return ERR_OK;
}

static enum err take_hit(void *context, const struct search_hit *hit)
{
    struct search_walk *walk = context;
    bool is_shown = walk->scope_id == 0 || walk->scope_id == hit->scope_id;
    enum err err = ERR_OK;
    if (is_shown && walk->conversation == 0 && walk->scope_id == 0)
        err = may_read(walk, hit, &is_shown);
    return !err && is_shown ? keep(walk, hit) : err;
}

/* --- SEARCH: showing. */

static int compare_seqs(const void *one, const void *other)
{
    const struct hit *a = one, *b = other;
    return a->seq < b->seq ? 1 : a->seq > b->seq ? -1 : 0;
}

static int compare_scores(const void *one, const void *other)
{
    const struct hit *a = one, *b = other;
    if (a->score != b->score)
        return a->score < b->score ? 1 : -1;
    return compare_seqs(one, other);
}

static enum err take_found(void *context, const struct message_row *row)
{
    struct query *query = context;
    Roost__V1__Delivery *delivery;
    if (row->is_damaged)
        return ERR_OK;
    enum err err = query_delivery(query, row, &delivery);
    if (err || delivery->deleted_ms)
        return err;
    return page_add(&query->page, PAGE_MESSAGES, &delivery->base);
}

static enum err show(struct search_walk *walk, uint64_t next_seq)
{
    struct query *query = walk->query;
    size_t at = query->query->offset;
    enum err err = ERR_OK;
    if (walk->count > 1)
        qsort(walk->hits, walk->count, sizeof(*walk->hits),
              query->query->newest_first ? compare_seqs : compare_scores);
    for (; !err && at < walk->count && query->page.rows < query->limit; at++)
        err = message_read(query->page.h->store, 0, &walk->hits[at].seq, 1, take_found, query);
    bool is_used_up = at >= walk->count;
    query->page.fin.has_more = !is_used_up || next_seq;
    query->page.fin.next_seq = is_used_up && !err ? next_seq : 0;
    return err;
}

enum err query_search(struct query *query)
{
    const Roost__V1__Query *asked = query->query;
    struct search_walk walk = {.query = query};
    struct scope_row scope = {.id = 0};
    uint64_t next_seq = 0;
    enum err err = ERR_OK;
    if (asked->text.len == 0)
        return ERR_MISSING_FIELD;
    if (asked->after_seq || asked->from_ms || asked->to_ms)
        return ERR_BAD_FIELD;
    if (asked->scope.len || asked->peer.len) {
        err = query_conversation(query, &walk.conversation, &scope);
        walk.scope_id = walk.conversation ? 0 : scope.id;
    }
    if (err)
        return err;
    struct search search = {
        .text = asked->text.data,
        .text_size = asked->text.len,
        .conversation = walk.conversation,
        .reader_id = walk.scope_id     ? scope.owner_id
                     : query->is_admin ? 0
                                       : query->peer_id,
        .before_seq = asked->before_seq,
    };
    u64map_init(&walk.scopes, HISTORY_NAMES_MAX);
    err = search_run(query->page.h->store, &search, take_hit, &walk, &next_seq);
    if (!err)
        err = show(&walk, next_seq);
    u64map_fini(&walk.scopes);
    free(walk.hits);
    return err;
}

/* --- EDITS */

struct edits_walk {
    struct query *query;
    uint64_t seq; /* of the message; 0: not found */
    bool is_own;
    uint64_t newest_seq; /* its text of today, which is not an earlier one */
};

static enum err take_target(void *context, const struct message_row *row)
{
    struct edits_walk *walk = context;
    bool is_own = row->sender_id == walk->query->peer_id;
    bool is_better = walk->seq == 0 || (is_own == walk->is_own ? row->seq > walk->seq : is_own);
    if (!is_better || row->is_damaged || history_is_change(row->kind) ||
        !query_may_read(walk->query, row))
        return ERR_OK;
    walk->seq = row->seq;
    walk->is_own = is_own;
    return ERR_OK;
}

static enum err take_text(void *context, const struct message_row *row)
{
    struct edits_walk *walk = context;
    struct query *query = walk->query;
    if (row->is_damaged || row->seq == walk->newest_seq)
        return ERR_OK;
    if (query->page.rows == query->limit) {
        query->page.fin.has_more = true;
        return ERR_OK;
    }
    Roost__V1__Delivery *delivery = query_stored(query->page.h, row);
    enum err err = delivery ? page_add(&query->page, PAGE_MESSAGES, &delivery->base) : ERR_BUSY;
    if (!err)
        query->page.fin.next_seq = row->seq;
    return err;
}

enum err query_edits(struct query *query)
{
    struct store *store = query->page.h->store;
    const Roost__V1__Query *asked = query->query;
    struct edits_walk walk = {.query = query};
    struct tombstone tombstone;
    if (asked->message_ids.len != WIRE_ID_BYTES)
        return ERR_MISSING_FIELD;
    enum err err = message_find_id(store, asked->message_ids.data, take_target, &walk);
    if (!err && walk.seq == 0)
        err = ERR_NO_SUCH_MESSAGE;
    if (!err)
        err = tombstone_find(store, walk.seq, &tombstone);
    if (!err && tombstone.seq)
        err = ERR_DELETED;
    if (!err)
        err = edit_newest(store, walk.seq, UINT64_MAX, &walk.newest_seq);
    if (err || walk.newest_seq == 0)
        return err;
    if (asked->after_seq < walk.seq)
        err = message_read(store, 0, &walk.seq, 1, take_text, &walk);
    /* One for the page after, one for the newest. */
    return err ? err
               : edit_read(store, walk.seq, asked->after_seq, query->limit + 2, take_text, &walk);
}
