/* SPDX-License-Identifier: MPL-2.0
 *
 * See wire.h: the head, the table of types, and the steps of reading a frame
 *     head -> size -> scan (wire_scan.c) -> unpack -> scopes filled in -> values (wire_check.c)
 */
#include "proto/wire.h"

#include <stdio.h>

#include "proto/wire_check.h"
#include "proto/wire_scan.h"
#include "rt/check.h"

#define SIGNATURE_0 0xb5
#define SIGNATURE_1 0x0c

#define TO_BROKER (1u << WIRE_TO_BROKER)
#define TO_CLIENT (1u << WIRE_TO_CLIENT)

struct type {
    const char *name;
    const ProtobufCMessageDescriptor *descriptor;
    uint8_t ways;
};

#define TYPE(NAME, type, ways)                                                                     \
    [ROOST__V1__TYPE__##NAME] = {#NAME, &roost__v1__##type##__descriptor, ways}

static const struct type types[] = {
    TYPE(HELLO, hello, TO_BROKER),
    TYPE(WELCOME, welcome, TO_CLIENT),
    TYPE(NO_SESSION, no_session, TO_CLIENT),
    TYPE(PING, ping, TO_BROKER | TO_CLIENT),
    TYPE(PONG, pong, TO_BROKER | TO_CLIENT),
    TYPE(GOODBYE, goodbye, TO_BROKER | TO_CLIENT),
    TYPE(ERROR, error, TO_CLIENT),
    TYPE(SEND, send, TO_BROKER),
    TYPE(STORED, stored, TO_CLIENT),
    TYPE(ATTACH, attach, TO_BROKER),
    TYPE(ATTACHED, attached, TO_CLIENT),
    TYPE(DETACH, detach, TO_BROKER | TO_CLIENT),
    TYPE(CREDIT, credit, TO_BROKER),
    TYPE(DELIVER, deliver, TO_CLIENT),
    TYPE(RECEIPT, receipt, TO_CLIENT),
    TYPE(SETTLE, settle, TO_BROKER),
    TYPE(SETTLED, settled, TO_CLIENT),
    TYPE(QUERY, query, TO_BROKER),
    TYPE(RESULT, result, TO_CLIENT),
    TYPE(FIN, fin, TO_CLIENT),
    TYPE(SYNC, sync, TO_BROKER),
    TYPE(PRESENCE, presence, TO_BROKER | TO_CLIENT),
    TYPE(CALL, call, TO_BROKER),
    TYPE(REPLY, reply, TO_CLIENT),
};

#define TYPES_COUNT (sizeof(types) / sizeof(types[0]))

const struct wire_limits wire_limits_default = {
    .frame_bytes_max = WIRE_FRAME_BYTES_DEFAULT,
    .body_bytes_max = WIRE_BODY_BYTES_DEFAULT,
    .entries_max = WIRE_ENTRIES_MAX,
};

struct wire_limits wire_limits_for_body(uint32_t body_bytes_max)
{
    struct wire_limits limits = wire_limits_default;

    limits.body_bytes_max =
        body_bytes_max < WIRE_BODY_BYTES_CAP ? body_bytes_max : WIRE_BODY_BYTES_CAP;
    if (limits.frame_bytes_max < limits.body_bytes_max + WIRE_ENTRY_OVERHEAD_BYTES_MAX)
        limits.frame_bytes_max = limits.body_bytes_max + WIRE_ENTRY_OVERHEAD_BYTES_MAX;
    return limits;
}

const char *wire_type_name(uint32_t type)
{
    return type < TYPES_COUNT && types[type].name ? types[type].name : "?";
}

const ProtobufCMessageDescriptor *wire_type_descriptor(uint32_t type)
{
    return type < TYPES_COUNT ? types[type].descriptor : NULL;
}

enum err wire_peek_type(const void *frame, size_t size, uint32_t *ret_type)
{
    const uint8_t *bytes = frame;

    if (size < WIRE_HEAD_BYTES || bytes[0] != SIGNATURE_0 || bytes[1] != SIGNATURE_1)
        return ERR_BAD_SIGNATURE;
    if (bytes[2] != WIRE_VERSION)
        return ERR_BAD_VERSION;
    *ret_type = bytes[3];
    return ERR_OK;
}

static enum err refuse(struct wire_reader *reader, enum err err, const char *problem)
{
    reader->problem = problem;
    return err;
}

static enum err refuse_fault(struct wire_reader *reader, enum err err,
                             const struct wire_fault *fault)
{
    if (!fault->detail)
        return refuse(reader, err, fault->field);
    (void)snprintf(reader->problem_text, sizeof(reader->problem_text), "%s: %s", fault->field,
                   fault->detail); /* cut when too long: it is for people */
    return refuse(reader, err, reader->problem_text);
}

/* By which the sender recognises what is refused: its field 1, a request id or ATTACH's handle. */
static bool has_request_id(uint32_t type)
{
    return type == ROOST__V1__TYPE__ATTACH || type == ROOST__V1__TYPE__QUERY ||
           type == ROOST__V1__TYPE__SYNC || type == ROOST__V1__TYPE__CALL ||
           type == ROOST__V1__TYPE__PRESENCE;
}

/* Everything that can be said of a frame without memory. */
static enum err examine(struct wire_reader *reader, const uint8_t *frame, size_t size,
                        struct wire_scan *scan)
{
    reader->problem = NULL;
    reader->type = 0;
    reader->request_id = 0;
    enum err err = wire_peek_type(frame, size, &reader->type);
    if (err)
        return refuse(reader, err, err_sentence(err));
    if (reader->type >= TYPES_COUNT || !(types[reader->type].ways & 1u << reader->direction))
        return refuse(reader, ERR_BAD_TYPE, err_sentence(ERR_BAD_TYPE));
    if (size > reader->limits->frame_bytes_max)
        return refuse(reader, ERR_FRAME_TOO_LARGE, "the frame is larger than frame_bytes_max");
    err = wire_scan_message(scan, types[reader->type].descriptor, frame + WIRE_HEAD_BYTES,
                            size - WIRE_HEAD_BYTES);
    if (has_request_id(reader->type))
        reader->request_id = scan->first_value;
    return err ? refuse(reader, err, scan->problem) : ERR_OK;
}

/* "empty = scope of the entry before". Shares bytes: nothing in an arena is freed by itself. */
static void fill_in_scopes(Roost__V1__Send *send)
{
    for (size_t i = 1; i < send->n_entries; i++)
        if (send->entries[i]->scope.len == 0)
            send->entries[i]->scope = send->entries[i - 1]->scope;
}

enum err wire_parse(struct wire_reader *reader, const void *frame, size_t size,
                    struct wire_message *ret)
{
    struct wire_scan scan = {0};
    struct wire_fault fault = {0};
    const uint8_t *bytes = frame;

    enum err err = examine(reader, bytes, size, &scan);
    if (err)
        return err;
    struct wire_message message = {.type = (Roost__V1__Type)reader->type};
    message.base =
        protobuf_c_message_unpack(types[reader->type].descriptor, arena_allocator(reader->arena),
                                  size - WIRE_HEAD_BYTES, bytes + WIRE_HEAD_BYTES);
    if (!message.base && arena_lacks_memory(reader->arena)) /* may be fine, and fit later */
        return refuse(reader, ERR_BUSY, "there is no memory to unpack the message now");
    if (!message.base)
        return refuse(reader, ERR_TOO_MANY, "the message needs too much memory when unpacked");
    if (message.type == ROOST__V1__TYPE__SEND)
        fill_in_scopes(message.send);
    err = wire_check_message(&message, reader->direction, reader->limits, &fault);
    if (err)
        return refuse_fault(reader, err, &fault);
    *ret = message;
    return ERR_OK;
}

enum err wire_scan_send(struct wire_reader *reader, const void *frame, size_t size,
                        struct wire_send_facts *ret)
{
    struct wire_scan scan = {0};
    struct wire_fault fault = {0};

    enum err err = examine(reader, frame, size, &scan);
    if (err)
        return err;
    if (reader->type != ROOST__V1__TYPE__SEND)
        return refuse(reader, ERR_BAD_TYPE, "not a SEND");
    err = wire_check_numbers(scan.first_value, scan.entries, reader->limits, &fault);
    if (err)
        return refuse_fault(reader, err, &fault);
    *ret = (struct wire_send_facts){scan.first_value, scan.entries, scan.body_bytes};
    return ERR_OK;
}

size_t wire_packed_bytes(const ProtobufCMessage *message)
{
    return WIRE_HEAD_BYTES + protobuf_c_message_get_packed_size(message);
}

enum err wire_pack(Roost__V1__Type type, const ProtobufCMessage *message, zmq_msg_t *ret)
{
    size_t size = wire_packed_bytes(message);

    CHECK(wire_type_descriptor((uint32_t)type) == message->descriptor);
    if (size > WIRE_FRAME_BYTES_CAP)
        return ERR_FRAME_TOO_LARGE;
    if (zmq_msg_init_size(ret, size) != 0)
        return ERR_BUSY;
    uint8_t *frame = zmq_msg_data(ret);
    frame[0] = SIGNATURE_0;
    frame[1] = SIGNATURE_1;
    frame[2] = WIRE_VERSION;
    frame[3] = (uint8_t)type;
    size_t packed = protobuf_c_message_pack(message, frame + WIRE_HEAD_BYTES);
    CHECK(packed == size - WIRE_HEAD_BYTES);
    return ERR_OK;
}
