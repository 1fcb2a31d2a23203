/* SPDX-License-Identifier: MPL-2.0
 *
 * See client_world.h.
 */
#include "client_world.h"

static void on_sent(void *context, const struct roost_sent *sent)
{
    struct world *world = context;
    uint64_t told = atomic_fetch_add(&world->told, 1);
    if (sent->ticket != told + 1)
        atomic_fetch_add(&world->told_wrong, 1);
    if (sent->code != ROOST_OK && sent->code != ROOST_DUPLICATE)
        atomic_fetch_add(&world->refused, 1);
}

void world_open(struct world *world, bool has_callback)
{
    struct roost_options options = {
        .url = fake_broker_url(world->broker),
        .peer = "bob",
        .on_sent = has_callback ? on_sent : NULL,
        .context = world,
    };
    assert_int_equal(roost_open(&options, &world->roost), ROOST_OK);
}

int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    world->broker = fake_broker_new();
    world->knobs = fake_broker_knobs(world->broker);
    world->counts = fake_broker_counts(world->broker);
    fake_broker_start(world->broker);
    *state = world;
    return 0;
}

int world_teardown(void **state)
{
    struct world *world = *state;
    (void)roost_close(&world->roost, 0);
    fake_broker_destroy(&world->broker);
    free(world);
    return 0;
}

void world_send(struct world *world, const char *scope, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        struct roost_outgoing message = {.scope = scope, .body = &i, .body_size = sizeof(i)};
        assert_int_equal(roost_send(world->roost, &message, 10000, NULL, NULL), ROOST_OK);
    }
}

void world_receive(struct roost_consumer *consumer, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        const struct roost_message *message;
        uint32_t number;
        assert_int_equal(roost_receive(consumer, 10000, &message), ROOST_OK);
        assert_int_equal(message->body_size, sizeof(number));
        memcpy(&number, message->body, sizeof(number));
        assert_int_equal(number, i);
        assert_string_equal(message->sender, "alice");
        assert_int_equal(roost_ack(message), ROOST_OK);
        roost_message_destroy(&message);
        assert_null(message);
    }
}

struct roost_consumer *world_attach(struct world *world, const char *scope, uint32_t window)
{
    struct roost_consumer *consumer;
    struct roost_attach_options options = {.scope = scope, .window_messages = window};
    assert_int_equal(roost_attach(world->roost, &options, 5000, &consumer), ROOST_OK);
    return consumer;
}
