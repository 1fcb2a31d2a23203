/* SPDX-License-Identifier: MPL-2.0
 *
 * The slow path of names: UTF-8 validity against a plain definition, and folding of all of Unicode.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <utf8proc.h>

#include "proto/unicode.h"

#define CODEPOINT_MAX 0x10ffff

static void validity(void **state)
{
    char text[40];

    (void)state;
    assert_true(unicode_is_valid("", 0));
    assert_true(unicode_is_valid(NULL, 0)); /* as protobuf has it */
    for (size_t at = 0; at < 24; at++) {    /* the bad byte at every place of the eight at a time */
        memset(text, 'a', sizeof(text));
        assert_true(unicode_is_valid(text, 24));
        text[at] = '\0';
        assert_false(unicode_is_valid(text, 24));
        text[at] = '\x80';
        assert_false(unicode_is_valid(text, 24));
        memcpy(text + at, "\xe4\xb8\xad", 3);
        assert_true(unicode_is_valid(text, 27));
        assert_int_equal(unicode_is_valid(text, at + 2), 0);
    }
    assert_false(unicode_is_valid("\xc0\x80", 2));
    assert_false(unicode_is_valid("\xf4\x90\x80\x80", 4));
}

/* Every code point: if it may stand in a name, it folds, and folding it again changes nothing. */
static void every_code_point(void **state)
{
    unsigned accepted = 0;

    (void)state;
    for (utf8proc_int32_t codepoint = 0x80; codepoint <= CODEPOINT_MAX; codepoint++) {
        utf8proc_uint8_t text[8] = {'x'};
        const char *problem;
        if (codepoint >= 0xd800 && codepoint < 0xe000)
            continue;
        size_t size = 1 + (size_t)utf8proc_encode_char(codepoint, text + 1);
        if (unicode_check_name(text, size, &problem))
            continue;
        struct name_folded once;
        struct name_folded twice;
        assert_int_equal(unicode_fold(text, size, &once), ERR_OK);
        assert_int_equal(unicode_fold(once.text, once.size, &twice), ERR_OK);
        assert_int_equal(once.size, twice.size);
        assert_memory_equal(once.text, twice.text, once.size);
        assert_int_equal(unicode_check_name(once.text, once.size, &problem), ERR_OK);
        accepted++;
    }
    assert_in_range(accepted, 100000, 300000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validity),
        cmocka_unit_test(every_code_point),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
