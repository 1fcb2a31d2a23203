/* SPDX-License-Identifier: MPL-2.0
 *
 * Queries that count: UNREAD; STATS, with the distributions of sizes and times; TABLES.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "history_state.h"
#include "rt/metrics.h"
#include "store/conversation.h"
#include "store/figures.h"
#include "store/peers.h"

/* --- UNREAD */

/* Fills in whose conversation it is; false: nobody's that people see (receipts). */
static bool name_conversation(struct query *query, int64_t conversation,
                              Roost__V1__UnreadCount *unread)
{
    struct history *h = query->page.h;
    if (conversation < 0) {
        unread->scope = history_scope_text(h, -conversation);
        return unread->scope.len > 0;
    }
    int64_t other = conversation_other(conversation, query->peer_id);
    ProtobufCBinaryData name = history_peer_name(h, other);
    return name.len > 0 && history_copy(h, name.data, name.len, &unread->peer);
}

/* Not every scope somebody once wrote to is still open to it. *ret_since: of a room it is in. */
static enum err check_conversation(struct query *query, int64_t conversation, uint64_t *ret_since)
{
    char name[WIRE_NAME_BYTES_MAX + 1];
    struct scope_row scope;
    if (conversation >= 0)
        return ERR_OK;
    enum err err =
        scope_find_by_id(query->page.h->store, -conversation, name, sizeof(name), &scope);
    if (!err && scope.kind == SCOPE_ROOM)
        err = query_check_room(query, scope.id, ret_since);
    return err;
}

/* What was there before one came to a room is not unread. */
static uint64_t unread_after(uint64_t marker_seq, uint64_t since)
{
    return marker_seq > since ? marker_seq : since;
}

enum err query_add_unread(struct query *query, const struct conversation_row *row,
                          bool *ret_is_shown)
{
    struct history *h = query->page.h;
    uint64_t since = 0;
    enum err err = check_conversation(query, row->conversation, &since);
    if (err)
        return err == ERR_STORAGE || err == ERR_CORRUPT ? err : ERR_OK;
    Roost__V1__UnreadCount *unread = history_alloc(h, sizeof(*unread));
    if (!unread)
        return ERR_BUSY;
    roost__v1__unread_count__init(unread);
    if (!name_conversation(query, row->conversation, unread))
        return ERR_OK;
    unread->last_seq = row->last_seq;
    unread->last_ms = (uint64_t)row->last_ms;
    err = marker_get(h->store, query->peer_id, row->conversation, &unread->marker_seq);
    if (!err)
        err = message_count_unread(h->store, row->conversation, query->peer_id,
                                   unread_after(unread->marker_seq, since), &unread->unread);
    if (!err)
        err = page_add(&query->page, PAGE_UNREAD, &unread->base);
    if (!err && ret_is_shown)
        *ret_is_shown = true;
    return err;
}

struct unread_walk {
    struct query *query;
    uint32_t skip, seen;
};

static enum err take_conversation(void *context, const struct conversation_row *row)
{
    struct unread_walk *walk = context;
    if (row->last_seq == 0)
        return ERR_OK; /* the peer has changes there, but no message */
    if (walk->skip > 0) {
        walk->skip--;
        return ERR_OK;
    }
    if (walk->seen == walk->query->limit) {
        walk->query->page.fin.has_more = true;
        return ERR_OK;
    }
    walk->seen++;
    return query_add_unread(walk->query, row, NULL);
}

static enum err take_newest(void *context, const struct message_row *row)
{
    struct conversation_row *newest = context;
    newest->last_seq = row->seq;
    newest->last_ms = row->stored_ms;
    return ERR_OK;
}

