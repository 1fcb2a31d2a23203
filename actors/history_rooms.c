/* SPDX-License-Identifier: MPL-2.0
 *
 * Queries about rooms, their members, and invitations; and who may read a room.
 *
 * Rights are those of actors/rights.h, by the role in the room and by the account as they stand in
 * the file now. Besides, administrators of the broker may read everything, as everywhere.
 */
#include <string.h>

#include "history_state.h"
#include "presence.h"
#include "rights.h"
#include "store/accounts.h"
#include "store/invitations.h"
#include "store/members.h"
#include "store/rooms.h"

#define TAIL_SMALL 512

struct walk {
    struct query *query;
    uint32_t seen;
};

static bool copy_text(struct history *h, const char *text, ProtobufCBinaryData *ret)
{
    return history_copy(h, text, strlen(text), ret);
}

/* True: the page is full, and there is one more. */
static bool is_over(struct walk *walk)
{
    if (walk->seen < walk->query->limit)
        return false;
    walk->query->page.fin.has_more = true;
    return true;
}

/* --- Rights. */

static enum err look_up(struct query *query, int64_t scope_id, struct rights_who *ret,
                        uint64_t *ret_since)
{
    struct member_standing standing;
    enum err err = member_standing(query->page.h->store, scope_id, query->peer_id, &standing);
    if (err)
        return err;
    bool is_member = standing.role != MEMBER_NONE && standing.role != MEMBER_BANNED;
    *ret_since = is_member ? standing.joined_seq : 0;
    *ret = (struct rights_who){
        .role = (enum rights_room_role)standing.role,
        .account = (enum rights_account_role)standing.account_role,
        .privacy = (enum rights_privacy)standing.privacy,
        .is_archived = standing.is_archived,
    };
    return ERR_OK;
}

enum err query_check_room(struct query *query, int64_t scope_id, uint64_t *ret_since)
{
    struct rights_who who;
    uint64_t since = 0;
    enum err err = look_up(query, scope_id, &who, &since);
    if (!err && !query->is_admin)
        err = rights_check(RIGHTS_READ, &who);
    if (!err && ret_since)
        *ret_since = since;
    return err;
}

/* The room a query names; its rights are still to be checked. */
static enum err find_room(struct query *query, int64_t *ret_id)
{
    struct scope_name parsed;
    struct name_folded folded;
    struct scope_row scope;
    ProtobufCBinaryData text = query->query->scope;
    if (text.len == 0)
        return ERR_MISSING_FIELD;
    enum err err = scope_parse(text.data, text.len, &parsed, NULL);
    if (!err && parsed.prefix != PREFIX_ROOM)
        err = ERR_BAD_SCOPE;
    if (!err)
        err = name_fold(parsed.name, parsed.name_size, &folded);
    if (err)
        return ERR_BAD_SCOPE;
    err = scope_find(query->page.h->store, SCOPE_ROOM, folded.text, &scope);
    if (!err)
        *ret_id = scope.id;
    return err;
}

static enum err fold_after(const struct query *query, struct name_folded *ret)
{
    ProtobufCBinaryData after = query->query->after_name;
    *ret = (struct name_folded){.size = 0};
    return after.len ? name_fold(after.data, after.len, ret) : ERR_OK;
}

/* --- ROOMS, by name; or the one that is named. */

/* The index knows it up to a moment ago; where little is missing, the log is asked too. */
static enum err find_last_seq(struct query *query, const struct room_row *row, uint64_t *ret)
{
    struct store_stats stats;
    store_stats(query->page.h->store, &stats);
    *ret = row->last_seq;
    if (query->query->scope.len == 0 && stats.last_seq - stats.indexed_seq > TAIL_SMALL)
        return ERR_OK;
    return room_last_seq(query->page.h->store, row->scope_id, ret);
}

