/* SPDX-License-Identifier: MPL-2.0
 *
 * Peers of the local network that come and go, and that nobody can fill the gateway's memory with.
 */
#include "ipmsg_play.h"

#define PEER 42

struct scene {
    struct ipmsg_play *play;
    struct neighbour *ann;
};

static int setup(void **state)
{
    static struct scene scene;
    scene.play = ipmsg_play_new();
    scene.play->options.peers_max = 16;
    ipmsg_play_start(scene.play);
    ipmsg_play_begin(scene.play, NULL, 0);
    scene.ann = neighbour_new(scene.play, 2, "ann");
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    neighbour_end(&scene->ann);
    ipmsg_play_end(scene->play);
    return 0;
}

/* How many goodbyes have come to the registry; everything else to it is answered or forgotten. */
static unsigned goodbyes(struct scene *scene)
{
    unsigned count = 0;
    const struct msg *msg;
    while ((msg = sim_take(scene->play->sim, ACTOR_PEER_REGISTRY)) != NULL) {
        INTERNAL(SessionOpened) opened = ROOST__INTERNAL__SESSION_OPENED__INIT;
        count += msg->kind == MSG_SESSION_CLOSED;
        if (msg->kind != MSG_SESSION_OPEN)
            continue;
        opened.session = MSG_BODY(msg, INTERNAL(SessionOpen))->session;
        opened.peer_id = PEER;
        ipmsg_answer(scene->play, msg, ACTOR_PEER_REGISTRY, MSG_SESSION_OPENED, &opened.base);
    }
    return count;
}

static void a_goodbye_is_believed_at_once(void **state)
{
    struct scene *scene = *state;
    (void)goodbyes(scene);
    neighbour_say(scene->ann, IPMSG_BR_ENTRY, "Ann", 0);
    assert_int_equal(goodbyes(scene), 0);
    neighbour_say(scene->ann, IPMSG_BR_EXIT, "", 0);
    assert_int_equal(goodbyes(scene), 1);
}

/* Coming and going all the time costs others three events at most, and one at the end. */
static void flapping_is_damped(void **state)
{
    struct scene *scene = *state;
    unsigned count = 0;
    (void)goodbyes(scene);
    for (int i = 0; i < 50; i++) {
        neighbour_say(scene->ann, IPMSG_BR_ENTRY, "Ann", 0);
        neighbour_say(scene->ann, IPMSG_BR_EXIT, "", 0);
        count += goodbyes(scene);
        sim_advance(scene->play->sim, 100);
    }
    assert_in_range(count, 1, 3);
    sim_advance(scene->play->sim, 3100); /* it was its last word */
    assert_int_equal(goodbyes(scene), 1);
    neighbour_say(scene->ann, IPMSG_BR_ENTRY, "Ann", 0);
    sim_advance(scene->play->sim, 2000);
    neighbour_say(scene->ann, IPMSG_BR_EXIT, "", 0); /* as one does */
    assert_int_equal(goodbyes(scene), 1);
}

static void whoever_says_something_after_it_stays(void **state)
{
    struct scene *scene = *state;
    (void)goodbyes(scene);
    for (int i = 0; i < 5; i++) {
        neighbour_say(scene->ann, IPMSG_BR_ENTRY, "Ann", 0);
        neighbour_say(scene->ann, IPMSG_BR_EXIT, "", 0);
    }
    neighbour_say(scene->ann, IPMSG_ANSENTRY, "Ann", 0);
    (void)goodbyes(scene);
    sim_advance(scene->play->sim, 10000);
    assert_int_equal(goodbyes(scene), 0);
}

/* Names that were only said go before somebody with whom a message was exchanged. */
static void who_was_met_stays_in_mind(void **state)
{
    struct scene *scene = *state;
    struct ipmsg_play *play = scene->play;
    uint64_t session = ipmsg_enter(scene->ann, PEER, NULL, 10);
    (void)ipmsg_take_all(play, ACTOR_PERSISTENCE);
    ipmsg_deliver(play, session, 11, "hello");
    ipmsg_write(play, 11);
    char body[16];
    (void)snprintf(body, sizeof(body), "%u", neighbour_hear(scene->ann, IPMSG_SENDMSG)->number);
    neighbour_say(scene->ann, IPMSG_RECVMSG, body, 0);
    ipmsg_settled(play, session, ipmsg_take_settle(play, ROOST__V1__OUTCOME__ACK), false);
    struct neighbour *liar = neighbour_new(play, 3, "");
    for (int i = 0; i < 200; i++) {
        (void)snprintf(liar->user, sizeof(liar->user), "liar%d", i);
        neighbour_say(liar, IPMSG_ANSENTRY, "Liar", 0);
        sim_advance(play->sim, 50);
    }
    assert_non_null(ipmsg_peer_find(ipmsg_play_gateway(play), "lan:ann@pc", 10));
    assert_non_null(ipmsg_peer_find(ipmsg_play_gateway(play), "lan:liar199@pc", 14));
    assert_null(ipmsg_peer_find(ipmsg_play_gateway(play), "lan:liar1@pc", 12));
    assert_true(u64map_count(&ipmsg_play_gateway(play)->peers) <= 16);
    (void)ipmsg_take_all(play, ACTOR_PEER_REGISTRY);
    (void)ipmsg_take_all(play, ACTOR_DISCOVERY);
    neighbour_end(&liar);
}

/* So many new names a second of all hosts together; who is known is not counted. */
static void new_names_are_limited(void **state)
{
    struct scene *scene = *state;
    struct ipmsg_play *play = scene->play;
    neighbour_say(scene->ann, IPMSG_ANSENTRY, "Ann", 0);
    struct neighbour *liars[8];
    unsigned made = 0;
    for (int n = 0; n < 8; n++)
        liars[n] = neighbour_new(play, (uint8_t)(10 + n), "");
    for (int i = 0; i < 2400; i++) {
        struct neighbour *liar = liars[i % 8];
        uint64_t before = ipmsg_play_gateway(play)->last_id;
        (void)snprintf(liar->user, sizeof(liar->user), "liar%d", i);
        neighbour_say(liar, IPMSG_ANSENTRY, "Liar", 0);
        made += ipmsg_play_gateway(play)->last_id != before;
        if (i % 100 == 0) {
            (void)ipmsg_take_all(play, ACTOR_PEER_REGISTRY);
            (void)ipmsg_take_all(play, ACTOR_DISCOVERY);
        }
    }
    assert_in_range(made, 1900, 2200);
    for (int n = 0; n < 8; n++)
        neighbour_end(&liars[n]);
    (void)ipmsg_take_all(play, ACTOR_PEER_REGISTRY);
    (void)ipmsg_take_all(play, ACTOR_DISCOVERY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_goodbye_is_believed_at_once),
        TEST(flapping_is_damped),
        TEST(whoever_says_something_after_it_stays),
        TEST(who_was_met_stays_in_mind),
        TEST(new_names_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
