/* SPDX-License-Identifier: MPL-2.0
 *
 * Queries about peers: PEERS, PEER_STATS, PRESENCE_EVENTS.
 */
#include <string.h>

#include "history_state.h"
#include "peer_label.h"
#include "peer_quality.h"
#include "presence.h"
#include "store/address.h"
#include "store/peers.h"

/* --- PEERS */

struct peer_walk {
    struct query *query;
    Roost__V1__Peer *peer; /* in the making */
    bool online_only;
    uint32_t seen;
};

static bool copy_text(struct history *h, const char *text, ProtobufCBinaryData *ret)
{
    return history_copy(h, text, strlen(text), ret);
}

static enum err take_address(void *context, const char *address, const char *source,
                             int64_t last_seen_ms)
{
    struct peer_walk *walk = context;
    struct history *h = walk->query->page.h;
    Roost__V1__Peer *peer = walk->peer;
    if (peer->n_addresses == WIRE_ADDRESSES_MAX)
        return ERR_OK;
    if (!peer->addresses)
        peer->addresses = history_alloc(h, WIRE_ADDRESSES_MAX * sizeof(*peer->addresses));
    Roost__V1__Address *out = peer->addresses ? history_alloc(h, sizeof(*out)) : NULL;
    if (!out)
        return ERR_BUSY;
    roost__v1__address__init(out);
    out->last_seen_ms = (uint64_t)last_seen_ms;
    peer->addresses[peer->n_addresses++] = out;
    bool is_copied = copy_text(h, address, &out->address) && copy_text(h, source, &out->source);
    return is_copied ? ERR_OK : ERR_BUSY;
}

static bool copy_names(struct history *h, const struct peer_row *row, Roost__V1__Peer *peer)
{
    return copy_text(h, row->name, &peer->name) &&
           copy_text(h, row->display_name, &peer->display_name) &&
           copy_text(h, row->kind, &peer->kind) && copy_text(h, row->nickname, &peer->nickname) &&
           copy_text(h, row->host_name, &peer->host_name) &&
           copy_text(h, row->group_name, &peer->group) &&
           copy_text(h, row->version_token, &peer->version_token) &&
           copy_text(h, row->charset, &peer->charset) &&
           copy_text(h, row->fingerprint, &peer->fingerprint) &&
           copy_text(h, row->avatar, &peer->avatar) &&
           copy_text(h, row->group_list, &peer->groups) && copy_text(h, row->source, &peer->source);
}

static void fill_measured(const struct peer_row *row, int64_t now_ms, Roost__V1__Peer *peer)
{
    struct peer_quality quality = {
        .transfers_ok = row->transfers_ok,
        .transfers_failed = row->transfers_failed,
        .latency_total_ms = row->latency_total_ms,
        .latency_count = row->latency_count,
        .observed_ms = row->observed_ms,
        .online_since_ms = row->online_since_ms,
        .online_ms = row->online_ms,
    };
    double reliability = peer_quality_of_imported(&quality, row->reliability, now_ms);
    peer->transfers_ok = row->transfers_ok;
    peer->transfers_failed = row->transfers_failed;
    peer->transfer_bytes = row->transfer_bytes;
    peer->latency_ms = peer_quality_latency_ms(&quality);
    peer->reliability_ppm = (uint32_t)(reliability * 1e6 + 0.5);
}

/* Its newest address that is one. */
static bool copy_label(struct history *h, const struct peer_row *row, Roost__V1__Peer *peer)
{
    char ip[ADDRESS_IP_BYTES] = "", text[WIRE_NAME_BYTES_MAX + 1];
    for (size_t i = 0; i < peer->n_addresses && !ip[0]; i++) {
        ProtobufCBinaryData address = peer->addresses[i]->address;
        if (address.len >= sizeof(text))
            continue;
        if (address.len)
            memcpy(text, address.data, address.len);
        text[address.len] = '\0';
        (void)address_ip(text, ip);
    }
    struct peer_names names = {
        .name = row->name,
        .nickname = row->nickname,
        .display_name = row->display_name,
        .host_name = row->host_name,
        .fingerprint = row->fingerprint,
        .ip = ip,
    };
    struct peer_label label = peer_label(&names);
    return history_copy(h, label.text, label.size, &peer->label);
}

static enum err add_peer(struct peer_walk *walk, const struct peer_row *row, bool is_online)
{
    struct history *h = walk->query->page.h;
    Roost__V1__Peer *peer = history_alloc(h, sizeof(*peer));
    if (!peer)
        return ERR_BUSY;
    roost__v1__peer__init(peer);
    peer->is_online = is_online;
    peer->is_verified = row->is_verified;
    peer->first_seen_ms = (uint64_t)row->first_seen_ms;
    peer->last_seen_ms = (uint64_t)row->last_seen_ms;
    peer->left_ms = (uint64_t)row->left_ms;
    peer->connections = row->connections;
    peer->port = row->port;
    peer->capabilities = row->capabilities;
    peer->is_relay = row->is_relay;
    peer->is_bootstrap = row->is_bootstrap;
    fill_measured(row, history_now_ms(h), peer);
    if (!copy_names(h, row, peer))
        return ERR_BUSY;
    walk->peer = peer;
    enum err err = peer_addresses(h->store, row->id, take_address, walk);
    if (!err && !copy_label(h, row, peer))
        err = ERR_BUSY;
    if (!err)
        err = page_add(&walk->query->page, PAGE_PEERS, &peer->base);
    if (!err)
        walk->query->page.fin.next_name = peer->name;
    return err;
}

