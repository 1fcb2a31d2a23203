/* SPDX-License-Identifier: MPL-2.0
 *
 * Every command of the Lair Chat protocol with its argument rules, and the request to log in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/lair/lair_command.h"

#define ID "0b9e0000-0000-7000-8000-000000000001"

struct row {
    const char *text;
    enum lair_command_kind kind;
    const char *first, *second; /* NULL: not looked at */
    uint32_t number;
};

static const struct row rows[] = {
    {"CREATE_ROOM:general", LAIR_CREATE_ROOM, "general", NULL, 0},
    {"CREATE_ROOM:  two words \t", LAIR_CREATE_ROOM, "two words", NULL, 0},
    {"CREATE_ROOM:a:b:c", LAIR_CREATE_ROOM, "a:b:c", NULL, 0},
    {"CREATE_ROOM:", LAIR_CREATE_ROOM, "", NULL, 0},
    {"CREATE_ROOM:   ", LAIR_CREATE_ROOM, "", NULL, 0},
    {"JOIN_ROOM:general", LAIR_JOIN_ROOM, "general", NULL, 0},
    {"JOIN_ROOM: Lobby ", LAIR_JOIN_ROOM, "Lobby", NULL, 0},
    {"LEAVE_ROOM", LAIR_LEAVE_ROOM, NULL, NULL, 0},
    {"LIST_ROOMS", LAIR_LIST_ROOMS, NULL, NULL, 0},
    {"DM:bob:psst: secret", LAIR_DM, "bob", "psst: secret", 0},
    {"DM:bob:", LAIR_DM, "bob", "", 0},
    {"DM::text", LAIR_DM, "", "text", 0},
    {"DM:bob: two  blanks ", LAIR_DM, "bob", " two  blanks ", 0},
    {"DM:bob", LAIR_IGNORED, NULL, NULL, 0},
    {"DM:", LAIR_IGNORED, NULL, NULL, 0},
    {"INVITE_USER:bob:general", LAIR_INVITE, "bob", "general", 0},
    {"INVITE_USER:bob:a:b", LAIR_INVITE, "bob", "a:b", 0},
    {"INVITE_USER:bob", LAIR_IGNORED, NULL, NULL, 0},
    {"INVITE_USER:", LAIR_IGNORED, NULL, NULL, 0},
    {"ACCEPT_INVITATION:general", LAIR_ACCEPT, "general", NULL, 0},
    {"ACCEPT_INVITATION: general ", LAIR_ACCEPT, "general", NULL, 0},
    {"ACCEPT_INVITATION:LATEST", LAIR_ACCEPT, "", NULL, 0},
    {"ACCEPT_INVITATION: LATEST ", LAIR_ACCEPT, "", NULL, 0},
    {"ACCEPT_INVITATION:latest", LAIR_ACCEPT, "latest", NULL, 0},
    {"DECLINE_INVITATION:general", LAIR_DECLINE, "general", NULL, 0},
    {"DECLINE_INVITATION:LATEST", LAIR_DECLINE, "", NULL, 0},
    {"LIST_INVITATIONS", LAIR_LIST_INVITATIONS, NULL, NULL, 0},
    {"ACCEPT_ALL_INVITATIONS", LAIR_ACCEPT_ALL, NULL, NULL, 0},
    {"SHOW_HELP", LAIR_HELP, NULL, NULL, 0},
    {"REQUEST_USER_LIST", LAIR_USER_LIST, NULL, NULL, 0},
    {"EDIT_MESSAGE:" ID ":new: text", LAIR_EDIT, ID, "new: text", 0},
    {"EDIT_MESSAGE:" ID ":", LAIR_EDIT, ID, "", 0},
    {"DELETE_MESSAGE:" ID, LAIR_DELETE, ID, NULL, 0},
    {"REACT_MESSAGE:" ID ":\xf0\x9f\x91\x8d", LAIR_REACT, ID, "\xf0\x9f\x91\x8d", 0},
    {"UNREACT_MESSAGE:" ID ":+1", LAIR_UNREACT, ID, "+1", 0},
    {"SEARCH_MESSAGES:two words: here", LAIR_SEARCH, "two words: here", NULL, 0},
    {"SEARCH_MESSAGES:", LAIR_SEARCH, "", NULL, 0},
    {"GET_HISTORY:7", LAIR_HISTORY, NULL, NULL, 7},
    {"GET_HISTORY: 7 ", LAIR_HISTORY, NULL, NULL, 7},
    {"GET_HISTORY:0", LAIR_HISTORY, NULL, NULL, 0},
    {"GET_HISTORY:", LAIR_HISTORY, NULL, NULL, 20},
    {"GET_HISTORY:many", LAIR_HISTORY, NULL, NULL, 20},
    {"GET_HISTORY:-3", LAIR_HISTORY, NULL, NULL, 20},
    {"GET_HISTORY:7x", LAIR_HISTORY, NULL, NULL, 20},
    {"REPLY_MESSAGE:" ID ":yes: sir", LAIR_REPLY, ID, "yes: sir", 0},
    {"MARK_READ:" ID, LAIR_MARK_READ, ID, NULL, 0},
    /* Anything else is chat, as it is. */
    {"hello: everyone", LAIR_CHAT, "hello: everyone", NULL, 0},
    {"ACTION:waves", LAIR_CHAT, "ACTION:waves", NULL, 0},
    {"", LAIR_CHAT, "", NULL, 0},
    {" LEAVE_ROOM", LAIR_CHAT, " LEAVE_ROOM", NULL, 0},
    {"LEAVE_ROOM ", LAIR_CHAT, "LEAVE_ROOM ", NULL, 0},
    {"LEAVE_ROOM:general", LAIR_CHAT, "LEAVE_ROOM:general", NULL, 0},
    {"LIST_ROOMS:", LAIR_CHAT, "LIST_ROOMS:", NULL, 0},
    {"create_room:x", LAIR_CHAT, "create_room:x", NULL, 0},
    {"CREATE_ROOM", LAIR_CHAT, "CREATE_ROOM", NULL, 0},
    {"dm:bob:x", LAIR_CHAT, "dm:bob:x", NULL, 0},
    {"DM", LAIR_CHAT, "DM", NULL, 0},
    {"REQUEST_USER_LIST\n", LAIR_CHAT, "REQUEST_USER_LIST\n", NULL, 0},
    {"{\"type\":\"login\"}", LAIR_CHAT, "{\"type\":\"login\"}", NULL, 0},
};

