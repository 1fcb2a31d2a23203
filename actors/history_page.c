/* SPDX-License-Identifier: MPL-2.0
 *
 * One answer to a query: RESULT frames with as many rows as fit, then FIN.
 *
 * Parts are events to the gateway, FIN is the answer. A page never costs more than
 * HISTORY_PAGE_BYTES_MAX and never waits: when it gets too large, or the gateway's mailbox is
 * full, it ends there with has_more, and the client asks for the next one.
 */
#include "history_state.h"
#include "rt/log.h"

#define ROW_HEAD_BYTES_MAX  6 /* tag and length of a row in its part */
#define PART_HEAD_BYTES_MAX 32

void page_begin(struct page *page, struct history *h)
{
    *page = (struct page){.h = h};
    roost__v1__result__init(&page->result);
    roost__v1__fin__init(&page->fin);
}

static size_t part_limit(const struct page *page)
{
    size_t frame = page->h->options.limits.frame_bytes_max - PART_HEAD_BYTES_MAX;
    return frame < HISTORY_PART_BYTES_MAX ? frame : HISTORY_PART_BYTES_MAX;
}

/* Count of a list, and where its pointers are. */
static size_t *list_of(Roost__V1__Result *result, enum page_list list,
                       ProtobufCMessage ****ret_rows)
{
    switch (list) {
    case PAGE_MESSAGES:
        *ret_rows = (ProtobufCMessage ***)&result->messages;
        return &result->n_messages;
    case PAGE_PEERS:
        *ret_rows = (ProtobufCMessage ***)&result->peers;
        return &result->n_peers;
    case PAGE_UNREAD:
        *ret_rows = (ProtobufCMessage ***)&result->unread;
        return &result->n_unread;
    case PAGE_CONSUMERS:
        *ret_rows = (ProtobufCMessage ***)&result->consumers;
        return &result->n_consumers;
    case PAGE_DEAD:
        *ret_rows = (ProtobufCMessage ***)&result->dead;
        return &result->n_dead;
    case PAGE_STEPS:
        *ret_rows = (ProtobufCMessage ***)&result->steps;
        return &result->n_steps;
    case PAGE_COUNTERS:
        *ret_rows = (ProtobufCMessage ***)&result->counters;
        return &result->n_counters;
    case PAGE_ROOMS:
        *ret_rows = (ProtobufCMessage ***)&result->rooms;
        return &result->n_rooms;
    case PAGE_MEMBERS:
        *ret_rows = (ProtobufCMessage ***)&result->members;
        return &result->n_members;
    case PAGE_INVITATIONS:
        *ret_rows = (ProtobufCMessage ***)&result->invitations;
        return &result->n_invitations;
    case PAGE_USERS:
        *ret_rows = (ProtobufCMessage ***)&result->users;
        return &result->n_users;
    case PAGE_SESSIONS:
        *ret_rows = (ProtobufCMessage ***)&result->sessions;
        return &result->n_sessions;
    case PAGE_AUDIT:
        *ret_rows = (ProtobufCMessage ***)&result->audit;
        return &result->n_audit;
    case PAGE_KEYS:
        *ret_rows = (ProtobufCMessage ***)&result->keys;
        return &result->n_keys;
    case PAGE_DELIVERIES:
        *ret_rows = (ProtobufCMessage ***)&result->deliveries;
        return &result->n_deliveries;
    case PAGE_ACL:
        *ret_rows = (ProtobufCMessage ***)&result->acl;
        return &result->n_acl;
    case PAGE_EVENTS:
    default:
        *ret_rows = (ProtobufCMessage ***)&result->events;
        return &result->n_events;
    }
}

/* Forgets the rows of the part, keeps the arrays of pointers. */
static void empty_part(struct page *page)
{
    Roost__V1__Result *result = &page->result;
    result->n_messages = result->n_peers = result->n_unread = result->n_consumers = 0;
    result->n_dead = result->n_steps = result->n_counters = result->n_events = 0;
    result->n_rooms = result->n_members = result->n_invitations = 0;
    result->n_users = result->n_sessions = result->n_audit = result->n_deliveries = 0;
    result->n_keys = 0;
    result->n_acl = 0;
    page->part_bytes = 0;
}

static enum err send_part(struct page *page)
{
    if (page->part_bytes == 0)
        return ERR_OK;
    INTERNAL(QueryPart) part = ROOST__INTERNAL__QUERY_PART__INIT;
    zmq_msg_t frame;
    part.session = page->session;
    part.request_id = page->request_id;
    page->result.request_id = page->request_id;
    enum err err = wire_pack(ROOST__V1__TYPE__RESULT, &page->result.base, &frame);
    if (err)
        return err;
    err = actor_send(page->h->actor, page->gateway, MSG_QUERY_PART, &part.base, &frame);
    (void)zmq_msg_close(&frame); /* moved out or not */
    empty_part(page);
    return err;
}

static enum err append(struct page *page, enum page_list list, ProtobufCMessage *row)
{
    ProtobufCMessage ***rows;
    size_t *count = list_of(&page->result, list, &rows);
    if (!*rows)
        *rows = history_alloc(page->h, WIRE_PAGE_MAX * sizeof(**rows));
    if (!*rows)
        return ERR_BUSY;
    (*rows)[(*count)++] = row;
    return ERR_OK;
}

enum err page_add(struct page *page, enum page_list list, ProtobufCMessage *row)
{
    ProtobufCMessage ***rows;
    size_t size = protobuf_c_message_get_packed_size(row) + ROW_HEAD_BYTES_MAX;
    bool is_full = page->part_bytes > 0 && page->part_bytes + size > part_limit(page);
    if (is_full || *list_of(&page->result, list, &rows) == WIRE_PAGE_MAX) {
        enum err err = send_part(page);
        if (err)
            return err;
    }
    if (page->total_bytes > 0 && page->total_bytes + size > HISTORY_PAGE_BYTES_MAX) {
        page->is_over = true;
        return ERR_BUSY;
    }
    enum err err = append(page, list, row);
    if (err)
        return err;
    page->part_bytes += size;
    page->total_bytes += size;
    page->rows++;
    return ERR_OK;
}

void page_end(struct page *page, enum err err)
{
    if (page->is_over) {
        err = ERR_OK;
        page->fin.has_more = true;
    }
    enum err send_err = send_part(page);
    if (!err)
        err = send_err;
    if (err) {
        page->fin.code = err_code(err);
        if (!page->fin.text[0])
            page->fin.text = (char *)(uintptr_t)err_sentence(err); /* only read */
        page->fin.has_more = false;
    }
    INTERNAL(QueryDone) done = ROOST__INTERNAL__QUERY_DONE__INIT;
    zmq_msg_t frame;
    done.session = page->session;
    done.request_id = page->request_id;
    page->fin.request_id = page->request_id;
    bool is_packed = wire_pack(ROOST__V1__TYPE__FIN, &page->fin.base, &frame) == ERR_OK;
    actor_reply_to(page->h->actor, page->gateway, page->correlation, MSG_QUERY_DONE, &done.base,
                   is_packed ? &frame : NULL);
    if (is_packed)
        (void)zmq_msg_close(&frame); /* moved out */
}
