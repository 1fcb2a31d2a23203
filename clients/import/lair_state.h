/* SPDX-License-Identifier: MPL-2.0
 *
 * What the files of the Lair Chat import share: who and where the ids of the source are here.
 * Internal to clients/import/lair*.c.
 */
#ifndef IMPORT_LAIR_STATE_H
#define IMPORT_LAIR_STATE_H

#include "clients/import/import_state.h"
#include "clients/import/lair_map.h"

struct lair_person {
    int64_t peer_id, mailbox_id;
    bool is_kept; /* its account was here before and is another one */
};

struct lair_place {
    int64_t scope_id;
    enum room_privacy privacy; /* of the room here */
    bool is_direct;
    bool is_refused; /* its name is that of a room here which it must not be mixed with */
    bool is_ours;    /* made by this import, so roles are those of the source */
    uint32_t member_count;
    uint32_t members[2]; /* of a direct conversation: places in people */
};

struct lair {
    struct import import;
    struct hash person_places, room_places; /* id of the source -> place */
    struct u64map claimed, claimed_rooms;   /* peer, scope -> its place */
    struct lair_person *people;
    size_t person_count, person_capacity;
    struct lair_place *rooms;
    size_t room_count, room_capacity;
    struct hash audited; /* ids of the audit rows that are here */
};

/* NULL, and the row is skipped: the source does not have it, or it was not taken over. */
struct lair_person *lair_person(struct lair *lair, const uint8_t id[16], const char *what,
                                struct verdict *verdict);
struct lair_place *lair_place(struct lair *lair, const uint8_t id[16], struct verdict *verdict);

import_row lair_on_user, lair_on_room, lair_on_member;                  /* lair_people.c */
import_row lair_on_message, lair_on_reaction, lair_on_receipt;          /* lair_messages.c */
import_row lair_on_invitation, lair_on_room_invite, lair_on_moderation; /* lair_rest.c */
import_row lair_on_audit;
MUST_USE enum err lair_load_audited(struct lair *lair);

#endif
