/* SPDX-License-Identifier: MPL-2.0
 *
 * The persistence actor: the only connection to the store that writes.
 *
 * Its handlers do their row work inside one open transaction; on_batch commits it with full sync,
 * and only then do the answers go out. So everything that was answered is on disk, one sync serves
 * all that waits, and an idle broker answers after one sync: group commit without a delay.
 *
 * Promises
 *   - No answer (STORE_DONE, CONSUMER_WRITTEN ...) before the commit of what it says.
 *   - Per session, publish numbers are stored in order; behind a refusal that may be tried again,
 *     nothing above it is stored (go-back-N).
 *   - sync-manager learns of every commit (APPENDED) before its answers go out.
 *   - A full disk refuses stores, not settles, and heals by itself. Any other error of the disk
 *     ends the actor and with it the daemon: what is on disk is read again at the next start.
 * Leaves to others: what is due for whom, queries, who is allowed to do what.
 */
#ifndef ACTORS_PERSISTENCE_H
#define ACTORS_PERSISTENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"
#include "quota.h"
#include "rt/actor.h"

/* Zero means the default in brackets. */
struct persistence_options {
    const char *path;              /* of the database file */
    const char *vfs;               /* tests: another file layer; NULL: the real one */
    bool is_autocreate;            /* names never heard of are created when written to */
    bool answers_before_commit;    /* tests only: breaks the promise, to see that tests see it */
    size_t wal_bytes;              /* size given to the write-ahead log at start; 0: it grows */
    size_t reserve_bytes;          /* [8 MiB] kept on disk for settles when it is full */
    struct wire_limits limits;     /* [wire_limits_default] */
    int64_t ttl_ms;                /* [7 days] of messages that name none */
    int64_t retention_ms;          /* [30 days] messages stay this long after being stored */
    int64_t presence_retention_ms; /* [90 days] */
    int64_t cleanup_interval_ms;   /* [1 hour] */
    int64_t lan_max;               /* [4,096] unverified peers of the local network */
    int64_t invitation_ttl_ms;     /* [7 days] */
    int64_t token_ms;              /* [30 days] life of a token since its last use */
    int64_t key_code_ms;           /* [1 day] life of a code that enrols a key */
    uint32_t login_failures_max;   /* [5] within login_window_ms lock a name for lock_ms */
    int64_t login_window_ms;       /* [5 minutes] */
    int64_t lock_ms;               /* [15 minutes] */
    bool is_acl_closed;            /* what no rule of the access list is about is denied */
    const char *const *admins;     /* accounts that need no rule, besides those of role admin */
    size_t admin_count;
    struct quota_limits quota; /* 0 = no bound */
    uint32_t rooms_per_owner;  /* 0 = no bound */
    const char *software;      /* noted in the audit log at start and stop; NULL: nothing is */
    const _Atomic unsigned *reloads; /* rises when the configuration was read again; may be NULL */
};

extern const struct actor_class persistence_actor; /* args: struct persistence_options */

#endif
