/* SPDX-License-Identifier: MPL-2.0
 *
 * Logins, from the gateway's question to its answer, with the real persistence, history and auth
 * workers: right, wrong, unknown, locked, banned, with a token; many at once; and when a worker
 * dies or is slow.
 */
#include "persistence_world.h"

#include <stdio.h>
#include <string.h>

#define WEAK                                                                                       \
    "$argon2id$v=19$m=8,t=1,p=1$IXrSlW8gGRFYx5I0T4ANHQ$VWqsOTn6i0yPlqx2x467ieFYkyu/H/"             \
    "k8xhEbBnQZcv0" /* "secret" */
#define BOMB                                                                                       \
    "$argon2id$v=19$m=4194304,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$4gD/DSmmQuih4Jbt7/"                   \
    "xCD+kqGsJszXBjCLTga4kAC8g"

static INTERNAL(Login) login_of(const char *name, const char *secret)
{
    INTERNAL(Login) login = ROOST__INTERNAL__LOGIN__INIT;
    login.session = 1;
    login.name = world_bytes(name);
    login.secret = world_bytes(secret);
    login.kind = world_bytes("zmq");
    login.address = world_bytes("127.0.0.1");
    return login;
}

static uint64_t ask(struct world *world, const INTERNAL(Login) * login)
{
    return world_ask(world, ACTOR_ACCOUNTS, MSG_LOGIN, &login->base, NULL, 0);
}

static const INTERNAL(LoginDone) * answer(struct world *world, uint64_t asked)
{
    const INTERNAL(LoginDone) *done = world_answer(world, asked);
    assert_non_null(done);
    return done;
}

static const INTERNAL(LoginDone) * log_in(struct world *world, const INTERNAL(Login) * login)
{
    uint64_t asked = ask(world, login);
    world_settle(world);
    return answer(world, asked);
}

#define assert_login(world, name, secret, error)                                                   \
    do {                                                                                           \
        INTERNAL(Login) wanted = login_of(name, secret);                                           \
        const char *got = err_name(err_from_code(log_in(world, &wanted)->code));                   \
        assert_string_equal(got, err_name(error));                                                 \
    } while (0)

/* An account without a hash being made: straight to persistence. */
static int64_t add(struct world *world, const char *name, const char *phc)
{
    INTERNAL(LoginWrite) write = ROOST__INTERNAL__LOGIN_WRITE__INIT;
    write.name = world_bytes(name);
    write.outcome = 3;
    write.password_hash = world_bytes(phc);
    uint64_t asked = world_ask(world, ACTOR_PERSISTENCE, MSG_LOGIN_WRITE, &write.base, NULL, 0);
    world_settle(world);
    const INTERNAL(LoginWritten) *written = world_answer(world, asked);
    assert_non_null(written);
    assert_int_equal(written->code, 0);
    return written->peer_id;
}

static const INTERNAL(CallDone) * call(struct world *world, const INTERNAL(Call) * call)
{
    uint64_t asked = world_ask(world, ACTOR_ACCOUNTS, MSG_CALL, &call->base, NULL, 0);
    world_settle(world);
    const INTERNAL(CallDone) *done = world_answer(world, asked);
    assert_non_null(done);
    assert_int_equal(done->request_id, call->request_id);
    return done;
}

static INTERNAL(Call) admin_call(uint32_t method, const char *peer)
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

static int64_t hashes(struct world *world)
{
    return metrics_get(sim_metrics(world->sim, ACTOR_AUTH_1), METRIC_MESSAGES) +
           metrics_get(sim_metrics(world->sim, ACTOR_AUTH_2), METRIC_MESSAGES);
}

/* --- One login. */

static void test_register_and_log_in(void **state)
{
    struct world *world = *state;
    INTERNAL(Login) login = login_of("Ana", "secret");
    login.is_register = true;
    login.wants_token = true;
    const INTERNAL(LoginDone) *done = log_in(world, &login);
    assert_int_equal(done->code, 0);
    assert_true(done->is_verified && done->peer_id > 0 && done->token.len == 49);
    assert_bytes(done->name, "Ana");
    assert_int_equal(done->role, ROOST__V1__ROLE__USER);
    assert_int_equal(log_in(world, &login)->code, err_code(ERR_NAME_TAKEN));
    assert_int_equal(world_appended_count(world), 1); /* sync-manager heard of the mailbox */
    const INTERNAL(Appended) *appended = (const void *)world_appended(world, 0)->body;
    assert_int_equal(appended->n_consumers, 1);
    assert_bytes(appended->consumers[0]->consumer, "main");

    login = login_of("ANA", "secret");
    done = log_in(world, &login);
    assert_true(done->code == 0 && done->is_verified && done->token.len == 0);
    assert_bytes(done->name, "Ana");
    assert_login(world, "ana", "wrong", ERR_BAD_CREDENTIALS);
    assert_login(world, "ana", "", ERR_NO_CREDENTIALS);
    login = login_of("bob", "");
    done = log_in(world, &login);
    assert_true(done->code == 0 && !done->is_verified && done->peer_id == 0);
}

