/* SPDX-License-Identifier: MPL-2.0
 *
 * A full disk, a broken one, and no memory, played by a disk in memory.
 */
#include "persistence_world.h"

#include <string.h>

#include "crash_vfs.h"
#include "persistence_state.h"
#include "store/consumers.h"

static struct crash_disk *disk;
static char large[500001]; /* makes the files grow, which is what fails on a full disk */

static int setup(void **state)
{
    struct world *world = world_new();
    memset(large, 'x', sizeof(large) - 1);
    disk = crash_disk_new();
    crash_vfs_register("crash");
    crash_vfs_use(disk);
    world->persistence.vfs = world->history.vfs = "crash";
    world_start(world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    world_destroy(*state);
    crash_disk_destroy(&disk);
    return 0;
}

static const INTERNAL(StoreDone) * done_of(struct world *world, uint64_t correlation)
{
    const INTERNAL(StoreDone) *done = world_answer(world, correlation);
    assert_non_null(done);
    return done;
}

static void assert_refused(struct world *world, uint64_t correlation, uint64_t upto_no,
                           enum err err)
{
    const INTERNAL(StoreDone) *done = done_of(world, correlation);
    assert_int_equal(done->upto_no, upto_no);
    assert_int_equal(done->retry_code, err_code(err));
    assert_int_equal(done->n_runs, 0);
    assert_int_equal(done->n_exceptions, 0);
    if (err == ERR_DISK_FULL)
        assert_true(done->retry_after_ms > 0);
}

/* `text` (may be NULL): of an exception. */
static uint64_t post_write(struct world *world, int64_t consumer_id, uint64_t floor_seq,
                           const char *text)
{
    INTERNAL(ExceptionRow) row = ROOST__INTERNAL__EXCEPTION_ROW__INIT;
    INTERNAL(ExceptionRow) * rows[] = {&row};
    INTERNAL(ConsumerWrite) write = ROOST__INTERNAL__CONSUMER_WRITE__INIT;
    INTERNAL(ConsumerChange) change = ROOST__INTERNAL__CONSUMER_CHANGE__INIT;
    INTERNAL(ConsumerChange) * changes[] = {&change};
    change.consumer_id = consumer_id;
    change.floor_seq = floor_seq;
    if (text) {
        row.seq = floor_seq + 1000;
        row.state = EXCEPTION_RETRY;
        row.text = (char *)(uintptr_t)text;
        change.put = rows;
        change.n_put = 1;
    }
    write.changes = changes;
    write.n_changes = 1;
    return world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_WRITE, &write.base, NULL, 0);
}

static uint64_t floor_of(struct world *world)
{
    return world_open(world, 1, SCOPE_PEER, "bob", "main", 0, 0)->row->floor_seq;
}

static void full_disk_refuses_stores_and_keeps_the_rest(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t seq = world_store(world, 1, ana, 1, "peer:bob", "before");
    const INTERNAL(Appended) *appended = (const void *)world_appended(world, 0)->body;
    int64_t consumer = appended->consumers[0]->consumer_id;
    uint8_t id[16];
    world_id(world, id);

    /* The first write that would make a file longer fails. */
    crash_disk_fail(disk, CRASH_FAULT_FULL, 0, false);
    struct world_entry entries[] = {{.scope = "peer:carol", .body = large, .id = id},
                                    {.scope = "nonsense"},
                                    {.scope = "peer:bob", .body = "y"}};
    uint64_t first = world_send(world, 1, ana, 2, entries, 3);
    uint64_t settled = post_write(world, consumer, seq, NULL);
    uint64_t piped = world_send(world, 1, ana, 5, entries, 3);
    world_settle(world);
    assert_refused(world, first, 1, ERR_DISK_FULL);
    const INTERNAL(ConsumerWritten) *written = world_answer(world, settled);
    assert_non_null(written);
    assert_int_equal(written->code, 0);
    assert_true(done_of(world, piped)->retry_code != 0);
    assert_int_equal(done_of(world, piped)->upto_no, 1);
    assert_int_equal(floor_of(world), seq);
    assert_int_equal(world_appended_messages(world), 1);

    /* Until somebody looked, nothing is tried. */
    uint64_t again = world_send(world, 1, ana, 2, entries, 3);
    world_settle(world);
    assert_refused(world, again, 1, ERR_DISK_FULL);
    assert_int_equal(metrics_get(sim_metrics(world->sim, ACTOR_PERSISTENCE), METRIC_DISK_FULL), 1);

    /* It heals by itself; what RAM knew of the refused transaction is forgotten. */
    world_advance(world, 300);
    assert_int_equal(metrics_get(sim_metrics(world->sim, ACTOR_PERSISTENCE), METRIC_DISK_FULL), 0);
    uint64_t after = world_send(world, 1, ana, 2, entries, 3);
    world_settle(world);
    const INTERNAL(StoreDone) *done = done_of(world, after);
    assert_int_equal(done->retry_code, 0);
    assert_int_equal(done->upto_no, 4);
    assert_int_equal(done->n_exceptions, 1); /* no duplicate */
    assert_int_equal(done->exceptions[0]->code, err_code(ERR_BAD_SCOPE));
    assert_int_equal(done->n_runs, 2);
    appended = (const void *)world_appended(world, world_appended_count(world) - 1)->body;
    assert_int_equal(appended->n_consumers, 1); /* carol's mailbox is made again */
    assert_bytes(appended->consumers[0]->scope_name, "carol");
}

