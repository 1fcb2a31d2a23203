/* SPDX-License-Identifier: MPL-2.0
 *
 * Lair Chat: users, rooms, members.
 */
#include <stdlib.h>
#include <string.h>

#include "clients/import/lair_state.h"
#include "phc.h"
#include "rt/check.h"

/* Room for one more. */
static enum err grow(void **items, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return ERR_OK;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *larger = realloc(*items, wanted * size);
    if (!larger)
        return ERR_BUSY;
    *items = larger;
    *capacity = wanted;
    return ERR_OK;
}

/* ---------------------------------------------------------------- users */

static enum err remember_person(struct lair *lair, const uint8_t id[16],
                                const struct lair_person *person)
{
    size_t place = lair->person_count;
    enum err err = grow((void **)&lair->people, &lair->person_capacity, place, sizeof(*person));
    if (!err)
        err = hash_put(&lair->person_places, id, 16, place);
    if (!err)
        err = u64map_put(&lair->claimed, (uint64_t)person->peer_id, place);
    if (err)
        return err;
    lair->people[place] = *person;
    lair->person_count++;
    return ERR_OK;
}

static enum err write_user(struct lair *lair, const struct lair_user *user,
                           struct lair_person *person, struct verdict *verdict)
{
    struct writer *writer = &lair->import.writer;
    char email[WIRE_TEXT_BYTES_MAX + 1], profile[65537];
    bool differs = false;
    text_dup(user->email, email, sizeof(email));
    text_dup(user->profile, profile, sizeof(profile));
    struct writer_account account = {
        .peer_id = person->peer_id,
        .role = user->role,
        .is_active = user->is_active,
        .created_ms = user->created_ms,
        .last_seen_ms = user->last_seen_ms,
        .password_hash = user->password_hash,
        .email = email,
        .profile = profile,
        .display_name = user->display_name,
    };
    enum err err = writer_account(writer, &account, &verdict->outcome, &differs);
    if (!err)
        err = writer_mailbox(writer, person->peer_id, user->name, &person->mailbox_id);
    person->is_kept = differs;
    if (differs)
        verdict_remark(verdict, "an account of this name is here already, with another password,"
                                " role or state; that one stays as it is");
    return err;
}

enum err lair_on_user(void *state, const struct foreign_row *row, struct verdict *verdict)
{
    struct lair *lair = state;
    struct lair_user user;
    struct lair_person person = {.peer_id = 0};
    bool is_new;
    uint64_t other;
    if (!lair_map_user(row, &user, verdict))
        return ERR_OK;
    enum err err =
        writer_peer(&lair->import.writer, user.name, user.created_ms, &person.peer_id, &is_new);
    if (err)
        return import_fail_row(err, verdict, "username");
    if (u64map_get(&lair->claimed, (uint64_t)person.peer_id, &other)) {
        (void)verdict_skip(verdict, "another user of this file has the same name but for its case");
        return ERR_OK;
    }
    err = write_user(lair, &user, &person, verdict);
    if (err)
        return import_fail_row(err, verdict, "account");
    return remember_person(lair, user.id, &person);
}

/* ---------------------------------------------------------------- rooms */

static enum err remember_room(struct lair *lair, const uint8_t id[16],
                              const struct lair_place *place)
{
    enum err err =
        grow((void **)&lair->rooms, &lair->room_capacity, lair->room_count, sizeof(*place));
    if (!err)
        err = hash_put(&lair->room_places, id, 16, lair->room_count);
    if (!err)
        lair->rooms[lair->room_count++] = *place;
    return err;
}

/* Nobody is to read what was not for him: neither what a closed room of the file has, in a public
 * one here, nor what a closed room here has, as a member of one in the file. */
static const char *refusal(const struct lair *lair, const struct lair_room *room,
                           const struct writer_room_found *found)
{
    bool is_known = u64map_get(&lair->claimed_rooms, (uint64_t)found->scope_id, NULL);
    if (is_known)
        return "another room of this file has the same name but for its case";
    bool is_lobby = found->privacy == ROOM_OPEN;
    if (found->is_new || (is_lobby && room->is_system))
        return NULL;
    if (found->privacy == ROOM_PUBLIC || is_lobby)
        return room->is_closed ? "a public room of this name is here already: what was said in this"
                                 " one is not shown to everybody"
                               : NULL;
    return found->is_from_import ? NULL
                                 : "a room of this name is here already, and not for everybody";
}

