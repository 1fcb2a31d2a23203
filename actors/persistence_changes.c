/* SPDX-License-Identifier: MPL-2.0
 *
 * MESSAGE_EDIT, MESSAGE_DELETE, REACT, UNREACT.
 *
 * A change is a row of edit, tombstone or reaction and a message of its own (kind EDIT, DELETE or
 * REACTION, parent_id = the id of what it changes, sender = the caller), in one transaction: in the
 * scope of what it changes, or, between two peers, in the mailbox of the other one. Who reads the
 * log live sees it in its place; who reads history sees the changed message only
 * (actors/history_changes.c).
 *
 * Which message: an id is unique per sender only. The caller's own comes first, then the newest one
 * that he may read. What he may not read does not exist for him.
 *
 * Doing the same twice (an answer was lost) is a success that adds nothing: count 0.
 */
#include <string.h>

#include "persistence_state.h"
#include "store/changes.h"
#include "store/conversation.h"
#include "store/reactions.h"

#define TAIL_IDS_MAX 64 /* messages of one id among those not indexed */

/* --- The message. */

struct target {
    uint64_t seq; /* 0: not found */
    int64_t scope_id, sender_id, conversation;
    int64_t retention_ms; /* of its room, or 0 */
    uint32_t kind;
    bool is_own, is_room;
    char content_type[WIRE_CONTENT_TYPE_BYTES_MAX];
    size_t content_type_size;
    struct room_place room;
};

struct search {
    struct persistence *p;
    const INTERNAL(Call) * call;
    struct target *target;
};

static bool is_part_of(int64_t conversation, int64_t peer_id)
{
    return conversation > 0 &&
           (conversation >> 31 == peer_id || (conversation & CONVERSATION_PEER_ID_MAX) == peer_id);
}

/* Fills in the room, if it is in one. ERR_NOT_ALLOWED and others: not his to read. */
static enum err check_reading(struct search *search, struct target *found)
{
    const INTERNAL(Call) *call = search->call;
    char name[WIRE_NAME_BYTES_MAX + 1];
    struct scope_row scope;
    if (found->conversation > 0) {
        bool is_his = call->is_admin || is_part_of(found->conversation, call->peer_id);
        return is_his ? ERR_OK : ERR_NOT_ALLOWED;
    }
    enum err err = scope_find_by_id(search->p->store, found->scope_id, name, sizeof(name), &scope);
    if (err || scope.kind == SCOPE_QUEUE || scope.kind == SCOPE_TOPIC)
        return err;
    if (scope.kind != SCOPE_ROOM)
        return call->is_admin || scope.owner_id == call->peer_id ? ERR_OK : ERR_NOT_ALLOWED;
    found->is_room = true;
    err = persistence_room_by_id(search->p, call, found->scope_id, &found->room);
    if (err)
        return err;
    found->retention_ms = found->room.standing.retention_ms;
    found->room.who.is_self = found->is_own;
    return found->is_own ? ERR_OK : rights_check(RIGHTS_READ, &found->room.who);
}

static enum err consider(void *context, const struct message_row *row)
{
    struct search *search = context;
    struct target *best = search->target;
    struct target found = {
        .seq = row->seq,
        .scope_id = row->scope_id,
        .sender_id = row->sender_id,
        .conversation = row->conversation,
        .kind = row->kind,
        .is_own = row->sender_id == search->call->peer_id,
    };
    bool is_better =
        best->seq == 0 || (found.is_own == best->is_own ? found.seq > best->seq : found.is_own);
    if (row->is_damaged || !is_better)
        return ERR_OK;
    if (row->content_type.size <= sizeof(found.content_type)) {
        found.content_type_size = row->content_type.size;
        if (row->content_type.size)
            memcpy(found.content_type, row->content_type.data, row->content_type.size);
    }
    enum err err = check_reading(search, &found);
    if (persistence_breaks(err))
        return err;
    if (!err)
        *best = found;
    return ERR_OK;
}

static enum err find_target(struct persistence *p, const INTERNAL(Call) * call, struct target *ret)
{
    uint64_t seqs[TAIL_IDS_MAX];
    struct search search = {.p = p, .call = call, .target = ret};
    *ret = (struct target){.seq = 0};
    if (call->message_ids.len != WIRE_ID_BYTES)
        return ERR_MISSING_FIELD;
    const uint8_t *id = call->message_ids.data;
    enum err err = message_find_id_indexed(p->store, id, consider, &search);
    size_t count = dedupe_find_any(&p->dedupe, id, seqs, TAIL_IDS_MAX);
    for (size_t i = 0; !err && i < count; i++)
        err = message_read(p->store, 0, &seqs[i], 1, consider, &search);
    if (!err && ret->seq == 0)
        err = ERR_NO_SUCH_MESSAGE;
    return err;
}

