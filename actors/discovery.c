/* SPDX-License-Identifier: MPL-2.0
 *
 * See discovery.h.
 */
#include "discovery.h"

#include <string.h>

#include "discovery_policy.h"
#include "discovery_warm.h"
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "proto/name.h"
#include "proto/wire.h"
#include "rt/log.h"
#include "rt/metrics.h"

#define TIMER_DUE      0
#define TIMER_LOAD     1
#define SAYS_PER_LOT   20 /* peers asked at once ... */
#define LOT_GAP_MS     50 /* ... and the time to the next ones */
#define LOAD_ASK_MS    15000
#define LOAD_AGAIN_MS  1000
#define LOAD_TRIES_MAX 10

#define NOT_LISTENING "programs of the local network are not listened to; set ipmsg.listen"

struct discovery {
    struct actor *actor;
    uint8_t gateway, history;
    struct discovery_policy policy;
    struct warm warm;
    bool is_listening; /* there is a local network ... */
    bool is_ready;     /* ... and nothing of the last run is unfinished there */
    unsigned load_tries;
    uint64_t load_run; /* for which the page that is asked for is */
    struct name_folded load_after;
    struct mono_time lot_at; /* not before */
};

/* What finds no room is made up for: a peer that got no answer says its entry again. */
static void send_say(struct discovery *discovery, const INTERNAL(LanSay) * body)
{
    enum err err = actor_send(discovery->actor, discovery->gateway, MSG_LAN_SAY, &body->base, NULL);
    if (err)
        log_warn("lan-say-lost", LOG_U64("what", body->what), LOG_ERROR(err));
}

static void say(struct discovery *discovery, uint64_t peer, INTERNAL(LanSaying) what)
{
    INTERNAL(LanSay) body = ROOST__INTERNAL__LAN_SAY__INIT;
    body.peer = peer;
    body.what = what;
    send_say(discovery, &body);
}

/* --- The warm start. */

static void show_warm(struct discovery *discovery)
{
    struct metrics *metrics = actor_metrics(discovery->actor);
    const struct warm_counts *counts = &discovery->warm.counts;
    metrics_set(metrics, METRIC_WARM_KNOWN, counts->known);
    metrics_set(metrics, METRIC_WARM_ASKED, counts->asked);
    metrics_set(metrics, METRIC_WARM_ANSWERED, counts->answered);
    metrics_set(metrics, METRIC_WARM_WAITING, counts->waiting);
    metrics_set(metrics, METRIC_WARM_RUNNING, counts->is_running);
    if (!warm_take_end(&discovery->warm))
        return;
    uint64_t percent = counts->asked ? 100ull * counts->answered / counts->asked : 0;
    log_info("warm-start", LOG_U64("known", counts->known), LOG_U64("asked", counts->asked),
             LOG_U64("answered", counts->answered), LOG_U64("hit_rate_percent", percent),
             LOG_I64("took_ms",
                     mono_elapsed_ms(discovery->warm.began_at, actor_mono(discovery->actor))));
}

static void load_later(struct discovery *discovery)
{
    actor_timer_set(discovery->actor, TIMER_LOAD,
                    mono_add_ms(actor_mono(discovery->actor), LOAD_AGAIN_MS));
}

/* What the store cannot say now is asked for again; after a while it goes on with what is known. */
static void load_page(struct discovery *discovery)
{
    INTERNAL(LoadKnown) load = ROOST__INTERNAL__LOAD_KNOWN__INIT;
    if (discovery->load_tries++ == LOAD_TRIES_MAX) {
        log_warn("warm-start-partly", LOG_U64("known", discovery->warm.counts.known));
        warm_loaded(&discovery->warm);
        return;
    }
    load.after_folded.data = (uint8_t *)discovery->load_after.text;
    load.after_folded.len = discovery->load_after.size;
    discovery->load_run = discovery->warm.counts.run;
    if (actor_ask(discovery->actor, discovery->history, MSG_LOAD_KNOWN, &load.base, NULL,
                  LOAD_ASK_MS, discovery->load_run) != ERR_OK)
        load_later(discovery);
}

