/* SPDX-License-Identifier: MPL-2.0
 *
 * Search over the border between what is indexed and what is not, wherever that border lies;
 * changes on both sides of it; and that nothing is left of what was removed.
 */
#include "store/search.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "rt/check.h"
#include "store/changes.h"
#include "store/conversation.h"
#include "store/store_internal.h"
#include "store_fixture.h"

enum { TEXT = 0, CUSTOM = 5, ACTION = 3, EDIT = 7, DELETE = 8 };

static uint64_t put(struct fixture *fixture, int64_t conversation, uint32_t kind, const char *type,
                    const char *body)
{
    static uint64_t n;
    uint64_t id[2] = {++n, 7};
    struct message_row row = {
        .scope_id = 1,
        .sender_id = 1,
        .stored_ms = 1000 + (int64_t)n,
        .expires_ms = 1000 + (int64_t)n,
        .created_ms = 1,
        .conversation = conversation,
        .kind = kind,
        .content_type = {(const uint8_t *)type, type ? strlen(type) : 0},
        .body = {(const uint8_t *)body, strlen(body)},
    };
    memcpy(row.message_id, id, sizeof id);
    assert_ok(message_append(fixture->store, &row));
    return row.seq;
}

static uint64_t say_in(struct fixture *fixture, int64_t conversation, const char *body)
{
    assert_ok(store_begin(fixture->store));
    uint64_t seq = put(fixture, conversation, TEXT, NULL, body);
    assert_ok(store_commit(fixture->store));
    return seq;
}

static uint64_t say(struct fixture *fixture, const char *body)
{
    return say_in(fixture, 5, body);
}

static void edit(struct fixture *fixture, uint64_t seq, const char *body)
{
    assert_ok(store_begin(fixture->store));
    assert_ok(edit_add(fixture->store, seq, put(fixture, 5, EDIT, NULL, body)));
    assert_ok(store_commit(fixture->store));
}

static void erase(struct fixture *fixture, uint64_t seq)
{
    assert_ok(store_begin(fixture->store));
    struct tombstone tombstone = {
        .seq = seq, .delete_seq = put(fixture, 5, DELETE, NULL, ""), .deleted_ms = 1};
    assert_ok(tombstone_add(fixture->store, &tombstone));
    assert_ok(store_commit(fixture->store));
}

static uint64_t index_some(struct fixture *fixture, uint32_t rows)
{
    uint64_t upto = 0;
    assert_ok(search_work(fixture->store, rows, &upto));
    return upto;
}

/* --- Asking. */

struct found {
    size_t count;
    struct search_hit hits[2 * SEARCH_HITS_MAX];
    uint64_t next_seq;
};
static struct found found;

static enum err take(void *context, const struct search_hit *hit)
{
    struct found *to = context;
    for (size_t i = 0; i < to->count && i < 100; i++)
        assert_int_not_equal(to->hits[i].seq, hit->seq);
    assert_true(to->count < 2 * SEARCH_HITS_MAX);
    assert_true(hit->score > 0);
    to->hits[to->count++] = *hit;
    return ERR_OK;
}

static void ask_in(struct store *store, int64_t conversation, uint64_t before_seq, const char *text)
{
    struct search search = {
        .text = text,
        .text_size = strlen(text),
        .conversation = conversation,
        .before_seq = before_seq,
    };
    found.count = 0;
    assert_ok(search_run(store, &search, take, &found, &found.next_seq));
}

static size_t ask(struct fixture *fixture, const char *text)
{
    ask_in(fixture->store, 0, 0, text);
    assert_int_equal(found.next_seq, 0);
    return found.count;
}

static bool has(uint64_t seq)
{
    for (size_t i = 0; i < found.count; i++) {
        if (found.hits[i].seq == seq)
            return true;
    }
    return false;
}

/* --- Every text with every question, indexed and not. */

