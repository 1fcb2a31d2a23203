/* SPDX-License-Identifier: MPL-2.0
 *
 * See json.h.
 */
#include "clients/cli/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

size_t utf8_length(const uint8_t *at, size_t left)
{
    uint32_t code;
    size_t length;
    if (left == 0)
        return 0;
    if (at[0] < 0x80)
        return 1;
    if (at[0] >= 0xc2 && at[0] <= 0xdf)
        length = 2;
    else if (at[0] >= 0xe0 && at[0] <= 0xef)
        length = 3;
    else if (at[0] >= 0xf0 && at[0] <= 0xf4)
        length = 4;
    else
        return 0;
    if (length > left)
        return 0;
    code = at[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    bool is_overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return is_overlong || is_surrogate || code > 0x10ffff ? 0 : length;
}

void json_begin(struct json *json, FILE *out)
{
    *json = (struct json){.out = out};
}

void json_end_line(struct json *json)
{
    (void)fputc('\n', json->out); /* errors of the stream are looked at once, at the end */
    json->depth = 0;
    json->has_items[0] = false;
}

static void write_quoted(FILE *out, const uint8_t *text, size_t size)
{
    (void)fputc('"', out);
    for (size_t i = 0; i < size;) {
        size_t length = utf8_length(text + i, size - i);
        if (length == 0) {
            (void)fputs("\\ufffd", out);
            i++;
            continue;
        }
        if (text[i] == '"' || text[i] == '\\')
            (void)fprintf(out, "\\%c", text[i]);
        else if (text[i] == '\n')
            (void)fputs("\\n", out);
        else if (text[i] < 0x20 || text[i] == 0x7f)
            (void)fprintf(out, "\\u%04x", text[i]);
        else
            (void)fwrite(text + i, 1, length, out);
        i += length;
    }
    (void)fputc('"', out);
}

static void start_item(struct json *json, const char *name)
{
    if (json->has_items[json->depth])
        (void)fputc(',', json->out);
    json->has_items[json->depth] = true;
    if (name) {
        write_quoted(json->out, (const uint8_t *)name, strlen(name));
        (void)fputc(':', json->out);
    }
}

static void open_level(struct json *json, const char *name, char bracket)
{
    start_item(json, name);
    (void)fputc(bracket, json->out);
    if (json->depth + 1 < JSON_DEPTH_MAX)
        json->depth++;
    json->has_items[json->depth] = false;
}

static void close_level(struct json *json, char bracket)
{
    (void)fputc(bracket, json->out);
    if (json->depth > 0)
        json->depth--;
}

void json_object(struct json *json, const char *name)
{
    open_level(json, name, '{');
}

void json_object_end(struct json *json)
{
    close_level(json, '}');
}

void json_array(struct json *json, const char *name)
{
    open_level(json, name, '[');
}

void json_array_end(struct json *json)
{
    close_level(json, ']');
}

void json_text_bytes(struct json *json, const char *name, const void *text, size_t size)
{
    start_item(json, name);
    write_quoted(json->out, text, size);
}

void json_text(struct json *json, const char *name, const char *text)
{
    json_text_bytes(json, name, text, strlen(text));
}

void json_number(struct json *json, const char *name, uint64_t number)
{
    start_item(json, name);
    (void)fprintf(json->out, "%" PRIu64, number);
}

void json_negative(struct json *json, const char *name, int64_t number)
{
    start_item(json, name);
    (void)fprintf(json->out, "%" PRId64, number);
}

void json_exact(struct json *json, const char *name, double number)
{
    start_item(json, name);
    (void)fprintf(json->out, isfinite(number) ? "%.17g" : "null", number);
}

void json_real(struct json *json, const char *name, double number)
{
    start_item(json, name);
    if (isfinite(number))
        (void)fprintf(json->out, "%.6g", number);
    else
        (void)fputs("null", json->out);
}

void json_bool(struct json *json, const char *name, bool value)
{
    start_item(json, name);
    (void)fputs(value ? "true" : "false", json->out);
}

void json_base64(struct json *json, const char *name, const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *at = bytes;
    start_item(json, name);
    (void)fputc('"', json->out);
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t three = (uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) |
                         (left > 2 ? at[i + 2] : 0);
        (void)fputc(digits[three >> 18], json->out);
        (void)fputc(digits[three >> 12 & 63], json->out);
        (void)fputc(left > 1 ? digits[three >> 6 & 63] : '=', json->out);
        (void)fputc(left > 2 ? digits[three & 63] : '=', json->out);
    }
    (void)fputc('"', json->out);
}
