/* SPDX-License-Identifier: MPL-2.0
 *
 * See plain.h.
 */
#include "plain.h"

#include <string.h>

#define DEPTH_MAX 64

/* --- UTF-8 */

size_t plain_char(const uint8_t *at, size_t left, uint32_t *ret_code)
{
    static const struct {
        uint8_t mask, head;
        uint32_t min, max;
    } forms[] = {{0x80, 0x00, 0, 0x7f},
                 {0xe0, 0xc0, 0x80, 0x7ff},
                 {0xf0, 0xe0, 0x800, 0xffff},
                 {0xf8, 0xf0, 0x10000, 0x10ffff}};
    for (size_t i = 0; left > i && i < 4; i++) {
        uint32_t code = at[0] & (uint8_t)~forms[i].mask;
        if ((at[0] & forms[i].mask) != forms[i].head)
            continue;
        for (size_t j = 1; j <= i; j++) {
            if ((at[j] & 0xc0) != 0x80)
                return 0;
            code = code * 64 + (at[j] & 0x3f);
        }
        *ret_code = code;
        bool is_surrogate = code >> 11 == 0x1b;
        return code < forms[i].min || code > forms[i].max || is_surrogate ? 0 : i + 1;
    }
    return 0;
}

static size_t put_char(uint32_t code, uint8_t *ret)
{
    size_t more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t heads[] = {0, 0xc0, 0xe0, 0xf0};
    for (size_t i = more; i > 0; i--, code >>= 6)
        ret[i] = (uint8_t)(0x80 | (code & 0x3f));
    ret[0] = (uint8_t)(heads[more] | code);
    return more + 1;
}

bool plain_is_harmless(const void *text, size_t size)
{
    const uint8_t *at = text;
    for (size_t i = 0; i < size;) {
        uint32_t code = 0;
        size_t length = plain_char(at + i, size - i, &code);
        bool is_control = code < 0x20 || (code >= 0x7f && code < 0xa0);
        bool is_line = code == 0x2028 || code == 0x2029;
        bool is_turn = code == 0x61c || code == 0x200e || code == 0x200f ||
                       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
        if (length == 0 || is_control || is_line || is_turn)
            return false;
        i += length;
    }
    return true;
}

/* --- Escapes */

static bool read_hex(const char *text, size_t digits, uint32_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < digits; i++) {
        const char *found = text[i] ? strchr("0123456789abcdef", text[i]) : NULL;
        if (!found)
            return false;
        *ret = *ret * 16 + (uint32_t)(found - "0123456789abcdef");
    }
    return true;
}

/* "\u0085" or "\u{85}"; the size of it, 0: neither. */
static size_t read_code(const char *text, size_t left, uint32_t *ret_code)
{
    if (left >= 4 && text[2] != '{')
        return left >= 6 && read_hex(text + 2, 4, ret_code) ? 6 : 0;
    const char *end = left > 3 ? memchr(text, '}', left) : NULL;
    size_t digits = end ? (size_t)(end - text) - 3 : 0;
    return digits >= 1 && digits <= 6 && read_hex(text + 3, digits, ret_code) ? digits + 4 : 0;
}

/* One escape; 0: none. */
static size_t read_escape(const char *text, size_t left, uint8_t *ret, size_t *ret_size)
{
    static const char letters[] = "n\nt\tr\r";
    uint32_t code;
    if (left < 2)
        return 0;
    *ret_size = 1;
    for (size_t i = 0; i < sizeof(letters) - 1; i += 2) {
        if (text[1] == letters[i]) {
            ret[0] = (uint8_t)letters[i + 1];
            return 2;
        }
    }
    if (text[1] == 'x' && left >= 4 && read_hex(text + 2, 2, &code)) {
        ret[0] = (uint8_t)code;
        return 4;
    }
    if (text[1] == 'u') {
        size_t used = read_code(text, left, &code);
        *ret_size = used ? put_char(code, ret) : 0;
        return used;
    }
    ret[0] = (uint8_t)text[1];
    return text[1] == '"' || text[1] == '\\' ? 2 : 0;
}

size_t plain_unescape(const char *text, size_t size, uint8_t *ret)
{
    size_t used = 0;
    for (size_t i = 0; i < size;) {
        size_t put = 1, step = 1;
        if (text[i] == '\\')
            step = read_escape(text + i, size - i, ret + used, &put);
        else
            ret[used] = (uint8_t)text[i];
        if (step == 0)
            return SIZE_MAX;
        used += put;
        i += step;
    }
    return used;
}

