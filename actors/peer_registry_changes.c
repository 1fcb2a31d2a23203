/* SPDX-License-Identifier: MPL-2.0
 *
 * Changes on their way: queues, of which the oldest go to persistence as one PEER_SAVE at a time.
 *
 *     add_change -> [fresh] -> PEER_SAVE -> stored: PRESENCE_CHANGED, SESSION_OPENED, forgotten
 *                                  ^     -> no room, and the peer is new: SESSION_OPENED refused
 *                                  |     -> no room: SESSION_OPENED, if that is what it was, then
 *                                  +------- [postponed], tried again every second until it is stored
 *
 * So what comes in waits for nothing that does not fit. The changes of a peer stay in their order: as
 * long as one of them is postponed, those that follow are put behind it.
 *
 * Whether a change is an event (came online, went offline) is decided once, when it is sent for the
 * first time: then everything before it in the queue is decided, and history has told who was
 * online when we started.
 */
#include <stdlib.h>
#include <string.h>

#include "peer_registry_state.h"
#include "rt/check.h"
#include "rt/log.h"
#include "rt/metrics.h"

#define SAVE_DEADLINE_MS  20000
#define SAVE_AGAIN_MS     1000
#define FULL_AGAIN_MS     50 /* each try makes persistence roll back what it has in hand */
#define BUSY_AGAIN_MS     5
#define ARENA_LIMIT_BYTES ((size_t)8 << 20)

_Static_assert(REGISTRY_SAVE_MAX * 8192 <= ARENA_LIMIT_BYTES, "a PEER_SAVE fits its arena");

/* --- Queues. */

static void push(struct change_queue *queue, struct change *change)
{
    change->next = NULL;
    *queue->end = change;
    queue->end = &change->next;
}

/* The change that *at points to leaves the queue. */
static struct change *unlink_change(struct change_queue *queue, struct change **at)
{
    struct change *change = *at;
    *at = change->next;
    if (!*at)
        queue->end = at;
    return change;
}

void registry_changes_init(struct peer_registry *r)
{
    r->fresh.end = &r->fresh.head;
    r->postponed.end = &r->postponed.head;
}

struct change *registry_add_change(struct peer_registry *r, enum change_kind kind,
                                   struct peer *peer)
{
    struct change *change = calloc(1, sizeof(*change));
    if (!change)
        return NULL;
    change->kind = kind;
    change->peer = peer;
    change->at_ms = registry_ms(r, actor_mono(r->actor));
    change->seen_ms = registry_ms(r, peer->last_seen);
    if (kind == CHANGE_LEFT || kind == CHANGE_DROPPED)
        change->left_ms = change->at_ms;
    change->measured = peer->measured;
    roost__internal__peer_measured__init(&peer->measured);
    peer->change_count++;
    peer->last_written = actor_mono(r->actor);
    push(&r->fresh, change);
    return change;
}

static void free_change(struct change *change)
{
    free(change->display_name);
    free(change->peer_kind);
    free(change->address);
    free(change->announced.host_name);
    free(change->announced.group);
    free(change->announced.version_token);
    free(change->announced.charset);
    free(change->announced.fingerprint);
    free(change);
}

static void free_changes(struct change_queue *queue)
{
    while (queue->head)
        free_change(unlink_change(queue, &queue->head));
}

void registry_changes_fini(struct peer_registry *r)
{
    free_changes(&r->fresh);
    free_changes(&r->postponed);
    while (r->events) {
        struct presence_message *event = r->events;
        r->events = event->next;
        free(event->packed);
        free(event);
    }
    arena_fini(&r->arena);
}

/* --- What gateways measured: goes with the next change of the peer. */

