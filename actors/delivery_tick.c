/* SPDX-License-Identifier: MPL-2.0
 *
 * What time does: leases run out, retries and schedules fall due, messages expire.
 *
 * Three heaps name who is to be looked at when: attachments by a bound of their earliest lease,
 * consumers by their earliest retry, scopes by a bound of their earliest expiry. Bounds may be
 * early, never late: looking in vain costs little, and whoever was looked at comes back no sooner
 * than a gap later. All of it runs on the steady clock; expiry asks the wall clock too.
 */
#include "delivery_state.h"

/* --- Expiry */

void scope_arm(struct delivery *delivery, struct scope *scope, int64_t not_before_ms)
{
    int64_t when_ms = scope->log.expires_min_ms;
    if (when_ms == INT64_MAX)
        return;
    if (when_ms < not_before_ms)
        when_ms = not_before_ms;
    if (!heap_has(&scope->sweep))
        CHECK(heap_push(&delivery->sweeps, &scope->sweep, when_ms) == ERR_OK);
    else if (when_ms < scope->sweep.key)
        heap_move(&delivery->sweeps, &scope->sweep, when_ms);
}

static void fate_expired(struct consumer *consumer, uint64_t seq, uint32_t flags,
                         struct log_entry *entry)
{
    if (!(flags & ENTRY_WANTS_FATE) || (flags & ENTRY_TOLD) || consumer_is_ephemeral(consumer))
        return;
    if (consumer->scope->kind == DELIVERY_PEER && (flags & ENTRY_SETTLED))
        return; /* it was delivered: that is what its sender knows */
    if (entry != NULL)
        entry_flag_set(entry, ENTRY_TOLD);
    change_fate(consumer, DELIVERY_LEVEL_EXPIRED, err_code(ERR_EXPIRED), 0, seq);
}

static void put_expired(struct delivery *delivery, struct consumer *consumer, uint64_t first,
                        uint64_t last, const struct delivery_clock *clock)
{
    const struct log *log = &consumer->scope->log;
    for (uint64_t p = first; p <= last; p++) {
        struct log_entry *entry = log_at(log, p);
        fate_expired(consumer, entry->seq, entry_flags(entry), entry);
    }
    delivery->counts.expired += last - first + 1;
    change_row(delivery, consumer,
               &(struct delivery_row){.seq = log_at(log, first)->seq,
                                      .last_seq = log_at(log, last)->seq,
                                      .state = DELIVERY_EXPIRED,
                                      .reason = err_code(ERR_EXPIRED),
                                      .at_ms = clock->wall_ms});
}

/* One stretch of READY slots. */
static void expire_slots(struct delivery *delivery, struct consumer *consumer, uint64_t first,
                         uint64_t last, const struct delivery_clock *clock)
{
    put_expired(delivery, consumer, first, last, clock);
    for (uint64_t p = first; p <= last; p++)
        window_set(consumer, p, SLOT_GONE);
    consumer->ready_count -= (uint32_t)(last - first + 1);
}

/* One stretch behind the cursor, none of it accounted for. */
static void expire_ahead(struct delivery *delivery, struct consumer *consumer, uint64_t first,
                         uint64_t last, const struct delivery_clock *clock)
{
    uint64_t count = last - first + 1;
    put_expired(delivery, consumer, first, last, clock);
    bool fits = consumer->base == consumer->cursor ||
                consumer->cursor - consumer->base + count <= delivery->options.span_max;
    if (first == consumer->cursor && fits)
        window_extend(delivery, consumer, count, SLOT_GONE);
    else
        window_mark_ahead(consumer, first, last, false);
}

static bool can_expire(const struct consumer *consumer, uint64_t position)
{
    if (position < consumer->cursor)
        return window_slot(consumer, position) == SLOT_READY;
    return log_at(&consumer->scope->log, position)->seq > consumer->floor_seq &&
           !window_is_ahead(consumer, position);
}

void consumer_expire(struct delivery *delivery, struct consumer *consumer, uint64_t first,
                     uint64_t last, const struct delivery_clock *clock)
{
    uint64_t position = first < consumer->base ? consumer->base : first;
    while (position <= last) {
        if (!can_expire(consumer, position)) {
            position++;
            continue;
        }
        bool is_slot = position < consumer->cursor;
        uint64_t end = position + 1;
        while (end <= last && (!is_slot || end < consumer->cursor) && can_expire(consumer, end))
            end++;
        if (is_slot)
            expire_slots(delivery, consumer, position, end - 1, clock);
        else
            expire_ahead(delivery, consumer, position, end - 1, clock);
        position = end;
    }
}

