/* SPDX-License-Identifier: MPL-2.0
 *
 * STORE: a SEND frame becomes rows.
 *
 * Every entry of the frame gets exactly one answer, in the order of publish numbers:
 *     stored         a run of numbers and seqs
 *     refused        an exception with a code: it will never be stored; numbering goes on
 *     duplicate      an exception with the seq of the message stored before
 *     not now        retry_code; this number and all above are to be sent again
 * The last one only ever happens to whole batches (a transaction that could not be committed) or
 * to whole frames, so order is never broken.
 */
#include <stdlib.h>
#include <string.h>

#include "persistence_state.h"
#include "rt/check.h"

#define RETRY_DISK_FULL_MS 1000
#define RETRY_BUSY_MS      100
/* Of one transaction; what goes beyond waits for the next one, so that whoever sends has his next
 * messages here in time. Fewer while people send who have nothing else to wait for. */
#define BODY_BYTES_MAX  ((size_t)32 << 20)
#define ROWS_MAX        2048
#define ROWS_PEOPLE_MAX 256
#define PEOPLE_MS       100

_Static_assert((int)MESSAGE_FLAG_RECEIPT_DELIVERED == 1 && (int)MESSAGE_FLAG_RECEIPT_READ == 2 &&
                   (int)MESSAGE_FLAG_RECEIPT_FATE == 4,
               "flags of the store are the receipts of an entry");
_Static_assert(WIRE_RECEIPTS_MASK == 7, "three levels of receipts");

/* --- Publish numbers. */

uint64_t persistence_next_no(const struct persistence *p, uint64_t session)
{
    uint64_t next_no = 1;
    (void)u64map_get(&p->next_numbers, session, &next_no); /* absent: nothing sent yet */
    return next_no;
}

static enum err advance(struct persistence *p, uint64_t session, uint64_t next_no)
{
    if (p->undo_count == p->undo_capacity) {
        size_t capacity = p->undo_capacity ? p->undo_capacity * 2 : 64;
        struct session_undo *undo = realloc(p->undo, capacity * sizeof(*undo));
        if (!undo)
            return ERR_BUSY;
        p->undo = undo;
        p->undo_capacity = capacity;
    }
    uint64_t before = persistence_next_no(p, session);
    if (u64map_put(&p->next_numbers, session, next_no))
        return ERR_BUSY;
    p->undo[p->undo_count++] = (struct session_undo){.session = session, .next_no = before};
    return ERR_OK;
}

/* --- The answer in the making. */

static void note_stored(struct persistence *p, uint64_t no, uint64_t seq)
{
    INTERNAL(NumberRun) *last =
        p->number_run_count ? &p->number_runs[p->number_run_count - 1] : NULL;
    if (last && last->first_no + last->count == no && last->first_seq + last->count == seq) {
        last->count++;
        return;
    }
    CHECK(p->number_run_count < WIRE_ENTRIES_MAX);
    INTERNAL(NumberRun) *run = &p->number_runs[p->number_run_count++];
    roost__internal__number_run__init(run);
    run->first_no = no;
    run->count = 1;
    run->first_seq = seq;
}

/* `text` lives for ever. */
static void note_exception(struct persistence *p, uint64_t no, enum err err, const char *text,
                           uint64_t seq)
{
    CHECK(p->number_exception_count < WIRE_ENTRIES_MAX);
    INTERNAL(NumberException) *exception = &p->number_exceptions[p->number_exception_count++];
    roost__internal__number_exception__init(exception);
    exception->no = no;
    exception->code = err_code(err);
    exception->text = (char *)(uintptr_t)(text ? text : err_sentence(err)); /* only read */
    exception->seq = seq;
}

static void finish_runs(struct persistence *p, INTERNAL(StoreDone) * done)
{
    size_t count = p->number_run_count;
    if (count == 0)
        return;
    INTERNAL(NumberRun) *runs = batch_alloc(p->batch, count * sizeof(*runs));
    memcpy(runs, p->number_runs, count * sizeof(*runs));
    done->runs = batch_alloc(p->batch, count * sizeof(*done->runs));
    done->n_runs = count;
    for (size_t i = 0; i < count; i++)
        done->runs[i] = &runs[i];
}

