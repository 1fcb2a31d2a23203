/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as what a log line says of the outside. Holds actors/rt/log_format.c to:
 *   - escaped text is harmless, and reads back to exactly the bytes that went in; cut, it is the
 *     beginning of the whole and says so
 *   - a line is one line within its bound, in every format
 *   - a text value reads back from a text line; a JSON line is strict JSON, and its strings are
 *     the bytes with U+FFFD for what is no UTF-8
 */
#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "plain.h"
#include "rt/log.h"

#define WHOLE_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_escape(struct bytes text, size_t room)
{
    static char whole[4 * WHOLE_MAX + 5], cut[4 * WHOLE_MAX + 5];
    static uint8_t back[4 * WHOLE_MAX];
    size_t whole_size = log_escape(text.at, text.left, whole, 4 * text.left + 5);
    CHECK(strlen(whole) == whole_size && whole_size <= 4 * text.left);
    CHECK(plain_is_harmless(whole, whole_size));
    CHECK(plain_unescape(whole, whole_size, back) == text.left);
    CHECK(text.left == 0 || memcmp(back, text.at, text.left) == 0);

    memset(cut, '#', room + 1);
    size_t size = log_escape(text.at, text.left, cut, room);
    CHECK(size < room && strlen(cut) == size && cut[room] == '#');
    if (size == whole_size && memcmp(cut, whole, size) == 0)
        return;
    CHECK(size >= 3 && memcmp(cut + size - 3, "...", 3) == 0);
    CHECK(memcmp(cut, whole, size - 3) == 0 && plain_is_harmless(cut, size));
}

/* The value behind ` key=`, as it was before it was escaped; SIZE_MAX when it is not there. */
static size_t read_text_value(const char *line, size_t size, uint8_t *ret)
{
    const char *at = memmem(line, size, " text=", 6);
    if (!at)
        return SIZE_MAX;
    at += 6;
    size_t left = size - (size_t)(at - line), end = 0;
    if (*at != '"') {
        while (end < left && at[end] != ' ' && at[end] != '\n')
            end++;
        return plain_unescape(at, end, ret);
    }
    for (end = 1; end < left && at[end] != '"'; end++)
        end += at[end] == '\\';
    CHECK(end < left);
    return plain_unescape(at + 1, end - 1, ret);
}

static void check_value(enum log_format format, const char *line, size_t size, struct bytes text)
{
    static uint8_t back[LOG_LINE_MAX], wanted[3 * LOG_TEXT_MAX];
    if (text.left > LOG_TEXT_MAX)
        return; /* cut */
    if (format != LOG_FORMAT_JSON) {
        CHECK(read_text_value(line, size, back) == text.left);
        CHECK(text.left == 0 || memcmp(back, text.at, text.left) == 0);
        return;
    }
    const char *found = memmem(line, size, ",\"text\":", 8);
    CHECK(found);
    size_t at = (size_t)(found - line) + 8;
    size_t wanted_size = plain_replaced(text.at, text.left, wanted);
    CHECK(plain_json_string(line, size, &at, back) == wanted_size);
    CHECK(memcmp(back, wanted, wanted_size) == 0);
}

static void check_line(enum log_format format, struct bytes text, struct bytes more,
                       uint64_t number)
{
    static char line[LOG_LINE_MAX];
    const struct log_field fields[] = {
        LOG_BYTES("text", text.at, text.left),
        LOG_BYTES("more", more.at, more.left),
        LOG_U64("count", number),
        LOG_I64("offset", number),
        LOG_BOOL("is", number & 1),
        LOG_HEX("id", more.at, more.left),
        LOG_ERROR(number % ERR_COUNT),
        LOG_BYTES("again", text.at, text.left),
        LOG_BYTES("last", more.at, more.left),
        {.key = NULL, .type = LOG_TYPE_NONE},
    };
    struct wall_time time = {(int64_t)(number >> 16)};
    size_t size = log_format_line(format, (enum log_level)(number % 4), time, "some-actor",
                                  "some-event", fields, line);
    CHECK(size >= 1 && size <= LOG_LINE_MAX && line[size - 1] == '\n');
    CHECK(plain_is_harmless(line, size - 1));
    if (format == LOG_FORMAT_JSON)
        CHECK(plain_is_json(line, size - 1));
    check_value(format, line, size, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size < WHOLE_MAX ? size : WHOLE_MAX};
    uint64_t number = bytes_u64(&input);
    size_t room = 4 + bytes_u8(&input);
    struct bytes all = input;

    check_escape(all, room);
    struct bytes text = bytes_until(&input, '|');
    for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JOURNAL; format++)
        check_line((enum log_format)format, text, input, number);
    return 0;
}