void aside_expire(struct delivery *delivery, struct consumer *consumer, struct aside *aside,
                  const struct delivery_clock *clock)
{
    struct log *log = &consumer->scope->log;
    uint64_t position = log_find(log, aside->seq - 1);
    struct log_entry *entry = NULL;
    uint32_t flags = aside->flags;
    if (position < log->end && log_at(log, position)->seq == aside->seq) {
        entry = log_at(log, position);
        flags |= entry_flags(entry);
    }
    fate_expired(consumer, aside->seq, flags, entry);
    delivery->counts.expired++;
    change_row(delivery, consumer,
               &(struct delivery_row){.seq = aside->seq,
                                      .last_seq = aside->seq,
                                      .state = DELIVERY_EXPIRED,
                                      .attempts = aside->attempts,
                                      .reason = err_code(ERR_EXPIRED),
                                      .at_ms = clock->wall_ms});
    aside_free(consumer, aside);
}

static void sweep_run(struct delivery *delivery, struct scope *scope, uint64_t first, uint64_t last,
                      const struct delivery_clock *clock)
{
    for (struct consumer *c = scope->consumers; c != NULL; c = c->next) {
        if (!c->is_ready)
            continue;
        consumer_expire(delivery, c, first, last, clock);
        window_advance(delivery, c);
    }
    for (uint64_t p = first; p <= last; p++)
        entry_flag_set(log_at(&scope->log, p), ENTRY_SWEPT);
}

static bool is_due_entry(const struct log_entry *entry, const struct delivery_clock *clock)
{
    return !(entry_flags(entry) & ENTRY_SWEPT) && is_expired(entry_expires_ms(entry), clock);
}

/* Positions [begin, end) of one chunk; returns the earliest expiry that is left. */
static int64_t sweep_chunk(struct delivery *delivery, struct scope *scope, uint64_t begin,
                           uint64_t end, const struct delivery_clock *clock)
{
    int64_t left_ms = INT64_MAX;
    for (uint64_t p = begin; p < end; p++) {
        const struct log_entry *entry = log_at(&scope->log, p);
        if (is_due_entry(entry, clock)) {
            uint64_t last = p;
            while (last + 1 < end && is_due_entry(log_at(&scope->log, last + 1), clock))
                last++;
            sweep_run(delivery, scope, p, last, clock);
            p = last;
        } else if (!(entry_flags(entry) & ENTRY_SWEPT) && entry_expires_ms(entry) < left_ms) {
            left_ms = entry_expires_ms(entry);
        }
    }
    return left_ms;
}

static void sweep_scope(struct delivery *delivery, struct scope *scope,
                        const struct delivery_clock *clock)
{
    struct log *log = &scope->log;
    int64_t left_ms = INT64_MAX;
    log->holds++; /* positions stay while we walk */
    for (uint64_t begin = log->first; begin < log->end;) {
        uint64_t end = (begin | (LOG_CHUNK - 1)) + 1;
        if (end > log->end)
            end = log->end;
        struct log_chunk *chunk = log_chunk(log, begin);
        if (chunk->expires_min_ms <= clock->steady_ms && chunk->expires_min_ms <= clock->wall_ms)
            chunk->expires_min_ms = sweep_chunk(delivery, scope, begin, end, clock);
        if (chunk->expires_min_ms < left_ms)
            left_ms = chunk->expires_min_ms;
        begin = end;
    }
    log->expires_min_ms = left_ms;
    log->holds--;
    log_trim(log);
    for (struct consumer *c = scope->consumers; c != NULL; c = c->next) {
        if (c->is_ready)
            window_restart(c);
    }
    scope_arm(delivery, scope, clock->steady_ms + SWEEP_GAP_MS);
}

/* --- Leases */

static void expire_leases(struct delivery *delivery, struct attachment *attachment,
                          const struct delivery_clock *clock)
{
    struct failure over = {.reason = err_code(ERR_TIMEOUT), .text = "the lease ran out"};
    int64_t next_ms = INT64_MAX;
    for (uint64_t no = attachment->lowest_open; no < attachment->next_no; no++) {
        struct lease *lease = attachment_lease(attachment, no);
        if (lease->state != LEASE_OPEN)
            continue;
        bool is_on_its_way = attachment->is_fetching && no >= attachment->fetch_first;
        int64_t deadline_ms =
            is_on_its_way ? clock->steady_ms + attachment->lease_ms : lease->deadline_ms;
        if (deadline_ms > clock->steady_ms) {
            next_ms = deadline_ms < next_ms ? deadline_ms : next_ms;
            continue;
        }
        outcome_fail(delivery, attachment, lease, &over, clock);
        lease->state = LEASE_OVER;
    }
    outcomes_done(delivery, attachment);
    int64_t gap_ms = clock->steady_ms + LEASE_GAP_MS;
    if (attachment->open_count > 0)
        attachment_arm(delivery, attachment, next_ms > gap_ms ? next_ms : gap_ms);
    consumer_wake(delivery, attachment->consumer);
}

