/* SPDX-License-Identifier: MPL-2.0
 *
 * raw_index: what bringing the deferred tables forward costs, per row, in a store that has many
 * indexed messages already. One line of JSON for each mix and each size of a slice.
 *
 *     raw_index DIRECTORY [ROWS_BEFORE [MIX]]         (1,000,000; every mix)
 *
 * Mixes: one sender to 1,000 peers, or 100,000 conversations among 1,000 peers, each with message
 * ids that rise with the time (UUIDv7, 200 messages per millisecond) or with random ones. What is
 * measured is the processor time of the thread, user and system, so that a busy machine changes
 * the result little: `slice_us` of message_index_slice alone, `all_us` with commit and checkpoint.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "measure.h"
#include "store/consumers.h"
#include "store/conversation.h"
#include "store/messages.h"
#include "store/peers.h"
#include "store/store.h"

#define PEERS           1000
#define PARTNERS        100
#define BODY_SIZE_BYTES 256
#define IDS_PER_MS      200
#define ROWS_PER_COMMIT 4096
#define SLICE_BEFORE    32768

struct mix {
    const char *name;
    bool is_one_sender, is_random_id;
};

static const struct mix mixes[] = {
    {"one_sender_time", true, false},
    {"one_sender_random", true, true},
    {"many_time", false, false},
    {"many_random", false, true},
};

static const struct {
    uint32_t rows;
    unsigned slices;
} sizes[] = {{32768, 8}, {4096, 16}};

struct run {
    struct store *store;
    const struct mix *mix;
    int64_t scope_ids[PEERS + 1];
    uint64_t next;
};

static void must(enum err err, const char *what)
{
    if (err != ERR_OK) {
        bench_fail("%s: %s", what, err_name(err));
    }
}

static double thread_cpu_us(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage) != 0) {
        bench_fail("getrusage");
    }
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static uint64_t mixed(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

static void make_id(const struct mix *mix, uint64_t n, uint8_t *ret_id)
{
    uint64_t high = mixed(2 * n + 1), low = mixed(2 * n + 2);
    if (!mix->is_random_id) {
        high = (1700000000000 + n / IDS_PER_MS) << 16 | 0x7000 | (high & 0xfff);
    }
    high = __builtin_bswap64(high);
    memcpy(ret_id, &high, sizeof high);
    memcpy(ret_id + 8, &low, sizeof low);
}

static struct message_row make_row(const struct run *run, uint64_t n)
{
    static const uint8_t body[BODY_SIZE_BYTES] = "a body";
    uint64_t chance = mixed(n);
    int64_t sender = run->mix->is_one_sender ? 1 : 1 + (int64_t)(chance % PEERS);
    int64_t partners = run->mix->is_one_sender ? PEERS : PARTNERS;
    int64_t other = 1 + (sender + (int64_t)(chance >> 32) % partners) % PEERS;
    struct message_row row = {
        .scope_id = run->scope_ids[other],
        .sender_id = sender,
        .stored_ms = 1700000000000 + (int64_t)n,
        .expires_ms = 1700000000000 + (int64_t)n + 604800000,
        .created_ms = 1700000000000 + (int64_t)n,
        .conversation = conversation_of_peers(sender, other),
        .body = {body, sizeof body},
    };
    make_id(run->mix, n, row.message_id);
    return row;
}

static void make_peers(struct run *run)
{
    must(store_begin(run->store), "begin");
    for (int i = 1; i <= PEERS; i++) {
        char name[32];
        int64_t id = 0;
        (void)snprintf(name, sizeof name, "peer%d", i);
        must(peer_create(run->store, name, name, 1, &id), "peer_create");
        must(scope_create(run->store, SCOPE_PEER, name, name, id, 1, &run->scope_ids[i]),
             "scope_create");
    }
    must(store_commit(run->store), "commit");
}

static void append(struct run *run, uint64_t rows)
{
    while (rows > 0) {
        must(store_begin(run->store), "begin");
        for (unsigned i = 0; i < ROWS_PER_COMMIT && rows > 0; i++, rows--) {
            struct message_row row = make_row(run, ++run->next);
            must(message_append(run->store, &row), "append");
        }
        must(store_commit(run->store), "commit");
        must(store_checkpoint(run->store, false), "checkpoint");
    }
}

/* Adds what it took to both sums; false when nothing is left. */
static bool index_one(struct run *run, uint32_t rows, double *inout_slice_us, double *inout_all_us)
{
    uint64_t left = 0;
    double start_us = thread_cpu_us();
    must(store_begin(run->store), "begin");
    must(message_index_slice(run->store, rows, &left), "index");
    *inout_slice_us += thread_cpu_us() - start_us;
    must(store_commit(run->store), "commit");
    must(store_checkpoint(run->store, false), "checkpoint");
    *inout_all_us += thread_cpu_us() - start_us;
    return left > 0;
}

static void measure(struct run *run, uint32_t rows, unsigned slices)
{
    double slice_us = 0, all_us = 0;
    for (unsigned i = 0; i < slices; i++) {
        append(run, rows);
        (void)index_one(run, rows, &slice_us, &all_us); /* nothing is left */
    }
    double total = (double)rows * slices;
    (void)printf("{\"raw\":\"index\",\"mix\":\"%s\",\"slice\":%" PRIu32
                 ",\"slice_us\":%.2f,\"all_us\":%.2f}\n",
                 run->mix->name, rows, slice_us / total, all_us / total);
    (void)fflush(stdout);
}

static void remove_store(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-lock"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char name[4200];
        (void)snprintf(name, sizeof name, "%s%s", path, endings[i]);
        (void)unlink(name); /* it may not be there */
    }
}

static void run_mix(const struct mix *mix, const char *path, uint64_t rows_before)
{
    static struct run run;
    char error[512] = "";
    struct store_options options = {
        .path = path, .error_text = error, .error_text_size_bytes = sizeof error};
    run = (struct run){.mix = mix};
    remove_store(path);
    if (store_open(&options, &run.store) != ERR_OK) {
        bench_fail("%s", error);
    }
    make_peers(&run);
    append(&run, rows_before);
    double ignored = 0;
    while (index_one(&run, SLICE_BEFORE, &ignored, &ignored)) {
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        measure(&run, sizes[i].rows, sizes[i].slices);
    }
    store_close(&run.store);
    remove_store(path);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4) {
        (void)fputs("Usage: raw_index DIRECTORY [ROWS_BEFORE [MIX]]\n", stderr);
        return 2;
    }
    char path[4096];
    if (snprintf(path, sizeof path, "%s/raw_index.tmp", argv[1]) >= (int)sizeof path) {
        bench_fail("the directory's name is too long");
    }
    uint64_t rows = 1000000;
    if (argc > 2) {
        rows = (uint64_t)bench_number("ROWS_BEFORE", argv[2], 0, 1000000000);
    }
    for (size_t i = 0; i < sizeof mixes / sizeof *mixes; i++) {
        if (argc < 4 || strcmp(argv[3], mixes[i].name) == 0) {
            run_mix(&mixes[i], path, rows);
        }
    }
    return 0;
}
