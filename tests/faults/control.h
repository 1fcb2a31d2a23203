/* SPDX-License-Identifier: MPL-2.0
 *
 * The socket through which a test speaks to fault_fs, and what its lines mean. See fault_fs.c for
 * the lines. A thread of its own takes one connection after the other.
 */
#ifndef TESTS_FAULTS_CONTROL_H
#define TESTS_FAULTS_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "faults.h"
#include "pending.h"

/* Called by the thread for each line; `ret_text` is the answer. */
typedef void control_answer(const char *line, char *ret_text, size_t size);

/* false and errno: no such socket can be made. */
bool control_listen(const char *path, control_answer *answer);

/* Does what the line says; `ret_text`: "ok ..." or "error ...". */
void control_carry_out(const char *line, struct faults *faults, struct pending *pending,
                       char *ret_text, size_t size);

#endif
