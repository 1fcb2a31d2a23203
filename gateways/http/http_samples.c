/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_samples.h. What the counters and the three histograms were at the last sample is kept, so
 * each sample is a difference. A counter that went back (the block was zeroed) counts from zero.
 */
#include "gateways/http/http_samples.h"

#include <stdlib.h>
#include <string.h>

#include "rt/check.h"

#define NS_PER_S        1000000000
#define PERMILLE        1000
#define HEAT_FIRST_BITS 6 /* the first bound is 64 us */

enum how { RATE, GAUGE, MEAN, P50, P99 };

struct series_row {
    const char *name;
    enum how how;
    int what; /* enum metric or enum metric_histogram */
};

static const struct series_row rows[HTTP_SERIES_COUNT] = {
#define SERIES(NAME, name, how, what) [HTTP_SERIES_##NAME] = {#name, how, what},
    HTTP_SERIES(SERIES)
#undef SERIES
};

/* What a histogram has recorded, of all actors together. */
struct spread {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t sum;
};

struct http_samples {
    struct http_sample ring[HTTP_SAMPLES_MAX];
    uint64_t taken;
    bool has_last;
    struct mono_time last_at;
    int64_t last_values[METRIC_COUNT];
    struct spread last_spreads[METRIC_HISTOGRAM_COUNT];
    struct spread news; /* of the histogram in hand, since the last sample */
    struct {
        int64_t busy_ns, messages;
        struct http_actor_sample sample;
    } actors[HTTP_SAMPLE_ACTORS_MAX];
};

const char *http_series_name(enum http_series series)
{
    return rows[series].name;
}

uint64_t http_heat_bound_us(unsigned bucket)
{
    CHECK(bucket < HTTP_HEAT_BUCKETS - 1);
    return (uint64_t)1 << (HEAT_FIRST_BITS + bucket);
}

struct http_samples *http_samples_new(void)
{
    return calloc(1, sizeof(struct http_samples));
}

void http_samples_destroy(struct http_samples **samples)
{
    free(*samples);
    *samples = NULL;
}

/* --- Histograms */

static uint64_t load(const _Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static uint64_t since(uint64_t last, uint64_t now)
{
    return now >= last ? now - last : now;
}

/* Into samples->news what came since the last time. Its count is that of the buckets, so that it is
 * consistent in itself while others record. */
static uint64_t take_spread(struct http_samples *samples, const struct metrics *blocks,
                            size_t count, enum metric_histogram which)
{
    struct spread now = {.sum = 0};
    for (size_t i = 0; i < count; i++) {
        const struct histogram *histogram = &blocks[i].histograms[which];
        if (load(&histogram->count) == 0)
            continue;
        now.sum += load(&histogram->sum);
        for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
            now.buckets[bucket] += load(&histogram->buckets[bucket]);
    }
    struct spread *last = &samples->last_spreads[which];
    uint64_t total = 0;
    samples->news.sum = since(last->sum, now.sum);
    for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        samples->news.buckets[bucket] = since(last->buckets[bucket], now.buckets[bucket]);
        total += samples->news.buckets[bucket];
    }
    *last = now;
    return total;
}

/* The value at or below which `per_cent` of `total` lie. */
static int64_t quantile(const struct spread *spread, uint64_t total, unsigned per_cent)
{
    uint64_t rank = (total * per_cent + 99) / 100, seen = 0;
    for (size_t bucket = 0; total > 0 && bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += spread->buckets[bucket];
        if (seen >= rank)
            return (int64_t)histogram_bucket_end(bucket);
    }
    return HTTP_SAMPLE_NONE;
}

static unsigned heat_bucket(uint64_t value_us)
{
    unsigned bucket = 0;
    while (bucket < HTTP_HEAT_BUCKETS - 1 && value_us > http_heat_bound_us(bucket))
        bucket++;
    return bucket;
}

static void add_heat(const struct spread *spread, uint32_t heat[HTTP_HEAT_BUCKETS])
{
    for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        if (spread->buckets[bucket] > 0)
            heat[heat_bucket(histogram_bucket_end(bucket))] += (uint32_t)spread->buckets[bucket];
    }
}

static int64_t of_spread(const struct spread *spread, uint64_t total, enum how how)
{
    switch (how) {
    case MEAN:
        return total > 0 ? (int64_t)(spread->sum / total) : 0;
    case P50:
        return quantile(spread, total, 50);
    case P99:
        return quantile(spread, total, 99);
    case RATE:
    case GAUGE:
        break;
    }
    return HTTP_SAMPLE_NONE;
}

