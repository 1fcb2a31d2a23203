/* SPDX-License-Identifier: MPL-2.0
 *
 * One actor on one thread: the loop that takes turns, and what supervisor and actor tell each
 * other. The supervisor (system.c) sees only this interface.
 *
 * Between them lies one PAIR link for control: down go orders to stop and to answer a ping (of these at
 * most one is under way), up go READY (init worked) and
 * GONE (the thread is about to end), never data; so it can never fill. It is made once and serves
 * all lives of the actor.
 *
 * Why pthreads and not zactor (czmq 4.2): zactor threads are detached, so nobody can wait for their
 * end (resources could be freed under a thread that still runs); zactor_new hangs for ever when no
 * thread can be made, which at a restart would stop the supervisor and its watchdog; zactor_destroy
 * hangs when the actor function returned early. A joined thread has none of that, and gives
 * ThreadSanitizer a hand-over it understands.
 */
#ifndef RT_RUNNER_H
#define RT_RUNNER_H

#include <pthread.h>

#include "rt/actor_internal.h"
#include "rt/mailbox.h"

enum runner_state {
    RUNNER_IDLE,     /* no thread */
    RUNNER_STARTING, /* in init */
    RUNNER_RUNNING,
    RUNNER_GONE,  /* the last life has ended and was joined */
    RUNNER_STUCK, /* did not stop in time; its thread still runs */
};

struct runner {
    struct actor actor;
    struct mailboxes *mailboxes;
    void *control_up;   /* supervisor's end */
    void *control_down; /* the thread's end */
    pthread_t thread;
    enum runner_state state; /* supervisor's view */

    /* Written by the thread before it ends, read by the supervisor after the join. */
    enum err result; /* ERR_OK: an orderly stop */
    bool is_failed_init;
    bool is_deadline_passed; /* stopped with work left */

    /* The thread's own. */
    struct mono_time stop_deadline;
};

/* `runner->actor` must be set up. ERR_BUSY: no sockets. */
MUST_USE enum err runner_init(struct runner *runner, struct mailboxes *mailboxes);
/* No thread may run. */
void runner_fini(struct runner *runner);

/* Begins a new life on a new thread. ERR_BUSY: no thread to be had. */
MUST_USE enum err runner_spawn(struct runner *runner);

/* Orders the orderly stop, to be finished by `deadline`. */
void runner_order_stop(struct runner *runner, struct mono_time deadline);

/* Wakes the thread, so that it takes a turn and answers an open ping at its end. */
void runner_wake(struct runner *runner);

/* What the thread has to say, without waiting: updates runner->state, joins a thread that is
 * gone. False: nothing. */
bool runner_listen(struct runner *runner);

/* The socket that becomes readable when there is something to listen to. */
void *runner_socket(const struct runner *runner);

/* Any thread: in the middle of a turn? */
bool runner_is_busy(const struct runner *runner);

#endif
