/* SPDX-License-Identifier: MPL-2.0
 *
 * The http-gateway: REST, live events, metrics and the dashboard on what is stored.
 *
 * It keeps only connections, the sessions of those who ask, and answers in the making. Everything
 * else is asked of the other actors as the other gateways do, and a success is told after the
 * commit. How a module adds a path to it: http_internal.h.
 */
#ifndef GATEWAYS_HTTP_HTTP_GATEWAY_H
#define GATEWAYS_HTTP_HTTP_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"
#include "rt/actor.h"
#include "rt/system.h"

#define HTTP_GATEWAY_LISTEN_MAX 8
#define HTTP_GATEWAY_HOSTS_MAX  16

/* The ports that were picked for `*`, so that a later life of the actor takes the same. Written and
 * read by the actor only. Zero it first. */
struct http_gateway_bound {
    uint16_t ports[HTTP_GATEWAY_LISTEN_MAX];
};

struct http_gateway_options {
    const char *const *listen; /* http.listen: ADDRESS:PORT each, port * = any; none = off */
    size_t listen_count;       /* at most HTTP_GATEWAY_LISTEN_MAX */
    struct http_gateway_bound *bound;
    const char *tls_certificate; /* file; "" = no TLS */
    const char *tls_key;
    const _Atomic unsigned *reloads; /* rises when these are to be read again; may be NULL */
    const char *const *hosts;        /* http.hosts */
    size_t host_count;
    struct wire_limits limits;
    const char *const *admins; /* peers that may administrate; "*" = all of them */
    size_t admin_count;
    bool is_open; /* whoever has no account needs no token: all listeners are on this machine */
    uint32_t connections_max;
    uint32_t connections_per_address;
    uint32_t
        remote_connections_per_address; /* of those beyond this machine; 0 = no further bound */
    uint32_t request_ms;                /* http.request_s */
    uint32_t session_ms;                /* http.session_s */
    uint32_t sessions_max;              /* http.sessions_max */
    int64_t token_ms;                   /* life of a token that is given out */
    uint32_t seen_ms;                   /* how often the registry is told who was heard */
    uint8_t boot_id[16];
    const char *software;           /* "roost 0.1.0" */
    const struct metrics **metrics; /* blocks of all actors; *metrics may still be NULL */
    size_t metrics_count;

    /* How the actors are, by their ids below metrics_count. False: not known yet. NULL: nobody knows. */
    bool (*read_stats)(const void *context, uint8_t id, struct actor_stats *ret);
    const void *stats_context;
    bool is_metrics_open; /* /metrics and /readyz are for anybody, wherever he asks from */
    int64_t started_ms;   /* Unix time of the start of the daemon */
    int64_t ttl_ms;       /* life of a message that names none */
    const char *data;     /* path of the database, for people */
};

extern const struct actor_class http_gateway_actor; /* args: struct http_gateway_options */

#endif
