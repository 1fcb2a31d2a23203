/* SPDX-License-Identifier: MPL-2.0
 *
 * ATTACH, from names to a ready consumer.
 *
 *   sync_on_attach --unknown--> TO_OPEN --CONSUMER_OPEN--> OPENING --CONSUMER_OPENED--.
 *        |                         ^ loading at start, too many questions             |
 *        +------------known--------------> LOADING <-----------not ready--------------+
 *        |                                    | load complete                         |
 *        `------------ready-------------------+----------------ready------------------'
 *                                             v
 *                                          ATTACHED
 *
 * The question of the gateway is answered exactly once. When session or handle go away meanwhile
 * the answer is a refusal, and nothing is attached.
 */
#include <string.h>

#include "rt/log.h"
#include "sync_manager_state.h"

/* --- Answers */

static void fill_attached(const struct sync_manager *sync, const struct sync_attach *attach,
                          const struct consumer *consumer, INTERNAL(Attached) * attached)
{
    struct delivery_clock clock = sync_clock(sync);
    struct delivery_view view = delivery_view(sync->delivery, consumer, &clock);
    attached->floor_seq = view.floor_seq;
    attached->waiting = view.waiting;
    attached->scope_id = view.scope_id;
    attached->scope_kind = (uint32_t)view.kind;
    attached->scope_name.data = (uint8_t *)(uintptr_t)view.scope_name.data; /* only read */
    attached->scope_name.len = view.scope_name.size;
    attached->consumer.data = (uint8_t *)(uintptr_t)attach->public_consumer;
    attached->consumer.len = attach->public_consumer_size;
}

/* consumer NULL: refused. */
static void answer(struct sync_manager *sync, struct sync_attach *attach, enum err err,
                   const char *text, const struct consumer *consumer, uint32_t lease_ms,
                   bool took_over)
{
    INTERNAL(Attached) attached = ROOST__INTERNAL__ATTACHED__INIT;
    attached.session = attach->ask.address.session;
    attached.handle = attach->ask.address.handle;
    attached.code = err_code(err);
    if (err)
        attached.text = (char *)(uintptr_t)(text != NULL ? text : err_sentence(err));
    if (consumer != NULL)
        fill_attached(sync, attach, consumer, &attached);
    attached.lease_ms = lease_ms;
    attached.took_over = took_over;
    actor_reply_to(sync->actor, attach->asker.from, attach->asker.correlation, MSG_ATTACHED,
                   &attached.base, NULL);
    attach->step = ATTACH_FREE;
    sync->attach_count--;
}

static void refuse(struct sync_manager *sync, struct sync_attach *attach, enum err err,
                   const char *text)
{
    sync_ephemeral_refused(sync, attach);
    answer(sync, attach, err, text, NULL, 0, false);
}

static void finish(struct sync_manager *sync, struct sync_attach *attach, struct consumer *consumer)
{
    struct delivery_clock clock = sync_clock(sync);
    uint32_t lease_ms = 0;
    bool took_over = false;
    enum err err =
        delivery_attach(sync->delivery, consumer, &attach->ask, &clock, &lease_ms, &took_over);
    if (err)
        refuse(sync, attach, err, NULL);
    else
        answer(sync, attach, ERR_OK, NULL, consumer, lease_ms, took_over);
}

/* --- Steps */

static struct access_who who_of(const struct sync_attach *attach)
{
    return (struct access_who){
        .peer_id = attach->ask.peer_id,
        .name = {attach->peer_name, attach->peer_size},
    };
}

/* Whose mailbox it is, is another question. */
static enum err check_acl(const struct sync_manager *sync, const struct sync_attach *attach)
{
    struct delivery_bytes peer = {attach->peer_name, attach->peer_size};
    struct acl_scope scope = {attach->kind, {attach->scope, attach->scope_size}};
    if (attach->is_internal || attach->kind == PREFIX_PEER)
        return ERR_OK;
    return sync_check_acl(sync, peer, &attach->ask.rights, ACL_READ, &scope);
}

/* The consumer is known here. */
static void use_consumer(struct sync_manager *sync, struct sync_attach *attach,
                         struct consumer *consumer)
{
    struct delivery_clock clock = sync_clock(sync);
    struct delivery_view view = delivery_view(sync->delivery, consumer, &clock);
    struct access_who who = who_of(attach);
    struct access_text scope = {view.scope_name.data, view.scope_name.size};
    enum err err = attach->is_internal
                       ? ERR_OK
                       : access_check(&who, ACCESS_ATTACH, attach->kind, scope, view.owner_id);
    if (attach->dropped || err)
        refuse(sync, attach, attach->dropped ? attach->dropped : err, NULL);
    else if ((err = check_acl(sync, attach)) != ERR_OK) /* it may have changed meanwhile */
        refuse(sync, attach, err, NULL);
    else if (delivery_consumer_is_ready(consumer))
        finish(sync, attach, consumer);
    else
        attach->step = ATTACH_LOADING;
}

