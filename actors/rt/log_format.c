/* SPDX-License-Identifier: MPL-2.0
 *
 * From a typed event to one line, as text or JSON. Pure: no state, no output. What does not fit
 * into a line is left out field by field and marked, so a JSON line stays valid.
 *
 * Escaped in text values: control characters (C0, DEL, C1), line separators, the characters that
 * change the direction of writing, and bytes that are no UTF-8. So nothing from outside can forge a
 * line, drive a terminal or hide what it says.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "rt/check.h"
#include "rt/log.h"

#define END_RESERVE 24 /* for the mark of a cut line, closing brace, newline */

struct writer {
    char *text;
    size_t size;
    size_t room;
    bool is_full;
};

static void put(struct writer *writer, const char *text, size_t size)
{
    if (writer->is_full || size > writer->room - writer->size) {
        writer->is_full = true;
        return;
    }
    memcpy(writer->text + writer->size, text, size);
    writer->size += size;
}

static void put_text(struct writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void put_format(struct writer *writer,
                                                             const char *format, ...)
{
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    CHECK(size >= 0 && (size_t)size < sizeof(text));
    put(writer, text, (size_t)size);
}

/* --- UTF-8 */

/* Size of the well-formed character at `bytes`, 0 when there is none; strict (no overlong forms,
 * no surrogates, nothing above U+10FFFF). */
static size_t decode(const uint8_t *bytes, size_t size, uint32_t *ret_char)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = bytes[0];
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 0 || length > size || first > 0xf4)
        return 0;
    uint32_t value = length == 1 ? first : first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3f);
    }
    if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *ret_char = value;
    return length;
}

static bool is_dangerous(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character <= 0x9f) || character == 0x061c ||
           character == 0x200e || character == 0x200f ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069) || character == 0xfeff;
}

static void put_escaped_char(struct writer *writer, uint32_t character, bool is_json)
{
    if (character == '\n')
        put_text(writer, "\\n");
    else if (character == '\t')
        put_text(writer, "\\t");
    else if (is_json || character > 0x7f) /* \x80 and above are bytes that are no UTF-8 */
        put_format(writer, "\\u%04" PRIx32, character);
    else
        put_format(writer, "\\x%02" PRIx32, character);
}

/* Stops in front of the first piece that does not fit; returns how many bytes were taken. */
static size_t put_escaped(struct writer *writer, const uint8_t *bytes, size_t size, bool is_json)
{
    size_t done = 0;
    while (done < size) {
        uint32_t character = 0;
        size_t before = writer->size;
        size_t length = decode(bytes + done, size - done, &character);
        if (length == 0 && is_json)
            put_text(writer, "\\ufffd");
        else if (length == 0)
            put_format(writer, "\\x%02x", bytes[done]);
        else if (character == '"' || character == '\\')
            put_format(writer, "\\%c", (char)character);
        else if (is_dangerous(character))
            put_escaped_char(writer, character, is_json);
        else
            put(writer, (const char *)bytes + done, length);
        if (writer->is_full) {
            writer->size = before;
            break;
        }
        done += length ? length : 1;
    }
    return done;
}

size_t log_escape(const void *text, size_t size, char *ret_text, size_t room)
{
    CHECK(room >= 4);
    struct writer writer = {.text = ret_text, .room = room - 4};
    if (put_escaped(&writer, text, size, false) < size) {
        writer.room = room - 1;
        writer.is_full = false;
        put_text(&writer, "...");
    }
    ret_text[writer.size] = 0;
    return writer.size;
}

/* --- Fields */

/* Do not cut a character in two. */
static size_t cut_size(const uint8_t *bytes, size_t size)
{
    if (size <= LOG_TEXT_MAX)
        return size;
    size = LOG_TEXT_MAX;
    for (unsigned back = 0; back < 3 && (bytes[size] & 0xc0) == 0x80; back++)
        size--;
    return size;
}

static bool needs_quotes(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return true;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = bytes[i];
        if (byte <= ' ' || byte >= 0x7f || byte == '"' || byte == '\\' || byte == '=')
            return true;
    }
    return false;
}

