/* SPDX-License-Identifier: MPL-2.0
 *
 * The http-gateway among the other actors: who asks becomes a session, questions have answers whatever
 * happens, clients that vanish leave nothing behind, streams have bounds.
 */
#include "http_play.h"

#include <stdlib.h>
#include <unistd.h>

#include "gateways/http/http_caller.h"
#include "gateways/http/http_unread.h"

#define MANY          20 /* streams */
#define MANY_PAUSE_MS 10 /* 2,000 of them a second */

static struct http_play *begin(void)
{
    struct http_play *play = http_play_new();
    http_play_start(play);
    return play;
}

static void is_closed(struct http_play *play, uint64_t session, uint32_t reason)
{
    static const uint8_t actors[] = {ACTOR_PEER_REGISTRY, ACTOR_SYNC_MANAGER, ACTOR_PERSISTENCE};
    for (size_t i = 0; i < sizeof(actors); i++) {
        const struct msg *msg = http_take(play, actors[i], MSG_SESSION_CLOSED);
        assert_true(MSG_BODY(msg, INTERNAL(SessionClosed))->session == session);
        assert_int_equal(MSG_BODY(msg, INTERNAL(SessionClosed))->reason, reason);
    }
}

static void a_name_becomes_a_session(void **state)
{
    struct http_play *play = begin();
    struct http_client *client = http_client_new(play);
    (void)state;
    http_client_ask(client, "GET /api/v1/me", "Roost-Peer: ana\r\n", "");
    http_client_hear_nothing(client);
    uint64_t session = http_let_in(play, ERR_OK, "ana", true);
    assert_int_equal(http_client_hear(client), 200);
    assert_non_null(strstr(client->bytes, "\"name\":\"ana\""));
    http_client_ask(client, "GET /api/v1/me", "Roost-Peer: ANA\r\n", ""); /* the same name */
    assert_int_equal(http_client_hear(client), 200);
    http_take_nothing(play, ACTOR_ACCOUNTS);
    sim_advance(play->sim, play->options.session_ms + 1000);
    const struct msg *seen;
    while ((seen = sim_take(play->sim, ACTOR_PEER_REGISTRY))->kind == MSG_SESSIONS_SEEN)
        assert_true(MSG_BODY(seen, INTERNAL(SessionsSeen))->sessions[0] == session);
    assert_int_equal(seen->kind, MSG_SESSION_CLOSED);
    http_client_end(&client);
    http_play_end(play);
}

static void those_who_come_together_ask_once(void **state)
{
    struct http_play *play = begin();
    struct http_client *one = http_client_new(play), *two = http_client_new(play);
    (void)state;
    http_client_ask(one, "GET /api/v1/me", "Roost-Peer: ana\r\n", "");
    http_client_ask(two, "GET /api/v1/me", "Roost-Peer: ana\r\n", "");
    (void)http_let_in(play, ERR_OK, "ana", true);
    http_take_nothing(play, ACTOR_ACCOUNTS);
    assert_int_equal(http_client_hear(one), 200);
    assert_int_equal(http_client_hear(two), 200);
    http_client_end(&one);
    http_client_end(&two);
    http_play_end(play);
}

static void a_refusal_is_for_everybody_who_waits(void **state)
{
    struct http_play *play = begin();
    struct http_client *one = http_client_new(play), *two = http_client_new(play);
    (void)state;
    http_client_ask(one, "GET /api/v1/me", "Roost-Peer: ana\r\n", "");
    http_client_ask(two, "GET /api/v1/me", "Roost-Peer: ana\r\n", "");
    (void)http_let_in(play, ERR_NO_CREDENTIALS, "", false);
    assert_int_equal(http_client_hear(one), 401);
    assert_int_equal(http_client_hear(two), 401);
    http_client_ask(one, "GET /api/v1/me", "Roost-Peer: ana\r\n", "");
    (void)http_let_in(play, ERR_OK, "ana", true); /* asked again: nothing of it is remembered */
    assert_int_equal(http_client_hear(one), 200);
    http_client_end(&one);
    http_client_end(&two);
    http_play_end(play);
}

