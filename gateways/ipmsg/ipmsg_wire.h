/* SPDX-License-Identifier: MPL-2.0
 *
 * The protocol of the local network as the gateway needs it: datagrams, what a peer says of itself,
 * charsets, and when to send again.
 *
 *     VERSION ":" NUMBER ":" USER ":" HOST ":" COMMAND ":" BODY
 *
 * Pure. Whatever comes in is either refused whole or read within its bounds; what goes out always
 * ends in NUL, what comes in need not.
 */
#ifndef GATEWAYS_IPMSG_IPMSG_WIRE_H
#define GATEWAYS_IPMSG_IPMSG_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"
#include "rt/buf.h"
#include "rt/err.h"

/* Modes: the low 8 bits of a command. */
enum ipmsg_mode {
    IPMSG_NOOPERATION = 0x00,
    IPMSG_BR_ENTRY = 0x01,
    IPMSG_BR_EXIT = 0x02,
    IPMSG_ANSENTRY = 0x03,
    IPMSG_BR_ABSENCE = 0x04,
    IPMSG_BR_ISGETLIST = 0x10,
    IPMSG_OKGETLIST = 0x11,
    IPMSG_GETLIST = 0x12,
    IPMSG_ANSLIST = 0x13,
    IPMSG_BR_ISGETLIST2 = 0x18,
    IPMSG_SENDMSG = 0x20,
    IPMSG_RECVMSG = 0x21,
    IPMSG_READMSG = 0x30,
    IPMSG_DELMSG = 0x31,
    IPMSG_ANSREADMSG = 0x32,
    IPMSG_GETINFO = 0x40,
    IPMSG_SENDINFO = 0x41,
    IPMSG_GETABSENCEINFO = 0x50,
    IPMSG_SENDABSENCEINFO = 0x51,
};

/* Options: the rest of it. */
#define IPMSG_SENDCHECK  0x100u
#define IPMSG_SECRET     0x200u
#define IPMSG_BROADCAST  0x400u
#define IPMSG_MULTICAST  0x800u
#define IPMSG_AUTORET    0x2000u
#define IPMSG_READCHECK  0x100000u
#define IPMSG_FILEATTACH 0x200000u
#define IPMSG_ENCRYPT    0x400000u
#define IPMSG_UTF8       0x800000u
#define IPMSG_CAPUTF8    0x1000000u

#define IPMSG_PART_BYTES 7800u /* text of one packet: the smallest usual buffer is 8 KiB */

struct ipmsg_text {
    const uint8_t *data;
    size_t size;
};

/* Views into the datagram. */
struct ipmsg_packet {
    struct ipmsg_text version, user, host;
    uint32_t number, command;
    const uint8_t *body; /* everything behind the fifth colon */
    size_t body_size;
};

static inline uint32_t ipmsg_mode_of(uint32_t command)
{
    return command & 0xffu;
}

/* ERR_PROTOCOL: not a datagram of this protocol, or a number out of range. */
MUST_USE enum err ipmsg_packet_parse(const void *bytes, size_t size, struct ipmsg_packet *ret);

/* Up to the first NUL. */
struct ipmsg_text ipmsg_packet_text(const struct ipmsg_packet *packet);

/* The body as a decimal number, 0 when it is none. */
uint64_t ipmsg_packet_value(const struct ipmsg_packet *packet);

/* Head, body, NUL. ERR_FRAME_TOO_LARGE. */
MUST_USE enum err ipmsg_packet_pack(struct buf *out, const char *user, const char *host,
                                    uint32_t number, uint32_t command, const void *body,
                                    size_t size);

/* --- Charsets. */

enum ipmsg_charset { IPMSG_IN_UTF8, IPMSG_IN_GB18030, IPMSG_IN_CP932, IPMSG_IN_UNKNOWN };

const char *ipmsg_charset_text(enum ipmsg_charset charset); /* "utf-8" ..., "" when unknown */
enum ipmsg_charset ipmsg_charset_read(const void *name, size_t size);

/* Appends valid UTF-8 without NUL, whatever comes in; *ret_is_exact (may be NULL): nothing had to be
 * replaced. */
MUST_USE enum err ipmsg_decode_text(struct buf *out, enum ipmsg_charset charset, const void *bytes,
                                    size_t size, bool *ret_is_exact);
/* From UTF-8; what has no place in the charset becomes "?". */
MUST_USE enum err ipmsg_encode_text(struct buf *out, enum ipmsg_charset charset, const void *bytes,
                                    size_t size);
/* The longest beginning of at most `limit` bytes of UTF-8 that ends with a character. */
size_t ipmsg_cut(const void *utf8, size_t size, size_t limit);

/* --- What a peer says of itself; terminated UTF-8, "" and 0 where it does not. */

#define IPMSG_FIELD_BYTES 64

struct ipmsg_about {
    bool is_known; /* it has introduced itself */
    bool is_iptux;
    char nickname[IPMSG_FIELD_BYTES + 1];
    char host[IPMSG_FIELD_BYTES + 1];
    char group[IPMSG_FIELD_BYTES + 1];
    char version[IPMSG_FIELD_BYTES + 1];
    char fingerprint[17];
    uint32_t capabilities;
    enum ipmsg_charset charset;
};

/* "lan:USER@HOST" of whoever sent this. ERR_BAD_NAME: nothing is left that could be a name. */
MUST_USE enum err ipmsg_identity(const struct ipmsg_packet *packet, enum ipmsg_charset site,
                                 char ret_name[WIRE_NAME_BYTES_MAX + 1], size_t *ret_size);

/* Of an entry, an answer to one, or a change of it. */
void ipmsg_about_read(const struct ipmsg_packet *packet, enum ipmsg_charset site,
                      struct ipmsg_about *ret);

/* --- Sending again: 4 times a second apart, then after 5, 10, 20 ... 300 s. */

struct ipmsg_schedule {
    unsigned sends;
};

/* Just sent: when to do so again. */
int64_t ipmsg_send_next(struct ipmsg_schedule *schedule);
bool ipmsg_send_is_parked(const struct ipmsg_schedule *schedule);

#endif
