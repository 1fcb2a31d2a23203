/* SPDX-License-Identifier: MPL-2.0
 *
 * See delivery_model.h.
 */
#include "delivery_model.h"

#include <stddef.h>
#include <string.h>

#include "proto/name.h"

enum delivery_scope_kind model_kind(int64_t scope_id)
{
    static const enum delivery_scope_kind kinds[] = {DELIVERY_PEER, DELIVERY_QUEUE, DELIVERY_ROOM};
    return scope_id <= 3 ? kinds[scope_id - 1] : DELIVERY_TOPIC;
}

const char *model_scope_name(int64_t scope_id)
{
    static const char *const names[MODEL_SCOPES + MODEL_PATTERNS] = {
        "ana", "work", "tea", "a.b", "A.c", "b.b", "a.*", ">", "*.B"};
    return names[scope_id - 1];
}

bool model_reads(int64_t scope_id, int64_t message_scope_id)
{
    struct name_folded pattern, topic;
    if (scope_id <= MODEL_SCOPES)
        return scope_id == message_scope_id;
    const char *pattern_name = model_scope_name(scope_id);
    const char *topic_name = model_scope_name(message_scope_id);
    return model_kind(message_scope_id) == DELIVERY_TOPIC &&
           name_fold(pattern_name, strlen(pattern_name), &pattern) == ERR_OK &&
           name_fold(topic_name, strlen(topic_name), &topic) == ERR_OK &&
           topic_matches(pattern.text, pattern.size, topic.text, topic.size);
}

bool model_is_expired(const struct model *model, const struct model_message *message)
{
    return message->expires_ms <= model->clock.wall_ms &&
           message->expires_ms <= model->clock.steady_ms;
}

uint32_t model_index(const struct model *model, uint64_t seq)
{
    MODEL_CHECK(seq >= 1 && seq <= model->message_count);
    return (uint32_t)seq - 1;
}

struct model_consumer *model_consumer(struct model *model, int64_t id)
{
    for (uint32_t i = 0; i < MODEL_CONSUMERS; i++) {
        if (model->consumers[i].exists && model->consumers[i].id == id)
            return &model->consumers[i];
    }
    model_fail("consumer", (uint64_t)id);
    return NULL;
}

void model_append(struct model *model, const struct delivery_run *run)
{
    for (uint32_t i = 0; i < run->count; i++) {
        uint32_t index = model->message_count++;
        model->messages[index] = (struct model_message){
            .seq = run->first_seq + i,
            .scope_id = run->scope_id,
            .stored_ms = run->stored_ms,
            .expires_ms = run->expires_ms,
            .not_before_ms = run->not_before_ms,
            .enqueue_ms = model->clock.steady_ms,
            .due_ms = model->clock.steady_ms + (run->not_before_ms - model->clock.wall_ms),
            .flags = run->flags,
        };
        for (uint32_t c = 0; c < MODEL_CONSUMERS; c++) {
            struct model_consumer *consumer = &model->consumers[c];
            consumer->deliveries[index] = (struct model_delivery){0};
            consumer->rows[index] = (struct disk_row){0};
            if (consumer->exists && model_reads(consumer->scope_id, run->scope_id))
                consumer->deliveries[index].state = M_WAIT;
        }
    }
}

/* --- Taking */

static void lease(struct model_delivery *delivery)
{
    delivery->is_first = !delivery->was_leased;
    delivery->state = M_LEASED;
    delivery->was_leased = true;
}

/* By seq, whatever it waited for. */
uint32_t model_take(struct model *model, struct model_consumer *consumer, uint32_t count,
                    uint32_t *ret_indexes)
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i < model->message_count && taken < count; i++) {
        struct model_delivery *delivery = &consumer->deliveries[i];
        const struct model_message *message = &model->messages[i];
        if (delivery->state != M_READY && delivery->state != M_WAIT)
            continue;
        bool is_early = message->not_before_ms != 0 && message->due_ms > model->clock.steady_ms;
        if (model_is_expired(model, message)) {
            delivery->state = M_EXPIRED;
        } else if (delivery->state == M_READY || !is_early) {
            lease(delivery);
            ret_indexes[taken++] = i;
        }
    }
    return taken;
}

