/* SPDX-License-Identifier: MPL-2.0
 *
 * The tcp-gateway: Lair Chat clients (line-based TCP), unchanged, on what is stored.
 *
 * It keeps only the state of connections; everything else is asked of the store through actors,
 * and every success line follows the commit.
 */
#ifndef GATEWAYS_LAIR_TCP_GATEWAY_H
#define GATEWAYS_LAIR_TCP_GATEWAY_H

#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"
#include "rt/actor.h"

struct tcp_gateway_options {
    const char *const *listen; /* lair.listen: ADDRESS:PORT each, port * = any; none = off */
    size_t listen_count;
    struct wire_limits limits;
    uint32_t connections_max;              /* lair.connections_max */
    uint32_t handshake_ms;                 /* lair.handshake_s */
    uint32_t idle_ms;                      /* lair.idle_s, 0 = for ever */
    const char *tls_certificate, *tls_key; /* files of PEM; NULL or "": plain */
    uint32_t connections_per_address;      /* beyond this machine; 0 = no bound */
    const _Atomic unsigned *reloads; /* rises when the files are to be read again; may be NULL */
};

extern const struct actor_class tcp_gateway_actor; /* args: struct tcp_gateway_options */

#endif
