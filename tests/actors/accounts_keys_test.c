/* SPDX-License-Identifier: MPL-2.0
 *
 * Keys from the gateway's question to its answer, with the real accounts, persistence and history: logins
 * by key, codes, what administrators and others may do, and what the keyring and the gateway are told.
 */
#include "persistence_world.h"

#include <stdio.h>
#include <string.h>

#define KEY_A "0000000000000000000000000000000000000001"
#define KEY_B "0000000000000000000000000000000000000002"
#define KEY_C "0000000000000000000000000000000000000003"

static struct world *start(void **state)
{
    struct world *world = *state;
    world->accounts.keyring = WORLD_GATEWAY; /* the test hears what the keyring would */
    world_restart(world);
    world_settle(world);
    return world;
}

static uint32_t log_in(struct world *world, const char *name, const char *key, const char *secret,
                       bool *ret_is_verified)
{
    INTERNAL(Login) login = ROOST__INTERNAL__LOGIN__INIT;
    login.session = 1;
    login.name = world_bytes(name);
    login.key = world_bytes(key);
    login.secret = world_bytes(secret);
    login.kind = world_bytes("zmq");
    uint64_t asked = world_ask(world, ACTOR_ACCOUNTS, MSG_LOGIN, &login.base, NULL, 0);
    world_settle(world);
    const INTERNAL(LoginDone) *done = world_answer(world, asked);
    assert_non_null(done);
    *ret_is_verified = done->is_verified;
    return done->code;
}

static void assert_login(struct world *world, const char *name, const char *key, const char *secret,
                         enum err err)
{
    bool is_verified;
    uint32_t got = log_in(world, name, key, secret, &is_verified);
    assert_string_equal(err_name(err_from_code(got)), err_name(err));
    assert_int_equal(is_verified, got == 0);
}

static INTERNAL(Call) call_of(uint32_t method, const char *peer)
{
    INTERNAL(Call) body = ROOST__INTERNAL__CALL__INIT;
    body.session = 1;
    body.request_id = 7;
    body.peer_name = world_bytes("root");
    body.is_admin = true;
    body.method = method;
    body.peer = world_bytes(peer);
    return body;
}

static const INTERNAL(CallDone) * call(struct world *world, const INTERNAL(Call) * body)
{
    uint64_t asked = world_ask(world, ACTOR_ACCOUNTS, MSG_CALL, &body->base, NULL, 0);
    world_settle(world);
    const INTERNAL(CallDone) *done = world_answer(world, asked);
    assert_non_null(done);
    return done;
}

#define assert_called(world, body, error)                                                          \
    assert_string_equal(err_name(err_from_code(call(world, body)->code)), err_name(error))

static void enrol(struct world *world, const char *peer, const char *key)
{
    INTERNAL(Call) body = call_of(ROOST__V1__METHOD__KEY_ENROL, peer);
    body.key = world_bytes(key);
    assert_called(world, &body, ERR_OK);
}

static void invite(struct world *world, const char *peer, char ret_code[64])
{
    INTERNAL(Call) body = call_of(ROOST__V1__METHOD__KEY_CODE, peer);
    const INTERNAL(CallDone) *done = call(world, &body);
    assert_int_equal(done->code, 0);
    assert_int_equal(done->token.len, 29);
    (void)snprintf(ret_code, 64, "%.*s", (int)done->token.len, (const char *)done->token.data);
}

static const INTERNAL(KeysChanged) * last_told(struct world *world)
{
    size_t count = world_count(world, MSG_KEYS_CHANGED);
    assert_true(count > 0);
    return (const void *)world_nth(world, MSG_KEYS_CHANGED, count - 1)->body;
}

/* --- Tests. */

