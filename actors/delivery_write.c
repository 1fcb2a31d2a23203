/* SPDX-License-Identifier: MPL-2.0
 *
 * What has to be written, and who waits for it.
 *
 * Each consumer gathers its changes (rows, fates, tickets; the floor is read when they are taken).
 * Taking moves them into `inflight`, where they stay until the commit is known: then they are
 * forgotten and their tickets released, or put back in front of what has gathered since.
 *
 * Messages settled out of order are not gathered one by one: when a write is taken, the SETTLED
 * slots of the window are compared with the SETTLED rows on disk, and only the difference is
 * written, as ranges. A consumer that settles in order so costs one floor per write.
 *
 * Of an ephemeral consumer nothing is written but that a message it got is damaged.
 *
 * Rows may be written in slices, each with the fates its rows bring (a row counts in `order` how
 * many there were before it); floor and tickets go with the last one: a row above the floor is
 * true by itself, a floor above a missing row is not.
 */
#include <stdlib.h>
#include <string.h>

#include "delivery_state.h"

#define WRITE_CONSUMERS_MAX 1024u
#define ORDER_SETTLED       UINT32_MAX /* row made by comparing, made anew when the write fails */

/* --- Gathering */

void consumer_dirty(struct delivery *delivery, struct consumer *consumer)
{
    consumer->is_dirty = true;
    delivery->has_hurry |= consumer->pending.ticket_count > 0;
    if (consumer->is_queued || consumer->is_writing || consumer->is_stopped)
        return;
    consumer->is_queued = true;
    consumer->dirty_next = NULL;
    if (delivery->dirty_last != NULL)
        delivery->dirty_last->dirty_next = consumer;
    else
        delivery->dirty_first = consumer;
    delivery->dirty_last = consumer;
}

static void add_row(struct changes *changes, const struct delivery_row *row)
{
    changes->rows = array_reserve(changes->rows, &changes->row_capacity, changes->row_count + 1,
                                  sizeof(*changes->rows));
    changes->rows[changes->row_count++] = *row;
}

void change_row(struct delivery *delivery, struct consumer *consumer,
                const struct delivery_row *row)
{
    struct changes *changes = &consumer->pending;
    if (consumer_is_ephemeral(consumer)) {
        free(row->text);
        return;
    }
    add_row(changes, row);
    changes->rows[changes->row_count - 1].order = changes->fate_seqs;
    consumer_dirty(delivery, consumer);
}

void change_remove(struct delivery *delivery, struct consumer *consumer, uint64_t seq)
{
    change_row(delivery, consumer, &(struct delivery_row){.seq = seq, .last_seq = seq});
}

static void add_fate(struct changes *changes, uint32_t level, uint32_t reason, int64_t peer_id,
                     uint64_t seq)
{
    struct fate *fate = changes->fate_count > 0 ? &changes->fates[changes->fate_count - 1] : NULL;
    if (fate == NULL || fate->level != level || fate->reason != reason ||
        fate->peer_id != peer_id) {
        changes->fates = array_reserve(changes->fates, &changes->fate_capacity,
                                       changes->fate_count + 1, sizeof(*changes->fates));
        fate = &changes->fates[changes->fate_count++];
        *fate = (struct fate){.level = level, .reason = reason, .peer_id = peer_id};
    }
    fate->seqs = array_reserve(fate->seqs, &fate->capacity, fate->count + 1, sizeof(*fate->seqs));
    fate->seqs[fate->count++] = seq;
    changes->fate_seqs++;
}

void change_fate(struct consumer *consumer, enum delivery_level level, uint32_t reason,
                 int64_t peer_id, uint64_t seq)
{
    if (consumer_is_ephemeral(consumer))
        return;
    /* Every fate comes with a settle or a row, which makes the consumer dirty. */
    add_fate(&consumer->pending, (uint32_t)level, reason, peer_id, seq);
}

void change_quarantine(struct delivery *delivery, struct consumer *consumer, uint64_t seq)
{
    struct changes *changes = &consumer->pending;
    changes->quarantine =
        array_reserve(changes->quarantine, &changes->quarantine_capacity,
                      changes->quarantine_count + 1, sizeof(*changes->quarantine));
    changes->quarantine[changes->quarantine_count++] = seq;
    consumer_dirty(delivery, consumer);
}

/* --- Tickets */

