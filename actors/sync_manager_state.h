/* SPDX-License-Identifier: MPL-2.0
 *
 * The private state of sync-manager, shared by sync_manager*.c.
 *
 *   sync_manager.c          life, turns, timers, and the messages that need one line
 *   sync_manager_attach.c   ATTACH: from names to a ready consumer, over several answers
 *   sync_manager_ephemeral.c  consumers in memory only, and what commits remove
 *   sync_manager_load.c     LOAD_...: what the store knows, in pages
 *   sync_manager_out.c      what goes out after each turn: FETCH, CONSUMER_WRITE, answers, events
 *   sync_manager_call.c     CALL
 *   sync_manager_inspect.c  QUERY; sync_manager_list.c what of it is a list of deliveries
 *   sync_manager_acl.c      the access list; how much waits for a recipient
 */
#ifndef ACTORS_SYNC_MANAGER_STATE_H
#define ACTORS_SYNC_MANAGER_STATE_H

#include "access.h"
#include "acl.h"
#include "broker.pb-c.h"
#include "commit_marks.h"
#include "delivery.h"
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "rt/actor.h"
#include "rt/arena.h"
#include "rt/check.h"
#include "sync_manager.h"

#define SYNC_ATTACHES_MAX 4096 /* ATTACH not yet answered */
#define SYNC_OPENS_MAX    64   /* of these, asked of persistence */
#define SYNC_CALLS_MAX    64
#define SYNC_PATTERNS_MAX                                                                          \
    1024 /* of topics, with consumers: each may have a log of what it matches */
#define SYNC_APPENDED_ACK  16   /* acknowledged together; below PERSISTENCE_APPENDED_MAX */
#define SYNC_KEY_EPHEMERAL 0x40 /* with the kind: no name finds a consumer in memory only */
#define SYNC_KEY_MAX       (1 + NAME_FOLDED_BYTES_MAX + 1 + WIRE_NAME_BYTES_MAX)

#define SYNC_ASK_DEADLINE_MS   30000
#define SYNC_WRITE_DEADLINE_MS 60000 /* a slow disk is no reason to write twice */
#define SYNC_AGAIN_MS          100
#define SYNC_EVENT_AGAIN_MS    2
#define SYNC_GAUGES_MS         500 /* and never more than a hundredth of the time */

enum sync_timer { SYNC_TIMER_DUE, SYNC_TIMER_AGAIN, SYNC_TIMER_EVENTS, SYNC_TIMER_GAUGES };

/* Names an answer goes back to. */
struct sync_asker {
    uint64_t correlation;
    uint8_t from;
};

/* kind, folded scope name, NUL, stored consumer name: how a consumer is found. */
struct sync_key {
    size_t size;
    char bytes[SYNC_KEY_MAX];
};

enum attach_step {
    ATTACH_FREE,
    ATTACH_TO_OPEN, /* the consumer is not known here: persistence is to be asked */
    ATTACH_OPENING, /* it was asked */
    ATTACH_LOADING, /* known, but its scope is still being loaded */
};

struct sync_attach {
    enum attach_step step;
    enum err dropped; /* the session or the handle went away meanwhile: what to answer */
    struct sync_asker asker;
    struct delivery_attach ask; /* peer_name points into peer_name below */
    enum scope_prefix kind;
    uint32_t start;
    uint64_t start_value;
    bool must_exist, is_ephemeral, is_internal;
    bool is_outdated;     /* what persistence is about to answer may be of before its peer left */
    int64_t ephemeral_id; /* of the consumer made for it; 0 = none yet */
    struct sync_key key;
    size_t consumer_size, public_consumer_size, scope_size, peer_size;
    char consumer[WIRE_NAME_BYTES_MAX + 1]; /* as stored */
    char public_consumer[WIRE_NAME_BYTES_MAX + 1];
    char scope[WIRE_NAME_BYTES_MAX + 1];
    char peer_name[WIRE_NAME_BYTES_MAX + 1];
    uint32_t next; /* in the list of its step */
};

enum call_step { CALL_FREE, CALL_RESOLVING, CALL_CHANGING, CALL_REMOVING };

struct sync_call {
    enum call_step step;
    struct sync_asker asker;
    uint64_t session, request_id;
    uint32_t method;
    int64_t consumer_id;
    int64_t scope_id; /* 0: of any topic, the consumer has a pattern */
    bool is_purge;
    uint64_t count;
};

/* An event for a gateway whose mailbox was full. */
struct sync_event {
    struct sync_event *next;
    struct delivery_address address;
    uint64_t confirm_id;
    uint32_t code; /* DETACHED */
    bool is_settled;
    size_t stale_count;
    uint64_t stale[];
};

enum load_step { LOAD_CONSUMERS, LOAD_ROWS, LOAD_HEADS, LOAD_IDLE };

struct sync_manager {
    struct actor *actor;
    struct delivery *delivery;
    struct mono_time mono_start;
    int64_t wall_start_ms;
    uint32_t load_page;
    uint8_t room_gateway;

    enum load_step load_step;
    bool is_load_asked, is_load_late; /* a page is on its way; to be asked again by the timer */
    int64_t load_consumer_id;
    uint64_t load_seq;
    uint64_t appended_seq, appended_when_asked;
    uint32_t appended_count; /* APPENDED taken and not yet acknowledged */

