/* SPDX-License-Identifier: MPL-2.0
 *
 * Who is in a room, and what follows from it: what he may do, who owns the room when he goes, and
 * that his consumers end with his membership.
 *
 * Whether somebody may send is remembered per room and peer, so that a stream of messages costs one
 * look-up. Only this actor changes rooms, members and accounts; with each such change all of it is
 * forgotten.
 */
#include <string.h>

#include "persistence_state.h"
#include "rt/check.h"
#include "store/invitations.h"
#include "store/peers.h"
#include "store/rooms.h"

#define PEER_BITS    31 /* store/conversation.h */
#define REMOVE_SLICE 64

/* --- Which room, and who asks. */

static struct rights_who who_is(const struct persistence *p, const struct member_standing *standing,
                                uint32_t caller_role)
{
    uint32_t account = standing->has_account ? standing->account_role : caller_role;
    return (struct rights_who){
        .role = (enum rights_room_role)standing->role,
        .account = account <= RIGHTS_ADMIN ? (enum rights_account_role)account : RIGHTS_UNVERIFIED,
        .privacy = (enum rights_privacy)standing->privacy,
        .is_archived = standing->is_archived,
        .is_autocreate = p->options.is_autocreate,
    };
}

enum err persistence_room_by_id(struct persistence *p, const INTERNAL(Call) * call,
                                int64_t scope_id, struct room_place *ret)
{
    struct scope_row scope;
    *ret = (struct room_place){.scope_id = scope_id};
    enum err err = scope_find_by_id(p->store, scope_id, ret->name, sizeof(ret->name), &scope);
    if (!err)
        err = member_standing(p->store, scope_id, call->peer_id, &ret->standing);
    if (!err)
        ret->who = who_is(p, &ret->standing, call->caller_role);
    return err;
}

enum err persistence_room_of_call(struct persistence *p, const INTERNAL(Call) * call,
                                  struct room_place *ret)
{
    struct scope_ref scope;
    if (call->scope_kind != SCOPE_ROOM)
        return ERR_BAD_SCOPE;
    enum err err = persistence_scope_named(p, SCOPE_ROOM, call->scope_name, false, &scope);
    return err ? err : persistence_room_by_id(p, call, scope.id, ret);
}

void persistence_name_room(struct persistence *p, const struct room_place *place,
                           INTERNAL(CallDone) * done)
{
    done->scope_id = place->scope_id;
    done->scope_name = batch_bytes(p->batch, place->name, strlen(place->name));
}

/* --- Coming. */

/* A room without an owner takes whoever comes, except guests, who cannot make rooms either. */
enum err persistence_member_add(struct persistence *p, const struct room_place *place,
                                int64_t peer_id, uint32_t account_role)
{
    uint32_t owners = 0;
    uint64_t closed;
    enum err err = persistence_acl_check(
        p, peer_id, ACL_READ, &(struct acl_scope){PREFIX_ROOM, {place->name, strlen(place->name)}});
    if (!err)
        err = member_count_owners(p->store, place->scope_id, &owners);
    if (err)
        return err;
    bool is_owner =
        owners == 0 && account_role != RIGHTS_GUEST && place->standing.privacy != ROOM_OPEN;
    struct member_row row = {
        .scope_id = place->scope_id,
        .peer_id = peer_id,
        .role = is_owner ? MEMBER_OWNER : MEMBER_MEMBER,
        .joined_ms = p->now_ms,
        .joined_seq = p->last_seq,
    };
    err = member_put(p->store, &row);
    if (!err)
        err = room_add_members(p->store, place->scope_id, 1);
    if (!err)
        err = invitation_close(p->store, place->scope_id, peer_id, INVITATION_ACCEPTED, p->now_ms,
                               &closed);
    persistence_standings_forget(p);
    return err;
}

/* --- Going. */

static enum err copy_name(void *context, const struct peer_row *row)
{
    char *name = context;
    size_t size = strlen(row->name);
    CHECK(size <= WIRE_NAME_BYTES_MAX);
    memcpy(name, row->name, size + 1);
    return ERR_OK;
}

struct consumer_slice {
    int64_t ids[REMOVE_SLICE];
    size_t count;
};

static enum err take_consumer(void *context, int64_t consumer_id)
{
    struct consumer_slice *slice = context;
    if (slice->count < REMOVE_SLICE)
        slice->ids[slice->count++] = consumer_id;
    return ERR_OK;
}

