/* SPDX-License-Identifier: MPL-2.0
 *
 * The private structs of delivery_*.c. Included by nobody else but their tests.
 *
 * A consumer's view of its scope's log, by position:
 *
 *      log.first      base               cursor                  log.end
 *   ------|------------|-------------------|-----------------------|
 *      accounted for      window: a byte      never delivered; parts of it
 *      (asides: a row     per message         accounted for already (ahead)
 *      says otherwise)
 *
 * The floor on disk is the seq just before the base. A message leaves the scheme "one byte of
 * window" when a row of its own is needed (it failed, is delayed, or blocks the base too long): it
 * then is a struct aside, its byte is SLOT_GONE, and base and floor pass over it.
 *
 * Invariants
 *   I1  base <= cursor; slot of base (if base < cursor) is READY or LEASED.
 *   I2  Every LEASED slot or aside belongs to exactly one open lease of one attachment.
 *   I3  A message at or below the floor is settled, or has an aside with a row, or a terminal row.
 *   I4  A range of `ahead` lies at or behind the cursor; ranges ascend and do not touch.
 *   I5  An aside in state READY is in heap `ready`, in RETRY or SCHEDULED in heap `due`.
 */
#ifndef ACTORS_DELIVERY_STATE_H
#define ACTORS_DELIVERY_STATE_H

#include "delivery.h"
#include "delivery_log.h"
#include "rt/check.h"
#include "rt/hash.h"
#include "rt/heap.h"
#include "topic_tree.h"

#define WRITE_PAUSE_MS 100  /* after a write that failed */
#define FETCH_PAUSE_MS 100  /* after a fetch that failed */
#define SWEEP_GAP_MS   1000 /* between two sweeps of one scope */
#define LEASE_GAP_MS   50   /* between two scans of one attachment's leases */

/* No delivery is further than so many spans from the floor on disk: these may have been seen
 * before when the next run begins, all others surely not. */
#define UNWRITTEN_SPANS 2u

enum slot {
    SLOT_READY = 1, /* was leased before */
    SLOT_LEASED = 2,
    SLOT_SETTLED = 3,
    SLOT_GONE = 4, /* accounted for by an aside or a row */
};

enum aside_state { ASIDE_READY, ASIDE_LEASED, ASIDE_RETRY, ASIDE_SCHEDULED, ASIDE_STATES };

/* A message of one consumer with a row of its own. */
struct aside {
    uint64_t seq;
    int64_t expires_ms;
    int64_t enqueue_ms; /* steady */
    struct heap_node node;
    uint32_t attempts; /* failures so far */
    uint8_t flags;     /* enum entry_flag, stored ones */
    uint8_t state;     /* enum aside_state */
    bool was_seen;     /* delivered before */
    bool is_swept;     /* its time to live passed while it was leased */
};

/* A stretch behind the cursor that needs no delivery. */
struct ahead {
    uint64_t first, last; /* positions */
    bool is_settled;      /* else rows of their own say why */
};

struct settled_range { /* of seq, a row SETTLED on disk */
    uint64_t first, last;
};

struct fate {
    uint32_t level, reason;
    int64_t peer_id;
    uint64_t *seqs;
    uint32_t count, capacity;
};

/* What has to be written of one consumer. */
struct changes {
    struct delivery_row *rows; /* in order of happening; owns the texts */
    uint32_t row_count, row_capacity;
    struct fate *fates;
    uint32_t fate_count, fate_capacity;
    uint32_t fate_seqs; /* of all fates together */
    uint64_t *quarantine;
    uint32_t quarantine_count, quarantine_capacity;
    struct ticket **tickets;
    uint32_t ticket_count, ticket_capacity;
    /* In flight only: */
    uint64_t floor_seq; /* 0 = unchanged */
    uint64_t base;
    struct settled_range *settled; /* the SETTLED rows after the write */
    uint32_t settled_count;
    bool has_settled;
};

