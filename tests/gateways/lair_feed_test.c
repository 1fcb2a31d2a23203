/* SPDX-License-Identifier: MPL-2.0
 *
 * Rooms on the wire: one consumer for all who are in it, and who hears what.
 */
#include "lair_play.h"

struct scene {
    struct lair_play *play;
    struct lair_client *alice, *bob;
    uint64_t sessions[2], lobby;
};

/* alice and bob in the Lobby. */
static struct scene begin(void)
{
    struct scene scene = {.play = lair_play_new()};
    lair_play_start(scene.play);
    scene.alice = client_join(scene.play, "alice", 7, true, &scene.sessions[0]);
    scene.bob = client_join(scene.play, "bob", 8, false, &scene.sessions[1]);
    (void)client_hear_any(scene.alice); /* USER_LIST */
    client_hear(scene.alice, "ROOM_STATUS:Lobby,bob");
    struct u64map_cursor cursor = {0};
    struct tcp_gateway *gateway = lair_play_gateway(scene.play);
    assert_true(u64map_next(&gateway->feeds_by_session, &cursor));
    scene.lobby = cursor.key;
    return scene;
}

static void end(struct scene *scene)
{
    client_end(&scene->alice);
    client_end(&scene->bob);
    lair_play_read(scene->play);
    assert_int_equal(u64map_count(&lair_play_gateway(scene->play)->feeds_by_session), 0);
    lair_play_end(scene->play);
}

static Roost__V1__Delivery make_message(const char *sender, const char *body)
{
    Roost__V1__Delivery message = ROOST__V1__DELIVERY__INIT;
    message.sender = lair_bytes(sender);
    message.body = lair_bytes(body);
    return message;
}

static void chat_is_not_echoed(void **state)
{
    (void)state;
    struct scene scene = begin();
    uint8_t id[UUID_BYTES];
    client_say(scene.alice, "hello: everyone");
    lair_answer_store(scene.play, 0, id);
    client_hear_nothing(scene.alice);
    Roost__V1__Delivery message = make_message("alice", "hello: everyone");
    message.message_id = bytes_of(id, UUID_BYTES);
    lair_deliver(scene.play, scene.lobby, 1, &message);
    client_hear(scene.bob, "alice: hello: everyone");
    client_hear_nothing(scene.alice);
    lair_take_settle(scene.play, scene.lobby, 1, 1);
    end(&scene);
}

/* The same user over another gateway is somebody else as far as lines go. */
static void chat_from_elsewhere_reaches_all(void **state)
{
    (void)state;
    struct scene scene = begin();
    Roost__V1__Delivery message = make_message("alice", "from my other client");
    lair_deliver(scene.play, scene.lobby, 1, &message);
    client_hear(scene.alice, "alice: from my other client");
    client_hear(scene.bob, "alice: from my other client");
    end(&scene);
}

static void each_kind_has_its_line(void **state)
{
    (void)state;
    struct scene scene = begin();
    uint8_t parent[UUID_BYTES] = {0x0b, 0x9e, [6] = 0x70, [8] = 0x80, [15] = 1};
    Roost__V1__Delivery message = make_message("zed", "text");
    message.parent_id = bytes_of(parent, UUID_BYTES);
    lair_deliver(scene.play, scene.lobby, 1, &message);
    client_hear(scene.bob, "REPLY:zed:0b9e0000-0000-7000-8000-000000000001:text");
    message.kind = ROOST__V1__KIND__EDIT;
    lair_deliver(scene.play, scene.lobby, 2, &message);
    client_hear(scene.bob, "MESSAGE_EDITED:zed:0b9e0000-0000-7000-8000-000000000001:text");
    message.kind = ROOST__V1__KIND__DELETE;
    lair_deliver(scene.play, scene.lobby, 3, &message);
    message.kind = ROOST__V1__KIND__REACTION;
    lair_deliver(scene.play, scene.lobby, 4, &message);
    client_hear_nothing(scene.bob);
    message = make_message("zed", "a\xff"
                                  "b");
    lair_deliver(scene.play, scene.lobby, 5, &message);
    client_hear(scene.bob, "zed: a\xef\xbf\xbd"
                           "b");
    for (uint64_t no = 1; no <= 5; no++)
        lair_take_settle(scene.play, scene.lobby, no, no);
    end(&scene);
}

