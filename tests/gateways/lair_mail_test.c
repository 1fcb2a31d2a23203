/* SPDX-License-Identifier: MPL-2.0
 *
 * When a line of mail counts as delivered, and when it comes again.
 */
#include "lair_play.h"

struct scene {
    struct lair_play *play;
    struct lair_client *client;
    uint64_t session;
};

static struct scene begin(void)
{
    struct scene scene = {.play = lair_play_new()};
    lair_play_start(scene.play);
    scene.client = client_join(scene.play, "alice", 7, true, &scene.session);
    return scene;
}

static void end(struct scene *scene)
{
    if (scene->client) {
        client_end(&scene->client);
        lair_play_read(scene->play);
    }
    lair_play_end(scene->play);
}

static void post_mail(struct scene *scene, uint64_t no, const char *text, bool is_again)
{
    Roost__V1__Delivery message = ROOST__V1__DELIVERY__INIT;
    message.sender = lair_bytes("bob");
    message.body = lair_bytes(text);
    message.redelivered = is_again;
    lair_deliver(scene->play, scene->session, no, &message);
}

static void take_no_settle(struct scene *scene)
{
    const struct msg *msg;
    while ((msg = sim_take(scene->play->sim, ACTOR_SYNC_MANAGER)) != NULL)
        assert_int_not_equal(msg->kind, MSG_SETTLE);
}

static void a_later_line_settles(void **state)
{
    (void)state;
    struct scene scene = begin();
    post_mail(&scene, 1, "one", false);
    post_mail(&scene, 2, "two: more", false);
    client_hear(scene.client, "PRIVATE_MESSAGE:bob:one");
    client_hear(scene.client, "PRIVATE_MESSAGE:bob:two: more");
    lair_take_nothing(scene.play, ACTOR_SYNC_MANAGER);
    client_say(scene.client, "REQUEST_USER_LIST");
    lair_take_settle(scene.play, scene.session, 1, 2);
    client_say(scene.client, "REQUEST_USER_LIST");
    lair_take_nothing(scene.play, ACTOR_SYNC_MANAGER);
    end(&scene);
}

static void time_settles(void **state)
{
    (void)state;
    struct scene scene = begin();
    post_mail(&scene, 1, "one", false);
    client_hear(scene.client, "PRIVATE_MESSAGE:bob:one");
    sim_advance(scene.play->sim, 3500);
    lair_take_nothing(scene.play, ACTOR_SYNC_MANAGER);
    sim_advance(scene.play->sim, 3000);
    lair_take_settle(scene.play, scene.session, 1, 1);
    end(&scene);
}

static void an_orderly_end_settles(void **state)
{
    (void)state;
    struct scene scene = begin();
    post_mail(&scene, 1, "one", false);
    client_hear(scene.client, "PRIVATE_MESSAGE:bob:one");
    client_end(&scene.client);
    lair_play_read(scene.play);
    lair_take_settle(scene.play, scene.session, 1, 1);
    end(&scene);
}

static void a_break_settles_nothing(void **state)
{
    (void)state;
    struct scene scene = begin();
    post_mail(&scene, 1, "one", false);
    client_hear(scene.client, "PRIVATE_MESSAGE:bob:one");
    client_break(&scene.client);
    lair_play_read(scene.play);
    take_no_settle(&scene); /* SESSION_CLOSED gives the lease back */
    end(&scene);
}

/* The other side has ended, and the gateway does not know yet: what it writes now is lost. */
static void what_is_written_behind_an_end_is_not_settled(void **state)
{
    (void)state;
    struct scene scene = begin();
    client_end(&scene.client);
    post_mail(&scene, 1, "one", false);
    lair_play_read(scene.play);
    take_no_settle(&scene);
    end(&scene);
}

static void what_comes_again_is_settled_at_once(void **state)
{
    (void)state;
    struct scene scene = begin();
    post_mail(&scene, 1, "one", true);
    client_hear(scene.client, "PRIVATE_MESSAGE:bob:one");
    lair_take_settle(scene.play, scene.session, 1, 1);
    end(&scene);
}

static void invitations_have_their_line(void **state)
{
    (void)state;
    struct scene scene = begin();
    Roost__V1__Invitation invitation = ROOST__V1__INVITATION__INIT;
    Roost__V1__Delivery message = ROOST__V1__DELIVERY__INIT;
    uint8_t body[256];
    invitation.scope = lair_bytes("room:tea");
    invitation.inviter = lair_bytes("bob");
    message.sender = lair_bytes("bob");
    message.kind = ROOST__V1__KIND__SYSTEM;
    message.content_type = lair_bytes("application/x-roost-invitation");
    message.body = bytes_of(body, roost__v1__invitation__pack(&invitation, body));
    lair_deliver(scene.play, scene.session, 1, &message);
    client_hear(scene.client, "SYSTEM_MESSAGE:bob invited you to join room 'tea'");
    message.body = lair_bytes("\xff\xff\xff no invitation"); /* whatever a client made of it */
    lair_deliver(scene.play, scene.session, 2, &message);
    client_hear_nothing(scene.client);
    client_say(scene.client, "REQUEST_USER_LIST");
    lair_take_settle(scene.play, scene.session, 1, 2);
    end(&scene);
}

static void credit_goes_on(void **state)
{
    (void)state;
    struct scene scene = begin();
    for (uint64_t no = 1; no <= 200; no++) {
        post_mail(&scene, no, "x", false);
        client_hear(scene.client, "PRIVATE_MESSAGE:bob:x");
    }
    client_say(scene.client, "REQUEST_USER_LIST");
    lair_take_settle(scene.play, scene.session, 1, 200);
    const INTERNAL(Credit) *credit =
        MSG_BODY(lair_take(scene.play, ACTOR_SYNC_MANAGER, MSG_CREDIT), INTERNAL(Credit));
    assert_true(credit->session == scene.session);
    assert_true(credit->messages_total > 256);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_line_settles),
        cmocka_unit_test(time_settles),
        cmocka_unit_test(an_orderly_end_settles),
        cmocka_unit_test(a_break_settles_nothing),
        cmocka_unit_test(what_is_written_behind_an_end_is_not_settled),
        cmocka_unit_test(what_comes_again_is_settled_at_once),
        cmocka_unit_test(invitations_have_their_line),
        cmocka_unit_test(credit_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
