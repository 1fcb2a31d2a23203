/* SPDX-License-Identifier: MPL-2.0
 *
 * Questions of the local network. LOAD_KNOWN: who was on the local network within a week, where, and how good a peer it is; for the
 * warm start. Also what was imported: it was there by what another program knew. The query
 * WARM_START says how the search goes on, by the metrics of the discovery actor.
 */
#include <string.h>

#include "history_state.h"
#include "peer_quality.h"
#include "rt/metrics.h"
#include "store/address.h"
#include "store/lan.h"
#include "store/peers.h"

#define PEERS_MAX     500
#define ADDRESSES_MAX 4 /* of one peer, the newest */
#define KNOWN_MS      (7 * 86400000ll)
#define UDP_PORT      2425
#define SOURCE_LAN    "ipmsg"
#define SOURCE_CACHE  "peer-cache"
#define SOURCE_FEIQIU "feiqiu"
#define PPM           1e6

/* --- LOAD_KNOWN */

struct known_load {
    struct history *h;
    INTERNAL(KnownAddress) * *addresses;
    size_t count;
    const struct peer_row *peer; /* in hand ... */
    size_t of_peer;              /* ... and how many addresses it has got */
    size_t seen;
    struct name_folded next;
};

static uint32_t reliability_of(const struct peer_row *row, int64_t now_ms)
{
    const struct peer_quality quality = {
        .transfers_ok = row->transfers_ok,
        .transfers_failed = row->transfers_failed,
        .latency_total_ms = row->latency_total_ms,
        .latency_count = row->latency_count,
        .observed_ms = row->observed_ms,
        .online_since_ms = row->online_since_ms,
        .online_ms = row->online_ms,
    };
    return (uint32_t)(peer_quality_of_imported(&quality, row->reliability, now_ms) * PPM + 0.5);
}

static enum err take_address(void *context, const char *address, const char *source,
                             int64_t last_seen_ms)
{
    struct known_load *load = context;
    bool is_heard = strcmp(source, SOURCE_LAN) == 0;
    bool is_imported = strcmp(source, SOURCE_CACHE) == 0 || strcmp(source, SOURCE_FEIQIU) == 0;
    uint32_t ip;
    uint16_t port;
    (void)last_seen_ms;
    if (load->of_peer == ADDRESSES_MAX || !(is_heard || is_imported) ||
        !address_udp(address, &ip, &port))
        return ERR_OK; /* this is not the way to it */
    INTERNAL(KnownAddress) *out = history_alloc(load->h, sizeof(*out));
    if (!out)
        return ERR_BUSY;
    roost__internal__known_address__init(out);
    out->ip = ip;
    out->port = port ? port : UDP_PORT;
    out->is_relay = load->peer->is_relay;
    out->reliability_ppm = reliability_of(load->peer, history_now_ms(load->h));
    out->is_imported = !is_heard;
    load->addresses[load->count++] = out;
    load->of_peer++;
    return ERR_OK;
}

static enum err take_peer(void *context, const struct peer_row *row)
{
    struct known_load *load = context;
    size_t size = strlen(row->folded);
    load->seen++;
    if (size >= sizeof(load->next.text))
        return ERR_CORRUPT;
    memcpy(load->next.text, row->folded, size + 1);
    load->next.size = size;
    load->peer = row;
    load->of_peer = 0;
    bool is_recent = row->last_seen_ms > history_now_ms(load->h) - KNOWN_MS;
    return is_recent ? peer_addresses(load->h->store, row->id, take_address, load) : ERR_OK;
}

static enum err load_known(struct known_load *load, const INTERNAL(LoadKnown) * question,
                           uint32_t limit)
{
    char after[NAME_FOLDED_BYTES_MAX + 1] = "";
    size_t size = question->after_folded.len;
    load->addresses = history_alloc(load->h, limit * ADDRESSES_MAX * sizeof(*load->addresses));
    if (!load->addresses || size >= sizeof(after))
        return ERR_BUSY;
    if (size)
        memcpy(after, question->after_folded.data, size);
    return peer_list(load->h->store, after, 0, limit, take_peer, load);
}

enum err history_on_load_known(struct actor *actor, void *state, const struct msg *msg)
{
    struct history *h = state;
    const INTERNAL(LoadKnown) *question = MSG_BODY(msg, INTERNAL(LoadKnown));
    INTERNAL(KnownLoaded) loaded = ROOST__INTERNAL__KNOWN_LOADED__INIT;
    struct known_load load = {.h = h};
    uint32_t limit = question->limit && question->limit < PEERS_MAX ? question->limit : PEERS_MAX;
    enum err err = load_known(&load, question, limit);
    if (err)
        history_log_failure(h, "load-known", err);
    loaded.code = err_code(err);
    loaded.addresses = load.addresses;
    loaded.n_addresses = err ? 0 : load.count;
    loaded.is_end = !err && load.seen < limit;
    loaded.next_folded = err ? question->after_folded : bytes_of(load.next.text, load.next.size);
    actor_reply(actor, msg, MSG_KNOWN_LOADED, &loaded.base, NULL);
    arena_reset(&h->arena);
    return ERR_OK;
}

/* --- LAN_FIND: which message has a peer there opened? */

enum err history_on_lan_find(struct actor *actor, void *state, const struct msg *msg)
{
    struct history *h = state;
    const INTERNAL(LanFind) *question = MSG_BODY(msg, INTERNAL(LanFind));
    INTERNAL(LanFound) found = ROOST__INTERNAL__LAN_FOUND__INIT;
    int64_t sender_id = 0;
    enum err err =
        lan_sealed_find(h->store, question->peer_id, question->packet_no, &found.seq, &sender_id);
    if (err && err != ERR_NO_SUCH_MESSAGE)
        history_log_failure(h, "lan-find", err);
    found.code = err_code(err);
    if (!err)
        found.sender = history_peer_name(h, sender_id);
    actor_reply(actor, msg, MSG_LAN_FOUND, &found.base, NULL);
    arena_reset(&h->arena);
    return ERR_OK;
}

/* --- WARM_START */

enum err query_warm_start(struct query *query)
{
    static const struct {
        const char *name, *unit;
        enum metric metric;
    } rows[] = {
        {"run", "runs", METRIC_WARM_RUNS},
        {"running", "state", METRIC_WARM_RUNNING},
        {"known", "addresses", METRIC_WARM_KNOWN},
        {"asked", "addresses", METRIC_WARM_ASKED},
        {"answered", "addresses", METRIC_WARM_ANSWERED},
        {"waiting", "addresses", METRIC_WARM_WAITING},
    };
    const struct history *h = query->page.h;
    const struct metrics *blocks = h->options.metrics ? *h->options.metrics : NULL;
    bool has_block = blocks && h->options.metrics_count > ACTOR_DISCOVERY;
    int64_t asked = 0, answered = 0;
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t value = has_block ? metrics_get(&blocks[ACTOR_DISCOVERY], rows[i].metric) : 0;
        asked = rows[i].metric == METRIC_WARM_ASKED ? value : asked;
        answered = rows[i].metric == METRIC_WARM_ANSWERED ? value : answered;
        err = query_add_counter(query, rows[i].name, rows[i].unit, "discovery", (uint64_t)value);
    }
    uint64_t hit_rate = asked > 0 && answered <= asked ? (uint64_t)(answered * 1000000 / asked) : 0;
    return err ? err : query_add_counter(query, "hit_rate_ppm", "ppm", "discovery", hit_rate);
}
