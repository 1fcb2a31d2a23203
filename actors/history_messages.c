/* SPDX-License-Identifier: MPL-2.0
 *
 * Queries that answer with messages: HISTORY, BY_ID, CONVERSATIONS, SYNC.
 *
 * Damaged messages are left out, and so are messages that only change others: what they changed is
 * shown as it is now (history_changes.c). Pages go by seq: next_seq is what after_seq (or, newest first,
 * before_seq) of the next page has to be.
 */
#include <string.h>

#include "history_state.h"
#include "rt/check.h"

#define SINCE_STEPS_MAX 20 /* pages of a peer's messages looked at for one page of its mailbox */

static bool copy_view(struct history *h, ProtobufCBinaryData *bytes)
{
    return history_copy(h, bytes->data, bytes->len, bytes);
}

Roost__V1__Delivery *query_stored(struct history *h, const struct message_row *row)
{
    Roost__V1__Delivery *d = history_alloc(h, sizeof(*d));
    if (!d || !history_delivery(h, row, d))
        return NULL;
    bool is_copied = copy_view(h, &d->message_id) && copy_view(h, &d->sender) &&
                     copy_view(h, &d->body) && copy_view(h, &d->content_type) &&
                     copy_view(h, &d->key) && copy_view(h, &d->reply_to) &&
                     copy_view(h, &d->correlation_id) && copy_view(h, &d->parent_id);
    d->scope = history_scope_text(h, row->scope_id);
    return is_copied ? d : NULL;
}

enum err query_delivery(struct query *query, const struct message_row *row,
                        Roost__V1__Delivery **ret)
{
    *ret = query_stored(query->page.h, row);
    return *ret ? query_fold(query, row->seq, *ret) : ERR_BUSY;
}

static enum err add_message(struct query *query, const struct message_row *row)
{
    Roost__V1__Delivery *delivery;
    if (row->is_damaged)
        return ERR_OK;
    enum err err = query_delivery(query, row, &delivery);
    return err ? err : page_add(&query->page, PAGE_MESSAGES, &delivery->base);
}

/* --- One conversation. The store is asked for one row more than the page has. */

struct message_walk {
    struct query *query;
    uint32_t seen;
    int64_t scope_id; /* only messages of this scope; 0: all */
    uint64_t last_seq;
};

static enum err take_message(void *context, const struct message_row *row)
{
    struct message_walk *walk = context;
    struct query *query = walk->query;
    if (walk->seen == query->limit) {
        query->page.fin.has_more = true;
        return ERR_OK;
    }
    enum err err = add_message(query, row);
    if (err)
        return err;
    walk->seen++;
    query->page.fin.next_seq = row->seq;
    return ERR_OK;
}

/* --- A whole mailbox: among all messages of its owner, those in it. */

static enum err take_from_mailbox(void *context, const struct message_row *row)
{
    struct message_walk *walk = context;
    struct query *query = walk->query;
    if (walk->seen == query->limit)
        return ERR_OK;
    if (row->scope_id == walk->scope_id) {
        enum err err = add_message(query, row);
        if (err)
            return err;
        walk->seen++;
    }
    walk->last_seq = row->seq;
    query->page.fin.next_seq = row->seq;
    return ERR_OK;
}

static enum err read_mailbox(struct query *query, const struct scope_row *scope)
{
    if (query->query->newest_first || query->query->before_seq || query->query->offset)
        return ERR_BAD_FIELD;
    struct message_walk walk = {.query = query, .scope_id = scope->id};
    uint64_t after_seq = query->query->after_seq;
    for (unsigned i = 0; i < SINCE_STEPS_MAX && walk.seen < query->limit; i++) {
        walk.last_seq = 0;
        enum err err = message_read_since(query->page.h->store, scope->owner_id, after_seq,
                                          WIRE_PAGE_MAX, take_from_mailbox, &walk);
        if (err)
            return err;
        if (walk.last_seq == 0)
            return ERR_OK; /* that was all */
        after_seq = walk.last_seq;
    }
    query->page.fin.has_more = true; /* perhaps: the next page tells */
    return ERR_OK;
}

enum err query_history(struct query *query)
{
    const Roost__V1__Query *asked = query->query;
    struct scope_row scope;
    int64_t conversation = 0;
    enum err err = query_conversation(query, &conversation, &scope);
    if (err)
        return err;
    if (conversation == 0)
        return read_mailbox(query, &scope);
    struct message_walk walk = {.query = query};
    struct message_page page = {
        .conversation = conversation,
        .after_seq = asked->after_seq,
        .before_seq = asked->before_seq,
        .from_ms = (int64_t)asked->from_ms,
        /* The store's range includes its end. */
        .to_ms = asked->to_ms ? (int64_t)asked->to_ms - 1 : 0,
        .limit = query->limit + 1,
        .offset = asked->offset,
        .newest_first = asked->newest_first,
    };
    struct history *h = query->page.h;
    return recent_read_conversation(&h->recent, h->store, &page, take_message, &walk);
}

/* --- BY_ID */

static enum err take_allowed(void *context, const struct message_row *row)
{
    struct query *query = context;
    bool is_shown = !history_is_change(row->kind) && query_may_read(query, row);
    return is_shown ? add_message(query, row) : ERR_OK;
}

enum err query_by_id(struct query *query)
{
    ProtobufCBinaryData ids = query->query->message_ids;
    enum err err = ERR_OK;
    for (size_t at = 0; !err && at + WIRE_ID_BYTES <= ids.len; at += WIRE_ID_BYTES)
        err = message_find_id(query->page.h->store, ids.data + at, take_allowed, query);
    return err;
}

/* --- CONVERSATIONS: unread counts, and the last message of each, in the same order. */

static enum err take_last(void *context, const struct message_row *row)
{
    return add_message(context, row);
}

struct conversation_walk {
    struct query *query;
    uint32_t skip, seen;
};

static enum err take_conversation(void *context, const struct conversation_row *row)
{
    struct conversation_walk *walk = context;
    struct query *query = walk->query;
    bool is_shown = false;
    if (row->last_seq == 0)
        return ERR_OK; /* the peer has changes there, but no message */
    if (walk->skip > 0) {
        walk->skip--;
        return ERR_OK;
    }
    if (walk->seen == query->limit) {
        query->page.fin.has_more = true;
        return ERR_OK;
    }
    walk->seen++;
    enum err err = query_add_unread(query, row, &is_shown);
    if (err || !is_shown)
        return err;
    return message_read(query->page.h->store, 0, &row->last_seq, 1, take_last, query);
}

enum err query_conversations(struct query *query)
{
    struct conversation_walk walk = {.query = query, .skip = query->query->offset};
    return conversation_list(query->page.h->store, query->peer_id,
                             query->query->offset + query->limit + 1, take_conversation, &walk);
}

/* --- SYNC */

enum err query_sync(struct query *query, const Roost__V1__Sync *sync)
{
    struct message_walk walk = {.query = query};
    query->page.fin.next_seq = sync->after_seq;
    return message_read_sync(query->page.h->store, query->peer_id, sync->after_seq,
                             query->limit + 1, take_message, &walk);
}
