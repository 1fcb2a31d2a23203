/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/sim: the same seed gives the same run, other seeds other orders; crashes, held links, clocks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "play.h"
#include "rt/log.h"
#include "rt/sim.h"

enum { ECHO, ECHO_2, DRIVER, DRIVER_2, TESTER, ACTORS = TESTER };

static struct play_args one, two, echo_args;

static struct sim *new_sim(uint64_t seed, uint64_t total)
{
    static struct actor_spec specs[ACTORS];
    one = (struct play_args){.target = ECHO, .total = total, .window = 7};
    two = (struct play_args){.target = ECHO, .total = total, .window = 5, .payload_bytes = 10};
    echo_args = (struct play_args){0};
    specs[ECHO] = (struct actor_spec){&echo_class, &echo_args, 0};
    specs[ECHO_2] = (struct actor_spec){&echo_fragile_class, NULL, 0};
    specs[DRIVER] = (struct actor_spec){&driver_class, &one, 0};
    specs[DRIVER_2] = (struct actor_spec){&driver_class, &two, 0};
    enum err err = ERR_OK;
    struct sim *sim = sim_new(seed, specs, ACTORS, play_types, PLAY_KINDS, NULL, &err);
    assert_non_null(sim);
    return sim;
}

static void post_order(struct sim *sim, uint8_t to, enum play_act act)
{
    Play__Order body = PLAY__ORDER__INIT;
    body.act = (uint32_t)act;
    assert_int_equal(sim_post(sim, TESTER, to, PLAY_ORDER, &body.base, NULL, 0, false), ERR_OK);
}

static uint64_t run(uint64_t seed)
{
    struct sim *sim = new_sim(seed, 30);
    if (seed % 3 == 0) {
        sim_advance(sim, 2);
        assert_int_equal(sim_crash(sim, ECHO), ERR_OK);
    }
    sim_advance(sim, 120000);
    assert_int_equal(sim_failure(sim, NULL), ERR_OK);
    assert_int_equal(one.answers + one.no_answers, 30);
    assert_int_equal(two.answers + two.no_answers, 30);
    uint64_t hash = sim_trace_hash(sim);
    assert_true(sim_message_count(sim) >= 60);
    sim_destroy(&sim);
    return hash;
}

static void same_seed_same_run(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++)
        assert_int_equal(run(seed), run(seed));
    assert_int_not_equal(run(1), run(2));
}

static void thousands_of_seeds(void **state)
{
    (void)state;
    struct mono_time start = clock_mono_now();
    uint64_t last = 0, changes = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        uint64_t hash = run(seed);
        changes += hash != last;
        last = hash;
    }
    assert_int_equal(changes, 2000);
    print_message("2000 schedules in %d ms\n", (int)mono_elapsed_ms(start, clock_mono_now()));
}

static void crash_loses_state_not_mail(void **state)
{
    (void)state;
    struct sim *sim = new_sim(4, 0);
    Play__Ping body = PLAY__PING__INIT;
    body.number = 1;
    assert_int_equal(sim_post(sim, TESTER, ECHO, PLAY_PING, &body.base, NULL, 77, true), ERR_OK);
    sim_settle(sim);
    assert_int_equal(((struct echo *)sim_state(sim, ECHO))->pings, 1);
    assert_int_equal(sim_post(sim, TESTER, ECHO, PLAY_PING, &body.base, NULL, 78, true), ERR_OK);
    assert_int_equal(sim_crash(sim, ECHO), ERR_OK);
    assert_int_equal(((struct echo *)sim_state(sim, ECHO))->pings, 0);
    sim_settle(sim);
    assert_int_equal(((struct echo *)sim_state(sim, ECHO))->pings, 1);
    assert_int_equal(echo_args.lives, 2);
    assert_int_equal(sim_take(sim, TESTER)->correlation, 77);
    assert_int_equal(sim_take(sim, TESTER)->correlation, 78);
    sim_destroy(&sim);
    assert_int_equal(echo_args.ends, 2);
}

static void crash_of_all_loses_mail_too(void **state)
{
    (void)state;
    struct sim *sim = new_sim(4, 1000);
    sim_advance(sim, 5);
    uint64_t before = one.answers;
    assert_true(before > 0);
    struct wall_time wall = sim_wall(sim);
    assert_int_equal(sim_crash_all(sim, 3000), ERR_OK);
    assert_int_equal(sim_wall(sim).ms - wall.ms, 3000);
    assert_int_equal(((struct driver *)sim_state(sim, DRIVER))->answered, 0);
    sim_advance(sim, 120000);
    assert_int_equal(one.answers, before + 1000); /* asked again from the first */
    sim_destroy(&sim);
}

