/* SPDX-License-Identifier: MPL-2.0
 *
 * What the process gives up of the system: so that whoever takes it over from outside gets little.
 *
 *   at the start    no core dump, nobody of the same user reads its memory (PR_SET_DUMPABLE), and no program
 *                   started by it could have more rights (PR_SET_NO_NEW_PRIVS)
 *   when it runs    a filter of system calls for all its threads: what starts programs or other processes,
 *                   looks into them, mounts, loads code into the kernel, changes the clock, the users or the
 *                   name spaces is answered EPERM; an unknown architecture ends the process
 *
 * The filter names what is denied. A list of what is allowed would be shorter to reason about, and would
 * stop the broker on the day a library uses a call it did not use before; the unit file of systemd has
 * such a list (docs/packaging), which can be changed where it does.
 */
#ifndef ACTORS_ROOSTD_SANDBOX_H
#define ACTORS_ROOSTD_SANDBOX_H

#include "rt/err.h"

/* Before any secret is read. What cannot be had is logged. */
void roostd_sandbox_begin(void);

/* When everything runs. ERR_INTERNAL: the kernel does not take it (logged). */
MUST_USE enum err roostd_sandbox_close(void);

#endif