struct ticket *ticket_new(void)
{
    struct ticket *ticket = calloc(1, sizeof(*ticket));
    CHECK(ticket != NULL);
    ticket->pending = 1;
    return ticket;
}

void ticket_free(struct ticket *ticket)
{
    if (ticket == NULL)
        return;
    free(ticket->stale);
    free(ticket);
}

void ticket_unref(struct delivery *delivery, struct ticket *ticket)
{
    CHECK(ticket->pending > 0);
    if (--ticket->pending > 0)
        return;
    ticket->next = NULL;
    if (delivery->done_last != NULL)
        delivery->done_last->next = ticket;
    else
        delivery->done_first = ticket;
    delivery->done_last = ticket;
}

void change_ticket(struct delivery *delivery, struct consumer *consumer, struct ticket *ticket)
{
    struct changes *changes = &consumer->pending;
    if (changes->ticket_count > 0 && changes->tickets[changes->ticket_count - 1] == ticket)
        return; /* one call that changes many messages */
    changes->tickets = array_reserve(changes->tickets, &changes->ticket_capacity,
                                     changes->ticket_count + 1, sizeof(struct ticket *));
    changes->tickets[changes->ticket_count++] = ticket;
    ticket->pending++;
    consumer_dirty(delivery, consumer);
}

bool delivery_take_done(struct delivery *delivery, struct delivery_done *ret)
{
    ticket_free(delivery->handed_out);
    struct ticket *ticket = delivery->done_first;
    delivery->handed_out = ticket;
    if (ticket == NULL)
        return false;
    delivery->done_first = ticket->next;
    if (delivery->done_first == NULL)
        delivery->done_last = NULL;
    *ret = ticket->done;
    ret->stale = ticket->stale;
    ret->stale_count = ticket->stale_count;
    return true;
}

/* --- Change sets */

static void free_rows(struct changes *changes)
{
    for (uint32_t i = 0; i < changes->row_count; i++)
        free(changes->rows[i].text);
    free(changes->rows);
}

static void free_fates(struct changes *changes)
{
    for (uint32_t i = 0; i < changes->fate_count; i++)
        free(changes->fates[i].seqs);
    free(changes->fates);
}

void changes_fini(struct changes *changes)
{
    free_rows(changes);
    free_fates(changes);
    free(changes->quarantine);
    free(changes->tickets);
    free(changes->settled);
    *changes = (struct changes){0};
}

void release_tickets(struct delivery *delivery, struct changes *changes)
{
    for (uint32_t i = 0; i < changes->ticket_count; i++)
        ticket_unref(delivery, changes->tickets[i]);
    changes->ticket_count = 0;
}

/* --- Taking */

