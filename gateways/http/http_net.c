/* SPDX-License-Identifier: MPL-2.0
 *
 * libmicrohttpd in the actor: no thread of its own, one descriptor for all listeners.
 *
 * Each listener is a daemon with an epoll descriptor, which is edge-triggered: one call of MHD_run
 * need not empty it, and nothing would wake us for the rest. So as long as a daemon asks to be
 * called at once it is, up to ROUNDS_MAX times; then a timer comes back a moment later, so that the
 * actor's mailbox is served in between.
 *
 * Time limits: libmicrohttpd ends a connection on which nothing moves. Who sends one byte now and
 * then is ended here: head and body have http.request_s each, a body more as long as it really comes.
 *
 * Connections are accepted here (tcp_listeners.h) and handed over: libmicrohttpd would try again at
 * once, for ever, when there is no descriptor for one.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateways/http/http_internal.h"
#include "gateways/tls_keys.h"
#include "rt/check.h"
#include "rt/log.h"

#define IS_DAEMON       UINT64_MAX
#define ROUNDS_MAX      16
#define AGAIN_MS        1
#define MEMORY_BYTES    8192u /* of one connection: head of the request and of the answer */
#define LOG_BYTES_MAX   256
#define LOOPBACK_NET    127u
#define IPV4_FIRST_BITS 24
#define MS_PER_S        1000u

/* --- Callbacks of libmicrohttpd. */

__attribute__((format(printf, 2, 0))) static void on_log(void *context, const char *format,
                                                         va_list arguments)
{
    char text[LOG_BYTES_MAX];
    (void)context;
    if (!log_is_on(LOG_LEVEL_DEBUG))
        return;
    (void)vsnprintf(text, sizeof(text), format, arguments); /* cut is good enough */
    log_debug("http-library", LOG_STR("text", text));
}

static enum MHD_Result on_accept(void *context, const struct sockaddr *address, socklen_t size)
{
    const struct http_gateway *gateway = context;
    uint32_t limit = gateway->addresses.limit;
    (void)size;
    struct address_key key = address_key_of(address);
    if (limit == 0 || address_book_count(&gateway->addresses, &key) < limit)
        return MHD_YES;
    metrics_count_error(actor_metrics(gateway->actor), ERR_TOO_MANY_CONNECTIONS);
    return MHD_NO;
}

static void *on_first_line(void *context, const char *target, struct MHD_Connection *mhd)
{
    (void)mhd;
    return http_request_begin(context, target);
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **request)
{
    (void)context;
    (void)url;
    (void)version;
    if (!*request)
        return MHD_NO; /* no memory */
    return http_request_access(*request, mhd, method, upload, upload_size);
}

static void on_completed(void *context, struct MHD_Connection *mhd, void **request,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)mhd;
    (void)code;
    if (*request)
        http_request_end(*request);
    *request = NULL;
}

