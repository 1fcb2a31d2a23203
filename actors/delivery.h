/* SPDX-License-Identifier: MPL-2.0
 *
 * Who has to get which message when: the pure heart of the sync-manager.
 *
 * Owns: scopes with their shared logs, consumers with floor and open deliveries, attachments with
 * leases and credit, retries, expiry, fates, and what of it still has to be written. No I/O, no
 * messages, no clock: time comes in with each call, work goes out through delivery_take_...().
 *
 * The life of one message for one consumer, and the function that moves it:
 *
 *   delivery_append --> WAITING --take_fetch--> LEASED --settle ACK-------------> SETTLED
 *                        |   ^                   |  |---settle RELEASE, detach--> READY
 *         not_before yet |   |                   |  |---settle FAIL, lease over-> RETRY
 *         to come        v   | due               |  `---settle REJECT, spent----> DEAD
 *                     SCHEDULED (tick)           `--- settle EXTEND: stays
 *   RETRY --due (tick), attach--> READY --take_fetch--> LEASED
 *   WAITING, READY, RETRY, SCHEDULED --ttl (tick, take_fetch)--> EXPIRED
 *   WAITING, READY, RETRY, SCHEDULED --delivery_cancel---------> CANCELLED
 *   DEAD --delivery_redriven--> READY
 *
 * Promises
 *   - What can be delivered goes out in seq order: so first deliveries are in order, and what comes
 *     back goes before what was never delivered.
 *   - A message is leased to one attachment at a time; an expired one is never given out.
 *   - Whatever delivery_take_write() hands out leads to the same state after a restart: up to the
 *     floor all is accounted unless a row says otherwise, above it all is to be delivered unless a
 *     row says otherwise. A row and the floor that relies on it are in the same write.
 *   - Confirmations come out only after the write that holds what they confirm has committed.
 *
 * Ephemeral consumers (ids below 0) live in memory only. They have one attachment and are freed with
 * it, in whatever way it ends. They listen: nothing of them is written, what they settle is settled
 * at once, they bring no fates and keep no message from being cancelled; what they reject, or fail
 * too often, is dropped. One that gets too far behind (ephemeral_behind_max) ends with TOO_MANY, and
 * none begins further back than half of that: a scope's log is kept for its slowest consumer.
 *
 * A scope whose name is a pattern of topics ("sensors.*") has no messages: its log takes those of
 * the topics that match, of all of them in seq order, and everything else is as anywhere else.
 *
 * Time: wall_ms is Unix time and may jump; steady_ms starts as wall time and advances with the
 * monotonic clock. Leases and retries run on steady time. A message expires when both are past.
 *
 * Memory: one log entry of 24 bytes per message and scope (a message of a topic lies in the log of
 * each pattern it matches, too, where there are such consumers), however many consumers; one byte per
 * message between a consumer's floor and its last delivery (at most SPAN of them, see
 * delivery_state.h); one record per message that failed or is delayed.
 */
#ifndef ACTORS_DELIVERY_H
#define ACTORS_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backoff.h"
#include "proto/name.h"
#include "rt/err.h"

#define DELIVERY_FETCH_MAX   256  /* messages of one fetch */
#define DELIVERY_FETCHES_MAX 256  /* fetches under way, all attachments together */
#define DELIVERY_WRITES_MAX  8    /* writes under way */
#define DELIVERY_STALE_MAX   1000 /* stale numbers named in one answer */
#define DELIVERY_HANDLES_MAX 1024 /* handles a session may ever use */
#define DELIVERY_NEVER_MS    INT64_MAX

struct delivery;
struct consumer; /* opaque; valid until delivery_consumer_remove */

struct delivery_clock {
    int64_t wall_ms;
    int64_t steady_ms;
};