bool model_has_ready(const struct model *model, const struct model_consumer *consumer)
{
    for (uint32_t i = 0; i < model->message_count; i++) {
        const struct model_delivery *delivery = &consumer->deliveries[i];
        const struct model_message *message = &model->messages[i];
        if (model_is_expired(model, message))
            continue;
        if (delivery->state == M_READY)
            return true;
        if (delivery->state == M_WAIT &&
            (message->not_before_ms == 0 || message->due_ms <= model->clock.steady_ms))
            return true;
    }
    return false;
}

void model_release(struct model *model, struct model_consumer *consumer, uint32_t index)
{
    struct model_delivery *delivery = &consumer->deliveries[index];
    MODEL_CHECK(delivery->state == M_LEASED);
    bool is_over = delivery->is_swept || model_is_expired(model, &model->messages[index]);
    delivery->state = is_over ? M_EXPIRED : M_READY;
}

void model_untake(struct model *model, struct model_consumer *consumer, uint32_t index)
{
    struct model_delivery *delivery = &consumer->deliveries[index];
    MODEL_CHECK(delivery->state == M_LEASED);
    if (delivery->is_first)
        delivery->was_leased = false;
    model_release(model, consumer, index);
}

/* --- Failing, time */

void model_fail_delivery(struct model *model, struct model_consumer *consumer, uint32_t index,
                         uint32_t delay_ms)
{
    struct model_delivery *delivery = &consumer->deliveries[index];
    const struct model_message *message = &model->messages[index];
    MODEL_CHECK(delivery->state == M_LEASED);
    delivery->attempts++;
    if (delivery->attempts > model->backoff.retries_max) {
        delivery->state = M_DEAD;
        return;
    }
    delivery->state = M_RETRY;
    int64_t enqueue_ms = delivery->redriven_ms > 0 ? delivery->redriven_ms : message->enqueue_ms;
    delivery->due_ms = delay_ms > 0 ? model->clock.steady_ms + delay_ms
                                    : backoff_due_ms(&model->backoff, delivery->attempts,
                                                     enqueue_ms, model->clock.steady_ms, 0);
    if (delivery->is_swept || model_is_expired(model, message))
        delivery->state = M_EXPIRED;
}

void model_retry_at_once(struct model_consumer *consumer, uint32_t message_count)
{
    for (uint32_t i = 0; i < message_count; i++) {
        if (consumer->deliveries[i].state == M_RETRY)
            consumer->deliveries[i].state = M_READY;
    }
}

static void tick_delivery(struct model *model, struct model_delivery *delivery,
                          const struct model_message *message)
{
    bool is_over = model_is_expired(model, message);
    switch (delivery->state) {
    case M_WAIT:
    case M_READY:
        if (is_over)
            delivery->state = M_EXPIRED;
        break;
    case M_RETRY:
    case M_SCHEDULED:
        if (is_over)
            delivery->state = M_EXPIRED;
        else if (delivery->due_ms <= model->clock.steady_ms)
            delivery->state = M_READY;
        break;
    case M_LEASED:
        delivery->is_swept |= is_over;
        break;
    case M_NONE:
    case M_SETTLED:
    case M_DEAD:
    case M_EXPIRED:
    case M_CANCELLED:
        break;
    }
}

void model_tick(struct model *model)
{
    for (uint32_t c = 0; c < MODEL_CONSUMERS; c++) {
        if (!model->consumers[c].exists)
            continue;
        for (uint32_t i = 0; i < model->message_count; i++)
            tick_delivery(model, &model->consumers[c].deliveries[i], &model->messages[i]);
    }
}

/* --- The disk */

