/* SPDX-License-Identifier: MPL-2.0
 *
 * The whole library against a broker that restarts, loses settles and gives consumers to others
 * (fake_broker.h), the receiving side: every message is shown once, in order, and settled in the
 * end.
 */
#include "client_world.h"

/* ------------------------------------------------------------------------------- receiving */

static void receive_and_ack(void **state)
{
    struct world *world = *state;
    size_t stale = 99;
    world_open(world, false);
    world_send(world, "peer:bob", 0, 3000);
    struct roost_consumer *consumer = world_attach(world, "peer:bob", 100);
    world_receive(consumer, 0, 3000);
    assert_int_equal(roost_confirm(consumer, 5000, &stale), ROOST_OK);
    assert_int_equal(stale, 0);
    assert_int_equal(atomic_load(&world->counts->settled), 3000);
    assert_int_equal(atomic_load(&world->counts->delivered), 3000);
    assert_true(atomic_load(&world->counts->settle_frames) < 1500); /* ranges, by themselves */
    const struct roost_message *message;
    assert_int_equal(roost_receive(consumer, 0, &message), ROOST_EMPTY);
    assert_int_equal(roost_receive(consumer, 50, &message), ROOST_TIMEOUT);
    roost_detach(&consumer);
    assert_null(consumer);
}

static void every_outcome(void **state)
{
    struct world *world = *state;
    const struct roost_message *message;
    const struct roost_message *kept;
    world_open(world, false);
    world_send(world, "queue:q", 0, 1);
    struct roost_consumer *consumer = world_attach(world, "queue:q", 10);
    for (int i = 0; i < 4; i++) { /* released, failed, destroyed: it comes again each time */
        assert_int_equal(roost_receive(consumer, 5000, &message), ROOST_OK);
        assert_int_equal(message->redelivered, i > 0);
        assert_int_equal(roost_extend(message), ROOST_OK);
        if (i == 0)
            assert_int_equal(roost_release(message, 0), ROOST_OK);
        else if (i == 1)
            assert_int_equal(roost_fail(message, 0, "no luck"), ROOST_OK);
        else if (i == 3)
            assert_int_equal(roost_reject(message, "broken"), ROOST_OK);
        if (i != 2) {
            assert_int_equal(roost_ack(message), ROOST_SETTLED_ALREADY);
            assert_int_equal(roost_extend(message), ROOST_SETTLED_ALREADY);
        }
        roost_message_destroy(&message);
    }
    assert_true(fake_broker_wait(&world->counts->settled, 1));
    world_send(world, "queue:q", 1, 1);
    assert_int_equal(roost_receive(consumer, 5000, &kept), ROOST_OK);
    roost_detach(&consumer);
    assert_int_equal(kept->body_size, 4); /* still readable */
    assert_int_equal(roost_ack(kept), ROOST_CLOSING);
    roost_message_destroy(&kept);
}

static void refused_attach(void **state)
{
    struct world *world = *state;
    struct roost_consumer *consumer = NULL;
    const struct roost_message *message;
    struct roost_attach_options options = {.scope = "room:none"};
    world_open(world, false);
    assert_int_equal(roost_attach(world->roost, &options, 5000, &consumer), ROOST_NO_SUCH_SCOPE);
    assert_null(consumer);
    assert_int_equal(roost_attach(world->roost, &options, 0, &consumer), ROOST_OK);
    assert_int_equal(roost_receive(consumer, 5000, &message), ROOST_NO_SUCH_SCOPE);
    roost_detach(&consumer);
    options.scope = NULL;
    assert_int_equal(roost_attach(world->roost, &options, 0, &consumer), ROOST_USAGE);
}

/* An ERROR says which ATTACH it is about: of several under way, the others go on. */
static void unreadable_attach(void **state)
{
    struct world *world = *state;
    struct roost_consumer *good[3] = {0}, *bad[3] = {0}, *last = NULL;
    const struct roost_message *message;
    struct roost_attach_options right = {.scope = "queue:a"}, wrong = {.scope = "nonsense"};
    world_open(world, false);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(roost_attach(world->roost, &right, 0, &good[i]), ROOST_OK);
        assert_int_equal(roost_attach(world->roost, &wrong, 0, &bad[i]), ROOST_OK);
    }
    assert_int_equal(roost_attach(world->roost, &wrong, 5000, &last), ROOST_BAD_SCOPE);
    assert_int_equal(roost_attach(world->roost, &right, 5000, &last), ROOST_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(roost_receive(bad[i], 5000, &message), ROOST_BAD_SCOPE);
        assert_int_equal(roost_receive(good[i], 0, &message), ROOST_EMPTY);
        roost_detach(&bad[i]);
        roost_detach(&good[i]);
    }
    roost_detach(&last);
}

