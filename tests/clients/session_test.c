/* SPDX-License-Identifier: MPL-2.0
 *
 * The whole library against a broker that restarts, forgets, refuses, retries and goes silent
 * (fake_broker.h), the sending side: every message is stored once, in order, whatever happens;
 * calls answer within their timeouts; memory bounds hold; questions are asked again.
 */
#include "client_world.h"

/* --------------------------------------------------------------------------------- opening */

static void options_are_checked(void **state)
{
    struct roost *roost = NULL;
    (void)state;
    assert_int_equal(roost_open(NULL, &roost), ROOST_USAGE);
    assert_int_equal(roost_open(&(struct roost_options){.peer = NULL}, &roost), ROOST_USAGE);
    assert_int_equal(roost_open(&(struct roost_options){.peer = ""}, &roost), ROOST_USAGE);
    assert_int_equal(roost_open(&(struct roost_options){.peer = "a", .url = "http://x"}, &roost),
                     ROOST_BAD_URL);
    assert_int_equal(
        roost_open(&(struct roost_options){.peer = "a", .curve_server_key = "short"}, &roost),
        ROOST_USAGE);
    assert_null(roost);
    assert_int_equal(roost_close(&roost, 0), ROOST_OK);
}

static void nobody_listens(void **state)
{
    struct world *world = *state;
    struct roost_session_info info;
    fake_broker_stop(world->broker);
    world_open(world, false);
    struct mono_time start = clock_mono_now();
    assert_int_equal(roost_connect_wait(world->roost, 300), ROOST_TIMEOUT);
    assert_true(mono_elapsed_ms(start, clock_mono_now()) < 2000);
    roost_session_info(world->roost, &info);
    assert_false(info.is_connected);
    assert_int_equal(info.last_error, ROOST_NO_SESSION);
    fake_broker_start(world->broker);
    assert_int_equal(roost_connect_wait(world->roost, 10000), ROOST_OK);
    roost_session_info(world->roost, &info);
    assert_true(info.is_connected);
    assert_string_equal(info.peer, "bob");
    assert_string_equal(info.broker, "fake broker");
    assert_int_equal(info.connections, 1);
}

static void refused_hello(void **state)
{
    struct world *world = *state;
    atomic_store(&world->knobs->refuses_hello, 2002);
    world_open(world, false);
    assert_int_equal(roost_connect_wait(world->roost, 10000), ROOST_BAD_CREDENTIALS);
}

static void locked_name(void **state)
{
    struct world *world = *state;
    atomic_store(&world->knobs->refuses_hello, 2006);
    world_open(world, false);
    assert_int_equal(roost_connect_wait(world->roost, 600000), ROOST_LOCKED_OUT);
    atomic_store(&world->knobs->refuses_hello, 0);
    while (roost_connect_wait(world->roost, 600000) != ROOST_OK)
        ; /* it goes on trying */
}

/* --------------------------------------------------------------------------------- sending */

static void send_wait(void **state)
{
    struct world *world = *state;
    struct roost_sent sent;
    uint8_t id[ROOST_ID_BYTES] = {7};
    struct roost_outgoing message = {
        .scope = "peer:x", .body = "hi", .body_size = 2, .message_id = id};
    world_open(world, false);
    assert_int_equal(roost_send_wait(world->roost, &message, 5000, &sent), ROOST_OK);
    assert_int_equal(sent.seq, 1);
    assert_int_equal(sent.ticket, 1);
    assert_memory_equal(sent.message_id, id, sizeof(id));
    assert_int_equal(roost_send_wait(world->roost, &message, 5000, &sent), ROOST_DUPLICATE);
    assert_int_equal(sent.seq, 1);
    atomic_store(&world->knobs->refuse_every, 1);
    message.message_id = NULL;
    assert_int_equal(roost_send_wait(world->roost, &message, 5000, &sent), ROOST_NO_SUCH_PEER);
    assert_string_equal(roost_last_text(), "refused by the test");
    atomic_store(&world->knobs->refuse_every, 0);
    atomic_store(&world->knobs->is_silent, 1);
    assert_int_equal(roost_send_wait(world->roost, &message, 100, &sent), ROOST_TIMEOUT);
}

