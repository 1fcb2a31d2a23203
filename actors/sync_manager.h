/* SPDX-License-Identifier: MPL-2.0
 *
 * The sync-manager actor: what is due for whom.
 *
 * Owns, in memory and rebuilt from the store at start: ready heads, leases, credit, retries,
 * expiry, receipts. All time logic of the broker is in delivery.h, a state machine without I/O;
 * this actor carries its questions and answers.
 *
 *     persistence -- APPENDED --> |              | -- FETCH -----------> history --> gateway
 *     gateway ---- ATTACH, ... -> | sync-manager | -- CONSUMER_WRITE --> persistence
 *     clock ------- timers -----> |              | -- SETTLED, ... ----> gateway
 *
 * Promises
 *   - APPENDED is always acknowledged at once: a commit never waits for a delivery.
 *   - A session that does not read costs its own window and nothing else; every list that grows
 *     with demand of outsiders has a limit, and its refusal is an answer.
 *   - A million waiting messages are loaded in pages; what is asked meanwhile is answered as soon
 *     as its scope is loaded.
 *   - Everything in memory may be lost at any moment: what was confirmed is on disk, what was not
 *     is delivered again.
 * Leaves to others: bodies (history), rows and commits (persistence), sessions (gateways).
 */
#ifndef ACTORS_SYNC_MANAGER_H
#define ACTORS_SYNC_MANAGER_H

#include <stdint.h>

#include "backoff.h"
#include "rt/actor.h"

/* Zero means the default in brackets. */
struct sync_manager_options {
    struct backoff backoff;       /* [backoff_patient] */
    uint32_t lease_ms;            /* [30,000] of attachments that ask for none */
    uint32_t window_messages_max; /* [8,192] deliveries not settled, per attachment */
    uint64_t window_bytes_max;    /* [32 MiB] */
    uint32_t write_interval_ms;   /* [0] between writes of settles that are not to be confirmed */
    uint32_t load_page;           /* [2,048] heads of one page: what others ask waits for it */
    uint8_t room_gateway;         /* actor id: told who left a room (MEMBER_LEFT); 0 = nobody */
    bool has_acl;                 /* the access list is asked of persistence; else all is allowed */
    bool is_acl_open;             /* what no rule is about is allowed */
    const char *const *admins;    /* accounts that need no rule, besides those of role admin */
    size_t admin_count;
};

extern const struct actor_class sync_manager_actor; /* args: struct sync_manager_options */

#endif