static void begin_warm_start(struct discovery *discovery)
{
    warm_begin(&discovery->warm, actor_mono(discovery->actor));
    show_warm(discovery); /* before anybody is told of this run */
    metrics_add(actor_metrics(discovery->actor), METRIC_WARM_RUNS, 1);
    discovery->load_tries = 0;
    discovery->load_after.size = 0;
    actor_timer_stop(discovery->actor, TIMER_LOAD);
    load_page(discovery);
}

static enum err on_known_loaded(struct actor *actor, void *state, const struct msg *msg)
{
    struct discovery *discovery = state;
    const INTERNAL(KnownLoaded) *loaded = MSG_BODY(msg, INTERNAL(KnownLoaded));
    struct name_folded *after = &discovery->load_after;
    uint64_t run;
    if (!actor_context(actor, msg, &run) || run != discovery->warm.counts.run ||
        discovery->warm.is_loaded)
        return ERR_OK; /* of a run that was given up, or too late */
    if (loaded->code || loaded->next_folded.len >= sizeof(after->text)) {
        load_later(discovery);
        return ERR_OK;
    }
    for (size_t i = 0; i < loaded->n_addresses; i++) {
        const INTERNAL(KnownAddress) *known = loaded->addresses[i];
        const struct warm_target target = {.ip = known->ip,
                                           .port = (uint16_t)known->port,
                                           .is_relay = known->is_relay,
                                           .is_imported = known->is_imported,
                                           .reliability_ppm = known->reliability_ppm};
        warm_add(&discovery->warm, &target);
    }
    after->size = loaded->next_folded.len;
    if (after->size)
        memcpy(after->text, loaded->next_folded.data, after->size);
    discovery->load_tries = 0;
    if (loaded->is_end)
        warm_loaded(&discovery->warm);
    else
        load_page(discovery);
    return ERR_OK;
}

static enum err on_no_answer(struct actor *actor, void *state, uint8_t kind, uint64_t context)
{
    struct discovery *discovery = state;
    (void)actor;
    (void)kind; /* nothing else is asked */
    if (context == discovery->warm.counts.run)
        load_page(discovery);
    return ERR_OK;
}

static bool call_on_next(struct discovery *discovery, struct mono_time now)
{
    INTERNAL(LanSay) body = ROOST__INTERNAL__LAN_SAY__INIT;
    struct warm_target target;
    if (!warm_next(&discovery->warm, now, &target, &body.peer))
        return false;
    body.what = ROOST__INTERNAL__LAN_SAYING__LAN_CALL_ON;
    body.ip = target.ip;
    body.port = target.port;
    body.is_near_only = target.is_imported;
    send_say(discovery, &body);
    return true;
}

/* WARM_START_AGAIN: one that is under way goes on. */
static enum err on_call(struct actor *actor, void *state, const struct msg *msg)
{
    struct discovery *discovery = state;
    const INTERNAL(Call) *call = MSG_BODY(msg, INTERNAL(Call));
    INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
    enum err err = ERR_OK;
    done.session = call->session;
    done.request_id = call->request_id;
    if (call->method != ROOST__V1__METHOD__WARM_START_AGAIN)
        err = ERR_UNKNOWN_CALL;
    else if (!call->is_admin)
        err = ERR_NOT_ALLOWED;
    else if (!discovery->is_listening)
        err = ERR_CONFIG;
    else if (discovery->is_ready && !discovery->warm.counts.is_running)
        begin_warm_start(discovery);
    done.code = err_code(err);
    done.text = (char *)(uintptr_t)(err == ERR_CONFIG ? NOT_LISTENING : ""); /* only read */
    done.seq = discovery->warm.counts.run + !discovery->is_ready; /* which begins in a moment */
    actor_reply(actor, msg, MSG_CALL_DONE, &done.base, NULL);
    return ERR_OK;
}

