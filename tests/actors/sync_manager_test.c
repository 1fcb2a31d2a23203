/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/sync_manager*.c between the real persistence and history, on a real database: each
 * message it accepts, and what a crash leaves.
 */
#include "sync_manager_world.h"

#include <string.h>

#include "rt/check.h"

#define PEER  1
#define ROOM  2
#define QUEUE 3
#define TOPIC 4

static struct sync_attach_ask mailbox(uint64_t session, int64_t peer_id, const char *peer,
                                      uint64_t credit)
{
    return (struct sync_attach_ask){.session = session,
                                    .peer_id = peer_id,
                                    .peer = peer,
                                    .name = peer,
                                    .kind = PEER,
                                    .credit = credit};
}

/* --- ATTACH */

static void mailbox_is_its_owners(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    (void)world_peer(sync->world, "bob");
    struct sync_attach_ask ask = mailbox(2, ana, "ana", 10);
    const INTERNAL(Attached) *attached = sync_attach(sync, &ask);
    assert_int_equal(attached->code, 0);
    assert_int_equal(attached->lease_ms, 30000);
    assert_bytes(attached->consumer, "main");
    assert_bytes(attached->scope_name, "ana");
    ask.name = "bob";
    ask.handle = 2;
    assert_int_equal(sync_attach(sync, &ask)->code, err_code(ERR_NOT_ALLOWED));
    ask.name = "ana";
    ask.handle = 1;
    assert_int_equal(sync_attach(sync, &ask)->code, err_code(ERR_ATTACHED_ALREADY));
    ask.handle = 3;
    ask.kind = 9;
    assert_int_equal(sync_attach(sync, &ask)->code, err_code(ERR_BAD_SCOPE));
    ask.kind = ROOM;
    ask.name = "nowhere";
    assert_int_equal(sync_attach(sync, &ask)->code, err_code(ERR_NO_SUCH_SCOPE));
}

static void attach_gets_what_waits(void **state)
{
    struct sync_world *sync = *state;
    struct sync_delivery got[64];
    int64_t ana = world_peer(sync->world, "ana");
    int64_t bob = world_peer(sync->world, "bob");
    uint64_t first_seq = sync_store(sync, bob, "peer:ana", 20);
    struct sync_attach_ask ask = mailbox(2, ana, "ana", 12);
    assert_int_equal(sync_attach(sync, &ask)->waiting, 20);
    assert_int_equal(sync_deliveries(sync, got, 64), 12);
    for (uint64_t i = 0; i < 12; i++) {
        assert_int_equal(got[i].seq, first_seq + i);
        assert_int_equal(got[i].no, i + 1);
        assert_int_equal(got[i].attempt, 1);
        assert_false(got[i].redelivered);
    }
    sync_credit(sync, 2, 100);
    assert_int_equal(sync_deliveries(sync, got, 64), 20);
    sync_store(sync, bob, "peer:ana", 1);
    assert_int_equal(sync_deliveries(sync, got, 64), 21);
}

static void peers_of_a_room_have_their_own(void **state)
{
    struct sync_world *sync = *state;
    struct sync_delivery got[64];
    int64_t ana = world_peer(sync->world, "ana");
    int64_t bob = world_peer(sync->world, "bob");
    struct sync_attach_ask ask = {
        .session = 2, .peer_id = ana, .peer = "ana", .name = "news", .kind = TOPIC, .credit = 10};
    assert_int_equal(sync_attach(sync, &ask)->code, 0);
    ask.session = 3;
    ask.peer_id = bob;
    ask.peer = "bob";
    const INTERNAL(Attached) *attached = sync_attach(sync, &ask);
    assert_int_equal(attached->code, 0);
    assert_false(attached->took_over);
    assert_bytes(attached->consumer, "main");
    sync_store(sync, bob, "topic:news", 3);
    assert_int_equal(sync_deliveries(sync, got, 64), 6);
}

static void session_that_ends_while_attaching_gets_nothing(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    sync_store(sync, ana, "peer:ana", 3);
    struct sync_attach_ask ask = mailbox(2, ana, "ana", 10);
    ask.consumer = "phone";
    sim_hold(sync->world->sim, ACTOR_PERSISTENCE, ACTOR_SYNC_MANAGER, true);
    uint64_t correlation = sync_attach_later(sync, &ask);
    sync_close(sync, 2);
    sim_hold(sync->world->sim, ACTOR_PERSISTENCE, ACTOR_SYNC_MANAGER, false);
    world_settle(sync->world);
    const INTERNAL(Attached) *attached = world_answer(sync->world, correlation);
    assert_non_null(attached);
    assert_int_equal(attached->code, err_code(ERR_NO_SESSION));
    assert_int_equal(world_count(sync->world, MSG_DELIVER_OUT), 0);
    assert_int_equal(sync_inspect(sync, ana, "ana", "peer:ana", "phone").leased, 0);
}

