/* SPDX-License-Identifier: MPL-2.0
 *
 * Figures: what is counted, and what is not counted any more.
 */
#include "store/figures.h"

#include <stdio.h>
#include <string.h>

#include "store/accounts.h"
#include "store/consumers.h"
#include "store/invitations.h"
#include "store/rooms.h"
#include "store_fixture.h"

static int64_t make_room(struct fixture *fixture, const char *name)
{
    struct room_row row = {.privacy = ROOM_PRIVATE, .creator_id = fixture->peer_ids[0]};
    assert_ok(scope_create(fixture->store, SCOPE_ROOM, name, name, 0, 5, &row.scope_id));
    assert_ok(room_create(fixture->store, &row));
    return row.scope_id;
}

static int64_t invite(struct fixture *fixture, int64_t room, int invitee, int64_t expires_ms)
{
    struct invitation_row row = {
        .scope_id = room,
        .inviter_id = fixture->peer_ids[0],
        .invitee_id = fixture->peer_ids[invitee],
        .uuid = {(uint8_t)room, (uint8_t)invitee},
        .status = INVITATION_PENDING,
        .text = "",
        .created_ms = 10,
        .expires_ms = expires_ms,
    };
    int64_t id = 0;
    assert_ok(invitation_create(fixture->store, &row, &id));
    return id;
}

static void people_are_counted(void **state)
{
    struct fixture *fixture = *state;
    struct figures_people people;
    fixture_fill(fixture);
    assert_ok(figures_people(fixture->store, 50, &people));
    assert_int_equal(people.rooms, 1); /* the Lobby */
    assert_int_equal(people.invitations, 0);
    uint64_t users = people.users;
    assert_ok(store_begin(fixture->store));
    int64_t general = make_room(fixture, "general"), old = make_room(fixture, "old");
    (void)invite(fixture, general, 1, 100);
    int64_t declined = invite(fixture, general, 2, 100);
    (void)invite(fixture, old, 1, 40); /* its time is over */
    assert_ok(invitation_set_status(fixture->store, declined, INVITATION_DECLINED, 20));
    assert_ok(room_set_archived(fixture->store, old, true));
    struct account_new account = {
        .peer_id = fixture->peer_ids[1], .role = ACCOUNT_USER, .password_hash = "$x"};
    assert_ok(account_create(fixture->store, &account));
    assert_ok(store_commit(fixture->store));
    assert_ok(figures_people(fixture->store, 50, &people));
    assert_int_equal(people.rooms, 2);
    assert_int_equal(people.users, users + 1);
    assert_int_equal(people.invitations, 1);
    uint64_t peers = 0;
    assert_ok(figures_peers(fixture->store, &peers));
    assert_int_equal(peers, 3);
}

static void only_the_dead_are_dead_letters(void **state)
{
    struct fixture *fixture = *state;
    int64_t consumer = 0;
    uint64_t dead = 9;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    assert_ok(consumer_create(fixture->store, fixture->scope_id, "second", 0, 5, &consumer));
    for (uint64_t seq = 1; seq <= 30; seq++) {
        struct exception_row row = {.consumer_id = consumer, .seq = seq, .last_seq = seq};
        row.state = seq % 3 == 0   ? EXCEPTION_DEAD
                    : seq % 3 == 1 ? EXCEPTION_RETRY
                                   : EXCEPTION_SETTLED;
        row.text = "";
        assert_ok(exception_put(fixture->store, &row));
    }
    assert_ok(exception_remove(fixture->store, consumer, 3));
    assert_ok(store_commit(fixture->store));
    assert_ok(figures_dead(fixture->store, &dead));
    assert_int_equal(dead, 9);
}

static void pages_are_those_of_the_file(void **state)
{
    struct fixture *fixture = *state;
    struct figures_pages before, after;
    fixture_fill(fixture);
    assert_ok(figures_pages(fixture->store, &before));
    assert_int_equal(before.bytes, before.pages * 4096);
    for (uint64_t n = 1; n <= 20; n++)
        (void)fixture_append(fixture, n, FIXTURE_BODY_MAX);
    assert_ok(figures_pages(fixture->store, &after));
    assert_true(after.bytes >= before.bytes + 20 * (uint64_t)FIXTURE_BODY_MAX);
    assert_true(after.free_pages <= after.pages);
}

struct sizes {
    uint64_t bytes, message_bytes;
    int count;
    char last[64];
};

static enum err take_size(void *context, const char *name, uint64_t bytes)
{
    struct sizes *sizes = context;
    sizes->bytes += bytes;
    sizes->count++;
    if (strcmp(name, "message") == 0)
        sizes->message_bytes = bytes;
    (void)snprintf(sizes->last, sizeof(sizes->last), "%s", name);
    return sizes->count == 500 ? ERR_BUSY : ERR_OK;
}

static void tables_are_measured(void **state)
{
    struct fixture *fixture = *state;
    struct sizes sizes = {0}, few = {0};
    struct figures_pages pages;
    fixture_fill(fixture);
    assert_ok(figures_tables(fixture->store, UINT64_MAX, take_size, &sizes));
    assert_ok(figures_pages(fixture->store, &pages));
    uint64_t page = pages.bytes / pages.pages;
    assert_int_equal(sizes.bytes + pages.free_pages * page, pages.bytes); /* every page is of one */
    assert_string_equal(sizes.last, "message");
    assert_true(sizes.message_bytes >= page);
    assert_ok(figures_tables(fixture->store, 5, take_size, &few));
    assert_true(few.count > 0 && few.bytes <= 5 * page && few.message_bytes == 0);
    sizes.count = 499;
    assert_int_equal(figures_tables(fixture->store, 50, take_size, &sizes), ERR_BUSY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(people_are_counted, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(only_the_dead_are_dead_letters, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(pages_are_those_of_the_file, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(tables_are_measured, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
