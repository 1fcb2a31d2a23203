/* SPDX-License-Identifier: MPL-2.0
 *
 * See play.h.
 */
#include "play.h"

#include <errno.h>
#include <stdlib.h>

#include "rt/check.h"
#include "rt/log.h"

#define ENDPOINT "inproc://gateway"

static const char *const listen_addresses[] = {ENDPOINT};
static const char *const everybody[] = {"*"};

struct play *play_new(void)
{
    struct play *play = calloc(1, sizeof(*play));
    assert_non_null(play);
    play->context = zmq_ctx_new();
    play->options = (struct zmq_gateway_options){
        .listen = listen_addresses,
        .listen_count = 1,
        .bound = &play->bound,
        .limits = wire_limits_default,
        .lease_ms = 30000,
        .heartbeat_ms = PLAY_HEARTBEAT_MS,
        .seen_ms = 10000,
        .sessions_max = 100,
        .send_frames_max = 1000,
        .publish_window = 2000,
        .publish_bytes = 4 << 20,
        .publish_bytes_total = 8 << 20,
        .unread_bytes_max = 64 << 20,
        .admins = everybody,
        .admin_count = 1,
        .boot_id = "boot-id-16-bytes",
        .software = "roost test",
        .zmq_context = play->context,
    };
    play->specs[GATEWAY_ID] = (struct actor_spec){&zmq_gateway_actor, &play->options, 0};
    play->spec_count = 1;
    arena_init(&play->arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_CAP));
    play->reader = (struct wire_reader){
        .direction = WIRE_TO_CLIENT, .limits = &play->options.limits, .arena = &play->arena};
    assert_int_equal(zmq_msg_init(&play->heard), 0);
    log_set_level(getenv("PLAY_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_OFF);
    return play;
}

void play_start(struct play *play)
{
    struct sim_options options = {.pseudo_actors = (unsigned)(ACTOR_COUNT - play->spec_count),
                                  .turn_max_us = -1};
    enum err err;
    play->sim = sim_new(1, play->specs, play->spec_count, message_types, MSG_COUNT, &options, &err);
    assert_non_null(play->sim);
}

void play_end(struct play *play)
{
    assert_int_equal(sim_failure(play->sim, &(uint8_t){0}), ERR_OK);
    sim_destroy(&play->sim);
    (void)zmq_msg_close(&play->heard);
    arena_fini(&play->arena);
    (void)zmq_ctx_shutdown(play->context); /* clients of failed tests may be open */
    (void)zmq_ctx_term(play->context);
    free(play);
}

void *play_connect(struct play *play, const char *routing_id)
{
    int zero = 0;
    void *client = zmq_socket(play->context, ZMQ_DEALER);
    assert_non_null(client);
    if (routing_id)
        assert_int_equal(zmq_setsockopt(client, ZMQ_ROUTING_ID, routing_id, strlen(routing_id)), 0);
    assert_int_equal(zmq_setsockopt(client, ZMQ_LINGER, &zero, sizeof(zero)), 0);
    assert_int_equal(zmq_connect(client, ENDPOINT), 0);
    return client;
}

void play_read(struct play *play)
{
    sim_readable(play->sim, GATEWAY_ID, 0);
    sim_settle(play->sim);
}

void play_say_bytes(struct play *play, void *client, const void *bytes, size_t size)
{
    assert_int_equal(zmq_send(client, bytes, size, ZMQ_DONTWAIT), (int)size);
    play_read(play);
}

void play_say(struct play *play, void *client, Roost__V1__Type type, const ProtobufCMessage *body)
{
    zmq_msg_t frame;
    assert_int_equal(wire_pack(type, body, &frame), ERR_OK);
    assert_true(zmq_msg_send(&frame, client, ZMQ_DONTWAIT) >= 0);
    play_read(play);
    if (type == ROOST__V1__TYPE__HELLO && !play->holds_logins)
        play_let_in(play);
}

/* As ACCOUNTS: nobody has an account. */
void play_let_in(struct play *play)
{
    const struct msg *question;
    while ((question = sim_take(play->sim, ACTOR_ACCOUNTS)) != NULL) {
        INTERNAL(LoginDone) done = ROOST__INTERNAL__LOGIN_DONE__INIT;
        if (question->kind != MSG_LOGIN)
            fail_msg("expected LOGIN, %s came", message_name(question->kind));
        done.session = MSG_BODY(question, INTERNAL(Login))->session;
        play_answer(play, question, ACTOR_ACCOUNTS, MSG_LOGIN_DONE, &done.base, NULL);
    }
}

struct wire_message play_hear(struct play *play, void *client, Roost__V1__Type type)
{
    struct wire_message message = {0};
    arena_reset(&play->arena);
    int size = zmq_msg_recv(&play->heard, client, ZMQ_DONTWAIT);
    if (size < 0)
        fail_msg("expected %s, heard nothing", wire_type_name(type));
    assert_false(zmq_msg_more(&play->heard));
    enum err err = wire_parse(&play->reader, zmq_msg_data(&play->heard), (size_t)size, &message);
    if (err)
        fail_msg("unreadable: %s", play->reader.problem);
    if (message.type != type)
        fail_msg("expected %s, heard %s", wire_type_name(type), wire_type_name(message.type));
    return message;
}

void play_hear_nothing(struct play *play, void *client)
{
    uint32_t type = 0;
    int size = zmq_msg_recv(&play->heard, client, ZMQ_DONTWAIT);
    if (size < 0)
        return;
    (void)!wire_peek_type(zmq_msg_data(&play->heard), (size_t)size, &type);
    fail_msg("expected nothing, heard %s", wire_type_name(type));
}

unsigned play_drop(struct play *play, void *client)
{
    unsigned count = 0;
    while (zmq_msg_recv(&play->heard, client, ZMQ_DONTWAIT) >= 0)
        count++;
    return count;
}

void play_hear_error(struct play *play, void *client, enum err err)
{
    struct wire_message message = play_hear(play, client, ROOST__V1__TYPE__ERROR);
    assert_string_equal(err_name(err_from_code(message.error->code)), err_name(err));
    assert_true(message.error->text[0] != 0);
    assert_int_equal(message.error->retryable, err_is_retryable(err));
}

const struct msg *play_take(struct play *play, uint8_t actor, uint8_t kind)
{
    const struct msg *msg = sim_take(play->sim, actor);
    if (!msg)
        fail_msg("expected %s, nothing came", message_name(kind));
    if (msg->kind != kind)
        fail_msg("expected %s, %s came", message_name(kind), message_name(msg->kind));
    return msg;
}

void play_take_nothing(struct play *play, uint8_t actor)
{
    const struct msg *msg = sim_take(play->sim, actor);
    if (msg)
        fail_msg("expected nothing, %s came", message_name(msg->kind));
}

void play_answer(struct play *play, const struct msg *question, uint8_t actor, uint8_t kind,
                 const ProtobufCMessage *body, zmq_msg_t *payload)
{
    sim_reply(play->sim, question, actor, kind, body, payload);
    sim_settle(play->sim);
}

void play_post(struct play *play, uint8_t actor, uint8_t kind, const ProtobufCMessage *body,
               zmq_msg_t *payload)
{
    assert_int_equal(sim_post(play->sim, actor, GATEWAY_ID, kind, body, payload, 0, false), ERR_OK);
    sim_settle(play->sim);
}

uint64_t play_welcome(struct play *play, void *client, const char *peer, int64_t peer_id)
{
    Roost__V1__Hello hello = ROOST__V1__HELLO__INIT;
    hello.version_min = 1;
    hello.version_max = 1;
    hello.peer = play_bytes(peer);
    play_say(play, client, ROOST__V1__TYPE__HELLO, &hello.base);
    const struct msg *question = play_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN);
    INTERNAL(SessionOpened) opened = ROOST__INTERNAL__SESSION_OPENED__INIT;
    uint64_t session = MSG_BODY(question, INTERNAL(SessionOpen))->session;
    opened.session = session;
    opened.peer_id = peer_id;
    opened.peer_name = play_bytes(peer);
    play_answer(play, question, ACTOR_PEER_REGISTRY, MSG_SESSION_OPENED, &opened.base, NULL);
    (void)play_hear(play, client, ROOST__V1__TYPE__WELCOME);
    return session;
}

