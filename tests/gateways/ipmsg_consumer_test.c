/* SPDX-License-Identifier: MPL-2.0
 *
 * The row of a peer speaks of the next message only when the one before is settled on disk: whatever
 * dies in between, a message that comes again has the number it had.
 */
#include "ipmsg_play.h"

#define ACK    ROOST__V1__OUTCOME__ACK
#define EXTEND ROOST__V1__OUTCOME__EXTEND
#define PEER   42

struct scene {
    struct ipmsg_play *play;
    struct neighbour *ann;
    uint64_t session;
};

/* ann is there, and has settled everything up to 10. */
static int setup(void **state)
{
    static struct scene scene;
    scene.play = ipmsg_play_new();
    ipmsg_play_start(scene.play);
    ipmsg_play_begin(scene.play, NULL, 0);
    scene.ann = neighbour_new(scene.play, 2, "ann");
    scene.session = ipmsg_enter(scene.ann, PEER, NULL, 10);
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

/* The packet of this message arrives; gives its number. */
static uint32_t hear(struct scene *scene, const char *text)
{
    char body[256];
    uint32_t number = neighbour_hear(scene->ann, IPMSG_SENDMSG)->number;
    assert_string_equal(neighbour_body(scene->ann, body, sizeof(body)), text);
    return number;
}

static void confirm(struct scene *scene, uint32_t number)
{
    char body[16];
    (void)snprintf(body, sizeof(body), "%u", number);
    neighbour_say(scene->ann, IPMSG_RECVMSG, body, 0);
}

/* One message, delivered and confirmed; gives the confirm_id of its settle. */
static uint64_t show(struct scene *scene, uint64_t seq)
{
    ipmsg_deliver(scene->play, scene->session, seq, "hello");
    ipmsg_write(scene->play, seq);
    confirm(scene, hear(scene, "zed: hello"));
    return ipmsg_take_settle(scene->play, ACK);
}

static void take_credit(struct scene *scene, uint64_t total)
{
    const struct msg *msg = ipmsg_take(scene->play, ACTOR_SYNC_MANAGER, MSG_CREDIT);
    assert_int_equal(MSG_BODY(msg, INTERNAL(Credit))->messages_total, total);
}

static void the_next_one_comes_when_the_last_is_settled(void **state)
{
    struct scene *scene = *state;
    for (uint64_t round = 0; round < 3; round++) {
        uint64_t confirm_id = show(scene, 11 + round);
        assert_true(confirm_id != 0);
        ipmsg_take_nothing(scene->play, ACTOR_SYNC_MANAGER);
        ipmsg_settled(scene->play, scene->session, confirm_id - 1, false); /* of another one */
        ipmsg_take_nothing(scene->play, ACTOR_SYNC_MANAGER);
        ipmsg_settled(scene->play, scene->session, confirm_id, false);
        take_credit(scene, round + 2);
        ipmsg_take_nothing(scene->play, ACTOR_SYNC_MANAGER);
    }
}

static void a_settle_is_said_again_until_it_is_answered(void **state)
{
    struct scene *scene = *state;
    uint64_t confirm_id = show(scene, 11);
    sim_advance(scene->play->sim, IPMSG_ASK_MS - 2000);
    ipmsg_take_nothing(scene->play, ACTOR_SYNC_MANAGER);
    sim_advance(scene->play->sim, 3100);
    assert_int_equal(ipmsg_take_settle(scene->play, ACK), confirm_id);
    ipmsg_settled(scene->play, scene->session, confirm_id, false);
    take_credit(scene, 2);
    ipmsg_settled(scene->play, scene->session, confirm_id, false); /* the answer to the first */
    ipmsg_take_nothing(scene->play, ACTOR_SYNC_MANAGER);
}

/* What was stale is delivered again, under its number. */
static void a_stale_one_keeps_its_number(void **state)
{
    struct scene *scene = *state;
    ipmsg_deliver(scene->play, scene->session, 11, "hello");
    ipmsg_write(scene->play, 11);
    uint32_t number = hear(scene, "zed: hello");
    confirm(scene, number);
    ipmsg_settled(scene->play, scene->session, ipmsg_take_settle(scene->play, ACK), true);
    take_credit(scene, 2);
    ipmsg_deliver(scene->play, scene->session, 11, "hello");
    assert_int_equal(hear(scene, "zed: hello"), number);
}

/* It left and came back before its settle was on disk. */
static void a_new_session_asks_before_it_uses_the_row(void **state)
{
    struct scene *scene = *state;
    (void)show(scene, 11);
    neighbour_say(scene->ann, IPMSG_BR_EXIT, "", 0);
    (void)ipmsg_take_all(scene->play, ACTOR_SYNC_MANAGER);
    (void)ipmsg_take_all(scene->play, ACTOR_PEER_REGISTRY);
    sim_advance(scene->play->sim, 2000);
    scene->session = ipmsg_enter(scene->ann, PEER, NULL, 11);
    (void)ipmsg_take_all(scene->play, ACTOR_PERSISTENCE);
    ipmsg_deliver(scene->play, scene->session, 12, "next");
    uint64_t confirm_id = ipmsg_take_settle(scene->play, EXTEND);
    ipmsg_take_nothing(scene->play, ACTOR_PERSISTENCE);
    neighbour_hear_nothing(scene->ann);
    ipmsg_settled(scene->play, scene->session, confirm_id, false);
    ipmsg_write(scene->play, 12);
    (void)hear(scene, "zed: next");
}

static void the_same_message_needs_no_question(void **state)
{
    struct scene *scene = *state;
    ipmsg_deliver(scene->play, scene->session, 11, "hello");
    ipmsg_write(scene->play, 11);
    uint32_t number = hear(scene, "zed: hello");
    neighbour_say(scene->ann, IPMSG_BR_EXIT, "", 0);
    (void)ipmsg_take_all(scene->play, ACTOR_SYNC_MANAGER);
    (void)ipmsg_take_all(scene->play, ACTOR_PEER_REGISTRY);
    sim_advance(scene->play->sim, 2000);
    scene->session = ipmsg_enter(scene->ann, PEER, NULL, 10);
    (void)ipmsg_take_all(scene->play, ACTOR_PERSISTENCE);
    ipmsg_deliver(scene->play, scene->session, 11, "hello");
    ipmsg_take_nothing(scene->play, ACTOR_SYNC_MANAGER);
    ipmsg_take_nothing(scene->play, ACTOR_PERSISTENCE);
    assert_int_equal(hear(scene, "zed: hello"), number);
}

/* The lease in hand is over, as after a long pause of the machine: everything from the beginning. */
static void a_question_about_a_lease_that_is_over_ends_it(void **state)
{
    struct scene *scene = *state;
    ipmsg_settled(scene->play, scene->session, show(scene, 11), false);
    take_credit(scene, 2);
    neighbour_say(scene->ann, IPMSG_BR_EXIT, "", 0);
    (void)ipmsg_take_all(scene->play, ACTOR_SYNC_MANAGER);
    (void)ipmsg_take_all(scene->play, ACTOR_PEER_REGISTRY);
    sim_advance(scene->play->sim, 2000);
    scene->session = ipmsg_enter(scene->ann, PEER, NULL, 11);
    (void)ipmsg_take_all(scene->play, ACTOR_PERSISTENCE);
    ipmsg_deliver(scene->play, scene->session, 12, "next");
    ipmsg_settled(scene->play, scene->session, ipmsg_take_settle(scene->play, EXTEND), true);
    ipmsg_take_nothing(scene->play, ACTOR_PERSISTENCE);
    neighbour_hear_nothing(scene->ann);
    sim_advance(scene->play->sim, 3000);
    ipmsg_attach(scene->play, 11);
    ipmsg_deliver(scene->play, scene->session, 12, "next");
    ipmsg_settled(scene->play, scene->session, ipmsg_take_settle(scene->play, EXTEND), false);
    ipmsg_write(scene->play, 12);
    (void)hear(scene, "zed: next");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_next_one_comes_when_the_last_is_settled, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_settle_is_said_again_until_it_is_answered, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_stale_one_keeps_its_number, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_session_asks_before_it_uses_the_row, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_message_needs_no_question, setup, teardown),
        cmocka_unit_test_setup_teardown(a_question_about_a_lease_that_is_over_ends_it, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
