/* SPDX-License-Identifier: MPL-2.0
 *
 * The peer-registry actor: who is known and who is online.
 *
 * A peer comes online with its first session, or when it is heard of again; it goes offline when
 * it said goodbye in its last session, or was not heard of for the timeout. Every change becomes a
 * row (PEER_SAVE) first and is published after it is stored (PRESENCE_CHANGED).
 *
 * Promises
 *   - No change is lost because storing failed: it is kept and tried again, in order.
 *   - Nobody waits for room on the disk: whoever has a row is let in, and that he came is stored
 *     later; a session of somebody new is refused with the reason.
 *   - While running, time is counted by the monotonic clock: a jump of the wall clock makes nobody
 *     come or go.
 *   - last_seen is written at most once per peer in 30 s; changes of state at once.
 *   - Peers of the local network ("lan:...") can be made up by anybody, so there is room for
 *     lan_max of them; for a new one the one not heard of for longest goes (SESSION_DROPPED), but
 *     none that has messages, a nickname or an account. What comes faster than it can be stored is
 *     answered BUSY.
 *   - Started again inside a running daemon, it learns the open sessions from what the gateways say
 *     they have heard (SESSIONS_SEEN). A goodbye before that is noticed by the timeout.
 * Leaves to others: names and passwords, what sessions do, showing peers (history).
 */
#ifndef ACTORS_PEER_REGISTRY_H
#define ACTORS_PEER_REGISTRY_H

#include <stdint.h>

#include "rt/actor.h"

struct peer_registry_options {
    int64_t timeout_s;             /* presence.timeout_s; 0: 180 */
    uint32_t sessions_per_account; /* of one that has proved it; 0: no bound */
    int64_t lan_max;               /* peers.unverified_max; 0: 4,096 */
    uint8_t watcher;               /* an actor that is told who comes and goes as well; 0: none */
};

extern const struct actor_class peer_registry_actor; /* args: struct peer_registry_options */

#endif
