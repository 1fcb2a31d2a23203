/* SPDX-License-Identifier: MPL-2.0
 *
 * Connections from the gateway's side: limits in number and time, its end, answers that never come.
 */
#include "lair_play.h"

static struct lair_play *play_with(uint32_t connections_max, uint32_t idle_ms)
{
    struct lair_play *play = lair_play_new();
    play->options.connections_max = connections_max;
    play->options.idle_ms = idle_ms;
    lair_play_start(play);
    return play;
}

static void a_handshake_has_its_time(void **state)
{
    (void)state;
    struct lair_play *play = play_with(100, 0);
    struct lair_client *mute = client_connect(play), *talker = client_greet(play);
    assert_int_equal(mute->size, 0);
    sim_advance(play->sim, 9000);
    client_send(mute, "WGmv9FBU", 8); /* half a line is no line */
    sim_advance(play->sim, 2001);
    assert_int_equal(u64map_count(&lair_play_gateway(play)->connections), 1);
    sim_advance(play->sim, 3600000); /* a stranger may take his time */
    client_say(talker, "hello?");
    client_hear(talker, "Invalid authentication request");
    client_end(&mute);
    client_end(&talker);
    lair_play_read(play);
    lair_play_end(play);
}

static void who_is_idle_is_closed_where_so_configured(void **state)
{
    (void)state;
    struct lair_play *play = play_with(100, 60000);
    struct lair_client *client = client_greet(play);
    sim_advance(play->sim, 50000);
    client_say(client, "hello?");
    client_hear(client, "Invalid authentication request");
    sim_advance(play->sim, 50000);
    client_hear_nothing(client);
    sim_advance(play->sim, 11001);
    client_hear_end(client);
    client_end(&client);
    lair_play_end(play);
}

static void further_connections_are_closed(void **state)
{
    (void)state;
    struct lair_play *play = play_with(1, 0);
    struct lair_client *first = client_greet(play), *second = client_connect(play);
    client_hear_end(second);
    client_end(&second);
    client_say(first, "hello?");
    client_hear(first, "Invalid authentication request");
    client_end(&first);
    lair_play_read(play);
    second = client_greet(play); /* its place is free */
    client_end(&second);
    lair_play_end(play);
}

static void its_stop_ends_connections(void **state)
{
    (void)state;
    struct lair_play *play = play_with(100, 0);
    uint64_t session;
    struct lair_client *client = client_join(play, "alice", 7, true, &session);
    struct lair_client *stranger = client_greet(play);
    assert_true(sim_stop(play->sim, LAIR_ID, 1000));
    sim_settle(play->sim);
    client_hear_end(client);
    client_hear_end(stranger);
    const INTERNAL(SessionClosed) *closed =
        MSG_BODY(lair_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED), INTERNAL(SessionClosed));
    assert_true(closed->session == session);
    client_end(&client);
    client_end(&stranger);
    lair_play_end(play);
}

static void no_answer_is_an_answer(void **state)
{
    (void)state;
    struct lair_play *play = play_with(100, 0);
    uint64_t session;
    struct lair_client *client = client_join(play, "alice", 7, true, &session);
    client_say(client, "CREATE_ROOM:tea");
    (void)lair_take(play, ACTOR_PERSISTENCE, MSG_CALL);
    client_hear_nothing(client);
    sim_advance(play->sim, LAIR_ASK_DEADLINE_MS + 1000);
    assert_non_null(strstr(client_hear_any(client), "ROOM_ERROR:Failed to create room: "));
    client_say(client, "LIST_ROOMS");
    (void)lair_take(play, ACTOR_HISTORY, MSG_QUERY);
    sim_advance(play->sim, LAIR_ASK_DEADLINE_MS + 1000);
    assert_non_null(strstr(client_hear_any(client), "ROOM_ERROR:Failed to get room list: "));
    struct lair_client *stranger = client_greet(play);
    client_say(stranger, "{\"type\":\"login\",\"username\":\"bob\",\"password\":\"x\"}");
    (void)lair_take(play, ACTOR_ACCOUNTS, MSG_LOGIN);
    sim_advance(play->sim, LAIR_ASK_DEADLINE_MS + 1000);
    assert_non_null(strstr(client_hear_any(stranger), "Authentication failed: "));
    client_end(&client);
    client_end(&stranger);
    lair_play_read(play);
    lair_play_end(play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_has_its_time),
        cmocka_unit_test(who_is_idle_is_closed_where_so_configured),
        cmocka_unit_test(further_connections_are_closed),
        cmocka_unit_test(its_stop_ends_connections),
        cmocka_unit_test(no_answer_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
