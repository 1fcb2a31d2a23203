/* SPDX-License-Identifier: MPL-2.0
 *
 * The work every broker is measured with, and the table of operations a broker's driver fills in
 * so that all of them do exactly the same.
 *
 *   publish   P producers, each in a thread of its own, keep W messages in flight for some seconds;
 *             counted are the confirmations that arrive between two moments after a warm-up.
 *   drain     a fixed number of messages is stored first; then one consumer takes and settles them
 *             all; the clock stops when the server knows every one as settled.
 *   latency   one producer sends at a fixed rate whether or not answers arrive, one consumer
 *             takes and settles; confirm and end-to-end latency.
 *
 * After each scenario the server is asked how many messages it holds (publish) or still owes
 * (drain): a difference is a failure, not a result.
 *
 * Latency is counted from the moment a message is handed to the driver. Sends that were more than
 * 1 ms behind their schedule are reported as late_sends, since they hide waiting.
 *
 * A driver knows one broker and nothing about scenarios. Its operations are called by one thread
 * per producer or consumer, which may block; they exit by bench_fail() when the broker misbehaves.
 */
#ifndef BENCH_SCENARIO_H
#define BENCH_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measure.h"

#define SCENARIO_BODY_SIZE_MIN 16
#define SCENARIO_WINDOW_MAX    65536

struct target {
    const char *host;
    uint16_t port;
    const char *variant; /* the driver's own option, such as "dedup"; "" when none */
    unsigned window;     /* messages in flight a producer will not exceed */
    size_t body_size_bytes;
};

/* Where a consumer hands each message it got; the scenario reads the time of sending from it. */
struct delivery_sink {
    void (*take)(struct delivery_sink *sink, const void *body, size_t size_bytes);
};

struct driver {
    const char *name;
    const char *about; /* one line for --help: what is spoken to, and the variants */

    /* Called once, before any producer or consumer: creates stream, queue, consumer group. */
    void (*prepare)(const struct target *target);

    /* A connected producer; index is 0 .. P-1. `target` outlives it. */
    void *(*producer_open)(const struct target *target, unsigned index);
    /* Queues one message; may keep it until flush. The body is valid during the call only. */
    void (*publish)(void *producer, const void *body, size_t size_bytes);
    /* Everything queued is on its way to the server on return. */
    void (*flush)(void *producer);
    /* Waits until at least one more message is confirmed or the timeout has passed, then takes
     * every confirmation already here without waiting. Confirmations come in the order of
     * publishing. Returns how many. A refused message is a failure. */
    unsigned (*confirmed)(void *producer, int64_t timeout_ns);
    void (*producer_close)(void *producer);

    /* The one consumer, created by prepare(), starting at the oldest message. */
    void *(*consumer_open)(const struct target *target);
    /* Waits for messages or the timeout, gives each to the sink and settles it. Returns how many
     * it settled. Pipelining the next fetch is the driver's business. */
    unsigned (*consume)(void *consumer, int64_t timeout_ns, struct delivery_sink *sink);
    void (*consumer_close)(void *consumer);

    /* Messages the server holds; messages the consumer has not settled as the server sees it. */
    int64_t (*stored)(const struct target *target);
    int64_t (*unsettled)(const struct target *target);
};

struct scenario {
    const struct driver *driver;
    struct target target;
    unsigned producers;
    unsigned warmup_ms;
    unsigned duration_ms;
    unsigned rate_per_s;  /* latency only */
    uint64_t drain_count; /* drain only: messages stored before */
    int server_pid;       /* 0: the server's processor time is not measured */
};

/* Each runs to its end, checks the server's count and prints one line of JSON to `out`. */
void scenario_publish(const struct scenario *scenario, FILE *out);
void scenario_drain(const struct scenario *scenario, FILE *out);
void scenario_latency(const struct scenario *scenario, FILE *out);

#endif
