/* SPDX-License-Identifier: MPL-2.0
 *
 * The session's thread: one loop, see io.h for its parts.
 *
 * A turn: sleep in poll(2) until the socket, its monitor, the doorbell or a timer says something;
 * take what came from the network (at most IO_FRAMES_PER_TURN frames); take what the application
 * handed over; let time pass; send everything that may be sent; wake the application once for all
 * that the turn brought. So whatever gathered during one turn leaves in as few frames as possible:
 * batching without a delay.
 *
 * The thread never waits for the application. Before it sleeps it announces that on the doorbell
 * and looks at the rings once more (wait.h).
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <zmq.h>

#include "clients/c/event.h"
#include "clients/c/io.h"

#define ARENA_BYTES       WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_CAP)
#define COMMANDS_PER_TURN 4096
#define POLL_MS_MAX       60000

/* ------------------------------------------------------------------------------- sending */

bool io_send_frame(struct io *io, zmq_msg_t *frame)
{
    if (io->socket && zmq_msg_send(frame, io->socket, ZMQ_DONTWAIT) >= 0) {
        io->last_sent = io->now;
        count(io->roost, COUNTER_FRAMES_SENT, 1);
        return true;
    }
    io->is_choked = true;
    (void)zmq_msg_close(frame); /* cannot fail for a valid message */
    return false;
}

bool io_say(struct io *io, Roost__V1__Type type, const ProtobufCMessage *message)
{
    zmq_msg_t frame;
    if (!io->socket || !frame_pack(type, message, &frame))
        return false;
    return io_send_frame(io, &frame);
}

void io_event(struct io *io, enum roost_event_kind kind, enum roost_error code, const char *text)
{
    struct roost_event event = {.kind = kind, .code = code, .text = text};
    (void)event_push(io->roost, &event); /* counted when lost */
    io->has_news = true;
}

uint32_t io_random(struct io *io)
{
    io->random ^= io->random << 13;
    io->random ^= io->random >> 7;
    io->random ^= io->random << 17;
    return (uint32_t)(io->random >> 32);
}

/* ----------------------------------------------------------------------------- receiving */

static const ProtobufCMessageDescriptor *descriptor_of(Roost__V1__Type type)
{
    static const ProtobufCMessageDescriptor *const descriptors[] = {
        [ROOST__V1__TYPE__WELCOME] = &roost__v1__welcome__descriptor,
        [ROOST__V1__TYPE__NO_SESSION] = &roost__v1__no_session__descriptor,
        [ROOST__V1__TYPE__PING] = &roost__v1__ping__descriptor,
        [ROOST__V1__TYPE__PONG] = &roost__v1__pong__descriptor,
        [ROOST__V1__TYPE__GOODBYE] = &roost__v1__goodbye__descriptor,
        [ROOST__V1__TYPE__ERROR] = &roost__v1__error__descriptor,
        [ROOST__V1__TYPE__STORED] = &roost__v1__stored__descriptor,
        [ROOST__V1__TYPE__ATTACHED] = &roost__v1__attached__descriptor,
        [ROOST__V1__TYPE__DETACH] = &roost__v1__detach__descriptor,
        [ROOST__V1__TYPE__SETTLED] = &roost__v1__settled__descriptor,
        [ROOST__V1__TYPE__FIN] = &roost__v1__fin__descriptor,
        [ROOST__V1__TYPE__PRESENCE] = &roost__v1__presence__descriptor,
        [ROOST__V1__TYPE__REPLY] = &roost__v1__reply__descriptor,
    };
    if ((size_t)type >= sizeof(descriptors) / sizeof(descriptors[0]))
        return NULL;
    return descriptors[type];
}

static void handle_message(struct io *io, Roost__V1__Type type, const ProtobufCMessage *message)
{
    const void *any = message;
    switch ((int)type) {
    case ROOST__V1__TYPE__WELCOME:
        io_on_welcome(io, any);
        break;
    case ROOST__V1__TYPE__NO_SESSION:
        io_on_no_session(io);
        break;
    case ROOST__V1__TYPE__PING:
        io_on_ping(io, any);
        break;
    case ROOST__V1__TYPE__GOODBYE:
        io_on_goodbye(io, any);
        break;
    case ROOST__V1__TYPE__ERROR:
        io_on_error(io, any);
        break;
    case ROOST__V1__TYPE__STORED:
        io_on_stored(io, any);
        break;
    case ROOST__V1__TYPE__ATTACHED:
        io_on_attached(io, any);
        break;
    case ROOST__V1__TYPE__DETACH:
        io_on_detach(io, any);
        break;
    case ROOST__V1__TYPE__SETTLED:
        io_on_settled(io, any);
        break;
    case ROOST__V1__TYPE__FIN:
        io_on_fin(io, any);
        break;
    case ROOST__V1__TYPE__PRESENCE:
        io_on_presence(io, any);
        break;
    case ROOST__V1__TYPE__REPLY:
        io_on_reply(io, any);
        break;
    default: /* PONG: that it came is all it says */
        break;
    }
}

