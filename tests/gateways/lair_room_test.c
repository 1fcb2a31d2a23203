/* SPDX-License-Identifier: MPL-2.0
 *
 * Rooms and invitations: the text for each code, byte for byte.
 */
#include "lair_play.h"

struct row {
    const char *command;
    uint32_t method;
    enum err err;
    const char *text; /* the first line of the answer */
};

#define CALL(Name) ROOST__V1__METHOD__##Name
#define SYSTEM     "SYSTEM_MESSAGE:ERROR: "

static const struct row rows[] = {
    {"CREATE_ROOM:tea", CALL(ROOM_CREATE), ERR_EXISTS, "ROOM_ERROR:Room 'tea' already exists"},
    {"CREATE_ROOM:tea", CALL(ROOM_CREATE), ERR_RESERVED_NAME,
     "ROOM_ERROR:Cannot create a room named 'Lobby' (reserved)"},
    {"CREATE_ROOM:tea", CALL(ROOM_CREATE), ERR_DISK_FULL, "ROOM_ERROR:Failed to create room: why"},
    {"JOIN_ROOM: tea ", CALL(ROOM_JOIN), ERR_NO_SUCH_SCOPE, "ROOM_ERROR:Room 'tea' does not exist"},
    {"JOIN_ROOM:tea", CALL(ROOM_JOIN), ERR_ROOM_BANNED, "ROOM_ERROR:Failed to join room 'tea'"},
    {"JOIN_ROOM:tea", CALL(ROOM_JOIN), ERR_BAD_PASSWORD, "ROOM_ERROR:Failed to join room 'tea'"},
    {"INVITE_USER:bob:tea", CALL(INVITE), ERR_OK, SYSTEM "User bob is not online"},
    {"INVITE_USER:alice:tea", CALL(INVITE), ERR_OK,
     "SYSTEM_MESSAGE:You invited alice to join room 'tea'"},
    {"INVITE_USER:bob:tea", CALL(INVITE), ERR_NO_SUCH_SCOPE, SYSTEM "Room 'tea' does not exist"},
    {"INVITE_USER:bob:tea", CALL(INVITE), ERR_NOT_MEMBER,
     SYSTEM "You must be in room 'tea' to invite others"},
    {"INVITE_USER:bob:tea", CALL(INVITE), ERR_NO_SUCH_USER, SYSTEM "User 'bob' does not exist"},
    {"INVITE_USER:bob:tea", CALL(INVITE), ERR_ALREADY_MEMBER,
     SYSTEM "User 'bob' is already a member of room 'tea'"},
    {"INVITE_USER:bob:tea", CALL(INVITE), ERR_ALREADY_INVITED,
     SYSTEM "User 'bob' already has a pending invitation to room 'tea'"},
    {"ACCEPT_INVITATION:LATEST", CALL(INVITE_ACCEPT), ERR_NO_SUCH_INVITATION,
     SYSTEM "No pending invitations found"},
    {"ACCEPT_INVITATION:tea", CALL(INVITE_ACCEPT), ERR_NO_SUCH_INVITATION,
     SYSTEM "No pending invitation found for room 'tea'"},
    {"ACCEPT_INVITATION:tea", CALL(INVITE_ACCEPT), ERR_NO_SUCH_SCOPE,
     SYSTEM "Room 'tea' does not exist"},
    {"ACCEPT_INVITATION:tea", CALL(INVITE_ACCEPT), ERR_ROOM_ARCHIVED,
     SYSTEM "Room no longer exists"},
    {"DECLINE_INVITATION:LATEST", CALL(INVITE_DECLINE), ERR_NO_SUCH_INVITATION,
     SYSTEM "No pending invitations found"},
    {"DECLINE_INVITATION:tea", CALL(INVITE_DECLINE), ERR_OK,
     "SYSTEM_MESSAGE:You declined the invitation to room 'tea'"},
    {"ACCEPT_ALL_INVITATIONS", CALL(INVITE_ACCEPT), ERR_OK,
     "SYSTEM_MESSAGE:No pending invitations to accept"},
    {"ACCEPT_ALL_INVITATIONS", CALL(INVITE_ACCEPT), ERR_NO_SUCH_INVITATION,
     "SYSTEM_MESSAGE:No pending invitations to accept"},
};

static void every_code_has_its_text(void **state)
{
    (void)state;
    struct lair_play *play = lair_play_new();
    uint64_t session;
    lair_play_start(play);
    struct lair_client *client = client_join(play, "alice", 7, true, &session);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
        done.code = rows[i].err ? err_code(rows[i].err) : 0;
        done.text = (char *)(uintptr_t) "why"; /* only read */
        client_say(client, rows[i].command);
        client_hear_nothing(client); /* before it is decided */
        lair_answer_call(play, rows[i].method, &done);
        client_hear(client, rows[i].text);
        client_hear_nothing(client);
    }
    client_end(&client);
    lair_play_read(play);
    lair_play_end(play);
}

/* Said without asking anybody. */
static void some_are_answered_at_once(void **state)
{
    static const char *const said[][2] = {
        {"CREATE_ROOM: ", "ROOM_ERROR:Room name cannot be empty"},
        {"CREATE_ROOM:lobby", "ROOM_ERROR:Cannot create a room named 'Lobby' (reserved)"},
        {"JOIN_ROOM:", "ROOM_ERROR:Room '' does not exist"},
        {"REQUEST_USER_LIST", "USER_LIST:alice"},
    };
    (void)state;
    struct lair_play *play = lair_play_new();
    uint64_t session;
    lair_play_start(play);
    struct lair_client *client = client_join(play, "alice", 7, true, &session);
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        client_say(client, said[i][0]);
        client_hear(client, said[i][1]);
    }
    client_say(client, "LEAVE_ROOM");
    client_say(client, "INVITE_USER:bob");
    client_hear_nothing(client);
    lair_take_nothing(play, ACTOR_PERSISTENCE);
    client_end(&client);
    lair_play_read(play);
    lair_play_end(play);
}

static void all_that_were_accepted(void **state)
{
    (void)state;
    struct lair_play *play = lair_play_new();
    uint64_t session;
    lair_play_start(play);
    struct lair_client *client = client_join(play, "alice", 7, true, &session);
    INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
    ProtobufCBinaryData scopes[] = {lair_bytes("room:one"), lair_bytes("room:two words")};
    done.scopes = scopes;
    done.n_scopes = 2;
    client_say(client, "ACCEPT_ALL_INVITATIONS");
    lair_answer_call(play, CALL(INVITE_ACCEPT), &done);
    client_hear(client, "SYSTEM_MESSAGE:Accepted 2 invitations. Joined rooms: one, two words");
    client_hear(client, "ROOM_STATUS:one,alice");
    client_hear(client, "ROOM_STATUS:two words,alice");
    done.n_scopes = 1;
    done.failed = 3;
    client_say(client, "ACCEPT_ALL_INVITATIONS");
    lair_answer_call(play, CALL(INVITE_ACCEPT), &done);
    client_hear(client, "SYSTEM_MESSAGE:Accepted 1 invitations, 3 failed. Joined rooms: one");
    client_hear(client, "ROOM_STATUS:one,alice");
    client_end(&client);
    lair_play_read(play);
    lair_play_end(play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_text),
        cmocka_unit_test(some_are_answered_at_once),
        cmocka_unit_test(all_that_were_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
