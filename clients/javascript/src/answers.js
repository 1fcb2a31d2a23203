// SPDX-License-Identifier: MPL-2.0
/**
 * What deliveries, receipts and queries give, as plain data: names are text, ids the text of a
 * UUID, enumerations words, bodies and other bytes Buffers. Reads messages of the schema that
 * schema.js has decoded; owns no state.
 */
import { InvitationStatus, Kind, Level, Privacy, Role, RoomRole, wordOf } from './enums.js';
import { idText, idTexts } from './ids.js';

/** Content type of the message that brings an invitation. */
export const INVITATION_TYPE = 'application/x-roost-invitation';

/** Fields that are bytes to applications, too. */
const BYTES = new Set(['body', 'key', 'correlationId', 'hash', 'value']);
const IDS = new Set(['messageId', 'parentId', 'invitationId']);

/** A plain object of the same fields; bytes that are names become text. */
function plain(source) {
    const result = {};
    for (const [name, value] of Object.entries(source)) {
        if (!(value instanceof Uint8Array) || BYTES.has(name))
            result[name] = value;
        else
            result[name] = IDS.has(name) ? idText(value) : text(value);
    }
    return result;
}

function text(bytes) {
    return bytes.length === 0 ? '' : bytes.toString();
}

/** A stored message. */
export class Message {
    /** The body as text. */
    get text() {
        return this.body.toString();
    }
}

/**
 * @param {any} delivery of the schema
 * @param {string} [scope] where it was delivered
 * @returns {any}
 */
export function messageOf(delivery, scope = '') {
    const { redelivered, senderUnverified, headers, reactions, ...rest } = delivery;
    return Object.assign(new Message(), plain(rest), {
        kind: wordOf(Kind, delivery.kind),
        scope: text(delivery.scope) || scope,
        headers: headers.map(({ name, value }) => [text(name), value]),
        isRedelivered: redelivered,
        isSenderUnverified: senderUnverified,
        reactions: reactions.map(plain),
    });
}

/** The receipts in a RECEIPT; levels this version does not know are left out. */
export function receiptsOf({ entries }) {
    return entries.filter(({ level }) => typeof wordOf(Level, level) === 'string')
        .map(({ messageIds, ...rest }) => ({
            ...plain(rest), level: wordOf(Level, rest.level), messageIds: idTexts(messageIds) }));
}

export function presenceOf(event) {
    return plain(event);
}

function invitation(source) {
    return { ...plain(source), status: wordOf(InvitationStatus, source.status) };
}

/**
 * @param {any} message
 * @param {(name: string, bytes: Uint8Array) => any} decode of schema.js
 * @returns {any} the invitation that the broker put into our mailbox as this message, if it is one
 */
export function invitationIn(message, decode) {
    if (message.kind !== 'system' || message.contentType !== INVITATION_TYPE)
        return undefined;
    const source = decode('Invitation', message.body);
    return source && invitation(source);
}

/** How to read the lists of RESULT, by their names. */
const READERS = {
    messages: (source) => messageOf(source),
    peers: (source) => ({ ...plain(source), addresses: source.addresses.map(plain) }),
    unread: plain,
    consumers: plain,
    dead: ({ message, ...rest }) =>
        ({ ...plain(rest), message: messageOf(message, text(rest.scope)) }),
    steps: plain,
    counters: plain,
    events: presenceOf,
    rooms: (source) => ({ ...plain(source), privacy: wordOf(Privacy, source.privacy),
        myRole: wordOf(RoomRole, source.myRole) }),
    members: (source) => ({ ...plain(source), role: wordOf(RoomRole, source.role) }),
    invitations: invitation,
    users: (source) => ({ ...plain(source), role: wordOf(Role, source.role) }),
    sessions: plain,
    audit: plain,
    acl: plain,
    keys: plain,
};

/**
 * The page in an answer to a query.
 * @param {{results: any[], fin: any}} answer
 * @param {string} field the list of RESULT that the query fills
 */
export function pageOf({ results, fin }, field) {
    const read = READERS[field] ?? plain;   // a list of a newer schema: its fields as they are
    const listOf = (result) => {
        if (!Array.isArray(result[field]))
            throw new TypeError(`RESULT has no list ${JSON.stringify(field)}`);
        return result[field];
    };
    return {
        items: results.flatMap((result) => listOf(result).map((row) => read(row))),
        hasMore: fin.hasMore, nextSeq: fin.nextSeq, nextName: text(fin.nextName),
    };
}