enum err registry_on_peer_measured(struct actor *actor, void *state, const struct msg *msg)
{
    struct peer_registry *r = state;
    const INTERNAL(PeerMeasured) *measured = MSG_BODY(msg, INTERNAL(PeerMeasured));
    struct peer *peer = u64map_get_pointer(&r->sessions, measured->session);
    (void)actor;
    if (!peer)
        return ERR_OK;
    peer->measured.ok += measured->ok;
    peer->measured.failed += measured->failed;
    peer->measured.bytes += measured->bytes;
    peer->measured.latency_total_ms += measured->latency_total_ms;
    peer->measured.latency_count += measured->latency_count;
    if ((measured->ok || measured->has_message) && !peer->has_message) {
        peer->has_message = peer->is_kept = true;
        registry_watch_stale(r, peer);
    }
    return ERR_OK;
}

/* --- To the store. */

static void decide_event(const struct peer_registry *r, struct change *change)
{
    struct peer *peer = change->peer;
    bool is_coming = change->kind == CHANGE_OPEN || change->kind == CHANGE_SEEN;
    if (change->has_event)
        return;
    change->has_event = true;
    int64_t silent_ms = mono_elapsed_ms(peer->last_seen, actor_mono(r->actor));
    if (change->kind == CHANGE_TIMEOUT && silent_ms <= r->timeout_ms)
        return; /* it was heard of while this waited */
    /* Whoever vanished is written once more, to say exactly when it was seen last; that makes
     * nobody come back. */
    if (change->kind == CHANGE_SEEN && peer->session_count == 0)
        return;
    if (peer->is_online == is_coming)
        return;
    peer->is_online = is_coming;
    change->event = is_coming ? CHANGE_ONLINE : CHANGE_OFFLINE;
}

static const char *reason_of(const struct change *change)
{
    switch (change->kind) {
    case CHANGE_OPEN:
        return "hello";
    case CHANGE_SEEN:
        return "seen";
    case CHANGE_LEFT:
        return "goodbye";
    case CHANGE_TIMEOUT:
        return "timeout";
    case CHANGE_DROPPED:
        return "dropped";
    }
    return "";
}

/* A string that outlives the message. */
static ProtobufCBinaryData text(const char *string)
{
    ProtobufCBinaryData bytes = {.len = string ? strlen(string) : 0};
    bytes.data = bytes.len ? (uint8_t *)(uintptr_t)string : NULL;
    return bytes;
}

static void fill_announced(const struct announced *announced, INTERNAL(PeerChange) * out)
{
    out->host_name = text(announced->host_name);
    out->group = text(announced->group);
    out->port = announced->port;
    out->version_token = text(announced->version_token);
    out->capabilities = announced->capabilities;
    out->charset = text(announced->charset);
    out->fingerprint = text(announced->fingerprint);
}

static void fill_change(struct change *change, INTERNAL(PeerChange) * out)
{
    roost__internal__peer_change__init(out);
    out->name = text(change->peer->name);
    out->peer_id = change->peer->id;
    out->display_name = text(change->display_name);
    out->kind = text(change->peer_kind);
    out->address = text(change->address);
    out->seen_ms = change->seen_ms;
    out->left_ms = change->left_ms;
    out->is_new_connection = change->kind == CHANGE_OPEN && !change->is_again;
    out->may_create = change->kind == CHANGE_OPEN;
    out->event = change->event;
    out->reason = text(reason_of(change));
    fill_announced(&change->announced, out);
    if (change->measured.ok || change->measured.failed)
        out->measured = &change->measured;
}

static unsigned collect(struct peer_registry *r, const struct change_queue *queue,
                        INTERNAL(PeerSave) * save)
{
    unsigned count = 0;
    save->changes = arena_alloc(&r->arena, REGISTRY_SAVE_MAX * sizeof(*save->changes));
    CHECK(save->changes);
    for (struct change *change = queue->head; change && count < REGISTRY_SAVE_MAX;
         change = change->next) {
        INTERNAL(PeerChange) *out = arena_alloc(&r->arena, sizeof(*out));
        CHECK(out); /* asserted above */
        decide_event(r, change);
        fill_change(change, out);
        save->changes[count++] = out;
    }
    save->n_changes = count;
    return count;
}