static void test_what_cannot_be_registered(void **state)
{
    static const struct {
        const char *name, *secret;
        enum err err;
    } cases[] = {
        {"a b", "secret", ERR_BAD_NAME},
        {"a:b", "secret", ERR_BAD_NAME},
        {"$ana", "secret", ERR_RESERVED_NAME},
        {"ana", "", ERR_BAD_PASSWORD},
        {"ana", "roost_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ERR_BAD_PASSWORD},
    };
    struct world *world = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        INTERNAL(Login) login = login_of(cases[i].name, cases[i].secret);
        login.is_register = true;
        assert_int_equal(log_in(world, &login)->code, err_code(cases[i].err));
    }
    assert_int_equal(hashes(world), 0);
    world->accounts.is_registration_open = false;
    world_restart(world);
    INTERNAL(Login) login = login_of("ana", "secret");
    login.is_register = true;
    assert_int_equal(log_in(world, &login)->code, err_code(ERR_NOT_ALLOWED));
}

/* The same answer, and the same work. */
static void test_unknown_is_as_wrong(void **state)
{
    struct world *world = *state;
    (void)add(world, "ana", WEAK);
    int64_t before = hashes(world);
    INTERNAL(Login) login = login_of("nobody", "secret");
    const INTERNAL(LoginDone) *done = log_in(world, &login);
    assert_int_equal(done->code, err_code(ERR_BAD_CREDENTIALS));
    assert_true(done->name.len == 0 && done->peer_id == 0);
    assert_int_equal(hashes(world), before + 1);
    login.tells_unknown = true;
    assert_int_equal(log_in(world, &login)->code, err_code(ERR_NO_SUCH_USER));
    assert_int_equal(hashes(world), before + 1); /* at once */
    login = login_of("ana", "wrong");
    login.tells_unknown = true;
    assert_int_equal(log_in(world, &login)->code, err_code(ERR_BAD_CREDENTIALS));
    login.secret = world_bytes("");
    assert_int_equal(log_in(world, &login)->code, err_code(ERR_BAD_CREDENTIALS));
}

static void test_weak_hashes_are_replaced(void **state)
{
    struct world *world = *state;
    (void)add(world, "ana", WEAK);
    assert_login(world, "ana", "secret", ERR_OK);
    INTERNAL(LoadAccount) load = ROOST__INTERNAL__LOAD_ACCOUNT__INIT;
    load.folded = world_bytes("ana");
    uint64_t asked = world_ask(world, ACTOR_HISTORY, MSG_LOAD_ACCOUNT, &load.base, NULL, 0);
    world_settle(world);
    const INTERNAL(AccountLoaded) *loaded = world_answer(world, asked);
    assert_memory_equal(loaded->password_hash.data, "$argon2id$v=19$m=19456,t=2,p=1$", 31);
    assert_login(world, "ana", "secret", ERR_OK);
}

static void test_a_bomb_matches_nothing(void **state)
{
    struct world *world = *state;
    (void)add(world, "ana", BOMB);
    (void)add(world, "bob", ""); /* cannot log in by password */
    assert_login(world, "ana", "secret", ERR_BAD_CREDENTIALS);
    assert_login(world, "bob", "secret", ERR_BAD_CREDENTIALS);
}

static void test_banned_and_inactive(void **state)
{
    struct world *world = *state;
    (void)add(world, "ana", WEAK);
    INTERNAL(Call) ban = admin_call(ROOST__V1__METHOD__USER_BAN, "ana");
    ban.until_ms = (uint64_t)sim_wall(world->sim).ms + 60000;
    assert_int_equal(call(world, &ban)->code, 0);
    assert_login(world, "ana", "secret", ERR_ACCOUNT_BANNED);
    assert_login(world, "ana", "wrong", ERR_BAD_CREDENTIALS);
    world_advance(world, 60000);
    assert_login(world, "ana", "secret", ERR_OK);
    INTERNAL(Call) active = admin_call(ROOST__V1__METHOD__USER_ACTIVE, "ana");
    assert_int_equal(call(world, &active)->count, 1);
    assert_int_equal(call(world, &active)->count, 0);
    assert_login(world, "ana", "secret", ERR_ACCOUNT_INACTIVE);
    active.all = true;
    assert_int_equal(call(world, &active)->count, 1);
    assert_login(world, "ana", "secret", ERR_OK);
}

