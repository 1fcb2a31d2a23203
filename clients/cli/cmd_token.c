/* SPDX-License-Identifier: MPL-2.0
 *
 * roost token list, create, end; and the same under the names roost user sessions, roost user token.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "clients/cli/commands.h"
#include "clients/cli/people.h"

static size_t count_sessions(const struct roost_page *page)
{
    return page->session_count;
}

static void session_json(struct json *json, const struct roost_page *page, size_t index)
{
    const struct roost_token_session *session = &page->sessions[index];
    json_number(json, "id", session->id);
    json_text(json, "peer", session->peer);
    json_text(json, "kind", session->kind);
    json_text(json, "label", session->label);
    json_text(json, "address", session->address);
    json_number(json, "created_ms", session->created_ms);
    json_number(json, "used_ms", session->used_ms);
    json_number(json, "expires_ms", session->expires_ms);
}

static void session_row(struct table *table, const struct roost_page *page, size_t index)
{
    const struct roost_token_session *session = &page->sessions[index];
    table_number(table, session->id);
    table_text(table, session->peer);
    table_text(table, session->label);
    table_text(table, session->kind);
    table_text(table, session->address);
    table_time(table, session->used_ms);
    table_time(table, session->expires_ms);
}

static enum exit_code end_sessions(struct cli *cli, const struct roost_call *call)
{
    uint64_t count;
    const char *name = call->peer ? call->peer : cli->peer;
    enum roost_error error = roost_call(cli->roost, call, cli->timeout_ms, &count);
    if (error)
        return fail_with(cli, name, error);
    if (count == 0 && !call->all) {
        complain(cli, "%s has no token of this id; see 'roost token list'", name);
        return EXIT_NOT_FOUND;
    }
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_number(&json, "ended", count);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf("%" PRIu64 " ended\n", count);
    }
    return EXIT_OK;
}

static enum exit_code list_tokens(struct cli *cli, const char *name)
{
    static const struct table_column columns[] = {
        {"ID", true, false},       {"USER", false, true},    {"LABEL", false, true},
        {"BY", false, false},      {"ADDRESS", false, true}, {"USED", false, false},
        {"EXPIRES", false, false}, {NULL, false, false},
    };
    static const struct row_view view = {.what = "token list",
                                         .empty = "no tokens are in use",
                                         .columns = columns,
                                         .count = count_sessions,
                                         .json = session_json,
                                         .row = session_row,
                                         .is_by_seq = true};
    struct roost_query query = {.kind = ROOST_QUERY_SESSIONS, .peer = name};
    return show_rows(cli, &query, &view, 0);
}

static enum exit_code run_list(struct cli *cli)
{
    return list_tokens(cli, cli->positional_count ? cli->positional[0] : NULL);
}

static const char *const list_examples[] = {"roost token list", "roost token list bob --json",
                                            NULL};

const struct command token_list_command = {
    .name = "token list",
    .summary = "tokens that were given out and still work",
    .usage = "[NAME]",
    .details = "One's own; an administrator may name somebody else.",
    .positional_max = 1,
    .examples = list_examples,
    .needs_session = true,
    .run = run_list,
};

static enum exit_code run_end(struct cli *cli)
{
    char *end = NULL;
    struct roost_call call = {.method = ROOST_METHOD_SESSION_END,
                              .peer = option_text(cli, "of", NULL),
                              .all = option_is_given(cli, "all")};
    const char *id = cli->positional_count ? cli->positional[0] : NULL;
    if (call.all == (id != NULL)) {
        complain(cli, "say which: an ID of 'roost token list', or --all");
        return EXIT_USAGE;
    }
    if (id)
        call.seq = strtoull(id, &end, 10);
    if (id && (call.seq == 0 || call.seq > INT64_MAX || *end != '\0' || id[0] == '-')) {
        complain(cli, "'%s' is no ID; see 'roost token list'", id);
        return EXIT_USAGE;
    }
    return end_sessions(cli, &call);
}

static const struct option_row end_options[] = {
    {"all", 0, NULL, "all of them"},
    {"of", 0, "NAME", "of somebody else (administrators)"},
    {NULL, 0, NULL, NULL},
};

static const char *const end_examples[] = {"roost token end 17", "roost token end --all",
                                           "roost token end --of mallory --all", NULL};

const struct command token_end_command = {
    .name = "token end",
    .summary = "a token that works no longer",
    .usage = "[ID]",
    .positional_max = 1,
    .options = end_options,
    .examples = end_examples,
    .needs_session = true,
    .run = run_end,
};

static enum exit_code run_sessions(struct cli *cli)
{
    const char *name = cli->positional_count ? cli->positional[0] : NULL;
    struct roost_call call = {
        .method = ROOST_METHOD_SESSION_END, .peer = name, .all = option_is_given(cli, "end-all")};
    if (!option_number(cli, "end", 1, INT64_MAX, 0, &call.seq))
        return EXIT_USAGE;
    return call.all || call.seq ? end_sessions(cli, &call) : list_tokens(cli, name);
}

static const struct option_row sessions_options[] = {
    {"end", 0, "ID", "end this one instead of listing them"},
    {"end-all", 0, NULL, "end all of them"},
    {NULL, 0, NULL, NULL},
};

static const char *const sessions_examples[] = {"roost user sessions",
                                                "roost user sessions --end 17",
                                                "roost user sessions mallory --end-all", NULL};

const struct command user_sessions_command = {
    .name = "user sessions",
    .summary = "the same as token list and token end",
    .usage = "[NAME]",
    .details = "One's own; an administrator may name somebody else.",
    .positional_max = 1,
    .options = sessions_options,
    .examples = sessions_examples,
    .needs_session = true,
    .run = run_sessions,
};

static enum exit_code run_token(struct cli *cli)
{
    uint64_t for_ms;
    struct roost_reply *reply;
    if (!option_seconds(cli, "for", 0, &for_ms))
        return EXIT_USAGE;
    struct roost_call call = {.method = ROOST_METHOD_TOKEN_CREATE,
                              .text = option_text(cli, "label", NULL)};
    if (for_ms)
        call.until_ms = (uint64_t)time(NULL) * 1000 + for_ms;
    enum roost_error error = roost_call_reply(cli->roost, &call, cli->timeout_ms, &reply);
    if (error)
        return fail_with(cli, "token create", error);
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "token", reply->token);
        json_object_end(&json);
        json_end_line(&json);
    } else {
        (void)puts(reply->token);
    }
    roost_reply_destroy(&reply);
    return EXIT_OK;
}

static const struct option_row token_options[] = {
    {"label", 'l', "TEXT", "what it is for, shown by roost token list"},
    {"for", 0, "SECONDS", "not longer than this"},
    {NULL, 0, NULL, NULL},
};

static const char *const token_examples[] = {"roost token create --label backup > token",
                                             "roost recv --password-file token", NULL};

/* One command under two names. */
#define TOKEN_COMMAND(command_name, command_summary)                                               \
    {                                                                                              \
        .name = (command_name), .summary = (command_summary), .usage = "",                         \
        .details = "It is printed this once; the broker keeps only a hash of it.",                 \
        .options = token_options, .examples = token_examples, .needs_session = true,               \
        .run = run_token,                                                                          \
    }

const struct command token_create_command =
    TOKEN_COMMAND("token create", "make a token, to be used instead of the password");
const struct command user_token_command = TOKEN_COMMAND("user token", "the same as token create");
