/* SPDX-License-Identifier: MPL-2.0
 *
 * See backoff.h.
 */
#include "backoff.h"

#define OFFSET_MAX_MS (INT64_C(1) << 45) /* about 1,100 years: far beyond any time to live */

const struct backoff backoff_patient = {
    .first_ms = 5 * 60 * 1000,
    .gap_min_ms = 1000,
    .retries_max = 10,
};

const struct backoff backoff_brisk = {
    .first_ms = 5 * 1000,
    .gap_max_ms = 15 * 60 * 1000,
    .gap_min_ms = 1000,
    .retries_max = 10,
};

int64_t backoff_offset_ms(const struct backoff *backoff, uint32_t retry)
{
    int64_t offset_ms = backoff->first_ms;
    for (uint32_t n = 1; n < retry; n++) {
        /* Doubling the offset makes the next gap as long as the offset itself. */
        if (backoff->gap_max_ms > 0 && offset_ms >= backoff->gap_max_ms) {
            int64_t rest = (OFFSET_MAX_MS - offset_ms) / backoff->gap_max_ms;
            int64_t gaps = (int64_t)(retry - n);
            return offset_ms + (gaps < rest ? gaps : rest) * backoff->gap_max_ms;
        }
        offset_ms *= 2;
        if (offset_ms >= OFFSET_MAX_MS)
            return OFFSET_MAX_MS;
    }
    return offset_ms;
}

int64_t backoff_due_ms(const struct backoff *backoff, uint32_t retry, int64_t enqueue_ms,
                       int64_t now_ms, uint64_t random)
{
    int64_t due_ms = enqueue_ms + backoff_offset_ms(backoff, retry);
    if (due_ms < now_ms + backoff->gap_min_ms)
        due_ms = now_ms + backoff->gap_min_ms;
    if (backoff->jitter_percent > 0) {
        int64_t room_ms = (due_ms - now_ms) / 100 * (int64_t)backoff->jitter_percent;
        due_ms += (int64_t)(random % (uint64_t)(room_ms + 1));
    }
    return due_ms;
}
