/* SPDX-License-Identifier: MPL-2.0
 *
 * Sessions and attachments: who is there, with how much credit.
 *
 * A mailbox, room or topic consumer has one attachment at most: a second one takes over. A queue's
 * consumer has as many as there are workers. When an attachment ends in whatever way, its leases
 * go back to ready and no attempt is counted. An ephemeral consumer ends with its attachment.
 *
 * Delivery numbers start at 1 for the first attachment of a handle, and go on where they stopped
 * when a session uses the handle again: a delivery of the old attachment that is still on its way
 * can then never be mistaken for one of the new.
 */
#include <stdlib.h>
#include <string.h>

#include "delivery_state.h"

_Static_assert(sizeof(struct delivery_address) == 16, "the address is a hash key without holes");

struct attachment *attachment_find(struct delivery *delivery, struct delivery_address address)
{
    return hash_get_pointer(&delivery->attachments, &address, sizeof(address));
}

static struct session *session_find(struct delivery *delivery, uint32_t gateway, uint64_t session)
{
    struct delivery_address key = {.session = session, .gateway = gateway};
    return hash_get_pointer(&delivery->sessions, &key, sizeof(key));
}

static struct session *session_open(struct delivery *delivery, uint32_t gateway, uint64_t number)
{
    struct session *session = session_find(delivery, gateway, number);
    if (session != NULL)
        return session;
    session = calloc(1, sizeof(*session));
    CHECK(session != NULL);
    session->session = number;
    session->gateway = gateway;
    struct delivery_address key = {.session = number, .gateway = gateway};
    CHECK(hash_put_pointer(&delivery->sessions, &key, sizeof(key), session) == ERR_OK);
    return session;
}

static struct former *session_former(const struct session *session, uint32_t handle)
{
    for (uint32_t i = 0; i < session->former_count; i++) {
        if (session->formers[i].handle == handle)
            return &session->formers[i];
    }
    return NULL;
}

static void session_remember(struct session *session, uint32_t handle, uint64_t next_no)
{
    struct former *former = session_former(session, handle);
    if (former == NULL) {
        session->formers = array_reserve(session->formers, &session->former_capacity,
                                         session->former_count + 1, sizeof(*session->formers));
        former = &session->formers[session->former_count++];
    }
    *former = (struct former){handle, next_no};
}

/* The peer is back: what failed is tried again now, what is scheduled keeps its time. */
static void retry_at_once(struct consumer *consumer)
{
    if (consumer->aside_counts[ASIDE_RETRY] == 0)
        return;
    struct u64map_cursor cursor = {0};
    while (u64map_next(&consumer->asides, &cursor)) {
        struct aside *aside = (struct aside *)(uintptr_t)cursor.value;
        if (aside->state == ASIDE_RETRY)
            aside_set(consumer, aside, ASIDE_READY, 0);
    }
}

static void link_attachment(struct attachment *attachment, struct session *session,
                            struct consumer *consumer)
{
    struct scope *scope = consumer->scope;
    attachment->session = session;
    attachment->session_next = session->attachments;
    session->attachments = attachment;
    attachment->consumer = consumer;
    attachment->consumer_next = consumer->attachments;
    consumer->attachments = attachment;
    consumer->attachment_count++;
    attachment->scope_next = scope->attachments;
    if (scope->attachments != NULL)
        scope->attachments->scope_previous = attachment;
    scope->attachments = attachment;
}

static void unlink_attachment(struct delivery *delivery, struct attachment *attachment)
{
    struct consumer *consumer = attachment->consumer;
    struct attachment **link = &attachment->session->attachments;
    while (*link != attachment)
        link = &(*link)->session_next;
    *link = attachment->session_next;
    link = &consumer->attachments;
    while (*link != attachment)
        link = &(*link)->consumer_next;
    *link = attachment->consumer_next;
    consumer->attachment_count--;
    if (attachment->scope_previous != NULL)
        attachment->scope_previous->scope_next = attachment->scope_next;
    else
        consumer->scope->attachments = attachment->scope_next;
    if (attachment->scope_next != NULL)
        attachment->scope_next->scope_previous = attachment->scope_previous;
    if (attachment->is_queued) {
        if (attachment->run_previous != NULL)
            attachment->run_previous->run_next = attachment->run_next;
        else
            delivery->run_first = attachment->run_next;
        if (attachment->run_next != NULL)
            attachment->run_next->run_previous = attachment->run_previous;
        else
            delivery->run_last = attachment->run_previous;
    }
    heap_remove(&delivery->lease_timers, &attachment->lease_timer);
    (void)hash_remove_pointer(&delivery->attachments, &attachment->address,
                              sizeof(attachment->address)); /* found by it before */
}

