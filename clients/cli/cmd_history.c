/* SPDX-License-Identifier: MPL-2.0
 *
 * roost history, roost unread, roost read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/json.h"
#include "clients/cli/show.h"
#include "clients/cli/table.h"

#define PAGE_MAX 500

/* A bare name or peer:NAME is the conversation with that peer; anything else a scope. */
static void conversation_of(const char *text, const char **ret_peer, const char **ret_scope)
{
    if (strncmp(text, "peer:", 5) == 0)
        *ret_peer = text + 5;
    else if (strchr(text, ':'))
        *ret_scope = text;
    else
        *ret_peer = text;
}

/* -------------------------------------------------------------------------------- history */

static void show_page(struct cli *cli, const struct roost_page *page, bool is_newest_first)
{
    /* Asked for newest first, shown as one reads. */
    for (size_t i = 0; i < page->message_count; i++) {
        size_t at = is_newest_first ? page->message_count - 1 - i : i;
        show_message(cli, page->messages[at]);
    }
}

static enum exit_code run_history(struct cli *cli)
{
    struct roost_query query = {.kind = ROOST_QUERY_HISTORY};
    uint64_t limit;
    uint64_t offset;
    if (!option_number(cli, "limit", 1, PAGE_MAX, 50, &limit) ||
        !option_number(cli, "offset", 0, 100000, 0, &offset) ||
        !option_number(cli, "after", 0, INT64_MAX, 0, &query.after_seq) ||
        !option_number(cli, "before", 0, INT64_MAX, 0, &query.before_seq))
        return EXIT_USAGE;
    conversation_of(cli->positional[0], &query.peer, &query.scope);
    query.limit = (uint32_t)limit;
    query.offset = (uint32_t)offset;
    query.newest_first = !option_is_given(cli, "after") && !option_is_given(cli, "oldest");
    struct roost_page *page;
    enum roost_error error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
    if (error)
        return fail_with(cli, cli->positional[0], error);
    show_page(cli, page, query.newest_first);
    if (page->has_more && !cli->is_json && !cli->is_quiet)
        (void)fprintf(stderr, "(more: --%s %" PRIu64 ")\n", query.newest_first ? "before" : "after",
                      page->next_seq);
    roost_page_destroy(&page);
    return EXIT_OK;
}

static const struct option_row history_options[] = {
    {"limit", 'n', "N", "how many (50, at most 500)"},
    {"before", 0, "SEQ", "older than this"},
    {"after", 0, "SEQ", "newer than this, oldest first"},
    {"oldest", 0, NULL, "begin with the oldest"},
    {"offset", 0, "N", "leave out the first N"},
    {NULL, 0, NULL, NULL},
};

static const char *const history_examples[] = {"roost history bob",
                                               "roost history queue:jobs -n 10",
                                               "roost history bob --before 1234 --json", NULL};

const struct command history_command = {
    .name = "history",
    .summary = "what was said in a conversation or scope",
    .usage = "PEER|SCOPE",
    .details = "The newest messages, shown in reading order.",
    .positional_min = 1,
    .positional_max = 1,
    .options = history_options,
    .examples = history_examples,
    .needs_session = true,
    .run = run_history,
};

/* --------------------------------------------------------------------------------- unread */

static void show_unread_json(const struct roost_unread *unread)
{
    struct json json;
    json_begin(&json, stdout);
    json_object(&json, NULL);
    if (unread->peer[0])
        json_text(&json, "peer", unread->peer);
    if (unread->scope[0])
        json_text(&json, "scope", unread->scope);
    json_number(&json, "unread", unread->unread);
    json_number(&json, "read_upto_seq", unread->marker_seq);
    json_number(&json, "last_seq", unread->last_seq);
    json_number(&json, "last_ms", unread->last_ms);
    json_object_end(&json);
    json_end_line(&json);
}

