/* SPDX-License-Identifier: MPL-2.0
 *
 * The ROUTER over real TCP and ipc: shapes of messages, what is refused, and by whom. Waits are for
 * something that must come, and bounded.
 */
#include "play.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateways/zmq/zmq_router.h"
#include "rt/log.h"

#define PATIENCE_MS 5000

struct stage {
    void *context;
    struct zmq_gateway_options options;
    struct zmq_gateway_bound bound;
    struct zmq_router router;
};

static void stage_open(struct stage *stage, const char *const *listen, size_t count)
{
    *stage = (struct stage){.context = zmq_ctx_new()};
    log_set_level(LOG_LEVEL_OFF);
    stage->options = (struct zmq_gateway_options){
        .listen = listen,
        .listen_count = count,
        .bound = &stage->bound,
        .limits = {.frame_bytes_max = 64 << 10, .body_bytes_max = 1024, .entries_max = 10},
        .send_frames_max = 10,
    };
    assert_int_equal(zmq_router_open(&stage->router, stage->context, &stage->options), ERR_OK);
}

static void stage_close(struct stage *stage)
{
    zmq_router_close(&stage->router);
    zmq_router_close(&stage->router); /* twice is once */
    assert_int_equal(zmq_ctx_term(stage->context), 0);
}

static void *dial(struct stage *stage, const char *address, const char *routing_id)
{
    int zero = 0;
    void *client = zmq_socket(stage->context, ZMQ_DEALER);
    assert_int_equal(zmq_setsockopt(client, ZMQ_LINGER, &zero, sizeof(zero)), 0);
    if (routing_id)
        assert_int_equal(zmq_setsockopt(client, ZMQ_ROUTING_ID, routing_id, strlen(routing_id)), 0);
    assert_int_equal(zmq_connect(client, address), 0);
    return client;
}

static enum zmq_received wait_receive(struct stage *stage, zmq_msg_t *routing, zmq_msg_t *frame)
{
    enum zmq_received received = ZMQ_RECEIVED_NOTHING;
    for (int i = 0; i < PATIENCE_MS && received == ZMQ_RECEIVED_NOTHING; i++) {
        zmq_pollitem_t item = {stage->router.socket, -1, ZMQ_POLLIN, 0};
        (void)zmq_poll(&item, 1, 1);
        received = zmq_router_receive(&stage->router, routing, frame);
    }
    return received;
}

static void test_several_addresses(void **state)
{
    char path[64], again[ZMQ_GATEWAY_ADDRESS_MAX];
    (void)state;
    (void)snprintf(path, sizeof(path), "ipc:///tmp/zmq_router_test.%d", (int)getpid());
    const char *const listen[] = {"tcp://127.0.0.1:*", path, "tcp://127.0.0.1:*"};
    struct stage stage;
    stage_open(&stage, listen, 3);
    assert_int_equal(stage.bound.count, 3);
    assert_string_equal(stage.bound.addresses[1], path);
    assert_string_not_equal(stage.bound.addresses[0], stage.bound.addresses[2]);
    zmq_msg_t routing, frame;
    assert_int_equal(zmq_msg_init(&routing), 0);
    assert_int_equal(zmq_msg_init(&frame), 0);
    for (size_t i = 0; i < 3; i++) {
        void *client = dial(&stage, stage.bound.addresses[i], NULL);
        assert_int_equal(zmq_send(client, "hi", 2, 0), 2);
        assert_int_equal(wait_receive(&stage, &routing, &frame), ZMQ_RECEIVED_FRAME);
        assert_int_equal(zmq_msg_size(&frame), 2);
        zmq_close(client);
    }
    memcpy(again, stage.bound.addresses[0], sizeof(again));
    zmq_router_close(&stage.router);
    assert_int_equal(zmq_router_open(&stage.router, stage.context, &stage.options), ERR_OK);
    assert_string_equal(stage.bound.addresses[0], again); /* the next life is found again */
    (void)zmq_msg_close(&routing); /* a message also holds on to its connection's properties */
    (void)zmq_msg_close(&frame);
    stage_close(&stage);
}

static void test_refused_offers(void **state)
{
    const char *const listen[] = {"tcp://127.0.0.1:*"};
    struct stage stage;
    (void)state;
    stage_open(&stage, listen, 1);
    zmq_msg_t frame;
    assert_int_equal(zmq_msg_init_size(&frame, 100), 0);
    assert_int_equal(zmq_router_offer(&stage.router, "nobody", 6, -1, &frame), ERR_NO_SESSION);
    assert_int_equal(zmq_msg_size(&frame), 100); /* still ours */
    (void)zmq_msg_close(&frame);

    void *client = dial(&stage, stage.bound.addresses[0], "me");
    assert_int_equal(zmq_send(client, "hi", 2, 0), 2);
    zmq_msg_t routing;
    assert_int_equal(zmq_msg_init(&routing), 0);
    assert_int_equal(zmq_msg_init(&frame), 0);
    assert_int_equal(wait_receive(&stage, &routing, &frame), ZMQ_RECEIVED_FRAME);
    assert_memory_equal(zmq_msg_data(&routing), "me", 2);
    enum err err = ERR_OK;
    int offered = 0;
    for (; !err && offered < 100000; offered++) { /* it never reads */
        (void)zmq_msg_close(&frame);
        assert_int_equal(zmq_msg_init_size(&frame, 10000), 0);
        err = zmq_router_offer(&stage.router, "me", 2, -1, &frame);
    }
    assert_int_equal(err, ERR_BUSY);
    zmq_close(client);
    (void)zmq_msg_close(&routing); /* a message also holds on to its connection's properties */
    (void)zmq_msg_close(&frame);
    stage_close(&stage);
}

