/* SPDX-License-Identifier: MPL-2.0
 *
 * Requests of clients to the other actors, and what comes back.
 *
 *     ATTACH         question to the sync-manager         ATTACHED
 *     DETACH, CREDIT, SETTLE   events to it               (DETACH, SETTLED come as events)
 *     QUERY, SYNC    question to history (INSPECT: to the sync-manager)   RESULT..., FIN
 *     CALL           question to whoever owns the method  REPLY
 *
 * Each question occupies a slot of gateway->asks, whose number is its context. A request that
 * cannot be passed on is answered by its own kind of answer, with a code in it; so is one whose
 * answer does not come. Events are never dropped: when the mailbox of the sync-manager is full, the
 * handler answers ERR_BUSY and the frame comes back a moment later, in order (zmq_gateway.c).
 */
#include <string.h>

#include "gateways/gateway_call.h"
#include "gateways/zmq/zmq_internal.h"
#include "proto/name.h"
#include "rt/check.h"
#include "rt/log.h"

#define NO_SLOT          UINT32_MAX
#define CONSUMER_DEFAULT "main"

/* --- Slots */

void zmq_asks_init(struct zmq_gateway *gateway)
{
    for (uint32_t i = 0; i < ZMQ_ASKS_MAX; i++)
        gateway->asks[i].free_next = i + 1 < ZMQ_ASKS_MAX ? i + 1 : NO_SLOT;
    gateway->asks_free = 0;
}

/* The question fits into the limits of the gateway, of the session, and of the mailbox. */
static enum err ask(struct actor *actor, struct zmq_gateway *gateway,
                    const struct zmq_session *session, uint64_t request_id, uint8_t to,
                    uint8_t kind, const ProtobufCMessage *body, zmq_msg_t *take_payload)
{
    uint32_t slot = gateway->asks_free;
    if (actor_is_stopping(actor))
        return ERR_STOPPING;
    if (slot == NO_SLOT)
        return ERR_BUSY;
    enum err err = actor_ask(actor, to, kind, body, take_payload, ZMQ_ASK_DEADLINE_MS, slot);
    if (err)
        return err;
    struct zmq_ask *open = &gateway->asks[slot];
    gateway->asks_free = open->free_next;
    gateway->asks_open++;
    open->session = session->id;
    open->request_id = request_id;
    return ERR_OK;
}

/* Frees the slot. NULL: the session has ended. */
static struct zmq_session *close_ask(struct zmq_gateway *gateway, uint64_t slot,
                                     uint64_t *ret_request_id)
{
    CHECK(slot < ZMQ_ASKS_MAX && gateway->asks[slot].session != 0);
    struct zmq_ask *open = &gateway->asks[slot];
    struct zmq_session *session = zmq_session_of_id(&gateway->sessions, open->session);
    *ret_request_id = open->request_id;
    *open = (struct zmq_ask){.free_next = gateway->asks_free};
    gateway->asks_free = (uint32_t)slot;
    gateway->asks_open--;
    return session;
}

/* An OPEN session, or NULL. */
static struct zmq_session *open_session_of(const struct zmq_gateway *gateway, uint64_t id)
{
    struct zmq_session *session = zmq_session_of_id(&gateway->sessions, id);
    return session && session->state == ZMQ_SESSION_OPEN ? session : NULL;
}

/* Texts are only read by the packer. */
static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* --- ATTACH */

static void say_not_attached(struct actor *actor, struct zmq_gateway *gateway,
                             struct zmq_session *session, uint32_t handle, enum err err)
{
    Roost__V1__Attached attached = ROOST__V1__ATTACHED__INIT;
    attached.handle = handle;
    metrics_count_error(actor_metrics(actor), err);
    attached.code = err_code(err);
    attached.text = text_of(err_sentence(err));
    zmq_say(actor, gateway, session, ROOST__V1__TYPE__ATTACHED, &attached.base);
}