static void what_an_account_is_counts_at_once(void **state)
{
    struct http_play *play = begin();
    struct http_client *client = http_client_new(play);
    INTERNAL(AccountChanged) changed = ROOST__INTERNAL__ACCOUNT_CHANGED__INIT;
    (void)state;
    http_client_ask(client, "GET /api/v1/me", "Roost-Peer: ana\r\n", "");
    uint64_t session = http_let_in(play, ERR_OK, "ana", true);
    assert_int_equal(http_client_hear(client), 200);
    changed.name = http_bytes("Ana");
    changed.tokens_ended = true;
    http_post(play, ACTOR_ACCOUNTS, MSG_ACCOUNT_CHANGED, &changed.base);
    http_client_ask(client, "GET /api/v1/me", "Roost-Peer: ana\r\n", "");
    http_client_hear_nothing(client);
    (void)http_let_in(play, ERR_OK, "ana", false); /* proved again, the session goes on */
    assert_int_equal(http_client_hear(client), 200);
    changed.tokens_ended = false;
    changed.code = err_code(ERR_ACCOUNT_BANNED);
    changed.only_unverified = true;
    http_post(play, ACTOR_ACCOUNTS, MSG_ACCOUNT_CHANGED, &changed.base);
    is_closed(play, session, err_code(ERR_ACCOUNT_BANNED));
    http_client_ask(client, "GET /api/v1/me", "Roost-Peer: ana\r\n", "");
    (void)http_let_in(play, ERR_ACCOUNT_BANNED, "", false);
    assert_int_equal(http_client_hear(client), 403);
    http_client_end(&client);
    http_play_end(play);
}

/* --- Storing. */

static const struct msg *send_one(struct http_play *play, struct http_client *client,
                                  uint64_t wanted_no)
{
    http_client_ask(client, "POST /api/v1/messages", "Roost-Peer: ana\r\n",
                    "{\"scope\":\"peer:bob\",\"body\":\"a\"}");
    const struct msg *question = http_take(play, ACTOR_PERSISTENCE, MSG_STORE);
    assert_true(MSG_BODY(question, INTERNAL(Store))->first_no == wanted_no);
    assert_true(MSG_BODY(question, INTERNAL(Store))->is_unverified);
    return question;
}

static void store_done(struct http_play *play, const struct msg *question, uint64_t upto_no,
                       uint64_t seq, uint32_t retry_code)
{
    INTERNAL(StoreDone) done = ROOST__INTERNAL__STORE_DONE__INIT;
    INTERNAL(NumberRun) run = ROOST__INTERNAL__NUMBER_RUN__INIT, *runs = &run;
    done.session = MSG_BODY(question, INTERNAL(Store))->session;
    done.upto_no = upto_no;
    done.retry_code = retry_code;
    done.retry_after_ms = retry_code ? 2500 : 0;
    run.first_no = upto_no;
    run.count = 1;
    run.first_seq = seq;
    done.runs = &runs;
    done.n_runs = seq ? 1 : 0;
    http_reply(play, question, ACTOR_PERSISTENCE, MSG_STORE_DONE, &done.base);
}

static struct http_client *known_client(struct http_play *play, uint64_t *ret_session)
{
    struct http_client *client = http_client_new(play);
    http_client_ask(client, "GET /api/v1/me", "Roost-Peer: ana\r\n", "");
    *ret_session = http_let_in(play, ERR_OK, "ana", true);
    assert_int_equal(http_client_hear(client), 200);
    return client;
}

