/* SPDX-License-Identifier: MPL-2.0
 *
 * The methods of rooms: ROOM_CREATE, ROOM_JOIN, ROOM_LEAVE, ROOM_UPDATE, ROOM_ARCHIVE, MEMBER_ROLE.
 *
 * Each is checked completely before its first row is written, so what is refused has changed
 * nothing. Rights are those of actors/rights.h; who owns a room is decisions/0009.
 */
#include <stdio.h>
#include <string.h>

#include "persistence_state.h"
#include "store/invitations.h"
#include "store/peers.h"
#include "store/rooms.h"

enum clear {
    CLEAR_DISPLAY_NAME = 1,
    CLEAR_TOPIC = 2,
    CLEAR_DESCRIPTION = 4,
    CLEAR_RETENTION = 8,
};

static enum err say(INTERNAL(CallDone) * done, enum err err, const char *text)
{
    done->text = (char *)(uintptr_t)text; /* only read */
    return err;
}

/* What a moderator did, for the audit log. */
static enum err audit(struct persistence *p, const INTERNAL(Call) * call,
                      const struct room_place *place, const char *action, const char *detail)
{
    char target[WIRE_SCOPE_BYTES_MAX + 1];
    (void)scope_format(PREFIX_ROOM, place->name, strlen(place->name), target);
    return persistence_audit(p, persistence_text(p, call->peer_name), action, target, detail);
}

/* --- ROOM_CREATE */

/* What kind of room the call wants: *privacy in, settled out. */
static enum err settle_privacy(const INTERNAL(Call) * call, INTERNAL(CallDone) * done,
                               enum rights_account_role account, uint32_t *privacy)
{
    if (*privacy == 0)
        *privacy = call->password.len ? ROOM_PROTECTED : ROOM_PUBLIC;
    if (*privacy == ROOM_OPEN && account != RIGHTS_ADMIN)
        return say(done, ERR_NOT_ALLOWED, "only administrators make open rooms");
    if (*privacy != ROOM_PROTECTED && call->password.len)
        return say(done, ERR_BAD_FIELD, "only a protected room has a password");
    return ERR_OK;
}

static enum err write_room(struct persistence *p, const INTERNAL(Call) * call,
                           const struct name_folded *folded, uint32_t privacy,
                           struct room_place *place)
{
    enum err err = scope_create(p->store, SCOPE_ROOM, place->name, folded->text, 0, p->now_ms,
                                &place->scope_id);
    struct room_row row = {
        .scope_id = place->scope_id,
        .privacy = (enum room_privacy)privacy,
        .creator_id = call->peer_id,
        .created_ms = p->now_ms,
        .retention_ms = (int64_t)call->retention_ms,
        .display_name = persistence_text(p, call->display_name),
        .topic = persistence_text(p, call->topic),
        .description = persistence_text(p, call->description),
        .password_hash = persistence_text(p, call->password),
    };
    struct member_row owner = {
        .scope_id = place->scope_id,
        .peer_id = call->peer_id,
        .role = MEMBER_OWNER,
        .joined_ms = p->now_ms,
        .joined_seq = p->last_seq,
    };
    if (!err)
        err = room_create(p->store, &row);
    if (!err)
        err = member_put(p->store, &owner);
    if (!err)
        err = room_add_members(p->store, place->scope_id, 1);
    return err;
}

enum err persistence_call_room_create(struct persistence *p, const INTERNAL(Call) * call,
                                      INTERNAL(CallDone) * done)
{
    struct name_folded folded;
    struct scope_row scope;
    struct room_place place = {0};
    const char *problem = NULL;
    uint32_t privacy = call->privacy;
    ProtobufCBinaryData name = call->scope_name;
    struct rights_who who = {
        .account = (enum rights_account_role)call->caller_role,
        .is_autocreate = p->options.is_autocreate,
    };
    if (call->scope_kind != SCOPE_ROOM)
        return ERR_BAD_SCOPE;
    enum err err = name_check_room(name.data, name.len, &problem);
    if (err)
        return say(done, err, problem);
    err = name_fold(name.data, name.len, &folded);
    if (!err)
        err = rights_check(RIGHTS_CREATE, &who);
    if (!err)
        err = persistence_acl_check(p, call->peer_id, ACL_CREATE,
                                    &(struct acl_scope){PREFIX_ROOM, {name.data, name.len}});
    if (!err)
        err = persistence_check_owner(p, call->peer_id);
    if (!err)
        err = settle_privacy(call, done, who.account, &privacy);
    if (!err && privacy == ROOM_PROTECTED && call->password.len == 0)
        err = say(done, ERR_BAD_PASSWORD, "a protected room needs a password");
    if (err)
        return err;
    err = scope_find(p->store, SCOPE_ROOM, folded.text, &scope);
    if (err != ERR_NO_SUCH_SCOPE)
        return err ? err : ERR_EXISTS;
    memcpy(place.name, name.data, name.len); /* name_check_room: it fits */
    err = write_room(p, call, &folded, privacy, &place);
    if (!err)
        persistence_name_room(p, &place, done);
    done->count = !err;
    return err;
}

