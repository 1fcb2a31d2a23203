/* SPDX-License-Identifier: MPL-2.0
 *
 * Rows out of a store and into an empty one: what is refused is refused alone, seqs stay what they
 * were, positions never lie beyond the log, and how far an import came is remembered. The whole way
 * through files is tests/system/test_cli_export.py.
 */
#include "store/transfer.h"

#include <stdio.h>
#include <string.h>

#include "rt/check.h"
#include "store/acl.h"
#include "store/peers.h"
#include "store/store_internal.h"
#include "store/verify.h"
#include "store_fixture.h"

static struct transfer_value number(int64_t value)
{
    return (struct transfer_value){.is = TRANSFER_IS_INT, .number = value};
}

static struct transfer_value text(const char *value)
{
    return (struct transfer_value){.is = TRANSFER_IS_TEXT, .data = value, .size = strlen(value)};
}

static struct transfer_value bytes(const void *value, size_t size)
{
    return (struct transfer_value){.is = TRANSFER_IS_BYTES, .data = value, .size = size};
}

static bool writes(struct fixture *fixture, enum transfer_record record,
                   const struct transfer_value *parameters, size_t count)
{
    bool is_row = false;
    enum err err = transfer_write(fixture->store, record, parameters, count, &is_row);
    assert_true(err == ERR_OK || is_row);
    return err == ERR_OK;
}

static bool write_scope(struct fixture *fixture, int64_t kind, const char *name, const char *owner)
{
    const struct transfer_value parameters[] = {number(kind), text(name), text(name), text(owner),
                                                number(5)};
    return writes(fixture, TRANSFER_scope, parameters, 5);
}

static bool write_message(struct fixture *fixture, int64_t seq, const char *scope,
                          const char *sender)
{
    uint8_t id[16] = {(uint8_t)seq, (uint8_t)(seq >> 8), 1};
    const struct transfer_value null = {.is = TRANSFER_IS_NULL};
    const struct transfer_value parameters[20] = {
        number(seq), bytes(id, 16), number(1), text(scope), text(sender),
        null,        number(0),     number(0), number(0),   number(10),
        number(11),  number(1000),  number(0), null,        null,
        null,        null,          null,      null,        bytes("body", 4)};
    return writes(fixture, TRANSFER_message, parameters, 20);
}

static uint64_t findings(const struct fixture *fixture)
{
    struct store *reader = NULL;
    struct verify_options options = {.on_finding = NULL};
    uint64_t count = 0;
    assert_ok(fixture_open_reader(fixture, &reader));
    assert_ok(verify_run(reader, &options, &count));
    store_close(&reader);
    return count;
}

static void test_what_does_not_fit_is_refused_alone(void **state)
{
    struct fixture *fixture = *state;
    int64_t alice = 0;
    assert_ok(store_begin(fixture->store));
    assert_ok(peer_create(fixture->store, "alice", "alice", 1, &alice));
    assert_true(write_scope(fixture, 1, "alice", "alice"));
    assert_false(write_scope(fixture, 1, "alice", "alice"));
    assert_true(write_scope(fixture, 2, "lobby", "")); /* every store is born with it */
    assert_false(write_scope(fixture, 9, "other", ""));
    assert_false(write_scope(fixture, 1, "bob", "bob")); /* nobody made bob */
    assert_false(write_message(fixture, 5, "bob", "alice"));
    assert_false(write_message(fixture, 5, "alice", "bob"));
    assert_false(write_message(fixture, 0, "alice", "alice"));
    assert_true(write_message(fixture, 5, "alice", "alice"));
    assert_false(write_message(fixture, 5, "alice", "alice"));
    assert_false(write_message(fixture, 4, "alice", "alice"));
    const struct transfer_value address[] = {text("alice"), text("tcp://x"), text("zmq"),
                                             text("late"), text("")};
    assert_false(writes(fixture, TRANSFER_address, address, 5)); /* a text is no time */
    assert_ok(transfer_finish(fixture->store, 77));
    assert_ok(store_commit(fixture->store));
    assert_int_equal(findings(fixture), 0);
    /* An id of a peer that was removed where it came from is not given again. */
    assert_ok(store_begin(fixture->store));
    assert_ok(peer_create(fixture->store, "new", "new", 1, &alice));
    assert_ok(store_commit(fixture->store));
    assert_int_equal(alice, 78);
}

