/* SPDX-License-Identifier: MPL-2.0
 *
 * roost dead list, peek, redrive, purge: messages that were given up.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/json.h"
#include "clients/cli/show.h"
#include "clients/cli/table.h"

#define PAGE    500
#define IDS_MAX 500

static const struct option_row consumer_option[] = {
    {"consumer", 'c', "NAME", "of the scope (main)"},
    {NULL, 0, NULL, NULL},
};

static const struct option_row change_options[] = {
    {"consumer", 'c', "NAME", "of the scope (main)"},
    {"all", 0, NULL, "all dead letters of the consumer"},
    {NULL, 0, NULL, NULL},
};

static void show_dead_json(const struct roost_dead_letter *dead)
{
    struct json json;
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_text(&json, "consumer", dead->consumer);
    json_text(&json, "reason", roost_error_name(dead->reason));
    json_text(&json, "text", dead->text);
    json_number(&json, "attempts", dead->attempts);
    json_number(&json, "died_ms", dead->died_ms);
    json_object(&json, "message");
    show_message_json(&json, dead->message);
    json_object_end(&json);
    json_object_end(&json);
    json_end_line(&json);
}

static void show_dead_row(struct table *table, const struct roost_dead_letter *dead)
{
    char id[ROOST_ID_TEXT_LENGTH + 1];
    roost_id_format(dead->message->message_id, id);
    table_row(table);
    table_text(table, id);
    table_text(table, dead->message->sender);
    table_time(table, dead->died_ms);
    table_number(table, dead->attempts);
    table_text(table, roost_error_name(dead->reason));
    table_text(table, dead->text);
    table_text_bytes(table, dead->message->body, dead->message->body_size);
}

/* Calls `visit` for each dead letter, page after page, until it answers false. */
static enum roost_error
each_dead(struct cli *cli, const char *scope,
          bool (*visit)(void *context, const struct roost_dead_letter *dead), void *context)
{
    uint64_t after = 0;
    for (bool has_more = true; has_more;) {
        struct roost_query query = {
            .kind = ROOST_QUERY_DEAD_LETTERS,
            .scope = scope,
            .consumer = option_text(cli, "consumer", NULL),
            .after_seq = after,
            .limit = PAGE,
        };
        struct roost_page *page;
        enum roost_error error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
        if (error)
            return error;
        has_more = page->has_more && page->next_seq > after;
        after = page->next_seq;
        for (size_t i = 0; i < page->dead_count; i++) {
            if (!visit(context, &page->dead[i])) {
                has_more = false;
                break;
            }
        }
        roost_page_destroy(&page);
    }
    return ROOST_OK;
}

/* ----------------------------------------------------------------------------------- list */

static bool list_one(void *context, const struct roost_dead_letter *dead)
{
    if (context)
        show_dead_row(context, dead);
    else
        show_dead_json(dead);
    return true;
}

static enum exit_code run_list(struct cli *cli)
{
    static const struct table_column columns[] = {
        {"ID", false, false},   {"SENDER", false, true},  {"DIED", false, false},
        {"TRIES", true, false}, {"REASON", false, false}, {"TEXT", false, true},
        {"BODY", false, true},  {NULL, false, false},
    };
    struct table table;
    char scope[300];
    if (!cli->is_json && !table_begin(&table, columns))
        return fail_with(cli, "dead list", ROOST_NO_MEMORY);
    enum roost_error error =
        each_dead(cli, scope_of(cli->positional[0], scope), list_one, cli->is_json ? NULL : &table);
    if (!cli->is_json)
        table_end(&table);
    return error ? fail_with(cli, scope, error) : EXIT_OK;
}

static const char *const list_examples[] = {"roost dead list queue:resize", NULL};

const struct command dead_list_command = {
    .name = "dead list",
    .summary = "dead letters of a scope",
    .usage = "SCOPE",
    .positional_min = 1,
    .positional_max = 1,
    .options = consumer_option,
    .examples = list_examples,
    .needs_session = true,
    .run = run_list,
};

/* ----------------------------------------------------------------------------------- peek */

