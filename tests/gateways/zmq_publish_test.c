/* SPDX-License-Identifier: MPL-2.0
 *
 * SEND to STORED: credit, order, queueing, refusals.
 */
#include "play.h"

#include <stdio.h>
#include <stdlib.h>

static void make_send(uint64_t first_no, uint32_t count, size_t body_bytes, zmq_msg_t *ret)
{
    Roost__V1__Entry entries[WIRE_ENTRIES_MAX];
    Roost__V1__Entry *pointers[WIRE_ENTRIES_MAX];
    uint8_t id[16] = {1};
    uint8_t *body = calloc(1, body_bytes + 1);
    for (uint32_t i = 0; i < count; i++) {
        roost__v1__entry__init(&entries[i]);
        entries[i].message_id = (ProtobufCBinaryData){sizeof(id), id};
        entries[i].scope = play_bytes("queue:work");
        entries[i].body = (ProtobufCBinaryData){body_bytes, body};
        pointers[i] = &entries[i];
    }
    Roost__V1__Send send = ROOST__V1__SEND__INIT;
    send.first_no = first_no;
    send.entries = pointers;
    send.n_entries = count;
    assert_int_equal(wire_pack(ROOST__V1__TYPE__SEND, &send.base, ret), ERR_OK);
    free(body);
}

static void say_send(struct play *play, void *client, uint64_t first_no, uint32_t count,
                     size_t body_bytes)
{
    zmq_msg_t frame;
    make_send(first_no, count, body_bytes, &frame);
    assert_true(zmq_msg_send(&frame, client, ZMQ_DONTWAIT) >= 0);
    play_read(play);
}

struct asked {
    struct msg msg;
    uint64_t session, first_no, body_bytes;
    uint32_t count;
};

static struct asked take_store(struct play *play)
{
    const struct msg *msg = play_take(play, ACTOR_PERSISTENCE, MSG_STORE);
    const INTERNAL(Store) *store = MSG_BODY(msg, INTERNAL(Store));
    return (struct asked){*msg, store->session, store->first_no, store->body_bytes, store->count};
}

/* Without letting anybody react. */
static void done(struct play *play, const struct asked *asked, uint64_t upto_no, uint64_t first_seq,
                 uint32_t retry_code)
{
    INTERNAL(NumberRun) run = ROOST__INTERNAL__NUMBER_RUN__INIT;
    INTERNAL(NumberRun) * runs[] = {&run};
    run.first_no = asked->first_no;
    run.count = asked->count;
    run.first_seq = first_seq;
    INTERNAL(StoreDone) body = ROOST__INTERNAL__STORE_DONE__INIT;
    body.session = asked->session;
    body.upto_no = upto_no;
    body.runs = runs;
    body.n_runs = retry_code ? 0 : 1;
    body.retry_code = retry_code;
    body.retry_after_ms = retry_code ? 1000 : 0;
    body.count = asked->count;
    body.body_bytes = asked->body_bytes;
    sim_reply(play->sim, &asked->msg, ACTOR_PERSISTENCE, MSG_STORE_DONE, &body.base, NULL);
}