/* The address it came in at. */
static void open_door(const struct http_gateway *gateway, int fd, struct http_door *ret)
{
    struct sockaddr_storage local;
    socklen_t size = sizeof(local);
    char host[INET6_ADDRSTRLEN] = "", port[8] = "0";
    ret->is_tls = gateway->tls_keys != NULL;
    ret->hosts = gateway->options->hosts;
    ret->host_count = gateway->options->host_count;
    if (getsockname(fd, (struct sockaddr *)&local, &size) != 0 ||
        getnameinfo((struct sockaddr *)&local, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return; /* then only http.hosts is good */
    bool is_ipv6 = local.ss_family == AF_INET6;
    (void)snprintf(ret->address, sizeof(ret->address), is_ipv6 ? "[%s]" : "%s", host); /* fits */
    ret->port = (uint16_t)strtoul(port, NULL, 10);
    if (is_ipv6) {
        ret->is_loopback = strcmp(host, "::1") == 0;
    } else {
        const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)&local;
        ret->is_loopback = ntohl(ipv4->sin_addr.s_addr) >> IPV4_FIRST_BITS == LOOPBACK_NET;
    }
}

static void count_address(struct http_connection *connection)
{
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof(from);
    if (getpeername(connection->fd, (struct sockaddr *)&from, &size) != 0)
        return; /* gone already */
    struct address_key key = address_key_of((const struct sockaddr *)&from);
    if (address_book_add(&connection->gateway->addresses, &key))
        connection->address = key;
}

static void add_connection(struct http_gateway *gateway, struct MHD_Connection *mhd, void **ret)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_connection *connection = info ? calloc(1, sizeof(*connection)) : NULL;
    *ret = connection;
    if (!connection)
        return; /* its requests are refused */
    connection->gateway = gateway;
    connection->fd = info->connect_fd;
    connection->since = actor_mono(gateway->actor);
    connection->patience_ms = gateway->options->request_ms;
    open_door(gateway, connection->fd, &connection->door);
    http_tls_begin(connection, mhd);
    count_address(connection);
    connection->next = gateway->connections;
    if (connection->next)
        connection->next->previous = connection;
    gateway->connections = connection;
    gateway->connection_count++;
    int on = 1;
    (void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* works without */
}

static void remove_connection(struct http_connection *connection)
{
    struct http_gateway *gateway = connection->gateway;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        gateway->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    gateway->connection_count--;
    address_book_remove(&gateway->addresses, &connection->address);
    http_tls_end(connection);
    free(connection);
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **connection,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        add_connection(context, mhd, connection);
    else if (*connection)
        remove_connection(*connection);
}

/* --- Listening. */

/* Tells where, and remembers the port. */
static void note_bound(struct http_gateway *gateway, size_t index, int fd)
{
    struct http_door door = {0};
    char port[8];
    open_door(gateway, fd, &door);
    gateway->options->bound->ports[index] = door.port;
    (void)snprintf(port, sizeof(port), "%u", door.port); /* fits */
    log_info("listening", LOG_STR("protocol", door.is_tls ? "https" : "http"),
             LOG_STR("host", door.address), LOG_STR("port", port));
}

/* It is handed connections; how they are accepted is ours. */
static struct MHD_Daemon *start_daemon(struct http_gateway *gateway)
{
    const struct http_gateway_options *options = gateway->options;
    unsigned flags =
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem items[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, options->connections_max, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->connections_per_address, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (options->request_ms + MS_PER_S - 1) / MS_PER_S, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_BYTES, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_first_line, gateway},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, gateway},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, gateway},
        {MHD_OPTION_END, 0, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    if (gateway->tls_keys) {
        flags |= MHD_USE_TLS;
        items[sizeof(items) / sizeof(items[0]) - 2] = http_tls_option();
    }
    return MHD_start_daemon(flags, 0, on_accept, gateway, on_access, gateway, MHD_OPTION_ARRAY,
                            items, MHD_OPTION_END);
}

static enum err listen_at(struct http_gateway *gateway, size_t index)
{
    struct tcp_listen listen = {.option = "http.listen",
                                .address = gateway->options->listen[index],
                                .example = "127.0.0.1:7668",
                                .port = gateway->options->bound->ports[index]};
    enum err err = tcp_listeners_add(&gateway->listeners, &listen);
    if (err)
        return err;
    struct MHD_Daemon *daemon = start_daemon(gateway);
    if (!daemon) {
        log_error("listen-failed", LOG_STR("option", "http.listen"),
                  LOG_STR("problem", "libmicrohttpd does not start"));
        return ERR_BUSY;
    }
    gateway->daemons[gateway->daemon_count++] = daemon;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = IS_DAEMON};
    CHECK(info && epoll_ctl(gateway->poller, EPOLL_CTL_ADD, info->epoll_fd, &event) == 0);
    note_bound(gateway, index, gateway->listeners.fds[index]);
    return ERR_OK;
}

enum err http_net_open(struct http_gateway *gateway)
{
    const struct http_gateway_options *options = gateway->options;
    gateway->poller = -1;
    address_book_init(&gateway->addresses, options->remote_connections_per_address,
                      options->connections_max);
    if (options->listen_count == 0)
        return ERR_OK;
    CHECK(options->listen_count <= HTTP_GATEWAY_LISTEN_MAX);
    gateway->poller = epoll_create1(EPOLL_CLOEXEC);
    if (gateway->poller < 0)
        return ERR_BUSY;
    tcp_listeners_init(&gateway->listeners, gateway->poller);
    enum err err = http_tls_load(gateway);
    for (size_t i = 0; i < options->listen_count && !err; i++)
        err = listen_at(gateway, i);
    return err;
}

/* --- Running. */

static void on_accepted(void *context, size_t index, int fd, const struct sockaddr *from,
                        socklen_t size)
{
    struct http_gateway *gateway = context;
    /* Closed by it when it has too many. */
    (void)MHD_add_connection(gateway->daemons[index], fd, from, size);
}

