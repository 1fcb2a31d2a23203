/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/system and rt/runner with real threads: messages flow, deaths are repaired within bounds,
 * start and stop keep their order, the watchdog sees a stall.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "play.h"
#include "rt/check.h"
#include "rt/log.h"
#include "rt/system.h"

/* A poker sends what a test wants sent, from an actor's thread: that is the only door. */
struct poke {
    uint8_t to;
    enum play_act act;
    uint64_t amount;
    uint64_t notes; /* events to send as fast as possible */
    _Atomic uint64_t sent;
    _Atomic uint64_t busy;
    _Atomic uint64_t orders; /* sent */
    _Atomic bool is_wanted;  /* the test sets it, the poker's timer sees it */
};

#define TIMER_LOOK  0
#define TIMER_FLOOD 1

static void look_again(struct actor *actor)
{
    actor_timer_set(actor, TIMER_LOOK, mono_add_ms(actor_mono(actor), 2));
}

static enum err poker_init(struct actor *actor, void *state, const void *args)
{
    *(struct poke **)state = (struct poke *)(uintptr_t)args;
    look_again(actor);
    return ERR_OK;
}

static void poke_now(struct actor *actor, struct poke *poke)
{
    Play__Order order = PLAY__ORDER__INIT;
    order.act = (uint32_t)poke->act;
    order.amount = poke->amount;
    if (poke->act != ACT_NOTHING) {
        CHECK(actor_send(actor, poke->to, PLAY_ORDER, &order.base, NULL) == ERR_OK);
        atomic_fetch_add(&poke->orders, 1);
    }
    uint64_t notes = poke->notes; /* the test may change it once it sees us send */
    uint8_t to = poke->to;
    for (uint64_t i = 1; i <= notes; i++) {
        Play__Note note = PLAY__NOTE__INIT;
        note.number = atomic_load(&poke->sent) + 1;
        if (actor_send(actor, to, PLAY_NOTE, &note.base, NULL) == ERR_OK)
            atomic_fetch_add(&poke->sent, 1);
        else
            atomic_fetch_add(&poke->busy, 1);
    }
}

static enum err poker_on_timer(struct actor *actor, void *state, unsigned timer)
{
    struct poke *poke = *(struct poke **)state;
    CHECK(timer == TIMER_LOOK);
    if (atomic_exchange(&poke->is_wanted, false))
        poke_now(actor, poke);
    look_again(actor);
    return ERR_OK;
}

static const struct actor_class poker_class = {
    .name = "poker",
    .state_size = sizeof(struct poke *),
    .restart = ACTOR_ESCALATE,
    .link_room = 10,
    .init = poker_init,
    .on_timer = poker_on_timer,
};

static struct system *new_system(const struct actor_spec *specs, size_t count,
                                 const struct system_options *options)
{
    struct system *system = system_new(specs, count, play_types, PLAY_KINDS, options);
    assert_non_null(system);
    return system;
}

/* Supervises until *counter reaches `value`; fails after ten seconds. */
static enum err run_until(struct system *system, _Atomic uint64_t *counter, uint64_t value)
{
    struct mono_time limit = mono_add_ms(clock_mono_now(), 20000);
    enum err err = ERR_OK;
    while (!err && atomic_load(counter) < value) {
        assert_false(mono_reached(limit, clock_mono_now()));
        err = system_run(system, -1, 2);
    }
    return err;
}

static void questions_are_answered(void **state)
{
    struct play_args echo = {0};
    struct play_args one = {.target = 0, .total = 20000, .window = 50};
    struct play_args two = {.target = 0, .total = 5000, .window = 90, .payload_bytes = 1000};
    const struct actor_spec specs[] = {
        {&echo_class, &echo, 0}, {&driver_class, &one, 0}, {&driver_class, &two, 0}};
    (void)state;
    struct system *system = new_system(specs, 3, NULL);
    assert_int_equal(system_start(system), ERR_OK);
    assert_int_equal(run_until(system, &one.answers, one.total), ERR_OK);
    assert_int_equal(run_until(system, &two.answers, two.total), ERR_OK);
    struct actor_stats stats = system_stats(system, 0);
    assert_string_equal(stats.name, "echo");
    assert_int_equal(stats.messages, 25000);
    assert_true(stats.is_running && stats.busy_ns > 0 && stats.turns > 0);
    assert_int_equal(stats.mailbox_depth, 0);
    assert_int_equal(system_count(system), 3);
    assert_int_equal(metrics_sum(system_metrics(system), 3, METRIC_MESSAGES), 50000);
    assert_int_equal(system_stop(system), ERR_OK);
    assert_false(system_stats(system, 0).is_running);
    assert_int_equal(echo.ends, 1);
    system_destroy(&system);
    assert_null(system);
}