static void test_send_is_passed_on_and_stored(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    uint64_t session = play_welcome(play, client, "ana", 42);
    zmq_msg_t frame, copy;
    make_send(1, 3, 100, &frame);
    assert_int_equal(zmq_msg_init(&copy), 0);
    assert_int_equal(zmq_msg_copy(&copy, &frame), 0);
    assert_true(zmq_msg_send(&frame, client, 0) >= 0);
    play_read(play);
    const struct msg *msg = play_take(play, ACTOR_PERSISTENCE, MSG_STORE);
    const INTERNAL(Store) *store = MSG_BODY(msg, INTERNAL(Store));
    assert_int_equal(store->session, session);
    assert_int_equal(store->peer_id, 42);
    assert_true(store->is_unverified);
    assert_int_equal(store->first_no, 1);
    assert_int_equal(store->count, 3);
    assert_int_equal(store->body_bytes, 300);
    assert_int_equal(zmq_msg_size(msg->payload), zmq_msg_size(&copy));
    assert_memory_equal(zmq_msg_data(msg->payload), zmq_msg_data(&copy), zmq_msg_size(&copy));
    (void)zmq_msg_close(&copy);
    play_hear_nothing(play, client); /* not before it is on disk */
    struct asked asked = {*msg, session, 1, 300, 3};
    done(play, &asked, 3, 1000, 0);
    sim_settle(play->sim);
    const Roost__V1__Stored *stored = play_hear(play, client, ROOST__V1__TYPE__STORED).stored;
    assert_int_equal(stored->upto_no, 3);
    assert_int_equal(stored->publish_upto, 2003);
    assert_int_equal(stored->n_runs, 1);
    assert_int_equal(stored->runs[0]->first_seq, 1000);
    assert_int_equal(stored->retry_code, 0);
    zmq_close(client);
    play_end(play);
}

static void test_answers_of_one_turn_are_one_stored(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    struct asked asked[10];
    for (uint64_t i = 0; i < 10; i++)
        say_send(play, client, 1 + i * 5, 5, 10);
    for (int i = 0; i < 10; i++)
        asked[i] = take_store(play);
    for (uint64_t i = 0; i < 10; i++)
        done(play, &asked[i], 5 + i * 5, 100 + i * 5, 0);
    sim_settle(play->sim);
    uint64_t upto_no = 0, expected_no = 1;
    unsigned frames = 0;
    while (upto_no < 50) { /* the simulator may cut it into several turns */
        const Roost__V1__Stored *stored = play_hear(play, client, ROOST__V1__TYPE__STORED).stored;
        assert_int_equal(stored->n_runs, 1); /* neighbours are joined */
        assert_int_equal(stored->runs[0]->first_no, expected_no);
        assert_int_equal(stored->runs[0]->first_seq, 99 + expected_no);
        expected_no += stored->runs[0]->count;
        upto_no = stored->upto_no;
        assert_int_equal(expected_no, upto_no + 1);
        frames++;
    }
    assert_true(frames < 10);
    zmq_close(client);
    play_end(play);
}

static void test_exceptions_are_passed_on(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    say_send(play, client, 1, 2, 10);
    struct asked asked = take_store(play);
    INTERNAL(NumberException)
    exceptions[2] = {ROOST__INTERNAL__NUMBER_EXCEPTION__INIT,
                     ROOST__INTERNAL__NUMBER_EXCEPTION__INIT};
    INTERNAL(NumberException) * pointers[] = {&exceptions[0], &exceptions[1]};
    exceptions[0].no = 1;
    exceptions[0].code = err_code(ERR_DUPLICATE);
    exceptions[0].seq = 77;
    exceptions[1].no = 2;
    exceptions[1].code = err_code(ERR_NO_SUCH_PEER);
    exceptions[1].text = (char[]){"no such peer"};
    INTERNAL(StoreDone) body = ROOST__INTERNAL__STORE_DONE__INIT;
    body.session = asked.session;
    body.upto_no = 2;
    body.exceptions = pointers;
    body.n_exceptions = 2;
    body.count = 2;
    body.body_bytes = asked.body_bytes;
    play_answer(play, &asked.msg, ACTOR_PERSISTENCE, MSG_STORE_DONE, &body.base, NULL);
    const Roost__V1__Stored *stored = play_hear(play, client, ROOST__V1__TYPE__STORED).stored;
    assert_int_equal(stored->upto_no, 2);
    assert_int_equal(stored->n_exceptions, 2);
    assert_int_equal(stored->exceptions[0]->seq, 77);
    assert_int_equal(stored->exceptions[1]->code, 3001);
    assert_string_equal(stored->exceptions[1]->text, "no such peer");
    zmq_close(client);
    play_end(play);
}

