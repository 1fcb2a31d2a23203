/* SPDX-License-Identifier: MPL-2.0
 *
 * CALL: what people ask the sync-manager to do.
 *
 *   CANCEL                ids --RESOLVE--> places --delivery_cancel--> answered after the commit
 *   DEAD_REDRIVE, _PURGE  [ids --RESOLVE-->] seqs --DEAD_CHANGE--> again while there is more
 *   CONSUMER_REMOVE       stop it --CONSUMER_REMOVE--> forget it, or let it go on
 *
 * A call in the making has a slot; its number is the context of the questions it asks.
 */
#include <string.h>

#include "proto/wire.h"
#include "rt/log.h"
#include "sync_manager_call.h"

/* --- Answers */

void sync_answer_call(struct sync_manager *sync, const struct delivery_question *question,
                      enum err err, uint64_t count)
{
    INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
    done.session = question->session;
    done.request_id = question->request_id;
    done.code = err_code(err);
    if (err)
        done.text = (char *)(uintptr_t)err_sentence(err); /* only read */
    done.count = count;
    actor_reply_to(sync->actor, (uint8_t)question->gateway, question->correlation, MSG_CALL_DONE,
                   &done.base, NULL);
}

static struct delivery_question question_of(const struct sync_call *call)
{
    return (struct delivery_question){
        .session = call->session,
        .request_id = call->request_id,
        .correlation = call->asker.correlation,
        .gateway = call->asker.from,
    };
}

static void finish(struct sync_manager *sync, struct sync_call *call, enum err err)
{
    struct delivery_question question = question_of(call);
    call->step = CALL_FREE;
    sync_answer_call(sync, &question, err, call->count);
}

/* The slot an answer belongs to; NULL: the answer came too late. */
static struct sync_call *take_call(struct sync_manager *sync, const struct msg *msg,
                                   enum call_step step)
{
    uint64_t context;
    if (!actor_context(sync->actor, msg, &context))
        return NULL;
    CHECK(context < SYNC_CALLS_MAX && sync->calls[context].step == step);
    return &sync->calls[context];
}

static uint64_t context_of(const struct sync_manager *sync, const struct sync_call *call)
{
    return (uint64_t)(call - sync->calls);
}

/* --- Who and what */

static struct access_who who_of(const INTERNAL(Call) * body)
{
    return (struct access_who){
        .peer_id = body->peer_id,
        .name = {body->peer_name.data, body->peer_name.len},
        .is_admin = body->is_admin,
        .role = body->caller_role,
        .is_verified = body->is_verified,
    };
}

/* The consumer by the name its peer gives it, or for an administrator by the name in the store. */
enum err sync_find_consumer(struct sync_manager *sync, const struct access_who *who,
                            uint32_t scope_kind, ProtobufCBinaryData scope_name,
                            ProtobufCBinaryData consumer_name, struct consumer **ret)
{
    struct sync_key key;
    char name[WIRE_NAME_BYTES_MAX + 1];
    size_t size;
    if (scope_kind == 0)
        return ERR_MISSING_FIELD;
    struct access_text given = {consumer_name.data, consumer_name.len};
    enum err err = access_consumer_name(who, (enum scope_prefix)scope_kind, given, name, &size);
    *ret = NULL;
    if (!err) {
        err = sync_make_key(&key, scope_kind, scope_name, name, size);
        if (err)
            return err;
        *ret = delivery_consumer_find(sync->delivery, sync_key_bytes(&key));
    }
    if (*ret == NULL && who->is_admin && given.size > 0) {
        err = sync_make_key(&key, scope_kind, scope_name, given.data, given.size);
        if (err)
            return err;
        *ret = delivery_consumer_find(sync->delivery, sync_key_bytes(&key));
    }
    return *ret != NULL ? ERR_OK : ERR_NO_SUCH_CONSUMER;
}

