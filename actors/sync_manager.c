/* SPDX-License-Identifier: MPL-2.0
 *
 * See sync_manager.h and sync_manager_state.h: life, turns, and the messages that need one line.
 *
 * Handlers only tell delivery.c what happened. After each turn sync_send_out() takes from it what
 * that made due, so many messages of one turn become few messages out.
 */
#include "sync_manager.h"

#include <stdlib.h>
#include <string.h>

#include "rt/log.h"
#include "rt/metrics.h"
#include "sync_manager_state.h"

#define SYNC_GAUGES_SHARE_NS 10000 /* ns of work per ms of pause: a hundredth */
#define US_PER_MS            1000
#define NS_PER_US            1000

/* --- Time */

struct delivery_clock sync_clock(const struct sync_manager *sync)
{
    return (struct delivery_clock){
        .wall_ms = actor_wall(sync->actor).ms,
        .steady_ms =
            sync->wall_start_ms + mono_elapsed_ms(sync->mono_start, actor_mono(sync->actor)),
    };
}

void sync_again(struct sync_manager *sync)
{
    if (!actor_timer_is_set(sync->actor, SYNC_TIMER_AGAIN))
        actor_timer_set(sync->actor, SYNC_TIMER_AGAIN,
                        mono_add_ms(actor_mono(sync->actor), SYNC_AGAIN_MS));
}

/* Wakes when delivery wants to be called, rounded up to whole milliseconds of the steady clock. */
static void arm_due(struct sync_manager *sync)
{
    int64_t next_ms = delivery_next_ms(sync->delivery);
    if (next_ms == DELIVERY_NEVER_MS)
        actor_timer_stop(sync->actor, SYNC_TIMER_DUE);
    else
        actor_timer_set(sync->actor, SYNC_TIMER_DUE,
                        mono_add_ms(sync->mono_start, next_ms - sync->wall_start_ms));
}

/* --- Names */

enum err sync_make_key(struct sync_key *key, uint32_t kind, ProtobufCBinaryData scope_name,
                       const void *consumer, size_t consumer_size)
{
    struct name_folded folded;
    if (kind < PREFIX_PEER || kind > PREFIX_TOPIC)
        return ERR_BAD_SCOPE;
    enum err err = name_fold(scope_name.data, scope_name.len, &folded);
    if (err)
        return err;
    if (consumer_size > WIRE_NAME_BYTES_MAX)
        return ERR_BAD_NAME;
    key->bytes[0] = (char)kind;
    memcpy(&key->bytes[1], folded.text, folded.size);
    key->bytes[1 + folded.size] = '\0';
    memcpy(&key->bytes[2 + folded.size], consumer, consumer_size);
    key->size = 2 + folded.size + consumer_size;
    return ERR_OK;
}

struct consumer *sync_add_consumer(struct sync_manager *sync, const INTERNAL(ConsumerRow) * row,
                                   bool is_new, bool is_scope_new)
{
    struct sync_key key;
    enum err err = sync_make_key(&key, row->scope_kind, row->scope_name, row->consumer.data,
                                 row->consumer.len);
    if (err) {
        log_error("consumer-ignored", LOG_ERROR(err), LOG_I64("consumer", row->consumer_id));
        return NULL;
    }
    if (row->consumer_id < 0)
        key.bytes[0] |= SYNC_KEY_EPHEMERAL;
    struct delivery_consumer_spec spec = {
        .consumer_id = row->consumer_id,
        .scope_id = row->scope_id,
        .owner_id = row->scope_owner_id,
        .kind = (enum delivery_scope_kind)row->scope_kind,
        .scope_name = {row->scope_name.data, row->scope_name.len},
        .name = {row->consumer.data, row->consumer.len},
        .key = sync_key_bytes(&key),
        .floor_seq = row->floor_seq,
        .is_new = is_new,
        .is_scope_new = is_scope_new,
    };
    return delivery_consumer_add(sync->delivery, &spec);
}

