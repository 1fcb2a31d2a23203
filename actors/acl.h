/* SPDX-License-Identifier: MPL-2.0
 *
 * The access list: who may do what to which scopes, as rules that an administrator wrote.
 *
 * Pure. A rule is for a subject (an account, a group of accounts by role, everybody), for some of the
 * four actions, for a pattern of scopes, and allows or denies. Of the rules that apply
 *
 *     one that denies decides          whatever else allows, and wherever it stands
 *     else one that allows decides
 *     else the broker's default does   security.acl_default
 *
 * Whoever attaches to a pattern of topics gets every topic that it matches. So a rule allows a
 * pattern only if it covers all of it, and denies it as soon as there can be a topic that both match:
 * nobody gets more by asking for more.
 *
 *     subjects   NAME, an account that has proved itself; @guest, @user, @moderator, @admin,
 *                @unverified; * everybody
 *     scopes     * every scope; topic: with the wildcards of topics (topic:> is all of them);
 *                peer:, room:, queue: with a name, or the beginning of one and a *
 *
 * Names are compared folded. Leaves to others: whose mailbox it is, members of rooms (rights.h), and who
 * needs no rule because he administrates the broker.
 */
#ifndef ACTORS_ACL_H
#define ACTORS_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/name.h"
#include "rt/err.h"

#define ACL_RULES_MAX 1000u

enum acl_action {
    ACL_SEND = 1,
    ACL_READ = 2,   /* attach, history, join a room */
    ACL_CREATE = 4, /* a queue, topic or room that does not exist */
    ACL_ADMINISTRATE = 8,
    ACL_ALL = 15,
};

enum acl_verdict { ACL_NO_RULE, ACL_ALLOWS, ACL_DENIES };

struct acl_rule;

struct acl {
    struct acl_rule *rules;
    size_t count, capacity;
    bool is_open; /* what holds where no rule does */
};

void acl_init(struct acl *acl, bool is_open);
void acl_fini(struct acl *acl);
void acl_clear(struct acl *acl);

/* Does no rule and no default ever refuse anybody? */
static inline bool acl_is_trivial(const struct acl *acl)
{
    return acl->is_open && acl->count == 0;
}

struct acl_text {
    const void *data;
    size_t size;
};

/* What a rule says, as people write it. */
struct acl_words {
    int64_t id;
    struct acl_text subject, scope;
    uint32_t actions; /* enum acl_action */
    bool is_allow;
};

/* ERR_OK or why it is no rule, with *ret_problem (may be NULL) in static words: ERR_BAD_NAME,
 * ERR_BAD_SCOPE, ERR_BAD_FIELD. */
MUST_USE enum err acl_check_words(const struct acl_words *words, const char **ret_problem);
/* The same, and it counts from now on. ERR_TOO_MANY, ERR_BUSY. */
MUST_USE enum err acl_add(struct acl *acl, const struct acl_words *words);

struct acl_who {
    const char *folded; /* name */
    size_t folded_size;
    uint32_t role; /* of its account; 0 = none */
    bool is_verified;
};

/* A scope, or a pattern of topics, as proto/name.h parsed it. */
struct acl_scope {
    enum scope_prefix kind;
    struct acl_text name;
};

/* *ret_id (may be NULL): the rule that decided, 0 = none. A name that cannot be folded: ACL_DENIES. */
enum acl_verdict acl_look(const struct acl *acl, const struct acl_who *who, enum acl_action action,
                          const struct acl_scope *scope, int64_t *ret_id);

/* The same with the default: ERR_OK or ERR_NOT_ALLOWED. */
MUST_USE enum err acl_check(const struct acl *acl, const struct acl_who *who,
                            enum acl_action action, const struct acl_scope *scope);

/* Is it one of these names, and has it proved that? They may be in any case. */
bool acl_is_named(const char *const *names, size_t count, const struct acl_who *who);

/* Does every topic that `inner` matches match `outer`? Can a topic match both? Either may be the name of
 * one topic. */
bool acl_covers(struct acl_text outer, struct acl_text inner);
bool acl_overlaps(struct acl_text one, struct acl_text other);

#endif
