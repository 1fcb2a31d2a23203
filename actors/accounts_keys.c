/* SPDX-License-Identifier: MPL-2.0
 *
 * LOGIN over a connection that proved a key: the key alone says whose session it is. Also codes, which
 * enrol a key once, and telling the keyring and the gateway of keys that changed.
 *
 * The name in HELLO must be that of the key's account. A password or token is not looked at: whoever has
 * one and no key asks an administrator for a code.
 */
#include <string.h>

#include "accounts_state.h"
#include "proto/key.h"
#include "rt/log.h"

_Static_assert(KEY_CODE_TEXT <= ACCOUNTS_TOKEN_TEXT, "a code fits where a token does");

enum err accounts_key_begin(struct accounts *a, struct job *job)
{
    INTERNAL(LoadAccount) load = ROOST__INTERNAL__LOAD_ACCOUNT__INIT;
    if (job->login->key.len != KEY_TEXT || job->login->is_register)
        return ERR_BAD_KEY;
    load.key = job->login->key;
    return accounts_load(a, job, &load);
}

bool accounts_is_redeeming(const struct job *job)
{
    return job->login && job->login->key.len && !job->key_id;
}

/* The hash of what a code means, whichever way it was typed. */
static bool hash_code(struct job *job, ProtobufCBinaryData typed)
{
    char code[KEY_CODE_CHARACTERS + 1];
    if (!key_code_normalise(typed.data, typed.len, code))
        return false;
    accounts_hash_token(bytes_of(code, KEY_CODE_CHARACTERS), job->token_hash);
    return true;
}

static enum err redeem(struct accounts *a, struct job *job)
{
    if (job->login->secret.len == 0)
        return ERR_KEY_NOT_ENROLLED;
    if (!hash_code(job, job->login->secret))
        return ERR_BAD_CODE; /* not worth counting: it cannot be guessed this way */
    return accounts_login_write(a, job, LOGIN_REDEEM);
}

enum err accounts_key_loaded(struct accounts *a, struct job *job,
                             const INTERNAL(AccountLoaded) * loaded)
{
    struct name_folded folded;
    ProtobufCBinaryData name = job->login->name;
    if (!job->key_id)
        return redeem(a, job);
    if (loaded->is_key_revoked)
        return ERR_KEY_REVOKED;
    if (!job->is_known)
        return ERR_KEY_NOT_ENROLLED;
    enum err err = name_fold(name.data, name.len, &folded);
    bool is_own = !err && folded.size == loaded->folded.len &&
                  memcmp(folded.text, loaded->folded.data, folded.size) == 0;
    if (!is_own)
        return ERR_KEY_OF_ANOTHER;
    err = accounts_check_open(a, job);
    return err ? err : accounts_login_write(a, job, LOGIN_RIGHT);
}

void accounts_make_code(struct accounts *a, struct job *job)
{
    uint8_t random[KEY_CODE_CHARACTERS];
    for (size_t i = 0; i < sizeof(random); i++)
        random[i] = (uint8_t)actor_random(a->actor);
    key_code_make(random, job->token);
    bool is_code = hash_code(job, bytes_of(job->token, KEY_CODE_TEXT));
    if (!is_code) /* cannot be: then nobody can use it */
        memset(job->token_hash, 0, sizeof(job->token_hash));
}

void accounts_tell_keys(struct accounts *a, ProtobufCBinaryData enrolled,
                        ProtobufCBinaryData revoked, bool is_unsure)
{
    INTERNAL(KeysChanged) changed = ROOST__INTERNAL__KEYS_CHANGED__INIT;
    changed.enrolled = enrolled;
    changed.revoked = revoked;
    changed.is_unsure = is_unsure;
    if (!a->options.keyring)
        return;
    enum err err = actor_send(a->actor, a->options.keyring, MSG_KEYS_CHANGED, &changed.base, NULL);
    if (err) /* HELLO is checked against the store all the same */
        log_error("change-not-told", LOG_ERROR(err));
}

void accounts_call_tell_keys(struct accounts *a, const INTERNAL(Call) * call,
                             const INTERNAL(CallDone) * done, bool is_answered)
{
    ProtobufCBinaryData none = bytes_of(NULL, 0);
    INTERNAL(AccountChanged) changed = ROOST__INTERNAL__ACCOUNT_CHANGED__INIT;
    bool is_revocation = call->method == ROOST__V1__METHOD__KEY_REVOKE;
    bool is_enrolment = call->method == ROOST__V1__METHOD__KEY_ENROL;
    changed.except_session = is_answered ? 0 : call->session;
    if (is_enrolment)
        accounts_tell_registered(a, call->peer, changed.except_session);
    if (!is_answered)
        accounts_tell_keys(a, is_enrolment ? call->key : none, is_enrolment ? none : done->key,
                           is_revocation && done->key.len == 0);
    if (!is_revocation)
        return;
    changed.name = done->peer_name;
    changed.code = err_code(ERR_KEY_REVOKED);
    changed.key = done->key;
    changed.only_keyed = true;
    enum err err =
        actor_send(a->actor, ACTOR_ZMQ_GATEWAY, MSG_ACCOUNT_CHANGED, &changed.base, NULL);
    if (err)
        log_error("change-not-told", LOG_ERROR(err),
                  LOG_BYTES("peer", changed.name.data, changed.name.len));
}
