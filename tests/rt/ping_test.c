/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/ping: one question at a time, answered once, and what is reported of it; then on the simulator
 * and with real threads: whoever is stuck does not answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "play.h"
#include "rt/log.h"
#include "rt/sim.h"
#include "rt/system.h"

#define MS 1000000

static void one_question_at_a_time(void **state)
{
    struct ping ping = {0};
    (void)state;
    struct ping_report report = ping_report(&ping, (struct mono_time){5 * MS});
    assert_int_equal(report.took_us, -1);
    assert_int_equal(report.answered_ago_ms, -1);
    assert_int_equal(report.open_ms, -1);
    assert_false(ping_answer(&ping, (struct mono_time){6 * MS}));
    assert_true(ping_ask(&ping, (struct mono_time){10 * MS}));
    assert_false(ping_ask(&ping, (struct mono_time){11 * MS}));
    assert_int_equal(ping_report(&ping, (struct mono_time){12 * MS}).open_ms, 2);
    assert_true(ping_answer(&ping, (struct mono_time){13 * MS}));
    assert_false(ping_answer(&ping, (struct mono_time){14 * MS}));
    report = ping_report(&ping, (struct mono_time){20 * MS});
    assert_int_equal(report.took_us, 3000);
    assert_int_equal(report.answered_ago_ms, 7);
    assert_int_equal(report.open_ms, -1);
}

static void on_the_simulator_the_frozen_does_not_answer(void **state)
{
    struct play_args echo = {0}, driver = {.target = 0, .total = 10, .window = 5};
    const struct actor_spec specs[] = {{&echo_class, &echo, 0}, {&driver_class, &driver, 0}};
    (void)state;
    struct sim *sim = sim_new(7, specs, 2, play_types, PLAY_KINDS, NULL, NULL);
    assert_non_null(sim);
    sim_settle(sim);
    struct actor_stats stats = sim_stats(sim, 0);
    assert_false(actor_stats_is_answering(&stats, 1000)); /* nobody has asked */
    sim_freeze(sim, 0, true);
    sim_ping_all(sim);
    sim_advance(sim, 3000);
    stats = sim_stats(sim, 0);
    assert_false(actor_stats_is_answering(&stats, 5000));
    assert_in_range(stats.ping.open_ms, 3000, 3001);
    assert_string_equal(stats.name, "echo");
    stats = sim_stats(sim, 1);
    assert_true(actor_stats_is_answering(&stats, 5000));
    assert_in_range(stats.ping.took_us, 0, 1000);
    assert_in_range(stats.ping.answered_ago_ms, 2990, 3000);
    assert_false(actor_stats_is_answering(&stats, 2000)); /* too long ago */
    sim_freeze(sim, 0, false);
    sim_settle(sim);
    stats = sim_stats(sim, 0);
    assert_true(actor_stats_is_answering(&stats, 5000));
    assert_true(stats.ping.took_us >= 3000000);
    assert_int_equal(metrics_get(sim_metrics(sim, 0), METRIC_PING_US), stats.ping.took_us);
    sim_destroy(&sim);
}

static void a_new_life_answers_for_the_old(void **state)
{
    struct play_args echo = {0};
    const struct actor_spec specs[] = {{&echo_class, &echo, 0}};
    (void)state;
    struct sim *sim = sim_new(8, specs, 1, play_types, PLAY_KINDS, NULL, NULL);
    assert_non_null(sim);
    sim_freeze(sim, 0, true);
    sim_ping(sim, 0);
    assert_int_equal(sim_crash(sim, 0), ERR_OK);
    sim_freeze(sim, 0, false);
    sim_settle(sim);
    struct actor_stats stats = sim_stats(sim, 0);
    assert_true(actor_stats_is_answering(&stats, 10));
    sim_destroy(&sim);
}

/* An actor that sleeps in a handler when told to. */
static enum err sleeper_order(struct actor *actor)
{
    Play__Order order = PLAY__ORDER__INIT;
    order.act = ACT_SLEEP;
    order.amount = 300;
    return actor_send(actor, 0, PLAY_ORDER, &order.base, NULL);
}

static enum err teller_init(struct actor *actor, void *state, const void *args)
{
    (void)state;
    (void)args;
    actor_timer_set(actor, 0, mono_add_ms(actor_mono(actor), 200));
    return ERR_OK;
}

static enum err teller_on_timer(struct actor *actor, void *state, unsigned timer)
{
    (void)state;
    (void)timer;
    return sleeper_order(actor);
}

static const struct actor_class teller_class = {
    .name = "teller",
    .state_size = 1,
    .restart = ACTOR_ESCALATE,
    .link_room = 10,
    .init = teller_init,
    .on_timer = teller_on_timer,
};

/* Waits for it, at most ten seconds. */
static void await(struct system *system, uint8_t id, int64_t within_ms, bool is_answering)
{
    struct mono_time limit = mono_add_ms(clock_mono_now(), 10000);
    for (;;) {
        struct actor_stats stats = system_stats(system, id);
        if (actor_stats_is_answering(&stats, within_ms) == is_answering)
            return;
        assert_false(mono_reached(limit, clock_mono_now()));
        assert_int_equal(system_run(system, -1, 1), ERR_OK);
    }
}

static void a_thread_that_is_stuck_does_not_answer(void **state)
{
    struct play_args echo = {0};
    const struct actor_spec specs[] = {{&echo_class, &echo, 0}, {&teller_class, NULL, 0}};
    const struct system_options options = {.watchdog_ms = 5};
    (void)state;
    struct system *system = system_new(specs, 2, play_types, PLAY_KINDS, &options);
    assert_non_null(system);
    assert_int_equal(system_start(system), ERR_OK);
    await(system, 0, 100, true);
    await(system, 1, 100, true);
    await(system, 0, 100, false); /* it sleeps */
    struct actor_stats stats = system_stats(system, 0);
    assert_true(stats.ping.open_ms >= 90);
    assert_true(stats.is_running);
    await(system, 0, 100, true);
    await(system, 1, 100, true);
    assert_true(system_stats(system, 0).mailbox_max == echo_class.link_room);
    assert_true(system_stats(system, 0).mailbox_high >= 1);
    assert_int_equal(system_stop(system), ERR_OK);
    stats = system_stats(system, 0);
    assert_false(actor_stats_is_answering(&stats, 100000)); /* it is gone */
    system_destroy(&system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_question_at_a_time),
        cmocka_unit_test(on_the_simulator_the_frozen_does_not_answer),
        cmocka_unit_test(a_new_life_answers_for_the_old),
        cmocka_unit_test(a_thread_that_is_stuck_does_not_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
