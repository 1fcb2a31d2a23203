/* SPDX-License-Identifier: MPL-2.0
 *
 * See delivery.h: birth and death of everything, look-up, and appending.
 */
#include "delivery.h"

#include <stdlib.h>
#include <string.h>

#include "delivery_state.h"

#define CONSUMERS_MAX   (1u << 24)
#define ATTACHMENTS_MAX (1u << 22)

/* --- Small things */

void *array_reserve(void *items, uint32_t *capacity, uint32_t needed, size_t item_size)
{
    if (needed <= *capacity)
        return items;
    uint32_t size = *capacity < 4 ? 4 : *capacity;
    while (size < needed) {
        CHECK(size < (1u << 31));
        size *= 2;
    }
    items = realloc(items, size * item_size);
    CHECK(items != NULL);
    *capacity = size;
    return items;
}

char *text_copy(const void *text, size_t size)
{
    if (size == 0)
        return NULL;
    char *copy = malloc(size + 1);
    CHECK(copy != NULL);
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

/* --- The whole */

static void default_options(struct delivery_options *options)
{
    if (options->backoff.first_ms == 0)
        options->backoff = backoff_patient;
    if (options->lease_ms == 0)
        options->lease_ms = 30000;
    if (options->lease_ms_min == 0)
        options->lease_ms_min = 100;
    if (options->lease_ms_max == 0)
        options->lease_ms_max = 86400000;
    if (options->window_messages_max == 0)
        options->window_messages_max = 8192;
    if (options->window_bytes_max == 0)
        options->window_bytes_max = 32u << 20;
    if (options->fetch_bytes_max == 0)
        options->fetch_bytes_max = 1u << 20;
    if (options->write_rows_max == 0)
        options->write_rows_max = 4096;
    if (options->span_max == 0)
        options->span_max = 65536;
    if (options->ephemeral_behind_max == 0)
        options->ephemeral_behind_max = 100000;
    if (options->span_max < 2 * DELIVERY_FETCH_MAX)
        options->span_max = 2 * DELIVERY_FETCH_MAX;
}

struct delivery *delivery_new(const struct delivery_options *options)
{
    struct delivery *delivery = calloc(1, sizeof(*delivery));
    CHECK(delivery != NULL);
    delivery->options = *options;
    default_options(&delivery->options);
    delivery->random = options->seed;
    u64map_init(&delivery->scopes, CONSUMERS_MAX);
    u64map_init(&delivery->consumers, CONSUMERS_MAX);
    hash_init(&delivery->keys, CONSUMERS_MAX);
    hash_init(&delivery->attachments, ATTACHMENTS_MAX);
    hash_init(&delivery->sessions, ATTACHMENTS_MAX);
    heap_init(&delivery->sweeps, CONSUMERS_MAX);
    heap_init(&delivery->timers, CONSUMERS_MAX);
    heap_init(&delivery->lease_timers, ATTACHMENTS_MAX);
    patterns_init(delivery);
    delivery->is_starting = true;
    return delivery;
}

static void free_sessions(struct delivery *delivery)
{
    struct hash_cursor cursor = {0};
    while (hash_next(&delivery->attachments, &cursor)) {
        struct attachment *attachment = (struct attachment *)(uintptr_t)cursor.value;
        free(attachment->leases);
        free(attachment->peer_name);
        free(attachment);
    }
    hash_fini(&delivery->attachments);
    cursor = (struct hash_cursor){0};
    while (hash_next(&delivery->sessions, &cursor)) {
        struct session *session = (struct session *)(uintptr_t)cursor.value;
        free(session->formers);
        free(session);
    }
    hash_fini(&delivery->sessions);
}

static void consumer_free(struct consumer *consumer)
{
    aside_free_all(consumer);
    consumer_load_fini(consumer);
    changes_fini(&consumer->pending);
    changes_fini(&consumer->inflight);
    free(consumer->settled);
    free(consumer->ahead);
    free(consumer->slots);
    free(consumer->name);
    free(consumer->key);
    free(consumer);
}

static void scope_free(struct scope *scope)
{
    log_teardown(&scope->log);
    free(scope->loaded);
    free(scope->name);
    free(scope);
}

void scope_free_empty(struct delivery *delivery, struct scope *scope)
{
    if (scope->consumer_count > 0 || scope->is_loading)
        return;
    patterns_leave(delivery, scope);
    heap_remove(&delivery->sweeps, &scope->sweep);
    (void)u64map_remove_pointer(&delivery->scopes, (uint64_t)scope->id); /* found by it */
    scope_free(scope);
}

static void free_writes(struct delivery *delivery)
{
    for (uint32_t i = 0; i < DELIVERY_WRITES_MAX; i++) {
        free(delivery->writes[i].consumers);
        free(delivery->writes[i].changes);
        free(delivery->writes[i].fates);
        free(delivery->writes[i].quarantine);
    }
}

void delivery_destroy(struct delivery **pointer)
{
    struct delivery *delivery = *pointer;
    if (delivery == NULL)
        return;
    heap_fini(&delivery->sweeps);
    heap_fini(&delivery->timers);
    heap_fini(&delivery->lease_timers);
    for (struct consumer *c = delivery->all_first; c != NULL; c = c->all_next) {
        release_tickets(delivery, &c->inflight);
        release_tickets(delivery, &c->pending);
    }
    free_sessions(delivery);
    while (delivery->all_first != NULL) {
        struct consumer *consumer = delivery->all_first;
        delivery->all_first = consumer->all_next;
        consumer_free(consumer);
    }
    patterns_fini(delivery);
    struct u64map_cursor cursor = {0};
    while (u64map_next(&delivery->scopes, &cursor))
        scope_free((struct scope *)(uintptr_t)cursor.value);
    u64map_fini(&delivery->scopes);
    u64map_fini(&delivery->consumers);
    hash_fini(&delivery->keys);
    free_writes(delivery);
    struct delivery_done done;
    while (delivery_take_done(delivery, &done))
        ;
    free(delivery->detached);
    free(delivery->wanted);
    free(delivery);
    *pointer = NULL;
}

/* --- Scopes and consumers */

static struct scope *scope_open(struct delivery *delivery,
                                const struct delivery_consumer_spec *spec)
{
    struct scope *scope = u64map_get_pointer(&delivery->scopes, (uint64_t)spec->scope_id);
    if (scope != NULL)
        return scope;
    scope = calloc(1, sizeof(*scope));
    CHECK(scope != NULL);
    scope->id = spec->scope_id;
    scope->owner_id = spec->owner_id;
    scope->kind = spec->kind;
    scope->name = text_copy(spec->scope_name.data, spec->scope_name.size);
    scope->name_size = spec->scope_name.size;
    scope->covered_after = spec->is_scope_new ? 0 : delivery->appended_upto;
    if (delivery->is_starting)
        scope->covered_after = UINT64_MAX;
    log_setup(&scope->log);
    patterns_join(delivery, scope);
    CHECK(u64map_put_pointer(&delivery->scopes, (uint64_t)scope->id, scope) == ERR_OK);
    return scope;
}

static void consumer_link(struct delivery *delivery, struct consumer *consumer)
{
    struct scope *scope = consumer->scope;
    if (scope->consumers_last != NULL)
        scope->consumers_last->next = consumer;
    else
        scope->consumers = consumer;
    scope->consumers_last = consumer;
    scope->consumer_count++;
    consumer->all_previous = delivery->all_last;
    if (delivery->all_last != NULL)
        delivery->all_last->all_next = consumer;
    else
        delivery->all_first = consumer;
    delivery->all_last = consumer;
    CHECK(u64map_put_pointer(&delivery->consumers, (uint64_t)consumer->id, consumer) == ERR_OK);
    CHECK(hash_put_pointer(&delivery->keys, consumer->key, consumer->key_size, consumer) == ERR_OK);
}

static void consumer_unlink(struct delivery *delivery, struct consumer *consumer)
{
    struct scope *scope = consumer->scope;
    struct consumer *previous = NULL;
    for (struct consumer *c = scope->consumers; c != consumer; c = c->next)
        previous = c;
    if (previous != NULL)
        previous->next = consumer->next;
    else
        scope->consumers = consumer->next;
    if (scope->consumers_last == consumer)
        scope->consumers_last = previous;
    scope->consumer_count--;
    if (consumer->all_previous != NULL)
        consumer->all_previous->all_next = consumer->all_next;
    else
        delivery->all_first = consumer->all_next;
    if (consumer->all_next != NULL)
        consumer->all_next->all_previous = consumer->all_previous;
    else
        delivery->all_last = consumer->all_previous;
    (void)u64map_remove_pointer(&delivery->consumers, (uint64_t)consumer->id); /* linked */
    if (hash_get_pointer(&delivery->keys, consumer->key, consumer->key_size) == consumer)
        (void)hash_remove_pointer(&delivery->keys, consumer->key, consumer->key_size);
}

struct consumer *delivery_consumer_add(struct delivery *delivery,
                                       const struct delivery_consumer_spec *spec)
{
    struct consumer *consumer = delivery_consumer_by_id(delivery, spec->consumer_id);
    if (consumer != NULL)
        return consumer;
    consumer = calloc(1, sizeof(*consumer));
    CHECK(consumer != NULL);
    consumer->id = spec->consumer_id;
    consumer->scope = scope_open(delivery, spec);
    consumer->name = text_copy(spec->name.data, spec->name.size);
    consumer->name_size = spec->name.size;
    consumer->key = text_copy(spec->key.data, spec->key.size);
    consumer->key_size = spec->key.size;
    consumer->floor_seq = spec->floor_seq;
    consumer->floor_written = spec->floor_seq;
    consumer->start_seq = spec->is_new ? spec->floor_seq : 0;
    consumer->is_new = spec->is_new;
    consumer->aside_expires_ms = INT64_MAX;
    consumer_link(delivery, consumer);
    delivery->unready_count++;
    struct delivery_clock never = {0}; /* a consumer without rows asks for no time */
    consumer_join_load(delivery, consumer);
    consumer_try_ready(delivery, consumer, &never);
    return consumer;
}

struct consumer *delivery_consumer_find(struct delivery *delivery, struct delivery_bytes key)
{
    return hash_get_pointer(&delivery->keys, key.data, key.size);
}

struct consumer *delivery_consumer_by_id(struct delivery *delivery, int64_t consumer_id)
{
    return u64map_get_pointer(&delivery->consumers, (uint64_t)consumer_id);
}

bool delivery_consumer_is_ready(const struct consumer *consumer)
{
    return consumer->is_ready;
}

void delivery_consumer_stop(struct delivery *delivery, struct consumer *consumer,
                            const struct delivery_clock *clock)
{
    consumer->is_stopped = true;
    while (consumer->attachments != NULL)
        attachment_end(delivery, consumer->attachments, ERR_NO_SUCH_CONSUMER, clock);
}

void delivery_consumer_resume(struct delivery *delivery, struct consumer *consumer)
{
    consumer->is_stopped = false;
    if (consumer->is_dirty)
        consumer_dirty(delivery, consumer);
}

void delivery_consumer_remove(struct delivery *delivery, struct consumer *consumer)
{
    CHECK(consumer->attachments == NULL);
    struct scope *scope = consumer->scope;
    writes_forget(delivery, consumer);
    heap_remove(&delivery->timers, &consumer->timer);
    consumer_unlink(delivery, consumer);
    if (consumer->is_ready)
        log_base_remove(&scope->log, consumer->base);
    else
        delivery->unready_count--;
    consumer_free(consumer);
    scope_free_empty(delivery, scope);
}

void delivery_consumer_drop(struct delivery *delivery, struct consumer *consumer, enum err code,
                            const struct delivery_clock *clock)
{
    consumer->is_stopped = true;
    bool is_freed = consumer_is_ephemeral(consumer) && consumer->attachments != NULL;
    for (uint32_t left = consumer->attachment_count; left > 0; left--)
        attachment_end(delivery, consumer->attachments, code, clock);
    if (!is_freed)
        delivery_consumer_remove(delivery, consumer);
}

struct consumer *delivery_consumer_next(struct delivery *delivery, const struct consumer *after,
                                        int64_t scope_id)
{
    if (scope_id == 0)
        return after == NULL ? delivery->all_first : after->all_next;
    struct scope *scope = u64map_get_pointer(&delivery->scopes, (uint64_t)scope_id);
    if (scope == NULL)
        return NULL;
    return after == NULL ? scope->consumers : after->next;
}

static uint64_t count_waiting(const struct consumer *consumer)
{
    if (!consumer->is_ready)
        return 0;
    uint64_t asides = 0;
    for (int state = 0; state < ASIDE_STATES; state++)
        asides += consumer->aside_counts[state];
    return consumer->ready_count + consumer->leased_count + asides +
           (consumer->scope->log.end - consumer->cursor - consumer->ahead_messages);
}

struct delivery_view delivery_view(struct delivery *delivery, const struct consumer *consumer,
                                   const struct delivery_clock *clock)
{
    (void)delivery; /* the consumer knows all of it */
    const struct scope *scope = consumer->scope;
    struct delivery_view view = {
        .consumer_id = consumer->id,
        .scope_id = scope->id,
        .owner_id = scope->owner_id,
        .kind = scope->kind,
        .scope_name = {scope->name, scope->name_size},
        .name = {consumer->name, consumer->name_size},
        .floor_seq = consumer->floor_seq,
        .waiting = count_waiting(consumer),
        .leased = consumer->leased_count + consumer->aside_counts[ASIDE_LEASED],
        .retry = consumer->aside_counts[ASIDE_RETRY],
        .scheduled = consumer->aside_counts[ASIDE_SCHEDULED],
        .is_attached = consumer->attachments != NULL,
        .is_removing = consumer->is_stopped,
        .is_pattern = scope->is_pattern,
        .last_seq = scope->is_pattern ? consumer->floor_seq : 0,
    };
    if (consumer->attachments != NULL)
        view.attached_peer_id = consumer->attachments->peer_id;
    if (consumer->attachments != NULL)
        view.attached_peer = (struct delivery_bytes){consumer->attachments->peer_name,
                                                     consumer->attachments->peer_name_size};
    if (heap_top(&consumer->due) != NULL)
        view.next_due_ms = wall_of(clock, heap_top(&consumer->due)->key);
    if (scope->log.first < scope->log.end)
        view.last_seq = log_at(&scope->log, scope->log.end - 1)->seq;
    return view;
}

bool delivery_scope_waiting(struct delivery *delivery, int64_t scope_id, uint64_t *ret)
{
    struct scope *scope = u64map_get_pointer(&delivery->scopes, (uint64_t)scope_id);
    bool is_found = false;
    *ret = 0;
    for (struct consumer *at = scope == NULL ? NULL : scope->consumers; at != NULL; at = at->next) {
        uint64_t waiting = count_waiting(at);
        is_found |= !consumer_is_ephemeral(at);
        if (!consumer_is_ephemeral(at) && waiting > *ret)
            *ret = waiting;
    }
    return is_found;
}

/* --- Messages */

bool delivery_is_starting(const struct delivery *delivery)
{
    return delivery->is_starting;
}

/* The log of a scope is kept for the slowest of its consumers: those that live in memory only must
 * not be it for long. */
static void drop_laggards(struct delivery *delivery, struct scope *scope,
                          const struct delivery_clock *clock)
{
    struct attachment *next;
    for (struct attachment *a = scope->attachments; a != NULL; a = next) {
        next = a->scope_next;
        const struct consumer *consumer = a->consumer;
        if (!consumer_is_ephemeral(consumer))
            continue;
        uint64_t behind = scope->log.end - consumer->base;
        if (consumer->asides.hash.limit > 0)
            behind += u64map_count(&consumer->asides);
        if (behind > delivery->options.ephemeral_behind_max)
            attachment_end(delivery, a, ERR_TOO_MANY, clock);
    }
}

/* due_ms 0: at once */
static void scope_append(struct delivery *delivery, struct scope *scope,
                         const struct log_run *piece, int64_t due_ms,
                         const struct delivery_clock *clock)
{
    uint64_t end = piece->first_seq + piece->count;
    for (uint64_t seq = piece->first_seq; due_ms != 0 && seq < end; seq++)
        log_add_later(&scope->log, seq, due_ms);
    log_append(&scope->log, piece);
    scope_arm(delivery, scope, clock->steady_ms);
    scope_wake(delivery, scope);
    drop_laggards(delivery, scope, clock); /* last: the scope may go with its only consumer */
}

void delivery_append(struct delivery *delivery, const struct delivery_run *run,
                     const struct delivery_clock *clock)
{
    if (delivery->is_starting)
        return;
    struct scope *scope = u64map_get_pointer(&delivery->scopes, (uint64_t)run->scope_id);
    const struct pattern_list *patterns = patterns_of(delivery, run->scope_id, run->topic);
    if (scope == NULL && patterns == NULL)
        return;
    uint64_t first = run->first_seq;
    uint64_t end = first + run->count;
    if (first <= delivery->appended_upto)
        first = delivery->appended_upto + 1;
    if (first >= end)
        return;
    struct log_run piece = {
        .first_seq = first,
        .count = (uint32_t)(end - first),
        .flags = run->flags & ENTRY_STORED_MASK,
        .expires_ms = run->expires_ms,
        .enqueue_ms = clock->steady_ms,
    };
    int64_t due_ms = 0;
    if (run->not_before_ms > clock->wall_ms) {
        due_ms = steady_of(clock, run->not_before_ms);
        piece.flags |= ENTRY_LATER;
    }
    if (scope != NULL)
        scope_append(delivery, scope, &piece, due_ms, clock);
    for (uint32_t i = 0; patterns != NULL && i < patterns->count; i++)
        scope_append(delivery, patterns->scopes[i], &piece, due_ms, clock);
}

void delivery_appended_upto(struct delivery *delivery, uint64_t seq)
{
    if (seq > delivery->appended_upto)
        delivery->appended_upto = seq;
    if (delivery->is_starting && seq > delivery->load_target)
        delivery->load_target = seq;
}

struct delivery_counts delivery_counts(const struct delivery *delivery)
{
    return delivery->counts;
}

void delivery_sum(const struct delivery *delivery, uint64_t *ret_waiting, uint64_t *ret_leased)
{
    uint64_t waiting = 0;
    uint64_t leased = 0;
    for (const struct consumer *c = delivery->all_first; c != NULL; c = c->all_next) {
        waiting += count_waiting(c);
        leased += c->leased_count + c->aside_counts[ASIDE_LEASED];
    }
    *ret_waiting = waiting;
    *ret_leased = leased;
}

/* The first message in order that is neither accounted for nor meant for later. */
static int64_t oldest_in_order(const struct consumer *consumer)
{
    const struct log *log = &consumer->scope->log;
    uint64_t position = consumer->base;
    for (uint32_t i = consumer->ahead_first; i < consumer->ahead_count; i++) {
        if (position >= consumer->cursor && consumer->ahead[i].first <= position)
            position = consumer->ahead[i].last + 1;
    }
    while (position >= consumer->cursor && position < log->end &&
           (entry_flags(log_at(log, position)) & ENTRY_LATER))
        position++;
    return position < log->end ? log_at(log, position)->enqueue_ms : DELIVERY_NEVER_MS;
}

static int64_t oldest_aside(const struct consumer *consumer)
{
    int64_t oldest_ms = DELIVERY_NEVER_MS;
    struct u64map_cursor cursor = {0};
    while (u64map_next(&consumer->asides, &cursor)) {
        const struct aside *aside = (const struct aside *)(uintptr_t)cursor.value;
        if (aside->state != ASIDE_SCHEDULED && aside->enqueue_ms < oldest_ms)
            oldest_ms = aside->enqueue_ms;
    }
    return oldest_ms;
}

int64_t delivery_oldest_ms(const struct delivery *delivery)
{
    int64_t oldest_ms = DELIVERY_NEVER_MS;
    for (const struct consumer *c = delivery->all_first; c != NULL; c = c->all_next) {
        if (!c->is_ready || consumer_is_ephemeral(c))
            continue;
        int64_t in_order_ms = oldest_in_order(c), aside_ms = oldest_aside(c);
        oldest_ms = in_order_ms < oldest_ms ? in_order_ms : oldest_ms;
        oldest_ms = aside_ms < oldest_ms ? aside_ms : oldest_ms;
    }
    return oldest_ms;
}
