/* SPDX-License-Identifier: MPL-2.0
 *
 * Ten thousand ZeroMQ clients in one thread: ZMTP 3.0 (NULL mechanism, DEALER) spoken by hand over TCP,
 * with the frames of roost inside. libzmq would need two descriptors and some 30 KB for each, and a poll
 * over all of them for every message.
 *
 * A crew connects all its sessions, greets (HELLO), joins a room where one is named, attaches, and keeps
 * them alive with a PING each. What is delivered is counted and settled, frame by frame.
 */
#ifndef BENCH_ZMTP_H
#define BENCH_ZMTP_H

#include <stdbool.h>
#include <stdint.h>

struct crew_options {
    uint16_t port;
    unsigned sessions;
    const char *prefix; /* of the peers' names */
    const char *scope;  /* "room:NAME", "topic:NAME" or NULL: idle sessions */
};

struct crew;

/* All sessions are connected, welcomed and, where there is a scope, attached on return. */
struct crew *crew_open(const struct crew_options *options);

/* Reads, settles and pings until the time; returns how many messages have been delivered to all since
 * crew_open, and when the last of them came. */
uint64_t crew_run_until(struct crew *crew, int64_t until_ns, int64_t *ret_last_ns);

void crew_close(struct crew *crew);

#endif
