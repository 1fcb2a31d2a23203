/* SPDX-License-Identifier: MPL-2.0
 *
 * Every word of Lair Chat's tables has the meaning of docs/IMPORT.md, and an unknown one is told.
 */
#include "clients/import/lair_map.h"

#include "broker.pb-c.h"
#include "rows.h"

#define AT(name) FOREIGN_lair_##name
#define NOW_MS   1800000000000
#define HASH                                                                                       \
    "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$"                                       \
    "4gD/DSmmQuih4Jbt7/xCD+kqGsJszXBjCLTga4kAC8g"

static struct made_row made;
static struct verdict verdict;

static void begin(enum foreign_table table, enum foreign_column first)
{
    row_begin(&made, table, first);
    verdict = (struct verdict){.outcome = ROW_ADDED};
}

/* ---------------------------------------------------------------- users */

static struct lair_user user;

static void begin_user(void)
{
    begin(FOREIGN_lair_users, AT(users_begin));
    row_text(&made, AT(users_id), ID_ONE);
    row_text(&made, AT(users_username), "ana");
    row_text(&made, AT(users_password_hash), HASH);
    row_number(&made, AT(users_created_at), 1700000000);
}

static void test_users(void **state)
{
    static const struct {
        const char *word;
        enum account_role role;
    } roles[] = {{"guest", ACCOUNT_GUEST},
                 {"user", ACCOUNT_USER},
                 {"moderator", ACCOUNT_MODERATOR},
                 {"admin", ACCOUNT_ADMIN},
                 {"", ACCOUNT_USER}};
    (void)state;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        begin_user();
        row_text(&made, AT(users_role), roles[i].word);
        assert_true(lair_map_user(&made.row, &user, &verdict));
        assert_int_equal(user.role, roles[i].role);
        assert_string_equal(verdict.text, "");
    }
    assert_true(text_is(user.name, "ana") && user.is_active);
    assert_string_equal(user.password_hash, HASH);
    assert_int_equal(user.created_ms, 1700000000000);
    row_text(&made, AT(users_role), "emperor");
    assert_true(lair_map_user(&made.row, &user, &verdict));
    assert_int_equal(user.role, ACCOUNT_USER);
    assert_says(verdict, "role");
}

static void test_passwords_that_cannot_be_verified(void **state)
{
    static const char *const hashes[] = {
        "",
        "plain",
        "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "$argon2i$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$4gD/DSmmQuih4Jbt7/xCD+kqGsJszXBj",
        "$argon2id$v=19$m=4194304,t=9,p=1$AAECAwQFBgcICQ$4gD/DSmmQuih4Jbt7/xCD+kqGsJszXBj",
    };
    (void)state;
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
        begin_user();
        row_text(&made, AT(users_password_hash), hashes[i]);
        assert_true(lair_map_user(&made.row, &user, &verdict));
        assert_string_equal(user.password_hash, "");
        assert_says(verdict, "Argon2id");
    }
}

static void test_names_and_profiles(void **state)
{
    static const char *const names[] = {"with blank", "a,b",    "a:b",    "\x01",
                                        " ana",       "$roost", "lan:ana"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        begin_user();
        row_text(&made, AT(users_username), names[i]);
        assert_false(lair_map_user(&made.row, &user, &verdict));
        assert_says(verdict, "name");
    }
    begin_user();
    row_text(&made, AT(users_profile), "{\"display_name\": \"Ana A.\"}");
    assert_true(lair_map_user(&made.row, &user, &verdict));
    assert_string_equal(user.display_name, "Ana A.");
    begin_user();
    row_text(&made, AT(users_profile), "{\"display_name\": 5");
    assert_true(lair_map_user(&made.row, &user, &verdict));
    assert_string_equal(user.display_name, "");
    assert_says(verdict, "profile");
}

/* ---------------------------------------------------------------- rooms */

static void test_rooms(void **state)
{
    static const struct {
        const char *word;
        enum room_privacy privacy;
        bool is_closed;
    } words[] = {{"public", ROOM_PUBLIC, false},      {"private", ROOM_PRIVATE, true},
                 {"protected", ROOM_PROTECTED, true}, {"system", ROOM_PRIVATE, true},
                 {"whatever", ROOM_PRIVATE, true},    {"", ROOM_PUBLIC, false}};
    struct lair_room room = {.is_direct = true};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        begin(FOREIGN_lair_rooms, AT(rooms_begin));
        row_text(&made, AT(rooms_id), ID_ONE);
        row_text(&made, AT(rooms_name), "general");
        row_text(&made, AT(rooms_privacy), words[i].word);
        row_text(&made, AT(rooms_topic), "line\nbreak");
        row_number(&made, AT(rooms_is_active), (int64_t)i % 2);
        assert_true(lair_map_room(&made.row, &room, &verdict));
        assert_int_equal(room.privacy, words[i].privacy);
        assert_int_equal(room.is_closed, words[i].is_closed);
        assert_int_equal(room.is_archived, i % 2 == 0);
        assert_false(room.is_direct || room.has_creator);
        assert_string_equal(room.topic, "");
        assert_says(verdict, "topic was left out");
    }
    row_text(&made, AT(rooms_room_type), "direct_message");
    assert_true(lair_map_room(&made.row, &room, &verdict));
    assert_true(room.is_direct);
}

