/* SPDX-License-Identifier: MPL-2.0
 *
 * Patterns of topics between the real persistence, history and sync-manager: what is heard through
 * them, in which order and under which name; where they begin; what a crash leaves; calls.
 */
#include <stdio.h>
#include <string.h>

#include "room_world.h"
#include "sync_manager_world.h"

#define PEER     1
#define TOPIC    4
#define ACK      1
#define REJECT   4
#define GOT_MAX  64
#define EXPIRED  4u
#define PATTERNS "SELECT COUNT(*) FROM scope WHERE kind = 4 AND folded >= '>' AND folded < '?'"

static struct sync_attach_ask reader(uint64_t session, int64_t peer_id, const char *pattern,
                                     uint32_t start)
{
    return (struct sync_attach_ask){.session = session,
                                    .peer_id = peer_id,
                                    .peer = "ana",
                                    .name = pattern,
                                    .kind = TOPIC,
                                    .start = start,
                                    .credit = 100};
}

static struct sync_attach_ask listener(uint64_t session, int64_t peer_id, const char *pattern,
                                       uint32_t start)
{
    struct sync_attach_ask ask = reader(session, peer_id, pattern, start);
    ask.is_ephemeral = true;
    return ask;
}

static void assert_delivered(struct sync_world *sync, uint64_t session, const uint64_t *seqs,
                             const char *const *scopes, size_t count)
{
    struct sync_delivery got[GOT_MAX];
    size_t all = sync_deliveries(sync, got, GOT_MAX), found = 0;
    for (size_t i = 0; i < all; i++) {
        if (got[i].session != session)
            continue;
        assert_true(found < count);
        assert_int_equal(got[i].seq, seqs[found]);
        assert_string_equal(got[i].scope, scopes[found]);
        found++;
    }
    assert_int_equal(found, count);
}

static void it_hears_all_topics_that_match(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    sync_store(sync, ana, "topic:a.old", 1);
    struct sync_attach_ask ask = listener(2, ana, "A.*", 0);
    assert_int_equal(sync_attach(sync, &ask)->code, 0);
    ask = listener(3, ana, "a.x", 0); /* a topic beside it: it needs no name */
    assert_int_equal(sync_attach(sync, &ask)->code, 0);
    uint64_t seqs[3];
    seqs[0] = sync_store(sync, ana, "topic:a.old", 1);
    sync_store(sync, ana, "topic:b.x", 1);
    seqs[1] = sync_store(sync, ana, "topic:a.X", 1); /* its first form is shown */
    sync_store(sync, ana, "topic:a.x.y", 1);
    sync_store(sync, ana, "peer:ana", 1);
    seqs[2] = sync_store(sync, ana, "topic:a.old", 1);
    static const char *const scopes[] = {"topic:a.old", "topic:a.x", "topic:a.old"};
    static const char *const none[] = {""};
    assert_delivered(sync, 2, seqs, scopes, 3);
    assert_delivered(sync, 3, &seqs[1], none, 1);
    assert_int_equal(room_query(sync->world, PATTERNS), 0); /* nothing of it is stored */
    sync_close(sync, 2);
    world_forget(sync->world);
    sync_store(sync, ana, "topic:a.old", 1);
    assert_int_equal(world_count(sync->world, MSG_DELIVER_OUT), 0);
}

static void it_begins_where_it_is_told(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    uint64_t seqs[4];
    static const char *const scopes[] = {"topic:a.1", "topic:b", "topic:a.2", "topic:a.1"};
    for (size_t i = 0; i < 4; i++) {
        sync_store(sync, ana, "queue:noise", 40); /* more than a page of the load */
        seqs[i] = sync_store(sync, ana, scopes[i], 1);
        world_advance(sync->world, 1000);
    }
    for (int is_ephemeral = 0; is_ephemeral < 2; is_ephemeral++) {
        uint64_t session = is_ephemeral ? 10 : 20;
        struct sync_attach_ask ask = reader(session, ana, ">", ROOST__V1__START__START_FIRST);
        ask.is_ephemeral = is_ephemeral;
        assert_int_equal(sync_attach(sync, &ask)->waiting, 4);
        assert_delivered(sync, session, seqs, scopes, 4);
        ask = reader(session + 1, ana, ">", ROOST__V1__START__START_SEQ);
        ask.is_ephemeral = is_ephemeral;
        ask.consumer = "two";
        ask.start_value = seqs[1];
        assert_int_equal(sync_attach(sync, &ask)->waiting, 2);
        assert_delivered(sync, session + 1, &seqs[2], &scopes[2], 2);
        ask = reader(session + 2, ana, "a.*", ROOST__V1__START__START_TIME);
        ask.is_ephemeral = is_ephemeral;
        ask.start_value = (uint64_t)sim_wall(sync->world->sim).ms - 1500;
        assert_int_equal(sync_attach(sync, &ask)->waiting, 1);
        assert_delivered(sync, session + 2, &seqs[3], &scopes[3], 1);
        ask = reader(session + 3, ana, "*.*", ROOST__V1__START__START_NEW);
        ask.is_ephemeral = is_ephemeral;
        assert_int_equal(sync_attach(sync, &ask)->waiting, 0);
    }
}