/* Every number of it is refused. Without letting anybody react. */
static void refuse_all(struct play *play, const struct asked *asked)
{
    INTERNAL(NumberException) exceptions[WIRE_ENTRIES_MAX];
    INTERNAL(NumberException) * pointers[WIRE_ENTRIES_MAX];
    for (uint32_t i = 0; i < asked->count; i++) {
        roost__internal__number_exception__init(&exceptions[i]);
        exceptions[i].no = asked->first_no + i;
        exceptions[i].code = err_code(ERR_NO_SUCH_PEER);
        pointers[i] = &exceptions[i];
    }
    INTERNAL(StoreDone) body = ROOST__INTERNAL__STORE_DONE__INIT;
    body.session = asked->session;
    body.upto_no = asked->first_no + asked->count - 1;
    body.exceptions = pointers;
    body.n_exceptions = asked->count;
    body.count = asked->count;
    body.body_bytes = asked->body_bytes;
    sim_reply(play->sim, &asked->msg, ACTOR_PERSISTENCE, MSG_STORE_DONE, &body.base, NULL);
}

/* More refusals in one turn than one STORED holds: a number that is covered and has no exception
 * would be taken for stored. */
static void test_stored_covers_nothing_it_does_not_name(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    uint64_t upto_no = 0, named = 0;
    for (int round = 0; round < 20; round++) { /* the simulator decides what is one turn */
        struct asked asked[2];
        say_send(play, client, upto_no + 1, 1000, 1);
        say_send(play, client, upto_no + 1001, 1000, 1);
        asked[0] = take_store(play);
        asked[1] = take_store(play);
        refuse_all(play, &asked[0]);
        refuse_all(play, &asked[1]);
        sim_settle(play->sim);
        for (uint64_t end_no = upto_no + 2000; upto_no < end_no;) {
            const Roost__V1__Stored *stored =
                play_hear(play, client, ROOST__V1__TYPE__STORED).stored;
            for (size_t i = 0; i < stored->n_exceptions; i++)
                assert_int_equal(stored->exceptions[i]->no, ++named);
            assert_int_equal(stored->upto_no, named);
            upto_no = stored->upto_no;
        }
    }
    play_hear_nothing(play, client);
    zmq_close(client);
    play_end(play);
}

static void test_credit_exceeded(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    for (uint64_t i = 0; i < 3; i++)
        say_send(play, client, 1 + i * 1000, 1000, 1);
    struct asked first = take_store(play);
    struct asked second = take_store(play);
    play_take_nothing(play, ACTOR_PERSISTENCE);
    play_hear_nothing(play, client);
    done(play, &first, 1000, 1, 0);
    sim_settle(play->sim);
    assert_int_equal(play_hear(play, client, ROOST__V1__TYPE__STORED).stored->retry_code, 0);
    done(play, &second, 2000, 1001, 0);
    sim_settle(play->sim);
    const Roost__V1__Stored *stored = play_hear(play, client, ROOST__V1__TYPE__STORED).stored;
    assert_int_equal(stored->retry_code, err_code(ERR_CREDIT_EXCEEDED));
    assert_int_equal(stored->upto_no, 2000);
    assert_int_equal(stored->publish_upto, 4000);
    say_send(play, client, 2001, 1000, 1);
    assert_int_equal(take_store(play).first_no, 2001);
    zmq_close(client);
    play_end(play);
}

static void test_bytes_on_their_way_are_bounded(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *clients[4];
    for (int i = 0; i < 4; i++) {
        clients[i] = play_connect(play, NULL);
        (void)play_welcome(play, clients[i], "ana", 1);
    }
    for (uint64_t no = 1; no <= 5; no++) /* 5 MiB where 4 are allowed */
        say_send(play, clients[0], no, 1, 1 << 20);
    for (int i = 0; i < 4; i++)
        assert_int_equal(take_store(play).first_no, i + 1);
    play_take_nothing(play, ACTOR_PERSISTENCE);
    for (uint64_t no = 1; no <= 4; no++)
        say_send(play, clients[1], no, 1, 1 << 20);
    for (int i = 0; i < 4; i++)
        (void)take_store(play);
    say_send(play, clients[2], 1, 1, 1 << 20); /* the ninth MiB of 8 of all together */
    play_take_nothing(play, ACTOR_PERSISTENCE);
    const Roost__V1__Stored *stored = play_hear(play, clients[2], ROOST__V1__TYPE__STORED).stored;
    assert_int_equal(stored->retry_code, err_code(ERR_BUSY));
    assert_true(stored->retry_after_ms > 0);
    assert_int_equal(stored->upto_no, 0);
    for (int i = 0; i < 4; i++)
        zmq_close(clients[i]);
    play_end(play);
}

