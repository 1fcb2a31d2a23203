/* SPDX-License-Identifier: MPL-2.0
 *
 * One batch of the persistence actor: what a transaction has to say once it is committed.
 *
 * Owns the answers (in order of their questions), the new messages as runs, the new consumers, and
 * the packed questions that have to be run again when the transaction was rolled back. Everything
 * lives in the batch's own memory until it was sent, which may be later than its commit: a batch
 * waits while sync-manager has not acknowledged enough of the ones before (persistence_outbox.c).
 *
 * Pure bookkeeping; sends nothing. For one thread.
 */
#ifndef ACTORS_PERSISTENCE_BATCH_H
#define ACTORS_PERSISTENCE_BATCH_H

#include "proto/messages.h"
#include "rt/arena.h"

struct batch_answer {
    uint8_t to;
    uint8_t kind;          /* MSG_STORE_DONE ... */
    uint8_t question_kind; /* MSG_STORE ... */
    uint64_t correlation;
    ProtobufCMessage *body; /* in the batch's arena */
    uint8_t *question;      /* packed; NULL: a STORE, which its sender sends again */
    size_t question_size;
};

struct batch {
    struct batch *next;
    struct arena arena;
    struct batch_answer *answers;
    size_t answer_count, answer_capacity;
    INTERNAL(Run) * runs;
    size_t run_count, run_capacity;
    ProtobufCBinaryData *topics; /* of the runs, as far as they were named; may be fewer */
    size_t topic_count, topic_capacity;
    INTERNAL(ConsumerRow) * consumers; /* their strings live in the arena */
    size_t consumer_count, consumer_capacity;
    int64_t *removed; /* ids of consumers that are no more */
    size_t removed_count, removed_capacity;
    INTERNAL(MemberLeft) * left;
    size_t left_count, left_capacity;
    bool is_acl_changed, is_acl_change_kept;                 /* kept: it is committed */
    size_t run_mark, consumer_mark, removed_mark, left_mark; /* those before are committed */
    uint64_t last_seq; /* newest message committed when this batch was */
    int64_t committed_ns;
};

struct batch *batch_new(void);
void batch_destroy(struct batch **batch);

/* Empty again; keeps some memory. */
void batch_clear(struct batch *batch);

/* In the batch's memory, zeroed. Running out of memory here is fatal. */
void *batch_alloc(struct batch *batch, size_t size);
ProtobufCBinaryData batch_bytes(struct batch *batch, const void *bytes, size_t size);

/* The answer lives until the next batch_add_answer. */
struct batch_answer *batch_add_answer(struct batch *batch);

/* Adds a committed-to-be message: lengthens the last run when it continues it. */
void batch_add_run(struct batch *batch, const INTERNAL(Run) * message);
/* The topic of the message added last. */
void batch_name_run(struct batch *batch, const void *topic, size_t size);

INTERNAL(ConsumerRow) * batch_add_consumer(struct batch *batch);

/* A consumer is no more: sync-manager is told, and an answer of this batch that has just opened it
 * becomes the refusal `err`. */
void batch_add_removed(struct batch *batch, int64_t consumer_id, enum err err);

/* The peer has no right to read this scope any more, because of `err`. */
void batch_add_left(struct batch *batch, int64_t scope_id, int64_t peer_id, enum err err);

/* The access list has changed. */
void batch_set_acl_changed(struct batch *batch);

/* Runs and consumers so far are committed; or those since are forgotten, after a rollback. */
void batch_keep_rows(struct batch *batch);
void batch_forget_rows(struct batch *batch);

/* Is there anything for APPENDED? */
bool batch_has_rows(const struct batch *batch);
/* APPENDED with pointers into the batch. False: there is nothing to tell. */
bool batch_appended(struct batch *batch, INTERNAL(Appended) * ret);

#endif
