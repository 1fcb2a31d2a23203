/* SPDX-License-Identifier: MPL-2.0
 *
 * See writer.h: peers, accounts, the audit log.
 */
#include <string.h>

#include "clients/import/writer_state.h"
#include "rt/check.h"
#include "store/peers.h"

#define KIND_OF_PEERS "import"

/* ---------------------------------------------------------------- names */

enum err writer_name(struct text name, struct stored_name *ret)
{
    enum err err = name_check(name.data, name.size, NULL);
    if (!err)
        err = name_fold(name.data, name.size, &ret->folded);
    if (!err)
        text_dup(name, ret->name, sizeof(ret->name));
    return err;
}

static size_t dry_key(enum scope_kind kind, const struct stored_name *name, char *ret)
{
    ret[0] = (char)kind;
    memcpy(ret + 1, name->folded.text, name->folded.size);
    return name->folded.size + 1;
}

int64_t writer_dry_find(struct writer *writer, enum scope_kind kind, const struct stored_name *name)
{
    char key[NAME_FOLDED_BYTES_MAX + 1];
    uint64_t id = 0;
    size_t size = dry_key(kind, name, key);
    return hash_get(&writer->dry_names, key, size, &id) ? (int64_t)id : 0;
}

enum err writer_dry_make(struct writer *writer, enum scope_kind kind,
                         const struct stored_name *name, int64_t *ret_id)
{
    char key[NAME_FOLDED_BYTES_MAX + 1];
    size_t size = dry_key(kind, name, key);
    *ret_id = ++writer->dry_id;
    return hash_put(&writer->dry_names, key, size, (uint64_t)*ret_id);
}

bool writer_is_dry_id(int64_t id)
{
    return id >= (int64_t)1 << 30;
}

/* ---------------------------------------------------------------- peers */

enum err writer_peer(struct writer *writer, struct text name, int64_t created_ms, int64_t *ret_id,
                     bool *ret_is_new)
{
    struct stored_name stored;
    *ret_is_new = false;
    enum err err = writer_name(name, &stored);
    if (err)
        return err;
    err = writer->store ? peer_find(writer->store, stored.folded.text, ret_id) : ERR_NO_SUCH_PEER;
    if (err != ERR_NO_SUCH_PEER)
        return err;
    if (writer->is_dry && (*ret_id = writer_dry_find(writer, SCOPE_PEER, &stored)) != 0)
        return ERR_OK;
    if (stored.name[0] == '$')
        return ERR_RESERVED_NAME; /* the broker's own */
    *ret_is_new = true;
    if (writer->is_dry)
        return writer_dry_make(writer, SCOPE_PEER, &stored, ret_id);
    return peer_create(writer->store, stored.name, stored.folded.text,
                       created_ms ? created_ms : writer->now_ms, ret_id);
}

static enum err copy_name(void *context, const struct peer_row *row)
{
    char *name = context;
    size_t size = strlen(row->name);
    CHECK(size <= WIRE_NAME_BYTES_MAX);
    memcpy(name, row->name, size + 1);
    return ERR_OK;
}

enum err writer_peer_name(struct writer *writer, int64_t peer_id, char ret[WIRE_NAME_BYTES_MAX + 1])
{
    ret[0] = '\0';
    if (writer_is_dry_id(peer_id))
        return ERR_OK;
    return peer_read(writer->store, peer_id, copy_name, ret);
}

/* ---------------------------------------------------------------- accounts */

struct comparison {
    const struct writer_account *wanted;
    bool differs;
    int64_t banned_until_ms;
};

static enum err compare(void *context, const struct account_row *row)
{
    struct comparison *comparison = context;
    const struct writer_account *wanted = comparison->wanted;
    comparison->banned_until_ms = row->banned_until_ms;
    if (wanted)
        comparison->differs = row->role != wanted->role || row->is_active != wanted->is_active ||
                              strcmp(row->password_hash, wanted->password_hash) != 0;
    return ERR_OK;
}

static int64_t not_after(int64_t time_ms, int64_t now_ms)
{
    return time_ms < now_ms ? time_ms : now_ms;
}

/* Seen then and gone: it is not online for having been imported. Times only move forward here, so
 * one that is still to come would stand for ever. */
static enum err put_times(struct writer *writer, const struct writer_account *account)
{
    int64_t created_ms = not_after(account->created_ms, writer->now_ms);
    int64_t last_seen_ms = not_after(account->last_seen_ms, writer->now_ms);
    struct peer_seen seen = {
        .id = account->peer_id,
        .seen_ms = created_ms,
        .left_ms = created_ms,
        .display_name = account->display_name,
        .kind = KIND_OF_PEERS,
    };
    enum err err = created_ms ? peer_update_seen(writer->store, &seen) : ERR_OK;
    seen.seen_ms = seen.left_ms = last_seen_ms;
    if (!err && last_seen_ms)
        err = peer_update_seen(writer->store, &seen);
    if (!err && last_seen_ms)
        err = account_set_login(writer->store, account->peer_id, last_seen_ms);
    return err;
}

static enum err create_account(struct writer *writer, const struct writer_account *account)
{
    struct account_new row = {
        .peer_id = account->peer_id,
        .role = account->role,
        .created_ms = account->created_ms ? account->created_ms : writer->now_ms,
        .password_hash = account->password_hash,
        .email = account->email,
        .profile = account->profile,
    };
    enum err err = account_create(writer->store, &row);
    if (!err)
        err = peer_set_verified(writer->store, account->peer_id, true);
    if (!err && !account->is_active)
        err = account_set_active(writer->store, account->peer_id, false);
    return err ? err : put_times(writer, account);
}

enum err writer_account(struct writer *writer, const struct writer_account *account,
                        enum outcome *ret_outcome, bool *ret_differs)
{
    struct comparison comparison = {.wanted = account};
    *ret_differs = false;
    *ret_outcome = ROW_ADDED;
    if (writer_is_dry_id(account->peer_id))
        return ERR_OK;
    enum err err = account_read(writer->store, account->peer_id, compare, &comparison);
    if (err == ERR_NO_SUCH_USER)
        return writer->is_dry ? ERR_OK : create_account(writer, account);
    *ret_outcome = ROW_PRESENT;
    *ret_differs = comparison.differs;
    return err;
}

enum err writer_ban(struct writer *writer, int64_t peer_id, int64_t until_ms, const char *reason,
                    enum outcome *ret_outcome)
{
    struct comparison comparison = {.wanted = NULL};
    *ret_outcome = ROW_ADDED;
    if (writer_is_dry_id(peer_id))
        return ERR_OK;
    enum err err = account_read(writer->store, peer_id, compare, &comparison);
    if (!err && comparison.banned_until_ms >= until_ms)
        *ret_outcome = ROW_PRESENT;
    if (err || *ret_outcome == ROW_PRESENT || writer->is_dry)
        return err == ERR_NO_SUCH_USER && writer->is_dry ? ERR_OK : err;
    return account_set_ban(writer->store, peer_id, until_ms, reason);
}

enum err writer_audit(struct writer *writer, const struct audit_row *row)
{
    return writer->is_dry ? ERR_OK : audit_append(writer->store, row);
}
