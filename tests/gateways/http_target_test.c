/* SPDX-License-Identifier: MPL-2.0
 *
 * Targets of requests: what is cut, decoded, refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/http/http_target.h"

static enum err parse(const char *text, struct http_target *ret, char memory[256])
{
    const char *problem = NULL;
    size_t size = strlen(text);
    assert_true(size < 256);
    memcpy(memory, text, size);
    enum err err = http_target_parse(memory, size, ret, &problem);
    assert_int_equal(err != ERR_OK, problem != NULL);
    return err;
}

static void is_text(struct http_text text, const char *wanted)
{
    assert_int_equal(text.size, strlen(wanted));
    assert_memory_equal(text.data, wanted, text.size);
}

static void cuts_and_decodes(void **state)
{
    struct http_target target;
    char memory[256];
    (void)state;
    assert_int_equal(parse("/", &target, memory), ERR_OK);
    assert_int_equal(target.segment_count, 0);
    assert_int_equal(parse("/a/b%2Fc/%E8%8C%B6", &target, memory), ERR_OK);
    assert_int_equal(target.segment_count, 3);
    is_text(target.segments[1], "b/c");
    is_text(target.segments[2], "\xe8\x8c\xb6");
    assert_int_equal(parse("/a/?x=1+2&y=%26%3D&z", &target, memory), ERR_OK);
    assert_int_equal(target.segment_count, 2);
    is_text(target.segments[1], "");
    assert_int_equal(target.parameter_count, 3);
    is_text(*http_target_parameter(&target, "x"), "1 2");
    is_text(*http_target_parameter(&target, "y"), "&=");
    is_text(*http_target_parameter(&target, "z"), "");
    assert_null(http_target_parameter(&target, "none"));
    assert_int_equal(parse("/a+b", &target, memory), ERR_OK);
    is_text(target.segments[0], "a+b");
}

static void refuses(void **state)
{
    static const char *const wrong[] = {
        "",
        "a",
        "http://x/",
        "*",
        "/%",
        "/%4",
        "/%zz",
        "/a%00b",
        "/%ff",
        "/%c0%af",
        "/?a=1&a=2",
        "/?%61=1&a=2",
        "/?a=%",
        "/?a=%80",
        "/1/2/3/4/5/6/7/8/9",
        "/?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q",
    };
    struct http_target target;
    char memory[256];
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(parse(wrong[i], &target, memory), ERR_BAD_HTTP);
}

static void numbers(void **state)
{
    static const char *const wrong[] = {"", "-1", "+1", "1 ", "0x1", "18446744073709551616", "101"};
    uint64_t number = 7;
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(http_text_number(http_text_of(wrong[i], strlen(wrong[i])), 100, &number),
                         ERR_BAD_FIELD);
    assert_int_equal(number, 7);
    assert_int_equal(http_text_number(http_text_of("100", 3), 100, &number), ERR_OK);
    assert_int_equal(number, 100);
    assert_int_equal(
        http_text_number(http_text_of("18446744073709551615", 20), UINT64_MAX, &number), ERR_OK);
    assert_true(number == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_and_decodes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
