/* SPDX-License-Identifier: MPL-2.0
 *
 * The history actor: everything that is read, on a connection of its own that cannot write.
 *
 *     FETCH          messages for a consumer, packed as public DELIVER and RECEIPT frames and sent
 *                    to the session's gateway
 *     LOAD_*         what sync-manager and peer-registry need when they start
 *     RESOLVE        where the messages with these ids are
 *     QUERY          what clients ask: pages of messages, peers, counts, traces
 *     INSPECT_FILL   adds what the store knows to what sync-manager knows
 *
 * Promises: checksums are verified before a message leaves; a damaged one is reported, never
 * delivered. Reads are short, so the writer's checkpoints are not held back. Being slow here slows
 * no store and no settle.
 * Leaves to others: what is due for whom; the verdict on damaged messages.
 */
#ifndef ACTORS_HISTORY_H
#define ACTORS_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"
#include "rt/actor.h"

/* Zero means the default in brackets. */
struct history_options {
    const char *path;            /* of the database file; the persistence actor has made it */
    const char *vfs;             /* tests: another file layer; NULL: the real one */
    struct wire_limits limits;   /* [wire_limits_default] */
    int64_t presence_timeout_ms; /* [180 s] */
    bool has_acl;                /* the access list counts; else all is allowed */
    bool is_acl_open;            /* what no rule is about is allowed */
    const char *const *admins;   /* accounts that need no rule, besides those of role admin */
    size_t admin_count;

    /* For STATS: the blocks of the system; may be NULL. Looked at when asked, not before. */
    const struct metrics *const *metrics;
    size_t metrics_count;
};

extern const struct actor_class history_actor; /* args: struct history_options */

#endif
