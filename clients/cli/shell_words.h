/* SPDX-License-Identifier: MPL-2.0
 *
 * A line of the shell as words: blanks divide, 'single' and "double" quotes and a backslash keep.
 * Nothing is expanded. Pure.
 */
#ifndef CLI_SHELL_WORDS_H
#define CLI_SHELL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Takes the line apart in place: the words point into it. *ret_problem says why it answers false: a
 * quote is not closed, or there are more than `max` words. */
bool shell_words(char *line, char **ret_words, size_t max, size_t *ret_count,
                 const char **ret_problem);

#endif
