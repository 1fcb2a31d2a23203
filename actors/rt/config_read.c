/* SPDX-License-Identifier: MPL-2.0
 *
 * The sources of the configuration: files and their include_dir, environment, command line. Each
 * finds key and value and leaves the rest to config_assign.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/buf.h"
#include "rt/check.h"
#include "rt/config_internal.h"

#define PATH_BYTES_MAX 4096

struct reader {
    struct config *config;
    const char *name; /* of the file */
    char section[CONFIG_KEY_MAX + 1];
    size_t line;
    bool is_included;
};

static struct config_source source_of(const struct reader *reader)
{
    struct config_source source = {.rank = RANK_FILE};
    (void)snprintf(source.place, sizeof(source.place), "%.250s:%zu", reader->name, reader->line);
    return source;
}

/* --- Files */

static enum err read_file(struct config *config, const char *path, struct buf *out)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return config_fail(config, path, "%s", strerror(errno));
    enum err err = ERR_OK;
    for (;;) {
        uint8_t *space;
        err = buf_reserve(out, 4096, &space);
        if (err)
            break;
        size_t size = fread(space, 1, 4096, file);
        buf_commit(out, size);
        if (size == 0)
            break;
    }
    bool is_broken = ferror(file) != 0;
    (void)fclose(file); /* only read from */
    if (err)
        return config_fail(config, path, "larger than %d bytes", CONFIG_FILE_MAX);
    return is_broken ? config_fail(config, path, "cannot be read") : ERR_OK;
}

static enum err load(struct config *config, const char *path, bool is_included);

