/* SPDX-License-Identifier: MPL-2.0
 *
 * Bytes for a field of a message that is only read, by the broker and by the client of C alike.
 */
#ifndef PROTO_BYTES_H
#define PROTO_BYTES_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

/* They stay the caller's, and have to be there until the message is packed. protobuf-c has no const; packing
 * only reads. */
static inline ProtobufCBinaryData bytes_of(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}

#endif
