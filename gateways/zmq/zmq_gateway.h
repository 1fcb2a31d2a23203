/* SPDX-License-Identifier: MPL-2.0
 *
 * The zmq-gateway: the actor between ZeroMQ clients and the others. Its class and its options.
 */
#ifndef GATEWAYS_ZMQ_ZMQ_GATEWAY_H
#define GATEWAYS_ZMQ_ZMQ_GATEWAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"
#include "rt/actor.h"

#define ZMQ_GATEWAY_LISTEN_MAX  16
#define ZMQ_GATEWAY_ADDRESS_MAX 256
#define ZMQ_GATEWAY_CURVE       "curve://" /* before ADDRESS:PORT: tcp with CURVE */

/* Where it really listens. Written by the actor's init, which system_start awaits; read by the
 * caller afterwards, and by later lives of the actor. Zero it first. */
struct zmq_gateway_bound {
    _Atomic size_t count; /* set last: acquire, then read the addresses */
    char addresses[ZMQ_GATEWAY_LISTEN_MAX][ZMQ_GATEWAY_ADDRESS_MAX];
};

/* Args of the actor. Everything must be set, except where 0 is said to mean something. */
struct zmq_gateway_options {
    const char *const *listen; /* "tcp://127.0.0.1:7667", "ipc:///run/roost.sock", or with CURVE
                                  "curve://0.0.0.0:7667" */
    size_t listen_count;       /* at most ZMQ_GATEWAY_LISTEN_MAX */
    struct zmq_gateway_bound *bound;
    struct wire_limits limits;
    uint32_t lease_ms; /* default lease of ATTACH */
    uint32_t heartbeat_ms;
    uint32_t seen_ms; /* how often the registry is told who was heard; well below its timeout */
    uint32_t sessions_max;
    uint32_t send_frames_max;     /* high-water mark of one session's buffer */
    uint32_t publish_window;      /* numbers a session may have unanswered; >= limits.entries_max */
    uint32_t publish_bytes;       /* body bytes of these; >= limits.frame_bytes_max */
    uint64_t publish_bytes_total; /* of all sessions together; >= publish_bytes */
    uint64_t unread_bytes_max; /* offered to a session without a sign that it reads; 0 = no bound */
    uint32_t sessions_per_address; /* beyond this machine; 0 = no bound */
    const char *const *admins;     /* peers that may administrate; "*" = all of them */
    size_t admin_count;
    uint8_t boot_id[16];      /* new at each start of the broker */
    const char *software;     /* "roost 0.1.0" */
    const char *curve_secret; /* the broker's secret key, Z85; NULL: no listener with CURVE */
    const char *curve_domain; /* what the keyring is asked for */
    void *zmq_context;        /* NULL: that of the system; tests on the simulator bring their own */
};

extern const struct actor_class zmq_gateway_actor;

#endif
