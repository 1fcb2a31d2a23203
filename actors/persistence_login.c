/* SPDX-License-Identifier: MPL-2.0
 *
 * LOGIN_WRITE: what came of a login, as the accounts actor found it. What it decided on was read a
 * moment before; what counts is decided here, in the transaction: whether the name is locked, the
 * account still there and active, the token still good, the name still free.
 *
 * Also what other files need of this: new accounts, and the audit log.
 *
 * A refusal must come before the first write: the transaction is shared with other questions.
 */
#include <stdio.h>
#include <string.h>

#include "persistence_state.h"
#include "store/accounts.h"
#include "store/audit.h"
#include "store/peers.h"
#include "store/throttle.h"
#include "store/tokens.h"

#define TOKEN_WRITE_INTERVAL_MS 60000 /* using a token is written at most so often */

enum login_outcome { LOGIN_RIGHT = 1, LOGIN_WRONG = 2, LOGIN_REGISTER = 3, LOGIN_REDEEM = 4 };

/* --- Shared. */

const char *persistence_text(struct persistence *p, ProtobufCBinaryData bytes)
{
    if (bytes.len == 0)
        return "";
    char *copy = batch_alloc(p->batch, bytes.len + 1); /* zeroed: ends with NUL */
    memcpy(copy, bytes.data, bytes.len);
    return copy;
}

enum err persistence_audit(struct persistence *p, const char *actor, const char *action,
                           const char *target, const char *detail)
{
    struct audit_row row = {
        .at_ms = p->now_ms,
        .actor = actor,
        .action = action,
        .target = target,
        .detail = detail,
    };
    return audit_append(p->store, &row);
}

static enum err note_account(void *context, const struct account_row *row)
{
    (void)row;
    *(bool *)context = true;
    return ERR_OK;
}

/* ERR_NO_SUCH_PEER: the name is free, and no peer has it yet. */
static enum err find_free_name(struct persistence *p, ProtobufCBinaryData name,
                               struct name_folded *ret_folded, int64_t *ret_peer_id)
{
    bool has_account = false;
    enum err err = name_check_user(name.data, name.len, NULL);
    if (!err)
        err = name_fold(name.data, name.len, ret_folded);
    if (!err)
        err = peer_find(p->store, ret_folded->text, ret_peer_id);
    if (err)
        return err;
    err = account_read(p->store, *ret_peer_id, note_account, &has_account);
    if (err == ERR_NO_SUCH_USER)
        return ERR_OK;
    return err ? err : ERR_NAME_TAKEN;
}

enum err persistence_register(struct persistence *p, ProtobufCBinaryData name,
                              const char *password_hash, int64_t *ret_peer_id)
{
    struct name_folded folded;
    int64_t id = 0;
    u64map_clear(&p->verdicts); /* it has an account from now on */
    enum err err = find_free_name(p, name, &folded, &id);
    if (err == ERR_NO_SUCH_PEER)
        err = peer_create(p->store, persistence_text(p, name), folded.text, p->now_ms, &id);
    if (err)
        return err;
    struct account_new account = {
        .peer_id = id,
        .role = ACCOUNT_USER,
        .created_ms = p->now_ms,
        .password_hash = password_hash,
    };
    err = account_create(p->store, &account);
    if (!err)
        err = peer_set_verified(p->store, id, true);
    if (!err)
        err = persistence_mailbox_main(p, id);
    if (!err)
        *ret_peer_id = id;
    return err;
}

/* --- One login. */

struct login {
    struct persistence *p;
    const INTERNAL(LoginWrite) * write;
    INTERNAL(LoginWritten) * written;
    struct name_folded folded;
    bool is_active;
    int64_t banned_until_ms;
    char detail[WIRE_NAME_BYTES_MAX];
};

static enum err take_account(void *context, const struct account_row *row)
{
    struct login *login = context;
    login->written->peer_id = row->peer_id;
    login->written->name = batch_bytes(login->p->batch, row->name, strlen(row->name));
    login->written->role = row->role;
    login->is_active = row->is_active;
    login->banned_until_ms = row->banned_until_ms;
    return name_fold(row->name, strlen(row->name), &login->folded);
}

static enum err make_token(struct login *login)
{
    struct persistence *p = login->p;
    const INTERNAL(LoginWrite) *write = login->write;
    int64_t id;
    if (write->token_hash.len != TOKEN_HASH_BYTES)
        return ERR_OK; /* none is wanted */
    struct token_new token = {
        .peer_id = login->written->peer_id,
        .hash = write->token_hash.data,
        .kind = persistence_text(p, write->kind),
        .address = persistence_text(p, write->address),
        .now_ms = p->now_ms,
        .expires_ms = p->now_ms + p->options.token_ms,
    };
    return token_create(p->store, &token, &id);
}

/* "zmq tcp://..." */
static const char *describe(struct login *login)
{
    const INTERNAL(LoginWrite) *write = login->write;
    (void)snprintf(login->detail, sizeof(login->detail), "%s%s%.200s",
                   persistence_text(login->p, write->kind), write->address.len ? " " : "",
                   persistence_text(login->p, write->address));
    return login->detail;
}

static enum err audit(struct login *login, const char *action)
{
    const char *name = persistence_text(login->p, login->written->name);
    return persistence_audit(login->p, name, action, name, describe(login));
}

/* The password was right: unless the name has been locked meanwhile, nobody holds failures against
 * it any more. */
