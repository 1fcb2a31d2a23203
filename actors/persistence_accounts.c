/* SPDX-License-Identifier: MPL-2.0
 *
 * CALL: the methods about accounts and their tokens. Passwords have become PHC strings before they
 * come here (accounts.h); a new token comes as its hash.
 *
 * Whatever changes an account writes a row of the audit log in the same transaction. A refusal must
 * come before the first write: the transaction is shared with other questions.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "account_rights.h"
#include "persistence_state.h"
#include "store/accounts.h"
#include "store/peers.h"
#include "store/throttle.h"
#include "store/tokens.h"

#define DETAIL_BYTES 1200

/* --- Who asks, and whom it is about. */

struct user {
    int64_t id;
    enum account_role role; /* 0: no account */
    bool is_active;
    int64_t banned_until_ms;
    char name[WIRE_NAME_BYTES_MAX + 1];
};

struct request {
    struct persistence *p;
    const INTERNAL(Call) * call;
    bool is_admin;
    struct user caller, target;
};

static enum err take_user(void *context, const struct account_row *row)
{
    struct user *user = context;
    user->id = row->peer_id;
    user->role = row->role;
    user->is_active = row->is_active;
    user->banned_until_ms = row->banned_until_ms;
    (void)snprintf(user->name, sizeof(user->name), "%s", row->name);
    return ERR_OK;
}

/* The caller as the store knows it now: what it was at its login may be over. */
static enum err begin(struct persistence *p, const INTERNAL(Call) * call, struct request *ret)
{
    *ret = (struct request){.p = p, .call = call, .is_admin = call->is_admin};
    struct user *caller = &ret->caller;
    enum err err = account_read(p->store, call->peer_id, take_user, caller);
    if (err == ERR_NO_SUCH_USER) {
        (void)snprintf(caller->name, sizeof(caller->name), "%s",
                       persistence_text(p, call->peer_name));
        caller->id = call->peer_id;
        return ERR_OK;
    }
    if (err)
        return err;
    if (!call->is_verified) /* a session from before the name had an account */
        caller->role = 0;
    bool is_shut_out = !caller->is_active || caller->banned_until_ms > p->now_ms;
    ret->is_admin |= caller->role == ACCOUNT_ADMIN;
    return is_shut_out ? ERR_NOT_ALLOWED : ERR_OK;
}

enum err persistence_call_check_admin(struct persistence *p, const INTERNAL(Call) * call)
{
    struct request request;
    enum err err = begin(p, call, &request);
    return err ? err : request.is_admin ? ERR_OK : ERR_NOT_ALLOWED;
}

static enum err find_target(struct request *request)
{
    struct name_folded folded;
    enum err err = name_fold(request->call->peer.data, request->call->peer.len, &folded);
    return err ? err : account_find(request->p->store, folded.text, take_user, &request->target);
}

static struct account_asker asker_of(const struct request *request)
{
    return (struct account_asker){
        .role = (int)request->caller.role,
        .is_admin = request->is_admin,
        .is_self = request->target.id == request->caller.id,
        .target_role = (int)request->target.role,
    };
}

/* About `peer`, or without one about the caller. Whoever may not do it to anybody else is not told
 * who exists. */
static enum err begin_about(struct persistence *p, const INTERNAL(Call) * call,
                            enum account_action action, struct request *ret)
{
    enum err err = begin(p, call, ret);
    if (err)
        return err;
    if (call->peer.len) {
        struct account_asker asker = asker_of(ret);
        err = find_target(ret);
        if (err == ERR_NO_SUCH_USER && !account_rights_may_ask(action, &asker))
            return ERR_NOT_ALLOWED;
    } else {
        ret->target = ret->caller;
        err = ret->caller.role ? ERR_OK : ERR_NOT_ALLOWED;
    }
    struct account_asker asker = asker_of(ret);
    return err ? err : account_rights_check(action, &asker);
}

static enum err audit(const struct request *request, const char *action, const char *detail)
{
    return persistence_audit(request->p, request->caller.name, action, request->target.name,
                             detail);
}

/* --- Accounts. */

enum err persistence_call_user_register(struct persistence *p, const INTERNAL(Call) * call,
                                        INTERNAL(CallDone) * done)
{
    struct request request;
    enum err err = begin(p, call, &request);
    if (!err)
        err = persistence_register(p, call->peer, persistence_text(p, call->password),
                                   &request.target.id);
    if (!err)
        err = account_read(p->store, request.target.id, take_user, &request.target);
    if (!err)
        err = audit(&request, "register", "");
    done->count = !err;
    return err;
}

/* All tokens end with the password they were given out for. */
static enum err set_password(const struct request *request)
{
    struct persistence *p = request->p;
    uint64_t tokens;
    enum err err = account_set_password(p->store, request->target.id,
                                        persistence_text(p, request->call->password));
    if (!err)
        err = token_remove(p->store, request->target.id, 0, &tokens);
    return err ? err : audit(request, "password", "");
}

enum err persistence_call_user_password(struct persistence *p, const INTERNAL(Call) * call,
                                        INTERNAL(CallDone) * done)
{
    struct request request;
    enum err err = begin_about(p, call, ACCOUNT_SET_PASSWORD, &request);
    bool needs_old = call->peer.len == 0 || !request.is_admin;
    if (!err && needs_old && !call->is_password_checked)
        err = ERR_BAD_CREDENTIALS;
    if (!err)
        err = set_password(&request);
    done->count = !err;
    return err;
}