struct peek {
    struct cli *cli;
    uint8_t id[ROOST_ID_BYTES];
    bool is_found;
};

static bool peek_one(void *context, const struct roost_dead_letter *dead)
{
    struct peek *peek = context;
    if (memcmp(dead->message->message_id, peek->id, sizeof(peek->id)) != 0)
        return true;
    peek->is_found = true;
    if (peek->cli->is_json)
        show_dead_json(dead);
    else
        show_message_fully(peek->cli, dead->message);
    return false;
}

static enum exit_code run_peek(struct cli *cli)
{
    struct peek peek = {.cli = cli};
    char scope[300];
    if (!roost_id_parse(cli->positional[1], peek.id)) {
        complain(cli, "'%s' is no message id", cli->positional[1]);
        return EXIT_USAGE;
    }
    enum roost_error error = each_dead(cli, scope_of(cli->positional[0], scope), peek_one, &peek);
    if (error)
        return fail_with(cli, scope, error);
    if (!peek.is_found)
        complain(cli, "%s is not among the dead letters of %s", cli->positional[1], scope);
    return peek.is_found ? EXIT_OK : EXIT_NOT_FOUND;
}

static const char *const peek_examples[] = {
    "roost dead peek queue:resize 018f6f2e-7d3a-7c31-9b1e-0123456789ab", NULL};

const struct command dead_peek_command = {
    .name = "dead peek",
    .summary = "one dead letter in full",
    .usage = "SCOPE ID",
    .positional_min = 2,
    .positional_max = 2,
    .options = consumer_option,
    .examples = peek_examples,
    .needs_session = true,
    .run = run_peek,
};

/* ------------------------------------------------------------------------- redrive, purge */

static enum exit_code change(struct cli *cli, bool is_purge)
{
    static uint8_t ids[IDS_MAX * ROOST_ID_BYTES];
    char scope[300];
    uint64_t count = 0;
    size_t id_count = (size_t)cli->positional_count - 1;
    bool is_all = option_is_given(cli, "all");
    if (is_all == (id_count > 0) || id_count > IDS_MAX) {
        complain(cli, "name up to %d message ids, or give --all", IDS_MAX);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < id_count; i++) {
        if (!roost_id_parse(cli->positional[i + 1], ids + i * ROOST_ID_BYTES)) {
            complain(cli, "'%s' is no message id", cli->positional[i + 1]);
            return EXIT_USAGE;
        }
    }
    enum roost_error (*call)(struct roost *, const char *, const char *, const uint8_t *, size_t,
                             int, uint64_t *) = is_purge ? roost_dead_purge : roost_dead_redrive;
    enum roost_error error =
        call(cli->roost, scope_of(cli->positional[0], scope), option_text(cli, "consumer", NULL),
             is_all ? NULL : ids, id_count, cli->timeout_ms, &count);
    if (error)
        return fail_with(cli, scope, error);
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_number(&json, is_purge ? "purged" : "redriven", count);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf("%" PRIu64 " %s\n", count, is_purge ? "purged" : "redriven");
    }
    return count == 0 && !is_all ? EXIT_NOT_FOUND : EXIT_OK;
}

static enum exit_code run_redrive(struct cli *cli)
{
    return change(cli, false);
}

static enum exit_code run_purge(struct cli *cli)
{
    return change(cli, true);
}

static const char *const redrive_examples[] = {"roost dead redrive queue:resize --all", NULL};
static const char *const purge_examples[] = {"roost dead purge queue:resize --all", NULL};

const struct command dead_redrive_command = {
    .name = "dead redrive",
    .summary = "try dead letters again",
    .usage = "SCOPE [ID...]",
    .positional_min = 1,
    .positional_max = -1,
    .options = change_options,
    .examples = redrive_examples,
    .needs_session = true,
    .run = run_redrive,
};

const struct command dead_purge_command = {
    .name = "dead purge",
    .summary = "forget dead letters",
    .usage = "SCOPE [ID...]",
    .positional_min = 1,
    .positional_max = -1,
    .options = change_options,
    .examples = purge_examples,
    .needs_session = true,
    .run = run_purge,
};