static void many_in_order(void **state)
{
    struct world *world = *state;
    world_open(world, true);
    world_send(world, "peer:x", 0, 50000);
    assert_int_equal(roost_flush(world->roost, 0, 10000), ROOST_OK);
    assert_int_equal(roost_answered(world->roost), 50000);
    assert_int_equal(atomic_load(&world->told), 50000);
    assert_int_equal(atomic_load(&world->told_wrong), 0);
    assert_int_equal(atomic_load(&world->counts->stored), 50000);
    assert_int_equal(atomic_load(&world->counts->disorder), 0);
    assert_true(atomic_load(&world->counts->send_frames) < 5000); /* batches, by themselves */
}

static void refusals_and_retries(void **state)
{
    struct world *world = *state;
    atomic_store(&world->knobs->refuse_every, 7);
    atomic_store(&world->knobs->retry_every, 5);
    world_open(world, true);
    world_send(world, "peer:x", 0, 20000);
    assert_int_equal(roost_flush(world->roost, 0, 30000), ROOST_OK);
    assert_int_equal(atomic_load(&world->told), 20000);
    assert_int_equal(atomic_load(&world->told_wrong), 0);
    assert_int_equal(atomic_load(&world->refused) + atomic_load(&world->counts->stored), 20000);
    assert_int_equal(atomic_load(&world->counts->duplicates), 0);
    assert_int_equal(atomic_load(&world->counts->disorder), 0);
}

static void refusals_are_events(void **state)
{
    struct world *world = *state;
    struct roost_event *event;
    struct roost_outgoing message = {.scope = "peer:x", .context = &message};
    int refusals = 0;
    atomic_store(&world->knobs->refuse_every, 1);
    world_open(world, false);
    assert_int_equal(roost_send(world->roost, &message, 0, NULL, NULL), ROOST_OK);
    while (!refusals && roost_next_event(world->roost, 5000, &event) == ROOST_OK) {
        if (event->kind == ROOST_EVENT_REFUSED) {
            refusals++;
            assert_int_equal(event->code, ROOST_NO_SUCH_PEER);
            assert_int_equal(event->sent.ticket, 1);
            assert_ptr_equal(event->sent.context, &message);
        }
        roost_event_destroy(&event);
    }
    assert_int_equal(refusals, 1);
}

static void restarts_lose_nothing(void **state)
{
    struct world *world = *state;
    world_open(world, true);
    for (uint32_t round = 0; round < 10; round++) {
        world_send(world, "peer:x", round * 5000, 5000);
        if (round % 2)
            fake_broker_stop(world->broker);
        atomic_store(&world->knobs->is_silent, round % 3 == 0);
        fake_broker_stop(world->broker);
        fake_broker_start(world->broker);
    }
    atomic_store(&world->knobs->is_silent, 0);
    fake_broker_stop(world->broker);
    fake_broker_start(world->broker);
    assert_int_equal(roost_flush(world->roost, 0, 30000), ROOST_OK);
    assert_int_equal(atomic_load(&world->told), 50000);
    assert_int_equal(atomic_load(&world->told_wrong), 0);
    assert_int_equal(atomic_load(&world->refused), 0);
    assert_int_equal(atomic_load(&world->counts->stored), 50000);
    struct roost_counters counters;
    roost_counters(world->roost, &counters);
    assert_int_equal(counters.stored, 50000);
    assert_int_equal(counters.duplicates,
                     atomic_load(&world->counts->duplicates) > 0 ? counters.duplicates : 0);
    /* In the log of the fake broker they stand in the order of sending. */
    struct roost_consumer *consumer = world_attach(world, "peer:x", 1000);
    world_receive(consumer, 0, 300);
    roost_detach(&consumer);
}

static void forgotten_session(void **state)
{
    struct world *world = *state;
    world_open(world, true);
    for (uint32_t round = 0; round < 20; round++) {
        atomic_store(&world->knobs->forgets_once, 1);
        world_send(world, "peer:x", round * 500, 500);
    }
    assert_int_equal(roost_flush(world->roost, 0, 30000), ROOST_OK);
    assert_int_equal(atomic_load(&world->told_wrong), 0);
    assert_int_equal(atomic_load(&world->counts->stored), 10000);
    assert_true(atomic_load(&world->counts->hellos) > 1);
}

static void silent_broker_is_left(void **state)
{
    struct world *world = *state;
    atomic_store(&world->knobs->heartbeat_ms, 100);
    world_open(world, false);
    assert_int_equal(roost_connect_wait(world->roost, 5000), ROOST_OK);
    struct timespec second = {.tv_sec = 1};
    (void)nanosleep(&second, NULL);
    assert_int_equal(atomic_load(&world->counts->hellos), 1); /* PING and PONG keep it alive */
    atomic_store(&world->knobs->is_mute, 1);
    assert_true(fake_broker_wait(&world->counts->hellos, 2));
    atomic_store(&world->knobs->is_mute, 0);
    struct roost_outgoing message = {.scope = "peer:x"};
    assert_int_equal(roost_send_wait(world->roost, &message, 20000, NULL), ROOST_OK);
}

