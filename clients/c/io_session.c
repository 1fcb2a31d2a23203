/* SPDX-License-Identifier: MPL-2.0
 *
 * Connecting, greeting, heartbeats and loss.
 *
 *             connect_at reached                     WELCOME
 *   WAITING ----------------------> GREETING ------------------------> READY
 *      ^      open_socket, HELLO       |        io_on_welcome            |
 *      |                               |  refused, no WELCOME in time    |  NO_SESSION: say HELLO
 *      +--------- end_attempt ---------+---------------------------------+  again (GREETING)
 *                                         connection lost, silent for 3
 *                                         heartbeats, GOODBYE
 *
 * Each attempt has a socket of its own and libzmq's own reconnecting is off: what an old socket
 * still held would reach the broker behind the back of the new session. A monitor tells at once
 * when the connection is gone. The pause between attempts doubles from 100 ms to 5 s, each time
 * shortened by up to a half at random, so that many clients do not come back in step.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "clients/c/event.h"
#include "clients/c/io.h"
#include "clients/c/view.h"

#define PAUSE_FIRST_MS    100u
#define PAUSE_MAX_MS      5000u
#define GREETING_MS       5000
#define PARTING_MS        1000
#define LINGER_MS         100
#define SEND_QUEUE_FRAMES 10000
#define NAME_BYTES        256
#define SOFTWARE_BYTES    128

/* ------------------------------------------------------------------------------- attempt */

/* The monitor is off before nobody listens to it: libzmq's thread would wait for a listener, with the lock that
 * turning it off needs. */
static void close_socket(struct io *io)
{
    if (io->socket)
        (void)zmq_socket_monitor(io->socket, NULL, 0); /* nothing to do if it was not on */
    if (io->monitor)
        (void)zmq_close(io->monitor); /* fails only for what is no socket */
    if (io->socket)
        (void)zmq_close(io->socket);
    io->monitor = NULL;
    io->socket = NULL;
}

static void end_attempt(struct io *io, enum roost_error code, const char *text)
{
    uint32_t pause_ms = PAUSE_MAX_MS;
    if (io->attempts < 6)
        pause_ms = PAUSE_FIRST_MS << io->attempts;
    pause_ms -= io_random(io) % (pause_ms / 2 + 1);
    bool was_ready = io->state == IO_READY;
    bool is_news =
        was_ready || atomic_load_explicit(&io->roost->last_error, memory_order_relaxed) != code;

    close_socket(io);
    io->attempts++;
    io->state = IO_WAITING;
    io->connect_at = mono_add_ms(io->now, pause_ms);
    atomic_store_explicit(&io->roost->is_connected, 0, memory_order_release);
    atomic_store_explicit(&io->roost->last_error, (uint32_t)code, memory_order_release);
    publish_lost(&io->publish);
    io_consumers_lost(io);
    io_requests_lost(io);
    if (is_news)
        io_event(io, ROOST_EVENT_DISCONNECTED, code, text);
    io->has_news = true; /* roost_connect_wait looks at last_error */
}

void io_session_end(struct io *io, enum roost_error code, const char *text)
{
    if (io->state != IO_WAITING)
        end_attempt(io, code, text);
}

static bool set_number(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

static bool set_curve(void *socket, const struct settings *settings)
{
    if (!settings->curve_server_key)
        return true;
    return zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, settings->curve_server_key, 41) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, settings->curve_public_key, 41) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, settings->curve_secret_key, 41) == 0;
}

static bool set_options(struct io *io)
{
    int64_t frame_max = WIRE_FRAME_BYTES_CAP;
    void *socket = io->socket;
    return set_number(socket, ZMQ_LINGER, 0) && set_number(socket, ZMQ_SNDHWM, SEND_QUEUE_FRAMES) &&
           set_number(socket, ZMQ_RCVHWM, SEND_QUEUE_FRAMES) &&
           set_number(socket, ZMQ_RECONNECT_IVL, -1) &&
           set_number(socket, ZMQ_CONNECT_TIMEOUT, GREETING_MS) &&
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof(frame_max)) == 0 &&
           set_curve(socket, &io->roost->settings);
}

