/* SPDX-License-Identifier: MPL-2.0
 *
 * Messages: from protobuf to what the application sees, and their memory (consumer.h).
 */
#include <stdlib.h>
#include <string.h>

#include "clients/c/consumer.h"
#include "proto/limits.h"

#define MESSAGE_BYTES_EACH 1024 /* of its public form, strings with NUL included */

const char *arena_text(struct arena *arena, ProtobufCBinaryData bytes)
{
    if (bytes.len == 0)
        return "";
    char *text = arena_alloc(arena, bytes.len + 1); /* comes zeroed */
    if (text)
        memcpy(text, bytes.data, bytes.len);
    return text;
}

/* ------------------------------------------------------------------------------- batches */

struct batch *batch_new(size_t frame_size)
{
    struct batch *batch = malloc(sizeof(*batch));
    if (!batch)
        return NULL;
    atomic_init(&batch->references, 1);
    batch->consumer = NULL;
    batch->messages = NULL;
    arena_init(&batch->arena,
               WIRE_ARENA_BYTES(frame_size) + (size_t)WIRE_ENTRIES_MAX * MESSAGE_BYTES_EACH);
    return batch;
}

bool batch_fill(struct batch *batch, struct roost_consumer *consumer, size_t count_of)
{
    batch->messages = arena_alloc(&batch->arena, count_of * sizeof(*batch->messages));
    if (!batch->messages)
        return false;
    batch->consumer = consumer;
    consumer_ref(consumer);
    return true;
}

void batch_ref(struct batch *batch)
{
    (void)atomic_fetch_add_explicit(&batch->references, 1, memory_order_relaxed);
}

void batch_unref(struct batch *batch)
{
    if (atomic_fetch_sub_explicit(&batch->references, 1, memory_order_acq_rel) != 1)
        return;
    if (batch->consumer)
        consumer_unref(batch->consumer);
    arena_fini(&batch->arena);
    free(batch);
}

/* ------------------------------------------------------------------------------- filling */

static bool fill_headers(struct roost_message *message, const Roost__V1__Delivery *delivery,
                         struct arena *arena)
{
    struct roost_header *headers = arena_alloc(arena, delivery->n_headers * sizeof(*headers));
    if (!headers)
        return false;
    for (size_t i = 0; i < delivery->n_headers; i++) {
        headers[i].name = arena_text(arena, delivery->headers[i]->name);
        headers[i].value = delivery->headers[i]->value.data;
        headers[i].value_size = delivery->headers[i]->value.len;
        if (!headers[i].name)
            return false;
    }
    message->headers = headers;
    message->header_count = delivery->n_headers;
    return true;
}

static const char *sender_text(const struct roost_message *before, ProtobufCBinaryData sender,
                               struct arena *arena)
{
    if (before && sender.len > 0 && strlen(before->sender) == sender.len &&
        memcmp(before->sender, sender.data, sender.len) == 0)
        return before->sender;
    return arena_text(arena, sender);
}

static void fill_plain(struct roost_message *message, const Roost__V1__Delivery *delivery)
{
    memcpy(message->message_id, delivery->message_id.data, sizeof(message->message_id));
    message->seq = delivery->seq;
    message->body = delivery->body.data;
    message->body_size = delivery->body.len;
    message->kind = (enum roost_kind)delivery->kind;
    message->key = delivery->key.data;
    message->key_size = delivery->key.len;
    message->priority = delivery->priority;
    message->correlation_id = delivery->correlation_id.data;
    message->correlation_id_size = delivery->correlation_id.len;
    message->parent_id =
        delivery->parent_id.len == ROOST_ID_BYTES ? delivery->parent_id.data : NULL;
    message->created_ms = delivery->created_ms;
    message->stored_ms = delivery->stored_ms;
    message->expires_ms = delivery->expires_ms;
    message->attempt = delivery->attempt;
    message->redelivered = delivery->redelivered;
    message->sender_unverified = delivery->sender_unverified;
    message->edited_ms = delivery->edited_ms;
    message->deleted_ms = delivery->deleted_ms;
}

static bool fill_reactions(struct roost_message *message, const Roost__V1__Delivery *delivery,
                           struct arena *arena)
{
    struct roost_reaction *reactions =
        arena_alloc(arena, delivery->n_reactions * sizeof(*reactions));
    if (!reactions)
        return false;
    for (size_t i = 0; i < delivery->n_reactions; i++) {
        reactions[i].emoji = arena_text(arena, delivery->reactions[i]->emoji);
        reactions[i].count = delivery->reactions[i]->count;
        reactions[i].is_mine = delivery->reactions[i]->is_mine;
        if (!reactions[i].emoji)
            return false;
    }
    message->reactions = reactions;
    message->reaction_count = delivery->n_reactions;
    return true;
}

bool message_fill(struct roost_message *message, const Roost__V1__Delivery *delivery,
                  const char *scope, const struct roost_message *before, struct arena *arena)
{
    if (delivery->message_id.len != ROOST_ID_BYTES)
        return false;
    fill_plain(message, delivery);
    message->scope = delivery->scope.len ? arena_text(arena, delivery->scope) : scope;
    message->sender = sender_text(before, delivery->sender, arena);
    message->content_type = arena_text(arena, delivery->content_type);
    message->reply_to = arena_text(arena, delivery->reply_to);
    if (!message->scope || !message->sender || !message->content_type || !message->reply_to)
        return false;
    if (delivery->n_reactions > 0 && !fill_reactions(message, delivery, arena))
        return false;
    return delivery->n_headers == 0 || fill_headers(message, delivery, arena);
}

static bool fill_receipt_entry(struct roost_receipt *receipt, const Roost__V1__ReceiptEntry *entry,
                               struct arena *arena)
{
    *receipt = (struct roost_receipt){
        .level = (enum roost_receipt_level)entry->level,
        .scope = arena_text(arena, entry->scope),
        .peer = arena_text(arena, entry->peer),
        .first_seq = entry->first_seq,
        .last_seq = entry->last_seq,
        .message_ids = entry->message_ids.data,
        .message_id_count = entry->message_ids.len / ROOST_ID_BYTES,
        .time_ms = entry->time_ms,
        .reason = (enum roost_error)entry->reason,
    };
    return receipt->scope && receipt->peer;
}

bool message_fill_receipt(struct roost_message *message, const Roost__V1__Receipt *receipt,
                          const char *scope, struct arena *arena)
{
    struct roost_receipt *receipts = arena_alloc(arena, receipt->n_entries * sizeof(*receipts));
    if (!receipts)
        return false;
    for (size_t i = 0; i < receipt->n_entries; i++) {
        if (!fill_receipt_entry(&receipts[i], receipt->entries[i], arena))
            return false;
    }
    message->seq = receipt->seq;
    message->scope = scope;
    message->sender = "";
    message->content_type = "";
    message->reply_to = "";
    message->kind = ROOST_KIND_RECEIPT;
    message->stored_ms = receipt->n_entries ? receipts[0].time_ms : 0;
    message->attempt = 1;
    message->receipts = receipts;
    message->receipt_count = receipt->n_entries;
    return true;
}
