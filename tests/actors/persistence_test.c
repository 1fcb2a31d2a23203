/* SPDX-License-Identifier: MPL-2.0
 *
 * The persistence actor as a whole: batches, back-pressure, start and stop.
 */
#include "persistence_world.h"

#include <string.h>

#include "persistence_state.h"

static void answers_wait_for_acknowledgements(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    world_forget(world);
    world_hold_acks(world, true);
    for (uint64_t no = 1; no <= 100; no++) {
        struct world_entry entry = {.scope = "peer:bob", .body = "x"};
        (void)world_send(world, 1, ana, no, &entry, 1);
        world_settle(world); /* one commit each */
    }
    assert_int_equal(world_appended_count(world), 64);
    assert_int_equal(world_count(world, MSG_STORE_DONE), 64);
    world_hold_acks(world, false);
    world_settle(world);
    assert_int_equal(world_count(world, MSG_STORE_DONE), 100);
    assert_int_equal(world_appended_messages(world), 100);
    for (uint64_t no = 1; no <= 100; no++) { /* in order */
        const INTERNAL(StoreDone) *done =
            (const void *)world_nth(world, MSG_STORE_DONE, no - 1)->body;
        assert_int_equal(done->upto_no, no);
    }
}

static void many_frames_share_a_commit(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    for (uint64_t no = 1; no <= 200; no++) {
        struct world_entry entry = {.scope = "peer:bob", .body = "x"};
        (void)world_send(world, 1, ana, no, &entry, 1);
    }
    world_settle(world);
    assert_int_equal(world_count(world, MSG_STORE_DONE), 200);
    assert_int_equal(world_appended_messages(world), 200);
    assert_true(world_appended_count(world) < 200);
    assert_int_equal(metrics_get(sim_metrics(world->sim, ACTOR_PERSISTENCE), METRIC_STORED), 200);
}

static void a_huge_batch_is_committed_in_parts(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    static char body[1000001];
    memset(body, 'x', sizeof(body) - 1);
    struct world_entry entry = {.scope = "peer:bob", .body = body};
    for (uint64_t no = 1; no <= 60; no++)
        (void)world_send(world, 1, ana, no, &entry, 1);
    world_settle(world);
    assert_int_equal(world_count(world, MSG_STORE_DONE), 60);
    assert_true(world_appended_count(world) >= 2);
    for (size_t i = 0; i < world_appended_count(world); i++) {
        const INTERNAL(Appended) *appended = (const void *)world_appended(world, i)->body;
        assert_true(appended->runs[0]->count <= 34); /* 32 MiB of bodies */
    }
}

static void answers_of_one_turn_keep_their_order(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    INTERNAL(ConsumerOpen) open = ROOST__INTERNAL__CONSUMER_OPEN__INIT;
    open.scope_kind = SCOPE_TOPIC;
    open.scope_name = world_bytes("news");
    open.consumer = world_bytes("phone");
    world_forget(world);
    for (uint64_t no = 1; no <= 20; no++) {
        struct world_entry entry = {.scope = "topic:news"};
        uint64_t sent = world_send(world, 1, ana, no, &entry, 1);
        uint64_t opened =
            world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_OPEN, &open.base, NULL, 0);
        assert_int_equal(opened, sent + 1);
    }
    world_settle(world);
    assert_int_equal(world->kept_count, 40);
    for (size_t i = 1; i < 40; i++)
        assert_int_equal(world->kept[i].correlation, world->kept[i - 1].correlation + 1);
}

static void only_one_writes(void **state)
{
    struct world *world = *state;
    struct world *other = world_new();
    (void)snprintf(other->path, sizeof(other->path), "%s", world->path);
    assert_int_equal(world_try_start(other), ERR_LOCKED);
    (void)snprintf(other->path, sizeof(other->path), "%s/roost.db", other->directory);
    world_destroy(other);
    (void)world_store(world, 1, world_peer(world, "ana"), 1, "peer:bob", "still works");
}

static void an_orderly_stop_leaves_nothing_behind(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    (void)world_store(world, 1, ana, 1, "peer:bob", "x");
    assert_true(sim_stop(world->sim, ACTOR_PERSISTENCE, 1000));
}

static void everything_is_there_after_a_restart(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t seq = world_store(world, 1, ana, 1, "peer:bob", "x");
    world_restart(world);
    const INTERNAL(ConsumerOpened) *opened =
        world_open(world, ana, SCOPE_PEER, "bob", "main", 0, 0);
    assert_false(opened->is_new);
    assert_int_equal(opened->last_seq, seq);
    assert_true(world_store(world, 1, ana, 1, "peer:bob", "y") > seq);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(answers_wait_for_acknowledgements),
        T(many_frames_share_a_commit),
        T(a_huge_batch_is_committed_in_parts),
        T(answers_of_one_turn_keep_their_order),
        T(only_one_writes),
        T(an_orderly_stop_leaves_nothing_behind),
        T(everything_is_there_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