static bool open_monitor(struct io *io)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "inproc://roost-monitor-%p-%u", (void *)io,
                   io->monitor_number++);
    int events = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    if (zmq_socket_monitor(io->socket, name, events) != 0)
        return false;
    io->monitor = zmq_socket(io->zmq, ZMQ_PAIR);
    return io->monitor && set_number(io->monitor, ZMQ_LINGER, 0) &&
           zmq_connect(io->monitor, name) == 0;
}

static void say_hello(struct io *io)
{
    const struct settings *settings = &io->roost->settings;
    char software[WIRE_SOFTWARE_BYTES_MAX + 1];
    (void)snprintf(software, sizeof(software), "%s%slibroost %s",
                   settings->software ? settings->software : "", settings->software ? ", " : "",
                   roost_version());
    Roost__V1__Hello hello = ROOST__V1__HELLO__INIT;
    hello.version_min = 1;
    hello.version_max = 1;
    hello.peer = view_text(settings->peer);
    hello.credentials = view_text(settings->credentials);
    hello.display_name = view_text(settings->display_name);
    hello.software = software;
    hello.resume_token =
        (ProtobufCBinaryData){.len = io->resume_token_size, .data = io->resume_token};
    io->state = IO_GREETING;
    io->greeting_until = mono_add_ms(io->now, GREETING_MS);
    (void)io_say(io, ROOST__V1__TYPE__HELLO, &hello.base); /* lost: no WELCOME in time */
}

static void begin_attempt(struct io *io)
{
    io->socket = zmq_socket(io->zmq, ZMQ_DEALER);
    if (!io->socket || !set_options(io) || !open_monitor(io) ||
        zmq_connect(io->socket, io->roost->settings.url) != 0) {
        bool is_url = errno == EINVAL || errno == EPROTONOSUPPORT;
        end_attempt(io, is_url ? ROOST_BAD_URL : ROOST_NO_MEMORY, zmq_strerror(errno));
        return;
    }
    say_hello(io);
}

/* ------------------------------------------------------------------------------- monitor */

static const char *monitor_text(uint16_t event)
{
    switch (event) {
    case ZMQ_EVENT_DISCONNECTED:
        return "the connection was lost";
    case ZMQ_EVENT_CLOSED:
        return "nobody listens at this address";
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        return "the broker refused the key: it is not enrolled, or was revoked";
    default:
        return "the other side does not speak ZeroMQ, or not with this security";
    }
}

static enum roost_error monitor_error(uint16_t event)
{
    return event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH ? ROOST_KEY_NOT_ENROLLED : ROOST_NO_SESSION;
}

void io_session_monitor(struct io *io)
{
    while (io->monitor) {
        zmq_msg_t frame;
        uint16_t event = 0;
        (void)zmq_msg_init(&frame); /* cannot fail */
        if (zmq_msg_recv(&frame, io->monitor, ZMQ_DONTWAIT) < 0)
            return;
        bool is_first = zmq_msg_more(&frame);
        if (is_first && zmq_msg_size(&frame) >= sizeof(event))
            memcpy(&event, zmq_msg_data(&frame), sizeof(event));
        (void)zmq_msg_close(&frame); /* cannot fail for a valid message */
        if (is_first)
            io_session_end(io, monitor_error(event), monitor_text(event));
    }
}

/* ---------------------------------------------------------------------------------- time */

static void keep_alive(struct io *io)
{
    if (!mono_reached(io->beat_at, io->now))
        return;
    io->beat_at = mono_add_ms(io->now, io->heartbeat_ms);
    io_requests_sweep(io);
    int64_t silent_ms = mono_elapsed_ms(io->last_received, io->now);
    if (silent_ms >= (int64_t)WIRE_HEARTBEATS_LOST * io->heartbeat_ms) {
        io_session_end(io, ROOST_NO_SESSION, "the broker has gone silent");
        return;
    }
    bool is_quiet = mono_elapsed_ms(io->last_sent, io->now) * 2 >= io->heartbeat_ms ||
                    silent_ms * 2 >= io->heartbeat_ms;
    Roost__V1__Ping ping = ROOST__V1__PING__INIT;
    if (is_quiet)
        (void)io_say(io, ROOST__V1__TYPE__PING, &ping.base); /* choked: then it is not quiet */
}

