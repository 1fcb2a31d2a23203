/* SPDX-License-Identifier: MPL-2.0
 *
 * clients/cli/text and json: escapes for terminals and for JSON, base64, numbers, nesting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "clients/cli/json.h"
#include "clients/cli/text.h"

static void escapes(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *shown;
    } rows[] = {
        {"plain", 5, "plain"},
        {"a\nb\tc\rd", 7, "a\\nb\\tc\\rd"},
        {"\x1b[31m", 5, "\\x1b[31m"},
        {"nul\0end", 7, "nul\\x00end"},
        {"\x7f", 1, "\\x7f"},
        {"\xc2\x9b", 2, "\\u{9b}"}, /* C1: CSI */
        {"\xe2\x80\xae"
         "x",
         4, "\\u{202e}x"}, /* right to left from here */
        {"\xe2\x81\xa6", 3, "\\u{2066}"},
        {"\xef\xbb\xbf", 3, "\\u{feff}"},
        {"\xc3\xbc\xe6\xbc\xa2", 5, "\xc3\xbc\xe6\xbc\xa2"},
        {"\xff\xc3", 2, "\\xff\\xc3"},          /* no UTF-8 */
        {"\xc0\xaf", 2, "\\xc0\\xaf"},          /* overlong */
        {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"}, /* surrogate */
    };
    char shown[100];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(text_escape(rows[i].bytes, rows[i].size, shown, sizeof(shown)),
                            rows[i].shown);
}

static void cutting(void **state)
{
    char shown[8];
    (void)state;
    assert_string_equal(text_escape("1234567", 7, shown, sizeof(shown)), "1234567");
    assert_string_equal(text_escape("12345678", 8, shown, sizeof(shown)), "1234...");
    assert_string_equal(text_escape("", 0, shown, sizeof(shown)), "");
    for (size_t size = 1; size < sizeof(shown); size++) { /* never beyond the end */
        memset(shown, 'x', sizeof(shown));
        (void)text_escape("\x1b\x1b\x1b\x1b", 4, shown, size);
        assert_true(strlen(shown) < size);
    }
}

static void numbers(void **state)
{
    char text[TEXT_SIZE_BYTES];
    char time_text[TEXT_TIME_BYTES];
    (void)state;
    assert_string_equal(text_count(0, text), "0");
    assert_string_equal(text_count(999, text), "999");
    assert_string_equal(text_count(1000, text), "1,000");
    assert_string_equal(text_count(1234567, text), "1,234,567");
    assert_string_equal(text_count(UINT64_MAX, text), "18446744073709551615");
    assert_string_equal(text_size(0, text), "0 B");
    assert_string_equal(text_size(1023, text), "1023 B");
    assert_string_equal(text_size(1536, text), "1.5 KiB");
    assert_string_equal(text_size(UINT64_MAX, text), "16777216.0 TiB");
    assert_string_equal(text_time(0, time_text), "-");
}

static char *written(void (*write)(struct json *json))
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct json json;
    assert_non_null(out);
    json_begin(&json, out);
    write(&json);
    json_end_line(&json);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void write_everything(struct json *json)
{
    json_object(json, NULL);
    json_text(json, "text", "q\" b\\ \n\t\x1b \xc3\xbc");
    json_text_bytes(json, "bad",
                    "\xff"
                    "a",
                    2);
    json_number(json, "number", UINT64_MAX);
    json_real(json, "real", 1.5);
    json_real(json, "none", NAN);
    json_bool(json, "yes", true);
    json_array(json, "list");
    json_number(json, NULL, 1);
    json_object(json, NULL);
    json_object_end(json);
    json_array(json, NULL);
    json_array_end(json);
    json_array_end(json);
    json_bool(json, "no", false);
    json_object_end(json);
}

static void json_is_right(void **state)
{
    (void)state;
    char *text = written(write_everything);
    assert_string_equal(text, "{\"text\":\"q\\\" b\\\\ \\n\\u0009\\u001b \xc3\xbc\","
                              "\"bad\":\"\\ufffda\",\"number\":18446744073709551615,"
                              "\"real\":1.5,\"none\":null,\"yes\":true,"
                              "\"list\":[1,{},[]],\"no\":false}\n");
    free(text);
}

static void write_base64(struct json *json)
{
    json_array(json, NULL);
    json_base64(json, NULL, "", 0);
    json_base64(json, NULL, "f", 1);
    json_base64(json, NULL, "fo", 2);
    json_base64(json, NULL, "foo", 3);
    json_base64(json, NULL, "\xff\xfe\xfd\xfc", 4);
    json_array_end(json);
}

static void base64(void **state)
{
    (void)state;
    char *text = written(write_base64);
    assert_string_equal(text, "[\"\",\"Zg==\",\"Zm8=\",\"Zm9v\",\"//79/A==\"]\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),       cmocka_unit_test(cutting), cmocka_unit_test(numbers),
        cmocka_unit_test(json_is_right), cmocka_unit_test(base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
