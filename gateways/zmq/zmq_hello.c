/* SPDX-License-Identifier: MPL-2.0
 *
 * Sessions of the gateway: HELLO -> LOGIN (accounts) -> SESSION_OPEN (peer-registry) -> WELCOME, and
 * how they end. Credentials go to the accounts actor and are kept nowhere here.
 *
 *   HELLO from a routing id that has a session     the older one ends, a new one begins
 *   HELLO with the resume token of a living one    the same, wherever it came from; its leases are
 *                                                  released at once, and the client is told
 *   silent for WIRE_HEARTBEATS_LOST heartbeats     ends with TIMEOUT
 *   GOODBYE                                        ends; GOODBYE is answered when its last SEND is
 *   a frame cannot be offered                      ends: its connection is gone or does not read
 *
 * Ending is two steps. zmq_end_session takes the session out of sight at once; the others are told
 * at the end of the turn (zmq_sweep_closing), so after any question of the same turn; the registry
 * not before the session that replaces it was asked for or refused. So it hears of the new session
 * of a peer before it hears that the old one ended, and the peer does not flicker. What a mailbox has no room for is told later; nothing about a closed session is lost.
 */
#include <stdlib.h>
#include <string.h>

#include "gateways/zmq/zmq_internal.h"
#include "proto/name.h"
#include "rt/check.h"
#include "rt/log.h"

#define SEEN_PER_MESSAGE 500u
#define KIND_OF_PEER     "zmq"
#define FULL_RETRY_MS    1000

static void show_count(struct actor *actor, const struct zmq_gateway *gateway)
{
    metrics_set(actor_metrics(actor), METRIC_SESSIONS,
                (int64_t)zmq_sessions_live(&gateway->sessions));
    metrics_set(actor_metrics(actor), METRIC_CONNECTED,
                (int64_t)zmq_sessions_live(&gateway->sessions));
    metrics_set(actor_metrics(actor), METRIC_VERIFIED, (int64_t)gateway->sessions.verified_count);
}

/* --- HELLO */

static bool is_speakable(const Roost__V1__Hello *hello, struct zmq_refusal *refusal)
{
    if (hello->version_min > WIRE_VERSION || hello->version_max < WIRE_VERSION) {
        refusal->err = ERR_BAD_VERSION;
    } else if (hello->peer.len == 0) {
        refusal->err = ERR_MISSING_FIELD;
        refusal->text = "hello.peer: say who you are";
    } else if (name_is_reserved(hello->peer.data, hello->peer.len)) {
        refusal->err = ERR_BAD_NAME;
        refusal->text = "hello.peer: names that begin with 'lan:' or '$' are reserved";
    }
    return refusal->err == ERR_OK;
}

/* By the session that is made next. */
static void replace(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                    uint32_t reason)
{
    session->successor = gateway->sessions.last_id + 1;
    zmq_end_session(actor, gateway, session, reason);
}

/* Ends what this HELLO replaces. True: the client continues the session of its token. A token is of use
 * only with the key that the session came with. */
static bool end_older(struct actor *actor, struct zmq_gateway *gateway,
                      struct zmq_session *same_routing, const Roost__V1__Hello *hello,
                      zmq_msg_t *frame)
{
    struct zmq_session *resumed =
        zmq_session_of_token(&gateway->sessions, hello->resume_token.data, hello->resume_token.len,
                             hello->peer.data, hello->peer.len);
    if (resumed && !zmq_is_of_session(gateway, resumed, frame))
        resumed = NULL;
    uint32_t reason = err_code(ERR_TAKEN_OVER);
    if (resumed && resumed != same_routing) {
        Roost__V1__Goodbye goodbye = ROOST__V1__GOODBYE__INIT;
        goodbye.reason = reason;
        zmq_say(actor, gateway, resumed, ROOST__V1__TYPE__GOODBYE, &goodbye.base);
    }
    if (resumed && resumed->state != ZMQ_SESSION_CLOSING)
        replace(actor, gateway, resumed, reason);
    if (same_routing && same_routing->state != ZMQ_SESSION_CLOSING)
        replace(actor, gateway, same_routing, reason);
    return resumed != NULL;
}