static void finish_exceptions(struct persistence *p, INTERNAL(StoreDone) * done)
{
    size_t count = p->number_exception_count;
    if (count == 0)
        return;
    INTERNAL(NumberException) *exceptions = batch_alloc(p->batch, count * sizeof(*exceptions));
    memcpy(exceptions, p->number_exceptions, count * sizeof(*exceptions));
    done->exceptions = batch_alloc(p->batch, count * sizeof(*done->exceptions));
    done->n_exceptions = count;
    for (size_t i = 0; i < count; i++)
        done->exceptions[i] = &exceptions[i];
}

static INTERNAL(StoreDone) * new_answer(struct persistence *p, const struct msg *msg)
{
    const INTERNAL(Store) *question = MSG_BODY(msg, INTERNAL(Store));
    INTERNAL(StoreDone) *done = batch_alloc(p->batch, sizeof(*done));
    roost__internal__store_done__init(done);
    done->session = question->session;
    done->count = question->count;
    done->body_bytes = question->body_bytes;
    struct batch_answer *answer = batch_add_answer(p->batch);
    answer->to = msg->from;
    answer->correlation = msg->correlation;
    answer->question_kind = MSG_STORE;
    answer->kind = MSG_STORE_DONE;
    answer->body = &done->base;
    return done;
}

void persistence_refuse_store(struct persistence *p, struct batch_answer *answer, enum err err)
{
    INTERNAL(StoreDone) *done = (INTERNAL(StoreDone) *)answer->body;
    done->n_runs = 0;
    done->n_exceptions = 0;
    done->upto_no = persistence_next_no(p, done->session) - 1;
    if (done->retry_code == 0) {
        done->retry_code = err_code(err);
        done->retry_after_ms = err == ERR_DISK_FULL      ? RETRY_DISK_FULL_MS
                               : err == ERR_RATE_LIMITED ? p->rate_wait_ms
                               : err == ERR_SEQUENCE_GAP ? 0
                                                         : RETRY_BUSY_MS;
    }
}

static void refuse_last(struct persistence *p, enum err err)
{
    persistence_refuse_store(p, &p->batch->answers[p->batch->answer_count - 1], err);
}

/* --- One entry. */

static void note_run(struct persistence *p, const struct message_row *message)
{
    p->last_seq = message->seq;
    INTERNAL(Run) run = ROOST__INTERNAL__RUN__INIT;
    run.scope_id = message->scope_id;
    run.first_seq = message->seq;
    run.count = 1;
    run.stored_ms = message->stored_ms;
    run.expires_ms = message->expires_ms;
    run.not_before_ms = message->not_before_ms;
    run.flags = message->flags;
    batch_add_run(p->batch, &run);
}

enum err persistence_append(struct persistence *p, struct message_row *message)
{
    enum err err = message_append(p->store, message);
    if (!err)
        note_run(p, message);
    return err;
}

/* ERR_DUPLICATE with the seq of the message stored before. */
static enum err check_new(struct persistence *p, int64_t sender_id, const uint8_t *id,
                          uint64_t *ret_seq)
{
    uint32_t sender = (uint32_t)sender_id;
    if (dedupe_is_new(&p->dedupe, sender, id))
        return ERR_OK;
    uint64_t seq = 0;
    enum err err = dedupe_find(&p->dedupe, sender, id, &seq);
    if (!err && seq == 0)
        err = message_find_indexed(p->store, sender_id, id, &seq);
    if (err || seq == 0)
        return err;
    *ret_seq = seq;
    return ERR_DUPLICATE;
}

static struct bytes_view view(ProtobufCBinaryData data)
{
    return (struct bytes_view){.data = data.len ? data.data : NULL, .size = data.len};
}

/* Headers as they are kept: one packed HeaderList. */
static enum err pack_headers(struct persistence *p, const Roost__V1__Entry *entry,
                             struct bytes_view *ret)
{
    if (entry->n_headers == 0)
        return ERR_OK;
    Roost__V1__HeaderList list = ROOST__V1__HEADER_LIST__INIT;
    list.n_headers = entry->n_headers;
    list.headers = entry->headers;
    size_t size = roost__v1__header_list__get_packed_size(&list);
    uint8_t *bytes = arena_alloc(&p->frame_arena, size);
    if (!bytes)
        return ERR_BUSY;
    (void)roost__v1__header_list__pack(&list, bytes); /* size as computed */
    *ret = (struct bytes_view){.data = bytes, .size = size};
    return ERR_OK;
}