/* --- Rights. */

static bool is_changeable(uint32_t kind)
{
    return kind != ROOST__V1__KIND__RECEIPT_KIND && kind != ROOST__V1__KIND__SYSTEM &&
           kind != ROOST__V1__KIND__EDIT && kind != ROOST__V1__KIND__DELETE &&
           kind != ROOST__V1__KIND__REACTION;
}

static enum err check_right(const INTERNAL(Call) * call, const struct target *target,
                            enum rights_action action)
{
    if (target->is_room)
        return rights_check(action, &target->room.who);
    if (target->is_own || (action == RIGHTS_DELETE && call->is_admin))
        return ERR_OK;
    bool is_his = target->conversation < 0 || is_part_of(target->conversation, call->peer_id);
    return action == RIGHTS_REACT && is_his ? ERR_OK : ERR_NOT_ALLOWED;
}

/* The message a call names, when the caller may do this to it. */
static enum err begin(struct persistence *p, const INTERNAL(Call) * call, INTERNAL(CallDone) * done,
                      enum rights_action action, struct target *ret)
{
    if (p->is_full)
        return ERR_DISK_FULL;
    enum err err = find_target(p, call, ret);
    if (err)
        return err;
    if (ret->is_room)
        persistence_name_room(p, &ret->room, done);
    if (!is_changeable(ret->kind)) {
        done->text = (char *)(uintptr_t) "messages of the broker cannot be changed"; /* read only */
        return ERR_NOT_ALLOWED;
    }
    return check_right(call, ret, action);
}

static enum err check_deleted(struct persistence *p, const struct target *target)
{
    struct tombstone tombstone;
    enum err err = tombstone_find(p->store, target->seq, &tombstone);
    return !err && tombstone.seq ? ERR_DELETED : err;
}

/* --- The message that says it. */

struct change {
    uint32_t kind;
    struct bytes_view body;
    const char *key; /* NULL: none */
};

/* Between two peers a change goes to the other one, like any message. */
static enum err place_change(struct persistence *p, int64_t caller_id, const struct target *target,
                             int64_t *ret_scope_id)
{
    struct scope_ref mailbox;
    *ret_scope_id = target->scope_id;
    if (!is_part_of(target->conversation, caller_id))
        return ERR_OK;
    int64_t other_id = conversation_other(target->conversation, caller_id);
    enum err err = persistence_mailbox(p, other_id, &mailbox);
    if (!err)
        *ret_scope_id = mailbox.id;
    return err;
}

static enum err append_change(struct persistence *p, const INTERNAL(Call) * call,
                              INTERNAL(CallDone) * done, const struct target *target,
                              const struct change *change)
{
    int64_t ttl_ms = p->options.ttl_ms;
    if (target->retention_ms && ttl_ms > target->retention_ms)
        ttl_ms = target->retention_ms;
    int64_t scope_id;
    enum err err = place_change(p, call->peer_id, target, &scope_id);
    if (err)
        return err;
    struct message_row message = {
        .scope_id = scope_id,
        .sender_id = call->peer_id,
        .stored_ms = p->now_ms,
        .expires_ms = p->now_ms + ttl_ms,
        .created_ms = p->now_ms,
        .conversation = target->conversation,
        .flags = call->is_verified ? 0 : (uint32_t)MESSAGE_FLAG_SENDER_UNVERIFIED,
        .kind = change->kind,
        .parent_id = {call->message_ids.data, call->message_ids.len},
        .body = change->body,
    };
    if (change->key)
        message.key = (struct bytes_view){(const uint8_t *)change->key, strlen(change->key)};
    if (change->kind == ROOST__V1__KIND__EDIT && target->content_type_size)
        message.content_type =
            (struct bytes_view){(const uint8_t *)target->content_type, target->content_type_size};
    uuid_next(&p->uuids, (struct wall_time){p->now_ms}, message.message_id);
    err = persistence_append(p, &message);
    if (err)
        return err;
    p->body_bytes += message.body.size;
    done->seq = message.seq;
    done->message_id = batch_bytes(p->batch, message.message_id, sizeof(message.message_id));
    done->count = 1;
    return ERR_OK;
}

