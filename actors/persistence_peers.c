/* SPDX-License-Identifier: MPL-2.0
 *
 * PEER_SAVE: peers seen, come and gone, as peer-registry tells it.
 *
 * The registry counts time by a clock that does not jump while it runs; what is on disk may have
 * been written by an earlier run whose clock was ahead. Where a change of state would then be
 * invisible to the comparison of presence.h, its time is moved just behind what is stored: someone
 * who comes is online and someone who goes is offline, whatever the clocks say.
 *
 * What cannot be stored now is answered with the id of the peer all the same, if it has a row.
 */
#include <string.h>

#include "persistence_state.h"
#include "store/peers.h"

enum peer_event { EVENT_NONE = 0, EVENT_ONLINE = 1, EVENT_OFFLINE = 2 };

/* Strings of the question as the store wants them. "" when absent. */
static const char *text(struct persistence *p, ProtobufCBinaryData bytes)
{
    if (bytes.len == 0)
        return "";
    char *copy = batch_alloc(p->batch, bytes.len + 1); /* zeroed: ends with NUL */
    memcpy(copy, bytes.data, bytes.len);
    return copy;
}

static enum err create_peer(struct persistence *p, const char *name, const char *folded,
                            int64_t *ret_id)
{
    bool is_lan = persistence_is_lan(folded);
    enum err err = is_lan ? persistence_make_lan_room(p) : ERR_OK;
    if (!err)
        err = peer_create(p->store, name, folded, p->now_ms, ret_id);
    if (!err && is_lan)
        p->lan_count++;
    return err;
}

static enum err find_by_name(struct persistence *p, const INTERNAL(PeerChange) * change,
                             int64_t *ret_id)
{
    struct name_folded folded;
    enum err err = name_fold(change->name.data, change->name.len, &folded);
    if (!err)
        err = peer_find(p->store, folded.text, ret_id);
    if (err != ERR_NO_SUCH_PEER || !change->may_create)
        return err;
    return create_peer(p, text(p, change->name), folded.text, ret_id);
}

struct stored_peer {
    struct persistence *p;
    INTERNAL(PeerState) * state;
    int64_t last_seen_ms, left_ms;
    bool is_lan;
};

static enum err take_peer(void *context, const struct peer_row *row)
{
    struct stored_peer *stored = context;
    struct batch *batch = stored->p->batch;
    stored->last_seen_ms = row->last_seen_ms;
    stored->left_ms = row->left_ms;
    stored->is_lan = row->is_lan;
    stored->state->is_verified = row->is_verified;
    stored->state->name = batch_bytes(batch, row->name, strlen(row->name));
    stored->state->display_name = batch_bytes(batch, row->display_name, strlen(row->display_name));
    return ERR_OK;
}

/* See above. */
static void fit_times(const struct persistence *p, const struct stored_peer *stored, uint32_t event,
                      struct peer_seen *seen)
{
    if (event == EVENT_ONLINE && seen->seen_ms <= stored->left_ms)
        seen->seen_ms = stored->left_ms + 1;
    bool is_ahead = stored->last_seen_ms > p->now_ms;
    if (event == EVENT_OFFLINE && (seen->left_ms || is_ahead) &&
        seen->left_ms < stored->last_seen_ms)
        seen->left_ms = stored->last_seen_ms;
    if (seen->left_ms && seen->left_ms < seen->seen_ms)
        seen->left_ms = seen->seen_ms;
}

static enum err add_event(struct persistence *p, const INTERNAL(PeerChange) * change,
                          int64_t peer_id, INTERNAL(PeerState) * state)
{
    if (change->event == EVENT_NONE)
        return ERR_OK;
    bool is_online = change->event == EVENT_ONLINE;
    int64_t at_ms = change->left_ms ? change->left_ms : is_online ? change->seen_ms : p->now_ms;
    return presence_add(p->store, peer_id, is_online, at_ms, text(p, change->reason),
                        &state->event_id);
}