static void test_the_key_says_who_it_is(void **state)
{
    struct world *world = start(state);
    assert_true(last_told(world)->is_unsure); /* a new life may have missed something */
    assert_login(world, "ana", KEY_A, "", ERR_KEY_NOT_ENROLLED);
    assert_login(world, "ana", "short", "", ERR_BAD_KEY);
    enrol(world, "Ana", KEY_A);
    assert_bytes(last_told(world)->enrolled, KEY_A);
    assert_login(world, "ana", KEY_A, "", ERR_OK);
    assert_login(world, "ana", KEY_A, "any secret", ERR_OK); /* not looked at */
    assert_login(world, "bob", KEY_A, "", ERR_KEY_OF_ANOTHER);
    assert_login(world, "ana", KEY_B, "", ERR_KEY_NOT_ENROLLED);
    assert_login(world, "ana", "", "", ERR_NO_CREDENTIALS); /* it has an account now */
    world_restart(world);
    assert_login(world, "ana", KEY_A, "", ERR_OK);
}

static void test_what_an_account_is_counts(void **state)
{
    struct world *world = start(state);
    enrol(world, "ana", KEY_A);
    INTERNAL(Call) body = call_of(ROOST__V1__METHOD__USER_BAN, "ana");
    assert_called(world, &body, ERR_OK);
    assert_login(world, "ana", KEY_A, "", ERR_ACCOUNT_BANNED);
    body = call_of(ROOST__V1__METHOD__USER_UNBAN, "ana");
    assert_called(world, &body, ERR_OK);
    body = call_of(ROOST__V1__METHOD__USER_ACTIVE, "ana");
    assert_called(world, &body, ERR_OK);
    assert_login(world, "ana", KEY_A, "", ERR_ACCOUNT_INACTIVE);
    char code[64];
    invite(world, "ana", code);
    assert_login(world, "ana", KEY_B, code, ERR_ACCOUNT_INACTIVE);
}

static void test_codes(void **state)
{
    struct world *world = start(state);
    char first[64], second[64];
    invite(world, "carol", first);
    invite(world, "carol", second);
    assert_login(world, "dave", KEY_A, first, ERR_BAD_CODE);
    assert_login(world, "carol", KEY_A, "no code", ERR_BAD_CODE);
    assert_login(world, "Carol", KEY_A, first, ERR_OK);
    assert_bytes(last_told(world)->enrolled, KEY_A);
    assert_login(world, "carol", KEY_B, first, ERR_BAD_CODE);
    world_advance(world, 25 * 3600 * 1000); /* a day is over */
    assert_login(world, "carol", KEY_B, second, ERR_BAD_CODE);
    assert_login(world, "carol", KEY_A, "", ERR_OK);
}

static void test_wrong_codes_lock_codes_only(void **state)
{
    struct world *world = start(state);
    char code[64];
    INTERNAL(Call) body = call_of(ROOST__V1__METHOD__USER_REGISTER, "ana");
    body.password = world_bytes("password");
    assert_called(world, &body, ERR_OK);
    invite(world, "ana", code);
    for (int i = 0; i < 5; i++)
        assert_login(world, "ana", KEY_A, "00000-00000-00000-00000-00000", ERR_BAD_CODE);
    assert_login(world, "ana", KEY_A, code, ERR_LOCKED_OUT);
    assert_login(world, "ana", "", "password", ERR_OK);
    world_restart(world);
    assert_login(world, "ana", KEY_A, code, ERR_LOCKED_OUT);
    world_advance(world, 16 * 60 * 1000);
    assert_login(world, "ana", KEY_A, code, ERR_OK);
}

