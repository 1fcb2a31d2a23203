/* SPDX-License-Identifier: MPL-2.0
 *
 * The measurements of `roost bench`.
 *
 *   publish  producers, one session and thread each, keep a window of unanswered messages full, or
 *            send at a rate; every answer means on disk
 *   drain    one consumer takes and acks everything that waits
 *   echo     one session sends to a queue and receives there, one message at a time or at a rate:
 *            the way through the whole broker
 *   flow     publish while others take: one consumer of a queue (latency at a rate), or many
 *            subscribers of a topic (fan-out); each message says when it was sent
 *
 * Everything is written to scopes of its own and lives for ttl_ms, so that nothing stays for ever where
 * nobody takes it. What an earlier run left behind is taken and not counted (run_id).
 *
 * Latencies are from handing a message over to the moment its answer (publish) or the message
 * itself (echo) is there; at a rate they count from when it should have been sent, so a broker that
 * stalls cannot hide it.
 */
#ifndef CLI_BENCH_RUN_H
#define CLI_BENCH_RUN_H

#include <stdbool.h>
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
    uint64_t rate_per_s;  /* 0: as fast as possible */
    uint32_t subscribers; /* of fan-out */
    uint64_t ttl_ms;
    int timeout_ms;
    struct progress *progress;
    uint64_t run_id; /* 0: bodies are not stamped */

    /* what came of it */
    uint64_t done;
    uint64_t refused;
    uint64_t delivered; /* of flow, at all takers */
    double seconds;
    struct histogram latency_ns;    /* until confirmed (echo: until it is back) */
    struct histogram end_to_end_ns; /* of flow: until the taker has it */
};

#define BENCH_STAMP_BYTES 16 /* least size of a body that says when it was sent */

enum roost_error bench_publish(struct bench *bench);
enum roost_error bench_drain(struct bench *bench);
enum roost_error bench_echo(struct bench *bench);

/* Publishes to bench->scope until the count or the time is over, and waits until everything of it was
 * taken: by one consumer of a queue, or by each of bench->subscribers of a topic, who are there with the
 * session only. ROOST_TIMEOUT: something did not come. */
enum roost_error bench_flow(struct bench *bench, bool is_topic);

/* For the parts of the measurement only. */
int64_t bench_now_ns(void);
enum roost_error bench_open_consumer(const struct bench *bench,
                                     const struct roost_attach_options *attach, struct roost **ret,
                                     struct roost_consumer **ret_consumer);

#endif
