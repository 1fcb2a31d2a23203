/* SPDX-License-Identifier: MPL-2.0
 *
 * How far a peer can be relied on: a number from 0 to 1 of what was measured of it.
 *
 *     0.4 success rate + 0.3 latency + 0.3 uptime, at most 1
 *
 *     success rate   of all transfers
 *     latency        1 at 0 ms, falling to 0 at 1,000 ms and beyond
 *     uptime         share of the time since its first presence event that it was online, once
 *                    that is a minute
 *
 * Each is 0.5 while it is not known, so a new peer has 0.5. Pure; never a NaN.
 */
#ifndef ACTORS_PEER_QUALITY_H
#define ACTORS_PEER_QUALITY_H

#include <stdint.h>

struct peer_quality {
    uint64_t transfers_ok, transfers_failed;
    uint64_t latency_total_ms, latency_count; /* count 0: not known */
    int64_t observed_ms;                      /* first presence event; 0: none */
    int64_t online_since_ms;                  /* online since then; 0: is not */
    int64_t online_ms;                        /* online before that, in all */
};

double peer_quality_reliability(const struct peer_quality *quality, int64_t now_ms);

/* Mean, rounded to the nearest; 0 when it is not known. */
uint64_t peer_quality_latency_ms(const struct peer_quality *quality);

/* What was imported counts until something is measured here. `imported` below 0: nothing was. */
double peer_quality_of_imported(const struct peer_quality *quality, double imported,
                                int64_t now_ms);

#endif
