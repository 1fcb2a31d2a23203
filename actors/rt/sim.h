/* SPDX-License-Identifier: MPL-2.0
 *
 * The simulator: the same actors in one thread with virtual time. Linked by tests only.
 *
 * It plays the mailboxes, the clocks and the randomness. From one seed it draws which actor runs
 * next, how many messages it takes in the turn and in which order of senders, how long each
 * message travels and how long a turn takes. All orders it makes up are allowed by the rules of
 * rt/actor.h (order kept per link, nothing else). The same seed gives the same run: sim_trace_hash
 * covers every message (time, sender, receiver, bytes).
 *
 * Time stands still unless something is due: it jumps to the next message, timer or deadline.
 *
 * Pseudo actors: ids from `count` on are the test itself. sim_post sends as one of them, sim_take
 * gets what was sent to it.
 */
#ifndef RT_SIM_H
#define RT_SIM_H

#include "rt/system.h"

struct sim;

/* Zero means the default in brackets. */
struct sim_options {
    unsigned pseudo_actors;   /* [1] ids count .. count + pseudo_actors - 1 */
    int64_t delay_max_us;     /* [1,000] longest travel of a message; negative: none */
    int64_t turn_max_us;      /* [100] longest time a turn takes; negative: none */
    int64_t wall_start_ms;    /* [1,700,000,000,000] */
    size_t arena_limit_bytes; /* [64 MiB] */
    unsigned restarts_max;    /* [5] in restart_window_ms [30,000] */
    int64_t restart_window_ms;
};

/* Starts all actors in order. On an error of an init: NULL and *ret_err. options may be NULL. */
struct sim *sim_new(uint64_t seed, const struct actor_spec *specs, size_t count,
                    const struct msg_type *types, size_t type_count,
                    const struct sim_options *options, enum err *ret_err);
/* fini of every actor in reverse order, without an orderly stop. */
void sim_destroy(struct sim **sim);

struct mono_time sim_mono(const struct sim *sim);
struct wall_time sim_wall(const struct sim *sim);

/* One turn of one actor, time jumping as needed. False: nothing will ever happen by itself. */
bool sim_step(struct sim *sim);

/* Steps until nothing is due up to `time` (then it is that time), or until an actor is lost for
 * good (sim_failure). */
void sim_run_until(struct sim *sim, struct mono_time time);
void sim_advance(struct sim *sim, int64_t delay_ms);

/* Steps until no message is on its way or waiting; timers that lie in the future stay. */
void sim_settle(struct sim *sim);

/* The wall clock jumps; the monotonic one does not. */
void sim_wall_jump(struct sim *sim, int64_t jump_ms);

/* A message from pseudo actor `from`. Same results as actor_send; `is_question` as with actor_ask
 * (the test remembers the correlation it chose, not 0). */
MUST_USE enum err sim_post(struct sim *sim, uint8_t from, uint8_t to, uint8_t kind,
                           const ProtobufCMessage *body, zmq_msg_t *take_payload,
                           uint64_t correlation, bool is_question);

/* The answer of a pseudo actor to a message it took. */
void sim_reply(struct sim *sim, const struct msg *question, uint8_t self, uint8_t kind,
               const ProtobufCMessage *body, zmq_msg_t *take_payload);

/* The next message that has arrived at pseudo actor `self`, oldest arrival first; NULL: none.
 * Valid until the next sim_take of any pseudo actor. Use sim_settle or sim_run_until first. */
const struct msg *sim_take(struct sim *sim, uint8_t self);

/* One actor dies and lives again at once (a new init); its mailbox survives. The error is that of
 * the new init. */
MUST_USE enum err sim_crash(struct sim *sim, uint8_t id);

/* The whole process dies and is started again: all states and all messages are gone, time goes on
 * by `away_ms`. Pseudo actors lose their messages too. */
MUST_USE enum err sim_crash_all(struct sim *sim, int64_t away_ms);

/* Holds back every message from `from` to `to` (later ones too) until released: a slow link. */
void sim_hold(struct sim *sim, uint8_t from, uint8_t to, bool is_held);

/* Calls on_readable of an actor by hand, as a turn of its own. */
void sim_readable(struct sim *sim, uint8_t id, unsigned watch);

/* Asks one actor, or all, whether its loop goes round (rt/ping.h), as rt/system does by itself. */
void sim_ping(struct sim *sim, uint8_t id);
void sim_ping_all(struct sim *sim);

/* Takes no more turns, as if it were stuck in a handler, until told that it is not. */
void sim_freeze(struct sim *sim, uint8_t id, bool is_frozen);

/* What system_stats tells of a system. */
struct actor_stats sim_stats(const struct sim *sim, uint8_t id);

/* Asks one actor for its orderly stop; true when it had stopped within deadline_ms of virtual
 * time. Its state is kept until sim_crash or sim_destroy. */
bool sim_stop(struct sim *sim, uint8_t id, int64_t deadline_ms);

/* ERR_OK, or the error of the actor that was lost for good, with its id. */
enum err sim_failure(const struct sim *sim, uint8_t *ret_id);

/* The private state of an actor, for white-box checks. */
void *sim_state(struct sim *sim, uint8_t id);
struct metrics *sim_metrics(struct sim *sim, uint8_t id);

uint64_t sim_trace_hash(const struct sim *sim);
uint64_t sim_message_count(const struct sim *sim); /* messages handled or taken so far */

/* Prints every message to this descriptor (for a failing seed); negative: no. */
void sim_trace_to(struct sim *sim, int fd);

#endif
