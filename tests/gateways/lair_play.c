/* SPDX-License-Identifier: MPL-2.0
 *
 * See lair_play.h.
 */
#include "lair_play.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt/log.h"

#define WAIT_MS 10000

static const char *const listen_addresses[] = {"127.0.0.1:*"};

struct lair_play *lair_play_new(void)
{
    struct lair_play *play = calloc(1, sizeof(*play));
    assert_non_null(play);
    assert_int_equal(lair_cipher_init(&play->cipher), ERR_OK);
    play->options = (struct tcp_gateway_options){
        .listen = listen_addresses,
        .listen_count = 1,
        .limits = wire_limits_default,
        .connections_max = 100,
        .handshake_ms = 10000,
    };
    play->spec = (struct actor_spec){&tcp_gateway_actor, &play->options, 0};
    log_set_level(getenv("PLAY_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_OFF);
    return play;
}

void lair_play_start(struct lair_play *play)
{
    struct sim_options options = {.pseudo_actors = ACTOR_COUNT - 1, .turn_max_us = -1};
    enum err err;
    play->sim = sim_new(1, &play->spec, 1, message_types, MSG_COUNT, &options, &err);
    assert_non_null(play->sim);
}

void lair_play_end(struct lair_play *play)
{
    assert_int_equal(sim_failure(play->sim, &(uint8_t){0}), ERR_OK);
    sim_destroy(&play->sim);
    lair_cipher_fini(&play->cipher);
    free(play);
}

struct tcp_gateway *lair_play_gateway(struct lair_play *play)
{
    return sim_state(play->sim, LAIR_ID);
}

/* Whether there is something within this time. */
static bool is_readable(int fd, int wait_ms)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    return poll(&look, 1, wait_ms) == 1;
}

void lair_play_read(struct lair_play *play)
{
    int poller = lair_play_gateway(play)->poller;
    assert_true(is_readable(poller, WAIT_MS));
    while (is_readable(poller, 0)) {
        sim_readable(play->sim, LAIR_ID, 0);
        sim_settle(play->sim);
    }
}

/* --- As a client. */

struct lair_client *client_connect(struct lair_play *play)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    struct lair_client *client = calloc(1, sizeof(*client));
    assert_non_null(client);
    client->play = play;
    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(
        getsockname(lair_play_gateway(play)->listeners.fds[0], (struct sockaddr *)&address, &size),
        0);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, size), 0);
    lair_play_read(play);
    return client;
}

void client_send(struct lair_client *client, const char *bytes, size_t size)
{
    assert_int_equal(send(client->fd, bytes, size, MSG_NOSIGNAL), size);
    lair_play_read(client->play);
}

/* The next line, without its end. NULL: none within this time, or the end. */
static char *next_line(struct lair_client *client, int wait_ms, bool *ret_is_end)
{
    char *end;
    *ret_is_end = false;
    while (!(end = memchr(client->bytes, '\n', client->size))) {
        if (!is_readable(client->fd, wait_ms))
            return NULL;
        ssize_t count =
            recv(client->fd, client->bytes + client->size, sizeof(client->bytes) - client->size, 0);
        *ret_is_end = count <= 0;
        if (count <= 0)
            return NULL;
        client->size += (size_t)count;
    }
    size_t length = (size_t)(end - client->bytes);
    char *line = malloc(length + 1);
    assert_non_null(line);
    memcpy(line, client->bytes, length);
    line[length] = '\0';
    client->size -= length + 1;
    memmove(client->bytes, end + 1, client->size);
    return line;
}

struct lair_client *client_greet(struct lair_play *play)
{
    struct lair_client *client = client_connect(play);
    struct lair_key secret;
    char offer[LAIR_KEY_LINE_BYTES + 1];
    bool is_end;
    char *line = next_line(client, WAIT_MS, &is_end);
    assert_non_null(line);
    assert_int_equal(lair_offer(&secret, offer), ERR_OK);
    assert_int_equal(lair_agree(&secret, line, strlen(line), &client->key), ERR_OK);
    free(line);
    offer[LAIR_KEY_LINE_BYTES] = '\n';
    client_send(client, offer, sizeof(offer));
    client_hear(client, "Welcome to The Lair! Please login or register.");
    return client;
}

void client_say(struct lair_client *client, const char *text)
{
    size_t size = LAIR_LINE_BYTES(strlen(text));
    char *line = malloc(size + 1);
    assert_non_null(line);
    assert_int_equal(lair_seal(&client->play->cipher, &client->key, NULL, text, strlen(text), line),
                     ERR_OK);
    line[size] = '\n';
    client_send(client, line, size + 1);
    free(line);
}

