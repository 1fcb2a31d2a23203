/* SPDX-License-Identifier: MPL-2.0
 *
 * Questions to the other actors, and what waits for their answers. The context of a question is the
 * session of its connection, which has at most one request; so an answer needs no table.
 */
#include <stdlib.h>
#include <string.h>

#include "gateways/lair/lair_internal.h"
#include "rt/check.h"
#include "rt/log.h"

struct lair_connection *lair_connection_of(struct tcp_gateway *gateway, uint64_t session)
{
    struct lair_connection *connection = u64map_get_pointer(&gateway->connections, session);
    return connection && connection->state != LAIR_GONE ? connection : NULL;
}

/* --- The request. */

struct lair_request *lair_request_begin(struct lair_connection *connection, const char *text,
                                        size_t size)
{
    CHECK(!connection->request);
    struct lair_request *request = calloc(1, sizeof(*request));
    char *line = malloc(size + 1);
    if (!request || !line) {
        free(request);
        free(line);
        lair_say(connection, TEXT_FAILED, err_sentence(ERR_BUSY));
        return NULL;
    }
    memcpy(line, text, size);
    line[size] = '\0';
    request->line = line;
    request->command = lair_command_parse(line, size);
    buf_init(&request->text, LAIR_OUT_BYTES_MAX);
    connection->request = request;
    return request;
}

void lair_request_end(struct lair_connection *connection)
{
    struct lair_request *request = connection->request;
    if (!request)
        return;
    connection->request = NULL;
    buf_fini(&request->text);
    free(request->line);
    free(request);
}

/* --- CALL */

void lair_call(struct lair_connection *connection, INTERNAL(Call) * call, lair_called *on_called)
{
    const struct lair_user *user = connection->user;
    call->session = connection->session;
    call->request_id = 1;
    call->peer_id = user->peer_id;
    call->peer_name = bytes_of(user->name, user->name_size);
    call->is_verified = true;
    call->caller_role = user->role;
    call->is_admin = user->role == ROOST__V1__ROLE__ADMIN;
    connection->request->on_called = on_called;
    enum err err = actor_ask(connection->gateway->actor, ACTOR_PERSISTENCE, MSG_CALL, &call->base,
                             NULL, LAIR_ASK_DEADLINE_MS, connection->session);
    if (!err)
        return;
    INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
    done.code = err_code(err);
    on_called(connection, &done);
}

/* The request goes on, or has ended and the next line may. */
static void after(struct lair_connection *connection)
{
    if (!connection->request)
        lair_go_on(connection);
}

enum err lair_on_call_done(struct actor *actor, void *state, const struct msg *msg)
{
    uint64_t session;
    if (!actor_context(actor, msg, &session))
        return ERR_OK;
    struct lair_connection *connection = lair_connection_of(state, session);
    if (!connection || !connection->request)
        return ERR_OK;
    connection->request->on_called(connection, MSG_BODY(msg, INTERNAL(CallDone)));
    after(connection);
    return ERR_OK;
}

/* --- QUERY */

void lair_query(struct lair_connection *connection, Roost__V1__Query *query,
                lair_queried *on_queried)
{
    const struct lair_user *user = connection->user;
    INTERNAL(Query) body = ROOST__INTERNAL__QUERY__INIT;
    zmq_msg_t frame;
    query->request_id = 1;
    body.session = connection->session;
    body.peer_id = user->peer_id;
    body.peer_name = bytes_of(user->name, user->name_size);
    body.is_verified = true;
    body.role = user->role;
    body.is_admin = user->role == ROOST__V1__ROLE__ADMIN;
    connection->request->on_queried = on_queried;
    enum err err = wire_pack(ROOST__V1__TYPE__QUERY, &query->base, &frame);
    if (!err) {
        err = actor_ask(connection->gateway->actor, ACTOR_HISTORY, MSG_QUERY, &body.base, &frame,
                        LAIR_ASK_DEADLINE_MS, connection->session);
        (void)zmq_msg_close(&frame); /* cannot fail on a valid message */
    }
    if (err)
        on_queried(connection, NULL, err);
}

