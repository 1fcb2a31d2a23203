/* SPDX-License-Identifier: MPL-2.0
 *
 * The fake broker: consumers, leases and settles.
 */
#include <string.h>

#include "fake_broker_internal.h"

void fake_on_attach(struct fake_broker *broker, const Roost__V1__Attach *attach)
{
    if (!memchr(attach->scope.data, ':', attach->scope.len)) {
        Roost__V1__Error error = ROOST__V1__ERROR__INIT;
        error.code = 3003;
        error.type = ROOST__V1__TYPE__ATTACH;
        error.request_id = attach->handle;
        fake_say(broker, ROOST__V1__TYPE__ERROR, &error.base);
        return;
    }
    Roost__V1__Attached attached = ROOST__V1__ATTACHED__INIT;
    struct fake_consumer *consumer = broker->consumers;
    while (consumer->handle)
        consumer++;
    CHECK(consumer < broker->consumers + CONSUMERS_MAX && attach->scope.len < 64);
    *consumer = (struct fake_consumer){
        .handle = attach->handle, .next_no = 1, .credit = attach->credit_messages};
    memcpy(consumer->scope, attach->scope.data, attach->scope.len);
    attached.handle = attach->handle;
    attached.lease_ms = 30000;
    if (strncmp(consumer->scope, "room:", 5) == 0) {
        attached.code = 3002;
        consumer->handle = 0;
    }
    fake_say(broker, ROOST__V1__TYPE__ATTACHED, &attached.base);
}

struct fake_consumer *fake_find(struct fake_broker *broker, uint32_t handle)
{
    for (size_t i = 0; i < CONSUMERS_MAX; i++) {
        if (broker->consumers[i].handle == handle)
            return &broker->consumers[i];
    }
    return NULL;
}

static void settle_range(struct fake_broker *broker, struct fake_consumer *consumer,
                         const Roost__V1__SettleRange *range)
{
    for (size_t i = 0; i < broker->message_count; i++) {
        struct fake_message *message = &broker->messages[i];
        if (message->delivery_no < range->first_delivery_no || message->delivery_no == 0 ||
            message->delivery_no > range->last_delivery_no ||
            strcmp(message->scope, consumer->scope) != 0)
            continue;
        if (range->outcome == ROOST__V1__OUTCOME__ACK ||
            range->outcome == ROOST__V1__OUTCOME__REJECT) {
            message->is_settled = true;
            atomic_fetch_add(&broker->counts.settled, 1);
        }
        if (range->outcome != ROOST__V1__OUTCOME__EXTEND) {
            message->delivery_no = 0;
            consumer->cursor = 0;
        }
    }
}

void fake_on_settle(struct fake_broker *broker, const Roost__V1__Settle *settle)
{
    struct fake_consumer *consumer = fake_find(broker, settle->handle);
    Roost__V1__Settled settled = ROOST__V1__SETTLED__INIT;
    atomic_fetch_add(&broker->counts.settle_frames, 1);
    if (!consumer || atomic_load(&broker->knobs.loses_settles))
        return;
    for (size_t i = 0; i < settle->n_ranges; i++)
        settle_range(broker, consumer, settle->ranges[i]);
    settled.handle = settle->handle;
    settled.confirm_id = settle->confirm_id;
    if (settle->confirm_id)
        fake_say(broker, ROOST__V1__TYPE__SETTLED, &settled.base);
}

static void deliver_one(struct fake_broker *broker, struct fake_consumer *consumer,
                        struct fake_message *message)
{
    Roost__V1__Deliver deliver = ROOST__V1__DELIVER__INIT;
    Roost__V1__Delivery entry = ROOST__V1__DELIVERY__INIT;
    Roost__V1__Delivery *list = &entry;
    message->delivery_no = consumer->next_no++;
    consumer->given++;
    entry.seq = (uint64_t)(message - broker->messages) + 1;
    entry.message_id = fake_view(message->id, 16);
    entry.sender = fake_view("alice", 5);
    entry.body = fake_view(message->body, message->body_size);
    entry.redelivered = message->was_delivered;
    entry.attempt = 1;
    message->was_delivered = true;
    deliver.handle = consumer->handle;
    deliver.first_delivery_no = message->delivery_no;
    deliver.n_entries = 1;
    deliver.entries = &list;
    atomic_fetch_add(&broker->counts.delivered, 1);
    fake_say(broker, ROOST__V1__TYPE__DELIVER, &deliver.base);
}

void fake_deliver(struct fake_broker *broker)
{
    for (size_t c = 0; c < CONSUMERS_MAX && broker->has_session; c++) {
        struct fake_consumer *consumer = &broker->consumers[c];
        while (consumer->handle && consumer->given < consumer->credit &&
               consumer->cursor < broker->message_count) {
            struct fake_message *message = &broker->messages[consumer->cursor++];
            if (!message->is_settled && message->delivery_no == 0 &&
                strcmp(message->scope, consumer->scope) == 0)
                deliver_one(broker, consumer, message);
        }
    }
}

void fake_take_over(struct fake_broker *broker)
{
    for (size_t i = 0; i < CONSUMERS_MAX; i++) {
        Roost__V1__Detach detach = ROOST__V1__DETACH__INIT;
        if (!broker->consumers[i].handle)
            continue;
        detach.handle = broker->consumers[i].handle;
        detach.code = 5005;
        broker->consumers[i].handle = 0;
        fake_say(broker, ROOST__V1__TYPE__DETACH, &detach.base);
    }
}
