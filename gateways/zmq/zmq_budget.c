/* SPDX-License-Identifier: MPL-2.0
 *
 * See zmq_budget.h.
 */
#include "gateways/zmq/zmq_budget.h"

#include <sodium.h>
#include <string.h>

#define NS_PER_MS 1000000
#define NS_PER_S  1000000000

_Static_assert(sizeof(((struct zmq_strangers *)0)->secret) == crypto_shorthash_KEYBYTES, "key");

void zmq_budget_init(struct zmq_budget *budget, struct mono_time now)
{
    *budget = (struct zmq_budget){.left = ZMQ_BUDGET_BURST, .refilled_ns = now.ns};
}

bool zmq_budget_take(struct zmq_budget *budget, struct mono_time now)
{
    int64_t earned = (now.ns - budget->refilled_ns) / ((int64_t)ZMQ_BUDGET_REFILL_MS * NS_PER_MS);
    if (earned >= ZMQ_BUDGET_BURST) {
        zmq_budget_init(budget, now);
    } else if (earned > 0) {
        budget->refilled_ns += earned * ZMQ_BUDGET_REFILL_MS * NS_PER_MS;
        budget->left += (uint32_t)earned;
        if (budget->left > ZMQ_BUDGET_BURST)
            budget->left = ZMQ_BUDGET_BURST;
    }
    if (budget->left == 0)
        return false;
    budget->left--;
    return true;
}

void zmq_strangers_init(struct zmq_strangers *strangers, const uint8_t secret[16])
{
    memset(strangers, 0, sizeof(*strangers));
    memcpy(strangers->secret, secret, sizeof(strangers->secret));
}

bool zmq_strangers_take(struct zmq_strangers *strangers, const void *routing, size_t size,
                        struct mono_time now)
{
    uint64_t key = 0;
    (void)crypto_shorthash((unsigned char *)&key, routing, size, strangers->secret); /* always 0 */
    key |= 1; /* never that of a free slot */
    struct zmq_stranger *slot = &strangers->slots[(key >> 1) % ZMQ_STRANGERS_MAX];
    if (slot->key != key) {
        slot->key = key;
        zmq_budget_init(&slot->budget, now);
    }
    int64_t second = now.ns / NS_PER_S;
    if (second != strangers->second) {
        strangers->second = second;
        strangers->told_in_second = 0;
    }
    if (strangers->told_in_second >= ZMQ_STRANGERS_PER_S)
        return false;
    if (!zmq_budget_take(&slot->budget, now))
        return false;
    strangers->told_in_second++;
    return true;
}
