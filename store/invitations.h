/* SPDX-License-Identifier: MPL-2.0
 *
 * Invitations to rooms: rows in, rows out. An invitation that is over its time is no longer found
 * as a pending one, also before invitation_expire has said so in its row.
 */
#ifndef STORE_INVITATIONS_H
#define STORE_INVITATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

/* The numbers of proto/wire/broker.proto. */
enum invitation_status {
    INVITATION_PENDING = 1,
    INVITATION_ACCEPTED = 2,
    INVITATION_DECLINED = 3,
    INVITATION_REVOKED = 4,
    INVITATION_EXPIRED = 5,
};

#define INVITATION_UUID_BYTES 16u

struct invitation_row {
    int64_t id, scope_id, inviter_id, invitee_id;
    uint8_t uuid[INVITATION_UUID_BYTES];
    enum invitation_status status;
    const char *text; /* view; NULL where one row is returned */
    int64_t created_ms, expires_ms, responded_ms;
};

/* Writer. ERR_DUPLICATE: there is a pending one (perhaps over its time: expire it first). */
MUST_USE enum err invitation_create(struct store *store, const struct invitation_row *row,
                                    int64_t *ret_id);
/* As it is, with its status and its answer. ERR_DUPLICATE also: its uuid is known. */
MUST_USE enum err invitation_import(struct store *store, const struct invitation_row *row);
MUST_USE enum err invitation_set_status(struct store *store, int64_t id,
                                        enum invitation_status status, int64_t now_ms);
/* Every pending one of this room and invitee; *ret_count of them. */
MUST_USE enum err invitation_close(struct store *store, int64_t scope_id, int64_t invitee_id,
                                   enum invitation_status status, int64_t now_ms,
                                   uint64_t *ret_count);
/* At most rows_max of those whose time is over. */
MUST_USE enum err invitation_expire(struct store *store, int64_t now_ms, uint32_t rows_max,
                                    uint64_t *ret_count);

/* ERR_NO_SUCH_INVITATION. The last two: pending ones only. */
MUST_USE enum err invitation_find(struct store *store, const uint8_t uuid[INVITATION_UUID_BYTES],
                                  struct invitation_row *ret);
MUST_USE enum err invitation_find_pending(struct store *store, int64_t scope_id, int64_t invitee_id,
                                          int64_t now_ms, struct invitation_row *ret);
MUST_USE enum err invitation_find_newest(struct store *store, int64_t invitee_id, int64_t now_ms,
                                         struct invitation_row *ret);

/* Pending ones, by id: oldest first with id > after_id, or newest first with id < before_id. */
typedef enum err invitation_visit(void *context, const struct invitation_row *row);
struct invitation_page {
    int64_t peer_id;
    bool is_sent; /* by the peer; else to it */
    bool newest_first;
    int64_t after_id, before_id; /* 0: no bound */
    int64_t now_ms;
    uint32_t limit;
};
MUST_USE enum err invitation_list(struct store *store, const struct invitation_page *page,
                                  invitation_visit *visit, void *context);

#endif
