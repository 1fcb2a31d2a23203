/* SPDX-License-Identifier: MPL-2.0
 *
 * The phases of an actor's life and of one turn, for the hosts that run actors. No phase waits;
 * waiting is the host's business, and so is the order of phases (see rt/actor.h).
 */
#include <stdlib.h>
#include <string.h>

#include "rt/actor_internal.h"
#include "rt/check.h"
#include "rt/log.h"

void actor_setup(struct actor *actor, const struct actor_host *host, uint8_t id,
                 const struct actor_class *class, const void *args, struct metrics *metrics)
{
    CHECK(class->name && class->state_size > 0 && class->link_room > 0 && class->init);
    actor->host = host;
    actor->id = id;
    actor->class = class;
    actor->args = args;
    actor->metrics = metrics;
    metrics->actor = class->name;
    metrics_set(metrics, METRIC_MAILBOX_MAX, class->link_room);
    arena_init(&actor->arena, host->arena_limit_bytes);
}

void actor_teardown(struct actor *actor)
{
    CHECK(actor->state == NULL);
    arena_fini(&actor->arena);
}

void actor_begin_turn(struct actor *actor)
{
    actor->is_turn_over = false;
    actor_clock(actor);
}

void actor_clock(struct actor *actor)
{
    actor->mono = actor->host->mono(actor);
    actor->wall = actor->host->wall(actor);
}

/* What the watchdog and a failing CHECK show. */
static void take_in_hand(struct actor *actor, const char *what, uint8_t kind)
{
    atomic_store_explicit(&actor->kind_in_hand, kind, memory_order_relaxed);
    check_context_set(actor->class->name, what);
}

enum err actor_begin(struct actor *actor)
{
    CHECK(actor->state == NULL);
    actor->life = actor->life == UINT16_MAX ? 1 : (uint16_t)(actor->life + 1);
    timers_init(&actor->timers);
    pending_init(&actor->pending, actor->life);
    for (unsigned i = 0; i < ACTOR_WATCHES_MAX; i++)
        actor_unwatch(actor, i);
    actor->is_stopping = false;
    actor->is_stopped = false;
    actor->last_size = 0;
    actor_clock(actor);
    actor->state = calloc(1, actor->class->state_size);
    CHECK(actor->state != NULL);
    take_in_hand(actor, "init", 0);
    enum err err = actor->class->init(actor, actor->state, actor->args);
    actor_clock(actor); /* it may have taken its time */
    return err;
}

/* The open questions of a life that ends become ghosts of the next one. */
static void keep_ghosts(struct actor *actor)
{
    for (unsigned to = 0; to < actor->host->id_count; to++) {
        unsigned ghosts = (unsigned)actor->ghosts_new[to] + actor->pending.count_by_target[to];
        actor->ghosts_new[to] = (uint16_t)ghosts; /* both bounded by ACTOR_ASKS_MAX */
    }
}

void actor_end(struct actor *actor)
{
    CHECK(actor->state != NULL);
    take_in_hand(actor, "fini", 0);
    if (actor->class->fini)
        actor->class->fini(actor, actor->state);
    free(actor->state);
    actor->state = NULL;
    keep_ghosts(actor);
    pending_fini(&actor->pending);
    arena_reset(&actor->arena);
    check_context_set(NULL, NULL);
}

void actor_forget_ghosts(struct actor *actor)
{
    memset(actor->ghosts_new, 0, sizeof(actor->ghosts_new));
    memset(actor->ghosts_old, 0, sizeof(actor->ghosts_old));
}

static enum err dispatch(struct actor *actor, const struct frame_header *header, zmq_msg_t *frame,
                         zmq_msg_t *payload)
{
    const struct actor_host *host = actor->host;
    CHECK(header->kind < host->type_count && host->types[header->kind].descriptor);
    actor_handler *handler = actor->class->on[header->kind];
    take_in_hand(actor, kind_name(host, header->kind), header->kind);
    actor->last_kind = header->kind;
    actor->last_from = header->from;
    actor->last_size = zmq_msg_size(frame);
    CHECK(handler != NULL); /* nobody sends an actor what it does not handle */

    actor->has_context = false;
    if ((header->flags & FRAME_ANSWER) &&
        !actor_accept_answer(actor, header->from, header->correlation))
        return ERR_OK;
    const uint8_t *bytes = zmq_msg_data(frame);
    ProtobufCMessage *body = protobuf_c_message_unpack(
        host->types[header->kind].descriptor, arena_allocator(&actor->arena),
        zmq_msg_size(frame) - sizeof(*header), bytes + sizeof(*header));
    if (!body) {
        metrics_add(actor->metrics, METRIC_UNREADABLE, 1);
        log_error("message-unreadable", LOG_STR("kind", kind_name(host, header->kind)),
                  LOG_U64("from", header->from), LOG_U64("size_bytes", zmq_msg_size(frame)));
        return ERR_OK;
    }
    struct msg msg = {
        .kind = header->kind,
        .from = header->from,
        .correlation = header->correlation,
        .body = body,
        .payload = payload,
    };
    return handler(actor, actor->state, &msg);
}

