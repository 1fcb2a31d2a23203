/* SPDX-License-Identifier: MPL-2.0
 *
 * Parts of the tool without a broker: words of a line of the shell, what `roost top` computes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "clients/cli/shell_words.h"
#include "clients/cli/top_sample.h"

/* Words joined with '|'; NULL: refused. */
static const char *words_of(const char *line, char ret[256])
{
    char copy[256];
    char *words[8];
    size_t count = 0;
    const char *problem = NULL;
    (void)snprintf(copy, sizeof(copy), "%s", line);
    if (!shell_words(copy, words, 8, &count, &problem)) {
        assert_non_null(problem);
        return NULL;
    }
    ret[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(ret);
        (void)snprintf(ret + size, 256 - size, "%s%s", i ? "|" : "", words[i]);
    }
    return ret;
}

static void words_are_divided_and_kept(void **state)
{
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"", ""},
        {"  \t\n", ""},
        {"send bob hello", "send|bob|hello"},
        {"  send   bob\thello \n", "send|bob|hello"},
        {"send bob 'two words'", "send|bob|two words"},
        {"send bob \"it's\"", "send|bob|it's"},
        {"send bob \"a \\\"b\\\" c\"", "send|bob|a \"b\" c"},
        {"send bob 'a\\b'", "send|bob|a\\b"},
        {"send bob a\\ b", "send|bob|a b"},
        {"a'b c'd\"e f\"", "ab cde f"},
        {"a '' b", "a||b"},
        {"peers # and a comment", "peers"},
        {"send bob 张三 ü", "send|bob|张三|ü"},
        {"end\\", "end\\"},
        {"send bob 'open", NULL},
        {"send bob \"open", NULL},
        {"1 2 3 4 5 6 7 8", "1|2|3|4|5|6|7|8"},
        {"1 2 3 4 5 6 7 8 9", NULL},
    };
    char found[256];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *words = words_of(cases[i].line, found);
        if (cases[i].words)
            assert_string_equal(words, cases[i].words);
        else
            assert_null(words);
    }
}

static void take(struct top_sample *sample, const struct roost_counter *counters, size_t count,
                 int64_t at_s)
{
    struct roost_page page = {.counters = counters, .counter_count = count};
    top_sample_take(sample, &page, at_s * 1000000000);
}

#define TAKE(sample, counters, at_s)                                                               \
    take(sample, counters, sizeof(counters) / sizeof((counters)[0]), at_s)

static void rates_are_of_the_time_between(void **state)
{
    static const struct roost_counter before[] = {
        {"stored_total", "persistence", "", 1000},
        {"settled_total", "sync-manager", "", 50},
        {"actor_busy_nanoseconds_total", "history", "", 0},
        {"actor_messages_total", "history", "", 10},
        {"commit_microseconds_le_1023", "persistence", "", 100},
        {"commit_microseconds_le_2047", "persistence", "", 104},
    };
    static const struct roost_counter after[] = {
        {"stored_total", "persistence", "", 1600},
        {"stored_total", "other", "", 400},
        {"settled_total", "sync-manager", "", 20}, /* started again: it fell */
        {"waiting_messages", "sync-manager", "", 7},
        {"actor_busy_nanoseconds_total", "history", "", 1000000000},
        {"actor_messages_total", "history", "", 30},
        {"actor_mailbox_messages", "history", "", 3},
        {"commit_microseconds_le_1023", "persistence", "", 100},
        {"commit_microseconds_le_2047", "persistence", "", 114},
        {"commit_microseconds_le_4095", "persistence", "", 204},
        {"commit_microseconds_le_8191", "persistence", "", 205},
    };
    struct top_sample samples[2];
    struct top_view view;
    (void)state;
    TAKE(&samples[0], before, 10);
    TAKE(&samples[1], after, 12);
    top_view_make(&view, &samples[0], &samples[1]);
    assert_true(view.seconds > 1.99 && view.seconds < 2.01);
    assert_int_equal((int)view.stored, 500);
    assert_int_equal((int)view.settled, 0);
    assert_int_equal(samples[1].waiting, 7);
    /* 101 commits: 10 of at most 2 ms, 90 of at most 4, 1 of at most 8. */
    assert_int_equal((int)(view.commits * 2 + 0.5), 101);
    assert_int_equal((int)view.commit_p50_us, 4095);
    assert_int_equal((int)view.commit_p99_us, 4095);
    assert_int_equal(view.actor_count, 1);
    assert_string_equal(view.actors[0].name, "history");
    assert_int_equal((int)view.actors[0].messages_per_s, 10);
    assert_int_equal((int)(view.actors[0].busy_share * 100 + 0.5), 50);
    assert_int_equal(view.actors[0].mailbox, 3);
    /* Nothing happened: no time of a commit. */
    samples[0] = samples[1];
    samples[1].at_ns += 1000000000;
    top_view_make(&view, &samples[0], &samples[1]);
    assert_true(view.commit_p50_us < 0 && view.commit_p99_us < 0);
    assert_int_equal((int)view.commits, 0);
}

static void more_than_fits_is_left_out(void **state)
{
    static struct roost_counter counters[TOP_ACTORS_MAX + TOP_STEPS_MAX + 20];
    static char names[TOP_ACTORS_MAX + TOP_STEPS_MAX + 20][64];
    struct top_sample sample;
    size_t count = sizeof(counters) / sizeof(counters[0]);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        bool is_actor = i < TOP_ACTORS_MAX + 10;
        (void)snprintf(names[i], sizeof(names[i]),
                       is_actor ? "actor%zu" : "commit_microseconds_le_%zu", i);
        counters[i] = (struct roost_counter){is_actor ? "actor_messages_total" : names[i],
                                             is_actor ? names[i] : "persistence", "", i};
    }
    take(&sample, counters, count, 1);
    assert_int_equal(sample.actor_count, TOP_ACTORS_MAX);
    assert_int_equal(sample.commits.count, TOP_STEPS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_divided_and_kept),
        cmocka_unit_test(rates_are_of_the_time_between),
        cmocka_unit_test(more_than_fits_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
