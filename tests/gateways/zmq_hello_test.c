/* SPDX-License-Identifier: MPL-2.0
 *
 * Sessions of the gateway: HELLO, WELCOME, resuming, heartbeats, GOODBYE.
 */
#include "play.h"

#include <stdio.h>

static Roost__V1__Hello make_hello(const char *peer)
{
    Roost__V1__Hello hello = ROOST__V1__HELLO__INIT;
    hello.version_min = 1;
    hello.version_max = 1;
    hello.peer = play_bytes(peer);
    return hello;
}

static void say_hello(struct play *play, void *client, const Roost__V1__Hello *hello)
{
    play_say(play, client, ROOST__V1__TYPE__HELLO, &hello->base);
}

static void let_in(struct play *play, int64_t peer_id, uint32_t code)
{
    const struct msg *question = play_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN);
    const INTERNAL(SessionOpen) *body = MSG_BODY(question, INTERNAL(SessionOpen));
    INTERNAL(SessionOpened) opened = ROOST__INTERNAL__SESSION_OPENED__INIT;
    opened.session = body->session;
    opened.peer_id = peer_id;
    opened.peer_name = body->peer_name;
    opened.code = code;
    play_answer(play, question, ACTOR_PEER_REGISTRY, MSG_SESSION_OPENED, &opened.base, NULL);
}

static void test_hello_leads_to_welcome(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    Roost__V1__Hello hello = make_hello("ana");
    hello.version_max = 7;
    hello.display_name = play_bytes("Ana");
    say_hello(play, client, &hello);
    play_hear_nothing(play, client);
    const struct msg *question = play_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN);
    const INTERNAL(SessionOpen) *open = MSG_BODY(question, INTERNAL(SessionOpen));
    assert_memory_equal(open->peer_name.data, "ana", 3);
    assert_memory_equal(open->display_name.data, "Ana", 3);
    assert_memory_equal(open->kind.data, "zmq", 3);
    INTERNAL(SessionOpened) opened = ROOST__INTERNAL__SESSION_OPENED__INIT;
    opened.session = open->session;
    opened.peer_id = 5;
    opened.peer_name = play_bytes("Ana"); /* as stored before */
    play_answer(play, question, ACTOR_PEER_REGISTRY, MSG_SESSION_OPENED, &opened.base, NULL);
    const Roost__V1__Welcome *welcome = play_hear(play, client, ROOST__V1__TYPE__WELCOME).welcome;
    assert_int_equal(welcome->version, 1);
    assert_memory_equal(welcome->boot_id.data, play->options.boot_id, 16);
    assert_int_equal(welcome->resume_token.len, 16);
    assert_memory_equal(welcome->peer.data, "Ana", 3);
    assert_false(welcome->resumed);
    assert_false(welcome->is_verified);
    assert_int_equal(welcome->publish_upto, 2000);
    assert_int_equal(welcome->limits->heartbeat_ms, PLAY_HEARTBEAT_MS);
    assert_int_equal(welcome->limits->entries_max, WIRE_ENTRIES_MAX);
    assert_int_equal(welcome->time_ms, sim_wall(play->sim).ms);
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 1);
    assert_int_equal(play_metric(play, METRIC_SESSIONS_OPENED), 1);
    zmq_close(client);
    play_end(play);
}

static void test_wrong_hellos(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    Roost__V1__Hello hello = make_hello("ana");
    hello.version_min = 2;
    hello.version_max = 3;
    say_hello(play, client, &hello);
    play_hear_error(play, client, ERR_BAD_VERSION);
    hello = make_hello("");
    say_hello(play, client, &hello);
    play_hear_error(play, client, ERR_MISSING_FIELD);
    hello = make_hello("lan:ana@host");
    say_hello(play, client, &hello);
    play_hear_error(play, client, ERR_BAD_NAME);
    hello = make_hello("$broker");
    say_hello(play, client, &hello);
    play_hear_error(play, client, ERR_BAD_NAME);
    hello = make_hello("a\nb");
    say_hello(play, client, &hello);
    play_hear_error(play, client, ERR_BAD_NAME);
    play_take_nothing(play, ACTOR_ACCOUNTS);
    play_take_nothing(play, ACTOR_PEER_REGISTRY);
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 0);
    (void)play_welcome(play, client, "ana", 1); /* none of it did any harm */
    zmq_close(client);
    play_end(play);
}