static enum err take_room(void *context, const struct room_row *row)
{
    struct walk *walk = context;
    struct history *h = walk->query->page.h;
    if (is_over(walk))
        return ERR_OK;
    Roost__V1__Room *room = history_alloc(h, sizeof(*room));
    if (!room)
        return ERR_BUSY;
    roost__v1__room__init(room);
    room->privacy = (Roost__V1__Privacy)row->privacy;
    room->members = row->member_count;
    room->my_role = (Roost__V1__RoomRole)row->role;
    room->created_ms = (uint64_t)row->created_ms;
    room->retention_ms = (uint64_t)row->retention_ms;
    room->is_archived = row->is_archived;
    ProtobufCBinaryData creator = history_peer_name(h, row->creator_id);
    bool is_copied = history_copy(h, creator.data, creator.len, &room->creator) &&
                     copy_text(h, row->name, &room->name) &&
                     copy_text(h, row->display_name, &room->display_name) &&
                     copy_text(h, row->topic, &room->topic) &&
                     copy_text(h, row->description, &room->description);
    enum err err = find_last_seq(walk->query, row, &room->last_seq);
    if (!err)
        err = is_copied ? page_add(&walk->query->page, PAGE_ROOMS, &room->base) : ERR_BUSY;
    if (err)
        return err;
    walk->query->page.fin.next_name = room->name;
    walk->seen++;
    return ERR_OK;
}

static bool sees_private(const struct rights_who *who, bool is_admin)
{
    enum rights_room_role role = rights_effective_role(who);
    return is_admin || (role != RIGHTS_NO_MEMBER && role != RIGHTS_BANNED);
}

/* A private room is not there for who is not in it. */
static enum err read_room(struct query *query, struct walk *walk)
{
    int64_t scope_id = 0;
    uint64_t since;
    struct rights_who who;
    enum err err = find_room(query, &scope_id);
    if (!err)
        err = look_up(query, scope_id, &who, &since);
    if (!err && who.privacy == RIGHTS_PRIVATE && !sees_private(&who, query->is_admin))
        err = ERR_NO_SUCH_SCOPE;
    return err ? err : room_read(query->page.h->store, scope_id, query->peer_id, take_room, walk);
}

static enum err take_role(void *context, const struct account_row *row)
{
    *(bool *)context |= (int)row->role >= (int)RIGHTS_ACCOUNT_MODERATOR; /* the same numbers */
    return ERR_OK;
}

/* Private rooms too. */
static enum err sees_all(struct query *query, bool *ret)
{
    *ret = query->is_admin;
    enum err err = account_read(query->page.h->store, query->peer_id, take_role, ret);
    return err == ERR_NO_SUCH_USER ? ERR_OK : err;
}

enum err query_rooms(struct query *query)
{
    struct walk walk = {.query = query};
    struct name_folded after;
    bool is_all = false;
    if (query->query->scope.len)
        return read_room(query, &walk);
    enum err err = fold_after(query, &after);
    if (!err)
        err = sees_all(query, &is_all);
    if (err)
        return err;
    struct room_page page = {
        .after_folded = after.text,
        .peer_id = query->peer_id,
        .is_all = is_all,
        .is_mine = query->query->online_only,
        .limit = query->limit + 1,
    };
    return room_list(query->page.h->store, &page, take_room, &walk);
}

/* --- MEMBERS of a room, by name. */

static enum err add_member(struct walk *walk, const struct member_view *row, bool is_online)
{
    struct history *h = walk->query->page.h;
    Roost__V1__Member *member = history_alloc(h, sizeof(*member));
    if (!member)
        return ERR_BUSY;
    roost__v1__member__init(member);
    member->role = (Roost__V1__RoomRole)row->member.role;
    member->joined_ms = (uint64_t)row->member.joined_ms;
    member->is_online = is_online;
    if (!copy_text(h, row->name, &member->peer))
        return ERR_BUSY;
    return page_add(&walk->query->page, PAGE_MEMBERS, &member->base);
}

