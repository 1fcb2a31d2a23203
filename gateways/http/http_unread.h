/* SPDX-License-Identifier: MPL-2.0
 *
 * What one reader of a stream has not read yet, in pieces that it shares with other readers.
 *
 * A piece is written once and lives until the last of those who hold it lets go: an event for a thousand
 * readers is one copy, and each of them keeps a pointer of eight bytes until it has read it. Empty, this
 * holds no memory.
 *
 * Bounded in bytes, those of shared pieces too: how far a reader may be behind does not depend on who
 * else is. Pure but for its memory; for one thread.
 */
#ifndef GATEWAYS_HTTP_HTTP_UNREAD_H
#define GATEWAYS_HTTP_HTTP_UNREAD_H

#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct http_piece {
    size_t holders;
    size_t size; /* at least 1 */
    char bytes[];
};

/* To be filled, then left as it is; held by the caller. NULL: no memory. */
struct http_piece *http_piece_new(size_t size);
/* One holder less. */
void http_piece_drop(struct http_piece **piece);

struct http_unread {
    struct http_piece **pieces;   /* of them first ... first + count - 1, the oldest first */
    uint32_t first, count, space; /* space: of the array */
    size_t read;                  /* bytes of the oldest one */
    size_t size, limit;           /* bytes that are unread */
    size_t free_of_limit;         /* of these, the oldest ones: do not count against it */
};

void http_unread_init(struct http_unread *unread, size_t limit);
void http_unread_fini(struct http_unread *unread);
/* Holds the piece too. ERR_TOO_LARGE: beyond the limit; ERR_BUSY: no memory; nothing is changed then. */
MUST_USE enum err http_unread_add(struct http_unread *unread, struct http_piece *piece);
/* What there is now does not count against the limit. */
void http_unread_forgive(struct http_unread *unread);
/* The next bytes, as many as there is room for. */
size_t http_unread_read(struct http_unread *unread, char *space, size_t room);

#endif
