/* SPDX-License-Identifier: MPL-2.0
 *
 * roost config check, show, defaults: the configuration that roostd would run with, by its own table
 * and its own reading (actors/roostd_config.h, actors/roostd_command.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/roostd_command.h"
#include "actors/roostd_config.h"
#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/json.h"
#include "clients/cli/table.h"
#include "rt/buf.h"
#include "rt/config.h"

#define CONFIG_FILE    "/etc/roost/roost.conf" /* of the service */
#define VALUE_BYTES    (64u << 10)
#define ORIGIN_DEFAULT "default"

/* The same sources as roostd: file, environment, --set. NULL after a complaint. */
static struct config *load(struct cli *cli)
{
    static struct roostd_command command; /* large */
    struct buf problem;
    size_t position = 0;
    command = (struct roostd_command){.is_insecure = option_is_given(cli, "insecure")};
    command.config_path = option_text(cli, "config", NULL);
    if (!command.config_path && access(CONFIG_FILE, R_OK) == 0)
        command.config_path = CONFIG_FILE;
    for (const char *text; (text = option_each(cli, "set", &position)) != NULL;) {
        if (command.set_count < ROOSTD_SETS_MAX)
            command.sets[command.set_count++] = text;
    }
    buf_init(&problem, VALUE_BYTES);
    struct config *config = roostd_command_load(&command, &problem);
    if (!config)
        complain(cli, "%s", buf_text(&problem) ? buf_text(&problem) : "no memory");
    buf_fini(&problem);
    return config;
}

static bool is_asked(const struct cli *cli, const struct config_option *option)
{
    return cli->positional_count == 0 || strstr(option->key, cli->positional[0]) != NULL;
}

static enum exit_code conclude(const struct cli *cli, size_t shown)
{
    if (shown > 0 || cli->positional_count == 0)
        return EXIT_OK;
    complain(cli, "no key has '%s' in its name; see 'roost config defaults'", cli->positional[0]);
    return EXIT_NOT_FOUND;
}

/* --------------------------------------------------------------------------------- check */

static enum exit_code run_check(struct cli *cli)
{
    struct config *config = load(cli);
    if (!config)
        return EXIT_ERROR;
    config_destroy(&config);
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_bool(&json, "right", true);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)puts("the configuration is right");
    }
    return EXIT_OK;
}

#define SOURCES                                                                                    \
    {"config", 'c', "FILE", "the file roostd reads (" CONFIG_FILE " if it is there)"},             \
        {"set", 0, "KEY=VALUE", "as roostd --set; may be repeated"},                               \
        {"insecure", 0, NULL, "as roostd --insecure"},

static const struct option_row check_options[] = {SOURCES{NULL, 0, NULL, NULL}};

static const char *const check_examples[] = {"roost config check --config roost.conf", NULL};

const struct command config_check_command = {
    .name = "config check",
    .summary = "whether roostd would start with this configuration",
    .usage = "",
    .details = "Names the file, the line and the key of what is wrong. Starts nothing.",
    .options = check_options,
    .examples = check_examples,
    .run = run_check,
};

/* ---------------------------------------------------------------------------------- show */

struct listing {
    struct cli *cli;
    struct table table;
    bool has_origin;
};

static void show_value(struct listing *listing, const struct config_option *option,
                       const char *value, const char *origin)
{
    if (listing->cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "key", option->key);
        json_text(&json, "value", value);
        json_text(&json, "origin", origin);
        if (option->unit)
            json_text(&json, "unit", option->unit);
        json_bool(&json, "reload", option->is_reloadable);
        json_object_end(&json);
        json_end_line(&json);
    } else if (listing->has_origin) {
        table_row(&listing->table);
        table_text(&listing->table, option->key);
        table_text(&listing->table, value);
        table_text(&listing->table, origin);
    } else {
        (void)printf("%s = %s\n", option->key, value);
    }
}

static size_t show_values(struct listing *listing, const struct config *config)
{
    struct buf value;
    size_t shown = 0;
    bool is_changed = option_is_given(listing->cli, "changed");
    buf_init(&value, VALUE_BYTES);
    for (size_t i = 0; i < roostd_schema.option_count; i++) {
        const struct config_option *option = &roostd_schema.options[i];
        const char *origin = config_origin(config, option->key);
        buf_clear(&value);
        if (!is_asked(listing->cli, option) ||
            (is_changed && strcmp(origin, ORIGIN_DEFAULT) == 0) ||
            config_write_value(config, option->key, &value))
            continue;
        show_value(listing, option, buf_text(&value) ? buf_text(&value) : "", origin);
        shown++;
    }
    buf_fini(&value);
    return shown;
}

static enum exit_code run_show(struct cli *cli)
{
    static const struct table_column columns[] = {
        {"KEY", false, false}, {"VALUE", false, true}, {"FROM", false, true}, {NULL, false, false}};
    struct listing listing = {.cli = cli, .has_origin = option_is_given(cli, "origin")};
    struct config *config = load(cli);
    if (!config)
        return EXIT_ERROR;
    bool has_table = listing.has_origin && !cli->is_json;
    if (has_table && !table_begin(&listing.table, columns)) {
        config_destroy(&config);
        return fail_with(cli, "config show", ROOST_NO_MEMORY);
    }
    size_t shown = show_values(&listing, config);
    if (has_table)
        table_end(&listing.table);
    config_destroy(&config);
    return option_is_given(cli, "changed") ? EXIT_OK : conclude(cli, shown);
}

static const struct option_row show_options[] = {
    {"origin", 'o', NULL, "also where each value comes from"},
    {"changed", 0, NULL, "only what is not the default"},
    SOURCES{NULL, 0, NULL, NULL}};

static const char *const show_examples[] = {"roost config show", "roost config show retry",
                                            "roost config show --changed --origin", NULL};

const struct command config_show_command = {
    .name = "config show",
    .summary = "what would be in force, and where it comes from",
    .usage = "[PART OF A KEY]",
    .details =
        "Of a configuration as roostd would read it now, in this environment; what a running\n"
        "one has in force says its log.",
    .positional_max = 1,
    .options = show_options,
    .examples = show_examples,
    .run = run_show,
};

/* ------------------------------------------------------------------------------ defaults */

static void show_default(const struct cli *cli, const struct config_option *option)
{
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "key", option->key);
        json_text(&json, "default", option->default_text);
        if (option->unit)
            json_text(&json, "unit", option->unit);
        if (option->choices)
            json_text(&json, "choices", option->choices);
        json_bool(&json, "reload", option->is_reloadable);
        json_text(&json, "help", option->help);
        json_object_end(&json);
        json_end_line(&json);
        return;
    }
    (void)printf("%s = %s\n", option->key, option->default_text);
    if (!cli->is_quiet)
        (void)printf("    %s%s%s%s\n", option->help, option->choices ? " [" : "",
                     option->choices ? option->choices : "", option->choices ? "]" : "");
}

static enum exit_code run_defaults(struct cli *cli)
{
    size_t shown = 0;
    for (size_t i = 0; i < roostd_schema.option_count; i++) {
        if (!is_asked(cli, &roostd_schema.options[i]))
            continue;
        show_default(cli, &roostd_schema.options[i]);
        shown++;
    }
    return conclude(cli, shown);
}

static const char *const defaults_examples[] = {"roost config defaults",
                                                "roost config defaults retention", NULL};

const struct command config_defaults_command = {
    .name = "config defaults",
    .summary = "every key, its default, and what it does",
    .usage = "[PART OF A KEY]",
    .positional_max = 1,
    .examples = defaults_examples,
    .run = run_defaults,
};
