/* SPDX-License-Identifier: MPL-2.0
 *
 * Exit codes of roostd, after sysexits.h where that has one.
 */
#ifndef ACTORS_ROOSTD_EXIT_H
#define ACTORS_ROOSTD_EXIT_H

#include "rt/err.h"

#define ROOSTD_EXITS(EXIT)                                                                         \
    EXIT(OK, 0, "stopped in order, or printed what was asked for")                                 \
    EXIT(ERROR, 1, "any other error; the log says which")                                          \
    EXIT(USAGE, 2, "the command line is wrong")                                                    \
    EXIT(DATA, 65, "the data file is damaged, not one of roost, or of a newer version")            \
    EXIT(UNAVAILABLE, 69, "an actor was lost for good, or an address cannot be listened on")       \
    EXIT(CANNOT_CREATE, 73, "the data directory cannot be made, or another roostd uses it")        \
    EXIT(STORAGE, 74, "the disk failed; start again to recover")                                   \
    EXIT(CONFIG, 78, "the configuration is wrong, or a listener would be unsafe")

enum roostd_exit {
#define EXIT(NAME, code, meaning) ROOSTD_EXIT_##NAME = code,
    ROOSTD_EXITS(EXIT)
#undef EXIT
};

/* The exit code that goes with an error of the system. */
enum roostd_exit roostd_exit_of(enum err err);

#endif
