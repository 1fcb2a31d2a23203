/* SPDX-License-Identifier: MPL-2.0
 *
 * Asking the text index, and the rows it does not have yet. See search.h.
 *
 *     question -> words (words.h) -> phrases of tokens -> an FTS5 expression, for the index
 *                                                      -> a matcher, for the rows above it
 *
 * A message changed by a row above searched_seq stands in the index with words that count no more:
 * these messages are left out there, and an edit is a row of its own that may match.
 */
#include "store/search.h"

#include <math.h>
#include <string.h>

#include "rt/check.h"
#include "rt/hash.h"
#include "store/changes.h"
#include "store/message_rows.h"
#include "store/search_internal.h"
#include "store/store_internal.h"
#include "store/words.h"

#define TOKENS_MAX     64 /* of one question; a phrase is a bit mask */
#define COUNT_MAX      1000
#define CHANGES_MAX    (1u << 20)
#define MEAN_LENGTH    16.0 /* words of a usual message */
#define BM25_K1        1.2
#define BM25_B         0.75
#define EXPRESSION_MAX ((size_t)16 << 10)
#define QUERY_TOKENS   (FTS5_TOKENIZE_QUERY)

struct phrase {
    unsigned first, count; /* in tokens */
    bool is_prefix;
    double weight;
    uint64_t state; /* bit n: the first n + 1 tokens have just been seen */
    unsigned hits;
};

struct asked {
    struct store *store;
    const struct search *search;
    search_visit *visit;
    void *context;

    fts5_tokenizer tokenizer;
    Fts5Tokenizer *instance;
    struct words_question question;
    struct buf token_bytes;
    struct {
        size_t at, size;
    } tokens[TOKENS_MAX];
    unsigned token_count;
    struct phrase phrases[WORDS_ASKED_MAX];
    unsigned phrase_count;
    struct buf expression;

    uint64_t searched_seq, top_seq; /* looked at is what lies below top_seq */
    struct u64map changed;          /* message -> its newest edit above searched_seq; 0: deleted */
    struct u64map edits;            /* and the other way round */
    struct buf words;               /* of the row in hand */
    unsigned length;                /* its tokens */
    uint64_t hit_count, next_seq;
};

/* --- Score. */

static double score_of(double weight, unsigned hits, unsigned length)
{
    double norm = BM25_K1 * (1 - BM25_B + BM25_B * length / MEAN_LENGTH);
    return weight * hits * (BM25_K1 + 1) / (hits + norm);
}

/* search_score(message_text, weights): one double per phrase; phrases beyond them do not count. */
static void search_score(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *result,
                         int count, sqlite3_value **values)
{
    double weights[WORDS_ASKED_MAX] = {0}, score = 0;
    unsigned hits[WORDS_ASKED_MAX] = {0};
    int instances = 0, length = 0, phrase, column, offset;
    size_t size = count == 1 ? (size_t)sqlite3_value_bytes(values[0]) : 0;
    if (size > 0 && size <= sizeof weights)
        memcpy(weights, sqlite3_value_blob(values[0]), size);
    int rc = api->xInstCount(fts, &instances);
    for (int i = 0; rc == SQLITE_OK && i < instances; i++) {
        rc = api->xInst(fts, i, &phrase, &column, &offset);
        if (rc == SQLITE_OK && (size_t)phrase < size / sizeof *weights && phrase < WORDS_ASKED_MAX)
            hits[phrase]++;
    }
    if (rc == SQLITE_OK)
        rc = api->xColumnSize(fts, -1, &length);
    if (rc != SQLITE_OK) {
        sqlite3_result_error_code(result, rc);
        return;
    }
    for (size_t i = 0; i < size / sizeof *weights; i++)
        score += score_of(weights[i], hits[i], (unsigned)length);
    sqlite3_result_double(result, score);
}

