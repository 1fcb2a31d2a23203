/* SPDX-License-Identifier: MPL-2.0
 *
 * What proto/name.c needs to know of Unicode; the only user of utf8proc. Slow paths: callers try
 * ASCII first. Pure, no allocation; refusals come with static words.
 */
#ifndef PROTO_UNICODE_H
#define PROTO_UNICODE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/name.h"
#include "rt/err.h"

/* Well-formed UTF-8 without NUL. Skips ASCII eight bytes at a time. */
bool unicode_is_valid(const void *bytes, size_t size);

/* The rules of names and of texts, see proto/name.h. `size` <= WIRE_NAME_BYTES_MAX for names. */
MUST_USE enum err unicode_check_name(const void *bytes, size_t size, const char **ret_problem);
MUST_USE enum err unicode_check_text(const void *bytes, size_t size, const char **ret_problem);

/* Is there any white space in these bytes, which passed name_check? */
bool unicode_has_blank(const void *bytes, size_t size);

/* Case-folded, composed, without invisible characters. ERR_BAD_NAME when nothing is left. */
MUST_USE enum err unicode_fold(const void *bytes, size_t size, struct name_folded *ret);

#endif
