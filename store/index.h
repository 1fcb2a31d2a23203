/* SPDX-License-Identifier: MPL-2.0
 *
 * The deferred tables (message_id, message_conversation, peer_conversation, scope.last_seq): what
 * one slice of the log adds to them. See messages.h, message_index_slice().
 *
 * The slice is read once, in the order of the log, into memory; sorted there by the key of each
 * table; and written in that order, so that neighbours go into the same page. The larger the slice,
 * the less a row costs; it takes 200 bytes of memory a row while it lasts.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include <stdint.h>

#include "rt/err.h"

struct store;

/* Adds the messages with from < seq <= upto to the tables, within the transaction in hand. Does not
 * say so in `progress`. ERR_BUSY: no memory; nothing was done. */
MUST_USE enum err index_add(struct store *store, uint64_t from, uint64_t upto);

#endif
