/* SPDX-License-Identifier: MPL-2.0
 *
 * Random days in the life of actors/delivery.c beside its naive twin (delivery_model.h): appends,
 * attachments that come, go and take over, fetches answered late, in part or not at all, settles
 * of all kinds, time that passes and clocks that jump, writes that fail, crashes.
 *
 * Each step compares what is handed out with what the twin predicts; each crash checks that
 * nothing was lost and nothing confirmed comes back. A failure names the seed:
 *     delivery_model_test SEED [SEEDS [STEPS]]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "delivery_play.h"

static void do_time(void)
{
    int64_t delay_ms = 1000 * (1 + (int64_t)draw(chance(10) ? 600 : 8));
    int64_t jump_ms = chance(5) ? ((int64_t)draw(3) - 1) * 3600000 : 0;
    play_pass_time(delay_ms, jump_ms);
}

/* --- Calls */

static bool may_cancel(uint32_t index, bool *ret_is_taken)
{
    bool is_waiting = false;
    *ret_is_taken = false;
    for (uint32_t c = 0; c < MODEL_CONSUMERS; c++) {
        const struct model_consumer *consumer = &world->model.consumers[c];
        enum model_state state = consumer->deliveries[index].state;
        if (!consumer->exists || consumer->scope_id != world->model.messages[index].scope_id)
            continue;
        is_waiting |=
            state == M_WAIT || state == M_READY || state == M_RETRY || state == M_SCHEDULED;
        *ret_is_taken |= state == M_LEASED || state == M_SETTLED;
    }
    return is_waiting;
}

static void do_cancel(void)
{
    struct model *model = &world->model;
    if (model->message_count == 0)
        return;
    uint32_t index = (uint32_t)draw(model->message_count);
    bool is_taken;
    bool is_waiting = may_cancel(index, &is_taken);
    struct ticket *call = delivery_call_begin(world->delivery, &(struct delivery_question){0});
    enum err err = delivery_cancel(world->delivery, call, model->messages[index].scope_id,
                                   index + 1, &model->clock);
    delivery_call_end(world->delivery, call, err, 0);
    play_hear_done();
    if (err != ERR_OK)
        return;
    MODEL_CHECK(is_waiting && !is_taken);
    for (uint32_t c = 0; c < MODEL_CONSUMERS; c++) {
        struct model_delivery *delivery = &model->consumers[c].deliveries[index];
        if (model->consumers[c].exists &&
            (delivery->state == M_WAIT || delivery->state == M_READY ||
             delivery->state == M_RETRY || delivery->state == M_SCHEDULED))
            delivery->state = M_CANCELLED;
    }
}

/* The store made a dead letter due again. */
static void do_redrive(void)
{
    struct model *model = &world->model;
    struct model_consumer *consumer = &model->consumers[draw(MODEL_CONSUMERS)];
    if (!consumer->exists || world->write_count > 0)
        return;
    for (uint32_t i = 0; i < model->message_count; i++) {
        struct delivery_row *row = &consumer->rows[i].row;
        if (row->state != DELIVERY_DEAD || consumer->deliveries[i].state != M_DEAD)
            continue;
        row->state = DELIVERY_RETRY;
        row->attempts = 0;
        row->due_ms = model->clock.wall_ms;
        struct delivery_run run = play_run_of(&model->messages[i]);
        delivery_redriven(world->delivery, consumer->consumer, &run, &model->clock);
        consumer->deliveries[i].state = M_READY;
        consumer->deliveries[i].attempts = 0;
        consumer->deliveries[i].redriven_ms = model->clock.steady_ms;
        consumer->deliveries[i].is_swept = false;
        return;
    }
}

/* --- The whole */

static void do_crash(void)
{
    world->crashes++;
    delivery_destroy(&world->delivery);
    memset(world->attachments, 0, sizeof(world->attachments));
    memset(world->fetches, 0, sizeof(world->fetches));
    memset(world->confirms, 0, sizeof(world->confirms));
    world->write_count = 0;
    world->model.clock.wall_ms += (int64_t)draw(5) * 1000;
    model_crash(&world->model);
    play_start();
}