/* What SESSION_OPEN will say. */
static struct zmq_greeting *make_greeting(const Roost__V1__Hello *hello, zmq_msg_t *frame)
{
    struct zmq_greeting *greeting = calloc(1, sizeof(*greeting));
    const char *address = zmq_msg_gets(frame, "Peer-Address");
    if (!greeting)
        return NULL;
    CHECK(hello->display_name.len <= sizeof(greeting->display_name)); /* the reader checks it */
    if (hello->display_name.len)
        memcpy(greeting->display_name, hello->display_name.data, hello->display_name.len);
    greeting->display_name_size = hello->display_name.len;
    greeting->address_size = address ? strnlen(address, sizeof(greeting->address)) : 0;
    if (address)
        memcpy(greeting->address, address, greeting->address_size);
    return greeting;
}

/* Without credentials it asks whether the name needs some. */
static enum err ask_accounts(struct actor *actor, struct zmq_gateway *gateway,
                             struct zmq_session *session, const Roost__V1__Hello *hello,
                             zmq_msg_t *frame)
{
    INTERNAL(Login) body = ROOST__INTERNAL__LOGIN__INIT;
    if (gateway->opens_open >= ZMQ_OPENS_MAX)
        return ERR_BUSY;
    session->greeting = make_greeting(hello, frame);
    if (!session->greeting)
        return ERR_BUSY;
    body.session = session->id;
    body.name = hello->peer;
    body.secret = hello->credentials;
    body.kind = bytes_of(KIND_OF_PEER, sizeof(KIND_OF_PEER) - 1);
    body.address = bytes_of(session->greeting->address, session->greeting->address_size);
    if (session->key[0])
        body.key = bytes_of(session->key, sizeof(session->key));
    return actor_ask(actor, ACTOR_ACCOUNTS, MSG_LOGIN, &body.base, NULL, ZMQ_ASK_DEADLINE_MS,
                     session->id);
}

/* ACCOUNTS has no objection. */
static enum err ask_registry(struct actor *actor, struct zmq_session *session)
{
    INTERNAL(SessionOpen) body = ROOST__INTERNAL__SESSION_OPEN__INIT;
    const struct zmq_greeting *greeting = session->greeting;
    body.session = session->id;
    body.peer_name = bytes_of(session->name, session->name_size);
    body.display_name = bytes_of(greeting->display_name, greeting->display_name_size);
    body.kind = bytes_of(KIND_OF_PEER, sizeof(KIND_OF_PEER) - 1);
    body.address = bytes_of(greeting->address, greeting->address_size);
    body.is_verified = session->is_verified;
    enum err err = actor_ask(actor, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN, &body.base, NULL,
                             ZMQ_ASK_DEADLINE_MS, session->id);
    free(session->greeting);
    session->greeting = NULL;
    return err;
}

/* Which connection it is, and which key that has proved. It may have ended since it said HELLO; then the
 * descriptor may be another's. (A client that attaches has read WELCOME, so it was there later than
 * this: from here on, its end is noticed.) */
static enum err plug(struct zmq_gateway *gateway, struct zmq_session *session, zmq_msg_t *frame)
{
    const char *key = zmq_router_key(frame);
    int descriptor = zmq_router_descriptor(frame);
    if (!gateway->router.is_curve)
        return ERR_OK;
    if (key && strlen(key) != sizeof(session->key))
        return ERR_BAD_KEY;
    if (key)
        memcpy(session->key, key, sizeof(session->key));
    if (descriptor < 0 || zmq_router_look(&gateway->router, descriptor))
        return ERR_BUSY;
    return zmq_session_plug(&gateway->sessions, session, descriptor);
}

/* As far as the transport tells where it comes from. */
static enum err count_address(struct zmq_gateway *gateway, struct zmq_session *session,
                              zmq_msg_t *frame)
{
    const char *text = zmq_msg_gets(frame, "Peer-Address");
    struct address_key key = text ? address_key_of_text(text) : (struct address_key){0};
    if (!address_book_add(&gateway->addresses, &key))
        return ERR_TOO_MANY_CONNECTIONS;
    session->address = key;
    return ERR_OK;
}

static enum err begin(struct actor *actor, struct zmq_gateway *gateway, zmq_msg_t *routing,
                      zmq_msg_t *frame, const Roost__V1__Hello *hello, bool is_resumed)
{
    struct zmq_session *session;
    enum err err = zmq_session_add(&gateway->sessions, zmq_msg_data(routing), zmq_msg_size(routing),
                                   actor_mono(actor), &session);
    if (err)
        return err;
    CHECK(hello->peer.len <= sizeof(session->name));
    memcpy(session->name, hello->peer.data, hello->peer.len);
    session->name_size = (uint8_t)hello->peer.len;
    session->is_resumed = is_resumed;
    session->arrival_descriptor = zmq_router_descriptor(frame);
    session->arrival = zmq_arrivals_hold(&gateway->arrivals, session->arrival_descriptor);
    err = plug(gateway, session, frame);
    if (!err)
        err = count_address(gateway, session, frame);
    if (!err)
        err = ask_accounts(actor, gateway, session, hello, frame);
    if (err)
        zmq_session_close(&gateway->sessions, session, err_code(err), 0);
    else
        gateway->opens_open++;
    show_count(actor, gateway);
    return err;
}

