/* SPDX-License-Identifier: MPL-2.0
 *
 * See producer.h. A full window is refilled when a tenth of it is free rather than for every
 * single confirmation: otherwise a server that answers one by one would be sent one by one, and
 * the client would be what is measured.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "producer.h"

#define PATIENCE_NS  30000000000LL /* without any confirmation: the server is stuck */
#define WAIT_STEP_NS 100000000LL
#define LATE_NS      1000000LL

static void producer_send(struct producer *producer)
{
    int64_t now_ns = bench_now_ns();
    uint64_t number = (uint64_t)producer->index << 48 | producer->sent;
    memcpy(producer->body, &now_ns, sizeof now_ns);
    memcpy(producer->body + sizeof now_ns, &number, sizeof number);
    producer->sent_ns[producer->sent % SCENARIO_WINDOW_MAX] = now_ns;
    producer->scenario->driver->publish(producer->session, producer->body,
                                        producer->scenario->target.body_size_bytes);
    producer->sent++;
}

static uint64_t in_flight(struct producer *producer)
{
    return producer->sent - atomic_load_explicit(&producer->acked, memory_order_relaxed);
}

/* Waits for confirmations and books them. Returns how many came. */
static unsigned producer_collect(struct producer *producer, int64_t timeout_ns)
{
    unsigned count = producer->scenario->driver->confirmed(producer->session, timeout_ns);
    if (count > in_flight(producer)) {
        bench_fail("%s confirmed more messages than were sent", producer->scenario->driver->name);
    }
    uint64_t first = atomic_load_explicit(&producer->acked, memory_order_relaxed);
    if (count > 0 && atomic_load_explicit(producer->is_measuring, memory_order_relaxed)) {
        int64_t now_ns = bench_now_ns();
        for (unsigned i = 0; i < count; i++) {
            int64_t sent_ns = producer->sent_ns[(first + i) % SCENARIO_WINDOW_MAX];
            histogram_record(&producer->confirm, now_ns - sent_ns);
        }
    }
    atomic_store_explicit(&producer->acked, first + count, memory_order_relaxed);
    return count;
}

/* As producer_collect, but a server that stays silent ends the program. */
static void producer_collect_some(struct producer *producer)
{
    int64_t begin_ns = bench_now_ns();
    while (producer_collect(producer, WAIT_STEP_NS) == 0) {
        if (bench_now_ns() - begin_ns > PATIENCE_NS) {
            bench_fail("%s: no confirmation for 30 s", producer->scenario->driver->name);
        }
    }
}

static bool is_done(const struct producer *producer)
{
    return atomic_load_explicit(producer->is_stopping, memory_order_relaxed) ||
           (producer->messages_max > 0 && producer->sent >= producer->messages_max);
}

static void run_window(struct producer *producer)
{
    unsigned window = producer->scenario->target.window;
    unsigned refill = window >= 10 ? window / 10 : 1;
    while (!is_done(producer)) {
        uint64_t room = window - in_flight(producer);
        if (room >= refill) {
            for (uint64_t i = 0; i < room && !is_done(producer); i++) {
                producer_send(producer);
            }
            producer->scenario->driver->flush(producer->session);
        }
        producer_collect_some(producer);
    }
}

static void run_rate(struct producer *producer)
{
    int64_t step_ns = 1000000000LL / producer->rate_per_s;
    int64_t due_ns = bench_now_ns() + step_ns;
    while (!is_done(producer)) {
        int64_t now_ns = bench_now_ns();
        if (now_ns < due_ns) {
            if (in_flight(producer) > 0) {
                (void)producer_collect(producer, due_ns - now_ns); /* any number will do */
            } else {
                bench_sleep_until(due_ns);
            }
            continue;
        }
        if (in_flight(producer) >= SCENARIO_WINDOW_MAX) {
            bench_fail("%s does not keep up with the rate", producer->scenario->driver->name);
        }
        producer->late_sends += now_ns - due_ns > LATE_NS;
        producer_send(producer);
        producer->scenario->driver->flush(producer->session);
        due_ns += step_ns;
    }
}

static void *producer_run(void *argument)
{
    struct producer *producer = argument;
    const struct driver *driver = producer->scenario->driver;
    (void)prctl(PR_SET_TIMERSLACK, 1UL); /* only affects how punctual the sends are */
    producer->session = driver->producer_open(&producer->scenario->target, producer->index);
    (void)pthread_barrier_wait(producer->start);
    if (producer->rate_per_s > 0) {
        run_rate(producer);
    } else {
        run_window(producer);
    }
    while (in_flight(producer) > 0) {
        producer_collect_some(producer);
    }
    driver->producer_close(producer->session);
    return NULL;
}

void producer_start(struct producer *producer)
{
    size_t size_bytes = producer->scenario->target.body_size_bytes;
    producer->body = malloc(size_bytes);
    producer->sent_ns = calloc(SCENARIO_WINDOW_MAX, sizeof *producer->sent_ns);
    if (producer->body == NULL || producer->sent_ns == NULL) {
        bench_fail("out of memory");
    }
    uint32_t pattern = 2463534242U + producer->index;
    for (size_t i = 0; i < size_bytes; i++) {
        pattern = pattern * 1664525U + 1013904223U;
        producer->body[i] = (uint8_t)(pattern >> 24);
    }
    if (pthread_create(&producer->thread, NULL, producer_run, producer) != 0) {
        bench_fail("cannot start a producer thread");
    }
}

void producer_join(struct producer *producer)
{
    (void)pthread_join(producer->thread, NULL); /* fails only for a thread that never was */
    free(producer->body);
    free(producer->sent_ns);
    producer->body = NULL;
    producer->sent_ns = NULL;
}

int64_t producer_body_sent_ns(const void *body)
{
    int64_t sent_ns;
    memcpy(&sent_ns, body, sizeof sent_ns);
    return sent_ns;
}