static void bounds_hold(void **state)
{
    struct world *world = *state;
    struct roost_options options = {.url = fake_broker_url(world->broker),
                                    .peer = "bob",
                                    .unanswered_messages_max = 64,
                                    .unanswered_bytes_max = 100000};
    struct roost_outgoing message = {.scope = "peer:x"};
    static const uint8_t body[60000];
    fake_broker_stop(world->broker);
    assert_int_equal(roost_open(&options, &world->roost), ROOST_OK);
    for (int i = 0; i < 64; i++)
        assert_int_equal(roost_send(world->roost, &message, 0, NULL, NULL), ROOST_OK);
    assert_int_equal(roost_send(world->roost, &message, 0, NULL, NULL), ROOST_BUSY);
    assert_int_equal(roost_send(world->roost, &message, 50, NULL, NULL), ROOST_TIMEOUT);
    fake_broker_start(world->broker);
    assert_int_equal(roost_send(world->roost, &message, 10000, NULL, NULL), ROOST_OK);
    assert_int_equal(roost_flush(world->roost, 0, 10000), ROOST_OK);
    fake_broker_stop(world->broker);
    message.body = body;
    message.body_size = sizeof(body);
    assert_int_equal(roost_send(world->roost, &message, 0, NULL, NULL), ROOST_OK);
    assert_int_equal(roost_send(world->roost, &message, 0, NULL, NULL), ROOST_BUSY);
    assert_int_equal(roost_close(&world->roost, 50), ROOST_TIMEOUT);
    assert_null(world->roost);
    fake_broker_start(world->broker);
}

/* Closed before the first connection was there: it is made for what is to be sent. */
static void closing_flushes_unconnected(void **state)
{
    struct world *world = *state;
    fake_broker_stop(world->broker);
    world_open(world, false);
    world_send(world, "peer:x", 0, 1);
    fake_broker_start(world->broker);
    assert_int_equal(roost_close(&world->roost, 10000), ROOST_OK);
    assert_int_equal(atomic_load(&world->counts->stored), 1);
}

static void closing_flushes(void **state)
{
    struct world *world = *state;
    world_open(world, true);
    world_send(world, "peer:x", 0, 10000);
    assert_int_equal(roost_close(&world->roost, 10000), ROOST_OK);
    assert_int_equal(atomic_load(&world->told), 10000);
    assert_int_equal(atomic_load(&world->counts->stored), 10000);
    assert_int_equal(atomic_load(&world->counts->goodbyes), 1);
}

/* ---------------------------------------------------------------------------------- asking */

static void queries_and_calls(void **state)
{
    struct world *world = *state;
    struct roost_page *page;
    uint64_t total = 0;
    uint64_t after = 0;
    world_open(world, false);
    world_send(world, "peer:x", 0, 7);
    assert_int_equal(roost_flush(world->roost, 0, 5000), ROOST_OK);
    for (bool has_more = true; has_more;) {
        struct roost_query query = {
            .kind = ROOST_QUERY_HISTORY, .scope = "peer:x", .after_seq = after};
        assert_int_equal(roost_query(world->roost, &query, 5000, &page), ROOST_OK);
        for (size_t i = 0; i < page->message_count; i++) {
            assert_int_equal(page->messages[i]->seq, ++total);
            assert_string_equal(page->messages[i]->scope, "peer:x");
            assert_int_equal(roost_ack(page->messages[i]), ROOST_USAGE);
        }
        has_more = page->has_more;
        after = page->next_seq;
        roost_page_destroy(&page);
        assert_null(page);
    }
    assert_int_equal(total, 7);
    assert_int_equal(
        roost_query(world->roost, &(struct roost_query){.kind = ROOST_QUERY_STATS}, 5000, &page),
        ROOST_UNKNOWN_CALL);
    assert_int_equal(roost_mark_read(world->roost, "x", NULL, 7, 5000), ROOST_OK);
    uint8_t id[ROOST_ID_BYTES] = {1};
    assert_int_equal(roost_cancel(world->roost, id, 5000), ROOST_TOO_LATE);
    assert_string_equal(roost_last_text(), "too late");
    fake_broker_stop(world->broker);
    assert_int_equal(roost_mark_read(world->roost, "x", NULL, 7, 50), ROOST_TIMEOUT);
    fake_broker_start(world->broker);
    assert_int_equal(roost_mark_read(world->roost, "x", NULL, 7, 10000), ROOST_OK);
}

