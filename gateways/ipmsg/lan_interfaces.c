/* SPDX-License-Identifier: MPL-2.0
 *
 * See lan_interfaces.h.
 */
#include "gateways/ipmsg/lan_interfaces.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rt/log.h"

#define NEWS_PER_LOOK 64

void lan_interfaces_open(struct lan_interfaces *interfaces)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK,
                                  .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_LINK};
    interfaces->count = 0;
    interfaces->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (interfaces->fd >= 0 &&
        bind(interfaces->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(interfaces->fd); /* nothing was written */
        interfaces->fd = -1;
    }
    if (interfaces->fd < 0)
        log_warn("no-interface-news", LOG_ERRNO(errno));
    (void)lan_interfaces_read(interfaces); /* all are new */
}

void lan_interfaces_close(struct lan_interfaces *interfaces)
{
    if (interfaces->fd >= 0)
        (void)close(interfaces->fd);
    interfaces->fd = -1;
}

/* What changed is not looked at: the list is read as a whole. */
bool lan_interfaces_have_changed(struct lan_interfaces *interfaces)
{
    char buffer[8192];
    bool has_changed = false;
    for (int i = 0; i < NEWS_PER_LOOK && interfaces->fd >= 0; i++) {
        ssize_t count = recv(interfaces->fd, buffer, sizeof(buffer), 0);
        if (count < 0 && errno == ENOBUFS) { /* some were lost: all the more reason to look */
            has_changed = true;
            continue;
        }
        if (count <= 0)
            break;
        has_changed = true;
    }
    return has_changed;
}

static uint32_t ip_of(const struct sockaddr *address)
{
    if (!address || address->sa_family != AF_INET)
        return 0;
    struct sockaddr_in in;
    memcpy(&in, address, sizeof(in));
    return ntohl(in.sin_addr.s_addr);
}

static bool is_known(const struct lan_interfaces *interfaces, uint32_t ip)
{
    for (size_t i = 0; i < interfaces->count; i++) {
        if (interfaces->items[i].ip == ip)
            return true;
    }
    return false;
}

bool lan_interfaces_read(struct lan_interfaces *interfaces)
{
    struct lan_interfaces before = *interfaces;
    struct ifaddrs *list = NULL;
    bool has_new = false;
    if (getifaddrs(&list) != 0) {
        log_warn("interfaces-unreadable", LOG_ERRNO(errno));
        return false;
    }
    interfaces->count = 0;
    for (const struct ifaddrs *item = list; item; item = item->ifa_next) {
        uint32_t ip = ip_of(item->ifa_addr);
        bool is_up = (item->ifa_flags & IFF_UP) != 0;
        if (ip == 0 || !is_up || interfaces->count == LAN_INTERFACES_KEPT)
            continue;
        bool has_broadcast = (item->ifa_flags & IFF_BROADCAST) != 0;
        interfaces->items[interfaces->count++] =
            (struct lan_interface){.ip = ip,
                                   .broadcast = has_broadcast ? ip_of(item->ifa_broadaddr) : 0,
                                   .mask = ip_of(item->ifa_netmask)};
        has_new = has_new || !is_known(&before, ip);
    }
    freeifaddrs(list);
    return has_new;
}
