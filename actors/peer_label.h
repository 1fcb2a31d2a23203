/* SPDX-License-Identifier: MPL-2.0
 *
 * What a peer is called where people see it: the nickname the user gave it, else the name it
 * announces, else its user name, else its host, else its IP address.
 *
 * Pure. The user name of "lan:USER@HOST" is USER, without the "-FINGERPRINT" at its end; that of
 * any other peer is its name.
 */
#ifndef ACTORS_PEER_LABEL_H
#define ACTORS_PEER_LABEL_H

#include <stddef.h>

struct peer_label {
    const char *text; /* a view into one of the strings below */
    size_t size;
};

/* All terminated; "" where there is none. */
struct peer_names {
    const char *name, *nickname, *display_name, *host_name, *fingerprint, *ip;
};

struct peer_label peer_label(const struct peer_names *names);

#endif
