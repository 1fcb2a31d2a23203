/* SPDX-License-Identifier: MPL-2.0
 *
 * What the accounts actor asks of whom, message by message: the test is everybody else. Above all:
 * no password goes anywhere but to the auth workers.
 */
#include <setjmp.h> /* cmocka wants these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "accounts.h"
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "proto/wire.h"
#include "rt/log.h"
#include "rt/sim.h"

#define ACCOUNTS 0 /* on this stage; the others have their usual numbers, as pseudo actors */
#define SALT     "$AAECAwQFBgcICQoLDA0ODw$"
#define PHC      "$argon2id$v=19$m=19456,t=2,p=1" SALT "4gD/DSmmQuih4Jbt7/xCD+kqGsJszXBjCLTga4kAC8g"

struct stage {
    struct sim *sim;
    struct accounts_options options;
    struct actor_spec spec;
    uint64_t correlation;
};

static int setup(void **state)
{
    static struct stage stage;
    struct sim_options options = {.pseudo_actors = ACTOR_COUNT - 1, .turn_max_us = -1};
    enum err err;
    log_set_level(LOG_LEVEL_OFF);
    stage = (struct stage){
        .options = {.is_registration_open = true, .other_gateways = {ACTOR_TCP_GATEWAY}}};
    stage.spec = (struct actor_spec){&accounts_actor, &stage.options, 0};
    stage.sim = sim_new(1, &stage.spec, 1, message_types, MSG_COUNT, &options, &err);
    assert_non_null(stage.sim);
    *state = &stage;
    return 0;
}

static int teardown(void **state)
{
    struct stage *stage = *state;
    sim_destroy(&stage->sim);
    return 0;
}

