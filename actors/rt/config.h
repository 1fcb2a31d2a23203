/* SPDX-License-Identifier: MPL-2.0
 *
 * Configuration: an engine around a table of options. The table (and the struct it fills) belongs
 * to the program; this file knows no option by name.
 *
 * Sources, weakest first: defaults of the table < file < environment (ROOST_SECTION_KEY) < command
 * line (--set section.key=value). They may be read in any order. Within one source a later line
 * wins; of an option marked is_list the lines of the strongest source add up.
 *
 * File format: `[section]`, `key = value`, `#` comments on lines of their own, values to the end
 * of the line (or in double quotes, to keep blanks at the ends), and before any section
 * `include_dir = PATH` (reads PATH/xxx.conf in order of name; relative to the file).
 *
 * Errors name the place and suggest the key that was meant; the first error stops reading.
 */
#ifndef RT_CONFIG_H
#define RT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/buf.h"
#include "rt/err.h"

#define CONFIG_LIST_MAX 256       /* values of one list option */
#define CONFIG_TEXT_MAX 4096      /* bytes of one value */
#define CONFIG_FILE_MAX (1 << 20) /* bytes of one file */

enum config_type {
    CONFIG_BOOL,   /* bool: on/off, yes/no, true/false, 1/0 */
    CONFIG_INT,    /* int64_t within min..max; K, M, G behind the digits mean 1024^n */
    CONFIG_TEXT,   /* const char *, never NULL; min..max bound its length when max > 0 */
    CONFIG_CHOICE, /* int: index into choices */
    CONFIG_LIST,   /* struct config_list of texts */
};

struct config_list {
    char **items;
    size_t count;
};

/* One row of the table. Designated initialisers leave the rest zero. */
struct config_option {
    const char *key; /* "section.key", lower case, unit last ("retry.first_s") */
    enum config_type type;
    size_t offset;            /* of the member in the caller's struct */
    const char *default_text; /* as it would stand in a file; for lists: values separated by ',' */
    int64_t min, max;
    const char *unit;    /* for people: "seconds", "bytes"; NULL: none */
    const char *choices; /* "patient|brisk", for CONFIG_CHOICE */
    const char *help;    /* one sentence */
    bool is_reloadable;
    bool is_secret; /* never printed */
};

struct config_schema {
    const struct config_option *options;
    size_t option_count;
    size_t struct_size;      /* of the caller's struct */
    const char *environment; /* prefix, "ROOST_" */
};

struct config; /* values, their origins, and the last error */

/* With all defaults. A wrong default is a bug of ours: CHECK. */
struct config *config_new(const struct config_schema *schema);
void config_destroy(struct config **config);

/* The caller's struct, filled; texts in it live as long as the config. */
const void *config_values(const struct config *config);

/* Each answers ERR_OK or ERR_CONFIG; then config_error says what and where. */
MUST_USE enum err config_load_file(struct config *config, const char *path);
MUST_USE enum err config_load_text(struct config *config, const char *name, const char *text,
                                   size_t size);
MUST_USE enum err config_load_environment(struct config *config, char *const *environment);
MUST_USE enum err config_set(struct config *config, const char *assignment);

/* "roost.conf:12: unknown key 'retry.frist_s'; did you mean 'retry.first_s'?" "" when none. */
const char *config_error(const struct config *config);

/* Where the value of an option came from: "default", "roost.conf:12", "environment",
 * "command line". NULL: no such option. */
const char *config_origin(const struct config *config, const char *key);

/* Calls `changed` for each option whose value differs; returns how many of these are not
 * reloadable. Both have the same schema. */
size_t config_compare(const struct config *before, const struct config *after,
                      void (*changed)(const struct config_option *option, void *context),
                      void *context);

/* The effective configuration with origins, readable again as a file. */
MUST_USE enum err config_write_file(const struct config *config, struct buf *out);

/* The value of one option as it would stand in a file; a secret is never shown. ERR_CONFIG: no such
 * option. */
MUST_USE enum err config_write_value(const struct config *config, const char *key, struct buf *out);

/* All keys as a Markdown table per section, for docs/CONFIG.md. */
MUST_USE enum err config_write_markdown(const struct config_schema *schema, struct buf *out);

/* One key per line with default and help, for --help-config. */
MUST_USE enum err config_write_help(const struct config_schema *schema, struct buf *out);

/* A file with every option, its default and its help, all options commented out. */
MUST_USE enum err config_write_example(const struct config_schema *schema, struct buf *out);

/* All options as sections and lists of a manual page (mdoc). */
MUST_USE enum err config_write_manual(const struct config_schema *schema, struct buf *out);

/* Running text for mdoc: escaped, each sentence on a line of its own, `words` in quotes. */
MUST_USE enum err config_write_mdoc(const char *text, struct buf *out);

#endif
