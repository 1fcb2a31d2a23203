/* SPDX-License-Identifier: MPL-2.0
 *
 * See tcp_gateway.h and lair_internal.h.
 */
#include "gateways/lair/tcp_gateway.h"

#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateways/lair/lair_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define WATCH_POLLER 0
#define SWEEP_MS     1000
#define SEEN_MS      10000
#define FEEDS_MAX    65536
#define SESSION_BIT  ((uint64_t)1 << 61) /* no other gateway numbers its sessions from here */

/* --- Deliveries. */

static void deliver(struct tcp_gateway *gateway, uint64_t session,
                    const struct wire_message *message)
{
    struct lair_feed *feed = u64map_get_pointer(&gateway->feeds_by_session, session);
    struct lair_connection *connection = lair_connection_of(gateway, session);
    if (feed && message->type == ROOST__V1__TYPE__DELIVER)
        lair_feed_deliver(gateway, feed, message->deliver);
    else if (connection && message->type == ROOST__V1__TYPE__DELIVER)
        lair_mail_deliver(connection, message->deliver);
    else if (connection && message->type == ROOST__V1__TYPE__RECEIPT)
        lair_mail_receipt(connection, message->receipt);
}

static enum err on_deliver_out(struct actor *actor, void *state, const struct msg *msg)
{
    struct tcp_gateway *gateway = state;
    struct wire_message message;
    (void)actor;
    arena_reset(&gateway->arena);
    if (!msg->payload || wire_parse(&gateway->reader, zmq_msg_data(msg->payload),
                                    zmq_msg_size(msg->payload), &message) != ERR_OK) {
        log_error("delivery-unreadable", LOG_STR("problem", gateway->reader.problem));
        return ERR_OK;
    }
    deliver(gateway, MSG_BODY(msg, INTERNAL(DeliverOut))->session, &message);
    return ERR_OK;
}

static enum err on_attached(struct actor *actor, void *state, const struct msg *msg)
{
    struct tcp_gateway *gateway = state;
    const INTERNAL(Attached) *attached = MSG_BODY(msg, INTERNAL(Attached));
    uint64_t session;
    if (!actor_context(actor, msg, &session))
        return ERR_OK;
    struct lair_feed *feed = u64map_get_pointer(&gateway->feeds_by_session, session);
    struct lair_connection *connection = lair_connection_of(gateway, session);
    if (feed) {
        feed->scope_id = attached->scope_id;
        lair_feed_attached(gateway, feed, attached->code);
    } else if (connection && attached->code) {
        log_warn("mail-refused", LOG_U64("code", attached->code));
        connection->has_mail = false;
    }
    return ERR_OK;
}

static enum err on_detached(struct actor *actor, void *state, const struct msg *msg)
{
    struct tcp_gateway *gateway = state;
    const INTERNAL(Detached) *detached = MSG_BODY(msg, INTERNAL(Detached));
    struct lair_feed *feed = u64map_get_pointer(&gateway->feeds_by_session, detached->session);
    struct lair_connection *connection = lair_connection_of(gateway, detached->session);
    (void)actor;
    if (feed)
        lair_feed_attached(gateway, feed, detached->code ? detached->code : err_code(ERR_INTERNAL));
    else if (connection)
        connection->has_mail = false; /* the user reads it elsewhere */
    return ERR_OK;
}

static enum err on_member_left(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(MemberLeft) *left = MSG_BODY(msg, INTERNAL(MemberLeft));
    (void)actor;
    lair_feed_left(state, left->scope_id, left->peer_id);
    return ERR_OK;
}

static enum err on_settled(struct actor *actor, void *state, const struct msg *msg)
{
    (void)actor;
    (void)state;
    (void)msg; /* something was stale: it is delivered again, to whoever has it now */
    return ERR_OK;
}

/* --- Time. */