void io_session_turn(struct io *io)
{
    if (io->state == IO_WAITING && mono_reached(io->connect_at, io->now))
        begin_attempt(io);
    else if (io->state == IO_GREETING && mono_reached(io->greeting_until, io->now))
        end_attempt(io, ROOST_TIMEOUT, "the broker did not answer the greeting");
    else if (io->state == IO_READY)
        keep_alive(io);
}

struct mono_time io_session_due(const struct io *io)
{
    switch (io->state) {
    case IO_WAITING:
        return io->connect_at; /* also while closing: what is unsent needs a session */
    case IO_GREETING:
        return io->greeting_until;
    case IO_READY:
        break;
    }
    return io->beat_at;
}

/* ------------------------------------------------------------------------------ messages */

static void publish_names(struct io *io, const Roost__V1__Welcome *welcome)
{
    char names[NAME_BYTES + SOFTWARE_BYTES] = {0};
    size_t size = welcome->peer.len < NAME_BYTES ? welcome->peer.len : NAME_BYTES - 1;
    if (size)
        memcpy(names, welcome->peer.data, size);
    (void)snprintf(names + NAME_BYTES, SOFTWARE_BYTES, "%s", welcome->software);
    snapshot_write(&io->roost->names, names, sizeof(names));
}

static void take_limits(struct io *io, const Roost__V1__Limits *limits)
{
    Roost__V1__Limits none = ROOST__V1__LIMITS__INIT;
    struct roost *roost = io->roost;
    if (!limits)
        limits = &none;
    io->heartbeat_ms = limits->heartbeat_ms ? limits->heartbeat_ms : WIRE_HEARTBEAT_MS;
    io->frame.entries_max = limits->entries_max ? limits->entries_max : 1;
    io->frame.bytes_max = limits->frame_bytes_max ? limits->frame_bytes_max : WIRE_FRAME_BYTES_MIN;
    io->frame.bytes_max -= io->frame.bytes_max > FRAME_HEAD_BYTES ? FRAME_HEAD_BYTES : 0;
    atomic_store_explicit(&roost->heartbeat_ms, io->heartbeat_ms, memory_order_relaxed);
    atomic_store_explicit(&roost->body_bytes_max, limits->body_bytes_max, memory_order_relaxed);
    atomic_store_explicit(&roost->lease_ms, limits->lease_ms, memory_order_relaxed);
}

void io_on_welcome(struct io *io, const Roost__V1__Welcome *welcome)
{
    struct roost *roost = io->roost;
    if (io->state != IO_GREETING)
        return; /* we did not ask */
    take_limits(io, welcome->limits);
    publish_names(io, welcome);
    io->resume_token_size = 0;
    if (welcome->resume_token.len <= sizeof(io->resume_token)) {
        io->resume_token_size = welcome->resume_token.len;
        if (io->resume_token_size)
            memcpy(io->resume_token, welcome->resume_token.data, io->resume_token_size);
    }
    io->state = IO_READY;
    io->attempts = 0;
    io->beat_at = mono_add_ms(io->now, io->heartbeat_ms);
    publish_welcome(&io->publish, welcome->publish_upto,
                    welcome->limits ? welcome->limits->publish_bytes : 0);
    io_consumers_welcome(io);
    io_requests_welcome(io);
    atomic_store_explicit(&roost->is_verified, welcome->is_verified ? 1u : 0u,
                          memory_order_relaxed);
    atomic_store_explicit(&roost->role, (uint32_t)welcome->role, memory_order_relaxed);
    atomic_store_explicit(&roost->last_error, ROOST_OK, memory_order_relaxed);
    count(roost, COUNTER_CONNECTIONS, 1);
    atomic_store_explicit(&roost->is_connected, 1, memory_order_release);
    io_event(io, ROOST_EVENT_CONNECTED, ROOST_OK, welcome->software);
}

