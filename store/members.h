/* SPDX-License-Identifier: MPL-2.0
 *
 * Members of rooms, in which role and since when. Rows in, rows out; the caller keeps the room's
 * member_count (room_add_members).
 */
#ifndef STORE_MEMBERS_H
#define STORE_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

/* The numbers of proto/wire/broker.proto. */
enum member_role {
    MEMBER_NONE = 0,
    MEMBER_OWNER = 1,
    MEMBER_MODERATOR = 2,
    MEMBER_MEMBER = 3,
    MEMBER_READER = 4,
    MEMBER_BANNED = 5,
};

struct member_row {
    int64_t scope_id, peer_id;
    enum member_role role;
    int64_t joined_ms;
    uint64_t joined_seq; /* newest message when it joined */
};

/* Writer. New, or in place of the row that is there. */
MUST_USE enum err member_put(struct store *store, const struct member_row *row);
MUST_USE enum err member_set_role(struct store *store, int64_t scope_id, int64_t peer_id,
                                  enum member_role role);
/* ERR_NOT_MEMBER when there is none, like member_set_role. */
MUST_USE enum err member_remove(struct store *store, int64_t scope_id, int64_t peer_id);

/* Everything that decides what a peer may do in a room, in one look-up. */
struct member_standing {
    uint32_t privacy;
    bool is_archived;
    int64_t retention_ms;
    enum member_role role; /* MEMBER_NONE */
    uint64_t joined_seq;
    bool has_account;
    uint32_t account_role; /* 0 without one */
};
/* ERR_NO_SUCH_SCOPE: no such room. */
MUST_USE enum err member_standing(struct store *store, int64_t scope_id, int64_t peer_id,
                                  struct member_standing *ret);

/* How many owners the room has. */
/* Rooms that are its own, archived ones too. */
MUST_USE enum err member_count_owned(struct store *store, int64_t peer_id, uint64_t *ret_count);
MUST_USE enum err member_count_owners(struct store *store, int64_t scope_id, uint32_t *ret_count);
/* Who takes over when `leaving_id` goes: the longest-serving moderator, else member, else reader;
 * 0: there is nobody. */
MUST_USE enum err member_find_heir(struct store *store, int64_t scope_id, int64_t leaving_id,
                                   int64_t *ret_peer_id);
/* The room after this one in which the peer has a row, also as banned. 0: none. */
MUST_USE enum err member_next_room(struct store *store, int64_t peer_id, int64_t after_id,
                                   int64_t *ret_scope_id, enum member_role *ret_role);

/* By folded name of the peer > after, in its order, the banned last of all only when asked for. */
struct member_view {
    struct member_row member;
    const char *name, *folded; /* views */
    int64_t last_seen_ms, left_ms;
};
typedef enum err member_visit(void *context, const struct member_view *row);
struct member_page {
    int64_t scope_id;
    const char *after_folded;
    bool has_banned;
    uint32_t limit;
};
MUST_USE enum err member_list(struct store *store, const struct member_page *page,
                              member_visit *visit, void *context);

/* Consumers of this scope that belong to the peer of this name (stored as PEER/CONSUMER). */
typedef enum err member_consumer_visit(void *context, int64_t consumer_id);
MUST_USE enum err member_consumers(struct store *store, int64_t scope_id, const char *peer_name,
                                   member_consumer_visit *visit, void *context);

#endif
