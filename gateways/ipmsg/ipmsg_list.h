/* SPDX-License-Identifier: MPL-2.0
 *
 * The list of hosts that is given to whoever asks: GETLIST and ANSLIST. Pure.
 *
 *     GETLIST  index of the first host wanted, decimal
 *     ANSLIST  "%5d" BEL "%5d" BEL: where the next page begins (0: this is the last one), hosts in
 *              this one; then of each host, every field ended by BEL:
 *              user, host, status, address, port, nickname, group
 *
 * The status is the command of the host's last entry. The port has its two bytes swapped (2425 is
 * written 30985). Programs take lists apart with strtok(), which skips what is empty: an empty field
 * is written as one byte 0x08.
 *
 * Leaves to others: charsets (ipmsg_text.h), and who is on it.
 */
#ifndef GATEWAYS_IPMSG_IPMSG_LIST_H
#define GATEWAYS_IPMSG_IPMSG_LIST_H

#include "gateways/ipmsg/ipmsg_bytes.h"
#include "rt/buf.h"
#include "rt/err.h"

#define IPMSG_LIST_INDEX_MAX 99999u /* five digits */

struct ipmsg_host {
    struct ipmsg_bytes user, host, nickname, group; /* in the charset of the packet; may be empty */
    struct ipmsg_bytes address;                     /* as text */
    uint32_t status;
    uint16_t port;
};

/* The body of a GETLIST; an empty one asks for the beginning. False: no number, or too large. */
bool ipmsg_list_read_start(const uint8_t *body, size_t size, uint32_t *ret_start);

/* A page: begin, add hosts until one does not fit, end. */

struct ipmsg_list_page {
    struct buf *buf;
    size_t begin; /* of the head in buf */
    size_t bytes_max;
    uint32_t count;
};

/* Appends to `buf`, at most `bytes_max` bytes in all. */
MUST_USE enum err ipmsg_list_begin(struct ipmsg_list_page *page, struct buf *buf, size_t bytes_max);

/* Control bytes of a field become "_". ERR_TOO_LARGE: it does not fit, and the page is as before: it
 * belongs on the next one. */
MUST_USE enum err ipmsg_list_add(struct ipmsg_list_page *page, const struct ipmsg_host *host);

/* `next_start`: index of the first host that did not fit, or 0. ERR_TOO_MANY: more than five digits;
 * the page then says that it is the last one. */
MUST_USE enum err ipmsg_list_end(struct ipmsg_list_page *page, uint32_t next_start);

#endif