/* The next LOGIN, answered. */
static void log_in(struct play *play, const char *secret, const INTERNAL(LoginDone) * done)
{
    const struct msg *question = play_take(play, ACTOR_ACCOUNTS, MSG_LOGIN);
    const INTERNAL(Login) *login = MSG_BODY(question, INTERNAL(Login));
    INTERNAL(LoginDone) answer = *done;
    assert_int_equal(login->secret.len, strlen(secret));
    assert_memory_equal(login->secret.data ? login->secret.data : (const uint8_t *)"", secret,
                        strlen(secret));
    assert_memory_equal(login->kind.data, "zmq", 3);
    assert_false(login->tells_unknown || login->is_register || login->wants_token);
    answer.session = login->session;
    play_answer(play, question, ACTOR_ACCOUNTS, MSG_LOGIN_DONE, &answer.base, NULL);
}

static void test_credentials_are_checked_first(void **state)
{
    (void)state;
    struct play *play = play_new();
    play->holds_logins = true;
    play_start(play);
    void *client = play_connect(play, NULL);
    INTERNAL(LoginDone) done = ROOST__INTERNAL__LOGIN_DONE__INIT;
    Roost__V1__Hello hello = make_hello("ANA");
    say_hello(play, client, &hello);
    done.code = err_code(ERR_NO_CREDENTIALS);
    log_in(play, "", &done);
    play_hear_error(play, client, ERR_NO_CREDENTIALS);
    hello.credentials = play_bytes("secret");
    say_hello(play, client, &hello);
    done.code = err_code(ERR_LOCKED_OUT);
    done.retry_after_ms = 777;
    log_in(play, "secret", &done);
    assert_int_equal(play_hear(play, client, ROOST__V1__TYPE__ERROR).error->retry_after_ms, 777);
    play_take_nothing(play, ACTOR_PEER_REGISTRY);
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 0);

    done = (INTERNAL(LoginDone))ROOST__INTERNAL__LOGIN_DONE__INIT;
    done.name = play_bytes("Ana"); /* as registered */
    done.peer_id = 5;
    done.role = ROOST__V1__ROLE__MODERATOR;
    done.is_verified = true;
    say_hello(play, client, &hello);
    play_take_nothing(play, ACTOR_PEER_REGISTRY);
    log_in(play, "secret", &done);
    const struct msg *question = play_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN);
    const INTERNAL(SessionOpen) *open = MSG_BODY(question, INTERNAL(SessionOpen));
    assert_true(open->is_verified);
    assert_memory_equal(open->peer_name.data, "Ana", 3);
    INTERNAL(SessionOpened) opened = ROOST__INTERNAL__SESSION_OPENED__INIT;
    opened.session = open->session;
    opened.peer_id = 5;
    opened.peer_name = play_bytes("Ana");
    play_answer(play, question, ACTOR_PEER_REGISTRY, MSG_SESSION_OPENED, &opened.base, NULL);
    const Roost__V1__Welcome *welcome = play_hear(play, client, ROOST__V1__TYPE__WELCOME).welcome;
    assert_true(welcome->is_verified);
    assert_int_equal(welcome->role, ROOST__V1__ROLE__MODERATOR);
    zmq_close(client);
    play_end(play);
}

