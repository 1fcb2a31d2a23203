/* SPDX-License-Identifier: MPL-2.0
 *
 * Small text files, read whole and written whole or not at all.
 */
#ifndef IMPORT_FILES_H
#define IMPORT_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* Answers 0 or an errno: ENOENT: there is none; EFBIG: larger than `size_max`. *ret_text is to be
 * freed and ends with a NUL that does not count. */
int files_read(const char *path, size_t size_max, char **ret_text, size_t *ret_size);

/* A temporary file beside it, synced, renamed over it, its directory synced. On failure (an errno)
 * the old file is as it was, and nothing is left beside it. EINVAL: what has the name is no file. */
int files_replace(const char *path, const char *text, size_t size);

/* Renames it to PATH.bad, or PATH.bad.2 ...: one that is not there yet, whose name is in `ret`. */
int files_set_aside(const char *path, char *ret, size_t ret_size);

#endif
