/* SPDX-License-Identifier: MPL-2.0
 *
 * What each operation of the store costs: nanoseconds per row, wall and processor time.
 *
 *     store_speed [DIRECTORY [ROWS [ROWS_PER_COMMIT [BODY_BYTES]]]]
 *
 * Not run by ctest. Wall time of the appends includes the syncs of the disk; processor time does
 * not wait for them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rt/check.h"
#include "store/checksum.h"
#include "store/consumers.h"
#include "store/conversation.h"
#include "store/messages.h"
#include "store/peers.h"
#include "store/store.h"

#define PEERS 1000
#define HEADS 4096

struct stopwatch {
    int64_t wall_ns, cpu_ns;
};

struct bench {
    struct store *store;
    uint64_t rows;
    uint32_t rows_per_commit, body_bytes;
    int64_t scope_ids[PEERS + 1];
    int64_t consumer_id;
};

static void must(enum err err, const char *what)
{
    if (err == ERR_OK)
        return;
    (void)fprintf(stderr, "%s: %s\n", what, err_name(err));
    exit(1);
}

static int64_t now_ns(clockid_t id)
{
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct stopwatch start(void)
{
    return (struct stopwatch){now_ns(CLOCK_MONOTONIC), now_ns(CLOCK_PROCESS_CPUTIME_ID)};
}

static void stop(struct stopwatch since, const char *what, uint64_t rows)
{
    double wall = (double)(now_ns(CLOCK_MONOTONIC) - since.wall_ns);
    double cpu = (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - since.cpu_ns);
    double count = rows ? (double)rows : 1.0;
    printf("%-28s %10" PRIu64 " rows  %9.0f ns/row wall  %9.0f ns/row cpu  %10.0f rows/s\n", what,
           rows, wall / count, cpu / count, count / (wall / 1e9));
}

static void setup(struct bench *bench)
{
    must(store_begin(bench->store), "begin");
    for (int i = 1; i <= PEERS; i++) {
        char name[32];
        int64_t id = 0;
        (void)snprintf(name, sizeof name, "peer%d", i);
        must(peer_create(bench->store, name, name, 1, &id), "peer_create");
        must(scope_create(bench->store, SCOPE_PEER, name, name, id, 1, &bench->scope_ids[i]),
             "scope_create");
    }
    must(consumer_create(bench->store, bench->scope_ids[1], "main", 0, 1, &bench->consumer_id),
         "consumer_create");
    must(store_commit(bench->store), "commit");
}

static struct message_row message_of(const struct bench *bench, uint64_t n, const uint8_t *body)
{
    int64_t sender = 1 + (int64_t)(n % PEERS), owner = 1 + (int64_t)(n * 7919 % PEERS);
    struct message_row row = {
        .scope_id = bench->scope_ids[owner],
        .sender_id = sender,
        .stored_ms = 1700000000000 + (int64_t)n,
        .expires_ms = 1700000000000 + (int64_t)n + 604800000,
        .created_ms = 1700000000000 + (int64_t)n,
        .conversation = conversation_of_peers(sender, owner),
        .content_type = {(const uint8_t *)"text/plain", 10},
        .body = {body, bench->body_bytes},
    };
    for (int i = 0; i < 8; i++)
        row.message_id[i] = (uint8_t)(n >> (56 - 8 * i));
    uint64_t noise = n * 0x9E3779B97F4A7C15u;
    memcpy(row.message_id + 8, &noise, 8);
    return row;
}

static int compare_ns(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return a < b ? -1 : a > b;
}

static void append(struct bench *bench)
{
    uint8_t *body = calloc(1, bench->body_bytes + 1);
    uint64_t commits = bench->rows / bench->rows_per_commit, n = 0;
    uint64_t *commit_ns = calloc(commits + 1, sizeof *commit_ns);
    CHECK(body && commit_ns);
    int64_t insert_ns = 0;
    struct stopwatch since = start();
    for (uint64_t i = 0; i < commits; i++) {
        int64_t cpu_before = now_ns(CLOCK_PROCESS_CPUTIME_ID);
        must(store_begin(bench->store), "begin");
        for (uint32_t j = 0; j < bench->rows_per_commit; j++) {
            struct message_row row = message_of(bench, ++n, body);
            must(message_append_later(bench->store, &row), "append");
        }
        must(message_append_rest(bench->store), "append the rest");
        insert_ns += now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_before;
        int64_t before = now_ns(CLOCK_MONOTONIC);
        must(store_commit(bench->store), "commit");
        must(store_checkpoint(bench->store, false), "checkpoint");
        commit_ns[i] = (uint64_t)(now_ns(CLOCK_MONOTONIC) - before);
    }
    stop(since, "append", n);
    printf("%-28s %.0f ns/row cpu\n", "  of which before the commit",
           (double)insert_ns / (double)n);
    bench->rows = n;
    qsort(commit_ns, commits, sizeof *commit_ns, compare_ns);
    printf("%-28s p50 %.0f us, p99 %.0f us, p99.9 %.0f us, max %.0f us\n",
           "  commit and checkpoint", (double)commit_ns[commits / 2] / 1e3,
           (double)commit_ns[commits * 99 / 100] / 1e3,
           (double)commit_ns[commits * 999 / 1000] / 1e3, (double)commit_ns[commits - 1] / 1e3);
    free(commit_ns);
    free(body);
}

static void checksum(const struct bench *bench)
{
    uint8_t *body = calloc(1, bench->body_bytes + 1);
    CHECK(body);
    uint64_t sum = 0;
    struct message_row row = message_of(bench, 1, body);
    struct stopwatch since = start();
    for (uint64_t n = 0; n < 1000000; n++) {
        row.seq = n;
        sum += checksum_of_message(&row);
    }
    stop(since, sum ? "checksum" : "checksum ", 1000000);
    free(body);
}

static enum err count_row(void *context, const struct message_row *message)
{
    CHECK(!message->is_damaged);
    ++*(uint64_t *)context;
    return ERR_OK;
}

static void read_back(struct bench *bench, uint64_t stride, const char *what)
{
    uint64_t seqs[HEADS], count = 0;
    struct stopwatch since = start();
    for (uint64_t seq = 1; seq <= bench->rows;) {
        size_t wanted = 0;
        for (; wanted < HEADS && seq <= bench->rows; seq += stride)
            seqs[wanted++] = seq;
        must(message_read(bench->store, 0, seqs, wanted, count_row, &count), "read");
    }
    stop(since, what, count);
}

static void heads(struct bench *bench)
{
    static struct message_head rows[HEADS];
    uint64_t after = 0, total = 0;
    size_t count = HEADS;
    struct stopwatch since = start();
    while (count == HEADS) {
        must(message_read_heads(bench->store, after, rows, HEADS, &count), "heads");
        total += count;
        after = count ? rows[count - 1].seq : after;
    }
    stop(since, "heads", total);
}

static void settle(struct bench *bench)
{
    const uint64_t settles = 2000;
    struct stopwatch since = start();
    for (uint64_t i = 1; i <= settles; i++) {
        must(store_begin(bench->store), "begin");
        must(consumer_set_floor(bench->store, bench->consumer_id, i), "floor");
        must(store_commit(bench->store), "commit");
    }
    stop(since, "settle, one per commit", settles);
    since = start();
    must(store_begin(bench->store), "begin");
    for (uint64_t i = 1; i <= 100000; i++) {
        struct exception_row row = {.consumer_id = bench->consumer_id,
                                    .seq = i,
                                    .last_seq = i,
                                    .state = EXCEPTION_SETTLED,
                                    .text = ""};
        must(exception_put(bench->store, &row), "exception");
    }
    must(store_commit(bench->store), "commit");
    stop(since, "settle out of order", 100000);
}

static void index_all(struct bench *bench, uint32_t slice)
{
    uint64_t left = 1, rows = bench->rows;
    struct stopwatch since = start();
    while (left > 0) {
        must(store_begin(bench->store), "begin");
        must(message_index_slice(bench->store, slice, &left), "index");
        must(store_commit(bench->store), "commit");
        must(store_checkpoint(bench->store, false), "checkpoint");
    }
    stop(since, "index", rows);
}

static void find(struct bench *bench)
{
    uint64_t found = 0;
    struct stopwatch since = start();
    for (uint64_t i = 0; i < 100000; i++) {
        struct message_row row = message_of(bench, 1 + i * 7919 % bench->rows, NULL);
        uint64_t seq = 0;
        must(message_find_indexed(bench->store, row.sender_id, row.message_id, &seq), "find");
        found += seq > 0;
    }
    CHECK(found == 100000);
    stop(since, "find by sender and id", found);
    since = start();
    for (uint64_t i = 0; i < 100000; i++) {
        struct message_row row = message_of(bench, bench->rows + 1 + i, NULL);
        uint64_t seq = 0;
        must(message_find_indexed(bench->store, row.sender_id, row.message_id, &seq), "find");
        CHECK(seq == 0);
    }
    stop(since, "find a new id: absent", 100000);
}

static void pages(struct bench *bench)
{
    uint64_t count = 0;
    struct stopwatch since = start();
    for (uint64_t i = 0; i < 1000; i++) {
        struct message_row row = message_of(bench, 1 + i * 7919 % bench->rows, NULL);
        struct message_page page = {
            .conversation = row.conversation, .limit = 50, .newest_first = true};
        must(message_read_conversation(bench->store, &page, count_row, &count), "page");
    }
    stop(since, "history, pages of 50", count);
    count = 0;
    since = start();
    for (int64_t peer = 1; peer <= 100; peer++)
        must(message_read_since(bench->store, peer, bench->rows / 2, 100, count_row, &count),
             "since");
    stop(since, "missed, pages of 100", count);
}

static void remove_half(struct bench *bench)
{
    uint64_t removed = 1, total = 0;
    int64_t middle_ms = 1700000000000 + (int64_t)(bench->rows / 2);
    struct stopwatch since = start();
    while (removed > 0) {
        must(store_begin(bench->store), "begin");
        must(message_remove_slice(bench->store, middle_ms, INT64_MAX, 4096, &removed), "remove");
        must(store_commit(bench->store), "commit");
        must(store_checkpoint(bench->store, false), "checkpoint");
        total += removed;
    }
    stop(since, "remove", total);
}

int main(int argc, char **argv)
{
    static struct bench bench = {.rows = 1000000, .rows_per_commit = 100, .body_bytes = 256};
    char path[4096], error[512] = "";
    (void)snprintf(path, sizeof path, "%s/store_speed.db", argc > 1 ? argv[1] : ".");
    if (argc > 2)
        bench.rows = strtoull(argv[2], NULL, 10);
    if (argc > 3)
        bench.rows_per_commit = (uint32_t)strtoul(argv[3], NULL, 10);
    if (argc > 4)
        bench.body_bytes = (uint32_t)strtoul(argv[4], NULL, 10);
    (void)unlink(path); /* of an earlier run */
    struct store_options options = {
        .path = path, .error_text = error, .error_text_size_bytes = sizeof error};
    enum err err = store_open(&options, &bench.store);
    if (err != ERR_OK)
        (void)fprintf(stderr, "%s\n", error);
    must(err, "open");
    setup(&bench);
    checksum(&bench);
    append(&bench);
    heads(&bench);
    read_back(&bench, 1, "read, dense");
    read_back(&bench, 10, "read, every 10th");
    read_back(&bench, 1000, "read, every 1000th");
    settle(&bench);
    index_all(&bench, 16384);
    find(&bench);
    pages(&bench);
    remove_half(&bench);
    struct stopwatch since = start();
    store_close(&bench.store);
    stop(since, "close", 1);
    since = start();
    must(store_open(&options, &bench.store), "open again");
    stop(since, "open", 1);
    store_close(&bench.store);
    return 0;
}
