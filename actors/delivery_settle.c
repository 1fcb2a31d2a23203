/* SPDX-License-Identifier: MPL-2.0
 *
 * What becomes of a lease: the five outcomes a recipient can name, and those the broker decides.
 *
 * A settle names delivery numbers. A number whose lease is over is stale, unless it was ended by
 * the very same outcome before: saying a thing twice is fine. Ranges may be huge or nonsense; work
 * is bounded by the numbers that have a record.
 */
#include <stdlib.h>
#include <string.h>

#include "delivery_state.h"

/* --- Fates: what the sender asked to be told */

/* The entry of a message in the shared log, or NULL when the log is past it. */
static struct log_entry *find_entry(const struct scope *scope, uint64_t seq)
{
    uint64_t position = log_find(&scope->log, seq - 1);
    if (position == scope->log.end || log_at(&scope->log, position)->seq != seq)
        return NULL;
    return log_at(&scope->log, position);
}

/* Other devices' records of the same message: its sender has been told. */
static void tell_asides(struct consumer *consumer, uint64_t seq)
{
    for (struct consumer *c = consumer->scope->consumers; c != NULL; c = c->next) {
        struct aside *aside = c == consumer ? NULL : aside_find(c, seq);
        if (aside != NULL)
            aside->flags &= (uint8_t)~ENTRY_WANTS_DELIVERED;
    }
}

static void fate_delivered(struct attachment *attachment, uint64_t seq, uint32_t flags,
                           struct log_entry *entry)
{
    struct consumer *consumer = attachment->consumer;
    if (consumer->scope->kind != DELIVERY_PEER || consumer_is_ephemeral(consumer))
        return;
    if (entry != NULL) {
        flags |= entry_flags(entry) & ENTRY_SETTLED;
        entry_flag_set(entry, ENTRY_SETTLED);
    }
    if (consumer->scope->consumer_count > 1)
        tell_asides(consumer, seq);
    if ((flags & ENTRY_WANTS_DELIVERED) && !(flags & ENTRY_SETTLED))
        change_fate(consumer, DELIVERY_LEVEL_DELIVERED, 0, attachment->peer_id, seq);
}

/* --- Outcomes */

static void tell_settled(const struct delivery *delivery, const struct consumer *consumer,
                         uint64_t seq, int64_t enqueue_ms)
{
    if (delivery->options.on_settled && !consumer_is_ephemeral(consumer))
        delivery->options.on_settled(delivery->options.context, seq, enqueue_ms);
}

void outcome_ack(struct delivery *delivery, struct attachment *attachment, struct lease *lease)
{
    struct consumer *consumer = attachment->consumer;
    if (lease->aside == NULL) {
        struct log_entry *entry = log_at(&consumer->scope->log, lease->position);
        tell_settled(delivery, consumer, entry->seq, entry->enqueue_ms);
        fate_delivered(attachment, entry->seq, entry_flags(entry), entry);
        window_set(consumer, lease->position, SLOT_SETTLED);
        consumer->leased_count--;
        consumer->has_settled_changed |= lease->position != consumer->base;
    } else {
        struct aside *aside = lease->aside;
        tell_settled(delivery, consumer, aside->seq, aside->enqueue_ms);
        fate_delivered(attachment, aside->seq, aside->flags,
                       find_entry(consumer->scope, aside->seq));
        if (aside->seq > consumer->floor_seq)
            change_row(delivery, consumer,
                       &(struct delivery_row){
                           .seq = aside->seq, .last_seq = aside->seq, .state = DELIVERY_SETTLED});
        else
            change_remove(delivery, consumer, aside->seq);
        aside_free(consumer, aside);
    }
    delivery->counts.settled++;
    lease_close(attachment, lease, LEASE_ACKED);
}

/* A leased message gets a record of its own, if it has none. */
static struct aside *lease_aside(struct consumer *consumer, struct lease *lease)
{
    if (lease->aside == NULL) {
        const struct log_entry *entry = log_at(&consumer->scope->log, lease->position);
        lease->aside = aside_new(consumer, entry, ASIDE_LEASED);
        lease->aside->was_seen = true;
        window_set(consumer, lease->position, SLOT_GONE);
        consumer->leased_count--;
    }
    return lease->aside;
}

