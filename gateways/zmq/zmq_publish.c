/* SPDX-License-Identifier: MPL-2.0
 *
 * SEND to STORED.
 *
 *     SEND --scan--> book --> [queue] --> STORE question --> persistence (commit)
 *                      |                                            |
 *                      +--<-- draft of STORED <--- STORE_DONE --<---+
 *
 * A frame is looked at (wire_scan_send), entered in the session's book, and passed on as it came,
 * by reference; whoever stores it unpacks it. What was answered in one turn is told a session in
 * one STORED.
 *
 * How much may be on its way: a session's books bound numbers and bytes (WELCOME tells them), the
 * gateway bounds bytes of all sessions together (publish_bytes_total) and questions
 * (ZMQ_STORES_MAX); frames beyond that wait in a queue here, so that a disk that takes its time
 * stops only those who publish: everything else of the gateway goes on being read. Beyond the
 * bounds a SEND is refused with BUSY, which the client sees as a retry code in STORED.
 */
#include <stdlib.h>
#include <string.h>

#include "gateways/zmq/zmq_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define STOPPING_RETRY_MS 1000
#define DRAFT_ITEMS_FIRST 16
#define DRAFT_ITEMS_MAX   1000 /* runs, and exceptions, of one STORED */

_Static_assert(DRAFT_ITEMS_MAX <= WIRE_SCAN_REPEATS_MAX, "clients accept that many");
_Static_assert(DRAFT_ITEMS_MAX >= WIRE_ENTRIES_MAX, "the answer to one SEND always fits");

struct zmq_stored_draft {
    Roost__V1__StoredRun **runs;
    Roost__V1__StoredException **exceptions;
    size_t runs_count, runs_capacity;
    size_t exceptions_count, exceptions_capacity;
    bool is_due; /* there is something to say, even if both lists are empty */
    bool is_cut; /* details are missing: it must not be said */
};

/* --- Drafts of STORED, in the arena gateway->drafts until the end of the turn */

static struct zmq_stored_draft *draft_of(struct zmq_gateway *gateway, struct zmq_session *session)
{
    if (session->draft)
        return session->draft;
    struct zmq_stored_draft *draft = arena_alloc(&gateway->drafts, sizeof(*draft));
    if (!draft)
        return NULL;
    session->draft = draft;
    session->draft_next = NULL;
    if (gateway->drafts_tail)
        gateway->drafts_tail->draft_next = session;
    else
        gateway->drafts_head = session;
    gateway->drafts_tail = session;
    return draft;
}

static void say_stored(struct actor *actor, struct zmq_gateway *gateway,
                       struct zmq_session *session, const struct zmq_stored_draft *draft)
{
    if (draft->is_cut)
        return;
    Roost__V1__Stored stored = ROOST__V1__STORED__INIT;
    bool has_retry =
        zmq_book_take_retry(&session->book, &stored.retry_code, &stored.retry_after_ms);
    if (!draft->is_due && !has_retry)
        return;
    stored.upto_no = session->book.answered_no;
    stored.publish_upto = zmq_book_upto(&session->book, &gateway->book_limits);
    stored.runs = draft->runs;
    stored.n_runs = draft->runs_count;
    stored.exceptions = draft->exceptions;
    stored.n_exceptions = draft->exceptions_count;
    zmq_say(actor, gateway, session, ROOST__V1__TYPE__STORED, &stored.base);
}

void zmq_flush_stored(struct actor *actor, struct zmq_gateway *gateway)
{
    if (!gateway->drafts_head)
        return;
    struct zmq_session *next;
    for (struct zmq_session *session = gateway->drafts_head; session; session = next) {
        next = session->draft_next;
        say_stored(actor, gateway, session, session->draft);
        session->draft = NULL;
        session->draft_next = NULL;
    }
    gateway->drafts_head = NULL;
    gateway->drafts_tail = NULL;
    arena_reset(&gateway->drafts);
}

/* A STORED is due at the end of the turn. When there is no memory for the note, the others are
 * flushed to make some; there is always room for one. */
static struct zmq_stored_draft *need_draft(struct actor *actor, struct zmq_gateway *gateway,
                                           struct zmq_session *session)
{
    struct zmq_stored_draft *draft = draft_of(gateway, session);
    if (draft)
        return draft;
    zmq_flush_stored(actor, gateway);
    draft = draft_of(gateway, session);
    CHECK(draft);
    return draft;
}

