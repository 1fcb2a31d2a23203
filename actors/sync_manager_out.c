/* SPDX-License-Identifier: MPL-2.0
 *
 * What goes out after a turn: fetches to history, writes to persistence, answers and events to
 * gateways; and the answers to the first two.
 *
 * Questions that do not fit into a mailbox count as failed and come again after a pause. Events
 * that do not fit wait here, in order: there are at most as many as settles asked to be confirmed.
 */
#include <stdlib.h>
#include <string.h>

#include "rt/log.h"
#include "sync_manager_state.h"

/* --- FETCH */

static enum err ask_fetch(struct sync_manager *sync, struct delivery_fetch *fetch)
{
    INTERNAL(Fetch) body = ROOST__INTERNAL__FETCH__INIT;
    body.gateway = fetch->address.gateway;
    body.session = fetch->address.session;
    body.handle = fetch->address.handle;
    body.scope_id = fetch->scope_id;
    body.pattern.data = (uint8_t *)(uintptr_t)fetch->pattern.data; /* only read */
    body.pattern.len = fetch->pattern.size;
    body.first_delivery_no = fetch->first_no;
    body.seqs = fetch->seqs;
    body.n_seqs = fetch->count;
    body.bytes_max = fetch->bytes_max;
    if (fetch->has_attempts) {
        body.attempts = fetch->attempts;
        body.n_attempts = fetch->count;
    }
    if (fetch->has_redelivered) {
        body.redelivered = fetch->redelivered;
        body.n_redelivered = fetch->count;
    }
    return actor_ask(sync->actor, ACTOR_HISTORY, MSG_FETCH, &body.base, NULL, SYNC_ASK_DEADLINE_MS,
                     fetch->slot);
}

static void send_fetches(struct sync_manager *sync, const struct delivery_clock *clock)
{
    struct delivery_fetch fetch;
    while (delivery_take_fetch(sync->delivery, clock, &fetch)) {
        if (ask_fetch(sync, &fetch) == ERR_OK)
            continue;
        struct delivery_fetched none = {.slot = fetch.slot, .has_failed = true};
        delivery_fetched(sync->delivery, &none, clock);
    }
}

enum err sync_on_fetched(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(Fetched) *body = MSG_BODY(msg, INTERNAL(Fetched));
    uint64_t slot;
    if (!actor_context(actor, msg, &slot))
        return ERR_OK;
    struct delivery_clock clock = sync_clock(sync);
    struct delivery_fetched fetched = {
        .slot = (uint32_t)slot,
        .taken = body->taken,
        .body_bytes = body->body_bytes,
        .missing = body->missing,
        .missing_count = body->n_missing,
        .damaged = body->damaged,
        .damaged_count = body->n_damaged,
        .has_failed = body->code != 0,
    };
    if (body->n_damaged > 0)
        log_error("messages-damaged", LOG_U64("count", body->n_damaged),
                  LOG_U64("first_seq", body->damaged[0]));
    delivery_fetched(sync->delivery, &fetched, &clock);
    return ERR_OK;
}

/* --- CONSUMER_WRITE. The message is built in one block of memory for each of its levels. */

struct write_memory {
    INTERNAL(ConsumerChange) * changes;
    INTERNAL(ConsumerChange) * *change_pointers;
    INTERNAL(ExceptionRow) * rows;
    INTERNAL(ExceptionRow) * *row_pointers;
    uint64_t *removed;
    INTERNAL(Fate) * fates;
    INTERNAL(Fate) * *fate_pointers;
};

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    CHECK(memory != NULL);
    return memory;
}

static void write_memory_init(struct write_memory *memory, const struct delivery_write *write)
{
    size_t rows = 0;
    for (size_t i = 0; i < write->change_count; i++)
        rows += write->changes[i].row_count;
    memory->changes = allocate(write->change_count, sizeof(*memory->changes));
    memory->change_pointers = allocate(write->change_count, sizeof(void *));
    memory->rows = allocate(rows, sizeof(*memory->rows));
    memory->row_pointers = allocate(rows, sizeof(void *));
    memory->removed = allocate(rows, sizeof(*memory->removed));
    memory->fates = allocate(write->fate_count, sizeof(*memory->fates));
    memory->fate_pointers = allocate(write->fate_count, sizeof(void *));
}

