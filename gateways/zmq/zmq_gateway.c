/* SPDX-License-Identifier: MPL-2.0
 *
 * The zmq-gateway: one ROUTER, every ZeroMQ client behind it, and the other actors. It owns the
 * sessions (zmq_session.h), their publish credit (zmq_book.h), and who is told what; it stores
 * nothing and decides nothing about messages.
 *
 * Promises
 *   - Never waits. A frame sent is offered; a session whose buffer is full or gone is closed.
 *   - Whatever comes, the answer has a code and the refusal is counted; how often a stranger is
 *     answered is bounded (zmq_budget.h), and so is everything a peer can make the gateway keep:
 *     sessions, questions, SENDs on their way, bytes offered and not read.
 *   - One slow actor stops only its own kind of requests, with one exception: when the mailbox of
 *     the sync-manager is full, a SETTLE, CREDIT or DETACH that found it so is kept and nothing
 *     more is read until it is through. These must not be lost, and that actor never waits for
 *     the gateway, so the pause is as short as its turn.
 *
 * Frames of one routing id are handled in order. See zmq_internal.h for who does what.
 */
#include "gateways/zmq/zmq_gateway.h"

#include <string.h>
#include <sys/resource.h>

#include "gateways/tcp_listeners.h"
#include "gateways/zmq/zmq_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define WATCH_ROUTER       0
#define WATCH_MONITOR      1
#define FRAMES_PER_TURN    256
#define BYTES_PER_TURN     (8u << 20)
#define RETRY_MS           1
#define STOP_STEP_MS       2
#define STOP_FLUSH_MS      700 /* what is asked may still be answered so long */
#define HEARTBEAT_PAUSE_MS 100
#define HEARTBEAT_PAUSES   20
#define HEARTBEAT_LATE_MS  500
#define ARRIVALS_MS        1000
#define ARRIVAL_PAUSES     20
#define ARRIVALS_PER_LIMIT 2 /* of sessions of one address: those beyond the limit are told so */
#define DRAFTS_BYTES       (16u << 20)
#define EVENTS_BYTES       (1u << 20)

/* --- Frames */

static zmq_frame_handler *const handlers[] = {
    [ROOST__V1__TYPE__PING] = zmq_on_ping,       [ROOST__V1__TYPE__PONG] = zmq_on_pong,
    [ROOST__V1__TYPE__GOODBYE] = zmq_on_goodbye, [ROOST__V1__TYPE__ATTACH] = zmq_on_attach,
    [ROOST__V1__TYPE__DETACH] = zmq_on_detach,   [ROOST__V1__TYPE__CREDIT] = zmq_on_credit,
    [ROOST__V1__TYPE__SETTLE] = zmq_on_settle,   [ROOST__V1__TYPE__QUERY] = zmq_on_query,
    [ROOST__V1__TYPE__SYNC] = zmq_on_sync,       [ROOST__V1__TYPE__PRESENCE] = zmq_on_presence,
    [ROOST__V1__TYPE__CALL] = zmq_on_call,
};

#define HANDLERS_COUNT (sizeof(handlers) / sizeof(handlers[0]))

static void refuse(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                   zmq_msg_t *routing, enum err err)
{
    const struct wire_reader *reader = &gateway->reader;
    struct zmq_refusal refusal = {.err = err,
                                  .text = reader->problem,
                                  .type = reader->type,
                                  .request_id = reader->request_id};
    zmq_refuse(actor, gateway, session, zmq_msg_data(routing), zmq_msg_size(routing), &refusal);
}

/* A frame before WELCOME. */
static void refuse_early(struct actor *actor, struct zmq_gateway *gateway,
                         struct zmq_session *session, zmq_msg_t *routing)
{
    struct zmq_refusal refusal = {.err = ERR_NO_SESSION,
                                  .text = "HELLO is not answered yet; wait for WELCOME",
                                  .type = gateway->reader.type,
                                  .request_id = gateway->reader.request_id,
                                  .retry_after_ms = ZMQ_BUSY_RETRY_MS};
    zmq_refuse(actor, gateway, session, zmq_msg_data(routing), zmq_msg_size(routing), &refusal);
}

