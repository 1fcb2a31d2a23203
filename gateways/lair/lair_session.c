/* SPDX-License-Identifier: MPL-2.0
 *
 * From a line to a command.
 *
 *     HANDSHAKE --its key--> STRANGER --login--> OPEN
 *         any line that is not what it must be --> closed, nothing said
 *
 * One request at a time: while one waits for its answer, later lines wait in the buffer, so answers
 * come in the order of requests. Chat has no answer, so several lines of it may be on their way; a
 * command waits until they are stored.
 */
#include <stdlib.h>
#include <string.h>

#include "gateways/lair/lair_internal.h"
#include "proto/unicode.h"

#define BURST_LINES 2000
#define REFILL_NS   (1000000000 / 400) /* lines a second beyond the burst */

/* The bucket as the time at which it is full again. */
static bool take_line(struct lair_connection *connection)
{
    int64_t now_ns = actor_mono(connection->gateway->actor).ns;
    if (connection->budget_ns < now_ns)
        connection->budget_ns = now_ns;
    if (connection->budget_ns + REFILL_NS - now_ns > (int64_t)BURST_LINES * REFILL_NS)
        return false;
    connection->budget_ns += REFILL_NS;
    return true;
}

static void shake_hands(struct lair_connection *connection, const uint8_t *line, size_t size)
{
    struct lair_key key;
    if (lair_agree(&connection->key, line, size, &key) != ERR_OK) {
        lair_close(connection, false);
        return;
    }
    connection->key = key;
    connection->state = LAIR_STRANGER;
    lair_say(connection, TEXT_WELCOME);
}

/* Until the chat before it is stored. */
static void hold(struct lair_connection *connection, const char *text, size_t size)
{
    connection->held = malloc(size + 1);
    if (!connection->held) {
        lair_close(connection, false);
        return;
    }
    memcpy(connection->held, text, size);
    connection->held_size = size;
}

static void run(struct lair_connection *connection, const char *text, size_t size)
{
    struct lair_command command = lair_command_parse(text, size);
    struct lair_text line = {text, size};
    if (command.kind != LAIR_CHAT && connection->chats_open > 0) {
        hold(connection, text, size);
        return;
    }
    if (lair_command_is_incomplete(&command)) {
        lair_say(connection, TEXT_INCOMPLETE);
        return;
    }
    switch (command.kind) {
    case LAIR_IGNORED:
        break;
    case LAIR_HELP:
        lair_say(connection, TEXT_HELP);
        break;
    case LAIR_USER_LIST:
        lair_say_text(connection, lair_user_list(connection->gateway));
        break;
    case LAIR_CREATE_ROOM:
    case LAIR_JOIN_ROOM:
    case LAIR_LEAVE_ROOM:
    case LAIR_LIST_ROOMS:
    case LAIR_INVITE:
    case LAIR_ACCEPT:
    case LAIR_DECLINE:
    case LAIR_LIST_INVITATIONS:
    case LAIR_ACCEPT_ALL:
        lair_run_room(connection, &command, line);
        break;
    case LAIR_CHAT:
        lair_chat(connection, command.first);
        break;
    case LAIR_DM:
    case LAIR_EDIT:
    case LAIR_DELETE:
    case LAIR_REACT:
    case LAIR_UNREACT:
    case LAIR_SEARCH:
    case LAIR_HISTORY:
    case LAIR_REPLY:
    case LAIR_MARK_READ:
        lair_run_message(connection, &command, line);
        break;
    }
}

static void handle_text(struct lair_connection *connection, const char *text, size_t size)
{
    if (memchr(text, '\0', size))
        lair_say(connection, TEXT_HAS_NUL);
    else if (size > LAIR_TEXT_BYTES_MAX)
        lair_say(connection, TEXT_TOO_LONG);
    else if (!take_line(connection))
        lair_say(connection, TEXT_TOO_FAST);
    else if (connection->state == LAIR_STRANGER)
        lair_authenticate(connection, text, size);
    else
        run(connection, text, size);
}

/* NUL has an answer of its own. */
static bool is_text(const uint8_t *text, size_t size)
{
    return memchr(text, '\0', size) || unicode_is_valid(text, size);
}

static void handle_line(struct lair_connection *connection, uint8_t *line, size_t size)
{
    uint8_t *text;
    size_t text_size;
    connection->since = actor_mono(connection->gateway->actor);
    if (connection->state == LAIR_HANDSHAKE) {
        shake_hands(connection, line, size);
        return;
    }
    enum err err =
        lair_open(&connection->gateway->cipher, &connection->key, line, size, &text, &text_size);
    if (err || !is_text(text, text_size)) {
        metrics_add(actor_metrics(connection->gateway->actor), METRIC_PROTOCOL_ERRORS, 1);
        lair_close(connection, false);
        return;
    }
    lair_mail_heard(connection);
    handle_text(connection, (const char *)text, text_size);
}

/* A command waits for the answers of everything before it; chat only for room. */
static bool may_go_on(const struct lair_connection *connection)
{
    return connection->state != LAIR_GONE && !connection->request && !connection->is_rewound &&
           !connection->held && connection->chats_open < LAIR_CHATS_MAX;
}

static void run_held(struct lair_connection *connection)
{
    char *held = connection->held;
    if (!held || connection->chats_open > 0 || connection->state == LAIR_GONE)
        return;
    connection->held = NULL;
    run(connection, held, connection->held_size);
    free(held);
}

/* Copies the line: what it leads to may change the buffer. */
static void take_line_out(struct lair_connection *connection, size_t line_size, size_t consumed)
{
    uint8_t *line = malloc(line_size + 1);
    if (!line) {
        lair_close(connection, false);
        return;
    }
    memcpy(line, buf_data(&connection->in), line_size);
    buf_consume(&connection->in, consumed);
    handle_line(connection, line, line_size);
    free(line);
}

/* What is left of a line that was too long; nothing of it is kept. */
static void skip_rest(struct lair_connection *connection)
{
    size_t size = buf_size(&connection->in);
    const uint8_t *bytes = buf_data(&connection->in);
    const uint8_t *end = connection->is_skipping ? memchr(bytes, '\n', size) : NULL;
    if (!connection->is_skipping)
        return;
    connection->is_skipping = !end;
    buf_consume(&connection->in, end ? (size_t)(end - bytes) + 1 : size);
}

static void refuse_long_line(struct lair_connection *connection)
{
    connection->in_seen = 0;
    connection->is_skipping = true;
    connection->since = actor_mono(connection->gateway->actor);
    if (connection->state == LAIR_HANDSHAKE)
        lair_close(connection, false);
    else
        lair_say(connection, TEXT_TOO_LONG);
}

void lair_go_on(struct lair_connection *connection)
{
    run_held(connection);
    while (may_go_on(connection)) {
        skip_rest(connection);
        size_t line_size = 0, consumed = 0, size = buf_size(&connection->in);
        enum lair_scan scan = lair_line_next(buf_data(&connection->in), size, &connection->in_seen,
                                             &line_size, &consumed);
        if (scan == LAIR_SCAN_TOO_LONG) {
            refuse_long_line(connection);
            continue;
        }
        if (scan == LAIR_SCAN_MORE) {
            if (!connection->is_eof)
                break;
            if (size == 0) {
                if (connection->chats_open == 0) /* written behind the end is not delivered */
                    lair_close(connection, lair_is_acknowledged(connection));
                return;
            }
            line_size = consumed = size; /* the last line needs no end */
            connection->in_seen = 0;
        }
        take_line_out(connection, line_size, consumed);
    }
    lair_shrink(&connection->in);
    lair_watch(connection);
}