_Static_assert((int)DELIVERY_PEER == (int)PREFIX_PEER && (int)DELIVERY_ROOM == (int)PREFIX_ROOM &&
                   (int)DELIVERY_QUEUE == (int)PREFIX_QUEUE &&
                   (int)DELIVERY_TOPIC == (int)PREFIX_TOPIC,
               "delivery.h and proto/name.h number the kinds of scopes alike");

struct delivery_run sync_run(const INTERNAL(Run) * run, const ProtobufCBinaryData *topic)
{
    return (struct delivery_run){
        .scope_id = run->scope_id,
        .first_seq = run->first_seq,
        .count = run->count,
        .stored_ms = run->stored_ms,
        .expires_ms = run->expires_ms,
        .not_before_ms = run->not_before_ms,
        .flags = run->flags,
        .topic = {topic != NULL ? topic->data : NULL, topic != NULL ? topic->len : 0},
    };
}

/* --- APPENDED */

/* A scope that came with this commit has no older messages, if we see it from its beginning. */
static bool is_seen_from_start(const struct sync_manager *sync, const INTERNAL(Appended) * appended)
{
    return !delivery_is_starting(sync->delivery) &&
           (appended->n_runs == 0 || appended->runs[0]->first_seq > sync->appended_seq);
}

static enum err on_appended(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(Appended) *appended = MSG_BODY(msg, INTERNAL(Appended));
    (void)actor;
    sync->appended_count++;
    struct delivery_clock clock = sync_clock(sync);
    bool is_scope_new = is_seen_from_start(sync, appended);
    for (size_t i = 0; i < appended->n_consumers; i++)
        (void)sync_add_consumer(sync, appended->consumers[i], true, is_scope_new); /* or logged */
    sync_drop_consumers(sync, appended);
    for (size_t i = 0; i < appended->n_runs; i++) {
        const ProtobufCBinaryData *topic = i < appended->n_topics ? &appended->topics[i] : NULL;
        struct delivery_run run = sync_run(appended->runs[i], topic);
        delivery_append(sync->delivery, &run, &clock);
    }
    commit_marks_add(&sync->marks, appended->last_seq, (struct mono_time){appended->committed_ns});
    if (appended->last_seq > sync->appended_seq)
        sync->appended_seq = appended->last_seq;
    delivery_appended_upto(sync->delivery, appended->last_seq);
    if (appended->is_acl_changed)
        sync_acl_changed(sync);
    return ERR_OK;
}

/* --- Events of gateways */

static struct delivery_address address_of(const struct msg *msg, uint64_t session, uint32_t handle)
{
    return (struct delivery_address){.session = session, .gateway = msg->from, .handle = handle};
}

static enum err on_detach(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    (void)actor;
    const INTERNAL(Detach) *detach = MSG_BODY(msg, INTERNAL(Detach));
    struct delivery_address address = address_of(msg, detach->session, detach->handle);
    struct delivery_clock clock = sync_clock(sync);
    if (!delivery_detach(sync->delivery, address, &clock))
        sync_attach_drop(sync, address, ERR_NO_SUCH_CONSUMER);
    return ERR_OK;
}

static enum err on_credit(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    (void)actor;
    const INTERNAL(Credit) *credit = MSG_BODY(msg, INTERNAL(Credit));
    struct delivery_address address = address_of(msg, credit->session, credit->handle);
    if (!delivery_credit(sync->delivery, address, credit->messages_total, credit->bytes_total) &&
        !sync_attach_credit(sync, address, credit->messages_total, credit->bytes_total))
        log_debug("credit-ignored", LOG_U64("session", credit->session));
    return ERR_OK;
}

_Static_assert((int)DELIVERY_ACK == ROOST__V1__OUTCOME__ACK &&
                   (int)DELIVERY_RELEASE == ROOST__V1__OUTCOME__RELEASE &&
                   (int)DELIVERY_FAIL == ROOST__V1__OUTCOME__FAIL &&
                   (int)DELIVERY_REJECT == ROOST__V1__OUTCOME__REJECT &&
                   (int)DELIVERY_EXTEND == ROOST__V1__OUTCOME__EXTEND,
               "outcomes are numbered as in the public protocol");

