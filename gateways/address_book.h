/* SPDX-License-Identifier: MPL-2.0
 *
 * How many connections each IP address has: for the gateways, which refuse more than so many.
 *
 * Pure. Only addresses beyond this machine are counted: on loopback everybody has the same. An IPv6 address
 * counts as its network of 64 bits, which is what one customer has; an IPv4 address in IPv6 as itself.
 */
#ifndef GATEWAYS_ADDRESS_BOOK_H
#define GATEWAYS_ADDRESS_BOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "rt/hash.h"

struct address_book {
    struct hash counts;
    uint32_t limit; /* of one address; 0 = no bound */
};

/* What an address is counted as; all zero: not at all. */
struct address_key {
    uint8_t bytes[16];
};

void address_book_init(struct address_book *book, uint32_t limit, size_t connections_max);
void address_book_fini(struct address_book *book);

/* Of a peer's socket address, or of its text ("192.0.2.1", "[2001:db8::1]:80"): what cannot be read is not
 * counted. */
struct address_key address_key_of(const struct sockaddr *address);
struct address_key address_key_of_text(const char *text);

/* False: it has as many as it may. */
bool address_book_add(struct address_book *book, const struct address_key *key);
/* One that was added. */
void address_book_remove(struct address_book *book, const struct address_key *key);
uint64_t address_book_count(const struct address_book *book, const struct address_key *key);

#endif
