/* SPDX-License-Identifier: MPL-2.0
 *
 * CALL and PEER_SAVE.
 */
#include "persistence_world.h"

#include <string.h>

#include "store/consumers.h"
#include "store/peers.h"
#include "store/store.h"

static const INTERNAL(CallDone) * call(struct world *world, INTERNAL(Call) * question)
{
    question->session = 3;
    question->request_id = 77;
    uint64_t correlation = world_ask(world, ACTOR_PERSISTENCE, MSG_CALL, &question->base, NULL, 0);
    world_settle(world);
    const INTERNAL(CallDone) *done = world_answer(world, correlation);
    assert_non_null(done);
    assert_int_equal(done->session, 3);
    assert_int_equal(done->request_id, 77);
    return done;
}

static const INTERNAL(CallDone) *
    mark_read(struct world *world, int64_t reader, const char *peer, uint64_t seq)
{
    INTERNAL(Call) question = ROOST__INTERNAL__CALL__INIT;
    question.method = ROOST__V1__METHOD__MARK_READ;
    question.peer_id = reader;
    question.peer = world_bytes(peer);
    question.seq = seq;
    return call(world, &question);
}

static uint64_t send_asking(struct world *world, uint64_t session, int64_t peer, uint64_t no,
                            const char *scope, uint32_t receipts)
{
    struct world_entry entry = {.scope = scope, .body = "x", .receipts = receipts};
    uint64_t correlation = world_send(world, session, peer, no, &entry, 1);
    world_settle(world);
    return ((const INTERNAL(StoreDone) *)world_answer(world, correlation))->runs[0]->first_seq;
}

static void marks_move_forward_and_tell_the_sender(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    uint64_t first = send_asking(world, 1, ana, 1, "peer:bob", 2);
    (void)send_asking(world, 1, ana, 2, "peer:bob", 1); /* does not ask for READ */
    (void)send_asking(world, 2, bob, 1, "peer:ana", 2); /* the reader's own */
    uint64_t last = send_asking(world, 1, ana, 3, "peer:bob", 2);
    size_t told = world_appended_count(world);

    const INTERNAL(CallDone) *done = mark_read(world, bob, "ana", first);
    assert_int_equal(done->code, 0);
    assert_int_equal(done->seq, first);
    assert_int_equal(done->count, 1);
    assert_int_equal(world_appended_count(world), told + 1);
    done = mark_read(world, bob, "ana", 0); /* everything */
    assert_int_equal(done->count, 2);
    assert_true(done->seq >= last);
    assert_int_equal(world_appended_count(world), told + 2);
    done = mark_read(world, bob, "ana", first); /* never back, and nobody is told twice */
    assert_int_equal(done->code, 0);
    assert_int_equal(done->count, 0);
    assert_true(done->seq >= last);
    assert_int_equal(world_appended_count(world), told + 2);
    assert_int_equal(mark_read(world, bob, "nobody", 0)->code, err_code(ERR_NO_SUCH_PEER));
}

static void a_marker_never_passes_the_end(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    (void)send_asking(world, 1, ana, 1, "peer:bob", 2);
    (void)mark_read(world, bob, "ana", 1000000);
    uint64_t later = send_asking(world, 1, ana, 2, "peer:bob", 2);
    const INTERNAL(CallDone) *done = mark_read(world, bob, "ana", later);
    assert_int_equal(done->count, 1); /* it was not taken for read before it was there */
}

static void scopes_are_created_on_request(void **state)
{
    struct world *world = *state;
    world_end(world);
    world->persistence.is_autocreate = false;
    world_start(world);
    INTERNAL(Call) question = ROOST__INTERNAL__CALL__INIT;
    question.method = ROOST__V1__METHOD__SCOPE_CREATE;
    question.scope_kind = SCOPE_QUEUE;
    question.scope_name = world_bytes("jobs");
    assert_int_equal(call(world, &question)->code, err_code(ERR_NOT_ALLOWED));
    question.is_admin = true;
    const INTERNAL(CallDone) *done = call(world, &question);
    assert_int_equal(done->code, 0);
    assert_int_equal(done->count, 1);
    assert_int_equal(world_appended_count(world), 1);   /* its consumer */
    assert_int_equal(call(world, &question)->count, 0); /* it is there */
    (void)world_store(world, 1, world_peer(world, "ana"), 1, "queue:jobs", "x");
    question.scope_kind = SCOPE_PEER;
    assert_int_equal(call(world, &question)->code, err_code(ERR_BAD_SCOPE));
    question.method = 99;
    assert_int_equal(call(world, &question)->code, err_code(ERR_UNKNOWN_CALL));
}

static void assert_in_use(const INTERNAL(CallDone) * done)
{
    assert_int_equal(done->code, err_code(ERR_PEER_IN_USE));
    assert_non_null(strstr(done->text, "CONSUMER_REMOVE")); /* what to do instead */
}

static void peers_without_messages_can_be_removed(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    (void)world_peer(world, "guest");
    (void)world_store(world, 1, ana, 1, "peer:bob", "x");
    INTERNAL(Call) question = ROOST__INTERNAL__CALL__INIT;
    question.method = ROOST__V1__METHOD__PEER_REMOVE;
    question.peer = world_bytes("guest");
    assert_int_equal(call(world, &question)->count, 1);
    assert_int_equal(call(world, &question)->code, err_code(ERR_NO_SUCH_PEER));
    question.peer = world_bytes("ana"); /* wrote something */
    assert_in_use(call(world, &question));
    question.peer = world_bytes("bob"); /* has a mailbox */
    assert_in_use(call(world, &question));
}