static void test_disk_full_rewinds(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    say_send(play, client, 1, 10, 1);
    say_send(play, client, 11, 10, 1);
    struct asked one = take_store(play);
    struct asked two = take_store(play);
    done(play, &one, 0, 0, err_code(ERR_DISK_FULL));
    sim_settle(play->sim);
    say_send(play, client, 21, 10, 1);
    play_take_nothing(play, ACTOR_PERSISTENCE);
    (void)play_drop(play, client); /* a STORED without news is allowed, retry is not told yet */
    done(play, &two, 0, 0, err_code(ERR_SEQUENCE_GAP));
    sim_settle(play->sim);
    const Roost__V1__Stored *stored = play_hear(play, client, ROOST__V1__TYPE__STORED).stored;
    assert_int_equal(stored->retry_code, err_code(ERR_DISK_FULL)); /* the cause, not the echo */
    assert_int_equal(stored->retry_after_ms, 1000);
    assert_int_equal(stored->upto_no, 0);
    say_send(play, client, 1, 30, 1);
    assert_int_equal(take_store(play).count, 30);
    zmq_close(client);
    play_end(play);
}

static void test_repeated_send_is_answered_again(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    say_send(play, client, 1, 10, 1);
    struct asked asked = take_store(play);
    done(play, &asked, 10, 1, 0);
    sim_settle(play->sim);
    (void)play_hear(play, client, ROOST__V1__TYPE__STORED);
    say_send(play, client, 1, 10, 1);
    play_take_nothing(play, ACTOR_PERSISTENCE);
    assert_int_equal(play_hear(play, client, ROOST__V1__TYPE__STORED).stored->upto_no, 10);
    zmq_close(client);
    play_end(play);
}

static void test_no_answer_ends_the_session(void **state)
{
    (void)state;
    struct play *play = play_new();
    play->options.heartbeat_ms = 3600000;
    play_start(play);
    void *client = play_connect(play, NULL);
    uint64_t session = play_welcome(play, client, "ana", 1);
    say_send(play, client, 1, 10, 100);
    say_send(play, client, 11, 10, 100);
    struct asked asked = take_store(play);
    (void)take_store(play);
    sim_advance(play->sim, 61000);
    assert_int_equal(play_hear(play, client, ROOST__V1__TYPE__GOODBYE).goodbye->reason,
                     err_code(ERR_TIMEOUT));
    const struct msg *msg = play_take(play, ACTOR_PERSISTENCE, MSG_SESSION_CLOSED);
    assert_int_equal(MSG_BODY(msg, INTERNAL(SessionClosed))->session, session);
    done(play, &asked, 10, 1, 0); /* too late */
    sim_settle(play->sim);
    play_hear_nothing(play, client);
    /* The books are even: a new session can use all of the room. */
    (void)play_drop(play, client);
    while (sim_take(play->sim, ACTOR_PEER_REGISTRY))
        continue;
    (void)play_welcome(play, client, "ana", 1);
    for (uint64_t no = 1; no <= 4; no++)
        say_send(play, client, no, 1, 1 << 20);
    for (int i = 0; i < 4; i++)
        (void)take_store(play);
    zmq_close(client);
    play_end(play);
}

