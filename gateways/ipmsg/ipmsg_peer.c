/* SPDX-License-Identifier: MPL-2.0
 *
 * Peers of the local network, from being heard of to being known to everybody.
 *
 *     heard -> SESSION_OPEN (peer-registry: the peer has a row) -> LAN_LOAD (what must survive a
 *           restart) -> what it said meanwhile is worked on, its mail is attached
 *
 * Whatever fails on this way is tried again with the next sweep, while datagrams go on being
 * answered. A peer without a session stays in mind until others need the room.
 */
#include <stdlib.h>
#include <string.h>

#include "gateways/ipmsg/ipmsg_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define KIND             "ipmsg"
#define SEEN_PER_MESSAGE 1000u
#define LIFE_TOLD_MS     5000
#define OWED_MS          2000
#define ASK_AGAIN_MS     1000
#define HELD_MAX         64
#define LOAD_ROWS        500
#define FLAP_MS          2000 /* goodbyes no further apart ... */
#define FLAPS_MAX        3    /* ... are believed at once so often, and then after this time */
#define REMEMBER_MS      (7 * 86400000ll)

/* --- Finding and making. */

struct ipmsg_peer *ipmsg_peer_of(struct ipmsg_gateway *gateway, uint64_t id)
{
    return u64map_get_pointer(&gateway->peers, id);
}

struct ipmsg_peer *ipmsg_peer_of_session(struct ipmsg_gateway *gateway, uint64_t session)
{
    return u64map_get_pointer(&gateway->sessions, session);
}

struct ipmsg_peer *ipmsg_peer_find(struct ipmsg_gateway *gateway, const char *name, size_t size)
{
    struct name_folded folded;
    if (name_fold(name, size, &folded) != ERR_OK)
        return NULL;
    return hash_get_pointer(&gateway->names, folded.text, folded.size);
}

/* Whoever only says a name may have made it up. */
static bool goes_before(const struct ipmsg_peer *one, const struct ipmsg_peer *other)
{
    if (one->is_met != other->is_met)
        return !one->is_met;
    if (one->is_registered != other->is_registered)
        return !one->is_registered;
    return one->heard_at.ns < other->heard_at.ns;
}

/* The one not heard of for longest and without anything on its way; of those first with whom no
 * message was exchanged. */
static struct ipmsg_peer *find_oldest(struct ipmsg_gateway *gateway)
{
    struct ipmsg_peer *oldest = NULL;
    struct u64map_cursor cursor = {0};
    while (u64map_next(&gateway->peers, &cursor)) {
        struct ipmsg_peer *peer = (struct ipmsg_peer *)(uintptr_t)cursor.value;
        bool is_busy =
            peer->stores_open || peer->held || peer->mail.state >= MAIL_LEASED || peer->is_resuming;
        if (!is_busy && (!oldest || goes_before(peer, oldest)))
            oldest = peer;
    }
    return oldest;
}

static struct ipmsg_peer *add(struct ipmsg_gateway *gateway, const char *name, size_t size)
{
    struct ipmsg_peer *peer = calloc(1, sizeof(*peer));
    if (!peer || size > WIRE_NAME_BYTES_MAX || name_fold(name, size, &peer->folded) != ERR_OK) {
        free(peer);
        return NULL;
    }
    peer->gateway = gateway;
    peer->id = ++gateway->last_id;
    peer->name_size = size;
    memcpy(peer->name, name, size);
    buf_init(&peer->mail.body, IPMSG_MAIL_BYTES_MAX);
    if (u64map_put_pointer(&gateway->peers, peer->id, peer) == ERR_OK) {
        if (hash_put_pointer(&gateway->names, peer->folded.text, peer->folded.size, peer) == ERR_OK)
            return peer;
        (void)u64map_remove(&gateway->peers, peer->id, NULL); /* just put */
    }
    free(peer);
    return NULL;
}

