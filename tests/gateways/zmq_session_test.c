/* SPDX-License-Identifier: MPL-2.0
 *
 * The table of sessions, without sockets and with time as an argument.
 */
#include "play.h"

#include <stdio.h>

#include "gateways/zmq/zmq_session.h"

#define HEARTBEAT_MS 1000

static const uint8_t token_a[WIRE_TOKEN_BYTES] = "token-a........";
static const uint8_t token_b[WIRE_TOKEN_BYTES] = "token-b........";

static struct mono_time at_ms(int64_t ms)
{
    return (struct mono_time){ms * 1000000};
}

static struct zmq_session *add(struct zmq_sessions *sessions, const char *routing, int64_t ms)
{
    struct zmq_session *session = NULL;
    assert_int_equal(zmq_session_add(sessions, routing, strlen(routing), at_ms(ms), &session),
                     ERR_OK);
    return session;
}

static void name(struct zmq_session *session, const char *text)
{
    session->name_size = (uint8_t)strlen(text);
    memcpy(session->name, text, session->name_size);
}

static void test_life(void **state)
{
    struct zmq_sessions sessions;
    (void)state;
    zmq_sessions_init(&sessions, 10, HEARTBEAT_MS, 100);
    assert_null(zmq_session_of_routing(&sessions, "r1", 2));
    struct zmq_session *one = add(&sessions, "r1", 0);
    struct zmq_session *two = add(&sessions, "", 0); /* any bytes are a routing id */
    assert_int_equal(one->id, 100);
    assert_int_equal(two->id, 101);
    assert_ptr_equal(zmq_session_of_routing(&sessions, "r1", 2), one);
    assert_ptr_equal(zmq_session_of_id(&sessions, 101), two);
    assert_int_equal(zmq_session_open(&sessions, one, token_a), ERR_OK);
    zmq_session_close(&sessions, one, 7, ZMQ_TELL_SYNC);
    assert_null(zmq_session_of_routing(&sessions, "r1", 2));
    assert_ptr_equal(zmq_session_of_id(&sessions, 100), one);
    assert_int_equal(one->close_reason, 7);
    struct zmq_session *again = add(&sessions, "r1", 0);
    assert_ptr_equal(zmq_session_of_routing(&sessions, "r1", 2), again);
    zmq_session_remove(&sessions, &one);
    assert_null(one);
    assert_null(zmq_session_of_id(&sessions, 100));
    assert_int_equal(zmq_sessions_live(&sessions), 2);
    zmq_sessions_fini(&sessions);
}

static void test_token_is_of_one_peer(void **state)
{
    struct zmq_sessions sessions;
    (void)state;
    zmq_sessions_init(&sessions, 10, HEARTBEAT_MS, 1);
    struct zmq_session *session = add(&sessions, "r", 0);
    name(session, "Ana");
    assert_null(zmq_session_of_token(&sessions, token_a, sizeof(token_a), "Ana", 3));
    assert_int_equal(zmq_session_open(&sessions, session, token_a), ERR_OK);
    assert_ptr_equal(zmq_session_of_token(&sessions, token_a, 16, "Ana", 3), session);
    assert_ptr_equal(zmq_session_of_token(&sessions, token_a, 16, "ANA", 3), session);
    assert_null(zmq_session_of_token(&sessions, token_a, 16, "Bob", 3));
    assert_null(zmq_session_of_token(&sessions, token_b, 16, "Ana", 3));
    assert_null(zmq_session_of_token(&sessions, token_a, 15, "Ana", 3));
    assert_null(zmq_session_of_token(&sessions, "", 0, "Ana", 3));
    zmq_session_close(&sessions, session, 0, 0);
    assert_null(zmq_session_of_token(&sessions, token_a, 16, "Ana", 3));
    zmq_sessions_fini(&sessions);
}