static void tell_detached(struct delivery *delivery, struct delivery_address address, enum err code)
{
    delivery->detached = array_reserve(delivery->detached, &delivery->detached_capacity,
                                       delivery->detached_count + 1, sizeof(*delivery->detached));
    delivery->detached[delivery->detached_count++] = (struct delivery_detached){address, code};
}

bool delivery_take_detached(struct delivery *delivery, struct delivery_detached *ret)
{
    if (delivery->detached_first == delivery->detached_count) {
        delivery->detached_first = 0;
        delivery->detached_count = 0;
        return false;
    }
    *ret = delivery->detached[delivery->detached_first++];
    return true;
}

void attachment_end(struct delivery *delivery, struct attachment *attachment, enum err code,
                    const struct delivery_clock *clock)
{
    struct consumer *consumer = attachment->consumer;
    for (uint64_t no = attachment->lowest_open; no < attachment->next_no; no++) {
        struct lease *lease = attachment_lease(attachment, no);
        if (lease->state == LEASE_OPEN)
            outcome_release(delivery, attachment, lease, LEASE_OVER, 0, clock);
    }
    CHECK(attachment->open_count == 0);
    unlink_attachment(delivery, attachment);
    if (attachment->is_fetching)
        delivery->fetches[attachment->fetch_slot].attachment = NULL;
    session_remember(attachment->session, attachment->address.handle, attachment->next_no);
    if (code != ERR_OK)
        tell_detached(delivery, attachment->address, code);
    free(attachment->leases);
    free(attachment->peer_name);
    free(attachment);
    if (consumer_is_ephemeral(consumer)) {
        delivery_consumer_remove(delivery, consumer);
        return;
    }
    window_advance(delivery, consumer);
    window_restart(consumer);
    consumer_arm(delivery, consumer);
    consumer_wake(delivery, consumer);
}

static uint32_t choose_lease_ms(const struct delivery_options *options, uint32_t wanted_ms)
{
    if (wanted_ms == 0)
        return options->lease_ms;
    if (wanted_ms < options->lease_ms_min)
        return options->lease_ms_min;
    return wanted_ms > options->lease_ms_max ? options->lease_ms_max : wanted_ms;
}

static uint32_t session_handle_count(const struct session *session)
{
    uint32_t count = session->former_count;
    for (const struct attachment *a = session->attachments; a != NULL; a = a->session_next)
        count += session_former(session, a->address.handle) == NULL;
    return count;
}

static struct attachment *attachment_new(struct delivery *delivery, struct session *session,
                                         struct consumer *consumer,
                                         const struct delivery_attach *attach)
{
    struct attachment *attachment = calloc(1, sizeof(*attachment));
    CHECK(attachment != NULL);
    attachment->address = attach->address;
    attachment->peer_id = attach->peer_id;
    attachment->peer_name = text_copy(attach->peer_name.data, attach->peer_name.size);
    attachment->peer_name_size = attach->peer_name.size;
    attachment->rights = attach->rights;
    attachment->lease_ms = choose_lease_ms(&delivery->options, attach->lease_ms);
    attachment->messages_total = attach->messages_total;
    attachment->bytes_total = attach->bytes_total;
    const struct former *former = session_former(session, attach->address.handle);
    attachment->next_no = former != NULL ? former->next_no : 1;
    attachment->ring_first = attachment->next_no;
    attachment->lowest_open = attachment->next_no;
    attachment->unsettled_upto = attachment->next_no - 1;
    link_attachment(attachment, session, consumer);
    CHECK(hash_put_pointer(&delivery->attachments, &attachment->address,
                           sizeof(attachment->address), attachment) == ERR_OK);
    return attachment;
}

