/* SPDX-License-Identifier: MPL-2.0
 *
 * See presence.h.
 */
#include "presence.h"

bool presence_is_online(int64_t last_seen_ms, int64_t left_ms, int64_t now_ms, int64_t timeout_ms)
{
    return left_ms < last_seen_ms && now_ms - last_seen_ms <= timeout_ms;
}

int64_t presence_online_since(int64_t now_ms, int64_t timeout_ms)
{
    int64_t since_ms = now_ms - timeout_ms;
    return since_ms > 0 ? since_ms : 1;
}
