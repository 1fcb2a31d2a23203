/* SPDX-License-Identifier: MPL-2.0
 *
 * Presence events come back newest first and are trimmed from the old end; markers only move
 * forward.
 */
#include <string.h>

#include "rt/check.h"
#include "store/peers.h"
#include "store_fixture.h"

struct events {
    size_t count;
    int64_t last_id, oldest_ms;
};

static enum err note_event(void *context, const struct presence_row *row)
{
    struct events *events = context;
    CHECK(events->last_id == 0 || row->id < events->last_id);
    CHECK(strcmp(row->reason, "timeout") == 0 && strlen(row->peer_name) > 0);
    events->count++;
    events->last_id = row->id;
    events->oldest_ms = row->at_ms;
    return ERR_OK;
}

static struct events list(struct fixture *fixture, int64_t peer_id, int64_t before_id,
                          uint32_t limit)
{
    struct events events = {.count = 0};
    assert_ok(presence_list(fixture->store, peer_id, before_id, limit, note_event, &events));
    return events;
}

static void trim(struct fixture *fixture, int64_t before_ms, uint32_t rows_max)
{
    assert_ok(store_begin(fixture->store));
    assert_ok(presence_trim(fixture->store, before_ms, rows_max));
    assert_ok(store_commit(fixture->store));
}

static void test_events(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = 0;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    for (int i = 0; i < 30; i++)
        assert_ok(
            presence_add(fixture->store, fixture->peer_ids[i % 3], i % 2, 100 + i, "timeout", &id));
    assert_ok(store_commit(fixture->store));
    assert_int_equal(list(fixture, 0, 0, 100).count, 30);
    assert_int_equal(list(fixture, fixture->peer_ids[1], 0, 100).count, 10);
    struct events page = list(fixture, 0, 0, 12);
    assert_int_equal(page.count, 12);
    assert_int_equal(page.oldest_ms, 118);
    page = list(fixture, 0, page.last_id, 100);
    assert_int_equal(page.count, 18);
    assert_int_equal(page.oldest_ms, 100);
    trim(fixture, 110, 4);
    assert_int_equal(list(fixture, 0, 0, 100).oldest_ms, 104);
    trim(fixture, 110, 100);
    assert_int_equal(list(fixture, 0, 0, 100).oldest_ms, 110);
    trim(fixture, 110, 100);
    assert_int_equal(list(fixture, 0, 0, 100).count, 20);
}

/* One that comes and goes without end keeps its newest ones, and takes none of the others'. */
static void test_events_of_one_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = 0;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    for (int i = 0; i < 10; i++)
        assert_ok(presence_add(fixture->store, fixture->peer_ids[1], i % 2, 1, "timeout", &id));
    for (int i = 0; i < 3 * PRESENCE_OF_PEER_MAX; i++)
        assert_ok(presence_add(fixture->store, fixture->peer_ids[0], i % 2, i, "timeout", &id));
    assert_ok(store_commit(fixture->store));
    struct events events = list(fixture, fixture->peer_ids[0], 0, 10 * PRESENCE_OF_PEER_MAX);
    assert_in_range(events.count, PRESENCE_OF_PEER_MAX, PRESENCE_OF_PEER_MAX + 16);
    assert_int_equal(events.oldest_ms, 3 * PRESENCE_OF_PEER_MAX - (int)events.count);
    assert_int_equal(list(fixture, fixture->peer_ids[1], 0, 100).count, 10);
}

static void test_markers(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = 9, seq = 9;
    fixture_fill(fixture);
    int64_t id = fixture->peer_ids[0];
    assert_ok(store_begin(fixture->store));
    assert_ok(marker_set(fixture->store, id, 77, 5, 1, &before));
    assert_int_equal(before, 0);
    assert_ok(marker_set(fixture->store, id, 77, 3, 1, &before));
    assert_int_equal(before, 5);
    assert_ok(marker_get(fixture->store, id, 77, &seq));
    assert_int_equal(seq, 5);
    assert_ok(marker_get(fixture->store, id, 78, &seq));
    assert_int_equal(seq, 0);
    assert_err(marker_set(fixture->store, 999, 77, 3, 1, &before), ERR_INTERNAL);
    assert_ok(store_commit(fixture->store));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_events, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_events_of_one_are_bounded, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_markers, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
