/* SPDX-License-Identifier: MPL-2.0
 *
 * The supervisor. One slot per actor holds its runner and what is remembered between its lives:
 * restart times and what the watchdog saw last. All of this file runs on the caller's thread,
 * except system_stats and system_metrics, which read atomics only.
 *
 *     IDLE --spawn--> STARTING --READY--> RUNNING --GONE--> GONE --restart--> STARTING
 *                         '--------- GONE (init failed) ---------^
 *     on stop: RUNNING --order, deadline--> GONE, or STUCK when the deadline and STOP_GRACE_MS
 *     have passed
 */
#include "rt/system.h"

#include <czmq.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "rt/check.h"
#include "rt/log.h"
#include "rt/runner.h"

#define STALL_WARN_MS     5000
#define STALL_ABORT_MS    30000
#define WATCHDOG_MS       1000
#define RESTARTS_MAX      5
#define RESTARTS_MAX_MAX  32
#define RESTART_WINDOW_MS 30000
#define STOP_DEADLINE_MS  10000
#define STOP_GRACE_MS     1000 /* beyond its deadline, for the turn in hand and fini */
#define ARENA_LIMIT_BYTES ((size_t)64 << 20)

struct slot {
    struct runner runner;
    int64_t stop_deadline_ms;
    struct mono_time restarts[RESTARTS_MAX_MAX]; /* ring of the latest */
    unsigned restart_count;
    uint64_t turns_seen; /* with work in them */
    struct mono_time progress_at;
    bool is_stall_logged;
    _Atomic bool is_running; /* for system_stats */
};

struct system {
    struct system_options options;
    size_t count;
    struct slot *slots;
    struct metrics *metrics;
    struct link *links;
    uint32_t *rooms;
    const char **names;
    struct actor_host host;
    struct mailboxes mailboxes;
    struct mono_time watchdog_next;
    const char *failed_actor;
};

/* --- The host's part of an actor */

static enum err host_send(struct actor *actor, uint8_t to, zmq_msg_t *frame, zmq_msg_t *payload)
{
    mailbox_send(actor->host_data, actor->id, to, frame, payload);
    return ERR_OK;
}

static struct mono_time host_mono(struct actor *actor)
{
    (void)actor;
    return clock_mono_now();
}

static struct wall_time host_wall(struct actor *actor)
{
    (void)actor;
    return clock_wall_now();
}

static uint64_t host_random(struct actor *actor)
{
    uint64_t value;
    (void)actor;
    randombytes_buf(&value, sizeof(value));
    return value;
}

/* --- Making and ending */

static void apply_defaults(struct system_options *options)
{
    if (options->stall_warn_ms == 0)
        options->stall_warn_ms = STALL_WARN_MS;
    if (options->stall_abort_ms == 0)
        options->stall_abort_ms = STALL_ABORT_MS;
    if (options->watchdog_ms == 0)
        options->watchdog_ms = WATCHDOG_MS;
    if (options->restarts_max == 0)
        options->restarts_max = RESTARTS_MAX;
    if (options->restart_window_ms == 0)
        options->restart_window_ms = RESTART_WINDOW_MS;
    if (options->arena_limit_bytes == 0)
        options->arena_limit_bytes = ARENA_LIMIT_BYTES;
    CHECK(options->restarts_max <= RESTARTS_MAX_MAX);
}

static bool allocate(struct system *system)
{
    size_t count = system->count;
    size_t links_bytes = count * count * sizeof(struct link);
    system->slots = calloc(count, sizeof(*system->slots));
    system->metrics = calloc(count, sizeof(*system->metrics));
    system->rooms = calloc(count, sizeof(*system->rooms));
    system->names = calloc(count, sizeof(*system->names));
    system->links = aligned_alloc(_Alignof(struct link), links_bytes);
    if (!system->slots || !system->metrics || !system->rooms || !system->names || !system->links)
        return false;
    memset(system->links, 0, links_bytes);
    return true;
}

static void *open_context(void)
{
    void *context = zsys_init();
    if (context)
        zsys_handler_set(NULL); /* signals are main's */
    return context;
}

static enum err set_up(struct system *system, const struct actor_spec *specs,
                       const struct msg_type *types, size_t type_count)
{
    for (size_t i = 0; i < system->count; i++) {
        system->rooms[i] = specs[i].class->link_room;
        system->names[i] = specs[i].class->name;
    }
    system->host = (struct actor_host){
        .types = types,
        .type_count = type_count,
        .links = system->links,
        .rooms = system->rooms,
        .id_count = system->count,
        .zmq_context = open_context(),
        .arena_limit_bytes = system->options.arena_limit_bytes,
        .send = host_send,
        .mono = host_mono,
        .wall = host_wall,
        .random = host_random,
    };
    if (!system->host.zmq_context)
        return ERR_BUSY;
    enum err err =
        mailboxes_init(&system->mailboxes, &system->host, system->names, system->options.is_traced);
    for (size_t i = 0; !err && i < system->count; i++) {
        struct slot *slot = &system->slots[i];
        actor_setup(&slot->runner.actor, &system->host, (uint8_t)i, specs[i].class, specs[i].args,
                    &system->metrics[i]);
        slot->runner.actor.host_data = &system->mailboxes;
        slot->stop_deadline_ms =
            specs[i].stop_deadline_ms ? specs[i].stop_deadline_ms : STOP_DEADLINE_MS;
        err = runner_init(&slot->runner, &system->mailboxes);
    }
    return err;
}

