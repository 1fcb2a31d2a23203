/* SPDX-License-Identifier: MPL-2.0
 *
 * How many datagrams one address may have read: a bucket each, so that the flood of one host costs
 * no other host anything. Pure: the caller has the clock.
 *
 * Bounded: when the table is full, addresses whose bucket is full again are forgotten (nothing is
 * lost with them); if there is none, strangers share one bucket.
 */
#ifndef GATEWAYS_IPMSG_IPMSG_LIMITS_H
#define GATEWAYS_IPMSG_IPMSG_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/hash.h"

struct ipmsg_bucket {
    int64_t at_ms; /* when it had so many tokens */
    double tokens;
};

struct ipmsg_limits {
    struct hash buckets; /* address -> struct ipmsg_bucket */
    struct ipmsg_bucket strangers;
    double per_second, burst;
    int64_t swept_ms;
};

void ipmsg_limits_init(struct ipmsg_limits *limits, size_t addresses_max, double per_second,
                       double burst);
void ipmsg_limits_fini(struct ipmsg_limits *limits);
/* One datagram from this address (its bytes, without the port). False: it is dropped. */
bool ipmsg_limits_take(struct ipmsg_limits *limits, const void *address, size_t size,
                       int64_t now_ms);

#endif
