/* SPDX-License-Identifier: MPL-2.0
 *
 * See delivery_play.h: the choice of what happens next, and what only happens together with the
 * whole: time, calls, crashes, and the moment when nothing is left to do.
 */
#include <stdlib.h>
#include <string.h>

#include "delivery_play.h"

/* --- Time */

static void expire_leases(void)
{
    for (uint32_t a = 0; a < ATTACHMENTS; a++) {
        struct test_attachment *attachment = &world->attachments[a];
        if (!attachment->exists)
            continue;
        for (uint64_t no = attachment->first_no; no < attachment->next_no; no++) {
            struct test_lease *lease = &attachment->leases[no - attachment->first_no];
            if (!lease->is_open || lease->deadline_ms > world->model.clock.steady_ms)
                continue;
            lease->is_open = false;
            model_fail_delivery(&world->model, attachment->consumer, lease->index, 0);
        }
    }
}

void play_pass_time(int64_t delay_ms, int64_t jump_ms)
{
    struct model *model = &world->model;
    model->clock.steady_ms += delay_ms;
    model->clock.wall_ms += delay_ms + jump_ms;
    delivery_tick(world->delivery, &model->clock);
    expire_leases();
    model_tick(model);
}

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
        if (!consumer->exists || consumer->is_ephemeral ||
            !model_reads(consumer->scope_id, world->model.messages[index].scope_id))
            continue; /* who only listens decides nothing */
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
    int64_t scope_id = model->messages[index].scope_id;
    struct delivery_place place = {scope_id, index + 1, play_topic(scope_id)};
    enum err err = delivery_cancel(world->delivery, call, &place, &model->clock);
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
    if (!consumer->exists || consumer->is_ephemeral || world->write_count > 0)
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

void play_step(void)
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

void play_begin(uint64_t seed, const uint8_t *bytes, size_t size)
{
    world = calloc(1, sizeof(*world));
    if (world == NULL)
        abort();
    world->seed = seed;
    world->random = seed;
    world->bytes = bytes;
    world->bytes_left = size;
    world->session_next = 1;
    world->confirm_next = 1;
    world->consumer_next = 1;
    world->model.clock = (struct delivery_clock){100000000, 100000000};
    world->model.backoff = (struct backoff){.first_ms = 3000, .gap_min_ms = 1000, .retries_max = 3};
    play_start();
}

void play_end(void)
{
    check_quiet();
    do_crash();
    delivery_destroy(&world->delivery);
}