/* Zero means the default in brackets. */
struct delivery_options {
    struct backoff backoff;        /* [backoff_patient] when first_ms is 0 */
    uint32_t lease_ms;             /* [30,000] */
    uint32_t lease_ms_min;         /* [100] */
    uint32_t lease_ms_max;         /* [86,400,000] */
    uint32_t window_messages_max;  /* [8,192] deliveries not settled, per attachment */
    uint64_t window_bytes_max;     /* [32 MiB] the same in body bytes */
    uint64_t fetch_bytes_max;      /* [1 MiB] body bytes of one fetch */
    uint32_t write_rows_max;       /* [4,096] rows of one write */
    uint32_t write_interval_ms;    /* [0] between writes that nobody asked to be told of */
    uint32_t span_max;             /* [65,536] messages between floor and last delivery */
    uint32_t ephemeral_behind_max; /* [100,000] messages an ephemeral consumer may let wait */
    uint64_t seed;                 /* for jitter */
    /* Told of each settled delivery, but those of ephemeral consumers. May be NULL. */
    void (*on_settled)(void *context, uint64_t seq, int64_t enqueue_ms);
    void *context;
};

struct delivery *delivery_new(const struct delivery_options *options);
void delivery_destroy(struct delivery **delivery);

/* --- Scopes and consumers (delivery.c) */

enum delivery_scope_kind { /* the numbers of the schema */
                           DELIVERY_PEER = 1,
                           DELIVERY_ROOM = 2,
                           DELIVERY_QUEUE = 3,
                           DELIVERY_TOPIC = 4,
};

struct delivery_bytes {
    const void *data;
    size_t size;
};

struct delivery_consumer_spec {
    int64_t consumer_id; /* below 0: ephemeral, see above */
    int64_t scope_id;
    int64_t owner_id; /* of a mailbox: its peer */
    enum delivery_scope_kind kind;
    struct delivery_bytes scope_name;
    struct delivery_bytes name;
    struct delivery_bytes key; /* finds it again; unique, made by the caller */
    uint64_t floor_seq;
    bool is_new;       /* made just now: it has no rows and nothing of it was ever delivered */
    bool is_scope_new; /* made just now with its scope: there are no older messages */
};

/* Adds it, or finds it when known (floor and names are then left alone). It is ready at once when
 * the log covers its floor, else after the next load (see below). */
struct consumer *delivery_consumer_add(struct delivery *delivery,
                                       const struct delivery_consumer_spec *spec);
struct consumer *delivery_consumer_find(struct delivery *delivery, struct delivery_bytes key);
struct consumer *delivery_consumer_by_id(struct delivery *delivery, int64_t consumer_id);
/* No write will name it any more; its attachments are told NO_SUCH_CONSUMER. */
void delivery_consumer_stop(struct delivery *delivery, struct consumer *consumer,
                            const struct delivery_clock *clock);
void delivery_consumer_resume(struct delivery *delivery, struct consumer *consumer);
void delivery_consumer_remove(struct delivery *delivery, struct consumer *consumer);
/* It is no more, whatever it was doing; its attachments are told `code`. */
void delivery_consumer_drop(struct delivery *delivery, struct consumer *consumer, enum err code,
                            const struct delivery_clock *clock);
/* The attachments of this peer to a scope end and are told `code`, and ephemeral consumers with
 * them. */
void delivery_peer_left(struct delivery *delivery, int64_t scope_id, int64_t peer_id, enum err code,
                        const struct delivery_clock *clock);
bool delivery_consumer_is_ready(const struct consumer *consumer);

/* The most messages that wait for one of the consumers of a scope that has a row. False: there is none. */
bool delivery_scope_waiting(struct delivery *delivery, int64_t scope_id, uint64_t *ret);

struct delivery_view { /* for ATTACHED and INSPECT */
    int64_t consumer_id, scope_id, owner_id;
    enum delivery_scope_kind kind;
    struct delivery_bytes scope_name, name, attached_peer;
    uint64_t floor_seq, waiting, leased, retry, scheduled;
    int64_t next_due_ms;      /* wall clock; 0 = nothing is due later */
    uint64_t last_seq;        /* newest of the scope still in the log, 0 = none */
    int64_t attached_peer_id; /* 0 = nobody, or a gateway */
    bool is_attached, is_removing;
    bool is_pattern; /* then last_seq is not below the floor */
};
struct delivery_view delivery_view(struct delivery *delivery, const struct consumer *consumer,
                                   const struct delivery_clock *clock);
/* Where a message is in its life for a consumer, as far as it is still to be settled. */
enum delivery_standing {
    DELIVERY_IS_PENDING,
    DELIVERY_IS_LEASED,
    DELIVERY_IS_RETRY,
    DELIVERY_IS_SCHEDULED,
};
struct delivery_listed {
    uint64_t seq;
    uint32_t attempts; /* failures so far */
    int64_t due_ms;    /* wall clock; 0 = at once */
};
/* The lowest `max` above `after_seq`, ascending (delivery_list.c). Looks at every message of the
 * consumer with a row of its own. */
