/* SPDX-License-Identifier: MPL-2.0
 *
 * The last ten minutes of the broker, one sample per second, computed from the blocks of metrics of
 * all actors: rates from counters, gauges as they are, percentiles and heat from the differences of
 * histograms.
 *
 * Pure: blocks and times come in with each call, nothing else is looked at; the store is never asked.
 * Fixed memory (about 200 KB), whatever the broker does. A second in which nothing was committed has no
 * percentiles (HTTP_SAMPLE_NONE); seconds in which nobody took a sample are not there: each sample bears
 * its time.
 */
#ifndef GATEWAYS_HTTP_HTTP_SAMPLES_H
#define GATEWAYS_HTTP_HTTP_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/clock.h"
#include "rt/metrics.h"

#define HTTP_SAMPLES_MAX        600u
#define HTTP_SAMPLE_INTERVAL_MS 1000
#define HTTP_SAMPLE_NONE        (-1)
#define HTTP_SAMPLE_ACTORS_MAX  64u

/* SERIES(NAME, name, how, what)
 *   how   RATE    of a counter, per second
 *         GAUGE   summed over the actors
 *         MEAN, P50, P99   of what a histogram recorded in this second */
#define HTTP_SERIES(SERIES)                                                                        \
    SERIES(STORED, stored, RATE, METRIC_STORED)                                                    \
    SERIES(DELIVERED, delivered, RATE, METRIC_DELIVERED)                                           \
    SERIES(SETTLED, settled, RATE, METRIC_SETTLED)                                                 \
    SERIES(BYTES_IN, bytes_in, RATE, METRIC_BYTES_IN)                                              \
    SERIES(BYTES_OUT, bytes_out, RATE, METRIC_BYTES_OUT)                                           \
    SERIES(SESSIONS, sessions, GAUGE, METRIC_SESSIONS)                                             \
    SERIES(PEERS_ONLINE, peers_online, GAUGE, METRIC_PEERS_ONLINE)                                 \
    SERIES(WAITING, waiting, GAUGE, METRIC_WAITING)                                                \
    SERIES(LEASED, leased, GAUGE, METRIC_LEASED)                                                   \
    SERIES(WAL_BYTES, wal_bytes, GAUGE, METRIC_WAL_BYTES)                                          \
    SERIES(BATCH, batch, MEAN, METRIC_COMMIT_MESSAGES)                                             \
    SERIES(COMMIT_P50, commit_p50_us, P50, METRIC_COMMIT_US)                                       \
    SERIES(COMMIT_P99, commit_p99_us, P99, METRIC_COMMIT_US)                                       \
    SERIES(END_P50, end_to_end_p50_us, P50, METRIC_END_TO_END_US)                                  \
    SERIES(END_P99, end_to_end_p99_us, P99, METRIC_END_TO_END_US)

enum http_series {
#define SERIES(NAME, name, how, what) HTTP_SERIES_##NAME,
    HTTP_SERIES(SERIES)
#undef SERIES
        HTTP_SERIES_COUNT
};

/* The name in JSON. */
const char *http_series_name(enum http_series series);

/* Heat: how many commits took how long. Bucket i holds those of at most http_heat_bound_us(i); the
 * last one everything above. */
#define HTTP_HEAT_BUCKETS 20u
uint64_t http_heat_bound_us(unsigned bucket); /* of all but the last */

struct http_sample {
    int64_t at_ms; /* Unix time of its end */
    int64_t values[HTTP_SERIES_COUNT];
    uint32_t heat[HTTP_HEAT_BUCKETS];
};

/* What an actor did in the last second. */
struct http_actor_sample {
    uint32_t busy_permille;
    uint64_t messages_per_s;
};

struct http_samples;

struct http_samples *http_samples_new(void); /* NULL: no memory */
void http_samples_destroy(struct http_samples **samples);

/* Takes one sample of the time since the last call. The first call only notes where the counters
 * stand: false. */
bool http_samples_take(struct http_samples *samples, const struct metrics *blocks, size_t count,
                       struct mono_time now, struct wall_time wall);

/* How many there are, at most HTTP_SAMPLES_MAX; 0 is the oldest. */
size_t http_samples_count(const struct http_samples *samples);
const struct http_sample *http_samples_at(const struct http_samples *samples, size_t index);
const struct http_sample *http_samples_newest(const struct http_samples *samples); /* NULL: none */

/* Of the block with this index. Zeros before the first sample. */
struct http_actor_sample http_samples_actor(const struct http_samples *samples, size_t actor);

#endif
