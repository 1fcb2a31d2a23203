/* SPDX-License-Identifier: MPL-2.0
 *
 * What an import writes exists once, in transactions of bounded size; delivered messages are due
 * nowhere, waiting ones are; a dry run changes nothing.
 */
#include "clients/import/writer.h"

#include <string.h>

#include "rows.h"
#include "store/consumers.h"
#include "store/conversation.h"
#include "store/store_internal.h"
#include "store_fixture.h"

#define NOW_MS 1800000000000

static struct writer writer;
static char problem[256];

static struct text text_of(const char *text)
{
    return (struct text){text, strlen(text)};
}

static void begin(struct fixture *fixture, bool is_dry)
{
    assert_ok(writer_open(&writer, fixture->path, is_dry, problem, sizeof(problem)));
    writer.now_ms = NOW_MS;
    writer.expires_ms = NOW_MS + 1000;
    assert_ok(writer_begin_row(&writer));
}

static void end(void)
{
    assert_ok(writer_commit(&writer));
    writer_close(&writer);
}

static int64_t peer(const char *name, bool wants_new)
{
    int64_t id = 0;
    bool is_new = false;
    assert_ok(writer_peer(&writer, text_of(name), 5, &id, &is_new));
    assert_int_equal(is_new, wants_new);
    return id;
}

static int64_t mailbox(int64_t peer_id, const char *name)
{
    int64_t id;
    assert_ok(writer_mailbox(&writer, peer_id, text_of(name), &id));
    return id;
}

/* Message number n from one peer to another. */
static uint64_t message(uint8_t n, int64_t from, int64_t to, int64_t scope_id,
                        enum standing standing, enum outcome wanted)
{
    enum outcome outcome;
    struct message_row row = {
        .scope_id = scope_id,
        .sender_id = from,
        .stored_ms = 7,
        .created_ms = 7,
        .conversation = conversation_of_peers(from, to),
        .message_id = {n, 1},
        .body = {(const uint8_t *)"body", 4},
    };
    assert_ok(writer_begin_row(&writer));
    assert_ok(writer_message(&writer, &row, standing, &outcome));
    assert_ok(writer_end_row(&writer));
    assert_int_equal(outcome, wanted);
    return row.seq;
}

static int64_t ask(const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(writer.store->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt); /* it went well */
    return value;
}

#define DUE                                                                                        \
    "SELECT count(*) FROM consumer c JOIN message m ON m.scope_id = c.scope_id WHERE m.seq >"      \
    " c.floor_seq AND NOT EXISTS (SELECT 1 FROM exception e WHERE e.consumer_id = c.id AND m.seq"  \
    " BETWEEN e.seq AND e.last_seq)"

static void test_people_exist_once(void **state)
{
    struct writer_account account = {.role = ACCOUNT_USER,
                                     .is_active = true,
                                     .created_ms = 5,
                                     .last_seen_ms = 9,
                                     .password_hash = "$argon2id$one",
                                     .email = "",
                                     .profile = "",
                                     .display_name = "Ana"};
    enum outcome outcome;
    bool differs;
    begin(*state, false);
    account.peer_id = peer("ana", true);
    assert_int_equal(peer("ANA", false), account.peer_id);
    assert_ok(writer_account(&writer, &account, &outcome, &differs));
    assert_true(outcome == ROW_ADDED && !differs);
    assert_ok(writer_account(&writer, &account, &outcome, &differs));
    assert_true(outcome == ROW_PRESENT && !differs);
    account.password_hash = "$argon2id$other";
    assert_ok(writer_account(&writer, &account, &outcome, &differs));
    assert_true(outcome == ROW_PRESENT && differs);
    assert_ok(writer_ban(&writer, account.peer_id, 50, "spam", &outcome));
    assert_int_equal(outcome, ROW_ADDED);
    assert_ok(writer_ban(&writer, account.peer_id, 40, "less", &outcome));
    assert_int_equal(outcome, ROW_PRESENT);
    assert_int_equal(ask("SELECT left_ms >= last_seen_ms AND last_seen_ms = 9 FROM peer"), 1);
    int64_t id;
    bool is_new;
    assert_err(writer_peer(&writer, text_of("$roost"), 5, &id, &is_new), ERR_RESERVED_NAME);
    assert_err(writer_peer(&writer, text_of("\x01"), 5, &id, &is_new), ERR_BAD_NAME);
    end();
}

