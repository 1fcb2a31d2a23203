/* SPDX-License-Identifier: MPL-2.0
 *
 * The simulator. One queue per link, one random stream, one clock that jumps to what is due next.
 *
 * A step: among the actors that have a message arrived or something due, one is drawn; it takes a
 * drawn number of messages, each from a drawn link, and goes through the phases of a turn. A
 * message arrives a drawn time after it was sent, never before an earlier one of its link.
 */
#include "rt/sim.h"

#include <stdlib.h>
#include <string.h>

#include "rt/check.h"
#include "rt/log.h"
#include "rt/sim_internal.h"

#define WALL_START_MS     1700000000000
#define DELAY_MAX_US      1000
#define TURN_MAX_US       100
#define ARENA_LIMIT_BYTES ((size_t)64 << 20)
#define RESTARTS_MAX      5
#define RESTART_WINDOW_MS 30000
#define PSEUDO_ROOM       (1u << 20)

/* --- Chance and time */

/* splitmix64: small, and good enough to draw schedules. */
uint64_t sim_draw(struct sim *sim)
{
    uint64_t value = sim->random_state += 0x9e3779b97f4a7c15u;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

uint64_t sim_draw_below(struct sim *sim, uint64_t limit)
{
    return limit > 1 ? sim_draw(sim) % limit : 0;
}

int64_t sim_draw_time_ns(struct sim *sim, int64_t max_us)
{
    return max_us > 0 ? (int64_t)sim_draw_below(sim, (uint64_t)max_us * 1000) : 0;
}

static void set_time(struct sim *sim, int64_t ns)
{
    CHECK(ns >= sim->mono.ns);
    sim->mono.ns = ns;
    sim->wall.ms = sim->wall_offset_ms + (ns - SIM_MONO_START_NS) / 1000000;
}

struct mono_time sim_mono(const struct sim *sim)
{
    return sim->mono;
}

struct wall_time sim_wall(const struct sim *sim)
{
    return sim->wall;
}

void sim_wall_jump(struct sim *sim, int64_t jump_ms)
{
    sim->wall_offset_ms += jump_ms;
    set_time(sim, sim->mono.ns);
}

/* --- The host's part of an actor */

static enum err host_send(struct actor *actor, uint8_t to, zmq_msg_t *frame, zmq_msg_t *payload)
{
    return sim_enqueue(actor->host_data, actor->id, to, frame, payload);
}

static struct mono_time host_mono(struct actor *actor)
{
    const struct sim *sim = actor->host_data;
    return sim->mono;
}

static struct wall_time host_wall(struct actor *actor)
{
    const struct sim *sim = actor->host_data;
    return sim->wall;
}

static uint64_t host_random(struct actor *actor)
{
    return sim_draw(actor->host_data);
}

/* --- Life and death */

static enum err begin(struct sim *sim, size_t id)
{
    struct seat *seat = &sim->seats[id];
    log_set_actor(seat->actor.class->name);
    enum err err = actor_begin(&seat->actor);
    if (err)
        actor_end(&seat->actor);
    check_context_set(NULL, NULL);
    log_set_actor(NULL);
    seat->is_stopped = false;
    if (err) {
        sim->failure = err;
        sim->failed_id = (uint8_t)id;
    }
    return err;
}

static void end(struct sim *sim, size_t id)
{
    struct seat *seat = &sim->seats[id];
    if (seat->actor.state)
        actor_end(&seat->actor);
}

static bool may_restart(struct sim *sim, struct seat *seat)
{
    int64_t *place = &seat->restarts_ns[seat->restart_count % sim->options.restarts_max];
    if (seat->restart_count >= sim->options.restarts_max &&
        sim->mono.ns - *place < sim->options.restart_window_ms * 1000000)
        return false;
    *place = sim->mono.ns;
    seat->restart_count++;
    return true;
}

/* A handler has failed: what the supervisor would do. */
static void bury(struct sim *sim, size_t id, enum err err)
{
    struct seat *seat = &sim->seats[id];
    const struct actor_class *class = seat->actor.class;
    end(sim, id);
    while (class->restart == ACTOR_RESTART && may_restart(sim, seat)) {
        metrics_add(&sim->metrics[id], METRIC_RESTARTS, 1);
        sim->failure = ERR_OK;
        if (begin(sim, id) == ERR_OK)
            return;
    }
    sim->failure = err;
    sim->failed_id = (uint8_t)id;
}

/* --- Turns */

static bool seat_takes_turns(const struct seat *seat)
{
    return seat->actor.state && !seat->is_stopped && !seat->is_frozen;
}

static bool has_work(struct sim *sim, size_t id)
{
    const struct seat *seat = &sim->seats[id];
    if (!seat_takes_turns(seat))
        return false;
    if (ping_is_open(&seat->actor.ping) || mono_reached(actor_next_due(&seat->actor), sim->mono))
        return true;
    for (size_t from = 0; from < sim->id_count; from++) {
        if (queue_arrival_ns(queue_between(sim, from, id)) <= sim->mono.ns)
            return true;
    }
    return false;
}

/* A drawn sender among those whose message has arrived at `to`; id_count: none. */
static size_t draw_sender(struct sim *sim, size_t to)
{
    uint8_t ready[SIM_IDS_MAX];
    size_t count = 0;
    for (size_t from = 0; from < sim->id_count; from++) {
        if (queue_arrival_ns(queue_between(sim, from, to)) <= sim->mono.ns)
            ready[count++] = (uint8_t)from;
    }
    return count ? ready[sim_draw_below(sim, count)] : sim->id_count;
}

static enum err drain(struct sim *sim, struct actor *actor, bool *ret_is_drained, unsigned *handled)
{
    /* Often one message, often many, sometimes none although there are some. */
    uint64_t shape = sim_draw_below(sim, 8);
    uint64_t limit = shape == 0 ? 0 : shape < 4 ? 1 : 1 + sim_draw_below(sim, ACTOR_BATCH_MAX);
    *ret_is_drained = false;
    for (uint64_t i = 0; i < limit && !actor->is_turn_over; i++) {
        size_t from = draw_sender(sim, actor->id);
        if (from == sim->id_count) {
            *ret_is_drained = true;
            break;
        }
        struct parcel *parcel = sim_dequeue(sim, from, actor->id);
        sim_trace(sim, actor->id, parcel);
        ++*handled;
        metrics_add(actor->metrics, METRIC_MESSAGES, 1);
        enum err err =
            actor_handle(actor, &parcel->frame, parcel->has_payload ? &parcel->payload : NULL);
        free(parcel); /* its frames are closed */
        if (err)
            return err;
    }
    metrics_raise(actor->metrics, METRIC_MAILBOX_HIGH, *handled);
    return ERR_OK;
}

static void take_turn(struct sim *sim, size_t id)
{
    struct actor *actor = &sim->seats[id].actor;
    unsigned handled = 0;
    bool is_drained = false;
    log_set_actor(actor->class->name);
    actor_begin_turn(actor);
    enum err err = drain(sim, actor, &is_drained, &handled);
    if (!err)
        err = actor_handle_due(actor, is_drained, &handled);
    if (!err)
        err = actor_finish_turn(actor, handled);
    if (!err && handled)
        metrics_record(actor->metrics, METRIC_BATCH_SIZE, handled);
    check_context_set(NULL, NULL);
    log_set_actor(NULL);
    set_time(sim, sim->mono.ns + sim_draw_time_ns(sim, sim->options.turn_max_us));
    if (err)
        bury(sim, id, err);
}

/* When something happens on a link to `to`: now or later; INT64_MAX: never. */
static int64_t next_arrival_ns(const struct sim *sim, const struct queue *queue, size_t to)
{
    if (queue_arrival_ns(queue) == INT64_MAX)
        return INT64_MAX;
    if (to < sim->count) {
        bool is_heard = seat_takes_turns(&sim->seats[to]);
        return is_heard ? queue->head->arrival_ns : INT64_MAX;
    }
    /* What a pseudo actor has not taken lies there; of interest is what still travels. */
    int64_t last_ns = queue->tail->arrival_ns;
    return last_ns > sim->mono.ns ? last_ns : INT64_MAX;
}

/* When the next thing happens: now or later; INT64_MAX: never. */
static int64_t next_ns(struct sim *sim, bool with_timers)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < sim->id_count * sim->id_count; i++) {
        int64_t arrival_ns = next_arrival_ns(sim, &sim->queues[i], i % sim->id_count);
        next = arrival_ns < next ? arrival_ns : next;
    }
    for (size_t id = 0; with_timers && id < sim->count; id++) {
        const struct seat *seat = &sim->seats[id];
        if (seat_takes_turns(seat) && actor_next_due(&seat->actor).ns < next)
            next = actor_next_due(&seat->actor).ns;
    }
    for (size_t id = 0; id < sim->count; id++) {
        if (seat_takes_turns(&sim->seats[id]) && ping_is_open(&sim->seats[id].actor.ping))
            next = sim->mono.ns;
    }
    return next;
}

