/* SPDX-License-Identifier: MPL-2.0
 *
 * History: pages of a conversation, what is unread, what a peer missed, which conversations it has.
 *
 * Every look-up has two parts: the deferred table up to indexed_seq, and the log itself above it.
 * indexed_seq is taken first and bounds both, so that nothing is seen twice and nothing falls
 * between them even when the table grows meanwhile.
 */
#include <stdlib.h>

#include "rt/check.h"
#include "store/message_rows.h"
#include "store/messages.h"
#include "store/store_internal.h"

#define SINCE_SEQS_MAX   1024
#define SINCE_WINDOW_MIN 512 /* first guess of how many seqs hold one page of a peer */

/* A page as both of its parts need it. */
struct walk {
    int64_t conversation;
    uint64_t after_seq, before_seq;
    int64_t from_ms, to_ms;
    uint64_t skip, limit; /* what is left of them */
    message_visit *visit;
    void *context;
};

static int64_t seq_value(uint64_t seq)
{
    return seq > INT64_MAX ? INT64_MAX : (int64_t)seq;
}

static enum err walk_part(struct store *store, enum statement id, struct walk *walk,
                          uint64_t after_seq, uint64_t before_seq)
{
    if (walk->limit == 0 || (before_seq > 0 && after_seq >= before_seq - 1))
        return ERR_OK;
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, id, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt,
                        INTS(walk->conversation, seq_value(after_seq), seq_value(before_seq),
                             walk->from_ms, walk->to_ms, (int64_t)(walk->skip + walk->limit)));
    return message_rows_visit(store, stmt, &walk->skip, &walk->limit, walk->visit, walk->context);
}