/* A list of pointers in the arena with room for one more: the same one, a larger copy, or NULL. */
static void *make_room(struct zmq_gateway *gateway, void *list, size_t count, size_t *capacity)
{
    if (count < *capacity)
        return list;
    size_t wanted = *capacity ? 2 * *capacity : DRAFT_ITEMS_FIRST;
    void *larger = arena_alloc(&gateway->drafts, wanted * sizeof(void *));
    if (!larger)
        return NULL;
    if (count > 0)
        memcpy(larger, list, count * sizeof(void *));
    *capacity = wanted;
    return larger;
}

static bool draft_run(struct zmq_gateway *gateway, struct zmq_stored_draft *draft,
                      const INTERNAL(NumberRun) * run)
{
    if (draft->runs_count > 0) {
        Roost__V1__StoredRun *last = draft->runs[draft->runs_count - 1];
        if (last->first_no + last->count == run->first_no &&
            last->first_seq + last->count == run->first_seq) {
            last->count += run->count;
            return true;
        }
    }
    Roost__V1__StoredRun *copy = arena_alloc(&gateway->drafts, sizeof(*copy));
    void *runs = make_room(gateway, draft->runs, draft->runs_count, &draft->runs_capacity);
    if (!copy || !runs)
        return false;
    draft->runs = runs;
    roost__v1__stored_run__init(copy);
    copy->first_no = run->first_no;
    copy->count = run->count;
    copy->first_seq = run->first_seq;
    draft->runs[draft->runs_count++] = copy;
    return true;
}

static bool draft_exception(struct zmq_gateway *gateway, struct zmq_stored_draft *draft,
                            const INTERNAL(NumberException) * exception)
{
    size_t size = strlen(exception->text) + 1;
    Roost__V1__StoredException *copy = arena_alloc(&gateway->drafts, sizeof(*copy));
    char *text = arena_alloc(&gateway->drafts, size);
    void *exceptions =
        make_room(gateway, draft->exceptions, draft->exceptions_count, &draft->exceptions_capacity);
    if (!copy || !text || !exceptions)
        return false;
    draft->exceptions = exceptions;
    roost__v1__stored_exception__init(copy);
    copy->no = exception->no;
    copy->code = exception->code;
    copy->text = memcpy(text, exception->text, size);
    copy->seq = exception->seq;
    draft->exceptions[draft->exceptions_count++] = copy;
    return true;
}

/* STORED covers everything the book calls answered. So a draft without room for these details has
 * to leave while the book does not know of their numbers yet. */
static void make_room_for(struct actor *actor, struct zmq_gateway *gateway,
                          const struct zmq_session *session, const INTERNAL(StoreDone) * body)
{
    const struct zmq_stored_draft *draft = session->draft;
    bool is_full = draft && (draft->runs_count + body->n_runs > DRAFT_ITEMS_MAX ||
                             draft->exceptions_count + body->n_exceptions > DRAFT_ITEMS_MAX);
    /* The details of one answer are far smaller than half of the arena. */
    if (is_full || arena_used(&gateway->drafts) > gateway->drafts.limit_bytes / 2)
        zmq_flush_stored(actor, gateway);
}

static bool draft_answer(struct zmq_gateway *gateway, struct zmq_stored_draft *draft,
                         const INTERNAL(StoreDone) * body)
{
    draft->is_due = true;
    for (size_t i = 0; i < body->n_runs; i++)
        if (!draft_run(gateway, draft, body->runs[i]))
            return false;
    for (size_t i = 0; i < body->n_exceptions; i++)
        if (!draft_exception(gateway, draft, body->exceptions[i]))
            return false;
    return true;
}

/* --- SEND */

static enum err ask_store(struct actor *actor, struct zmq_gateway *gateway,
                          const struct zmq_session *session, uint64_t first_no, uint32_t count,
                          uint64_t bytes, zmq_msg_t *frame)
{
    if (gateway->stores_open >= ZMQ_STORES_MAX)
        return ERR_BUSY;
    INTERNAL(Store) body = ROOST__INTERNAL__STORE__INIT;
    body.session = session->id;
    body.peer_id = session->peer_id;
    body.is_unverified = !session->is_verified;
    body.first_no = first_no;
    body.count = count;
    body.body_bytes = bytes;
    enum err err = actor_ask(actor, ACTOR_PERSISTENCE, MSG_STORE, &body.base, frame,
                             ZMQ_STORE_DEADLINE_MS, session->id);
    if (!err)
        gateway->stores_open++;
    return err;
}

