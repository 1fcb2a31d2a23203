/* SPDX-License-Identifier: MPL-2.0
 *
 * How long a batch gets, and what happens in it and between the batches: index slices, retention,
 * checkpoints.
 */
#include "persistence_world.h"

#include <string.h>

#include "persistence_state.h"

#define DAY_MS ((int64_t)86400 * 1000)

static struct store_stats stats_of(struct world *world)
{
    struct store_stats stats;
    const struct persistence *p = sim_state(world->sim, ACTOR_PERSISTENCE);
    store_stats(p->store, &stats);
    return stats;
}

static void send_many(struct world *world, int64_t peer, uint64_t *no, size_t frames, size_t count)
{
    static struct world_entry entries[1000];
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct world_entry){.scope = "peer:bob", .body = "x"};
    for (size_t i = 0; i < frames; i++) {
        (void)world_send(world, 1, peer, *no, entries, count);
        *no += count;
    }
    world_settle(world);
}

static void an_idle_broker_indexes_everything(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t no = 1;
    send_many(world, ana, &no, 20, 500);
    world_advance(world, 100);
    struct store_stats stats = stats_of(world);
    assert_true(stats.last_seq - stats.indexed_seq < 4096); /* slices in idle moments */
    (void)world_store(world, 1, ana, no, "peer:bob", "x");
    world_advance(world, 1500);
    stats = stats_of(world);
    assert_int_equal(stats.indexed_seq, stats.last_seq);
    const struct persistence *p = sim_state(world->sim, ACTOR_PERSISTENCE);
    assert_int_equal(dedupe_count(&p->dedupe), 0);
    assert_int_equal(p->indexed_seq, stats.indexed_seq);
}

static uint64_t searched_seq(struct world *world)
{
    const struct persistence *p = sim_state(world->sim, ACTOR_PERSISTENCE);
    return p->searched_seq;
}

/* The text index waits until nobody does. */
static void a_loaded_broker_does_not_index_texts(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t no = 1;
    for (int i = 0; i < 30; i++) {
        send_many(world, ana, &no, 4, 1000); /* no time passes but that of the messages */
        assert_int_equal(searched_seq(world), 0);
    }
    world_advance(world, 100); /* idle: some slices */
    uint64_t some = searched_seq(world), last = stats_of(world).last_seq;
    assert_true(some > 0 && some < last);
    world_advance(world, 5000);
    assert_int_equal(searched_seq(world), last);
    world_restart(world);
    assert_int_equal(searched_seq(world), last);
    (void)world_store(world, 1, ana, 1, "peer:bob", "x");
    assert_int_equal(searched_seq(world), last);
    world_advance(world, 2000); /* quiet: all of it */
    assert_int_equal(searched_seq(world), last + 1);
}

static void a_loaded_broker_bounds_the_tail(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t no = 1;
    uint64_t longest = 0;
    for (int i = 0; i < 45; i++) {
        send_many(world, ana, &no, 10, 1000); /* no time passes but that of the messages */
        struct store_stats stats = stats_of(world);
        if (stats.last_seq - stats.indexed_seq > longest)
            longest = stats.last_seq - stats.indexed_seq;
    }
    assert_int_equal(world_count(world, MSG_STORE_DONE), 450);
    assert_true(longest <= 262144 + 64000);
}

static void a_lightly_loaded_broker_indexes_as_it_stores(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t no = 1;
    for (int i = 0; i < 2000; i++)
        send_many(world, ana, &no, 1, 5); /* never idle, never much */
    struct store_stats stats = stats_of(world);
    assert_true(stats.last_seq - stats.indexed_seq < 2 * 4096);
}

/* The most messages that one commit stored. */
static uint64_t longest_batch(struct world *world)
{
    uint64_t longest = 0;
    for (size_t n = 0; n < world_appended_count(world); n++) {
        const INTERNAL(Appended) *appended = (const void *)world_appended(world, n)->body;
        uint64_t rows = 0;
        for (size_t i = 0; i < appended->n_runs; i++)
            rows += appended->runs[i]->count;
        longest = rows > longest ? rows : longest;
    }
    return longest;
}

