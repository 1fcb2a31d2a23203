/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/sync_manager_ephemeral.c between the real persistence and history: consumers that live in
 * memory only come, listen and go, and leave nothing in the store; members that leave lose theirs.
 */
#include "room_world.h"
#include "sync_manager_world.h"

#define PEER  1
#define ROOM  2
#define QUEUE 3
#define TOPIC 4

#define CONSUMERS_OF_ROOMS_AND_TOPICS                                                              \
    "SELECT COUNT(*) FROM consumer WHERE scope_id IN (SELECT id FROM scope WHERE kind IN (2, 4))"

static struct sync_attach_ask listener(uint64_t session, int64_t peer_id, const char *peer,
                                       uint32_t kind, const char *name)
{
    return (struct sync_attach_ask){.session = session,
                                    .peer_id = peer_id,
                                    .peer = peer,
                                    .name = name,
                                    .kind = kind,
                                    .credit = 100,
                                    .is_ephemeral = true};
}

static void it_is_its_own_and_not_stored(void **state)
{
    struct sync_world *sync = *state;
    struct sync_delivery got[16];
    int64_t ana = world_peer(sync->world, "ana");
    sync_store(sync, ana, "topic:news", 3);
    struct sync_attach_ask ask = listener(2, ana, "ana", TOPIC, "news");
    const INTERNAL(Attached) *attached = sync_attach(sync, &ask);
    assert_int_equal(attached->code, 0);
    assert_int_equal(attached->waiting, 0); /* from now on */
    ask.handle = 7;                         /* another of this session, and one of another */
    assert_false(sync_attach(sync, &ask)->took_over);
    ask.session = 3;
    assert_false(sync_attach(sync, &ask)->took_over);
    assert_int_equal(sync_attach(sync, &ask)->code, err_code(ERR_ATTACHED_ALREADY));
    sync_store(sync, ana, "topic:news", 2);
    assert_int_equal(sync_deliveries(sync, got, 16), 6);
    sync_settle(sync, 2, 2, 2, 1, 9);
    assert_int_equal(world_count(sync->world, MSG_SETTLED), 1);
    assert_int_equal(room_query(sync->world, CONSUMERS_OF_ROOMS_AND_TOPICS), 0);
    assert_int_equal(room_query(sync->world, "SELECT COUNT(*) FROM exception"), 0);
    sync_crash(sync, 0);
    sync_store(sync, ana, "topic:news", 1);
    assert_int_equal(world_count(sync->world, MSG_DELIVER_OUT), 0);
    assert_int_equal(room_query(sync->world, CONSUMERS_OF_ROOMS_AND_TOPICS), 0);
}

static void it_begins_where_it_is_told(void **state)
{
    struct sync_world *sync = *state;
    struct sync_delivery got[16];
    int64_t ana = world_peer(sync->world, "ana");
    uint64_t first_seq = sync_store(sync, ana, "topic:news", 5);
    struct sync_attach_ask ask = listener(2, ana, "ana", TOPIC, "news");
    ask.start = ROOST__V1__START__START_FIRST;
    assert_int_equal(sync_attach(sync, &ask)->waiting, 5);
    assert_int_equal(sync_deliveries(sync, got, 16), 5);
    world_forget(sync->world);
    ask.session = 3;
    ask.start = ROOST__V1__START__START_SEQ;
    ask.start_value = first_seq + 2;
    assert_int_equal(sync_attach(sync, &ask)->waiting, 2);
    assert_int_equal(sync_deliveries(sync, got, 16), 2);
    assert_int_equal(got[0].seq, first_seq + 3);
}