static void test_seqs_stay_what_they_were(void **state)
{
    struct fixture *fixture = *state;
    int64_t alice = 0;
    struct store_stats stats;
    assert_ok(store_begin(fixture->store));
    assert_ok(peer_create(fixture->store, "alice", "alice", 1, &alice));
    assert_true(write_scope(fixture, 1, "alice", "alice"));
    assert_true(write_message(fixture, 4000000000, "alice", "alice"));
    assert_true(write_message(fixture, 4000000007, "alice", "alice"));
    /* Positions end with the log; what is beyond it has no message. */
    const struct transfer_value consumer[] = {number(1), text("alice"), text("main"),
                                              number(5000000000), number(1)};
    assert_true(writes(fixture, TRANSFER_consumer, consumer, 5));
    const struct transfer_value exception[] = {
        number(1), text("alice"), text("main"), number(5000000000), number(5000000000), number(1),
        number(0), number(0),     number(0),    text(""),           number(0)};
    assert_false(writes(fixture, TRANSFER_exception, exception, 11));
    assert_ok(transfer_finish(fixture->store, 1));
    assert_ok(store_commit(fixture->store));
    store_stats(fixture->store, &stats);
    assert_int_equal(stats.last_seq, 4000000007);
    assert_int_equal(stats.indexed_seq, 4000000007);
    assert_int_equal(findings(fixture), 0);
}

static bool write_rule(struct fixture *fixture, int64_t id, int64_t actions)
{
    const struct transfer_value rule[] = {number(id),      text("@guest"), text("queue:*"),
                                          number(actions), number(0),      number(5),
                                          text("root")};
    return writes(fixture, TRANSFER_acl, rule, 7);
}

static void test_rules_of_the_access_list(void **state)
{
    struct fixture *fixture = *state;
    uint64_t count = 0;
    bool is_empty = true;
    assert_ok(store_begin(fixture->store));
    assert_true(write_rule(fixture, 7, 3));
    assert_false(write_rule(fixture, 7, 3)); /* there is one */
    assert_false(write_rule(fixture, 8, 16));
    assert_true(write_rule(fixture, 0, 3)); /* written by hand: it gets an id */
    assert_ok(transfer_is_empty(fixture->store, &is_empty));
    assert_false(is_empty);
    for (int64_t id = 9; id < 1007; id++)
        assert_true(write_rule(fixture, id, 1));
    assert_false(write_rule(fixture, 1007, 1)); /* no broker reads more than a thousand */
    assert_ok(acl_count(fixture->store, &count));
    assert_int_equal(count, 1000);
    assert_ok(store_commit(fixture->store));
}

static void test_how_far_it_came(void **state)
{
    struct fixture *fixture = *state;
    uint64_t line = 1;
    bool is_empty = false;
    assert_ok(transfer_is_empty(fixture->store, &is_empty));
    assert_true(is_empty);
    assert_ok(transfer_line(fixture->store, "one", &line));
    assert_int_equal(line, 0);
    assert_ok(store_begin(fixture->store));
    assert_ok(transfer_set_line(fixture->store, "one", 10));
    assert_ok(transfer_set_line(fixture->store, "one", 20));
    assert_ok(transfer_set_line(fixture->store, "other", 3));
    assert_ok(store_commit(fixture->store));
    assert_ok(transfer_line(fixture->store, "one", &line));
    assert_int_equal(line, 20);
    fixture_fill(fixture);
    assert_ok(transfer_is_empty(fixture->store, &is_empty));
    assert_false(is_empty);
}

struct seen {
    size_t rows, damaged;
    char last_scope[64];
};

static enum err see(void *context, enum transfer_record record, const struct transfer_value *values)
{
    struct seen *seen = context;
    size_t count;
    const struct transfer_field *fields = transfer_fields(record, &count);
    CHECK(count > 0 && fields[0].record == record);
    seen->rows++;
    if (record != TRANSFER_message)
        return ERR_OK;
    seen->damaged += values[1].is == TRANSFER_IS_NULL;
    if (values[2].is == TRANSFER_IS_TEXT)
        (void)snprintf(seen->last_scope, sizeof seen->last_scope, "%.*s", (int)values[2].size,
                       values[2].data);
    return ERR_OK;
}

static void test_reading(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    struct transfer_size size;
    struct seen seen = {.rows = 0};
    fixture_fill(fixture);
    for (uint64_t n = 1; n <= 3; n++)
        (void)fixture_append(fixture, n, 100);
    assert_int_equal(
        sqlite3_exec(fixture->store->db, "UPDATE message SET body = x'00' WHERE seq = 2", 0, 0, 0),
        SQLITE_OK);
    assert_ok(fixture_open_reader(fixture, &reader));
    assert_ok(transfer_measure(reader, &size));
    assert_int_equal(size.last_seq, 3);
    assert_int_equal(size.last_peer_id, 3);
    for (int record = 0; record < TRANSFER_RECORD_COUNT; record++)
        assert_ok(transfer_read(reader, (enum transfer_record)record, see, &seen));
    assert_int_equal(seen.rows, size.rows);
    assert_int_equal(seen.damaged, 1);
    assert_string_equal(seen.last_scope, "peer:alice");
    store_close(&reader);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_what_does_not_fit_is_refused_alone),
        WITH_STORE(test_seqs_stay_what_they_were),
        WITH_STORE(test_rules_of_the_access_list),
        WITH_STORE(test_how_far_it_came),
        WITH_STORE(test_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