static void numbers_begin_again_behind_what_was_stored(void **state)
{
    struct http_play *play = begin();
    uint64_t session;
    struct http_client *client = known_client(play, &session), *other = http_client_new(play);
    (void)state;
    store_done(play, send_one(play, client, 1), 1, 11, 0);
    assert_int_equal(http_client_hear(client), 201);
    assert_non_null(strstr(client->bytes, "\"seq\":11"));
    const struct msg *first = send_one(play, client, 2);
    struct msg kept = *first;
    INTERNAL(Store) body = *MSG_BODY(first, INTERNAL(Store));
    kept.body = &body;
    const struct msg *second = send_one(play, other, 3);
    struct msg kept_second = *second;
    INTERNAL(Store) body_second = *MSG_BODY(second, INTERNAL(Store));
    kept_second.body = &body_second;
    store_done(play, &kept, 1, 0, err_code(ERR_DISK_FULL));
    assert_int_equal(http_client_hear(client), 503);
    assert_non_null(strstr(client->bytes, "Retry-After: 3\r\n"));
    http_client_ask(client, "POST /api/v1/messages", "Roost-Peer: ana\r\n",
                    "{\"scope\":\"peer:bob\",\"body\":\"a\"}");
    assert_int_equal(http_client_hear(client), 429); /* the other one is still under way */
    store_done(play, &kept_second, 1, 0, err_code(ERR_DISK_FULL));
    assert_int_equal(http_client_hear(other), 503);
    store_done(play, send_one(play, client, 2), 2, 12, 0);
    assert_int_equal(http_client_hear(client), 201);
    http_client_end(&client);
    http_client_end(&other);
    http_play_end(play);
}

static void no_answer_is_told(void **state)
{
    struct http_play *play = begin();
    uint64_t session;
    struct http_client *client = known_client(play, &session);
    (void)state;
    (void)send_one(play, client, 1);
    sim_advance(play->sim, HTTP_STORE_DEADLINE_MS + 1);
    assert_int_equal(http_client_hear(client), 504);
    const struct msg *msg;
    while ((msg = sim_take(play->sim, ACTOR_PEER_REGISTRY))->kind == MSG_SESSIONS_SEEN)
        continue;
    assert_int_equal(msg->kind, MSG_SESSION_CLOSED); /* its numbers cannot be known any more */
    http_client_ask(client, "GET /api/v1/me", "Roost-Peer: ana\r\n", "");
    assert_true(http_let_in(play, ERR_OK, "ana", true) != session);
    assert_int_equal(http_client_hear(client), 200);
    http_client_end(&client);
    http_play_end(play);
}

static void who_vanishes_leaves_nothing_behind(void **state)
{
    struct http_play *play = begin();
    uint64_t session;
    struct http_client *client = known_client(play, &session);
    (void)state;
    const struct msg *question = send_one(play, client, 1);
    struct msg kept = *question;
    INTERNAL(Store) body = *MSG_BODY(question, INTERNAL(Store));
    kept.body = &body;
    http_client_end(&client);
    store_done(play, &kept, 1, 11, 0);
    http_play_read(play);
    assert_int_equal(u64map_count(&http_play_gateway(play)->requests), 0);
    assert_int_equal(http_play_gateway(play)->running, 0);
    client = http_client_new(play);
    (void)send_one(play, client, 2);
    http_play_end(play); /* and the actor may end while one waits */
    (void)close(client->fd);
    free(client);
}

/* --- Streams: a request that waits for its LOGIN is as good as any. */

static struct http_request *begin_stream(struct http_play *play, struct http_client *client,
                                         size_t bytes_max)
{
    struct http_gateway *gateway = http_play_gateway(play);
    http_client_ask(client, "GET /api/v1/me", "Roost-Peer: ana\r\n", "");
    struct http_request *request = http_request_of(gateway, gateway->last_ticket);
    assert_non_null(request);
    http_stream_begin(request, "text/event-stream", bytes_max);
    assert_ptr_equal(http_request_of(gateway, gateway->last_ticket), request);
    return request;
}

static bool write_text(struct http_request *request, const char *text, size_t size)
{
    struct http_piece *piece = http_piece_new(size);
    assert_non_null(piece);
    memcpy(piece->bytes, text, size);
    bool is_written = http_stream_write(request, piece);
    http_piece_drop(&piece);
    return is_written;
}

