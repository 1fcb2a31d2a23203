/* SPDX-License-Identifier: MPL-2.0
 *
 * store/recent: whatever is stored, indexed and removed in between, a page is that of
 * message_read_conversation.
 */
#include "store/recent.h"

#include <stdio.h>
#include <stdlib.h>

#include "store_fixture.h"

#define CONVERSATIONS 7
#define STEPS         1500
#define BURST         40
#define SLICE         300

struct stage {
    struct fixture *fixture;
    struct store *reader;
    struct recent recent;
    uint64_t seed, last_seq;
};

static uint64_t any(struct stage *stage, uint64_t limit)
{
    return fixture_random(&stage->seed) % limit;
}

static void begin(struct stage *stage, void **state, uint64_t seed)
{
    *stage = (struct stage){.fixture = *state, .seed = seed};
    fixture_fill(stage->fixture);
    assert_ok(fixture_open_reader(stage->fixture, &stage->reader));
    recent_init(&stage->recent);
    stage->recent.tail_min = 3;
    stage->recent.jump_max = 100;
}

static void end(struct stage *stage)
{
    recent_fini(&stage->recent);
    assert_null(stage->recent.conversations);
    store_close(&stage->reader);
}

static void store_some(struct stage *stage, uint64_t count)
{
    assert_ok(store_begin(stage->fixture->store));
    for (uint64_t i = 0; i < count; i++) {
        struct message_row row = fixture_message(stage->fixture, stage->last_seq + 1, 8);
        row.conversation = 1 + (int64_t)any(stage, CONVERSATIONS);
        row.kind = (uint32_t)any(stage, 11); /* 7 to 9 only change others */
        assert_ok(message_append(stage->fixture->store, &row));
        stage->last_seq = row.seq;
    }
    assert_ok(store_commit(stage->fixture->store));
}

static void index_some(struct stage *stage, uint32_t count)
{
    uint64_t left = 0;
    assert_ok(store_begin(stage->fixture->store));
    assert_ok(message_index_slice(stage->fixture->store, count, &left));
    assert_ok(store_commit(stage->fixture->store));
}

static uint64_t remove_some(struct stage *stage, uint32_t count)
{
    uint64_t removed = 0;
    assert_ok(store_begin(stage->fixture->store));
    assert_ok(message_remove_slice(stage->fixture->store, INT64_MAX, INT64_MAX, count, &removed));
    assert_ok(store_commit(stage->fixture->store));
    return removed;
}

static void compare(struct stage *stage, const struct message_page *page)
{
    struct fixture_rows rows = {.count = 0}, wanted = {.count = 0};
    assert_ok(message_read_conversation(stage->reader, page, fixture_collect, &wanted));
    assert_ok(
        recent_read_conversation(&stage->recent, stage->reader, page, fixture_collect, &rows));
    assert_int_equal(rows.count, wanted.count);
    assert_memory_equal(rows.seqs, wanted.seqs, rows.count * sizeof(rows.seqs[0]));
    assert_int_equal(rows.damaged, wanted.damaged);
}

static void compare_any(struct stage *stage)
{
    struct message_page page = {
        .conversation = 1 + (int64_t)any(stage, CONVERSATIONS + 1), /* one has none */
        .limit = 1 + (uint32_t)any(stage, any(stage, 4) ? 20 : 700),
        .newest_first = any(stage, 8) != 0,
    };
    if (any(stage, 3) == 0)
        page.before_seq = 1 + any(stage, stage->last_seq + 3);
    if (any(stage, 3) == 0)
        page.after_seq = any(stage, stage->last_seq + 3);
    if (any(stage, 10) == 0)
        page.offset = (uint32_t)any(stage, 30);
    compare(stage, &page);
}

static void pages_are_the_same(void **state)
{
    struct stage stage;
    unsigned long long seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : 4711;
    begin(&stage, state, seed);
    print_message("replay with: SEED=%llu store_recent_test\n", seed);
    store_some(&stage, BURST);
    for (int i = 0; i < STEPS; i++) {
        uint64_t what = any(&stage, 100);
        if (what < 20)
            store_some(&stage, 1 + any(&stage, BURST));
        else if (what < 22)
            store_some(&stage, 150); /* more than it catches up with */
        else if (what < 26)
            index_some(&stage, 1 + (uint32_t)any(&stage, SLICE));
        else if (what < 28)
            (void)remove_some(&stage, 1 + (uint32_t)any(&stage, 50));
        compare_any(&stage);
    }
    end(&stage);
}

static void a_short_tail_costs_nothing(void **state)
{
    struct stage stage;
    const struct message_page page = {.conversation = 1, .limit = 10, .newest_first = true};
    begin(&stage, state, 2);
    store_some(&stage, 1000);
    compare(&stage, &page);
    assert_non_null(stage.recent.conversations);
    index_some(&stage, 998);
    compare(&stage, &page);
    assert_null(stage.recent.conversations);
    end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pages_are_the_same, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_short_tail_costs_nothing, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
