/* SPDX-License-Identifier: MPL-2.0
 *
 * See model.h. Nothing here is quick, and nothing is clever.
 */
#include "model.h"

#include <string.h>

#include "rt/check.h"
#include "store/conversation.h"

const struct model_message *model_find(const struct model *model, uint64_t seq)
{
    for (size_t i = 0; i < model->message_count; i++) {
        if (model->messages[i].seq == seq && !model->messages[i].is_removed)
            return &model->messages[i];
    }
    return NULL;
}

static bool is_on_page(const struct model_message *message, const struct message_page *page)
{
    return !message->is_removed && message->conversation == page->conversation &&
           message->seq > page->after_seq &&
           (page->before_seq == 0 || message->seq < page->before_seq) &&
           (page->from_ms == 0 || message->stored_ms >= page->from_ms) &&
           (page->to_ms == 0 || message->stored_ms <= page->to_ms);
}

void model_page(const struct model *model, const struct message_page *page,
                struct model_seqs *ret_seqs)
{
    uint32_t skipped = 0;
    ret_seqs->count = 0;
    for (size_t i = 0; i < model->message_count && ret_seqs->count < page->limit; i++) {
        size_t at = page->newest_first ? model->message_count - 1 - i : i;
        if (is_on_page(&model->messages[at], page) && skipped++ >= page->offset)
            ret_seqs->seqs[ret_seqs->count++] = model->messages[at].seq;
    }
}

static bool takes_part(const struct model_message *message, int64_t peer_id)
{
    if (message->sender_id == peer_id)
        return true;
    return message->conversation > 0 &&
           (message->conversation >> 31 == peer_id ||
            (message->conversation & CONVERSATION_PEER_ID_MAX) == peer_id);
}

void model_since(const struct model *model, int64_t peer_id, uint64_t after_seq, uint32_t limit,
                 struct model_seqs *ret_seqs)
{
    ret_seqs->count = 0;
    for (size_t i = 0; i < model->message_count && ret_seqs->count < limit; i++) {
        const struct model_message *message = &model->messages[i];
        if (!message->is_removed && message->seq > after_seq && takes_part(message, peer_id))
            ret_seqs->seqs[ret_seqs->count++] = message->seq;
    }
}

uint64_t model_unread(const struct model *model, int64_t conversation, int64_t reader_id,
                      uint64_t after_seq)
{
    uint64_t count = 0;
    for (size_t i = 0; i < model->message_count; i++) {
        const struct model_message *message = &model->messages[i];
        count += !message->is_removed && message->conversation == conversation &&
                 message->seq > after_seq && message->sender_id != reader_id && message->kind != 4;
    }
    return count;
}

uint64_t model_conversation_newest(const struct model *model, int64_t peer_id, int64_t conversation)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < model->message_count; i++) {
        const struct model_message *message = &model->messages[i];
        if (message->conversation == conversation && takes_part(message, peer_id))
            newest = message->seq;
    }
    return newest;
}

uint64_t model_scope_newest(const struct model *model, int64_t scope_id)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < model->message_count; i++) {
        if (model->messages[i].scope_id == scope_id)
            newest = model->messages[i].seq;
    }
    return newest;
}

static size_t find_exception(const struct model *model, int64_t consumer_id, uint64_t seq)
{
    size_t i = 0;
    while (i < model->exception_count &&
           (model->exceptions[i].consumer_id != consumer_id || model->exceptions[i].seq != seq))
        i++;
    return i;
}

void model_exception_put(struct model *model, const struct exception_row *row)
{
    size_t at = find_exception(model, row->consumer_id, row->seq);
    CHECK(at < MODEL_EXCEPTIONS_MAX);
    model->exceptions[at] = *row;
    if (at == model->exception_count)
        model->exception_count++;
}

static void remove_at(struct model *model, size_t at)
{
    model->exceptions[at] = model->exceptions[--model->exception_count];
}

void model_exception_remove(struct model *model, int64_t consumer_id, uint64_t seq)
{
    size_t at = find_exception(model, consumer_id, seq);
    if (at < model->exception_count)
        remove_at(model, at);
}

void model_exception_trim(struct model *model, int64_t consumer_id, uint64_t floor_seq)
{
    for (size_t i = model->exception_count; i-- > 0;) {
        const struct exception_row *row = &model->exceptions[i];
        if (row->consumer_id == consumer_id && row->state == EXCEPTION_SETTLED &&
            row->last_seq <= floor_seq)
            remove_at(model, i);
    }
}

static bool has_scope(const struct model *model, int64_t consumer_id, const bool *is_touched)
{
    for (int i = 0; i < MODEL_CONSUMERS; i++) {
        if (model->consumer_ids[i] != consumer_id)
            continue;
        for (int j = 0; j < MODEL_SCOPES; j++) {
            if (model->scope_ids[j] == model->consumer_scopes[i])
                return is_touched[j];
        }
    }
    return false;
}

uint64_t model_remove(struct model *model, int64_t stored_before_ms, int64_t expired_before_ms,
                      uint32_t rows_max)
{
    uint64_t removed = 0, upto = 0;
    bool is_touched[MODEL_SCOPES] = {false};
    for (size_t i = 0; i < model->message_count && removed < rows_max; i++) {
        struct model_message *message = &model->messages[i];
        if (message->is_removed)
            continue;
        if (message->seq >= model->last_seq || message->seq > model->indexed_seq ||
            message->stored_ms >= stored_before_ms || message->expires_ms >= expired_before_ms)
            break;
        message->is_removed = true;
        upto = message->seq;
        removed++;
        for (int j = 0; j < MODEL_SCOPES; j++)
            is_touched[j] |= model->scope_ids[j] == message->scope_id;
    }
    for (size_t i = model->exception_count; i-- > 0;) {
        const struct exception_row *row = &model->exceptions[i];
        if (row->last_seq <= upto && has_scope(model, row->consumer_id, is_touched))
            remove_at(model, i);
    }
    return removed;
}
