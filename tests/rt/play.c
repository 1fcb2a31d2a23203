/* SPDX-License-Identifier: MPL-2.0
 *
 * The actors of the runtime's tests.
 */
#include "play.h"

#include <string.h>
#include <time.h>

#include "rt/check.h"

const struct msg_type play_types[PLAY_KINDS] = {
    [PLAY_PING] = {"PING", &play__ping__descriptor},
    [PLAY_PONG] = {"PONG", &play__pong__descriptor},
    [PLAY_NOTE] = {"NOTE", &play__note__descriptor},
    [PLAY_ORDER] = {"ORDER", &play__order__descriptor},
};

#define TIMER_TICK  0
#define TIMER_RETRY 1
#define TIMER_STOP  2

/* `args` is const to actors; the counters in it are the test's. */
static struct play_args *args_of(const void *args)
{
    return (struct play_args *)(uintptr_t)args;
}

/* --- echo */

struct echo_state {
    struct echo echo; /* first: the tests look at it */
    struct play_args *args;
    int64_t tick_ms;
};

static enum err echo_init(struct actor *actor, void *state, const void *args)
{
    struct echo_state *self = state;
    (void)actor;
    self->args = args_of(args);
    if (!self->args)
        return ERR_OK;
    uint64_t life = atomic_fetch_add(&self->args->lives, 1) + 1;
    if (self->args->init_fails && life >= self->args->init_fails)
        return ERR_STORAGE;
    return self->args->init_err;
}

static void echo_fini(struct actor *actor, void *state)
{
    struct echo_state *self = state;
    (void)actor;
    if (!self->args)
        return;
    atomic_fetch_add(&self->args->ends, 1);
    if (self->args->end_counter)
        atomic_store(&self->args->end_order, atomic_fetch_add(self->args->end_counter, 1) + 1);
}

static enum err on_ping(struct actor *actor, void *state, const struct msg *msg)
{
    struct echo_state *self = state;
    const Play__Ping *ping = MSG_BODY(msg, Play__Ping);
    self->echo.pings++;
    if (self->args)
        atomic_fetch_add(&self->args->pings, 1);
    if (self->echo.is_mute)
        return ERR_OK;
    if (self->echo.is_keeping) {
        CHECK(self->echo.kept_count < ECHO_KEPT_MAX);
        size_t place = self->echo.kept_count++;
        self->echo.kept[place].correlation = msg->correlation;
        self->echo.kept[place].number = ping->number;
        self->echo.kept[place].from = msg->from;
        return ERR_OK;
    }
    Play__Pong pong = PLAY__PONG__INIT;
    pong.number = ping->number;
    pong.payload_bytes = msg->payload ? zmq_msg_size(msg->payload) : 0;
    actor_reply(actor, msg, PLAY_PONG, &pong.base, msg->payload);
    return ERR_OK;
}

static void sleep_ms(uint64_t delay_ms)
{
    struct timespec delay = {(time_t)(delay_ms / 1000), (long)(delay_ms % 1000) * 1000000};
    (void)nanosleep(&delay, NULL); /* the test stands still on purpose */
}

static enum err on_note(struct actor *actor, void *state, const struct msg *msg)
{
    struct echo_state *self = state;
    self->echo.notes++;
    CHECK(MSG_BODY(msg, Play__Note)->number > self->echo.note_last);
    self->echo.note_last = MSG_BODY(msg, Play__Note)->number;
    if (self->args)
        atomic_fetch_add(&self->args->notes, 1);
    if (!self->echo.is_short)
        return ERR_OK;
    actor_end_turn(actor);
    while (self->args && !atomic_load(&self->args->goes_on))
        sleep_ms(1);
    return ERR_OK;
}

static void release_kept(struct actor *actor, struct echo_state *self)
{
    for (size_t i = 0; i < self->echo.kept_count; i++) {
        Play__Pong pong = PLAY__PONG__INIT;
        pong.number = self->echo.kept[i].number;
        actor_reply_to(actor, self->echo.kept[i].from, self->echo.kept[i].correlation, PLAY_PONG,
                       &pong.base, NULL);
    }
    self->echo.kept_count = 0;
    self->echo.is_keeping = false;
}

static enum err on_order(struct actor *actor, void *state, const struct msg *msg)
{
    struct echo_state *self = state;
    const Play__Order *order = MSG_BODY(msg, Play__Order);
    switch ((enum play_act)order->act) {
    case ACT_NOTHING:
        break;
    case ACT_DIE:
        return ERR_INTERNAL;
    case ACT_SLEEP:
        sleep_ms(order->amount);
        break;
    case ACT_MUTE:
        self->echo.is_mute = order->amount != 0;
        break;
    case ACT_KEEP:
        self->echo.is_keeping = true;
        if (self->args)
            atomic_store(&self->args->notes_before_keep, self->echo.notes);
        break;
    case ACT_SHORT:
        self->echo.is_short = true;
        break;
    case ACT_RELEASE:
        release_kept(actor, self);
        break;
    case ACT_TICK:
        self->tick_ms = (int64_t)order->amount;
        actor_timer_set(actor, TIMER_TICK, mono_add_ms(actor_mono(actor), self->tick_ms));
        break;
    }
    return ERR_OK;
}

static enum err echo_on_timer(struct actor *actor, void *state, unsigned timer)
{
    struct echo_state *self = state;
    if (timer == TIMER_STOP) {
        actor_stopped(actor);
        return ERR_OK;
    }
    CHECK(timer == TIMER_TICK);
    self->echo.ticks++;
    actor_timer_set(actor, TIMER_TICK, mono_add_ms(actor_mono(actor), self->tick_ms));
    return ERR_OK;
}