enum err sync_may_manage(struct sync_manager *sync, const struct access_who *who,
                         const struct consumer *consumer)
{
    struct delivery_clock clock = sync_clock(sync);
    struct delivery_view view = delivery_view(sync->delivery, consumer, &clock);
    struct access_text scope = {view.scope_name.data, view.scope_name.size};
    struct access_text name = {view.name.data, view.name.size};
    enum scope_prefix kind = (enum scope_prefix)view.kind;
    if (!who->is_admin && !access_is_own_consumer(who, kind, name))
        return ERR_NOT_ALLOWED;
    if (kind == PREFIX_PEER)
        return access_check(who, ACCESS_MANAGE, kind, scope, view.owner_id);
    struct acl_scope asked = {kind, {scope.data, scope.size}};
    struct delivery_bytes peer = {who->name.data, who->name.size};
    struct delivery_rights rights = {.role = who->role, .is_verified = who->is_verified};
    return sync_check_acl(sync, peer, &rights, ACL_ADMINISTRATE, &asked);
}

/* --- DEAD_CHANGE */

static enum err ask_change(struct sync_manager *sync, struct sync_call *call, uint64_t *seqs,
                           size_t count)
{
    INTERNAL(DeadChange) change = ROOST__INTERNAL__DEAD_CHANGE__INIT;
    change.consumer_id = call->consumer_id;
    change.scope_id = call->scope_id;
    change.seqs = seqs;
    change.n_seqs = count;
    change.all = count == 0;
    change.purge = call->is_purge;
    change.now_ms = sync_clock(sync).wall_ms;
    call->step = CALL_CHANGING;
    return actor_ask(sync->actor, ACTOR_PERSISTENCE, MSG_DEAD_CHANGE, &change.base, NULL,
                     SYNC_WRITE_DEADLINE_MS, context_of(sync, call));
}

enum err sync_on_dead_changed(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(DeadChanged) *changed = MSG_BODY(msg, INTERNAL(DeadChanged));
    (void)actor;
    struct sync_call *call = take_call(sync, msg, CALL_CHANGING);
    if (call == NULL)
        return ERR_OK;
    struct delivery_clock clock = sync_clock(sync);
    struct consumer *consumer = delivery_consumer_by_id(sync->delivery, call->consumer_id);
    for (size_t i = 0; consumer != NULL && i < changed->n_runs; i++) {
        struct delivery_run run = sync_run(changed->runs[i], NULL);
        delivery_redriven(sync->delivery, consumer, &run, &clock);
    }
    call->count += changed->count;
    enum err err = changed->code ? err_from_code(changed->code) : ERR_OK;
    bool goes_on = !err && changed->has_more && changed->count > 0;
    if (goes_on)
        err = ask_change(sync, call, NULL, 0);
    if (err || !goes_on)
        finish(sync, call, err);
    return ERR_OK;
}

/* --- RESOLVE */

static enum err ask_places(struct sync_manager *sync, struct sync_call *call,
                           ProtobufCBinaryData ids, int64_t sender_id)
{
    INTERNAL(Resolve) resolve = ROOST__INTERNAL__RESOLVE__INIT;
    ProtobufCBinaryData list[WIRE_IDS_MAX];
    size_t count = ids.len / WIRE_ID_BYTES;
    if (count == 0 || count > WIRE_IDS_MAX || ids.len % WIRE_ID_BYTES != 0)
        return ERR_BAD_FIELD;
    for (size_t i = 0; i < count; i++)
        list[i] = (ProtobufCBinaryData){WIRE_ID_BYTES, ids.data + i * WIRE_ID_BYTES};
    resolve.message_ids = list;
    resolve.n_message_ids = count;
    resolve.sender_id = sender_id;
    call->step = CALL_RESOLVING;
    return actor_ask(sync->actor, ACTOR_HISTORY, MSG_RESOLVE, &resolve.base, NULL,
                     SYNC_ASK_DEADLINE_MS, context_of(sync, call));
}