struct scope {
    int64_t id, owner_id;
    enum delivery_scope_kind kind;
    char *name;
    size_t name_size;
    struct log log;
    struct consumer *consumers; /* in order of adding */
    struct consumer *consumers_last;
    uint32_t consumer_count;
    struct attachment *attachments;
    uint64_t covered_after; /* where the log began; see scope_covered_after */
    struct heap_node sweep;
    bool is_loading; /* takes part in the load under way */
    uint64_t load_after, load_upto;
    struct log_entry *loaded; /* by seq */
    uint32_t loaded_count, loaded_capacity;
    bool has_rows;   /* some consumer has rows to be matched with heads */
    bool is_pattern; /* of topics, see delivery_patterns.c */
};

/* The patterns that a topic matches. */
struct pattern_list {
    uint32_t count;
    struct scope *scopes[];
};

struct loaded_row {
    struct delivery_row row;
    struct log_entry head; /* seq 0: not found yet */
    int64_t later_ms;
};

struct consumer {
    int64_t id;
    struct scope *scope;
    struct consumer *next; /* of the scope */
    struct consumer *all_previous, *all_next;
    char *name;
    size_t name_size;
    void *key;
    size_t key_size;
    bool is_ready, is_stopped, is_new;

    uint64_t floor_seq;     /* as of now */
    uint64_t floor_written; /* as committed */
    uint64_t start_seq;     /* floor it began with in this run; 0: unknown */
    uint64_t base, cursor;
    uint64_t base_written; /* where the base was when the floor on disk was taken */
    uint64_t ready_hint;   /* no READY slot below */
    uint64_t seen_before;  /* below: may have been delivered by an earlier run */
    uint8_t *slots;        /* ring; position p lies at p & (slot_capacity - 1) */
    uint32_t slot_capacity;
    uint32_t ready_count, leased_count; /* slots */

    struct ahead *ahead;
    uint32_t ahead_first, ahead_count, ahead_capacity; /* of the array; count includes first */
    uint64_t ahead_messages;

    struct u64map asides; /* seq -> struct aside */
    struct heap ready, due;
    uint32_t aside_counts[ASIDE_STATES];
    int64_t aside_expires_ms; /* not later than the earliest */
    struct heap_node timer;   /* due retries, asides that expire */

    struct attachment *attachments;
    uint32_t attachment_count;

    struct changes pending, inflight;
    struct settled_range *settled; /* rows SETTLED on disk */
    uint32_t settled_count;
    bool has_settled_changed;
    bool is_dirty;   /* something is not yet in a write */
    bool is_writing; /* a write of it is under way */
    bool is_queued;  /* in the queue of those to be written */
    struct consumer *dirty_next;

    struct loaded_row *rows; /* until ready */
    uint32_t row_count, row_capacity;
};

static inline bool consumer_is_ephemeral(const struct consumer *consumer)
{
    return consumer->id < 0;
}

enum lease_state {
    LEASE_NONE,
    LEASE_OPEN,
    LEASE_OVER,  /* ended by the broker */
    LEASE_ACKED, /* the rest: by this settle of the recipient */
    LEASE_RELEASED,
    LEASE_FAILED,
    LEASE_REJECTED,
};

struct lease {
    struct aside *aside; /* or NULL: the slot at position */
    uint64_t position;
    int64_t deadline_ms; /* steady */
    uint32_t bytes;      /* its share of the fetch */
    uint8_t state;       /* enum lease_state */
    bool is_first;       /* the first delivery of this message */
};

struct attachment {
    struct delivery_address address;
    struct consumer *consumer;
    struct session *session;
    int64_t peer_id;
    char *peer_name;
    size_t peer_name_size;
    struct delivery_rights rights;
    struct attachment *consumer_next, *scope_next, *scope_previous, *session_next;
    struct attachment *run_next, *run_previous;
    bool is_queued;

    uint32_t lease_ms;
    uint64_t messages_total, bytes_total, messages_taken, bytes_taken;
    struct lease *leases; /* ring; number n lies at n & (lease_capacity - 1) */
    uint32_t lease_capacity;
    uint64_t ring_first, next_no; /* numbers with a record */
    uint64_t lowest_open;         /* no open lease below */
    uint64_t unsettled_upto;      /* the highest number that left the ring without an ACK */
    uint32_t open_count;
    uint64_t open_bytes;
    struct heap_node lease_timer;