static void put_text_value(struct writer *writer, const struct log_field *field, bool is_json)
{
    const uint8_t *bytes = field->data ? field->data : (const uint8_t *)"";
    size_t size = field->size;
    if (!field->data)
        size = 0;
    else if (size == SIZE_MAX)
        size = strlen(field->data);
    size_t shown = cut_size(bytes, size);
    bool is_quoted = is_json || shown < size || needs_quotes(bytes, shown);
    put_text(writer, is_quoted ? "\"" : "");
    (void)put_escaped(writer, bytes, shown, is_json); /* the writer knows when it is full */
    put_text(writer, shown < size ? "..." : "");
    put_text(writer, is_quoted ? "\"" : "");
}

static void put_hex(struct writer *writer, const struct log_field *field, bool is_json)
{
    const uint8_t *bytes = field->data;
    size_t shown = field->size < LOG_TEXT_MAX / 2 ? field->size : LOG_TEXT_MAX / 2;
    put_text(writer, is_json ? "\"" : "");
    for (size_t i = 0; i < shown; i++)
        put_format(writer, "%02x", bytes[i]);
    put_text(writer, shown < field->size ? "..." : "");
    put_text(writer, is_json ? "\"" : "");
}

static void put_value(struct writer *writer, const struct log_field *field, bool is_json)
{
    switch (field->type) {
    case LOG_TYPE_NONE:
        break;
    case LOG_TYPE_U64:
        put_format(writer, "%" PRIu64, field->number);
        break;
    case LOG_TYPE_I64:
        put_format(writer, "%" PRId64, (int64_t)field->number);
        break;
    case LOG_TYPE_BOOL:
        put_text(writer, field->number ? "true" : "false");
        break;
    case LOG_TYPE_TEXT:
        put_text_value(writer, field, is_json);
        break;
    case LOG_TYPE_HEX:
        put_hex(writer, field, is_json);
        break;
    case LOG_TYPE_ERR:
        put_text(writer, is_json ? "\"" : "");
        put_text(writer, err_name((enum err)field->number));
        put_text(writer, is_json ? "\"" : "");
        break;
    }
}

static void put_fields(struct writer *writer, const struct log_field *fields, bool is_json)
{
    for (const struct log_field *field = fields; field->type != LOG_TYPE_NONE; field++) {
        size_t before = writer->size;
        put_text(writer, is_json ? ",\"" : " ");
        put_text(writer, field->key);
        put_text(writer, is_json ? "\":" : "=");
        put_value(writer, field, is_json);
        if (writer->is_full) {
            writer->size = before;
            writer->is_full = false;
            writer->room += END_RESERVE;
            put_text(writer, is_json ? ",\"cut\":true" : " cut=true");
            return;
        }
    }
    writer->room += END_RESERVE;
}

static void put_time(struct writer *writer, struct wall_time time)
{
    time_t seconds = (time_t)(time.ms / 1000);
    struct tm parts;
    char text[32] = "?";
    if (gmtime_r(&seconds, &parts))
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts); /* always fits */
    put_format(writer, "%s.%03dZ", text, (int)(time.ms % 1000));
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error", "off"};
    CHECK((unsigned)level < sizeof(names) / sizeof(names[0]));
    return names[level];
}

size_t log_format_line(enum log_format format, enum log_level level, struct wall_time time,
                       const char *actor, const char *event, const struct log_field *fields,
                       char ret_line[LOG_LINE_MAX])
{
    struct writer writer = {.text = ret_line, .room = LOG_LINE_MAX - END_RESERVE};
    bool is_json = format == LOG_FORMAT_JSON;
    if (is_json) {
        put_text(&writer, "{\"time\":\"");
        put_time(&writer, time);
        put_format(&writer, "\",\"level\":\"%s\",\"actor\":\"", log_level_name(level));
        put_text(&writer, actor);
        put_text(&writer, "\",\"event\":\"");
        put_text(&writer, event);
        put_text(&writer, "\"");
    } else if (format == LOG_FORMAT_TEXT) {
        put_time(&writer, time);
        put_format(&writer, " %s ", log_level_name(level));
        put_text(&writer, actor);
        put_text(&writer, " ");
        put_text(&writer, event);
    } else { /* the journal keeps time, level and actor in fields of its own */
        put_text(&writer, event);
    }
    put_fields(&writer, fields, is_json);
    put_text(&writer, is_json ? "}\n" : "\n");
    CHECK(!writer.is_full);
    return writer.size;
}