void zmq_on_hello(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                  zmq_msg_t *routing, zmq_msg_t *frame, const Roost__V1__Hello *hello)
{
    struct zmq_refusal refusal = {.type = ROOST__V1__TYPE__HELLO};
    bool is_opening = session && session->state == ZMQ_SESSION_OPENING;
    if (is_opening && session->name_size == hello->peer.len &&
        memcmp(session->name, hello->peer.data, hello->peer.len) == 0)
        return; /* said twice: WELCOME is on its way */
    if (is_speakable(hello, &refusal) && actor_is_stopping(actor))
        refusal.err = ERR_STOPPING;
    if (!refusal.err && is_opening)
        refusal.err = ERR_BUSY;
    if (!refusal.err) {
        bool is_resumed = end_older(actor, gateway, session, hello, frame);
        session = NULL;
        refusal.err = begin(actor, gateway, routing, frame, hello, is_resumed);
    }
    if (!refusal.err)
        return;
    metrics_add(actor_metrics(actor), METRIC_SESSIONS_REFUSED, 1);
    if (err_is_retryable(refusal.err))
        refusal.retry_after_ms = ZMQ_BUSY_RETRY_MS;
    zmq_refuse(actor, gateway, session, zmq_msg_data(routing), zmq_msg_size(routing), &refusal);
}

/* --- WELCOME */

static Roost__V1__Limits make_limits(const struct zmq_gateway_options *options)
{
    Roost__V1__Limits limits = ROOST__V1__LIMITS__INIT;
    limits.frame_bytes_max = options->limits.frame_bytes_max;
    limits.body_bytes_max = options->limits.body_bytes_max;
    limits.entries_max = options->limits.entries_max;
    limits.heartbeat_ms = options->heartbeat_ms;
    limits.lease_ms = options->lease_ms;
    limits.publish_bytes = options->publish_bytes;
    return limits;
}

static void say_welcome(struct actor *actor, struct zmq_gateway *gateway,
                        struct zmq_session *session)
{
    const struct zmq_gateway_options *options = gateway->options;
    Roost__V1__Limits limits = make_limits(options);
    Roost__V1__Welcome welcome = ROOST__V1__WELCOME__INIT;
    welcome.version = WIRE_VERSION;
    welcome.boot_id = bytes_of(options->boot_id, sizeof(options->boot_id));
    welcome.peer = bytes_of(session->name, session->name_size);
    welcome.resume_token = bytes_of(session->token, sizeof(session->token));
    welcome.resumed = session->is_resumed;
    welcome.limits = &limits;
    welcome.publish_upto = zmq_book_upto(&session->book, &gateway->book_limits);
    welcome.software = (char *)(uintptr_t)options->software; /* only read */
    welcome.time_ms = (uint64_t)actor_wall(actor).ms;
    welcome.is_verified = session->is_verified;
    welcome.role = session->role;
    zmq_say(actor, gateway, session, ROOST__V1__TYPE__WELCOME, &welcome.base);
}

static void set_name(struct zmq_session *session, ProtobufCBinaryData name)
{
    if (name.len == 0 || name.len > sizeof(session->name))
        return;
    memcpy(session->name, name.data, name.len);
    session->name_size = (uint8_t)name.len;
}

static enum err open_session(struct actor *actor, struct zmq_gateway *gateway,
                             struct zmq_session *session, const INTERNAL(SessionOpened) * body)
{
    if (body->peer_name.len > sizeof(session->name) || body->peer_id == 0)
        return ERR_INTERNAL;
    set_name(session, body->peer_name);
    session->peer_id = body->peer_id;
    uint64_t token[WIRE_TOKEN_BYTES / sizeof(uint64_t)];
    for (size_t i = 0; i < sizeof(token) / sizeof(token[0]); i++)
        token[i] = actor_random(actor);
    return zmq_session_open(&gateway->sessions, session, (const uint8_t *)token);
}