/* Rows are collected first: what is walked must not change. */
static enum err end_consumers(struct persistence *p, int64_t scope_id, int64_t peer_id,
                              enum err refusal)
{
    char name[WIRE_NAME_BYTES_MAX + 1];
    struct consumer_slice slice = {.count = REMOVE_SLICE};
    batch_add_left(p->batch, scope_id, peer_id, refusal);
    enum err err = peer_read(p->store, peer_id, copy_name, name);
    while (!err && slice.count == REMOVE_SLICE) {
        slice.count = 0;
        err = member_consumers(p->store, scope_id, name, take_consumer, &slice);
        for (size_t i = 0; !err && i < slice.count; i++) {
            err = consumer_remove(p->store, slice.ids[i]);
            if (!err)
                batch_add_removed(p->batch, slice.ids[i], refusal);
        }
    }
    return err;
}

static enum err pass_ownership(struct persistence *p, int64_t scope_id, int64_t leaving_id)
{
    uint32_t owners = 0;
    int64_t heir_id = 0;
    enum err err = member_count_owners(p->store, scope_id, &owners);
    if (!err && owners == 1)
        err = member_find_heir(p->store, scope_id, leaving_id, &heir_id);
    if (!err && heir_id)
        err = member_set_role(p->store, scope_id, heir_id, MEMBER_OWNER);
    return err;
}

static enum err ban(struct persistence *p, int64_t scope_id, int64_t peer_id)
{
    struct member_row row = {
        .scope_id = scope_id,
        .peer_id = peer_id,
        .role = MEMBER_BANNED,
        .joined_ms = p->now_ms,
        .joined_seq = p->last_seq,
    };
    uint64_t closed;
    enum err err = member_put(p->store, &row);
    if (!err)
        err = invitation_close(p->store, scope_id, peer_id, INVITATION_REVOKED, p->now_ms, &closed);
    return err;
}

enum err persistence_member_remove(struct persistence *p, int64_t scope_id, int64_t peer_id,
                                   enum member_role role, bool is_ban)
{
    bool was_member = role != MEMBER_NONE && role != MEMBER_BANNED;
    enum err err = role == MEMBER_OWNER ? pass_ownership(p, scope_id, peer_id) : ERR_OK;
    if (!err)
        err = is_ban ? ban(p, scope_id, peer_id) : member_remove(p->store, scope_id, peer_id);
    if (!err && was_member)
        err = room_add_members(p->store, scope_id, -1);
    /* In an open room also who is no member has consumers, which a ban ends. */
    if (!err)
        err = end_consumers(p, scope_id, peer_id, is_ban ? ERR_ROOM_BANNED : ERR_NOT_MEMBER);
    persistence_standings_forget(p);
    return err;
}

/* --- Writing and reading. */

void persistence_standings_forget(struct persistence *p)
{
    u64map_clear(&p->standings);
    u64map_clear(&p->verdicts);
}

static enum err look_up(struct persistence *p, const struct scope_ref *room, int64_t peer_id,
                        enum rights_action action, struct member_standing *ret)
{
    enum err err = member_standing(p->store, room->id, peer_id, ret);
    if (err)
        return err;
    struct rights_who who = who_is(p, ret, RIGHTS_UNVERIFIED);
    who.is_self = true;
    return rights_check(action, &who);
}

enum err persistence_may_send(struct persistence *p, const struct scope_ref *room, int64_t peer_id)
{
    struct member_standing standing;
    uint64_t key = (uint64_t)room->id << PEER_BITS | (uint64_t)peer_id, code;
    bool is_kept = room->id < (int64_t)1 << (63 - PEER_BITS);
    if (is_kept && u64map_get(&p->standings, key, &code))
        return (enum err)code;
    enum err err = look_up(p, room, peer_id, RIGHTS_SEND, &standing);
    if (persistence_breaks(err) || !is_kept)
        return err;
    if (u64map_put(&p->standings, key, (uint64_t)err))
        persistence_standings_forget(p); /* it is full; asked again next time */
    return err;
}

enum err persistence_may_attach(struct persistence *p, const struct scope_ref *room,
                                int64_t peer_id, uint64_t *ret_start)
{
    struct member_standing standing;
    enum err err = look_up(p, room, peer_id, RIGHTS_READ, &standing);
    if (err)
        return err;
    bool is_member = standing.role != MEMBER_NONE && standing.role != MEMBER_BANNED;
    bool is_since = is_member && standing.privacy != ROOM_OPEN;
    *ret_start = is_since ? standing.joined_seq : p->last_seq;
    return ERR_OK;
}
