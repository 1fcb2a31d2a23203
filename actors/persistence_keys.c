/* SPDX-License-Identifier: MPL-2.0
 *
 * Device keys: enrolled by an administrator (CALL) or with a code (LOGIN_WRITE), used, revoked. Each
 * change is a row of the audit log in the same transaction.
 *
 * Codes come as their hash. A wrong one counts as a failed login, under a name of its own ("$key:ana"):
 * whoever guesses codes locks nobody's password.
 * A refusal must come before the first write: the transaction is shared with other questions.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "persistence_state.h"
#include "proto/key.h"
#include "store/accounts.h"
#include "store/device_keys.h"
#include "store/throttle.h"

#define KEY_WRITE_INTERVAL_MS 60000 /* using a key is written at most so often */
#define LABEL_BYTES           256

/* "Z85 label" */
struct detail {
    char text[KEY_TEXT + LABEL_BYTES + 2];
};

static const char *describe(struct detail *detail, const char *key, const char *label)
{
    (void)snprintf(detail->text, sizeof(detail->text), "%s%s%s", key, label[0] ? " " : "", label);
    return detail->text;
}

struct found {
    int64_t id, peer_id, used_ms, revoked_ms;
    char key[KEY_TEXT_SIZE];
};

static enum err take_key(void *context, const struct device_key_row *row)
{
    struct found *found = context;
    *found = (struct found){row->id, row->peer_id, row->used_ms, row->revoked_ms, ""};
    (void)snprintf(found->key, sizeof(found->key), "%s", row->key);
    return ERR_OK;
}

/* --- Whose account: made where there is none. */

struct account {
    int64_t peer_id;
    bool is_active, is_known;
    int64_t banned_until_ms;
};

static enum err take_account(void *context, const struct account_row *row)
{
    struct account *account = context;
    *account = (struct account){row->peer_id, row->is_active, true, row->banned_until_ms};
    return ERR_OK;
}

static enum err find_account(struct persistence *p, ProtobufCBinaryData name,
                             struct account *ret_account)
{
    struct name_folded folded;
    *ret_account = (struct account){0};
    enum err err = name_check_user(name.data, name.len, NULL);
    if (!err)
        err = name_fold(name.data, name.len, &folded);
    if (!err)
        err = account_find(p->store, folded.text, take_account, ret_account);
    return err == ERR_NO_SUCH_USER ? ERR_OK : err;
}

static enum err enrol(struct persistence *p, ProtobufCBinaryData name, struct account *account,
                      const char *key, const char *label)
{
    enum err err = ERR_OK;
    int64_t id;
    if (!account->is_known)
        err = persistence_register(p, name, "", &account->peer_id);
    struct device_key_new row = {
        .key = key, .peer_id = account->peer_id, .now_ms = p->now_ms, .label = label};
    return err ? err : device_key_create(p->store, &row, &id);
}

/* ERR_KEY_TAKEN when it is or was somebody's. */
static enum err check_free(struct persistence *p, const char *key)
{
    enum err err = device_key_find(p->store, key, NULL, NULL);
    return err == ERR_NO_SUCH_KEY ? ERR_OK : err ? err : ERR_KEY_TAKEN;
}

/* --- LOGIN_WRITE */

enum err persistence_key_enter(struct persistence *p, int64_t key_id, int64_t peer_id,
                               bool *ret_is_news)
{
    struct found found;
    enum err err = device_key_read(p->store, key_id, take_key, &found);
    if (err == ERR_NO_SUCH_KEY || (!err && found.peer_id != peer_id))
        return ERR_KEY_NOT_ENROLLED;
    if (!err && found.revoked_ms)
        return ERR_KEY_REVOKED;
    *ret_is_news = !err && p->now_ms - found.used_ms >= KEY_WRITE_INTERVAL_MS;
    return *ret_is_news ? device_key_use(p->store, key_id, p->now_ms) : err;
}

/* The name under which wrong codes are counted. No peer can have it. */
static void name_of_failures(const struct name_folded *folded, char *ret, size_t size_bytes)
{
    (void)snprintf(ret, size_bytes, "$key:%s", folded->text);
}

