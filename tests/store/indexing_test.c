/* SPDX-License-Identifier: MPL-2.0
 *
 * The deferred tables against what SQL says of the log itself, after slices of random sizes, done
 * at once and in steps, over messages of every kind of conversation.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"
#include "store/conversation.h"
#include "store/messages.h"
#include "store/store_internal.h"
#include "store_fixture.h"

#define ROWS 3000

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Direct conversations in both directions, with oneself, of scopes, and from the broker. */
static struct message_row random_message(const struct fixture *fixture, uint32_t *random)
{
    size_t from = next_random(random) % 3, to = next_random(random) % 3;
    struct message_row row = fixture_message(fixture, from, 10);
    row.scope_id = 1 + (int64_t)(next_random(random) % 5);
    row.stored_ms = 1000 + (int64_t)(next_random(random) % 500); /* not rising */
    row.kind = next_random(random) % 10; /* 7 to 9: changes of other messages */
    for (size_t i = 0; i < sizeof(row.message_id); i++)
        row.message_id[i] = (uint8_t)next_random(random);
    switch (next_random(random) % 4) {
    case 0:
        row.conversation = conversation_of_scope(row.scope_id);
        break;
    case 1:
        row.sender_id = 0;
        row.conversation = conversation_of_peers(0, fixture->peer_ids[to]);
        break;
    default:
        row.conversation = conversation_of_peers(row.sender_id, fixture->peer_ids[to]);
    }
    return row;
}

static void append_random(struct fixture *fixture, uint32_t *random, int count)
{
    assert_ok(store_begin(fixture->store));
    for (int i = 0; i < count; i++) {
        struct message_row row = random_message(fixture, random);
        assert_ok(message_append(fixture->store, &row));
    }
    assert_ok(store_commit(fixture->store));
}

/* The query has no row: nothing is missing and nothing is too much. */
static void assert_empty(struct fixture *fixture, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(fixture->store->db, sql, -1, &stmt, NULL), SQLITE_OK);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        fail_msg("%s: %s", sql, (const char *)sqlite3_column_text(stmt, 0));
    (void)sqlite3_finalize(stmt);
}

static void assert_same(struct fixture *fixture, const char *one, const char *other)
{
    char sql[2048];
    (void)snprintf(sql, sizeof(sql), "%s EXCEPT %s", one, other);
    assert_empty(fixture, sql);
    (void)snprintf(sql, sizeof(sql), "%s EXCEPT %s", other, one);
    assert_empty(fixture, sql);
}

static void check_tables(struct fixture *fixture)
{
#define SEEN "seq <= (SELECT value FROM progress WHERE name = 'indexed_seq')"
    assert_same(fixture, "SELECT hex(message_id) || seq FROM message_id",
                "SELECT hex(message_id) || seq FROM message WHERE " SEEN);
    assert_same(fixture,
                "SELECT conversation || ' ' || seq || ' ' || sender_id || ' ' || kind || ' ' ||"
                " stored_ms FROM message_conversation",
                "SELECT conversation || ' ' || seq || ' ' || sender_id || ' ' || kind || ' ' ||"
                " stored_ms FROM message WHERE " SEEN);
    assert_same(fixture, "SELECT id || ' ' || last_seq FROM scope WHERE last_seq > 0",
                "SELECT scope_id || ' ' || max(seq) FROM message WHERE " SEEN
                " AND scope_id IN (SELECT id FROM scope) GROUP BY scope_id");
    assert_same(fixture,
                "SELECT peer_id || ' ' || conversation || ' ' || last_seq FROM peer_conversation",
                "SELECT peer || ' ' || conversation || ' ' || max(seq) FROM ("
                "SELECT CASE WHEN conversation < 0 THEN sender_id ELSE conversation >> 31 END AS"
                " peer, conversation, seq FROM message WHERE kind NOT BETWEEN 7 AND 9 AND " SEEN
                " UNION ALL SELECT"
                " conversation & 2147483647, conversation, seq FROM message WHERE " SEEN
                " AND kind NOT BETWEEN 7 AND 9 AND conversation > 0) WHERE peer > 0 GROUP BY peer, "
                "conversation");
#undef SEEN
}

static void random_slices(void **state)
{
    struct fixture *fixture = *state;
    uint32_t random = 4711;
    uint64_t left = 0;
    fixture_fill(fixture);
    for (int round = 0; round < 20; round++) {
        append_random(fixture, &random, ROWS / 20);
        assert_ok(store_begin(fixture->store));
        assert_ok(message_index_slice(fixture->store, 1 + next_random(&random) % 250, &left));
        assert_ok(store_commit(fixture->store));
        check_tables(fixture);
    }
    assert_true(left > 0); /* so that a part is always not indexed */
}

