/* SPDX-License-Identifier: MPL-2.0
 *
 * See bench_run.h.
 */
#include "clients/cli/bench_run.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rt/clock.h"

#define TIMES_MAX     (1u << 17) /* more than may be unanswered */
#define BATCH         256
#define DRAIN_IDLE_MS 500
#define WATCH_MS      20
#define NS_PER_S      1000000000ll

struct producer {
    struct bench *bench;
    pthread_t thread;
    uint64_t share; /* messages to send; 0: until the time is up */
    struct roost *roost;
    _Atomic int64_t *sent_ns; /* by ticket % TIMES_MAX */
    struct histogram latency_ns;
    _Atomic uint64_t answered;
    uint64_t refused;
    enum roost_error error;
    pthread_barrier_t *start;
    int64_t end_ns;
    _Atomic uint32_t is_over;
};

int64_t bench_now_ns(void)
{
    return clock_mono_now().ns;
}

static void sleep_until(int64_t at_ns)
{
    struct timespec at = {.tv_sec = at_ns / NS_PER_S, .tv_nsec = at_ns % NS_PER_S};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
        continue; /* a signal */
}

/* -------------------------------------------------------------------------------- publish */

static void on_sent(void *context, const struct roost_sent *sent)
{
    struct producer *producer = context;
    int64_t sent_ns =
        atomic_load_explicit(&producer->sent_ns[sent->ticket % TIMES_MAX], memory_order_relaxed);
    int64_t took_ns = bench_now_ns() - sent_ns;
    if (sent->code == ROOST_OK || sent->code == ROOST_DUPLICATE)
        histogram_record(&producer->latency_ns, took_ns > 0 ? (uint64_t)took_ns : 0);
    else
        producer->refused++;
    atomic_fetch_add_explicit(&producer->answered, 1, memory_order_relaxed);
}

/* When it was sent, and in which run. */
static void stamp(const struct bench *bench, uint8_t *body, int64_t sent_ns)
{
    memcpy(body, &sent_ns, sizeof(sent_ns));
    memcpy(body + sizeof(sent_ns), &bench->run_id, sizeof(bench->run_id));
}

static enum roost_error produce(struct producer *producer, int64_t start_ns)
{
    const struct bench *bench = producer->bench;
    int64_t end_ns = start_ns + (int64_t)bench->duration_ms * 1000000;
    int64_t gap_ns =
        bench->rate_per_s ? NS_PER_S * bench->producers / (int64_t)bench->rate_per_s : 0;
    uint8_t *body = malloc(bench->size_bytes + 1);
    enum roost_error error = body ? ROOST_OK : ROOST_NO_MEMORY;
    for (uint32_t i = 0; body && i < bench->size_bytes; i++)
        body[i] = (uint8_t)(i * 131 + 7);
    struct roost_outgoing message = {.scope = bench->scope,
                                     .body = body,
                                     .body_size = bench->size_bytes,
                                     .kind = ROOST_KIND_CUSTOM,
                                     .ttl_ms = bench->ttl_ms};
    for (uint64_t i = 0; !error && (!producer->share || i < producer->share); i++) {
        int64_t due_ns = gap_ns ? start_ns + (int64_t)i * gap_ns : bench_now_ns();
        if (gap_ns && due_ns > bench_now_ns())
            sleep_until(due_ns);
        if (!producer->share && due_ns >= end_ns)
            break;
        if (i >= bench->window && roost_answered(producer->roost) + bench->window <= i)
            error = roost_flush(producer->roost, i - bench->window + 1, bench->timeout_ms);
        if (!gap_ns)
            due_ns = bench_now_ns();
        atomic_store_explicit(&producer->sent_ns[(i + 1) % TIMES_MAX], due_ns,
                              memory_order_relaxed);
        if (bench->run_id != 0)
            stamp(bench, body, due_ns);
        if (!error)
            error = roost_send(producer->roost, &message, bench->timeout_ms, NULL, NULL);
    }
    free(body);
    return error ? error : roost_flush(producer->roost, 0, bench->timeout_ms);
}

