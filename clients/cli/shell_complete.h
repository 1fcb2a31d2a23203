/* SPDX-License-Identifier: MPL-2.0
 *
 * What may come next in a line of the shell: commands and options by the table, names of peers,
 * rooms and queues by asking the broker, who is asked again when the answer is some seconds old.
 */
#ifndef CLI_SHELL_COMPLETE_H
#define CLI_SHELL_COMPLETE_H

#include <stddef.h>

#include "clients/cli/command.h"

/* The candidates for the word `text` that begins at `start` of `line`, one per call: state 0 begins
 * anew. To be freed; NULL: there are no more. */
char *shell_complete_next(struct cli *cli, const char *line, int start, const char *text,
                          int state);

#endif
