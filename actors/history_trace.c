/* SPDX-License-Identifier: MPL-2.0
 *
 * TRACE: everything known of one message. DEAD_LETTERS: what died, with its reason.
 */
#include <stdio.h>
#include <string.h>

#include "history_state.h"
#include "rt/check.h"

#define CONSUMERS_STEP 1000

/* --- TRACE: stored, then one step per consumer of its scope, then what the sender was told. */

struct trace {
    struct query *query;
    const struct message_row *row;
    ProtobufCBinaryData scope, own_scope; /* of the step in the making, of the message */
    bool is_told;                         /* an exception said what is with this consumer */
    int64_t consumer_id, last_consumer_id;
    ProtobufCBinaryData consumer;
    uint32_t seen;
};

static Roost__V1__TraceStep *new_step(struct trace *trace, const char *event)
{
    Roost__V1__TraceStep *step = history_alloc(trace->query->page.h, sizeof(*step));
    if (!step)
        return NULL;
    roost__v1__trace_step__init(step);
    step->event = bytes_of(event, strlen(event));
    step->scope = trace->scope;
    step->consumer = trace->consumer;
    return step;
}

static enum err add_step(struct trace *trace, Roost__V1__TraceStep *step)
{
    return step ? page_add(&trace->query->page, PAGE_STEPS, &step->base) : ERR_BUSY;
}

static const char *state_name(enum exception_state state)
{
    switch (state) {
    case EXCEPTION_SETTLED:
        return "settled";
    case EXCEPTION_RETRY:
        return "retry";
    case EXCEPTION_SCHEDULED:
        return "waiting";
    case EXCEPTION_DEAD:
        return "dead";
    case EXCEPTION_EXPIRED:
        return "expired";
    case EXCEPTION_CANCELLED:
        return "cancelled";
    }
    return "waiting";
}

/* What an exception of this consumer says of it. */
static enum err take_exception(void *context, const struct exception_row *row)
{
    struct trace *trace = context;
    if (row->consumer_id != trace->consumer_id)
        return ERR_OK;
    trace->is_told = true;
    Roost__V1__TraceStep *step = new_step(trace, state_name(row->state));
    size_t size = strlen(row->text) + 64;
    char *detail = step ? history_alloc(trace->query->page.h, size) : NULL;
    if (!detail)
        return ERR_BUSY;
    if (row->attempts)
        (void)snprintf(detail, size, "attempts %u %s", row->attempts, row->text);
    else
        (void)snprintf(detail, size, "%s", row->text);
    step->detail = detail;
    step->reason = row->reason;
    step->time_ms = (uint64_t)row->at_ms;
    return add_step(trace, step);
}

/* Is this scope a pattern that the message's topic matches? */
static bool reads_by_pattern(const struct trace *trace, const struct scope_row *scope)
{
    struct name_folded pattern;
    const struct history_topic *topic;
    return scope->kind == SCOPE_TOPIC && topic_is_pattern(scope->name, strlen(scope->name)) &&
           name_fold(scope->name, strlen(scope->name), &pattern) == ERR_OK &&
           history_match(trace->query->page.h, trace->row->scope_id, &pattern, &topic) == ERR_OK &&
           topic != NULL;
}

static enum err take_consumer(void *context, const struct consumer_load_row *row)
{
    struct trace *trace = context;
    struct history *h = trace->query->page.h;
    trace->seen++;
    trace->last_consumer_id = row->consumer.id;
    bool is_of_scope = row->scope.id == trace->row->scope_id;
    if (!is_of_scope && !reads_by_pattern(trace, &row->scope))
        return ERR_OK;
    trace->consumer_id = row->consumer.id;
    trace->is_told = false;
    if (!history_copy(h, row->consumer.name, strlen(row->consumer.name), &trace->consumer))
        return ERR_BUSY;
    if (!is_of_scope)
        trace->scope = history_scope_text(h, row->scope.id);
    enum err err =
        exception_of_message(h->store, row->scope.id, trace->row->seq, take_exception, trace);
    bool is_settled = trace->row->seq <= row->consumer.floor_seq;
    if (!err && !trace->is_told)
        err = add_step(trace, new_step(trace, is_settled ? "settled" : "waiting"));
    trace->scope = trace->own_scope;
    return err;
}

static enum err take_traced(void *context, const struct message_row *row)
{
    struct query *query = context;
    struct history *h = query->page.h;
    struct trace trace = {.query = query, .row = row};
    if (!query_may_read(query, row))
        return ERR_OK;
    trace.scope = trace.own_scope = history_scope_text(h, row->scope_id);
    Roost__V1__TraceStep *stored = new_step(&trace, "stored");
    char *detail = stored ? history_alloc(h, 64) : NULL;
    if (!detail)
        return ERR_BUSY;
    (void)snprintf(detail, 64, "seq %llu", (unsigned long long)row->seq);
    stored->detail = detail;
    stored->time_ms = (uint64_t)row->stored_ms;
    enum err err = add_step(&trace, stored);
    do {
        trace.seen = 0;
        if (!err)
            err = consumer_load(h->store, trace.last_consumer_id, CONSUMERS_STEP, take_consumer,
                                &trace);
    } while (!err && trace.seen == CONSUMERS_STEP);
    return err ? err : query_add_receipts(query, row);
}

