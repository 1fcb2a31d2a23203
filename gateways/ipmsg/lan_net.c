/* SPDX-License-Identifier: MPL-2.0
 *
 * See lan_net.h. A socket that is bound to one address hears no broadcasts on Linux; so such a
 * socket has companions that are bound to the broadcast addresses of its interface and only
 * listen. What they hear counts as said to the socket's own address.
 */
#include "gateways/ipmsg/lan_net.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateways/ipmsg/lan_interfaces.h"
#include "rt/check.h"
#include "rt/log.h"

#define BATCH            32 /* datagrams of one system call */
#define BATCHES          4  /* of one lan_net_receive */
#define CONTROL_BYTES    128
#define RECEIVE_BYTES    (2 << 20)
#define EARS_MAX         3 /* of one listen address: itself and two that hear broadcasts */
#define INTERFACES_EVENT UINT32_MAX
#define NAME_BYTES_MAX   40
#define KEY_DIGITS       16
#define EVERYBODY        0xffffffffu
#define IS_LOOPBACK(ip)  (((ip) >> 24) == 127)

/* One listen address. */
struct listener {
    struct lan_address asked; /* as configured; port 0 until one was picked */
    int ears[EARS_MAX];       /* [0] speaks, too; -1: not open */
};

struct batch {
    struct mmsghdr heads[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in from[BATCH];
    uint8_t control[BATCH][CONTROL_BYTES];
    uint8_t bytes[BATCH][LAN_DATAGRAM_BYTES_MAX + 1];
};

struct lan_net {
    struct listener listeners[LAN_LISTEN_MAX];
    size_t count;
    int poller;
    bool is_broadcast;
    bool has_news;
    struct lan_interfaces interfaces;
    struct batch batch;
};

/* --- Addresses as text. */

enum err lan_address_parse(const char *text, struct lan_address *ret)
{
    char host[INET_ADDRSTRLEN];
    struct in_addr ip;
    const char *colon = strchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : strlen(text);
    unsigned long port = LAN_PORT;
    char *end = NULL;
    if (size == 0 || size >= sizeof(host))
        return ERR_ADDRESS;
    memcpy(host, text, size);
    host[size] = '\0';
    if (inet_pton(AF_INET, host, &ip) != 1)
        return ERR_ADDRESS;
    if (colon && strcmp(colon + 1, "*") == 0) {
        port = 0;
    } else if (colon) {
        bool is_number = colon[1] >= '0' && colon[1] <= '9';
        port = is_number ? strtoul(colon + 1, &end, 10) : 0;
        if (!is_number || *end || port == 0 || port > UINT16_MAX)
            return ERR_ADDRESS;
    }
    *ret = (struct lan_address){.ip = ntohl(ip.s_addr), .port = (uint16_t)port};
    return ERR_OK;
}

void lan_address_format(struct lan_address address, char ret_text[LAN_ADDRESS_TEXT_MAX])
{
    (void)snprintf(ret_text, LAN_ADDRESS_TEXT_MAX, "%u.%u.%u.%u:%u", /* always fits */
                   address.ip >> 24, (address.ip >> 16) & 255u, (address.ip >> 8) & 255u,
                   address.ip & 255u, (unsigned)address.port);
}

bool lan_address_is_local(struct lan_address address)
{
    return IS_LOOPBACK(address.ip);
}

bool lan_name_is_fit(const char *name)
{
    size_t size = strlen(name), digits = 0;
    if (size == 0 || size > NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (name[i] <= ' ' || name[i] > '~' || name[i] == ':' || name[i] == '@')
            return false;
    }
    while (digits < size && isxdigit((unsigned char)name[size - 1 - digits]))
        digits++;
    return !(digits >= KEY_DIGITS && size > KEY_DIGITS && name[size - 1 - KEY_DIGITS] == '-');
}

static struct sockaddr_in sockaddr_of(struct lan_address address)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(address.ip),
                                .sin_port = htons(address.port)};
}

static struct lan_address address_of(const struct sockaddr_in *in)
{
    return (struct lan_address){.ip = ntohl(in->sin_addr.s_addr), .port = ntohs(in->sin_port)};
}

/* --- Opening. */

static int open_socket(struct lan_address address)
{
    const int on = 1, bytes = RECEIVE_BYTES;
    struct sockaddr_in in = sockaddr_of(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));    /* else announcing fails */
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)); /* as much as allowed */
    if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) == 0 &&
        bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
        return fd;
    int code = errno;
    (void)close(fd); /* nothing was sent */
    errno = code;
    return -1;
}

