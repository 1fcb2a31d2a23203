/* SPDX-License-Identifier: MPL-2.0
 *
 * See writer.h: rooms, members, invitations.
 */
#include <string.h>

#include "clients/import/writer_state.h"
#include "rt/check.h"

/* ---------------------------------------------------------------- rooms */

struct room_comparison {
    const struct writer_room *wanted;
    struct writer_room_found *found;
};

static enum err compare(void *context, const struct room_row *row)
{
    struct room_comparison *comparison = context;
    const struct writer_room *wanted = comparison->wanted;
    struct writer_room_found *found = comparison->found;
    found->privacy = row->privacy;
    found->is_from_import =
        row->creator_id == wanted->creator_id && row->created_ms == wanted->created_ms;
    found->differs = row->privacy != wanted->privacy || row->is_archived != wanted->is_archived ||
                     strcmp(row->topic, wanted->topic) != 0 ||
                     strcmp(row->description, wanted->description) != 0 ||
                     strcmp(row->display_name, wanted->display_name) != 0;
    return ERR_OK;
}

static enum err create_room(struct writer *writer, const struct writer_room *room,
                            const struct stored_name *name, int64_t *ret_id)
{
    struct room_row row = {
        .privacy = room->privacy,
        .creator_id = room->creator_id,
        .created_ms = room->created_ms,
        .display_name = room->display_name,
        .topic = room->topic,
        .description = room->description,
        .password_hash = room->password_hash,
    };
    enum err err = scope_create(writer->store, SCOPE_ROOM, name->name, name->folded.text, 0,
                                room->created_ms, &row.scope_id);
    if (!err)
        err = room_create(writer->store, &row);
    if (!err && room->is_archived)
        err = room_set_archived(writer->store, row.scope_id, true);
    if (!err)
        *ret_id = row.scope_id;
    return err;
}

enum err writer_room(struct writer *writer, const struct writer_room *room,
                     struct writer_room_found *ret, const char **ret_problem)
{
    struct stored_name name;
    struct scope_row scope = {.id = 0};
    struct room_comparison comparison = {.wanted = room, .found = ret};
    *ret = (struct writer_room_found){.is_from_import = true, .privacy = room->privacy};
    *ret_problem = NULL;
    enum err err = name_check(room->name.data, room->name.size, ret_problem);
    if (!err)
        err = writer_name(room->name, &name);
    if (err)
        return err;
    err = writer->store ? scope_find(writer->store, SCOPE_ROOM, name.folded.text, &scope)
                        : ERR_NO_SUCH_SCOPE;
    ret->scope_id = scope.id;
    if (err != ERR_NO_SUCH_SCOPE)
        return err ? err : room_read(writer->store, scope.id, 0, compare, &comparison);
    if (writer->is_dry && (ret->scope_id = writer_dry_find(writer, SCOPE_ROOM, &name)) != 0)
        return ERR_OK;
    if (!writer->store && strcmp(name.folded.text, "lobby") == 0) /* every store has it */
        ret->privacy = ROOM_OPEN;
    else
        err = name_check_room(room->name.data, room->name.size, ret_problem);
    if (err == ERR_OK || err == ERR_NO_SUCH_SCOPE) {
        ret->is_new = ret->privacy != ROOM_OPEN;
        return writer->is_dry ? writer_dry_make(writer, SCOPE_ROOM, &name, &ret->scope_id)
                              : create_room(writer, room, &name, &ret->scope_id);
    }
    return err;
}

/* ---------------------------------------------------------------- members */

static bool is_member(enum member_role role)
{
    return role != MEMBER_NONE && role != MEMBER_BANNED;
}

static enum err find_role(struct writer *writer, int64_t scope_id, int64_t peer_id,
                          enum member_role *ret)
{
    struct member_standing standing;
    enum err err = member_standing(writer->store, scope_id, peer_id, &standing);
    if (!err)
        *ret = standing.role;
    return err;
}

static bool is_invented(int64_t scope_id, int64_t peer_id)
{
    return writer_is_dry_id(scope_id) || writer_is_dry_id(peer_id);
}

/* What it may read begins with what is imported after this: members come before messages. */
static enum err put(struct writer *writer, const struct member_row *member, enum member_role before)
{
    struct store_stats stats;
    struct member_row row = *member;
    store_progress(writer->store, &stats);
    row.joined_seq = stats.last_seq;
    enum err err = before == MEMBER_NONE
                       ? member_put(writer->store, &row)
                       : member_set_role(writer->store, row.scope_id, row.peer_id, row.role);
    int64_t change = (int64_t)is_member(row.role) - (int64_t)is_member(before);
    if (!err && change)
        err = room_add_members(writer->store, row.scope_id, change);
    return err;
}

enum err writer_member(struct writer *writer, const struct member_row *member,
                       enum outcome *ret_outcome)
{
    enum member_role role = MEMBER_NONE;
    *ret_outcome = ROW_ADDED;
    if (is_invented(member->scope_id, member->peer_id))
        return ERR_OK;
    enum err err = find_role(writer, member->scope_id, member->peer_id, &role);
    if (role != MEMBER_NONE)
        *ret_outcome = ROW_PRESENT;
    if (err || role != MEMBER_NONE || writer->is_dry)
        return err;
    return put(writer, member, role);
}

enum err writer_is_member(struct writer *writer, int64_t scope_id, int64_t peer_id, bool *ret)
{
    enum member_role role = MEMBER_NONE;
    *ret = true;
    if (is_invented(scope_id, peer_id))
        return ERR_OK;
    enum err err = find_role(writer, scope_id, peer_id, &role);
    *ret = is_member(role);
    return err;
}

enum err writer_restrict(struct writer *writer, int64_t scope_id, int64_t peer_id,
                         enum member_role role, enum outcome *ret_outcome)
{
    enum member_role before = MEMBER_NONE;
    struct member_row row = {
        .scope_id = scope_id, .peer_id = peer_id, .role = role, .joined_ms = writer->now_ms};
    *ret_outcome = ROW_ADDED;
    if (is_invented(scope_id, peer_id))
        return ERR_OK;
    enum err err = find_role(writer, scope_id, peer_id, &before);
    /* The higher the number, the less he may do; who is no member is not made a reader. */
    if (before >= role || (before == MEMBER_NONE && role == MEMBER_READER))
        *ret_outcome = ROW_PRESENT;
    if (err || *ret_outcome == ROW_PRESENT || writer->is_dry)
        return err;
    return put(writer, &row, before);
}

/* ---------------------------------------------------------------- invitations */

enum err writer_invitation(struct writer *writer, const struct invitation_row *row,
                           enum outcome *ret_outcome)
{
    struct invitation_row found;
    *ret_outcome = ROW_ADDED;
    if (!writer->store)
        return ERR_OK;
    enum err err = invitation_find(writer->store, row->uuid, &found);
    if (!err)
        *ret_outcome = ROW_PRESENT;
    if (err != ERR_NO_SUCH_INVITATION)
        return err;
    if (row->status == INVITATION_PENDING && !is_invented(row->scope_id, row->invitee_id)) {
        err = invitation_find_pending(writer->store, row->scope_id, row->invitee_id, 0, &found);
        if (err != ERR_NO_SUCH_INVITATION)
            return err ? err : ERR_ALREADY_INVITED;
    }
    return writer->is_dry ? ERR_OK : invitation_import(writer->store, row);
}
