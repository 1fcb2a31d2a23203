/* SPDX-License-Identifier: MPL-2.0
 *
 * The persistence actor: its life and its turns. See persistence.h for what it promises.
 *
 *     handlers   row work in the open transaction, answers into the batch
 *     on_batch   commit -> APPENDED -> answers -> upkeep (index slices, checkpoint, retention)
 *
 * A question is kept packed until its commit: when the disk turns out to be full, the transaction
 * is rolled back, its stores are refused (their senders keep the messages), and its other
 * questions are run again without them.
 */
#include "persistence.h"

#include <stdlib.h>
#include <string.h>

#include "persistence_state.h"
#include "rt/check.h"
#include "rt/log.h"
#include "store/search.h"

#define DAY_MS    ((int64_t)86400 * 1000)
#define MINUTE_MS ((int64_t)60 * 1000)

/* --- Which question is worked on by whom. */

const struct persistence_duty persistence_duties[MSG_COUNT] = {
    [MSG_CONSUMER_OPEN] = {MSG_CONSUMER_OPENED, persistence_consumer_open},
    [MSG_CONSUMER_WRITE] = {MSG_CONSUMER_WRITTEN, persistence_consumer_write},
    [MSG_CONSUMER_REMOVE] = {MSG_CONSUMER_REMOVED, persistence_consumer_remove},
    [MSG_DEAD_CHANGE] = {MSG_DEAD_CHANGED, persistence_dead_change},
    [MSG_PEER_SAVE] = {MSG_PEER_SAVED, persistence_peer_save},
    [MSG_CALL] = {MSG_CALL_DONE, persistence_call},
    [MSG_LOGIN_WRITE] = {MSG_LOGIN_WRITTEN, persistence_login_write},
    [MSG_LAN_WRITE] = {MSG_LAN_WRITTEN, persistence_lan_write},
    [MSG_LAN_LOAD] = {MSG_LAN_LOADED, persistence_lan_load},
    [MSG_ACL_LOAD] = {MSG_ACL_LOADED, persistence_acl_load},
    [MSG_NUMBERS_RESERVE] = {MSG_NUMBERS_RESERVED, persistence_numbers_reserve},
};

bool persistence_is_fatal(enum err err)
{
    return err == ERR_STORAGE || err == ERR_CORRUPT;
}

bool persistence_breaks(enum err err)
{
    return persistence_is_fatal(err) || err == ERR_DISK_FULL || err == ERR_BUSY;
}

static struct batch_answer *note_question(struct persistence *p, const struct msg *msg)
{
    struct batch_answer *answer = batch_add_answer(p->batch);
    answer->to = msg->from;
    answer->correlation = msg->correlation;
    answer->question_kind = msg->kind;
    answer->kind = persistence_duties[msg->kind].answer_kind;
    answer->question_size = protobuf_c_message_get_packed_size(msg->body);
    answer->question = batch_alloc(p->batch, answer->question_size);
    (void)protobuf_c_message_pack(msg->body, answer->question); /* size as computed */
    return answer;
}

/* Everything but STORE. */
static enum err on_question(struct actor *actor, void *state, const struct msg *msg)
{
    struct persistence *p = state;
    (void)actor;
    p->turn_messages++;
    enum err err = persistence_begin(p);
    if (persistence_is_fatal(err))
        return err;
    persistence_figures_asked(p, msg->kind);
    size_t place = p->batch->answer_count;
    (void)note_question(p, msg);
    ProtobufCMessage *body = NULL;
    if (!err)
        err = persistence_duties[msg->kind].work(p, msg->body, ERR_OK, &body);
    p->batch->answers[place].body = body;
    return err ? persistence_fail(p, err) : ERR_OK;
}

static enum err on_session_closed(struct actor *actor, void *state, const struct msg *msg)
{
    struct persistence *p = state;
    (void)actor;
    const INTERNAL(SessionClosed) *closed = MSG_BODY(msg, INTERNAL(SessionClosed));
    (void)u64map_remove(&p->next_numbers, closed->session, NULL);
    return ERR_OK;
}

/* --- Turns. */

