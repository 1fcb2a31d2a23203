/* SPDX-License-Identifier: MPL-2.0
 *
 * Consumers: opened when somebody attaches, moved when something is settled, removed when asked.
 *
 * What a floor and an exception mean is sync-manager's; here they are rows.
 */
#include <string.h>

#include "persistence_state.h"
#include "rt/log.h"
#include "store/peers.h"

/* --- CONSUMER_OPEN */

/* A pattern of topics has a row only for consumers that have one, and makes no topic. From now on
 * APPENDED names topics. What is stored without a name is in this batch or before it: sync-manager
 * hears of that before it hears of the consumer, which then loads it. */
static enum err find_or_make_pattern(struct persistence *p, const INTERNAL(ConsumerOpen) * question,
                                     struct scope_ref *ret)
{
    ProtobufCBinaryData name = question->scope_name;
    *ret = (struct scope_ref){.kind = SCOPE_TOPIC};
    enum err err = name.len > WIRE_NAME_BYTES_MAX ? ERR_BAD_NAME : ERR_OK;
    if (!err && !question->is_ephemeral)
        err = persistence_scope_named(p, SCOPE_TOPIC, name, !question->must_exist, ret);
    ret->is_pattern = true;
    p->names_topics |= !err;
    return err;
}

/* May this scope be made by attaching to it? One's own mailbox always. */
static enum err find_or_make_scope(struct persistence *p, const INTERNAL(ConsumerOpen) * question,
                                   struct scope_ref *ret)
{
    enum scope_kind kind = (enum scope_kind)question->scope_kind;
    if (kind < SCOPE_PEER || kind > SCOPE_TOPIC)
        return ERR_BAD_SCOPE;
    ProtobufCBinaryData name = question->scope_name;
    if (kind == SCOPE_TOPIC && topic_is_pattern(name.data, name.len))
        return find_or_make_pattern(p, question, ret);
    /* A mailbox of a known peer is made in any case; an unknown peer is not made by attaching. */
    enum err err = persistence_scope_named(p, kind, name, false, ret);
    if (err != ERR_NO_SUCH_SCOPE || kind == SCOPE_PEER || question->must_exist ||
        name.len > WIRE_NAME_BYTES_MAX)
        return err;
    char text[WIRE_SCOPE_BYTES_MAX + 1];
    size_t size = scope_format((enum scope_prefix)kind, name.data, name.len, text);
    if (!persistence_acl_may_create(p, question->peer_id, text, size))
        return err;
    return persistence_scope_named(p, kind, name, true, ret);
}

/* A floor below everything the scope holds, as high as is known without a search: sync-manager
 * reads the heads of all messages above it. */
static enum err floor_of_all(struct persistence *p, const struct scope_ref *scope,
                             uint64_t *ret_floor)
{
    if (scope->is_pattern) {
        *ret_floor = 0; /* its topics are older */
        return ERR_OK;
    }
    if (scope->is_new) {
        *ret_floor = p->last_seq;
        return ERR_OK;
    }
    return scope_below_first(p->store, scope->kind, scope->id, ret_floor);
}

/* Everything of a mailbox's or a queue's main consumer; of a room what came since the peer joined;
 * of others what comes from now on. */
static enum err default_floor(struct persistence *p, const INTERNAL(ConsumerOpen) * question,
                              const struct scope_ref *scope, bool is_main, uint64_t *ret_floor)
{
    if (is_main && (scope->kind == SCOPE_PEER || scope->kind == SCOPE_QUEUE))
        return floor_of_all(p, scope, ret_floor);
    *ret_floor = p->last_seq;
    return scope->kind == SCOPE_ROOM && !question->is_internal
               ? persistence_may_attach(p, scope, question->peer_id, ret_floor)
               : ERR_OK;
}

static enum err first_floor(struct persistence *p, const INTERNAL(ConsumerOpen) * question,
                            const struct scope_ref *scope, bool is_main, uint64_t *ret_floor)
{
    uint64_t seq = 0;
    enum err err = ERR_OK;
    switch (question->start) {
    case ROOST__V1__START__START_DEFAULT:
        return default_floor(p, question, scope, is_main, ret_floor);
    case ROOST__V1__START__START_FIRST:
        return floor_of_all(p, scope, ret_floor);
    case ROOST__V1__START__START_SEQ:
        *ret_floor = question->start_value < p->last_seq ? question->start_value : p->last_seq;
        return ERR_OK;
    case ROOST__V1__START__START_TIME:
        err = message_first_seq_at(p->store, (int64_t)question->start_value, &seq);
        if (!err)
            *ret_floor = seq > 0 ? seq - 1 : 0;
        return err;
    default: /* START_NEW */
        *ret_floor = p->last_seq;
        return ERR_OK;
    }
}