static void test_limit(void **state)
{
    struct zmq_sessions sessions;
    struct zmq_session *session, *live[4];
    (void)state;
    zmq_sessions_init(&sessions, 4, HEARTBEAT_MS, 1);
    for (int i = 0; i < 4; i++)
        live[i] = add(&sessions, (char[]){(char)('a' + i), 0}, 0);
    assert_int_equal(zmq_session_add(&sessions, "x", 1, at_ms(0), &session), ERR_TOO_MANY);
    for (int i = 0; i < 4; i++)
        zmq_session_close(&sessions, live[i], 0, 0);
    for (int i = 0; i < 4; i++)
        zmq_session_remove(&sessions, &live[i]);
    for (int i = 0; i < 4; i++)
        live[i] = add(&sessions, (char[]){(char)('a' + i), 0}, 0);
    for (int i = 0; i < 4; i++)
        zmq_session_close(&sessions, live[i], 0, 0);
    /* As many closing as may live: those who come and go without end wait for their end. */
    assert_int_equal(zmq_session_add(&sessions, "x", 1, at_ms(0), &session), ERR_TOO_MANY);
    zmq_sessions_fini(&sessions);
}

static void test_heartbeats(void **state)
{
    struct zmq_sessions sessions;
    struct zmq_session *due = NULL;
    (void)state;
    zmq_sessions_init(&sessions, 10, HEARTBEAT_MS, 1);
    assert_int_equal(zmq_sessions_next_due(&sessions).ns, MONO_NEVER.ns);
    struct zmq_session *quiet = add(&sessions, "quiet", 0);
    struct zmq_session *loud = add(&sessions, "loud", 0);
    assert_int_equal(zmq_sessions_next_due(&sessions).ns, at_ms(1000).ns);
    assert_int_equal(zmq_sessions_take_due(&sessions, at_ms(999), &due), ZMQ_DUE_NONE);
    zmq_session_heard(loud, at_ms(999));
    assert_int_equal(zmq_sessions_take_due(&sessions, at_ms(1000), &due), ZMQ_DUE_SILENT);
    assert_ptr_equal(due, quiet);
    assert_int_equal(zmq_sessions_take_due(&sessions, at_ms(1000), &due), ZMQ_DUE_NONE);
    zmq_session_heard(loud, at_ms(1999));
    assert_int_equal(zmq_sessions_take_due(&sessions, at_ms(2000), &due), ZMQ_DUE_SILENT);
    assert_ptr_equal(due, quiet);
    assert_int_equal(zmq_sessions_take_due(&sessions, at_ms(2000), &due), ZMQ_DUE_NONE);
    zmq_session_heard(loud, at_ms(2999));
    assert_int_equal(zmq_sessions_take_due(&sessions, at_ms(3000), &due), ZMQ_DUE_DEAD);
    assert_ptr_equal(due, quiet);
    zmq_session_close(&sessions, due, 0, 0);
    assert_int_equal(zmq_sessions_take_due(&sessions, at_ms(3000), &due), ZMQ_DUE_NONE);
    assert_int_equal(zmq_sessions_take_due(&sessions, at_ms(9000), &due), ZMQ_DUE_DEAD);
    assert_ptr_equal(due, loud);
    zmq_sessions_fini(&sessions);
}

static void test_presence_list(void **state)
{
    struct zmq_sessions sessions;
    (void)state;
    zmq_sessions_init(&sessions, 10, HEARTBEAT_MS, 1);
    struct zmq_session *all[3];
    for (int i = 0; i < 3; i++) {
        all[i] = add(&sessions, (char[]){(char)('a' + i), 0}, 0);
        zmq_session_want_presence(&sessions, all[i], true);
        zmq_session_want_presence(&sessions, all[i], true); /* twice is once */
    }
    assert_int_equal(sessions.presence.count, 3);
    zmq_session_want_presence(&sessions, all[1], false);
    zmq_session_close(&sessions, all[0], 0, 0);
    assert_int_equal(sessions.presence.count, 1);
    assert_ptr_equal(sessions.presence.head, all[2]);
    assert_ptr_equal(sessions.presence.tail, all[2]);
    assert_ptr_equal(sessions.closing.head, all[0]);
    zmq_sessions_fini(&sessions);
}

