/* SPDX-License-Identifier: MPL-2.0
 *
 * Edits and tombstones, and where nothing changed.
 */
#include "store/changes.h"

#include <sqlite3.h>
#include <stdio.h>

#include "store/reactions.h"
#include "store/store_internal.h"
#include "store_fixture.h"

static void test_edits(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    uint64_t seq = 99;
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
    assert_ok(edit_target(store, 11, &seq));
    assert_int_equal(seq, 6);
    assert_ok(edit_target(store, 13, &seq));
    assert_int_equal(seq, 0);
}

/* The newest that can be read, and all of them in pages. */
static void test_texts_of_edits(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct fixture_rows rows = {.count = 0};
    fixture_fill(fixture);
    uint64_t seqs[4];
    for (uint64_t n = 0; n < 4; n++)
        seqs[n] = fixture_append(fixture, n + 1, 10);
    assert_ok(store_begin(store));
    for (int i = 1; i < 4; i++)
        assert_ok(edit_add(store, seqs[0], seqs[i]));
    assert_ok(store_commit(store));
    assert_ok(edit_read(store, seqs[0], 0, 2, fixture_collect, &rows));
    assert_ok(edit_read(store, seqs[0], seqs[2], 2, fixture_collect, &rows));
    assert_int_equal(rows.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rows.seqs[i], seqs[i + 1]);
    for (int damaged = 0; damaged < 4; damaged++) {
        rows.count = 0;
        assert_ok(edit_read_newest(store, seqs[0], fixture_collect, &rows));
        assert_int_equal(rows.count, damaged < 3);
        assert_int_equal(rows.damaged, 0);
        if (damaged < 3)
            assert_int_equal(rows.seqs[0], seqs[3 - damaged]);
        char sql[100];
        (void)snprintf(sql, sizeof sql, "UPDATE message SET body = X'00' WHERE seq = %d",
                       (int)seqs[3 - damaged]);
        assert_int_equal(sqlite3_exec(store->db, sql, NULL, NULL, NULL), SQLITE_OK);
    }
    rows.count = 0;
    assert_ok(edit_read_newest(store, 77, fixture_collect, &rows));
    assert_int_equal(rows.count, 0);
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
        cmocka_unit_test_setup_teardown(test_texts_of_edits, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
