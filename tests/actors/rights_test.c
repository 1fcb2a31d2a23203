/* SPDX-License-Identifier: MPL-2.0
 *
 * Every cell of the table of rights, written down a second time: what is wanted, not how it is
 * decided. One letter per cell:
 *     +  allowed      m  NOT_MEMBER      b  ROOM_BANNED      a  ROOM_ARCHIVED      -  NOT_ALLOWED
 */
#include "rights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define ACCOUNTS      5
#define ROLES         6

static char letter(enum err err)
{
    switch ((int)err) {
    case ERR_OK:
        return '+';
    case ERR_NOT_MEMBER:
        return 'm';
    case ERR_ROOM_BANNED:
        return 'b';
    case ERR_ROOM_ARCHIVED:
        return 'a';
    case ERR_NOT_ALLOWED:
        return '-';
    default:
        return '?';
    }
}

/* A row has one string per account role (unverified, guest, user, moderator, administrator), and a
 * string one letter per room role: none, owner, moderator, member, reader, banned. */
struct row {
    enum rights_action action;
    bool is_self;
    const char *cells[ACCOUNTS];
};

static void check_rows(const struct row *rows, size_t count, struct rights_who who)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned cell = 0; cell < ACCOUNTS * ROLES; cell++) {
            who.account = (enum rights_account_role)(cell / ROLES);
            who.role = (enum rights_room_role)(cell % ROLES);
            who.is_self = rows[i].is_self;
            assert_int_equal(strlen(rows[i].cells[who.account]), ROLES);
            char wanted = rows[i].cells[who.account][who.role];
            char is = letter(rights_check(rows[i].action, &who));
            if (is != wanted)
                fail_msg("row %zu, action %d, account %d, role %d, self %d: %c instead of %c", i,
                         rows[i].action, who.account, who.role, who.is_self, is, wanted);
        }
    }
}

#define SELF   true
#define OTHERS false

/* A public room; kicked and banned is a member. */
static const struct row public_rows[] = {
    {RIGHTS_CREATE, SELF, {"------", "------", "++++++", "++++++", "++++++"}},
    {RIGHTS_CREATE, OTHERS, {"------", "------", "++++++", "++++++", "++++++"}},
    {RIGHTS_JOIN, SELF, {"-++++b", "+++++b", "+++++b", "++++++", "++++++"}},
    {RIGHTS_JOIN, OTHERS, {"-++++b", "+++++b", "+++++b", "++++++", "++++++"}},
    {RIGHTS_LEAVE, SELF, {"m++++b", "m++++b", "m++++b", "++++++", "++++++"}},
    {RIGHTS_LEAVE, OTHERS, {"-----b", "-----b", "-----b", "------", "------"}},
    {RIGHTS_READ, SELF, {"m++++b", "m++++b", "m++++b", "++++++", "++++++"}},
    {RIGHTS_READ, OTHERS, {"m++++b", "m++++b", "m++++b", "++++++", "++++++"}},
    {RIGHTS_SEND, SELF, {"m+++-b", "m+++-b", "m+++-b", "++++++", "++++++"}},
    {RIGHTS_SEND, OTHERS, {"m+++-b", "m+++-b", "m+++-b", "++++++", "++++++"}},
    {RIGHTS_EDIT, SELF, {"m+++-b", "m+++-b", "m+++-b", "++++++", "++++++"}},
    {RIGHTS_EDIT, OTHERS, {"-----b", "-----b", "-----b", "------", "------"}},
    {RIGHTS_DELETE, SELF, {"m+++-b", "m+++-b", "m+++-b", "++++++", "++++++"}},
    {RIGHTS_DELETE, OTHERS, {"m++--b", "m++--b", "m++--b", "++++++", "++++++"}},
    {RIGHTS_REACT, SELF, {"m+++-b", "m+++-b", "m+++-b", "++++++", "++++++"}},
    {RIGHTS_REACT, OTHERS, {"m+++-b", "m+++-b", "m+++-b", "++++++", "++++++"}},
    {RIGHTS_TOPIC, SELF, {"m++--b", "m++--b", "m++--b", "++++++", "++++++"}},
    {RIGHTS_TOPIC, OTHERS, {"m++--b", "m++--b", "m++--b", "++++++", "++++++"}},
    {RIGHTS_UPDATE, SELF, {"m+---b", "m+---b", "m+---b", "-+----", "++++++"}},
    {RIGHTS_UPDATE, OTHERS, {"m+---b", "m+---b", "m+---b", "-+----", "++++++"}},
    {RIGHTS_ARCHIVE, SELF, {"m+---b", "m+---b", "m+---b", "-+----", "++++++"}},
    {RIGHTS_ARCHIVE, OTHERS, {"m+---b", "m+---b", "m+---b", "-+----", "++++++"}},
    {RIGHTS_INVITE, SELF, {"-----b", "-----b", "-----b", "------", "------"}},
    {RIGHTS_INVITE, OTHERS, {"m+++-b", "m+++-b", "m+++-b", "++++++", "++++++"}},
    {RIGHTS_REVOKE, SELF, {"+++++b", "+++++b", "+++++b", "++++++", "++++++"}},
    {RIGHTS_REVOKE, OTHERS, {"m++--b", "m++--b", "m++--b", "++++++", "++++++"}},
    {RIGHTS_ROLE, SELF, {"m+---b", "m+---b", "m+---b", "-+----", "++++++"}},
    {RIGHTS_ROLE, OTHERS, {"m+---b", "m+---b", "m+---b", "-+----", "++++++"}},
    {RIGHTS_KICK, SELF, {"m++++b", "m++++b", "m++++b", "++++++", "++++++"}},
    {RIGHTS_KICK, OTHERS, {"m++--b", "m++--b", "m++--b", "++++++", "++++++"}},
    {RIGHTS_BAN, SELF, {"-----b", "-----b", "-----b", "------", "------"}},
    {RIGHTS_BAN, OTHERS, {"m++--b", "m++--b", "m++--b", "++++++", "++++++"}},
};

