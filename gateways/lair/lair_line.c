/* SPDX-License-Identifier: MPL-2.0
 *
 * See lair_line.h.
 */
#include "gateways/lair/lair_line.h"

#include <string.h>

enum lair_scan lair_line_next(const uint8_t *bytes, size_t size, size_t *inout_seen,
                              size_t *ret_line_size, size_t *ret_consumed)
{
    size_t seen = *inout_seen;
    const uint8_t *end = size > seen ? memchr(bytes + seen, '\n', size - seen) : NULL;
    size_t line_size = end ? (size_t)(end - bytes) : size;
    if (line_size > LAIR_LINE_BYTES_MAX)
        return LAIR_SCAN_TOO_LONG;
    if (!end) {
        *inout_seen = size;
        return LAIR_SCAN_MORE;
    }
    *inout_seen = 0;
    *ret_consumed = line_size + 1;
    if (line_size > 0 && bytes[line_size - 1] == '\r')
        line_size--;
    *ret_line_size = line_size;
    return LAIR_SCAN_LINE;
}
