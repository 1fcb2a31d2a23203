/* SPDX-License-Identifier: MPL-2.0
 *
 * CALL: the methods that carry a password, or that make a token. What persistence gets is the same
 * CALL without the secret: a PHC string, the hash of the token, or the word that a password was
 * found to be right. Everything else about accounts is passed on as it is.
 *
 *     USER_REGISTER, ROOM_CREATE, ROOM_UPDATE   HASH -> CALL
 *     USER_PASSWORD   line -> LOAD_ACCOUNT -> HASH (the old one) -> HASH -> CALL
 *                     a wrong old one counts as a failed login
 *     ROOM_JOIN       LOAD_ACCOUNT (of the room) -> HASH -> CALL
 *     TOKEN_CREATE, KEY_CODE   CALL
 */
#include <string.h>

#include "accounts_state.h"

static bool is_admin(const INTERNAL(Call) * call)
{
    return call->is_admin || (call->is_verified && call->caller_role == ROOST__V1__ROLE__ADMIN);
}

static enum err pass_on(struct accounts *a, struct job *job)
{
    INTERNAL(Call) call = *job->call;
    call.password = bytes_of(job->new_phc, strlen(job->new_phc));
    if (job->token[0])
        call.body = bytes_of(job->token_hash, sizeof(job->token_hash));
    if (call.method == ROOST__V1__METHOD__USER_PASSWORD)
        call.text = bytes_of(NULL, 0);
    call.is_password_checked = job->is_password_checked;
    return accounts_write(a, job, MSG_CALL, &call.base);
}

/* --- USER_PASSWORD */

/* With the old one, unless an administrator names whose it is. */
static bool needs_old(const INTERNAL(Call) * call)
{
    return call->peer.len == 0 || !is_admin(call);
}

static ProtobufCBinaryData whose_password(const INTERNAL(Call) * call)
{
    return needs_old(call) ? call->peer_name : call->peer;
}

static enum err begin_password(struct accounts *a, struct job *job)
{
    struct name_folded given;
    const INTERNAL(Call) *call = job->call;
    enum err err = accounts_check_new_password(a, call->password);
    if (err)
        return err;
    if (needs_old(call) && !call->is_verified)
        return ERR_NOT_ALLOWED;
    if (needs_old(call) && call->peer.len) {
        err = name_fold(call->peer.data, call->peer.len, &given);
        if (err || !name_is(&given, call->peer_name.data, call->peer_name.len))
            return ERR_NOT_ALLOWED;
    }
    return accounts_line_up(a, job, whose_password(call));
}

enum err accounts_call_start(struct accounts *a, struct job *job)
{
    INTERNAL(LoadAccount) load = ROOST__INTERNAL__LOAD_ACCOUNT__INIT;
    if (!needs_old(job->call))
        return accounts_hash(a, job, job->call->password);
    load.folded = whose_password(job->call);
    return accounts_load(a, job, &load);
}

static enum err verify_old(struct accounts *a, struct job *job,
                           const INTERNAL(AccountLoaded) * loaded)
{
    accounts_take_loaded(job, loaded);
    if (!job->is_known)
        return ERR_NO_SUCH_USER;
    if (loaded->locked_until_ms > actor_wall(a->actor).ms)
        return ERR_LOCKED_OUT;
    return accounts_verify(a, job, job->call->text, job->phc[0] ? job->phc : phc_dummy);
}

/* --- Rooms. */

static enum err begin_room(struct accounts *a, struct job *job)
{
    INTERNAL(LoadAccount) load = ROOST__INTERNAL__LOAD_ACCOUNT__INIT;
    const INTERNAL(Call) *call = job->call;
    if (call->password.len == 0)
        return pass_on(a, job);
    if (call->password.len > WIRE_CREDENTIALS_BYTES_MAX)
        return ERR_BAD_PASSWORD;
    if (call->method != ROOST__V1__METHOD__ROOM_JOIN)
        return accounts_hash(a, job, call->password);
    load.room_folded = call->scope_name;
    return accounts_load(a, job, &load);
}

static enum err verify_room(struct accounts *a, struct job *job,
                            const INTERNAL(AccountLoaded) * loaded)
{
    ProtobufCBinaryData phc = loaded->room_password_hash;
    if (phc.len == 0 || phc.len > PHC_BYTES_MAX)
        return pass_on(a, job); /* no such room, or it has no password */
    memcpy(job->phc, phc.data, phc.len);
    job->phc[phc.len] = '\0';
    return accounts_verify(a, job, job->call->password, job->phc);
}

/* --- Steps. */

