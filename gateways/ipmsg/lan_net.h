/* SPDX-License-Identifier: MPL-2.0
 *
 * Datagrams of the local network: the sockets, the interfaces, and what goes out to everybody.
 *
 * One UDP socket per listen address. "0.0.0.0" is one socket for every address of the machine; it
 * knows to which of them a datagram came. A lan_path is both ends of a conversation, so an answer
 * leaves from the address and port that was asked. An address that is not there yet (a cable that
 * is not plugged in) is listened to as soon as it appears.
 *
 * Promises: nothing waits; one call of lan_net_receive takes a bounded number of datagrams; no two
 * processes ever share a port (no SO_REUSEPORT, no SO_REUSEADDR); needs no rights.
 * Leaves to others: what datagrams mean. IPv4 only: the protocol names no other addresses.
 */
#ifndef GATEWAYS_IPMSG_LAN_NET_H
#define GATEWAYS_IPMSG_LAN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

#define LAN_PORT               2425
#define LAN_LISTEN_MAX         16
#define LAN_INTERFACES_MAX     64
#define LAN_DATAGRAM_BYTES_MAX 65507
#define LAN_ADDRESS_TEXT_MAX   24 /* "255.255.255.255:65535" and a NUL */

struct lan_address {
    uint32_t ip; /* host order */
    uint16_t port;
};

struct lan_path {
    struct lan_address local, remote;
};

struct lan_net;

struct lan_net_options {
    const char *const *listen; /* ADDRESS[:PORT]; port * = any */
    size_t listen_count;
    bool is_broadcast; /* lan_net_announce says something to everybody */
};

/* ERR_ADDRESS, which was logged: an address is not written as one, or in use. */
MUST_USE enum err lan_net_open(const struct lan_net_options *options, struct lan_net **ret);
void lan_net_close(struct lan_net **net);

/* To be watched for readability. */
int lan_net_fd(const struct lan_net *net);

/* The bytes die with the call. Anything may be sent meanwhile. */
typedef void lan_receiver(void *context, const struct lan_path *path, const void *bytes,
                          size_t size);

/* What has come, up to a bound; looks after interfaces that came or went. */
void lan_net_receive(struct lan_net *net, lan_receiver *on_datagram, void *context);

/* Has an address appeared since the last call? (At least one of the machine's has.) */
bool lan_net_take_news(struct lan_net *net);

/* Is any socket open, and is this our own address and port? */
bool lan_net_is_listening(const struct lan_net *net);
bool lan_net_is_own(const struct lan_net *net, struct lan_address address);

/* Addresses of this machine that are listened at; how many, at most `max`. */
struct lan_interface;
size_t lan_net_interfaces(const struct lan_net *net, struct lan_interface *ret, size_t max);

/* From where to begin talking to somebody who has not been heard of. False: from nowhere. */
bool lan_net_path_to(const struct lan_net *net, struct lan_address remote, struct lan_path *ret);

/* ERR_BUSY: the socket takes no more now; ERR_ADDRESS: there is no way there. */
MUST_USE enum err lan_net_send(struct lan_net *net, const struct lan_path *path, const void *bytes,
                               size_t size);

/* To the broadcast address of every interface that is listened to; how many. */
size_t lan_net_announce(struct lan_net *net, const void *bytes, size_t size);

/* "1.2.3.4", "1.2.3.4:2425", "1.2.3.4:*" (port 0). ERR_ADDRESS. */
MUST_USE enum err lan_address_parse(const char *text, struct lan_address *ret);
bool lan_address_is_local(struct lan_address address); /* 127.x.y.z */
void lan_address_format(struct lan_address address, char ret_text[LAN_ADDRESS_TEXT_MAX]);

/* A user name we may go by: 1 to 40 visible ASCII characters without ":" and "@", and not ending as if
 * a key followed ("-" and 16 hexadecimal digits), as others drop datagrams of such users. */
bool lan_name_is_fit(const char *name);

#endif