static enum err on_settle(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    (void)actor;
    const INTERNAL(Settle) *settle = MSG_BODY(msg, INTERNAL(Settle));
    struct delivery_settle_range ranges[WIRE_RANGES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < settle->n_ranges && count < WIRE_RANGES_MAX; i++) {
        const INTERNAL(SettleRange) *range = settle->ranges[i];
        if (range->outcome < DELIVERY_ACK || range->outcome > DELIVERY_EXTEND)
            continue; /* the gateway lets none pass */
        ranges[count++] = (struct delivery_settle_range){
            .first_no = range->first_delivery_no,
            .last_no = range->last_delivery_no,
            .outcome = (enum delivery_outcome)range->outcome,
            .delay_ms = range->delay_ms,
            .reason = range->reason,
        };
    }
    struct delivery_clock clock = sync_clock(sync);
    delivery_settle(sync->delivery, address_of(msg, settle->session, settle->handle),
                    settle->confirm_id, ranges, count, &clock);
    return ERR_OK;
}

static enum err on_session_closed(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    (void)actor;
    const INTERNAL(SessionClosed) *closed = MSG_BODY(msg, INTERNAL(SessionClosed));
    struct delivery_clock clock = sync_clock(sync);
    sync_attach_drop(sync, address_of(msg, closed->session, 0), ERR_NO_SESSION);
    delivery_session_closed(sync->delivery, msg->from, closed->session, &clock);
    return ERR_OK;
}

/* --- Turns */

static void report_counts(struct sync_manager *sync, bool is_with_gauges)
{
    struct metrics *metrics = actor_metrics(sync->actor);
    struct delivery_counts now = delivery_counts(sync->delivery);
    const struct delivery_counts *last = &sync->reported;
    metrics_add(metrics, METRIC_DELIVERED, (int64_t)(now.delivered - last->delivered));
    metrics_add(metrics, METRIC_REDELIVERED, (int64_t)(now.redelivered - last->redelivered));
    metrics_add(metrics, METRIC_SETTLED, (int64_t)(now.settled - last->settled));
    metrics_add(metrics, METRIC_RETRIED, (int64_t)(now.retried - last->retried));
    metrics_add(metrics, METRIC_EXPIRED, (int64_t)(now.expired - last->expired));
    metrics_add(metrics, METRIC_DEAD, (int64_t)(now.dead - last->dead));
    metrics_add(metrics, METRIC_CANCELLED, (int64_t)(now.cancelled - last->cancelled));
    sync->reported = now;
    if (!is_with_gauges)
        return;
    uint64_t waiting = 0, leased = 0;
    delivery_sum(sync->delivery, &waiting, &leased);
    int64_t oldest_ms = delivery_oldest_ms(sync->delivery);
    struct delivery_clock clock = sync_clock(sync);
    metrics_set(metrics, METRIC_WAITING, (int64_t)waiting);
    metrics_set(metrics, METRIC_LEASED, (int64_t)leased);
    metrics_set(metrics, METRIC_OLDEST_MS,
                oldest_ms == DELIVERY_NEVER_MS ? 0 : oldest_ms + clock.wall_ms - clock.steady_ms);
}

/* They look at every consumer: the more there are, the more seldom. */
static void report_gauges(struct sync_manager *sync)
{
    struct mono_time begin = actor_mono_now(sync->actor);
    report_counts(sync, true);
    struct mono_time end = actor_mono_now(sync->actor);
    int64_t pause_ms = (end.ns - begin.ns) / SYNC_GAUGES_SHARE_NS;
    sync->gauges_pause_ms = pause_ms > SYNC_GAUGES_MS ? pause_ms : SYNC_GAUGES_MS;
    sync->are_gauges_new = true;
}

/* After each turn but that of the gauges themselves: when nothing happens, nothing is looked at. */
static void arm_gauges(struct sync_manager *sync)
{
    if (!sync->are_gauges_new && !actor_timer_is_set(sync->actor, SYNC_TIMER_GAUGES))
        actor_timer_set(sync->actor, SYNC_TIMER_GAUGES,
                        mono_add_ms(actor_mono(sync->actor), sync->gauges_pause_ms));
    sync->are_gauges_new = false;
}