/* The public frame in the payload; NULL: not one. */
static const struct wire_message *parse(struct tcp_gateway *gateway, const struct msg *msg,
                                        struct wire_message *message)
{
    arena_reset(&gateway->arena);
    if (!msg->payload || wire_parse(&gateway->reader, zmq_msg_data(msg->payload),
                                    zmq_msg_size(msg->payload), message) != ERR_OK) {
        log_error("frame-unreadable", LOG_STR("problem", gateway->reader.problem));
        return NULL;
    }
    return message;
}

enum err lair_on_query_part(struct actor *actor, void *state, const struct msg *msg)
{
    struct tcp_gateway *gateway = state;
    struct wire_message message;
    struct lair_connection *connection =
        lair_connection_of(gateway, MSG_BODY(msg, INTERNAL(QueryPart))->session);
    (void)actor;
    if (connection && connection->request && connection->request->on_queried &&
        parse(gateway, msg, &message) && message.type == ROOST__V1__TYPE__RESULT)
        connection->request->on_queried(connection, message.result, ERR_OK);
    return ERR_OK;
}

enum err lair_on_query_done(struct actor *actor, void *state, const struct msg *msg)
{
    struct tcp_gateway *gateway = state;
    struct wire_message message;
    uint64_t session;
    if (!actor_context(actor, msg, &session))
        return ERR_OK;
    struct lair_connection *connection = lair_connection_of(gateway, session);
    if (!connection || !connection->request || !connection->request->on_queried)
        return ERR_OK;
    enum err err = ERR_INTERNAL;
    if (parse(gateway, msg, &message) && message.type == ROOST__V1__TYPE__FIN)
        err = message.fin->code ? err_from_code(message.fin->code) : ERR_OK;
    if (!err && message.fin->has_more && message.fin->next_name.len <= WIRE_NAME_BYTES_MAX) {
        connection->request->name_size = message.fin->next_name.len;
        memcpy(connection->request->name, message.fin->next_name.data, message.fin->next_name.len);
    }
    connection->request->on_queried(connection, NULL, err);
    after(connection);
    return ERR_OK;
}

/* --- STORE */

struct lair_text lair_room_scope(struct lair_connection *connection)
{
    static _Thread_local char text[WIRE_SCOPE_BYTES_MAX + 1];
    const char *name = connection->feed ? connection->feed->name : LAIR_LOBBY;
    size_t size = connection->feed ? connection->feed->name_size : strlen(LAIR_LOBBY);
    return lair_text_of(text, scope_format(PREFIX_ROOM, name, size, text));
}

static enum err ask_store(struct lair_connection *connection, struct lair_text scope,
                          struct lair_text body, const uint8_t *parent_id,
                          uint8_t ret_id[UUID_BYTES])
{
    struct tcp_gateway *gateway = connection->gateway;
    Roost__V1__Entry entry = ROOST__V1__ENTRY__INIT, *entries = &entry;
    Roost__V1__Send send = ROOST__V1__SEND__INIT;
    INTERNAL(Store) store = ROOST__INTERNAL__STORE__INIT;
    zmq_msg_t frame;
    uuid_next(&gateway->uuids, actor_wall(gateway->actor), ret_id);
    memcpy(ret_id + UUID_BYTES - LAIR_MARK_BYTES, gateway->mark, LAIR_MARK_BYTES);
    entry.message_id = bytes_of(ret_id, UUID_BYTES);
    entry.scope = bytes_of(scope.data, scope.size);
    entry.body = bytes_of(body.data, body.size);
    if (parent_id)
        entry.parent_id = bytes_of(parent_id, UUID_BYTES);
    send.first_no = store.first_no = connection->published_no + 1;
    send.entries = &entries;
    send.n_entries = store.count = 1;
    store.session = connection->session;
    store.peer_id = connection->user->peer_id;
    store.body_bytes = body.size;
    enum err err = wire_pack(ROOST__V1__TYPE__SEND, &send.base, &frame);
    if (err)
        return err;
    err = actor_ask(gateway->actor, ACTOR_PERSISTENCE, MSG_STORE, &store.base, &frame,
                    LAIR_STORE_MS, connection->session);
    (void)zmq_msg_close(&frame); /* cannot fail on a valid message */
    if (!err) {
        connection->published_no++;
        connection->chats_open++;
    }
    return err;
}

