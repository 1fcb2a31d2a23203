/* SPDX-License-Identifier: MPL-2.0
 *
 * Requests to the other actors and their answers: ATTACH, SETTLE, QUERY, CALL.
 */
#include "play.h"

#include <stdio.h>

static void say_attach(struct scene *scene, uint32_t handle, const char *scope,
                       const char *consumer)
{
    Roost__V1__Attach attach = ROOST__V1__ATTACH__INIT;
    attach.handle = handle;
    attach.scope = play_bytes(scope);
    attach.consumer = play_bytes(consumer);
    attach.start = ROOST__V1__START__START_SEQ;
    attach.start_value = 99;
    attach.credit_messages = 10;
    attach.credit_bytes = 1000;
    attach.must_exist = true;
    play_say(scene->play, scene->client, ROOST__V1__TYPE__ATTACH, &attach.base);
}

static void test_attach(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    say_attach(&scene, 7, "topic:sensors.*", "");
    const struct msg *msg = play_take(scene.play, ACTOR_SYNC_MANAGER, MSG_ATTACH);
    const INTERNAL(Attach) *body = MSG_BODY(msg, INTERNAL(Attach));
    assert_int_equal(body->session, scene.session);
    assert_int_equal(body->peer_id, 42);
    assert_memory_equal(body->peer_name.data, "ana", 3);
    assert_int_equal(body->handle, 7);
    assert_int_equal(body->scope_kind, 4);
    assert_memory_equal(body->scope_name.data, "sensors.*", 9);
    assert_int_equal(body->scope_name.len, 9);
    assert_memory_equal(body->consumer.data, "main", 4);
    assert_int_equal(body->lease_ms, 30000);
    assert_int_equal(body->start, ROOST__V1__START__START_SEQ);
    assert_int_equal(body->start_value, 99);
    assert_int_equal(body->credit_messages, 10);
    assert_int_equal(body->credit_bytes, 1000);
    assert_true(body->must_exist);
    INTERNAL(Attached) answer = ROOST__INTERNAL__ATTACHED__INIT;
    answer.session = scene.session;
    answer.handle = 7;
    answer.floor_seq = 5;
    answer.waiting = 6;
    answer.lease_ms = 30000;
    answer.scope_kind = 4;
    answer.scope_name = play_bytes("sensors.*");
    answer.consumer = play_bytes("main");
    answer.took_over = true;
    play_answer(scene.play, msg, ACTOR_SYNC_MANAGER, MSG_ATTACHED, &answer.base, NULL);
    const Roost__V1__Attached *attached =
        play_hear(scene.play, scene.client, ROOST__V1__TYPE__ATTACHED).attached;
    assert_int_equal(attached->handle, 7);
    assert_int_equal(attached->code, 0);
    assert_int_equal(attached->floor_seq, 5);
    assert_int_equal(attached->waiting, 6);
    assert_true(attached->took_over);
    assert_memory_equal(attached->scope.data, "topic:sensors.*", 15);
    scene_end(&scene);
}

