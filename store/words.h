/* SPDX-License-Identifier: MPL-2.0
 *
 * How a text becomes words of the text index, and a question words to look for. Pure.
 *
 *     other scripts         left to FTS5's tokenizer unicode61: runs of letters and digits, without
 *                           regard to case and diacritics
 *     Chinese, Japanese,    every run of them becomes its overlapping pairs of characters and its
 *     Korean                last character alone: "日本語" is indexed as 日本 本語 語
 *     full-width ASCII      as ASCII; decomposed kana and Hangul are composed
 *     emoji, punctuation    no words
 *
 * A question asks for all of its words. A word of several such characters is found as its pairs in
 * a row, so 日本 and 本語 are found inside of 日本語. A single one is looked for as the beginning of
 * a pair or alone, so it is found at any place of a run. The last word of a question, if of another
 * script, need not be complete: "hel" finds "hello".
 */
#ifndef STORE_WORDS_H
#define STORE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/buf.h"
#include "rt/err.h"

#define WORDS_TEXT_BYTES_MAX                                                                       \
    ((size_t)64 << 10) /* of a text, its beginning; the rest is not searched */
#define WORDS_DIVIDED_BYTES_MAX (3 * WORDS_TEXT_BYTES_MAX) /* what becomes of it */
#define WORDS_ASKED_MAX         32                         /* words of one question */
#define WORDS_KEY_BYTES_MAX     32

/* Appends the text as the index is given it. *ret_is_text false (and nothing appended): it is not
 * UTF-8, so it is no text. ERR_BUSY: no memory. */
MUST_USE enum err words_of_text(const void *text, size_t size, struct buf *to, bool *ret_is_text);

/* Words that no text can have, so that a conversation, and what a peer may read, can be asked for
 * like a word. They return their size; no NUL. Messages of two peers have the reader keys of both,
 * all others that of WORDS_READER_SCOPES. */
#define WORDS_READER_SCOPES (-1)
size_t words_conversation_key(int64_t conversation, char ret[WORDS_KEY_BYTES_MAX]);
size_t words_reader_key(int64_t peer_id, char ret[WORDS_KEY_BYTES_MAX]);
/* Appends the keys of a message, each behind a space. */
MUST_USE enum err words_put_keys(int64_t conversation, struct buf *to);

/* One word of a question, as FTS5's tokenizer is to be given it: what it makes of it (one word or
 * several) is to be found in a row. */
struct words_asked {
    size_t at, size; /* in `text` */
    bool is_prefix;  /* the last one may go on */
};
struct words_question {
    struct buf text;
    struct words_asked words[WORDS_ASKED_MAX];
    unsigned count;
};
/* ERR_BAD_FIELD: not UTF-8. ERR_TOO_MANY words. Ends with words_question_fini, also after errors. */
MUST_USE enum err words_of_question(const void *text, size_t size, struct words_question *ret);
void words_question_fini(struct words_question *question);

/* Appends a word as an FTS5 string: quoted, so that nothing in it means anything to FTS5. */
MUST_USE enum err words_quote(const void *word, size_t size, bool is_prefix, struct buf *to);

#endif