void io_on_no_session(struct io *io)
{
    if (io->state != IO_READY)
        return; /* an answer to what was said before HELLO */
    publish_lost(&io->publish);
    io_consumers_lost(io);
    io_requests_lost(io);
    atomic_store_explicit(&io->roost->is_connected, 0, memory_order_release);
    io_event(io, ROOST_EVENT_DISCONNECTED, ROOST_NO_SESSION, "the broker forgot this session");
    say_hello(io);
}

void io_on_ping(struct io *io, const Roost__V1__Ping *ping)
{
    Roost__V1__Pong pong = ROOST__V1__PONG__INIT;
    pong.echo = ping->echo;
    (void)io_say(io, ROOST__V1__TYPE__PONG, &pong.base); /* choked: what is queued says enough */
}

void io_on_goodbye(struct io *io, const Roost__V1__Goodbye *goodbye)
{
    enum roost_error code = goodbye->reason ? (enum roost_error)goodbye->reason : ROOST_STOPPING;
    io->has_parted = true;
    io_session_end(io, code, goodbye->text);
    if (code == ROOST_TAKEN_OVER)
        io->connect_at = MONO_NEVER; /* another process goes on with this session */
}

/* An ATTACH that the broker could not even read: the request id is its handle. */
static void refuse_attach(struct io *io, const Roost__V1__Error *error)
{
    Roost__V1__Attached attached = ROOST__V1__ATTACHED__INIT;
    attached.handle = (uint32_t)error->request_id;
    attached.code = error->code;
    attached.text = error->text;
    io_on_attached(io, &attached);
}

void io_on_error(struct io *io, const Roost__V1__Error *error)
{
    enum roost_error code = (enum roost_error)error->code;
    if (error->type == ROOST__V1__TYPE__ATTACH && error->request_id && io->state == IO_READY) {
        refuse_attach(io, error);
    } else if (error->request_id && error->type != ROOST__V1__TYPE__ATTACH) {
        io_refuse_request(io, error->request_id, code, error->text);
    } else if (io->state == IO_GREETING || error->type == ROOST__V1__TYPE__HELLO) {
        uint32_t after_ms = error->retryable ? error->retry_after_ms : PAUSE_MAX_MS;
        io_session_end(io, code, error->text);
        if (after_ms > PAUSE_FIRST_MS)
            io->connect_at =
                mono_add_ms(io->now, after_ms < PAUSE_MAX_MS ? after_ms : PAUSE_MAX_MS);
    } else if (error->type == ROOST__V1__TYPE__SEND) {
        io_session_end(io, code, error->text); /* what was refused as a whole is sent again */
    } else {
        io_event(io, ROOST_EVENT_ERROR, code, error->text);
    }
}

void io_session_part(struct io *io)
{
    Roost__V1__Goodbye goodbye = ROOST__V1__GOODBYE__INIT;
    if (io->state != IO_READY || !io_say(io, ROOST__V1__TYPE__GOODBYE, &goodbye.base))
        return;
    struct mono_time deadline = mono_first(mono_add_ms(io->now, PARTING_MS), io->close_at);
    io->has_parted = false;
    while (!io->has_parted && io->socket && !mono_reached(deadline, io->now)) {
        zmq_pollitem_t items[2] = {{.socket = io->socket, .events = ZMQ_POLLIN},
                                   {.socket = io->monitor, .events = ZMQ_POLLIN}};
        long wait_ms = (long)((deadline.ns - io->now.ns) / 1000000) + 1;
        if (zmq_poll(items, 2, wait_ms) > 0 && items[1].revents)
            io_session_monitor(io);
        io->now = clock_mono_now();
        (void)io_receive(io); /* what is left comes with the next round */
    }
}

void io_session_close(struct io *io)
{
    if (io->socket)
        (void)set_number(io->socket, ZMQ_LINGER, LINGER_MS); /* for what was said just now */
    close_socket(io);
    io->state = IO_WAITING;
    publish_lost(&io->publish);
    io_consumers_lost(io);
    atomic_store_explicit(&io->roost->is_connected, 0, memory_order_release);
}
