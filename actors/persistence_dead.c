/* SPDX-License-Identifier: MPL-2.0
 *
 * DEAD_CHANGE: dead letters are made ready again (redrive) or given up for good (purge).
 *
 * A redriven message keeps its place: its row says RETRY, due at once, no attempt counted, which is
 * true below the floor and above it. A purged one below the floor needs no row any more; above it,
 * its row says SETTLED until the floor has passed.
 */
#include <stdlib.h>
#include <string.h>

#include "persistence_state.h"
#include "rt/check.h"

#define ALL_MAX 1000 /* of one question that names none */

struct dead_list {
    uint64_t seqs[ALL_MAX + 1];
    size_t count;
};

static enum err take_dead(void *context, const struct exception_row *row)
{
    struct dead_list *list = context;
    CHECK(list->count <= ALL_MAX);
    list->seqs[list->count++] = row->seq;
    return ERR_OK;
}

static enum err take_one(void *context, const struct exception_row *row)
{
    *(uint64_t *)context = row->seq;
    return ERR_OK;
}

static enum err is_dead(struct persistence *p, int64_t consumer_id, uint64_t seq, bool *ret)
{
    uint64_t found = 0;
    enum err err =
        exception_list(p->store, consumer_id, EXCEPTION_DEAD, seq - 1, 1, take_one, &found);
    *ret = !err && found == seq;
    return err;
}

static enum err purge(struct persistence *p, int64_t consumer_id, uint64_t floor_seq, uint64_t seq)
{
    if (seq <= floor_seq)
        return exception_remove(p->store, consumer_id, seq);
    struct exception_row row = {
        .consumer_id = consumer_id,
        .seq = seq,
        .last_seq = seq,
        .state = EXCEPTION_SETTLED,
        .text = "",
        .at_ms = p->now_ms,
    };
    return exception_put(p->store, &row);
}

/* *ret_run: the message as sync-manager wants it; count 0 when retention removed it. */
static enum err redrive(struct persistence *p, int64_t consumer_id, uint64_t seq,
                        INTERNAL(Run) * ret_run)
{
    struct message_head head;
    size_t count = 0;
    roost__internal__run__init(ret_run);
    enum err err = message_read_heads(p->store, seq - 1, &head, 1, &count);
    if (err)
        return err;
    if (count == 0 || head.seq != seq)
        return exception_remove(p->store, consumer_id, seq);
    ret_run->scope_id = head.scope_id;
    ret_run->first_seq = seq;
    ret_run->count = 1;
    ret_run->stored_ms = head.stored_ms;
    ret_run->expires_ms = head.expires_ms;
    ret_run->not_before_ms = head.not_before_ms;
    ret_run->flags = head.flags;
    struct exception_row row = {
        .consumer_id = consumer_id,
        .seq = seq,
        .last_seq = seq,
        .state = EXCEPTION_RETRY,
        .due_ms = p->now_ms,
        .text = "",
        .at_ms = p->now_ms,
    };
    return exception_put(p->store, &row);
}

static void add_run(INTERNAL(DeadChanged) * changed, INTERNAL(Run) * runs,
                    const INTERNAL(Run) * run)
{
    if (run->count == 0)
        return;
    runs[changed->n_runs] = *run;
    changed->runs[changed->n_runs] = &runs[changed->n_runs];
    changed->n_runs++;
}

static enum err change_listed(struct persistence *p, const INTERNAL(DeadChange) * question,
                              const uint64_t *seqs, size_t count, INTERNAL(DeadChanged) * changed)
{
    struct consumer_place place;
    enum err err = persistence_consumer_find(p, question->consumer_id, &place);
    if (err || count == 0)
        return err;
    INTERNAL(Run) *runs = batch_alloc(p->batch, count * sizeof(*runs));
    changed->runs = batch_alloc(p->batch, count * sizeof(*changed->runs));
    for (size_t i = 0; !err && i < count; i++) {
        bool dead = true;
        INTERNAL(Run) run = ROOST__INTERNAL__RUN__INIT;
        err = is_dead(p, question->consumer_id, seqs[i], &dead);
        if (err || !dead)
            continue;
        err = question->purge ? purge(p, question->consumer_id, place.floor_seq, seqs[i])
                              : redrive(p, question->consumer_id, seqs[i], &run);
        add_run(changed, runs, &run);
        changed->count++;
    }
    return err;
}

static enum err change_all(struct persistence *p, const INTERNAL(DeadChange) * question,
                           INTERNAL(DeadChanged) * changed)
{
    struct dead_list *list = batch_alloc(p->batch, sizeof(*list));
    enum err err = exception_list(p->store, question->consumer_id, EXCEPTION_DEAD, 0, ALL_MAX + 1,
                                  take_dead, list);
    if (err)
        return err;
    changed->has_more = list->count > ALL_MAX;
    size_t count = changed->has_more ? ALL_MAX : list->count;
    return change_listed(p, question, list->seqs, count, changed);
}

enum err persistence_dead_change(struct persistence *p, const void *question, enum err refusal,
                                 ProtobufCMessage **ret_answer)
{
    const INTERNAL(DeadChange) *change = question;
    INTERNAL(DeadChanged) *changed = batch_alloc(p->batch, sizeof(*changed));
    roost__internal__dead_changed__init(changed);
    *ret_answer = &changed->base;
    enum err err = refusal;
    if (!err && change->all)
        err = change_all(p, change, changed);
    else if (!err)
        err = change_listed(p, change, change->seqs, change->n_seqs, changed);
    if (!refusal && persistence_breaks(err))
        return err;
    changed->code = err_code(err);
    return ERR_OK;
}
