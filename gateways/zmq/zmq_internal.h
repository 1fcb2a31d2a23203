/* SPDX-License-Identifier: MPL-2.0
 *
 * The inside of the zmq-gateway: its state, and what its files call of each other.
 *
 *     zmq_gateway.c   the actor: life, turn, timers, stop; which frame goes to whom
 *     zmq_hello.c     sessions: HELLO to WELCOME, closing, heartbeats
 *     zmq_publish.c   SEND to STORED
 *     zmq_request.c   ATTACH, SETTLE, QUERY, CALL and their answers
 *     zmq_presence.c  PRESENCE
 *     zmq_say.c       frames to clients, and refusals
 *
 * Rule of memory: a session is freed in one place only, zmq_sweep_closing at the end of a turn. So
 * within a turn a pointer to a session stays good, whatever happens to the session.
 */
#ifndef GATEWAYS_ZMQ_ZMQ_INTERNAL_H
#define GATEWAYS_ZMQ_ZMQ_INTERNAL_H

#include "gateways/zmq/zmq_arrivals.h"
#include "gateways/zmq/zmq_budget.h"
#include "gateways/zmq/zmq_gateway.h"
#include "gateways/zmq/zmq_router.h"
#include "gateways/zmq/zmq_session.h"
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "proto/wire.h"
#include "rt/arena.h"
#include "rt/metrics.h"

#define ZMQ_STORES_MAX          2048  /* STORE questions open at once */
#define ZMQ_STORE_QUEUE_MAX     65536 /* SENDs of all sessions waiting to become one */
#define ZMQ_ASKS_MAX            1024  /* ATTACH, CALL, QUERY of all sessions */
#define ZMQ_ASKS_PER_SESSION    64    /* ATTACH and CALL */
#define ZMQ_QUERIES_PER_SESSION 16
#define ZMQ_OPENS_MAX           512 /* HELLOs waiting for ACCOUNTS or the registry */
#define ZMQ_ASK_DEADLINE_MS     15000
#define ZMQ_STORE_DEADLINE_MS   60000
#define ZMQ_BUSY_RETRY_MS       100 /* what a client is told to wait */

_Static_assert(ZMQ_STORES_MAX + ZMQ_ASKS_MAX + ZMQ_OPENS_MAX < ACTOR_ASKS_MAX,
               "the gateway never runs out of questions");

/* A question whose answer goes to a client. */
struct zmq_ask {
    uint64_t session;    /* 0: the slot is free */
    uint64_t request_id; /* of ATTACH: the handle */
    uint32_t free_next;
};

/* A SEND that waits for room in the persistence actor's mailbox. */
struct zmq_queued {
    struct zmq_queued *next;
    uint64_t session;
    uint64_t first_no;
    uint64_t bytes;
    uint32_t count;
    uint32_t epoch;
    zmq_msg_t frame;
};

struct zmq_gateway {
    struct actor *actor;
    const struct zmq_gateway_options *options;
    struct zmq_router router;
    struct zmq_sessions sessions;
    struct zmq_strangers strangers;
    struct address_book addresses;
    struct zmq_arrivals arrivals;
    struct zmq_book_limits book_limits;
    struct wire_reader reader;
    struct arena arena; /* of the frame in hand */
    bool is_all_admin;

    /* Reading. */
    bool is_reading;
    bool has_more;    /* the last look at the socket did not empty it */
    bool has_stalled; /* a frame that found the sync-manager's mailbox full */
    zmq_msg_t stalled_routing;
    zmq_msg_t stalled_frame;

    struct mono_time heartbeat_due; /* when they are looked at next */
    unsigned heartbeat_pauses;      /* in a row */
    unsigned arrival_pauses;        /* the same */

    /* Publishing. */
    struct zmq_queued *queue_head, *queue_tail;
    size_t queue_count;
    uint32_t stores_open;
    uint64_t bytes_open; /* sum over all books */
    struct arena drafts;
    struct zmq_session *drafts_head, *drafts_tail;

    /* Asking. */
    struct zmq_ask asks[ZMQ_ASKS_MAX];
    uint32_t asks_free;
    uint32_t asks_open;
    uint32_t opens_open;

    /* Presence events of this turn. */
    struct arena events;
    Roost__V1__PresenceEvent **event_list;
    size_t event_count;

    bool has_said_goodbye; /* stopping: every session was closed */
    struct mono_time stop_deadline;
};

enum zmq_timer {
    ZMQ_TIMER_HEARTBEAT,
    ZMQ_TIMER_SEEN,
    ZMQ_TIMER_RETRY, /* some mailbox was full */
    ZMQ_TIMER_STOP,
    ZMQ_TIMER_ARRIVALS, /* connections without a session */
};

/* A checked frame of an OPEN session. May move `frame` out. ERR_BUSY: not done, to be offered
 * again later. */
typedef enum err zmq_frame_handler(struct actor *actor, struct zmq_gateway *gateway,
                                   struct zmq_session *session, const struct wire_message *message,
                                   zmq_msg_t *frame);

