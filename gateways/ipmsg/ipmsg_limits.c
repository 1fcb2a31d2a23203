/* SPDX-License-Identifier: MPL-2.0
 *
 * See ipmsg_limits.h.
 */
#include "gateways/ipmsg/ipmsg_limits.h"

#include <stdlib.h>

#define SWEEP_MS 1000 /* at most so often: a sweep looks at all addresses */

void ipmsg_limits_init(struct ipmsg_limits *limits, size_t addresses_max, double per_second,
                       double burst)
{
    *limits = (struct ipmsg_limits){.per_second = per_second,
                                    .burst = burst,
                                    .strangers = {.tokens = burst},
                                    .swept_ms = INT64_MIN};
    hash_init(&limits->buckets, addresses_max);
}

void ipmsg_limits_fini(struct ipmsg_limits *limits)
{
    struct hash_cursor cursor = {0};
    while (hash_next(&limits->buckets, &cursor))
        free((void *)(uintptr_t)cursor.value);
    hash_fini(&limits->buckets);
}

/* A clock that went back gives nothing. */
static double tokens_at(const struct ipmsg_limits *limits, const struct ipmsg_bucket *bucket,
                        int64_t now_ms)
{
    int64_t passed_ms = now_ms > bucket->at_ms ? now_ms - bucket->at_ms : 0;
    double tokens = bucket->tokens + (double)passed_ms * limits->per_second / 1000;
    return tokens < limits->burst ? tokens : limits->burst;
}

static bool take(const struct ipmsg_limits *limits, struct ipmsg_bucket *bucket, int64_t now_ms)
{
    double tokens = tokens_at(limits, bucket, now_ms);
    bool is_taken = tokens >= 1;
    bucket->tokens = is_taken ? tokens - 1 : tokens;
    bucket->at_ms = now_ms;
    return is_taken;
}

/* Removing moves nothing, so the walk goes on behind it. */
static void sweep(struct ipmsg_limits *limits, int64_t now_ms)
{
    struct hash_cursor cursor = {0};
    if (limits->swept_ms != INT64_MIN && now_ms - limits->swept_ms < SWEEP_MS)
        return;
    limits->swept_ms = now_ms;
    while (hash_next(&limits->buckets, &cursor)) {
        struct ipmsg_bucket *bucket = (struct ipmsg_bucket *)(uintptr_t)cursor.value;
        if (tokens_at(limits, bucket, now_ms) < limits->burst)
            continue;
        (void)hash_remove(&limits->buckets, cursor.key, cursor.key_size, NULL); /* it is there */
        free(bucket);
    }
}

bool ipmsg_limits_take(struct ipmsg_limits *limits, const void *address, size_t size,
                       int64_t now_ms)
{
    struct ipmsg_bucket *bucket = hash_get_pointer(&limits->buckets, address, size);
    if (bucket)
        return take(limits, bucket, now_ms);
    bucket = malloc(sizeof(*bucket));
    if (!bucket)
        return take(limits, &limits->strangers, now_ms);
    *bucket = (struct ipmsg_bucket){.at_ms = now_ms, .tokens = limits->burst};
    enum err err = hash_put_pointer(&limits->buckets, address, size, bucket);
    if (err == ERR_TOO_MANY) {
        sweep(limits, now_ms);
        err = hash_put_pointer(&limits->buckets, address, size, bucket);
    }
    if (!err)
        return take(limits, bucket, now_ms);
    free(bucket);
    return take(limits, &limits->strangers, now_ms);
}
