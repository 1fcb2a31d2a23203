/* SPDX-License-Identifier: MPL-2.0
 *
 * History across the border between what is indexed and what is not, wherever that border lies.
 */
#include "store/conversation.h"

#include "rt/check.h"
#include "store/consumers.h"
#include "store/members.h"
#include "store/messages.h"
#include "store/rooms.h"
#include "store_fixture.h"

#define ROWS 40

static void index_upto(struct fixture *fixture, uint32_t rows)
{
    uint64_t left = 0;
    assert_ok(store_begin(fixture->store));
    assert_ok(message_index_slice(fixture->store, rows, &left));
    assert_ok(store_commit(fixture->store));
}

/* Odd messages are between alice and carol, even ones between alice and bob. */
static struct fixture_rows page_of(struct fixture *fixture, struct message_page page)
{
    struct fixture_rows rows = {.count = 0};
    page.conversation = conversation_of_peers(fixture->peer_ids[2], fixture->peer_ids[0]);
    assert_ok(message_read_conversation(fixture->store, &page, fixture_collect, &rows));
    return rows;
}

static void check_pages(struct fixture *fixture)
{
    struct fixture_rows rows = page_of(fixture, (struct message_page){.limit = 100});
    assert_int_equal(rows.count, ROWS / 2);
    for (size_t i = 0; i < rows.count; i++)
        assert_int_equal(rows.seqs[i], 2 * i + 1);
    rows = page_of(fixture, (struct message_page){.limit = 5, .offset = 8, .newest_first = true});
    assert_int_equal(rows.count, 5);
    for (size_t i = 0; i < rows.count; i++)
        assert_int_equal(rows.seqs[i], ROWS - 1 - 2 * (i + 8));
    rows = page_of(fixture, (struct message_page){.limit = 100, .after_seq = 9, .before_seq = 15});
    assert_int_equal(rows.count, 2);
    rows = page_of(fixture, (struct message_page){
                                .limit = 100, .from_ms = 1000000 + 100, .to_ms = 1000000 + 200});
    assert_int_equal(rows.count, 5);
    assert_int_equal(rows.seqs[0], 11);
    rows = page_of(fixture, (struct message_page){.limit = 0});
    assert_int_equal(rows.count, 0);
}

static enum err note_conversation(void *context, const struct conversation_row *row)
{
    uint64_t *seqs = context;
    seqs[seqs[0] ? 1 : 0] = row->last_seq;
    return ERR_OK;
}

static void check_peer(struct fixture *fixture)
{
    struct fixture_rows rows = {.count = 0};
    uint64_t unread = 0, seqs[2] = {0};
    int64_t alice = fixture->peer_ids[0], carol = fixture->peer_ids[2];
    assert_ok(message_read_since(fixture->store, carol, 10, 100, fixture_collect, &rows));
    assert_int_equal(rows.count, 15);
    assert_int_equal(rows.seqs[0], 11);
    assert_ok(message_count_unread(fixture->store, conversation_of_peers(alice, carol), alice, 0,
                                   &unread));
    assert_int_equal(unread, ROWS / 2 - 3); /* without the receipts: 11, 25, 39 */
    assert_ok(message_count_unread(fixture->store, conversation_of_peers(alice, carol), carol, 0,
                                   &unread));
    assert_int_equal(unread, 0);
    assert_ok(conversation_list(fixture->store, alice, 10, note_conversation, seqs));
    assert_int_equal(seqs[0], ROWS);
    assert_int_equal(seqs[1], ROWS - 1);
}

static void test_the_border_is_not_seen(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    for (uint64_t n = 1; n <= ROWS; n++)
        (void)fixture_append(fixture, n, 50);
    for (int i = 0; i <= ROWS; i++) {
        check_pages(fixture);
        check_peer(fixture);
        index_upto(fixture, 1);
    }
}