static void test_goodbye_waits_for_the_last_send(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    uint64_t session = play_welcome(play, client, "ana", 1);
    say_send(play, client, 1, 10, 1);
    Roost__V1__Goodbye goodbye = ROOST__V1__GOODBYE__INIT;
    play_say(play, client, ROOST__V1__TYPE__GOODBYE, &goodbye.base);
    struct asked asked = take_store(play);
    play_take_closed(play, session, 0); /* offline at once */
    play_hear_nothing(play, client);
    done(play, &asked, 10, 1, 0);
    sim_settle(play->sim);
    assert_int_equal(play_hear(play, client, ROOST__V1__TYPE__STORED).stored->upto_no, 10);
    (void)play_hear(play, client, ROOST__V1__TYPE__GOODBYE);
    play_hear_nothing(play, client);
    zmq_close(client);
    play_end(play);
}

/* --- A persistence actor whose mailbox is small, on a link that can be held. */

#define SLOW_ROOM 8

struct slow {
    uint64_t next_no;
    uint64_t stores;
};

static enum err slow_init(struct actor *actor, void *state, const void *args)
{
    (void)actor;
    (void)args;
    ((struct slow *)state)->next_no = 1;
    return ERR_OK;
}

static enum err slow_store(struct actor *actor, void *state, const struct msg *msg)
{
    struct slow *slow = state;
    const INTERNAL(Store) *store = MSG_BODY(msg, INTERNAL(Store));
    assert_int_equal(store->first_no, slow->next_no); /* order is kept through the queue */
    slow->next_no += store->count;
    slow->stores++;
    INTERNAL(StoreDone) body = ROOST__INTERNAL__STORE_DONE__INIT;
    body.session = store->session;
    body.upto_no = slow->next_no - 1;
    body.count = store->count;
    body.body_bytes = store->body_bytes;
    actor_reply(actor, msg, MSG_STORE_DONE, &body.base, NULL);
    return ERR_OK;
}

static enum err slow_closed(struct actor *actor, void *state, const struct msg *msg)
{
    (void)actor;
    (void)state;
    (void)msg;
    return ERR_OK;
}

static const struct actor_class slow_actor = {
    .name = "slow",
    .state_size = sizeof(struct slow),
    .link_room = SLOW_ROOM,
    .init = slow_init,
    .on = {[MSG_STORE] = slow_store, [MSG_SESSION_CLOSED] = slow_closed},
};

static void test_queue_keeps_everything_in_order(void **state)
{
    (void)state;
    struct play *play = play_new();
    play->specs[ACTOR_PERSISTENCE] = (struct actor_spec){&slow_actor, NULL, 0};
    play->spec_count = ACTOR_PERSISTENCE + 1;
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    sim_hold(play->sim, GATEWAY_ID, ACTOR_PERSISTENCE, true);
    for (uint64_t no = 1; no <= 500; no++)
        say_send(play, client, no, 1, 1);
    Roost__V1__Ping ping = ROOST__V1__PING__INIT;
    play_say(play, client, ROOST__V1__TYPE__PING, &ping.base);
    (void)play_hear(play, client, ROOST__V1__TYPE__PONG); /* the rest goes on */
    sim_hold(play->sim, GATEWAY_ID, ACTOR_PERSISTENCE, false);
    sim_advance(play->sim, 1000);
    assert_int_equal(((struct slow *)sim_state(play->sim, ACTOR_PERSISTENCE))->stores, 500);
    uint64_t upto_no = 0;
    while (upto_no < 500)
        upto_no = play_hear(play, client, ROOST__V1__TYPE__STORED).stored->upto_no;
    play_hear_nothing(play, client);
    zmq_close(client);
    play_end(play);
}

