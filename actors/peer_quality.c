/* SPDX-License-Identifier: MPL-2.0
 *
 * See peer_quality.h.
 */
#include "peer_quality.h"

#include <math.h>
#include <stdbool.h>

#define SUCCESS_WEIGHT  0.4
#define LATENCY_WEIGHT  0.3
#define UPTIME_WEIGHT   0.3
#define UNKNOWN         0.5
#define LATENCY_MAX_MS  1000.0
#define OBSERVED_MIN_MS 60000

static double success_rate(const struct peer_quality *quality)
{
    double ok = (double)quality->transfers_ok;
    double all = ok + (double)quality->transfers_failed;
    return all > 0 ? ok / all : UNKNOWN;
}

static double latency_score(const struct peer_quality *quality)
{
    if (quality->latency_count == 0)
        return UNKNOWN;
    double mean_ms = (double)quality->latency_total_ms / (double)quality->latency_count;
    return (LATENCY_MAX_MS - fmin(mean_ms, LATENCY_MAX_MS)) / LATENCY_MAX_MS;
}

static bool is_observed(const struct peer_quality *quality, int64_t now_ms)
{
    return quality->observed_ms > 0 && now_ms > quality->observed_ms &&
           now_ms - quality->observed_ms >= OBSERVED_MIN_MS;
}

static double uptime(const struct peer_quality *quality, int64_t now_ms)
{
    if (!is_observed(quality, now_ms))
        return UNKNOWN;
    double online_ms = (double)quality->online_ms;
    if (quality->online_since_ms > 0 && now_ms > quality->online_since_ms)
        online_ms += (double)(now_ms - quality->online_since_ms);
    double share = online_ms / (double)(now_ms - quality->observed_ms);
    return fmax(0, fmin(share, 1)); /* clocks may have been set */
}

double peer_quality_reliability(const struct peer_quality *quality, int64_t now_ms)
{
    double sum = SUCCESS_WEIGHT * success_rate(quality) + LATENCY_WEIGHT * latency_score(quality) +
                 UPTIME_WEIGHT * uptime(quality, now_ms);
    return fmin(sum, 1);
}

uint64_t peer_quality_latency_ms(const struct peer_quality *quality)
{
    if (quality->latency_count == 0)
        return 0;
    uint64_t half = quality->latency_count / 2;
    return quality->latency_total_ms / quality->latency_count +
           (quality->latency_total_ms % quality->latency_count > half);
}

double peer_quality_of_imported(const struct peer_quality *quality, double imported, int64_t now_ms)
{
    bool is_usable = imported >= 0 && imported <= 1; /* no NaN either */
    if (is_usable && !is_observed(quality, now_ms))
        return imported;
    return peer_quality_reliability(quality, now_ms);
}
