/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_unread.h.
 */
#include "gateways/http/http_unread.h"

#include <stdlib.h>
#include <string.h>

#include "rt/check.h"

#define SPACE_FIRST 8u

struct http_piece *http_piece_new(size_t size)
{
    CHECK(size > 0);
    struct http_piece *piece = malloc(sizeof(*piece) + size);
    if (!piece)
        return NULL;
    piece->holders = 1;
    piece->size = size;
    return piece;
}

void http_piece_drop(struct http_piece **piece)
{
    if (*piece && --(*piece)->holders == 0)
        free(*piece);
    *piece = NULL;
}

void http_unread_init(struct http_unread *unread, size_t limit)
{
    *unread = (struct http_unread){.limit = limit};
}

void http_unread_fini(struct http_unread *unread)
{
    for (uint32_t i = 0; i < unread->count; i++)
        http_piece_drop(&unread->pieces[unread->first + i]);
    free(unread->pieces);
    http_unread_init(unread, unread->limit);
}

/* Space for one more at the end of the array: what was read at its begin, or more of it. */
static enum err make_space(struct http_unread *unread)
{
    if (unread->first + unread->count < unread->space)
        return ERR_OK;
    if (unread->first >= unread->count && unread->first > 0) {
        memcpy(unread->pieces, unread->pieces + unread->first,
               unread->count * sizeof(struct http_piece *));
        unread->first = 0;
        return ERR_OK;
    }
    uint32_t space = unread->space ? 2 * unread->space : SPACE_FIRST;
    struct http_piece **pieces = realloc(unread->pieces, space * sizeof(struct http_piece *));
    if (!pieces)
        return ERR_BUSY;
    unread->pieces = pieces;
    unread->space = space;
    return ERR_OK;
}

enum err http_unread_add(struct http_unread *unread, struct http_piece *piece)
{
    if (piece->size > unread->limit - (unread->size - unread->free_of_limit))
        return ERR_TOO_LARGE;
    enum err err = make_space(unread);
    if (err)
        return err;
    piece->holders++;
    unread->pieces[unread->first + unread->count++] = piece;
    unread->size += piece->size;
    return ERR_OK;
}

void http_unread_forgive(struct http_unread *unread)
{
    unread->free_of_limit = unread->size;
}

static void drop_oldest(struct http_unread *unread)
{
    http_piece_drop(&unread->pieces[unread->first++]);
    unread->count--;
    unread->read = 0;
}

size_t http_unread_read(struct http_unread *unread, char *space, size_t room)
{
    size_t done = 0;
    while (unread->count > 0 && done < room) {
        const struct http_piece *piece = unread->pieces[unread->first];
        size_t left = piece->size - unread->read;
        size_t size = left < room - done ? left : room - done;
        memcpy(space + done, piece->bytes + unread->read, size);
        done += size;
        unread->read += size;
        if (size == left)
            drop_oldest(unread);
    }
    unread->size -= done;
    unread->free_of_limit -= done < unread->free_of_limit ? done : unread->free_of_limit;
    if (unread->count == 0)
        http_unread_fini(unread);
    return done;
}
