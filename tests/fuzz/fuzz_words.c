/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as a text and as what somebody searches for. Holds store/words.h to the text index that
 * it writes for, one of SQLite itself in memory:
 *   - a text is divided exactly when it is UTF-8, and fits into the room that is promised
 *   - what is made of a question is never a mistake for FTS5, whatever stands in it
 *   - every text is found by itself, and by its beginning up to any whole character
 *   - no text and no question can have the keys of a conversation or a reader
 */
#include <sqlite3.h>
#include <stdint.h>

#include "bytes.h"
#include "plain.h"
#include "store/words.h"

#define TEXT_MAX       600
#define EXPRESSION_MAX ((size_t)16 << 10)
#define CUTS_MAX       8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sqlite3 *db;
static sqlite3_stmt *insert, *clear, *count;

static void prepare(const char *sql, sqlite3_stmt **ret)
{
    CHECK(sqlite3_prepare_v2(db, sql, -1, ret, NULL) == SQLITE_OK);
}

static void open_index(void)
{
    if (db)
        return;
    CHECK(sqlite3_open(":memory:", &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db,
                       "CREATE VIRTUAL TABLE message_text USING fts5 (text, content = '',"
                       " tokenize = 'unicode61')",
                       NULL, NULL, NULL) == SQLITE_OK);
    prepare("INSERT INTO message_text (rowid, text) VALUES (1, ?1)", &insert);
    prepare("INSERT INTO message_text (message_text) VALUES ('delete-all')", &clear);
    prepare("SELECT count(*) FROM message_text WHERE message_text MATCH ?1", &count);
}

static void run(sqlite3_stmt *stmt)
{
    CHECK(sqlite3_step(stmt) == SQLITE_DONE && sqlite3_reset(stmt) == SQLITE_OK);
}

static bool is_utf8(struct bytes text)
{
    uint32_t code;
    for (size_t i = 0, step; i < text.left; i += step) {
        step = plain_char(text.at + i, text.left - i, &code);
        if (step == 0)
            return false;
    }
    return true;
}

/* How many texts of the index have all words of this expression. */
static int64_t ask(const struct buf *expression)
{
    CHECK(sqlite3_bind_text(count, 1, (const char *)buf_data(expression), (int)buf_size(expression),
                            SQLITE_STATIC) == SQLITE_OK);
    CHECK(sqlite3_step(count) == SQLITE_ROW); /* no mistake, that is */
    int64_t found = sqlite3_column_int64(count, 0);
    CHECK(sqlite3_reset(count) == SQLITE_OK);
    return found;
}

/* A word of punctuation has no tokens and asks for nothing; a question of such words finds nothing. */
static bool has_tokens(const void *word, size_t size)
{
    struct buf expression;
    buf_init(&expression, EXPRESSION_MAX);
    run(clear);
    CHECK(sqlite3_bind_text(insert, 1, word, (int)size, SQLITE_STATIC) == SQLITE_OK);
    run(insert);
    CHECK(words_quote(word, size, true, &expression) == ERR_OK);
    bool has = ask(&expression) > 0;
    buf_fini(&expression);
    return has;
}

/* The expression for a question; false: it asks for nothing. */
static bool make_expression(const struct words_question *question, struct buf *expression)
{
    bool asks = false;
    for (unsigned i = 0; i < question->count; i++) {
        const struct words_asked *word = &question->words[i];
        const uint8_t *bytes = buf_data(&question->text) + word->at;
        CHECK(word->size > 0 && word->at + word->size <= buf_size(&question->text));
        if (!has_tokens(bytes, word->size))
            continue;
        asks = true;
        CHECK(words_quote(bytes, word->size, word->is_prefix, expression) == ERR_OK);
    }
    return asks;
}

static void check_question(const struct buf *indexed, struct bytes text, bool is_of_text)
{
    struct words_question question;
    struct buf expression;
    buf_init(&expression, EXPRESSION_MAX);
    enum err err = words_of_question(text.at, text.left, &question);
    CHECK(err == ERR_OK || err == ERR_BAD_FIELD || err == ERR_TOO_MANY);
    CHECK(question.count <= WORDS_ASKED_MAX);
    CHECK(err == ERR_TOO_MANY || (err == ERR_OK) == is_utf8(text));
    if (err == ERR_OK && make_expression(&question, &expression)) {
        run(clear);
        CHECK(sqlite3_bind_text(insert, 1, (const char *)buf_data(indexed), (int)buf_size(indexed),
                                SQLITE_STATIC) == SQLITE_OK);
        run(insert);
        int64_t found = ask(&expression);
        CHECK(!is_of_text || found == 1);
    }
    words_question_fini(&question);
    buf_fini(&expression);
}

/* What may become one character with the one before it. */
static bool is_joined(uint32_t code)
{
    return code == 0x3099 || code == 0x309a || (code >= 0x1161 && code <= 0x11ff);
}

static void check_beginnings(const struct buf *indexed, struct bytes text)
{
    uint32_t code;
    size_t cuts = 0;
    for (size_t i = 0; i < text.left && cuts < CUTS_MAX;) {
        i += plain_char(text.at + i, text.left - i, &code);
        if (i < text.left && plain_char(text.at + i, text.left - i, &code) && is_joined(code))
            continue;
        check_question(indexed, (struct bytes){text.at, i}, true);
        cuts++;
    }
}

static bool has_private(struct bytes text)
{
    uint32_t code;
    for (size_t i = 0; i < text.left; i += plain_char(text.at + i, text.left - i, &code)) {
        CHECK(plain_char(text.at + i, text.left - i, &code) > 0);
        if (code >= 0xe000 && code <= 0xf8ff)
            return true;
    }
    return false;
}

static void check_text(struct bytes text, struct buf *indexed)
{
    bool is_text = false;
    CHECK(words_of_text(text.at, text.left, indexed, &is_text) == ERR_OK);
    CHECK(is_text == is_utf8(text));
    CHECK(buf_size(indexed) <= 3 * text.left + 4);
    struct bytes words = {buf_data(indexed), buf_size(indexed)};
    CHECK(is_utf8(words) && !has_private(words));
    if (!is_text)
        CHECK(words.left == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size < TEXT_MAX ? size : TEXT_MAX};
    struct bytes question = bytes_until(&input, 0);
    struct bytes text = input.left ? input : question;
    struct buf indexed;
    open_index();
    buf_init(&indexed, WORDS_DIVIDED_BYTES_MAX);
    check_text(text, &indexed);
    check_question(&indexed, question, false);
    if (buf_size(&indexed) > 0) {
        check_question(&indexed, text, true);
        check_beginnings(&indexed, text);
    }
    buf_fini(&indexed);
    return 0;
}