/* --- ROOM_JOIN */

static enum err find_pending(struct persistence *p, int64_t scope_id, int64_t peer_id, bool *ret)
{
    struct invitation_row row;
    enum err err =
        invitation_find_pending(p->store, scope_id, peer_id, persistence_past_ms(p), &row);
    if (err && err != ERR_NO_SUCH_INVITATION)
        return err;
    *ret = !err;
    return ERR_OK;
}

static const char *join_refusal(uint32_t privacy)
{
    if (privacy == ROOM_PRIVATE)
        return "this room is joined by invitation";
    return privacy == ROOM_PROTECTED ? "this room needs its password, or an invitation"
                                     : err_sentence(ERR_NOT_ALLOWED);
}

static bool is_member_role(enum member_role role)
{
    return role != MEMBER_NONE && role != MEMBER_BANNED;
}

enum err persistence_call_room_join(struct persistence *p, const INTERNAL(Call) * call,
                                    INTERNAL(CallDone) * done)
{
    struct room_place place;
    enum err err = persistence_room_of_call(p, call, &place);
    if (!err)
        err = find_pending(p, place.scope_id, call->peer_id, &place.who.has_invitation);
    if (err)
        return err;
    persistence_name_room(p, &place, done);
    place.who.is_self = true;
    place.who.has_password = call->is_password_checked;
    err = persistence_acl_check(p, call->peer_id, ACL_READ,
                                &(struct acl_scope){PREFIX_ROOM, {place.name, strlen(place.name)}});
    if (err)
        return err;
    err = rights_check(RIGHTS_JOIN, &place.who);
    if (err == ERR_NOT_ALLOWED)
        return say(done, err, join_refusal(place.standing.privacy));
    if (err || is_member_role(place.standing.role) || place.standing.privacy == ROOM_OPEN)
        return err;
    err = persistence_member_add(p, &place, call->peer_id, place.who.account);
    done->count = !err;
    return err;
}

/* --- ROOM_LEAVE */

enum err persistence_call_room_leave(struct persistence *p, const INTERNAL(Call) * call,
                                     INTERNAL(CallDone) * done)
{
    struct room_place place;
    enum err err = persistence_room_of_call(p, call, &place);
    if (err)
        return err;
    persistence_name_room(p, &place, done);
    place.who.is_self = true;
    err = rights_check(RIGHTS_LEAVE, &place.who);
    if (!err && !is_member_role(place.standing.role))
        err = ERR_NOT_MEMBER; /* whatever he may do elsewhere */
    if (!err)
        err =
            persistence_member_remove(p, place.scope_id, call->peer_id, place.standing.role, false);
    done->count = !err;
    return err;
}

/* --- ROOM_UPDATE */

static enum err update_action(const INTERNAL(Call) * call, enum rights_action *ret)
{
    bool has_topic = call->topic.len || (call->clear & CLEAR_TOPIC);
    bool has_more = call->display_name.len || call->description.len || call->privacy ||
                    call->retention_ms || call->password.len ||
                    (call->clear & ~(uint32_t)CLEAR_TOPIC);
    if (!has_topic && !has_more)
        return ERR_MISSING_FIELD;
    *ret = has_more ? RIGHTS_UPDATE : RIGHTS_TOPIC;
    return ERR_OK;
}

struct room_update {
    struct persistence *p;
    const INTERNAL(Call) * call;
    struct room_row row; /* as it shall be; its texts are copies */
};

