/* SPDX-License-Identifier: MPL-2.0
 *
 * STORE: numbers, refusals, duplicates, scopes made on first use.
 */
#include "persistence_world.h"

#include <string.h>

#include "persistence_state.h"
#include "store/consumers.h"

static const INTERNAL(StoreDone) * done_of(struct world *world, uint64_t correlation)
{
    const INTERNAL(StoreDone) *done = world_answer(world, correlation);
    assert_non_null(done);
    return done;
}

static void stores_and_tells_sync_manager_first(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    struct world_entry entries[] = {
        {.scope = "peer:bob", .body = "one"},
        {.scope = "", .body = "two"}, /* the same scope */
        {.scope = "queue:resize", .body = "three"},
        {.scope = "peer:bob", .body = "four"},
    };
    uint64_t correlation = world_send(world, 7, ana, 1, entries, 4);
    world_settle(world);
    const INTERNAL(StoreDone) *done = done_of(world, correlation);
    assert_int_equal(done->session, 7);
    assert_int_equal(done->upto_no, 4);
    assert_int_equal(done->retry_code, 0);
    assert_int_equal(done->count, 4);
    assert_int_equal(done->body_bytes, 3 + 3 + 5 + 4);
    assert_int_equal(done->n_exceptions, 0);
    assert_int_equal(done->n_runs, 1);
    assert_int_equal(done->runs[0]->first_no, 1);
    assert_int_equal(done->runs[0]->count, 4);

    assert_int_equal(world_appended_count(world), 1);
    const INTERNAL(Appended) *appended = (const void *)world_appended(world, 0)->body;
    assert_int_equal(appended->n_runs, 3);
    assert_int_equal(appended->runs[0]->count, 2);
    assert_int_equal(appended->runs[0]->first_seq, done->runs[0]->first_seq);
    assert_int_equal(appended->last_seq, done->runs[0]->first_seq + 3);
    assert_int_equal(appended->runs[0]->expires_ms - appended->runs[0]->stored_ms, 604800000);

    /* Mailbox and queue were made, with a consumer that begins just below the first message. */
    assert_int_equal(appended->n_consumers, 2);
    assert_int_equal(appended->consumers[0]->scope_kind, SCOPE_PEER);
    assert_bytes(appended->consumers[0]->scope_name, "bob");
    assert_bytes(appended->consumers[0]->consumer, "main");
    assert_int_equal(appended->consumers[0]->floor_seq, appended->runs[0]->first_seq - 1);
    assert_int_equal(appended->consumers[1]->floor_seq, appended->runs[1]->first_seq - 1);
    assert_true(appended->consumers[0]->scope_owner_id > 0);
    assert_int_equal(appended->consumers[0]->scope_id, appended->runs[0]->scope_id);
    assert_int_equal(appended->consumers[1]->scope_kind, SCOPE_QUEUE);
}

static void numbers_must_follow(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    struct world_entry two[] = {{.scope = "peer:bob"}, {.scope = "peer:bob"}};
    uint64_t first = world_send(world, 7, ana, 1, two, 2);
    uint64_t gap = world_send(world, 7, ana, 4, two, 2);
    uint64_t again = world_send(world, 7, ana, 2, two, 2);
    uint64_t next = world_send(world, 7, ana, 3, two, 2);
    uint64_t other = world_send(world, 8, ana, 1, two, 2); /* each session has its own */
    world_settle(world);
    assert_int_equal(done_of(world, first)->upto_no, 2);
    assert_int_equal(done_of(world, gap)->upto_no, 2);
    assert_int_equal(done_of(world, gap)->retry_code, err_code(ERR_SEQUENCE_GAP));
    assert_int_equal(done_of(world, gap)->n_runs, 0);
    assert_int_equal(done_of(world, again)->retry_code, err_code(ERR_SEQUENCE_GAP));
    assert_int_equal(done_of(world, next)->upto_no, 4);
    assert_int_equal(done_of(world, next)->retry_code, 0);
    assert_int_equal(done_of(world, other)->upto_no, 2);
    assert_int_equal(world_appended_messages(world), 6);
}

static void a_closed_session_is_forgotten(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    (void)world_store(world, 7, ana, 1, "peer:bob", "x");
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    closed.session = 7;
    world_tell(world, ACTOR_PERSISTENCE, MSG_SESSION_CLOSED, &closed.base);
    (void)world_store(world, 7, ana, 1, "peer:bob", "y");
}

