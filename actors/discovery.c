/* SPDX-License-Identifier: MPL-2.0
 *
 * See discovery.h.
 */
#include "discovery.h"

#include "discovery_policy.h"
#include "proto/messages.h"
#include "rt/log.h"

#define TIMER_DUE    0
#define SAYS_PER_LOT 20 /* peers asked at once ... */
#define LOT_GAP_MS   50 /* ... and the time to the next ones */

struct discovery {
    struct actor *actor;
    uint8_t gateway;
    struct discovery_policy policy;
    struct mono_time lot_at; /* not before */
};

/* What finds no room is made up for: a peer that got no answer says its entry again. */
static void say(struct discovery *discovery, uint64_t peer, INTERNAL(LanSaying) what)
{
    INTERNAL(LanSay) body = ROOST__INTERNAL__LAN_SAY__INIT;
    body.peer = peer;
    body.what = what;
    enum err err = actor_send(discovery->actor, discovery->gateway, MSG_LAN_SAY, &body.base, NULL);
    if (err)
        log_warn("lan-say-lost", LOG_U64("what", what), LOG_ERROR(err));
}

static enum err on_heard(struct actor *actor, void *state, const struct msg *msg)
{
    struct discovery *discovery = state;
    const INTERNAL(LanHeard) *heard = MSG_BODY(msg, INTERNAL(LanHeard));
    INTERNAL(LanSaying)
    what = discovery_policy_heard(&discovery->policy, heard, actor_mono(actor));
    if (what != ROOST__INTERNAL__LAN_SAYING__LAN_SAY_NOTHING)
        say(discovery, heard->peer, what);
    return ERR_OK;
}

static void say_what_is_due(struct discovery *discovery)
{
    struct mono_time now = actor_mono(discovery->actor);
    for (int i = 0; i < SAYS_PER_LOT; i++) {
        uint64_t peer;
        INTERNAL(LanSaying) what = discovery_policy_next(&discovery->policy, now, &peer);
        if (what == ROOST__INTERNAL__LAN_SAYING__LAN_SAY_NOTHING)
            return;
        say(discovery, peer, what);
    }
    discovery->lot_at = mono_add_ms(now, LOT_GAP_MS);
}

static enum err on_timer(struct actor *actor, void *state, unsigned timer)
{
    (void)actor;
    (void)timer;
    say_what_is_due(state);
    return ERR_OK;
}

static enum err on_batch(struct actor *actor, void *state)
{
    struct discovery *discovery = state;
    struct mono_time deadline = discovery_policy_deadline(&discovery->policy);
    if (deadline.ns < discovery->lot_at.ns)
        deadline = discovery->lot_at;
    actor_timer_set(actor, TIMER_DUE, deadline);
    return ERR_OK;
}

static enum err init(struct actor *actor, void *state, const void *args)
{
    struct discovery *discovery = state;
    const struct discovery_options *options = args;
    discovery->actor = actor;
    discovery->gateway = options->gateway;
    discovery_policy_init(&discovery->policy, options->ask_ms, actor_mono(actor));
    return ERR_OK;
}

static void fini(struct actor *actor, void *state)
{
    struct discovery *discovery = state;
    (void)actor;
    discovery_policy_fini(&discovery->policy);
}

const struct actor_class discovery_actor = {
    .name = "discovery",
    .state_size = sizeof(struct discovery),
    .restart = ACTOR_RESTART,
    .link_room = 4096,
    .init = init,
    .fini = fini,
    .on_timer = on_timer,
    .on_batch = on_batch,
    .on = {[MSG_LAN_HEARD] = on_heard},
};
