/* SPDX-License-Identifier: MPL-2.0
 *
 * Texts of the local network in and out of UTF-8. Pure, but for the C library's tables.
 *
 * A packet with the UTF8 option is UTF-8; every other one is in the charset its program was set to,
 * which it does not say: GB18030 (GBK is part of it) of Chinese programs, CP932 by the letter of the
 * protocol. Reading never fails: what does not belong becomes U+FFFD, and the raw bytes are kept by
 * who stores the message.
 */
#ifndef GATEWAYS_IPMSG_IPMSG_TEXT_H
#define GATEWAYS_IPMSG_IPMSG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/buf.h"
#include "rt/err.h"

enum ipmsg_charset {
    IPMSG_CHARSET_UTF8 = 0, /* in the order of the option ipmsg.charset */
    IPMSG_CHARSET_GB18030 = 1,
    IPMSG_CHARSET_CP932 = 2,
    IPMSG_CHARSET_COUNT
};

/* "utf-8", "gb18030", "cp932". */
const char *ipmsg_charset_text(enum ipmsg_charset charset);
/* Of such a text in any case, also "gbk", "gb2312", "shift_jis" ...; false: another one. */
bool ipmsg_charset_parse(const char *text, size_t size, enum ipmsg_charset *ret);

/* Is this well-formed UTF-8? */
bool ipmsg_is_utf8(const uint8_t *bytes, size_t size);

/* Appends the bytes as UTF-8. *ret_odd (may be NULL): how many did not belong. ERR_TOO_LARGE, ERR_BUSY:
 * of the buffer, which then has a part of it. */
MUST_USE enum err ipmsg_decode_text(enum ipmsg_charset charset, const uint8_t *bytes, size_t size,
                                    struct buf *buf, size_t *ret_odd);

/* Appends UTF-8 in another charset; what that does not have becomes "?". */
MUST_USE enum err ipmsg_encode_text(enum ipmsg_charset charset, const uint8_t *text, size_t size,
                                    struct buf *buf, size_t *ret_odd);

/* How many of the bytes are at most `limit` and end between two characters. At least one character is
 * taken, also if it is longer. */
size_t ipmsg_cut_text(enum ipmsg_charset charset, const uint8_t *bytes, size_t size, size_t limit);

/* A name as it may be kept and shown: UTF-8, NFC is the caller's; control characters and invisible
 * marks become "_", it neither begins nor ends with a blank, and is cut between two characters.
 * Terminated. Returns its size, which may be 0. */
size_t ipmsg_clean_name(const uint8_t *text, size_t size, char *ret_name, size_t ret_size);

#endif
