/* SPDX-License-Identifier: MPL-2.0
 *
 * The TCP listeners of a gateway: their addresses, and connections one by one.
 *
 * Descriptors are the process's, and there are only so many. Promises:
 *   - The last ones are not taken: an eighth of them is left to files, to ZeroMQ and to the other
 *     gateways. A connection that comes when only these are left is closed at once (`refused`). As the
 *     kernel gives out the lowest free number, the number of a new descriptor tells how many are left.
 *   - When there is none to be had at all, the listeners are put aside for TCP_LISTENERS_PAUSE_MS
 *     (`paused`): a poller would tell of them again and again.
 *
 * Owns: the listeners' descriptors. Leaves to others: the poller, in which a listener is known as its
 * index; and all that comes after accept.
 */
#ifndef GATEWAYS_TCP_LISTENERS_H
#define GATEWAYS_TCP_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "rt/err.h"

#define TCP_LISTENERS_MAX      16u
#define TCP_LISTENERS_PAUSE_MS 100

struct tcp_listeners {
    int poller; /* epoll; of whoever has them */
    int fds[TCP_LISTENERS_MAX];
    size_t count;
    bool is_paused;
};

struct tcp_listen {
    const char *option;  /* that names the address */
    const char *address; /* "ADDRESS:PORT", "[ADDRESS]:PORT"; port "*" is any */
    const char *example; /* of such an address */
    uint16_t port;       /* instead of any; 0: any */
};

/* Whoever connections go to. */
struct tcp_taker {
    /* The descriptor is the taker's now. */
    void (*accepted)(void *context, size_t index, int fd, const struct sockaddr *from,
                     socklen_t size);
    void (*refused)(void *context); /* one was closed */
    void (*paused)(void *context);  /* call tcp_listeners_go_on in TCP_LISTENERS_PAUSE_MS */
};

void tcp_listeners_init(struct tcp_listeners *listeners, int poller);
/* Closes them. */
void tcp_listeners_fini(struct tcp_listeners *listeners);

/* Listens. ERR_ADDRESS: the log says why. */
MUST_USE enum err tcp_listeners_add(struct tcp_listeners *listeners,
                                    const struct tcp_listen *listen);

/* Accepts what waits at a listener, but only so many in one go. Does not wait. */
void tcp_listeners_take(struct tcp_listeners *listeners, size_t index,
                        const struct tcp_taker *taker, void *context);
/* Listens again after `paused`. False: not yet; try again in a moment. */
bool tcp_listeners_go_on(struct tcp_listeners *listeners);

/* How many of `limit` descriptors a connection may not take. */
uint64_t tcp_listeners_reserve(uint64_t limit);

#endif
