/* SPDX-License-Identifier: MPL-2.0
 *
 * The ROUTER socket: its options, its addresses, one frame in, one frame out. The only file of
 * the gateway that calls libzmq for more than a message.
 *
 * Promises: nothing here waits. A frame sent is *offered*: it lies in a buffer of ours until the
 * other side's connection takes it, and may still be lost. When the buffer of one routing id is
 * full or its connection is gone, the offer is refused; it is never dropped silently
 * (ROUTER_MANDATORY). Two connections cannot have one routing id (no ROUTER_HANDOVER), so nobody
 * can take over another's deliveries by claiming his routing id.
 *
 * Who is behind a routing id? Clients choose it, and when a connection has ended another one may come
 * with the same. Where a listener speaks CURVE, that must give nobody what is another's:
 *   - each frame says which key its connection has proved (zmq_router_key);
 *   - each connection is known by its descriptor, and that it has ended is told (on_lost) before anything
 *     can reach a successor. For libzmq tells its monitor first, and gives the routing id away after
 *     that; zmq_router_offer lets libzmq choose the connection, then listens to the monitor, and only
 *     then hands out the frame.
 * Leaves to others: what the frames mean, and whose descriptor it was.
 */
#ifndef GATEWAYS_ZMQ_ZMQ_ROUTER_H
#define GATEWAYS_ZMQ_ZMQ_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "gateways/zmq/zmq_gateway.h"
#include "rt/err.h"

#define ZMQ_ROUTER_NO_DESCRIPTOR (-1)

/* A connection was accepted, or has ended. May be called within any function below that says so. */
typedef void zmq_accepted(void *context, int descriptor);
typedef void zmq_lost(void *context, int descriptor);

struct zmq_router {
    void *socket;
    void *monitor;             /* tells of connections; NULL: not open */
    bool is_curve;             /* some listener speaks it */
    zmq_accepted *on_accepted; /* NULL: nobody asks */
    zmq_lost *on_lost;         /* the same */
    void *context;
};

/* Binds all addresses, logs each with its real port, and puts these into `bound`. When `bound` has
 * them already (an earlier life), these are taken, so that a chosen port stays. ERR_ADDRESS (the
 * log says which), ERR_BUSY. On an error what was made is released. */
MUST_USE enum err zmq_router_open(struct zmq_router *router, void *zmq_context,
                                  const struct zmq_gateway_options *options);
/* What was offered last goes on being sent for a moment (linger). */
void zmq_router_close(struct zmq_router *router);

enum zmq_received {
    ZMQ_RECEIVED_NOTHING,
    ZMQ_RECEIVED_FRAME,     /* routing id and exactly one frame */
    ZMQ_RECEIVED_MULTIPART, /* a message of another shape; it is gone, routing id is valid */
};

/* Both messages must be initialised; they are the caller's to close. */
enum zmq_received zmq_router_receive(struct zmq_router *router, zmq_msg_t *ret_routing,
                                     zmq_msg_t *ret_frame);

/* The key that the connection of a received frame has proved, Z85; NULL: none. Dies with the frame. */
const char *zmq_router_key(zmq_msg_t *frame);
/* The descriptor of its connection; ZMQ_ROUTER_NO_DESCRIPTOR: it has none. */
int zmq_router_descriptor(zmq_msg_t *frame);
/* Tells on_accepted and on_lost of every connection that has come or ended by now, in this order. True:
 * this one has ended. */
bool zmq_router_look(struct zmq_router *router, int descriptor);

/* Takes the frame on ERR_OK. `descriptor`: the connection it is for. ERR_BUSY: its buffer is full.
 * ERR_NO_SESSION: nobody has this routing id (any more), or another connection. May call on_lost. */
MUST_USE enum err zmq_router_offer(struct zmq_router *router, const void *routing, size_t size,
                                   int descriptor, zmq_msg_t *take_frame);

#endif