static const struct {
    const char *text, *question;
    bool is_found;
} asked_cases[] = {
    {"Hello, World", "hello", true},
    {"Hello, World", "WORLD hello", true},
    {"Hello, World", "wor", true}, /* the last word may go on */
    {"Hello, World", "hell world", false},
    {"Hello, World", "orld", false},
    {"日本語を勉強する", "日本", true},
    {"日本語を勉強する", "本語", true},
    {"日本語を勉強する", "語を勉", true},
    {"日本語を勉強する", "勉", true},
    {"日本語を勉強する", "る", true}, /* the last one */
    {"日本語を勉強する", "日語", false},
    {"日本語を勉強する", "勉強 日本", true},
    {"北京大学生前来应聘", "大学", true},
    {"北京大学生前来应聘", "京大", true},
    {"北京大学生前来应聘", "应聘", true},
    {"北京大学生前来应聘", "北大", false},
    {"サーバーが落ちた", "サーバー", true},
    {"サーバーが落ちた", "落ち", true},
    {"カ\xe3\x82\x99ス", "ガス", true}, /* decomposed */
    {"한국어를 배운다", "한국", true},
    {"한국어를 배운다", "배운", true},
    {"한국어를 배운다", "어배", false},
    {"新しいiPhone発売", "iphone", true},
    {"新しいiPhone発売", "発売 iphone", true},
    {"新しいiPhone発売", "い i", true},
    {"ＲＯＯＳＴ　２０２４", "roost 2024", true},
    {"caf\xc3\xa9 ol\xc3\xa9", "cafe", true},
    {"cafe\xcc\x81 au lait", "caf\xc3\xa9", true},
    {"na\xc3\xafve", "naive", true},
    {"ПРИВЕТ мир", "привет", true},
    {"good job 👍", "job", true},
    {"good job 👍", "👍", false}, /* no word */
    {"good job 👍", "👍 job", true},
    {"e-mail me", "e-mail", true},
    {"e-mail me", "mail e", true},
    {"mail e", "e-mail", false},        /* not in a row */
    {"one two three", "two-thr", true}, /* a row, and the last goes on */
    {"text: x", "text:x", true},
    {"NEAR(a b)", "near(a b)", true},
    {"he said \"no\"", "\"no\"", true},
    {"he said \"no\"", "\"", false},
    {"100% * sure", "*", false},
    {"100% * sure", "sure *", true},
    {"a OR b", "a or c", false},
    {"a AND b", "^a", true},
    {"x y", "{x} : y", true},
    {"tab\tand\nline", "and line", true},
    {"file_name.txt", "name", true},
    {"conversation p5", "\xee\x80\x80p5", true}, /* the mark is a blank to strangers */
    {"nothing", "\xee\x80\x80p5", false},
    {"nothing", "", false},
    {"nothing", "  ", false},
};

static void test_texts_and_questions(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof asked_cases / sizeof *asked_cases; i++) {
        uint64_t seq = say(fixture, asked_cases[i].text);
        (void)ask(fixture, asked_cases[i].question);
        if (has(seq) != asked_cases[i].is_found)
            fail_msg("not indexed: \"%s\" in \"%s\"", asked_cases[i].question, asked_cases[i].text);
        double score = found.count ? found.hits[0].score : 0;
        size_t count = found.count;
        assert_int_equal(index_some(fixture, 10), seq);
        (void)ask(fixture, asked_cases[i].question);
        if (has(seq) != asked_cases[i].is_found)
            fail_msg("indexed: \"%s\" in \"%s\"", asked_cases[i].question, asked_cases[i].text);
        bool is_alone = count == 1 && found.count == 1 && !strchr(asked_cases[i].question, ' ');
        if (is_alone && score != found.hits[0].score) /* the same rule on both sides */
            fail_msg("score of \"%s\": %f, then %f", asked_cases[i].text, score,
                     found.hits[0].score);
        erase(fixture, seq);
        (void)index_some(fixture, 10);
        assert_int_equal(ask(fixture, asked_cases[i].question), 0);
    }
}

/* Anything is a question, and finds the same in the index as in the rows it does not have. */
static void test_any_text_and_any_question(void **state)
{
    static const char *const parts[] = {
        "a",     "b",  "ab", "A",  "é",  "日", "本",       "語",    "か",   "\xe3\x82\x99",
        "한",    "👍",  "\"", "*",  "^",  ":",  "(",        ")",     "{",    "}",
        "+",     "-",  "'",  ";",  " ",  " ",  " ",        " AND ", " OR ", " NOT ",
        "NEAR(", "\t", "\n", "\\", "％", "１", "\xcc\x81", ",",
    };
    struct fixture *fixture = *state;
    uint64_t seed = 7, seqs[40];
    char texts[2][100];
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 40; i++) {
            texts[0][0] = '\0';
            for (uint64_t n = fixture_random(&seed) % 12; n > 0; n--)
                strcat(texts[0], parts[fixture_random(&seed) % (sizeof parts / sizeof *parts)]);
            seqs[i] = say(fixture, texts[0]);
        }
        char questions[50][100];
        bool was_found[50][40];
        for (int is_indexed = 0; is_indexed < 2; is_indexed++) {
            for (int q = 0; q < 50; q++) {
                if (!is_indexed)
                    questions[q][0] = '\0';
                for (uint64_t n = is_indexed ? 0 : fixture_random(&seed) % 5; n > 0; n--)
                    strcat(questions[q],
                           parts[fixture_random(&seed) % (sizeof parts / sizeof *parts)]);
                (void)ask(fixture, questions[q]);
                for (int i = 0; i < 40; i++) {
                    if (is_indexed && was_found[q][i] != has(seqs[i]))
                        fail_msg("round %d, question \"%s\", message %d", round, questions[q], i);
                    was_found[q][i] = has(seqs[i]);
                }
            }
            (void)index_some(fixture, 1000);
        }
    }
}

