/* SPDX-License-Identifier: MPL-2.0
 *
 * Room for peers of the local network, who prove nothing and can be made up by the million: so many
 * rows and not one more. For a new one the ones not heard of for longest are forgotten, but never
 * an account, nor whoever has a nickname, messages or a room.
 *
 *     room left?  --no-->  forget up to EVICT_BATCH  --none can go-->  TOO_MANY, for a second
 */
#include <string.h>

#include "persistence_state.h"
#include "rt/log.h"
#include "store/peers.h"

#define EVICT_BATCH   64
#define CONSUMERS_MAX 64
#define REFUSE_MS     1000

static const char lan_prefix[] = "lan:";

bool persistence_is_lan(const char *folded)
{
    return strncmp(folded, lan_prefix, sizeof(lan_prefix) - 1) == 0;
}

/* --- One peer is forgotten. */

struct consumer_ids {
    int64_t ids[CONSUMERS_MAX];
    size_t count;
};

static enum err take_consumer(void *context, int64_t consumer_id)
{
    struct consumer_ids *list = context;
    list->ids[list->count++] = consumer_id;
    return ERR_OK;
}

/* Rows are collected first: what is walked must not change. */
static enum err forget_mailbox(struct persistence *p, int64_t scope_id)
{
    struct consumer_ids list = {.count = CONSUMERS_MAX};
    enum err err = ERR_OK;
    while (!err && list.count == CONSUMERS_MAX) {
        list.count = 0;
        err = scope_consumers(p->store, scope_id, CONSUMERS_MAX, take_consumer, &list);
        for (size_t i = 0; !err && i < list.count; i++) {
            err = consumer_remove(p->store, list.ids[i]);
            if (!err)
                batch_add_removed(p->batch, list.ids[i], ERR_NO_SUCH_PEER);
        }
    }
    return err ? err : scope_remove(p->store, scope_id);
}

enum err persistence_peer_forget(struct persistence *p, int64_t peer_id, const char *folded)
{
    struct scope_row mailbox;
    enum err err = scope_find(p->store, SCOPE_PEER, folded, &mailbox);
    if (!err)
        err = forget_mailbox(p, mailbox.id);
    else if (err == ERR_NO_SUCH_SCOPE)
        err = ERR_OK;
    if (!err)
        err = peer_remove(p->store, peer_id);
    persistence_scopes_forget(p);
    p->lan_count = PERSISTENCE_LAN_UNKNOWN;
    return err;
}

/* --- Those who have to go. */

struct evicted {
    struct persistence *p;
    struct {
        int64_t id;
        char folded[NAME_FOLDED_BYTES_MAX + 1];
    } peers[EVICT_BATCH];
    size_t count;
};

static enum err take_stale(void *context, const struct peer_row *row)
{
    struct evicted *evicted = context;
    size_t size = strlen(row->folded);
    if (size > NAME_FOLDED_BYTES_MAX)
        return ERR_OK; /* a damaged row: stays */
    evicted->peers[evicted->count].id = row->id;
    memcpy(evicted->peers[evicted->count].folded, row->folded, size + 1);
    evicted->count++;
    return ERR_OK;
}

/* Whatever a gateway that has not heard of it yet stores for this peer is refused. */
static void remember_evicted(struct persistence *p, int64_t peer_id)
{
    if (u64map_count(&p->evicted) == PERSISTENCE_EVICTED_MAX)
        u64map_clear(&p->evicted);
    if (u64map_put(&p->evicted, (uint64_t)peer_id, 1))
        log_warn("evicted-not-noted", LOG_I64("peer", peer_id));
}

bool persistence_was_evicted(const struct persistence *p, int64_t peer_id)
{
    return u64map_count(&p->evicted) > 0 && u64map_get(&p->evicted, (uint64_t)peer_id, NULL);
}

/* A sixteenth of all at once, so that looking for them is paid seldom. */
static uint32_t batch_size(const struct persistence *p)
{
    uint32_t part = (uint32_t)p->options.lan_max / 16 + 1;
    return part < EVICT_BATCH ? part : EVICT_BATCH;
}

static enum err evict(struct persistence *p, uint32_t *ret_count)
{
    struct evicted *evicted = batch_alloc(p->batch, sizeof(*evicted));
    enum err err = persistence_index_all(p); /* who has messages stands in the index */
    if (!err)
        err = peer_list_stale(p->store, batch_size(p), take_stale, evicted);
    for (size_t i = 0; !err && i < evicted->count; i++) {
        err = persistence_peer_forget(p, evicted->peers[i].id, evicted->peers[i].folded);
        remember_evicted(p, evicted->peers[i].id);
    }
    *ret_count = (uint32_t)evicted->count;
    return err;
}

static enum err count_lan(struct persistence *p)
{
    uint64_t count = 0;
    if (p->lan_count != PERSISTENCE_LAN_UNKNOWN)
        return ERR_OK;
    enum err err = peer_count_lan(p->store, &count);
    if (!err)
        p->lan_count = (int64_t)count;
    return err;
}

enum err persistence_make_lan_room(struct persistence *p)
{
    uint32_t count = 0;
    enum err err = count_lan(p);
    if (err || p->lan_count < p->options.lan_max)
        return err;
    if (mono_elapsed_ms(actor_mono(p->actor), p->lan_full_until) > 0)
        return ERR_TOO_MANY;
    do { /* more than once after an import of many, or when the limit was lowered */
        err = evict(p, &count);
        if (!err)
            err = count_lan(p);
    } while (!err && count > 0 && p->lan_count >= p->options.lan_max);
    if (err || p->lan_count < p->options.lan_max)
        return err;
    p->lan_full_until = mono_add_ms(actor_mono(p->actor), REFUSE_MS);
    log_warn("peers-full", LOG_I64("peers", p->lan_count), LOG_I64("max", p->options.lan_max));
    return ERR_TOO_MANY;
}
