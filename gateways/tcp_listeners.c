/* SPDX-License-Identifier: MPL-2.0
 *
 * See tcp_listeners.h.
 */
#include "gateways/tcp_listeners.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "rt/check.h"
#include "rt/log.h"

#define BACKLOG           512
#define ACCEPTS           64 /* of one look at a listener */
#define HOST_BYTES        256u
#define PORT_BYTES        16u
#define RESERVE_PER_LIMIT 8u

void tcp_listeners_init(struct tcp_listeners *listeners, int poller)
{
    *listeners = (struct tcp_listeners){.poller = poller};
}

void tcp_listeners_fini(struct tcp_listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        (void)close(listeners->fds[i]); /* nothing was sent */
    listeners->count = 0;
}

/* --- Listening. */

/* False: not of this form. */
static bool split_address(const char *address, char ret_host[HOST_BYTES], char ret_port[PORT_BYTES])
{
    const char *colon = strrchr(address, ':');
    if (!colon || colon == address)
        return false;
    const char *begin = address, *end = colon;
    if (*begin == '[' && end[-1] == ']') {
        begin++;
        end--;
    }
    size_t size = (size_t)(end - begin);
    if (size == 0 || size >= HOST_BYTES || strlen(colon + 1) >= PORT_BYTES || !colon[1])
        return false;
    memcpy(ret_host, begin, size);
    ret_host[size] = '\0';
    (void)snprintf(ret_port, PORT_BYTES, "%s", strcmp(colon + 1, "*") == 0 ? "0" : colon + 1);
    return true;
}

static int open_socket(const struct addrinfo *info)
{
    int on = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* works without */
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int code = errno;
    (void)close(fd); /* nothing was sent */
    errno = code;
    return -1;
}

static enum err watch(const struct tcp_listeners *listeners, size_t index)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = index};
    return epoll_ctl(listeners->poller, EPOLL_CTL_ADD, listeners->fds[index], &event) == 0
               ? ERR_OK
               : ERR_BUSY;
}

static void log_form(const struct tcp_listen *listen)
{
    char problem[128];
    (void)snprintf(problem, sizeof(problem), "%s is written ADDRESS:PORT, as in %s", listen->option,
                   listen->example); /* fits */
    log_error("listen-failed", LOG_STR("option", listen->option),
              LOG_STR("address", listen->address), LOG_STR("problem", problem));
}

enum err tcp_listeners_add(struct tcp_listeners *listeners, const struct tcp_listen *listen)
{
    char host[HOST_BYTES], port[PORT_BYTES];
    struct addrinfo *info = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    CHECK(listeners->count < TCP_LISTENERS_MAX);
    bool is_right = split_address(listen->address, host, port);
    if (is_right && strcmp(port, "0") == 0)
        (void)snprintf(port, sizeof(port), "%u", listen->port); /* fits */
    if (!is_right || getaddrinfo(host, port, &hints, &info) != 0) {
        log_form(listen);
        return ERR_ADDRESS;
    }
    int fd = open_socket(info);
    int code = errno;
    freeaddrinfo(info);
    if (fd < 0) {
        log_error("listen-failed", LOG_STR("option", listen->option),
                  LOG_STR("address", listen->address), LOG_ERRNO(code),
                  LOG_STR("problem", strerror(code)));
        return ERR_ADDRESS;
    }
    listeners->fds[listeners->count++] = fd;
    return watch(listeners, listeners->count - 1);
}

/* --- Connections. */

uint64_t tcp_listeners_reserve(uint64_t limit)
{
    return limit / RESERVE_PER_LIMIT;
}

static bool is_reserved(int fd)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           (uint64_t)fd >= limit.rlim_cur - tcp_listeners_reserve(limit.rlim_cur);
}

static bool is_without_resources(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

static void put_aside(struct tcp_listeners *listeners)
{
    if (listeners->is_paused)
        return;
    listeners->is_paused = true;
    for (size_t i = 0; i < listeners->count; i++)
        (void)epoll_ctl(listeners->poller, EPOLL_CTL_DEL, listeners->fds[i], NULL); /* is there */
}

/* The next connection, or -1: there is none left, or we are out of resources. */
static int accept_one(struct tcp_listeners *listeners, size_t index, struct sockaddr_storage *from,
                      socklen_t *size)
{
    memset(from, 0, sizeof(*from));
    *size = sizeof(*from);
    int fd =
        accept4(listeners->fds[index], (struct sockaddr *)from, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && is_without_resources(errno))
        put_aside(listeners);
    return fd;
}

void tcp_listeners_take(struct tcp_listeners *listeners, size_t index,
                        const struct tcp_taker *taker, void *context)
{
    CHECK(index < listeners->count);
    for (int i = 0; i < ACCEPTS && !listeners->is_paused; i++) {
        struct sockaddr_storage from;
        socklen_t size;
        int fd = accept_one(listeners, index, &from, &size);
        if (fd < 0)
            break;
        if (is_reserved(fd)) {
            (void)close(fd); /* nothing was sent */
            taker->refused(context);
        } else {
            taker->accepted(context, index, fd, (const struct sockaddr *)&from, size);
        }
    }
    if (listeners->is_paused)
        taker->paused(context);
}

bool tcp_listeners_go_on(struct tcp_listeners *listeners)
{
    bool is_watching = true;
    for (size_t i = 0; listeners->is_paused && i < listeners->count && is_watching; i++)
        is_watching = watch(listeners, i) == ERR_OK;
    listeners->is_paused = false;
    if (!is_watching)
        put_aside(listeners);
    return is_watching;
}