static enum err handle_parsed(struct actor *actor, struct zmq_gateway *gateway,
                              struct zmq_session *session, zmq_msg_t *routing, zmq_msg_t *frame)
{
    struct wire_message message;
    enum err err = wire_parse(&gateway->reader, zmq_msg_data(frame), zmq_msg_size(frame), &message);
    if (err) {
        refuse(actor, gateway, session, routing, err);
        return ERR_OK;
    }
    if (message.type == ROOST__V1__TYPE__HELLO) {
        zmq_on_hello(actor, gateway, session, routing, frame, message.hello);
        return ERR_OK;
    }
    if (!session) {
        zmq_say_no_session(actor, gateway, zmq_msg_data(routing), zmq_msg_size(routing));
        return ERR_OK;
    }
    bool is_early = session->state != ZMQ_SESSION_OPEN;
    if (is_early && message.type != ROOST__V1__TYPE__PING &&
        message.type != ROOST__V1__TYPE__GOODBYE) {
        refuse_early(actor, gateway, session, routing);
        return ERR_OK;
    }
    CHECK((size_t)message.type < HANDLERS_COUNT && handlers[message.type]);
    return handlers[message.type](actor, gateway, session, &message, frame);
}

/* --- Who is behind it */

void zmq_on_lost(void *context, int descriptor)
{
    struct zmq_gateway *gateway = context;
    zmq_sessions_unplug(&gateway->sessions, descriptor);
    zmq_arrivals_remove(&gateway->arrivals, descriptor);
}

void zmq_on_accepted(void *context, int descriptor)
{
    struct zmq_gateway *gateway = context;
    if (!zmq_arrivals_add(&gateway->arrivals, descriptor, actor_mono(gateway->actor)))
        metrics_count_error(actor_metrics(gateway->actor), ERR_TOO_MANY_CONNECTIONS);
}

static void count_cut(struct actor *actor, size_t count)
{
    if (count > 0)
        metrics_add(actor_metrics(actor), METRIC_CONNECTIONS_CUT, (int64_t)count);
}

/* Everything that the monitor tells; and those that are too many end. */
static void look_at_connections(struct actor *actor, struct zmq_gateway *gateway)
{
    (void)zmq_router_look(&gateway->router, ZMQ_ROUTER_NO_DESCRIPTOR);
    count_cut(actor, zmq_arrivals_cut(&gateway->arrivals));
    struct mono_time due = zmq_arrivals_next_due(&gateway->arrivals);
    if (due.ns != MONO_NEVER.ns && !actor_timer_is_set(actor, ZMQ_TIMER_ARRIVALS))
        actor_timer_set(actor, ZMQ_TIMER_ARRIVALS, due);
}

/* Where connections prove keys, a frame is the session's only when it came with the key of the session,
 * or both have none. Otherwise another connection has its routing id: the session's own has ended. */
bool zmq_is_of_session(const struct zmq_gateway *gateway, const struct zmq_session *session,
                       zmq_msg_t *frame)
{
    static const char none[WIRE_DEVICE_KEY_TEXT] = {0};
    if (!gateway->router.is_curve)
        return true;
    const char *key = zmq_router_key(frame);
    if (!key)
        return memcmp(session->key, none, sizeof(none)) == 0;
    return strlen(key) == sizeof(session->key) &&
           memcmp(session->key, key, sizeof(session->key)) == 0;
}

/* NULL: nobody, or another one than the frame is from; he is no longer reached by this routing id. */
static struct zmq_session *find_session(struct actor *actor, struct zmq_gateway *gateway,
                                        zmq_msg_t *routing, zmq_msg_t *frame)
{
    struct zmq_session *session =
        zmq_session_of_routing(&gateway->sessions, zmq_msg_data(routing), zmq_msg_size(routing));
    if (!session)
        return NULL;
    if (zmq_is_of_session(gateway, session, frame)) {
        zmq_session_heard(session, actor_mono(actor));
        return session;
    }
    log_warn("routing-id-of-another", LOG_U64("session", session->id),
             LOG_BYTES("peer", session->name, session->name_size));
    zmq_end_session(actor, gateway, session, err_code(ERR_NO_SESSION));
    return NULL;
}

