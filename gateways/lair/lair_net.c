/* SPDX-License-Identifier: MPL-2.0
 *
 * Sockets. One poller for all of them, level-triggered; nothing waits.
 *
 * A connection costs its struct while it is idle: buffers are given back when they are empty. What
 * one side does too slowly concerns that connection only: input beyond a bound is left in the
 * kernel, output beyond a bound closes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateways/lair/lair_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define EVENTS_PER_TURN 256
#define NOTE_AGAIN_MS   10000 /* refusals in the audit log */
#define READ_BYTES      16384
#define KEEPALIVE_S     60
#define KEEPALIVE_GAP_S 15
#define KEEPALIVE_COUNT 4

/* --- Listening. */

static void set_int(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof(value)); /* works without */
}

static void log_listening(int fd)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    char host[INET6_ADDRSTRLEN], port[8];
    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0 ||
        getnameinfo((struct sockaddr *)&bound, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    log_info("listening", LOG_STR("protocol", "lair"), LOG_STR("host", host),
             LOG_STR("port", port));
}

static enum err listen_at(struct tcp_gateway *gateway, const char *address)
{
    struct tcp_listen listen = {
        .option = "lair.listen", .address = address, .example = "127.0.0.1:8080"};
    enum err err = tcp_listeners_add(&gateway->listeners, &listen);
    if (!err)
        log_listening(gateway->listeners.fds[gateway->listeners.count - 1]);
    return err;
}

enum err lair_listen(struct tcp_gateway *gateway)
{
    const struct tcp_gateway_options *options = gateway->options;
    gateway->poller = -1;
    if (options->listen_count == 0)
        return ERR_OK;
    CHECK(options->listen_count <= TCP_LISTENERS_MAX);
    gateway->poller = epoll_create1(EPOLL_CLOEXEC);
    if (gateway->poller < 0)
        return ERR_BUSY;
    tcp_listeners_init(&gateway->listeners, gateway->poller);
    enum err err = ERR_OK;
    for (size_t i = 0; i < options->listen_count && !err; i++)
        err = listen_at(gateway, options->listen[i]);
    return err;
}

void lair_net_close(struct tcp_gateway *gateway)
{
    tcp_listeners_fini(&gateway->listeners);
    if (gateway->poller >= 0)
        (void)close(gateway->poller);
    gateway->poller = -1;
}

/* --- One connection. */

void lair_watch(struct lair_connection *connection)
{
    if (connection->state == LAIR_GONE)
        return;
    bool is_shaking = connection->state == LAIR_TLS;
    bool wants_write = lair_tls_wants_write(connection);
    bool is_reading =
        is_shaking ? !wants_write : !connection->is_eof && buf_room(&connection->in) > 0;
    bool is_writing = is_shaking ? wants_write : buf_size(&connection->out) > 0;
    lair_tls_note_pending(connection);
    if (is_reading == connection->is_reading && is_writing == connection->is_writing)
        return;
    connection->is_reading = is_reading;
    connection->is_writing = is_writing;
    struct epoll_event event = {.data.u64 = connection->session};
    event.events = (is_reading ? (uint32_t)EPOLLIN : 0) | (is_writing ? (uint32_t)EPOLLOUT : 0);
    CHECK(epoll_ctl(connection->gateway->poller, EPOLL_CTL_MOD, connection->fd, &event) == 0);
}

static void set_options(int fd)
{
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S);
    set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_GAP_S);
    set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
}

static void say_key(struct lair_connection *connection)
{
    char line[LAIR_KEY_LINE_BYTES + 1];
    if (lair_offer(&connection->key, line) != ERR_OK) {
        lair_close(connection, false);
        return;
    }
    line[LAIR_KEY_LINE_BYTES] = '\n';
    lair_write(connection, line, sizeof(line));
}

/* In the audit log, once in a while. */
static void note_refused(void *context)
{
    struct tcp_gateway *gateway = context;
    static const char action[] = "quota", target[] = "TOO_MANY_CONNECTIONS", detail[] = "lair";
    struct mono_time now = actor_mono(gateway->actor);
    metrics_count_error(actor_metrics(gateway->actor), ERR_TOO_MANY_CONNECTIONS);
    if (gateway->refusal_noted.ns && mono_elapsed_ms(gateway->refusal_noted, now) < NOTE_AGAIN_MS)
        return;
    INTERNAL(Audit) audit = ROOST__INTERNAL__AUDIT__INIT;
    audit.action = bytes_of(action, sizeof(action) - 1);
    audit.target = bytes_of(target, sizeof(target) - 1);
    audit.detail = bytes_of(detail, sizeof(detail) - 1);
    if (actor_send(gateway->actor, ACTOR_PERSISTENCE, MSG_AUDIT, &audit.base, NULL) == ERR_OK)
        gateway->refusal_noted = now;
}