/* consumer_name is NUL-terminated. */
static enum err find_or_make_consumer(struct persistence *p,
                                      const INTERNAL(ConsumerOpen) * question,
                                      const struct scope_ref *scope, const char *consumer_name,
                                      INTERNAL(ConsumerOpened) * opened)
{
    struct consumer_row row;
    enum err err = consumer_find(p->store, scope->id, consumer_name, &row);
    if (!err) {
        opened->row->consumer_id = row.id;
        opened->row->floor_seq = row.floor_seq;
        return ERR_OK;
    }
    if (err != ERR_NO_SUCH_CONSUMER || question->must_exist)
        return err;
    bool is_main = strcmp(consumer_name, PERSISTENCE_CONSUMER_MAIN) == 0;
    uint64_t floor_seq = 0;
    err = first_floor(p, question, scope, is_main, &floor_seq);
    if (!err)
        err = consumer_create(p->store, scope->id, consumer_name, floor_seq, p->now_ms,
                              &opened->row->consumer_id);
    opened->row->floor_seq = floor_seq;
    opened->is_new = !err;
    return err;
}

/* A consumer that lives in sync-manager's memory only: where it begins, and no row. */
static enum err place_ephemeral(struct persistence *p, const INTERNAL(ConsumerOpen) * question,
                                const struct scope_ref *scope, INTERNAL(ConsumerOpened) * opened)
{
    INTERNAL(ConsumerOpen) at = *question;
    uint64_t floor_seq = 0;
    if (at.start == ROOST__V1__START__START_DEFAULT)
        at.start = ROOST__V1__START__START_NEW;
    enum err err = first_floor(p, &at, scope, false, &floor_seq);
    if (!err && scope->kind == SCOPE_PEER) /* who listens does not keep mail: that is main's part */
        err = persistence_mailbox_main(p, scope->owner_id);
    opened->row->floor_seq = floor_seq;
    opened->is_new = !err;
    return err;
}

static enum err open_consumer(struct persistence *p, const INTERNAL(ConsumerOpen) * question,
                              INTERNAL(ConsumerOpened) * opened)
{
    char name[WIRE_NAME_BYTES_MAX + 1];
    if (question->consumer.len > WIRE_NAME_BYTES_MAX)
        return ERR_BAD_NAME;
    if (question->consumer.len)
        memcpy(name, question->consumer.data, question->consumer.len);
    name[question->consumer.len] = '\0';
    const char *consumer_name = name[0] ? name : PERSISTENCE_CONSUMER_MAIN;

    struct scope_ref scope;
    uint64_t start;
    enum err err = find_or_make_scope(p, question, &scope);
    if (!err && scope.kind == SCOPE_ROOM && !question->is_internal)
        err = persistence_may_attach(p, &scope, question->peer_id, &start);
    if (err)
        return err;
    INTERNAL(ConsumerRow) *row = batch_alloc(p->batch, sizeof(*row));
    roost__internal__consumer_row__init(row);
    opened->row = row;
    err = question->is_ephemeral
              ? place_ephemeral(p, question, &scope, opened)
              : find_or_make_consumer(p, question, &scope, consumer_name, opened);
    if (err)
        return err;
    char scope_text[WIRE_NAME_BYTES_MAX + 1] = "";
    struct scope_row stored;
    if (scope.id != 0)
        err = scope_find_by_id(p->store, scope.id, scope_text, sizeof(scope_text), &stored);
    else
        memcpy(scope_text, question->scope_name.data, question->scope_name.len);
    row->scope_id = scope.id;
    row->scope_kind = scope.kind;
    row->scope_owner_id = scope.owner_id;
    row->scope_name = batch_bytes(p->batch, scope_text, err ? 0 : strlen(scope_text));
    row->consumer = batch_bytes(p->batch, consumer_name, strlen(consumer_name));
    return err;
}

enum err persistence_consumer_open(struct persistence *p, const void *question, enum err refusal,
                                   ProtobufCMessage **ret_answer)
{
    INTERNAL(ConsumerOpened) *opened = batch_alloc(p->batch, sizeof(*opened));
    roost__internal__consumer_opened__init(opened);
    *ret_answer = &opened->base;
    enum err err = refusal ? refusal : open_consumer(p, question, opened);
    if (!refusal && persistence_breaks(err))
        return err;
    if (err) {
        opened->row = NULL;
        opened->code = err_code(err);
        opened->text = (char *)(uintptr_t)err_sentence(err); /* only read */
    }
    opened->last_seq = p->last_seq;
    return ERR_OK;
}