static void test_members(void **state)
{
    static const struct {
        const char *word;
        enum member_role role;
    } roles[] = {{"owner", MEMBER_OWNER},         {"admin", MEMBER_MODERATOR},
                 {"moderator", MEMBER_MODERATOR}, {"member", MEMBER_MEMBER},
                 {"guest", MEMBER_READER},        {"?", MEMBER_MEMBER}};
    struct lair_member member;
    (void)state;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        begin(FOREIGN_lair_members, AT(members_begin));
        row_text(&made, AT(members_room_id), ID_ONE);
        row_text(&made, AT(members_user_id), ID_TWO);
        row_text(&made, AT(members_role), roles[i].word);
        assert_true(lair_map_member(&made.row, &member, &verdict));
        assert_int_equal(member.role, roles[i].role);
        assert_true(member.is_active);
    }
    row_null(&made, AT(members_user_id));
    assert_false(lair_map_member(&made.row, &member, &verdict));
}

/* ---------------------------------------------------------------- messages */

static void begin_message(void)
{
    begin(FOREIGN_lair_messages, AT(messages_begin));
    row_text(&made, AT(messages_id), ID_ONE);
    row_text(&made, AT(messages_room_id), ID_TWO);
    row_text(&made, AT(messages_user_id), ID_THREE);
    row_text(&made, AT(messages_content), "hello");
    row_number(&made, AT(messages_timestamp), 1700000000);
}

static void test_messages(void **state)
{
    static const struct {
        const char *word;
        uint32_t kind;
        const char *content_type;
    } types[] = {{"text", ROOST__V1__KIND__TEXT, ""},
                 {"", ROOST__V1__KIND__TEXT, ""},
                 {"markdown", ROOST__V1__KIND__TEXT, "text/markdown"},
                 {"code", ROOST__V1__KIND__TEXT, "text/x-code"},
                 {"system", ROOST__V1__KIND__SYSTEM, "text/plain"},
                 {"file", ROOST__V1__KIND__FILE_SHARE, "text/plain"},
                 {"video", ROOST__V1__KIND__FILE_SHARE, "text/plain"},
                 {"encrypted", ROOST__V1__KIND__CUSTOM, "application/x-lair-encrypted"},
                 {"hologram", ROOST__V1__KIND__CUSTOM, "text/plain"}};
    struct lair_message message;
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        begin_message();
        row_text(&made, AT(messages_message_type), types[i].word);
        assert_true(lair_map_message(&made.row, &message, &verdict));
        assert_int_equal(message.kind, types[i].kind);
        assert_string_equal(message.content_type, types[i].content_type);
        assert_true(text_is(message.body, "hello") && !message.has_parent && !message.is_deleted);
        assert_int_equal(verdict.text[0] != '\0', i == 8);
    }
}

/* Each value that a message cannot do without, or that is of a wrong kind. */
static void test_messages_that_cannot_be_taken_over(void **state)
{
    static const enum foreign_column needed[] = {AT(messages_id), AT(messages_room_id),
                                                 AT(messages_user_id), AT(messages_content),
                                                 AT(messages_timestamp)};
    struct lair_message message;
    (void)state;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        begin_message();
        row_null(&made, needed[i]);
        assert_false(lair_map_message(&made.row, &message, &verdict));
        assert_says(verdict, foreign_column_name(needed[i]));
        assert_int_not_equal(verdict.outcome, ROW_ADDED);
    }
    begin_message();
    row_text(&made, AT(messages_parent_message_id), "no uuid"); /* it can do without */
    assert_true(lair_map_message(&made.row, &message, &verdict));
    assert_false(message.has_parent);
    assert_says(verdict, "parent_message_id");
    begin_message();
    row_text(&made, AT(messages_metadata), "{}");
    assert_true(lair_map_message(&made.row, &message, &verdict));
    assert_int_equal(message.metadata.size, 0);
}

static struct lair_mark mark;

static void begin_reaction(const char *emoji)
{
    begin(FOREIGN_lair_reactions, AT(reactions_begin));
    row_text(&made, AT(reactions_message_id), ID_ONE);
    row_text(&made, AT(reactions_user_id), ID_TWO);
    row_text(&made, AT(reactions_reaction), emoji);
    row_number(&made, AT(reactions_timestamp), 1700000000);
}

