/* SPDX-License-Identifier: MPL-2.0
 *
 * Rooms: the Lobby is there, rooms are made, changed and listed by name.
 */
#include "store/rooms.h"

#include <stdio.h>
#include <string.h>

#include "store/consumers.h"
#include "store/members.h"
#include "store_fixture.h"

static int64_t make_room(struct fixture *fixture, const char *name, enum room_privacy privacy)
{
    struct room_row row = {
        .privacy = privacy,
        .creator_id = fixture->peer_ids[0],
        .created_ms = 5,
        .topic = "tea",
    };
    assert_ok(scope_create(fixture->store, SCOPE_ROOM, name, name, 0, 5, &row.scope_id));
    assert_ok(room_create(fixture->store, &row));
    return row.scope_id;
}

struct seen {
    char names[256]; /* in their order, with a blank behind each */
    char last_text[256];
    struct room_row last; /* its views are dead */
};

static enum err take(void *context, const struct room_row *row)
{
    struct seen *seen = context;
    size_t size = strlen(seen->names);
    (void)snprintf(seen->names + size, sizeof seen->names - size, "%s ", row->name);
    (void)snprintf(seen->last_text, sizeof seen->last_text, "%s|%s|%s|%s", row->display_name,
                   row->topic, row->description, row->password_hash);
    seen->last = *row;
    return ERR_OK;
}

static void the_lobby_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct scope_row scope;
    struct seen seen = {.names = ""};
    assert_ok(scope_find(fixture->store, SCOPE_ROOM, "lobby", &scope));
    assert_ok(room_read(fixture->store, scope.id, 0, take, &seen));
    assert_string_equal(seen.names, "Lobby ");
    assert_int_equal(seen.last.privacy, ROOM_OPEN);
    assert_int_equal(seen.last.member_count, 0);
    assert_err(room_read(fixture->store, scope.id + 1, 0, take, &seen), ERR_NO_SUCH_SCOPE);
}

static void rooms_are_changed(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {.names = ""};
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    int64_t id = make_room(fixture, "general", ROOM_PUBLIC);
    struct room_row row = {
        .scope_id = id,
        .privacy = ROOM_PROTECTED,
        .display_name = "General",
        .topic = "coffee",
        .description = "all",
        .password_hash = "$x",
        .retention_ms = 77,
    };
    assert_ok(room_update(fixture->store, &row));
    assert_ok(room_add_members(fixture->store, id, 3));
    assert_ok(room_add_members(fixture->store, id, -1));
    assert_ok(room_set_archived(fixture->store, id, true));
    row.scope_id = 999;
    assert_err(room_update(fixture->store, &row), ERR_NO_SUCH_SCOPE);
    assert_err(room_set_archived(fixture->store, 999, true), ERR_NO_SUCH_SCOPE);
    assert_ok(store_commit(fixture->store));
    assert_ok(room_read(fixture->store, id, 0, take, &seen));
    assert_string_equal(seen.last_text, "General|coffee|all|$x");
    assert_int_equal(seen.last.privacy, ROOM_PROTECTED);
    assert_int_equal(seen.last.retention_ms, 77);
    assert_int_equal(seen.last.member_count, 2);
    assert_int_equal(seen.last.creator_id, fixture->peer_ids[0]);
    assert_true(seen.last.is_archived);
}

static const char *list(struct fixture *fixture, struct room_page page, struct seen *seen)
{
    *seen = (struct seen){.names = ""};
    if (!page.limit)
        page.limit = 10;
    assert_ok(room_list(fixture->store, &page, take, seen));
    return seen->names;
}

static void rooms_are_listed_by_name(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;
    fixture_fill(fixture);
    int64_t ana = fixture->peer_ids[0];
    assert_ok(store_begin(fixture->store));
    int64_t hidden = make_room(fixture, "hidden", ROOM_PRIVATE);
    (void)make_room(fixture, "zoo", ROOM_PUBLIC);
    (void)make_room(fixture, "attic", ROOM_PROTECTED);
    struct member_row member = {hidden, ana, MEMBER_BANNED, 1, 0};
    assert_ok(member_put(fixture->store, &member));
    assert_string_equal(list(fixture, (struct room_page){.peer_id = ana}, &seen),
                        "attic Lobby zoo ");
    assert_string_equal(list(fixture, (struct room_page){.is_all = true}, &seen),
                        "attic hidden Lobby zoo ");
    assert_string_equal(list(fixture, (struct room_page){.peer_id = ana, .is_mine = true}, &seen),
                        "");
    member.role = MEMBER_READER;
    assert_ok(member_put(fixture->store, &member));
    assert_string_equal(list(fixture, (struct room_page){.peer_id = ana}, &seen),
                        "attic hidden Lobby zoo ");
    assert_string_equal(list(fixture, (struct room_page){.peer_id = ana, .is_mine = true}, &seen),
                        "hidden ");
    assert_int_equal(seen.last.role, MEMBER_READER);
    struct room_page page = {.peer_id = ana, .after_folded = "attic", .limit = 2};
    assert_string_equal(list(fixture, page, &seen), "hidden Lobby ");
    page.is_mine = true;
    page.after_folded = "hidden";
    assert_string_equal(list(fixture, page, &seen), "");
    assert_ok(store_commit(fixture->store));
}

static void short_retentions_are_found(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = -1, retention_ms = -1;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    int64_t one = make_room(fixture, "one", ROOM_PUBLIC);
    int64_t two = make_room(fixture, "two", ROOM_PUBLIC);
    assert_ok(room_next_retention(fixture->store, 0, 1000, &id, &retention_ms));
    assert_int_equal(id, 0);
    struct room_row row = {.scope_id = one, .privacy = ROOM_PUBLIC, .retention_ms = 1000};
    assert_ok(room_update(fixture->store, &row));
    row.scope_id = two;
    row.retention_ms = 999;
    assert_ok(room_update(fixture->store, &row));
    assert_ok(room_next_retention(fixture->store, 0, 1000, &id, &retention_ms));
    assert_int_equal(id, two);
    assert_int_equal(retention_ms, 999);
    assert_ok(room_next_retention(fixture->store, two, 1000, &id, &retention_ms));
    assert_int_equal(id, 0);
    assert_ok(store_commit(fixture->store));
}

static void the_newest_message_counts_at_once(void **state)
{
    struct fixture *fixture = *state;
    uint64_t left, seq = 9;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    int64_t room = make_room(fixture, "one", ROOM_PUBLIC);
    assert_ok(room_last_seq(fixture->store, room, &seq));
    assert_int_equal(seq, 0);
    struct message_row message = fixture_message(fixture, 1, 10);
    message.scope_id = room;
    assert_ok(message_append(fixture->store, &message));
    assert_ok(room_last_seq(fixture->store, room, &seq));
    assert_int_equal(seq, message.seq);
    assert_ok(message_index_slice(fixture->store, 10, &left));
    message = fixture_message(fixture, 2, 10); /* elsewhere */
    assert_ok(message_append(fixture->store, &message));
    assert_ok(room_last_seq(fixture->store, room, &seq));
    assert_int_equal(seq, message.seq - 1);
    assert_ok(store_commit(fixture->store));
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(the_lobby_is_there),
        WITH_STORE(rooms_are_changed),
        WITH_STORE(rooms_are_listed_by_name),
        WITH_STORE(short_retentions_are_found),
        WITH_STORE(the_newest_message_counts_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