static void test_revoked(void **state)
{
    struct world *world = start(state);
    enrol(world, "ana", KEY_A);
    enrol(world, "ana", KEY_B);
    INTERNAL(Call) body = call_of(ROOST__V1__METHOD__KEY_REVOKE, "");
    body.key = world_bytes(KEY_A);
    world_forget(world);
    assert_int_equal(call(world, &body)->count, 1);
    assert_bytes(last_told(world)->revoked, KEY_A);
    const INTERNAL(AccountChanged) *changed =
        (const void *)world_nth(world, MSG_ACCOUNT_CHANGED, 0)->body;
    assert_bytes(changed->name, "ana");
    assert_bytes(changed->key, KEY_A);
    assert_true(changed->only_keyed && changed->code == err_code(ERR_KEY_REVOKED));
    assert_int_equal(changed->except_session, body.session);
    assert_int_equal(world_count(world, MSG_ACCOUNT_CHANGED), 2); /* the caller's own at the end */
    assert_int_equal(world_count(world, MSG_KEYS_CHANGED), 1);
    assert_int_equal(call(world, &body)->count, 0); /* again does no harm */
    assert_login(world, "ana", KEY_A, "", ERR_KEY_REVOKED);
    assert_login(world, "ana", KEY_B, "", ERR_OK);
    body = call_of(ROOST__V1__METHOD__KEY_ENROL, "ana");
    body.key = world_bytes(KEY_A);
    assert_called(world, &body, ERR_KEY_TAKEN); /* never again */
    body = call_of(ROOST__V1__METHOD__KEY_REVOKE, "ana");
    body.all = true;
    char code[64];
    invite(world, "ana", code);
    world_forget(world);
    assert_int_equal(call(world, &body)->count, 2);
    assert_true(last_told(world)->is_unsure);
    assert_login(world, "ana", KEY_B, "", ERR_KEY_REVOKED);
    assert_login(world, "ana", KEY_C, code, ERR_BAD_CODE);
}

static void test_what_is_wrong_with_a_call(void **state)
{
    struct world *world = start(state);
    enrol(world, "ana", KEY_A);
    static const struct {
        uint32_t method;
        const char *peer, *key;
        uint64_t seq;
        enum err err;
    } cases[] = {
        {ROOST__V1__METHOD__KEY_ENROL, "ana", "short", 0, ERR_BAD_KEY},
        {ROOST__V1__METHOD__KEY_ENROL, "a b", KEY_B, 0, ERR_BAD_NAME},
        {ROOST__V1__METHOD__KEY_ENROL, "bob", KEY_A, 0, ERR_KEY_TAKEN},
        {ROOST__V1__METHOD__KEY_CODE, "$x", "", 0, ERR_RESERVED_NAME},
        {ROOST__V1__METHOD__KEY_REVOKE, "", KEY_C, 0, ERR_NO_SUCH_KEY},
        {ROOST__V1__METHOD__KEY_REVOKE, "", "", 99, ERR_NO_SUCH_KEY},
        {ROOST__V1__METHOD__KEY_REVOKE, "ana", "", 0, ERR_MISSING_FIELD},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        INTERNAL(Call) body = call_of(cases[i].method, cases[i].peer);
        body.key = world_bytes(cases[i].key);
        body.seq = cases[i].seq;
        assert_called(world, &body, cases[i].err);
    }
    INTERNAL(Call) body = call_of(ROOST__V1__METHOD__KEY_CODE, "ana");
    body.until_ms = 1; /* it is over already */
    assert_called(world, &body, ERR_BAD_FIELD);
}

static void test_who_is_no_administrator(void **state)
{
    static const uint32_t methods[] = {ROOST__V1__METHOD__KEY_ENROL, ROOST__V1__METHOD__KEY_CODE,
                                       ROOST__V1__METHOD__KEY_REVOKE};
    struct world *world = start(state);
    enrol(world, "ana", KEY_A);
    enrol(world, "bob", KEY_B);
    INTERNAL(Call) body = call_of(0, "bob");
    body.is_admin = false;
    body.key = world_bytes(KEY_C);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        body.method = methods[i];
        body.all = methods[i] == ROOST__V1__METHOD__KEY_REVOKE;
        assert_called(world, &body, ERR_NOT_ALLOWED);
    }
    body.all = false;
    for (int i = 0; i < 2; i++) { /* one that exists, one that does not: the same answer */
        body.key = world_bytes(i ? KEY_B : "0000000000000000000000000000000000000009");
        assert_called(world, &body, ERR_NOT_ALLOWED);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup_with_accounts, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_key_says_who_it_is),
        TEST(test_what_an_account_is_counts),
        TEST(test_codes),
        TEST(test_wrong_codes_lock_codes_only),
        TEST(test_revoked),
        TEST(test_what_is_wrong_with_a_call),
        TEST(test_who_is_no_administrator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