static enum err ask_open(struct sync_manager *sync, const struct sync_attach *attach)
{
    INTERNAL(ConsumerOpen) open = ROOST__INTERNAL__CONSUMER_OPEN__INIT;
    open.scope_kind = attach->kind;
    open.scope_name.data = (uint8_t *)(uintptr_t)attach->scope; /* only read */
    open.scope_name.len = attach->scope_size;
    open.consumer.data = (uint8_t *)(uintptr_t)attach->consumer;
    open.consumer.len = attach->consumer_size;
    open.peer_id = attach->ask.peer_id;
    open.start = attach->start;
    open.start_value = attach->start_value;
    open.must_exist = attach->must_exist;
    open.is_ephemeral = attach->is_ephemeral;
    open.is_internal = attach->is_internal;
    return actor_ask(sync->actor, ACTOR_PERSISTENCE, MSG_CONSUMER_OPEN, &open.base, NULL,
                     SYNC_ASK_DEADLINE_MS, (uint64_t)(attach - sync->attaches));
}

/* One more pattern than there may be? */
static bool is_beyond_limit(const struct sync_manager *sync, const struct sync_attach *attach)
{
    struct delivery_bytes name = {attach->scope, attach->scope_size};
    return attach->kind == PREFIX_TOPIC && topic_is_pattern(name.data, name.size) &&
           delivery_pattern_count(sync->delivery) >= SYNC_PATTERNS_MAX &&
           delivery_pattern_scope(sync->delivery, name) == 0;
}

static void go_on(struct sync_manager *sync, struct sync_attach *attach)
{
    if (attach->dropped) {
        refuse(sync, attach, attach->dropped, NULL);
        return;
    }
    if (delivery_is_starting(sync->delivery) || !sync->is_acl_here)
        return;
    enum err refusal = check_acl(sync, attach);
    if (refusal) {
        refuse(sync, attach, refusal, NULL);
        return;
    }
    struct consumer *consumer =
        attach->is_ephemeral ? sync_ephemeral_find(sync, attach)
                             : delivery_consumer_find(sync->delivery, sync_key_bytes(&attach->key));
    if (consumer != NULL) {
        use_consumer(sync, attach, consumer);
        return;
    }
    if (is_beyond_limit(sync, attach)) {
        refuse(sync, attach, ERR_TOO_MANY, "too many patterns of topics have consumers");
        return;
    }
    if (sync->open_count >= SYNC_OPENS_MAX || ask_open(sync, attach) != ERR_OK) {
        attach->step = ATTACH_TO_OPEN;
        sync_again(sync);
        return;
    }
    attach->step = ATTACH_OPENING;
    sync->open_count++;
}

void sync_attach_go_on(struct sync_manager *sync)
{
    if (sync->attach_count == 0 || delivery_is_starting(sync->delivery) || !sync->is_acl_here)
        return;
    for (uint32_t i = 0; i < sync->attach_used; i++) {
        struct sync_attach *attach = &sync->attaches[i];
        if (attach->step == ATTACH_TO_OPEN || attach->step == ATTACH_LOADING)
            go_on(sync, attach);
    }
    while (sync->attach_used > 0 && sync->attaches[sync->attach_used - 1].step == ATTACH_FREE)
        sync->attach_used--;
}

/* --- ATTACH */

static size_t copy_name(char to[WIRE_NAME_BYTES_MAX + 1], ProtobufCBinaryData from)
{
    size_t size = from.len < WIRE_NAME_BYTES_MAX ? from.len : WIRE_NAME_BYTES_MAX;
    if (size > 0)
        memcpy(to, from.data, size);
    to[size] = '\0';
    return size;
}

static const ProtobufCBinaryData main_consumer = {4, (uint8_t *)(uintptr_t) "main"};

/* What the consumer is called in the store, or, if it lives in memory only, a name that no other
 * attachment has. */