struct ipmsg_peer *ipmsg_peer_make(struct ipmsg_gateway *gateway, const char *name, size_t size)
{
    static const char newcomers = 'n';
    struct ipmsg_peer *peer = ipmsg_peer_find(gateway, name, size);
    if (peer)
        return peer;
    if (!ipmsg_limits_take(&gateway->newcomers, &newcomers, sizeof(newcomers),
                           actor_mono(gateway->actor).ns / 1000000))
        return NULL;
    if (u64map_count(&gateway->peers) >= gateway->options->peers_max) {
        struct ipmsg_peer *oldest = find_oldest(gateway);
        if (oldest)
            ipmsg_peer_forget(oldest);
    }
    return add(gateway, name, size);
}

static void drop_held(struct ipmsg_peer *peer)
{
    while (peer->held) {
        struct ipmsg_held *held = peer->held;
        peer->held = held->next;
        free(held);
    }
    peer->held_count = 0;
}

void ipmsg_peer_forget(struct ipmsg_peer *peer)
{
    struct ipmsg_gateway *gateway = peer->gateway;
    ipmsg_peer_end(peer, err_code(ERR_NO_SESSION));
    ipmsg_tell(gateway, peer->id, ROOST__INTERNAL__LAN_HEARING__LAN_LEFT, 0);
    heap_remove(&gateway->due, &peer->due);
    drop_held(peer);
    ipmsg_notices_drop(peer);
    buf_fini(&peer->mail.body);
    free(peer->mail.part_ends);
    (void)hash_remove(&gateway->names, peer->folded.text, peer->folded.size, NULL);
    (void)u64map_remove(&gateway->peers, peer->id, NULL); /* both are there */
    free(peer);
}

void ipmsg_peers_fini(struct ipmsg_gateway *gateway)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&gateway->peers, &cursor)) {
        struct ipmsg_peer *peer = (struct ipmsg_peer *)(uintptr_t)cursor.value;
        drop_held(peer);
        ipmsg_notices_drop(peer);
        buf_fini(&peer->mail.body);
        free(peer->mail.part_ends);
        free(peer);
    }
}

/* --- Sessions. */

bool ipmsg_peer_session(struct ipmsg_peer *peer)
{
    struct ipmsg_gateway *gateway = peer->gateway;
    if (peer->session)
        return true;
    uint64_t session = ++gateway->last_session;
    if (u64map_put_pointer(&gateway->sessions, session, peer) != ERR_OK)
        return false;
    peer->session = session;
    peer->published_no = 0;
    return true;
}

void ipmsg_peer_end(struct ipmsg_peer *peer, uint32_t code)
{
    static const uint8_t actors[] = {ACTOR_PEER_REGISTRY, ACTOR_SYNC_MANAGER, ACTOR_PERSISTENCE};
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    if (!peer->session)
        return;
    ipmsg_mail_stop(peer);
    closed.session = peer->session;
    closed.peer_id = peer->peer_id;
    closed.reason = code;
    for (size_t i = 0; i < sizeof(actors); i++) {
        enum err err =
            actor_send(peer->gateway->actor, actors[i], MSG_SESSION_CLOSED, &closed.base, NULL);
        if (err)
            log_warn("session-closed-lost", LOG_U64("to", actors[i]), LOG_ERROR(err));
    }
    (void)u64map_remove(&peer->gateway->sessions, peer->session, NULL); /* it is there */
    peer->session = 0;
    peer->is_registered = peer->is_asking = false;
    peer->is_present = false;
}

static ProtobufCBinaryData text(const char *bytes)
{
    return bytes_of(bytes, strlen(bytes));
}

