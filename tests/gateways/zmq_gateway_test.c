/* SPDX-License-Identifier: MPL-2.0
 *
 * What strangers and bad clients say to the gateway, and full mailboxes behind it.
 */
#include "play.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD "\xb5\x0c\x01"

struct bad_frame {
    const char *name;
    const char *bytes;
    size_t size;
    enum err err;
};

#define BAD(name, text, err)                                                                       \
    {                                                                                              \
        name, text, sizeof(text) - 1, err                                                          \
    }

static const struct bad_frame bad_frames[] = {
    BAD("nothing", "", ERR_BAD_SIGNATURE),
    BAD("one byte", "\xb5", ERR_BAD_SIGNATURE),
    BAD("three bytes", HEAD, ERR_BAD_SIGNATURE),
    BAD("text", "hello, broker", ERR_BAD_SIGNATURE),
    BAD("an HTTP request", "GET / HTTP/1.1\r\n\r\n", ERR_BAD_SIGNATURE),
    BAD("another version", "\xb5\x0c\x02\x01", ERR_BAD_VERSION),
    BAD("version 0", "\xb5\x0c\x00\x04", ERR_BAD_VERSION),
    BAD("type 0", HEAD "\x00", ERR_BAD_TYPE),
    BAD("type 99", HEAD "\x63", ERR_BAD_TYPE),
    BAD("type 255", HEAD "\xff", ERR_BAD_TYPE),
    BAD("WELCOME", HEAD "\x02", ERR_BAD_TYPE),
    BAD("NO_SESSION", HEAD "\x03", ERR_BAD_TYPE),
    BAD("ERROR", HEAD "\x07", ERR_BAD_TYPE),
    BAD("STORED", HEAD "\x11", ERR_BAD_TYPE),
    BAD("DELIVER", HEAD "\x1c", ERR_BAD_TYPE),
    BAD("cut varint", HEAD "\x18\x08\xff", ERR_BAD_ENCODING),
    BAD("length beyond the end", HEAD "\x18\x12\x7fxx", ERR_BAD_ENCODING),
    BAD("field 0", HEAD "\x18\x00\x01", ERR_BAD_ENCODING),
    BAD("a group", HEAD "\x18\x0b", ERR_BAD_ENCODING),
    BAD("ATTACH without handle", HEAD "\x18\x12\x07queue:q", ERR_MISSING_FIELD),
    BAD("ATTACH without scope", HEAD "\x18\x08\x01", ERR_MISSING_FIELD),
    BAD("ATTACH to no scope", HEAD "\x18\x08\x01\x12\x05queue", ERR_BAD_SCOPE),
    BAD("QUERY without id", HEAD "\x28\x10\x01", ERR_MISSING_FIELD),
    BAD("QUERY of no kind", HEAD "\x28\x08\x01", ERR_UNKNOWN_CALL),
    BAD("CALL of a newer version", HEAD "\x30\x08\x01\x10\x63", ERR_UNKNOWN_CALL),
    BAD("SETTLE of nothing", HEAD "\x1e\x08\x01\x12\x02\x18\x01", ERR_MISSING_FIELD),
    BAD("PING with a long echo",
        HEAD "\x04\x0a\x41"
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ERR_BAD_FIELD),
};

#define BAD_COUNT (sizeof(bad_frames) / sizeof(bad_frames[0]))

static void ping_works(struct play *play, void *client)
{
    Roost__V1__Ping ping = ROOST__V1__PING__INIT;
    ping.echo = play_bytes("still there?");
    play_say(play, client, ROOST__V1__TYPE__PING, &ping.base);
    const Roost__V1__Pong *pong = play_hear(play, client, ROOST__V1__TYPE__PONG).pong;
    assert_memory_equal(pong->echo.data, "still there?", 12);
}

static void test_bad_frames_in_a_session(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    for (size_t i = 0; i < BAD_COUNT; i++) {
        const struct bad_frame *bad = &bad_frames[i];
        play_say_bytes(play, client, bad->bytes, bad->size);
        const Roost__V1__Error *error = play_hear(play, client, ROOST__V1__TYPE__ERROR).error;
        if (error->code != err_code(bad->err))
            fail_msg("%s: %s, not %s (%s)", bad->name, err_name(err_from_code(error->code)),
                     err_name(bad->err), error->text);
        sim_advance(play->sim, 1000); /* patience is rationed */
    }
    assert_int_equal(play_metric(play, METRIC_PROTOCOL_ERRORS), BAD_COUNT);
    (void)play_drop(play, client);
    ping_works(play, client);
    for (uint8_t actor = 1; actor < ACTOR_COUNT; actor++) {
        const struct msg *msg = sim_take(play->sim, actor);
        assert_true(!msg || msg->kind == MSG_SESSIONS_SEEN);
    }
    zmq_close(client);
    play_end(play);
}