static void put_retry(struct delivery *delivery, struct consumer *consumer, struct aside *aside,
                      int64_t due_ms, const struct failure *failure,
                      const struct delivery_clock *clock)
{
    aside_set(consumer, aside, ASIDE_RETRY, due_ms);
    const char *text = failure->text != NULL ? failure->text : "";
    change_row(delivery, consumer,
               &(struct delivery_row){.seq = aside->seq,
                                      .last_seq = aside->seq,
                                      .state = DELIVERY_RETRY,
                                      .attempts = aside->attempts,
                                      .due_ms = wall_of(clock, due_ms),
                                      .reason = failure->reason,
                                      .at_ms = clock->wall_ms,
                                      .text = text_copy(text, strlen(text))});
    if (aside->is_swept || is_expired(aside->expires_ms, clock))
        aside_expire(delivery, consumer, aside, clock);
}

void outcome_release(struct delivery *delivery, struct attachment *attachment, struct lease *lease,
                     enum lease_state state, uint32_t delay_ms, const struct delivery_clock *clock)
{
    struct consumer *consumer = attachment->consumer;
    uint64_t position = lease->position;
    struct aside *aside = delay_ms > 0 ? lease_aside(consumer, lease) : lease->aside;
    lease_close(attachment, lease, state);
    if (delay_ms > 0) {
        struct failure none = {0};
        put_retry(delivery, consumer, aside, clock->steady_ms + delay_ms, &none, clock);
    } else if (aside != NULL) {
        aside_set(consumer, aside, ASIDE_READY, 0);
        if (aside->is_swept || is_expired(aside->expires_ms, clock))
            aside_expire(delivery, consumer, aside, clock);
    } else {
        const struct log_entry *entry = log_at(&consumer->scope->log, position);
        window_release(consumer, position);
        if ((entry_flags(entry) & ENTRY_SWEPT) || is_expired(entry_expires_ms(entry), clock))
            consumer_expire(delivery, consumer, position, position, clock);
    }
}

void outcome_fail(struct delivery *delivery, struct attachment *attachment, struct lease *lease,
                  const struct failure *failure, const struct delivery_clock *clock)
{
    struct consumer *consumer = attachment->consumer;
    struct aside *aside = lease_aside(consumer, lease);
    const struct backoff *backoff = &delivery->options.backoff;
    aside->attempts++;
    if (aside->attempts > backoff->retries_max) {
        struct failure spent = {.reason = err_code(ERR_MAX_ATTEMPTS), .text = failure->text};
        outcome_end(delivery, attachment, lease, DELIVERY_DEAD, &spent, clock);
        lease->state = LEASE_FAILED;
        return;
    }
    delivery->random = delivery->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    int64_t due_ms = failure->delay_ms > 0
                         ? clock->steady_ms + failure->delay_ms
                         : backoff_due_ms(backoff, aside->attempts, aside->enqueue_ms,
                                          clock->steady_ms, delivery->random >> 33);
    put_retry(delivery, consumer, aside, due_ms, failure, clock);
    delivery->counts.retried++;
    lease_close(attachment, lease, LEASE_FAILED);
}

void outcome_end(struct delivery *delivery, struct attachment *attachment, struct lease *lease,
                 enum delivery_state end, const struct failure *failure,
                 const struct delivery_clock *clock)
{
    struct consumer *consumer = attachment->consumer;
    struct aside *aside = lease_aside(consumer, lease);
    if (end == DELIVERY_DEAD && (aside->flags & ENTRY_WANTS_FATE))
        change_fate(consumer, DELIVERY_LEVEL_DEAD, failure->reason, attachment->peer_id,
                    aside->seq);
    const char *text = failure->text != NULL ? failure->text : "";
    change_row(delivery, consumer,
               &(struct delivery_row){.seq = aside->seq,
                                      .last_seq = aside->seq,
                                      .state = (uint32_t)end,
                                      .attempts = aside->attempts,
                                      .reason = failure->reason,
                                      .at_ms = clock->wall_ms,
                                      .text = text_copy(text, strlen(text))});
    delivery->counts.dead += end == DELIVERY_DEAD;
    delivery->counts.expired += end == DELIVERY_EXPIRED;
    aside_free(consumer, aside);
    lease->aside = NULL;
    lease_close(attachment, lease, LEASE_REJECTED);
}

void outcomes_done(struct delivery *delivery, struct attachment *attachment)
{
    struct consumer *consumer = attachment->consumer;
    while (attachment->lowest_open < attachment->next_no &&
           attachment_lease(attachment, attachment->lowest_open)->state != LEASE_OPEN)
        attachment->lowest_open++;
    window_advance(delivery, consumer);
    window_restart(consumer);
    consumer_arm(delivery, consumer);
}

/* --- SETTLE */

