/* SPDX-License-Identifier: MPL-2.0
 *
 * A token bucket in eight bytes: so much per second, and at once what came together in `burst_ms`.
 *
 * Pure; time comes as an argument, from the monotonic clock. What is kept is when the bucket will be full
 * again. What is larger than the whole bucket passes when it is full, and is then waited for at its whole
 * price: so no rate is too small for anybody's largest message.
 */
#ifndef RT_BUCKET_H
#define RT_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/clock.h"

struct bucket_rate {
    uint64_t per_s;    /* 0: no bound */
    uint32_t burst_ms; /* > 0 */
};

struct bucket {
    int64_t full_ns; /* all zero: full */
};

/* 0: taken. Else nothing was taken, and so many milliseconds later (at least 1) something will be there. */
uint32_t bucket_take(struct bucket *bucket, const struct bucket_rate *rate, uint64_t amount,
                     struct mono_time now);

/* Is it as good as new? Then it may be forgotten. */
bool bucket_is_full(const struct bucket *bucket, struct mono_time now);

#endif