static void check_text(struct lair_text got, const char *expected)
{
    if (!expected)
        return;
    assert_int_equal(got.size, strlen(expected));
    if (got.size > 0)
        assert_memory_equal(got.data, expected, got.size);
}

static void every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t size = strlen(rows[i].text);
        char *text = malloc(size ? size : 1); /* no NUL behind it */
        assert_non_null(text);
        memcpy(text, rows[i].text, size);
        struct lair_command command = lair_command_parse(text, size);
        if (command.kind != rows[i].kind)
            fail_msg("\"%s\" was taken for %d", rows[i].text, (int)command.kind);
        check_text(command.first, rows[i].first);
        check_text(command.second, rows[i].second);
        if (rows[i].kind == LAIR_HISTORY)
            assert_int_equal(command.number, rows[i].number);
        free(text);
    }
}

static void history_is_bounded(void **state)
{
    static const char *const large[] = {"GET_HISTORY:501", "GET_HISTORY:4294967297",
                                        "GET_HISTORY:99999999999999999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
        assert_int_equal(lair_command_parse(large[i], strlen(large[i])).number, 500);
}

static void a_missing_colon_is_noticed(void **state)
{
    static const struct {
        const char *text;
        bool is_incomplete;
    } texts[] = {
        {"EDIT_MESSAGE:" ID, true},    {"REACT_MESSAGE:" ID, true},
        {"UNREACT_MESSAGE:" ID, true}, {"REPLY_MESSAGE:" ID, true},
        {"REPLY_MESSAGE:", true},      {"EDIT_MESSAGE:" ID ":", false},
        {"REPLY_MESSAGE::", false},    {"DELETE_MESSAGE:" ID, false},
        {"MARK_READ:" ID, false},      {"hello", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct lair_command command = lair_command_parse(texts[i].text, strlen(texts[i].text));
        assert_int_equal(lair_command_is_incomplete(&command), texts[i].is_incomplete);
    }
}

static enum err parse(const char *text, struct lair_auth *ret)
{
    return lair_auth_parse(text, strlen(text), ret);
}

static void requests_to_log_in(void **state)
{
    struct lair_auth auth;
    (void)state;
    assert_int_equal(parse("{\"type\":\"login\",\"username\":\"alice\",\"password\":\"p\"}", &auth),
                     ERR_OK);
    assert_false(auth.is_register);
    assert_string_equal(auth.username, "alice");
    assert_string_equal(auth.password, "p");
    lair_auth_fini(&auth);
    assert_null(auth.password);
    assert_int_equal(
        parse(" { \"password\" : \"\\u00e9\" , \"new\" : [1,{}], \"fingerprint\":\"\", "
              "\"username\":\"b\",\"type\":\"register\" } ",
              &auth),
        ERR_OK);
    assert_true(auth.is_register);
    assert_string_equal(auth.username, "b");
    assert_string_equal(auth.password, "\xc3\xa9");
    lair_auth_fini(&auth);
    /* Checked elsewhere, with an answer that says what is wrong. */
    assert_int_equal(parse("{\"type\":\"login\",\"username\":\"\",\"password\":\"\"}", &auth),
                     ERR_OK);
    lair_auth_fini(&auth);
}

static void what_is_no_such_request(void **state)
{
    static const char *const wrong[] = {
        "",
        "hello?",
        "null",
        "[]",
        "\"login\"",
        "{}",
        "CREATE_ROOM:x",
        "{\"type\":\"login\",\"username\":\"a\"}",
        "{\"type\":\"login\",\"password\":\"p\"}",
        "{\"username\":\"a\",\"password\":\"p\"}",
        "{\"type\":\"Login\",\"username\":\"a\",\"password\":\"p\"}",
        "{\"type\":\"logout\",\"username\":\"a\",\"password\":\"p\"}",
        "{\"type\":\"refresh\",\"username\":\"a\",\"password\":\"p\"}",
        "{\"type\":1,\"username\":\"a\",\"password\":\"p\"}",
        "{\"type\":\"login\",\"username\":7,\"password\":\"p\"}",
        "{\"type\":\"login\",\"username\":\"a\",\"password\":null}",
        "{\"type\":\"login\",\"username\":\"a\\u0000b\",\"password\":\"p\"}",
        "{\"type\":\"login\",\"username\":\"a\",\"password\":\"p\\u0000q\"}",
        "{\"type\":\"login\",\"username\":\"a\",\"password\":\"p\",\"fingerprint\":5}",
        "{\"type\":\"login\",\"username\":\"a\",\"password\":\"p\"",
        "{\"type\":\"login\",\"username\":\"a\",\"password\":\"p\"} x",
        "{\"type\":\"login\",\"username\":\"a\",\"password\":\"\xff\"}",
        "{'type':'login','username':'a','password':'p'}",
    };
    struct lair_auth auth;
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (parse(wrong[i], &auth) != ERR_PROTOCOL)
            fail_msg("taken for a request: %s", wrong[i]);
    }
}

static void deep_nesting_is_refused(void **state)
{
    enum { DEPTH = 30000 };
    struct lair_auth auth;
    char *text = malloc(2 * DEPTH + 16);
    size_t size = 5;
    (void)state;
    assert_non_null(text);
    memcpy(text, "{\"a\":", 5);
    memset(text + size, '[', DEPTH);
    memset(text + size + DEPTH, ']', DEPTH);
    text[size + 2 * (size_t)DEPTH] = '}';
    assert_int_equal(lair_auth_parse(text, size + 2 * (size_t)DEPTH + 1, &auth), ERR_PROTOCOL);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(history_is_bounded),
        cmocka_unit_test(a_missing_colon_is_noticed),
        cmocka_unit_test(requests_to_log_in),
        cmocka_unit_test(what_is_no_such_request),
        cmocka_unit_test(deep_nesting_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