static bool is_overdue(const struct lair_connection *connection)
{
    const struct tcp_gateway *gateway = connection->gateway;
    int64_t silent_ms = mono_elapsed_ms(connection->since, actor_mono(gateway->actor));
    if (connection->state == LAIR_TLS)
        return silent_ms >= LAIR_TLS_MS;
    if (connection->state == LAIR_HANDSHAKE)
        return silent_ms >= gateway->options->handshake_ms;
    return gateway->options->idle_ms > 0 && silent_ms >= gateway->options->idle_ms;
}

static void look_at_all(struct tcp_gateway *gateway)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&gateway->connections, &cursor)) {
        struct lair_connection *connection = (struct lair_connection *)(uintptr_t)cursor.value;
        if (connection->state == LAIR_GONE)
            continue;
        if (is_overdue(connection))
            lair_close(connection, false);
        else if (connection->state == LAIR_OPEN)
            lair_mail_settle(connection, false);
    }
}

static void arm(struct tcp_gateway *gateway, unsigned timer, int64_t delay_ms)
{
    actor_timer_set(gateway->actor, timer, mono_add_ms(actor_mono(gateway->actor), delay_ms));
}

static enum err on_timer(struct actor *actor, void *state, unsigned timer)
{
    struct tcp_gateway *gateway = state;
    (void)actor;
    switch ((enum tcp_timer)timer) {
    case TCP_TIMER_SWEEP:
        look_at_all(gateway);
        lair_tls_look(gateway);
        arm(gateway, TCP_TIMER_SWEEP, SWEEP_MS);
        break;
    case TCP_TIMER_SEEN:
        lair_tell_seen(gateway);
        arm(gateway, TCP_TIMER_SEEN, SEEN_MS);
        break;
    case TCP_TIMER_FEEDS:
        lair_feeds_again(gateway);
        break;
    case TCP_TIMER_PENDING:
    case TCP_TIMER_NEWS:
        break; /* at the end of the turn */
    case TCP_TIMER_USERS:
        lair_users_due(gateway);
        break;
    case TCP_TIMER_ACCEPT:
        lair_accept_again(gateway);
        break;
    }
    return ERR_OK;
}

static enum err on_no_answer(struct actor *actor, void *state, uint8_t kind, uint64_t context)
{
    struct tcp_gateway *gateway = state;
    (void)actor;
    log_warn("no-answer", LOG_STR("kind", message_name(kind)));
    struct lair_feed *feed = u64map_get_pointer(&gateway->feeds_by_session, context);
    struct lair_connection *connection = lair_connection_of(gateway, context);
    if (feed)
        lair_feed_no_answer(gateway, feed);
    else if (kind == MSG_ATTACH && connection)
        connection->has_mail = false;
    else
        lair_no_answer(gateway, kind, context);
    return ERR_OK;
}

/* --- Turns and life. */

static enum err on_readable(struct actor *actor, void *state, unsigned watch)
{
    (void)actor;
    (void)watch;
    lair_poll(state);
    return ERR_OK;
}

static enum err on_batch(struct actor *actor, void *state)
{
    struct tcp_gateway *gateway = state;
    if (!lair_read_pending(gateway))
        arm(gateway, TCP_TIMER_PENDING, 0);
    (void)actor;
    do { /* who cannot be told is gone, which the others are told */
        lair_sweep(gateway);
        lair_news_go_on(gateway);
    } while (gateway->gone);
    return ERR_OK;
}

