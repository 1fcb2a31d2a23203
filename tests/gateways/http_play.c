/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_play.h.
 */
#include "http_play.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt/log.h"

#define WAIT_MS 10000
#define LOOKS   3 /* libmicrohttpd may need more than one */

static const char *const listen_addresses[] = {"127.0.0.1:*"};
static const char *const everybody[] = {"*"};
static const struct metrics *no_blocks; /* nobody else is on this stage */

struct http_play *http_play_new(void)
{
    struct http_play *play = calloc(1, sizeof(*play));
    assert_non_null(play);
    play->options = (struct http_gateway_options){
        .listen = listen_addresses,
        .listen_count = 1,
        .bound = &play->bound,
        .tls_certificate = "",
        .tls_key = "",
        .limits = wire_limits_default,
        .admins = everybody,
        .admin_count = 1,
        .is_open = true,
        .connections_max = 100,
        .connections_per_address = 100,
        .request_ms = 30000,
        .session_ms = 60000,
        .sessions_max = 10,
        .token_ms = 1000000,
        .seen_ms = 10000,
        .software = "roost test",
        .metrics = &no_blocks,
    };
    play->spec = (struct actor_spec){&http_gateway_actor, &play->options, 0};
    log_set_level(getenv("PLAY_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_OFF);
    return play;
}

void http_play_start(struct http_play *play)
{
    struct sim_options options = {.pseudo_actors = ACTOR_COUNT - 1, .turn_max_us = -1};
    enum err err;
    play->sim = sim_new(1, &play->spec, 1, message_types, MSG_COUNT, &options, &err);
    assert_non_null(play->sim);
}

void http_play_end(struct http_play *play)
{
    assert_int_equal(sim_failure(play->sim, &(uint8_t){0}), ERR_OK);
    sim_destroy(&play->sim);
    free(play);
}

struct http_gateway *http_play_gateway(struct http_play *play)
{
    return sim_state(play->sim, HTTP_ID);
}

static bool is_readable(int fd, int wait_ms)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    return poll(&look, 1, wait_ms) == 1;
}

void http_play_read(struct http_play *play)
{
    for (int i = 0; i < LOOKS; i++) {
        (void)is_readable(http_play_gateway(play)->poller, 10);
        sim_readable(play->sim, HTTP_ID, 0);
        sim_settle(play->sim);
    }
}

/* --- As a client. */

struct http_client *http_client_new(struct http_play *play)
{
    struct http_client *client = calloc(1, sizeof(*client));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(play->bound.ports[0])};
    assert_non_null(client);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->play = play;
    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    http_play_read(play);
    return client;
}

void http_client_ask(struct http_client *client, const char *what, const char *lines,
                     const char *body)
{
    char text[4096];
    int size = snprintf(text, sizeof(text),
                        "%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n%s\r\n%s",
                        what, client->play->bound.ports[0], strlen(body), lines, body);
    assert_true(size > 0 && (size_t)size < sizeof(text));
    assert_int_equal(send(client->fd, text, (size_t)size, MSG_NOSIGNAL), size);
    http_play_read(client->play);
}

/* More bytes; false: the end. */
static bool receive(struct http_client *client)
{
    for (int i = 0; i < WAIT_MS && !is_readable(client->fd, 1); i++)
        http_play_read(client->play);
    assert_true(client->size + 1 < sizeof(client->bytes));
    ssize_t count =
        recv(client->fd, client->bytes + client->size, sizeof(client->bytes) - client->size - 1, 0);
    if (count <= 0)
        return false;
    client->size += (size_t)count;
    client->bytes[client->size] = '\0';
    return true;
}

unsigned http_client_hear(struct http_client *client)
{
    const char *body;
    client->size = 0;
    client->bytes[0] = '\0';
    do {
        assert_true(receive(client));
        body = strstr(client->bytes, "\r\n\r\n");
    } while (!body);
    const char *length = strstr(client->bytes, "Content-Length: ");
    size_t wanted = length ? strtoul(length + 16, NULL, 10) : 0;
    while (strlen(body + 4) < wanted)
        assert_true(receive(client));
    return (unsigned)strtoul(client->bytes + 9, NULL, 10);
}

void http_client_hear_part(struct http_client *client, const char *text)
{
    client->size = 0;
    client->bytes[0] = '\0';
    while (!strstr(client->bytes, text))
        assert_true(receive(client));
}

void http_client_hear_nothing(struct http_client *client)
{
    http_play_read(client->play);
    assert_false(is_readable(client->fd, 20));
}

void http_client_hear_end(struct http_client *client)
{
    do
        client->size = 0;
    while (receive(client));
}

void http_client_end(struct http_client **client)
{
    struct http_play *play = (*client)->play;
    (void)close((*client)->fd);
    free(*client);
    *client = NULL;
    http_play_read(play);
}

/* --- As other actors. */

const struct msg *http_take(struct http_play *play, uint8_t actor, uint8_t kind)
{
    const struct msg *msg = sim_take(play->sim, actor);
    if (!msg)
        fail_msg("expected %s, nothing came", message_name(kind));
    if (msg->kind != kind)
        fail_msg("expected %s, %s came", message_name(kind), message_name(msg->kind));
    return msg;
}

void http_take_nothing(struct http_play *play, uint8_t actor)
{
    const struct msg *msg = sim_take(play->sim, actor);
    if (msg)
        fail_msg("expected nothing, %s came", message_name(msg->kind));
}

void http_reply(struct http_play *play, const struct msg *question, uint8_t actor, uint8_t kind,
                const ProtobufCMessage *body)
{
    sim_reply(play->sim, question, actor, kind, body, NULL);
    sim_settle(play->sim);
}

void http_post(struct http_play *play, uint8_t actor, uint8_t kind, const ProtobufCMessage *body)
{
    assert_int_equal(sim_post(play->sim, actor, HTTP_ID, kind, body, NULL, 0, false), ERR_OK);
    sim_settle(play->sim);
}

uint64_t http_let_in(struct http_play *play, enum err err, const char *name, bool is_new)
{
    const struct msg *question = http_take(play, ACTOR_ACCOUNTS, MSG_LOGIN);
    uint64_t session = MSG_BODY(question, INTERNAL(Login))->session;
    INTERNAL(LoginDone) done = ROOST__INTERNAL__LOGIN_DONE__INIT;
    assert_memory_equal(MSG_BODY(question, INTERNAL(Login))->kind.data, "http", 4);
    done.session = session;
    done.code = err_code(err);
    done.name = http_bytes(name);
    http_reply(play, question, ACTOR_ACCOUNTS, MSG_LOGIN_DONE, &done.base);
    if (err || !is_new)
        return session;
    question = http_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN);
    INTERNAL(SessionOpened) opened = ROOST__INTERNAL__SESSION_OPENED__INIT;
    assert_memory_equal(MSG_BODY(question, INTERNAL(SessionOpen))->address.data, "127.0.0.1", 9);
    opened.session = session;
    opened.peer_id = 7;
    opened.peer_name = http_bytes(name);
    http_reply(play, question, ACTOR_PEER_REGISTRY, MSG_SESSION_OPENED, &opened.base);
    return session;
}
