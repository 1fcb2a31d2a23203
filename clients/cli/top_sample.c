/* SPDX-License-Identifier: MPL-2.0
 *
 * See top_sample.h.
 */
#include "clients/cli/top_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT_STEP "commit_microseconds_le_"

static const struct {
    const char *name;
    size_t offset;
} levels[] = {
    {"stored_total", offsetof(struct top_sample, stored)},
    {"delivered_total", offsetof(struct top_sample, delivered)},
    {"settled_total", offsetof(struct top_sample, settled)},
    {"redelivered_total", offsetof(struct top_sample, redelivered)},
    {"dead_total", offsetof(struct top_sample, dead)},
    {"bytes_in_total", offsetof(struct top_sample, bytes_in)},
    {"bytes_out_total", offsetof(struct top_sample, bytes_out)},
    {"sessions", offsetof(struct top_sample, sessions)},
    {"peers_online", offsetof(struct top_sample, peers_online)},
    {"waiting_messages", offsetof(struct top_sample, waiting)},
    {"leased_messages", offsetof(struct top_sample, leased)},
    {"store_file_bytes", offsetof(struct top_sample, file_bytes)},
    {"store_wal_bytes", offsetof(struct top_sample, wal_bytes)},
    {"disk_full", offsetof(struct top_sample, disk_full)},
    {"damaged_rows_total", offsetof(struct top_sample, damaged)},
};

/* --- One moment. */

static struct top_actor *actor_of(struct top_sample *sample, const char *name)
{
    for (size_t i = 0; i < sample->actor_count; i++) {
        if (strcmp(sample->actors[i].name, name) == 0)
            return &sample->actors[i];
    }
    if (sample->actor_count == TOP_ACTORS_MAX || name[0] == '\0')
        return NULL;
    struct top_actor *actor = &sample->actors[sample->actor_count++];
    *actor = (struct top_actor){.mailbox = 0};
    (void)snprintf(actor->name, sizeof(actor->name), "%s", name);
    return actor;
}

static void take_of_actor(struct top_sample *sample, const struct roost_counter *counter)
{
    struct top_actor *actor = actor_of(sample, counter->actor);
    if (!actor)
        return;
    if (strcmp(counter->name, "actor_mailbox_messages") == 0)
        actor->mailbox = counter->value;
    else if (strcmp(counter->name, "actor_busy_nanoseconds_total") == 0)
        actor->busy_ns = counter->value;
    else if (strcmp(counter->name, "actor_messages_total") == 0)
        actor->messages = counter->value;
    else if (strcmp(counter->name, "actor_restarts_total") == 0)
        actor->restarts = counter->value;
}

static void take_step(struct top_steps *steps, const struct roost_counter *counter)
{
    if (steps->count == TOP_STEPS_MAX)
        return;
    steps->upto_us[steps->count] = strtoull(counter->name + strlen(COMMIT_STEP), NULL, 10);
    steps->records[steps->count++] = counter->value;
}

void top_sample_take(struct top_sample *sample, const struct roost_page *page, int64_t at_ns)
{
    memset(sample, 0, sizeof(*sample));
    sample->at_ns = at_ns;
    for (size_t i = 0; i < page->counter_count; i++) {
        const struct roost_counter *counter = &page->counters[i];
        for (size_t level = 0; level < sizeof(levels) / sizeof(levels[0]); level++) {
            uint64_t *value = (uint64_t *)(void *)((char *)sample + levels[level].offset);
            if (strcmp(levels[level].name, counter->name) == 0)
                *value += counter->value;
        }
        if (strncmp(counter->name, COMMIT_STEP, strlen(COMMIT_STEP)) == 0)
            take_step(&sample->commits, counter);
        else if (strncmp(counter->name, "actor_", strlen("actor_")) == 0)
            take_of_actor(sample, counter);
    }
}

/* --- Between two. */

static double rate(uint64_t before, uint64_t after, double seconds)
{
    return after >= before && seconds > 0 ? (double)(after - before) / seconds : 0;
}

/* How many records of `steps` were at most so long: steps without a change are left out. */
static uint64_t records_upto(const struct top_steps *steps, uint64_t upto_us)
{
    uint64_t records = 0;
    for (size_t i = 0; i < steps->count && steps->upto_us[i] <= upto_us; i++)
        records = steps->records[i];
    return records;
}

static uint64_t records_in(const struct top_steps *before, const struct top_steps *after,
                           size_t index)
{
    uint64_t was = records_upto(before, after->upto_us[index]);
    return after->records[index] >= was ? after->records[index] - was : after->records[index];
}

static double quantile(const struct top_steps *before, const struct top_steps *after, double share)
{
    if (after->count == 0)
        return -1;
    uint64_t all = records_in(before, after, after->count - 1);
    if (all == 0)
        return -1;
    for (size_t i = 0; i < after->count; i++) {
        if ((double)records_in(before, after, i) >= share * (double)all)
            return (double)after->upto_us[i];
    }
    return (double)after->upto_us[after->count - 1];
}

static const struct top_actor *find_actor(const struct top_sample *sample, const char *name)
{
    for (size_t i = 0; i < sample->actor_count; i++) {
        if (strcmp(sample->actors[i].name, name) == 0)
            return &sample->actors[i];
    }
    return NULL;
}

static void make_actors(struct top_view *view, const struct top_sample *before,
                        const struct top_sample *after)
{
    view->actor_count = after->actor_count;
    for (size_t i = 0; i < after->actor_count; i++) {
        const struct top_actor *now = &after->actors[i];
        const struct top_actor *then = find_actor(before, now->name);
        struct top_actor_view *actor = &view->actors[i];
        *actor = (struct top_actor_view){
            .name = now->name, .mailbox = now->mailbox, .restarts = now->restarts};
        if (!then)
            continue;
        actor->messages_per_s = rate(then->messages, now->messages, view->seconds);
        actor->busy_share = rate(then->busy_ns, now->busy_ns, view->seconds) / 1e9;
        actor->busy_share = actor->busy_share > 1 ? 1 : actor->busy_share;
    }
}

void top_view_make(struct top_view *view, const struct top_sample *before,
                   const struct top_sample *after)
{
    const struct top_steps *commits = &after->commits;
    double seconds = (double)(after->at_ns - before->at_ns) / 1e9;
    view->seconds = seconds;
    view->stored = rate(before->stored, after->stored, seconds);
    view->delivered = rate(before->delivered, after->delivered, seconds);
    view->settled = rate(before->settled, after->settled, seconds);
    view->redelivered = rate(before->redelivered, after->redelivered, seconds);
    view->dead = rate(before->dead, after->dead, seconds);
    view->bytes_in = rate(before->bytes_in, after->bytes_in, seconds);
    view->bytes_out = rate(before->bytes_out, after->bytes_out, seconds);
    view->commits =
        commits->count == 0 || seconds <= 0
            ? 0
            : (double)records_in(&before->commits, commits, commits->count - 1) / seconds;
    view->commit_p50_us = quantile(&before->commits, commits, 0.5);
    view->commit_p99_us = quantile(&before->commits, commits, 0.99);
    make_actors(view, before, after);
}
