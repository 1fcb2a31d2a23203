/* SPDX-License-Identifier: MPL-2.0
 *
 * What the local network's gateway keeps of a peer: the rows of lan_peer.
 *
 * Functions that write want a transaction.
 */
#ifndef STORE_LAN_H
#define STORE_LAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

struct lan_row {
    int64_t peer_id;
    const char *address, *local; /* "": not known */
    int64_t heard_ms, began_ms;
    int64_t sending_seq; /* 0: nothing is on its way */
    uint32_t sending_no, sending_count;
    bool is_explained;

    /* Of the peer; not written here. */
    const char *name, *version_token, *charset;
    uint32_t port;
    uint64_t capabilities;
};

/* Views that die with the call. An error ends the walk and is passed on. */
typedef enum err lan_visitor(void *context, const struct lan_row *row);

/* Makes the row or replaces it whole. ERR_NO_SUCH_PEER. */
MUST_USE enum err lan_put(struct store *store, const struct lan_row *row);

/* ERR_NO_SUCH_PEER: there is no row of it. */
MUST_USE enum err lan_read(struct store *store, int64_t peer_id, lan_visitor *visit, void *context);

/* By peer_id, those above `after_id`, at most `limit`. */
MUST_USE enum err lan_list(struct store *store, int64_t after_id, uint32_t limit,
                           lan_visitor *visit, void *context);

#define LAN_SEALED_MAX 200 /* of one peer; the newest */

/* The parts of the message `seq` have these numbers, and it may be opened later. */
struct lan_sealed {
    int64_t peer_id;
    uint32_t first_no, count;
    uint64_t seq;
};
MUST_USE enum err lan_sealed_put(struct store *store, const struct lan_sealed *sealed);
/* ERR_NO_SUCH_MESSAGE: no packet of a sealed message that is still here had this number. */
MUST_USE enum err lan_sealed_find(struct store *store, int64_t peer_id, uint32_t packet_no,
                                  uint64_t *ret_seq, int64_t *ret_sender_id);

/* The peer of the local network that calls itself so. ERR_NO_SUCH_PEER: none, or several. */
MUST_USE enum err lan_find_nick(struct store *store, const char *nick, int64_t *ret_id);

#endif