static enum err unread_of_one(struct query *query)
{
    struct scope_row scope;
    struct conversation_row row = {0};
    enum err err = query_conversation(query, &row.conversation, &scope);
    if (err)
        return err;
    if (row.conversation == 0)
        return ERR_BAD_SCOPE; /* a mailbox is many conversations */
    struct message_page page = {
        .conversation = row.conversation,
        .limit = 1,
        .newest_first = true,
    };
    err = message_read_conversation(query->page.h->store, &page, take_newest, &row);
    return err ? err : query_add_unread(query, &row, NULL);
}

enum err query_unread(struct query *query)
{
    const Roost__V1__Query *asked = query->query;
    if (asked->peer.len || asked->scope.len)
        return unread_of_one(query);
    struct unread_walk walk = {.query = query, .skip = asked->offset};
    return conversation_list(query->page.h->store, query->peer_id, asked->offset + query->limit + 1,
                             take_conversation, &walk);
}

/* --- STATS */

struct metric_name {
    enum metric metric;
    const char *name, *unit;
};

static const struct metric_name metric_names[] = {
#define COUNTER(NAME, public_name, unit_name, help) {METRIC_##NAME, #public_name, #unit_name},
#define GAUGE(NAME, public_name, unit_name, help)   {METRIC_##NAME, #public_name, #unit_name},
#define HISTOGRAM(NAME, public_name, unit_name, help)
#include "rt/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

enum err query_add_counter(struct query *query, const char *name, const char *unit,
                           const char *actor, uint64_t value)
{
    Roost__V1__Counter *counter = history_alloc(query->page.h, sizeof(*counter));
    if (!counter)
        return ERR_BUSY;
    roost__v1__counter__init(counter);
    counter->name = bytes_of(name, strlen(name));
    counter->unit = bytes_of(unit, strlen(unit));
    counter->actor = bytes_of(actor, strlen(actor));
    counter->value = value;
    return page_add(&query->page, PAGE_COUNTERS, &counter->base);
}

static enum err add_metrics(struct query *query, const struct metrics *block)
{
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < sizeof(metric_names) / sizeof(metric_names[0]); i++) {
        const struct metric_name *row = &metric_names[i];
        int64_t value = metrics_get(block, row->metric);
        if (value > 0 && block->actor)
            err = query_add_counter(query, row->name, row->unit, block->actor, (uint64_t)value);
    }
    return err;
}

/* --- Distributions: how many, the median, the 99th percentile since the start; of times also how
 * many were at most so long, in steps, so that whoever asks twice can tell of the time between. */

struct distribution_name {
    enum metric_histogram histogram;
    const char *name, *unit;
    bool is_time;
};

