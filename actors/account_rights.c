/* SPDX-License-Identifier: MPL-2.0
 *
 * See account_rights.h.
 */
#include "account_rights.h"

#include "rt/check.h"

enum role { NOBODY = 0, GUEST = 1, MODERATOR = 3, ADMIN = 4, NEVER = 5 };

/* The least role that may do it. */
static const struct {
    enum role to_self, to_others;
    bool only_to_lower; /* unless by an administrator: to others of a lower role only */
} table[ACCOUNT_ACTION_COUNT] = {
    [ACCOUNT_MODERATE] = {NEVER, MODERATOR, true},  [ACCOUNT_SET_ROLE] = {NEVER, ADMIN, false},
    [ACCOUNT_SET_ACTIVE] = {NEVER, ADMIN, false},   [ACCOUNT_SET_PASSWORD] = {GUEST, ADMIN, false},
    [ACCOUNT_END_SESSIONS] = {GUEST, ADMIN, false}, [ACCOUNT_CREATE_TOKEN] = {GUEST, NEVER, false},
};

static int role_of(const struct account_asker *asker)
{
    return asker->is_admin ? ADMIN : asker->role;
}

bool account_rights_may_ask(enum account_action action, const struct account_asker *asker)
{
    CHECK(action < ACCOUNT_ACTION_COUNT);
    return role_of(asker) >= (int)table[action].to_others;
}

enum err account_rights_check(enum account_action action, const struct account_asker *asker)
{
    CHECK(action < ACCOUNT_ACTION_COUNT);
    int role = role_of(asker);
    if (asker->is_self)
        return role >= (int)table[action].to_self ? ERR_OK : ERR_NOT_ALLOWED;
    bool is_high_enough =
        !table[action].only_to_lower || role == ADMIN || asker->target_role < role;
    return account_rights_may_ask(action, asker) && is_high_enough ? ERR_OK : ERR_NOT_ALLOWED;
}
