/* SPDX-License-Identifier: MPL-2.0
 *
 * `roost bench` with takers: see bench_run.h. Each taker has a session and a thread of its own and goes
 * on until it has what was published, or nothing has come for a while after the last of it was.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/bench_run.h"

#define BATCH       256
#define STEP_MS     50
#define PATIENCE_NS 10000000000ll
#define UNKNOWN     UINT64_MAX

struct taker {
    struct bench *bench;
    _Atomic uint64_t *expected; /* UNKNOWN while there is still published */
    pthread_t thread;
    struct roost *roost;
    struct roost_consumer *consumer;
    struct histogram latency_ns;
    uint64_t taken;
    int64_t last_ns;
    enum roost_error error;
};

static void take_one(struct taker *taker, const struct roost_message *message)
{
    int64_t sent_ns;
    uint64_t run_id;
    if (message->body_size < BENCH_STAMP_BYTES)
        return;
    memcpy(&sent_ns, message->body, sizeof(sent_ns));
    memcpy(&run_id, (const uint8_t *)message->body + sizeof(sent_ns), sizeof(run_id));
    if (run_id != taker->bench->run_id)
        return; /* of an earlier run */
    int64_t took_ns = bench_now_ns() - sent_ns;
    histogram_record(&taker->latency_ns, took_ns > 0 ? (uint64_t)took_ns : 0);
    taker->taken++;
}

static enum roost_error take_some(struct taker *taker)
{
    const struct roost_message *messages[BATCH];
    size_t count;
    enum roost_error error = roost_receive_many(taker->consumer, STEP_MS, messages, BATCH, &count);
    if (error)
        return error == ROOST_TIMEOUT ? ROOST_OK : error;
    for (size_t i = 0; i < count; i++) {
        take_one(taker, messages[i]);
        (void)roost_ack(messages[i]); /* confirmed in the end */
        roost_message_destroy(&messages[i]);
    }
    taker->last_ns = bench_now_ns();
    return ROOST_OK;
}

static void *run_taker(void *argument)
{
    struct taker *taker = argument;
    uint64_t expected = UNKNOWN;
    while (!taker->error && (expected == UNKNOWN || taker->taken < expected)) {
        taker->error = take_some(taker);
        uint64_t before = expected;
        expected = atomic_load_explicit(taker->expected, memory_order_acquire);
        if (before == UNKNOWN && expected != UNKNOWN)
            taker->last_ns = bench_now_ns();
        if (expected != UNKNOWN && bench_now_ns() - taker->last_ns > PATIENCE_NS)
            taker->error = ROOST_TIMEOUT;
    }
    if (!taker->error)
        taker->error = roost_confirm(taker->consumer, taker->bench->timeout_ms, NULL);
    return NULL;
}

static enum roost_error start_takers(struct bench *bench, struct taker *takers, uint32_t count,
                                     bool is_topic, _Atomic uint64_t *expected)
{
    struct roost_attach_options attach = {
        .scope = bench->scope, .window_messages = 8192, .ephemeral = is_topic};
    for (uint32_t i = 0; i < count; i++) {
        takers[i].bench = bench;
        takers[i].expected = expected;
        enum roost_error error =
            bench_open_consumer(bench, &attach, &takers[i].roost, &takers[i].consumer);
        if (error)
            return error;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (pthread_create(&takers[i].thread, NULL, run_taker, &takers[i]) != 0) {
            (void)fputs("roost: cannot start a thread\n", stderr);
            exit(1); /* the others wait for messages */
        }
    }
    return ROOST_OK;
}

static enum roost_error join_takers(struct bench *bench, struct taker *takers, uint32_t count)
{
    enum roost_error error = ROOST_OK;
    for (uint32_t i = 0; i < count; i++) {
        (void)pthread_join(takers[i].thread, NULL); /* ours, joinable */
        histogram_merge(&bench->end_to_end_ns, &takers[i].latency_ns);
        bench->delivered += takers[i].taken;
        error = takers[i].error ? takers[i].error : error;
    }
    return error;
}

static void close_takers(struct bench *bench, struct taker *takers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        roost_detach(&takers[i].consumer);
        (void)roost_close(&takers[i].roost, bench->timeout_ms); /* confirmed, or given up */
    }
}

enum roost_error bench_flow(struct bench *bench, bool is_topic)
{
    _Atomic uint64_t expected = UNKNOWN;
    uint32_t count = is_topic ? bench->subscribers : 1;
    struct taker *takers = calloc(count, sizeof(*takers));
    if (takers == NULL)
        return ROOST_NO_MEMORY;
    int64_t start_ns = bench_now_ns();
    bench->run_id = (uint64_t)start_ns | 1;
    enum roost_error error = start_takers(bench, takers, count, is_topic, &expected);
    if (!error) {
        start_ns = bench_now_ns();
        error = bench_publish(bench);
        /* On an error they stop with what was confirmed. */
        atomic_store_explicit(&expected, bench->done - bench->refused, memory_order_release);
        enum roost_error of_takers = join_takers(bench, takers, count);
        error = error ? error : of_takers;
        bench->seconds = (double)(bench_now_ns() - start_ns) / 1e9;
    }
    close_takers(bench, takers, count);
    free(takers);
    return error;
}
