/* SPDX-License-Identifier: MPL-2.0
 *
 * Invitations: one pending per room and invitee, the newest by id, over at their time.
 */
#include "store/invitations.h"

#include <string.h>

#include "store/consumers.h"
#include "store/rooms.h"
#include "store_fixture.h"

static int64_t make_room(struct fixture *fixture, const char *name)
{
    struct room_row row = {.privacy = ROOM_PUBLIC};
    assert_ok(scope_create(fixture->store, SCOPE_ROOM, name, name, 0, 5, &row.scope_id));
    assert_ok(room_create(fixture->store, &row));
    return row.scope_id;
}

static enum err invite(struct fixture *fixture, int64_t room, uint8_t mark, int64_t expires_ms,
                       int64_t *ret_id)
{
    struct invitation_row row = {
        .scope_id = room,
        .inviter_id = fixture->peer_ids[0],
        .invitee_id = fixture->peer_ids[1],
        .text = "come",
        .created_ms = 100,
        .expires_ms = expires_ms,
    };
    memset(row.uuid, mark, sizeof row.uuid);
    return invitation_create(fixture->store, &row, ret_id);
}

static void one_is_pending(void **state)
{
    struct fixture *fixture = *state;
    struct invitation_row row;
    int64_t first = 0, second = 0, other = 0;
    uint64_t count = 9;
    fixture_fill(fixture);
    int64_t bob = fixture->peer_ids[1];
    assert_ok(store_begin(fixture->store));
    int64_t tea = make_room(fixture, "tea"), zoo = make_room(fixture, "zoo");
    assert_ok(invite(fixture, tea, 1, 1000, &first));
    assert_err(invite(fixture, tea, 2, 1000, &second), ERR_DUPLICATE);
    assert_ok(invite(fixture, zoo, 3, 1000, &other)); /* in the same millisecond */
    assert_ok(invitation_find_newest(fixture->store, bob, 999, &row));
    assert_int_equal(row.id, other);
    assert_int_equal(row.scope_id, zoo);
    assert_int_equal(row.uuid[15], 3);
    assert_ok(invitation_find_pending(fixture->store, tea, bob, 999, &row));
    assert_int_equal(row.id, first);
    assert_err(invitation_find_pending(fixture->store, tea, bob, 1000, &row),
               ERR_NO_SUCH_INVITATION);
    assert_err(invitation_find_newest(fixture->store, bob, 1000, &row), ERR_NO_SUCH_INVITATION);
    assert_err(invite(fixture, tea, 2, 2000, &second), ERR_DUPLICATE);
    assert_ok(invitation_expire(fixture->store, 999, 10, &count));
    assert_int_equal(count, 0);
    assert_ok(invitation_expire(fixture->store, 1000, 1, &count));
    assert_int_equal(count, 1);
    assert_ok(invitation_expire(fixture->store, 1000, 10, &count));
    assert_int_equal(count, 1);
    assert_ok(invite(fixture, tea, 2, 2000, &second));
    assert_err(invitation_find(fixture->store, (const uint8_t[16]){0}, &row),
               ERR_NO_SUCH_INVITATION);
    uint8_t uuid[16];
    memset(uuid, 1, sizeof uuid);
    assert_ok(invitation_find(fixture->store, uuid, &row));
    assert_int_equal(row.status, INVITATION_EXPIRED);
    assert_int_equal(row.responded_ms, 1000);
    assert_ok(invitation_close(fixture->store, tea, bob, INVITATION_ACCEPTED, 1500, &count));
    assert_int_equal(count, 1);
    assert_ok(invitation_set_status(fixture->store, second, INVITATION_REVOKED, 1501));
    assert_err(invitation_set_status(fixture->store, 999, INVITATION_REVOKED, 1501),
               ERR_NO_SUCH_INVITATION);
    assert_ok(store_commit(fixture->store));
}

struct ids {
    size_t count;
    int64_t at[8];
};

static enum err take(void *context, const struct invitation_row *row)
{
    struct ids *ids = context;
    assert_string_equal(row->text, "come");
    ids->at[ids->count++] = row->id;
    return ERR_OK;
}

static void pending_ones_are_listed(void **state)
{
    struct fixture *fixture = *state;
    int64_t id[3];
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    assert_ok(invite(fixture, make_room(fixture, "a"), 1, 1000, &id[0]));
    assert_ok(invite(fixture, make_room(fixture, "b"), 2, 500, &id[1]));
    assert_ok(invite(fixture, make_room(fixture, "c"), 3, 1000, &id[2]));
    struct ids ids = {0};
    struct invitation_page page = {.peer_id = fixture->peer_ids[1], .now_ms = 500, .limit = 5};
    assert_ok(invitation_list(fixture->store, &page, take, &ids));
    assert_int_equal(ids.count, 2); /* the second one is over */
    assert_int_equal(ids.at[0], id[0]);
    assert_int_equal(ids.at[1], id[2]);
    page.newest_first = true;
    page.before_id = id[2];
    ids = (struct ids){0};
    assert_ok(invitation_list(fixture->store, &page, take, &ids));
    assert_int_equal(ids.count, 1);
    assert_int_equal(ids.at[0], id[0]);
    page.is_sent = true;
    page.now_ms = 0;
    ids = (struct ids){0};
    assert_ok(invitation_list(fixture->store, &page, take, &ids));
    assert_int_equal(ids.count, 0); /* bob sent none */
    page.peer_id = fixture->peer_ids[0];
    page.newest_first = false;
    page.after_id = id[0];
    assert_ok(invitation_list(fixture->store, &page, take, &ids));
    assert_int_equal(ids.count, 2);
    assert_int_equal(ids.at[0], id[1]);
    assert_ok(store_commit(fixture->store));
}

static void imported_ones_are_as_they_were(void **state)
{
    struct fixture *fixture = *state;
    struct invitation_row row = {.status = INVITATION_DECLINED,
                                 .text = "come",
                                 .created_ms = 1,
                                 .expires_ms = 2,
                                 .responded_ms = 3};
    struct invitation_row found;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    row.scope_id = make_room(fixture, "tea");
    row.inviter_id = fixture->peer_ids[0];
    row.invitee_id = fixture->peer_ids[1];
    memset(row.uuid, 1, sizeof row.uuid);
    assert_ok(invitation_import(fixture->store, &row));
    assert_err(invitation_import(fixture->store, &row), ERR_DUPLICATE);
    memset(row.uuid, 2, sizeof row.uuid);
    assert_ok(invitation_import(fixture->store, &row)); /* only pending ones exclude each other */
    row.status = INVITATION_PENDING;
    memset(row.uuid, 3, sizeof row.uuid);
    assert_ok(invitation_import(fixture->store, &row));
    memset(row.uuid, 4, sizeof row.uuid);
    assert_err(invitation_import(fixture->store, &row), ERR_DUPLICATE);
    memset(row.uuid, 1, sizeof row.uuid);
    assert_ok(invitation_find(fixture->store, row.uuid, &found));
    assert_int_equal(found.status, INVITATION_DECLINED);
    assert_int_equal(found.responded_ms, 3);
    assert_ok(store_commit(fixture->store));
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(one_is_pending),
        WITH_STORE(pending_ones_are_listed),
        WITH_STORE(imported_ones_are_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
