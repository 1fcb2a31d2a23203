/* SPDX-License-Identifier: MPL-2.0
 *
 * What the sync-manager shows: waiting, leased, since when the oldest waits, and the time from commit
 * to settling.
 */
#include "sync_manager_world.h"

#include "proto/name.h"
#include "rt/metrics.h"

#define WITHIN_MS 1000

static const struct metrics *metrics_of(struct sync_world *sync)
{
    return sim_metrics(sync->world->sim, ACTOR_SYNC_MANAGER);
}

static int64_t gauge(struct sync_world *sync, enum metric metric)
{
    world_advance(sync->world, WITHIN_MS);
    return metrics_get(metrics_of(sync), metric);
}

static struct sync_attach_ask mailbox(int64_t peer_id)
{
    return (struct sync_attach_ask){.session = 2,
                                    .peer_id = peer_id,
                                    .peer = "ana",
                                    .name = "ana",
                                    .kind = PREFIX_PEER,
                                    .credit = 100,
                                    .lease_ms = 600000};
}

static void the_oldest_is_told_by_its_time(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana"), bob = world_peer(sync->world, "bob");
    assert_int_equal(gauge(sync, METRIC_OLDEST_MS), 0);
    int64_t first_ms = sim_wall(sync->world->sim).ms;
    sync_store(sync, bob, "peer:ana", 2);
    world_advance(sync->world, 50000);
    sync_store(sync, bob, "peer:ana", 3);
    assert_in_range(gauge(sync, METRIC_OLDEST_MS), first_ms, first_ms + 100);
    assert_int_equal(gauge(sync, METRIC_WAITING), 5);
    struct sync_attach_ask ask = mailbox(ana);
    (void)sync_attach(sync, &ask);
    assert_int_equal(gauge(sync, METRIC_LEASED), 5);
    sync_settle(sync, 2, 1, 2, ROOST__V1__OUTCOME__ACK, 0);
    assert_in_range(gauge(sync, METRIC_OLDEST_MS), first_ms + 50000, first_ms + 53000);
    sync_settle(sync, 2, 3, 5, ROOST__V1__OUTCOME__ACK, 0);
    assert_int_equal(gauge(sync, METRIC_OLDEST_MS), 0);
    assert_int_equal(gauge(sync, METRIC_WAITING), 0);
}

/* What fails goes on waiting; what is meant for later does not. */
static void retries_are_old_and_the_scheduled_are_not(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana"), bob = world_peer(sync->world, "bob");
    int64_t now_ms = sim_wall(sync->world->sim).ms;
    struct world_entry later = {
        .scope = "peer:ana", .body = "x", .not_before_ms = (uint64_t)now_ms + 3600000};
    sync_store_entry(sync, bob, &later);
    struct sync_attach_ask ask = mailbox(ana);
    (void)sync_attach(sync, &ask);
    assert_int_equal(gauge(sync, METRIC_OLDEST_MS), 0);
    int64_t stored_ms = sim_wall(sync->world->sim).ms;
    sync_store(sync, bob, "peer:ana", 1);
    world_settle(sync->world);
    sync_settle(sync, 2, 1, 1, ROOST__V1__OUTCOME__FAIL, 0);
    world_advance(sync->world, 5000);
    assert_in_range(gauge(sync, METRIC_OLDEST_MS), stored_ms, stored_ms + 100);
}

static void settling_is_timed_from_the_commit(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana"), bob = world_peer(sync->world, "bob");
    struct sync_attach_ask ask = mailbox(ana);
    (void)sync_attach(sync, &ask);
    sync_store(sync, bob, "peer:ana", 3);
    world_advance(sync->world, 250);
    const struct histogram *times = &metrics_of(sync)->histograms[METRIC_END_TO_END_US];
    assert_int_equal(histogram_count_to(times, UINT64_MAX), 0);
    sync_settle(sync, 2, 1, 3, ROOST__V1__OUTCOME__ACK, 0);
    assert_int_equal(histogram_count_to(times, UINT64_MAX), 3);
    assert_in_range(histogram_quantile(times, 0.5), 250000, 300000);
}

/* Nobody remembers the commit after a restart: then to the millisecond, as stored. */
static void after_a_restart_by_the_stored_time(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana"), bob = world_peer(sync->world, "bob");
    sync_store(sync, bob, "peer:ana", 1);
    sync_crash(sync, 60000);
    struct sync_attach_ask ask = mailbox(ana);
    (void)sync_attach(sync, &ask);
    sync_settle(sync, 2, 1, 1, ROOST__V1__OUTCOME__ACK, 0);
    const struct histogram *times = &metrics_of(sync)->histograms[METRIC_END_TO_END_US];
    assert_int_equal(histogram_count_to(times, UINT64_MAX), 1);
    assert_in_range(histogram_quantile(times, 0.5), 60000000, 70000000);
}

static void those_who_only_listen_are_not_timed(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana"), bob = world_peer(sync->world, "bob");
    struct sync_attach_ask ask = mailbox(ana);
    ask.is_ephemeral = true;
    ask.start = ROOST__V1__START__START_NEW;
    (void)sync_attach(sync, &ask);
    sync_store(sync, bob, "peer:ana", 2);
    sync_settle(sync, 2, 1, 2, ROOST__V1__OUTCOME__ACK, 0);
    const struct histogram *times = &metrics_of(sync)->histograms[METRIC_END_TO_END_US];
    assert_int_equal(histogram_count_to(times, UINT64_MAX), 0);
    assert_true(gauge(sync, METRIC_OLDEST_MS) > 0); /* its owner has not had them */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_oldest_is_told_by_its_time, sync_setup, sync_teardown),
        cmocka_unit_test_setup_teardown(retries_are_old_and_the_scheduled_are_not, sync_setup,
                                        sync_teardown),
        cmocka_unit_test_setup_teardown(settling_is_timed_from_the_commit, sync_setup,
                                        sync_teardown),
        cmocka_unit_test_setup_teardown(after_a_restart_by_the_stored_time, sync_setup,
                                        sync_teardown),
        cmocka_unit_test_setup_teardown(those_who_only_listen_are_not_timed, sync_setup,
                                        sync_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
