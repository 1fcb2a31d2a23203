/* SPDX-License-Identifier: MPL-2.0
 *
 * See lair_map.h. The tables of words are those of docs/IMPORT.md.
 */
#include "clients/import/lair_map.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "broker.pb-c.h"
#include "phc.h"
#include "proto/name.h"
#include "proto/uuid.h"
#include "store/reactions.h"

#define COLUMN(name)  FOREIGN_lair_##name
#define PROFILE_BYTES 65536u
#define WORD_BYTES    64u

/* Text for people; what does not fit is cut, what may not be is left out. */
static bool read_words(const struct foreign_row *row, enum foreign_column column, char *ret,
                       size_t size, struct verdict *verdict)
{
    struct text text;
    const char *problem = NULL;
    ret[0] = '\0';
    if (!read_text(row, column, WANTED, PROFILE_BYTES, &text, verdict))
        return false;
    if (name_check_text(text.data, text.size, &problem) != ERR_OK) {
        verdict_remark(verdict, "%s was left out: %s", foreign_column_name(column), problem);
        return true;
    }
    if (text.size >= size)
        verdict_remark(verdict, "%s was cut to %zu bytes", foreign_column_name(column), size - 1);
    text_dup(text, ret, size);
    return true;
}

/* ---------------------------------------------------------------- users */

static void map_role(struct text role, struct lair_user *user, struct verdict *verdict)
{
    static const char *const words[] = {"guest", "user", "moderator", "admin", NULL};
    int index = text_index(role, words);
    user->role = index < 0 ? ACCOUNT_USER : (enum account_role)(index + ACCOUNT_GUEST);
    if (index < 0 && role.size)
        verdict_remark(verdict, "its role is unknown and became user");
}

static void map_hash(struct text hash, struct lair_user *user, struct verdict *verdict)
{
    struct phc_cost cost;
    user->password_hash[0] = '\0';
    if (phc_check(hash.data, hash.size, &cost) == ERR_OK)
        text_dup(hash, user->password_hash, sizeof(user->password_hash));
    else
        verdict_remark(verdict, "its password is not a hash of Argon2id that can be verified; the"
                                " account needs a new one from an administrator");
}

/* The name people are shown may be in the profile. */
static void map_profile(struct text profile, struct lair_user *user, struct verdict *verdict)
{
    static const char *const keys[] = {"display_name", "full_name"};
    user->display_name[0] = '\0';
    if (profile.size == 0)
        return;
    json_t *json = json_loadb(profile.data, profile.size, 0, NULL);
    if (!json)
        verdict_remark(verdict, "its profile is not JSON");
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !user->display_name[0]; i++) {
        const char *name = json_string_value(json_object_get(json, keys[i]));
        size_t size = name ? strlen(name) : 0;
        if (size && size <= WIRE_DISPLAY_NAME_BYTES_MAX &&
            name_check_text(name, size, NULL) == ERR_OK)
            memcpy(user->display_name, name, size + 1);
    }
    json_decref(json);
}

bool lair_map_user(const struct foreign_row *row, struct lair_user *ret, struct verdict *verdict)
{
    struct text hash, role;
    const char *problem = NULL;
    if (!read_uuid(row, COLUMN(users_id), NEEDED, ret->id, NULL, verdict) ||
        !read_text(row, COLUMN(users_username), NEEDED, WIRE_NAME_BYTES_MAX, &ret->name, verdict))
        return false;
    if (name_check_user(ret->name.data, ret->name.size, &problem) != ERR_OK)
        return verdict_skip(verdict, "no account can have its name: %s", problem);
    if (!read_text(row, COLUMN(users_password_hash), WANTED, PHC_BYTES_MAX, &hash, verdict) ||
        !read_text(row, COLUMN(users_role), WANTED, WORD_BYTES, &role, verdict) ||
        !read_text(row, COLUMN(users_email), WANTED, WIRE_TEXT_BYTES_MAX, &ret->email, verdict) ||
        !read_text(row, COLUMN(users_profile), WANTED, PROFILE_BYTES, &ret->profile, verdict) ||
        !read_seconds(row, COLUMN(users_created_at), WANTED, &ret->created_ms, verdict) ||
        !read_seconds(row, COLUMN(users_last_seen), WANTED, &ret->last_seen_ms, verdict))
        return false;
    ret->is_active = read_flag(row, COLUMN(users_is_active), true, verdict);
    map_role(role, ret, verdict);
    map_hash(hash, ret, verdict);
    map_profile(ret->profile, ret, verdict);
    return true;
}

