/* SPDX-License-Identifier: MPL-2.0
 *
 * Index slices, retention and quarantine.
 */
#include <sqlite3.h>

#include "rt/check.h"
#include "store/consumers.h"
#include "store/conversation.h"
#include "store/messages.h"
#include "store/store_internal.h"
#include "store/verify.h"
#include "store_fixture.h"

#define ROWS 50

static uint64_t index_some(struct fixture *fixture, uint32_t rows)
{
    uint64_t left = 0;
    assert_ok(store_begin(fixture->store));
    assert_ok(message_index_slice(fixture->store, rows, &left));
    assert_ok(store_commit(fixture->store));
    return left;
}

static uint64_t remove_some(struct fixture *fixture, int64_t stored_ms, int64_t expired_ms,
                            uint32_t rows)
{
    uint64_t removed = 0;
    assert_ok(store_begin(fixture->store));
    assert_ok(message_remove_slice(fixture->store, stored_ms, expired_ms, rows, &removed));
    assert_ok(store_commit(fixture->store));
    return removed;
}

static void check_verified(const struct fixture *fixture)
{
    struct store *reader = NULL;
    uint64_t findings = 1;
    struct verify_options options = {.on_finding = NULL};
    assert_ok(fixture_open_reader(fixture, &reader));
    assert_ok(verify_run(reader, &options, &findings));
    assert_int_equal(findings, 0);
    store_close(&reader);
}

static void test_slices(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(index_some(fixture, 20), 30);
    check_verified(fixture);
    assert_int_equal(index_some(fixture, 20), 10);
    assert_int_equal(index_some(fixture, 20), 0);
    assert_int_equal(index_some(fixture, 20), 0);
    check_verified(fixture);
    (void)fixture_append(fixture, 100, 10);
    assert_int_equal(index_some(fixture, 20), 0);
    check_verified(fixture);
}

static void test_a_slice_rolled_back_is_done_again(void **state)
{
    struct fixture *fixture = *state;
    uint64_t left = 0;
    assert_ok(store_begin(fixture->store));
    assert_ok(message_index_slice(fixture->store, 20, &left));
    store_rollback(fixture->store);
    assert_int_equal(index_some(fixture, 20), 30);
    check_verified(fixture);
}