static enum err begin_register(struct accounts *a, struct job *job)
{
    const INTERNAL(Call) *call = job->call;
    if (!a->options.is_registration_open && !is_admin(call))
        return ERR_NOT_ALLOWED;
    enum err err = name_check_user(call->peer.data, call->peer.len, NULL);
    if (!err)
        err = accounts_check_new_password(a, call->password);
    return err ? err : accounts_hash(a, job, call->password);
}

enum err accounts_call_begin(struct accounts *a, struct job *job)
{
    switch (job->call->method) {
    case ROOST__V1__METHOD__USER_REGISTER:
        return begin_register(a, job);
    case ROOST__V1__METHOD__USER_PASSWORD:
        return begin_password(a, job);
    case ROOST__V1__METHOD__ROOM_CREATE:
    case ROOST__V1__METHOD__ROOM_UPDATE:
    case ROOST__V1__METHOD__ROOM_JOIN:
        return begin_room(a, job);
    case ROOST__V1__METHOD__TOKEN_CREATE:
        accounts_make_token(a, job);
        return pass_on(a, job);
    case ROOST__V1__METHOD__KEY_CODE:
        accounts_make_code(a, job);
        return pass_on(a, job);
    default:
        return pass_on(a, job);
    }
}

/* Whether the session that asks may be one of those that end. */
static bool may_end_its_own(const INTERNAL(Call) * call)
{
    return call->method == ROOST__V1__METHOD__USER_REGISTER ||
           call->method == ROOST__V1__METHOD__USER_BAN ||
           call->method == ROOST__V1__METHOD__USER_ACTIVE ||
           call->method == ROOST__V1__METHOD__KEY_ENROL ||
           call->method == ROOST__V1__METHOD__KEY_REVOKE;
}

void accounts_call_tell(struct accounts *a, const INTERNAL(Call) * call,
                        const INTERNAL(CallDone) * done, bool is_answered)
{
    INTERNAL(AccountChanged) changed = ROOST__INTERNAL__ACCOUNT_CHANGED__INIT;
    if (is_answered && !may_end_its_own(call))
        return;
    changed.name = call->peer;
    changed.except_session = is_answered ? 0 : call->session;
    switch (call->method) {
    case ROOST__V1__METHOD__USER_REGISTER:
        accounts_tell_registered(a, call->peer, changed.except_session);
        return;
    case ROOST__V1__METHOD__USER_ROLE:
        changed.role = call->role;
        break;
    case ROOST__V1__METHOD__USER_PASSWORD: /* who changed it goes on */
        changed.name = call->peer.len ? call->peer : call->peer_name;
        changed.code = err_code(ERR_NO_CREDENTIALS);
        break;
    case ROOST__V1__METHOD__SESSION_END: /* who came with one of its tokens has to prove himself */
        changed.name = call->peer.len ? call->peer : call->peer_name;
        changed.tokens_ended = true;
        break;
    case ROOST__V1__METHOD__KEY_ENROL:
    case ROOST__V1__METHOD__KEY_REVOKE:
    case ROOST__V1__METHOD__KEY_CODE:
        accounts_call_tell_keys(a, call, done, is_answered);
        return;
    case ROOST__V1__METHOD__USER_BAN:
        changed.code = err_code(ERR_ACCOUNT_BANNED);
        break;
    case ROOST__V1__METHOD__USER_ACTIVE:
        changed.code = err_code(ERR_ACCOUNT_INACTIVE);
        if (!call->all)
            break;
        return;
    default:
        return;
    }
    accounts_tell(a, &changed);
}

enum err accounts_call_loaded(struct accounts *a, struct job *job,
                              const INTERNAL(AccountLoaded) * loaded)
{
    return job->call->method == ROOST__V1__METHOD__ROOM_JOIN ? verify_room(a, job, loaded)
                                                             : verify_old(a, job, loaded);
}

enum err accounts_call_hashed(struct accounts *a, struct job *job)
{
    const INTERNAL(Call) *call = job->call;
    bool was_verified = job->step == JOB_VERIFYING;
    if (was_verified)
        job->new_phc[0] = '\0'; /* a stronger hash of the old password is of no use */
    if (was_verified && call->method == ROOST__V1__METHOD__USER_PASSWORD) {
        if (!job->is_password_right || job->against != job->phc)
            return accounts_write_failure(a, job, call->peer_name);
        job->is_password_checked = true;
        return accounts_hash(a, job, call->password);
    }
    job->is_password_checked |= was_verified && job->is_password_right;
    return pass_on(a, job);
}
