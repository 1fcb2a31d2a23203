/* SPDX-License-Identifier: MPL-2.0
 *
 * Logging in: each code has its text, and users have connections.
 */
#include "lair_play.h"

#include <stdio.h>

static const char login[] = "{\"type\":\"login\",\"username\":\"alice\",\"password\":\"secret\"}";

static void every_code_has_its_text(void **state)
{
    static const struct {
        enum err err;
        const char *text;
    } codes[] = {
        {ERR_NO_SUCH_USER, "User not found"},
        {ERR_BAD_CREDENTIALS, "Invalid credentials"},
        {ERR_NAME_TAKEN, "Username already taken"},
        {ERR_LOCKED_OUT, "Rate limit exceeded"},
        {ERR_ACCOUNT_BANNED, "This account is banned"},
        {ERR_ACCOUNT_INACTIVE, "This account is deactivated"},
        {ERR_DISK_FULL, "Storage error: the disk is full"},
        {ERR_BUSY, "Internal server error: please try again"},
    };
    (void)state;
    struct lair_play *play = lair_play_new();
    lair_play_start(play);
    struct lair_client *client = client_greet(play);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        client_say(client, login);
        client_hear_nothing(client);
        lair_let_in(play, codes[i].err, "", 0);
        const char *heard = client_hear_any(client);
        assert_memory_equal(heard, "Authentication failed: ", 23);
        assert_string_equal(heard + 23, codes[i].text);
    }
    client_say(client, login);
    lair_let_in(play, ERR_OK, "alice", 7);
    client_hear(client, "Authentication successful! Welcome to The Lair!");
    client_end(&client);
    lair_play_read(play);
    lair_play_end(play);
}

/* Nobody is asked about a name that cannot be one. */
static void wrong_names_are_refused_here(void **state)
{
    static const char *const names[] = {"", "a,b", "a:b", "a b", "a\\nb", "a;b", "a|b"};
    (void)state;
    struct lair_play *play = lair_play_new();
    lair_play_start(play);
    struct lair_client *client = client_greet(play);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char text[128];
        (void)snprintf(text, sizeof(text),
                       "{\"type\":\"register\",\"username\":\"%s\",\"password\":\"x\"}", names[i]);
        client_say(client, text);
        const char *heard = client_hear_any(client);
        assert_memory_equal(heard, "Authentication failed: ", 23);
        assert_null(strstr(heard, "Welcome"));
        assert_null(strstr(heard, "successful"));
    }
    lair_take_nothing(play, ACTOR_ACCOUNTS);
    client_end(&client);
    lair_play_end(play);
}

static void others_are_told_and_the_newcomer_is_not(void **state)
{
    (void)state;
    struct lair_play *play = lair_play_new();
    uint64_t alice_session, bob_session;
    lair_play_start(play);
    struct lair_client *alice = client_join(play, "alice", 7, true, &alice_session);
    struct lair_client *bob = client_join(play, "bob", 8, false, &bob_session);
    assert_true(strcmp(client_hear_any(alice), "USER_LIST:alice,bob") == 0 ||
                strcmp(alice->text, "USER_LIST:bob,alice") == 0);
    client_hear(alice, "ROOM_STATUS:Lobby,bob");
    client_end(&bob);
    lair_play_read(play);
    client_hear(alice, "USER_LIST:alice");
    client_hear_nothing(alice);
    static const uint8_t actors[] = {ACTOR_PERSISTENCE, ACTOR_SYNC_MANAGER, ACTOR_PEER_REGISTRY};
    for (size_t i = 0; i < sizeof(actors); i++) {
        const INTERNAL(SessionClosed) *closed =
            MSG_BODY(lair_take(play, actors[i], MSG_SESSION_CLOSED), INTERNAL(SessionClosed));
        assert_true(closed->session == bob_session);
        assert_int_equal(closed->peer_id, 8);
        assert_int_equal(closed->reason, 0);
    }
    client_end(&alice);
    lair_play_read(play);
    lair_play_end(play);
}

static void the_newest_connection_has_the_mailbox(void **state)
{
    (void)state;
    struct lair_play *play = lair_play_new();
    uint64_t first_session, second_session;
    lair_play_start(play);
    struct lair_client *first = client_join(play, "alice", 7, true, &first_session);
    struct lair_client *second = client_join(play, "alice", 7, false, &second_session);
    client_hear(first, "USER_LIST:alice");
    client_hear(first, "ROOM_STATUS:Lobby,alice");
    assert_true(first_session != second_session);
    client_end(&second);
    lair_play_read(play);
    (void)lair_take(play, ACTOR_SYNC_MANAGER, MSG_SESSION_CLOSED);
    assert_true(lair_attach(play, PREFIX_PEER, "alice", ERR_OK) == first_session);
    client_hear(first, "USER_LIST:alice");
    client_end(&first);
    lair_play_read(play);
    lair_play_end(play);
}

static void a_client_that_goes_while_it_is_checked(void **state)
{
    (void)state;
    struct lair_play *play = lair_play_new();
    lair_play_start(play);
    struct lair_client *client = client_greet(play);
    client_say(client, login);
    client_break(&client);
    lair_play_read(play);
    const struct msg *question = lair_take(play, ACTOR_ACCOUNTS, MSG_LOGIN);
    INTERNAL(LoginDone) done = ROOST__INTERNAL__LOGIN_DONE__INIT;
    done.session = MSG_BODY(question, INTERNAL(Login))->session;
    done.name = lair_bytes("alice");
    done.is_verified = true;
    lair_answer(play, question, ACTOR_ACCOUNTS, MSG_LOGIN_DONE, &done.base, NULL);
    lair_take_nothing(play, ACTOR_PEER_REGISTRY);
    assert_int_equal(u64map_count(&lair_play_gateway(play)->connections), 0);
    lair_play_end(play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_text),
        cmocka_unit_test(wrong_names_are_refused_here),
        cmocka_unit_test(others_are_told_and_the_newcomer_is_not),
        cmocka_unit_test(the_newest_connection_has_the_mailbox),
        cmocka_unit_test(a_client_that_goes_while_it_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