static void refuse_opening(struct actor *actor, struct zmq_gateway *gateway,
                           struct zmq_session *session, uint32_t code, uint32_t retry_after_ms,
                           uint8_t untold)
{
    metrics_add(actor_metrics(actor), METRIC_SESSIONS_REFUSED, 1);
    zmq_refuse_hello(actor, gateway, session, code, NULL, retry_after_ms);
    zmq_session_close(&gateway->sessions, session, code, untold);
    show_count(actor, gateway);
}

enum err zmq_on_login_done(struct actor *actor, void *state, const struct msg *msg)
{
    struct zmq_gateway *gateway = state;
    const INTERNAL(LoginDone) *body = MSG_BODY(msg, INTERNAL(LoginDone));
    uint64_t id;
    if (!actor_context(actor, msg, &id))
        return ERR_OK;
    struct zmq_session *session = zmq_session_of_id(&gateway->sessions, id);
    bool is_waiting = session && session->state == ZMQ_SESSION_OPENING;
    if (is_waiting && body->code) {
        refuse_opening(actor, gateway, session, body->code, body->retry_after_ms, 0);
    } else if (is_waiting) {
        set_name(session, body->name);
        session->is_verified = body->is_verified;
        session->role = body->is_verified ? (uint8_t)body->role : 0;
        enum err err = ask_registry(actor, session);
        if (!err)
            return ERR_OK; /* it stays one of opens_open */
        refuse_opening(actor, gateway, session, err_code(err), 0, 0);
    }
    gateway->opens_open--;
    return ERR_OK;
}

enum err zmq_on_session_opened(struct actor *actor, void *state, const struct msg *msg)
{
    struct zmq_gateway *gateway = state;
    const INTERNAL(SessionOpened) *body = MSG_BODY(msg, INTERNAL(SessionOpened));
    uint64_t id;
    if (!actor_context(actor, msg, &id))
        return ERR_OK;
    gateway->opens_open--;
    struct zmq_session *session = zmq_session_of_id(&gateway->sessions, id);
    if (!session || session->state != ZMQ_SESSION_OPENING)
        return ERR_OK; /* it ended meanwhile; the registry is told so */
    if (body->code != 0) {
        uint32_t after_ms =
            body->code == err_code(ERR_DISK_FULL) ? FULL_RETRY_MS : ZMQ_BUSY_RETRY_MS;
        if (!err_is_retryable(err_from_code(body->code)))
            after_ms = 0;
        refuse_opening(actor, gateway, session, body->code, after_ms, 0);
        return ERR_OK;
    }
    enum err err = open_session(actor, gateway, session, body);
    if (err) {
        refuse_opening(actor, gateway, session, err_code(err), 0, ZMQ_TELL_REGISTRY);
        return ERR_OK;
    }
    metrics_add(actor_metrics(actor), METRIC_SESSIONS_OPENED, 1);
    show_count(actor, gateway);
    log_info("session-open", LOG_U64("session", session->id),
             LOG_BYTES("peer", session->name, session->name_size),
             LOG_BOOL("resumed", session->is_resumed), LOG_BOOL("verified", session->is_verified));
    say_welcome(actor, gateway, session);
    return ERR_OK;
}

void zmq_session_open_timeout(struct actor *actor, struct zmq_gateway *gateway, uint8_t kind,
                              uint64_t id)
{
    gateway->opens_open--;
    struct zmq_session *session = zmq_session_of_id(&gateway->sessions, id);
    if (session && session->state == ZMQ_SESSION_OPENING)
        refuse_opening(actor, gateway, session, err_code(ERR_TIMEOUT), 0,
                       kind == MSG_LOGIN ? 0 : ZMQ_TELL_REGISTRY);
}

/* --- Ending */

void zmq_end_session(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                     uint32_t reason)
{
    bool was_open = session->state == ZMQ_SESSION_OPEN;
    uint8_t untold =
        was_open ? ZMQ_TELL_PERSISTENCE | ZMQ_TELL_SYNC | ZMQ_TELL_REGISTRY : ZMQ_TELL_REGISTRY;
    zmq_session_close(&gateway->sessions, session, reason, untold);
    show_count(actor, gateway);
    log_info("session-closed", LOG_U64("session", session->id),
             LOG_BYTES("peer", session->name, session->name_size), LOG_U64("reason", reason));
}

enum err zmq_on_goodbye(struct actor *actor, struct zmq_gateway *gateway,
                        struct zmq_session *session, const struct wire_message *message,
                        zmq_msg_t *frame)
{
    (void)message;
    (void)frame;
    zmq_end_session(actor, gateway, session, 0);
    session->wants_goodbye = true;
    return ERR_OK;
}

