/* SPDX-License-Identifier: MPL-2.0
 *
 * See delivery_play.h.
 */
#include "delivery_play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world *world;

void model_fail(const char *what, uint64_t number)
{
    printf("failed: %s (%llu) at step %llu; replay: delivery_model_test %llu\n", what,
           (unsigned long long)number, (unsigned long long)world->step,
           (unsigned long long)world->seed);
    fflush(stdout);
    abort();
}

/* A byte, or two where one does not reach. */
static uint64_t draw_bytes(uint64_t limit)
{
    uint64_t number = 0;
    for (uint64_t reach = 1; reach < limit && reach <= 0x10000 && world->bytes_left > 0;
         reach <<= 8) {
        number = number << 8 | *world->bytes++;
        world->bytes_left--;
    }
    return number % limit;
}

uint64_t draw(uint64_t limit)
{
    if (world->bytes_left > 0)
        return draw_bytes(limit);
    uint64_t z = (world->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % limit;
}

bool chance(uint64_t percent)
{
    return draw(100) < percent;
}

/* --- Consumers and loading */

static void give_consumer(struct model_consumer *consumer, bool is_new)
{
    char key[16];
    int size = snprintf(key, sizeof(key), "%lld", (long long)consumer->id);
    struct delivery_consumer_spec spec = {
        .consumer_id = consumer->id,
        .scope_id = consumer->scope_id,
        .kind = consumer->kind,
        .scope_name = {model_scope_name(consumer->scope_id),
                       strlen(model_scope_name(consumer->scope_id))},
        .name = {key, (size_t)size},
        .key = {key, (size_t)size},
        .floor_seq = consumer->floor_seq,
        .is_new = is_new,
    };
    consumer->consumer = delivery_consumer_add(world->delivery, &spec);
}

static void give_rows(const struct model_consumer *consumer)
{
    for (uint32_t i = 0; i < world->model.message_count; i++) {
        const struct delivery_row *row = &consumer->rows[i].row;
        bool is_ended = row->state >= DELIVERY_DEAD && row->last_seq <= consumer->floor_seq;
        if (row->state != 0 && !is_ended)
            delivery_load_row(world->delivery, consumer->id, row);
    }
}

struct delivery_bytes play_topic(int64_t scope_id)
{
    const char *name = model_scope_name(scope_id);
    return (struct delivery_bytes){name, model_kind(scope_id) == DELIVERY_TOPIC ? strlen(name) : 0};
}

struct delivery_run play_run_of(const struct model_message *message)
{
    return (struct delivery_run){
        .scope_id = message->scope_id,
        .first_seq = message->seq,
        .count = 1,
        .stored_ms = message->stored_ms,
        .expires_ms = message->expires_ms,
        .not_before_ms = message->not_before_ms,
        .flags = message->flags,
        .topic = play_topic(message->scope_id),
    };
}

static void load_pages(void)
{
    struct model *model = &world->model;
    while (delivery_load_begin(world->delivery)) {
        uint64_t after = delivery_load_after(world->delivery);
        if (after > model->message_count)
            after = model->message_count;
        uint64_t end = after + 1 + draw(200);
        if (end > model->message_count)
            end = model->message_count;
        for (uint64_t i = after; i < end; i++) {
            struct delivery_run run = play_run_of(&model->messages[i]);
            delivery_load_run(world->delivery, &run, &model->clock);
        }
        if (delivery_load_page(world->delivery, end, end, end == model->message_count,
                               &model->clock) &&
            !delivery_load_begin(world->delivery))
            break;
    }
}

void play_start(void)
{
    struct delivery_options options = {
        .backoff = world->model.backoff,
        .lease_ms = LEASE_MS,
        .window_messages_max = 100,
        .write_rows_max = 16,
        .span_max = 512,
    };
    world->delivery = delivery_new(&options);
    for (uint32_t c = 0; c < MODEL_CONSUMERS; c++) {
        if (world->model.consumers[c].exists)
            give_consumer(&world->model.consumers[c], false);
    }
    for (uint32_t c = 0; c < MODEL_CONSUMERS; c++) {
        if (world->model.consumers[c].exists)
            give_rows(&world->model.consumers[c]);
    }
    load_pages();
    delivery_tick(world->delivery, &world->model.clock);
    model_tick(&world->model);
}

void play_add_consumer(void)
{
    struct model *model = &world->model;
    for (uint32_t c = 0; c < MODEL_CONSUMERS; c++) {
        struct model_consumer *consumer = &model->consumers[c];
        if (consumer->exists)
            continue;
        memset(consumer, 0, sizeof(*consumer));
        consumer->exists = true;
        consumer->id = world->consumer_next++;
        consumer->is_ephemeral = chance(40);
        if (consumer->is_ephemeral)
            consumer->id = -consumer->id;
        consumer->scope_id = 1 + (int64_t)draw(MODEL_SCOPES + MODEL_PATTERNS);
        consumer->kind = model_kind(consumer->scope_id);
        uint64_t floors[] = {0, draw(model->message_count + 1), model->message_count};
        /* What was swept before a clock jumped back is over for newcomers too, and what was stored
         * before it jumped back counts as stored when it is loaded: the twin knows neither. */
        bool is_jumped = model->clock.wall_ms != model->clock.steady_ms;
        for (uint32_t i = 0; i < model->message_count; i++)
            is_jumped |= model->messages[i].stored_ms > model->clock.steady_ms;
        consumer->floor_seq = is_jumped ? model->message_count : floors[draw(3)];
        for (uint32_t i = (uint32_t)consumer->floor_seq; i < model->message_count; i++) {
            if (model_reads(consumer->scope_id, model->messages[i].scope_id))
                consumer->deliveries[i].state = M_WAIT;
        }
        give_consumer(consumer, true);
        load_pages();
        MODEL_CHECK(delivery_consumer_is_ready(consumer->consumer));
        /* Messages that expired before it came end as EXPIRED when it gets to them, or with the
         * next sweep: bring both to the same point. */
        play_pass_time(1000, 0);
        return;
    }
}

/* --- Messages */

void play_append(void)
{
    struct model *model = &world->model;
    struct delivery_run run = {
        .scope_id = 1 + (int64_t)draw(MODEL_SCOPES),
        .first_seq = model->message_count + 1,
        .count = 1 + (uint32_t)draw(12),
        .stored_ms = model->clock.wall_ms,
        .flags = (uint32_t)draw(8),
    };
    run.topic = play_topic(run.scope_id);
    if (model->message_count + run.count > MODEL_MESSAGES)
        return;
    run.expires_ms = run.stored_ms + (chance(20) ? 1000 + (int64_t)draw(60) * 1000 : 40000000);
    if (chance(15) && model->clock.wall_ms == model->clock.steady_ms)
        run.not_before_ms = run.stored_ms + (int64_t)draw(30) * 1000;
    if (run.not_before_ms <= run.stored_ms)
        run.not_before_ms = 0;
    delivery_append(world->delivery, &run, &model->clock);
    model_append(model, &run);
    delivery_appended_upto(world->delivery, model->message_count);
}

/* --- Attachments */

struct test_attachment *play_some_attachment(void)
{
    struct test_attachment *attachment = &world->attachments[draw(ATTACHMENTS)];
    return attachment->exists ? attachment : NULL;
}

static void forget(struct test_attachment *attachment)
{
    for (uint64_t no = attachment->first_no; no < attachment->next_no; no++) {
        struct test_lease *lease = &attachment->leases[no - attachment->first_no];
        if (lease->is_open)
            model_release(&world->model, attachment->consumer, lease->index);
    }
    for (uint32_t i = 0; i < FETCHES; i++) {
        if (world->fetches[i].attachment == attachment)
            world->fetches[i].attachment = NULL;
    }
    attachment->exists = false;
    if (!attachment->consumer->is_ephemeral)
        return;
    MODEL_CHECK(delivery_consumer_by_id(world->delivery, attachment->consumer->id) == NULL);
    model_forget(attachment->consumer);
}

static void hear_detached(void)
{
    struct delivery_detached detached;
    while (delivery_take_detached(world->delivery, &detached)) {
        for (uint32_t i = 0; i < ATTACHMENTS; i++) {
            struct test_attachment *a = &world->attachments[i];
            if (a->exists && a->address.session == detached.address.session)
                forget(a);
        }
    }
}

static bool is_attached(const struct model_consumer *consumer)
{
    for (uint32_t i = 0; i < ATTACHMENTS; i++) {
        if (world->attachments[i].exists && world->attachments[i].consumer == consumer)
            return true;
    }
    return false;
}

void play_attach(void)
{
    struct test_attachment *attachment = &world->attachments[draw(ATTACHMENTS)];
    struct model_consumer *consumer = &world->model.consumers[draw(MODEL_CONSUMERS)];
    if (attachment->exists || !consumer->exists)
        return;
    if (consumer->is_ephemeral && is_attached(consumer))
        return; /* it is named by its session: no other one finds it */
    memset(attachment, 0, sizeof(*attachment));
    struct delivery_attach ask = {
        .address = {.session = world->session_next++, .gateway = 5, .handle = 1},
        .peer_id = 3,
        .peer_name = {"ana", 3},
        .messages_total = draw(40),
    };
    uint32_t lease_ms;
    bool took_over;
    MODEL_CHECK(delivery_attach(world->delivery, consumer->consumer, &ask, &world->model.clock,
                                &lease_ms, &took_over) == ERR_OK);
    MODEL_CHECK(took_over == (is_attached(consumer) && consumer->kind != DELIVERY_QUEUE));
    hear_detached();
    if (!is_attached(consumer))
        model_retry_at_once(consumer, world->model.message_count);
    attachment->exists = true;
    attachment->address = ask.address;
    attachment->consumer = consumer;
    attachment->credit = ask.messages_total;
    attachment->first_no = 1;
    attachment->next_no = 1;
    delivery_tick(world->delivery, &world->model.clock);
    model_tick(&world->model);
}

void play_detach(void)
{
    struct test_attachment *attachment = play_some_attachment();
    if (attachment == NULL)
        return;
    if (chance(50))
        MODEL_CHECK(delivery_detach(world->delivery, attachment->address, &world->model.clock));
    else
        delivery_session_closed(world->delivery, 5, attachment->address.session,
                                &world->model.clock);
    forget(attachment);
}

void play_credit(void)
{
    struct test_attachment *attachment = play_some_attachment();
    if (attachment == NULL)
        return;
    uint64_t total = attachment->credit + draw(60);
    if (chance(10))
        total = total / 2;
    MODEL_CHECK(delivery_credit(world->delivery, attachment->address, total, 0));
    if (total > attachment->credit)
        attachment->credit = total;
}

/* --- Fetches */

static struct test_attachment *find_attachment(uint64_t session)
{
    for (uint32_t i = 0; i < ATTACHMENTS; i++) {
        if (world->attachments[i].exists && world->attachments[i].address.session == session)
            return &world->attachments[i];
    }
    model_fail("attachment", session);
    return NULL;
}

static void compare_fetch(const struct delivery_fetch *fetch)
{
    struct model *model = &world->model;
    struct test_attachment *attachment = find_attachment(fetch->address.session);
    struct model_consumer *consumer = attachment->consumer;
    uint32_t indexes[DELIVERY_FETCH_MAX];
    MODEL_CHECK(fetch->first_no == attachment->next_no);
    MODEL_CHECK(attachment->taken + fetch->count <= attachment->credit);
    uint32_t count = model_take(model, consumer, fetch->count, indexes);
    MODEL_CHECK(count == fetch->count);
    for (uint32_t i = 0; i < count; i++) {
        struct model_delivery *delivery = &consumer->deliveries[indexes[i]];
        MODEL_CHECK(fetch->seqs[i] == model->messages[indexes[i]].seq);
        MODEL_CHECK(fetch->attempts[i] == delivery->attempts + 1);
        MODEL_CHECK(delivery->is_first || fetch->redelivered[i]);
        MODEL_CHECK(!delivery->is_confirmed);
        struct test_lease *lease = &attachment->leases[attachment->next_no - attachment->first_no];
        *lease =
            (struct test_lease){.index = indexes[i], .deadline_ms = INT64_MAX, .is_open = true};
        attachment->next_no++;
    }
    attachment->taken += count;
    world->delivered += count;
}

/* The table of leases of an attachment is bounded: who has had so many starts anew. */
static void end_full_attachments(void)
{
    for (uint32_t i = 0; i < ATTACHMENTS; i++) {
        struct test_attachment *attachment = &world->attachments[i];
        if (!attachment->exists ||
            attachment->next_no - attachment->first_no + DELIVERY_FETCH_MAX <= LEASES_MAX)
            continue;
        MODEL_CHECK(delivery_detach(world->delivery, attachment->address, &world->model.clock));
        forget(attachment);
    }
}

void play_fetch(void)
{
    struct delivery_fetch fetch;
    uint32_t free_index = 0;
    end_full_attachments();
    while (free_index < FETCHES && world->fetches[free_index].exists)
        free_index++;
    if (free_index == FETCHES)
        return;
    if (!delivery_take_fetch(world->delivery, &world->model.clock, &fetch))
        return;
    compare_fetch(&fetch);
    world->fetches[free_index] = (struct test_fetch){
        .exists = true,
        .slot = fetch.slot,
        .count = fetch.count,
        .first_no = fetch.first_no,
        .attachment = find_attachment(fetch.address.session),
    };
}

struct test_lease *play_lease_at(struct test_attachment *attachment, uint64_t no)
{
    return &attachment->leases[no - attachment->first_no];
}

static void untake(struct test_fetch *fetch, uint32_t taken)
{
    struct test_attachment *attachment = fetch->attachment;
    for (uint64_t no = fetch->first_no + fetch->count; no-- > fetch->first_no + taken;) {
        struct test_lease *lease = play_lease_at(attachment, no);
        if (lease->is_open)
            model_untake(&world->model, attachment->consumer, lease->index);
        lease->is_open = false;
    }
    attachment->next_no = fetch->first_no + taken;
    attachment->taken -= fetch->count - taken;
}

static void lose_fetch(struct test_fetch *fetch)
{
    delivery_fetch_lost(world->delivery, fetch->slot, &world->model.clock);
    fetch->exists = false;
    hear_detached();
}

void play_fetched(void)
{
    struct test_fetch *fetch = &world->fetches[draw(FETCHES)];
    if (!fetch->exists)
        return;
    if (chance(2)) {
        lose_fetch(fetch);
        return;
    }
    struct delivery_fetched fetched = {.slot = fetch->slot, .taken = fetch->count};
    uint64_t missing = 0;
    uint64_t damaged = 0;
    if (chance(20))
        fetched.taken = (uint32_t)draw(fetch->count + 1);
    fetched.has_failed = fetched.taken == 0 && chance(50);
    fetched.body_bytes = fetched.taken * 7;
    if (fetch->attachment != NULL && fetched.taken > 0 && chance(5)) {
        uint64_t no = fetch->first_no + draw(fetched.taken);
        struct test_lease *lease = play_lease_at(fetch->attachment, no);
        struct model_delivery *delivery = &fetch->attachment->consumer->deliveries[lease->index];
        bool is_missing = chance(50);
        *(is_missing ? &missing : &damaged) = lease->index + 1;
        fetched.missing = &missing;
        fetched.missing_count = is_missing;
        fetched.damaged = &damaged;
        fetched.damaged_count = !is_missing;
        if (lease->is_open) {
            delivery->state = is_missing ? M_EXPIRED : M_DEAD;
            fetch->attachment->taken--;
            world->model.messages[lease->index].is_missing |= is_missing;
        }
        lease->is_open = false;
    }
    delivery_fetched(world->delivery, &fetched, &world->model.clock);
    fetch->exists = false;
    if (fetch->attachment == NULL)
        return;
    untake(fetch, fetched.taken);
    for (uint64_t i = 0; i < fetched.taken; i++)
        play_lease_at(fetch->attachment, fetch->first_no + i)->deadline_ms =
            world->model.clock.steady_ms + LEASE_MS;
}