static void test_attach_refused_and_unanswered(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    say_attach(&scene, 1, "queue:none", "c");
    const struct msg *msg = play_take(scene.play, ACTOR_SYNC_MANAGER, MSG_ATTACH);
    INTERNAL(Attached) answer = ROOST__INTERNAL__ATTACHED__INIT;
    answer.code = err_code(ERR_NO_SUCH_CONSUMER);
    play_answer(scene.play, msg, ACTOR_SYNC_MANAGER, MSG_ATTACHED, &answer.base, NULL);
    const Roost__V1__Attached *attached =
        play_hear(scene.play, scene.client, ROOST__V1__TYPE__ATTACHED).attached;
    assert_int_equal(attached->code, 3004);
    assert_true(attached->text[0] != 0);

    for (uint32_t i = 0; i < 65; i++)
        say_attach(&scene, i + 1, "queue:q", "c");
    attached = play_hear(scene.play, scene.client, ROOST__V1__TYPE__ATTACHED).attached;
    assert_int_equal(attached->handle, 65); /* too many at once */
    assert_int_equal(attached->code, err_code(ERR_BUSY));
    for (int i = 0; i < 64; i++)
        (void)play_take(scene.play, ACTOR_SYNC_MANAGER, MSG_ATTACH);
    for (int i = 0; i < 4; i++) {
        sim_advance(scene.play->sim, 4000);
        play_say_bytes(scene.play, scene.client, "x", 1); /* alive */
    }
    unsigned timeouts = 0;
    zmq_msg_t frame;
    assert_int_equal(zmq_msg_init(&frame), 0);
    while (zmq_msg_recv(&frame, scene.client, ZMQ_DONTWAIT) >= 0) {
        uint32_t type;
        assert_int_equal(wire_peek_type(zmq_msg_data(&frame), zmq_msg_size(&frame), &type), ERR_OK);
        timeouts += type == ROOST__V1__TYPE__ATTACHED;
    }
    assert_int_equal(timeouts, 64);
    for (int i = 0; i < 64; i++) /* the handle is not left half attached */
        (void)play_take(scene.play, ACTOR_SYNC_MANAGER, MSG_DETACH);
    scene_end(&scene);
}

static void test_credit(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    Roost__V1__Credit credit = ROOST__V1__CREDIT__INIT;
    credit.handle = 3;
    credit.messages_total = 100;
    credit.bytes_total = 200;
    play_say(scene.play, scene.client, ROOST__V1__TYPE__CREDIT, &credit.base);
    const INTERNAL(Credit) *credited =
        MSG_BODY(play_take(scene.play, ACTOR_SYNC_MANAGER, MSG_CREDIT), INTERNAL(Credit));
    assert_int_equal(credited->session, scene.session);
    assert_int_equal(credited->handle, 3);
    assert_int_equal(credited->messages_total, 100);
    assert_int_equal(credited->bytes_total, 200);
    scene_end(&scene);
}

static void test_settle(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    Roost__V1__SettleRange ranges[2] = {ROOST__V1__SETTLE_RANGE__INIT,
                                        ROOST__V1__SETTLE_RANGE__INIT};
    Roost__V1__SettleRange *pointers[] = {&ranges[0], &ranges[1]};
    ranges[0].first_delivery_no = 1;
    ranges[0].last_delivery_no = 9;
    ranges[0].outcome = ROOST__V1__OUTCOME__ACK;
    ranges[1].first_delivery_no = 12; /* last 0: only this one */
    ranges[1].outcome = ROOST__V1__OUTCOME__FAIL;
    ranges[1].delay_ms = 50;
    ranges[1].reason = (char[]){"no paper"};
    Roost__V1__Settle settle = ROOST__V1__SETTLE__INIT;
    settle.handle = 3;
    settle.confirm_id = 77;
    settle.ranges = pointers;
    settle.n_ranges = 2;
    play_say(scene.play, scene.client, ROOST__V1__TYPE__SETTLE, &settle.base);
    const INTERNAL(Settle) *settled =
        MSG_BODY(play_take(scene.play, ACTOR_SYNC_MANAGER, MSG_SETTLE), INTERNAL(Settle));
    assert_int_equal(settled->confirm_id, 77);
    assert_int_equal(settled->n_ranges, 2);
    assert_int_equal(settled->ranges[0]->last_delivery_no, 9);
    assert_int_equal(settled->ranges[1]->last_delivery_no, 12);
    assert_int_equal(settled->ranges[1]->outcome, ROOST__V1__OUTCOME__FAIL);
    assert_string_equal(settled->ranges[1]->reason, "no paper");

    INTERNAL(NumberException) exception = ROOST__INTERNAL__NUMBER_EXCEPTION__INIT;
    INTERNAL(NumberException) * exceptions[] = {&exception};
    exception.no = 12;
    exception.code = err_code(ERR_STALE_LEASE);
    INTERNAL(Settled) answer = ROOST__INTERNAL__SETTLED__INIT;
    answer.session = scene.session;
    answer.handle = 3;
    answer.confirm_id = 77;
    answer.exceptions = exceptions;
    answer.n_exceptions = 1;
    play_post(scene.play, ACTOR_SYNC_MANAGER, MSG_SETTLED, &answer.base, NULL);
    const Roost__V1__Settled *told =
        play_hear(scene.play, scene.client, ROOST__V1__TYPE__SETTLED).settled;
    assert_int_equal(told->confirm_id, 77);
    assert_int_equal(told->exceptions[0]->delivery_no, 12);
    assert_int_equal(told->exceptions[0]->code, 5001);
    scene_end(&scene);
}