static void ask_registry(struct ipmsg_peer *peer)
{
    INTERNAL(SessionOpen) open = ROOST__INTERNAL__SESSION_OPEN__INIT;
    char address[LAN_ADDRESS_TEXT_MAX];
    if (!ipmsg_peer_session(peer))
        return;
    lan_address_format(peer->path.remote, address);
    open.session = peer->session;
    open.peer_name = bytes_of(peer->name, peer->name_size);
    open.display_name = text(peer->about.nickname);
    open.kind = text(KIND);
    open.address = text(address);
    open.host_name = text(peer->about.host);
    open.group = text(peer->about.group);
    open.port = peer->path.remote.port;
    open.version_token = text(peer->about.version);
    open.capabilities = peer->about.capabilities;
    open.charset = text(ipmsg_charset_text(peer->about.charset));
    open.fingerprint = text(peer->about.fingerprint);
    peer->is_asking = actor_ask(peer->gateway->actor, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN,
                                &open.base, NULL, IPMSG_ASK_MS, peer->id) == ERR_OK;
    peer->has_news = !peer->is_asking;
}

static void ask_row(struct ipmsg_peer *peer)
{
    INTERNAL(LanLoad) load = ROOST__INTERNAL__LAN_LOAD__INIT;
    load.peer_id = peer->peer_id;
    peer->is_loading = actor_ask(peer->gateway->actor, ACTOR_PERSISTENCE, MSG_LAN_LOAD, &load.base,
                                 NULL, IPMSG_ASK_MS, peer->id) == ERR_OK;
}

/* Whatever is to be asked next. */
static void go_on(struct ipmsg_peer *peer)
{
    struct mono_time now = actor_mono(peer->gateway->actor);
    if (!peer->is_present)
        return;
    bool may_ask = !peer->was_asked || mono_elapsed_ms(peer->asked_at, now) >= ASK_AGAIN_MS;
    bool wants_registry = (!peer->is_registered || peer->has_news) && !peer->is_asking;
    if (wants_registry && may_ask) {
        peer->was_asked = true;
        peer->asked_at = now;
        ask_registry(peer);
    }
    if (peer->is_registered && !peer->has_row && !peer->is_loading)
        ask_row(peer);
    if (ipmsg_peer_is_ready(peer))
        ipmsg_mail_begin(peer);
}

bool ipmsg_peer_is_ready(const struct ipmsg_peer *peer)
{
    return peer->is_registered && peer->has_row && !peer->is_answer_owed;
}

static void work_on_held(struct ipmsg_peer *peer)
{
    while (peer->held && ipmsg_peer_is_ready(peer)) {
        struct ipmsg_held *held = peer->held;
        peer->held = held->next;
        peer->held_count--;
        ipmsg_hear_again(peer, &held->path, held->bytes, held->size);
        free(held);
    }
}

bool ipmsg_peer_hold(struct ipmsg_peer *peer, const struct lan_path *path, const void *bytes,
                     size_t size)
{
    struct ipmsg_held **link = &peer->held;
    if (peer->held_count >= HELD_MAX)
        return false;
    struct ipmsg_held *held = malloc(sizeof(*held) + size);
    if (!held)
        return false;
    *held = (struct ipmsg_held){.path = *path, .size = size};
    memcpy(held->bytes, bytes, size);
    while (*link)
        link = &(*link)->next;
    *link = held;
    peer->held_count++;
    return true;
}

enum err ipmsg_on_session_opened(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(SessionOpened) *opened = MSG_BODY(msg, INTERNAL(SessionOpened));
    uint64_t id;
    struct ipmsg_peer *peer = actor_context(actor, msg, &id) ? ipmsg_peer_of(state, id) : NULL;
    if (!peer || peer->session != opened->session)
        return ERR_OK;
    peer->is_asking = false;
    if (opened->code) { /* the sweep tries again */
        log_warn("peer-not-stored", LOG_U64("code", opened->code));
        metrics_add(actor_metrics(actor), METRIC_SESSIONS_REFUSED, 1);
        return ERR_OK;
    }
    peer->is_registered = true;
    peer->peer_id = opened->peer_id;
    go_on(peer);
    work_on_held(peer);
    return ERR_OK;
}