static void write_memory_fini(struct write_memory *memory)
{
    free(memory->changes);
    free(memory->change_pointers);
    free(memory->rows);
    free(memory->row_pointers);
    free(memory->removed);
    free(memory->fates);
    free(memory->fate_pointers);
}

static void fill_row(INTERNAL(ExceptionRow) * to, int64_t consumer_id,
                     const struct delivery_row *from)
{
    roost__internal__exception_row__init(to);
    to->consumer_id = consumer_id;
    to->seq = from->seq;
    to->last_seq = from->last_seq;
    to->state = from->state;
    to->attempts = from->attempts;
    to->due_ms = from->due_ms;
    to->reason = from->reason;
    to->at_ms = from->at_ms;
    if (from->text != NULL)
        to->text = from->text;
}

/* `used`: rows of the blocks taken so far. */
static void fill_change(struct write_memory *memory, size_t used, INTERNAL(ConsumerChange) * to,
                        const struct delivery_change *from)
{
    roost__internal__consumer_change__init(to);
    to->consumer_id = from->consumer_id;
    to->floor_seq = from->floor_seq;
    to->put = &memory->row_pointers[used];
    to->removed = &memory->removed[used];
    for (size_t i = 0; i < from->row_count; i++) {
        const struct delivery_row *row = &from->rows[i];
        if (row->state == 0) {
            to->removed[to->n_removed++] = row->seq;
            continue;
        }
        fill_row(&memory->rows[used + i], from->consumer_id, row);
        to->put[to->n_put++] = &memory->rows[used + i];
    }
}

static void fill_write(struct write_memory *memory, const struct delivery_write *write,
                       INTERNAL(ConsumerWrite) * body)
{
    size_t used = 0;
    for (size_t i = 0; i < write->change_count; i++) {
        if (write->changes[i].consumer_id < 0)
            continue; /* ephemeral */
        INTERNAL(ConsumerChange) *change = &memory->changes[body->n_changes];
        memory->change_pointers[body->n_changes++] = change;
        fill_change(memory, used, change, &write->changes[i]);
        used += write->changes[i].row_count;
    }
    for (size_t i = 0; i < write->fate_count; i++) {
        const struct delivery_fate *from = &write->fates[i];
        INTERNAL(Fate) *to = &memory->fates[i];
        roost__internal__fate__init(to);
        memory->fate_pointers[i] = to;
        to->level = from->level;
        to->scope_id = from->scope_id;
        to->peer_id = from->peer_id;
        to->reason = from->reason;
        to->seqs = (uint64_t *)(uintptr_t)from->seqs; /* only read */
        to->n_seqs = from->seq_count;
    }
    body->changes = memory->change_pointers;
    body->fates = memory->fate_pointers;
    body->n_fates = write->fate_count;
    body->quarantine = (uint64_t *)(uintptr_t)write->quarantine;
    body->n_quarantine = write->quarantine_count;
}

_Static_assert((int)DELIVERY_LEVEL_DELIVERED == ROOST__V1__RECEIPT_LEVEL__DELIVERED &&
                   (int)DELIVERY_LEVEL_EXPIRED == ROOST__V1__RECEIPT_LEVEL__EXPIRED &&
                   (int)DELIVERY_LEVEL_DEAD == ROOST__V1__RECEIPT_LEVEL__DEAD &&
                   (int)DELIVERY_LEVEL_CANCELLED == ROOST__V1__RECEIPT_LEVEL__CANCELLED,
               "receipt levels are numbered as in the public protocol");

static void send_writes(struct sync_manager *sync, const struct delivery_clock *clock)
{
    struct delivery_write write;
    while (delivery_take_write(sync->delivery, clock, &write)) {
        INTERNAL(ConsumerWrite) body = ROOST__INTERNAL__CONSUMER_WRITE__INIT;
        struct write_memory memory;
        write_memory_init(&memory, &write);
        fill_write(&memory, &write, &body);
        uint64_t settled = delivery_counts(sync->delivery).settled;
        body.settled = settled - sync->settled_told;
        sync->settled_told = settled;
        bool is_empty = body.n_changes == 0 && body.n_fates == 0 && body.n_quarantine == 0;
        enum err err = is_empty ? ERR_OK
                                : actor_ask(sync->actor, ACTOR_PERSISTENCE, MSG_CONSUMER_WRITE,
                                            &body.base, NULL, SYNC_WRITE_DEADLINE_MS, write.slot);
        write_memory_fini(&memory);
        if (err || is_empty)
            delivery_written(sync->delivery, write.slot, is_empty, clock);
    }
}