static enum err pass_attach(struct actor *actor, struct zmq_gateway *gateway,
                            struct zmq_session *session, const Roost__V1__Attach *attach)
{
    struct scope_name scope;
    if (session->asks_open >= ZMQ_ASKS_PER_SESSION)
        return ERR_BUSY;
    enum err err = scope_parse_pattern(attach->scope.data, attach->scope.len, &scope, NULL);
    if (err)
        return err;
    INTERNAL(Attach) body = ROOST__INTERNAL__ATTACH__INIT;
    body.session = session->id;
    body.peer_id = session->peer_id;
    body.peer_name = bytes_of(session->name, session->name_size);
    body.is_unverified = !session->is_verified;
    body.role = session->role;
    body.handle = attach->handle;
    body.scope_kind = scope.prefix;
    body.scope_name = bytes_of(scope.name, scope.name_size);
    body.consumer = attach->consumer.len > 0
                        ? attach->consumer
                        : bytes_of(CONSUMER_DEFAULT, sizeof(CONSUMER_DEFAULT) - 1);
    body.start = attach->start;
    body.start_value = attach->start_value;
    body.lease_ms = attach->lease_ms ? attach->lease_ms : gateway->options->lease_ms;
    body.credit_messages = attach->credit_messages;
    body.credit_bytes = attach->credit_bytes;
    body.must_exist = attach->must_exist;
    body.is_ephemeral = attach->ephemeral;
    return ask(actor, gateway, session, attach->handle, ACTOR_SYNC_MANAGER, MSG_ATTACH, &body.base,
               NULL);
}

enum err zmq_on_attach(struct actor *actor, struct zmq_gateway *gateway,
                       struct zmq_session *session, const struct wire_message *message,
                       zmq_msg_t *frame)
{
    (void)frame;
    enum err err = pass_attach(actor, gateway, session, message->attach);
    if (err)
        say_not_attached(actor, gateway, session, message->attach->handle, err);
    else
        session->asks_open++;
    return ERR_OK;
}

enum err zmq_on_attached(struct actor *actor, void *state, const struct msg *msg)
{
    struct zmq_gateway *gateway = state;
    const INTERNAL(Attached) *body = MSG_BODY(msg, INTERNAL(Attached));
    uint64_t slot, handle;
    if (!actor_context(actor, msg, &slot))
        return ERR_OK;
    struct zmq_session *session = close_ask(gateway, slot, &handle);
    if (!session)
        return ERR_OK;
    session->asks_open--;
    if (session->state != ZMQ_SESSION_OPEN)
        return ERR_OK;
    char scope[WIRE_SCOPE_BYTES_MAX + 1] = "";
    Roost__V1__Attached attached = ROOST__V1__ATTACHED__INIT;
    if (body->scope_kind != 0 && body->scope_name.len <= WIRE_NAME_BYTES_MAX)
        attached.scope = bytes_of(scope, scope_format(body->scope_kind, body->scope_name.data,
                                                      body->scope_name.len, scope));
    attached.handle = (uint32_t)handle;
    metrics_count_code(actor_metrics(actor), body->code);
    attached.code = body->code;
    attached.text = body->code && !body->text[0] ? text_of(err_sentence(err_from_code(body->code)))
                                                 : body->text;
    attached.floor_seq = body->floor_seq;
    attached.waiting = body->waiting;
    attached.lease_ms = body->lease_ms;
    attached.consumer = body->consumer;
    attached.took_over = body->took_over;
    zmq_say(actor, gateway, session, ROOST__V1__TYPE__ATTACHED, &attached.base);
    return ERR_OK;
}

/* --- DETACH, CREDIT, SETTLE */

enum err zmq_on_detach(struct actor *actor, struct zmq_gateway *gateway,
                       struct zmq_session *session, const struct wire_message *message,
                       zmq_msg_t *frame)
{
    (void)gateway;
    (void)frame;
    INTERNAL(Detach) body = ROOST__INTERNAL__DETACH__INIT;
    body.session = session->id;
    body.handle = message->detach->handle;
    return actor_send(actor, ACTOR_SYNC_MANAGER, MSG_DETACH, &body.base, NULL);
}

enum err zmq_on_credit(struct actor *actor, struct zmq_gateway *gateway,
                       struct zmq_session *session, const struct wire_message *message,
                       zmq_msg_t *frame)
{
    (void)gateway;
    (void)frame;
    INTERNAL(Credit) body = ROOST__INTERNAL__CREDIT__INIT;
    body.session = session->id;
    body.handle = message->credit->handle;
    body.messages_total = message->credit->messages_total;
    body.bytes_total = message->credit->bytes_total;
    return actor_send(actor, ACTOR_SYNC_MANAGER, MSG_CREDIT, &body.base, NULL);
}