enum err ipmsg_on_session_dropped(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(SessionDropped) *dropped = MSG_BODY(msg, INTERNAL(SessionDropped));
    struct ipmsg_peer *peer = ipmsg_peer_of_session(state, dropped->session);
    (void)actor;
    if (!peer)
        return ERR_OK;
    log_info("peer-dropped", LOG_U64("code", dropped->code));
    ipmsg_peer_forget(peer);
    return ERR_OK;
}

/* --- What survives a restart. */

static void take_row(struct ipmsg_peer *peer, const INTERNAL(LanPeer) * row)
{
    peer->has_row = true;
    if (!row)
        return; /* heard of for the first time */
    peer->row.began_ms = row->began_ms;
    peer->row.sending_seq = row->sending_seq;
    peer->row.sending_no = row->sending_no;
    peer->row.sending_count = row->sending_count;
    peer->row.is_explained = row->is_explained;
    peer->is_met |= row->is_explained || row->sending_seq;
}

enum err ipmsg_peer_write(struct ipmsg_peer *peer, uint64_t context)
{
    INTERNAL(LanWrite) write = ROOST__INTERNAL__LAN_WRITE__INIT;
    INTERNAL(LanPeer) row = ROOST__INTERNAL__LAN_PEER__INIT;
    char address[LAN_ADDRESS_TEXT_MAX], local[LAN_ADDRESS_TEXT_MAX];
    lan_address_format(peer->path.remote, address);
    lan_address_format(peer->path.local, local);
    row.peer_id = peer->peer_id;
    row.address = text(address);
    row.local = text(local);
    row.heard_ms = actor_wall(peer->gateway->actor).ms;
    row.began_ms = peer->row.began_ms;
    row.sending_seq = peer->row.sending_seq;
    row.sending_no = peer->row.sending_no;
    row.sending_count = peer->row.sending_count;
    row.is_explained = peer->row.is_explained;
    write.peer = &row;
    write.is_sealed = context != 0 && (peer->mail.options & IPMSG_SECRET);
    return actor_ask(peer->gateway->actor, ACTOR_PERSISTENCE, MSG_LAN_WRITE, &write.base, NULL,
                     IPMSG_STORE_MS, context);
}

/* Where it is, and since when its numbers count: what comes after it on the link to persistence is
 * stored with it or later. */
static void write_row(struct ipmsg_peer *peer)
{
    peer->must_write = ipmsg_peer_write(peer, 0) != ERR_OK;
}

/* From the text of an address; false when there is none. */
static bool read_path(const INTERNAL(LanPeer) * row, struct lan_path *ret)
{
    char remote[LAN_ADDRESS_TEXT_MAX] = "", local[LAN_ADDRESS_TEXT_MAX] = "";
    if (!row->address.len || row->address.len >= sizeof(remote) || !row->local.len ||
        row->local.len >= sizeof(local))
        return false;
    memcpy(remote, row->address.data, row->address.len);
    memcpy(local, row->local.data, row->local.len);
    return lan_address_parse(remote, &ret->remote) == ERR_OK &&
           lan_address_parse(local, &ret->local) == ERR_OK;
}

/* Somebody of the last run. If a packet was on its way to it, that one is sent again before
 * anything else is said to it. */
static void remember(struct ipmsg_gateway *gateway, const INTERNAL(LanPeer) * row)
{
    struct lan_path path;
    int64_t silent_ms = actor_wall(gateway->actor).ms - row->heard_ms;
    bool is_wanted = row->sending_seq || silent_ms < REMEMBER_MS;
    if (!is_wanted || !read_path(row, &path) ||
        u64map_count(&gateway->peers) >= gateway->options->peers_max)
        return;
    struct ipmsg_peer *peer = ipmsg_peer_find(gateway, (const char *)row->name.data, row->name.len);
    if (!peer)
        peer = add(gateway, (const char *)row->name.data, row->name.len);
    if (!peer || peer->has_row) /* heard of meanwhile */
        return;
    take_row(peer, row);
    if (peer->peer_id == 0)
        peer->peer_id = row->peer_id;
    if (!peer->is_present) {
        peer->path = path;
        ipmsg_about_restore(peer, row);
        ipmsg_tell(gateway, peer->id, ROOST__INTERNAL__LAN_HEARING__LAN_KNOWN, 0);
        if (row->sending_seq)
            ipmsg_mail_resume(peer);
    }
}

