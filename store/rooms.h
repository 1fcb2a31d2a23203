/* SPDX-License-Identifier: MPL-2.0
 *
 * Rooms: what a scope of kind room has besides its log. Rows in, rows out; who may change them is
 * decided elsewhere (actors/rights.h).
 */
#ifndef STORE_ROOMS_H
#define STORE_ROOMS_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

/* The numbers of proto/wire/broker.proto. */
enum room_privacy {
    ROOM_PUBLIC = 1,
    ROOM_PRIVATE = 2,
    ROOM_PROTECTED = 3,
    ROOM_OPEN = 4,
};

struct room_row {
    int64_t scope_id;
    const char *name, *folded;                                      /* views */
    const char *display_name, *topic, *description, *password_hash; /* views */
    enum room_privacy privacy;
    int64_t creator_id, created_ms, retention_ms;
    bool is_archived;
    uint32_t member_count;
    uint64_t last_seq; /* newest message in it, as far as indexed */
    uint32_t role;     /* of the peer that was named; 0: none */
};

/* Writer. The scope exists, the room does not; name, folded, member_count, role are not looked at. */
MUST_USE enum err room_create(struct store *store, const struct room_row *row);
/* Writer. Texts, privacy, password_hash and retention become those of the row. */
MUST_USE enum err room_update(struct store *store, const struct room_row *row);
MUST_USE enum err room_set_archived(struct store *store, int64_t scope_id, bool is_archived);
MUST_USE enum err room_add_members(struct store *store, int64_t scope_id, int64_t count);

typedef enum err room_visit(void *context, const struct room_row *row);
/* ERR_NO_SUCH_SCOPE. `peer_id`: whose role is wanted, or 0. */
MUST_USE enum err room_read(struct store *store, int64_t scope_id, int64_t peer_id,
                            room_visit *visit, void *context);
/* By folded name > after, in its order: all but private rooms the peer is not in (`is_all`: these
 * too), or only those it is a member of. */
struct room_page {
    const char *after_folded;
    int64_t peer_id;
    bool is_all, is_mine;
    uint32_t limit;
};
MUST_USE enum err room_list(struct store *store, const struct room_page *page, room_visit *visit,
                            void *context);

/* Its newest message, indexed or not. */
MUST_USE enum err room_last_seq(struct store *store, int64_t scope_id, uint64_t *ret_seq);

/* The next room after this one that keeps its messages shorter than `below_ms`. 0: there is none. */
MUST_USE enum err room_next_retention(struct store *store, int64_t after_id, int64_t below_ms,
                                      int64_t *ret_id, int64_t *ret_retention_ms);

#endif