/* Cancels what can be; the answer waits for the commit. */
static void cancel_places(struct sync_manager *sync, struct sync_call *call,
                          const INTERNAL(Resolved) * resolved)
{
    struct delivery_clock clock = sync_clock(sync);
    struct delivery_question question = question_of(call);
    struct ticket *ticket = delivery_call_begin(sync->delivery, &question);
    enum err first_err = resolved->n_places == 0 ? ERR_NO_SUCH_MESSAGE : ERR_OK;
    uint64_t count = 0;
    for (size_t i = 0; i < resolved->n_places; i++) {
        const INTERNAL(Place) *found = resolved->places[i];
        struct delivery_place place = {
            .scope_id = found->scope_id,
            .seq = found->seq,
            .topic = {found->topic.data, found->topic.len},
        };
        enum err err = delivery_cancel(sync->delivery, ticket, &place, &clock);
        if (err && !first_err)
            first_err = err;
        count += err == ERR_OK;
    }
    call->step = CALL_FREE;
    delivery_call_end(sync->delivery, ticket, count > 0 ? ERR_OK : first_err, count);
}

static void change_places(struct sync_manager *sync, struct sync_call *call,
                          const INTERNAL(Resolved) * resolved)
{
    uint64_t seqs[WIRE_IDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < resolved->n_places && count < WIRE_IDS_MAX; i++) {
        if (call->scope_id == 0 || resolved->places[i]->scope_id == call->scope_id)
            seqs[count++] = resolved->places[i]->seq;
    }
    enum err err = count == 0 ? ERR_NO_SUCH_MESSAGE : ask_change(sync, call, seqs, count);
    if (err)
        finish(sync, call, err);
}

enum err sync_on_resolved(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(Resolved) *resolved = MSG_BODY(msg, INTERNAL(Resolved));
    (void)actor;
    struct sync_call *call = take_call(sync, msg, CALL_RESOLVING);
    if (call == NULL)
        return ERR_OK;
    if (resolved->code != 0)
        finish(sync, call, err_from_code(resolved->code));
    else if (call->method == ROOST__V1__METHOD__CANCEL)
        cancel_places(sync, call, resolved);
    else
        change_places(sync, call, resolved);
    return ERR_OK;
}

/* --- CONSUMER_REMOVE */

static enum err ask_remove(struct sync_manager *sync, struct sync_call *call,
                           struct consumer *consumer)
{
    INTERNAL(ConsumerRemove) removal = ROOST__INTERNAL__CONSUMER_REMOVE__INIT;
    removal.consumer_id = call->consumer_id;
    enum err err = actor_ask(sync->actor, ACTOR_PERSISTENCE, MSG_CONSUMER_REMOVE, &removal.base,
                             NULL, SYNC_WRITE_DEADLINE_MS, context_of(sync, call));
    if (err)
        return err;
    struct delivery_clock clock = sync_clock(sync);
    call->step = CALL_REMOVING;
    delivery_consumer_stop(sync->delivery, consumer, &clock);
    return ERR_OK;
}

enum err sync_on_consumer_removed(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(ConsumerRemoved) *removed = MSG_BODY(msg, INTERNAL(ConsumerRemoved));
    (void)actor;
    struct sync_call *call = take_call(sync, msg, CALL_REMOVING);
    if (call == NULL)
        return ERR_OK;
    enum err err = removed->code ? err_from_code(removed->code) : ERR_OK;
    struct consumer *consumer = delivery_consumer_by_id(sync->delivery, call->consumer_id);
    if (consumer == NULL) { /* its member left meanwhile */
        finish(sync, call, err);
        return ERR_OK;
    }
    if (err && err != ERR_NO_SUCH_CONSUMER)
        delivery_consumer_resume(sync->delivery, consumer);
    else
        delivery_consumer_remove(sync->delivery, consumer);
    call->count = err == ERR_OK;
    finish(sync, call, err);
    return ERR_OK;
}

/* --- CALL */

static enum err begin_with_consumer(struct sync_manager *sync, struct sync_call *call,
                                    const INTERNAL(Call) * body)
{
    struct access_who who = who_of(body);
    struct consumer *consumer;
    enum err err = sync_find_consumer(sync, &who, body->scope_kind, body->scope_name,
                                      body->consumer, &consumer);
    if (!err)
        err = sync_may_manage(sync, &who, consumer);
    if (err)
        return err;
    struct delivery_clock clock = sync_clock(sync);
    struct delivery_view view = delivery_view(sync->delivery, consumer, &clock);
    if (view.is_removing || !delivery_consumer_is_ready(consumer))
        return ERR_BUSY;
    call->consumer_id = view.consumer_id;
    call->scope_id = view.is_pattern ? 0 : view.scope_id;
    call->is_purge = body->method == ROOST__V1__METHOD__DEAD_PURGE;
    if (body->method == ROOST__V1__METHOD__CONSUMER_REMOVE)
        return ask_remove(sync, call, consumer);
    uint64_t seq = body->seq;
    if (body->all || seq != 0)
        return ask_change(sync, call, &seq, body->all ? 0 : 1);
    return ask_places(sync, call, body->message_ids, 0);
}