/* ---------------------------------------------------------------- rooms */

static void map_privacy(struct text privacy, struct lair_room *room, struct verdict *verdict)
{
    static const char *const words[] = {"public", "private", "protected", "system", NULL};
    static const enum room_privacy meanings[] = {ROOM_PUBLIC, ROOM_PRIVATE, ROOM_PROTECTED,
                                                 ROOM_PRIVATE};
    int index = privacy.size ? text_index(privacy, words) : 0;
    room->privacy = index < 0 ? ROOM_PRIVATE : meanings[index];
    room->is_closed = room->privacy != ROOM_PUBLIC;
    room->is_system = index == 3;
    if (index < 0)
        verdict_remark(verdict, "its privacy is unknown and became private");
    if (room->privacy == ROOM_PROTECTED)
        verdict_remark(verdict, "its password is not in the file: until its owner sets a new one it"
                                " is joined by invitation");
}

bool lair_map_room(const struct foreign_row *row, struct lair_room *ret, struct verdict *verdict)
{
    struct text type, privacy;
    if (!read_uuid(row, COLUMN(rooms_id), NEEDED, ret->id, NULL, verdict) ||
        !read_text(row, COLUMN(rooms_room_type), WANTED, WORD_BYTES, &type, verdict))
        return false;
    ret->is_direct = text_is(type, "direct_message");
    size_t name_max = ret->is_direct ? PROFILE_BYTES : WIRE_NAME_BYTES_MAX;
    if (!read_text(row, COLUMN(rooms_name), NEEDED, name_max, &ret->name, verdict))
        return false;
    if (ret->is_direct)
        return true; /* nothing else of it is left */
    if (!read_text(row, COLUMN(rooms_privacy), WANTED, WORD_BYTES, &privacy, verdict) ||
        !read_uuid(row, COLUMN(rooms_created_by), WANTED, ret->creator_id, &ret->has_creator,
                   verdict) ||
        !read_seconds(row, COLUMN(rooms_created_at), WANTED, &ret->created_ms, verdict) ||
        !read_words(row, COLUMN(rooms_display_name), ret->display_name, sizeof(ret->display_name),
                    verdict) ||
        !read_words(row, COLUMN(rooms_topic), ret->topic, sizeof(ret->topic), verdict) ||
        !read_words(row, COLUMN(rooms_description), ret->description, sizeof(ret->description),
                    verdict))
        return false;
    ret->is_archived = !read_flag(row, COLUMN(rooms_is_active), true, verdict);
    map_privacy(privacy, ret, verdict);
    return true;
}

bool lair_map_member(const struct foreign_row *row, struct lair_member *ret,
                     struct verdict *verdict)
{
    static const char *const words[] = {"owner", "admin", "moderator", "member", "guest", NULL};
    static const enum member_role meanings[] = {MEMBER_OWNER, MEMBER_MODERATOR, MEMBER_MODERATOR,
                                                MEMBER_MEMBER, MEMBER_READER};
    struct text role;
    if (!read_uuid(row, COLUMN(members_room_id), NEEDED, ret->room_id, NULL, verdict) ||
        !read_uuid(row, COLUMN(members_user_id), NEEDED, ret->user_id, NULL, verdict) ||
        !read_text(row, COLUMN(members_role), WANTED, WORD_BYTES, &role, verdict) ||
        !read_seconds(row, COLUMN(members_joined_at), WANTED, &ret->joined_ms, verdict))
        return false;
    int index = text_index(role, words);
    ret->role = index < 0 ? MEMBER_MEMBER : meanings[index];
    if (index < 0 && role.size)
        verdict_remark(verdict, "its role is unknown and became member");
    ret->is_active = read_flag(row, COLUMN(members_is_active), true, verdict);
    return true;
}

/* ---------------------------------------------------------------- messages */

