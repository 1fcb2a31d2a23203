/* SPDX-License-Identifier: MPL-2.0
 *
 * See words.h. Both texts and questions pass through the same steps:
 *
 *     UTF-8 -> code points -> narrowed and composed -> runs of one class -> words
 */
#include "store/words.h"

#include <stdio.h>

#include "store/conversation.h"

#define KEY_MARK "\xee\x80\x80" /* U+E000: of a category that unicode61 takes for letters */

#define NOTHING 0xffffffffu

enum class {
    CLASS_SPACE, /* between words */
    CLASS_PAIRS, /* a script without spaces between words */
    CLASS_OTHER, /* left to the tokenizer */
};

/* --- Code points. */

struct reader {
    const uint8_t *bytes;
    size_t size, at;
    uint32_t next; /* read ahead; NOTHING: none */
    bool is_cut;   /* the text goes on behind: an unfinished character at the end is no error */
    bool is_bad;
};

static unsigned length_of(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* The next code point as it stands there; NOTHING at the end and where it is not UTF-8. */
static uint32_t decode(struct reader *r)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (r->at == r->size || r->is_bad)
        return NOTHING;
    uint8_t first = r->bytes[r->at];
    unsigned length = length_of(first);
    if (length == 1) {
        r->at++;
        return first;
    }
    if (length > r->size - r->at && r->is_cut) {
        r->at = r->size;
        return NOTHING;
    }
    r->is_bad = length == 0 || length > r->size - r->at;
    uint32_t point = first & (0x7fu >> length);
    for (unsigned i = 1; !r->is_bad && i < length; i++) {
        uint8_t byte = r->bytes[r->at + i];
        r->is_bad = (byte & 0xc0) != 0x80;
        point = point << 6 | (byte & 0x3fu);
    }
    r->is_bad |= length && (point < lowest[length] || point > 0x10ffff ||
                            (point >= 0xd800 && point <= 0xdfff));
    r->at += length;
    return r->is_bad ? NOTHING : point;
}

/* Kana with a voicing mark after it; 0: the two do not go together. */
static uint32_t compose_kana(uint32_t base, uint32_t mark)
{
    uint32_t hiragana = base >= 0x30a1 && base <= 0x30fa ? base - 0x60 : base;
    bool is_voiced = mark == 0x3099, is_h = hiragana >= 0x306f && hiragana <= 0x307b;
    if (is_voiced && (hiragana == 0x3046))
        return base + 0x4e; /* u: vu */
    if (is_h && (hiragana - 0x306f) % 3 == 0)
        return base + (is_voiced ? 1 : 2);
    bool is_k = hiragana >= 0x304b && hiragana <= 0x3061 && hiragana % 2 == 1;
    bool is_t = hiragana == 0x3064 || hiragana == 0x3066 || hiragana == 0x3068;
    return is_voiced && (is_k || is_t) ? base + 1 : 0;
}

/* Letters of a Hangul syllable; 0: the two do not go together. */
static uint32_t compose_hangul(uint32_t one, uint32_t other)
{
    if (one >= 0x1100 && one <= 0x1112 && other >= 0x1161 && other <= 0x1175)
        return 0xac00 + ((one - 0x1100) * 21 + (other - 0x1161)) * 28;
    bool is_open = one >= 0xac00 && one <= 0xd7a3 && (one - 0xac00) % 28 == 0;
    return is_open && other > 0x11a7 && other <= 0x11c2 ? one + (other - 0x11a7) : 0;
}

static uint32_t narrow(uint32_t point)
{
    return point >= 0xff01 && point <= 0xff5e ? point - 0xfee0 : point;
}

static void reader_init(struct reader *r, const void *text, size_t size, size_t size_max)
{
    *r = (struct reader){.bytes = text, .size = size < size_max ? size : size_max};
    r->is_cut = r->size < size;
    r->next = decode(r);
}

