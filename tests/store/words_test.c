/* SPDX-License-Identifier: MPL-2.0
 *
 * Tables of texts and what becomes of them.
 */
#include "store/words.h"

#include <string.h>

#include "store_fixture.h"

/* Runs of blanks become one, so that the tables stay readable. */
static const char *tidy(struct buf *buf, char *ret, size_t size)
{
    size_t at = 0;
    const uint8_t *bytes = buf_data(buf);
    for (size_t i = 0; i < buf_size(buf); i++) {
        bool is_blank = bytes[i] == ' ' && (at == 0 || ret[at - 1] == ' ');
        assert_true(at + 1 < size);
        if (!is_blank)
            ret[at++] = (char)bytes[i];
    }
    while (at > 0 && ret[at - 1] == ' ')
        at--;
    ret[at] = '\0';
    return ret;
}

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", ""},
        {"Hello, world!", "Hello, world!"},
        {"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "日本 本語 語"},
        {"猫", "猫"},
        {"猫と犬。鳥", "猫と と犬 犬 。 鳥"},
        {"カタカナ・ひらがな", "カタ タカ カナ ナ ・ ひら らが がな な"},
        {"東京都iPhone発売", "東京 京都 都 iPhone 発売 売"},
        {"サーバー", "サー ーバ バー ー"},
        {"人々", "人々 々"},
        {"한국어 공부", "한국 국어 어 공부 부"},
        {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "한"}, /* letters of one syllable */
        {"か\xe3\x82\x99き", "がき き"},                /* a mark of its own */
        {"ハ\xe3\x82\x9aン", "パン ン"},
        {"ウ\xe3\x82\x99", "ヴ"},
        {"あ\xe3\x82\x99", "あ \xe3\x82\x99"}, /* does not exist composed */
        {"ＡＢＣ　１２", "ABC 12"},
        {"a\tb\nc\x01 d", "a b c d"},
        {"𠮷野家", "𠮷野 野家 家"},
        {"e\xcc\x81t\xc3\xa9", "e\xcc\x81t\xc3\xa9"}, /* left to the tokenizer */
        {"ok 👍🏽 done", "ok 👍🏽 done"},
        {"x\xee\x80\x80p5", "x p5"}, /* nobody names a conversation */
        {"Привет мир", "Привет мир"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf buf;
        char got[256];
        bool is_text = false;
        buf_init(&buf, WORDS_DIVIDED_BYTES_MAX);
        assert_ok(words_of_text(cases[i].text, strlen(cases[i].text), &buf, &is_text));
        assert_true(is_text);
        assert_string_equal(tidy(&buf, got, sizeof got), cases[i].words);
        buf_fini(&buf);
    }
}

static void test_what_is_no_text(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "\xff", "abc\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\x80", "\xe3\x81"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf buf;
        bool is_text = true;
        buf_init(&buf, 1000);
        assert_ok(buf_append_text(&buf, "before"));
        assert_ok(words_of_text(cases[i], strlen(cases[i]), &buf, &is_text));
        assert_false(is_text);
        assert_int_equal(buf_size(&buf), 6);
        buf_fini(&buf);
    }
}

/* Cut in the middle of a character, and as large as it may become. */
static void test_long_texts_are_cut(void **state)
{
    (void)state;
    static char text[2 * WORDS_TEXT_BYTES_MAX];
    struct buf buf;
    bool is_text = false;
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'a', shift);
        for (size_t at = shift; at + 3 <= sizeof text; at += 3)
            memcpy(text + at, "日", 3);
        buf_init(&buf, WORDS_DIVIDED_BYTES_MAX);
        assert_ok(words_of_text(text, sizeof text - 2, &buf, &is_text));
        assert_true(is_text);
        assert_true(buf_size(&buf) > WORDS_TEXT_BYTES_MAX);
        buf_fini(&buf);
    }
    for (size_t at = 0; at + 4 <= sizeof text; at += 4)
        memcpy(text + at, "a日", 4); /* the worst case */
    buf_init(&buf, WORDS_DIVIDED_BYTES_MAX);
    assert_ok(words_of_text(text, sizeof text, &buf, &is_text));
    buf_fini(&buf);
}

