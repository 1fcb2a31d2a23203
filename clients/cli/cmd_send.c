/* SPDX-License-Identifier: MPL-2.0
 *
 * roost send, roost cancel.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/json.h"
#include "clients/cli/progress.h"
#include "clients/cli/show.h"
#include "clients/cli/text.h"

#define BODY_BYTES_MAX (8u << 20)
#define HEADERS_MAX    32

struct draft {
    struct roost_outgoing message;
    char scope[300];
    char reply_to[300];
    uint8_t id[ROOST_ID_BYTES];
    uint8_t parent_id[ROOST_ID_BYTES];
    char header_names[HEADERS_MAX][128];
    struct roost_header headers[HEADERS_MAX];
    char *body; /* owned */
};

/* --------------------------------------------------------------------------------- drafts */

static bool take_headers(struct cli *cli, struct draft *draft)
{
    size_t position = 0;
    const char *text;
    while ((text = option_each(cli, "header", &position)) != NULL) {
        const char *equals = strchr(text, '=');
        size_t count = draft->message.header_count;
        if (!equals || equals == text ||
            (size_t)(equals - text) >= sizeof(draft->header_names[0]) || count == HEADERS_MAX) {
            complain(cli, "option '--header' wants NAME=VALUE, at most %d times", HEADERS_MAX);
            return false;
        }
        memcpy(draft->header_names[count], text, (size_t)(equals - text));
        draft->headers[count] = (struct roost_header){
            .name = draft->header_names[count],
            .value = equals + 1,
            .value_size = strlen(equals + 1),
        };
        draft->message.header_count++;
    }
    draft->message.headers = draft->headers;
    return true;
}

static bool take_receipts(struct cli *cli, struct draft *draft)
{
    const char *text = option_text(cli, "receipts", "");
    while (*text) {
        size_t size = strcspn(text, ",");
        if (size == 9 && strncmp(text, "delivered", size) == 0)
            draft->message.receipts |= ROOST_WANT_DELIVERED;
        else if (size == 4 && strncmp(text, "read", size) == 0)
            draft->message.receipts |= ROOST_WANT_READ;
        else if (size == 5 && strncmp(text, "fates", size) == 0)
            draft->message.receipts |= ROOST_WANT_FATES;
        else {
            complain(cli, "option '--receipts' wants some of delivered,read,fates");
            return false;
        }
        text += size + (text[size] == ',');
    }
    return true;
}

static bool take_id(struct cli *cli, const char *option, uint8_t *id, const uint8_t **ret)
{
    const char *text = option_text(cli, option, NULL);
    if (!text)
        return true;
    if (!roost_id_parse(text, id)) {
        complain(cli, "option '--%s' wants a message id", option);
        return false;
    }
    *ret = id;
    return true;
}

