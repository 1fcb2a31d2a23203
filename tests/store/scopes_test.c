/* SPDX-License-Identifier: MPL-2.0
 *
 * Scopes: one of each kind and name, found by either.
 */
#include "rt/check.h"
#include "store/consumers.h"
#include "store_fixture.h"

static void test_scopes(void **state)
{
    struct fixture *fixture = *state;
    struct scope_row row;
    int64_t id = 0, second = 0;
    char name[8], tiny[2];
    assert_err(scope_find(fixture->store, SCOPE_ROOM, "general", &row), ERR_NO_SUCH_SCOPE);
    assert_ok(store_begin(fixture->store));
    assert_ok(scope_create(fixture->store, SCOPE_ROOM, "General", "general", 7, 1, &id));
    assert_err(scope_create(fixture->store, SCOPE_ROOM, "GENERAL", "general", 7, 1, &second),
               ERR_DUPLICATE);
    /* The refusal ends the statement, not the transaction. */
    assert_ok(scope_create(fixture->store, SCOPE_QUEUE, "general", "general", 0, 1, &second));
    assert_ok(store_commit(fixture->store));
    assert_ok(scope_find(fixture->store, SCOPE_ROOM, "general", &row));
    assert_int_equal(row.id, id);
    assert_int_equal(row.owner_id, 7);
    assert_ok(scope_find(fixture->store, SCOPE_QUEUE, "general", &row));
    assert_int_equal(row.id, second);
    assert_ok(scope_find_by_id(fixture->store, id, name, sizeof name, &row));
    assert_string_equal(row.name, "General");
    assert_int_equal(row.kind, SCOPE_ROOM);
    assert_err(scope_find_by_id(fixture->store, id, tiny, sizeof tiny, &row), ERR_TOO_LARGE);
    assert_err(scope_find_by_id(fixture->store, 999, name, sizeof name, &row), ERR_NO_SUCH_SCOPE);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_scopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