/* Which patterns take it, sync-manager knows by its name. */
static void name_topic(struct persistence *p, const Roost__V1__Entry *entry)
{
    const uint8_t *colon = memchr(entry->scope.data, ':', entry->scope.len);
    CHECK(colon != NULL); /* it was resolved */
    batch_name_run(p->batch, colon + 1, entry->scope.len - (size_t)(colon + 1 - entry->scope.data));
}

static const uint8_t no_bytes[1]; /* an empty body is not an absent one */

static enum err append_entry(struct persistence *p, const INTERNAL(Store) * question,
                             const Roost__V1__Entry *entry, const struct scope_ref *scope,
                             uint64_t *ret_seq)
{
    int64_t ttl_ms = entry->ttl_ms ? (int64_t)entry->ttl_ms : p->options.ttl_ms;
    if (scope->retention_ms && ttl_ms > scope->retention_ms)
        ttl_ms = scope->retention_ms; /* what is removed has expired before */
    struct message_row message = {
        .scope_id = scope->id,
        .sender_id = question->peer_id,
        .stored_ms = p->now_ms,
        .expires_ms = p->now_ms + ttl_ms,
        .not_before_ms = (int64_t)entry->not_before_ms,
        .created_ms = entry->created_ms ? (int64_t)entry->created_ms : p->now_ms,
        .conversation = persistence_conversation(scope, question->peer_id),
        .flags = entry->receipts |
                 (question->is_unverified ? (uint32_t)MESSAGE_FLAG_SENDER_UNVERIFIED : 0),
        .kind = (uint32_t)entry->kind,
        .priority = entry->priority,
        .content_type = view(entry->content_type),
        .key = view(entry->key),
        .reply_to = view(entry->reply_to),
        .correlation_id = view(entry->correlation_id),
        .parent_id = view(entry->parent_id),
        .body = {.data = entry->body.len ? entry->body.data : no_bytes, .size = entry->body.len},
    };
    memcpy(message.message_id, entry->message_id.data, sizeof(message.message_id));
    enum err err = pack_headers(p, entry, &message.headers);
    if (!err) /* its bytes stay in the frame and in its arena */
        err = message_append_later(p->store, &message);
    if (!err) {
        note_run(p, &message);
        if (p->names_topics && scope->kind == SCOPE_TOPIC)
            name_topic(p, entry);
        err = dedupe_add(&p->dedupe, (uint32_t)question->peer_id, message.message_id, message.seq);
    }
    if (err)
        return err == ERR_TOO_MANY ? ERR_BUSY : err; /* the tail must be indexed first */
    *ret_seq = message.seq;
    return ERR_OK;
}

/* The scope of the entry before is known already: their bytes are the same. */
struct scope_memory {
    const uint8_t *text;
    struct scope_ref scope;
};

static enum err find_scope(struct persistence *p, const INTERNAL(Store) * question,
                           const Roost__V1__Entry *entry, struct scope_memory *memory)
{
    if (memory->text && memory->text == entry->scope.data)
        return ERR_OK;
    memory->text = NULL;
    enum err err = persistence_scope_for(p, entry->scope.data, entry->scope.len, question->peer_id,
                                         &memory->scope);
    bool is_missing = err == ERR_NO_SUCH_SCOPE || err == ERR_NO_SUCH_PEER;
    if ((!err || is_missing) &&
        persistence_acl_counts(p)) { /* who may not need not know what is there */
        enum err refusal = persistence_acl_may_send(p, &memory->scope, question->peer_id,
                                                    entry->scope.data, entry->scope.len);
        err = refusal ? refusal : err;
    }
    if (!err && memory->scope.kind == SCOPE_ROOM)
        err = persistence_may_send(p, &memory->scope, question->peer_id);
    if (!err)
        memory->text = entry->scope.data;
    return err;
}