static void *run_producer(void *argument)
{
    struct producer *producer = argument;
    const struct bench *bench = producer->bench;
    struct roost_options options = {
        .url = bench->url,
        .peer = bench->peer,
        .software = "roost bench",
        .on_sent = on_sent,
        .context = producer,
    };
    producer->error = roost_open(&options, &producer->roost);
    if (!producer->error)
        producer->error = roost_connect_wait(producer->roost, bench->timeout_ms);
    (void)pthread_barrier_wait(producer->start); /* one of them hears that it was the last */
    if (!producer->error)
        producer->error = produce(producer, bench_now_ns());
    producer->end_ns = bench_now_ns();
    (void)roost_close(&producer->roost, bench->timeout_ms); /* what counts is answered */
    atomic_store_explicit(&producer->is_over, 1, memory_order_release);
    return NULL;
}

static void watch(struct bench *bench, struct producer *producers, int64_t start_ns)
{
    uint32_t over = 0;
    while (over < bench->producers) {
        uint64_t done = 0;
        over = 0;
        for (uint32_t i = 0; i < bench->producers; i++) {
            done += atomic_load_explicit(&producers[i].answered, memory_order_relaxed);
            over += atomic_load_explicit(&producers[i].is_over, memory_order_acquire);
        }
        progress_show(bench->progress,
                      bench->count ? done : (uint64_t)(bench_now_ns() - start_ns) / 1000000);
        if (over < bench->producers)
            sleep_until(bench_now_ns() + WATCH_MS * 1000000);
    }
}

static void gather(struct bench *bench, const struct producer *producers, int64_t start_ns)
{
    int64_t end_ns = start_ns;
    for (uint32_t i = 0; i < bench->producers; i++) {
        histogram_merge(&bench->latency_ns, &producers[i].latency_ns);
        bench->done += atomic_load_explicit(&producers[i].answered, memory_order_relaxed);
        bench->refused += producers[i].refused;
        end_ns = producers[i].end_ns > end_ns ? producers[i].end_ns : end_ns;
    }
    bench->seconds = (double)(end_ns - start_ns) / 1e9;
}

static bool start_producer(struct bench *bench, struct producer *producer, uint32_t index,
                           pthread_barrier_t *start)
{
    producer->bench = bench;
    producer->start = start;
    if (bench->count) {
        producer->share = bench->count / bench->producers;
        producer->share += index < bench->count % bench->producers;
    }
    producer->sent_ns = calloc(TIMES_MAX, sizeof(*producer->sent_ns));
    return producer->sent_ns &&
           pthread_create(&producer->thread, NULL, run_producer, producer) == 0;
}

enum roost_error bench_publish(struct bench *bench)
{
    pthread_barrier_t start;
    enum roost_error error = ROOST_OK;
    struct producer *producers = calloc(bench->producers, sizeof(*producers));
    if (!producers || pthread_barrier_init(&start, NULL, bench->producers + 1) != 0)
        return ROOST_NO_MEMORY;
    for (uint32_t i = 0; i < bench->producers; i++) {
        if (!start_producer(bench, &producers[i], i, &start)) {
            (void)fputs("roost: cannot start a thread\n", stderr);
            exit(1); /* those started wait at the barrier */
        }
    }
    (void)pthread_barrier_wait(&start); /* one of them hears that it was the last */
    int64_t start_ns = bench_now_ns();
    watch(bench, producers, start_ns);
    for (uint32_t i = 0; i < bench->producers; i++) {
        (void)pthread_join(producers[i].thread, NULL); /* ours, joinable */
        error = producers[i].error ? producers[i].error : error;
    }
    gather(bench, producers, start_ns);
    for (uint32_t i = 0; i < bench->producers; i++)
        free(producers[i].sent_ns);
    free(producers);
    (void)pthread_barrier_destroy(&start); /* nobody waits at it */
    return error;
}

/* --------------------------------------------------------------------- drain and echo */

enum roost_error bench_open_consumer(const struct bench *bench,
                                     const struct roost_attach_options *attach, struct roost **ret,
                                     struct roost_consumer **ret_consumer)
{
    struct roost_options options = {
        .url = bench->url, .peer = bench->peer, .software = "roost bench"};
    enum roost_error error = roost_open(&options, ret);
    if (!error)
        error = roost_connect_wait(*ret, bench->timeout_ms);
    if (!error)
        error = roost_attach(*ret, attach, bench->timeout_ms, ret_consumer);
    return error;
}