/* --- What is heard, and what is due. */

static enum err on_heard(struct actor *actor, void *state, const struct msg *msg)
{
    struct discovery *discovery = state;
    const INTERNAL(LanHeard) *heard = MSG_BODY(msg, INTERNAL(LanHeard));
    if (heard->what == ROOST__INTERNAL__LAN_HEARING__LAN_ANSWERED) {
        warm_answered(&discovery->warm, heard->peer);
        return ERR_OK;
    }
    if (heard->what == ROOST__INTERNAL__LAN_HEARING__LAN_UNASKED) {
        warm_unasked(&discovery->warm, heard->peer);
        return ERR_OK;
    }
    INTERNAL(LanSaying)
    what = discovery_policy_heard(&discovery->policy, heard, actor_mono(actor));
    if (what != ROOST__INTERNAL__LAN_SAYING__LAN_SAY_NOTHING)
        say(discovery, heard->peer, what);
    if (heard->what == ROOST__INTERNAL__LAN_HEARING__LAN_STARTED) {
        discovery->is_listening = true;
        discovery->is_ready = false;
    } else if (heard->what == ROOST__INTERNAL__LAN_HEARING__LAN_READY) {
        discovery->is_ready = true;
        begin_warm_start(discovery); /* behind the announcement */
    }
    return ERR_OK;
}

static void say_what_is_due(struct discovery *discovery)
{
    struct mono_time now = actor_mono(discovery->actor);
    for (int i = 0; i < SAYS_PER_LOT; i++) {
        uint64_t peer;
        INTERNAL(LanSaying) what = discovery_policy_next(&discovery->policy, now, &peer);
        if (what != ROOST__INTERNAL__LAN_SAYING__LAN_SAY_NOTHING)
            say(discovery, peer, what);
        else if (!call_on_next(discovery, now))
            return;
    }
    discovery->lot_at = mono_add_ms(now, LOT_GAP_MS);
}

static enum err on_timer(struct actor *actor, void *state, unsigned timer)
{
    (void)actor;
    if (timer == TIMER_LOAD)
        load_page(state);
    else
        say_what_is_due(state);
    return ERR_OK;
}

static enum err on_batch(struct actor *actor, void *state)
{
    struct discovery *discovery = state;
    struct mono_time deadline = discovery_policy_deadline(&discovery->policy);
    struct mono_time warm = warm_deadline(&discovery->warm);
    if (warm.ns < deadline.ns)
        deadline = warm;
    if (deadline.ns < discovery->lot_at.ns)
        deadline = discovery->lot_at;
    actor_timer_set(actor, TIMER_DUE, deadline);
    show_warm(discovery);
    return ERR_OK;
}

static enum err init(struct actor *actor, void *state, const void *args)
{
    struct discovery *discovery = state;
    const struct discovery_options *options = args;
    discovery->actor = actor;
    discovery->gateway = options->gateway;
    discovery->history = options->history;
    discovery_policy_init(&discovery->policy, options->ask_ms, actor_mono(actor));
    warm_init(&discovery->warm);
    return ERR_OK;
}

static void fini(struct actor *actor, void *state)
{
    struct discovery *discovery = state;
    (void)actor;
    discovery_policy_fini(&discovery->policy);
    warm_fini(&discovery->warm);
}

const struct actor_class discovery_actor = {
    .name = "discovery",
    .state_size = sizeof(struct discovery),
    .restart = ACTOR_RESTART,
    .link_room = 4096,
    .init = init,
    .fini = fini,
    .on_timer = on_timer,
    .on_no_answer = on_no_answer,
    .on_batch = on_batch,
    .on =
        {
            [MSG_LAN_HEARD] = on_heard,
            [MSG_KNOWN_LOADED] = on_known_loaded,
            [MSG_CALL] = on_call,
        },
};
