/* SPDX-License-Identifier: MPL-2.0
 *
 * A naive twin of actors/delivery.c for the model test: one state per consumer and message, found
 * by linear search, and a pretended disk that holds what was committed.
 *
 * The twin is told everything delivery is told, predicts what delivery hands out, and after a
 * crash says what must still be there. Slow and obvious on purpose.
 */
#ifndef TESTS_ACTORS_DELIVERY_MODEL_H
#define TESTS_ACTORS_DELIVERY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "delivery.h"

#define MODEL_MESSAGES  1500
#define MODEL_CONSUMERS 8
#define MODEL_SCOPES    6 /* 1 mailbox, 2 queue, 3 room, 4 to 6 topics */
#define MODEL_PATTERNS  3 /* scopes 7 to 9: consumers only */

struct model_message {
    uint64_t seq;
    int64_t scope_id;
    int64_t stored_ms, expires_ms, not_before_ms;
    int64_t enqueue_ms, due_ms; /* steady; of not_before */
    uint32_t flags;
    uint32_t fates;     /* bit set of levels committed */
    uint32_t fates_now; /* the same, in this life */
    bool is_missing;    /* its row was gone when it was to be delivered: nobody can be told */
};

enum model_state {
    M_NONE, /* not for this consumer */
    M_WAIT,
    M_READY,
    M_LEASED,
    M_RETRY,
    M_SCHEDULED,
    M_SETTLED,
    M_DEAD,
    M_EXPIRED,
    M_CANCELLED,
};

struct model_delivery { /* one message of one consumer */
    enum model_state state;
    uint32_t attempts;
    int64_t due_ms;      /* steady */
    int64_t redriven_ms; /* steady; 0: never */
    bool was_leased, is_swept, is_first;
    bool is_confirmed; /* SETTLED was answered */
    bool is_acked;     /* by its recipient, ever */
};

struct disk_row {
    struct delivery_row row; /* state 0: none */
};

struct model_consumer {
    bool exists, is_ephemeral; /* id below 0: in memory only, gone with its attachment */
    int64_t id, scope_id;
    enum delivery_scope_kind kind;
    struct consumer *consumer;
    struct model_delivery deliveries[MODEL_MESSAGES];
    /* on disk */
    uint64_t floor_seq;
    struct disk_row rows[MODEL_MESSAGES]; /* by index of the row's seq */
};

struct model {
    struct delivery_clock clock;
    struct backoff backoff;
    struct model_message messages[MODEL_MESSAGES];
    uint32_t message_count;
    struct model_consumer consumers[MODEL_CONSUMERS];
};

/* Fails the test, naming the seed and step. */
void model_fail(const char *what, uint64_t number);
#define MODEL_CHECK(condition)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            model_fail(#condition, (uint64_t)__LINE__);                                            \
    } while (0)

enum delivery_scope_kind model_kind(int64_t scope_id);
const char *model_scope_name(int64_t scope_id);
/* Does a consumer of this scope get messages of that one? */
bool model_reads(int64_t scope_id, int64_t message_scope_id);
bool model_is_expired(const struct model *model, const struct model_message *message);
/* Index of the message with this seq. */
uint32_t model_index(const struct model *model, uint64_t seq);
struct model_consumer *model_consumer(struct model *model, int64_t id);

void model_append(struct model *model, const struct delivery_run *run);
/* Appends to `indexes` the next messages this consumer gets, at most `max`, and leases them. */
uint32_t model_take(struct model *model, struct model_consumer *consumer, uint32_t count,
                    uint32_t *ret_indexes);
/* Could anything be delivered to it now? */
bool model_has_ready(const struct model *model, const struct model_consumer *consumer);
void model_release(struct model *model, struct model_consumer *consumer, uint32_t index);
/* Taken back before it was shown. */
void model_untake(struct model *model, struct model_consumer *consumer, uint32_t index);
void model_fail_delivery(struct model *model, struct model_consumer *consumer, uint32_t index,
                         uint32_t delay_ms);
void model_retry_at_once(struct model_consumer *consumer, uint32_t message_count);
void model_tick(struct model *model);

/* The disk. */
void model_commit(struct model *model, const struct delivery_change *change);
void model_commit_fate(struct model *model, const struct delivery_fate *fate);
/* Must this message be delivered, as the disk tells it? */
bool model_disk_is_open(const struct model *model, const struct model_consumer *consumer,
                        uint32_t index);
/* An ephemeral consumer is no more. */
void model_forget(struct model_consumer *consumer);
/* Everything in memory is gone: checks that nothing is lost, and starts anew from the disk. */
void model_crash(struct model *model);

#endif
