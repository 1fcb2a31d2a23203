/* SPDX-License-Identifier: MPL-2.0
 *
 * See address_book.h.
 */
#include "gateways/address_book.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "rt/check.h"

#define LOOPBACK_NET   127u
#define NETWORK_BYTES  8
#define TEXT_BYTES_MAX 64
#define MAPPED_AT_BYTE 10
#define IPV4_AT_BYTE   12

static const struct address_key nobody;

void address_book_init(struct address_book *book, uint32_t limit, size_t connections_max)
{
    book->limit = limit;
    hash_init(&book->counts, connections_max);
}

void address_book_fini(struct address_book *book)
{
    hash_fini(&book->counts);
}

static struct address_key key_of_ipv4(const uint8_t bytes[4])
{
    struct address_key key = {.bytes = {[MAPPED_AT_BYTE] = 0xff, [MAPPED_AT_BYTE + 1] = 0xff}};
    if (bytes[0] == LOOPBACK_NET)
        return nobody;
    memcpy(key.bytes + IPV4_AT_BYTE, bytes, 4);
    return key;
}

static struct address_key key_of_ipv6(const struct in6_addr *address)
{
    struct address_key key = {.bytes = {0}};
    if (IN6_IS_ADDR_V4MAPPED(address))
        return key_of_ipv4(address->s6_addr + IPV4_AT_BYTE);
    if (IN6_IS_ADDR_LOOPBACK(address))
        return nobody;
    memcpy(key.bytes, address->s6_addr, NETWORK_BYTES);
    return key;
}

struct address_key address_key_of(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)address;
        return key_of_ipv4((const uint8_t *)&ipv4->sin_addr);
    }
    if (address->sa_family == AF_INET6)
        return key_of_ipv6(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    return nobody;
}

struct address_key address_key_of_text(const char *text)
{
    char host[TEXT_BYTES_MAX];
    struct in6_addr ipv6;
    uint8_t ipv4[4];
    const char *begin = text[0] == '[' ? text + 1 : text;
    size_t size = strcspn(begin, "]%");
    if (size == 0 || size >= sizeof(host))
        return nobody;
    memcpy(host, begin, size);
    host[size] = '\0';
    if (inet_pton(AF_INET6, host, &ipv6) == 1)
        return key_of_ipv6(&ipv6);
    host[strcspn(host, ":")] = '\0'; /* a port */
    return inet_pton(AF_INET, host, ipv4) == 1 ? key_of_ipv4(ipv4) : nobody;
}

static bool is_nobody(const struct address_key *key)
{
    return memcmp(key, &nobody, sizeof(nobody)) == 0;
}

uint64_t address_book_count(const struct address_book *book, const struct address_key *key)
{
    uint64_t count = 0;
    (void)hash_get(&book->counts, key, sizeof(*key), &count); /* absent: none */
    return count;
}

bool address_book_add(struct address_book *book, const struct address_key *key)
{
    if (book->limit == 0 || is_nobody(key))
        return true;
    uint64_t count = address_book_count(book, key);
    return count < book->limit && hash_put(&book->counts, key, sizeof(*key), count + 1) == ERR_OK;
}

void address_book_remove(struct address_book *book, const struct address_key *key)
{
    if (book->limit == 0 || is_nobody(key))
        return;
    uint64_t count = address_book_count(book, key);
    CHECK(count > 0);
    if (count == 1)
        (void)hash_remove(&book->counts, key, sizeof(*key), NULL); /* it is there */
    else
        CHECK(hash_put(&book->counts, key, sizeof(*key), count - 1) == ERR_OK);
}
