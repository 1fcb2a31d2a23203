/* SPDX-License-Identifier: MPL-2.0
 *
 * Connections that were accepted, by descriptor: a connection without a session has so long to get
 * one, and one address beyond this machine may have only so many. libzmq knows neither bound, but its
 * monitor tells of each connection that it has accepted and of each that has ended.
 *
 * Promises
 *   - Only a connection that is meant is cut: a descriptor may have become another file's while its
 *     event was on the way. So a socket is known by its inode, too, and held (dup) while that is looked
 *     at and the connection shut down; libzmq sees the end of it and closes it.
 *   - Before a connection is cut for being one too many, all events that there are were told: call
 *     zmq_arrivals_cut after the last of them.
 *   - Everything is O(1), but for those cut.
 *
 * Owns: what is known of connections. Leaves to others: the monitor, timers, and what a session is.
 */
#ifndef GATEWAYS_ZMQ_ZMQ_ARRIVALS_H
#define GATEWAYS_ZMQ_ZMQ_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateways/address_book.h"
#include "rt/clock.h"
#include "rt/err.h"
#include "rt/hash.h"

#define ZMQ_ARRIVALS_PATIENCE_MS 8000

struct zmq_arrival;

struct zmq_arrival_list {
    struct zmq_arrival *head, *tail;
};

struct zmq_arrivals {
    struct u64map by_descriptor;
    struct address_book addresses;
    struct zmq_arrival_list waiting; /* those without a session, who is due first in front */
    struct zmq_arrival_list doomed;  /* one too many */
    uint64_t last_serial;
    int idle, held;           /* to hold a socket with, without a new descriptor */
    uint64_t descriptors_max; /* one with a higher number is cut at once; 0: no such bound */
};

/* `per_address`: 0 = no bound. ERR_BUSY: no descriptors; to be ended all the same. */
MUST_USE enum err zmq_arrivals_init(struct zmq_arrivals *arrivals, uint32_t per_address,
                                    uint64_t descriptors_max);
void zmq_arrivals_fini(struct zmq_arrivals *arrivals);

/* Accepted. False: it is one too many, and is cut by zmq_arrivals_cut. */
bool zmq_arrivals_add(struct zmq_arrivals *arrivals, int descriptor, struct mono_time now);
/* It has ended. */
void zmq_arrivals_remove(struct zmq_arrivals *arrivals, int descriptor);

/* A session begins on it: the serial to release it with, 0: nothing is known of it. */
uint64_t zmq_arrivals_hold(struct zmq_arrivals *arrivals, int descriptor);
/* That session is over. The last one: its time runs again. */
void zmq_arrivals_release(struct zmq_arrivals *arrivals, int descriptor, uint64_t serial,
                          struct mono_time now);

/* When somebody is due; MONO_NEVER: nobody waits. */
struct mono_time zmq_arrivals_next_due(const struct zmq_arrivals *arrivals);
/* Cuts those that are too many. */
size_t zmq_arrivals_cut(struct zmq_arrivals *arrivals);
/* And those that are due. How many were cut. */
size_t zmq_arrivals_cut_due(struct zmq_arrivals *arrivals, struct mono_time now);

#endif