static const char *new_text(const struct room_update *update, ProtobufCBinaryData text,
                            uint32_t clear, const char *old)
{
    if (text.len)
        return persistence_text(update->p, text);
    bool is_cleared = update->call->clear & clear;
    return is_cleared
               ? ""
               : persistence_text(update->p,
                                  (ProtobufCBinaryData){strlen(old), (uint8_t *)(uintptr_t)old});
}

static enum err take_room(void *context, const struct room_row *row)
{
    struct room_update *update = context;
    const INTERNAL(Call) *call = update->call;
    uint32_t privacy = call->privacy ? call->privacy : (uint32_t)row->privacy;
    const char *hash = privacy == ROOM_PROTECTED ? row->password_hash : "";
    update->row = (struct room_row){
        .scope_id = row->scope_id,
        .privacy = (enum room_privacy)privacy,
        .retention_ms = call->clear & CLEAR_RETENTION ? 0 : row->retention_ms,
        .display_name = new_text(update, call->display_name, CLEAR_DISPLAY_NAME, row->display_name),
        .topic = new_text(update, call->topic, CLEAR_TOPIC, row->topic),
        .description = new_text(update, call->description, CLEAR_DESCRIPTION, row->description),
        .password_hash = new_text(update, call->password, 0, hash),
    };
    if (call->retention_ms)
        update->row.retention_ms = (int64_t)call->retention_ms;
    return ERR_OK;
}

/* The Lobby stays open; only administrators open other rooms. */
static enum err check_privacy(const INTERNAL(Call) * call, INTERNAL(CallDone) * done,
                              const struct room_place *place, const struct room_row *row)
{
    bool is_change = (uint32_t)row->privacy != place->standing.privacy;
    if (is_change && place->standing.privacy == ROOM_OPEN)
        return say(done, ERR_NOT_ALLOWED, "an open room stays open");
    if (is_change && row->privacy == ROOM_OPEN && place->who.account != RIGHTS_ADMIN)
        return say(done, ERR_NOT_ALLOWED, "only administrators make open rooms");
    if (row->privacy != ROOM_PROTECTED && call->password.len)
        return say(done, ERR_BAD_FIELD, "only a protected room has a password");
    if (row->privacy == ROOM_PROTECTED && row->password_hash[0] == '\0')
        return say(done, ERR_BAD_PASSWORD, "a protected room needs a password");
    return ERR_OK;
}

enum err persistence_call_room_update(struct persistence *p, const INTERNAL(Call) * call,
                                      INTERNAL(CallDone) * done)
{
    struct room_place place;
    enum rights_action action;
    struct room_update update = {.p = p, .call = call};
    enum err err = update_action(call, &action);
    if (!err)
        err = persistence_room_of_call(p, call, &place);
    if (err)
        return err;
    persistence_name_room(p, &place, done);
    err = rights_check(action, &place.who);
    if (!err)
        err = room_read(p->store, place.scope_id, 0, take_room, &update);
    if (!err)
        err = check_privacy(call, done, &place, &update.row);
    if (!err)
        err = room_update(p->store, &update.row);
    persistence_scopes_forget(p); /* they know retentions */
    done->count = !err;
    return err;
}

/* --- ROOM_ARCHIVE */

enum err persistence_call_room_archive(struct persistence *p, const INTERNAL(Call) * call,
                                       INTERNAL(CallDone) * done)
{
    struct room_place place;
    enum err err = persistence_room_of_call(p, call, &place);
    if (err)
        return err;
    persistence_name_room(p, &place, done);
    err = rights_check(RIGHTS_ARCHIVE, &place.who);
    if (!err && place.standing.privacy == ROOM_OPEN)
        err = say(done, ERR_NOT_ALLOWED, "an open room stays open");
    if (err || place.standing.is_archived)
        return err;
    err = room_set_archived(p->store, place.scope_id, true);
    if (!err)
        err = audit(p, call, &place, "room-archive", "");
    done->count = !err;
    return err;
}

/* --- MEMBER_ROLE */

/* One member and what is to become of it. */
struct role_change {
    struct room_place place;
    int64_t peer_id;
    struct member_standing target;
    enum member_role wanted;
};