static int compare_rows(const void *a, const void *b)
{
    const struct delivery_row *left = a;
    const struct delivery_row *right = b;
    if (left->seq != right->seq)
        return left->seq < right->seq ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

/* Sorts by seq and keeps the newest of each. */
static void tidy_rows(struct changes *changes)
{
    if (changes->row_count < 2)
        return;
    qsort(changes->rows, changes->row_count, sizeof(*changes->rows), compare_rows);
    uint32_t kept = 0;
    for (uint32_t i = 1; i < changes->row_count; i++) {
        if (changes->rows[i].seq == changes->rows[kept].seq)
            free(changes->rows[kept].text);
        else
            kept++;
        changes->rows[kept] = changes->rows[i];
    }
    changes->row_count = kept + 1;
}

static void add_settled(struct changes *changes, uint32_t *capacity, uint64_t first, uint64_t last)
{
    changes->settled = array_reserve(changes->settled, capacity, changes->settled_count + 1,
                                     sizeof(*changes->settled));
    changes->settled[changes->settled_count++] = (struct settled_range){first, last};
}

/* The SETTLED rows there should be: one per stretch of SETTLED slots. */
static void collect_settled(const struct consumer *consumer, struct changes *changes)
{
    const struct log *log = &consumer->scope->log;
    uint32_t capacity = 0;
    for (uint64_t p = consumer->base; p < consumer->cursor; p++) {
        if (window_slot(consumer, p) != SLOT_SETTLED)
            continue;
        uint64_t first = p;
        while (p + 1 < consumer->cursor && window_slot(consumer, p + 1) == SLOT_SETTLED)
            p++;
        add_settled(changes, &capacity, log_at(log, first)->seq, log_at(log, p)->seq);
    }
    for (uint32_t i = consumer->ahead_first; i < consumer->ahead_count; i++) {
        const struct ahead *ahead = &consumer->ahead[i];
        if (ahead->is_settled)
            add_settled(changes, &capacity, log_at(log, ahead->first)->seq,
                        log_at(log, ahead->last)->seq);
    }
    changes->has_settled = true;
}

/* Rows for the difference between what is on disk and what should be. Rows at or below the floor
 * are trimmed by the writer. */
static void compare_settled(const struct consumer *consumer, struct changes *changes)
{
    uint32_t old = 0;
    for (uint32_t i = 0; i <= changes->settled_count; i++) {
        const struct settled_range *wanted =
            i < changes->settled_count ? &changes->settled[i] : NULL;
        for (; old < consumer->settled_count; old++) {
            const struct settled_range *row = &consumer->settled[old];
            if (wanted != NULL && row->first >= wanted->first)
                break;
            if (row->last > consumer->floor_seq)
                add_row(changes, &(struct delivery_row){.seq = row->first,
                                                        .last_seq = row->first,
                                                        .order = ORDER_SETTLED});
        }
        if (wanted == NULL)
            break;
        bool has_row =
            old < consumer->settled_count && consumer->settled[old].first == wanted->first;
        if (!has_row || consumer->settled[old].last != wanted->last)
            add_row(changes, &(struct delivery_row){.seq = wanted->first,
                                                    .last_seq = wanted->last,
                                                    .state = DELIVERY_SETTLED,
                                                    .order = ORDER_SETTLED});
        old += has_row;
    }
}

static void move_rows(struct changes *to, struct changes *from, uint32_t count)
{
    to->rows = array_reserve(to->rows, &to->row_capacity, to->row_count + count, sizeof(*to->rows));
    memcpy(&to->rows[to->row_count], from->rows, count * sizeof(*from->rows));
    to->row_count += count;
    from->row_count -= count;
    memmove(from->rows, &from->rows[count], from->row_count * sizeof(*from->rows));
}

/* Moves the first `count` seqs of the fates; they belong to the rows moved before. */
static void move_fates(struct changes *to, struct changes *from, uint32_t count)
{
    uint32_t done = 0;
    while (count > 0) {
        struct fate *fate = &from->fates[done];
        uint32_t part = count < fate->count ? count : fate->count;
        for (uint32_t i = 0; i < part; i++)
            add_fate(to, fate->level, fate->reason, fate->peer_id, fate->seqs[i]);
        fate->count -= part;
        memmove(fate->seqs, &fate->seqs[part], fate->count * sizeof(*fate->seqs));
        from->fate_seqs -= part;
        count -= part;
        if (fate->count == 0)
            free(from->fates[done++].seqs);
    }
    from->fate_count -= done;
    memmove(from->fates, &from->fates[done], from->fate_count * sizeof(*from->fates));
}

/* A part of a large change: rows with the fates they bring. */
static void take_slice(struct changes *to, struct changes *from, uint32_t row_count)
{
    uint32_t fates = from->rows[row_count - 1].order;
    move_rows(to, from, row_count);
    if (fates > 0)
        move_fates(to, from, fates);
    for (uint32_t i = 0; i < from->row_count; i++)
        from->rows[i].order -= fates;
}

/* A settled message at or below the floor needs no row. */
static void drop_settled_rows(struct changes *changes, uint64_t floor_seq)
{
    for (uint32_t i = 0; i < changes->row_count; i++) {
        struct delivery_row *row = &changes->rows[i];
        if (row->state == DELIVERY_SETTLED && row->last_seq <= floor_seq)
            row->state = 0;
    }
}

/* Moves what is pending into inflight; false: there is nothing that needs a write. */
static bool capture(struct delivery *delivery, struct consumer *consumer)
{
    struct changes *inflight = &consumer->inflight;
    uint32_t rows_max = delivery->options.write_rows_max;
    if (consumer->pending.row_count > rows_max) {
        take_slice(inflight, &consumer->pending, rows_max);
    } else {
        *inflight = consumer->pending;
        consumer->pending = (struct changes){0};
        consumer->is_dirty = false;
        inflight->base = consumer->base;
        if (consumer->floor_seq > consumer->floor_written)
            inflight->floor_seq = consumer->floor_seq;
    }
    for (uint32_t i = 0; i < inflight->row_count; i++)
        inflight->rows[i].order = i;
    bool has_settled_changed = consumer->has_settled_changed && !consumer_is_ephemeral(consumer);
    if (!consumer->is_dirty && has_settled_changed) {
        collect_settled(consumer, inflight);
        compare_settled(consumer, inflight);
        consumer->has_settled_changed = false;
    }
    tidy_rows(inflight);
    if (inflight->floor_seq != 0)
        drop_settled_rows(inflight, inflight->floor_seq);
    return inflight->row_count > 0 || inflight->floor_seq != 0 || inflight->fate_count > 0 ||
           inflight->quarantine_count > 0;
}

/* The commit is done, or was not needed. */
static void finish(struct delivery *delivery, struct consumer *consumer)
{
    struct changes *inflight = &consumer->inflight;
    if (inflight->floor_seq != 0) {
        consumer->floor_written = inflight->floor_seq;
        if (inflight->base > consumer->base_written)
            consumer->base_written = inflight->base;
    }
    if (consumer->floor_written == consumer->floor_seq)
        consumer->base_written = consumer->base;
    if (inflight->has_settled) {
        free(consumer->settled);
        consumer->settled = inflight->settled;
        consumer->settled_count = inflight->settled_count;
        inflight->settled = NULL;
    }
    release_tickets(delivery, inflight);
    changes_fini(inflight);
}

static void write_add(struct write *write, struct consumer *consumer)
{
    const struct changes *changes = &consumer->inflight;
    uint32_t count = write->consumer_count;
    write->consumers = array_reserve(write->consumers, &write->consumer_capacity, count + 1,
                                     sizeof(struct consumer *));
    write->changes =
        array_reserve(write->changes, &write->change_capacity, count + 1, sizeof(*write->changes));
    write->consumers[count] = consumer;
    write->changes[count] = (struct delivery_change){
        .consumer_id = consumer->id,
        .floor_seq = changes->floor_seq,
        .rows = changes->rows,
        .row_count = changes->row_count,
    };
    write->consumer_count++;
    for (uint32_t i = 0; i < changes->fate_count; i++) {
        const struct fate *fate = &changes->fates[i];
        write->fates = array_reserve(write->fates, &write->fate_capacity, write->fate_count + 1,
                                     sizeof(*write->fates));
        write->fates[write->fate_count++] = (struct delivery_fate){
            fate->level, fate->reason, consumer->scope->id, fate->peer_id, fate->seqs, fate->count};
    }
    for (uint32_t i = 0; i < changes->quarantine_count; i++) {
        write->quarantine = array_reserve(write->quarantine, &write->quarantine_capacity,
                                          write->quarantine_count + 1, sizeof(uint64_t));
        write->quarantine[write->quarantine_count++] = changes->quarantine[i];
    }
}

static struct consumer *dirty_pop(struct delivery *delivery)
{
    struct consumer *consumer = delivery->dirty_first;
    delivery->dirty_first = consumer->dirty_next;
    if (delivery->dirty_first == NULL)
        delivery->dirty_last = NULL;
    consumer->is_queued = false;
    return consumer;
}

static bool may_write(const struct delivery *delivery, const struct delivery_clock *clock)
{
    if (delivery->dirty_first == NULL || delivery->write_count == DELIVERY_WRITES_MAX ||
        clock->steady_ms < delivery->write_not_before_ms)
        return false;
    return delivery->has_hurry || clock->steady_ms >= delivery->write_next_ms;
}

bool delivery_take_write(struct delivery *delivery, const struct delivery_clock *clock,
                         struct delivery_write *ret)
{
    if (!may_write(delivery, clock))
        return false;
    uint32_t slot = 0;
    while (delivery->writes[slot].is_used)
        slot++;
    struct write *write = &delivery->writes[slot];
    write->consumer_count = 0;
    write->fate_count = 0;
    write->quarantine_count = 0;
    uint32_t row_count = 0;
    while (delivery->dirty_first != NULL && row_count < delivery->options.write_rows_max &&
           write->consumer_count < WRITE_CONSUMERS_MAX) {
        struct consumer *consumer = dirty_pop(delivery);
        if (!capture(delivery, consumer)) {
            finish(delivery, consumer);
            continue;
        }
        consumer->is_writing = true;
        row_count += consumer->inflight.row_count;
        write_add(write, consumer);
    }
    if (delivery->dirty_first == NULL) {
        delivery->has_hurry = false;
        delivery->write_next_ms = clock->steady_ms + delivery->options.write_interval_ms;
    }
    if (write->consumer_count == 0)
        return false;
    write->is_used = true;
    delivery->write_count++;
    *ret = (struct delivery_write){slot,
                                   write->changes,
                                   write->consumer_count,
                                   write->fates,
                                   write->fate_count,
                                   write->quarantine,
                                   write->quarantine_count};
    return true;
}

/* --- The answer */

static void drop_compared_rows(struct changes *changes)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < changes->row_count; i++) {
        if (changes->rows[i].order != ORDER_SETTLED)
            changes->rows[kept++] = changes->rows[i];
    }
    changes->row_count = kept;
}