/* The peer of the change, which may have been forgotten since it got its id. */
static enum err read_stored(struct persistence *p, const INTERNAL(PeerChange) * change,
                            struct stored_peer *stored, int64_t *ret_id)
{
    enum err err = ERR_NO_SUCH_PEER;
    *ret_id = change->peer_id;
    if (change->peer_id)
        err = peer_read(p->store, change->peer_id, take_peer, stored);
    if (err != ERR_NO_SUCH_PEER || (change->peer_id && !change->may_create))
        return err;
    err = find_by_name(p, change, ret_id);
    return err ? err : peer_read(p->store, *ret_id, take_peer, stored);
}

static enum err add_measured(struct persistence *p, const INTERNAL(PeerChange) * change,
                             int64_t peer_id)
{
    const INTERNAL(PeerMeasured) *measured = change->measured;
    if (!measured)
        return ERR_OK;
    struct peer_measured add = {
        .ok = measured->ok,
        .failed = measured->failed,
        .bytes = measured->bytes,
        .latency_total_ms = measured->latency_total_ms,
        .latency_count = measured->latency_count,
    };
    return peer_add_measured(p->store, peer_id, &add);
}

static enum err note_kept(struct persistence *p, int64_t peer_id, INTERNAL(PeerState) * state)
{
    bool is_kept = false;
    enum err err = peer_is_kept(p->store, peer_id, &is_kept);
    state->is_kept = is_kept;
    return err;
}

/* It is not stored now; but who has a row can be let in. Reading needs no room. */
static void show_known(struct persistence *p, const INTERNAL(PeerChange) * change,
                       INTERNAL(PeerState) * state)
{
    struct stored_peer stored = {.p = p, .state = state};
    INTERNAL(PeerChange) known = *change;
    int64_t id = 0;
    known.may_create = false;
    if (read_stored(p, &known, &stored, &id) == ERR_OK)
        state->peer_id = id;
}

static enum err save_peer(struct persistence *p, const INTERNAL(PeerChange) * change,
                          INTERNAL(PeerState) * state)
{
    struct stored_peer stored = {.p = p, .state = state};
    int64_t id = 0;
    enum err err = read_stored(p, change, &stored, &id);
    if (err)
        return err;
    state->peer_id = id;
    struct peer_seen seen = {
        .id = id,
        .seen_ms = change->seen_ms,
        .left_ms = change->left_ms,
        .display_name = text(p, change->display_name),
        .kind = text(p, change->kind),
        .address = text(p, change->address),
        .source = text(p, change->kind),
        .is_new_connection = change->is_new_connection,
        .host_name = text(p, change->host_name),
        .group_name = text(p, change->group),
        .version_token = text(p, change->version_token),
        .charset = text(p, change->charset),
        .fingerprint = text(p, change->fingerprint),
        .port = change->port,
        .capabilities = change->capabilities,
    };
    fit_times(p, &stored, change->event, &seen);
    if (change->display_name.len)
        state->display_name =
            batch_bytes(p->batch, change->display_name.data, change->display_name.len);
    err = peer_update_seen(p->store, &seen);
    if (!err)
        err = add_measured(p, change, id);
    if (!err && stored.is_lan)
        err = note_kept(p, id, state);
    return err ? err : add_event(p, change, id, state);
}

enum err persistence_peer_save(struct persistence *p, const void *question, enum err refusal,
                               ProtobufCMessage **ret_answer)
{
    const INTERNAL(PeerSave) *save = question;
    INTERNAL(PeerSaved) *saved = batch_alloc(p->batch, sizeof(*saved));
    INTERNAL(PeerState) *states = batch_alloc(p->batch, (save->n_changes + 1) * sizeof(*states));
    roost__internal__peer_saved__init(saved);
    saved->states = batch_alloc(p->batch, (save->n_changes + 1) * sizeof(*saved->states));
    *ret_answer = &saved->base;
    for (size_t i = 0; i < save->n_changes; i++) {
        INTERNAL(PeerState) *state = &states[i];
        roost__internal__peer_state__init(state);
        saved->states[saved->n_states++] = state;
        enum err err = refusal ? refusal : save_peer(p, save->changes[i], state);
        if (!refusal && persistence_breaks(err))
            return err;
        if (refusal)
            show_known(p, save->changes[i], state);
        state->code = err_code(err);
    }
    return ERR_OK;
}