/* One turn, if anything can happen up to `limit_ns`. */
static bool step_until(struct sim *sim, int64_t limit_ns, bool with_timers)
{
    if (sim->failure)
        return false;
    int64_t next = next_ns(sim, with_timers);
    if (next == INT64_MAX || next > limit_ns)
        return false;
    if (next > sim->mono.ns)
        set_time(sim, next);
    uint8_t ready[SIM_IDS_MAX];
    size_t count = 0;
    for (size_t id = 0; id < sim->count; id++) {
        if (has_work(sim, id))
            ready[count++] = (uint8_t)id;
    }
    if (count)
        take_turn(sim, ready[sim_draw_below(sim, count)]);
    return true;
}

bool sim_step(struct sim *sim)
{
    return step_until(sim, INT64_MAX - 1, true);
}

void sim_run_until(struct sim *sim, struct mono_time time)
{
    while (step_until(sim, time.ns, true))
        continue;
    if (!sim->failure && time.ns > sim->mono.ns)
        set_time(sim, time.ns);
}

void sim_advance(struct sim *sim, int64_t delay_ms)
{
    sim_run_until(sim, mono_add_ms(sim->mono, delay_ms));
}

void sim_settle(struct sim *sim)
{
    while (step_until(sim, INT64_MAX - 1, false))
        continue;
}