static void wait_before_save(struct peer_registry *r, int64_t delay_ms)
{
    r->is_waiting = true;
    actor_timer_set(r->actor, REGISTRY_TIMER_SAVE, mono_add_ms(actor_mono(r->actor), delay_ms));
}

static void answer_open(struct peer_registry *r, const struct change *change, uint32_t code)
{
    INTERNAL(SessionOpened) opened = ROOST__INTERNAL__SESSION_OPENED__INIT;
    opened.session = change->session;
    opened.code = code;
    opened.peer_id = code ? 0 : change->peer->id;
    opened.peer_name = text(change->peer->name);
    actor_reply_to(r->actor, change->from, change->correlation, MSG_SESSION_OPENED, &opened.base,
                   NULL);
}

/* There is no room for it; its peer has a row, or this is no session that begins. */
static void postpone(struct peer_registry *r, struct change *change)
{
    push(&r->postponed, change);
    change->peer->postponed_count++;
    if (change->kind != CHANGE_OPEN || change->is_answered)
        return;
    change->is_answered = true;
    answer_open(r, change, 0);
}

/* Puts behind those of its peer that are postponed what may not overtake them. */
static void sort_out(struct peer_registry *r)
{
    unsigned count = 0;
    for (struct change **at = &r->fresh.head; *at && count < REGISTRY_SAVE_MAX;) {
        if ((*at)->peer->postponed_count > 0) {
            postpone(r, unlink_change(&r->fresh, at));
        } else {
            at = &(*at)->next;
            count++;
        }
    }
}

void registry_save(struct peer_registry *r)
{
    if (r->in_flight > 0 || r->is_waiting || !r->is_loaded)
        return;
    if (r->postponed.head)
        sort_out(r);
    r->asked = r->postponed.head && !r->is_postponed_waiting ? &r->postponed : &r->fresh;
    if (!r->asked->head)
        return;
    INTERNAL(PeerSave) save = ROOST__INTERNAL__PEER_SAVE__INIT;
    if (!r->arena.limit_bytes)
        arena_init(&r->arena, ARENA_LIMIT_BYTES);
    unsigned count = collect(r, r->asked, &save);
    enum err err = actor_ask(r->actor, ACTOR_PERSISTENCE, MSG_PEER_SAVE, &save.base, NULL,
                             SAVE_DEADLINE_MS, 0);
    arena_reset(&r->arena);
    if (err)
        wait_before_save(r, BUSY_AGAIN_MS);
    else
        r->in_flight = count;
}

void registry_save_again(struct peer_registry *r)
{
    r->in_flight = 0;
    wait_before_save(r, SAVE_AGAIN_MS);
}

/* --- Published. */

/* Keeps the event for later; the oldest goes when there are too many (a page of presence events
 * shows it anyway). */
static void keep_event(struct peer_registry *r, const INTERNAL(PresenceChanged) * changed)
{
    struct presence_message *event = calloc(1, sizeof(*event));
    size_t size = roost__internal__presence_changed__get_packed_size(changed);
    uint8_t *packed = malloc(size + 1);
    if (!event || !packed || r->event_count == REGISTRY_EVENTS_MAX) {
        metrics_add(actor_metrics(r->actor), METRIC_DROPPED, 1);
        free(event);
        free(packed);
        return;
    }
    event->packed = packed;
    event->size = roost__internal__presence_changed__pack(changed, packed);
    *r->events_end = event;
    r->events_end = &event->next;
    r->event_count++;
    actor_timer_set(r->actor, REGISTRY_TIMER_PUBLISH,
                    mono_add_ms(actor_mono(r->actor), BUSY_AGAIN_MS));
}

static enum err send_event(struct peer_registry *r, const INTERNAL(PresenceChanged) * changed)
{
    return actor_send(r->actor, ACTOR_ZMQ_GATEWAY, MSG_PRESENCE_CHANGED, &changed->base, NULL);
}