static void test_only_texts(void **state)
{
    static const struct {
        uint32_t kind;
        const char *type;
        bool is_found;
    } cases[] = {
        {TEXT, NULL, true},         {ACTION, NULL, true},
        {TEXT, "text/plain", true}, {TEXT, "Text/Markdown; charset=utf-8", true},
        {TEXT, "text", false},      {TEXT, "application/json", false},
        {CUSTOM, NULL, false},      {1, NULL, false},
        {4, NULL, false},           {6, NULL, false},
        {9, NULL, false},
    };
    struct fixture *fixture = *state;
    for (int is_indexed = 0; is_indexed < 2; is_indexed++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            char word[32];
            (void)snprintf(word, sizeof word, "word%d%zu", is_indexed, i);
            assert_ok(store_begin(fixture->store));
            (void)put(fixture, 5, cases[i].kind, cases[i].type, word);
            assert_ok(store_commit(fixture->store));
            if (is_indexed)
                (void)index_some(fixture, 10000);
            assert_int_equal(ask(fixture, word), cases[i].is_found);
        }
    }
}

static void test_conversations(void **state)
{
    struct fixture *fixture = *state;
    uint64_t one = say_in(fixture, 100, "moon"), other = say_in(fixture, -100, "moon");
    for (int i = 0; i < 2; i++) {
        ask_in(fixture->store, 100, 0, "moon");
        assert_int_equal(found.count, 1);
        assert_int_equal(found.hits[0].seq, one);
        assert_int_equal(found.hits[0].conversation, 100);
        ask_in(fixture->store, -100, 0, "moon");
        assert_int_equal(found.count, 1);
        assert_int_equal(found.hits[0].seq, other);
        ask_in(fixture->store, 10, 0, "moon");
        assert_int_equal(found.count, 0);
        assert_int_equal(ask(fixture, "moon"), 2);
        ask_in(fixture->store, 0, other, "moon");
        assert_int_equal(found.count, 1);
        assert_int_equal(found.hits[0].seq, one);
        (void)index_some(fixture, 10000);
    }
}

static size_t ask_as(struct fixture *fixture, int64_t reader_id, const char *text)
{
    struct search search = {.text = text, .text_size = strlen(text), .reader_id = reader_id};
    found.count = 0;
    assert_ok(search_run(fixture->store, &search, take, &found, &found.next_seq));
    return found.count;
}

/* Of messages between two peers a reader gets his own; scopes are for the caller to decide. */
static void test_readers(void **state)
{
    struct fixture *fixture = *state;
    uint64_t one = say_in(fixture, conversation_of_peers(3, 4), "star one");
    uint64_t self = say_in(fixture, conversation_of_peers(3, 3), "star two");
    uint64_t scope = say_in(fixture, conversation_of_scope(3), "star three");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask_as(fixture, 3, "star"), 3);
        assert_int_equal(ask_as(fixture, 4, "star"), 2);
        assert_true(has(one) && has(scope) && !has(self));
        assert_int_equal(ask_as(fixture, 5, "star"), 1);
        assert_true(has(scope));
        assert_int_equal(ask_as(fixture, 0, "star"), 3);
        assert_int_equal(ask_as(fixture, 4, "star two"), 0);
        assert_int_equal(ask_as(fixture, 34, "star two"), 0);
        (void)index_some(fixture, 10000);
    }
}