static void test_bad_frames_of_strangers(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    for (size_t i = 0; i < BAD_COUNT; i++) {
        void *client = play_connect(play, NULL);
        play_say_bytes(play, client, bad_frames[i].bytes, bad_frames[i].size);
        play_hear_error(play, client, bad_frames[i].err);
        zmq_close(client);
    }
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 0);
    play_end(play);
}

static void test_no_session(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    Roost__V1__Ping ping = ROOST__V1__PING__INIT;
    play_say(play, client, ROOST__V1__TYPE__PING, &ping.base);
    (void)play_hear(play, client, ROOST__V1__TYPE__NO_SESSION);
    play_say_bytes(play, client, HEAD "\x10\x08\x01\x12\x00", 8); /* SEND */
    (void)play_hear(play, client, ROOST__V1__TYPE__NO_SESSION);
    for (int i = 0; i < 1000; i++)
        play_say(play, client, ROOST__V1__TYPE__PING, &ping.base);
    unsigned answered = play_drop(play, client);
    assert_true(answered > 3 && answered < 40); /* then silence */
    assert_true(play_metric(play, METRIC_PROTOCOL_ERRORS) >= 1000);
    (void)play_welcome(play, client, "ana", 1); /* HELLO is heard all the same */
    zmq_close(client);
    play_end(play);
}

static void test_multipart(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    for (int parts = 2; parts <= 50; parts += 16) {
        for (int i = 0; i < parts; i++)
            assert_int_equal(zmq_send(client, HEAD "\x04", 4, i + 1 < parts ? ZMQ_SNDMORE : 0), 4);
        play_read(play);
        play_hear_error(play, client, ERR_MULTIPART);
        play_hear_nothing(play, client); /* once for the whole of it */
    }
    ping_works(play, client);
    void *stranger = play_connect(play, NULL);
    assert_int_equal(zmq_send(stranger, "", 0, ZMQ_SNDMORE), 0); /* as a REQ socket would */
    assert_int_equal(zmq_send(stranger, HEAD "\x04", 4, 0), 4);
    play_read(play);
    play_hear_error(play, stranger, ERR_MULTIPART);
    zmq_close(stranger);
    zmq_close(client);
    play_end(play);
}

static void test_large_frames(void **state)
{
    (void)state;
    struct play *play = play_new();
    play->options.limits.frame_bytes_max = 128 << 10;
    play->options.limits.body_bytes_max = 64 << 10;
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    static uint8_t frame[200 << 10] = {0xb5, 0x0c, 1, ROOST__V1__TYPE__SEND};
    play_say_bytes(play, client, frame, sizeof(frame));
    play_hear_error(play, client, ERR_FRAME_TOO_LARGE);
    ping_works(play, client);
    zmq_close(client);
    play_end(play);
}

/* Random bytes behind every head, and random changes of good frames: whatever comes back is a frame
 * of ours, nothing breaks, and a decent client is still served. */
static void test_random_frames(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *good = play_connect(play, NULL);
    (void)play_welcome(play, good, "good", 1);
    void *bad = play_connect(play, NULL);
    (void)play_welcome(play, bad, "bad", 2);
    srand(1);
    for (int round = 0; round < 5000; round++) {
        uint8_t frame[64];
        size_t size = 4 + (size_t)rand() % 60;
        for (size_t i = 0; i < size; i++)
            frame[i] = (uint8_t)rand();
        memcpy(frame, HEAD, 3);
        frame[3] = (uint8_t)(rand() % 52);
        if (frame[3] == ROOST__V1__TYPE__GOODBYE)
            continue;
        play_say_bytes(play, bad, frame, size);
        for (uint8_t actor = 1; actor < ACTOR_COUNT; actor++)
            while (sim_take(play->sim, actor))
                continue;
        if (round % 100 == 0)
            (void)play_drop(play, bad);
    }
    (void)play_drop(play, good);
    ping_works(play, good);
    zmq_close(bad);
    zmq_close(good);
    play_end(play);
}

/* --- A sync-manager whose mailbox is small, on a link that can be held. */

struct mute {
    uint64_t credits;
};

static enum err mute_init(struct actor *actor, void *state, const void *args)
{
    (void)actor;
    (void)state;
    (void)args;
    return ERR_OK;
}

static enum err mute_ignore(struct actor *actor, void *state, const struct msg *msg)
{
    (void)actor;
    (void)state;
    (void)msg;
    return ERR_OK;
}

static enum err mute_credit(struct actor *actor, void *state, const struct msg *msg)
{
    struct mute *mute = state;
    (void)actor;
    mute->credits++; /* each in order, none lost */
    assert_int_equal(MSG_BODY(msg, INTERNAL(Credit))->messages_total, mute->credits);
    return ERR_OK;
}

static const struct actor_class mute_actor = {
    .name = "mute",
    .state_size = sizeof(struct mute),
    .link_room = 8,
    .init = mute_init,
    .on = {[MSG_CREDIT] = mute_credit, [MSG_SESSION_CLOSED] = mute_ignore},
};