static void watch(struct lan_net *net, size_t listener, size_t ear)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)listener * EARS_MAX + ear};
    CHECK(epoll_ctl(net->poller, EPOLL_CTL_ADD, net->listeners[listener].ears[ear], &event) == 0);
}

/* Broadcasts that somebody else listens to are not heard: it works without, less well. */
static void open_companions(struct lan_net *net, size_t at)
{
    struct listener *listener = &net->listeners[at];
    uint32_t broadcast = 0;
    for (size_t i = 0; i < net->interfaces.count; i++) {
        if (net->interfaces.items[i].ip == listener->asked.ip)
            broadcast = net->interfaces.items[i].broadcast;
    }
    if (broadcast == 0)
        return;
    const uint32_t ips[] = {broadcast, EVERYBODY};
    for (size_t i = 0; i < 2; i++) {
        struct lan_address address = {.ip = ips[i], .port = listener->asked.port};
        listener->ears[i + 1] = open_socket(address);
        if (listener->ears[i + 1] >= 0)
            watch(net, at, i + 1);
        else
            log_warn("broadcasts-not-heard", LOG_ERRNO(errno));
    }
}

static void log_listening(const struct listener *listener)
{
    struct in_addr ip = {.s_addr = htonl(listener->asked.ip)};
    char host[INET_ADDRSTRLEN] = "";
    (void)inet_ntop(AF_INET, &ip, host, sizeof(host)); /* always fits */
    log_info("listening", LOG_STR("protocol", "ipmsg"), LOG_STR("host", host),
             LOG_U64("port", listener->asked.port));
}

/* ERR_ADDRESS: not there now; the caller knows from errno what that means. */
static enum err open_listener(struct lan_net *net, size_t at)
{
    struct listener *listener = &net->listeners[at];
    struct sockaddr_in bound;
    socklen_t size = sizeof(bound);
    int fd = open_socket(listener->asked);
    if (fd < 0)
        return ERR_ADDRESS;
    if (getsockname(fd, (struct sockaddr *)&bound, &size) == 0)
        listener->asked.port = ntohs(bound.sin_port);
    listener->ears[0] = fd;
    watch(net, at, 0);
    if (listener->asked.ip != INADDR_ANY)
        open_companions(net, at);
    log_listening(listener);
    return ERR_OK;
}

static void close_listener(struct listener *listener)
{
    for (size_t i = 0; i < EARS_MAX; i++) {
        if (listener->ears[i] >= 0)
            (void)close(listener->ears[i]);
        listener->ears[i] = -1;
    }
}

static enum err add_listener(struct lan_net *net, const char *text)
{
    struct listener *listener = &net->listeners[net->count];
    *listener = (struct listener){.ears = {-1, -1, -1}};
    if (lan_address_parse(text, &listener->asked) != ERR_OK) {
        log_error("listen-failed", LOG_STR("address", text),
                  LOG_STR("problem", "ipmsg.listen is written ADDRESS:PORT, as in 0.0.0.0:2425"));
        return ERR_ADDRESS;
    }
    net->count++;
    if (open_listener(net, net->count - 1) == ERR_OK)
        return ERR_OK;
    if (errno == EADDRNOTAVAIL) {
        log_warn("listen-waits", LOG_STR("address", text),
                 LOG_STR("problem", "no interface has this address now"));
        return ERR_OK;
    }
    log_error("listen-failed", LOG_STR("address", text), LOG_ERRNO(errno),
              LOG_STR("problem", strerror(errno)));
    return ERR_ADDRESS;
}

static void watch_interfaces(struct lan_net *net)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = INTERFACES_EVENT};
    lan_interfaces_open(&net->interfaces);
    if (net->interfaces.fd >= 0)
        CHECK(epoll_ctl(net->poller, EPOLL_CTL_ADD, net->interfaces.fd, &event) == 0);
}

enum err lan_net_open(const struct lan_net_options *options, struct lan_net **ret)
{
    CHECK(options->listen_count <= LAN_LISTEN_MAX);
    struct lan_net *net = calloc(1, sizeof(*net));
    if (!net)
        return ERR_BUSY;
    net->is_broadcast = options->is_broadcast;
    net->poller = epoll_create1(EPOLL_CLOEXEC);
    net->interfaces.fd = -1;
    if (net->poller < 0) {
        free(net);
        return ERR_BUSY;
    }
    watch_interfaces(net);
    enum err err = ERR_OK;
    for (size_t i = 0; i < options->listen_count && !err; i++)
        err = add_listener(net, options->listen[i]);
    if (err)
        lan_net_close(&net);
    *ret = net;
    return err;
}