static void tell_one(struct actor *actor, struct zmq_session *session, enum zmq_told who,
                     uint8_t to)
{
    if (!(session->untold & who))
        return;
    INTERNAL(SessionClosed) body = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    body.session = session->id;
    body.peer_id = session->peer_id;
    body.reason = session->close_reason;
    if (actor_send(actor, to, MSG_SESSION_CLOSED, &body.base, NULL) == ERR_OK)
        session->untold &= (uint8_t)~who;
    else
        zmq_retry_soon(actor);
}

static void forget(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session)
{
    if (session->wants_goodbye) {
        Roost__V1__Goodbye goodbye = ROOST__V1__GOODBYE__INIT;
        zmq_say(actor, gateway, session, ROOST__V1__TYPE__GOODBYE, &goodbye.base);
    }
    CHECK(gateway->bytes_open >= session->book.bytes_open);
    gateway->bytes_open -= session->book.bytes_open;
    address_book_remove(&gateway->addresses, &session->address);
    zmq_arrivals_release(&gateway->arrivals, session->arrival_descriptor, session->arrival,
                         actor_mono(actor));
    zmq_session_remove(&gateway->sessions, &session);
}

/* The one that replaces it is still with ACCOUNTS. */
static bool is_awaiting_successor(const struct zmq_gateway *gateway,
                                  const struct zmq_session *session)
{
    const struct zmq_session *next =
        session->successor ? zmq_session_of_id(&gateway->sessions, session->successor) : NULL;
    return next && next->state == ZMQ_SESSION_OPENING && next->greeting;
}

void zmq_sweep_closing(struct actor *actor, struct zmq_gateway *gateway)
{
    struct zmq_session *next;
    for (struct zmq_session *session = gateway->sessions.closing.head; session; session = next) {
        next = session->by_state.next;
        tell_one(actor, session, ZMQ_TELL_SYNC, ACTOR_SYNC_MANAGER);
        if (!is_awaiting_successor(gateway, session))
            tell_one(actor, session, ZMQ_TELL_REGISTRY, ACTOR_PEER_REGISTRY);
        if (session->stores_queued == 0) /* not before its last SEND is there */
            tell_one(actor, session, ZMQ_TELL_PERSISTENCE, ACTOR_PERSISTENCE);
        if (session->untold == 0 && session->book.frames_open == 0)
            forget(actor, gateway, session);
    }
}

static void say_goodbye(struct actor *actor, struct zmq_gateway *gateway,
                        struct zmq_session *session, enum err reason)
{
    Roost__V1__Goodbye goodbye = ROOST__V1__GOODBYE__INIT;
    goodbye.reason = err_code(reason);
    goodbye.text = (char *)(uintptr_t)err_sentence(reason); /* only read */
    zmq_say(actor, gateway, session, ROOST__V1__TYPE__GOODBYE, &goodbye.base);
}

static bool concerns(const INTERNAL(AccountChanged) * changed, const struct zmq_session *session)
{
    if (changed->code == 0 || (changed->only_unverified && session->is_verified) ||
        session->id == changed->except_session)
        return false;
    if (changed->only_keyed && !session->key[0])
        return false;
    return changed->key.len == 0 ||
           (changed->key.len == sizeof(session->key) &&
            memcmp(changed->key.data, session->key, changed->key.len) == 0);
}

/* ACCOUNTS has let it in; what it says now is newer than that. */
static bool is_let_in(const struct zmq_session *session)
{
    return session->state == ZMQ_SESSION_OPEN ||
           (session->state == ZMQ_SESSION_OPENING && !session->greeting);
}

enum err zmq_on_account_changed(struct actor *actor, void *state, const struct msg *msg)
{
    struct zmq_gateway *gateway = state;
    const INTERNAL(AccountChanged) *changed = MSG_BODY(msg, INTERNAL(AccountChanged));
    struct name_folded name;
    struct u64map_cursor cursor = {0};
    if (name_fold(changed->name.data, changed->name.len, &name) != ERR_OK)
        return ERR_OK;
    while (u64map_next(&gateway->sessions.by_id, &cursor)) {
        struct zmq_session *session = zmq_session_of_id(&gateway->sessions, cursor.key);
        if (!is_let_in(session) || !name_is(&name, session->name, session->name_size))
            continue;
        if (changed->role && session->is_verified)
            session->role = (uint8_t)changed->role;
        if (!concerns(changed, session))
            continue;
        if (session->state == ZMQ_SESSION_OPENING) {
            refuse_opening(actor, gateway, session, changed->code, 0, ZMQ_TELL_REGISTRY);
            continue;
        }
        say_goodbye(actor, gateway, session, err_from_code(changed->code));
        if (session->state == ZMQ_SESSION_OPEN) /* it could take the frame */
            zmq_end_session(actor, gateway, session, changed->code);
    }
    return ERR_OK;
}