static enum err name_consumer(struct sync_attach *attach)
{
    struct access_who who = who_of(attach);
    struct access_text scope = {attach->scope, attach->scope_size};
    enum err err =
        attach->is_internal ? ERR_OK : access_check(&who, ACCESS_ATTACH, attach->kind, scope, 0);
    if (err)
        return err;
    if (attach->is_ephemeral) {
        if (attach->kind == PREFIX_QUEUE)
            return ERR_BAD_SCOPE; /* each of its messages is for one worker */
        sync_ephemeral_name(attach);
        return ERR_OK;
    }
    return access_consumer_name(
        &who, attach->kind,
        (struct access_text){attach->public_consumer, attach->public_consumer_size},
        attach->consumer, &attach->consumer_size);
}

/* Fills the slot and checks what can be checked without the store. */
static enum err read_attach(struct sync_attach *attach, const struct msg *msg)
{
    const INTERNAL(Attach) *body = MSG_BODY(msg, INTERNAL(Attach));
    attach->kind = (enum scope_prefix)body->scope_kind;
    attach->start = body->start;
    attach->start_value = body->start_value;
    attach->must_exist = body->must_exist;
    attach->is_ephemeral = body->is_ephemeral;
    attach->is_internal = body->is_internal;
    attach->peer_size = copy_name(attach->peer_name, body->peer_name);
    attach->scope_size = copy_name(attach->scope, body->scope_name);
    attach->public_consumer_size = copy_name(attach->public_consumer, body->consumer);
    if (attach->public_consumer_size == 0)
        attach->public_consumer_size = copy_name(attach->public_consumer, main_consumer);
    attach->ask = (struct delivery_attach){
        .address = {.session = body->session, .gateway = msg->from, .handle = body->handle},
        .peer_id = body->peer_id,
        .peer_name = {attach->peer_name, attach->peer_size},
        .rights = {.role = body->role,
                   .is_verified = !body->is_unverified,
                   .is_internal = body->is_internal},
        .lease_ms = body->lease_ms,
        .messages_total = body->credit_messages,
        .bytes_total = body->credit_bytes,
    };
    if (body->scope_kind < PREFIX_PEER || body->scope_kind > PREFIX_TOPIC)
        return ERR_BAD_SCOPE;
    if (body->peer_name.len > WIRE_NAME_BYTES_MAX || body->scope_name.len > WIRE_NAME_BYTES_MAX ||
        body->consumer.len > WIRE_NAME_BYTES_MAX)
        return ERR_BAD_NAME;
    enum err err = name_consumer(attach);
    if (!err)
        err = sync_make_key(&attach->key, body->scope_kind, body->scope_name, attach->consumer,
                            attach->consumer_size);
    return err;
}

static struct sync_attach *find_attach(struct sync_manager *sync, struct delivery_address address,
                                       const struct sync_attach *except)
{
    for (uint32_t i = 0; sync->attach_count > 0 && i < sync->attach_used; i++) {
        struct sync_attach *attach = &sync->attaches[i];
        if (attach != except && attach->step != ATTACH_FREE && !attach->dropped &&
            memcmp(&attach->ask.address, &address, sizeof(address)) == 0)
            return attach;
    }
    return NULL;
}

static struct sync_attach *free_attach(struct sync_manager *sync)
{
    for (uint32_t i = 0; sync->attach_count < sync->attach_used && i < sync->attach_used; i++) {
        if (sync->attaches[i].step == ATTACH_FREE)
            return &sync->attaches[i];
    }
    if (sync->attach_used == SYNC_ATTACHES_MAX)
        return NULL;
    return &sync->attaches[sync->attach_used++];
}

static void refuse_at_once(struct actor *actor, const struct msg *msg, enum err err)
{
    const INTERNAL(Attach) *body = MSG_BODY(msg, INTERNAL(Attach));
    INTERNAL(Attached) attached = ROOST__INTERNAL__ATTACHED__INIT;
    attached.session = body->session;
    attached.handle = body->handle;
    attached.code = err_code(err);
    attached.text = (char *)(uintptr_t)err_sentence(err); /* only read */
    actor_reply(actor, msg, MSG_ATTACHED, &attached.base, NULL);
}

enum err sync_on_attach(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    struct sync_attach *attach = free_attach(sync);
    if (attach == NULL) {
        refuse_at_once(actor, msg, ERR_BUSY);
        return ERR_OK;
    }
    sync->attach_count++;
    attach->step = ATTACH_TO_OPEN;
    attach->dropped = ERR_OK;
    attach->ephemeral_id = 0;
    attach->is_outdated = false;
    attach->asker = (struct sync_asker){.correlation = msg->correlation, .from = msg->from};
    enum err err = read_attach(attach, msg);
    if (!err && find_attach(sync, attach->ask.address, attach) != NULL)
        err = ERR_ATTACHED_ALREADY;
    if (err)
        refuse(sync, attach, err, NULL);
    else
        go_on(sync, attach);
    return ERR_OK;
}