static void a_mailbox_is_heard_by_its_owner_only(void **state)
{
    struct sync_world *sync = *state;
    struct sync_delivery got[16];
    int64_t ana = world_peer(sync->world, "ana");
    int64_t bob = world_peer(sync->world, "bob");
    struct sync_attach_ask ask = listener(2, bob, "bob", PEER, "ana");
    assert_int_equal(sync_attach(sync, &ask)->code, err_code(ERR_NOT_ALLOWED));
    ask = listener(3, ana, "ana", PEER, "ana");
    assert_int_equal(sync_attach(sync, &ask)->code, 0);
    ask = listener(4, ana, "ana", QUEUE, "jobs");
    assert_int_equal(sync_attach(sync, &ask)->code, err_code(ERR_BAD_SCOPE));
    ask = listener(5, 0, "$gate", PEER, "ana"); /* a gateway for itself */
    ask.is_internal = true;
    assert_int_equal(sync_attach(sync, &ask)->code, 0);
    sync_store(sync, bob, "peer:ana", 1);
    assert_int_equal(sync_deliveries(sync, got, 16), 2);
    sync_settle(sync, 3, 1, 1, 1, 0);
    assert_int_equal(sync_inspect(sync, ana, "ana", "peer:ana", "main").waiting, 1);
}

static void it_ends_with_its_session(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    struct sync_attach_ask ask = listener(2, ana, "ana", TOPIC, "news");
    sync_attach(sync, &ask);
    INTERNAL(Detach) detach = ROOST__INTERNAL__DETACH__INIT;
    detach.session = 2;
    detach.handle = 1;
    world_tell(sync->world, ACTOR_SYNC_MANAGER, MSG_DETACH, &detach.base);
    world_settle(sync->world);
    ask.start = ROOST__V1__START__START_NEW;
    assert_int_equal(sync_attach(sync, &ask)->code, 0); /* the same handle, anew */
    sync_close(sync, 2);
    sync_store(sync, ana, "topic:news", 1);
    assert_int_equal(world_count(sync->world, MSG_DELIVER_OUT), 0);
    ask.session = 3; /* and one whose session ends while persistence is asked */
    sim_hold(sync->world->sim, ACTOR_PERSISTENCE, ACTOR_SYNC_MANAGER, true);
    uint64_t correlation = sync_attach_later(sync, &ask);
    sync_close(sync, 3);
    sim_hold(sync->world->sim, ACTOR_PERSISTENCE, ACTOR_SYNC_MANAGER, false);
    world_settle(sync->world);
    const INTERNAL(Attached) *attached = world_answer(sync->world, correlation);
    assert_int_equal(attached->code, err_code(ERR_NO_SESSION));
    sync_store(sync, ana, "topic:news", 1);
    assert_int_equal(world_count(sync->world, MSG_DELIVER_OUT), 0);
}

/* INSPECT of a scope shows it; no name of a client finds it, so nobody removes it by one. */
static void it_is_seen_but_has_no_name(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    struct sync_attach_ask ask = listener(2, ana, "ana", TOPIC, "news");
    ask.credit = 0;
    sync_attach(sync, &ask);
    sync_store(sync, ana, "topic:news", 3);
    assert_int_equal(sync_inspect(sync, ana, "ana", "topic:news", "").waiting, 3);
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.session = 1;
    call.peer_id = ana;
    call.peer_name = world_bytes("ana");
    call.is_admin = true;
    call.method = ROOST__V1__METHOD__CONSUMER_REMOVE;
    call.scope_kind = TOPIC;
    call.scope_name = world_bytes("news");
    call.consumer = world_bytes("ana/$2-5-1");
    assert_int_equal(sync_call(sync, &call)->code, err_code(ERR_NO_SUCH_CONSUMER));
    call.consumer = world_bytes("$2-5-1");
    assert_int_equal(sync_call(sync, &call)->code, err_code(ERR_NO_SUCH_CONSUMER));
    world_advance(sync->world, 30000);
    assert_int_equal(sync_inspect(sync, ana, "ana", "topic:news", "").waiting, 3);
}

/* --- Members that leave */

static uint32_t detached_code(struct sync_world *sync, size_t n)
{
    const struct world_message *message = world_nth(sync->world, MSG_DETACHED, n);
    assert_non_null(message);
    return ((const INTERNAL(Detached) *)message->body)->code;
}

