/* SPDX-License-Identifier: MPL-2.0
 *
 * Peers of the local network, made up by the thousand: neither the table nor the memory of the
 * registry grows, and whoever is known stays.
 *
 * ROOST_SPOOFED says how many (20,000); a million takes some minutes.
 */
#include "persistence_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer_registry_state.h"
#include "persistence_state.h"
#include "store/peers.h"

#define LAN_MAX 256

static size_t spoofed_count(void)
{
    const char *text = getenv("ROOST_SPOOFED");
    return text ? strtoul(text, NULL, 10) : 20000;
}

static uint64_t ask_open(struct world *world, uint64_t session, const char *name)
{
    INTERNAL(SessionOpen) open = ROOST__INTERNAL__SESSION_OPEN__INIT;
    open.session = session;
    open.peer_name = world_bytes(name);
    open.kind = world_bytes("ipmsg");
    open.address = world_bytes("192.0.2.7");
    return world_ask(world, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN, &open.base, NULL, 0);
}

/* Answers the code; the id in *ret_id. */
static uint32_t come(struct world *world, uint64_t session, const char *name, int64_t *ret_id)
{
    uint64_t correlation = ask_open(world, session, name);
    world_settle(world);
    const INTERNAL(SessionOpened) *opened = world_answer(world, correlation);
    assert_non_null(opened);
    if (ret_id)
        *ret_id = opened->peer_id;
    return opened->code;
}

static void seen(struct world *world, uint64_t session, const char *name)
{
    INTERNAL(SessionsSeen) sessions = ROOST__INTERNAL__SESSIONS_SEEN__INIT;
    ProtobufCBinaryData bytes = world_bytes(name);
    sessions.sessions = &session;
    sessions.n_sessions = 1;
    sessions.peer_names = &bytes;
    sessions.n_peer_names = 1;
    world_tell(world, ACTOR_PEER_REGISTRY, MSG_SESSIONS_SEEN, &sessions.base);
    world_settle(world);
}

static void nickname(struct world *world, const char *name)
{
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.method = ROOST__V1__METHOD__PEER_NICKNAME;
    call.peer = world_bytes(name);
    call.text = world_bytes("somebody");
    call.is_admin = true;
    (void)world_ask(world, ACTOR_PEER_REGISTRY, MSG_CALL, &call.base, NULL, 0);
    world_settle(world);
}

/* What the store says now. */
static struct peer_counts counts(struct world *world)
{
    struct store_options options = {.path = world->path, .read_only = true};
    struct store *store = NULL;
    struct peer_counts counts = {0};
    assert_int_equal(store_open(&options, &store), ERR_OK);
    assert_int_equal(peer_count(store, 1, &counts), ERR_OK);
    store_close(&store);
    return counts;
}

static bool is_known(struct world *world, const char *folded)
{
    struct store_options options = {.path = world->path, .read_only = true};
    struct store *store = NULL;
    int64_t id = 0;
    assert_int_equal(store_open(&options, &store), ERR_OK);
    enum err err = peer_find(store, folded, &id);
    store_close(&store);
    assert_true(err == ERR_OK || err == ERR_NO_SUCH_PEER);
    return err == ERR_OK;
}

static int setup(void **state)
{
    struct world *world = world_new();
    world->has_registry = true;
    world->registry.lan_max = LAN_MAX;
    world->persistence.lan_max = LAN_MAX;
    world->persistence.is_autocreate = true;
    world_start(world);
    *state = world;
    return 0;
}

static const struct peer_registry *registry(struct world *world)
{
    return sim_state(world->sim, ACTOR_PEER_REGISTRY);
}

/* Those who would be missed: a nickname, mail for it, mail by it; an account is no LAN peer. */
static void known_ones(struct world *world)
{
    int64_t writer = 0;
    assert_int_equal(come(world, 1, "lan:named@pc", NULL), 0);
    assert_int_equal(come(world, 2, "lan:Addressed@pc", NULL), 0);
    assert_int_equal(come(world, 3, "lan:writer@pc", &writer), 0);
    assert_int_equal(come(world, 4, "zoe", NULL), 0);
    nickname(world, "lan:named@pc");
    (void)world_store(world, 3, writer, 1, "peer:zoe", "from the LAN");
    (void)world_store(world, 4, world_peer(world, "zoe"), 1, "peer:lan:addressed@pc", "to the LAN");
}