/* The heart of it: restarts, lost settles and held messages; each is shown once. */
static void restarts_show_nothing_twice(void **state)
{
    struct world *world = *state;
    const struct roost_message *held[10];
    world_open(world, false);
    world_send(world, "peer:bob", 0, 5000);
    struct roost_consumer *consumer = world_attach(world, "peer:bob", 200);
    uint32_t next = 0;
    for (uint32_t round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < 10; i++)
            assert_int_equal(roost_receive(consumer, 10000, &held[i]), ROOST_OK);
        next += 10;
        atomic_store(&world->knobs->loses_settles, round % 2);
        world_receive(consumer, next, 300);
        next += 300;
        fake_broker_stop(world->broker);
        if (round % 3 == 0) { /* owed: given when they come again */
            for (uint32_t i = 0; i < 10; i++)
                assert_int_equal(roost_ack(held[i]), ROOST_OK);
        }
        atomic_store(&world->knobs->loses_settles, 0);
        fake_broker_start(world->broker);
        if (round % 3 == 1) { /* still held when they come again */
            assert_true(fake_broker_wait(&world->counts->hellos, round + 2));
            for (uint32_t i = 0; i < 10; i++)
                assert_int_equal(roost_ack(held[i]), ROOST_OK);
        }
        for (uint32_t i = 0; i < 10; i++) {
            (void)roost_ack(held[i]); /* in the third round only now */
            roost_message_destroy(&held[i]);
        }
    }
    world_receive(consumer, next, 5000 - next);
    assert_true(fake_broker_wait(&world->counts->settled, 5000));
    const struct roost_message *message;
    assert_int_equal(roost_receive(consumer, 50, &message), ROOST_TIMEOUT);
    struct roost_counters counters;
    roost_counters(world->roost, &counters);
    assert_int_equal(counters.delivered, 5000);
    assert_true(counters.suppressed > 0);
    roost_detach(&consumer);
}

/* What was acked and is not confirmed may all come again: never more than is remembered. */
static void unconfirmed_settles_are_bounded(void **state)
{
    enum { WINDOW = 1000, SEEN = 16384, ALL = 20000 };
    struct world *world = *state;
    const struct roost_message *message;
    world_open(world, false);
    world_send(world, "peer:bob", 0, ALL);
    atomic_store(&world->knobs->loses_settles, 1);
    struct roost_consumer *consumer = world_attach(world, "peer:bob", WINDOW);
    world_receive(consumer, 0, WINDOW + SEEN);
    assert_int_equal(roost_receive(consumer, 100, &message), ROOST_TIMEOUT);
    assert_int_equal(roost_confirm(consumer, 50, NULL), ROOST_TIMEOUT);
    fake_broker_stop(world->broker);
    atomic_store(&world->knobs->loses_settles, 0);
    fake_broker_start(world->broker);
    world_receive(consumer, WINDOW + SEEN, ALL - WINDOW - SEEN);
    assert_int_equal(roost_confirm(consumer, 10000, NULL), ROOST_NO_SESSION); /* told once */
    assert_int_equal(roost_confirm(consumer, 10000, NULL), ROOST_OK);
    assert_int_equal(atomic_load(&world->counts->settled), ALL);
    roost_detach(&consumer);
}

/* So many and no more, also when the connection is lost on the way. */
static void messages_max(void **state)
{
    struct world *world = *state;
    const struct roost_message *message;
    struct roost_consumer *consumer;
    struct roost_attach_options options = {
        .scope = "peer:bob", .window_messages = 100, .messages_max = 350};
    world_open(world, false);
    world_send(world, "peer:bob", 0, 1000);
    assert_int_equal(roost_attach(world->roost, &options, 5000, &consumer), ROOST_OK);
    world_receive(consumer, 0, 130);
    fake_broker_stop(world->broker);
    fake_broker_start(world->broker);
    world_receive(consumer, 130, 220);
    assert_int_equal(roost_receive(consumer, 100, &message), ROOST_TIMEOUT);
    roost_detach(&consumer);
}

static void taken_over(void **state)
{
    struct world *world = *state;
    const struct roost_message *message;
    struct roost_consumer_state now;
    world_open(world, false);
    struct roost_consumer *consumer = world_attach(world, "peer:bob", 10);
    atomic_store(&world->knobs->takes_over, 1);
    assert_int_equal(roost_receive(consumer, 5000, &message), ROOST_TAKEN_OVER);
    roost_consumer_state(consumer, &now);
    assert_int_equal(now.code, ROOST_TAKEN_OVER);
    assert_false(now.is_attached);
    roost_detach(&consumer);
}

static void descriptor_and_wait(void **state)
{
    struct world *world = *state;
    const struct roost_message *message;
    struct roost_event *event;
    world_open(world, false);
    struct roost_consumer *consumer = world_attach(world, "peer:bob", 10);
    struct pollfd item = {.fd = roost_fd(world->roost), .events = POLLIN};
    while (roost_next_event(world->roost, 0, &event) == ROOST_OK)
        roost_event_destroy(&event);
    assert_int_equal(roost_receive(consumer, 0, &message), ROOST_EMPTY);
    assert_int_equal(poll(&item, 1, 0), 0);
    assert_int_equal(roost_wait(world->roost, 30), ROOST_TIMEOUT);
    for (uint32_t i = 0; i < 200; i++) {
        world_send(world, "peer:bob", i, 1);
        assert_int_equal(poll(&item, 1, 5000), 1);
        while (roost_next_event(world->roost, 0, &event) == ROOST_OK)
            roost_event_destroy(&event);
        world_receive(consumer, i, 1);
        assert_int_equal(roost_receive(consumer, 0, &message), ROOST_EMPTY);
    }
    world_send(world, "peer:bob", 200, 1);
    assert_int_equal(roost_wait(world->roost, 5000), ROOST_OK);
    roost_detach(&consumer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(receive_and_ack),
        WORLD_TEST(every_outcome),
        WORLD_TEST(refused_attach),
        WORLD_TEST(unreadable_attach),
        WORLD_TEST(restarts_show_nothing_twice),
        WORLD_TEST(unconfirmed_settles_are_bounded),
        WORLD_TEST(messages_max),
        WORLD_TEST(taken_over),
        WORLD_TEST(descriptor_and_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
