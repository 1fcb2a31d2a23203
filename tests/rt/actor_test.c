/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/actor and its turns (actor_turn.c), on the simulator: bounded links, questions and their
 * deadlines, late answers, payloads, timers, orderly stop, memory limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "play.h"
#include "rt/actor_internal.h"
#include "rt/check.h"
#include "rt/log.h"
#include "rt/sim.h"

enum { ECHO, DRIVER, TESTER };

static struct sim *new_sim(uint64_t seed, struct play_args *args, const struct sim_options *options)
{
    static struct actor_spec specs[2];
    specs[ECHO] = (struct actor_spec){&echo_class, NULL, 0};
    specs[DRIVER] = (struct actor_spec){&driver_class, args, 0};
    args->target = ECHO;
    enum err err = ERR_OK;
    struct sim *sim = sim_new(seed, specs, 2, play_types, PLAY_KINDS, options, &err);
    assert_non_null(sim);
    return sim;
}

static void order(struct sim *sim, uint8_t to, enum play_act act, uint64_t amount)
{
    Play__Order body = PLAY__ORDER__INIT;
    body.act = (uint32_t)act;
    body.amount = amount;
    assert_int_equal(sim_post(sim, TESTER, to, PLAY_ORDER, &body.base, NULL, 0, false), ERR_OK);
}

static enum err note(struct sim *sim, uint64_t number)
{
    Play__Note body = PLAY__NOTE__INIT;
    body.number = number;
    return sim_post(sim, TESTER, ECHO, PLAY_NOTE, &body.base, NULL, 0, false);
}

static enum err ping(struct sim *sim, uint64_t number, zmq_msg_t *payload)
{
    Play__Ping body = PLAY__PING__INIT;
    body.number = number;
    return sim_post(sim, TESTER, ECHO, PLAY_PING, &body.base, payload, number, true);
}

static void questions_are_answered(void **state)
{
    struct play_args args = {.total = 1000, .window = 20, .payload_bytes = 50};
    (void)state;
    struct sim *sim = new_sim(1, &args, NULL);
    sim_settle(sim);
    assert_int_equal(args.answers, 1000);
    assert_int_equal(args.no_answers, 0);
    const struct echo *echo = sim_state(sim, ECHO);
    assert_int_equal(echo->pings, 1000);
    assert_true(echo->batches > 0 && echo->batches <= 1000);
    assert_int_equal(metrics_get(sim_metrics(sim, ECHO), METRIC_MESSAGES), 1000);
    sim_destroy(&sim);
    assert_null(sim);
}

static void a_full_link_answers_busy(void **state)
{
    struct play_args args = {0};
    (void)state;
    struct sim *sim = new_sim(1, &args, NULL);
    sim_hold(sim, TESTER, ECHO, true);
    for (uint64_t i = 1; i <= echo_class.link_room; i++)
        assert_int_equal(note(sim, i), ERR_OK);
    assert_int_equal(note(sim, 1000), ERR_BUSY);
    assert_int_equal(ping(sim, 1000, NULL), ERR_BUSY);
    sim_settle(sim);
    assert_int_equal(((struct echo *)sim_state(sim, ECHO))->notes, 0);
    sim_hold(sim, TESTER, ECHO, false);
    sim_settle(sim);
    assert_int_equal(((struct echo *)sim_state(sim, ECHO))->notes, echo_class.link_room);
    assert_int_equal(note(sim, 1000), ERR_OK); /* there is room again */
    sim_destroy(&sim);
}

static void a_refused_question_leaves_nothing(void **state)
{
    struct play_args args = {.total = 500, .window = 500};
    (void)state;
    struct sim *sim = new_sim(3, &args, NULL); /* init asks as many as the link takes */
    assert_int_equal(args.refused, 1);
    assert_int_equal(metrics_get(sim_metrics(sim, DRIVER), METRIC_REFUSALS), 1);
    sim_advance(sim, 60000);
    assert_int_equal(args.answers, 500);
    assert_int_equal(args.no_answers, 0);
    sim_destroy(&sim);
}

static void deadlines_pass_and_late_answers_are_dropped(void **state)
{
    struct play_args args = {.total = 10, .window = 10, .deadline_ms = 100};
    (void)state;
    struct sim *sim = new_sim(5, &args, NULL);
    sim_hold(sim, DRIVER, ECHO, true);
    sim_advance(sim, 99);
    assert_int_equal(args.no_answers, 0);
    sim_advance(sim, 5);
    assert_int_equal(args.no_answers, 10);
    sim_hold(sim, DRIVER, ECHO, false);
    sim_advance(sim, 1000);
    assert_int_equal(args.answers, 0); /* their handler was not even called */
    assert_int_equal(metrics_get(sim_metrics(sim, DRIVER), METRIC_LATE_ANSWERS), 10);
    assert_int_equal(metrics_get(sim_metrics(sim, DRIVER), METRIC_NO_ANSWERS), 10);
    sim_destroy(&sim);
}

