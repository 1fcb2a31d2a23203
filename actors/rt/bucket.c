/* SPDX-License-Identifier: MPL-2.0
 *
 * See bucket.h.
 */
#include "rt/bucket.h"

#include "rt/check.h"

#define NS_PER_S  1000000000
#define NS_PER_MS 1000000
#define DEBT_NS   ((int64_t)24 * 3600 * NS_PER_S) /* nobody waits longer, whatever he took */

static int64_t cost_ns(uint64_t amount, uint64_t per_s)
{
    double ns = (double)amount * NS_PER_S / (double)per_s;
    return ns < (double)DEBT_NS ? (int64_t)ns : DEBT_NS;
}

uint32_t bucket_take(struct bucket *bucket, const struct bucket_rate *rate, uint64_t amount,
                     struct mono_time now)
{
    if (rate->per_s == 0)
        return 0;
    CHECK(rate->burst_ms > 0);
    int64_t burst_ns = (int64_t)rate->burst_ms * NS_PER_MS;
    int64_t cost = cost_ns(amount, rate->per_s);
    int64_t needed_ns = cost < burst_ns ? cost : burst_ns;
    int64_t full_ns = bucket->full_ns > now.ns ? bucket->full_ns : now.ns;
    int64_t short_ns = full_ns - now.ns + needed_ns - burst_ns;
    if (short_ns > 0) {
        int64_t wait_ms = (short_ns + NS_PER_MS - 1) / NS_PER_MS;
        return wait_ms < UINT32_MAX ? (uint32_t)wait_ms : UINT32_MAX;
    }
    bucket->full_ns = full_ns + cost;
    return 0;
}

bool bucket_is_full(const struct bucket *bucket, struct mono_time now)
{
    return bucket->full_ns <= now.ns;
}