/* The next code point, narrowed and composed; NOTHING at the end. */
static uint32_t read_point(struct reader *r)
{
    uint32_t point = r->next;
    if (point == NOTHING)
        return NOTHING;
    point = narrow(point);
    r->next = decode(r);
    while (r->next != NOTHING && r->next >= 0x1161) {
        bool is_mark = r->next == 0x3099 || r->next == 0x309a;
        uint32_t composed = is_mark ? compose_kana(point, r->next) : compose_hangul(point, r->next);
        if (!composed)
            break;
        point = composed;
        r->next = decode(r);
    }
    return point;
}

/* --- Classes. */

static enum class class_of(uint32_t point) {
    static const uint32_t ranges[][2] =
        {
            {0x1100, 0x11ff}, /* Hangul letters */
            {0x3005, 0x3007}, /* iteration mark, closing mark, zero */
            {0x3041, 0x3096}, /* Hiragana */
            {0x309d, 0x309f},
            {0x30a1, 0x30fa}, /* Katakana */
            {0x30fc, 0x318e}, /* ..., Bopomofo, Hangul letters */
            {0x31a0, 0x31bf},
            {0x31f0, 0x31ff},
            {0x3400, 0x4dbf}, /* Han */
            {0x4e00, 0x9fff},
            {0xac00, 0xd7a3}, /* Hangul syllables */
            {0xf900, 0xfaff},
            {0xff66, 0xffdc}, /* half-width Katakana and Hangul */
            {0x1b000, 0x1b16f},
            {0x20000, 0x3ffff},
        };
    if (point <= 0x20 || point == 0x7f || point == 0x3000 ||
        (point >= 0xe000 && point <= 0xf8ff)) return CLASS_SPACE;
    if (point < ranges[0][0]) return CLASS_OTHER;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges && point >= ranges[i][0];
         i++){if (point <= ranges[i][1]) return CLASS_PAIRS;}
return CLASS_OTHER;
}

/* --- Writing. */

