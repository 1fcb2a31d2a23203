/* SPDX-License-Identifier: MPL-2.0
 *
 * QUERY: what people ask the sync-manager to show.
 *
 *   INSPECT      what memory knows of consumers --INSPECT_FILL--> history, which adds what the store
 *                knows and answers
 *   DELIVERIES   passed on to sync_manager_list.c
 *
 * What the caller may not manage is left out, or refused when it was named.
 */
#include <string.h>

#include "proto/wire.h"
#include "rt/log.h"
#include "sync_manager_call.h"

#define INSPECT_ROWS_MAX WIRE_PAGE_MAX

struct inspect {
    INTERNAL(InspectRow) rows[INSPECT_ROWS_MAX];
    INTERNAL(InspectRow) * pointers[INSPECT_ROWS_MAX];
    INTERNAL(ConsumerRow) consumers[INSPECT_ROWS_MAX];
    size_t count;
    struct delivery_view views[INSPECT_ROWS_MAX]; /* without a scope: the first by what waits */
    size_t kept;
};

static ProtobufCBinaryData text_of(struct delivery_bytes bytes)
{
    return bytes_of(bytes.data, bytes.size);
}

static void add_row(struct inspect *inspect, const struct delivery_view *view)
{
    INTERNAL(InspectRow) *row = &inspect->rows[inspect->count];
    INTERNAL(ConsumerRow) *consumer = &inspect->consumers[inspect->count];
    roost__internal__inspect_row__init(row);
    roost__internal__consumer_row__init(consumer);
    consumer->consumer_id = view->consumer_id;
    consumer->scope_id = view->scope_id;
    consumer->scope_kind = (uint32_t)view->kind;
    consumer->scope_name = text_of(view->scope_name);
    consumer->scope_owner_id = view->owner_id;
    consumer->consumer = text_of(view->name);
    consumer->floor_seq = view->floor_seq;
    row->row = consumer;
    row->waiting = view->waiting;
    row->leased = view->leased;
    row->retry = view->retry;
    row->scheduled = view->scheduled;
    row->next_due_ms = view->next_due_ms;
    row->attached_peer = text_of(view->attached_peer);
    row->last_seq = view->last_seq;
    inspect->pointers[inspect->count++] = row;
}

static bool is_in_scope(const struct delivery_view *view, const struct scope_name *scope)
{
    struct name_folded wanted;
    return (int)view->kind == (int)scope->prefix &&
           name_fold(scope->name, scope->name_size, &wanted) == ERR_OK &&
           name_is(&wanted, view->scope_name.data, view->scope_name.size);
}

/* Keeps those with most waiting, most first; as many as an answer has. */
static void keep_view(struct inspect *inspect, const struct delivery_view *view)
{
    size_t at = inspect->kept;
    if (at == INSPECT_ROWS_MAX && view->waiting <= inspect->views[at - 1].waiting)
        return;
    if (at == INSPECT_ROWS_MAX)
        at--;
    else
        inspect->kept++;
    for (; at > 0 && inspect->views[at - 1].waiting < view->waiting; at--)
        inspect->views[at] = inspect->views[at - 1];
    inspect->views[at] = *view;
}

/* All consumers there are, those with most waiting first. What may not be seen is left out. */
static void inspect_all(struct sync_manager *sync, const struct access_who *who,
                        struct inspect *inspect)
{
    struct delivery_clock clock = sync_clock(sync);
    struct consumer *consumer = NULL;
    while ((consumer = delivery_consumer_next(sync->delivery, consumer, 0)) != NULL) {
        struct delivery_view view = delivery_view(sync->delivery, consumer, &clock);
        if (sync_may_manage(sync, who, consumer) == ERR_OK)
            keep_view(inspect, &view);
    }
    for (size_t i = 0; i < inspect->kept; i++)
        add_row(inspect, &inspect->views[i]);
}

/* All consumers of a scope. What may not be seen is left out. */
static enum err inspect_many(struct sync_manager *sync, const struct access_who *who,
                             const struct scope_name *scope, struct inspect *inspect)
{
    struct delivery_clock clock = sync_clock(sync);
    enum err err = ERR_NO_SUCH_SCOPE;
    int64_t scope_id = 0;
    struct consumer *consumer = NULL;
    while ((consumer = delivery_consumer_next(sync->delivery, consumer, scope_id)) != NULL &&
           inspect->count < INSPECT_ROWS_MAX) {
        struct delivery_view view = delivery_view(sync->delivery, consumer, &clock);
        if (!is_in_scope(&view, scope))
            continue;
        enum err may_see = sync_may_manage(sync, who, consumer);
        err = err == ERR_OK ? ERR_OK : may_see;
        if (!may_see)
            add_row(inspect, &view);
    }
    return err;
}