static void presence_events(void **state)
{
    struct world *world = *state;
    struct roost_event *event;
    int seen = 0;
    world_open(world, false);
    assert_int_equal(roost_presence_subscribe(world->roost, true, 5000), ROOST_OK);
    for (int round = 0; round < 2; round++) { /* again after a restart */
        bool is_seen = false;
        while (!is_seen && roost_next_event(world->roost, 10000, &event) == ROOST_OK) {
            is_seen = event->kind == ROOST_EVENT_PRESENCE;
            if (is_seen) {
                assert_string_equal(event->presence.peer, "bob");
                assert_string_equal(event->presence.reason, "hello");
                assert_true(event->presence.is_online);
            }
            roost_event_destroy(&event);
        }
        seen += is_seen;
        fake_broker_stop(world->broker);
        fake_broker_start(world->broker);
    }
    assert_int_equal(seen, 2);
}

/* --------------------------------------------------------------------------------- threads */

static void *send_from_thread(void *argument)
{
    struct world *world = argument;
    struct roost_outgoing message = {.scope = "peer:bob", .body = "x", .body_size = 1};
    for (int i = 0; i < 5000; i++) {
        if (roost_send(world->roost, &message, 10000, NULL, NULL) != ROOST_OK)
            return world;
    }
    return roost_send_wait(world->roost, &message, 10000, NULL) == ROOST_OK ? NULL : world;
}

static _Atomic uint64_t received_by_threads;

static void *receive_in_thread(void *argument)
{
    struct roost_consumer *consumer = argument;
    const struct roost_message *message;
    while (roost_receive(consumer, 1000, &message) == ROOST_OK) {
        atomic_fetch_add(&received_by_threads, 1);
        if (roost_ack(message) != ROOST_OK)
            return argument;
        roost_message_destroy(&message);
    }
    return NULL;
}

static void many_threads(void **state)
{
    struct world *world = *state;
    pthread_t threads[6];
    void *failed;
    world_open(world, true);
    atomic_store(&received_by_threads, 0);
    struct roost_consumer *consumer = world_attach(world, "peer:bob", 500);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_from_thread, world), 0);
        assert_int_equal(pthread_create(&threads[3 + i], NULL, receive_in_thread, consumer), 0);
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(atomic_load(&world->told), 15003);
    assert_int_equal(atomic_load(&world->told_wrong), 0);
    assert_int_equal(atomic_load(&received_by_threads), 15003);
    roost_detach(&consumer);
}

static struct world *callback_world;
static enum roost_error from_callback;

static void ask_in_callback(void *context, const struct roost_sent *sent)
{
    (void)context;
    (void)sent;
    from_callback = roost_flush(callback_world->roost, UINT64_MAX, 1000);
}

static void callbacks_must_not_wait(void **state)
{
    struct world *world = *state;
    struct roost_options options = {
        .url = fake_broker_url(world->broker), .peer = "bob", .on_sent = ask_in_callback};
    struct roost_outgoing message = {.scope = "peer:x"};
    callback_world = world;
    assert_int_equal(roost_open(&options, &world->roost), ROOST_OK);
    assert_int_equal(roost_send_wait(world->roost, &message, 5000, NULL), ROOST_OK);
    assert_int_equal(roost_close(&world->roost, 1000), ROOST_OK);
    assert_int_equal(from_callback, ROOST_WRONG_THREAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_checked),
        WORLD_TEST(nobody_listens),
        WORLD_TEST(refused_hello),
        WORLD_TEST(locked_name),
        WORLD_TEST(send_wait),
        WORLD_TEST(many_in_order),
        WORLD_TEST(refusals_and_retries),
        WORLD_TEST(refusals_are_events),
        WORLD_TEST(restarts_lose_nothing),
        WORLD_TEST(forgotten_session),
        WORLD_TEST(silent_broker_is_left),
        WORLD_TEST(bounds_hold),
        WORLD_TEST(closing_flushes),
        WORLD_TEST(closing_flushes_unconnected),
        WORLD_TEST(queries_and_calls),
        WORLD_TEST(presence_events),
        WORLD_TEST(many_threads),
        WORLD_TEST(callbacks_must_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
