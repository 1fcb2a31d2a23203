/* SPDX-License-Identifier: MPL-2.0
 *
 * What the text index costs: filling it, its size, and questions of several kinds.
 *
 *     search_speed [DIRECTORY [ROWS]]
 *
 * Messages are like those of a chat: 4 to 15 words, rare ones rarer (by Zipf), every 8th in
 * Chinese; 1,000 conversations. Not run by ctest.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rt/check.h"
#include "store/messages.h"
#include "store/search.h"
#include "store/store.h"

#define WORDS         20000
#define CONVERSATIONS 1000
#define SLICE         512
#define ASKED         1000
#define BODY_MAX      512

struct bench {
    struct store *store;
    uint64_t rows, seed, hits;
};

static void must(enum err err, const char *what)
{
    if (err == ERR_OK)
        return;
    (void)fprintf(stderr, "%s: %s\n", what, err_name(err));
    exit(1);
}

static double now_s(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t next_random(struct bench *bench)
{
    bench->seed ^= bench->seed << 13;
    bench->seed ^= bench->seed >> 7;
    bench->seed ^= bench->seed << 17;
    return bench->seed >> 11;
}

/* Word number n has about 1 / n of the places. */
static unsigned random_word(struct bench *bench)
{
    double unit = (double)(next_random(bench) % 1000000) / 1000000, n = 1;
    for (double step = 0.097; unit > step && n < WORDS; n *= 2.1) /* sum of 1 / n: ln */
        unit -= step;
    return (unsigned)(n + (double)(next_random(bench) % (uint64_t)(n + 1))) % WORDS;
}

static size_t put_word(char *to, size_t size, unsigned number, bool is_chinese)
{
    if (is_chinese) /* two characters of the common block */
        return (size_t)snprintf(to, size, "\xe4%c%c\xe5%c%c", 0xb8 + number % 4,
                                0x80 + number / 4 % 64, 0x80 + number / 256 % 64,
                                0x80 + number % 64);
    return (size_t)snprintf(to, size, "%c%c%x%c", 'a' + number % 26, 'a' + number / 26 % 26, number,
                            'a' + number % 7);
}

static size_t random_text(struct bench *bench, char *text, size_t size, uint64_t words)
{
    size_t at = 0;
    bool is_chinese = next_random(bench) % 8 == 0;
    for (uint64_t i = 0; i < words && at + 32 < size; i++) {
        if (i && !is_chinese)
            text[at++] = ' ';
        at += put_word(text + at, size - at, random_word(bench), is_chinese);
    }
    return at;
}

static void append(struct bench *bench, uint64_t rows)
{
    char body[BODY_MAX];
    double since = now_s();
    for (uint64_t i = 0; i < rows; i++) {
        if (i % 100 == 0)
            must(store_begin(bench->store), "begin");
        uint64_t id[2] = {next_random(bench), i};
        struct message_row row = {
            .scope_id = 1,
            .sender_id = 1,
            .stored_ms = (int64_t)i,
            .expires_ms = INT64_MAX,
            .created_ms = 1,
            .conversation = 1 + (int64_t)(next_random(bench) % CONVERSATIONS),
            .body.data = (const uint8_t *)body,
        };
        memcpy(row.message_id, id, sizeof id);
        row.body.size = random_text(bench, body, sizeof body, 4 + next_random(bench) % 12);
        must(message_append(bench->store, &row), "append");
        if (i % 100 == 99 || i + 1 == rows) {
            must(store_commit(bench->store), "commit");
            must(store_checkpoint(bench->store, false), "checkpoint");
        }
    }
    double taken = now_s() - since;
    printf("append                        %8" PRIu64 " rows  %8.0f rows/s\n", rows,
           (double)rows / taken);
}

static void fill_index(struct bench *bench)
{
    double since = now_s(), longest = 0;
    uint64_t upto = 0, before, rows = 0;
    must(search_progress(bench->store, &before), "progress");
    do {
        double begin = now_s();
        must(search_work(bench->store, SLICE, &upto), "index");
        must(store_checkpoint(bench->store, true), "checkpoint");
        longest = now_s() - begin > longest ? now_s() - begin : longest;
        rows += upto - before;
        before = upto;
    } while (rows < bench->rows && upto < bench->rows);
    double taken = now_s() - since;
    printf("index, slices of %d          %8" PRIu64 " rows  %8.0f rows/s, longest slice %.1f ms\n",
           SLICE, rows, (double)rows / taken, longest * 1000);
}