static enum err judge_found(struct lair *lair, const struct lair_room *room,
                            const struct writer_room_found *found, struct lair_place *place,
                            struct verdict *verdict)
{
    const char *problem = refusal(lair, room, found);
    place->scope_id = found->scope_id;
    place->privacy = found->privacy;
    place->is_ours = found->is_from_import;
    place->is_refused = problem != NULL;
    verdict->outcome = found->is_new ? ROW_ADDED : ROW_PRESENT;
    if (problem) {
        (void)verdict_skip(verdict, "%s", problem);
        return ERR_OK;
    }
    if (found->differs && found->privacy != ROOM_OPEN)
        verdict_remark(verdict, "a room of this name is here already and differs; it stays as it"
                                " is, members and messages are added");
    return u64map_put(&lair->claimed_rooms, (uint64_t)found->scope_id, lair->room_count);
}

static enum err write_room(struct lair *lair, const struct lair_room *room,
                           struct lair_place *place, struct verdict *verdict)
{
    uint64_t creator;
    const char *problem = NULL;
    struct writer_room_found found;
    bool has_creator =
        room->has_creator && hash_get(&lair->person_places, room->creator_id, 16, &creator);
    struct writer_room wanted = {
        .name = room->name,
        .display_name = room->display_name,
        .topic = room->topic,
        .description = room->description,
        .password_hash = room->privacy == ROOM_PROTECTED ? phc_dummy : "",
        .privacy = room->privacy,
        .creator_id = has_creator ? lair->people[creator].peer_id : 0,
        .created_ms = room->created_ms,
        .is_archived = room->is_archived,
    };
    enum err err = writer_room(&lair->import.writer, &wanted, &found, &problem);
    if (writer_breaks(err))
        return err;
    if (err) {
        place->is_refused = true;
        (void)verdict_skip(verdict, "no room can have its name: %s",
                           problem ? problem : err_sentence(err));
        return ERR_OK;
    }
    return judge_found(lair, room, &found, place, verdict);
}

enum err lair_on_room(void *state, const struct foreign_row *row, struct verdict *verdict)
{
    struct lair *lair = state;
    struct lair_room room = {.is_direct = false};
    if (!lair_map_room(row, &room, verdict))
        return ERR_OK;
    struct lair_place place = {.is_direct = room.is_direct};
    enum err err = room.is_direct ? ERR_OK : write_room(lair, &room, &place, verdict);
    if (room.is_direct)
        verdict->outcome = ROW_PRESENT; /* a conversation needs no row of its own */
    return err ? err : remember_room(lair, room.id, &place);
}

/* ---------------------------------------------------------------- members */

static void note_direct(struct lair *lair, struct lair_place *place,
                        const struct lair_person *person, struct verdict *verdict)
{
    if (place->member_count < 2)
        place->members[place->member_count] = (uint32_t)(person - lair->people);
    place->member_count++;
    verdict->outcome = ROW_PRESENT;
}

enum err lair_on_member(void *state, const struct foreign_row *row, struct verdict *verdict)
{
    struct lair *lair = state;
    struct lair_member member;
    if (!lair_map_member(row, &member, verdict))
        return ERR_OK;
    const struct lair_person *person = lair_person(lair, member.user_id, "user", verdict);
    struct lair_place *place = person ? lair_place(lair, member.room_id, verdict) : NULL;
    if (!place)
        return ERR_OK;
    if (place->is_direct) {
        note_direct(lair, place, person, verdict);
        return ERR_OK;
    }
    bool is_lesser = !place->is_ours && member.role < MEMBER_MEMBER;
    if (!member.is_active || (place->privacy == ROOM_OPEN && member.role >= MEMBER_MEMBER)) {
        verdict->outcome = ROW_PRESENT; /* it left; or needs no membership */
        return ERR_OK;
    }
    struct member_row wanted = {
        .scope_id = place->scope_id,
        .peer_id = person->peer_id,
        .role = is_lesser ? MEMBER_MEMBER : member.role,
        .joined_ms = member.joined_ms,
    };
    enum err err = writer_member(&lair->import.writer, &wanted, &verdict->outcome);
    if (!err && is_lesser && verdict->outcome == ROW_ADDED)
        verdict_remark(verdict, "the room was here already; it became a member of it, no more");
    return import_fail_row(err, verdict, "membership");
}