/* --- Faults and probes */

enum err sim_crash(struct sim *sim, uint8_t id)
{
    CHECK(id < sim->count);
    end(sim, id);
    return begin(sim, id);
}

enum err sim_crash_all(struct sim *sim, int64_t away_ms)
{
    for (size_t id = sim->count; id-- > 0;)
        end(sim, id);
    sim_drop_all_messages(sim);
    set_time(sim, sim->mono.ns + away_ms * 1000000);
    sim->failure = ERR_OK;
    enum err err = ERR_OK;
    for (size_t id = 0; !err && id < sim->count; id++) {
        actor_forget_ghosts(&sim->seats[id].actor);
        err = begin(sim, id);
    }
    return err;
}

void sim_readable(struct sim *sim, uint8_t id, unsigned watch)
{
    CHECK(id < sim->count);
    struct actor *actor = &sim->seats[id].actor;
    CHECK(actor->state != NULL);
    log_set_actor(actor->class->name);
    actor_clock(actor);
    enum err err = actor_handle_readable(actor, watch);
    if (!err)
        err = actor_finish_turn(actor, 1);
    check_context_set(NULL, NULL);
    log_set_actor(NULL);
    if (err)
        bury(sim, id, err);
}

void sim_ping(struct sim *sim, uint8_t id)
{
    CHECK(id < sim->count);
    (void)ping_ask(&sim->seats[id].actor.ping, sim->mono); /* or the last one is still open */
}

void sim_ping_all(struct sim *sim)
{
    for (size_t id = 0; id < sim->count; id++)
        sim_ping(sim, (uint8_t)id);
}

void sim_freeze(struct sim *sim, uint8_t id, bool is_frozen)
{
    CHECK(id < sim->count);
    sim->seats[id].is_frozen = is_frozen;
}

static bool is_mailbox_empty(struct sim *sim, uint8_t id)
{
    for (size_t from = 0; from < sim->id_count; from++) {
        if (queue_between(sim, from, id)->head)
            return false;
    }
    return true;
}

bool sim_stop(struct sim *sim, uint8_t id, int64_t deadline_ms)
{
    CHECK(id < sim->count);
    struct seat *seat = &sim->seats[id];
    CHECK(seat->actor.state != NULL);
    int64_t limit_ns = mono_add_ms(sim->mono, deadline_ms).ns;
    actor_clock(&seat->actor);
    enum err err = actor_begin_stop(&seat->actor);
    if (!err)
        err = actor_finish_turn(&seat->actor, 1);
    if (err)
        bury(sim, id, err);
    bool is_done = false;
    while (!is_done && !sim->failure) {
        is_done = seat->actor.is_stopped && is_mailbox_empty(sim, id);
        if (!is_done && !step_until(sim, limit_ns, true))
            break;
    }
    seat->is_stopped = true;
    return is_done;
}

enum err sim_failure(const struct sim *sim, uint8_t *ret_id)
{
    if (sim->failure && ret_id)
        *ret_id = sim->failed_id;
    return sim->failure;
}