static void make_room(struct sync_world *sync, int64_t owner, int64_t member)
{
    INTERNAL(Call) call = room_call(ROOST__V1__METHOD__ROOM_CREATE, owner, "tea");
    assert_int_equal(room_ask(sync->world, &call)->code, 0);
    assert_int_equal(room_do(sync->world, ROOST__V1__METHOD__ROOM_JOIN, member, "tea"), 0);
}

static void who_is_banned_hears_nothing_more(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    int64_t bob = world_peer(sync->world, "bob");
    make_room(sync, ana, bob);
    struct sync_attach_ask ask = listener(2, bob, "bob", ROOM, "tea");
    assert_int_equal(sync_attach(sync, &ask)->code, 0);
    ask.session = 3;
    ask.is_ephemeral = false;
    assert_int_equal(sync_attach(sync, &ask)->code, 0);
    ask = listener(4, 0, "$gate", ROOM, "tea");
    ask.is_internal = true;
    assert_int_equal(sync_attach(sync, &ask)->code, 0);
    world_forget(sync->world);
    assert_int_equal(room_do_to(sync->world, ROOST__V1__METHOD__MEMBER_ROLE, ana, "tea", "bob",
                                ROOST__V1__ROOM_ROLE__BANNED),
                     0);
    assert_int_equal(world_count(sync->world, MSG_DETACHED), 2);
    assert_int_equal(detached_code(sync, 0), err_code(ERR_ROOM_BANNED));
    assert_int_equal(detached_code(sync, 1), err_code(ERR_ROOM_BANNED));
    world_forget(sync->world);
    sync_store(sync, ana, "room:tea", 1);
    struct sync_delivery got[8];
    assert_int_equal(sync_deliveries(sync, got, 8), 1); /* the gateway's */
    assert_int_equal(got[0].session, 4);
    assert_int_equal(room_query(sync->world, CONSUMERS_OF_ROOMS_AND_TOPICS), 0);
    ask = listener(5, bob, "bob", ROOM, "tea");
    assert_int_equal(sync_attach(sync, &ask)->code, err_code(ERR_ROOM_BANNED));
}

/* The answer to the ATTACH of a member is on its way when he leaves. */
static void who_leaves_while_attaching_is_refused(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    int64_t bob = world_peer(sync->world, "bob");
    make_room(sync, ana, bob);
    struct sync_attach_ask ask = listener(2, bob, "bob", ROOM, "tea");
    sim_hold(sync->world->sim, ACTOR_SYNC_MANAGER, ACTOR_PERSISTENCE, true);
    sim_hold(sync->world->sim, ACTOR_PERSISTENCE, ACTOR_SYNC_MANAGER, true);
    uint64_t correlation = sync_attach_later(sync, &ask);
    sim_hold(sync->world->sim, ACTOR_SYNC_MANAGER, ACTOR_PERSISTENCE, false);
    INTERNAL(Call) call = room_call(ROOST__V1__METHOD__ROOM_LEAVE, bob, "tea");
    (void)world_ask(sync->world, ACTOR_PERSISTENCE, MSG_CALL, &call.base, NULL, 0);
    world_settle(sync->world);
    sim_hold(sync->world->sim, ACTOR_PERSISTENCE, ACTOR_SYNC_MANAGER, false);
    world_settle(sync->world);
    const INTERNAL(Attached) *attached = world_answer(sync->world, correlation);
    assert_non_null(attached);
    if (attached->code == 0) /* attached in time, and told at once */
        assert_int_equal(detached_code(sync, 0), err_code(ERR_NOT_MEMBER));
    else
        assert_int_equal(attached->code, err_code(ERR_NOT_MEMBER));
    world_forget(sync->world);
    sync_store(sync, ana, "room:tea", 1);
    assert_int_equal(world_count(sync->world, MSG_DELIVER_OUT), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sync_setup, sync_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_its_own_and_not_stored),
        TEST(it_begins_where_it_is_told),
        TEST(a_mailbox_is_heard_by_its_owner_only),
        TEST(it_ends_with_its_session),
        TEST(it_is_seen_but_has_no_name),
        TEST(who_is_banned_hears_nothing_more),
        TEST(who_leaves_while_attaching_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