/* The sooner of a busy broker's messages are timed exactly; what waited long, to the millisecond. */
static void on_settled(void *context, uint64_t seq, int64_t enqueue_ms)
{
    struct sync_manager *sync = context;
    struct mono_time at;
    int64_t took_us = (sync_clock(sync).steady_ms - enqueue_ms) * US_PER_MS;
    if (commit_marks_find(&sync->marks, seq, &at))
        took_us = (actor_mono(sync->actor).ns - at.ns) / NS_PER_US;
    metrics_record(actor_metrics(sync->actor), METRIC_END_TO_END_US,
                   took_us > 0 ? (uint64_t)took_us : 0);
}

/* Not each by itself: that would wake persistence once more for every commit. */
static void acknowledge(struct sync_manager *sync)
{
    if (sync->appended_count < SYNC_APPENDED_ACK)
        return;
    INTERNAL(AppendedAck) ack = ROOST__INTERNAL__APPENDED_ACK__INIT;
    ack.count = sync->appended_count;
    if (actor_send(sync->actor, ACTOR_PERSISTENCE, MSG_APPENDED_ACK, &ack.base, NULL) == ERR_OK)
        sync->appended_count = 0;
    else
        actor_timer_set(sync->actor, SYNC_TIMER_EVENTS,
                        mono_add_ms(actor_mono(sync->actor), SYNC_EVENT_AGAIN_MS));
}

static enum err sync_on_batch(struct actor *actor, void *state)
{
    struct sync_manager *sync = state;
    acknowledge(sync);
    sync_load_go_on(sync);
    sync_acl_go_on(sync);
    sync_attach_go_on(sync);
    sync_send_out(sync);
    arm_due(sync);
    report_counts(sync, false);
    arm_gauges(sync);
    if (sync->is_stopping && !sync->is_stopped && delivery_is_written(sync->delivery) &&
        sync->events == NULL) {
        sync->is_stopped = true;
        actor_stopped(actor);
    }
    return ERR_OK;
}

static enum err sync_on_timer(struct actor *actor, void *state, unsigned timer)
{
    struct sync_manager *sync = state;
    (void)actor;
    struct delivery_clock clock = sync_clock(sync);
    switch ((enum sync_timer)timer) {
    case SYNC_TIMER_DUE:
        delivery_tick(sync->delivery, &clock);
        break;
    case SYNC_TIMER_AGAIN:
        sync->is_load_late = false;
        break; /* on_batch asks again */
    case SYNC_TIMER_EVENTS:
        break; /* on_batch sends them, and acknowledges */
    case SYNC_TIMER_GAUGES:
        report_gauges(sync);
        break;
    }
    return ERR_OK;
}

static enum err sync_on_no_answer(struct actor *actor, void *state, uint8_t kind, uint64_t context)
{
    struct sync_manager *sync = state;
    struct delivery_clock clock = sync_clock(sync);
    (void)actor;
    log_warn("no-answer", LOG_STR("question", message_name(kind)));
    switch (kind) {
    case MSG_FETCH:
        delivery_fetch_lost(sync->delivery, (uint32_t)context, &clock);
        break;
    case MSG_CONSUMER_WRITE: /* saying it again is harmless, but for a receipt told twice */
        delivery_written(sync->delivery, (uint32_t)context, false, &clock);
        break;
    case MSG_CONSUMER_OPEN:
        sync_attach_no_answer(sync, context);
        break;
    case MSG_ACL_LOAD:
        sync_acl_no_answer(sync);
        break;
    case MSG_LOAD_CONSUMERS:
    case MSG_LOAD_EXCEPTIONS:
    case MSG_LOAD_HEADS:
        sync_load_no_answer(sync);
        break;
    default:
        sync_call_no_answer(sync, kind, context);
    }
    return ERR_OK;
}