struct system *system_new(const struct actor_spec *specs, size_t count,
                          const struct msg_type *types, size_t type_count,
                          const struct system_options *options)
{
    CHECK(count > 0 && count <= SYSTEM_ACTORS_MAX);
    CHECK(type_count > 0 && type_count <= ACTOR_KINDS_MAX);
    CHECK(sodium_init() >= 0);
    struct system *system = calloc(1, sizeof(*system));
    if (!system)
        return NULL;
    system->count = count;
    if (options)
        system->options = *options;
    apply_defaults(&system->options);
    if (!allocate(system) || set_up(system, specs, types, type_count) != ERR_OK)
        system_destroy(&system);
    return system;
}

void system_destroy(struct system **system_pointer)
{
    struct system *system = *system_pointer;
    if (!system)
        return;
    for (size_t i = 0; system->slots && i < system->count; i++) {
        struct runner *runner = &system->slots[i].runner;
        if (!runner->actor.class)
            continue;
        runner_fini(runner);
        actor_teardown(&runner->actor);
    }
    mailboxes_fini(&system->mailboxes);
    free(system->slots);
    free(system->metrics);
    free(system->rooms);
    free(system->names);
    free(system->links);
    free(system);
    *system_pointer = NULL;
}

/* --- Start */

static void set_running(struct slot *slot, bool is_running)
{
    atomic_store_explicit(&slot->is_running, is_running, memory_order_relaxed);
}

static void watch_anew(struct slot *slot)
{
    slot->progress_at = clock_mono_now();
    slot->is_stall_logged = false;
}

/* Waits until the actor's thread says something, at most until `deadline`. */
static void listen_until(struct runner *runner, struct mono_time deadline)
{
    zmq_pollitem_t item = {runner_socket(runner), -1, ZMQ_POLLIN, 0};
    while (!runner_listen(runner)) {
        struct mono_time now = clock_mono_now();
        if (mono_reached(deadline, now))
            return;
        int64_t wait_ms = deadline.ns == MONO_NEVER.ns ? -1 : mono_elapsed_ms(now, deadline) + 1;
        (void)zmq_poll(&item, 1, (long)wait_ms); /* an error is a reason to look again */
    }
}

static enum err start_one(struct slot *slot)
{
    struct runner *runner = &slot->runner;
    enum err err = runner_spawn(runner);
    if (err)
        return err;
    listen_until(runner, MONO_NEVER);
    if (runner->state == RUNNER_RUNNING) {
        set_running(slot, true);
        watch_anew(slot);
        return ERR_OK;
    }
    return runner->result;
}

enum err system_start(struct system *system)
{
    for (size_t i = 0; i < system->count; i++) {
        struct slot *slot = &system->slots[i];
        enum err err = start_one(slot);
        if (!err)
            continue;
        system->failed_actor = slot->runner.actor.class->name;
        log_error("actor-start-failed", LOG_STR("name", system->failed_actor), LOG_ERROR(err));
        enum err stop_err = system_stop(system);
        return stop_err == ERR_TIMEOUT ? stop_err : err;
    }
    system->watchdog_next = clock_mono_now(); /* the first pings at once */
    return ERR_OK;
}

/* --- Obituaries */

static void log_death(const struct runner *runner)
{
    const struct actor *actor = &runner->actor;
    if (runner->is_failed_init || actor->last_size == 0) {
        log_error("actor-died", LOG_STR("name", actor->class->name), LOG_ERROR(runner->result),
                  LOG_BOOL("in_init", runner->is_failed_init));
        return;
    }
    log_error("actor-died", LOG_STR("name", actor->class->name), LOG_ERROR(runner->result),
              LOG_STR("kind", kind_name(actor->host, actor->last_kind)),
              LOG_U64("from", actor->last_from), LOG_U64("size_bytes", actor->last_size));
}

/* True when one more restart is within the bounds; it is then counted. */
static bool may_restart(const struct system *system, struct slot *slot)
{
    struct mono_time now = clock_mono_now();
    unsigned max = system->options.restarts_max;
    struct mono_time *place = &slot->restarts[slot->restart_count % max];
    if (slot->restart_count >= max &&
        mono_elapsed_ms(*place, now) < system->options.restart_window_ms)
        return false;
    *place = now;
    slot->restart_count++;
    return true;
}