/* What is stored between the attach and its answer is neither lost nor given twice, whether or not
 * topics were named before. */
static void nothing_is_lost_while_it_comes(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    for (uint64_t session = 2; session < 6; session++) {
        struct sync_attach_ask ask =
            session % 2 ? reader(session, ana, "a.>", 0) : listener(session, ana, "a.>", 0);
        char consumer[] = {(char)('a' + session), '\0'};
        ask.consumer = consumer;
        struct world_entry entry = {.scope = "topic:a.b", .body = "x"};
        uint64_t sender = 5000 + session;
        world_forget(sync->world);
        (void)sync_attach_later(sync, &ask);
        for (uint64_t no = 1; no <= 20; no++) {
            (void)world_send(sync->world, sender, ana, no, &entry, 1);
            for (uint64_t turn = 0; turn < no % 4; turn++)
                (void)sim_step(sync->world->sim);
        }
        world_settle(sync->world);
        struct sync_delivery got[GOT_MAX];
        size_t count = 0, all = sync_deliveries(sync, got, GOT_MAX);
        uint64_t first_seq = 0;
        for (size_t i = 0; i < all; i++) {
            if (got[i].session != session)
                continue;
            first_seq = count == 0 ? got[i].seq : first_seq;
            assert_int_equal(got[i].seq, first_seq + count); /* from some on: every one, in order */
            count++;
        }
        uint64_t last_seq = sync_store(sync, ana, "topic:z", 1) - 1;
        assert_true(count > 0);
        assert_int_equal(first_seq + count - 1, last_seq);
        sync_close(sync, session);
    }
}

static void a_crash_leaves_its_place(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    static const char *const scopes[] = {"topic:a.1", "topic:a.2", "topic:a.1", "topic:a.3"};
    struct sync_attach_ask ask = reader(2, ana, "a.*", 0);
    assert_int_equal(sync_attach(sync, &ask)->code, 0);
    uint64_t seqs[4];
    for (size_t i = 0; i < 3; i++)
        seqs[i] = sync_store(sync, ana, scopes[i], 1);
    sync_settle(sync, 2, 1, 1, ACK, 1);
    sync_settle(sync, 2, 3, 3, ACK, 2); /* out of order: a row says so */
    sync_crash(sync, 5);
    assert_int_equal(room_query(sync->world, PATTERNS), 1);
    seqs[3] = sync_store(sync, ana, scopes[3], 1); /* a topic that did not exist */
    assert_int_equal(sync_attach(sync, &ask)->waiting, 2);
    const uint64_t left[] = {seqs[1], seqs[3]};
    const char *const left_scopes[] = {scopes[1], scopes[3]};
    assert_delivered(sync, 2, left, left_scopes, 2);
    sync_settle(sync, 2, 1, 2, ACK, 3);
    sync_crash(sync, 5);
    assert_int_equal(sync_attach(sync, &ask)->waiting, 0);
}

/* --- Calls, receipts */

static INTERNAL(Call) call_of(int64_t peer_id, uint32_t method, uint32_t kind, const char *name)
{
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.session = 1;
    call.peer_id = peer_id;
    call.peer_name = world_bytes("ana");
    call.request_id = 5;
    call.method = method;
    call.scope_kind = kind;
    call.scope_name = world_bytes(name);
    return call;
}

static void dead_letters_live_again(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    uint8_t id[UUID_BYTES];
    struct sync_attach_ask ask = reader(2, ana, "a.*", 0);
    sync_attach(sync, &ask);
    world_id(sync->world, id);
    struct world_entry entry = {.scope = "topic:a.b", .body = "x", .id = id};
    uint64_t seq = sync_store_entry(sync, ana, &entry);
    sync_store(sync, ana, "topic:a.c", 1);
    sync_settle(sync, 2, 1, 2, REJECT, 1);
    assert_int_equal(sync_inspect(sync, ana, "ana", "topic:a.*", "main").dead, 2);
    INTERNAL(Call) call = call_of(ana, ROOST__V1__METHOD__DEAD_REDRIVE, TOPIC, "a.*");
    call.message_ids = (ProtobufCBinaryData){sizeof(id), id};
    world_forget(sync->world);
    assert_int_equal(sync_call(sync, &call)->count, 1);
    static const char *const scopes[] = {"topic:a.b"};
    assert_delivered(sync, 2, &seq, scopes, 1);
    call = call_of(ana, ROOST__V1__METHOD__DEAD_PURGE, TOPIC, "a.*");
    call.all = true;
    assert_int_equal(sync_call(sync, &call)->count, 1);
    assert_int_equal(sync_inspect(sync, ana, "ana", "topic:A.*", "main").dead, 0);
    call = call_of(ana, ROOST__V1__METHOD__CONSUMER_REMOVE, TOPIC, "a.*");
    world_forget(sync->world);
    assert_int_equal(sync_call(sync, &call)->count, 1);
    assert_int_equal(world_count(sync->world, MSG_DETACHED), 1);
    sync_store(sync, ana, "topic:a.b", 1);
    assert_int_equal(world_count(sync->world, MSG_DELIVER_OUT), 0);
}

