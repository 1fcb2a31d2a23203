/* SPDX-License-Identifier: MPL-2.0
 *
 * INVITE, INVITE_ACCEPT, INVITE_DECLINE, INVITE_REVOKE.
 *
 * An invitation is a row, and a message in the invitee's mailbox that tells of it, in one commit:
 * so he hears of it now, or when he comes next. Accepting is the change of the row and the
 * membership in one commit.
 *
 * An invitation is over when both clocks say so; from then on it is not found, whether it was swept
 * or not.
 */
#include <string.h>

#include "persistence_state.h"
#include "rt/check.h"
#include "store/invitations.h"
#include "store/peers.h"
#include "store/rooms.h"

#define CONTENT_TYPE   "application/x-roost-invitation"
#define ACCEPT_ALL_MAX 1000 /* at once; the rest stays pending */
#define EXPIRE_ROWS    512

static enum err say(INTERNAL(CallDone) * done, enum err err, const char *text)
{
    done->text = (char *)(uintptr_t)text; /* only read */
    return err;
}

/* --- INVITE */

/* An invitation in the making. */
struct inviting {
    struct room_place place;
    int64_t invitee_id;
    char inviter[WIRE_NAME_BYTES_MAX + 1], invitee[WIRE_NAME_BYTES_MAX + 1];
    struct invitation_row row;
};

static enum err copy_name(void *context, const struct peer_row *row)
{
    size_t size = strlen(row->name);
    CHECK(size <= WIRE_NAME_BYTES_MAX);
    memcpy(context, row->name, size + 1);
    return ERR_OK;
}

/* In this order: the room exists, the inviter may invite, the user exists, is no member yet, is not
 * invited yet. */
static enum err check_invite(struct persistence *p, const INTERNAL(Call) * call,
                             INTERNAL(CallDone) * done, struct inviting *inviting)
{
    struct name_folded folded;
    struct member_standing target;
    struct invitation_row pending;
    enum err err = persistence_room_of_call(p, call, &inviting->place);
    if (err)
        return err;
    int64_t scope_id = inviting->place.scope_id;
    persistence_name_room(p, &inviting->place, done);
    err = rights_check(RIGHTS_INVITE, &inviting->place.who);
    if (!err && (call->peer.len == 0 || name_fold(call->peer.data, call->peer.len, &folded)))
        err = ERR_NO_SUCH_PEER;
    if (!err)
        err = peer_find(p->store, folded.text, &inviting->invitee_id);
    if (!err)
        err = member_standing(p->store, scope_id, inviting->invitee_id, &target);
    if (err)
        return err;
    bool is_member = target.role != MEMBER_NONE && target.role != MEMBER_BANNED;
    if (is_member || (target.privacy == ROOM_OPEN && target.role != MEMBER_BANNED))
        return ERR_ALREADY_MEMBER;
    if (target.role == MEMBER_BANNED)
        return say(done, ERR_ROOM_BANNED, "this peer is banned; lift that first");
    err = invitation_find_pending(p->store, scope_id, inviting->invitee_id, persistence_past_ms(p),
                                  &pending);
    if (!err)
        return ERR_ALREADY_INVITED;
    return err == ERR_NO_SUCH_INVITATION ? ERR_OK : err;
}

static enum err write_row(struct persistence *p, const INTERNAL(Call) * call,
                          struct inviting *inviting)
{
    uint64_t swept;
    char *text = batch_alloc(p->batch, call->text.len + 1); /* zeroed: ends with NUL */
    if (call->text.len)
        memcpy(text, call->text.data, call->text.len);
    inviting->row = (struct invitation_row){
        .scope_id = inviting->place.scope_id,
        .inviter_id = call->peer_id,
        .invitee_id = inviting->invitee_id,
        .text = text,
        .created_ms = p->now_ms,
        .expires_ms = p->now_ms + p->options.invitation_ttl_ms,
    };
    uuid_next(&p->uuids, (struct wall_time){p->now_ms}, inviting->row.uuid);
    /* One whose time is over may still stand there as pending. */
    enum err err = invitation_close(p->store, inviting->row.scope_id, inviting->invitee_id,
                                    INVITATION_EXPIRED, p->now_ms, &swept);
    if (!err)
        err = invitation_create(p->store, &inviting->row, &inviting->row.id);
    return err;
}