/* While ACCOUNTS thinks about the new session, the registry does not hear of the end of the old. */
static void test_a_peer_does_not_flicker(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    uint64_t old = play_welcome(play, client, "ana", 1);
    play->holds_logins = true;
    INTERNAL(LoginDone) done = ROOST__INTERNAL__LOGIN_DONE__INIT;
    Roost__V1__Hello hello = make_hello("ana");
    for (int round = 0; round < 2; round++) { /* let in; refused */
        say_hello(play, client, &hello);
        (void)play_take(play, ACTOR_SYNC_MANAGER, MSG_SESSION_CLOSED);
        play_take_nothing(play, ACTOR_PEER_REGISTRY);
        done.code = round ? err_code(ERR_BUSY) : 0;
        log_in(play, "", &done);
        if (round == 0)
            let_in(play, 1, 0);
        const struct msg *closed = play_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED);
        assert_int_equal(MSG_BODY(closed, INTERNAL(SessionClosed))->session, old + (uint64_t)round);
        (void)play_drop(play, client);
    }
    zmq_close(client);
    play_end(play);
}

/* No answer from ACCOUNTS: refused, and the registry never hears of it. */
static void test_accounts_do_not_answer(void **state)
{
    (void)state;
    struct play *play = play_new();
    play->holds_logins = true;
    play->options.heartbeat_ms = 60000;
    play_start(play);
    void *client = play_connect(play, NULL);
    Roost__V1__Hello hello = make_hello("ana");
    say_hello(play, client, &hello);
    sim_advance(play->sim, 16000);
    play_hear_error(play, client, ERR_TIMEOUT);
    play_take_nothing(play, ACTOR_PEER_REGISTRY);
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 0);
    zmq_close(client);
    play_end(play);
}

static void change(struct play *play, const char *name, uint32_t code, bool only_unverified,
                   uint32_t role)
{
    INTERNAL(AccountChanged) changed = ROOST__INTERNAL__ACCOUNT_CHANGED__INIT;
    changed.name = play_bytes(name);
    changed.code = code;
    changed.only_unverified = only_unverified;
    changed.role = role;
    play_post(play, ACTOR_ACCOUNTS, MSG_ACCOUNT_CHANGED, &changed.base, NULL);
}

/* A ban ends the sessions of the name; that a name has an account now, those that proved nothing. */
static void test_changes_reach_open_sessions(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *ana = play_connect(play, NULL), *bob = play_connect(play, NULL);
    uint64_t session = play_welcome(play, ana, "Ana", 1);
    (void)play_welcome(play, bob, "bob", 2);
    change(play, "ana", 0, false, ROOST__V1__ROLE__ADMIN);
    play_hear_nothing(play, ana);
    change(play, "ANA", err_code(ERR_NO_CREDENTIALS), true, 0);
    const Roost__V1__Goodbye *goodbye = play_hear(play, ana, ROOST__V1__TYPE__GOODBYE).goodbye;
    assert_int_equal(goodbye->reason, err_code(ERR_NO_CREDENTIALS));
    play_take_closed(play, session, err_code(ERR_NO_CREDENTIALS));

    play->holds_logins = true;
    INTERNAL(LoginDone) done = ROOST__INTERNAL__LOGIN_DONE__INIT;
    done.is_verified = true;
    done.role = ROOST__V1__ROLE__USER;
    Roost__V1__Hello hello = make_hello("ana");
    hello.credentials = play_bytes("secret");
    say_hello(play, ana, &hello);
    log_in(play, "secret", &done);
    let_in(play, 1, 0);
    (void)play_hear(play, ana, ROOST__V1__TYPE__WELCOME);
    change(play, "ana", err_code(ERR_NO_CREDENTIALS), true, 0);
    play_hear_nothing(play, ana);
    change(play, "ana", err_code(ERR_ACCOUNT_BANNED), false, 0);
    goodbye = play_hear(play, ana, ROOST__V1__TYPE__GOODBYE).goodbye;
    assert_int_equal(goodbye->reason, err_code(ERR_ACCOUNT_BANNED));
    play_hear_nothing(play, bob);
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 1);
    zmq_close(ana);
    zmq_close(bob);
    play_end(play);
}

