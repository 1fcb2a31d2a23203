/* SPDX-License-Identifier: MPL-2.0
 *
 * roost queue list, create, show, purge.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/commands.h"
#include "clients/cli/people.h"
#include "clients/cli/progress.h"
#include "clients/cli/show.h"

#define PREFIX        "queue:"
#define PURGE_WINDOW  1000
#define PURGE_WAIT_MS 300
#define PURGE_REASON  "purged"
#define SHOW_DEFAULT  10
#define SHOW_MAX      500
#define ANSWER_BYTES  64

static const char *queue_of(const char *text, char ret[300])
{
    (void)snprintf(ret, 300, "%s%s", strncmp(text, PREFIX, strlen(PREFIX)) == 0 ? "" : PREFIX,
                   text);
    return ret;
}

/* ---------------------------------------------------------------------------------- list */

static void put_queue(struct json *json, const struct roost_consumer_info *info)
{
    json_text(json, "queue", info->scope);
    json_number(json, "waiting", info->waiting);
    json_number(json, "leased", info->leased);
    json_number(json, "retry", info->retry);
    json_number(json, "scheduled", info->scheduled);
    json_number(json, "dead", info->dead);
    json_number(json, "last_seq", info->last_seq);
    if (info->next_due_ms)
        json_number(json, "next_due_ms", info->next_due_ms);
}

static void show_queue(const struct cli *cli, struct table *table,
                       const struct roost_consumer_info *info)
{
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        put_queue(&json, info);
        json_object_end(&json);
        json_end_line(&json);
        return;
    }
    table_row(table);
    table_text(table, info->scope);
    table_number(table, info->waiting);
    table_number(table, info->leased);
    table_number(table, info->retry);
    table_number(table, info->scheduled);
    table_number(table, info->dead);
    table_time(table, info->next_due_ms);
}

static const struct table_column queue_columns[] = {
    {"QUEUE", false, true},     {"WAITING", true, false}, {"LEASED", true, false},
    {"RETRY", true, false},     {"LATER", true, false},   {"DEAD", true, false},
    {"NEXT DUE", false, false}, {NULL, false, false},
};

/* The queues among all consumers, or the one of `scope`. */
static enum exit_code show_queues(struct cli *cli, const char *scope, size_t *ret_count)
{
    struct table table;
    struct roost_page *page;
    struct roost_query query = {.kind = ROOST_QUERY_INSPECT, .scope = scope, .limit = 500};
    enum roost_error error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
    *ret_count = 0;
    if (error)
        return fail_with(cli, scope ? scope : "queue list", error);
    if (!cli->is_json && !table_begin(&table, queue_columns)) {
        roost_page_destroy(&page);
        return fail_with(cli, "queue list", ROOST_NO_MEMORY);
    }
    for (size_t i = 0; i < page->consumer_count; i++) {
        if (strncmp(page->consumers[i].scope, PREFIX, strlen(PREFIX)) != 0)
            continue;
        show_queue(cli, &table, &page->consumers[i]);
        ++*ret_count;
    }
    if (!cli->is_json)
        table_end(&table);
    bool has_more = page->consumer_count >= query.limit || page->has_more;
    roost_page_destroy(&page);
    if (has_more && !scope)
        complain(cli, "there are more consumers than one answer holds: name a queue with 'roost "
                      "queue show'");
    return EXIT_OK;
}

static enum exit_code run_list(struct cli *cli)
{
    size_t count;
    enum exit_code code = show_queues(cli, NULL, &count);
    if (code == EXIT_OK && count == 0 && !cli->is_json && !cli->is_quiet)
        (void)fputs("(no queues)\n", stderr);
    return code;
}

const struct command queue_list_command = {
    .name = "queue list",
    .summary = "queues, and what waits in each",
    .usage = "",
    .details = "LATER: messages that were sent for a later time. RETRY: failed, and tried again.",
    .needs_session = true,
    .run = run_list,
};

/* -------------------------------------------------------------------------------- create */

static enum exit_code run_create(struct cli *cli)
{
    char scope[300];
    struct roost_call call = {.method = ROOST_METHOD_SCOPE_CREATE,
                              .scope = queue_of(cli->positional[0], scope)};
    return call_and_say(cli, &call, "created", scope);
}

static const char *const create_examples[] = {"roost queue create resize",
                                              "roost send queue:resize 'cat.jpg'",
                                              "roost recv queue:resize", NULL};

const struct command queue_create_command = {
    .name = "queue create",
    .summary = "make a queue",
    .usage = "NAME",
    .details = "Each of its messages goes to one of those who receive from it. Sending to a queue\n"
               "makes it as well; this is for where that is not wanted.",
    .positional_min = 1,
    .positional_max = 1,
    .examples = create_examples,
    .needs_session = true,
    .run = run_create,
};

/* ---------------------------------------------------------------------------------- show */

