/* SPDX-License-Identifier: MPL-2.0
 *
 * Documents made of the option table: the effective configuration as a file, the table of all keys
 * in Markdown, the help text. So none of them can disagree with the program.
 */
#include <inttypes.h>
#include <string.h>

#include "rt/buf.h"
#include "rt/config_internal.h"

static size_t section_size(const char *key)
{
    return strcspn(key, ".");
}

static bool is_same_section(const char *a, const char *b)
{
    size_t size = section_size(a);
    return size == section_size(b) && memcmp(a, b, size) == 0;
}

bool config_begins_section(const struct config_schema *schema, size_t option)
{
    const struct config_option *options = schema->options;
    return option == 0 || !is_same_section(options[option].key, options[option - 1].key);
}

const char *config_short_name(const struct config_option *option)
{
    const char *dot = strchr(option->key, '.');
    return dot ? dot + 1 : option->key;
}

/* The n-th word of "a|b|c". */
static struct span choice_at(const char *choices, int index)
{
    while (index-- > 0) {
        choices += strcspn(choices, "|");
        choices += *choices ? 1 : 0;
    }
    return (struct span){choices, strcspn(choices, "|")};
}

static enum err write_text(const char *text, struct buf *out)
{
    size_t size = strlen(text);
    bool is_quoted = size > 0 && (text[0] == ' ' || text[size - 1] == ' ' || text[0] == '"' ||
                                  strstr(text, " #"));
    return buf_append_format(out, is_quoted ? "\"%s\"" : "%s", text);
}

/* In quotes where it would read as something else: as a comment, or with its own quotes gone. */
static enum err write_list(const struct config_list *list, struct buf *out)
{
    bool is_quoted = false;
    for (size_t i = 0; i < list->count; i++)
        is_quoted |= strpbrk(list->items[i], "#\"") != NULL;
    enum err err = buf_append_text(out, is_quoted ? "\"" : "");
    for (size_t i = 0; !err && i < list->count; i++)
        err = buf_append_format(out, "%s%s", i ? ", " : "", list->items[i]);
    return err ? err : buf_append_text(out, is_quoted ? "\"" : "");
}

static enum err write_value(const struct config *config, size_t index, struct buf *out)
{
    const struct config_option *option = &config->schema->options[index];
    const void *member = config_member(config, index);
    if (option->is_secret)
        return buf_append_text(out, "(hidden)");
    switch (option->type) {
    case CONFIG_BOOL:
        return buf_append_text(out, *(const bool *)member ? "on" : "off");
    case CONFIG_INT:
        return buf_append_format(out, "%" PRId64, *(const int64_t *)member);
    case CONFIG_TEXT:
        return write_text(*(char *const *)member, out);
    case CONFIG_LIST:
        return write_list(member, out);
    case CONFIG_CHOICE: {
        struct span choice = choice_at(option->choices, *(const int *)member);
        return buf_append(out, choice.text, choice.size);
    }
    }
    return ERR_INTERNAL;
}

enum err config_write_value(const struct config *config, const char *key, struct buf *out)
{
    for (size_t i = 0; i < config->schema->option_count; i++) {
        if (strcmp(config->schema->options[i].key, key) == 0)
            return write_value(config, i, out);
    }
    return ERR_CONFIG;
}

enum err config_write_range(const struct config_option *option, struct buf *out)
{
    const char *unit = option->unit ? option->unit : "";
    switch (option->type) {
    case CONFIG_BOOL:
        return buf_append_text(out, "on or off");
    case CONFIG_INT:
        return buf_append_format(out, "%" PRId64 " to %" PRId64 "%s%s", option->min, option->max,
                                 option->unit ? " " : "", unit);
    case CONFIG_TEXT:
        return buf_append_text(out, "text");
    case CONFIG_LIST:
        return buf_append_text(out, "list");
    case CONFIG_CHOICE: {
        enum err err = ERR_OK;
        for (const char *at = option->choices; !err && *at;) {
            size_t size = strcspn(at, "|");
            err = buf_append(out, at, size);
            at += size;
            if (!err && *at++)
                err = buf_append_text(out, " or ");
            else
                break;
        }
        return err;
    }
    }
    return ERR_INTERNAL;
}

static enum err write_option(const struct config *config, size_t index, struct buf *out)
{
    const struct config_option *option = &config->schema->options[index];
    const struct config_source *origin = &config->origins[index];
    enum err err = buf_append_format(out, "# %s (", option->help);
    if (!err)
        err = config_write_range(option, out);
    if (!err)
        err = buf_append_format(out, "; from: %s)\n", origin->place);
    bool is_comment = origin->rank == RANK_DEFAULT || option->is_secret;
    if (!err)
        err = buf_append_format(out, "%s%s = ", is_comment ? "# " : "", config_short_name(option));
    if (!err)
        err = write_value(config, index, out);
    if (!err)
        err = buf_append_text(out, "\n");
    return err;
}

enum err config_write_file(const struct config *config, struct buf *out)
{
    const struct config_schema *schema = config->schema;
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < schema->option_count; i++) {
        const char *key = schema->options[i].key;
        if (config_begins_section(schema, i))
            err = buf_append_format(out, "%s[%.*s]\n", i ? "\n" : "", (int)section_size(key), key);
        if (!err)
            err = write_option(config, i, out);
    }
    return err;
}

static enum err write_markdown_row(const struct config_option *option, struct buf *out)
{
    enum err err = buf_append_format(out, "| `%s` | ", option->key);
    if (!err)
        err = config_write_range(option, out);
    if (err)
        return err;
    const char *text = option->default_text;
    return buf_append_format(out, " | %s%s%s | %s | %s |\n", *text ? "`" : "", *text ? text : "-",
                             *text ? "`" : "", option->is_reloadable ? "reload" : "restart",
                             option->help);
}

enum err config_write_markdown(const struct config_schema *schema, struct buf *out)
{
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < schema->option_count; i++) {
        const char *key = schema->options[i].key;
        if (config_begins_section(schema, i))
            err = buf_append_format(out,
                                    "%s### %.*s\n\n| key | value | default | changed by | meaning "
                                    "|\n|---|---|---|---|---|\n",
                                    i ? "\n" : "", (int)section_size(key), key);
        if (!err)
            err = write_markdown_row(&schema->options[i], out);
    }
    return err;
}

enum err config_write_help(const struct config_schema *schema, struct buf *out)
{
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < schema->option_count; i++) {
        const struct config_option *option = &schema->options[i];
        err = buf_append_format(out, "%s = %s\n    %s (", option->key, option->default_text,
                                option->help);
        if (!err)
            err = config_write_range(option, out);
        if (!err)
            err = buf_append_text(out, ")\n");
    }
    return err;
}
