/* SPDX-License-Identifier: MPL-2.0
 *
 * Consumers: found again, refused twice, ids never given twice.
 */
#include "store/consumers.h"

#include <string.h>

#include "rt/check.h"
#include "store_fixture.h"

struct loaded {
    size_t count;
    int64_t last_id;
    uint64_t floor_seq;
};

static enum err note_consumer(void *context, const struct consumer_load_row *row)
{
    struct loaded *loaded = context;
    CHECK(row->consumer.id > loaded->last_id && row->scope.id == row->consumer.scope_id);
    CHECK(strcmp(row->scope.name, "alice") == 0 && row->scope.kind == SCOPE_PEER);
    loaded->count++;
    loaded->last_id = row->consumer.id;
    loaded->floor_seq = row->consumer.floor_seq;
    return ERR_OK;
}

static void test_consumers(void **state)
{
    struct fixture *fixture = *state;
    struct consumer_row row;
    int64_t main_id = 0, phone_id = 0, again_id = 0;
    struct loaded loaded = {.count = 0};
    struct consumer_counts counts;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    assert_ok(consumer_create(fixture->store, fixture->scope_id, "main", 3, 1, &main_id));
    assert_err(consumer_create(fixture->store, fixture->scope_id, "main", 3, 1, &again_id),
               ERR_DUPLICATE);
    assert_err(consumer_create(fixture->store, 999, "main", 3, 1, &again_id), ERR_INTERNAL);
    assert_ok(consumer_create(fixture->store, fixture->scope_id, "phone", 0, 1, &phone_id));
    assert_ok(consumer_set_floor(fixture->store, phone_id, 9));
    assert_err(consumer_set_floor(fixture->store, 999, 9), ERR_NO_SUCH_CONSUMER);
    assert_ok(store_commit(fixture->store));
    assert_ok(consumer_find(fixture->store, fixture->scope_id, "phone", &row));
    assert_int_equal(row.id, phone_id);
    assert_int_equal(row.floor_seq, 9);
    assert_err(consumer_find(fixture->store, fixture->scope_id, "tablet", &row),
               ERR_NO_SUCH_CONSUMER);
    assert_ok(consumer_load(fixture->store, 0, 10, note_consumer, &loaded));
    assert_int_equal(loaded.count, 2);
    assert_int_equal(loaded.floor_seq, 9);
    loaded = (struct loaded){.count = 0};
    assert_ok(consumer_load(fixture->store, main_id, 10, note_consumer, &loaded));
    assert_int_equal(loaded.count, 1);
    assert_err(consumer_count(fixture->store, 999, &counts), ERR_NO_SUCH_CONSUMER);
    /* An id is never given twice: late messages name it. */
    assert_ok(store_begin(fixture->store));
    assert_ok(consumer_remove(fixture->store, phone_id));
    assert_err(consumer_remove(fixture->store, phone_id), ERR_NO_SUCH_CONSUMER);
    assert_ok(consumer_create(fixture->store, fixture->scope_id, "phone", 0, 1, &again_id));
    assert_true(again_id > phone_id);
    assert_ok(store_commit(fixture->store));
}

static enum err note_name(void *context, const struct consumer_row *row)
{
    char *names = context;
    (void)strcat(strcat(names, row->name), " ");
    return row->floor_seq == 7 ? ERR_STOPPING : ERR_OK;
}

static void test_consumers_of_a_scope(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = 0, other = 0;
    char names[64] = "";
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    assert_ok(consumer_create(fixture->store, fixture->scope_id, "phone", 0, 1, &id));
    assert_ok(consumer_create(fixture->store, fixture->scope_id, "main", 0, 1, &id));
    assert_ok(consumer_create(fixture->store, fixture->scope_id, "watch", 7, 1, &id));
    assert_ok(scope_create(fixture->store, SCOPE_QUEUE, "q", "q", 0, 1, &other));
    assert_ok(consumer_create(fixture->store, other, "other", 0, 1, &id));
    assert_ok(store_commit(fixture->store));
    assert_ok(consumer_list(fixture->store, fixture->scope_id, "", 2, note_name, names));
    assert_string_equal(names, "main phone ");
    assert_err(consumer_list(fixture->store, fixture->scope_id, "phone", 9, note_name, names),
               ERR_STOPPING);
    assert_string_equal(names, "main phone watch ");
    assert_ok(consumer_list(fixture->store, 999, "", 9, note_name, names));
    assert_string_equal(names, "main phone watch ");
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_consumers),
        WITH_STORE(test_consumers_of_a_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
