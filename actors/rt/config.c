/* SPDX-License-Identifier: MPL-2.0
 *
 * Values of the configuration: parsing by type, who may override whom, comparing. Owns the texts
 * and lists in the caller's struct.
 */
#include "rt/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"
#include "rt/config_internal.h"

#define DISTANCE_MAX 3 /* a worse match is no suggestion */

void *config_member(const struct config *config, size_t option)
{
    return (char *)config->values + config->schema->options[option].offset;
}

/* What it says came from outside: it stays one line, and drives no terminal. */
static void blank_controls(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

enum err config_fail(struct config *config, const char *place, const char *format, ...)
{
    int used = snprintf(config->error, sizeof(config->error), "%.*s: ", CONFIG_PLACE_MAX, place);
    CHECK(used >= 0 && (size_t)used < sizeof(config->error));
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(config->error + used, sizeof(config->error) - (size_t)used, format, arguments);
    va_end(arguments);
    blank_controls(config->error);
    return ERR_CONFIG;
}

struct span span_trim(struct span span)
{
    while (span.size > 0 && isspace((unsigned char)span.text[0])) {
        span.text++;
        span.size--;
    }
    while (span.size > 0 && isspace((unsigned char)span.text[span.size - 1]))
        span.size--;
    return span;
}

static bool span_is(struct span span, const char *text)
{
    return strlen(text) == span.size && memcmp(span.text, text, span.size) == 0;
}

/* --- Keys */

size_t config_find(const struct config_schema *schema, struct span key)
{
    size_t i = 0;
    while (i < schema->option_count && !span_is(key, schema->options[i].key))
        i++;
    return i;
}

size_t config_edit_distance(struct span a, struct span b)
{
    size_t row[CONFIG_KEY_MAX + 1];
    if (a.size > CONFIG_KEY_MAX || b.size > CONFIG_KEY_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t change = diagonal + (a.text[i - 1] != b.text[j - 1]);
            diagonal = row[j];
            size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < shorter ? change : shorter;
        }
    }
    return row[b.size];
}

/* Distance to the whole key, or to its part behind the section if that is what was written. */
static size_t distance_to(struct span key, const char *candidate)
{
    size_t whole = config_edit_distance(key, (struct span){candidate, strlen(candidate)});
    const char *dot = strchr(candidate, '.');
    if (!dot)
        return whole;
    const char *written = memchr(key.text, '.', key.size);
    struct span last = key;
    if (written) {
        last.text = written + 1;
        last.size = key.size - (size_t)(written + 1 - key.text);
    }
    /* The right name in the wrong section costs one. */
    size_t part = config_edit_distance(last, (struct span){dot + 1, strlen(dot + 1)});
    return part == 0 && whole > 1 ? 1 : whole;
}

enum err config_unknown_key(struct config *config, const char *place, struct span key)
{
    const struct config_schema *schema = config->schema;
    const char *best = NULL;
    size_t best_distance = DISTANCE_MAX + 1;
    for (size_t i = 0; i < schema->option_count; i++) {
        size_t distance = distance_to(key, schema->options[i].key);
        if (distance < best_distance) {
            best_distance = distance;
            best = schema->options[i].key;
        }
    }
    int shown = key.size < CONFIG_KEY_MAX ? (int)key.size : CONFIG_KEY_MAX;
    if (best)
        return config_fail(config, place, "unknown key '%.*s'; did you mean '%s'?", shown, key.text,
                           best);
    return config_fail(config, place, "unknown key '%.*s'", shown, key.text);
}

/* --- Values by type */

static bool parse_bool(struct span text, bool *ret_value)
{
    static const char *const yes[] = {"on", "yes", "true", "1"};
    static const char *const no[] = {"off", "no", "false", "0"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (span_is(text, yes[i]) || span_is(text, no[i])) {
            *ret_value = span_is(text, yes[i]);
            return true;
        }
    }
    return false;
}

static bool parse_int(struct span text, int64_t *ret_value)
{
    bool is_negative = text.size > 0 && text.text[0] == '-';
    int64_t factor = 1, value = 0;
    size_t end = text.size, i = is_negative ? 1 : 0;
    if (end > i) {
        char unit = (char)toupper((unsigned char)text.text[end - 1]);
        unsigned shift = unit == 'K' ? 10 : unit == 'M' ? 20 : unit == 'G' ? 30 : 0;
        factor = (int64_t)1 << shift;
        end -= shift ? 1 : 0;
    }
    if (i == end)
        return false;
    for (; i < end; i++) {
        if (!isdigit((unsigned char)text.text[i]))
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text.text[i] - '0', &value))
            return false;
    }
    if (__builtin_mul_overflow(value, is_negative ? -factor : factor, ret_value))
        return false;
    return true;
}