static void take_histograms(struct http_samples *samples, const struct metrics *blocks,
                            size_t count, struct http_sample *sample)
{
    for (int which = 0; which < METRIC_HISTOGRAM_COUNT; which++) {
        bool is_wanted = false;
        for (size_t i = 0; i < HTTP_SERIES_COUNT; i++)
            is_wanted |= rows[i].how >= MEAN && rows[i].what == which;
        if (!is_wanted)
            continue;
        uint64_t total = take_spread(samples, blocks, count, (enum metric_histogram)which);
        if (which == METRIC_COMMIT_US)
            add_heat(&samples->news, sample->heat);
        for (size_t i = 0; i < HTTP_SERIES_COUNT; i++) {
            if (rows[i].how >= MEAN && rows[i].what == which)
                sample->values[i] = of_spread(&samples->news, total, rows[i].how);
        }
    }
}

/* --- Counters and gauges */

/* Per second, rounded. */
static int64_t rate(int64_t amount, int64_t elapsed_ns)
{
    return (int64_t)((double)amount * NS_PER_S / (double)elapsed_ns + 0.5);
}

static int64_t risen(int64_t last, int64_t now)
{
    return now >= last ? now - last : now;
}

static void take_values(struct http_samples *samples, const struct metrics *blocks, size_t count,
                        int64_t elapsed_ns, struct http_sample *sample)
{
    for (size_t i = 0; i < HTTP_SERIES_COUNT; i++) {
        if (rows[i].how > GAUGE)
            continue;
        int64_t now = metrics_sum(blocks, count, (enum metric)rows[i].what);
        int64_t *last = &samples->last_values[rows[i].what];
        sample->values[i] = rows[i].how == GAUGE ? now : rate(risen(*last, now), elapsed_ns);
        *last = now;
    }
}

static void take_actors(struct http_samples *samples, const struct metrics *blocks, size_t count,
                        int64_t elapsed_ns)
{
    for (size_t i = 0; i < count && i < HTTP_SAMPLE_ACTORS_MAX; i++) {
        int64_t busy_ns = metrics_get(&blocks[i], METRIC_BUSY_NS);
        int64_t messages = metrics_get(&blocks[i], METRIC_MESSAGES);
        int64_t permille = risen(samples->actors[i].busy_ns, busy_ns) * PERMILLE / elapsed_ns;
        samples->actors[i].sample = (struct http_actor_sample){
            /* A long turn is counted when it ends. */
            .busy_permille = (uint32_t)(permille < PERMILLE ? permille : PERMILLE),
            .messages_per_s =
                (uint64_t)rate(risen(samples->actors[i].messages, messages), elapsed_ns),
        };
        samples->actors[i].busy_ns = busy_ns;
        samples->actors[i].messages = messages;
    }
}

bool http_samples_take(struct http_samples *samples, const struct metrics *blocks, size_t count,
                       struct mono_time now, struct wall_time wall)
{
    int64_t elapsed_ns = samples->has_last ? now.ns - samples->last_at.ns : NS_PER_S;
    if (elapsed_ns <= 0)
        return false;
    struct http_sample *sample = &samples->ring[samples->taken % HTTP_SAMPLES_MAX];
    *sample = (struct http_sample){.at_ms = wall.ms};
    take_values(samples, blocks, count, elapsed_ns, sample);
    take_histograms(samples, blocks, count, sample);
    take_actors(samples, blocks, count, elapsed_ns);
    samples->last_at = now;
    if (!samples->has_last) {
        samples->has_last = true;
        for (size_t i = 0; i < HTTP_SAMPLE_ACTORS_MAX; i++)
            samples->actors[i].sample = (struct http_actor_sample){0};
        return false;
    }
    samples->taken++;
    return true;
}

/* --- Reading */

size_t http_samples_count(const struct http_samples *samples)
{
    return samples->taken < HTTP_SAMPLES_MAX ? (size_t)samples->taken : HTTP_SAMPLES_MAX;
}

const struct http_sample *http_samples_at(const struct http_samples *samples, size_t index)
{
    size_t count = http_samples_count(samples);
    CHECK(index < count);
    return &samples->ring[(samples->taken - count + index) % HTTP_SAMPLES_MAX];
}

const struct http_sample *http_samples_newest(const struct http_samples *samples)
{
    size_t count = http_samples_count(samples);
    return count > 0 ? http_samples_at(samples, count - 1) : NULL;
}

struct http_actor_sample http_samples_actor(const struct http_samples *samples, size_t actor)
{
    if (actor >= HTTP_SAMPLE_ACTORS_MAX)
        return (struct http_actor_sample){0};
    return samples->actors[actor].sample;
}
