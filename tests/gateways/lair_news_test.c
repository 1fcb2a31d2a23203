/* SPDX-License-Identifier: MPL-2.0
 *
 * What everybody is told: in order, also when they are too many for one turn, and lists of users not
 * more often than they can be afforded.
 */
#include "lair_play.h"

#include <stdio.h>
#include <stdlib.h>

#define CROWD 150 /* more than are told in one turn */

/* The next line that is no list of users. */
static const char *hear_no_list(struct lair_client *client)
{
    const char *text = client_hear_any(client);
    while (strncmp(text, "USER_LIST:", 10) == 0)
        text = client_hear_any(client);
    return text;
}

static void a_crowd_is_told_in_order(void **state)
{
    struct lair_play *play = lair_play_new();
    struct lair_client *clients[CROWD];
    uint64_t session;
    char text[64];
    (void)state;
    play->options.connections_max = CROWD;
    lair_play_start(play);
    for (int i = 0; i < CROWD; i++) {
        (void)snprintf(text, sizeof(text), "u%d", i);
        clients[i] = client_join(play, text, 10 + i, i == 0, &session);
    }
    sim_advance(play->sim, 1000);
    for (int i = 0; i < CROWD; i++) {
        for (int later = i + 1; later < CROWD; later++) {
            (void)snprintf(text, sizeof(text), "ROOM_STATUS:Lobby,u%d", later);
            assert_string_equal(hear_no_list(clients[i]), text);
        }
    }
    for (int i = 0; i < CROWD; i++)
        client_end(&clients[i]);
    lair_play_read(play);
    lair_play_end(play);
}

static void lists_wait_and_become_one(void **state)
{
    struct lair_play *play = lair_play_new();
    struct lair_client *alice, *bob, *carol;
    uint64_t session;
    (void)state;
    lair_play_start(play);
    alice = client_join(play, "alice", 7, true, &session);
    struct tcp_gateway *gateway = lair_play_gateway(play);
    gateway->list_due = mono_add_ms(actor_mono(gateway->actor), 1000); /* the last was long */
    bob = client_join(play, "bob", 8, false, &session);
    carol = client_join(play, "carol", 9, false, &session);
    client_hear(alice, "ROOM_STATUS:Lobby,bob");
    client_hear(alice, "ROOM_STATUS:Lobby,carol");
    client_hear(bob, "ROOM_STATUS:Lobby,carol");
    client_hear_nothing(alice);
    sim_advance(play->sim, 1100);
    const char *list = client_hear_any(alice);
    assert_non_null(strstr(list, "bob"));
    assert_non_null(strstr(list, "carol"));
    assert_non_null(strstr(client_hear_any(bob), "carol"));
    client_hear_nothing(alice);
    client_hear_nothing(bob);
    client_hear_nothing(carol); /* nobody is told of his own login */
    client_end(&bob);
    lair_play_read(play);
    client_end(&carol);
    lair_play_read(play);
    client_end(&alice);
    lair_play_read(play);
    lair_play_end(play);
}

static void news_come_before_an_answer_that_is_later(void **state)
{
    struct lair_play *play = lair_play_new();
    struct lair_client *alice, *bob;
    uint64_t session;
    (void)state;
    lair_play_start(play);
    alice = client_join(play, "alice", 7, true, &session);
    bob = client_join(play, "bob", 8, false, &session);
    client_say(alice, "REQUEST_USER_LIST");
    assert_non_null(strstr(client_hear_any(alice), "USER_LIST:")); /* of bob's login */
    client_hear(alice, "ROOM_STATUS:Lobby,bob");
    assert_non_null(strstr(client_hear_any(alice), "USER_LIST:"));
    client_hear_nothing(alice);
    client_end(&bob);
    lair_play_read(play);
    client_hear(alice, "USER_LIST:alice");
    client_end(&alice);
    lair_play_read(play);
    lair_play_end(play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crowd_is_told_in_order),
        cmocka_unit_test(lists_wait_and_become_one),
        cmocka_unit_test(news_come_before_an_answer_that_is_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