static enum err put_in_queue(struct actor *actor, struct zmq_gateway *gateway,
                             struct zmq_session *session, const struct wire_send_facts *facts,
                             zmq_msg_t *frame)
{
    if (gateway->queue_count >= ZMQ_STORE_QUEUE_MAX)
        return ERR_BUSY;
    struct zmq_queued *queued = malloc(sizeof(*queued));
    if (!queued)
        return ERR_BUSY;
    *queued = (struct zmq_queued){.session = session->id,
                                  .first_no = facts->first_no,
                                  .bytes = facts->body_bytes,
                                  .count = facts->entries,
                                  .epoch = session->book.epoch};
    CHECK(zmq_msg_init(&queued->frame) == 0);
    CHECK(zmq_msg_move(&queued->frame, frame) == 0);
    if (gateway->queue_tail)
        gateway->queue_tail->next = queued;
    else
        gateway->queue_head = queued;
    gateway->queue_tail = queued;
    gateway->queue_count++;
    session->stores_queued++;
    zmq_retry_soon(actor);
    return ERR_OK;
}

/* The book has taken it. */
static void pass_on(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                    const struct wire_send_facts *facts, zmq_msg_t *frame)
{
    enum err err = ERR_OK;
    if (gateway->bytes_open > 0 &&
        gateway->bytes_open + facts->body_bytes > gateway->options->publish_bytes_total)
        err = ERR_BUSY;
    bool must_wait = gateway->queue_head != NULL; /* order within the session is kept */
    if (!err && !must_wait)
        must_wait = ask_store(actor, gateway, session, facts->first_no, facts->entries,
                              facts->body_bytes, frame) != ERR_OK;
    if (!err && must_wait)
        err = put_in_queue(actor, gateway, session, facts, frame);
    if (!err) {
        gateway->bytes_open += facts->body_bytes;
        return;
    }
    zmq_book_give_back(&session->book, facts->entries, facts->body_bytes, err_code(err),
                       ZMQ_BUSY_RETRY_MS);
    (void)need_draft(actor, gateway, session);
}

/* It sent more than it may, and goes on before its time: refused here, so that it costs nobody anything. */
static bool is_paused(struct actor *actor, struct zmq_session *session)
{
    int64_t left_ms = -mono_elapsed_ms(session->paused_until, actor_mono(actor));
    if (left_ms <= 0) {
        session->paused_until.ns = 0;
        return false;
    }
    if (session->book.frames_open == 0)
        zmq_book_refuse(&session->book, err_code(ERR_RATE_LIMITED), (uint32_t)left_ms);
    return true;
}

void zmq_on_send(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                 zmq_msg_t *frame)
{
    struct wire_send_facts facts;
    enum err err =
        wire_scan_send(&gateway->reader, zmq_msg_data(frame), zmq_msg_size(frame), &facts);
    if (err) {
        struct zmq_refusal refusal = {
            .err = err, .text = gateway->reader.problem, .type = ROOST__V1__TYPE__SEND};
        zmq_refuse(actor, gateway, session, session->routing, session->routing_size, &refusal);
        return;
    }
    if (actor_is_stopping(actor)) {
        if (!session->book.is_rewound)
            zmq_book_refuse(&session->book, err_code(ERR_STOPPING), STOPPING_RETRY_MS);
        (void)need_draft(actor, gateway, session);
        return;
    }
    if (session->paused_until.ns != 0 && is_paused(actor, session)) {
        (void)need_draft(actor, gateway, session);
        return;
    }
    switch (zmq_book_offer(&session->book, &gateway->book_limits, facts.first_no, facts.entries,
                           facts.body_bytes)) {
    case ZMQ_BOOK_TAKE:
        pass_on(actor, gateway, session, &facts, frame);
        break;
    case ZMQ_BOOK_REPEAT:
        need_draft(actor, gateway, session)->is_due = true;
        break;
    case ZMQ_BOOK_REFUSE:
        metrics_add(actor_metrics(actor), METRIC_PROTOCOL_ERRORS, 1);
        (void)need_draft(actor, gateway, session);
        break;
    case ZMQ_BOOK_IGNORE:
        metrics_add(actor_metrics(actor), METRIC_PROTOCOL_ERRORS, 1);
        break;
    }
}

/* --- The queue */