static void start_failure_stops_those_started(void **state)
{
    _Atomic uint64_t ends = 0;
    struct play_args one = {.end_counter = &ends}, two = {.end_counter = &ends};
    struct play_args bad = {.init_err = ERR_LOCKED}, never = {0};
    const struct actor_spec specs[] = {{&echo_class, &one, 0},
                                       {&echo_class, &two, 0},
                                       {&echo_class, &bad, 0},
                                       {&echo_class, &never, 0}};
    (void)state;
    struct system *system = new_system(specs, 4, NULL);
    assert_int_equal(system_start(system), ERR_LOCKED);
    assert_string_equal(system_failed_actor(system), "echo");
    assert_int_equal(one.end_order, 2);
    assert_int_equal(two.end_order, 1);
    assert_int_equal(bad.ends, 1); /* fini is called after a failed init, too */
    assert_int_equal(never.lives, 0);
    system_destroy(&system);
}

static void stop_is_in_reverse_and_drains(void **state)
{
    _Atomic uint64_t ends = 0;
    struct play_args one = {.end_counter = &ends}, two = {.end_counter = &ends};
    struct poke poke = {.to = 0, .act = ACT_SLEEP, .amount = 100, .notes = 90};
    const struct actor_spec specs[] = {
        {&echo_class, &one, 0}, {&echo_class, &two, 0}, {&poker_class, &poke, 0}};
    (void)state;
    struct system *system = new_system(specs, 3, NULL);
    assert_int_equal(system_start(system), ERR_OK);
    poke.is_wanted = true;
    assert_int_equal(run_until(system, &poke.sent, 90), ERR_OK);
    assert_int_equal(system_stop(system), ERR_OK); /* while echo sleeps, its mailbox full */
    assert_int_equal(two.end_order, 1);
    assert_int_equal(one.end_order, 2);
    assert_int_equal(one.notes, 90);
    system_destroy(&system);
}

static void stop_waits_for_work_in_hand(void **state)
{
    struct play_args args = {.stop_delay_ms = 50};
    const struct actor_spec specs[] = {{&echo_slow_stop_class, &args, 5000}};
    (void)state;
    struct system *system = new_system(specs, 1, NULL);
    assert_int_equal(system_start(system), ERR_OK);
    struct mono_time start = clock_mono_now();
    assert_int_equal(system_stop(system), ERR_OK);
    assert_in_range(mono_elapsed_ms(start, clock_mono_now()), 50, 3000);
    system_destroy(&system);
}

static void stop_deadline_is_kept(void **state)
{
    struct play_args args = {.never_stops = true};
    const struct actor_spec specs[] = {{&echo_slow_stop_class, &args, 50}};
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    struct system *system = new_system(specs, 1, NULL);
    assert_int_equal(system_start(system), ERR_OK);
    struct mono_time start = clock_mono_now();
    assert_int_equal(system_stop(system), ERR_OK);
    assert_in_range(mono_elapsed_ms(start, clock_mono_now()), 50, 3000);
    assert_int_equal(args.ends, 1);
    system_destroy(&system);
    log_set_level(LOG_LEVEL_INFO);
}

static void a_full_link_answers_busy(void **state)
{
    struct play_args echo = {0};
    struct poke poke = {.to = 0, .act = ACT_SLEEP, .amount = 200, .notes = 300};
    const struct actor_spec specs[] = {{&echo_class, &echo, 0}, {&poker_class, &poke, 0}};
    (void)state;
    struct system *system = new_system(specs, 2, NULL);
    assert_int_equal(system_start(system), ERR_OK);
    poke.is_wanted = true;
    assert_int_equal(run_until(system, &poke.busy, 200), ERR_OK);
    uint64_t sent = poke.sent;
    assert_in_range(sent, echo_class.link_room - 1, echo_class.link_room); /* the order may wait */
    assert_int_equal(sent + poke.busy, 300);
    assert_int_equal(run_until(system, &echo.notes, sent), ERR_OK);
    assert_int_equal(system_stats(system, 1).refusals, 300 - sent);
    poke.act = ACT_NOTHING;
    poke.notes = 50;
    poke.is_wanted = true;
    assert_int_equal(run_until(system, &echo.notes, sent + 50), ERR_OK); /* room again */
    assert_int_equal(system_stop(system), ERR_OK);
    system_destroy(&system);
}