bool sync_attach_credit(struct sync_manager *sync, struct delivery_address address,
                        uint64_t messages_total, uint64_t bytes_total)
{
    struct sync_attach *attach = find_attach(sync, address, NULL);
    if (attach == NULL)
        return false;
    if (messages_total > attach->ask.messages_total)
        attach->ask.messages_total = messages_total;
    if (bytes_total == 0 || bytes_total > attach->ask.bytes_total)
        attach->ask.bytes_total = bytes_total;
    return true;
}

void sync_attach_drop(struct sync_manager *sync, struct delivery_address address, enum err err)
{
    for (uint32_t i = 0; sync->attach_count > 0 && i < sync->attach_used; i++) {
        struct sync_attach *attach = &sync->attaches[i];
        const struct delivery_address *own = &attach->ask.address;
        if (attach->step == ATTACH_FREE || attach->dropped || own->session != address.session ||
            own->gateway != address.gateway ||
            (address.handle != 0 && own->handle != address.handle))
            continue;
        attach->dropped = err;
        if (attach->step != ATTACH_OPENING) /* else when persistence has answered */
            refuse(sync, attach, err, NULL);
    }
}

void sync_attach_left(struct sync_manager *sync, int64_t scope_id, int64_t peer_id, enum err err)
{
    struct delivery_clock clock = sync_clock(sync);
    for (uint32_t i = 0; sync->attach_count > 0 && i < sync->attach_used; i++) {
        struct sync_attach *attach = &sync->attaches[i];
        if (!attach->is_ephemeral || attach->ask.peer_id != peer_id)
            continue;
        attach->is_outdated |= attach->step == ATTACH_OPENING; /* asked before he left? */
        if (attach->step != ATTACH_LOADING)
            continue;
        struct consumer *consumer = sync_ephemeral_find(sync, attach);
        if (consumer != NULL &&
            delivery_view(sync->delivery, consumer, &clock).scope_id == scope_id)
            refuse(sync, attach, err, NULL);
    }
}

/* --- CONSUMER_OPENED */

static struct sync_attach *take_opening(struct sync_manager *sync, uint64_t context)
{
    CHECK(context < SYNC_ATTACHES_MAX);
    struct sync_attach *attach = &sync->attaches[context];
    CHECK(attach->step == ATTACH_OPENING && sync->open_count > 0);
    sync->open_count--;
    return attach;
}

enum err sync_on_consumer_opened(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(ConsumerOpened) *opened = MSG_BODY(msg, INTERNAL(ConsumerOpened));
    uint64_t context;
    if (!actor_context(actor, msg, &context))
        return ERR_OK;
    struct sync_attach *attach = take_opening(sync, context);
    if (opened->code != 0 || opened->row == NULL) {
        refuse(sync, attach, opened->code ? err_from_code(opened->code) : ERR_INTERNAL,
               opened->text[0] ? opened->text : NULL);
        return ERR_OK;
    }
    /* APPENDED of everything up to here has come before, on the same link. */
    if (opened->last_seq > sync->appended_seq)
        sync->appended_seq = opened->last_seq;
    delivery_appended_upto(sync->delivery, opened->last_seq);
    if (attach->is_outdated && !attach->dropped) {
        attach->is_outdated = false;
        attach->step = ATTACH_TO_OPEN;
        go_on(sync, attach);
        return ERR_OK;
    }
    if (attach->dropped && attach->is_ephemeral) {
        refuse(sync, attach, attach->dropped, NULL);
        return ERR_OK;
    }
    struct consumer *consumer = attach->is_ephemeral
                                    ? sync_ephemeral_add(sync, attach, opened->row)
                                    : sync_add_consumer(sync, opened->row, opened->is_new, false);
    if (attach->dropped)
        refuse(sync, attach, attach->dropped, NULL);
    else if (consumer == NULL)
        refuse(sync, attach, ERR_INTERNAL, NULL);
    else
        use_consumer(sync, attach, consumer);
    return ERR_OK;
}

void sync_attach_no_answer(struct sync_manager *sync, uint64_t context)
{
    struct sync_attach *attach = take_opening(sync, context);
    refuse(sync, attach, attach->dropped ? attach->dropped : ERR_TIMEOUT, NULL);
}
