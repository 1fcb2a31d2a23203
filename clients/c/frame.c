/* SPDX-License-Identifier: MPL-2.0
 *
 * See frame.h.
 */
#include "clients/c/frame.h"

#include <string.h>

#include "rt/check.h"

#define SIGNATURE_0 0xB5
#define SIGNATURE_1 0x0C
#define VERSION     1

Roost__V1__Type frame_type(const void *frame, size_t size)
{
    const uint8_t *head = frame;
    if (size < FRAME_HEAD_BYTES || head[0] != SIGNATURE_0 || head[1] != SIGNATURE_1 ||
        head[2] != VERSION)
        return ROOST__V1__TYPE__TYPE_NONE;
    return (Roost__V1__Type)head[3];
}

ProtobufCMessage *frame_unpack(const ProtobufCMessageDescriptor *descriptor, struct arena *arena,
                               const void *frame, size_t size)
{
    return protobuf_c_message_unpack(descriptor, arena_allocator(arena), size - FRAME_HEAD_BYTES,
                                     (const uint8_t *)frame + FRAME_HEAD_BYTES);
}

static uint8_t *write_head(Roost__V1__Type type, uint8_t *at)
{
    *at++ = SIGNATURE_0;
    *at++ = SIGNATURE_1;
    *at++ = VERSION;
    *at++ = (uint8_t)type;
    return at;
}

bool frame_pack(Roost__V1__Type type, const ProtobufCMessage *message, zmq_msg_t *ret)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    if (zmq_msg_init_size(ret, FRAME_HEAD_BYTES + size) != 0)
        return false;
    uint8_t *at = write_head(type, zmq_msg_data(ret));
    CHECK(protobuf_c_message_pack(message, at) == size);
    return true;
}

bool frame_pack_send(const struct publish *publish, size_t count, size_t size, zmq_msg_t *ret)
{
    if (zmq_msg_init_size(ret, FRAME_HEAD_BYTES + size) != 0)
        return false;
    uint8_t *start = zmq_msg_data(ret);
    uint8_t *at = write_head(ROOST__V1__TYPE__SEND, start);
    at = outgoing_write_first_no(publish_next_no(publish), at);
    const struct outgoing *before = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct outgoing *outgoing = publish_entry(publish, i);
        at = outgoing_write_entry(outgoing, before, at);
        before = outgoing;
    }
    CHECK(at == start + FRAME_HEAD_BYTES + size);
    return true;
}