static void a_flood_keeps_nobody_waiting(void **state)
{
    struct play_args echo = {0};
    struct poke flood = {.to = 0, .act = ACT_SHORT, .notes = 40, .is_wanted = true};
    struct poke other = {.to = 0, .act = ACT_KEEP};
    const struct actor_spec specs[] = {
        {&echo_class, &echo, 0}, {&poker_class, &flood, 0}, {&poker_class, &other, 0}};
    (void)state;
    struct system *system = new_system(specs, 3, NULL);
    assert_int_equal(system_start(system), ERR_OK);
    assert_int_equal(run_until(system, &flood.sent, 40), ERR_OK);
    assert_int_equal(run_until(system, &echo.notes, 1), ERR_OK); /* in hand, and 39 wait */
    atomic_store(&other.is_wanted, true);
    assert_int_equal(run_until(system, &other.orders, 1), ERR_OK);
    atomic_store(&echo.goes_on, true);
    assert_int_equal(run_until(system, &echo.notes, 40), ERR_OK);
    assert_in_range(echo.notes_before_keep, 1, 3);
    assert_int_equal(system_stop(system), ERR_OK);
    system_destroy(&system);
}

static void the_dead_are_restarted_and_links_survive(void **state)
{
    struct play_args echo = {0};
    struct play_args driver = {.target = 0, .total = 2000000, .window = 20, .deadline_ms = 300};
    struct poke poke = {.to = 0, .act = ACT_DIE};
    const struct actor_spec specs[] = {
        {&echo_class, &echo, 0}, {&driver_class, &driver, 0}, {&poker_class, &poke, 0}};
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    struct system *system = new_system(specs, 3, NULL);
    assert_int_equal(system_start(system), ERR_OK);
    for (uint64_t life = 2; life <= 4; life++) {
        poke.is_wanted = true;
        assert_int_equal(run_until(system, &echo.lives, life), ERR_OK);
        uint64_t answers = driver.answers;
        assert_int_equal(run_until(system, &driver.answers, answers + 500), ERR_OK);
    }
    assert_int_equal(echo.ends, 3);
    assert_int_equal(system_stats(system, 0).restarts, 3);
    assert_int_equal(driver.lives, 1);
    assert_int_equal(system_stop(system), ERR_OK);
    system_destroy(&system);
    log_set_level(LOG_LEVEL_INFO);
}

static void restarts_are_limited(void **state)
{
    struct play_args echo = {0};
    struct poke poke = {.to = 0, .act = ACT_DIE};
    const struct actor_spec specs[] = {{&echo_class, &echo, 0}, {&poker_class, &poke, 0}};
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    struct system *system = new_system(specs, 2, NULL);
    assert_int_equal(system_start(system), ERR_OK);
    enum err err = ERR_OK;
    for (uint64_t life = 2; life <= 7; life++) {
        poke.is_wanted = true;
        err = run_until(system, &echo.lives, life);
        if (err)
            break;
    }
    assert_int_equal(err, ERR_INTERNAL);
    assert_int_equal(echo.lives, 6); /* the first and five restarts */
    assert_string_equal(system_failed_actor(system), "echo");
    assert_int_equal(system_stop(system), ERR_OK);
    system_destroy(&system);
    log_set_level(LOG_LEVEL_INFO);
}

static void an_init_that_keeps_failing_is_not_restarted_for_ever(void **state)
{
    struct play_args echo = {.init_fails = 2};
    struct poke poke = {.to = 0, .act = ACT_DIE, .is_wanted = true};
    const struct actor_spec specs[] = {{&echo_class, &echo, 0}, {&poker_class, &poke, 0}};
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    struct system *system = new_system(specs, 2, NULL);
    assert_int_equal(system_start(system), ERR_OK);
    assert_int_equal(system_run(system, -1, 10000), ERR_STORAGE);
    assert_int_equal(echo.lives, 6);
    assert_int_equal(system_stop(system), ERR_OK);
    system_destroy(&system);
    log_set_level(LOG_LEVEL_INFO);
}

static void escalation_ends_the_run(void **state)
{
    struct play_args echo = {0};
    struct poke poke = {.to = 0, .act = ACT_DIE, .is_wanted = true};
    const struct actor_spec specs[] = {{&echo_fragile_class, &echo, 0}, {&poker_class, &poke, 0}};
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    struct system *system = new_system(specs, 2, NULL);
    assert_int_equal(system_start(system), ERR_OK);
    assert_int_equal(system_run(system, -1, 10000), ERR_INTERNAL);
    assert_string_equal(system_failed_actor(system), "echo-fragile");
    assert_int_equal(echo.lives, 1);
    assert_int_equal(system_stop(system), ERR_OK);
    system_destroy(&system);
    log_set_level(LOG_LEVEL_INFO);
}