static void begin(struct lair_connection *connection)
{
    if (!connection->gateway->tls_keys) {
        connection->state = LAIR_HANDSHAKE;
        say_key(connection);
        return;
    }
    connection->state = LAIR_TLS;
    if (!lair_tls_begin(connection))
        lair_close(connection, false);
}

static void shake(struct lair_connection *connection)
{
    enum lair_shake shaken = lair_tls_shake(connection);
    if (shaken == LAIR_SHAKE_FAILED) {
        lair_close(connection, false);
    } else if (shaken == LAIR_SHAKE_DONE) {
        connection->state = LAIR_HANDSHAKE;
        connection->since = actor_mono(connection->gateway->actor);
        say_key(connection);
    }
}

static void add_connection(void *context, size_t index, int fd, const struct sockaddr *from,
                           socklen_t size)
{
    struct tcp_gateway *gateway = context;
    (void)index;
    (void)size;
    struct address_key address = address_key_of(from);
    if (!address_book_add(&gateway->addresses, &address)) {
        note_refused(gateway);
        (void)close(fd); /* nothing was sent */
        return;
    }
    struct lair_connection *connection = calloc(1, sizeof(*connection));
    if (!connection || u64map_put_pointer(&gateway->connections, gateway->last_session + 1,
                                          connection) != ERR_OK) {
        metrics_add(actor_metrics(gateway->actor), METRIC_DROPPED, 1);
        free(connection);
        address_book_remove(&gateway->addresses, &address);
        (void)close(fd); /* too many, or no memory */
        return;
    }
    connection->address = address;
    metrics_add(actor_metrics(gateway->actor), METRIC_CONNECTED, 1);
    connection->gateway = gateway;
    connection->session = ++gateway->last_session;
    connection->fd = fd;
    connection->is_reading = true;
    connection->since = actor_mono(gateway->actor);
    buf_init(&connection->in, LAIR_IN_BYTES_MAX);
    buf_init(&connection->out, LAIR_OUT_BYTES_MAX);
    set_options(fd);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = connection->session};
    CHECK(epoll_ctl(gateway->poller, EPOLL_CTL_ADD, fd, &event) == 0);
    begin(connection);
}

static void come_again(void *context)
{
    struct tcp_gateway *gateway = context;
    actor_timer_set(gateway->actor, TCP_TIMER_ACCEPT,
                    mono_add_ms(actor_mono(gateway->actor), TCP_LISTENERS_PAUSE_MS));
}

static const struct tcp_taker taker = {add_connection, note_refused, come_again};

void lair_accept_again(struct tcp_gateway *gateway)
{
    if (!tcp_listeners_go_on(&gateway->listeners))
        come_again(gateway);
}

void lair_shrink(struct buf *buf)
{
    size_t limit = buf->limit;
    if (!buf->memory || buf_size(buf) > 0)
        return;
    buf_fini(buf);
    buf_init(buf, limit);
}

static void read_some(struct lair_connection *connection)
{
    uint8_t *space;
    size_t room = buf_room(&connection->in);
    if (room > READ_BYTES)
        room = READ_BYTES;
    if (room == 0)
        return;
    if (buf_reserve(&connection->in, room, &space) != ERR_OK) {
        lair_close(connection, false);
        return;
    }
    ssize_t count = lair_receive(connection, space, room);
    if (count > 0)
        buf_commit(&connection->in, (size_t)count);
    else if (count == 0)
        connection->is_eof = true;
    else if (errno != EAGAIN && errno != EINTR) {
        lair_close(connection, false); /* broken */
        return;
    }
    lair_go_on(connection);
}

/* Whole lines for one send, at least one. */
static size_t lines_size(const uint8_t *bytes, size_t size)
{
    size_t lines = 0;
    while (lines < size) {
        const uint8_t *end = memchr(bytes + lines, '\n', size - lines);
        size_t next = end ? (size_t)(end - bytes) + 1 : size;
        if (lines > 0 && next > LAIR_PACKET_BYTES)
            break;
        lines = next;
    }
    return lines;
}