static uint64_t lower(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

static uint64_t higher(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

static enum err walk_indexed(struct store *store, enum statement id, struct walk *walk,
                             uint64_t indexed_seq)
{
    return walk_part(store, id, walk, walk->after_seq, lower(walk->before_seq, indexed_seq + 1));
}

static enum err walk_tail(struct store *store, enum statement id, struct walk *walk,
                          uint64_t indexed_seq)
{
    return walk_part(store, id, walk, higher(walk->after_seq, indexed_seq), walk->before_seq);
}

enum err message_read_conversation(struct store *store, const struct message_page *page,
                                   message_visit *visit, void *context)
{
    struct walk walk = {
        .conversation = page->conversation,
        .after_seq = page->after_seq,
        .before_seq = page->before_seq ? page->before_seq : INT64_MAX,
        .from_ms = page->from_ms ? page->from_ms : INT64_MIN,
        .to_ms = page->to_ms ? page->to_ms : INT64_MAX,
        .skip = page->offset,
        .limit = page->limit,
        .visit = visit,
        .context = context,
    };
    uint64_t indexed_seq = 0;
    enum err err = store_indexed_seq(store, &indexed_seq);
    if (err != ERR_OK)
        return err;
    if (page->newest_first) {
        err = walk_tail(store, STATEMENT_conversation_tail_down, &walk, indexed_seq);
        if (err == ERR_OK)
            err = walk_indexed(store, STATEMENT_conversation_down, &walk, indexed_seq);
    } else {
        err = walk_indexed(store, STATEMENT_conversation_up, &walk, indexed_seq);
        if (err == ERR_OK)
            err = walk_tail(store, STATEMENT_conversation_tail_up, &walk, indexed_seq);
    }
    return err;
}

enum err message_count_unread(struct store *store, int64_t conversation, int64_t reader_id,
                              uint64_t after_seq, uint64_t *ret_count)
{
    uint64_t indexed_seq = 0;
    int64_t indexed = 0, tail = 0;
    enum err err = store_indexed_seq(store, &indexed_seq);
    if (err == ERR_OK)
        err = statement_query_ints(
            store, STATEMENT_conversation_unread,
            INTS(conversation, seq_value(after_seq), (int64_t)indexed_seq, reader_id), &indexed,
            NULL);
    if (err == ERR_OK)
        err = statement_query_ints(
            store, STATEMENT_conversation_unread_tail,
            INTS(conversation, seq_value(higher(after_seq, indexed_seq)), reader_id), &tail, NULL);
    if (err == ERR_OK)
        *ret_count = (uint64_t)(indexed + tail);
    return err;
}

/* Whose messages, and which page of them. */
struct since {
    int64_t peer_id;
    uint64_t after_seq;
    bool has_rooms;
};

static enum err since_seqs(struct store *store, const struct since *since, uint64_t last_seq,
                           size_t limit, uint64_t *ret_seqs, size_t *ret_count)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_peer_since, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(since->peer_id, seq_value(since->after_seq), seq_value(last_seq),
                                   since->has_rooms, (int64_t)limit));
    size_t count = 0;
    bool has_row = false;
    while (count < limit && (err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row)
        ret_seqs[count++] = (uint64_t)sqlite3_column_int64(stmt, 0);
    if (err == ERR_OK)
        *ret_count = count;
    return statement_close(stmt, err);
}

/* The statement sorts what all conversations have in a range of seqs. Without a bound a page would
 * cost as much as everything after it; so the range starts small and doubles until the page is full
 * or the end is reached. */
static enum err since_page(struct store *store, const struct since *since, uint64_t indexed_seq,
                           size_t limit, uint64_t *ret_seqs, size_t *ret_count)
{
    enum err err = ERR_OK;
    size_t count = 0;
    uint64_t window = SINCE_WINDOW_MIN;
    for (bool is_end = false; err == ERR_OK && count < limit && !is_end; window *= 2) {
        is_end = since->after_seq + window >= indexed_seq;
        uint64_t last_seq = is_end ? indexed_seq : since->after_seq + window;
        err = since_seqs(store, since, last_seq, limit, ret_seqs, &count);
    }
    if (err == ERR_OK)
        *ret_count = count;
    return err;
}

static enum err read_since_indexed(struct store *store, struct since since, uint64_t indexed_seq,
                                   uint64_t *inout_limit, message_visit *visit, void *context)
{
    uint64_t seqs[SINCE_SEQS_MAX];
    enum err err = ERR_OK;
    while (err == ERR_OK && *inout_limit > 0 && since.after_seq < indexed_seq) {
        size_t count = 0;
        size_t wanted = (size_t)lower(*inout_limit, SINCE_SEQS_MAX);
        err = since_page(store, &since, indexed_seq, wanted, seqs, &count);
        if (err == ERR_OK)
            err = message_read(store, 0, seqs, count, visit, context);
        *inout_limit -= count;
        since.after_seq = count == wanted ? seqs[count - 1] : indexed_seq;
    }
    return err;
}

static enum err read_since(struct store *store, const struct since *since, uint32_t limit,
                           message_visit *visit, void *context)
{
    uint64_t indexed_seq = 0, left = limit, skip = 0;
    enum err err = store_indexed_seq(store, &indexed_seq);
    if (err == ERR_OK)
        err = read_since_indexed(store, *since, indexed_seq, &left, visit, context);
    if (err != ERR_OK || left == 0)
        return err;
    sqlite3_stmt *stmt;
    err = statement_open(store, STATEMENT_peer_since_tail, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(since->peer_id, seq_value(higher(since->after_seq, indexed_seq)),
                                   since->has_rooms, (int64_t)left));
    return message_rows_visit(store, stmt, &skip, &left, visit, context);
}

enum err message_read_since(struct store *store, int64_t peer_id, uint64_t after_seq,
                            uint32_t limit, message_visit *visit, void *context)
{
    return read_since(store, &(struct since){peer_id, after_seq, false}, limit, visit, context);
}

enum err message_read_sync(struct store *store, int64_t peer_id, uint64_t after_seq, uint32_t limit,
                           message_visit *visit, void *context)
{
    return read_since(store, &(struct since){peer_id, after_seq, true}, limit, visit, context);
}

enum err conversation_list(struct store *store, int64_t peer_id, uint32_t limit,
                           conversation_visit *visit, void *context)
{
    uint64_t indexed_seq = 0;
    sqlite3_stmt *stmt;
    enum err err = store_indexed_seq(store, &indexed_seq);
    if (err == ERR_OK)
        err = statement_open(store, STATEMENT_peer_conversations, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(peer_id, (int64_t)indexed_seq, limit));
    bool has_row = false;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct conversation_row row = {
            .conversation = sqlite3_column_int64(stmt, 0),
            .last_seq = (uint64_t)sqlite3_column_int64(stmt, 1),
            .last_ms = sqlite3_column_int64(stmt, 2),
        };
        err = visit(context, &row);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}