size_t delivery_list(const struct consumer *consumer, enum delivery_standing standing,
                     uint64_t after_seq, const struct delivery_clock *clock,
                     struct delivery_listed *ret_items, size_t max, bool *ret_has_more);
/* Consumers in order of adding; NULL: no more. For a scope (scope_id) or all (0). */
struct consumer *delivery_consumer_next(struct delivery *delivery, const struct consumer *after,
                                        int64_t scope_id);

/* --- Messages (delivery.c) */

struct delivery_run { /* consecutive seq, everything else alike */
    int64_t scope_id;
    uint64_t first_seq;
    uint32_t count;
    int64_t stored_ms, expires_ms, not_before_ms;
    uint32_t flags;              /* 1 wants DELIVERED, 2 READ, 4 EXPIRED and DEAD */
    struct delivery_bytes topic; /* its name; empty when there are no patterns, or it is no topic */
};

/* Committed just now; runs of one scope come in seq order. What was loaded already is skipped. */
void delivery_append(struct delivery *delivery, const struct delivery_run *run,
                     const struct delivery_clock *clock);
/* Everything up to here has been given to delivery_append. */
void delivery_appended_upto(struct delivery *delivery, uint64_t seq);
/* Patterns of topics that have consumers. While there are some, each run of a topic must name it. */
uint32_t delivery_pattern_count(const struct delivery *delivery);
/* The scope of this pattern, 0 = it has no consumer. */
int64_t delivery_pattern_scope(const struct delivery *delivery, struct delivery_bytes name);
/* While true delivery_append forgets what it gets: the first load reads it from the store. */
bool delivery_is_starting(const struct delivery *delivery);

/* --- Loading heads from the store (delivery_load.c): at start, and when a consumer begins below
 *     what its scope's log holds. One load at a time, in pages. */

struct delivery_row {
    uint64_t seq, last_seq;
    uint32_t state; /* enum delivery_state; 0 in a write: the row is no more */
    uint32_t attempts;
    uint32_t reason; /* public error code */
    int64_t due_ms;  /* wall clock */
    int64_t at_ms;
    char *text;     /* NULL = empty */
    uint32_t order; /* private */
};

enum delivery_state { /* the numbers of the schema */
                      DELIVERY_SETTLED = 1,
                      DELIVERY_RETRY = 2,
                      DELIVERY_SCHEDULED = 3,
                      DELIVERY_DEAD = 4,
                      DELIVERY_EXPIRED = 5,
                      DELIVERY_CANCELLED = 6,
};

/* Before the first load only: what the store says of messages of this consumer, in seq order. */
void delivery_load_row(struct delivery *delivery, int64_t consumer_id,
                       const struct delivery_row *row);
/* True: a load is needed and has begun (or goes on). */
bool delivery_load_begin(struct delivery *delivery);
/* Where the next page starts: heads with seq above this. */
uint64_t delivery_load_after(struct delivery *delivery);
void delivery_load_run(struct delivery *delivery, const struct delivery_run *run,
                       const struct delivery_clock *clock);
/* A page is read: everything up to `upto_seq` has been seen; `last_seq` was the newest committed
 * message then. True: the load is complete, and consumers became ready. */
bool delivery_load_page(struct delivery *delivery, uint64_t upto_seq, uint64_t last_seq,
                        bool is_end, const struct delivery_clock *clock);

/* --- Sessions and attachments (delivery_attach.c) */

struct delivery_address {
    uint64_t session;
    uint32_t gateway; /* actor id */
    uint32_t handle;
};

/* What the access list has to know of whoever attaches; not looked at here. */
struct delivery_rights {
    uint32_t role; /* of the account */
    bool is_verified, is_internal;
};

struct delivery_attach {
    struct delivery_address address;
    int64_t peer_id;
    struct delivery_bytes peer_name;
    struct delivery_rights rights;
    uint32_t lease_ms; /* 0 = default */
    uint64_t messages_total, bytes_total;
};