static const struct distribution_name distribution_names[] = {
#define COUNTER(NAME, public_name, unit_name, help)
#define GAUGE(NAME, public_name, unit_name, help)
#define HISTOGRAM(NAME, public_name, unit_name, help)                                              \
    {METRIC_##NAME, #public_name, #unit_name, sizeof(#unit_name) == sizeof("microseconds")},
#include "rt/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

#define BUCKETS_OF_STEP   4 /* of 16 for each power of two */
#define NAME_BYTES        80
#define STEPS_OF_QUESTION ((HISTOGRAM_BUCKETS + BUCKETS_OF_STEP - 1) / BUCKETS_OF_STEP)

__attribute__((format(printf, 5, 6))) static enum err add_named(struct query *query,
                                                                const char *unit, const char *actor,
                                                                uint64_t value, const char *format,
                                                                ...)
{
    char *name = history_alloc(query->page.h, NAME_BYTES);
    if (!name)
        return ERR_BUSY;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(name, NAME_BYTES, format, arguments);
    va_end(arguments);
    return query_add_counter(query, name, unit, actor, value);
}

static enum err add_steps(struct query *query, const struct distribution_name *row,
                          const struct metrics *block)
{
    const struct histogram *histogram = &block->histograms[row->histogram];
    uint64_t before = 0, upto = 0;
    enum err err = ERR_OK;
    for (size_t step = 0; !err && step < STEPS_OF_QUESTION; step++) {
        size_t last = (step + 1) * BUCKETS_OF_STEP - 1;
        for (size_t i = step * BUCKETS_OF_STEP; i <= last && i < HISTOGRAM_BUCKETS; i++)
            upto += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        if (upto != before)
            err = add_named(query, "records", block->actor, upto, "%s_le_%" PRIu64, row->name,
                            histogram_bucket_end(last));
        before = upto;
    }
    return err;
}

static enum err add_distribution(struct query *query, const struct distribution_name *row,
                                 const struct metrics *block)
{
    const struct histogram *histogram = &block->histograms[row->histogram];
    const char *unit = row->unit, *actor = block->actor;
    uint64_t count = atomic_load_explicit(&histogram->count, memory_order_relaxed);
    if (count == 0 || !actor)
        return ERR_OK;
    enum err err = add_named(query, "records", actor, count, "%s_count", row->name);
    if (!err)
        err =
            add_named(query, unit, actor, histogram_quantile(histogram, 0.5), "%s_p50", row->name);
    if (!err)
        err =
            add_named(query, unit, actor, histogram_quantile(histogram, 0.99), "%s_p99", row->name);
    return !err && row->is_time ? add_steps(query, row, block) : err;
}

static enum err add_distributions(struct query *query, const struct metrics *block)
{
    const size_t count = sizeof(distribution_names) / sizeof(distribution_names[0]);
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < count; i++)
        err = add_distribution(query, &distribution_names[i], block);
    return err;
}

enum err query_stats(struct query *query)
{
    struct history *h = query->page.h;
    struct store_stats stats;
    store_stats(h->store, &stats);
    const struct {
        const char *name, *unit;
        uint64_t value;
    } rows[] = {
        {"store_file_bytes", "bytes", stats.file_bytes},
        {"store_wal_bytes", "bytes", stats.wal_bytes},
        {"store_last_seq", "messages", stats.last_seq},
        {"store_indexed_seq", "messages", stats.indexed_seq},
        {"store_schema_version", "version", (uint64_t)stats.schema_version},
    };
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < sizeof(rows) / sizeof(rows[0]); i++)
        err = query_add_counter(query, rows[i].name, rows[i].unit, "history", rows[i].value);
    const struct metrics *blocks = h->options.metrics ? *h->options.metrics : NULL;
    for (size_t i = 0; !err && blocks && i < h->options.metrics_count; i++)
        err = add_metrics(query, &blocks[i]);
    for (size_t i = 0; !err && blocks && i < h->options.metrics_count; i++)
        err = add_distributions(query, &blocks[i]);
    return err;
}

/* --- The size of the data file by table. */

#define TABLE_PAGES_MAX 10000 /* 40 MB: some 50 ms of this thread */

struct table_sizes {
    struct query *query;
    uint64_t bytes;
};

static enum err add_table(void *context, const char *name, uint64_t bytes)
{
    struct table_sizes *sizes = context;
    ProtobufCBinaryData copy;
    if (!history_copy(sizes->query->page.h, name, strlen(name) + 1, &copy))
        return ERR_BUSY;
    sizes->bytes += bytes;
    return query_add_counter(sizes->query, (const char *)copy.data, "bytes", "history", bytes);
}

enum err query_tables(struct query *query)
{
    struct table_sizes sizes = {.query = query};
    struct figures_pages pages;
    if (!query->is_admin)
        return ERR_NOT_ALLOWED;
    enum err err = figures_tables(query->page.h->store, TABLE_PAGES_MAX, add_table, &sizes);
    if (!err)
        err = figures_pages(query->page.h->store, &pages);
    if (err)
        return err;
    uint64_t used = pages.bytes - pages.free_pages * (pages.pages ? pages.bytes / pages.pages : 0);
    return used > sizes.bytes
               ? query_add_counter(query, "rest", "bytes", "history", used - sizes.bytes)
               : ERR_OK;
}