/* ERR_BUSY: not done, offer it again. May move the frame out otherwise. */
static enum err handle_frame(struct actor *actor, struct zmq_gateway *gateway, zmq_msg_t *routing,
                             zmq_msg_t *frame)
{
    struct zmq_session *session = find_session(actor, gateway, routing, frame);
    uint32_t type;
    bool is_send = wire_peek_type(zmq_msg_data(frame), zmq_msg_size(frame), &type) == ERR_OK &&
                   type == ROOST__V1__TYPE__SEND;
    if (is_send && session && session->state == ZMQ_SESSION_OPEN) {
        zmq_on_send(actor, gateway, session, frame);
        return ERR_OK;
    }
    if (is_send && !session) { /* not worth unpacking */
        struct wire_send_facts facts;
        enum err err =
            wire_scan_send(&gateway->reader, zmq_msg_data(frame), zmq_msg_size(frame), &facts);
        if (err)
            refuse(actor, gateway, NULL, routing, err);
        else
            zmq_say_no_session(actor, gateway, zmq_msg_data(routing), zmq_msg_size(routing));
        return ERR_OK;
    }
    enum err err = handle_parsed(actor, gateway, session, routing, frame);
    arena_reset(&gateway->arena);
    return err;
}

static void refuse_multipart(struct actor *actor, struct zmq_gateway *gateway, zmq_msg_t *routing,
                             zmq_msg_t *frame)
{
    struct zmq_session *session = find_session(actor, gateway, routing, frame);
    struct zmq_refusal refusal = {.err = ERR_MULTIPART};
    zmq_refuse(actor, gateway, session, zmq_msg_data(routing), zmq_msg_size(routing), &refusal);
}

/* --- Reading */

void zmq_retry_soon(struct actor *actor)
{
    if (!actor_timer_is_set(actor, ZMQ_TIMER_RETRY))
        actor_timer_set(actor, ZMQ_TIMER_RETRY, mono_add_ms(actor_mono(actor), RETRY_MS));
}

static void read_on(struct actor *actor, struct zmq_gateway *gateway, bool is_reading)
{
    if (gateway->is_reading == is_reading)
        return;
    gateway->is_reading = is_reading;
    if (is_reading)
        actor_watch(actor, WATCH_ROUTER, gateway->router.socket, -1);
    else
        actor_unwatch(actor, WATCH_ROUTER);
}

static void stall(struct actor *actor, struct zmq_gateway *gateway, zmq_msg_t *routing,
                  zmq_msg_t *frame)
{
    CHECK(!gateway->has_stalled);
    CHECK(zmq_msg_move(&gateway->stalled_routing, routing) == 0);
    CHECK(zmq_msg_move(&gateway->stalled_frame, frame) == 0);
    gateway->has_stalled = true;
    read_on(actor, gateway, false);
    zmq_retry_soon(actor);
}

static void retry_stalled(struct actor *actor, struct zmq_gateway *gateway)
{
    if (!gateway->has_stalled)
        return;
    if (handle_frame(actor, gateway, &gateway->stalled_routing, &gateway->stalled_frame) ==
        ERR_BUSY) {
        zmq_retry_soon(actor);
        return;
    }
    (void)zmq_msg_close(&gateway->stalled_routing); /* cannot fail on a valid message */
    (void)zmq_msg_close(&gateway->stalled_frame);
    CHECK(zmq_msg_init(&gateway->stalled_routing) == 0);
    CHECK(zmq_msg_init(&gateway->stalled_frame) == 0);
    gateway->has_stalled = false;
    read_on(actor, gateway, true);
}