static void full_to_the_brim_refuses_everything_and_goes_on(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t seq = world_store(world, 1, ana, 1, "peer:bob", "before");
    const INTERNAL(Appended) *appended = (const void *)world_appended(world, 0)->body;
    int64_t consumer = appended->consumers[0]->consumer_id;

    crash_disk_fail(disk, CRASH_FAULT_FULL, 0, true);
    struct world_entry entry = {.scope = "peer:bob", .body = large};
    uint64_t stored = world_send(world, 1, ana, 2, &entry, 1);
    uint64_t small = post_write(world, consumer, seq - 1, NULL);
    uint64_t settled = post_write(world, consumer, seq, large);
    world_settle(world);
    assert_refused(world, stored, 1, ERR_DISK_FULL);
    const INTERNAL(ConsumerWritten) *written = world_answer(world, settled);
    assert_non_null(written);
    assert_int_equal(written->code, err_code(ERR_DISK_FULL));
    written = world_answer(world, small); /* what still fits is done */
    assert_non_null(written);
    assert_int_equal(written->code, 0);
    assert_int_equal(sim_failure(world->sim, NULL), ERR_OK);

    crash_disk_fail(disk, CRASH_FAULT_NONE, 0, false);
    world_advance(world, 300);
    settled = post_write(world, consumer, seq, large);
    world_settle(world);
    written = world_answer(world, settled);
    assert_int_equal(written->code, 0);
    (void)world_store(world, 1, ana, 2, "peer:bob", "after");
    assert_int_equal(floor_of(world), seq);
}

/* A change of a peer that makes an event. */
static uint64_t post_event(struct world *world, const char *name)
{
    INTERNAL(PeerSave) save = ROOST__INTERNAL__PEER_SAVE__INIT;
    INTERNAL(PeerChange) change = ROOST__INTERNAL__PEER_CHANGE__INIT;
    INTERNAL(PeerChange) * changes[] = {&change};
    change.name = world_bytes(name);
    change.may_create = true;
    change.seen_ms = sim_wall(world->sim).ms;
    change.event = 1;
    save.changes = changes;
    save.n_changes = 1;
    return world_ask(world, ACTOR_PERSISTENCE, MSG_PEER_SAVE, &save.base, NULL, 0);
}

static void what_was_done_singly_is_not_done_again(void **state)
{
    struct world *world = *state;
    static char huge[(12 << 20) + 1];
    world_end(world);
    world->sim_options.delay_max_us = -1; /* what is asked together arrives together */
    world_start(world);
    int64_t ana = world_peer(world, "ana"), last_event = 0;
    for (uint64_t no = 1; no <= 12; no++) /* a WAL with some room in it */
        (void)world_store(world, 1, ana, no, "peer:bob", large);
    const INTERNAL(Appended) *appended = (const void *)world_appended(world, 0)->body;
    int64_t consumer = appended->consumers[0]->consumer_id;
    world_advance(world, 2000);
    memset(huge, 'x', sizeof(huge) - 1);
    crash_disk_fail(disk, CRASH_FAULT_FULL, 0, true);
    for (int round = 0; round < 20; round++) { /* often in one turn */
        uint64_t small = post_event(world, "kim");
        uint64_t refused = post_write(world, consumer, 1, huge);
        (void)post_write(world, consumer, 1, huge);
        world_settle(world);
        const INTERNAL(PeerSaved) *saved = world_answer(world, small);
        assert_int_equal(saved->states[0]->code, 0);
        assert_int_equal(saved->states[0]->event_id, ++last_event); /* none in between */
        assert_int_equal(((const INTERNAL(ConsumerWritten) *)world_answer(world, refused))->code,
                         err_code(ERR_DISK_FULL));
        world_forget(world);
    }
}