enum err actor_handle(struct actor *actor, zmq_msg_t *frame, zmq_msg_t *payload)
{
    struct frame_header header = frame_header_of(frame);
    CHECK(header.from < actor->host->id_count);
    CHECK(((header.flags & FRAME_PAYLOAD) != 0) == (payload != NULL));
    enum err err = dispatch(actor, &header, frame, payload);
    arena_reset(&actor->arena);
    (void)zmq_msg_close(frame); /* cannot fail on a valid message */
    if (payload)
        (void)zmq_msg_close(payload);
    return err;
}

enum err actor_handle_readable(struct actor *actor, unsigned watch)
{
    CHECK(watch < ACTOR_WATCHES_MAX);
    take_in_hand(actor, "on_readable", 0);
    actor->last_size = 0;
    return actor->class->on_readable(actor, actor->state, watch);
}

static enum err handle_timers(struct actor *actor, unsigned *handled)
{
    struct timer_due due[ACTOR_TIMERS_MAX];
    size_t count = timers_collect(&actor->timers, actor->mono, due);
    for (size_t i = 0; i < count; i++) {
        if (!timers_take(&actor->timers, due[i]))
            continue;
        ++*handled;
        take_in_hand(actor, "on_timer", 0);
        enum err err = actor->class->on_timer(actor, actor->state, due[i].timer);
        if (err)
            return err;
    }
    return ERR_OK;
}

static enum err handle_deadlines(struct actor *actor, bool is_drained, unsigned *handled)
{
    /* While our own mailbox is behind, the answer may be waiting in it. */
    struct mono_time limit =
        is_drained ? actor->mono : mono_add_ms(actor->mono, -DEADLINE_GRACE_MS);
    struct question question;
    for (unsigned i = 0; i < ACTOR_BATCH_MAX; i++) {
        if (!pending_take_due(&actor->pending, limit, &question))
            break;
        ++*handled;
        actor->ghosts_new[question.to]++;
        metrics_add(actor->metrics, METRIC_NO_ANSWERS, 1);
        take_in_hand(actor, "on_no_answer", question.kind);
        enum err err =
            actor->class->on_no_answer(actor, actor->state, question.kind, question.context);
        if (err)
            return err;
    }
    return ERR_OK;
}

enum err actor_handle_due(struct actor *actor, bool is_drained, unsigned *handled)
{
    actor->last_size = 0;
    enum err err = handle_timers(actor, handled);
    if (!err)
        err = handle_deadlines(actor, is_drained, handled);
    return err;
}

static void answer_ping(struct actor *actor)
{
    struct mono_time now = actor->host->mono(actor);
    if (ping_answer(&actor->ping, now))
        metrics_set(actor->metrics, METRIC_PING_US, ping_report(&actor->ping, now).took_us);
}

enum err actor_finish_turn(struct actor *actor, unsigned handled)
{
    enum err err = ERR_OK;
    if (handled && actor->class->on_batch) {
        take_in_hand(actor, "on_batch", 0);
        actor->last_size = 0;
        err = actor->class->on_batch(actor, actor->state);
    }
    metrics_add(actor->metrics, METRIC_TURNS, 1);
    if (!err && ping_is_open(&actor->ping))
        answer_ping(actor);
    check_context_set(actor->class->name, NULL);
    atomic_store_explicit(&actor->kind_in_hand, 0, memory_order_relaxed);
    return err;
}

enum err actor_begin_stop(struct actor *actor)
{
    if (actor->is_stopping)
        return ERR_OK;
    actor->is_stopping = true;
    if (!actor->class->on_stop) {
        actor->is_stopped = true;
        return ERR_OK;
    }
    take_in_hand(actor, "on_stop", 0);
    actor->last_size = 0;
    return actor->class->on_stop(actor, actor->state);
}

struct mono_time actor_next_due(const struct actor *actor)
{
    struct mono_time timer = timers_next(&actor->timers);
    struct mono_time question = pending_next(&actor->pending);
    return timer.ns < question.ns ? timer : question;
}