/* --- Retries, schedules, and asides that expire */

static void expire_asides(struct delivery *delivery, struct consumer *consumer,
                          const struct delivery_clock *clock)
{
    int64_t left_ms = INT64_MAX;
    struct u64map_cursor cursor = {0};
    while (u64map_next(&consumer->asides, &cursor)) {
        struct aside *aside = (struct aside *)(uintptr_t)cursor.value;
        if (aside->is_swept)
            continue;
        if (!is_expired(aside->expires_ms, clock))
            left_ms = aside->expires_ms < left_ms ? aside->expires_ms : left_ms;
        else if (aside->state == ASIDE_LEASED)
            aside->is_swept = true; /* ends with its lease */
        else
            aside_expire(delivery, consumer, aside, clock);
    }
    consumer->aside_expires_ms = left_ms;
}

static void consumer_tick(struct delivery *delivery, struct consumer *consumer,
                          const struct delivery_clock *clock)
{
    if (consumer->aside_expires_ms <= clock->steady_ms &&
        consumer->aside_expires_ms <= clock->wall_ms)
        expire_asides(delivery, consumer, clock);
    struct heap_node *node;
    while (consumer->attachment_count > 0 && (node = heap_top(&consumer->due)) != NULL &&
           node->key <= clock->steady_ms)
        aside_set(consumer, HEAP_ENTRY(node, struct aside, node), ASIDE_READY, 0);
    consumer_arm(delivery, consumer);
    if (heap_has(&consumer->timer) && consumer->timer.key <= clock->steady_ms)
        heap_move(&delivery->timers, &consumer->timer, clock->steady_ms + SWEEP_GAP_MS);
    consumer_wake(delivery, consumer);
}

/* --- The whole */

static int64_t top_ms(const struct heap *heap)
{
    struct heap_node *node = heap_top(heap);
    return node == NULL ? DELIVERY_NEVER_MS : node->key;
}

int64_t delivery_next_ms(const struct delivery *delivery)
{
    int64_t next_ms = top_ms(&delivery->sweeps);
    int64_t other_ms = top_ms(&delivery->timers);
    next_ms = other_ms < next_ms ? other_ms : next_ms;
    other_ms = top_ms(&delivery->lease_timers);
    next_ms = other_ms < next_ms ? other_ms : next_ms;
    if (delivery->pause_until_ms != 0 && delivery->pause_until_ms < next_ms)
        next_ms = delivery->pause_until_ms;
    if (delivery->dirty_first != NULL && delivery->write_not_before_ms != 0 &&
        delivery->write_not_before_ms < next_ms)
        next_ms = delivery->write_not_before_ms;
    else if (delivery->dirty_first != NULL && delivery->write_count < DELIVERY_WRITES_MAX &&
             delivery->write_next_ms < next_ms)
        next_ms = delivery->write_next_ms;
    return next_ms;
}

static void end_pauses(struct delivery *delivery, const struct delivery_clock *clock)
{
    delivery->pause_until_ms = 0;
    struct hash_cursor cursor = {0};
    while (hash_next(&delivery->attachments, &cursor)) {
        struct attachment *attachment = (struct attachment *)(uintptr_t)cursor.value;
        if (attachment->fetch_not_before_ms == 0)
            continue;
        if (attachment->fetch_not_before_ms <= clock->steady_ms) {
            attachment->fetch_not_before_ms = 0;
            attachment_wake(delivery, attachment);
        } else if (delivery->pause_until_ms == 0 ||
                   attachment->fetch_not_before_ms < delivery->pause_until_ms) {
            delivery->pause_until_ms = attachment->fetch_not_before_ms;
        }
    }
}

void delivery_tick(struct delivery *delivery, const struct delivery_clock *clock)
{
    while (top_ms(&delivery->lease_timers) <= clock->steady_ms)
        expire_leases(delivery,
                      HEAP_ENTRY(heap_pop(&delivery->lease_timers), struct attachment, lease_timer),
                      clock);
    while (top_ms(&delivery->timers) <= clock->steady_ms)
        consumer_tick(delivery, HEAP_ENTRY(heap_top(&delivery->timers), struct consumer, timer),
                      clock);
    while (top_ms(&delivery->sweeps) <= clock->steady_ms)
        sweep_scope(delivery, HEAP_ENTRY(heap_pop(&delivery->sweeps), struct scope, sweep), clock);
    if (delivery->pause_until_ms != 0 && delivery->pause_until_ms <= clock->steady_ms)
        end_pauses(delivery, clock);
    if (delivery->write_not_before_ms <= clock->steady_ms)
        delivery->write_not_before_ms = 0;
}