static void public_rooms(void **state)
{
    (void)state;
    assert_int_equal(LENGTH(public_rows), 2 * RIGHTS_ACTION_COUNT);
    check_rows(public_rows, LENGTH(public_rows),
               (struct rights_who){.privacy = RIGHTS_PUBLIC, .target_role = RIGHTS_MEMBER});
    /* Privacy is about joining; for everything else the rooms are alike. */
    for (size_t i = 0; i < LENGTH(public_rows); i++) {
        if (public_rows[i].action == RIGHTS_JOIN)
            continue;
        check_rows(&public_rows[i], 1,
                   (struct rights_who){.privacy = RIGHTS_PRIVATE, .target_role = RIGHTS_MEMBER});
        check_rows(&public_rows[i], 1,
                   (struct rights_who){.privacy = RIGHTS_PROTECTED, .target_role = RIGHTS_READER});
    }
}

/* The Lobby: who has no role reads and writes like a member, and is nobody's moderator. */
static const struct row open_rows[] = {
    {RIGHTS_JOIN, SELF, {"+++++b", "+++++b", "+++++b", "++++++", "++++++"}},
    {RIGHTS_LEAVE, SELF, {"m++++b", "m++++b", "m++++b", "++++++", "++++++"}},
    {RIGHTS_READ, SELF, {"+++++b", "+++++b", "+++++b", "++++++", "++++++"}},
    {RIGHTS_SEND, SELF, {"++++-b", "++++-b", "++++-b", "++++++", "++++++"}},
    {RIGHTS_EDIT, SELF, {"++++-b", "++++-b", "++++-b", "++++++", "++++++"}},
    {RIGHTS_EDIT, OTHERS, {"-----b", "-----b", "-----b", "------", "------"}},
    {RIGHTS_DELETE, SELF, {"++++-b", "++++-b", "++++-b", "++++++", "++++++"}},
    {RIGHTS_DELETE, OTHERS, {"-++--b", "-++--b", "-++--b", "++++++", "++++++"}},
    {RIGHTS_REACT, OTHERS, {"++++-b", "++++-b", "++++-b", "++++++", "++++++"}},
    {RIGHTS_TOPIC, SELF, {"m++--b", "m++--b", "m++--b", "++++++", "++++++"}},
    {RIGHTS_UPDATE, SELF, {"m+---b", "m+---b", "m+---b", "-+----", "++++++"}},
    {RIGHTS_INVITE, OTHERS, {"++++-b", "++++-b", "++++-b", "++++++", "++++++"}},
    {RIGHTS_KICK, OTHERS, {"m++--b", "m++--b", "m++--b", "++++++", "++++++"}},
    {RIGHTS_BAN, OTHERS, {"m++--b", "m++--b", "m++--b", "++++++", "++++++"}},
};

static void open_rooms(void **state)
{
    (void)state;
    check_rows(open_rows, LENGTH(open_rows),
               (struct rights_who){.privacy = RIGHTS_OPEN, .target_role = RIGHTS_MEMBER});
}

/* An archived room is read and tidied up, not written to; administrators are no exception. */
static const struct row archived_rows[] = {
    {RIGHTS_JOIN, SELF, {"a++++b", "a++++b", "a++++b", "a++++a", "a++++a"}},
    {RIGHTS_LEAVE, SELF, {"m++++b", "m++++b", "m++++b", "++++++", "++++++"}},
    {RIGHTS_READ, SELF, {"m++++b", "m++++b", "m++++b", "++++++", "++++++"}},
    {RIGHTS_SEND, SELF, {"maaa-b", "maaa-b", "maaa-b", "aaaaaa", "aaaaaa"}},
    {RIGHTS_EDIT, SELF, {"maaa-b", "maaa-b", "maaa-b", "aaaaaa", "aaaaaa"}},
    {RIGHTS_DELETE, SELF, {"m+++-b", "m+++-b", "m+++-b", "++++++", "++++++"}},
    {RIGHTS_DELETE, OTHERS, {"m++--b", "m++--b", "m++--b", "++++++", "++++++"}},
    {RIGHTS_REACT, OTHERS, {"maaa-b", "maaa-b", "maaa-b", "aaaaaa", "aaaaaa"}},
    {RIGHTS_INVITE, OTHERS, {"maaa-b", "maaa-b", "maaa-b", "aaaaaa", "aaaaaa"}},
    {RIGHTS_ROLE, OTHERS, {"m+---b", "m+---b", "m+---b", "-+----", "++++++"}},
    {RIGHTS_KICK, OTHERS, {"m++--b", "m++--b", "m++--b", "++++++", "++++++"}},
};