static enum err take_peer(void *context, const struct peer_row *row)
{
    struct peer_walk *walk = context;
    const struct history *h = walk->query->page.h;
    bool is_online = presence_is_online(row->last_seen_ms, row->left_ms, history_now_ms(h),
                                        h->options.presence_timeout_ms);
    if (walk->seen == walk->query->limit) {
        walk->query->page.fin.has_more = true;
        return ERR_OK;
    }
    if (walk->online_only && !is_online)
        return ERR_OK;
    enum err err = add_peer(walk, row, is_online);
    walk->seen += !err;
    return err;
}

static enum err list_by_name(struct query *query, int64_t since_ms, struct peer_walk *walk)
{
    struct name_folded after = {.size = 0};
    ProtobufCBinaryData name = query->query->after_name;
    enum err err = name.len ? name_fold(name.data, name.len, &after) : ERR_OK;
    if (err)
        return err;
    return peer_list(query->page.h->store, after.text, since_ms, query->limit + 1, take_peer, walk);
}

static enum err list_by_ip(struct query *query, int64_t since_ms, struct peer_walk *walk)
{
    char text[WIRE_NAME_BYTES_MAX + 1] = "", ip[ADDRESS_IP_BYTES];
    ProtobufCBinaryData address = query->query->address; /* wire_check: it fits, without NUL */
    struct peer_window window = {.limit = query->limit + 1, .offset = query->query->offset};
    memcpy(text, address.data, address.len);
    if (!address_plain_ip(text, ip)) {
        query->page.fin.text = (char *)(uintptr_t) "query.address: not an IP address"; /* read */
        return ERR_BAD_FIELD;
    }
    return peer_list_by_ip(query->page.h->store, ip, since_ms, window, take_peer, walk);
}

enum err query_peers(struct query *query)
{
    struct history *h = query->page.h;
    const Roost__V1__Query *asked = query->query;
    struct peer_walk walk = {.query = query, .online_only = asked->online_only};
    if (asked->peer.len) {
        int64_t id = 0;
        enum err err = history_find_peer(h, asked->peer, &id);
        return err ? err : peer_read(h->store, id, take_peer, &walk);
    }
    int64_t since_ms = 0;
    if (asked->online_only)
        since_ms = presence_online_since(history_now_ms(h), h->options.presence_timeout_ms);
    return asked->address.len ? list_by_ip(query, since_ms, &walk)
                              : list_by_name(query, since_ms, &walk);
}

/* --- PEER_STATS */

enum err query_peer_stats(struct query *query)
{
    struct history *h = query->page.h;
    struct peer_counts counts;
    int64_t since_ms = presence_online_since(history_now_ms(h), h->options.presence_timeout_ms);
    enum err err = peer_count(h->store, since_ms, &counts);
    if (err)
        return err;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"total", counts.total},
        {"online", counts.online},
        {"offline", counts.total - counts.online},
        {"verified", counts.verified},
        {"unverified", counts.total - counts.verified},
        {"lan", counts.lan},
    };
    for (size_t i = 0; !err && i < sizeof(rows) / sizeof(rows[0]); i++)
        err = query_add_counter(query, rows[i].name, "peers", "history", rows[i].value);
    return err;
}

/* --- PRESENCE_EVENTS, newest first. */

struct event_walk {
    struct query *query;
    uint32_t seen;
};

static enum err take_event(void *context, const struct presence_row *row)
{
    struct event_walk *walk = context;
    struct query *query = walk->query;
    struct history *h = query->page.h;
    if (walk->seen == query->limit) {
        query->page.fin.has_more = true;
        return ERR_OK;
    }
    Roost__V1__PresenceEvent *event = history_alloc(h, sizeof(*event));
    if (!event)
        return ERR_BUSY;
    roost__v1__presence_event__init(event);
    event->is_online = row->is_online;
    event->is_verified = row->is_verified;
    event->time_ms = (uint64_t)row->at_ms;
    event->event_id = (uint64_t)row->id;
    bool is_copied = copy_text(h, row->peer_name, &event->peer) &&
                     copy_text(h, row->reason, &event->reason) &&
                     copy_text(h, row->display_name, &event->display_name);
    enum err err = is_copied ? page_add(&query->page, PAGE_EVENTS, &event->base) : ERR_BUSY;
    if (err)
        return err;
    walk->seen++;
    query->page.fin.next_seq = (uint64_t)row->id;
    return ERR_OK;
}

enum err query_presence(struct query *query)
{
    struct history *h = query->page.h;
    struct event_walk walk = {.query = query};
    int64_t peer_id = 0;
    enum err err = ERR_OK;
    if (query->query->peer.len)
        err = history_find_peer(h, query->query->peer, &peer_id);
    if (err)
        return err;
    return presence_list(h->store, peer_id, (int64_t)query->query->before_seq, query->limit + 1,
                         take_event, &walk);
}
