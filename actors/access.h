/* SPDX-License-Identifier: MPL-2.0
 *
 * Who may use which consumer, and what a consumer is called in the store.
 *
 * Pure. A mailbox belongs to its peer; queues and topics are open to everybody; who may read a room
 * is decided by persistence (actors/rights.h) when the consumer is opened, and a consumer in a room
 * is managed by its peer only. An administrator may look at and clean up all of it, but not read a
 * mailbox of another peer.
 *
 * Names: in a mailbox a consumer is a device of its owner ("main"); a queue has one consumer,
 * "main", shared by all workers; in a room or topic every peer has consumers of its own, so the
 * stored name is PEER/CONSUMER, and CONSUMER has no slash (so the last slash divides the two).
 */
#ifndef ACTORS_ACCESS_H
#define ACTORS_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/name.h"
#include "rt/err.h"

struct access_text {
    const void *data;
    size_t size;
};

struct access_who {
    int64_t peer_id;
    struct access_text name;
    bool is_admin;
    uint32_t role; /* of its account; for the access list (acl.h) */
    bool is_verified;
};

enum access_purpose {
    ACCESS_ATTACH, /* read and settle */
    ACCESS_MANAGE, /* inspect, redrive, purge, remove */
};

/* ERR_OK or ERR_NOT_ALLOWED. `owner_id` 0: not known yet, the name decides. */
MUST_USE enum err access_check(const struct access_who *who, enum access_purpose purpose,
                               enum scope_prefix kind, struct access_text scope_name,
                               int64_t owner_id);

/* In a room: is the consumer of this stored name one of this peer's? Elsewhere: true. */
bool access_is_own_consumer(const struct access_who *who, enum scope_prefix kind,
                            struct access_text stored_name);

/* The name the store has for this peer's consumer; empty means "main". Writes at most
 * WIRE_NAME_BYTES_MAX bytes. ERR_BAD_NAME: too long, or a slash where there must be none. */
MUST_USE enum err access_consumer_name(const struct access_who *who, enum scope_prefix kind,
                                       struct access_text consumer,
                                       char ret_name[WIRE_NAME_BYTES_MAX + 1], size_t *ret_size);

#endif