static enum err check_role_right(struct role_change *change)
{
    struct rights_who who = change->place.who;
    bool is_ban = change->wanted == MEMBER_BANNED;
    bool is_lifted = change->wanted == MEMBER_NONE && change->target.role == MEMBER_BANNED;
    who.target_role = (enum rights_room_role)change->target.role;
    if (is_ban || is_lifted)
        return rights_check(RIGHTS_BAN, &who);
    return rights_check(change->wanted == MEMBER_NONE ? RIGHTS_KICK : RIGHTS_ROLE, &who);
}

static enum err check_role(struct persistence *p, struct role_change *change,
                           INTERNAL(CallDone) * done)
{
    uint32_t owners = 0;
    enum member_role role = change->target.role;
    enum err err = check_role_right(change);
    if (err || change->wanted == MEMBER_BANNED)
        return err;
    if (change->wanted != MEMBER_NONE && role == MEMBER_BANNED)
        return say(done, ERR_ROOM_BANNED, "this peer is banned; lift that first");
    bool is_open = change->place.standing.privacy == ROOM_OPEN;
    if (role == MEMBER_NONE && !(is_open && change->wanted != MEMBER_NONE))
        return say(done, ERR_NOT_MEMBER, "this peer is no member of the room");
    bool is_demotion =
        role == MEMBER_OWNER && change->wanted != MEMBER_OWNER && change->wanted != MEMBER_NONE;
    if (is_demotion)
        err = member_count_owners(p->store, change->place.scope_id, &owners);
    return !err && is_demotion && owners == 1 ? ERR_LAST_OWNER : err;
}

static const char *action_of(const struct role_change *change)
{
    if (change->wanted == MEMBER_BANNED)
        return "room-ban";
    if (change->wanted != MEMBER_NONE)
        return "room-role";
    return change->target.role == MEMBER_BANNED ? "room-unban" : "room-kick";
}

/* "NAME: ROLE"; leaving by oneself is nobody's moderation. */
static enum err audit_role(struct persistence *p, const INTERNAL(Call) * call,
                           const struct role_change *change)
{
    static const char *const roles[] = {"none", "owner", "moderator", "member", "reader", "banned"};
    char detail[WIRE_NAME_BYTES_MAX + 16];
    if (change->wanted == MEMBER_NONE && change->peer_id == call->peer_id)
        return ERR_OK;
    (void)snprintf(detail, sizeof(detail), "%s: %s", persistence_text(p, call->peer),
                   roles[change->wanted]);
    return audit(p, call, &change->place, action_of(change), detail);
}

static enum err write_role(struct persistence *p, const struct role_change *change)
{
    int64_t scope_id = change->place.scope_id;
    if (change->wanted == MEMBER_NONE || change->wanted == MEMBER_BANNED)
        return persistence_member_remove(p, scope_id, change->peer_id, change->target.role,
                                         change->wanted == MEMBER_BANNED);
    if (change->target.role != MEMBER_NONE)
        return member_set_role(p->store, scope_id, change->peer_id, change->wanted);
    struct member_row row = {
        .scope_id = scope_id,
        .peer_id = change->peer_id,
        .role = change->wanted,
        .joined_ms = p->now_ms,
        .joined_seq = p->last_seq,
    };
    enum err err = member_put(p->store, &row);
    return err ? err : room_add_members(p->store, scope_id, 1);
}

enum err persistence_call_member_role(struct persistence *p, const INTERNAL(Call) * call,
                                      INTERNAL(CallDone) * done)
{
    struct name_folded folded;
    struct role_change change = {.wanted = (enum member_role)call->room_role};
    enum err err = call->room_role > MEMBER_BANNED ? ERR_BAD_FIELD : ERR_OK;
    if (!err)
        err = persistence_room_of_call(p, call, &change.place);
    if (!err)
        err = name_fold(call->peer.data, call->peer.len, &folded);
    if (err)
        return err;
    persistence_name_room(p, &change.place, done);
    err = peer_find(p->store, folded.text, &change.peer_id);
    if (!err)
        err = member_standing(p->store, change.place.scope_id, change.peer_id, &change.target);
    change.place.who.is_self = change.peer_id == call->peer_id;
    if (!err)
        err = check_role(p, &change, done);
    if (err || change.target.role == change.wanted)
        return err;
    err = write_role(p, &change);
    if (!err)
        err = audit_role(p, call, &change);
    persistence_standings_forget(p);
    done->count = !err;
    return err;
}
