/* SPDX-License-Identifier: MPL-2.0
 *
 * Lines out of a stream of bytes: ended by LF, a CR before it is dropped. Pure; however the stream is
 * cut, the lines are the same.
 */
#ifndef GATEWAYS_LAIR_LAIR_LINE_H
#define GATEWAYS_LAIR_LAIR_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "gateways/lair/lair_crypto.h"

#define LAIR_TEXT_BYTES_MAX 65536u
#define LAIR_LINE_BYTES_MAX (LAIR_LINE_BYTES(LAIR_TEXT_BYTES_MAX) + 1) /* with a CR */

enum lair_scan {
    LAIR_SCAN_MORE,     /* no whole line yet */
    LAIR_SCAN_LINE,     /* bytes[0 .. *ret_line_size) is one */
    LAIR_SCAN_TOO_LONG, /* whatever comes, it is longer than a line may be */
};

/* `bytes` is everything not yet consumed; *inout_seen says how much of it was looked at before
 * (begin with 0) and is kept by the caller until a line was found. With a line, *ret_consumed bytes
 * go with it, the LF included. */
enum lair_scan lair_line_next(const uint8_t *bytes, size_t size, size_t *inout_seen,
                              size_t *ret_line_size, size_t *ret_consumed);

#endif
