/* SPDX-License-Identifier: MPL-2.0
 *
 * Text for people: untrusted bytes made harmless for a terminal, times, sizes, rates.
 *
 * Promises: what text_escape writes contains no control character, no escape sequence and no mark
 * that changes the direction of writing, and is valid UTF-8, whatever went in.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_TIME_BYTES 32
#define TEXT_SIZE_BYTES 24

/* Into `ret` (always terminated), cut with "..." at its end when too long. Returns `ret`. */
char *text_escape(const void *bytes, size_t size, char *ret, size_t ret_size);

/* All of it to a stream; `keeps_lines`: line ends and tabs stay what they are. */
void text_escape_to(FILE *out, const void *bytes, size_t size, int keeps_lines);

/* "2026-03-01 12:34:56", local time; "-" for 0. */
const char *text_time(uint64_t unix_ms, char ret[TEXT_TIME_BYTES]);

/* "3.4 MiB" */
const char *text_size(uint64_t bytes, char ret[TEXT_SIZE_BYTES]);

/* "1,234,567" */
const char *text_count(uint64_t number, char ret[TEXT_SIZE_BYTES]);

#endif