static void streams_go_on_and_end(void **state)
{
    struct http_play *play = begin();
    struct http_client *client = http_client_new(play);
    struct http_request *request = begin_stream(play, client, 1000);
    uint64_t ticket = request->ticket;
    (void)state;
    assert_true(write_text(request, "one", 3));
    http_client_hear_part(client, "one");
    http_play_read(play); /* nothing left: suspended */
    assert_true(write_text(request, "two", 3));
    http_client_hear_part(client, "two");
    http_stream_end(request);
    http_client_hear_part(client, "0\r\n\r\n");
    http_play_read(play);
    assert_null(http_request_of(http_play_gateway(play), ticket));
    assert_int_equal(http_play_gateway(play)->streams, 0);
    http_client_end(&client);
    http_play_end(play);
}

/* What comes after a silence goes out at once; the more of them went, the later is the next time, when all
 * that came meanwhile goes out as one. A single stream never waits. */
static void many_streams_go_on_together(void **state)
{
    struct http_play *play = begin();
    struct http_client *clients[MANY];
    struct http_request *requests[MANY];
    (void)state;
    for (int i = 0; i < MANY; i++) {
        clients[i] = http_client_new(play);
        requests[i] = begin_stream(play, clients[i], 1000);
    }
    for (int i = 0; i < MANY; i++)
        assert_true(write_text(requests[i], "one", 3));
    for (int i = 0; i < MANY; i++)
        http_client_hear_part(clients[i], "one");
    for (int i = 0; i < MANY; i++) {
        assert_true(write_text(requests[i], "two", 3));
        assert_true(write_text(requests[i], "three", 5));
    }
    sim_advance(play->sim, MANY_PAUSE_MS - 1);
    http_client_hear_nothing(clients[0]);
    http_client_hear_nothing(clients[MANY - 1]);
    sim_advance(play->sim, 1);
    for (int i = 0; i < MANY; i++)
        http_client_hear_part(clients[i], "8\r\ntwothree\r\n"); /* one chunk */
    sim_advance(play->sim, MANY_PAUSE_MS);
    for (int i = 0; i < 3; i++) {
        assert_true(write_text(requests[0], "alone", 5));
        http_client_hear_part(clients[0], "alone");
        http_play_read(play);
    }
    for (int i = 0; i < MANY; i++)
        http_client_end(&clients[i]);
    http_play_end(play);
}

static void a_reader_that_is_too_slow_is_cut(void **state)
{
    struct http_play *play = begin();
    struct http_client *client = http_client_new(play), *other = http_client_new(play);
    struct http_request *request = begin_stream(play, client, 1000);
    uint64_t ticket = request->ticket;
    char block[900] = {0};
    (void)state;
    assert_true(write_text(request, block, sizeof(block)));
    assert_false(write_text(request, block, sizeof(block)));
    assert_false(write_text(request, "more", 4));
    http_client_hear_end(client);
    http_play_read(play);
    assert_null(http_request_of(http_play_gateway(play), ticket));
    assert_int_equal(metrics_get(sim_metrics(play->sim, HTTP_ID), METRIC_DROPPED), 1);
    http_client_ask(other, "GET /healthz", "", "");
    assert_int_equal(http_client_hear(other), 200);
    http_client_end(&client);
    http_client_end(&other);
    http_play_end(play);
}

static void streams_end_with_the_actor(void **state)
{
    struct http_play *play = begin();
    struct http_client *client = http_client_new(play);
    struct http_request *request = begin_stream(play, client, 1000);
    (void)state;
    assert_true(write_text(request, "one", 3));
    http_client_hear_part(client, "one");
    http_play_read(play);
    http_play_end(play);
    (void)close(client->fd);
    free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_becomes_a_session),
        cmocka_unit_test(those_who_come_together_ask_once),
        cmocka_unit_test(a_refusal_is_for_everybody_who_waits),
        cmocka_unit_test(what_an_account_is_counts_at_once),
        cmocka_unit_test(numbers_begin_again_behind_what_was_stored),
        cmocka_unit_test(no_answer_is_told),
        cmocka_unit_test(who_vanishes_leaves_nothing_behind),
        cmocka_unit_test(streams_go_on_and_end),
        cmocka_unit_test(many_streams_go_on_together),
        cmocka_unit_test(a_reader_that_is_too_slow_is_cut),
        cmocka_unit_test(streams_end_with_the_actor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
