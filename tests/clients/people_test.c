/* SPDX-License-Identifier: MPL-2.0
 *
 * Calls and pages about people, messages that changed, and invitations in messages, against the
 * fake broker (which repeats what it was asked) or by hand.
 */
#include "client_world.h"

#include "broker.pb-c.h"

#define AN_ID "\1\0\2\0\3\0\0\0\0\0\0\0\0\0\0"

/* Every list of a page arrives, with its fields. */
static void pages_of_people(void **state)
{
    struct world *world = *state;
    struct roost_page *page;
    struct roost_query query = {.kind = ROOST_QUERY_ROOMS,
                                .peer = "carol",
                                .scope = "room:kitchen",
                                .after_name = "hall",
                                .online_only = true};
    world_open(world, false);
    assert_int_equal(roost_query(world->roost, &query, 5000, &page), ROOST_OK);
    assert_int_equal(page->room_count, 1);
    assert_string_equal(page->rooms[0].name, "hall");
    assert_string_equal(page->rooms[0].topic, "tea");
    assert_string_equal(page->rooms[0].description, "");
    assert_int_equal(page->rooms[0].privacy, ROOST_PRIVACY_PRIVATE);
    assert_int_equal(page->rooms[0].my_role, ROOST_ROOM_ROLE_MODERATOR);
    assert_int_equal(page->rooms[0].members, 12);
    assert_int_equal(page->rooms[0].last_seq, 99);
    assert_true(page->rooms[0].is_archived);
    assert_int_equal(page->member_count, 1);
    assert_string_equal(page->members[0].peer, "carol");
    assert_int_equal(page->members[0].role, ROOST_ROOM_ROLE_READER);
    assert_true(page->members[0].is_online);
    assert_int_equal(page->invitation_count, 1);
    assert_memory_equal(page->invitations[0].invitation_id, AN_ID, ROOST_ID_BYTES);
    assert_string_equal(page->invitations[0].scope, "room:kitchen");
    assert_string_equal(page->invitations[0].inviter, "alice");
    assert_int_equal(page->invitations[0].status, ROOST_INVITATION_PENDING);
    assert_int_equal(page->invitations[0].expires_ms, 77);
    assert_int_equal(page->user_count, 1);
    assert_string_equal(page->users[0].name, "carol");
    assert_int_equal(page->users[0].role, ROOST_ROLE_ADMIN);
    assert_string_equal(page->users[0].ban_reason, "spam");
    assert_int_equal(page->session_count, 1);
    assert_int_equal(page->sessions[0].id, 4711);
    assert_string_equal(page->sessions[0].label, "laptop");
    assert_int_equal(page->audit_count, 1);
    assert_string_equal(page->audit[0].action, "user-ban");
    assert_memory_equal(page->audit[0].hash, "\7\0\7", 3);
    roost_page_destroy(&page);
}

static void messages_that_changed(void **state)
{
    struct world *world = *state;
    struct roost_page *page;
    struct roost_query query = {.kind = ROOST_QUERY_SEARCH, .text = "\xe5\x8c\x97\xe4\xba\xac"};
    world_open(world, false);
    assert_int_equal(roost_query(world->roost, &query, 5000, &page), ROOST_OK);
    assert_int_equal(page->message_count, 1);
    const struct roost_message *message = page->messages[0];
    assert_int_equal(message->body_size, 6);
    assert_memory_equal(message->body, query.text, 6);
    assert_int_equal(message->edited_ms, 12);
    assert_int_equal(message->deleted_ms, 13);
    assert_int_equal(message->reaction_count, 2);
    assert_string_equal(message->reactions[0].emoji, "+1");
    assert_int_equal(message->reactions[0].count, 3);
    assert_true(message->reactions[0].is_mine);
    assert_string_equal(message->reactions[1].emoji, "tea");
    assert_false(message->reactions[1].is_mine);
    roost_page_destroy(&page);
}

