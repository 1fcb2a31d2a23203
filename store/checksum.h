/* SPDX-License-Identifier: MPL-2.0
 *
 * The checksum of a stored message: 64 bits over every other column of its row.
 *
 * It finds damage by hardware and software, not forgery: the key is public and constant for ever.
 * SipHash-2-4 (libsodium's crypto_shorthash), key 726f6f73742e6d6573736167652e7631 (the ASCII text
 * "roost.message.v1"), result read as a little-endian integer, over this form (all integers little
 * endian):
 *
 *     8 bytes each   seq, scope_id, sender_id, stored_ms, expires_ms, not_before_ms, created_ms,
 *                    conversation
 *     4 bytes each   flags, kind, priority
 *     16 bytes       message_id
 *     4 bytes        which of content_type, key, reply_to, correlation_id, parent_id, headers and
 *                    body are not NULL: bits 0 to 6
 *     for each of these, in that order:
 *         4 bytes    size
 *         8 bytes    the bytes themselves, filled with 0, when they are 8 or less; else their
 *                    SipHash, same key
 */
#ifndef STORE_CHECKSUM_H
#define STORE_CHECKSUM_H

#include <stdint.h>

struct message_row;

/* Of everything in the row but `checksum` and `is_damaged`. */
uint64_t checksum_of_message(const struct message_row *row);

#endif