/* A host of its own: messages go nowhere, time is a variable. */
static struct mono_time fake_now;

static enum err fake_send(struct actor *actor, uint8_t to, zmq_msg_t *frame, zmq_msg_t *payload)
{
    (void)actor;
    (void)to;
    assert_null(payload);
    return zmq_msg_close(frame) == 0 ? ERR_OK : ERR_BUSY;
}

static struct mono_time fake_mono(struct actor *actor)
{
    (void)actor;
    return fake_now;
}

static struct wall_time fake_wall(struct actor *actor)
{
    (void)actor;
    return (struct wall_time){0};
}

static void answers_that_may_be_waiting_beat_the_deadline(void **state)
{
    static _Alignas(64) struct link links[4];
    static const uint32_t rooms[] = {100, 100};
    static struct metrics metrics;
    static struct actor actor;
    struct play_args args = {.target = 1, .total = 90, .window = 90, .deadline_ms = 100};
    const struct actor_host host = {.types = play_types,
                                    .type_count = PLAY_KINDS,
                                    .links = links,
                                    .rooms = rooms,
                                    .id_count = 2,
                                    .arena_limit_bytes = 1000,
                                    .send = fake_send,
                                    .mono = fake_mono,
                                    .wall = fake_wall};
    unsigned handled = 0;
    (void)state;
    actor_setup(&actor, &host, 0, &driver_class, &args, &metrics);
    assert_int_equal(actor_begin(&actor), ERR_OK);
    fake_now = mono_add_ms(fake_now, 500); /* a long turn: all deadlines have passed */
    actor_clock(&actor);
    assert_int_equal(actor_handle_due(&actor, false, &handled), ERR_OK);
    assert_int_equal(args.no_answers, 0); /* the mailbox is not empty: look there first */
    assert_int_equal(actor_handle_due(&actor, true, &handled), ERR_OK);
    assert_int_equal(args.no_answers, ACTOR_BATCH_MAX);
    fake_now = mono_add_ms(fake_now, DEADLINE_GRACE_MS);
    actor_clock(&actor);
    assert_int_equal(actor_handle_due(&actor, false, &handled), ERR_OK);
    assert_int_equal(args.no_answers, 90); /* but not for ever */
    actor_end(&actor);
    actor_teardown(&actor);
}

/* An actor that never answers: its asker is bounded, and free again after a while. */
static void forgotten_answers_cost_room_for_a_while(void **state)
{
    struct play_args args = {.total = 100000, .window = 50, .deadline_ms = 10};
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    struct sim *sim = new_sim(7, &args, NULL);
    order(sim, ECHO, ACT_MUTE, 1);
    sim_advance(sim, 20000);
    uint64_t asked = ((struct driver *)sim_state(sim, DRIVER))->asked;
    assert_true(asked < ACTOR_ASKS_MAX + args.answers + 1);
    assert_true(args.refused > 0);
    order(sim, ECHO, ACT_MUTE, 0);
    sim_advance(sim, 3 * GHOST_LIFE_MS);
    assert_int_equal(args.answers + args.no_answers, 100000);
    log_set_level(LOG_LEVEL_INFO);
    sim_destroy(&sim);
}

/* All the answers one may be owed, at once, into a mailbox that is full of events. */
static void answers_always_have_room(void **state)
{
    struct play_args args = {.total = ACTOR_ASKS_MAX, .window = ACTOR_ASKS_MAX};
    (void)state;
    struct sim *sim = new_sim(9, &args, NULL);
    order(sim, ECHO, ACT_KEEP, 0);
    sim_hold(sim, ECHO, DRIVER, true);
    sim_advance(sim, 50000);
    const struct echo *echo = sim_state(sim, ECHO);
    assert_true(echo->kept_count > ACTOR_ASKS_MAX - 300);
    order(sim, ECHO, ACT_RELEASE, 0);
    sim_advance(sim, 100);
    assert_int_equal(echo->kept_count, 0);
    sim_hold(sim, ECHO, DRIVER, false);
    sim_advance(sim, 5000);
    assert_int_equal(args.answers, ACTOR_ASKS_MAX);
    assert_int_equal(args.no_answers, 0);
    sim_destroy(&sim);
}

static void payload_goes_by_reference(void **state)
{
    struct play_args args = {0};
    zmq_msg_t payload;
    (void)state;
    struct sim *sim = new_sim(1, &args, NULL);
    assert_int_equal(zmq_msg_init_size(&payload, 100000), 0);
    const void *bytes = zmq_msg_data(&payload);
    memset(zmq_msg_data(&payload), 'p', 100000);
    assert_int_equal(ping(sim, 1, &payload), ERR_OK);
    assert_int_equal(zmq_msg_size(&payload), 0); /* moved out */
    sim_settle(sim);
    const struct msg *answer = sim_take(sim, TESTER);
    assert_non_null(answer);
    assert_int_equal(answer->kind, PLAY_PONG);
    assert_int_equal(answer->correlation, 1);
    assert_int_equal(MSG_BODY(answer, Play__Pong)->payload_bytes, 100000);
    assert_ptr_equal(zmq_msg_data(answer->payload), bytes);
    assert_null(sim_take(sim, TESTER));

    sim_hold(sim, TESTER, ECHO, true);
    for (uint64_t i = 1; i <= echo_class.link_room; i++)
        assert_int_equal(note(sim, i), ERR_OK);
    assert_int_equal(zmq_msg_init_size(&payload, 100), 0);
    assert_int_equal(ping(sim, 1, &payload), ERR_BUSY);
    assert_int_equal(zmq_msg_size(&payload), 100); /* untouched on error */
    assert_int_equal(zmq_msg_close(&payload), 0);
    sim_destroy(&sim);
}

