/* SPDX-License-Identifier: MPL-2.0
 *
 * The access list as the sync-manager uses it: who may attach, and who may look at and clean up.
 *
 * It is asked of persistence at the start and whenever a commit says that it changed; until it is here, no
 * ATTACH goes on. When it has come, or an account has another role, everybody who is attached is looked at
 * again, and who may not read any more is detached (NOT_ALLOWED).
 */
#include <string.h>

#include "rt/log.h"
#include "sync_manager_state.h"

static struct acl_who who_of(const struct delivery_bytes *name,
                             const struct delivery_rights *rights, struct name_folded *folded)
{
    struct acl_who who = {.role = rights->role, .is_verified = rights->is_verified};
    if (name_fold(name->data, name->size, folded) == ERR_OK) {
        who.folded = folded->text;
        who.folded_size = folded->size;
    }
    return who;
}

enum err sync_check_acl(const struct sync_manager *sync, struct delivery_bytes peer,
                        const struct delivery_rights *rights, enum acl_action action,
                        const struct acl_scope *scope)
{
    struct name_folded folded = {.size = 0};
    if (acl_is_trivial(&sync->acl) || rights->role == ROOST__V1__ROLE__ADMIN)
        return ERR_OK;
    struct acl_who who = who_of(&peer, rights, &folded);
    if (acl_is_named(sync->admins, sync->admin_count, &who))
        return ERR_OK;
    return acl_check(&sync->acl, &who, action, scope);
}

/* --- Those who are attached. */

static bool may_stay(void *context, const struct delivery_attached *attached)
{
    const struct sync_manager *sync = context;
    struct acl_scope scope = {(enum scope_prefix)attached->kind,
                              {attached->scope_name.data, attached->scope_name.size}};
    if (attached->rights.is_internal || attached->kind == DELIVERY_PEER)
        return true;
    return sync_check_acl(sync, attached->peer_name, &attached->rights, ACL_READ, &scope) == ERR_OK;
}

static void look_at_attached(struct sync_manager *sync)
{
    struct delivery_clock clock = sync_clock(sync);
    delivery_review(sync->delivery, may_stay, sync, ERR_NOT_ALLOWED, &clock);
}

enum err sync_on_account_changed(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(AccountChanged) *changed = MSG_BODY(msg, INTERNAL(AccountChanged));
    struct name_folded name;
    (void)actor;
    if (changed->role == 0 || name_fold(changed->name.data, changed->name.len, &name) != ERR_OK)
        return ERR_OK;
    delivery_set_role(sync->delivery, &name, changed->role);
    if (!acl_is_trivial(&sync->acl))
        look_at_attached(sync);
    return ERR_OK;
}

/* --- The list. */

void sync_acl_go_on(struct sync_manager *sync)
{
    if (sync->is_acl_here || sync->is_acl_asked)
        return;
    INTERNAL(AclLoad) load = ROOST__INTERNAL__ACL_LOAD__INIT;
    sync->is_acl_asked = actor_ask(sync->actor, ACTOR_PERSISTENCE, MSG_ACL_LOAD, &load.base, NULL,
                                   SYNC_ASK_DEADLINE_MS, 0) == ERR_OK;
    if (!sync->is_acl_asked)
        sync_again(sync);
}

void sync_acl_changed(struct sync_manager *sync)
{
    sync->is_acl_here = false;
    sync->is_acl_old = sync->is_acl_asked; /* what is on its way may be of before */
    sync_acl_go_on(sync);
}

static void take_rows(struct sync_manager *sync, const INTERNAL(AclLoaded) * loaded)
{
    acl_clear(&sync->acl);
    for (size_t i = 0; i < loaded->n_rows; i++) {
        const INTERNAL(AclRow) *row = loaded->rows[i];
        struct acl_words words = {
            .id = row->id,
            .subject = {row->subject.data, row->subject.len},
            .scope = {row->scope.data, row->scope.len},
            .actions = row->actions,
            .is_allow = row->is_allow,
        };
        enum err err = acl_add(&sync->acl, &words);
        if (err)
            log_error("acl-rule-unreadable", LOG_I64("id", row->id), LOG_ERROR(err));
    }
}

enum err sync_on_acl_loaded(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(AclLoaded) *loaded = MSG_BODY(msg, INTERNAL(AclLoaded));
    uint64_t context;
    if (!actor_context(actor, msg, &context))
        return ERR_OK;
    sync->is_acl_asked = false;
    if (loaded->code || sync->is_acl_old) {
        sync->is_acl_old = false;
        sync_acl_go_on(sync);
        return ERR_OK;
    }
    take_rows(sync, loaded);
    sync->is_acl_here = true;
    look_at_attached(sync);
    return ERR_OK;
}

void sync_acl_no_answer(struct sync_manager *sync)
{
    sync->is_acl_asked = false;
    sync_acl_go_on(sync);
}

/* --- How much waits. */

enum err sync_on_waiting_count(struct actor *actor, void *state, const struct msg *msg)
{
    struct sync_manager *sync = state;
    const INTERNAL(WaitingCount) *count = MSG_BODY(msg, INTERNAL(WaitingCount));
    INTERNAL(WaitingCounted) counted = ROOST__INTERNAL__WAITING_COUNTED__INIT;
    bool is_known = !delivery_is_starting(sync->delivery) &&
                    delivery_scope_waiting(sync->delivery, count->scope_id, &counted.waiting);
    counted.scope_id = is_known ? count->scope_id : 0;
    actor_reply(actor, msg, MSG_WAITING_COUNTED, &counted.base, NULL);
    return ERR_OK;
}
