/* SPDX-License-Identifier: MPL-2.0
 *
 * The ROUTER with CURVE over real TCP: who a frame is from, that a connection's end is known before its
 * routing id is another's, and that nothing is handed to that other one. The test is the one whom
 * libzmq asks (ZAP). Waits are for something that must come, and bounded.
 */
#include "play.h"

#include <stdio.h>

#include "gateways/zmq/zmq_router.h"
#include "rt/log.h"

#define PATIENCE_MS 5000
#define LOST_MAX    64
#define REACHED_MS  300

struct keys {
    char public_text[41], secret_text[41];
};

struct stage {
    void *context, *zap;
    struct zmq_gateway_options options;
    struct zmq_gateway_bound bound;
    struct zmq_router router;
    struct keys server;
    int lost[LOST_MAX];
    size_t lost_count;
};

static void note_lost(void *context, int descriptor)
{
    struct stage *stage = context;
    assert_true(stage->lost_count < LOST_MAX);
    stage->lost[stage->lost_count++] = descriptor;
}

static int setup(void **state)
{
    static struct stage stage;
    static const char *const listen[] = {"curve://127.0.0.1:*", "tcp://127.0.0.1:*"};
    stage = (struct stage){.context = zmq_ctx_new()};
    log_set_level(LOG_LEVEL_OFF);
    assert_int_equal(zmq_curve_keypair(stage.server.public_text, stage.server.secret_text), 0);
    stage.zap = zmq_socket(stage.context, ZMQ_REP);
    assert_int_equal(zmq_bind(stage.zap, "inproc://zeromq.zap.01"), 0);
    stage.options = (struct zmq_gateway_options){
        .listen = listen,
        .listen_count = 2,
        .bound = &stage.bound,
        .limits = {.frame_bytes_max = 64 << 10, .body_bytes_max = 1024, .entries_max = 10},
        .send_frames_max = 10,
        .curve_secret = stage.server.secret_text,
        .curve_domain = "roost",
    };
    stage.router.on_lost = note_lost;
    stage.router.context = &stage;
    assert_int_equal(zmq_router_open(&stage.router, stage.context, &stage.options), ERR_OK);
    *state = &stage;
    return 0;
}

static int teardown(void **state)
{
    struct stage *stage = *state;
    zmq_router_close(&stage->router);
    assert_int_equal(zmq_close(stage->zap), 0);
    assert_int_equal(zmq_ctx_term(stage->context), 0);
    return 0;
}

static void *dial(struct stage *stage, const char *address, const struct keys *keys)
{
    int zero = 0;
    void *client = zmq_socket(stage->context, ZMQ_DEALER);
    assert_int_equal(zmq_setsockopt(client, ZMQ_LINGER, &zero, sizeof(zero)), 0);
    assert_int_equal(zmq_setsockopt(client, ZMQ_ROUTING_ID, "me", 2), 0);
    if (keys) {
        assert_int_equal(zmq_setsockopt(client, ZMQ_CURVE_SERVERKEY, stage->server.public_text, 41),
                         0);
        assert_int_equal(zmq_setsockopt(client, ZMQ_CURVE_PUBLICKEY, keys->public_text, 41), 0);
        assert_int_equal(zmq_setsockopt(client, ZMQ_CURVE_SECRETKEY, keys->secret_text, 41), 0);
    }
    assert_int_equal(zmq_connect(client, address), 0);
    return client;
}

/* Lets one connection in: answers the question of its handshake. */
static void let_in(struct stage *stage, const struct keys *keys)
{
    char part[256];
    zmq_pollitem_t item = {stage->zap, -1, ZMQ_POLLIN, 0};
    assert_int_equal(zmq_poll(&item, 1, PATIENCE_MS), 1);
    for (int i = 0; i < 7; i++) {
        int size = zmq_recv(stage->zap, part, sizeof(part), ZMQ_DONTWAIT);
        assert_true(size >= 0);
        if (i == 2) /* the domain */
            assert_true(size == 5 && memcmp(part, "roost", 5) == 0);
        if (i == 1)
            assert_int_equal(size, 1);
    }
    assert_int_equal(zmq_send(stage->zap, "1.0", 3, ZMQ_SNDMORE), 3);
    assert_int_equal(zmq_send(stage->zap, "1", 1, ZMQ_SNDMORE), 1);
    assert_int_equal(zmq_send(stage->zap, "200", 3, ZMQ_SNDMORE), 3);
    assert_int_equal(zmq_send(stage->zap, "OK", 2, ZMQ_SNDMORE), 2);
    assert_int_equal(zmq_send(stage->zap, keys->public_text, 40, ZMQ_SNDMORE), 40);
    assert_int_equal(zmq_send(stage->zap, "", 0, 0), 0);
}

