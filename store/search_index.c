/* SPDX-License-Identifier: MPL-2.0
 *
 * The text index: filled in slices, and emptied with the log. See search.h.
 *
 * FTS5 keeps no text (content = ''), so what is taken out has to be given once more. It is read
 * from the log: what stands in the index for a message is the text of its newest edit that the
 * index has seen, or its own. Of a row that was damaged meanwhile the words stay behind; the
 * message is gone or not shown, so they find nothing.
 */
#include <string.h>
#include <strings.h>

#include "rt/check.h"
#include "rt/log.h"
#include "store/changes.h"
#include "store/message_rows.h"
#include "store/search.h"
#include "store/search_internal.h"
#include "store/store_internal.h"
#include "store/words.h"

#define KEYS_BYTES_MAX  ((size_t)4 * WORDS_KEY_BYTES_MAX)
#define SLICE_BYTES_MAX ((size_t)1 << 20)
#define SPAN_FACTOR     8 /* what has no words is passed over, which costs little */

bool search_is_text(const struct message_row *row)
{
    static const char text[] = "text/";
    if (row->is_damaged || (row->kind != SEARCH_KIND_TEXT && row->kind != SEARCH_KIND_ACTION))
        return false;
    const struct bytes_view *type = &row->content_type;
    return type->size == 0 || (type->size >= sizeof text - 1 &&
                               strncasecmp((const char *)type->data, text, sizeof text - 1) == 0);
}

enum err search_progress(struct store *store, uint64_t *ret_seq)
{
    int64_t seq = 0;
    enum err err = statement_query_ints(store, STATEMENT_search_progress, 0, NULL, &seq, NULL);
    if (err == ERR_OK)
        *ret_seq = (uint64_t)seq;
    return err;
}

/* --- One message. */

struct text_slice {
    struct store *store;
    struct buf words;
    size_t bytes;
    uint64_t upto_seq; /* how far it came */
    uint64_t searched_seq;
};

/* Puts or takes out the words of `body` for the message `seq`. */
static enum err write_words(struct text_slice *slice, enum statement id, uint64_t seq,
                            int64_t conversation, const struct bytes_view *body)
{
    bool is_text = false;
    buf_clear(&slice->words);
    enum err err = words_of_text(body->data, body->size, &slice->words, &is_text);
    if (err != ERR_OK || !is_text)
        return err;
    err = words_put_keys(conversation, &slice->words);
    sqlite3_stmt *stmt;
    if (err == ERR_OK)
        err = statement_open(slice->store, id, &stmt);
    if (err != ERR_OK)
        return err;
    slice->bytes += buf_size(&slice->words);
    statement_bind_ints(stmt, INTS((int64_t)seq));
    (void)sqlite3_bind_text(stmt, 2, (const char *)buf_data(&slice->words),
                            (int)buf_size(&slice->words), SQLITE_STATIC);
    return statement_run(slice->store, stmt);
}

struct text {
    struct text_slice *slice;
    uint64_t seq; /* of the message the words belong to */
    int64_t conversation;
    bool is_found; /* a message with words */
    enum statement id;
};

static enum err note_target(void *context, const struct message_row *row)
{
    struct text *text = context;
    text->is_found = search_is_text(row);
    text->conversation = row->conversation;
    return ERR_OK;
}

static enum err write_row(void *context, const struct message_row *row)
{
    struct text *text = context;
    if (row->is_damaged)
        return ERR_OK;
    return write_words(text->slice, text->id, text->seq, text->conversation, &row->body);
}

/* Takes out what was put for the message; edits from `below_seq` on were not put yet. */
static enum err take_out(struct text_slice *slice, uint64_t seq, int64_t conversation,
                         uint64_t below_seq)
{
    struct text text = {.slice = slice, .seq = seq, .conversation = conversation};
    text.id = STATEMENT_search_remove;
    uint64_t source = 0;
    enum err err = edit_newest(slice->store, seq, below_seq, &source);
    if (source == 0)
        source = seq;
    return err ? err : message_read(slice->store, 0, &source, 1, write_row, &text);
}

/* --- A row of the log. */

static enum err index_change(struct text_slice *slice, const struct message_row *row)
{
    uint64_t seq = 0;
    bool is_edit = row->kind == SEARCH_KIND_EDIT;
    enum err err = is_edit ? edit_target(slice->store, row->seq, &seq)
                           : tombstone_target(slice->store, row->seq, &seq);
    if (err != ERR_OK || seq == 0)
        return err;
    struct text text = {.slice = slice, .seq = seq};
    err = message_read(slice->store, 0, &seq, 1, note_target, &text);
    if (err != ERR_OK || !text.is_found)
        return err;
    err = take_out(slice, seq, text.conversation, is_edit ? row->seq : UINT64_MAX);
    if (err == ERR_OK && is_edit)
        err = write_words(slice, STATEMENT_search_put, seq, text.conversation, &row->body);
    return err;
}

static enum err index_row(void *context, const struct message_row *row)
{
    struct text_slice *slice = context;
    enum err err = ERR_OK;
    if (slice->bytes > SLICE_BYTES_MAX)
        return ERR_TOO_LARGE; /* enough for this slice */
    if (search_is_text(row))
        err = write_words(slice, STATEMENT_search_put, row->seq, row->conversation, &row->body);
    else if (!row->is_damaged && (row->kind == SEARCH_KIND_EDIT || row->kind == SEARCH_KIND_DELETE))
        err = index_change(slice, row);
    else
        slice->bytes += row->body.size / 16; /* read, but not written: text of another type */
    slice->upto_seq = row->seq;
    return err;
}