/* More than one page of seqs in the walk, and windows without anything in them. */
static void test_much_was_missed(void **state)
{
    struct fixture *fixture = *state;
    static struct fixture_rows rows;
    rows.count = 0;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    for (uint64_t n = 1; n <= 6000; n++) { /* carol has the first and the last */
        bool is_carols = n < 1000 || n > 5000;
        struct message_row row = fixture_message(fixture, is_carols ? 1 : 2, 10);
        assert_ok(message_append(fixture->store, &row));
    }
    assert_ok(store_commit(fixture->store));
    index_upto(fixture, 5900);
    int64_t carol = fixture->peer_ids[2];
    assert_ok(message_read_since(fixture->store, carol, 500, 4000, fixture_collect, &rows));
    assert_int_equal(rows.count, 1499);
    for (size_t i = 0; i < rows.count; i++)
        assert_int_equal(rows.seqs[i], i < 499 ? 501 + i : 5001 + i - 499);
    rows.count = 0;
    assert_ok(
        message_read_since(fixture->store, fixture->peer_ids[0], 0, 4000, fixture_collect, &rows));
    assert_int_equal(rows.count, 4000);
    for (size_t i = 0; i < rows.count; i++)
        assert_int_equal(rows.seqs[i], i + 1);
}

static void check_rooms(struct fixture *fixture, bool has_rooms, size_t wanted)
{
    struct fixture_rows rows = {.count = 0};
    int64_t carol = fixture->peer_ids[2];
    if (has_rooms)
        assert_ok(message_read_sync(fixture->store, carol, 10, 100, fixture_collect, &rows));
    else
        assert_ok(message_read_since(fixture->store, carol, 10, 100, fixture_collect, &rows));
    assert_int_equal(rows.count, wanted);
    for (size_t i = 1; i < rows.count; i++)
        assert_true(rows.seqs[i] > rows.seqs[i - 1]);
}

/* 1 to 10 in the room, 11 to 30 alice and carol by turns in the room, 31 to 40 to bob. */
static void test_rooms_are_part_of_a_sync(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    struct room_row room = {.privacy = ROOM_PRIVATE};
    assert_ok(scope_create(fixture->store, SCOPE_ROOM, "tea", "tea", 0, 5, &room.scope_id));
    assert_ok(room_create(fixture->store, &room));
    struct member_row member = {room.scope_id, fixture->peer_ids[2], MEMBER_READER, 100, 0};
    for (uint64_t n = 1; n <= ROWS; n++) {
        struct message_row row = fixture_message(fixture, 2, 10);
        if (n <= 30) {
            row.scope_id = room.scope_id;
            row.conversation = conversation_of_scope(room.scope_id);
            row.sender_id = fixture->peer_ids[n % 2 ? 0 : 2];
        }
        assert_ok(message_append(fixture->store, &row));
    }
    assert_ok(store_commit(fixture->store));
    for (int i = 0; i <= ROWS; i++) {
        check_rooms(fixture, true, 10); /* no member: what she wrote */
        assert_ok(store_begin(fixture->store));
        assert_ok(member_put(fixture->store, &member));
        check_rooms(fixture, true, 20);
        check_rooms(fixture, false, 10);
        assert_ok(member_set_role(fixture->store, room.scope_id, member.peer_id, MEMBER_BANNED));
        check_rooms(fixture, true, 10);
        assert_ok(member_remove(fixture->store, room.scope_id, member.peer_id));
        assert_ok(store_commit(fixture->store));
        index_upto(fixture, 1);
    }
}

static void test_keys(void **state)
{
    (void)state;
    assert_int_equal(conversation_of_peers(3, 5), conversation_of_peers(5, 3));
    assert_int_not_equal(conversation_of_peers(3, 5), conversation_of_peers(3, 6));
    assert_int_equal(conversation_other(conversation_of_peers(3, 5), 3), 5);
    assert_int_equal(conversation_other(conversation_of_peers(3, 5), 5), 3);
    assert_int_equal(conversation_other(conversation_of_peers(4, 4), 4), 4);
    assert_int_equal(conversation_other(conversation_of_scope(9), 4), 0);
    assert_true(conversation_of_peers(CONVERSATION_PEER_ID_MAX, CONVERSATION_PEER_ID_MAX) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_border_is_not_seen, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_much_was_missed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_rooms_are_part_of_a_sync, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
