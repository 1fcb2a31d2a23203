/* SPDX-License-Identifier: MPL-2.0
 *
 * The end of a process whose own invariants are broken: one line to standard error, then abort().
 * Restart is recovery; nothing is cleaned up. Uses no other module, so that it works in any state.
 */
#include "rt/check.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Thread_local const char *current_actor;
static _Thread_local const char *current_message;

void check_context_set(const char *actor, const char *message)
{
    current_actor = actor;
    current_message = message;
}

void check_failed(const char *expression, const char *file, int line)
{
    char text[512];
    int size = snprintf(text, sizeof(text),
                        "roost: broken invariant at %s:%d: %s (actor %s, message %s)\n", file, line,
                        expression, current_actor ? current_actor : "none",
                        current_message ? current_message : "none");
    if (size >= (int)sizeof(text))
        size = (int)sizeof(text) - 1;
    if (size > 0 && write(STDERR_FILENO, text, (size_t)size) < 0) {
        /* There is nowhere left to say so. */
    }
    abort();
}
