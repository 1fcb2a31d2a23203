/* SPDX-License-Identifier: MPL-2.0
 *
 * Deliveries, as the session's thread sees them: from a DELIVER or RECEIPT into the book, and from
 * there to the application unless it has the message already or has settled it (book.h).
 */
#include <string.h>

#include "clients/c/event.h"
#include "clients/c/io.h"

#define RECEIPT_RETRY_MS 5000

/* Puts it where the application finds it. False: no room, the caller still has it. */
static bool show(struct io *io, struct roost_consumer *consumer, struct message_private *message)
{
    struct ring_item item = {.words = {(uintptr_t)message}};
    bool was_empty = !ring_has_item(&consumer->ready);
    if (!ring_push(&consumer->ready, &item, NULL))
        return false;
    uint64_t shown = atomic_load_explicit(&io->roost->shown_in, memory_order_relaxed);
    atomic_store_explicit(&io->roost->shown_in, shown + 1, memory_order_release);
    if (was_empty)
        io_consumer_event(io, consumer, ROOST_EVENT_MESSAGES, ROOST_OK, NULL);
    count(io->roost, COUNTER_DELIVERED, 1);
    io->has_news = true;
    return true;
}

static void give_back(struct io *io, struct roost_consumer *consumer,
                      struct message_private *message, uint32_t delay_ms)
{
    io_settle(io, consumer, message->token, BOOK_RELEASE, delay_ms, NULL);
    batch_unref(message->batch);
}

static void show_receipt(struct io *io, struct roost_consumer *consumer,
                         struct message_private *message)
{
    io->has_news = true;
    switch (consumer->options.receipts) {
    case ROOST_RECEIPTS_IGNORE:
        io_settle(io, consumer, message->token, BOOK_ACK, 0, NULL);
        batch_unref(message->batch);
        return;
    case ROOST_RECEIPTS_EVENTS:
        if (!event_push_receipt(io->roost, consumer, message))
            give_back(io, consumer, message, RECEIPT_RETRY_MS);
        return;
    case ROOST_RECEIPTS_STREAM:
        break;
    }
    if (!show(io, consumer, message))
        give_back(io, consumer, message, 0);
}

/* What the book says of a delivery. True: it is new, `message` has its token. */
static bool is_new(struct io *io, struct roost_consumer *consumer, const struct book_key *key,
                   uint64_t delivery_no, struct message_private *message)
{
    struct book_delivery delivery;
    uint32_t body_size = (uint32_t)message->public.body_size;
    switch (book_deliver(&consumer->book, key, delivery_no, body_size, &delivery)) {
    case BOOK_SHOW:
        message->token = delivery.token;
        consumer->shown++;
        consumer_tell_held(consumer);
        return true;
    case BOOK_KEEP:
        if (delivery.is_old_lease_live)
            consumer_give_credit(consumer, delivery.old_body_size);
        break;
    case BOOK_SETTLE:
        io_add_settle(io, consumer, delivery_no, delivery.outcome, 0, NULL);
        consumer_give_credit(consumer, body_size);
        break;
    case BOOK_FULL:
        io_add_settle(io, consumer, delivery_no, BOOK_RELEASE, 0, NULL);
        consumer_give_credit(consumer, body_size);
        consumer->suppressed++;
        return false;
    }
    consumer->suppressed++;
    count(io->roost, COUNTER_SUPPRESSED, 1);
    return false;
}

static void deliver_all(struct io *io, struct batch *batch, const Roost__V1__Deliver *deliver)
{
    struct roost_consumer *consumer = batch->consumer;
    const struct roost_message *before = NULL;
    consumer->arrived += deliver->n_entries;
    for (size_t i = 0; i < deliver->n_entries; i++) {
        const Roost__V1__Delivery *entry = deliver->entries[i];
        struct message_private *message = &batch->messages[i];
        if (!message_fill(&message->public, entry, consumer->scope, before, &batch->arena)) {
            count(io->roost, COUNTER_FRAMES_BAD, 1);
            continue; /* its lease runs out */
        }
        before = &message->public;
        message->batch = batch;
        struct book_key key = book_key(&consumer->book, message->public.message_id,
                                       entry->sender.data, entry->sender.len);
        if (!is_new(io, consumer, &key, deliver->first_delivery_no + i, message))
            continue;
        batch_ref(batch);
        if (!show(io, consumer, message))
            give_back(io, consumer, message, 0);
    }
}

/* What the application settles is said with these numbers again: others no broker gives. */
static bool are_numbers(uint64_t first_no, size_t count)
{
    return first_no >= 1 && first_no <= WIRE_NUMBER_MAX && count <= WIRE_NUMBER_MAX - first_no + 1;
}

void io_on_deliver_frame(struct io *io, const void *frame, size_t size)
{
    struct batch *batch = batch_new(size);
    const Roost__V1__Deliver *deliver = NULL;
    if (batch)
        deliver = (const Roost__V1__Deliver *)frame_unpack(&roost__v1__deliver__descriptor,
                                                           &batch->arena, frame, size);
    if (deliver && !are_numbers(deliver->first_delivery_no, deliver->n_entries))
        deliver = NULL;
    struct roost_consumer *consumer = deliver ? io_find_consumer(io, deliver->handle) : NULL;
    if (consumer && batch_fill(batch, consumer, deliver->n_entries))
        deliver_all(io, batch, deliver);
    else if (!deliver)
        count(io->roost, COUNTER_FRAMES_BAD, 1);
    if (batch)
        batch_unref(batch);
}

void io_on_receipt_frame(struct io *io, const void *frame, size_t size)
{
    struct batch *batch = batch_new(size);
    const Roost__V1__Receipt *receipt = NULL;
    if (batch)
        receipt = (const Roost__V1__Receipt *)frame_unpack(&roost__v1__receipt__descriptor,
                                                           &batch->arena, frame, size);
    if (receipt && !are_numbers(receipt->delivery_no, 1))
        receipt = NULL;
    struct roost_consumer *consumer = receipt ? io_find_consumer(io, receipt->handle) : NULL;
    if (consumer && batch_fill(batch, consumer, 1) &&
        message_fill_receipt(&batch->messages[0].public, receipt, consumer->scope, &batch->arena)) {
        /* A receipt has no id of its own; its place in the mailbox is one. */
        uint8_t id[ROOST_ID_BYTES] = {0};
        memcpy(id, &receipt->seq, sizeof(receipt->seq));
        struct book_key key = book_key(&consumer->book, id, "", 0);
        struct message_private *message = &batch->messages[0];
        message->batch = batch;
        consumer->arrived++;
        if (is_new(io, consumer, &key, receipt->delivery_no, message)) {
            batch_ref(batch);
            show_receipt(io, consumer, message);
        }
    } else if (!receipt) {
        count(io->roost, COUNTER_FRAMES_BAD, 1);
    }
    if (batch)
        batch_unref(batch);
}