static enum err enter_by_password(struct login *login)
{
    struct persistence *p = login->p;
    struct throttle_row throttle;
    uint64_t count;
    enum err err = throttle_read(p->store, login->folded.text, &throttle);
    if (!err && throttle.locked_until_ms > p->now_ms) {
        login->written->locked_until_ms = throttle.locked_until_ms;
        return ERR_LOCKED_OUT;
    }
    if (!err && throttle.failures > 0)
        err = throttle_clear(p->store, login->folded.text, &count);
    if (!err && login->write->password_hash.len)
        err = account_set_password(p->store, login->written->peer_id,
                                   persistence_text(p, login->write->password_hash));
    if (!err)
        err = account_set_login(p->store, login->written->peer_id, p->now_ms);
    if (!err)
        err = make_token(login);
    return err ? err : audit(login, "login");
}

static enum err enter_by_token(struct login *login)
{
    struct persistence *p = login->p;
    struct token_row token;
    enum err err = token_read(p->store, login->write->token_id, &token);
    if (err == ERR_NO_SUCH_USER ||
        (!err && (token.peer_id != login->written->peer_id || token.expires_ms <= p->now_ms)))
        return ERR_BAD_CREDENTIALS;
    if (err || p->now_ms - token.used_ms < TOKEN_WRITE_INTERVAL_MS)
        return err;
    err = token_use(p->store, token.id, p->now_ms, p->now_ms + p->options.token_ms);
    if (!err)
        err = account_set_login(p->store, token.peer_id, p->now_ms);
    return err ? err : audit(login, "login");
}

static enum err enter_by_key(struct login *login)
{
    struct persistence *p = login->p;
    bool is_news = false;
    enum err err =
        persistence_key_enter(p, login->write->key_id, login->written->peer_id, &is_news);
    if (!err && is_news)
        err = account_set_login(p->store, login->written->peer_id, p->now_ms);
    return err || !is_news ? err : audit(login, "login");
}

static enum err enter(struct login *login)
{
    enum err err = account_read(login->p->store, login->write->peer_id, take_account, login);
    if (err)
        return err == ERR_NO_SUCH_USER ? ERR_BAD_CREDENTIALS : err;
    if (!login->is_active)
        return ERR_ACCOUNT_INACTIVE;
    if (login->banned_until_ms > login->p->now_ms)
        return ERR_ACCOUNT_BANNED;
    if (login->write->key_id)
        return enter_by_key(login);
    return login->write->token_id ? enter_by_token(login) : enter_by_password(login);
}

/* Counted by name, whether there is an account or not. */
static enum err fail(struct login *login)
{
    struct persistence *p = login->p;
    struct throttle_row before, after;
    struct throttle_policy policy = {
        .failures_max = p->options.login_failures_max,
        .window_ms = p->options.login_window_ms,
        .lock_ms = p->options.lock_ms,
    };
    enum err err = name_fold(login->write->name.data, login->write->name.len, &login->folded);
    if (!err)
        err = throttle_read(p->store, login->folded.text, &before);
    if (!err)
        err = throttle_fail(p->store, login->folded.text, p->now_ms, &policy, &after);
    if (err)
        return err;
    bool was_locked = before.locked_until_ms > p->now_ms;
    bool is_locked = after.locked_until_ms > p->now_ms;
    login->written->locked_until_ms = is_locked ? after.locked_until_ms : 0;
    if (is_locked && !was_locked)
        err = persistence_audit(p, "", "lock", persistence_text(p, login->write->name),
                                describe(login));
    if (err)
        return err;
    if (!was_locked)
        persistence_note_login(p, &login->folded, persistence_text(p, login->write->name),
                               describe(login));
    return was_locked ? ERR_LOCKED_OUT : ERR_BAD_CREDENTIALS;
}

static enum err register_account(struct login *login)
{
    struct persistence *p = login->p;
    int64_t id = 0;
    enum err err = persistence_register(p, login->write->name,
                                        persistence_text(p, login->write->password_hash), &id);
    if (!err)
        err = account_set_login(p->store, id, p->now_ms);
    if (!err)
        err = account_read(p->store, id, take_account, login);
    if (!err)
        err = make_token(login);
    return err ? err : audit(login, "register");
}

/* A key that is not enrolled yet, and the code for it. */
static enum err redeem(struct login *login)
{
    struct persistence *p = login->p;
    int64_t id = 0;
    enum err err = persistence_key_redeem(p, login->write, &id, &login->written->locked_until_ms);
    if (!err)
        err = account_set_login(p->store, id, p->now_ms);
    return err ? err : account_read(p->store, id, take_account, login);
}

static enum err work_on(struct login *login)
{
    switch (login->write->outcome) {
    case LOGIN_RIGHT:
        return enter(login);
    case LOGIN_WRONG:
        return fail(login);
    case LOGIN_REGISTER:
        return register_account(login);
    case LOGIN_REDEEM:
        return redeem(login);
    default:
        return ERR_BAD_FIELD;
    }
}

enum err persistence_login_write(struct persistence *p, const void *question, enum err refusal,
                                 ProtobufCMessage **ret_answer)
{
    INTERNAL(LoginWritten) *written = batch_alloc(p->batch, sizeof(*written));
    struct login login = {.p = p, .write = question, .written = written};
    roost__internal__login_written__init(written);
    *ret_answer = &written->base;
    enum err err = refusal ? refusal : work_on(&login);
    if (!refusal && persistence_breaks(err))
        return err;
    written->code = err_code(err);
    return ERR_OK;
}
