/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as the configuration: up to the first 0xff a file, then up to the next one a variable
 * of the environment (behind its prefix), then a --set of the command line. Against the options of
 * roostd and against a table with every type. Holds actors/rt/config*.c to:
 *   - an accepted value is within its range, and a refusal is one harmless line
 *   - one assignment that is refused changes nothing
 *   - the order in which the sources are read does not matter
 *   - what is written as a file reads back to the same values
 * and actors/roostd_config.c to: a sentence exactly when it refuses, and what is allowed without
 * --insecure is reachable from this machine only.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "plain.h"
#include "roostd_config.h"
#include "rt/config_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct play {
    bool flag;
    int64_t number, large;
    const char *text, *short_text;
    int choice;
    struct config_list list;
};

static const struct config_option play_options[] = {
    {.key = "play.flag",
     .type = CONFIG_BOOL,
     .default_text = "off",
     .help = "f",
     .offset = offsetof(struct play, flag)},
    {.key = "play.number",
     .type = CONFIG_INT,
     .default_text = "-1",
     .min = -5,
     .max = 1 << 20,
     .help = "n",
     .offset = offsetof(struct play, number)},
    {.key = "play.large",
     .type = CONFIG_INT,
     .default_text = "0",
     .min = INT64_MIN,
     .max = INT64_MAX,
     .unit = "bytes",
     .help = "l",
     .offset = offsetof(struct play, large)},
    {.key = "text.any",
     .type = CONFIG_TEXT,
     .default_text = "",
     .help = "t",
     .offset = offsetof(struct play, text)},
    {.key = "text.short",
     .type = CONFIG_TEXT,
     .default_text = "abc",
     .min = 2,
     .max = 8,
     .help = "s",
     .offset = offsetof(struct play, short_text)},
    {.key = "text.choice",
     .type = CONFIG_CHOICE,
     .default_text = "b",
     .choices = "a|b|cc",
     .help = "c",
     .offset = offsetof(struct play, choice)},
    {.key = "text.list",
     .type = CONFIG_LIST,
     .default_text = "x, y",
     .help = "i",
     .offset = offsetof(struct play, list)},
};

static const struct config_schema play_schema = {
    .options = play_options,
    .option_count = sizeof(play_options) / sizeof(play_options[0]),
    .struct_size = sizeof(struct play),
    .environment = "ROOST_",
};

struct sources {
    struct bytes file, variable, set;
};

/* --- What always holds */

static void check_text(const struct config_option *option, const char *text)
{
    size_t size = strlen(text);
    CHECK(size <= CONFIG_TEXT_MAX);
    for (size_t i = 0; i < size; i++)
        CHECK((uint8_t)text[i] >= ' ' && text[i] != 0x7f);
    if (option->max > 0)
        CHECK((int64_t)size >= option->min && (int64_t)size <= option->max);
}

static void check_value(const struct config *config, size_t index)
{
    const struct config_option *option = &config->schema->options[index];
    const void *member = config_member(config, index);
    int choices = 1;

    switch (option->type) {
    case CONFIG_BOOL:
        CHECK(*(const uint8_t *)member <= 1);
        break;
    case CONFIG_INT:
        CHECK(*(const int64_t *)member >= option->min && *(const int64_t *)member <= option->max);
        break;
    case CONFIG_TEXT:
        check_text(option, *(char *const *)member);
        break;
    case CONFIG_CHOICE:
        for (const char *at = option->choices; *at; at++)
            choices += *at == '|';
        CHECK(*(const int *)member >= 0 && *(const int *)member < choices);
        break;
    case CONFIG_LIST: {
        const struct config_list *list = member;
        CHECK(list->count <= CONFIG_LIST_MAX);
        for (size_t i = 0; i < list->count; i++)
            check_text(option, list->items[i]);
        break;
    }
    }
}

static void check_values(const struct config *config)
{
    for (size_t i = 0; i < config->schema->option_count; i++)
        check_value(config, i);
}

/* A refusal is one line that a terminal can show; other bytes than ASCII are the reader's own. */
static void check_refusal(const struct config *config, enum err err)
{
    const char *text = config_error(config);
    CHECK((err == ERR_OK) == (text[0] == '\0'));
    CHECK(err == ERR_OK || err == ERR_CONFIG);
    for (; *text; text++)
        CHECK((uint8_t)*text >= ' ' && *text != 0x7f);
}

