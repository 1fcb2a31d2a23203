/* SPDX-License-Identifier: MPL-2.0
 *
 * Every maximum of the public protocol, with its unit in its name, asserted against each other.
 *
 * Owns: the numbers. docs/PROTOCOL.md repeats those a client has to know, WELCOME carries those
 * that an operator may change (struct wire_limits in proto/wire.h).
 * Leaves to others: enforcing them (proto/wire_*.c, proto/name.c, the gateways).
 */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

#include <stdint.h>

/* --- One frame. DEFAULT is what a broker without configuration says in WELCOME; CAP is the most
 *     that configuration may ask for, and what no parser of ours ever exceeds. */
#define WIRE_FRAME_BYTES_DEFAULT (2u << 20)
#define WIRE_FRAME_BYTES_CAP     (16u << 20)
#define WIRE_FRAME_BYTES_MIN     (64u << 10)
#define WIRE_BODY_BYTES_DEFAULT  (1u << 20)
#define WIRE_BODY_BYTES_CAP      (8u << 20)
#define WIRE_ENTRIES_MAX         1000u /* of one SEND or DELIVER */

/* Everything of one entry except its body, at its largest, fits into this. */
#define WIRE_ENTRY_OVERHEAD_BYTES_MAX (160u << 10)

/* --- Fields of a message. */
#define WIRE_ID_BYTES               16u
#define WIRE_NAME_BYTES_MAX         255u
#define WIRE_SCOPE_BYTES_MAX        (6u + WIRE_NAME_BYTES_MAX) /* "topic:" or "queue:" before it */
#define WIRE_DISPLAY_NAME_BYTES_MAX 255u
#define WIRE_CONTENT_TYPE_BYTES_MAX 127u
#define WIRE_KEY_BYTES_MAX          255u
#define WIRE_CORRELATION_BYTES_MAX  64u
#define WIRE_HEADERS_MAX            32u
#define WIRE_HEADER_NAME_BYTES_MAX  127u
#define WIRE_HEADER_VALUE_BYTES_MAX 4096u
#define WIRE_PRIORITY_MAX           9u
#define WIRE_RECEIPTS_MASK          7u /* 1 DELIVERED, 2 READ, 4 fates */
#define WIRE_REASON_BYTES_MAX       255u
#define WIRE_TEXT_BYTES_MAX         1024u /* of ERROR, CALL and other texts for people */
#define WIRE_SOFTWARE_BYTES_MAX     127u
#define WIRE_CREDENTIALS_BYTES_MAX  1024u
#define WIRE_TOKEN_BYTES            16u
#define WIRE_HASH_BYTES             32u /* of an audit entry */
#define WIRE_DEVICE_KEY_TEXT        40u /* a public key, Z85 */
#define WIRE_PING_ECHO_BYTES_MAX    64u
#define WIRE_ACTIONS_MASK           15u /* ACL_...: 1 send, 2 read, 4 create, 8 administrate */
#define WIRE_CLEAR_MASK             15u /* ROOM_UPDATE: 1 display_name, 2 topic, 4 description, 8 retention */

/* --- Numbers. Sequence and publish numbers end where SQLite's integers end. */
#define WIRE_NUMBER_MAX       ((uint64_t)INT64_MAX)
#define WIRE_TIME_MS_MAX      253402300799999ull /* end of the year 9999 */
#define WIRE_TTL_MS_MAX       315360000000ull    /* 10 years */
#define WIRE_LEASE_MS_MIN     100u
#define WIRE_LEASE_MS_DEFAULT 30000u
#define WIRE_LEASE_MS_MAX     86400000u   /* one day */
#define WIRE_DELAY_MS_MAX     2592000000u /* 30 days: SETTLE delay_ms */
#define WIRE_HEARTBEAT_MS     5000u
#define WIRE_HEARTBEATS_LOST  3u /* silent intervals after which the other side is dead */

/* --- Lists of one request or answer. */
#define WIRE_RANGES_MAX          1000u /* of one SETTLE; exceptions of one SETTLED */
#define WIRE_IDS_MAX             500u  /* message ids of one QUERY or CALL */
#define WIRE_PAGE_DEFAULT        50u
#define WIRE_PAGE_MAX            500u    /* rows of one page */
#define WIRE_OFFSET_MAX          100000u /* QUERY offset; page by key beyond */
#define WIRE_RECEIPT_ENTRIES_MAX 1000u
#define WIRE_RECEIPT_IDS_MAX     1000u
#define WIRE_ADDRESSES_MAX       64u /* of one Peer */

