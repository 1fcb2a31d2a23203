/* SPDX-License-Identifier: MPL-2.0
 *
 * How much one peer may send, and how much may wait for one recipient.
 *
 * Pure; time comes as an argument. Two kinds of bounds, each 0 for none:
 *
 *   rates      messages and bytes per second of one peer, over all its sessions and gateways
 *              (rt/bucket.h): whoever is beyond waits, and everything behind it with him
 *   waiting    messages and bytes that wait in one mailbox or queue, and the share of one sender in it:
 *              only what goes there is refused
 *
 * What waits, sync-manager knows. Here stands an estimate that is never too low in messages: what was
 * waiting when it was last asked for, and everything stored since. It is asked for again when the estimate
 * comes near a bound. Bytes, and shares, are corrected in the proportion of the messages: a queue is read
 * from its old end, so that is about right, and each further question makes it better.
 *
 * Forgetting is harmless: at worst somebody gets his burst once more, and a recipient is asked about anew.
 */
#ifndef ACTORS_QUOTA_H
#define ACTORS_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/bucket.h"
#include "rt/err.h"
#include "rt/hash.h"

#define QUOTA_PEERS_MAX  65536u
#define QUOTA_PLACES_MAX 65536u
#define QUOTA_SHARES_MAX 262144u
#define QUOTA_ASK_MS     100  /* between two questions about one recipient */
#define QUOTA_RETRY_MS   1000 /* what a sender is told to wait for a recipient */

struct quota_limits {
    struct bucket_rate messages, bytes;
    uint64_t waiting_messages, waiting_bytes; /* of one recipient */
    uint64_t share_messages, share_bytes;     /* of one sender of these */
};

struct quota {
    struct quota_limits limits;
    bool has_rates, has_places;
    struct u64map peers;  /* id -> struct quota_peer */
    struct u64map places; /* scope id -> struct quota_place */
    struct u64map shares; /* scope id and sender id -> struct quota_share */
    struct quota_place *asking, **asking_end;
};

void quota_init(struct quota *quota, const struct quota_limits *limits);
void quota_fini(struct quota *quota);

/* 0: it may send this, and it is counted. Else so many milliseconds later. */
uint32_t quota_take(struct quota *quota, int64_t peer_id, uint64_t messages, uint64_t bytes,
                    struct mono_time now);

/* One message to a mailbox or queue. ERR_OK: counted. ERR_MAILBOX_FULL, ERR_SHARE_FULL. */
MUST_USE enum err quota_place(struct quota *quota, int64_t scope_id, int64_t sender_id,
                              uint64_t bytes, struct mono_time now);

/* The next recipient to ask about; 0: none. It counts as asked from now on. */
int64_t quota_next_question(struct quota *quota);
/* The answer. Not known (yet): it is asked about again some time. */
void quota_answer(struct quota *quota, int64_t scope_id, uint64_t waiting, bool is_known,
                  struct mono_time now);

#endif