/* False: nothing there, or stalled. Adds to *bytes. */
static bool read_one(struct actor *actor, struct zmq_gateway *gateway, size_t *bytes)
{
    zmq_msg_t routing, frame;
    CHECK(zmq_msg_init(&routing) == 0 && zmq_msg_init(&frame) == 0);
    enum zmq_received received = zmq_router_receive(&gateway->router, &routing, &frame);
    if (received != ZMQ_RECEIVED_NOTHING) {
        size_t size = zmq_msg_size(&frame);
        *bytes += size;
        metrics_add(actor_metrics(actor), METRIC_FRAMES_IN, 1);
        metrics_add(actor_metrics(actor), METRIC_BYTES_IN, (int64_t)size);
    }
    if (received == ZMQ_RECEIVED_MULTIPART)
        refuse_multipart(actor, gateway, &routing, &frame);
    else if (received == ZMQ_RECEIVED_FRAME &&
             handle_frame(actor, gateway, &routing, &frame) == ERR_BUSY)
        stall(actor, gateway, &routing, &frame);
    (void)zmq_msg_close(&routing);
    (void)zmq_msg_close(&frame);
    return received != ZMQ_RECEIVED_NOTHING && !gateway->has_stalled;
}

static enum err on_readable(struct actor *actor, void *state, unsigned watch)
{
    struct zmq_gateway *gateway = state;
    size_t bytes = 0;
    look_at_connections(actor, gateway);
    if (watch == WATCH_MONITOR)
        return ERR_OK;
    gateway->has_more = true;
    for (unsigned i = 0; i < FRAMES_PER_TURN && bytes < BYTES_PER_TURN; i++) {
        if (read_one(actor, gateway, &bytes))
            continue;
        gateway->has_more = gateway->has_stalled;
        break;
    }
    return ERR_OK;
}

/* --- Turns and timers */

static void watch_heartbeats(struct actor *actor, struct zmq_gateway *gateway, struct mono_time due)
{
    gateway->heartbeat_due = due;
    actor_timer_set(actor, ZMQ_TIMER_HEARTBEAT, due);
}

static enum err on_batch(struct actor *actor, void *state)
{
    struct zmq_gateway *gateway = state;
    retry_stalled(actor, gateway);
    zmq_drain_queue(actor, gateway);
    zmq_flush_presence(actor, gateway);
    zmq_flush_stored(actor, gateway);
    zmq_sweep_closing(actor, gateway);
    struct mono_time due = zmq_sessions_next_due(&gateway->sessions);
    if (due.ns != MONO_NEVER.ns && !actor_timer_is_set(actor, ZMQ_TIMER_HEARTBEAT))
        watch_heartbeats(actor, gateway, due);
    return ERR_OK;
}

/* Nobody is called silent while what he said may still lie unread: when the socket was not emptied,
 * or when we were away ourselves (a stopped process) and it is only now being filled. But not for
 * ever: ROUTER reads from all in turn, so after HEARTBEAT_PAUSES everybody was heard. */
static void check_heartbeats(struct actor *actor, struct zmq_gateway *gateway)
{
    struct mono_time now = actor_mono(actor);
    bool is_late = mono_elapsed_ms(gateway->heartbeat_due, now) > HEARTBEAT_LATE_MS;
    if ((gateway->has_more || is_late) && gateway->heartbeat_pauses < HEARTBEAT_PAUSES) {
        gateway->heartbeat_pauses++;
        int64_t pause_ms = is_late ? HEARTBEAT_LATE_MS : HEARTBEAT_PAUSE_MS;
        watch_heartbeats(actor, gateway, mono_add_ms(now, pause_ms));
        return;
    }
    gateway->heartbeat_pauses = 0;
    zmq_check_heartbeats(actor, gateway);
}

/* Who has no session for too long. The HELLO of somebody may still lie unread: see check_heartbeats. */
static void check_arrivals(struct actor *actor, struct zmq_gateway *gateway)
{
    struct mono_time now = actor_mono(actor);
    look_at_connections(actor, gateway);
    actor_timer_set(actor, ZMQ_TIMER_ARRIVALS, mono_add_ms(now, ARRIVALS_MS));
    if ((gateway->has_more || gateway->has_stalled) && gateway->arrival_pauses < ARRIVAL_PAUSES) {
        gateway->arrival_pauses++;
        return;
    }
    gateway->arrival_pauses = 0;
    count_cut(actor, zmq_arrivals_cut_due(&gateway->arrivals, now));
    if (zmq_arrivals_next_due(&gateway->arrivals).ns == MONO_NEVER.ns)
        actor_timer_stop(actor, ZMQ_TIMER_ARRIVALS);
}