/* --- Settling */

static void settled_is_settled_also_after_a_crash(void **state)
{
    struct sync_world *sync = *state;
    struct sync_delivery got[64];
    int64_t ana = world_peer(sync->world, "ana");
    uint64_t first_seq = sync_store(sync, ana, "peer:ana", 10);
    struct sync_attach_ask ask = mailbox(2, ana, "ana", 100);
    sync_attach(sync, &ask);
    sync_settle(sync, 2, 1, 4, 1, 41);
    sync_settle(sync, 2, 7, 8, 1, 42);
    assert_int_equal(world_count(sync->world, MSG_SETTLED), 2);
    sync_crash(sync, 1000);
    ask.session = 3;
    assert_int_equal(sync_attach(sync, &ask)->waiting, 4);
    const uint64_t left[] = {4, 5, 8, 9};
    assert_int_equal(sync_deliveries(sync, got, 64), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(got[i].seq, first_seq + left[i]);
        assert_true(got[i].redelivered);
        assert_int_equal(got[i].attempt, 1);
    }
    sync_settle(sync, 3, 1, 4, 1, 43);
    struct sync_info info = sync_inspect(sync, ana, "ana", "peer:ana", "main");
    assert_int_equal(info.waiting, 0);
    assert_int_equal(info.floor_seq, first_seq + 9);
}

static void stale_settle_is_named(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    sync_store(sync, ana, "peer:ana", 2);
    struct sync_attach_ask ask = mailbox(2, ana, "ana", 100);
    sync_attach(sync, &ask);
    sync_settle(sync, 2, 1, 1, 1, 0);
    assert_int_equal(world_count(sync->world, MSG_SETTLED), 0);
    sync_settle(sync, 2, 9, 9, 1, 0);
    assert_int_equal(world_count(sync->world, MSG_SETTLED), 1);
    const INTERNAL(Settled) *settled = (const void *)world_nth(sync->world, MSG_SETTLED, 0)->body;
    assert_int_equal(settled->n_exceptions, 1);
    assert_int_equal(settled->exceptions[0]->no, 9);
    assert_int_equal(settled->exceptions[0]->code, err_code(ERR_STALE_LEASE));
}

static void takeover_is_told(void **state)
{
    struct sync_world *sync = *state;
    struct sync_delivery got[64];
    int64_t ana = world_peer(sync->world, "ana");
    sync_store(sync, ana, "peer:ana", 2);
    struct sync_attach_ask ask = mailbox(2, ana, "ana", 100);
    sync_attach(sync, &ask);
    ask.session = 3;
    assert_true(sync_attach(sync, &ask)->took_over);
    const struct world_message *detached = world_nth(sync->world, MSG_DETACHED, 0);
    assert_non_null(detached);
    assert_int_equal(((const INTERNAL(Detached) *)detached->body)->session, 2);
    assert_int_equal(((const INTERNAL(Detached) *)detached->body)->code, err_code(ERR_TAKEN_OVER));
    assert_int_equal(sync_deliveries(sync, got, 64), 4);
    assert_true(got[2].redelivered && got[2].session == 3);
}

/* Time until retry n of a message stored at the start is due, with the steps before it passed. */
static int64_t retry_gap_ms(uint32_t retry)
{
    const struct backoff *backoff = &backoff_patient;
    int64_t before_ms = retry > 1 ? backoff_offset_ms(backoff, retry - 1) : 0;
    return backoff_offset_ms(backoff, retry) - before_ms;
}

static void failures_come_back_and_die(void **state)
{
    struct sync_world *sync = *state;
    struct sync_delivery got[64];
    int64_t ana = world_peer(sync->world, "ana");
    int64_t bob = world_peer(sync->world, "bob");
    struct world_entry entry = {.scope = "peer:ana", .body = "x", .receipts = 7};
    uint64_t seq = sync_store_entry(sync, bob, &entry);
    struct sync_attach_ask ask = mailbox(2, ana, "ana", 100);
    sync_attach(sync, &ask);
    for (uint64_t no = 1; no <= 5; no++) {
        assert_int_equal(sync_deliveries(sync, got, 64), no);
        assert_int_equal(got[no - 1].attempt, no);
        sync_settle(sync, 2, no, no, 3, 0);
        world_advance(sync->world, retry_gap_ms((uint32_t)no) - 500);
        assert_int_equal(sync_deliveries(sync, got, 64), no);
        if (no < 5)
            world_advance(sync->world, 600);
    }
    sync_crash(sync, 0);
    sync_attach(sync, &ask); /* the peer is back: due at once */
    assert_int_equal(sync_deliveries(sync, got, 64), 1);
    assert_int_equal(got[0].attempt, 6);
    assert_int_equal(got[0].seq, seq);
    for (int time = 0; time < 5; time++) {
        sync_settle(sync, 2, 1, 1, 3, 0);
        sync_close(sync, 2); /* being away costs no attempt */
        sync_attach(sync, &ask);
    }
    sync_settle(sync, 2, 1, 1, 3, 0);
    struct sync_info info = sync_inspect(sync, ana, "ana", "peer:ana", "main");
    assert_int_equal(info.dead, 1);
    assert_int_equal(info.waiting, 0);
    ask = mailbox(4, bob, "bob", 10);
    world_forget(sync->world);
    sync_attach(sync, &ask); /* the sender hears of it */
    assert_int_equal(world_count(sync->world, MSG_DELIVER_OUT), 1);
}