static void note_change(const struct config_option *option, void *context)
{
    (void)option;
    ++*(unsigned *)context;
}

static bool is_same(const struct config *one, const struct config *other)
{
    unsigned changes = 0;
    (void)config_compare(one, other, note_change, &changes);
    return changes == 0;
}

/* --- The sources */

static enum err load_file(struct config *config, struct bytes part)
{
    char *text = bytes_copy(part, false);
    enum err err = config_load_text(config, "fuzz.conf", text, part.left);
    free(text);
    return err;
}

static enum err load_variable(struct config *config, struct bytes part)
{
    static char variable[1 << 16];
    size_t size = part.left < sizeof(variable) - 7 ? part.left : sizeof(variable) - 7;
    memcpy(variable, "ROOST_", 6);
    memcpy(variable + 6, part.at, size);
    variable[6 + size] = '\0';
    char *environment[] = {variable, NULL};
    return config_load_environment(config, environment);
}

static enum err load_set(struct config *config, struct bytes part)
{
    char *text = bytes_copy(part, true);
    enum err err = config_set(config, text);
    free(text);
    return err;
}

/* One source into an empty configuration. */
static void check_single(const struct config_schema *schema, struct bytes part,
                         enum err (*load)(struct config *config, struct bytes part))
{
    struct config *config = config_new(schema), *defaults = config_new(schema);
    enum err err = load(config, part);
    check_refusal(config, err);
    check_values(config);
    CHECK(err == ERR_OK || load == load_file || is_same(config, defaults));
    config_destroy(&config);
    config_destroy(&defaults);
}

static void check_written(const struct config *config)
{
    struct buf text;
    struct config *again = config_new(config->schema);
    buf_init(&text, 4 << 20);
    CHECK(config_write_file(config, &text) == ERR_OK);
    CHECK(config_load_text(again, "again.conf", (const char *)buf_data(&text), buf_size(&text)) ==
          ERR_OK);
    CHECK(is_same(config, again));
    buf_fini(&text);
    config_destroy(&again);
}

static void check_rules(const struct config *config)
{
    struct buf safe, lab;
    buf_init(&safe, 1 << 16);
    buf_init(&lab, 1 << 16);
    enum err err = roostd_config_check(config_values(config), false, &safe);
    enum err lab_err = roostd_config_check(config_values(config), true, &lab);
    CHECK((err == ERR_OK) == (buf_size(&safe) == 0));
    CHECK((lab_err == ERR_OK) == (buf_size(&lab) == 0));
    CHECK(err != ERR_OK || lab_err == ERR_OK);
    const struct roostd_config *values = config_values(config);
    CHECK(err != ERR_OK || values->http_tls_key[0] || roostd_is_local(values));
    CHECK(lab_err != ERR_UNSAFE_LISTENER);
    buf_fini(&safe);
    buf_fini(&lab);
}

static void check_all(const struct config_schema *schema, const struct sources *sources)
{
    struct config *one = config_new(schema), *other = config_new(schema);
    bool is_read = load_file(one, sources->file) == ERR_OK &&
                   load_variable(one, sources->variable) == ERR_OK &&
                   (!sources->set.left || load_set(one, sources->set) == ERR_OK);
    if (is_read) {
        if (sources->set.left)
            CHECK(load_set(other, sources->set) == ERR_OK);
        CHECK(load_variable(other, sources->variable) == ERR_OK);
        CHECK(load_file(other, sources->file) == ERR_OK);
        CHECK(is_same(one, other));
        check_written(one);
    }
    check_values(one);
    if (schema == &roostd_schema)
        check_rules(one);
    config_destroy(&one);
    config_destroy(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && memmem(data, size, "include_dir", 11))
        return 0; /* would read what happens to lie on this machine */
    struct bytes input = {data, size};
    struct sources sources;
    sources.file = bytes_until(&input, 0xff);
    sources.variable = bytes_until(&input, 0xff);
    sources.set = input;

    const struct config_schema *schemas[] = {&roostd_schema, &play_schema};
    for (int i = 0; i < 2; i++) {
        check_single(schemas[i], sources.file, load_file);
        check_single(schemas[i], sources.variable, load_variable);
        check_single(schemas[i], sources.set, load_set);
        check_all(schemas[i], &sources);
    }
    return 0;
}