void model_commit(struct model *model, const struct delivery_change *change)
{
    struct model_consumer *consumer = NULL;
    uint64_t seq = 0;
    if (change->consumer_id < 0) { /* named with the damaged messages it found, without rows */
        MODEL_CHECK(change->row_count == 0 && change->floor_seq == 0);
        return;
    }
    consumer = model_consumer(model, change->consumer_id);
    for (size_t i = 0; i < change->row_count; i++) {
        MODEL_CHECK(change->rows[i].seq > seq && change->rows[i].last_seq >= change->rows[i].seq);
        seq = change->rows[i].seq;
        struct disk_row *row = &consumer->rows[model_index(model, seq)];
        row->row = change->rows[i];
        row->row.text = NULL;
        bool is_range = row->row.last_seq > row->row.seq;
        MODEL_CHECK(!is_range || row->row.state == DELIVERY_SETTLED ||
                    row->row.state == DELIVERY_EXPIRED);
    }
    if (change->floor_seq == 0)
        return;
    MODEL_CHECK(change->floor_seq > consumer->floor_seq);
    consumer->floor_seq = change->floor_seq;
    for (uint32_t i = 0; i < model->message_count; i++) {
        struct delivery_row *row = &consumer->rows[i].row;
        if (row->state == DELIVERY_SETTLED && row->last_seq <= consumer->floor_seq)
            row->state = 0;
    }
}

void model_commit_fate(struct model *model, const struct delivery_fate *fate)
{
    for (size_t i = 0; i < fate->seq_count; i++) {
        struct model_message *message = &model->messages[model_index(model, fate->seqs[i])];
        MODEL_CHECK(fate->scope_id == 0 ? model_kind(message->scope_id) == DELIVERY_TOPIC
                                        : message->scope_id == fate->scope_id);
        MODEL_CHECK(message->flags & (fate->level == DELIVERY_LEVEL_DELIVERED ? 1u : 4u));
        bool is_told_once = fate->level == DELIVERY_LEVEL_CANCELLED ||
                            (fate->level == DELIVERY_LEVEL_EXPIRED &&
                             model_kind(message->scope_id) == DELIVERY_TOPIC);
        MODEL_CHECK(!is_told_once || !(message->fates_now & (1u << fate->level)));
        message->fates |= 1u << fate->level;
        message->fates_now |= 1u << fate->level;
    }
}

/* The row that covers a message, or NULL. Later keys win. */
static const struct delivery_row *find_row(const struct model_consumer *consumer, uint32_t index)
{
    for (uint32_t i = index + 1; i-- > 0;) {
        const struct delivery_row *row = &consumer->rows[i].row;
        if (row->state != 0 && row->last_seq >= index + 1)
            return row;
    }
    return NULL;
}

bool model_disk_is_open(const struct model *model, const struct model_consumer *consumer,
                        uint32_t index)
{
    const struct delivery_row *row = find_row(consumer, index);
    if (row != NULL)
        return row->state == DELIVERY_RETRY || row->state == DELIVERY_SCHEDULED;
    return model->messages[index].seq > consumer->floor_seq;
}

/* One consumer's expiry or settle is told for all. If its write is lost, it happens once more, or
 * the message ends otherwise for that one: so only what ended alike for all must have been told. */
static bool is_alike_for_all(const struct model *model, uint32_t index, bool is_expired)
{
    for (uint32_t c = 0; c < MODEL_CONSUMERS; c++) {
        const struct model_consumer *consumer = &model->consumers[c];
        if (!consumer->exists || consumer->is_ephemeral ||
            !model_reads(consumer->scope_id, model->messages[index].scope_id) ||
            consumer->deliveries[index].state == M_NONE)
            continue;
        const struct delivery_row *row = find_row(consumer, index);
        bool is_settled = !model_disk_is_open(model, consumer, index) &&
                          (row == NULL || row->state == DELIVERY_SETTLED);
        if (is_expired ? row == NULL || row->state != DELIVERY_EXPIRED : !is_settled)
            return false;
    }
    return true;
}