void io_handle_frame(struct io *io, const void *frame, size_t size)
{
    Roost__V1__Type type = frame_type(frame, size);

    io->last_received = io->now;
    count(io->roost, COUNTER_FRAMES_RECEIVED, 1);
    if (type == ROOST__V1__TYPE__DELIVER) {
        io_on_deliver_frame(io, frame, size);
        return;
    }
    if (type == ROOST__V1__TYPE__RECEIPT) {
        io_on_receipt_frame(io, frame, size);
        return;
    }
    if (type == ROOST__V1__TYPE__RESULT) {
        io_on_result_frame(io, frame, size);
        return;
    }
    const ProtobufCMessageDescriptor *descriptor = descriptor_of(type);
    const ProtobufCMessage *message =
        descriptor ? frame_unpack(descriptor, &io->arena, frame, size) : NULL;
    if (message)
        handle_message(io, type, message);
    else
        count(io->roost, COUNTER_FRAMES_BAD, 1);
    arena_reset(&io->arena);
}

bool io_receive(struct io *io)
{
    for (int i = 0; i < IO_FRAMES_PER_TURN; i++) {
        zmq_msg_t frame;
        if (!io->socket)
            return false;
        (void)zmq_msg_init(&frame); /* cannot fail */
        if (zmq_msg_recv(&frame, io->socket, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&frame); /* empty */
            return false;
        }
        io_handle_frame(io, zmq_msg_data(&frame), zmq_msg_size(&frame));
        (void)zmq_msg_close(&frame); /* cannot fail for a valid message */
    }
    return true;
}

/* ------------------------------------------------------------------------------ commands */

static void begin_close(struct io *io, uint64_t deadline_ns)
{
    io->is_closing = true;
    io->close_at = (struct mono_time){(int64_t)deadline_ns};
}

static void handle_command(struct io *io, const struct ring_item *item)
{
    enum book_outcome outcome = (enum book_outcome)(item->words[0] >> 8 & 0xff);
    uint32_t delay_ms = (uint32_t)(item->words[0] >> 32);
    void *pointer = (void *)(uintptr_t)item->words[1]; /* put in by command_push */
    uint64_t argument = item->words[2];

    switch ((enum command_kind)(item->words[0] & 0xff)) {
    case COMMAND_SETTLE:
        io_settle(io, pointer, argument, outcome, delay_ms, NULL);
        break;
    case COMMAND_SETTLE_REASON: {
        struct settle_reason *with = pointer;
        io_settle(io, with->consumer, argument, outcome, delay_ms, with->reason);
        free(with);
        break;
    }
    case COMMAND_ATTACH:
        io_attach(io, pointer);
        break;
    case COMMAND_REQUEST:
        io_request(io, pointer);
        break;
    case COMMAND_DETACH:
        io_detach(io, pointer);
        request_complete((struct request *)(uintptr_t)argument, ROOST_OK, NULL);
        break;
    case COMMAND_CONFIRM:
        io_confirm(io, pointer, (struct request *)(uintptr_t)argument);
        break;
    case COMMAND_CLOSE:
        begin_close(io, argument);
        break;
    }
}

void io_take_commands(struct io *io)
{
    struct ring_item item;
    for (int i = 0; i < COMMANDS_PER_TURN && ring_pop(&io->roost->commands, &item, NULL); i++)
        handle_command(io, &item);
}

/* --------------------------------------------------------------------------------- sleep */

static struct mono_time next_due(const struct io *io)
{
    struct mono_time due = io_session_due(io);
    if (io->state == IO_READY) {
        due = mono_first(due, publish_due(&io->publish));
        due = mono_first(due, io_consumers_due(io));
    }
    if (io->is_closing)
        due = mono_first(due, io->close_at);
    return due;
}

static int poll_timeout_ms(const struct io *io, struct mono_time due)
{
    if (due.ns <= io->now.ns)
        return 0;
    int64_t wait_ms = due.ns == INT64_MAX ? POLL_MS_MAX : (due.ns - io->now.ns + 999999) / 1000000;
    return (int)(wait_ms < POLL_MS_MAX ? wait_ms : POLL_MS_MAX);
}

static bool has_work(struct io *io)
{
    return ring_has_item(&io->roost->commands) ||
           (ring_has_item(&io->roost->outbox) && !publish_is_full(&io->publish));
}

static struct pollfd readable(void *zmq_socket)
{
    int fd = -1;
    size_t size = sizeof(fd);
    (void)zmq_getsockopt(zmq_socket, ZMQ_FD, &fd, &size); /* else poll leaves it out */
    return (struct pollfd){.fd = fd, .events = POLLIN};
}