static void write_some(struct lair_connection *connection)
{
    while (buf_size(&connection->out) > 0) {
        const uint8_t *bytes = buf_data(&connection->out);
        size_t size = buf_size(&connection->out);
        ssize_t count = lair_send(connection, bytes, lines_size(bytes, size));
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (count < 0) {
            lair_close(connection, false);
            return;
        }
        connection->sent_bytes += (uint64_t)count;
        buf_consume(&connection->out, (size_t)count);
    }
    lair_shrink(&connection->out);
}

void lair_write(struct lair_connection *connection, const void *line, size_t size)
{
    if (connection->state == LAIR_GONE)
        return;
    size_t sent = 0;
    if (buf_size(&connection->out) == 0) {
        ssize_t count = lair_send(connection, line, size);
        if (count < 0 && errno != EAGAIN && errno != EINTR) {
            lair_close(connection, false);
            return;
        }
        sent = count > 0 ? (size_t)count : 0;
        connection->sent_bytes += sent;
    }
    if (sent == size)
        return;
    if (buf_append(&connection->out, (const uint8_t *)line + sent, size - sent) != ERR_OK) {
        log_warn("reader-too-slow", LOG_U64("session", connection->session));
        lair_close(connection, false);
        return;
    }
    lair_watch(connection);
}

bool lair_is_acknowledged(const struct lair_connection *connection)
{
    int waiting = 0;
    return ioctl(connection->fd, SIOCOUTQ, &waiting) == 0 &&
           connection->sent_bytes - (uint64_t)waiting >= connection->mail_end_bytes;
}

/* --- The end of one. */

void lair_close(struct lair_connection *connection, bool is_orderly)
{
    struct tcp_gateway *gateway = connection->gateway;
    if (connection->state == LAIR_GONE)
        return;
    struct metrics *metrics = actor_metrics(gateway->actor);
    metrics_add(metrics, METRIC_CONNECTED, -1);
    if (connection->state == LAIR_OPEN) {
        metrics_add(metrics, METRIC_SESSIONS, -1);
        metrics_add(metrics, METRIC_VERIFIED, -1);
        lair_news_leave(connection);
    }
    connection->is_orderly = is_orderly;
    connection->state = LAIR_GONE;
    (void)epoll_ctl(gateway->poller, EPOLL_CTL_DEL, connection->fd, NULL); /* it is there */
    lair_tls_end(connection);
    (void)close(connection->fd);
    address_book_remove(&gateway->addresses, &connection->address);
    connection->fd = -1;
    connection->gone_next = gateway->gone;
    gateway->gone = connection;
}

/* Telling the others of one may close more, who cannot be written to. */
void lair_sweep(struct tcp_gateway *gateway)
{
    while (gateway->gone) {
        struct lair_connection *connection = gateway->gone;
        gateway->gone = connection->gone_next;
        if (connection->user)
            lair_logout(connection);
        lair_session_end(connection, err_code(ERR_NO_SESSION)); /* still being opened */
        lair_leave_feed(connection);
        lair_request_end(connection);
        lair_tls_forget_pending(connection);
        (void)u64map_remove(&gateway->connections, connection->session, NULL); /* it is there */
        buf_fini(&connection->in);
        buf_fini(&connection->out);
        free(connection->held);
        free(connection);
    }
}

/* --- The poller. */

static void handle_event(struct tcp_gateway *gateway, const struct epoll_event *event)
{
    if (event->data.u64 < gateway->listeners.count) {
        tcp_listeners_take(&gateway->listeners, (size_t)event->data.u64, &taker, gateway);
        return;
    }
    struct lair_connection *connection = lair_connection_of(gateway, event->data.u64);
    if (!connection)
        return;
    if (connection->state == LAIR_TLS)
        shake(connection);
    if (connection->state == LAIR_TLS) {
        lair_watch(connection);
        return;
    }
    if (connection->state != LAIR_GONE && (event->events & EPOLLOUT))
        write_some(connection);
    if (connection->state != LAIR_GONE && (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        read_some(connection);
    lair_watch(connection);
}

bool lair_read_pending(struct tcp_gateway *gateway)
{
    struct lair_connection *connection;
    for (int i = 0; i < EVENTS_PER_TURN; i++) {
        connection = lair_tls_take_pending(gateway);
        if (!connection)
            return true;
        if (connection->state != LAIR_GONE)
            read_some(connection);
        lair_watch(connection);
    }
    return gateway->pending == NULL;
}

void lair_poll(struct tcp_gateway *gateway)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(gateway->poller, events, EVENTS_PER_TURN, 0);
    for (int i = 0; i < count; i++)
        handle_event(gateway, &events[i]);
}
