/* SPDX-License-Identifier: MPL-2.0
 *
 * Rows of a Lair Chat database as what they are to roost. Pure: no store, no file.
 *
 * Each function answers false when the row cannot be taken over, and says why in the verdict; true
 * with a text in it means that something of the row was left out. Views point into the row.
 */
#ifndef IMPORT_LAIR_MAP_H
#define IMPORT_LAIR_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "clients/import/values.h"
#include "proto/limits.h"
#include "store/accounts.h"
#include "store/invitations.h"
#include "store/members.h"
#include "store/rooms.h"

struct lair_user {
    uint8_t id[16];
    struct text name;
    enum account_role role;
    bool is_active;
    int64_t created_ms, last_seen_ms;
    struct text email, profile;
    char password_hash[256]; /* "": it was none that could be verified */
    char display_name[WIRE_DISPLAY_NAME_BYTES_MAX + 1];
};
bool lair_map_user(const struct foreign_row *row, struct lair_user *ret, struct verdict *verdict);

struct lair_room {
    uint8_t id[16], creator_id[16];
    struct text name;
    bool is_direct; /* becomes the conversation of its two members */
    bool is_archived, has_creator;
    enum room_privacy privacy;
    bool is_closed; /* not for everybody: must not become part of a public room */
    bool is_system; /* closed, unless it is the Lobby */
    int64_t created_ms;
    char display_name[WIRE_DISPLAY_NAME_BYTES_MAX + 1];
    char topic[WIRE_TEXT_BYTES_MAX + 1], description[WIRE_TEXT_BYTES_MAX + 1];
};
bool lair_map_room(const struct foreign_row *row, struct lair_room *ret, struct verdict *verdict);

struct lair_member {
    uint8_t room_id[16], user_id[16];
    enum member_role role;
    bool is_active;
    int64_t joined_ms;
};
bool lair_map_member(const struct foreign_row *row, struct lair_member *ret,
                     struct verdict *verdict);

struct lair_message {
    uint8_t id[16], room_id[16], user_id[16], parent_id[16];
    bool has_parent, is_deleted;
    struct text body, metadata;
    struct text type;                          /* as in the source; "text" is said nowhere */
    uint32_t kind;                             /* enum Kind of the protocol */
    const char *content_type;                  /* "" */
    int64_t created_ms, edited_ms, deleted_ms; /* 0: was not */
};
bool lair_map_message(const struct foreign_row *row, struct lair_message *ret,
                      struct verdict *verdict);

/* A reaction or a receipt. */
struct lair_mark {
    uint8_t message_id[16], user_id[16];
    struct text emoji;
    int64_t at_ms;
};
bool lair_map_reaction(const struct foreign_row *row, struct lair_mark *ret,
                       struct verdict *verdict);
bool lair_map_receipt(const struct foreign_row *row, struct lair_mark *ret,
                      struct verdict *verdict);

/* Of both generations. */
struct lair_invitation {
    uint8_t id[16], room_id[16], inviter_id[16], invitee_id[16];
    enum invitation_status status;
    char text[WIRE_TEXT_BYTES_MAX + 1];
    int64_t created_ms, expires_ms, responded_ms; /* expires 0: never */
};
bool lair_map_invitation(const struct foreign_row *row, int64_t now_ms, struct lair_invitation *ret,
                         struct verdict *verdict);
bool lair_map_room_invite(const struct foreign_row *row, int64_t now_ms,
                          struct lair_invitation *ret, struct verdict *verdict);

struct lair_restriction {
    uint8_t user_id[16], room_id[16];
    bool has_room;
    enum member_role role; /* MEMBER_BANNED, MEMBER_READER */
    int64_t until_ms;      /* of a ban of the account */
    char reason[WIRE_TEXT_BYTES_MAX + 1];
};
bool lair_map_restriction(const struct foreign_row *row, int64_t now_ms,
                          struct lair_restriction *ret, struct verdict *verdict);

#define LAIR_AUDIT_MARK "import=" /* then the id: what the detail begins with */

struct lair_audit {
    uint8_t id[16], user_id[16], target_id[16];
    bool has_user, has_target;
    int64_t at_ms;
    char action[128], target_type[64];
    char detail[WIRE_TEXT_BYTES_MAX + 1];
};
bool lair_map_audit(const struct foreign_row *row, struct lair_audit *ret, struct verdict *verdict);

#endif