static void its_sender_cancels_for_all_of_them(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    static const char *const names[] = {"a.b", "a.*", ">"};
    struct sync_attach_ask ask;
    for (uint64_t i = 0; i < 3; i++) {
        ask = reader(2 + i, ana, names[i], 0);
        ask.credit = 0;
        assert_int_equal(sync_attach(sync, &ask)->code, 0);
    }
    uint8_t id[UUID_BYTES];
    world_id(sync->world, id);
    struct world_entry entry = {.scope = "topic:a.b", .body = "x", .id = id, .receipts = EXPIRED};
    sync_store_entry(sync, ana, &entry);
    INTERNAL(Call) call = call_of(ana, ROOST__V1__METHOD__CANCEL, 0, "");
    call.message_ids = (ProtobufCBinaryData){sizeof(id), id};
    assert_int_equal(sync_call(sync, &call)->count, 1);
    assert_int_equal(sync_inspect(sync, ana, "ana", "topic:a.b", "main").waiting, 0);
    assert_int_equal(sync_inspect(sync, ana, "ana", "topic:a.*", "main").waiting, 0);
    assert_int_equal(sync_inspect(sync, ana, "ana", "topic:>", "main").waiting, 0);
    assert_int_equal(sync_inspect(sync, ana, "ana", "peer:ana", "main").waiting, 1); /* a receipt */
    world_id(sync->world, id);
    entry.id = id;
    sync_store_entry(sync, ana, &entry);
    sync_credit(sync, 4, 1); /* one of them has it now */
    assert_int_equal(sync_call(sync, &call)->code, err_code(ERR_TOO_LATE));
}

static void an_expiry_is_told_once(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    static const char *const names[] = {"a.b", "a.*", ">"};
    for (uint64_t i = 0; i < 3; i++) {
        struct sync_attach_ask ask = reader(2 + i, ana, names[i], 0);
        ask.credit = 0;
        assert_int_equal(sync_attach(sync, &ask)->code, 0);
    }
    struct world_entry entry = {
        .scope = "topic:a.b", .body = "x", .receipts = EXPIRED, .ttl_ms = 5000};
    sync_store_entry(sync, ana, &entry);
    assert_int_equal(sync_inspect(sync, ana, "ana", "topic:>", "main").waiting, 1);
    world_advance(sync->world, 10000);
    assert_int_equal(sync_inspect(sync, ana, "ana", "topic:>", "main").waiting, 0);
    assert_int_equal(sync_inspect(sync, ana, "ana", "peer:ana", "main").waiting, 1);
}

/* Each may hold a log of what it matches, so there is a limit; one that is there has no part in it. */
static void there_are_not_too_many_of_them(void **state)
{
    struct sync_world *sync = *state;
    int64_t ana = world_peer(sync->world, "ana");
    struct sync_attach_ask ask = {0};
    char name[32];
    for (uint32_t i = 0; i < 1024; i++) {
        (void)snprintf(name, sizeof(name), "a%u.*", i);
        ask = listener(2 + i / 512, ana, name, 0);
        ask.handle = 1 + i % 512;
        assert_int_equal(sync_attach(sync, &ask)->code, 0);
        world_forget(sync->world);
    }
    ask.session = 9;
    assert_int_equal(sync_attach(sync, &ask)->code, 0); /* the same as before */
    ask.handle = 999;
    ask.name = "b.*";
    assert_int_equal(sync_attach(sync, &ask)->code, err_code(ERR_TOO_MANY));
    sync_close(sync, 2);
    assert_int_equal(sync_attach(sync, &ask)->code, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sync_setup, sync_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_hears_all_topics_that_match), TEST(it_begins_where_it_is_told),
        TEST(nothing_is_lost_while_it_comes), TEST(a_crash_leaves_its_place),
        TEST(dead_letters_live_again),        TEST(its_sender_cancels_for_all_of_them),
        TEST(an_expiry_is_told_once),         TEST(there_are_not_too_many_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