enum err zmq_on_settle(struct actor *actor, struct zmq_gateway *gateway,
                       struct zmq_session *session, const struct wire_message *message,
                       zmq_msg_t *frame)
{
    (void)gateway;
    (void)frame;
    const Roost__V1__Settle *settle = message->settle;
    static const INTERNAL(SettleRange) empty = ROOST__INTERNAL__SETTLE_RANGE__INIT;
    INTERNAL(SettleRange) ranges[WIRE_RANGES_MAX];
    INTERNAL(SettleRange) * pointers[WIRE_RANGES_MAX];
    CHECK(settle->n_ranges <= WIRE_RANGES_MAX);
    for (size_t i = 0; i < settle->n_ranges; i++) {
        const Roost__V1__SettleRange *range = settle->ranges[i];
        ranges[i] = empty;
        ranges[i].first_delivery_no = range->first_delivery_no;
        ranges[i].last_delivery_no =
            range->last_delivery_no ? range->last_delivery_no : range->first_delivery_no;
        ranges[i].outcome = range->outcome;
        ranges[i].delay_ms = range->delay_ms;
        ranges[i].reason = range->reason;
        pointers[i] = &ranges[i];
    }
    INTERNAL(Settle) body = ROOST__INTERNAL__SETTLE__INIT;
    body.session = session->id;
    body.handle = settle->handle;
    body.confirm_id = settle->confirm_id;
    body.ranges = pointers;
    body.n_ranges = settle->n_ranges;
    return actor_send(actor, ACTOR_SYNC_MANAGER, MSG_SETTLE, &body.base, NULL);
}

enum err zmq_on_detached(struct actor *actor, void *state, const struct msg *msg)
{
    struct zmq_gateway *gateway = state;
    const INTERNAL(Detached) *body = MSG_BODY(msg, INTERNAL(Detached));
    struct zmq_session *session = open_session_of(gateway, body->session);
    if (!session)
        return ERR_OK;
    Roost__V1__Detach detach = ROOST__V1__DETACH__INIT;
    detach.handle = body->handle;
    detach.code = body->code;
    zmq_say(actor, gateway, session, ROOST__V1__TYPE__DETACH, &detach.base);
    return ERR_OK;
}

enum err zmq_on_settled(struct actor *actor, void *state, const struct msg *msg)
{
    struct zmq_gateway *gateway = state;
    const INTERNAL(Settled) *body = MSG_BODY(msg, INTERNAL(Settled));
    struct zmq_session *session = open_session_of(gateway, body->session);
    if (!session)
        return ERR_OK;
    Roost__V1__SettleException exceptions[WIRE_RANGES_MAX];
    Roost__V1__SettleException *pointers[WIRE_RANGES_MAX];
    size_t count = body->n_exceptions < WIRE_RANGES_MAX ? body->n_exceptions : WIRE_RANGES_MAX;
    for (size_t i = 0; i < count; i++) {
        roost__v1__settle_exception__init(&exceptions[i]);
        exceptions[i].delivery_no = body->exceptions[i]->no;
        exceptions[i].code = body->exceptions[i]->code;
        pointers[i] = &exceptions[i];
    }
    Roost__V1__Settled settled = ROOST__V1__SETTLED__INIT;
    settled.handle = body->handle;
    settled.confirm_id = body->confirm_id;
    settled.exceptions = pointers;
    settled.n_exceptions = count;
    zmq_say(actor, gateway, session, ROOST__V1__TYPE__SETTLED, &settled.base);
    return ERR_OK;
}

/* --- DELIVER, RECEIPT: frames made by history, offered as they are */

/* The payload, offered to an OPEN session. Anything for a session that has ended meanwhile is
 * dropped and counted; its leases are released by SESSION_CLOSED. */
static void pass_out(struct actor *actor, struct zmq_gateway *gateway, uint64_t id,
                     const struct msg *msg)
{
    struct zmq_session *session = open_session_of(gateway, id);
    if (!session || !msg->payload) {
        metrics_add(actor_metrics(actor), METRIC_DROPPED, 1);
        return;
    }
    zmq_msg_t frame;
    CHECK(zmq_msg_init(&frame) == 0);
    CHECK(zmq_msg_move(&frame, msg->payload) == 0);
    zmq_offer(actor, gateway, session, &frame);
}

