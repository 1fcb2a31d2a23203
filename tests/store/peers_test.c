/* SPDX-License-Identifier: MPL-2.0
 *
 * Peers: an empty field never overwrites a filled one, time only moves forward, ids are never given
 * twice.
 */
#include "store/peers.h"

#include <stdio.h>
#include <string.h>

#include "rt/check.h"
#include "store_fixture.h"

struct copy {
    struct peer_row row;
    char display_name[64], kind[64], nickname[64], host_name[64];
    size_t count;
};

static enum err keep(void *context, const struct peer_row *row)
{
    struct copy *copy = context;
    copy->row = *row;
    copy->count++;
    (void)snprintf(copy->display_name, sizeof copy->display_name, "%s", row->display_name);
    (void)snprintf(copy->kind, sizeof copy->kind, "%s", row->kind);
    (void)snprintf(copy->nickname, sizeof copy->nickname, "%s", row->nickname);
    (void)snprintf(copy->host_name, sizeof copy->host_name, "%s", row->host_name);
    return ERR_OK;
}

static struct copy read_peer(struct fixture *fixture, int64_t id)
{
    struct copy copy = {.count = 0};
    assert_ok(peer_read(fixture->store, id, keep, &copy));
    assert_int_equal(copy.count, 1);
    return copy;
}

static void see(struct fixture *fixture, struct peer_seen seen)
{
    assert_ok(store_begin(fixture->store));
    assert_ok(peer_update_seen(fixture->store, &seen));
    assert_ok(store_commit(fixture->store));
}

static void test_create_and_find(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = 0, found = 0;
    assert_ok(store_begin(fixture->store));
    assert_ok(peer_create(fixture->store, "Alice", "alice", 5, &id));
    assert_err(peer_create(fixture->store, "ALICE", "alice", 5, &found), ERR_DUPLICATE);
    assert_ok(store_commit(fixture->store));
    assert_ok(peer_find(fixture->store, "alice", &found));
    assert_int_equal(found, id);
    assert_err(peer_find(fixture->store, "Alice", &found), ERR_NO_SUCH_PEER);
    struct copy copy = read_peer(fixture, id);
    assert_int_equal(copy.row.created_ms, 5);
    assert_int_equal(copy.row.first_seen_ms, 0);
    assert_err(peer_read(fixture->store, 999, keep, &copy), ERR_NO_SUCH_PEER);
}

static void test_seen_merges(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    int64_t id = fixture->peer_ids[0];
    see(fixture, (struct peer_seen){.id = id,
                                    .seen_ms = 100,
                                    .display_name = "Alice A.",
                                    .kind = "ipmsg",
                                    .host_name = "pc1",
                                    .is_new_connection = true});
    see(fixture, (struct peer_seen){.id = id, .seen_ms = 50, .display_name = "", .kind = NULL});
    struct copy copy = read_peer(fixture, id);
    assert_int_equal(copy.row.first_seen_ms, 100);
    assert_int_equal(copy.row.last_seen_ms, 100);
    assert_int_equal(copy.row.left_ms, 0);
    assert_int_equal(copy.row.connections, 1);
    assert_string_equal(copy.display_name, "Alice A.");
    assert_string_equal(copy.kind, "ipmsg");
    assert_string_equal(copy.host_name, "pc1");
    see(fixture, (struct peer_seen){.id = id, .seen_ms = 300, .left_ms = 300});
    copy = read_peer(fixture, id);
    assert_int_equal(copy.row.last_seen_ms, 300);
    assert_int_equal(copy.row.left_ms, 300);
    assert_ok(store_begin(fixture->store));
    struct peer_seen nobody = {.id = 999, .seen_ms = 1};
    assert_err(peer_update_seen(fixture->store, &nobody), ERR_NO_SUCH_PEER);
    assert_ok(peer_set_nickname(fixture->store, id, "Al"));
    assert_ok(peer_set_verified(fixture->store, id, true));
    assert_err(peer_set_nickname(fixture->store, 999, "Al"), ERR_NO_SUCH_PEER);
    assert_ok(store_commit(fixture->store));
    copy = read_peer(fixture, id);
    assert_string_equal(copy.nickname, "Al");
    assert_true(copy.row.is_verified);
}

