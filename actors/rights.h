/* SPDX-License-Identifier: MPL-2.0
 *
 * Who may do what in a room: one table of action x room role x account role x relation.
 *
 * Pure. Decided are rights only; whether a room exists, who is its last owner, or whether a message is
 * there is the caller's to know.
 *
 *     room role      what the table says; whoever has no role is no member, except that an open room
 *                    (the Lobby) lets everybody read and write
 *     account role   a moderator is at least moderator in every room, an administrator owner;
 *                    a guest may join and write, but not make rooms
 *     relation       to oneself (one's own message, membership, invitation) or to somebody else;
 *                    moderators moderate members and readers, not each other
 *
 * Nobody edits the words of somebody else.
 */
#ifndef ACTORS_RIGHTS_H
#define ACTORS_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"

/* The numbers of proto/wire/broker.proto. */
enum rights_room_role {
    RIGHTS_NO_MEMBER = 0,
    RIGHTS_OWNER = 1,
    RIGHTS_MODERATOR = 2,
    RIGHTS_MEMBER = 3,
    RIGHTS_READER = 4,
    RIGHTS_BANNED = 5,
};

enum rights_account_role {
    RIGHTS_UNVERIFIED = 0, /* no account */
    RIGHTS_GUEST = 1,
    RIGHTS_USER = 2,
    RIGHTS_ACCOUNT_MODERATOR = 3,
    RIGHTS_ADMIN = 4,
};

enum rights_privacy {
    RIGHTS_PUBLIC = 1,
    RIGHTS_PRIVATE = 2,
    RIGHTS_PROTECTED = 3,
    RIGHTS_OPEN = 4,
};

enum rights_action {
    RIGHTS_CREATE,  /* a room */
    RIGHTS_JOIN,    /* ... */
    RIGHTS_LEAVE,   /* ... */
    RIGHTS_READ,    /* its messages and its list of members; attach a consumer */
    RIGHTS_SEND,    /* messages */
    RIGHTS_EDIT,    /* a message; self: one's own */
    RIGHTS_DELETE,  /* a message */
    RIGHTS_REACT,   /* to a message */
    RIGHTS_TOPIC,   /* change the topic */
    RIGHTS_UPDATE,  /* change anything else of the room */
    RIGHTS_ARCHIVE, /* ... */
    RIGHTS_INVITE,  /* somebody */
    RIGHTS_REVOKE,  /* an invitation; self: one that he sent */
    RIGHTS_ROLE,    /* make a member owner, moderator, member or reader */
    RIGHTS_KICK,    /* ... */
    RIGHTS_BAN,     /* or lift a ban */
    RIGHTS_ACTION_COUNT
};

struct rights_who {
    enum rights_room_role role;
    enum rights_account_role account;
    bool is_self;                      /* relation to the message, member or invitation */
    enum rights_room_role target_role; /* KICK, BAN: of the other one */
    enum rights_privacy privacy;       /* of the room */
    bool is_archived;
    bool is_autocreate;  /* unverified peers may make and join rooms */
    bool has_invitation; /* JOIN: a pending one */
    bool has_password;   /* JOIN: was checked */
};

/* ERR_OK; ROOM_BANNED; NOT_MEMBER (joining would help); ROOM_ARCHIVED; NOT_ALLOWED. */
MUST_USE enum err rights_check(enum rights_action action, const struct rights_who *who);

/* What somebody is in a room, all considered. */
enum rights_room_role rights_effective_role(const struct rights_who *who);

#endif
