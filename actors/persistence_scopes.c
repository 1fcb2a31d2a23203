/* SPDX-License-Identifier: MPL-2.0
 *
 * Names to scopes: a cache in front of the store, and creation on first use.
 *
 * The cache is keyed by the text as senders write it ("peer:Ana", "peer:ana"), so that a hit needs
 * no folding; several spellings are several entries. It holds only what exists, and is emptied as
 * a whole when it is full, after a rollback and when a peer was removed.
 *
 * A mailbox or a queue that is created because somebody wrote to it gets its consumer "main", which
 * begins just below its first message: what is written before anybody reads is not lost, and nobody
 * ever has to look for it among the messages that are older than the scope.
 */
#include <stdlib.h>
#include <string.h>

#include "persistence_state.h"
#include "rt/check.h"
#include "store/conversation.h"
#include "store/lan.h"
#include "store/peers.h"

enum err persistence_scopes_init(struct persistence *p)
{
    hash_init(&p->scope_places, PERSISTENCE_SCOPES_MAX);
    p->scopes = calloc(PERSISTENCE_SCOPES_MAX, sizeof(*p->scopes));
    return p->scopes ? ERR_OK : ERR_BUSY;
}

void persistence_scopes_forget(struct persistence *p)
{
    hash_clear(&p->scope_places);
    p->scope_count = 0;
}

static void remember(struct persistence *p, const uint8_t *text, size_t size,
                     const struct scope_ref *scope)
{
    if (scope->is_by_nick)
        return; /* somebody else may call himself so tomorrow */
    if (p->scope_count == PERSISTENCE_SCOPES_MAX)
        persistence_scopes_forget(p);
    if (hash_put(&p->scope_places, text, size, p->scope_count) == ERR_OK) {
        p->scopes[p->scope_count] = *scope;
        p->scopes[p->scope_count++].is_new = false;
    }
}

int64_t persistence_conversation(const struct scope_ref *scope, int64_t sender_id)
{
    return scope->kind == SCOPE_PEER ? conversation_of_peers(sender_id, scope->owner_id)
                                     : conversation_of_scope(scope->id);
}

/* --- A name in the forms the store wants. */

struct stored_name {
    char name[WIRE_NAME_BYTES_MAX + 1];
    struct name_folded folded;
};

static enum err set_name(struct stored_name *ret, enum scope_kind kind, const void *name,
                         size_t size)
{
    enum err err = scope_fold((enum scope_prefix)kind, name, size, &ret->folded);
    if (err)
        return err;
    CHECK(size <= WIRE_NAME_BYTES_MAX); /* scope_fold refuses longer ones */
    memcpy(ret->name, name, size);
    ret->name[size] = '\0';
    return ERR_OK;
}

static enum err find_scope(struct persistence *p, enum scope_kind kind,
                           const struct stored_name *name, struct scope_ref *ret)
{
    struct scope_row row;
    enum err err = scope_find(p->store, kind, name->folded.text, &row);
    if (!err)
        *ret = (struct scope_ref){.id = row.id, .owner_id = row.owner_id, .kind = kind};
    return err;
}

static enum err find_retention(struct persistence *p, struct scope_ref *room)
{
    struct member_standing standing;
    enum err err = member_standing(p->store, room->id, 0, &standing);
    if (!err)
        room->retention_ms = standing.retention_ms;
    return err;
}

/* --- Creation. */

static enum err create_main(struct persistence *p, const struct scope_ref *scope,
                            const struct stored_name *name, uint64_t floor_seq)
{
    int64_t id;
    enum err err =
        consumer_create(p->store, scope->id, PERSISTENCE_CONSUMER_MAIN, floor_seq, p->now_ms, &id);
    if (err)
        return err;
    INTERNAL(ConsumerRow) *row = batch_add_consumer(p->batch);
    row->consumer_id = id;
    row->scope_id = scope->id;
    row->scope_kind = scope->kind;
    row->scope_name = batch_bytes(p->batch, name->name, strlen(name->name));
    row->scope_owner_id = scope->owner_id;
    row->floor_seq = floor_seq;
    row->consumer =
        batch_bytes(p->batch, PERSISTENCE_CONSUMER_MAIN, strlen(PERSISTENCE_CONSUMER_MAIN));
    return ERR_OK;
}