static ProtobufCBinaryData bytes(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

static bool is_text(ProtobufCBinaryData data, const char *text)
{
    return data.len == strlen(text) &&
           memcmp(data.data ? data.data : (const void *)"", text, data.len) == 0;
}

static void post(struct stage *stage, uint8_t kind, const ProtobufCMessage *body)
{
    assert_int_equal(sim_post(stage->sim, ACTOR_ZMQ_GATEWAY, ACCOUNTS, kind, body, NULL,
                              ++stage->correlation, true),
                     ERR_OK);
    sim_settle(stage->sim);
}

static const struct msg *take(struct stage *stage, uint8_t actor, uint8_t kind)
{
    const struct msg *msg = sim_take(stage->sim, actor);
    if (!msg || msg->kind != kind)
        fail_msg("expected %s, %s came", message_name(kind),
                 msg ? message_name(msg->kind) : "nothing");
    return msg;
}

static void nothing_for(struct stage *stage, uint8_t actor)
{
    assert_null(sim_take(stage->sim, actor));
}

static void answer(struct stage *stage, const struct msg *msg, uint8_t actor, uint8_t kind,
                   const ProtobufCMessage *body)
{
    sim_reply(stage->sim, msg, actor, kind, body, NULL);
    sim_settle(stage->sim);
}

/* The next hash, of whichever worker has it. */
static void hash(struct stage *stage, const char *password, const char *against, bool is_match)
{
    uint8_t worker = ACTOR_AUTH_1;
    const struct msg *msg = sim_take(stage->sim, worker);
    if (!msg)
        msg = take(stage, worker = ACTOR_AUTH_2, MSG_HASH);
    const INTERNAL(Hash) *asked = MSG_BODY(msg, INTERNAL(Hash));
    INTERNAL(Hashed) hashed = ROOST__INTERNAL__HASHED__INIT;
    assert_true(is_text(asked->password, password));
    assert_true(is_text(asked->phc, against));
    hashed.is_match = is_match;
    if (!against[0])
        hashed.phc = bytes(PHC);
    answer(stage, msg, worker, MSG_HASHED, &hashed.base);
}

static void load(struct stage *stage, const char *name, const char *room,
                 const INTERNAL(AccountLoaded) * loaded)
{
    const struct msg *msg = take(stage, ACTOR_HISTORY, MSG_LOAD_ACCOUNT);
    const INTERNAL(LoadAccount) *asked = MSG_BODY(msg, INTERNAL(LoadAccount));
    assert_true(is_text(asked->folded, name));
    assert_true(is_text(asked->room_folded, room));
    answer(stage, msg, ACTOR_HISTORY, MSG_ACCOUNT_LOADED, &loaded->base);
}

static INTERNAL(Call) call_of(uint32_t method)
{
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.session = 11;
    call.request_id = 12;
    call.peer_id = 13;
    call.peer_name = bytes("Ana");
    call.is_verified = true;
    call.caller_role = ROOST__V1__ROLE__USER;
    call.method = method;
    call.is_password_checked = true; /* nobody outside may say so */
    return call;
}

/* What persistence gets: the same CALL, with this in place of the password. */
static void passed_on(struct stage *stage, const char *password, bool is_checked)
{
    const struct msg *msg = take(stage, ACTOR_PERSISTENCE, MSG_CALL);
    const INTERNAL(Call) *call = MSG_BODY(msg, INTERNAL(Call));
    assert_true(call->session == 11 && call->request_id == 12 && call->peer_id == 13);
    assert_true(is_text(call->peer_name, "Ana") && call->is_verified && call->caller_role == 2);
    assert_true(is_text(call->password, password));
    assert_int_equal(call->is_password_checked, is_checked);
    if (call->method == ROOST__V1__METHOD__USER_PASSWORD)
        assert_int_equal(call->text.len, 0);
    INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
    done.count = 99;
    answer(stage, msg, ACTOR_PERSISTENCE, MSG_CALL_DONE, &done.base);
}

static const INTERNAL(CallDone) * call_done(struct stage *stage, enum err err)
{
    const struct msg *msg = take(stage, ACTOR_ZMQ_GATEWAY, MSG_CALL_DONE);
    const INTERNAL(CallDone) *done = MSG_BODY(msg, INTERNAL(CallDone));
    assert_int_equal(msg->correlation, stage->correlation);
    assert_string_equal(err_name(err_from_code(done->code)), err_name(err));
    assert_true(done->session == 11 && done->request_id == 12);
    assert_int_equal(done->count, err ? 0 : 99);
    return done;
}

static const INTERNAL(AccountChanged) * told(struct stage *stage, uint64_t except_session)
{
    const struct msg *msg = take(stage, ACTOR_ZMQ_GATEWAY, MSG_ACCOUNT_CHANGED);
    const INTERNAL(AccountChanged) *changed = MSG_BODY(msg, INTERNAL(AccountChanged));
    assert_int_equal(changed->except_session, except_session);
    return changed;
}

static void test_register(void **state)
{
    struct stage *stage = *state;
    INTERNAL(Call) call = call_of(ROOST__V1__METHOD__USER_REGISTER);
    call.peer = bytes("bob");
    call.password = bytes("secret");
    post(stage, MSG_CALL, &call.base);
    nothing_for(stage, ACTOR_PERSISTENCE);
    hash(stage, "secret", "", false);
    passed_on(stage, PHC, false);
    assert_true(told(stage, call.session)->only_unverified);
    (void)call_done(stage, ERR_OK);
    assert_true(told(stage, 0)->only_unverified); /* the caller may be one of them */
    call.peer = bytes("a b");
    post(stage, MSG_CALL, &call.base);
    (void)call_done(stage, ERR_BAD_NAME);
}

static void test_change_of_password(void **state)
{
    struct stage *stage = *state;
    INTERNAL(AccountLoaded) loaded = ROOST__INTERNAL__ACCOUNT_LOADED__INIT;
    INTERNAL(Call) call = call_of(ROOST__V1__METHOD__USER_PASSWORD);
    loaded.peer_id = 13;
    loaded.password_hash = bytes(PHC);
    call.password = bytes("new");
    call.text = bytes("old");
    post(stage, MSG_CALL, &call.base);
    load(stage, "Ana", "", &loaded);
    hash(stage, "old", PHC, true);
    nothing_for(stage, ACTOR_PERSISTENCE);
    hash(stage, "new", "", false);
    passed_on(stage, PHC, true);
    const INTERNAL(AccountChanged) *changed = told(stage, call.session);
    assert_true(is_text(changed->name, "Ana") && changed->code != 0);
    (void)call_done(stage, ERR_OK);
    (void)take(stage, ACTOR_TCP_GATEWAY, MSG_ACCOUNT_CHANGED);
    nothing_for(stage, ACTOR_ZMQ_GATEWAY);

    post(stage, MSG_CALL, &call.base); /* a wrong old one counts as a failed login */
    load(stage, "Ana", "", &loaded);
    hash(stage, "old", PHC, false);
    const struct msg *msg = take(stage, ACTOR_PERSISTENCE, MSG_LOGIN_WRITE);
    assert_int_equal(MSG_BODY(msg, INTERNAL(LoginWrite))->outcome, 2);
    assert_true(is_text(MSG_BODY(msg, INTERNAL(LoginWrite))->name, "Ana"));
    INTERNAL(LoginWritten) written = ROOST__INTERNAL__LOGIN_WRITTEN__INIT;
    written.code = err_code(ERR_BAD_CREDENTIALS);
    answer(stage, msg, ACTOR_PERSISTENCE, MSG_LOGIN_WRITTEN, &written.base);
    (void)call_done(stage, ERR_BAD_CREDENTIALS);

    post(stage, MSG_CALL, &call.base);
    loaded.locked_until_ms = INT64_MAX;
    load(stage, "Ana", "", &loaded);
    (void)call_done(stage, ERR_LOCKED_OUT);
}

static void test_password_of_others(void **state)
{
    struct stage *stage = *state;
    INTERNAL(Call) call = call_of(ROOST__V1__METHOD__USER_PASSWORD);
    call.peer = bytes("bob");
    call.password = bytes("new");
    post(stage, MSG_CALL, &call.base);
    (void)call_done(stage, ERR_NOT_ALLOWED);
    call.caller_role = ROOST__V1__ROLE__ADMIN;
    post(stage, MSG_CALL, &call.base);
    hash(stage, "new", "", false);
    const struct msg *msg = take(stage, ACTOR_PERSISTENCE, MSG_CALL);
    assert_true(is_text(MSG_BODY(msg, INTERNAL(Call))->password, PHC));
    assert_false(MSG_BODY(msg, INTERNAL(Call))->is_password_checked);
    call.is_verified = false;
    call.caller_role = 0;
    call.peer = bytes("");
    post(stage, MSG_CALL, &call.base);
    (void)call_done(stage, ERR_NOT_ALLOWED);
}

static void test_rooms(void **state)
{
    static const uint32_t methods[] = {ROOST__V1__METHOD__ROOM_CREATE,
                                       ROOST__V1__METHOD__ROOM_UPDATE};
    struct stage *stage = *state;
    for (size_t i = 0; i < 2; i++) {
        INTERNAL(Call) call = call_of(methods[i]);
        post(stage, MSG_CALL, &call.base);
        passed_on(stage, "", false);
        (void)call_done(stage, ERR_OK);
        call.password = bytes("door");
        post(stage, MSG_CALL, &call.base);
        hash(stage, "door", "", false);
        passed_on(stage, PHC, false);
        (void)call_done(stage, ERR_OK);
    }
}

static void test_joining_a_room(void **state)
{
    struct stage *stage = *state;
    INTERNAL(AccountLoaded) loaded = ROOST__INTERNAL__ACCOUNT_LOADED__INIT;
    INTERNAL(Call) call = call_of(ROOST__V1__METHOD__ROOM_JOIN);
    call.scope_name = bytes("Den");
    post(stage, MSG_CALL, &call.base); /* without a password */
    passed_on(stage, "", false);
    (void)call_done(stage, ERR_OK);
    call.password = bytes("door");
    post(stage, MSG_CALL, &call.base); /* of a room that has none */
    load(stage, "", "Den", &loaded);
    passed_on(stage, "", false);
    (void)call_done(stage, ERR_OK);
    loaded.room_password_hash = bytes(PHC);
    for (int is_right = 0; is_right < 2; is_right++) {
        post(stage, MSG_CALL, &call.base);
        load(stage, "", "Den", &loaded);
        hash(stage, "door", PHC, is_right);
        passed_on(stage, "", is_right);
        (void)call_done(stage, ERR_OK);
    }
}

static void test_tokens_are_stored_hashed(void **state)
{
    struct stage *stage = *state;
    uint8_t hashed[crypto_hash_sha256_BYTES], stored[crypto_hash_sha256_BYTES];
    char first[64] = "";
    for (int round = 0; round < 2; round++) {
        INTERNAL(Call) call = call_of(ROOST__V1__METHOD__TOKEN_CREATE);
        post(stage, MSG_CALL, &call.base);
        const struct msg *msg = take(stage, ACTOR_PERSISTENCE, MSG_CALL);
        assert_int_equal(MSG_BODY(msg, INTERNAL(Call))->body.len, sizeof(stored));
        memcpy(stored, MSG_BODY(msg, INTERNAL(Call))->body.data, sizeof(stored));
        INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
        done.count = 99;
        answer(stage, msg, ACTOR_PERSISTENCE, MSG_CALL_DONE, &done.base);
        const INTERNAL(CallDone) *told = call_done(stage, ERR_OK);
        assert_int_equal(told->token.len, 49);
        assert_memory_equal(told->token.data, "roost_", 6);
        (void)crypto_hash_sha256(hashed, told->token.data, told->token.len);
        assert_memory_equal(hashed, stored, sizeof(hashed));
        assert_memory_not_equal(told->token.data, first, 49);
        memcpy(first, told->token.data, 49);
    }
}

static void test_what_carries_no_password_is_passed_on(void **state)
{
    static const struct {
        uint32_t method;
        bool is_told, may_end_its_own;
    } rows[] = {
        {ROOST__V1__METHOD__USER_ROLE, true, false},
        {ROOST__V1__METHOD__USER_BAN, true, true},
        {ROOST__V1__METHOD__USER_UNBAN, false, false},
        {ROOST__V1__METHOD__USER_ACTIVE, true, true},
        {ROOST__V1__METHOD__SESSION_END, true, false},
        {ROOST__V1__METHOD__USER_UNLOCK, false, false},
    };
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        INTERNAL(Call) call = call_of(rows[i].method);
        call.password = bytes("put in by mistake");
        post(stage, MSG_CALL, &call.base);
        passed_on(stage, "", false);
        if (rows[i].is_told)
            (void)told(stage, call.session); /* whoever has the answer can count on it */
        (void)call_done(stage, ERR_OK);
        if (rows[i].may_end_its_own)
            (void)told(stage, 0);
        nothing_for(stage, ACTOR_ZMQ_GATEWAY);
    }
}

