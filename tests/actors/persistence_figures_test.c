/* SPDX-License-Identifier: MPL-2.0
 *
 * The gauges persistence keeps are what the file says, a moment after every change, and again after
 * a restart.
 */
#include <string.h>

#include "room_world.h"
#include "rt/metrics.h"

#define CREATE  ROOST__V1__METHOD__ROOM_CREATE
#define ARCHIVE ROOST__V1__METHOD__ROOM_ARCHIVE
#define INVITE  ROOST__V1__METHOD__INVITE
#define DECLINE ROOST__V1__METHOD__INVITE_DECLINE

#define WITHIN_MS 1000 /* promised: live within a second */

static int64_t gauge(struct world *world, enum metric metric)
{
    world_advance(world, WITHIN_MS);
    return metrics_get(sim_metrics(world->sim, ACTOR_PERSISTENCE), metric);
}

static void rooms_and_invitations_are_counted(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    assert_int_equal(gauge(world, METRIC_ROOMS), 1); /* the Lobby */
    assert_int_equal(gauge(world, METRIC_PEERS), 2);
    assert_int_equal(gauge(world, METRIC_USERS), 0);
    assert_code(room_do(world, CREATE, ana, "tea"), ERR_OK);
    assert_code(room_do(world, CREATE, ana, "coffee"), ERR_OK);
    assert_int_equal(gauge(world, METRIC_ROOMS), 3);
    assert_code(room_do_to(world, INVITE, ana, "tea", "bob", 0), ERR_OK);
    assert_int_equal(gauge(world, METRIC_INVITATIONS), 1);
    assert_code(room_do(world, DECLINE, bob, "tea"), ERR_OK);
    assert_int_equal(gauge(world, METRIC_INVITATIONS), 0);
    assert_code(room_do(world, ARCHIVE, ana, "coffee"), ERR_OK);
    assert_int_equal(gauge(world, METRIC_ROOMS), 2);
    world_restart(world);
    assert_int_equal(metrics_get(sim_metrics(world->sim, ACTOR_PERSISTENCE), METRIC_ROOMS), 2);
}

static void the_dead_are_counted(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    const INTERNAL(ConsumerOpened) *opened =
        world_open(world, ana, 1, "ana", "main", ROOST__V1__START__START_FIRST, 0);
    int64_t consumer = opened->row->consumer_id;
    uint64_t seq = world_store(world, 7, bob, 1, "peer:ana", "hello");
    assert_int_equal(gauge(world, METRIC_DEAD_LETTERS), 0);
    INTERNAL(ExceptionRow) row = ROOST__INTERNAL__EXCEPTION_ROW__INIT, *put = &row;
    INTERNAL(ConsumerChange) change = ROOST__INTERNAL__CONSUMER_CHANGE__INIT, *changes = &change;
    INTERNAL(ConsumerWrite) write = ROOST__INTERNAL__CONSUMER_WRITE__INIT;
    row.seq = seq;
    row.state = 4;
    change.consumer_id = consumer;
    change.put = &put;
    change.n_put = 1;
    write.changes = &changes;
    write.n_changes = 1;
    (void)world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_WRITE, &write.base, NULL, 0);
    assert_int_equal(gauge(world, METRIC_DEAD_LETTERS), 1);
    change.n_put = 0;
    change.removed = &seq;
    change.n_removed = 1;
    (void)world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_WRITE, &write.base, NULL, 0);
    assert_int_equal(gauge(world, METRIC_DEAD_LETTERS), 0);
}

static void the_size_is_that_of_the_file(void **state)
{
    struct world *world = *state;
    static char body[20000];
    memset(body, 'x', sizeof(body) - 1);
    int64_t ana = world_peer(world, "ana");
    int64_t before = gauge(world, METRIC_DATABASE_BYTES);
    for (uint64_t no = 1; no <= 50; no++)
        (void)world_store(world, 7, ana, no, "peer:ana", body);
    int64_t after = gauge(world, METRIC_DATABASE_BYTES);
    assert_true(before > 0 && after > before + 50 * 20000);
    const struct metrics *metrics = sim_metrics(world->sim, ACTOR_PERSISTENCE);
    assert_true(metrics_get(metrics, METRIC_WAL_BYTES) > 0);
    const struct histogram *commits = &metrics->histograms[METRIC_COMMIT_MESSAGES];
    assert_int_equal(histogram_count_to(commits, UINT64_MAX), 50);
    assert_int_equal(atomic_load(&commits->sum), 50);
}

/* An idle broker counts nothing: no timer is left. */
static void nothing_is_counted_when_nothing_changes(void **state)
{
    struct world *world = *state;
    (void)world_peer(world, "ana");
    world_advance(world, 5000);
    int64_t turns = metrics_get(sim_metrics(world->sim, ACTOR_PERSISTENCE), METRIC_TURNS);
    world_advance(world, 60000);
    assert_int_equal(metrics_get(sim_metrics(world->sim, ACTOR_PERSISTENCE), METRIC_TURNS), turns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rooms_and_invitations_are_counted, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(the_dead_are_counted, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(the_size_is_that_of_the_file, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(nothing_is_counted_when_nothing_changes, world_setup,
                                        world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