static int is_conf(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 5 && strcmp(entry->d_name + size - 5, ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum err load_directory(struct config *config, const char *place, const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_conf, by_name);
    if (count < 0)
        return config_fail(config, place, "include_dir %.200s: %s", path, strerror(errno));
    enum err err = ERR_OK;
    for (int i = 0; i < count; i++) {
        char file[PATH_BYTES_MAX];
        int size = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        if (!err && size >= (int)sizeof(file))
            err = config_fail(config, place, "include_dir: the path is too long");
        if (!err)
            err = load(config, file, true);
        free(entries[i]);
    }
    free(entries);
    return err;
}

static enum err include(struct reader *reader, const char *place, struct span value)
{
    if (reader->is_included)
        return config_fail(reader->config, place, "include_dir is not allowed in included files");
    if (value.size == 0 || memchr(value.text, 0, value.size))
        return config_fail(reader->config, place, "include_dir needs a path");
    const char *slash = strrchr(reader->name, '/');
    int base = value.text[0] != '/' && slash ? (int)(slash - reader->name) + 1 : 0;
    char path[PATH_BYTES_MAX];
    int size =
        snprintf(path, sizeof(path), "%.*s%.*s", base, reader->name, (int)value.size, value.text);
    if (size >= (int)sizeof(path))
        return config_fail(reader->config, place, "include_dir: the path is too long");
    return load_directory(reader->config, place, path);
}

/* --- Lines */

static bool has_section(const struct config_schema *schema, struct span name)
{
    for (size_t i = 0; i < schema->option_count; i++) {
        const char *key = schema->options[i].key;
        size_t size = strcspn(key, ".");
        if (size == name.size && memcmp(key, name.text, size) == 0)
            return true;
    }
    return false;
}

static enum err unknown_section(struct reader *reader, const char *place, struct span name)
{
    const struct config_schema *schema = reader->config->schema;
    struct span best = {NULL, 0};
    size_t best_distance = 3;
    for (size_t i = 0; i < schema->option_count; i++) {
        const char *key = schema->options[i].key;
        struct span section = {key, strcspn(key, ".")};
        size_t distance = config_edit_distance(name, section);
        if (distance < best_distance) {
            best_distance = distance;
            best = section;
        }
    }
    int shown = name.size < CONFIG_KEY_MAX ? (int)name.size : CONFIG_KEY_MAX;
    if (!best.text)
        return config_fail(reader->config, place, "unknown section [%.*s]", shown, name.text);
    return config_fail(reader->config, place, "unknown section [%.*s]; did you mean [%.*s]?", shown,
                       name.text, (int)best.size, best.text);
}

static enum err read_section(struct reader *reader, const char *place, struct span line)
{
    if (line.text[line.size - 1] != ']')
        return config_fail(reader->config, place, "a section is written [name]");
    struct span name = span_trim((struct span){line.text + 1, line.size - 2});
    if (!has_section(reader->config->schema, name))
        return unknown_section(reader, place, name);
    CHECK(name.size <= CONFIG_KEY_MAX);
    memcpy(reader->section, name.text, name.size);
    reader->section[name.size] = 0;
    return ERR_OK;
}

/* Quotes off; a comment behind an unquoted value is a mistake worth telling. */
static enum err read_value(struct reader *reader, const char *place, struct span *value)
{
    if (value->size >= 2 && value->text[0] == '"' && value->text[value->size - 1] == '"') {
        *value = (struct span){value->text + 1, value->size - 2};
        return ERR_OK;
    }
    for (size_t i = 0; i + 1 < value->size; i++) {
        if (value->text[i] == ' ' && value->text[i + 1] == '#')
            return config_fail(reader->config, place,
                               "comments stand on lines of their own; if the value has a '#', "
                               "put it in double quotes");
    }
    return ERR_OK;
}

static enum err read_assignment(struct reader *reader, const struct config_source *source,
                                struct span line)
{
    const char *equals = memchr(line.text, '=', line.size);
    if (!equals)
        return config_fail(reader->config, source->place, "expected 'key = value' or '[section]'");
    size_t key_size = (size_t)(equals - line.text);
    struct span key = span_trim((struct span){line.text, key_size});
    struct span value = span_trim((struct span){equals + 1, line.size - key_size - 1});
    enum err err = read_value(reader, source->place, &value);
    if (err)
        return err;
    bool is_include = key.size == 11 && memcmp(key.text, "include_dir", 11) == 0;
    if (is_include && reader->section[0] == 0)
        return include(reader, source->place, value);

    char full[2 * CONFIG_KEY_MAX + 2];
    int shown = key.size < CONFIG_KEY_MAX ? (int)key.size : CONFIG_KEY_MAX;
    int size = snprintf(full, sizeof(full), "%s%s%.*s", reader->section,
                        reader->section[0] ? "." : "", shown, key.text);
    CHECK(size >= 0 && (size_t)size < sizeof(full));
    struct span name = {full, (size_t)size};
    size_t index = config_find(reader->config->schema, name);
    if (index == reader->config->schema->option_count)
        return config_unknown_key(reader->config, source->place, name);
    return config_assign(reader->config, index, value, source);
}

static enum err read_line(struct reader *reader, struct span line)
{
    struct config_source source = source_of(reader);
    line = span_trim(line);
    if (line.size == 0 || line.text[0] == '#')
        return ERR_OK;
    if (line.text[0] == '[')
        return read_section(reader, source.place, line);
    return read_assignment(reader, &source, line);
}

static enum err read_text(struct reader *reader, const char *text, size_t size)
{
    enum err err = ERR_OK;
    while (!err && size > 0) {
        const char *newline = memchr(text, '\n', size);
        size_t length = newline ? (size_t)(newline - text) : size;
        reader->line++;
        err = read_line(reader, (struct span){text, length});
        size_t step = newline ? length + 1 : length;
        text += step;
        size -= step;
    }
    return err;
}

static enum err load(struct config *config, const char *path, bool is_included)
{
    struct buf text;
    buf_init(&text, CONFIG_FILE_MAX);
    enum err err = read_file(config, path, &text);
    struct reader reader = {.config = config, .name = path, .is_included = is_included};
    if (!err)
        err = read_text(&reader, (const char *)buf_data(&text), buf_size(&text));
    buf_fini(&text);
    return err;
}

enum err config_load_file(struct config *config, const char *path)
{
    return load(config, path, false);
}

enum err config_load_text(struct config *config, const char *name, const char *text, size_t size)
{
    struct reader reader = {.config = config, .name = name};
    return read_text(&reader, text, size);
}

/* --- Environment and command line */

static void environment_name(const char *key, char ret_name[CONFIG_KEY_MAX + 1])
{
    size_t i = 0;
    for (; key[i]; i++)
        ret_name[i] = key[i] == '.' ? '_' : (char)toupper((unsigned char)key[i]);
    ret_name[i] = 0;
}

/* Is the first word of the variable a section of ours? Others are not ours to judge. */
static bool is_ours(const struct config_schema *schema, struct span name)
{
    char section[CONFIG_KEY_MAX];
    const char *end = memchr(name.text, '_', name.size);
    size_t size = end ? (size_t)(end - name.text) : name.size;
    if (!end || size >= sizeof(section))
        return false;
    for (size_t i = 0; i < size; i++)
        section[i] = (char)tolower((unsigned char)name.text[i]);
    return has_section(schema, (struct span){section, size});
}

static enum err read_variable(struct config *config, struct span name, struct span value)
{
    const struct config_schema *schema = config->schema;
    struct config_source source = {.rank = RANK_ENVIRONMENT, .place = "environment"};
    char known[CONFIG_KEY_MAX + 1];
    for (size_t i = 0; i < schema->option_count; i++) {
        environment_name(schema->options[i].key, known);
        if (strlen(known) == name.size && memcmp(known, name.text, name.size) == 0)
            return config_assign(config, i, value, &source);
    }
    if (!is_ours(schema, name))
        return ERR_OK;
    /* As it would stand in a file, to find the key that was meant. */
    char key[CONFIG_KEY_MAX + 1];
    size_t size = name.size < CONFIG_KEY_MAX ? name.size : CONFIG_KEY_MAX;
    bool is_section = true;
    for (size_t i = 0; i < size; i++) {
        key[i] = (char)tolower((unsigned char)name.text[i]);
        if (key[i] == '_' && is_section) {
            key[i] = '.';
            is_section = false;
        }
    }
    return config_unknown_key(config, source.place, (struct span){key, size});
}

enum err config_load_environment(struct config *config, char *const *environment)
{
    const char *prefix = config->schema->environment;
    size_t prefix_size = strlen(prefix);
    enum err err = ERR_OK;
    for (; !err && *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        if (!equals || strncmp(*environment, prefix, prefix_size) != 0)
            continue;
        const char *name = *environment + prefix_size;
        err = read_variable(config, (struct span){name, (size_t)(equals - name)},
                            (struct span){equals + 1, strlen(equals + 1)});
    }
    return err;
}

enum err config_set(struct config *config, const char *assignment)
{
    struct config_source source = {.rank = RANK_COMMAND_LINE, .place = "command line"};
    const char *equals = strchr(assignment, '=');
    if (!equals)
        return config_fail(config, source.place, "expected section.key=value");
    struct span key = span_trim((struct span){assignment, (size_t)(equals - assignment)});
    struct span value = span_trim((struct span){equals + 1, strlen(equals + 1)});
    size_t index = config_find(config->schema, key);
    if (index == config->schema->option_count)
        return config_unknown_key(config, source.place, key);
    return config_assign(config, index, value, &source);
}
