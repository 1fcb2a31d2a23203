/* SPDX-License-Identifier: MPL-2.0
 *
 * The orders of a slice, against sorting by the whole key, for random and for awkward values.
 */
#include "store/slice.h"

#include <string.h>

#include "store/conversation.h"
#include "store_fixture.h"

#define ROWS 3000

static void fill(struct slice *slice, size_t rows, uint64_t *seed, uint64_t spread)
{
    slice_reset(slice, rows);
    for (size_t i = 0; i < rows; i++) {
        int64_t one = (int64_t)(fixture_random(seed) % spread);
        int64_t other = (int64_t)(fixture_random(seed) % spread);
        bool is_of_scope = fixture_random(seed) % 3 == 0;
        struct slice_row *row = &slice->rows[slice->count++];
        *row = (struct slice_row){.seq = 1 + 2 * (int64_t)i,
                                  .conversation = is_of_scope ? conversation_of_scope(other)
                                                              : conversation_of_peers(one, other),
                                  .peer_id = one,
                                  .stored_ms = (int64_t)(fixture_random(seed) % 1000),
                                  .scope_id = other};
        for (size_t j = 0; j < sizeof row->message_id; j++)
            row->message_id[j] = (uint8_t)(fixture_random(seed) % (j < 14 ? 2 : 256));
        if (fixture_random(seed) % 4 == 0)
            memset(row->message_id, 0xff, sizeof row->message_id);
    }
}

typedef int compare(const struct slice_row *a, const struct slice_row *b);

static int compare_ints(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_id(const struct slice_row *a, const struct slice_row *b)
{
    int order = memcmp(a->message_id, b->message_id, sizeof a->message_id);
    return order ? order : compare_ints(a->seq, b->seq);
}

static int by_conversation(const struct slice_row *a, const struct slice_row *b)
{
    int order = compare_ints(a->conversation, b->conversation);
    return order ? order : compare_ints(a->seq, b->seq);
}

static int by_scope(const struct slice_row *a, const struct slice_row *b)
{
    return compare_ints(a->scope_id, b->scope_id);
}

static int by_peer(const struct slice_row *a, const struct slice_row *b)
{
    int order = compare_ints(a->peer_id, b->peer_id);
    return order ? order : compare_ints(a->conversation, b->conversation);
}

static void check_rises(const struct slice *slice, compare *order)
{
    for (size_t i = 1; i < slice->view_count; i++)
        assert_true(order(slice->view[i - 1].row, slice->view[i].row) < 0);
}

/* What the row of this peer and conversation has to be; seq 0: there is none. */
static struct slice_row wanted_of(const struct slice *slice, int64_t peer_id, int64_t conversation)
{
    struct slice_row wanted = {.seq = 0};
    for (size_t i = 0; i < slice->count; i++) {
        const struct slice_row *row = &slice->rows[i];
        bool is_theirs = conversation < 0 ? row->peer_id == peer_id
                                          : conversation >> 31 == peer_id ||
                                                (conversation & 0x7fffffff) == peer_id;
        if (row->conversation != conversation || !is_theirs)
            continue;
        wanted.seq = row->seq;
        if (row->stored_ms > wanted.stored_ms)
            wanted.stored_ms = row->stored_ms;
    }
    return wanted;
}

static size_t count_peers(const struct slice *slice, int64_t peer_id, int64_t conversation)
{
    size_t count = 0;
    for (size_t i = 0; i < slice->view_count; i++)
        count += slice->view[i].row->peer_id == peer_id &&
                 slice->view[i].row->conversation == conversation;
    return count;
}

static void check_peers(const struct slice *slice)
{
    check_rises(slice, by_peer);
    for (size_t i = 0; i < slice->view_count; i++) {
        const struct slice_row *row = slice->view[i].row;
        struct slice_row wanted = wanted_of(slice, row->peer_id, row->conversation);
        assert_true(row->peer_id > 0 && row->conversation != 0);
        assert_int_equal(row->seq, wanted.seq);
        assert_int_equal(row->stored_ms, wanted.stored_ms);
    }
    for (size_t i = 0; i < slice->count; i++) {
        const struct slice_row *row = &slice->rows[i];
        int64_t key = row->conversation;
        int64_t one = key < 0 ? row->peer_id : key >> 31;
        int64_t other = key < 0 ? row->peer_id : key & 0x7fffffff;
        assert_int_equal(count_peers(slice, one, key), one > 0 && key != 0);
        assert_int_equal(count_peers(slice, other, key), other > 0 && key != 0);
    }
}

static void check_orders(struct slice *slice)
{
    slice_by_id(slice);
    assert_int_equal(slice->view_count, slice->count);
    check_rises(slice, by_id);
    slice_by_conversation(slice);
    assert_int_equal(slice->view_count, slice->count);
    check_rises(slice, by_conversation);
    slice_by_peer(slice);
    check_peers(slice);
    slice_by_scope(slice);
    check_rises(slice, by_scope);
    for (size_t i = 0; i < slice->count; i++) {
        bool is_seen = false;
        for (size_t j = 0; j < slice->view_count && !is_seen; j++)
            is_seen = slice->view[j].row->scope_id == slice->rows[i].scope_id &&
                      slice->view[j].row->seq >= slice->rows[i].seq;
        assert_true(is_seen);
    }
}

static void test_every_order(void **state)
{
    (void)state;
    static const uint64_t spreads[] = {1, 2, 7, 50, 1000, 0x7fffffff};
    static const size_t rows[] = {0, 1, 2, 100, ROWS};
    struct slice slice = {.capacity = 0};
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof spreads / sizeof *spreads; i++) {
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++) {
            fill(&slice, rows[j], &seed, spreads[i]);
            check_orders(&slice);
        }
    }
    slice_fini(&slice);
}