void lair_store(struct lair_connection *connection, struct lair_text scope, struct lair_text body,
                const uint8_t *parent_id, lair_stored *on_stored)
{
    struct lair_request *request = connection->request;
    CHECK(connection->chats_open == 0); /* so the answer that comes is this one's */
    request->on_stored = on_stored;
    enum err err = ask_store(connection, scope, body, parent_id, request->message_id);
    if (err)
        on_stored(connection, err, request->message_id);
}

void lair_chat(struct lair_connection *connection, struct lair_text body)
{
    uint8_t id[UUID_BYTES];
    enum err err = ask_store(connection, lair_room_scope(connection), body, NULL, id);
    if (err)
        lair_say(connection, TEXT_CHAT_FAILED, err_sentence(err));
}

/* Numbers begin again behind what was stored, when nothing is on its way any more. */
static void rewind_numbers(struct lair_connection *connection, const INTERNAL(StoreDone) * done)
{
    if (done->retry_code) {
        connection->is_rewound = true;
        connection->stored_no = done->upto_no;
    }
    if (connection->is_rewound && connection->chats_open == 0) {
        connection->is_rewound = false;
        connection->published_no = connection->stored_no;
    }
}

enum err lair_on_store_done(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(StoreDone) *done = MSG_BODY(msg, INTERNAL(StoreDone));
    uint64_t session;
    if (!actor_context(actor, msg, &session))
        return ERR_OK;
    struct lair_connection *connection = lair_connection_of(state, session);
    if (!connection)
        return ERR_OK;
    CHECK(connection->chats_open > 0);
    connection->chats_open--;
    uint32_t code = done->retry_code     ? done->retry_code
                    : done->n_exceptions ? done->exceptions[0]->code
                                         : 0;
    enum err err = code ? err_from_code(code) : ERR_OK;
    rewind_numbers(connection, done);
    struct lair_request *request = connection->request;
    if (request && request->on_stored)
        request->on_stored(connection, err, request->message_id);
    else if (err)
        lair_say(connection, TEXT_CHAT_FAILED, err_sentence(err));
    if (!connection->request)
        lair_go_on(connection);
    return ERR_OK;
}

/* --- No answer: whether it was done is unknown, and the client is told so. */

static void fail_request(struct lair_connection *connection, uint8_t kind)
{
    struct lair_request *request = connection->request;
    INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
    done.code = err_code(ERR_TIMEOUT);
    if (!request)
        return;
    if (kind == MSG_CALL && request->on_called)
        request->on_called(connection, &done);
    else if (kind == MSG_QUERY && request->on_queried)
        request->on_queried(connection, NULL, ERR_TIMEOUT);
}

void lair_no_answer(struct tcp_gateway *gateway, uint8_t kind, uint64_t session)
{
    struct lair_connection *connection = lair_connection_of(gateway, session);
    if (!connection)
        return;
    if (kind == MSG_STORE) {
        lair_close(connection, false); /* its numbers cannot be known any more */
        return;
    }
    if (kind == MSG_LOGIN || kind == MSG_SESSION_OPEN)
        lair_login_no_answer(connection);
    else
        fail_request(connection, kind);
    if (connection->state != LAIR_GONE && !connection->request)
        lair_go_on(connection);
}
