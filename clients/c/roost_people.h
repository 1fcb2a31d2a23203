/* SPDX-License-Identifier: MPL-2.0
 *
 * libroost: rooms, invitations, accounts, and what becomes of messages. Part of roost.h; include
 * that. These are the rows of pages (ROOST_QUERY_ROOMS ...); what changes them are calls
 * (ROOST_METHOD_ROOM_CREATE ...), both in roost_query.h. A room's messages are those of the scope
 * "room:NAME": send and attach to it like to any other.
 *
 * No pointer to a string is NULL. Fields are only added, at the end.
 */
#ifndef ROOST_PEOPLE_H
#define ROOST_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ROOST_ID_BYTES   16
#define ROOST_HASH_BYTES 32

/* Of an account. */
enum roost_role {
    ROOST_ROLE_NONE = 0, /* no account */
    ROOST_ROLE_GUEST = 1,
    ROOST_ROLE_USER = 2,
    ROOST_ROLE_MODERATOR = 3,
    ROOST_ROLE_ADMIN = 4,
};

enum roost_privacy {
    ROOST_PRIVACY_NONE = 0,      /* ROOM_CREATE: public; ROOM_UPDATE: unchanged */
    ROOST_PRIVACY_PUBLIC = 1,    /* everybody may join */
    ROOST_PRIVACY_PRIVATE = 2,   /* by invitation; not listed */
    ROOST_PRIVACY_PROTECTED = 3, /* with the password */
    ROOST_PRIVACY_OPEN = 4,      /* everybody reads and writes without joining */
};

/* Of a member of a room. */
enum roost_room_role {
    ROOST_ROOM_ROLE_NONE = 0, /* no member */
    ROOST_ROOM_ROLE_OWNER = 1,
    ROOST_ROOM_ROLE_MODERATOR = 2,
    ROOST_ROOM_ROLE_MEMBER = 3,
    ROOST_ROOM_ROLE_READER = 4,
    ROOST_ROOM_ROLE_BANNED = 5,
};

struct roost_room {
    const char *name;
    const char *display_name;
    const char *topic;
    const char *description;
    enum roost_privacy privacy;
    uint32_t members;
    enum roost_room_role my_role;
    uint64_t created_ms;
    const char *creator;
    uint64_t retention_ms; /* 0: as the broker is configured */
    bool is_archived;      /* nobody writes any more */
    uint64_t last_seq;
};

struct roost_member {
    const char *peer;
    enum roost_room_role role;
    uint64_t joined_ms;
    bool is_online;
};

enum roost_invitation_status {
    ROOST_INVITATION_PENDING = 1,
    ROOST_INVITATION_ACCEPTED = 2,
    ROOST_INVITATION_DECLINED = 3,
    ROOST_INVITATION_REVOKED = 4,
    ROOST_INVITATION_EXPIRED = 5,
};

struct roost_invitation {
    uint8_t invitation_id[ROOST_ID_BYTES];
    const char *scope; /* "room:NAME" */
    const char *inviter;
    const char *invitee;
    enum roost_invitation_status status;
    const char *text;
    uint64_t created_ms;
    uint64_t expires_ms;
    uint64_t responded_ms;
};

struct roost_user {
    const char *name;
    enum roost_role role;
    bool is_active;
    bool is_online;
    uint64_t banned_until_ms; /* 0: not banned */
    const char *ban_reason;
    uint64_t created_ms;
    uint64_t login_ms;
};

/* A token that was given out and not ended. */
struct roost_token_session {
    uint64_t id;
    const char *peer;
    const char *kind; /* "zmq", "lair" ... */
    const char *label;
    const char *address;
    uint64_t created_ms;
    uint64_t used_ms;
    uint64_t expires_ms;
};

/* A public key that proves who somebody is, or did until it was revoked. */
struct roost_key {
    uint64_t id;
    const char *peer;
    const char *key; /* Z85 */
    const char *label;
    uint64_t created_ms;
    uint64_t used_ms;    /* when a session was opened with it last; 0: never */
    uint64_t revoked_ms; /* 0: it is good */
};

struct roost_audit_entry {
    uint64_t id;
    uint64_t at_ms;
    const char *actor;
    const char *action;
    const char *target;
    const char *detail;
    uint8_t hash[ROOST_HASH_BYTES];
};

/* Bits of actions in the access list. */
#define ROOST_ACL_SEND         1u
#define ROOST_ACL_READ         2u
#define ROOST_ACL_CREATE       4u
#define ROOST_ACL_ADMINISTRATE 8u

struct roost_acl_rule {
    uint64_t id;
    const char *subject; /* the name of an account, "@group" or "*" */
    const char *scope;   /* pattern */
    uint32_t actions;    /* ROOST_ACL_... */
    bool is_allow;       /* false: it denies */
    uint64_t created_ms;
    const char *creator;
};

struct roost_reaction {
    const char *emoji;
    uint32_t count;
    bool is_mine;
};

#ifdef __cplusplus
}
#endif

#endif
