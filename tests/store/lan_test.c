/* SPDX-License-Identifier: MPL-2.0
 *
 * What is kept of a peer of the local network.
 */
#include "store/lan.h"

#include <stdio.h>
#include <string.h>

#include "store/peers.h"
#include "store/store_internal.h"
#include "store_fixture.h"

struct seen {
    size_t count;
    int64_t ids[16];
    struct lan_row last;
    char address[64], local[64], name[64];
};

static enum err see(void *context, const struct lan_row *row)
{
    struct seen *seen = context;
    seen->ids[seen->count++] = row->peer_id;
    seen->last = *row;
    (void)snprintf(seen->address, sizeof(seen->address), "%s", row->address);
    (void)snprintf(seen->local, sizeof(seen->local), "%s", row->local);
    (void)snprintf(seen->name, sizeof(seen->name), "%s", row->name);
    return ERR_OK;
}

static enum err put(struct fixture *fixture, const struct lan_row *row)
{
    assert_ok(store_begin(fixture->store));
    enum err err = lan_put(fixture->store, row);
    assert_ok(store_commit(fixture->store));
    return err;
}

static void test_a_row_is_replaced_whole(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    fixture_fill(fixture);
    int64_t id = fixture->peer_ids[1];
    assert_err(lan_read(fixture->store, id, see, &seen), ERR_NO_SUCH_PEER);
    struct lan_row row = {.peer_id = id,
                          .address = "10.0.0.9:2425",
                          .local = "10.0.0.1:2425",
                          .heard_ms = 5,
                          .began_ms = 1790000000123,
                          .sending_seq = 77,
                          .sending_no = 4294967294u,
                          .sending_count = 3,
                          .is_explained = true};
    assert_ok(put(fixture, &row));
    assert_ok(lan_read(fixture->store, id, see, &seen));
    assert_int_equal(seen.last.began_ms, row.began_ms);
    assert_int_equal(seen.last.sending_seq, 77);
    assert_true(seen.last.sending_no == 4294967294u);
    assert_int_equal(seen.last.sending_count, 3);
    assert_true(seen.last.is_explained);
    assert_string_equal(seen.address, "10.0.0.9:2425");
    assert_string_equal(seen.local, "10.0.0.1:2425");
    row = (struct lan_row){.peer_id = id, .address = "", .local = ""};
    assert_ok(put(fixture, &row));
    assert_ok(lan_read(fixture->store, id, see, &seen));
    assert_int_equal(seen.last.sending_seq, 0);
    assert_string_equal(seen.address, "");
}

static void test_only_of_peers_that_are_there(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    fixture_fill(fixture);
    struct lan_row row = {.peer_id = 999, .address = "", .local = ""};
    assert_err(put(fixture, &row), ERR_NO_SUCH_PEER);
    row.peer_id = fixture->peer_ids[2];
    assert_ok(put(fixture, &row));
    assert_ok(store_begin(fixture->store));
    assert_ok(peer_remove(fixture->store, row.peer_id));
    assert_ok(store_commit(fixture->store));
    assert_ok(lan_list(fixture->store, 0, 10, see, &seen));
    assert_int_equal(seen.count, 0); /* it went with its peer */
}

static void test_pages(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    fixture_fill(fixture);
    for (int i = 0; i < 3; i++) {
        struct lan_row row = {.peer_id = fixture->peer_ids[i], .address = "", .local = ""};
        assert_ok(put(fixture, &row));
    }
    assert_ok(lan_list(fixture->store, 0, 2, see, &seen));
    assert_int_equal(seen.count, 2);
    assert_ok(lan_list(fixture->store, seen.ids[1], 2, see, &seen));
    assert_int_equal(seen.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(seen.ids[i], fixture->peer_ids[i]);
}

static void test_nicks(void **state)
{
    struct fixture *fixture = *state;
    int64_t ann, ben, found = 0;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    assert_ok(peer_create(fixture->store, "lan:ann@pc", "lan:ann@pc", 1, &ann));
    assert_ok(peer_create(fixture->store, "lan:ben@pc", "lan:ben@pc", 1, &ben));
    struct peer_seen seen = {.id = ann, .seen_ms = 2, .display_name = "Ann"};
    assert_ok(peer_update_seen(fixture->store, &seen));
    assert_ok(lan_find_nick(fixture->store, "Ann", &found));
    assert_int_equal(found, ann);
    assert_err(lan_find_nick(fixture->store, "Ben", &found), ERR_NO_SUCH_PEER);
    seen.id = fixture->peer_ids[0]; /* not of the local network */
    assert_ok(peer_update_seen(fixture->store, &seen));
    assert_ok(lan_find_nick(fixture->store, "Ann", &found));
    seen.id = ben;
    assert_ok(peer_update_seen(fixture->store, &seen));
    assert_err(lan_find_nick(fixture->store, "Ann", &found), ERR_NO_SUCH_PEER); /* two */
    assert_ok(store_commit(fixture->store));
}

static void put_sealed(struct fixture *fixture, const struct lan_sealed *sealed)
{
    assert_ok(lan_sealed_put(fixture->store, sealed));
}

/* Which message a number was: of this peer only, by each of its parts, while it is here. */
static void test_sealed_messages_are_found_by_number(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seq = 0;
    int64_t sender = 0;
    fixture_fill(fixture);
    int64_t ann = fixture->peer_ids[0], ben = fixture->peer_ids[1];
    uint64_t first = fixture_append(fixture, 1, 10), second = fixture_append(fixture, 2, 10);
    assert_ok(store_begin(fixture->store));
    put_sealed(fixture, &(struct lan_sealed){ann, 100, 3, first});
    put_sealed(fixture, &(struct lan_sealed){ann, 200, 1, second});
    put_sealed(fixture, &(struct lan_sealed){ann, 300, 1, second + 1000}); /* removed since */
    for (uint32_t no = 100; no < 103; no++) {
        assert_ok(lan_sealed_find(fixture->store, ann, no, &seq, &sender));
        assert_int_equal(seq, first);
        assert_true(sender > 0);
    }
    assert_ok(lan_sealed_find(fixture->store, ann, 200, &seq, &sender));
    assert_int_equal(seq, second);
    static const uint32_t none[] = {0, 99, 103, 199, 201, 300, UINT32_MAX};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_err(lan_sealed_find(fixture->store, ann, none[i], &seq, &sender),
                   ERR_NO_SUCH_MESSAGE);
    assert_err(lan_sealed_find(fixture->store, ben, 100, &seq, &sender), ERR_NO_SUCH_MESSAGE);
    put_sealed(fixture, &(struct lan_sealed){ann, 100, 1, second}); /* numbers began again */
    assert_ok(lan_sealed_find(fixture->store, ann, 100, &seq, &sender));
    assert_int_equal(seq, second);
    for (uint32_t i = 0; i < LAN_SEALED_MAX; i++) /* only so many are kept */
        put_sealed(fixture, &(struct lan_sealed){ann, 1000 + i, 1, first});
    assert_err(lan_sealed_find(fixture->store, ann, 200, &seq, &sender), ERR_NO_SUCH_MESSAGE);
    assert_ok(lan_sealed_find(fixture->store, ann, 1000, &seq, &sender));
    assert_ok(store_commit(fixture->store));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_row_is_replaced_whole, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_only_of_peers_that_are_there, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_pages, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_nicks, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_sealed_messages_are_found_by_number, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
