/* SPDX-License-Identifier: MPL-2.0
 *
 * Tokens: found by hash, using one moves its end (unless that was chosen), ended ones are swept, an
 * account never has more than its number.
 */
#include "store/tokens.h"

#include <string.h>

#include "store_fixture.h"

static int64_t create(struct fixture *fixture, int peer, uint32_t number, const char *kind,
                      int64_t expires_ms)
{
    uint8_t hash[TOKEN_HASH_BYTES] = {0};
    int64_t id = 0;
    memcpy(hash, &number, sizeof number);
    struct token_new token = {.peer_id = fixture->peer_ids[peer],
                              .hash = hash,
                              .kind = kind,
                              .label = "label",
                              .now_ms = 100,
                              .expires_ms = expires_ms};
    assert_ok(store_begin(fixture->store));
    assert_ok(token_create(fixture->store, &token, &id));
    assert_ok(store_commit(fixture->store));
    return id;
}

static enum err find(struct fixture *fixture, uint32_t number, struct token_row *ret)
{
    uint8_t hash[TOKEN_HASH_BYTES] = {0};
    memcpy(hash, &number, sizeof number);
    return token_find(fixture->store, hash, ret);
}

struct list {
    int64_t ids[200];
    size_t count;
};

static enum err keep(void *context, const struct token_row *row)
{
    struct list *list = context;
    assert_string_equal(row->label, "label");
    assert_string_equal(row->address, "");
    list->ids[list->count++] = row->id;
    return ERR_OK;
}

static void test_find_and_use(void **state)
{
    struct fixture *fixture = *state;
    struct token_row row = {0};
    fixture_fill(fixture);
    int64_t id = create(fixture, 0, 1, "zmq", 1000);
    int64_t fixed = create(fixture, 0, 2, TOKEN_KIND_FIXED, 1000);
    assert_err(find(fixture, 3, &row), ERR_NO_SUCH_USER);
    assert_ok(find(fixture, 1, &row));
    assert_int_equal(row.id, id);
    assert_int_equal(row.peer_id, fixture->peer_ids[0]);
    assert_int_equal(row.used_ms, 100);
    assert_ok(store_begin(fixture->store));
    assert_ok(token_use(fixture->store, id, 500, 5000));
    assert_ok(token_use(fixture->store, fixed, 500, 5000));
    assert_ok(store_commit(fixture->store));
    assert_ok(token_read(fixture->store, id, &row));
    assert_true(row.used_ms == 500 && row.expires_ms == 5000);
    assert_ok(token_read(fixture->store, fixed, &row));
    assert_true(row.used_ms == 500 && row.expires_ms == 1000);
    assert_ok(store_begin(fixture->store));
    assert_ok(token_use(fixture->store, id, 600, 4000)); /* the clock was set back */
    assert_ok(store_commit(fixture->store));
    assert_ok(token_read(fixture->store, id, &row));
    assert_int_equal(row.expires_ms, 5000);
}

static void test_remove_and_sweep(void **state)
{
    struct fixture *fixture = *state;
    struct token_row row = {0};
    struct list list = {.count = 0};
    uint64_t count = 0;
    fixture_fill(fixture);
    int64_t first = create(fixture, 0, 1, "zmq", 1000);
    int64_t second = create(fixture, 0, 2, "zmq", 2000);
    (void)create(fixture, 1, 3, "zmq", 3000);
    assert_ok(store_begin(fixture->store));
    assert_ok(token_remove(fixture->store, fixture->peer_ids[1], first, &count));
    assert_int_equal(count, 0); /* not its own */
    assert_ok(token_remove(fixture->store, fixture->peer_ids[0], second, &count));
    assert_int_equal(count, 1);
    assert_ok(token_sweep(fixture->store, 999, 10, &count));
    assert_int_equal(count, 0);
    assert_ok(token_sweep(fixture->store, 1000, 10, &count));
    assert_int_equal(count, 1);
    assert_ok(store_commit(fixture->store));
    assert_err(find(fixture, 1, &row), ERR_NO_SUCH_USER);
    assert_ok(find(fixture, 3, &row));
    assert_ok(token_list(fixture->store, fixture->peer_ids[1], 0, 10, keep, &list));
    assert_int_equal(list.count, 1);
    assert_ok(store_begin(fixture->store));
    assert_ok(token_remove(fixture->store, fixture->peer_ids[1], 0, &count));
    assert_int_equal(count, 1);
    assert_ok(store_commit(fixture->store));
}

static void test_the_oldest_makes_room(void **state)
{
    struct fixture *fixture = *state;
    struct token_row row = {0};
    struct list list = {.count = 0};
    fixture_fill(fixture);
    int64_t other = create(fixture, 1, 5000, "zmq", 1000);
    for (uint32_t i = 1; i <= TOKENS_PER_ACCOUNT + 2; i++)
        (void)create(fixture, 0, i, "zmq", 1000);
    assert_ok(token_list(fixture->store, fixture->peer_ids[0], 0, 200, keep, &list));
    assert_int_equal(list.count, TOKENS_PER_ACCOUNT);
    assert_err(find(fixture, 1, &row), ERR_NO_SUCH_USER);
    assert_err(find(fixture, 2, &row), ERR_NO_SUCH_USER);
    assert_ok(find(fixture, 3, &row));
    assert_ok(token_read(fixture->store, other, &row));
    size_t all = list.count;
    list.count = 0;
    assert_ok(
        token_list(fixture->store, fixture->peer_ids[0], list.ids[all - 3], 200, keep, &list));
    assert_int_equal(list.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_find_and_use, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_remove_and_sweep, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_the_oldest_makes_room, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