/* The packed public message, in the batch's memory. */
static struct bytes_view pack_invitation(struct persistence *p, const struct inviting *inviting)
{
    const struct invitation_row *row = &inviting->row;
    char scope[WIRE_SCOPE_BYTES_MAX + 1];
    size_t size =
        scope_format(PREFIX_ROOM, inviting->place.name, strlen(inviting->place.name), scope);
    Roost__V1__Invitation invitation = ROOST__V1__INVITATION__INIT;
    invitation.invitation_id = bytes_of(row->uuid, sizeof(row->uuid));
    invitation.scope = bytes_of(scope, size);
    invitation.inviter = bytes_of(inviting->inviter, strlen(inviting->inviter));
    invitation.invitee = bytes_of(inviting->invitee, strlen(inviting->invitee));
    invitation.status = ROOST__V1__INVITATION_STATUS__PENDING;
    invitation.text = bytes_of(row->text, strlen(row->text));
    invitation.created_ms = (uint64_t)row->created_ms;
    invitation.expires_ms = (uint64_t)row->expires_ms;
    size = roost__v1__invitation__get_packed_size(&invitation);
    uint8_t *bytes = batch_alloc(p->batch, size);
    (void)roost__v1__invitation__pack(&invitation, bytes); /* size as computed */
    return (struct bytes_view){.data = bytes, .size = size};
}

/* From the inviter, but made by the broker: kind SYSTEM. */
static enum err tell_invitee(struct persistence *p, const INTERNAL(Call) * call,
                             const struct inviting *inviting)
{
    struct scope_ref mailbox;
    enum err err = persistence_mailbox(p, inviting->invitee_id, &mailbox);
    if (err)
        return err;
    struct message_row message = {
        .scope_id = mailbox.id,
        .sender_id = call->peer_id,
        .stored_ms = p->now_ms,
        .expires_ms = inviting->row.expires_ms,
        .created_ms = p->now_ms,
        .conversation = persistence_conversation(&mailbox, call->peer_id),
        .flags = call->is_verified ? 0 : (uint32_t)MESSAGE_FLAG_SENDER_UNVERIFIED,
        .kind = ROOST__V1__KIND__SYSTEM,
        .content_type = {.data = (const uint8_t *)CONTENT_TYPE, .size = strlen(CONTENT_TYPE)},
        .body = pack_invitation(p, inviting),
    };
    uuid_next(&p->uuids, (struct wall_time){p->now_ms}, message.message_id);
    return persistence_append(p, &message);
}

enum err persistence_call_invite(struct persistence *p, const INTERNAL(Call) * call,
                                 INTERNAL(CallDone) * done)
{
    struct inviting inviting = {0};
    enum err err = check_invite(p, call, done, &inviting);
    if (!err)
        err = peer_read(p->store, call->peer_id, copy_name, inviting.inviter);
    if (!err)
        err = peer_read(p->store, inviting.invitee_id, copy_name, inviting.invitee);
    if (!err)
        err = write_row(p, call, &inviting);
    if (!err)
        err = tell_invitee(p, call, &inviting);
    if (err)
        return err;
    done->count = 1;
    done->seq = p->last_seq;
    done->invitation_id = batch_bytes(p->batch, inviting.row.uuid, sizeof(inviting.row.uuid));
    return ERR_OK;
}

/* --- Which invitation an answer means. */

static bool is_pending(const struct persistence *p, const struct invitation_row *row)
{
    return row->status == INVITATION_PENDING && row->expires_ms > persistence_past_ms(p);
}

static enum err find_by_uuid(struct persistence *p, const INTERNAL(Call) * call,
                             struct invitation_row *ret)
{
    if (call->invitation_id.len != INVITATION_UUID_BYTES)
        return ERR_BAD_FIELD;
    enum err err = invitation_find(p->store, call->invitation_id.data, ret);
    return !err && !is_pending(p, ret) ? ERR_NO_SUCH_INVITATION : err;
}

