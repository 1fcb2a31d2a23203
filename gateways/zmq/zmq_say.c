/* SPDX-License-Identifier: MPL-2.0
 *
 * Frames to clients. Everything said to a session goes through zmq_offer, and everything said to
 * somebody without one through offer_stranger, so that nothing is lost uncounted.
 *
 * Does it read?  A ROUTER cannot tell whether its frames are read, only that a buffer is full, and
 * that buffer counts frames, not bytes. So the gateway asks: after UNREAD_ASK_BYTES it says PING
 * with a number nobody can guess. The PONG proves that everything before was read. A session that
 * has got `unread_bytes_max` without any such proof is closed: it costs memory and reads nothing.
 */
#include <string.h>

#include "gateways/zmq/zmq_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define UNREAD_ASK_BYTES (1u << 20)

static void count_out(struct actor *actor, size_t bytes)
{
    metrics_add(actor_metrics(actor), METRIC_FRAMES_OUT, 1);
    metrics_add(actor_metrics(actor), METRIC_BYTES_OUT, (int64_t)bytes);
}

static void count_dropped(struct actor *actor)
{
    metrics_add(actor_metrics(actor), METRIC_DROPPED, 1);
}

/* Says PING where an answer proves that the session reads. False: its time is up. */
static bool watch_reading(struct actor *actor, struct zmq_gateway *gateway,
                          struct zmq_session *session, size_t bytes)
{
    uint64_t max = gateway->options->unread_bytes_max;
    session->unread_bytes += bytes;
    if (max == 0)
        return true;
    if (session->unread_bytes > max)
        return false;
    if (session->unread_serial != 0 || session->unread_bytes < UNREAD_ASK_BYTES)
        return true;
    session->unread_serial = actor_random(actor) | 1;
    session->unread_before_ask = session->unread_bytes;
    Roost__V1__Ping ping = ROOST__V1__PING__INIT;
    ping.echo.len = sizeof(session->unread_serial);
    ping.echo.data = (uint8_t *)&session->unread_serial;
    zmq_msg_t frame;
    if (wire_pack(ROOST__V1__TYPE__PING, &ping.base, &frame) != ERR_OK)
        return true; /* no memory now: asks again with the next frame */
    if (zmq_router_offer(&gateway->router, session->routing, session->routing_size,
                         session->descriptor, &frame) != ERR_OK)
        session->unread_serial = 0;
    (void)zmq_msg_close(&frame);
    return true;
}

/* A CLOSING session may still be told how its last SENDs ended, unless its routing id has a new
 * session meanwhile. */
static bool may_offer(const struct zmq_gateway *gateway, const struct zmq_session *session)
{
    if (session->state != ZMQ_SESSION_CLOSING)
        return true;
    return session->wants_goodbye && !session->is_unplugged &&
           !zmq_session_of_routing(&gateway->sessions, session->routing, session->routing_size);
}

static void give_up(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                    enum err err)
{
    count_dropped(actor);
    if (session->state == ZMQ_SESSION_CLOSING)
        return;
    /* ERR_NO_SESSION: its connection is gone; ERR_BUSY: it does not read. */
    log_info("session-unreachable", LOG_U64("session", session->id),
             LOG_BYTES("peer", session->name, session->name_size), LOG_ERROR(err));
    zmq_end_session(actor, gateway, session, err_code(err));
}

void zmq_offer(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
               zmq_msg_t *take_frame)
{
    size_t bytes = zmq_msg_size(take_frame);
    if (!may_offer(gateway, session)) {
        count_dropped(actor);
    } else {
        enum err err = session->is_unplugged ? ERR_NO_SESSION
                                             : zmq_router_offer(&gateway->router, session->routing,
                                                                session->routing_size,
                                                                session->descriptor, take_frame);
        if (!err) {
            count_out(actor, bytes);
            if (!watch_reading(actor, gateway, session, bytes))
                err = ERR_TOO_MANY;
        }
        if (err)
            give_up(actor, gateway, session, err);
    }
    (void)zmq_msg_close(take_frame); /* empty by now, or dropped */
}

void zmq_say(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
             Roost__V1__Type type, const ProtobufCMessage *body)
{
    zmq_msg_t frame;
    enum err err = wire_pack(type, body, &frame);
    if (!err) {
        zmq_offer(actor, gateway, session, &frame);
        return;
    }
    log_error("cannot-say", LOG_STR("type", wire_type_name((uint32_t)type)), LOG_ERROR(err));
    give_up(actor, gateway, session, ERR_INTERNAL);
}

/* --- Refusals */