static enum err find_api(struct store *store, fts5_api **ret_api)
{
    sqlite3_stmt *stmt;
    bool has_row = false;
    enum err err = statement_open(store, STATEMENT_search_api, &stmt);
    if (err != ERR_OK)
        return err;
    *ret_api = NULL;
    (void)sqlite3_bind_pointer(stmt, 1, (void *)ret_api, "fts5_api_ptr", NULL);
    err = statement_close(stmt, statement_step(store, stmt, &has_row));
    (void)sqlite3_clear_bindings(stmt);
    if (err == ERR_OK && !*ret_api)
        return store_fail(store, ERR_STORAGE, "this SQLite has no FTS5");
    return err;
}

enum err search_install(struct store *store)
{
    fts5_api *api = NULL;
    enum err err = find_api(store, &api);
    if (err != ERR_OK)
        return err;
    return store_map(store, api->xCreateFunction(api, "search_score", NULL, search_score, NULL));
}

/* --- The question. */

static enum err begin(struct asked *asked)
{
    fts5_api *api = NULL;
    void *data = NULL;
    enum err err = find_api(asked->store, &api);
    if (err != ERR_OK)
        return err;
    int rc = api->xFindTokenizer(api, "unicode61", &data, &asked->tokenizer);
    if (rc == SQLITE_OK)
        rc = asked->tokenizer.xCreate(data, NULL, 0, &asked->instance);
    return store_map(asked->store, rc);
}

static int take_token(void *context, int flags, const char *token, int size, int start, int end)
{
    struct asked *asked = context;
    (void)flags;
    (void)start;
    (void)end;
    if (asked->token_count == TOKENS_MAX)
        return SQLITE_TOOBIG;
    asked->tokens[asked->token_count].at = buf_size(&asked->token_bytes);
    asked->tokens[asked->token_count++].size = (size_t)size;
    return buf_append(&asked->token_bytes, token, (size_t)size) ? SQLITE_NOMEM : SQLITE_OK;
}

/* A word without letters and digits has no token and is not asked for. */
static enum err take_word(struct asked *asked, const struct words_asked *word)
{
    const char *bytes = (const char *)buf_data(&asked->question.text) + word->at;
    unsigned first = asked->token_count;
    int rc = asked->tokenizer.xTokenize(asked->instance, asked, QUERY_TOKENS, bytes,
                                        (int)word->size, take_token);
    if (rc == SQLITE_TOOBIG)
        return ERR_TOO_MANY;
    if (rc != SQLITE_OK)
        return store_map(asked->store, rc);
    if (asked->token_count == first)
        return ERR_OK;
    asked->phrases[asked->phrase_count++] = (struct phrase){
        .first = first,
        .count = asked->token_count - first,
        .is_prefix = word->is_prefix,
        .weight = 1,
    };
    return words_quote(bytes, word->size, word->is_prefix, &asked->expression);
}

static enum err bind_expression(struct asked *asked, enum statement id, size_t from, size_t size,
                                sqlite3_stmt **ret_stmt)
{
    enum err err = statement_open(asked->store, id, ret_stmt);
    if (err == ERR_OK)
        (void)sqlite3_bind_text(*ret_stmt, 1, (const char *)buf_data(&asked->expression) + from,
                                (int)size, SQLITE_STATIC);
    return err;
}

/* The fewer messages have it, the more a word weighs. */
static enum err weigh(struct asked *asked, struct phrase *phrase, size_t from, size_t size)
{
    sqlite3_stmt *stmt;
    bool has_row = false;
    enum err err = bind_expression(asked, STATEMENT_search_count, from, size, &stmt);
    if (err != ERR_OK)
        return err;
    (void)sqlite3_bind_int64(stmt, 2, COUNT_MAX);
    err = statement_step(asked->store, stmt, &has_row);
    double count = err == ERR_OK && has_row ? (double)sqlite3_column_int64(stmt, 0) : 0;
    phrase->weight = log(1 + (double)(asked->searched_seq + 1) / (count + 1));
    return statement_close(stmt, err);
}

