/* SPDX-License-Identifier: MPL-2.0
 *
 * A stored message as the public protocol shows it.
 */
#include "history_state.h"

#define HEADERS_BYTES_MAX (256u << 10) /* above what proto/wire_entry.c lets through */
#define HEADER_BYTE_COST  64u          /* memory that one byte of a list may take, unpacked */

static ProtobufCBinaryData view(struct bytes_view bytes)
{
    return bytes_of(bytes.data, bytes.size);
}

/* Headers are stored as one packed HeaderList; one that cannot be read or is none of ours is left
 * out (the row's checksum was right, so it was written like that): the message is worth more. */
static bool add_headers(struct history *h, const struct message_row *row, Roost__V1__Delivery *d)
{
    size_t size = row->headers.size;
    if (size == 0 || size > HEADERS_BYTES_MAX)
        return true;
    if (h->arena.limit_bytes - arena_used(&h->arena) < size * HEADER_BYTE_COST + HEADERS_BYTES_MAX)
        return false;
    Roost__V1__HeaderList *list =
        roost__v1__header_list__unpack(arena_allocator(&h->arena), size, row->headers.data);
    if (!list && arena_has_failed(&h->arena))
        return false;
    if (!list || list->n_headers > WIRE_HEADERS_MAX)
        return true;
    d->n_headers = list->n_headers;
    d->headers = list->headers;
    return true;
}

bool history_delivery(struct history *h, const struct message_row *row, Roost__V1__Delivery *ret)
{
    roost__v1__delivery__init(ret);
    ret->seq = row->seq;
    ret->message_id = bytes_of(row->message_id, sizeof(row->message_id));
    ret->sender = history_peer_name(h, row->sender_id);
    ret->body = view(row->body);
    ret->kind = (Roost__V1__Kind)row->kind;
    ret->content_type = view(row->content_type);
    ret->key = view(row->key);
    ret->priority = row->priority;
    ret->reply_to = view(row->reply_to);
    ret->correlation_id = view(row->correlation_id);
    ret->parent_id = view(row->parent_id);
    ret->created_ms = (uint64_t)row->created_ms;
    ret->stored_ms = (uint64_t)row->stored_ms;
    ret->expires_ms = (uint64_t)row->expires_ms;
    ret->sender_unverified = row->flags & MESSAGE_FLAG_SENDER_UNVERIFIED;
    return add_headers(h, row, ret);
}