static enum exit_code run_show(struct cli *cli)
{
    char scope[300];
    size_t count;
    uint64_t limit;
    struct roost_page *page;
    if (!option_number(cli, "count", 0, SHOW_MAX, SHOW_DEFAULT, &limit))
        return EXIT_USAGE;
    enum exit_code code = show_queues(cli, queue_of(cli->positional[0], scope), &count);
    if (code != EXIT_OK)
        return code;
    if (count == 0) {
        complain(cli, "%s does not exist; see 'roost queue list'", scope);
        return EXIT_NOT_FOUND;
    }
    if (limit == 0)
        return EXIT_OK;
    struct roost_query query = {.kind = ROOST_QUERY_HISTORY,
                                .scope = scope,
                                .limit = (uint32_t)limit,
                                .newest_first = true};
    enum roost_error error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
    if (error)
        return fail_with(cli, scope, error);
    for (size_t i = page->message_count; i > 0; i--)
        show_message(cli, page->messages[i - 1]);
    roost_page_destroy(&page);
    return EXIT_OK;
}

static const struct option_row show_options[] = {
    {"count", 'n', "N", "how many of its newest messages (10), whatever became of them"},
    {NULL, 0, NULL, NULL},
};

const struct command queue_show_command = {
    .name = "queue show",
    .summary = "one queue and its newest messages",
    .usage = "NAME",
    .details = "Takes nothing from the workers. What happened to a message: roost trace ID. What\n"
               "failed for good: roost dead list queue:NAME.",
    .positional_min = 1,
    .positional_max = 1,
    .options = show_options,
    .needs_session = true,
    .run = run_show,
};

/* --------------------------------------------------------------------------------- purge */

struct purge {
    struct cli *cli;
    struct roost_consumer *consumer;
    bool is_kept; /* as dead letters */
    uint64_t count;
};

/* Those that are leased elsewhere, or wait for their time, do not come and stay. */
static enum roost_error drain(struct purge *purge, uint64_t waiting)
{
    struct progress progress;
    const struct roost_message *message;
    enum roost_error error;
    progress_begin(&progress, "purging", waiting, purge->cli->is_quiet || purge->cli->is_json);
    while ((error = roost_receive(purge->consumer, PURGE_WAIT_MS, &message)) == ROOST_OK) {
        if (purge->is_kept)
            (void)roost_reject(message, PURGE_REASON); /* confirmed below */
        else
            (void)roost_ack(message);
        roost_message_destroy(&message);
        progress_show(&progress, ++purge->count);
    }
    progress_end(&progress);
    return error == ROOST_TIMEOUT || error == ROOST_EMPTY ? ROOST_OK : error;
}

/* Whoever destroys something says so twice, or --yes. */
static bool is_meant(const struct cli *cli, const char *scope, uint64_t waiting)
{
    char answer[ANSWER_BYTES] = "";
    if (option_is_given(cli, "yes"))
        return true;
    if (!isatty(STDIN_FILENO)) {
        complain(cli, "%" PRIu64 " messages of %s would be gone; say --yes if you mean it", waiting,
                 scope);
        return false;
    }
    (void)fprintf(stderr, "%" PRIu64 " messages of %s will be gone. Really? [y/N] ", waiting,
                  scope);
    (void)fflush(stderr);
    return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static void say_purged(const struct cli *cli, const struct purge *purge)
{
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_number(&json, "purged", purge->count);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf("%" PRIu64 " purged%s\n", purge->count,
                     purge->is_kept ? "; 'roost dead list' shows them" : "");
    }
}

static enum exit_code run_purge(struct cli *cli)
{
    char scope[300];
    struct purge purge = {.cli = cli, .is_kept = option_is_given(cli, "keep")};
    struct roost_consumer_state state;
    struct roost_attach_options options = {.scope = queue_of(cli->positional[0], scope),
                                           .window_messages = PURGE_WINDOW,
                                           .must_exist = true};
    enum roost_error error = roost_attach(cli->roost, &options, cli->timeout_ms, &purge.consumer);
    if (error)
        return fail_with(cli, scope, error);
    roost_consumer_state(purge.consumer, &state);
    if (!is_meant(cli, scope, state.waiting)) {
        roost_detach(&purge.consumer); /* what it was shown goes back, not counted as failed */
        return EXIT_REFUSED;
    }
    error = drain(&purge, state.waiting);
    enum roost_error confirmed = roost_confirm(purge.consumer, cli->timeout_ms, NULL);
    roost_detach(&purge.consumer);
    if (error || confirmed)
        return fail_with(cli, scope, error ? error : confirmed);
    say_purged(cli, &purge);
    return EXIT_OK;
}

static const struct option_row purge_options[] = {
    {"yes", 'y', NULL, "do not ask"},
    {"keep", 0, NULL, "make dead letters of them, which can be looked at and tried again"},
    {NULL, 0, NULL, NULL},
};

static const char *const purge_examples[] = {"roost queue purge resize",
                                             "roost queue purge resize --yes --keep", NULL};

const struct command queue_purge_command = {
    .name = "queue purge",
    .summary = "settle everything that waits in a queue",
    .usage = "NAME",
    .details =
        "What a worker has in hand, and what waits for a later time, stays. The messages are\n"
        "settled as if a worker had done them: 'roost trace' says by whom.",
    .positional_min = 1,
    .positional_max = 1,
    .options = purge_options,
    .examples = purge_examples,
    .needs_session = true,
    .run = run_purge,
};
