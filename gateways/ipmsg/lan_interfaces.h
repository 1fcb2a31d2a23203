/* SPDX-License-Identifier: MPL-2.0
 *
 * The machine's IPv4 addresses with their broadcast addresses, and news of changes.
 *
 * Promises: the list is that of the last lan_interfaces_read; a change makes the descriptor
 * readable. Without rtnetlink (not every container has it) the list is just never told to be old.
 */
#ifndef GATEWAYS_IPMSG_LAN_INTERFACES_H
#define GATEWAYS_IPMSG_LAN_INTERFACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAN_INTERFACES_KEPT 64

struct lan_interface {
    uint32_t ip;        /* host order */
    uint32_t broadcast; /* 0: it has none */
    uint32_t mask;
};

struct lan_interfaces {
    struct lan_interface items[LAN_INTERFACES_KEPT];
    size_t count;
    int fd; /* rtnetlink; -1: none */
};

void lan_interfaces_open(struct lan_interfaces *interfaces);
void lan_interfaces_close(struct lan_interfaces *interfaces);

/* Reads what the descriptor has; true when addresses may have changed. */
bool lan_interfaces_have_changed(struct lan_interfaces *interfaces);

/* Reads the list anew; true when an address is there that was not before. */
bool lan_interfaces_read(struct lan_interfaces *interfaces);

#endif