/* --- MESSAGE_EDIT */

struct comparison {
    const INTERNAL(Call) * call;
    bool is_same;
};

static enum err compare_body(void *context, const struct message_row *row)
{
    struct comparison *comparison = context;
    const ProtobufCBinaryData *body = &comparison->call->body;
    comparison->is_same = !row->is_damaged && row->body.size == body->len &&
                          memcmp(row->body.data, body->data, body->len) == 0;
    return ERR_OK;
}

static enum err is_current_text(struct persistence *p, const INTERNAL(Call) * call,
                                const struct target *target, bool *ret)
{
    uint64_t seq = 0;
    struct comparison comparison = {.call = call};
    enum err err = edit_newest(p->store, target->seq, UINT64_MAX, &seq);
    if (seq == 0)
        seq = target->seq;
    if (!err)
        err = message_read(p->store, 0, &seq, 1, compare_body, &comparison);
    *ret = comparison.is_same;
    return err;
}

enum err persistence_call_message_edit(struct persistence *p, const INTERNAL(Call) * call,
                                       INTERNAL(CallDone) * done)
{
    struct target target;
    bool is_same = false;
    if (call->body.len == 0)
        return ERR_MISSING_FIELD;
    if (call->body.len > p->options.limits.body_bytes_max)
        return ERR_TOO_LARGE;
    enum err err = begin(p, call, done, RIGHTS_EDIT, &target);
    if (!err)
        err = check_deleted(p, &target);
    if (!err)
        err = is_current_text(p, call, &target, &is_same);
    if (err || is_same)
        return err;
    struct change change = {
        .kind = ROOST__V1__KIND__EDIT,
        .body = {call->body.data, call->body.len},
    };
    err = append_change(p, call, done, &target, &change);
    return err ? err : edit_add(p->store, target.seq, done->seq);
}

/* --- MESSAGE_DELETE */

enum err persistence_call_message_delete(struct persistence *p, const INTERNAL(Call) * call,
                                         INTERNAL(CallDone) * done)
{
    struct target target;
    enum err err = begin(p, call, done, RIGHTS_DELETE, &target);
    if (!err)
        err = check_deleted(p, &target);
    if (err)
        return err == ERR_DELETED ? ERR_OK : err;
    struct change change = {.kind = ROOST__V1__KIND__DELETE};
    err = append_change(p, call, done, &target, &change);
    struct tombstone tombstone = {
        .seq = target.seq,
        .delete_seq = done->seq,
        .deleted_ms = p->now_ms,
        .peer_id = call->peer_id,
    };
    return err ? err : tombstone_add(p->store, &tombstone);
}

/* --- REACT, UNREACT */

static enum err check_emoji(const INTERNAL(Call) * call, INTERNAL(CallDone) * done)
{
    const char *problem = "an emoji has 1 to 64 bytes";
    bool is_fine = call->text.len >= 1 && call->text.len <= REACTION_BYTES_MAX;
    if (is_fine && name_check_text(call->text.data, call->text.len, &problem) == ERR_OK)
        return ERR_OK;
    done->text = (char *)(uintptr_t)problem; /* only read */
    return ERR_BAD_FIELD;
}

static enum err react(struct persistence *p, const INTERNAL(Call) * call, INTERNAL(CallDone) * done,
                      bool is_given)
{
    struct target target;
    bool is_change = false;
    enum err err = check_emoji(call, done);
    if (!err)
        err = begin(p, call, done, RIGHTS_REACT, &target);
    if (!err)
        err = check_deleted(p, &target);
    if (err)
        return err;
    struct reaction reaction = {
        .seq = target.seq,
        .peer_id = call->peer_id,
        .at_ms = p->now_ms,
        .emoji = {call->text.data, call->text.len},
    };
    err = is_given ? reaction_add(p->store, &reaction, &is_change)
                   : reaction_remove(p->store, &reaction, &is_change);
    if (err || !is_change)
        return err;
    struct change change = {
        .kind = ROOST__V1__KIND__REACTION,
        .body = reaction.emoji,
        .key = is_given ? "+" : "-",
    };
    return append_change(p, call, done, &target, &change);
}

enum err persistence_call_react(struct persistence *p, const INTERNAL(Call) * call,
                                INTERNAL(CallDone) * done)
{
    return react(p, call, done, true);
}

enum err persistence_call_unreact(struct persistence *p, const INTERNAL(Call) * call,
                                  INTERNAL(CallDone) * done)
{
    return react(p, call, done, false);
}