void ipmsg_peers_load(struct ipmsg_gateway *gateway)
{
    INTERNAL(LanLoad) load = ROOST__INTERNAL__LAN_LOAD__INIT;
    load.after_id = gateway->loaded_id;
    load.limit = LOAD_ROWS;
    gateway->is_loading = actor_ask(gateway->actor, ACTOR_PERSISTENCE, MSG_LAN_LOAD, &load.base,
                                    NULL, IPMSG_ASK_MS, 0) == ERR_OK;
}

static void take_page(struct ipmsg_gateway *gateway, const INTERNAL(LanLoaded) * loaded)
{
    gateway->is_loading = false;
    if (loaded->code) /* the sweep tries again */
        return;
    for (size_t i = 0; i < loaded->n_peers; i++) {
        remember(gateway, loaded->peers[i]);
        gateway->loaded_id = loaded->peers[i]->peer_id;
    }
    if (loaded->is_end)
        gateway->is_loaded = true;
    else
        ipmsg_peers_load(gateway);
}

enum err ipmsg_on_loaded(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(LanLoaded) *loaded = MSG_BODY(msg, INTERNAL(LanLoaded));
    uint64_t id;
    if (!actor_context(actor, msg, &id))
        return ERR_OK;
    if (id == 0) {
        take_page(state, loaded);
        return ERR_OK;
    }
    struct ipmsg_peer *peer = ipmsg_peer_of(state, id);
    if (!peer)
        return ERR_OK;
    peer->is_loading = false;
    if (loaded->code || peer->has_row)
        return ERR_OK;
    bool has_begun = peer->row.began_ms != 0; /* its entry came before the row */
    int64_t began_ms = peer->row.began_ms;
    take_row(peer, loaded->n_peers ? loaded->peers[0] : NULL);
    if (has_begun)
        peer->row.began_ms = began_ms;
    write_row(peer);
    go_on(peer);
    work_on_held(peer);
    return ERR_OK;
}

/* --- Goodbyes. */

static void leave(struct ipmsg_peer *peer)
{
    peer->is_leaving = false;
    ipmsg_peer_end(peer, 0);
    peer->is_present = false;
    ipmsg_tell(peer->gateway, peer->id, ROOST__INTERNAL__LAN_HEARING__LAN_LEFT, 0);
}

void ipmsg_peer_left(struct ipmsg_peer *peer)
{
    struct mono_time now = actor_mono(peer->gateway->actor);
    bool is_soon = peer->leaves > 0 && mono_elapsed_ms(peer->left_at, now) < FLAP_MS;
    peer->leaves = is_soon ? peer->leaves + 1 : 1;
    peer->left_at = now;
    if (peer->leaves > FLAPS_MAX && peer->is_present)
        peer->is_leaving = true; /* coming and going all the time costs others nothing */
    else
        leave(peer);
}

/* --- Signs of life. */

/* Another identity at this address: whoever was there before is not there any more. */
static void move_in(struct ipmsg_peer *peer)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&peer->gateway->peers, &cursor)) {
        struct ipmsg_peer *other = (struct ipmsg_peer *)(uintptr_t)cursor.value;
        if (other != peer && other->session && other->path.remote.ip == peer->path.remote.ip &&
            other->path.remote.port == peer->path.remote.port)
            ipmsg_peer_end(other, err_code(ERR_NO_SESSION));
    }
}

