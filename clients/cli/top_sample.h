/* SPDX-License-Identifier: MPL-2.0
 *
 * What `roost top` shows, computed from the counters of two moments. Pure: no terminal, no broker.
 */
#ifndef CLI_TOP_SAMPLE_H
#define CLI_TOP_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "clients/c/roost.h"

#define TOP_ACTORS_MAX 32
#define TOP_STEPS_MAX  512

struct top_actor {
    char name[32];
    uint64_t mailbox, busy_ns, messages, restarts;
};

/* Steps of a distribution: how many records were at most so many microseconds. */
struct top_steps {
    uint64_t upto_us[TOP_STEPS_MAX], records[TOP_STEPS_MAX];
    size_t count;
};

/* The counters of one moment, summed over actors. */
struct top_sample {
    int64_t at_ns;
    uint64_t stored, delivered, settled, redelivered, dead, bytes_in, bytes_out;
    uint64_t sessions, peers_online, waiting, leased, file_bytes, wal_bytes;
    uint64_t disk_full, damaged;
    struct top_steps commits;
    struct top_actor actors[TOP_ACTORS_MAX];
    size_t actor_count;
};

void top_sample_take(struct top_sample *sample, const struct roost_page *page, int64_t at_ns);

struct top_actor_view {
    const char *name; /* of the later sample */
    uint64_t mailbox, restarts;
    double messages_per_s, busy_share; /* 0 to 1 */
};

/* Between two moments: rates per second. Levels are those of the later one. */
struct top_view {
    double seconds;
    double stored, delivered, settled, redelivered, dead, bytes_in, bytes_out, commits;
    double commit_p50_us, commit_p99_us; /* below 0: there was no commit */
    struct top_actor_view actors[TOP_ACTORS_MAX];
    size_t actor_count;
};

/* A counter that fell means that the broker was started again: its rate is 0 this time. */
void top_view_make(struct top_view *view, const struct top_sample *before,
                   const struct top_sample *after);

#endif
