/* SPDX-License-Identifier: MPL-2.0
 *
 * Values of any type in any column: what is needed skips the row, what is wanted is left out.
 */
#include "rows.h"

#define NAME FOREIGN_lair_users_username
#define SEEN FOREIGN_lair_users_last_seen
#define KEY  FOREIGN_lair_users_id

static struct made_row made;
static struct verdict verdict;

static void begin(void)
{
    row_begin(&made, FOREIGN_lair_users, FOREIGN_lair_users_begin);
    verdict = (struct verdict){.outcome = ROW_ADDED};
}

static void test_texts(void **state)
{
    struct text text;
    (void)state;
    begin();
    row_text(&made, NAME, "ana");
    assert_true(read_text(&made.row, NAME, NEEDED, 3, &text, &verdict));
    assert_true(text_is(text, "ana") && !text_is(text, "an") && verdict.text[0] == '\0');
    assert_true(read_text(&made.row, NAME, WANTED, 2, &text, &verdict));
    assert_int_equal(text.size, 0);
    assert_says(verdict, "more than 2 bytes");
    begin();
    assert_true(read_text(&made.row, NAME, WANTED, 9, &text, &verdict));
    assert_int_equal(text.size, 0);
    assert_string_equal(verdict.text, "");
    assert_false(read_text(&made.row, NAME, NEEDED, 9, &text, &verdict));
    assert_says(verdict, "username is missing");
    assert_int_equal(verdict.outcome, ROW_SKIPPED);
}

static void test_what_is_no_text(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {{"\xff", 1}, {"\xc3", 1}, {"a\0b", 3}, {"\xed\xa0\x80", 3}, {"\xc0\x80", 2}};
    struct text text;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        begin();
        *row_at(&made, NAME) =
            (struct foreign_value){.type = FOREIGN_TEXT, .text = bad[i].bytes, .size = bad[i].size};
        assert_false(read_text(&made.row, NAME, NEEDED, 9, &text, &verdict));
        assert_says(verdict, "UTF-8");
    }
    begin();
    row_blob(&made, NAME, "ana", 3);
    assert_false(read_text(&made.row, NAME, NEEDED, 9, &text, &verdict));
    assert_says(verdict, "is not a text");
    begin();
    row_number(&made, NAME, 3);
    assert_true(read_text(&made.row, NAME, WANTED, 9, &text, &verdict));
    assert_says(verdict, "was left out");
    assert_int_equal(verdict.outcome, ROW_ADDED);
}

static void test_times(void **state)
{
    int64_t time_ms;
    (void)state;
    begin();
    row_number(&made, SEEN, 1700000000);
    assert_true(read_seconds(&made.row, SEEN, NEEDED, &time_ms, &verdict));
    assert_int_equal(time_ms, 1700000000000);
    assert_true(read_ms(&made.row, SEEN, NEEDED, &time_ms, &verdict));
    assert_int_equal(time_ms, 1700000000);
    static const int64_t bad[] = {-1, INT64_MIN, INT64_MAX, 253402300800};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        begin();
        row_number(&made, SEEN, bad[i]);
        assert_true(read_seconds(&made.row, SEEN, WANTED, &time_ms, &verdict));
        assert_int_equal(time_ms, 0);
        assert_says(verdict, "is not a time");
        assert_false(read_seconds(&made.row, SEEN, NEEDED, &time_ms, &verdict));
    }
    begin();
    row_text(&made, SEEN, "yesterday");
    assert_false(read_seconds(&made.row, SEEN, NEEDED, &time_ms, &verdict));
    assert_says(verdict, "whole number");
}

static void test_ids_and_flags(void **state)
{
    uint8_t id[16];
    bool has = true;
    (void)state;
    begin();
    assert_true(read_uuid(&made.row, KEY, WANTED, id, &has, &verdict));
    assert_false(has);
    row_text(&made, KEY, ID_ONE);
    assert_true(read_uuid(&made.row, KEY, NEEDED, id, &has, &verdict));
    assert_true(has && id[15] == 0xab);
    row_text(&made, KEY, "17");
    assert_false(read_uuid(&made.row, KEY, NEEDED, id, &has, &verdict));
    assert_says(verdict, "id is not a UUID");
    begin();
    assert_true(read_flag(&made.row, SEEN, true, &verdict));
    row_number(&made, SEEN, 0);
    assert_false(read_flag(&made.row, SEEN, true, &verdict));
    assert_string_equal(verdict.text, "");
    row_text(&made, SEEN, "no");
    assert_true(read_flag(&made.row, SEEN, true, &verdict));
    assert_says(verdict, "neither 0 nor 1");
}

static void test_copies_are_cut_between_characters(void **state)
{
    char copy[6];
    (void)state;
    text_dup((struct text){"a\xc3\xa4\xc3\xb6\xc3\xbc", 7}, copy, sizeof(copy));
    assert_string_equal(copy, "a\xc3\xa4\xc3\xb6");
    text_dup((struct text){"abc\xf0\x9f\x90\xb1", 7}, copy, sizeof(copy));
    assert_string_equal(copy, "abc");
    text_dup((struct text){"", 0}, copy, sizeof(copy));
    assert_string_equal(copy, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_what_is_no_text),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_ids_and_flags),
        cmocka_unit_test(test_copies_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