void lan_net_close(struct lan_net **net)
{
    if (!*net)
        return;
    for (size_t i = 0; i < (*net)->count; i++)
        close_listener(&(*net)->listeners[i]);
    lan_interfaces_close(&(*net)->interfaces);
    (void)close((*net)->poller);
    free(*net);
    *net = NULL;
}

int lan_net_fd(const struct lan_net *net)
{
    return net->poller;
}

/* --- Addresses that come and go. */

static bool has_address(const struct lan_net *net, uint32_t ip)
{
    if (ip == INADDR_ANY || IS_LOOPBACK(ip))
        return true; /* 127.0.0.2 is there without being listed */
    for (size_t i = 0; i < net->interfaces.count; i++) {
        if (net->interfaces.items[i].ip == ip)
            return true;
    }
    return false;
}

static void look_at_interfaces(struct lan_net *net)
{
    if (!lan_interfaces_have_changed(&net->interfaces))
        return;
    net->has_news = lan_interfaces_read(&net->interfaces) || net->has_news;
    for (size_t i = 0; i < net->count; i++) {
        struct listener *listener = &net->listeners[i];
        bool is_there = has_address(net, listener->asked.ip);
        if (is_there && listener->ears[0] < 0) {
            if (open_listener(net, i) != ERR_OK)
                log_warn("listen-failed", LOG_ERRNO(errno), LOG_STR("problem", strerror(errno)));
        } else if (!is_there && listener->ears[0] >= 0) {
            log_info("listening-ended", LOG_STR("protocol", "ipmsg"));
            close_listener(listener);
        }
    }
}

bool lan_net_take_news(struct lan_net *net)
{
    bool has_news = net->has_news;
    net->has_news = false;
    return has_news;
}

bool lan_net_is_listening(const struct lan_net *net)
{
    for (size_t i = 0; i < net->count; i++) {
        if (net->listeners[i].ears[0] >= 0)
            return true;
    }
    return false;
}

static const struct listener *listener_at(const struct lan_net *net, struct lan_address local)
{
    for (size_t i = 0; i < net->count; i++) {
        const struct listener *listener = &net->listeners[i];
        bool is_for = listener->asked.ip == local.ip || listener->asked.ip == INADDR_ANY;
        if (listener->ears[0] >= 0 && is_for && listener->asked.port == local.port)
            return listener;
    }
    return NULL;
}

bool lan_net_is_own(const struct lan_net *net, struct lan_address address)
{
    return listener_at(net, address) && has_address(net, address.ip);
}

/* --- Receiving. */

/* The address a datagram was sent to; for a broadcast, the interface's own. */
static uint32_t local_ip(struct msghdr *head)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(head); part; part = CMSG_NXTHDR(head, part)) {
        if (part->cmsg_level != IPPROTO_IP || part->cmsg_type != IP_PKTINFO)
            continue;
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(part), sizeof(info));
        return ntohl(info.ipi_spec_dst.s_addr);
    }
    return INADDR_ANY;
}

static void prepare(struct batch *batch)
{
    for (size_t i = 0; i < BATCH; i++) {
        batch->parts[i] =
            (struct iovec){.iov_base = batch->bytes[i], .iov_len = LAN_DATAGRAM_BYTES_MAX};
        batch->heads[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &batch->from[i],
                                                       .msg_namelen = sizeof(batch->from[i]),
                                                       .msg_iov = &batch->parts[i],
                                                       .msg_iovlen = 1,
                                                       .msg_control = batch->control[i],
                                                       .msg_controllen = CONTROL_BYTES}};
    }
}

static void pass_on(struct lan_net *net, const struct listener *listener, size_t at,
                    lan_receiver *on_datagram, void *context)
{
    struct mmsghdr *head = &net->batch.heads[at];
    struct lan_path path = {.local = listener->asked, .remote = address_of(&net->batch.from[at])};
    if (listener->asked.ip == INADDR_ANY)
        path.local.ip = local_ip(&head->msg_hdr);
    bool is_whole = head->msg_hdr.msg_namelen == sizeof(struct sockaddr_in) &&
                    (head->msg_hdr.msg_flags & MSG_TRUNC) == 0 && path.remote.port != 0;
    bool is_echo = lan_net_is_own(net, path.remote); /* our own broadcast */
    if (is_whole && !is_echo)
        on_datagram(context, &path, net->batch.bytes[at], head->msg_len);
}

static void receive_from(struct lan_net *net, uint64_t place, lan_receiver *on_datagram,
                         void *context)
{
    struct listener *listener = &net->listeners[place / EARS_MAX];
    for (int round = 0; round < BATCHES; round++) {
        int fd = listener->ears[place % EARS_MAX];
        if (fd < 0)
            return; /* its address has just gone */
        prepare(&net->batch);
        int count = recvmmsg(fd, net->batch.heads, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < count; i++)
            pass_on(net, listener, (size_t)i, on_datagram, context);
        if (count < BATCH)
            return;
    }
}