/* By keys, behind the words. */
static enum err restrict_to(struct asked *asked)
{
    char key[WORDS_KEY_BYTES_MAX];
    const struct search *search = asked->search;
    struct buf *to = &asked->expression;
    if (search->conversation)
        return words_quote(key, words_conversation_key(search->conversation, key), false, to);
    if (search->reader_id == 0)
        return ERR_OK;
    enum err err = buf_append_text(to, "AND (");
    if (err == ERR_OK)
        err = words_quote(key, words_reader_key(search->reader_id, key), false, to);
    if (err == ERR_OK)
        err = buf_append_text(to, "OR ");
    if (err == ERR_OK)
        err = words_quote(key, words_reader_key(WORDS_READER_SCOPES, key), false, to);
    return err ? err : buf_append_text(to, ")");
}

static enum err prepare(struct asked *asked)
{
    size_t ends[WORDS_ASKED_MAX];
    const struct search *search = asked->search;
    enum err err = words_of_question(search->text, search->text_size, &asked->question);
    if (err == ERR_OK)
        err = begin(asked);
    for (unsigned i = 0; err == ERR_OK && i < asked->question.count; i++) {
        unsigned before = asked->phrase_count;
        err = take_word(asked, &asked->question.words[i]);
        if (asked->phrase_count > before)
            ends[before] = buf_size(&asked->expression);
    }
    for (unsigned i = 0; err == ERR_OK && asked->phrase_count > 1 && i < asked->phrase_count; i++) {
        size_t from = i ? ends[i - 1] : 0;
        err = weigh(asked, &asked->phrases[i], from, ends[i] - from);
    }
    return err ? err : restrict_to(asked);
}

/* --- Rows above the index. */

static enum err note_edit(void *context, uint64_t seq, uint64_t edit_seq)
{
    struct asked *asked = context;
    uint64_t older = 0;
    if (u64map_get(&asked->changed, seq, &older))
        (void)u64map_remove(&asked->edits, older, NULL);
    enum err err = u64map_put(&asked->changed, seq, edit_seq);
    return err ? err : u64map_put(&asked->edits, edit_seq, seq);
}

static enum err note_tombstone(void *context, uint64_t seq, uint64_t delete_seq)
{
    struct asked *asked = context;
    uint64_t edit_seq = 0;
    (void)delete_seq;
    if (u64map_get(&asked->changed, seq, &edit_seq))
        (void)u64map_remove(&asked->edits, edit_seq, NULL);
    return u64map_put(&asked->changed, seq, 0);
}

static enum err load_changes(struct asked *asked)
{
    enum err err = edit_since(asked->store, asked->searched_seq, CHANGES_MAX, note_edit, asked);
    if (err == ERR_OK)
        err =
            tombstone_since(asked->store, asked->searched_seq, CHANGES_MAX, note_tombstone, asked);
    return err == ERR_TOO_MANY ? ERR_BUSY : err;
}

static bool is_token(const struct asked *asked, unsigned at, bool is_prefix, const char *token,
                     size_t size)
{
    size_t wanted = asked->tokens[at].size;
    if (is_prefix ? size < wanted : size != wanted)
        return false;
    return memcmp(buf_data(&asked->token_bytes) + asked->tokens[at].at, token, wanted) == 0;
}

static int match_token(void *context, int flags, const char *token, int size, int start, int end)
{
    struct asked *asked = context;
    (void)flags;
    (void)start;
    (void)end;
    asked->length++;
    for (unsigned i = 0; i < asked->phrase_count; i++) {
        struct phrase *phrase = &asked->phrases[i];
        uint64_t state = phrase->state << 1 | 1, next = 0;
        for (unsigned k = 0; k < phrase->count && state >> k; k++) {
            bool is_last = k + 1 == phrase->count;
            if ((state >> k & 1) && is_token(asked, phrase->first + k, is_last && phrase->is_prefix,
                                             token, (size_t)size))
                next |= UINT64_C(1) << k;
        }
        phrase->state = next;
        phrase->hits += (unsigned)(next >> (phrase->count - 1) & 1);
    }
    return SQLITE_OK;
}

