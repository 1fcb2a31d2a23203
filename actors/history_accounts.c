/* SPDX-License-Identifier: MPL-2.0
 *
 * LOAD_ACCOUNT for the accounts actor, and the queries USERS, SESSIONS and AUDIT.
 *
 * Password hashes go to the accounts actor only; hashes of tokens go nowhere.
 */
#include <string.h>

#include "history_state.h"
#include "presence.h"
#include "store/accounts.h"
#include "store/audit.h"
#include "store/device_keys.h"
#include "store/throttle.h"
#include "store/tokens.h"

#define HASH_ROOM_BYTES 512

static bool copy_text(struct history *h, const char *text, ProtobufCBinaryData *ret)
{
    return history_copy(h, text, strlen(text), ret);
}

/* --- LOAD_ACCOUNT */

struct load {
    struct history *h;
    INTERNAL(AccountLoaded) * loaded;
};

static enum err take_account(void *context, const struct account_row *row)
{
    struct load *load = context;
    INTERNAL(AccountLoaded) *loaded = load->loaded;
    loaded->peer_id = row->peer_id;
    loaded->role = row->role;
    loaded->is_active = row->is_active;
    loaded->banned_until_ms = row->banned_until_ms;
    bool is_copied = copy_text(load->h, row->name, &loaded->name) &&
                     copy_text(load->h, row->folded, &loaded->folded) &&
                     copy_text(load->h, row->password_hash, &loaded->password_hash);
    return is_copied ? ERR_OK : ERR_BUSY;
}

/* The throttle knows names that have no account, too. */
static enum err load_by_name(struct load *load, ProtobufCBinaryData name)
{
    struct name_folded folded;
    struct throttle_row throttle;
    enum err err = name_fold(name.data, name.len, &folded);
    if (!err)
        err = throttle_read(load->h->store, folded.text, &throttle);
    if (err)
        return err;
    load->loaded->locked_until_ms = throttle.locked_until_ms;
    return account_find(load->h->store, folded.text, take_account, load);
}

static enum err load_by_token(struct load *load, const uint8_t *hash)
{
    struct token_row token;
    enum err err = token_find(load->h->store, hash, &token);
    if (err)
        return err;
    load->loaded->token_id = token.id;
    load->loaded->token_expires_ms = token.expires_ms;
    return account_read(load->h->store, token.peer_id, take_account, load);
}

static enum err take_key(void *context, const struct device_key_row *row)
{
    INTERNAL(AccountLoaded) *loaded = context;
    loaded->key_id = row->id;
    loaded->is_key_revoked = row->revoked_ms != 0;
    loaded->peer_id = row->peer_id;
    return ERR_OK;
}

static enum err load_by_key(struct load *load, ProtobufCBinaryData key)
{
    char text[DEVICE_KEY_TEXT + 1];
    memcpy(text, key.data, DEVICE_KEY_TEXT);
    text[DEVICE_KEY_TEXT] = '\0';
    enum err err = device_key_find(load->h->store, text, take_key, load->loaded);
    if (err)
        return err == ERR_NO_SUCH_KEY ? ERR_NO_SUCH_USER : err;
    return account_read(load->h->store, load->loaded->peer_id, take_account, load);
}

/* A room that is not there has no password: whoever gets the CALL says so. */
static enum err load_room(struct load *load, ProtobufCBinaryData name)
{
    struct name_folded folded;
    char hash[HASH_ROOM_BYTES];
    enum err err = name_fold(name.data, name.len, &folded);
    if (!err)
        err = account_room_password(load->h->store, folded.text, hash, sizeof(hash));
    if (err)
        return err == ERR_NO_SUCH_SCOPE ? ERR_OK : err;
    return copy_text(load->h, hash, &load->loaded->room_password_hash) ? ERR_OK : ERR_BUSY;
}

static enum err load_account(struct load *load, const INTERNAL(LoadAccount) * question)
{
    enum err err = ERR_OK;
    if (question->room_folded.len)
        err = load_room(load, question->room_folded);
    if (!err && question->token_hash.len == TOKEN_HASH_BYTES)
        err = load_by_token(load, question->token_hash.data);
    else if (!err && question->key.len == DEVICE_KEY_TEXT)
        err = load_by_key(load, question->key);
    else if (!err && question->folded.len)
        err = load_by_name(load, question->folded);
    return err;
}

enum err history_on_load_account(struct actor *actor, void *state, const struct msg *msg)
{
    struct history *h = state;
    INTERNAL(AccountLoaded) loaded = ROOST__INTERNAL__ACCOUNT_LOADED__INIT;
    struct load load = {.h = h, .loaded = &loaded};
    enum err err = load_account(&load, MSG_BODY(msg, INTERNAL(LoadAccount)));
    if (err && err != ERR_NO_SUCH_USER)
        history_log_failure(h, "load-account", err);
    loaded.code = err_code(err);
    actor_reply(actor, msg, MSG_ACCOUNT_LOADED, &loaded.base, NULL);
    arena_reset(&h->arena);
    return ERR_OK;
}

/* --- USERS, by name. */

struct walk {
    struct query *query;
    uint32_t seen;
};

