/* SPDX-License-Identifier: MPL-2.0
 *
 * The data directory: where it is by default, and that it exists, for us alone.
 * Leaves to others: the lock (store_open).
 */
#ifndef ACTORS_ROOSTD_DATA_H
#define ACTORS_ROOSTD_DATA_H

#include <limits.h>

#include "rt/err.h"

#define ROOSTD_DATABASE "roost.db"

struct roostd_data {
    char directory[PATH_MAX];
    char database[PATH_MAX]; /* directory + "/roost.db" */
};

/* `wanted`: of the command line, or NULL for the first of $STATE_DIRECTORY (systemd),
 * $XDG_DATA_HOME/roost, $HOME/.local/share/roost. Makes what is missing of it, with mode 0700.
 * ERR_STORAGE, after one line on standard error. */
MUST_USE enum err roostd_data_open(const char *wanted, struct roostd_data *ret);

#endif