/* --- The throttle. */

static void test_locked_also_after_a_restart(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"ana", "nobody"};
    (void)add(world, "ana", WEAK);
    for (size_t i = 0; i < 2; i++) {
        for (int n = 0; n < 5; n++)
            assert_login(world, names[i], "wrong", ERR_BAD_CREDENTIALS);
    }
    world_restart(world);
    for (size_t i = 0; i < 2; i++) {
        INTERNAL(Login) login = login_of(names[i], "secret");
        int64_t before = hashes(world);
        const INTERNAL(LoginDone) *done = log_in(world, &login);
        assert_int_equal(done->code, err_code(ERR_LOCKED_OUT));
        assert_true(done->retry_after_ms > 890000 && done->retry_after_ms <= 900000);
        assert_int_equal(hashes(world), before);
    }
    world_advance(world, 901000);
    assert_login(world, "ana", "secret", ERR_OK);
    assert_login(world, "nobody", "secret", ERR_BAD_CREDENTIALS);
}

static void test_success_forgets_failures(void **state)
{
    struct world *world = *state;
    (void)add(world, "ana", WEAK);
    for (int round = 0; round < 3; round++) {
        for (int n = 0; n < 4; n++)
            assert_login(world, "ana", "wrong", ERR_BAD_CREDENTIALS);
        assert_login(world, "ANA", "secret", ERR_OK);
    }
    for (int n = 0; n < 5; n++)
        assert_login(world, "ana", "wrong", ERR_BAD_CREDENTIALS);
    INTERNAL(Call) unlock = admin_call(ROOST__V1__METHOD__USER_UNLOCK, "ana");
    assert_login(world, "ana", "secret", ERR_LOCKED_OUT);
    assert_int_equal(call(world, &unlock)->count, 1);
    assert_login(world, "ana", "secret", ERR_OK);
}

/* Asking in parallel buys no further guess. */
static void test_parallel_guesses_are_counted(void **state)
{
    struct world *world = *state;
    uint64_t asked[40];
    size_t wrong = 0, locked = 0;
    (void)add(world, "ana", WEAK);
    int64_t before = hashes(world);
    for (size_t i = 0; i < 40; i++) {
        INTERNAL(Login) login = login_of(i % 2 ? "ana" : "ANA", "wrong");
        asked[i] = ask(world, &login);
    }
    world_settle(world);
    for (size_t i = 0; i < 40; i++) {
        wrong += answer(world, asked[i])->code == err_code(ERR_BAD_CREDENTIALS);
        locked += answer(world, asked[i])->code == err_code(ERR_LOCKED_OUT);
    }
    assert_int_equal(wrong, 5);
    assert_int_equal(locked, 35);
    assert_int_equal(hashes(world), before + 5);
}

/* --- Tokens. */

static void test_tokens_slide_and_end(void **state)
{
    struct world *world = *state;
    char token[64] = "";
    world->persistence.token_ms = 600000;
    world->persistence.cleanup_interval_ms = 60000;
    world_restart(world);
    INTERNAL(Login) login = login_of("ana", "secret");
    (void)add(world, "ana", WEAK);
    (void)add(world, "bob", WEAK);
    login.wants_token = true;
    const INTERNAL(LoginDone) *done = log_in(world, &login);
    assert_int_equal(done->token.len, 49);
    memcpy(token, done->token.data, 49);
    int64_t before = hashes(world);
    for (int i = 0; i < 3; i++) {
        world_advance(world, 500000);
        assert_login(world, "Ana", token, ERR_OK);
    }
    assert_int_equal(hashes(world), before); /* a token needs none */
    assert_login(world, "bob", token, ERR_BAD_CREDENTIALS);
    world_restart(world);
    assert_login(world, "ana", token, ERR_OK);
    token[20] ^= 1;
    assert_login(world, "ana", token, ERR_BAD_CREDENTIALS);
    token[20] ^= 1;
    world_advance(world, 601000);
    assert_login(world, "ana", token, ERR_BAD_CREDENTIALS);
    for (int i = 0; i < 10; i++) /* wrong tokens lock nobody out */
        assert_login(world, "ana", token, ERR_BAD_CREDENTIALS);
    assert_login(world, "ana", "secret", ERR_OK);
}