static void close_queued(struct zmq_gateway *gateway, struct zmq_session *session)
{
    struct zmq_queued *queued = gateway->queue_head;
    gateway->queue_head = queued->next;
    if (!gateway->queue_head)
        gateway->queue_tail = NULL;
    gateway->queue_count--;
    if (session)
        session->stores_queued--;
    (void)zmq_msg_close(&queued->frame);
    free(queued);
}

void zmq_drain_queue(struct actor *actor, struct zmq_gateway *gateway)
{
    while (gateway->queue_head) {
        struct zmq_queued *queued = gateway->queue_head;
        struct zmq_session *session = zmq_session_of_id(&gateway->sessions, queued->session);
        if (session && session->book.epoch != queued->epoch) {
            if (session->book.frames_open > 0) {
                zmq_book_void(&session->book, queued->bytes);
                gateway->bytes_open -= queued->bytes;
            }
            (void)need_draft(actor, gateway, session); /* its retry may be due now */
        } else if (session && ask_store(actor, gateway, session, queued->first_no, queued->count,
                                        queued->bytes, &queued->frame) != ERR_OK) {
            zmq_retry_soon(actor);
            return;
        }
        close_queued(gateway, session);
    }
}

void zmq_queue_fini(struct zmq_gateway *gateway)
{
    while (gateway->queue_head)
        close_queued(gateway, NULL);
}

/* --- STORE_DONE */

/* A duplicate is stored, so it is no refusal. */
static void count_refusals(struct metrics *metrics, const INTERNAL(StoreDone) * body)
{
    metrics_count_code(metrics, body->retry_code);
    for (size_t i = 0; i < body->n_exceptions; i++) {
        if (body->exceptions[i]->code != err_code(ERR_DUPLICATE))
            metrics_count_code(metrics, body->exceptions[i]->code);
    }
}

enum err zmq_on_store_done(struct actor *actor, void *state, const struct msg *msg)
{
    struct zmq_gateway *gateway = state;
    const INTERNAL(StoreDone) *body = MSG_BODY(msg, INTERNAL(StoreDone));
    uint64_t id;
    if (!actor_context(actor, msg, &id))
        return ERR_OK;
    gateway->stores_open--;
    struct zmq_session *session = zmq_session_of_id(&gateway->sessions, id);
    if (!session || session->book.frames_open == 0)
        return ERR_OK; /* given up */
    make_room_for(actor, gateway, session, body);
    bool counts = zmq_book_answer(&session->book, body->body_bytes, body->upto_no, body->retry_code,
                                  body->retry_after_ms);
    CHECK(gateway->bytes_open >= body->body_bytes);
    gateway->bytes_open -= body->body_bytes;
    struct zmq_stored_draft *draft = need_draft(actor, gateway, session);
    if (!counts)
        return ERR_OK;
    if (body->retry_code == err_code(ERR_RATE_LIMITED))
        session->paused_until = mono_add_ms(actor_mono(actor), body->retry_after_ms);
    count_refusals(actor_metrics(actor), body);
    if (draft_answer(gateway, draft, body))
        return ERR_OK;
    /* No memory for details: a new session finds everything again by message id. */
    draft->is_cut = true;
    log_error("stored-too-large", LOG_U64("session", session->id));
    if (session->state != ZMQ_SESSION_CLOSING)
        zmq_end_session(actor, gateway, session, err_code(ERR_INTERNAL));
    return ERR_OK;
}

/* Whether it is stored is unknown. The session ends; in a new one the client sends again what was
 * not answered, and what was stored is recognised by its message id. */
void zmq_store_timeout(struct actor *actor, struct zmq_gateway *gateway, uint64_t id)
{
    gateway->stores_open--;
    struct zmq_session *session = zmq_session_of_id(&gateway->sessions, id);
    if (!session)
        return;
    gateway->bytes_open -= session->book.bytes_open;
    session->book.bytes_open = 0;
    session->book.frames_open = 0;
    session->book.epoch++;
    if (session->state != ZMQ_SESSION_CLOSING) {
        Roost__V1__Goodbye goodbye = ROOST__V1__GOODBYE__INIT;
        goodbye.reason = err_code(ERR_TIMEOUT);
        zmq_say(actor, gateway, session, ROOST__V1__TYPE__GOODBYE, &goodbye.base);
    }
    if (session->state != ZMQ_SESSION_CLOSING)
        zmq_end_session(actor, gateway, session, err_code(ERR_TIMEOUT));
}
