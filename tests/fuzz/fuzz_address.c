/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as what a peer is reached by (store/address.h), and connections that come and go
 * (gateways/address_book.h), beside a list of them:
 *   - an address that is read is one, in its shortest form, and reads as itself whatever stands
 *     around it: a port, a protocol, brackets, a path, a zone; the port is the one that is written
 *   - a connection is counted for its address, an IPv6 one for its network, however it is written;
 *     nobody gets more of them than the limit, and nobody less because of others
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>

#include "bytes.h"
#include "gateways/address_book.h"
#include "store/address.h"

#define TEXT_MAX        200
#define CONNECTIONS_MAX 64
#define STEPS_MAX       300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- Texts. */

static void check_form(const char *before, const char *ip, const char *after, bool is_plain)
{
    char text[TEXT_MAX], again[ADDRESS_IP_BYTES];
    (void)snprintf(text, sizeof(text), "%s%s%s", before, ip, after); /* fits */
    CHECK(address_ip(text, again) && strcmp(again, ip) == 0);
    CHECK(address_plain_ip(text, again) == is_plain);
    CHECK(strcmp(again, is_plain ? ip : "") == 0);
}

static void check_port(const char *before, const char *ip, const char *after, uint16_t port)
{
    char text[TEXT_MAX];
    uint32_t read_ip = 0;
    uint16_t read_port = 0;
    struct in_addr binary;
    (void)snprintf(text, sizeof(text), "%s%s%s%u", before, ip, after, port); /* fits */
    CHECK(inet_pton(AF_INET, ip, &binary) == 1);
    CHECK(address_udp(text, &read_ip, &read_port));
    CHECK(read_ip == ntohl(binary.s_addr) && read_port == port);
}

static void check_ip(const char *ip, uint16_t port)
{
    struct in6_addr binary;
    bool is_ip4 = inet_pton(AF_INET, ip, &binary) == 1;
    CHECK(is_ip4 || inet_pton(AF_INET6, ip, &binary) == 1);
    check_form("", ip, "", true);
    check_form("tcp://", ip, "", false);
    check_form(is_ip4 ? "" : "[", ip, is_ip4 ? ":80" : "]:80", false);
    check_form(is_ip4 ? "tcp://" : "tcp://[", ip, is_ip4 ? ":*" : "]:*", false);
    check_form("[", ip, "]", false);
    check_form(is_ip4 ? "/ip4/" : "/ip6/", ip, "/udp/4001/quic", false);
    if (!is_ip4) {
        char zone[TEXT_MAX], again[ADDRESS_IP_BYTES];
        (void)snprintf(zone, sizeof(zone), "%s%%eth0", ip); /* fits */
        CHECK(address_ip(zone, again) && strcmp(again, ip) == 0);
        return;
    }
    check_form("::ffff:", ip, "", true);
    check_port("", ip, ":", port);
    check_port("/ip4/", ip, "/udp/", port);
    check_port("[::ffff:", ip, "]:", port);
}

static void check_text(const char *text, uint16_t port)
{
    char ip[ADDRESS_IP_BYTES], plain[ADDRESS_IP_BYTES];
    uint32_t udp_ip;
    uint16_t udp_port;
    struct in_addr binary;
    bool has_ip = address_ip(text, ip);
    CHECK(has_ip || ip[0] == '\0');
    bool is_plain = address_plain_ip(text, plain);
    CHECK(strcmp(plain, is_plain ? ip : "") == 0);
    bool has_udp = address_udp(text, &udp_ip, &udp_port);
    CHECK(has_udp == (has_ip && inet_pton(AF_INET, ip, &binary) == 1));
    if (has_udp)
        CHECK(udp_ip == ntohl(binary.s_addr));
    if (has_ip)
        check_ip(ip, port);
}

/* --- Connections. */

struct plain {
    struct address_key keys[CONNECTIONS_MAX];
    bool is_open[CONNECTIONS_MAX];
};

static bool is_nobody(const struct address_key *key)
{
    static const struct address_key nobody;
    return memcmp(key, &nobody, sizeof(nobody)) == 0;
}

/* From few addresses, so that they meet; in one of the forms. */
static struct address_key take_key(struct bytes *input)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    char ip[INET6_ADDRSTRLEN], text[TEXT_MAX];
    uint8_t form = bytes_u8(input);
    uint8_t bytes[4] = {form & 0x80 ? 127 : 192, 0, 2, bytes_u8(input) % 4};
    memcpy(&ipv4.sin_addr, bytes, 4);
    if (form % 4 < 2) {
        memcpy(ipv6.sin6_addr.s6_addr + 12, bytes, 4);
        memset(ipv6.sin6_addr.s6_addr + 10, 0xff, 2);
    } else {
        memcpy(ipv6.sin6_addr.s6_addr + 4, bytes, 4);
        ipv6.sin6_addr.s6_addr[15] = form; /* of the same network, whatever this is */
    }
    struct address_key key = address_key_of((const struct sockaddr *)(const void *)&ipv6);
    if (form % 4 < 2) {
        struct address_key other = address_key_of((const struct sockaddr *)(const void *)&ipv4);
        CHECK(memcmp(&key, &other, sizeof(key)) == 0 && is_nobody(&key) == (bytes[0] == 127));
    }
    CHECK(inet_ntop(AF_INET6, &ipv6.sin6_addr, ip, sizeof(ip)));
    (void)snprintf(text, sizeof(text), form & 0x40 ? "[%s]:%u" : "%s%%%u", ip, form); /* fits */
    struct address_key of_text = address_key_of_text(text);
    CHECK(memcmp(&key, &of_text, sizeof(key)) == 0);
    return key;
}

static uint64_t count_plainly(const struct plain *plain, const struct address_key *key)
{
    uint64_t count = 0;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        count += plain->is_open[i] && memcmp(&plain->keys[i], key, sizeof(*key)) == 0;
    return count;
}

static void drive_book(struct bytes input)
{
    static struct plain plain;
    struct address_book book;
    memset(&plain, 0, sizeof(plain));
    uint32_t limit = bytes_u8(&input) % 8;
    address_book_init(&book, limit, CONNECTIONS_MAX);
    for (size_t step = 0; step < STEPS_MAX && input.left > 0; step++) {
        size_t i = bytes_u8(&input) % CONNECTIONS_MAX;
        if (plain.is_open[i]) {
            address_book_remove(&book, &plain.keys[i]);
            plain.is_open[i] = false;
        } else {
            plain.keys[i] = take_key(&input);
            bool is_bounded = limit > 0 && !is_nobody(&plain.keys[i]);
            bool has_room = !is_bounded || count_plainly(&plain, &plain.keys[i]) < limit;
            CHECK(address_book_add(&book, &plain.keys[i]) == has_room);
            plain.is_open[i] = has_room;
        }
        if (limit > 0 && !is_nobody(&plain.keys[i]))
            CHECK(address_book_count(&book, &plain.keys[i]) ==
                  count_plainly(&plain, &plain.keys[i]));
    }
    address_book_fini(&book);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    uint16_t port = (uint16_t)(bytes_u8(&input) << 8 | 1);
    struct bytes line = bytes_take(&input, TEXT_MAX);
    drive_book(line);
    char *text = bytes_copy(line, true);
    check_text(text, port);
    (void)address_key_of_text(text);
    free(text);
    return 0;
}
