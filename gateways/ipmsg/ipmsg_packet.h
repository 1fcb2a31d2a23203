/* SPDX-License-Identifier: MPL-2.0
 *
 * One IPMSG datagram, taken apart and put together. Pure; views point into the datagram.
 *
 *     version ":" number ":" user ":" host ":" command ":" body [NUL extension] [NUL]
 *
 * Reads what the programs of the field send: with and without a NUL at the end, with more fields in
 * the version, with numbers that are too large. Source: protocol.txt of ipmsg, draft 14; option
 * values: ipmsg.h 4.50.
 */
#ifndef GATEWAYS_IPMSG_IPMSG_PACKET_H
#define GATEWAYS_IPMSG_IPMSG_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/buf.h"
#include "rt/err.h"

#define IPMSG_PACKET_BYTES_MAX 65507u /* of a datagram */
#define IPMSG_FIELD_BYTES_MAX  255u   /* version, and what we say: what is longer is cut */

/* Modes: the low 8 bits of a command. */
#define IPMSG_MODE(command)   ((uint32_t)(command)&0xffu)
#define IPMSG_NOOPERATION     0x00u
#define IPMSG_BR_ENTRY        0x01u
#define IPMSG_BR_EXIT         0x02u
#define IPMSG_ANSENTRY        0x03u
#define IPMSG_BR_ABSENCE      0x04u
#define IPMSG_BR_ISGETLIST    0x10u
#define IPMSG_OKGETLIST       0x11u
#define IPMSG_GETLIST         0x12u
#define IPMSG_ANSLIST         0x13u
#define IPMSG_BR_ISGETLIST2   0x18u
#define IPMSG_SENDMSG         0x20u
#define IPMSG_RECVMSG         0x21u
#define IPMSG_READMSG         0x30u
#define IPMSG_DELMSG          0x31u
#define IPMSG_ANSREADMSG      0x32u
#define IPMSG_GETINFO         0x40u
#define IPMSG_SENDINFO        0x41u
#define IPMSG_GETABSENCEINFO  0x50u
#define IPMSG_SENDABSENCEINFO 0x51u
#define IPMSG_GETFILEDATA     0x60u
#define IPMSG_RELEASEFILES    0x61u
#define IPMSG_GETDIRFILES     0x62u
#define IPMSG_GETPUBKEY       0x72u
#define IPMSG_ANSPUBKEY       0x73u

/* Options of entries ... */
#define IPMSG_ABSENCE 0x100u
#define IPMSG_SERVER  0x200u
#define IPMSG_DIALUP  0x10000u
/* ... of all ... */
#define IPMSG_FILEATTACH 0x200000u
#define IPMSG_ENCRYPT    0x400000u
#define IPMSG_UTF8       0x800000u /* the packet is UTF-8 */
#define IPMSG_CAPUTF8    0x1000000u
#define IPMSG_CAPIPDICT  0x2000000u
#define IPMSG_ENCEXTMSG  0x4000000u
/* ... and of SENDMSG. */
#define IPMSG_SENDCHECK 0x100u
#define IPMSG_SECRET    0x200u
#define IPMSG_BROADCAST 0x400u
#define IPMSG_MULTICAST 0x800u
#define IPMSG_AUTORET   0x2000u
#define IPMSG_RETRY     0x4000u
#define IPMSG_PASSWORD  0x8000u
#define IPMSG_NOLOG     0x20000u
#define IPMSG_NOADDLIST 0x80000u
#define IPMSG_READCHECK 0x100000u

struct ipmsg_packet {
    const uint8_t *version; /* the whole token: the best fingerprint of a program */
    size_t version_size;
    uint32_t number;
    bool is_number_large; /* above 2^32 - 2: `number` is the largest there is */
    const uint8_t *user, *host;
    size_t user_size, host_size;
    uint32_t command;
    const uint8_t *body; /* up to the first NUL */
    size_t body_size;
    const uint8_t *extension; /* behind it, without NULs at the end; size 0: none */
    size_t extension_size;
};

/* ERR_PROTOCOL: not one; nothing may be answered to it. */
MUST_USE enum err ipmsg_packet_parse(const void *datagram, size_t size, struct ipmsg_packet *ret);

/* The body, or a part of it, as a decimal number (RECVMSG, READMSG, GETLIST); blanks around it are
 * fine. False: it is none, or above 2^32 - 1. */
bool ipmsg_number_parse(const uint8_t *text, size_t size, uint32_t *ret);

struct ipmsg_said {
    uint32_t number, command;
    const char *user, *host; /* terminated; a ":" or a control character becomes "_" */
    const void *body;
    size_t body_size; /* NULs in it part its extensions */
};
/* Appends the datagram, with a NUL at its end. ERR_TOO_LARGE: beyond the limit of the buffer. */
MUST_USE enum err ipmsg_packet_format(const struct ipmsg_said *said, struct buf *buf);

#endif