static void archived_rooms(void **state)
{
    (void)state;
    check_rows(archived_rows, LENGTH(archived_rows),
               (struct rights_who){
                   .privacy = RIGHTS_PUBLIC, .is_archived = true, .target_role = RIGHTS_MEMBER});
}

/* JOIN by somebody who has no role, by what he has in hand: for each kind of room nothing, a
 * password, an invitation, both. */
static const struct {
    enum rights_account_role account;
    bool is_autocreate;
    const char *open, *public, *private, *protected;
} joins[] = {
    {RIGHTS_UNVERIFIED, false, "++++", "----", "----", "----"},
    {RIGHTS_UNVERIFIED, true, "++++", "++++", "--++", "-+++"},
    {RIGHTS_GUEST, false, "++++", "++++", "--++", "-+++"},
    {RIGHTS_USER, false, "++++", "++++", "--++", "-+++"},
    {RIGHTS_USER, true, "++++", "++++", "--++", "-+++"},
    {RIGHTS_ACCOUNT_MODERATOR, false, "++++", "++++", "++++", "++++"},
    {RIGHTS_ADMIN, false, "++++", "++++", "++++", "++++"},
};

static void check_join(size_t row, enum rights_privacy privacy, const char *cells)
{
    for (unsigned i = 0; i < 4; i++) {
        struct rights_who who = {
            .account = joins[row].account,
            .is_autocreate = joins[row].is_autocreate,
            .privacy = privacy,
            .has_password = i & 1,
            .has_invitation = i & 2,
            .is_self = true,
        };
        char is = letter(rights_check(RIGHTS_JOIN, &who));
        if (is != cells[i])
            fail_msg("row %zu, privacy %d, cell %u: %c", row, privacy, i, is);
        who.role = RIGHTS_BANNED; /* neither helps */
        is = letter(rights_check(RIGHTS_JOIN, &who));
        assert_int_equal(is, who.account >= RIGHTS_ACCOUNT_MODERATOR ? '+' : 'b');
    }
}

static void joining(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(joins); i++) {
        check_join(i, RIGHTS_OPEN, joins[i].open);
        check_join(i, RIGHTS_PUBLIC, joins[i].public);
        check_join(i, RIGHTS_PRIVATE, joins[i].private);
        check_join(i, RIGHTS_PROTECTED, joins[i].protected);
    }
}

static void making_rooms(void **state)
{
    (void)state;
    struct rights_who who = {.account = RIGHTS_UNVERIFIED};
    assert_int_equal(rights_check(RIGHTS_CREATE, &who), ERR_NOT_ALLOWED);
    who.is_autocreate = true;
    assert_int_equal(rights_check(RIGHTS_CREATE, &who), ERR_OK);
    who.account = RIGHTS_GUEST;
    assert_int_equal(rights_check(RIGHTS_CREATE, &who), ERR_NOT_ALLOWED);
}

/* KICK and BAN of somebody else, by the role of the other one (none, owner, ... banned). */
static const struct {
    enum rights_account_role account;
    enum rights_room_role role;
    const char *cells;
} moderations[] = {
    {RIGHTS_USER, RIGHTS_OWNER, "++++++"},
    {RIGHTS_USER, RIGHTS_MODERATOR, "+--+++"},
    {RIGHTS_USER, RIGHTS_MEMBER, "------"},
    {RIGHTS_USER, RIGHTS_READER, "------"},
    {RIGHTS_USER, RIGHTS_NO_MEMBER, "mmmmmm"},
    {RIGHTS_USER, RIGHTS_BANNED, "bbbbbb"},
    {RIGHTS_ACCOUNT_MODERATOR, RIGHTS_NO_MEMBER, "+--+++"},
    {RIGHTS_ACCOUNT_MODERATOR, RIGHTS_OWNER, "++++++"},
    {RIGHTS_ADMIN, RIGHTS_NO_MEMBER, "++++++"},
    {RIGHTS_ADMIN, RIGHTS_BANNED, "++++++"},
};

static void moderation(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(moderations); i++) {
        for (unsigned target = 0; target < ROLES; target++) {
            struct rights_who who = {
                .account = moderations[i].account,
                .role = moderations[i].role,
                .privacy = RIGHTS_PUBLIC,
                .target_role = (enum rights_room_role)target,
            };
            char wanted = moderations[i].cells[target];
            if (letter(rights_check(RIGHTS_KICK, &who)) != wanted ||
                letter(rights_check(RIGHTS_BAN, &who)) != wanted)
                fail_msg("row %zu, target %u", i, target);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_rooms),   cmocka_unit_test(open_rooms),
        cmocka_unit_test(archived_rooms), cmocka_unit_test(joining),
        cmocka_unit_test(making_rooms),   cmocka_unit_test(moderation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