/* To the caller: by id, by room, or the newest. */
static enum err find_own(struct persistence *p, const INTERNAL(Call) * call,
                         struct invitation_row *ret)
{
    struct scope_ref scope;
    int64_t past_ms = persistence_past_ms(p);
    if (call->invitation_id.len) {
        enum err err = find_by_uuid(p, call, ret);
        return !err && ret->invitee_id != call->peer_id ? ERR_NO_SUCH_INVITATION : err;
    }
    if (call->scope_kind == 0)
        return invitation_find_newest(p->store, call->peer_id, past_ms, ret);
    if (call->scope_kind != SCOPE_ROOM)
        return ERR_BAD_SCOPE;
    enum err err = persistence_scope_named(p, SCOPE_ROOM, call->scope_name, false, &scope);
    return err ? err : invitation_find_pending(p->store, scope.id, call->peer_id, past_ms, ret);
}

/* All of them, oldest first, collected before any of them is changed. */
struct pending_list {
    struct invitation_row *rows;
    size_t count;
};

static enum err take_pending(void *context, const struct invitation_row *row)
{
    struct pending_list *list = context;
    CHECK(list->count < ACCEPT_ALL_MAX);
    list->rows[list->count] = *row;
    list->rows[list->count++].text = NULL; /* a view */
    return ERR_OK;
}

static enum err list_own(struct persistence *p, const INTERNAL(Call) * call,
                         struct pending_list *ret)
{
    struct invitation_page page = {
        .peer_id = call->peer_id,
        .now_ms = persistence_past_ms(p),
        .limit = ACCEPT_ALL_MAX,
    };
    ret->rows = batch_alloc(p->batch, ACCEPT_ALL_MAX * sizeof(*ret->rows));
    return invitation_list(p->store, &page, take_pending, ret);
}

/* --- INVITE_ACCEPT */

/* Row and membership; *place is filled in. */
static enum err accept_one(struct persistence *p, const INTERNAL(Call) * call,
                           const struct invitation_row *row, struct room_place *place)
{
    enum err err = persistence_room_by_id(p, call, row->scope_id, place);
    if (err)
        return err;
    place->who.is_self = true;
    place->who.has_invitation = true;
    err = rights_check(RIGHTS_JOIN, &place->who);
    if (err)
        return err;
    bool is_member = place->standing.role != MEMBER_NONE && place->standing.role != MEMBER_BANNED;
    if (!is_member && place->standing.privacy != ROOM_OPEN)
        return persistence_member_add(p, place, call->peer_id, place->who.account);
    return invitation_set_status(p->store, row->id, INVITATION_ACCEPTED, p->now_ms);
}

static ProtobufCBinaryData scope_text(struct persistence *p, const struct room_place *place)
{
    char text[WIRE_SCOPE_BYTES_MAX + 1];
    size_t size = scope_format(PREFIX_ROOM, place->name, strlen(place->name), text);
    return batch_bytes(p->batch, text, size);
}

/* What fails is counted and stays as it is: rights are checked before anything is written. */
static enum err accept_all(struct persistence *p, const INTERNAL(Call) * call,
                           INTERNAL(CallDone) * done)
{
    struct pending_list list = {0};
    enum err err = list_own(p, call, &list);
    if (err)
        return err;
    if (list.count == 0)
        return ERR_NO_SUCH_INVITATION;
    done->scopes = batch_alloc(p->batch, list.count * sizeof(*done->scopes));
    for (size_t i = 0; i < list.count; i++) {
        struct room_place place;
        err = accept_one(p, call, &list.rows[i], &place);
        if (persistence_breaks(err))
            return err;
        if (err)
            done->failed++;
        else
            done->scopes[done->n_scopes++] = scope_text(p, &place);
    }
    done->count = done->n_scopes;
    return ERR_OK;
}

