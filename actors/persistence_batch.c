/* SPDX-License-Identifier: MPL-2.0
 *
 * See persistence_batch.h. The arrays grow by doubling and are kept for the next use up to
 * KEPT_MAX entries, so that one large batch does not hold memory for ever.
 */
#include "persistence_batch.h"

#include <stdlib.h>
#include <string.h>

#include "rt/check.h"

#define ARENA_LIMIT_BYTES ((size_t)1 << 30) /* bounded by what may wait for an answer */
#define ARRAY_FIRST       64
#define KEPT_MAX          4096

struct batch *batch_new(void)
{
    struct batch *batch = calloc(1, sizeof(*batch));
    CHECK(batch);
    arena_init(&batch->arena, ARENA_LIMIT_BYTES);
    return batch;
}

void batch_destroy(struct batch **batch)
{
    struct batch *self = *batch;
    if (!self)
        return;
    *batch = NULL;
    arena_fini(&self->arena);
    free(self->answers);
    free(self->runs);
    free(self->topics);
    free(self->consumers);
    free(self->removed);
    free(self->left);
    free(self);
}

static void *shrink(void *array, size_t *capacity)
{
    if (*capacity <= KEPT_MAX)
        return array;
    *capacity = 0;
    free(array);
    return NULL;
}

void batch_clear(struct batch *batch)
{
    arena_reset(&batch->arena);
    batch->answer_count = 0;
    batch->run_mark = batch->consumer_mark = batch->removed_mark = batch->left_mark = 0;
    batch->is_acl_change_kept = false;
    batch_forget_rows(batch);
    batch->answers = shrink(batch->answers, &batch->answer_capacity);
    batch->runs = shrink(batch->runs, &batch->run_capacity);
    batch->topics = shrink(batch->topics, &batch->topic_capacity);
    batch->consumers = shrink(batch->consumers, &batch->consumer_capacity);
    batch->removed = shrink(batch->removed, &batch->removed_capacity);
    batch->left = shrink(batch->left, &batch->left_capacity);
}

void *batch_alloc(struct batch *batch, size_t size)
{
    void *piece = arena_alloc(&batch->arena, size);
    CHECK(piece);
    return piece;
}

ProtobufCBinaryData batch_bytes(struct batch *batch, const void *bytes, size_t size)
{
    ProtobufCBinaryData data = {.len = size};
    if (size) {
        data.data = batch_alloc(batch, size);
        memcpy(data.data, bytes, size);
    }
    return data;
}

/* Room for one more element. */
static void *reserve(void *array, size_t count, size_t *capacity, size_t element_size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? *capacity * 2 : ARRAY_FIRST;
    array = realloc(array, *capacity * element_size);
    CHECK(array);
    return array;
}

struct batch_answer *batch_add_answer(struct batch *batch)
{
    batch->answers = reserve(batch->answers, batch->answer_count, &batch->answer_capacity,
                             sizeof(*batch->answers));
    struct batch_answer *answer = &batch->answers[batch->answer_count++];
    *answer = (struct batch_answer){0};
    return answer;
}

void batch_add_run(struct batch *batch, const INTERNAL(Run) * message)
{
    bool has_last = batch->run_count > batch->run_mark; /* what is committed stays as it is */
    INTERNAL(Run) *last = has_last ? &batch->runs[batch->run_count - 1] : NULL;
    if (last && last->scope_id == message->scope_id &&
        last->first_seq + last->count == message->first_seq &&
        last->stored_ms == message->stored_ms && last->expires_ms == message->expires_ms &&
        last->not_before_ms == message->not_before_ms && last->flags == message->flags) {
        last->count += message->count;
        return;
    }
    batch->runs =
        reserve(batch->runs, batch->run_count, &batch->run_capacity, sizeof(*batch->runs));
    batch->runs[batch->run_count++] = *message;
}

/* Names for all runs there are: of those that were not named, none. */
static void extend_topics(struct batch *batch)
{
    while (batch->topic_count < batch->run_count) {
        batch->topics = reserve(batch->topics, batch->topic_count, &batch->topic_capacity,
                                sizeof(*batch->topics));
        batch->topics[batch->topic_count++] = (ProtobufCBinaryData){0};
    }
}

void batch_name_run(struct batch *batch, const void *topic, size_t size)
{
    extend_topics(batch);
    ProtobufCBinaryData *name = &batch->topics[batch->run_count - 1];
    if (name->len == 0)
        *name = batch_bytes(batch, topic, size);
}