static void test_detach(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    Roost__V1__Detach detach = ROOST__V1__DETACH__INIT;
    detach.handle = 3;
    play_say(scene.play, scene.client, ROOST__V1__TYPE__DETACH, &detach.base);
    (void)play_take(scene.play, ACTOR_SYNC_MANAGER, MSG_DETACH);
    INTERNAL(Detached) detached = ROOST__INTERNAL__DETACHED__INIT;
    detached.session = scene.session;
    detached.handle = 4;
    detached.code = err_code(ERR_TAKEN_OVER);
    play_post(scene.play, ACTOR_SYNC_MANAGER, MSG_DETACHED, &detached.base, NULL);
    const Roost__V1__Detach *lost =
        play_hear(scene.play, scene.client, ROOST__V1__TYPE__DETACH).detach;
    assert_int_equal(lost->handle, 4);
    assert_int_equal(lost->code, 5005);
    scene_end(&scene);
}

static void test_deliver_is_offered_as_it_is(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    char bytes[100];
    scene_post_frame(&scene, scene.session, 50);
    assert_int_equal(zmq_recv(scene.client, bytes, sizeof(bytes), ZMQ_DONTWAIT), 50);
    assert_int_equal(bytes[49], 'x');
    int64_t dropped = play_metric(scene.play, METRIC_DROPPED);
    scene_post_frame(&scene, scene.session + 1, 50); /* nobody */
    assert_int_equal(play_metric(scene.play, METRIC_DROPPED), dropped + 1);
    play_hear_nothing(scene.play, scene.client);
    scene_end(&scene);
}

static void say_query(struct scene *scene, uint64_t request_id, Roost__V1__QueryKind kind)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.request_id = request_id;
    query.kind = kind;
    query.scope = play_bytes("queue:q");
    play_say(scene->play, scene->client, ROOST__V1__TYPE__QUERY, &query.base);
}

static void test_query(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    say_query(&scene, 5, ROOST__V1__QUERY_KIND__HISTORY);
    const struct msg *msg = play_take(scene.play, ACTOR_HISTORY, MSG_QUERY);
    const INTERNAL(Query) *body = MSG_BODY(msg, INTERNAL(Query));
    assert_int_equal(body->session, scene.session);
    assert_int_equal(body->peer_id, 42);
    assert_true(body->is_admin);
    uint32_t type;
    assert_int_equal(wire_peek_type(zmq_msg_data(msg->payload), zmq_msg_size(msg->payload), &type),
                     ERR_OK);
    assert_int_equal(type, ROOST__V1__TYPE__QUERY);
    struct msg question = *msg;
    zmq_msg_t frame;
    Roost__V1__Result result = ROOST__V1__RESULT__INIT;
    result.request_id = 5;
    INTERNAL(QueryPart) part = ROOST__INTERNAL__QUERY_PART__INIT;
    part.session = scene.session;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(wire_pack(ROOST__V1__TYPE__RESULT, &result.base, &frame), ERR_OK);
        play_post(scene.play, ACTOR_HISTORY, MSG_QUERY_PART, &part.base, &frame);
    }
    Roost__V1__Fin fin = ROOST__V1__FIN__INIT;
    fin.request_id = 5;
    assert_int_equal(wire_pack(ROOST__V1__TYPE__FIN, &fin.base, &frame), ERR_OK);
    INTERNAL(QueryDone) done = ROOST__INTERNAL__QUERY_DONE__INIT;
    done.session = scene.session;
    play_answer(scene.play, &question, ACTOR_HISTORY, MSG_QUERY_DONE, &done.base, &frame);
    (void)play_hear(scene.play, scene.client, ROOST__V1__TYPE__RESULT);
    (void)play_hear(scene.play, scene.client, ROOST__V1__TYPE__RESULT);
    (void)play_hear(scene.play, scene.client, ROOST__V1__TYPE__FIN);

    say_query(&scene, 6, ROOST__V1__QUERY_KIND__INSPECT);
    (void)play_take(scene.play, ACTOR_SYNC_MANAGER, MSG_QUERY);
    Roost__V1__Sync sync = ROOST__V1__SYNC__INIT;
    sync.request_id = 7;
    play_say(scene.play, scene.client, ROOST__V1__TYPE__SYNC, &sync.base);
    (void)play_take(scene.play, ACTOR_HISTORY, MSG_QUERY);
    scene_end(&scene);
}