/* Score of the text; 0: it has not all words, or is no text. */
static enum err match(struct asked *asked, const struct message_row *row, double *ret_score)
{
    bool is_text = false;
    buf_clear(&asked->words);
    enum err err = words_of_text(row->body.data, row->body.size, &asked->words, &is_text);
    *ret_score = 0;
    if (err == ERR_OK && is_text)
        err = words_put_keys(row->conversation, &asked->words);
    if (err != ERR_OK || !is_text)
        return err;
    asked->length = 0;
    for (unsigned i = 0; i < asked->phrase_count; i++)
        asked->phrases[i].hits = 0, asked->phrases[i].state = 0;
    int rc = asked->tokenizer.xTokenize(asked->instance, asked, FTS5_TOKENIZE_DOCUMENT,
                                        (const char *)buf_data(&asked->words),
                                        (int)buf_size(&asked->words), match_token);
    if (rc != SQLITE_OK)
        return store_map(asked->store, rc);
    double score = 0;
    for (unsigned i = 0; i < asked->phrase_count; i++) {
        if (asked->phrases[i].hits == 0)
            return ERR_OK;
        score += score_of(asked->phrases[i].weight, asked->phrases[i].hits, asked->length);
    }
    *ret_score = score;
    return ERR_OK;
}

static enum err tell(struct asked *asked, const struct search_hit *hit)
{
    asked->hit_count++;
    return asked->visit(asked->context, hit);
}

static enum err take_tail_row(void *context, const struct message_row *row)
{
    struct asked *asked = context;
    uint64_t seq = row->seq;
    double score = 0;
    if (row->is_damaged)
        return ERR_OK;
    bool is_shown = row->kind == SEARCH_KIND_EDIT
                        ? u64map_get(&asked->edits, row->seq, &seq)
                        : search_is_text(row) && !u64map_get(&asked->changed, row->seq, NULL);
    enum err err = is_shown ? match(asked, row, &score) : ERR_OK;
    if (err != ERR_OK || score <= 0)
        return err;
    if (asked->hit_count == SEARCH_HITS_MAX) {
        asked->next_seq = row->seq + 1;
        return ERR_TOO_MANY; /* ends the walk */
    }
    struct search_hit hit = {
        .seq = seq,
        .score = score,
        .scope_id = row->scope_id,
        .sender_id = row->sender_id,
        .conversation = row->conversation,
    };
    return tell(asked, &hit);
}

static enum err search_tail(struct asked *asked)
{
    uint64_t low = asked->searched_seq;
    if (asked->top_seq <= low + 1)
        return ERR_OK;
    if (asked->top_seq - low - 1 > SEARCH_TAIL_MAX) {
        low = asked->top_seq - 1 - SEARCH_TAIL_MAX;
        asked->next_seq = low + 1;
    }
    sqlite3_stmt *stmt;
    enum err err = statement_open(asked->store, STATEMENT_search_tail, &stmt);
    if (err != ERR_OK)
        return err;
    uint64_t skip = 0, limit = UINT64_MAX;
    statement_bind_ints(stmt,
                        INTS((int64_t)low, (int64_t)asked->top_seq, asked->search->conversation,
                             asked->search->conversation ? 0 : asked->search->reader_id));
    err = message_rows_visit(asked->store, stmt, &skip, &limit, take_tail_row, asked);
    return err == ERR_TOO_MANY ? ERR_OK : err;
}

/* --- The index. */