    bool is_fetching;
    uint32_t fetch_slot;
    uint64_t fetch_first;
    uint32_t fetch_count;
    int64_t fetch_not_before_ms;
};

struct failure {      /* why a delivery did not end well */
    uint32_t reason;  /* public error code */
    const char *text; /* may be NULL */
    uint32_t delay_ms;
};

struct former { /* a handle that was used: its numbers go on */
    uint32_t handle;
    uint64_t next_no;
};

struct session {
    uint64_t session;
    uint32_t gateway;
    struct attachment *attachments;
    struct former *formers;
    uint32_t former_count, former_capacity;
};

struct ticket {
    struct delivery_done done;
    uint64_t *stale;
    uint32_t stale_count, stale_capacity;
    uint32_t pending; /* consumers whose write it waits for; a call in the making counts as one */
    struct ticket *next;
};

struct write {
    bool is_used;
    struct consumer **consumers;
    uint32_t consumer_count, consumer_capacity;
    struct delivery_change *changes;
    uint32_t change_capacity;
    struct delivery_fate *fates;
    uint32_t fate_count, fate_capacity;
    uint64_t *quarantine;
    uint32_t quarantine_count, quarantine_capacity;
};

struct fetch_slot {
    struct attachment *attachment; /* NULL: it went away meanwhile */
    bool is_used;
};

struct delivery {
    struct delivery_options options;
    uint64_t random;
    struct u64map scopes, consumers; /* by id */
    struct topic_tree patterns;      /* folded name -> struct scope */
    struct u64map topics;            /* scope id -> struct pattern_list */
    bool are_topics_old;
    struct u64map told_seqs; /* expiries told of messages in several logs */
    uint64_t *told;          /* the same as a ring, 0 = free */
    uint32_t told_next;
    struct hash keys;        /* consumer key -> struct consumer */
    struct hash attachments; /* struct address_key -> struct attachment */
    struct hash sessions;    /* struct address_key with handle 0 -> struct session */
    struct consumer *all_first, *all_last;
    struct heap sweeps;       /* struct scope */
    struct heap timers;       /* struct consumer */
    struct heap lease_timers; /* struct attachment */

    struct attachment *run_first, *run_last;
    struct fetch_slot fetches[DELIVERY_FETCHES_MAX];
    uint32_t fetch_count;
    int64_t pause_until_ms; /* some attachment waits for this after a failed fetch; 0 = none */

    struct consumer *dirty_first, *dirty_last;
    struct write writes[DELIVERY_WRITES_MAX];
    uint32_t write_count;
    int64_t write_not_before_ms; /* after one that failed; 0: now */
    int64_t write_next_ms;       /* what nobody waits for is written together with what follows */
    bool has_hurry;              /* somebody waits for what is to be written */

    struct ticket *done_first, *done_last;
    struct ticket *handed_out; /* its views are alive */
    struct delivery_detached *detached;
    uint32_t detached_first, detached_count, detached_capacity;

    bool is_starting, is_load_running;
    uint64_t appended_upto;
    uint64_t load_position, load_target, load_low;
    uint32_t unready_count; /* consumers */
    uint64_t *wanted;       /* seqs below every floor whose heads rows need, ascending */
    uint32_t wanted_count, wanted_capacity;

    struct delivery_counts counts;
};

/* --- Arrays. No memory for what is committed already cannot be refused: CHECK. */
void *array_reserve(void *items, uint32_t *capacity, uint32_t needed, size_t item_size);
char *text_copy(const void *text, size_t size);

/* A scope without consumers is forgotten, unless a load still names it. */
void scope_free_empty(struct delivery *delivery, struct scope *scope);

/* --- Window, floor and cursor (delivery_window.c) */
static inline uint8_t window_slot(const struct consumer *consumer, uint64_t position)
{
    return consumer->slots[position & (consumer->slot_capacity - 1)];
}

