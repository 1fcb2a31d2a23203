/* SPDX-License-Identifier: MPL-2.0
 *
 * Who may do what to an account: one table of action x role x relation.
 *
 * Pure. Rights in rooms are elsewhere; whether an account exists is the caller's to know.
 *
 *     relation   oneself, or somebody else. Nobody bans, deactivates or promotes himself: so the
 *                last administrator cannot shut himself out.
 *     role       of the account, now; administrator is also who security.admins names
 */
#ifndef ACTORS_ACCOUNT_RIGHTS_H
#define ACTORS_ACCOUNT_RIGHTS_H

#include <stdbool.h>

#include "rt/err.h"

enum account_action {
    ACCOUNT_MODERATE, /* ban, lift a ban, unlock */
    ACCOUNT_SET_ROLE,
    ACCOUNT_SET_ACTIVE,
    ACCOUNT_SET_PASSWORD, /* one's own: with the old one */
    ACCOUNT_END_SESSIONS,
    ACCOUNT_CREATE_TOKEN,
    ACCOUNT_ACTION_COUNT
};

struct account_asker {
    int role; /* enum Role of the public protocol; 0: no account, or did not prove it */
    bool is_admin;
    bool is_self;
    int target_role;
};

/* ERR_OK or ERR_NOT_ALLOWED. */
MUST_USE enum err account_rights_check(enum account_action action,
                                       const struct account_asker *asker);

/* Could it ever be allowed to do this to somebody else? Asked before it is looked up who exists. */
bool account_rights_may_ask(enum account_action action, const struct account_asker *asker);

#endif