static void step_stop(struct actor *actor, struct zmq_gateway *gateway)
{
    bool is_late = mono_reached(gateway->stop_deadline, actor_mono(actor));
    bool is_flushed = gateway->stores_open == 0 && gateway->asks_open == 0 &&
                      !gateway->queue_head && !gateway->has_stalled;
    if ((is_flushed || is_late) && !gateway->has_said_goodbye) {
        zmq_flush_stored(actor, gateway); /* the last answers come before GOODBYE */
        zmq_end_all(actor, gateway);
        gateway->has_said_goodbye = true;
        read_on(actor, gateway, false);
    }
    if (gateway->has_said_goodbye && (gateway->sessions.closing.count == 0 || is_late))
        actor_stopped(actor);
    else
        actor_timer_set(actor, ZMQ_TIMER_STOP, mono_add_ms(actor_mono(actor), STOP_STEP_MS));
}

static enum err on_timer(struct actor *actor, void *state, unsigned timer)
{
    struct zmq_gateway *gateway = state;
    switch ((enum zmq_timer)timer) {
    case ZMQ_TIMER_HEARTBEAT:
        check_heartbeats(actor, gateway);
        break;
    case ZMQ_TIMER_SEEN:
        zmq_tell_seen(actor, gateway);
        actor_timer_set(actor, ZMQ_TIMER_SEEN,
                        mono_add_ms(actor_mono(actor), gateway->options->seen_ms));
        break;
    case ZMQ_TIMER_RETRY:
        break; /* on_batch does it */
    case ZMQ_TIMER_STOP:
        step_stop(actor, gateway);
        break;
    case ZMQ_TIMER_ARRIVALS:
        check_arrivals(actor, gateway);
        break;
    }
    return ERR_OK;
}

static enum err on_no_answer(struct actor *actor, void *state, uint8_t kind, uint64_t context)
{
    struct zmq_gateway *gateway = state;
    log_warn("no-answer", LOG_STR("kind", message_name(kind)));
    if (kind == MSG_STORE)
        zmq_store_timeout(actor, gateway, context);
    else if (kind == MSG_LOGIN || kind == MSG_SESSION_OPEN)
        zmq_session_open_timeout(actor, gateway, kind, context);
    else
        zmq_ask_timeout(actor, gateway, kind, context);
    return ERR_OK;
}

static enum err on_stop(struct actor *actor, void *state)
{
    struct zmq_gateway *gateway = state;
    gateway->stop_deadline = mono_add_ms(actor_mono(actor), STOP_FLUSH_MS);
    actor_timer_stop(actor, ZMQ_TIMER_SEEN);
    step_stop(actor, gateway);
    if (gateway->has_said_goodbye) /* there may be no turn that sweeps */
        actor_timer_set(actor, ZMQ_TIMER_STOP, actor_mono(actor));
    return ERR_OK;
}

/* --- Life */

static void check_options(const struct zmq_gateway_options *options)
{
    CHECK(options->listen_count > 0 && options->bound && options->software);
    CHECK(!options->curve_secret || options->curve_domain);
    for (size_t i = 0; i < options->listen_count; i++)
        CHECK(options->curve_secret ||
              strncmp(options->listen[i], ZMQ_GATEWAY_CURVE, strlen(ZMQ_GATEWAY_CURVE)) != 0);
    CHECK(options->publish_window >= options->limits.entries_max);
    CHECK(options->publish_bytes >= options->limits.frame_bytes_max);
    CHECK(options->publish_bytes_total >= options->publish_bytes);
    CHECK(options->heartbeat_ms > 0 && options->seen_ms > 0 && options->sessions_max > 0);
}

/* Half of what the other gateways leave is ours; the rest is for files. */
static uint64_t descriptors_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return 0;
    return limit.rlim_cur - tcp_listeners_reserve(limit.rlim_cur) / 2;
}