static void a_readable_descriptor_ends_the_run(void **state)
{
    struct play_args echo = {0};
    const struct actor_spec specs[] = {{&echo_class, &echo, 0}};
    (void)state;
    int fd = eventfd(1, 0);
    assert_true(fd >= 0);
    struct system *system = new_system(specs, 1, NULL);
    assert_int_equal(system_start(system), ERR_OK);
    assert_int_equal(system_run(system, fd, -1), ERR_OK);
    assert_int_equal(system_run(system, fd, -1), ERR_OK);
    assert_int_equal(system_stop(system), ERR_OK);
    system_destroy(&system);
    assert_int_equal(close(fd), 0);
}

static _Atomic uint64_t stalls;
static _Atomic uint64_t stalled_actor;

static void note_stall(uint8_t actor, int64_t stalled_ms)
{
    assert_true(stalled_ms >= 50);
    stalled_actor = actor;
    atomic_fetch_add(&stalls, 1);
}

static void the_watchdog_sees_a_stall(void **state)
{
    struct play_args echo = {0};
    struct poke poke = {.to = 0, .act = ACT_SLEEP, .amount = 400, .notes = 90};
    const struct actor_spec specs[] = {{&echo_class, &echo, 0}, {&poker_class, &poke, 0}};
    const struct system_options options = {
        .stall_warn_ms = 20, .stall_abort_ms = 50, .watchdog_ms = 10, .on_stall = note_stall};
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    struct system *system = new_system(specs, 2, &options);
    assert_int_equal(system_start(system), ERR_OK);
    assert_int_equal(system_run(system, -1, 200), ERR_OK);
    assert_int_equal(stalls, 0); /* an idle actor is no stalled one */
    assert_false(system_is_stalled(system));
    poke.is_wanted = true;
    assert_int_equal(run_until(system, &stalls, 3), ERR_OK);
    assert_int_equal(stalled_actor, 0);
    assert_true(system_is_stalled(system));
    assert_int_equal(run_until(system, &echo.notes, 90), ERR_OK);
    assert_int_equal(system_run(system, -1, 50), ERR_OK);
    assert_false(system_is_stalled(system)); /* it moves again */
    assert_int_equal(system_stop(system), ERR_OK);
    system_destroy(&system);
    log_set_level(LOG_LEVEL_INFO);
}

static void a_stuck_thread_is_reported(void **state)
{
    struct play_args echo = {0};
    struct poke poke = {.to = 0, .act = ACT_SLEEP, .amount = 1600, .notes = 1};
    const struct actor_spec specs[] = {{&echo_class, &echo, 50}, {&poker_class, &poke, 0}};
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    struct system *system = new_system(specs, 2, NULL);
    assert_int_equal(system_start(system), ERR_OK);
    poke.is_wanted = true;
    assert_int_equal(run_until(system, &poke.sent, 1), ERR_OK);
    assert_int_equal(system_run(system, -1, 50), ERR_OK);
    assert_int_equal(system_stop(system), ERR_TIMEOUT);
    assert_false(system_stats(system, 0).is_running);
    assert_int_equal(system_stop(system), ERR_OK); /* later it has come to its end after all */
    system_destroy(&system);
    log_set_level(LOG_LEVEL_INFO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_are_answered),
        cmocka_unit_test(start_failure_stops_those_started),
        cmocka_unit_test(stop_is_in_reverse_and_drains),
        cmocka_unit_test(stop_waits_for_work_in_hand),
        cmocka_unit_test(stop_deadline_is_kept),
        cmocka_unit_test(a_full_link_answers_busy),
        cmocka_unit_test(a_flood_keeps_nobody_waiting),
        cmocka_unit_test(the_dead_are_restarted_and_links_survive),
        cmocka_unit_test(restarts_are_limited),
        cmocka_unit_test(an_init_that_keeps_failing_is_not_restarted_for_ever),
        cmocka_unit_test(escalation_ends_the_run),
        cmocka_unit_test(a_readable_descriptor_ends_the_run),
        cmocka_unit_test(the_watchdog_sees_a_stall),
        cmocka_unit_test(a_stuck_thread_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