/* True: the page is full, and there is one more. */
static bool is_over(struct walk *walk)
{
    if (walk->seen < walk->query->limit)
        return false;
    walk->query->page.fin.has_more = true;
    return true;
}

static enum err take_listed(void *context, const struct account_row *row)
{
    struct walk *walk = context;
    struct history *h = walk->query->page.h;
    if (is_over(walk))
        return ERR_OK;
    Roost__V1__User *user = history_alloc(h, sizeof(*user));
    if (!user)
        return ERR_BUSY;
    roost__v1__user__init(user);
    user->role = (Roost__V1__Role)row->role;
    user->is_active = row->is_active;
    user->banned_until_ms = (uint64_t)row->banned_until_ms;
    user->created_ms = (uint64_t)row->created_ms;
    user->login_ms = (uint64_t)row->login_ms;
    user->is_online = presence_is_online(row->last_seen_ms, row->left_ms, history_now_ms(h),
                                         h->options.presence_timeout_ms);
    bool is_copied =
        copy_text(h, row->name, &user->name) && copy_text(h, row->ban_reason, &user->ban_reason);
    enum err err = is_copied ? page_add(&walk->query->page, PAGE_USERS, &user->base) : ERR_BUSY;
    if (err)
        return err;
    walk->query->page.fin.next_name = user->name;
    walk->seen++;
    return ERR_OK;
}

enum err query_users(struct query *query)
{
    struct walk walk = {.query = query};
    struct name_folded name = {.size = 0};
    const Roost__V1__Query *asked = query->query;
    ProtobufCBinaryData given = asked->peer.len ? asked->peer : asked->after_name;
    enum err err = query->is_admin ? ERR_OK : ERR_NOT_ALLOWED;
    if (!err && given.len)
        err = name_fold(given.data, given.len, &name);
    if (err)
        return err;
    if (asked->peer.len)
        return account_find(query->page.h->store, name.text, take_listed, &walk);
    return account_list(query->page.h->store, name.text, query->limit + 1, take_listed, &walk);
}

/* --- SESSIONS: tokens, oldest first. */

static enum err take_token(void *context, const struct token_row *row)
{
    struct walk *walk = context;
    struct history *h = walk->query->page.h;
    if (row->expires_ms <= history_now_ms(h) || is_over(walk))
        return ERR_OK;
    Roost__V1__Session *session = history_alloc(h, sizeof(*session));
    if (!session)
        return ERR_BUSY;
    roost__v1__session__init(session);
    session->id = (uint64_t)row->id;
    session->created_ms = (uint64_t)row->created_ms;
    session->used_ms = (uint64_t)row->used_ms;
    session->expires_ms = (uint64_t)row->expires_ms;
    ProtobufCBinaryData name = history_peer_name(h, row->peer_id);
    bool is_copied = history_copy(h, name.data, name.len, &session->peer) &&
                     copy_text(h, row->kind, &session->kind) &&
                     copy_text(h, row->label, &session->label) &&
                     copy_text(h, row->address, &session->address);
    enum err err =
        is_copied ? page_add(&walk->query->page, PAGE_SESSIONS, &session->base) : ERR_BUSY;
    if (err)
        return err;
    walk->query->page.fin.next_seq = (uint64_t)row->id;
    walk->seen++;
    return ERR_OK;
}

enum err query_sessions(struct query *query)
{
    struct walk walk = {.query = query};
    const Roost__V1__Query *asked = query->query;
    int64_t peer_id = query->peer_id;
    enum err err = ERR_OK;
    if (asked->peer.len)
        err = history_find_peer(query->page.h, asked->peer, &peer_id);
    if (!query->is_admin && (err || peer_id != query->peer_id || !query->is_verified))
        return ERR_NOT_ALLOWED;
    if (err)
        return err;
    return token_list(query->page.h->store, peer_id, (int64_t)asked->after_seq, query->limit + 1,
                      take_token, &walk);
}

/* --- AUDIT, oldest first. */

static enum err take_audit(void *context, const struct audit_row *row)
{
    struct walk *walk = context;
    struct history *h = walk->query->page.h;
    if (is_over(walk))
        return ERR_OK;
    Roost__V1__AuditEntry *entry = history_alloc(h, sizeof(*entry));
    if (!entry)
        return ERR_BUSY;
    roost__v1__audit_entry__init(entry);
    entry->id = (uint64_t)row->id;
    entry->at_ms = (uint64_t)row->at_ms;
    bool is_copied =
        copy_text(h, row->actor, &entry->actor) && copy_text(h, row->action, &entry->action) &&
        copy_text(h, row->target, &entry->target) && copy_text(h, row->detail, &entry->detail) &&
        history_copy(h, row->hash, row->hash ? AUDIT_HASH_BYTES : 0, &entry->hash);
    enum err err = is_copied ? page_add(&walk->query->page, PAGE_AUDIT, &entry->base) : ERR_BUSY;
    if (err)
        return err;
    walk->query->page.fin.next_seq = (uint64_t)row->id;
    walk->seen++;
    return ERR_OK;
}

enum err query_audit(struct query *query)
{
    struct walk walk = {.query = query};
    if (!query->is_admin)
        return ERR_NOT_ALLOWED;
    return audit_list(query->page.h->store, (int64_t)query->query->after_seq, query->limit + 1,
                      take_audit, &walk);
}