static enum err persistence_on_batch(struct actor *actor, void *state)
{
    struct persistence *p = state;
    if (p->options.answers_before_commit && p->turn_messages > 0) {
        persistence_close_batch(p);
        persistence_release(p);
        p->turn_messages = 0;
        actor_timer_set(actor, TIMER_IDLE, mono_add_ms(actor_mono(actor), 1)); /* commits */
        return ERR_OK;
    }
    enum err err = persistence_write_notes(p);
    if (!err)
        err = persistence_commit(p);
    if (err)
        return err;
    persistence_close_batch(p);
    persistence_release(p);
    if (p->quota.has_places)
        persistence_ask_waiting(p);
    err = persistence_upkeep(p);
    p->turn_messages = 0;
    p->turn_rows = 0;
    p->turn_settled = 0;
    return err;
}

/* The work of timers is done in on_batch, between transactions. */
static enum err persistence_on_timer(struct actor *actor, void *state, unsigned timer)
{
    struct persistence *p = state;
    (void)actor;
    if (timer == TIMER_NOTES)
        persistence_look_at_reloads(p);
    else
        p->due |= 1u << timer;
    return ERR_OK;
}

static enum err persistence_on_stop(struct actor *actor, void *state)
{
    struct persistence *p = state;
    persistence_guard_stop(p);
    enum err err = persistence_write_notes(p);
    if (!err)
        err = persistence_commit(p);
    if (err)
        return err;
    persistence_close_batch(p);
    persistence_release(p);
    err = store_checkpoint(p->store, true);
    actor_stopped(actor);
    return persistence_is_fatal(err) ? err : ERR_OK;
}

/* --- Life. */

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value ? value : fallback;
}

static void fill_options(struct persistence_options *options)
{
    if (!options->reserve_bytes)
        options->reserve_bytes = (size_t)8 << 20;
    if (!options->limits.frame_bytes_max)
        options->limits = wire_limits_default;
    options->ttl_ms = or_default(options->ttl_ms, 7 * DAY_MS);
    options->retention_ms = or_default(options->retention_ms, 30 * DAY_MS);
    options->presence_retention_ms = or_default(options->presence_retention_ms, 90 * DAY_MS);
    options->cleanup_interval_ms = or_default(options->cleanup_interval_ms, DAY_MS / 24);
    options->invitation_ttl_ms = or_default(options->invitation_ttl_ms, 7 * DAY_MS);
    options->lan_max = or_default(options->lan_max, 4096);
    options->token_ms = or_default(options->token_ms, 30 * DAY_MS);
    options->key_code_ms = or_default(options->key_code_ms, 24 * 60 * MINUTE_MS);
    options->login_window_ms = or_default(options->login_window_ms, 5 * MINUTE_MS);
    options->lock_ms = or_default(options->lock_ms, 15 * MINUTE_MS);
    if (!options->login_failures_max)
        options->login_failures_max = 5;
}

static enum err open_store(struct persistence *p)
{
    char problem[256] = "";
    struct store_options options = {
        .path = p->options.path,
        .vfs = p->options.vfs,
        .wal_bytes = p->options.wal_bytes,
        .reserve_bytes = p->options.reserve_bytes,
        .error_text = problem,
        .error_text_size_bytes = sizeof(problem),
    };
    enum err err = store_open(&options, &p->store);
    if (err)
        log_error("store-open", LOG_ERROR(err), LOG_STR("path", p->options.path),
                  LOG_STR("problem", problem));
    return err;
}

struct tail_load {
    struct persistence *p;
    enum err err;
};

static void load_tail_id(void *context, uint64_t seq, int64_t sender_id, const uint8_t id[16])
{
    struct tail_load *load = context;
    if (load->err || sender_id == 0)
        return; /* nobody sends receipts twice */
    load->err = dedupe_add(&load->p->dedupe, (uint32_t)sender_id, id, seq);
}

/* Ids above the highest indexed one need no look-up in the index. */
static enum err load_highest(struct persistence *p)
{
    struct dedupe_id highest;
    enum err err = message_highest_id(p->store, highest.bytes);
    if (!err)
        dedupe_set_indexed(&p->dedupe, &highest);
    return err;
}

static enum err load_tail(struct persistence *p)
{
    struct store_stats stats;
    store_stats(p->store, &stats);
    p->last_seq = p->committed_last_seq = stats.last_seq;
    p->indexed_seq = stats.indexed_seq;
    struct tail_load load = {.p = p};
    enum err err = load_highest(p);
    if (!err)
        err = message_visit_tail_ids(p->store, load_tail_id, &load);
    if (!err)
        err = load.err;
    if (!err)
        err = search_progress(p->store, &p->searched_seq);
    dedupe_commit(&p->dedupe);
    return err;
}