static enum err wrong_code(struct persistence *p, const char *counted, const char *name,
                           int64_t *ret_locked_until_ms)
{
    struct throttle_row after;
    struct throttle_policy policy = {
        .failures_max = p->options.login_failures_max,
        .window_ms = p->options.login_window_ms,
        .lock_ms = p->options.lock_ms,
    };
    enum err err = throttle_fail(p->store, counted, p->now_ms, &policy, &after);
    if (!err && after.locked_until_ms > p->now_ms) {
        *ret_locked_until_ms = after.locked_until_ms;
        err = persistence_audit(p, "", "key-lock", name, "");
    }
    return err ? err : ERR_BAD_CODE;
}

static enum err use_code(struct persistence *p, const INTERNAL(LoginWrite) * write,
                         struct account *account, int64_t *ret_locked_until_ms)
{
    char counted[WIRE_NAME_BYTES_MAX * 4], label[LABEL_BYTES];
    struct throttle_row throttle;
    struct name_folded folded;
    struct detail detail;
    const char *key = persistence_text(p, write->key);
    const char *name = persistence_text(p, write->name);
    enum err err = name_fold(write->name.data, write->name.len, &folded);
    if (err)
        return err;
    name_of_failures(&folded, counted, sizeof(counted));
    err = throttle_read(p->store, counted, &throttle);
    if (!err && throttle.locked_until_ms > p->now_ms) {
        *ret_locked_until_ms = throttle.locked_until_ms;
        return ERR_LOCKED_OUT;
    }
    if (!err)
        err = key_code_take(p->store, write->code_hash.data, folded.text, p->now_ms, label,
                            sizeof(label));
    if (err)
        return err == ERR_BAD_CODE ? wrong_code(p, counted, name, ret_locked_until_ms) : err;
    err = enrol(p, write->name, account, key, label);
    return err ? err
               : persistence_audit(p, name, "key-redeem", name, describe(&detail, key, label));
}

/* What could refuse it comes before the code is used up. */
enum err persistence_key_redeem(struct persistence *p, const INTERNAL(LoginWrite) * write,
                                int64_t *ret_peer_id, int64_t *ret_locked_until_ms)
{
    struct account account;
    if (!key_text_is_fit(write->key.data, write->key.len) ||
        write->code_hash.len != KEY_CODE_HASH_BYTES)
        return ERR_BAD_KEY;
    enum err err = find_account(p, write->name, &account);
    if (!err && account.is_known && !account.is_active)
        return ERR_ACCOUNT_INACTIVE;
    if (!err && account.banned_until_ms > p->now_ms)
        return ERR_ACCOUNT_BANNED;
    if (!err)
        err = check_free(p, persistence_text(p, write->key));
    if (!err)
        err = use_code(p, write, &account, ret_locked_until_ms);
    if (!err)
        *ret_peer_id = account.peer_id;
    return err;
}

enum err persistence_key_unlock(struct persistence *p, const struct name_folded *folded,
                                uint64_t *ret_count)
{
    char counted[WIRE_NAME_BYTES_MAX * 4];
    name_of_failures(folded, counted, sizeof(counted));
    return throttle_clear(p->store, counted, ret_count);
}

/* --- CALL */

enum err persistence_call_key_enrol(struct persistence *p, const INTERNAL(Call) * call,
                                    INTERNAL(CallDone) * done)
{
    struct account account;
    struct detail detail;
    const char *key = persistence_text(p, call->key), *label = persistence_text(p, call->text);
    const char *name = persistence_text(p, call->peer);
    enum err err = persistence_call_check_admin(p, call);
    if (!err && !key_text_is_fit(call->key.data, call->key.len))
        err = ERR_BAD_KEY;
    if (!err)
        err = find_account(p, call->peer, &account);
    if (!err)
        err = check_free(p, key);
    if (!err)
        err = enrol(p, call->peer, &account, key, label);
    if (!err)
        err = persistence_audit(p, persistence_text(p, call->peer_name), "key-enrol", name,
                                describe(&detail, key, label));
    done->count = !err;
    return err;
}

