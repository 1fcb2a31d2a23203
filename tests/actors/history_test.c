/* SPDX-License-Identifier: MPL-2.0
 *
 * The history actor as a whole: start, LOAD_*, RESOLVE, death and a new life.
 */
#include "persistence_world.h"

#include <stdlib.h>
#include <string.h>

#include "store/consumers.h"

static void fill(struct world *world, uint64_t *seqs, size_t count, const char *body)
{
    int64_t ana = world_peer(world, "ana");
    struct world_entry *entries = calloc(count, sizeof(*entries));
    assert_non_null(entries);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct world_entry){.scope = "peer:bob", .body = body};
    uint64_t correlation = world_send(world, 1, ana, 1, entries, count);
    world_settle(world);
    const INTERNAL(StoreDone) *done = world_answer(world, correlation);
    assert_int_equal(done->runs[0]->count, count);
    for (size_t i = 0; i < count; i++)
        seqs[i] = done->runs[0]->first_seq + i;
    free(entries);
}

static void consumers_are_loaded_in_pages(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    char scope[32];
    for (uint64_t i = 1; i <= 25; i++) {
        (void)snprintf(scope, sizeof(scope), "queue:q%02u", (unsigned)i);
        (void)world_store(world, 1, ana, i, scope, "x");
    }
    INTERNAL(LoadConsumers) load = ROOST__INTERNAL__LOAD_CONSUMERS__INIT;
    load.limit = 10;
    size_t rows = 0;
    bool is_end = false;
    while (!is_end) {
        uint64_t correlation =
            world_ask(world, ACTOR_HISTORY, MSG_LOAD_CONSUMERS, &load.base, NULL, 0);
        world_settle(world);
        const INTERNAL(ConsumersLoaded) *loaded = world_answer(world, correlation);
        rows += loaded->n_rows;
        is_end = loaded->is_end;
        if (loaded->n_rows) {
            assert_int_equal(loaded->rows[0]->scope_kind, SCOPE_QUEUE);
            assert_bytes(loaded->rows[0]->consumer, "main");
            load.after_id = loaded->rows[loaded->n_rows - 1]->consumer_id;
        }
    }
    assert_int_equal(rows, 25);
}

static void heads_are_loaded_as_runs(void **state)
{
    struct world *world = *state;
    uint64_t seqs[1000];
    fill(world, seqs, 1000, "x");
    INTERNAL(LoadHeads) load = ROOST__INTERNAL__LOAD_HEADS__INIT;
    load.limit = 600;
    uint64_t correlation = world_ask(world, ACTOR_HISTORY, MSG_LOAD_HEADS, &load.base, NULL, 0);
    world_settle(world);
    const INTERNAL(HeadsLoaded) *loaded = world_answer(world, correlation);
    assert_int_equal(loaded->n_runs, 1);
    assert_int_equal(loaded->runs[0]->first_seq, seqs[0]);
    assert_int_equal(loaded->runs[0]->count, 600);
    assert_int_equal(loaded->last_seq, seqs[599]);
    assert_false(loaded->is_end);
    load.after_seq = loaded->last_seq;
    correlation = world_ask(world, ACTOR_HISTORY, MSG_LOAD_HEADS, &load.base, NULL, 0);
    world_settle(world);
    loaded = world_answer(world, correlation);
    assert_int_equal(loaded->runs[0]->count, 400);
    assert_true(loaded->is_end);
    assert_int_equal(loaded->last_seq, seqs[999]);
}

static void ids_are_resolved(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), eve = world_peer(world, "eve");
    uint8_t id[16];
    world_id(world, id);
    struct world_entry entry = {.scope = "peer:bob", .id = id};
    (void)world_send(world, 1, ana, 1, &entry, 1);
    (void)world_send(world, 2, eve, 1, &entry, 1);
    world_settle(world);
    INTERNAL(Resolve) resolve = ROOST__INTERNAL__RESOLVE__INIT;
    uint8_t other[16];
    world_id(world, other);
    ProtobufCBinaryData ids[] = {{16, other}, {16, id}};
    resolve.message_ids = ids;
    resolve.n_message_ids = 2;
    resolve.sender_id = eve;
    uint64_t correlation = world_ask(world, ACTOR_HISTORY, MSG_RESOLVE, &resolve.base, NULL, 0);
    world_settle(world);
    const INTERNAL(Resolved) *resolved = world_answer(world, correlation);
    assert_int_equal(resolved->code, 0);
    assert_int_equal(resolved->n_places, 1);
    assert_memory_equal(resolved->places[0]->message_id.data, id, 16);
    assert_true(resolved->places[0]->scope_id > 0);
}

static void exceptions_are_loaded_in_pages(void **state)
{
    struct world *world = *state;
    uint64_t seqs[30];
    fill(world, seqs, 30, "x");
    INTERNAL(ConsumerWrite) write = ROOST__INTERNAL__CONSUMER_WRITE__INIT;
    INTERNAL(ConsumerChange) change = ROOST__INTERNAL__CONSUMER_CHANGE__INIT;
    INTERNAL(ConsumerChange) * changes[] = {&change};
    INTERNAL(ExceptionRow) rows[30], *pointers[30];
    for (size_t i = 0; i < 30; i++) {
        roost__internal__exception_row__init(&rows[i]);
        rows[i].seq = seqs[i];
        rows[i].state = EXCEPTION_RETRY;
        pointers[i] = &rows[i];
    }
    change.consumer_id = world_open(world, 1, SCOPE_PEER, "bob", "main", 0, 0)->row->consumer_id;
    change.put = pointers;
    change.n_put = 30;
    write.changes = changes;
    write.n_changes = 1;
    (void)world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_WRITE, &write.base, NULL, 0);
    world_settle(world);
    INTERNAL(LoadExceptions) load = ROOST__INTERNAL__LOAD_EXCEPTIONS__INIT;
    load.limit = 7;
    size_t seen = 0;
    for (bool is_end = false; !is_end;) {
        uint64_t correlation =
            world_ask(world, ACTOR_HISTORY, MSG_LOAD_EXCEPTIONS, &load.base, NULL, 0);
        world_settle(world);
        const INTERNAL(ExceptionsLoaded) *loaded = world_answer(world, correlation);
        for (size_t i = 0; i < loaded->n_rows; i++)
            assert_int_equal(loaded->rows[i]->seq, seqs[seen++]);
        is_end = loaded->is_end;
        if (loaded->n_rows) {
            load.after_consumer_id = loaded->rows[loaded->n_rows - 1]->consumer_id;
            load.after_seq = loaded->rows[loaded->n_rows - 1]->seq;
        }
    }
    assert_int_equal(seen, 30);
}

static void a_new_life_reads_on(void **state)
{
    struct world *world = *state;
    uint64_t seqs[3];
    fill(world, seqs, 3, "x");
    assert_int_equal(sim_crash(world->sim, ACTOR_HISTORY), ERR_OK);
    INTERNAL(LoadHeads) load = ROOST__INTERNAL__LOAD_HEADS__INIT;
    uint64_t correlation = world_ask(world, ACTOR_HISTORY, MSG_LOAD_HEADS, &load.base, NULL, 0);
    world_settle(world);
    const INTERNAL(HeadsLoaded) *loaded = world_answer(world, correlation);
    assert_int_equal(loaded->last_seq, seqs[2]);
    assert_true(loaded->is_end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(consumers_are_loaded_in_pages),
        T(heads_are_loaded_as_runs),
        T(exceptions_are_loaded_in_pages),
        T(ids_are_resolved),
        T(a_new_life_reads_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
