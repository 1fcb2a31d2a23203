/* SPDX-License-Identifier: MPL-2.0
 *
 * A system of actors, each on a thread of its own: start order, supervision, watchdog, stop.
 *
 * The caller's thread (main) is the supervisor. It owns all mailboxes and links, which outlive any
 * restart of an actor; the actors own everything else.
 *
 *     struct system *system = system_new(specs, count, types, type_count, &options);
 *     err = system_start(system);             in order of specs, each init awaited
 *     err = system_run(system, signal_fd);    until the descriptor is readable or an actor's death
 *     err = system_stop(system);              in reverse order, each within its deadline
 *     system_destroy(&system);
 *
 * Supervision: an actor dies when a handler returns an error. ACTOR_RESTART: a new life starts on
 * the same mailbox, at most `restarts_max` in `restart_window_ms`; then, and for ACTOR_ESCALATE at
 * once, system_run returns the error and the program is expected to stop. The message in hand at
 * death is logged and dropped, never handled again.
 *
 * Ping: every `watchdog_ms`, beginning with the start, each actor is asked whether its loop goes round
 * (rt/ping.h); system_stats tells how long ago it answered, and how long it has not.
 *
 * Watchdog: an actor without progress while messages wait for it is logged after
 * `stall_warn_ms` and after `stall_abort_ms` the process aborts (restart = recovery). A start-up
 * (init) is not watched.
 *
 * Signals: the caller blocks those it wants to read before system_start; threads inherit that.
 */
#ifndef RT_SYSTEM_H
#define RT_SYSTEM_H

#include "rt/actor.h"
#include "rt/metrics.h"
#include "rt/ping.h"

#define SYSTEM_ACTORS_MAX 64

struct actor_spec {
    const struct actor_class *class;
    const void *args;         /* for init, on the actor's thread; must live as long as the system */
    int64_t stop_deadline_ms; /* for the orderly stop; 0: 10 s */
};

/* Zero means the default in brackets. */
struct system_options {
    int64_t stall_warn_ms;                               /* [5,000] */
    int64_t stall_abort_ms;                              /* [30,000]; negative: never */
    int64_t watchdog_ms;                                 /* [1,000] how often it looks */
    unsigned restarts_max;                               /* [5] */
    int64_t restart_window_ms;                           /* [30,000] */
    size_t arena_limit_bytes;                            /* [64 MiB] unpacked size of one message */
    bool is_traced;                                      /* one log line (debug) per message */
    void (*on_stall)(uint8_t actor, int64_t stalled_ms); /* tests: called instead of abort */
};

struct actor_stats {
    const char *name;
    uint64_t messages;
    uint64_t turns;
    uint64_t refusals;
    uint64_t busy_ns;
    uint64_t restarts;
    uint64_t mailbox_depth;   /* an estimate while it runs */
    uint64_t mailbox_fullest; /* of that: the most from one sender, who may send `mailbox_max` */
    uint64_t mailbox_high;    /* the largest depth met so far */
    uint64_t mailbox_max;     /* messages that may wait per sender; answers have room above */
    struct ping_report ping;
    bool is_running;
};

/* It runs, and has answered a ping within `within_ms`. */
bool actor_stats_is_answering(const struct actor_stats *stats, int64_t within_ms);

struct system;

/* The actor with specs[i] has the id i. Tables must live as long as the system. Calls zsys_init
 * and takes its signal handler away. NULL: no memory or no sockets. */
struct system *system_new(const struct actor_spec *specs, size_t count,
                          const struct msg_type *types, size_t type_count,
                          const struct system_options *options);

/* Starts all in order and awaits each init. On an error stops those started, in reverse order, and
 * returns it. */
MUST_USE enum err system_start(struct system *system);

/* Supervises until `wake_fd` (a signalfd, say) is readable: ERR_OK, may be called again; or an
 * actor is lost for good: its error. wake_fd < 0: only the latter, or timeout_ms if >= 0 (ERR_OK).
 */
MUST_USE enum err system_run(struct system *system, int wake_fd, int64_t timeout_ms);

/* ERR_TIMEOUT: an actor did not stop in its deadline and its thread still runs; the system can
 * then not be destroyed, and the process should end by _exit (or call this again). */
MUST_USE enum err system_stop(struct system *system);

/* Whether some actor has not moved for stall_warn_ms although it is busy or messages wait for it, as
 * seen by the last look of the watchdog. The caller's thread. */
bool system_is_stalled(const struct system *system);

/* After system_stop, or without any start. */
void system_destroy(struct system **system);

/* Any thread. Index = actor id; there are as many as specs. Sets the depth gauge of the actor. */
struct actor_stats system_stats(const struct system *system, uint8_t id);

/* Any thread, any time; the blocks in order of actor id. The depth gauges are kept by the actors.
 */
const struct metrics *system_metrics(const struct system *system);
size_t system_count(const struct system *system);

/* Name of the actor lost for good after system_run or system_start failed; else NULL. */
const char *system_failed_actor(const struct system *system);

#endif
