/* SPDX-License-Identifier: MPL-2.0
 *
 * See ping.h. The answer is written before the question is closed, so whoever sees no open question
 * also sees its answer.
 */
#include "rt/ping.h"

#define NS_PER_US 1000
#define NS_PER_MS 1000000

bool ping_is_open(const struct ping *ping)
{
    return atomic_load_explicit(&ping->asked_ns, memory_order_acquire) != 0;
}

bool ping_ask(struct ping *ping, struct mono_time now)
{
    if (ping_is_open(ping))
        return false;
    atomic_store_explicit(&ping->asked_ns, now.ns, memory_order_release);
    return true;
}

bool ping_answer(struct ping *ping, struct mono_time now)
{
    int64_t asked_ns = atomic_load_explicit(&ping->asked_ns, memory_order_acquire);
    if (asked_ns == 0)
        return false;
    int64_t took_us = (now.ns - asked_ns) / NS_PER_US;
    atomic_store_explicit(&ping->took_us, took_us > 0 ? took_us : 0, memory_order_relaxed);
    atomic_store_explicit(&ping->answered_ns, now.ns, memory_order_relaxed);
    atomic_store_explicit(&ping->asked_ns, 0, memory_order_release);
    return true;
}

static int64_t elapsed_ms(int64_t since_ns, struct mono_time now)
{
    return now.ns > since_ns ? (now.ns - since_ns) / NS_PER_MS : 0;
}

struct ping_report ping_report(const struct ping *ping, struct mono_time now)
{
    int64_t asked_ns = atomic_load_explicit(&ping->asked_ns, memory_order_acquire);
    int64_t answered_ns = atomic_load_explicit(&ping->answered_ns, memory_order_relaxed);
    struct ping_report report = {.took_us = -1, .answered_ago_ms = -1, .open_ms = -1};
    if (answered_ns != 0) {
        report.took_us = atomic_load_explicit(&ping->took_us, memory_order_relaxed);
        report.answered_ago_ms = elapsed_ms(answered_ns, now);
    }
    if (asked_ns != 0)
        report.open_ms = elapsed_ms(asked_ns, now);
    return report;
}
