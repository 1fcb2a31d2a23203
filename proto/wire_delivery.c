/* SPDX-License-Identifier: MPL-2.0
 *
 * See wire_delivery.h. One list of the fields, in the order of their numbers, is gone through twice:
 * once to add up, once to write. Proto3 leaves out what is zero, empty or false.
 */
#include "proto/wire_delivery.h"

#include <string.h>

enum wire_kind { NUMBER = 0, BYTES = 2 };

#define TAG(number, kind) ((uint32_t)(number) << 3 | (kind))

/* FIELD_NUMBER(field number, value), FIELD_BYTES(field number, bytes), FIELD_LIST(field number, count,
 * messages) for each field of Delivery in proto/wire/broker.proto. */
#define FIELDS(d)                                                                                  \
    FIELD_NUMBER(1, (d)->seq)                                                                      \
    FIELD_BYTES(2, (d)->message_id)                                                                \
    FIELD_BYTES(3, (d)->sender)                                                                    \
    FIELD_BYTES(4, (d)->body)                                                                      \
    FIELD_NUMBER(5, (uint64_t)(int32_t)(d)->kind)                                                  \
    FIELD_BYTES(6, (d)->content_type)                                                              \
    FIELD_LIST(7, (d)->n_headers, (d)->headers)                                                    \
    FIELD_BYTES(8, (d)->key)                                                                       \
    FIELD_NUMBER(9, (d)->priority)                                                                 \
    FIELD_BYTES(10, (d)->reply_to)                                                                 \
    FIELD_BYTES(11, (d)->correlation_id)                                                           \
    FIELD_BYTES(12, (d)->parent_id)                                                                \
    FIELD_NUMBER(13, (d)->created_ms)                                                              \
    FIELD_NUMBER(14, (d)->stored_ms)                                                               \
    FIELD_NUMBER(15, (d)->expires_ms)                                                              \
    FIELD_NUMBER(16, (d)->attempt)                                                                 \
    FIELD_NUMBER(17, (d)->redelivered != 0)                                                        \
    FIELD_NUMBER(18, (d)->sender_unverified != 0)                                                  \
    FIELD_BYTES(19, (d)->scope)                                                                    \
    FIELD_NUMBER(20, (d)->edited_ms)                                                               \
    FIELD_NUMBER(21, (d)->deleted_ms)                                                              \
    FIELD_LIST(22, (d)->n_reactions, (d)->reactions)

/* --- Sizes. */

static size_t number_bytes(uint64_t value)
{
    return (size_t)(70 - __builtin_clzll(value | 1)) / 7; /* 7 bits a byte, one byte for 0 */
}

static size_t bytes_bytes(uint32_t tag, size_t size)
{
    return size ? number_bytes(tag) + number_bytes(size) + size : 0;
}

size_t wire_delivery_bytes(const Roost__V1__Delivery *delivery)
{
    size_t size = 0;
#define FIELD_NUMBER(number, value)                                                                \
    if ((value) != 0)                                                                              \
        size += number_bytes(TAG(number, NUMBER)) + number_bytes(value);
#define FIELD_BYTES(number, value) size += bytes_bytes(TAG(number, BYTES), (value).len);
#define FIELD_LIST(number, count, messages)                                                        \
    for (size_t i = 0; i < (count); i++) {                                                         \
        size_t inner = protobuf_c_message_get_packed_size(&(messages)[i]->base);                   \
        size += number_bytes(TAG(number, BYTES)) + number_bytes(inner) + inner;                    \
    }
    FIELDS(delivery)
#undef FIELD_NUMBER
#undef FIELD_BYTES
#undef FIELD_LIST
    return size;
}

/* --- Bytes. */

uint8_t *wire_number_write(uint8_t *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *to++ = (uint8_t)(value | 0x80);
    *to++ = (uint8_t)value;
    return to;
}

static uint8_t *write_bytes(uint8_t *to, uint32_t tag, ProtobufCBinaryData bytes)
{
    if (bytes.len == 0)
        return to;
    to = wire_number_write(wire_number_write(to, tag), bytes.len);
    memcpy(to, bytes.data, bytes.len);
    return to + bytes.len;
}

static uint8_t *write_message(uint8_t *to, uint32_t tag, const ProtobufCMessage *message)
{
    to = wire_number_write(wire_number_write(to, tag), protobuf_c_message_get_packed_size(message));
    return to + protobuf_c_message_pack(message, to);
}

uint8_t *wire_delivery_write(const Roost__V1__Delivery *delivery, uint8_t *to)
{
#define FIELD_NUMBER(number, value)                                                                \
    if ((value) != 0)                                                                              \
        to = wire_number_write(wire_number_write(to, TAG(number, NUMBER)), value);
#define FIELD_BYTES(number, value) to = write_bytes(to, TAG(number, BYTES), value);
#define FIELD_LIST(number, count, messages)                                                        \
    for (size_t i = 0; i < (count); i++)                                                           \
        to = write_message(to, TAG(number, BYTES), &(messages)[i]->base);
    FIELDS(delivery)
#undef FIELD_NUMBER
#undef FIELD_BYTES
#undef FIELD_LIST
    return to;
}