static void a_flood_leaves_known_peers_alone(void **state)
{
    struct world *world = *state;
    char name[64];
    size_t count = spoofed_count(), refused = 0;
    known_ones(world);
    world_advance(world, 31000); /* their next sign of life tells the registry who they are */
    seen(world, 1, "lan:named@pc");
    seen(world, 2, "lan:Addressed@pc");
    seen(world, 3, "lan:writer@pc");
    world_forget(world);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof(name), "lan:u%zu@spoofed", i);
        uint64_t correlation = ask_open(world, 1000 + i, name);
        if (i % 64 != 63)
            continue;
        world_settle(world);
        const INTERNAL(SessionOpened) *opened = world_answer(world, correlation);
        assert_non_null(opened);
        refused += opened->code != 0;
        assert_true(registry(world)->lan_count <= 2 * LAN_MAX);
        assert_true(u64map_count(&registry(world)->sessions) <= 2 * LAN_MAX);
        for (size_t j = 0; j < world_count(world, MSG_SESSION_DROPPED); j++) {
            const INTERNAL(SessionDropped) *dropped =
                (const void *)world_nth(world, MSG_SESSION_DROPPED, j)->body;
            assert_true(dropped->session >= 1000); /* nobody who is known */
        }
        world_forget(world);
        if (i % 1024 == 1023)
            assert_true(counts(world).lan <= LAN_MAX);
    }
    world_settle(world);
    assert_int_equal(refused, 0);
    struct peer_counts end = counts(world);
    print_message("%zu made up: %zu rows of the LAN\n", count, (size_t)end.lan);
    assert_true(end.lan <= LAN_MAX && end.lan > LAN_MAX / 2);
    assert_true(is_known(world, "lan:named@pc"));
    assert_true(is_known(world, "lan:addressed@pc"));
    assert_true(is_known(world, "lan:writer@pc"));
    assert_true(is_known(world, "zoe"));
    (void)snprintf(name, sizeof(name), "lan:u%zu@spoofed", count - 1);
    assert_true(is_known(world, name)); /* the newest */
    assert_false(is_known(world, "lan:u0@spoofed"));
}

/* Its mailbox goes with it, and sync-manager is told. */
static void an_empty_mailbox_goes_too(void **state)
{
    struct world *world = *state;
    char name[64];
    int64_t id = 0;
    assert_int_equal(come(world, 1, "lan:ana@pc", &id), 0);
    const INTERNAL(ConsumerOpened) *opened =
        world_open(world, id, SCOPE_PEER, "lan:ana@pc", "main", 0, 0);
    assert_int_equal(opened->code, 0);
    int64_t consumer_id = opened->row->consumer_id;
    for (size_t i = 0; i < 2 * (size_t)LAN_MAX; i++) {
        (void)snprintf(name, sizeof(name), "lan:u%zu@spoofed", i);
        assert_int_equal(come(world, 1000 + i, name, NULL), 0);
        world_advance(world, 1);
    }
    assert_false(is_known(world, "lan:ana@pc"));
    bool is_told = false;
    for (size_t i = 0; i < world_appended_count(world); i++) {
        const INTERNAL(Appended) *appended = (const void *)world_appended(world, i)->body;
        for (size_t j = 0; j < appended->n_removed_consumers; j++)
            is_told |= appended->removed_consumers[j] == consumer_id;
    }
    assert_true(is_told);
    /* What the gateway still stores for it is refused; it comes back as a new one. */
    struct world_entry entry = {.scope = "peer:bob", .body = "late"};
    uint64_t correlation = world_send(world, 1, id, 1, &entry, 1);
    world_settle(world);
    const INTERNAL(StoreDone) *done = world_answer(world, correlation);
    assert_non_null(done);
    assert_int_equal(done->n_exceptions ? done->exceptions[0]->code : done->retry_code,
                     err_code(ERR_NO_SUCH_PEER));
    int64_t again = 0;
    assert_int_equal(come(world, 2, "lan:ana@pc", &again), 0);
    assert_true(again > id);
}

