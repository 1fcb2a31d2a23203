/* SPDX-License-Identifier: MPL-2.0
 *
 * What is said to clients: how often they are refused, and what happens to those who do not read.
 */
#include "play.h"

static void test_errors_of_a_session_are_rationed(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    for (int i = 0; i < 1000; i++)
        play_say_bytes(play, client, "garbage", 7);
    unsigned answered = play_drop(play, client);
    assert_true(answered > 3 && answered < 40);
    Roost__V1__Ping ping = ROOST__V1__PING__INIT;
    ping.echo = play_bytes("still there?");
    play_say(play, client, ROOST__V1__TYPE__PING, &ping.base);
    const Roost__V1__Pong *pong = play_hear(play, client, ROOST__V1__TYPE__PONG).pong;
    assert_memory_equal(pong->echo.data, "still there?", 12);
    zmq_close(client);
    play_end(play);
}

static void test_buffer_full_closes(void **state)
{
    (void)state;
    struct play *play = play_new();
    play->options.send_frames_max = 20;
    play_start(play);
    struct scene scene = {.play = play, .client = play_connect(play, NULL)};
    int one = 1;
    assert_int_equal(zmq_setsockopt(scene.client, ZMQ_RCVHWM, &one, sizeof(one)), 0);
    scene.session = play_welcome(play, scene.client, "ana", 1);
    void *other = play_connect(play, NULL);
    uint64_t other_session = play_welcome(play, other, "bob", 2);
    for (int i = 0; i < 2000 && play_metric(play, METRIC_SESSIONS) == 2; i++)
        scene_post_frame(&scene, scene.session, 10);
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 1);
    play_take_closed(play, scene.session, err_code(ERR_BUSY));
    scene_post_frame(&scene, other_session, 10); /* the others do not notice */
    assert_int_equal(play_drop(play, other), 1);
    zmq_close(other);
    scene_end(&scene);
}

static void test_who_does_not_read_is_closed(void **state)
{
    (void)state;
    struct play *play = play_new();
    play->options.unread_bytes_max = 8 << 20;
    play->options.heartbeat_ms = 3600000;
    play_start(play);
    struct scene scene = {.play = play, .client = play_connect(play, NULL)};
    scene.session = play_welcome(play, scene.client, "ana", 1);
    /* One that answers PING gets as much as it likes. */
    for (int i = 0; i < 100; i++) {
        scene_post_frame(&scene, scene.session, 1 << 20);
        char echo[64];
        zmq_msg_t frame;
        assert_int_equal(zmq_msg_init(&frame), 0);
        while (zmq_msg_recv(&frame, scene.client, ZMQ_DONTWAIT) >= 0) {
            size_t size = zmq_msg_size(&frame);
            if (size > 100)
                continue;
            struct wire_message message;
            arena_reset(&play->arena);
            assert_int_equal(wire_parse(&play->reader, zmq_msg_data(&frame), size, &message),
                             ERR_OK);
            assert_int_equal(message.type, ROOST__V1__TYPE__PING);
            Roost__V1__Pong pong = ROOST__V1__PONG__INIT;
            pong.echo.len = message.ping->echo.len;
            pong.echo.data = (uint8_t *)echo;
            memcpy(echo, message.ping->echo.data, pong.echo.len);
            play_say(play, scene.client, ROOST__V1__TYPE__PONG, &pong.base);
        }
    }
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 1);
    /* One that does not, or guesses, does not. */
    Roost__V1__Pong pong = ROOST__V1__PONG__INIT;
    pong.echo = play_bytes("12345678");
    for (int i = 0; i < 20 && play_metric(play, METRIC_SESSIONS) == 1; i++) {
        scene_post_frame(&scene, scene.session, 1 << 20);
        play_say(play, scene.client, ROOST__V1__TYPE__PONG, &pong.base);
    }
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 0);
    play_take_closed(play, scene.session, err_code(ERR_TOO_MANY));
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_of_a_session_are_rationed),
        cmocka_unit_test(test_buffer_full_closes),
        cmocka_unit_test(test_who_does_not_read_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
