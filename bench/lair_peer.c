/* SPDX-License-Identifier: MPL-2.0
 *
 * See lair_peer.h.
 */
#include "lair_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "measure.h"

#define READ_BYTES  262144
#define PER_ADDRESS 20000
#define SUCCESS     "Authentication successful! Welcome to The Lair!"

static struct lair_cipher cipher;

void peer_init(void)
{
    if (lair_cipher_init(&cipher) != ERR_OK)
        bench_fail("no cipher");
}

/* One address has not ports enough for everybody: 20,000 connections each. */
static void bind_source(int fd, size_t number)
{
    struct sockaddr_in source = {.sin_family = AF_INET,
                                 .sin_addr.s_addr =
                                     htonl(INADDR_LOOPBACK + (uint32_t)(number / PER_ADDRESS))};
    int on = 1;
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&source, sizeof(source)) != 0)
        bench_fail("bind: %s", strerror(errno));
}

void peer_connect(struct peer *peer, size_t number, int poller, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    memset(peer, 0, sizeof(*peer));
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer->fd < 0)
        bench_fail("socket: %s", strerror(errno));
    bind_source(peer->fd, number);
    if (connect(peer->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        bench_fail("connect: %s", strerror(errno));
    (void)setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, peer->fd, &event) != 0)
        bench_fail("epoll_ctl: %s", strerror(errno));
}

static void send_line(struct peer *peer, char *line, size_t size)
{
    line[size] = '\n';
    if (send(peer->fd, line, size + 1, MSG_NOSIGNAL) != (ssize_t)size + 1)
        bench_fail("send: %s", strerror(errno));
}

void peer_say(struct peer *peer, const char *text)
{
    char line[LAIR_LINE_BYTES(PEER_TEXT_MAX) + 1];
    size_t size = strlen(text);
    if (size > PEER_TEXT_MAX || lair_seal(&cipher, &peer->key, NULL, text, size, line) != ERR_OK)
        bench_fail("cannot say %s", text);
    send_line(peer, line, LAIR_LINE_BYTES(size));
}

void peer_log_in(struct peer *peer, const char *name, bool is_register)
{
    char text[PEER_TEXT_MAX];
    (void)snprintf(text, sizeof(text),
                   "{\"type\":\"%s\",\"username\":\"%s\",\"password\":\"password123\"}",
                   is_register ? "register" : "login", name);
    peer->state = PEER_ASKED;
    peer_say(peer, text);
}

void peer_want(struct peer *peer, const char *text)
{
    (void)snprintf(peer->wanted, sizeof(peer->wanted), "%s", text);
    peer->has_wanted = false;
}

static void greet(struct peer *peer, const char *line, size_t size)
{
    char offer[LAIR_KEY_LINE_BYTES + 1];
    struct lair_key secret;
    if (lair_offer(&secret, offer) != ERR_OK ||
        lair_agree(&secret, line, size, &peer->key) != ERR_OK)
        bench_fail("no key came");
    send_line(peer, offer, LAIR_KEY_LINE_BYTES);
}

static bool is_text(struct peer *peer, const char *line, size_t size, const char *text)
{
    char copy[LAIR_LINE_BYTES(PEER_TEXT_MAX)];
    uint8_t *opened;
    size_t opened_size;
    if (size != LAIR_LINE_BYTES(strlen(text)) || size > sizeof(copy))
        return false;
    memcpy(copy, line, size);
    return lair_open(&cipher, &peer->key, (uint8_t *)copy, size, &opened, &opened_size) == ERR_OK &&
           opened_size == strlen(text) && memcmp(opened, text, opened_size) == 0;
}

static void fail_login(struct peer *peer, const char *line, size_t size)
{
    uint8_t *text = NULL;
    size_t text_size = 0;
    char *copy = malloc(size ? size : 1);
    if (copy)
        memcpy(copy, line, size);
    if (!copy || lair_open(&cipher, &peer->key, (uint8_t *)copy, size, &text, &text_size) != ERR_OK)
        bench_fail("a line that does not open");
    bench_fail("a login was refused: %.*s", (int)text_size, (const char *)text);
}

static void take_line(struct peer *peer, const char *line, size_t size)
{
    peer->lines++;
    switch (peer->state) {
    case PEER_CONNECTED:
        greet(peer, line, size);
        peer->state = PEER_GREETED;
        return;
    case PEER_GREETED:
        peer->state = PEER_STRANGER;
        return;
    case PEER_ASKED:
        if (!is_text(peer, line, size, SUCCESS))
            fail_login(peer, line, size);
        peer->state = PEER_IN;
        return;
    case PEER_STRANGER:
    case PEER_IN:
        if (peer->wanted[0] && is_text(peer, line, size, peer->wanted)) {
            peer->has_wanted = true;
            peer->wanted[0] = '\0';
        }
    }
}

static void keep(struct peer *peer, const char *bytes, size_t size)
{
    char *larger = size ? malloc(size) : NULL;
    if (size && !larger)
        bench_fail("no memory");
    if (size)
        memcpy(larger, bytes, size);
    free(peer->bytes);
    peer->bytes = larger;
    peer->size = size;
}

void peer_read(struct peer *peer)
{
    static char bytes[2 * READ_BYTES];
    if (peer->size > READ_BYTES)
        bench_fail("a line is longer than %d bytes", READ_BYTES);
    if (peer->size)
        memcpy(bytes, peer->bytes, peer->size);
    ssize_t count = recv(peer->fd, bytes + peer->size, READ_BYTES, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0)
        bench_fail("the server closed a connection");
    const char *at = bytes, *end = bytes + peer->size + count, *feed;
    while (at < end && (feed = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        take_line(peer, at, (size_t)(feed - at));
        at = feed + 1;
    }
    keep(peer, at, (size_t)(end - at));
}