static enum err init(struct actor *actor, void *state, const void *args)
{
    struct zmq_gateway *gateway = state;
    const struct zmq_gateway_options *options = args;
    check_options(options);
    gateway->actor = actor;
    gateway->options = options;
    gateway->book_limits =
        (struct zmq_book_limits){options->publish_window, options->publish_bytes};
    arena_init(&gateway->arena, WIRE_ARENA_BYTES(options->limits.frame_bytes_max));
    arena_init(&gateway->drafts, DRAFTS_BYTES);
    arena_init(&gateway->events, EVENTS_BYTES);
    gateway->reader = (struct wire_reader){
        .direction = WIRE_TO_BROKER, .limits = &options->limits, .arena = &gateway->arena};
    /* Numbers of an earlier life never come again: fewer than 2^20 sessions open per second. */
    zmq_sessions_init(&gateway->sessions, options->sessions_max, options->heartbeat_ms,
                      ((uint64_t)actor_wall(actor).ms << 10) + 1);
    uint64_t secret[2] = {actor_random(actor), actor_random(actor)};
    zmq_strangers_init(&gateway->strangers, (const uint8_t *)secret);
    address_book_init(&gateway->addresses, options->sessions_per_address,
                      2 * (size_t)options->sessions_max);
    enum err err = zmq_arrivals_init(
        &gateway->arrivals, ARRIVALS_PER_LIMIT * options->sessions_per_address, descriptors_max());
    zmq_asks_init(gateway);
    CHECK(zmq_msg_init(&gateway->stalled_routing) == 0);
    CHECK(zmq_msg_init(&gateway->stalled_frame) == 0);
    gateway->router.on_accepted = zmq_on_accepted;
    gateway->router.on_lost = zmq_on_lost;
    gateway->router.context = gateway;
    void *context = options->zmq_context ? options->zmq_context : actor_zmq_context(actor);
    if (!err)
        err = zmq_router_open(&gateway->router, context, options);
    if (err)
        return err;
    read_on(actor, gateway, true);
    actor_watch(actor, WATCH_MONITOR, gateway->router.monitor, -1);
    actor_timer_set(actor, ZMQ_TIMER_SEEN, mono_add_ms(actor_mono(actor), options->seen_ms));
    return ERR_OK;
}

static void fini(struct actor *actor, void *state)
{
    struct zmq_gateway *gateway = state;
    read_on(actor, gateway, false);
    if (gateway->router.monitor)
        actor_unwatch(actor, WATCH_MONITOR);
    if (!actor_is_stopping(actor)) /* a death: the next life knows nobody */
        zmq_disown_all(actor, gateway);
    zmq_router_close(&gateway->router);
    zmq_queue_fini(gateway);
    (void)zmq_msg_close(&gateway->stalled_routing);
    (void)zmq_msg_close(&gateway->stalled_frame);
    zmq_sessions_fini(&gateway->sessions);
    address_book_fini(&gateway->addresses);
    zmq_arrivals_fini(&gateway->arrivals);
    arena_fini(&gateway->arena);
    arena_fini(&gateway->drafts);
    arena_fini(&gateway->events);
}

const struct actor_class zmq_gateway_actor = {
    .name = "zmq-gateway",
    .state_size = sizeof(struct zmq_gateway),
    .restart = ACTOR_RESTART,
    .link_room = 2048,
    .init = init,
    .fini = fini,
    .on_timer = on_timer,
    .on_no_answer = on_no_answer,
    .on_batch = on_batch,
    .on_readable = on_readable,
    .on_stop = on_stop,
    .on =
        {
            [MSG_LOGIN_DONE] = zmq_on_login_done,
            [MSG_ACCOUNT_CHANGED] = zmq_on_account_changed,
            [MSG_SESSION_OPENED] = zmq_on_session_opened,
            [MSG_STORE_DONE] = zmq_on_store_done,
            [MSG_ATTACHED] = zmq_on_attached,
            [MSG_DETACHED] = zmq_on_detached,
            [MSG_SETTLED] = zmq_on_settled,
            [MSG_DELIVER_OUT] = zmq_on_deliver_out,
            [MSG_QUERY_PART] = zmq_on_query_part,
            [MSG_QUERY_DONE] = zmq_on_query_done,
            [MSG_CALL_DONE] = zmq_on_call_done,
            [MSG_PRESENCE_CHANGED] = zmq_on_presence_changed,
        },
};
