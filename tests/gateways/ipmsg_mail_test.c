/* SPDX-License-Identifier: MPL-2.0
 *
 * Mail on its way to a peer of the local network, on virtual time: over restarts of the actor, and
 * over clocks that jump.
 */
#include "ipmsg_play.h"

#define PEER    42
#define ACK     ROOST__V1__OUTCOME__ACK
#define RELEASE ROOST__V1__OUTCOME__RELEASE
#define HOUR_MS 3600000

struct scene {
    struct ipmsg_play *play;
    struct neighbour *ann;
    uint64_t session;
};

static int setup(void **state)
{
    static struct scene scene;
    scene.play = ipmsg_play_new();
    ipmsg_play_start(scene.play);
    ipmsg_play_begin(scene.play, NULL, 0);
    scene.ann = neighbour_new(scene.play, 2, "ann");
    scene.session = ipmsg_enter(scene.ann, PEER, NULL, 10);
    (void)ipmsg_take_all(scene.play, ACTOR_PERSISTENCE);
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

/* How many packets of messages came, all with this number (0: any); everything is taken. */
static unsigned packets(struct scene *scene, uint32_t *number)
{
    unsigned count = 0;
    while (neighbour_hears(scene->ann)) {
        if (IPMSG_MODE(scene->ann->heard.command) != IPMSG_SENDMSG)
            continue;
        if (*number)
            assert_int_equal(scene->ann->heard.number, *number);
        *number = scene->ann->heard.number;
        count++;
    }
    return count;
}

/* The actor dies while a packet is on its way: its next life sends the same one, before it says to
 * anybody that it is there. */
static void after_a_restart_the_same_packet(void **state)
{
    struct scene *scene = *state;
    struct ipmsg_play *play = scene->play;
    INTERNAL(LanPeer) row = ROOST__INTERNAL__LAN_PEER__INIT, *rows = &row;
    char address[LAN_ADDRESS_TEXT_MAX];
    uint32_t number = 0;
    ipmsg_deliver(play, scene->session, 11, "hello");
    ipmsg_write(play, 11);
    assert_int_equal(packets(scene, &number), 1);
    (void)ipmsg_take_all(play, ACTOR_SYNC_MANAGER);
    (void)ipmsg_take_all(play, ACTOR_PEER_REGISTRY);
    (void)ipmsg_take_all(play, ACTOR_DISCOVERY);
    sim_advance(play->sim, 10);
    assert_int_equal(sim_crash(play->sim, IPMSG_ID), ERR_OK);
    sim_settle(play->sim);
    lan_address_format(neighbour_address(scene->ann), address);
    row.peer_id = PEER;
    row.name = ipmsg_bytes("lan:ann@pc");
    row.address = ipmsg_bytes(address);
    row.local = ipmsg_bytes("127.91.57.1:2425");
    row.heard_ms = sim_wall(play->sim).ms;
    row.began_ms = 1;
    row.sending_seq = 11;
    row.sending_no = number;
    row.sending_count = 1;
    ipmsg_play_begin(play, &rows, 1);
    uint64_t session = ipmsg_play_gateway(play)->last_session;
    assert_true(session != scene->session);
    ipmsg_attach(play, 10);
    ipmsg_deliver(play, session, 11, "hello");
    assert_int_equal(packets(scene, &number), 1); /* the very same */
    ipmsg_take_nothing(play, ACTOR_PERSISTENCE);
    INTERNAL(LanSay) ask = ROOST__INTERNAL__LAN_SAY__INIT;
    ask.what = ROOST__INTERNAL__LAN_SAYING__LAN_ASK;
    ask.peer = 1;
    ipmsg_post(play, ACTOR_DISCOVERY, MSG_LAN_SAY, &ask.base); /* not while it is on its way */
    neighbour_hear_nothing(scene->ann);
    char body[16];
    (void)snprintf(body, sizeof(body), "%u", number);
    neighbour_say(scene->ann, IPMSG_RECVMSG, body, 0);
    (void)ipmsg_take_settle(play, ACK);
}

/* What was held back until its sender is known is lost with the actor, and not confirmed. */
static void what_was_not_stored_was_not_confirmed(void **state)
{
    struct scene *scene = *state;
    struct ipmsg_play *play = scene->play;
    neighbour_say(scene->ann, IPMSG_SENDMSG | IPMSG_SENDCHECK, "@zed hello", 0);
    (void)ipmsg_take(play, ACTOR_PERSISTENCE, MSG_STORE);
    sim_advance(play->sim, 10);
    assert_int_equal(sim_crash(play->sim, IPMSG_ID), ERR_OK);
    sim_settle(play->sim);
    neighbour_hear_nothing(scene->ann);
    (void)ipmsg_take_all(play, ACTOR_PERSISTENCE);
    neighbour_say(scene->ann, IPMSG_SENDMSG | IPMSG_SENDCHECK, "@zed hello", scene->ann->number);
    (void)ipmsg_open(play, PEER); /* heard of again: the same way from the beginning */
}

/* Nothing was given back; extended it may be. */
static void expect_kept(struct scene *scene)
{
    const struct msg *msg;
    while ((msg = sim_take(scene->play->sim, ACTOR_SYNC_MANAGER)) != NULL) {
        assert_int_equal(msg->kind, MSG_SETTLE);
        assert_int_equal(MSG_BODY(msg, INTERNAL(Settle))->ranges[0]->outcome,
                         ROOST__V1__OUTCOME__EXTEND);
    }
}

static void a_clock_that_jumps_forward_ends_no_message(void **state)
{
    struct scene *scene = *state;
    struct ipmsg_play *play = scene->play;
    uint32_t number = 0;
    ipmsg_deliver_until(play, scene->session, 11, "hello", sim_wall(play->sim).ms + HOUR_MS / 2);
    ipmsg_write(play, 11);
    sim_wall_jump(play->sim, HOUR_MS);
    sim_advance(play->sim, 10000);
    assert_true(packets(scene, &number) >= 4);
    expect_kept(scene); /* by the other clock it has time */
    sim_wall_jump(play->sim, -HOUR_MS);
    sim_advance(play->sim, HOUR_MS / 2 - 20000);
    expect_kept(scene);
    sim_advance(play->sim, 20000); /* now it is over by both */
    (void)ipmsg_take_settle(play, RELEASE);
}

/* It is delivered although it is over by the wall clock: sync-manager has another opinion, and is not
 * asked about it all the time. */
static void a_message_over_by_one_clock_only_is_sent(void **state)
{
    struct scene *scene = *state;
    struct ipmsg_play *play = scene->play;
    uint32_t number = 0;
    ipmsg_deliver_until(play, scene->session, 11, "hello", sim_wall(play->sim).ms - HOUR_MS);
    ipmsg_write(play, 11);
    sim_advance(play->sim, 50000);
    assert_true(packets(scene, &number) >= 4);
    ipmsg_take_nothing(play, ACTOR_SYNC_MANAGER);
    sim_advance(play->sim, 40000);
    ipmsg_settled(play, scene->session, ipmsg_take_settle(play, RELEASE), false);
    (void)ipmsg_take(play, ACTOR_SYNC_MANAGER, MSG_CREDIT);
    ipmsg_deliver_until(play, scene->session, 11, "hello", sim_wall(play->sim).ms - HOUR_MS);
    assert_int_equal(packets(scene, &number), 1); /* the same packet, at once */
}

static void a_clock_that_jumps_back_keeps_them(void **state)
{
    struct scene *scene = *state;
    struct ipmsg_play *play = scene->play;
    uint32_t number = 0;
    ipmsg_deliver_until(play, scene->session, 11, "hello", sim_wall(play->sim).ms + 60000);
    ipmsg_write(play, 11);
    sim_wall_jump(play->sim, -HOUR_MS);
    sim_advance(play->sim, 10 * 60000);
    assert_true(packets(scene, &number) >= 5);
    expect_kept(scene);
}

/* Numbers of a sealed message are kept, those of others are not. */
static void sealed_ones_are_noted(void **state)
{
    struct scene *scene = *state;
    struct ipmsg_play *play = scene->play;
    uint32_t number = 0;
    ipmsg_deliver_sealed(play, scene->session, 11, "secret");
    const struct msg *question = ipmsg_take(play, ACTOR_PERSISTENCE, MSG_LAN_WRITE);
    const INTERNAL(LanWrite) *write = MSG_BODY(question, INTERNAL(LanWrite));
    assert_true(write->is_sealed && write->peer->sending_seq == 11);
    INTERNAL(LanWritten) written = ROOST__INTERNAL__LAN_WRITTEN__INIT;
    ipmsg_answer(play, question, ACTOR_PERSISTENCE, MSG_LAN_WRITTEN, &written.base);
    assert_int_equal(packets(scene, &number), 1);
    char body[16];
    (void)snprintf(body, sizeof(body), "%u", number);
    neighbour_say(scene->ann, IPMSG_READMSG, body, 0); /* and so it has it */
    (void)ipmsg_take_settle(play, ACK);
    question = ipmsg_take(play, ACTOR_HISTORY, MSG_LAN_FIND);
    assert_int_equal(MSG_BODY(question, INTERNAL(LanFind))->packet_no, number);
    INTERNAL(LanFound) found = ROOST__INTERNAL__LAN_FOUND__INIT;
    found.seq = 11;
    found.sender = ipmsg_bytes("zed");
    ipmsg_answer(play, question, ACTOR_HISTORY, MSG_LAN_FOUND, &found.base);
    const INTERNAL(Call) *call =
        MSG_BODY(ipmsg_take(play, ACTOR_PERSISTENCE, MSG_CALL), INTERNAL(Call));
    assert_int_equal(call->method, ROOST__V1__METHOD__MARK_READ);
    assert_int_equal(call->seq, 11);
    neighbour_say(scene->ann, IPMSG_READMSG, "999", 0);
    found.code = err_code(ERR_NO_SUCH_MESSAGE);
    ipmsg_answer(play, ipmsg_take(play, ACTOR_HISTORY, MSG_LAN_FIND), ACTOR_HISTORY, MSG_LAN_FOUND,
                 &found.base);
    ipmsg_take_nothing(play, ACTOR_PERSISTENCE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(after_a_restart_the_same_packet),
        TEST(what_was_not_stored_was_not_confirmed),
        TEST(a_clock_that_jumps_forward_ends_no_message),
        TEST(a_message_over_by_one_clock_only_is_sent),
        TEST(a_clock_that_jumps_back_keeps_them),
        TEST(sealed_ones_are_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
