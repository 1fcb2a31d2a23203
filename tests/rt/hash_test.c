/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/hash: against a model with many random steps, order of iteration, limits, long keys, and
 * collisions: a table with few slots is one in which keys collide.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rt/hash.h"

static void put_get_remove(void **state)
{
    struct hash hash;
    uint64_t value = 7;
    (void)state;
    hash_init(&hash, 100);
    assert_false(hash_get(&hash, "a", 1, &value));
    assert_int_equal(value, 7);
    assert_false(hash_remove(&hash, "a", 1, NULL));
    assert_int_equal(hash_put(&hash, "a", 1, 1), ERR_OK);
    assert_int_equal(hash_put(&hash, "", 0, 2), ERR_OK);
    assert_int_equal(hash_put(&hash, "a", 2, 3), ERR_OK); /* with its NUL: another key */
    assert_int_equal(hash_count(&hash), 3);
    assert_true(hash_get(&hash, "a", 1, &value) && value == 1);
    assert_true(hash_get(&hash, "", 0, &value) && value == 2);
    assert_true(hash_get(&hash, "a", 2, NULL));
    assert_int_equal(hash_put(&hash, "a", 1, 10), ERR_OK);
    assert_int_equal(hash_count(&hash), 3);
    assert_true(hash_remove(&hash, "a", 1, &value) && value == 10);
    assert_false(hash_get(&hash, "a", 1, NULL));
    hash_fini(&hash);
    assert_int_equal(hash_count(&hash), 0);
    assert_int_equal(hash_put(&hash, "b", 1, 1), ERR_OK); /* usable again */
    hash_fini(&hash);
}

static void limit_and_pointers(void **state)
{
    struct hash hash;
    int thing = 0;
    (void)state;
    hash_init(&hash, 2);
    assert_int_equal(hash_put_pointer(&hash, "a", 1, &thing), ERR_OK);
    assert_int_equal(hash_put(&hash, "b", 1, 0), ERR_OK);
    assert_int_equal(hash_put(&hash, "c", 1, 0), ERR_TOO_MANY);
    assert_int_equal(hash_put(&hash, "b", 1, 9), ERR_OK); /* replacing needs no room */
    assert_ptr_equal(hash_get_pointer(&hash, "a", 1), &thing);
    assert_null(hash_get_pointer(&hash, "x", 1));
    assert_ptr_equal(hash_remove_pointer(&hash, "a", 1), &thing);
    assert_null(hash_remove_pointer(&hash, "a", 1));
    assert_int_equal(hash_put(&hash, "c", 1, 0), ERR_OK);
    hash_fini(&hash);
}

static void long_keys(void **state)
{
    struct hash hash;
    char key[1000];
    (void)state;
    hash_init(&hash, 1000);
    memset(key, 'k', sizeof(key));
    for (size_t size = 1; size <= sizeof(key); size += 37)
        assert_int_equal(hash_put(&hash, key, size, size), ERR_OK);
    for (size_t size = 1; size <= sizeof(key); size += 37) {
        uint64_t value = 0;
        assert_true(hash_get(&hash, key, size, &value) && value == size);
    }
    hash_clear(&hash);
    assert_int_equal(hash_count(&hash), 0);
    assert_false(hash_get(&hash, key, 1, NULL));
    assert_int_equal(hash_put(&hash, key, sizeof(key), 5), ERR_OK);
    hash_fini(&hash);
}

/* Keys 0..MODEL-1 in a plain array as model. */
static void behaves_like_a_map(void **state)
{
    enum { MODEL = 3000, STEPS = 200000 };
    static uint64_t model[MODEL];
    struct u64map map;
    size_t count = 0;
    unsigned seed = 11;
    (void)state;
    u64map_init(&map, MODEL);
    for (unsigned step = 0; step < STEPS; step++) {
        uint64_t key = (uint64_t)rand_r(&seed) % (step % 1000 < 500 ? 50 : MODEL);
        uint64_t value = 0;
        if (rand_r(&seed) % 5 < 3) {
            count += model[key] == 0;
            model[key] = step + 1;
            assert_int_equal(u64map_put(&map, key, step + 1), ERR_OK);
        } else {
            assert_int_equal(u64map_remove(&map, key, &value), model[key] != 0);
            assert_int_equal(value, model[key]);
            count -= model[key] != 0;
            model[key] = 0;
        }
        assert_int_equal(u64map_count(&map), count);
    }
    struct u64map_cursor cursor = {0};
    size_t seen = 0;
    while (u64map_next(&map, &cursor)) {
        assert_int_equal(model[cursor.key], cursor.value);
        seen++;
    }
    assert_int_equal(seen, count);
    for (uint64_t key = 0; key < MODEL; key++)
        assert_int_equal(u64map_get(&map, key, NULL), model[key] != 0);
    u64map_fini(&map);
}

static void iterates_in_order_of_insertion(void **state)
{
    struct hash hash;
    char key[20];
    (void)state;
    hash_init(&hash, 10000);
    for (unsigned i = 0; i < 5000; i++) {
        size_t size = (size_t)snprintf(key, sizeof(key), "%u", i);
        assert_int_equal(hash_put(&hash, key, size, i), ERR_OK);
    }
    for (unsigned i = 0; i < 5000; i += 3) {
        size_t size = (size_t)snprintf(key, sizeof(key), "%u", i);
        assert_true(hash_remove(&hash, key, size, NULL));
    }
    for (unsigned i = 5000; i < 9000; i++) { /* makes it squeeze out the holes */
        size_t size = (size_t)snprintf(key, sizeof(key), "%u", i);
        assert_int_equal(hash_put(&hash, key, size, i), ERR_OK);
    }
    struct hash_cursor cursor = {0};
    uint64_t last = 0;
    size_t count = 0;
    while (hash_next(&hash, &cursor)) {
        assert_true(cursor.value > last);
        size_t size = (size_t)snprintf(key, sizeof(key), "%u", (unsigned)cursor.value);
        assert_int_equal(cursor.key_size, size);
        assert_memory_equal(cursor.key, key, size);
        last = cursor.value;
        count++;
    }
    assert_int_equal(count, hash_count(&hash));
    hash_fini(&hash);
}

static void removing_while_iterating_misses_nothing(void **state)
{
    struct u64map map;
    (void)state;
    u64map_init(&map, 1000);
    for (uint64_t key = 0; key < 1000; key++)
        assert_int_equal(u64map_put(&map, key, key), ERR_OK);
    struct u64map_cursor cursor = {0};
    size_t seen = 0;
    while (u64map_next(&map, &cursor)) {
        seen++;
        assert_true(u64map_remove(&map, cursor.key, NULL));
    }
    assert_int_equal(seen, 1000);
    assert_int_equal(u64map_count(&map), 0);
    u64map_fini(&map);
}

static void u64_pointers(void **state)
{
    struct u64map map;
    int thing = 0;
    (void)state;
    u64map_init(&map, 10);
    assert_int_equal(u64map_put_pointer(&map, UINT64_MAX, &thing), ERR_OK);
    assert_ptr_equal(u64map_get_pointer(&map, UINT64_MAX), &thing);
    assert_null(u64map_get_pointer(&map, 0));
    u64map_clear(&map);
    assert_null(u64map_remove_pointer(&map, UINT64_MAX));
    u64map_fini(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_get_remove),
        cmocka_unit_test(limit_and_pointers),
        cmocka_unit_test(long_keys),
        cmocka_unit_test(behaves_like_a_map),
        cmocka_unit_test(iterates_in_order_of_insertion),
        cmocka_unit_test(removing_while_iterating_misses_nothing),
        cmocka_unit_test(u64_pointers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
