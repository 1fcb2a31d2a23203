/* SPDX-License-Identifier: MPL-2.0
 *
 * Members: roles, standing, who takes over, whose consumers are whose.
 */
#include "store/members.h"

#include <stdio.h>
#include <string.h>

#include "store/consumers.h"
#include "store/peers.h"
#include "store/rooms.h"
#include "store_fixture.h"

static int64_t make_room(struct fixture *fixture)
{
    struct room_row row = {.privacy = ROOM_PRIVATE, .retention_ms = 9};
    assert_ok(scope_create(fixture->store, SCOPE_ROOM, "tea", "tea", 0, 5, &row.scope_id));
    assert_ok(room_create(fixture->store, &row));
    return row.scope_id;
}

static void put(struct fixture *fixture, int64_t room, size_t peer, enum member_role role,
                uint64_t joined_seq)
{
    struct member_row row = {room, fixture->peer_ids[peer], role, 100, joined_seq};
    assert_ok(member_put(fixture->store, &row));
}

static void standing_is_one_look_up(void **state)
{
    struct fixture *fixture = *state;
    struct member_standing standing;
    uint32_t owners = 9;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    int64_t room = make_room(fixture), ana = fixture->peer_ids[0];
    assert_ok(member_standing(fixture->store, room, ana, &standing));
    assert_int_equal(standing.role, MEMBER_NONE);
    assert_int_equal(standing.privacy, ROOM_PRIVATE);
    assert_int_equal(standing.retention_ms, 9);
    assert_false(standing.has_account);
    assert_err(member_standing(fixture->store, 999, ana, &standing), ERR_NO_SUCH_SCOPE);
    put(fixture, room, 0, MEMBER_OWNER, 17);
    assert_ok(member_standing(fixture->store, room, ana, &standing));
    assert_int_equal(standing.role, MEMBER_OWNER);
    assert_int_equal(standing.joined_seq, 17);
    assert_ok(member_count_owners(fixture->store, room, &owners));
    assert_int_equal(owners, 1);
    assert_ok(member_set_role(fixture->store, room, ana, MEMBER_READER));
    assert_ok(member_standing(fixture->store, room, ana, &standing));
    assert_int_equal(standing.role, MEMBER_READER);
    assert_int_equal(standing.joined_seq, 17); /* still a member since then */
    assert_ok(member_remove(fixture->store, room, ana));
    assert_err(member_remove(fixture->store, room, ana), ERR_NOT_MEMBER);
    assert_err(member_set_role(fixture->store, room, ana, MEMBER_OWNER), ERR_NOT_MEMBER);
    assert_ok(store_commit(fixture->store));
}

static int64_t heir(struct fixture *fixture, int64_t room)
{
    int64_t id = -1;
    assert_ok(member_find_heir(fixture->store, room, fixture->peer_ids[0], &id));
    return id;
}

static void the_longest_serving_takes_over(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    int64_t room = make_room(fixture), bob = fixture->peer_ids[1], carol = fixture->peer_ids[2];
    put(fixture, room, 0, MEMBER_MODERATOR, 1);
    assert_int_equal(heir(fixture, room), 0);
    put(fixture, room, 1, MEMBER_BANNED, 1);
    assert_int_equal(heir(fixture, room), 0);
    put(fixture, room, 1, MEMBER_READER, 2);
    assert_int_equal(heir(fixture, room), bob);
    put(fixture, room, 2, MEMBER_MEMBER, 9);
    assert_int_equal(heir(fixture, room), carol);
    put(fixture, room, 1, MEMBER_MEMBER, 2);
    assert_int_equal(heir(fixture, room), bob);
    put(fixture, room, 2, MEMBER_MODERATOR, 9);
    assert_int_equal(heir(fixture, room), carol);
    assert_ok(store_commit(fixture->store));
}

struct names {
    char text[128];
};

static enum err take_member(void *context, const struct member_view *row)
{
    struct names *names = context;
    size_t size = strlen(names->text);
    (void)snprintf(names->text + size, sizeof names->text - size, "%s%d ", row->name,
                   (int)row->member.role);
    return ERR_OK;
}

static const char *list(struct fixture *fixture, struct member_page page, struct names *names)
{
    *names = (struct names){.text = ""};
    assert_ok(member_list(fixture->store, &page, take_member, names));
    return names->text;
}

static void members_are_listed_by_name(void **state)
{
    struct fixture *fixture = *state;
    struct names names;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    int64_t room = make_room(fixture);
    put(fixture, room, 2, MEMBER_OWNER, 1);
    put(fixture, room, 1, MEMBER_BANNED, 1);
    put(fixture, room, 0, MEMBER_READER, 1);
    struct member_page page = {.scope_id = room, .limit = 10};
    assert_string_equal(list(fixture, page, &names), "alice4 carol1 ");
    page.has_banned = true;
    assert_string_equal(list(fixture, page, &names), "alice4 bob5 carol1 ");
    page.after_folded = "alice";
    page.limit = 1;
    assert_string_equal(list(fixture, page, &names), "bob5 ");
    int64_t found = 0;
    enum member_role role = MEMBER_NONE;
    assert_ok(member_next_room(fixture->store, fixture->peer_ids[1], 0, &found, &role));
    assert_int_equal(found, room);
    assert_int_equal(role, MEMBER_BANNED);
    assert_ok(member_next_room(fixture->store, fixture->peer_ids[1], room, &found, &role));
    assert_int_equal(found, 0);
    assert_ok(store_commit(fixture->store));
}

struct ids {
    size_t count;
    int64_t sum;
};

static enum err take_id(void *context, int64_t id)
{
    struct ids *ids = context;
    ids->count++;
    ids->sum += id;
    return ERR_OK;
}

static void consumers_belong_to_one_peer(void **state)
{
    struct fixture *fixture = *state;
    struct ids ids = {0};
    int64_t one, two, other;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    int64_t room = make_room(fixture);
    assert_ok(consumer_create(fixture->store, room, "bob/main", 0, 1, &one));
    assert_ok(consumer_create(fixture->store, room, "bob/phone", 0, 1, &two));
    assert_ok(consumer_create(fixture->store, room, "bob/x/main", 0, 1, &other)); /* peer "bob/x" */
    assert_ok(consumer_create(fixture->store, room, "bobby/main", 0, 1, &other));
    assert_ok(consumer_create(fixture->store, room, "bob", 0, 1, &other));
    assert_ok(consumer_create(fixture->store, fixture->scope_id, "bob/main", 0, 1, &other));
    assert_ok(member_consumers(fixture->store, room, "bob", take_id, &ids));
    assert_int_equal(ids.count, 2);
    assert_int_equal(ids.sum, one + two);
    ids = (struct ids){0};
    assert_ok(member_consumers(fixture->store, room, "bob/x", take_id, &ids));
    assert_int_equal(ids.count, 1);
    assert_ok(store_commit(fixture->store));
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(standing_is_one_look_up),
        WITH_STORE(the_longest_serving_takes_over),
        WITH_STORE(members_are_listed_by_name),
        WITH_STORE(consumers_belong_to_one_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
