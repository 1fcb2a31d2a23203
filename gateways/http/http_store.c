/* SPDX-License-Identifier: MPL-2.0
 *
 * GET /api/v1/store: the data file as the metrics know it: sizes, messages per commit, times of commits
 * and checkpoints. The file itself is not looked at.
 */
#include "gateways/http/http_live.h"

#define PAGE_BYTES 4096u

static uint64_t gauge(const struct http_gateway *gateway, enum metric metric)
{
    int64_t sum = metrics_sum(http_live_blocks(gateway), gateway->options->metrics_count, metric);
    return sum > 0 ? (uint64_t)sum : 0;
}

/* Of the only actor that commits. */
static void write_spread(struct http_json *json, const char *name,
                         const struct http_gateway *gateway, enum metric_histogram which,
                         const char *const names[4])
{
    const struct histogram *histogram =
        &http_live_blocks(gateway)[ACTOR_PERSISTENCE].histograms[which];
    http_json_object(json, name);
    http_json_number(json, names[0], atomic_load_explicit(&histogram->count, memory_order_relaxed));
    http_json_number(json, names[1], histogram_quantile(histogram, 0.5));
    http_json_number(json, names[2], histogram_quantile(histogram, 0.99));
    http_json_number(json, names[3], atomic_load_explicit(&histogram->max, memory_order_relaxed));
    http_json_object_end(json);
}

void http_get_store(struct http_request *request)
{
    static const char *const times[4] = {"count", "p50_us", "p99_us", "max_us"};
    static const char *const sizes[4] = {"count", "p50_messages", "p99_messages", "max_messages"};
    const struct http_gateway *gateway = request->gateway;
    struct http_json json;
    if (!http_live_blocks(gateway)) {
        http_answer_error(request, ERR_BUSY, "the broker is being started");
        return;
    }
    uint64_t bytes = gauge(gateway, METRIC_DATABASE_BYTES);
    http_answer_object(request, &json);
    http_json_text(&json, "path", gateway->options->data);
    http_json_number(&json, "database_bytes", bytes);
    http_json_number(&json, "wal_bytes", gauge(gateway, METRIC_WAL_BYTES));
    http_json_number(&json, "page_count", bytes / PAGE_BYTES);
    http_json_number(&json, "free_pages", gauge(gateway, METRIC_DATABASE_FREE) / PAGE_BYTES);
    http_json_number(&json, "stored", gauge(gateway, METRIC_STORED));
    http_json_number(&json, "duplicates", gauge(gateway, METRIC_DUPLICATES));
    http_json_number(&json, "damaged_rows", gauge(gateway, METRIC_DAMAGED));
    http_json_bool(&json, "is_disk_full", gauge(gateway, METRIC_DISK_FULL) > 0);
    write_spread(&json, "batch", gateway, METRIC_COMMIT_MESSAGES, sizes);
    write_spread(&json, "commit", gateway, METRIC_COMMIT_US, times);
    write_spread(&json, "checkpoint", gateway, METRIC_CHECKPOINT_US, times);
    http_answer_object_end(request, &json, MHD_HTTP_OK);
}