static void init_memory(struct persistence *p)
{
    arena_init(&p->frame_arena, WIRE_ARENA_BYTES(p->options.limits.frame_bytes_max));
    p->reader = (struct wire_reader){
        .direction = WIRE_TO_BROKER,
        .limits = &p->options.limits,
        .arena = &p->frame_arena,
    };
    p->number_runs = calloc(WIRE_ENTRIES_MAX, sizeof(*p->number_runs));
    p->number_exceptions = calloc(WIRE_ENTRIES_MAX, sizeof(*p->number_exceptions));
    CHECK(p->number_runs && p->number_exceptions);
    p->batch = batch_new();
    p->outbox_end = &p->outbox;
    dedupe_init(&p->dedupe, PERSISTENCE_TAIL_IDS_MAX);
    u64map_init(&p->next_numbers, PERSISTENCE_SESSIONS_MAX);
    u64map_init(&p->standings, PERSISTENCE_STANDINGS_MAX);
    u64map_init(&p->evicted, PERSISTENCE_EVICTED_MAX);
    p->lan_count = PERSISTENCE_LAN_UNKNOWN;
    p->lan_full_until = actor_mono(p->actor);
}

static enum err persistence_init(struct actor *actor, void *state, const void *args)
{
    struct persistence *p = state;
    p->actor = actor;
    p->options = *(const struct persistence_options *)args;
    fill_options(&p->options);
    p->mono_start = actor_mono(actor);
    p->wall_start_ms = actor_wall(actor).ms;
    init_memory(p);
    enum err err = persistence_scopes_init(p);
    if (!err)
        err = open_store(p);
    if (!err)
        err = load_tail(p);
    if (!err)
        err = scope_has_patterns(p->store, &p->names_topics);
    if (!err)
        err = persistence_acl_init(p);
    if (err)
        return err;
    persistence_guard_init(p);
    actor_timer_set(actor, TIMER_QUIET, mono_add_ms(actor_mono(actor), 1000));
    actor_timer_set(actor, TIMER_CLEANUP,
                    mono_add_ms(actor_mono(actor), p->options.cleanup_interval_ms));
    persistence_figures_init(p);
    log_info("store-open", LOG_U64("last_seq", p->last_seq),
             LOG_U64("not_indexed", p->last_seq - p->indexed_seq));
    return ERR_OK;
}

static void persistence_fini(struct actor *actor, void *state)
{
    struct persistence *p = state;
    (void)actor;
    store_close(&p->store);
    batch_destroy(&p->batch);
    batch_destroy(&p->spare);
    while (p->outbox) {
        struct batch *next = p->outbox->next;
        batch_destroy(&p->outbox);
        p->outbox = next;
    }
    dedupe_fini(&p->dedupe);
    u64map_fini(&p->next_numbers);
    u64map_fini(&p->standings);
    u64map_fini(&p->evicted);
    u64map_fini(&p->verdicts);
    acl_fini(&p->acl);
    persistence_guard_fini(p);
    hash_fini(&p->scope_places);
    free(p->scopes);
    free(p->undo);
    free(p->number_runs);
    free(p->number_exceptions);
    arena_fini(&p->frame_arena);
}

const struct actor_class persistence_actor = {
    .name = "persistence",
    .state_size = sizeof(struct persistence),
    .restart = ACTOR_ESCALATE,
    .link_room = 2048,
    .init = persistence_init,
    .fini = persistence_fini,
    .on_timer = persistence_on_timer,
    .on_no_answer = persistence_on_no_answer,
    .on_batch = persistence_on_batch,
    .on_stop = persistence_on_stop,
    .on =
        {
            [MSG_STORE] = persistence_on_store,
            [MSG_CONSUMER_OPEN] = on_question,
            [MSG_CONSUMER_WRITE] = on_question,
            [MSG_CONSUMER_REMOVE] = on_question,
            [MSG_DEAD_CHANGE] = on_question,
            [MSG_PEER_SAVE] = on_question,
            [MSG_CALL] = on_question,
            [MSG_LOGIN_WRITE] = on_question,
            [MSG_LAN_WRITE] = on_question,
            [MSG_LAN_LOAD] = on_question,
            [MSG_NUMBERS_RESERVE] = on_question,
            [MSG_ACL_LOAD] = on_question,
            [MSG_APPENDED_ACK] = persistence_on_appended_ack,
            [MSG_WAITING_COUNTED] = persistence_on_waiting_counted,
            [MSG_AUDIT] = persistence_on_audit,
            [MSG_SESSION_CLOSED] = on_session_closed,
        },
};