static bool parse_choice(struct span text, const char *choices, int *ret_index)
{
    int index = 0;
    for (const char *choice = choices;; choice++, index++) {
        size_t size = strcspn(choice, "|");
        if (size == text.size && memcmp(choice, text.text, size) == 0) {
            *ret_index = index;
            return true;
        }
        choice += size;
        if (*choice == 0)
            return false;
    }
}

static char *copy_text(struct span text)
{
    char *copy = malloc(text.size + 1);
    CHECK(copy != NULL); /* configuration is read at start-up and small */
    if (text.size)
        memcpy(copy, text.text, text.size);
    copy[text.size] = 0;
    return copy;
}

static void clear_list(struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct config_list){0};
}

static enum err check_text(struct config *config, const struct config_option *option,
                           const char *place, struct span text)
{
    if (text.size > CONFIG_TEXT_MAX)
        return config_fail(config, place, "%s: longer than %d bytes", option->key, CONFIG_TEXT_MAX);
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.text[i] < ' ' || text.text[i] == 0x7f)
            return config_fail(config, place, "%s: control characters are not allowed",
                               option->key);
    }
    if (option->max > 0 && ((int64_t)text.size < option->min || (int64_t)text.size > option->max))
        return config_fail(config, place, "%s: must have %" PRId64 " to %" PRId64 " bytes",
                           option->key, option->min, option->max);
    return ERR_OK;
}

/* Takes the next item off the text. False: there is none. */
static bool next_item(struct span *inout_text, struct span *ret_item)
{
    while (inout_text->size > 0) {
        const char *comma = memchr(inout_text->text, ',', inout_text->size);
        size_t size = comma ? (size_t)(comma - inout_text->text) : inout_text->size;
        size_t step = comma ? size + 1 : size;
        *ret_item = span_trim((struct span){inout_text->text, size});
        *inout_text = (struct span){inout_text->text + step, inout_text->size - step};
        if (ret_item->size > 0)
            return true;
    }
    return false;
}

static enum err check_list(struct config *config, const struct config_option *option,
                           const char *place, struct span text, size_t room)
{
    struct span item;
    while (next_item(&text, &item)) {
        enum err err = check_text(config, option, place, item);
        if (err)
            return err;
        if (room-- == 0)
            return config_fail(config, place, "%s: more than %d values", option->key,
                               CONFIG_LIST_MAX);
    }
    return ERR_OK;
}

static enum err assign_list(struct config *config, size_t index, struct span text,
                            const struct config_source *source, bool is_stored)
{
    const struct config_option *option = &config->schema->options[index];
    struct config_list *list = config_member(config, index);
    bool adds_up = is_stored && source->rank == config->origins[index].rank;
    size_t room = CONFIG_LIST_MAX - (adds_up ? list->count : 0);
    enum err err = check_list(config, option, source->place, text, room);
    if (err || !is_stored)
        return err;
    if (!adds_up)
        clear_list(list);
    struct span item;
    while (next_item(&text, &item)) {
        char **items = realloc(list->items, (list->count + 1) * sizeof(char *));
        CHECK(items != NULL);
        list->items = items;
        list->items[list->count++] = copy_text(item);
    }
    return ERR_OK;
}

static enum err assign_int(struct config *config, size_t index, struct span text, const char *place,
                           bool is_stored)
{
    const struct config_option *option = &config->schema->options[index];
    int64_t value;
    int shown = text.size < CONFIG_KEY_MAX ? (int)text.size : CONFIG_KEY_MAX;
    if (!parse_int(text, &value))
        return config_fail(config, place, "%s: '%.*s' is not a whole number", option->key, shown,
                           text.text);
    if (value < option->min || value > option->max)
        return config_fail(config, place, "%s: %.*s is not within %" PRId64 " to %" PRId64 "%s%s",
                           option->key, shown, text.text, option->min, option->max,
                           option->unit ? " " : "", option->unit ? option->unit : "");
    if (is_stored)
        *(int64_t *)config_member(config, index) = value;
    return ERR_OK;
}