enum err delivery_attach(struct delivery *delivery, struct consumer *consumer,
                         const struct delivery_attach *attach, const struct delivery_clock *clock,
                         uint32_t *ret_lease_ms, bool *ret_took_over)
{
    CHECK(consumer->is_ready);
    CHECK(!consumer_is_ephemeral(consumer) || consumer->attachments == NULL);
    if (consumer->is_stopped)
        return ERR_NO_SUCH_CONSUMER;
    if (attachment_find(delivery, attach->address) != NULL)
        return ERR_ATTACHED_ALREADY;
    struct session *session =
        session_open(delivery, attach->address.gateway, attach->address.session);
    if (session_former(session, attach->address.handle) == NULL &&
        session_handle_count(session) >= DELIVERY_HANDLES_MAX)
        return ERR_TOO_MANY;
    bool is_shared = consumer->scope->kind == DELIVERY_QUEUE;
    *ret_took_over = !is_shared && consumer->attachments != NULL;
    if (*ret_took_over)
        attachment_end(delivery, consumer->attachments, ERR_TAKEN_OVER, clock);
    if (consumer->attachment_count == 0)
        retry_at_once(consumer);
    struct attachment *attachment = attachment_new(delivery, session, consumer, attach);
    *ret_lease_ms = attachment->lease_ms;
    consumer_arm(delivery, consumer);
    attachment_wake(delivery, attachment);
    return ERR_OK;
}

bool delivery_detach(struct delivery *delivery, struct delivery_address address,
                     const struct delivery_clock *clock)
{
    struct attachment *attachment = attachment_find(delivery, address);
    if (attachment == NULL)
        return false;
    attachment_end(delivery, attachment, ERR_OK, clock);
    return true;
}

void delivery_session_closed(struct delivery *delivery, uint32_t gateway, uint64_t number,
                             const struct delivery_clock *clock)
{
    struct session *session = session_find(delivery, gateway, number);
    if (session == NULL)
        return;
    while (session->attachments != NULL)
        attachment_end(delivery, session->attachments, ERR_OK, clock);
    struct delivery_address key = {.session = number, .gateway = gateway};
    (void)hash_remove_pointer(&delivery->sessions, &key, sizeof(key)); /* found above */
    free(session->formers);
    free(session);
}

void delivery_peer_left(struct delivery *delivery, int64_t scope_id, int64_t peer_id, enum err code,
                        const struct delivery_clock *clock)
{
    struct scope *scope = u64map_get_pointer(&delivery->scopes, (uint64_t)scope_id);
    struct attachment *next;
    for (struct attachment *a = scope == NULL ? NULL : scope->attachments; a != NULL; a = next) {
        next = a->scope_next;
        if (a->peer_id == peer_id)
            attachment_end(delivery, a, code, clock);
    }
}

bool delivery_credit(struct delivery *delivery, struct delivery_address address,
                     uint64_t messages_total, uint64_t bytes_total)
{
    struct attachment *attachment = attachment_find(delivery, address);
    if (attachment == NULL)
        return false;
    if (messages_total > attachment->messages_total)
        attachment->messages_total = messages_total;
    if (bytes_total == 0 || bytes_total > attachment->bytes_total)
        attachment->bytes_total = bytes_total;
    attachment_wake(delivery, attachment);
    return true;
}

/* --- Rights that changed. */

/* Ending one may free its ephemeral consumer, so the addresses are collected first. */
void delivery_review(struct delivery *delivery, delivery_may_stay *may_stay, void *context,
                     enum err code, const struct delivery_clock *clock)
{
    struct delivery_address *ending = NULL;
    uint32_t count = 0, capacity = 0;
    struct hash_cursor cursor = {0};
    while (hash_next(&delivery->attachments, &cursor)) {
        const struct attachment *at = (const struct attachment *)(uintptr_t)cursor.value;
        const struct scope *scope = at->consumer->scope;
        struct delivery_attached attached = {
            .peer_name = {at->peer_name, at->peer_name_size},
            .scope_name = {scope->name, scope->name_size},
            .rights = at->rights,
            .kind = (uint32_t)scope->kind,
        };
        if (may_stay(context, &attached))
            continue;
        ending = array_reserve(ending, &capacity, count + 1, sizeof(*ending));
        ending[count++] = at->address;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct attachment *at = attachment_find(delivery, ending[i]);
        if (at != NULL)
            attachment_end(delivery, at, code, clock);
    }
    free(ending);
}

void delivery_set_role(struct delivery *delivery, const struct name_folded *peer_name,
                       uint32_t role)
{
    struct hash_cursor cursor = {0};
    while (hash_next(&delivery->attachments, &cursor)) {
        struct attachment *at = (struct attachment *)(uintptr_t)cursor.value;
        if (at->rights.is_verified && name_is(peer_name, at->peer_name, at->peer_name_size))
            at->rights.role = role;
    }
}
