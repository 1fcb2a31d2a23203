/* SPDX-License-Identifier: MPL-2.0
 *
 * The discovery actor: presence on the local network. It hears from the ipmsg-gateway who was heard
 * there and says what is to be said to whom (discovery_policy.h has the rules). Hints only: nobody
 * is who he is because of it.
 *
 * When the gateway is ready, those who were known are looked for (discovery_warm.h); whom, it asks
 * history. Nothing waits for that answer: while there is none, everything else goes on, and nothing
 * that fails in the store stops it.
 */
#ifndef ACTORS_DISCOVERY_H
#define ACTORS_DISCOVERY_H

#include <stdint.h>

#include "rt/actor.h"

struct discovery_options {
    uint8_t gateway; /* who owns the sockets */
    uint8_t history; /* who knows who was known */
    int64_t ask_ms;  /* silent peers are asked after so long; 0: the usual time */
};

extern const struct actor_class discovery_actor; /* args: struct discovery_options */

#endif
