/* SPDX-License-Identifier: MPL-2.0
 *
 * Loading from the store through history, one page at a time.
 *
 *   start: LOAD_CONSUMERS ... LOAD_EXCEPTIONS ... LOAD_HEADS ... then idle
 *   later: LOAD_HEADS ... when a consumer begins below what its scope's log holds
 *
 * One page is under way at a time and everything else is served between pages. A page that could
 * not be read (empty, but not the end) or does not come is asked for again.
 */
#include <string.h>

#include "rt/log.h"
#include "sync_manager_state.h"

#define CONSUMERS_PAGE 2000
#define ROWS_PAGE      4000
#define SEQ_END        ((uint64_t)INT64_MAX)

/* --- Asking */

static enum err ask_consumers(struct sync_manager *sync)
{
    INTERNAL(LoadConsumers) load = ROOST__INTERNAL__LOAD_CONSUMERS__INIT;
    load.after_id = sync->load_consumer_id;
    load.limit = CONSUMERS_PAGE;
    return actor_ask(sync->actor, ACTOR_HISTORY, MSG_LOAD_CONSUMERS, &load.base, NULL,
                     SYNC_ASK_DEADLINE_MS, 0);
}

static enum err ask_rows(struct sync_manager *sync)
{
    INTERNAL(LoadExceptions) load = ROOST__INTERNAL__LOAD_EXCEPTIONS__INIT;
    load.after_consumer_id = sync->load_consumer_id;
    load.after_seq = sync->load_seq;
    load.limit = ROWS_PAGE;
    return actor_ask(sync->actor, ACTOR_HISTORY, MSG_LOAD_EXCEPTIONS, &load.base, NULL,
                     SYNC_ASK_DEADLINE_MS, 0);
}

static enum err ask_heads(struct sync_manager *sync)
{
    INTERNAL(LoadHeads) load = ROOST__INTERNAL__LOAD_HEADS__INIT;
    load.after_seq = delivery_load_after(sync->delivery);
    load.limit = sync->load_page;
    load.with_topics = delivery_pattern_count(sync->delivery) > 0;
    sync->appended_when_asked = sync->appended_seq;
    return actor_ask(sync->actor, ACTOR_HISTORY, MSG_LOAD_HEADS, &load.base, NULL,
                     SYNC_ASK_DEADLINE_MS, 0);
}

static enum err ask_page(struct sync_manager *sync)
{
    switch (sync->load_step) {
    case LOAD_CONSUMERS:
        return ask_consumers(sync);
    case LOAD_ROWS:
        return ask_rows(sync);
    case LOAD_HEADS:
        return ask_heads(sync);
    case LOAD_IDLE:
        break;
    }
    return ERR_OK;
}

static void end_heads(struct sync_manager *sync, uint64_t upto_seq, uint64_t last_seq, bool is_end)
{
    struct delivery_clock clock = sync_clock(sync);
    bool was_starting = delivery_is_starting(sync->delivery);
    if (!delivery_load_page(sync->delivery, upto_seq, last_seq, is_end, &clock))
        return;
    sync->load_step = LOAD_IDLE;
    if (!was_starting)
        return;
    if (last_seq > sync->appended_seq && last_seq < SEQ_END)
        sync->appended_seq = last_seq;
    uint64_t waiting = 0, leased = 0;
    delivery_sum(sync->delivery, &waiting, &leased);
    log_info("loaded", LOG_U64("last_seq", sync->appended_seq), LOG_U64("waiting", waiting));
}

void sync_load_go_on(struct sync_manager *sync)
{
    if (sync->is_load_asked || sync->is_load_late)
        return;
    bool is_heads = sync->load_step == LOAD_HEADS || sync->load_step == LOAD_IDLE;
    if (is_heads) {
        if (!delivery_load_begin(sync->delivery))
            return;
        sync->load_step = LOAD_HEADS;
        if (delivery_load_after(sync->delivery) >= SEQ_END) { /* nobody waits for any message */
            end_heads(sync, 0, sync->appended_seq, true);
            return;
        }
    }
    if (ask_page(sync) == ERR_OK) {
        sync->is_load_asked = true;
    } else {
        sync->is_load_late = true;
        sync_again(sync);
    }
}

static void ask_later(struct sync_manager *sync)
{
    sync->is_load_late = true;
    sync_again(sync);
}

void sync_load_no_answer(struct sync_manager *sync)
{
    sync->is_load_asked = false; /* on_batch asks again */
}

/* --- Pages */

/* False: an answer to a question of long ago. */
static bool take_page(struct sync_manager *sync, const struct msg *msg)
{
    uint64_t context;
    if (!actor_context(sync->actor, msg, &context))
        return false;
    sync->is_load_asked = false;
    return true;
}

enum err sync_on_consumers_loaded(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(ConsumersLoaded) *loaded = MSG_BODY(msg, INTERNAL(ConsumersLoaded));
    (void)actor;
    if (!take_page(sync, msg))
        return ERR_OK;
    for (size_t i = 0; i < loaded->n_rows; i++) {
        if (!sync_was_removed(sync, loaded->rows[i]->consumer_id))
            (void)sync_add_consumer(sync, loaded->rows[i], false, false); /* or logged */
        sync->load_consumer_id = loaded->rows[i]->consumer_id;
    }
    if (loaded->is_end) {
        sync->load_step = LOAD_ROWS;
        sync->load_consumer_id = 0;
        sync->removed_count = 0;
    } else if (loaded->n_rows == 0) {
        ask_later(sync);
    }
    return ERR_OK;
}

enum err sync_on_exceptions_loaded(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(ExceptionsLoaded) *loaded = MSG_BODY(msg, INTERNAL(ExceptionsLoaded));
    (void)actor;
    if (!take_page(sync, msg))
        return ERR_OK;
    for (size_t i = 0; i < loaded->n_rows; i++) {
        const INTERNAL(ExceptionRow) *row = loaded->rows[i];
        struct delivery_row in_memory = {
            .seq = row->seq,
            .last_seq = row->last_seq,
            .state = row->state,
            .attempts = row->attempts,
            .reason = row->reason,
            .due_ms = row->due_ms,
            .at_ms = row->at_ms,
        };
        delivery_load_row(sync->delivery, row->consumer_id, &in_memory);
        sync->load_consumer_id = row->consumer_id;
        sync->load_seq = row->seq;
    }
    if (loaded->is_end)
        sync->load_step = LOAD_HEADS;
    else if (loaded->n_rows == 0)
        ask_later(sync);
    return ERR_OK;
}

enum err sync_on_heads_loaded(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(HeadsLoaded) *loaded = MSG_BODY(msg, INTERNAL(HeadsLoaded));
    (void)actor;
    if (!take_page(sync, msg))
        return ERR_OK;
    if (loaded->n_runs == 0 && !loaded->is_end) {
        ask_later(sync);
        return ERR_OK;
    }
    struct delivery_clock clock = sync_clock(sync);
    for (size_t i = 0; i < loaded->n_runs; i++) {
        const ProtobufCBinaryData *topic = i < loaded->n_topics ? &loaded->topics[i] : NULL;
        struct delivery_run run = sync_run(loaded->runs[i], topic);
        delivery_load_run(sync->delivery, &run, &clock);
    }
    /* The end was read after we asked, so it holds everything we had heard of until then. */
    uint64_t last_seq = loaded->last_seq;
    if (last_seq < sync->appended_when_asked)
        last_seq = sync->appended_when_asked;
    end_heads(sync, loaded->last_seq, last_seq, loaded->is_end);
    return ERR_OK;
}
