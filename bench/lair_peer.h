/* SPDX-License-Identifier: MPL-2.0
 *
 * One Lair Chat connection of the load driver: connects, greets, logs in, counts lines. It opens
 * only lines that have the length of the text it waits for; the others are counted unread, so a
 * thousand of them cost the driver less than the server.
 */
#ifndef BENCH_LAIR_PEER_H
#define BENCH_LAIR_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateways/lair/lair_crypto.h"

#define PEER_TEXT_MAX 256

enum peer_state {
    PEER_CONNECTED, /* the server's key is awaited */
    PEER_GREETED,   /* the welcome is awaited */
    PEER_STRANGER,
    PEER_ASKED, /* LOGIN or register is on its way */
    PEER_IN,
};

struct peer {
    int fd;
    enum peer_state state;
    struct lair_key key;
    uint64_t lines;
    char *bytes; /* an unfinished line; NULL: none */
    size_t size;
    char wanted[PEER_TEXT_MAX]; /* "": nothing */
    bool has_wanted;
};

/* Once, before anything else. */
void peer_init(void);
/* Connects `peer` and puts it into the poller. Exits when it cannot. */
void peer_connect(struct peer *peer, size_t number, int poller, int port);
void peer_say(struct peer *peer, const char *text);
/* Sends {"type":...}; the state is IN when it was accepted. */
void peer_log_in(struct peer *peer, const char *name, bool is_register);
/* has_wanted becomes true when this text comes. */
void peer_want(struct peer *peer, const char *text);
/* Takes what is there. Exits when the server closed it. */
void peer_read(struct peer *peer);

#endif
