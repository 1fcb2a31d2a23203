/* SPDX-License-Identifier: MPL-2.0
 *
 * Reactions to messages: at most one row per message, emoji and peer.
 */
#ifndef STORE_REACTIONS_H
#define STORE_REACTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"
#include "store/messages.h"

#define REACTION_BYTES_MAX 64 /* of an emoji */
#define REACTION_KINDS_MAX 32 /* different emoji of one message */

/* Writer, in a transaction. Giving it again, and taking back what is not there, changes nothing.
 * ERR_TOO_MANY: the message has REACTION_KINDS_MAX others. */
struct reaction {
    uint64_t seq;
    int64_t peer_id, at_ms;
    struct bytes_view emoji; /* UTF-8 */
};
MUST_USE enum err reaction_add(struct store *store, const struct reaction *reaction,
                               bool *ret_is_new);
MUST_USE enum err reaction_remove(struct store *store, const struct reaction *reaction,
                                  bool *ret_was_there);

/* The emoji of a message in the order in which they were first given. */
struct reaction_row {
    struct bytes_view emoji; /* dies when the visitor returns */
    uint64_t count;
    bool is_mine; /* of the peer that asks */
};
typedef enum err reaction_visit(void *context, const struct reaction_row *row);
MUST_USE enum err reaction_list(struct store *store, uint64_t seq, int64_t peer_id,
                                reaction_visit *visit, void *context);

#endif