static void test_delivered_messages_are_due_nowhere(void **state)
{
    begin(*state, false);
    int64_t ana = peer("ana", true), bob = peer("bob", true), box = mailbox(bob, "bob");
    assert_int_equal(mailbox(bob, "Bob"), box);
    message(1, ana, bob, box, STANDING_DELIVERED, ROW_ADDED);
    message(1, ana, bob, box, STANDING_DELIVERED, ROW_PRESENT); /* of the batch in hand */
    message(1, bob, ana, box, STANDING_DELIVERED, ROW_ADDED);   /* ids are unique per sender */
    assert_ok(writer_commit(&writer));
    message(1, ana, bob, box, STANDING_DELIVERED, ROW_PRESENT); /* of an earlier one */
    assert_int_equal(ask(DUE), 0);
    assert_int_equal(ask("SELECT count(*) FROM exception"), 0); /* the floor moved */
    uint64_t waiting = message(2, ana, bob, box, STANDING_WAITING, ROW_ADDED);
    message(3, ana, bob, box, STANDING_DELIVERED, ROW_ADDED);
    message(4, ana, bob, box, STANDING_EXPIRED, ROW_ADDED);
    message(5, ana, bob, box, STANDING_DELIVERED, ROW_ADDED);
    assert_ok(writer_commit(&writer));
    message(6, ana, bob, box, STANDING_DELIVERED, ROW_ADDED);
    assert_ok(writer_commit(&writer));
    assert_int_equal(ask(DUE), 1);
    assert_int_equal(ask("SELECT floor_seq FROM consumer"), waiting - 1);
    assert_int_equal(ask("SELECT count(*) FROM exception WHERE state = 5 AND reason = 5004"), 1);
    end();
}

static void test_other_consumers_get_nothing_old(void **state)
{
    int64_t late;
    begin(*state, false);
    int64_t ana = peer("ana", true), bob = peer("bob", true), box = mailbox(bob, "bob");
    for (char name[] = "aa"; name[1] < 'z'; name[0]++) { /* more than one slice of them */
        assert_ok(consumer_create(writer.store, box, name, 0, NOW_MS, &late));
        if (name[0] == 'z') {
            name[0] = 'a' - 1;
            name[1] = (char)(name[1] + 6);
        }
    }
    message(1, ana, bob, box, STANDING_DELIVERED, ROW_ADDED);
    assert_ok(writer_commit(&writer));
    assert_true(ask("SELECT count(*) FROM consumer") > 100);
    assert_int_equal(ask(DUE), 0);
    end();
}

static void test_a_batch_ends(void **state)
{
    begin(*state, false);
    int64_t ana = peer("ana", true), bob = peer("bob", true), box = mailbox(bob, "bob");
    struct store_stats before, after;
    store_progress(writer.store, &before);
    for (uint32_t i = 0; i < WRITER_BATCH_ROWS + 10; i++) {
        enum outcome outcome;
        struct message_row row = {
            .scope_id = box, .sender_id = ana, .conversation = conversation_of_peers(ana, bob)};
        memcpy(row.message_id, &i, sizeof(i));
        assert_ok(writer_begin_row(&writer));
        assert_ok(writer_message(&writer, &row, STANDING_DELIVERED, &outcome));
        assert_ok(writer_end_row(&writer));
    }
    store_progress(writer.store, &after);
    assert_int_equal(after.last_seq, before.last_seq + WRITER_BATCH_ROWS);
    assert_int_equal(after.indexed_seq, after.last_seq);
    end();
}