static enum err sync_on_stop(struct actor *actor, void *state)
{
    struct sync_manager *sync = state;
    (void)actor;
    sync->is_stopping = true; /* on_batch ends when everything is written */
    return sync_on_batch(actor, state);
}

/* --- Life */

static enum err sync_init(struct actor *actor, void *state, const void *args)
{
    struct sync_manager *sync = state;
    const struct sync_manager_options *options = args;
    sync->actor = actor;
    sync->mono_start = actor_mono(actor);
    sync->wall_start_ms = actor_wall(actor).ms;
    sync->room_gateway = options->room_gateway;
    sync->load_page = options->load_page ? options->load_page : 2048;
    sync->events_end = &sync->events;
    sync->attaches = calloc(SYNC_ATTACHES_MAX, sizeof(*sync->attaches));
    CHECK(sync->attaches != NULL);
    arena_init(&sync->arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    struct delivery_options delivery_options = {
        .backoff = options->backoff,
        .lease_ms = options->lease_ms,
        .lease_ms_min = WIRE_LEASE_MS_MIN,
        .lease_ms_max = WIRE_LEASE_MS_MAX,
        .window_messages_max = options->window_messages_max,
        .write_interval_ms = options->write_interval_ms,
        .window_bytes_max = options->window_bytes_max,
        .seed = actor_random(actor),
        .on_settled = on_settled,
        .context = sync,
    };
    sync->delivery = delivery_new(&delivery_options);
    sync->gauges_pause_ms = SYNC_GAUGES_MS;
    actor_timer_set(actor, SYNC_TIMER_GAUGES, mono_add_ms(actor_mono(actor), SYNC_GAUGES_MS));
    acl_init(&sync->acl, options->is_acl_open || !options->has_acl);
    sync->is_acl_here = !options->has_acl;
    sync->is_daemon = options->has_acl;
    sync->admins = options->admins;
    sync->admin_count = options->admin_count;
    sync_load_go_on(sync);
    sync_acl_go_on(sync);
    return ERR_OK;
}

static void sync_fini(struct actor *actor, void *state)
{
    struct sync_manager *sync = state;
    (void)actor;
    sync_out_fini(sync);
    delivery_destroy(&sync->delivery);
    acl_fini(&sync->acl);
    free(sync->attaches);
    free(sync->removed);
    arena_fini(&sync->arena);
}

const struct actor_class sync_manager_actor = {
    .name = "sync-manager",
    .state_size = sizeof(struct sync_manager),
    .restart = ACTOR_ESCALATE,
    .link_room = 2048,
    .init = sync_init,
    .fini = sync_fini,
    .on_timer = sync_on_timer,
    .on_no_answer = sync_on_no_answer,
    .on_batch = sync_on_batch,
    .on_stop = sync_on_stop,
    .on =
        {
            [MSG_APPENDED] = on_appended,
            [MSG_ATTACH] = sync_on_attach,
            [MSG_DETACH] = on_detach,
            [MSG_CREDIT] = on_credit,
            [MSG_SETTLE] = on_settle,
            [MSG_SESSION_CLOSED] = on_session_closed,
            [MSG_CALL] = sync_on_call,
            [MSG_QUERY] = sync_on_query,
            [MSG_CONSUMER_OPENED] = sync_on_consumer_opened,
            [MSG_CONSUMER_WRITTEN] = sync_on_consumer_written,
            [MSG_CONSUMER_REMOVED] = sync_on_consumer_removed,
            [MSG_DEAD_CHANGED] = sync_on_dead_changed,
            [MSG_ACL_LOADED] = sync_on_acl_loaded,
            [MSG_WAITING_COUNT] = sync_on_waiting_count,
            [MSG_ACCOUNT_CHANGED] = sync_on_account_changed,
            [MSG_FETCHED] = sync_on_fetched,
            [MSG_RESOLVED] = sync_on_resolved,
            [MSG_CONSUMERS_LOADED] = sync_on_consumers_loaded,
            [MSG_EXCEPTIONS_LOADED] = sync_on_exceptions_loaded,
            [MSG_HEADS_LOADED] = sync_on_heads_loaded,
        },
};