size_t plain_replaced(const uint8_t *bytes, size_t size, uint8_t *ret)
{
    size_t used = 0;
    for (size_t i = 0; i < size;) {
        uint32_t code;
        size_t length = plain_char(bytes + i, size - i, &code);
        used += put_char(length ? code : 0xfffd, ret + used);
        i += length ? length : 1;
    }
    return used;
}

/* --- JSON */

struct json_text {
    const char *text;
    size_t size, at;
    unsigned depth;
};

static bool skip(struct json_text *json, const char *set)
{
    if (json->at >= json->size || !json->text[json->at] || !strchr(set, json->text[json->at]))
        return false;
    json->at++;
    return true;
}

static void skip_blanks(struct json_text *json)
{
    while (skip(json, " \t\r\n"))
        continue;
}

/* What JSON has beyond our own escapes; 0: none of these. */
static size_t read_json_escape(const char *text, size_t left, uint8_t *ret, size_t *ret_size)
{
    static const char letters[] = "b\bf\f//";
    for (size_t i = 0; left >= 2 && i < sizeof(letters) - 1; i += 2) {
        if (text[1] != letters[i])
            continue;
        ret[0] = (uint8_t)letters[i + 1];
        *ret_size = 1;
        return 2;
    }
    return 0;
}

size_t plain_json_string(const char *text, size_t size, size_t *at, uint8_t *ret)
{
    size_t used = 0, i = *at;
    if (i >= size || text[i++] != '"')
        return SIZE_MAX;
    while (i < size && text[i] != '"') {
        size_t put = 0, step;
        uint32_t code;
        if (text[i] == '\\' && i + 1 < size && text[i + 1] != 'x') {
            step = read_json_escape(text + i, size - i, ret + used, &put);
            if (step == 0)
                step = read_escape(text + i, size - i, ret + used, &put);
        } else {
            step = put = plain_char((const uint8_t *)text + i, size - i, &code);
            if (step == 0 || code < 0x20 || code == '\\')
                return SIZE_MAX;
            memcpy(ret + used, text + i, step);
        }
        if (step == 0)
            return SIZE_MAX;
        used += put;
        i += step;
    }
    *at = i + 1;
    return i < size ? used : SIZE_MAX;
}

static bool read_digits(struct json_text *json)
{
    size_t first = json->at;
    while (skip(json, "0123456789"))
        continue;
    return json->at > first;
}

static bool read_number(struct json_text *json)
{
    (void)skip(json, "-");
    if (!skip(json, "0") && !read_digits(json))
        return false;
    if (skip(json, ".") && !read_digits(json))
        return false;
    if (!skip(json, "eE"))
        return true;
    (void)skip(json, "+-");
    return read_digits(json);
}

static bool read_word(struct json_text *json)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(words[i]);
        if (json->size - json->at < size || memcmp(json->text + json->at, words[i], size) != 0)
            continue;
        json->at += size;
        return true;
    }
    return false;
}

static bool read_string(struct json_text *json)
{
    static uint8_t ignored[1 << 16];
    return json->size <= sizeof(ignored) &&
           plain_json_string(json->text, json->size, &json->at, ignored) != SIZE_MAX;
}

static bool read_value(struct json_text *json);

static bool read_members(struct json_text *json, char end)
{
    const char ends[] = {end, 0};
    json->at++;
    skip_blanks(json);
    if (skip(json, ends))
        return true;
    do {
        skip_blanks(json);
        if (end == '}') {
            if (!read_string(json))
                return false;
            skip_blanks(json);
            if (!skip(json, ":"))
                return false;
        }
        if (!read_value(json))
            return false;
    } while (skip(json, ","));
    return skip(json, ends);
}

static bool read_value(struct json_text *json)
{
    skip_blanks(json);
    char first = json->at < json->size ? json->text[json->at] : '\0';
    bool is_right = false;
    if (++json->depth > DEPTH_MAX)
        return false;
    if (first == '{' || first == '[')
        is_right = read_members(json, first == '{' ? '}' : ']');
    else if (first == '"')
        is_right = read_string(json);
    else if (first == '-' || (first >= '0' && first <= '9'))
        is_right = read_number(json);
    else
        is_right = read_word(json);
    json->depth--;
    skip_blanks(json);
    return is_right;
}

bool plain_is_json(const char *text, size_t size)
{
    struct json_text json = {.text = text, .size = size};
    return read_value(&json) && json.at == size;
}
