/* SPDX-License-Identifier: MPL-2.0
 *
 * The loop of one actor on its thread.
 *
 *     wait -> control -> mailbox (<= ACTOR_BATCH_MAX) -> own sockets -> timers, deadlines
 *          -> on_batch -> wait
 *
 * The wait is one poll() over the descriptors of control, mailbox and own sockets, until the next
 * timer or deadline; it does not wait at all when the last turn may have left messages behind.
 *
 * Not zmq_poll, which looks at every socket twice in each call: that was half of the system calls
 * of a message. The descriptor of a ZeroMQ socket only tells of changes, so before the wait each
 * socket must be known to be empty: the mailbox was read until it said so, an own socket is asked
 * (sending on it may have taken the notice of something received).
 *
 * A socket that is never empty hears of a sender whose messages had run out only when it is asked, or
 * after a hundred frames. So a mailbox that was not emptied is asked: a flood from one sender must not
 * keep another's message waiting.
 */
#include "rt/runner.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "rt/check.h"
#include "rt/log.h"

#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif

#ifdef HAS_TSAN
/* When a link is made, libzmq hands a socket's memory over before there is any message of ours. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:libzmq.so\n";
}
#endif

#define ENDPOINT_MAX 64
#define WAIT_MAX_MS  60000
#define ITEM_CONTROL 0
#define ITEM_MAILBOX 1
#define ITEM_WATCHES 2
#define ITEMS_MAX    (ITEM_WATCHES + ACTOR_WATCHES_MAX)

enum report { REPORT_READY = 'r', REPORT_GONE = 'g' };

struct order {
    bool is_stop; /* else: only take a turn */
    int64_t stop_deadline_ns;
};

static void *new_pair(void *context)
{
    void *socket = zmq_socket(context, ZMQ_PAIR);
    if (!socket)
        return NULL;
    int zero = 0;
    CHECK(zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof(zero)) == 0);
    CHECK(zmq_setsockopt(socket, ZMQ_SNDTIMEO, &zero, sizeof(zero)) == 0);
    return socket;
}

enum err runner_init(struct runner *runner, struct mailboxes *mailboxes)
{
    runner->mailboxes = mailboxes;
    runner->state = RUNNER_IDLE;
    void *context = runner->actor.host->zmq_context;
    runner->control_up = new_pair(context);
    runner->control_down = new_pair(context);
    if (!runner->control_up || !runner->control_down) {
        log_error("control-socket", LOG_ERRNO(errno));
        return ERR_BUSY;
    }
    char endpoint[ENDPOINT_MAX];
    (void)snprintf(endpoint, sizeof(endpoint), "inproc://roost-%016" PRIx64 "-%u-control",
                   mailboxes->name, runner->actor.id);
    CHECK(zmq_bind(runner->control_up, endpoint) == 0);
    CHECK(zmq_connect(runner->control_down, endpoint) == 0);
    return ERR_OK;
}

void runner_fini(struct runner *runner)
{
    CHECK(runner->state == RUNNER_IDLE || runner->state == RUNNER_GONE);
    if (runner->control_up)
        (void)zmq_close(runner->control_up);
    if (runner->control_down)
        (void)zmq_close(runner->control_down);
    runner->control_up = NULL;
    runner->control_down = NULL;
}

void *runner_socket(const struct runner *runner)
{
    return runner->control_up;
}

bool runner_is_busy(const struct runner *runner)
{
    return atomic_load_explicit(&runner->actor.is_in_turn, memory_order_relaxed);
}

/* --- On the actor's thread */

static void report(struct runner *runner, enum report what)
{
    char byte = (char)what;
    /* Two reports per life: there is always room. */
    CHECK(zmq_send(runner->control_down, &byte, 1, ZMQ_DONTWAIT) == 1);
}

static enum err obey(struct runner *runner)
{
    struct order order;
    enum err err = ERR_OK;
    while (!err && zmq_recv(runner->control_down, &order, sizeof(order), ZMQ_DONTWAIT) >= 0) {
        if (!order.is_stop)
            continue;
        runner->stop_deadline = (struct mono_time){order.stop_deadline_ns};
        err = actor_begin_stop(&runner->actor);
    }
    return err;
}

static bool has_input(void *zmq_socket)
{
    int events = 0;
    size_t size = sizeof(events);
    while (zmq_getsockopt(zmq_socket, ZMQ_EVENTS, &events, &size) != 0)
        CHECK(errno == EINTR);
    return events & ZMQ_POLLIN;
}

/* More may wait. */
static bool is_cut_short(const struct actor *actor, unsigned taken)
{
    return taken >= ACTOR_BATCH_MAX || actor->is_turn_over;
}

