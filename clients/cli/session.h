/* SPDX-License-Identifier: MPL-2.0
 *
 * The session a command runs with: which broker, as whom, how long to wait, from options,
 * environment and user name, in this order.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <stdbool.h>

#include "clients/cli/command.h"

/* url, peer and timeout_ms. False after a complaint. */
bool session_take_common(struct cli *cli);

/* cli->roost, connected, or a complaint and how to end. Asks for a password where there is a terminal
 * and the broker wants one. */
enum exit_code session_open(struct cli *cli);
/* The same with these credentials, and nothing is asked for. */
enum exit_code session_open_with(struct cli *cli, const char *credentials);

#endif