static void test_closed_session_still_stores_what_it_sent(void **state)
{
    (void)state;
    struct play *play = play_new();
    play->specs[ACTOR_PERSISTENCE] = (struct actor_spec){&slow_actor, NULL, 0};
    play->spec_count = ACTOR_PERSISTENCE + 1;
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    sim_hold(play->sim, GATEWAY_ID, ACTOR_PERSISTENCE, true);
    for (uint64_t no = 1; no <= 100; no++)
        say_send(play, client, no, 1, 1);
    Roost__V1__Goodbye goodbye = ROOST__V1__GOODBYE__INIT;
    play_say(play, client, ROOST__V1__TYPE__GOODBYE, &goodbye.base);
    sim_hold(play->sim, GATEWAY_ID, ACTOR_PERSISTENCE, false);
    sim_advance(play->sim, 1000);
    assert_int_equal(((struct slow *)sim_state(play->sim, ACTOR_PERSISTENCE))->stores, 100);
    uint64_t upto_no = 0;
    while (upto_no < 100)
        upto_no = play_hear(play, client, ROOST__V1__TYPE__STORED).stored->upto_no;
    (void)play_hear(play, client, ROOST__V1__TYPE__GOODBYE);
    zmq_close(client);
    play_end(play);
}

static void test_stop_waits_for_answers(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    uint64_t session = play_welcome(play, client, "ana", 1);
    say_send(play, client, 1, 10, 1);
    struct asked asked = take_store(play);
    done(play, &asked, 10, 1, 0); /* on its way when the stop begins */
    assert_true(sim_stop(play->sim, GATEWAY_ID, 1000));
    assert_int_equal(play_hear(play, client, ROOST__V1__TYPE__STORED).stored->upto_no, 10);
    assert_int_equal(play_hear(play, client, ROOST__V1__TYPE__GOODBYE).goodbye->reason,
                     err_code(ERR_STOPPING));
    play_take_closed(play, session, err_code(ERR_STOPPING));
    zmq_close(client);
    play_end(play);
}

static void test_stop_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    say_send(play, client, 1, 10, 1); /* nobody answers */
    (void)sim_stop(play->sim, GATEWAY_ID, 10000);
    assert_int_equal(play_hear(play, client, ROOST__V1__TYPE__GOODBYE).goodbye->reason,
                     err_code(ERR_STOPPING));
    zmq_close(client);
    play_end(play);
}

static void test_stopping_refuses_sends(void **state)
{
    (void)state;
    struct play *play = play_new();
    play_start(play);
    void *client = play_connect(play, NULL);
    (void)play_welcome(play, client, "ana", 1);
    Roost__V1__Sync sync = ROOST__V1__SYNC__INIT;
    sync.request_id = 1;
    play_say(play, client, ROOST__V1__TYPE__SYNC, &sync.base); /* an answer is open: */
    assert_false(sim_stop(play->sim, GATEWAY_ID, 100));        /* not stopped yet */
    say_send(play, client, 1, 10, 1);
    const Roost__V1__Stored *stored = play_hear(play, client, ROOST__V1__TYPE__STORED).stored;
    assert_int_equal(stored->retry_code, err_code(ERR_STOPPING));
    assert_int_equal(stored->upto_no, 0);
    play_say(play, client, ROOST__V1__TYPE__SYNC, &sync.base);
    assert_int_equal(play_hear(play, client, ROOST__V1__TYPE__FIN).fin->code,
                     err_code(ERR_STOPPING));
    play_take_nothing(play, ACTOR_PERSISTENCE);
    zmq_close(client);
    play_end(play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send_is_passed_on_and_stored),
        cmocka_unit_test(test_answers_of_one_turn_are_one_stored),
        cmocka_unit_test(test_exceptions_are_passed_on),
        cmocka_unit_test(test_stored_covers_nothing_it_does_not_name),
        cmocka_unit_test(test_credit_exceeded),
        cmocka_unit_test(test_bytes_on_their_way_are_bounded),
        cmocka_unit_test(test_disk_full_rewinds),
        cmocka_unit_test(test_repeated_send_is_answered_again),
        cmocka_unit_test(test_no_answer_ends_the_session),
        cmocka_unit_test(test_goodbye_waits_for_the_last_send),
        cmocka_unit_test(test_queue_keeps_everything_in_order),
        cmocka_unit_test(test_closed_session_still_stores_what_it_sent),
        cmocka_unit_test(test_stop_waits_for_answers),
        cmocka_unit_test(test_stop_does_not_wait_for_ever),
        cmocka_unit_test(test_stopping_refuses_sends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
