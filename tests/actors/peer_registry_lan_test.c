/* SPDX-License-Identifier: MPL-2.0
 *
 * A thousand peers of the local network: how much is written, what clocks do to them, and who is
 * told.
 */
#include "persistence_world.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "peer_registry_state.h"
#include "persistence_state.h"
#include "store/peers.h"
#include "store/store_internal.h"

#define PEERS 1000

static void name_of(uint64_t n, char ret[64])
{
    (void)snprintf(ret, 64, "lan:user%04u@pc", (unsigned)n);
}

static void come(struct world *world, uint64_t session, const char *name, const char *display_name)
{
    INTERNAL(SessionOpen) open = ROOST__INTERNAL__SESSION_OPEN__INIT;
    open.session = session;
    open.peer_name = world_bytes(name);
    open.display_name = world_bytes(display_name);
    open.kind = world_bytes("ipmsg");
    open.address = world_bytes("192.0.2.7");
    (void)world_ask(world, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN, &open.base, NULL, 0);
}

static void everybody_comes(struct world *world)
{
    char name[64];
    for (uint64_t i = 1; i <= PEERS; i++) {
        name_of(i, name);
        come(world, i, name, "");
    }
    world_advance(world, 10);
    assert_int_equal(world_count(world, MSG_SESSION_OPENED), PEERS);
    assert_int_equal(world_count(world, MSG_PRESENCE_CHANGED), PEERS);
    world_forget(world);
}

/* As gateways do: all of them in one message. */
static void everybody_is_heard_of(struct world *world)
{
    static uint64_t sessions[PEERS];
    static ProtobufCBinaryData names[PEERS];
    static char texts[PEERS][64];
    INTERNAL(SessionsSeen) seen = ROOST__INTERNAL__SESSIONS_SEEN__INIT;
    for (uint64_t i = 0; i < PEERS; i++) {
        sessions[i] = i + 1;
        name_of(i + 1, texts[i]);
        names[i] = world_bytes(texts[i]);
    }
    seen.sessions = sessions;
    seen.n_sessions = PEERS;
    seen.peer_names = names;
    seen.n_peer_names = PEERS;
    world_tell(world, ACTOR_PEER_REGISTRY, MSG_SESSIONS_SEEN, &seen.base);
}

static int rows_written(struct world *world)
{
    const struct persistence *p = sim_state(world->sim, ACTOR_PERSISTENCE);
    return sqlite3_total_changes(p->store->db);
}

static uint64_t online(struct world *world)
{
    struct store_options options = {.path = world->path, .read_only = true};
    struct store *store = NULL;
    struct peer_counts counts = {0};
    const struct peer_registry *r = sim_state(world->sim, ACTOR_PEER_REGISTRY);
    int64_t now_ms = r->wall_start_ms + mono_elapsed_ms(r->mono_start, sim_mono(world->sim));
    assert_int_equal(store_open(&options, &store), ERR_OK);
    assert_int_equal(peer_count(store, now_ms - 180000, &counts), ERR_OK);
    store_close(&store);
    return counts.online;
}

/* A heartbeat per second of each: a row per peer and half minute, not more. */
static void heartbeats_are_written_seldom(void **state)
{
    struct world *world = *state;
    everybody_comes(world);
    for (int round = 0; round < 4; round++) {
        int before = rows_written(world);
        for (int second = 0; second < 30; second++) {
            world_advance(world, 1000);
            everybody_is_heard_of(world);
            world_settle(world);
        }
        int written = rows_written(world) - before;
        print_message("30 s: %d rows\n", written);
        assert_true(written <= PEERS);
        if (round > 0)
            assert_true(written >= PEERS / 2); /* and they are written */
    }
    assert_int_equal(world_count(world, MSG_PRESENCE_CHANGED), 0);
    assert_int_equal(online(world), PEERS);
}

static void clock_jumps_move_nobody(void **state)
{
    struct world *world = *state;
    static const int64_t jumps_ms[] = {3600000, -3600000, -3600000, 3600000};
    everybody_comes(world);
    for (int i = 0; i < 60; i++) {
        if (i % 15 == 5)
            sim_wall_jump(world->sim, jumps_ms[i / 15]);
        world_advance(world, 10000);
        everybody_is_heard_of(world);
        world_settle(world);
        assert_int_equal(online(world), PEERS);
    }
    assert_int_equal(world_count(world, MSG_PRESENCE_CHANGED), 0);
    world_advance(world, 181000); /* and who is silent goes */
    assert_int_equal(world_count(world, MSG_PRESENCE_CHANGED), PEERS);
    assert_int_equal(online(world), 0);
}

