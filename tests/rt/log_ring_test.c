/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/log_ring: lines come once and in order, a slow reader is told what it missed, long lines are cut
 * at a character, and threads that write and read at once tear nothing.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rt/log_ring.h"

#define THREADS 4
#define LINES   20000

static const struct wall_time noon = {1700000000123};

static void put(const char *text)
{
    log_ring_put(noon, LOG_LEVEL_WARN, "tester", text, strlen(text));
}

static uint64_t from_now(void)
{
    return log_ring_newest();
}

static void lines_come_once_and_in_order(void **state)
{
    struct log_ring_line line;
    uint64_t cursor = from_now(), missed = 7;
    (void)state;
    put("one key=1\n");
    put("two");
    log_ring_reserve(); /* harms nothing that is there */
    assert_true(log_ring_next(&cursor, &line, &missed));
    assert_string_equal(line.text, "one key=1");
    assert_string_equal(line.actor, "tester");
    assert_int_equal(line.time_ms, noon.ms);
    assert_int_equal(line.level, LOG_LEVEL_WARN);
    assert_int_equal(missed, 0);
    assert_true(log_ring_next(&cursor, &line, NULL));
    assert_string_equal(line.text, "two");
    assert_int_equal(line.number, cursor);
    assert_false(log_ring_next(&cursor, &line, &missed));
    assert_int_equal(missed, 0);
}

static void a_slow_reader_is_told_what_it_missed(void **state)
{
    struct log_ring_line line;
    uint64_t cursor = from_now(), missed;
    char text[32];
    (void)state;
    for (int i = 0; i < LOG_RING_LINES + 10; i++) {
        (void)snprintf(text, sizeof(text), "line-%d", i);
        put(text);
    }
    assert_true(log_ring_next(&cursor, &line, &missed));
    assert_string_equal(line.text, "line-10");
    assert_int_equal(missed, 10);
    for (int i = 11; i < LOG_RING_LINES + 10; i++) {
        assert_true(log_ring_next(&cursor, &line, &missed));
        (void)snprintf(text, sizeof(text), "line-%d", i);
        assert_string_equal(line.text, text);
        assert_int_equal(missed, 0);
    }
    assert_false(log_ring_next(&cursor, &line, &missed));
}

static void long_lines_are_cut_at_a_character(void **state)
{
    struct log_ring_line line;
    uint64_t cursor = from_now();
    char text[LOG_RING_TEXT_MAX + 8];
    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text + LOG_RING_TEXT_MAX - 2, "\xe4\xb8\xad", 3); /* the limit is in it */
    log_ring_put(noon, LOG_LEVEL_INFO, "an-actor-with-a-rather-long-name", text, sizeof(text));
    assert_true(log_ring_next(&cursor, &line, NULL));
    assert_int_equal(strlen(line.text), LOG_RING_TEXT_MAX - 2);
    assert_int_equal(strlen(line.actor), LOG_RING_ACTOR_MAX);
}

static void what_is_logged_is_in_the_ring(void **state)
{
    struct log_ring_line line;
    (void)state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    const struct log_options options = {LOG_FORMAT_TEXT, LOG_LEVEL_INFO, pipes[1]};
    log_init(&options);
    uint64_t cursor = from_now();
    log_debug("not-written");
    log_info("session-open", LOG_STR("peer", "al ice"), LOG_U64("session", 7));
    assert_true(log_ring_next(&cursor, &line, NULL));
    assert_string_equal(line.text, "session-open peer=\"al ice\" session=7");
    assert_string_equal(line.actor, "main");
    assert_int_equal(line.level, LOG_LEVEL_INFO);
    assert_false(log_ring_next(&cursor, &line, NULL));
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}

/* Each line says twice what it is; a torn one would say two things. */
static void *write_lines(void *argument)
{
    const char *name = argument;
    char text[200];
    for (int i = 0; i < LINES; i++) {
        int size = snprintf(text, sizeof(text), "%s-%d %*s %s-%d", name, i, i % 97, "", name, i);
        log_ring_put(noon, LOG_LEVEL_INFO, name, text, (size_t)size);
    }
    return NULL;
}

static void check_whole(const struct log_ring_line *line)
{
    const char *space = strchr(line->text, ' ');
    assert_non_null(space);
    size_t size = (size_t)(space - line->text);
    size_t length = strlen(line->text);
    assert_true(length > 2 * size);
    assert_memory_equal(line->text, line->text + length - size, size);
    assert_memory_equal(line->text, line->actor, strlen(line->actor));
}

static void threads_tear_nothing(void **state)
{
    static const char *const names[THREADS] = {"a", "bb", "ccc", "dddd"};
    pthread_t threads[THREADS];
    struct log_ring_line line;
    uint64_t start = from_now(), cursor = start, missed, lost = 0, read = 0, last = 0;
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, write_lines, (void *)(uintptr_t)names[i]), 0);
    while (from_now() < start + (uint64_t)THREADS * LINES) {
        while (log_ring_next(&cursor, &line, &missed)) {
            check_whole(&line);
            assert_true(line.number > last);
            last = line.number;
            lost += missed;
            read++;
        }
        lost += missed;
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    while (log_ring_next(&cursor, &line, &missed)) {
        check_whole(&line);
        lost += missed;
        read++;
    }
    assert_int_equal(read + lost + missed, (uint64_t)THREADS * LINES);
    assert_true(read > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_once_and_in_order),
        cmocka_unit_test(a_slow_reader_is_told_what_it_missed),
        cmocka_unit_test(long_lines_are_cut_at_a_character),
        cmocka_unit_test(what_is_logged_is_in_the_ring),
        cmocka_unit_test(threads_tear_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
