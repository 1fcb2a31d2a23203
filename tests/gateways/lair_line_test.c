/* SPDX-License-Identifier: MPL-2.0
 *
 * Lines out of a stream: however it is cut, the lines are the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/lair/lair_line.h"

#define LINES_MAX 16

/* What a reader keeps: bytes not consumed, and how far they were looked at. */
struct reader {
    uint8_t bytes[256];
    size_t size, seen;
    char lines[LINES_MAX][64];
    size_t count;
};

static void read_lines(struct reader *reader)
{
    size_t line_size, consumed;
    while (lair_line_next(reader->bytes, reader->size, &reader->seen, &line_size, &consumed) ==
           LAIR_SCAN_LINE) {
        assert_true(line_size < consumed && consumed <= reader->size);
        assert_true(line_size < sizeof(reader->lines[0]) && reader->count < LINES_MAX);
        memcpy(reader->lines[reader->count], reader->bytes, line_size);
        reader->lines[reader->count++][line_size] = '\0';
        reader->size -= consumed;
        memmove(reader->bytes, reader->bytes + consumed, reader->size);
        assert_int_equal(reader->seen, 0);
    }
}

static void feed(struct reader *reader, const char *bytes, size_t size)
{
    assert_true(reader->size + size <= sizeof(reader->bytes));
    memcpy(reader->bytes + reader->size, bytes, size);
    reader->size += size;
    read_lines(reader);
}

static const char stream[] = "one\ntwo\r\n\n\r\nth\rree\r\r\nlast";

static void check_lines(const struct reader *reader)
{
    static const char *const expected[] = {"one", "two", "", "", "th\rree\r"};
    assert_int_equal(reader->count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(reader->lines[i], expected[i]);
    assert_int_equal(reader->size, 4); /* "last" has no end yet */
    assert_int_equal(reader->seen, 4);
}

static void one_cut_anywhere(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < sizeof(stream); cut++) {
        struct reader reader = {.size = 0};
        feed(&reader, stream, cut);
        feed(&reader, stream + cut, sizeof(stream) - 1 - cut);
        check_lines(&reader);
    }
}

static void two_cuts_anywhere(void **state)
{
    size_t size = sizeof(stream) - 1;
    (void)state;
    for (size_t first = 0; first <= size; first++) {
        for (size_t second = first; second <= size; second++) {
            struct reader reader = {.size = 0};
            feed(&reader, stream, first);
            feed(&reader, stream + first, second - first);
            feed(&reader, stream + second, size - second);
            check_lines(&reader);
        }
    }
}

static void byte_by_byte(void **state)
{
    struct reader reader = {.size = 0};
    (void)state;
    for (size_t i = 0; i + 1 < sizeof(stream); i++)
        feed(&reader, stream + i, 1);
    check_lines(&reader);
    feed(&reader, "\n", 1);
    assert_string_equal(reader.lines[5], "last");
}

static void nothing_is_no_line(void **state)
{
    size_t seen = 0, line_size, consumed;
    (void)state;
    assert_int_equal(lair_line_next(NULL, 0, &seen, &line_size, &consumed), LAIR_SCAN_MORE);
    assert_int_equal(seen, 0);
}

static enum lair_scan scan_of(size_t letters, const char *end)
{
    size_t size = letters + strlen(end), seen = 0, line_size = 0, consumed = 0;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, 'A', letters);
    memcpy(bytes + letters, end, strlen(end));
    enum lair_scan scan = lair_line_next(bytes, size, &seen, &line_size, &consumed);
    if (scan == LAIR_SCAN_LINE)
        assert_int_equal(consumed, size);
    free(bytes);
    return scan;
}

static void the_longest_line(void **state)
{
    size_t longest = LAIR_LINE_BYTES(LAIR_TEXT_BYTES_MAX);
    (void)state;
    assert_int_equal(scan_of(longest, "\n"), LAIR_SCAN_LINE);
    assert_int_equal(scan_of(longest, "\r\n"), LAIR_SCAN_LINE);
    assert_int_equal(scan_of(longest, "\r"), LAIR_SCAN_MORE);
    assert_int_equal(scan_of(LAIR_LINE_BYTES_MAX, ""), LAIR_SCAN_MORE);
    assert_int_equal(scan_of(LAIR_LINE_BYTES_MAX + 1, ""), LAIR_SCAN_TOO_LONG); /* end or not */
    assert_int_equal(scan_of(LAIR_LINE_BYTES_MAX + 1, "\n"), LAIR_SCAN_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_cut_anywhere), cmocka_unit_test(two_cuts_anywhere),
        cmocka_unit_test(byte_by_byte),     cmocka_unit_test(nothing_is_no_line),
        cmocka_unit_test(the_longest_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