static void refusals_for_good_are_exceptions(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    static char large[(1 << 20) + 2];
    memset(large, 'x', sizeof(large) - 1);
    static const uint8_t zero_id[16];
    struct world_entry entries[] = {
        {.scope = "peer:bob", .body = "ok"},    {.scope = "nonsense", .body = "x"},
        {.scope = "room:general", .body = "x"}, {.scope = "peer:bob", .body = large},
        {.scope = "peer:$broker", .body = "x"}, {.scope = "peer:bob", .body = "ok", .id = zero_id},
        {.scope = "peer:bob", .body = "ok"},
    };
    uint64_t correlation = world_send(world, 7, ana, 1, entries, 7);
    world_settle(world);
    const INTERNAL(StoreDone) *done = done_of(world, correlation);
    assert_int_equal(done->upto_no, 7);
    assert_int_equal(done->retry_code, 0);
    assert_true(done->n_exceptions >= 4);
    assert_int_equal(done->exceptions[0]->no, 2);
    assert_int_equal(done->exceptions[0]->code, err_code(ERR_BAD_SCOPE));
    assert_true(strlen(done->exceptions[0]->text) > 0);
    assert_int_equal(done->exceptions[1]->code, err_code(ERR_NO_SUCH_SCOPE));
    assert_int_equal(done->exceptions[2]->code, err_code(ERR_TOO_LARGE));
    assert_int_equal(done->exceptions[3]->no, 5);
    assert_int_equal(done->exceptions[3]->code, err_code(ERR_NO_SUCH_PEER));
    assert_int_equal(done->runs[done->n_runs - 1]->first_no + done->runs[done->n_runs - 1]->count,
                     8);
    (void)world_store(world, 7, ana, 8, "peer:bob", "numbering goes on");
}

static void unknown_names_when_nothing_is_made(void **state)
{
    struct world *world = *state;
    world_end(world);
    world->persistence.is_autocreate = false;
    world_start(world);
    int64_t ana = world_peer(world, "ana");
    (void)world_peer(world, "bob");
    struct world_entry entries[] = {
        {.scope = "peer:nobody"},
        {.scope = "queue:q"},
        {.scope = "topic:t"},
        {.scope = "peer:bob"}, /* known, though nothing was ever sent to him */
    };
    uint64_t correlation = world_send(world, 7, ana, 1, entries, 4);
    world_settle(world);
    const INTERNAL(StoreDone) *done = done_of(world, correlation);
    assert_int_equal(done->n_exceptions, 3);
    assert_int_equal(done->exceptions[0]->code, err_code(ERR_NO_SUCH_PEER));
    assert_int_equal(done->exceptions[1]->code, err_code(ERR_NO_SUCH_SCOPE));
    assert_int_equal(done->exceptions[2]->code, err_code(ERR_NO_SUCH_SCOPE));
    assert_int_equal(done->upto_no, 4);
    assert_int_equal(done->n_runs, 1);
}

static void one_mailbox_for_all_spellings(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "Ana");
    (void)world_store(world, 7, ana, 1, "peer:ANA", "x");
    (void)world_store(world, 7, ana, 2, "peer:ana", "y");
    const INTERNAL(Appended) *one = (const void *)world_appended(world, 0)->body;
    const INTERNAL(Appended) *two = (const void *)world_appended(world, 1)->body;
    assert_int_equal(one->n_consumers, 1);
    assert_bytes(one->consumers[0]->scope_name, "Ana"); /* as the peer is written */
    assert_int_equal(one->consumers[0]->scope_owner_id, ana);
    assert_int_equal(two->n_consumers, 0);
    assert_int_equal(one->runs[0]->scope_id, two->runs[0]->scope_id);
}

/* The same message again: `expected` is the seq of the first one. */
static void assert_duplicate(struct world *world, uint64_t session, int64_t peer, uint64_t no,
                             const uint8_t *id, uint64_t expected)
{
    struct world_entry entry = {.scope = "peer:bob", .body = "again", .id = id};
    uint64_t correlation = world_send(world, session, peer, no, &entry, 1);
    world_settle(world);
    const INTERNAL(StoreDone) *done = done_of(world, correlation);
    assert_int_equal(done->upto_no, no);
    assert_int_equal(done->n_runs, 0);
    assert_int_equal(done->n_exceptions, 1);
    assert_int_equal(done->exceptions[0]->code, err_code(ERR_DUPLICATE));
    assert_int_equal(done->exceptions[0]->seq, expected);
}

static uint64_t store_id(struct world *world, uint64_t session, int64_t peer, uint64_t no,
                         const uint8_t *id)
{
    struct world_entry entry = {.scope = "peer:bob", .body = "x", .id = id};
    uint64_t correlation = world_send(world, session, peer, no, &entry, 1);
    world_settle(world);
    const INTERNAL(StoreDone) *done = done_of(world, correlation);
    assert_int_equal(done->n_runs, 1);
    return done->runs[0]->first_seq;
}

static void flush_index(struct world *world)
{
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.method = ROOST__V1__METHOD__FLUSH_INDEX;
    uint64_t correlation = world_ask(world, ACTOR_PERSISTENCE, MSG_CALL, &call.base, NULL, 0);
    world_settle(world);
    const INTERNAL(CallDone) *done = world_answer(world, correlation);
    assert_int_equal(done->code, 0);
}

