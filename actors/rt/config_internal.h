/* SPDX-License-Identifier: MPL-2.0
 *
 * Shared by the files of the configuration engine: config.c (values), config_read.c (sources),
 * config_write.c (documents) and config_manual.c (what gets installed).
 */
#ifndef RT_CONFIG_INTERNAL_H
#define RT_CONFIG_INTERNAL_H

#include <stdarg.h>

#include "rt/config.h"

/* Weakest first. */
enum config_rank { RANK_DEFAULT, RANK_FILE, RANK_ENVIRONMENT, RANK_COMMAND_LINE };

#define CONFIG_KEY_MAX   64
#define CONFIG_PLACE_MAX 300
#define CONFIG_ERROR_MAX 512

struct config_source {
    enum config_rank rank;
    char place[CONFIG_PLACE_MAX]; /* "roost.conf:12", "environment", "command line" */
};

struct config {
    const struct config_schema *schema;
    void *values;
    struct config_source *origins; /* by option */
    char error[CONFIG_ERROR_MAX];
};

/* A piece of text that is not terminated. */
struct span {
    const char *text;
    size_t size;
};

/* Index of the option, or option_count. */
size_t config_find(const struct config_schema *schema, struct span key);

/* Parses and stores, unless a stronger source has spoken. */
MUST_USE enum err config_assign(struct config *config, size_t option, struct span value,
                                const struct config_source *source);

/* The error for a key that does not exist, with the one that was probably meant. */
MUST_USE enum err config_unknown_key(struct config *config, const char *place, struct span key);

/* Notes "place: text" and answers ERR_CONFIG. */
MUST_USE enum err config_fail(struct config *config, const char *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct span span_trim(struct span span);

/* The member of the caller's struct. */
void *config_member(const struct config *config, size_t option);

/* "1 to 10 seconds", "a or b", "on or off", "list", "text" */
MUST_USE enum err config_write_range(const struct config_option *option, struct buf *out);

/* Without its section. */
const char *config_short_name(const struct config_option *option);

/* Whether this option is the first of its section. */
bool config_begins_section(const struct config_schema *schema, size_t option);

/* How many letters must change to make b of a; bounded work. */
size_t config_edit_distance(struct span a, struct span b);

#endif
