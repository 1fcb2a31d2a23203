/* SPDX-License-Identifier: MPL-2.0
 *
 * The IP address in what a peer is reached by, in the one form by which addresses are compared.
 *
 * Pure. Understood are plain addresses, "ADDRESS:PORT" ("[ADDRESS]:PORT" for IPv6), anything with
 * "protocol://" before it, and "/ip4/ADDRESS/..." as peer-to-peer programs write it. An IPv4
 * address inside of IPv6 (::ffff:192.0.2.1) is the IPv4 address; a zone (%eth0) is left out.
 */
#ifndef STORE_ADDRESS_H
#define STORE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define ADDRESS_IP_BYTES 46 /* INET6_ADDRSTRLEN */

/* False: it has none (a host name, nothing); then ret_ip is "". */
bool address_ip(const char *text, char ret_ip[ADDRESS_IP_BYTES]);
/* An IPv4 address (host order) and the UDP port that is named with it, 0 if none is. False: it has no
 * IPv4 address. */
bool address_udp(const char *text, uint32_t *ret_ip, uint16_t *ret_port);
/* The same as address_ip for an address alone: no port, no protocol. */
bool address_plain_ip(const char *text, char ret_ip[ADDRESS_IP_BYTES]);

#endif