/* What has been waiting at most. Only a turn that did not empty the mailbox has to look at it. */
static void note_depth(struct runner *runner, unsigned taken)
{
    struct actor *actor = &runner->actor;
    uint64_t depth = taken;
    if (is_cut_short(actor, taken))
        depth += mailbox_depth(runner->mailboxes, actor->id);
    metrics_raise(actor->metrics, METRIC_MAILBOX_HIGH, (int64_t)depth);
}

static enum err drain(struct runner *runner, unsigned *handled)
{
    struct actor *actor = &runner->actor;
    enum err err = ERR_OK;
    unsigned count = 0;
    while (!err && !is_cut_short(actor, count)) {
        zmq_msg_t frame, payload;
        bool has_payload;
        if (!mailbox_receive(runner->mailboxes, actor->id, &frame, &payload, &has_payload))
            break;
        count++;
        err = actor_handle(actor, &frame, has_payload ? &payload : NULL);
    }
    if (count) {
        metrics_add(actor->metrics, METRIC_MESSAGES, count);
        note_depth(runner, count);
    }
    *handled += count;
    return err;
}

/* What one turn waits for. */
struct wait_set {
    struct pollfd fds[ITEMS_MAX];
    unsigned watches[ACTOR_WATCHES_MAX]; /* of fds[ITEM_WATCHES + i] */
    size_t count;
    bool is_ready; /* an own socket has something already */
};

static struct pollfd readable(void *zmq_socket)
{
    int fd = -1;
    size_t size = sizeof(fd);
    CHECK(zmq_getsockopt(zmq_socket, ZMQ_FD, &fd, &size) == 0);
    return (struct pollfd){.fd = fd, .events = POLLIN};
}

static void build_set(struct runner *runner, struct wait_set *set)
{
    struct actor *actor = &runner->actor;
    set->fds[ITEM_CONTROL] = readable(runner->control_down);
    set->fds[ITEM_MAILBOX] = readable(mailbox_socket(runner->mailboxes, actor->id));
    set->count = ITEM_WATCHES;
    set->is_ready = false;
    for (unsigned i = 0; i < ACTOR_WATCHES_MAX; i++) {
        const struct watch *watch = &actor->watches[i];
        if (!watch->is_set)
            continue;
        struct pollfd *item = &set->fds[set->count];
        set->watches[set->count++ - ITEM_WATCHES] = i;
        *item = watch->zmq_socket ? readable(watch->zmq_socket)
                                  : (struct pollfd){.fd = watch->fd, .events = POLLIN};
        set->is_ready = set->is_ready || (watch->zmq_socket && has_input(watch->zmq_socket));
    }
}

/* Milliseconds until something is due, rounded up so that it is due then. */
static int wait_time_ms(const struct runner *runner, bool has_more)
{
    if (has_more)
        return 0;
    const struct actor *actor = &runner->actor;
    int64_t due_ns = actor_next_due(actor).ns;
    if (actor->is_stopping && runner->stop_deadline.ns < due_ns)
        due_ns = runner->stop_deadline.ns;
    int64_t now_ns = clock_mono_now().ns;
    if (due_ns <= now_ns)
        return 0;
    int64_t wait_ms = (due_ns - now_ns) / 1000000 + 1;
    return (int)(wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS);
}

/* Is there something? Its descriptor says so, or a look at it did before the wait. */
static bool is_readable(const struct watch *watch, const struct pollfd *item, bool is_ready)
{
    if (!watch->is_set)
        return false; /* an earlier handler of this turn has closed it */
    return item->revents || (is_ready && watch->zmq_socket);
}

static enum err handle_watches(struct runner *runner, const struct wait_set *set, unsigned *handled)
{
    struct actor *actor = &runner->actor;
    for (size_t i = ITEM_WATCHES; i < set->count; i++) {
        unsigned watch = set->watches[i - ITEM_WATCHES];
        if (!is_readable(&actor->watches[watch], &set->fds[i], set->is_ready))
            continue;
        ++*handled;
        enum err err = actor_handle_readable(actor, watch);
        if (err)
            return err;
    }
    return ERR_OK;
}

static void set_in_turn(struct actor *actor, bool is_in_turn)
{
    atomic_store_explicit(&actor->is_in_turn, is_in_turn, memory_order_relaxed);
}

static void count_turn(struct actor *actor, unsigned handled, struct mono_time begin)
{
    if (!handled)
        return;
    metrics_record(actor->metrics, METRIC_BATCH_SIZE, handled);
    metrics_add(actor->metrics, METRIC_BUSY_NS, clock_mono_now().ns - begin.ns);
}