static inline void window_set(struct consumer *consumer, uint64_t position, enum slot slot)
{
    consumer->slots[position & (consumer->slot_capacity - 1)] = (uint8_t)slot;
}

static inline bool window_has(const struct consumer *consumer, uint64_t position)
{
    return position >= consumer->base && position < consumer->cursor;
}

/* Where base and cursor stand after a load or at birth. */
void window_start(struct consumer *consumer, uint64_t position);
/* The cursor passes `count` messages, which get this slot. */
void window_extend(struct delivery *delivery, struct consumer *consumer, uint64_t count,
                   enum slot slot);
/* Moves the base over what is accounted for, and the floor with it. */
void window_advance(struct delivery *delivery, struct consumer *consumer);
/* A LEASED slot is READY again. */
void window_release(struct consumer *consumer, uint64_t position);
/* The only consumer of the scope has everything: its log gives back its memory. */
void window_restart(struct consumer *consumer);
/* The lowest READY slot; false: none. */
bool window_first_ready(struct consumer *consumer, uint64_t *ret_position);
/* Records [first, last] behind the cursor as accounted for. */
void window_mark_ahead(struct consumer *consumer, uint64_t first, uint64_t last, bool is_settled);
bool window_is_ahead(const struct consumer *consumer, uint64_t position);
/* Everything open below `position` gets a row of its own so that the base can pass. */
void window_set_aside(struct delivery *delivery, struct consumer *consumer, uint64_t position,
                      const struct delivery_clock *clock);
/* Brings the cursor to a message that can be delivered now, over what is accounted for, expired
 * or delayed; false: there is none. */
bool window_seek(struct delivery *delivery, struct consumer *consumer,
                 const struct delivery_clock *clock);

/* --- Messages with a row (delivery_aside.c) */
struct aside *aside_new(struct consumer *consumer, const struct log_entry *entry,
                        enum aside_state state);
struct aside *aside_find(const struct consumer *consumer, uint64_t seq);
void aside_set(struct consumer *consumer, struct aside *aside, enum aside_state state,
               int64_t due_ms);
void aside_free(struct consumer *consumer, struct aside *aside);
void aside_free_all(struct consumer *consumer);
/* Arms the consumer's timer by its earliest due or expiry. */
void consumer_arm(struct delivery *delivery, struct consumer *consumer);

#define CLOCKS_APART_MS 10

/* How far the wall clock has jumped. Both clocks are cut to milliseconds, so that they differ by one now
 * and then: a deadline that followed that would come a millisecond early. */
static inline int64_t jumped_ms(const struct delivery_clock *clock)
{
    int64_t offset_ms = clock->wall_ms - clock->steady_ms;
    bool is_equal = offset_ms >= -CLOCKS_APART_MS && offset_ms <= CLOCKS_APART_MS;
    return is_equal ? 0 : offset_ms;
}

/* Deadlines of the wall clock, as clients and rows have them, and of the steady one. */
static inline int64_t wall_of(const struct delivery_clock *clock, int64_t steady_ms)
{
    return steady_ms + jumped_ms(clock);
}

static inline int64_t steady_of(const struct delivery_clock *clock, int64_t wall_ms)
{
    return wall_ms - jumped_ms(clock);
}

static inline bool is_expired(int64_t expires_ms, const struct delivery_clock *clock)
{
    return expires_ms <= clock->wall_ms && expires_ms <= clock->steady_ms;
}

/* --- Attachments (delivery_attach.c, delivery_fetch.c) */
struct attachment *attachment_find(struct delivery *delivery, struct delivery_address address);
/* Ends it: leases go back, memory is freed, that of an ephemeral consumer too. code ERR_OK: nobody
 * is told. */
void attachment_end(struct delivery *delivery, struct attachment *attachment, enum err code,
                    const struct delivery_clock *clock);
void attachment_wake(struct delivery *delivery, struct attachment *attachment);
void consumer_wake(struct delivery *delivery, struct consumer *consumer);
void scope_wake(struct delivery *delivery, struct scope *scope);
bool consumer_has_ready(const struct consumer *consumer);