static void test_no_answer(void **state)
{
    struct stage *stage = *state;
    INTERNAL(Call) call = call_of(ROOST__V1__METHOD__USER_UNBAN);
    post(stage, MSG_CALL, &call.base);
    sim_advance(stage->sim, 11000);
    (void)call_done(stage, ERR_TIMEOUT);
    INTERNAL(Login) login = ROOST__INTERNAL__LOGIN__INIT;
    login.name = bytes("ana");
    login.secret = bytes("x");
    post(stage, MSG_LOGIN, &login.base);
    sim_advance(stage->sim, 6000);
    const struct msg *msg = take(stage, ACTOR_ZMQ_GATEWAY, MSG_LOGIN_DONE);
    assert_int_equal(MSG_BODY(msg, INTERNAL(LoginDone))->code, err_code(ERR_TIMEOUT));
}

/* Of one name one at a time; whoever stood in line for too long is not worked on any more. */
static void test_the_line_moves_on(void **state)
{
    struct stage *stage = *state;
    INTERNAL(AccountLoaded) loaded = ROOST__INTERNAL__ACCOUNT_LOADED__INIT;
    INTERNAL(Login) login = ROOST__INTERNAL__LOGIN__INIT;
    loaded.code = err_code(ERR_NO_SUCH_USER);
    login.secret = bytes("x");
    for (int i = 0; i < 70; i++) {
        login.name = bytes(i % 2 ? "ANA" : "ana");
        post(stage, MSG_LOGIN, &login.base);
    }
    for (int i = 0; i < 70 - 64; i++) {
        const struct msg *msg = take(stage, ACTOR_ZMQ_GATEWAY, MSG_LOGIN_DONE);
        assert_int_equal(MSG_BODY(msg, INTERNAL(LoginDone))->code, err_code(ERR_BUSY));
    }
    const struct msg *first = take(stage, ACTOR_HISTORY, MSG_LOAD_ACCOUNT);
    nothing_for(stage, ACTOR_HISTORY);
    sim_advance(stage->sim, 5500); /* it is not answered: the next one's turn */
    (void)first;
    (void)take(stage, ACTOR_HISTORY, MSG_LOAD_ACCOUNT);
    nothing_for(stage, ACTOR_HISTORY);
    sim_advance(stage->sim, 60000);
    size_t answered = 0, asked = 0;
    while (sim_take(stage->sim, ACTOR_ZMQ_GATEWAY) != NULL)
        answered++;
    while (sim_take(stage->sim, ACTOR_HISTORY) != NULL)
        asked++;
    assert_int_equal(answered, 64);
    assert_int_equal(asked, 1); /* the third; the others had waited too long */
    post(stage, MSG_LOGIN, &login.base);
    load(stage, "ANA", "", &loaded);
}

