/* SPDX-License-Identifier: MPL-2.0
 *
 * Device keys: one account for ever, revoked for ever, a bounded number; and codes, good once, for one
 * name, for a while.
 */
#include "store/device_keys.h"

#include <stdio.h>
#include <string.h>

#include "store_fixture.h"

static char *key_of(unsigned number, char ret[DEVICE_KEY_TEXT + 1])
{
    (void)snprintf(ret, DEVICE_KEY_TEXT + 1, "%040u", number);
    return ret;
}

static enum err create(struct fixture *fixture, int peer, unsigned number, int64_t *ret_id)
{
    char key[DEVICE_KEY_TEXT + 1];
    struct device_key_new row = {.key = key_of(number, key),
                                 .peer_id = fixture->peer_ids[peer],
                                 .now_ms = 100,
                                 .label = "label"};
    assert_ok(store_begin(fixture->store));
    enum err err = device_key_create(fixture->store, &row, ret_id);
    assert_ok(store_commit(fixture->store));
    return err;
}

struct list {
    struct device_key_row rows[300];
    size_t count;
};

static enum err keep(void *context, const struct device_key_row *row)
{
    struct list *list = context;
    assert_string_equal(row->label, "label");
    assert_int_equal(strlen(row->key), DEVICE_KEY_TEXT);
    list->rows[list->count++] = *row;
    return ERR_OK;
}

static void test_a_key_is_of_one_account_for_ever(void **state)
{
    struct fixture *fixture = *state;
    struct list list = {.count = 0};
    char key[DEVICE_KEY_TEXT + 1];
    int64_t id = 0, other = 0;
    fixture_fill(fixture);
    assert_ok(create(fixture, 0, 1, &id));
    assert_err(create(fixture, 0, 1, &other), ERR_KEY_TAKEN);
    assert_err(create(fixture, 1, 1, &other), ERR_KEY_TAKEN);
    assert_ok(store_begin(fixture->store));
    assert_ok(device_key_use(fixture->store, id, 150));
    assert_ok(device_key_revoke(fixture->store, id, 200));
    assert_ok(device_key_revoke(fixture->store, id, 300)); /* it is already */
    assert_ok(store_commit(fixture->store));
    assert_err(create(fixture, 0, 1, &other), ERR_KEY_TAKEN);
    assert_ok(device_key_find(fixture->store, key_of(1, key), keep, &list));
    assert_ok(device_key_read(fixture->store, id, keep, &list));
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.rows[i].id, id);
        assert_int_equal(list.rows[i].peer_id, fixture->peer_ids[0]);
        assert_int_equal(list.rows[i].used_ms, 150);
        assert_int_equal(list.rows[i].revoked_ms, 200);
    }
    assert_int_equal(list.count, 2);
    assert_err(device_key_find(fixture->store, key_of(9, key), NULL, NULL), ERR_NO_SUCH_KEY);
    assert_err(device_key_read(fixture->store, id + 1, NULL, NULL), ERR_NO_SUCH_KEY);
}

static void test_lists_and_the_most_there_may_be(void **state)
{
    struct fixture *fixture = *state;
    struct list list = {.count = 0};
    int64_t id = 0, first = 0;
    fixture_fill(fixture);
    assert_ok(create(fixture, 1, 1000, &first));
    for (unsigned i = 0; i < DEVICE_KEYS_PER_ACCOUNT; i++)
        assert_ok(create(fixture, 0, i, &id));
    assert_err(create(fixture, 0, 500, &id), ERR_TOO_MANY);
    assert_ok(store_begin(fixture->store));
    assert_ok(device_key_revoke(fixture->store, id, 200));
    assert_ok(store_commit(fixture->store));
    assert_ok(create(fixture, 0, 500, &id)); /* revoked ones do not count */
    assert_ok(device_key_list(fixture->store, fixture->peer_ids[1], 0, 10, keep, &list));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.rows[0].id, first);
    list.count = 0;
    assert_ok(device_key_list(fixture->store, 0, 0, 300, keep, &list));
    assert_int_equal(list.count, DEVICE_KEYS_PER_ACCOUNT + 2);
    list.count = 0;
    assert_ok(device_key_list(fixture->store, 0, id - 1, 300, keep, &list));
    assert_int_equal(list.count, 1);
}

static void make_code(struct fixture *fixture, uint8_t number, int64_t expires_ms)
{
    uint8_t hash[KEY_CODE_HASH_BYTES] = {number};
    struct key_code_new code = {.hash = hash,
                                .folded = "ana",
                                .label = "a long label",
                                .now_ms = 100,
                                .expires_ms = expires_ms};
    assert_ok(store_begin(fixture->store));
    assert_ok(key_code_create(fixture->store, &code));
    assert_ok(store_commit(fixture->store));
}

static enum err take(struct fixture *fixture, uint8_t number, const char *folded, int64_t now_ms)
{
    uint8_t hash[KEY_CODE_HASH_BYTES] = {number};
    char label[7];
    assert_ok(store_begin(fixture->store));
    enum err err = key_code_take(fixture->store, hash, folded, now_ms, label, sizeof(label));
    assert_ok(store_commit(fixture->store));
    if (!err)
        assert_string_equal(label, "a long");
    return err;
}

static void test_a_code_is_good_once(void **state)
{
    struct fixture *fixture = *state;
    int64_t last_ms = -1;
    fixture_fill(fixture);
    assert_ok(key_code_last(fixture->store, &last_ms));
    assert_int_equal(last_ms, 0);
    make_code(fixture, 1, 1000);
    make_code(fixture, 2, 2000);
    assert_ok(key_code_last(fixture->store, &last_ms));
    assert_int_equal(last_ms, 2000);
    assert_err(take(fixture, 3, "ana", 500), ERR_BAD_CODE);
    assert_err(take(fixture, 1, "bob", 500), ERR_BAD_CODE);
    assert_err(take(fixture, 1, "ana", 1000), ERR_BAD_CODE);
    assert_ok(take(fixture, 1, "ana", 999)); /* the failures did not use it up */
    assert_err(take(fixture, 1, "ana", 999), ERR_BAD_CODE);
    assert_ok(take(fixture, 2, "ana", 999));
}

static void test_codes_are_removed_and_swept(void **state)
{
    struct fixture *fixture = *state;
    uint64_t count = 0;
    fixture_fill(fixture);
    for (uint8_t i = 0; i < 10; i++)
        make_code(fixture, i, 1000 + i);
    assert_ok(store_begin(fixture->store));
    assert_ok(key_code_sweep(fixture->store, 1004, 3, &count));
    assert_int_equal(count, 3);
    assert_ok(key_code_sweep(fixture->store, 1004, 100, &count));
    assert_int_equal(count, 2);
    assert_ok(key_code_remove(fixture->store, "bob", &count));
    assert_int_equal(count, 0);
    assert_ok(key_code_remove(fixture->store, "ana", &count));
    assert_int_equal(count, 5);
    assert_ok(store_commit(fixture->store));
}

int main(void)
{
#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_a_key_is_of_one_account_for_ever),
        FIXTURE_TEST(test_lists_and_the_most_there_may_be),
        FIXTURE_TEST(test_a_code_is_good_once),
        FIXTURE_TEST(test_codes_are_removed_and_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