static void timers_do_not_catch_up(void **state)
{
    struct play_args args = {0};
    (void)state;
    struct sim *sim = new_sim(1, &args, NULL);
    order(sim, ECHO, ACT_TICK, 100);
    sim_advance(sim, 10050);
    const struct echo *echo = sim_state(sim, ECHO);
    assert_in_range(echo->ticks, 99, 100);
    sim_destroy(&sim);
}

static void unreadable_messages_are_counted_not_fatal(void **state)
{
    struct play_args args = {.total = 3, .window = 3, .deadline_ms = 50, .filler_bytes = 4000};
    const struct sim_options options = {.arena_limit_bytes = 3000};
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    struct sim *sim = new_sim(1, &args, &options);
    sim_advance(sim, 1000);
    assert_int_equal(metrics_get(sim_metrics(sim, ECHO), METRIC_UNREADABLE), 3);
    assert_int_equal(args.no_answers, 3);
    log_set_level(LOG_LEVEL_INFO);
    sim_destroy(&sim);
}

static void a_turn_may_be_ended_early(void **state)
{
    struct play_args args = {.goes_on = true};
    const struct sim_options options = {.delay_max_us = -1}; /* all is there at once */
    (void)state;
    struct sim *sim = new_sim(1, &args, &options);
    for (int is_short = 0; is_short < 2; is_short++) {
        const struct echo *echo = sim_state(sim, ECHO);
        uint64_t before = echo->batches, first = echo->notes;
        for (uint64_t i = 1; i <= 90; i++)
            assert_int_equal(note(sim, first + i), ERR_OK);
        sim_advance(sim, 1000);
        assert_int_equal(echo->notes, first + 90);
        if (is_short)
            assert_int_equal(echo->batches - before, 90);
        else
            assert_true(echo->batches - before < 60);
        order(sim, ECHO, ACT_SHORT, 0);
        sim_advance(sim, 1000);
    }
    sim_destroy(&sim);
}

static void stop_drains_the_mailbox(void **state)
{
    struct play_args args = {0};
    (void)state;
    struct sim *sim = new_sim(1, &args, NULL);
    for (uint64_t i = 1; i <= 90; i++)
        assert_int_equal(note(sim, i), ERR_OK);
    assert_true(sim_stop(sim, ECHO, 1000));
    assert_int_equal(((struct echo *)sim_state(sim, ECHO))->notes, 90);
    assert_int_equal(note(sim, 91), ERR_OK); /* nobody takes it any more */
    sim_advance(sim, 1000);
    assert_int_equal(((struct echo *)sim_state(sim, ECHO))->notes, 90);
    sim_destroy(&sim);
}

static void stop_waits_for_the_actor(void **state)
{
    struct play_args args = {.stop_delay_ms = 500};
    const struct actor_spec specs[] = {{&echo_slow_stop_class, &args, 0}};
    (void)state;
    struct sim *sim = sim_new(1, specs, 1, play_types, PLAY_KINDS, NULL, NULL);
    assert_non_null(sim);
    struct mono_time start = sim_mono(sim);
    assert_true(sim_stop(sim, 0, 1000));
    assert_in_range(mono_elapsed_ms(start, sim_mono(sim)), 500, 600);
    sim_destroy(&sim);

    args.never_stops = true;
    sim = sim_new(1, specs, 1, play_types, PLAY_KINDS, NULL, NULL);
    assert_false(sim_stop(sim, 0, 1000));
    sim_destroy(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_are_answered),
        cmocka_unit_test(a_full_link_answers_busy),
        cmocka_unit_test(a_refused_question_leaves_nothing),
        cmocka_unit_test(deadlines_pass_and_late_answers_are_dropped),
        cmocka_unit_test(answers_that_may_be_waiting_beat_the_deadline),
        cmocka_unit_test(forgotten_answers_cost_room_for_a_while),
        cmocka_unit_test(answers_always_have_room),
        cmocka_unit_test(payload_goes_by_reference),
        cmocka_unit_test(timers_do_not_catch_up),
        cmocka_unit_test(unreadable_messages_are_counted_not_fatal),
        cmocka_unit_test(a_turn_may_be_ended_early),
        cmocka_unit_test(stop_drains_the_mailbox),
        cmocka_unit_test(stop_waits_for_the_actor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
