/* SPDX-License-Identifier: MPL-2.0
 *
 * Passwords: from a file, from standard input, or asked for at the terminal; never from the command
 * line, where everybody on the machine could read them.
 */
#ifndef CLI_SECRET_H
#define CLI_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "clients/cli/command.h"

#define SECRET_BYTES_MAX 1024

/* The first line of the file; "-" is standard input. Says what is wrong and answers false. */
bool secret_from_file(const struct cli *cli, const char *path, char ret[SECRET_BYTES_MAX + 1]);

/* Asks at the terminal without showing what is typed; `twice`: again, both must agree. False, after
 * saying so, when there is no terminal (then `option` is what names a file), or nothing was typed. */
bool secret_from_terminal(const struct cli *cli, const char *option, const char *what, bool twice,
                          char ret[SECRET_BYTES_MAX + 1]);

/* From the file that the option `name` names, else from the terminal. */
bool secret_take(const struct cli *cli, const char *name, const char *what, bool twice,
                 char ret[SECRET_BYTES_MAX + 1]);

/* The file with what the session is opened with: --password-file, ROOST_PASSWORD_FILE, or NULL. */
const char *secret_path(const struct cli *cli);

void secret_wipe(char secret[SECRET_BYTES_MAX + 1]);

#endif