static bool map_type(struct text type, struct lair_message *message, struct verdict *verdict)
{
    static const struct {
        const char *word;
        uint32_t kind;
        const char *content_type;
    } types[] = {
        {"text", ROOST__V1__KIND__TEXT, ""},
        {"markdown", ROOST__V1__KIND__TEXT, "text/markdown"},
        {"code", ROOST__V1__KIND__TEXT, "text/x-code"},
        {"system", ROOST__V1__KIND__SYSTEM, "text/plain"},
        {"file", ROOST__V1__KIND__FILE_SHARE, "text/plain"},
        {"image", ROOST__V1__KIND__FILE_SHARE, "text/plain"},
        {"voice", ROOST__V1__KIND__FILE_SHARE, "text/plain"},
        {"video", ROOST__V1__KIND__FILE_SHARE, "text/plain"},
        {"encrypted", ROOST__V1__KIND__CUSTOM, "application/x-lair-encrypted"},
    };
    message->type = type;
    message->kind = ROOST__V1__KIND__CUSTOM;
    message->content_type = "text/plain";
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!text_is(type, types[i].word) && (type.size || i))
            continue;
        message->kind = types[i].kind;
        message->content_type = types[i].content_type;
        return true;
    }
    verdict_remark(verdict, "its message_type is unknown; it became custom");
    return true;
}

static bool read_times(const struct foreign_row *row, struct lair_message *ret,
                       struct verdict *verdict)
{
    if (!read_seconds(row, COLUMN(messages_timestamp), NEEDED, &ret->created_ms, verdict) ||
        !read_seconds(row, COLUMN(messages_edited_at), WANTED, &ret->edited_ms, verdict) ||
        !read_seconds(row, COLUMN(messages_deleted_at), WANTED, &ret->deleted_ms, verdict))
        return false;
    ret->is_deleted = read_flag(row, COLUMN(messages_is_deleted), false, verdict);
    if (ret->is_deleted && ret->deleted_ms == 0)
        ret->deleted_ms = ret->created_ms;
    return true;
}

bool lair_map_message(const struct foreign_row *row, struct lair_message *ret,
                      struct verdict *verdict)
{
    struct text type;
    if (!read_uuid(row, COLUMN(messages_id), NEEDED, ret->id, NULL, verdict) ||
        !read_uuid(row, COLUMN(messages_room_id), NEEDED, ret->room_id, NULL, verdict) ||
        !read_uuid(row, COLUMN(messages_user_id), NEEDED, ret->user_id, NULL, verdict) ||
        !read_times(row, ret, verdict) ||
        !read_text(row, COLUMN(messages_message_type), WANTED, WORD_BYTES, &type, verdict) ||
        !read_text(row, COLUMN(messages_metadata), WANTED, WIRE_HEADER_VALUE_BYTES_MAX,
                   &ret->metadata, verdict) ||
        !read_uuid(row, COLUMN(messages_parent_message_id), WANTED, ret->parent_id,
                   &ret->has_parent, verdict))
        return false;
    if (text_is(ret->metadata, "{}") || text_is(ret->metadata, "null"))
        ret->metadata.size = 0;
    ret->body = (struct text){.data = ""};
    const struct foreign_value *content = foreign_get(row, COLUMN(messages_content));
    bool is_empty = content->type == FOREIGN_TEXT && content->size == 0;
    if (!ret->is_deleted && !is_empty && /* what was deleted is not brought back */
        !read_text(row, COLUMN(messages_content), NEEDED, WIRE_BODY_BYTES_DEFAULT, &ret->body,
                   verdict))
        return false;
    return map_type(type, ret, verdict);
}

/* ---------------------------------------------------------------- reactions and receipts */

bool lair_map_reaction(const struct foreign_row *row, struct lair_mark *ret,
                       struct verdict *verdict)
{
    const char *problem = NULL;
    if (!read_uuid(row, COLUMN(reactions_message_id), NEEDED, ret->message_id, NULL, verdict) ||
        !read_uuid(row, COLUMN(reactions_user_id), NEEDED, ret->user_id, NULL, verdict) ||
        !read_text(row, COLUMN(reactions_reaction), NEEDED, REACTION_BYTES_MAX, &ret->emoji,
                   verdict) ||
        !read_seconds(row, COLUMN(reactions_timestamp), WANTED, &ret->at_ms, verdict))
        return false;
    if (name_check_text(ret->emoji.data, ret->emoji.size, &problem) != ERR_OK)
        return verdict_skip(verdict, "reaction: %s", problem);
    return true;
}