static void offer_stranger(struct actor *actor, struct zmq_gateway *gateway, const void *routing,
                           size_t size, Roost__V1__Type type, const ProtobufCMessage *body)
{
    zmq_msg_t frame;
    if (wire_pack(type, body, &frame) != ERR_OK) {
        count_dropped(actor);
        return;
    }
    size_t bytes = zmq_msg_size(&frame);
    if (zmq_router_offer(&gateway->router, routing, size, ZMQ_ROUTER_NO_DESCRIPTOR, &frame) ==
        ERR_OK)
        count_out(actor, bytes);
    else
        count_dropped(actor);
    (void)zmq_msg_close(&frame);
}

static bool may_refuse(struct actor *actor, struct zmq_gateway *gateway,
                       struct zmq_session *session, const void *routing, size_t size)
{
    metrics_add(actor_metrics(actor), METRIC_PROTOCOL_ERRORS, 1);
    if (session)
        return zmq_budget_take(&session->errors, actor_mono(actor));
    return zmq_strangers_take(&gateway->strangers, routing, size, actor_mono(actor));
}

static Roost__V1__Error make_error(const struct zmq_refusal *refusal)
{
    enum err err = refusal->code ? err_from_code(refusal->code) : refusal->err;
    const char *text = refusal->text && refusal->text[0] ? refusal->text : err_sentence(err);
    Roost__V1__Error error = ROOST__V1__ERROR__INIT;
    error.code = refusal->code ? refusal->code : err_code(err);
    error.retryable = err_is_retryable(err);
    error.retry_after_ms = refusal->retry_after_ms;
    error.text = (char *)(uintptr_t)text; /* only read */
    error.type = refusal->type;
    error.request_id = refusal->request_id;
    return error;
}

void zmq_refuse(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                const void *routing, size_t size, const struct zmq_refusal *refusal)
{
    Roost__V1__Error error = make_error(refusal);
    metrics_count_code(actor_metrics(actor), error.code);
    bool may = may_refuse(actor, gateway, session, routing, size);
    log_debug("refused", LOG_U64("session", session ? session->id : 0),
              LOG_HEX("routing", routing, size), LOG_U64("code", error.code),
              LOG_STR("text", error.text), LOG_BOOL("told", may));
    if (!may)
        return;
    if (session)
        zmq_say(actor, gateway, session, ROOST__V1__TYPE__ERROR, &error.base);
    else
        offer_stranger(actor, gateway, routing, size, ROOST__V1__TYPE__ERROR, &error.base);
}

void zmq_say_no_session(struct actor *actor, struct zmq_gateway *gateway, const void *routing,
                        size_t size)
{
    if (!may_refuse(actor, gateway, NULL, routing, size))
        return;
    Roost__V1__NoSession body = ROOST__V1__NO_SESSION__INIT;
    offer_stranger(actor, gateway, routing, size, ROOST__V1__TYPE__NO_SESSION, &body.base);
}

void zmq_refuse_hello(struct actor *actor, struct zmq_gateway *gateway,
                      const struct zmq_session *session, uint32_t code, const char *text,
                      uint32_t retry_after_ms)
{
    struct zmq_refusal refusal = {.code = code, .text = text, .type = ROOST__V1__TYPE__HELLO};
    Roost__V1__Error error = make_error(&refusal);
    metrics_count_code(actor_metrics(actor), error.code);
    if (error.retryable)
        error.retry_after_ms = retry_after_ms ? retry_after_ms : ZMQ_BUSY_RETRY_MS;
    offer_stranger(actor, gateway, session->routing, session->routing_size, ROOST__V1__TYPE__ERROR,
                   &error.base);
}

/* --- PING and PONG */

enum err zmq_on_ping(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                     const struct wire_message *message, zmq_msg_t *frame)
{
    (void)frame;
    Roost__V1__Pong pong = ROOST__V1__PONG__INIT;
    pong.echo = message->ping->echo;
    zmq_say(actor, gateway, session, ROOST__V1__TYPE__PONG, &pong.base);
    return ERR_OK;
}

enum err zmq_on_pong(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                     const struct wire_message *message, zmq_msg_t *frame)
{
    (void)actor;
    (void)gateway;
    (void)frame;
    const ProtobufCBinaryData *echo = &message->pong->echo;
    if (session->unread_serial == 0 || echo->len != sizeof(session->unread_serial) ||
        memcmp(echo->data, &session->unread_serial, echo->len) != 0)
        return ERR_OK; /* a heartbeat */
    session->unread_bytes -= session->unread_before_ask;
    session->unread_serial = 0;
    return ERR_OK;
}
