/* SPDX-License-Identifier: MPL-2.0
 *
 * The sessions of one ROUTER: who hides behind which routing id, and for how long. Pure: no
 * sockets, no messages, time comes as an argument.
 *
 *                 zmq_session_add            zmq_session_open
 *     (unknown) ------------------> OPENING -----------------> OPEN
 *                                      |   zmq_session_close     |
 *                                      +---------> CLOSING <-----+
 *                                                     | zmq_session_remove
 *                                                  (unknown)
 *
 * A routing id leads to the one session of it that is OPENING or OPEN; a resume token to an OPEN
 * one. A session whose connection has ended is unplugged: its routing id leads nowhere any more, and
 * nothing is sent to it; it ends like any other that has gone silent, unless its peer resumes it. A CLOSING session is reachable by its number only and stays until what it left behind is
 * settled: SENDs that are on their way to disk, and actors still to be told.
 *
 * Owns: the sessions, their numbers, routing ids, tokens and heartbeat deadlines. Promises: never
 * more than `limit` sessions that are not CLOSING and as many that are; every operation is O(1)
 * or O(log n).
 * Leaves to others: what is said to whom (zmq_gateway.c), the publish arithmetic (zmq_book.h).
 */
#ifndef GATEWAYS_ZMQ_ZMQ_SESSION_H
#define GATEWAYS_ZMQ_ZMQ_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateways/address_book.h"
#include "gateways/zmq/zmq_book.h"
#include "gateways/zmq/zmq_budget.h"
#include "proto/limits.h"
#include "rt/clock.h"
#include "rt/err.h"
#include "rt/hash.h"
#include "rt/heap.h"

#define ZMQ_ROUTING_BYTES_MAX 255u

enum zmq_session_state { ZMQ_SESSION_OPENING, ZMQ_SESSION_OPEN, ZMQ_SESSION_CLOSING };

/* Membership in one of the lists below. */
struct zmq_link {
    struct zmq_session *prev, *next;
    bool is_linked;
};

/* OPENING: what HELLO said that comes later. Freed with the session. */
struct zmq_greeting {
    size_t display_name_size, address_size;
    uint8_t display_name[WIRE_DISPLAY_NAME_BYTES_MAX];
    char address[256];
};

struct zmq_stored_draft; /* what the next STORED will say; zmq_publish.c */

struct zmq_session {
    uint64_t id;
    enum zmq_session_state state;
    struct heap_node due; /* key: mono ns of the next look at its heartbeat */
    struct mono_time heard;
    struct zmq_link by_state; /* OPEN: those who want presence; CLOSING: all of them */
    struct zmq_book book;
    struct zmq_budget errors;       /* refusals it may still be told */
    struct zmq_stored_draft *draft; /* not NULL: a STORED is due at the end of the turn */
    struct zmq_session *draft_next;
    struct zmq_greeting *greeting; /* not NULL: HELLO waits for ACCOUNTS */
    int64_t peer_id;
    struct mono_time paused_until; /* it sent too much: nothing of it is taken before */
    struct address_key address;    /* as it is counted */
    uint64_t unread_bytes;         /* offered since the last proof that it reads */
    uint64_t unread_serial;        /* names the proof asked for; 0 = none is awaited */
    uint64_t unread_before_ask;
    uint64_t successor;     /* CLOSING: the session that replaces it, or 0 */
    uint32_t stores_queued; /* of book.frames_open: not yet passed on */
    uint16_t asks_open;     /* ATTACH and CALL waiting for their answers */
    uint16_t queries_open;
    uint32_t close_reason; /* public error code; 0 = goodbye */
    uint8_t untold;        /* CLOSING: bit set of enum zmq_told still to be told */
    bool wants_presence;
    bool is_resumed;
    bool is_seen;           /* heard since the registry was last told */
    bool wants_goodbye;     /* CLOSING: answer GOODBYE when the last SEND is answered */
    bool is_verified;       /* the peer has proved that the account is its own */
    uint8_t role;           /* of that account: enum Role; 0 = none */
    bool is_unplugged;      /* its connection is known to have ended */
    int descriptor;         /* of its connection, less than 0: not known */
    int arrival_descriptor; /* the same, as HELLO came by it; zmq_arrivals.h */
    uint64_t arrival;
    uint8_t routing_size;
    uint8_t name_size;
    uint8_t token[WIRE_TOKEN_BYTES];
    uint8_t routing[ZMQ_ROUTING_BYTES_MAX];
    char name[WIRE_NAME_BYTES_MAX]; /* of the peer, as stored */
    char key[WIRE_DEVICE_KEY_TEXT]; /* that its connection has proved; all zero: none */
};

