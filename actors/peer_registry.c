/* SPDX-License-Identifier: MPL-2.0
 *
 * The peer-registry actor: sessions, timeouts, calls, and who was online when we started.
 *
 *                 first session, or heard of again
 *     offline  ------------------------------------>  online
 *              <------------------------------------
 *                 goodbye in the last session, or not heard of for the timeout
 *
 * A session that ends without a goodbye changes nothing by itself: the peer may be back in a
 * moment. See peer_registry.h for what is promised.
 */
#include "peer_registry.h"

#include <stdlib.h>
#include <string.h>

#include "broker.pb-c.h"
#include "peer_registry_state.h"
#include "presence.h"
#include "rt/check.h"
#include "rt/log.h"

#define NOTE_AGAIN_MS     10000 /* refusals in the audit log */
#define WRITE_INTERVAL_MS 30000
#define LOAD_DEADLINE_MS  5000
#define LOAD_AGAIN_MS     500
#define LOAD_ROWS         500
#define CALL_DEADLINE_MS  10000
#define LAN_MAX_DEFAULT   4096

/* --- Sessions. */

static void note_announced(const INTERNAL(SessionOpen) * open, struct announced *ret)
{
    *ret = (struct announced){
        .host_name = registry_copy(open->host_name),
        .group = registry_copy(open->group),
        .version_token = registry_copy(open->version_token),
        .charset = registry_copy(open->charset),
        .fingerprint = registry_copy(open->fingerprint),
        .port = open->port,
        .capabilities = open->capabilities,
    };
}

/* A number the gateway uses for another peer now is no session of the one before. */
static bool add_session(struct peer_registry *r, uint64_t session, struct peer *peer)
{
    struct peer *before = u64map_remove_pointer(&r->sessions, session);
    if (before) {
        before->session_count--;
        registry_forget(r, before);
    }
    if (u64map_put_pointer(&r->sessions, session, peer))
        return false;
    peer->session_count++;
    return true;
}

/* For the audit log, once in a while. */
static void note_refused(struct peer_registry *r, struct peer *peer)
{
    INTERNAL(Audit) audit = ROOST__INTERNAL__AUDIT__INIT;
    struct mono_time now = actor_mono(r->actor);
    metrics_count_error(actor_metrics(r->actor), ERR_TOO_MANY_SESSIONS);
    if (r->has_noted && mono_elapsed_ms(r->noted, now) < NOTE_AGAIN_MS)
        return;
    audit.actor = (ProtobufCBinaryData){strlen(peer->name), (uint8_t *)peer->name};
    audit.action = (ProtobufCBinaryData){5, (uint8_t *)(uintptr_t) "quota"};
    audit.target = (ProtobufCBinaryData){17, (uint8_t *)(uintptr_t) "TOO_MANY_SESSIONS"};
    r->has_noted = actor_send(r->actor, ACTOR_PERSISTENCE, MSG_AUDIT, &audit.base, NULL) == ERR_OK;
    r->noted = now;
}

static enum err open_session(struct peer_registry *r, const struct msg *msg)
{
    const INTERNAL(SessionOpen) *open = MSG_BODY(msg, INTERNAL(SessionOpen));
    struct name_folded folded;
    enum err err = name_fold(open->peer_name.data, open->peer_name.len, &folded);
    if (err)
        return err;
    struct peer *peer = registry_peer(r, open->peer_name, &folded);
    if (!peer || (peer->is_lan && peer->change_count >= REGISTRY_LAN_CHANGES_MAX))
        return ERR_BUSY;
    if (peer->postponed_count && (!peer->id || peer->change_count >= REGISTRY_POSTPONED_MAX))
        return r->postponed_err;
    bool is_again = u64map_get_pointer(&r->sessions, open->session) == peer;
    bool is_limited = open->is_verified && r->sessions_per_account != 0;
    if (is_limited && !is_again && peer->session_count >= r->sessions_per_account) {
        note_refused(r, peer);
        return ERR_TOO_MANY_SESSIONS;
    }
    registry_saw(r, peer);
    peer->session = open->session;
    peer->gateway = msg->from;
    struct change *change = NULL;
    if (is_again || add_session(r, open->session, peer))
        change = registry_add_change(r, CHANGE_OPEN, peer);
    if (!change) {
        if (!is_again && u64map_remove(&r->sessions, open->session, NULL))
            peer->session_count--;
        registry_forget(r, peer);
        return ERR_BUSY;
    }
    change->is_again = is_again;
    change->session = open->session;
    change->from = msg->from;
    change->correlation = msg->correlation;
    change->display_name = registry_copy(open->display_name); /* NULL: stays as it is */
    change->peer_kind = registry_copy(open->kind);
    change->address = registry_copy(open->address);
    note_announced(open, &change->announced);
    return ERR_OK;
}