/* One turn. *has_more: the mailbox was not emptied. */
static enum err take_turn(struct runner *runner, bool *has_more)
{
    struct actor *actor = &runner->actor;
    struct wait_set set;
    build_set(runner, &set);
    if (poll(set.fds, set.count, wait_time_ms(runner, *has_more || set.is_ready)) < 0) {
        CHECK(errno == EINTR);
        return ERR_OK;
    }
    set_in_turn(actor, true);
    actor_begin_turn(actor);
    struct mono_time begin = actor->mono;
    unsigned handled = 0;
    enum err err = ERR_OK;
    /* At the beginning of a life: READY may have taken the notice of an order. */
    if (*has_more || set.fds[ITEM_CONTROL].revents)
        err = obey(runner);
    if (*has_more)
        (void)has_input(mailbox_socket(runner->mailboxes, actor->id)); /* hears of others */
    if (!err && (*has_more || set.fds[ITEM_MAILBOX].revents))
        err = drain(runner, &handled);
    *has_more = is_cut_short(actor, handled);
    if (!err)
        err = handle_watches(runner, &set, &handled);
    if (handled)
        actor_clock(actor);
    if (!err)
        err = actor_handle_due(actor, !*has_more, &handled);
    if (!err)
        err = actor_finish_turn(actor, handled);
    count_turn(actor, handled, begin);
    set_in_turn(actor, false);
    log_flush();
    return err;
}

static enum err run_life(struct runner *runner)
{
    struct actor *actor = &runner->actor;
    bool has_more = true; /* messages may have come while it was being started */
    enum err err = ERR_OK;
    while (!err) {
        err = take_turn(runner, &has_more);
        if (!actor->is_stopping || err)
            continue;
        if (actor->is_stopped && !has_more && mailbox_depth(runner->mailboxes, actor->id) == 0)
            break;
        if (mono_reached(runner->stop_deadline, clock_mono_now())) {
            runner->is_deadline_passed = true;
            break;
        }
        /* Whatever was counted as sent but has not arrived comes at once: look again. */
        has_more = has_more || actor->is_stopped;
    }
    return err;
}

static void *thread_main(void *argument)
{
    struct runner *runner = argument;
    struct actor *actor = &runner->actor;
    (void)prctl(PR_SET_NAME, actor->class->name); /* only for people who look */
    log_set_actor(actor->class->name);

    enum err err = actor_begin(actor);
    runner->is_failed_init = err != ERR_OK;
    if (!err) {
        report(runner, REPORT_READY);
        err = run_life(runner);
    }
    set_in_turn(actor, false);
    actor_end(actor);
    runner->result = err;
    log_finish();
    report(runner, REPORT_GONE);
    return NULL;
}

/* --- On the supervisor's thread */

enum err runner_spawn(struct runner *runner)
{
    CHECK(runner->state == RUNNER_IDLE || runner->state == RUNNER_GONE);
    runner->result = ERR_OK;
    runner->is_failed_init = false;
    runner->is_deadline_passed = false;
    runner->stop_deadline = MONO_NEVER;
    struct order stale; /* given to a life that ended before it looked */
    while (zmq_recv(runner->control_down, &stale, sizeof(stale), ZMQ_DONTWAIT) >= 0)
        continue;
    int error = pthread_create(&runner->thread, NULL, thread_main, runner);
    if (error) {
        log_error("thread-create", LOG_STR("name", runner->actor.class->name), LOG_ERRNO(error));
        return ERR_BUSY;
    }
    runner->state = RUNNER_STARTING;
    return ERR_OK;
}

void runner_order_stop(struct runner *runner, struct mono_time deadline)
{
    CHECK(runner->state == RUNNER_RUNNING || runner->state == RUNNER_STARTING);
    struct order order = {.is_stop = true, .stop_deadline_ns = deadline.ns};
    CHECK(zmq_send(runner->control_up, &order, sizeof(order), ZMQ_DONTWAIT) == sizeof(order));
}

void runner_wake(struct runner *runner)
{
    struct order order = {.is_stop = false};
    CHECK(zmq_send(runner->control_up, &order, sizeof(order), ZMQ_DONTWAIT) == sizeof(order));
}

bool runner_listen(struct runner *runner)
{
    char byte;
    if (zmq_recv(runner->control_up, &byte, 1, ZMQ_DONTWAIT) != 1)
        return false;
    if (byte == REPORT_READY) {
        runner->state = RUNNER_RUNNING;
        return true;
    }
    CHECK(byte == REPORT_GONE);
    CHECK(pthread_join(runner->thread, NULL) == 0);
    runner->state = RUNNER_GONE;
    return true;
}
