/* SPDX-License-Identifier: MPL-2.0
 *
 * Rows of pages about people: rooms, members, invitations, users, tokens, keys, the audit log.
 */
#include <string.h>

#include "clients/c/request.h"

bool fill_room(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__Room *from = part;
    struct roost_room *room = item;
    *room = (struct roost_room){
        .name = arena_text(&page->arena, from->name),
        .display_name = arena_text(&page->arena, from->display_name),
        .topic = arena_text(&page->arena, from->topic),
        .description = arena_text(&page->arena, from->description),
        .privacy = (enum roost_privacy)from->privacy,
        .members = from->members,
        .my_role = (enum roost_room_role)from->my_role,
        .created_ms = from->created_ms,
        .creator = arena_text(&page->arena, from->creator),
        .retention_ms = from->retention_ms,
        .is_archived = from->is_archived,
        .last_seq = from->last_seq,
    };
    return room->name && room->display_name && room->topic && room->description && room->creator;
}

bool fill_member(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__Member *from = part;
    struct roost_member *member = item;
    *member = (struct roost_member){
        .peer = arena_text(&page->arena, from->peer),
        .role = (enum roost_room_role)from->role,
        .joined_ms = from->joined_ms,
        .is_online = from->is_online,
    };
    return member->peer;
}

bool fill_invitation(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__Invitation *from = part;
    struct roost_invitation *invitation = item;
    *invitation = (struct roost_invitation){
        .scope = arena_text(&page->arena, from->scope),
        .inviter = arena_text(&page->arena, from->inviter),
        .invitee = arena_text(&page->arena, from->invitee),
        .status = (enum roost_invitation_status)from->status,
        .text = arena_text(&page->arena, from->text),
        .created_ms = from->created_ms,
        .expires_ms = from->expires_ms,
        .responded_ms = from->responded_ms,
    };
    if (from->invitation_id.len == ROOST_ID_BYTES)
        memcpy(invitation->invitation_id, from->invitation_id.data, ROOST_ID_BYTES);
    return invitation->scope && invitation->inviter && invitation->invitee && invitation->text;
}

bool fill_user(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__User *from = part;
    struct roost_user *user = item;
    *user = (struct roost_user){
        .name = arena_text(&page->arena, from->name),
        .role = (enum roost_role)from->role,
        .is_active = from->is_active,
        .is_online = from->is_online,
        .banned_until_ms = from->banned_until_ms,
        .ban_reason = arena_text(&page->arena, from->ban_reason),
        .created_ms = from->created_ms,
        .login_ms = from->login_ms,
    };
    return user->name && user->ban_reason;
}

bool fill_token_session(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__Session *from = part;
    struct roost_token_session *session = item;
    *session = (struct roost_token_session){
        .id = from->id,
        .peer = arena_text(&page->arena, from->peer),
        .kind = arena_text(&page->arena, from->kind),
        .label = arena_text(&page->arena, from->label),
        .address = arena_text(&page->arena, from->address),
        .created_ms = from->created_ms,
        .used_ms = from->used_ms,
        .expires_ms = from->expires_ms,
    };
    return session->peer && session->kind && session->label && session->address;
}

bool fill_key(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__DeviceKey *from = part;
    struct roost_key *key = item;
    *key = (struct roost_key){
        .id = from->id,
        .peer = arena_text(&page->arena, from->peer),
        .key = arena_text(&page->arena, from->key),
        .label = arena_text(&page->arena, from->label),
        .created_ms = from->created_ms,
        .used_ms = from->used_ms,
        .revoked_ms = from->revoked_ms,
    };
    return key->peer && key->key && key->label;
}

bool fill_audit(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__AuditEntry *from = part;
    struct roost_audit_entry *entry = item;
    *entry = (struct roost_audit_entry){
        .id = from->id,
        .at_ms = from->at_ms,
        .actor = arena_text(&page->arena, from->actor),
        .action = arena_text(&page->arena, from->action),
        .target = arena_text(&page->arena, from->target),
        .detail = arena_text(&page->arena, from->detail),
    };
    if (from->hash.len == ROOST_HASH_BYTES)
        memcpy(entry->hash, from->hash.data, ROOST_HASH_BYTES);
    return entry->actor && entry->action && entry->target && entry->detail;
}

bool fill_acl_rule(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__AclRule *from = part;
    struct roost_acl_rule *rule = item;
    *rule = (struct roost_acl_rule){
        .id = from->id,
        .subject = arena_text(&page->arena, from->subject),
        .scope = arena_text(&page->arena, from->scope),
        .actions = from->actions,
        .is_allow = from->is_allow,
        .created_ms = from->created_ms,
        .creator = arena_text(&page->arena, from->creator),
    };
    return rule->subject && rule->scope && rule->creator;
}