static void test_reactions_and_receipts(void **state)
{
    (void)state;
    begin_reaction("\xf0\x9f\x91\x8d");
    assert_true(lair_map_reaction(&made.row, &mark, &verdict));
    assert_true(text_is(mark.emoji, "\xf0\x9f\x91\x8d"));
    assert_int_equal(mark.at_ms, 1700000000000);
    begin_reaction("a\x01");
    assert_false(lair_map_reaction(&made.row, &mark, &verdict));
    assert_says(verdict, "reaction: ");
    begin_reaction("x");
    row_null(&made, AT(reactions_user_id));
    assert_false(lair_map_reaction(&made.row, &mark, &verdict));
    assert_says(verdict, "user_id");

    begin(FOREIGN_lair_receipts, AT(receipts_begin));
    row_text(&made, AT(receipts_message_id), ID_ONE);
    row_text(&made, AT(receipts_user_id), ID_TWO);
    row_number(&made, AT(receipts_timestamp), 1700000001);
    assert_true(lair_map_receipt(&made.row, &mark, &verdict));
    assert_int_equal(mark.at_ms, 1700000001000);
    row_text(&made, AT(receipts_message_id), "nothing");
    assert_false(lair_map_receipt(&made.row, &mark, &verdict));
}

static void test_words_that_do_not_fit(void **state)
{
    struct lair_room room;
    char topic[WIRE_TEXT_BYTES_MAX + 100];
    (void)state;
    memset(topic, 't', sizeof(topic) - 1);
    topic[sizeof(topic) - 1] = '\0';
    begin(FOREIGN_lair_rooms, AT(rooms_begin));
    row_text(&made, AT(rooms_id), ID_ONE);
    row_text(&made, AT(rooms_name), "attic");
    row_text(&made, AT(rooms_topic), topic);
    assert_true(lair_map_room(&made.row, &room, &verdict));
    assert_says(verdict, "topic was cut to");
    assert_int_equal(strlen(room.topic), sizeof(room.topic) - 1);
    row_null(&made, AT(rooms_name));
    assert_false(lair_map_room(&made.row, &room, &verdict));
    begin(FOREIGN_lair_rooms, AT(rooms_begin));
    row_text(&made, AT(rooms_name), "attic");
    assert_false(lair_map_room(&made.row, &room, &verdict));
    assert_says(verdict, "id");
}

static void test_deleted_messages_lose_their_text(void **state)
{
    struct lair_message message;
    (void)state;
    begin_message();
    row_number(&made, AT(messages_is_deleted), 1);
    row_blob(&made, AT(messages_content), "\xff", 1);
    assert_true(lair_map_message(&made.row, &message, &verdict));
    assert_true(message.is_deleted && message.body.size == 0);
    assert_int_equal(message.deleted_ms, 1700000000000);
    row_number(&made, AT(messages_deleted_at), 1700000009);
    assert_true(lair_map_message(&made.row, &message, &verdict));
    assert_int_equal(message.deleted_ms, 1700000009000);
    begin_message();
    row_text(&made, AT(messages_content), "");
    assert_true(lair_map_message(&made.row, &message, &verdict));
    row_text(&made, AT(messages_parent_message_id), "17");
    assert_true(lair_map_message(&made.row, &message, &verdict));
    assert_false(message.has_parent);
    assert_says(verdict, "parent_message_id");
}

/* ---------------------------------------------------------------- the rest */

static void test_invitations(void **state)
{
    static const char *const words[] = {"pending", "accepted", "declined", "revoked", "expired"};
    struct lair_invitation invitation;
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        begin(FOREIGN_lair_invitations, AT(invitations_begin));
        row_text(&made, AT(invitations_id), ID_ONE);
        row_text(&made, AT(invitations_sender_user_id), ID_TWO);
        row_text(&made, AT(invitations_recipient_user_id), ID_THREE);
        row_text(&made, AT(invitations_room_id), ID_ONE);
        row_text(&made, AT(invitations_status), words[i]);
        assert_true(lair_map_invitation(&made.row, NOW_MS, &invitation, &verdict));
        assert_int_equal(invitation.status, i + 1);
    }
    row_text(&made, AT(invitations_status), "pending");
    row_number(&made, AT(invitations_expires_at), NOW_MS / 1000);
    assert_true(lair_map_invitation(&made.row, NOW_MS, &invitation, &verdict));
    assert_int_equal(invitation.status, INVITATION_EXPIRED);
    row_text(&made, AT(invitations_invitation_type), "admin_invitation");
    assert_false(lair_map_invitation(&made.row, NOW_MS, &invitation, &verdict));
    assert_says(verdict, "admin_invitation");
}