/* --- zmq_gateway.c */

/* Something could not be passed on: comes back soon. */
void zmq_retry_soon(struct actor *actor);

/* Of the router: a connection was accepted, or has ended. */
zmq_accepted zmq_on_accepted;
zmq_lost zmq_on_lost;
/* The frame came with the key of the session, or neither has one. */
bool zmq_is_of_session(const struct zmq_gateway *gateway, const struct zmq_session *session,
                       zmq_msg_t *frame);

/* --- zmq_say.c */

/* Offers a frame; a session that cannot take it is closed. Closes `take_frame`. */
void zmq_offer(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
               zmq_msg_t *take_frame);
void zmq_say(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
             Roost__V1__Type type, const ProtobufCMessage *body);

struct zmq_refusal {
    enum err err;
    uint32_t code;    /* instead of err, when not 0 */
    const char *text; /* NULL: the sentence of the error */
    uint32_t type;    /* of the refused frame */
    uint64_t request_id;
    uint32_t retry_after_ms;
};

/* ERROR to whoever has this routing id, as far as its budget goes; counted in any case. `session`
 * may be NULL. */
void zmq_refuse(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                const void *routing, size_t size, const struct zmq_refusal *refusal);
/* NO_SESSION, on the same terms. */
void zmq_say_no_session(struct actor *actor, struct zmq_gateway *gateway, const void *routing,
                        size_t size);
/* ERROR without any budget: the answer to a HELLO that was taken. retry_after_ms 0: as usual. */
void zmq_refuse_hello(struct actor *actor, struct zmq_gateway *gateway,
                      const struct zmq_session *session, uint32_t code, const char *text,
                      uint32_t retry_after_ms);

enum err zmq_on_ping(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                     const struct wire_message *message, zmq_msg_t *frame);
enum err zmq_on_pong(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                     const struct wire_message *message, zmq_msg_t *frame);

/* --- zmq_hello.c */

/* `session`: the one that has this routing id, or NULL. */
void zmq_on_hello(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                  zmq_msg_t *routing, zmq_msg_t *frame, const Roost__V1__Hello *hello);
enum err zmq_on_goodbye(struct actor *actor, struct zmq_gateway *gateway,
                        struct zmq_session *session, const struct wire_message *message,
                        zmq_msg_t *frame);
actor_handler zmq_on_login_done;
actor_handler zmq_on_session_opened;
/* LOGIN or SESSION_OPEN had no answer. */
void zmq_session_open_timeout(struct actor *actor, struct zmq_gateway *gateway, uint8_t kind,
                              uint64_t session);

/* What its account is has changed. */
actor_handler zmq_on_account_changed;

/* Ends a session that is not CLOSING; reason: public error code, 0 = it said goodbye. */
void zmq_end_session(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                     uint32_t reason);
/* End of turn: tells the other actors of what was closed, and forgets it. */
void zmq_sweep_closing(struct actor *actor, struct zmq_gateway *gateway);
void zmq_check_heartbeats(struct actor *actor, struct zmq_gateway *gateway);
void zmq_tell_seen(struct actor *actor, struct zmq_gateway *gateway);
/* GOODBYE to everybody. */
void zmq_end_all(struct actor *actor, struct zmq_gateway *gateway);
/* Tells the other actors that all sessions are gone, as far as there is room, and nobody else. */
void zmq_disown_all(struct actor *actor, struct zmq_gateway *gateway);

/* --- zmq_publish.c */

void zmq_on_send(struct actor *actor, struct zmq_gateway *gateway, struct zmq_session *session,
                 zmq_msg_t *frame);
actor_handler zmq_on_store_done;
void zmq_store_timeout(struct actor *actor, struct zmq_gateway *gateway, uint64_t session);
/* Passes on what waits, as far as there is room. */
void zmq_drain_queue(struct actor *actor, struct zmq_gateway *gateway);
/* End of turn: one STORED per session that has news. */
void zmq_flush_stored(struct actor *actor, struct zmq_gateway *gateway);
void zmq_queue_fini(struct zmq_gateway *gateway);

/* --- zmq_request.c */

void zmq_asks_init(struct zmq_gateway *gateway);
/* By the role of its account, or because security.admins names it. */
bool zmq_is_admin(const struct zmq_gateway *gateway, const struct zmq_session *session);
zmq_frame_handler zmq_on_attach, zmq_on_detach, zmq_on_credit, zmq_on_settle, zmq_on_query,
    zmq_on_sync, zmq_on_call;
actor_handler zmq_on_attached, zmq_on_detached, zmq_on_settled, zmq_on_deliver_out,
    zmq_on_query_part, zmq_on_query_done, zmq_on_call_done;
void zmq_ask_timeout(struct actor *actor, struct zmq_gateway *gateway, uint8_t kind, uint64_t slot);

/* --- zmq_presence.c */

zmq_frame_handler zmq_on_presence;
actor_handler zmq_on_presence_changed;
void zmq_flush_presence(struct actor *actor, struct zmq_gateway *gateway);

#endif
