/* SPDX-License-Identifier: MPL-2.0
 *
 * Metrics and their text exposition. Histograms are shown with one bucket per power of two, of
 * which only those up to the largest value seen.
 *
 * A series appears when its actor has first said something of it, and stays: a gauge that is back at
 * zero is shown as zero.
 */
#include "rt/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rt/check.h"

struct metric_row {
    const char *name;
    const char *kind; /* as Prometheus calls it */
    const char *unit;
    const char *help;
};

static const struct metric_row rows[METRIC_COUNT] = {
#define COUNTER(NAME, name, unit, help) [METRIC_##NAME] = {#name, "counter", #unit, help},
#define GAUGE(NAME, name, unit, help)   [METRIC_##NAME] = {#name, "gauge", #unit, help},
#define HISTOGRAM(NAME, name, unit, help)
#include "rt/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

static const struct metric_row histogram_rows[METRIC_HISTOGRAM_COUNT] = {
#define COUNTER(NAME, name, unit, help)
#define GAUGE(NAME, name, unit, help)
#define HISTOGRAM(NAME, name, unit, help) [METRIC_##NAME] = {#name, "histogram", #unit, help},
#include "rt/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

static const struct metric_row errors_row = {
    "errors_total", "counter", "answers",
    "Refusals told to clients, by error code (docs/ERRORS.md)."};

static void mark_used(struct metrics *metrics, enum metric metric)
{
    if (!atomic_load_explicit(&metrics->is_used[metric], memory_order_relaxed))
        atomic_store_explicit(&metrics->is_used[metric], true, memory_order_relaxed);
}

void metrics_add(struct metrics *metrics, enum metric metric, int64_t amount)
{
    int64_t value = atomic_load_explicit(&metrics->values[metric], memory_order_relaxed);
    atomic_store_explicit(&metrics->values[metric], value + amount, memory_order_relaxed);
    mark_used(metrics, metric);
}

void metrics_set(struct metrics *metrics, enum metric gauge, int64_t value)
{
    atomic_store_explicit(&metrics->values[gauge], value, memory_order_relaxed);
    mark_used(metrics, gauge);
}

void metrics_raise(struct metrics *metrics, enum metric gauge, int64_t value)
{
    if (value > metrics_get(metrics, gauge))
        metrics_set(metrics, gauge, value);
}

void metrics_record(struct metrics *metrics, enum metric_histogram histogram, uint64_t value)
{
    histogram_record(&metrics->histograms[histogram], value);
}

void metrics_count_error(struct metrics *metrics, enum err err)
{
    CHECK(err >= ERR_OK && err < ERR_COUNT);
    int64_t value = atomic_load_explicit(&metrics->errors[err], memory_order_relaxed);
    atomic_store_explicit(&metrics->errors[err], value + 1, memory_order_relaxed);
}

void metrics_count_code(struct metrics *metrics, uint32_t code)
{
    if (code != 0)
        metrics_count_error(metrics, err_from_code(code));
}

int64_t metrics_get_errors(const struct metrics *metrics, enum err err)
{
    return atomic_load_explicit(&metrics->errors[err], memory_order_relaxed);
}

int64_t metrics_get(const struct metrics *metrics, enum metric metric)
{
    return atomic_load_explicit(&metrics->values[metric], memory_order_relaxed);
}

int64_t metrics_sum(const struct metrics *blocks, size_t count, enum metric metric)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += metrics_get(&blocks[i], metric);
    return sum;
}

/* --- The text. */

#define LABEL_MAX 128

/* actor="name", and which one of several: the labels of block i. Quotes, backslashes and newlines
 * are escaped as the format wants it; what does not fit is cut. */
static void make_labels(const struct metrics *blocks, size_t i, char ret_labels[LABEL_MAX])
{
    unsigned instance = 1;
    for (size_t before = 0; before < i; before++)
        instance += blocks[before].actor && strcmp(blocks[before].actor, blocks[i].actor) == 0;
    char name[LABEL_MAX / 2];
    size_t size = 0;
    for (const char *c = blocks[i].actor; *c && size + 2 < sizeof(name); c++) {
        if (*c == '"' || *c == '\\' || *c == '\n')
            name[size++] = '\\';
        name[size++] = *c == '\n' ? 'n' : *c;
    }
    name[size] = '\0';
    if (instance == 1)
        (void)snprintf(ret_labels, LABEL_MAX, "actor=\"%s\"", name);
    else
        (void)snprintf(ret_labels, LABEL_MAX, "actor=\"%s\",instance=\"%u\"", name, instance);
}

static enum err write_head(const struct metric_row *row, struct buf *out)
{
    return buf_append_format(out, "# HELP roost_%s %s\n# TYPE roost_%s %s\n", row->name, row->help,
                             row->name, row->kind);
}

static enum err write_values(const struct metrics *blocks, size_t count, enum metric metric,
                             struct buf *out)
{
    const struct metric_row *row = &rows[metric];
    char labels[LABEL_MAX];
    enum err err = write_head(row, out);
    for (size_t i = 0; !err && i < count; i++) {
        if (!blocks[i].actor ||
            !atomic_load_explicit(&blocks[i].is_used[metric], memory_order_relaxed))
            continue;
        make_labels(blocks, i, labels);
        err = buf_append_format(out, "roost_%s{%s} %" PRId64 "\n", row->name, labels,
                                metrics_get(&blocks[i], metric));
    }
    return err;
}

static enum err write_errors(const struct metrics *blocks, size_t count, struct buf *out)
{
    char labels[LABEL_MAX];
    enum err err = write_head(&errors_row, out);
    for (size_t i = 0; !err && i < count; i++) {
        if (!blocks[i].actor)
            continue;
        make_labels(blocks, i, labels);
        for (int code = 1; !err && code < ERR_COUNT; code++) {
            int64_t value = metrics_get_errors(&blocks[i], (enum err)code);
            if (value != 0)
                err = buf_append_format(out, "roost_%s{%s,code=\"%u\",error=\"%s\"} %" PRId64 "\n",
                                        errors_row.name, labels, err_code((enum err)code),
                                        err_name((enum err)code), value);
        }
    }
    return err;
}

static enum err write_one_histogram(const struct metric_row *row, const char *labels,
                                    const struct histogram *histogram, struct buf *out)
{
    uint64_t max = atomic_load_explicit(&histogram->max, memory_order_relaxed);
    uint64_t sum = atomic_load_explicit(&histogram->sum, memory_order_relaxed);
    enum err err = ERR_OK;
    uint64_t seen = 0;
    for (unsigned bit = 0; !err && bit < 63; bit++) {
        uint64_t end = ((uint64_t)1 << bit) - 1; /* the ends of buckets are one below a power */
        seen = histogram_count_to(histogram, end);
        err = buf_append_format(out, "roost_%s_bucket{%s,le=\"%" PRIu64 "\"} %" PRIu64 "\n",
                                row->name, labels, end, seen);
        if (end >= max)
            break;
    }
    /* All of them, counted from the buckets, so that the series is consistent in itself. */
    uint64_t total = histogram_count_to(histogram, UINT64_MAX);
    if (total < seen)
        total = seen;
    if (!err)
        err = buf_append_format(out,
                                "roost_%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n"
                                "roost_%s_sum{%s} %" PRIu64 "\n"
                                "roost_%s_count{%s} %" PRIu64 "\n",
                                row->name, labels, total, row->name, labels, sum, row->name, labels,
                                total);
    return err;
}

static enum err write_histograms(const struct metrics *blocks, size_t count,
                                 enum metric_histogram which, struct buf *out)
{
    const struct metric_row *row = &histogram_rows[which];
    char labels[LABEL_MAX];
    enum err err = write_head(row, out);
    for (size_t i = 0; !err && i < count; i++) {
        const struct histogram *histogram = &blocks[i].histograms[which];
        if (!blocks[i].actor || atomic_load_explicit(&histogram->count, memory_order_relaxed) == 0)
            continue;
        make_labels(blocks, i, labels);
        err = write_one_histogram(row, labels, histogram, out);
    }
    return err;
}

enum err metrics_write_text(const struct metrics *blocks, size_t count, struct buf *out)
{
    enum err err = ERR_OK;
    for (unsigned i = 0; !err && i < METRIC_COUNT; i++)
        err = write_values(blocks, count, (enum metric)i, out);
    if (!err)
        err = write_errors(blocks, count, out);
    for (unsigned i = 0; !err && i < METRIC_HISTOGRAM_COUNT; i++)
        err = write_histograms(blocks, count, (enum metric_histogram)i, out);
    return err;
}

static enum err write_markdown_row(const struct metric_row *row, struct buf *out)
{
    return buf_append_format(out, "| `roost_%s` | %s | %s | %s |\n", row->name, row->kind,
                             row->unit, row->help);
}

enum err metrics_write_markdown(struct buf *out)
{
    enum err err = buf_append_text(out, "| metric | kind | unit | meaning |\n|---|---|---|---|\n");
    for (unsigned i = 0; !err && i < METRIC_COUNT; i++)
        err = write_markdown_row(&rows[i], out);
    if (!err)
        err = write_markdown_row(&errors_row, out);
    for (unsigned i = 0; !err && i < METRIC_HISTOGRAM_COUNT; i++)
        err = write_markdown_row(&histogram_rows[i], out);
    return err;
}
