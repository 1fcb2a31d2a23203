/* SPDX-License-Identifier: MPL-2.0
 *
 * The audit log: whatever is changed, put in or left out is found, and what was not is not.
 */
#include "store/audit.h"

#include <stdio.h>
#include <string.h>

#include "store/store_internal.h"
#include "store_fixture.h"

#define ROWS 20

static void append(struct fixture *fixture, int count)
{
    assert_ok(store_begin(fixture->store));
    for (int i = 0; i < count; i++) {
        char detail[32];
        (void)snprintf(detail, sizeof detail, "detail %d", i);
        struct audit_row row = {.at_ms = i,
                                .actor = "ana",
                                .action = "ban",
                                .target = i % 2 ? "bob" : NULL,
                                .detail = detail};
        assert_ok(audit_append(fixture->store, &row));
    }
    assert_ok(store_commit(fixture->store));
}

struct findings {
    size_t count;
    int64_t first_id;
};

static void take(void *context, int64_t id, const char *text)
{
    struct findings *findings = context;
    assert_non_null(text);
    if (findings->count++ == 0)
        findings->first_id = id;
}

static struct findings verify(struct fixture *fixture, uint64_t rows)
{
    struct findings findings = {.count = 0};
    struct audit_verdict verdict;
    assert_ok(audit_verify(fixture->store, take, &findings, &verdict));
    assert_int_equal(verdict.rows, rows);
    assert_int_equal(verdict.findings, findings.count);
    return findings;
}

static void change(struct fixture *fixture, const char *sql)
{
    assert_int_equal(sqlite3_exec(fixture->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void test_an_honest_log_is_sound(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(verify(fixture, 0).count, 0);
    append(fixture, ROWS);
    store_close(&fixture->store);
    assert_ok(fixture_open(fixture, &fixture->store));
    append(fixture, 1500); /* more than one slice */
    assert_int_equal(verify(fixture, ROWS + 1500).count, 0);
}

static void test_every_column_counts(void **state)
{
    static const struct {
        const char *sql;
        int64_t first_id;
        uint64_t rows;
    } cases[] = {
        {"UPDATE audit SET at_ms = at_ms + 1 WHERE id = 7", 7, ROWS},
        {"UPDATE audit SET actor = 'eve' WHERE id = 1", 1, ROWS},
        {"UPDATE audit SET action = 'unban' WHERE id = 20", 20, ROWS},
        {"UPDATE audit SET target = 'eve' WHERE id = 8", 8, ROWS},
        {"UPDATE audit SET detail = '' WHERE id = 9", 9, ROWS},
        {"UPDATE audit SET hash = zeroblob(32) WHERE id = 5", 5, ROWS},
        {"UPDATE audit SET hash = x'00' WHERE id = 5", 5, ROWS},
        {"UPDATE audit SET action = action || target, target = '' WHERE id = 2", 2, ROWS},
        {"DELETE FROM audit WHERE id = 6", 7, ROWS - 1},
        {"DELETE FROM audit WHERE id = 1", 2, ROWS - 1},
        {"UPDATE audit SET id = 100 WHERE id = 20", 100, ROWS},
        {"INSERT INTO audit SELECT -1, at_ms, actor, action, target, detail, hash FROM audit"
         " WHERE id = 3",
         -1, ROWS + 1},
    };
    struct fixture *fixture = *state;
    append(fixture, ROWS);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        change(fixture, "BEGIN");
        change(fixture, cases[i].sql);
        struct findings findings = verify(fixture, cases[i].rows);
        if (findings.count == 0)
            fail_msg("not noticed: %s", cases[i].sql);
        assert_int_equal(findings.first_id, cases[i].first_id);
        change(fixture, "ROLLBACK");
    }
    assert_int_equal(verify(fixture, ROWS).count, 0);
}

/* Who can make a row that is sound in its place still breaks what follows it. */
static void test_a_forged_row_breaks_the_next(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, ROWS);
    change(fixture, "CREATE TEMP TABLE kept AS SELECT * FROM audit WHERE id > 7;"
                    " DELETE FROM audit WHERE id >= 7");
    append(fixture, 1); /* another detail, and the hash that belongs to it */
    assert_int_equal(verify(fixture, 7).count, 0);
    change(fixture, "INSERT INTO audit SELECT * FROM kept");
    assert_int_equal(verify(fixture, ROWS).first_id, 8);
}

static enum err count_row(void *context, const struct audit_row *row)
{
    assert_string_equal(row->actor, "ana");
    assert_non_null(row->hash);
    ++*(size_t *)context;
    return ERR_OK;
}

static void test_list(void **state)
{
    struct fixture *fixture = *state;
    size_t count = 0;
    append(fixture, ROWS);
    assert_ok(audit_list(fixture->store, 15, 3, count_row, &count));
    assert_int_equal(count, 3);
    assert_ok(audit_list(fixture->store, 15, 100, count_row, &count));
    assert_int_equal(count, 3 + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_honest_log_is_sound, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_every_column_counts, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_forged_row_breaks_the_next, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_list, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
