/* SPDX-License-Identifier: MPL-2.0
 *
 * How many refusals a stranger, or a session, is still told: a bucket that fills again with time.
 * Beyond it there is silence, and a counter. So nobody can make the broker work for him by sending
 * garbage, and a client with a bug still sees what is wrong.
 *
 * Strangers are kept in a table of fixed size, by a keyed hash of their routing id; a newer one
 * takes the place of an older one. All of them together have a bucket too, so that changing
 * the routing id with every frame does not help either.
 */
#ifndef GATEWAYS_ZMQ_ZMQ_BUDGET_H
#define GATEWAYS_ZMQ_ZMQ_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/clock.h"

#define ZMQ_BUDGET_BURST     16
#define ZMQ_BUDGET_REFILL_MS 500 /* one more refusal each */
#define ZMQ_STRANGERS_MAX    1024
#define ZMQ_STRANGERS_PER_S  2000 /* refusals to all strangers together */

struct zmq_budget {
    uint32_t left;
    int64_t refilled_ns;
};

void zmq_budget_init(struct zmq_budget *budget, struct mono_time now);

/* True: one refusal may be sent. */
bool zmq_budget_take(struct zmq_budget *budget, struct mono_time now);

struct zmq_stranger {
    uint64_t key; /* 0: free */
    struct zmq_budget budget;
};

struct zmq_strangers {
    uint8_t secret[16];
    struct zmq_stranger slots[ZMQ_STRANGERS_MAX];
    int64_t second;
    uint32_t told_in_second;
};

void zmq_strangers_init(struct zmq_strangers *strangers, const uint8_t secret[16]);
bool zmq_strangers_take(struct zmq_strangers *strangers, const void *routing, size_t size,
                        struct mono_time now);

#endif