enum err query_trace(struct query *query)
{
    enum err err =
        message_find_id(query->page.h->store, query->query->message_ids.data, take_traced, query);
    return !err && query->page.rows == 0 ? ERR_NO_SUCH_MESSAGE : err;
}

/* --- DEAD_LETTERS */

struct dead_walk {
    struct query *query;
    ProtobufCBinaryData scope, consumer;
    Roost__V1__DeadLetter *letter; /* in the making */
    int64_t scope_id;              /* of its messages; 0: of any topic */
    int64_t consumer_id;
    uint32_t seen;
    bool is_all; /* of every consumer */
};

static enum err take_body(void *context, const struct message_row *row)
{
    struct dead_walk *walk = context;
    if (row->is_damaged)
        return ERR_OK;
    return query_delivery(walk->query, row, &walk->letter->message);
}

static enum err take_dead(void *context, const struct exception_row *row)
{
    struct dead_walk *walk = context;
    struct query *query = walk->query;
    struct history *h = query->page.h;
    if (walk->seen == query->limit) {
        query->page.fin.has_more = true;
        return ERR_OK;
    }
    size_t text_size = strlen(row->text) + 1;
    Roost__V1__DeadLetter *letter = history_alloc(h, sizeof(*letter));
    char *text = letter ? history_alloc(h, text_size) : NULL;
    if (!text)
        return ERR_BUSY;
    memcpy(text, row->text, text_size);
    roost__v1__dead_letter__init(letter);
    letter->scope = walk->scope;
    letter->consumer = walk->consumer;
    letter->reason = row->reason;
    letter->text = text;
    letter->attempts = row->attempts;
    letter->died_ms = (uint64_t)row->at_ms;
    walk->letter = letter;
    enum err err = message_read(h->store, walk->scope_id, &row->seq, 1, take_body, walk);
    if (!err)
        err = page_add(&query->page, PAGE_DEAD, &letter->base);
    if (err)
        return err;
    walk->seen++;
    query->page.fin.next_seq = walk->is_all ? 0 : row->seq; /* 0: pages go by offset */
    return ERR_OK;
}

/* Without a scope: whose it is differs from row to row. */

static enum err take_owner(void *context, const struct consumer_load_row *row)
{
    struct dead_walk *walk = context;
    struct history *h = walk->query->page.h;
    const char *name = row->consumer.name;
    walk->scope_id = row->scope.kind == SCOPE_TOPIC ? 0 : row->scope.id; /* a pattern, maybe */
    walk->scope = history_scope_text(h, row->scope.id);
    return history_copy(h, name, strlen(name), &walk->consumer) ? ERR_OK : ERR_BUSY;
}

static enum err take_any_dead(void *context, const struct exception_row *row)
{
    struct dead_walk *walk = context;
    if (walk->consumer_id != row->consumer_id) {
        walk->consumer_id = row->consumer_id;
        enum err err =
            consumer_load(walk->query->page.h->store, row->consumer_id - 1, 1, take_owner, walk);
        if (err)
            return err;
    }
    return take_dead(walk, row);
}

static enum err all_dead_letters(struct query *query)
{
    struct dead_walk walk = {.query = query, .is_all = true};
    if (!query->is_admin)
        return ERR_NOT_ALLOWED;
    return exception_dead(query->page.h->store, query->limit + 1, query->query->offset,
                          take_any_dead, &walk);
}

enum err query_dead_letters(struct query *query)
{
    struct history *h = query->page.h;
    struct scope_row scope;
    struct consumer_row consumer;
    bool is_pattern = false;
    if (query->query->scope.len == 0)
        return all_dead_letters(query);
    enum err err = query_consumer_scope(query, &scope, &is_pattern);
    if (err)
        return err;
    ProtobufCBinaryData asked = query->query->consumer;
    char name[WIRE_NAME_BYTES_MAX + 1] = "main";
    if (asked.len) {
        CHECK(asked.len <= WIRE_NAME_BYTES_MAX); /* wire_parse */
        memcpy(name, asked.data, asked.len);
        name[asked.len] = '\0';
    }
    err = consumer_find(h->store, scope.id, name, &consumer);
    if (err)
        return err;
    struct dead_walk walk = {.query = query, .scope_id = is_pattern ? 0 : scope.id};
    walk.scope = history_scope_text(h, scope.id);
    if (!history_copy(h, name, strlen(name), &walk.consumer))
        return ERR_BUSY;
    return exception_list(h->store, consumer.id, EXCEPTION_DEAD, query->query->after_seq,
                          query->limit + 1, take_dead, &walk);
}