enum err persistence_call_key_code(struct persistence *p, const INTERNAL(Call) * call,
                                   INTERNAL(CallDone) * done)
{
    struct account account;
    struct name_folded folded;
    bool is_fixed = call->until_ms != 0;
    enum err err = persistence_call_check_admin(p, call);
    if (!err && (call->body.len != KEY_CODE_HASH_BYTES ||
                 (is_fixed && (int64_t)call->until_ms <= p->now_ms)))
        err = ERR_BAD_FIELD;
    if (!err)
        err = find_account(p, call->peer, &account);
    if (!err)
        err = name_fold(call->peer.data, call->peer.len, &folded);
    if (err)
        return err;
    struct key_code_new code = {
        .hash = call->body.data,
        .folded = folded.text,
        .label = persistence_text(p, call->text),
        .now_ms = p->now_ms,
        .expires_ms = is_fixed ? (int64_t)call->until_ms : p->now_ms + p->options.key_code_ms,
    };
    err = key_code_create(p->store, &code);
    if (!err)
        err = persistence_audit(p, persistence_text(p, call->peer_name), "key-code",
                                persistence_text(p, call->peer), code.label);
    done->count = !err;
    return err;
}

/* --- KEY_REVOKE: one key, by itself or its number; or all of a peer, with its codes. */

struct named {
    struct persistence *p;
    ProtobufCBinaryData name;
};

struct revocation {
    struct persistence *p;
    uint64_t count;
};

static enum err revoke_one(void *context, const struct device_key_row *row)
{
    struct revocation *revocation = context;
    if (row->revoked_ms)
        return ERR_OK;
    revocation->count++;
    return device_key_revoke(revocation->p->store, row->id, revocation->p->now_ms);
}

static enum err take_name(void *context, const struct account_row *row)
{
    struct named *named = context;
    named->name = batch_bytes(named->p->batch, row->name, strlen(row->name));
    return ERR_OK;
}

static enum err revoke_key(struct persistence *p, const INTERNAL(Call) * call,
                           INTERNAL(CallDone) * done)
{
    struct found found = {0};
    struct named named = {.p = p};
    enum err err = call->key.len
                       ? device_key_find(p->store, persistence_text(p, call->key), take_key, &found)
                       : device_key_read(p->store, (int64_t)call->seq, take_key, &found);
    enum err refusal = persistence_call_check_admin(p, call);
    bool is_own = !err && call->is_verified && found.peer_id == call->peer_id;
    if (refusal && !is_own) /* who may not is not told which keys there are */
        return refusal;
    if (err)
        return err;
    err = account_read(p->store, found.peer_id, take_name, &named);
    if (!err && !found.revoked_ms) {
        err = device_key_revoke(p->store, found.id, p->now_ms);
        done->count = 1;
    }
    done->peer_name = named.name;
    done->key = batch_bytes(p->batch, found.key, strlen(found.key));
    if (!err && done->count)
        err = persistence_audit(p, persistence_text(p, call->peer_name), "key-revoke",
                                persistence_text(p, done->peer_name), found.key);
    return err;
}

static enum err revoke_all(struct persistence *p, const INTERNAL(Call) * call,
                           INTERNAL(CallDone) * done)
{
    struct account account;
    struct name_folded folded;
    struct revocation revocation = {.p = p};
    uint64_t codes = 0;
    char detail[64];
    enum err refusal = persistence_call_check_admin(p, call);
    enum err err = find_account(p, call->peer, &account);
    bool is_own = !err && call->is_verified && account.peer_id == call->peer_id;
    if (refusal && !is_own)
        return refusal;
    if (!err)
        err = name_fold(call->peer.data, call->peer.len, &folded);
    if (!err && account.is_known)
        err = device_key_list(p->store, account.peer_id, 0, UINT32_MAX, revoke_one, &revocation);
    if (!err)
        err = key_code_remove(p->store, folded.text, &codes);
    (void)snprintf(detail, sizeof(detail), "%" PRIu64 " keys, %" PRIu64 " codes", revocation.count,
                   codes);
    done->count = revocation.count + codes;
    done->peer_name = batch_bytes(p->batch, call->peer.data, call->peer.len);
    if (!err && done->count)
        err = persistence_audit(p, persistence_text(p, call->peer_name), "key-revoke",
                                persistence_text(p, call->peer), detail);
    return err;
}

enum err persistence_call_key_revoke(struct persistence *p, const INTERNAL(Call) * call,
                                     INTERNAL(CallDone) * done)
{
    if (call->all && call->peer.len)
        return revoke_all(p, call, done);
    return call->key.len || call->seq ? revoke_key(p, call, done) : ERR_MISSING_FIELD;
}