static void test_full_mailbox_of_the_sync_manager(void **state)
{
    (void)state;
    struct play *play = play_new();
    for (uint8_t id = ACTOR_PERSISTENCE; id <= ACTOR_SYNC_MANAGER; id++)
        play->specs[id] = (struct actor_spec){&mute_actor, NULL, 0};
    play->spec_count = ACTOR_SYNC_MANAGER + 1;
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    sim_hold(play->sim, GATEWAY_ID, ACTOR_SYNC_MANAGER, true);
    Roost__V1__Credit credit = ROOST__V1__CREDIT__INIT;
    credit.handle = 1;
    zmq_msg_t frame;
    for (uint64_t total = 1; total <= 100; total++) {
        credit.messages_total = total;
        assert_int_equal(wire_pack(ROOST__V1__TYPE__CREDIT, &credit.base, &frame), ERR_OK);
        assert_true(zmq_msg_send(&frame, client, ZMQ_DONTWAIT) >= 0);
    }
    play_read(play);
    sim_advance(play->sim, 100);
    sim_hold(play->sim, GATEWAY_ID, ACTOR_SYNC_MANAGER, false);
    for (int i = 0; i < 100; i++) { /* the runtime calls while there is something to read */
        sim_advance(play->sim, 10);
        play_read(play);
    }
    assert_int_equal(((struct mute *)sim_state(play->sim, ACTOR_SYNC_MANAGER))->credits, 100);
    ping_works(play, client);
    zmq_close(client);
    play_end(play);
}

static void test_restart_keeps_the_address_and_forgets_the_rest(void **state)
{
    (void)state;
    struct play *play = play_new();
    static const char *const any_port[] = {"tcp://127.0.0.1:*"};
    play->options.listen = any_port;
    play_start(play);
    char address[ZMQ_GATEWAY_ADDRESS_MAX];
    memcpy(address, play->bound.addresses[0], sizeof(address));
    assert_non_null(strstr(address, "tcp://127.0.0.1:"));
    assert_null(strchr(address, '*'));
    assert_int_equal(sim_crash(play->sim, GATEWAY_ID), ERR_OK);
    assert_string_equal(play->bound.addresses[0], address);
    play_end(play);
}

static void test_death_is_told(void **state)
{
    (void)state;
    struct play *play = play_new();
    static const char *const any_port[] = {"tcp://127.0.0.1:*"};
    play->options.listen = any_port;
    play_start(play);
    int zero = 0;
    void *client = zmq_socket(play->context, ZMQ_DEALER);
    assert_int_equal(zmq_setsockopt(client, ZMQ_LINGER, &zero, sizeof(zero)), 0);
    assert_int_equal(zmq_connect(client, play->bound.addresses[0]), 0);
    Roost__V1__Hello hello = ROOST__V1__HELLO__INIT;
    hello.version_min = 1;
    hello.version_max = 1;
    hello.peer = play_bytes("ana");
    play_say(play, client, ROOST__V1__TYPE__HELLO, &hello.base);
    const struct msg *question = NULL;
    for (int i = 0; i < 5000 && !question; i++) { /* real TCP takes a moment */
        (void)zmq_poll(NULL, 0, 1);
        play_read(play);
        play_let_in(play);
        question = sim_take(play->sim, ACTOR_PEER_REGISTRY);
    }
    assert_non_null(question);
    uint64_t session = MSG_BODY(question, INTERNAL(SessionOpen))->session;
    assert_int_equal(sim_crash(play->sim, GATEWAY_ID), ERR_OK);
    sim_settle(play->sim);
    const struct msg *closed = play_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED);
    assert_int_equal(MSG_BODY(closed, INTERNAL(SessionClosed))->session, session);
    zmq_close(client);
    play_end(play);
}

static void test_address_in_use(void **state)
{
    (void)state;
    struct play *play = play_new();
    void *other = zmq_socket(play->context, ZMQ_ROUTER);
    assert_int_equal(zmq_bind(other, "tcp://127.0.0.1:*"), 0);
    char address[64];
    size_t size = sizeof(address);
    assert_int_equal(zmq_getsockopt(other, ZMQ_LAST_ENDPOINT, address, &size), 0);
    const char *const taken[] = {address};
    play->options.listen = taken;
    enum err err;
    assert_null(sim_new(1, play->specs, 1, message_types, MSG_COUNT, NULL, &err));
    assert_int_equal(err, ERR_ADDRESS);
    static const char *const elsewhere[] = {"inproc://elsewhere"};
    play->options.listen = elsewhere;
    play_start(play);
    zmq_close(other);
    play_end(play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_frames_in_a_session),
        cmocka_unit_test(test_bad_frames_of_strangers),
        cmocka_unit_test(test_no_session),
        cmocka_unit_test(test_multipart),
        cmocka_unit_test(test_large_frames),
        cmocka_unit_test(test_random_frames),
        cmocka_unit_test(test_full_mailbox_of_the_sync_manager),
        cmocka_unit_test(test_restart_keeps_the_address_and_forgets_the_rest),
        cmocka_unit_test(test_death_is_told),
        cmocka_unit_test(test_address_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
