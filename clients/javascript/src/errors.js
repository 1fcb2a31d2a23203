// SPDX-License-Identifier: MPL-2.0
/**
 * What applications catch: RoostError and its kinds, and the table of codes.
 *
 * The table repeats actors/rt/err.def of the repository (docs/ERRORS.md has the sentences); a test
 * compares the two. Codes are stable, texts are for people and may change.
 */

/** Code of each error by its name. */
export const Code = Object.freeze({
    PROTOCOL: 1000,
    BAD_SIGNATURE: 1001,
    BAD_VERSION: 1002,
    BAD_TYPE: 1003,
    BAD_ENCODING: 1004,
    BAD_FIELD: 1005,
    MISSING_FIELD: 1006,
    MULTIPART: 1007,
    NO_SESSION: 1008,
    SEQUENCE_GAP: 1009,
    CREDIT_EXCEEDED: 1010,
    UNKNOWN_CALL: 1011,
    BAD_HTTP: 1012,
    BAD_JSON: 1013,
    NO_SUCH_PATH: 1014,
    BAD_METHOD: 1015,
    WRONG_HOST: 1016,
    WRONG_ORIGIN: 1017,
    BAD_MEDIA_TYPE: 1018,
    BAD_NAME: 2001,
    BAD_CREDENTIALS: 2002,
    NOT_ALLOWED: 2003,
    NO_CREDENTIALS: 2004,
    NAME_TAKEN: 2005,
    LOCKED_OUT: 2006,
    ACCOUNT_BANNED: 2007,
    ACCOUNT_INACTIVE: 2008,
    NO_SUCH_USER: 2009,
    BAD_PASSWORD: 2010,
    NO_SUCH_KEY: 2020,
    BAD_KEY: 2021,
    KEY_TAKEN: 2022,
    KEY_NOT_ENROLLED: 2023,
    KEY_REVOKED: 2024,
    KEY_OF_ANOTHER: 2025,
    BAD_CODE: 2026,
    NO_SUCH_PEER: 3001,
    NO_SUCH_SCOPE: 3002,
    BAD_SCOPE: 3003,
    NO_SUCH_CONSUMER: 3004,
    NO_SUCH_MESSAGE: 3005,
    NO_SUCH_INVITATION: 3006,
    TOO_LARGE: 4001,
    TOO_MANY_ENTRIES: 4002,
    TOO_MANY: 4003,
    FRAME_TOO_LARGE: 4004,
    RATE_LIMITED: 4005,
    MAILBOX_FULL: 4006,
    SHARE_FULL: 4007,
    TOO_MANY_ROOMS: 4008,
    TOO_MANY_SESSIONS: 4009,
    TOO_MANY_CONNECTIONS: 4010,
    STALE_LEASE: 5001,
    DUPLICATE: 5002,
    TOO_LATE: 5003,
    EXPIRED: 5004,
    TAKEN_OVER: 5005,
    MAX_ATTEMPTS: 5006,
    REJECTED: 5007,
    CANCELLED: 5008,
    DAMAGED: 5009,
    ATTACHED_ALREADY: 5010,
    PEER_IN_USE: 5011,
    NOT_MEMBER: 5012,
    ALREADY_MEMBER: 5013,
    ALREADY_INVITED: 5014,
    LAST_OWNER: 5015,
    RESERVED_NAME: 5016,
    ROOM_ARCHIVED: 5017,
    ROOM_BANNED: 5018,
    DELETED: 5019,
    EXISTS: 5020,
    BUSY: 6001,
    DISK_FULL: 6002,
    STORAGE: 6003,
    STOPPING: 6004,
    TIMEOUT: 6005,
    INTERNAL: 6006,
    LOCKED: 6101,
    NEWER_SCHEMA: 6102,
    NOT_OUR_FILE: 6103,
    CORRUPT: 6104,
    CONFIG: 6105,
    ADDRESS: 6106,
    UNSAFE_LISTENER: 6107,
});

const NAMES = new Map(Object.entries(Code).map(([name, code]) => [code, name]));
const RETRYABLE = new Set(
    [Code.NO_SESSION, Code.SEQUENCE_GAP, Code.CREDIT_EXCEEDED, Code.LOCKED_OUT, Code.RATE_LIMITED,
        Code.MAILBOX_FULL, Code.SHARE_FULL, Code.TOO_MANY_SESSIONS, Code.TOO_MANY_CONNECTIONS]);

/**
 * The broker refused something.
 *
 *     error.code         5002, stable
 *     error.name         "DUPLICATE"; "E" and the number for a code this version does not know
 *     error.text         for people
 *     error.retryable    the same may succeed later
 */
export class RoostError extends Error {
    /**
     * @param {number} code
     * @param {string} [text]
     */
    constructor(code, text = '') {
        super(text ? `${code}: ${text}` : String(code));
        this.code = code;
        this.name = NAMES.get(code) ?? `E${code}`;
        this.text = text;
        this.retryable = RETRYABLE.has(code) || (code >= 6000 && code < 6100);
    }
}

/** No answer in time. What was asked may or may not have been done. */
export class RoostTimeout extends RoostError {
    /** @param {string} text */
    constructor(text) {
        super(Code.TIMEOUT, text);
    }
}

/** The client, or the inbox, was closed. */
export class RoostClosed extends RoostError {
    /** @param {string} [text] */
    constructor(text = 'the client is closed') {
        super(Code.STOPPING, text);
    }
}