static void full_disk_at_every_write(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t no = 1, stored = 0, refused = 0;
    struct store_options options = {.path = world->path, .vfs = "crash", .read_only = true};
    struct store_stats stats;
    struct store *reader;
    assert_int_equal(store_open(&options, &reader), ERR_OK);
    assert_int_equal(store_read_begin(reader), ERR_OK);
    store_stats(reader, &stats); /* holds on to this moment, so the WAL can only grow */
    for (uint64_t skip = 0; skip < 60; skip++) {
        crash_disk_fail(disk, CRASH_FAULT_FULL, skip % 6, false); /* a commit has few writes */
        struct world_entry entries[3] = {
            {.scope = "peer:bob", .body = large}, {.scope = "peer:eve"}, {.scope = "queue:q"}};
        uint64_t correlation = world_send(world, 1, ana, no, entries, 3);
        world_settle(world);
        const INTERNAL(StoreDone) *done = done_of(world, correlation);
        if (done->retry_code) {
            assert_refused(world, correlation, no - 1, ERR_DISK_FULL);
            refused++;
            world_advance(world, 250);
        } else {
            assert_int_equal(done->upto_no, no + 2);
            no += 3;
            stored += 3;
        }
        world_forget(world);
    }
    crash_disk_fail(disk, CRASH_FAULT_NONE, 0, false);
    store_read_end(reader);
    store_close(&reader);
    assert_true(stored > 0 && refused > 10);
    assert_int_equal(world_appended_messages(world), stored);
}

static void a_failed_sync_ends_it_without_an_answer(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    world_forget(world);
    crash_disk_fail(disk, CRASH_FAULT_SYNC, 0, false);
    struct world_entry entry = {.scope = "peer:bob", .body = "x"};
    (void)world_send(world, 1, ana, 1, &entry, 1);
    world_settle(world);
    uint8_t id = 0;
    assert_int_equal(sim_failure(world->sim, &id), ERR_STORAGE);
    assert_int_equal(id, ACTOR_PERSISTENCE);
    assert_int_equal(world_count(world, MSG_STORE_DONE), 0);
    assert_int_equal(world_appended_count(world), 0);
}

static void a_failed_write_ends_it_without_an_answer(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    world_forget(world);
    crash_disk_fail(disk, CRASH_FAULT_WRITE, 0, true);
    struct world_entry entry = {.scope = "peer:bob", .body = "x"};
    (void)world_send(world, 1, ana, 1, &entry, 1);
    world_settle(world);
    assert_int_equal(sim_failure(world->sim, NULL), ERR_STORAGE);
    assert_int_equal(world_count(world, MSG_STORE_DONE), 0);
}

/* One more message each 100 ms; gives the code of the last answer. */
static uint32_t send_for(struct world *world, int64_t ana, uint64_t *no, int64_t ms)
{
    uint32_t code = 0;
    for (; ms > 0 && sim_failure(world->sim, NULL) == ERR_OK; ms -= 100) {
        struct world_entry entry = {.scope = "peer:bob", .body = "x"};
        uint64_t correlation = world_send(world, 1, ana, *no, &entry, 1);
        world_advance(world, 100);
        const INTERNAL(StoreDone) *done = world_answer(world, correlation);
        code = done ? done->retry_code : 0;
        *no += done && !code;
        world_forget(world);
    }
    return code;
}

static void short_of_memory_it_refuses_and_ends_when_that_lasts(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t no = 1;
    world_forget(world);
    for (int round = 0; round < 2; round++) {
        crash_disk_fail(disk, CRASH_FAULT_MEMORY, 0, true);
        assert_int_equal(send_for(world, ana, &no, 9000), err_code(ERR_BUSY));
        crash_disk_fail(disk, CRASH_FAULT_NONE, 0, false);
        assert_int_equal(send_for(world, ana, &no, 1000), 0);
    }
    assert_int_equal(no, 21);
    crash_disk_fail(disk, CRASH_FAULT_MEMORY, 0, true);
    (void)send_for(world, ana, &no, 11000);
    uint8_t id = 0;
    assert_int_equal(sim_failure(world->sim, &id), ERR_BUSY);
    assert_int_equal(id, ACTOR_PERSISTENCE);
    assert_int_equal(no, 21);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(full_disk_refuses_stores_and_keeps_the_rest),
        T(full_to_the_brim_refuses_everything_and_goes_on),
        T(what_was_done_singly_is_not_done_again),
        T(full_disk_at_every_write),
        T(a_failed_sync_ends_it_without_an_answer),
        T(a_failed_write_ends_it_without_an_answer),
        T(short_of_memory_it_refuses_and_ends_when_that_lasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
