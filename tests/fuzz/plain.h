/* SPDX-License-Identifier: MPL-2.0
 *
 * The naive other side of the escapers (actors/rt/log_format.c, clients/cli/text.c and json.c):
 * what harmless text is, and how what they wrote is read back. Written without looking at them.
 */
#ifndef TESTS_FUZZ_PLAIN_H
#define TESTS_FUZZ_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Size of the well-formed character at `at`; 0: none. */
size_t plain_char(const uint8_t *at, size_t left, uint32_t *ret_code);

/* Valid UTF-8 of one line, without controls (C0, DEL, C1), separators of lines and marks that turn
 * the direction of writing. */
bool plain_is_harmless(const void *text, size_t size);

/* Reads "\n", "\t", "\r", "\xNN", "\uNNNN", "\u{N...}" and a backslash before anything else that is
 * no letter or digit. `ret` has room for `size` bytes. SIZE_MAX: that is no escape of ours. */
size_t plain_unescape(const char *text, size_t size, uint8_t *ret);

/* What JSON can say of these bytes: each that is no UTF-8 becomes U+FFFD. `ret` has room for three
 * times `size`. */
size_t plain_replaced(const uint8_t *bytes, size_t size, uint8_t *ret);

/* Strict JSON (RFC 8259): one value and nothing behind it. */
bool plain_is_json(const char *text, size_t size);

/* The string that begins at text[*at] with its quote, decoded; *at is moved behind it. `ret` has
 * room for `size` bytes. SIZE_MAX: no string. */
size_t plain_json_string(const char *text, size_t size, size_t *at, uint8_t *ret);

#endif