/* `seen` counts who was looked at, so that a page costs what a page costs. */
static enum err take_member(void *context, const struct member_view *row)
{
    struct walk *walk = context;
    struct query *query = walk->query;
    struct history *h = query->page.h;
    if (is_over(walk))
        return ERR_OK;
    bool is_online = presence_is_online(row->last_seen_ms, row->left_ms, history_now_ms(h),
                                        h->options.presence_timeout_ms);
    enum err err = ERR_OK;
    if (is_online || !query->query->online_only)
        err = add_member(walk, row, is_online);
    if (err)
        return err;
    walk->seen++;
    return copy_text(h, row->name, &query->page.fin.next_name) ? ERR_OK : ERR_BUSY;
}

/* Who is banned is for those to know who can lift it. */
enum err query_members(struct query *query)
{
    struct walk walk = {.query = query};
    struct name_folded after;
    struct rights_who who;
    uint64_t since;
    int64_t scope_id = 0;
    enum err err = find_room(query, &scope_id);
    if (!err)
        err = look_up(query, scope_id, &who, &since);
    if (!err && !query->is_admin)
        err = rights_check(RIGHTS_READ, &who);
    if (!err)
        err = fold_after(query, &after);
    if (err)
        return err;
    struct member_page page = {
        .scope_id = scope_id,
        .after_folded = after.text,
        .has_banned = query->is_admin || rights_check(RIGHTS_BAN, &who) == ERR_OK,
        .limit = query->limit + 1,
    };
    return member_list(query->page.h->store, &page, take_member, &walk);
}

/* --- INVITATIONS: pending ones, to the asker or from it. */

static enum err take_invitation(void *context, const struct invitation_row *row)
{
    struct walk *walk = context;
    struct query *query = walk->query;
    struct history *h = query->page.h;
    if (is_over(walk))
        return ERR_OK;
    Roost__V1__Invitation *out = history_alloc(h, sizeof(*out));
    if (!out)
        return ERR_BUSY;
    roost__v1__invitation__init(out);
    out->scope = history_scope_text(h, row->scope_id);
    out->status = (Roost__V1__InvitationStatus)row->status;
    out->created_ms = (uint64_t)row->created_ms;
    out->expires_ms = (uint64_t)row->expires_ms;
    out->responded_ms = (uint64_t)row->responded_ms;
    ProtobufCBinaryData inviter = history_peer_name(h, row->inviter_id);
    bool is_copied = history_copy(h, inviter.data, inviter.len, &out->inviter);
    ProtobufCBinaryData invitee = history_peer_name(h, row->invitee_id);
    is_copied = is_copied && history_copy(h, invitee.data, invitee.len, &out->invitee) &&
                history_copy(h, row->uuid, sizeof(row->uuid), &out->invitation_id) &&
                copy_text(h, row->text, &out->text);
    enum err err = is_copied ? page_add(&query->page, PAGE_INVITATIONS, &out->base) : ERR_BUSY;
    if (err)
        return err;
    query->page.fin.next_seq = (uint64_t)row->id;
    walk->seen++;
    return ERR_OK;
}

enum err query_invitations(struct query *query)
{
    struct walk walk = {.query = query};
    const Roost__V1__Query *asked = query->query;
    struct invitation_page page = {
        .peer_id = query->peer_id,
        .newest_first = asked->newest_first,
        .after_id = (int64_t)asked->after_seq,
        .before_id = (int64_t)asked->before_seq,
        .now_ms = history_now_ms(query->page.h),
        .limit = query->limit + 1,
    };
    if (asked->peer.len) {
        int64_t id = 0;
        enum err err = history_find_peer(query->page.h, asked->peer, &id);
        if (!err && id != query->peer_id)
            err = query->is_admin ? ERR_OK : ERR_NOT_ALLOWED;
        if (err)
            return err;
        page.is_sent = id == query->peer_id;
        page.peer_id = id;
    }
    return invitation_list(query->page.h->store, &page, take_invitation, &walk);
}