static enum err store_entry(struct persistence *p, const INTERNAL(Store) * question,
                            const Roost__V1__Entry *entry, struct scope_memory *memory, uint64_t no)
{
    const char *problem = NULL;
    uint64_t seq = 0;
    enum err err = wire_check_entry(entry, &p->options.limits, &problem);
    if (!err)
        err = find_scope(p, question, entry, memory);
    if (!err)
        err = check_new(p, question->peer_id, entry->message_id.data, &seq);
    if (!err && p->quota.has_places)
        err = persistence_check_place(p, &memory->scope, question->peer_id, entry->body.len);
    if (!err)
        err = append_entry(p, question, entry, &memory->scope, &seq);
    if (persistence_breaks(err))
        return err;
    if (err) {
        note_exception(p, no, err, problem, seq);
        p->duplicate_count += err == ERR_DUPLICATE;
    } else {
        note_stored(p, no, seq);
        p->stored_count++;
    }
    return ERR_OK;
}

/* --- One frame. */

static enum err store_entries(struct persistence *p, const INTERNAL(Store) * question,
                              const Roost__V1__Send *send)
{
    struct scope_memory memory = {0};
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < send->n_entries; i++)
        err = store_entry(p, question, send->entries[i], &memory, send->first_no + i);
    if (!err)
        err = advance(p, question->session, send->first_no + send->n_entries);
    return err;
}

/* A frame the gateway let pass and we cannot read: each of its numbers is refused. */
static enum err refuse_numbers(struct persistence *p, const INTERNAL(Store) * question,
                               enum err refusal)
{
    for (uint32_t i = 0; i < question->count && i < WIRE_ENTRIES_MAX; i++)
        note_exception(p, question->first_no + i, refusal, NULL, 0);
    return advance(p, question->session, question->first_no + p->number_exception_count);
}

static enum err store_frame(struct persistence *p, const struct msg *msg,
                            INTERNAL(StoreDone) * done)
{
    const INTERNAL(Store) *question = MSG_BODY(msg, INTERNAL(Store));
    struct wire_message frame;
    p->number_run_count = 0;
    p->number_exception_count = 0;
    enum err err =
        wire_parse(&p->reader, zmq_msg_data(msg->payload), zmq_msg_size(msg->payload), &frame);
    if (!err && frame.type != ROOST__V1__TYPE__SEND)
        err = ERR_BAD_TYPE;
    if (persistence_breaks(err))
        return err;
    err = err ? refuse_numbers(p, question, err) : store_entries(p, question, frame.send);
    if (err)
        return err;
    finish_runs(p, done);
    finish_exceptions(p, done);
    done->upto_no = persistence_next_no(p, question->session) - 1;
    p->body_bytes += question->body_bytes;
    return ERR_OK;
}

/* What can be said before anything is written. */
static enum err check_question(struct persistence *p, const INTERNAL(Store) * question)
{
    if (p->is_full)
        return ERR_DISK_FULL;
    if (persistence_was_evicted(p, question->peer_id))
        return ERR_NO_SUCH_PEER;
    bool is_next = question->first_no == persistence_next_no(p, question->session);
    return is_next ? persistence_check_rate(p, question) : ERR_SEQUENCE_GAP;
}

static void end_turn_when_full(struct persistence *p, uint8_t from)
{
    struct mono_time now = actor_mono(p->actor);
    if (from != ACTOR_ZMQ_GATEWAY)
        p->people_until = mono_add_ms(now, PEOPLE_MS);
    uint64_t rows_max = mono_reached(p->people_until, now) ? ROWS_MAX : ROWS_PEOPLE_MAX;
    if (p->stored_count >= rows_max || p->body_bytes >= BODY_BYTES_MAX)
        actor_end_turn(p->actor);
}

enum err persistence_on_store(struct actor *actor, void *state, const struct msg *msg)
{
    struct persistence *p = state;
    (void)actor;
    CHECK(msg->payload);
    p->turn_messages++;
    INTERNAL(StoreDone) *done = new_answer(p, msg);
    enum err err = check_question(p, MSG_BODY(msg, INTERNAL(Store)));
    if (err) {
        refuse_last(p, err);
        return ERR_OK;
    }
    err = persistence_begin(p);
    if (!err) {
        err = store_frame(p, msg, done);
        if (!err)
            err = message_append_rest(p->store);
        arena_reset(&p->frame_arena);
    }
    if (err)
        return persistence_fail(p, err);
    end_turn_when_full(p, msg->from);
    return ERR_OK;
}