static void a_batch_ends_in_time(void **state)
{
    struct world *world = *state;
    world_end(world);
    world->sim_options.delay_max_us = -1; /* what is sent together is there together */
    world_start(world);
    int64_t ana = world_peer(world, "ana");
    uint64_t no = 1;
    for (int i = 0; i < 10; i++)
        send_many(world, ana, &no, 50, 100);
    assert_in_range(longest_batch(world), 1000, 2048 + 99);
}

/* As if somebody had asked by another gateway than that of ZeroMQ. */
static void a_batch_is_short_beside_people(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t no = 1;
    world_forget(world);
    for (int i = 0; i < 10; i++) {
        struct persistence *p = (void *)(uintptr_t)sim_state(world->sim, ACTOR_PERSISTENCE);
        p->people_until = mono_add_ms(sim_mono(world->sim), 1000);
        send_many(world, ana, &no, 50, 100);
    }
    assert_in_range(longest_batch(world), 100, 256 + 99);
}

static void old_messages_are_removed_after_their_life(void **state)
{
    struct world *world = *state;
    world_end(world);
    world->persistence.retention_ms = DAY_MS;
    world->persistence.ttl_ms = 3 * DAY_MS;
    world->persistence.cleanup_interval_ms = 3600000;
    world_start(world);
    int64_t ana = world_peer(world, "ana");
    uint64_t no = 1;
    send_many(world, ana, &no, 2, 1000);
    const INTERNAL(Appended) *appended = (const void *)world_appended(world, 0)->body;
    uint64_t seq = appended->runs[0]->first_seq;
    struct message_head head;
    size_t count = 0;
    const struct persistence *p = sim_state(world->sim, ACTOR_PERSISTENCE);
    world_advance(world, 2 * DAY_MS); /* past the retention, not past the time to live */
    assert_int_equal(message_read_heads(p->store, 0, &head, 1, &count), ERR_OK);
    assert_int_equal(head.seq, seq);
    sim_wall_jump(world->sim, 365 * DAY_MS); /* a clock that is wrong removes nothing */
    world_advance(world, DAY_MS / 2);
    assert_int_equal(message_read_heads(p->store, 0, &head, 1, &count), ERR_OK);
    assert_int_equal(head.seq, seq);
    world_advance(world, DAY_MS);
    assert_int_equal(message_read_heads(p->store, 0, &head, 1, &count), ERR_OK);
    assert_true(count == 0 || head.seq == seq + 1999); /* the newest may stay */
}

static void presence_events_are_trimmed(void **state)
{
    struct world *world = *state;
    world_end(world);
    world->persistence.presence_retention_ms = DAY_MS;
    world_start(world);
    INTERNAL(PeerSave) save = ROOST__INTERNAL__PEER_SAVE__INIT;
    INTERNAL(PeerChange) change = ROOST__INTERNAL__PEER_CHANGE__INIT;
    INTERNAL(PeerChange) * changes[] = {&change};
    change.name = world_bytes("ana");
    change.may_create = true;
    change.seen_ms = sim_wall(world->sim).ms;
    change.event = 1;
    save.changes = changes;
    save.n_changes = 1;
    (void)world_ask(world, ACTOR_PERSISTENCE, MSG_PEER_SAVE, &save.base, NULL, 0);
    world_advance(world, DAY_MS / 2);
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.request_id = 1;
    query.kind = ROOST__V1__QUERY_KIND__PRESENCE_EVENTS;
    for (int i = 0; i < 2; i++) {
        zmq_msg_t frame;
        INTERNAL(Query) ask = ROOST__INTERNAL__QUERY__INIT;
        assert_int_equal(wire_pack(ROOST__V1__TYPE__QUERY, &query.base, &frame), ERR_OK);
        world_forget(world);
        (void)world_ask(world, ACTOR_HISTORY, MSG_QUERY, &ask.base, zmq_msg_data(&frame),
                        zmq_msg_size(&frame));
        (void)zmq_msg_close(&frame);
        world_settle(world);
        assert_int_equal(world_count(world, MSG_QUERY_PART), i == 0 ? 1 : 0);
        world_advance(world, DAY_MS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(an_idle_broker_indexes_everything),
        T(a_loaded_broker_does_not_index_texts),
        T(a_loaded_broker_bounds_the_tail),
        T(a_lightly_loaded_broker_indexes_as_it_stores),
        T(a_batch_ends_in_time),
        T(a_batch_is_short_beside_people),
        T(old_messages_are_removed_after_their_life),
        T(presence_events_are_trimmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