/* Any 64 bits may stand in a damaged row. */
static void test_the_ends_of_the_range(void **state)
{
    (void)state;
    static const int64_t values[] = {INT64_MAX, -1, 0, INT64_MIN, 1, 0x7fffffff, -0x7fffffff};
    struct slice slice = {.capacity = 0};
    slice_reset(&slice, 49);
    for (size_t i = 0; i < 49; i++)
        slice.rows[slice.count++] = (struct slice_row){.seq = 1 + (int64_t)i,
                                                       .conversation = values[i / 7],
                                                       .peer_id = values[i % 7],
                                                       .scope_id = values[i % 7]};
    slice_by_conversation(&slice);
    check_rises(&slice, by_conversation);
    slice_by_peer(&slice);
    check_rises(&slice, by_peer);
    slice_by_scope(&slice);
    assert_int_equal(slice.view_count, 7);
    check_rises(&slice, by_scope);
    slice_fini(&slice);
}

static void test_room_grows_and_goes_again(void **state)
{
    (void)state;
    struct slice slice = {.capacity = 0};
    slice_reset(&slice, 1);
    assert_int_equal(slice.capacity, SLICE_ROWS_KEPT);
    slice_reset(&slice, SLICE_ROWS_KEPT + 1);
    assert_int_equal(slice.capacity, 2 * SLICE_ROWS_KEPT);
    slice_reset(&slice, SLICE_ROWS_MAX);
    assert_int_equal(slice.capacity, SLICE_ROWS_MAX);
    slice_reset(&slice, SLICE_ROWS_KEPT + 1);
    assert_int_equal(slice.capacity, SLICE_ROWS_MAX);
    slice_reset(&slice, SLICE_ROWS_KEPT);
    assert_int_equal(slice.capacity, SLICE_ROWS_KEPT);
    slice_fini(&slice);
    slice_fini(&slice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order),
        cmocka_unit_test(test_the_ends_of_the_range),
        cmocka_unit_test(test_room_grows_and_goes_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
