/* SPDX-License-Identifier: MPL-2.0
 *
 * libroost: asking the broker, and telling it things. Part of roost.h; include that.
 *
 * A query answers one page (roost_page_destroy when done). All wait up to timeout_ms for the answer
 * and ask again by themselves after a reconnect. ROOST_TIMEOUT, ROOST_BUSY (256 at once), or the
 * broker's refusal. Where a page has_more, ask again with after_seq or before_seq set to next_seq,
 * or after_name set to next_name. */
#ifndef ROOST_QUERY_H
#define ROOST_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "roost_error.h"
#include "roost_people.h" /* rooms, members, invitations, users ...: rows of pages */

#ifdef __cplusplus
extern "C" {
#endif

struct roost;
struct roost_message;
struct roost_presence_event;

struct roost_peer_address {
    const char *address;
    const char *source;
    uint64_t last_seen_ms;
};

struct roost_peer {
    const char *name;
    const char *display_name;
    const char *nickname; /* given by the user of this broker */
    const char *kind;     /* "zmq", "tcp", "ipmsg" ... */
    bool is_online;
    bool is_verified;
    uint64_t first_seen_ms;
    uint64_t last_seen_ms;
    uint64_t left_ms;
    uint64_t connections;
    const struct roost_peer_address *addresses; /* the one seen last first */
    size_t address_count;
    const char *label;     /* what to show: nickname, else display name, user, host, address */
    const char *host_name; /* this and the next six: as a peer of the local network says */
    const char *group;
    const char *version_token; /* of its program, "1_iptux 0.8.3" */
    const char *charset;
    const char *fingerprint; /* of its key, hexadecimal */
    uint32_t port;
    uint64_t capabilities;
    uint64_t transfers_ok;
    uint64_t transfers_failed;
    uint64_t transfer_bytes;
    uint64_t latency_ms; /* mean between sending and confirmation */
    bool is_relay;
    bool is_bootstrap;
    const char *avatar;
    const char *groups;       /* a JSON array, as imported */
    const char *source;       /* what it was imported from; "": seen */
    uint32_t reliability_ppm; /* 0 to 1,000,000 */
};

/* Of a conversation with a peer, or of a scope; the other string is "". */
struct roost_unread {
    const char *peer;
    const char *scope;
    uint64_t unread;
    uint64_t marker_seq; /* read up to here */
    uint64_t last_seq;
    uint64_t last_ms;
};

struct roost_consumer_info {
    const char *scope;
    const char *consumer;
    uint64_t floor_seq;
    uint64_t last_seq; /* newest message of the scope */
    uint64_t waiting;  /* ready, leased, in retry or scheduled */
    uint64_t leased;
    uint64_t retry;
    uint64_t scheduled;
    uint64_t dead;
    const char *attached_peer;
    uint64_t next_due_ms;
};

struct roost_dead_letter {
    const struct roost_message *message;
    const char *scope;
    const char *consumer;
    enum roost_error reason;
    const char *text;
    uint32_t attempts;
    uint64_t died_ms;
};

struct roost_trace_step {
    uint64_t time_ms;
    const char *event; /* "stored", "settled", "retry", "dead" ... */
    const char *scope;
    const char *consumer;
    const char *detail;
    enum roost_error reason;
};

struct roost_counter {
    const char *name;
    const char *actor;
    const char *unit;
    uint64_t value;
};

/* One page of results; only the lists that the query fills are not empty. */
struct roost_page {
    const struct roost_message *const *messages;
    size_t message_count;
    const struct roost_peer *peers;
    size_t peer_count;
    const struct roost_unread *unread;
    size_t unread_count;
    const struct roost_consumer_info *consumers;
    size_t consumer_count;
    const struct roost_dead_letter *dead;
    size_t dead_count;
    const struct roost_trace_step *steps;
    size_t step_count;
    const struct roost_counter *counters;
    size_t counter_count;
    const struct roost_presence_event *presence;
    size_t presence_count;
    bool has_more;
    uint64_t next_seq;
    const char *next_name;
    const struct roost_room *rooms;
    size_t room_count;
    const struct roost_member *members;
    size_t member_count;
    const struct roost_invitation *invitations;
    size_t invitation_count;
    const struct roost_user *users;
    size_t user_count;
    const struct roost_token_session *sessions;
    size_t session_count;
    const struct roost_audit_entry *audit;
    size_t audit_count;
    const struct roost_key *keys;
    size_t key_count;
    const struct roost_acl_rule *acl;
    size_t acl_count;
};

void roost_page_destroy(struct roost_page **page);

enum roost_query_kind {
    ROOST_QUERY_HISTORY = 1, /* messages of `peer` (conversation) or `scope` */
    ROOST_QUERY_BY_ID = 2,   /* messages by `message_ids` */
    ROOST_QUERY_UNREAD = 3,  /* of `peer`, `scope`, or of everything */
    ROOST_QUERY_PEERS = 4,   /* all, `online_only`, by IP `address`, or the one named `peer` */
    ROOST_QUERY_CONVERSATIONS = 5, /* mine: last message and unread count of each */
    ROOST_QUERY_INSPECT = 6,       /* consumers of `scope`, or of all */
    ROOST_QUERY_DEAD_LETTERS = 7,  /* of `scope` and `consumer` */
    ROOST_QUERY_TRACE = 8,         /* all that is known of the message in `message_ids` */
    ROOST_QUERY_STATS = 9,         /* counters of the broker */
    ROOST_QUERY_PRESENCE = 10,     /* what happened to `peer`, or to all */
    ROOST_QUERY_PEER_STATS = 11,   /* counters: total, online, offline, verified, unverified, lan */
    ROOST_QUERY_WARM_START =
        12,                   /* counters of the search for known peers: run, running, known ... */
    ROOST_QUERY_TABLES = 14,  /* counters: bytes of each table of the data file (administrators) */
    ROOST_QUERY_ROOMS = 16,   /* that I may see, by name; `online_only`: where I am a member */
    ROOST_QUERY_MEMBERS = 17, /* of `scope`, by name */
    ROOST_QUERY_INVITATIONS = 18, /* pending ones to me; `peer` = me: those I sent */
    ROOST_QUERY_SEARCH = 19,      /* messages with all words of `text`: see below */
    ROOST_QUERY_EDITS = 20,       /* earlier texts of the message in `message_ids`, oldest first */
    ROOST_QUERY_USERS = 21,       /* accounts, by name (administrators) */
    ROOST_QUERY_SESSIONS = 22,    /* my tokens; an administrator: those of `peer` */
    ROOST_QUERY_AUDIT = 23,       /* the audit log after after_seq (administrators) */
    ROOST_QUERY_KEYS = 24,        /* my device keys; an administrator: of `peer`, or all */
    ROOST_QUERY_ACL = 25,         /* rules of the access list after after_seq (administrators) */
    ROOST_QUERY_SYNC = 100,       /* everything of mine after after_seq, in order of storing */
};

/* SEARCH looks in `scope`, in the conversation with `peer`, or in everything you may read; best
 * first, or newest_first. Next page while has_more: with next_seq 0 raise `offset` by the messages
 * that came; otherwise before_seq = next_seq and offset 0. */
struct roost_query {
    enum roost_query_kind kind;
    const char *peer;
    const char *scope;
    const char *consumer;
    uint64_t after_seq;  /* seq > after, oldest first ... */
    uint64_t before_seq; /* ... or seq < before, newest first */
    uint32_t limit;      /* 50; at most 500 */
    uint32_t offset;
    uint64_t from_ms;           /* stored_ms >= from_ms */
    uint64_t to_ms;             /* stored_ms < to_ms */
    const uint8_t *message_ids; /* message_id_count times 16 bytes; at most 500 */
    size_t message_id_count;
    bool newest_first;
    bool online_only;
    const char *after_name;
    const char *text;    /* of SEARCH */
    const char *address; /* PEERS: an IP address; next page: raise `offset` by the rows that came */
};

ROOST_MUST_USE enum roost_error roost_query(struct roost *roost, const struct roost_query *query,
                                            int timeout_ms, struct roost_page **ret);

/* Short forms of the above. `peer` and `scope`: give one of them, the other NULL. */

/* The newest `limit` messages but `offset` of the conversation with a peer, newest first. */
ROOST_MUST_USE enum roost_error roost_conversation(struct roost *roost, const char *peer,
                                                   uint32_t limit, uint32_t offset, int timeout_ms,
                                                   struct roost_page **ret);

/* Everything of this peer's scopes after a seq: for programs that keep a copy. */
ROOST_MUST_USE enum roost_error roost_sync(struct roost *roost, uint64_t after_seq, uint32_t limit,
                                           int timeout_ms, struct roost_page **ret);

/* Unread messages in the conversation with `peer`, or in `scope`; with neither: of all. */
enum roost_error roost_unread_count(struct roost *roost, const char *peer, const char *scope,
                                    int timeout_ms, uint64_t *ret_count);

/* ------------------------------------------------------------------------------- calls
 *
 * A call changes something; ROOST_OK means done and on disk. All are safe to repeat; one that was
 * done and whose answer was lost may answer the second time that it was (ROOST_EXISTS,
 * ROOST_NAME_TAKEN, ROOST_NO_SUCH_INVITATION ...). */

enum roost_method {
    ROOST_METHOD_MARK_READ = 1,
    ROOST_METHOD_CANCEL = 2,
    ROOST_METHOD_DEAD_REDRIVE = 3,
    ROOST_METHOD_DEAD_PURGE = 4,
    ROOST_METHOD_PEER_REMOVE = 5,
    ROOST_METHOD_PEER_NICKNAME = 6,
    ROOST_METHOD_CONSUMER_REMOVE = 7,
    ROOST_METHOD_SCOPE_CREATE = 8,
    ROOST_METHOD_FLUSH_INDEX = 9,
    ROOST_METHOD_WARM_START_AGAIN = 10, /* nothing; seq of the answer: the run */

    /* Rooms: scope, and ... */
    ROOST_METHOD_ROOM_CREATE = 16,  /* the room fields; the caller becomes owner */
    ROOST_METHOD_ROOM_JOIN = 17,    /* password of a protected one; joining again is no error */
    ROOST_METHOD_ROOM_LEAVE = 18,   /* nothing */
    ROOST_METHOD_ROOM_UPDATE = 19,  /* the room fields to set, `clear` those to be emptied */
    ROOST_METHOD_ROOM_ARCHIVE = 20, /* nothing: it can be read, not written to any more */
    ROOST_METHOD_MEMBER_ROLE = 21,  /* peer, room_role: NONE removes, BANNED keeps out */

    ROOST_METHOD_INVITE = 24,         /* scope, peer, text */
    ROOST_METHOD_INVITE_ACCEPT = 25,  /* scope, invitation_id, all, or none of them: the newest */
    ROOST_METHOD_INVITE_DECLINE = 26, /* the same */
    ROOST_METHOD_INVITE_REVOKE = 27,  /* invitation_id, or scope and peer */

    /* Messages: one id in message_ids, and ... */
    ROOST_METHOD_MESSAGE_EDIT = 32,   /* body */
    ROOST_METHOD_MESSAGE_DELETE = 33, /* nothing: a tombstone stays */
    ROOST_METHOD_REACT = 34,          /* text: the emoji */
    ROOST_METHOD_UNREACT = 35,        /* the same */

    /* Accounts: peer, and ... */
    ROOST_METHOD_USER_REGISTER = 40, /* password */
    ROOST_METHOD_USER_PASSWORD = 41, /* password, text: the old one; no peer: one's own */
    ROOST_METHOD_USER_ROLE = 42,     /* role */
    ROOST_METHOD_USER_BAN = 43,      /* until_ms (0: for ever), text: the reason */
    ROOST_METHOD_USER_UNBAN = 44,    /* nothing */
    ROOST_METHOD_USER_ACTIVE = 45,   /* all: true to activate, false to deactivate */
    ROOST_METHOD_TOKEN_CREATE = 46,  /* no peer; text: a label, until_ms */
    ROOST_METHOD_SESSION_END = 47,   /* seq: its id, or all; an administrator: of peer */
    ROOST_METHOD_USER_UNLOCK = 48,   /* nothing: its failed logins are forgotten */
    ROOST_METHOD_KEY_ENROL = 49,     /* key, text: a label (administrators) */
    ROOST_METHOD_KEY_REVOKE = 50,    /* key, or seq: its id, or all of peer */
    ROOST_METHOD_KEY_CODE = 51,      /* text: a label, until_ms; the code is roost_reply.token */

    ROOST_METHOD_ACL_ALLOW = 56,  /* peer: the subject; text: the pattern of scopes; actions */
    ROOST_METHOD_ACL_DENY = 57,   /* the same */
    ROOST_METHOD_ACL_REMOVE = 58, /* seq: the id of the rule */
    ROOST_METHOD_ACL_TEST =
        59, /* peer, text: a scope, actions: one; count 1: allowed; seq: the rule */
};

/* Bits for roost_call.clear. */
#define ROOST_CLEAR_DISPLAY_NAME 1u
#define ROOST_CLEAR_TOPIC        2u
#define ROOST_CLEAR_DESCRIPTION  4u
#define ROOST_CLEAR_RETENTION    8u

struct roost_call {
    enum roost_method method;
    const char *peer;
    const char *scope;
    const char *consumer;
    uint64_t seq;
    const uint8_t *message_ids; /* message_id_count times 16 bytes; at most 500 */
    size_t message_id_count;
    bool all;
    const char *text;
    const void *body;
    size_t body_size;
    const char *password;         /* of a room, or the new one of an account */
    const uint8_t *invitation_id; /* 16 bytes */
    enum roost_room_role room_role;
    enum roost_role role;
    uint64_t until_ms;
    const char *display_name; /* the room fields: NULL is unchanged */
    const char *topic;
    const char *description;
    enum roost_privacy privacy;
    uint64_t retention_ms;
    uint32_t clear;   /* ROOST_CLEAR_... */
    const char *key;  /* public, Z85 */
    uint32_t actions; /* ROOST_ACL_... */
};

/* ret_count (may be NULL): how many things it touched. */
enum roost_error roost_call(struct roost *roost, const struct roost_call *call, int timeout_ms,
                            uint64_t *ret_count);

/* What came of a call; only what its method answers is set. */
struct roost_reply {
    uint64_t count;               /* how many things it touched */
    uint64_t seq;                 /* of the message it made */
    const uint8_t *message_id;    /* the same; 16 bytes, or NULL */
    const uint8_t *invitation_id; /* INVITE; 16 bytes, or NULL */
    const char *token;            /* TOKEN_CREATE, KEY_CODE: shown this once; "" otherwise */
    const char *const *scopes;    /* INVITE_ACCEPT: the rooms joined, oldest invitation first */
    size_t scope_count;
    uint32_t failed;  /* INVITE_ACCEPT with all: how many could not be accepted */
    const char *text; /* for people; "" mostly */
};

/* The same as roost_call, with all of the answer. *ret is yours until roost_reply_destroy.
 *
 *     struct roost_call call = {.method = ROOST_METHOD_INVITE, .scope = "room:kitchen",
 *                               .peer = "bob", .text = "dinner is ready"};
 *     struct roost_reply *reply;
 *     enum roost_error error = roost_call_reply(roost, &call, 5000, &reply);
 */
ROOST_MUST_USE enum roost_error roost_call_reply(struct roost *roost, const struct roost_call *call,
                                                 int timeout_ms, struct roost_reply **ret);

void roost_reply_destroy(struct roost_reply **reply);

/* The invitation in a message of kind ROOST_KIND_SYSTEM and content type
 * "application/x-roost-invitation": a page with that one row. ROOST_USAGE: it holds none. */
ROOST_MUST_USE enum roost_error roost_message_invitation(const struct roost_message *message,
                                                         struct roost_page **ret);

/* Everything of the conversation with `peer`, or of `scope`, up to `seq` is read. */
enum roost_error roost_mark_read(struct roost *roost, const char *peer, const char *scope,
                                 uint64_t seq, int timeout_ms);

/* Takes back an own message that nobody was shown yet. ROOST_TOO_LATE, ROOST_NO_SUCH_MESSAGE. */
enum roost_error roost_cancel(struct roost *roost, const uint8_t *message_id, int timeout_ms);

/* Dead letters of a scope's consumer: try again, or forget. message_ids NULL: all of them. */
enum roost_error roost_dead_redrive(struct roost *roost, const char *scope, const char *consumer,
                                    const uint8_t *message_ids, size_t message_id_count,
                                    int timeout_ms, uint64_t *ret_count);
enum roost_error roost_dead_purge(struct roost *roost, const char *scope, const char *consumer,
                                  const uint8_t *message_ids, size_t message_id_count,
                                  int timeout_ms, uint64_t *ret_count);

/* Creates a queue or topic where the broker does not create them by itself. */
enum roost_error roost_scope_create(struct roost *roost, const char *scope, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