static void test_queries_are_bounded_and_time_out(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    for (uint64_t i = 1; i <= 17; i++)
        say_query(&scene, i, ROOST__V1__QUERY_KIND__PEERS);
    const Roost__V1__Fin *fin = play_hear(scene.play, scene.client, ROOST__V1__TYPE__FIN).fin;
    assert_int_equal(fin->request_id, 17);
    assert_int_equal(fin->code, err_code(ERR_BUSY));
    for (int i = 0; i < 4; i++) {
        sim_advance(scene.play->sim, 4000);
        Roost__V1__Detach alive = ROOST__V1__DETACH__INIT;
        alive.handle = 1;
        play_say(scene.play, scene.client, ROOST__V1__TYPE__DETACH, &alive.base);
    }
    for (int i = 0; i < 16; i++) {
        fin = play_hear(scene.play, scene.client, ROOST__V1__TYPE__FIN).fin;
        assert_int_equal(fin->code, err_code(ERR_TIMEOUT));
        assert_true(fin->request_id >= 1 && fin->request_id <= 16);
    }
    say_query(&scene, 18, ROOST__V1__QUERY_KIND__PEERS); /* there is room again */
    play_hear_nothing(scene.play, scene.client);
    scene_end(&scene);
}

static void test_calls_go_to_their_owners(void **state)
{
    static const struct {
        Roost__V1__Method method;
        uint8_t owner;
    } cases[] = {
        {ROOST__V1__METHOD__MARK_READ, ACTOR_PERSISTENCE},
        {ROOST__V1__METHOD__SCOPE_CREATE, ACTOR_PERSISTENCE},
        {ROOST__V1__METHOD__FLUSH_INDEX, ACTOR_PERSISTENCE},
        {ROOST__V1__METHOD__CANCEL, ACTOR_SYNC_MANAGER},
        {ROOST__V1__METHOD__DEAD_REDRIVE, ACTOR_SYNC_MANAGER},
        {ROOST__V1__METHOD__DEAD_PURGE, ACTOR_SYNC_MANAGER},
        {ROOST__V1__METHOD__CONSUMER_REMOVE, ACTOR_SYNC_MANAGER},
        {ROOST__V1__METHOD__PEER_REMOVE, ACTOR_PEER_REGISTRY},
        {ROOST__V1__METHOD__PEER_NICKNAME, ACTOR_PEER_REGISTRY},
        {ROOST__V1__METHOD__WARM_START_AGAIN, ACTOR_DISCOVERY},
    };
    (void)state;
    struct scene scene = scene_new();
    uint8_t ids[16] = {9};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Roost__V1__Call call = ROOST__V1__CALL__INIT;
        call.request_id = i + 1;
        call.method = cases[i].method;
        call.scope = play_bytes("queue:jobs");
        call.peer = play_bytes("bob");
        call.consumer = play_bytes("main");
        call.seq = 5;
        call.text = play_bytes("Bobby");
        call.message_ids = (ProtobufCBinaryData){sizeof(ids), ids};
        play_say(scene.play, scene.client, ROOST__V1__TYPE__CALL, &call.base);
        const struct msg *msg = play_take(scene.play, cases[i].owner, MSG_CALL);
        const INTERNAL(Call) *body = MSG_BODY(msg, INTERNAL(Call));
        assert_int_equal(body->method, cases[i].method);
        assert_int_equal(body->scope_kind, 3);
        assert_memory_equal(body->scope_name.data, "jobs", 4);
        assert_memory_equal(body->text.data, "Bobby", 5);
        assert_int_equal(body->message_ids.len, 16);
        INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
        done.count = 3;
        done.seq = 4;
        done.code = i % 2 ? err_code(ERR_NOT_ALLOWED) : 0;
        play_answer(scene.play, msg, cases[i].owner, MSG_CALL_DONE, &done.base, NULL);
        const Roost__V1__Reply *reply =
            play_hear(scene.play, scene.client, ROOST__V1__TYPE__REPLY).reply;
        assert_int_equal(reply->request_id, i + 1);
        assert_int_equal(reply->count, 3);
        assert_int_equal(reply->seq, 4);
        assert_int_equal(reply->code, done.code);
        assert_int_equal(reply->text[0] != 0, done.code != 0);
    }
    scene_end(&scene);
}