static void test_registry_refuses(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    Roost__V1__Hello hello = make_hello("ana");
    say_hello(play, client, &hello);
    let_in(play, 0, err_code(ERR_NOT_ALLOWED));
    play_hear_error(play, client, ERR_NOT_ALLOWED);
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 0);
    play_take_nothing(play, ACTOR_PEER_REGISTRY);
    (void)play_welcome(play, client, "ana", 1);
    zmq_close(client);
    play_end(play);
}

static void test_registry_does_not_answer(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    Roost__V1__Hello hello = make_hello("ana");
    say_hello(play, client, &hello);
    (void)play_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN);
    say_hello(play, client, &hello); /* said twice */
    play_take_nothing(play, ACTOR_PEER_REGISTRY);
    for (int i = 0; i < 4; i++) {
        sim_advance(play->sim, 4900);
        Roost__V1__Ping ping = ROOST__V1__PING__INIT;
        play_say(play, client, ROOST__V1__TYPE__PING, &ping.base);
    }
    for (int i = 0; i < 3; i++)
        (void)play_hear(play, client, ROOST__V1__TYPE__PONG);
    play_hear_error(play, client, ERR_TIMEOUT);
    const struct msg *closed = play_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED);
    assert_int_equal(MSG_BODY(closed, INTERNAL(SessionClosed))->reason, err_code(ERR_TIMEOUT));
    play_take_nothing(play, ACTOR_SYNC_MANAGER);
    zmq_close(client);
    play_end(play);
}

static void test_early_frames(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    Roost__V1__Hello hello = make_hello("ana");
    say_hello(play, client, &hello);
    Roost__V1__Detach detach = ROOST__V1__DETACH__INIT;
    detach.handle = 1;
    play_say(play, client, ROOST__V1__TYPE__DETACH, &detach.base);
    play_hear_error(play, client, ERR_NO_SESSION);
    let_in(play, 1, 0);
    (void)play_hear(play, client, ROOST__V1__TYPE__WELCOME);
    zmq_close(client);
    play_end(play);
}

static void test_resume_ends_the_old_session(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *old = play_connect(play, NULL);
    Roost__V1__Hello hello = make_hello("ana");
    say_hello(play, old, &hello);
    let_in(play, 1, 0);
    const Roost__V1__Welcome *welcome = play_hear(play, old, ROOST__V1__TYPE__WELCOME).welcome;
    uint8_t token[16];
    memcpy(token, welcome->resume_token.data, sizeof(token));

    void *thief = play_connect(play, NULL); /* has the token, but another name */
    Roost__V1__Hello theft = make_hello("eve");
    theft.resume_token = (ProtobufCBinaryData){sizeof(token), token};
    say_hello(play, thief, &theft);
    let_in(play, 2, 0);
    assert_false(play_hear(play, thief, ROOST__V1__TYPE__WELCOME).welcome->resumed);
    play_hear_nothing(play, old);

    void *fresh = play_connect(play, NULL);
    hello.resume_token = (ProtobufCBinaryData){sizeof(token), token};
    say_hello(play, fresh, &hello);
    const Roost__V1__Goodbye *goodbye = play_hear(play, old, ROOST__V1__TYPE__GOODBYE).goodbye;
    assert_int_equal(goodbye->reason, err_code(ERR_TAKEN_OVER));
    let_in(play, 1, 0); /* the registry hears of the new one first: the peer does not flicker */
    welcome = play_hear(play, fresh, ROOST__V1__TYPE__WELCOME).welcome;
    assert_true(welcome->resumed);
    assert_memory_not_equal(welcome->resume_token.data, token, sizeof(token));
    const struct msg *closed = play_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED);
    assert_int_equal(MSG_BODY(closed, INTERNAL(SessionClosed))->reason, err_code(ERR_TAKEN_OVER));
    (void)play_take(play, ACTOR_SYNC_MANAGER, MSG_SESSION_CLOSED);
    (void)play_take(play, ACTOR_PERSISTENCE, MSG_SESSION_CLOSED);
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 2);
    zmq_close(old);
    zmq_close(thief);
    zmq_close(fresh);
    play_end(play);
}

