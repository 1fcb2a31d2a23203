/* SPDX-License-Identifier: MPL-2.0
 *
 * Fetches: which messages go to which attachment next.
 *
 * Attachments that may have something to get stand in one queue and are served in turn, each with
 * at most one fetch under way: a slow or greedy one takes no turn of another. Leases and delivery
 * numbers are given when the fetch is made; the answer corrects what was not delivered after all.
 */
#include <stdlib.h>

#include "delivery_state.h"

#define LEASES_MIN 64u
#define LEASES_MAX 65536u /* numbers between the oldest open lease and the newest */

/* --- The queue of those that may run */

bool consumer_has_ready(const struct consumer *consumer)
{
    return consumer->ready_count > 0 || consumer->aside_counts[ASIDE_READY] > 0 ||
           consumer->cursor < consumer->scope->log.end;
}

static uint64_t messages_allowed(const struct delivery *delivery,
                                 const struct attachment *attachment)
{
    const struct delivery_options *options = &delivery->options;
    if (attachment->messages_total <= attachment->messages_taken ||
        attachment->open_count >= options->window_messages_max ||
        attachment->open_bytes >= options->window_bytes_max ||
        attachment->next_no - attachment->lowest_open >= LEASES_MAX - DELIVERY_FETCH_MAX)
        return 0;
    if (attachment->bytes_total != 0 && attachment->bytes_total <= attachment->bytes_taken)
        return 0;
    const struct consumer *consumer = attachment->consumer;
    if (consumer->cursor + DELIVERY_FETCH_MAX - consumer->base_written >
        UNWRITTEN_SPANS * options->span_max)
        return 0;
    uint64_t credit = attachment->messages_total - attachment->messages_taken;
    uint64_t room = options->window_messages_max - attachment->open_count;
    uint64_t allowed = credit < room ? credit : room;
    return allowed < DELIVERY_FETCH_MAX ? allowed : DELIVERY_FETCH_MAX;
}

static bool can_fetch(const struct delivery *delivery, const struct attachment *attachment)
{
    return !attachment->is_fetching && attachment->fetch_not_before_ms == 0 &&
           consumer_has_ready(attachment->consumer) && messages_allowed(delivery, attachment) > 0;
}

void attachment_wake(struct delivery *delivery, struct attachment *attachment)
{
    if (attachment->is_queued || !can_fetch(delivery, attachment))
        return;
    attachment->is_queued = true;
    attachment->run_next = NULL;
    attachment->run_previous = delivery->run_last;
    if (delivery->run_last != NULL)
        delivery->run_last->run_next = attachment;
    else
        delivery->run_first = attachment;
    delivery->run_last = attachment;
}

void consumer_wake(struct delivery *delivery, struct consumer *consumer)
{
    for (struct attachment *a = consumer->attachments; a != NULL; a = a->consumer_next)
        attachment_wake(delivery, a);
}

void scope_wake(struct delivery *delivery, struct scope *scope)
{
    for (struct attachment *a = scope->attachments; a != NULL; a = a->scope_next)
        attachment_wake(delivery, a);
}

static struct attachment *run_pop(struct delivery *delivery)
{
    struct attachment *attachment = delivery->run_first;
    if (attachment == NULL)
        return NULL;
    delivery->run_first = attachment->run_next;
    if (delivery->run_first != NULL)
        delivery->run_first->run_previous = NULL;
    else
        delivery->run_last = NULL;
    attachment->is_queued = false;
    return attachment;
}

/* --- Leases */