static void show_unread(struct cli *cli, const struct roost_page *page)
{
    static const struct table_column columns[] = {
        {"CONVERSATION", false, true}, {"UNREAD", true, false},     {"READ UP TO", true, false},
        {"LAST", true, false},         {"LAST TIME", false, false}, {NULL, false, false},
    };
    struct table table;
    if (!cli->is_json && !table_begin(&table, columns))
        return;
    for (size_t i = 0; i < page->unread_count; i++) {
        const struct roost_unread *unread = &page->unread[i];
        if (cli->is_json) {
            show_unread_json(unread);
            continue;
        }
        table_row(&table);
        table_text(&table, unread->peer[0] ? unread->peer : unread->scope);
        table_number(&table, unread->unread);
        table_number(&table, unread->marker_seq);
        table_number(&table, unread->last_seq);
        table_time(&table, unread->last_ms);
    }
    if (!cli->is_json)
        table_end(&table);
}

static enum exit_code run_unread(struct cli *cli)
{
    struct roost_query query = {.kind = ROOST_QUERY_UNREAD};
    struct roost_page *page;
    if (option_is_given(cli, "all"))
        query.kind = ROOST_QUERY_CONVERSATIONS;
    if (cli->positional_count > 0)
        conversation_of(cli->positional[0], &query.peer, &query.scope);
    enum roost_error error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
    if (error)
        return fail_with(cli, "unread", error);
    show_unread(cli, page);
    roost_page_destroy(&page);
    return EXIT_OK;
}

static const struct option_row unread_options[] = {
    {"all", 0, NULL, "every conversation, also those with nothing unread"},
    {NULL, 0, NULL, NULL},
};

static const char *const unread_examples[] = {"roost unread", "roost unread bob --json", NULL};

const struct command unread_command = {
    .name = "unread",
    .summary = "how many messages are unread",
    .usage = "[PEER|SCOPE]",
    .positional_max = 1,
    .options = unread_options,
    .examples = unread_examples,
    .needs_session = true,
    .run = run_unread,
};

/* ----------------------------------------------------------------------------------- read */

/* The newest seq of the conversation. */
static enum roost_error newest_seq(struct cli *cli, const char *peer, const char *scope,
                                   uint64_t *ret)
{
    struct roost_query query = {.kind = ROOST_QUERY_HISTORY,
                                .peer = peer,
                                .scope = scope,
                                .limit = 1,
                                .newest_first = true};
    struct roost_page *page;
    enum roost_error error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
    if (error)
        return error;
    if (page->message_count)
        *ret = page->messages[0]->seq;
    roost_page_destroy(&page);
    return ROOST_OK;
}

static enum exit_code run_read(struct cli *cli)
{
    const char *peer = NULL;
    const char *scope = NULL;
    uint64_t seq;
    enum roost_error error = ROOST_OK;
    if (!option_number(cli, "upto", 1, INT64_MAX, 0, &seq))
        return EXIT_USAGE;
    conversation_of(cli->positional[0], &peer, &scope);
    if (seq == 0)
        error = newest_seq(cli, peer, scope, &seq);
    if (error == ROOST_OK && seq != 0)
        error = roost_mark_read(cli->roost, peer, scope, seq, cli->timeout_ms);
    if (error)
        return fail_with(cli, cli->positional[0], error);
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_number(&json, "read_upto_seq", seq);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf(seq ? "read up to %" PRIu64 "\n" : "nothing to read\n", seq);
    }
    return EXIT_OK;
}

static const struct option_row read_options[] = {
    {"upto", 0, "SEQ", "up to this message (the newest)"},
    {NULL, 0, NULL, NULL},
};

static const char *const read_examples[] = {"roost read bob", "roost read bob --upto 1234", NULL};

const struct command read_command = {
    .name = "read",
    .summary = "mark a conversation as read",
    .usage = "PEER|SCOPE",
    .positional_min = 1,
    .positional_max = 1,
    .options = read_options,
    .examples = read_examples,
    .needs_session = true,
    .run = run_read,
};
