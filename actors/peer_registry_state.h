/* SPDX-License-Identifier: MPL-2.0
 *
 * What the files of the peer-registry actor share. Internal to actors/peer_registry*.c.
 *
 *     peer_registry.c           the class: sessions, timeouts, calls, loading at start
 *     peer_registry_peers.c     the peers in memory
 *     peer_registry_lan.c       how many peers of the local network there is room for
 *     peer_registry_changes.c   changes on their way to the store, and published after it
 *
 * In memory are the peers that are online or have something on its way; all others are only in the
 * store. So memory is bounded by the sessions of the gateways and the timeout.
 */
#ifndef ACTORS_PEER_REGISTRY_STATE_H
#define ACTORS_PEER_REGISTRY_STATE_H

#include "peer_registry.h"
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "proto/name.h"
#include "rt/arena.h"
#include "rt/hash.h"
#include "rt/heap.h"
#include "rt/metrics.h"

#define REGISTRY_PEERS_MAX       (1u << 20)
#define REGISTRY_SESSIONS_MAX    (1u << 20)
#define REGISTRY_SAVE_MAX        256  /* changes of one PEER_SAVE */
#define REGISTRY_CALLS_MAX       256  /* calls passed on and not yet answered */
#define REGISTRY_LAN_CHANGES_MAX 4    /* of one peer of the local network, not stored yet */
#define REGISTRY_POSTPONED_MAX   16   /* of one peer, while there is no room to store them */
#define REGISTRY_EVENTS_MAX      4096 /* published later, when a gateway's mailbox was full */

enum registry_timer {
    REGISTRY_TIMER_TIMEOUT,   /* somebody was not heard of for long */
    REGISTRY_TIMER_SAVE,      /* try to store again */
    REGISTRY_TIMER_POSTPONED, /* is there room for what was postponed? */
    REGISTRY_TIMER_PUBLISH,   /* try to publish again */
    REGISTRY_TIMER_LOAD,      /* ask history again */
};

/* What a peer of the local network says of itself. NULL, 0: nothing. */
struct announced {
    char *host_name, *group, *version_token, *charset, *fingerprint;
    uint32_t port;
    uint64_t capabilities;
};

struct peer {
    char *folded; /* key */
    char *name;   /* as given; after the first change was stored, as stored */
    char *display_name;
    int64_t id; /* 0: not known yet */
    unsigned session_count;
    unsigned change_count;    /* of both queues, that point here */
    unsigned postponed_count; /* of them in the queue of those that there was no room for */
    bool is_online;           /* after all changes that were given their event */
    bool is_seen_queued;
    bool is_lan;
    bool has_message;                /* one went to it or came from it, in this life of ours */
    bool is_kept;                    /* as persistence said last, or has_message */
    uint64_t session;                /* is_lan: the one it opened last ... */
    uint8_t gateway;                 /* ... and who said so */
    struct heap_node stale;          /* is_lan, not is_kept: when it was heard of, or earlier */
    INTERNAL(PeerMeasured) measured; /* since its last change */
    struct mono_time last_seen, last_written;
    struct heap_node timeout; /* deadline in ns; may lie too early */
};

enum change_kind {
    CHANGE_OPEN, /* a session */
    CHANGE_SEEN,
    CHANGE_LEFT, /* said goodbye in its last session */
    CHANGE_TIMEOUT,
    CHANGE_DROPPED, /* there is no room for it */
};

enum change_event { CHANGE_EVENT_NONE = 0, CHANGE_ONLINE = 1, CHANGE_OFFLINE = 2 };

/* One PeerChange in the making, stored or to be tried again. */
struct change {
    struct change *next;
    enum change_kind kind;
    struct peer *peer;
    int64_t seen_ms, left_ms, at_ms;
    bool has_event; /* decided */
    enum change_event event;

    /* CHANGE_OPEN: the question and what it said. */
    uint64_t session, correlation;
    uint8_t from;
    char *display_name, *peer_kind, *address;
    struct announced announced;
    bool is_again;    /* the session was open: only what it says of itself is new */
    bool is_answered; /* before it was stored: there is no room, but its peer has a row */

