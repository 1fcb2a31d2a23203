/* SPDX-License-Identifier: MPL-2.0
 *
 * Scopes: one of each kind and name, found by either.
 */
#include "rt/check.h"
#include "store/consumers.h"
#include "store/conversation.h"
#include "store/messages.h"
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

static uint64_t append_to(struct fixture *fixture, int64_t scope_id)
{
    struct message_row row = fixture_message(fixture, 1, 10);
    row.scope_id = scope_id;
    row.conversation = conversation_of_scope(scope_id);
    assert_ok(message_append(fixture->store, &row));
    return row.seq;
}

static uint64_t below_first(struct fixture *fixture, enum scope_kind kind, int64_t id)
{
    uint64_t seq = 4711;
    assert_ok(scope_below_first(fixture->store, kind, id, &seq));
    return seq;
}

static void test_below_the_first_message(void **state)
{
    struct fixture *fixture = *state;
    int64_t queue = 0, mailbox = 0, empty = 0;
    uint64_t left = 0;
    assert_ok(store_begin(fixture->store));
    assert_ok(scope_create(fixture->store, SCOPE_QUEUE, "q", "q", 0, 1, &queue));
    assert_ok(scope_create(fixture->store, SCOPE_PEER, "p", "p", 7, 1, &mailbox));
    assert_ok(scope_create(fixture->store, SCOPE_QUEUE, "e", "e", 0, 1, &empty));
    for (int i = 0; i < 10; i++)
        (void)append_to(fixture, 4711);
    uint64_t to_queue = append_to(fixture, queue);
    uint64_t to_mailbox = append_to(fixture, mailbox);
    assert_int_equal(below_first(fixture, SCOPE_QUEUE, queue), 0); /* nothing is indexed */
    assert_ok(message_index_slice(fixture->store, 6, &left));
    assert_int_equal(below_first(fixture, SCOPE_QUEUE, queue), 6);
    assert_int_equal(below_first(fixture, SCOPE_PEER, mailbox), 6);
    assert_ok(message_index_slice(fixture->store, 100, &left));
    assert_int_equal(below_first(fixture, SCOPE_QUEUE, queue), to_queue - 1);
    assert_int_equal(below_first(fixture, SCOPE_PEER, mailbox), 0);
    assert_int_equal(below_first(fixture, SCOPE_QUEUE, empty), to_mailbox);
    assert_ok(store_commit(fixture->store));
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_scopes),
        WITH_STORE(test_below_the_first_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
