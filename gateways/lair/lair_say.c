/* SPDX-License-Identifier: MPL-2.0
 *
 * Texts to a connection: formatted, encrypted, written. Lines that come together go out together, up
 * to what the network takes in one piece: clients lose a line whose end comes late.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateways/lair/lair_internal.h"
#include "proto/unicode.h"
#include "rt/check.h"
#include "rt/log.h"

/* What does not fit is left out: texts from outside are bounded before. */
static void append(struct buf *buf, const void *bytes, size_t size)
{
    if (size > buf_room(buf))
        size = buf_room(buf);
    if (buf_append(buf, bytes, size) != ERR_OK)
        return; /* no memory: the same */
}

static void put(struct buf *buf, const char *format, va_list arguments)
{
    for (const char *at = format; *at; at++) {
        const char *percent = strchr(at, '%');
        size_t plain = percent ? (size_t)(percent - at) : strlen(at);
        append(buf, at, plain);
        if (!percent)
            return;
        at = percent + 1;
        if (*at == 'T') {
            struct lair_text text = va_arg(arguments, struct lair_text);
            append(buf, text.data, text.size);
        } else if (*at == 's') {
            const char *text = va_arg(arguments, const char *);
            append(buf, text, strlen(text));
        } else {
            CHECK(*at == 'u');
            char digits[16];
            append(buf, digits,
                   (size_t)snprintf(digits, sizeof(digits), "%u", va_arg(arguments, unsigned)));
        }
    }
}

void lair_put(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put(buf, format, arguments);
    va_end(arguments);
}

/* What was put is sent. */
static void send_lines(struct lair_connection *connection)
{
    struct buf *lines = &connection->gateway->line;
    if (buf_size(lines) > 0)
        lair_write(connection, buf_data(lines), buf_size(lines));
    buf_clear(lines);
}

void lair_line_put(struct lair_connection *connection, struct lair_text text)
{
    struct tcp_gateway *gateway = connection->gateway;
    size_t size = LAIR_LINE_BYTES(text.size);
    uint8_t *line;
    if (buf_size(&gateway->line) + size >= LAIR_PACKET_BYTES)
        send_lines(connection);
    if (connection->state == LAIR_GONE)
        return;
    enum err err = buf_reserve(&gateway->line, size + 1, &line);
    if (!err)
        err =
            lair_seal(&gateway->cipher, &connection->key, NULL, text.data, text.size, (char *)line);
    if (err) {
        log_warn("line-not-written", LOG_U64("bytes", size), LOG_ERROR(err));
        lair_close(connection, false);
        return;
    }
    line[size] = '\n';
    buf_commit(&gateway->line, size + 1);
}

void lair_line_begin(struct lair_connection *connection)
{
    buf_clear(&connection->gateway->line);
    if (connection->state == LAIR_OPEN)
        lair_news_put(connection);
}

void lair_line_end(struct lair_connection *connection)
{
    send_lines(connection);
}

void lair_say_text(struct lair_connection *connection, struct lair_text text)
{
    lair_line_begin(connection);
    lair_line_put(connection, text);
    lair_line_end(connection);
}

struct lair_text lair_format(struct tcp_gateway *gateway, const char *format, va_list arguments)
{
    buf_clear(&gateway->scratch);
    put(&gateway->scratch, format, arguments);
    return lair_text_of(buf_data(&gateway->scratch), buf_size(&gateway->scratch));
}

void lair_say(struct lair_connection *connection, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    lair_say_text(connection, lair_format(connection->gateway, format, arguments));
    va_end(arguments);
}

/* The length of the character that begins here; 0: none does. */
static size_t character_size(const uint8_t *bytes, size_t size)
{
    for (size_t length = 1; length <= 4 && length <= size; length++) {
        if (unicode_is_valid(bytes, length))
            return length;
    }
    return 0;
}

/* Bytes that are no UTF-8, and NUL, become the replacement character. What has no room is left out. */
static void put_replaced(struct buf *buf, const uint8_t *bytes, size_t size)
{
    static const uint8_t replacement[] = {0xEF, 0xBF, 0xBD};
    for (size_t at = 0; at < size;) {
        size_t length = character_size(bytes + at, size - at);
        if (length > 0)
            append(buf, bytes + at, length);
        else
            append(buf, replacement, sizeof(replacement));
        at += length > 0 ? length : 1;
    }
}

struct lair_text lair_clean(struct tcp_gateway *gateway, ProtobufCBinaryData body)
{
    size_t size = body.len < LAIR_TEXT_BYTES_MAX ? body.len : LAIR_TEXT_BYTES_MAX;
    struct buf *clean = &gateway->clean;
    buf_clear(clean);
    if (size > 0 && unicode_is_valid(body.data, size))
        append(clean, body.data, size);
    else
        put_replaced(clean, body.data, size);
    return lair_text_of(buf_data(clean), buf_size(clean));
}
