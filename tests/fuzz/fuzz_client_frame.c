/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as a frame from the broker, through the client's decoder (clients/c/frame.c) to what
 * the application sees: messages of a DELIVER and a RECEIPT (message.c), pages of one or two RESULT
 * frames (request.c).
 *   - memory stays within the bound of its frame
 *   - every text ends where its bytes do, and nothing shown lies outside of the answer
 *   - what was unpacked packs, and unpacks to the same
 */
#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "clients/c/frame.h"
#include "clients/c/request.h"
#include "proto/wire.h"
#include "strip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t touched; /* all that is shown is looked at, so that a sanitizer sees it */

static void look(const void *data, size_t size)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < size; i++)
        touched += at[i];
}

static void look_at_text(const char *text)
{
    CHECK(text);
    look(text, strlen(text));
}

static void look_at_message(const struct roost_message *message)
{
    look(message->message_id, sizeof(message->message_id));
    look(message->body, message->body_size);
    look(message->key, message->key_size);
    look(message->correlation_id, message->correlation_id_size);
    if (message->parent_id)
        look(message->parent_id, ROOST_ID_BYTES);
    look_at_text(message->scope);
    look_at_text(message->sender);
    look_at_text(message->content_type);
    look_at_text(message->reply_to);
    for (size_t i = 0; i < message->header_count; i++) {
        look_at_text(message->headers[i].name);
        look(message->headers[i].value, message->headers[i].value_size);
    }
    for (size_t i = 0; i < message->receipt_count; i++) {
        const struct roost_receipt *receipt = &message->receipts[i];
        look_at_text(receipt->scope);
        look_at_text(receipt->peer);
        look(receipt->message_ids, receipt->message_id_count * ROOST_ID_BYTES);
    }
}

static void check_again(ProtobufCMessage *message)
{
    zmq_msg_t one, other;
    struct arena arena;
    strip_unknown(message);
    CHECK(frame_pack(ROOST__V1__TYPE__PING, message, &one));
    arena_init(&arena, (size_t)64 << 20);
    const ProtobufCMessage *again =
        frame_unpack(message->descriptor, &arena, zmq_msg_data(&one), zmq_msg_size(&one));
    CHECK(again && frame_pack(ROOST__V1__TYPE__PING, again, &other));
    CHECK(zmq_msg_size(&one) == zmq_msg_size(&other));
    CHECK(memcmp(zmq_msg_data(&one), zmq_msg_data(&other), zmq_msg_size(&one)) == 0);
    (void)zmq_msg_close(&one);
    (void)zmq_msg_close(&other);
    arena_fini(&arena);
}

/* --- What goes into a batch. */

static void check_deliver(struct batch *batch, const Roost__V1__Deliver *deliver)
{
    const struct roost_message *before = NULL;
    struct message_private *messages =
        arena_alloc(&batch->arena, deliver->n_entries * sizeof(*messages));
    for (size_t i = 0; messages && i < deliver->n_entries; i++) {
        const Roost__V1__Delivery *entry = deliver->entries[i];
        struct roost_message *message = &messages[i].public;
        if (!message_fill(message, entry, "peer:me", before, &batch->arena))
            continue;
        look_at_message(message);
        CHECK(strnlen(message->sender, entry->sender.len + 1) <= entry->sender.len);
        CHECK(message->body_size == entry->body.len && message->header_count == entry->n_headers);
        before = message;
    }
}

static void check_receipt(struct batch *batch, const Roost__V1__Receipt *receipt)
{
    struct roost_message message = {0};
    if (!message_fill_receipt(&message, receipt, "peer:me", &batch->arena))
        return;
    look_at_message(&message);
    CHECK(message.receipt_count == receipt->n_entries);
}

static void check_batch(Roost__V1__Type type, const char *frame, size_t size)
{
    bool is_deliver = type == ROOST__V1__TYPE__DELIVER;
    struct batch *batch = batch_new(size);
    CHECK(batch);
    void *message =
        frame_unpack(is_deliver ? &roost__v1__deliver__descriptor : &roost__v1__receipt__descriptor,
                     &batch->arena, frame, size);
    if (message && is_deliver)
        check_deliver(batch, message);
    else if (message)
        check_receipt(batch, message);
    if (message)
        check_again(message);
    batch_unref(batch);
}

/* --- Pages. */

static void look_at_peers(const struct roost_page *page)
{
    for (size_t i = 0; i < page->peer_count; i++) {
        look_at_text(page->peers[i].name);
        look_at_text(page->peers[i].display_name);
        for (size_t j = 0; j < page->peers[i].address_count; j++)
            look_at_text(page->peers[i].addresses[j].address);
    }
    for (size_t i = 0; i < page->presence_count; i++)
        look_at_text(page->presence[i].reason);
}

static void look_at_page(const struct roost_page *page)
{
    for (size_t i = 0; i < page->message_count; i++)
        look_at_message(page->messages[i]);
    for (size_t i = 0; i < page->dead_count; i++) {
        look_at_message(page->dead[i].message);
        look_at_text(page->dead[i].text);
    }
    for (size_t i = 0; i < page->unread_count; i++)
        look_at_text(page->unread[i].scope);
    for (size_t i = 0; i < page->consumer_count; i++)
        look_at_text(page->consumers[i].attached_peer);
    for (size_t i = 0; i < page->step_count; i++)
        look_at_text(page->steps[i].detail);
    for (size_t i = 0; i < page->counter_count; i++)
        look_at_text(page->counters[i].unit);
    look_at_peers(page);
}

/* The same frame as both parts of an answer: lists add up. */
static void check_page(const char *frame, size_t size)
{
    struct page_private *page = page_new();
    size_t messages = 0;
    CHECK(page);
    for (int part = 0; part < 2; part++) {
        void *result = frame_unpack(&roost__v1__result__descriptor, &page->arena, frame, size);
        if (!result)
            break;
        page->results[page->result_count++] = result;
        messages += page->results[0]->n_messages;
        if (part == 0)
            check_again(result);
    }
    CHECK(page_finish(page) && page->public.message_count == messages);
    look_at_page(&page->public);
    page_free(page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *frame = bytes_copy((struct bytes){data, size}, false);
    Roost__V1__Type type = frame_type(frame, size);
    const ProtobufCMessageDescriptor *descriptor = wire_type_descriptor((uint32_t)type);

    if (type == ROOST__V1__TYPE__DELIVER || type == ROOST__V1__TYPE__RECEIPT) {
        check_batch(type, frame, size);
    } else if (type == ROOST__V1__TYPE__RESULT) {
        check_page(frame, size);
    } else if (descriptor) {
        struct arena arena;
        arena_init(&arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
        ProtobufCMessage *message = frame_unpack(descriptor, &arena, frame, size);
        CHECK(arena_used(&arena) <= WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
        if (message)
            check_again(message);
        arena_fini(&arena);
    }
    free(frame);
    return 0;
}