void zmq_end_all(struct actor *actor, struct zmq_gateway *gateway)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&gateway->sessions.by_id, &cursor)) {
        struct zmq_session *session = zmq_session_of_id(&gateway->sessions, cursor.key);
        if (session->state == ZMQ_SESSION_OPEN)
            say_goodbye(actor, gateway, session, ERR_STOPPING);
        if (session->state != ZMQ_SESSION_CLOSING)
            zmq_end_session(actor, gateway, session, err_code(ERR_STOPPING));
    }
}

void zmq_disown_all(struct actor *actor, struct zmq_gateway *gateway)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&gateway->sessions.by_id, &cursor)) {
        struct zmq_session *session = zmq_session_of_id(&gateway->sessions, cursor.key);
        if (session->state != ZMQ_SESSION_CLOSING)
            zmq_end_session(actor, gateway, session, err_code(ERR_INTERNAL));
        tell_one(actor, session, ZMQ_TELL_SYNC, ACTOR_SYNC_MANAGER);
        tell_one(actor, session, ZMQ_TELL_REGISTRY, ACTOR_PEER_REGISTRY);
        tell_one(actor, session, ZMQ_TELL_PERSISTENCE, ACTOR_PERSISTENCE);
    }
}

/* --- Heartbeats */

void zmq_check_heartbeats(struct actor *actor, struct zmq_gateway *gateway)
{
    struct zmq_session *session;
    enum zmq_due due;
    while ((due = zmq_sessions_take_due(&gateway->sessions, actor_mono(actor), &session)) !=
           ZMQ_DUE_NONE) {
        if (due == ZMQ_DUE_SILENT && session->state == ZMQ_SESSION_OPEN) {
            Roost__V1__Ping ping = ROOST__V1__PING__INIT;
            zmq_say(actor, gateway, session, ROOST__V1__TYPE__PING, &ping.base);
        } else if (due == ZMQ_DUE_DEAD) {
            if (session->state == ZMQ_SESSION_OPEN)
                say_goodbye(actor, gateway, session, ERR_TIMEOUT);
            else if (session->state == ZMQ_SESSION_OPENING) /* silent because it waits for us */
                zmq_refuse_hello(actor, gateway, session, err_code(ERR_TIMEOUT), NULL, 0);
            if (session->state != ZMQ_SESSION_CLOSING)
                zmq_end_session(actor, gateway, session, err_code(ERR_TIMEOUT));
        }
    }
}

struct seen_list {
    uint64_t ids[SEEN_PER_MESSAGE];
    ProtobufCBinaryData names[SEEN_PER_MESSAGE];
    size_t count;
};

static void send_seen(struct actor *actor, struct seen_list *list)
{
    INTERNAL(SessionsSeen) body = ROOST__INTERNAL__SESSIONS_SEEN__INIT;
    body.sessions = list->ids;
    body.n_sessions = list->count;
    body.peer_names = list->names;
    body.n_peer_names = list->count;
    list->count = 0;
    enum err err = actor_send(actor, ACTOR_PEER_REGISTRY, MSG_SESSIONS_SEEN, &body.base, NULL);
    if (err) /* a hint: the next one comes soon */
        log_debug("seen-not-told", LOG_ERROR(err));
}

void zmq_tell_seen(struct actor *actor, struct zmq_gateway *gateway)
{
    struct seen_list list;
    list.count = 0;
    struct u64map_cursor cursor = {0};
    while (u64map_next(&gateway->sessions.by_id, &cursor)) {
        struct zmq_session *session = zmq_session_of_id(&gateway->sessions, cursor.key);
        if (session->state != ZMQ_SESSION_OPEN || !session->is_seen)
            continue;
        session->is_seen = false;
        list.names[list.count] =
            (ProtobufCBinaryData){session->name_size, (uint8_t *)session->name};
        list.ids[list.count++] = session->id;
        if (list.count == SEEN_PER_MESSAGE)
            send_seen(actor, &list);
    }
    if (list.count > 0)
        send_seen(actor, &list);
}