static void restarts_are_limited(void **state)
{
    uint8_t lost = 0;
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    struct sim *sim = new_sim(4, 0);
    for (unsigned i = 0; i < 5; i++) {
        post_order(sim, ECHO, ACT_DIE);
        sim_settle(sim);
        assert_int_equal(sim_failure(sim, &lost), ERR_OK);
    }
    sim_advance(sim, 31000); /* the window moves on */
    post_order(sim, ECHO, ACT_DIE);
    sim_settle(sim);
    assert_int_equal(sim_failure(sim, &lost), ERR_OK);
    assert_int_equal(metrics_get(sim_metrics(sim, ECHO), METRIC_RESTARTS), 6);
    for (unsigned i = 0; i < 5; i++) {
        post_order(sim, ECHO, ACT_DIE);
        sim_settle(sim);
    }
    assert_int_equal(sim_failure(sim, &lost), ERR_INTERNAL);
    assert_int_equal(lost, ECHO);
    assert_false(sim_step(sim));
    sim_destroy(&sim);
    log_set_level(LOG_LEVEL_INFO);
}

static void escalation_ends_the_run(void **state)
{
    uint8_t lost = 0;
    (void)state;
    struct sim *sim = new_sim(4, 10);
    post_order(sim, ECHO_2, ACT_DIE);
    sim_advance(sim, 1000);
    assert_int_equal(sim_failure(sim, &lost), ERR_INTERNAL);
    assert_int_equal(lost, ECHO_2);
    assert_int_equal(sim_crash_all(sim, 0), ERR_OK); /* the service manager starts it again */
    sim_advance(sim, 1000);
    assert_int_equal(sim_failure(sim, &lost), ERR_OK);
    assert_true(one.answers >= 10);
    sim_destroy(&sim);
}

static void failing_start_is_reported(void **state)
{
    struct play_args args = {.init_err = ERR_LOCKED};
    const struct actor_spec specs[] = {{&echo_class, &args, 0}};
    enum err err = ERR_OK;
    (void)state;
    assert_null(sim_new(1, specs, 1, play_types, PLAY_KINDS, NULL, &err));
    assert_int_equal(err, ERR_LOCKED);
    assert_int_equal(args.ends, 1);
}

static void the_test_can_play_an_actor(void **state)
{
    (void)state;
    struct sim *sim = new_sim(8, 0);
    one.target = TESTER; /* the driver asks the test */
    one.total = 3;
    one.window = 3;
    assert_int_equal(sim_crash(sim, DRIVER), ERR_OK);
    assert_null(sim_take(sim, TESTER)); /* still on its way */
    sim_settle(sim);
    for (uint64_t i = 1; i <= 3; i++) {
        const struct msg *question = sim_take(sim, TESTER);
        assert_non_null(question);
        assert_int_equal(question->from, DRIVER);
        Play__Pong pong = PLAY__PONG__INIT;
        pong.number = MSG_BODY(question, Play__Ping)->number;
        assert_int_equal(pong.number, i);
        sim_reply(sim, question, TESTER, PLAY_PONG, &pong.base, NULL);
    }
    sim_settle(sim);
    assert_int_equal(one.answers, 3);
    sim_destroy(&sim);
}

static void clocks(void **state)
{
    (void)state;
    struct sim *sim = new_sim(8, 0);
    struct mono_time mono = sim_mono(sim);
    struct wall_time wall = sim_wall(sim);
    assert_int_equal(wall.ms, 1700000000000);
    sim_advance(sim, 1500);
    assert_int_equal(mono_elapsed_ms(mono, sim_mono(sim)), 1500);
    assert_int_equal(sim_wall(sim).ms - wall.ms, 1500);
    sim_wall_jump(sim, -3600000);
    assert_int_equal(mono_elapsed_ms(mono, sim_mono(sim)), 1500);
    assert_int_equal(sim_wall(sim).ms - wall.ms, 1500 - 3600000);
    assert_false(sim_step(sim)); /* nothing will ever happen by itself */
    sim_destroy(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_run),
        cmocka_unit_test(thousands_of_seeds),
        cmocka_unit_test(crash_loses_state_not_mail),
        cmocka_unit_test(crash_of_all_loses_mail_too),
        cmocka_unit_test(restarts_are_limited),
        cmocka_unit_test(escalation_ends_the_run),
        cmocka_unit_test(failing_start_is_reported),
        cmocka_unit_test(the_test_can_play_an_actor),
        cmocka_unit_test(clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
