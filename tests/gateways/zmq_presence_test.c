/* SPDX-License-Identifier: MPL-2.0
 *
 * Who subscribed is told, in order and together; who did not is not.
 */
#include "play.h"

static void post_presence(struct play *play, const char *peer, int64_t event_id)
{
    INTERNAL(PresenceChanged) body = ROOST__INTERNAL__PRESENCE_CHANGED__INIT;
    body.peer_name = play_bytes(peer);
    body.display_name = play_bytes("Somebody");
    body.reason = play_bytes("hello");
    body.is_online = true;
    body.event_id = event_id;
    body.at_ms = 1234;
    assert_int_equal(sim_post(play->sim, ACTOR_PEER_REGISTRY, GATEWAY_ID, MSG_PRESENCE_CHANGED,
                              &body.base, NULL, 0, false),
                     ERR_OK);
}

static void subscribe(struct play *play, void *client, bool wants)
{
    Roost__V1__Presence presence = ROOST__V1__PRESENCE__INIT;
    presence.request_id = 9;
    presence.subscribe = wants;
    play_say(play, client, ROOST__V1__TYPE__PRESENCE, &presence.base);
    const Roost__V1__Fin *fin = play_hear(play, client, ROOST__V1__TYPE__FIN).fin;
    assert_int_equal(fin->request_id, 9);
    assert_int_equal(fin->code, 0);
}

static void test_presence(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    struct play *play = scene.play;
    void *other = play_connect(play, NULL);
    (void)play_welcome(play, other, "bob", 2);
    subscribe(play, scene.client, true);
    for (int64_t i = 1; i <= 700; i++) /* more than one frame holds */
        post_presence(play, "carl", i);
    sim_settle(play->sim);
    int64_t seen = 0;
    while (seen < 700) {
        const Roost__V1__Presence *presence =
            play_hear(play, scene.client, ROOST__V1__TYPE__PRESENCE).presence;
        assert_true(presence->n_events > 0);
        for (size_t i = 0; i < presence->n_events; i++)
            assert_int_equal(presence->events[i]->event_id, ++seen);
        assert_memory_equal(presence->events[0]->peer.data, "carl", 4);
        assert_memory_equal(presence->events[0]->reason.data, "hello", 5);
        assert_int_equal(presence->events[0]->time_ms, 1234);
        assert_true(presence->events[0]->is_online);
    }
    play_hear_nothing(play, other);
    subscribe(play, scene.client, false);
    post_presence(play, "carl", 1);
    sim_settle(play->sim);
    play_hear_nothing(play, scene.client);
    zmq_close(other);
    scene_end(&scene);
}

static void test_subscription_ends_with_the_session(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    struct play *play = scene.play;
    subscribe(play, scene.client, true);
    (void)play_welcome(play, scene.client, "ana", 42); /* HELLO again: everything begins anew */
    post_presence(play, "carl", 1);
    sim_settle(play->sim);
    play_hear_nothing(play, scene.client);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presence),
        cmocka_unit_test(test_subscription_ends_with_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