void ipmsg_peer_heard(struct ipmsg_peer *peer, const struct lan_path *path, bool is_entry)
{
    struct ipmsg_gateway *gateway = peer->gateway;
    struct mono_time now = actor_mono(gateway->actor);
    struct lan_path before = peer->path;
    bool was_present = peer->is_present;
    peer->path = *path;
    peer->is_present = true;
    peer->is_leaving = false;
    peer->heard_at = now;
    peer->is_seen = true;
    bool has_moved = before.remote.ip != path->remote.ip || before.remote.port != path->remote.port;
    if (has_moved || !was_present)
        move_in(peer);
    if (has_moved && (peer->is_registered || peer->is_asking))
        peer->has_news = peer->must_write = true;
    bool is_told = was_present && mono_elapsed_ms(peer->told_at, now) < LIFE_TOLD_MS;
    if (!is_entry && !is_told) {
        peer->told_at = now;
        ipmsg_tell(gateway, peer->id,
                   peer->is_introduced ? ROOST__INTERNAL__LAN_HEARING__LAN_LIFE
                                       : ROOST__INTERNAL__LAN_HEARING__LAN_STRANGER,
                   0);
    }
    go_on(peer);
    ipmsg_mail_flush(peer);
    if (peer->must_write && peer->has_row)
        write_row(peer);
    work_on_held(peer);
}

void ipmsg_peer_owe(struct ipmsg_peer *peer)
{
    peer->is_answer_owed = true;
    peer->owed_since = actor_mono(peer->gateway->actor);
}

void ipmsg_peer_answered(struct ipmsg_peer *peer, bool is_new)
{
    peer->is_answer_owed = false;
    if (is_new) {
        peer->row.began_ms = actor_wall(peer->gateway->actor).ms;
        if (peer->has_row)
            write_row(peer);
    }
    go_on(peer);
    ipmsg_mail_flush(peer);
    work_on_held(peer);
}

void ipmsg_peer_sweep(struct ipmsg_peer *peer)
{
    struct mono_time now = actor_mono(peer->gateway->actor);
    if (peer->is_leaving && mono_elapsed_ms(peer->left_at, now) >= FLAP_MS)
        leave(peer);
    if (peer->is_answer_owed && mono_elapsed_ms(peer->owed_since, now) >= OWED_MS)
        ipmsg_peer_answered(peer, false); /* nobody said what to answer */
    if (peer->must_write && peer->has_row)
        write_row(peer);
    go_on(peer);
    work_on_held(peer);
}

void ipmsg_tell_seen(struct ipmsg_gateway *gateway)
{
    uint64_t sessions[SEEN_PER_MESSAGE];
    ProtobufCBinaryData names[SEEN_PER_MESSAGE];
    INTERNAL(SessionsSeen) seen = ROOST__INTERNAL__SESSIONS_SEEN__INIT;
    struct u64map_cursor cursor = {0};
    bool has_more = true;
    seen.sessions = sessions;
    seen.peer_names = names;
    while (has_more) {
        has_more = u64map_next(&gateway->peers, &cursor);
        struct ipmsg_peer *peer = has_more ? (struct ipmsg_peer *)(uintptr_t)cursor.value : NULL;
        if (peer && peer->is_registered && peer->is_seen) {
            peer->is_seen = false;
            names[seen.n_peer_names++] = bytes_of(peer->name, peer->name_size);
            sessions[seen.n_sessions++] = peer->session;
        }
        if (seen.n_sessions == SEEN_PER_MESSAGE || (!has_more && seen.n_sessions > 0)) {
            if (actor_send(gateway->actor, ACTOR_PEER_REGISTRY, MSG_SESSIONS_SEEN, &seen.base,
                           NULL) != ERR_OK)
                return; /* the next time */
            seen.n_sessions = seen.n_peer_names = 0;
        }
    }
}
