/* SPDX-License-Identifier: MPL-2.0
 *
 * See text.h.
 */
#include "clients/cli/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "clients/cli/json.h"

#define ESCAPE_BYTES_MAX 16 /* of one character: "\u{202e}" and a NUL */

static uint32_t decode(const uint8_t *at, size_t length)
{
    if (length == 1)
        return at[0];
    uint32_t code = at[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        code = code << 6 | (at[i] & 0x3f);
    return code;
}

/* C0, DEL, C1, line and paragraph separators, marks of direction, and the byte order mark. */
static bool is_dangerous(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xfeff || code >= 0xe0000;
}

/* One character from `at` as harmless text; returns how many bytes it used. */
static size_t escape_one(const uint8_t *at, size_t left, char ret[ESCAPE_BYTES_MAX])
{
    size_t length = utf8_length(at, left);
    if (length == 0) {
        (void)snprintf(ret, ESCAPE_BYTES_MAX, "\\x%02x", at[0]);
        return 1;
    }
    uint32_t code = decode(at, length);
    if (code == '\n' || code == '\t' || code == '\r')
        (void)snprintf(ret, ESCAPE_BYTES_MAX, "\\%c",
                       code == '\n'   ? 'n'
                       : code == '\t' ? 't'
                                      : 'r');
    else if (code < 0x80 && is_dangerous(code))
        (void)snprintf(ret, ESCAPE_BYTES_MAX, "\\x%02x", code);
    else if (is_dangerous(code))
        (void)snprintf(ret, ESCAPE_BYTES_MAX, "\\u{%x}", code);
    else {
        memcpy(ret, at, length);
        ret[length] = '\0';
    }
    return length;
}

char *text_escape(const void *bytes, size_t size, char *ret, size_t ret_size)
{
    const uint8_t *at = bytes;
    size_t used = 0;
    size_t cut = 0; /* the last place where "..." still fits */
    ret[0] = '\0';
    for (size_t i = 0; i < size;) {
        char one[ESCAPE_BYTES_MAX];
        i += escape_one(at + i, size - i, one);
        size_t length = strlen(one);
        if (used + length + 1 > ret_size) {
            if (cut + sizeof("...") <= ret_size)
                memcpy(ret + cut, "...", sizeof("..."));
            return ret;
        }
        memcpy(ret + used, one, length + 1);
        used += length;
        if (used + sizeof("...") <= ret_size)
            cut = used;
    }
    return ret;
}

void text_escape_to(FILE *out, const void *bytes, size_t size, int keeps_lines)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size;) {
        char one[ESCAPE_BYTES_MAX];
        if (keeps_lines && (at[i] == '\n' || at[i] == '\t')) {
            (void)fputc(at[i++], out);
            continue;
        }
        i += escape_one(at + i, size - i, one);
        (void)fputs(one, out);
    }
}

const char *text_time(uint64_t unix_ms, char ret[TEXT_TIME_BYTES])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;
    if (unix_ms == 0 || !localtime_r(&seconds, &parts) ||
        strftime(ret, TEXT_TIME_BYTES, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        (void)snprintf(ret, TEXT_TIME_BYTES, "-");
    return ret;
}

const char *text_size(uint64_t bytes, char ret[TEXT_SIZE_BYTES])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(ret, TEXT_SIZE_BYTES, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return ret;
}

const char *text_count(uint64_t number, char ret[TEXT_SIZE_BYTES])
{
    /* 20 digits and 6 commas are 27 characters: beyond 10^15 the commas are left out. */
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, number);
    char *at = ret;
    for (int i = 0; i < length; i++) {
        if (i > 0 && length <= 16 && (length - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return ret;
}
