/* SPDX-License-Identifier: MPL-2.0
 *
 * The measurements of `roost bench`.
 *
 *   publish  producers, one session and thread each, keep a window of unanswered messages full, or
 *            send at a rate; every answer means on disk
 *   drain    one consumer takes and acks everything that waits
 *   echo     one session sends to its own mailbox and receives there, one message at a time or at
 *            a rate: the way through the whole broker
 *
 * Latencies are from handing a message over to the moment its answer (publish) or the message
 * itself (echo) is there; at a rate they count from when it should have been sent, so a broker that
 * stalls cannot hide it.
 */
#ifndef CLI_BENCH_RUN_H
#define CLI_BENCH_RUN_H

#include <stdint.h>

#include "clients/c/roost.h"
#include "clients/cli/progress.h"
#include "rt/histogram.h"

struct bench {
    const char *url;
    const char *peer;
    const char *scope;
    uint32_t producers;
    uint32_t window;
    uint32_t size_bytes;
    uint64_t count; /* of messages in all; 0: by duration */
    uint64_t duration_ms;
    uint64_t rate_per_s; /* 0: as fast as possible */
    int timeout_ms;
    struct progress *progress;

    /* what came of it */
    uint64_t done;
    uint64_t refused;
    double seconds;
    struct histogram latency_ns;
};

enum roost_error bench_publish(struct bench *bench);
enum roost_error bench_drain(struct bench *bench);
enum roost_error bench_echo(struct bench *bench);

#endif