/* Records of closed leases are kept as long as there is room, for settles said twice. */
static void reserve_lease(struct attachment *attachment)
{
    uint64_t used = attachment->next_no - attachment->ring_first;
    if (used < attachment->lease_capacity)
        return;
    if (attachment->lowest_open - attachment->ring_first > used / 2) {
        uint64_t first = attachment->lowest_open;
        for (uint64_t no = attachment->ring_first; no < first; no++) {
            if (attachment_lease(attachment, no)->state != LEASE_ACKED)
                attachment->unsettled_upto = no;
        }
        attachment->ring_first = first;
        return;
    }
    uint32_t capacity =
        attachment->lease_capacity == 0 ? LEASES_MIN : attachment->lease_capacity * 2;
    struct lease *leases = calloc(capacity, sizeof(*leases));
    CHECK(leases != NULL);
    for (uint64_t no = attachment->ring_first; no < attachment->next_no; no++)
        leases[no & (capacity - 1)] = *attachment_lease(attachment, no);
    free(attachment->leases);
    attachment->leases = leases;
    attachment->lease_capacity = capacity;
}

static void lease_open(struct attachment *attachment, struct aside *aside, uint64_t position,
                       int64_t deadline_ms, bool is_first)
{
    reserve_lease(attachment);
    *attachment_lease(attachment, attachment->next_no) = (struct lease){
        .aside = aside,
        .position = position,
        .deadline_ms = deadline_ms,
        .state = LEASE_OPEN,
        .is_first = is_first,
    };
    attachment->next_no++;
    attachment->open_count++;
}

void lease_close(struct attachment *attachment, struct lease *lease, enum lease_state state)
{
    lease->state = (uint8_t)state;
    attachment->open_count--;
    attachment->open_bytes -= lease->bytes;
    lease->bytes = 0;
}

void attachment_arm(struct delivery *delivery, struct attachment *attachment, int64_t when_ms)
{
    if (!heap_has(&attachment->lease_timer))
        CHECK(heap_push(&delivery->lease_timers, &attachment->lease_timer, when_ms) == ERR_OK);
    else if (when_ms < attachment->lease_timer.key)
        heap_move(&delivery->lease_timers, &attachment->lease_timer, when_ms);
}

/* --- Taking */

static void fetch_add(struct delivery_fetch *fetch, uint64_t seq, uint32_t attempt, bool was_seen)
{
    fetch->seqs[fetch->count] = seq;
    fetch->attempts[fetch->count] = attempt;
    fetch->redelivered[fetch->count] = was_seen;
    fetch->has_attempts |= attempt != 1;
    fetch->has_redelivered |= was_seen;
    fetch->count++;
}

static void take_aside(struct delivery *delivery, struct attachment *attachment,
                       struct aside *aside, const struct delivery_clock *clock,
                       struct delivery_fetch *fetch)
{
    struct consumer *consumer = attachment->consumer;
    if (is_expired(aside->expires_ms, clock)) {
        aside_expire(delivery, consumer, aside, clock);
        return;
    }
    aside_set(consumer, aside, ASIDE_LEASED, 0);
    fetch_add(fetch, aside->seq, aside->attempts + 1, aside->was_seen);
    lease_open(attachment, aside, 0, clock->steady_ms + attachment->lease_ms, !aside->was_seen);
    aside->was_seen = true;
}

static void take_slot(struct delivery *delivery, struct attachment *attachment, uint64_t position,
                      const struct delivery_clock *clock, struct delivery_fetch *fetch)
{
    struct consumer *consumer = attachment->consumer;
    const struct log_entry *entry = log_at(&consumer->scope->log, position);
    if (is_expired(entry_expires_ms(entry), clock) || (entry_flags(entry) & ENTRY_SWEPT)) {
        consumer_expire(delivery, consumer, position, position, clock);
        return;
    }
    window_set(consumer, position, SLOT_LEASED);
    consumer->ready_count--;
    consumer->leased_count++;
    fetch_add(fetch, entry->seq, 1, true);
    lease_open(attachment, NULL, position, clock->steady_ms + attachment->lease_ms, false);
}