void *sim_state(struct sim *sim, uint8_t id)
{
    CHECK(id < sim->count);
    return sim->seats[id].actor.state;
}

struct metrics *sim_metrics(struct sim *sim, uint8_t id)
{
    CHECK(id < sim->count);
    return &sim->metrics[id];
}

/* --- Making and ending */

static void apply_defaults(struct sim_options *options)
{
    if (options->pseudo_actors == 0)
        options->pseudo_actors = 1;
    if (options->delay_max_us == 0)
        options->delay_max_us = DELAY_MAX_US;
    if (options->turn_max_us == 0)
        options->turn_max_us = TURN_MAX_US;
    if (options->wall_start_ms == 0)
        options->wall_start_ms = WALL_START_MS;
    if (options->arena_limit_bytes == 0)
        options->arena_limit_bytes = ARENA_LIMIT_BYTES;
    if (options->restarts_max == 0)
        options->restarts_max = RESTARTS_MAX;
    if (options->restart_window_ms == 0)
        options->restart_window_ms = RESTART_WINDOW_MS;
    CHECK(options->restarts_max <= SIM_RESTARTS_MAX_MAX);
}

static void allocate(struct sim *sim)
{
    size_t pairs = sim->id_count * sim->id_count;
    sim->seats = calloc(sim->count, sizeof(*sim->seats));
    sim->metrics = calloc(sim->count, sizeof(*sim->metrics));
    sim->queues = calloc(pairs, sizeof(*sim->queues));
    sim->rooms = calloc(sim->id_count, sizeof(*sim->rooms));
    sim->links = aligned_alloc(_Alignof(struct link), pairs * sizeof(struct link));
    CHECK(sim->seats && sim->metrics && sim->queues && sim->rooms && sim->links);
    memset(sim->links, 0, pairs * sizeof(struct link));
}

static struct sim *new_empty(uint64_t seed, size_t count, const struct sim_options *options)
{
    struct sim *sim = calloc(1, sizeof(*sim));
    CHECK(sim != NULL);
    if (options)
        sim->options = *options;
    apply_defaults(&sim->options);
    sim->count = count;
    sim->id_count = count + sim->options.pseudo_actors;
    CHECK(count > 0 && count <= SYSTEM_ACTORS_MAX && sim->id_count <= SIM_IDS_MAX);
    sim->random_state = seed;
    sim->trace_hash = 0xcbf29ce484222325u;
    sim->trace_fd = -1;
    sim->wall_offset_ms = sim->options.wall_start_ms;
    set_time(sim, SIM_MONO_START_NS);
    arena_init(&sim->arena, sim->options.arena_limit_bytes);
    allocate(sim);
    return sim;
}

struct sim *sim_new(uint64_t seed, const struct actor_spec *specs, size_t count,
                    const struct msg_type *types, size_t type_count,
                    const struct sim_options *options, enum err *ret_err)
{
    struct sim *sim = new_empty(seed, count, options);
    for (size_t id = 0; id < sim->id_count; id++)
        sim->rooms[id] = id < count ? specs[id].class->link_room : PSEUDO_ROOM;
    sim->host = (struct actor_host){
        .types = types,
        .type_count = type_count,
        .links = sim->links,
        .rooms = sim->rooms,
        .id_count = sim->id_count,
        .arena_limit_bytes = sim->options.arena_limit_bytes,
        .send = host_send,
        .mono = host_mono,
        .wall = host_wall,
        .random = host_random,
    };
    log_set_clock(&sim->wall);
    enum err err = ERR_OK;
    for (size_t id = 0; id < count; id++) {
        actor_setup(&sim->seats[id].actor, &sim->host, (uint8_t)id, specs[id].class, specs[id].args,
                    &sim->metrics[id]);
        sim->seats[id].actor.host_data = sim;
    }
    for (size_t id = 0; !err && id < count; id++)
        err = begin(sim, id);
    if (err) {
        if (ret_err)
            *ret_err = err;
        sim_destroy(&sim);
    }
    return sim;
}

void sim_destroy(struct sim **sim_pointer)
{
    struct sim *sim = *sim_pointer;
    if (!sim)
        return;
    for (size_t id = sim->count; id-- > 0;) {
        end(sim, id);
        actor_teardown(&sim->seats[id].actor);
    }
    sim_drop_all_messages(sim);
    log_set_clock(NULL);
    arena_fini(&sim->arena);
    free(sim->seats);
    free(sim->metrics);
    free(sim->queues);
    free(sim->rooms);
    free(sim->links);
    free(sim);
    *sim_pointer = NULL;
}
