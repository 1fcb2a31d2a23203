/* SPDX-License-Identifier: MPL-2.0
 *
 * DELIVERIES_FILL: the messages of one consumer by what has become of them, for people who look. What is
 * still to be settled was named by sync-manager; what is over is in the store: as a row of its own
 * (dead, expired, cancelled, settled out of order), or at or below the floor.
 *
 *   delivered   settled, and its recipient's marker has not passed it
 *   read        settled, and it has
 *
 * Oldest first; next_seq is what after_seq of the next page has to be.
 */
#include <string.h>

#include "history_state.h"
#include "store/conversation.h"
#include "store/peers.h"

#define STEPS_MAX 20 /* pages of messages looked at for one page of those that are settled */

struct standing {
    struct query query;
    const INTERNAL(DeliveriesFill) * fill;
    const INTERNAL(ConsumerRow) * row;
    uint32_t seen;
    size_t at; /* of fill->seqs */
    bool wants_read;
    uint64_t last_seq;
    struct exception_row exception; /* of the message in hand; its text is in the arena */
    bool has_exception;
};

static bool is_word(ProtobufCBinaryData bytes, const char *word)
{
    return bytes.len == strlen(word) && memcmp(bytes.data, word, bytes.len) == 0;
}

static enum err add(struct standing *standing, const struct message_row *row,
                    const struct exception_row *exception, uint64_t due_ms, uint32_t attempts)
{
    struct query *query = &standing->query;
    struct history *h = query->page.h;
    Roost__V1__DeliveryState *state = history_alloc(h, sizeof(*state));
    if (!state)
        return ERR_BUSY;
    roost__v1__delivery_state__init(state);
    enum err err = query_delivery(query, row, &state->message);
    if (err)
        return err;
    state->state = standing->fill->state;
    state->consumer = standing->row->consumer;
    state->attempts = attempts;
    state->due_ms = due_ms;
    if (exception) {
        ProtobufCBinaryData text;
        state->attempts = exception->attempts;
        state->reason = exception->reason;
        state->at_ms = (uint64_t)exception->at_ms;
        if (!history_copy(h, exception->text, strlen(exception->text) + 1, &text))
            return ERR_BUSY;
        state->text = (char *)text.data;
    }
    return page_add(&query->page, PAGE_DELIVERIES, &state->base);
}

/* --- Those that memory named. */

static enum err take_named(void *context, const struct message_row *row)
{
    struct standing *standing = context;
    const INTERNAL(DeliveriesFill) *fill = standing->fill;
    while (standing->at < fill->n_seqs && fill->seqs[standing->at] < row->seq)
        standing->at++;
    standing->query.page.fin.next_seq = row->seq;
    if (row->is_damaged || standing->at >= fill->n_seqs)
        return ERR_OK;
    return add(standing, row, NULL, fill->due_ms[standing->at], fill->attempts[standing->at]);
}

static enum err list_named(struct standing *standing)
{
    const INTERNAL(DeliveriesFill) *fill = standing->fill;
    if (fill->n_attempts != fill->n_seqs || fill->n_due_ms != fill->n_seqs)
        return ERR_INTERNAL;
    standing->query.page.fin.has_more = fill->has_more;
    return message_read(standing->query.page.h->store, standing->row->scope_id, fill->seqs,
                        fill->n_seqs, take_named, standing);
}

/* --- Those with a row of their own. */

static enum err take_body(void *context, const struct message_row *row)
{
    struct standing *standing = context;
    return row->is_damaged ? ERR_OK : add(standing, row, &standing->exception, 0, 0);
}

static enum err take_exception(void *context, const struct exception_row *row)
{
    struct standing *standing = context;
    struct query *query = &standing->query;
    if (standing->seen == query->limit) {
        query->page.fin.has_more = true;
        return ERR_OK;
    }
    standing->exception = *row;
    standing->seen++;
    query->page.fin.next_seq = row->seq;
    return message_read(query->page.h->store, standing->row->scope_id, &row->seq, 1, take_body,
                        standing);
}

/* --- Those that are settled. */

static enum err find_exception(void *context, const struct exception_row *row)
{
    struct standing *standing = context;
    if (row->consumer_id == standing->row->consumer_id) {
        standing->exception = *row;
        standing->has_exception = true;
    }
    return ERR_OK;
}

static enum err is_settled(struct standing *standing, const struct message_row *row, bool *ret)
{
    standing->has_exception = false;
    enum err err = exception_of_message(standing->query.page.h->store, row->scope_id, row->seq,
                                        find_exception, standing);
    *ret = standing->has_exception ? standing->exception.state == EXCEPTION_SETTLED
                                   : row->seq <= standing->row->floor_seq;
    return err;
}