enum zmq_told { ZMQ_TELL_PERSISTENCE = 1, ZMQ_TELL_SYNC = 2, ZMQ_TELL_REGISTRY = 4 };

struct zmq_list {
    struct zmq_session *head, *tail;
    size_t count;
};

struct zmq_sessions {
    struct hash by_routing;      /* OPENING, OPEN */
    struct hash by_token;        /* OPEN */
    struct u64map by_id;         /* all */
    struct u64map by_descriptor; /* of each connection the newest session, until it is removed */
    struct heap due;             /* OPENING, OPEN */
    struct zmq_list presence;    /* OPEN with wants_presence */
    struct zmq_list closing;
    size_t limit;
    size_t verified_count; /* OPEN ones with is_verified, which stays as it was then */
    uint64_t last_id;
    int64_t heartbeat_ms;
};

/* Numbers of sessions rise from first_id on. */
void zmq_sessions_init(struct zmq_sessions *sessions, size_t limit, int64_t heartbeat_ms,
                       uint64_t first_id);
void zmq_sessions_fini(struct zmq_sessions *sessions);

/* OPENING. An OPENING or OPEN session of the same routing id must have been closed. ERR_TOO_MANY:
 * the limit is reached; ERR_BUSY: no memory. */
MUST_USE enum err zmq_session_add(struct zmq_sessions *sessions, const void *routing, size_t size,
                                  struct mono_time now, struct zmq_session **ret);

/* NULL: unknown. */
struct zmq_session *zmq_session_of_routing(const struct zmq_sessions *sessions, const void *routing,
                                           size_t size);
struct zmq_session *zmq_session_of_id(const struct zmq_sessions *sessions, uint64_t id);
/* An OPEN session with this resume token that is one of this peer (names compared folded). */
struct zmq_session *zmq_session_of_token(const struct zmq_sessions *sessions, const void *token,
                                         size_t size, const void *name, size_t name_size);

/* The connection that its peer is behind, just now. An older session of the connection is unplugged.
 * ERR_BUSY: no memory. */
MUST_USE enum err zmq_session_plug(struct zmq_sessions *sessions, struct zmq_session *session,
                                   int descriptor);
/* The connection has ended. */
void zmq_sessions_unplug(struct zmq_sessions *sessions, int descriptor);

/* OPENING -> OPEN. ERR_BUSY: no memory. */
MUST_USE enum err zmq_session_open(struct zmq_sessions *sessions, struct zmq_session *session,
                                   const uint8_t token[WIRE_TOKEN_BYTES]);

/* -> CLOSING. `untold`: bit set of enum zmq_told. */
void zmq_session_close(struct zmq_sessions *sessions, struct zmq_session *session, uint32_t reason,
                       uint8_t untold);

/* Forgets a CLOSING session; session becomes NULL. Its draft must be gone. */
void zmq_session_remove(struct zmq_sessions *sessions, struct zmq_session **session);

/* Anything came from it. */
static inline void zmq_session_heard(struct zmq_session *session, struct mono_time now)
{
    session->heard = now;
    session->is_seen = true;
}

void zmq_session_want_presence(struct zmq_sessions *sessions, struct zmq_session *session,
                               bool wants);

/* MONO_NEVER when there is nothing to watch. */
struct mono_time zmq_sessions_next_due(const struct zmq_sessions *sessions);

enum zmq_due { ZMQ_DUE_NONE, ZMQ_DUE_SILENT, ZMQ_DUE_DEAD };

/* A session that has been silent for one heartbeat (asked at most once per heartbeat: say PING),
 * or for WIRE_HEARTBEATS_LOST of them (close it). Call until ZMQ_DUE_NONE. */
enum zmq_due zmq_sessions_take_due(struct zmq_sessions *sessions, struct mono_time now,
                                   struct zmq_session **ret);

/* Live ones: OPENING and OPEN. */
static inline size_t zmq_sessions_live(const struct zmq_sessions *sessions)
{
    return heap_count(&sessions->due);
}

#endif
