/* SPDX-License-Identifier: MPL-2.0
 *
 * Bytes of the application in a message that is about to be packed: seen, not copied. They have to be
 * there until it is packed.
 */
#ifndef CLIENT_VIEW_H
#define CLIENT_VIEW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "broker.pb-c.h"

static inline ProtobufCBinaryData view(const void *bytes, size_t size)
{
    /* protobuf-c has no const; packing only reads. */
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)bytes};
}

/* NULL is empty. */
static inline ProtobufCBinaryData view_text(const char *text)
{
    return view(text, text ? strlen(text) : 0);
}

#endif