INTERNAL(ConsumerRow) * batch_add_consumer(struct batch *batch)
{
    batch->consumers = reserve(batch->consumers, batch->consumer_count, &batch->consumer_capacity,
                               sizeof(*batch->consumers));
    INTERNAL(ConsumerRow) *row = &batch->consumers[batch->consumer_count++];
    roost__internal__consumer_row__init(row);
    return row;
}

/* The answer to the question that opened the consumer is not out yet. */
static void refuse_opened(const struct batch_answer *answer, int64_t consumer_id, enum err err)
{
    if (answer->kind != MSG_CONSUMER_OPENED || !answer->body)
        return;
    INTERNAL(ConsumerOpened) *opened = (INTERNAL(ConsumerOpened) *)answer->body;
    if (!opened->row || opened->row->consumer_id != consumer_id)
        return;
    opened->row = NULL;
    opened->code = err_code(err);
    opened->text = (char *)(uintptr_t)err_sentence(err); /* only read */
}

void batch_add_removed(struct batch *batch, int64_t consumer_id, enum err err)
{
    batch->removed = reserve(batch->removed, batch->removed_count, &batch->removed_capacity,
                             sizeof(*batch->removed));
    batch->removed[batch->removed_count++] = consumer_id;
    for (size_t i = 0; i < batch->answer_count; i++)
        refuse_opened(&batch->answers[i], consumer_id, err);
}

void batch_add_left(struct batch *batch, int64_t scope_id, int64_t peer_id, enum err err)
{
    batch->left =
        reserve(batch->left, batch->left_count, &batch->left_capacity, sizeof(*batch->left));
    INTERNAL(MemberLeft) *left = &batch->left[batch->left_count++];
    roost__internal__member_left__init(left);
    left->scope_id = scope_id;
    left->peer_id = peer_id;
    left->code = err_code(err);
}

void batch_set_acl_changed(struct batch *batch)
{
    batch->is_acl_changed = true;
}

void batch_keep_rows(struct batch *batch)
{
    batch->is_acl_change_kept |= batch->is_acl_changed;
    batch->run_mark = batch->run_count;
    batch->consumer_mark = batch->consumer_count;
    batch->removed_mark = batch->removed_count;
    batch->left_mark = batch->left_count;
}

void batch_forget_rows(struct batch *batch)
{
    batch->is_acl_changed = batch->is_acl_change_kept;
    batch->run_count = batch->run_mark;
    if (batch->topic_count > batch->run_count)
        batch->topic_count = batch->run_count;
    batch->consumer_count = batch->consumer_mark;
    batch->removed_count = batch->removed_mark;
    batch->left_count = batch->left_mark;
}

bool batch_has_rows(const struct batch *batch)
{
    return batch->run_count || batch->consumer_count || batch->removed_count || batch->left_count ||
           batch->is_acl_changed;
}

bool batch_appended(struct batch *batch, INTERNAL(Appended) * ret)
{
    if (!batch_has_rows(batch))
        return false;
    roost__internal__appended__init(ret);
    ret->last_seq = batch->last_seq;
    ret->committed_ns = batch->committed_ns;
    ret->is_acl_changed = batch->is_acl_changed;
    if (batch->run_count) {
        ret->runs = batch_alloc(batch, batch->run_count * sizeof(*ret->runs));
        ret->n_runs = batch->run_count;
    }
    for (size_t i = 0; i < batch->run_count; i++)
        ret->runs[i] = &batch->runs[i];
    if (batch->topic_count) {
        extend_topics(batch);
        ret->topics = batch->topics;
        ret->n_topics = batch->topic_count;
    }
    if (batch->consumer_count) {
        ret->consumers = batch_alloc(batch, batch->consumer_count * sizeof(*ret->consumers));
        ret->n_consumers = batch->consumer_count;
    }
    for (size_t i = 0; i < batch->consumer_count; i++)
        ret->consumers[i] = &batch->consumers[i];
    ret->removed_consumers = batch->removed_count ? batch->removed : NULL;
    ret->n_removed_consumers = batch->removed_count;
    if (batch->left_count) {
        ret->left = batch_alloc(batch, batch->left_count * sizeof(*ret->left));
        ret->n_left = batch->left_count;
    }
    for (size_t i = 0; i < batch->left_count; i++)
        ret->left[i] = &batch->left[i];
    return true;
}
