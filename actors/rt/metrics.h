/* SPDX-License-Identifier: MPL-2.0
 *
 * Metrics: one block of relaxed atomics per actor, defined by the table metrics.def.
 *
 * The actor that owns a block is its only writer (so no locked instruction is needed); any thread
 * may read at any time. Blocks live as long as the system, also over restarts of the actor. No
 * message is ever sent for a metric.
 *
 *     metrics_add(actor_metrics(actor), METRIC_STORED, 1);
 */
#ifndef RT_METRICS_H
#define RT_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/buf.h"
#include "rt/err.h"
#include "rt/histogram.h"

enum metric {
#define COUNTER(NAME, name, unit, help) METRIC_##NAME,
#define GAUGE(NAME, name, unit, help)   METRIC_##NAME,
#define HISTOGRAM(NAME, name, unit, help)
#include "rt/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
    METRIC_COUNT
};

enum metric_histogram {
#define COUNTER(NAME, name, unit, help)
#define GAUGE(NAME, name, unit, help)
#define HISTOGRAM(NAME, name, unit, help) METRIC_##NAME,
#include "rt/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
    METRIC_HISTOGRAM_COUNT
};

struct metrics {
    const char *actor; /* label of the block */
    _Atomic int64_t values[METRIC_COUNT];
    _Atomic bool is_used[METRIC_COUNT]; /* the actor has said something of it */
    struct histogram histograms[METRIC_HISTOGRAM_COUNT];
    _Atomic int64_t errors[ERR_COUNT]; /* refusals told to clients; in the text by code and name */
};

/* Owner only. A counter never gets a negative amount. */
void metrics_add(struct metrics *metrics, enum metric metric, int64_t amount);
void metrics_set(struct metrics *metrics, enum metric gauge, int64_t value);
void metrics_raise(struct metrics *metrics, enum metric gauge, int64_t value); /* if it is more */
void metrics_record(struct metrics *metrics, enum metric_histogram histogram, uint64_t value);

void metrics_count_error(struct metrics *metrics, enum err err);
void metrics_count_code(struct metrics *metrics, uint32_t code); /* 0: nothing to count */

/* Anyone. */
int64_t metrics_get_errors(const struct metrics *metrics, enum err err);
int64_t metrics_get(const struct metrics *metrics, enum metric metric);

/* Sum over blocks. */
int64_t metrics_sum(const struct metrics *blocks, size_t count, enum metric metric);

/* Prometheus text exposition (version 0.0.4) of all blocks, each with its actor as a label; blocks
 * of the same name get a second label, instance="2" and so on, so that no series comes twice. Zero
 * values of actors that never used a metric are left out. ERR_TOO_LARGE: the buffer's limit was too
 * small. */
MUST_USE enum err metrics_write_text(const struct metrics *blocks, size_t count, struct buf *out);

/* The table as Markdown, for docs/. */
MUST_USE enum err metrics_write_markdown(struct buf *out);

#endif