/* ZMQ_FD speaks up once for each change, and any call may take that in: so the socket is asked
 * before the thread sleeps. (zmq_poll would ask every socket twice for each sleep.) */
static bool is_socket_ready(const struct io *io)
{
    int events = 0;
    size_t size = sizeof(events);
    int wanted = ZMQ_POLLIN | (io->is_choked ? ZMQ_POLLOUT : 0);
    if (zmq_getsockopt(io->socket, ZMQ_EVENTS, &events, &size) != 0)
        return true; /* interrupted: it is looked at again */
    return events & wanted;
}

static void sleep_until_something(struct io *io, bool is_more_to_receive)
{
    if (io->state == IO_GREETING)
        io_session_monitor(io); /* being connected may have taken in what its descriptor said */
    struct mono_time due = next_due(io);
    bool is_nap = due.ns - io->now.ns <= IO_SETTLE_LINGER_NS;
    doorbell_sleep(&io->roost->bell, is_nap ? DOORBELL_NAP : DOORBELL_ASLEEP);
    bool is_busy = is_more_to_receive || has_work(io) || (io->socket && is_socket_ready(io));

    struct pollfd items[3] = {{.fd = io->roost->bell.fd, .events = POLLIN}};
    if (io->socket) {
        items[1] = readable(io->socket);
        items[2] = readable(io->monitor); /* nobody but io_session_monitor takes from it, all */
    }
    int ready = poll(items, io->socket ? 3 : 1, is_busy ? 0 : poll_timeout_ms(io, due));
    doorbell_wake(&io->roost->bell, ready > 0 && items[0].revents);
    io->now = clock_mono_now();
    if (ready > 0 && io->socket && items[2].revents)
        io_session_monitor(io);
}

/* ---------------------------------------------------------------------------------- loop */

static void wake_application(struct io *io)
{
    if (io->has_answers)
        eventcount_notify(&io->roost->room);
    if (io->has_news) {
        eventcount_notify(&io->roost->news);
        lamp_light(&io->roost->lamp);
    }
    io->has_answers = false;
    io->has_news = false;
}

static bool is_done(const struct io *io)
{
    if (!io->is_closing)
        return false;
    if (mono_reached(io->close_at, io->now))
        return true;
    return io->publish.count == 0 && !ring_has_item(&io->roost->outbox) && io_consumers_idle(io);
}

void io_flush(struct io *io)
{
    io->is_choked = false;
    if (io->state != IO_READY)
        return;
    io_flush_sends(io);
    io_flush_consumers(io, io->is_closing);
    io_flush_requests(io);
}

void *io_main(void *argument)
{
    struct roost *roost = argument;
    struct io *io = roost->io;
    bool is_more = false;

    session_enter_thread(roost);
    while (!is_done(io)) {
        sleep_until_something(io, is_more);
        is_more = io_receive(io);
        io_take_commands(io);
        io_take_outbox(io);
        io_session_turn(io);
        io_flush(io);
        wake_application(io);
    }
    io->has_unsettled_at_close = !io_consumers_idle(io);
    io_session_part(io);
    io_session_close(io);
    io_take_commands(io); /* nobody pushes any more: roost_close has the session for itself */
    io_abandon_sends(io);
    io_fail_requests(io, ROOST_CLOSING);
    wake_application(io);
    return NULL;
}

/* ---------------------------------------------------------------------------- life cycle */

struct io *io_new(struct roost *roost, void *zmq_context)
{
    struct io *io = calloc(1, sizeof(*io));
    if (!io)
        return NULL;
    io->roost = roost;
    io->owns_zmq = zmq_context == NULL;
    io->zmq = zmq_context ? zmq_context : zmq_ctx_new();
    io->now = clock_mono_now();
    io->connect_at = io->now;
    io->heartbeat_ms = WIRE_HEARTBEAT_MS;
    io->next_handle = 1;
    arena_init(&io->arena, ARENA_BYTES);
    uint64_t seeds[3];
    bool has_seeds = getrandom(seeds, sizeof(seeds), 0) == (ssize_t)sizeof(seeds);
    io->secret[0] = seeds[0];
    io->secret[1] = seeds[1];
    io->random = seeds[2] | 1;
    if (!io->zmq || !has_seeds ||
        !publish_init(&io->publish, roost->settings.unanswered_messages_max)) {
        io_free(io);
        return NULL;
    }
    return io;
}

void io_free(struct io *io)
{
    if (!io)
        return;
    if (io->owns_zmq && io->zmq)
        (void)zmq_ctx_term(io->zmq); /* its sockets are closed: cannot block beyond their linger */
    publish_fini(&io->publish);
    arena_fini(&io->arena);
    free(io);
}