/* Its row went while it was online: the next sign of life tells. */
static void who_lost_its_row_is_dropped(void **state)
{
    struct world *world = *state;
    char name[64];
    assert_int_equal(come(world, 1, "lan:ana@pc", NULL), 0);
    struct persistence *p = sim_state(world->sim, ACTOR_PERSISTENCE);
    p->options.lan_max = 16; /* persistence has less room than the registry thinks */
    for (size_t i = 0; i < 32; i++) {
        world_advance(world, 10);
        (void)snprintf(name, sizeof(name), "lan:u%zu@spoofed", i);
        assert_int_equal(come(world, 1000 + i, name, NULL), 0);
    }
    assert_false(is_known(world, "lan:ana@pc"));
    world_advance(world, 31000);
    world_forget(world);
    seen(world, 1, "lan:ana@pc");
    assert_int_equal(world_count(world, MSG_SESSION_DROPPED), 1);
    const INTERNAL(SessionDropped) *dropped =
        (const void *)world_nth(world, MSG_SESSION_DROPPED, 0)->body;
    assert_int_equal(dropped->session, 1);
    assert_int_equal(dropped->code, err_code(ERR_NO_SUCH_PEER));
    const INTERNAL(PresenceChanged) *changed =
        (const void *)world_nth(world, MSG_PRESENCE_CHANGED, 0)->body;
    assert_false(changed->is_online);
    assert_bytes(changed->peer_name, "lan:ana@pc");
    assert_int_equal(come(world, 2, "lan:ana@pc", NULL), 0);
    assert_true(is_known(world, "lan:ana@pc"));
}

/* A gateway that has no room either ends their sessions without a goodbye: they are online until
 * their timeout, and make room all the same. */
static void who_vanished_makes_room(void **state)
{
    struct world *world = *state;
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    char name[64];
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < (size_t)LAN_MAX; i++) { /* many at once, none of them stored yet */
            (void)snprintf(name, sizeof(name), "lan:u%zu@spoofed%zu", i, round);
            (void)ask_open(world, 1000 + round * LAN_MAX + i, name);
        }
        world_settle(world);
        closed.reason = err_code(ERR_NO_SESSION);
        for (size_t i = 0; i < (size_t)LAN_MAX; i++) {
            closed.session = 1000 + round * LAN_MAX + i;
            world_tell(world, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED, &closed.base);
        }
        world_settle(world);
        world_forget(world);
        (void)snprintf(name, sizeof(name), "lan:ana@pc%zu", round);
        assert_int_equal(come(world, 1 + round, name, NULL), 0);
    }
    assert_true(registry(world)->lan_count <= LAN_MAX);
}

/* A message went to it: it does not make room, although no row says so yet. */
static void who_has_messages_is_known_at_once(void **state)
{
    struct world *world = *state;
    INTERNAL(PeerMeasured) measured = ROOST__INTERNAL__PEER_MEASURED__INIT;
    char name[64];
    for (uint64_t session = 1; session <= 3; session++) {
        (void)snprintf(name, sizeof(name), "lan:friend%u@pc", (unsigned)session);
        assert_int_equal(come(world, session, name, NULL), 0);
    }
    measured.session = 1;
    measured.ok = 1;
    world_tell(world, ACTOR_PEER_REGISTRY, MSG_PEER_MEASURED, &measured.base);
    measured.session = 2;
    measured.ok = 0;
    measured.has_message = true;
    world_tell(world, ACTOR_PEER_REGISTRY, MSG_PEER_MEASURED, &measured.base);
    world_settle(world);
    for (size_t i = 0; i < 2 * (size_t)LAN_MAX; i++) {
        (void)snprintf(name, sizeof(name), "lan:u%zu@spoofed", i);
        (void)ask_open(world, 1000 + i, name);
        if (i % 64 == 63)
            world_settle(world);
    }
    bool is_dropped[4] = {false};
    for (size_t i = 0; i < world_count(world, MSG_SESSION_DROPPED); i++) {
        const INTERNAL(SessionDropped) *dropped =
            (const void *)world_nth(world, MSG_SESSION_DROPPED, i)->body;
        if (dropped->session <= 3)
            is_dropped[dropped->session] = true;
    }
    assert_true(!is_dropped[1] && !is_dropped[2] && is_dropped[3]);
}

