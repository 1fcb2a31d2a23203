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
 * Leaves to others: what the frames mean.
 */
#ifndef GATEWAYS_ZMQ_ZMQ_ROUTER_H
#define GATEWAYS_ZMQ_ZMQ_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "gateways/zmq/zmq_gateway.h"
#include "rt/err.h"

struct zmq_router {
    void *socket;
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

/* Takes the frame on ERR_OK. ERR_BUSY: its buffer is full. ERR_NO_SESSION: nobody has this routing
 * id (any more). */
MUST_USE enum err zmq_router_offer(struct zmq_router *router, const void *routing, size_t size,
                                   zmq_msg_t *take_frame);

#endif
