/* SPDX-License-Identifier: MPL-2.0
 *
 * Messages: stored one behind the other, answered in order, and what becomes of refusals.
 */
#include "lair_play.h"

#define ID "0b9e0000-0000-7000-8000-000000000001"

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
    client_end(&scene->client);
    lair_play_read(scene->play);
    lair_play_end(scene->play);
}

static void changes_have_their_texts(void **state)
{
    static const struct {
        const char *command;
        uint32_t method;
        enum err err;
        const char *text;
    } rows[] = {
        {"EDIT_MESSAGE:" ID ":a:b", ROOST__V1__METHOD__MESSAGE_EDIT, ERR_OK,
         "MESSAGE_EDITED:" ID ":a:b"},
        {"EDIT_MESSAGE:" ID ":x", ROOST__V1__METHOD__MESSAGE_EDIT, ERR_NO_SUCH_MESSAGE,
         "MESSAGE_ERROR:Failed to edit message: Record not found: Message with id " ID},
        {"EDIT_MESSAGE:" ID ":x", ROOST__V1__METHOD__MESSAGE_EDIT, ERR_NOT_ALLOWED,
         "MESSAGE_ERROR:Failed to edit message: Validation error: user_id - Permission denied: "
         "only message author can edit"},
        {"DELETE_MESSAGE:" ID, ROOST__V1__METHOD__MESSAGE_DELETE, ERR_OK, "MESSAGE_DELETED:" ID},
        {"DELETE_MESSAGE:" ID, ROOST__V1__METHOD__MESSAGE_DELETE, ERR_NO_SUCH_MESSAGE,
         "MESSAGE_ERROR:Failed to delete message: Record not found: Message with id " ID},
        {"REACT_MESSAGE:" ID ":+1", ROOST__V1__METHOD__REACT, ERR_OK, "REACTION_ADDED:" ID ":+1"},
        {"UNREACT_MESSAGE:" ID ":+1", ROOST__V1__METHOD__UNREACT, ERR_OK,
         "REACTION_REMOVED:" ID ":+1"},
    };
    (void)state;
    struct scene scene = begin();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
        done.code = rows[i].err ? err_code(rows[i].err) : 0;
        client_say(scene.client, rows[i].command);
        client_hear_nothing(scene.client);
        lair_answer_call(scene.play, rows[i].method, &done);
        client_hear(scene.client, rows[i].text);
    }
    end(&scene);
}

static void a_command_waits_for_the_chat_before_it(void **state)
{
    (void)state;
    struct scene scene = begin();
    uint8_t id[UUID_BYTES];
    client_say(scene.client, "one");
    client_say(scene.client, "two");
    client_say(scene.client, "REQUEST_USER_LIST");
    client_hear_nothing(scene.client);
    lair_answer_store(scene.play, 0, id);
    client_hear_nothing(scene.client);
    lair_answer_store(scene.play, 0, id);
    client_hear(scene.client, "USER_LIST:alice");
    end(&scene);
}

static void refused_chat_is_answered(void **state)
{
    (void)state;
    struct scene scene = begin();
    uint8_t id[UUID_BYTES];
    client_say(scene.client, "one");
    lair_answer_store(scene.play, err_code(ERR_NOT_MEMBER), id);
    assert_non_null(strstr(client_hear_any(scene.client), "SYSTEM_MESSAGE:ERROR: "));
    end(&scene);
}

/* The store was too busy: the numbers begin again behind what it has, and nothing is mixed up. */
static void numbers_begin_again(void **state)
{
    (void)state;
    struct scene scene = begin();
    uint8_t id[UUID_BYTES];
    for (int i = 0; i < 3; i++)
        client_say(scene.client, "x");
    lair_answer_store(scene.play, 0, id);
    for (int i = 0; i < 2; i++) {
        const struct msg *question = lair_take(scene.play, ACTOR_PERSISTENCE, MSG_STORE);
        INTERNAL(StoreDone) done = ROOST__INTERNAL__STORE_DONE__INIT;
        done.session = scene.session;
        done.count = 1;
        done.upto_no = 1;
        done.retry_code = err_code(ERR_BUSY);
        lair_answer(scene.play, question, ACTOR_PERSISTENCE, MSG_STORE_DONE, &done.base, NULL);
        assert_non_null(strstr(client_hear_any(scene.client), "SYSTEM_MESSAGE:ERROR: "));
    }
    client_say(scene.client, "y");
    const INTERNAL(Store) *store =
        MSG_BODY(lair_take(scene.play, ACTOR_PERSISTENCE, MSG_STORE), INTERNAL(Store));
    assert_int_equal(store->first_no, 2);
    end(&scene);
}

static void at_most_so_many_chat_lines_are_under_way(void **state)
{
    (void)state;
    struct scene scene = begin();
    unsigned count = 0;
    uint8_t id[UUID_BYTES];
    for (int i = 0; i < 600; i++) {
        size_t size = LAIR_LINE_BYTES(1);
        char line[64];
        assert_int_equal(lair_seal(&scene.play->cipher, &scene.client->key, NULL, "x", 1, line),
                         ERR_OK);
        line[size] = '\n';
        client_send(scene.client, line, size + 1);
    }
    struct lair_connection *connection =
        lair_connection_of(lair_play_gateway(scene.play), scene.session);
    assert_int_equal(connection->chats_open, LAIR_CHATS_MAX);
    for (; count < 600; count++)
        lair_answer_store(scene.play, 0, id);
    lair_take_nothing(scene.play, ACTOR_PERSISTENCE);
    assert_int_equal(connection->chats_open, 0);
    client_hear_nothing(scene.client);
    client_say(scene.client, "REQUEST_USER_LIST");
    client_hear(scene.client, "USER_LIST:alice");
    end(&scene);
}

static void mail_to_who_is_here(void **state)
{
    (void)state;
    struct scene scene = begin();
    uint8_t id[UUID_BYTES];
    client_say(scene.client, "DM:alice:a: b");
    client_hear_nothing(scene.client);
    lair_answer_store(scene.play, 0, id);
    client_hear(scene.client, "SYSTEM_MESSAGE:DM sent to alice: a: b");
    client_say(scene.client, "DM:alice:x");
    lair_answer_store(scene.play, err_code(ERR_NO_SUCH_PEER), id);
    client_hear(scene.client, "SYSTEM_MESSAGE:ERROR: User alice is not online or not found");
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_have_their_texts),
        cmocka_unit_test(a_command_waits_for_the_chat_before_it),
        cmocka_unit_test(refused_chat_is_answered),
        cmocka_unit_test(numbers_begin_again),
        cmocka_unit_test(at_most_so_many_chat_lines_are_under_way),
        cmocka_unit_test(mail_to_who_is_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