void play_take_closed(struct play *play, uint64_t session, uint32_t reason)
{
    static const uint8_t actors[] = {ACTOR_PERSISTENCE, ACTOR_SYNC_MANAGER, ACTOR_PEER_REGISTRY};
    for (size_t i = 0; i < sizeof(actors); i++) {
        const INTERNAL(SessionClosed) *body =
            MSG_BODY(play_take(play, actors[i], MSG_SESSION_CLOSED), INTERNAL(SessionClosed));
        assert_int_equal(body->session, session);
        assert_int_equal(body->reason, reason);
    }
}

int64_t play_metric(struct play *play, enum metric metric)
{
    return metrics_get(sim_metrics(play->sim, GATEWAY_ID), metric);
}

struct scene scene_new(void)
{
    struct scene scene = {.play = play_new()};
    play_start(scene.play);
    scene.client = play_connect(scene.play, NULL);
    scene.session = play_welcome(scene.play, scene.client, "ana", 42);
    return scene;
}

void scene_end(struct scene *scene)
{
    zmq_close(scene->client);
    play_end(scene->play);
}

void scene_post_frame(struct scene *scene, uint64_t session, size_t size)
{
    zmq_msg_t frame;
    assert_int_equal(zmq_msg_init_size(&frame, size), 0);
    memset(zmq_msg_data(&frame), 'x', size);
    INTERNAL(DeliverOut) body = ROOST__INTERNAL__DELIVER_OUT__INIT;
    body.session = session;
    play_post(scene->play, ACTOR_HISTORY, MSG_DELIVER_OUT, &body.base, &frame);
    (void)zmq_msg_close(&frame);
}