static void test_a_dry_run_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, false);
    int64_t ana = peer("ana", true), box = mailbox(ana, "ana");
    message(1, ana, ana, box, STANDING_DELIVERED, ROW_ADDED);
    end();
    begin(fixture, true);
    int64_t changes = ask("SELECT total_changes()");
    assert_int_equal(peer("Ana", false), ana);
    int64_t eva = peer("eva", true);
    assert_int_equal(peer("Eva", false), eva);
    message(1, ana, ana, box, STANDING_DELIVERED, ROW_PRESENT);
    message(2, ana, eva, mailbox(eva, "eva"), STANDING_DELIVERED, ROW_ADDED);
    message(2, ana, eva, mailbox(eva, "eva"), STANDING_DELIVERED, ROW_PRESENT);
    struct message_place place;
    assert_ok(writer_find(&writer, (const uint8_t[16]){2, 1}, &place));
    assert_true(place.seq != 0 && place.scope_id == 0);
    assert_int_equal(ask("SELECT total_changes()"), changes);
    end();
}

static void test_rooms_stay_as_they_are(void **state)
{
    struct writer_room room = {.name = text_of("Den"),
                               .display_name = "",
                               .topic = "t",
                               .description = "",
                               .password_hash = "",
                               .privacy = ROOM_PRIVATE,
                               .created_ms = 5};
    struct writer_room_found found;
    const char *why;
    enum outcome outcome;
    begin(*state, false);
    room.creator_id = peer("ana", true);
    assert_ok(writer_room(&writer, &room, &found, &why));
    assert_true(found.is_new && found.is_from_import && !found.differs);
    room.name = text_of("den");
    room.topic = "another";
    assert_ok(writer_room(&writer, &room, &found, &why));
    assert_true(!found.is_new && found.is_from_import && found.differs);
    room.created_ms = 6;
    assert_ok(writer_room(&writer, &room, &found, &why));
    assert_false(found.is_from_import);
    struct member_row member = {
        .scope_id = found.scope_id, .peer_id = room.creator_id, .role = MEMBER_OWNER};
    assert_ok(writer_member(&writer, &member, &outcome));
    member.role = MEMBER_MEMBER;
    assert_ok(writer_member(&writer, &member, &outcome));
    assert_int_equal(outcome, ROW_PRESENT);
    assert_int_equal(ask("SELECT role FROM member"), MEMBER_OWNER);
    assert_ok(writer_restrict(&writer, found.scope_id, peer("bob", true), MEMBER_READER, &outcome));
    assert_int_equal(ask("SELECT count(*) FROM member"), 1); /* muting makes nobody a member */
    assert_ok(writer_restrict(&writer, found.scope_id, room.creator_id, MEMBER_BANNED, &outcome));
    assert_int_equal(ask("SELECT member_count FROM room WHERE topic = 't'"), 0);
    room.name = text_of("LOBBY");
    assert_ok(writer_room(&writer, &room, &found, &why));
    assert_int_equal(found.privacy, ROOM_OPEN);
    room.name = text_of("a|b");
    assert_err(writer_room(&writer, &room, &found, &why), ERR_BAD_NAME);
    assert_non_null(why);
    end();
}

static void test_derived_ids(void **state)
{
    uint8_t one[16], other[16];
    (void)state;
    writer_derive_id("edit", "x", 1, 5, one);
    writer_derive_id("edit", "x", 1, 5, other);
    assert_memory_equal(one, other, sizeof(one));
    assert_int_equal(one[6] >> 4, 8);
    writer_derive_id("edit", "x", 1, 6, other);
    assert_memory_not_equal(one, other, sizeof(one));
    writer_derive_id("delete", "x", 1, 5, other);
    assert_memory_not_equal(one, other, sizeof(one));
}

#define WITH_DIRECTORY(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, fixture_setup_directory, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(test_people_exist_once),
        WITH_DIRECTORY(test_delivered_messages_are_due_nowhere),
        WITH_DIRECTORY(test_other_consumers_get_nothing_old),
        WITH_DIRECTORY(test_a_batch_ends),
        WITH_DIRECTORY(test_a_dry_run_changes_nothing),
        WITH_DIRECTORY(test_rooms_stay_as_they_are),
        cmocka_unit_test(test_derived_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