/* Everybody is known: then there is no room, and no work for each who asks. */
static void a_full_house_refuses(void **state)
{
    struct world *world = *state;
    char name[64];
    int64_t zoe = world_peer(world, "zoe");
    for (size_t i = 0; i < (size_t)LAN_MAX; i++) {
        (void)snprintf(name, sizeof(name), "peer:lan:u%zu@pc", i);
        (void)world_store(world, 4, zoe, i + 1, name, "mail");
    }
    assert_int_equal(come(world, 1, "lan:new@pc", NULL), err_code(ERR_TOO_MANY));
    assert_int_equal(come(world, 2, "lan:newer@pc", NULL), err_code(ERR_TOO_MANY));
    assert_int_equal(come(world, 3, "lan:u7@pc", NULL), 0); /* is one of them */
    assert_int_equal(come(world, 4, "dave", NULL), 0);      /* is none of them */
    assert_int_equal(counts(world).lan, LAN_MAX);
    assert_int_equal(registry(world)->lan_count, 1);
}

static uint32_t remove_peer(struct world *world, const char *name)
{
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.method = ROOST__V1__METHOD__PEER_REMOVE;
    call.peer = world_bytes(name);
    call.is_admin = true;
    uint64_t correlation = world_ask(world, ACTOR_PEER_REGISTRY, MSG_CALL, &call.base, NULL, 0);
    world_settle(world);
    const INTERNAL(CallDone) *done = world_answer(world, correlation);
    assert_non_null(done);
    return done->code;
}

static void removing_takes_an_empty_mailbox_along(void **state)
{
    struct world *world = *state;
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    int64_t id = 0;
    known_ones(world);
    assert_int_equal(come(world, 9, "lan:ana@pc", &id), 0);
    assert_int_equal(world_open(world, id, SCOPE_PEER, "lan:ana@pc", "main", 0, 0)->code, 0);
    assert_int_equal(remove_peer(world, "lan:ana@pc"), err_code(ERR_PEER_IN_USE)); /* online */
    for (closed.session = 1; closed.session < 10; closed.session++)
        world_tell(world, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED, &closed.base);
    world_settle(world);
    assert_int_equal(remove_peer(world, "lan:ana@pc"), 0);
    assert_false(is_known(world, "lan:ana@pc"));
    assert_int_equal(remove_peer(world, "lan:ana@pc"), err_code(ERR_NO_SUCH_PEER));
    assert_int_equal(remove_peer(world, "lan:addressed@pc"), err_code(ERR_PEER_IN_USE)); /* mail */
    assert_int_equal(remove_peer(world, "lan:writer@pc"), err_code(ERR_PEER_IN_USE));
    assert_int_equal(remove_peer(world, "lan:named@pc"), 0); /* one may: the user asks for it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_flood_leaves_known_peers_alone, setup, world_teardown),
        cmocka_unit_test_setup_teardown(an_empty_mailbox_goes_too, setup, world_teardown),
        cmocka_unit_test_setup_teardown(who_lost_its_row_is_dropped, setup, world_teardown),
        cmocka_unit_test_setup_teardown(removing_takes_an_empty_mailbox_along, setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_full_house_refuses, setup, world_teardown),
        cmocka_unit_test_setup_teardown(who_vanished_makes_room, setup, world_teardown),
        cmocka_unit_test_setup_teardown(who_has_messages_is_known_at_once, setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
