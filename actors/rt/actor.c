/* SPDX-License-Identifier: MPL-2.0
 *
 * What actors call: sending, asking, answering, time, own sockets. The phases of a turn are in
 * actor_turn.c; who runs them, in runner.c and sim.c.
 */
#include "rt/actor.h"

#include <string.h>

#include "rt/actor_internal.h"
#include "rt/check.h"
#include "rt/log.h"

uint64_t link_depth(const struct link *link)
{
    /* `taken` first: it never passes `sent`, so the difference cannot get negative. */
    uint64_t taken = atomic_load_explicit(&link->taken, memory_order_relaxed);
    uint64_t sent = atomic_load_explicit(&link->sent, memory_order_relaxed);
    return sent > taken ? sent - taken : 0;
}

bool link_has_room(struct link *link, uint32_t room, bool is_answer)
{
    uint64_t limit = (uint64_t)room + (is_answer ? ANSWER_ROOM : 0);
    uint64_t sent = atomic_load_explicit(&link->sent, memory_order_relaxed);
    if (sent - link->taken_seen < limit)
        return true;
    /* Only now touch the receiver's cache line. Acquire: whatever made libzmq free the place of a
     * taken message happened before it was counted. */
    link->taken_seen = atomic_load_explicit(&link->taken, memory_order_acquire);
    return sent - link->taken_seen < limit;
}

/* Both counters have one writer each, so a load and a store are enough. */
void link_count_sent(struct link *link)
{
    uint64_t sent = atomic_load_explicit(&link->sent, memory_order_relaxed);
    atomic_store_explicit(&link->sent, sent + 1, memory_order_relaxed);
}

void link_count_taken(struct link *link)
{
    uint64_t taken = atomic_load_explicit(&link->taken, memory_order_relaxed);
    atomic_store_explicit(&link->taken, taken + 1, memory_order_release);
}

const char *kind_name(const struct actor_host *host, uint8_t kind)
{
    if (kind >= host->type_count || !host->types[kind].name)
        return "none";
    return host->types[kind].name;
}

enum err frame_pack(const struct actor_host *host, const struct frame_header *header,
                    const ProtobufCMessage *body, zmq_msg_t *ret_frame)
{
    CHECK(header->kind < host->type_count);
    CHECK(body->descriptor == host->types[header->kind].descriptor);
    size_t size = protobuf_c_message_get_packed_size(body);
    if (zmq_msg_init_size(ret_frame, sizeof(*header) + size) != 0)
        return ERR_BUSY;
    uint8_t *bytes = zmq_msg_data(ret_frame);
    memcpy(bytes, header, sizeof(*header));
    CHECK(protobuf_c_message_pack(body, bytes + sizeof(*header)) == size);
    return ERR_OK;
}

struct frame_header frame_header_of(zmq_msg_t *frame)
{
    struct frame_header header;
    CHECK(zmq_msg_size(frame) >= sizeof(header));
    memcpy(&header, zmq_msg_data(frame), sizeof(header));
    return header;
}

/* --- Sending */

/* `body` belongs to the caller; `take_payload` is moved out on ERR_OK only. */
static enum err send_frames(struct actor *actor, uint8_t to, const struct frame_header *header,
                            const ProtobufCMessage *body, zmq_msg_t *take_payload)
{
    struct link *link = link_between(actor->host, actor->id, to);
    if (!link_has_room(link, actor->host->rooms[to], header->flags & FRAME_ANSWER))
        return ERR_BUSY;
    zmq_msg_t frame;
    enum err err = frame_pack(actor->host, header, body, &frame);
    if (err)
        return err;
    err = actor->host->send(actor, to, &frame, take_payload);
    if (err) {
        (void)zmq_msg_close(&frame); /* cannot fail on a valid message */
        return err;
    }
    return ERR_OK;
}

static struct frame_header make_header(const struct actor *actor, uint8_t kind, uint32_t flags,
                                       uint64_t correlation, const zmq_msg_t *payload)
{
    return (struct frame_header){
        .kind = kind,
        .from = actor->id,
        .flags = flags | (payload ? FRAME_PAYLOAD : 0),
        .correlation = correlation,
    };
}

enum err actor_send(struct actor *actor, uint8_t to, uint8_t kind, const ProtobufCMessage *body,
                    zmq_msg_t *take_payload)
{
    CHECK(to < actor->host->id_count);
    struct frame_header header = make_header(actor, kind, 0, 0, take_payload);
    enum err err = send_frames(actor, to, &header, body, take_payload);
    if (err)
        metrics_add(actor->metrics, METRIC_REFUSALS, 1);
    return err;
}

/* Old ghosts are forgotten, new ones become old. */
static void age_ghosts(struct actor *actor)
{
    if (mono_elapsed_ms(actor->ghosts_since, actor->mono) < GHOST_LIFE_MS)
        return;
    for (unsigned to = 0; to < actor->host->id_count; to++) {
        if (actor->ghosts_old[to] == 0)
            continue;
        log_error("answers-never-came", LOG_U64("asked", to),
                  LOG_U64("count", actor->ghosts_old[to]));
    }
    memcpy(actor->ghosts_old, actor->ghosts_new, sizeof(actor->ghosts_old));
    memset(actor->ghosts_new, 0, sizeof(actor->ghosts_new));
    actor->ghosts_since = actor->mono;
}