enum err zmq_on_deliver_out(struct actor *actor, void *state, const struct msg *msg)
{
    pass_out(actor, state, MSG_BODY(msg, INTERNAL(DeliverOut))->session, msg);
    return ERR_OK;
}

/* --- QUERY, SYNC */

static void say_fin(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                    uint64_t request_id, enum err err)
{
    Roost__V1__Fin fin = ROOST__V1__FIN__INIT;
    fin.request_id = request_id;
    metrics_count_error(actor_metrics(actor), err);
    fin.code = err_code(err);
    fin.text = text_of(err_sentence(err));
    zmq_say(actor, gateway, session, ROOST__V1__TYPE__FIN, &fin.base);
}

bool zmq_is_admin(const struct zmq_gateway *gateway, const struct zmq_session *session)
{
    return gateway_is_admin(gateway->options->admins, gateway->options->admin_count, session->name,
                            session->name_size, session->role);
}

static enum err pass_query(struct actor *actor, struct zmq_gateway *gateway,
                           struct zmq_session *session, uint64_t request_id, uint8_t to,
                           zmq_msg_t *frame)
{
    enum err err = ERR_BUSY;
    if (session->queries_open < ZMQ_QUERIES_PER_SESSION) {
        INTERNAL(Query) body = ROOST__INTERNAL__QUERY__INIT;
        body.session = session->id;
        body.peer_id = session->peer_id;
        body.peer_name = bytes_of(session->name, session->name_size);
        body.is_admin = zmq_is_admin(gateway, session);
        body.is_verified = session->is_verified;
        body.role = session->role;
        err = ask(actor, gateway, session, request_id, to, MSG_QUERY, &body.base, frame);
    }
    if (err)
        say_fin(actor, gateway, session, request_id, err);
    else
        session->queries_open++;
    return ERR_OK;
}

enum err zmq_on_query(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                      const struct wire_message *message, zmq_msg_t *frame)
{
    bool is_inspect = message->query->kind == ROOST__V1__QUERY_KIND__INSPECT ||
                      message->query->kind == ROOST__V1__QUERY_KIND__DELIVERIES;
    return pass_query(actor, gateway, session, message->query->request_id,
                      is_inspect ? ACTOR_SYNC_MANAGER : ACTOR_HISTORY, frame);
}

enum err zmq_on_sync(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                     const struct wire_message *message, zmq_msg_t *frame)
{
    return pass_query(actor, gateway, session, message->sync->request_id, ACTOR_HISTORY, frame);
}

enum err zmq_on_query_part(struct actor *actor, void *state, const struct msg *msg)
{
    pass_out(actor, state, MSG_BODY(msg, INTERNAL(QueryPart))->session, msg);
    return ERR_OK;
}

enum err zmq_on_query_done(struct actor *actor, void *state, const struct msg *msg)
{
    struct zmq_gateway *gateway = state;
    uint64_t slot, request_id;
    if (!actor_context(actor, msg, &slot))
        return ERR_OK;
    struct zmq_session *session = close_ask(gateway, slot, &request_id);
    if (!session)
        return ERR_OK;
    session->queries_open--;
    pass_out(actor, gateway, session->id, msg);
    return ERR_OK;
}

/* --- CALL */

static void say_reply(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                      uint64_t request_id, enum err err)
{
    Roost__V1__Reply reply = ROOST__V1__REPLY__INIT;
    reply.request_id = request_id;
    metrics_count_error(actor_metrics(actor), err);
    reply.code = err_code(err);
    reply.text = text_of(err_sentence(err));
    zmq_say(actor, gateway, session, ROOST__V1__TYPE__REPLY, &reply.base);
}

static enum err pass_call(struct actor *actor, struct zmq_gateway *gateway,
                          struct zmq_session *session, const Roost__V1__Call *call)
{
    struct gateway_who who = {
        .session = session->id,
        .peer_id = session->peer_id,
        .name = session->name,
        .name_size = session->name_size,
        .role = session->role,
        .is_verified = session->is_verified,
        .is_admin = zmq_is_admin(gateway, session),
    };
    INTERNAL(Call) body = ROOST__INTERNAL__CALL__INIT;
    uint8_t to;
    if (session->asks_open >= ZMQ_ASKS_PER_SESSION)
        return ERR_BUSY;
    enum err err = gateway_call_fill(call, &who, &body, &to);
    return err ? err
               : ask(actor, gateway, session, call->request_id, to, MSG_CALL, &body.base, NULL);
}