/* --- PEER_SAVE */

struct seen_peer {
    int64_t last_seen_ms, left_ms;
    uint64_t connections;
    char display_name[64], nickname[64];
};

static enum err take_peer(void *context, const struct peer_row *row)
{
    struct seen_peer *seen = context;
    seen->last_seen_ms = row->last_seen_ms;
    seen->left_ms = row->left_ms;
    seen->connections = row->connections;
    (void)snprintf(seen->display_name, sizeof(seen->display_name), "%s", row->display_name);
    (void)snprintf(seen->nickname, sizeof(seen->nickname), "%s", row->nickname);
    return ERR_OK;
}

static struct seen_peer read_peer(struct world *world, int64_t id)
{
    struct seen_peer seen = {0};
    struct store *store = NULL;
    struct store_options options = {.path = world->path, .read_only = true};
    assert_int_equal(store_open(&options, &store), ERR_OK);
    assert_int_equal(peer_read(store, id, take_peer, &seen), ERR_OK);
    store_close(&store);
    return seen;
}

static const INTERNAL(PeerState) * save(struct world *world, INTERNAL(PeerChange) * change)
{
    INTERNAL(PeerSave) question = ROOST__INTERNAL__PEER_SAVE__INIT;
    question.changes = &change;
    question.n_changes = 1;
    uint64_t correlation =
        world_ask(world, ACTOR_PERSISTENCE, MSG_PEER_SAVE, &question.base, NULL, 0);
    world_settle(world);
    const INTERNAL(PeerSaved) *saved = world_answer(world, correlation);
    assert_non_null(saved);
    assert_int_equal(saved->n_states, 1);
    return saved->states[0];
}

static void peers_are_saved(void **state)
{
    struct world *world = *state;
    INTERNAL(PeerChange) change = ROOST__INTERNAL__PEER_CHANGE__INIT;
    change.name = world_bytes("Ana");
    change.seen_ms = 1000;
    assert_int_equal(save(world, &change)->code, err_code(ERR_NO_SUCH_PEER));
    change.may_create = true;
    change.display_name = world_bytes("Ana Lucia");
    change.kind = world_bytes("zmq");
    change.address = world_bytes("10.0.0.1");
    change.is_new_connection = true;
    change.event = 1;
    change.reason = world_bytes("hello");
    const INTERNAL(PeerState) *stored = save(world, &change);
    int64_t id = stored->peer_id;
    assert_int_equal(stored->code, 0);
    assert_true(stored->event_id > 0);
    assert_bytes(stored->name, "Ana");
    assert_bytes(stored->display_name, "Ana Lucia");

    change = (INTERNAL(PeerChange))ROOST__INTERNAL__PEER_CHANGE__INIT;
    change.name = world_bytes("ANA"); /* the same peer */
    change.seen_ms = 500;             /* times only move forward */
    stored = save(world, &change);
    assert_int_equal(stored->peer_id, id);
    assert_bytes(stored->name, "Ana");
    assert_int_equal(stored->event_id, 0);
    struct seen_peer seen = read_peer(world, id);
    assert_int_equal(seen.last_seen_ms, 1000);
    assert_int_equal(seen.connections, 1);
    assert_string_equal(seen.display_name, "Ana Lucia");
    change.name = world_bytes("");
    assert_int_equal(save(world, &change)->code, err_code(ERR_BAD_NAME));
}

static void clocks_of_earlier_runs_hide_nothing(void **state)
{
    struct world *world = *state;
    int64_t now_ms = sim_wall(world->sim).ms, future_ms = now_ms + 3600000;
    INTERNAL(PeerChange) change = ROOST__INTERNAL__PEER_CHANGE__INIT;
    change.name = world_bytes("ana");
    change.may_create = true;
    change.seen_ms = change.left_ms = future_ms; /* said goodbye an hour from now */
    int64_t id = save(world, &change)->peer_id;
    change.seen_ms = now_ms;
    change.left_ms = 0;
    change.event = 1;
    (void)save(world, &change);
    struct seen_peer seen = read_peer(world, id);
    assert_true(seen.last_seen_ms > seen.left_ms); /* is online */
    change.seen_ms = change.left_ms = now_ms + 5;
    change.event = 2;
    (void)save(world, &change);
    seen = read_peer(world, id);
    assert_true(seen.left_ms >= seen.last_seen_ms); /* is offline */

    change.left_ms = 0;
    change.seen_ms = future_ms + 1000;
    change.event = 1;
    (void)save(world, &change);
    change.seen_ms = now_ms;
    change.event = 2; /* a timeout */
    (void)save(world, &change);
    seen = read_peer(world, id);
    assert_true(seen.left_ms >= seen.last_seen_ms);
}

static void nicknames_are_set(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    INTERNAL(Call) question = ROOST__INTERNAL__CALL__INIT;
    question.method = ROOST__V1__METHOD__PEER_NICKNAME;
    question.peer = world_bytes("ANA");
    question.text = world_bytes("boss");
    assert_int_equal(call(world, &question)->count, 1);
    assert_string_equal(read_peer(world, ana).nickname, "boss");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(marks_move_forward_and_tell_the_sender),
        T(a_marker_never_passes_the_end),
        T(scopes_are_created_on_request),
        T(peers_without_messages_can_be_removed),
        T(peers_are_saved),
        T(clocks_of_earlier_runs_hide_nothing),
        T(nicknames_are_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