/* The consumer must be ready. ERR_ATTACHED_ALREADY, ERR_TOO_MANY, ERR_NO_SUCH_CONSUMER (going). */
MUST_USE enum err delivery_attach(struct delivery *delivery, struct consumer *consumer,
                                  const struct delivery_attach *attach,
                                  const struct delivery_clock *clock, uint32_t *ret_lease_ms,
                                  bool *ret_took_over);
/* False: no such attachment. Leases go back to ready, no attempt is counted. */
bool delivery_detach(struct delivery *delivery, struct delivery_address address,
                     const struct delivery_clock *clock);
void delivery_session_closed(struct delivery *delivery, uint32_t gateway, uint64_t session,
                             const struct delivery_clock *clock);
/* Absolute totals; lower or repeated ones change nothing. 0 bytes = no limit of bytes. */
bool delivery_credit(struct delivery *delivery, struct delivery_address address,
                     uint64_t messages_total, uint64_t bytes_total);

/* Every attachment is shown to `may_stay`; those that may not end and are told `code`. */
struct delivery_attached {
    struct delivery_bytes peer_name, scope_name;
    struct delivery_rights rights;
    uint32_t kind; /* of the scope */
};
typedef bool delivery_may_stay(void *context, const struct delivery_attached *attached);
void delivery_review(struct delivery *delivery, delivery_may_stay *may_stay, void *context,
                     enum err code, const struct delivery_clock *clock);
/* The account of this name has another role: that of its attachments too. */
void delivery_set_role(struct delivery *delivery, const struct name_folded *peer_name,
                       uint32_t role);

struct delivery_detached {
    struct delivery_address address;
    enum err code;
};
/* Attachments that ended from this side, to be told. False: none. */
bool delivery_take_detached(struct delivery *delivery, struct delivery_detached *ret);

/* --- Fetches (delivery_fetch.c) */

struct delivery_fetch {
    uint32_t slot; /* names it in the answer */
    struct delivery_address address;
    int64_t scope_id;              /* 0: of any topic that matches */
    struct delivery_bytes pattern; /* then this one; lives as long as the consumer */
    uint64_t first_no;
    uint64_t bytes_max;
    uint32_t count;
    bool has_attempts, has_redelivered; /* any attempt but the first; any true */
    uint64_t seqs[DELIVERY_FETCH_MAX];
    uint32_t attempts[DELIVERY_FETCH_MAX];
    int redelivered[DELIVERY_FETCH_MAX];
};

/* The next fetch to be made: leases and numbers are given with it. False: nothing to do now. */
bool delivery_take_fetch(struct delivery *delivery, const struct delivery_clock *clock,
                         struct delivery_fetch *ret);

struct delivery_fetched {
    uint32_t slot;
    uint32_t taken; /* of its messages; the rest go back and their numbers are used again */
    uint64_t body_bytes;
    const uint64_t *missing, *damaged; /* of those taken; ascending or not */
    size_t missing_count, damaged_count;
    bool has_failed; /* nothing was delivered; tried again after a pause */
};
void delivery_fetched(struct delivery *delivery, const struct delivery_fetched *fetched,
                      const struct delivery_clock *clock);
/* No answer came: what was delivered is unknown, so the attachment ends (TIMEOUT). */
void delivery_fetch_lost(struct delivery *delivery, uint32_t slot,
                         const struct delivery_clock *clock);

/* --- Settling (delivery_settle.c) */

enum delivery_outcome { /* the numbers of the public protocol */
                        DELIVERY_ACK = 1,
                        DELIVERY_RELEASE = 2,
                        DELIVERY_FAIL = 3,
                        DELIVERY_REJECT = 4,
                        DELIVERY_EXTEND = 5,
};

struct delivery_settle_range {
    uint64_t first_no, last_no; /* last 0 = first */
    enum delivery_outcome outcome;
    uint32_t delay_ms;
    const char *reason; /* at most 255 bytes; may be NULL */
};

/* The answer, if any, comes through delivery_take_done. */
void delivery_settle(struct delivery *delivery, struct delivery_address address,
                     uint64_t confirm_id, const struct delivery_settle_range *ranges,
                     size_t range_count, const struct delivery_clock *clock);

/* --- Calls of people (delivery_call.c) */