static void test_hello_again_is_a_new_session(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, "fixed");
    uint64_t first = play_welcome(play, client, "ana", 1);
    uint64_t second = play_welcome(play, client, "ana", 1);
    assert_true(second > first);
    play_take_closed(play, first, err_code(ERR_TAKEN_OVER));
    play_hear_nothing(play, client);
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 1);
    zmq_close(client);
    play_end(play);
}

static void test_sessions_max(void **state)
{
    (void)state;
    struct play *play = play_new();
    play->options.sessions_max = 2;
    play_start(play);
    void *clients[3];
    for (int i = 0; i < 2; i++) {
        clients[i] = play_connect(play, NULL);
        (void)play_welcome(play, clients[i], "ana", 1);
    }
    clients[2] = play_connect(play, NULL);
    Roost__V1__Hello hello = make_hello("bob");
    say_hello(play, clients[2], &hello);
    play_hear_error(play, clients[2], ERR_TOO_MANY);
    assert_int_equal(play_metric(play, METRIC_SESSIONS_REFUSED), 1);
    for (int i = 0; i < 3; i++)
        zmq_close(clients[i]);
    play_end(play);
}

/* Who waits for WELCOME says nothing meanwhile, and is told that it will not come. */
static void test_who_waits_in_silence_is_refused(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    Roost__V1__Hello hello = make_hello("ana");
    say_hello(play, client, &hello);
    (void)play_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN);
    sim_advance(play->sim, 3 * PLAY_HEARTBEAT_MS + 100);
    play_hear_error(play, client, ERR_TIMEOUT);
    (void)play_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED);
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 0);
    zmq_close(client);
    play_end(play);
}

static void test_silence_ends_a_session(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    uint64_t session = play_welcome(play, client, "ana", 1);
    sim_advance(play->sim, PLAY_HEARTBEAT_MS - 10);
    play_hear_nothing(play, client);
    sim_advance(play->sim, 20);
    (void)play_hear(play, client, ROOST__V1__TYPE__PING);
    sim_advance(play->sim, PLAY_HEARTBEAT_MS);
    (void)play_hear(play, client, ROOST__V1__TYPE__PING);
    sim_advance(play->sim, PLAY_HEARTBEAT_MS - 100);
    play_hear_nothing(play, client);
    sim_advance(play->sim, 200);
    assert_int_equal(play_hear(play, client, ROOST__V1__TYPE__GOODBYE).goodbye->reason,
                     err_code(ERR_TIMEOUT));
    const struct msg *msg = sim_take(play->sim, ACTOR_PEER_REGISTRY);
    while (msg && msg->kind == MSG_SESSIONS_SEEN)
        msg = sim_take(play->sim, ACTOR_PEER_REGISTRY);
    assert_int_equal(msg->kind, MSG_SESSION_CLOSED);
    assert_int_equal(MSG_BODY(msg, INTERNAL(SessionClosed))->session, session);
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 0);
    Roost__V1__Ping ping = ROOST__V1__PING__INIT;
    play_say(play, client, ROOST__V1__TYPE__PING, &ping.base);
    (void)play_hear(play, client, ROOST__V1__TYPE__NO_SESSION);
    zmq_close(client);
    play_end(play);
}

/* What lies unread counts in favour of those who sent it, but not for ever. */
static void test_silence_is_judged_when_the_socket_is_empty(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *quiet = play_connect(play, NULL);
    (void)play_welcome(play, quiet, "ana", 1);
    void *loud = play_connect(play, NULL);
    (void)play_welcome(play, loud, "bob", 2);
    for (int i = 0; i < 400; i++) /* more than one turn reads */
        assert_int_equal(zmq_send(loud, "x", 1, ZMQ_DONTWAIT), 1);
    sim_advance(play->sim, 3 * PLAY_HEARTBEAT_MS - 100);
    play_read(play);
    sim_advance(play->sim, 1000);
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 2);
    sim_advance(play->sim, 2000);
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 1); /* only the quiet one */
    zmq_close(quiet);
    zmq_close(loud);
    play_end(play);
}

