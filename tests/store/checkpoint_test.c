/* SPDX-License-Identifier: MPL-2.0
 *
 * The WAL: moved when it is large, or smaller and nothing else is to be done; given back when idle;
 * never in the way of a reader.
 */
#include "rt/check.h"
#include "store/verify.h"
#include "store_fixture.h"

static uint64_t wal_bytes(struct fixture *fixture)
{
    struct store_stats stats;
    store_stats(fixture->store, &stats);
    return stats.wal_bytes;
}

static uint64_t file_bytes(struct fixture *fixture)
{
    struct store_stats stats;
    store_stats(fixture->store, &stats);
    return stats.file_bytes;
}

static void append_bytes(struct fixture *fixture, size_t bytes)
{
    for (size_t done = 0; done < bytes; done += 20000)
        (void)fixture_append(fixture, done, 20000);
}

static void test_wal_is_moved_and_stays_bounded(void **state)
{
    struct fixture *fixture = *state;
    struct store_stats stats;
    uint64_t wal_max = 0;
    fixture_fill(fixture);
    store_stats(fixture->store, &stats);
    uint64_t commits = stats.commits;
    for (uint64_t n = 1; n <= 4000; n++) {
        assert_ok(store_begin(fixture->store));
        for (int i = 0; i < 2; i++) {
            struct message_row row = fixture_message(fixture, n, 8000);
            assert_ok(message_append(fixture->store, &row));
        }
        assert_ok(store_commit(fixture->store));
        assert_ok(store_checkpoint(fixture->store, false));
        store_stats(fixture->store, &stats);
        wal_max = stats.wal_bytes > wal_max ? stats.wal_bytes : wal_max;
    }
    assert_true(wal_max > 2 << 20 && wal_max < 8 << 20);
    assert_true(stats.file_bytes > 40 << 20);
    assert_int_equal(stats.commits, commits + 4000);
}

static void test_idle_moves_earlier(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    append_bytes(fixture, 5 << 18);
    uint64_t before = file_bytes(fixture);
    assert_ok(store_checkpoint(fixture->store, false));
    assert_int_equal(file_bytes(fixture), before);
    assert_ok(store_checkpoint(fixture->store, true));
    assert_true(file_bytes(fixture) > before + (1 << 20));
}

static void test_a_reader_delays_but_does_not_harm(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    struct store_stats stats;
    fixture_fill(fixture);
    assert_ok(fixture_open_reader(fixture, &reader));
    assert_ok(store_read_begin(reader));
    store_stats(reader, &stats); /* the moment it holds on to */
    append_bytes(fixture, 70 << 20);
    for (int i = 0; i < 3; i++)
        assert_ok(store_checkpoint(fixture->store, true));
    assert_true(wal_bytes(fixture) > 70 << 20);
    store_read_end(reader);
    assert_ok(store_checkpoint(fixture->store, true)); /* moves it */
    assert_ok(store_checkpoint(fixture->store, true)); /* gives the room back */
    assert_int_equal(wal_bytes(fixture), 0);
    store_close(&reader);
}

/* A checkpoint that cannot reach the end of the WAL is told of without a sync: whoever reads next
 * takes the moved pages from the database file, so they must be in it. */
static void test_a_part_that_was_moved_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL, *fresh = NULL;
    struct store_stats stats;
    struct verify_options options = {.on_finding = NULL};
    uint64_t findings = 1;
    fixture_fill(fixture);
    append_bytes(fixture, 14 << 20);
    assert_ok(fixture_open_reader(fixture, &reader));
    assert_ok(store_read_begin(reader));
    store_stats(reader, &stats); /* the moment it holds on to */
    append_bytes(fixture, 1 << 20);
    assert_ok(store_checkpoint(fixture->store, true)); /* up to that moment */
    assert_ok(fixture_open_reader(fixture, &fresh));   /* before anything asks the writer's file */
    assert_ok(verify_run(fresh, &options, &findings));
    assert_int_equal(findings, 0);
    assert_true(file_bytes(fixture) > 10 << 20);
    store_close(&fresh);
    store_read_end(reader);
    store_close(&reader);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_wal_is_moved_and_stays_bounded),
        WITH_STORE(test_idle_moves_earlier),
        WITH_STORE(test_a_reader_delays_but_does_not_harm),
        WITH_STORE(test_a_part_that_was_moved_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