static size_t encode(uint32_t point, uint8_t ret[4])
{
    if (point < 0x80) {
        ret[0] = (uint8_t)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        ret[i] = (uint8_t)(0x80 | (point & 0x3f));
    static const uint8_t marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    ret[0] = (uint8_t)(marks[size] | point);
    return size;
}

static enum err put(struct buf *to, uint32_t point)
{
    uint8_t bytes[4];
    return buf_append(to, bytes, encode(point, bytes));
}

/* --- Texts. */

/* The pairs of the run that begins with `first`; *ret_next is the code point behind it. */
static enum err put_run(struct reader *r, uint32_t first, struct buf *to, uint32_t *ret_next)
{
    enum err err = put(to, ' ');
    uint32_t next = read_point(r);
    for (; err == ERR_OK && next != NOTHING && class_of(next) == CLASS_PAIRS;
         next = read_point(r)) {
        err = put(to, first);
        if (err == ERR_OK)
            err = put(to, next);
        if (err == ERR_OK)
            err = put(to, ' ');
        first = next;
    }
    if (err == ERR_OK)
        err = put(to, first);
    if (err == ERR_OK)
        err = put(to, ' ');
    *ret_next = next;
    return err;
}

enum err words_of_text(const void *text, size_t size, struct buf *to, bool *ret_is_text)
{
    struct reader r;
    size_t before = buf_size(to);
    enum err err = ERR_OK;
    reader_init(&r, text, size, WORDS_TEXT_BYTES_MAX);
    uint32_t point = read_point(&r);
    while (err == ERR_OK && point != NOTHING) {
        enum class class = class_of(point);
        if (class == CLASS_PAIRS) {
            err = put_run(&r, point, to, &point);
            continue;
        }
        err = put(to, class == CLASS_SPACE ? ' ' : point);
        point = read_point(&r);
    }
    if (err != ERR_OK || r.is_bad)
        to->end = to->begin + before;
    *ret_is_text = !r.is_bad;
    return err;
}

size_t words_conversation_key(int64_t conversation, char ret[WORDS_KEY_BYTES_MAX])
{
    unsigned long long number =
        conversation < 0 ? 0 - (unsigned long long)conversation : (unsigned long long)conversation;
    return (size_t)snprintf(ret, WORDS_KEY_BYTES_MAX, KEY_MARK "%c%llu",
                            conversation < 0 ? 's' : 'p', number);
}

size_t words_reader_key(int64_t peer_id, char ret[WORDS_KEY_BYTES_MAX])
{
    if (peer_id == WORDS_READER_SCOPES)
        return (size_t)snprintf(ret, WORDS_KEY_BYTES_MAX, KEY_MARK "x");
    return (size_t)snprintf(ret, WORDS_KEY_BYTES_MAX, KEY_MARK "u%lld", (long long)peer_id);
}

static enum err put_key(struct buf *to, const char *key, size_t size)
{
    enum err err = buf_append_byte(to, ' ');
    return err ? err : buf_append(to, key, size);
}

enum err words_put_keys(int64_t conversation, struct buf *to)
{
    char key[WORDS_KEY_BYTES_MAX];
    int64_t low = conversation >> 31, high = conversation & CONVERSATION_PEER_ID_MAX;
    bool is_direct = conversation > 0;
    enum err err = put_key(to, key, words_conversation_key(conversation, key));
    if (err == ERR_OK)
        err = put_key(to, key, words_reader_key(is_direct ? low : WORDS_READER_SCOPES, key));
    if (err == ERR_OK && is_direct && low != high)
        err = put_key(to, key, words_reader_key(high, key));
    return err;
}

/* --- Questions. */

/* The word that begins with `point`, up to the next space or change of class. */
static enum err take_word(struct reader *r, uint32_t point, struct words_question *question,
                          uint32_t *ret_next)
{
    enum class class = class_of(point);
    struct words_asked *word = &question->words[question->count++];
    struct buf *to = &question->text;
    uint32_t last = 0;
    unsigned length = 0;
    enum err err = ERR_OK;
    word->at = buf_size(to);
    for (; err == ERR_OK && point != NOTHING && class_of(point) == class; point = read_point(r)) {
        if (class == CLASS_PAIRS && length > 0)
            err = length > 1 ? put(to, ' ') : ERR_OK;
        if (err == ERR_OK && class == CLASS_PAIRS && length > 1)
            err = put(to, last);
        if (err == ERR_OK)
            err = put(to, point);
        last = point;
        length++;
    }
    word->size = buf_size(to) - word->at;
    word->is_prefix = class == CLASS_PAIRS && length == 1;
    *ret_next = point;
    return err;
}

enum err words_of_question(const void *text, size_t size, struct words_question *ret)
{
    struct reader r;
    enum class last = CLASS_SPACE;
    enum err err = ERR_OK;
    buf_init(&ret->text, WORDS_DIVIDED_BYTES_MAX);
    ret->count = 0;
    reader_init(&r, text, size, WORDS_TEXT_BYTES_MAX);
    uint32_t point = read_point(&r);
    while (err == ERR_OK && point != NOTHING) {
        enum class class = class_of(point);
        if (class == CLASS_SPACE) {
            point = read_point(&r);
            continue;
        }
        if (ret->count == WORDS_ASKED_MAX)
            return ERR_TOO_MANY;
        last = class;
        err = take_word(&r, point, ret, &point);
    }
    if (err == ERR_OK && r.is_bad)
        err = ERR_BAD_FIELD;
    if (err == ERR_OK && last == CLASS_OTHER)
        ret->words[ret->count - 1].is_prefix = true;
    return err;
}

void words_question_fini(struct words_question *question)
{
    buf_fini(&question->text);
}

enum err words_quote(const void *word, size_t size, bool is_prefix, struct buf *to)
{
    const uint8_t *bytes = word;
    enum err err = buf_append_byte(to, '"');
    for (size_t i = 0; err == ERR_OK && i < size; i++) {
        if (bytes[i] == '"')
            err = buf_append_byte(to, '"');
        if (err == ERR_OK)
            err = buf_append_byte(to, bytes[i]);
    }
    return err ? err : buf_append_text(to, is_prefix ? "\"* " : "\" ");
}