static enum err open_hits(struct asked *asked, const double *weights, sqlite3_stmt **ret_stmt)
{
    uint64_t before =
        asked->top_seq <= asked->searched_seq ? asked->top_seq : asked->searched_seq + 1;
    enum err err =
        bind_expression(asked, STATEMENT_search_hits, 0, buf_size(&asked->expression), ret_stmt);
    if (err != ERR_OK)
        return err;
    (void)sqlite3_bind_int64(*ret_stmt, 2, (int64_t)before);
    (void)sqlite3_bind_int64(*ret_stmt, 3, SEARCH_HITS_MAX);
    (void)sqlite3_bind_blob(*ret_stmt, 4, weights, (int)(asked->phrase_count * sizeof *weights),
                            SQLITE_STATIC);
    return ERR_OK;
}

static enum err search_indexed(struct asked *asked)
{
    double weights[WORDS_ASKED_MAX];
    for (unsigned i = 0; i < asked->phrase_count; i++)
        weights[i] = asked->phrases[i].weight;
    sqlite3_stmt *stmt;
    enum err err = open_hits(asked, weights, &stmt);
    if (err != ERR_OK)
        return err;
    unsigned count = 0;
    bool has_row = false;
    while ((err = statement_step(asked->store, stmt, &has_row)) == ERR_OK && has_row) {
        struct search_hit hit = {
            .seq = (uint64_t)sqlite3_column_int64(stmt, 0),
            .scope_id = sqlite3_column_int64(stmt, 1),
            .sender_id = sqlite3_column_int64(stmt, 2),
            .conversation = sqlite3_column_int64(stmt, 3),
            .score = sqlite3_column_double(stmt, 4),
        };
        if (++count == SEARCH_HITS_MAX)
            asked->next_seq = hit.seq;
        if (!u64map_get(&asked->changed, hit.seq, NULL))
            err = tell(asked, &hit);
        if (err != ERR_OK)
            break;
    }
    return statement_close(stmt, err);
}

/* --- Both. */

static enum err find_ends(struct asked *asked)
{
    int64_t last = 0;
    uint64_t before = asked->search->before_seq;
    enum err err = search_progress(asked->store, &asked->searched_seq);
    if (err == ERR_OK)
        err = statement_query_ints(asked->store, STATEMENT_store_last_seq, 0, NULL, &last, NULL);
    asked->top_seq = before && before <= (uint64_t)last ? before : (uint64_t)last + 1;
    if (err == ERR_OK && (uint64_t)last > asked->searched_seq)
        err = load_changes(asked);
    return err;
}

static enum err run(struct asked *asked)
{
    enum err err = find_ends(asked);
    if (err == ERR_OK)
        err = prepare(asked);
    if (err != ERR_OK || asked->phrase_count == 0)
        return err;
    err = search_tail(asked);
    return err != ERR_OK || asked->next_seq ? err : search_indexed(asked);
}

enum err search_run(struct store *store, const struct search *search, search_visit *visit,
                    void *context, uint64_t *ret_next_seq)
{
    struct asked asked = {
        .store = store,
        .search = search,
        .visit = visit,
        .context = context,
    };
    buf_init(&asked.token_bytes, WORDS_DIVIDED_BYTES_MAX);
    buf_init(&asked.question.text, 0); /* until it is asked */
    buf_init(&asked.expression, EXPRESSION_MAX);
    buf_init(&asked.words, WORDS_DIVIDED_BYTES_MAX + 4 * WORDS_KEY_BYTES_MAX);
    u64map_init(&asked.changed, CHANGES_MAX);
    u64map_init(&asked.edits, CHANGES_MAX);
    enum err err = run(&asked);
    if (err == ERR_OK)
        *ret_next_seq = asked.next_seq;
    if (asked.instance)
        asked.tokenizer.xDelete(asked.instance);
    words_question_fini(&asked.question);
    buf_fini(&asked.token_bytes);
    buf_fini(&asked.expression);
    buf_fini(&asked.words);
    u64map_fini(&asked.changed);
    u64map_fini(&asked.edits);
    return err;
}
