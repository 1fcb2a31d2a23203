/* SPDX-License-Identifier: MPL-2.0
 *
 * The look at the protobuf part of a frame before anything of it is unpacked.
 *
 * Promises: allocates nothing, reads each byte at most once per level, and lets through only what
 * unpacking handles at bounded cost:
 *   - tags and lengths well-formed and inside their message; wire types as in the schema; no groups
 *   - a singular field at most once, a repeated one at most WIRE_SCAN_REPEATS_MAX times
 *   - at most WIRE_SCAN_UNKNOWN_MAX unknown fields per message (of a newer schema; they are kept)
 *   - at most WIRE_SCAN_DEPTH_MAX levels
 *   - `string` fields are valid UTF-8 without NUL
 * Leaves to others: what the values mean (proto/wire_check.c, proto/wire_entry.c).
 */
#ifndef PROTO_WIRE_SCAN_H
#define PROTO_WIRE_SCAN_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

#define WIRE_SCAN_FIELDS_MAX 32 /* of one message type; a test holds the schema to it */

struct wire_scan {
    const char *problem;  /* static text, set on failure */
    uint64_t first_value; /* of field 1, when that is a number: request_id, first_no */
    uint32_t entries;     /* of SEND */
    uint64_t body_bytes;  /* of these */
};

/* ERR_OK, ERR_BAD_ENCODING or ERR_TOO_MANY. Zero `scan` before; it is filled as far as it got. */
MUST_USE enum err wire_scan_message(struct wire_scan *scan,
                                    const ProtobufCMessageDescriptor *descriptor,
                                    const uint8_t *bytes, size_t size);

#endif