/* --- CONSUMER_WRITE */

static enum err put_exception(struct persistence *p, int64_t consumer_id,
                              const INTERNAL(ExceptionRow) * put)
{
    struct exception_row row = {
        .consumer_id = consumer_id,
        .seq = put->seq,
        .last_seq = put->last_seq ? put->last_seq : put->seq,
        .state = (enum exception_state)put->state,
        .attempts = put->attempts,
        .due_ms = put->due_ms,
        .reason = put->reason,
        .text = put->text ? put->text : "",
        .at_ms = put->at_ms ? put->at_ms : p->now_ms,
    };
    return exception_put(p->store, &row);
}

static enum err write_change(struct persistence *p, const INTERNAL(ConsumerChange) * change)
{
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < change->n_removed; i++)
        err = exception_remove(p->store, change->consumer_id, change->removed[i]);
    for (size_t i = 0; !err && i < change->n_put; i++)
        err = put_exception(p, change->consumer_id, change->put[i]);
    if (!err && change->floor_seq)
        err = consumer_set_floor(p->store, change->consumer_id, change->floor_seq);
    if (!err && change->floor_seq)
        err = exception_trim(p->store, change->consumer_id, change->floor_seq);
    if (!err || persistence_breaks(err))
        return err;
    /* The consumer was removed while this was on its way: nobody needs it any more. */
    log_warn("consumer-write-refused", LOG_ERROR(err), LOG_I64("consumer", change->consumer_id));
    return ERR_OK;
}

static enum err write_consumers(struct persistence *p, const INTERNAL(ConsumerWrite) * question)
{
    struct receipt_list receipts = {0};
    enum err err = ERR_OK;
    p->turn_settled += question->settled;
    for (size_t i = 0; !err && i < question->n_changes; i++)
        err = write_change(p, question->changes[i]);
    for (size_t i = 0; !err && i < question->n_quarantine; i++) {
        err = message_quarantine(p->store, question->quarantine[i], p->now_ms);
        if (!err)
            persistence_note_damaged(p, question->quarantine[i]);
    }
    for (size_t i = 0; !err && i < question->n_fates; i++)
        err = persistence_fate(p, question->fates[i], &receipts);
    enum err write_err = persistence_receipts_write(p, &receipts);
    return err ? err : write_err;
}

enum err persistence_consumer_write(struct persistence *p, const void *question, enum err refusal,
                                    ProtobufCMessage **ret_answer)
{
    INTERNAL(ConsumerWritten) *written = batch_alloc(p->batch, sizeof(*written));
    roost__internal__consumer_written__init(written);
    *ret_answer = &written->base;
    enum err err = refusal ? refusal : write_consumers(p, question);
    if (!refusal && persistence_breaks(err))
        return err;
    written->code = err_code(err);
    return ERR_OK;
}

/* --- CONSUMER_REMOVE */

struct place_visit {
    int64_t consumer_id;
    struct consumer_place *place;
    bool is_found;
};

static enum err take_place(void *context, const struct consumer_load_row *row)
{
    struct place_visit *visit = context;
    if (row->consumer.id != visit->consumer_id)
        return ERR_OK;
    visit->is_found = true;
    visit->place->scope_id = row->scope.id;
    visit->place->floor_seq = row->consumer.floor_seq;
    return ERR_OK;
}

enum err persistence_consumer_find(struct persistence *p, int64_t consumer_id,
                                   struct consumer_place *ret)
{
    struct place_visit visit = {.consumer_id = consumer_id, .place = ret};
    enum err err = consumer_load(p->store, consumer_id - 1, 1, take_place, &visit);
    if (err)
        return err;
    return visit.is_found ? ERR_OK : ERR_NO_SUCH_CONSUMER;
}

enum err persistence_consumer_remove(struct persistence *p, const void *question, enum err refusal,
                                     ProtobufCMessage **ret_answer)
{
    const INTERNAL(ConsumerRemove) *remove = question;
    INTERNAL(ConsumerRemoved) *removed = batch_alloc(p->batch, sizeof(*removed));
    roost__internal__consumer_removed__init(removed);
    *ret_answer = &removed->base;
    struct consumer_place place;
    enum err err = refusal ? refusal : persistence_consumer_find(p, remove->consumer_id, &place);
    if (!err)
        err = consumer_remove(p->store, remove->consumer_id);
    if (!refusal && persistence_breaks(err))
        return err;
    removed->code = err_code(err);
    return ERR_OK;
}