static enum err bury(struct system *system, struct slot *slot)
{
    struct runner *runner = &slot->runner;
    const struct actor_class *class = runner->actor.class;
    set_running(slot, false);
    log_death(runner);
    enum err err = runner->result;
    if (class->restart == ACTOR_RESTART && may_restart(system, slot)) {
        metrics_add(&system->metrics[runner->actor.id], METRIC_RESTARTS, 1);
        log_warn("actor-restart", LOG_STR("name", class->name),
                 LOG_U64("restarts", slot->restart_count));
        if (runner_spawn(runner) == ERR_OK)
            return ERR_OK;
    }
    system->failed_actor = class->name;
    log_error("actor-lost", LOG_STR("name", class->name), LOG_ERROR(err));
    return err;
}

static enum err listen_to_all(struct system *system)
{
    for (size_t i = 0; i < system->count; i++) {
        struct slot *slot = &system->slots[i];
        while (runner_listen(&slot->runner)) {
            if (slot->runner.state == RUNNER_RUNNING) {
                set_running(slot, true);
                watch_anew(slot);
                continue;
            }
            enum err err = bury(system, slot);
            if (err)
                return err;
        }
    }
    return ERR_OK;
}

/* --- Watchdog */

static void judge_stall(struct system *system, struct slot *slot, int64_t stalled_ms, bool waits)
{
    const struct actor *actor = &slot->runner.actor;
    uint8_t kind = atomic_load_explicit(&actor->kind_in_hand, memory_order_relaxed);
    uint64_t depth = mailbox_depth(&system->mailboxes, actor->id);
    if (!slot->is_stall_logged) {
        slot->is_stall_logged = true;
        log_error("actor-stalled", LOG_STR("name", actor->class->name),
                  LOG_I64("stalled_ms", stalled_ms), LOG_STR("kind", kind_name(actor->host, kind)),
                  LOG_U64("mailbox", depth));
    }
    if (!waits || system->options.stall_abort_ms < 0 || stalled_ms < system->options.stall_abort_ms)
        return;
    if (system->options.on_stall) {
        system->options.on_stall(actor->id, stalled_ms);
        return;
    }
    log_error("watchdog-abort", LOG_STR("name", actor->class->name),
              LOG_I64("stalled_ms", stalled_ms), LOG_STR("kind", kind_name(actor->host, kind)));
    abort();
}

static void watch_one(struct system *system, struct slot *slot)
{
    struct runner *runner = &slot->runner;
    if (runner->state != RUNNER_RUNNING)
        return;
    /* Of a ping alone nothing is done. */
    const struct histogram *work = &runner->actor.metrics->histograms[METRIC_BATCH_SIZE];
    uint64_t turns = atomic_load_explicit(&work->count, memory_order_relaxed);
    bool waits = mailbox_depth(&system->mailboxes, runner->actor.id) > 0;
    if (turns != slot->turns_seen || (!waits && !runner_is_busy(runner))) {
        slot->turns_seen = turns;
        watch_anew(slot);
        return;
    }
    int64_t stalled_ms = mono_elapsed_ms(slot->progress_at, clock_mono_now());
    if (stalled_ms >= system->options.stall_warn_ms)
        judge_stall(system, slot, stalled_ms, waits);
}

static void ping_one(struct slot *slot, struct mono_time now)
{
    struct runner *runner = &slot->runner;
    if (runner->state == RUNNER_RUNNING && ping_ask(&runner->actor.ping, now))
        runner_wake(runner);
}

static void watch_all(struct system *system, struct mono_time now)
{
    if (!mono_reached(system->watchdog_next, now))
        return;
    system->watchdog_next = mono_add_ms(now, system->options.watchdog_ms);
    for (size_t i = 0; i < system->count; i++)
        watch_one(system, &system->slots[i]);
    for (size_t i = 0; i < system->count; i++)
        ping_one(&system->slots[i], now);
    log_flush();
}

bool system_is_stalled(const struct system *system)
{
    for (size_t i = 0; i < system->count; i++)
        if (system->slots[i].is_stall_logged)
            return true;
    return false;
}

/* --- Run */

enum err system_run(struct system *system, int wake_fd, int64_t timeout_ms)
{
    zmq_pollitem_t items[SYSTEM_ACTORS_MAX + 1];
    size_t item_count = 0;
    for (; item_count < system->count; item_count++)
        items[item_count] =
            (zmq_pollitem_t){runner_socket(&system->slots[item_count].runner), -1, ZMQ_POLLIN, 0};
    if (wake_fd >= 0)
        items[item_count++] = (zmq_pollitem_t){NULL, wake_fd, ZMQ_POLLIN, 0};