static void test_invitations_of_the_older_generation(void **state)
{
    struct lair_invitation invitation;
    (void)state;
    begin(FOREIGN_lair_room_invites, AT(room_invites_begin));
    row_text(&made, AT(room_invites_id), ID_ONE);
    row_text(&made, AT(room_invites_room_id), ID_TWO);
    row_text(&made, AT(room_invites_invited_by), ID_THREE);
    row_text(&made, AT(room_invites_invited_user), ID_TWO);
    assert_true(lair_map_room_invite(&made.row, NOW_MS, &invitation, &verdict));
    assert_int_equal(invitation.status, INVITATION_PENDING);
    row_number(&made, AT(room_invites_max_uses), 1);
    row_number(&made, AT(room_invites_use_count), 1);
    assert_true(lair_map_room_invite(&made.row, NOW_MS, &invitation, &verdict));
    assert_int_equal(invitation.status, INVITATION_ACCEPTED);
    row_number(&made, AT(room_invites_use_count), 0);
    row_number(&made, AT(room_invites_is_active), 0);
    assert_true(lair_map_room_invite(&made.row, NOW_MS, &invitation, &verdict));
    assert_int_equal(invitation.status, INVITATION_REVOKED);
    row_null(&made, AT(room_invites_invited_user));
    assert_false(lair_map_room_invite(&made.row, NOW_MS, &invitation, &verdict));
    assert_says(verdict, "code");
}

static bool restriction(const char *action, bool has_room, int64_t expires_s,
                        struct lair_restriction *ret)
{
    begin(FOREIGN_lair_moderation, AT(moderation_begin));
    row_text(&made, AT(moderation_id), ID_ONE);
    row_text(&made, AT(moderation_user_id), ID_TWO);
    row_text(&made, AT(moderation_action), action);
    if (has_room)
        row_text(&made, AT(moderation_room_id), ID_THREE);
    if (expires_s)
        row_number(&made, AT(moderation_expires_at), expires_s);
    return lair_map_restriction(&made.row, NOW_MS, ret, &verdict);
}

static void test_bans_and_mutes(void **state)
{
    struct lair_restriction found;
    (void)state;
    assert_true(restriction("ban", false, 0, &found));
    assert_true(!found.has_room && found.until_ms == (int64_t)WIRE_TIME_MS_MAX);
    assert_true(restriction("ban", false, NOW_MS / 1000 + 5, &found));
    assert_int_equal(found.until_ms, NOW_MS + 5000);
    assert_true(restriction("ban", true, 0, &found));
    assert_int_equal(found.role, MEMBER_BANNED);
    assert_true(restriction("mute", true, 0, &found));
    assert_int_equal(found.role, MEMBER_READER);
    assert_false(restriction("mute", false, 0, &found));
    assert_false(restriction("mute", true, NOW_MS / 1000 + 5, &found));
    assert_false(restriction("kick", true, 0, &found));
    assert_false(restriction("ban", false, NOW_MS / 1000, &found));
    assert_says(verdict, "it is over");
}

static void test_audit_rows_say_which_they_are(void **state)
{
    static const struct {
        enum foreign_table table;
        enum foreign_column begin, id, action, timestamp, details;
    } tables[] = {
        {FOREIGN_lair_audit_log, AT(audit_log_begin), AT(audit_log_id), AT(audit_log_action),
         AT(audit_log_timestamp), AT(audit_log_details)},
        {FOREIGN_lair_audit_logs, AT(audit_logs_begin), AT(audit_logs_id), AT(audit_logs_action),
         AT(audit_logs_timestamp), AT(audit_logs_details)},
    };
    struct lair_audit audit;
    char details[3000];
    (void)state;
    memset(details, 'x', sizeof(details));
    details[sizeof(details) - 1] = '\0';
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        begin(tables[i].table, tables[i].begin);
        row_text(&made, tables[i].id, ID_ONE);
        row_text(&made, tables[i].action, "login");
        row_number(&made, tables[i].timestamp, 5);
        row_text(&made, tables[i].details, details);
        assert_true(lair_map_audit(&made.row, &audit, &verdict));
        assert_string_equal(audit.action, "lair-login");
        assert_int_equal(strncmp(audit.detail, "import=" ID_ONE " x", 45), 0);
        assert_true(strlen(audit.detail) <= WIRE_TEXT_BYTES_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_passwords_that_cannot_be_verified),
        cmocka_unit_test(test_names_and_profiles),
        cmocka_unit_test(test_rooms),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_messages_that_cannot_be_taken_over),
        cmocka_unit_test(test_reactions_and_receipts),
        cmocka_unit_test(test_words_that_do_not_fit),
        cmocka_unit_test(test_deleted_messages_lose_their_text),
        cmocka_unit_test(test_invitations),
        cmocka_unit_test(test_invitations_of_the_older_generation),
        cmocka_unit_test(test_bans_and_mutes),
        cmocka_unit_test(test_audit_rows_say_which_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