/* Every place of the border in a life of a message. */
static void test_changes(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t border = 0; border <= 5; border++) {
        (void)index_some(fixture, 10000);
        uint64_t seq = say(fixture, "apple tree");
        edit(fixture, seq, "pear tree");
        uint64_t second = say(fixture, "plum tree");
        edit(fixture, seq, "cherry tree");
        (void)index_some(fixture, border);
        assert_int_equal(ask(fixture, "apple"), 0);
        assert_int_equal(ask(fixture, "pear"), 0);
        assert_int_equal(ask(fixture, "cherry"), 1);
        assert_int_equal(found.hits[0].seq, seq);
        assert_int_equal(ask(fixture, "tree"), 2);
        erase(fixture, seq);
        assert_int_equal(ask(fixture, "cherry"), 0);
        assert_int_equal(ask(fixture, "tree"), 1);
        assert_int_equal(found.hits[0].seq, second);
        (void)index_some(fixture, border);
        assert_int_equal(ask(fixture, "cherry"), 0);
        assert_int_equal(ask(fixture, "tree"), 1);
        erase(fixture, second);
        (void)index_some(fixture, 10000);
        assert_int_equal(ask(fixture, "tree"), 0);
    }
}

static void check_index(struct fixture *fixture, int64_t rows_wanted)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_exec(fixture->store->db,
                                  "INSERT INTO message_text (message_text) VALUES"
                                  " ('integrity-check')",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(fixture->store->db,
                                        "SELECT count(*) FROM message_text_docsize", -1, &stmt,
                                        NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int64(stmt, 0), rows_wanted);
    (void)sqlite3_finalize(stmt);
}

static void test_removed_messages_leave_nothing(void **state)
{
    struct fixture *fixture = *state;
    uint64_t removed = 0, left = 0;
    for (int border = 0; border < 12; border++) {
        uint64_t seq = say(fixture, "stone one"), other = say(fixture, "stone two");
        edit(fixture, seq, "stone three");
        erase(fixture, other);
        (void)say(fixture, "stone four");
        edit(fixture, seq, "stone five");
        assert_ok(store_begin(fixture->store));
        (void)put(fixture, 5, CUSTOM, NULL, "the last one stays");
        assert_ok(store_commit(fixture->store));
        (void)index_some(fixture, (uint32_t)border);
        assert_ok(store_begin(fixture->store));
        assert_ok(message_index_slice(fixture->store, 10000, &left));
        assert_ok(message_remove_slice(fixture->store, INT64_MAX, INT64_MAX, 10000, &removed));
        assert_ok(store_commit(fixture->store));
        assert_true(removed > 0);
        assert_int_equal(ask(fixture, "stone"), 0);
        (void)index_some(fixture, 10000);
        assert_int_equal(ask(fixture, "stone"), 0);
        check_index(fixture, 0);
        uint64_t newest = 1;
        assert_ok(edit_newest(fixture->store, seq, UINT64_MAX, &newest));
        assert_int_equal(newest, 0);
    }
}

static void test_damaged_rows_are_not_seen(void **state)
{
    struct fixture *fixture = *state;
    char sql[100];
    uint64_t seq = say(fixture, "broken glass");
    (void)snprintf(sql, sizeof sql, "UPDATE message SET body = X'67' WHERE seq = %d", (int)seq);
    assert_int_equal(ask(fixture, "glass"), 1);
    assert_int_equal(sqlite3_exec(fixture->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(ask(fixture, "glass"), 0);
    assert_int_equal(ask(fixture, "g"), 0);
    assert_int_equal(index_some(fixture, 10), seq);
    assert_int_equal(ask(fixture, "g"), 0);
}

static void damage_index(const struct fixture *fixture)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE message_text_data SET block = X'ffffffffffff' WHERE id > 10", NULL,
                     NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* FTS5 sees it when it merges what it has. */
static void test_a_damaged_index_is_made_anew(void **state)
{
    struct fixture *fixture = *state;
    (void)say(fixture, "needle in a haystack");
    (void)index_some(fixture, 100);
    store_close(&fixture->store);
    damage_index(fixture);
    assert_ok(fixture_open(fixture, &fixture->store));
    uint64_t upto = 1;
    for (int i = 0; i < 100 && upto; i++) {
        (void)say(fixture, "straw");
        upto = index_some(fixture, 100);
    }
    assert_int_equal(upto, 0);
    assert_int_equal(ask(fixture, "needle"), 1); /* not indexed now, but found */
    assert_true(index_some(fixture, 100) > 0);
    assert_int_equal(ask(fixture, "needle"), 1);
    check_index(fixture, (int64_t)ask(fixture, "straw") + 1);
}

/* --- Bounds. */

static void test_rare_words_weigh_more_and_short_texts(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 50; i++)
        (void)say(fixture, "common words of everybody");
    uint64_t twice = say(fixture, "rare rare common"), once = say(fixture, "rare common common");
    uint64_t length = say(fixture, "rare common and very many other words that say nothing at all");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(fixture, "common rare"), 3);
        double scores[3] = {0};
        for (int k = 0; k < 3; k++)
            scores[found.hits[k].seq == twice  ? 0
                   : found.hits[k].seq == once ? 1
                                               : 2] = found.hits[k].score;
        assert_true(has(length) && scores[1] > scores[2]);
        if (i == 1)
            assert_true(scores[0] > scores[1]); /* the index knows what is rare */
        (void)index_some(fixture, 10000);
    }
}