static void test_call_without_answer(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    call.request_id = 1;
    call.method = ROOST__V1__METHOD__FLUSH_INDEX;
    play_say(scene.play, scene.client, ROOST__V1__TYPE__CALL, &call.base);
    (void)play_take(scene.play, ACTOR_PERSISTENCE, MSG_CALL);
    for (int i = 0; i < 4; i++) {
        sim_advance(scene.play->sim, 4000);
        Roost__V1__Detach alive = ROOST__V1__DETACH__INIT;
        alive.handle = 1;
        play_say(scene.play, scene.client, ROOST__V1__TYPE__DETACH, &alive.base);
    }
    const Roost__V1__Reply *reply =
        play_hear(scene.play, scene.client, ROOST__V1__TYPE__REPLY).reply;
    assert_int_equal(reply->code, err_code(ERR_TIMEOUT));
    scene_end(&scene);
}

static void test_admins(void **state)
{
    static const char *const admins[] = {"ana"};
    (void)state;
    struct play *play = play_new();
    play->options.admins = admins;
    play_start(play);
    struct scene ana = {.play = play, .client = play_connect(play, NULL)};
    struct scene anabel = {.play = play, .client = play_connect(play, NULL)};
    ana.session = play_welcome(play, ana.client, "ana", 1);
    anabel.session = play_welcome(play, anabel.client, "anabel", 2);
    say_query(&ana, 1, ROOST__V1__QUERY_KIND__STATS);
    assert_true(MSG_BODY(play_take(play, ACTOR_HISTORY, MSG_QUERY), INTERNAL(Query))->is_admin);
    say_query(&anabel, 1, ROOST__V1__QUERY_KIND__STATS);
    assert_false(MSG_BODY(play_take(play, ACTOR_HISTORY, MSG_QUERY), INTERNAL(Query))->is_admin);
    zmq_close(anabel.client);
    scene_end(&ana);
}

/* Which of several open ones it was must be known to the client. */
static void test_unreadable_attach_is_refused_by_handle(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    say_attach(&scene, 7, "nonsense", "");
    const Roost__V1__Error *error =
        play_hear(scene.play, scene.client, ROOST__V1__TYPE__ERROR).error;
    assert_int_equal(error->code, err_code(ERR_BAD_SCOPE));
    assert_int_equal(error->type, ROOST__V1__TYPE__ATTACH);
    assert_int_equal(error->request_id, 7);
    play_take_nothing(scene.play, ACTOR_SYNC_MANAGER);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attach),
        cmocka_unit_test(test_unreadable_attach_is_refused_by_handle),
        cmocka_unit_test(test_attach_refused_and_unanswered),
        cmocka_unit_test(test_credit),
        cmocka_unit_test(test_settle),
        cmocka_unit_test(test_detach),
        cmocka_unit_test(test_deliver_is_offered_as_it_is),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_queries_are_bounded_and_time_out),
        cmocka_unit_test(test_calls_go_to_their_owners),
        cmocka_unit_test(test_call_without_answer),
        cmocka_unit_test(test_admins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