/* A question answered after the commit of what it changed. `kind` and `correlation` come back. */
struct delivery_question {
    uint64_t session, request_id, correlation;
    uint32_t gateway;
};
struct ticket;
struct ticket *delivery_call_begin(struct delivery *delivery,
                                   const struct delivery_question *question);
struct delivery_place {
    int64_t scope_id;
    uint64_t seq;
    struct delivery_bytes topic; /* as in a run */
};
/* ERR_TOO_LATE: leased, settled or ended somewhere; ERR_NO_SUCH_MESSAGE; ERR_BUSY: loading. */
enum err delivery_cancel(struct delivery *delivery, struct ticket *call,
                         const struct delivery_place *place, const struct delivery_clock *clock);
/* The answer may go out as soon as everything is written. */
void delivery_call_end(struct delivery *delivery, struct ticket *call, enum err code,
                       uint64_t count);
/* Dead letters that the store has made due again. */
void delivery_redriven(struct delivery *delivery, struct consumer *consumer,
                       const struct delivery_run *run, const struct delivery_clock *clock);

struct delivery_done {
    bool is_call;
    struct delivery_address address;   /* settle */
    uint64_t confirm_id;               /* settle; 0: only because something was stale */
    struct delivery_question question; /* call */
    enum err code;                     /* call */
    uint64_t count;                    /* call */
    const uint64_t *stale;             /* settle: numbers that were stale */
    size_t stale_count;
};
/* What may be answered now. `stale` lives until the next call of this function. */
bool delivery_take_done(struct delivery *delivery, struct delivery_done *ret);

/* --- Writes (delivery_write.c) */

struct delivery_change {
    int64_t consumer_id;
    uint64_t floor_seq;              /* 0 = unchanged */
    const struct delivery_row *rows; /* by seq, each seq once */
    size_t row_count;
};

struct delivery_fate {
    uint32_t level; /* enum delivery_level */
    uint32_t reason;
    int64_t scope_id; /* 0: of any topic, the consumer has a pattern */
    int64_t peer_id;
    const uint64_t *seqs;
    size_t seq_count;
};

enum delivery_level { /* receipt levels of the public protocol */
                      DELIVERY_LEVEL_DELIVERED = 1,
                      DELIVERY_LEVEL_EXPIRED = 3,
                      DELIVERY_LEVEL_DEAD = 4,
                      DELIVERY_LEVEL_CANCELLED = 5,
};

struct delivery_write { /* views live until delivery_written */
    uint32_t slot;
    const struct delivery_change *changes;
    size_t change_count;
    const struct delivery_fate *fates;
    size_t fate_count;
    const uint64_t *quarantine;
    size_t quarantine_count;
};

/* Collects what changed, of many consumers, into one write; at most one write per consumer and
 * DELIVERY_WRITES_MAX in all are under way. False: nothing to write now. */
bool delivery_take_write(struct delivery *delivery, const struct delivery_clock *clock,
                         struct delivery_write *ret);
/* It committed, or it did not: then everything in it is written again after a pause. */
void delivery_written(struct delivery *delivery, uint32_t slot, bool is_ok,
                      const struct delivery_clock *clock);
/* Nothing is left to be written, and no write is under way. */
bool delivery_is_written(const struct delivery *delivery);

/* --- Time (delivery_tick.c) */

/* When delivery_tick wants to be called, on the steady clock; DELIVERY_NEVER_MS = not at all. */
int64_t delivery_next_ms(const struct delivery *delivery);
void delivery_tick(struct delivery *delivery, const struct delivery_clock *clock);

struct delivery_counts { /* since the start */
    uint64_t delivered, redelivered, settled, retried, expired, dead, cancelled;
};
struct delivery_counts delivery_counts(const struct delivery *delivery);
/* Of all consumers, as of now; looks at each of them. */
void delivery_sum(const struct delivery *delivery, uint64_t *ret_waiting, uint64_t *ret_leased);

/* When the oldest message was stored that somebody should have had by now and has not settled, on the
 * steady clock; DELIVERY_NEVER_MS: there is none. Looks at every consumer, and every message of it
 * with a row of its own. */
int64_t delivery_oldest_ms(const struct delivery *delivery);

/* Checks every invariant that can be checked (CHECK); for tests. */
void delivery_check(const struct delivery *delivery);

#endif
