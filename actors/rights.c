/* SPDX-License-Identifier: MPL-2.0
 *
 * See rights.h. Roles are ordered by their numbers: the lower, the more rights.
 */
#include "rights.h"

#include "rt/check.h"

#define NOBODY  0 /* no role suffices */
#define ANYBODY 9 /* also who is no member, unless banned */

/* The lowest role that suffices, for oneself and for others. */
struct rule {
    uint8_t self, other;
    bool is_open;    /* in an open room whoever has no role is a member in this respect */
    bool is_writing; /* not in an archived room */
};

static const struct rule rules[RIGHTS_ACTION_COUNT] = {
    [RIGHTS_LEAVE] = {.self = RIGHTS_READER, .other = NOBODY},
    [RIGHTS_READ] = {.self = RIGHTS_READER, .other = RIGHTS_READER, .is_open = true},
    [RIGHTS_SEND] = {.self = RIGHTS_MEMBER,
                     .other = RIGHTS_MEMBER,
                     .is_open = true,
                     .is_writing = true},
    [RIGHTS_EDIT] = {.self = RIGHTS_MEMBER, .other = NOBODY, .is_open = true, .is_writing = true},
    [RIGHTS_DELETE] = {.self = RIGHTS_MEMBER, .other = RIGHTS_MODERATOR, .is_open = true},
    [RIGHTS_REACT] = {.self = RIGHTS_MEMBER,
                      .other = RIGHTS_MEMBER,
                      .is_open = true,
                      .is_writing = true},
    [RIGHTS_TOPIC] = {.self = RIGHTS_MODERATOR, .other = RIGHTS_MODERATOR},
    [RIGHTS_UPDATE] = {.self = RIGHTS_OWNER, .other = RIGHTS_OWNER},
    [RIGHTS_ARCHIVE] = {.self = RIGHTS_OWNER, .other = RIGHTS_OWNER},
    [RIGHTS_INVITE] = {.self = NOBODY, .other = RIGHTS_MEMBER, .is_open = true, .is_writing = true},
    [RIGHTS_REVOKE] = {.self = ANYBODY, .other = RIGHTS_MODERATOR},
    [RIGHTS_ROLE] = {.self = RIGHTS_OWNER, .other = RIGHTS_OWNER},
    [RIGHTS_KICK] = {.self = RIGHTS_READER, .other = RIGHTS_MODERATOR},
    [RIGHTS_BAN] = {.self = NOBODY, .other = RIGHTS_MODERATOR},
};

enum rights_room_role rights_effective_role(const struct rights_who *who)
{
    if (who->account == RIGHTS_ADMIN)
        return RIGHTS_OWNER;
    bool is_more = who->role == RIGHTS_OWNER || who->role == RIGHTS_MODERATOR;
    return who->account == RIGHTS_ACCOUNT_MODERATOR && !is_more ? RIGHTS_MODERATOR : who->role;
}

static enum err check_create(const struct rights_who *who)
{
    if (who->account == RIGHTS_UNVERIFIED)
        return who->is_autocreate ? ERR_OK : ERR_NOT_ALLOWED;
    return who->account == RIGHTS_GUEST ? ERR_NOT_ALLOWED : ERR_OK;
}

/* Joining again is allowed to whoever is in already, even in an archived room. */
static enum err check_join(const struct rights_who *who, enum rights_room_role role)
{
    bool is_member = who->role != RIGHTS_NO_MEMBER && who->role != RIGHTS_BANNED;
    if (is_member)
        return ERR_OK;
    if (role == RIGHTS_BANNED)
        return ERR_ROOM_BANNED;
    if (who->is_archived)
        return ERR_ROOM_ARCHIVED;
    if (role == RIGHTS_OWNER || role == RIGHTS_MODERATOR || who->privacy == RIGHTS_OPEN)
        return ERR_OK;
    if (who->account == RIGHTS_UNVERIFIED && !who->is_autocreate)
        return ERR_NOT_ALLOWED;
    bool is_let_in = who->privacy == RIGHTS_PUBLIC || who->has_invitation ||
                     (who->privacy == RIGHTS_PROTECTED && who->has_password);
    return is_let_in ? ERR_OK : ERR_NOT_ALLOWED;
}

static enum err check_rule(const struct rule *rule, const struct rights_who *who,
                           enum rights_room_role role)
{
    unsigned wanted = who->is_self ? rule->self : rule->other;
    if (role == RIGHTS_BANNED)
        return ERR_ROOM_BANNED;
    if (role == RIGHTS_NO_MEMBER && rule->is_open && who->privacy == RIGHTS_OPEN)
        role = RIGHTS_MEMBER;
    if (wanted == NOBODY)
        return ERR_NOT_ALLOWED;
    if (role == RIGHTS_NO_MEMBER && wanted != ANYBODY)
        return ERR_NOT_MEMBER;
    if ((unsigned)role > wanted)
        return ERR_NOT_ALLOWED;
    return rule->is_writing && who->is_archived ? ERR_ROOM_ARCHIVED : ERR_OK;
}

enum err rights_check(enum rights_action action, const struct rights_who *who)
{
    CHECK(action >= RIGHTS_CREATE && action < RIGHTS_ACTION_COUNT);
    enum rights_room_role role = rights_effective_role(who);
    if (action == RIGHTS_CREATE)
        return check_create(who);
    if (action == RIGHTS_JOIN)
        return check_join(who, role);
    enum err err = check_rule(&rules[action], who, role);
    bool is_moderating = (action == RIGHTS_KICK || action == RIGHTS_BAN) && !who->is_self;
    bool is_equal = role == RIGHTS_MODERATOR &&
                    (who->target_role == RIGHTS_OWNER || who->target_role == RIGHTS_MODERATOR);
    return !err && is_moderating && is_equal ? ERR_NOT_ALLOWED : err;
}
