/* SPDX-License-Identifier: MPL-2.0
 *
 * libroost: the errors. Part of roost.h; include that.
 *
 * Numbers below 7000 are codes of the broker (docs/ERRORS.md), the 7xxx are the library's own.
 */
#ifndef ROOST_ERROR_H
#define ROOST_ERROR_H

#include <stdbool.h>

#if defined(__GNUC__)
#define ROOST_MUST_USE __attribute__((warn_unused_result))
#else
#define ROOST_MUST_USE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers are stable and the same in every language; the texts are not. */
enum roost_error {
    ROOST_OK = 0,
    /* 1xxx: the protocol */
    ROOST_PROTOCOL = 1000,
    ROOST_BAD_SIGNATURE = 1001,
    ROOST_BAD_VERSION = 1002,
    ROOST_BAD_TYPE = 1003,
    ROOST_BAD_ENCODING = 1004,
    ROOST_BAD_FIELD = 1005,
    ROOST_MISSING_FIELD = 1006,
    ROOST_MULTIPART = 1007,
    ROOST_NO_SESSION = 1008, /* the connection was lost before the answer came */
    ROOST_SEQUENCE_GAP = 1009,
    ROOST_CREDIT_EXCEEDED = 1010,
    ROOST_UNKNOWN_CALL = 1011,
    ROOST_BAD_HTTP = 1012, /* 1012 to 1018: requests of REST only */
    ROOST_BAD_JSON = 1013,
    ROOST_NO_SUCH_PATH = 1014,
    ROOST_BAD_METHOD = 1015,
    ROOST_WRONG_HOST = 1016,
    ROOST_WRONG_ORIGIN = 1017,
    ROOST_BAD_MEDIA_TYPE = 1018,
    /* 2xxx: who you are */
    ROOST_BAD_NAME = 2001,
    ROOST_BAD_CREDENTIALS = 2002,
    ROOST_NOT_ALLOWED = 2003,
    ROOST_NO_CREDENTIALS = 2004,
    ROOST_NAME_TAKEN = 2005,
    ROOST_LOCKED_OUT = 2006,
    ROOST_ACCOUNT_BANNED = 2007,
    ROOST_ACCOUNT_INACTIVE = 2008,
    ROOST_NO_SUCH_USER = 2009,
    ROOST_BAD_PASSWORD = 2010,
    ROOST_NO_SUCH_KEY = 2020,
    ROOST_BAD_KEY = 2021,
    ROOST_KEY_TAKEN = 2022,
    ROOST_KEY_NOT_ENROLLED = 2023,
    ROOST_KEY_REVOKED = 2024,
    ROOST_KEY_OF_ANOTHER = 2025,
    ROOST_BAD_CODE = 2026,
    /* 3xxx: where to */
    ROOST_NO_SUCH_PEER = 3001,
    ROOST_NO_SUCH_SCOPE = 3002,
    ROOST_BAD_SCOPE = 3003,
    ROOST_NO_SUCH_CONSUMER = 3004,
    ROOST_NO_SUCH_MESSAGE = 3005,
    ROOST_NO_SUCH_INVITATION = 3006,
    /* 4xxx: too much */
    ROOST_TOO_LARGE = 4001,
    ROOST_TOO_MANY_ENTRIES = 4002,
    ROOST_TOO_MANY = 4003,
    ROOST_FRAME_TOO_LARGE = 4004,
    ROOST_RATE_LIMITED = 4005,
    ROOST_MAILBOX_FULL = 4006,
    ROOST_SHARE_FULL = 4007,
    ROOST_TOO_MANY_ROOMS = 4008,
    ROOST_TOO_MANY_SESSIONS = 4009,
    ROOST_TOO_MANY_CONNECTIONS = 4010,
    /* 5xxx: state of a message, a peer or a room */
    ROOST_STALE_LEASE = 5001,
    ROOST_DUPLICATE = 5002, /* stored already by an earlier send with the same id: a success */
    ROOST_TOO_LATE = 5003,
    ROOST_EXPIRED = 5004,
    ROOST_TAKEN_OVER = 5005, /* another session attached to the same consumer */
    ROOST_MAX_ATTEMPTS = 5006,
    ROOST_REJECTED = 5007,
    ROOST_CANCELLED = 5008,
    ROOST_DAMAGED = 5009,
    ROOST_ATTACHED_ALREADY = 5010,
    ROOST_PEER_IN_USE = 5011,
    ROOST_NOT_MEMBER = 5012,
    ROOST_ALREADY_MEMBER = 5013,
    ROOST_ALREADY_INVITED = 5014,
    ROOST_LAST_OWNER = 5015,
    ROOST_RESERVED_NAME = 5016,
    ROOST_ROOM_ARCHIVED = 5017,
    ROOST_ROOM_BANNED = 5018,
    ROOST_DELETED = 5019,
    ROOST_EXISTS = 5020,
    /* 6xxx: state of the broker */
    ROOST_BUSY = 6001, /* also: the limits of this session are reached (roost_send) */
    ROOST_DISK_FULL = 6002,
    ROOST_STORAGE = 6003,
    ROOST_STOPPING = 6004,
    ROOST_TIMEOUT = 6005, /* also: the timeout of a call passed */
    ROOST_INTERNAL = 6006,
    /* 7xxx: this library */
    ROOST_EMPTY = 7001,        /* nothing is there now (timeout 0) */
    ROOST_USAGE = 7002,        /* an argument is missing or outside its range */
    ROOST_NO_MEMORY = 7003,    /* no memory, descriptors or threads left */
    ROOST_WRONG_THREAD = 7004, /* a call that waits, from inside a callback */
    ROOST_CLOSING = 7005,      /* the session or consumer is being closed */
    ROOST_SETTLED_ALREADY = 7006,
    ROOST_BAD_URL = 7007,
};

/* "DISK_FULL"; "UNKNOWN" for a number that this version does not know. Never NULL. */
const char *roost_error_name(enum roost_error error);

/* One sentence for a person. Never NULL; lives for ever. */
const char *roost_error_text(enum roost_error error);

/* The same request may succeed later. */
bool roost_error_is_retryable(enum roost_error error);

#ifdef __cplusplus
}
#endif

#endif