/* Every field reaches the broker, and every field of its answer the application. */
static void calls_are_told_in_full(void **state)
{
    struct world *world = *state;
    struct roost_reply *reply;
    uint8_t id[ROOST_ID_BYTES] = {5};
    struct roost_call call = {
        .method = ROOST_METHOD_INVITE,
        .scope = "room:kitchen",
        .message_ids = id,
        .message_id_count = 1,
        .all = true,
        .body = "new text",
        .body_size = 8,
        .password = "secret",
        .invitation_id = id,
        .room_role = ROOST_ROOM_ROLE_BANNED,
        .role = ROOST_ROLE_MODERATOR,
        .until_ms = 1234567890123,
        .display_name = "The Kitchen",
        .topic = "tea",
        .description = "hot",
        .privacy = ROOST_PRIVACY_PROTECTED,
        .retention_ms = 86400000,
        .clear = ROOST_CLEAR_TOPIC | ROOST_CLEAR_RETENTION,
    };
    world_open(world, false);
    assert_int_equal(roost_call_reply(world->roost, &call, 5000, &reply), ROOST_OK);
    assert_string_equal(reply->token,
                        "room:kitchen/new text/secret/16/16/1/5/3/1234567890123/The Kitchen/tea/"
                        "hot/3/86400000/10");
    assert_int_equal(reply->seq, 9);
    assert_int_equal(reply->failed, 1);
    assert_memory_equal(reply->message_id, AN_ID, ROOST_ID_BYTES);
    assert_memory_equal(reply->invitation_id, AN_ID, ROOST_ID_BYTES);
    assert_int_equal(reply->scope_count, 2);
    assert_string_equal(reply->scopes[0], "room:kitchen");
    assert_string_equal(reply->scopes[1], "room:tea");
    roost_reply_destroy(&reply);
    assert_null(reply);
    roost_reply_destroy(&reply);
    call = (struct roost_call){.method = ROOST_METHOD_ROOM_JOIN, .scope = "room:a"};
    assert_int_equal(roost_call_reply(world->roost, &call, 5000, &reply), ROOST_OK);
    assert_null(reply->invitation_id);
    roost_reply_destroy(&reply);
}

static void refusals_and_losses(void **state)
{
    struct world *world = *state;
    struct roost_reply *reply = NULL;
    uint8_t id[ROOST_ID_BYTES] = {5};
    struct roost_call call = {
        .method = ROOST_METHOD_CANCEL, .message_ids = id, .message_id_count = 1};
    world_open(world, false);
    assert_int_equal(roost_call_reply(world->roost, &call, 5000, &reply), ROOST_TOO_LATE);
    assert_null(reply);
    assert_int_equal(roost_call_reply(world->roost, &call, 5000, NULL), ROOST_USAGE);
    call = (struct roost_call){.method = ROOST_METHOD_MESSAGE_EDIT, .body_size = 4};
    assert_int_equal(roost_call_reply(world->roost, &call, 5000, &reply), ROOST_USAGE);
    call = (struct roost_call){.method = ROOST_METHOD_ROOM_JOIN, .scope = "room:a"};
    fake_broker_stop(world->broker);
    assert_int_equal(roost_call_reply(world->roost, &call, 50, &reply), ROOST_TIMEOUT);
    fake_broker_start(world->broker);
    assert_int_equal(roost_call_reply(world->roost, &call, 10000, &reply), ROOST_OK);
    assert_string_equal(reply->scopes[0], "room:a");
    roost_reply_destroy(&reply);
}

static void invitations_in_messages(void **state)
{
    Roost__V1__Invitation invitation = ROOST__V1__INVITATION__INIT;
    struct roost_page *page = NULL;
    uint8_t bytes[256];
    (void)state;
    invitation.invitation_id = (ProtobufCBinaryData){16, (uint8_t *)(uintptr_t)AN_ID};
    invitation.scope = (ProtobufCBinaryData){6, (uint8_t *)(uintptr_t) "room:a"};
    invitation.text = (ProtobufCBinaryData){4, (uint8_t *)(uintptr_t) "come"};
    struct roost_message message = {
        .kind = ROOST_KIND_SYSTEM,
        .content_type = "application/x-roost-invitation",
        .body = bytes,
        .body_size = roost__v1__invitation__pack(&invitation, bytes),
    };
    assert_int_equal(roost_message_invitation(&message, &page), ROOST_OK);
    assert_int_equal(page->invitation_count, 1);
    assert_memory_equal(page->invitations[0].invitation_id, AN_ID, ROOST_ID_BYTES);
    assert_string_equal(page->invitations[0].scope, "room:a");
    assert_string_equal(page->invitations[0].text, "come");
    assert_int_equal(page->message_count, 0);
    roost_page_destroy(&page);
    message.kind = ROOST_KIND_TEXT; /* whoever is not the broker says so */
    assert_int_equal(roost_message_invitation(&message, &page), ROOST_USAGE);
    message.kind = ROOST_KIND_SYSTEM;
    message.content_type = "text/plain";
    assert_int_equal(roost_message_invitation(&message, &page), ROOST_USAGE);
    message.content_type = "application/x-roost-invitation";
    message.body = "\xff\xff\xff";
    message.body_size = 3;
    assert_int_equal(roost_message_invitation(&message, &page), ROOST_USAGE);
    assert_null(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(pages_of_people),
        WORLD_TEST(messages_that_changed),
        WORLD_TEST(calls_are_told_in_full),
        WORLD_TEST(refusals_and_losses),
        cmocka_unit_test(invitations_in_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