    INTERNAL(PeerMeasured) measured; /* of any kind of change */
};

struct change_queue { /* oldest first */
    struct change *head, **end;
};

struct presence_message { /* a PRESENCE_CHANGED that could not be sent yet */
    struct presence_message *next;
    uint8_t *packed;
    size_t size;
};

struct registry_call {
    uint64_t correlation;
    uint8_t from;
    bool is_used;
    bool is_removal;
    char *folded; /* of the peer to remove */
};

struct peer_registry {
    struct actor *actor;
    int64_t timeout_ms, write_interval_ms;
    struct mono_time mono_start;
    int64_t wall_start_ms;

    struct hash peers;      /* folded name -> struct peer */
    struct u64map sessions; /* session -> struct peer */
    struct heap timeouts;
    struct heap stale; /* of the local network and not kept: heard of first on top */
    uint8_t watcher;   /* told who comes and goes besides zmq-gateway; 0: nobody */
    uint32_t sessions_per_account;
    bool has_noted; /* in the audit log, that somebody had too many */
    struct mono_time noted;
    size_t lan_max, lan_count;

    bool is_loaded; /* history told who was online */
    char load_after[NAME_FOLDED_BYTES_MAX + 1];

    struct change_queue fresh, postponed; /* not tried yet; there was no room for them */
    struct change_queue *asked;           /* of which ... */
    unsigned in_flight;                   /* ... the first so many are with persistence */
    enum err postponed_err;               /* why */
    bool is_waiting;                      /* for REGISTRY_TIMER_SAVE */
    bool is_postponed_waiting;            /* for REGISTRY_TIMER_POSTPONED */
    struct arena arena;                   /* of the PEER_SAVE in the making */

    struct presence_message *events, **events_end;
    size_t event_count;

    struct registry_call calls[REGISTRY_CALLS_MAX];
};

/* --- peer_registry_peers.c */

/* Time that does not jump, on the scale of the wall clock at the start. */
int64_t registry_ms(const struct peer_registry *r, struct mono_time time);
struct mono_time registry_mono(const struct peer_registry *r, int64_t ms);
struct peer *registry_find(const struct peer_registry *r, const char *folded);
/* Finds or makes. NULL: no room. */
struct peer *registry_peer(struct peer_registry *r, ProtobufCBinaryData name,
                           const struct name_folded *folded);
/* Forgets a peer that is offline and has nothing on its way; keeps any other. */
void registry_forget(struct peer_registry *r, struct peer *peer);
/* Frees all, at the end. */
void registry_peers_fini(struct peer_registry *r);
/* Heard of now. */
void registry_saw(struct peer_registry *r, struct peer *peer);
/* Will be looked at when its timeout is over. */
void registry_watch_timeout(struct peer_registry *r, struct peer *peer);
void registry_arm_timeout(struct peer_registry *r);
/* A terminated copy; NULL when there is no memory. */
char *registry_copy(ProtobufCBinaryData bytes);

/* --- peer_registry_lan.c */

/* Before a peer of the local network is made. BUSY: too many are on their way to the store. */
MUST_USE enum err registry_make_lan_room(struct peer_registry *r);
/* It may have to go, or not, by what is known of it now. */
void registry_watch_stale(struct peer_registry *r, struct peer *peer);
/* Its session is over, and its gateway is told. */
void registry_drop_session(struct peer_registry *r, struct peer *peer, enum err why);

/* --- peer_registry_changes.c */

/* At the end of the queue. NULL: no memory (then nothing is changed). */
struct change *registry_add_change(struct peer_registry *r, enum change_kind kind,
                                   struct peer *peer);
void registry_changes_init(struct peer_registry *r);
/* Sends what is in the queues to persistence, unless it has some already. */
void registry_save(struct peer_registry *r);
enum err registry_on_peer_saved(struct actor *actor, void *state, const struct msg *msg);
/* The PEER_SAVE on its way got no answer. */
void registry_save_again(struct peer_registry *r);
void registry_publish_waiting(struct peer_registry *r);
enum err registry_on_peer_measured(struct actor *actor, void *state, const struct msg *msg);
void registry_changes_fini(struct peer_registry *r);

#endif
