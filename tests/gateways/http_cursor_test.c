/* SPDX-License-Identifier: MPL-2.0
 *
 * Cursors come back as they went out; everything else is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/http/http_cursor.h"

static void goes_and_comes(void **state)
{
    struct http_cursor cursors[] = {{0},
                                    {.seq = 1},
                                    {.seq = WIRE_NUMBER_MAX},
                                    {.offset = 50},
                                    {.name_size = WIRE_NAME_BYTES_MAX}};
    (void)state;
    memset(cursors[4].name, 'x', sizeof(cursors[4].name));
    for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        char text[HTTP_CURSOR_TEXT_MAX];
        struct http_cursor read;
        http_cursor_write(&cursors[i], text);
        assert_int_equal(
            strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            strlen(text));
        assert_int_equal(http_cursor_read(http_text_of(text, strlen(text)), &read), ERR_OK);
        assert_true(read.seq == cursors[i].seq && read.offset == cursors[i].offset);
        assert_int_equal(read.name_size, cursors[i].name_size);
        assert_memory_equal(read.name, cursors[i].name, read.name_size);
    }
}

static void refuses(void **state)
{
    static const char *const wrong[] = {
        "", "x", "AAAA", "====", "AAAAAAAAAAAAAAA=", "////////////////", "_________________"};
    char longest[HTTP_CURSOR_TEXT_MAX + 1];
    struct http_cursor cursor;
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(http_cursor_read(http_text_of(wrong[i], strlen(wrong[i])), &cursor),
                         ERR_BAD_FIELD);
    memset(longest, 'A', sizeof(longest));
    assert_int_equal(http_cursor_read(http_text_of(longest, sizeof(longest)), &cursor),
                     ERR_BAD_FIELD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(goes_and_comes), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
