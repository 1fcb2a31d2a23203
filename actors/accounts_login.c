/* SPDX-License-Identifier: MPL-2.0
 *
 * LOGIN, step by step.
 *
 *     token         LOAD_ACCOUNT -> LOGIN_WRITE
 *     no secret     LOAD_ACCOUNT, which says whether one is needed
 *     password      line -> LOAD_ACCOUNT -> HASH -> LOGIN_WRITE (right or wrong)
 *     key           LOAD_ACCOUNT -> LOGIN_WRITE (accounts_keys.c)
 *     registration  line -> LOAD_ACCOUNT -> HASH -> LOGIN_WRITE
 *
 * Whoever does not know the password learns only that: whether the name is unknown, the account
 * banned or inactive is told after the password was right. A lock is told before; unknown names
 * are locked just the same.
 */
#include <string.h>

#include "accounts_state.h"

static enum err load(struct accounts *a, struct job *job)
{
    INTERNAL(LoadAccount) load = ROOST__INTERNAL__LOAD_ACCOUNT__INIT;
    load.folded = job->login->name;
    return accounts_load(a, job, &load);
}

static enum err begin_token(struct accounts *a, struct job *job)
{
    INTERNAL(LoadAccount) load = ROOST__INTERNAL__LOAD_ACCOUNT__INIT;
    accounts_hash_token(job->login->secret, job->token_hash);
    load.token_hash = bytes_of(job->token_hash, sizeof(job->token_hash));
    return accounts_load(a, job, &load);
}

static enum err check_registration(const struct accounts *a, const INTERNAL(Login) * login)
{
    if (!a->options.is_registration_open)
        return ERR_NOT_ALLOWED;
    enum err err = name_check_user(login->name.data, login->name.len, NULL);
    return err ? err : accounts_check_password(login->secret);
}

enum err accounts_login_begin(struct accounts *a, struct job *job)
{
    const INTERNAL(Login) *login = job->login;
    if (login->key.len)
        return accounts_key_begin(a, job);
    if (login->is_register) {
        enum err err = check_registration(a, login);
        return err ? err : accounts_line_up(a, job, login->name);
    }
    if (accounts_is_token(login->secret))
        return begin_token(a, job);
    if (login->secret.len > WIRE_CREDENTIALS_BYTES_MAX)
        return ERR_BAD_CREDENTIALS;
    if (login->secret.len == 0 && !login->tells_unknown)
        return load(a, job);
    return accounts_line_up(a, job, login->name);
}

enum err accounts_login_start(struct accounts *a, struct job *job)
{
    return load(a, job);
}

/* --- What is known of the account now. */

/* Persistence has the last word; this saves the way. */
enum err accounts_check_open(const struct accounts *a, const struct job *job)
{
    if (!job->is_active)
        return ERR_ACCOUNT_INACTIVE;
    if (job->banned_until_ms > actor_wall(a->actor).ms)
        return ERR_ACCOUNT_BANNED;
    return ERR_OK;
}

enum err accounts_login_write(struct accounts *a, struct job *job, enum login_outcome outcome)
{
    const INTERNAL(Login) *login = job->login;
    INTERNAL(LoginWrite) body = ROOST__INTERNAL__LOGIN_WRITE__INIT;
    body.name = login->name;
    body.outcome = outcome;
    body.peer_id = job->peer_id;
    body.password_hash = bytes_of(job->new_phc, strlen(job->new_phc));
    body.kind = login->kind;
    body.address = login->address;
    body.token_id = job->token_id;
    body.key_id = job->key_id;
    if (outcome == LOGIN_REDEEM) {
        body.key = login->key;
        body.code_hash = bytes_of(job->token_hash, sizeof(job->token_hash));
    }
    if (login->wants_token && !job->token_id) {
        accounts_make_token(a, job);
        body.token_hash = bytes_of(job->token_hash, sizeof(job->token_hash));
    }
    return accounts_write(a, job, MSG_LOGIN_WRITE, &body.base);
}