static void duplicates_are_recognised(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), eve = world_peer(world, "eve");
    uint8_t early[16], id[16], late[16];
    world_id(world, early);
    world_id(world, id);
    world_id(world, late);
    uint64_t seq = store_id(world, 1, ana, 1, id);
    assert_duplicate(world, 1, ana, 2, id, seq);
    assert_duplicate(world, 2, ana, 1, id, seq); /* another session */
    (void)store_id(world, 3, eve, 1, id);        /* another sender: another message */
    (void)store_id(world, 1, ana, 3, early);     /* below the highest id, but new */

    world_restart(world); /* known from the tail */
    assert_duplicate(world, 1, ana, 1, id, seq);
    flush_index(world); /* known from the index */
    assert_duplicate(world, 1, ana, 2, id, seq);
    uint64_t late_seq = store_id(world, 1, ana, 3, late);
    world_restart(world);
    assert_duplicate(world, 1, ana, 1, id, seq);
    assert_duplicate(world, 1, ana, 2, early, seq + 2);
    assert_duplicate(world, 1, ana, 3, late, late_seq);
    flush_index(world);
    world_restart(world); /* nothing of it is in memory */
    assert_duplicate(world, 1, ana, 1, late, late_seq);
}

static bool is_new(struct world *world, int64_t peer, const uint8_t *id)
{
    struct persistence *p = sim_state(world->sim, ACTOR_PERSISTENCE);
    return dedupe_is_new(&p->dedupe, (uint32_t)peer, id);
}

/* Ids in time order cost no look-up in the index, also after a restart with indexed messages; and
 * a sender whose ids are lower than those of others is not taken for new. */
static void new_ids_are_known_as_new_after_a_restart(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), eve = world_peer(world, "eve");
    uint8_t low[16], between[16], high[16], next[16];
    world_id(world, low);
    world_id(world, between);
    world_id(world, high);
    world_id(world, next);
    uint64_t low_seq = store_id(world, 1, eve, 1, low);
    uint64_t high_seq = store_id(world, 2, ana, 1, high);
    flush_index(world);
    world_restart(world);
    assert_true(is_new(world, ana, next));
    assert_true(is_new(world, eve, next));
    assert_false(is_new(world, eve, low));
    assert_false(is_new(world, ana, high));
    assert_duplicate(world, 1, eve, 1, low, low_seq);
    assert_duplicate(world, 2, ana, 1, high, high_seq);
    (void)store_id(world, 1, eve, 2, between); /* below the highest of all, but new */
    assert_duplicate(world, 1, eve, 3, between, high_seq + 1);
    (void)store_id(world, 1, eve, 4, next);
    assert_duplicate(world, 1, eve, 5, next, high_seq + 2);
}

static void duplicates_within_one_frame(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint8_t id[16];
    world_id(world, id);
    struct world_entry entries[] = {
        {.scope = "peer:bob", .id = id}, {.scope = "queue:q", .id = id}, {.scope = "peer:bob"}};
    uint64_t correlation = world_send(world, 1, ana, 1, entries, 3);
    world_settle(world);
    const INTERNAL(StoreDone) *done = done_of(world, correlation);
    assert_int_equal(done->n_exceptions, 1);
    assert_int_equal(done->exceptions[0]->no, 2);
    assert_int_equal(done->exceptions[0]->seq, done->runs[0]->first_seq);
    assert_int_equal(done->n_runs, 2);
    assert_int_equal(done->upto_no, 3);
}

static void expiry_is_never_early_when_the_clock_jumps(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    int64_t before_ms = sim_wall(world->sim).ms;
    sim_wall_jump(world->sim, -3600000);
    struct world_entry entry = {.scope = "peer:bob", .ttl_ms = 60000};
    (void)world_send(world, 1, ana, 1, &entry, 1);
    world_settle(world);
    const INTERNAL(Appended) *appended = (const void *)world_appended(world, 0)->body;
    assert_true(appended->runs[0]->expires_ms >= before_ms + 60000);
    sim_wall_jump(world->sim, 2 * 3600000);
    (void)world_send(world, 1, ana, 2, &entry, 1);
    world_settle(world);
    appended = (const void *)world_appended(world, 1)->body;
    assert_true(appended->runs[0]->expires_ms >= before_ms + 3600000 + 60000);
}

static void a_frame_that_cannot_be_read_is_refused_number_by_number(void **state)
{
    struct world *world = *state;
    INTERNAL(Store) store = ROOST__INTERNAL__STORE__INIT;
    store.session = 1;
    store.peer_id = world_peer(world, "ana");
    store.first_no = 1;
    store.count = 3;
    uint64_t correlation =
        world_ask(world, ACTOR_PERSISTENCE, MSG_STORE, &store.base, "\xb5\x0c\x01\x10\xff", 5);
    world_settle(world);
    const INTERNAL(StoreDone) *done = done_of(world, correlation);
    assert_int_equal(done->n_exceptions, 3);
    assert_int_equal(done->upto_no, 3);
    (void)world_store(world, 1, store.peer_id, 4, "peer:bob", "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(stores_and_tells_sync_manager_first),
        T(numbers_must_follow),
        T(a_closed_session_is_forgotten),
        T(refusals_for_good_are_exceptions),
        T(unknown_names_when_nothing_is_made),
        T(one_mailbox_for_all_spellings),
        T(duplicates_are_recognised),
        T(new_ids_are_known_as_new_after_a_restart),
        T(duplicates_within_one_frame),
        T(expiry_is_never_early_when_the_clock_jumps),
        T(a_frame_that_cannot_be_read_is_refused_number_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