enum err sync_on_consumer_written(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(ConsumerWritten) *written = MSG_BODY(msg, INTERNAL(ConsumerWritten));
    uint64_t slot;
    if (!actor_context(actor, msg, &slot))
        return ERR_OK;
    struct delivery_clock clock = sync_clock(sync);
    if (written->code != 0)
        log_warn("settles-not-written", LOG_ERROR(err_from_code(written->code)));
    delivery_written(sync->delivery, (uint32_t)slot, written->code == 0, &clock);
    return ERR_OK;
}

/* --- Events */

static void add_event(struct sync_manager *sync, const struct sync_event *head,
                      const uint64_t *stale, size_t stale_count)
{
    struct sync_event *event = malloc(sizeof(*event) + stale_count * sizeof(*stale));
    CHECK(event != NULL);
    *event = *head;
    event->next = NULL;
    event->stale_count = stale_count;
    if (stale_count > 0)
        memcpy(event->stale, stale, stale_count * sizeof(*stale));
    *sync->events_end = event;
    sync->events_end = &event->next;
}

static enum err send_settled(struct sync_manager *sync, const struct sync_event *event)
{
    INTERNAL(Settled) settled = ROOST__INTERNAL__SETTLED__INIT;
    INTERNAL(NumberException) exceptions[DELIVERY_STALE_MAX];
    INTERNAL(NumberException) * pointers[DELIVERY_STALE_MAX];
    settled.session = event->address.session;
    settled.handle = event->address.handle;
    settled.confirm_id = event->confirm_id;
    CHECK(event->stale_count <= DELIVERY_STALE_MAX);
    for (size_t i = 0; i < event->stale_count; i++) {
        roost__internal__number_exception__init(&exceptions[i]);
        exceptions[i].no = event->stale[i];
        exceptions[i].code = err_code(ERR_STALE_LEASE);
        pointers[i] = &exceptions[i];
    }
    settled.exceptions = pointers;
    settled.n_exceptions = event->stale_count;
    return actor_send(sync->actor, (uint8_t)event->address.gateway, MSG_SETTLED, &settled.base,
                      NULL);
}

static enum err send_detached(struct sync_manager *sync, const struct sync_event *event)
{
    INTERNAL(Detached) detached = ROOST__INTERNAL__DETACHED__INIT;
    detached.session = event->address.session;
    detached.handle = event->address.handle;
    detached.code = event->code;
    return actor_send(sync->actor, (uint8_t)event->address.gateway, MSG_DETACHED, &detached.base,
                      NULL);
}

void sync_send_events(struct sync_manager *sync)
{
    while (sync->events != NULL) {
        struct sync_event *event = sync->events;
        enum err err = event->is_settled ? send_settled(sync, event) : send_detached(sync, event);
        if (err == ERR_BUSY) {
            actor_timer_set(sync->actor, SYNC_TIMER_EVENTS,
                            mono_add_ms(actor_mono(sync->actor), SYNC_EVENT_AGAIN_MS));
            return;
        }
        sync->events = event->next;
        free(event);
    }
    sync->events_end = &sync->events;
}

static void collect_events(struct sync_manager *sync)
{
    struct delivery_detached detached;
    while (delivery_take_detached(sync->delivery, &detached))
        add_event(
            sync,
            &(struct sync_event){.address = detached.address, .code = err_code(detached.code)},
            NULL, 0);
    struct delivery_done done;
    while (delivery_take_done(sync->delivery, &done)) {
        if (done.is_call)
            sync_answer_call(sync, &done.question, done.code, done.count);
        else
            add_event(sync,
                      &(struct sync_event){.address = done.address,
                                           .confirm_id = done.confirm_id,
                                           .is_settled = true},
                      done.stale, done.stale_count);
    }
}

/* --- The whole */

void sync_send_out(struct sync_manager *sync)
{
    struct delivery_clock clock = sync_clock(sync);
    send_fetches(sync, &clock);
    send_writes(sync, &clock);
    collect_events(sync);
    sync_send_events(sync);
}

void sync_out_fini(struct sync_manager *sync)
{
    while (sync->events != NULL) {
        struct sync_event *event = sync->events;
        sync->events = event->next;
        free(event);
    }
}
