/* SPDX-License-Identifier: MPL-2.0
 *
 * Who of the local network is to be answered, asked and told that we are here, and when.
 *
 *     somebody comes (BR_ENTRY)      answered once, at once; the same packet within 2 s is a repeat
 *     any other sign of life         never answered (an answer to an answer would never end)
 *     silence                        asked alone, after ASK_MS, three times; never everybody
 *     mail is on its way to somebody not asked: asking makes programs forget which numbers they saw,
 *                                    and the message sent again answers the question as well
 *     we start, an address appears   everybody is told; a burst of addresses once
 *
 * Pure: time is an argument, nothing is sent from here. Peers are numbers of the gateway.
 */
#ifndef ACTORS_DISCOVERY_POLICY_H
#define ACTORS_DISCOVERY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/messages.h"
#include "rt/clock.h"
#include "rt/hash.h"
#include "rt/heap.h"

#define DISCOVERY_ASK_MS       60000
#define DISCOVERY_ASKS_MAX     3
#define DISCOVERY_REPEAT_MS    2000
#define DISCOVERY_INTERFACE_MS 500 /* after the last address that appeared */
#define DISCOVERY_PEERS_MAX    65536

struct discovery_policy {
    int64_t ask_ms;
    struct u64map peers;
    struct heap due;
    struct mono_time announce_at; /* MONO_NEVER: not */
    struct mono_time seeds_at;
};

/* `ask_ms`: 0 for the usual time. */
void discovery_policy_init(struct discovery_policy *policy, int64_t ask_ms, struct mono_time now);
void discovery_policy_fini(struct discovery_policy *policy);

/* What is to be said to this peer now (or, for READY, to everybody); LAN_SAY_NOTHING mostly. */
INTERNAL(LanSaying)
discovery_policy_heard(struct discovery_policy *policy, const INTERNAL(LanHeard) * heard,
                       struct mono_time now);

/* What is due, one thing at a time, until LAN_SAY_NOTHING. */
INTERNAL(LanSaying)
discovery_policy_next(struct discovery_policy *policy, struct mono_time now, uint64_t *ret_peer);

/* When to ask again what is due. */
struct mono_time discovery_policy_deadline(const struct discovery_policy *policy);

#endif