void registry_publish_waiting(struct peer_registry *r)
{
    while (r->events) {
        struct presence_message *event = r->events;
        INTERNAL(PresenceChanged) *changed =
            roost__internal__presence_changed__unpack(NULL, event->size, event->packed);
        enum err err = changed ? send_event(r, changed) : ERR_OK;
        if (changed)
            roost__internal__presence_changed__free_unpacked(changed, NULL);
        if (err) {
            actor_timer_set(r->actor, REGISTRY_TIMER_PUBLISH,
                            mono_add_ms(actor_mono(r->actor), BUSY_AGAIN_MS));
            return;
        }
        r->events = event->next;
        if (!r->events)
            r->events_end = &r->events;
        r->event_count--;
        free(event->packed);
        free(event);
    }
}

/* For people who look: what finds no room is left out, and counted. */
static void tell_watcher(struct peer_registry *r, const INTERNAL(PresenceChanged) * changed)
{
    if (r->watcher && actor_send(r->actor, r->watcher, MSG_PRESENCE_CHANGED, &changed->base, NULL))
        metrics_add(actor_metrics(r->actor), METRIC_DROPPED, 1);
}

static void publish(struct peer_registry *r, const struct change *change,
                    const INTERNAL(PeerState) * state)
{
    INTERNAL(PresenceChanged) changed = ROOST__INTERNAL__PRESENCE_CHANGED__INIT;
    bool is_online = change->event == CHANGE_ONLINE;
    metrics_add(actor_metrics(r->actor), METRIC_PEERS_ONLINE, is_online ? 1 : -1);
    changed.peer_id = state->peer_id;
    changed.peer_name = state->name;
    changed.display_name = state->display_name;
    changed.is_online = is_online;
    changed.at_ms = change->at_ms;
    changed.reason = text(reason_of(change));
    changed.event_id = state->event_id;
    changed.is_verified = state->is_verified;
    if (r->events || send_event(r, &changed))
        keep_event(r, &changed);
    tell_watcher(r, &changed);
}

/* --- Stored. */

static void take_names(struct peer *peer, const INTERNAL(PeerState) * state)
{
    char *name = registry_copy(state->name), *display_name = registry_copy(state->display_name);
    peer->id = state->peer_id;
    if (name && display_name && name[0]) {
        free(peer->name);
        free(peer->display_name);
        peer->name = name;
        peer->display_name = display_name;
        return;
    }
    free(name); /* no memory: the ones we have will do */
    free(display_name);
}

/* Its row is no more. What is still in the queue for it goes the same way, or makes it anew. */
static void forgotten(struct peer_registry *r, const struct change *change)
{
    struct peer *peer = change->peer;
    const struct change gone = {
        .kind = CHANGE_DROPPED, .peer = peer, .event = CHANGE_OFFLINE, .at_ms = change->at_ms};
    INTERNAL(PeerState) last = ROOST__INTERNAL__PEER_STATE__INIT;
    bool was_told_online =
        change->event == CHANGE_OFFLINE || (change->event == CHANGE_EVENT_NONE && peer->is_online);
    last.peer_id = peer->id;
    last.name = text(peer->name);
    last.display_name = text(peer->display_name);
    peer->is_online = false;
    peer->id = 0;
    if (was_told_online)
        publish(r, &gone, &last);
    registry_drop_session(r, peer, ERR_NO_SUCH_PEER);
}

/* It will never be stored. */
static void refused(struct peer_registry *r, const struct change *change,
                    const INTERNAL(PeerState) * state)
{
    bool is_gone = err_from_code(state->code) == ERR_NO_SUCH_PEER;
    if (is_gone && change->kind != CHANGE_OPEN) { /* persistence made room */
        forgotten(r, change);
        return;
    }
    log_warn("peer-refused", LOG_STR("peer", change->peer->name), LOG_U64("code", state->code));
    if (change->event == CHANGE_ONLINE)
        change->peer->is_online = false;
    if (change->is_answered)
        registry_drop_session(r, change->peer, err_from_code(state->code));
    if (change->kind != CHANGE_OPEN || change->is_answered)
        return;
    answer_open(r, change, state->code);
    if (u64map_get_pointer(&r->sessions, change->session) != change->peer)
        return;
    (void)u64map_remove(&r->sessions, change->session, NULL);
    change->peer->session_count--;
}

