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

struct announced_copy {
    struct peer_row row;
    char text[200];
};

static enum err keep_announced(void *context, const struct peer_row *row)
{
    struct announced_copy *copy = context;
    copy->row = *row;
    (void)snprintf(copy->text, sizeof copy->text, "%s|%s|%s|%s", row->group_name,
                   row->version_token, row->charset, row->fingerprint);
    return ERR_OK;
}

static void test_what_it_says_of_itself(void **state)
{
    struct fixture *fixture = *state;
    struct announced_copy copy;
    int64_t id = 0;
    assert_ok(store_begin(fixture->store));
    assert_ok(peer_create(fixture->store, "lan:Ana@PC", "lan:ana@pc", 5, &id));
    assert_ok(store_commit(fixture->store));
    see(fixture, (struct peer_seen){.id = id,
                                    .seen_ms = 1,
                                    .group_name = "Sales",
                                    .version_token = "1_iptux 0.8.3",
                                    .charset = "utf-8",
                                    .fingerprint = "0123456789abcdef",
                                    .port = 2425,
                                    .capabilities = 0xffffffffu});
    see(fixture, (struct peer_seen){.id = id, .seen_ms = 2, .group_name = "", .charset = "gbk"});
    assert_ok(peer_read(fixture->store, id, keep_announced, &copy));
    assert_string_equal(copy.text, "Sales|1_iptux 0.8.3|gbk|0123456789abcdef");
    assert_true(copy.row.is_lan);
    assert_int_equal(copy.row.port, 2425);
    assert_int_equal(copy.row.capabilities, 0xffffffffu);
    fixture_fill(fixture);
    assert_ok(peer_read(fixture->store, fixture->peer_ids[0], keep_announced, &copy));
    assert_false(copy.row.is_lan);
}

static void test_what_was_measured_adds_up(void **state)
{
    struct fixture *fixture = *state;
    const struct peer_measured first = {3, 1, 1000, 90, 3}, second = {1, 0, 24, 10, 1};
    int64_t event_id = 0;
    fixture_fill(fixture);
    int64_t id = fixture->peer_ids[0];
    assert_ok(store_begin(fixture->store));
    assert_ok(peer_add_measured(fixture->store, id, &first));
    assert_ok(peer_add_measured(fixture->store, id, &second));
    assert_err(peer_add_measured(fixture->store, 999, &second), ERR_NO_SUCH_PEER);
    assert_ok(presence_add(fixture->store, id, true, 1000, "hello", &event_id));
    assert_ok(presence_add(fixture->store, id, false, 1500, "goodbye", &event_id));
    assert_ok(presence_add(fixture->store, id, false, 1700, "goodbye", &event_id)); /* twice */
    assert_ok(presence_add(fixture->store, id, true, 2000, "hello", &event_id));
    assert_ok(store_commit(fixture->store));
    struct copy copy = read_peer(fixture, id);
    assert_int_equal(copy.row.transfers_ok, 4);
    assert_int_equal(copy.row.transfers_failed, 1);
    assert_int_equal(copy.row.transfer_bytes, 1024);
    assert_int_equal(copy.row.latency_total_ms, 100);
    assert_int_equal(copy.row.latency_count, 4);
    assert_int_equal(copy.row.observed_ms, 1000);
    assert_int_equal(copy.row.online_ms, 500);
    assert_int_equal(copy.row.online_since_ms, 2000);
}

static enum err join_addresses(void *context, const char *address, const char *source,
                               int64_t last_seen_ms)
{
    char *text = context;
    size_t used = strlen(text);
    (void)snprintf(text + used, 200 - used, "%s/%s/%d ", address, source, (int)last_seen_ms);
    return ERR_OK;
}

static enum err count_address(void *context, const char *address, const char *source,
                              int64_t last_seen_ms)
{
    (void)address, (void)source;
    assert_true(last_seen_ms > 100 - PEER_ADDRESSES_MAX);
    char *text = context;
    text[strlen(text)] = 'x';
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

/* A peer that goes through many leaves the old ones behind. */
static void test_addresses_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    char text[2000] = "", address[32];
    fixture_fill(fixture);
    int64_t id = fixture->peer_ids[0];
    for (int i = 1; i <= 100; i++) {
        (void)snprintf(address, sizeof address, "10.0.0.%d", i);
        see(fixture, (struct peer_seen){.id = id, .seen_ms = i, .address = address});
        see(fixture, (struct peer_seen){.id = id, .seen_ms = i, .address = "10.0.0.1"});
    }
    assert_ok(peer_addresses(fixture->store, id, count_address, text));
    assert_int_equal(strlen(text), PEER_ADDRESSES_MAX);
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
        WITH_STORE(test_create_and_find),
        WITH_STORE(test_seen_merges),
        WITH_STORE(test_addresses),
        WITH_STORE(test_list),
        WITH_STORE(test_remove),
        WITH_STORE(test_what_it_says_of_itself),
        WITH_STORE(test_what_was_measured_adds_up),
        WITH_STORE(test_addresses_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