static enum err begin_call(struct sync_manager *sync, struct sync_call *call,
                           const INTERNAL(Call) * body)
{
    if (delivery_is_starting(sync->delivery))
        return ERR_BUSY;
    switch (body->method) {
    case ROOST__V1__METHOD__CANCEL:
        return ask_places(sync, call, body->message_ids, body->peer_id);
    case ROOST__V1__METHOD__DEAD_REDRIVE:
    case ROOST__V1__METHOD__DEAD_PURGE:
    case ROOST__V1__METHOD__CONSUMER_REMOVE:
        return begin_with_consumer(sync, call, body);
    default:
        return ERR_UNKNOWN_CALL;
    }
}

/* In the audit log: who cleans up where. */
static void note_call(struct sync_manager *sync, const INTERNAL(Call) * body)
{
    static const char *const actions[] = {
        [ROOST__V1__METHOD__DEAD_REDRIVE] = "dead-redrive",
        [ROOST__V1__METHOD__DEAD_PURGE] = "dead-purge",
        [ROOST__V1__METHOD__CONSUMER_REMOVE] = "consumer-remove",
    };
    char scope[WIRE_SCOPE_BYTES_MAX + 1];
    const char *action =
        body->method < sizeof(actions) / sizeof(actions[0]) ? actions[body->method] : NULL;
    if (!action || !sync->is_daemon || body->scope_name.len > WIRE_NAME_BYTES_MAX)
        return;
    size_t size = scope_format((enum scope_prefix)body->scope_kind, body->scope_name.data,
                               body->scope_name.len, scope);
    INTERNAL(Audit) audit = ROOST__INTERNAL__AUDIT__INIT;
    audit.actor = body->peer_name;
    audit.action = (ProtobufCBinaryData){strlen(action), (uint8_t *)(uintptr_t)action};
    audit.target = (ProtobufCBinaryData){size, (uint8_t *)scope};
    audit.detail = body->consumer;
    if (actor_send(sync->actor, ACTOR_PERSISTENCE, MSG_AUDIT, &audit.base, NULL) != ERR_OK)
        log_warn("note-lost", LOG_STR("action", action), LOG_STR("target", scope));
}

enum err sync_on_call(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(Call) *body = MSG_BODY(msg, INTERNAL(Call));
    (void)actor;
    size_t slot = 0;
    while (slot < SYNC_CALLS_MAX && sync->calls[slot].step != CALL_FREE)
        slot++;
    struct sync_call refused;
    struct sync_call *call = slot < SYNC_CALLS_MAX ? &sync->calls[slot] : &refused;
    *call = (struct sync_call){
        .asker = {.correlation = msg->correlation, .from = msg->from},
        .session = body->session,
        .request_id = body->request_id,
        .method = body->method,
    };
    enum err err = slot < SYNC_CALLS_MAX ? begin_call(sync, call, body) : ERR_BUSY;
    if (err)
        finish(sync, call, err);
    else
        note_call(sync, body);
    return ERR_OK;
}

void sync_call_no_answer(struct sync_manager *sync, uint8_t kind, uint64_t context)
{
    CHECK(context < SYNC_CALLS_MAX && sync->calls[context].step != CALL_FREE);
    struct sync_call *call = &sync->calls[context];
    struct consumer *consumer = delivery_consumer_by_id(sync->delivery, call->consumer_id);
    if (kind == MSG_CONSUMER_REMOVE && consumer != NULL)
        delivery_consumer_resume(sync->delivery, consumer);
    finish(sync, call, ERR_TIMEOUT);
}