/* Appends the pending fates, quarantine and tickets to those that were in flight. */
static void join_rest(struct changes *first, struct changes *second)
{
    if (second->fate_seqs > 0)
        move_fates(first, second, second->fate_seqs);
    first->quarantine =
        array_reserve(first->quarantine, &first->quarantine_capacity,
                      first->quarantine_count + second->quarantine_count, sizeof(uint64_t));
    for (uint32_t i = 0; i < second->quarantine_count; i++)
        first->quarantine[first->quarantine_count++] = second->quarantine[i];
    first->tickets =
        array_reserve(first->tickets, &first->ticket_capacity,
                      first->ticket_count + second->ticket_count, sizeof(struct ticket *));
    for (uint32_t i = 0; i < second->ticket_count; i++)
        first->tickets[first->ticket_count++] = second->tickets[i];
}

static void put_back(struct consumer *consumer)
{
    struct changes *inflight = &consumer->inflight;
    drop_compared_rows(inflight);
    consumer->has_settled_changed |= inflight->has_settled;
    free(inflight->settled);
    inflight->settled = NULL;
    inflight->settled_count = 0;
    inflight->has_settled = false;
    inflight->floor_seq = 0;
    for (uint32_t i = 0; i < inflight->row_count; i++)
        inflight->rows[i].order = inflight->fate_seqs;
    for (uint32_t i = 0; i < consumer->pending.row_count; i++)
        consumer->pending.rows[i].order += inflight->fate_seqs;
    if (consumer->pending.row_count > 0)
        move_rows(inflight, &consumer->pending, consumer->pending.row_count);
    join_rest(inflight, &consumer->pending);
    changes_fini(&consumer->pending);
    consumer->pending = *inflight;
    *inflight = (struct changes){0};
    consumer->is_dirty = true;
}

