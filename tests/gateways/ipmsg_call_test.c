/* SPDX-License-Identifier: MPL-2.0
 *
 * Calling on addresses: who is asked, who is left alone, and what is the answer.
 */
#include "ipmsg_play.h"

#define HEARD(what) ROOST__INTERNAL__LAN_HEARING__LAN_##what

struct scene {
    struct ipmsg_play *play;
    struct neighbour *ann;
};

static int setup(void **state)
{
    static struct scene scene;
    scene.play = ipmsg_play_new();
    ipmsg_play_start(scene.play);
    ipmsg_play_begin(scene.play, NULL, 0);
    scene.ann = neighbour_new(scene.play, 2, "ann");
    (void)ipmsg_take_all(scene.play, ACTOR_DISCOVERY);
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

static void call_on(struct scene *scene, struct lan_address address, uint64_t tag,
                    bool is_near_only)
{
    INTERNAL(LanSay) say = ROOST__INTERNAL__LAN_SAY__INIT;
    say.what = ROOST__INTERNAL__LAN_SAYING__LAN_CALL_ON;
    say.peer = tag;
    say.ip = address.ip;
    say.port = address.port;
    say.is_near_only = is_near_only;
    ipmsg_post(scene->play, ACTOR_DISCOVERY, MSG_LAN_SAY, &say.base);
}

/* Discovery hears this of the tag. 0: nothing of any. */
static void expect_heard(struct scene *scene, INTERNAL(LanHearing) what, uint64_t tag)
{
    const struct msg *msg;
    uint64_t found = 0;
    while ((msg = sim_take(scene->play->sim, ACTOR_DISCOVERY)) != NULL) {
        const INTERNAL(LanHeard) *heard = MSG_BODY(msg, INTERNAL(LanHeard));
        if (heard->what == what) {
            assert_int_equal(found, 0);
            found = heard->peer;
        }
    }
    assert_int_equal(found, tag);
}

static void the_first_thing_said_is_the_answer(void **state)
{
    struct scene *scene = *state;
    call_on(scene, neighbour_address(scene->ann), 77, true);
    (void)neighbour_hear(scene->ann, IPMSG_BR_ENTRY);
    expect_heard(scene, HEARD(ANSWERED), 0);
    neighbour_say(scene->ann, 0xfe, "what?", 0); /* no command, but somebody is there */
    expect_heard(scene, HEARD(ANSWERED), 77);
    neighbour_say(scene->ann, IPMSG_ANSENTRY, "Ann", 0);
    expect_heard(scene, HEARD(ANSWERED), 0);
}

static void a_goodbye_is_no_answer(void **state)
{
    struct scene *scene = *state;
    call_on(scene, neighbour_address(scene->ann), 78, true);
    neighbour_say(scene->ann, IPMSG_BR_EXIT, "", 0);
    expect_heard(scene, HEARD(ANSWERED), 0);
}

/* Listening on the usual port, answering from another one. */
static void an_answer_from_another_port(void **state)
{
    struct scene *scene = *state;
    struct lan_address usual = neighbour_address(scene->ann);
    usual.port = LAN_PORT;
    call_on(scene, usual, 79, true);
    neighbour_say(scene->ann, IPMSG_ANSENTRY, "Ann", 0);
    expect_heard(scene, HEARD(ANSWERED), 79);
}

static void who_cannot_be_asked(void **state)
{
    struct scene *scene = *state;
    struct neighbour *nobody = neighbour_new(scene->play, 1, "nobody"); /* our own address */
    struct lan_address far = {.ip = 0xc6336401u, .port = LAN_PORT};     /* 198.51.100.1 */
    struct lan_path own;
    assert_true(lan_net_path_to(ipmsg_play_gateway(scene->play)->net, far, &own));
    call_on(scene, own.local, 80, false);
    expect_heard(scene, HEARD(UNASKED), 80);
    call_on(scene, far, 81, true);
    expect_heard(scene, HEARD(UNASKED), 81);
    neighbour_end(&nobody);
}

static void who_was_just_heard_has_answered(void **state)
{
    struct scene *scene = *state;
    neighbour_say(scene->ann, IPMSG_ANSENTRY, "Ann", 0);
    call_on(scene, neighbour_address(scene->ann), 85, true);
    expect_heard(scene, HEARD(ANSWERED), 85);
    neighbour_hear_nothing(scene->ann);
    sim_advance(scene->play->sim, 1000);
    call_on(scene, neighbour_address(scene->ann), 86, true);
    (void)neighbour_hear(scene->ann, IPMSG_BR_ENTRY);
}

/* A packet is on its way to it: an entry of ours would make it forget that it saw it. */
static void who_has_mail_is_left_alone(void **state)
{
    struct scene *scene = *state;
    uint64_t session = ipmsg_enter(scene->ann, 42, NULL, 10);
    ipmsg_deliver(scene->play, session, 11, "hello");
    ipmsg_write(scene->play, 11);
    (void)neighbour_hear(scene->ann, IPMSG_SENDMSG);
    sim_advance(scene->play->sim, 1000);
    (void)neighbour_hear(scene->ann, IPMSG_SENDMSG); /* again */
    call_on(scene, neighbour_address(scene->ann), 82, false);
    expect_heard(scene, HEARD(UNASKED), 82);
    char number[16];
    (void)snprintf(number, sizeof(number), "%u", scene->ann->heard.number);
    neighbour_say(scene->ann, IPMSG_RECVMSG, number, 0);
    uint64_t confirm_id = ipmsg_take_settle(scene->play, ROOST__V1__OUTCOME__ACK);
    sim_advance(scene->play->sim, 1000);
    call_on(scene, neighbour_address(scene->ann), 83, false); /* it may come again yet */
    expect_heard(scene, HEARD(UNASKED), 83);
    ipmsg_settled(scene->play, session, confirm_id, false);
    neighbour_hear_nothing(scene->ann);
    sim_advance(scene->play->sim, 1000);
    call_on(scene, neighbour_address(scene->ann), 84, false);
    (void)neighbour_hear(scene->ann, IPMSG_BR_ENTRY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_thing_said_is_the_answer), TEST(a_goodbye_is_no_answer),
        TEST(an_answer_from_another_port),        TEST(who_cannot_be_asked),
        TEST(who_was_just_heard_has_answered),    TEST(who_has_mail_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
