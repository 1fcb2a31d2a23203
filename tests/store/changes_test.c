/* SPDX-License-Identifier: MPL-2.0
 *
 * Edits and tombstones, and where nothing changed.
 */
#include "store/changes.h"

#include "store/reactions.h"
#include "store_fixture.h"

static void test_edits(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    uint64_t seq = 99, list[4];
    uint32_t count = 0;
    assert_ok(store_begin(store));
    assert_ok(edit_add(store, 5, 10));
    assert_ok(edit_add(store, 5, 12));
    assert_ok(edit_add(store, 6, 11));
    assert_ok(store_commit(store));
    assert_ok(edit_newest(store, 5, UINT64_MAX, &seq));
    assert_int_equal(seq, 12);
    assert_ok(edit_newest(store, 5, 12, &seq));
    assert_int_equal(seq, 10);
    assert_ok(edit_newest(store, 5, 10, &seq));
    assert_int_equal(seq, 0);
    assert_ok(edit_list(store, 5, 0, 4, list, &count));
    assert_int_equal(count, 2);
    assert_int_equal(list[0], 10);
    assert_ok(edit_list(store, 5, 10, 4, list, &count));
    assert_int_equal(count, 1);
    assert_int_equal(list[0], 12);
    assert_ok(edit_target(store, 11, &seq));
    assert_int_equal(seq, 6);
    assert_ok(edit_target(store, 13, &seq));
    assert_int_equal(seq, 0);
}

static void test_tombstones(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct tombstone tombstone = {.seq = 7, .delete_seq = 20, .deleted_ms = 1000, .peer_id = 3};
    uint64_t seq = 0;
    assert_ok(store_begin(store));
    assert_ok(tombstone_add(store, &tombstone));
    assert_ok(store_commit(store));
    struct tombstone found;
    assert_ok(tombstone_find(store, 7, &found));
    assert_memory_equal(&found, &tombstone, sizeof found);
    assert_ok(tombstone_find(store, 6, &found));
    assert_int_equal(found.seq, 0);
    assert_ok(tombstone_next(store, 6, &found));
    assert_int_equal(found.seq, 7);
    assert_ok(tombstone_next(store, 8, &found));
    assert_int_equal(found.seq, 0);
    assert_ok(tombstone_target(store, 20, &seq));
    assert_int_equal(seq, 7);
    assert_ok(tombstone_target(store, 7, &seq));
    assert_int_equal(seq, 0);
}

static enum err sum(void *context, uint64_t seq, uint64_t change_seq)
{
    uint64_t *total = context;
    *total += seq * 100 + change_seq;
    return ERR_OK;
}

static void test_what_is_new(void **state)
{
    struct fixture *fixture = *state;
    uint64_t total = 0;
    assert_ok(edit_since(fixture->store, 10, 10, sum, &total));
    assert_int_equal(total, 611 + 512);
    total = 0;
    assert_ok(edit_since(fixture->store, 0, 1, sum, &total));
    assert_int_equal(total, 510);
    total = 0;
    assert_ok(tombstone_since(fixture->store, 19, 10, sum, &total));
    assert_int_equal(total, 720);
    total = 0;
    assert_ok(tombstone_since(fixture->store, 20, 10, sum, &total));
    assert_int_equal(total, 0);
}

/* The gap is never wrong, in whatever order it is asked. */
static void test_gaps(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    bool is_new = false;
    struct reaction reaction = {
        .seq = 30, .peer_id = 1, .at_ms = 1, .emoji = {(const uint8_t *)"x", 1}};
    assert_ok(store_begin(store));
    assert_ok(reaction_add(store, &reaction, &is_new));
    assert_ok(store_commit(store));
    struct change_gap gap = {0};
    uint64_t seed = 4;
    for (int i = 0; i < 2000; i++) {
        uint64_t seq = i < 50    ? (uint64_t)i + 1
                       : i < 100 ? (uint64_t)(100 - i)
                                 : fixture_random(&seed) % 50 + 1;
        bool is_changed = false;
        assert_ok(change_look(store, seq, &gap, &is_changed));
        assert_int_equal(is_changed, seq == 5 || seq == 6 || seq == 7 || seq == 30);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_tombstones),
        cmocka_unit_test(test_what_is_new),
        cmocka_unit_test(test_gaps),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