enum err zmq_on_call(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                     const struct wire_message *message, zmq_msg_t *frame)
{
    (void)frame;
    enum err err = pass_call(actor, gateway, session, message->call);
    if (err)
        say_reply(actor, gateway, session, message->call->request_id, err);
    else
        session->asks_open++;
    return ERR_OK;
}

/* Names in the arena; none when there is no memory for them: the count says how many there were. */
static void fill_scopes(struct zmq_gateway *gateway, const INTERNAL(CallDone) * body,
                        Roost__V1__Reply *reply)
{
    size_t count = body->n_scopes;
    Roost__V1__ScopeName *names =
        count ? arena_alloc(&gateway->arena, count * sizeof(*names)) : NULL;
    Roost__V1__ScopeName **list =
        names ? arena_alloc(&gateway->arena, count * sizeof(*list)) : NULL;
    if (!list)
        return;
    for (size_t i = 0; i < count; i++) {
        roost__v1__scope_name__init(&names[i]);
        names[i].scope = body->scopes[i];
        list[i] = &names[i];
    }
    reply->scopes = list;
    reply->n_scopes = count;
}

enum err zmq_on_call_done(struct actor *actor, void *state, const struct msg *msg)
{
    struct zmq_gateway *gateway = state;
    const INTERNAL(CallDone) *body = MSG_BODY(msg, INTERNAL(CallDone));
    uint64_t slot, request_id;
    if (!actor_context(actor, msg, &slot))
        return ERR_OK;
    struct zmq_session *session = close_ask(gateway, slot, &request_id);
    if (!session)
        return ERR_OK;
    session->asks_open--;
    if (session->state != ZMQ_SESSION_OPEN)
        return ERR_OK;
    Roost__V1__Reply reply = ROOST__V1__REPLY__INIT;
    reply.request_id = request_id;
    metrics_count_code(actor_metrics(actor), body->code);
    reply.code = body->code;
    reply.text = body->code && !body->text[0] ? text_of(err_sentence(err_from_code(body->code)))
                                              : body->text;
    reply.count = body->count;
    reply.seq = body->seq;
    reply.token = body->token;
    reply.message_id = body->message_id;
    fill_scopes(gateway, body, &reply);
    reply.failed = body->failed;
    reply.invitation_id = body->invitation_id;
    zmq_say(actor, gateway, session, ROOST__V1__TYPE__REPLY, &reply.base);
    arena_reset(&gateway->arena);
    return ERR_OK;
}

/* --- No answer */

static void detach_late(struct actor *actor, const struct zmq_session *session, uint32_t handle)
{
    INTERNAL(Detach) body = ROOST__INTERNAL__DETACH__INIT;
    body.session = session->id;
    body.handle = handle;
    enum err err = actor_send(actor, ACTOR_SYNC_MANAGER, MSG_DETACH, &body.base, NULL);
    if (err) /* the next ATTACH of the handle is answered ATTACHED_ALREADY */
        log_warn("detach-lost", LOG_U64("session", session->id), LOG_ERROR(err));
}

void zmq_ask_timeout(struct actor *actor, struct zmq_gateway *gateway, uint8_t kind, uint64_t slot)
{
    uint64_t request_id;
    struct zmq_session *session = close_ask(gateway, slot, &request_id);
    if (!session)
        return;
    if (kind == MSG_QUERY)
        session->queries_open--;
    else
        session->asks_open--;
    if (session->state != ZMQ_SESSION_OPEN)
        return;
    if (kind == MSG_ATTACH) {
        detach_late(actor, session, (uint32_t)request_id);
        say_not_attached(actor, gateway, session, (uint32_t)request_id, ERR_TIMEOUT);
    } else if (kind == MSG_QUERY) {
        say_fin(actor, gateway, session, request_id, ERR_TIMEOUT);
    } else {
        say_reply(actor, gateway, session, request_id, ERR_TIMEOUT);
    }
}