/* --- Start */

static void many_are_loaded_in_pages(void **state)
{
    struct sync_world *sync = *state;
    struct sync_delivery got[64];
    int64_t ana = world_peer(sync->world, "ana");
    int64_t bob = world_peer(sync->world, "bob");
    uint64_t first_seq = sync_store(sync, bob, "peer:ana", 230);
    sync_store(sync, bob, "queue:work", 150);
    CHECK(sim_crash_all(sync->world->sim, 5) == ERR_OK);
    world_forget(sync->world);
    struct sync_attach_ask ask = mailbox(2, ana, "ana", 3);
    uint64_t correlation = sync_attach_later(sync, &ask); /* before anything is loaded */
    struct world_entry entry = {.scope = "peer:ana", .body = "new"};
    (void)world_send(sync->world, 2000, bob, 1, &entry, 1);
    world_settle(sync->world);
    const INTERNAL(Attached) *attached = world_answer(sync->world, correlation);
    assert_non_null(attached);
    assert_int_equal(attached->code, 0);
    assert_in_range(attached->waiting, 230, 231);
    assert_int_equal(sync_deliveries(sync, got, 64), 3);
    assert_int_equal(got[0].seq, first_seq);
    assert_int_equal(sync_inspect(sync, ana, "ana", "peer:ana", "main").waiting, 231);
    assert_int_equal(sync_inspect(sync, ana, "ana", "queue:work", "main").waiting, 150);
}

static void late_device_reads_from_the_first(void **state)
{
    struct sync_world *sync = *state;
    struct sync_delivery got[64];
    int64_t ana = world_peer(sync->world, "ana");
    uint64_t first_seq = sync_store(sync, ana, "peer:ana", 30);
    struct sync_attach_ask ask = mailbox(2, ana, "ana", 100);
    sync_attach(sync, &ask);
    sync_settle(sync, 2, 1, 30, 1, 1);
    world_forget(sync->world);
    ask.session = 3;
    ask.consumer = "phone";
    ask.start = 2; /* FIRST: below what memory still holds */
    assert_int_equal(sync_attach(sync, &ask)->waiting, 30);
    assert_int_equal(sync_deliveries(sync, got, 64), 30);
    assert_int_equal(got[0].seq, first_seq);
    assert_int_equal(got[29].seq, first_seq + 29);
}

/* --- Calls */

static INTERNAL(Call)
    call_of(int64_t peer_id, const char *peer, uint32_t method, uint32_t kind, const char *name)
{
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.session = 1;
    call.peer_id = peer_id;
    call.peer_name = world_bytes(peer);
    call.request_id = 5;
    call.method = method;
    call.scope_kind = kind;
    call.scope_name = world_bytes(name);
    return call;
}

static void sender_cancels(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    int64_t bob = world_peer(sync->world, "bob");
    uint8_t id[UUID_BYTES];
    world_id(sync->world, id);
    struct world_entry entry = {.scope = "peer:ana", .body = "x", .id = id};
    sync_store_entry(sync, bob, &entry);
    INTERNAL(Call) call = call_of(ana, "ana", 2, 0, "");
    call.message_ids = (ProtobufCBinaryData){sizeof(id), id};
    assert_int_equal(sync_call(sync, &call)->code, err_code(ERR_NO_SUCH_MESSAGE)); /* not hers */
    call = call_of(bob, "bob", 2, 0, "");
    call.message_ids = (ProtobufCBinaryData){sizeof(id), id};
    const INTERNAL(CallDone) *done = sync_call(sync, &call);
    assert_int_equal(done->code, 0);
    assert_int_equal(done->count, 1);
    assert_int_equal(sync_call(sync, &call)->code, err_code(ERR_TOO_LATE));
    sync_crash(sync, 0);
    struct sync_attach_ask ask = mailbox(2, ana, "ana", 100);
    assert_int_equal(sync_attach(sync, &ask)->waiting, 0);
    assert_int_equal(world_count(sync->world, MSG_DELIVER_OUT), 0);
}

