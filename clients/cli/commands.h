/* SPDX-License-Identifier: MPL-2.0
 *
 * All commands of the tool; each is defined beside the code that runs it.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "clients/cli/command.h"

extern const struct command send_command, cancel_command;                  /* cmd_send.c */
extern const struct command recv_command, tail_command;                    /* cmd_recv.c */
extern const struct command history_command, unread_command, read_command; /* cmd_history.c */
extern const struct command peers_command, presence_command;               /* cmd_peers.c */
extern const struct command inspect_command, trace_command, stats_command; /* cmd_inspect.c */
extern const struct command dead_list_command, dead_peek_command;          /* cmd_dead.c */
extern const struct command dead_redrive_command, dead_purge_command;      /* cmd_dead.c */
extern const struct command verify_command;                                /* cmd_verify.c */
extern const struct command bench_command;                                 /* cmd_bench.c */
extern const struct command import_lair_command, import_gigi_command;      /* cmd_import.c */

#endif