/* What came back, or fell due, with a seq below `end_seq`; by seq. */
static void take_returned(struct delivery *delivery, struct attachment *attachment,
                          uint64_t count_max, uint64_t end_seq, const struct delivery_clock *clock,
                          struct delivery_fetch *fetch)
{
    struct consumer *consumer = attachment->consumer;
    while (fetch->count < count_max) {
        struct heap_node *node =
            consumer->aside_counts[ASIDE_READY] > 0 ? heap_top(&consumer->ready) : NULL;
        struct aside *aside = node == NULL ? NULL : HEAP_ENTRY(node, struct aside, node);
        uint64_t position;
        bool has_slot = window_first_ready(consumer, &position);
        uint64_t slot_seq = has_slot ? log_at(&consumer->scope->log, position)->seq : UINT64_MAX;
        uint64_t aside_seq = aside != NULL ? aside->seq : UINT64_MAX;
        if (slot_seq >= end_seq && aside_seq >= end_seq)
            return;
        if (aside_seq < slot_seq)
            take_aside(delivery, attachment, aside, clock, fetch);
        else
            take_slot(delivery, attachment, position, clock, fetch);
    }
}

/* The stretch at the cursor, which window_seek found deliverable. */
static void take_stretch(struct delivery *delivery, struct attachment *attachment,
                         uint64_t count_max, const struct delivery_clock *clock,
                         struct delivery_fetch *fetch)
{
    struct consumer *consumer = attachment->consumer;
    const struct log *log = &consumer->scope->log;
    uint64_t first = consumer->cursor;
    uint64_t last = first + (count_max - fetch->count);
    if (last > log->end)
        last = log->end;
    if (consumer->ahead_count > 0 && consumer->ahead[consumer->ahead_first].first < last)
        last = consumer->ahead[consumer->ahead_first].first;
    int64_t deadline_ms = clock->steady_ms + attachment->lease_ms;
    uint64_t position = first;
    for (; position < last; position++) {
        const struct log_entry *entry = log_at(log, position);
        if (position != first && ((entry_flags(entry) & (ENTRY_LATER | ENTRY_SWEPT)) ||
                                  is_expired(entry_expires_ms(entry), clock)))
            break;
        bool was_seen = position < consumer->seen_before;
        fetch_add(fetch, entry->seq, 1, was_seen);
        lease_open(attachment, NULL, position, deadline_ms, !was_seen);
    }
    window_extend(delivery, consumer, position - first, SLOT_LEASED);
}

/* Competing workers share what is there instead of the first taking it all. */
static uint64_t fair_share(const struct consumer *consumer, uint64_t allowed)
{
    if (consumer->attachment_count < 2)
        return allowed;
    uint64_t ready = consumer->ready_count + consumer->aside_counts[ASIDE_READY] +
                     (consumer->scope->log.end - consumer->cursor);
    uint64_t share = (ready + consumer->attachment_count - 1) / consumer->attachment_count;
    return share < allowed ? share : allowed;
}

static void take_messages(struct delivery *delivery, struct attachment *attachment,
                          const struct delivery_clock *clock, struct delivery_fetch *fetch)
{
    struct consumer *consumer = attachment->consumer;
    uint64_t count_max = fair_share(consumer, messages_allowed(delivery, attachment));
    uint64_t span_max = delivery->options.span_max;
    if (consumer->cursor - consumer->base + count_max > span_max)
        window_set_aside(delivery, consumer, consumer->base + span_max / 2, clock);
    const struct log *log = &consumer->scope->log;
    for (bool has_more = true; has_more && fetch->count < count_max;) {
        has_more = window_seek(delivery, consumer, clock);
        uint64_t end_seq = has_more ? log_at(log, consumer->cursor)->seq : UINT64_MAX;
        take_returned(delivery, attachment, count_max, end_seq, clock, fetch);
        if (has_more && fetch->count < count_max)
            take_stretch(delivery, attachment, count_max, clock, fetch);
    }
    window_advance(delivery, consumer);
    window_restart(consumer);
    consumer_arm(delivery, consumer);
}