/* Each worker has two at most, the queue has an end, and whoever finds it full is told when to come
 * again. */
static void test_the_queue_has_an_end(void **state)
{
    enum { COUNT = 300, QUEUE = 256, WITH_WORKERS = 4 };
    struct stage *stage = *state;
    size_t busy = 0, asked = 0;
    for (int i = 0; i < COUNT; i++) {
        char name[16];
        INTERNAL(Login) login = ROOST__INTERNAL__LOGIN__INIT;
        INTERNAL(AccountLoaded) loaded = ROOST__INTERNAL__ACCOUNT_LOADED__INIT;
        (void)snprintf(name, sizeof(name), "u%d", i);
        login.name = bytes(name);
        login.secret = bytes("x");
        loaded.code = err_code(ERR_NO_SUCH_USER);
        post(stage, MSG_LOGIN, &login.base);
        load(stage, name, "", &loaded);
    }
    const struct msg *msg;
    while ((msg = sim_take(stage->sim, ACTOR_ZMQ_GATEWAY)) != NULL) {
        const INTERNAL(LoginDone) *done = MSG_BODY(msg, INTERNAL(LoginDone));
        assert_true(done->code == err_code(ERR_BUSY) && done->retry_after_ms > 0);
        busy++;
    }
    assert_int_equal(busy, COUNT - QUEUE - WITH_WORKERS);
    for (uint8_t worker = ACTOR_AUTH_1; worker <= ACTOR_AUTH_2; worker++) {
        size_t own = 0;
        while (sim_take(stage->sim, worker) != NULL)
            own++;
        assert_int_equal(own, 2);
        asked += own;
    }
    assert_int_equal(asked, WITH_WORKERS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_register),
        TEST(test_change_of_password),
        TEST(test_password_of_others),
        TEST(test_rooms),
        TEST(test_joining_a_room),
        TEST(test_tokens_are_stored_hashed),
        TEST(test_what_carries_no_password_is_passed_on),
        TEST(test_no_answer),
        TEST(test_the_line_moves_on),
        TEST(test_the_queue_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
