/* SPDX-License-Identifier: MPL-2.0
 *
 * Text of the application in a message that is about to be packed: seen, not copied (proto/bytes.h).
 */
#ifndef CLIENT_VIEW_H
#define CLIENT_VIEW_H

#include <string.h>

#include "proto/bytes.h"

/* NULL is empty. */
static inline ProtobufCBinaryData view_text(const char *text)
{
    return bytes_of(text, text ? strlen(text) : 0);
}

#endif
