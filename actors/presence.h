/* SPDX-License-Identifier: MPL-2.0
 *
 * Is a peer online? The one comparison, used by the registry, by every query and by statistics.
 *
 * Pure. Times are of one clock, in milliseconds; which clock is the caller's business (the actors
 * use one that does not jump while they run).
 */
#ifndef ACTORS_PRESENCE_H
#define ACTORS_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

#define PRESENCE_TIMEOUT_S_DEFAULT 180

/* `last_seen_ms` 0: never seen. A goodbye sets left_ms = last_seen_ms, a later sign of life makes
 * last_seen_ms the greater one again. A last_seen in the future counts as now. */
bool presence_is_online(int64_t last_seen_ms, int64_t left_ms, int64_t now_ms, int64_t timeout_ms);

/* The oldest last_seen_ms with which a peer that has not left can be online; at least 1. */
int64_t presence_online_since(int64_t now_ms, int64_t timeout_ms);

#endif
