/* SPDX-License-Identifier: MPL-2.0
 *
 * The values of an unpacked message: lengths, ranges, names, and what must be there. One table of
 * rules per message type (proto/wire_check.c); entries of SEND are checked apart, by
 * wire_check_entry (proto/wire_entry.c).
 */
#ifndef PROTO_WIRE_CHECK_H
#define PROTO_WIRE_CHECK_H

#include "proto/wire.h"

/* What is wrong: "field: detail", both static; `detail` may be NULL. */
struct wire_fault {
    const char *field;
    const char *detail;
};

/* ERR_OK, or the error and *ret_fault. */
MUST_USE enum err wire_check_message(const struct wire_message *message,
                                     enum wire_direction direction,
                                     const struct wire_limits *limits,
                                     struct wire_fault *ret_fault);

/* The numbers of a SEND: of the first entry and how many there are. */
MUST_USE enum err wire_check_numbers(uint64_t first_no, size_t entries,
                                     const struct wire_limits *limits,
                                     struct wire_fault *ret_fault);

#endif