/* An index that FTS5 finds damaged is emptied, and filled again from the log: nothing is lost. */
static enum err heal(struct store *store, enum err err, bool *ret_is_reset)
{
    if (err != ERR_CORRUPT || store->is_broken)
        return err;
    *ret_is_reset = true;
    log_error("search-index-damaged", LOG_STR("problem", store->error_text));
    err = statement_run_ints(store, STATEMENT_search_reset, 0, NULL);
    return err ? err : statement_run_ints(store, STATEMENT_search_set_progress, INTS(0));
}

/* Of so many rows of the log, those that can have words. When there are no more of these: to the end of
 * that part, or of the log, whose last seq may be that of a message that is gone. */
static enum err index_rows(struct text_slice *slice, uint32_t rows_max)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(slice->store, STATEMENT_search_rows, &stmt);
    if (err != ERR_OK)
        return err;
    uint64_t last = slice->store->last_seq,
             end = slice->upto_seq + (uint64_t)rows_max * SPAN_FACTOR;
    uint64_t skip = 0, limit = rows_max;
    end = end < last ? end : last;
    statement_bind_ints(stmt, INTS((int64_t)slice->upto_seq, (int64_t)end, rows_max));
    err = message_rows_visit(slice->store, stmt, &skip, &limit, index_row, slice);
    if (err == ERR_OK && limit > 0)
        slice->upto_seq = end;
    return err == ERR_TOO_LARGE ? ERR_OK : err;
}

enum err search_index_slice(struct store *store, uint32_t rows_max, uint64_t *ret_upto)
{
    CHECK(store->is_in_transaction);
    struct text_slice slice = {.store = store};
    enum err err = search_progress(store, &slice.upto_seq);
    uint64_t before = slice.upto_seq;
    bool is_reset = false;
    buf_init(&slice.words, WORDS_DIVIDED_BYTES_MAX + KEYS_BYTES_MAX);
    if (err == ERR_OK)
        err = heal(store, index_rows(&slice, rows_max), &is_reset);
    if (is_reset)
        slice.upto_seq = before = 0;
    if (err == ERR_OK && slice.upto_seq > before)
        err =
            statement_run_ints(store, STATEMENT_search_set_progress, INTS((int64_t)slice.upto_seq));
    if (err == ERR_OK)
        *ret_upto = slice.upto_seq;
    buf_fini(&slice.words);
    return err;
}

static enum err reset(struct store *store)
{
    bool is_reset = false;
    enum err err = store_begin(store);
    if (err != ERR_OK)
        return err;
    err = heal(store, ERR_CORRUPT, &is_reset);
    if (err == ERR_OK)
        return store_commit(store);
    store_rollback(store);
    return err;
}

enum err search_work(struct store *store, uint32_t rows_max, uint64_t *ret_upto)
{
    uint64_t upto = 0;
    enum err err = store_begin(store);
    if (err != ERR_OK)
        return err;
    err = search_index_slice(store, rows_max, &upto);
    if (err == ERR_OK)
        err = store_commit(store); /* rolls back if it fails */
    else
        store_rollback(store);
    if (err == ERR_CORRUPT && !store->is_broken) {
        upto = 0;
        err = reset(store);
    }
    if (err == ERR_OK)
        *ret_upto = upto;
    return err;
}

/* --- Removal. */

/* Unless the index has seen that it was deleted. */
static enum err forget(struct text_slice *slice, uint64_t seq, int64_t conversation)
{
    struct tombstone tombstone;
    enum err err = tombstone_find(slice->store, seq, &tombstone);
    if (err != ERR_OK || (tombstone.seq && tombstone.delete_seq <= slice->searched_seq))
        return err;
    return take_out(slice, seq, conversation, slice->searched_seq + 1);
}

static enum err forget_row(void *context, const struct message_row *row)
{
    struct text_slice *slice = context;
    bool is_there = row->seq <= slice->searched_seq && search_is_text(row);
    return is_there ? forget(slice, row->seq, row->conversation) : ERR_OK;
}

static enum err forget_rows(struct text_slice *slice, uint64_t upto_seq)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(slice->store, STATEMENT_search_old_rows, &stmt);
    if (err != ERR_OK)
        return err;
    uint64_t skip = 0, limit = UINT64_MAX;
    statement_bind_ints(stmt, INTS((int64_t)upto_seq));
    return message_rows_visit(slice->store, stmt, &skip, &limit, forget_row, slice);
}

enum err search_forget(struct store *store, uint64_t upto_seq)
{
    CHECK(store->is_in_transaction);
    struct text_slice slice = {.store = store};
    bool is_reset = false;
    enum err err = search_progress(store, &slice.searched_seq);
    buf_init(&slice.words, WORDS_DIVIDED_BYTES_MAX + KEYS_BYTES_MAX);
    if (err == ERR_OK)
        err = heal(store, forget_rows(&slice, upto_seq), &is_reset);
    buf_fini(&slice.words);
    return err;
}

enum err search_forget_one(struct store *store, uint64_t seq)
{
    CHECK(store->is_in_transaction);
    struct text_slice slice = {.store = store};
    struct text text = {.slice = &slice, .seq = seq};
    bool is_reset = false;
    enum err err = search_progress(store, &slice.searched_seq);
    buf_init(&slice.words, WORDS_DIVIDED_BYTES_MAX + KEYS_BYTES_MAX);
    if (err == ERR_OK && seq <= slice.searched_seq)
        err = message_read(store, 0, &seq, 1, note_target, &text);
    if (err == ERR_OK && text.is_found)
        err = heal(store, forget(&slice, seq, text.conversation), &is_reset);
    buf_fini(&slice.words);
    return err;
}
