/* SPDX-License-Identifier: MPL-2.0
 *
 * Rows of the access list: one rule is one row, ids are never used again, and the version rises with every
 * change and with nothing else.
 */
#include "store/acl.h"

#include <stdio.h>

#include "store_fixture.h"

static int64_t version_of(struct fixture *fixture)
{
    int64_t version = -1;
    assert_ok(acl_version(fixture->store, &version));
    return version;
}

static int64_t put(struct fixture *fixture, const char *subject, const char *scope,
                   uint32_t actions, bool is_allow, bool is_new)
{
    struct acl_row row = {0, subject, scope, actions, is_allow, 7, "root"};
    int64_t id = 0;
    bool was_new;
    assert_ok(store_begin(fixture->store));
    assert_ok(acl_append(fixture->store, &row, &id, &was_new));
    assert_ok(store_commit(fixture->store));
    assert_true(was_new == is_new);
    return id;
}

struct seen {
    int64_t ids[8];
    size_t count;
    char last[64];
};

static enum err see(void *context, const struct acl_row *row)
{
    struct seen *seen = context;
    seen->ids[seen->count++] = row->id;
    (void)snprintf(seen->last, sizeof(seen->last), "%d %s %u %s %s %d", row->is_allow, row->subject,
                   row->actions, row->scope, row->creator, (int)row->created_ms);
    return ERR_OK;
}

static bool take_out(struct fixture *fixture, int64_t id)
{
    bool is_found = false;
    assert_ok(store_begin(fixture->store));
    assert_ok(acl_remove(fixture->store, id, &is_found));
    assert_ok(store_commit(fixture->store));
    return is_found;
}

static void test_rows(void **state)
{
    struct fixture *fixture = *state;
    int64_t before = version_of(fixture);
    int64_t one = put(fixture, "ana", "queue:a", 3, true, true);
    int64_t two = put(fixture, "ana", "queue:a", 3, false, true);
    assert_true(put(fixture, "ana", "queue:a", 3, true, false) == one);
    assert_true(version_of(fixture) == before + 2);
    uint64_t count = 0;
    assert_ok(acl_count(fixture->store, &count));
    assert_int_equal(count, 2);
    struct seen seen = {.count = 0};
    assert_ok(acl_list(fixture->store, 0, 10, see, &seen));
    assert_true(seen.count == 2 && seen.ids[0] == one && seen.ids[1] == two);
    seen.count = 0;
    assert_ok(acl_read(fixture->store, one, see, &seen));
    assert_string_equal(seen.last, "1 ana 3 queue:a root 7");
    seen.count = 0;
    assert_ok(acl_list(fixture->store, one, 10, see, &seen));
    assert_true(seen.count == 1 && seen.ids[0] == two);
}

static void test_removal(void **state)
{
    struct fixture *fixture = *state;
    int64_t one = put(fixture, "ana", "*", 1, true, true);
    int64_t before = version_of(fixture);
    assert_false(take_out(fixture, one + 5));
    assert_true(version_of(fixture) == before);
    assert_true(take_out(fixture, one));
    assert_true(version_of(fixture) == before + 1);
    assert_true(put(fixture, "ana", "*", 1, true, true) > one);
}

static void test_a_rollback_is_none(void **state)
{
    struct fixture *fixture = *state;
    struct acl_row row = {0, "ana", "*", 1, true, 7, "root"};
    int64_t id, before = version_of(fixture);
    bool is_new;
    assert_ok(store_begin(fixture->store));
    assert_ok(acl_append(fixture->store, &row, &id, &is_new));
    store_rollback(fixture->store);
    assert_true(version_of(fixture) == before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_removal, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_rollback_is_none, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
