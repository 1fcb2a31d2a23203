/* SPDX-License-Identifier: MPL-2.0
 *
 * roost inspect, roost trace, roost stats.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/json.h"
#include "clients/cli/table.h"

/* -------------------------------------------------------------------------------- inspect */

static void show_consumer_json(const struct roost_consumer_info *info)
{
    struct json json;
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_text(&json, "scope", info->scope);
    json_text(&json, "consumer", info->consumer);
    json_number(&json, "floor_seq", info->floor_seq);
    json_number(&json, "last_seq", info->last_seq);
    json_number(&json, "waiting", info->waiting);
    json_number(&json, "leased", info->leased);
    json_number(&json, "retry", info->retry);
    json_number(&json, "scheduled", info->scheduled);
    json_number(&json, "dead", info->dead);
    if (info->attached_peer[0])
        json_text(&json, "attached_peer", info->attached_peer);
    if (info->next_due_ms)
        json_number(&json, "next_due_ms", info->next_due_ms);
    json_object_end(&json);
    json_end_line(&json);
}

static void show_consumers(struct cli *cli, const struct roost_page *page)
{
    static const struct table_column columns[] = {
        {"SCOPE", false, true},    {"CONSUMER", false, true},  {"WAITING", true, false},
        {"LEASED", true, false},   {"RETRY", true, false},     {"SCHEDULED", true, false},
        {"DEAD", true, false},     {"FLOOR", true, false},     {"LAST", true, false},
        {"ATTACHED", false, true}, {"NEXT DUE", false, false}, {NULL, false, false},
    };
    struct table table;
    if (!cli->is_json && !table_begin(&table, columns))
        return;
    for (size_t i = 0; i < page->consumer_count; i++) {
        const struct roost_consumer_info *info = &page->consumers[i];
        if (cli->is_json) {
            show_consumer_json(info);
            continue;
        }
        table_row(&table);
        table_text(&table, info->scope);
        table_text(&table, info->consumer);
        table_number(&table, info->waiting);
        table_number(&table, info->leased);
        table_number(&table, info->retry);
        table_number(&table, info->scheduled);
        table_number(&table, info->dead);
        table_number(&table, info->floor_seq);
        table_number(&table, info->last_seq);
        table_text(&table, info->attached_peer);
        table_time(&table, info->next_due_ms);
    }
    if (!cli->is_json)
        table_end(&table);
}

static enum exit_code run_inspect(struct cli *cli)
{
    char scope[300];
    struct roost_page *page;
    struct roost_query query = {
        .kind = ROOST_QUERY_INSPECT,
        .scope = cli->positional_count ? scope_of(cli->positional[0], scope) : NULL,
        .consumer = option_text(cli, "consumer", NULL),
        .limit = 500,
    };
    enum roost_error error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
    if (error)
        return fail_with(cli, query.scope ? query.scope : "inspect", error);
    show_consumers(cli, page);
    bool is_missing = query.scope && page->consumer_count == 0;
    roost_page_destroy(&page);
    if (is_missing)
        complain(cli, "%s has no consumer, or does not exist", query.scope);
    return is_missing ? EXIT_NOT_FOUND : EXIT_OK;
}

static const struct option_row inspect_options[] = {
    {"consumer", 'c', "NAME", "only this consumer"},
    {NULL, 0, NULL, NULL},
};

static const char *const inspect_examples[] = {"roost inspect", "roost inspect queue:resize", NULL};

const struct command inspect_command = {
    .name = "inspect",
    .summary = "consumers of a scope: what waits, is leased, failed, died",
    .usage = "[SCOPE]",
    .positional_max = 1,
    .options = inspect_options,
    .examples = inspect_examples,
    .needs_session = true,
    .run = run_inspect,
};

/* ---------------------------------------------------------------------------------- trace */

static void show_step_json(const struct roost_trace_step *step)
{
    struct json json;
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_number(&json, "time_ms", step->time_ms);
    json_text(&json, "event", step->event);
    json_text(&json, "scope", step->scope);
    if (step->consumer[0])
        json_text(&json, "consumer", step->consumer);
    if (step->detail[0])
        json_text(&json, "detail", step->detail);
    if (step->reason)
        json_text(&json, "reason", roost_error_name(step->reason));
    json_object_end(&json);
    json_end_line(&json);
}