static void stored(struct peer_registry *r, const struct change *change,
                   const INTERNAL(PeerState) * state)
{
    take_names(change->peer, state);
    change->peer->is_kept = state->is_kept || change->peer->has_message;
    if (change->event != CHANGE_EVENT_NONE)
        publish(r, change, state);
    if (change->kind == CHANGE_OPEN && !change->is_answered) /* last: nobody is told of himself */
        answer_open(r, change, 0);
}

/* Stored, or refused for good. */
static void settle_change(struct peer_registry *r, struct change *change,
                          const INTERNAL(PeerState) * state)
{
    if (state->code)
        refused(r, change, state);
    else
        stored(r, change, state);
    struct peer *peer = change->peer;
    peer->change_count--;
    if (change->kind == CHANGE_SEEN)
        peer->is_seen_queued = false;
    if (peer->is_online)
        registry_watch_timeout(r, peer);
    registry_watch_stale(r, peer);
    registry_forget(r, peer);
    free_change(change);
}

/* A session of somebody new is nothing to be kept: it can be asked for again. */
static bool is_to_postpone(const struct change *change, const INTERNAL(PeerState) * state)
{
    bool is_new = change->kind == CHANGE_OPEN && !change->is_answered && state->peer_id == 0;
    return err_is_retryable(err_from_code(state->code)) && !is_new;
}

/* The first of those in flight, which leaves their queue or is passed over. */
static struct change **settle_first(struct peer_registry *r, struct change **at,
                                    const INTERNAL(PeerState) * state)
{
    bool was_postponed = r->asked == &r->postponed;
    bool is_postponed = state->code && is_to_postpone(*at, state);
    if (was_postponed && is_postponed)
        return &(*at)->next;
    struct change *change = unlink_change(r->asked, at);
    change->peer->postponed_count -= was_postponed;
    if (is_postponed && state->peer_id)
        take_names(change->peer, state);
    if (is_postponed)
        postpone(r, change);
    else
        settle_change(r, change, state);
    return at;
}

/* Not everything could be stored. */
static void wait_for_room(struct peer_registry *r, unsigned left)
{
    log_warn("peers-not-stored", LOG_U64("changes", left), LOG_ERROR(r->postponed_err));
    if (r->asked == &r->fresh)
        wait_before_save(r, FULL_AGAIN_MS);
    if (r->is_postponed_waiting)
        return;
    r->is_postponed_waiting = true;
    actor_timer_set(r->actor, REGISTRY_TIMER_POSTPONED,
                    mono_add_ms(actor_mono(r->actor), SAVE_AGAIN_MS));
}

static void settle_changes(struct peer_registry *r, const INTERNAL(PeerSaved) * saved)
{
    struct change **at = &r->asked->head;
    unsigned left = 0;
    CHECK(saved->n_states == r->in_flight);
    for (unsigned i = 0; i < r->in_flight; i++) {
        enum err err = err_from_code(saved->states[i]->code);
        if (err && err_is_retryable(err)) {
            r->postponed_err = err;
            left++;
        }
        at = settle_first(r, at, saved->states[i]);
    }
    r->in_flight = 0;
    if (left > 0)
        wait_for_room(r, left);
}

enum err registry_on_peer_saved(struct actor *actor, void *state, const struct msg *msg)
{
    struct peer_registry *r = state;
    uint64_t context;
    if (!actor_context(actor, msg, &context))
        return ERR_OK;
    settle_changes(r, MSG_BODY(msg, INTERNAL(PeerSaved)));
    return ERR_OK;
}
