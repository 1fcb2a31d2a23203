/* SPDX-License-Identifier: MPL-2.0
 *
 * Receipts as steps of TRACE: those of this message and no others, however many lie between, for its sender
 * and for administrators.
 */
#include <string.h>

#include "persistence_world.h"

struct cast {
    int64_t ana, bob, eve, scope_id;
    uint64_t other, job; /* seqs */
    uint8_t id[UUID_BYTES];
};

/* Ana asks to be told everything about two jobs. */
static struct cast begin(struct world *world)
{
    struct cast cast = {.ana = world_peer(world, "ana"),
                        .bob = world_peer(world, "bob"),
                        .eve = world_peer(world, "eve")};
    world_id(world, cast.id);
    struct world_entry entries[] = {
        {.scope = "queue:q", .body = "other", .receipts = 7},
        {.scope = "queue:q", .body = "job", .id = cast.id, .receipts = 7}};
    uint64_t correlation = world_send(world, 1, cast.ana, 1, entries, 2);
    world_settle(world);
    const INTERNAL(StoreDone) *done = world_answer(world, correlation);
    assert_non_null(done);
    cast.other = done->runs[0]->first_seq;
    cast.job = cast.other + 1;
    const INTERNAL(Appended) *appended = (const void *)world_appended(world, 0)->body;
    cast.scope_id = appended->runs[0]->scope_id;
    return cast;
}

static void tell(struct world *world, const struct cast *cast, int64_t peer_id, uint32_t level,
                 uint64_t seq)
{
    INTERNAL(ConsumerWrite) write = ROOST__INTERNAL__CONSUMER_WRITE__INIT;
    INTERNAL(Fate) fate = ROOST__INTERNAL__FATE__INIT, *fates[] = {&fate};
    fate.level = level;
    fate.scope_id = cast->scope_id;
    fate.peer_id = peer_id;
    fate.reason = level == ROOST__V1__RECEIPT_LEVEL__DEAD ? 5007 : 0;
    fate.seqs = &seq;
    fate.n_seqs = 1;
    write.fates = fates;
    write.n_fates = 1;
    (void)world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_WRITE, &write.base, NULL, 0);
    world_settle(world);
}

/* The trace of the job; free it. */
static Roost__V1__Result *trace(struct world *world, const struct cast *cast, int64_t peer_id)
{
    INTERNAL(Query) ask = ROOST__INTERNAL__QUERY__INIT;
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    zmq_msg_t frame;
    query.request_id = 42;
    query.kind = ROOST__V1__QUERY_KIND__TRACE;
    query.message_ids = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)cast->id};
    assert_int_equal(wire_pack(ROOST__V1__TYPE__QUERY, &query.base, &frame), ERR_OK);
    ask.session = 5;
    ask.peer_id = peer_id;
    ask.is_admin = peer_id == 0;
    world_forget(world);
    (void)world_ask(world, ACTOR_HISTORY, MSG_QUERY, &ask.base, zmq_msg_data(&frame),
                    zmq_msg_size(&frame));
    (void)zmq_msg_close(&frame);
    world_settle(world);
    assert_int_equal(world_count(world, MSG_QUERY_PART), 1);
    const struct world_message *part = world_nth(world, MSG_QUERY_PART, 0);
    Roost__V1__Result *result = roost__v1__result__unpack(
        NULL, part->payload_size - WIRE_HEAD_BYTES, part->payload + WIRE_HEAD_BYTES);
    assert_non_null(result);
    return result;
}

/* The n-th receipt of a trace; NULL: there are not so many. */
static const Roost__V1__TraceStep *receipt(const Roost__V1__Result *result, size_t n)
{
    for (size_t i = 0; i < result->n_steps; i++) {
        ProtobufCBinaryData event = result->steps[i]->event;
        if (event.len == 7 && memcmp(event.data, "receipt", 7) == 0 && n-- == 0)
            return result->steps[i];
    }
    return NULL;
}

static void assert_begins(const char *text, const char *wanted)
{
    assert_true(strlen(text) > strlen(wanted));
    assert_memory_equal(text, wanted, strlen(wanted));
}

static void the_sender_sees_what_he_was_told(void **state)
{
    struct world *world = *state;
    struct cast cast = begin(world);
    tell(world, &cast, cast.bob, ROOST__V1__RECEIPT_LEVEL__DELIVERED, cast.job);
    tell(world, &cast, 0, ROOST__V1__RECEIPT_LEVEL__DEAD, cast.job);
    const int64_t readers[] = {cast.ana, 0}; /* 0: an administrator */
    for (size_t i = 0; i < 2; i++) {
        Roost__V1__Result *result = trace(world, &cast, readers[i]);
        const Roost__V1__TraceStep *first = receipt(result, 0), *second = receipt(result, 1);
        assert_non_null(first);
        assert_non_null(second);
        assert_null(receipt(result, 2));
        assert_begins(first->detail, "DELIVERED by bob; ana was told: seq ");
        assert_bytes(first->scope, "queue:q");
        assert_true(first->time_ms > 0);
        assert_int_equal(first->reason, 0);
        assert_begins(second->detail, "DEAD; ana was told: seq ");
        assert_int_equal(second->reason, 5007);
        roost__v1__result__free_unpacked(result, NULL);
    }
}

static void nobody_else_does(void **state)
{
    struct world *world = *state;
    struct cast cast = begin(world);
    tell(world, &cast, cast.bob, ROOST__V1__RECEIPT_LEVEL__READ, cast.job);
    const int64_t readers[] = {cast.bob, cast.eve};
    for (size_t i = 0; i < 2; i++) {
        Roost__V1__Result *result = trace(world, &cast, readers[i]);
        assert_true(result->n_steps > 0);
        assert_null(receipt(result, 0));
        roost__v1__result__free_unpacked(result, NULL);
    }
}

/* Three hundred of another message lie between: more than are read at once. */
static void those_of_others_are_passed_over(void **state)
{
    struct world *world = *state;
    struct cast cast = begin(world);
    tell(world, &cast, cast.bob, ROOST__V1__RECEIPT_LEVEL__DELIVERED, cast.other);
    Roost__V1__Result *result = trace(world, &cast, cast.ana);
    assert_null(receipt(result, 0));
    roost__v1__result__free_unpacked(result, NULL);
    for (int i = 0; i < 300; i++)
        tell(world, &cast, cast.bob, ROOST__V1__RECEIPT_LEVEL__DELIVERED, cast.other);
    tell(world, &cast, cast.bob, ROOST__V1__RECEIPT_LEVEL__READ, cast.job);
    result = trace(world, &cast, cast.ana);
    assert_non_null(receipt(result, 0));
    assert_begins(receipt(result, 0)->detail, "READ by bob; ");
    assert_null(receipt(result, 1));
    roost__v1__result__free_unpacked(result, NULL);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(the_sender_sees_what_he_was_told),
        T(nobody_else_does),
        T(those_of_others_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