static void show_steps(struct cli *cli, const struct roost_page *page)
{
    static const struct table_column columns[] = {
        {"TIME", false, false},    {"EVENT", false, false},  {"SCOPE", false, true},
        {"CONSUMER", false, true}, {"REASON", false, false}, {"DETAIL", false, true},
        {NULL, false, false},
    };
    struct table table;
    if (!cli->is_json && !table_begin(&table, columns))
        return;
    for (size_t i = 0; i < page->step_count; i++) {
        const struct roost_trace_step *step = &page->steps[i];
        if (cli->is_json) {
            show_step_json(step);
            continue;
        }
        table_row(&table);
        table_time(&table, step->time_ms);
        table_text(&table, step->event);
        table_text(&table, step->scope);
        table_text(&table, step->consumer);
        table_text(&table, step->reason ? roost_error_name(step->reason) : "");
        table_text(&table, step->detail);
    }
    if (!cli->is_json)
        table_end(&table);
}

static enum exit_code run_trace(struct cli *cli)
{
    uint8_t id[ROOST_ID_BYTES];
    struct roost_page *page;
    if (!roost_id_parse(cli->positional[0], id)) {
        complain(cli, "'%s' is no message id", cli->positional[0]);
        return EXIT_USAGE;
    }
    struct roost_query query = {
        .kind = ROOST_QUERY_TRACE, .message_ids = id, .message_id_count = 1};
    enum roost_error error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
    if (error)
        return fail_with(cli, cli->positional[0], error);
    show_steps(cli, page);
    bool is_missing = page->step_count == 0;
    roost_page_destroy(&page);
    if (is_missing)
        complain(cli, "nothing is known of %s", cli->positional[0]);
    return is_missing ? EXIT_NOT_FOUND : EXIT_OK;
}

static const char *const trace_examples[] = {"roost trace 018f6f2e-7d3a-7c31-9b1e-0123456789ab",
                                             NULL};

const struct command trace_command = {
    .name = "trace",
    .summary = "everything that happened to one message",
    .usage = "ID",
    .details =
        "When it was stored, what is with each consumer, and, for its sender and administrators,\n"
        "which receipts went out.",
    .positional_min = 1,
    .positional_max = 1,
    .examples = trace_examples,
    .needs_session = true,
    .run = run_trace,
};

/* ---------------------------------------------------------------------------------- stats */

static void show_counter_json(const struct roost_counter *counter)
{
    struct json json;
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_text(&json, "name", counter->name);
    if (counter->actor[0])
        json_text(&json, "actor", counter->actor);
    if (counter->unit[0])
        json_text(&json, "unit", counter->unit);
    json_number(&json, "value", counter->value);
    json_object_end(&json);
    json_end_line(&json);
}

static enum exit_code run_stats(struct cli *cli)
{
    static const struct table_column columns[] = {
        {"ACTOR", false, false}, {"COUNTER", false, true}, {"VALUE", true, false},
        {"UNIT", false, false},  {NULL, false, false},
    };
    struct table table;
    struct roost_page *page;
    struct roost_query query = {.kind = ROOST_QUERY_STATS};
    const char *filter = cli->positional_count ? cli->positional[0] : "";
    bool has_all = option_is_given(cli, "all") || cli->is_json;
    enum roost_error error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
    if (error)
        return fail_with(cli, "stats", error);
    if (!cli->is_json && !table_begin(&table, columns)) {
        roost_page_destroy(&page);
        return fail_with(cli, "stats", ROOST_NO_MEMORY);
    }
    for (size_t i = 0; i < page->counter_count; i++) {
        const struct roost_counter *counter = &page->counters[i];
        bool is_detail = counter->value == 0 || strstr(counter->name, "_le_");
        if ((!strstr(counter->name, filter) && !strstr(counter->actor, filter)) ||
            (is_detail && !has_all))
            continue;
        if (cli->is_json) {
            show_counter_json(counter);
            continue;
        }
        table_row(&table);
        table_text(&table, counter->actor);
        table_text(&table, counter->name);
        table_number(&table, counter->value);
        table_text(&table, counter->unit);
    }
    if (!cli->is_json)
        table_end(&table);
    roost_page_destroy(&page);
    return EXIT_OK;
}

static const struct option_row stats_options[] = {
    {"all", 0, NULL, "also those that are 0, and distributions step by step"},
    {NULL, 0, NULL, NULL},
};

static const char *const stats_examples[] = {"roost stats", "roost stats persistence",
                                             "roost stats --json", NULL};

const struct command stats_command = {
    .name = "stats",
    .summary = "counters of the broker",
    .usage = "[PART OF A NAME]",
    .positional_max = 1,
    .options = stats_options,
    .examples = stats_examples,
    .needs_session = true,
    .run = run_stats,
};
