/* SPDX-License-Identifier: MPL-2.0
 *
 * From the store into memory: rows and heads become logs, asides and windows.
 *
 * One load reads the heads of all scopes in seq order, from the lowest floor of a consumer that is
 * not ready. At start it reads up to the newest message there is (and APPENDED is forgotten
 * meanwhile, for the load reads committed messages anyway); later it reads up to where the logs
 * begin, for consumers that start below it. Below every floor only the heads of messages with a
 * RETRY or SCHEDULED row are needed: the load jumps from one to the next.
 */
#include <stdlib.h>
#include <string.h>

#include "delivery_state.h"

#define SEQ_MAX ((uint64_t)INT64_MAX)

/* --- Rows */

static bool is_open_row(const struct delivery_row *row)
{
    return row->state == DELIVERY_RETRY || row->state == DELIVERY_SCHEDULED;
}

void delivery_load_row(struct delivery *delivery, int64_t consumer_id,
                       const struct delivery_row *row)
{
    struct consumer *consumer = delivery_consumer_by_id(delivery, consumer_id);
    if (consumer == NULL || consumer->is_ready)
        return; /* removed meanwhile */
    consumer->rows = array_reserve(consumer->rows, &consumer->row_capacity, consumer->row_count + 1,
                                   sizeof(*consumer->rows));
    struct loaded_row *loaded = &consumer->rows[consumer->row_count++];
    *loaded = (struct loaded_row){.row = *row};
    loaded->row.text = NULL;
    consumer->scope->has_rows |= is_open_row(row);
}

void consumer_load_fini(struct consumer *consumer)
{
    free(consumer->rows);
    consumer->rows = NULL;
    consumer->row_count = 0;
    consumer->row_capacity = 0;
}