static enum err on_session_open(struct actor *actor, void *state, const struct msg *msg)
{
    enum err err = open_session(state, msg);
    if (!err)
        return ERR_OK; /* answered when it is stored */
    INTERNAL(SessionOpened) opened = ROOST__INTERNAL__SESSION_OPENED__INIT;
    opened.session = MSG_BODY(msg, INTERNAL(SessionOpen))->session;
    opened.code = err_code(err);
    actor_reply(actor, msg, MSG_SESSION_OPENED, &opened.base, NULL);
    return ERR_OK;
}

/* Writes last_seen when that is due, or when it makes the peer come online. */
static void write_seen(struct peer_registry *r, struct peer *peer, bool is_due)
{
    if (peer->is_seen_queued || (peer->is_online && !is_due))
        return;
    if (registry_add_change(r, CHANGE_SEEN, peer))
        peer->is_seen_queued = true;
}

/* A session of our last life, which ended while it was open. NULL: not known, or no memory now. */
static struct peer *learn_session(struct peer_registry *r, uint64_t session,
                                  ProtobufCBinaryData name, uint8_t gateway)
{
    struct name_folded folded;
    if (name_fold(name.data, name.len, &folded))
        return NULL;
    struct peer *peer = registry_peer(r, name, &folded);
    if (!peer)
        return NULL;
    if (u64map_put_pointer(&r->sessions, session, peer) == ERR_OK) {
        peer->session_count++;
        peer->session = session;
        peer->gateway = gateway;
        log_info("session-learned", LOG_U64("session", session), LOG_STR("peer", peer->name));
        return peer;
    }
    registry_forget(r, peer);
    return NULL;
}

static enum err on_sessions_seen(struct actor *actor, void *state, const struct msg *msg)
{
    struct peer_registry *r = state;
    const INTERNAL(SessionsSeen) *seen = MSG_BODY(msg, INTERNAL(SessionsSeen));
    struct mono_time now = actor_mono(actor);
    for (size_t i = 0; i < seen->n_sessions; i++) {
        struct peer *peer = u64map_get_pointer(&r->sessions, seen->sessions[i]);
        if (!peer && i < seen->n_peer_names)
            peer = learn_session(r, seen->sessions[i], seen->peer_names[i], msg->from);
        if (!peer)
            continue;
        registry_saw(r, peer);
        bool is_opening = peer->id == 0 && peer->change_count > 0; /* its first is on its way */
        bool is_due = mono_elapsed_ms(peer->last_written, now) >= r->write_interval_ms;
        if (!is_opening)
            write_seen(r, peer, is_due);
    }
    return ERR_OK;
}

static enum err on_session_closed(struct actor *actor, void *state, const struct msg *msg)
{
    struct peer_registry *r = state;
    (void)actor;
    const INTERNAL(SessionClosed) *closed = MSG_BODY(msg, INTERNAL(SessionClosed));
    struct peer *peer = u64map_remove_pointer(&r->sessions, closed->session);
    if (!peer)
        return ERR_OK;
    CHECK(peer->session_count > 0);
    if (--peer->session_count > 0)
        return ERR_OK;
    bool is_goodbye = closed->reason == 0;
    if (is_goodbye)
        registry_saw(r, peer);
    if (is_goodbye && registry_add_change(r, CHANGE_LEFT, peer))
        return ERR_OK;
    /* Vanished: the last time it was heard of is written now, the timeout does the rest. */
    if (!peer->is_seen_queued && registry_add_change(r, CHANGE_SEEN, peer))
        peer->is_seen_queued = true;
    return ERR_OK;
}