void lan_net_receive(struct lan_net *net, lan_receiver *on_datagram, void *context)
{
    struct epoll_event events[LAN_LISTEN_MAX * EARS_MAX + 1];
    int count = epoll_wait(net->poller, events, (int)(sizeof(events) / sizeof(events[0])), 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == INTERFACES_EVENT)
            look_at_interfaces(net);
        else
            receive_from(net, events[i].data.u64, on_datagram, context);
    }
}

/* --- Sending. */

bool lan_net_path_to(const struct lan_net *net, struct lan_address remote, struct lan_path *ret)
{
    const struct listener *best = NULL;
    for (size_t i = 0; i < net->count; i++) {
        const struct listener *listener = &net->listeners[i];
        bool is_local = IS_LOOPBACK(listener->asked.ip);
        bool fits = listener->asked.ip == INADDR_ANY || is_local == IS_LOOPBACK(remote.ip);
        if (listener->ears[0] >= 0 && (!best || fits)) {
            best = listener;
            if (fits)
                break;
        }
    }
    if (best)
        *ret = (struct lan_path){.local = best->asked, .remote = remote};
    return best != NULL;
}

static enum err send_from(int fd, const struct lan_path *path, const void *bytes, size_t size)
{
    struct sockaddr_in to = sockaddr_of(path->remote);
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    union {
        struct cmsghdr head;
        uint8_t bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } control = {.bytes = {0}};
    struct msghdr head = {.msg_name = &to,
                          .msg_namelen = sizeof(to),
                          .msg_iov = &part,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = sizeof(control)};
    const struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(path->local.ip)};
    control.head = (struct cmsghdr){
        .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO, .cmsg_len = CMSG_LEN(sizeof(info))};
    memcpy(CMSG_DATA(&control.head), &info, sizeof(info));
    if (sendmsg(fd, &head, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return ERR_OK;
    return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? ERR_BUSY : ERR_ADDRESS;
}

enum err lan_net_send(struct lan_net *net, const struct lan_path *path, const void *bytes,
                      size_t size)
{
    const struct listener *listener = listener_at(net, path->local);
    struct lan_path other;
    if (listener)
        return send_from(listener->ears[0], path, bytes, size);
    if (!lan_net_path_to(net, path->remote, &other)) /* that address is gone */
        return ERR_ADDRESS;
    return send_from(listener_at(net, other.local)->ears[0], &other, bytes, size);
}

size_t lan_net_announce(struct lan_net *net, const void *bytes, size_t size)
{
    size_t sent = 0;
    for (size_t i = 0; i < net->interfaces.count && net->is_broadcast; i++) {
        const struct lan_interface *interface = &net->interfaces.items[i];
        for (size_t j = 0; j < net->count && interface->broadcast; j++) {
            const struct listener *listener = &net->listeners[j];
            bool is_on = listener->asked.ip == INADDR_ANY || listener->asked.ip == interface->ip;
            struct lan_path path = {.local = {.ip = interface->ip, .port = listener->asked.port},
                                    .remote = {.ip = interface->broadcast, .port = LAN_PORT}};
            if (listener->ears[0] >= 0 && is_on &&
                send_from(listener->ears[0], &path, bytes, size) == ERR_OK)
                sent++;
        }
    }
    return sent;
}

static bool is_listed(const struct lan_interface *list, size_t count, uint32_t ip)
{
    bool is_there = false;
    for (size_t i = 0; i < count; i++)
        is_there |= list[i].ip == ip;
    return is_there;
}

size_t lan_net_interfaces(const struct lan_net *net, struct lan_interface *ret, size_t max)
{
    size_t count = 0;
    for (size_t j = 0; j < net->count; j++) {
        const struct listener *listener = &net->listeners[j];
        uint32_t asked = listener->asked.ip;
        if (listener->ears[0] < 0)
            continue;
        for (size_t i = 0; i < net->interfaces.count && count < max; i++) {
            const struct lan_interface *interface = &net->interfaces.items[i];
            bool is_on = asked == INADDR_ANY || asked == interface->ip;
            if (is_on && !is_listed(ret, count, interface->ip))
                ret[count++] = *interface;
        }
        /* Loopback has more addresses than are listed. */
        if (asked != INADDR_ANY && count < max && !is_listed(ret, count, asked))
            ret[count++] = (struct lan_interface){.ip = asked};
    }
    return count;
}