/* The descriptor of the connection it came by; its key is checked. */
static int hear(struct stage *stage, const char *text, const struct keys *keys)
{
    zmq_msg_t routing, frame;
    assert_int_equal(zmq_msg_init(&routing), 0);
    assert_int_equal(zmq_msg_init(&frame), 0);
    enum zmq_received received = ZMQ_RECEIVED_NOTHING;
    for (int i = 0; i < PATIENCE_MS && received == ZMQ_RECEIVED_NOTHING; i++) {
        zmq_pollitem_t item = {stage->router.socket, -1, ZMQ_POLLIN, 0};
        (void)zmq_poll(&item, 1, 1);
        received = zmq_router_receive(&stage->router, &routing, &frame);
    }
    assert_int_equal(received, ZMQ_RECEIVED_FRAME);
    assert_int_equal(zmq_msg_size(&frame), strlen(text));
    assert_memory_equal(zmq_msg_data(&frame), text, strlen(text));
    if (keys)
        assert_string_equal(zmq_router_key(&frame), keys->public_text);
    else
        assert_null(zmq_router_key(&frame));
    int descriptor = zmq_router_descriptor(&frame);
    assert_true(descriptor >= 0);
    assert_int_equal(zmq_msg_close(&routing), 0);
    assert_int_equal(zmq_msg_close(&frame), 0);
    return descriptor;
}

static enum err offer(struct stage *stage, int descriptor, const char *text)
{
    zmq_msg_t frame;
    assert_int_equal(zmq_msg_init_size(&frame, strlen(text)), 0);
    memcpy(zmq_msg_data(&frame), text, strlen(text));
    enum err err = zmq_router_offer(&stage->router, "me", 2, descriptor, &frame);
    assert_int_equal(zmq_msg_close(&frame), 0);
    return err;
}