static bool take_times(struct cli *cli, struct draft *draft)
{
    uint64_t delay_ms;
    uint64_t priority;
    struct timespec now;
    if (!option_seconds(cli, "delay", 0, &delay_ms) ||
        !option_seconds(cli, "ttl", 0, &draft->message.ttl_ms) ||
        !option_number(cli, "priority", 0, 9, 0, &priority))
        return false;
    draft->message.priority = (uint32_t)priority;
    if (delay_ms && clock_gettime(CLOCK_REALTIME, &now) == 0)
        draft->message.not_before_ms =
            (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + delay_ms;
    return true;
}

static bool fill_draft(struct cli *cli, struct draft *draft)
{
    struct roost_outgoing *message = &draft->message;
    const char *kind = option_text(cli, "kind", "text");
    message->scope = scope_of(cli->positional[0], draft->scope);
    message->content_type = option_text(cli, "type", NULL);
    message->key = option_text(cli, "key", "");
    message->key_size = strlen(message->key);
    message->correlation_id = option_text(cli, "correlation", "");
    message->correlation_id_size = strlen(message->correlation_id);
    if (option_is_given(cli, "reply-to"))
        message->reply_to = scope_of(option_text(cli, "reply-to", ""), draft->reply_to);
    if (!kind_parse(kind, &message->kind)) {
        complain(cli,
                 "there is no kind '%s': text, file-share, share-group, action, custom, system",
                 kind);
        return false;
    }
    return take_headers(cli, draft) && take_receipts(cli, draft) &&
           take_id(cli, "id", draft->id, &message->message_id) &&
           take_id(cli, "parent", draft->parent_id, &message->parent_id) && take_times(cli, draft);
}

/* --------------------------------------------------------------------------------- bodies */

/* All of a stream. NULL after saying why. */
static char *read_stream(struct cli *cli, FILE *in, const char *name, size_t *ret_size)
{
    char *body = malloc(BODY_BYTES_MAX + 1);
    size_t size = body ? fread(body, 1, BODY_BYTES_MAX + 1, in) : 0;
    if (!body || ferror(in) || size > BODY_BYTES_MAX) {
        complain(cli, "%s: %s", name,
                 !body        ? "no memory"
                 : ferror(in) ? strerror(errno)
                              : "too large for one message");
        free(body);
        return NULL;
    }
    *ret_size = size;
    return body;
}

static bool read_body(struct cli *cli, struct draft *draft)
{
    const char *name = option_text(cli, "file", NULL);
    if (!name && cli->positional_count > 1) { /* the words of the command line */
        size_t size = 0;
        for (int i = 1; i < cli->positional_count; i++)
            size += strlen(cli->positional[i]) + 1;
        char *at = draft->body = malloc(size);
        for (int i = 1; at && i < cli->positional_count; i++) {
            if (i > 1)
                *at++ = ' ';
            at = stpcpy(at, cli->positional[i]);
        }
        draft->message.body_size = at ? (size_t)(at - draft->body) : 0;
    } else if (!name || strcmp(name, "-") == 0) {
        draft->body = read_stream(cli, stdin, "standard input", &draft->message.body_size);
    } else {
        FILE *in = fopen(name, "rb");
        if (!in) {
            complain(cli, "%s: %s", name, strerror(errno));
            return false;
        }
        draft->body = read_stream(cli, in, name, &draft->message.body_size);
        (void)fclose(in); /* only read */
    }
    draft->message.body = draft->body;
    return draft->body != NULL;
}

/* -------------------------------------------------------------------------------- sending */

static void show_sent(struct cli *cli, const struct roost_sent *sent)
{
    char id[ROOST_ID_TEXT_LENGTH + 1];
    struct json json;
    roost_id_format(sent->message_id, id);
    if (cli->is_json) {
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "id", id);
        json_number(&json, "seq", sent->seq);
        json_bool(&json, "duplicate", sent->code == ROOST_DUPLICATE);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf("%s  seq %" PRIu64 "%s\n", id, sent->seq,
                     sent->code == ROOST_DUPLICATE ? "  (stored before)" : "");
    }
}

static enum exit_code send_one(struct cli *cli, struct draft *draft)
{
    struct roost_sent sent;
    if (!read_body(cli, draft))
        return EXIT_ERROR;
    enum roost_error error = roost_send_wait(cli->roost, &draft->message, cli->timeout_ms, &sent);
    free(draft->body);
    if (error != ROOST_OK && error != ROOST_DUPLICATE)
        return fail_with(cli, draft->scope, error);
    show_sent(cli, &sent);
    return EXIT_OK;
}

/* Refusals come as events, in order. */
static enum roost_error tell_refusals(struct cli *cli)
{
    struct roost_event *event;
    enum roost_error last = ROOST_OK;
    while (roost_next_event(cli->roost, 0, &event) == ROOST_OK) {
        if (event->kind == ROOST_EVENT_REFUSED) {
            last = event->code;
            complain(cli, "line %" PRIu64 ": %s %s", event->sent.ticket,
                     roost_error_text(event->code), event->text);
        }
        roost_event_destroy(&event);
    }
    return last;
}

static enum exit_code send_lines(struct cli *cli, struct draft *draft)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    enum roost_error error = ROOST_OK;
    enum roost_error refusal = ROOST_OK;
    struct progress progress;
    uint64_t lines = 0;
    progress_begin(&progress, "sending", 0, cli->is_quiet || cli->is_json);
    while (error == ROOST_OK && (size = getline(&line, &capacity, stdin)) >= 0) {
        draft->message.body = line;
        draft->message.body_size = (size_t)size - (size > 0 && line[size - 1] == '\n');
        error = roost_send(cli->roost, &draft->message, cli->timeout_ms, NULL, NULL);
        lines += error == ROOST_OK;
        if (lines % 1024 == 0) {
            progress_show(&progress, lines);
            enum roost_error last = tell_refusals(cli);
            refusal = last ? last : refusal;
        }
    }
    free(line);
    if (error == ROOST_OK)
        error = roost_flush(cli->roost, 0, cli->timeout_ms);
    progress_end(&progress);
    enum roost_error last = tell_refusals(cli);
    struct roost_counters counters;
    roost_counters(cli->roost, &counters);
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_number(&json, "sent", counters.sent);
        json_number(&json, "stored", counters.stored);
        json_number(&json, "refused", counters.refused);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf("%" PRIu64 " stored, %" PRIu64 " refused\n", counters.stored,
                     counters.refused);
    }
    if (error != ROOST_OK)
        return fail_with(cli, draft->scope, error);
    refusal = last ? last : refusal;
    return refusal ? fail_with(cli, draft->scope, refusal) : EXIT_OK;
}

