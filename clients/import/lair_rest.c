/* SPDX-License-Identifier: MPL-2.0
 *
 * Lair Chat: invitations of both generations, bans and mutes, the audit log.
 */
#include <string.h>

#include "clients/import/lair_state.h"
#include "proto/uuid.h"

#define INVITATION_TTL_MS ((int64_t)7 * 24 * 3600 * 1000) /* of one that never ended */
#define AUDIT_PAGE        500u

/* ---------------------------------------------------------------- invitations */

static enum err write_invitation(struct lair *lair, const struct lair_invitation *from,
                                 struct verdict *verdict)
{
    const struct lair_person *inviter = lair_person(lair, from->inviter_id, "inviter", verdict);
    const struct lair_person *invitee =
        inviter ? lair_person(lair, from->invitee_id, "invitee", verdict) : NULL;
    const struct lair_place *place = invitee ? lair_place(lair, from->room_id, verdict) : NULL;
    if (!place)
        return ERR_OK;
    if (place->is_direct || place->privacy == ROOM_OPEN) {
        (void)verdict_skip(verdict, "its room needs no invitation here");
        return ERR_OK;
    }
    struct invitation_row row = {
        .scope_id = place->scope_id,
        .inviter_id = inviter->peer_id,
        .invitee_id = invitee->peer_id,
        .status = from->status,
        .text = from->text,
        .created_ms = from->created_ms,
        .expires_ms =
            from->expires_ms ? from->expires_ms : lair->import.options->now_ms + INVITATION_TTL_MS,
        .responded_ms = from->responded_ms,
    };
    memcpy(row.uuid, from->id, sizeof(row.uuid));
    enum err err = writer_invitation(&lair->import.writer, &row, &verdict->outcome);
    return import_fail_row(err, verdict, "invitation");
}

enum err lair_on_invitation(void *state, const struct foreign_row *row, struct verdict *verdict)
{
    struct lair *lair = state;
    struct lair_invitation invitation;
    if (!lair_map_invitation(row, lair->import.options->now_ms, &invitation, verdict))
        return ERR_OK;
    return write_invitation(lair, &invitation, verdict);
}

enum err lair_on_room_invite(void *state, const struct foreign_row *row, struct verdict *verdict)
{
    struct lair *lair = state;
    struct lair_invitation invitation;
    if (!lair_map_room_invite(row, lair->import.options->now_ms, &invitation, verdict))
        return ERR_OK;
    return write_invitation(lair, &invitation, verdict);
}

/* ---------------------------------------------------------------- bans */

static enum err write_restriction(struct lair *lair, const struct lair_restriction *from,
                                  const struct lair_person *person, struct verdict *verdict)
{
    struct writer *writer = &lair->import.writer;
    if (!from->has_room)
        return writer_ban(writer, person->peer_id, from->until_ms, from->reason, &verdict->outcome);
    const struct lair_place *place = lair_place(lair, from->room_id, verdict);
    if (!place)
        return ERR_OK;
    if (place->is_direct) {
        (void)verdict_skip(verdict, "its room is a direct conversation");
        return ERR_OK;
    }
    return writer_restrict(writer, place->scope_id, person->peer_id, from->role, &verdict->outcome);
}

enum err lair_on_moderation(void *state, const struct foreign_row *row, struct verdict *verdict)
{
    struct lair *lair = state;
    struct lair_restriction restriction;
    if (!lair_map_restriction(row, lair->import.options->now_ms, &restriction, verdict))
        return ERR_OK;
    const struct lair_person *person = lair_person(lair, restriction.user_id, "user", verdict);
    if (!person)
        return ERR_OK;
    if (person->is_kept) {
        (void)verdict_skip(verdict, "the account of this name was here before and stays as it is");
        return ERR_OK;
    }
    return import_fail_row(write_restriction(lair, &restriction, person, verdict), verdict,
                           "restriction");
}

/* ---------------------------------------------------------------- audit */

struct audit_walk {
    struct lair *lair;
    int64_t last_id;
    uint32_t count;
};

static enum err note_audited(void *context, const struct audit_row *row)
{
    struct audit_walk *walk = context;
    size_t size = strlen(LAIR_AUDIT_MARK);
    uint8_t id[16];
    walk->last_id = row->id;
    walk->count++;
    if (strncmp(row->detail, LAIR_AUDIT_MARK, size) != 0 ||
        strnlen(row->detail + size, UUID_TEXT_LENGTH) < UUID_TEXT_LENGTH ||
        uuid_parse(row->detail + size, UUID_TEXT_LENGTH, id) != ERR_OK)
        return ERR_OK;
    return hash_put(&walk->lair->audited, id, sizeof(id), 1);
}

enum err lair_load_audited(struct lair *lair)
{
    struct audit_walk walk = {.lair = lair, .count = AUDIT_PAGE};
    enum err err = ERR_OK;
    while (!err && walk.count == AUDIT_PAGE && lair->import.writer.store) {
        walk.count = 0;
        err = audit_list(lair->import.writer.store, walk.last_id, AUDIT_PAGE, note_audited, &walk);
    }
    return err;
}

/* The name here of somebody of the source, or "". */
static enum err name_of(struct lair *lair, bool is_there, const uint8_t id[16],
                        char ret[WIRE_NAME_BYTES_MAX + 1])
{
    uint64_t place;
    ret[0] = '\0';
    if (!is_there || !hash_get(&lair->person_places, id, 16, &place))
        return ERR_OK;
    return writer_peer_name(&lair->import.writer, lair->people[place].peer_id, ret);
}

enum err lair_on_audit(void *state, const struct foreign_row *row, struct verdict *verdict)
{
    struct lair *lair = state;
    struct lair_audit from;
    char actor[WIRE_NAME_BYTES_MAX + 1], target[WIRE_NAME_BYTES_MAX + 1];
    if (!lair_map_audit(row, &from, verdict))
        return ERR_OK;
    if (hash_get(&lair->audited, from.id, sizeof(from.id), NULL)) {
        verdict->outcome = ROW_PRESENT;
        return ERR_OK;
    }
    enum err err = name_of(lair, from.has_user, from.user_id, actor);
    if (!err)
        err = name_of(lair, from.has_target, from.target_id, target);
    if (err)
        return err;
    struct audit_row audit = {
        .at_ms = from.at_ms,
        .actor = actor,
        .action = from.action,
        .target = target[0] ? target : from.target_type,
        .detail = from.detail,
    };
    err = writer_audit(&lair->import.writer, &audit);
    return err ? err : hash_put(&lair->audited, from.id, sizeof(from.id), 1);
}
