/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_gateway.h and http_internal.h.
 */
#include "gateways/http/http_gateway.h"

#include <unistd.h>

#include "gateways/http/http_ask.h"
#include "gateways/http/http_live.h"
#include "rt/check.h"
#include "rt/log.h"

#define WATCH_POLLER 0
#define SWEEP_MS     500
#define STOP_MS      700
#define REQUESTS_MAX (1u << 20)

static void arm(struct http_gateway *gateway, enum http_timer timer, int64_t delay_ms)
{
    actor_timer_set(gateway->actor, timer, mono_add_ms(actor_mono(gateway->actor), delay_ms));
}

/* --- Paths of the gateway itself. */

void http_get_healthz(struct http_request *request)
{
    http_answer_text(request, "text/plain; charset=utf-8");
    enum err err = buf_append_text(&request->answer, "ok\n");
    http_answer(request, err ? MHD_HTTP_INTERNAL_SERVER_ERROR : MHD_HTTP_OK);
}

/* --- Stopping: what is under way is answered, then every connection ends. */

static void stop_if_done(struct http_gateway *gateway)
{
    bool is_done = gateway->running == 0 && gateway->streams == 0;
    bool is_late = mono_elapsed_ms(gateway->stop_began, actor_mono(gateway->actor)) >= STOP_MS;
    if (!is_done && !is_late)
        return;
    actor_timer_stop(gateway->actor, HTTP_TIMER_STOP);
    actor_stopped(gateway->actor);
}

static enum err on_stop(struct actor *actor, void *state)
{
    struct http_gateway *gateway = state;
    gateway->stop_began = actor_mono(actor);
    gateway->is_stopping = true;
    http_net_quiesce(gateway);
    http_requests_stop(gateway);
    http_net_run(gateway);
    arm(gateway, HTTP_TIMER_STOP, STOP_MS);
    stop_if_done(gateway);
    return ERR_OK;
}

/* --- Turns and life. */

static enum err on_timer(struct actor *actor, void *state, unsigned timer)
{
    struct http_gateway *gateway = state;
    (void)actor;
    switch ((enum http_timer)timer) {
    case HTTP_TIMER_NET:
        http_net_run(gateway);
        break;
    case HTTP_TIMER_SWEEP:
        http_tls_look(gateway);
        http_net_sweep(gateway);
        http_callers_sweep(gateway);
        arm(gateway, HTTP_TIMER_SWEEP, SWEEP_MS);
        break;
    case HTTP_TIMER_SEEN:
        http_callers_tell_seen(gateway);
        arm(gateway, HTTP_TIMER_SEEN, gateway->options->seen_ms);
        break;
    case HTTP_TIMER_ACCEPT:
        http_net_accept_again(gateway);
        break;
    case HTTP_TIMER_LIVE:
        http_live_tick(gateway);
        break;
    case HTTP_TIMER_STREAMS:
    case HTTP_TIMER_STOP:
        break; /* on_batch looks whether it is time */
    }
    return ERR_OK;
}

static enum err on_readable(struct actor *actor, void *state, unsigned watch)
{
    (void)actor;
    (void)watch;
    http_net_run(state);
    return ERR_OK;
}

static enum err on_batch(struct actor *actor, void *state)
{
    struct http_gateway *gateway = state;
    (void)actor;
    http_streams_go_on(gateway);
    if (gateway->has_news)
        http_net_run(gateway);
    if (gateway->is_stopping)
        stop_if_done(gateway);
    return ERR_OK;
}

static enum err on_no_answer(struct actor *actor, void *state, uint8_t kind, uint64_t context)
{
    struct http_gateway *gateway = state;
    (void)actor;
    log_warn("no-answer", LOG_STR("kind", message_name(kind)));
    if (!http_feed_no_answer(gateway->live, kind, context) &&
        !http_caller_no_answer(state, context))
        http_ask_no_answer(state, kind, context);
    return ERR_OK;
}

static enum err init(struct actor *actor, void *state, const void *args)
{
    struct http_gateway *gateway = state;
    gateway->actor = actor;
    gateway->options = args;
    gateway->started = actor_mono(actor);
    u64map_init(&gateway->requests, REQUESTS_MAX);
    http_callers_init(gateway);
    http_ask_init(gateway);
    enum err err = http_net_open(gateway);
    if (err || gateway->options->listen_count == 0)
        return err;
    err = http_live_init(gateway);
    if (err)
        return err;
    actor_watch(actor, WATCH_POLLER, NULL, gateway->poller);
    arm(gateway, HTTP_TIMER_SWEEP, SWEEP_MS);
    arm(gateway, HTTP_TIMER_SEEN, gateway->options->seen_ms);
    return ERR_OK;
}

static void fini(struct actor *actor, void *state)
{
    struct http_gateway *gateway = state;
    if (gateway->poller >= 0)
        actor_unwatch(actor, WATCH_POLLER);
    http_net_close(gateway);
    http_live_fini(gateway);
    http_callers_fini(gateway);
    http_ask_fini(gateway);
    u64map_fini(&gateway->requests);
}

const struct actor_class http_gateway_actor = {
    .name = "http-gateway",
    .state_size = sizeof(struct http_gateway),
    .restart = ACTOR_RESTART,
    .link_room = 4096,
    .init = init,
    .fini = fini,
    .on_timer = on_timer,
    .on_no_answer = on_no_answer,
    .on_batch = on_batch,
    .on_readable = on_readable,
    .on_stop = on_stop,
    .on =
        {
            [MSG_LOGIN_DONE] = http_on_login_done,
            [MSG_SESSION_OPENED] = http_on_session_opened,
            [MSG_ACCOUNT_CHANGED] = http_on_account_changed,
            [MSG_CALL_DONE] = http_on_call_done,
            [MSG_QUERY_PART] = http_on_query_part,
            [MSG_QUERY_DONE] = http_on_query_done,
            [MSG_STORE_DONE] = http_on_store_done,
            [MSG_PRESENCE_CHANGED] = http_on_presence_changed,
            [MSG_ATTACHED] = http_on_attached,
            [MSG_DETACHED] = http_on_detached,
            [MSG_DELIVER_OUT] = http_on_deliver_out,
            [MSG_SETTLED] = http_on_settled,
            [MSG_LAN_SHOWN] = http_on_lan_shown,
        },
};