static enum err assign_word(struct config *config, size_t index, struct span text,
                            const char *place, bool is_stored)
{
    const struct config_option *option = &config->schema->options[index];
    bool is_on = false;
    int choice = 0;
    bool is_bool = option->type == CONFIG_BOOL;
    bool is_known =
        is_bool ? parse_bool(text, &is_on) : parse_choice(text, option->choices, &choice);
    if (!is_known) {
        int shown = text.size < CONFIG_KEY_MAX ? (int)text.size : CONFIG_KEY_MAX;
        return config_fail(config, place, "%s: '%.*s' is not one of %s", option->key, shown,
                           text.text, is_bool ? "on|off" : option->choices);
    }
    if (is_stored && is_bool)
        *(bool *)config_member(config, index) = is_on;
    else if (is_stored)
        *(int *)config_member(config, index) = choice;
    return ERR_OK;
}

static enum err assign_text(struct config *config, size_t index, struct span text,
                            const char *place, bool is_stored)
{
    enum err err = check_text(config, &config->schema->options[index], place, text);
    if (err || !is_stored)
        return err;
    char **member = config_member(config, index);
    free(*member);
    *member = copy_text(text);
    return ERR_OK;
}

enum err config_assign(struct config *config, size_t index, struct span value,
                       const struct config_source *source)
{
    /* A weaker source is still checked: an error in it will matter one day. */
    bool is_stored = source->rank >= config->origins[index].rank;
    enum err err = ERR_OK;
    switch (config->schema->options[index].type) {
    case CONFIG_BOOL:
    case CONFIG_CHOICE:
        err = assign_word(config, index, value, source->place, is_stored);
        break;
    case CONFIG_INT:
        err = assign_int(config, index, value, source->place, is_stored);
        break;
    case CONFIG_TEXT:
        err = assign_text(config, index, value, source->place, is_stored);
        break;
    case CONFIG_LIST:
        err = assign_list(config, index, value, source, is_stored);
        break;
    }
    if (!err && is_stored)
        config->origins[index] = *source;
    return err;
}

/* --- Life */

struct config *config_new(const struct config_schema *schema)
{
    static const struct config_source source = {RANK_DEFAULT, "default"};
    struct config *config = calloc(1, sizeof(*config));
    CHECK(config != NULL);
    config->schema = schema;
    config->values = calloc(1, schema->struct_size);
    config->origins = calloc(schema->option_count, sizeof(*config->origins));
    CHECK(config->values && config->origins);
    for (size_t i = 0; i < schema->option_count; i++) {
        const char *text = schema->options[i].default_text;
        CHECK(strlen(schema->options[i].key) <= CONFIG_KEY_MAX && text != NULL);
        CHECK(config_assign(config, i, (struct span){text, strlen(text)}, &source) == ERR_OK);
    }
    return config;
}

void config_destroy(struct config **config_pointer)
{
    struct config *config = *config_pointer;
    if (!config)
        return;
    for (size_t i = 0; i < config->schema->option_count; i++) {
        if (config->schema->options[i].type == CONFIG_TEXT)
            free(*(char **)config_member(config, i));
        else if (config->schema->options[i].type == CONFIG_LIST)
            clear_list(config_member(config, i));
    }
    free(config->values);
    free(config->origins);
    free(config);
    *config_pointer = NULL;
}

const void *config_values(const struct config *config)
{
    return config->values;
}

const char *config_error(const struct config *config)
{
    return config->error;
}

const char *config_origin(const struct config *config, const char *key)
{
    size_t index = config_find(config->schema, (struct span){key, strlen(key)});
    return index < config->schema->option_count ? config->origins[index].place : NULL;
}

/* --- Comparing */

static bool are_lists_equal(const struct config_list *a, const struct config_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    }
    return true;
}

static bool are_values_equal(enum config_type type, const void *a, const void *b)
{
    switch (type) {
    case CONFIG_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case CONFIG_INT:
        return *(const int64_t *)a == *(const int64_t *)b;
    case CONFIG_CHOICE:
        return *(const int *)a == *(const int *)b;
    case CONFIG_TEXT:
        return strcmp(*(char *const *)a, *(char *const *)b) == 0;
    case CONFIG_LIST:
        return are_lists_equal(a, b);
    }
    return false;
}

size_t config_compare(const struct config *before, const struct config *after,
                      void (*changed)(const struct config_option *option, void *context),
                      void *context)
{
    CHECK(before->schema == after->schema);
    size_t fixed = 0;
    for (size_t i = 0; i < before->schema->option_count; i++) {
        const struct config_option *option = &before->schema->options[i];
        if (are_values_equal(option->type, config_member(before, i), config_member(after, i)))
            continue;
        if (!option->is_reloadable)
            fixed++;
        changed(option, context);
    }
    return fixed;
}