static void run_sql(const struct fixture *fixture, const char *sql)
{
    char *error = NULL;
    if (sqlite3_exec(fixture->store->db, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
}

static int64_t query(const struct fixture *fixture, const char *sql)
{
    int64_t value = -1;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(fixture->store->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    value = sqlite3_column_int64(stmt, 0);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    return value;
}

/* The deferred tables once more, by SQL alone and in any order, from the messages of one slice. */
static const char *const reference_make =
    "CREATE TEMP TABLE r_peer (peer_id INT, conversation INT, last_seq INT, last_ms INT,"
    " PRIMARY KEY (peer_id, conversation));"
    "CREATE TEMP TABLE r_scope (id INTEGER PRIMARY KEY, last_seq INT);"
    "CREATE TEMP TABLE r_from (seq INT); INSERT INTO r_from VALUES (0)";
static const char *const reference_slice =
    "CREATE TEMP TABLE r AS SELECT m.* FROM message m WHERE seq > (SELECT seq FROM r_from) AND"
    " seq <= (SELECT value FROM progress);"
    "INSERT INTO r_peer SELECT peer, conversation, max(seq), max(stored_ms) FROM"
    " (SELECT conversation >> 31 AS peer, conversation, seq, stored_ms FROM r WHERE conversation > "
    "0"
    " UNION ALL SELECT conversation & 0x7fffffff, conversation, seq, stored_ms FROM r"
    " WHERE conversation > 0"
    " UNION ALL SELECT sender_id, conversation, seq, stored_ms FROM r WHERE conversation < 0)"
    " WHERE peer > 0 GROUP BY 1, 2 ON CONFLICT DO UPDATE SET last_seq = excluded.last_seq,"
    " last_ms = excluded.last_ms;"
    "INSERT INTO r_scope SELECT scope_id, max(seq) FROM r GROUP BY 1"
    " ON CONFLICT DO UPDATE SET last_seq = excluded.last_seq;"
    "UPDATE r_from SET seq = (SELECT value FROM progress); DROP TABLE r";
static const char *const reference_differences =
    "SELECT count(*) FROM (SELECT * FROM (SELECT * FROM r_peer EXCEPT SELECT * FROM"
    " peer_conversation) UNION ALL SELECT * FROM (SELECT * FROM peer_conversation EXCEPT SELECT *"
    " FROM r_peer) UNION ALL SELECT s.id, 0, s.last_seq, 0 FROM scope s LEFT JOIN r_scope USING "
    "(id)"
    " WHERE s.last_seq <> coalesce(r_scope.last_seq, 0))";

static void append_random(struct fixture *fixture, uint64_t n, uint64_t *seed)
{
    struct message_row row = fixture_message(fixture, n, 10);
    int64_t other = (int64_t)(fixture_random(seed) % 5);
    row.sender_id = (int64_t)(fixture_random(seed) % 4);
    row.scope_id = fixture->scope_id + (int64_t)(fixture_random(seed) % 2);
    row.stored_ms = (int64_t)(fixture_random(seed) % 100000);
    row.conversation = fixture_random(seed) % 3 == 0 ? conversation_of_scope(other)
                                                     : conversation_of_peers(row.sender_id, other);
    for (size_t i = 0; i < sizeof row.message_id; i++)
        row.message_id[i] = (uint8_t)(fixture_random(seed) % (i < 9 ? 2 : 256));
    assert_ok(message_append(fixture->store, &row));
}

static void test_slices_of_anything_are_what_sql_says(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = 7, n = 1000;
    run_sql(fixture, reference_make);
    for (int round = 0; round < 60; round++) {
        assert_ok(store_begin(fixture->store));
        for (uint64_t rows = fixture_random(&seed) % 40; rows > 0; rows--)
            append_random(fixture, n++, &seed);
        assert_ok(store_commit(fixture->store));
        (void)index_some(fixture, 1 + (uint32_t)(fixture_random(&seed) % 30));
        run_sql(fixture, reference_slice);
        assert_int_equal(query(fixture, reference_differences), 0);
    }
    check_verified(fixture);
}

static void test_odd_ids_are_indexed_as_they_are(void **state)
{
    struct fixture *fixture = *state;
    run_sql(fixture, "UPDATE message SET message_id = x'' WHERE seq = 1");
    run_sql(fixture, "UPDATE message SET message_id = x'0102' WHERE seq IN (2, 20)");
    run_sql(fixture, "UPDATE message SET message_id = zeroblob(5000) WHERE seq = 50");
    run_sql(
        fixture,
        "UPDATE message SET conversation = -9223372036854775807 - 1, scope_id = -1 WHERE seq = 30");
    assert_int_equal(index_some(fixture, 20), 49);
    assert_int_equal(index_some(fixture, 20), 48);
    assert_int_equal(index_some(fixture, 20), 31);
    assert_int_equal(index_some(fixture, 20), 30);
    while (index_some(fixture, 20) > 0)
        continue;
    assert_int_equal(query(fixture, "SELECT count(*) FROM message_id NATURAL JOIN message"), ROWS);
    assert_int_equal(
        query(fixture, "SELECT count(*) FROM message_conversation NATURAL JOIN message"), ROWS);
}

/* As a damaged tree may show a message twice: it must not stop all behind it. */
static void test_what_is_there_already_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    run_sql(fixture, "INSERT INTO message_id SELECT message_id, seq FROM message WHERE seq = 9");
    assert_int_equal(index_some(fixture, 20), 30);
    check_verified(fixture);
}

/* Message n: stored at 1000000 + 10 n, expires 1000000 later. */
static void test_retention_stops_at_the_first_that_must_stay(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(remove_some(fixture, INT64_MAX, INT64_MAX, 100), 0); /* nothing indexed yet */
    assert_int_equal(index_some(fixture, 30), 20);
    assert_int_equal(remove_some(fixture, 1000101, INT64_MAX, 4), 4);
    assert_int_equal(remove_some(fixture, 1000101, INT64_MAX, 100), 6);
    assert_int_equal(remove_some(fixture, 1000101, INT64_MAX, 100), 0);
    assert_int_equal(remove_some(fixture, INT64_MAX, 2000151, 100), 5);
    assert_int_equal(remove_some(fixture, INT64_MAX, INT64_MAX, 100), 15); /* the rest of the 30 */
    check_verified(fixture);
    assert_int_equal(index_some(fixture, 100), 0);
    assert_int_equal(remove_some(fixture, INT64_MAX, INT64_MAX, 100), 19); /* never the newest */
    check_verified(fixture);
    store_close(&fixture->store);
    assert_ok(fixture_open(fixture, &fixture->store));
    assert_int_equal(fixture_append(fixture, 77, 10), ROWS + 1);
}

static enum err count_exception(void *context, const struct exception_row *row)
{
    (void)row;
    ++*(uint64_t *)context;
    return ERR_OK;
}

static void test_exceptions_go_with_their_messages(void **state)
{
    struct fixture *fixture = *state;
    int64_t consumer_id = 0;
    uint64_t count = 0;
    assert_int_equal(index_some(fixture, 100), 0);
    assert_ok(store_begin(fixture->store));
    assert_ok(consumer_create(fixture->store, fixture->scope_id, "main", 40, 1, &consumer_id));
    for (uint64_t seq = 1; seq <= 20; seq++) {
        struct exception_row row = {.consumer_id = consumer_id,
                                    .seq = seq,
                                    .last_seq = seq == 10 ? 15 : seq,
                                    .state = EXCEPTION_DEAD};
        assert_ok(exception_put(fixture->store, &row));
    }
    assert_ok(store_commit(fixture->store));
    assert_int_equal(remove_some(fixture, INT64_MAX, INT64_MAX, 12), 12);
    assert_ok(exception_load(fixture->store, 0, 0, false, 100, count_exception, &count));
    assert_int_equal(count, 9); /* 13 to 20, and the range that reaches to 15 */
}

/* A pattern's consumers have rows for messages of any topic; those of others keep theirs. */
static void test_exceptions_of_patterns_go_too(void **state)
{
    struct fixture *fixture = *state;
    int64_t scope_id = 0, consumer_ids[2];
    bool has_patterns = true;
    assert_int_equal(index_some(fixture, 100), 0);
    assert_ok(scope_has_patterns(fixture->store, &has_patterns));
    assert_false(has_patterns);
    assert_ok(store_begin(fixture->store));
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "a.*" : "a.b";
        const char *folded = i == 0 ? ">a.*" : "a.b";
        assert_ok(scope_create(fixture->store, SCOPE_TOPIC, name, folded, 0, 1, &scope_id));
        assert_ok(consumer_create(fixture->store, scope_id, "main", 40, 1, &consumer_ids[i]));
        for (uint64_t seq = 1; seq <= 20; seq++) {
            struct exception_row row = {.consumer_id = consumer_ids[i],
                                        .seq = seq,
                                        .last_seq = seq,
                                        .state = EXCEPTION_DEAD};
            assert_ok(exception_put(fixture->store, &row));
        }
    }
    assert_ok(store_commit(fixture->store));
    assert_ok(scope_has_patterns(fixture->store, &has_patterns));
    assert_true(has_patterns);
    assert_int_equal(remove_some(fixture, INT64_MAX, INT64_MAX, 12), 12);
    for (int i = 0; i < 2; i++) {
        uint64_t count = 0;
        assert_ok(exception_list(fixture->store, consumer_ids[i], EXCEPTION_DEAD, 0, 100,
                                 count_exception, &count));
        assert_int_equal(count, i == 0 ? 8 : 20);
    }
}

/* Every third message goes to a room; what it keeps shorter goes, wherever it is in the log. */
static void test_one_scope_is_trimmed(void **state)
{
    struct fixture *fixture = *state;
    uint64_t removed = 9;
    struct message_page page = {.conversation = conversation_of_scope(77), .limit = 100};
    struct fixture_rows rows = {.count = 0};
    assert_ok(store_begin(fixture->store));
    for (uint64_t n = ROWS + 1; n <= ROWS + 30; n++) {
        struct message_row message = fixture_message(fixture, n, 100);
        if (n % 3 == 0) {
            message.scope_id = 77;
            message.conversation = conversation_of_scope(77);
        }
        assert_ok(message_append(fixture->store, &message));
    }
    assert_ok(message_remove_of_scope(fixture->store, 77, INT64_MAX, INT64_MAX, 100, &removed));
    assert_int_equal(removed, 0); /* nothing indexed yet */
    assert_ok(store_commit(fixture->store));
    assert_int_equal(index_some(fixture, 1000), 0);
    assert_ok(store_begin(fixture->store));
    assert_ok(message_remove_of_scope(fixture->store, 77, 1000601, INT64_MAX, 2, &removed));
    assert_int_equal(removed, 2); /* 51, 54 */
    assert_ok(message_remove_of_scope(fixture->store, 77, 1000601, INT64_MAX, 100, &removed));
    assert_int_equal(removed, 2); /* 57, 60 */
    assert_ok(message_remove_of_scope(fixture->store, 77, INT64_MAX, 2000631, 100, &removed));
    assert_int_equal(removed, 1); /* 63; the others have not expired */
    assert_ok(store_commit(fixture->store));
    assert_ok(message_read_conversation(fixture->store, &page, fixture_collect, &rows));
    assert_int_equal(rows.count, 5);
    assert_int_equal(rows.seqs[0], 66);
    check_verified(fixture);
}

static enum err note_quarantine(void *context, uint64_t seq, int64_t found_ms)
{
    uint64_t *sum = context;
    *sum += seq * 1000 + (uint64_t)found_ms;
    return ERR_OK;
}

static void test_quarantine_names_only_what_is_damaged(void **state)
{
    struct fixture *fixture = *state;
    uint64_t sum = 0;
    assert_int_equal(
        sqlite3_exec(fixture->store->db, "UPDATE message SET body = x'00' WHERE seq = 7", 0, 0, 0),
        SQLITE_OK);
    assert_ok(store_begin(fixture->store));
    assert_ok(message_quarantine(fixture->store, 7, 5));
    assert_ok(message_quarantine(fixture->store, 7, 6)); /* the first time counts */
    assert_ok(message_quarantine(fixture->store, 8, 5)); /* whole */
    assert_ok(message_quarantine(fixture->store, 999, 5));
    assert_ok(store_commit(fixture->store));
    assert_ok(quarantine_list(fixture->store, 0, 100, note_quarantine, &sum));
    assert_int_equal(sum, 7005);
}

static int setup(void **state)
{
    (void)fixture_setup(state); /* always 0 */
    fixture_fill(*state);
    for (uint64_t n = 1; n <= ROWS; n++)
        (void)fixture_append(*state, n, 100);
    return 0;
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_slices),
        WITH_STORE(test_a_slice_rolled_back_is_done_again),
        WITH_STORE(test_slices_of_anything_are_what_sql_says),
        WITH_STORE(test_odd_ids_are_indexed_as_they_are),
        WITH_STORE(test_what_is_there_already_is_left_alone),
        WITH_STORE(test_retention_stops_at_the_first_that_must_stay),
        WITH_STORE(test_exceptions_go_with_their_messages),
        WITH_STORE(test_exceptions_of_patterns_go_too),
        WITH_STORE(test_one_scope_is_trimmed),
        WITH_STORE(test_quarantine_names_only_what_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