bool lair_map_receipt(const struct foreign_row *row, struct lair_mark *ret, struct verdict *verdict)
{
    return read_uuid(row, COLUMN(receipts_message_id), NEEDED, ret->message_id, NULL, verdict) &&
           read_uuid(row, COLUMN(receipts_user_id), NEEDED, ret->user_id, NULL, verdict) &&
           read_seconds(row, COLUMN(receipts_timestamp), WANTED, &ret->at_ms, verdict);
}

/* ---------------------------------------------------------------- invitations */

bool lair_map_invitation(const struct foreign_row *row, int64_t now_ms, struct lair_invitation *ret,
                         struct verdict *verdict)
{
    static const char *const words[] = {"pending", "accepted", "declined",
                                        "revoked", "expired",  NULL};
    struct text type, status;
    bool has_room;
    if (!read_uuid(row, COLUMN(invitations_id), NEEDED, ret->id, NULL, verdict) ||
        !read_text(row, COLUMN(invitations_invitation_type), WANTED, WORD_BYTES, &type, verdict))
        return false;
    if (type.size && !text_is(type, "room_invitation"))
        return verdict_skip(verdict, "only invitations to rooms are taken over: it is a %.*s",
                            (int)type.size, type.data);
    if (!read_uuid(row, COLUMN(invitations_sender_user_id), NEEDED, ret->inviter_id, NULL,
                   verdict) ||
        !read_uuid(row, COLUMN(invitations_recipient_user_id), NEEDED, ret->invitee_id, NULL,
                   verdict) ||
        !read_uuid(row, COLUMN(invitations_room_id), NEEDED, ret->room_id, &has_room, verdict) ||
        !read_text(row, COLUMN(invitations_status), NEEDED, WORD_BYTES, &status, verdict) ||
        !read_words(row, COLUMN(invitations_message), ret->text, sizeof(ret->text), verdict) ||
        !read_seconds(row, COLUMN(invitations_created_at), WANTED, &ret->created_ms, verdict) ||
        !read_seconds(row, COLUMN(invitations_expires_at), WANTED, &ret->expires_ms, verdict) ||
        !read_seconds(row, COLUMN(invitations_responded_at), WANTED, &ret->responded_ms, verdict))
        return false;
    int index = text_index(status, words);
    if (index < 0)
        return verdict_skip(verdict, "its status is unknown");
    ret->status = (enum invitation_status)(index + INVITATION_PENDING);
    if (ret->status == INVITATION_PENDING && ret->expires_ms && ret->expires_ms <= now_ms)
        ret->status = INVITATION_EXPIRED;
    return true;
}

/* -1: not there. */
static int64_t read_number(const struct foreign_row *row, enum foreign_column column)
{
    const struct foreign_value *value = foreign_get(row, column);
    return value->type == FOREIGN_INTEGER ? value->number : -1;
}

bool lair_map_room_invite(const struct foreign_row *row, int64_t now_ms,
                          struct lair_invitation *ret, struct verdict *verdict)
{
    bool has_invitee;
    ret->text[0] = '\0';
    ret->responded_ms = 0;
    if (!read_uuid(row, COLUMN(room_invites_id), NEEDED, ret->id, NULL, verdict) ||
        !read_uuid(row, COLUMN(room_invites_invited_user), WANTED, ret->invitee_id, &has_invitee,
                   verdict))
        return false;
    if (!has_invitee)
        return verdict_skip(verdict, "it is for whoever has its code or e-mail address; roost"
                                     " invites peers by name");
    if (!read_uuid(row, COLUMN(room_invites_room_id), NEEDED, ret->room_id, NULL, verdict) ||
        !read_uuid(row, COLUMN(room_invites_invited_by), NEEDED, ret->inviter_id, NULL, verdict) ||
        !read_seconds(row, COLUMN(room_invites_created_at), WANTED, &ret->created_ms, verdict) ||
        !read_seconds(row, COLUMN(room_invites_expires_at), WANTED, &ret->expires_ms, verdict))
        return false;
    int64_t used = read_number(row, COLUMN(room_invites_use_count));
    int64_t most = read_number(row, COLUMN(room_invites_max_uses));
    ret->status = INVITATION_PENDING;
    if (!read_flag(row, COLUMN(room_invites_is_active), true, verdict))
        ret->status = INVITATION_REVOKED;
    if (used > 0 && used >= most)
        ret->status = INVITATION_ACCEPTED;
    else if (ret->expires_ms && ret->expires_ms <= now_ms)
        ret->status = INVITATION_EXPIRED;
    return true;
}