    struct mono_time end = timeout_ms >= 0 ? mono_add_ms(clock_mono_now(), timeout_ms) : MONO_NEVER;
    for (;;) {
        enum err err = listen_to_all(system);
        if (err)
            return err;
        struct mono_time now = clock_mono_now();
        watch_all(system, now);
        if (mono_reached(end, now))
            return ERR_OK;
        struct mono_time due = system->watchdog_next.ns < end.ns ? system->watchdog_next : end;
        int64_t wait_ms = mono_elapsed_ms(now, due) + 1;
        int ready = zmq_poll(items, (int)item_count, (long)wait_ms);
        CHECK(ready >= 0 || errno == EINTR);
        if (ready > 0 && wake_fd >= 0 && items[item_count - 1].revents)
            return ERR_OK;
    }
}

/* --- Stop */

static enum err stop_one(struct slot *slot)
{
    struct runner *runner = &slot->runner;
    const char *name = runner->actor.class->name;
    if (runner->state == RUNNER_IDLE || runner->state == RUNNER_GONE)
        return ERR_OK;
    struct mono_time deadline = mono_add_ms(clock_mono_now(), slot->stop_deadline_ms);
    if (runner->state != RUNNER_STUCK) /* it was told before */
        runner_order_stop(runner, deadline);
    deadline = mono_add_ms(deadline, STOP_GRACE_MS);
    while (runner->state != RUNNER_GONE && !mono_reached(deadline, clock_mono_now()))
        listen_until(runner, deadline);
    set_running(slot, false);
    if (runner->state != RUNNER_GONE) {
        runner->state = RUNNER_STUCK;
        log_error("actor-stuck", LOG_STR("name", name),
                  LOG_STR("kind", kind_name(runner->actor.host,
                                            atomic_load_explicit(&runner->actor.kind_in_hand,
                                                                 memory_order_relaxed))));
        return ERR_TIMEOUT;
    }
    if (runner->result) {
        log_death(runner);
        /* ERR_TIMEOUT is kept for threads that still run. */
        return runner->result == ERR_TIMEOUT ? ERR_INTERNAL : runner->result;
    }
    if (runner->is_deadline_passed)
        log_warn("actor-stop-late", LOG_STR("name", name),
                 LOG_I64("deadline_ms", slot->stop_deadline_ms));
    log_debug("actor-stopped", LOG_STR("name", name));
    return ERR_OK;
}

enum err system_stop(struct system *system)
{
    enum err result = ERR_OK;
    for (size_t i = system->count; i-- > 0;) {
        enum err err = stop_one(&system->slots[i]);
        if (err == ERR_TIMEOUT || !result)
            result = err ? err : result;
    }
    return result;
}

/* --- For anyone */

struct actor_stats system_stats(const struct system *system, uint8_t id)
{
    CHECK(id < system->count);
    struct metrics *metrics = &system->metrics[id];
    uint64_t depth = mailbox_depth(&system->mailboxes, id);
    metrics_set(metrics, METRIC_MAILBOX_DEPTH, (int64_t)depth);
    return (struct actor_stats){
        .name = system->names[id],
        .messages = (uint64_t)metrics_get(metrics, METRIC_MESSAGES),
        .turns = (uint64_t)metrics_get(metrics, METRIC_TURNS),
        .refusals = (uint64_t)metrics_get(metrics, METRIC_REFUSALS),
        .busy_ns = (uint64_t)metrics_get(metrics, METRIC_BUSY_NS),
        .restarts = (uint64_t)metrics_get(metrics, METRIC_RESTARTS),
        .mailbox_depth = depth,
        .mailbox_fullest = mailbox_fullest(&system->mailboxes, id),
        .mailbox_high = (uint64_t)metrics_get(metrics, METRIC_MAILBOX_HIGH),
        .mailbox_max = system->rooms[id],
        .ping = ping_report(&system->slots[id].runner.actor.ping, clock_mono_now()),
        .is_running = atomic_load_explicit(&system->slots[id].is_running, memory_order_relaxed),
    };
}

bool actor_stats_is_answering(const struct actor_stats *stats, int64_t within_ms)
{
    return stats->is_running && stats->ping.answered_ago_ms >= 0 &&
           stats->ping.answered_ago_ms <= within_ms;
}

const struct metrics *system_metrics(const struct system *system)
{
    for (size_t i = 0; i < system->count; i++)
        metrics_set(&system->metrics[i], METRIC_MAILBOX_DEPTH,
                    (int64_t)mailbox_depth(&system->mailboxes, (uint8_t)i));
    return system->metrics;
}

size_t system_count(const struct system *system)
{
    return system->count;
}

const char *system_failed_actor(const struct system *system)
{
    return system->failed_actor;
}
