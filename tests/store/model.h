/* SPDX-License-Identifier: MPL-2.0
 *
 * The store as a person would write it who had no disk: arrays and loops. model_test.c holds the
 * real one against it.
 */
#ifndef TESTS_STORE_MODEL_H
#define TESTS_STORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "store/consumers.h"
#include "store/messages.h"

#define MODEL_PEERS          6
#define MODEL_SCOPES         (MODEL_PEERS + 2) /* a mailbox for each peer, a room and a queue */
#define MODEL_CONSUMERS      6
#define MODEL_MESSAGES_MAX   1500
#define MODEL_EXCEPTIONS_MAX 400

struct model_message {
    uint64_t seq;
    int64_t scope_id, sender_id, conversation, stored_ms, expires_ms;
    uint32_t kind;
    uint64_t checksum;
    uint8_t message_id[16];
    bool is_removed;
};

struct model {
    int64_t peer_ids[MODEL_PEERS], scope_ids[MODEL_SCOPES], consumer_ids[MODEL_CONSUMERS];
    int64_t consumer_scopes[MODEL_CONSUMERS];
    uint64_t floors[MODEL_CONSUMERS];
    struct model_message messages[MODEL_MESSAGES_MAX];
    size_t message_count;
    uint64_t last_seq, indexed_seq;
    int64_t now_ms;
    struct exception_row exceptions[MODEL_EXCEPTIONS_MAX];
    size_t exception_count;
    uint64_t markers[MODEL_PEERS][MODEL_PEERS];
};

struct model_seqs {
    uint64_t seqs[MODEL_MESSAGES_MAX];
    size_t count;
};

const struct model_message *model_find(const struct model *model, uint64_t seq);
void model_page(const struct model *model, const struct message_page *page,
                struct model_seqs *ret_seqs);
void model_since(const struct model *model, int64_t peer_id, uint64_t after_seq, uint32_t limit,
                 struct model_seqs *ret_seqs);
uint64_t model_unread(const struct model *model, int64_t conversation, int64_t reader_id,
                      uint64_t after_seq);
/* The newest message of the conversation that this peer wrote or got; 0: the peer has no part. */
uint64_t model_conversation_newest(const struct model *model, int64_t peer_id,
                                   int64_t conversation);
uint64_t model_scope_newest(const struct model *model, int64_t scope_id);
void model_exception_put(struct model *model, const struct exception_row *row);
void model_exception_remove(struct model *model, int64_t consumer_id, uint64_t seq);
void model_exception_trim(struct model *model, int64_t consumer_id, uint64_t floor_seq);
/* Like message_remove_slice; returns how many. */
uint64_t model_remove(struct model *model, int64_t stored_before_ms, int64_t expired_before_ms,
                      uint32_t rows_max);

#endif