/* --- Timeouts. */

static void check_timeout(struct peer_registry *r, struct peer *peer)
{
    bool is_over = mono_elapsed_ms(peer->last_seen, actor_mono(r->actor)) > r->timeout_ms;
    if (is_over && peer->is_online && registry_add_change(r, CHANGE_TIMEOUT, peer))
        return;
    if (peer->is_online)
        registry_watch_timeout(r, peer);
    else
        registry_forget(r, peer);
}

static void check_timeouts(struct peer_registry *r)
{
    int64_t now_ns = actor_mono(r->actor).ns;
    struct heap_node *top = heap_top(&r->timeouts);
    for (; top && top->key <= now_ns; top = heap_top(&r->timeouts)) {
        heap_remove(&r->timeouts, top);
        check_timeout(r, HEAP_ENTRY(top, struct peer, timeout));
    }
}

/* --- Start: who was online when we stopped? */

static void load_peers(struct peer_registry *r)
{
    INTERNAL(LoadPeers) load = ROOST__INTERNAL__LOAD_PEERS__INIT;
    load.online_since_ms = 1; /* also those whose timeout ended while we were away */
    load.after_folded.data = (uint8_t *)r->load_after;
    load.after_folded.len = strlen(r->load_after);
    load.limit = LOAD_ROWS;
    if (actor_ask(r->actor, ACTOR_HISTORY, MSG_LOAD_PEERS, &load.base, NULL, LOAD_DEADLINE_MS, 0))
        actor_timer_set(r->actor, REGISTRY_TIMER_LOAD,
                        mono_add_ms(actor_mono(r->actor), LOAD_AGAIN_MS));
}

static void load_peer(struct peer_registry *r, const INTERNAL(LoadedPeer) * loaded)
{
    struct name_folded folded;
    if (name_fold(loaded->name.data, loaded->name.len, &folded))
        return;
    bool is_new = !registry_find(r, folded.text);
    struct peer *peer = registry_peer(r, loaded->name, &folded);
    char *display_name = registry_copy(loaded->display_name);
    if (!peer || !display_name) {
        log_error("peer-not-loaded", LOG_BYTES("peer", loaded->name.data, loaded->name.len));
        free(display_name);
        return;
    }
    free(peer->display_name);
    peer->display_name = display_name;
    peer->id = loaded->peer_id;
    peer->is_online = true;
    peer->is_kept = loaded->is_kept;
    if (is_new)
        peer->last_seen = registry_mono(r, loaded->last_seen_ms);
    metrics_add(actor_metrics(r->actor), METRIC_PEERS_ONLINE, 1);
    registry_watch_timeout(r, peer);
    registry_watch_stale(r, peer);
}

static enum err on_peers_loaded(struct actor *actor, void *state, const struct msg *msg)
{
    struct peer_registry *r = state;
    uint64_t context;
    if (!actor_context(actor, msg, &context))
        return ERR_OK;
    const INTERNAL(PeersLoaded) *loaded = MSG_BODY(msg, INTERNAL(PeersLoaded));
    for (size_t i = 0; i < loaded->n_peers; i++)
        load_peer(r, loaded->peers[i]);
    if (loaded->is_end) {
        r->is_loaded = true;
        return ERR_OK;
    }
    bool is_further = loaded->next_folded.len > 0 &&
                      loaded->next_folded.len < sizeof(r->load_after) &&
                      (loaded->next_folded.len != strlen(r->load_after) ||
                       memcmp(loaded->next_folded.data, r->load_after, loaded->next_folded.len));
    if (!is_further) { /* could not be read now */
        actor_timer_set(actor, REGISTRY_TIMER_LOAD, mono_add_ms(actor_mono(actor), LOAD_AGAIN_MS));
        return ERR_OK;
    }
    memcpy(r->load_after, loaded->next_folded.data, loaded->next_folded.len);
    r->load_after[loaded->next_folded.len] = '\0';
    load_peers(r);
    return ERR_OK;
}

/* --- Calls: passed on to persistence, which has the rows. */