/* A token is good for its own account only. */
static enum err use_token(struct accounts *a, struct job *job,
                          const INTERNAL(AccountLoaded) * loaded)
{
    struct name_folded folded;
    ProtobufCBinaryData name = job->login->name;
    if (!job->is_known)
        return ERR_BAD_CREDENTIALS;
    if (name.len) {
        enum err err = name_fold(name.data, name.len, &folded);
        bool is_own = !err && folded.size == loaded->folded.len &&
                      memcmp(folded.text, loaded->folded.data, folded.size) == 0;
        if (!is_own)
            return ERR_BAD_CREDENTIALS;
    }
    enum err err = accounts_check_open(a, job);
    return err ? err : accounts_login_write(a, job, LOGIN_RIGHT);
}

static enum err answer_without_secret(struct accounts *a, struct job *job)
{
    INTERNAL(LoginDone) done = ROOST__INTERNAL__LOGIN_DONE__INIT;
    if (job->is_known)
        return ERR_NO_CREDENTIALS;
    accounts_finish_login(a, job, &done);
    return ERR_OK;
}

static void answer_locked(struct accounts *a, struct job *job, int64_t locked_until_ms)
{
    INTERNAL(LoginDone) done = ROOST__INTERNAL__LOGIN_DONE__INIT;
    done.code = err_code(ERR_LOCKED_OUT);
    done.text = (char *)(uintptr_t)err_sentence(ERR_LOCKED_OUT); /* only read */
    done.retry_after_ms = accounts_retry_after(a, locked_until_ms);
    accounts_finish_login(a, job, &done);
}

enum err accounts_login_loaded(struct accounts *a, struct job *job,
                               const INTERNAL(AccountLoaded) * loaded)
{
    const INTERNAL(Login) *login = job->login;
    accounts_take_loaded(job, loaded);
    if (login->key.len)
        return accounts_key_loaded(a, job, loaded);
    if (login->is_register)
        return job->is_known ? ERR_NAME_TAKEN : accounts_hash(a, job, login->secret);
    if (accounts_is_token(login->secret))
        return use_token(a, job, loaded);
    if (login->secret.len == 0 && !login->tells_unknown)
        return answer_without_secret(a, job);
    if (!job->is_known && login->tells_unknown)
        return ERR_NO_SUCH_USER;
    if (loaded->locked_until_ms > actor_wall(a->actor).ms) {
        answer_locked(a, job, loaded->locked_until_ms);
        return ERR_OK;
    }
    bool has_password = job->is_known && job->phc[0];
    return accounts_verify(a, job, login->secret, has_password ? job->phc : phc_dummy);
}

enum err accounts_login_hashed(struct accounts *a, struct job *job)
{
    if (job->login->is_register)
        return accounts_login_write(a, job, LOGIN_REGISTER);
    bool is_right = job->is_password_right && job->against == job->phc;
    if (!is_right)
        return accounts_write_failure(a, job, job->login->name);
    enum err err = accounts_check_open(a, job);
    return err ? err : accounts_login_write(a, job, LOGIN_RIGHT);
}

void accounts_login_written(struct accounts *a, struct job *job,
                            const INTERNAL(LoginWritten) * written)
{
    INTERNAL(LoginDone) done = ROOST__INTERNAL__LOGIN_DONE__INIT;
    done.code = written->code;
    if (written->code) {
        done.text = (char *)(uintptr_t)err_sentence(err_from_code(written->code)); /* only read */
        if (written->locked_until_ms)
            done.retry_after_ms = accounts_retry_after(a, written->locked_until_ms);
        accounts_finish_login(a, job, &done);
        return;
    }
    if (job->login->is_register || accounts_is_redeeming(job))
        accounts_tell_registered(a, job->login->name, 0);
    if (accounts_is_redeeming(job))
        accounts_tell_keys(a, job->login->key, bytes_of(NULL, 0), false);
    done.name = written->name;
    done.peer_id = written->peer_id;
    done.role = written->role;
    done.is_verified = true;
    done.token_id = job->token_id;
    done.token_expires_ms = job->token_expires_ms;
    if (job->token[0])
        done.token = bytes_of(job->token, ACCOUNTS_TOKEN_TEXT);
    accounts_finish_login(a, job, &done);
}