const char *client_hear_any(struct lair_client *client)
{
    uint8_t *text;
    size_t size;
    bool is_end;
    char *line = next_line(client, WAIT_MS, &is_end);
    if (!line)
        fail_msg("%s came", is_end ? "the end" : "nothing");
    assert_int_equal(
        lair_open(&client->play->cipher, &client->key, (uint8_t *)line, strlen(line), &text, &size),
        ERR_OK);
    assert_true(size < sizeof(client->text));
    memcpy(client->text, text, size);
    client->text[size] = '\0';
    free(line);
    return client->text;
}

void client_hear(struct lair_client *client, const char *text)
{
    assert_string_equal(client_hear_any(client), text);
}

void client_hear_nothing(struct lair_client *client)
{
    bool is_end;
    char *line = next_line(client, 0, &is_end);
    if (line || is_end)
        fail_msg("expected nothing, %s came", line ? line : "the end");
}

void client_hear_end(struct lair_client *client)
{
    bool is_end;
    char *line = next_line(client, WAIT_MS, &is_end);
    if (line || !is_end)
        fail_msg("expected the end, %s came", line ? line : "nothing");
}

void client_end(struct lair_client **client)
{
    (void)close((*client)->fd);
    free(*client);
    *client = NULL;
}

void client_break(struct lair_client **client)
{
    struct linger linger = {.l_onoff = 1};
    assert_int_equal(setsockopt((*client)->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    client_end(client);
}

/* --- As other actors. */

const struct msg *lair_take(struct lair_play *play, uint8_t actor, uint8_t kind)
{
    const struct msg *msg = sim_take(play->sim, actor);
    if (!msg)
        fail_msg("expected %s, nothing came", message_name(kind));
    if (msg->kind != kind)
        fail_msg("expected %s, %s came", message_name(kind), message_name(msg->kind));
    return msg;
}

void lair_take_nothing(struct lair_play *play, uint8_t actor)
{
    const struct msg *msg = sim_take(play->sim, actor);
    if (msg)
        fail_msg("expected nothing, %s came", message_name(msg->kind));
}

void lair_answer(struct lair_play *play, const struct msg *question, uint8_t actor, uint8_t kind,
                 const ProtobufCMessage *body, zmq_msg_t *take_payload)
{
    sim_reply(play->sim, question, actor, kind, body, take_payload);
    sim_settle(play->sim);
}

void lair_post(struct lair_play *play, uint8_t actor, uint8_t kind, const ProtobufCMessage *body,
               zmq_msg_t *take_payload)
{
    assert_int_equal(sim_post(play->sim, actor, LAIR_ID, kind, body, take_payload, 0, false),
                     ERR_OK);
    sim_settle(play->sim);
}

void lair_let_in(struct lair_play *play, enum err err, const char *name, int64_t peer_id)
{
    const struct msg *question = lair_take(play, ACTOR_ACCOUNTS, MSG_LOGIN);
    const INTERNAL(Login) *login = MSG_BODY(question, INTERNAL(Login));
    INTERNAL(LoginDone) done = ROOST__INTERNAL__LOGIN_DONE__INIT;
    assert_true(login->tells_unknown);
    assert_memory_equal(login->kind.data, "lair", 4);
    done.session = login->session;
    done.code = err ? err_code(err) : 0;
    done.name = lair_bytes(name);
    done.peer_id = peer_id;
    done.role = ROOST__V1__ROLE__USER;
    done.is_verified = !err;
    lair_answer(play, question, ACTOR_ACCOUNTS, MSG_LOGIN_DONE, &done.base, NULL);
    if (err)
        return;
    question = lair_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN);
    const INTERNAL(SessionOpen) *open = MSG_BODY(question, INTERNAL(SessionOpen));
    INTERNAL(SessionOpened) opened = ROOST__INTERNAL__SESSION_OPENED__INIT;
    assert_memory_equal(open->kind.data, "tcp", 3);
    assert_true(open->is_verified);
    opened.session = open->session;
    opened.peer_id = peer_id;
    opened.peer_name = lair_bytes(name);
    lair_answer(play, question, ACTOR_PEER_REGISTRY, MSG_SESSION_OPENED, &opened.base, NULL);
}

uint64_t lair_attach(struct lair_play *play, uint32_t scope_kind, const char *name, enum err err)
{
    const struct msg *question = lair_take(play, ACTOR_SYNC_MANAGER, MSG_ATTACH);
    const INTERNAL(Attach) *attach = MSG_BODY(question, INTERNAL(Attach));
    INTERNAL(Attached) attached = ROOST__INTERNAL__ATTACHED__INIT;
    uint64_t session = attach->session;
    assert_int_equal(attach->scope_kind, scope_kind);
    assert_int_equal(attach->scope_name.len, strlen(name));
    assert_memory_equal(attach->scope_name.data, name, strlen(name));
    assert_int_equal(attach->is_ephemeral, scope_kind == PREFIX_ROOM);
    assert_int_equal(attach->is_internal, scope_kind == PREFIX_ROOM);
    attached.session = session;
    attached.handle = attach->handle;
    attached.code = err ? err_code(err) : 0;
    lair_answer(play, question, ACTOR_SYNC_MANAGER, MSG_ATTACHED, &attached.base, NULL);
    return session;
}

struct lair_client *client_join(struct lair_play *play, const char *name, int64_t peer_id,
                                bool is_first, uint64_t *ret_session)
{
    char text[256];
    struct lair_client *client = client_greet(play);
    (void)snprintf(text, sizeof(text),
                   "{\"type\":\"login\",\"username\":\"%s\",\"password\":\"secret\"}", name);
    client_say(client, text);
    client_hear_nothing(client);
    lair_let_in(play, ERR_OK, name, peer_id);
    client_hear(client, "Authentication successful! Welcome to The Lair!");
    if (is_first)
        (void)lair_attach(play, PREFIX_ROOM, "Lobby", ERR_OK);
    *ret_session = lair_attach(play, PREFIX_PEER, name, ERR_OK);
    client_hear_nothing(client);
    return client;
}

void lair_deliver(struct lair_play *play, uint64_t session, uint64_t no,
                  const Roost__V1__Delivery *message)
{
    Roost__V1__Delivery entry = *message, *entries = &entry;
    Roost__V1__Deliver deliver = ROOST__V1__DELIVER__INIT;
    INTERNAL(DeliverOut) out = ROOST__INTERNAL__DELIVER_OUT__INIT;
    zmq_msg_t frame;
    uint8_t id[UUID_BYTES] = {1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, 10, 11, 12, 13, 14, 15, (uint8_t)no};
    if (entry.message_id.len == 0)
        entry.message_id = bytes_of(id, UUID_BYTES);
    entry.seq = entry.seq ? entry.seq : no;
    deliver.handle = 1;
    deliver.first_delivery_no = no;
    deliver.entries = &entries;
    deliver.n_entries = 1;
    out.session = session;
    out.handle = 1;
    out.count = 1;
    assert_int_equal(wire_pack(ROOST__V1__TYPE__DELIVER, &deliver.base, &frame), ERR_OK);
    lair_post(play, ACTOR_HISTORY, MSG_DELIVER_OUT, &out.base, &frame);
    (void)zmq_msg_close(&frame);
}

void lair_take_settle(struct lair_play *play, uint64_t session, uint64_t first_no, uint64_t last_no)
{
    const INTERNAL(Settle) *settle =
        MSG_BODY(lair_take(play, ACTOR_SYNC_MANAGER, MSG_SETTLE), INTERNAL(Settle));
    assert_int_equal(settle->session, session);
    assert_int_equal(settle->n_ranges, 1);
    assert_int_equal(settle->ranges[0]->first_delivery_no, first_no);
    assert_int_equal(settle->ranges[0]->last_delivery_no, last_no);
    assert_int_equal(settle->ranges[0]->outcome, ROOST__V1__OUTCOME__ACK);
}

void lair_answer_call(struct lair_play *play, uint32_t method, const INTERNAL(CallDone) * done)
{
    const struct msg *question = lair_take(play, ACTOR_PERSISTENCE, MSG_CALL);
    const INTERNAL(Call) *call = MSG_BODY(question, INTERNAL(Call));
    INTERNAL(CallDone) answer = *done;
    assert_int_equal(call->method, method);
    assert_true(call->is_verified);
    answer.session = call->session;
    answer.request_id = call->request_id;
    lair_answer(play, question, ACTOR_PERSISTENCE, MSG_CALL_DONE, &answer.base, NULL);
}

void lair_answer_store(struct lair_play *play, uint32_t code, uint8_t ret_id[UUID_BYTES])
{
    const struct msg *question = lair_take(play, ACTOR_PERSISTENCE, MSG_STORE);
    const INTERNAL(Store) *store = MSG_BODY(question, INTERNAL(Store));
    INTERNAL(StoreDone) done = ROOST__INTERNAL__STORE_DONE__INIT;
    INTERNAL(NumberException) exception = ROOST__INTERNAL__NUMBER_EXCEPTION__INIT;
    INTERNAL(NumberException) *exceptions = &exception;
    Roost__V1__Send *send =
        roost__v1__send__unpack(NULL, zmq_msg_size(question->payload) - WIRE_HEAD_BYTES,
                                (const uint8_t *)zmq_msg_data(question->payload) + WIRE_HEAD_BYTES);
    assert_non_null(send);
    assert_int_equal(send->n_entries, 1);
    assert_int_equal(send->first_no, store->first_no);
    memcpy(ret_id, send->entries[0]->message_id.data, UUID_BYTES);
    roost__v1__send__free_unpacked(send, NULL);
    done.session = store->session;
    done.count = 1;
    done.upto_no = store->first_no;
    exception.no = store->first_no;
    exception.code = code;
    done.exceptions = &exceptions;
    done.n_exceptions = code ? 1 : 0;
    lair_answer(play, question, ACTOR_PERSISTENCE, MSG_STORE_DONE, &done.base, NULL);
}
