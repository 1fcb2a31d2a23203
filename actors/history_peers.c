/* SPDX-License-Identifier: MPL-2.0
 *
 * Queries about peers and counts: UNREAD, PEERS, PRESENCE_EVENTS, STATS.
 */
#include <string.h>

#include "history_state.h"
#include "peer_label.h"
#include "peer_quality.h"
#include "presence.h"
#include "rt/metrics.h"
#include "store/address.h"
#include "store/conversation.h"
#include "store/peers.h"

/* --- UNREAD */

/* Fills in whose conversation it is; false: nobody's that people see (receipts). */
static bool name_conversation(struct query *query, int64_t conversation,
                              Roost__V1__UnreadCount *unread)
{
    struct history *h = query->page.h;
    if (conversation < 0) {
        unread->scope = history_scope_text(h, -conversation);
        return unread->scope.len > 0;
    }
    int64_t other = conversation_other(conversation, query->peer_id);
    ProtobufCBinaryData name = history_peer_name(h, other);
    return name.len > 0 && history_copy(h, name.data, name.len, &unread->peer);
}

/* Not every scope somebody once wrote to is still open to it. *ret_since: of a room it is in. */
static enum err check_conversation(struct query *query, int64_t conversation, uint64_t *ret_since)
{
    char name[WIRE_NAME_BYTES_MAX + 1];
    struct scope_row scope;
    if (conversation >= 0)
        return ERR_OK;
    enum err err =
        scope_find_by_id(query->page.h->store, -conversation, name, sizeof(name), &scope);
    if (!err && scope.kind == SCOPE_ROOM)
        err = query_check_room(query, scope.id, ret_since);
    return err;
}

/* What was there before one came to a room is not unread. */
static uint64_t unread_after(uint64_t marker_seq, uint64_t since)
{
    return marker_seq > since ? marker_seq : since;
}

enum err query_add_unread(struct query *query, const struct conversation_row *row,
                          bool *ret_is_shown)
{
    struct history *h = query->page.h;
    uint64_t since = 0;
    enum err err = check_conversation(query, row->conversation, &since);
    if (err)
        return err == ERR_STORAGE || err == ERR_CORRUPT ? err : ERR_OK;
    Roost__V1__UnreadCount *unread = history_alloc(h, sizeof(*unread));
    if (!unread)
        return ERR_BUSY;
    roost__v1__unread_count__init(unread);
    if (!name_conversation(query, row->conversation, unread))
        return ERR_OK;
    unread->last_seq = row->last_seq;
    unread->last_ms = (uint64_t)row->last_ms;
    err = marker_get(h->store, query->peer_id, row->conversation, &unread->marker_seq);
    if (!err)
        err = message_count_unread(h->store, row->conversation, query->peer_id,
                                   unread_after(unread->marker_seq, since), &unread->unread);
    if (!err)
        err = page_add(&query->page, PAGE_UNREAD, &unread->base);
    if (!err && ret_is_shown)
        *ret_is_shown = true;
    return err;
}

struct unread_walk {
    struct query *query;
    uint32_t skip, seen;
};

static enum err take_conversation(void *context, const struct conversation_row *row)
{
    struct unread_walk *walk = context;
    if (row->last_seq == 0)
        return ERR_OK; /* the peer has changes there, but no message */
    if (walk->skip > 0) {
        walk->skip--;
        return ERR_OK;
    }
    if (walk->seen == walk->query->limit) {
        walk->query->page.fin.has_more = true;
        return ERR_OK;
    }
    walk->seen++;
    return query_add_unread(walk->query, row, NULL);
}

static enum err take_newest(void *context, const struct message_row *row)
{
    struct conversation_row *newest = context;
    newest->last_seq = row->seq;
    newest->last_ms = row->stored_ms;
    return ERR_OK;
}

static enum err unread_of_one(struct query *query)
{
    struct scope_row scope;
    struct conversation_row row = {0};
    enum err err = query_conversation(query, &row.conversation, &scope);
    if (err)
        return err;
    if (row.conversation == 0)
        return ERR_BAD_SCOPE; /* a mailbox is many conversations */
    struct message_page page = {
        .conversation = row.conversation,
        .limit = 1,
        .newest_first = true,
    };
    err = message_read_conversation(query->page.h->store, &page, take_newest, &row);
    return err ? err : query_add_unread(query, &row, NULL);
}

enum err query_unread(struct query *query)
{
    const Roost__V1__Query *asked = query->query;
    if (asked->peer.len || asked->scope.len)
        return unread_of_one(query);
    struct unread_walk walk = {.query = query, .skip = asked->offset};
    return conversation_list(query->page.h->store, query->peer_id, asked->offset + query->limit + 1,
                             take_conversation, &walk);
}

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
    struct name_folded after = {.size = 0};
    if (asked->after_name.len) {
        enum err err = name_fold(asked->after_name.data, asked->after_name.len, &after);
        if (err)
            return err;
    }
    int64_t since_ms = 0;
    if (asked->online_only)
        since_ms = presence_online_since(history_now_ms(h), h->options.presence_timeout_ms);
    return peer_list(h->store, after.text, since_ms, query->limit + 1, take_peer, &walk);
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

/* --- STATS */

struct metric_name {
    enum metric metric;
    const char *name, *unit;
};

static const struct metric_name metric_names[] = {
#define COUNTER(NAME, public_name, unit_name, help) {METRIC_##NAME, #public_name, #unit_name},
#define GAUGE(NAME, public_name, unit_name, help)   {METRIC_##NAME, #public_name, #unit_name},
#define HISTOGRAM(NAME, public_name, unit_name, help)
#include "rt/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

static enum err add_counter(struct query *query, const char *name, const char *unit,
                            const char *actor, uint64_t value)
{
    Roost__V1__Counter *counter = history_alloc(query->page.h, sizeof(*counter));
    if (!counter)
        return ERR_BUSY;
    roost__v1__counter__init(counter);
    counter->name = bytes_of(name, strlen(name));
    counter->unit = bytes_of(unit, strlen(unit));
    counter->actor = bytes_of(actor, strlen(actor));
    counter->value = value;
    return page_add(&query->page, PAGE_COUNTERS, &counter->base);
}

static enum err add_metrics(struct query *query, const struct metrics *block)
{
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < sizeof(metric_names) / sizeof(metric_names[0]); i++) {
        const struct metric_name *row = &metric_names[i];
        int64_t value = metrics_get(block, row->metric);
        if (value > 0 && block->actor)
            err = add_counter(query, row->name, row->unit, block->actor, (uint64_t)value);
    }
    return err;
}

enum err query_stats(struct query *query)
{
    struct history *h = query->page.h;
    struct store_stats stats;
    store_stats(h->store, &stats);
    const struct {
        const char *name, *unit;
        uint64_t value;
    } rows[] = {
        {"store_file_bytes", "bytes", stats.file_bytes},
        {"store_wal_bytes", "bytes", stats.wal_bytes},
        {"store_last_seq", "messages", stats.last_seq},
        {"store_indexed_seq", "messages", stats.indexed_seq},
        {"store_schema_version", "version", (uint64_t)stats.schema_version},
    };
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < sizeof(rows) / sizeof(rows[0]); i++)
        err = add_counter(query, rows[i].name, rows[i].unit, "history", rows[i].value);
    const struct metrics *blocks = h->options.metrics ? *h->options.metrics : NULL;
    for (size_t i = 0; !err && blocks && i < h->options.metrics_count; i++)
        err = add_metrics(query, &blocks[i]);
    return err;
}