static void add_stale(struct ticket *ticket, uint64_t first, uint64_t last)
{
    for (uint64_t no = first; no <= last && ticket->stale_count < DELIVERY_STALE_MAX; no++) {
        ticket->stale = array_reserve(ticket->stale, &ticket->stale_capacity,
                                      ticket->stale_count + 1, sizeof(*ticket->stale));
        ticket->stale[ticket->stale_count++] = no;
        if (no == UINT64_MAX)
            break;
    }
}

static enum lease_state ended_by(enum delivery_outcome outcome)
{
    switch (outcome) {
    case DELIVERY_ACK:
        return LEASE_ACKED;
    case DELIVERY_RELEASE:
        return LEASE_RELEASED;
    case DELIVERY_FAIL:
        return LEASE_FAILED;
    case DELIVERY_REJECT:
        return LEASE_REJECTED;
    case DELIVERY_EXTEND:
        break;
    }
    return LEASE_NONE;
}

static void settle_lease(struct delivery *delivery, struct attachment *attachment,
                         struct lease *lease, const struct delivery_settle_range *range,
                         const struct delivery_clock *clock)
{
    struct failure failure = {.text = range->reason, .delay_ms = range->delay_ms};
    switch (range->outcome) {
    case DELIVERY_ACK:
        outcome_ack(delivery, attachment, lease);
        break;
    case DELIVERY_RELEASE:
        outcome_release(delivery, attachment, lease, LEASE_RELEASED, range->delay_ms, clock);
        break;
    case DELIVERY_FAIL:
        outcome_fail(delivery, attachment, lease, &failure, clock);
        break;
    case DELIVERY_REJECT:
        failure.reason = err_code(ERR_REJECTED);
        outcome_end(delivery, attachment, lease, DELIVERY_DEAD, &failure, clock);
        break;
    case DELIVERY_EXTEND:
        lease->deadline_ms = clock->steady_ms + attachment->lease_ms;
        break;
    }
}

/* Numbers whose records are gone: settled long ago, or stale. */
static void settle_forgotten(const struct attachment *attachment, struct ticket *ticket,
                             const struct delivery_settle_range *range, uint64_t last)
{
    uint64_t newest = attachment->ring_first - 1;
    if (range->outcome == DELIVERY_ACK)
        newest = attachment->unsettled_upto;
    add_stale(ticket, range->first_no, last < newest ? last : newest);
}

static void settle_range(struct delivery *delivery, struct attachment *attachment,
                         struct ticket *ticket, const struct delivery_settle_range *range,
                         const struct delivery_clock *clock)
{
    uint64_t first = range->first_no;
    uint64_t last = range->last_no == 0 ? first : range->last_no;
    if (first < attachment->ring_first) {
        settle_forgotten(attachment, ticket, range, last);
        first = attachment->ring_first;
    }
    enum lease_state same = ended_by(range->outcome);
    uint64_t end = last < attachment->next_no ? last + 1 : attachment->next_no;
    for (uint64_t no = first; no < end; no++) {
        struct lease *lease = attachment_lease(attachment, no);
        if (lease->state == LEASE_OPEN)
            settle_lease(delivery, attachment, lease, range, clock);
        else if (lease->state != same)
            add_stale(ticket, no, no);
    }
    if (last >= attachment->next_no) { /* never given; one of them is enough to say so */
        uint64_t no = first > attachment->next_no ? first : attachment->next_no;
        add_stale(ticket, no, no);
    }
}

void delivery_settle(struct delivery *delivery, struct delivery_address address,
                     uint64_t confirm_id, const struct delivery_settle_range *ranges,
                     size_t range_count, const struct delivery_clock *clock)
{
    struct attachment *attachment = attachment_find(delivery, address);
    struct ticket *ticket = ticket_new();
    ticket->done.address = address;
    ticket->done.confirm_id = confirm_id;
    for (size_t i = 0; i < range_count; i++) {
        if (attachment == NULL)
            add_stale(ticket, ranges[i].first_no,
                      ranges[i].last_no == 0 ? ranges[i].first_no : ranges[i].last_no);
        else
            settle_range(delivery, attachment, ticket, &ranges[i], clock);
    }
    if (attachment != NULL) {
        struct consumer *consumer = attachment->consumer;
        outcomes_done(delivery, attachment);
        bool is_ephemeral = consumer_is_ephemeral(consumer);
        if (consumer->has_settled_changed && !is_ephemeral)
            consumer_dirty(delivery, consumer);
        if (confirm_id != 0 && !is_ephemeral && (consumer->is_dirty || consumer->is_writing))
            change_ticket(delivery, consumer, ticket);
        consumer_wake(delivery, consumer);
    }
    if (confirm_id == 0 && ticket->stale_count == 0)
        ticket_free(ticket);
    else
        ticket_unref(delivery, ticket);
}