static enum err echo_on_batch(struct actor *actor, void *state)
{
    struct echo_state *self = state;
    (void)actor;
    self->echo.batches++;
    return ERR_OK;
}

static enum err echo_on_stop(struct actor *actor, void *state)
{
    struct echo_state *self = state;
    if (self->args->never_stops)
        return ERR_OK;
    actor_timer_set(actor, TIMER_STOP, mono_add_ms(actor_mono(actor), self->args->stop_delay_ms));
    return ERR_OK;
}

/* --- driver */

struct driver_state {
    struct driver driver; /* first: the tests look at it */
    struct play_args *args;
};

static enum err ask_next(struct actor *actor, struct driver_state *self)
{
    struct play_args *args = self->args;
    static const uint8_t filler[4096];
    Play__Ping ping = PLAY__PING__INIT;
    ping.number = self->driver.asked + 1;
    ping.filler.data = (uint8_t *)(uintptr_t)filler;
    ping.filler.len = args->filler_bytes;
    zmq_msg_t payload;
    CHECK(zmq_msg_init_size(&payload, args->payload_bytes) == 0);
    memset(zmq_msg_data(&payload), (int)ping.number, args->payload_bytes);
    enum err err =
        actor_ask(actor, args->target, PLAY_PING, &ping.base, args->payload_bytes ? &payload : NULL,
                  args->deadline_ms ? args->deadline_ms : 60000, ping.number);
    (void)zmq_msg_close(&payload);
    if (!err)
        self->driver.asked++;
    return err;
}

static void ask_some(struct actor *actor, struct driver_state *self)
{
    struct play_args *args = self->args;
    uint64_t done = self->driver.answered + atomic_load(&args->no_answers);
    while (self->driver.asked < args->total && self->driver.asked - done < args->window) {
        if (ask_next(actor, self) == ERR_OK)
            continue;
        atomic_fetch_add(&args->refused, 1);
        actor_timer_set(actor, TIMER_RETRY, mono_add_ms(actor_mono(actor), 2));
        break;
    }
}

static enum err driver_init(struct actor *actor, void *state, const void *args)
{
    struct driver_state *self = state;
    self->args = args_of(args);
    atomic_fetch_add(&self->args->lives, 1);
    ask_some(actor, self);
    return ERR_OK;
}

static enum err on_pong(struct actor *actor, void *state, const struct msg *msg)
{
    struct driver_state *self = state;
    const Play__Pong *pong = MSG_BODY(msg, Play__Pong);
    uint64_t context = 0;
    CHECK(actor_context(actor, msg, &context));
    CHECK(!actor_context(actor, msg, &context)); /* only once */
    CHECK(context == pong->number);
    CHECK(pong->number > self->driver.answer_last); /* order is kept on a link */
    CHECK(pong->payload_bytes == self->args->payload_bytes);
    if (self->args->payload_bytes) {
        CHECK(msg->payload != NULL && zmq_msg_size(msg->payload) == pong->payload_bytes);
        CHECK(*(const uint8_t *)zmq_msg_data(msg->payload) == (uint8_t)pong->number);
    }
    self->driver.answer_last = pong->number;
    self->driver.answered++;
    atomic_fetch_add(&self->args->answers, 1);
    ask_some(actor, self);
    return ERR_OK;
}

static enum err driver_on_timer(struct actor *actor, void *state, unsigned timer)
{
    CHECK(timer == TIMER_RETRY);
    ask_some(actor, state);
    return ERR_OK;
}

static enum err driver_on_no_answer(struct actor *actor, void *state, uint8_t kind,
                                    uint64_t context)
{
    struct driver_state *self = state;
    CHECK(kind == PLAY_PING && context > 0);
    atomic_fetch_add(&self->args->no_answers, 1);
    ask_some(actor, self);
    return ERR_OK;
}

/* Hands orders on to its target, so that a test on threads can reach it. */
static enum err on_driver_order(struct actor *actor, void *state, const struct msg *msg)
{
    struct driver_state *self = state;
    Play__Order order = *MSG_BODY(msg, Play__Order);
    return actor_send(actor, self->args->target, PLAY_ORDER, &order.base, NULL);
}

#define ECHO_CLASS(display_name, policy, stop)                                                     \
    {                                                                                              \
        .name = (display_name), .state_size = sizeof(struct echo_state), .restart = (policy),      \
        .link_room = 100, .init = echo_init, .fini = echo_fini, .on_timer = echo_on_timer,         \
        .on_batch = echo_on_batch, .on_stop = (stop),                                              \
        .on = {                                                                                    \
            [PLAY_PING] = on_ping,                                                                 \
            [PLAY_NOTE] = on_note,                                                                 \
            [PLAY_ORDER] = on_order,                                                               \
        },                                                                                         \
    }

const struct actor_class echo_class = ECHO_CLASS("echo", ACTOR_RESTART, NULL);
const struct actor_class echo_fragile_class = ECHO_CLASS("echo-fragile", ACTOR_ESCALATE, NULL);
const struct actor_class echo_slow_stop_class =
    ECHO_CLASS("echo-slow-stop", ACTOR_RESTART, echo_on_stop);

const struct actor_class driver_class = {
    .name = "driver",
    .state_size = sizeof(struct driver_state),
    .restart = ACTOR_RESTART,
    .link_room = 100,
    .init = driver_init,
    .on_timer = driver_on_timer,
    .on_no_answer = driver_on_no_answer,
    .on =
        {
            [PLAY_PONG] = on_pong,
            [PLAY_ORDER] = on_driver_order,
        },
};
