/* SPDX-License-Identifier: MPL-2.0
 *
 * The discovery actor: presence on the local network. It hears from the ipmsg-gateway who was heard
 * there and says what is to be said to whom (discovery_policy.h has the rules). Hints only: nobody
 * is who he is because of it. It knows no storage, so nothing that fails there stops it.
 */
#ifndef ACTORS_DISCOVERY_H
#define ACTORS_DISCOVERY_H

#include <stdint.h>

#include "rt/actor.h"

struct discovery_options {
    uint8_t gateway; /* who owns the sockets */
    int64_t ask_ms;  /* silent peers are asked after so long; 0: the usual time */
};

extern const struct actor_class discovery_actor; /* args: struct discovery_options */

#endif