static void test_questions(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words; /* divided by |, a * behind those that may go on */
    } cases[] = {
        {"", ""},
        {"   ", ""},
        {"hello", "hello*"},
        {"hello  world", "hello|world*"},
        {"日本", "日本"},
        {"日本語", "日本 本語"},
        {"日", "日*"},
        {"日 foo", "日*|foo*"},
        {"foo 日本", "foo|日本"},
        {"東京iPhone発売日", "東京|iPhone|発売 売日"},
        {"AND OR NOT", "AND|OR|NOT*"},
        {"a\"b", "a\"b*"},
        {"か\xe3\x82\x99く", "がく"},
        {"한국", "한국"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct words_question question;
        struct buf got;
        buf_init(&got, 1000);
        assert_ok(words_of_question(cases[i].text, strlen(cases[i].text), &question));
        for (unsigned k = 0; k < question.count; k++) {
            const struct words_asked *word = &question.words[k];
            assert_ok(buf_append_text(&got, k ? "|" : ""));
            assert_ok(buf_append(&got, buf_data(&question.text) + word->at, word->size));
            assert_ok(buf_append_text(&got, word->is_prefix ? "*" : ""));
        }
        assert_string_equal(buf_text(&got), cases[i].words);
        words_question_fini(&question);
        buf_fini(&got);
    }
}

static void test_questions_that_are_refused(void **state)
{
    (void)state;
    struct words_question question;
    char many[3 * WORDS_ASKED_MAX];
    assert_err(words_of_question("a \xff", 3, &question), ERR_BAD_FIELD);
    words_question_fini(&question);
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = i % 2 ? ' ' : 'a';
    assert_ok(words_of_question(many, 2 * WORDS_ASKED_MAX, &question));
    words_question_fini(&question);
    assert_err(words_of_question(many, 2 * WORDS_ASKED_MAX + 1, &question), ERR_TOO_MANY);
    words_question_fini(&question);
}

static void test_quotes(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    assert_ok(words_quote("a\"b", 3, false, &buf));
    assert_ok(words_quote("c*", 2, true, &buf));
    assert_string_equal(buf_text(&buf), "\"a\"\"b\" \"c*\"* ");
    buf_fini(&buf);
}

static void test_keys(void **state)
{
    (void)state;
    static const int64_t conversations[] = {1, -1, INT64_MAX, INT64_MIN, 12};
    static const int64_t readers[] = {0, 1, 12, INT64_MAX, WORDS_READER_SCOPES};
    char keys[10][WORDS_KEY_BYTES_MAX];
    size_t sizes[10];
    for (int i = 0; i < 10; i++) {
        sizes[i] = i < 5 ? words_conversation_key(conversations[i], keys[i])
                         : words_reader_key(readers[i - 5], keys[i]);
        assert_true(sizes[i] < WORDS_KEY_BYTES_MAX);
        for (int k = 0; k < i; k++)
            assert_true(sizes[i] != sizes[k] || memcmp(keys[i], keys[k], sizes[i]) != 0);
    }
}

static void test_keys_of_messages(void **state)
{
    (void)state;
    static const struct {
        int64_t conversation;
        const char *keys;
    } cases[] = {
        {(INT64_C(3) << 31) | 4, " \xee\x80\x80p6442450948 \xee\x80\x80u3 \xee\x80\x80u4"},
        {(INT64_C(1) << 31) | 1, " \xee\x80\x80p2147483649 \xee\x80\x80u1"},
        {-7, " \xee\x80\x80s7 \xee\x80\x80x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf buf;
        buf_init(&buf, 200);
        assert_ok(words_put_keys(cases[i].conversation, &buf));
        assert_string_equal(buf_text(&buf), cases[i].keys);
        buf_fini(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_what_is_no_text),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_questions_that_are_refused),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_keys_of_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
