/* SPDX-License-Identifier: MPL-2.0
 *
 * See address.h.
 */
#include "store/address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(ADDRESS_IP_BYTES == INET6_ADDRSTRLEN, "room for every address");

/* The first 12 bytes of an IPv4 address inside of IPv6. */
static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool take_ip4(const char *text, char ret_ip[ADDRESS_IP_BYTES])
{
    struct in_addr ip;
    return inet_pton(AF_INET, text, &ip) == 1 &&
           inet_ntop(AF_INET, &ip, ret_ip, ADDRESS_IP_BYTES) != NULL;
}

static bool take_ip6(char *text, char ret_ip[ADDRESS_IP_BYTES])
{
    struct in6_addr ip;
    char *zone = strchr(text, '%');
    if (zone && zone[1] != '\0')
        *zone = '\0';
    if (inet_pton(AF_INET6, text, &ip) != 1)
        return false;
    if (memcmp(ip.s6_addr, mapped, sizeof(mapped)) == 0)
        return inet_ntop(AF_INET, ip.s6_addr + sizeof(mapped), ret_ip, ADDRESS_IP_BYTES) != NULL;
    return inet_ntop(AF_INET6, &ip, ret_ip, ADDRESS_IP_BYTES) != NULL;
}

/* `size` bytes of text. */
static bool take(const char *text, size_t size, char ret_ip[ADDRESS_IP_BYTES])
{
    char copy[2 * ADDRESS_IP_BYTES]; /* a zone may follow */
    if (size == 0 || size >= sizeof(copy))
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    return take_ip4(copy, ret_ip) || take_ip6(copy, ret_ip);
}

bool address_plain_ip(const char *text, char ret_ip[ADDRESS_IP_BYTES])
{
    ret_ip[0] = '\0';
    return take(text, strlen(text), ret_ip);
}

/* Whether a port (or nothing) follows the address. */
static bool ends_as_port(const char *text)
{
    if (*text == '\0')
        return true;
    return *text == ':' && text[1] != '\0' && strspn(text + 1, "0123456789*") == strlen(text + 1);
}

bool address_ip(const char *text, char ret_ip[ADDRESS_IP_BYTES])
{
    if (address_plain_ip(text, ret_ip)) /* first: a zone may have any characters */
        return true;
    const char *protocol = strstr(text, "://");
    if (protocol)
        text = protocol + 3;
    if (protocol && address_plain_ip(text, ret_ip))
        return true;
    if (strncmp(text, "/ip4/", 5) == 0 || strncmp(text, "/ip6/", 5) == 0)
        return take(text + 5, strcspn(text + 5, "/"), ret_ip);
    if (*text == '[') {
        const char *end = strchr(text, ']');
        return end && ends_as_port(end + 1) && take(text + 1, (size_t)(end - text - 1), ret_ip);
    }
    const char *end = strchr(text, ':');
    return end && ends_as_port(end) && take(text, (size_t)(end - text), ret_ip);
}

/* Where the digits of the port stand: "ADDRESS:PORT", "[ADDRESS]:PORT", "/ip4/ADDRESS/udp/PORT...".
 * NULL: nowhere; a port with a protocol before it is not for us. */
static const char *find_port(const char *text)
{
    char ip[ADDRESS_IP_BYTES];
    if (*text == '/') {
        const char *protocol = strchr(text + 5, '/');
        return protocol && strncmp(protocol, "/udp/", 5) == 0 ? protocol + 5 : NULL;
    }
    if (strstr(text, "://") || address_plain_ip(text, ip)) /* its colons are its own */
        return NULL;
    const char *colon = strchr(*text == '[' ? strchr(text, ']') : text, ':');
    return colon ? colon + 1 : NULL;
}

static uint16_t udp_port(const char *text)
{
    const char *digits = find_port(text);
    size_t count = digits ? strspn(digits, "0123456789") : 0;
    bool is_number = count > 0 && (digits[count] == '\0' || digits[count] == '/');
    unsigned long port = is_number ? strtoul(digits, NULL, 10) : 0;
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

bool address_udp(const char *text, uint32_t *ret_ip, uint16_t *ret_port)
{
    char plain[ADDRESS_IP_BYTES];
    struct in_addr ip;
    if (!address_ip(text, plain) || inet_pton(AF_INET, plain, &ip) != 1)
        return false;
    *ret_ip = ntohl(ip.s_addr);
    *ret_port = udp_port(text);
    return true;
}
