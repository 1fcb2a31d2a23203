/* SPDX-License-Identifier: MPL-2.0
 *
 * Consumers that live in memory only, and consumers that a commit has removed.
 *
 * Somebody listens to a scope from now on (or from somewhere in its past), and when he goes nothing
 * of it is left. persistence resolved the scope and checked the rights, and made no row; delivery.h
 * frees the consumer with its attachment. Here it gets an id below zero, a key that no name can
 * make, and a name that says whose it is; and it is freed when its ATTACH is refused after all.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/log.h"
#include "sync_manager_state.h"

#define OWN_NAME_MAX 64 /* "/$session-gateway-handle" in hexadecimal */

/* PEER/$session-gateway-handle, so that INSPECT shows whose it is. */
void sync_ephemeral_name(struct sync_attach *attach)
{
    const struct delivery_address *address = &attach->ask.address;
    bool has_peer = attach->kind == PREFIX_ROOM || attach->kind == PREFIX_TOPIC;
    size_t size =
        has_peer && attach->peer_size + OWN_NAME_MAX <= WIRE_NAME_BYTES_MAX ? attach->peer_size : 0;
    memcpy(attach->consumer, attach->peer_name, size);
    int added = snprintf(&attach->consumer[size], sizeof(attach->consumer) - size,
                         "%s$%" PRIx64 "-%" PRIx32 "-%" PRIx32, size > 0 ? "/" : "",
                         address->session, address->gateway, address->handle);
    attach->consumer_size = size + (size_t)added;
}

/* A pattern of topics may be listened to without a row of its own. */
static int64_t pattern_scope(struct sync_manager *sync, const INTERNAL(ConsumerRow) * row)
{
    struct delivery_bytes name = {row->scope_name.data, row->scope_name.len};
    int64_t scope_id = delivery_pattern_scope(sync->delivery, name);
    return scope_id != 0 ? scope_id : --sync->last_ephemeral_id;
}

struct consumer *sync_ephemeral_add(struct sync_manager *sync, struct sync_attach *attach,
                                    const INTERNAL(ConsumerRow) * row)
{
    INTERNAL(ConsumerRow) named = *row;
    named.consumer_id = --sync->last_ephemeral_id;
    if (row->scope_id == 0)
        named.scope_id = pattern_scope(sync, row);
    named.consumer.data = (uint8_t *)(uintptr_t)attach->consumer; /* only read */
    named.consumer.len = attach->consumer_size;
    attach->ephemeral_id = named.consumer_id;
    return sync_add_consumer(sync, &named, true, false);
}

struct consumer *sync_ephemeral_find(struct sync_manager *sync, const struct sync_attach *attach)
{
    return attach->ephemeral_id == 0
               ? NULL
               : delivery_consumer_by_id(sync->delivery, attach->ephemeral_id);
}

void sync_ephemeral_refused(struct sync_manager *sync, struct sync_attach *attach)
{
    struct consumer *consumer = sync_ephemeral_find(sync, attach);
    if (consumer != NULL)
        delivery_consumer_remove(sync->delivery, consumer);
    attach->ephemeral_id = 0;
}

/* --- Removed by a commit */

/* Why the consumers of a commit end: one commit may hold several members' ends, of several rooms. */
static enum err why_removed(const INTERNAL(Appended) * appended, const struct delivery_view *view)
{
    for (size_t i = 0; i < appended->n_left; i++) {
        const INTERNAL(MemberLeft) *left = appended->left[i];
        if (left->scope_id == view->scope_id && left->peer_id == view->attached_peer_id)
            return err_from_code(left->code);
    }
    return ERR_NOT_MEMBER;
}

/* The page of consumers that is being read may be older than the commit that removed some. */
static void remember_removed(struct sync_manager *sync, int64_t consumer_id)
{
    if (sync->load_step != LOAD_CONSUMERS)
        return;
    if (sync->removed_count == sync->removed_capacity) {
        sync->removed_capacity = sync->removed_capacity ? 2 * sync->removed_capacity : 16;
        sync->removed = realloc(sync->removed, sync->removed_capacity * sizeof(*sync->removed));
        CHECK(sync->removed != NULL);
    }
    sync->removed[sync->removed_count++] = consumer_id;
}

bool sync_was_removed(const struct sync_manager *sync, int64_t consumer_id)
{
    for (size_t i = 0; i < sync->removed_count; i++) {
        if (sync->removed[i] == consumer_id)
            return true;
    }
    return false;
}

void sync_drop_consumers(struct sync_manager *sync, const INTERNAL(Appended) * appended)
{
    struct delivery_clock clock = sync_clock(sync);
    for (size_t i = 0; i < appended->n_removed_consumers; i++) {
        int64_t consumer_id = appended->removed_consumers[i];
        struct consumer *consumer = delivery_consumer_by_id(sync->delivery, consumer_id);
        remember_removed(sync, consumer_id);
        if (consumer == NULL)
            continue;
        struct delivery_view view = delivery_view(sync->delivery, consumer, &clock);
        delivery_consumer_drop(sync->delivery, consumer, why_removed(appended, &view), &clock);
    }
    for (size_t i = 0; i < appended->n_left; i++) {
        const INTERNAL(MemberLeft) *left = appended->left[i];
        enum err err = err_from_code(left->code);
        delivery_peer_left(sync->delivery, left->scope_id, left->peer_id, err, &clock);
        sync_attach_left(sync, left->scope_id, left->peer_id, err);
        /* Its one consumer serves many: it has to know whom no longer. */
        if (sync->room_gateway && actor_send(sync->actor, sync->room_gateway, MSG_MEMBER_LEFT,
                                             &left->base, NULL) != ERR_OK)
            log_error("member-left-not-told", LOG_I64("peer", left->peer_id));
    }
}