static void test_any_frame_is_a_heartbeat(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    for (int i = 0; i < 20; i++) {
        sim_advance(play->sim, 4000);
        play_say_bytes(play, client, "garbage", 7); /* even that */
    }
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 1);
    zmq_close(client);
    play_end(play);
}

static void test_registry_hears_who_was_seen(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    uint64_t session = play_welcome(play, client, "ana", 1);
    sim_advance(play->sim, 10100);
    const struct msg *msg = play_take(play, ACTOR_PEER_REGISTRY, MSG_SESSIONS_SEEN);
    const INTERNAL(SessionsSeen) *seen = MSG_BODY(msg, INTERNAL(SessionsSeen));
    assert_int_equal(seen->n_sessions, 1);
    assert_int_equal(seen->sessions[0], session);
    assert_int_equal(seen->n_peer_names, 1);
    assert_memory_equal(seen->peer_names[0].data, "ana", 3);
    sim_advance(play->sim, 10000); /* silent since */
    const struct msg *next = sim_take(play->sim, ACTOR_PEER_REGISTRY);
    assert_true(!next || next->kind == MSG_SESSION_CLOSED);
    zmq_close(client);
    play_end(play);
}

static void test_goodbye(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    uint64_t session = play_welcome(play, client, "ana", 1);
    Roost__V1__Goodbye goodbye = ROOST__V1__GOODBYE__INIT;
    play_say(play, client, ROOST__V1__TYPE__GOODBYE, &goodbye.base);
    assert_int_equal(play_hear(play, client, ROOST__V1__TYPE__GOODBYE).goodbye->reason, 0);
    play_take_closed(play, session, 0);
    Roost__V1__Ping ping = ROOST__V1__PING__INIT;
    play_say(play, client, ROOST__V1__TYPE__PING, &ping.base);
    (void)play_hear(play, client, ROOST__V1__TYPE__NO_SESSION);
    zmq_close(client);
    play_end(play);
}

static void test_connection_gone(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    uint64_t session = play_welcome(play, client, "ana", 1);
    zmq_close(client);
    /* A DELIVER finds that out before the heartbeat does, once the socket is really gone. */
    for (int i = 0; i < 1000 && play_metric(play, METRIC_SESSIONS) == 1; i++) {
        zmq_msg_t frame;
        assert_int_equal(zmq_msg_init_size(&frame, 4), 0);
        INTERNAL(DeliverOut) deliver = ROOST__INTERNAL__DELIVER_OUT__INIT;
        deliver.session = session;
        play_post(play, ACTOR_HISTORY, MSG_DELIVER_OUT, &deliver.base, &frame);
        play_read(play);
        (void)zmq_poll(NULL, 0, 1);
    }
    assert_int_equal(play_metric(play, METRIC_SESSIONS), 0);
    play_take_closed(play, session, err_code(ERR_NO_SESSION));
    play_end(play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_leads_to_welcome),
        cmocka_unit_test(test_wrong_hellos),
        cmocka_unit_test(test_credentials_are_checked_first),
        cmocka_unit_test(test_a_peer_does_not_flicker),
        cmocka_unit_test(test_accounts_do_not_answer),
        cmocka_unit_test(test_changes_reach_open_sessions),
        cmocka_unit_test(test_registry_refuses),
        cmocka_unit_test(test_registry_does_not_answer),
        cmocka_unit_test(test_early_frames),
        cmocka_unit_test(test_resume_ends_the_old_session),
        cmocka_unit_test(test_hello_again_is_a_new_session),
        cmocka_unit_test(test_sessions_max),
        cmocka_unit_test(test_who_waits_in_silence_is_refused),
        cmocka_unit_test(test_silence_ends_a_session),
        cmocka_unit_test(test_silence_is_judged_when_the_socket_is_empty),
        cmocka_unit_test(test_any_frame_is_a_heartbeat),
        cmocka_unit_test(test_registry_hears_who_was_seen),
        cmocka_unit_test(test_goodbye),
        cmocka_unit_test(test_connection_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
