/* SPDX-License-Identifier: MPL-2.0
 *
 * The command line of roostd, and the configuration it leads to.
 *
 * Owns: the options, the help text, and in which order the sources are read (so that SIGHUP reads
 * the very same ones again). Everything it has to say on failure is one line on standard error.
 */
#ifndef ACTORS_ROOSTD_COMMAND_H
#define ACTORS_ROOSTD_COMMAND_H

#include <stdbool.h>

#include "roostd_config.h"
#include "roostd_exit.h"

#define ROOSTD_SETS_MAX 128

enum roostd_action {
    ACTION_RUN,
    ACTION_CHECK_CONFIG,
    ACTION_PRINT_CONFIG,
    ACTION_PRINT_CONFIG_EXAMPLE,
    ACTION_PRINT_CONFIG_MANUAL,
    ACTION_PRINT_EXITS_MANUAL,
    ACTION_PRINT_CONFIG_TABLE,
    ACTION_PRINT_ERRORS_TABLE,
    ACTION_PRINT_METRICS_TABLE,
    ACTION_PRINT_VERSION,
    ACTION_PRINT_HELP,
};

struct roostd_command {
    enum roostd_action action;
    const char *config_path; /* NULL: none */
    const char *data_path;   /* NULL: the default */
    const char *sets[ROOSTD_SETS_MAX];
    size_t set_count;
    bool is_insecure;
};

/* False: it has said what is wrong; exit with ROOSTD_EXIT_USAGE. */
bool roostd_command_parse(int argc, char **argv, struct roostd_command *ret);

/* All sources, checked. On failure NULL, and one line in `problem`. */
struct config *roostd_command_load(const struct roostd_command *command, struct buf *problem);

/* Everything that is not ACTION_RUN, to standard output. */
enum roostd_exit roostd_command_print(const struct roostd_command *command);

/* "roost 0.1.0" */
extern const char roostd_version[];

#endif
