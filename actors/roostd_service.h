/* SPDX-License-Identifier: MPL-2.0
 *
 * roostd as a service: starts the system, says `ready`, obeys signals, stops in order.
 *
 *   SIGTERM, SIGINT  stop in order: no new work, answers go out, the last commit, exit 0
 *   SIGHUP           configuration again
 *
 * With systemd (NOTIFY_SOCKET): READY, RELOADING, STOPPING, WATCHDOG. The watchdog is fed while the
 * supervisor runs and sees every actor move (system_is_stalled).
 */
#ifndef ACTORS_ROOSTD_SERVICE_H
#define ACTORS_ROOSTD_SERVICE_H

#include "roostd_command.h"
#include "roostd_exit.h"

/* Blocks until the end. The process should exit with the result at once. */
enum roostd_exit roostd_service_run(const struct roostd_command *command);

#endif