static void test_routing_id_cannot_be_taken(void **state)
{
    const char *const listen[] = {"tcp://127.0.0.1:*"};
    struct stage stage;
    (void)state;
    stage_open(&stage, listen, 1);
    zmq_msg_t routing, frame;
    assert_int_equal(zmq_msg_init(&routing), 0);
    assert_int_equal(zmq_msg_init(&frame), 0);
    void *owner = dial(&stage, stage.bound.addresses[0], "me");
    assert_int_equal(zmq_send(owner, "1", 1, 0), 1);
    assert_int_equal(wait_receive(&stage, &routing, &frame), ZMQ_RECEIVED_FRAME);
    void *thief = dial(&stage, stage.bound.addresses[0], "me");
    assert_int_equal(zmq_send(thief, "2", 1, 0), 1);
    void *other = dial(&stage, stage.bound.addresses[0], NULL);
    assert_int_equal(zmq_send(other, "3", 1, 0), 1);
    assert_int_equal(wait_receive(&stage, &routing, &frame), ZMQ_RECEIVED_FRAME);
    assert_memory_equal(zmq_msg_data(&frame), "3", 1); /* the thief is not heard */
    (void)zmq_msg_close(&frame);
    assert_int_equal(zmq_msg_init_size(&frame, 1), 0);
    assert_int_equal(zmq_router_offer(&stage.router, "me", 2, -1, &frame), ERR_OK);
    char byte;
    int patience_ms = PATIENCE_MS;
    assert_int_equal(zmq_setsockopt(owner, ZMQ_RCVTIMEO, &patience_ms, sizeof(int)), 0);
    assert_int_equal(zmq_recv(owner, &byte, 1, 0), 1);
    zmq_close(owner);
    zmq_close(thief);
    zmq_close(other);
    (void)zmq_msg_close(&routing); /* a message also holds on to its connection's properties */
    (void)zmq_msg_close(&frame);
    stage_close(&stage);
}

static void test_shapes(void **state)
{
    const char *const listen[] = {"tcp://127.0.0.1:*"};
    struct stage stage;
    (void)state;
    stage_open(&stage, listen, 1);
    void *client = dial(&stage, stage.bound.addresses[0], NULL);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(zmq_send(client, "x", 1, i < 999 ? ZMQ_SNDMORE : 0), 1);
    assert_int_equal(zmq_send(client, "last", 4, 0), 4);
    zmq_msg_t routing, frame;
    assert_int_equal(zmq_msg_init(&routing), 0);
    assert_int_equal(zmq_msg_init(&frame), 0);
    assert_int_equal(wait_receive(&stage, &routing, &frame), ZMQ_RECEIVED_MULTIPART);
    assert_true(zmq_msg_size(&routing) > 0);
    assert_int_equal(wait_receive(&stage, &routing, &frame), ZMQ_RECEIVED_FRAME);
    assert_int_equal(zmq_msg_size(&frame), 4);
    assert_int_equal(zmq_router_receive(&stage.router, &routing, &frame), ZMQ_RECEIVED_NOTHING);
    zmq_close(client);

    /* Far too large: the connection is cut, nobody else notices. */
    client = dial(&stage, stage.bound.addresses[0], NULL);
    char *huge = calloc(1, 1 << 20);
    assert_int_equal(zmq_send(client, huge, 1 << 20, 0), 1 << 20);
    free(huge);
    void *other = dial(&stage, stage.bound.addresses[0], NULL);
    assert_int_equal(zmq_send(other, "fine", 4, 0), 4);
    assert_int_equal(wait_receive(&stage, &routing, &frame), ZMQ_RECEIVED_FRAME);
    assert_memory_equal(zmq_msg_data(&frame), "fine", 4);
    zmq_close(client);
    zmq_close(other);
    (void)zmq_msg_close(&routing); /* a message also holds on to its connection's properties */
    (void)zmq_msg_close(&frame);
    stage_close(&stage);
}

static void test_wrong_address(void **state)
{
    const char *const listen[] = {"tcp://127.0.0.1:*", "tcp://192.0.2.1:1"};
    struct stage stage = {.context = zmq_ctx_new()};
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    stage.options = (struct zmq_gateway_options){
        .listen = listen, .listen_count = 2, .bound = &stage.bound, .send_frames_max = 1};
    assert_int_equal(zmq_router_open(&stage.router, stage.context, &stage.options), ERR_ADDRESS);
    assert_null(stage.router.socket);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_addresses),
        cmocka_unit_test(test_refused_offers),
        cmocka_unit_test(test_routing_id_cannot_be_taken),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_wrong_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