    struct sync_attach *attaches;       /* SYNC_ATTACHES_MAX of them */
    uint32_t attach_count, attach_used; /* used: slots ever used */
    uint32_t open_count, to_open_count;

    struct sync_call calls[SYNC_CALLS_MAX];

    struct acl acl;
    bool is_daemon;   /* what people do is noted in the audit log */
    bool is_acl_here; /* else no ATTACH goes on */
    bool is_acl_asked, is_acl_old;
    const char *const *admins; /* need no rule */
    size_t admin_count;

    int64_t last_ephemeral_id; /* below 0, falling */
    int64_t *removed;          /* consumers removed by commits while consumers are loaded */
    size_t removed_count, removed_capacity;

    struct sync_event *events, **events_end;
    struct delivery_counts reported;
    uint64_t settled_told;     /* to persistence */
    struct commit_marks marks; /* for the time from commit to settling */
    int64_t gauges_pause_ms;
    bool are_gauges_new; /* set in this turn */
    struct arena arena;  /* for QUERY frames */
    bool is_stopping, is_stopped;
};

/* --- sync_manager_ephemeral.c */

/* What the consumer of an ATTACH is called that no other attachment has. */
void sync_ephemeral_name(struct sync_attach *attach);
/* The consumer of an ATTACH whose CONSUMER_OPENED named no row; NULL: its name is broken. */
struct consumer *sync_ephemeral_add(struct sync_manager *sync, struct sync_attach *attach,
                                    const INTERNAL(ConsumerRow) * row);
/* NULL: not made yet, or gone. */
struct consumer *sync_ephemeral_find(struct sync_manager *sync, const struct sync_attach *attach);
/* Nobody will be attached to it. */
void sync_ephemeral_refused(struct sync_manager *sync, struct sync_attach *attach);
/* Consumers removed by a commit, and what members that left had in memory. */
void sync_drop_consumers(struct sync_manager *sync, const INTERNAL(Appended) * appended);
/* While consumers are loaded: is this one no more? */
bool sync_was_removed(const struct sync_manager *sync, int64_t consumer_id);

struct delivery_clock sync_clock(const struct sync_manager *sync);
void sync_again(struct sync_manager *sync);

/* ERR_BAD_NAME, ERR_BAD_SCOPE. */
MUST_USE enum err sync_make_key(struct sync_key *key, uint32_t kind, ProtobufCBinaryData scope_name,
                                const void *consumer, size_t consumer_size);
static inline struct delivery_bytes sync_key_bytes(const struct sync_key *key)
{
    return (struct delivery_bytes){key->bytes, key->size};
}
/* NULL: its name is broken (logged). */
struct consumer *sync_add_consumer(struct sync_manager *sync, const INTERNAL(ConsumerRow) * row,
                                   bool is_new, bool is_scope_new);
/* topic: its name, where it has one that was asked for; else NULL or empty. */
struct delivery_run sync_run(const INTERNAL(Run) * run, const ProtobufCBinaryData *topic);

/* --- sync_manager_attach.c */
actor_handler sync_on_attach, sync_on_consumer_opened;
bool sync_attach_credit(struct sync_manager *sync, struct delivery_address address,
                        uint64_t messages_total, uint64_t bytes_total);
/* Those of one handle, or of a whole session (handle 0), are answered with `err` instead. */
void sync_attach_drop(struct sync_manager *sync, struct delivery_address address, enum err err);
/* Those of a peer that left this scope: they are refused, or their question is asked once more. */
void sync_attach_left(struct sync_manager *sync, int64_t scope_id, int64_t peer_id, enum err err);
/* Questions that could not be asked, and consumers that have become ready. */
void sync_attach_go_on(struct sync_manager *sync);
void sync_attach_no_answer(struct sync_manager *sync, uint64_t context);

/* --- sync_manager_acl.c */
MUST_USE enum err sync_check_acl(const struct sync_manager *sync, struct delivery_bytes peer,
                                 const struct delivery_rights *rights, enum acl_action action,
                                 const struct acl_scope *scope);
void sync_acl_go_on(struct sync_manager *sync);
void sync_acl_changed(struct sync_manager *sync);
void sync_acl_no_answer(struct sync_manager *sync);
actor_handler sync_on_acl_loaded, sync_on_account_changed, sync_on_waiting_count;

/* --- sync_manager_load.c */
actor_handler sync_on_consumers_loaded, sync_on_exceptions_loaded, sync_on_heads_loaded;
void sync_load_go_on(struct sync_manager *sync);
void sync_load_no_answer(struct sync_manager *sync);

/* --- sync_manager_out.c */
actor_handler sync_on_fetched, sync_on_consumer_written;
void sync_send_out(struct sync_manager *sync);
void sync_send_events(struct sync_manager *sync);
void sync_out_fini(struct sync_manager *sync);

/* --- sync_manager_call.c */
actor_handler sync_on_call, sync_on_resolved, sync_on_dead_changed, sync_on_consumer_removed;
void sync_call_no_answer(struct sync_manager *sync, uint8_t kind, uint64_t context);
void sync_answer_call(struct sync_manager *sync, const struct delivery_question *question,
                      enum err err, uint64_t count);

/* --- sync_manager_inspect.c */
actor_handler sync_on_query;

#endif
