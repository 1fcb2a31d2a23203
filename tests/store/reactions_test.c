/* SPDX-License-Identifier: MPL-2.0
 *
 * Reactions are counted once per peer, whatever is repeated.
 */
#include "store/reactions.h"

#include <stdio.h>
#include <string.h>

#include "store_fixture.h"

static struct reaction reaction_of(uint64_t seq, int64_t peer_id, const char *emoji)
{
    static int64_t now_ms = 1000;
    return (struct reaction){
        .seq = seq,
        .peer_id = peer_id,
        .at_ms = now_ms++,
        .emoji = {(const uint8_t *)emoji, strlen(emoji)},
    };
}

static bool give(struct fixture *fixture, uint64_t seq, int64_t peer_id, const char *emoji)
{
    bool is_new = false;
    struct reaction reaction = reaction_of(seq, peer_id, emoji);
    assert_ok(store_begin(fixture->store));
    assert_ok(reaction_add(fixture->store, &reaction, &is_new));
    assert_ok(store_commit(fixture->store));
    return is_new;
}

static bool take_back(struct fixture *fixture, uint64_t seq, int64_t peer_id, const char *emoji)
{
    bool was_there = false;
    struct reaction reaction = reaction_of(seq, peer_id, emoji);
    assert_ok(store_begin(fixture->store));
    assert_ok(reaction_remove(fixture->store, &reaction, &was_there));
    assert_ok(store_commit(fixture->store));
    return was_there;
}

static enum err write_down(void *context, const struct reaction_row *row)
{
    char *text = context;
    size_t size = strlen(text);
    (void)snprintf(text + size, 200 - size, "%.*s%u%s ", (int)row->emoji.size,
                   (const char *)row->emoji.data, (unsigned)row->count, row->is_mine ? "!" : "");
    return ERR_OK;
}

static void check_list(struct fixture *fixture, uint64_t seq, int64_t peer_id, const char *wanted)
{
    char text[200] = "";
    assert_ok(reaction_list(fixture->store, seq, peer_id, write_down, text));
    assert_string_equal(text, wanted);
}

static void test_reactions(void **state)
{
    struct fixture *fixture = *state;
    assert_true(give(fixture, 1, 10, "👍"));
    assert_false(give(fixture, 1, 10, "👍"));
    assert_true(give(fixture, 1, 11, "🎉"));
    assert_true(give(fixture, 1, 11, "👍"));
    assert_true(give(fixture, 2, 11, "👍"));
    check_list(fixture, 1, 10, "👍2! 🎉1 ");
    check_list(fixture, 1, 11, "👍2! 🎉1! ");
    check_list(fixture, 1, 12, "👍2 🎉1 ");
    assert_false(take_back(fixture, 1, 12, "👍"));
    assert_true(take_back(fixture, 1, 11, "👍"));
    assert_false(take_back(fixture, 1, 11, "👍"));
    check_list(fixture, 1, 11, "👍1 🎉1! ");
    assert_true(take_back(fixture, 1, 10, "👍"));
    check_list(fixture, 1, 10, "🎉1 ");
    check_list(fixture, 2, 10, "👍1 ");
    check_list(fixture, 3, 10, "");
}

static void test_a_message_has_a_maximum(void **state)
{
    struct fixture *fixture = *state;
    char emoji[16];
    bool is_new = false;
    for (int i = 0; i < REACTION_KINDS_MAX; i++) {
        (void)snprintf(emoji, sizeof emoji, "e%d", i);
        assert_true(give(fixture, 9, 1, emoji));
    }
    struct reaction reaction = reaction_of(9, 1, "more");
    assert_ok(store_begin(fixture->store));
    assert_err(reaction_add(fixture->store, &reaction, &is_new), ERR_TOO_MANY);
    store_rollback(fixture->store);
    assert_true(give(fixture, 9, 2, "e5")); /* one that is known */
    assert_true(take_back(fixture, 9, 1, "e0"));
    assert_true(give(fixture, 9, 1, "more"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reactions),
        cmocka_unit_test(test_a_message_has_a_maximum),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