static enum err join_addresses(void *context, const char *address, const char *source,
                               int64_t last_seen_ms)
{
    char *text = context;
    size_t used = strlen(text);
    (void)snprintf(text + used, 200 - used, "%s/%s/%d ", address, source, (int)last_seen_ms);
    return ERR_OK;
}

static void test_addresses(void **state)
{
    struct fixture *fixture = *state;
    char text[200] = "";
    fixture_fill(fixture);
    int64_t id = fixture->peer_ids[0];
    see(fixture, (struct peer_seen){.id = id, .seen_ms = 1, .address = "a", .source = "zmq"});
    see(fixture, (struct peer_seen){.id = id, .seen_ms = 2, .address = "b", .source = "ipmsg"});
    see(fixture, (struct peer_seen){.id = id, .seen_ms = 3, .address = "a"});
    see(fixture, (struct peer_seen){.id = id, .seen_ms = 1, .address = "b"});
    see(fixture, (struct peer_seen){.id = id, .seen_ms = 9, .address = ""});
    assert_ok(peer_addresses(fixture->store, id, join_addresses, text));
    assert_string_equal(text, "a/zmq/3 b/ipmsg/2 ");
}

static void test_list(void **state)
{
    struct fixture *fixture = *state;
    struct copy copy = {.count = 0};
    fixture_fill(fixture);
    see(fixture, (struct peer_seen){.id = fixture->peer_ids[0], .seen_ms = 1000});
    see(fixture, (struct peer_seen){.id = fixture->peer_ids[1], .seen_ms = 1000, .left_ms = 1000});
    see(fixture, (struct peer_seen){.id = fixture->peer_ids[2], .seen_ms = 10});
    assert_ok(peer_list(fixture->store, "", 0, 10, keep, &copy));
    assert_int_equal(copy.count, 3);
    copy.count = 0;
    assert_ok(peer_list(fixture->store, "alice", 0, 1, keep, &copy));
    assert_int_equal(copy.count, 1);
    assert_int_equal(copy.row.id, fixture->peer_ids[1]);
    copy.count = 0;
    assert_ok(peer_list(fixture->store, "", 500, 10, keep, &copy));
    assert_int_equal(copy.count, 1);
    assert_int_equal(copy.row.id, fixture->peer_ids[0]);
}

static void test_remove(void **state)
{
    struct fixture *fixture = *state;
    int64_t event_id = 0, new_id = 0;
    uint64_t before = 0, read_seq = 7;
    char text[200] = "";
    fixture_fill(fixture);
    int64_t id = fixture->peer_ids[2];
    see(fixture, (struct peer_seen){.id = id, .seen_ms = 1, .address = "a", .source = "zmq"});
    assert_ok(store_begin(fixture->store));
    assert_ok(presence_add(fixture->store, id, true, 1, "hello", &event_id));
    assert_ok(marker_set(fixture->store, id, 5, 9, 1, &before));
    assert_ok(peer_remove(fixture->store, id));
    assert_err(peer_remove(fixture->store, id), ERR_NO_SUCH_PEER);
    assert_ok(peer_create(fixture->store, "dave", "dave", 1, &new_id));
    assert_ok(store_commit(fixture->store));
    assert_true(new_id > id);
    assert_ok(peer_addresses(fixture->store, id, join_addresses, text));
    assert_string_equal(text, "");
    assert_ok(marker_get(fixture->store, id, 5, &read_seq));
    assert_int_equal(read_seq, 0);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_create_and_find), WITH_STORE(test_seen_merges),
        WITH_STORE(test_addresses),       WITH_STORE(test_list),
        WITH_STORE(test_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
