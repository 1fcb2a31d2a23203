/* SPDX-License-Identifier: MPL-2.0
 *
 * Message ids: 16 bytes, UUID version 7 (RFC 9562) by default.
 *
 * Owns: generating, printing and reading them. Layout of a generated id, most significant first:
 *     48 bits Unix ms | 4 bits version 7 | 12 bits counter | 2 bits variant | 62 bits random
 * Promises: ids of one source rise strictly, also when the clock stands still or runs backwards
 * (then the last time is kept and the counter, or at its end the time, is raised). 62 random bits
 * keep ids of different sources apart.
 * Leaves to others: whether a given id is unique; any 16 bytes are a valid message id.
 */
#ifndef PROTO_UUID_H
#define PROTO_UUID_H

#include <stddef.h>
#include <stdint.h>

#include "rt/clock.h"
#include "rt/err.h"

#define UUID_BYTES       16
#define UUID_TEXT_LENGTH 36 /* "018f6f2e-7d3a-7c31-9b1e-0123456789ab" */

/* One generator, owned by one thread. Zero it to begin. */
struct uuid_source {
    uint64_t last_ms;
    uint16_t counter;
    uint16_t random_used; /* bytes of `random` given out; 0 also means none drawn yet */
    uint8_t random[512]; /* drawn at once: a system call per id would cost more than all the rest */
};

void uuid_next(struct uuid_source *source, struct wall_time now, uint8_t ret[UUID_BYTES]);

/* Lower case with hyphens and a NUL. */
void uuid_format(const uint8_t id[UUID_BYTES], char ret_text[UUID_TEXT_LENGTH + 1]);

/* The 36-character form or 32 digits without hyphens, either case. ERR_BAD_FIELD otherwise. */
MUST_USE enum err uuid_parse(const char *text, size_t length, uint8_t ret[UUID_BYTES]);

#endif