static void test_a_ban_holds_for_tokens(void **state)
{
    struct world *world = *state;
    char token[64] = "";
    (void)add(world, "ana", WEAK);
    INTERNAL(Login) login = login_of("ana", "secret");
    login.wants_token = true;
    memcpy(token, log_in(world, &login)->token.data, 49);
    INTERNAL(Call) ban = admin_call(ROOST__V1__METHOD__USER_BAN, "ana");
    assert_int_equal(call(world, &ban)->code, 0);
    assert_login(world, "ana", token, ERR_ACCOUNT_BANNED);
    INTERNAL(Call) end = admin_call(ROOST__V1__METHOD__SESSION_END, "ana");
    end.all = true;
    assert_int_equal(call(world, &end)->count, 1);
    assert_login(world, "ana", token, ERR_BAD_CREDENTIALS);
}

/* --- Many at once, and workers that fail. */

static void test_a_storm_is_answered(void **state)
{
    enum { COUNT = 400 };
    struct world *world = *state;
    static uint64_t asked[COUNT];
    size_t right = 0, busy = 0;
    for (size_t i = 0; i < COUNT; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "u%zu", i);
        (void)add(world, name, WEAK);
    }
    world_forget(world);
    /* Weak hashes are made anew at the first login: COUNT real ones, at most 256 of them waiting. */
    for (size_t i = 0; i < COUNT; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "u%zu", i);
        INTERNAL(Login) login = login_of(name, "secret");
        asked[i] = ask(world, &login);
    }
    world_settle(world);
    for (size_t i = 0; i < COUNT; i++) {
        const INTERNAL(LoginDone) *done = answer(world, asked[i]);
        right += done->code == 0 && done->is_verified;
        busy += done->code == err_code(ERR_BUSY) && done->retry_after_ms > 0;
    }
    assert_int_equal(right + busy, COUNT);
    assert_true(right >= 200);
    assert_login(world, "u1", "secret", ERR_OK);
}

static void test_workers_die(void **state)
{
    struct world *world = *state;
    uint64_t asked[12];
    (void)add(world, "ana", WEAK);
    for (int i = 0; i < 12; i++) {
        INTERNAL(Login) login = login_of("ana", "secret");
        asked[i] = ask(world, &login);
    }
    for (int i = 0; i < 10; i++) {
        for (int step = 0; step < 7; step++)
            (void)sim_step(world->sim);
        assert_int_equal(sim_crash(world->sim, i % 2 ? ACTOR_AUTH_1 : ACTOR_AUTH_2), ERR_OK);
    }
    world_advance(world, 60000);
    for (int i = 0; i < 12; i++)
        assert_int_equal(answer(world, asked[i])->code, 0);
}

static void test_a_silent_worker_is_replaced_by_the_other(void **state)
{
    struct world *world = *state;
    (void)add(world, "ana", WEAK);
    (void)add(world, "bob", WEAK);
    uint64_t asked[2];
    sim_hold(world->sim, ACTOR_ACCOUNTS, ACTOR_AUTH_1, true);
    for (int i = 0; i < 2; i++) {
        INTERNAL(Login) login = login_of(i ? "bob" : "ana", "secret");
        asked[i] = ask(world, &login);
    }
    world_advance(world, 20000);
    for (int i = 0; i < 2; i++)
        assert_int_equal(answer(world, asked[i])->code, 0);
    sim_hold(world->sim, ACTOR_ACCOUNTS, ACTOR_AUTH_2, true);
    INTERNAL(Login) login = login_of("ana", "secret");
    asked[0] = ask(world, &login);
    world_advance(world, 20000);
    assert_int_equal(answer(world, asked[0])->code, err_code(ERR_TIMEOUT));
    sim_hold(world->sim, ACTOR_ACCOUNTS, ACTOR_AUTH_1, false);
    sim_hold(world->sim, ACTOR_ACCOUNTS, ACTOR_AUTH_2, false);
    world_settle(world);
    assert_login(world, "ana", "secret", ERR_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup_with_accounts, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_register_and_log_in),
        TEST(test_what_cannot_be_registered),
        TEST(test_unknown_is_as_wrong),
        TEST(test_weak_hashes_are_replaced),
        TEST(test_a_bomb_matches_nothing),
        TEST(test_banned_and_inactive),
        TEST(test_locked_also_after_a_restart),
        TEST(test_success_forgets_failures),
        TEST(test_parallel_guesses_are_counted),
        TEST(test_tokens_slide_and_end),
        TEST(test_a_ban_holds_for_tokens),
        TEST(test_a_storm_is_answered),
        TEST(test_workers_die),
        TEST(test_a_silent_worker_is_replaced_by_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
