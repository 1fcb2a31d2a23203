/* SPDX-License-Identifier: MPL-2.0
 *
 * Consumers that live in memory only: somebody listens to a scope from now on (or from somewhere in
 * its past), and when he goes nothing of it is left. They are consumers of delivery.h with ids below
 * zero; persistence resolved the scope and checked the rights, and made no row.
 *
 * What they let wait is bounded: beyond WAITING_MAX messages the consumer ends with TOO_MANY, because
 * the log of its scope is kept in memory for the slowest of its consumers.
 */
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"
#include "rt/log.h"
#include "sync_manager_state.h"

#define WAITING_MAX 262144

struct consumer *sync_ephemeral_add(struct sync_manager *sync, const struct sync_attach *attach,
                                    const INTERNAL(ConsumerRow) * row)
{
    if (sync->ephemeral_count == sync->ephemeral_capacity) {
        size_t capacity = sync->ephemeral_capacity ? 2 * sync->ephemeral_capacity : 16;
        void *larger = realloc(sync->ephemerals, capacity * sizeof(*sync->ephemerals));
        if (larger == NULL)
            return NULL;
        sync->ephemerals = larger;
        sync->ephemeral_capacity = capacity;
    }
    INTERNAL(ConsumerRow) named = *row;
    named.consumer_id = sync->last_ephemeral_id - 1;
    named.consumer.data = (uint8_t *)(uintptr_t)attach->consumer; /* only read */
    named.consumer.len = attach->consumer_size;
    struct consumer *consumer = sync_add_consumer(sync, &named, true, false);
    if (consumer == NULL)
        return NULL;
    sync->last_ephemeral_id--;
    sync->ephemerals[sync->ephemeral_count++] =
        (struct sync_ephemeral){named.consumer_id, attach->ask.address};
    return consumer;
}

static void drop(struct sync_manager *sync, int64_t consumer_id)
{
    struct consumer *consumer = delivery_consumer_by_id(sync->delivery, consumer_id);
    struct delivery_clock clock = sync_clock(sync);
    if (consumer == NULL)
        return;
    delivery_consumer_stop(sync->delivery, consumer, &clock);
    delivery_consumer_remove(sync->delivery, consumer);
}

static void forget(struct sync_manager *sync, size_t place)
{
    int64_t consumer_id = sync->ephemerals[place].consumer_id;
    sync->ephemerals[place] = sync->ephemerals[--sync->ephemeral_count];
    drop(sync, consumer_id);
}

static bool is_of(struct delivery_address own, struct delivery_address address)
{
    return own.session == address.session && own.gateway == address.gateway &&
           (address.handle == 0 || own.handle == address.handle);
}

void sync_ephemeral_end(struct sync_manager *sync, struct delivery_address address)
{
    for (size_t i = sync->ephemeral_count; i > 0; i--) {
        if (is_of(sync->ephemerals[i - 1].address, address))
            forget(sync, i - 1);
    }
}

void sync_ephemeral_bound(struct sync_manager *sync)
{
    struct delivery_clock clock = sync_clock(sync);
    for (size_t i = sync->ephemeral_count; i > 0; i--) {
        struct consumer *consumer =
            delivery_consumer_by_id(sync->delivery, sync->ephemerals[i - 1].consumer_id);
        CHECK(consumer != NULL);
        if (delivery_view(sync->delivery, consumer, &clock).waiting <= WAITING_MAX)
            continue;
        log_warn("listener-too-slow", LOG_U64("session", sync->ephemerals[i - 1].address.session));
        forget(sync, i - 1);
    }
}

void sync_drop_consumers(struct sync_manager *sync, const INTERNAL(Appended) * appended)
{
    for (size_t i = 0; i < appended->n_removed_consumers; i++)
        drop(sync, appended->removed_consumers[i]);
}
