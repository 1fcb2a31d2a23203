/* SPDX-License-Identifier: MPL-2.0
 *
 * What a Lair Chat client says, once decrypted: the authentication request (a JSON object) and the
 * commands of section 5 of the protocol, in its order. Pure.
 */
#ifndef GATEWAYS_LAIR_LAIR_COMMAND_H
#define GATEWAYS_LAIR_LAIR_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

/* A view into the line. */
struct lair_text {
    const char *data;
    size_t size;
};

enum lair_command_kind {
    LAIR_CREATE_ROOM, /* first: name, trimmed, may be empty */
    LAIR_JOIN_ROOM,   /* the same */
    LAIR_LEAVE_ROOM,
    LAIR_LIST_ROOMS,
    LAIR_DM,      /* first: user, second: text */
    LAIR_INVITE,  /* first: user, second: room */
    LAIR_ACCEPT,  /* first: room, or empty: the newest */
    LAIR_DECLINE, /* the same */
    LAIR_LIST_INVITATIONS,
    LAIR_ACCEPT_ALL,
    LAIR_HELP,
    LAIR_USER_LIST,
    LAIR_EDIT,   /* first: message id, second: text */
    LAIR_DELETE, /* first: message id */
    LAIR_REACT,  /* first: message id, second: emoji */
    LAIR_UNREACT,
    LAIR_SEARCH,    /* first: query */
    LAIR_HISTORY,   /* number */
    LAIR_REPLY,     /* first: message id, second: text */
    LAIR_MARK_READ, /* first: message id */
    LAIR_CHAT,      /* first: the whole text */
    LAIR_IGNORED,   /* DM: and INVITE_USER: without a second colon: no answer at all */
};

struct lair_command {
    enum lair_command_kind kind;
    struct lair_text first, second;
    uint32_t number;
};

/* Every text is some command. Views into `text`. */
struct lair_command lair_command_parse(const char *text, size_t size);

/* A colon that must be there was not (EDIT, REACT, UNREACT, REPLY). */
bool lair_command_is_incomplete(const struct lair_command *command);

struct lair_auth {
    bool is_register;
    char *username, *password; /* NUL-terminated, freed by lair_auth_fini */
};

/* ERR_PROTOCOL: not such a request. */
MUST_USE enum err lair_auth_parse(const char *text, size_t size, struct lair_auth *ret);
void lair_auth_fini(struct lair_auth *auth);

#endif