static enum exit_code run_send(struct cli *cli)
{
    static struct draft draft;
    bool is_lines = option_is_given(cli, "lines");
    if (is_lines &&
        (cli->positional_count > 1 || option_is_given(cli, "file") || option_is_given(cli, "id"))) {
        complain(cli, "option '--lines' reads standard input; give no text, file or id with it");
        return EXIT_USAGE;
    }
    if (!fill_draft(cli, &draft))
        return EXIT_USAGE;
    return is_lines ? send_lines(cli, &draft) : send_one(cli, &draft);
}

static const struct option_row send_options[] = {
    {"file", 'f', "FILE", "the body is this file; '-' is standard input"},
    {"lines", 'l', NULL, "one message per line of standard input"},
    {"kind", 'k', "KIND", "text, file-share, share-group, action, custom, system"},
    {"type", 0, "TYPE", "content type, for example application/json"},
    {"header", 'H', "NAME=VALUE", "a header; may be repeated"},
    {"key", 0, "KEY", "key of the message"},
    {"reply-to", 0, "SCOPE", "where an answer should go"},
    {"correlation", 0, "TEXT", "correlation id"},
    {"parent", 0, "ID", "the message this one answers"},
    {"id", 0, "ID", "message id; sending it again is safe"},
    {"delay", 0, "SECONDS", "not delivered before"},
    {"ttl", 0, "SECONDS", "expires after"},
    {"priority", 0, "0..9", "carried along"},
    {"receipts", 0, "LIST", "some of delivered,read,fates"},
    {NULL, 0, NULL, NULL},
};

static const char *const send_examples[] = {
    "roost send bob Hello Bob",
    "roost send queue:resize --file picture.json --type application/json",
    "seq 1000 | roost send queue:numbers --lines",
    NULL,
};

const struct command send_command = {
    .name = "send",
    .summary = "send a message; done when it is on the broker's disk",
    .usage = "SCOPE [TEXT...]",
    .details =
        "The body is the text, a file, or standard input. Prints id and place of the message.",
    .positional_min = 1,
    .positional_max = -1,
    .options = send_options,
    .examples = send_examples,
    .needs_session = true,
    .run = run_send,
};

/* --------------------------------------------------------------------------------- cancel */

static enum exit_code run_cancel(struct cli *cli)
{
    for (int i = 0; i < cli->positional_count; i++) {
        uint8_t id[ROOST_ID_BYTES];
        if (!roost_id_parse(cli->positional[i], id)) {
            complain(cli, "'%s' is no message id", cli->positional[i]);
            return EXIT_USAGE;
        }
        enum roost_error error = roost_cancel(cli->roost, id, cli->timeout_ms);
        if (error)
            return fail_with(cli, cli->positional[i], error);
        if (cli->is_json) {
            struct json json;
            json_begin(&json, stdout);
            json_object(&json, NULL);
            json_text(&json, "cancelled", cli->positional[i]);
            json_object_end(&json);
            json_end_line(&json);
        } else if (!cli->is_quiet) {
            (void)printf("%s cancelled\n", cli->positional[i]);
        }
    }
    return EXIT_OK;
}

static const char *const cancel_examples[] = {"roost cancel 018f6f2e-7d3a-7c31-9b1e-0123456789ab",
                                              NULL};

const struct command cancel_command = {
    .name = "cancel",
    .summary = "take back messages of yours that nobody was shown yet",
    .usage = "ID...",
    .positional_min = 1,
    .positional_max = -1,
    .examples = cancel_examples,
    .needs_session = true,
    .run = run_cancel,
};
