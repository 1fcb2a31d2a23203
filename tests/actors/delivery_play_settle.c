/* SPDX-License-Identifier: MPL-2.0
 *
 * What may happen to a delivery behind its being delivered: it is settled, written, and confirmed
 * (delivery_play.h). Whoever settles too late has to hear it.
 */
#include "delivery_play.h"

#include <string.h>

/* --- Settles */

static void settle_one(struct test_attachment *attachment, uint64_t no,
                       const struct delivery_settle_range *range, struct test_confirm *confirm)
{
    struct model *model = &world->model;
    struct test_lease *lease = play_lease_at(attachment, no);
    struct model_delivery *delivery = &attachment->consumer->deliveries[lease->index];
    if (!lease->is_open) {
        bool is_late = range->outcome == DELIVERY_ACK && !lease->is_acked;
        if (confirm != NULL && is_late && confirm->late_count < CONFIRM_MAX)
            confirm->late[confirm->late_count++] = no;
        return;
    }
    if (range->outcome == DELIVERY_EXTEND) {
        if (lease->deadline_ms != INT64_MAX) /* else the delivery is still on its way */
            lease->deadline_ms = model->clock.steady_ms + LEASE_MS;
        return;
    }
    lease->is_open = false;
    if (range->outcome == DELIVERY_ACK) {
        delivery->state = M_SETTLED;
        delivery->is_acked = true;
        lease->is_acked = true;
        if (confirm != NULL && confirm->count < CONFIRM_MAX) {
            confirm->ended[confirm->count] = no;
            confirm->indexes[confirm->count++] = lease->index;
        }
    } else if (range->outcome == DELIVERY_FAIL) {
        model_fail_delivery(model, attachment->consumer, lease->index, range->delay_ms);
    } else if (range->outcome == DELIVERY_REJECT) {
        delivery->state = M_DEAD;
    } else if (range->delay_ms > 0) {
        delivery->state = M_RETRY;
        delivery->due_ms = model->clock.steady_ms + range->delay_ms;
        if (delivery->is_swept || model_is_expired(model, &model->messages[lease->index]))
            delivery->state = M_EXPIRED;
    } else {
        model_release(model, attachment->consumer, lease->index);
    }
}

static enum delivery_outcome some_outcome(void)
{
    uint64_t number = draw(100);
    if (number < 60)
        return DELIVERY_ACK;
    if (number < 72)
        return DELIVERY_RELEASE;
    if (number < 86)
        return DELIVERY_FAIL;
    return number < 93 ? DELIVERY_REJECT : DELIVERY_EXTEND;
}

static struct test_confirm *free_confirm(void)
{
    for (uint32_t i = 0; i < 64; i++) {
        if (!world->confirms[i].exists)
            return &world->confirms[i];
    }
    return NULL;
}

void play_settle(void)
{
    struct test_attachment *attachment = play_some_attachment();
    if (attachment == NULL || attachment->next_no == attachment->first_no)
        return;
    uint64_t issued = attachment->next_no - attachment->first_no;
    uint64_t recent = issued < 60 ? issued : 60;
    struct delivery_settle_range range = {
        .first_no = attachment->next_no - 1 - draw(recent),
        .outcome = some_outcome(),
        .delay_ms = chance(20) ? 1000 * (1 + (uint32_t)draw(20)) : 0,
    };
    range.last_no = range.first_no + draw(20);
    if (chance(10))
        range.first_no = attachment->first_no;
    if (range.last_no >= attachment->next_no)
        range.last_no = attachment->next_no - 1;
    struct test_confirm *confirm = chance(40) ? free_confirm() : NULL;
    if (confirm != NULL)
        *confirm = (struct test_confirm){
            .exists = true, .id = world->confirm_next++, .consumer_id = attachment->consumer->id};
    for (uint64_t no = range.first_no; no <= range.last_no; no++)
        settle_one(attachment, no, &range, confirm);
    delivery_settle(world->delivery, attachment->address, confirm != NULL ? confirm->id : 0, &range,
                    1, &world->model.clock);
}

/* --- Writes */

void play_take_write(void)
{
    struct delivery_write write;
    if (delivery_take_write(world->delivery, &world->model.clock, &write))
        world->writes[world->write_count++] = write;
}

static void commit(const struct delivery_write *write)
{
    for (size_t i = 0; i < write->change_count; i++)
        model_commit(&world->model, &write->changes[i]);
    for (size_t i = 0; i < write->fate_count; i++)
        model_commit_fate(&world->model, &write->fates[i]);
}

static struct model_consumer *find_consumer(int64_t id)
{
    for (uint32_t i = 0; id < 0 && i < MODEL_CONSUMERS; i++) {
        if (world->model.consumers[i].exists && world->model.consumers[i].id == id)
            return &world->model.consumers[i];
    }
    return id < 0 ? NULL : model_consumer(&world->model, id);
}

static bool is_stale(const struct delivery_done *done, uint64_t no)
{
    for (uint32_t i = 0; i < done->stale_count; i++) {
        if (done->stale[i] == no)
            return true;
    }
    return false;
}

/* Who was too late hears it, of as many numbers as an answer has; who was not hears nothing of the kind. */
static void check_stale(const struct test_confirm *confirm, const struct delivery_done *done)
{
    bool is_whole = done->stale_count < DELIVERY_STALE_MAX;
    for (uint32_t i = 0; i < confirm->late_count && is_whole; i++)
        MODEL_CHECK(is_stale(done, confirm->late[i]));
    for (uint32_t i = 0; i < confirm->count; i++)
        MODEL_CHECK(!is_stale(done, confirm->ended[i]));
}

void play_hear_done(void)
{
    struct delivery_done done;
    while (delivery_take_done(world->delivery, &done)) {
        for (uint32_t i = 0; i < 64 && done.confirm_id != 0; i++) {
            struct test_confirm *confirm = &world->confirms[i];
            if (!confirm->exists || confirm->id != done.confirm_id)
                continue;
            confirm->exists = false;
            world->confirmed++;
            check_stale(confirm, &done);
            struct model_consumer *consumer = find_consumer(confirm->consumer_id);
            if (consumer == NULL)
                continue; /* an ephemeral one ended before its answer was taken */
            for (uint32_t n = 0; n < confirm->count; n++) {
                MODEL_CHECK(consumer->is_ephemeral ||
                            !model_disk_is_open(&world->model, consumer, confirm->indexes[n]));
                consumer->deliveries[confirm->indexes[n]].is_confirmed = true;
            }
        }
    }
}

void play_written(bool may_fail)
{
    if (world->write_count == 0)
        return;
    struct delivery_write write = world->writes[0]; /* answers come in order */
    world->write_count--;
    memmove(&world->writes[0], &world->writes[1], world->write_count * sizeof(write));
    bool is_ok = !may_fail || !chance(15);
    if (is_ok)
        commit(&write);
    delivery_written(world->delivery, write.slot, is_ok, &world->model.clock);
    play_hear_done();
}