/* Many come, speak, fall silent and go: the table stays consistent and empty at the end. */
static void test_churn(void **state)
{
    struct zmq_sessions sessions;
    struct zmq_session *session;
    (void)state;
    zmq_sessions_init(&sessions, 500, HEARTBEAT_MS, 1);
    for (int64_t ms = 0; ms < 20000; ms++) {
        char routing[16];
        int size = snprintf(routing, sizeof(routing), "%ld", (long)(ms % 700));
        session = zmq_session_of_routing(&sessions, routing, (size_t)size);
        if (session)
            zmq_session_heard(session, at_ms(ms));
        else
            (void)!zmq_session_add(&sessions, routing, (size_t)size, at_ms(ms), &session);
        while (zmq_sessions_take_due(&sessions, at_ms(ms), &session) == ZMQ_DUE_DEAD)
            zmq_session_close(&sessions, session, 0, 0);
        while (sessions.closing.count > 10) {
            session = sessions.closing.head;
            zmq_session_remove(&sessions, &session);
        }
    }
    assert_true(zmq_sessions_live(&sessions) > 0);
    while (zmq_sessions_take_due(&sessions, at_ms(1000000), &session) != ZMQ_DUE_NONE)
        zmq_session_close(&sessions, session, 0, 0);
    while ((session = sessions.closing.head))
        zmq_session_remove(&sessions, &session);
    assert_int_equal(u64map_count(&sessions.by_id), 0);
    assert_int_equal(hash_count(&sessions.by_routing), 0);
    zmq_sessions_fini(&sessions);
}

/* A routing id that is free again leads to another session; a token still leads to the old one. */
static void test_connections_end(void **state)
{
    struct zmq_sessions sessions;
    (void)state;
    zmq_sessions_init(&sessions, 10, HEARTBEAT_MS, 1);
    struct zmq_session *one = add(&sessions, "r", 0);
    name(one, "ana");
    assert_int_equal(zmq_session_plug(&sessions, one, 7), ERR_OK);
    assert_int_equal(zmq_session_open(&sessions, one, token_a), ERR_OK);
    zmq_sessions_unplug(&sessions, 8); /* nobody's */
    assert_ptr_equal(zmq_session_of_routing(&sessions, "r", 1), one);
    zmq_sessions_unplug(&sessions, 7);
    zmq_sessions_unplug(&sessions, 7);
    assert_true(one->is_unplugged);
    assert_null(zmq_session_of_routing(&sessions, "r", 1));
    assert_ptr_equal(zmq_session_of_token(&sessions, token_a, sizeof(token_a), "ana", 3), one);
    struct zmq_session *two = add(&sessions, "r", 0);
    assert_int_equal(zmq_session_plug(&sessions, two, 7), ERR_OK);
    zmq_session_close(&sessions, one, 0, 0);
    assert_ptr_equal(zmq_session_of_routing(&sessions, "r", 1), two);
    zmq_session_remove(&sessions, &one);
    assert_ptr_equal(u64map_get_pointer(&sessions.by_descriptor, 7), two);

    /* HELLO again by the same connection: the older session is closing, and never reached again. */
    zmq_session_close(&sessions, two, 0, 0);
    struct zmq_session *three = add(&sessions, "r", 0);
    assert_int_equal(zmq_session_plug(&sessions, three, 7), ERR_OK);
    assert_true(two->is_unplugged);
    zmq_session_remove(&sessions, &two);
    zmq_sessions_unplug(&sessions, 7);
    assert_true(three->is_unplugged);
    zmq_session_close(&sessions, three, 0, 0);
    zmq_session_remove(&sessions, &three);
    assert_int_equal(u64map_count(&sessions.by_descriptor), 0);
    zmq_sessions_fini(&sessions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_end),
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_token_is_of_one_peer),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_heartbeats),
        cmocka_unit_test(test_presence_list),
        cmocka_unit_test(test_churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