/* Takes until nothing comes for a while; *ret_last_ns is when the last one was taken. */
static enum roost_error take_all(struct bench *bench, struct roost_consumer *consumer,
                                 int64_t *ret_last_ns)
{
    const struct roost_message *messages[BATCH];
    while (bench->count == 0 || bench->done < bench->count) {
        size_t taken;
        uint64_t left = bench->count ? bench->count - bench->done : BATCH;
        enum roost_error error = roost_receive_many(consumer, DRAIN_IDLE_MS, messages,
                                                    left < BATCH ? left : BATCH, &taken);
        if (error == ROOST_TIMEOUT)
            return ROOST_OK;
        if (error)
            return error;
        for (size_t i = 0; i < taken; i++) {
            (void)roost_ack(messages[i]); /* confirmed in the end */
            roost_message_destroy(&messages[i]);
        }
        bench->done += taken;
        *ret_last_ns = bench_now_ns();
        progress_show(bench->progress, bench->done);
    }
    return ROOST_OK;
}

enum roost_error bench_drain(struct bench *bench)
{
    struct roost *roost = NULL;
    struct roost_consumer *consumer = NULL;
    struct roost_attach_options attach = {.scope = bench->scope, .window_messages = bench->window};
    enum roost_error error = bench_open_consumer(bench, &attach, &roost, &consumer);
    int64_t start_ns = bench_now_ns();
    int64_t last_ns = start_ns;
    if (!error)
        error = take_all(bench, consumer, &last_ns);
    int64_t confirm_ns = bench_now_ns();
    if (!error)
        error = roost_confirm(consumer, bench->timeout_ms, NULL);
    last_ns +=
        bench_now_ns() - confirm_ns; /* the idle wait does not count, the confirmation does */
    bench->seconds = (double)(last_ns - start_ns) / 1e9;
    roost_detach(&consumer);
    (void)roost_close(&roost, bench->timeout_ms); /* confirmed above */
    return error;
}

static enum roost_error echo_one(struct bench *bench, struct roost *roost,
                                 struct roost_consumer *consumer,
                                 const struct roost_outgoing *message, int64_t due_ns)
{
    const struct roost_message *received;
    uint8_t id[ROOST_ID_BYTES];
    bool is_it = false;
    enum roost_error error = roost_send(roost, message, bench->timeout_ms, NULL, id);
    while (!error && !is_it) {
        error = roost_receive(consumer, bench->timeout_ms, &received);
        if (error)
            return error;
        is_it = memcmp(received->message_id, id, sizeof(id)) == 0; /* or an earlier run's */
        if (is_it)
            histogram_record(&bench->latency_ns, (uint64_t)(bench_now_ns() - due_ns));
        (void)roost_ack(received); /* confirmed in the end */
        roost_message_destroy(&received);
    }
    bench->done += is_it;
    return error;
}

static enum roost_error echo_all(struct bench *bench, struct roost *roost,
                                 struct roost_consumer *consumer,
                                 const struct roost_outgoing *message)
{
    int64_t start_ns = bench_now_ns();
    int64_t end_ns = start_ns + (int64_t)bench->duration_ms * 1000000;
    int64_t gap_ns = bench->rate_per_s ? NS_PER_S / (int64_t)bench->rate_per_s : 0;
    enum roost_error error = ROOST_OK;
    while (!error && (bench->count ? bench->done < bench->count : bench_now_ns() < end_ns)) {
        int64_t due_ns = gap_ns ? start_ns + (int64_t)bench->done * gap_ns : bench_now_ns();
        if (gap_ns && due_ns > bench_now_ns())
            sleep_until(due_ns);
        error = echo_one(bench, roost, consumer, message, due_ns);
        progress_show(bench->progress,
                      bench->count ? bench->done : (uint64_t)(bench_now_ns() - start_ns) / 1000000);
    }
    bench->seconds = (double)(bench_now_ns() - start_ns) / 1e9;
    return error ? error : roost_confirm(consumer, bench->timeout_ms, NULL);
}

enum roost_error bench_echo(struct bench *bench)
{
    struct roost *roost = NULL;
    struct roost_consumer *consumer = NULL;
    uint8_t *body = calloc(1, bench->size_bytes + 1);
    struct roost_outgoing message = {.scope = bench->scope,
                                     .body = body,
                                     .body_size = bench->size_bytes,
                                     .kind = ROOST_KIND_CUSTOM,
                                     .ttl_ms = bench->ttl_ms};
    struct roost_attach_options attach = {.scope = bench->scope};
    enum roost_error error =
        body ? bench_open_consumer(bench, &attach, &roost, &consumer) : ROOST_NO_MEMORY;
    if (!error)
        error = echo_all(bench, roost, consumer, &message);
    roost_detach(&consumer);
    (void)roost_close(&roost, bench->timeout_ms); /* confirmed above */
    free(body);
    return error;
}
