/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/metrics: counting, the text exposition and the table for the documents.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rt/metrics.h"

static struct metrics blocks[2] = {{.actor = "persistence"}, {.actor = "zmq-gateway"}};

static void counts_and_sums(void **state)
{
    (void)state;
    metrics_add(&blocks[0], METRIC_STORED, 5);
    metrics_add(&blocks[1], METRIC_STORED, 2);
    metrics_set(&blocks[1], METRIC_SESSIONS, 3);
    metrics_add(&blocks[1], METRIC_SESSIONS, -1);
    metrics_record(&blocks[0], METRIC_COMMIT_US, 100);
    metrics_record(&blocks[0], METRIC_COMMIT_US, 3000);
    metrics_set(&blocks[1], METRIC_LEASED, 4);
    metrics_set(&blocks[1], METRIC_LEASED, 0); /* was used: is shown as zero */
    metrics_raise(&blocks[0], METRIC_MAILBOX_HIGH, 7);
    metrics_raise(&blocks[0], METRIC_MAILBOX_HIGH, 3);
    metrics_count_error(&blocks[1], ERR_TOO_LARGE);
    metrics_count_code(&blocks[1], err_code(ERR_TOO_LARGE));
    metrics_count_code(&blocks[1], 0);
    assert_int_equal(metrics_get(&blocks[0], METRIC_MAILBOX_HIGH), 7);
    assert_int_equal(metrics_get_errors(&blocks[1], ERR_TOO_LARGE), 2);
    assert_int_equal(metrics_get(&blocks[0], METRIC_STORED), 5);
    assert_int_equal(metrics_sum(blocks, 2, METRIC_STORED), 7);
    assert_int_equal(metrics_get(&blocks[1], METRIC_SESSIONS), 2);
}

static void text_exposition(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 1 << 20);
    assert_int_equal(metrics_write_text(blocks, 2, &out), ERR_OK);
    const char *text = buf_text(&out);
    assert_non_null(strstr(text, "# TYPE roost_stored_total counter\n"
                                 "roost_stored_total{actor=\"persistence\"} 5\n"
                                 "roost_stored_total{actor=\"zmq-gateway\"} 2\n"));
    assert_non_null(strstr(text, "# TYPE roost_sessions gauge\n"
                                 "roost_sessions{actor=\"zmq-gateway\"} 2\n"));
    assert_non_null(
        strstr(text, "roost_commit_microseconds_bucket{actor=\"persistence\",le=\"127\"} 1\n"));
    assert_non_null(strstr(text,
                           "roost_commit_microseconds_bucket{actor=\"persistence\",le=\"4095\"} 2\n"
                           "roost_commit_microseconds_bucket{actor=\"persistence\",le=\"+Inf\"} 2\n"
                           "roost_commit_microseconds_sum{actor=\"persistence\"} 3100\n"
                           "roost_commit_microseconds_count{actor=\"persistence\"} 2\n"));
    assert_null(strstr(text, "roost_settled_total{"));
    assert_non_null(strstr(text, "roost_leased_messages{actor=\"zmq-gateway\"} 0\n"));
    assert_non_null(strstr(text, "roost_errors_total{actor=\"zmq-gateway\",code=\"4001\",error=\""
                                 "TOO_LARGE\"} 2\n"));
    buf_fini(&out);
}

static void labels_are_escaped_and_unique(void **state)
{
    static struct metrics odd[4] = {
        {.actor = "worker"}, {.actor = NULL}, {.actor = "worker"}, {.actor = "a\"b\\c\nd"}};
    struct buf out;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        metrics_add(&odd[i], METRIC_TURNS, 1);
        metrics_record(&odd[i], METRIC_BATCH_SIZE, 1);
    }
    buf_init(&out, 1 << 20);
    assert_int_equal(metrics_write_text(odd, 4, &out), ERR_OK);
    assert_non_null(strstr(buf_text(&out),
                           "roost_actor_turns_total{actor=\"worker\"} 1\n"
                           "roost_actor_turns_total{actor=\"worker\",instance=\"2\"} 1\n"
                           "roost_actor_turns_total{actor=\"a\\\"b\\\\c\\nd\"} 1\n"));
    assert_non_null(
        strstr(buf_text(&out), "roost_batch_messages_count{actor=\"worker\",instance=\"2\"} 1\n"));
    buf_fini(&out);
}

static void small_buffer_is_an_error(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 500);
    assert_int_equal(metrics_write_text(blocks, 2, &out), ERR_TOO_LARGE);
    buf_fini(&out);
}

static void table_for_documents(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 1 << 20);
    assert_int_equal(metrics_write_markdown(&out), ERR_OK);
    assert_non_null(strstr(buf_text(&out), "| `roost_expired_total` | counter | deliveries |"));
    assert_non_null(strstr(buf_text(&out), "| `roost_batch_messages` | histogram | messages |"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_sums),
        cmocka_unit_test(text_exposition),
        cmocka_unit_test(labels_are_escaped_and_unique),
        cmocka_unit_test(small_buffer_is_an_error),
        cmocka_unit_test(table_for_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
