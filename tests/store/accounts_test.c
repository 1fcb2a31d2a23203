/* SPDX-License-Identifier: MPL-2.0
 *
 * Accounts: one per peer, found by folded name, every setter changes its own column only.
 */
#include "store/accounts.h"

#include <stdio.h>
#include <string.h>

#include "store/store_internal.h"
#include "store_fixture.h"

struct copy {
    struct account_row row;
    char name[64], hash[64], reason[64];
    size_t count;
};

static enum err keep(void *context, const struct account_row *row)
{
    struct copy *copy = context;
    copy->row = *row;
    copy->count++;
    (void)snprintf(copy->name, sizeof copy->name, "%s", row->name);
    (void)snprintf(copy->hash, sizeof copy->hash, "%s", row->password_hash);
    (void)snprintf(copy->reason, sizeof copy->reason, "%s", row->ban_reason);
    return ERR_OK;
}

static struct copy read_account(struct fixture *fixture, int64_t id)
{
    struct copy copy = {.count = 0};
    assert_ok(account_read(fixture->store, id, keep, &copy));
    assert_int_equal(copy.count, 1);
    return copy;
}

static void create(struct fixture *fixture, int peer, enum account_role role)
{
    struct account_new account = {.peer_id = fixture->peer_ids[peer],
                                  .role = role,
                                  .created_ms = 5,
                                  .password_hash = "$argon2id$..."};
    assert_ok(store_begin(fixture->store));
    assert_ok(account_create(fixture->store, &account));
    assert_err(account_create(fixture->store, &account), ERR_NAME_TAKEN);
    assert_ok(store_commit(fixture->store));
}

static void test_create_and_find(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    struct copy copy = {.count = 0};
    assert_err(account_read(fixture->store, fixture->peer_ids[0], keep, &copy), ERR_NO_SUCH_USER);
    assert_err(account_find(fixture->store, "alice", keep, &copy), ERR_NO_SUCH_USER);
    create(fixture, 0, ACCOUNT_USER);
    assert_ok(account_find(fixture->store, "alice", keep, &copy));
    assert_string_equal(copy.name, "alice");
    assert_string_equal(copy.hash, "$argon2id$...");
    assert_int_equal(copy.row.peer_id, fixture->peer_ids[0]);
    assert_int_equal(copy.row.role, ACCOUNT_USER);
    assert_true(copy.row.is_active && copy.row.banned_until_ms == 0 && copy.row.login_ms == 0);
    assert_err(account_find(fixture->store, "Alice", keep, &copy), ERR_NO_SUCH_USER);
}

static void test_setters(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    create(fixture, 0, ACCOUNT_USER);
    create(fixture, 1, ACCOUNT_GUEST);
    int64_t id = fixture->peer_ids[0];
    assert_ok(store_begin(fixture->store));
    assert_ok(account_set_password(fixture->store, id, "new"));
    assert_ok(account_set_role(fixture->store, id, ACCOUNT_ADMIN));
    assert_ok(account_set_ban(fixture->store, id, 77, "spam"));
    assert_ok(account_set_active(fixture->store, id, false));
    assert_ok(account_set_login(fixture->store, id, 9));
    assert_ok(account_set_login(fixture->store, id, 8)); /* never back */
    assert_err(account_set_password(fixture->store, 999, "x"), ERR_NO_SUCH_USER);
    assert_err(account_set_role(fixture->store, 999, ACCOUNT_USER), ERR_NO_SUCH_USER);
    assert_err(account_set_ban(fixture->store, 999, 1, ""), ERR_NO_SUCH_USER);
    assert_err(account_set_active(fixture->store, 999, true), ERR_NO_SUCH_USER);
    assert_ok(store_commit(fixture->store));
    struct copy copy = read_account(fixture, id);
    assert_string_equal(copy.hash, "new");
    assert_string_equal(copy.reason, "spam");
    assert_int_equal(copy.row.role, ACCOUNT_ADMIN);
    assert_int_equal(copy.row.banned_until_ms, 77);
    assert_int_equal(copy.row.login_ms, 9);
    assert_false(copy.row.is_active);
    copy = read_account(fixture, fixture->peer_ids[1]);
    assert_true(copy.row.is_active && copy.row.role == ACCOUNT_GUEST);
    assert_string_equal(copy.reason, "");
}

static void test_list_by_name(void **state)
{
    struct fixture *fixture = *state;
    fixture_fill(fixture);
    create(fixture, 2, ACCOUNT_USER);
    create(fixture, 0, ACCOUNT_USER);
    struct copy copy = {.count = 0};
    assert_ok(account_list(fixture->store, "", 1, keep, &copy));
    assert_int_equal(copy.count, 1);
    assert_string_equal(copy.name, "alice");
    assert_ok(account_list(fixture->store, "alice", 10, keep, &copy));
    assert_int_equal(copy.count, 2); /* bob has none */
    assert_string_equal(copy.name, "carol");
}

static void test_password_of_a_room(void **state)
{
    struct fixture *fixture = *state;
    char hash[16];
    assert_err(account_room_password(fixture->store, "nowhere", hash, sizeof hash),
               ERR_NO_SUCH_SCOPE);
    assert_ok(account_room_password(fixture->store, "lobby", hash, sizeof hash));
    assert_string_equal(hash, "");
    assert_int_equal(sqlite3_exec(fixture->store->db,
                                  "UPDATE room SET password_hash = '0123456789abcde'", NULL, NULL,
                                  NULL),
                     SQLITE_OK);
    assert_ok(account_room_password(fixture->store, "lobby", hash, sizeof hash));
    assert_string_equal(hash, "0123456789abcde");
    assert_err(account_room_password(fixture->store, "lobby", hash, 15), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_create_and_find, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_setters, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_list_by_name, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_password_of_a_room, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