static void answer_call(struct actor *actor, const struct registry_call *call,
                        const INTERNAL(CallDone) * done)
{
    actor_reply_to(actor, call->from, call->correlation, MSG_CALL_DONE, &done->base, NULL);
}

static unsigned free_call(const struct peer_registry *r)
{
    unsigned slot = 0;
    while (slot < REGISTRY_CALLS_MAX && r->calls[slot].is_used)
        slot++;
    return slot;
}

static enum err check_call(const struct peer_registry *r, const INTERNAL(Call) * call,
                           struct name_folded *ret_folded)
{
    bool is_removal = call->method == ROOST__V1__METHOD__PEER_REMOVE;
    if (!is_removal && call->method != ROOST__V1__METHOD__PEER_NICKNAME)
        return ERR_UNKNOWN_CALL;
    if (!call->is_admin)
        return ERR_NOT_ALLOWED;
    enum err err = name_fold(call->peer.data, call->peer.len, ret_folded);
    if (err)
        return err;
    const struct peer *peer = registry_find(r, ret_folded->text);
    bool is_in_use = peer && (peer->session_count || peer->change_count);
    return is_removal && is_in_use ? ERR_PEER_IN_USE : ERR_OK;
}

static enum err pass_on(struct peer_registry *r, const struct msg *msg)
{
    const INTERNAL(Call) *call = MSG_BODY(msg, INTERNAL(Call));
    struct name_folded folded;
    enum err err = check_call(r, call, &folded);
    unsigned slot = free_call(r);
    if (!err && slot == REGISTRY_CALLS_MAX)
        err = ERR_BUSY;
    if (!err)
        err = actor_ask(r->actor, ACTOR_PERSISTENCE, MSG_CALL, &call->base, NULL, CALL_DEADLINE_MS,
                        slot);
    if (err)
        return err;
    r->calls[slot] = (struct registry_call){
        .correlation = msg->correlation,
        .from = msg->from,
        .is_used = true,
        .is_removal = call->method == ROOST__V1__METHOD__PEER_REMOVE,
        .folded = strdup(folded.text),
    };
    return ERR_OK;
}

static const char still_online[] =
    "the peer has a session, or its last one is just being noted; end it, then try again";

static enum err on_call(struct actor *actor, void *state, const struct msg *msg)
{
    enum err err = pass_on(state, msg);
    if (!err)
        return ERR_OK;
    const INTERNAL(Call) *call = MSG_BODY(msg, INTERNAL(Call));
    INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
    done.session = call->session;
    done.request_id = call->request_id;
    done.code = err_code(err);
    done.text = (char *)(uintptr_t)(err == ERR_PEER_IN_USE ? still_online : err_sentence(err));
    actor_reply(actor, msg, MSG_CALL_DONE, &done.base, NULL);
    return ERR_OK;
}

/* A removed peer that nobody has heard of again meanwhile. */
static void drop_removed(struct peer_registry *r, const struct registry_call *call)
{
    struct peer *peer = call->folded ? registry_find(r, call->folded) : NULL;
    if (!peer || peer->session_count || peer->change_count)
        return;
    if (peer->is_online)
        metrics_add(actor_metrics(r->actor), METRIC_PEERS_ONLINE, -1);
    peer->is_online = false;
    registry_forget(r, peer);
}

static void close_call(struct peer_registry *r, uint64_t slot, const INTERNAL(CallDone) * done)
{
    CHECK(slot < REGISTRY_CALLS_MAX && r->calls[slot].is_used);
    struct registry_call *call = &r->calls[slot];
    if (call->is_removal && done->code == 0)
        drop_removed(r, call);
    answer_call(r->actor, call, done);
    free(call->folded);
    *call = (struct registry_call){0};
}

static enum err on_call_done(struct actor *actor, void *state, const struct msg *msg)
{
    uint64_t slot;
    if (actor_context(actor, msg, &slot))
        close_call(state, slot, MSG_BODY(msg, INTERNAL(CallDone)));
    return ERR_OK;
}

/* --- Turns. */

static enum err registry_on_batch(struct actor *actor, void *state)
{
    struct peer_registry *r = state;
    (void)actor;
    registry_save(r);
    registry_arm_timeout(r);
    return ERR_OK;
}