static uint32_t free_slot(const struct delivery *delivery)
{
    uint32_t slot = 0;
    while (delivery->fetches[slot].is_used)
        slot++;
    return slot;
}

static void begin_fetch(struct delivery *delivery, struct attachment *attachment,
                        const struct delivery_clock *clock, struct delivery_fetch *fetch)
{
    const struct delivery_options *options = &delivery->options;
    fetch->slot = free_slot(delivery);
    fetch->address = attachment->address;
    const struct scope *scope = attachment->consumer->scope;
    fetch->scope_id = scope->is_pattern ? 0 : scope->id;
    fetch->pattern = (struct delivery_bytes){scope->name, scope->is_pattern ? scope->name_size : 0};
    fetch->bytes_max = options->fetch_bytes_max;
    if (fetch->bytes_max > options->window_bytes_max - attachment->open_bytes)
        fetch->bytes_max = options->window_bytes_max - attachment->open_bytes;
    if (attachment->bytes_total != 0 &&
        fetch->bytes_max > attachment->bytes_total - attachment->bytes_taken)
        fetch->bytes_max = attachment->bytes_total - attachment->bytes_taken;
    delivery->fetches[fetch->slot] = (struct fetch_slot){attachment, true};
    delivery->fetch_count++;
    attachment->is_fetching = true;
    attachment->fetch_slot = fetch->slot;
    attachment->fetch_first = fetch->first_no;
    attachment->fetch_count = fetch->count;
    attachment->messages_taken += fetch->count;
    attachment_arm(delivery, attachment, clock->steady_ms + attachment->lease_ms);
}

bool delivery_take_fetch(struct delivery *delivery, const struct delivery_clock *clock,
                         struct delivery_fetch *ret)
{
    while (delivery->run_first != NULL && delivery->fetch_count < DELIVERY_FETCHES_MAX) {
        struct attachment *attachment = run_pop(delivery);
        if (!can_fetch(delivery, attachment))
            continue;
        ret->count = 0;
        ret->has_attempts = false;
        ret->has_redelivered = false;
        ret->first_no = attachment->next_no;
        take_messages(delivery, attachment, clock, ret);
        if (ret->count == 0)
            continue;
        begin_fetch(delivery, attachment, clock, ret);
        return true;
    }
    return false;
}

/* --- The answer */

/* Takes back what was not delivered, newest first, so that the cursor can step back over it. */
static void give_back(struct delivery *delivery, struct attachment *attachment, uint32_t taken,
                      const struct delivery_clock *clock)
{
    struct consumer *consumer = attachment->consumer;
    uint64_t first = attachment->fetch_first + taken;
    attachment->messages_taken -= attachment->fetch_count - taken;
    for (uint64_t no = attachment->next_no; no-- > first;) {
        struct lease *lease = attachment_lease(attachment, no);
        if (lease->state != LEASE_OPEN)
            continue; /* settled by someone who never saw it */
        bool is_last = lease->aside == NULL && lease->position + 1 == consumer->cursor;
        if (lease->is_first && is_last) {
            lease_close(attachment, lease, LEASE_OVER);
            consumer->cursor--;
            consumer->leased_count--;
            continue;
        }
        if (lease->is_first && lease->aside != NULL)
            lease->aside->was_seen = false;
        outcome_release(delivery, attachment, lease, LEASE_OVER, 0, clock);
    }
    attachment->next_no = first;
    if (attachment->lowest_open > first)
        attachment->lowest_open = first;
}

static uint64_t lease_seq(const struct attachment *attachment, const struct lease *lease)
{
    return lease->aside != NULL ? lease->aside->seq
                                : log_at(&attachment->consumer->scope->log, lease->position)->seq;
}

static struct lease *find_fetched(const struct attachment *attachment, uint32_t taken, uint64_t seq)
{
    for (uint64_t i = 0; i < taken; i++) {
        struct lease *lease = attachment_lease(attachment, attachment->fetch_first + i);
        if (lease->state == LEASE_OPEN && lease_seq(attachment, lease) == seq)
            return lease;
    }
    return NULL;
}