/* --- The session's windows. */
#define WIRE_PUBLISH_NUMBERS_MAX 65536u      /* sent and not yet answered by STORED */
#define WIRE_PUBLISH_BYTES_MAX   (64u << 20) /* body bytes of these */
#define WIRE_HANDLES_MAX         1024u       /* consumers attached by one session */

/* --- Before anything is unpacked: the scan of proto/wire_scan.c refuses a frame beyond these.
 *     Where an entry of SEND may be refused alone, its limit is lower than the scan's. */
#define WIRE_SCAN_REPEATS_MAX 1000u /* values of any repeated field, per message */
#define WIRE_SCAN_HEADERS_MAX                                                                      \
    128u                          /* the same for headers; more than 32 refuses the entry alone    \
                                   */
#define WIRE_SCAN_UNKNOWN_MAX 16u /* fields of a newer schema, per message */
#define WIRE_SCAN_DEPTH_MAX   5u  /* messages inside messages */

/* Memory one message may take when unpacked: the limit of the arena of whoever parses frames of at
 * most `frame_bytes`. One byte of hostile input costs at most 8 bytes. */
#define WIRE_ARENA_BYTES(frame_bytes) (8u * (uint32_t)(frame_bytes) + (512u << 10))

_Static_assert(WIRE_FRAME_BYTES_DEFAULT <= WIRE_FRAME_BYTES_CAP, "frame");
_Static_assert(WIRE_BODY_BYTES_DEFAULT <= WIRE_BODY_BYTES_CAP, "body");
_Static_assert(WIRE_BODY_BYTES_DEFAULT + WIRE_ENTRY_OVERHEAD_BYTES_MAX <= WIRE_FRAME_BYTES_DEFAULT,
               "the largest entry fits into one frame");
_Static_assert(WIRE_BODY_BYTES_CAP + WIRE_ENTRY_OVERHEAD_BYTES_MAX <= WIRE_FRAME_BYTES_CAP,
               "the largest entry fits into one frame, also when configured to the most");
_Static_assert(WIRE_HEADERS_MAX *(WIRE_HEADER_NAME_BYTES_MAX + WIRE_HEADER_VALUE_BYTES_MAX + 16u) +
                       2u * WIRE_SCOPE_BYTES_MAX + WIRE_CONTENT_TYPE_BYTES_MAX +
                       WIRE_KEY_BYTES_MAX + WIRE_CORRELATION_BYTES_MAX + 512u <=
                   WIRE_ENTRY_OVERHEAD_BYTES_MAX,
               "the overhead of an entry is counted right");
_Static_assert(WIRE_FRAME_BYTES_MIN <= WIRE_FRAME_BYTES_DEFAULT, "frame");
_Static_assert(WIRE_PUBLISH_BYTES_MAX >= WIRE_FRAME_BYTES_CAP, "one frame always fits the window");
_Static_assert(WIRE_PUBLISH_NUMBERS_MAX >= WIRE_ENTRIES_MAX, "one SEND always fits the window");
_Static_assert(WIRE_ENTRIES_MAX <= WIRE_SCAN_REPEATS_MAX, "the scan is never stricter");
_Static_assert(WIRE_RANGES_MAX <= WIRE_SCAN_REPEATS_MAX, "the scan is never stricter");
_Static_assert(WIRE_PAGE_MAX <= WIRE_SCAN_REPEATS_MAX, "the scan is never stricter");
_Static_assert(WIRE_HEADERS_MAX < WIRE_SCAN_HEADERS_MAX, "the scan is never stricter");
_Static_assert(WIRE_IDS_MAX *WIRE_ID_BYTES <= WIRE_FRAME_BYTES_MIN / 2, "ids fit any frame");
_Static_assert(WIRE_LEASE_MS_MIN <= WIRE_LEASE_MS_DEFAULT, "lease");
_Static_assert(WIRE_LEASE_MS_DEFAULT <= WIRE_LEASE_MS_MAX, "lease");
_Static_assert(8ull * WIRE_FRAME_BYTES_CAP + (512u << 10) <= UINT32_MAX, "arena");

#endif