static enum err registry_on_timer(struct actor *actor, void *state, unsigned timer)
{
    struct peer_registry *r = state;
    (void)actor;
    switch (timer) {
    case REGISTRY_TIMER_TIMEOUT:
        check_timeouts(r);
        break;
    case REGISTRY_TIMER_SAVE:
        r->is_waiting = false;
        break; /* on_batch saves */
    case REGISTRY_TIMER_POSTPONED:
        r->is_postponed_waiting = false;
        break;
    case REGISTRY_TIMER_PUBLISH:
        registry_publish_waiting(r);
        break;
    case REGISTRY_TIMER_LOAD:
        load_peers(r);
        break;
    default:
        CHECK(false);
    }
    return ERR_OK;
}

static enum err registry_on_no_answer(struct actor *actor, void *state, uint8_t kind,
                                      uint64_t context)
{
    struct peer_registry *r = state;
    (void)actor;
    if (kind == MSG_PEER_SAVE) {
        registry_save_again(r);
    } else if (kind == MSG_LOAD_PEERS) {
        load_peers(r);
    } else {
        INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
        done.code = err_code(ERR_TIMEOUT);
        done.text = (char *)(uintptr_t)err_sentence(ERR_TIMEOUT); /* only read */
        close_call(r, context, &done);
    }
    return ERR_OK;
}

/* --- Life. */

static enum err registry_init(struct actor *actor, void *state, const void *args)
{
    struct peer_registry *r = state;
    const struct peer_registry_options *options = args;
    int64_t timeout_s = options->timeout_s ? options->timeout_s : PRESENCE_TIMEOUT_S_DEFAULT;
    r->actor = actor;
    r->timeout_ms = timeout_s * 1000;
    r->write_interval_ms = WRITE_INTERVAL_MS;
    if (r->write_interval_ms > r->timeout_ms / 3)
        r->write_interval_ms = r->timeout_ms / 3;
    r->mono_start = actor_mono(actor);
    r->wall_start_ms = actor_wall(actor).ms;
    hash_init(&r->peers, REGISTRY_PEERS_MAX);
    u64map_init(&r->sessions, REGISTRY_SESSIONS_MAX);
    heap_init(&r->timeouts, REGISTRY_PEERS_MAX);
    heap_init(&r->stale, REGISTRY_PEERS_MAX);
    r->watcher = options->watcher;
    r->sessions_per_account = options->sessions_per_account;
    r->lan_max = (size_t)(options->lan_max ? options->lan_max : LAN_MAX_DEFAULT);
    r->lan_max -= r->lan_max / 8; /* so that the rows that go first are of nobody online */
    registry_changes_init(r);
    r->events_end = &r->events;
    metrics_set(actor_metrics(actor), METRIC_PEERS_ONLINE, 0);
    load_peers(r);
    return ERR_OK;
}

static void registry_fini(struct actor *actor, void *state)
{
    struct peer_registry *r = state;
    (void)actor;
    registry_changes_fini(r);
    registry_peers_fini(r);
    for (unsigned i = 0; i < REGISTRY_CALLS_MAX; i++)
        free(r->calls[i].folded);
}

const struct actor_class peer_registry_actor = {
    .name = "peer-registry",
    .state_size = sizeof(struct peer_registry),
    .restart = ACTOR_RESTART,
    .link_room = 4096,
    .init = registry_init,
    .fini = registry_fini,
    .on_timer = registry_on_timer,
    .on_no_answer = registry_on_no_answer,
    .on_batch = registry_on_batch,
    .on =
        {
            [MSG_SESSION_OPEN] = on_session_open,
            [MSG_SESSIONS_SEEN] = on_sessions_seen,
            [MSG_SESSION_CLOSED] = on_session_closed,
            [MSG_PEER_MEASURED] = registry_on_peer_measured,
            [MSG_PEERS_LOADED] = on_peers_loaded,
            [MSG_PEER_SAVED] = registry_on_peer_saved,
            [MSG_CALL] = on_call,
            [MSG_CALL_DONE] = on_call_done,
        },
};