static enum err create_scope(struct persistence *p, enum scope_kind kind, int64_t owner_id,
                             const struct stored_name *name, struct scope_ref *ret)
{
    struct scope_ref scope = {.owner_id = owner_id, .kind = kind, .is_new = true};
    enum err err =
        scope_create(p->store, kind, name->name, name->folded.text, owner_id, p->now_ms, &scope.id);
    if (!err)
        *ret = scope;
    return err;
}

static enum err copy_name(void *context, const struct peer_row *row)
{
    return set_name(context, SCOPE_PEER, row->name, strlen(row->name));
}

/* The peer behind a mailbox that does not exist yet; *name becomes the spelling it is stored in. */
static enum err find_owner(struct persistence *p, struct stored_name *name, bool may_create,
                           int64_t *ret_id)
{
    enum err err = peer_find(p->store, name->folded.text, ret_id);
    if (!err)
        return peer_read(p->store, *ret_id, copy_name, name);
    if (err != ERR_NO_SUCH_PEER || !may_create || name->name[0] == '$')
        return err;
    if (persistence_is_lan(name->folded.text)) /* it has a message now, so it stays */
        p->lan_count = PERSISTENCE_LAN_UNKNOWN;
    err = peer_create(p->store, name->name, name->folded.text, p->now_ms, ret_id);
    if (!err && *ret_id > CONVERSATION_PEER_ID_MAX)
        return ERR_TOO_MANY;
    return err;
}

static enum err make_scope(struct persistence *p, enum scope_kind kind, struct stored_name *name,
                           bool may_create, struct scope_ref *ret)
{
    int64_t owner_id = 0;
    enum err err = ERR_OK;
    if (kind == SCOPE_PEER)
        err = find_owner(p, name, may_create, &owner_id);
    else if (kind == SCOPE_ROOM || !may_create)
        err = ERR_NO_SUCH_SCOPE;
    return err ? err : create_scope(p, kind, owner_id, name, ret);
}

/* Nobody has this name, but one peer of the local network calls itself so: *name becomes its name. */
static enum err find_by_nick(struct persistence *p, struct stored_name *name, struct scope_ref *ret)
{
    int64_t id;
    enum err err = peer_find(p->store, name->folded.text, &id);
    if (err != ERR_NO_SUCH_PEER)
        return err ? err : ERR_NO_SUCH_SCOPE; /* a name is worth more than a nick */
    err = lan_find_nick(p->store, name->name, &id);
    if (err)
        return err == ERR_NO_SUCH_PEER ? ERR_NO_SUCH_SCOPE : err;
    err = peer_read(p->store, id, copy_name, name);
    if (err)
        return err;
    err = find_scope(p, SCOPE_PEER, name, ret);
    ret->is_by_nick = true;
    return err;
}

/* --- The ways to ask. */

static enum err resolve(struct persistence *p, const uint8_t *text, size_t size, bool may_create,
                        struct scope_ref *ret)
{
    struct scope_name parsed;
    struct stored_name name;
    *ret = (struct scope_ref){.id = 0};
    enum err err = scope_parse(text, size, &parsed, NULL);
    if (!err)
        err = set_name(&name, (enum scope_kind)parsed.prefix, parsed.name, parsed.name_size);
    if (err)
        return ERR_BAD_SCOPE;
    enum scope_kind kind = (enum scope_kind)parsed.prefix; /* the same numbers by design */
    err = find_scope(p, kind, &name, ret);
    if (!err && kind == SCOPE_ROOM)
        err = find_retention(p, ret);
    if (err == ERR_NO_SUCH_SCOPE && kind == SCOPE_PEER)
        err = find_by_nick(p, &name, ret);
    bool is_by_nick = kind == SCOPE_PEER && ret->is_by_nick;
    if (err != ERR_NO_SUCH_SCOPE)
        return err;
    err = make_scope(p, kind, &name, may_create, ret);
    ret->is_by_nick = is_by_nick;
    if (!err && (kind == SCOPE_PEER || kind == SCOPE_QUEUE))
        err = create_main(p, ret, &name, p->last_seq);
    return err;
}