static void credit_goes_on(void **state)
{
    (void)state;
    struct scene scene = begin();
    Roost__V1__Delivery message = make_message("zed", "x");
    uint64_t granted = 4096, settled = 0;
    for (uint64_t no = 1; no <= 5000; no++) {
        const struct msg *msg;
        assert_true(no <= granted);
        lair_deliver(scene.play, scene.lobby, no, &message);
        client_hear(scene.alice, "zed: x");
        client_hear(scene.bob, "zed: x");
        while ((msg = sim_take(scene.play->sim, ACTOR_SYNC_MANAGER)) != NULL) {
            if (msg->kind == MSG_CREDIT)
                granted = MSG_BODY(msg, INTERNAL(Credit))->messages_total;
            else
                settled = MSG_BODY(msg, INTERNAL(Settle))->ranges[0]->last_delivery_no;
        }
        assert_int_equal(settled, no);
    }
    end(&scene);
}

static void a_room_is_entered_when_its_messages_come(void **state)
{
    (void)state;
    struct scene scene = begin();
    INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
    done.scope_name = lair_bytes("Tea");
    client_say(scene.alice, "JOIN_ROOM:tea");
    lair_answer_call(scene.play, ROOST__V1__METHOD__ROOM_JOIN, &done);
    client_hear_nothing(scene.alice);
    uint64_t tea = lair_attach(scene.play, PREFIX_ROOM, "Tea", ERR_OK);
    client_hear(scene.alice, "ROOM_JOINED:Tea");
    client_hear(scene.alice, "CURRENT_ROOM:Tea");
    client_hear(scene.alice, "ROOM_STATUS:Tea,alice");
    client_hear(scene.bob, "ROOM_STATUS:Tea,alice");
    client_say(scene.bob, "JOIN_ROOM:TEA"); /* it is there: not asked for again */
    lair_answer_call(scene.play, ROOST__V1__METHOD__ROOM_JOIN, &done);
    client_hear(scene.bob, "ROOM_JOINED:Tea");
    const INTERNAL(SessionClosed) *closed = MSG_BODY(
        lair_take(scene.play, ACTOR_SYNC_MANAGER, MSG_SESSION_CLOSED), INTERNAL(SessionClosed));
    assert_true(closed->session == scene.lobby); /* nobody is left in it */
    Roost__V1__Delivery message = make_message("zed", "in tea");
    lair_deliver(scene.play, tea, 1, &message);
    client_hear(scene.bob, "CURRENT_ROOM:Tea");
    client_hear(scene.bob, "ROOM_STATUS:Tea,bob");
    client_hear(scene.bob, "zed: in tea");
    client_hear(scene.alice, "ROOM_STATUS:Tea,bob");
    client_hear(scene.alice, "zed: in tea");
    end(&scene);
}

static void what_is_refused_is_asked_for_again(void **state)
{
    (void)state;
    struct scene scene = begin();
    INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
    done.scope_name = lair_bytes("tea");
    client_say(scene.alice, "JOIN_ROOM:tea");
    lair_answer_call(scene.play, ROOST__V1__METHOD__ROOM_JOIN, &done);
    uint64_t refused = lair_attach(scene.play, PREFIX_ROOM, "tea", ERR_BUSY);
    client_hear(scene.alice, "ROOM_JOINED:tea");
    client_hear(scene.alice, "CURRENT_ROOM:tea");
    client_hear(scene.alice, "ROOM_STATUS:tea,alice");
    client_hear(scene.bob, "ROOM_STATUS:tea,alice");
    sim_advance(scene.play->sim, 1000);
    (void)lair_take(scene.play, ACTOR_SYNC_MANAGER, MSG_SESSION_CLOSED);
    uint64_t tea = lair_attach(scene.play, PREFIX_ROOM, "tea", ERR_OK);
    assert_true(tea != refused);
    Roost__V1__Delivery message = make_message("zed", "late");
    lair_deliver(scene.play, tea, 1, &message);
    client_hear(scene.alice, "zed: late");
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chat_is_not_echoed),
        cmocka_unit_test(chat_from_elsewhere_reaches_all),
        cmocka_unit_test(each_kind_has_its_line),
        cmocka_unit_test(credit_goes_on),
        cmocka_unit_test(a_room_is_entered_when_its_messages_come),
        cmocka_unit_test(what_is_refused_is_asked_for_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
