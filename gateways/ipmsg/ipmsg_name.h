/* SPDX-License-Identifier: MPL-2.0
 *
 * What a program of the local network is called here: "lan:USER@HOST", by the head of whatever it
 * sends. Pure.
 *
 * Two programs with different heads never have the same name, whatever charset they are in: bytes
 * that cannot be read, "@", "%", blanks and control bytes stand as "%" and two hexadecimal digits.
 * (Letters of another case do not make another name.) A fingerprint at the end of USER is a part of
 * it. Of very long ones the beginning is there, whole characters, and a digest of all of it behind
 * "%~".
 */
#ifndef GATEWAYS_IPMSG_IPMSG_NAME_H
#define GATEWAYS_IPMSG_IPMSG_NAME_H

#include "gateways/ipmsg/ipmsg_packet.h"
#include "gateways/ipmsg/ipmsg_text.h"
#include "proto/limits.h"

/* Terminated. ERR_BAD_NAME: nothing is left that could be a name. `site` is the charset of who does
 * not say. */
MUST_USE enum err ipmsg_name_of(const struct ipmsg_packet *packet, enum ipmsg_charset site,
                                char ret_name[WIRE_NAME_BYTES_MAX + 1], size_t *ret_size);

#endif