static void dead_letters_are_redriven_and_purged(void **state)
{
    struct sync_world *sync = *state;
    struct sync_delivery got[64];
    int64_t ana = world_peer(sync->world, "ana");
    int64_t bob = world_peer(sync->world, "bob");
    sync_store(sync, bob, "peer:ana", 4);
    struct sync_attach_ask ask = mailbox(2, ana, "ana", 100);
    sync_attach(sync, &ask);
    sync_settle(sync, 2, 1, 3, 4, 1);
    assert_int_equal(sync_inspect(sync, ana, "ana", "peer:ana", "main").dead, 3);
    INTERNAL(Call) call = call_of(bob, "bob", 3, PEER, "ana");
    call.all = true;
    assert_int_equal(sync_call(sync, &call)->code, err_code(ERR_NOT_ALLOWED));
    call = call_of(ana, "ana", 3, PEER, "ana");
    call.all = true;
    world_forget(sync->world);
    const INTERNAL(CallDone) *done = sync_call(sync, &call);
    assert_int_equal(done->code, 0);
    assert_int_equal(done->count, 3);
    assert_int_equal(sync_deliveries(sync, got, 64), 3);
    assert_true(got[0].redelivered);
    assert_int_equal(got[0].attempt, 1);
    sync_settle(sync, 2, 5, 7, 4, 2);
    call.method = 4;
    assert_int_equal(sync_call(sync, &call)->count, 3);
    assert_int_equal(sync_inspect(sync, ana, "ana", "peer:ana", "main").dead, 0);
}

static void removed_consumer_is_gone(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    sync_store(sync, ana, "peer:ana", 4);
    struct sync_attach_ask ask = mailbox(2, ana, "ana", 100);
    ask.consumer = "phone";
    ask.start = 2;
    sync_attach(sync, &ask);
    sync_settle(sync, 2, 1, 2, 1, 0);
    INTERNAL(Call) call = call_of(ana, "ana", 7, PEER, "ana");
    call.consumer = world_bytes("phone");
    assert_int_equal(sync_call(sync, &call)->code, 0);
    assert_non_null(world_nth(sync->world, MSG_DETACHED, 0));
    assert_int_equal(sync_call(sync, &call)->code, err_code(ERR_NO_SUCH_CONSUMER));
    sync_crash(sync, 0);
    assert_int_equal(sync_call(sync, &call)->code, err_code(ERR_NO_SUCH_CONSUMER));
    sync_inspect(sync, ana, "ana", "peer:ana", "main");
}

static void stop_waits_for_the_last_write(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    sync_store(sync, ana, "peer:ana", 4);
    struct sync_attach_ask ask = mailbox(2, ana, "ana", 100);
    sync_attach(sync, &ask);
    INTERNAL(Settle) settle = ROOST__INTERNAL__SETTLE__INIT;
    INTERNAL(SettleRange) range = ROOST__INTERNAL__SETTLE_RANGE__INIT;
    INTERNAL(SettleRange) * ranges[] = {&range};
    range.first_delivery_no = 1;
    range.last_delivery_no = 4;
    range.outcome = 1;
    settle.session = 2;
    settle.handle = 1;
    settle.ranges = ranges;
    settle.n_ranges = 1;
    sim_hold(sync->world->sim, ACTOR_PERSISTENCE, ACTOR_SYNC_MANAGER, true);
    world_tell(sync->world, ACTOR_SYNC_MANAGER, MSG_SETTLE, &settle.base);
    world_settle(sync->world);
    assert_false(sim_stop(sync->world->sim, ACTOR_SYNC_MANAGER, 1000)); /* not told yet */
    sim_hold(sync->world->sim, ACTOR_PERSISTENCE, ACTOR_SYNC_MANAGER, false);
    sync_crash(sync, 0);
    ask.session = 3;
    assert_int_equal(sync_attach(sync, &ask)->waiting, 0);
    assert_true(sim_stop(sync->world->sim, ACTOR_SYNC_MANAGER, 1000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sync_setup, sync_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(mailbox_is_its_owners),
        TEST(attach_gets_what_waits),
        TEST(peers_of_a_room_have_their_own),
        TEST(session_that_ends_while_attaching_gets_nothing),
        TEST(settled_is_settled_also_after_a_crash),
        TEST(stale_settle_is_named),
        TEST(takeover_is_told),
        TEST(failures_come_back_and_die),
        TEST(many_are_loaded_in_pages),
        TEST(late_device_reads_from_the_first),
        TEST(sender_cancels),
        TEST(dead_letters_are_redriven_and_purged),
        TEST(removed_consumer_is_gone),
        TEST(stop_waits_for_the_last_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
