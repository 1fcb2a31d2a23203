/* SPDX-License-Identifier: MPL-2.0
 *
 * Frames: the 4-byte head and the protobuf part, for a client.
 *
 * Owns: reading the head, unpacking into an arena (which bounds what a frame may cost), packing
 * into a zmq_msg_t, and SEND frames put together from entries that are encoded already.
 * Leaves to others: what the messages mean.
 */
#ifndef CLIENT_FRAME_H
#define CLIENT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "broker.pb-c.h"
#include "clients/c/publish.h"
#include "rt/arena.h"

#define FRAME_HEAD_BYTES 4

/* TYPE_NONE when this is no frame of our protocol and version. */
Roost__V1__Type frame_type(const void *frame, size_t size);

/* NULL: the bytes are no message of that type, or too large for the arena. */
ProtobufCMessage *frame_unpack(const ProtobufCMessageDescriptor *descriptor, struct arena *arena,
                               const void *frame, size_t size);

/* `ret` must not be initialised; the caller sends or closes it. False: no memory. */
bool frame_pack(Roost__V1__Type type, const ProtobufCMessage *message, zmq_msg_t *ret);

/* The next `count` entries of the window as a SEND, whose protobuf part has `size` bytes. */
bool frame_pack_send(const struct publish *publish, size_t count, size_t size, zmq_msg_t *ret);

#endif