static void say_many(struct fixture *fixture, unsigned count, const char *body)
{
    assert_ok(store_begin(fixture->store));
    for (unsigned i = 0; i < count; i++)
        (void)put(fixture, 5, TEXT, NULL, body);
    assert_ok(store_commit(fixture->store));
}

/* Whatever the border, going on with next_seq finds each message once. */
static void check_windows(struct fixture *fixture, size_t wanted)
{
    uint64_t before = 0;
    size_t total = 0, rounds = 0;
    do {
        ask_in(fixture->store, 0, before, "pebble");
        assert_true(found.count <= 2 * SEARCH_HITS_MAX);
        for (size_t i = 0; i < found.count; i++) {
            assert_true(before == 0 || found.hits[i].seq < before);
            assert_true(found.hits[i].seq >= found.next_seq);
        }
        total += found.count;
        before = found.next_seq;
        rounds++;
    } while (before);
    assert_int_equal(total, wanted);
    assert_true(rounds > 1);
}

static void test_windows(void **state)
{
    struct fixture *fixture = *state;
    size_t many = 3 * SEARCH_HITS_MAX + 7;
    say_many(fixture, (unsigned)many, "pebble");
    say_many(fixture, SEARCH_TAIL_MAX + 10, "sand");
    check_windows(fixture, many);
    size_t border = many - SEARCH_HITS_MAX / 2;
    assert_int_equal(index_some(fixture, (uint32_t)border), border);
    check_windows(fixture, many);
    ask_in(fixture->store, 0, 0, "pebble");
    assert_int_equal(found.count, 0); /* the newest rows are all sand */
    while (index_some(fixture, 20000) < many + SEARCH_TAIL_MAX + 10)
        continue;
    check_windows(fixture, many);
    ask_in(fixture->store, 0, 0, "pebble");
    assert_int_equal(found.count, SEARCH_HITS_MAX);
}

static void test_a_slice_is_bounded_by_bytes(void **state)
{
    struct fixture *fixture = *state;
    static char body[100000];
    for (size_t i = 0; i < sizeof body - 1; i++)
        body[i] = i % 8 ? (char)('a' + i / 8 % 26) : ' ';
    (void)index_some(fixture, 100000);
    uint64_t first = say(fixture, body);
    for (int i = 0; i < 40; i++)
        (void)say(fixture, body);
    uint64_t upto = index_some(fixture, 1000);
    assert_true(upto > first && upto < first + 25);
    assert_int_equal(index_some(fixture, 0), upto);
}

static void test_questions_that_are_refused(void **state)
{
    struct fixture *fixture = *state;
    char many[400];
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = i % 2 ? '-' : 'a';
    struct search search = {.text = "\xff", .text_size = 1};
    assert_err(search_run(fixture->store, &search, take, &found, &found.next_seq), ERR_BAD_FIELD);
    search = (struct search){.text = many, .text_size = sizeof many};
    assert_err(search_run(fixture->store, &search, take, &found, &found.next_seq), ERR_TOO_MANY);
    assert_int_equal(ask(fixture, "nowhere"), 0);
}

static void test_a_reader_searches(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    uint64_t seq = say(fixture, "seen by readers"), searched = 0;
    assert_ok(fixture_open_reader(fixture, &reader));
    for (int i = 0; i < 2; i++) {
        assert_ok(store_read_begin(reader));
        ask_in(reader, 0, 0, "readers");
        store_read_end(reader);
        assert_int_equal(found.count, 1);
        assert_int_equal(found.hits[0].seq, seq);
        (void)index_some(fixture, 10000);
    }
    assert_ok(search_progress(reader, &searched));
    assert_int_equal(searched, seq);
    store_close(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        T(test_texts_and_questions),
        T(test_any_text_and_any_question),
        T(test_only_texts),
        T(test_conversations),
        T(test_readers),
        T(test_changes),
        T(test_removed_messages_leave_nothing),
        T(test_damaged_rows_are_not_seen),
        T(test_a_damaged_index_is_made_anew),
        T(test_rare_words_weigh_more_and_short_texts),
        T(test_windows),
        T(test_a_slice_is_bounded_by_bytes),
        T(test_questions_that_are_refused),
        T(test_a_reader_searches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