/* ---------------------------------------------------------------- moderation */

bool lair_map_restriction(const struct foreign_row *row, int64_t now_ms,
                          struct lair_restriction *ret, struct verdict *verdict)
{
    struct text action;
    int64_t expires_ms;
    if (!read_uuid(row, COLUMN(moderation_user_id), NEEDED, ret->user_id, NULL, verdict) ||
        !read_uuid(row, COLUMN(moderation_room_id), WANTED, ret->room_id, &ret->has_room,
                   verdict) ||
        !read_text(row, COLUMN(moderation_action), NEEDED, WORD_BYTES, &action, verdict) ||
        !read_words(row, COLUMN(moderation_reason), ret->reason, sizeof(ret->reason), verdict) ||
        !read_seconds(row, COLUMN(moderation_expires_at), WANTED, &expires_ms, verdict))
        return false;
    bool is_ban = text_is(action, "ban"), is_mute = text_is(action, "mute");
    if (!read_flag(row, COLUMN(moderation_is_active), true, verdict) ||
        (expires_ms && expires_ms <= now_ms))
        return verdict_skip(verdict, "it is over");
    if (!is_ban && !is_mute)
        return verdict_skip(verdict, "%.*s: roost has nothing that lasts for it", (int)action.size,
                            action.data);
    if (is_mute && !ret->has_room)
        return verdict_skip(verdict, "a mute everywhere: roost mutes in a room (as a reader)");
    if (ret->has_room && expires_ms)
        return verdict_skip(verdict, "it ends by itself, which roles in rooms do not; set it anew");
    ret->role = is_ban ? MEMBER_BANNED : MEMBER_READER;
    ret->until_ms = expires_ms ? expires_ms : (int64_t)WIRE_TIME_MS_MAX;
    return true;
}

/* ---------------------------------------------------------------- audit */

/* The two names of the table have the same columns. */
static enum foreign_column same(const struct foreign_row *row, enum foreign_column column)
{
    int offset = (int)column - (int)FOREIGN_lair_audit_log_begin;
    return (enum foreign_column)((int)row->begin + offset);
}

bool lair_map_audit(const struct foreign_row *row, struct lair_audit *ret, struct verdict *verdict)
{
    struct text action, target_type, details, address;
    char id[UUID_TEXT_LENGTH + 1];
    if (!read_uuid(row, same(row, COLUMN(audit_log_id)), NEEDED, ret->id, NULL, verdict) ||
        !read_seconds(row, same(row, COLUMN(audit_log_timestamp)), NEEDED, &ret->at_ms, verdict) ||
        !read_text(row, same(row, COLUMN(audit_log_action)), NEEDED, 100, &action, verdict) ||
        !read_uuid(row, same(row, COLUMN(audit_log_user_id)), WANTED, ret->user_id, &ret->has_user,
                   verdict) ||
        !read_uuid(row, same(row, COLUMN(audit_log_target_id)), WANTED, ret->target_id,
                   &ret->has_target, verdict) ||
        !read_text(row, same(row, COLUMN(audit_log_target_type)), WANTED, 60, &target_type,
                   verdict) ||
        !read_text(row, same(row, COLUMN(audit_log_details)), WANTED, PROFILE_BYTES, &details,
                   verdict) ||
        !read_text(row, same(row, COLUMN(audit_log_ip_address)), WANTED, 100, &address, verdict))
        return false;
    uuid_format(ret->id, id);
    (void)snprintf(ret->action, sizeof(ret->action), "lair-%.*s", (int)action.size, action.data);
    text_dup(target_type, ret->target_type, sizeof(ret->target_type));
    char rest[WIRE_TEXT_BYTES_MAX - 200]; /* after the id and the address */
    text_dup(details, rest, sizeof(rest));
    (void)snprintf(ret->detail, sizeof(ret->detail), LAIR_AUDIT_MARK "%s%s%.*s %s", id,
                   address.size ? " " : "", (int)address.size, address.data, rest);
    return true;
}