enum err persistence_call_user_role(struct persistence *p, const INTERNAL(Call) * call,
                                    INTERNAL(CallDone) * done)
{
    static const char *const names[] = {"", "guest", "user", "moderator", "admin"};
    struct request request;
    if (call->role < ACCOUNT_GUEST || call->role > ACCOUNT_ADMIN)
        return ERR_BAD_FIELD;
    enum err err = begin_about(p, call, ACCOUNT_SET_ROLE, &request);
    if (!err)
        err = account_set_role(p->store, request.target.id, (enum account_role)call->role);
    if (!err)
        err = audit(&request, "role", names[call->role]);
    done->count = !err;
    return err;
}

enum err persistence_call_user_ban(struct persistence *p, const INTERNAL(Call) * call,
                                   INTERNAL(CallDone) * done)
{
    struct request request;
    char detail[DETAIL_BYTES];
    int64_t until_ms = call->until_ms ? (int64_t)call->until_ms : (int64_t)WIRE_TIME_MS_MAX;
    const char *reason = persistence_text(p, call->text);
    enum err err = begin_about(p, call, ACCOUNT_MODERATE, &request);
    if (!err && until_ms <= p->now_ms)
        err = ERR_BAD_FIELD;
    if (!err)
        err = account_set_ban(p->store, request.target.id, until_ms, reason);
    (void)snprintf(detail, sizeof(detail), "until_ms=%" PRIu64 " %s", call->until_ms, reason);
    if (!err)
        err = audit(&request, "ban", detail);
    done->count = !err;
    return err;
}

enum err persistence_call_user_unban(struct persistence *p, const INTERNAL(Call) * call,
                                     INTERNAL(CallDone) * done)
{
    struct request request;
    enum err err = begin_about(p, call, ACCOUNT_MODERATE, &request);
    if (err || request.target.banned_until_ms <= p->now_ms)
        return err; /* not banned: nothing to do */
    err = account_set_ban(p->store, request.target.id, 0, "");
    if (!err)
        err = audit(&request, "unban", "");
    done->count = !err;
    return err;
}

enum err persistence_call_user_active(struct persistence *p, const INTERNAL(Call) * call,
                                      INTERNAL(CallDone) * done)
{
    struct request request;
    uint64_t tokens;
    enum err err = begin_about(p, call, ACCOUNT_SET_ACTIVE, &request);
    if (err || request.target.is_active == !!call->all)
        return err;
    err = account_set_active(p->store, request.target.id, call->all);
    if (!err && !call->all)
        err = token_remove(p->store, request.target.id, 0, &tokens);
    if (!err)
        err = audit(&request, call->all ? "activate" : "deactivate", "");
    done->count = !err;
    return err;
}

/* Also of a name that has no account: those are locked as well. */
enum err persistence_call_user_unlock(struct persistence *p, const INTERNAL(Call) * call,
                                      INTERNAL(CallDone) * done)
{
    struct request request;
    struct name_folded folded;
    uint64_t count = 0, codes = 0;
    enum err err = begin_about(p, call, ACCOUNT_MODERATE, &request);
    if (err == ERR_NO_SUCH_USER) {
        (void)snprintf(request.target.name, sizeof(request.target.name), "%s",
                       persistence_text(p, call->peer));
        err = ERR_OK;
    }
    if (!err)
        err = name_fold(call->peer.data, call->peer.len, &folded);
    if (!err)
        err = throttle_clear(p->store, folded.text, &count);
    if (!err)
        err = persistence_key_unlock(p, &folded, &codes);
    count += codes;
    if (!err && count > 0)
        err = audit(&request, "unlock", "");
    done->count = count;
    return err;
}

/* --- Tokens. */

enum err persistence_call_token_create(struct persistence *p, const INTERNAL(Call) * call,
                                       INTERNAL(CallDone) * done)
{
    struct request request;
    struct account_asker asker;
    enum err err = begin(p, call, &request);
    request.target = request.caller;
    asker = asker_of(&request);
    asker.is_admin = false; /* a token is of an account */
    if (!err)
        err = account_rights_check(ACCOUNT_CREATE_TOKEN, &asker);
    if (err)
        return err;
    bool is_fixed = call->until_ms != 0;
    if (call->body.len != TOKEN_HASH_BYTES || (is_fixed && (int64_t)call->until_ms <= p->now_ms))
        return ERR_BAD_FIELD;
    struct token_new token = {
        .peer_id = request.caller.id,
        .hash = call->body.data,
        .kind = is_fixed ? TOKEN_KIND_FIXED : "token",
        .label = persistence_text(p, call->text),
        .now_ms = p->now_ms,
        .expires_ms = is_fixed ? (int64_t)call->until_ms : p->now_ms + p->options.token_ms,
    };
    int64_t id = 0;
    err = token_create(p->store, &token, &id);
    if (!err)
        err = audit(&request, "token", token.label);
    done->count = !err;
    done->seq = (uint64_t)id;
    return err;
}

enum err persistence_call_session_end(struct persistence *p, const INTERNAL(Call) * call,
                                      INTERNAL(CallDone) * done)
{
    struct request request;
    char detail[32] = "all";
    uint64_t count = 0;
    if (!call->all && call->seq == 0)
        return ERR_MISSING_FIELD;
    enum err err = begin_about(p, call, ACCOUNT_END_SESSIONS, &request);
    if (!err)
        err = token_remove(p->store, request.target.id, call->all ? 0 : (int64_t)call->seq, &count);
    if (!call->all)
        (void)snprintf(detail, sizeof(detail), "%" PRIu64, call->seq);
    if (!err && count > 0)
        err = audit(&request, "session-end", detail);
    done->count = count;
    return err;
}