static void on_refused(void *context)
{
    struct http_gateway *gateway = context;
    metrics_count_error(actor_metrics(gateway->actor), ERR_TOO_MANY_CONNECTIONS);
}

static void come_again(void *context)
{
    struct http_gateway *gateway = context;
    actor_timer_set(gateway->actor, HTTP_TIMER_ACCEPT,
                    mono_add_ms(actor_mono(gateway->actor), TCP_LISTENERS_PAUSE_MS));
}

static const struct tcp_taker taker = {on_accepted, on_refused, come_again};

static void accept_all(struct http_gateway *gateway)
{
    struct epoll_event events[2 * HTTP_GATEWAY_LISTEN_MAX];
    int count = epoll_wait(gateway->poller, events, 2 * HTTP_GATEWAY_LISTEN_MAX, 0);
    for (int i = 0; i < count; i++)
        if (events[i].data.u64 != IS_DAEMON)
            tcp_listeners_take(&gateway->listeners, (size_t)events[i].data.u64, &taker, gateway);
}

void http_net_accept_again(struct http_gateway *gateway)
{
    if (!tcp_listeners_go_on(&gateway->listeners))
        come_again(gateway);
}

static bool wants_more(struct http_gateway *gateway, int64_t *wait_ms)
{
    bool is_now = false;
    for (size_t i = 0; i < gateway->daemon_count; i++) {
        MHD_UNSIGNED_LONG_LONG timeout;
        if (MHD_get_timeout(gateway->daemons[i], &timeout) != MHD_YES)
            continue;
        is_now |= timeout == 0;
        if ((int64_t)timeout < *wait_ms)
            *wait_ms = (int64_t)timeout;
    }
    return is_now || gateway->has_news;
}

void http_net_run(struct http_gateway *gateway)
{
    int64_t wait_ms = gateway->options->request_ms;
    bool has_more = true;
    if (gateway->is_running)
        return;
    gateway->is_running = true;
    for (int round = 0; round < ROUNDS_MAX && has_more; round++) {
        gateway->has_news = false;
        accept_all(gateway);
        for (size_t i = 0; i < gateway->daemon_count; i++)
            (void)MHD_run(gateway->daemons[i]); /* fails only without epoll */
        has_more = wants_more(gateway, &wait_ms);
    }
    gateway->is_running = false;
    if (has_more || wait_ms < AGAIN_MS)
        wait_ms = AGAIN_MS;
    actor_timer_set(gateway->actor, HTTP_TIMER_NET,
                    mono_add_ms(actor_mono(gateway->actor), wait_ms));
}

void http_net_resume(struct http_request *request)
{
    if (!request->is_suspended)
        return;
    request->is_suspended = false;
    request->gateway->has_news = true;
    MHD_resume_connection(request->mhd);
}

/* --- Ending. */

void http_net_cut(struct http_connection *connection)
{
    (void)shutdown(connection->fd, SHUT_RDWR); /* libmicrohttpd sees the end and closes it */
    connection->gateway->has_news = true;
}

void http_net_sweep(struct http_gateway *gateway)
{
    struct mono_time now = actor_mono(gateway->actor);
    for (struct http_connection *at = gateway->connections; at; at = at->next) {
        if (at->is_exempt || mono_elapsed_ms(at->since, now) < at->patience_ms)
            continue;
        log_debug("http-too-slow", LOG_STR("door", at->door.address));
        http_net_cut(at);
    }
}

void http_net_quiesce(struct http_gateway *gateway)
{
    tcp_listeners_fini(&gateway->listeners);
}

/* What is suspended has to be resumed first: libmicrohttpd ends the process otherwise. */
void http_net_close(struct http_gateway *gateway)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&gateway->requests, &cursor))
        http_net_resume((struct http_request *)(uintptr_t)cursor.value);
    for (size_t i = 0; i < gateway->daemon_count; i++)
        MHD_stop_daemon(gateway->daemons[i]);
    gateway->daemon_count = 0;
    tcp_listeners_fini(&gateway->listeners);
    if (gateway->poller >= 0)
        (void)close(gateway->poller);
    gateway->poller = -1;
    address_book_fini(&gateway->addresses);
    tls_keys_release(&gateway->tls_keys);
}