static enum err init(struct actor *actor, void *state, const void *args)
{
    struct tcp_gateway *gateway = state;
    const struct tcp_gateway_options *options = args;
    gateway->actor = actor;
    gateway->options = options;
    metrics_set(actor_metrics(actor), METRIC_CONNECTED, 0); /* those of an earlier life are gone */
    metrics_set(actor_metrics(actor), METRIC_SESSIONS, 0);
    metrics_set(actor_metrics(actor), METRIC_VERIFIED, 0);
    gateway->last_session = SESSION_BIT | ((uint64_t)actor_wall(actor).ms << 16);
    u64map_init(&gateway->connections, options->connections_max);
    u64map_init(&gateway->feeds_by_session, FEEDS_MAX);
    hash_init(&gateway->users, options->connections_max);
    hash_init(&gateway->feeds, FEEDS_MAX);
    arena_init(&gateway->arena, WIRE_ARENA_BYTES(options->limits.frame_bytes_max));
    buf_init(&gateway->scratch, LAIR_OUT_BYTES_MAX);
    buf_init(&gateway->clean, (size_t)3 * LAIR_TEXT_BYTES_MAX);
    buf_init(&gateway->line, LAIR_OUT_BYTES_MAX);
    lair_news_init(gateway);
    randombytes_buf(gateway->mark, sizeof(gateway->mark));
    gateway->reader = (struct wire_reader){
        .direction = WIRE_TO_CLIENT, .limits = &options->limits, .arena = &gateway->arena};
    address_book_init(&gateway->addresses, options->connections_per_address,
                      options->connections_max);
    if (options->reloads)
        gateway->reloads_seen = atomic_load_explicit(options->reloads, memory_order_acquire);
    enum err err = lair_cipher_init(&gateway->cipher);
    if (!err)
        err = lair_tls_load(gateway);
    if (!err)
        err = lair_listen(gateway);
    if (err || options->listen_count == 0)
        return err;
    actor_watch(actor, WATCH_POLLER, NULL, gateway->poller);
    arm(gateway, TCP_TIMER_SWEEP, SWEEP_MS);
    arm(gateway, TCP_TIMER_SEEN, SEEN_MS);
    return ERR_OK;
}

static void close_all(struct tcp_gateway *gateway)
{
    struct u64map_cursor cursor = {0};
    gateway->is_stopping = true;
    while (u64map_next(&gateway->connections, &cursor)) {
        struct lair_connection *connection = (struct lair_connection *)(uintptr_t)cursor.value;
        if (connection->state != LAIR_GONE)
            lair_close(connection, true);
    }
    lair_sweep(gateway);
}

static enum err on_stop(struct actor *actor, void *state)
{
    close_all(state);
    actor_stopped(actor);
    return ERR_OK;
}

static void fini(struct actor *actor, void *state)
{
    struct tcp_gateway *gateway = state;
    actor_unwatch(actor, WATCH_POLLER);
    close_all(gateway);
    lair_net_close(gateway);
    lair_feeds_fini(gateway);
    tls_keys_release(&gateway->tls_keys);
    address_book_fini(&gateway->addresses);
    u64map_fini(&gateway->connections);
    u64map_fini(&gateway->feeds_by_session);
    hash_fini(&gateway->users);
    hash_fini(&gateway->feeds);
    arena_fini(&gateway->arena);
    buf_fini(&gateway->scratch);
    buf_fini(&gateway->clean);
    buf_fini(&gateway->line);
    lair_news_fini(gateway);
    lair_cipher_fini(&gateway->cipher);
}

const struct actor_class tcp_gateway_actor = {
    .name = "tcp-gateway",
    .state_size = sizeof(struct tcp_gateway),
    .restart = ACTOR_RESTART,
    .link_room = 4096,
    .init = init,
    .fini = fini,
    .on_timer = on_timer,
    .on_no_answer = on_no_answer,
    .on_batch = on_batch,
    .on_readable = on_readable,
    .on_stop = on_stop,
    .on =
        {
            [MSG_LOGIN_DONE] = lair_on_login_done,
            [MSG_SESSION_OPENED] = lair_on_session_opened,
            [MSG_STORE_DONE] = lair_on_store_done,
            [MSG_CALL_DONE] = lair_on_call_done,
            [MSG_QUERY_PART] = lair_on_query_part,
            [MSG_QUERY_DONE] = lair_on_query_done,
            [MSG_ATTACHED] = on_attached,
            [MSG_DETACHED] = on_detached,
            [MSG_SETTLED] = on_settled,
            [MSG_DELIVER_OUT] = on_deliver_out,
            [MSG_MEMBER_LEFT] = on_member_left,
            [MSG_ACCOUNT_CHANGED] = lair_on_account_changed,
        },
};