void delivery_written(struct delivery *delivery, uint32_t slot, bool is_ok,
                      const struct delivery_clock *clock)
{
    CHECK(slot < DELIVERY_WRITES_MAX && delivery->writes[slot].is_used);
    struct write *write = &delivery->writes[slot];
    write->is_used = false;
    delivery->write_count--;
    if (!is_ok)
        delivery->write_not_before_ms = clock->steady_ms + WRITE_PAUSE_MS;
    for (uint32_t i = 0; i < write->consumer_count; i++) {
        struct consumer *consumer = write->consumers[i];
        if (consumer == NULL)
            continue; /* removed meanwhile */
        consumer->is_writing = false;
        if (is_ok)
            finish(delivery, consumer);
        else
            put_back(consumer);
        if (consumer->is_dirty)
            consumer_dirty(delivery, consumer);
        consumer_wake(delivery, consumer);
    }
}

bool delivery_is_written(const struct delivery *delivery)
{
    return delivery->dirty_first == NULL && delivery->write_count == 0;
}

void writes_forget(struct delivery *delivery, struct consumer *consumer)
{
    for (uint32_t slot = 0; slot < DELIVERY_WRITES_MAX; slot++) {
        struct write *write = &delivery->writes[slot];
        for (uint32_t i = 0; write->is_used && i < write->consumer_count; i++) {
            if (write->consumers[i] == consumer)
                write->consumers[i] = NULL;
        }
    }
    release_tickets(delivery, &consumer->inflight);
    release_tickets(delivery, &consumer->pending);
    if (!consumer->is_queued)
        return;
    struct consumer *previous = NULL;
    for (struct consumer *c = delivery->dirty_first; c != consumer; c = c->dirty_next)
        previous = c;
    if (previous != NULL)
        previous->dirty_next = consumer->dirty_next;
    else
        delivery->dirty_first = consumer->dirty_next;
    if (delivery->dirty_last == consumer)
        delivery->dirty_last = previous;
    consumer->is_queued = false;
}