/* --- Questions. */

static enum err count_hit(void *context, const struct search_hit *hit)
{
    (void)hit;
    ++*(uint64_t *)context;
    return ERR_OK;
}

static int compare(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return a < b ? -1 : a > b;
}

static void report(const char *what, double *times, size_t count, uint64_t hits)
{
    qsort(times, count, sizeof *times, compare);
    printf("%-30s p50 %8.3f ms  p99 %8.3f ms  max %8.3f ms  %8.1f hits\n", what,
           times[count / 2] * 1000, times[count * 99 / 100] * 1000, times[count - 1] * 1000,
           (double)hits / (double)count);
}

static double ask(struct store *reader, const char *text, size_t size, int64_t conversation,
                  uint64_t *hits)
{
    struct search search = {.text = text, .text_size = size, .conversation = conversation};
    uint64_t next_seq = 0;
    double since = now_s();
    must(store_read_begin(reader), "read");
    must(search_run(reader, &search, count_hit, hits, &next_seq), "search");
    store_read_end(reader);
    return now_s() - since;
}

static void ask_random(struct bench *bench, struct store *reader, const char *what, uint64_t words,
                       bool is_in_conversation)
{
    static double times[ASKED];
    char text[BODY_MAX];
    uint64_t hits = 0;
    for (size_t i = 0; i < ASKED; i++) {
        size_t size = random_text(bench, text, sizeof text, words);
        int64_t conversation =
            is_in_conversation ? 1 + (int64_t)(next_random(bench) % CONVERSATIONS) : 0;
        times[i] = ask(reader, text, size, conversation, &hits);
    }
    report(what, times, ASKED, hits);
}

static void ask_words(struct store *reader, const char *what, const unsigned *numbers, size_t count)
{
    double times[50];
    char text[BODY_MAX];
    uint64_t hits = 0;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (i)
            text[at++] = ' ';
        at += put_word(text + at, sizeof text - at, numbers[i], false);
    }
    for (size_t i = 0; i < 50; i++)
        times[i] = ask(reader, text, at, 0, &hits);
    report(what, times, 50, hits);
}

static void ask_all(struct bench *bench, struct store *reader)
{
    static const unsigned common[] = {1, 2}, mixed[] = {1, 7000};
    ask_random(bench, reader, "two words", 2, false);
    ask_random(bench, reader, "two words, one conversation", 2, true);
    ask_random(bench, reader, "one word", 1, false);
    ask_words(reader, "the commonest word", common, 1);
    ask_words(reader, "the two commonest words", common, 2);
    ask_words(reader, "a common and a rare word", mixed, 2);
}

int main(int argc, char **argv)
{
    static struct bench bench = {.rows = 1000000, .seed = 88172645463325252};
    char path[4096];
    struct store *reader = NULL;
    struct store_stats before, after;
    (void)snprintf(path, sizeof path, "%s/search_speed.db", argc > 1 ? argv[1] : ".");
    if (argc > 2)
        bench.rows = strtoull(argv[2], NULL, 10);
    (void)unlink(path); /* of an earlier run */
    struct store_options options = {.path = path};
    must(store_open(&options, &bench.store), "open");
    append(&bench, bench.rows);
    options.read_only = true;
    must(store_open(&options, &reader), "open reader");
    store_stats(bench.store, &before);
    fill_index(&bench);
    store_stats(bench.store, &after);
    printf("index size                    %8.1f MB, %.0f bytes a row (log: %.1f MB)\n",
           (double)(after.file_bytes - before.file_bytes) / 1e6,
           (double)(after.file_bytes - before.file_bytes) / (double)bench.rows,
           (double)before.file_bytes / 1e6);
    ask_all(&bench, reader);
    append(&bench, SEARCH_TAIL_MAX);
    puts("with SEARCH_TAIL_MAX rows not indexed:");
    ask_words(reader, "two words", (const unsigned[]){300, 7000}, 2);
    ask_words(reader, "the commonest word", (const unsigned[]){1}, 1);
    store_close(&reader);
    store_close(&bench.store);
    return 0;
}
