/* SPDX-License-Identifier: MPL-2.0
 *
 * LAN_WRITE and LAN_LOAD: what the gateway of the local network is told after a restart.
 */
#include "persistence_world.h"

#include <string.h>

static int64_t make_peer(struct world *world, const char *name)
{
    INTERNAL(PeerChange) change = ROOST__INTERNAL__PEER_CHANGE__INIT, *changes = &change;
    INTERNAL(PeerSave) save = ROOST__INTERNAL__PEER_SAVE__INIT;
    change.name = world_bytes(name);
    change.kind = world_bytes("ipmsg");
    change.version_token = world_bytes("1_iptux 0.8.3");
    change.charset = world_bytes("utf-8");
    change.seen_ms = 1;
    change.may_create = true;
    save.changes = &changes;
    save.n_changes = 1;
    uint64_t correlation = world_ask(world, ACTOR_PERSISTENCE, MSG_PEER_SAVE, &save.base, NULL, 0);
    world_settle(world);
    const INTERNAL(PeerSaved) *saved = world_answer(world, correlation);
    assert_non_null(saved);
    assert_int_equal(saved->states[0]->code, 0);
    return saved->states[0]->peer_id;
}

static uint32_t write_row(struct world *world, int64_t peer_id, uint64_t seq, uint32_t number)
{
    INTERNAL(LanPeer) peer = ROOST__INTERNAL__LAN_PEER__INIT;
    INTERNAL(LanWrite) write = ROOST__INTERNAL__LAN_WRITE__INIT;
    peer.peer_id = peer_id;
    peer.address = world_bytes("10.0.0.9:2425");
    peer.local = world_bytes("10.0.0.1:2425");
    peer.heard_ms = 5;
    peer.began_ms = 1790000000123;
    peer.sending_seq = seq;
    peer.sending_no = number;
    peer.sending_count = 2;
    peer.is_explained = true;
    write.peer = &peer;
    uint64_t correlation = world_ask(world, ACTOR_PERSISTENCE, MSG_LAN_WRITE, &write.base, NULL, 0);
    world_settle(world);
    const INTERNAL(LanWritten) *written = world_answer(world, correlation);
    assert_non_null(written);
    return written->code;
}

static const INTERNAL(LanLoaded) *
    load(struct world *world, int64_t peer_id, int64_t after_id, uint32_t limit)
{
    INTERNAL(LanLoad) question = ROOST__INTERNAL__LAN_LOAD__INIT;
    question.peer_id = peer_id;
    question.after_id = after_id;
    question.limit = limit;
    uint64_t correlation =
        world_ask(world, ACTOR_PERSISTENCE, MSG_LAN_LOAD, &question.base, NULL, 0);
    world_settle(world);
    const INTERNAL(LanLoaded) *loaded = world_answer(world, correlation);
    assert_non_null(loaded);
    assert_int_equal(loaded->code, 0);
    return loaded;
}

static void it_is_there_after_a_restart(void **state)
{
    struct world *world = *state;
    int64_t id = make_peer(world, "lan:ann@pc");
    assert_int_equal(load(world, id, 0, 0)->n_peers, 0); /* nothing is known of it */
    assert_int_equal(write_row(world, id, 77, 4294967294u), 0);
    world_restart(world);
    const INTERNAL(LanLoaded) *loaded = load(world, id, 0, 0);
    assert_int_equal(loaded->n_peers, 1);
    const INTERNAL(LanPeer) *peer = loaded->peers[0];
    assert_int_equal(peer->sending_seq, 77);
    assert_true(peer->sending_no == 4294967294u);
    assert_int_equal(peer->sending_count, 2);
    assert_int_equal(peer->began_ms, 1790000000123);
    assert_true(peer->is_explained);
    assert_memory_equal(peer->name.data, "lan:ann@pc", peer->name.len);
    assert_memory_equal(peer->version_token.data, "1_iptux 0.8.3", peer->version_token.len);
    assert_memory_equal(peer->address.data, "10.0.0.9:2425", peer->address.len);
    assert_int_equal(write_row(world, id, 0, 0), 0);
    assert_int_equal(load(world, id, 0, 0)->peers[0]->sending_seq, 0);
}

static void all_of_them_in_pages(void **state)
{
    struct world *world = *state;
    int64_t ids[3];
    static const char *const names[] = {"lan:a@pc", "lan:b@pc", "lan:c@pc"};
    for (int i = 0; i < 3; i++) {
        ids[i] = make_peer(world, names[i]);
        assert_int_equal(write_row(world, ids[i], 0, 0), 0);
    }
    const INTERNAL(LanLoaded) *loaded = load(world, 0, 0, 2);
    assert_int_equal(loaded->n_peers, 2);
    assert_false(loaded->is_end);
    loaded = load(world, 0, ids[1], 2);
    assert_int_equal(loaded->n_peers, 1);
    assert_true(loaded->is_end);
    assert_int_equal(loaded->peers[0]->peer_id, ids[2]);
}

static void what_is_no_peer_is_refused(void **state)
{
    struct world *world = *state;
    INTERNAL(LanWrite) nothing = ROOST__INTERNAL__LAN_WRITE__INIT;
    assert_int_equal(write_row(world, 999, 1, 1), err_code(ERR_NO_SUCH_PEER));
    uint64_t correlation =
        world_ask(world, ACTOR_PERSISTENCE, MSG_LAN_WRITE, &nothing.base, NULL, 0);
    world_settle(world);
    const INTERNAL(LanWritten) *written = world_answer(world, correlation);
    assert_int_equal(written->code, err_code(ERR_BAD_FIELD));
    assert_int_equal(load(world, 999, 0, 0)->n_peers, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_there_after_a_restart),
        TEST(all_of_them_in_pages),
        TEST(what_is_no_peer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
