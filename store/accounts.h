/* SPDX-License-Identifier: MPL-2.0
 *
 * Accounts: the peers that can prove who they are. Rows in, rows out.
 *
 * Leaves to others: hashing (the auth workers), tokens (tokens.h), failed logins (throttle.h), who
 * may change what (the persistence actor).
 */
#ifndef STORE_ACCOUNTS_H
#define STORE_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

/* The numbers of enum Role of the public protocol. */
enum account_role { ACCOUNT_GUEST = 1, ACCOUNT_USER = 2, ACCOUNT_MODERATOR = 3, ACCOUNT_ADMIN = 4 };

struct account_row {
    int64_t peer_id;
    enum account_role role;
    bool is_active;
    int64_t banned_until_ms; /* 0 = not banned */
    int64_t created_ms, login_ms;
    int64_t last_seen_ms, left_ms;                          /* of the peer */
    const char *name, *folded, *password_hash, *ban_reason; /* views */
};

struct account_new {
    int64_t peer_id;
    enum account_role role;
    int64_t created_ms;
    const char *password_hash;   /* PHC string; "" = cannot log in by password */
    const char *email, *profile; /* of imported accounts; NULL = none */
};

/* ERR_NAME_TAKEN: the peer has one. */
MUST_USE enum err account_create(struct store *store, const struct account_new *account);

typedef enum err account_visit(void *context, const struct account_row *row);
/* ERR_NO_SUCH_USER. */
MUST_USE enum err account_read(struct store *store, int64_t peer_id, account_visit *visit,
                               void *context);
MUST_USE enum err account_find(struct store *store, const char *folded, account_visit *visit,
                               void *context);
/* By folded name > after, in name order. */
MUST_USE enum err account_list(struct store *store, const char *after_folded, uint32_t limit,
                               account_visit *visit, void *context);

/* ERR_NO_SUCH_USER. */
MUST_USE enum err account_set_password(struct store *store, int64_t peer_id, const char *hash);
MUST_USE enum err account_set_role(struct store *store, int64_t peer_id, enum account_role role);
MUST_USE enum err account_set_active(struct store *store, int64_t peer_id, bool is_active);
/* until_ms 0: not banned. */
MUST_USE enum err account_set_ban(struct store *store, int64_t peer_id, int64_t until_ms,
                                  const char *reason);
/* Never moves back. */
MUST_USE enum err account_set_login(struct store *store, int64_t peer_id, int64_t login_ms);

/* The PHC string of a protected room, "" for others; ERR_NO_SUCH_SCOPE. ERR_TOO_LARGE: it does not
 * fit. */
MUST_USE enum err account_room_password(struct store *store, const char *folded, char *ret_hash,
                                        size_t size_bytes);

#endif
