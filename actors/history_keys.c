/* SPDX-License-Identifier: MPL-2.0
 *
 * LOAD_KEYS for the keyring, and the query KEYS. Codes that enrol keys are shown to nobody.
 */
#include <string.h>

#include "history_state.h"
#include "store/device_keys.h"

#define KEYS_PER_PAGE 5000

/* --- LOAD_KEYS: those that are good. */

struct load {
    struct history *h;
    INTERNAL(KeysLoaded) * loaded;
    uint32_t seen;
};

static enum err take_good(void *context, const struct device_key_row *row)
{
    struct load *load = context;
    INTERNAL(KeysLoaded) *loaded = load->loaded;
    load->seen++;
    if (row->revoked_ms == 0) {
        if (!history_copy(load->h, row->key, strlen(row->key), &loaded->keys[loaded->n_keys]))
            return ERR_BUSY;
        loaded->n_keys++;
    }
    loaded->last_id = row->id;
    return ERR_OK;
}

static enum err load_page(struct load *load, const INTERNAL(LoadKeys) * question)
{
    uint32_t limit = question->limit < KEYS_PER_PAGE ? question->limit : KEYS_PER_PAGE;
    INTERNAL(KeysLoaded) *loaded = load->loaded;
    loaded->keys = history_alloc(load->h, KEYS_PER_PAGE * sizeof(*loaded->keys));
    if (!loaded->keys)
        return ERR_BUSY;
    enum err err = device_key_list(load->h->store, 0, question->after_id, limit, take_good, load);
    if (!err)
        err = key_code_last(load->h->store, &loaded->codes_until_ms);
    loaded->is_end = !err && load->seen < limit;
    return err;
}

enum err history_on_load_keys(struct actor *actor, void *state, const struct msg *msg)
{
    struct history *h = state;
    INTERNAL(KeysLoaded) loaded = ROOST__INTERNAL__KEYS_LOADED__INIT;
    struct load load = {.h = h, .loaded = &loaded};
    enum err err = load_page(&load, MSG_BODY(msg, INTERNAL(LoadKeys)));
    if (err)
        history_log_failure(h, "load-keys", err);
    loaded.code = err_code(err);
    actor_reply(actor, msg, MSG_KEYS_LOADED, &loaded.base, NULL);
    arena_reset(&h->arena);
    return ERR_OK;
}

/* --- KEYS, oldest first. */

struct walk {
    struct query *query;
    uint32_t seen;
};

static enum err take_key(void *context, const struct device_key_row *row)
{
    struct walk *walk = context;
    struct history *h = walk->query->page.h;
    if (walk->seen == walk->query->limit) { /* the page is full, and there is one more */
        walk->query->page.fin.has_more = true;
        return ERR_OK;
    }
    Roost__V1__DeviceKey *key = history_alloc(h, sizeof(*key));
    if (!key)
        return ERR_BUSY;
    roost__v1__device_key__init(key);
    key->id = (uint64_t)row->id;
    key->created_ms = (uint64_t)row->created_ms;
    key->used_ms = (uint64_t)row->used_ms;
    key->revoked_ms = (uint64_t)row->revoked_ms;
    ProtobufCBinaryData name = history_peer_name(h, row->peer_id);
    bool is_copied = history_copy(h, name.data, name.len, &key->peer) &&
                     history_copy(h, row->key, strlen(row->key), &key->key) &&
                     history_copy(h, row->label, strlen(row->label), &key->label);
    enum err err = is_copied ? page_add(&walk->query->page, PAGE_KEYS, &key->base) : ERR_BUSY;
    if (err)
        return err;
    walk->query->page.fin.next_seq = key->id;
    walk->seen++;
    return ERR_OK;
}

/* An administrator who names nobody sees all of them. */
enum err query_keys(struct query *query)
{
    struct walk walk = {.query = query};
    const Roost__V1__Query *asked = query->query;
    int64_t peer_id = query->is_admin ? 0 : query->peer_id;
    enum err err = ERR_OK;
    if (asked->peer.len)
        err = history_find_peer(query->page.h, asked->peer, &peer_id);
    if (!query->is_admin && (err || peer_id != query->peer_id || !query->is_verified))
        return ERR_NOT_ALLOWED;
    if (err)
        return err;
    return device_key_list(query->page.h->store, peer_id, (int64_t)asked->after_seq,
                           query->limit + 1, take_key, &walk);
}
