/* SPDX-License-Identifier: MPL-2.0
 *
 * Lair Chat: its tables in the order in which they need each other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/import/lair_state.h"
#include "proto/uuid.h"

#define PEOPLE_MAX (1u << 24)

static const struct import_left_out reasons[] = {
    {"sessions", "tokens are not taken over: log in again with the password"},
    {"login_attempts", "roost counts failed logins from now on"},
    {"server_config", "settings of the old server; see docs/CONFIG.md"},
    {"file_attachments", "roost keeps messages, not files"},
    {"typing_indicators", "of the moment"},
    {"migrations", "bookkeeping of the old server"},
    {"_migrations", "bookkeeping of the old server"},
    {NULL, NULL},
};

struct lair_person *lair_person(struct lair *lair, const uint8_t id[16], const char *what,
                                struct verdict *verdict)
{
    uint64_t place;
    char text[UUID_TEXT_LENGTH + 1];
    if (hash_get(&lair->person_places, id, 16, &place))
        return &lair->people[place];
    uuid_format(id, text);
    (void)verdict_skip(verdict, "its %s %s is not among the users taken over", what, text);
    return NULL;
}

struct lair_place *lair_place(struct lair *lair, const uint8_t id[16], struct verdict *verdict)
{
    uint64_t place;
    char text[UUID_TEXT_LENGTH + 1];
    uuid_format(id, text);
    if (!hash_get(&lair->room_places, id, 16, &place)) {
        (void)verdict_skip(verdict, "its room %s is not among the rooms taken over", text);
        return NULL;
    }
    if (!lair->rooms[place].is_refused)
        return &lair->rooms[place];
    (void)verdict_skip(verdict, "its room %s was not taken over", text);
    return NULL;
}

static enum err walk(struct lair *lair)
{
    static const struct {
        enum foreign_table table;
        import_row *row;
    } steps[] = {
        {FOREIGN_lair_users, lair_on_user},
        {FOREIGN_lair_rooms, lair_on_room},
        {FOREIGN_lair_members, lair_on_member},
        {FOREIGN_lair_messages, lair_on_message},
        {FOREIGN_lair_reactions, lair_on_reaction},
        {FOREIGN_lair_receipts, lair_on_receipt},
        {FOREIGN_lair_invitations, lair_on_invitation},
        {FOREIGN_lair_room_invites, lair_on_room_invite},
        {FOREIGN_lair_moderation, lair_on_moderation},
        {FOREIGN_lair_audit_log, lair_on_audit},
        {FOREIGN_lair_audit_logs, lair_on_audit},
    };
    enum err err = lair_load_audited(lair);
    for (size_t i = 0; !err && i < sizeof steps / sizeof *steps; i++)
        err = import_table(&lair->import, steps[i].table, steps[i].row, lair);
    return err ? err : import_leave_out(&lair->import, reasons);
}

static void fini(struct lair *lair)
{
    hash_fini(&lair->person_places);
    hash_fini(&lair->room_places);
    hash_fini(&lair->audited);
    u64map_fini(&lair->claimed);
    u64map_fini(&lair->claimed_rooms);
    free(lair->people);
    free(lair->rooms);
    free(lair);
}

enum err import_lair(const struct import_options *options, struct import_report *ret,
                     char ret_problem[IMPORT_TEXT_BYTES])
{
    struct lair *lair = calloc(1, sizeof(*lair));
    if (!lair)
        return ERR_BUSY;
    hash_init(&lair->person_places, PEOPLE_MAX);
    hash_init(&lair->room_places, PEOPLE_MAX);
    hash_init(&lair->audited, PEOPLE_MAX);
    u64map_init(&lair->claimed, PEOPLE_MAX);
    u64map_init(&lair->claimed_rooms, PEOPLE_MAX);
    enum err err = import_open(&lair->import, options, ret, ret_problem);
    if (!err) {
        struct foreign *foreign = lair->import.foreign;
        bool is_lair =
            foreign_has(foreign, FOREIGN_lair_users) || foreign_has(foreign, FOREIGN_lair_messages);
        if (!is_lair)
            (void)snprintf(ret_problem, IMPORT_TEXT_BYTES,
                           "%.900s: it has neither the table users nor messages of Lair Chat",
                           options->source);
        err = import_close(&lair->import, is_lair ? walk(lair) : ERR_NOT_OUR_FILE, ret_problem);
    }
    fini(lair);
    return err;
}
