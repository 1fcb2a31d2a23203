/* SPDX-License-Identifier: MPL-2.0
 *
 * roostd: what to do, and how it ended. How it is done: roostd_service.c; who does it: actors.h.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "roostd_command.h"
#include "roostd_service.h"

#define UMASK 077

int main(int argc, char **argv)
{
    struct roostd_command command;

    (void)umask(UMASK); /* always succeeds */
    if (!roostd_command_parse(argc, argv, &command))
        return ROOSTD_EXIT_USAGE;
    if (command.action != ACTION_RUN)
        return (int)roostd_command_print(&command);
    return (int)roostd_service_run(&command);
}