static void end_unreadable(struct delivery *delivery, struct attachment *attachment,
                           const struct delivery_fetched *fetched, uint32_t taken,
                           const struct delivery_clock *clock)
{
    struct failure missing = {.reason = err_code(ERR_NO_SUCH_MESSAGE)};
    struct failure damaged = {.reason = err_code(ERR_DAMAGED)};
    for (size_t i = 0; i < fetched->missing_count; i++) {
        struct lease *lease = find_fetched(attachment, taken, fetched->missing[i]);
        if (lease != NULL)
            outcome_end(delivery, attachment, lease, DELIVERY_EXPIRED, &missing, clock);
        attachment->messages_taken -= lease != NULL;
    }
    for (size_t i = 0; i < fetched->damaged_count; i++) {
        struct lease *lease = find_fetched(attachment, taken, fetched->damaged[i]);
        if (lease == NULL)
            continue;
        change_quarantine(delivery, attachment->consumer, fetched->damaged[i]);
        outcome_end(delivery, attachment, lease, DELIVERY_DEAD, &damaged, clock);
        attachment->messages_taken--;
    }
}

/* Leases start to run with the delivery; each bears its share of the bytes. */
static void book_delivered(struct delivery *delivery, struct attachment *attachment, uint32_t taken,
                           uint64_t body_bytes, const struct delivery_clock *clock)
{
    uint64_t share = taken == 0 ? 0 : body_bytes / taken;
    for (uint64_t i = 0; i < taken; i++) {
        struct lease *lease = attachment_lease(attachment, attachment->fetch_first + i);
        if (lease->state != LEASE_OPEN)
            continue;
        lease->deadline_ms = clock->steady_ms + attachment->lease_ms;
        lease->bytes = share > UINT32_MAX ? UINT32_MAX : (uint32_t)share;
        attachment->open_bytes += lease->bytes;
        delivery->counts.delivered++;
        delivery->counts.redelivered += !lease->is_first;
    }
    attachment->bytes_taken += body_bytes;
}

void delivery_fetched(struct delivery *delivery, const struct delivery_fetched *fetched,
                      const struct delivery_clock *clock)
{
    CHECK(fetched->slot < DELIVERY_FETCHES_MAX && delivery->fetches[fetched->slot].is_used);
    struct attachment *attachment = delivery->fetches[fetched->slot].attachment;
    delivery->fetches[fetched->slot] = (struct fetch_slot){0};
    delivery->fetch_count--;
    if (attachment == NULL)
        return;
    uint32_t taken = fetched->has_failed ? 0 : fetched->taken;
    CHECK(taken <= attachment->fetch_count);
    attachment->is_fetching = false;
    if (taken < attachment->fetch_count)
        give_back(delivery, attachment, taken, clock);
    end_unreadable(delivery, attachment, fetched, taken, clock);
    book_delivered(delivery, attachment, taken, fetched->body_bytes, clock);
    outcomes_done(delivery, attachment);
    if (taken == 0) {
        attachment->fetch_not_before_ms = clock->steady_ms + FETCH_PAUSE_MS;
        if (delivery->pause_until_ms == 0)
            delivery->pause_until_ms = attachment->fetch_not_before_ms;
    }
    consumer_wake(delivery, attachment->consumer);
}

void delivery_fetch_lost(struct delivery *delivery, uint32_t slot,
                         const struct delivery_clock *clock)
{
    CHECK(slot < DELIVERY_FETCHES_MAX && delivery->fetches[slot].is_used);
    struct attachment *attachment = delivery->fetches[slot].attachment;
    delivery->fetches[slot] = (struct fetch_slot){0};
    delivery->fetch_count--;
    if (attachment == NULL)
        return;
    attachment->is_fetching = false;
    attachment_end(delivery, attachment, ERR_TIMEOUT, clock);
}
