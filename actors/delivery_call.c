/* SPDX-License-Identifier: MPL-2.0
 *
 * What people ask for: cancelling messages, and dead letters that live again. Answers wait for the
 * commit of every change they made, however many consumers it touched.
 */
#include "delivery_state.h"

struct ticket *delivery_call_begin(struct delivery *delivery,
                                   const struct delivery_question *question)
{
    (void)delivery; /* its queue gets the ticket in delivery_call_end */
    struct ticket *ticket = ticket_new();
    ticket->done.is_call = true;
    ticket->done.question = *question;
    return ticket;
}

void delivery_call_end(struct delivery *delivery, struct ticket *call, enum err code,
                       uint64_t count)
{
    call->done.code = code;
    call->done.count = count;
    ticket_unref(delivery, call);
}

enum standing { NOT_CONCERNED, WAITS, IS_TAKEN };

/* How a consumer stands to a message. What ended in any way counts as taken: the row that says how
 * is on disk only. */
static enum standing find_standing(const struct consumer *consumer, uint64_t seq)
{
    const struct log *log = &consumer->scope->log;
    const struct aside *aside = aside_find(consumer, seq);
    if (aside != NULL)
        return aside->state == ASIDE_LEASED ? IS_TAKEN : WAITS;
    uint64_t position = log_find(log, seq - 1);
    bool is_held = position < log->end && log_at(log, position)->seq == seq;
    if (!is_held || position < consumer->base || seq <= consumer->floor_seq)
        return seq > consumer->start_seq && seq <= consumer->floor_seq ? IS_TAKEN : NOT_CONCERNED;
    if (entry_flags(log_at(log, position)) & ENTRY_SWEPT)
        return IS_TAKEN; /* expired before this consumer came; it only has not got there */
    if (position < consumer->cursor)
        return window_slot(consumer, position) == SLOT_READY ? WAITS : IS_TAKEN;
    return window_is_ahead(consumer, position) ? IS_TAKEN : WAITS;
}

/* A message that waits is aside or in the log. */
static uint32_t flags_of(const struct consumer *consumer, uint64_t seq)
{
    const struct aside *aside = aside_find(consumer, seq);
    if (aside != NULL)
        return aside->flags;
    const struct log *log = &consumer->scope->log;
    return entry_flags(log_at(log, log_find(log, seq - 1)));
}

static void cancel_one(struct delivery *delivery, struct consumer *consumer, uint64_t seq,
                       const struct delivery_clock *clock)
{
    struct aside *aside = aside_find(consumer, seq);
    uint32_t attempts = 0;
    if (aside != NULL) {
        attempts = aside->attempts;
        aside_free(consumer, aside);
    } else {
        uint64_t position = log_find(&consumer->scope->log, seq - 1);
        if (position >= consumer->cursor) {
            window_mark_ahead(consumer, position, position, false);
        } else {
            window_set(consumer, position, SLOT_GONE);
            consumer->ready_count--;
        }
    }
    change_row(delivery, consumer,
               &(struct delivery_row){.seq = seq,
                                      .last_seq = seq,
                                      .state = DELIVERY_CANCELLED,
                                      .attempts = attempts,
                                      .reason = err_code(ERR_CANCELLED),
                                      .at_ms = clock->wall_ms});
    delivery->counts.cancelled++;
    window_advance(delivery, consumer);
    consumer_arm(delivery, consumer);
}

/* May it be cancelled for the consumers of this scope? Counts those it waits for. */
static enum err count_waiting(const struct scope *scope, uint64_t seq, uint32_t *waiting)
{
    for (const struct consumer *c = scope->consumers; c != NULL; c = c->next) {
        if (!c->is_ready)
            return ERR_BUSY;
        enum standing standing = find_standing(c, seq);
        if (consumer_is_ephemeral(c))
            continue; /* it decides nothing */
        if (standing == IS_TAKEN)
            return ERR_TOO_LATE;
        *waiting += standing == WAITS;
    }
    return ERR_OK;
}

static void cancel_in(struct delivery *delivery, struct scope *scope, uint64_t seq,
                      struct ticket *call, bool *is_told, const struct delivery_clock *clock)
{
    for (struct consumer *c = scope->consumers; c != NULL; c = c->next) {
        if (find_standing(c, seq) != WAITS)
            continue;
        if (consumer_is_ephemeral(c)) {
            cancel_one(delivery, c, seq, clock);
            continue;
        }
        if (!*is_told && (flags_of(c, seq) & ENTRY_WANTS_FATE))
            change_fate(c, DELIVERY_LEVEL_CANCELLED, err_code(ERR_CANCELLED), 0, seq);
        *is_told = true;
        cancel_one(delivery, c, seq, clock);
        change_ticket(delivery, c, call);
    }
}

enum err delivery_cancel(struct delivery *delivery, struct ticket *call,
                         const struct delivery_place *place, const struct delivery_clock *clock)
{
    struct scope *scope = u64map_get_pointer(&delivery->scopes, (uint64_t)place->scope_id);
    const struct pattern_list *patterns = patterns_of(delivery, place->scope_id, place->topic);
    uint32_t pattern_count = patterns == NULL ? 0 : patterns->count;
    uint32_t waiting = 0;
    if (place->seq == 0)
        return ERR_NO_SUCH_MESSAGE;
    enum err err = scope == NULL ? ERR_OK : count_waiting(scope, place->seq, &waiting);
    for (uint32_t i = 0; !err && i < pattern_count; i++)
        err = count_waiting(patterns->scopes[i], place->seq, &waiting);
    if (err || waiting == 0)
        return err ? err : ERR_NO_SUCH_MESSAGE;
    bool is_told = false; /* one receipt, however many consumers it waited for */
    if (scope != NULL)
        cancel_in(delivery, scope, place->seq, call, &is_told, clock);
    for (uint32_t i = 0; i < pattern_count; i++)
        cancel_in(delivery, patterns->scopes[i], place->seq, call, &is_told, clock);
    return ERR_OK;
}

void delivery_redriven(struct delivery *delivery, struct consumer *consumer,
                       const struct delivery_run *run, const struct delivery_clock *clock)
{
    uint64_t expires = run->expires_ms < 0 ? 0 : (uint64_t)run->expires_ms;
    for (uint32_t i = 0; i < run->count; i++) {
        uint64_t seq = run->first_seq + i;
        if (aside_find(consumer, seq) != NULL)
            continue;
        struct log_entry head = {
            .seq = seq,
            .expires_and_flags = expires << 16 | (run->flags & ENTRY_STORED_MASK),
            .enqueue_ms = clock->steady_ms,
        };
        struct aside *aside = aside_new(consumer, &head, ASIDE_READY);
        aside->was_seen = true;
    }
    consumer_arm(delivery, consumer);
    consumer_wake(delivery, consumer);
}