/* Only the owner of a mailbox has a marker that says anything about this consumer. */
static enum err is_read(struct standing *standing, const struct message_row *row, bool *ret)
{
    uint64_t marker_seq = 0;
    int64_t owner_id = standing->row->scope_owner_id;
    enum err err = ERR_OK;
    if (owner_id != 0)
        err = marker_get(standing->query.page.h->store, owner_id,
                         conversation_of_peers(owner_id, row->sender_id), &marker_seq);
    *ret = row->seq <= marker_seq;
    return err;
}

static enum err take_settled(void *context, const struct message_row *row)
{
    struct standing *standing = context;
    struct query *query = &standing->query;
    bool is_wanted = false, was_read = false;
    if (standing->seen == query->limit) {
        query->page.fin.has_more = true;
        return ERR_OK;
    }
    standing->last_seq = row->seq;
    query->page.fin.next_seq = row->seq;
    if (row->is_damaged || row->scope_id != standing->row->scope_id)
        return ERR_OK;
    enum err err = is_settled(standing, row, &is_wanted);
    if (!err && is_wanted)
        err = is_read(standing, row, &was_read);
    if (err || !is_wanted || was_read != standing->wants_read)
        return err;
    standing->seen++;
    return add(standing, row, NULL, 0, 0);
}

static enum err list_settled(struct standing *standing)
{
    struct query *query = &standing->query;
    struct store *store = query->page.h->store;
    uint64_t after_seq = standing->fill->after_seq;
    for (unsigned i = 0; i < STEPS_MAX && standing->seen < query->limit; i++) {
        struct message_page page = {
            .conversation = conversation_of_scope(standing->row->scope_id),
            .after_seq = after_seq,
            .limit = WIRE_PAGE_MAX,
        };
        standing->last_seq = 0;
        enum err err = standing->row->scope_kind == SCOPE_PEER
                           ? message_read_since(store, standing->row->scope_owner_id, after_seq,
                                                WIRE_PAGE_MAX, take_settled, standing)
                           : message_read_conversation(store, &page, take_settled, standing);
        if (err || standing->last_seq == 0)
            return err; /* that was all */
        after_seq = standing->last_seq;
    }
    query->page.fin.has_more = true; /* perhaps: the next page tells */
    return ERR_OK;
}

static enum err list_state(struct standing *standing)
{
    static const struct {
        const char *word;
        enum exception_state state;
    } rows[] = {
        {"dead", EXCEPTION_DEAD},
        {"expired", EXCEPTION_EXPIRED},
        {"cancelled", EXCEPTION_CANCELLED},
    };
    static const char *const named[] = {"pending", "leased", "retry", "scheduled"};
    const INTERNAL(DeliveriesFill) *fill = standing->fill;
    for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++) {
        if (is_word(fill->state, named[i]))
            return list_named(standing);
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (is_word(fill->state, rows[i].word))
            return exception_list(standing->query.page.h->store, standing->row->consumer_id,
                                  rows[i].state, fill->after_seq, standing->query.limit + 1,
                                  take_exception, standing);
    }
    standing->wants_read = is_word(fill->state, "read");
    return standing->wants_read || is_word(fill->state, "delivered") ? list_settled(standing)
                                                                     : ERR_BAD_FIELD;
}

enum err history_on_deliveries_fill(struct actor *actor, void *state, const struct msg *msg)
{
    struct history *h = state;
    const INTERNAL(DeliveriesFill) *fill = MSG_BODY(msg, INTERNAL(DeliveriesFill));
    Roost__V1__Query asked = ROOST__V1__QUERY__INIT;
    struct standing standing = {.fill = fill, .row = fill->row};
    struct query *query = &standing.query;
    (void)actor;
    page_begin(&query->page, h);
    query->page.gateway = (uint8_t)fill->gateway;
    query->page.correlation = fill->correlation;
    query->page.session = fill->session;
    query->page.request_id = fill->request_id;
    query->query = &asked;
    query->limit = fill->limit > 0 && fill->limit < WIRE_PAGE_MAX ? fill->limit : WIRE_PAGE_MAX;
    enum err err = fill->code ? err_from_code(fill->code) : ERR_OK;
    if (!err && (!fill->row || !fill->query))
        err = ERR_INTERNAL;
    if (!err) {
        query->peer_id = fill->query->peer_id;
        query->peer_name = fill->query->peer_name;
        query->is_admin = fill->query->is_admin;
        query->is_verified = fill->query->is_verified;
        err = list_state(&standing);
    }
    if (err == ERR_STORAGE || err == ERR_CORRUPT)
        history_log_failure(h, "deliveries", err);
    page_end(&query->page, err);
    arena_reset(&h->arena);
    return ERR_OK;
}