/* A slice that is not done: what progress covers is there, and what is there is in the log. */
static void check_ahead(struct fixture *fixture)
{
#define SEEN "seq <= (SELECT value FROM progress WHERE name = 'indexed_seq')"
#define CONVERSATION                                                                               \
    "SELECT conversation || ' ' || seq || ' ' || sender_id || ' ' || kind || ' ' || stored_ms"
    assert_empty(fixture, "SELECT hex(message_id) || seq FROM message WHERE " SEEN
                          " EXCEPT SELECT hex(message_id) || seq FROM message_id");
    assert_empty(fixture, "SELECT hex(message_id) || seq FROM message_id"
                          " EXCEPT SELECT hex(message_id) || seq FROM message");
    assert_empty(fixture, CONVERSATION " FROM message WHERE " SEEN " EXCEPT " CONVERSATION
                                       " FROM message_conversation");
    assert_empty(fixture, CONVERSATION " FROM message_conversation"
                                       " EXCEPT " CONVERSATION " FROM message");
#undef CONVERSATION
#undef SEEN
}

/* Slices in steps of any size over many transactions, some of which are rolled back. */
static void random_steps(void **state)
{
    struct fixture *fixture = *state;
    uint32_t random = 815;
    uint64_t left = 0, ahead = 0;
    fixture_fill(fixture);
    for (int round = 0; round < 300; round++) {
        assert_ok(store_begin(fixture->store));
        uint32_t rows = 1 + next_random(&random) % 250, work = next_random(&random) % 200;
        uint64_t before = fixture->store->indexed_seq;
        assert_ok(message_index_step(fixture->store, rows, work, &left));
        if (next_random(&random) % 4 == 0)
            store_rollback(fixture->store);
        else
            assert_ok(store_commit(fixture->store));
        if (round % 20 == 0)
            append_random(fixture, &random, ROWS / 20);
        assert_true(fixture->store->indexed_seq >= before);
        ahead += message_index_is_begun(fixture->store);
        check_ahead(fixture);
    }
    assert_true(ahead > 100); /* slices were seen half done */
    do {
        assert_ok(store_begin(fixture->store));
        assert_ok(message_index_step(fixture->store, 100, 70, &left));
        assert_ok(store_commit(fixture->store));
    } while (left > 0);
    check_tables(fixture);
}

/* What a slice in hand has read stays until the slice is done: else it would name what is gone. */
static void retention_waits_for_the_slice(void **state)
{
    struct fixture *fixture = *state;
    uint64_t left = 0, removed = 0;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    for (int i = 0; i < 20; i++) {
        struct message_row row = fixture_message(fixture, 0, 10);
        row.scope_id = 1;
        row.conversation = conversation_of_scope(1);
        row.message_id[0] = (uint8_t)i;
        assert_ok(message_append(fixture->store, &row));
    }
    assert_ok(store_commit(fixture->store));
    assert_ok(store_begin(fixture->store));
    /* Read, by id, and half of those by conversation. */
    assert_ok(message_index_step(fixture->store, 20, 50, &left));
    assert_true(message_index_is_begun(fixture->store) && left == 20);
    assert_ok(message_remove_of_scope(fixture->store, 1, INT64_MAX, INT64_MAX, 100, &removed));
    assert_int_equal(removed, 0);
    assert_ok(message_remove_slice(fixture->store, INT64_MAX, INT64_MAX, 100, &removed));
    assert_int_equal(removed, 0);
    assert_ok(message_index_slice(fixture->store, 20, &left));
    assert_ok(message_remove_of_scope(fixture->store, 1, INT64_MAX, INT64_MAX, 100, &removed));
    assert_int_equal(removed, 19); /* but the newest */
    assert_ok(store_commit(fixture->store));
    check_ahead(fixture);
}

/* last_ms is that of the newest time in the slice, whatever the order of the log. */
static void the_time_is_the_newest_of_the_slice(void **state)
{
    struct fixture *fixture = *state;
    uint64_t left = 0;
    fixture_fill(fixture);
    assert_ok(store_begin(fixture->store));
    for (int i = 0; i < 3; i++) {
        struct message_row row = fixture_message(fixture, 0, 10);
        row.conversation = conversation_of_peers(fixture->peer_ids[0], fixture->peer_ids[1]);
        row.stored_ms = i == 1 ? 900 : 500 + i;
        assert_ok(message_append(fixture->store, &row));
    }
    assert_ok(message_index_slice(fixture->store, 1000, &left));
    assert_ok(store_commit(fixture->store));
    assert_empty(fixture, "SELECT peer_id FROM peer_conversation WHERE last_ms < 900");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_slices, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(random_steps, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(retention_waits_for_the_slice, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(the_time_is_the_newest_of_the_slice, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