static bool may_ask(struct actor *actor, uint8_t to)
{
    age_ghosts(actor);
    unsigned owed = (unsigned)actor->pending.count_by_target[to] + actor->ghosts_new[to] +
                    actor->ghosts_old[to];
    return owed < ACTOR_ASKS_MAX && pending_count(&actor->pending) < ACTOR_ASKS_MAX;
}

enum err actor_ask(struct actor *actor, uint8_t to, uint8_t kind, const ProtobufCMessage *body,
                   zmq_msg_t *take_payload, int64_t deadline_ms, uint64_t context)
{
    CHECK(to < actor->host->id_count);
    CHECK(deadline_ms > 0);
    CHECK(actor->class->on_no_answer != NULL);
    uint64_t correlation = 0;
    enum err err = may_ask(actor, to) ? ERR_OK : ERR_BUSY;
    if (!err)
        err = pending_add(&actor->pending, to, kind, context, mono_add_ms(actor->mono, deadline_ms),
                          &correlation);
    if (err) {
        metrics_add(actor->metrics, METRIC_REFUSALS, 1);
        return err;
    }
    struct frame_header header =
        make_header(actor, kind, FRAME_QUESTION, correlation, take_payload);
    err = send_frames(actor, to, &header, body, take_payload);
    if (err) {
        struct question unasked;
        CHECK(pending_close(&actor->pending, correlation, &unasked));
        metrics_add(actor->metrics, METRIC_REFUSALS, 1);
    }
    return err;
}

void actor_reply_to(struct actor *actor, uint8_t to, uint64_t correlation, uint8_t kind,
                    const ProtobufCMessage *body, zmq_msg_t *take_payload)
{
    CHECK(to < actor->host->id_count);
    CHECK(correlation != 0);
    struct frame_header header = make_header(actor, kind, FRAME_ANSWER, correlation, take_payload);
    CHECK(send_frames(actor, to, &header, body, take_payload) == ERR_OK);
}

void actor_reply(struct actor *actor, const struct msg *question, uint8_t kind,
                 const ProtobufCMessage *body, zmq_msg_t *take_payload)
{
    actor_reply_to(actor, question->from, question->correlation, kind, body, take_payload);
}

bool actor_accept_answer(struct actor *actor, uint8_t from, uint64_t correlation)
{
    struct question question;
    if (pending_close(&actor->pending, correlation, &question)) {
        actor->has_context = true;
        actor->context = question.context;
        return true;
    }
    if (actor->ghosts_old[from] > 0)
        actor->ghosts_old[from]--;
    else if (actor->ghosts_new[from] > 0)
        actor->ghosts_new[from]--;
    metrics_add(actor->metrics, METRIC_LATE_ANSWERS, 1);
    return false;
}

bool actor_context(struct actor *actor, const struct msg *answer, uint64_t *ret_context)
{
    CHECK(answer->body != NULL);
    if (!actor->has_context)
        return false;
    actor->has_context = false;
    *ret_context = actor->context;
    return true;
}

/* --- Time */

struct mono_time actor_mono(const struct actor *actor)
{
    return actor->mono;
}

struct wall_time actor_wall(const struct actor *actor)
{
    return actor->wall;
}

struct mono_time actor_mono_now(struct actor *actor)
{
    return actor->host->mono(actor);
}

void actor_timer_set(struct actor *actor, unsigned timer, struct mono_time deadline)
{
    CHECK(actor->class->on_timer != NULL);
    timer_set(&actor->timers, timer, deadline);
}

void actor_timer_stop(struct actor *actor, unsigned timer)
{
    timer_stop(&actor->timers, timer);
}

bool actor_timer_is_set(const struct actor *actor, unsigned timer)
{
    return timer_is_set(&actor->timers, timer);
}

/* --- Own sockets */

void actor_watch(struct actor *actor, unsigned watch, void *zmq_socket, int fd)
{
    CHECK(watch < ACTOR_WATCHES_MAX);
    CHECK(actor->class->on_readable != NULL);
    CHECK((zmq_socket != NULL) != (fd >= 0));
    actor->watches[watch] = (struct watch){zmq_socket, fd, true};
}

void actor_unwatch(struct actor *actor, unsigned watch)
{
    CHECK(watch < ACTOR_WATCHES_MAX);
    actor->watches[watch] = (struct watch){NULL, -1, false};
}

/* --- Surroundings */

uint8_t actor_id(const struct actor *actor)
{
    return actor->id;
}

const char *actor_name(const struct actor *actor)
{
    return actor->class->name;
}

struct metrics *actor_metrics(struct actor *actor)
{
    return actor->metrics;
}

uint64_t actor_random(struct actor *actor)
{
    return actor->host->random(actor);
}

void *actor_zmq_context(const struct actor *actor)
{
    return actor->host->zmq_context;
}

bool actor_is_stopping(const struct actor *actor)
{
    return actor->is_stopping;
}

void actor_stopped(struct actor *actor)
{
    CHECK(actor->is_stopping);
    actor->is_stopped = true;
}

void actor_end_turn(struct actor *actor)
{
    actor->is_turn_over = true;
}