/* A jump while the broker is down: the same people are online as before, until their timeout. */
static void a_clock_that_was_set_while_stopped(void **state)
{
    struct world *world = *state;
    static const int64_t jumps_ms[] = {3600000, -3600000};
    for (int i = 0; i < 2; i++) {
        everybody_comes(world);
        struct wall_time now = sim_wall(world->sim);
        world_end(world);
        world_forget(world);
        world->sim_options.wall_start_ms = now.ms + jumps_ms[i];
        world_start(world);
        everybody_is_heard_of(world);
        world_advance(world, 1000);
        everybody_is_heard_of(world);
        world_settle(world);
        const struct peer_registry *r = sim_state(world->sim, ACTOR_PEER_REGISTRY);
        assert_int_equal(
            metrics_get(sim_metrics(world->sim, ACTOR_PEER_REGISTRY), METRIC_PEERS_ONLINE), PEERS);
        assert_int_equal(heap_count(&r->timeouts), PEERS);
        INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
        for (uint64_t session = 1; session <= PEERS; session++) {
            closed.session = session;
            world_tell(world, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED, &closed.base);
        }
        world_settle(world);
        world_forget(world);
    }
}

static const INTERNAL(PresenceChanged) * event(struct world *world, size_t n)
{
    const struct world_message *message = world_nth(world, MSG_PRESENCE_CHANGED, n);
    assert_non_null(message);
    return (const void *)message->body;
}

/* Whoever subscribed is told of them as of everybody. */
static void their_coming_and_going_is_told(void **state)
{
    struct world *world = *state;
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    come(world, 1, "lan:Ana@pc", "Ana B.");
    world_settle(world);
    assert_bytes(event(world, 0)->peer_name, "lan:Ana@pc");
    assert_bytes(event(world, 0)->display_name, "Ana B.");
    assert_bytes(event(world, 0)->reason, "hello");
    assert_true(event(world, 0)->is_online);
    assert_false(event(world, 0)->is_verified);
    come(world, 1, "lan:ana@PC", "Anita"); /* says something else of itself: no event */
    world_settle(world);
    assert_int_equal(world_count(world, MSG_PRESENCE_CHANGED), 1);
    closed.session = 1;
    world_tell(world, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED, &closed.base);
    world_settle(world);
    assert_bytes(event(world, 1)->display_name, "Anita");
    assert_bytes(event(world, 1)->reason, "goodbye");
    assert_false(event(world, 1)->is_online);
    come(world, 2, "lan:ana@pc", "");
    world_advance(world, 181000);
    assert_bytes(event(world, 3)->reason, "timeout");
    assert_true(event(world, 3)->event_id > event(world, 0)->event_id);
}

/* A number the gateway gave to another peer. */
static void a_session_number_used_again(void **state)
{
    struct world *world = *state;
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    come(world, 1, "lan:ana@pc", "");
    come(world, 1, "lan:bob@pc", "");
    world_settle(world);
    assert_int_equal(world_count(world, MSG_PRESENCE_CHANGED), 2);
    closed.session = 1;
    world_tell(world, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED, &closed.base);
    world_settle(world);
    assert_int_equal(world_count(world, MSG_PRESENCE_CHANGED), 3);
    assert_bytes(event(world, 2)->peer_name, "lan:bob@pc");
    world_advance(world, 181000); /* ana's has no session any more */
    assert_bytes(event(world, 3)->peer_name, "lan:ana@pc");
    const struct peer_registry *r = sim_state(world->sim, ACTOR_PEER_REGISTRY);
    assert_int_equal(r->lan_count, 0);
    assert_int_equal(u64map_count(&r->sessions), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup_with_registry, world_teardown)
        T(heartbeats_are_written_seldom),      T(clock_jumps_move_nobody),
        T(a_clock_that_was_set_while_stopped), T(their_coming_and_going_is_told),
        T(a_session_number_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
