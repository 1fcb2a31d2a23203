/* SPDX-License-Identifier: MPL-2.0
 *
 * QUERY DELIVERIES: which messages of a consumer are where in their life.
 *
 *   pending, leased, retry, scheduled   memory knows them: named by seq
 *   the others                          are in the store
 *
 * Either way history has the messages: DELIVERIES_FILL, and it answers the gateway.
 */
#include <string.h>

#include "proto/name.h"
#include "rt/log.h"
#include "sync_manager_call.h"

#define LIST_ROWS_MAX WIRE_PAGE_MAX

struct listing {
    struct delivery_listed rows[LIST_ROWS_MAX];
    uint64_t seqs[LIST_ROWS_MAX], due_ms[LIST_ROWS_MAX];
    uint32_t attempts[LIST_ROWS_MAX];
    size_t count;
    bool has_more;
    INTERNAL(ConsumerRow) row;
};

/* False: not one that memory knows. */
static bool read_standing(ProtobufCBinaryData word, enum delivery_standing *ret)
{
    static const char *const words[] = {
        [DELIVERY_IS_PENDING] = "pending",
        [DELIVERY_IS_LEASED] = "leased",
        [DELIVERY_IS_RETRY] = "retry",
        [DELIVERY_IS_SCHEDULED] = "scheduled",
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (word.len == strlen(words[i]) && memcmp(word.data, words[i], word.len) == 0) {
            *ret = (enum delivery_standing)i;
            return true;
        }
    }
    return false;
}

static void list_rows(struct sync_manager *sync, const Roost__V1__Query *query,
                      const struct consumer *consumer, struct listing *ret)
{
    struct delivery_clock clock = sync_clock(sync);
    enum delivery_standing standing;
    size_t max = query->limit > 0 && query->limit < LIST_ROWS_MAX ? query->limit : LIST_ROWS_MAX;
    if (!read_standing(query->text, &standing))
        return;
    ret->count =
        delivery_list(consumer, standing, query->after_seq, &clock, ret->rows, max, &ret->has_more);
    for (size_t i = 0; i < ret->count; i++) {
        ret->seqs[i] = ret->rows[i].seq;
        ret->attempts[i] = ret->rows[i].attempts;
        ret->due_ms[i] = (uint64_t)ret->rows[i].due_ms;
    }
}

static enum err list(struct sync_manager *sync, const INTERNAL(Query) * body,
                     const Roost__V1__Query *query, struct listing *ret)
{
    struct access_who who = {
        .peer_id = body->peer_id,
        .name = {body->peer_name.data, body->peer_name.len},
        .is_admin = body->is_admin,
        .role = body->role,
        .is_verified = body->is_verified,
    };
    struct consumer *consumer;
    struct scope_name scope;
    if (delivery_is_starting(sync->delivery))
        return ERR_BUSY;
    enum err err = scope_parse(query->scope.data, query->scope.len, &scope, NULL);
    if (err)
        return err;
    ProtobufCBinaryData name = {scope.name_size, (uint8_t *)(uintptr_t)scope.name};
    ProtobufCBinaryData asked = query->consumer;
    if (asked.len == 0)
        asked = (ProtobufCBinaryData){4, (uint8_t *)(uintptr_t) "main"}; /* only read */
    err = sync_find_consumer(sync, &who, (uint32_t)scope.prefix, name, asked, &consumer);
    if (!err)
        err = sync_may_manage(sync, &who, consumer);
    if (err)
        return err;
    struct delivery_clock clock = sync_clock(sync);
    struct delivery_view view = delivery_view(sync->delivery, consumer, &clock);
    roost__internal__consumer_row__init(&ret->row);
    ret->row.consumer_id = view.consumer_id;
    ret->row.scope_id = view.scope_id;
    ret->row.scope_kind = (uint32_t)view.kind;
    ret->row.scope_owner_id = view.owner_id;
    ret->row.consumer = (ProtobufCBinaryData){view.name.size, (uint8_t *)(uintptr_t)view.name.data};
    ret->row.floor_seq = view.floor_seq;
    list_rows(sync, query, consumer, ret);
    return ERR_OK;
}

void sync_query_deliveries(struct sync_manager *sync, const struct msg *msg,
                           const Roost__V1__Query *query)
{
    const INTERNAL(Query) *body = MSG_BODY(msg, INTERNAL(Query));
    INTERNAL(DeliveriesFill) fill = ROOST__INTERNAL__DELIVERIES_FILL__INIT;
    INTERNAL(Query) who = *body;
    struct listing *found = arena_alloc(&sync->arena, sizeof(*found));
    enum err err = found == NULL ? ERR_BUSY : list(sync, body, query, found);
    fill.gateway = msg->from;
    fill.correlation = msg->correlation;
    fill.session = body->session;
    fill.request_id = query->request_id;
    fill.code = err_code(err);
    fill.query = &who;
    fill.state = query->text;
    fill.after_seq = query->after_seq;
    fill.limit = query->limit;
    if (!err) {
        fill.row = &found->row;
        fill.seqs = found->seqs;
        fill.attempts = found->attempts;
        fill.due_ms = found->due_ms;
        fill.n_seqs = fill.n_attempts = fill.n_due_ms = found->count;
        fill.has_more = found->has_more;
    }
    if (actor_send(sync->actor, ACTOR_HISTORY, MSG_DELIVERIES_FILL, &fill.base, NULL) != ERR_OK)
        sync_answer_fin(sync, msg, query->request_id, err ? err : ERR_BUSY);
}
