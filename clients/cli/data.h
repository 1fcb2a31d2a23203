/* SPDX-License-Identifier: MPL-2.0
 *
 * Where a broker keeps its data, for the commands that work on the files: as roostd finds it, or as
 * --data says.
 */
#ifndef CLI_DATA_H
#define CLI_DATA_H

#include <limits.h>
#include <stdbool.h>

#include "clients/cli/command.h"

#define DATA_DATABASE "roost.db"

#define DATA_OPTION                                                                                \
    {                                                                                              \
        "data", 0, "DIR", "data directory of the broker (as roostd finds it)"                      \
    }

struct data_place {
    char directory[PATH_MAX];
    char database[PATH_MAX]; /* directory/roost.db */
};

/* --data, $STATE_DIRECTORY, $XDG_DATA_HOME/roost, ~/.local/share/roost. False, after saying so: none
 * of them. */
bool data_find(const struct cli *cli, struct data_place *ret);

/* The same; the directory is made if it is missing. */
bool data_make(const struct cli *cli, struct data_place *ret);

/* The same, and there is a database; otherwise *ret_code says how to end. */
bool data_find_database(const struct cli *cli, struct data_place *ret, enum exit_code *ret_code);

/* The process that has this file locked, as far as the system tells; 0: not known. */
int data_lock_holder(const char *lock_path);

#endif
