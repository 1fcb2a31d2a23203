/* SPDX-License-Identifier: MPL-2.0
 *
 * The manual pages of the tool, made of the command table: roost(1), and for the first word of
 * each command a page roost-WORD(1), so that none of them can be out of date.
 *
 * Promises: pages that `mandoc -T lint` has nothing to say against. Leaves to others: installing
 * them (docs/packaging).
 */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include "clients/cli/command.h"

/* Writes all pages into the folder, which exists; says what went wrong. `date` as mdoc wants it:
 * "November 21, 2026". */
enum exit_code manual_write(const struct cli *cli, const char *folder, const char *date);

#endif