static inline struct lease *attachment_lease(const struct attachment *attachment, uint64_t no)
{
    return &attachment->leases[no & (attachment->lease_capacity - 1)];
}

/* Books a lease as ended. */
void lease_close(struct attachment *attachment, struct lease *lease, enum lease_state state);
void attachment_arm(struct delivery *delivery, struct attachment *attachment, int64_t when_ms);

/* --- Outcomes (delivery_settle.c). All of them take an open lease. */
void outcome_ack(struct delivery *delivery, struct attachment *attachment, struct lease *lease);
void outcome_release(struct delivery *delivery, struct attachment *attachment, struct lease *lease,
                     enum lease_state state, uint32_t delay_ms, const struct delivery_clock *clock);
void outcome_fail(struct delivery *delivery, struct attachment *attachment, struct lease *lease,
                  const struct failure *failure, const struct delivery_clock *clock);
void outcome_end(struct delivery *delivery, struct attachment *attachment, struct lease *lease,
                 enum delivery_state end, const struct failure *failure,
                 const struct delivery_clock *clock);
/* After some of them: the books of attachment and consumer, once. */
void outcomes_done(struct delivery *delivery, struct attachment *attachment);

/* --- Expiry (delivery_tick.c) */
void scope_arm(struct delivery *delivery, struct scope *scope, int64_t now_ms);
/* Positions [first, last] that are neither leased nor accounted for end as EXPIRED. */
void consumer_expire(struct delivery *delivery, struct consumer *consumer, uint64_t first,
                     uint64_t last, const struct delivery_clock *clock);
void aside_expire(struct delivery *delivery, struct consumer *consumer, struct aside *aside,
                  const struct delivery_clock *clock);

/* --- Patterns of topics (delivery_patterns.c) */
void patterns_init(struct delivery *delivery);
void patterns_fini(struct delivery *delivery);
/* A scope is born; it is_pattern when its name is one. */
void patterns_join(struct delivery *delivery, struct scope *scope);
void patterns_leave(struct delivery *delivery, const struct scope *scope);
const struct pattern_list *patterns_match(struct delivery *delivery, int64_t scope_id,
                                          struct delivery_bytes topic);
/* Has nobody been told of this expiry? Now he has. */
bool patterns_tell(struct delivery *delivery, uint64_t seq);

/* The patterns that take messages of this scope; NULL: none. The list lives until the next call,
 * also while patterns in it go. */
static inline const struct pattern_list *patterns_of(struct delivery *delivery, int64_t scope_id,
                                                     struct delivery_bytes topic)
{
    if (delivery->patterns.count == 0 || topic.size == 0)
        return NULL;
    const struct pattern_list *list = patterns_match(delivery, scope_id, topic);
    return list->count > 0 ? list : NULL;
}

/* --- Changes (delivery_write.c) */
void changes_fini(struct changes *changes);
/* Takes row->text, which must come from malloc. */
void change_row(struct delivery *delivery, struct consumer *consumer,
                const struct delivery_row *row);
void change_remove(struct delivery *delivery, struct consumer *consumer, uint64_t seq);
void change_fate(struct consumer *consumer, enum delivery_level level, uint32_t reason,
                 int64_t peer_id, uint64_t seq);
void change_quarantine(struct delivery *delivery, struct consumer *consumer, uint64_t seq);
void change_ticket(struct delivery *delivery, struct consumer *consumer, struct ticket *ticket);
void consumer_dirty(struct delivery *delivery, struct consumer *consumer);
struct ticket *ticket_new(void);
void ticket_unref(struct delivery *delivery, struct ticket *ticket);
void ticket_free(struct ticket *ticket);
void release_tickets(struct delivery *delivery, struct changes *changes);
void writes_forget(struct delivery *delivery, struct consumer *consumer);

/* --- Load (delivery_load.c) */
void consumer_load_fini(struct consumer *consumer);
void consumer_join_load(struct delivery *delivery, struct consumer *consumer);
/* Becomes ready when the log covers its floor. */
void consumer_try_ready(struct delivery *delivery, struct consumer *consumer,
                        const struct delivery_clock *clock);

#endif