/* What the disk says must follow from what happened. */
static void check_survivor(const struct model *model, const struct model_consumer *consumer,
                           uint32_t index)
{
    const struct model_delivery *delivery = &consumer->deliveries[index];
    const struct delivery_row *row = find_row(consumer, index);
    bool is_open = model_disk_is_open(model, consumer, index);
    uint32_t state = row != NULL ? row->state : 0;
    switch (delivery->state) {
    case M_WAIT:
    case M_READY:
    case M_LEASED:
    case M_RETRY:
    case M_SCHEDULED: /* nothing is lost; only a redrive may still be on its way to the disk */
        MODEL_CHECK(is_open);
        break;
    case M_SETTLED:
        MODEL_CHECK(is_open || row == NULL || state == DELIVERY_SETTLED);
        MODEL_CHECK(!delivery->is_confirmed || !is_open);
        break;
    case M_DEAD:
        MODEL_CHECK(is_open || state == DELIVERY_DEAD);
        break;
    case M_EXPIRED:
        MODEL_CHECK(is_open || state == DELIVERY_EXPIRED);
        break;
    case M_CANCELLED:
        MODEL_CHECK(is_open || state == DELIVERY_CANCELLED);
        break;
    case M_NONE:
        break;
    }
    if (is_open || state == 0)
        return;
    uint32_t wanted = model->messages[index].flags;
    uint32_t told = model->messages[index].fates;
    if (state == DELIVERY_DEAD && (wanted & 4)) /* in the same commit */
        MODEL_CHECK(told & (1u << DELIVERY_LEVEL_DEAD));
    if (state == DELIVERY_EXPIRED && (wanted & 4) && consumer->kind != DELIVERY_PEER &&
        !model->messages[index].is_missing && is_alike_for_all(model, index, true))
        MODEL_CHECK(told & (1u << DELIVERY_LEVEL_EXPIRED));
}

/* The first settle of a mailbox's message is told, in the commit that settles it. */
static void check_told(const struct model *model, const struct model_consumer *consumer,
                       uint32_t index)
{
    const struct model_message *message = &model->messages[index];
    if (consumer->kind == DELIVERY_PEER && (message->flags & 1) &&
        consumer->deliveries[index].state == M_SETTLED && is_alike_for_all(model, index, false))
        MODEL_CHECK(message->fates & (1u << DELIVERY_LEVEL_DELIVERED));
}

static void reload(struct model *model, struct model_consumer *consumer, uint32_t index)
{
    struct model_delivery *delivery = &consumer->deliveries[index];
    const struct delivery_row *row = find_row(consumer, index);
    bool is_open = model_disk_is_open(model, consumer, index);
    bool was_leased = delivery->was_leased;
    if (!is_open) {
        if (delivery->state != M_SETTLED && delivery->state != M_DEAD &&
            delivery->state != M_EXPIRED && delivery->state != M_CANCELLED)
            model_fail("closed on disk but open in the model", index);
        return;
    }
    *delivery = (struct model_delivery){.state = M_WAIT, .was_leased = was_leased};
    if (row == NULL)
        return;
    delivery->attempts = row->attempts;
    delivery->state = row->state == DELIVERY_RETRY ? M_RETRY : M_SCHEDULED;
    delivery->due_ms = row->due_ms; /* steady time starts anew as wall time */
}

void model_forget(struct model_consumer *consumer)
{
    MODEL_CHECK(consumer->is_ephemeral);
    consumer->exists = false;
    consumer->consumer = NULL;
}

void model_crash(struct model *model)
{
    for (uint32_t c = 0; c < MODEL_CONSUMERS; c++) {
        struct model_consumer *consumer = &model->consumers[c];
        if (consumer->exists && consumer->is_ephemeral)
            model_forget(consumer);
        for (uint32_t i = 0; consumer->exists && i < model->message_count; i++) {
            if (!model_reads(consumer->scope_id, model->messages[i].scope_id) ||
                consumer->deliveries[i].state == M_NONE)
                continue;
            check_survivor(model, consumer, i);
            check_told(model, consumer, i);
            reload(model, consumer, i);
        }
    }
    model->clock.steady_ms = model->clock.wall_ms;
    for (uint32_t i = 0; i < model->message_count; i++) {
        struct model_message *message = &model->messages[i];
        message->enqueue_ms = message->stored_ms < model->clock.steady_ms ? message->stored_ms
                                                                          : model->clock.steady_ms;
        message->due_ms = message->not_before_ms;
        message->fates_now = 0;
    }
}