/* Until the router has forgotten the routing id. Nobody listens to the monitor meanwhile. */
static void await_free(struct stage *stage)
{
    for (int i = 0; i < PATIENCE_MS; i++) {
        zmq_pollitem_t item = {stage->router.socket, -1, ZMQ_POLLIN, 0};
        (void)zmq_poll(&item, 1, 1);
        if (zmq_send(stage->router.socket, "me", 2, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
            return;
        (void)zmq_send(stage->router.socket, "probe", 5, ZMQ_DONTWAIT);
    }
    fail_msg("the connection never ended");
}

/* Sends by hand: is this client reached by the routing id? */
static bool is_reached(struct stage *stage, void *client)
{
    char text[16];
    for (int i = 0; i < REACHED_MS; i++) {
        zmq_pollitem_t own = {stage->router.socket, -1, ZMQ_POLLIN, 0};
        (void)zmq_poll(&own, 1, 0);
        if (zmq_send(stage->router.socket, "me", 2, ZMQ_SNDMORE | ZMQ_DONTWAIT) == 2)
            (void)zmq_send(stage->router.socket, "probe", 5, ZMQ_DONTWAIT);
        zmq_pollitem_t item = {client, -1, ZMQ_POLLIN, 0};
        if (zmq_poll(&item, 1, 1) == 1)
            return zmq_recv(client, text, sizeof(text), 0) == 5;
    }
    return false;
}

/* A connection that has the routing id. One that came too early, never gets it. */
static void *succeed(struct stage *stage, const struct keys *keys)
{
    for (int i = 0; i < 20; i++) {
        void *client = dial(stage, stage->bound.addresses[0], keys);
        let_in(stage, keys);
        if (is_reached(stage, client))
            return client;
        assert_int_equal(zmq_close(client), 0);
    }
    fail_msg("the successor was never reached");
    return NULL;
}

static void test_frames_say_who_sent_them(void **state)
{
    struct stage *stage = *state;
    struct keys keys;
    assert_int_equal(zmq_curve_keypair(keys.public_text, keys.secret_text), 0);
    void *client = dial(stage, stage->bound.addresses[0], &keys);
    assert_int_equal(zmq_send(client, "hello", 5, 0), 5);
    let_in(stage, &keys);
    int descriptor = hear(stage, "hello", &keys);
    assert_int_equal(offer(stage, descriptor, "welcome"), ERR_OK);
    char text[16];
    assert_int_equal(zmq_recv(client, text, sizeof(text), 0), 7);
    assert_false(zmq_router_look(&stage->router, descriptor));
    assert_int_equal(zmq_close(client), 0);
    for (int i = 0; i < PATIENCE_MS && stage->lost_count == 0; i++) {
        (void)zmq_poll(NULL, 0, 1);
        (void)zmq_router_look(&stage->router, descriptor);
    }
    assert_int_equal(stage->lost_count, 1);
    assert_int_equal(stage->lost[0], descriptor);
}

static void test_without_curve_nobody_is_asked(void **state)
{
    struct stage *stage = *state;
    void *client = dial(stage, stage->bound.addresses[1], NULL);
    assert_int_equal(zmq_send(client, "hello", 5, 0), 5);
    (void)hear(stage, "hello", NULL);
    assert_int_equal(zmq_close(client), 0);
}

/* Everything is arranged so that only the look between the two parts can save it. */
static void test_a_successor_gets_nothing(void **state)
{
    struct stage *stage = *state;
    struct keys victim, impostor;
    assert_int_equal(zmq_curve_keypair(victim.public_text, victim.secret_text), 0);
    assert_int_equal(zmq_curve_keypair(impostor.public_text, impostor.secret_text), 0);
    void *client = dial(stage, stage->bound.addresses[0], &victim);
    assert_int_equal(zmq_send(client, "hello", 5, 0), 5);
    let_in(stage, &victim);
    int descriptor = hear(stage, "hello", &victim);
    assert_int_equal(zmq_close(client), 0);
    await_free(stage);
    client = succeed(stage, &impostor);
    assert_int_equal(stage->lost_count, 0); /* nobody has looked yet */
    assert_int_equal(offer(stage, descriptor, "secret"), ERR_NO_SESSION);
    assert_true(stage->lost_count >= 1); /* and those of the impostor who came too early */
    assert_int_equal(stage->lost[0], descriptor);
    assert_int_equal(offer(stage, ZMQ_ROUTER_NO_DESCRIPTOR, "yours"), ERR_OK);
    char text[16];
    int size = zmq_recv(client, text, sizeof(text), 0);
    while (size == 5 && memcmp(text, "probe", 5) == 0)
        size = zmq_recv(client, text, sizeof(text), 0);
    assert_int_equal(size, 0); /* the end of what was begun */
    assert_int_equal(zmq_recv(client, text, sizeof(text), 0), 5);
    assert_memory_equal(text, "yours", 5);
    assert_int_equal(zmq_close(client), 0);
}

/* The gateway has died: the next life has the same ports, and looks again. */
static void test_opened_again(void **state)
{
    struct stage *stage = *state;
    struct keys keys;
    char before[ZMQ_GATEWAY_ADDRESS_MAX];
    assert_int_equal(zmq_curve_keypair(keys.public_text, keys.secret_text), 0);
    memcpy(before, stage->bound.addresses[0], sizeof(before));
    for (int life = 0; life < 3; life++) {
        zmq_router_close(&stage->router);
        assert_int_equal(zmq_router_open(&stage->router, stage->context, &stage->options), ERR_OK);
        assert_non_null(stage->router.monitor);
        assert_true(stage->router.is_curve);
    }
    assert_string_equal(stage->bound.addresses[0], before);
    void *client = dial(stage, stage->bound.addresses[0], &keys);
    assert_int_equal(zmq_send(client, "hello", 5, 0), 5);
    let_in(stage, &keys);
    (void)hear(stage, "hello", &keys);
    assert_int_equal(zmq_close(client), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_frames_say_who_sent_them),
        TEST(test_without_curve_nobody_is_asked),
        TEST(test_a_successor_gets_nothing),
        TEST(test_opened_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
