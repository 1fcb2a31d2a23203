/* SPDX-License-Identifier: MPL-2.0
 *
 * A view into a datagram, and taking it apart at a byte. Pure.
 */
#ifndef GATEWAYS_IPMSG_IPMSG_BYTES_H
#define GATEWAYS_IPMSG_IPMSG_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ipmsg_bytes {
    const uint8_t *data;
    size_t size;
};

/* The part in front of the next `end`, which is taken, too. False: there is no `end`; nothing was
 * taken. */
static inline bool ipmsg_bytes_until(struct ipmsg_bytes *rest, uint8_t end, struct ipmsg_bytes *ret)
{
    const uint8_t *found = rest->size ? memchr(rest->data, end, rest->size) : NULL;
    if (!found)
        return false;
    *ret = (struct ipmsg_bytes){rest->data, (size_t)(found - rest->data)};
    rest->data = found + 1;
    rest->size -= ret->size + 1;
    return true;
}

#endif
