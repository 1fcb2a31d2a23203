/* SPDX-License-Identifier: MPL-2.0
 *
 * The table of open questions.
 */
#include "rt/pending.h"

#include <stdlib.h>

#include "rt/check.h"

#define NO_SLOT UINT16_MAX

_Static_assert(ACTOR_ASKS_MAX < NO_SLOT, "slot numbers fit 16 bits");

void pending_init(struct pending *pending, uint16_t life)
{
    CHECK(life != 0); /* so that no correlation id is 0 */
    *pending = (struct pending){.life = life, .slot_free = NO_SLOT};
    heap_init(&pending->deadlines, ACTOR_ASKS_MAX);
}

void pending_fini(struct pending *pending)
{
    heap_fini(&pending->deadlines);
    free(pending->questions);
    pending->questions = NULL;
}

static enum err take_slot(struct pending *pending, uint16_t *ret_slot)
{
    if (!pending->questions) {
        pending->questions = calloc(ACTOR_ASKS_MAX, sizeof(*pending->questions));
        if (!pending->questions)
            return ERR_BUSY;
    }
    if (pending->slot_free != NO_SLOT) {
        *ret_slot = pending->slot_free;
        pending->slot_free = pending->questions[*ret_slot].slot_next_free;
        return ERR_OK;
    }
    if (pending->slot_used >= ACTOR_ASKS_MAX)
        return ERR_BUSY;
    *ret_slot = pending->slot_used++;
    return ERR_OK;
}

static void free_slot(struct pending *pending, uint16_t slot)
{
    pending->questions[slot].correlation = 0;
    pending->questions[slot].slot_next_free = pending->slot_free;
    pending->slot_free = slot;
}

enum err pending_add(struct pending *pending, uint8_t to, uint8_t kind, uint64_t context,
                     struct mono_time deadline, uint64_t *ret_correlation)
{
    uint16_t slot;
    enum err err = take_slot(pending, &slot);
    if (err)
        return err;
    struct question *question = &pending->questions[slot];
    err = heap_push(&pending->deadlines, &question->due, deadline.ns);
    if (err) {
        free_slot(pending, slot);
        return ERR_BUSY;
    }
    uint32_t serial = pending->serial++;
    question->correlation = (uint64_t)pending->life << 48 | (uint64_t)serial << 16 | slot;
    question->context = context;
    question->kind = kind;
    question->to = to;
    pending->count_by_target[to]++;
    *ret_correlation = question->correlation;
    return ERR_OK;
}

static void take(struct pending *pending, struct question *question, struct question *ret_question)
{
    *ret_question = *question;
    heap_remove(&pending->deadlines, &question->due);
    CHECK(pending->count_by_target[question->to] > 0);
    pending->count_by_target[question->to]--;
    free_slot(pending, (uint16_t)(question - pending->questions));
}

bool pending_close(struct pending *pending, uint64_t correlation, struct question *ret_question)
{
    uint16_t slot = (uint16_t)correlation;
    if (correlation == 0 || slot >= pending->slot_used)
        return false;
    struct question *question = &pending->questions[slot];
    if (question->correlation != correlation)
        return false;
    take(pending, question, ret_question);
    return true;
}

bool pending_take_due(struct pending *pending, struct mono_time now, struct question *ret_question)
{
    struct heap_node *node = heap_top(&pending->deadlines);
    if (!node || node->key > now.ns)
        return false;
    take(pending, HEAP_ENTRY(node, struct question, due), ret_question);
    return true;
}

struct mono_time pending_next(const struct pending *pending)
{
    const struct heap_node *node = heap_top(&pending->deadlines);
    return node ? (struct mono_time){node->key} : MONO_NEVER;
}

size_t pending_count(const struct pending *pending)
{
    return heap_count(&pending->deadlines);
}
