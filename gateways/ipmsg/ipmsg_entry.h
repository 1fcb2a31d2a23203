/* SPDX-License-Identifier: MPL-2.0
 *
 * What a program says of itself in BR_ENTRY, ANSENTRY, BR_ABSENCE and BR_EXIT. Pure.
 *
 *     nickname [NUL group [NUL icon NUL "utf-8" (iptux)]] [NUL "\n" "UN:" ... "\n" "GN:" ...]
 *
 * The first part is in the program's charset, the copy behind "\n" in UTF-8: the copy wins. A user
 * may end in "-" and 16 hexadecimal digits: the fingerprint of its key.
 */
#ifndef GATEWAYS_IPMSG_IPMSG_ENTRY_H
#define GATEWAYS_IPMSG_IPMSG_ENTRY_H

#include "gateways/ipmsg/ipmsg_packet.h"
#include "gateways/ipmsg/ipmsg_text.h"

#define IPMSG_NAME_BYTES_MAX    120 /* of user, host, nickname, group: what is longer is cut */
#define IPMSG_FINGERPRINT_CHARS 16

/* Terminated UTF-8, cleaned (ipmsg_clean_name); "" where it says nothing. */
struct ipmsg_identity {
    char user[IPMSG_NAME_BYTES_MAX + 1]; /* with its fingerprint */
    char host[IPMSG_NAME_BYTES_MAX + 1];
    char nickname[IPMSG_NAME_BYTES_MAX + 1];
    char group[IPMSG_NAME_BYTES_MAX + 1];
    char version[IPMSG_NAME_BYTES_MAX + 1];
    char fingerprint[IPMSG_FINGERPRINT_CHARS + 1];
    uint32_t capabilities; /* the options of the command */
    bool is_iptux;         /* answers to its own port only, cuts at 8192 bytes */
    bool is_absent;
    enum ipmsg_charset charset; /* of what it sends without the UTF8 option */
};

/* Also of other packets than entries: then nickname and group are "". `site` is the charset of who
 * does not say. ERR_BAD_NAME: neither user nor host has anything to show. */
MUST_USE enum err ipmsg_entry_read(const struct ipmsg_packet *packet, enum ipmsg_charset site,
                                   struct ipmsg_identity *ret);

/* The body of our own entry, in `charset` (that of the reader, or of the site), with the copy in
 * UTF-8 unless it is UTF-8 already. Appends. */
struct ipmsg_own {
    const char *user, *host, *nickname, *group; /* terminated UTF-8 */
};
MUST_USE enum err ipmsg_entry_write(const struct ipmsg_own *own, enum ipmsg_charset charset,
                                    struct buf *buf);

#endif