enum err persistence_call_invite_accept(struct persistence *p, const INTERNAL(Call) * call,
                                        INTERNAL(CallDone) * done)
{
    struct invitation_row row;
    struct room_place place;
    if (call->all)
        return accept_all(p, call, done);
    enum err err = find_own(p, call, &row);
    if (!err)
        err = accept_one(p, call, &row, &place);
    if (err)
        return err;
    persistence_name_room(p, &place, done);
    done->scopes = batch_alloc(p->batch, sizeof(*done->scopes));
    done->scopes[done->n_scopes++] = scope_text(p, &place);
    done->invitation_id = batch_bytes(p->batch, row.uuid, sizeof(row.uuid));
    done->count = 1;
    return ERR_OK;
}

/* --- INVITE_DECLINE, INVITE_REVOKE */

static enum err decline_all(struct persistence *p, const INTERNAL(Call) * call,
                            INTERNAL(CallDone) * done)
{
    struct pending_list list = {0};
    enum err err = list_own(p, call, &list);
    if (!err && list.count == 0)
        err = ERR_NO_SUCH_INVITATION;
    for (size_t i = 0; !err && i < list.count; i++)
        err = invitation_set_status(p->store, list.rows[i].id, INVITATION_DECLINED, p->now_ms);
    done->count = err ? 0 : list.count;
    return err;
}

static enum err end_one(struct persistence *p, const INTERNAL(Call) * call,
                        const struct invitation_row *row, enum invitation_status status,
                        INTERNAL(CallDone) * done)
{
    struct room_place place;
    enum err err = persistence_room_by_id(p, call, row->scope_id, &place);
    if (!err)
        err = invitation_set_status(p->store, row->id, status, p->now_ms);
    if (err)
        return err;
    persistence_name_room(p, &place, done);
    done->invitation_id = batch_bytes(p->batch, row->uuid, sizeof(row->uuid));
    done->count = 1;
    return ERR_OK;
}

enum err persistence_call_invite_decline(struct persistence *p, const INTERNAL(Call) * call,
                                         INTERNAL(CallDone) * done)
{
    struct invitation_row row;
    if (call->all)
        return decline_all(p, call, done);
    enum err err = find_own(p, call, &row);
    return err ? err : end_one(p, call, &row, INVITATION_DECLINED, done);
}

/* One that the caller or somebody else has sent: by id, or by room and invitee. */
static enum err find_sent(struct persistence *p, const INTERNAL(Call) * call,
                          struct invitation_row *ret)
{
    struct scope_ref scope;
    struct name_folded folded;
    int64_t invitee_id;
    if (call->invitation_id.len)
        return find_by_uuid(p, call, ret);
    if (call->scope_kind == 0 || call->peer.len == 0)
        return ERR_MISSING_FIELD;
    if (call->scope_kind != SCOPE_ROOM)
        return ERR_BAD_SCOPE;
    enum err err = persistence_scope_named(p, SCOPE_ROOM, call->scope_name, false, &scope);
    if (!err)
        err = name_fold(call->peer.data, call->peer.len, &folded);
    if (!err)
        err = peer_find(p->store, folded.text, &invitee_id);
    return err ? err
               : invitation_find_pending(p->store, scope.id, invitee_id, persistence_past_ms(p),
                                         ret);
}

enum err persistence_call_invite_revoke(struct persistence *p, const INTERNAL(Call) * call,
                                        INTERNAL(CallDone) * done)
{
    struct invitation_row row;
    struct room_place place;
    enum err err = find_sent(p, call, &row);
    if (!err)
        err = persistence_room_by_id(p, call, row.scope_id, &place);
    if (err)
        return err;
    place.who.is_self = row.inviter_id == call->peer_id;
    err = rights_check(RIGHTS_REVOKE, &place.who);
    return err ? err : end_one(p, call, &row, INVITATION_REVOKED, done);
}

/* --- Sweeping. */

enum err persistence_expire_invitations(struct persistence *p, int64_t past_ms, bool *ret_has_more)
{
    uint64_t count = 0;
    enum err err = invitation_expire(p->store, past_ms, EXPIRE_ROWS, &count);
    *ret_has_more = count == EXPIRE_ROWS;
    return err;
}