/* Index of the first row with a seq not below `seq`. */
static uint32_t row_index(const struct consumer *consumer, uint64_t seq)
{
    uint32_t low = 0;
    uint32_t high = consumer->row_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (consumer->rows[middle].row.seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- What to read */

static int compare_seqs(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void want_rows(struct delivery *delivery, const struct scope *scope)
{
    for (const struct consumer *c = scope->consumers; c != NULL; c = c->next) {
        for (uint32_t i = 0; i < c->row_count; i++) {
            const struct delivery_row *row = &c->rows[i].row;
            if (!is_open_row(row) || row->seq > scope->load_after)
                continue;
            delivery->wanted = array_reserve(delivery->wanted, &delivery->wanted_capacity,
                                             delivery->wanted_count + 1, sizeof(uint64_t));
            delivery->wanted[delivery->wanted_count++] = row->seq;
        }
    }
}

/* The log holds everything with seq above this that was committed. */
static uint64_t scope_covered_after(const struct scope *scope)
{
    return scope->log.dropped_seq > scope->covered_after ? scope->log.dropped_seq
                                                         : scope->covered_after;
}

/* The scope takes part in the load under way, for consumers with this floor and above. */
static void scope_join(struct delivery *delivery, struct scope *scope, uint64_t floor_seq)
{
    if (!scope->is_loading) {
        scope->is_loading = true;
        scope->load_after = floor_seq;
        scope->load_upto = delivery->is_starting ? SEQ_MAX : scope_covered_after(scope);
        scope->log.holds++;
    }
    if (floor_seq < scope->load_after)
        scope->load_after = floor_seq;
    if (scope->load_after < delivery->load_low)
        delivery->load_low = scope->load_after;
    if (scope->load_upto > delivery->load_target && !delivery->is_starting)
        delivery->load_target = scope->load_upto;
}

static void scope_join_all(struct delivery *delivery, struct scope *scope)
{
    for (struct consumer *c = scope->consumers; c != NULL; c = c->next) {
        if (!c->is_ready)
            scope_join(delivery, scope, c->floor_seq);
    }
    if (scope->is_loading && scope->has_rows)
        want_rows(delivery, scope);
}

bool delivery_load_begin(struct delivery *delivery)
{
    if (delivery->is_load_running)
        return true;
    delivery->load_low = SEQ_MAX;
    delivery->load_position = 0;
    delivery->wanted_count = 0;
    delivery->load_target = delivery->is_starting ? delivery->appended_upto : 0;
    if (delivery->unready_count == 0 && !delivery->is_starting)
        return false;
    struct u64map_cursor cursor = {0};
    while (u64map_next(&delivery->scopes, &cursor))
        scope_join_all(delivery, (struct scope *)(uintptr_t)cursor.value);
    if (delivery->wanted_count > 1)
        qsort(delivery->wanted, delivery->wanted_count, sizeof(uint64_t), compare_seqs);
    delivery->is_load_running = true;
    return true;
}

uint64_t delivery_load_after(struct delivery *delivery)
{
    uint64_t position = delivery->load_position;
    if (position >= delivery->load_low)
        return position;
    for (uint32_t i = 0; i < delivery->wanted_count; i++) {
        if (delivery->wanted[i] > position)
            return delivery->wanted[i] - 1 < delivery->load_low ? delivery->wanted[i] - 1
                                                                : delivery->load_low;
    }
    return delivery->load_low;
}

/* --- What was read */

static void consumer_begin_at(struct consumer *consumer, uint64_t floor_seq)
{
    consumer->floor_seq = floor_seq;
    consumer->floor_written = floor_seq;
    consumer->start_seq = floor_seq;
}

/* What is on disk is read as steady time, which began as wall time: a wall clock that has jumped
 * since the start makes no schedule early. */
static uint32_t run_flags(const struct delivery_run *run, const struct delivery_clock *clock)
{
    uint32_t flags = run->flags & ENTRY_STORED_MASK;
    return run->not_before_ms > clock->steady_ms ? flags | ENTRY_LATER : flags;
}

static void match_rows(struct scope *scope, const struct delivery_run *run,
                       const struct delivery_clock *clock)
{
    uint64_t end = run->first_seq + run->count;
    for (struct consumer *c = scope->consumers; c != NULL; c = c->next) {
        for (uint32_t i = row_index(c, run->first_seq);
             i < c->row_count && c->rows[i].row.seq < end; i++) {
            uint64_t expires = run->expires_ms < 0 ? 0 : (uint64_t)run->expires_ms;
            c->rows[i].head = (struct log_entry){
                .seq = c->rows[i].row.seq,
                .expires_and_flags = expires << 16 | (run->flags & ENTRY_STORED_MASK),
                .enqueue_ms = run->stored_ms < clock->steady_ms ? run->stored_ms : clock->steady_ms,
            };
        }
    }
}

/* Only ephemeral consumers wait for the load: they begin later rather than fill the memory. */
static void forget_oldest(const struct delivery *delivery, struct scope *scope)
{
    uint32_t kept = delivery->options.ephemeral_behind_max / 2;
    if (scope->loaded_count <= 2 * kept)
        return;
    for (const struct consumer *c = scope->consumers; c != NULL; c = c->next) {
        if (!c->is_ready && !consumer_is_ephemeral(c))
            return;
    }
    uint32_t forgotten = scope->loaded_count - kept;
    scope->load_after = scope->loaded[forgotten - 1].seq;
    memmove(scope->loaded, &scope->loaded[forgotten], kept * sizeof(*scope->loaded));
    scope->loaded_count = kept;
    for (struct consumer *c = scope->consumers; c != NULL; c = c->next) {
        if (!c->is_ready && c->floor_seq < scope->load_after)
            consumer_begin_at(c, scope->load_after);
    }
}

static void keep_loaded(struct scope *scope, const struct log_run *run)
{
    scope->loaded = array_reserve(scope->loaded, &scope->loaded_capacity,
                                  scope->loaded_count + run->count, sizeof(*scope->loaded));
    uint64_t expires_and_flags = (uint64_t)run->expires_ms << 16 | run->flags;
    for (uint32_t i = 0; i < run->count; i++)
        scope->loaded[scope->loaded_count++] =
            (struct log_entry){run->first_seq + i, expires_and_flags, run->enqueue_ms};
}

static void load_into(struct delivery *delivery, struct scope *scope,
                      const struct delivery_run *run, const struct delivery_clock *clock)
{
    if (!scope->is_loading)
        return;
    uint64_t first = run->first_seq;
    uint64_t end = first + run->count;
    if (first <= scope->load_after) {
        if (scope->has_rows)
            match_rows(scope, run, clock);
        first = scope->load_after + 1;
    }
    if (end > scope->load_upto + 1)
        end = scope->load_upto + 1;
    if (first >= end)
        return;
    struct log_run piece = {
        .first_seq = first,
        .count = (uint32_t)(end - first),
        .flags = run_flags(run, clock),
        .expires_ms = run->expires_ms < 0 ? 0 : run->expires_ms,
        .enqueue_ms = run->stored_ms < clock->steady_ms ? run->stored_ms : clock->steady_ms,
    };
    if (piece.flags & ENTRY_LATER) {
        for (uint64_t seq = first; seq < end; seq++)
            log_add_later(&scope->log, seq, run->not_before_ms);
    }
    if (delivery->is_starting)
        log_append(&scope->log, &piece);
    else
        keep_loaded(scope, &piece);
    forget_oldest(delivery, scope);
}

void delivery_load_run(struct delivery *delivery, const struct delivery_run *run,
                       const struct delivery_clock *clock)
{
    struct scope *scope = u64map_get_pointer(&delivery->scopes, (uint64_t)run->scope_id);
    const struct pattern_list *patterns = patterns_of(delivery, run->scope_id, run->topic);
    if (scope != NULL)
        load_into(delivery, scope, run, clock);
    for (uint32_t i = 0; patterns != NULL && i < patterns->count; i++)
        load_into(delivery, patterns->scopes[i], run, clock);
}

/* --- Ready */

/* Positions of the scope's messages with a seq within [first_seq, last_seq] above the floor. */
static void mark_range(struct consumer *consumer, const struct delivery_row *row,
                       uint64_t *next_position)
{
    const struct log *log = &consumer->scope->log;
    uint64_t first_seq = row->seq > consumer->floor_seq ? row->seq : consumer->floor_seq + 1;
    uint64_t first = log_find(log, first_seq - 1);
    uint64_t end = log_find(log, row->last_seq);
    if (first < *next_position)
        first = *next_position;
    if (first >= end)
        return;
    window_mark_ahead(consumer, first, end - 1, row->state == DELIVERY_SETTLED);
    *next_position = end;
}

static void apply_open_row(struct delivery *delivery, struct consumer *consumer,
                           const struct loaded_row *loaded, const struct delivery_clock *clock)
{
    const struct log *log = &consumer->scope->log;
    const struct delivery_row *row = &loaded->row;
    const struct log_entry *head = &loaded->head;
    uint64_t position = log_find(log, row->seq - 1);
    if (position < log->end && log_at(log, position)->seq == row->seq)
        head = log_at(log, position);
    if (head->seq == 0) { /* removed by retention, which comes after expiry */
        change_row(delivery, consumer,
                   &(struct delivery_row){.seq = row->seq,
                                          .last_seq = row->seq,
                                          .state = DELIVERY_EXPIRED,
                                          .attempts = row->attempts,
                                          .reason = err_code(ERR_NO_SUCH_MESSAGE),
                                          .at_ms = clock->wall_ms});
        return;
    }
    enum aside_state state = row->state == DELIVERY_RETRY ? ASIDE_RETRY : ASIDE_SCHEDULED;
    struct aside *aside = aside_new(consumer, head, state);
    aside->attempts = row->attempts;
    aside->was_seen = true; /* or may have been, by an earlier run */
    aside_set(consumer, aside, state, steady_of(clock, row->due_ms));
}

static void apply_rows(struct delivery *delivery, struct consumer *consumer,
                       const struct delivery_clock *clock)
{
    uint64_t next_position = consumer->cursor;
    uint32_t settled_capacity = 0;
    for (uint32_t i = 0; i < consumer->row_count; i++) {
        const struct loaded_row *loaded = &consumer->rows[i];
        if (is_open_row(&loaded->row))
            apply_open_row(delivery, consumer, loaded, clock);
        if (loaded->row.last_seq <= consumer->floor_seq)
            continue;
        mark_range(consumer, &loaded->row, &next_position);
        if (loaded->row.state != DELIVERY_SETTLED)
            continue;
        consumer->settled = array_reserve(consumer->settled, &settled_capacity,
                                          consumer->settled_count + 1, sizeof(*consumer->settled));
        consumer->settled[consumer->settled_count++] =
            (struct settled_range){loaded->row.seq, loaded->row.last_seq};
    }
    consumer_load_fini(consumer);
}

void consumer_try_ready(struct delivery *delivery, struct consumer *consumer,
                        const struct delivery_clock *clock)
{
    struct scope *scope = consumer->scope;
    if (consumer->is_ready || scope->is_loading || consumer->floor_seq < scope_covered_after(scope))
        return;
    consumer->is_ready = true;
    delivery->unready_count--;
    uint64_t position = log_find(&scope->log, consumer->floor_seq);
    uint64_t behind_max = delivery->options.ephemeral_behind_max / 2;
    if (consumer_is_ephemeral(consumer) && scope->log.end - position > behind_max) {
        position = scope->log.end - behind_max;
        consumer_begin_at(consumer, log_at(&scope->log, position - 1)->seq);
    }
    window_start(consumer, position);
    log_base_add(&scope->log, consumer->base);
    if (!consumer->is_new)
        consumer->seen_before = consumer->base + UNWRITTEN_SPANS * delivery->options.span_max;
    if (consumer->row_count > 0)
        apply_rows(delivery, consumer, clock);
    consumer_arm(delivery, consumer);
}

static void scope_loaded(struct delivery *delivery, struct scope *scope,
                         const struct delivery_clock *clock)
{
    if (scope->is_loading) {
        for (uint32_t i = scope->loaded_count; i-- > 0;)
            log_prepend(&scope->log, &scope->loaded[i]);
        free(scope->loaded);
        scope->loaded = NULL;
        scope->loaded_count = 0;
        scope->loaded_capacity = 0;
        scope->is_loading = false;
        scope->covered_after = scope->load_after;
        scope->log.dropped_seq = 0;
    } else if (scope->covered_after == UINT64_MAX) {
        scope->covered_after = delivery->appended_upto; /* came too late for this load */
        scope->log.holds++;
    } else {
        return;
    }
    for (struct consumer *c = scope->consumers; c != NULL; c = c->next)
        consumer_try_ready(delivery, c, clock);
    scope->has_rows = false;
    scope->log.holds--;
    log_trim(&scope->log);
    scope_arm(delivery, scope, clock->steady_ms);
    scope_wake(delivery, scope);
}

static void load_finish(struct delivery *delivery, uint64_t last_seq,
                        const struct delivery_clock *clock)
{
    delivery->is_load_running = false;
    if (delivery->is_starting && last_seq > delivery->appended_upto)
        delivery->appended_upto = last_seq;
    delivery->is_starting = false;
    struct u64map_cursor cursor = {0};
    while (u64map_next(&delivery->scopes, &cursor)) {
        struct scope *scope = (struct scope *)(uintptr_t)cursor.value;
        scope_loaded(delivery, scope, clock);
        scope_free_empty(delivery, scope);
    }
    free(delivery->wanted);
    delivery->wanted = NULL;
    delivery->wanted_count = 0;
    delivery->wanted_capacity = 0;
}

bool delivery_load_page(struct delivery *delivery, uint64_t upto_seq, uint64_t last_seq,
                        bool is_end, const struct delivery_clock *clock)
{
    if (upto_seq > delivery->load_position)
        delivery->load_position = upto_seq;
    bool is_complete = is_end && last_seq >= delivery->load_target;
    if (!delivery->is_starting)
        is_complete |= delivery->load_position >= delivery->load_target;
    if (is_complete)
        load_finish(delivery, last_seq, clock);
    return is_complete;
}

/* A consumer came while the first load runs: it joins when nothing of it was passed yet. */
void consumer_join_load(struct delivery *delivery, struct consumer *consumer)
{
    if (delivery->is_starting && delivery->is_load_running &&
        consumer->floor_seq >= delivery->load_position &&
        (consumer->scope->is_loading || consumer->scope->consumer_count == 1))
        scope_join(delivery, consumer->scope, consumer->floor_seq);
}