/* Everything that can be written is on disk, and everybody with credit has what there is. */
static void check_quiet(void)
{
    struct model *model = &world->model;
    for (uint32_t i = 0; i < FETCHES; i++) {
        while (world->fetches[i].exists)
            play_fetched();
    }
    play_pass_time(1000, 0);
    for (int round = 0; round < 1000; round++) {
        play_take_write();
        if (world->write_count == 0)
            break;
        while (world->write_count > 0)
            play_written(false);
    }
    for (uint32_t i = 0; i < FETCHES; i++)
        play_fetch();
    for (uint32_t a = 0; a < ATTACHMENTS; a++) {
        const struct test_attachment *attachment = &world->attachments[a];
        uint32_t open = 0;
        for (uint64_t i = 0; attachment->exists && i < attachment->next_no - 1; i++)
            open += attachment->leases[i].is_open;
        bool has_fetch = false;
        for (uint32_t i = 0; i < FETCHES; i++)
            has_fetch |= world->fetches[i].exists && world->fetches[i].attachment == attachment;
        if (attachment->exists && !has_fetch && attachment->credit > attachment->taken &&
            open < 100)
            MODEL_CHECK(!model_has_ready(model, attachment->consumer));
    }
}

static void one_step(void)
{
    uint64_t number = draw(1000);
    if (number < 130)
        play_append();
    else if (number < 200)
        play_attach();
    else if (number < 215)
        play_detach();
    else if (number < 290)
        play_credit();
    else if (number < 480)
        play_fetch();
    else if (number < 640)
        play_fetched();
    else if (number < 770)
        play_settle();
    else if (number < 840)
        play_take_write();
    else if (number < 910)
        play_written(true);
    else if (number < 950)
        do_time();
    else if (number < 960)
        do_cancel();
    else if (number < 970)
        do_redrive();
    else if (number < 978)
        play_add_consumer();
    else if (number < 990)
        check_quiet();
    else if (number < 993)
        do_crash();
}

static void run_seed(uint64_t seed, uint64_t steps)
{
    world = calloc(1, sizeof(*world));
    assert_non_null(world);
    world->seed = seed;
    world->random = seed;
    world->session_next = 1;
    world->confirm_next = 1;
    world->consumer_next = 1;
    world->model.clock = (struct delivery_clock){100000000, 100000000};
    world->model.backoff = (struct backoff){.first_ms = 3000, .gap_min_ms = 1000, .retries_max = 3};
    play_start();
    for (world->step = 0; world->step < steps; world->step++) {
        one_step();
        if (world->step % 16 == 0)
            delivery_check(world->delivery);
    }
    check_quiet();
    do_crash();
    delivery_destroy(&world->delivery);
}

static uint64_t first_seed = 1, seeds = 60, steps_each = 3000;

static void nothing_differs_from_the_twin(void **state)
{
    (void)state;
    uint64_t delivered = 0, crashes = 0, confirmed = 0;
    for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
        run_seed(seed, steps_each);
        delivered += world->delivered;
        crashes += world->crashes;
        confirmed += world->confirmed;
        free(world);
    }
    printf("seeds %llu..%llu, %llu steps: %llu deliveries, %llu confirms, %llu crashes\n",
           (unsigned long long)first_seed, (unsigned long long)(first_seed + seeds - 1),
           (unsigned long long)(seeds * steps_each), (unsigned long long)delivered,
           (unsigned long long)confirmed, (unsigned long long)crashes);
}

int main(int argc, char **argv)
{
    if (getenv("ROOST_TEST_ALL") != NULL)
        seeds = 6000;
    if (argc > 1) {
        first_seed = strtoull(argv[1], NULL, 10);
        seeds = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
        steps_each = argc > 3 ? strtoull(argv[3], NULL, 10) : steps_each;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_differs_from_the_twin)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