static enum err inspect_one(struct sync_manager *sync, const struct access_who *who,
                            const struct scope_name *scope, ProtobufCBinaryData consumer_name,
                            struct inspect *inspect)
{
    struct consumer *consumer;
    ProtobufCBinaryData name = {scope->name_size, (uint8_t *)(uintptr_t)scope->name};
    enum err err =
        sync_find_consumer(sync, who, (uint32_t)scope->prefix, name, consumer_name, &consumer);
    if (!err)
        err = sync_may_manage(sync, who, consumer);
    if (err)
        return err;
    struct delivery_clock clock = sync_clock(sync);
    struct delivery_view view = delivery_view(sync->delivery, consumer, &clock);
    add_row(inspect, &view);
    return ERR_OK;
}

static enum err read_query(struct sync_manager *sync, const struct msg *msg,
                           const Roost__V1__Query **ret)
{
    struct wire_reader reader = {
        .direction = WIRE_TO_BROKER,
        .limits = &wire_limits_default,
        .arena = &sync->arena,
    };
    struct wire_message message;
    if (msg->payload == NULL)
        return ERR_MISSING_FIELD;
    enum err err =
        wire_parse(&reader, zmq_msg_data(msg->payload), zmq_msg_size(msg->payload), &message);
    if (err)
        return err;
    if (message.type != ROOST__V1__TYPE__QUERY ||
        (message.query->kind != ROOST__V1__QUERY_KIND__INSPECT &&
         message.query->kind != ROOST__V1__QUERY_KIND__DELIVERIES))
        return ERR_UNKNOWN_CALL;
    *ret = message.query;
    return ERR_OK;
}

static enum err inspect(struct sync_manager *sync, const INTERNAL(Query) * body,
                        const Roost__V1__Query *query, struct inspect *ret)
{
    struct access_who who = {
        .peer_id = body->peer_id,
        .name = {body->peer_name.data, body->peer_name.len},
        .is_admin = body->is_admin,
        .role = body->role,
        .is_verified = body->is_verified,
    };
    if (delivery_is_starting(sync->delivery))
        return ERR_BUSY;
    if (query->scope.len == 0) {
        inspect_all(sync, &who, ret);
        return ERR_OK;
    }
    struct scope_name scope;
    enum err err = scope_parse_pattern(query->scope.data, query->scope.len, &scope, NULL);
    if (err)
        return err;
    if (query->consumer.len == 0)
        return inspect_many(sync, &who, &scope, ret);
    return inspect_one(sync, &who, &scope, query->consumer, ret);
}

void sync_answer_fin(struct sync_manager *sync, const struct msg *msg, uint64_t request_id,
                     enum err err)
{
    Roost__V1__Fin fin = ROOST__V1__FIN__INIT;
    INTERNAL(QueryDone) done = ROOST__INTERNAL__QUERY_DONE__INIT;
    zmq_msg_t frame;
    fin.request_id = request_id;
    fin.code = err_code(err);
    fin.text = (char *)(uintptr_t)err_sentence(err); /* only read */
    done.session = MSG_BODY(msg, INTERNAL(Query))->session;
    done.request_id = request_id;
    CHECK(wire_pack(ROOST__V1__TYPE__FIN, &fin.base, &frame) == ERR_OK);
    actor_reply(sync->actor, msg, MSG_QUERY_DONE, &done.base, &frame);
    (void)zmq_msg_close(&frame); /* moved out */
}

enum err sync_on_query(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(Query) *body = MSG_BODY(msg, INTERNAL(Query));
    const Roost__V1__Query *query = NULL;
    INTERNAL(InspectFill) fill = ROOST__INTERNAL__INSPECT_FILL__INIT;
    struct inspect *found = arena_alloc(&sync->arena, sizeof(*found));
    enum err err = found == NULL ? ERR_BUSY : read_query(sync, msg, &query);
    if (!err && query->kind == ROOST__V1__QUERY_KIND__DELIVERIES) {
        sync_query_deliveries(sync, msg, query);
        arena_reset(&sync->arena);
        return ERR_OK;
    }
    if (!err)
        err = inspect(sync, body, query, found);
    fill.gateway = msg->from;
    fill.correlation = msg->correlation;
    fill.session = body->session;
    fill.request_id = query != NULL ? query->request_id : 0;
    fill.code = err_code(err);
    if (!err) {
        fill.rows = found->pointers;
        fill.n_rows = found->count;
    } else if (err == ERR_NO_SUCH_SCOPE && body->is_admin && query->consumer.len == 0) {
        fill.scope = query->scope; /* it may be there all the same, without a consumer */
    }
    if (actor_send(actor, ACTOR_HISTORY, MSG_INSPECT_FILL, &fill.base, NULL) != ERR_OK)
        sync_answer_fin(sync, msg, fill.request_id, err ? err : ERR_BUSY);
    arena_reset(&sync->arena);
    return ERR_OK;
}