_Static_assert((int)PREFIX_PEER == (int)SCOPE_PEER && (int)PREFIX_ROOM == (int)SCOPE_ROOM &&
                   (int)PREFIX_QUEUE == (int)SCOPE_QUEUE && (int)PREFIX_TOPIC == (int)SCOPE_TOPIC,
               "proto/name.h and store/consumers.h number the kinds of scopes alike");

enum err persistence_scope(struct persistence *p, const uint8_t *text, size_t size,
                           struct scope_ref *ret)
{
    uint64_t place;
    if (hash_get(&p->scope_places, text, size, &place)) {
        *ret = p->scopes[place];
        return ERR_OK;
    }
    enum err err = resolve(p, text, size, p->options.is_autocreate, ret);
    if (!err)
        remember(p, text, size, ret);
    return err;
}

/* What is not there yet is made when the sender may: looked at only then. */
enum err persistence_scope_for(struct persistence *p, const uint8_t *text, size_t size,
                               int64_t peer_id, struct scope_ref *ret)
{
    uint64_t place;
    if (hash_get(&p->scope_places, text, size, &place)) {
        *ret = p->scopes[place];
        return ERR_OK;
    }
    bool is_free = !persistence_acl_counts(p);
    enum err err = resolve(p, text, size, is_free && p->options.is_autocreate, ret);
    bool is_missing = err == ERR_NO_SUCH_SCOPE || err == ERR_NO_SUCH_PEER;
    if (!is_free && is_missing && persistence_acl_may_create(p, peer_id, text, size))
        err = resolve(p, text, size, true, ret);
    if (!err)
        remember(p, text, size, ret);
    return err;
}

enum err persistence_scope_create(struct persistence *p, const uint8_t *text, size_t size,
                                  struct scope_ref *ret)
{
    return resolve(p, text, size, true, ret);
}

enum err persistence_scope_named(struct persistence *p, enum scope_kind kind,
                                 ProtobufCBinaryData name, bool may_create, struct scope_ref *ret)
{
    struct stored_name stored;
    enum err err = set_name(&stored, kind, name.data, name.len);
    if (!err)
        err = find_scope(p, kind, &stored, ret);
    return err == ERR_NO_SUCH_SCOPE ? make_scope(p, kind, &stored, may_create, ret) : err;
}

enum err persistence_mailbox(struct persistence *p, int64_t peer_id, struct scope_ref *ret)
{
    struct stored_name name;
    enum err err = peer_read(p->store, peer_id, copy_name, &name);
    if (err)
        return err;
    char text[WIRE_SCOPE_BYTES_MAX + 1];
    size_t size = scope_format(PREFIX_PEER, name.name, strlen(name.name), text);
    return persistence_scope(p, (const uint8_t *)text, size, ret);
}

enum err persistence_mailbox_main(struct persistence *p, int64_t peer_id)
{
    struct scope_ref scope;
    struct stored_name name;
    struct consumer_row row;
    uint64_t floor_seq = 0;
    enum err err = persistence_mailbox(p, peer_id, &scope);
    if (!err)
        err = consumer_find(p->store, scope.id, PERSISTENCE_CONSUMER_MAIN, &row);
    if (err != ERR_NO_SUCH_CONSUMER)
        return err;
    err = peer_read(p->store, peer_id, copy_name, &name);
    if (!err) /* it may hold messages already */
        err = scope_below_first(p->store, scope.kind, scope.id, &floor_seq);
    return err ? err : create_main(p, &scope, &name, floor_seq);
}
